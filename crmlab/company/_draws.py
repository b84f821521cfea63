"""Chance: a stream of its own for each purpose, and numbers that belong to a row whoever else is there."""

import zlib
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from scipy.special import ndtri

Array = np.ndarray[Any, Any]
_BLOCK = 2**15  # numbers that are drawn at a time, so that they stay in the processor's cache
_FEW = 6


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
        salt = np.uint64(_salt(self, purpose))
        first, *others = map(np.atleast_1d, keys)  # only arrays overflow in silence
        found = np.empty(len(first))
        for start in range(0, len(first), _BLOCK):
            part = slice(start, start + _BLOCK)
            bits = _mix(first[part].astype(np.uint64) + salt)
            for key in others:
                key = key[part] if len(key) > 1 else key
                bits = _mix(bits + (key.astype(np.uint64) + 1) * 0x9E3779B97F4A7C15)
            np.add((bits >> 11).view(np.int64), 0.5, out=found[part])
        found *= 2.0**-53
        return found

    def normal(self, purpose: str, *keys: Array | int) -> Array:
        """Return a standard normal number for each key, as :meth:`uniform` does."""
        luck = self.uniform(purpose, *keys)
        return ndtri(luck, out=luck)


@lru_cache(4096)
def _salt(draws: Draws, purpose: str) -> int:
    return int(draws.stream(purpose).integers(2**63))


def choose(uniform: Array, weights: Any, row: Array | int = 0) -> Array:
    """Return for each number in (0, 1) the index that it falls on when the unit is cut in these shares.

    With a table of weights, `row` says whose shares they are for each of the numbers.
    """
    edges = np.cumsum(np.atleast_2d(weights), axis=1)
    edges = edges[:, :-1] / edges[:, -1:] + np.arange(len(edges))[:, None]
    if edges.shape[1] > _FEW:
        return np.searchsorted(edges.ravel(), row + uniform, side="right") - row * np.int64(edges.shape[1])
    sought, found = row + uniform, np.zeros(len(uniform), np.int8)
    for edge in edges.T:  # few comparisons are faster than a search
        found += sought >= edge[row]
    return found.astype(int)
