"""Video recorders in the United States: the speed of sales on Bass's curve, by nonlinear least squares."""

from collections.abc import Iterator

import numpy as np
from scipy.optimize import curve_fit

from crmlab import network
from crmlab.replicate import Row, case

SALES = [840, 1470, 2110, 4000, 7590, 10950, 10530, 9470, 7790, 5890]  # thousands, 1980 to 1989
PUBLISHED = {"p": ".00659", "q": ".638", "m": "6.80E4"}


def _speed(_: np.ndarray, p: float, q: float, m: float) -> np.ndarray:
    """Return the speed of sales at the end of each year: the hazard p + q F times those who are left."""
    sold = network.Bass(SALES).at([p, q, m]).fitted.cumsum().to_numpy()
    return (p + q * sold / m) * (m - sold)


@case(
    "Cowpertwait, P. S. P. and Metcalfe, A. V. (2009), Introductory Time Series with R, Springer, "
    "doi:10.1007/978-0-387-88698-5",
    data="a series of sales",
    data_class="typed-in table",
)
def bass_vcr() -> Iterator[Row]:
    """Yield the estimates from the speed of sales at the end of each year, which is what the book fits.

    Our own Bass takes the sales of the whole year, m (F(t) − F(t − 1)), so its p is larger; its curve gives
    the speed here, and its estimates start this search.
    """
    start = network.Bass(SALES).fit().params
    theta, _ = curve_fit(_speed, np.arange(len(SALES)), SALES, p0=start)
    for (name, printed), ours in zip(PUBLISHED.items(), theta, strict=True):
        where = "section 3.3.4, pp. 52–53, output of nls"
        yield Row(f"{name} of video recorders", printed, float(ours), where, "reference output seen")
