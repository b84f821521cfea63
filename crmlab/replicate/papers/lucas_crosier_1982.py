"""How long a chart of sums takes until its alarm, as a journal prints it."""

from collections.abc import Iterator

from crmlab._charts import Cusum
from crmlab.replicate import Row, case

PRINTED = {0: "168.", 0.25: "74.2", 0.5: "26.6", 0.75: "13.3", 1: "8.38", 1.5: "4.75", 2: "3.34", 3: "2.19"}


@case(
    "Lucas, J. M. and Crosier, R. B. (1982), Fast initial response for CUSUM quality-control schemes: give "
    "your CUSUM a head start, Technometrics 24(3), 199–205, doi:10.1080/00401706.1982.10487759",
    data="parameters of charts",
    data_class="typed-in table",
)
def lucas_crosier_1982() -> Iterator[Row]:
    """Yield the average run lengths of both sides, allowance .5, limit 4, without a head start."""
    for shift, printed in PRINTED.items():
        ours = Cusum(0.5).average_run_length(4, shift)
        where = "Table 1, as the help of R's spc 0.6.7 quotes it; spc gives ours"
        yield Row(f"run length, shift {shift:g}", printed, ours, where, "quoted elsewhere")
