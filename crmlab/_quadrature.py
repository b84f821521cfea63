"""Nodes and weights: integrals over 0 … 1, and over a beta distribution, that stay right at its extremes."""

import numpy as np
from numpy.polynomial.legendre import leggauss
from scipy.special import betaincinv, gammaincinv, ndtri

Nodes = tuple[np.ndarray, np.ndarray]


def even(count: int) -> Nodes:
    """Return Gauss–Legendre nodes and weights over 0 … 1.

    Examples
    --------
    >>> nodes, weights = even(5)
    >>> round(float(weights @ nodes**3), 12)
    0.25
    """
    nodes, weights = leggauss(count)
    return (nodes + 1) / 2, weights / 2


def crowded(nodes: Nodes) -> Nodes:
    """Return the nodes crowded towards 0 and 1, as by squares.

    Examples
    --------
    >>> nodes, weights = crowded(even(20))
    >>> round(float(weights @ np.sqrt(nodes)), 9)  # a root at 0 is no polynomial
    0.666666667
    """
    at, weights = nodes
    return np.sin(np.pi * at / 2) ** 2, weights * np.pi / 2 * np.sin(np.pi * at)


# Crowded twice: where nearly all leave at once or never, the rest is a sliver of the quantiles.
QUANTILES, QUANTILE_WEIGHTS = crowded(crowded(even(64)))


def beta_quantiles(a: float, b: float) -> np.ndarray:
    """Return quantiles of the beta distribution, whose weighted sum with QUANTILE_WEIGHTS is its mean.

    SciPy's are right to b = 1e6, and far off beyond (by half at a = 1e3, b = 1e9). There the distribution
    is a gamma's, and where customers are alike (a > 1e4) a normal one's with its skewness.

    Examples
    --------
    >>> round(float(beta_quantiles(1e3, 1e9) @ QUANTILE_WEIGHTS) * 1e6, 6)
    0.999999
    """
    if a > 1e4:
        spread, z = np.sqrt(b / a / (a + b + 1)), ndtri(QUANTILES)
        skewness = 2 * (b - a) * np.sqrt(a + b + 1) / ((a + b + 2) * np.sqrt(a * b))
        return a / (a + b) * (1 + spread * (z + skewness * (z**2 - 1) / 6))
    if b > 3e6:
        return np.maximum(-np.expm1(-gammaincinv(a, QUANTILES) / (b + (a - 1) / 2)), 1e-300)
    return np.maximum(betaincinv(a, b, QUANTILES), 1e-300)
