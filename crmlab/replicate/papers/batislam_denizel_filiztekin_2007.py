"""MBG/NBD on the CDNOW sample."""

from collections.abc import Iterator

from crmlab import datasets, value
from crmlab.replicate import Row, case


@case(
    "Batislam, E. P., Denizel, M. and Filiztekin, A. (2007), Empirical validation and comparison of models "
    "for customer base analysis, International Journal of Research in Marketing 24(3), 201–209, "
    "doi:10.1016/j.ijresmar.2006.12.005",
    data="cdnow_sample",
    data_class="authors'",
)
def batislam_denizel_filiztekin_2007() -> Iterator[Row]:
    """Yield the estimates that reference software prints for the paper's model."""
    summary = value.btyd_summary(datasets.load("cdnow_sample"), calibration_end="1997-09-30")
    fit = value.ModifiedBetaGeoNBD(summary).fit()
    where = "no table of the paper: output of reference software for its model"
    for name, published in {"r": ".525", "alpha": "6.183", "a": ".891", "b": "1.614"}.items():
        ours = fit.params[name]
        yield Row(f"MBG/NBD {name}", published, ours, where, source_checked="reference output seen")
