"""What the buy-till-you-die models share: customers counted by history, forecasts, intervals."""

from collections.abc import Callable, Iterable
from copy import copy
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.polynomial import chebyshev

from crmlab._columns import aligned, customer_weights
from crmlab._quadrature import even
from crmlab._results import Derivatives, LikelihoodModel, LikelihoodResults, compress, unique_rows
from crmlab._tables import by_customer, number_columns, one_table, refuse, whole_number
from crmlab.value.ahead import discounting, durations
from crmlab.value.covariates import Effects, part
from crmlab.value.futures import FutureResults
from crmlab.value.plots import DrawnResults
from crmlab.value.summary import told_period
from crmlab.value.validation import CheckedResults

Array = np.ndarray
Lives = tuple[Array, Array, bool]
NODES, NODE_WEIGHTS = even(48)
AGES = chebyshev.chebpts1(24)
FEW = 2_000  # different histories: a search from a second start costs little
WORTHLESS = 40.0  # money so far ahead that e to minus this power of it is left counts as nothing


class PurchaseModel(LikelihoodModel):
    """Base of BG/NBD, MBG/NBD and Pareto/NBD: a purchase rate per customer, and a drop-out nobody sees."""

    age = "T"  # the column with a customer's age
    whole_times: int | None = None  # the least whole number of periods, where time goes in periods
    second_starts: tuple[Array, ...] = ()  # the model's start, times each of these
    acts_on: tuple[tuple[int, float], ...] = ((1, -1.0), (3, -1.0))  # the parameters with a unit of time
    block = 4096  # rows at a time, so that the work stays in the processor's cache

    def __init__(
        self,
        summary: Any,
        weights: Any = None,
        *others: Any,
        purchase_covariates: str | Iterable[str] | None = None,
        dropout_covariates: str | Iterable[str] | None = None,
    ):
        one_table(others, "frequency", "recency", self.age)
        self.covariates: dict[str, Any] = {
            "purchase_covariates": purchase_covariates, "dropout_covariates": dropout_covariates
        }  # fmt: skip
        self.effects = Effects(purchase_covariates, dropout_covariates, self.acts_on)
        self.names = (*type(self).names, *self.effects.names)
        self.data = by_customer(summary, weights).copy(deep=False)
        self.weights_from = weights if isinstance(weights, str) else None
        columns = self.histories(self.data)
        n = customer_weights(self.data, weights)
        if n.sum() < len(self.names):
            raise ValueError(
                f"{n.sum():g} customers cannot tell {len(self.names)} parameters about differences between "
                "customers; a few hundred is a sensible least."
            )
        if not (columns[0] * n).any():
            raise ValueError("No customer bought again (frequency is 0 throughout): rates cannot be learnt.")
        self.weights = n
        self.period = told_period(self.data, columns[2])
        self.count(columns, n)
        self.spread = [max(float(np.std(column)), 1e-300) for column in self.z]
        alike = [name for name, width in zip(self.effects.columns, self.spread, strict=True) if width < 1e-12]
        if alike:
            raise ValueError(f"{alike[0]!r} is the same for all customers: its effect cannot be learnt.")

    def __getattr__(self, name: str) -> Any:
        kind = type(self).__name__
        fit = f"it belongs to the results of a fit: {kind}(summary).fit().{name}"
        raise AttributeError(
            f"{kind} has no {name}" + (f"; {fit}" if hasattr(PurchaseResults, name) else ".")
        )

    def rows(self, data: Any) -> pd.DataFrame:
        """Return a table of customers by their id, the fitted summary if there is none."""
        if data is None:
            return self.data
        data = by_customer(data, self.weights_from)
        if self.period and data.attrs.get("period", self.period) != self.period:
            raise ValueError(
                f"These customers' ages are in the period {data.attrs['period']!r}, and the model was fitted "
                f"to {self.period!r}: give btyd_summary the same period=."
            )
        return data

    def count(self, columns: Iterable[Array], n: Array) -> None:
        """Count the customers by their histories."""
        self.nobs = float(n.sum())
        rows, n = compress(list(columns), n)
        self.x, self.t_x, self.T, *self.z = (array[n > 0] for array in rows)
        self.n = n[n > 0]
        self.__dict__.pop("_calendar", None)  # of the histories counted before

    def again(self, *columns: Array) -> Self:
        """Return the same model for as many other customers, whose histories need no check."""
        other = copy(self)
        other.count(columns, np.ones(len(columns[0])))
        return other

    def weights_of(self, data: Any) -> Array:
        """Return how many customers each row stands for: as in the fitted summary, if it is that.

        Otherwise by the column that was named as weights, where the table has it, and one each where not.
        """
        if data is None:
            return self.weights
        rows = self.rows(data)
        if self.weights_from in rows.columns:
            return customer_weights(rows, self.weights_from)
        return self.weights if rows.equals(self.data) else np.ones(len(rows))

    def own(self, params: Array, z: Any) -> Any:
        """Return the four parameters, of each customer where covariates are at work."""
        return self.effects.own(params, z) if len(z) else params

    def new_customers(self, params: Array, function: Callable[[Any], Array]) -> Array:
        """Return `function` of the parameters, or its mean over the covariates of the fitted customers."""
        if not self.z:
            return function(params)
        patterns, place = unique_rows(*self.z)
        shares = np.bincount(place, weights=self.n) / self.nobs
        rows = zip(*patterns, strict=True)
        return sum(share * function(self.own(params, row)) for share, row in zip(shares, rows, strict=True))

    def start(self) -> Array:
        return np.r_[self.first_start(), np.zeros(len(self.effects.names))]

    def other_starts(self) -> list[Array]:
        ones = np.ones(len(self.effects.names))
        return [self.start() * np.r_[one, ones] for one in self.second_starts * (len(self.x) <= FEW)]

    def first_start(self) -> Array:
        raise NotImplementedError

    @property
    def units(self) -> Array:
        return np.array([np.nan] * 4 + [1 / self.spread[column] for column, *_ in self.effects.terms])

    def histories(self, data: pd.DataFrame) -> tuple[Array, ...]:
        """Return frequency, recency, age and covariates of the customers, or say what is wrong with them."""
        counts = number_columns(data, "frequency", whole_from=0)
        times = number_columns(data, "recency", self.age, whole_from=self.whole_times)
        x, t_x, T = (column.to_numpy() for column in counts + times)
        # an age of three times 0.1 and one of 0.3 are the same
        t_x = np.where(t_x <= T * (1 + 1e-12), np.minimum(t_x, T), t_x)
        refuse(data, x > 1e7, "a frequency above 10,000,000 (is it an amount?)")
        outside = (t_x < 0) | (t_x > T)
        refuse(data, outside, f"a recency outside 0 … {self.age} (it is the age at the last purchase)")
        refuse(data, (x > 0) != (t_x > 0), "frequency and recency that disagree (one is 0, the other is not)")
        return x, t_x, T, *(column.to_numpy() for column in number_columns(data, *self.effects.columns))

    def mean_age(self) -> float:
        return float(np.einsum("i,i", self.n, self.T) / self.nobs)

    def clock(self, params: Array) -> float:
        """Return the least time against which the future of a customer runs."""
        return float(min(params[place] for place, sign in self.acts_on if sign < 0))

    def data_sums(self) -> list[float]:
        return [self.nobs, *(float(np.einsum("i,i", self.n, times)) for times in (self.x, self.t_x, self.T))]

    def row_derivatives(self, params: Any, x: Array, t_x: Array, T: Array) -> tuple[Array, Array, Array]:
        """Return each history's log-likelihood (n) with its gradient (4, n) and Hessian (4, 4, n)."""
        raise NotImplementedError

    def derivatives(self, params: Array) -> Derivatives:
        size = len(params)
        value, gradient, hessian = 0.0, np.zeros(size), np.zeros((size, size))
        own = self.own(params, self.z)
        for first in range(0, len(self.x), self.block):
            rows = slice(first, first + self.block)
            some, n = part(own, rows), self.n[rows]
            one: Any = self.row_derivatives(some, self.x[rows], self.t_x[rows], self.T[rows])
            if self.z:
                one = self.effects.chain(params, some, [column[rows] for column in self.z], one, n)
            else:
                one = tuple(np.einsum("...i,i", term, n) for term in one)
            value, gradient, hessian = value + one[0], gradient + one[1], hessian + one[2]
        return float(value), gradient, hessian

    def alive(self, params: Any, x: Array, t_x: Array, T: Array) -> Array:
        raise NotImplementedError

    def pace(self, params: Array, x: Array, T: Array) -> Array:
        """Return the time in which much of what a living customer will buy is bought."""
        raise NotImplementedError

    def purchases_while_alive(self, params: Array, t: Array, x: Array, T: Array) -> Array:
        raise NotImplementedError

    def stays_alive(self, params: Array, t: Array, x: Array, T: Array) -> Array:
        """Return the probability that a customer alive at `T` will still be one at `T` + `t`."""
        raise NotImplementedError

    def counts_while_alive(self, params: Array, t: Array, x: Array, T: Array, top: int) -> Array:
        """Return P(0, 1, … `top` purchases in the next `t`) of customers alive at `T`, shape (n, top + 1)."""
        raise NotImplementedError

    def count_probabilities(self, params: Array, t: Array, top: int) -> Array:
        """Return P(0, 1, … `top` repeat purchases) of new customers up to each of the ages `t`."""
        new = self.alive(params, *np.zeros((3, 1)))[0]
        table = new * self.counts_while_alive(params, t, np.zeros(len(t)), np.zeros(len(t)), top)
        table[:, 0] += 1 - new
        return table

    def draw_lives(self, params: Any, x: Array, T: Array, rng: np.random.Generator) -> Lives:
        """Draw, for living customers, rate of purchases and time until leaving; does one buy on leaving?"""
        raise NotImplementedError

    def draw_histories(self, params: Any, T: Array, rng: np.random.Generator) -> tuple[Array, Array]:
        """Draw frequency and recency of new customers who have reached the ages `T`."""
        zero = np.zeros(len(T))
        rate, until, last = self.draw_lives(params, zero, zero, rng)
        stays = rng.random(len(T)) < self.alive(params, zero, zero, zero)
        seen = np.where(stays, np.minimum(until, T), 0)
        x = rng.poisson(rate * seen)
        with np.errstate(divide="ignore"):
            t_x = seen * np.where(x > 0, rng.random(len(T)) ** (1 / x), 0)  # the latest of x moments
        if last:
            ends = stays & (until < T)
            x, t_x = x + ends, np.where(ends, until, t_x)
        return x, t_x

    def discounted_while_alive(
        self, params: Array, force: float, horizon: float, x: Array, T: Array
    ) -> Array:
        """Return the purchases of living customers up to the horizon, each weighted with e^(−force · time).

        With E(t) the purchases expected by t this is e^(−force h) E(h) + force ∫ e^(−force t) E(t) dt, by
        Gauss–Legendre quadrature in the logarithm of time. It depends smoothly on a customer's age, so it is
        computed at 24 ages for each number of purchases, and interpolated between them.
        """
        if not force:
            return self.purchases_while_alive(params, np.full(len(x), horizon), x, T)
        horizon = min(horizon, WORTHLESS / force)
        numbers, place = np.unique(x, return_inverse=True)
        clock = self.clock(params)
        young, old = T.min(), T.max() + 1e-3 * (clock + T.max())
        # in the logarithm of clock + age, from the youngest: nothing is lost where the clock is 1e10
        length = np.log1p((old - young) / (clock + young))
        ages = young + (clock + young) * np.expm1(length * (AGES + 1) / 2)
        since = self.pace(params, numbers[:, None], ages)[:, :, None]
        logs = np.log1p(horizon / since) * NODES
        t = since * np.expm1(logs)
        weights = force * np.exp(logs - force * t) * since * np.log1p(horizon / since) * NODE_WEIGHTS
        whole = np.full_like(since, horizon)
        t = np.concatenate([t, whole], axis=2)
        weights = np.concatenate([weights, np.exp(-force * whole)], axis=2)
        histories = np.broadcast_arrays(t, numbers[:, None, None], ages[:, None])
        bought = self.purchases_while_alive(params, *histories)
        # in logarithms, so that the error is relative
        values = np.log(np.maximum(np.einsum("xat,xat->xa", bought, weights), 1e-300))
        terms = np.linalg.solve(chebyshev.chebvander(AGES, len(AGES) - 1), values.T).T
        at = 2 * np.log1p((T - young) / (clock + young)) / length - 1
        out = np.empty(len(x))
        for first in range(0, len(x), 16_384):
            rows = slice(first, first + 16_384)
            powers = chebyshev.chebvander(at[rows], len(AGES) - 1)
            out[rows] = np.exp(np.einsum("ij,ij->i", powers, terms[place[rows]]))
        return out


class PurchaseResults(DrawnResults, CheckedResults, FutureResults, LikelihoodResults):
    """Results of a buy-till-you-die model: estimates as in statsmodels, forecasts, and how good they were.

    Time is in the summary's own unit (weeks when the summary was made with ``period="W"``).
    """

    model: PurchaseModel

    def probability_alive(self, data: Any = None, *others: Any, ahead: float = 0.0) -> pd.Series:
        """Return for each customer the probability of still being one, now or some time ahead.

        Parameters
        ----------
        data : table, optional
            Columns ``frequency, recency, T`` (for BG/BB ``periods`` instead of ``T``), one row per customer,
            of any engine; the fitted summary by default.
        ahead : float
            How long after the age `T`, in the summary's time unit. For BG/BB 0 is the last period seen;
            1 is the next one, at which the paper's equation 12 and other packages tell it.

        Returns
        -------
        Series
            Of not having left by the age `T` + `ahead`: between 0 and 1. Index: the customer's id, which is
            the column ``customer_id`` or the one before ``frequency``; without one, the index of `data`.

        Examples
        --------
        >>> from crmlab import datasets, value
        >>> log = datasets.load("cdnow_sample")
        >>> fit = value.BetaGeoNBD(value.btyd_summary(log, calibration_end="1997-09-30")).fit()
        >>> one = pd.DataFrame({"frequency": [2], "recency": [30.43], "T": [38.86]})
        >>> fit.probability_alive(one).round(3).tolist()
        [0.727]
        """
        one_table(others, "frequency", "recency", self.model.age)
        data = self.model.rows(data)
        x, t_x, T, *z = self.model.histories(data)
        params = self.model.own(self.params.to_numpy(), z)
        alive = self.model.alive(params, x, t_x, T)
        if durations(ahead).ravel().any():
            t = np.broadcast_to(durations(ahead), x.shape)
            alive = alive * self.model.stays_alive(params, t, x, T)
        return pd.Series(alive, index=data.index, name="probability_alive")

    def expected_purchases(self, t: Any) -> Any:
        """Return the expected number of repeat purchases of a newly won customer up to age `t`.

        Parameters
        ----------
        t : float or sequence of float
            Ages, in the summary's time unit.

        Returns
        -------
        float or ndarray
            Of the shape of `t`.

        Examples
        --------
        >>> from crmlab import datasets, value
        >>> log = datasets.load("cdnow_sample")
        >>> fit = value.BetaGeoNBD(value.btyd_summary(log, calibration_end="1997-09-30")).fit()
        >>> round(fit.expected_purchases(52), 2)
        1.44
        """
        t = durations(t)
        ages = np.ravel(t)
        zero = np.zeros(len(ages))

        def bought(params: Any) -> Array:
            new = self.model.alive(params, *np.zeros((3, 1)))[0]
            return new * self.model.purchases_while_alive(params, ages, zero, zero)

        out = self.model.new_customers(self.params.to_numpy(), bought)
        return out.reshape(t.shape) if t.ndim else float(out[0])

    def conditional_expected_purchases(
        self, t: Any = None, data: Any = None, alpha: float | None = None, *others: Any
    ) -> pd.Series | pd.DataFrame:
        """Return the purchases to expect of each customer in the next `t`, given the customer's history.

        Parameters
        ----------
        t : float or sequence of float, optional
            Length of the time ahead, in the summary's time unit, one number or one per customer (a Series
            by the customer's id). By default
            each customer's own hold-out (column ``T_holdout``).
        data : table, optional
            Columns as for :meth:`probability_alive`; the fitted summary by default.
        alpha : float, optional
            With it, a table with columns ``expected, low, high``: the 1 − `alpha` interval for the
            *expectation*, by the delta method. It says how well the parameters are known. What a single
            customer will really buy is spread far more widely.

        Returns
        -------
        Series, or DataFrame if `alpha` is given
            In the order of `data`; index as in :meth:`probability_alive`.

        Examples
        --------
        >>> from crmlab import datasets, value
        >>> log = datasets.load("cdnow_sample")
        >>> fit = value.BetaGeoNBD(value.btyd_summary(log, calibration_end="1997-09-30")).fit()
        >>> one = pd.DataFrame({"frequency": [2], "recency": [30.43], "T": [38.86]})
        >>> fit.conditional_expected_purchases(39, one).round(3).tolist()
        [1.226]
        """
        one_table(others, "frequency", "recency", self.model.age)
        data = self.model.rows(data)
        x, t_x, T, *z = self.model.histories(data)
        if t is None:
            if "T_holdout" not in data.columns:
                raise ValueError("Say how far ahead (t): the table has no T_holdout column to take it from.")
            t = data["T_holdout"]
        t = durations(aligned(t, "t", data.index))
        if t.ndim and t.shape != x.shape:
            raise ValueError(f"t needs one number, or one per customer ({len(x)}); its shape is {t.shape}.")
        (x, t_x, T, t, *z), place = unique_rows(x, t_x, T, np.broadcast_to(t, x.shape), *z)

        def expected(params: Array) -> Array:
            params = self.model.own(params, z)
            alive = self.model.alive(params, x, t_x, T)
            return alive * self.model.purchases_while_alive(params, t, x, T)

        if alpha is None:
            values = expected(self.params.to_numpy())[place]
            return pd.Series(values, index=data.index, name="expected_purchases")
        return self.interval(expected, alpha).iloc[place].set_index(data.index)

    def discounted_purchases(
        self,
        discount: float,
        year: float,
        horizon: float | None = None,
        data: Any = None,
        alpha: float | None = None,
    ) -> pd.Series | pd.DataFrame:
        """Return for each customer the purchases still to come, each discounted to today.

        A purchase at time t from now counts (1 + discount)^(−t/year). Times a margin and a mean spend this
        is the residual lifetime value; the literature calls it discounted expected residual transactions.

        Parameters
        ----------
        discount : float
            Rate a year, .1 for 10 %. With 0 a horizon is needed: the sum to come may be infinite.
        year : float
            Length of a year in the summary's time unit: 365.25 days, 365.25/7 weeks, 12 months. The summary
            carries its unit, in ``attrs["period"]`` or in ages that are no whole numbers: another is refused.
        horizon : float, optional
            How far ahead purchases count, in the summary's time unit; for ever if not given.
        data : table, optional
            Columns as for :meth:`probability_alive`; the fitted summary by default.
        alpha : float, optional
            With it, a table ``expected, low, high``: the 1 − `alpha` interval for the expectation, by the
            delta method.

        Returns
        -------
        Series, or DataFrame if `alpha` is given
            In the order of `data`; index as in :meth:`probability_alive`.

        Raises
        ------
        ValueError
            A discount that is negative or per cent, or 0 without a horizon; a year that is none in the
            summary's time unit; a horizon that is negative or infinite.

        References
        ----------
        Fader, P. S., Hardie, B. G. S. & Lee, K. L. (2005). RFM and CLV: using iso-value curves for customer
        base analysis. Journal of Marketing Research 42(4), 415–430. The integral is
        computed instead of the closed form for Pareto/NBD, so that it serves all models alike.
        https://doi.org/10.1509/jmkr.2005.42.4.415

        Examples
        --------
        >>> from crmlab import datasets, value
        >>> log = datasets.load("cdnow_sample")
        >>> fit = value.BetaGeoNBD(value.btyd_summary(log, calibration_end="1997-09-30")).fit()
        >>> one = pd.DataFrame({"frequency": [2], "recency": [30.43], "T": [38.86]})
        >>> fit.discounted_purchases(0.1, year=52, data=one).round(2).tolist()
        [6.36]
        """
        force, end = discounting(discount, year, horizon, self.model.period)
        data = self.model.rows(data)
        rows, place = unique_rows(*self.model.histories(data))

        def expected(params: Array) -> Array:
            return self.discounted_at(params, force, end, *rows)

        if alpha is None:
            values = expected(self.params.to_numpy())[place]
            return pd.Series(values, index=data.index, name="discounted_purchases")
        return self.interval(expected, alpha).iloc[place].set_index(data.index)

    def discounted_at(
        self, params: Array, force: float, end: float, x: Array, t_x: Array, T: Array, *z: Array
    ) -> Array:
        """Return the discounted purchases of these histories up to the horizon, under these parameters."""
        if not (end and len(x)):
            return np.zeros(len(x))
        out = self.model.alive(self.model.own(params, z), x, t_x, T)
        patterns, place = unique_rows(*z) if z else ([], np.zeros(len(x), int))
        for pattern in range(place.max() + 1):
            rows = place == pattern
            own = self.model.own(params, [column[pattern] for column in patterns])
            out[rows] *= self.model.discounted_while_alive(own, force, end, x[rows], T[rows])
        return out

    def count_probabilities(self, t: Any, top: int = 10) -> pd.DataFrame:
        """Return P(a new customer makes 0, 1, … `top` repeat purchases up to age t), a row for each t.

        `t` is a number or a flat sequence of them.

        Examples
        --------
        >>> from crmlab import datasets, value
        >>> log = datasets.load("cdnow_sample")
        >>> fit = value.BetaGeoNBD(value.btyd_summary(log, calibration_end="1997-09-30")).fit()
        >>> fit.count_probabilities(39, top=2).round(3).to_numpy().tolist()
        [[0.574, 0.199, 0.085]]
        """
        t = durations(t).ravel()
        whole_number(top, "top", least=-np.inf)
        if top < 0:
            raise ValueError(f"top must not be negative; got {top}.")
        table = self.model.new_customers(
            self.params.to_numpy(), lambda params: self.model.count_probabilities(params, t, top)
        )
        return pd.DataFrame(table, index=pd.Index(t, name="t"), columns=range(top + 1))


def fitted(results: Any) -> PurchaseResults:
    """Return the results of a fit, or raise ValueError for a model that is not fitted, or no model."""
    if not isinstance(results, PurchaseResults):
        kind = type(results).__name__
        raise ValueError(f"The results of a fit are needed, such as ParetoNBD(summary).fit(); got a {kind}.")
    return results
