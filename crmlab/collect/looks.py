"""How many customers an experiment needs, and what looking at it early does to its error."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from scipy.optimize import brentq
from statsmodels.stats.power import TTestIndPower

from crmlab._arguments import floats, level, number
from crmlab._tables import unknown, whole_number

_RULES = {"fixed": 0.0, "pocock": 0.0, "obrien_fleming": -0.5}
"""The boundary of a look is a constant times its share of the customers to this power."""


def trial_size(
    sd: float,
    effect: float | None = None,
    customers: int | None = None,
    power: float | None = None,
    alpha: float = 0.05,
    treated: float = 0.5,
    saved: float = 0.0,
    cluster_size: float = 1,
    likeness: float = 0.0,
) -> pd.Series:
    """Return how many customers find an effect, which effect they find, or how surely.

    Parameters
    ----------
    sd : float
        Standard deviation of the outcome among customers, in the unit of the effect. Of a share p it is
        the root of p (1 − p).
    effect : float, optional
        Smallest effect that is worth finding.
    customers : int, optional
        In all arms together. Give it, or the effect, or both.
    power : float, optional
        Chance to find the effect: .8 unless given; computed where effect and customers are given.
    alpha : float
        Chance to find something where nothing is (two-sided).
    treated : float
        Share of the customers who are treated.
    saved : float
        Share of the variance that is told before (CUPED), see ``variance_saved`` of :func:`trial_effect`.
    cluster_size, likeness : float
        Customers in a cluster for which one lot is drawn, and how alike they are (intraclass correlation).

    Returns
    -------
    Series
        ``customers`` (rounded up), ``effect``, ``power``.

    Raises
    ------
    ValueError
        If neither or all of the three are given, or a number is out of its range.

    Notes
    -----
    By the t-test of two groups (statsmodels). Clusters multiply the variance by 1 + (size − 1) likeness.

    Examples
    --------
    >>> trial_size(sd=40, effect=2).round(2)
    customers    12561.0
    effect           2.0
    power            0.8
    dtype: float64
    """
    above = np.nextafter(0, 1)
    number(sd, "sd", "a standard deviation above 0", low=above)
    number(treated, "treated", "a share above 0 and below 1", low=1e-6, high=1 - 1e-6)
    number(saved, "saved", "a share from 0 to below 1", low=0, high=1 - 1e-9)
    number(cluster_size, "cluster_size", "at least 1", low=1)
    number(likeness, "likeness", "a share from 0 to 1", low=0, high=1)
    level(alpha)
    if (effect is None and customers is None) or None not in (effect, customers, power):
        raise ValueError("Give the effect, or the customers, or both; the power only beside one of them.")
    if customers is not None:
        number(customers, "customers", "a number of at least 4", low=4)
    if power is not None:
        number(power, "power", "a chance above alpha and below 1", low=alpha * (1 + 1e-9), high=1 - 1e-9)
    if effect is not None and number(effect, "effect", "a finite number, not 0") == 0:
        raise ValueError("effect is the smallest that is worth finding, and not 0: no trial finds nothing.")
    chance = 0.8 if power is None and None in (effect, customers) else power
    spread = sd * np.sqrt((1 - saved) * (1 + (cluster_size - 1) * likeness))
    solved = TTestIndPower().solve_power(
        effect_size=None if effect is None else abs(effect) / spread,
        nobs1=None if customers is None else customers * (1 - treated),
        alpha=alpha,
        power=chance,
        ratio=treated / (1 - treated),
    )
    solved = float(np.ravel(solved)[0])
    if customers is None:
        customers = int(np.ceil(round(solved / (1 - treated), 6)))
    elif effect is None:
        effect = solved * spread
    else:
        chance = solved
    return pd.Series({"customers": float(customers), "effect": effect, "power": chance})


def peeking(
    looks: int | Sequence[float] = 5,
    rule: str | Sequence[float] = "fixed",
    alpha: float = 0.05,
    expected: float = 0.0,
) -> pd.DataFrame:
    """Return, look by look, how often an experiment is stopped when it may be stopped at each of them.

    Parameters
    ----------
    looks : int or sequence of float
        How many, after equal shares of the customers; or those shares, increasing, the last one 1.
    rule : str or sequence of float
        Stop where the difference is so many standard errors from 0: "fixed" as if one looked once, "pocock"
        at the same number at each look and "obrien_fleming" at one that falls, both so that in all `alpha` of
        experiments without an effect are stopped; or the numbers themselves.
    alpha : float
        Chance to find something where nothing is (two-sided).
    expected : float
        Effect in standard errors of the whole experiment: 2.8 is found with a power of .8 by a single look.

    Returns
    -------
    DataFrame
        Index ``look``; ``share`` of the customers, ``boundary`` in standard errors, the ``p_value`` that goes
        with it, ``by_luck`` (chance to have stopped by then if nothing is there) and, with `expected`,
        ``found`` (the same for that effect, in either direction).

    Raises
    ------
    ValueError
        If shares do not increase to 1, the rule is unknown or has another number of looks.

    Notes
    -----
    By the recursion of Armitage, McPherson and Rowe: the density of those not yet stopped is carried from
    look to look by Gauss–Legendre quadrature.

    References
    ----------
    Armitage, P., McPherson, C. K. & Rowe, B. C. (1969). Repeated significance tests on accumulating data.
    Journal of the Royal Statistical Society A 132(2), 235–244. https://doi.org/10.2307/2343787
    Pocock, S. J. (1977). Group sequential methods in the design and analysis of clinical trials. Biometrika
    64(2), 191–199. https://doi.org/10.1093/biomet/64.2.191
    O'Brien, P. C. & Fleming, T. R. (1979). A multiple testing procedure for clinical trials. Biometrics
    35(3), 549–556. https://doi.org/10.2307/2530245

    Examples
    --------
    >>> peeking(3).round(3)
          share  boundary  p_value  by_luck
    look
    1     0.333      1.96     0.05    0.050
    2     0.667      1.96     0.05    0.083
    3     1.000      1.96     0.05    0.107
    >>> peeking(3, "obrien_fleming")["boundary"].round(3).tolist()
    [3.471, 2.454, 2.004]
    """
    level(alpha)
    number(expected, "expected", "a finite number of standard errors")
    share = _shares_of(looks)
    if isinstance(rule, str):
        if rule not in _RULES:
            raise ValueError(unknown("rule", rule, _RULES))
        shape = share ** _RULES[rule]
        constant = stats.norm.isf(alpha / 2)
        if rule != "fixed" and len(share) > 1:
            constant = brentq(
                lambda c: _stopped(share, c * shape, 0.0)[-1] - alpha,
                constant,
                stats.norm.isf(alpha / 2 / len(share)),  # where all looks are counted as if unrelated
                xtol=1e-11,
            )
        boundary = constant * shape
    else:
        boundary = floats(rule, "rule")
        if boundary.shape != share.shape or not (np.isfinite(boundary) & (boundary > 0)).all():
            raise ValueError(f"rule has a number above 0 for each of the {len(share)} looks; got {rule!r}.")
    found = {"share": share, "boundary": boundary, "p_value": 2 * stats.norm.sf(boundary)}
    found["by_luck"] = _stopped(share, boundary, 0.0)
    if expected:
        found["found"] = _stopped(share, boundary, expected)
    return pd.DataFrame(found, index=pd.RangeIndex(1, len(share) + 1, name="look"))


def _shares_of(looks: Any) -> np.ndarray:
    if np.ndim(looks) == 0:
        whole_number(looks, "looks", least=1)
        return np.arange(1, looks + 1) / looks
    share = floats(looks, "looks")
    if share.ndim != 1 or not len(share) or not (np.diff(share, prepend=0) > 0).all() or share[-1] != 1:
        raise ValueError(f"looks are shares of the customers, increasing from above 0 to 1; got {looks!r}.")
    return share


@cache
def _legendre(count: int) -> tuple[np.ndarray, np.ndarray]:
    return np.polynomial.legendre.leggauss(count)


def _stopped(share: np.ndarray, boundary: np.ndarray, drift: float) -> np.ndarray:
    """Return the chance to have crossed the boundary by each look, for a drifting sum of normal steps."""
    steps, ends = np.diff(share, prepend=0), boundary * np.sqrt(share)
    chance, at, weight = [], np.zeros(1), np.ones(1)  # all begin at 0
    for step, end, last in zip(steps, ends, [0.0, *ends[:-1]], strict=True):
        spread, middle = np.sqrt(step), at + drift * step
        inside = stats.norm.cdf((end - middle) / spread) - stats.norm.cdf((-end - middle) / spread)
        chance.append(weight @ (1 - inside))
        nodes, gauss = _legendre(64 + 32 * int(max(end, last) / spread / 4))
        onto = nodes * end
        density = stats.norm.pdf((onto[:, None] - middle) / spread) / spread
        at, weight = onto, gauss * end * (density @ weight)
    return np.cumsum(chance)
