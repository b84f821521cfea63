"""Covariance matrices of many samples of the same rows, from one matrix product."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from crmlab._arguments import generator

_CHUNK = 2**23  # resampled rows held at a time


def bootstrap_counts(size: int, draws: int, rng: Any = None) -> Iterator[np.ndarray]:
    """Yield how often each row is in each bootstrap sample, samples × rows, some samples at a time.

    Examples
    --------
    >>> [counts.sum(axis=1).tolist() for counts in bootstrap_counts(3, 2, rng=1)]
    [[3, 3]]
    """
    rng, step = generator(rng), max(1, _CHUNK // size)
    for start in range(0, draws, step):
        some = min(step, draws - start)
        drawn = rng.integers(0, size, (some, size), np.uint32) + size * np.arange(some)[:, None]
        yield np.bincount(drawn.ravel(), minlength=some * size).reshape(some, size)


def covariances(rows: np.ndarray, counts: Iterable[np.ndarray]) -> np.ndarray:
    """Return the covariance matrices of samples, items × items × samples, the samples last.

    The counts times the products of every two items are the sums from which all covariances follow.

    Parameters
    ----------
    rows : array, shape (respondents, items)
    counts : iterable of arrays, shape (some samples, respondents)
        How often each row is in each sample.

    Examples
    --------
    >>> everybody, without_the_last = [1, 1, 1], [1, 1, 0]
    >>> counts = [np.array([everybody, without_the_last])]
    >>> covariances(np.array([[1.0], [3.0], [5.0]]), counts).round(9).ravel().tolist()
    [4.0, 2.0]
    """
    respondents, items = rows.shape
    centred = (rows - rows.mean(axis=0)) / (spread := rows.std(axis=0))
    one, other = np.triu_indices(items)
    # single precision holds counts exactly and products to seven digits; halves the time where it matters
    kind = np.float32 if respondents > 20_000 else np.float64
    products = np.vstack([(centred[:, one] * centred[:, other]).T, centred.T]).astype(kind)
    sizes, sums = list[np.ndarray](), list[np.ndarray]()
    for some in counts:
        sizes.append(some.sum(axis=1))
        sums.append(np.matmul(products, some.T.astype(kind)).astype(float, copy=False))
    size = np.concatenate(sizes)
    moments = (sums[0] if len(sums) == 1 else np.concatenate(sums, axis=1)) / size
    means, found = moments[len(one) :], np.empty((items, items, len(size)))
    for row, column, entry in zip(one, other, moments, strict=False):  # row by row: a copy, no scattering
        found[row, column] = entry - means[row] * means[column]
        if row == column:  # an item that does not vary in a sample has a variance of rounding errors
            found[row, row][found[row, row] < 1e-10] = 0
        found[row, column] *= spread[row] * spread[column] * size / (size - 1)
        found[column, row] = found[row, column]
    return found


def bootstrap_covariances(rows: np.ndarray, draws: int, rng: Any = None) -> np.ndarray:
    """Return the covariance matrices of bootstrap samples of the rows, the samples first.

    Parameters
    ----------
    rows : array, shape (respondents, items)
    draws : int
    rng : int or numpy.random.Generator, optional

    Returns
    -------
    array, shape (draws, items, items)

    Examples
    --------
    >>> bootstrap_covariances(np.eye(3), 5, rng=0).shape
    (5, 3, 3)
    """
    found = covariances(rows, bootstrap_counts(len(rows), draws, rng))
    return np.ascontiguousarray(np.moveaxis(found, -1, 0))
