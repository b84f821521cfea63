"""Gamma–gamma: what customers spend when they buy."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import gammaln, polygamma

from crmlab._columns import below_limit, customer_weights
from crmlab._results import Derivatives, LikelihoodModel, LikelihoodResults, rise
from crmlab._tables import by_customer, number_columns, numbers, one_table, refuse, require_columns
from crmlab.value.purchases import Array


class GammaGamma(LikelihoodModel):
    """Gamma–gamma model of spend per transaction (Colombo & Jiang 1999; Fader & Hardie 2013).

    A customer's transactions vary as a gamma(p, ν) around a mean of his own, and ν differs between
    customers as a gamma(q, v). Spend is taken to be independent of how often one buys: look at the
    correlation before you believe it.

    Parameters
    ----------
    summary : table
        Columns ``frequency`` (repeat purchases) and ``monetary_value`` (their mean amount), one row per
        customer: pandas, Polars (eager or lazy), pyarrow or DuckDB. One-time buyers (frequency 0) carry no
        information and are left out; so are customers whose mean amount is exactly 0, since no gamma
        distribution gives 0, and a note counts them.
    weights : str or sequence of float, optional
        How many customers each row stands for: a column's name, or a number per row.

    Raises
    ------
    ValueError
        Missing columns, negative amounts, fewer customers than parameters.

    References
    ----------
    Fader, P. S. & Hardie, B. G. S. (2013). The gamma-gamma model of monetary value, note 025, equation 1a.

    Fader, P. S., Hardie, B. G. S. & Lee, K. L. (2005). RFM and CLV: using iso-value curves for customer base
    analysis. Journal of Marketing Research 42(4), 415–430. https://doi.org/10.1509/jmkr.2005.42.4.415

    Examples
    --------
    >>> from crmlab import datasets, value
    >>> summary = value.btyd_summary(datasets.load("cdnow_sample"), calibration_end="1997-09-30")
    >>> value.GammaGamma(summary).fit()
    <gamma-gamma: p 6.25, q 3.744, v 15.44; log-likelihood -4,055.9>
    """

    names = ("p", "q", "v")
    title = "gamma-gamma"

    def __init__(self, summary: Any, weights: Any = None, *others: Any):
        one_table(others, "frequency", "monetary_value")
        self.data = by_customer(summary, weights).copy(deep=False)
        self.weights_from = weights if isinstance(weights, str) else None
        x, m = repeat_spend(self.data)
        n = customer_weights(self.data, weights)
        use = (x > 0) & (m > 0) & (n > 0)
        without_spend = n[(x > 0) & (m == 0)].sum()
        if without_spend:
            self.remarks = (f"{without_spend:g} customers whose mean amount is 0 were left out.",)
        self.x, self.m, self.n = x[use], m[use], n[use]
        self.nobs = float(self.n.sum())
        if self.nobs < len(self.names):
            raise ValueError(
                f"{self.nobs:g} customers with repeat purchases cannot tell 3 parameters about differences "
                "between customers; a few hundred is a sensible least."
            )
        self.xm = self.x * self.m
        self.nx = self.n * self.x
        self.counts = np.bincount(self.x.astype(int), weights=self.n)
        self.log_sums = [float(np.einsum("i,i", self.n, np.log(self.m)))]
        self.results_class = GammaGammaResults

    def start(self) -> Array:
        return np.array([2.0, 4.0, 1.5 * float(np.median(self.m))])

    def boundary_note(self, names: list[str], params: Array) -> str:
        p, q, v = params
        alike = f"customers do not differ in what they spend: {p * v / q:.4g} a purchase."
        steady = "a customer's purchases are all of one amount."
        cases = [(q > 100, alike), ("p" in names and p > 100, steady)]
        return " And ".join(words for holds, words in cases if holds) or super().boundary_note(names, params)

    def data_sums(self) -> list[float]:
        return [self.nobs, *self.log_sums]

    def derivatives(self, params: Array) -> Derivatives:
        p, q, v = params
        h, n, nx = self.counts[1:], self.n, self.nx
        j = np.arange(1, len(self.counts))
        # Every term is written so that nothing cancels where q and v, or p, have run to infinity.
        own, others = rise(p * j, q), rise(q, p * j)
        both = np.where(q > p * j, others[0] - gammaln(p * j), own[0] - gammaln(q))
        w = v + self.xm
        share = np.log1p(v / self.xm), np.log1p(self.xm / v)
        value = (
            h @ both
            - p * np.einsum("i,i", nx, share[0])
            - q * np.einsum("i,i", n, share[1])
            - self.log_sums[0]
        )
        gradient = np.array(
            [
                h @ (j * own[1]) - np.einsum("i,i", nx, share[0]),
                h @ others[1] - np.einsum("i,i", n, share[1]),
                np.einsum("i,i", n, (q * self.xm / v - p * self.x) / w),
            ]
        )
        pq, pv = h @ (j * polygamma(1, p * j + q)), -np.einsum("i,i", nx, 1 / w)
        qv = np.einsum("i,i", n, self.xm / w) / v
        vv = p * self.x - q * (self.xm / v) * (2 + self.xm / v)
        hessian = np.array(
            [
                [h @ (j**2 * own[2]), pq, pv],
                [pq, h @ others[2], qv],
                [pv, qv, np.einsum("i,i", n, vv / w**2)],
            ]
        )
        return float(value), gradient, hessian


class GammaGammaResults(LikelihoodResults):
    """Results of the gamma–gamma model: estimates as in statsmodels, and the expected spend."""

    model: GammaGamma

    def expected_spend(self, data: Any = None, alpha: float | None = None) -> pd.Series | pd.DataFrame:
        """Return each customer's expected mean amount per transaction, now and in future.

        A weighted mean of the customer's own average and everybody's: the more purchases, the more weight on
        one's own. A one-time buyer is expected to spend like everybody.

        Parameters
        ----------
        data : table, optional
            Columns ``frequency, monetary_value``, of any engine; the fitted summary by default.
        alpha : float, optional
            With it, a table with columns ``expected, low, high``: the 1 − `alpha` interval for the
            expectation (parameter uncertainty only), by the delta method.

        Returns
        -------
        Series, or DataFrame if `alpha` is given
            In the unit of the amounts, in the order of `data`. Index: the customer's id, which is the column
            ``customer_id`` or the one before ``frequency``; without one, the index of `data`.

        Raises
        ------
        ValueError
            Where q ≤ 1: the mean over customers is then infinite.

        Examples
        --------
        >>> from crmlab import datasets, value
        >>> summary = value.btyd_summary(datasets.load("cdnow_sample"), calibration_end="1997-09-30")
        >>> fit = value.GammaGamma(summary).fit()
        >>> two = pd.DataFrame({"frequency": [0, 6], "monetary_value": [float("nan"), 20.0]})
        >>> fit.expected_spend(two).round(2).tolist()
        [35.17, 21.03]
        """
        data = self.model.data if data is None else by_customer(data, self.model.weights_from)
        x, m = repeat_spend(data)
        values = self.spend_of(x, m)
        if alpha is None:
            return pd.Series(values, index=data.index, name="expected_spend")
        return self.interval(lambda params: self.spend_at(params, x, m), alpha).set_index(data.index)

    def spend_of(self, x: Array, m: Array) -> Array:
        """Return the expected mean amounts of customers with these purchases."""
        if self.params["q"] <= 1:
            raise ValueError(
                f"q is {self.params['q']:.3g}, not above 1: the mean spend over customers is infinite."
            )
        return self.spend_at(self.params.to_numpy(), x, m)

    def spend_at(self, params: Array, x: Array, m: Array) -> Array:
        """Return the expected mean amounts under these parameters."""
        p, q, v = params
        return p * (v + np.where(x > 0, x * m, 0)) / (p * x + q - 1)


def repeat_spend(data: pd.DataFrame) -> tuple[Array, Array]:
    """Return frequency and mean amount (NaN for one-time buyers), or say what is wrong with them."""
    x = number_columns(data, "frequency", whole_from=0)[0].to_numpy()
    require_columns(data.columns, ["monetary_value"])
    # A one-time buyer has no repeat spend: whatever stands there is not read.
    m = numbers(data["monetary_value"].where(x > 0, 0.0), "monetary_value")
    m = below_limit(m, "monetary_value").to_numpy()
    refuse(data, m < 0, "a negative monetary_value")
    return x, np.where(x > 0, m, np.nan)
