"""Partial least squares from covariance matrices, of many samples at once.

Whatever partial least squares finds on items, it finds from their covariance matrix alone (Lohmöller, 1989,
Latent Variable Path Modeling with Partial Least Squares, chapter 2). So all replicates of a bootstrap can be
weighed side by side. Arrays here have the samples last: an operation on one entry of all the matrices then
runs through memory in one go.
"""

from dataclasses import dataclass

import numpy as np

SCHEMES = ("path", "factorial", "centroid")
_TOGETHER = 2**21  # entries of matrices that are weighed at the same time


@dataclass(frozen=True)
class Plan:
    """Which items make up which block, and which block hangs on which; a place is an item in its block.

    Blocks stand in an order in which causes come before effects.
    """

    names: tuple[str, ...]
    items: tuple[np.ndarray, ...]  # of each block, by number in the covariance matrix
    causes: tuple[tuple[int, ...], ...]
    formative: tuple[bool, ...]  # Mode B
    consistent: tuple[bool, ...]
    scheme: str = "path"

    @property
    def places(self) -> list[slice]:
        ends = np.cumsum([0, *map(len, self.items)])
        return [slice(start, end) for start, end in zip(ends[:-1], ends[1:], strict=True)]

    @property
    def every(self) -> np.ndarray:
        """Return the item of each place."""
        return np.concatenate(self.items)


@dataclass
class Composites:
    """What was found in each sample; ``ok`` says where anything was, and is NaN elsewhere."""

    weights: np.ndarray  # places × samples: of scores with variance 1
    shared: np.ndarray  # blocks × places × samples: covariances of scores and items
    correlation: np.ndarray  # blocks × blocks × samples, of scores, or as consistent blocks would have it
    plain: np.ndarray  # the same, of scores
    rho: np.ndarray  # blocks × samples: reliability of the score (rho A), 1 where it has no meaning
    loadings: np.ndarray  # places × samples: correlation of item and score (or common factor) of its block
    turned: np.ndarray  # whether a score was turned round
    ok: np.ndarray
    steps: int


def solve(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solve k × k positive definite systems, the samples last, by elimination.

    Examples
    --------
    >>> solve(np.array([[[2.0], [1.0]], [[1.0], [2.0]]]), np.array([[3.0], [3.0]])).ravel().tolist()
    [1.0, 1.0]
    """
    size = len(right)
    table = np.concatenate([matrix, right[:, None]], axis=1)
    for row in range(size):
        table[row, row + 1 :] /= table[row, row]
        for other in (one for one in range(size) if one != row):
            table[other, row + 1 :] -= table[other, row] * table[row, row + 1 :]
    return table[:, -1]


def _inner(correlation: np.ndarray, plan: Plan) -> np.ndarray:
    """Return how much each block counts (rows) in the proxy of each block (columns), from its neighbours."""
    tied = np.zeros_like(correlation)
    for effect, causes in enumerate(plan.causes):
        for cause in causes:
            tied[cause, effect] = tied[effect, cause] = correlation[cause, effect]
        if plan.scheme == "path" and len(causes) > 1:
            at = list(causes)
            tied[at, effect] = solve(correlation[np.ix_(at, at)], correlation[at, effect])
    return np.sign(tied) if plan.scheme == "centroid" else tied


def _shared(covariance: np.ndarray, weights: np.ndarray, places: list[slice]) -> np.ndarray:
    """Return the covariance of each score with each item."""
    found = np.empty((len(places), *weights.shape))
    for block, one in enumerate(places):
        np.einsum("ikd,kd->id", covariance[:, one], weights[one], out=found[block])
    return found


def _among(shared: np.ndarray, weights: np.ndarray, places: list[slice]) -> np.ndarray:
    """Return the covariances of the scores."""
    found = np.empty((len(places), len(places), weights.shape[-1]))
    for block, one in enumerate(places):
        np.einsum("id,mid->md", weights[one], shared[:, one], out=found[block])
    return found


def _weigh(
    covariance: np.ndarray, plan: Plan, tolerance: float, most: int
) -> tuple[np.ndarray, np.ndarray, int]:
    """Return the weights, which samples came to rest, and the steps of the slowest."""
    places, samples = plan.places, covariance.shape[-1]
    inverse = {
        block: np.moveaxis(np.linalg.inv(np.moveaxis(covariance[one, one], -1, 0)), 0, -1)
        for block, one in enumerate(places)
        if plan.formative[block]
    }
    found, rest = np.full((len(covariance), samples), np.nan), np.zeros(samples, bool)
    going, weights, before = np.arange(samples), np.ones((len(covariance), samples)), None
    for step in range(most + 1):
        shared = _shared(covariance, weights, places)
        for block, one in enumerate(places):  # each score is brought to variance 1
            size = np.sqrt(np.einsum("id,id->d", weights[one], shared[block, one]))
            weights[one] /= size
            shared[block] /= size
        if before is not None:
            spread = np.sqrt(np.einsum("iid->id", covariance))  # a weight is of items of spread 1
            still = ~((np.abs(np.abs(weights) - np.abs(before)) * spread).max(axis=0) < tolerance)
            if still.sum() <= len(still) / 2 or step == most:  # go on with those that have not come to rest
                found[:, going[~still]], rest[going[~still]] = weights[:, ~still], True
                going, weights, covariance = going[still], weights[:, still], covariance[:, :, still]
                shared = shared[:, :, still]
                inverse = {block: matrix[:, :, still] for block, matrix in inverse.items()}
            if not len(going) or step == most:
                break
        proxies = _inner(_among(shared, weights, places), plan)
        before, weights = weights, np.empty_like(weights)
        for block, one in enumerate(places):
            weights[one] = np.einsum("md,mid->id", proxies[:, block], shared[:, one])
            if block in inverse:
                weights[one] = np.einsum("ikd,kd->id", inverse[block], weights[one])
    return found, rest, step


def _rho(covariance: np.ndarray, weights: np.ndarray, places: list[slice], plan: Plan) -> np.ndarray:
    """Return rho A of Dijkstra and Henseler (2015), equation 3; 1 for single items and Mode B."""
    found = np.ones((len(places), weights.shape[-1]))
    for block, one in enumerate(places):
        own = weights[one]
        if len(own) > 1 and not plan.formative[block]:
            length = np.sum(own**2, axis=0)
            spread = np.einsum("iid->id", covariance[one, one])
            between = 1 - np.sum(own**2 * spread, axis=0)  # w'Sw is 1
            found[block] = length**2 * between / (length**2 - np.sum(own**4, axis=0))
    return found


def composites(
    covariance: np.ndarray,
    plan: Plan,
    tolerance: float = 1e-7,
    most: int = 300,
    like: np.ndarray | None = None,
) -> Composites:
    """Weigh the items of each sample; a score is turned so that it rises with its items, all in all.

    With `like`, the loadings of another sample, a score is turned so that its loadings agree with those.
    """
    samples, some = covariance.shape[-1], max(1, _TOGETHER // len(plan.every) ** 2)
    parts = [
        _composites(covariance[..., start : start + some], plan, tolerance, most, like)
        for start in range(0, samples, some)
    ]
    joined = {
        name: np.concatenate([getattr(part, name) for part in parts], axis=-1)
        for name in ("weights", "shared", "correlation", "plain", "rho", "loadings", "turned", "ok")
    }
    return Composites(**joined, steps=max(part.steps for part in parts))


def _composites(
    covariance: np.ndarray, plan: Plan, tolerance: float, most: int, like: np.ndarray | None
) -> Composites:
    places, every = plan.places, plan.every
    whole = (np.einsum("iid->id", covariance) > 0).all(axis=0)
    covariance = covariance[np.ix_(every, every)]
    covariance[:, :, ~whole] = np.eye(len(every))[:, :, None]  # an item that does not vary: told below
    with np.errstate(divide="ignore", invalid="ignore"):
        weights, ok, steps = _weigh(covariance, plan, tolerance, most)
        shared = _shared(covariance, weights, places)
        spread = np.sqrt(np.einsum("iid->id", covariance))
        loadings, turned = np.empty_like(weights), np.zeros(len(ok), bool)
        for block, one in enumerate(places):
            own = shared[block, one] / spread[one]
            agree = own.sum(axis=0) if like is None else like[one] @ own
            turn = np.where(agree < 0, -1.0, 1.0)
            weights[one] *= turn
            shared[block] *= turn
            turned |= turn < 0
            loadings[one] = own * turn
        plain = _among(shared, weights, places)
        rho = _rho(covariance, weights, places, plan)
        for block in (number for number, one in enumerate(plan.consistent) if one):
            own = weights[places[block]]
            loadings[places[block]] = own * np.sqrt(rho[block]) / np.sum(own**2, axis=0)
        trust = np.where(np.array(plan.consistent)[:, None], rho, 1.0)
        correlation = plain / np.sqrt(trust[:, None] * trust[None])
    unit = np.arange(len(places))
    correlation[unit, unit] = plain[unit, unit] = 1
    ok &= whole & np.isfinite(correlation).all(axis=(0, 1))
    return Composites(weights, shared, correlation, plain, rho, loadings, turned, ok, steps)


def structure(correlation: np.ndarray, plan: Plan) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return direct effects (effect × cause), R² and total effects from the correlations of the blocks."""
    direct, total = np.zeros_like(correlation), np.zeros_like(correlation)
    explained = np.zeros(correlation.shape[1:])
    for effect, causes in enumerate(plan.causes):
        if causes:
            at = list(causes)
            slopes = solve(correlation[np.ix_(at, at)], correlation[at, effect])
            direct[effect, at] = slopes
            explained[effect] = np.sum(slopes * correlation[at, effect], axis=0)
            total[effect] = direct[effect] + np.einsum("kd,kcd->cd", slopes, total[at])
    return direct, explained, total


def sound(found: Composites, plan: Plan) -> np.ndarray:
    """Say for which samples the paths can be: finite, and with what is explained at most everything."""
    _, explained, _ = structure(found.correlation, plan)
    trust = found.rho[np.array(plan.consistent)]
    possible = (trust > 0).all(axis=0) & (trust <= 1 + 1e-9).all(axis=0)
    possible &= (np.abs(found.correlation) <= 1 + 1e-9).all(axis=(0, 1))
    return found.ok & possible & (np.isfinite(explained) & (explained <= 1 + 1e-9)).all(axis=0)
