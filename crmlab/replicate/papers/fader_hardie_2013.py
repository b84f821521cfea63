"""Gamma–gamma model of spend on the CDNOW sample."""

from collections.abc import Iterator
from functools import partial

from crmlab import datasets, value
from crmlab.replicate import Row, case

QUOTED = (
    "numerical example, the authors' spreadsheet, as quoted in lifetimes (Python), tests/test_estimation.py"
)
EXPECTED = {0: "24.65", 1: "18.91", 2: "35.17", 5: "71.46", 8: "27.28"}  # by place in the sample


@case(
    "Fader, P. S. and Hardie, B. G. S. (2013), The gamma-gamma model of monetary value, note 025, "
    "www.brucehardie.com/notes/025",
    data="cdnow_sample",
    data_class="authors'",
)
def fader_hardie_2013() -> Iterator[Row]:
    """Yield the estimates, v being the note's γ, and what the first customers of the sample will spend."""
    row = partial(Row, where="numerical example", source_checked="reference output seen")
    summary = value.btyd_summary(datasets.load("cdnow_sample"), calibration_end="1997-09-30")
    fit = value.GammaGamma(summary).fit()
    for name, published in {"p": "6.25", "q": "3.74", "v": "15.44"}.items():
        yield row(f"gamma-gamma {name}", published, fit.params[name])
    yield row("customers with repeat purchases", "946", fit.nobs)
    where = "CLVTools (R), tests/testthat/test_correctness_gg.R"
    yield row("gamma-gamma log-likelihood", "-4055.9177", fit.llf, where=where)
    spend = fit.expected_spend(summary)
    for place, printed in EXPECTED.items():
        customer = summary.loc[place, "customer_id"]
        yield row(f"expected spend of customer {customer}, dollars", printed, spend[customer], where=QUOTED)
