"""Answers on a declared scale, by group and with weights: what every measure of satisfaction begins with."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from crmlab._arguments import floats
from crmlab._tables import require_columns, whole_number
from crmlab._weights import effective_number, respondent_weights

Scale = tuple[float, float]
NPS_SCALE: Scale = (0, 10)


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


def scores(table: pd.DataFrame, item: str, scale: Any, whole: bool = True) -> np.ndarray:
    """Return the answers to one item as floats, NaN where it was not answered.

    Raises
    ------
    ValueError
        No such column, texts among the numbers, values outside the scale (−99 and 99 among them) or, with
        `whole`, between its steps, or nobody who answered.

    Examples
    --------
    >>> scores(pd.DataFrame({"recommend": [9, 99, None]}), "recommend", (0, 10))
    Traceback (most recent call last):
    ValueError: 1 of 2 answers to 'recommend' lie outside its scale 0 to 10: 99 (1 times, first in row 1). ...
    """
    low, high = checked_scale(scale)
    require_columns(table.columns, [item])
    column = table[item]
    kind = pd.api.types
    if not kind.is_numeric_dtype(column) or kind.is_bool_dtype(column) or kind.is_complex_dtype(column):
        text = next(((row, value) for row, value in column.items() if isinstance(value, str)), None)
        found = f"{text[1]!r} in row {text[0]!r}" if text else f"{column.dtype} values"
        raise ValueError(
            f"{item!r} must hold numbers and holds {found}. Turn the answers into numbers first: "
            "pandas.to_numeric, or map({'very satisfied': 5, …})."
        )
    values = column.to_numpy(float, na_value=np.nan)
    answered = ~np.isnan(values)
    if not answered.any():
        raise ValueError(f"Nobody answered {item!r}: all {len(values)} values are missing.")
    outside = answered & ((values < low) | (values > high))
    between = answered & (values != np.floor(values)) if whole else np.zeros(len(values), bool)
    for wrong, what in ((outside, f"outside its scale {low:g} to {high:g}"), (between, "between its steps")):
        if wrong.any():
            row = int(np.argmax(wrong))
            times = int((values == values[row]).sum())
            raise ValueError(
                f"{int(wrong.sum())} of {int(answered.sum())} answers to {item!r} lie {what}: "
                f"{values[row]:g} ({times} times, first in row {table.index[row]!r}). If it stands for 'no "
                f"answer', say so: table.replace({{{item!r}: {values[row]:g}}}, float('nan')); if the "
                "scale is another, give it: scale=(1, 7)."
            )
    return values


def among_top(values: np.ndarray, scale: Any, top: int) -> np.ndarray:
    """Return whether each answer is one of the highest `top` whole steps of the scale.

    Examples
    --------
    >>> among_top(np.array([5, 4, 3]), (1, 5), 2).tolist()
    [True, True, False]
    """
    low, high = checked_scale(scale)
    whole_number(top, "top", least=1)
    if top > high - low:
        raise ValueError(f"top={top} of the answers {low:g} to {high:g}: then everybody is satisfied.")
    return values > high - top


@dataclass
class Group:
    """The answers of one group: with their weights, and how many did not answer."""

    label: Any
    values: np.ndarray
    weights: np.ndarray
    missing: int

    @property
    def n(self) -> float:
        """How many answers of equal weight these are worth."""
        return effective_number(self.weights)

    def mean(self, values: Any = None) -> float:
        """Return the weighted mean of the answers, or of others in their place."""
        return float(np.average(self.values if values is None else values, weights=self.weights))


def groups(
    table: pd.DataFrame, values: np.ndarray, by: str | None = None, weights: Any = None
) -> Iterator[Group]:
    """Yield the answers of each group, in the order of the groups; of all if there is no `by`.

    A group in which nobody answered is refused: it would have no share.
    """
    answered = ~np.isnan(values)
    heavy = np.ones(len(values))
    if weights is not None:
        heavy[answered] = respondent_weights(table, weights, answered)
    if by is None:
        labels, places = ["all"], np.zeros(len(values), int)
    else:
        require_columns(table.columns, [by])
        column = table[by]
        if column.isna().any():
            raise ValueError(
                f"{column.isna().sum()} of {len(table)} rows have no {by!r}; the first is row "
                f"{table.index[column.isna()][0]!r}. Drop them, or make them a group of their own."
            )
        # only groups that are met: a category of the column that nobody belongs to is none
        places, found = pd.factorize(column, sort=True)
        labels = list(found)
    for place, label in enumerate(labels):
        here = places == place
        chosen = here & answered
        if not chosen.any() or heavy[chosen].sum() == 0:
            raise ValueError(
                f"In group {label!r} of {by!r} nobody answered (or nobody counts): leave it out, "
                f"table[table[{by!r}] != {label!r}], and say so."
            )
        yield Group(label, values[chosen], heavy[chosen], int((here & ~answered).sum()))


def table_of(rows: Sequence[dict[str, Any]], by: str | None) -> pd.DataFrame:
    """Return one row for each group, indexed by its label."""
    table = pd.DataFrame(rows).set_index("group")
    return table.rename_axis(by)
