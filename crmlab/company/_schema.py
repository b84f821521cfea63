"""The declared columns of every table, and frames that keep to them."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

VERSION = 2
START = np.datetime64("2023-01-01", "s")
_TYPES = {
    "id": "int64", "id?": "Int64", "integer": "int64", "number": "float64", "number?": "float64",
    "score?": "float32", "flag": "bool", "flag?": "boolean", "text": "str", "text?": "str",
}  # fmt: skip


class Column(NamedTuple):
    """A declared column: ``kind`` is a type, followed by ? where a value may be missing."""

    name: str
    key: str
    kind: str
    unit: str
    refers_to: str
    meaning: str

    @property
    def dtype(self) -> Any:
        """Return the type of the column in a DataFrame."""
        if self.kind.startswith("category"):
            return pd.CategoricalDtype(pd.Index(self.unit.split(), dtype="str"))
        return _TYPES.get(self.kind, "datetime64[s]")


class Table(NamedTuple):
    """A declared table: what one row is, and its columns by name."""

    one_row: str
    columns: dict[str, Column]

    @property
    def keys(self) -> list[str]:
        """Return the columns that name a row."""
        return [column.name for column in self.columns.values() if column.key]


def constants(name: str) -> Any:
    """Return a file of constants that lies beside this one: a DataFrame, or of a .toml a dict."""
    path = Path(__file__).with_name(name)
    if path.suffix == ".toml":
        return tomllib.loads(path.read_text("utf-8"))
    return pd.read_csv(path, keep_default_na=False)


@cache
def declared() -> dict[str, dict[str, Table]]:
    """Return the declared tables by side (``company``, ``truth``, ``raw``) and name."""
    sides: dict[str, dict[str, Table]] = {"company": {}, "truth": {}}
    for side, table, *column in constants("columns.csv").itertuples(index=False):
        name, meaning = column[0], column[-1]
        if name:
            sides[side][table].columns[name] = Column(*column)
        else:
            sides[side][table] = Table(meaning, {})
    sides["raw"] = {}
    for table, by, without, contact in constants("raw.csv").itertuples(index=False):
        columns = dict(sides["company"][table].columns)
        if by:
            key = next(iter(columns))
            columns[key] = columns[key]._replace(meaning="in the order of time")
        if contact:
            card = Column("contact_id", "", "id", "", "contacts.contact_id", contact)
            first, *others = columns.items()
            columns = dict([first, ("contact_id", card), *others])
        kept = {name: column for name, column in columns.items() if name not in without.split()}
        sides["raw"][table] = Table(sides["company"][table].one_row, kept)
    return sides


def categories(table: str, column: str, side: str = "company") -> list[str]:
    """Return the labels of a category column in the order of their codes."""
    return declared()[side][table].columns[column].unit.split()


def frame(side: str, table: str, data: dict[str, Any]) -> pd.DataFrame:
    """Return `data` as the declared table: categories come as codes, dates as days since the start."""
    columns = declared()[side][table].columns
    if set(data) != set(columns):
        raise ValueError(f"{side} table {table!r} wants {sorted(columns)} and was given {sorted(data)}.")
    made = {name: _column(column, data[name]) for name, column in columns.items()}
    return pd.DataFrame(made, copy=False)


def days_since_start(dates: pd.Series) -> np.ndarray[Any, Any]:
    """Return the days of :func:`frame` behind dates of a table."""
    return (dates.to_numpy() - START) / np.timedelta64(1, "D")


def _column(column: Column, values: Any) -> Any:
    if column.kind.startswith("category"):
        return pd.Categorical.from_codes(np.asarray(values, np.int8), dtype=column.dtype)
    if column.kind.startswith("date"):
        days = np.asarray(values, float)
        seconds = np.floor(days * 86_400) if column.kind.startswith("datetime") else np.floor(days) * 86_400
        return START + seconds.astype("m8[s]")  # NaN becomes a date that is missing
    if column.kind == "id?" and isinstance(values, np.ndarray):
        missing = np.isnan(values)
        return pd.arrays.IntegerArray(np.where(missing, 1, values).astype(np.int64), missing)
    return pd.array(values, dtype=column.dtype, copy=False)
