"""sBG on two segments' retention curves."""

from collections.abc import Iterator

from crmlab import datasets, value
from crmlab.replicate import Row, case
from crmlab.replicate.papers import notes, results_at

COHORT = 1000  # the paper's own assumption: the curves are printed as percentages
SEEN, QUOTED, MEMORY = "reference output seen", "quoted elsewhere", "from memory"
PUBLISHED = {
    ("High End", "alpha"): (".668", SEEN),
    ("High End", "beta"): ("3.806", SEEN),
    ("High End", "log-likelihood"): ("-1611.2", SEEN),
    ("High End", "mean churn"): (".15", QUOTED),
    ("Regular", "alpha"): (".704", QUOTED),
    ("Regular", "beta"): ("1.182", QUOTED),
    ("Regular", "log-likelihood"): ("-1680.3", MEMORY),
    ("Regular", "mean churn"): (".37", QUOTED),
}
PROJECTED = {8: ".460", 9: ".436", 10: ".414", 11: ".395", 12: ".378"}  # High End, by year
ELSEWHERE = {(1, 1): "-2115.5", (0.01, 0.01): "-2741.7"}  # High End's log-likelihood, by alpha and beta


@case(
    "Fader, P. S. and Hardie, B. G. S. (2007), How to project customer retention, Journal of Interactive "
    "Marketing 21(1), 76–90, doi:10.1002/dir.20074",
    data="sbg_retention",
    data_class="typed-in table",
)
def fader_hardie_2007() -> Iterator[Row]:
    """Yield estimates for a cohort of 1,000 in each segment, and projections of one."""
    curves = datasets.load("sbg_retention").pivot(index="year", columns="segment", values="survivors_percent")
    models = {segment: value.ShiftedBetaGeometric(curves[segment] * COHORT / 100) for segment in curves}
    fits = {segment: model.fit() for segment, model in models.items()}
    second_hand = notes("retention")
    for (segment, quantity), (printed, source) in PUBLISHED.items():
        fit = fits[segment]
        ours = {**fit.params, "log-likelihood": fit.llf, "mean churn": 1 - fit.survival(1).item()}
        where = second_hand if source == QUOTED else "years 0 to 7, likelihood of equation B3"
        yield Row(f"sBG {segment} {quantity}", printed, ours[quantity], where, source)
    where = "projections, as in the README of github.com/jdmaturen/shifted_beta_geometric_py; from our fit"
    for year, printed in PROJECTED.items():
        ours = fits["High End"].survival(year).item()
        yield Row(f"sBG High End share still there in year {year}", printed, ours, where, SEEN)
    for params, printed in ELSEWHERE.items():
        quantity = "sBG High End log-likelihood at alpha = beta = {}".format(*params)
        ours = results_at(models["High End"], params).llf
        yield Row(quantity, printed, ours, second_hand, QUOTED)
