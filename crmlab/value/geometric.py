"""BG/NBD and MBG/NBD: after a purchase the customer may leave, with a probability of his own."""

import numpy as np
from numpy.polynomial.legendre import leggauss
from scipy.special import betaincinv, expit
from scipy.stats import nbinom

from crmlab._results import Derivatives, rising
from crmlab.value.purchases import Array, PurchaseModel, PurchaseResults, dropout_note

# Gauss–Legendre nodes, crowded towards 0 and 1, as quantiles of the beta distribution.
_nodes, _weights = leggauss(64)
QUANTILES = np.sin(np.pi * (_nodes + 1) / 4) ** 2
QUANTILE_WEIGHTS = _weights * np.pi / 4 * np.sin(np.pi * (_nodes + 1) / 2)
BLOCK = 16_384  # customers at a time


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
    chances = 0  # occasions to leave before the first repeat purchase

    def start(self) -> Array:
        return np.array([0.5, 0.5 * self.mean_age(), 1.0, 2.0])

    def boundary_note(self, names: list[str], params: Array) -> str:
        return dropout_note(names, params) or super().boundary_note(names, params)

    def alive(self, params: Array, x: Array, t_x: Array, T: Array) -> Array:
        r, alpha, a, b = params
        had_a_chance = x + self.chances > 0
        steps = np.where(had_a_chance, b + x + self.chances - 1, 1)
        odds_left = np.log(a / steps) + (r + x) * np.log((alpha + T) / (alpha + t_x))
        return np.where(had_a_chance, expit(-odds_left), 1.0)

    def derivatives(self, params: Array) -> Derivatives:
        r, alpha, a, b = params
        h, k = self.counts, self.chances
        top = len(h) - 1
        gamma, b_rises, ab_rises = rising(r, top), rising(b, top + k), rising(a + b, top + k)
        beta = slice(k, top + k + 1)
        N, x, n = self.nobs, self.x, self.n
        y = r + x
        u = 1 / (alpha + self.T)
        log_late = np.log(alpha + self.T)
        value = (
            np.dot(h, gamma[0] + b_rises[0, beta] - ab_rises[0, beta])
            + N * r * np.log(alpha)
            - np.einsum("i,i,i", n, y, log_late)
        )
        ab = np.dot(h, ab_rises[1, beta]), np.dot(h, ab_rises[2, beta])
        yu = n * y * u
        gradient = np.array(
            [
                np.dot(h, gamma[1]) + N * np.log(alpha) - np.einsum("i,i", n, log_late),
                N * r / alpha - yu.sum(),
                -ab[0],
                np.dot(h, b_rises[1, beta]) - ab[0],
            ]
        )
        hessian = np.zeros((4, 4))
        hessian[0, 0] = np.dot(h, gamma[2])
        hessian[0, 1] = hessian[1, 0] = N / alpha - np.einsum("i,i", n, u)
        hessian[1, 1] = -N * r / alpha**2 + np.einsum("i,i", yu, u)
        hessian[2:, 2:] = -ab[1]
        hessian[3, 3] += np.dot(h, b_rises[2, beta])

        # log(1 + odds of having left), for those who had an occasion to leave
        had = x + k > 0
        x, n, y, u, log_late = x[had], n[had], y[had], u[had], log_late[had]
        v = 1 / (alpha + self.t_x[had])
        c = 1 / (b + x + k - 1)
        waited = log_late + np.log(v)
        z = np.log(a * c) + y * waited
        left = expit(z)
        value += np.einsum("i,i", n, np.logaddexp(0, z))
        slope = np.array([waited, y * (u - v), np.full(len(x), 1 / a), -c])
        n_left = n * left
        gradient += np.einsum("ki,i->k", slope, n_left)
        hessian += np.einsum("ki,li,i->kl", slope, slope, n_left * (1 - left), optimize=False)
        cross = np.einsum("i,i", n_left, u - v)
        hessian[0, 1] += cross
        hessian[1, 0] += cross
        hessian[1, 1] -= np.einsum("i,i", n_left * y, u**2 - v**2)
        hessian[2, 2] -= n_left.sum() / a**2
        hessian[3, 3] += np.einsum("i,i,i", n_left, c, c)
        return float(value), gradient, hessian

    def purchases_while_alive(self, params: Array, t: Array, x: Array, T: Array) -> Array:
        r, alpha, a, b = params
        # The paper's equation 10 holds a hypergeometric function that overflows where customers are alike.
        # Before its last integral it is the mean of (1 − (1 + p t/(α+T))^−(r+x)) / p over p ~ beta(a, b+x).
        numbers, place = np.unique(x, return_inverse=True)
        p = np.maximum(betaincinv(a, (b + numbers + self.chances)[:, None], QUANTILES), 1e-300)
        ahead, y, place = np.ravel(t / (alpha + T)), np.ravel(r + x), np.ravel(place)
        out = np.empty(len(ahead))
        for first in range(0, len(out), BLOCK):
            rows = slice(first, first + BLOCK)
            chance = p[place[rows]]
            stopped = -np.expm1(-y[rows, None] * np.log1p(chance * ahead[rows, None]))
            out[rows] = stopped / chance @ QUANTILE_WEIGHTS
        return out.reshape(np.shape(x))

    def draw_lives(
        self, params: Array, x: Array, T: Array, rng: np.random.Generator
    ) -> tuple[Array, Array, bool]:
        r, alpha, a, b = params
        rate, leave = rng.gamma(r + x) / (alpha + T), rng.beta(a, b + x + self.chances)
        with np.errstate(divide="ignore", over="ignore"):
            # each purchase ends the life with this probability: two independent streams of purchases
            return rate * (1 - leave), rng.exponential(size=len(x)) / (rate * leave), True

    def count_probabilities(self, params: Array, t: Array, top: int) -> Array:
        r, alpha, a, b = params
        j = np.arange(top + 1)
        steps = j + self.chances
        log_stays = (rising(b, steps[-1])[0] - rising(a + b, steps[-1])[0])[steps]
        stays = np.exp(log_stays)  # P(not left after `steps` occasions)
        leaves = np.where(steps > 0, stays * a / (b + steps - 1), 0)  # P(left at the last of them)
        in_time = alpha / (alpha + t[:, None])
        return stays * nbinom.pmf(j, r, in_time) + leaves * nbinom.sf(j - 1, r, in_time)


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
