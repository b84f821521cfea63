"""Pareto/NBD: buying at random, and leaving at random, at rates of one's own."""

from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import expit, exprel, gammaln

from crmlab._quadrature import crowded, even
from crmlab._results import Derivatives, rise, rises
from crmlab.value.boundaries import buying_note
from crmlab.value.calendar import Calendar
from crmlab.value.covariates import part
from crmlab.value.purchases import Array, Lives, PurchaseModel, PurchaseResults

NODES, NODE_WEIGHTS = even(20)
NEGLIGIBLE = 40.0  # the integrand is cut where it has fallen by e to this power
SURVIVAL, SURVIVAL_WEIGHTS = crowded(even(128))
BLOCK = 4096  # rows at a time, so that the work stays in the processor's cache


class ParetoNBD(PurchaseModel):
    """Pareto/NBD model of Schmittlein, Morrison & Colombo (1987).

    While a customer, one buys at random with a rate λ that differs between customers as a gamma(r, alpha),
    and leaves after an exponential lifetime whose rate differs as a gamma(s, beta).

    Parameters
    ----------
    summary : table
        Columns ``frequency`` (repeat purchases), ``recency`` (age at the last one) and ``T`` (age now), a row
        per customer, as from :func:`crmlab.value.btyd_summary`.
    weights : str or sequence of float, optional
        How many customers each row stands for: a column's name, or a number per row.

    Raises
    ------
    ValueError
        Missing columns, impossible histories, fewer customers than parameters, nobody who bought again.

    Notes
    -----
    The likelihood is written as an integral over the unseen moment of leaving,

        α^r β^s Γ(r+x)/Γ(r) [ (α+T)^−(r+x) (β+T)^−s + s ∫ (α+τ)^−(r+x) (β+τ)^−(s+1) dτ ],  τ from t_x to T,

    and integrated by 20-node Gauss–Legendre quadrature in log(min(α, β) + τ). No hypergeometric function is
    needed, and nothing overflows for customers with hundreds of purchases.

    References
    ----------
    Schmittlein, D. C., Morrison, D. G. & Colombo, R. (1987). Counting your customers: who are they and what
    will they do next? Management Science 33(1), 1–24. https://doi.org/10.1287/mnsc.33.1.1

    Fader, P. S. & Hardie, B. G. S. (2005). A note on deriving the Pareto/NBD model and related expressions.

    Examples
    --------
    >>> from crmlab import datasets, value
    >>> summary = value.btyd_summary(datasets.load("cdnow_sample"), calibration_end="1997-09-30")
    >>> value.ParetoNBD(summary).fit()
    <Pareto/NBD: r 0.5533, alpha 10.58, s 0.6062, beta 11.67; log-likelihood -9,595.0>
    """

    names = ("r", "alpha", "s", "beta")
    title = "Pareto/NBD"
    results_class = PurchaseResults
    second_starts = (np.array([0.3, 0.3, 0.1, 0.1]), np.array([3.0, 3.0, 1.0, 1.0]))

    def first_start(self) -> Array:
        return np.array([0.5, 0.5 * self.mean_age(), 0.5, 0.5 * self.mean_age()])

    def boundary_note(self, names: list[str], params: Array) -> str:
        r, alpha, s, beta = params[:4]
        notes = [buying_note(r, alpha)] if {"r", "alpha"} & set(names) else []
        gone = -np.expm1(-s * np.log1p(self.mean_age() / beta))
        cases = [
            (gone < 1e-3, "no drop-out visible in these data; the fit is the NBD model's, which has none."),
            (beta < 0.01 * self.mean_age(), f"a share of {gone:.3g} left at once, of the others hardly any."),
            (s > 5, f"customers do not differ in how they drop out: all at the rate {s / beta:.3g}."),
            (True, f"a share of {gone:.3g} has left; how customers differ in that, these data do not tell."),
        ]
        if {"s", "beta"} & set(names):
            notes.append(next(words for holds, words in cases if holds))
        return " And ".join(notes) or super().boundary_note(names, params)

    def log_terms(self, params: Any, x: Array, t_x: Array, T: Array) -> tuple[Array, Array, Array, Array]:
        """Return the logarithms of the likelihood's terms, and τ, log(1 + τ/α), log(1 + τ/β).

        One row per customer. The first column is the term of those still alive at T, the others are the
        integrand at the nodes times the node's weight.
        """
        r, alpha, s, beta = (np.reshape(param, (-1, 1)) for param in params)
        y, begin, end = (array[:, None] for array in (r[:, 0] + x, t_x, T))
        small = np.minimum(alpha, beta)
        # The logarithm of the integrand falls at least as fast as at its start.
        fall = (small + begin) * (y / (alpha + begin) + (s + 1) / (beta + begin)) - 1
        with np.errstate(divide="ignore"):
            cut = np.where(fall > 0, NEGLIGIBLE / fall, np.inf)
        length = np.minimum(np.log1p((end - begin) / (small + begin)), cut)
        # Nothing cancels where α or β is 1e10: τ is told from t_x on, and by its ratios to them.
        tau = np.concatenate([end, begin + (small + begin) * np.expm1(length * NODES)], axis=1)
        bought, left = np.log1p(tau / alpha), np.log1p(tau / beta)
        terms = -y * bought - s * left - (y - r) * np.log(alpha)
        with np.errstate(divide="ignore"):
            terms[:, 1:] += (
                np.log(s / beta * (small + begin) * length * NODE_WEIGHTS) + length * NODES - left[:, 1:]
            )
        return terms, tau, bought, left

    def derivatives(self, params: Array) -> Derivatives:
        found = self._calendar.derivatives(params, self.n) if self._calendar else None
        return found or super().derivatives(params)

    @cached_property
    def _calendar(self) -> Calendar | None:
        return None if self.z else Calendar.of((), self.x, self.t_x, self.T)

    def row_derivatives(self, params: Any, x: Array, t_x: Array, T: Array) -> tuple[Array, Array, Array]:
        terms, tau, bought, left = self.log_terms(params, x, t_x, T)
        r, alpha, s, beta = (np.reshape(param, (-1, 1)) for param in params)
        gamma = rises(params[0], x)
        reference = terms.max(axis=1)
        share = np.exp(terms - reference[:, None])
        total = share.sum(axis=1)
        share /= total[:, None]
        gone = np.r_[0.0, np.ones(len(NODES))]
        u, v, x = 1 / (alpha + tau), 1 / (beta + tau), x[:, None]
        slope = np.array(
            [-bought, (r * (tau / alpha) - x) * u, gone / s - left, (s * (tau / beta) - gone) * v]
        )
        mean = np.einsum("kij,ij->ki", slope, share)
        hessian = np.einsum("kij,lij->kli", slope * share, slope) - mean[:, None] * mean
        hessian[0, 0] += gamma[2]
        hessian[0, 1] += np.einsum("ij,ij->i", share, tau / alpha * u)
        bend = x - r * (tau / alpha) * (2 + tau / alpha)
        hessian[1, 1] += np.einsum("ij,ij->i", share, bend * u**2)
        hessian[2, 2] -= (share[:, 1:] / s**2).sum(axis=1)
        hessian[2, 3] += np.einsum("ij,ij->i", share, tau / beta * v)
        bend = gone - s * (tau / beta) * (2 + tau / beta)
        hessian[3, 3] += np.einsum("ij,ij->i", share, bend * v**2)
        hessian[1, 0], hessian[3, 2] = hessian[0, 1], hessian[2, 3]
        mean[0] += gamma[1]
        return gamma[0] + reference + np.log(total), mean, hessian

    def alive(self, params: Any, x: Array, t_x: Array, T: Array) -> Array:
        x, t_x, T = (np.ravel(array) for array in np.broadcast_arrays(x, t_x, T))
        calendar = Calendar.of(params, x, t_x, T)
        found = calendar.still_there(params) if calendar else None
        if found is not None:
            return found
        alive = np.empty(len(x))
        for first in range(0, len(x), BLOCK):
            rows = slice(first, first + BLOCK)
            terms = self.log_terms(part(params, rows), x[rows], t_x[rows], T[rows])[0]
            alive[rows] = expit(terms[:, 0] - np.logaddexp.reduce(terms[:, 1:], axis=1))
        return alive

    def pace(self, params: Array, x: Array, T: Array) -> Array:
        return (params[3] + T) / np.maximum(params[2], 1) + 0 * x

    def purchases_while_alive(self, params: Array, t: Array, x: Array, T: Array) -> Array:
        r, alpha, s, beta = params
        # (1 − e^(−(s−1)L)) / (s−1), which has no hole at s = 1
        longer = np.log1p(t / (beta + T))
        return (r + x) * (beta + T) / (alpha + T) * longer * exprel((1 - s) * longer)

    def draw_lives(self, params: Any, x: Array, T: Array, rng: np.random.Generator) -> Lives:
        r, alpha, s, beta = params
        with np.errstate(divide="ignore", over="ignore"):
            until = rng.exponential(size=len(x)) * (beta + T) / rng.gamma(s, size=len(x))
        return rng.gamma(r + x) / (alpha + T), until, False

    def stays_alive(self, params: Array, t: Array, x: Array, T: Array) -> Array:
        _, _, s, beta = params
        return np.exp(-s * np.log1p(t / (beta + T)))

    def counts_while_alive(self, params: Array, t: Array, x: Array, T: Array, top: int) -> Array:
        r, alpha, s, beta = (np.reshape(param, (-1, 1)) for param in params)
        y, alpha, beta, t = r + x[:, None], alpha + T[:, None], beta + T[:, None], t[:, None]
        out = np.empty((len(x), top + 1))
        for first in range(0, len(x), 1024):
            rows = slice(first, first + 1024)
            one, scale, clock, end = y[rows], alpha[rows], beta[rows], t[rows]
            # Leaving at τ: the survivor function (β/(β+τ))^s runs evenly through its own values.
            stays = np.exp(-s * np.log1p(end / clock))
            survival = stays + (1 - stays) * SURVIVAL
            tau = np.concatenate([end, clock * np.expm1(-np.log(survival) / s)], axis=1)
            weights = np.concatenate([stays, (1 - stays) * SURVIVAL_WEIGHTS], axis=1)
            with np.errstate(divide="ignore"):
                none, more = -one * np.log1p(tau / scale), np.log(tau / (scale + tau))
            ways = rise(one, np.arange(top + 1))[0] - gammaln(np.arange(top + 1) + 1)
            for j in range(top + 1):
                log = none + (j * more if j else 0) + ways[:, [j]]
                out[rows, j] = np.einsum("ij,ij->i", weights, np.exp(log))
        return out
