"""Intervals that more than one room needs: Wilson's for a share, Newcombe's for two, those of resampling."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from scipy.special import ndtri

from crmlab._arguments import floats, level
from crmlab._tables import look_up, whole_number

Ends = tuple[np.ndarray, np.ndarray]


class IntervalWarning(UserWarning):
    """An interval is known to be too narrow, or there is none."""


def deviations(alpha: float) -> float:
    """Return how many standard errors a 1 − `alpha` interval reaches to either side.

    Examples
    --------
    >>> round(deviations(0.05), 2)
    1.96
    """
    return -float(ndtri(level(alpha) / 2))


def wilson(count: Any, n: Any, alpha: float = 0.05) -> Ends:
    """Return the ends of Wilson's interval for the share `count` / `n`.

    Neither needs to be whole: with weights `n` is the effective number of answers.

    References
    ----------
    Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference. Journal of the
    American Statistical Association 22(158), 209–212. https://doi.org/10.1080/01621459.1927.10502953

    Examples
    --------
    >>> [end.round(4).tolist() for end in wilson([0, 81], [20, 263])]
    [[0.0, 0.2553], [0.1611, 0.3662]]
    """
    z, count, n = deviations(alpha), floats(count, "count"), floats(n, "n")
    if not ((n > 0) & (count >= 0) & (count <= n * (1 + 1e-12))).all():
        raise ValueError("A share needs 0 ≤ count ≤ n and n above 0.")
    share = np.minimum(count / n, 1)
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    # where nobody or everybody is counted, the end is the share itself and not 1e-17 beside it
    return np.where(share == 0, 0.0, middle - half), np.where(share == 1, 1.0, middle + half)


def newcombe(one: Any, other: Any, alpha: float = 0.05) -> Ends:
    """Return the ends of Newcombe's interval for the first share less the second, both (count, n).

    It squares and adds the distances of the shares from the ends of their Wilson intervals.

    References
    ----------
    Newcombe, R. G. (1998). Interval estimation for the difference between independent proportions.
    Statistics in Medicine 17(8), 873–890, method 10.
    https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I

    Examples
    --------
    >>> [float(end.round(4)) for end in newcombe((56, 70), (48, 80))]
    [0.0524, 0.3339]
    """
    (p, low, high), (q, lowest, highest) = (
        (floats(count, "count") / floats(n, "n"), *wilson(count, n, alpha)) for count, n in (one, other)
    )
    return p - q - np.hypot(p - low, highest - q), p - q + np.hypot(high - p, q - lowest)


def resampled(
    draws: Any, estimate: Any = None, alpha: float = 0.05, kind: Literal["percentile", "basic"] = "percentile"
) -> Ends:
    """Return the ends of an interval from draws of a statistic, one draw a row.

    Percentile: what the middle of the draws holds. Basic: the same turned about the `estimate`, which only
    this kind needs.

    References
    ----------
    Davison, A. C. & Hinkley, D. V. (1997). Bootstrap Methods and their Application. Cambridge University
    Press, equations 5.6 and 5.18. https://doi.org/10.1017/CBO9780511802843

    Examples
    --------
    >>> draws = np.arange(101.0)
    >>> [float(end) for end in resampled(draws, alpha=0.1)]
    [5.0, 95.0]
    >>> [float(end) for end in resampled(draws, estimate=40, alpha=0.1, kind="basic")]
    [-15.0, 75.0]
    """
    turned = look_up("kind of interval", kind, {"percentile": False, "basic": True})
    if turned and estimate is None:
        raise ValueError("A basic interval turns about the estimate: give estimate=….")
    low, high = np.quantile(floats(draws, "draws"), [level(alpha) / 2, 1 - alpha / 2], axis=0)
    return (2 * estimate - high, 2 * estimate - low) if turned else (low, high)


def permutation(
    statistic: Callable[[np.ndarray], float], group: Any, draws: int = 2000, rng: Any = 0
) -> tuple[float, float]:
    """Return a statistic of the groups, and how often it is at least as far from 0 when they are dealt anew.

    `statistic` takes the groups' labels, one per row, in any order. What was met counts among the deals.

    References
    ----------
    Ernst, M. D. (2004). Permutation methods: a basis for exact inference. Statistical Science 19(4), 676–685.
    https://doi.org/10.1214/088342304000000396

    Examples
    --------
    >>> orders = np.array([3, 2, 1, 1, 0, 0])
    >>> def difference(coupon):
    ...     return orders[coupon].mean() - orders[~coupon].mean()
    >>> measured, p_value = permutation(difference, orders > 1)
    >>> round(measured, 2)
    2.0
    """
    whole_number(draws, "draws", least=1)
    luck, labels = np.random.default_rng(rng), np.asarray(group)
    measured = float(statistic(labels))
    dealt = np.array([statistic(luck.permutation(labels)) for _ in range(draws)])
    # sums in another order differ in their last digits and are as far all the same
    as_far = np.abs(dealt) >= abs(measured) * (1 - 1e-12)
    return measured, float((as_far.sum() + 1) / (draws + 1))
