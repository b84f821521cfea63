"""Johnson's relative weights of fuel consumption, as other implementations give them."""

from collections.abc import Iterator

from crmlab import datasets, survey
from crmlab.replicate import Row, case

WEIGHTS = {"cyl": ".22848", "disp": ".22215", "hp": ".23217", "gear": ".09639"}


@case(
    "Johnson, J. W. (2000), A heuristic method for estimating the relative weight of predictor variables in "
    "multiple regression, Multivariate Behavioral Research 35(1), 1–19, doi:10.1207/S15327906MBR3501_1",
    data="mtcars",
    data_class="authors'",
)
def johnson_2000() -> Iterator[Row]:
    """Yield four weights and the R² that they add up to."""
    ours = survey.drivers(datasets.load("mtcars"), "mpg", list(WEIGHTS), draws=0)["johnson"]
    where = (
        "no table of the paper: relative weights of mpg ~ cyl + disp + hp + gear; Python's relativeImp 0.0.2"
    )
    for predictor, printed in WEIGHTS.items():
        yield Row(f"relative weight of {predictor}", printed, ours[predictor], where, "reference output seen")
    yield Row("R² of fuel consumption", ".77919", ours.sum(), where, "reference output seen")
