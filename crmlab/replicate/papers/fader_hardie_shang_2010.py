"""BG/BB, and the beta-Bernoulli model without drop-out, on the donations of the 1995 cohort."""

from collections.abc import Iterator
from functools import partial

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import betaln

from crmlab import datasets, value
from crmlab.replicate import Row, case

TABLE_6 = "Table 6, as quoted in lifetimes (Python), tests/test_estimation.py"
SHEET = "the authors' spreadsheet, as quoted in {}; from our fit"
LIFETIMES = SHEET.format("lifetimes (Python), tests/test_estimation.py")
PYMC = SHEET.format("pymc-marketing (Python), tests/clv/models/test_beta_geo_beta_binom.py")
NEW_DONOR = {1: ".4985", 5: "1.9381", 6: "2.2202", 11: "3.3887"}  # expected donations, by year


@case(
    "Fader, P. S., Hardie, B. G. S. and Shang, J. (2010), Customer-base analysis in a discrete-time "
    "noncontractual setting, Marketing Science 29(6), 1086–1108, doi:10.1287/mksc.1100.0580",
    data="donations",
    data_class="authors'",
)
def fader_hardie_shang_2010() -> Iterator[Row]:
    """Yield the estimates of both models, and what the first one expects of donors."""
    row = partial(Row, where="estimation results", source_checked="reference output seen")
    table = datasets.load("donations")
    fit = value.BetaGeoBetaBinomial(table, weights="donors").fit()
    for name, published in {"alpha": "1.204", "beta": ".750", "gamma": ".657", "delta": "2.783"}.items():
        yield row(f"BG/BB {name}", published, fit.params[name])
    yield row("BG/BB log-likelihood", "-33,225.6", fit.llf)
    where = "github.com/abdullahau/customer-analytics, BG-BB-Model.ipynb"
    yield row("BG/BB log-likelihood, more precisely", "-33225.5813", fit.llf, where=where)

    # Table 6 counts as alive who is so at the next opportunity, the package who was so at the last one.
    donors = pd.DataFrame({"frequency": [0, 2, 6], "recency": [0, 4, 6], "periods": 6})
    _, _, gamma, delta = fit.params
    alive = fit.probability_alive(donors) * (delta + 6) / (gamma + delta + 6)
    for x, last, printed, ours in zip((0, 2, 6), (0, 4, 6), (".11", ".59", ".93"), alive, strict=True):
        yield row(f"alive in 2002 after {x} donations, the last in year {last}", printed, ours, where=TABLE_6)
    total = fit.conditional_expected_purchases(5) @ table["donors"]
    yield row("donations of the cohort in 2002 to 2006", "12,884.2", total, where=LIFETIMES)
    histogram = fit.count_probabilities(6, top=6).iloc[0] * table["donors"].sum()
    for donations, printed in {0: "3,454.9", 6: "1,253.1"}.items():
        quantity = f"donors with {donations} repeat donations in 1996 to 2001"
        yield row(quantity, printed, histogram.iloc[donations], where=LIFETIMES)
    for year, printed in NEW_DONOR.items():
        yield row(
            f"donations of a new donor by year {year}", printed, fit.expected_purchases(year), where=PYMC
        )

    x, misses = table["frequency"], table["periods"] - table["frequency"]

    def minus_log_likelihood(log_params: np.ndarray) -> float:
        a, b = np.exp(log_params)
        return -float((table["donors"] * (betaln(a + x, b + misses) - betaln(a, b))).sum())

    best = minimize(minus_log_likelihood, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-6})
    for name, published, ours in zip(("alpha", "beta"), (".487", ".826"), np.exp(best.x), strict=True):
        yield row(f"beta-Bernoulli {name}", published, ours)
    yield row("beta-Bernoulli log-likelihood", "-35,516.1", -best.fun)
