"""How long a chart of running averages takes until its alarm, as a journal prints it."""

from collections.abc import Iterator

from crmlab._charts import Ewma
from crmlab.replicate import Row, case

PRINTED = {
    (0.5, 3.071): {0: "500.", 0.25: "255.", 0.5: "88.8", 1: "17.5", 2: "3.63", 4: "1.34"},
    (0.03, 2.437): {0: "500.", 0.25: "76.7", 0.5: "29.3", 1: "12.6", 2: "5.99", 4: "3.11"},
}


@case(
    "Lucas, J. M. and Saccucci, M. S. (1990), Exponentially weighted moving average control schemes: "
    "properties and enhancements, Technometrics 32(1), 1–12, doi:10.1080/00401706.1990.10484583",
    data="parameters of charts",
    data_class="typed-in table",
)
def lucas_saccucci_1990() -> Iterator[Row]:
    """Yield the average run lengths of both sides with fixed limits."""
    for (weight, limit), printed in PRINTED.items():
        for shift, length in printed.items():
            ours = Ewma(weight).average_run_length(limit, shift)
            where = "Table 3, as the help of R's spc 0.6.7 quotes it; spc gives ours"
            yield Row(
                f"run length, weight {weight:g}, shift {shift:g}", length, ours, where, "quoted elsewhere"
            )
