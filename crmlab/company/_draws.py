"""Chance: a stream of its own for each purpose, and numbers that belong to a row whoever else is there."""

import zlib
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from scipy.special import ndtri

Array = np.ndarray[Any, Any]


def _mix(bits: Array) -> Array:
    """Scramble 64-bit words in place: the finaliser of SplitMix64 (Steele, Lea & Flood 2014)."""
    bits ^= bits >> 30
    bits *= 0xBF58476D1CE4E5B9
    bits ^= bits >> 27
    bits *= 0x94D049BB133111EB
    bits ^= bits >> 31
    return bits


class Draws(NamedTuple):
    """All the chance of one company.

    ``stream`` returns a generator for a purpose: what one purpose draws changes nothing for another.
    ``uniform`` and ``normal`` return a number for each key (a customer, an order, ...) that depends on the
    seed, the purpose and the key only. A row keeps its luck when other rows come or go; that is what makes
    twins comparable.
    """

    seed: int

    def stream(self, purpose: str) -> np.random.Generator:
        """Return a fresh generator for this purpose; the same one on every call."""
        return np.random.default_rng([self.seed, zlib.crc32(purpose.encode())])

    def uniform(self, purpose: str, *keys: Array | int) -> Array:
        """Return a number in (0, 1) for each combination of whole-number keys (arrays of one length)."""
        salt = _salt(self, purpose)
        bits = _mix(np.array(keys[0], np.uint64, ndmin=1) + np.uint64(salt))
        for key in keys[1:]:  # an array even of a single number: only arrays overflow in silence
            bits = _mix(bits + (np.array(key, np.uint64, ndmin=1) + 1) * 0x9E3779B97F4A7C15)
        return ((bits >> 11) + 0.5) * 2.0**-53

    def normal(self, purpose: str, *keys: Array | int) -> Array:
        """Return a standard normal number for each key, as :meth:`uniform` does."""
        return ndtri(self.uniform(purpose, *keys))


@lru_cache(4096)
def _salt(draws: Draws, purpose: str) -> int:
    return int(draws.stream(purpose).integers(2**63))


def choose(uniform: Array, weights: Any, row: Array | int = 0) -> Array:
    """Return for each number in (0, 1) the index that it falls on when the unit is cut in these shares.

    With a table of weights, `row` says whose shares they are for each of the numbers.
    """
    edges = np.cumsum(np.atleast_2d(weights), axis=1)
    edges = edges[:, :-1] / edges[:, -1:] + np.arange(len(edges))[:, None]
    return np.searchsorted(edges.ravel(), row + uniform, side="right") - row * edges.shape[1]
