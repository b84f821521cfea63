"""Wilson's interval for one share."""

from collections.abc import Iterator

from crmlab._intervals import wilson
from crmlab.replicate import Row, case

SHARES = {  # count and n; both ends as printed
    (81, 263): (".2553", ".3662"),
    (15, 148): (".0624", ".1605"),
    (0, 20): (".0000", ".1611"),
    (1, 29): (".0061", ".1718"),
}


@case(
    "Newcombe, R. G. (1998), Two-sided confidence intervals for the single proportion: comparison of seven "
    "methods, Statistics in Medicine 17(8), 857–872, "
    "doi:10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E",
    data="the counts alone",
    data_class="typed-in table",
)
def newcombe_1998_shares() -> Iterator[Row]:
    """Yield both ends of Wilson's interval for the paper's four examples."""
    where = "table I, method 3, as tests of other packages quote it"
    for (count, n), printed in SHARES.items():
        for end, ours, value in zip(("low", "high"), wilson(count, n), printed, strict=True):
            yield Row(f"Wilson {count}/{n}, {end} end", value, float(ours), where, "quoted elsewhere")
