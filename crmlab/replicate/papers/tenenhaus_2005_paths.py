"""The European Customer Satisfaction Index on answers as they were given, not brought to one spread."""

from collections.abc import Iterator

from crmlab import datasets, survey
from crmlab.replicate import Row, case
from crmlab.replicate.papers.ringle_wende_will_2005 import PATHS, blocks

SLOPES = {"Image": ".153", "Expectation": ".037", "Quality": ".544", "Value": ".200"}
EXPLAINED = {
    "Expectation": ".243", "Quality": ".297", "Value": ".335", "Satisfaction": ".672", "Complaints": ".292",
    "Loyalty": ".432",
}  # fmt: skip


@case(
    "Tenenhaus, M., Esposito Vinzi, V., Chatelin, Y.-M. and Lauro, C. (2005), PLS path modeling, "
    "Computational Statistics & Data Analysis 48(1), 159–205, doi:10.1016/j.csda.2004.03.005",
    data="mobi",
    data_class="authors'",
)
def tenenhaus_2005_paths() -> Iterator[Row]:
    """Yield what satisfaction hangs on, and what each block's causes explain."""
    model = survey.PathModel(datasets.load("mobi"), blocks(), PATHS, scheme="centroid", standardised=False)
    fit, where = model.fit(), "results of the mobile phone model, raw items, Mode A, centroid scheme"
    for cause, text in SLOPES.items():
        yield Row(
            f"{cause} -> Satisfaction", text, fit.params[f"{cause} -> Satisfaction"], where, "from memory"
        )
    for block, text in EXPLAINED.items():
        yield Row(f"{block} R²", text, fit.r_squared().loc[block, "r_squared"], where, "from memory")
