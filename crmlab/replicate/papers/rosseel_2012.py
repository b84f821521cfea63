"""Confirmatory factor analysis of nine tests of ability, and Bollen's model of political democracy."""

from collections.abc import Iterator

from crmlab import datasets, survey
from crmlab.replicate import Row, case

SEEN = "reference output seen"
TESTS = {"visual": ["x1", "x2", "x3"], "textual": ["x4", "x5", "x6"], "speed": ["x7", "x8", "x9"]}
FIT = {
    "chi_square": "85.306", "df": "24", "baseline_chi_square": "918.852", "cfi": ".931", "tli": ".896",
    "rmsea": ".092", "rmsea_low": ".071", "rmsea_high": ".114", "srmr": ".065",
}  # fmt: skip
CRITERIA = {"llf": "-3737.745", "aic": "7517.490", "bic": "7595.339"}
ESTIMATES = {
    "visual -> x2": (".554", ".100"), "visual -> x3": (".729", ".109"), "textual -> x5": ("1.113", ".065"),
    "textual -> x6": (".926", ".055"), "speed -> x8": ("1.180", ".165"), "speed -> x9": ("1.082", ".151"),
    "visual <-> textual": (".408", ".074"),
}  # fmt: skip
DEMOCRACY = {
    "ind60": ["x1", "x2", "x3"],
    "dem60": ["y1", "y2", "y3", "y4"],
    "dem65": ["y5", "y6", "y7", "y8"],
}
ERRORS = [("y1", "y5"), ("y2", "y4"), ("y2", "y6"), ("y3", "y7"), ("y4", "y8"), ("y6", "y8")]
PATHS = {"dem60": ["ind60"], "dem65": ["ind60", "dem60"]}
SLOPES = {
    "ind60 -> dem60": ("1.483", ".399"), "ind60 -> dem65": (".572", ".221"),
    "dem60 -> dem65": (".837", ".098"), "ind60 -> x2": ("2.180", ".139"), "dem60 -> y2": ("1.257", ".182"),
    "dem65 -> y8": ("1.266", ".158"), "y2 <-> y6": ("2.153", ".734"),
}  # fmt: skip


@case(
    "Rosseel, Y. (2012), lavaan: an R package for structural equation modeling, Journal of Statistical "
    "Software 48(2), 1–36, doi:10.18637/jss.v048.i02",
    data="holzinger, political_democracy",
    data_class="authors'",
)
def rosseel_2012() -> Iterator[Row]:
    """Yield fit, estimates and standard errors of both models."""
    fit = survey.MeasurementModel(datasets.load("holzinger"), TESTS).fit()
    where, measures = "three factors of nine tests; output of lavaan 0.6-14", fit.fit_measures()
    for name, printed in FIT.items():
        yield Row(f"nine tests {name}", printed, measures[name], f"{where}, fit", SEEN)
    for name, printed in CRITERIA.items():
        yield Row(f"nine tests {name}", printed, getattr(fit, name), f"{where}, fit", SEEN)
    yield from _estimates("nine tests", fit, ESTIMATES, where)
    data = datasets.load("political_democracy")
    fit = survey.MeasurementModel(data, DEMOCRACY, errors=ERRORS, paths=PATHS).fit()
    where = "political democracy; output of lavaan 0.6-14"
    yield Row("democracy chi-square", "38.125", fit.fit_measures()["chi_square"], f"{where}, fit", SEEN)
    yield from _estimates("democracy", fit, SLOPES, where)


def _estimates(
    model: str, fit: survey.MeasurementResults, printed: dict[str, tuple[str, str]], where: str
) -> Iterator[Row]:
    for name, (estimate, error) in printed.items():
        yield Row(f"{model} {name}", estimate, fit.params[name], f"{where}, estimates", SEEN)
        yield Row(f"{model} {name}, standard error", error, fit.bse[name], f"{where}, estimates", SEEN)
