"""The run length of a chart of sums by a Markov chain, as a journal prints it."""

from collections.abc import Iterator

from crmlab._charts import Cusum
from crmlab.replicate import Row, case


@case(
    "Brook, D. and Evans, D. A. (1972), An approach to the probability distribution of cusum run length, "
    "Biometrika 59(3), 539–549, doi:10.1093/biomet/59.3.539",
    data="parameters of charts",
    data_class="typed-in table",
)
def brook_evans_1972() -> Iterator[Row]:
    """Yield the average run lengths on one side, allowance .5, limit 3."""
    where, seen = "section 4.3, as the help of R's spc 0.6.7 quotes it", "quoted elsewhere"
    chart = Cusum(0.5, "high")
    reason = "the paper's chain of states is rougher than the integral equation; spc gives ours, 117.60"
    yield Row(
        "run length, no shift",
        "117.59",
        chart.average_run_length(3),
        where,
        seen,
        tolerance=0.01,
        reason=reason,
    )
    yield Row("run length, shift 1.5", "3.75", chart.average_run_length(3, 1.5), where, seen)
