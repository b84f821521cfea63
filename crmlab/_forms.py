"""What an answer looks like: type and shape, columns and units, plausible range, and when two agree.

A form turns an answer into *plain* data (numbers, texts, lists), so that it can be compared outside the
process in which it came about. Nothing here trusts a plain answer: anybody may have written it.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from decimal import Decimal
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from crmlab._form_fields import KINDS, sound
from crmlab._tables import look_up, unknown

Cases = Sequence[Mapping[str, Any]]
Problem = tuple[str, str] | None
LARGEST_TABLE = 100_000
"""Rows beyond which a table is not looked at."""

# True is 1 to Python, and a time in numpy a whole number
_REAL: Any = (Real, Decimal)
_NOT_REAL: Any = (bool, np.timedelta64)
_RATIOS = [factor**sign for factor in (100, 1000, 7, 12, 30, 365, -1) for sign in (1, -1)]
_IN_WORDS = pd.read_csv(Path(__file__).with_name("_errors.csv"), keep_default_na=False).to_numpy().tolist()
"""What errors mean: the name of the error, a part of its text, the words."""


class Refused(Exception):
    """An answer that does not have the form wanted; its message says why."""


@dataclass(frozen=True)
class Form:
    """The base of all forms: what a question wants, and how two answers are compared."""

    def __post_init__(self) -> None:
        sound(self._held())

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
            return {"refused": f"This {type(answer).__name__[:60]} cannot be read: {told(error)}."}

    def problem(self, plain: Any) -> Problem:
        """Return why a plain answer cannot be right, as layer and message, or None.

        The layers are ``missing``, ``type``, ``columns`` and ``range``. An answer without a problem, or with
        none but its range, can be given to :meth:`agrees`.
        """
        if plain is None:
            return "missing", "There is no answer yet."
        try:
            if isinstance(plain, dict) and "refused" in plain:
                return "type", f"{clean(plain['refused'])} Wanted: {self.wanted()}."
            return self._problem(plain)
        except Exception:  # not written by a form: forged, so that there is nothing to explain
            return "type", f"The answer cannot be read. Wanted: {self.wanted()}."

    def agrees(self, plain: Any, right: Any) -> bool:
        """Return whether a plain answer agrees with another, within the tolerance."""
        raise NotImplementedError

    def difference(self, plain: Any, right: Any) -> str:
        """Say where a wrong answer goes wrong, without telling the right one."""
        return ""

    def part(self, plain: Any, right: Any) -> tuple[float, str]:
        """Return which share of an answer is right, and in words which part, without telling the rest."""
        return float(self.agrees(plain, right)), ""

    def wanted(self) -> str:
        """Say in words what a right answer looks like."""
        raise NotImplementedError

    def resolved(self, values: Mapping[str, Any]) -> "Form":
        """Return the form with names of given values (``count="budget"``) replaced by the values."""
        changed: dict[str, Any] = {}
        for name, held in self._held().items():
            if isinstance(held, str) and name in ("low", "high", "widest", "count", "rows"):
                changed[name] = look_up("given value", held, values)
            elif isinstance(held, Form):
                changed[name] = held.resolved(values)
            elif isinstance(held, Mapping):
                changed[name] = {label: form.resolved(values) for label, form in held.items()}
        return replace(self, **changed) if changed else self

    def to_dict(self) -> dict[str, Any]:
        """Return the form as plain data, from which :func:`read` makes it again."""
        return {"form": type(self).__name__} | {name: _bare(held) for name, held in self._held().items()}

    def _held(self) -> dict[str, Any]:
        return {one.name: getattr(self, one.name) for one in fields(self)}

    def _plain(self, answer: Any, cases: Cases | None) -> Any:
        raise NotImplementedError

    def _problem(self, plain: Any) -> Problem:
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

    def _plain(self, answer: Any, cases: Cases | None) -> float:
        if isinstance(answer, np.ndarray) and answer.ndim == 0:
            answer = answer[()]
        if answer is pd.NA or answer is pd.NaT:
            return math.nan
        if not isinstance(answer, _REAL) or isinstance(answer, _NOT_REAL):
            raise Refused(what_is(answer))
        return float(answer)

    def _problem(self, plain: Any) -> Problem:
        if isinstance(plain, bool) or not isinstance(plain, int | float):
            return "type", f"This is no number. Wanted: {self.wanted()}."
        if math.isnan(plain):
            return "type", "The answer is not a number (NaN): something was missing, or zero divided by zero."
        if math.isinf(plain):
            return "type", "The answer is infinite: something was divided by zero."
        if self.whole and not math.isclose(plain, round(plain)):
            return "type", f"{plain:.6g} is not a whole number. Wanted: {self.wanted()}."
        if not float(self.low) <= float(plain) <= float(self.high):
            return "range", f"{plain:.4g} is not plausible. Wanted: {self.wanted()}."
        return None

    def agrees(self, plain: Any, right: Any) -> bool:
        return bool(self.close(plain, right))

    def close(self, some: Any, right: Any) -> Any:
        """Return, number by number, whether they agree; missing agrees with missing."""
        some, right, least = np.asarray(some, float), np.asarray(right, float), max(self.tolerance, 1e-12)
        return np.isclose(some, right, rtol=self.relative, atol=least, equal_nan=True)

    def other_unit(self, some: Any, right: Any) -> bool:
        """Return whether they agree in another unit, or with the other sign."""
        some, exact = np.asarray(some, float), replace(self, tolerance=0.0, relative=0.005)
        return any((exact.close(some * one, right) & self.close(some * one, right)).all() for one in _RATIOS)

    def rounded(self, some: Any, right: Any) -> bool:
        """Return whether numbers that do not agree are so close that rounding may be the reason."""
        some, right = np.asarray(some, float), np.asarray(right, float)
        near = replace(self, tolerance=5 * self.tolerance, relative=max(0.005, self.relative))
        close = near.close(some, right)
        for digits in range(1, 4):  # two and more digits that count, all of them right
            close |= (np.abs(some) * 10**digits >= 10) & np.isclose(some, np.round(right, digits), 0, 1e-9)
        return not self.whole and bool(close.all())

    def difference(self, plain: Any, right: Any) -> str:
        if self.other_unit(plain, right):
            return f"Its digits are right, and its unit or sign is not. Wanted: {self.wanted()}."
        if self.rounded(plain, right):
            return f"Close: is it rounded, or was something rounded on the way? Wanted: {self.wanted()}."
        return ""

    def wanted(self) -> str:
        low, high = (end if isinstance(end, str) else f"{end:,.10g}" for end in (self.low, self.high))
        between = f", at least {low}" if high == "inf" else f", between {low} and {high}"
        if low == "-inf":
            between = "" if high == "inf" else f", at most {high}"
        within, digits = f"{self.relative * 100:.3g} %" if self.relative > 1e-6 else "", ""
        if self.tolerance:
            within += f"{' and ' * bool(within)}{self.tolerance:,.10g}"
            decimals = math.ceil(-math.log10(2.0000001 * self.tolerance))
            digits = f" ({decimals} decimals are enough)" if decimals > 1 else ""
        elif within and (count := math.ceil(math.log10(5 / self.relative))) > 1:
            digits = f" ({count} digits are enough)"
        unit, within = self.unit and f" ({self.unit})", within and f", right to within {within}{digits}"
        return ("one whole number" if self.whole else "one number") + unit + between + within


@dataclass(frozen=True)
class Choice(Form):
    """One of several labels, as text. Capital letters do not count."""

    options: tuple[str, ...]

    def __init__(self, *options: str) -> None:
        object.__setattr__(self, "options", options)
        sound(self._held())

    def _plain(self, answer: Any, cases: Cases | None) -> str | None:
        if not pd.api.types.is_scalar(answer) or isinstance(answer, bytes):
            raise Refused(what_is(answer))
        return None if pd.isna(answer) else label(answer)

    def _problem(self, plain: Any) -> Problem:
        if not isinstance(plain, str):
            return "type", f"This is no text. Wanted: {self.wanted()}."
        if self.options and plain.casefold() not in map(str.casefold, self.options):
            return "type", unknown("choice", plain[:60], self.options)
        return None

    def agrees(self, plain: Any, right: Any) -> bool:
        return bool(self.close([plain], [right])[0])

    def close(self, some: Any, right: Any) -> Any:
        """Return, label by label, whether they agree."""
        return np.array([a.casefold() == b.casefold() for a, b in zip(some, right, strict=True)], bool)

    def wanted(self) -> str:
        return "one of " + ", ".join(f"`'{one}'`" for one in self.options) if self.options else "a label"


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

    columns: Mapping[str, Number | Choice]
    key: str = ""
    rows: int | str | None = None

    def _plain(self, answer: Any, cases: Cases | None) -> Any:
        table, held = self._table(answer), {}
        for name, form in self._forms().items():
            if list(table.columns).count(name) > 1:
                raise Refused(f"Two columns of this table are called {name!r}.")
            if name in table:
                held[name] = _cells(table[name], form)
        if held and all(cell is None for name in self.columns for cell in held.get(name, [0])):
            return None  # a starter in which nothing was filled in
        return {"has": [str(name)[:60] for name in table.columns[:50]], "columns": held}

    def _problem(self, plain: Any) -> Problem:
        held, wanted = plain["columns"], f"Wanted: {self.wanted()}."
        absent = [name for name in self._forms() if name not in held]
        if absent:
            has = clean(", ".join(map(str, plain["has"])) or "none")
            return "columns", f"There is no column {absent[0]!r}; this table has {has}. {wanted}"
        lengths = {len(held[name]) if isinstance(held[name], list) else -1 for name in self._forms()}
        size = min(lengths)
        if len(lengths) > 1 or not 0 <= size <= LARGEST_TABLE:
            return "type", f"The columns cannot be read. {wanted}"
        if self.rows is not None and size != self.rows:
            return "type", f"This table has {size:,} rows. {wanted}"
        rows: list[Any] = held[self.key] if self.key else list(map(str, range(size)))
        if not all(isinstance(row, str) for row in rows):
            return "columns", f"A label of {self.key!r} is missing."
        if len({row.casefold() for row in rows}) < size:
            return "columns", f"A label of {self.key!r} is there twice; each names one row. {wanted}"
        return worst(
            ("range" if found[0] == "range" else "columns", f"Column {name!r}, row {row!r}: {found[1]}")
            for name, form in self.columns.items()
            for row, cell in zip(rows, held[name], strict=True)
            if not (isinstance(form, Number) and cell != cell) and (found := form.problem(cell))
        )

    def agrees(self, plain: Any, right: Any) -> bool:
        return bool(self._same(plain, right).to_numpy().all())

    def part(self, plain: Any, right: Any) -> tuple[float, str]:
        same = self._same(plain, right)
        # one value for everybody meets the most frequent one, and nobody has worked it out
        same &= same.all() | (self._frame(plain).nunique(dropna=False) > 1)
        share, columns = float(same.to_numpy().mean()), [name for name in same if same[name].all()]
        if columns:
            return share, f"Right: {', '.join(map(repr, columns))}."
        return share, f"Right: {same.to_numpy().sum():,} of {same.size:,} cells." if share else ""

    def difference(self, plain: Any, right: Any) -> str:
        mine, other, same = self._frame(plain), self._frame(right), self._same(plain, right)
        missing, more = other.index.difference(mine.index), mine.index.difference(other.index, sort=False)
        if len(missing) or len(more):
            if [*mine.index] == [str(row) for row in range(len(mine))]:
                return f"Its rows are numbered 0, 1, 2, …, and each {self.key!r} should name one."
            first = f" (first: {more[0]!r})" if len(more) else ""
            return f"Rows missing: {len(missing)}; rows that do not belong there: {len(more)}{first}."
        for name, form in self.columns.items():
            off = same.index[~same[name]]
            pair = mine.loc[same.index, name], other.loc[same.index, name]
            if len(off) and isinstance(form, Number) and form.other_unit(*pair):
                return f"Column {name!r}: its unit or sign is not the one wanted."
            if len(off) and isinstance(form, Number) and form.rounded(*pair):
                return f"Column {name!r}: close in every row. Is it rounded, or was something on the way?"
            if len(off):
                return f"Column {name!r}: off in {len(off)} of {len(mine)} rows, first in row {off[0]!r}."
        return ""

    def _same(self, plain: Any, right: Any) -> pd.DataFrame:
        """Return, cell by cell of all rows of the two, whether they agree."""
        mine, other = self._frame(plain), self._frame(right)
        both = other.index[other.index.isin(mine.index)]
        same = pd.DataFrame(False, other.index.union(mine.index, sort=False), [*self.columns])
        for name, form in self.columns.items():
            same.loc[both, name] = form.close(mine.loc[both, name], other.loc[both, name])
        return same

    def wanted(self) -> str:
        inside = ", ".join(f"`{name}` ({form.wanted()})" for name, form in self.columns.items())
        key = f", one row for each `{self.key}`" if self.key else ""
        rows = f", {self.rows:,} rows" if isinstance(self.rows, int) else ""
        return f"{'a Series or ' * (len(self.columns) == 1)}a table with {inside}{key}{rows}"

    def _forms(self) -> dict[str, Form]:
        """Return the forms of all columns, the key's first."""
        return ({self.key: Choice()} if self.key else {}) | dict(self.columns)

    def _table(self, answer: Any) -> pd.DataFrame:
        """Return an answer as a table with the key as a column, whatever sensible shape it has."""
        given, answer = answer, answer.to_pandas() if hasattr(answer, "to_pandas") else answer  # of any kind
        if isinstance(answer, np.ndarray) and answer.dtype.names:
            answer = pd.DataFrame(answer)
        if isinstance(answer, dict):
            answer = (pd.DataFrame if any(map(np.ndim, answer.values())) else pd.Series)(answer)
        if isinstance(answer, pd.Series) and len(self.columns) == 1:
            answer = answer.to_frame(*self.columns)
        if not isinstance(answer, pd.DataFrame):
            raise Refused(what_is(given))
        if answer.columns.nlevels > 1:
            raise Refused("The columns of this table have two names each; agg(name=(column, how)) gives one.")
        if len(answer) > LARGEST_TABLE:
            raise Refused(f"This table has {len(answer):,} rows, more than are ever wanted.")
        if self.key not in [*answer.columns, *answer.index.names, ""] and answer.index.nlevels == 1:
            # rows that nobody has named are numbered: their numbers are not the labels wanted
            numbered = answer.index.name is None and {*answer.index} == {*range(len(answer))}
            answer = answer if numbered else answer.rename_axis(self.key)
        levels = [one for one in answer.index.names if one is not None and one not in answer]
        return answer.reset_index(levels) if levels else answer

    def _frame(self, plain: Any) -> pd.DataFrame:
        held = plain["columns"]
        rows = held[self.key] if self.key else map(str, range(len(held[next(iter(self.columns))])))
        # as objects: a forged text may be one that a column of texts cannot hold
        index = pd.Index([str(row).casefold() for row in rows], dtype=object)
        return pd.DataFrame({name: held[name] for name in self.columns}, index, dtype=object)


def worst(problems: Iterable[Problem]) -> Problem:
    """Return the first problem that is not one of range, or else the first."""
    first = None
    for problem in problems:
        if problem and problem[0] != "range":
            return problem
        first = first or problem
    return first


def label(value: Any) -> str:
    """Return a label as text, with whole numbers and days in one spelling."""
    value = value.start_time if isinstance(value, pd.Period) else value
    if isinstance(value, date):
        value = value.isoformat()[:10]
    elif isinstance(value, _REAL) and not isinstance(value, _NOT_REAL) and value == value // 1:
        value = int(value)
    return str(value).strip()[:100]


def told(error: BaseException) -> str:
    """Say an error in one line, even one that cannot be shown."""
    try:
        kinds = [kind.__name__ for kind in type(error).__mro__]
        meant = [words for name, part, words in _IN_WORDS if name in kinds and part in str(error).lower()]
        return f"{kinds[0]}: {clean(error, 200)}" + "".join(f" ({words})" for words in meant[:1])
    except Exception:
        return "an error that cannot be shown"


def clean(text: Any, length: int = 300) -> str:
    """Return a text of anybody's, short, and such that a file can hold it."""
    return str(text)[:length].encode(errors="replace").decode()


def what_is(answer: Any) -> str:
    """Say what an answer is, by its type and size only."""
    name = type(answer).__name__[:60]
    kind = KINDS.get(name, f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}")
    size = f" of {len(answer)}" if isinstance(answer, list | tuple | set | dict) else ""
    size = f" of shape {answer.shape}" if isinstance(answer, np.ndarray) else size
    size = f" with {len(answer):,} rows" if isinstance(answer, pd.DataFrame | pd.Series) else size
    return f"This is {kind}{size}."


def _cells(column: pd.Series, form: Form) -> list[Any]:
    if isinstance(form, Number) and column.dtype.kind in "iuf":
        return column.to_numpy(float, na_value=np.nan).tolist()
    return [form.plain(cell) for cell in column]


def _bare(value: Any) -> Any:
    if isinstance(value, Form):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {name: _bare(one) for name, one in value.items()}
    return list(value) if isinstance(value, tuple) else value
