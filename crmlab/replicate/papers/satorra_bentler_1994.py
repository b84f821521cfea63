"""Chi-square and standard errors that do not rest on normal answers."""

from collections.abc import Iterator

from crmlab import datasets, survey
from crmlab.replicate import Row, case
from crmlab.replicate.papers.rosseel_2012 import SEEN, TESTS


@case(
    "Satorra, A. and Bentler, P. M. (1994), Corrections to test statistics and standard errors in covariance "
    "structure analysis, in von Eye and Clogg (eds), Latent Variables Analysis, Sage, 399–419; as estimator "
    "MLM of lavaan (Rosseel 2012), doi:10.18637/jss.v048.i02",
    data="holzinger",
    data_class="authors'",
)
def satorra_bentler_1994() -> Iterator[Row]:
    """Yield the scaled chi-square of the nine tests, its factor, and robust standard errors."""
    fit = survey.MeasurementModel(datasets.load("holzinger"), TESTS).fit(robust=True)
    where, measures = "output of lavaan 0.6-14, estimator MLM", fit.fit_measures()
    yield Row("scaled chi-square", "80.872", measures["chi_square_robust"], where, SEEN)
    yield Row("scaling factor", "1.055", measures["scaling"], where, SEEN)
    for name, printed in {"visual -> x2": ".103", "visual -> x3": ".115", "speed -> x9": ".132"}.items():
        yield Row(f"{name}, robust standard error", printed, fit.bse[name], where, SEEN)
