"""Limits for a chart of running averages, as a journal prints them."""

from collections.abc import Iterator

from crmlab._charts import Ewma
from crmlab.replicate import Row, case

PRINTED = {0.05: "2.32", 0.1: "2.55", 0.15: "2.65", 0.2: "2.72", 0.25: "2.76"}


@case(
    "Crowder, S. V. (1989), Design of exponentially weighted moving average schemes, Journal of Quality "
    "Technology 21(3), 155–162, doi:10.1080/00224065.1989.11979164",
    data="parameters of charts",
    data_class="typed-in table",
)
def crowder_1989() -> Iterator[Row]:
    """Yield the limits with which a false alarm takes 250 periods."""
    for weight, printed in PRINTED.items():
        where = "limits for 250, as the help of R's spc 0.6.7 quotes them; spc gives ours"
        yield Row(
            f"limit, weight {weight:g}", printed, Ewma(weight).limit_for(250), where, "quoted elsewhere"
        )
