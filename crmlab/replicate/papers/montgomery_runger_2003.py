"""A chart of individual values, as a textbook prints it."""

from collections.abc import Iterator

import pandas as pd

from crmlab._charts import control_chart, moving_range
from crmlab.replicate import Row, case

CONCENTRATION = [102.0, 94.8, 98.3, 98.4, 102.0, 98.5, 99.0, 97.7, 100.0, 98.1,
                 101.3, 98.7, 101.1, 98.4, 97.0, 96.7, 100.3, 101.4, 97.2, 101.0]  # fmt: skip


@case(
    "Montgomery, D. C. and Runger, G. C. (2003), Applied Statistics and Probability for Engineers, 3rd ed., "
    "www.wiley.com",
    data="20 concentrations of a chemical process",
    data_class="typed-in table",
)
def montgomery_runger_2003() -> Iterator[Row]:
    """Yield centre line, mean moving range and limits of example 16-2."""
    chart = control_chart(pd.Series(CONCENTRATION)).iloc[0]
    where, seen = "table 16-3 and example 16-2, p. 617", "page seen"
    yield Row("centre line", "99.1", chart["centre"], where, seen)
    yield Row("mean moving range", "2.59", moving_range(CONCENTRATION), where, seen)
    reason = "the book goes on with the rounded 99.1 and 2.59"
    yield Row("upper limit", "105.99", chart["high"], where, seen, tolerance=0.015, reason=reason)
    yield Row("lower limit", "92.21", chart["low"], where, seen)
