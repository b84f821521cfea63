"""Shares of R² of fertility in Swiss provinces, as relaimpo gives them."""

from collections.abc import Iterator

from crmlab import datasets, survey
from crmlab.replicate import Row, case

LMG = {
    "agriculture": ".05709", "examination": ".17117", "education": ".26013", "catholic": ".10557",
    "infant_mortality": ".11277",
}  # fmt: skip


@case(
    "Grömping, U. (2006), Relative importance for linear regression in R: the package relaimpo, Journal of "
    "Statistical Software 17(1), doi:10.18637/jss.v017.i01",
    data="swiss",
    data_class="authors'",
)
def gromping_2006() -> Iterator[Row]:
    """Yield the five shares and the R² that they add up to."""
    ours = survey.drivers(datasets.load("swiss"), "fertility", list(LMG), draws=0)["lmg"]
    where = "output of relaimpo's calc.relimp(type = 'lmg') for Fertility on all others"
    for predictor, printed in LMG.items():
        yield Row(f"LMG share of {predictor}", printed, ours[predictor], where, "reference output seen")
    yield Row("R² of fertility on five predictors", ".70674", ours.sum(), where, "reference output seen")
