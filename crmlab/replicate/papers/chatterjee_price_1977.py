"""Alpha of seven questions about supervisors, as R's psych prints it."""

from collections.abc import Iterator

from crmlab import datasets, survey
from crmlab.replicate import Row, case


@case(
    "Chatterjee, S. and Price, B. (1977), Regression Analysis by Example, Wiley; alpha in Revelle, W., R "
    "package psych, doi:10.32614/CRAN.package.psych",
    data="attitude",
    data_class="authors'",
)
def chatterjee_price_1977() -> Iterator[Row]:
    """Yield Cronbach's alpha of the seven shares."""
    ours = survey.reliability(datasets.load("attitude")).loc["alpha", "estimate"]
    where = "R package psych, help of alpha: alpha(attitude), to four digits"
    yield Row("attitude raw alpha", ".8431", ours, where, "reference output seen")
