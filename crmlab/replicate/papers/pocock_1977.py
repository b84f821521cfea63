"""The boundary that is equally far away at each look."""

from collections.abc import Iterator

from crmlab.collect import peeking
from crmlab.replicate import Row, case

PRINTED = {  # by the chance of a false find: constants for two looks and more
    0.05: ["2.178", "2.289", "2.361", "2.413", "2.453", "2.485", "2.512", "2.535", "2.555"],
    0.01: ["2.772", "2.873", "2.939", "2.986", "3.023"],
}


@case(
    "Pocock, S. J. (1977), Group sequential methods in the design and analysis of clinical trials, "
    "Biometrika 64(2), 191–199, doi:10.1093/biomet/64.2.191",
    data="numbers of looks",
    data_class="typed-in table",
)
def pocock_1977() -> Iterator[Row]:
    """Yield the constants in standard errors."""
    where = "the table of constants, as code of other authors quotes it"
    for alpha, constants in PRINTED.items():
        for looks, printed in enumerate(constants, start=2):
            ours = float(peeking(looks, "pocock", alpha)["boundary"].iloc[0])
            quantity = f"boundary, {looks} looks, {alpha:.0%} false finds"
            yield Row(quantity, printed, ours, where, "quoted elsewhere")
