"""sBG on two segments' retention curves."""

from collections.abc import Iterator
from functools import partial

from crmlab import datasets, value
from crmlab.replicate import Row, case

COHORT = 1000  # the paper's own assumption: the curves are printed as percentages


@case(
    "Fader, P. S. and Hardie, B. G. S. (2007), How to project customer retention, Journal of Interactive "
    "Marketing 21(1), 76–90, doi:10.1002/dir.20074",
    data="sbg_retention",
    data_class="typed-in table",
)
def fader_hardie_2007() -> Iterator[Row]:
    """Yield the estimates for a cohort of 1,000 in each segment."""
    curves = datasets.load("sbg_retention").pivot(index="year", columns="segment", values="survivors_percent")
    for segment, alpha, beta, llf, source in (
        ("High End", ".668", "3.806", "-1611.2", "reference output seen"),
        ("Regular", ".704", "1.182", "-1680.3", "from memory"),
    ):
        row = partial(Row, where="years 0 to 7, likelihood of equation B3", source_checked=source)
        fit = value.ShiftedBetaGeometric(curves[segment] * COHORT / 100).fit()
        yield row(f"sBG {segment} alpha", alpha, fit.params["alpha"])
        yield row(f"sBG {segment} beta", beta, fit.params["beta"])
        yield row(f"sBG {segment} log-likelihood", llf, fit.llf)
