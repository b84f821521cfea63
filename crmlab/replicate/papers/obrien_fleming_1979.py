"""The boundary that is far away early and near the usual one at the end."""

from collections.abc import Iterator

from crmlab.collect import peeking
from crmlab.replicate import Row, case

PRINTED = {3: ["3.471", "2.454", "2.004"], 5: ["4.562", "3.226", "2.634", "2.281", "2.040"]}
LAST = {2: "1.977", 4: "2.024", 6: "2.053", 8: "2.072", 10: "2.087"}


@case(
    "O'Brien, P. C. and Fleming, T. R. (1979), A multiple testing procedure for clinical trials, Biometrics "
    "35(3), 549–556, doi:10.2307/2530245; the exact constants in Jennison, C. and Turnbull, B. W. (2000), "
    "Group Sequential Methods with Applications to Clinical Trials, Chapman & Hall",
    data="numbers of looks",
    data_class="typed-in table",
)
def obrien_fleming_1979() -> Iterator[Row]:
    """Yield the boundary in standard errors, 5 per cent false finds."""
    for looks, constants in PRINTED.items():
        found = peeking(looks, "obrien_fleming")["boundary"]
        for look, printed in enumerate(constants, start=1):
            where = "boundaries for equal steps, as notes of other authors quote them"
            quantity = f"boundary at look {look} of {looks}"
            yield Row(quantity, printed, float(found[look]), where, "quoted elsewhere")
    for looks, printed in LAST.items():
        ours = float(peeking(looks, "obrien_fleming")["boundary"].iloc[-1])
        where = "Jennison & Turnbull, Table 2.3, column of 5 per cent"
        yield Row(f"boundary at the last of {looks} looks", printed, ours, where, "from memory")
