"""What people have a right to: consent for each purpose, access, erasure; and extracts that name nobody."""

from collections.abc import Sequence
from datetime import date as Date
from typing import Any

import pandas as pd

from crmlab._tables import as_day, as_pandas, extended, require_columns, whole_number
from crmlab.collect.store import Base, Report, fetch, query, quoted, rewrite, transaction
from crmlab.collect.views import CONSENT, as_of

_ONE = (
    "customer_id::varchar in ($1, case when typeof(customer_id) in ('DOUBLE', 'FLOAT') then $1 || '.0' end)"
)
"""An id of any type as :func:`load` writes it: 7 and 7.0 are '7'; the texts '7.0' and '007' are others."""


def allowed(base: Base, day: Any, purpose: str, channel: str) -> pd.Series:
    """Return who may be written to on a day, for one purpose, by one channel.

    Parameters
    ----------
    base : connection
        Of :func:`open_base`. A consent is a fact whose field is "consent PURPOSE by CHANNEL" and whose value
        is "yes" from the day on which it was given, and "no" from the day on which it was withdrawn.
    day : date or str
    purpose, channel : str

    Returns
    -------
    Series
        Of their customer ids; nobody else may be. The last word counts, and "no" if both fell on one day.

    Raises
    ------
    ValueError
        No consent names this purpose and channel.

    Examples
    --------
    >>> from crmlab.collect import load, open_base
    >>> base = open_base(":memory:")
    >>> words = pd.DataFrame({"customer_id": [1, 2, 1], "source": "web", "field": "consent offers by mail",
    ...                       "recorded_at": ["2025-01-01", "2025-01-01", "2025-06-01"],
    ...                       "value": ["yes", "yes", "no"]})
    >>> _ = load(base, words, field="field", value="value")
    >>> allowed(base, "2025-02-01", "offers", "mail").tolist()
    ['1', '2']
    >>> allowed(base, "2026-01-01", "offers", "mail").tolist()
    ['2']
    """
    now = as_of(base, day, fields=[f"{CONSENT}{purpose} by {channel}"])
    return now.loc[now["value"] == "yes", "customer_id"].reset_index(drop=True)


def _tables(base: Base, having: str = "%") -> dict[str, str]:
    """Return all tables of the file that have such a column, also added ones, with their names in SQL."""
    sql = (
        "select distinct schema_name, table_name from duckdb_columns() join duckdb_tables() using "
        "(database_name, schema_name, table_name) where database_name = current_database() "
        "and lower(column_name) like ? order by table_name, schema_name"
    )
    return {
        (name if place == "main" else f"{place}.{name}"): f"{quoted(place)}.{quoted(name)}"
        for place, name in fetch(base, sql, [having])
    }


def access(base: Base, customer_id: Any) -> pd.DataFrame:
    """Return everything that the base holds of one customer, for their request; write it with `write_csv`.

    Parameters
    ----------
    base : connection
        Of :func:`open_base`.
    customer_id : int or str

    Returns
    -------
    DataFrame
        One row for each value held: ``table``, ``row``, ``column``, ``held``. Every table is looked through
        that has a column ``customer_id``, also those that were added to the file.

    Raises
    ------
    ValueError
        The base holds nothing of such a customer.

    Examples
    --------
    >>> from crmlab.collect import load, open_base
    >>> base = open_base(":memory:")
    >>> card = pd.DataFrame({"customer_id": ["007"], "recorded_at": "2026-01-01", "source": "web",
    ...                      "mail": ["a@b.example"]})
    >>> _ = load(base, card, ["mail"])
    >>> "a@b.example" in access(base, "007")["held"].tolist()
    True
    """
    parts = []
    for table, name in _tables(base, "customer_id").items():
        rows = query(base, f"select columns(*)::varchar from {name} where {_ONE}", [str(customer_id)])
        rows = rows.loc[:, rows.columns.str.lower() != "customer_id"].set_axis(range(1, len(rows) + 1))
        held = rows.rename_axis("row").rename_axis("column", axis=1).stack().dropna()
        parts.append(held.rename("held").reset_index().assign(table=table))
    if not _count(base, customer_id).any():
        raise ValueError(f"The base holds nothing of customer {str(customer_id)!r}.")
    return pd.concat(parts, ignore_index=True)[["table", "row", "column", "held"]]


def _count(base: Base, customer_id: Any) -> pd.Series:
    """Return how many rows each table holds of a customer."""
    sql, tables = f"select count(*) from {{}} where {_ONE}", _tables(base, "customer_id")
    counts = [fetch(base, sql.format(name), [str(customer_id)])[0][0] for name in tables.values()]
    return pd.Series(counts, pd.Index(tables, name="table"), dtype="int64")


def _mentions(base: Base, words: list[str]) -> dict[str, int]:
    """Return in how many rows of each table one of these words stands in any column."""
    sql = (
        "select count(*) from (select concat_ws(chr(10), *columns(*)) held from {}) "
        "where exists (select 1 from unnest(?::varchar[]) w(word) where contains(held, word))"
    )
    return {table: fetch(base, sql.format(name), [words])[0][0] for table, name in _tables(base).items()}


def erase(
    base: Base, customer_id: Any, day: Any = None, own: Sequence[str] = ("telephone", "mail")
) -> pd.DataFrame:
    """Erase one customer from every table, and prove it; nothing is changed if it cannot be done whole.

    Parameters
    ----------
    base : connection
        Of :func:`open_base`.
    customer_id : int or str
    day : date or str, optional
        On which it was done; today if not given.
    own : list of str
        Fields whose values point to one person: they are searched for in every column of every table
        afterwards, since a name may stand in somebody else's note.

    Returns
    -------
    DataFrame
        Index ``table``, all tables of the file: ``before`` and ``after``, rows with the customer's id, and
        ``mentions``, rows in which a value of the fields `own` still stands. All of ``after`` is 0. A mention
        is left for a person to judge: it may be another customer's own (a shared address).

    Raises
    ------
    ValueError
        The base holds nothing of such a customer, or `own` is no list.
    OSError
        The disk is full, or the base is read-only. Where only :func:`rewrite` failed, the rows are erased and
        the message says that their bytes are not.

    Notes
    -----
    The file is written anew (:func:`rewrite`), so that the bytes of the values are gone, too. What stays is
    the day and a hash of the id with a number that is drawn for each file, so that a later load of an old
    list does not bring the customer back (:func:`load` leaves such rows out and says so). Whoever has the
    file and guesses ids can tell from it that this id was erased. Copies, exports and backups are not
    reached.

    Examples
    --------
    >>> from crmlab.collect import load, open_base
    >>> base = open_base(":memory:")
    >>> card = pd.DataFrame({"customer_id": ["007"], "recorded_at": "2026-01-01", "source": "web",
    ...                      "mail": ["a@b.example"]})
    >>> _ = load(base, card, ["mail"])
    >>> int(erase(base, "007", "2026-02-01")["after"].sum())
    0
    >>> load(base, card, ["mail"]).counts["rejected"]
    1
    """
    if isinstance(own, str):
        raise ValueError(f"own is a list of fields, such as ['mail']; got {own!r}.")
    before, one = _count(base, customer_id), str(customer_id)
    if not before.any():
        raise ValueError(f"The base holds nothing of customer {one!r}.")
    done = Date.today() if day is None else as_day(day, "day")
    sql = "select distinct value from facts where customer_id = ? and list_contains(?::varchar[], field)"
    words = [word for word in query(base, sql, [one, list(own)])["value"] if len(word) > 5]
    with transaction(base):
        for name in _tables(base, "customer_id").values():
            base.execute(f"delete from {name} where {_ONE}", [one])
        base.execute("insert into erased select sha256(salt || ?), ? from about_this_file", [one, done])
        after = _count(base, customer_id)
        if after.any():
            raise RuntimeError(f"Rows of customer {one!r} are left in {after[after > 0].index.tolist()}.")
    rewrite(base)  # the file and its log of changes hold the bytes until now
    proof = pd.DataFrame({"mentions": _mentions(base, words)}).rename_axis("table")
    proof.insert(0, "before", before.reindex(proof.index).fillna(0).astype(int))
    proof.insert(1, "after", after.reindex(proof.index).fillna(0).astype(int))
    return proof


def k_anonymous(table: Any, quasi: Sequence[str], k: int = 5) -> Report:
    """Return an extract in which nobody stands in a group of fewer than k, and what it loses.

    Parameters
    ----------
    table : table
        One row per person, without names, of any engine.
    quasi : list of str
        Columns by which somebody could be recognised: year of birth, region, occupation.
    k : int
        The smallest group, at least 2.

    Returns
    -------
    Report
        ``table``: the rows that may go out. ``rejected``: those left out, with the reason. ``counts``:
        ``offered``, ``kept``, ``rejected``, ``groups`` and ``smallest`` (rows of the smallest one).

    Raises
    ------
    ValueError
        A column is not there, or k is below 2, or the table has a column ``reason`` already.

    Notes
    -----
    Rows are left out and nothing is changed: coarser columns (decades in place of years) lose fewer rows, and
    more of what each says. Missing values of a column are alike. A group whose members all have one answer
    tells that answer of each of them, whatever k is (Machanavajjhala et al. 2007).

    References
    ----------
    Sweeney (2002), k-anonymity: a model for protecting privacy, IJUFKS 10(5), 557-570.

    Examples
    --------
    >>> people = pd.DataFrame({"born": [1990, 1990, 1950], "region": "hills"})
    >>> k_anonymous(people, ["born", "region"], k=2)
    2-anonymous extract: 3 offered, 2 kept, 1 rejected, 1 groups, 2 smallest.
      1 × fewer than 2 rows are alike in born, region
    """
    whole_number(k, "k", 2)
    given = as_pandas(table)
    if isinstance(quasi, str) or not len(quasi):
        raise ValueError(f"quasi is a list of columns, such as ['birth_year', 'region']; got {quasi!r}.")
    require_columns(given.columns, quasi)
    sizes = given.groupby(list(quasi), dropna=False, observed=True)[quasi[0]].transform("size")
    kept = (sizes >= k).to_numpy()
    reason = f"fewer than {k} rows are alike in {', '.join(map(str, quasi))}"
    groups = given[kept].groupby(list(quasi), dropna=False, observed=True).size()
    counts = {"offered": len(given), "kept": int(kept.sum()), "rejected": int((~kept).sum())}
    counts |= {"groups": len(groups), "smallest": int(groups.min()) if len(groups) else 0}
    return Report(f"{k}-anonymous extract", counts, extended(given[~kept], reason=reason), given[kept])
