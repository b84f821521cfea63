"""Pareto/NBD: buying at random, and leaving at random, at rates of one's own."""

import numpy as np
from numpy.polynomial.legendre import leggauss
from scipy.special import expit, exprel
from scipy.stats import nbinom

from crmlab._results import Derivatives, rising
from crmlab.value.purchases import Array, PurchaseModel, PurchaseResults

NODES, NODE_WEIGHTS = leggauss(20)
NODES, NODE_WEIGHTS = (NODES + 1) / 2, NODE_WEIGHTS / 2
NEGLIGIBLE = 40.0  # the integrand is cut where it has fallen by e to this power
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
    clock = 3

    def start(self) -> Array:
        return np.array([0.5, 0.5 * self.mean_age(), 0.5, 0.5 * self.mean_age()])

    def boundary_note(self, names: list[str], params: Array) -> str:
        _, _, s, beta = params
        if not set(names) & {"s", "beta"}:
            return super().boundary_note(names, params)
        if s / beta * self.mean_age() < 1e-3:
            return "no drop-out visible in these data; the fit is the NBD model's, which has none."
        return f"customers do not differ in how they drop out: all at the rate s/beta = {s / beta:.3g}."

    def log_terms(self, params: Array, x: Array, t_x: Array, T: Array) -> tuple[Array, Array]:
        """Return the logarithms of the likelihood's terms, and α + τ, β + τ with their logarithms.

        One row per customer. The first column is the term of those still alive at T, the others are the
        integrand at the nodes times the node's weight.
        """
        r, alpha, s, beta = params
        small = min(alpha, beta)
        y = r + x
        begin = np.log(small + t_x)
        # The logarithm of the integrand falls at least as fast as at its start.
        fall = (small + t_x) * (y / (alpha + t_x) + (s + 1) / (beta + t_x)) - 1
        with np.errstate(divide="ignore"):
            length = np.minimum(np.log(small + T) - begin, np.where(fall > 0, NEGLIGIBLE / fall, np.inf))
        at = begin[:, None] + length[:, None] * NODES
        times = np.empty((4, len(x), len(NODES) + 1))
        times[0, :, 0] = alpha + T
        np.add(np.exp(at), alpha - small, out=times[0, :, 1:])
        np.add(times[0], beta - alpha, out=times[1])
        np.log(times[:2], out=times[2:])
        terms = -y[:, None] * times[2] - s * times[3]
        with np.errstate(divide="ignore"):
            terms[:, 1:] += at + np.log(s * length[:, None] * NODE_WEIGHTS) - times[3, :, 1:]
        return terms, times

    def derivatives(self, params: Array) -> Derivatives:
        r, alpha, s, beta = params
        gamma = rising(r, len(self.counts) - 1)
        N = self.nobs
        value = np.dot(self.counts, gamma[0]) + N * (r * np.log(alpha) + s * np.log(beta))
        gradient = np.array(
            [np.dot(self.counts, gamma[1]) + N * np.log(alpha), N * r / alpha, N * np.log(beta), N * s / beta]
        )
        hessian = np.zeros((4, 4))
        hessian[0, 0] = np.dot(self.counts, gamma[2])
        hessian[0, 1] = N / alpha
        hessian[1, 1] = -N * r / alpha**2
        hessian[2, 3] = N / beta
        hessian[3, 3] = -N * s / beta**2
        left = np.r_[0.0, np.ones(len(NODES))]
        for first in range(0, len(self.x), BLOCK):
            rows = slice(first, first + BLOCK)
            n, y = self.n[rows], r + self.x[rows]
            terms, times = self.log_terms(params, self.x[rows], self.t_x[rows], self.T[rows])
            reference = terms.max(axis=1)
            share = np.exp(terms - reference[:, None])
            total = share.sum(axis=1)
            value += np.einsum("i,i", n, reference + np.log(total))
            share /= total[:, None]
            u, v = 1 / times[:2]
            slope = np.array([-times[2], -y[:, None] * u, left / s - times[3], -(s + left) * v])
            mean = np.einsum("kij,ij->ki", slope, share)
            gradient += np.einsum("ki,i->k", mean, n)
            weighted = share * n[:, None]
            hessian += np.einsum("kij,lij->kl", slope * weighted, slope) - np.einsum(
                "ki,li,i->kl", mean, mean, n
            )
            hessian[0, 1] -= np.einsum("ij,ij", weighted, u)
            hessian[1, 1] += np.einsum("ij,ij,i", weighted, u**2, y)
            hessian[2, 2] -= weighted[:, 1:].sum() / s**2
            hessian[2, 3] -= np.einsum("ij,ij", weighted, v)
            hessian[3, 3] += np.einsum("ij,ij,j", weighted, v**2, s + left)
        hessian[1, 0], hessian[3, 2] = hessian[0, 1], hessian[2, 3]
        return float(value), gradient, hessian

    def alive(self, params: Array, x: Array, t_x: Array, T: Array) -> Array:
        x, t_x, T = (np.ravel(array) for array in np.broadcast_arrays(x, t_x, T))
        alive = np.empty(len(x))
        for first in range(0, len(x), BLOCK):
            rows = slice(first, first + BLOCK)
            terms, _ = self.log_terms(params, x[rows], t_x[rows], T[rows])
            alive[rows] = expit(terms[:, 0] - np.logaddexp.reduce(terms[:, 1:], axis=1))
        return alive

    def purchases_while_alive(self, params: Array, t: Array, x: Array, T: Array) -> Array:
        r, alpha, s, beta = params
        # (1 − e^(−(s−1)L)) / (s−1), which has no hole at s = 1
        longer = np.log1p(t / (beta + T))
        return (r + x) * (beta + T) / (alpha + T) * longer * exprel((1 - s) * longer)

    def draw_lives(
        self, params: Array, x: Array, T: Array, rng: np.random.Generator
    ) -> tuple[Array, Array, bool]:
        r, alpha, s, beta = params
        with np.errstate(divide="ignore", over="ignore"):
            until = rng.exponential(size=len(x)) * (beta + T) / rng.gamma(s, size=len(x))
        return rng.gamma(r + x) / (alpha + T), until, False

    def count_probabilities(self, params: Array, t: Array, top: int) -> Array:
        r, alpha, s, beta = params
        j = np.arange(top + 1)
        nodes, weights = leggauss(200)
        # Leaving at τ: the survivor function (β/(β+τ))^s runs evenly through its own values.
        stays = (beta / (beta + t)) ** s
        survival = stays[:, None] + (1 - stays[:, None]) * (nodes + 1) / 2
        tau = beta * (survival ** (-1 / s) - 1)
        left = nbinom.pmf(j[:, None], r, (alpha / (alpha + tau))[:, None, :]) @ (weights / 2)
        return stays[:, None] * nbinom.pmf(j, r, (alpha / (alpha + t))[:, None]) + (1 - stays[:, None]) * left
