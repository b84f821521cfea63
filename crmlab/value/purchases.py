"""What the buy-till-you-die models share: customers counted by history, forecasts, intervals."""

from typing import Any

import numpy as np
import pandas as pd

from crmlab._results import LikelihoodModel, LikelihoodResults, compress, unique_rows
from crmlab._tables import customer_weights, number_columns, refuse, same_index

Array = np.ndarray


class PurchaseModel(LikelihoodModel):
    """Base of BG/NBD, MBG/NBD and Pareto/NBD: a purchase rate per customer, and a drop-out nobody sees."""

    age = "T"  # the column with a customer's age
    whole_times: int | None = None  # the least whole number of periods, where time goes in periods

    def __init__(self, summary: pd.DataFrame, weights: Any = None):
        x, t_x, T = self.histories(summary)
        n = customer_weights(summary, weights)
        if n.sum() < len(self.names):
            raise ValueError(
                f"{n.sum():g} customers cannot tell {len(self.names)} parameters about differences between "
                "customers; a few hundred is a sensible least."
            )
        if not (x * n).any():
            raise ValueError("No customer bought again (frequency is 0 throughout): rates cannot be learnt.")
        self.data = summary.copy(deep=False)
        self.weights = n
        self.nobs = float(n.sum())
        (self.x, self.t_x, self.T), self.n = compress([x, t_x, T], n)
        keep = self.n > 0
        self.x, self.t_x, self.T, self.n = (array[keep] for array in (self.x, self.t_x, self.T, self.n))
        self.counts = np.bincount(self.x.astype(int), weights=self.n)

    def histories(self, data: pd.DataFrame) -> tuple[Array, Array, Array]:
        """Return frequency, recency and age of the customers, or say what is wrong with them."""
        counts = number_columns(data, "frequency", whole_from=0)
        times = number_columns(data, "recency", self.age, whole_from=self.whole_times)
        x, t_x, T = (column.to_numpy() for column in counts + times)
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

    def probability_alive(self, data: pd.DataFrame | None = None) -> pd.Series:
        """Return for each customer the probability of still being one.

        Parameters
        ----------
        data : DataFrame, optional
            Columns ``frequency, recency, T`` (for BG/BB ``periods`` instead of ``T``), one row per customer;
            the fitted summary by default.

        Returns
        -------
        Series
            Of not having left by the age `T`: between 0 and 1, in the order and index of `data`.

        Examples
        --------
        >>> from crmlab import datasets, value
        >>> log = datasets.load("cdnow_sample")
        >>> fit = value.BetaGeoNBD(value.btyd_summary(log, calibration_end="1997-09-30")).fit()
        >>> one = pd.DataFrame({"frequency": [2], "recency": [30.43], "T": [38.86]})
        >>> fit.probability_alive(one).round(3).tolist()
        [0.727]
        """
        data = self.model.data if data is None else data
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
        self, t: Any = None, data: pd.DataFrame | None = None, alpha: float | None = None
    ) -> pd.Series | pd.DataFrame:
        """Return the purchases to expect of each customer in the next `t`, given the customer's history.

        Parameters
        ----------
        t : float or sequence of float, optional
            Length of the time ahead, in the summary's time unit, one number or one per customer. By default
            each customer's own hold-out (column ``T_holdout``).
        data : DataFrame, optional
            Columns as for :meth:`probability_alive`; the fitted summary by default.
        alpha : float, optional
            With it, a table with columns ``expected, low, high``: the 1 − `alpha` interval for the
            *expectation*, by the delta method. It says how well the parameters are known. What a single
            customer will really buy is spread far more widely.

        Returns
        -------
        Series, or DataFrame if `alpha` is given
            In the order and index of `data`.

        Examples
        --------
        >>> from crmlab import datasets, value
        >>> log = datasets.load("cdnow_sample")
        >>> fit = value.BetaGeoNBD(value.btyd_summary(log, calibration_end="1997-09-30")).fit()
        >>> one = pd.DataFrame({"frequency": [2], "recency": [30.43], "T": [38.86]})
        >>> fit.conditional_expected_purchases(39, one).round(3).tolist()
        [1.226]
        """
        data = self.model.data if data is None else data
        x, t_x, T = self.model.histories(data)
        if t is None:
            if "T_holdout" not in data.columns:
                raise ValueError("Say how far ahead (t): the table has no T_holdout column to take it from.")
            t = data["T_holdout"]
        same_index(t, data.index, "t")
        t = durations(t)
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
        if top < 0:
            raise ValueError(f"top must not be negative; got {top}.")
        table = self.model.count_probabilities(self.params.to_numpy(), t, top)
        return pd.DataFrame(table, index=pd.Index(t, name="t"), columns=range(top + 1))


def durations(t: Any) -> Array:
    """Return `t` as floats, refusing what is negative, missing or infinite."""
    t = np.asarray(t, float)
    if not (np.isfinite(t) & (t >= 0)).all():
        raise ValueError("t must be finite and not negative, in the summary's time unit.")
    return t
