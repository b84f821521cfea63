"""Who comes back: cohorts of new customers, and how many of them are active later."""

from datetime import date as Date
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa
from narwhals.typing import IntoFrameT

from crmlab._kinds import as_kind
from crmlab._tables import as_day, day_number, look_up
from crmlab._tables import transactions as check

MONTHS = {"W": 0, "M": 1, "Q": 3, "Y": 12}  # in a period; a week is no part of a month
LARGEST_TABLE = 5_000_000  # rows
Array = np.ndarray[Any, Any]


def cohort_table(
    transactions: IntoFrameT,
    customer: str = "customer_id",
    date: str = "date",
    amount: str | None = None,
    period: str = "M",
    observation_end: str | Date | None = None,
) -> IntoFrameT:
    """Count, for each cohort of new customers, how many of them order again in each later period.

    A cohort is the customers whose first order lies in the same calendar period. Who orders once or ten times
    in a period is active in it, and counts once.

    Parameters
    ----------
    transactions : table
        The transaction log, one row per transaction: pandas, Polars (eager or lazy), pyarrow or DuckDB.
    customer, date : str
        Its columns. Dates carry no time zone.
    amount : str, optional
        A column to add up. A negative amount is a return.
    period : str
        Calendar periods: "W" (weeks from Monday), "M" (months), "Q" (quarters) or "Y" (years).
    observation_end : str or date, optional
        The last day that counts, itself included; rows after it are ignored. The log's last day by default:
        give it if nobody may have ordered on the last days, or if the log may hold mistyped future dates.

    Returns
    -------
    table of the caller's kind
        One row per cohort and age, sorted by both, with the columns

        - ``cohort``: first day of the period in which these customers ordered first;
        - ``age``: number of periods since then: 0, 1, 2, …;
        - ``customers``: size of the cohort, the same at all ages;
        - ``active``: customers with an order in the period;
        - ``share``: ``active`` / ``customers``; 1 at age 0;
        - ``amount``: sum of the cohort's amounts in the period, returns deducted (only with `amount`);
        - ``complete``: whether the period was over on `observation_end`.

        Every age is there until the period that `observation_end` lies in: a period without orders is a row
        with 0, a period that begins later is not there. A period without new customers has no cohort.

    Raises
    ------
    ValueError
        If the log has no rows, lacks a column, has a missing id, date or amount, an infinite amount, ids of
        several types, dates that are texts or have a time zone; if the period is unknown; if
        `observation_end` is before the first row; if a customer has a return in a period before the first
        order, or no order; if the table would have over 5 million rows.

    Notes
    -----
    ``share`` is the share *active*, and no retention rate: a customer who is silent for a period may come
    back, so it can rise again from one age to the next. Retention needs an observed end, as in a contract:
    see :func:`crmlab.value.retention_table`. Customers of a cohort joined up to one period apart, so at age 1
    some had hardly more than the period to come back and others nearly two. The last period, if not complete,
    is too low for all.

    A return lowers the amount of the period in which it happened, and is not an order. An amount of 0 (a free
    article) is. Without `amount` every row is an order: leave returns out first. The table is small, and
    computed at once, for lazy tables and databases too.

    Examples
    --------
    Ann orders in January, twice in February and in April, Bob in January only, Cy in March:

    >>> log = pd.DataFrame({
    ...     "customer_id": ["Ann", "Ann", "Ann", "Ann", "Bob", "Cy"],
    ...     "date": pd.to_datetime(["2026-01-01", "2026-02-15", "2026-02-20", "2026-04-05", "2026-01-31",
    ...                             "2026-03-01"]),
    ... })
    >>> cohort_table(log)
          cohort  age  customers  active  share  complete
    0 2026-01-01    0          2       2    1.0      True
    1 2026-01-01    1          2       1    0.5      True
    2 2026-01-01    2          2       0    0.0      True
    3 2026-01-01    3          2       1    0.5     False
    4 2026-03-01    0          1       1    1.0      True
    5 2026-03-01    1          1       0    0.0     False
    """
    months = look_up("period", period, MONTHS)
    log = check(transactions, customer, date, amount, returns=True)
    end = log.last if observation_end is None else as_day(observation_end, "observation_end")
    if end < log.first:
        raise ValueError(f"observation_end {end} is before the first row on {log.first}: choose a later day.")

    rows = log.until(end).with_columns(number=_period_number(log.rows, months))
    if amount is None:
        visits = rows.select("customer", "number").unique(["customer", "number"])
        visits = visits.with_columns(orders=nw.lit(1))
    else:
        sums = nw.col("amount").sum(), nw.col("amount").max().alias("largest")
        visits = rows.group_by("customer", "number").agg(*sums)
        visits = visits.with_columns(orders=(nw.col("largest") >= 0).cast(nw.Int64))
    orders = visits.filter(nw.col("orders") > 0)
    first = orders.group_by("customer").agg(nw.col("number").min().alias("cohort"))
    born = visits.join(first, on="customer", how="left")
    totals = [nw.col(name).sum() for name in ("orders", "amount")[: 1 if amount is None else 2]]
    cells = born.group_by("cohort", "number").agg(*totals).collect().to_pandas()
    if not (cells["cohort"] <= cells["number"]).all():
        early = born.filter(nw.col("cohort").is_null() | (nw.col("cohort") > nw.col("number")))
        names = early.select("customer").unique("customer").collect()["customer"].sort().to_list()
        raise ValueError(
            f"{len(names)} customer(s) have a return in a period before their first order, or no order at "
            f"all; the first is {names[0]!r}. Leave these rows out, or start the log where the purchases are."
        )
    return _as_kind(_complete_grid(cells.astype({"cohort": int}), months, end), transactions)


def _period_number(rows: nw.LazyFrame[Any], months: int) -> nw.Expr:
    """Return the number of a day's calendar period since the year 0; for weeks, since 1 January of year 1."""
    if not months:
        return (day_number(rows, "day") - 1) // 7  # that day was a Monday
    month = nw.col("day").dt.year().cast(nw.Int64) * 12 + nw.col("day").dt.month().cast(nw.Int64) - 1
    return month if months == 1 else month // months


def _first_day(number: Array, months: int) -> Array:
    """Return the first day of calendar periods, from their numbers."""
    if not months:
        return np.datetime64("0001-01-01") + 7 * number
    return np.datetime64("0000-01", "M") + months * number


def _complete_grid(cells: pd.DataFrame, months: int, end: Date) -> pd.DataFrame:
    """Return one row per cohort and age, from the cells in which somebody bought."""
    last = (end.toordinal() - 1) // 7 if not months else (end.year * 12 + end.month - 1) // months
    cohorts = np.unique(cells["cohort"])
    ages = last - cohorts + 1
    if ages.sum() > LARGEST_TABLE:
        raise ValueError(
            f"The table up to {end} would have {ages.sum():,} rows. Look for mistyped dates and give "
            "observation_end=, or take longer periods."
        )
    cohort = np.repeat(cohorts, ages)
    number = np.concatenate([np.arange(born, last + 1) for born in cohorts])
    grid = pd.DataFrame({"cohort": cohort, "number": number})
    grid = grid.merge(cells, "left", ["cohort", "number"]).fillna(0)
    active = grid["orders"].to_numpy(int)
    customers = np.repeat(active[cohort == number], ages)
    columns = {
        "cohort": _first_day(cohort, months).astype("datetime64[us]"),
        "age": number - cohort,
        "customers": customers,
        "active": active,
        "share": active / customers,
        **({"amount": grid["amount"]} if "amount" in cells else {}),
        "complete": _first_day(number + 1, months).astype("datetime64[D]") <= np.datetime64(end) + 1,
    }
    return pd.DataFrame(columns)


def _as_kind(table: pd.DataFrame, like: Any) -> Any:
    """Return the table as the kind of table `like` is."""
    if nw.from_native(like).implementation.is_pandas_like():
        return table
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    arrow = arrow.set_column(0, "cohort", arrow["cohort"].cast(pa.date32()))
    return as_kind(arrow, like)
