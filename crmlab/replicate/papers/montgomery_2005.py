"""A chart of shares, as a textbook prints it."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from crmlab import survey
from crmlab.replicate import Row, case

FAULTY = [12, 15, 8, 10, 4, 7, 16, 9, 14, 10, 5, 6, 17, 12, 22,
          8, 10, 5, 13, 11, 20, 18, 24, 15, 9, 12, 7, 13, 9, 6]  # fmt: skip


@case(
    "Montgomery, D. C. (2005), Introduction to Statistical Quality Control, 5th ed., www.wiley.com",
    data="faulty cans of orange juice among 50, in 30 samples",
    data_class="typed-in table",
)
def montgomery_2005() -> Iterator[Row]:
    """Yield centre line and limits of the first chart of the example."""
    cans = pd.DataFrame({"faulty": np.concatenate([np.arange(50) < count for count in FAULTY]).astype(int)})
    cans["day"] = np.repeat(pd.date_range("2000-01-01", periods=30, freq="MS"), 50)
    chart = survey.control_chart(cans, "faulty", "day", "top box", scale=(0, 1), top=1).iloc[0]
    where, source = "example 6-1, trial limits", "from memory"
    yield Row("centre line", ".2313", chart["centre"], where, source)
    yield Row("upper limit", ".4102", chart["high"], where, source)
    yield Row("lower limit", ".0524", chart["low"], where, source)
