"""Covariance matrices of all bootstrap samples at once, by one matrix product."""

from collections.abc import Iterator
from typing import Any

import numpy as np

LARGEST = 20_000_000  # how many counts are held at a time


def covariance_draws(values: np.ndarray, draws: int, rng: Any) -> Iterator[np.ndarray]:
    """Yield stacks of the covariance matrices (over n) of bootstrap samples of the rows, `draws` in all.

    How often each row is drawn, times the products of its values, summed: a product of two matrices.

    Examples
    --------
    >>> [stack] = covariance_draws(np.arange(12.0).reshape(6, 2), 3, 1)
    >>> stack.shape
    (3, 2, 2)
    """
    luck, (count, items) = np.random.default_rng(rng), values.shape
    centred = values - values.mean(axis=0)
    i, j = np.tril_indices(items)
    products = np.hstack([centred[:, i] * centred[:, j], centred])
    most = max(1, LARGEST // count)
    for begin in range(0, draws, most):
        size = min(most, draws - begin)
        weights = luck.multinomial(count, np.full(count, 1 / count), size=size) / count
        sums = weights @ products
        means = sums[:, len(i) :]
        stack = np.empty((size, items, items))
        stack[:, i, j] = stack[:, j, i] = sums[:, : len(i)] - means[:, i] * means[:, j]
        yield stack
