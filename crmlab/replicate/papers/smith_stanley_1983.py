"""Two factors of six tests of ability, as R's factanal prints them."""

from collections.abc import Iterator

from crmlab import datasets, survey
from crmlab.replicate import Row, case

UNIQUE = {
    "general": ".455", "picture": ".589", "blocks": ".218", "maze": ".769", "reading": ".052", "vocab": ".334"
}  # fmt: skip


@case(
    "Smith, G. A. and Stanley, G. (1983), Clocking g: relating intelligence and measures of timed "
    "performance, Intelligence 7(4), 353–368, doi:10.1016/0160-2896(83)90010-7; by way of Bartholomew, D. J. "
    "(1987), Latent Variable Models and Factor Analysis, Griffin",
    data="ability_cov",
    data_class="authors'",
)
def smith_stanley_1983() -> Iterator[Row]:
    """Yield uniquenesses and the test of fit of two factors by maximum likelihood."""
    tests = datasets.load("ability_cov").set_index("test")
    fit = survey.explore(covariance=tests, factors=2, nobs=112)
    where = "R documentation of ability.cov: factanal(factors = 2, covmat = ability.cov)"
    for test, printed in UNIQUE.items():
        ours = fit.uniquenesses[test]
        yield Row(f"uniqueness of {test}", printed, ours, where, "reference output seen")
    yield Row("chi-square of two factors", "6.11", fit.chi2, where, "reference output seen")
    yield Row("degrees of freedom of two factors", "4", fit.df, where, "reference output seen")
