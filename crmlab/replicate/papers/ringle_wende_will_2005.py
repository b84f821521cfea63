"""SmartPLS on the European Customer Satisfaction Index: mobile phones, items standardised, two schemes."""

from collections.abc import Iterator

from crmlab import datasets, survey
from crmlab.replicate import Row, case
from crmlab.replicate.papers.tenenhaus_2005_alpha import BLOCKS

SEEN = "reference output seen"
PATHS = {
    "Expectation": ["Image"],
    "Quality": ["Expectation"],
    "Value": ["Expectation", "Quality"],
    "Satisfaction": ["Image", "Expectation", "Quality", "Value"],
    "Complaints": ["Satisfaction"],
    "Loyalty": ["Image", "Satisfaction", "Complaints"],
}
SLOPES = {
    "Image -> Expectation": (".50491393", ".50470564"),
    "Expectation -> Quality": (".55674896", ".55724786"),
    "Expectation -> Value": (".04998839", ".05078755"),
    "Quality -> Value": (".55830438", ".55721686"),
    "Image -> Satisfaction": (".17873950", ".17883348"),
    "Expectation -> Satisfaction": (".06252287", ".06442534"),
    "Quality -> Satisfaction": (".51202394", ".51254524"),
    "Value -> Satisfaction": (".19476510", ".19181566"),
    "Satisfaction -> Complaints": (".52806625", ".52609731"),
    "Image -> Loyalty": (".19575534", ".19535971"),
    "Satisfaction -> Loyalty": (".48547762", ".48347472"),
    "Complaints -> Loyalty": (".06692607", ".07123241"),
}
EXPLAINED = {
    "Expectation": ".2549", "Quality": ".3100", "Value": ".3453", "Satisfaction": ".6811",
    "Complaints": ".2789", "Loyalty": ".4569",
}  # fmt: skip
WORTH = {
    "Image": (".819", ".478"), "Expectation": (".733", ".480"), "Quality": (".905", ".577"),
    "Value": (".918", ".848"), "Satisfaction": (".871", ".693"), "Loyalty": (".722", ".517"),
}  # fmt: skip
LAST = "one unit of the eighth digit: it hangs on the step at which the search for the weights stops"


def blocks() -> dict[str, list[str]]:
    """Return the items of the seven blocks, causes before effects."""
    named = {name: [f"{stem}{i + 1}" for i in range(count)] for name, (stem, count, _) in BLOCKS.items()}
    loyalty = named.pop("Loyalty")
    return named | {"Complaints": ["CUSCO"], "Loyalty": loyalty}


@case(
    "Ringle, C. M., Wende, S. and Will, A. (2005), SmartPLS 2.0 (M3), Hamburg, www.smartpls.com",
    data="mobi",
    data_class="authors'",
)
def ringle_wende_will_2005() -> Iterator[Row]:
    """Yield paths by two schemes, what they explain, and what the scores are worth."""
    data, where = datasets.load("mobi"), "SmartPLS 2.0.M3, reference output for the mobile phone data, "
    fits = {
        scheme: survey.PathModel(data, blocks(), PATHS, scheme=scheme).fit()
        for scheme in ("path", "centroid")
    }
    for place, (scheme, fit) in enumerate(fits.items()):
        for path, printed in SLOPES.items():
            about = f"{where}scheme: {scheme}"
            yield Row(f"{path}, {scheme}", printed[place], fit.params[path], about, SEEN, "holds", 1e-8, LAST)
    fit, about = fits["path"], f"{where}scheme: path"
    for block, text in EXPLAINED.items():
        yield Row(f"{block} R²", text, fit.r_squared().loc[block, "r_squared"], about, SEEN)
    worth = fit.validity()
    for block, (reliability, ave) in WORTH.items():
        yield Row(
            f"{block} composite reliability",
            reliability,
            worth.loc[block, "composite_reliability"],
            about,
            SEEN,
        )
        yield Row(f"{block} AVE", ave, worth.loc[block, "ave"], about, SEEN)
    yield Row("GoF, which is no test of fit", ".4718", fit.goodness_of_fit(), about, SEEN)
