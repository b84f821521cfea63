"""Answers to a set of items, as numbers that have been checked: the one place that refuses a bad table."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from crmlab._tables import as_pandas, require_columns, unknown

CODES = (-99, -98, -9, -8, -1, 9, 98, 99, 998, 999, 9999)
"""What questionnaires write for an answer that is missing."""


def items_of(factors: Any, name: str = "factors") -> dict[str, list[str]]:
    """Return factors with their items, or raise ValueError if they are not given as a dict of lists.

    `name` is what the caller's argument is called.

    Examples
    --------
    >>> items_of({"trust": ["t1", "t2"]})
    {'trust': ['t1', 't2']}
    """
    if not hasattr(factors, "items") or not factors:
        raise ValueError(f"{name} is a dict of lists, {{'trust': ['t1', 't2']}}; got {factors!r}.")
    found = {}
    for factor, items in factors.items():
        if isinstance(items, str) or not all(isinstance(item, str) for item in items) or not len(items):
            raise ValueError(f"{name}: the items of {factor!r} are a list of columns; got {items!r}.")
        if len(set(items)) < len(items):
            raise ValueError(f"{name}: a name stands twice under {factor!r}: {list(items)}.")
        found[str(factor)] = list(items)
    return found


def answers(data: Any, items: Sequence[str], scale: tuple[float, float] | None = None) -> pd.DataFrame:
    """Return the answers to `items` as floats, or raise ValueError that names the item and the row.

    Missing answers stay missing. A value outside `scale`, and without a scale one that is a usual code for a
    missing answer and far away from all others, is refused: it would pass for an answer.

    Examples
    --------
    >>> answers(pd.DataFrame({"t1": [4, 99, 2], "t2": [3, 3, 1]}), ["t1", "t2"])
    Traceback (most recent call last):
    ValueError: 't1' has 99, and no other answer beyond 2 to 4, in 1 row; the first is 99 in row 1: it ...
    """
    table = as_pandas(data)
    require_columns(table.columns, items)
    values = np.column_stack([_numbers(table[item]) for item in items])
    empty = np.isnan(values).all(axis=0)
    if empty.any():
        raise ValueError(f"Nobody answered {items[int(empty.argmax())]!r}: leave it out.")
    _refuse(
        values, np.isinf(values), table.index, items, "an infinite value", "find the answer, or leave it out"
    )
    if scale is not None:
        outside = (values < scale[0]) | (values > scale[1])
        what = f"an answer outside the scale {scale[0]:g} to {scale[1]:g}"
        _refuse(values, outside, table.index, items, what, "if it stands for a missing answer, make it one")
    for item, code in {(i, int(values[row, i])) for row, i in np.argwhere(np.isin(values, CODES))}:
        _no_code(values, item, code, table.index, items)
    return pd.DataFrame(values, table.index, items)


def _no_code(values: np.ndarray, item: int, code: int, index: pd.Index, items: Sequence[str]) -> None:
    wrong = np.zeros(values.shape, bool)
    wrong[:, item] = values[:, item] == code
    others = values[~wrong[:, item] & ~np.isnan(values[:, item]), item]
    if len(others):
        low, high = others.min(), others.max()
        far = 3 * (high - low) + 1
        if not low - far <= code <= high + far:
            what = f"{code}, and no other answer beyond {low:g} to {high:g},"
            remedy = f"it looks like a code for a missing answer: .replace({code}, float('nan'))"
            _refuse(values, wrong, index, items, what, remedy)


def _numbers(column: pd.Series) -> np.ndarray:
    if column.dtype.kind in "iuf" and isinstance(column.dtype, np.dtype):
        return column.to_numpy(float)
    kind = pd.api.types
    if not kind.is_numeric_dtype(column) or kind.is_bool_dtype(column) or column.dtype.kind == "c":
        texts = [(row, value) for row, value in column.items() if isinstance(value, str)]
        row, value = texts[0] if texts else (column.index[0], column.iloc[0])
        raise ValueError(
            f"{column.name!r} must hold numbers and has {value!r} in row {row!r}: turn the answers into "
            "numbers first, in pandas: answers.map({'agree': 4, …})."
        )
    return np.asarray(column.to_numpy(float, na_value=np.nan))


def _refuse(
    values: np.ndarray, wrong: np.ndarray, index: pd.Index, items: Sequence[str], what: str, remedy: str
) -> None:
    if wrong.any():
        place = int(wrong.any(axis=0).argmax())
        rows = wrong[:, place]
        raise ValueError(
            f"{items[place]!r} has {what} in {rows.sum()} row{'s' if rows.sum() > 1 else ''}; the first is "
            f"{values[rows, place][0]:g} in row {index[rows][0]!r}: {remedy}."
        )


def complete(table: pd.DataFrame) -> np.ndarray:
    """Return the rows without a missing answer, after what a covariance matrix needs has been checked.

    Examples
    --------
    >>> len(complete(pd.DataFrame({"a": [1.0, 2, 4, None], "b": [2.0, 1, 2, 3]})))
    3
    """
    values = table.to_numpy()
    values = values[~np.isnan(values).any(axis=1)]
    count, items = values.shape
    if count <= items:
        raise ValueError(
            f"{count} respondents answered all of the {items} items, and there must be more respondents than "
            f"items{'' if count == len(table) else f' ({len(table) - count} left one out)'}."
        )
    constant = np.ptp(values, axis=0) == 0
    if constant.any():
        raise ValueError(f"Everybody gave the same answer to {table.columns[constant][0]!r}: leave it out.")
    size, direction = np.linalg.eigh(np.corrcoef(values, rowvar=False).reshape(items, items))
    if size[0] < 1e-9:
        loose = table.columns[np.abs(direction[:, 0]) > 1e-4].tolist()
        raise ValueError(
            f"The answers to {', '.join(map(repr, loose))} tell each other exactly (an item twice, or one "
            "that is the sum of others): leave one of them out."
        )
    return values


def by_group(table: pd.DataFrame, group: Any) -> dict[str, np.ndarray]:
    """Return which rows belong to each value of `group`, in sorted order.

    Examples
    --------
    >>> list(by_group(pd.DataFrame({"a": [1, 2, 3]}), pd.Series(["x", "y", "x"])))
    ['x', 'y']
    """
    values = pd.Series(np.asarray(group, object), table.index)
    if values.isna().any():
        first = values.index[values.isna()][0]
        raise ValueError(f"{values.isna().sum()} respondents have no group; the first is row {first!r}.")
    names = sorted(values.unique(), key=str)
    if len(names) < 2:
        raise ValueError(f"All respondents belong to one group, {names}: there is nothing to compare.")
    return {str(name): (values == name).to_numpy() for name in names}


def look(name: str, known: Sequence[str], what: str) -> str:
    """Return `name` if it is known, or raise ValueError that lists what is.

    Examples
    --------
    >>> look("trust", ["trust"], "factor")
    'trust'
    """
    if name not in known:
        raise ValueError(unknown(what, name, list(known)))
    return name
