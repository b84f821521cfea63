"""A chart of individual values, as a handbook prints it."""

from collections.abc import Iterator

import pandas as pd

from crmlab._charts import control_chart, moving_range
from crmlab.replicate import Row, case

FLOWRATE = [49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1]


@case(
    "NIST/SEMATECH (2012), e-Handbook of Statistical Methods, section 6.3.2.2, doi:10.18434/M32189",
    data="10 flow rates",
    data_class="typed-in table",
)
def nist_2012() -> Iterator[Row]:
    """Yield centre line, mean moving range and limits of the example."""
    chart = control_chart(pd.Series(FLOWRATE)).iloc[0]
    where, quoted = "example, as another package's tests quote the page", "quoted elsewhere"
    yield Row("centre line", "50.81", chart["centre"], where, quoted)
    yield Row("mean moving range", "1.8778", moving_range(FLOWRATE), where, quoted)
    reason = "the handbook divides by 1.128, and 2/√π is 1.12838"
    for end, printed in (("high", "55.8041"), ("low", "45.8159")):
        yield Row(f"limit, {end}", printed, chart[end], where, quoted, tolerance=0.002, reason=reason)
