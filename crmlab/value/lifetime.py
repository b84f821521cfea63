"""What a customer is worth from now on: purchases to come, times margin and spend, discounted."""

import warnings
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from crmlab._arguments import number
from crmlab._results import FitWarning, grid, unique_rows
from crmlab._tables import whole_number
from crmlab.value.ahead import discounting, history_grid
from crmlab.value.covariates import part
from crmlab.value.discrete import BetaGeoBetaBinomial
from crmlab.value.purchases import Array, PurchaseResults, fitted
from crmlab.value.spend import GammaGamma, GammaGammaResults, repeat_spend

NEARLY_ALL = 12.0  # a simulated life ends where money is discounted by e to minus this power
LIVES = 1_000_000  # simulated at a time


class LifetimeValue:
    """Residual lifetime value: what customers are expected to contribute from now on, discounted to today.

    Purchases to come (from a buy-till-you-die model, discounted) times spend per purchase (gamma–gamma)
    times margin, less the cost of keeping in contact. What a customer brought so far is not in it, nor what
    it cost to win the customer.

    Parameters
    ----------
    purchases : results of BG/NBD, MBG/NBD, Pareto/NBD or BG/BB
        As returned by their ``fit``.
    spend : results of :class:`GammaGamma`, or float
        What customers spend per purchase; a number if all purchases are alike.
    margin : float
        Share of the spend that is contribution: above 0, at most 1.
    discount : float
        Rate a year, .1 for 10 %.
    year : float
        Length of a year in the unit of time of the summary: 365.25 days, 365.25/7 weeks, 12 months.
    horizon : float, optional
        How far ahead money counts, in the summary's unit of time; for ever if not given.
    contact_cost : float
        Money a year spent on keeping in contact with a customer, from today to the horizon, whether the
        customer is still one or not: nobody says good-bye, so the cost runs on.

    Raises
    ------
    ValueError
        Results of another kind, a margin outside 0 … 1 (is it a percentage?), a negative cost, a discount
        that is negative or per cent, or 0 without a horizon; a horizon that is negative or infinite; a year
        that is none in the summary's time unit.

    Notes
    -----
    Spend is taken to be independent of purchase rate and drop-out, as in the gamma–gamma model. Intervals
    of :meth:`expected` and :meth:`total` tell how well the parameters are known, given that the model is
    right; :meth:`simulate` tells what a single customer may bring, which is spread far more widely.

    References
    ----------
    Fader, P. S., Hardie, B. G. S. & Lee, K. L. (2005). RFM and CLV: using iso-value curves for customer base
    analysis. Journal of Marketing Research 42(4), 415–430.
    https://doi.org/10.1509/jmkr.2005.42.4.415

    Examples
    --------
    >>> from crmlab import datasets, value
    >>> summary = value.btyd_summary(datasets.load("cdnow_sample"), calibration_end="1997-09-30")
    >>> purchases, spend = value.ParetoNBD(summary).fit(), value.GammaGamma(summary).fit()
    >>> worth = value.LifetimeValue(purchases, spend, margin=0.3, discount=0.15, year=365.25 / 7)
    >>> worth.expected().head(3).round(2).tolist()
    [48.18, 4.35, 5.06]
    """

    def __init__(
        self,
        purchases: PurchaseResults,
        spend: GammaGammaResults | float,
        margin: float,
        discount: float,
        year: float,
        horizon: float | None = None,
        contact_cost: float = 0.0,
    ):
        fitted(purchases)
        if not isinstance(spend, GammaGammaResults):
            spend = _money(spend, "spend, if not the result of GammaGamma(summary).fit(),")
        share = "the share of the spend that is contribution, above 0 and at most 1 (.3 for 30 %)"
        margin = number(margin, "margin", share, 1e-12, 1)
        self.force, self.end = discounting(discount, year, horizon, purchases.model.period)
        self.purchases, self.spend = purchases, spend
        self.margin, self.discount, self.year, self.horizon = margin, discount, year, horizon
        self.contact_cost = _money(contact_cost, "contact_cost")

    @property
    def contacts(self) -> float:
        """What it costs to keep in contact with one customer to the horizon, discounted."""
        if not self.contact_cost:
            return 0.0
        years = -np.expm1(-self.force * self.end) / self.force if self.force else self.end
        return float(self.contact_cost * years / self.year)

    def expected(self, data: Any = None, alpha: float | None = None) -> pd.Series | pd.DataFrame:
        """Return the expected residual lifetime value of each customer.

        Parameters
        ----------
        data : table, optional
            Columns ``frequency, recency, T, monetary_value``, one row per customer, of any engine; the
            fitted summary by default.
        alpha : float, optional
            With it, a table ``expected, low, high``: the 1 − `alpha` interval for the expectation by the
            delta method (how well the parameters are known; not what this customer will bring).

        Returns
        -------
        Series, or DataFrame if `alpha` is given
            In the unit of the amounts, by the customer's id as in
            :meth:`PurchaseResults.probability_alive`. Negative where the contacts cost
            more than the customer is expected to bring.
        """
        data = self.purchases.model.rows(data)
        ahead = self.discount, self.year, self.horizon, data
        bought, each = self.purchases.discounted_purchases(*ahead), self._spend_at(data)
        worth = (self.margin * bought * each).rename("lifetime_value")
        if alpha is None:
            return worth - self.contacts
        parts = [self.purchases.discounted_purchases(*ahead, alpha)]
        if isinstance(self.spend, GammaGammaResults):
            parts.append(self.spend.expected_spend(data, alpha))
        return _interval(worth, parts) - self.contacts

    def total(self, data: Any = None, alpha: float = 0.05) -> pd.Series:
        """Return the expected value of all customers together, with the interval for the expectation.

        Parameters
        ----------
        data : table, optional
            As for :meth:`expected`. The fitted summary counts with its weights, and so does a table with the
            column that was named as weights when the model was fitted.
        alpha : float
            The interval holds with probability 1 − `alpha` if the model is right.

        Returns
        -------
        Series
            ``expected, low, high``: by the delta method, from the parameters' covariance alone.

        Examples
        --------
        >>> from crmlab import datasets, value
        >>> summary = value.btyd_summary(datasets.load("cdnow_sample"), calibration_end="1997-09-30")
        >>> purchases, spend = value.ParetoNBD(summary).fit(), value.GammaGamma(summary).fit()
        >>> worth = value.LifetimeValue(purchases, spend, margin=0.3, discount=0.15, year=365.25 / 7)
        >>> worth.total().round(-2).tolist()
        [78600.0, 49300.0, 125300.0]
        """
        model = self.purchases.model
        weights, data = model.weights_of(data), model.rows(data)
        rows, place = unique_rows(*model.histories(data))
        paid = np.bincount(place, weights=weights * self.margin * self._spend_at(data))

        def by_purchases(params: Array) -> Array:
            return np.array([paid @ self.purchases.discounted_at(params, self.force, self.end, *rows)])

        parts = [self.purchases.interval(by_purchases, alpha)]
        if isinstance(self.spend, GammaGammaResults):
            results, (x, m) = self.spend, repeat_spend(data)
            bought = self.purchases.discounted_purchases(self.discount, self.year, self.horizon, data)
            bought = weights * self.margin * bought.to_numpy()
            parts.append(results.interval(lambda q: np.array([bought @ results.spend_at(q, x, m)]), alpha))
        worth = parts[0]["expected"]
        return _interval(worth, parts).iloc[0].rename("total") - weights.sum() * self.contacts

    def iso_value(self, T: float, frequencies: int = 20, recencies: int = 40) -> pd.DataFrame:
        """Return what customers of age `T` and average spend are worth, by recency and frequency.

        Parameters
        ----------
        T : float
            Age of all customers in the table, in the summary's time unit.
        frequencies, recencies : int
            Columns (1, 2, … repeat purchases) and steps of recency from 0 (not included) to `T`.

        Returns
        -------
        DataFrame
            Index ``recency`` (age at the last purchase), columns ``frequency``. Customers of equal worth lie
            on a curve, as ``Axes.contour`` draws them.

        Examples
        --------
        Ten purchases, the last long ago, are worth less than five of which the last is fresh:

        >>> from crmlab import datasets, value
        >>> summary = value.btyd_summary(datasets.load("cdnow_sample"), calibration_end="1997-09-30")
        >>> purchases, spend = value.ParetoNBD(summary).fit(), value.GammaGamma(summary).fit()
        >>> worth = value.LifetimeValue(purchases, spend, margin=0.3, discount=0.15, year=365.25 / 7)
        >>> table = worth.iso_value(T=39, frequencies=10, recencies=3)
        >>> table.loc[[13, 39], [5, 10]].round(1).to_numpy().tolist()
        [[17.1, 1.6], [171.7, 326.3]]
        """
        rows = history_grid(T, frequencies, recencies)
        nobody = pd.DataFrame({"frequency": [0], "monetary_value": [np.nan]})
        bought = self.purchases.discounted_purchases(self.discount, self.year, self.horizon, rows)
        return (self.margin * bought * self._spend_at(nobody)[0] - self.contacts).unstack("frequency")

    def simulate(
        self, data: Any = None, draws: int = 1000, rng: int | np.random.Generator = 0
    ) -> pd.DataFrame:
        """Return what customers may really bring: futures drawn by lot, the parameters taken as known.

        Parameters
        ----------
        data : table, optional
            As for :meth:`expected`.
        draws : int
            Futures for each customer; customers × draws may be 50 million at most.
        rng : int or numpy.random.Generator

        Returns
        -------
        DataFrame
            A row per customer (by id, as in :meth:`expected`), a column per future: discounted contribution
            less contacts. A row's quantiles are the customer's predictive interval, a column's sum is a
            future of all customers together.

        Raises
        ------
        ValueError
            Too many futures, or BG/BB, whose time goes in periods.

        Notes
        -----
        Alive with the probability that the model gives; then rate, drop-out and spend from their
        distributions given the customer's history, and purchases one by one. Without a horizon a life ends
        where money is worth e^−12 (one cent in 1,600 dollars) of today's.

        Examples
        --------
        >>> from crmlab import datasets, value
        >>> summary = value.btyd_summary(datasets.load("cdnow_sample"), calibration_end="1997-09-30")
        >>> purchases, spend = value.BetaGeoNBD(summary).fit(), value.GammaGamma(summary).fit()
        >>> worth = value.LifetimeValue(purchases, spend, 0.3, 0.15, year=365.25 / 7, horizon=52)
        >>> worth.simulate(summary.head(1), draws=200).quantile([0.05, 0.95], axis=1).round(1)[1].tolist()
        [0.0, 35.9]
        """
        results = self.purchases
        self._needs_a_clock()
        data = results.model.rows(data)
        whole_number(draws, "draws", least=1)
        if len(data) * draws > 50_000_000:
            raise ValueError(
                f"{len(data):,} customers × {draws:,} draws exceed 50 million: take fewer of either."
            )
        rng, params = np.random.default_rng(rng), results.params.to_numpy()
        x, t_x, T, *z = results.model.histories(data)
        own = results.model.own(params, z)
        alive = results.model.alive(own, x, t_x, T)
        horizon = min(self.end, NEARLY_ALL / self.force) if self.force else self.end
        m = repeat_spend(data)[1] if isinstance(self.spend, GammaGammaResults) else x
        step, drawn = max(1, LIVES // len(data)), []
        for first in tqdm(range(0, draws, step), desc="futures", leave=False, disable=None):
            row = np.repeat(np.arange(len(data)), min(step, draws - first))
            place = np.flatnonzero(rng.random(len(row)) < alive[row])
            who = row[place]
            rate, until, last = results.model.draw_lives(part(own, who), x[who], T[who], rng)
            seen = np.minimum(until, horizon)
            life = np.repeat(np.arange(len(who)), rng.poisson(rate * seen))
            time = rng.random(len(life)) * seen[life]
            if last:
                ends = np.flatnonzero(until < horizon)
                life, time = np.concatenate([life, ends]), np.concatenate([time, until[ends]])
            if isinstance(self.spend, GammaGammaResults):
                p, q, v = self.spend.params
                scale = rng.gamma(q + p * x[who]) / (v + x[who] * np.nan_to_num(m[who]))
                paid = rng.gamma(p, size=len(life)) / scale[life]
            else:
                paid = np.full(len(life), self.spend)
            worth = np.bincount(place[life], self.margin * paid * np.exp(-self.force * time), len(row))
            drawn.append(worth.reshape(len(data), -1))
        return pd.DataFrame(np.hstack(drawn) - self.contacts, index=data.index)

    def bootstrap(self, draws: int = 200, rng: int | np.random.Generator = 0) -> pd.Series:
        """Return totals as they would have been estimated had the same company lived other lives.

        The parametric bootstrap: from the fitted model a history is drawn for every customer of the fitted
        summary, the models are fitted to these histories, and the customers as they are valued anew.

        Parameters
        ----------
        draws : int
            Companies to draw.
        rng : int or numpy.random.Generator

        Returns
        -------
        Series
            Index ``draw``, name ``total``. Its quantiles are an interval for the expectation, like that of
            :meth:`total`, without taking the log-likelihood for a parabola.

        Raises
        ------
        ValueError
            BG/BB, weights that are no whole numbers of customers, fewer than one draw.

        Examples
        --------
        >>> from crmlab import datasets, value
        >>> summary = value.btyd_summary(datasets.load("cdnow_sample"), calibration_end="1997-09-30")
        >>> purchases, spend = value.BetaGeoNBD(summary).fit(), value.GammaGamma(summary).fit()
        >>> worth = value.LifetimeValue(purchases, spend, 0.3, 0.15, year=365.25 / 7)
        >>> len(worth.bootstrap(draws=3))
        3
        """
        self._needs_a_clock()
        whole_number(draws, "draws", least=1)
        model, params = self.purchases.model, self.purchases.params.to_numpy()
        weights = model.weights
        if (weights != np.floor(weights)).any():
            raise ValueError("The weights of the fitted summary must be whole numbers of customers.")
        rng, data = np.random.default_rng(rng), model.data
        histories = model.histories(data)
        repeats = np.repeat(np.arange(len(data)), weights.astype(int))
        T, *z = (column[repeats] for column in histories[2:])
        _, grain = grid(T)
        rows, place = unique_rows(*histories)
        spent = repeat_spend(data) if isinstance(self.spend, GammaGammaResults) else None
        totals = []
        for _ in tqdm(range(draws), desc="bootstrap", leave=False, disable=None):
            x, t_x = model.draw_histories(model.own(params, z), T, rng)
            x = x.astype(float)
            if grain:  # the log tells days or weeks, not moments
                t_x = np.minimum(np.ceil(t_x * grain) / grain, T)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FitWarning)
                fit = model.again(x, t_x, T, *z).fit(start=params)
                each = _spend_again(self.spend, spent, x, rng)
            paid = np.bincount(place, weights=weights * self.margin * each)
            totals.append(paid @ fit.discounted_at(fit.params.to_numpy(), self.force, self.end, *rows))
        index = pd.RangeIndex(draws, name="draw")
        return pd.Series(np.array(totals) - weights.sum() * self.contacts, index, name="total")

    def _spend_at(self, data: pd.DataFrame) -> Array:
        if isinstance(self.spend, GammaGammaResults):
            spend: Array = self.spend.expected_spend(data).to_numpy()
            return spend
        return np.full(len(data), self.spend)

    def _needs_a_clock(self) -> None:
        if isinstance(self.purchases.model, BetaGeoBetaBinomial):
            raise ValueError("Lives are drawn from BG/NBD, MBG/NBD and Pareto/NBD; this is BG/BB.")


def _spend_again(spend: Any, spent: tuple[Array, Array] | None, x: Array, rng: np.random.Generator) -> Any:
    """Return what customers would be expected to spend had the purchases `x` been made at other prices."""
    if spent is None:
        return spend
    p, q, v = spend.params
    bought = x[x > 0]
    mean = rng.gamma(p * bought) / bought * v / rng.gamma(q, size=len(bought))
    fit = GammaGamma(pd.DataFrame({"frequency": bought, "monetary_value": mean})).fit(start=spend.params)
    return fit.spend_of(*spent)


def _money(value: Any, name: str) -> float:
    return number(value, name, "a finite amount that is not negative", low=0)


def _interval(worth: pd.Series, parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Return a product with its interval from those of its independent factors, at the same level."""
    ends = {}
    for side in ("low", "high"):
        errors = [np.log((part[side] / part["expected"]).where(part["expected"] > 0, 1.0)) for part in parts]
        spread = np.sqrt(sum(error**2 for error in errors))
        ends[side] = worth * np.exp(spread if side == "high" else -spread)
    return pd.DataFrame({"expected": worth, **ends})
