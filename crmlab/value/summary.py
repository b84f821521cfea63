"""From a transaction log to what the buy-till-you-die models need to know of each customer."""

from datetime import date as Date

import narwhals as nw
import numpy as np
import pandas as pd
from narwhals.typing import IntoFrameT

from crmlab._tables import as_day, day_literal, day_number, hand_back, look_up, purchase_days
from crmlab._tables import transactions as check

PERIODS = {"D": 1.0, "W": 7.0, "M": 365.25 / 12, "Y": 365.25}  # in days


def period_days(period: str) -> float:
    """Return the length of a period in days: "D" 1, "W" 7, "M" 365.25/12, "Y" 365.25.

    Parameters
    ----------
    period : str

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If there is no such period.

    Examples
    --------
    >>> period_days("W")
    7.0
    """
    return look_up("period", period, PERIODS)


def told_period(summary: pd.DataFrame, T: np.ndarray) -> str | None:
    """Return the period of a summary: what its ``attrs`` say, or what days its ages are a whole number of.

    Examples
    --------
    >>> told_period(pd.DataFrame(), np.array([38 + 6 / 7, 2.0]))
    'W'
    """
    told: str | None = summary.attrs.get("period")
    apart = {name: np.abs(T * days - np.rint(T * days)) for name, days in PERIODS.items()}
    whole = [name for name, days in apart.items() if (days < 1e-6).all()]
    return told or (whole[0] if whole and whole[0] != "D" else None)  # whole ages may be in any unit


def btyd_summary(
    transactions: IntoFrameT,
    customer: str = "customer_id",
    date: str = "date",
    amount: str | None = "amount",
    period: str = "W",
    calibration_end: str | Date | None = None,
    observation_end: str | Date | None = None,
) -> IntoFrameT:
    """Summarise each customer's purchases up to a day, and after it, for buy-till-you-die models.

    Parameters
    ----------
    transactions : table
        The transaction log, one row per transaction: pandas, Polars (eager or lazy), pyarrow or DuckDB.
    customer, date, amount : str
        Its columns. Dates carry no time zone. With `amount=None` the monetary columns are left out.
    period : str
        The unit of time: "D" (1 day), "W" (7 days), "M" (365.25/12 days) or "Y" (365.25 days).
    calibration_end : str or date, optional
        The last day that the model may see, itself included. Without it: `observation_end`.
    observation_end : str or date, optional
        The last day that counts at all, itself included; rows after it are ignored. Without it: the last day
        of the log, or `calibration_end` if that is later. Give it if the log may hold mistyped future dates.

    Returns
    -------
    table of the caller's kind
        One row per customer who bought by `calibration_end`, sorted by customer, with the columns

        - the customer id, under the caller's name;
        - ``frequency``: number of repeat purchases: days with a purchase after the day of the first;
        - ``recency``: the customer's age at the last purchase, in periods; 0 for a one-time buyer;
        - ``T``: the customer's age at `calibration_end`, in periods;
        - ``monetary_value``: mean amount per repeat purchase; missing for a one-time buyer

        and, if `observation_end` is later than `calibration_end`,

        - ``frequency_holdout``: number of days with a purchase after `calibration_end`;
        - ``T_holdout``: length of the hold-out in periods, the same for all;
        - ``monetary_value_holdout``: mean amount per such day; missing if there is none.

        A pandas table carries its `period` in ``attrs``.

    Raises
    ------
    ValueError
        If the log has no rows, lacks a column, has a missing id, date or amount, an infinite or negative
        amount (a return is no purchase: drop those rows or net them first), ids of several types, dates that
        are texts or have a time zone; if the period is unknown; if `calibration_end` is later than
        `observation_end` or earlier than the first purchase; if the customer's column is called like a column
        of the result.

    Notes
    -----
    A customer's age is the number of days since the first purchase divided by the length of the period; it is
    never rounded to whole periods. All purchases of one day are one purchase, with their amounts summed.
    Rows equal in every column are kept (they may be two articles of one order). Customers whose first
    purchase is later than `calibration_end` are left out. This recency is an age at the last purchase; the
    recency of RFM, days since the last order, is ``days_since_last_order`` in :func:`crmlab.value.rfm`.

    Polars tables that are lazy and DuckDB relations come back as such, to be computed when they are asked
    for; only the check of the values is run at once.

    References
    ----------
    Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2005). "Counting your customers" the easy way: an
    alternative to the Pareto/NBD model. Marketing Science 24(2), 275-284. Its x, t_x and T are frequency,
    recency and T.

    Examples
    --------
    Ann buys on 1 January, twice on the 15th (one purchase of 30) and again on 5 February; Bob buys once:

    >>> import pandas as pd
    >>> log = pd.DataFrame({
    ...     "customer_id": ["Ann", "Ann", "Ann", "Ann", "Bob"],
    ...     "date": pd.to_datetime(["2026-01-01", "2026-01-15", "2026-01-15", "2026-02-05", "2026-01-08"]),
    ...     "amount": [20.0, 10.0, 20.0, 50.0, 15.0],
    ... })
    >>> btyd_summary(log)
      customer_id  frequency  recency    T  monetary_value
    0         Ann          2      5.0  5.0            40.0
    1         Bob          0      0.0  4.0             NaN
    >>> btyd_summary(log, calibration_end="2026-01-22").T
                               0     1
    customer_id              Ann   Bob
    frequency                  1     0
    recency                  2.0   0.0
    T                        3.0   2.0
    monetary_value          30.0   NaN
    frequency_holdout          1     0
    T_holdout                2.0   2.0
    monetary_value_holdout  50.0   NaN
    """
    length = period_days(period)
    log = check(transactions, customer, date, amount)
    calibration = None if calibration_end is None else as_day(calibration_end, "calibration_end")
    if observation_end is not None:
        end = as_day(observation_end, "observation_end")
    else:
        end = log.last if calibration is None else max(log.last, calibration)
    cut = end if calibration is None else calibration
    if cut > end:
        raise ValueError(
            f"calibration_end {cut} is later than observation_end {end}: swap them, or leave one out."
        )
    if cut < log.first:
        raise ValueError(
            f"The calibration ends on {cut}, before the first purchase on {log.first}: choose a later day."
        )

    first = log.until(cut).group_by("customer").agg(nw.col("day").min().alias("first"))
    repeats = log.until(end).join(first, on="customer").filter(nw.col("day") > nw.col("first"))
    until_cut = nw.col("day") <= day_literal(repeats, cut)
    calibrated = purchase_days(repeats.filter(until_cut) if cut < end else repeats)
    summary = first.join(calibrated, on="customer", how="left").with_columns(
        last=nw.coalesce("last", "first")
    )
    age = (nw.lit(cut.toordinal()) - day_number(log.rows, "first")) / length
    columns = {
        "frequency": nw.col("days").fill_null(0).cast(nw.Int64),
        "recency": (day_number(log.rows, "last") - day_number(log.rows, "first")) / length,
        "T": age,
        "monetary_value": nw.col("amount") / nw.col("days"),
    }
    if cut < end:
        held_out = purchase_days(repeats.filter(~until_cut)).rename(
            {"days": "days_holdout", "last": "last_holdout"}
        )
        if amount is not None:
            held_out = held_out.rename({"amount": "amount_holdout"})
        summary = summary.join(held_out, on="customer", how="left")
        columns |= {
            "frequency_holdout": nw.col("days_holdout").fill_null(0).cast(nw.Int64),
            "T_holdout": nw.lit((end - cut).days / length),
            "monetary_value_holdout": nw.col("amount_holdout") / nw.col("days_holdout"),
        }
    if amount is None:
        columns = {name: column for name, column in columns.items() if not name.startswith("monetary_value")}
    result = hand_back(summary, customer, columns, transactions)
    if isinstance(result, pd.DataFrame):
        result.attrs["period"] = period
    return result
