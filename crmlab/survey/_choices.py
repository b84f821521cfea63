"""Choice sets, a row for each alternative: checked, in the order of the sets, texts as columns of 0 and 1."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from crmlab._tables import refuse, require_columns, unknown

NONE = "none"  # the name of the alternative "none of these", and of its constant
LARGEST = 1e100  # squares of it are still numbers


class Sets(NamedTuple):
    """Alternatives in the order of their choice sets."""

    rows: np.ndarray  # the row of the table that each stands in; −1 for none of these
    starts: np.ndarray  # where each set begins
    sizes: np.ndarray

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Return what belongs to a set for each of its alternatives."""
        return np.repeat(values, self.sizes, axis=0)

    def top(self, values: np.ndarray) -> np.ndarray:
        """Return the largest of each set for each of its alternatives."""
        return self.spread(np.maximum.reduceat(values, self.starts))


def column_list(columns: Any, name: str) -> list[str]:
    """Return one or several names of columns as a list, or raise ValueError.

    Examples
    --------
    >>> column_list("task", "choice_set")
    ['task']
    """
    found = [columns] if isinstance(columns, str) else list(columns) if np.iterable(columns) else []
    if not found or not all(isinstance(one, Hashable) for one in found) or len(set(found)) < len(found):
        raise ValueError(f"{name} names one or more columns, each once; got {columns!r}.")
    return found


def levels_of(table: pd.DataFrame, attribute: str) -> list[Any] | None:
    """Return the levels of an attribute of texts, in the order of its categories or the alphabet; else None.

    Examples
    --------
    >>> levels_of(pd.DataFrame({"brand": ["b", "a"]}), "brand")
    ['a', 'b']
    """
    values, kind = table[attribute].infer_objects(), pd.api.types
    refuse(table, values.isna().to_numpy(), f"no {attribute!r} (leave out the choice sets they stand in)")
    if isinstance(values.dtype, pd.CategoricalDtype):
        return [level for level in values.cat.categories if (values == level).any()]
    if kind.is_numeric_dtype(values) and values.dtype.kind != "c":
        far = ~(np.abs(values.to_numpy(float)) <= LARGEST)
        refuse(table, far, f"an infinite {attribute!r}, or one beyond ±{LARGEST:g}")
        return None
    texts = values.map(lambda value: isinstance(value, str)).to_numpy(bool)
    refuse(table, ~texts, f"a {attribute!r} that is neither number nor text as in the others (astype first)")
    refuse(table, (values.str.strip() == "").to_numpy(bool), f"a blank {attribute!r}")
    return sorted(values.unique())


class Coding:
    """How attributes become numbers: a number is itself, a text is 0 or 1 for each level but the first."""

    def __init__(self, table: pd.DataFrame, attributes: Sequence[str], first: Mapping[str, Any]) -> None:
        require_columns(table.columns, attributes)
        self.levels = {attribute: levels_of(table, attribute) for attribute in attributes}
        for attribute, level in first.items():
            known = self.levels[attribute] or sorted(table[attribute].unique().tolist())
            if level not in known:
                raise ValueError(unknown("alternative", level, known))
            self.levels[attribute] = [level, *(one for one in known if one != level)]
        for attribute, levels in self.levels.items():
            if levels is not None and len(levels) == 1:
                raise ValueError(f"{attribute!r} never varies, it is always {levels[0]!r}: leave it out.")
        self.names = [
            name
            for attribute, levels in self.levels.items()
            for name in ([attribute] if levels is None else [f"{attribute}: {one}" for one in levels[1:]])
        ]

    def numbers(self, table: pd.DataFrame) -> np.ndarray:
        """Return a column of numbers for each of `names`, or raise ValueError at a level not seen before."""
        require_columns(table.columns, self.levels)
        columns = []
        for attribute, levels in self.levels.items():
            if levels is None and levels_of(table, attribute) is None:
                columns.append(table[attribute].to_numpy(float))
                continue
            known = levels or ["numbers only"]
            new = ~table[attribute].isin(known).to_numpy()
            refuse(table, new, f"a {attribute!r} that the model has not met (it knows {known})")
            columns += [(table[attribute] == level).to_numpy(float) for level in known[1:]]
        return np.column_stack(columns)


def choice_sets(
    table: pd.DataFrame, choice_set: Any, alternative: str | None = None, none: bool = False
) -> Sets:
    """Return the rows in the order of their choice sets, with *none of these* last in each if `none`.

    Examples
    --------
    >>> choice_sets(pd.DataFrame({"task": [2, 1, 2]}), "task").sizes.tolist()
    [2, 1]
    """
    columns = column_list(choice_set, "choice_set")
    wanted = columns if alternative is None else [*columns, alternative]
    require_columns(table.columns, wanted)
    if table.empty:
        raise ValueError("There is not a single choice: the table has no rows.")
    for column in wanted:
        refuse(table, table[column].isna().to_numpy(), f"no {column!r}")
    if alternative is not None:
        again = table.duplicated(wanted).to_numpy()
        refuse(table, again, f"a {alternative!r} that stands in its choice set already")
    code = table.groupby([table[column] for column in columns], sort=False, observed=True).ngroup().to_numpy()
    rows = np.arange(len(table))
    if none:
        code = np.concatenate([code, np.arange(code.max() + 1)])
        rows = np.concatenate([rows, np.full(code[-1] + 1, -1)])
    if (code[1:] < code[:-1]).any():
        order = np.argsort(code, kind="stable")
        code, rows = code[order], rows[order]
    starts = np.flatnonzero(np.append(True, code[1:] != code[:-1]))
    return Sets(rows, starts, np.diff(np.append(starts, len(code))))


def by_set(values: np.ndarray, sets: Sets, name: str) -> np.ndarray:
    """Return the one value that all rows of a set have, or raise ValueError."""
    first = values[sets.rows[sets.starts]]
    if (values[sets.rows] != sets.spread(first))[sets.rows >= 0].any():
        raise ValueError(f"{name} must be the same in all rows of a choice set: a set is one choice.")
    return first


def chosen_places(table: pd.DataFrame, sets: Sets, chosen: str, columns: list[str], none: bool) -> np.ndarray:
    """Return where in each set the chosen alternative stands, or raise ValueError that names a wrong set."""
    require_columns(table.columns, [chosen])
    refuse(table, ~table[chosen].isin([0, 1]).to_numpy(), f"a {chosen!r} that is not True or False, 1 or 0")
    took = np.where(sets.rows < 0, False, table[chosen].to_numpy(bool)[sets.rows])
    count = np.add.reduceat(took, sets.starts, dtype=int)
    wrong = (count > 1) | (count == 0) & (not none) | (sets.sizes < 2)
    if wrong.any():
        place = int(np.argmax(wrong))
        row = table.iloc[sets.rows[sets.starts[place]]]
        where = ", ".join(f"{column} {row[column]}" for column in columns)
        raise ValueError(
            f"In a choice set one of several alternatives is chosen. {wrong.sum()} of {len(count)} sets "
            f"are not so; the first, {where}, has {count[place]} of {sets.sizes[place] - none} chosen. If "
            "none of these could be answered, say none=True. If the number of a set begins anew with each "
            "respondent, name both columns: choice_set=['customer_id', 'task']. Leave other wrong sets out."
        )
    # the last of a set is none of these, and chosen where nothing else was
    took[sets.starts + sets.sizes - 1] |= count == 0
    return np.flatnonzero(took)
