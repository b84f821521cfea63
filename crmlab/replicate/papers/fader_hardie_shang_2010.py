"""BG/BB, and the beta-Bernoulli model without drop-out, on the donations of the 1995 cohort."""

from collections.abc import Iterator
from functools import partial

import numpy as np
from scipy.optimize import minimize
from scipy.special import betaln

from crmlab import datasets, value
from crmlab.replicate import Row, case


@case(
    "Fader, P. S., Hardie, B. G. S. and Shang, J. (2010), Customer-base analysis in a discrete-time "
    "noncontractual setting, Marketing Science 29(6), 1086–1108, doi:10.1287/mksc.1100.0580",
    data="donations",
    data_class="authors'",
)
def fader_hardie_shang_2010() -> Iterator[Row]:
    """Yield the estimates of both models."""
    row = partial(Row, where="estimation results", source_checked="reference output seen")
    table = datasets.load("donations")
    fit = value.BetaGeoBetaBinomial(table, weights="donors").fit()
    for name, published in {"alpha": "1.204", "beta": ".750", "gamma": ".657", "delta": "2.783"}.items():
        yield row(f"BG/BB {name}", published, fit.params[name])
    yield row("BG/BB log-likelihood", "-33,225.6", fit.llf, source_checked="from memory")

    x, misses = table["frequency"], table["periods"] - table["frequency"]

    def minus_log_likelihood(log_params: np.ndarray) -> float:
        a, b = np.exp(log_params)
        return -float((table["donors"] * (betaln(a + x, b + misses) - betaln(a, b))).sum())

    best = minimize(minus_log_likelihood, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-6})
    for name, published, ours in zip(("alpha", "beta"), (".487", ".826"), np.exp(best.x), strict=True):
        yield row(f"beta-Bernoulli {name}", published, ours)
    yield row("beta-Bernoulli log-likelihood", "-35,516.1", -best.fun)
