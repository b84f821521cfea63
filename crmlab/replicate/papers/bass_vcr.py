"""Video recorders in the United States: the Bass curve's density, by nonlinear least squares."""

from collections.abc import Iterator

import numpy as np
from scipy.optimize import curve_fit

from crmlab import network
from crmlab.replicate import Row, case

SALES = [840, 1470, 2110, 4000, 7590, 10950, 10530, 9470, 7790, 5890]  # thousands, 1980 to 1989
PUBLISHED = {"m": "6.80E4", "p": ".00659", "q": ".638"}


def _density(t: np.ndarray, p: float, q: float, m: float) -> np.ndarray:
    e = np.exp(-(p + q) * t)
    return m * (p + q) ** 2 / p * e / (1 + q / p * e) ** 2


@case(
    "Sales of video recorders 1980–89, fitted with nls in R: a worked example of the Bass model (Bass 1969, "
    "doi:10.1287/mnsc.15.5.215) that is passed round on the web",
    data="a series of sales",
    data_class="typed-in table",
)
def bass_vcr() -> Iterator[Row]:
    """Yield the estimates from the speed of sales at the end of each year, which is what the example fits.

    Our own Bass takes the sales of the whole year, m (F(t) − F(t − 1)), so its p is larger; it starts this
    search.
    """
    years = np.arange(1.0, len(SALES) + 1)
    start = network.Bass(SALES).fit().params
    theta, _ = curve_fit(_density, years, SALES, p0=start)
    ours = dict(zip("pqm", theta, strict=True))
    for name, printed in PUBLISHED.items():
        yield Row(f"{name} of video recorders", printed, ours[name], "output of nls", "quoted elsewhere")
