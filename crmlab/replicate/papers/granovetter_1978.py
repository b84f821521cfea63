"""A crowd of a hundred: who riots, if each waits for so many others."""

from collections.abc import Iterator

import numpy as np
from scipy.special import ndtr

from crmlab.replicate import Row, case


def _riot(thresholds: np.ndarray) -> int:
    """Return how many riot in the end: those whose threshold is reached join, until nobody does."""
    active = 0
    while (now := int((thresholds <= active).sum())) > active:
        active = now
    return active


def _settles(sigma: float, people: int = 100, mean: float = 25.0) -> float:
    """Return how many riot in the end when thresholds are normal, from nobody on."""
    active = 0.0
    for _ in range(5_000):
        active = people * float(ndtr((active - mean) / sigma))
    return active


@case(
    "Granovetter, M. (1978), Threshold models of collective behavior, American Journal of Sociology 83(6), "
    "1420–1443, doi:10.1086/226707",
    data="the paper's thresholds",
    data_class="simulated",
)
def granovetter_1978() -> Iterator[Row]:
    """Yield two crowds that differ in one person, and where the outcome of normal thresholds jumps."""
    even, where = np.arange(100), "example of two crowds"
    yield Row("rioters, thresholds 0 to 99", "100", _riot(even), where, "quoted elsewhere")
    other = np.where(even == 1, 2, even)
    yield Row("rioters, a 2 in the place of the 1", "1", _riot(other), where, "quoted elsewhere")
    low, high = 5.0, 30.0
    while high - low > 1e-3:
        middle = (low + high) / 2
        low, high = (middle, high) if _settles(middle) < 50 else (low, middle)
    quantity = "standard deviation at which few become nearly all, mean threshold 25"
    yield Row(quantity, "12.2", high, "figure of equilibria", "quoted elsewhere")
