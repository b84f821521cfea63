"""A rule among groceries, as an R package finds it."""

from collections.abc import Iterator

from crmlab import network
from crmlab.replicate import Row, case


@case(
    "Hahsler, M., Grün, B. and Hornik, K. (2005), arules: a computational environment for mining association "
    "rules and frequent item sets, Journal of Statistical Software 14(15), doi:10.18637/jss.v014.i15: the R "
    "package, on its groceries",
    data="groceries: of 9,835 baskets R counts 19 with both sides, 792 with the right one and 21 with the "
    "left one (its coverage .002135231)",
    data_class="typed-in table",
)
def hahsler_grun_hornik_2005() -> Iterator[Row]:
    """Yield support, confidence and lift of {liquor, red/blush wine} → {bottled beer}."""
    rule = network.lift(both=19, left=21, right=792, n=9_835).iloc[0]
    where, source = (
        "apriori at support .001 and confidence .8, {liquor, red/blush wine} → {bottled beer}",
        "reference output seen",
    )
    yield Row("support", "0.001931876", rule["support"], where, source)
    yield Row("confidence", "0.9047619", rule["confidence"], where, source)
    yield Row("lift", "11.23527", rule["lift"], where, source)
