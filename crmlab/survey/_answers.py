"""Answers to a set of items, as numbers that have been checked: the one place that refuses a bad table."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from crmlab._tables import as_pandas, require_columns, unknown

CODES = (-99, -98, -9, -8, -1, 9, 98, 99, 998, 999, 9999)
"""What questionnaires write for an answer that is missing."""


def items_of(factors: Any) -> dict[str, list[str]]:
    """Return factors with their items, or raise ValueError if they are not given as a dict of lists.

    Examples
    --------
    >>> items_of({"trust": ["t1", "t2"]})
    {'trust': ['t1', 't2']}
    """
    if not hasattr(factors, "items") or not factors:
        raise ValueError(
            f"factors is a dict of each factor's items, {{'trust': ['t1', 't2']}}; got {factors!r}."
        )
    found = {}
    for factor, items in factors.items():
        if isinstance(items, str) or not all(isinstance(item, str) for item in items) or not len(items):
            raise ValueError(f"The items of {factor!r} are a list of columns; got {items!r}.")
        if len(set(items)) < len(items):
            raise ValueError(f"An item stands twice under {factor!r}: {list(items)}.")
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
    ValueError: 't1' has 99 in 1 row, the first is row 1, and no other answer beyond 2 to 4: ...
    """
    table = as_pandas(data)
    require_columns(table.columns, items)
    found = {}
    for item in items:
        column = table[item]
        if not pd.api.types.is_numeric_dtype(column) or column.dtype.kind == "c":
            texts = [(row, value) for row, value in column.items() if isinstance(value, str)]
            row, value = texts[0] if texts else (column.index[0], column.iloc[0])
            raise ValueError(
                f"{item!r} must hold numbers and has {value!r} in row {row!r}: turn the answers into numbers "
                "first, in pandas: answers.map({'agree': 4, …})."
            )
        values = column.to_numpy(float, na_value=np.nan)
        met = values[~np.isnan(values)]
        if not len(met):
            raise ValueError(f"Nobody answered {item!r}: leave it out.")
        if np.isinf(met).any():
            raise ValueError(f"{item!r} has an infinite value in row {column.index[np.isinf(values)][0]!r}.")
        if scale is not None:
            wrong = (values < scale[0]) | (values > scale[1])
            if wrong.any():
                raise ValueError(
                    f"{item!r} has {wrong.sum()} answers outside the scale {scale[0]:g} to {scale[1]:g}; the "
                    f"first is {values[wrong][0]:g} in row {column.index[wrong][0]!r}. If it stands for a "
                    "missing answer, make it one: answers.replace(…, float('nan'))."
                )
        _no_code(item, values, met, column.index)
        found[item] = values
    return pd.DataFrame(found, table.index)


def _no_code(item: str, values: np.ndarray, met: np.ndarray, index: pd.Index) -> None:
    for code in CODES:
        others = met[met != code]
        if len(others) in (0, len(met)):
            continue
        low, high = others.min(), others.max()
        if code < low - 3 * (high - low) - 1 or code > high + 3 * (high - low) + 1:
            rows = values == code
            raise ValueError(
                f"{item!r} has {code} in {rows.sum()} row{'s' if rows.sum() > 1 else ''}, the first is row "
                f"{index[rows][0]!r}, and no other answer beyond {low:g} to {high:g}: it looks like a code "
                f"for a missing answer. Make it one, answers.replace({code}, float('nan')), or leave it out."
            )


def complete(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows without a missing answer, after what a covariance matrix needs has been checked.

    Examples
    --------
    >>> len(complete(pd.DataFrame({"a": [1.0, 2, 4, None], "b": [2.0, 1, 2, 3]})))
    3
    """
    rows = table.dropna()
    count, items = rows.shape
    if count <= items:
        raise ValueError(
            f"{count} respondents answered all of the {items} items, and there must be more respondents than "
            f"items{'' if count == len(table) else f' ({len(table) - count} left one out)'}."
        )
    spread = rows.max() - rows.min()
    if (spread == 0).any():
        raise ValueError(f"Everybody gave the same answer to {spread.idxmin()!r}: leave it out.")
    correlation = np.corrcoef(rows.to_numpy(), rowvar=False).reshape(items, items)
    size, direction = np.linalg.eigh(correlation)
    if size[0] < 1e-9:
        loose = rows.columns[np.abs(direction[:, 0]) > 1e-4].tolist()
        raise ValueError(
            f"The answers to {', '.join(map(repr, loose))} tell each other exactly (an item twice, or one "
            "that is the sum of others): leave one of them out."
        )
    return rows


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
