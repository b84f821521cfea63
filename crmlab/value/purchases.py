"""What the buy-till-you-die models share: customers counted by history, forecasts, intervals."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.polynomial import chebyshev
from numpy.polynomial.legendre import leggauss

from crmlab._arguments import floats, number, rate
from crmlab._columns import aligned, customer_weights
from crmlab._results import LikelihoodModel, LikelihoodResults, compress, unique_rows
from crmlab._tables import by_customer, number_columns, one_table, refuse, whole_number
from crmlab.value.summary import period_days, told_period

Array = np.ndarray
NODES, NODE_WEIGHTS = leggauss(48)
NODES, NODE_WEIGHTS = (NODES + 1) / 2, NODE_WEIGHTS / 2
AGES = chebyshev.chebpts1(24)
WORTHLESS = 40.0  # money so far ahead that e to minus this power of it is left counts as nothing


class PurchaseModel(LikelihoodModel):
    """Base of BG/NBD, MBG/NBD and Pareto/NBD: a purchase rate per customer, and a drop-out nobody sees."""

    age = "T"  # the column with a customer's age
    whole_times: int | None = None  # the least whole number of periods, where time goes in periods
    clock = 1  # the parameter with the unit of time against which the future of a customer runs

    def __init__(self, summary: Any, weights: Any = None, *others: Any):
        one_table(others, "frequency", "recency", self.age)
        self.data = by_customer(summary, weights).copy(deep=False)
        self.weights_from = weights if isinstance(weights, str) else None
        x, t_x, T = self.histories(self.data)
        n = customer_weights(self.data, weights)
        if n.sum() < len(self.names):
            raise ValueError(
                f"{n.sum():g} customers cannot tell {len(self.names)} parameters about differences between "
                "customers; a few hundred is a sensible least."
            )
        if not (x * n).any():
            raise ValueError("No customer bought again (frequency is 0 throughout): rates cannot be learnt.")
        self.weights = n
        self.nobs = float(n.sum())
        self.period = told_period(self.data, T)
        (self.x, self.t_x, self.T), self.n = compress([x, t_x, T], n)
        keep = self.n > 0
        self.x, self.t_x, self.T, self.n = (array[keep] for array in (self.x, self.t_x, self.T, self.n))
        self.counts = np.bincount(self.x.astype(int), weights=self.n)

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

    def histories(self, data: pd.DataFrame) -> tuple[Array, Array, Array]:
        """Return frequency, recency and age of the customers, or say what is wrong with them."""
        counts = number_columns(data, "frequency", whole_from=0)
        times = number_columns(data, "recency", self.age, whole_from=self.whole_times)
        x, t_x, T = (column.to_numpy() for column in counts + times)
        # an age of three times 0.1 and one of 0.3 are the same
        t_x = np.where(t_x <= T * (1 + 1e-12), np.minimum(t_x, T), t_x)
        refuse(data, x > 1e7, "a frequency above 10,000,000 (is it an amount?)")
        refuse(
            data,
            (t_x < 0) | (t_x > T),
            f"a recency outside 0 … {self.age} (it is the age at the last purchase)",
        )
        refuse(data, (x > 0) != (t_x > 0), "frequency and recency that disagree (one is 0, the other is not)")
        return x, t_x, T

    def mean_age(self) -> float:
        return float(np.einsum("i,i", self.n, self.T) / self.nobs)

    def alive(self, params: Array, x: Array, t_x: Array, T: Array) -> Array:
        raise NotImplementedError

    def purchases_while_alive(self, params: Array, t: Array, x: Array, T: Array) -> Array:
        raise NotImplementedError

    def count_probabilities(self, params: Array, t: Array, top: int) -> Array:
        raise NotImplementedError

    def draw_lives(
        self, params: Array, x: Array, T: Array, rng: np.random.Generator
    ) -> tuple[Array, Array, bool]:
        """Draw, for living customers, rate of purchases and time until leaving; does one buy on leaving?"""
        raise NotImplementedError

    def draw_histories(self, params: Array, T: Array, rng: np.random.Generator) -> tuple[Array, Array]:
        """Draw frequency and recency of new customers who have reached the ages `T`."""
        zero = np.zeros(len(T))
        rate, until, last = self.draw_lives(params, zero, zero, rng)
        stays = rng.random(len(T)) < self.alive(params, *np.zeros((3, 1)))[0]
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
        horizon = min(horizon, WORTHLESS / force) if force > 0 else horizon
        numbers, place = np.unique(x, return_inverse=True)
        low, high = np.log(params[self.clock] + np.array([T.min(), T.max() + 1e-3 * params[self.clock]]))
        since = np.exp((low + high) / 2 + (high - low) / 2 * AGES)
        ages = np.maximum(since - params[self.clock], 0)
        longest = np.log1p(horizon / since)[:, None]
        logs = longest * NODES
        t = since[:, None] * np.expm1(logs)
        weights = force * np.exp(logs - force * t) * since[:, None] * longest * NODE_WEIGHTS
        t = np.column_stack([t, np.full(len(t), horizon)])
        weights = np.column_stack([weights, np.full(len(t), np.exp(-force * horizon))])
        shape = len(numbers), *t.shape
        bought = self.purchases_while_alive(
            params,
            np.broadcast_to(t, shape),
            np.broadcast_to(numbers[:, None, None], shape),
            np.broadcast_to(ages[:, None], shape),
        )
        # in logarithms, so that the error is relative
        values = np.log(np.maximum(np.einsum("xat,at->xa", bought, weights), 1e-300))
        terms = np.linalg.solve(chebyshev.chebvander(AGES, len(AGES) - 1), values.T).T
        at = (2 * np.log(params[self.clock] + T) - low - high) / (high - low)
        out = np.empty(len(x))
        for first in range(0, len(x), 16_384):
            rows = slice(first, first + 16_384)
            powers = chebyshev.chebvander(at[rows], len(AGES) - 1)
            out[rows] = np.exp(np.einsum("ij,ij->i", powers, terms[place[rows]]))
        return out


def dropout_note(names: list[str], params: Array) -> str:
    """Say what it means that the beta distribution of drop-out, the last two parameters, is not bounded."""
    a, b = params[2:]
    if not {"a", "b", "gamma", "delta"} & set(names):
        return ""
    if a / (a + b) < 1e-3:
        return "no drop-out visible in these data; the fit is that of the model without any."
    if a + b > 1:
        return f"customers do not differ in how they drop out: with probability {a / (a + b):.3g} each time."
    return f"a share of {a / (a + b):.3g} drops out at the first occasion, and the others never."


class PurchaseResults(LikelihoodResults):
    """Results of a buy-till-you-die model: estimates as in statsmodels, and the forecasts.

    Time is in the summary's own unit (weeks when the summary was made with ``period="W"``).
    """

    model: PurchaseModel

    def probability_alive(self, data: Any = None, *others: Any) -> pd.Series:
        """Return for each customer the probability of still being one.

        Parameters
        ----------
        data : table, optional
            Columns ``frequency, recency, T`` (for BG/BB ``periods`` instead of ``T``), one row per customer,
            of any engine; the fitted summary by default.

        Returns
        -------
        Series
            Of not having left by the age `T`: between 0 and 1. Index: the customer's id, which is the
            column ``customer_id`` or the one before ``frequency``; without one, the index of `data`.

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
        x, t_x, T = self.model.histories(data)
        alive = self.model.alive(self.params.to_numpy(), x, t_x, T)
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
        params = self.params.to_numpy()
        new = self.model.alive(params, *np.zeros((3, 1)))[0]
        out = new * self.model.purchases_while_alive(params, ages, zero, zero)
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
        x, t_x, T = self.model.histories(data)
        if t is None:
            if "T_holdout" not in data.columns:
                raise ValueError("Say how far ahead (t): the table has no T_holdout column to take it from.")
            t = data["T_holdout"]
        t = durations(aligned(t, "t", data.index))
        if t.ndim and t.shape != x.shape:
            raise ValueError(f"t needs one number, or one per customer ({len(x)}); its shape is {t.shape}.")
        (x, t_x, T, t), place = unique_rows(x, t_x, T, np.broadcast_to(t, x.shape))

        def expected(params: Array) -> Array:
            alive = self.model.alive(params, x, t_x, T)
            return alive * self.model.purchases_while_alive(params, t, x, T)

        if alpha is None:
            values = expected(self.params.to_numpy())[place]
            return pd.Series(values, index=data.index, name="expected_purchases")
        return self.delta_method(expected, alpha).iloc[place].set_index(data.index)

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
        (x, t_x, T), place = unique_rows(*self.model.histories(data))

        def expected(params: Array) -> Array:
            return self.discounted_at(params, force, end, x, t_x, T)

        if alpha is None:
            values = expected(self.params.to_numpy())[place]
            return pd.Series(values, index=data.index, name="discounted_purchases")
        return self.delta_method(expected, alpha).iloc[place].set_index(data.index)

    def discounted_at(self, params: Array, force: float, end: float, x: Array, t_x: Array, T: Array) -> Array:
        """Return the discounted purchases of these histories up to the horizon, under these parameters."""
        if not (end and len(x)):
            return np.zeros(len(x))
        return self.model.alive(params, x, t_x, T) * self.model.discounted_while_alive(
            params, force, end, x, T
        )

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
        table = self.model.count_probabilities(self.params.to_numpy(), t, top)
        return pd.DataFrame(table, index=pd.Index(t, name="t"), columns=range(top + 1))


def fitted(results: Any) -> PurchaseResults:
    """Return the results of a fit, or raise ValueError for a model that is not fitted, or no model."""
    if not isinstance(results, PurchaseResults):
        kind = type(results).__name__
        raise ValueError(f"The results of a fit are needed, such as ParetoNBD(summary).fit(); got a {kind}.")
    return results


def durations(t: Any) -> Array:
    """Return `t` as floats, refusing what is negative, missing or infinite."""
    t = floats(t, "t")
    if not (np.isfinite(t) & (t >= 0)).all():
        raise ValueError("t must be finite and not negative, in the summary's time unit.")
    return t


def discounting(
    discount: float, year: float, horizon: float | None, period: str | None = None
) -> tuple[float, float]:
    """Return the force of discounting per unit of time, and the horizon (infinite if there is none).

    The length of a year must be that in the summary's `period`, where one knows it, to two per cent.

    Examples
    --------
    >>> discounting(0.0, 52, 26)
    (0.0, 26.0)
    """
    discount = rate(discount)
    year = number(year, "year", "the length of a year in the summary's time unit, above 0", 1e-9)
    if period and abs(year * period_days(period) / 365.25 - 1) > 0.02:
        raise ValueError(
            f"year is the length of a year in the summary's time unit, and that is {period!r} of "
            f"btyd_summary: a year has {365.25 / period_days(period):.6g} of them; got {year:g}."
        )
    if horizon is None:
        if discount == 0:
            raise ValueError("With a discount of 0 the sum to come may be infinite: give a horizon.")
        return float(np.log1p(discount)) / year, np.inf
    what = "a time ahead that must not be negative or infinite, in the summary's time unit (None: for ever)"
    return float(np.log1p(discount)) / year, number(horizon, "horizon", what, low=0)


def history_grid(T: float, frequencies: int, recencies: int) -> pd.DataFrame:
    """Return customers of age `T`, one for each frequency (1, 2, …) and step of recency (0 not included).

    Examples
    --------
    >>> history_grid(39, frequencies=1, recencies=3)["recency"].tolist()
    [13.0, 26.0, 39.0]
    """
    T = number(T, "T", "an age above 0 in the summary's time unit", 1e-9)
    whole_number(frequencies, "frequencies", least=1)
    whole_number(recencies, "recencies", least=1)
    steps = T * np.arange(1, recencies + 1) / recencies
    places = pd.MultiIndex.from_product([steps, range(1, frequencies + 1)], names=["recency", "frequency"])
    return places.to_frame().assign(T=float(T))
