"""The declared columns of every table, and frames that keep to them."""

import csv
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pandas.arrays import BooleanArray, IntegerArray

VERSION = 1
START = np.datetime64("2023-01-01", "s")
_DAY = 86_400


class Column(NamedTuple):
    """A declared column: ``kind`` is a type, followed by ? where a value may be missing."""

    name: str
    key: bool
    kind: str
    unit: str
    refers_to: str
    meaning: str


class Table(NamedTuple):
    """A declared table: what one row is, and its columns by name."""

    one_row: str
    columns: dict[str, Column]

    @property
    def keys(self) -> list[str]:
        """Return the columns that name a row."""
        return [column.name for column in self.columns.values() if column.key]


@cache
def declared() -> dict[str, dict[str, Table]]:
    """Return the declared tables by side (``company``, ``truth``) and name."""
    sides: dict[str, dict[str, Table]] = {}
    with open(Path(__file__).with_name("columns.csv"), encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            side, table, name, key, kind, unit, refers_to, meaning = row.values()
            if not name:
                sides.setdefault(side, {})[table] = Table(meaning, {})
            else:
                sides[side][table].columns[name] = Column(name, key == "key", kind, unit, refers_to, meaning)
    return sides


def categories(table: str, column: str, side: str = "company") -> list[str]:
    """Return the labels of a category column in the order of their codes."""
    return declared()[side][table].columns[column].unit.split()


def dates(days: np.ndarray) -> np.ndarray:
    """Return days since the start of the log (NaN: missing) as moments to the second."""
    seconds = np.floor(np.asarray(days, float) * _DAY)
    out = START + np.nan_to_num(seconds).astype("timedelta64[s]")
    out[np.isnan(seconds)] = np.datetime64("NaT")
    return out


def frame(side: str, table: str, data: dict[str, Any]) -> pd.DataFrame:
    """Return `data` as the declared table: categories come as codes, dates as days since the start."""
    columns = declared()[side][table].columns
    if set(data) != set(columns):
        raise ValueError(f"{side} table {table!r} wants {sorted(columns)} and was given {sorted(data)}.")
    made = {name: _column(column, data[name]) for name, column in columns.items()}
    return pd.DataFrame(made, copy=False)


def _column(column: Column, values: Any) -> Any:
    kind, optional = column.kind.removesuffix("?"), column.kind.endswith("?")
    if kind == "text":
        return pd.array(values, dtype="str")
    values = np.asarray(values)
    if kind == "category":
        return pd.Categorical.from_codes(values.astype(np.int8), column.unit.split())
    if kind == "datetime":
        return dates(values)
    if kind == "date":
        return dates(np.floor(values.astype(float)))
    if kind in ("number", "score"):
        return values.astype(float if kind == "number" else np.float32)
    if optional:
        missing = np.isnan(values.astype(float))
        held = np.where(missing, 0, values)
        return (
            BooleanArray(held.astype(bool), missing)
            if kind == "flag"
            else IntegerArray(held.astype(int), missing)
        )
    return values.astype(bool if kind == "flag" else np.int64)
