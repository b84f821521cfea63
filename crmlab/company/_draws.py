"""Chance: a stream of its own for each purpose, and numbers that belong to a row whoever else is there."""

import zlib
from functools import lru_cache
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
from scipy.special import ndtri

Array = np.ndarray[Any, Any]
_BLOCK = 2**15  # numbers that are drawn at a time, so that they stay in the processor's cache
_FEW = 6


# made once: turning a number of Python into one of numpy takes as long as the sum itself
_SHIFTS = [np.array(places, np.uint64) for places in (30, 27, 31, 11)]
_FIRST, _SECOND, _GOLDEN, _ONE = (
    np.array(factor, np.uint64) for factor in (0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0x9E3779B97F4A7C15, 1)
)


def _mix(bits: Array) -> Array:
    """Scramble 64-bit words in place: the finaliser of SplitMix64 (Steele, Lea & Flood 2014)."""
    bits ^= bits >> _SHIFTS[0]
    bits *= _FIRST
    bits ^= bits >> _SHIFTS[1]
    bits *= _SECOND
    bits ^= bits >> _SHIFTS[2]
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
        first, *others = map(np.atleast_1d, keys)  # only arrays overflow in silence
        if len(first) > _BLOCK:
            cuts = range(_BLOCK, len(first), _BLOCK)
            parts = zip(
                *(np.split(key, cuts) if len(key) > 1 else repeat(key) for key in (first, *others)),
                strict=False,
            )
            return np.concatenate([self.uniform(purpose, *part) for part in parts])
        bits = first.astype(np.uint64)
        bits += _salt(self, purpose)
        _mix(bits)
        for key in others:
            key = key.astype(np.uint64)
            key += _ONE
            key *= _GOLDEN
            bits = _mix(bits + key)
        found = (bits >> _SHIFTS[3]).view(np.int64) + 0.5
        found *= 2.0**-53
        return found

    def normal(self, purpose: str, *keys: Array | int) -> Array:
        """Return a standard normal number for each key, as :meth:`uniform` does."""
        luck = self.uniform(purpose, *keys)
        return ndtri(luck, out=luck)


@lru_cache(4096)
def _salt(draws: Draws, purpose: str) -> Array:
    return np.array(int(draws.stream(purpose).integers(2**63)), np.uint64)


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
