"""Stages of the customer lifecycle, and the Markov chain that runs through them."""

from collections.abc import Iterator
from datetime import date as Date
from itertools import islice, takewhile
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from narwhals.typing import IntoFrame
from statsmodels.stats.proportion import proportion_confint

from crmlab import plot
from crmlab._arguments import floats, level, rate
from crmlab._tables import as_day, as_pandas, look_up, numbers, refuse, require_columns, whole_number
from crmlab._tables import transactions as check

_STAGES = ("establishing", "growing", "mature", "declining", "left")
_END = _STAGES[-1]


def lifecycle_stages(
    transactions: IntoFrame,
    customer: str = "customer_id",
    date: str = "date",
    period: str = "Q",
    established: int = 3,
    growing_for: int = 4,
    declining_after: int = 2,
    left_after: int = 4,
    observation_end: str | Date | None = None,
) -> pd.DataFrame:
    """Say in which stage of the lifecycle each customer was at the end of each calendar period.

    Parameters
    ----------
    transactions : table
        The transaction log, one row per transaction: pandas, Polars (eager or lazy), pyarrow or DuckDB.
    customer, date : str
        Its columns. Dates carry no time zone. All transactions of one day are one order.
    period : str
        The calendar period: "W" (from Monday), "M", "Q" or "Y".
    established : int
        With how many orders a customer is established.
    growing_for : int
        Number of periods, the first included, that count as growth. 0: nobody grows.
    declining_after, left_after : int
        After how many full periods without an order a customer counts as declining, and as having left.
    observation_end : str or date, optional
        The last day that counts, itself included: by default the log's last day.

    Returns
    -------
    DataFrame
        One row per customer and period from the first order on, sorted, with the columns customer (under the
        caller's name), ``period`` (its first day), ``age`` (periods since the first order: 0, 1, 2, …),
        ``orders`` (in this period), ``stage`` (an ordered categorical: establishing, growing, mature,
        declining, left) and ``back`` (whether somebody who counts as having left ordered in this period).
        Only periods that had ended by `observation_end` are there, and customers who had ordered by then.

    Raises
    ------
    ValueError
        If the log is not in order (see :func:`crmlab.value.rfm`), there is no such period, a number is not
        whole or too small, nobody leaves later than declining, or no period has ended.

    Notes
    -----
    The rule looks at nothing that comes after the end of the period. The first line that is true decides:

    - *left*: `left_after` full periods in a row without an order, now or at any time before. Who orders again
      stays there by convention; the column ``back`` counts how often the convention is wrong;
    - *declining*: `declining_after` full periods in a row without an order;
    - *establishing*: fewer than `established` orders so far;
    - *growing*: one of the first `growing_for` periods;
    - *mature*: the rest.

    In a log without contracts nobody sees a customer leave: *left* is what this rule calls so.

    Examples
    --------
    >>> days = pd.to_datetime(["2024-02-01", "2024-02-20", "2024-05-03", "2025-12-24"])
    >>> log = pd.DataFrame({"customer_id": 1, "date": days})
    >>> lifecycle_stages(log, observation_end="2025-12-31").drop(columns="customer_id")
          period  age  orders         stage   back
    0 2024-01-01    0       2  establishing  False
    1 2024-04-01    1       1       growing  False
    2 2024-07-01    2       0       growing  False
    3 2024-10-01    3       0     declining  False
    4 2025-01-01    4       0     declining  False
    5 2025-04-01    5       0          left  False
    6 2025-07-01    6       0          left  False
    7 2025-10-01    7       1          left   True
    """
    look_up("period", period, dict.fromkeys("WMQY"))
    whole_number(established, "established", least=1)
    whole_number(growing_for, "growing_for", least=0)
    whole_number(declining_after, "declining_after", least=1)
    whole_number(left_after, "left_after", least=declining_after + 1)
    if customer in (made := ["period", "age", "orders", "stage", "back"]):
        raise ValueError(f"Rename the column {customer!r}: the result has its own columns {', '.join(made)}.")
    log = check(transactions, customer, date, None)
    end = log.last if observation_end is None else as_day(observation_end, "observation_end")
    last = pd.Period(pd.Timestamp(end) + pd.Timedelta(days=1), period) - 1  # the last to have ended by then
    rows = log.until(last.end_time.date()).select("customer", nw.col("day").cast(nw.Datetime)).unique()
    days = rows.collect().to_pandas()
    days["number"] = days["day"].dt.to_period(period).array.asi8
    counts = days.groupby(["customer", "number"]).size().reset_index(name="orders")
    if counts.empty:
        raise ValueError(f"By {end} no period {period!r} with an order has ended: choose a shorter period.")
    first = counts.drop_duplicates("customer").drop(columns="orders")
    length = last.ordinal - first["number"].to_numpy() + 1
    table, row = first.loc[first.index.repeat(length)].reset_index(drop=True), np.arange(length.sum())
    begin = np.repeat(np.cumsum(length) - length, length)  # the row of the customer's first period
    table["number"] += row - begin
    orders = table.merge(counts, how="left")["orders"].fillna(0).astype(int).to_numpy()
    silent = row - np.maximum.accumulate(np.where(orders > 0, row, 0))  # the first row has an order
    left = np.maximum.accumulate(np.where(silent >= left_after, row, -1)) >= begin
    so_far = np.cumsum(orders) - (np.cumsum(orders) - orders)[begin]
    decided = [left, silent >= declining_after, so_far < established, row - begin < growing_for]
    code = np.select(decided, [4, 3, 0, 1], default=2)
    stage = pd.Categorical.from_codes(code, list(_STAGES), ordered=True)
    when = pd.PeriodIndex.from_ordinals(table["number"], freq=last.freq).to_timestamp()
    values = [table["customer"], when, row - begin, orders, stage, left & (orders > 0)]
    return pd.DataFrame(dict(zip([customer, *made], values, strict=True)))


def transitions(
    stages: Any, customer: str = "customer_id", period: str = "period", stage: str = "stage"
) -> pd.DataFrame:
    """Count how often customers went from each stage to each other one, from one period to the next.

    Parameters
    ----------
    stages : table
        Of any engine, one row per customer and period, as from :func:`lifecycle_stages`.
    customer, period, stage : str
        Its columns. Periods are dates or numbers, equally far apart. The stages are the categories of a
        categorical column, and those of :func:`lifecycle_stages` otherwise.

    Returns
    -------
    DataFrame
        Counts; the index is the stage ``from`` which, the columns the stage ``to`` which customers went.

    Raises
    ------
    ValueError
        If a column is not there, a value is missing, a stage is none of those, a customer is there twice in a
        period or missing between two of them, or a period is missing altogether.

    Examples
    --------
    >>> table = pd.DataFrame({
    ...     "customer_id": [1, 1, 1, 2, 2],
    ...     "period": [1, 2, 3, 2, 3],
    ...     "stage": pd.Categorical(["active", "active", "left", "active", "active"]),
    ... })
    >>> transitions(table)
    to      active  left
    from
    active       2     1
    left         0     0
    """
    stages = as_pandas(stages)
    require_columns(stages.columns, [customer, period, stage])
    table = stages[[customer, period, stage]]
    names = [*getattr(table[stage].dtype, "categories", _STAGES)]
    refuse(table, table[[customer, period]].isna().any(axis=1).to_numpy(), f"no {customer} or no {period}")
    refuse(table, ~table[stage].isin(names).to_numpy(), f"a {stage} that is not one of {', '.join(names)}")
    times = np.sort(table[period].unique())
    steps = np.diff(times.astype(float))
    if len(steps) and steps.max() > 1.5 * steps.min():  # no two months or years differ by as much
        raise ValueError(f"After {period} {times[steps.argmax()]} one or more {period}s have no row.")
    who, number = pd.factorize(table[customer])[0], np.searchsorted(times, table[period])
    order = np.lexsort((number, who))
    follows = np.append(np.diff(who[order]) == 0, False)  # the next row is the same customer's
    gap = follows & (np.diff(number[order], append=0) != 1)
    refuse(table.iloc[order], gap, f"a {period} that is there twice, or after which the next one is missing")
    code = pd.Index(names).get_indexer(table[stage])[order]
    counts = np.zeros((len(names), len(names)), int)
    np.add.at(counts, (code[follows], code[np.roll(follows, 1)]), 1)
    return pd.DataFrame(counts, pd.Index(names, name="from"), pd.Index(names, name="to"))


class StageChain:
    """Discrete-time Markov chain through stages, which ends in "left": the absorbing stage.

    Where a customer goes next depends on the stage he is in now and on nothing else: neither on how long he
    has been there nor on where he came from.

    Parameters
    ----------
    counts : DataFrame
        How often customers went from each stage (index) to each stage (columns), as from
        :func:`transitions`. One stage is called "left", and nobody goes on from there.

    Attributes
    ----------
    matrix : DataFrame
        The transition matrix: of those in a stage (row), the share that is in each stage one period later.
    counts : DataFrame or None
        The counts; None for a chain that was not counted (:meth:`from_matrix`, :meth:`change`).

    Raises
    ------
    ValueError
        If index and columns are not the same stages, none of them is "left", a number is negative, missing or
        infinite, nobody was seen to go on from a stage (not even to stay there; drop a stage that is never
        met), or somebody went on from "left" (see :func:`lifecycle_stages` on those who come back).

    References
    ----------
    Kemeny, J. G. & Snell, J. L. (1960). Finite Markov Chains. Van Nostrand, chapter 3. Pfeifer, P. E. &
    Carraway, R. L. (2000). Modeling customer relationships as Markov chains. Journal of Interactive Marketing
    14(2), 43-55.

    Examples
    --------
    Of 100 customers, 75 are still active a period later and 25 have left. So a customer is active for
    1 / 0.25 = 4 periods on average:

    >>> stages = ["active", "left"]
    >>> chain = StageChain(pd.DataFrame([[75, 25], [0, 0]], stages, stages))
    >>> chain.time_in_stage("active").to_dict()
    {'active': 4.0}
    """

    def __init__(self, counts: Any):
        if not isinstance(counts, pd.DataFrame):
            kind = type(counts).__name__
            raise ValueError(f"A chain is made from transitions(stages), a pandas DataFrame; got a {kind}.")
        require_columns(counts.columns, [*counts.index, _END])
        require_columns(counts.index, counts.columns)
        counts = counts[counts.index].apply(numbers, name="a column").rename_axis(index="from", columns="to")
        if (counts < 0).any(axis=None) or counts.loc[_END].drop(_END).any():
            raise ValueError(f"A count is negative, or somebody comes back from {_END!r}, the last stage.")
        nobody = ((counts.sum(axis=1) == 0) & (counts.index != _END)).to_numpy()
        refuse(counts, nobody, "nobody seen to stay or to go on (observe longer, or drop the stage)")
        self.counts: pd.DataFrame | None = counts
        self.matrix = counts.div(counts.sum(axis=1), axis=0)
        self.matrix.loc[_END] = 1.0 * (counts.columns == _END)

    @classmethod
    def from_matrix(cls, matrix: pd.DataFrame) -> "StageChain":
        """Return the chain with these transition probabilities: each row sums to 1, one stage is "left".

        Examples
        --------
        >>> stages = ["active", "left"]
        >>> chain = StageChain.from_matrix(pd.DataFrame([[0.75, 0.25], [0, 1]], stages, stages))
        >>> chain.time_in_stage("active").to_dict()
        {'active': 4.0}
        """
        chain, rows = cls(matrix), matrix.drop(index=_END)
        refuse(rows, (rows.sum(axis=1) - 1).abs().to_numpy() > 1e-9, "probabilities that do not sum to 1")
        return chain._with(chain.matrix)

    def conf_int(self, alpha: float = 0.05) -> pd.DataFrame:
        """Return, for each pair of stages, count, share and the 1 - `alpha` Wilson interval of the share.

        Each interval speaks for one entry by itself, and transitions count as independent, as the chain says.

        Examples
        --------
        >>> stages = ["active", "left"]
        >>> StageChain(pd.DataFrame([[75, 25], [0, 0]], stages, stages)).conf_int().round(3)
                       count  share    low   high
        from   to
        active active   75.0   0.75  0.657  0.825
               left     25.0   0.25  0.175  0.343
        """
        counts = self._counted(alpha).drop(index=_END)
        total = counts.sum(axis=1).to_numpy()[:, None]
        low, high = proportion_confint(counts.to_numpy(), total, alpha, method="wilson")
        table = pd.DataFrame({"count": counts.stack(), "share": counts.div(total).stack()})
        return table.assign(low=low.ravel(), high=high.ravel())

    def time_in_stage(self, start: str | None = None) -> Any:
        """Return the expected number of periods in each stage until leaving, the present one included.

        Parameters
        ----------
        start : str, optional
            The stage one is in now. Without it: each, one per row.

        Returns
        -------
        Series or DataFrame
            The fundamental matrix (I - Q)^-1 of Kemeny & Snell (1960, theorem 3.2.4), where Q is the
            transition matrix without "left".

        Raises
        ------
        ValueError
            If there is no such stage, or from some stage nobody ever gets to "left": the time is infinite.

        Examples
        --------
        >>> stages = ["active", "left"]
        >>> StageChain(pd.DataFrame([[75, 25], [0, 0]], stages, stages)).time_in_stage()
        to      active
        from
        active     4.0
        """
        staying = self._staying()
        times = pd.DataFrame(np.linalg.inv(np.eye(len(staying)) - staying), staying.index, staying.columns)
        return times if start is None else look_up("stage", start, dict(times.iterrows()))

    def time_interval(self, start: str, alpha: float = 0.05, draws: int = 1000, rng: Any = 0) -> pd.DataFrame:
        """Return the expected time in each stage, and in all of them, with an interval by resampling.

        Parameters
        ----------
        start : str
            The stage one is in now.
        alpha : float
            1 minus the level of the interval.
        draws : int
            How many chains are drawn, see :meth:`resample`.
        rng : int or Generator

        Returns
        -------
        DataFrame
            Columns ``expected, low, high``; one row per stage, and "total".

        Notes
        -----
        The interval says how well the *expectation* is known. How long one customer stays varies far more.

        Examples
        --------
        >>> stages = ["active", "left"]
        >>> StageChain(pd.DataFrame([[75, 25], [0, 0]], stages, stages)).time_interval("active").round(1)
                expected  low  high
        stage
        active       4.0  3.0   5.7
        total        4.0  3.0   5.7
        """
        self._counted(alpha)
        expected = self.time_in_stage(start)
        drawn = np.stack([chain._staying() for chain in self.resample(draws, rng)])
        times = np.linalg.inv(np.eye(len(expected)) - drawn)[:, expected.index.get_loc(start)]
        times, expected["total"] = np.column_stack([times, times.sum(axis=1)]), expected.sum()
        low, high = np.quantile(times, [alpha / 2, 1 - alpha / 2], axis=0)
        return pd.DataFrame({"expected": expected, "low": low, "high": high}).rename_axis("stage")

    def resample(self, draws: int, rng: Any = 0) -> list["StageChain"]:
        """Return chains that the counts leave possible: each row drawn from a Dirichlet with its counts.

        This is the Bayesian bootstrap (Rubin, 1981, Annals of Statistics 9(1), 130-134). What was never seen
        stays impossible.

        Examples
        --------
        >>> stages = ["active", "left"]
        >>> chain = StageChain(pd.DataFrame([[75, 25], [0, 0]], stages, stages))
        >>> [round(float(drawn.matrix.loc["active", "left"]), 2) for drawn in chain.resample(3)]
        [0.27, 0.28, 0.18]
        """
        whole_number(draws, "draws", least=1)
        shape = np.where(self.matrix.index.to_numpy()[:, None] == _END, self.matrix, self._counted())
        drawn = np.random.default_rng(rng).gamma(shape, size=(draws, *shape.shape))
        return [self._with(rows / rows.sum(axis=1, keepdims=True)) for rows in drawn]

    def value(self, contribution: Any, discount: float) -> pd.Series:
        """Return what a customer in each stage is worth: expected contributions until leaving, discounted.

        Parameters
        ----------
        contribution : Series or mapping
            Money per period for each stage. "left" contributes nothing and may be missing.
        discount : float
            Discount rate per period, at least 0: money one period later counts 1 / (1 + discount).

        Returns
        -------
        Series
            By stage now: (I - P / (1 + d))^-1 g (Pfeifer & Carraway, 2000). The present period counts.

        Raises
        ------
        ValueError
            If a stage has no contribution, a number is missing or infinite, "left" contributes, the discount
            is negative, or it is 0 and from some stage nobody ever gets to "left": the value is infinite.

        Examples
        --------
        >>> stages = ["active", "left"]
        >>> chain = StageChain(pd.DataFrame([[75, 25], [0, 0]], stages, stages))
        >>> chain.value({"active": 10.0}, discount=0.25).round(6).to_dict()
        {'active': 25.0, 'left': 0.0}
        """
        factor, money = self._terms(contribution, discount)
        staying = self._staying() if discount == 0 else self.matrix.drop(index=_END, columns=_END)
        worth = np.linalg.solve(np.eye(len(staying)) - factor * staying, money[staying.index])
        return pd.Series(worth, staying.index, name="value").reindex(self.matrix.index, fill_value=0.0)

    def simulate(self, start: str, customers: int, periods: int, rng: Any = 0) -> pd.DataFrame:
        """Send customers through the chain.

        Parameters
        ----------
        start : str
            The stage in which all are in period 0.
        customers, periods : int
            How many customers, and how many periods after period 0.
        rng : int or Generator

        Returns
        -------
        DataFrame
            One row per customer and period, as :func:`transitions` takes them: ``customer_id`` (1, 2, …),
            ``period`` (0, 1, …), ``stage``.

        Examples
        --------
        >>> stages = ["active", "left"]
        >>> chain = StageChain(pd.DataFrame([[75, 25], [0, 0]], stages, stages))
        >>> chain.simulate("active", customers=2, periods=1)
           customer_id  period   stage
        0            1       0  active
        1            1       1  active
        2            2       0  active
        3            2       1  active
        """
        whole_number(periods, "periods", least=0)
        code = np.stack(list(islice(self._walk(start, customers, rng), periods + 1)), axis=1)
        stage = pd.Categorical.from_codes(code.ravel(), self.matrix.index, ordered=True)
        who, period = np.divmod(np.arange(code.size), periods + 1)
        return pd.DataFrame({"customer_id": who + 1, "period": period, "stage": stage})

    def simulate_value(
        self, contribution: Any, discount: float, start: str, customers: int, rng: Any = 0
    ) -> pd.Series:
        """Send customers through the chain until all have left, and return what each brought, discounted.

        Parameters
        ----------
        contribution, discount
            As in :meth:`value`; here everybody must leave at some time, whatever the discount.
        start, customers, rng
            As in :meth:`simulate`.

        Returns
        -------
        Series
            One value per customer; their mean estimates :meth:`value`.

        Examples
        --------
        >>> stages = ["active", "left"]
        >>> chain = StageChain(pd.DataFrame([[75, 25], [0, 0]], stages, stages))
        >>> chain.simulate_value({"active": 10.0}, 0.0, "active", customers=3).tolist()
        [40.0, 20.0, 20.0]
        """
        self._staying()
        factor, money = self._terms(contribution, discount)
        names, steps = self.matrix.index, self._walk(start, customers, rng)
        walk = takewhile(lambda code: (names[code] != _END).any(), steps)
        worth = sum(factor**period * money.to_numpy()[code] for period, code in enumerate(walk))
        return pd.Series(worth, pd.RangeIndex(1, customers + 1, name="customer_id"), name="value")

    def change(self, stage: str, time: float, towards: str | None = None) -> "StageChain":
        """Return the chain in which a stay in `stage` is, on average, `time` times as long.

        Parameters
        ----------
        stage : str
            The stage to shorten or to lengthen, not "left".
        time : float
            Factor of the expected length of a stay, 1 / (1 - p) where p is the probability of staying one
            period more. The new length is at least one period.
        towards : str, optional
            Whoever goes on sooner goes there; whoever stays longer would have gone there. Without it, the
            probabilities of all ways out change in proportion.

        Returns
        -------
        StageChain
            Without counts, for nobody has seen it.

        Raises
        ------
        ValueError
            If there is no such stage, a stay would be shorter than one period, `towards` is no other stage,
            or fewer go `towards` than would have to stay.

        Examples
        --------
        >>> stages = ["active", "left"]
        >>> chain = StageChain(pd.DataFrame([[75, 25], [0, 0]], stages, stages))
        >>> chain.change("active", time=2).matrix.loc["active"].to_dict()
        {'active': 0.875, 'left': 0.125}
        """
        row = look_up("stage to change", stage, dict(self.matrix.drop(index=_END).iterrows()))
        exits, leaving = row.drop(stage), row.drop(stage).sum()
        if not (leaving * (1 - 1e-12) <= floats(time, "time") < np.inf and time > 0):
            raise ValueError(f"A stay lasts at least one period: time is {leaving:.4g} or more; got {time}.")
        if towards is None:
            exits = exits / time
        else:
            most = look_up("other stage", towards, exits.to_dict())
            exits[towards] = round(most + leaving / time - leaving, 15)  # round: 0 is 0
            if exits[towards] < 0:
                raise ValueError(f"Few go to {towards!r}: time is at most {leaving / (leaving - most):.4g}.")
        exits[stage] = max(1 - exits.sum(), 0.0)
        matrix = self.matrix.copy()
        matrix.loc[stage] = exits
        return self._with(matrix)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the transition matrix as a heat map: where those in a stage are one period later.

        Parameters
        ----------
        ax : Axes, optional

        Returns
        -------
        Axes

        Examples
        --------
        >>> stages = ["active", "left"]
        >>> StageChain(pd.DataFrame([[75, 25], [0, 0]], stages, stages)).plot().get_ylabel()
        'stage now'
        """
        shown = self.matrix.rename(index=plot.label, columns=plot.label)
        ax = plot.axes(ax, figsize=(6.5, 4))
        plot.heatmap(shown, ax, cmap="Blues", vmin=0, vmax=1, annot=True, fmt=".0%", linewidths=1, cbar=False)
        ax.tick_params(rotation=0, length=0)
        return plot.annotate(ax, "Where are they one period later?", "stage one period later", "stage now")

    def _with(self, matrix: Any) -> "StageChain":
        chain = object.__new__(StageChain)
        chain.counts, chain.matrix = None, pd.DataFrame(matrix, self.matrix.index, self.matrix.columns)
        return chain

    def _counted(self, alpha: float = 0.05) -> pd.DataFrame:
        if self.counts is None:
            raise ValueError("This chain was not counted but given by its probabilities: it has no interval.")
        level(alpha)
        return self.counts

    def _staying(self) -> pd.DataFrame:
        """Return the matrix without "left", having made sure that everybody gets there at some time."""
        steps = (self.matrix.to_numpy() > 0) + np.eye(len(self.matrix))
        ends = np.linalg.matrix_power(steps, len(steps))[:, self.matrix.index.get_loc(_END)] > 0
        if not ends.all():
            raise ValueError(f"From {self.matrix.index[~ends][0]!r} nobody gets to {_END!r}: infinite time.")
        return self.matrix.drop(index=_END, columns=_END)

    def _terms(self, contribution: Any, discount: float) -> tuple[float, pd.Series]:
        money = numbers(contribution, "contribution")
        if {*money.index, _END} != {*self.matrix.index} or money.get(_END, 0) != 0:
            raise ValueError(f"Give one number for each of {[*self.matrix.index]}, for {_END!r} none or 0.")
        discount = rate(discount, per="per period")
        return 1 / (1 + discount), money.reindex(self.matrix.index, fill_value=0.0)

    def _walk(self, start: str, customers: int, rng: Any) -> Iterator[Any]:
        """Yield the codes of all customers' stages, period after period."""
        whole_number(customers, "customers", least=1)
        rng, bounds = np.random.default_rng(rng), self.matrix.cumsum(axis=1).to_numpy()[:, :-1]
        now = np.full(customers, look_up("stage", start, {n: i for i, n in enumerate(self.matrix.index)}))
        while True:
            yield now
            now = (rng.random(customers)[:, None] >= bounds[now]).sum(axis=1)
