"""Answers to a set of items, as numbers that have been checked: the one place that refuses a bad table."""

from collections.abc import Sequence
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from crmlab._arguments import floats
from crmlab._tables import as_pandas, require_columns, unknown

Scale = tuple[float, float]
CODES = (-99, -98, -9, -8, -1, 9, 98, 99, 998, 999, 9999)
"""What questionnaires write for an answer that is missing."""
LARGEST = 1e50  # products of four answers are still numbers


def items_of(factors: Any, name: str = "factors") -> dict[str, list[str]]:
    """Return factors with their items, or raise ValueError if they are not given as a dict of lists.

    `name` is what the caller's argument is called.

    Examples
    --------
    >>> items_of({"trust": ["t1", "t2"]})
    {'trust': ['t1', 't2']}
    """
    if not hasattr(factors, "items") or not factors:
        raise ValueError(f"{name} is a dict of lists of items, {{'trust': ['t1', 't2']}}; got {factors!r}.")
    found = {}
    for factor, items in factors.items():
        own = [] if isinstance(items, str) or not np.iterable(items) else list(items)
        if not own or not all(isinstance(item, str) for item in own):
            raise ValueError(f"{name}: the items of {factor!r} are a list of columns; got {items!r}.")
        if len(set(own)) < len(own):
            raise ValueError(f"{name}: a name stands twice under {factor!r}: {own}.")
        found[str(factor)] = own
    return found


def checked_scale(scale: Any) -> Scale:
    """Return the ends of a scale as two floats, or raise ValueError.

    Examples
    --------
    >>> checked_scale((1, 10))
    (1.0, 10.0)
    """
    try:
        low, high = floats(scale, "scale").ravel().tolist()
    except ValueError:
        low, high = 0.0, 0.0
    if not -np.inf < low < high < np.inf:
        raise ValueError(f"scale is the lowest and the highest answer, such as (1, 10); got {scale!r}.")
    return low, high


def answers(
    data: Any, items: Sequence[str] | None = None, scale: Any = None, whole: bool = False, missing: Any = None
) -> pd.DataFrame:
    """Return the answers to `items` (to all columns) as floats, or raise ValueError that names item and row.

    Missing answers stay missing, and those that are one of the codes in `missing` become so. Outside `scale`
    (one for all, or a row for each item) and, with `whole`, between its steps there is no answer. Without a
    scale a usual code for a missing answer that lies far from all others is refused: it would pass for one.

    Examples
    --------
    >>> answers(pd.DataFrame({"t1": [4, 99, 2], "t2": [3, 3, 1]}), ["t1", "t2"])
    Traceback (most recent call last):
    ValueError: 1 of 3 answers to 't1' look like a code for a missing one, as all others are 2 to 4: 99 ...
    """
    table = pd.DataFrame(data) if isinstance(data, dict) else as_pandas(data)
    items = list(table.columns if items is None else items)
    if not items:
        raise ValueError("No item is named: say which columns hold the answers.")
    require_columns(table.columns, items)
    if len(set(items)) < len(items):
        raise ValueError(f"An item stands there twice: {items}.")
    if table.empty:
        raise ValueError("There is not a single respondent: the table of answers has no rows.")
    values = np.column_stack([_numbers(table[item]) for item in items]).astype(float)
    remedy = "If it stands for 'no answer', say so: table.replace({{{item!r}: {value:g}}}, float('nan'))"
    if missing is not None:
        values[np.isin(values, missing)] = np.nan
        remedy = "If it stands for 'no answer', say so: missing=[{value:g}]"
    found = pd.DataFrame(values, table.index, items)
    if (empty := np.isnan(values).all(axis=0)).any():
        item = items[int(empty.argmax())]
        raise ValueError(f"Nobody answered {item!r}, all {len(table)} are missing: leave it out.")
    if scale is None:
        what = f"are infinite, or beyond ±{LARGEST:g}"
        _refuse(found, np.abs(values) > LARGEST, what, "Find the answer, or make it a missing one")
        if np.isin([np.fmin.reduce(values), np.fmax.reduce(values)], CODES).any():  # at an end, if anywhere
            coded = np.isin(values, CODES)
            others = np.where(coded, np.nan, values)
            low, high = np.fmin.reduce(others), np.fmax.reduce(others)
            far = 3 * (high - low) + 2
            what = "look like a code for a missing one, as all others are {low:g} to {high:g}"
            _refuse(found, coded & ((values < low - far) | (values > high + far)), what, remedy, low, high)
        return found
    ends = np.transpose(scale) if np.ndim(scale) == 2 else checked_scale(scale)
    low, high = (np.broadcast_to(end, len(items)) for end in ends)
    what = "lie outside its scale {low:g} to {high:g}"
    _refuse(found, (values < low) | (values > high), what, remedy, low, high)
    if whole:
        _refuse(found, ~np.isnan(values) & (values != np.floor(values)), "lie between its steps", remedy)
    return found


def _numbers(column: pd.Series) -> np.ndarray:
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iuf":
        return column.to_numpy()
    if column.dtype.kind not in "iuf":
        given = column.astype(object)
        numbers = pd.to_numeric(given, errors="coerce")
        wrong = given.notna() & (numbers.isna() | given.map(lambda one: not isinstance(one, Real | Decimal)))
        wrong |= given.map(lambda one: isinstance(one, bool | np.bool_))
        if wrong.any():
            row, value = next(iter(given[wrong].items()))
            raise ValueError(
                f"{column.name!r} must hold numbers and holds {value!r} in row {row!r} "
                f"({wrong.sum()} of {len(column)} are none). Turn them into numbers first, by to_numeric or "
                "map({'agree': 4, …}) of pandas, or leave out a column that is no item."
            )
        column = numbers
    return np.asarray(column.to_numpy(float, na_value=np.nan))


def _refuse(
    found: pd.DataFrame, wrong: np.ndarray, what: str, remedy: str, low: Any = None, high: Any = None
) -> None:
    if not wrong.any():
        return
    place = int(wrong.any(axis=0).argmax())
    row, own = int(wrong[:, place].argmax()), found.iloc[:, place]
    item, value, times = own.name, own.iloc[row], int((own == own.iloc[row]).sum())
    ends = {} if low is None else {"low": low[place], "high": high[place]}
    raise ValueError(
        f"{wrong[:, place].sum()} of {own.count()} answers to {item!r} {what.format(**ends)}: {value:g} "
        f"({'once' if times == 1 else f'{times} times, first'} in row {found.index[row]!r}). "
        f"{remedy.format(item=item, value=value)}."
    )


def scores(table: Any, item: str, scale: Any, whole: bool = True) -> np.ndarray:
    """Return the answers to one item on its scale, NaN where it was not answered, see :func:`answers`.

    Examples
    --------
    >>> scores(pd.DataFrame({"recommend": [9, None]}), "recommend", (0, 10)).tolist()
    [9.0, nan]
    """
    return answers(table, [item], checked_scale(scale), whole)[item].to_numpy()


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
    if count <= max(items, 2):
        raise ValueError(
            f"{count} of {len(table)} respondents answered all {items} items; there must be more of them "
            "than items, and at least three."
        )
    constant = np.ptp(values, axis=0) < 1 / LARGEST
    if constant.any():
        name = table.columns[constant][0]
        raise ValueError(f"All answers to {name!r} are the same: it measures nothing. Leave it out.")
    centred = values - values.mean(axis=0)
    centred /= np.sqrt((centred**2).sum(axis=0))
    told_apart(centred.T @ centred, table.columns)
    return values


def complete_rows(data: Any) -> pd.DataFrame:
    """Return a table of answers that have been checked, those respondents who gave them all.

    Examples
    --------
    >>> len(complete_rows({"a": [1, 2, 4, None], "b": [2, 1, 2, 3]}))
    3
    """
    table = answers(data)
    return pd.DataFrame(complete(table), table.index[table.notna().all(axis=1)], table.columns)


def told_apart(correlation: np.ndarray, items: pd.Index) -> None:
    """Raise ValueError if an item is there twice or follows from others, by the correlations of all.

    Examples
    --------
    >>> told_apart(np.ones((2, 2)), pd.Index(["t1", "t2"]))
    Traceback (most recent call last):
    ValueError: The answers to 't1', 't2' tell each other exactly (an item twice, or one that is the...
    """
    size, direction = np.linalg.eigh(correlation)
    if size[0] < 1e-9:
        loose = items[np.abs(direction[:, 0]) > 1e-4]
        raise ValueError(
            f"The answers to {', '.join(map(repr, loose))} tell each other exactly (an item twice, or one "
            "that is the sum of others): leave one of them out."
        )


def by_group(table: pd.DataFrame, group: Any) -> dict[str, np.ndarray]:
    """Return which rows belong to each value of `group`, in sorted order or that of its categories.

    Examples
    --------
    >>> list(by_group(pd.DataFrame({"a": [1, 2, 3]}), pd.Series(["x", "y", "x"])))
    ['x', 'y']
    """
    values = pd.Series(np.asarray(group, object), table.index)
    if values.isna().any():
        first = values.index[values.isna()][0]
        raise ValueError(f"{values.isna().sum()} respondents have no group; the first is row {first!r}.")
    kind = getattr(group, "dtype", None)
    ordered = kind.categories if isinstance(kind, pd.CategoricalDtype) and kind.ordered else None
    names = list(pd.factorize(values, sort=True)[1] if ordered is None else ordered)
    names = [name for name in names if (values == name).any()]
    if len(set(map(str, names))) < len(names):
        raise ValueError(f"Two groups look alike, {names}: turn all of them into numbers, or into texts.")
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
