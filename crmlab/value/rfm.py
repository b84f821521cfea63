"""Recency, frequency and monetary value: the table, the scores and the named segments.

The columns say what they count (`days_since_last_order`, `orders`), because "recency" and "frequency" mean
something else in buy-till-you-die models (:mod:`crmlab.value.summary`).
"""

from datetime import date as Date
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from narwhals.typing import IntoFrameT

from crmlab._columns import to_digits
from crmlab._tables import (
    as_day,
    as_pandas,
    day_number,
    extended,
    hand_back,
    number_columns,
    per_customer,
    purchase_days,
    require_columns,
    whole_number,
)
from crmlab._tables import transactions as check


def rfm(
    transactions: IntoFrameT,
    customer: str = "customer_id",
    date: str = "date",
    amount: str = "amount",
    as_of: str | Date | None = None,
) -> IntoFrameT:
    """Count, for each customer, days since the last order, orders, and money.

    Parameters
    ----------
    transactions : table
        The transaction log, one row per transaction: pandas, Polars (eager or lazy), pyarrow or DuckDB.
    customer, date, amount : str
        Its columns. Dates carry no time zone. A negative amount is a return.
    as_of : str or date, optional
        The day from which one looks back; later rows are ignored. The log's last day by default: give it if
        the log may hold mistyped future dates.

    Returns
    -------
    table of the caller's kind
        One row per customer with a transaction up to `as_of`, sorted by customer, with the columns

        - the customer id, under the caller's name;
        - ``days_since_last_order``: days from the last order to `as_of`; 0 if it was on that day;
        - ``orders``: number of days with an order: all purchases of one day are one order;
        - ``total_amount``: sum of all amounts, returns deducted;
        - ``mean_amount``: ``total_amount`` per order.

    Raises
    ------
    ValueError
        If the log has no rows, lacks a column, has a missing id, date or amount, an infinite amount, ids of
        several types, dates that are texts or have a time zone; if `as_of` is before the first row; if a
        customer has only returns; if the customer's column is called like a column of the result.

    Notes
    -----
    A return lowers ``total_amount``, is not an order and does not change ``days_since_last_order``. A
    purchase with amount 0 (free articles) is an order. Rows equal in every column are kept: they may be two
    articles of one order.

    Examples
    --------
    Ann orders on 1 and 15 January and sends something back on the 20th; Bob orders two articles on the 8th:

    >>> import pandas as pd
    >>> log = pd.DataFrame({
    ...     "customer_id": ["Ann", "Ann", "Ann", "Bob", "Bob"],
    ...     "date": pd.to_datetime(["2026-01-01", "2026-01-15", "2026-01-20", "2026-01-08", "2026-01-08"]),
    ...     "amount": [20.0, 50.0, -10.0, 15.0, 5.0],
    ... })
    >>> rfm(log, as_of="2026-01-31")
      customer_id  days_since_last_order  orders  total_amount  mean_amount
    0         Ann                     16       2          60.0         30.0
    1         Bob                     23       1          20.0         20.0
    """
    if amount is None:
        raise ValueError("RFM needs amounts: give amount= the name of their column.")
    log = check(transactions, customer, date, amount, returns=True)
    today = log.last if as_of is None else as_day(as_of, "as_of")
    if today < log.first:
        raise ValueError(f"as_of {today} is before the first transaction on {log.first}: choose a later day.")
    rows = purchases = log.until(today)
    if log.returned:
        purchases, returns = rows.filter(nw.col("amount") >= 0), rows.filter(nw.col("amount") < 0)
        lonely = returns.join(purchases, on="customer", how="anti").select("customer").unique("customer")
        if names := lonely.collect()["customer"].sort().to_list():
            told = f"{len(names)} customer(s) have only returns up to {today}; the first is {names[0]!r}."
            raise ValueError(
                f"{told} Without an order there is no last order: leave these rows out, or start the log "
                "where the purchases are."
            )
    totals = rows.group_by("customer").agg(nw.col("amount").sum().alias("total_amount"))
    columns = {
        "days_since_last_order": nw.lit(today.toordinal()) - day_number(rows, "last"),
        "orders": nw.col("days").cast(nw.Int64),
        "total_amount": nw.col("total_amount"),
        "mean_amount": nw.col("total_amount") / nw.col("days"),
    }
    return hand_back(purchase_days(purchases).join(totals, on="customer"), customer, columns, transactions)


def tied_share(values: pd.Series, groups: int = 1) -> pd.Series:
    """Return where each value lies between the lowest (0) and the highest (`groups`), ties in their middle.

    Line the customers up by value, each taking the same room. A customer's place is the middle of that room,
    and customers with equal values share the middle of their block: `groups` x (mean rank - 1/2) / n. Values
    are equal that agree to twelve digits: a sum hangs on the order of its terms after these.

    Parameters
    ----------
    values : Series of float, one per customer
    groups : int
        The length of the line.

    Returns
    -------
    Series of float

    Examples
    --------
    >>> tied_share(pd.Series([10.0, 0.0, 0.0, 30.0, 0.0])).tolist()
    [0.7, 0.3, 0.3, 0.9, 0.3]
    """
    # the division comes last, so that a place on the border of two groups is exactly on it
    return groups * (to_digits(values).rank() - 0.5) / len(values)


def rfm_scores(table: Any, groups: int = 5) -> pd.DataFrame:
    """Score recency (R), frequency (F) and monetary value (M) from 1 to `groups`, the highest being the best.

    Parameters
    ----------
    table : table
        One row per customer, of any engine, with ``days_since_last_order`` (0, 1, 2, …), ``orders``
        (1, 2, 3, …) and ``total_amount``, as from :func:`rfm`.
    groups : int
        Number of groups, at least 2.

    Returns
    -------
    DataFrame
        The table with three more columns of whole numbers: ``R`` (few days since the last order score high),
        ``F`` (many orders) and ``M`` (a high total amount).

    Raises
    ------
    ValueError
        If a column is not there, or one of the result is there already, a value is missing, infinite or,
        where one counts, not whole, a customer is there twice, or there is no customer.

    Notes
    -----
    The groups are equally large as long as no two customers are equal. Equal values always get equal scores:
    the score of the group in which the middle of the tied block lies, ceil(groups * (mean rank - 1/2) / n),
    and the lower of the two groups if the middle lies on their border. So a large block leaves scores unused:
    when 60 % of customers ordered once, all of them have F = 2 and nobody has F = 1. Turning the order of
    the values round turns the scores round (s becomes groups + 1 - s), except for a block whose middle lies
    on a border. A single customer, or customers who are all equal, score ceil(groups / 2), a 3 of 5.

    Examples
    --------
    >>> table = pd.DataFrame({
    ...     "customer_id": [1, 2, 3, 4, 5],
    ...     "days_since_last_order": [10, 50, 20, 30, 40],
    ...     "orders": [9, 1, 1, 3, 1],
    ...     "total_amount": [90.0, 10.0, 40.0, 30.0, 20.0],
    ... })
    >>> rfm_scores(table)[["customer_id", "R", "F", "M"]]
       customer_id  R  F  M
    0            1  5  5  5
    1            2  1  2  1
    2            3  4  2  4
    3            4  3  4  3
    4            5  2  2  2
    """
    whole_number(groups, "groups", least=2)
    table = per_customer(table)
    [days] = number_columns(table, "days_since_last_order", whole_from=0)
    [orders] = number_columns(table, "orders", whole_from=1)
    [total] = number_columns(table, "total_amount")
    best_last = {"R": -days, "F": orders, "M": total}
    scores = {name: np.ceil(tied_share(values, groups)).astype(int) for name, values in best_last.items()}
    return extended(table, **scores)


SEGMENT_RULES = pd.DataFrame(
    [
        ("champions", 4, 5, 4, 5, "order often, and did so lately"),
        ("loyal", 3, 3, 4, 5, "order often, the last time a while ago"),
        ("promising", 4, 5, 3, 3, "ordered lately, and came back before"),
        ("new", 4, 5, 1, 2, "ordered lately, hardly before"),
        ("needs attention", 3, 3, 1, 3, "neither often nor lately: going or staying"),
        ("at risk", 1, 2, 3, 5, "used to order, and have not for long"),
        ("lapsed", 1, 2, 1, 2, "ordered hardly, and long ago"),
    ],
    columns=["segment", "R_from", "R_to", "F_from", "F_to", "meaning"],
)


def rfm_segments(scores: Any, rules: Any = None) -> pd.DataFrame:
    """Name each customer's segment from the scores R and F.

    Parameters
    ----------
    scores : table
        One row per customer, of any engine, with ``R`` and ``F``, as from :func:`rfm_scores` with as many
        groups as the rules have: five for the usual ones.
    rules : table, optional
        A row for each segment: its name ``segment``, a range of R scores (``R_from``, ``R_to``) and one of F
        scores (``F_from``, ``F_to``), both ends included. Every pair of scores must belong to exactly one
        segment. The default is ``crmlab.value.rfm.SEGMENT_RULES``, shown below: change a copy of it.

    Returns
    -------
    DataFrame
        The table with one more column, ``segment``.

    Raises
    ------
    ValueError
        If a column is not there, a score or the end of a rule is not 1, 2, 3, …, or a customer's pair of
        scores belongs to no segment or to more than one.

    Notes
    -----
    The names are a convention of this course. "New" takes F = 1 and F = 2, because in a log where most
    customers bought once all of these have F = 2.

    Examples
    --------
    >>> SEGMENT_RULES.drop(columns="meaning")
               segment  R_from  R_to  F_from  F_to
    0        champions       4     5       4     5
    1            loyal       3     3       4     5
    2        promising       4     5       3     3
    3              new       4     5       1     2
    4  needs attention       3     3       1     3
    5          at risk       1     2       3     5
    6           lapsed       1     2       1     2
    >>> scores = pd.DataFrame({"customer_id": [1, 2, 3, 4, 5], "R": [5, 5, 3, 2, 1], "F": [5, 2, 2, 4, 1]})
    >>> rfm_segments(scores)
       customer_id  R  F          segment
    0            1  5  5        champions
    1            2  5  2              new
    2            3  3  2  needs attention
    3            4  2  4          at risk
    4            5  1  1           lapsed
    """
    scores = per_customer(scores)
    recency, frequency = number_columns(scores, "R", "F", whole_from=1)
    rules = SEGMENT_RULES if rules is None else as_pandas(rules)
    number_columns(rules, "R_to", "F_to", "R_from", "F_from", whole_from=1)
    require_columns(rules.columns, ["segment"])
    segment, times = pd.Series("", scores.index), pd.Series(0, scores.index)
    for rule in rules.itertuples():
        inside = recency.between(rule.R_from, rule.R_to) & frequency.between(rule.F_from, rule.F_to)
        segment[inside] = rule.segment
        times += inside
    if (times != 1).any():
        cell, held = scores.loc[times != 1, ["R", "F"]].iloc[0], times[times != 1].iloc[0]
        raise ValueError(
            f"R = {cell['R']}, F = {cell['F']} belongs to {held} segments and must belong to one: let the "
            "ranges of the rules cover each pair once, and score with as many groups as the rules have."
        )
    return extended(scores, segment=segment)
