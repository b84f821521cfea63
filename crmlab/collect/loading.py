"""Loading: a tidy table becomes facts, once, in one transaction, and nothing is lost."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from crmlab._arguments import flag, number
from crmlab._tables import as_pandas, look_up, require_columns
from crmlab.collect.store import Base, Report, as_text, days, query, transaction

BLANK = ("n/a", "#n/a", "-", "--", "?", "nan", "test", "unknown", "无", "未知")
"""What people write where they know nothing; capital letters and spaces do not count."""
KINDS = {"about": "", "for": "", "from": ""}
_SURE = "a number above 0 and up to 1"
LONGEST = 10_000
"""Characters of a value; a longer one is left out, with its reason."""


def load(
    base: Base, table: Any, fields: Sequence[str] | None = None, *, customer: str = "customer_id",
    recorded_at: str = "recorded_at", source: str = "source", field: str | None = None,
    value: str | None = None, kind: str = "about", confidence: float | str | Mapping[str, float] = 1.0,
    owner: str | None = None, record: str | None = None, blank: Sequence[str] = BLANK, name: str = "table",
    dry_run: bool = False,
) -> Report:  # fmt: skip
    """Load a table into the base: all of it or nothing, and nothing twice.

    Parameters
    ----------
    base : connection
        Of :func:`open_base`.
    table : table
        Of any engine, with the columns named below.
    fields : list of str, optional
        Columns of which each cell is a fact. Or else give `field` and `value`.
    customer, recorded_at, source : str
        Columns: whose it is, the day it was noted (a date, or a text such as 2026-11-27), and where from.
        Spaces around an id or a name do not count.
    field, value : str, optional
        Columns with the name of the field and the value, for a table with one row per fact.
    kind : {"about", "for", "from"}
        Knowledge about customers, for them (what we told them) or from them (what they told us).
    confidence : float, column or mapping from source to float
        How sure one is on the day of noting that the value is right, above 0 and up to 1.
    owner, record : str, optional
        Columns: who answers for it; the number that the record has in its source (kept as an identity).
    blank : list of str
        What counts as nothing written.
    name : str
        What the load is called in the list of loads.
    dry_run : bool
        Report what would happen, and change nothing.

    Returns
    -------
    Report
        Counts of cells: ``offered`` = ``new`` + ``known`` + ``missing`` + ``rejected``. In ``rejected``:
        ``row`` (label of the table's index), ``field``, ``value``, ``reason``.

    Raises
    ------
    ValueError
        A column is not there, a kind is none of the three, a confidence lies outside its range.
    OSError
        The disk is full, or the base is read-only.

    Notes
    -----
    Two facts are the same if customer, field, value, source and day are. So a table loaded twice adds
    nothing the second time. A fact that another load tells differently stays beside it: which of them
    holds, :func:`as_of` says.

    Examples
    --------
    >>> from crmlab.collect import open_base
    >>> base = open_base(":memory:")
    >>> cards = pd.DataFrame({"customer_id": ["007", None], "recorded_at": "2026-01-05", "source": "web",
    ...                       "mail": ["a@b.example", "c@d.example"]})
    >>> load(base, cards, ["mail"])
    table: 2 offered, 1 new, 0 known, 0 missing, 1 rejected.
      1 × no customer_id
    >>> load(base, cards, ["mail"]).counts["new"]
    0
    """
    given = as_pandas(table)
    look_up("kind", kind, KINDS)
    flag(dry_run, "dry_run")
    if (fields is None) == (field is None or value is None):
        raise ValueError("Give fields=[columns], or field= and value= for a table with one row per fact.")
    cells = list(fields) if fields is not None else [value]
    optional = [one for one in (field, owner, record) if one]
    require_columns(given.columns, [customer, recorded_at, source, *cells, *optional])
    if not cells or isinstance(fields, str) or isinstance(blank, str):
        raise ValueError("fields, of which there is one at least, and blank are lists, such as ['mail'].")
    frame = pd.DataFrame({"row": np.arange(len(given))})
    columns = {"customer_id": customer, "source": source, "owner": owner, "record": record, "field": field}
    for column, wanted in columns.items():
        frame[column] = as_text(given[wanted]).str.strip().to_numpy() if wanted else None
    frame["given_day"] = as_text(given[recorded_at]).to_numpy()
    frame["recorded_at"] = days(given[recorded_at]).to_numpy()
    frame["confidence"] = _confidence(confidence, given, frame["source"])
    for place, cell in enumerate(cells):
        frame[f"value_{place}"] = as_text(given[cell]).to_numpy()
    names = cells if field is None else [""]
    with transaction(base):
        _offer(base, frame, names, blank, {"customer": customer, "day": recorded_at, "source": source})
        counts = _take(base, kind, name)
        rejected = query(base, "select row, field, value, reason from offered where reason is not null")
        if dry_run:
            base.execute("rollback")
            base.execute("begin transaction")
    rejected = rejected.sort_values(["row", "field"], kind="stable", ignore_index=True)
    rejected["row"] = given.index.take(rejected["row"])
    return Report(f"{name} (dry run)" if dry_run else name, counts, rejected)


def _confidence(given: Any, table: pd.DataFrame, source: pd.Series) -> np.ndarray:
    """Return how sure each row is, or raise ValueError."""
    if isinstance(given, Mapping):
        lacking = sorted(set(source.dropna()) - set(map(str, given)))
        if lacking:
            raise ValueError(f"confidence names no number for the source {lacking[0]!r}.")
        sure = {str(key): number(one, "confidence", _SURE, 1e-9, 1) for key, one in given.items()}
        return source.map(sure).fillna(1.0).to_numpy(float)
    if not isinstance(given, str):
        return np.full(len(table), number(given, "confidence", _SURE, 1e-9, 1))
    require_columns(table.columns, [given])
    numbers: np.ndarray = pd.to_numeric(table[given], errors="coerce").to_numpy(float, na_value=np.nan)
    return numbers  # those outside the range are left out row by row


def _offer(
    base: Base, frame: pd.DataFrame, names: list[Any], blank: Sequence[str], columns: Mapping[str, str]
) -> None:
    """Lay the cells out, one row each, with the reason why one is left out."""
    base.register("given_rows", pa.Table.from_pandas(frame, preserve_index=False))
    cells = " union all ".join(
        "select row, customer_id, source, owner, record, given_day, recorded_at::date recorded_at, "
        f"confidence, coalesce(field, $names[{place} + 1]) field, value_{place} as value from given_rows"
        for place in range(len(names))
    )
    token = "sha256((select salt from about_this_file) || customer_id)"
    gone = f"(select count(*) from erased) > 0 and {token} in (select token from erased)"
    base.execute(
        f"""
        create or replace temp table offered as select *, case
            when value is null then null
            when coalesce(trim(customer_id), '') = '' then 'no ' || $customer
            when given_day is null then 'no ' || $day
            when recorded_at is null then $day || ' ' || given_day || ' is no day: write 2026-11-27'
            when coalesce(trim(source), '') = '' then 'no ' || $source
            when coalesce(trim(field), '') = '' then 'no name of a field'
            when coalesce(not (confidence > 0 and confidence <= 1), true)
                then 'a confidence that is not above 0 and up to 1'
            when length(value) > {LONGEST} then 'longer than {LONGEST:,} characters'
            when trim(value) = '' or list_contains($blank, lower(trim(value)))
                then 'nothing is known where ' || value || ' is written'
            when {gone} then 'this customer asked to be erased'
            end reason
        from ({cells})
        """,
        {"names": names, "blank": [str(one).lower().strip() for one in blank], **columns},
    )
    base.unregister("given_rows")


def _take(base: Base, kind: str, name: str) -> dict[str, int]:
    """Take what is new into the tables, and return the counts."""
    ((load_id,),) = base.execute("select coalesce(max(load_id), 0) + 1 from loads").fetchall()
    good = "from offered where value is not null and reason is null"
    base.execute(
        f"""
        insert into facts by name
        select * from (
            select customer_id, field, value, $kind kind, source, recorded_at, max(confidence) confidence,
                min(owner) owner, $load load_id {good} group by all
        ) o
        anti join facts using (customer_id, field, value, source, recorded_at) order by customer_id
        """,
        {"kind": kind, "load": load_id},
    )
    for table, columns in (("customers", "customer_id"), ("identities", "customer_id, source, record")):
        base.execute(
            f"insert into {table} select distinct {columns}, $load from offered anti join {table} using "
            f"({columns}) where value is not null and reason is null and {columns.split()[-1]} is not null "
            "order by all",
            {"load": load_id},
        )
    ((offered, missing, rejected),) = base.execute(
        "select count(*), count(*) filter (value is null), count(reason) from offered"
    ).fetchall()
    ((new,),) = base.execute("select count(*) from facts where load_id = ?", [load_id]).fetchall()
    counts = {"offered": offered, "new": new, "known": offered - missing - rejected - new}
    counts |= {"missing": missing, "rejected": rejected}
    if new:  # a load that brings nothing new leaves no trace, so that loading twice is loading once
        row = [load_id, name, *counts.values()]
        base.execute("insert into loads values (?, ?, now()::timestamp, ?, ?, ?, ?, ?)", row)
    return counts
