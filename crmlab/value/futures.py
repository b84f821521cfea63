"""What customers will do, not only on average: distributions, one customer's path, histories by lot."""

from typing import Any

import numpy as np
import pandas as pd

from crmlab._columns import aligned
from crmlab._results import unique_rows
from crmlab._tables import as_day, whole_number
from crmlab.value.ahead import durations
from crmlab.value.summary import period_days


class FutureResults:
    """The part of :class:`crmlab.value.PurchaseResults` that says what may come of each customer."""

    model: Any
    params: pd.Series

    def purchase_probabilities(self, t: Any, data: Any = None, top: int = 10) -> pd.DataFrame:
        """Return P(0, 1, … `top` purchases in the next `t`) for each customer, given the customer's history.

        Parameters
        ----------
        t : float or sequence of float
            Length of the time ahead, in the summary's time unit, one number or one per customer.
        data : table, optional
            Columns as for :meth:`probability_alive`; the fitted summary by default.
        top : int
            The highest number of purchases in the table; what is missing from 1 is the chance of more.

        Returns
        -------
        DataFrame
            A row per customer, columns 0 … `top`.

        References
        ----------
        Fader, P. S. & Hardie, B. G. S. (2013). Deriving the conditional PMF of the Pareto/NBD model, note
        028. Given that the customer is alive at T, rate and drop-out have the prior's form with r + x,
        α + T and so on; the probability is that of a new customer of such a population.

        Examples
        --------
        >>> from crmlab import datasets, value
        >>> log = datasets.load("cdnow_sample")
        >>> fit = value.ParetoNBD(value.btyd_summary(log, calibration_end="1997-09-30")).fit()
        >>> one = pd.DataFrame({"frequency": [2], "recency": [30.43], "T": [38.86]})
        >>> fit.purchase_probabilities(39, one, top=2).round(3).to_numpy().tolist()
        [[0.408, 0.219, 0.152]]
        """
        whole_number(top, "top", least=0)
        data = self.model.rows(data)
        history = self.model.histories(data)
        t = np.broadcast_to(durations(aligned(t, "t", data.index)), history[0].shape)
        (x, t_x, T, t, *z), place = unique_rows(*history[:3], t, *history[3:])
        params = self.model.own(self.params.to_numpy(), z)
        alive = self.model.alive(params, x, t_x, T)[:, None]
        table = alive * self.model.counts_while_alive(params, t, x, T, top)
        table[:, 0] += 1 - alive[:, 0]
        return pd.DataFrame(table[place], index=data.index, columns=range(top + 1))

    def probability_active(self, t: Any, data: Any = None) -> pd.Series:
        """Return for each customer the probability of at least one purchase in the next `t`.

        Parameters
        ----------
        t : float or sequence of float
            Length of the time ahead, in the summary's time unit, one number or one per customer.
        data : table, optional
            Columns as for :meth:`probability_alive`; the fitted summary by default.

        Returns
        -------
        Series
            Below the probability of being alive: who lives need not buy.

        Examples
        --------
        >>> from crmlab import datasets, value
        >>> log = datasets.load("cdnow_sample")
        >>> fit = value.ParetoNBD(value.btyd_summary(log, calibration_end="1997-09-30")).fit()
        >>> one = pd.DataFrame({"frequency": [2], "recency": [30.43], "T": [38.86]})
        >>> fit.probability_active(39, one).round(3).tolist()
        [0.592]
        """
        return (1 - self.purchase_probabilities(t, data, top=0)[0]).rename("probability_active")

    def alive_path(self, dates: Any, until: Any, period: str | None = None) -> pd.Series:
        """Return one customer's probability of being alive, day by day from the first purchase on.

        Parameters
        ----------
        dates : sequence of dates
            The days of all the customer's purchases, the first included; those after `until` are ignored.
        until : str or date
            The last day of the path.
        period : str, optional
            The unit of time of the fitted summary, "D", "W", "M" or "Y", if the model does not know it.

        Returns
        -------
        Series
            Index ``date``, name ``probability_alive``: on each day, given what was bought up to that day.

        Raises
        ------
        ValueError
            No purchase by `until`; BG/BB, whose time goes in periods; a model with covariates.

        Examples
        --------
        Silence makes departure likely, the next purchase refutes it:

        >>> from crmlab import datasets, value
        >>> log = datasets.load("cdnow_sample")
        >>> fit = value.ParetoNBD(value.btyd_summary(log, calibration_end="1997-09-30")).fit()
        >>> path = fit.alive_path(["1997-01-01", "1997-02-01", "1997-07-01"], until="1997-09-30")
        >>> path[["1997-02-01", "1997-06-30", "1997-07-01"]].round(2).tolist()
        [1.0, 0.4, 1.0]
        """
        end = pd.Timestamp(as_day(until, "until"))
        days = pd.DatetimeIndex(pd.to_datetime(pd.Series(list(dates)))).normalize().unique().sort_values()
        days = days[days <= end]
        if not len(days):
            raise ValueError(f"The customer bought nothing by {end.date()}: there is no path.")
        index = pd.date_range(days[0], end, name="date")
        place = np.searchsorted(days, index, side="right") - 1
        length = self._period_days(period)
        T = (index - days[0]).days.to_numpy() / length
        t_x = (days[place] - days[0]).days.to_numpy() / length
        alive = self.model.alive(self.params.to_numpy(), place.astype(float), t_x, T)
        return pd.Series(alive, index=index, name="probability_alive")

    def simulate(self, data: Any = None, rng: int | np.random.Generator = 0) -> pd.DataFrame:
        """Return histories of new customers, drawn from the model at these parameters.

        Parameters
        ----------
        data : table, optional
            A row per customer to draw: the age to reach (``T``; for BG/BB ``periods``), and the covariates.
            The fitted summary by default, whose customers all begin anew.
        rng : int or numpy.random.Generator

        Returns
        -------
        DataFrame
            `data` with ``frequency`` and ``recency`` as drawn: what the models are fitted to.

        Examples
        --------
        >>> from crmlab import datasets, value
        >>> log = datasets.load("cdnow_sample")
        >>> model = value.ParetoNBD(value.btyd_summary(log, calibration_end="1997-09-30"))
        >>> drawn = model.at([0.55, 10.6, 0.61, 11.7]).simulate(pd.DataFrame({"T": [39.0] * 1000}), rng=1)
        >>> round(float(drawn["frequency"].mean()), 1)
        1.2
        """
        data, age = self.model.rows(data), self.model.age
        zero = data.assign(frequency=0, recency=0)
        _, _, T, *z = self.model.histories(zero)
        params = self.model.own(self.params.to_numpy(), z)
        x, t_x = self.model.draw_histories(params, T, np.random.default_rng(rng))
        drawn = pd.DataFrame({"frequency": x.astype(int), "recency": t_x, age: T}, index=data.index)
        others = data.columns.difference([*drawn.columns, "monetary_value"], sort=False)
        return drawn.join(data[[name for name in others if not name.endswith("_holdout")]])

    def simulate_log(
        self, born: Any, until: Any, period: str | None = None, rng: int | np.random.Generator = 0
    ) -> pd.DataFrame:
        """Return a log of purchases of new customers, drawn from the model at these parameters.

        Parameters
        ----------
        born : Series of dates, or sequence of dates
            The day of each customer's first purchase; the index is the customer's id.
        until : str or date
            The last day of the log.
        period : str, optional
            The unit of time of the parameters, "D", "W", "M" or "Y", if the model does not know it.
        rng : int or numpy.random.Generator

        Returns
        -------
        DataFrame
            Columns ``customer_id, date``, a row per purchase, the first included: a log as
            :func:`crmlab.value.btyd_summary` takes it. A moment falls on the day in which it lies, and
            several purchases may fall on one day.

        Raises
        ------
        ValueError
            A first purchase after `until`; BG/BB, whose time goes in periods; a model with covariates.

        Examples
        --------
        >>> from crmlab import datasets, value
        >>> log = datasets.load("cdnow_sample")
        >>> fit = value.BetaGeoNBD(value.btyd_summary(log, calibration_end="1997-09-30")).fit()
        >>> drawn = fit.simulate_log(["2025-01-01"] * 100, until="2025-12-31", rng=1)
        >>> int(drawn["customer_id"].nunique())
        100
        """
        first = pd.to_datetime(pd.Series(born)).dt.normalize()
        end, length = pd.Timestamp(as_day(until, "until")), self._period_days(period)
        ages = (end - first).dt.days.to_numpy() / length
        if not len(ages) or not (ages >= 0).all():
            raise ValueError(f"born needs a day for each customer, none later than {end.date()}.")
        rng = np.random.default_rng(rng)
        x, t_x = self.model.draw_histories(self.params.to_numpy(), ages, rng)
        # Given the last, the others fall anywhere before it with equal chance.
        who = np.repeat(np.arange(len(x)), np.maximum(x - 1, 0).astype(int))
        again = np.flatnonzero(x)
        times = np.concatenate([np.zeros(len(x)), rng.random(len(who)) * t_x[who], t_x[again]])
        who = np.concatenate([np.arange(len(x)), who, again])
        days = np.minimum(np.ceil(times * length), np.round(ages[who] * length))
        date = first.to_numpy()[who] + pd.to_timedelta(days, unit="D").to_numpy()
        log = pd.DataFrame({"customer_id": first.index.to_numpy()[who], "date": date})
        return log.sort_values(["customer_id", "date"], ignore_index=True)

    def _period_days(self, period: str | None) -> float:
        if self.model.whole_times is not None or self.model.effects.terms:
            raise ValueError("Days need BG/NBD, MBG/NBD or Pareto/NBD, without covariates.")
        known = self.model.period
        if period and known and period != known:
            raise ValueError(f"The model was fitted to periods {known!r}: leave out period={period!r}.")
        return period_days(period or known or "W")
