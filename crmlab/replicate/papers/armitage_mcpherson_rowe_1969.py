"""How often an experiment without an effect is stopped when one looks again and again."""

from collections.abc import Iterator

from crmlab.collect import peeking
from crmlab.replicate import Row, case

PRINTED = {2: ".083", 3: ".107", 4: ".126", 5: ".142", 10: ".193", 20: ".248", 50: ".320"}


@case(
    "Armitage, P., McPherson, C. K. and Rowe, B. C. (1969), Repeated significance tests on accumulating "
    "data, Journal of the Royal Statistical Society A 132(2), 235–244, doi:10.2307/2343787",
    data="numbers of looks",
    data_class="typed-in table",
)
def armitage_mcpherson_rowe_1969() -> Iterator[Row]:
    """Yield the chance to find something at 5 per cent in so many equal steps, where nothing is."""
    for looks, printed in PRINTED.items():
        ours = float(peeking(looks)["by_luck"].iloc[-1])
        where = "the normal case, as notes on peeking quote it (one of them prints .246 at 20 looks)"
        yield Row(f"chance of a false find, {looks} looks", printed, ours, where, "quoted elsewhere")
