"""Was the model right? Prediction beside actual, as tables, which are methods of its results."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from narwhals.typing import IntoFrame

from crmlab._columns import aligned, below_limit, labels
from crmlab._results import compress
from crmlab._tables import as_day, number_columns, numbers, whole_number
from crmlab._tables import transactions as check
from crmlab.value.ahead import history_grid
from crmlab.value.summary import period_days


def holdout_scores(actual: Any, predictions: Mapping[str, Any]) -> pd.DataFrame:
    """Return how near each prediction came, one row per model: the race, useless models included.

    Parameters
    ----------
    actual : sequence of float
        What customers did in the hold-out, one number each.
    predictions : mapping of str to sequence of float
        What each model had said. Series and mappings meet by their labels, the customers' ids; anything else
        is in the order of `actual`.

    Returns
    -------
    DataFrame
        Index ``model``; columns ``actual`` and ``predicted`` (totals), ``bias`` (predicted / actual − 1),
        ``mean_absolute_error`` (per customer), ``root_mean_squared_error``, ``calibration_slope`` (of actual
        on predicted: 1 is right, below 1 the differences between customers are overstated) and
        ``correlation``. Slope and correlation are missing where a model tells all customers the same.

    Raises
    ------
    ValueError
        Lengths or labels that differ, missing or infinite numbers, no prediction at all.

    Examples
    --------
    >>> holdout_scores([0, 1, 5], {"model": [0.5, 1.0, 3.0], "mean": [2.0, 2.0, 2.0]}).round(2).iloc[:, :4]
           actual  predicted  bias  mean_absolute_error
    model
    model     6.0        4.5 -0.25                 0.83
    mean      6.0        6.0  0.00                 2.00
    """
    y = below_limit(numbers(actual, "actual"), "actual").to_numpy()
    rows = []
    if not predictions:
        raise ValueError("There is no prediction to score.")
    for name, values in predictions.items():
        what = f"Prediction {name!r}"
        f = below_limit(numbers(aligned(values, what, labels(actual)), what), what).to_numpy()
        if len(f) != len(y):
            raise ValueError(f"{what} has shape {f.shape}; actual has {y.shape}: one number each.")
        spread, together = f.var(), np.mean((f - f.mean()) * (y - y.mean()))
        differs = spread > 1e-24 * float(np.mean(f**2))
        rows.append(
            {
                "model": name,
                "actual": y.sum(),
                "predicted": f.sum(),
                "bias": f.sum() / y.sum() - 1 if y.sum() else np.nan,
                "mean_absolute_error": np.abs(y - f).mean(),
                "root_mean_squared_error": np.sqrt(((y - f) ** 2).mean()),
                "calibration_slope": together / spread if differs else np.nan,
                "correlation": together / np.sqrt(spread * y.var()) if differs and y.var() else np.nan,
            }
        )
    return pd.DataFrame(rows).set_index("model")


class CheckedResults:
    """The part of :class:`crmlab.value.PurchaseResults` that sets the model beside what came, as tables."""

    def frequency_table(self: Any, groups: int = 8) -> pd.DataFrame:
        """Return how many customers made 0, 1, 2, … repeat purchases, and how many the model expects.

        Parameters
        ----------
        groups : int
            Rows; the last takes all higher frequencies (8 rows: 0 … 6 and 7+).

        Returns
        -------
        DataFrame
            Index ``frequency`` ("0" … "7+"), columns ``actual, expected`` (customers). The expected number
            sums over customers of every age T in the fitted summary.

        Examples
        --------
        >>> from crmlab import datasets, value
        >>> summary = value.btyd_summary(datasets.load("cdnow_sample"), calibration_end="1997-09-30")
        >>> value.BetaGeoNBD(summary).fit().frequency_table(groups=3).round(0)
                   actual  expected
        frequency
        0          1411.0    1408.0
        1           439.0     460.0
        2+          507.0     489.0
        """
        whole_number(groups, "groups", least=2)
        model = self.model
        actual = np.zeros(groups)
        np.add.at(actual, np.minimum(model.x.astype(int), groups - 1), model.n)
        (ages,), customers = compress([model.T], model.n)
        expected = customers @ self.count_probabilities(ages, top=groups - 2).to_numpy()
        index = pd.Index([*map(str, range(groups - 1)), f"{groups - 1}+"], name="frequency")
        return pd.DataFrame(
            {"actual": actual, "expected": np.append(expected, model.nobs - expected.sum())}, index
        )

    def holdout_table(self: Any, groups: int = 8) -> pd.DataFrame:
        """Return hold-out purchases, actual beside predicted, by purchases in calibration.

        Parameters
        ----------
        groups : int
            Rows; the last takes all higher frequencies.

        Returns
        -------
        DataFrame
            Index ``frequency``; columns ``customers`` (the sum of their weights), ``actual`` and
            ``predicted`` (means per customer).

        Examples
        --------
        >>> from crmlab import datasets, value
        >>> summary = value.btyd_summary(datasets.load("cdnow_sample"), calibration_end="1997-09-30")
        >>> value.BetaGeoNBD(summary).fit().holdout_table(groups=3).round(2)
                   customers  actual  predicted
        frequency
        0             1411.0    0.24       0.23
        1              439.0    0.70       0.52
        2+             507.0    2.45       2.18
        """
        whole_number(groups, "groups", least=2)
        data, weights = self.model.data, self.model.weights
        actual, x = (column.to_numpy() for column in number_columns(data, "frequency_holdout", "frequency"))
        place = np.minimum(x.astype(int), groups - 1)
        sums = {
            name: np.bincount(place, weights=weights * values, minlength=groups)
            for name, values in {
                "customers": 1,
                "actual": actual,
                "predicted": self.conditional_expected_purchases().to_numpy(),
            }.items()
        }
        labels = pd.Index([*map(str, range(groups - 1)), f"{groups - 1}+"], name="frequency")
        table = pd.DataFrame(sums, labels).query("customers > 0")
        return table.assign(**{name: table[name] / table["customers"] for name in ("actual", "predicted")})

    def tracking_table(
        self: Any,
        transactions: IntoFrame,
        calibration_end: Any,
        customer: str = "customer_id",
        date: str = "date",
        period: str = "W",
        observation_end: Any = None,
    ) -> pd.DataFrame:
        """Return repeat purchases period by period, actual beside expected, through calibration and hold-out.

        Parameters
        ----------
        transactions
            The log the summary was made from: a pandas, Polars, pyarrow or DuckDB table.
        calibration_end : str or date
            Last day of calibration. Customers won later are left out, as in the summary.
        customer, date : str
            Columns of the log.
        period : str
            As in :func:`crmlab.value.btyd_summary`, and the same as for the fitted summary.
        observation_end : str or date, optional
            Last day to track; the log's last day by default.

        Returns
        -------
        DataFrame
            Index ``period`` (1 is the first full period after the first purchase of the first customer; a
            last, incomplete period is left out); columns ``actual, expected`` (new repeat purchases),
            ``cumulative_actual, cumulative_expected`` and ``holdout`` (True where the period ends after
            calibration).

        Examples
        --------
        >>> from crmlab import datasets, value
        >>> log = datasets.load("cdnow_sample")
        >>> fit = value.BetaGeoNBD(value.btyd_summary(log, calibration_end="1997-09-30")).fit()
        >>> track = fit.tracking_table(log, "1997-09-30")
        >>> track.loc[[39, 78], ["cumulative_actual", "cumulative_expected"]].round(0)
                cumulative_actual  cumulative_expected
        period
        39                   2457               2494.0
        78                   4339               4161.0
        """
        log, seen = check(transactions, customer, date, None), as_day(calibration_end, "calibration_end")
        last = log.last if observation_end is None else as_day(observation_end, "observation_end")
        days = log.until(last).select("customer", "day").unique(["customer", "day"]).collect().to_pandas()
        days["day"] = pd.to_datetime(days["day"])
        days["born"] = days.groupby("customer")["day"].transform("min")
        days = days[days["born"] <= pd.Timestamp(seen)]
        if days.empty:
            raise ValueError(f"Nobody bought by {min(seen, last)}: nothing to track.")
        if self.model.period not in (None, period):
            raise ValueError(
                f"The model was fitted to a summary in the period {self.model.period!r}: give the same as "
                f"period=; got {period!r}."
            )
        origin, length = days["born"].min(), period_days(period)
        periods = int(((pd.Timestamp(last) - origin).days + 1) // length)
        if periods < 1:
            raise ValueError("The log is shorter than one period: nothing to track.")
        edges = length * np.arange(1, periods + 1)
        # Day d of the log is over at time d + 1: a period of seven days holds days 0 … 6.
        first = days["day"] == days["born"]
        repeats = (days["day"] - origin).dt.days[~first].to_numpy() + 1
        cumulative = np.searchsorted(np.sort(repeats), edges, side="right")
        starts, customers = np.unique((days["born"] - origin).dt.days[first], return_counts=True)
        ages = np.maximum(edges[:, None] - 1 - starts, 0) / length
        expected = self.expected_purchases(ages) @ customers
        calibration = (pd.Timestamp(seen) - origin).days + 1
        return pd.DataFrame(
            {
                "actual": np.diff(cumulative, prepend=0),
                "expected": np.diff(expected, prepend=0),
                "cumulative_actual": cumulative,
                "cumulative_expected": expected,
                "holdout": edges > calibration,
            },
            index=pd.Index(range(1, periods + 1), name="period"),
        )

    def customer_matrix(
        self: Any, T: float, t: float | None = None, frequencies: int = 15, recencies: int = 20
    ) -> pd.DataFrame:
        """Return what the model says of customers of age `T` by frequency and recency.

        Parameters
        ----------
        T : float
            Age of all customers in the matrix, in the summary's time unit.
        t : float, optional
            With it, the expected purchases in the next `t`; without it, the probability of being a customer.
        frequencies, recencies : int
            Number of columns (1, 2, … repeat purchases) and of steps of recency from 0 (not included) to `T`.

        Returns
        -------
        DataFrame
            Index ``recency`` (age at the last purchase), columns ``frequency``.

        Examples
        --------
        >>> from crmlab import datasets, value
        >>> summary = value.btyd_summary(datasets.load("cdnow_sample"), calibration_end="1997-09-30")
        >>> fit = value.BetaGeoNBD(summary).fit()
        >>> fit.customer_matrix(T=39, frequencies=2, recencies=3).round(2)
        frequency     1     2
        recency
        13.0       0.50  0.36
        26.0       0.66  0.66
        39.0       0.75  0.81
        """
        rows = history_grid(T, frequencies, recencies)
        values = self.probability_alive(rows) if t is None else self.conditional_expected_purchases(t, rows)
        return values.unstack("frequency")
