"""Models in discrete time: BG/BB (yearly donations) and sBG (contracts renewed or not)."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import betabinom

from crmlab._arguments import floats, rate
from crmlab._columns import by_period
from crmlab._results import Derivatives, LikelihoodModel, LikelihoodResults, rise, rising
from crmlab._tables import refuse
from crmlab.value.ahead import discounting
from crmlab.value.boundaries import dropout_note
from crmlab.value.purchases import WORTHLESS, Array, PurchaseModel, PurchaseResults


class BetaGeoBetaBinomial(PurchaseModel):
    """BG/BB model of Fader, Hardie & Shang (2010), for purchases that can happen once in a period.

    At each opportunity one leaves for good with probability θ, which differs between customers as a
    beta(gamma, delta); whoever stays buys with probability p, which differs as a beta(alpha, beta).

    Parameters
    ----------
    summary : table
        Columns ``frequency`` (periods with a purchase), ``recency`` (number of the last such period, 0 if
        none) and ``periods`` (opportunities so far), all whole numbers.
    weights : str or sequence of float, optional
        How many customers each row stands for: a column's name, or a number per row.

    Raises
    ------
    ValueError
        Missing columns, impossible histories, fewer customers than parameters, nobody who bought.

    References
    ----------
    Fader, P. S., Hardie, B. G. S. & Shang, J. (2010). Customer-base analysis in a discrete-time
    noncontractual setting. Marketing Science 29(6), 1086–1108, equation 4.
    https://doi.org/10.1287/mksc.1100.0580

    Examples
    --------
    >>> from crmlab import datasets, value
    >>> value.BetaGeoBetaBinomial(datasets.load("donations"), weights="donors").fit()
    <BG/BB: alpha 1.204, beta 0.7497, gamma 0.6567, delta 2.783; log-likelihood -33,225.6>
    """

    names = ("alpha", "beta", "gamma", "delta")
    title = "BG/BB"
    results_class = PurchaseResults
    age = "periods"
    whole_times = 0

    def __init__(self, summary: Any, weights: Any = None):
        super().__init__(summary, weights)

    def histories(self, data: pd.DataFrame) -> tuple[Array, ...]:
        x, t_x, n = super().histories(data)
        refuse(data, x > t_x, "more purchases (frequency) than periods up to the last one (recency)")
        return x, t_x, n

    def first_start(self) -> Array:
        return np.array([1.0, 1.0, 0.5, 2.0])

    def boundary_note(self, names: list[str], params: Array) -> str:
        alpha, beta, _, _ = params
        notes = [dropout_note(names, params)]
        if {"alpha", "beta"} & set(names):
            chance = f"{alpha / (alpha + beta):.3g}"
            notes.append(
                f"customers do not differ in how often they buy: with probability {chance} in each period."
                if alpha + beta > 1
                else f"a share of {chance} buys in every period while a customer, and the others never."
            )
        return " And ".join(note for note in notes if note) or super().boundary_note(names, params)

    def log_terms(self, params: Array, x: Array, t_x: Array, n: Array) -> tuple[Array, Array, Array]:
        """Return for each row (last) and each last period alive m (middle) the log-term and its derivatives.

        The first axis holds the derivatives: gradient (4) and the Hessian's 6 entries that are not 0.
        """
        alpha, beta, gamma, delta = params
        top = int(n.max())
        m = np.arange(top + 1)[:, None]
        x, t_x, n = x.astype(int), t_x.astype(int), n.astype(int)
        miss = np.maximum(m - x, 0)  # where m < x the term is masked below
        left = (m < n).astype(float)
        buy, skip, either = rising(alpha, top), rising(beta, top), rising(alpha + beta, top)
        stay, any_ = rising(delta, top), rising(gamma + delta, top + 1)
        ends = m + left.astype(int)
        log = buy[0, x] + skip[0, miss] - either[0, m] + stay[0, m] - any_[0, ends] + left * np.log(gamma)
        log = np.where((m >= t_x) & (m <= n), log, -np.inf)
        e1, e2, a1, a2 = either[1, m], either[2, m], any_[1, ends], any_[2, ends]
        shape = log.shape
        slope = np.array(
            [
                np.broadcast_to(term, shape)
                for term in (buy[1, x] - e1, skip[1, miss] - e1, left / gamma - a1, stay[1, m] - a1)
            ]
        )
        bend = np.zeros((4, 4, *shape))
        bend[0, 0], bend[1, 1], bend[0, 1] = buy[2, x] - e2, skip[2, miss] - e2, -e2
        bend[2, 2], bend[3, 3], bend[2, 3] = -left / gamma**2 - a2, stay[2, m] - a2, -a2
        bend[1, 0], bend[3, 2] = bend[0, 1], bend[2, 3]
        return log, slope, bend

    def derivatives(self, params: Array) -> Derivatives:
        log, slope, bend = self.log_terms(params, self.x, self.t_x, self.T)
        total = np.logaddexp.reduce(log, axis=0)
        share = np.exp(log - total)
        mean = np.einsum("kmi,mi->ki", slope, share)
        weighted = share * self.n
        hessian = (
            np.einsum("klmi,mi->kl", bend, weighted)
            + np.einsum("kmi,lmi,mi->kl", slope, slope, weighted)
            - np.einsum("ki,li,i->kl", mean, mean, self.n)
        )
        return float(self.n @ total), mean @ self.n, hessian

    def alive(self, params: Any, x: Array, t_x: Array, T: Array) -> Array:
        log, _, _ = self.log_terms(params, x, t_x, T)
        now = np.take_along_axis(log, T.astype(int)[None, :], axis=0)[0]
        return np.exp(now - np.logaddexp.reduce(log, axis=0))

    def purchases_while_alive(self, params: Array, t: Array, x: Array, T: Array) -> Array:
        alpha, beta, gamma, delta = params
        whole_periods(t)
        ahead = np.arange(int(np.max(t, initial=0)))[:, None]
        stays = np.cumprod((delta + T + ahead) / (gamma + delta + T + ahead), axis=0)
        opportunities = np.where(ahead < t, stays, 0).sum(axis=0)
        return (alpha + x) / (alpha + beta + T) * opportunities

    def discounted_while_alive(
        self, params: Array, force: float, horizon: float, x: Array, T: Array
    ) -> Array:
        alpha, beta, gamma, delta = params
        last = min(horizon, np.ceil(WORTHLESS / force)) if force > 0 else horizon
        whole_periods(np.array(last))
        ahead = np.arange(int(last))[:, None]
        ages, place = np.unique(T, return_inverse=True)
        stays = np.cumprod((delta + ages + ahead) / (gamma + delta + ages + ahead), axis=0)
        opportunities = (stays * np.exp(-force * (ahead + 1))).sum(axis=0)[place]
        return (alpha + x) / (alpha + beta + T) * opportunities

    def stays_alive(self, params: Array, t: Array, x: Array, T: Array) -> Array:
        _, _, gamma, delta = params
        whole_periods(t)
        return np.exp(rise(delta + T, t)[0] - rise(gamma + delta + T, t)[0])

    def counts_while_alive(self, params: Array, t: Array, x: Array, T: Array, top: int) -> Array:
        alpha, beta, gamma, delta = params
        whole_periods(t)
        out = np.empty((len(x), top + 1))
        for row, (ahead, bought, age) in enumerate(zip(t.astype(int), x, T, strict=True)):
            log_stays = rising(delta + age, ahead)[0] - rising(gamma + delta + age, ahead)[0]
            # Alive for just m of the periods ahead, or to the end.
            ends = np.append(-np.diff(np.exp(log_stays)), np.exp(log_stays[-1]))
            periods = np.arange(ahead + 1)[:, None]
            out[row] = ends @ betabinom.pmf(np.arange(top + 1), periods, alpha + bought, beta + age - bought)
        return out

    def draw_histories(self, params: Any, T: Array, rng: np.random.Generator) -> tuple[Array, Array]:
        alpha, beta, gamma, delta = params
        buys, leaves = rng.beta(alpha, beta, len(T)), rng.beta(gamma, delta, len(T))
        x, t_x, alive = np.zeros(len(T)), np.zeros(len(T)), np.ones(len(T), bool)
        for period in range(1, int(T.max(initial=0)) + 1):
            alive &= (period <= T) & (rng.random(len(T)) >= leaves)
            bought = alive & (rng.random(len(T)) < buys)
            x, t_x = x + bought, np.where(bought, period, t_x)
        return x, t_x


def whole_periods(t: Array) -> None:
    """Refuse a number of periods that is not whole."""
    wrong = (t != np.floor(t)) | (t > 10_000)
    if wrong.any():
        raise ValueError(f"Time goes in whole periods here, 10,000 at most; t holds {t[wrong].flat[0]:g}.")


class ShiftedBetaGeometric(LikelihoodModel):
    """sBG model of Fader & Hardie (2007): contracts renewed period by period, or not.

    At each renewal a customer leaves with a probability θ of his own, the same each time, which differs
    between customers as a beta(alpha, beta). Retention *rates* rise with age although nobody becomes more
    loyal: those who leave easily have left.

    Parameters
    ----------
    survivors : sequence of float
        Customers of one cohort under contract at ages 0, 1, 2, …: the whole cohort first, never rising. The
        labels of a Series or mapping are the ages.

    Raises
    ------
    ValueError
        Fewer than two ages, an age that is missing, numbers that rise, negative, missing or infinite ones.

    References
    ----------
    Fader, P. S. & Hardie, B. G. S. (2007). How to project customer retention. Journal of Interactive
    Marketing 21(1), 76–90. https://doi.org/10.1002/dir.20074

    Examples
    --------
    A cohort of 1,000 whose retention rate climbs from 63 % to 92 %:

    >>> from crmlab import value
    >>> value.ShiftedBetaGeometric([1000, 631, 468, 382, 326, 289, 262, 241]).fit()
    <sBG: alpha 0.7041, beta 1.182; log-likelihood -1,680.3>
    """

    names = ("alpha", "beta")
    title = "sBG"

    def __init__(self, survivors: Any):
        values = by_period(survivors, "survivors", every="age").to_numpy()
        if len(values) < 2:
            raise ValueError("survivors needs the cohort at ages 0 and 1 at least: one number per age.")
        if not (values >= 0).all() or values[0] == 0:
            raise ValueError("survivors must be finite, not negative, and above 0 at age 0.")
        if (np.diff(values) > 0).any():
            age = int(np.argmax(np.diff(values) > 0)) + 1
            raise ValueError(f"survivors rises at age {age}: {values[age - 1]:g} to {values[age]:g}.")
        self.survivors = values
        self.nobs = float(values[0])
        self.results_class = ShiftedBetaGeometricResults

    def start(self) -> Array:
        return np.array([1.0, 1.0])

    def boundary_note(self, names: list[str], params: Array) -> str:
        alpha, beta = params
        return (
            f"customers do not differ: each leaves with probability {alpha / (alpha + beta):.3g} every time."
        )

    def derivatives(self, params: Array) -> Derivatives:
        alpha, beta = params
        last = len(self.survivors) - 1
        left = -np.diff(self.survivors)
        stay, any_ = rising(beta, last), rising(alpha + beta, last)
        # Those who left at age t stayed t − 1 times; those still here stayed `last` times.
        stayed = np.append(left, self.survivors[-1])
        tries = np.append(0.0, left)
        tries[-1] += self.survivors[-1]
        value = stayed @ stay[0] - tries @ any_[0] + left.sum() * np.log(alpha)
        common, bend = tries @ any_[1], tries @ any_[2]
        gradient = np.array([left.sum() / alpha - common, stayed @ stay[1] - common])
        hessian = np.array([[-left.sum() / alpha**2 - bend, -bend], [-bend, stayed @ stay[2] - bend]])
        return float(value), gradient, hessian


class ShiftedBetaGeometricResults(LikelihoodResults):
    """Results of the sBG model: estimates as in statsmodels, and the survival curve."""

    def survival(self, t: Any) -> pd.Series:
        """Return the share of a new cohort still under contract at ages `t` (whole periods).

        Examples
        --------
        >>> from crmlab import value
        >>> fit = value.ShiftedBetaGeometric([1000, 631, 468, 382, 326, 289, 262, 241]).fit()
        >>> fit.survival([0, 1, 12]).round(3).tolist()
        [1.0, 0.627, 0.17]
        """
        ages = _ages(t, least=0)
        alpha, beta = self.params
        log = rising(beta, ages.max())[0] - rising(alpha + beta, ages.max())[0]
        return pd.Series(np.exp(log[ages]), index=pd.Index(ages, name="age"), name="survival")

    def retention_rate(self, t: Any) -> pd.Series:
        """Return the share of those under contract at age `t` − 1 who are still so at age `t` (1, 2, …).

        Examples
        --------
        >>> from crmlab import value
        >>> fit = value.ShiftedBetaGeometric([1000, 631, 468, 382, 326, 289, 262, 241]).fit()
        >>> fit.retention_rate([1, 2, 12]).round(3).tolist()
        [0.627, 0.756, 0.945]
        """
        ages = _ages(t, least=1)
        alpha, beta = self.params
        rate = (beta + ages - 1) / (alpha + beta + ages - 1)
        return pd.Series(rate, index=pd.Index(ages, name="age"), name="retention_rate")

    def discounted_renewals(self, discount: float, age: Any = 0, horizon: float | None = None) -> pd.Series:
        """Return how often a customer under contract will still renew, each renewal discounted to today.

        Today is the beginning of a period that is paid for; the next renewal is a period away. Times the
        contribution of a period this is the residual lifetime value of a contract; a new customer (age 0)
        is worth that plus the first period.

        Parameters
        ----------
        discount : float
            Rate per period. With 0 and no horizon the sum is finite for alpha > 1 only.
        age : int or sequence of int
            Renewals so far: the model tells old customers from new.
        horizon : int, optional
            How many renewals count; all to come if not given.

        Returns
        -------
        Series
            Index ``age``.

        Raises
        ------
        ValueError
            Ages or a horizon that are no whole numbers, a negative discount, an infinite sum.

        References
        ----------
        Fader, P. S. & Hardie, B. G. S. (2010). Customer-base valuation in a contractual setting: the perils
        of ignoring heterogeneity. Marketing Science 29(1), 85–93. There the sum is taken at the moment
        before a renewal: 1 + discount times as much. https://doi.org/10.1287/mksc.1080.0482

        Examples
        --------
        Whoever has renewed seven times is worth more than twice a new customer:

        >>> from crmlab import value
        >>> fit = value.ShiftedBetaGeometric([1000, 631, 468, 382, 326, 289, 262, 241]).fit()
        >>> fit.discounted_renewals(0.1, age=[0, 7]).round(2).tolist()
        [2.69, 6.22]
        """
        ages = _ages(age, least=0)
        alpha, beta = self.params
        discount = rate(discount, per="per period")
        if horizon is None and not discount and alpha > 1:  # Gauss's sum
            force, end, worth = 0.0, np.inf, (beta + ages) / (alpha - 1)
        else:
            force, end = discounting(discount, 1, horizon)
        if end == np.inf and discount:
            worth = discounted_stays(alpha, beta + ages, discount)
        elif end < np.inf:
            whole_periods(np.array(end))
            ahead = ages[:, None] + np.arange(int(end))
            stays = np.cumprod((beta + ahead) / (alpha + beta + ahead), axis=1)
            worth = stays @ np.exp(-force * (1 + np.arange(int(end))))
        return pd.Series(worth, index=pd.Index(ages, name="age"), name="discounted_renewals")


def discounted_stays(alpha: float, b: Array, discount: float) -> Array:
    """Return the mean of (1 − θ)/(discount + θ) over θ ~ beta(alpha, b): all renewals to come, discounted.

    Over the log-odds of θ the integrand has no singularity within π of the real line, so the trapezoidal rule
    is exact to the last digits; beyond its grid both tails are exponential, and their sums geometric. (The
    hypergeometric function of the paper loses all digits where the discount is small and customers are old.)
    """
    spread = np.sqrt(1 / alpha + 1 / b)
    narrow, centre = spread < 0.33, np.log(alpha / b)
    step = np.where(narrow, 0.7 * spread, 0.25)
    low = np.where(narrow, centre - 15 * spread, np.minimum(np.log(discount), -np.log(alpha + b)) - 40)
    high = np.where(narrow, centre + 15 * spread, 40.0)
    y = low[:, None] + step[:, None] * np.arange(int(np.ceil(((high - low) / step).max())) + 1)
    odds = -np.logaddexp(0, -y), -np.logaddexp(0, y)  # log θ and log(1 − θ)
    logs = alpha * odds[0] + b[:, None] * odds[1]
    logs -= logs.max(axis=1, keepdims=True)
    weights = np.exp(logs)
    weights[:, 0] /= -np.expm1(-alpha * step)  # what lies below
    weights[:, -1] /= -np.expm1(-b * step)
    values = np.exp(odds[1]) / (discount + np.exp(odds[0]))
    return (weights * values).sum(axis=1) / weights.sum(axis=1)


def _ages(t: Any, least: int) -> Array:
    ages = np.atleast_1d(floats(t, "an age"))
    if not ages.size or not (np.isfinite(ages) & (ages >= least) & (ages == np.floor(ages))).all():
        raise ValueError(f"Ages must be whole numbers from {least} up; got {t}.")
    return ages.astype(int)
