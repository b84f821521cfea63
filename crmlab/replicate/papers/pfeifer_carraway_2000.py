"""Customer relationships as Markov chains: by how long ago the last purchase was."""

from collections.abc import Iterator
from functools import partial

import numpy as np
import pandas as pd

from crmlab import value
from crmlab.replicate import Row, case


def chain(*buys: float) -> value.StageChain:
    """Return the chain where who bought 1, 2, … periods ago buys now with these probabilities."""
    last = len(buys)
    stages = [*map(str, range(1, last + 1)), "left"]
    matrix = np.diag(1 - np.array(buys), k=1)
    matrix[:last, 0] = buys
    matrix[last, last] = 1
    return value.StageChain.from_matrix(pd.DataFrame(matrix, stages, stages))


@case(
    "Pfeifer, P. E. and Carraway, R. L. (2000), Modeling customer relationships as Markov chains, Journal of "
    "Interactive Marketing 14(2), 43–55, doi:10.1002/(SICI)1520-6653(200021)14:2%3C43::AID-DIR4%3E3.0.CO;2-H",
    data="the matrices alone",
    data_class="typed-in table",
)
def pfeifer_carraway_2000() -> Iterator[Row]:
    """Yield values by recency, for ever and to a horizon, as an implementation of the paper has them."""
    where = "phpOMS (PHP), tests/Business/Marketing/MetricsTest.php, its examples; p = {}"
    row = partial(Row, source_checked="reference output seen")
    forever = chain(0.5, 0.2, 0.1).value({"1": 100, "2": 0, "3": 0}, discount=0.1)
    for recency, printed in {"1": "231.08", "2": "57.29", "3": "21.01"}.items():
        ours = forever[recency]
        yield row(f"value for ever at recency {recency}", printed, ours, where.format(".5 .2 .1; 10 %"))

    where = where.format(".3 .2 .05")
    matrix = chain(0.3, 0.2, 0.05).matrix.to_numpy()
    powers = np.array([np.linalg.matrix_power(matrix, periods) for periods in range(5)]).round(12)
    stages = ("recency 1", "recency 2", "recency 3", "left")
    for stage, printed, share in zip(stages, (".0823", ".0973", ".1288", ".6916"), powers[4, 0], strict=True):
        yield row(f"from recency 1 to {stage} in 4 periods", printed, share, where)
    where += "; 20 %, contributions 36 −4 −4; by powers of the matrix"
    worth = 1.2 ** -np.arange(5.0) @ (powers @ [36, -4, -4, 0])
    for stage, printed, ours in zip(stages, ("49.4", "2.69", "-1.98"), worth, strict=False):
        yield row(f"value over 4 periods at {stage}", printed, ours, where)
