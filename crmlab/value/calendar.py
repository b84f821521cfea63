"""Pareto/NBD where all times lie on one grid, days or weeks: one table of integrals serves all customers."""

from typing import Any

import numpy as np

from crmlab._quadrature import even
from crmlab._results import Derivatives, grid, rising

Array = np.ndarray
FEW, MANY = even(6), even(12)  # nodes in each step: enough where the integrand falls by e, by e^10, in it
UNDERFLOW = 600.0  # logarithms beyond this are no numbers any more
PAIRS = np.triu_indices(4)


class Calendar:
    """Histories whose times lie on one grid.

    The integral over the unseen moment of leaving, from the last purchase to today, is the difference of two
    running sums over the steps of the grid, the same for all customers with as many purchases. So it is
    computed once for each number of purchases and step, and not once for each history.

    Parameters
    ----------
    x, t_x, T : ndarray
        Frequency, recency and age.
    grain : int
        Steps of the grid in a unit of time.
    """

    def __init__(self, x: Array, t_x: Array, T: Array, grain: int):
        held = np.flatnonzero(np.bincount(x.astype(int)))
        place = np.zeros(int(held[-1]) + 1, int)
        place[held] = np.arange(len(held))
        self.numbers, self.grain = held.astype(float), grain
        self.steps = int(np.rint(T.max() * grain))
        row = place[x.astype(int)] * (self.steps + 1)
        self.begins = row + np.rint(t_x * grain).astype(int)
        self.ends = row + np.rint(T * grain).astype(int)

    @classmethod
    def of(cls, params: Any, x: Array, t_x: Array, T: Array) -> "Calendar | None":
        """Return the histories on their grid, or None where there is none or it would not pay."""
        if any(np.ndim(param) for param in params) or not len(x) or x.max() > 10_000:
            return None
        grains = [grid(times)[1] for times in (t_x, T)]
        if not all(grains) or T.max() * max(grains) * min(len(x), x.max() + 1) > 4 * len(x):
            return None
        return cls(x, t_x, T, max(grains))

    def nodes(self, params: Array) -> tuple[Array, Array] | None:
        """Return the nodes of one step and their weights; None where the integrand falls too fast."""
        r, alpha, s, beta = params
        y, end = r + self.numbers[-1], self.steps / self.grain
        fall = (y / alpha + (s + 1) / beta) / self.grain
        low = y * np.log1p(end / alpha) + (s + 1) * np.log1p(end / beta)
        if fall > 10 or low > UNDERFLOW or min(alpha, beta) * self.grain < 1:
            return None
        return FEW if fall < 1 else MANY

    def sums(self, params: Array, slopes: bool) -> tuple[Array, Array] | None:
        """Return two tables, a row per number of purchases and step, a column per derivative.

        The first is the integral from this step to the last; the second the term of those alive at this
        step, less that integral: their sum, begin and end looked up, is the likelihood of a history.
        """
        nodes = self.nodes(params)
        if nodes is None:
            return None
        at, weights = nodes
        _, _, s, beta = params
        day = np.arange(self.steps + 1.0)
        tau = (day[:-1, None] + at) / self.grain
        fade = self.fade(params, tau.ravel(), 1.0).reshape(len(self.numbers), *tau.shape)
        fade *= weights * (s / beta / self.grain)
        columns = self.columns(params, tau, 1.0, slopes)
        steps = np.matmul(fade.transpose(1, 0, 2), columns).transpose(1, 0, 2)
        ahead = np.zeros((len(self.numbers), self.steps + 1, columns.shape[-1]))
        ahead[:, :-1] = np.cumsum(steps[:, ::-1], axis=1)[:, ::-1]
        today = day / self.grain
        alive = self.fade(params, today, 0.0)[..., None] * self.columns(params, today, 0.0, slopes)
        alive -= ahead
        both = [self.by_purchases(table) for table in (ahead, alive)] if slopes else [ahead, alive]
        return both[0].reshape(-1, both[0].shape[-1]), both[1].reshape(-1, both[1].shape[-1])

    def fade(self, params: Array, tau: Array, gone: float) -> Array:
        """Return the term of a history that ends at each moment, for each number of purchases."""
        r, alpha, s, beta = params
        late = (r + self.numbers)[:, None] * np.log1p(tau / alpha)
        return np.exp(-late - (s + gone) * np.log1p(tau / beta))

    def columns(self, params: Array, tau: Array, gone: float, slopes: bool) -> Array:
        """Return 1 and what the term is multiplied with in its derivatives, by powers of the purchases."""
        r, alpha, s, beta = params
        one = np.ones_like(tau)
        if not slopes:
            return one[..., None]
        u, v, p, q = 1 / (alpha + tau), 1 / (beta + tau), tau / alpha, tau / beta
        bought, left = -np.log1p(p), gone / s - np.log1p(q)
        clock, leave = r * p * u, (s * q - gone) * v
        parts = [
            one, bought, clock, left, leave,
            bought**2, bought * clock + p * u, bought * left, bought * leave,
            clock**2 - r * p * (2 + p) * u**2, clock * left, clock * leave,
            left**2 - gone / s**2, left * leave + q * v, leave**2 + (gone - s * q * (2 + q)) * v**2,
            # what one purchase more adds: to the slope in alpha (2), and to its products (6, 9, 10, 11)
            -u, -bought * u, u**2 - 2 * clock * u, -left * u, -leave * u, u**2,
        ]  # fmt: skip
        return np.stack(parts, axis=-1)

    def by_purchases(self, table: Array) -> Array:
        x = self.numbers[:, None, None]
        table[..., [2, 6, 9, 10, 11]] += x * table[..., 15:20]
        table[..., 9] += x[..., 0] ** 2 * table[..., 20]
        return table[..., :15]

    def derivatives(self, params: Array, n: Array) -> Derivatives | None:
        """Return the log-likelihood of `n` customers with each history, its gradient and its Hessian."""
        tables = self.sums(params, slopes=True)
        if tables is None:
            return None
        ahead, alive = tables
        first = ahead[self.begins, :5] + alive[self.ends, :5]
        total = first[:, 0]
        share = n / total
        slope = first[:, 1:] / total[:, None]
        gradient = np.einsum("i,ij->j", n, slope)
        hessian = np.zeros((4, 4))
        for rows, table in ((self.begins, ahead), (self.ends, alive)):
            hessian[PAIRS] += np.einsum("i,ij->j", np.bincount(rows, share, len(table)), table[:, 5:])
        hessian = np.triu(hessian) + np.triu(hessian, 1).T
        hessian -= np.einsum("ij,ik->jk", slope * n[:, None], slope)
        count = np.bincount(self.begins // (self.steps + 1), n, len(self.numbers))
        gamma = rising(params[0], int(self.numbers[-1]))[:, self.numbers.astype(int)]
        gamma = np.einsum("ij,j->i", gamma, count)
        bought = np.einsum("i,i", count, self.numbers)
        value = gamma[0] + (n * np.log(total)).sum() - bought * np.log(params[1])
        gradient[0] += gamma[1]
        hessian[0, 0] += gamma[2]
        return float(value), gradient, hessian

    def still_there(self, params: Array) -> Array | None:
        """Return the probability of being alive at the age, for each history."""
        tables = self.sums(params, slopes=False)
        if tables is None:
            return None
        ahead, alive = (table[:, 0] for table in tables)
        there = alive + ahead  # the term of those alive, without rounding
        return there[self.ends] / (ahead[self.begins] + alive[self.ends])
