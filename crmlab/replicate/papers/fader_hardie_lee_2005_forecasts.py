"""What BG/NBD expects of new customers, and of one customer, on the CDNOW sample."""

from collections.abc import Iterator
from functools import partial

import pandas as pd

from crmlab import datasets, value
from crmlab.replicate import Row, case

EXPECTED = {0.1429: ".0078", 1: ".0532", 3: ".1506", 31.8571: "1.0405", 32: "1.0437"}  # by t in weeks


@case(
    "Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2005), Implementing the BG/NBD model for customer base "
    "analysis in Excel, note 004, www.brucehardie.com/notes/004",
    data="cdnow_sample",
    data_class="authors'",
)
def fader_hardie_lee_2005_forecasts() -> Iterator[Row]:
    """Yield the expectations that the authors' spreadsheet shows.

    Its E(X(78)) is the one that differs: with the series for the hypergeometric function cut after 150 terms
    ours is 1.8576 too.
    """
    where = "the authors' spreadsheet, quoted in lifetimes (Python), tests/test_estimation.py; from our fit"
    row = partial(Row, where=where, source_checked="reference output seen")
    summary = value.btyd_summary(datasets.load("cdnow_sample"), calibration_end="1997-09-30")
    fit = value.BetaGeoNBD(summary).fit()
    for t, printed in EXPECTED.items():
        yield row(f"purchases of a new customer by week {t:g}", printed, fit.expected_purchases(t))
    reason = "the spreadsheet sums 150 terms of a series that at 78 weeks needs more"
    ours = fit.expected_purchases(78)
    yield row("purchases of a new customer by week 78", "1.8576", ours, expected=reason)
    customer = pd.DataFrame({"frequency": [2], "recency": [30.43], "T": [38.86]})
    ahead = fit.conditional_expected_purchases(39, customer).item()
    yield row("purchases in 39 weeks if x = 2, t_x = 30.43, T = 38.86", "1.226", ahead)
