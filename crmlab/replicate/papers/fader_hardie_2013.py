"""Gamma–gamma model of spend on the CDNOW sample."""

from collections.abc import Iterator
from functools import partial

from crmlab import datasets, value
from crmlab.replicate import Row, case


@case(
    "Fader, P. S. and Hardie, B. G. S. (2013), The gamma-gamma model of monetary value, note 025, "
    "www.brucehardie.com/notes/025",
    data="cdnow_sample",
    data_class="authors'",
)
def fader_hardie_2013() -> Iterator[Row]:
    """Yield the estimates; v is the note's γ."""
    row = partial(Row, where="numerical example", source_checked="reference output seen")
    summary = value.btyd_summary(datasets.load("cdnow_sample"), calibration_end="1997-09-30")
    fit = value.GammaGamma(summary).fit()
    for name, published in {"p": "6.25", "q": "3.74", "v": "15.44"}.items():
        yield row(f"gamma-gamma {name}", published, fit.params[name])
    yield row("customers with repeat purchases", "946", fit.nobs)
