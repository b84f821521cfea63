"""The knowledge base: one DuckDB file, its schema, its transactions, and the record of what was used."""

import glob
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa

from crmlab._html import render
from crmlab._tables import as_pandas, require_columns

Base = duckdb.DuckDBPyConnection
SCHEMA = 1
"""Version of the schema, written into each file."""
TABLES = {
    "about_this_file": "schema_version INTEGER, salt VARCHAR",
    "customers": "customer_id VARCHAR, load_id INTEGER",
    "identities": "customer_id VARCHAR, source VARCHAR, record VARCHAR, load_id INTEGER",
    "facts": "customer_id VARCHAR, field VARCHAR, value VARCHAR, kind VARCHAR, source VARCHAR, "
    "recorded_at DATE, confidence DOUBLE, owner VARCHAR, load_id INTEGER",
    "loads": "load_id INTEGER, name VARCHAR, loaded_at TIMESTAMP, offered BIGINT, new BIGINT, known BIGINT, "
    "missing BIGINT, rejected BIGINT",
    "uses": "decided_on DATE, department VARCHAR, decision VARCHAR, used VARCHAR, outcome VARCHAR, "
    "gain_cents DOUBLE",
    "erased": "token VARCHAR, erased_on DATE",
}
DAMAGED = "is no DuckDB file, or it is damaged or cut off: take the last copy, or load its sources anew."
OUTCOMES = ("worked", "failed", "dropped", "open")


@dataclass(frozen=True, repr=False)
class Report:
    """What became of the rows of a table or file: taken, known already, missing, left out and why.

    Attributes
    ----------
    what : str
        What was done, in a sentence.
    counts : dict of str to int
        How many of each; they add up to ``offered``.
    rejected : DataFrame
        What was left out, as it was given, each with its ``reason``. So nothing is lost.
    table : DataFrame or None
        What was taken, where a table is the result (:func:`read_file`, :func:`k_anonymous`).
    """

    what: str
    counts: dict[str, int]
    rejected: pd.DataFrame
    table: pd.DataFrame | None = None

    @property
    def reasons(self) -> pd.DataFrame:
        """How often each reason occurs, the commonest first."""
        counts = self.rejected["reason"].value_counts(sort=False)
        table = counts.rename("times").rename_axis("reason").reset_index()
        return table.sort_values(["times", "reason"], ascending=[False, True], ignore_index=True)

    def __repr__(self) -> str:
        counted = ", ".join(f"{count:,} {name}" for name, count in self.counts.items())
        lines = [f"  {row.times:,} × {row.reason}" for row in self.reasons.itertuples()]
        return "\n".join([f"{self.what}: {counted}.", *lines])

    def _repr_html_(self) -> str:
        return render("load.html", what=self.what, counts=self.counts, reasons=self.reasons)


def open_base(path: str | Path, read_only: bool = False, wait: float = 0.0) -> Base:
    """Open a knowledge base, or begin one where there is no file.

    Parameters
    ----------
    path : str or Path
        The file; ":memory:" for one that is forgotten when it is closed.
    read_only : bool
        Look, and change nothing. Several programs may look at the same time.
    wait : float
        Seconds to wait while another program has the file open for writing.

    Returns
    -------
    duckdb.DuckDBPyConnection
        The open base, for all functions of this room and for SQL of your own. Close it with ``.close()``.

    Raises
    ------
    OSError
        The file is open in another program, damaged, cut off, not readable or not writable.
    ValueError
        It is a DuckDB file of something else, or of another version of the schema.

    Notes
    -----
    Tables: ``facts`` (customer_id, field, value, kind, source, recorded_at, confidence, owner, load_id),
    ``customers``, ``identities``, ``loads``, ``uses``, ``erased`` and ``about_this_file``.

    Examples
    --------
    >>> base = open_base(":memory:")
    >>> base.sql("select schema_version from about_this_file").fetchall()
    [(1,)]
    """
    until = time.monotonic() + wait
    while True:
        try:
            base = duckdb.connect(str(path), read_only=read_only)
            break
        except duckdb.Error as error:
            if "lock" not in str(error) or time.monotonic() >= until:
                raise OSError(_why_not(Path(path), str(error))) from None
            time.sleep(0.05)
    try:
        _check_schema(base, path, read_only)
    except BaseException as error:
        base.close()
        if isinstance(error, duckdb.Error):
            raise OSError(_why_not(Path(path), str(error))) from None
        raise
    return base


def _why_not(path: Path, said: str) -> str:
    """Return one sentence on why a file cannot be opened."""
    if not path.parent.is_dir():
        return f"There is no folder {path.parent}, so {path.name} cannot be written into it."
    if path.is_dir():
        return f"{path} is a folder; name a file in it, such as {path / 'knowledge.duckdb'}."
    if "lock" in said:
        return f"{path} is open in another program: close it there, or wait: open_base(path, wait=30)."
    if "read-only" in said and not path.exists():
        return f"There is no file {path}, and read_only=True begins none."
    if "Permission denied" in said or "Read-only file system" in said or "not permitted" in said:
        return f"{path} may not be written here: open it with read_only=True, or copy it elsewhere."
    if "version number" in said and "newer" in said:
        return f"{path} was written by a newer DuckDB than the one installed: update duckdb."
    if "No space left" in said:
        return f"The disk that holds {path} is full: make room, then open it again."
    return f"{path} {DAMAGED}"


def _check_schema(base: Base, path: str | Path, read_only: bool) -> None:
    tables = {name for (name,) in base.execute("select table_name from information_schema.tables").fetchall()}
    if not tables and not read_only:
        with transaction(base):
            for name, columns in TABLES.items():
                base.execute(f"create table {name} ({columns})")
            base.execute("insert into about_this_file values (?, ?)", [SCHEMA, secrets.token_hex(16)])
        return
    if "about_this_file" not in tables:
        held = f"holds the tables {', '.join(sorted(tables))}" if tables else "is empty"
        raise ValueError(f"{path} is no knowledge base: it {held}. Name another file.")
    ((version,),) = base.execute("select schema_version from about_this_file").fetchall() or [(None,)]
    if version != SCHEMA:
        older = "an older" if version is not None and version < SCHEMA else "another"
        raise ValueError(
            f"{path} has {older} version of the schema ({version}); this crmlab reads {SCHEMA}. Load its "
            "sources into a new file."
        )


@contextmanager
def transaction(base: Base) -> Iterator[None]:
    """Do all of it or nothing; what the file or the disk refuses is said in one sentence."""
    try:
        base.execute("begin transaction")
        yield
        base.execute("commit")
    except BaseException as error:
        with suppress(duckdb.Error):
            base.execute("rollback")
        if isinstance(error, duckdb.Error):
            said = str(error)
            if "read-only" in said:
                raise OSError("This base was opened with read_only=True: nothing was changed.") from None
            if "No space left" in said or "could not write" in said.lower():
                full = "The disk is full: nothing was changed. Make room, then open the base anew."
                raise OSError(full) from None
        raise
    finally:
        with suppress(duckdb.Error):
            base.execute("drop table if exists temp.offered")


def query(base: Base, sql: str, values: Any = None) -> pd.DataFrame:
    """Return the answer to a question in SQL, with texts, days and whole numbers as pandas has them."""
    with _asked(base):
        table: pd.DataFrame = base.sql(sql, params=values).to_arrow_table().to_pandas(date_as_object=False)
    return table


def fetch(base: Base, sql: str, values: Any = None) -> list[Any]:
    """Return the rows of an answer as tuples, which is quicker for a few."""
    with _asked(base):
        return base.execute(sql, values).fetchall()


@contextmanager
def _asked(base: Base) -> Iterator[None]:
    """Say in one sentence why a question is not answered."""
    if not isinstance(base, duckdb.DuckDBPyConnection):
        raise ValueError(f"The first argument is an open base, open_base(path); got a {type(base).__name__}.")
    try:
        yield
    except (duckdb.ConnectionException, duckdb.CatalogException):
        raise ValueError("This base is closed, or no knowledge base: open it with open_base(path).") from None
    except (duckdb.IOException, duckdb.FatalException, duckdb.InternalException):
        raise OSError(f"This file {DAMAGED}") from None


def as_text(values: pd.Series) -> pd.Series:
    """Return values as texts: ids as they are (007 stays 007), days as 2026-11-27, 5.0 as 5, missing as None.

    Examples
    --------
    >>> as_text(pd.Series([5.0, None])).tolist()[0], as_text(pd.Series(["007"])).tolist()
    ('5', ['007'])
    """
    present = values.notna()
    if pd.api.types.is_bool_dtype(values.dtype) and not pd.api.types.is_object_dtype(values.dtype):
        texts = values.map({True: "yes", False: "no"})
    elif pd.api.types.is_datetime64_any_dtype(values.dtype):
        midnight = bool((values[present] == values[present].dt.normalize()).all())
        texts = values.dt.strftime("%Y-%m-%d" if midnight else "%Y-%m-%d %H:%M:%S")
    elif pd.api.types.is_float_dtype(values.dtype):  # each by itself: 5 is 5 beside 1.5, too
        whole = ((values % 1 == 0) & (values.abs() < 2**63)).fillna(False).astype(bool)
        texts = values.astype("string").mask(whole, values.where(whole).astype("Int64").astype("string"))
    else:
        texts = values.astype("string")
    return texts.astype("string").where(present, None)


def days(values: pd.Series) -> pd.Series:
    """Return days, missing where a value is none; texts are read as 2026-11-27."""
    if pd.api.types.is_numeric_dtype(values.dtype):
        return pd.Series(pd.NaT, values.index, dtype="datetime64[s]")
    if pd.api.types.is_string_dtype(values):  # a moment belongs to the day of its own clock
        values = values.str.replace(r"(?<=[T ])(\d\d:?\d\d\S*?)(Z|[+-]\d\d:?\d\d)$", r"\1", regex=True)
    read = pd.to_datetime(values, errors="coerce", format=None if values.dtype.kind == "M" else "ISO8601")
    read = read.dt.tz_localize(None) if getattr(read.dtype, "tz", None) else read
    return read.dt.normalize().astype("datetime64[s]")


def rewrite(base: Base) -> None:
    """Write the file of a base anew, so that nothing is left in it of what was erased.

    A row that is deleted leaves its bytes in the file until other rows take their place. :func:`erase` calls
    this; by hand it is needed where that failed, or after a deletion of your own.

    Parameters
    ----------
    base : connection
        Of :func:`open_base`. It stays open; other cursors of it must be closed. Nothing is done if it is kept
        in memory.

    Raises
    ------
    OSError
        The folder may not be written, the disk is full (as much room is needed as the file takes), or the
        base is read-only. The old file is then whole, and in its place.

    Notes
    -----
    All tables are copied into a new file of the same folder, which then takes the old one's place in one
    step. What the disk, its backups and copies of the file still hold is not reached.

    Examples
    --------
    >>> rewrite(open_base(":memory:"))
    """
    ((name, place),) = fetch(
        base, "select database_name, path from duckdb_databases() where database_name = current_database()"
    )
    if place is None:
        return
    path = Path(place).resolve()
    fresh = path.with_name(f"{path.name}.rewriting")
    name, old, new = quoted(name), quoted(path, "'"), quoted(fresh, "'")
    try:
        base.execute("checkpoint")
        _clear(fresh)  # of one that was killed
        base.execute(f"attach {new} as _fresh")
        base.execute(f"copy from database {name} to _fresh")
        base.execute("checkpoint _fresh")
        base.execute("detach _fresh")
        shutil.copymode(path, fresh)
        base.execute("attach ':memory:' as _none")
        base.execute("use _none")
        if os.name == "nt":  # there an open file cannot be replaced; elsewhere it stays locked until it is
            base.execute(f"detach {name}")
        os.replace(fresh, path)
    except (duckdb.Error, OSError) as error:
        raise OSError(
            f"{path} could not be written anew, and what was erased may still stand in it: {error} "
            "Make room or close what uses it, then call collect.rewrite(base)."
        ) from None
    finally:
        with suppress(duckdb.Error):
            base.execute("detach database if exists _fresh")
        _clear(fresh)
        if fetch(base, "select current_database()") == [("_none",)]:  # open what now lies at the place
            try:
                base.execute(f"detach database if exists {name}")
                base.execute(f"attach {old} as {name}")
                base.execute(f"use {name}")
            except duckdb.Error as error:
                base.close()
                raise OSError(_why_not(path, str(error))) from None
        base.execute("detach database if exists _none")


def _clear(file: Path) -> None:
    """Remove a file and what DuckDB laid beside it, such as its log of changes."""
    for one in (file, *file.parent.glob(f"{glob.escape(file.name)}.*")):
        if not one.is_dir():
            one.unlink(missing_ok=True)


def quoted(text: Any, mark: str = '"') -> str:
    """Return a name, or with another mark a text, as SQL takes it."""
    return mark + str(text).replace(mark, 2 * mark) + mark


def record_use(base: Base, decisions: Any) -> Report:
    """Record what was decided, with which knowledge, and what came of it; a decision is recorded once.

    Parameters
    ----------
    base : connection
        Of :func:`open_base`.
    decisions : table
        One row per decision: ``decided_on``, ``department``, ``decision`` (in words), ``used`` (the pieces of
        knowledge, parted by spaces; missing if none was), ``outcome`` (worked, failed, dropped or open) and,
        where it is known, ``gain_cents``. A row with the day, department and words of one on record takes
        its place: so an open decision gets its outcome.

    Returns
    -------
    Report

    Raises
    ------
    ValueError
        A column is missing, a day is none, or an outcome is none of the four.

    Examples
    --------
    >>> base = open_base(":memory:")
    >>> row = {"decided_on": "2026-03-01", "department": "sales", "decision": "Whom to ring",
    ...        "used": "orders surveys", "outcome": "worked"}
    >>> record_use(base, pd.DataFrame([row]))
    1 decision(s): 1 offered, 1 new, 0 known.
    >>> uses(base).loc["orders", "worked"]
    np.int64(1)
    """
    table = as_pandas(decisions)
    require_columns(table.columns, ["decided_on", "department", "decision", "used", "outcome"])
    table = table.reindex(columns=TABLES["uses"].replace(",", "").split()[::2])
    table = table.assign(decided_on=days(table["decided_on"]), gain_cents=table["gain_cents"].astype(float))
    if table["decided_on"].isna().any():
        row = table.index[table["decided_on"].isna()][0]
        raise ValueError(f"decided_on of row {row!r} is no day. Write it as '2026-11-27'.")
    for row, outcome in table["outcome"].items():
        if outcome not in OUTCOMES:
            raise ValueError(f"outcome of row {row!r} is {outcome!r}; it is one of {', '.join(OUTCOMES)}.")
    for column in ("department", "decision", "used", "outcome"):
        table[column] = as_text(table[column])
    table = table.drop_duplicates(["decided_on", "department", "decision"], keep="last")
    before = len(query(base, "select * from uses"))
    with transaction(base):
        base.register("given_uses", pa.Table.from_pandas(table, preserve_index=False))
        same = "using given_uses g where (u.decided_on, u.department, u.decision) = "
        base.execute(f"delete from uses u {same} (g.decided_on::date, g.department, g.decision)")
        base.execute("insert into uses by name select * from given_uses")
        base.unregister("given_uses")
    new = len(query(base, "select * from uses")) - before
    counts = {"offered": len(table), "new": new, "known": len(table) - new}
    return Report(f"{len(table)} decision(s)", counts, pd.DataFrame({"reason": []}))


def uses(base: Base) -> pd.DataFrame:
    """Return for each piece of knowledge in how many decisions it was used, and what came of them.

    Parameters
    ----------
    base : connection
        Of :func:`open_base`.

    Returns
    -------
    DataFrame
        Index ``used``, the most used first: ``decisions``, ``worked``, ``failed``, ``dropped``, ``open``,
        ``worked_share`` (of those that worked or failed; missing where none did) and ``gain_cents`` (sum of
        what is known of it; a decision counts with each piece it used, so that this column has no sum).
        Decisions for which nothing was used stand under "(nothing)".

    Examples
    --------
    >>> uses(open_base(":memory:")).empty
    True
    """
    table = query(
        base,
        "select used, count(*) decisions, count(*) filter (outcome = 'worked') worked, "
        "count(*) filter (outcome = 'failed') failed, count(*) filter (outcome = 'dropped') dropped, "
        "count(*) filter (outcome = 'open') open, worked / nullif(worked + failed, 0) worked_share, "
        "sum(gain_cents) gain_cents from (select * exclude (used), "
        "unnest(string_split(coalesce(nullif(trim(used), ''), '(nothing)'), ' ')) used from uses) "
        "where used <> '' group by used order by decisions desc, used",
    )
    return table.set_index("used")
