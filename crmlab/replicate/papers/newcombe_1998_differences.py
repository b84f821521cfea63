"""The interval that Newcombe made of two of Wilson's."""

from collections.abc import Iterator

from crmlab._intervals import newcombe
from crmlab.replicate import Row, case

DIFFERENCES = {  # counts and n of both shares; both ends as printed
    (56, 70, 48, 80): (".0524", ".3339"),
    (9, 10, 3, 10): (".1705", ".8090"),
    (6, 7, 2, 7): (".0582", ".8062"),
    (5, 56, 0, 29): ("-.0381", ".1926"),
    (0, 10, 0, 20): ("-.1611", ".2775"),
    (0, 10, 0, 10): ("-.2775", ".2775"),
    (10, 10, 0, 20): (".6791", "1.0000"),
}


@case(
    "Newcombe, R. G. (1998), Interval estimation for the difference between independent proportions: "
    "comparison of eleven methods, Statistics in Medicine 17(8), 873–890, "
    "doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I",
    data="the counts alone",
    data_class="typed-in table",
)
def newcombe_1998_differences() -> Iterator[Row]:
    """Yield both ends for the paper's contrasts (a) to (g)."""
    where = "table II, method 10, as tests of other packages quote it"
    for (one, n, other, m), printed in DIFFERENCES.items():
        ends = newcombe((one, n), (other, m))
        for end, ours, value in zip(("low", "high"), ends, printed, strict=True):
            quantity = f"{one}/{n} less {other}/{m}, {end} end"
            yield Row(quantity, value, float(ours), where, "quoted elsewhere")
