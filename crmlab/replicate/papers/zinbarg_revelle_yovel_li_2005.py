"""Alpha and the omegas of nine tests of ability, as R's psych prints them."""

from collections.abc import Iterator

from crmlab import datasets, survey
from crmlab.replicate import Row, case

PRINTED = {"omega_hierarchical": ".74", "alpha": ".89", "lambda_6": ".91", "omega_total": ".93"}


@case(
    "Zinbarg, R. E., Revelle, W., Yovel, I. and Li, W. (2005), Cronbach's α, Revelle's β, and McDonald's "
    "ω_H: their relations with each other and two alternative conceptualizations of reliability, "
    "Psychometrika 70(1), 123–133, doi:10.1007/s11336-003-0974-7",
    data="thurstone",
    data_class="authors'",
)
def zinbarg_revelle_yovel_li_2005() -> Iterator[Row]:
    """Yield the four coefficients that omega() prints for Thurstone's tests with three factors."""
    tests = datasets.load("thurstone").set_index("test")
    ours = survey.reliability(covariance=tests, factors=3)["estimate"]
    for name, printed in PRINTED.items():
        where = "R package psych, vignette on omega: omega(Thurstone, 3)"
        yield Row(f"Thurstone {name.replace('_', ' ')}", printed, ours[name], where, "reference output seen")
