"""The forms of answers: one number, a label, a table, a list, an interval, a function, a figure, a text."""

import copy
import inspect
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.container import BarContainer
from matplotlib.figure import Figure as Canvas

from crmlab._forms import (
    LARGEST_TABLE,
    Cases,
    Choice,
    Form,
    Number,
    Problem,
    Refused,
    Table,
    clean,
    told,
    what_is,
    worst,
)  # fmt: skip
from crmlab._tables import look_up

MOST_LINES = 30
"""Lines in a figure beyond which it is not looked at."""


@dataclass(frozen=True)
class Selection(Form):
    """A list of ids, as a decision whom to choose. It is scored in money, between chance and an oracle.

    Parameters
    ----------
    count : int or str
        How many to choose; a text names a given value.
    of : str
        What the ids are: "customer_id".
    enough : float
        From what share of the solution's worth on a list has the full mark.
    """

    count: int | str
    of: str = "customer_id"
    enough: float = 0.97

    def _plain(self, answer: Any, cases: Cases | None) -> Any:
        answer = answer.to_pandas() if hasattr(answer, "to_pandas") else answer  # Polars, pyarrow
        if isinstance(answer, pd.DataFrame | pd.Series) and self.of in answer.index.names:
            answer = answer.index.get_level_values(self.of)
        if isinstance(answer, pd.DataFrame):
            if list(answer.columns).count(self.of) != 1:
                raise Refused(f"This table has no column {self.of!r}, or two.")
            answer = answer[self.of]
        if isinstance(answer, str | bytes | dict) or np.ndim(answer) != 1 and not isinstance(answer, set):
            raise Refused(what_is(answer))
        ids = list(answer)
        if len(ids) > LARGEST_TABLE:
            raise Refused(f"This list has {len(ids):,} ids.")
        plain = [Choice().plain(one) for one in ids]
        return None if plain and set(map(type, plain)) == {type(None)} else plain

    def _problem(self, plain: Any) -> Problem:
        if not isinstance(plain, list) or not all(isinstance(one, str) for one in plain):
            return "type", f"This is no list of ids. Wanted: {self.wanted()}."
        if len(plain) != self.count:
            return "type", f"Your list has {len(plain):,} ids. Wanted: {self.wanted()}."
        twice = len(plain) - len(set(plain))
        return ("columns", f"In your list twice: {twice} of the ids.") if twice else None

    def agrees(self, plain: Any, right: Any) -> bool:
        return len(set(plain) & set(right)) >= 0.98 * len(right)

    def wanted(self) -> str:
        full = f"one worth {self.enough:.3g} of our own has full marks (a random one is worth 0)"
        return f"a list of {self.count} different values of `{self.of}`; {full}"


@dataclass(frozen=True)
class Interval(Form):
    """An interval that should hold a truth with 90 % probability: a pair (low, high).

    Parameters
    ----------
    unit, low, high :
        As in :class:`Number`.
    widest : float or str
        The width beyond which an interval says nothing.
    """

    unit: str = ""
    low: float | str = -math.inf
    high: float | str = math.inf
    widest: float | str = math.inf

    def _plain(self, answer: Any, cases: Cases | None) -> Any:
        if isinstance(answer, str | dict | set) or np.shape(answer) != (2,):
            raise Refused(what_is(answer))
        ends = [Number().plain(end) for end in answer]
        return None if ends == [None, None] else ends

    def _problem(self, plain: Any) -> Problem:
        end = Number(self.unit, self.low, self.high)
        if not isinstance(plain, list) or len(plain) != 2:
            return "type", f"This is no pair of numbers. Wanted: {self.wanted()}."
        found = worst(map(end.problem, plain))
        if found:
            return found[0], f"One of its ends: {found[1]}"
        if plain[0] > plain[1]:
            return "range", "An interval runs from low to high, and yours from high to low."
        if plain[1] - plain[0] > float(self.widest) * (1 + 1e-9):
            wide = f"So wide an interval ({plain[1] - plain[0]:.4g}) says nothing, even where it is right."
            return "range", f"{wide} Wanted: {self.wanted()}."
        return None

    def agrees(self, plain: Any, right: Any) -> bool:
        """Return whether the interval holds a truth, or has its middle in another interval (a mistake's)."""
        if isinstance(right, list):
            return bool(right[0] <= sum(plain) / 2 <= right[1])
        return self._problem(plain) is None and bool(plain[0] <= right <= plain[1])

    def difference(self, plain: Any, right: Any) -> str:
        return "The truth lies outside of your interval."

    def wanted(self) -> str:
        one = Number(self.unit, self.low, self.high).wanted().removeprefix("one number")
        wide = "" if self.widest == math.inf else f", not wider than {self.widest}"
        return f"a pair `(low, high)`{one}{wide}, which holds the truth with 90 % probability, you think"


def _refused(plain: Any) -> bool:
    return isinstance(plain, dict) and "refused" in plain


@dataclass(frozen=True)
class Function(Form):
    """A function. It is called with arguments that are not shown, and what it returns is compared.

    Parameters
    ----------
    parameters : tuple of str
        The names of its parameters.
    returns : Form
        The form of what it returns.
    """

    parameters: tuple[str, ...]
    returns: Form

    def _plain(self, answer: Any, cases: Cases | None) -> Any:
        if not callable(answer):
            raise Refused(what_is(answer))
        try:
            inspect.signature(answer).bind(**dict.fromkeys(self.parameters))
        except TypeError as error:
            raise Refused(f"This function cannot be called as wanted: {error}.") from None
        except ValueError:
            pass  # some built in have no signature, and calling them will tell
        return {"outputs": [self._call(answer, case) for case in cases or []]}

    def _call(self, answer: Any, case: Mapping[str, Any]) -> Any:
        try:
            return self.returns.plain(answer(**copy.deepcopy(dict(case))))
        except (Exception, SystemExit) as error:
            return {"refused": f"The function stopped: {told(error)}."}

    def _problem(self, plain: Any) -> Problem:
        nothing = "type", "The function returns nothing: does it end with a return?"
        outputs = list(plain["outputs"])
        if outputs and all(one is None for one in outputs):  # a starter
            return "missing", nothing[1]
        found = [nothing if one is None else self.returns.problem(one) for one in outputs]
        if None in found:  # on some inputs it works, and may be right there
            return None
        first = worst(found)
        return first and (first[0], first[1] if first is nothing else f"What it returns: {first[1]}")

    def agrees(self, plain: Any, right: Any) -> bool:
        same = self._same(plain, right)
        return all(same) and len(same) == len(plain["outputs"]) > 0

    def part(self, plain: Any, right: Any) -> tuple[float, str]:
        same, told = self._same(plain, right), ""
        if all(one == plain["outputs"][0] for one in plain["outputs"]):  # by luck: it looks at no input
            return 0.0, ""
        if any(same):
            told = f"Right on {sum(same)} of {len(same)} inputs."
        return sum(same) / max(len(same), 1), told

    def difference(self, plain: Any, right: Any) -> str:
        same = self._same(plain, right)
        stopped = worst(map(self.returns.problem, plain["outputs"]))
        if stopped:
            return f"On some inputs: {stopped[1]}"
        pairs = zip(same, plain["outputs"], right["outputs"], strict=False)
        told = {self.returns.difference(a, b)[:6] for agrees, a, b in pairs if not agrees and not _refused(b)}
        if told == {"Close:"}:
            return "Close where it is not right: is what it returns rounded, or was something on the way?"
        return "It is right on no input." if not any(same) else "It is not right on all inputs."

    def wanted(self) -> str:
        parameters = ", ".join(f"`{name}`" for name in self.parameters)
        return f"a function of {parameters} that returns {self.returns.wanted()}"

    def _same(self, plain: Any, right: Any) -> list[bool]:
        mine = plain["outputs"]
        pairs = zip(mine, right["outputs"], strict=False)
        found = [
            (self.returns.problem(a) or ("range",))[0] == "range"
            and not _refused(b)  # a mistake, taken for right by the proof, may stop on some inputs
            and self.returns.agrees(a, b)
            for a, b in pairs
        ]
        return found + [False] * (len(right["outputs"]) - len(mine))


@dataclass(frozen=True)
class Figure(Form):
    """A figure, as the Axes with what was drawn on it: its lines, its bars, or its points.

    Parameters
    ----------
    draws : {"lines", "bars", "points"}
        What is compared; each of the right figure's must be there. Others, up to 30 in all, do no harm
        unless they are those of a known mistake.
    relative : float
        How far values may lie off, as a share of the right one's range.
    """

    draws: str = "lines"
    relative: float = 0.005

    def _plain(self, answer: Any, cases: Cases | None) -> Any:
        if isinstance(answer, Canvas) and len(answer.axes) == 1:
            answer = answer.axes[0]
        if not isinstance(answer, Axes):
            raise Refused(what_is(answer))
        if not answer.has_data():  # a starter
            return None
        drawn: list[Any] = [line.get_xydata() for line in answer.get_lines()]
        if self.draws == "points":  # drawn by scatter, or by plot
            drawn += [one.get_offsets() for one in answer.collections if isinstance(one, PathCollection)]
        if self.draws == "bars":
            groups = [one for one in answer.containers if isinstance(one, BarContainer)]
            drawn = [[_bar(bar, one.orientation == "horizontal") for one in groups for bar in one]]
        drawn = [np.ma.filled(np.ma.asarray(xy, float), np.nan) for xy in drawn if len(xy)]
        drawn = [xy[np.isfinite(xy).all(axis=1)].tolist() for xy in drawn]
        drawn = [xy for xy in drawn if xy]
        if not drawn:
            raise Refused(f"There are no {self.draws} on the Axes.")
        if len(drawn) > MOST_LINES or sum(map(len, drawn)) > LARGEST_TABLE:
            raise Refused("There is too much on the Axes to look at.")
        labels = [str(text)[:100] for text in (answer.get_xlabel(), answer.get_ylabel())]
        return {"labels": labels, "drawn": drawn}

    def _problem(self, plain: Any) -> Problem:
        if len(plain["drawn"]) > MOST_LINES or sum(map(len, plain["drawn"])) > LARGEST_TABLE:
            return "type", f"There is too much in the figure. Wanted: {self.wanted()}."
        shapes = [np.array(xy, float).shape[1:] for xy in list(plain["drawn"])]
        if set(shapes) != {(2,)} or not all(np.isfinite(np.array(xy, float)).all() for xy in plain["drawn"]):
            return "type", f"The figure cannot be read. Wanted: {self.wanted()}."
        for axis, text in zip("xy", plain["labels"], strict=True):
            if not text.strip():
                return "columns", f"The {axis} axis has no label: say what it shows, and in which unit."
        return None

    def agrees(self, plain: Any, right: Any) -> bool:
        return all(any(self._close(mine, one) for mine in plain["drawn"]) for one in right["drawn"])

    def difference(self, plain: Any, right: Any) -> str:
        found = sum(any(self._close(mine, one) for mine in plain["drawn"]) for one in right["drawn"])
        return f"The axes are labelled; {found} of {len(right['drawn'])} {self.draws} are as they should be."

    def wanted(self) -> str:
        within = f"right to within {self.relative * 100:.3g} % of the range of each axis"
        return f"the `Axes` of a figure with {self.draws}, both axes labelled, {within}"

    def _close(self, mine: Any, right: Any) -> bool:
        a, b = (np.array(sorted(map(tuple, xy)), float) for xy in (mine, right))
        span = np.maximum(np.ptp(b, axis=0), 1e-9 * np.abs(b).max(axis=0)) * self.relative + 1e-12
        if self.draws != "lines" or a.shape == b.shape:
            return a.shape == b.shape and bool((np.abs(a - b) <= span).all())
        # the same curve may be drawn at other points: each must pass through all points of the other
        ends = np.abs(a[[0, -1], 0] - b[[0, -1], 0]) <= span[0]
        off = [np.abs(np.interp(one[:, 0], *other.T) - one[:, 1]) for one, other in ((a, b), (b, a))]
        return bool(ends.all() and (np.concatenate(off) <= span[1]).all())


def _bar(bar: Any, lies: bool) -> tuple[float, float]:
    """Return where a bar stands and how far it reaches, below zero as well."""
    if lies:
        return bar.get_y() + bar.get_height() / 2, bar.get_x() + bar.get_width()
    return bar.get_x() + bar.get_width() / 2, bar.get_y() + bar.get_height()


@dataclass(frozen=True)
class Text(Form):
    """A few sentences of the student's own. No program tells whether they are right: a person reads them.

    Parameters
    ----------
    rubric : mapping from str to float
        What counts, in words, and how many points it is worth. Students see it.
    words : int
        How many words at most.
    """

    rubric: Mapping[str, float]
    words: int = 300

    def resolved(self, values: Mapping[str, Any]) -> Form:
        return self  # the words of a rubric are no names

    def _plain(self, answer: Any, cases: Cases | None) -> str | None:
        if not isinstance(answer, str):
            raise Refused(what_is(answer))
        return clean(answer, 20 * self.words).strip() or None

    def _problem(self, plain: Any) -> Problem:
        if not isinstance(plain, str):
            return "type", f"This is no text. Wanted: {self.wanted()}."
        found = len(plain.split())
        if found > self.words or len(plain) >= 20 * self.words:
            return "type", f"Your text is too long ({found} words). Wanted: {self.wanted()}."
        return None

    def agrees(self, plain: Any, right: Any) -> bool:
        return bool(plain == right)

    def wanted(self) -> str:
        counts = "; ".join(f"{what} ({points:g})" for what, points in self.rubric.items())
        return f"a text of at most {self.words} words. What counts, in points: {counts}"


FORMS = {form.__name__: form for form in (Number, Choice, Table, Selection, Interval, Function, Figure, Text)}


def read(data: Mapping[str, Any]) -> Form:
    """Return the form that :meth:`Form.to_dict` wrote.

    Examples
    --------
    >>> read(Number("share", 0, 1).to_dict()).wanted()
    'one number (share), between 0 and 1'
    """
    held = {name: _read(value) for name, value in data.items() if name != "form"}
    form = look_up("form", data["form"], FORMS)
    return form(*held["options"]) if form is Choice else form(**held)


def _read(value: Any) -> Any:
    if isinstance(value, dict) and isinstance(value.get("form"), str):
        return read(value)
    if isinstance(value, dict):
        return {name: _read(one) for name, one in value.items()}
    return tuple(value) if isinstance(value, list) else value
