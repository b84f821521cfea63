"""What an answer looks like: type and shape, columns and units, plausible range, and when two agree.

A form turns an answer into *plain* data (numbers, texts, lists), so that it can be compared outside the
process in which it came about. Nothing here trusts a plain answer: anybody may have written it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pandas as pd

from crmlab._tables import look_up, unknown

Cases = Sequence[Mapping[str, Any]]
LARGEST_TABLE = 100_000
"""Rows beyond which a table is not looked at."""

_RATIOS = [factor**sign for factor in (100, 1000, 7, 12, 30, 365, -1) for sign in (1, -1)]


class Refused(Exception):
    """An answer that does not have the form wanted; its message says why."""


@dataclass(frozen=True)
class Form:
    """The base of all forms: what a question wants, and how two answers are compared."""

    def plain(self, answer: Any, cases: Cases | None = None) -> Any:
        """Return the answer as plain data, or ``{"refused": reason}`` if it has another form.

        Parameters
        ----------
        answer : object
            Whatever the student has put there; never evaluated as text.
        cases : sequence of mappings, optional
            For a function: the arguments by name with which to call it.
        """
        if answer is None or answer is ...:
            return None
        try:
            return self._plain(answer, cases)
        except Refused as reason:
            return {"refused": str(reason)}
        except Exception as error:  # an object may refuse to be looked at
            return {"refused": f"Your answer cannot be read: {type(error).__name__}: {str(error)[:200]}."}

    def problem(self, plain: Any) -> tuple[str, str] | None:
        """Return why a plain answer cannot be right, as layer and message, or None.

        The layers are ``missing``, ``type``, ``columns`` and ``range``.
        """
        if plain is None:
            return "missing", "There is no answer yet."
        if isinstance(plain, dict) and set(plain) == {"refused"}:
            return "type", f"{str(plain['refused'])[:300]} Wanted: {self.wanted()}."
        try:
            return self._problem(plain)
        except (TypeError, ValueError, KeyError, AttributeError, IndexError, OverflowError):
            return "type", f"The answer cannot be read. Wanted: {self.wanted()}."

    def agrees(self, plain: Any, right: Any) -> bool:
        """Return whether a plain answer agrees with another, within the tolerance."""
        raise NotImplementedError

    def difference(self, plain: Any, right: Any) -> str:
        """Say where a wrong answer goes wrong, without telling the right one."""
        return ""

    def wanted(self) -> str:
        """Say in words what a right answer looks like."""
        raise NotImplementedError

    def resolved(self, values: Mapping[str, Any]) -> "Form":
        """Return the form with names of given values (``count="budget"``) replaced by the values."""
        changed: dict[str, Any] = {}
        for name in (one.name for one in fields(self)):
            held = getattr(self, name)
            if isinstance(held, str) and name in ("low", "high", "widest", "count", "rows"):
                changed[name] = look_up("given value", held, values)
            elif isinstance(held, Form):
                changed[name] = held.resolved(values)
            elif isinstance(held, Mapping):
                changed[name] = {label: form.resolved(values) for label, form in held.items()}
        return replace(self, **changed) if changed else self

    def to_dict(self) -> dict[str, Any]:
        """Return the form as plain data, from which :func:`read` makes it again."""
        return {"form": type(self).__name__} | {
            one.name: _bare(getattr(self, one.name)) for one in fields(self)
        }

    def _plain(self, answer: Any, cases: Cases | None) -> Any:
        raise NotImplementedError

    def _problem(self, plain: Any) -> tuple[str, str] | None:
        raise NotImplementedError


@dataclass(frozen=True)
class Number(Form):
    """One number.

    Parameters
    ----------
    unit : str
        In words: "cents a customer", "share".
    low, high : float or str
        The plausible range; a text names a given value.
    tolerance, relative : float
        How far a right answer may lie off: in its unit, and as a share of the right one. With neither,
        rounding in the ninth digit is forgiven.
    whole : bool
        Whether it is a count.
    """

    unit: str = ""
    low: float | str = -math.inf
    high: float | str = math.inf
    tolerance: float = 0.0
    relative: float = 1e-9
    whole: bool = False

    def _plain(self, answer: Any, cases: Cases | None) -> Any:
        if isinstance(answer, np.ndarray | np.generic) and np.ndim(answer) == 0:
            answer = answer.item()
        if isinstance(answer, bool | str) or not np.isscalar(answer) or isinstance(answer, complex):
            raise Refused(what_is(answer))
        return float(answer)

    def _problem(self, plain: Any) -> tuple[str, str] | None:
        if isinstance(plain, bool) or not isinstance(plain, int | float):
            return "type", f"This is no number. Wanted: {self.wanted()}."
        if math.isnan(plain):
            return "type", "The answer is not a number (NaN): something was missing, or zero divided by zero."
        if math.isinf(plain):
            return "type", "The answer is infinite: something was divided by zero."
        if not float(self.low) <= plain <= float(self.high):
            return "range", f"{plain:.4g} is not plausible. Wanted: {self.wanted()}."
        if self.whole and plain != math.floor(plain):
            return "range", f"{plain:.6g} is not a whole number. Wanted: {self.wanted()}."
        return None

    def agrees(self, plain: Any, right: Any) -> bool:
        return bool(self.close(np.float64(plain), np.float64(right)))

    def close(self, some: Any, right: Any) -> Any:
        """Return, number by number, whether they agree; missing agrees with missing."""
        allowed = self.tolerance + self.relative * np.abs(right)
        with np.errstate(invalid="ignore"):
            return (np.abs(some - right) <= allowed) | (some == right) | (np.isnan(some) & np.isnan(right))

    def difference(self, plain: Any, right: Any) -> str:
        if any(self.agrees(plain * ratio, right) for ratio in _RATIOS):
            return f"Its digits are right, and its unit or sign is not. Wanted: {self.wanted()}."
        return ""

    def wanted(self) -> str:
        kind = "one whole number" if self.whole else "one number"
        unit = f" ({self.unit})" if self.unit else ""
        ends = [end if isinstance(end, str) else f"{end:,.10g}" for end in (self.low, self.high)]
        between = "" if ends == ["-inf", "inf"] else f", between {ends[0]} and {ends[1]}"
        between = between.replace("between -inf and", "at most")
        between = f", at least {ends[0]}" if ends[1] == "inf" and ends[0] != "-inf" else between
        within = f", right to within {self.tolerance:,.10g}" if self.tolerance else ""
        within = within or (f", right to within {self.relative:.2%}" if self.relative > 1e-6 else "")
        return kind + unit + between + within


@dataclass(frozen=True)
class Choice(Form):
    """One of several labels, as text."""

    options: tuple[str, ...]

    def __init__(self, *options: str) -> None:
        object.__setattr__(self, "options", tuple(options))

    def _plain(self, answer: Any, cases: Cases | None) -> Any:
        if not isinstance(answer, str):
            raise Refused(what_is(answer))
        return answer.strip().lower()

    def _problem(self, plain: Any) -> tuple[str, str] | None:
        if plain in [option.lower() for option in self.options]:
            return None
        return "type", unknown("choice", str(plain)[:60], self.options)

    def agrees(self, plain: Any, right: Any) -> bool:
        return bool(plain == right)

    def wanted(self) -> str:
        return "one of " + ", ".join(f"`'{option}'`" for option in self.options)


@dataclass(frozen=True)
class Table(Form):
    """A table, or a Series where one column besides the key is wanted. Further columns do no harm.

    Parameters
    ----------
    columns : mapping from str to Number or Choice
        What each column holds. A Choice without options takes any label.
    key : str
        The column, or the index, whose labels name the rows; then their order does not matter. Without a key
        rows are compared in order.
    rows : int or str, optional
        How many rows; a text names a given value.
    """

    columns: Mapping[str, Form]
    key: str = ""
    rows: int | str | None = None

    def _plain(self, answer: Any, cases: Cases | None) -> Any:
        wanted = [*self.columns]
        if isinstance(answer, dict) and not any(np.ndim(value) for value in answer.values()):
            answer = pd.Series(answer)
        if isinstance(answer, pd.Series):
            if len(wanted) != 1:
                raise Refused(what_is(answer))
            answer = answer.to_frame(wanted[0])
        if not isinstance(answer, pd.DataFrame):
            raise Refused(what_is(answer))
        if len(answer) > LARGEST_TABLE:
            raise Refused(
                f"Your table has {len(answer):,} rows; more than {LARGEST_TABLE:,} are never wanted."
            )
        if self.key and self.key not in answer and self.key not in answer.index.names:
            answer = answer.rename_axis(self.key) if answer.index.nlevels == 1 else answer
        levels = [level for level in answer.index.names if level is not None and level not in answer]
        answer = answer.reset_index(levels) if levels else answer
        taken = [name for name in ([self.key] if self.key else []) + wanted if name in answer]
        if any(isinstance(answer[name], pd.DataFrame) for name in taken):
            raise Refused("Two columns of your table have one name.")
        held = {name: labels(answer[name], isinstance(self.columns.get(name), Number)) for name in taken}
        return {"has": [str(name)[:60] for name in answer.columns[:50]], "columns": held}

    def _problem(self, plain: Any) -> tuple[str, str] | None:
        held, has = plain["columns"], ", ".join(map(str, plain["has"]))
        for name in ([self.key] if self.key else []) + [*self.columns]:
            if name not in held:
                return (
                    "columns",
                    f"There is no column {name!r}; your table has {has}. Wanted: {self.wanted()}.",
                )
        lengths = {len(held[name]) for name in held if isinstance(held[name], list)}
        if len(lengths) != 1:
            return "type", f"The columns differ in length. Wanted: {self.wanted()}."
        if self.rows is not None and lengths != {self.rows}:
            return "type", f"Your table has {lengths.pop():,} rows. Wanted: {self.wanted()}."
        if self.key and len(set(map(str, held[self.key]))) < len(held[self.key]):
            return "columns", f"A label of {self.key!r} is there twice; each names one row."
        worst: tuple[str, str] | None = None
        for name, form in self.columns.items():
            for row, value in enumerate(held[name]):
                missing = isinstance(form, Number) and isinstance(value, float) and math.isnan(value)
                found = None if missing else form.problem(value)
                if found and not (isinstance(form, Choice) and not form.options and isinstance(value, str)):
                    where = f"row {held[self.key][row]!r}" if self.key else f"row {row}"
                    told = (
                        found[0] if found[0] == "range" else "columns",
                        f"Column {name!r}, {where}: {found[1]}",
                    )
                    worst = told if worst is None or told[0] == "columns" else worst
                    break
        return worst

    def agrees(self, plain: Any, right: Any) -> bool:
        return self._wrong(plain, right) == {}

    def difference(self, plain: Any, right: Any) -> str:
        for name, told in self._wrong(plain, right).items():
            return f"Column {name!r}: {told}" if name else told
        return ""

    def wanted(self) -> str:
        inside = [
            f"`{name}` ({form.wanted()})" if form.wanted() else f"`{name}`"
            for name, form in self.columns.items()
        ]
        key = f", one row for each `{self.key}`" if self.key else ""
        rows = f", {self.rows:,} rows" if isinstance(self.rows, int) else ""
        kind = "a Series or a table with" if len(inside) == 1 else "a table with"
        return f"{kind} {', '.join(inside)}{key}{rows}".replace("one of )", "a label)")

    def _wrong(self, plain: Any, right: Any) -> dict[str, str]:
        """Return, by column ('' for the rows), what is wrong."""
        mine, rights = (_sorted(one["columns"], self.key) for one in (plain, right))
        if self.key and mine[self.key] != rights[self.key]:
            missing = len(set(rights[self.key]) - set(mine[self.key]))
            more = len(set(mine[self.key]) - set(rights[self.key]))
            return {"": f"Rows by {self.key!r}: {missing} missing, {more} that do not belong."}
        wrong = {}
        for name, form in self.columns.items():
            if len(mine[name]) != len(rights[name]):
                return {"": f"The table has {len(mine[name])} rows, which is not the right number."}
            if isinstance(form, Number):
                numbers, others = np.array(mine[name], float), np.array(rights[name], float)
                off = ~form.close(numbers, others)
                if off.any():
                    ratio = any(form.close(numbers * one, others).all() for one in _RATIOS)
                    first = f"; the first is {mine[self.key][off.argmax()]!r}" if self.key else ""
                    wrong[name] = (
                        "its unit or sign is not the one wanted."
                        if ratio
                        else f"{off.sum()} of {off.size} are off{first}."
                    )
            elif mine[name] != rights[name]:
                wrong[name] = (
                    f"{sum(a != b for a, b in zip(mine[name], rights[name], strict=True))} labels are off."
                )
        return wrong


def _bare(value: Any) -> Any:
    if isinstance(value, Form):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {name: _bare(one) for name, one in value.items()}
    return list(value) if isinstance(value, tuple) else value


def labels(column: pd.Series, number: bool) -> list[Any]:
    """Return a column as floats or as labels: texts, with whole numbers and days in one spelling."""
    kind = pd.api.types
    if number:
        if kind.is_numeric_dtype(column) and not kind.is_bool_dtype(column):
            return column.to_numpy(float, na_value=np.nan).tolist()
        return [str(value)[:60] for value in column]
    if kind.is_datetime64_any_dtype(column):
        return column.dt.strftime("%Y-%m-%d").astype(str).tolist()
    if kind.is_float_dtype(column) and (column == column.round()).all():
        column = column.astype(int)
    return [str(value)[:100] for value in column.astype(object)]


def _sorted(columns: Mapping[str, list[Any]], key: str) -> dict[str, list[Any]]:
    if not key:
        return dict(columns)
    order = sorted(range(len(columns[key])), key=lambda row: columns[key][row])
    return {name: [held[row] for row in order] for name, held in columns.items()}


def what_is(answer: Any) -> str:
    """Say what an answer is, by its type and size only."""
    kind = type(answer).__name__
    size = f" of {len(answer)}" if isinstance(answer, list | tuple | set | dict) else ""
    size = f" of shape {answer.shape}" if isinstance(answer, np.ndarray) else size
    size = f" with {len(answer):,} rows" if isinstance(answer, pd.DataFrame | pd.Series) else size
    return f"Your answer is a {kind}{size}."
