"""What customers do: a log of events cut into sessions, and which step follows which."""

from typing import Any
from uuid import uuid4

import duckdb
import pyarrow as pa

from crmlab._arguments import number
from crmlab._kinds import as_kind, with_ids
from crmlab._remedies import check_dates

START, END = "(start)", "(end)"
_STEPS = """
    select customer, event, moment, lag(event) over log as last_event, lag(moment) over log as last_moment
    from ({log}) window log as (partition by customer order by moment, event)
"""
_TRANSITIONS = f"""
    with steps as ({_STEPS}), pairs as (
        select case when last_moment is null or moment - last_moment > {{gap}} then '{START}'
            else last_event end as step, event as next, moment - last_moment as passed from steps
    ), counted as (
        select step, next, count(*) as count,
            case when step <> '{START}' then avg(passed) / 3.6e9 end as hours,
            count(*) filter (passed = 0 and step <> '{START}') as same_moment
        from pairs group by step, next
    ), ends as (
        select step, '{END}' as next, sum(count) as count from (
            select next as step, count from counted union all
            select step, -count from counted where step <> '{START}'
        ) group by step having sum(count) > 0
    )
    select step, next, count::bigint as count, count / sum(count) over (partition by step) as share, hours,
        same_moment::bigint as same_moment
    from (select * from counted union all select step, next, count, null, 0 from ends)
    order by step, next
"""
_SESSIONS = f"""
    with steps as ({_STEPS}), numbered as (
        select *, sum((last_moment is null or moment - last_moment > {{gap}})::int) over (
            partition by customer order by moment, event rows unbounded preceding) as session from steps
    )
    select customer as {{customer}}, session::bigint as session, make_timestamp(min(moment)) as began,
        make_timestamp(max(moment)) as ended,
        count(*) as events, string_agg(event, ' > ' order by moment, event) as sequence
    from numbered group by customer, session order by 1, 2
"""


def transitions(
    events: Any, gap_hours: float, customer: str = "customer_id", at: str = "at", event: str = "event"
) -> Any:
    """Return how often which step follows which within a session, from a log of events of any table engine.

    Parameters
    ----------
    events : DataFrame of any engine
        One row per event, in any order.
    gap_hours : float
        A pause longer than this ends a session.
    customer, at, event : str
        Names of the columns: whose, when (a date or moment without time zone) and what; never missing.

    Returns
    -------
    table of the caller's kind
        Sorted by ``step`` and ``next``: what followed what, with "(start)" before the first event of a
        session and "(end)" after the last; ``count``; ``share`` of all that follow `step`; mean ``hours``
        between the two; ``same_moment``, how many of them bear one time stamp.

    Raises
    ------
    ValueError
        If it is no table, has no rows, lacks a column or a value, or the times are no dates.

    Notes
    -----
    Events of a customer at the same moment have no order of their own: they are taken by name, so that the
    result does not hang on the order of rows, and ``same_moment`` counts where that was done. An event that
    stands twice at one moment is two events.

    Examples
    --------
    >>> import pandas as pd
    >>> at = pd.to_datetime(["2025-01-01 09:00", "2025-01-01 10:00", "2025-01-09 08:00"])
    >>> log = pd.DataFrame({"customer_id": 1, "at": at, "event": ["order", "return", "order"]})
    >>> transitions(log, gap_hours=24)
          step    next  count  share  hours  same_moment
    0  (start)   order      2    1.0    NaN            0
    1    order   (end)      1    0.5    NaN            0
    2    order  return      1    0.5    1.0            0
    3   return   (end)      1    1.0    NaN            0
    """
    return _asked(_TRANSITIONS, events, gap_hours, customer, at, event)


def sessions(
    events: Any, gap_hours: float, customer: str = "customer_id", at: str = "at", event: str = "event"
) -> Any:
    """Return one row per session: when it began and ended, and its events in a row.

    Parameters
    ----------
    events, gap_hours, customer, at, event
        As in :func:`transitions`.

    Returns
    -------
    table of the caller's kind
        Sorted by customer and ``session`` (1 is the first): ``began``, ``ended``, ``events``, and
        ``sequence``, their names joined by " > ".

    Raises
    ------
    ValueError
        As :func:`transitions`; or if the customer's column has the name of one of the result.

    Examples
    --------
    >>> import pandas as pd
    >>> at = pd.to_datetime(["2025-01-01 09:00", "2025-01-01 10:00", "2025-01-09 08:00"])
    >>> log = pd.DataFrame({"customer_id": 1, "at": at, "event": ["order", "return", "order"]})
    >>> sessions(log, gap_hours=24)[["session", "events", "sequence"]]
       session  events        sequence
    0        1       2  order > return
    1        2       1           order
    """
    if customer.lower() in ("session", "began", "ended", "events", "sequence"):
        raise ValueError(
            f"The result has a column {customer!r} of its own: rename yours, to 'customer_id' say."
        )
    return _asked(_SESSIONS, events, gap_hours, customer, at, event)


def _asked(query: str, events: Any, gap_hours: float, customer: str, at: str, event: str) -> Any:
    pause = number(gap_hours, "gap_hours", "the pause in hours that ends a session, 0 to 1e6", 0, 1e6)
    gap = round(pause * 3.6e9)  # moments are whole microseconds
    if len({customer, at, event}) < 3:
        raise ValueError(f"customer, at and event are three columns; got {customer!r}, {at!r} and {event!r}.")
    frame = with_ids(events, customer, at, event)
    check_dates(frame, at, frame.collect_schema()[at])
    quoted = ['"' + name.replace('"', '""') + '"' for name in (customer, at, event)]
    base, name = duckdb.connect(), f"crmlab_{uuid4().hex}"
    log = "select {} as customer, epoch_us({}::timestamp) as moment, {}::varchar as event from {}".format(
        *quoted, name
    )

    def ask(sql: str) -> pa.Table:
        return (
            events.query(name, sql) if frame.implementation.is_duckdb() else base.sql(sql)
        ).to_arrow_table()

    with base:
        if not frame.implementation.is_duckdb():
            base.register(name, frame.lazy().select(customer, at, event).collect().to_arrow())
        found = ask(query.format(log=log, gap=gap, customer=quoted[0]))
    if query == _TRANSITIONS:
        for mark, place in ((START, "next"), (END, "step")):
            if mark in found[place].to_pylist():
                raise ValueError(f"An event is called {mark!r}, which marks where a session begins or ends.")
    return as_kind(found, events)
