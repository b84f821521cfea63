"""Chance: a stream of its own for each purpose, and numbers that belong to a row whoever else is there."""

import zlib
from typing import Any

import numpy as np
from scipy.special import ndtri

Array = np.ndarray[Any, Any]
_STEP, _FIRST, _SECOND = (np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


def _mix(bits: Array) -> Array:
    """Scramble 64-bit words in place: the finaliser of SplitMix64 (Steele, Lea & Flood 2014)."""
    bits ^= bits >> np.uint64(30)
    bits *= _FIRST
    bits ^= bits >> np.uint64(27)
    bits *= _SECOND
    bits ^= bits >> np.uint64(31)
    return bits


class Draws:
    """All the chance of one company.

    ``stream`` returns a generator for a purpose: what one purpose draws changes nothing for another.
    ``uniform`` and ``normal`` return a number for each key (a customer, an order, ...) that depends on the
    seed, the purpose and the key only. A row keeps its luck when other rows come or go; that is what makes
    twins comparable.
    """

    def __init__(self, seed: int):
        self.seed = seed

    def stream(self, purpose: str) -> np.random.Generator:
        """Return a fresh generator for this purpose; the same one on every call."""
        return np.random.default_rng([self.seed, zlib.crc32(purpose.encode())])

    def uniform(self, purpose: str, *keys: Array | int) -> Array:
        """Return a number in (0, 1) for each combination of whole-number keys (arrays of one length)."""
        salt = self.stream(purpose).integers(2**63)
        bits = np.array(keys[0], dtype=np.uint64, ndmin=1)
        bits += np.uint64(salt)
        _mix(bits)
        for key in keys[1:]:
            bits += (np.array(key, dtype=np.uint64, ndmin=1) + np.uint64(1)) * _STEP
            _mix(bits)
        bits >>= np.uint64(11)
        return (bits + 0.5) * 2.0**-53

    def normal(self, purpose: str, *keys: Array | int) -> Array:
        """Return a standard normal number for each key, as :meth:`uniform` does."""
        return ndtri(self.uniform(purpose, *keys))


def choose(uniform: Array, weights: list[float] | Array) -> Array:
    """Return for each number in (0, 1) the index that it falls on when the unit is cut in these shares."""
    edges = np.cumsum(weights)
    return np.searchsorted(edges[:-1] / edges[-1], uniform, side="right")
