"""BG/NBD and MBG/NBD: after a purchase the customer may leave, with a probability of his own."""

from typing import Any

import numpy as np
from scipy.special import expit
from scipy.stats import nbinom

from crmlab._quadrature import QUANTILE_WEIGHTS, beta_quantiles
from crmlab._results import Derivatives, rises, rising, unique_rows
from crmlab.value.boundaries import buying_note, dropout_note
from crmlab.value.purchases import Array, Lives, PurchaseModel, PurchaseResults

BLOCK = 16_384  # customers at a time


def dot(a: Array, b: Array) -> float:
    """Return the sum of products, in pairs, so that a sum of many loses no digits; one thread is enough."""
    return float((a * b).sum())


class BetaGeoNBD(PurchaseModel):
    """BG/NBD model of Fader, Hardie & Lee (2005).

    While a customer, one buys at random with a rate λ that differs between customers as a gamma(r, alpha);
    after every *repeat* purchase one leaves with probability p, which differs as a beta(a, b). Somebody
    who never came back had no occasion to leave: BG/NBD holds one-time buyers alive with certainty
    (:class:`ModifiedBetaGeoNBD` does not).

    Parameters
    ----------
    summary : table
        Columns ``frequency`` (repeat purchases), ``recency`` (age at the last one) and ``T`` (age now), a row
        per customer, as from :func:`crmlab.value.btyd_summary`: pandas, Polars (eager or lazy), pyarrow or
        DuckDB. A table already counted is as good: one row
        per history with `weights`.
    weights : str or sequence of float, optional
        How many customers each row stands for: a column's name, or a number per row.

    Raises
    ------
    ValueError
        Missing columns, impossible histories, fewer customers than parameters, nobody who bought again.

    Notes
    -----
    Estimates come from Newton steps in the logarithms of the parameters with exact gradient and Hessian.
    Time in ``alpha`` is the summary's unit.

    References
    ----------
    Fader, P. S., Hardie, B. G. S. & Lee, K. L. (2005). "Counting your customers" the easy way: an
    alternative to the Pareto/NBD model. Marketing Science 24(2), 275–284, equation 6.
    https://doi.org/10.1287/mksc.1040.0098

    Examples
    --------
    >>> from crmlab import datasets, value
    >>> summary = value.btyd_summary(datasets.load("cdnow_sample"), calibration_end="1997-09-30")
    >>> value.BetaGeoNBD(summary).fit()
    <BG/NBD: r 0.2426, alpha 4.414, a 0.7929, b 2.426; log-likelihood -9,582.4>
    """

    names = ("r", "alpha", "a", "b")
    title = "BG/NBD"
    results_class = PurchaseResults
    acts_on = ((1, -1.0), (2, 1.0))
    second_starts = (np.array([0.3, 0.3, 0.1, 0.1]), np.array([3.0, 3.0, 1.0, 1.0]))
    chances = 0  # occasions to leave before the first repeat purchase

    def first_start(self) -> Array:
        return np.array([0.5, 0.5 * self.mean_age(), 1.0, 2.0])

    def boundary_note(self, names: list[str], params: Array) -> str:
        notes = [dropout_note(names, params)]
        if {"r", "alpha"} & set(names):
            notes.append(buying_note(*params[:2]))
        return " And ".join(note for note in notes if note) or super().boundary_note(names, params)

    def alive(self, params: Any, x: Array, t_x: Array, T: Array) -> Array:
        r, alpha, a, b = params
        had_a_chance = x + self.chances > 0
        steps = np.where(had_a_chance, b + x + self.chances - 1, 1)
        odds_left = np.log(a / steps) + (r + x) * np.log1p((T - t_x) / (alpha + t_x))
        return np.where(had_a_chance, expit(-odds_left), 1.0)

    def derivatives(self, params: Array) -> Derivatives:
        """As the sum of :meth:`row_derivatives`, in sums where all customers share the parameters."""
        if self.z:
            return super().derivatives(params)
        (r, alpha, a, b), k = params, self.chances
        x, t_x, T, n = self.x, self.t_x, self.T, self.n
        counts = np.bincount(x.astype(int), n)
        top = len(counts) - 1 + k
        tables = rising(r, top)[:, : len(counts)], rising(b, top)[:, k:], rising(a + b, top)[:, k:]
        gamma, b_rise, ab_rise = (np.einsum("ij,j->i", table, counts) for table in tables)
        u, v, wait, late = 1 / (alpha + T), 1 / (alpha + t_x), T - t_x, T / alpha
        lasts, nu = dot(n, np.log1p(late)), n * u
        value = gamma[0] - r * lasts - dot(n * x, np.log(alpha + T)) + b_rise[0] - ab_rise[0]
        gradient = np.array([gamma[1] - lasts, dot(nu, r * late - x), -ab_rise[1], b_rise[1] - ab_rise[1]])
        hessian = np.zeros((4, 4))
        hessian[0, 0], hessian[0, 1] = gamma[2], dot(nu, late)
        hessian[1, 1] = dot(nu * u, x - r * late * (2 + late))
        hessian[2, 2] = hessian[2, 3] = -ab_rise[2]
        hessian[3, 3] = b_rise[2] - ab_rise[2]

        if not k:  # whoever has not come back cannot have left
            x, n, u, v, wait = (array[x > 0] for array in (x, n, u, v, wait))
        y, c, waited = r + x, 1 / (b + x + k - 1), np.log1p(wait * v)
        z = np.log(a * c) + y * waited  # the logarithm of the odds of having left
        value += dot(n, np.logaddexp(0, z))
        left = n * expit(z)
        sooner = -wait * u * v
        slope = np.array([waited, y * sooner, np.full(len(x), 1 / a), -c])
        gradient += np.einsum("ij,j->i", slope, left)
        hessian += np.einsum("ij,kj->ik", slope * (left * expit(-z)), slope)
        hessian[0, 1] += dot(left, sooner)
        hessian[1, 1] -= dot(left, y * sooner * (u + v))
        hessian[2, 2] -= left.sum() / a**2
        hessian[3, 3] += dot(left, c**2)
        hessian[1, 0], hessian[3, 2] = hessian[0, 1], hessian[2, 3]
        return float(value), gradient, hessian

    def row_derivatives(self, params: Any, x: Array, t_x: Array, T: Array) -> tuple[Array, Array, Array]:
        r, alpha, a, b = params
        k = self.chances
        gamma, b_rise, ab_rise = rises(r, x), rises(b, x + k), rises(a + b, x + k)
        # Nothing cancels where alpha and r have run to infinity: α + T is told by its ratio to α.
        y, u, v = r + x, 1 / (alpha + T), 1 / (alpha + t_x)
        late = np.log1p(T / alpha)
        value = gamma[0] - r * late - x * np.log(alpha + T) + b_rise[0] - ab_rise[0]
        gradient = np.array([gamma[1] - late, (r * T / alpha - x) * u, -ab_rise[1], b_rise[1] - ab_rise[1]])
        hessian = np.zeros((4, 4, len(x)))
        hessian[0, 0], hessian[0, 1] = gamma[2], T * u / alpha
        hessian[1, 1] = (x - r * (T / alpha) * (2 + T / alpha)) * u**2
        hessian[2, 2] = hessian[2, 3] = -ab_rise[2]
        hessian[3, 3] = b_rise[2] - ab_rise[2]

        # log(1 + odds of having left), for those who had an occasion to leave
        c = 1 / np.where(x + k > 0, b + x + k - 1, 1)
        waited = np.log1p((T - t_x) * v)
        with np.errstate(divide="ignore"):
            z = np.where(x + k > 0, np.log(a * c) + y * waited, -np.inf)
        left = expit(z)
        value += np.logaddexp(0, z)
        sooner = -(T - t_x) * u * v  # u − v
        slope = np.array([waited, y * sooner, np.broadcast_to(1 / a, x.shape), -c])
        gradient += left * slope
        hessian += left * (1 - left) * slope[:, None] * slope
        hessian[0, 1] += left * sooner
        hessian[1, 1] -= left * y * sooner * (u + v)
        hessian[2, 2] -= left / a**2
        hessian[3, 3] += left * c**2
        hessian[1, 0], hessian[3, 2] = hessian[0, 1], hessian[2, 3]
        return value, gradient, hessian

    def leaving(self, params: Any, x: Array) -> tuple[Array, Array]:
        """Return quantiles of the posterior beta(a, b + x) of each different customer, and their places."""
        _, _, a, b = params
        steps = np.ravel(b + x + self.chances)
        (a, b), place = unique_rows(np.broadcast_to(np.ravel(a), steps.shape), steps)
        return np.array([beta_quantiles(*one) for one in zip(a, b, strict=True)]), place

    def pace(self, params: Array, x: Array, T: Array) -> Array:
        r, alpha, a, b = params
        return (alpha + T) / np.maximum((r + x) * a / (a + b + x), 1)

    def purchases_while_alive(self, params: Array, t: Array, x: Array, T: Array) -> Array:
        r, alpha, _, _ = params
        # The paper's equation 10 holds a hypergeometric function that overflows where customers are alike.
        # Before its last integral it is the mean of (1 − (1 + p t/(α+T))^−(r+x)) / p over p ~ beta(a, b+x).
        p, place = self.leaving(params, x)
        ahead, y = np.ravel(t / (alpha + T)), np.ravel(r + x)
        out = np.empty(len(ahead))
        for first in range(0, len(out), BLOCK):
            rows = slice(first, first + BLOCK)
            chance = p[place[rows]]
            stopped = -np.expm1(-y[rows, None] * np.log1p(chance * ahead[rows, None]))
            out[rows] = np.einsum("ij,j->i", stopped / chance, QUANTILE_WEIGHTS)
        return out.reshape(np.shape(x))

    def stays_alive(self, params: Array, t: Array, x: Array, T: Array) -> Array:
        r, alpha, _, _ = params
        p, place = self.leaving(params, x)
        return (1 + p[place] * (t / (alpha + T))[:, None]) ** -(r + x)[:, None] @ QUANTILE_WEIGHTS

    def draw_lives(self, params: Any, x: Array, T: Array, rng: np.random.Generator) -> Lives:
        r, alpha, a, b = params
        rate, leave = rng.gamma(r + x) / (alpha + T), rng.beta(a, b + x + self.chances)
        with np.errstate(divide="ignore", over="ignore"):
            # each purchase ends the life with this probability: two independent streams of purchases
            return rate * (1 - leave), rng.exponential(size=len(x)) / (rate * leave), True

    def counts_while_alive(self, params: Array, t: Array, x: Array, T: Array, top: int) -> Array:
        r, alpha, a, b = (np.reshape(param, (-1, 1)) for param in params)
        j, before = np.arange(top + 1), np.arange(top)
        steps = b + (x + self.chances)[:, None]
        ones = np.ones((len(x), 1))
        # P(not left after j purchases), and P(left at the j-th)
        stays = np.cumprod(np.concatenate([ones, (steps + before) / (a + steps + before)], axis=1), axis=1)
        leaves = np.concatenate([0 * ones, stays[:, :-1] * a / (a + steps + before)], axis=1)
        y, in_time = r + x[:, None], (alpha + T[:, None]) / (alpha + (T + t)[:, None])
        return stays * nbinom.pmf(j, y, in_time) + leaves * nbinom.sf(j - 1, y, in_time)


class ModifiedBetaGeoNBD(BetaGeoNBD):
    """MBG/NBD model of Batislam, Denizel & Filiztekin (2007): BG/NBD with a chance to leave at the start.

    The customer may leave after *every* purchase, the first included, so that one-time buyers are no longer
    alive with certainty. Everything else, parameters included, is as in :class:`BetaGeoNBD`.

    Parameters
    ----------
    summary, weights
        As in :class:`BetaGeoNBD`.

    Raises
    ------
    ValueError
        As in :class:`BetaGeoNBD`.

    References
    ----------
    Batislam, E. P., Denizel, M. & Filiztekin, A. (2007). Empirical validation and comparison of models for
    customer base analysis. International Journal of Research in Marketing 24(3), 201–209.
    https://doi.org/10.1016/j.ijresmar.2006.12.005

    Examples
    --------
    >>> from crmlab import datasets, value
    >>> summary = value.btyd_summary(datasets.load("cdnow_sample"), calibration_end="1997-09-30")
    >>> value.ModifiedBetaGeoNBD(summary).fit()
    <MBG/NBD: r 0.5248, alpha 6.183, a 0.8914, b 1.614; log-likelihood -9,582.1>
    """

    title = "MBG/NBD"
    chances = 1
