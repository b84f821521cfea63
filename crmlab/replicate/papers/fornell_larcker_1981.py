"""Composite reliability, by two definitions."""

from collections.abc import Iterator

from crmlab import datasets, survey
from crmlab.replicate import Row, case
from crmlab.replicate.papers.rosseel_2012 import SEEN, TESTS

RELIABILITY = {
    "composite_reliability": (".626", ".885", ".691"),
    "composite_reliability_raw": (".612", ".885", ".686"),
}


@case(
    "Fornell, C. and Larcker, D. F. (1981), Evaluating structural equation models with unobservable "
    "variables and measurement error, Journal of Marketing Research 18(1), 39–50, doi:10.2307/3151312",
    data="holzinger",
    data_class="authors'",
)
def fornell_larcker_1981() -> Iterator[Row]:
    """Yield composite reliability by two definitions, which differ in the second digit."""
    table = survey.MeasurementModel(datasets.load("holzinger"), TESTS).fit().validity()
    meant = {
        "composite_reliability": "from standardised loadings",
        "composite_reliability_raw": "of the variance of the plain sum as it was found, semTools' omega3",
    }
    for name, printed in RELIABILITY.items():
        for factor, text in zip(TESTS, printed, strict=True):
            yield Row(f"{factor} {name}", text, table.loc[factor, name], meant[name], SEEN)
