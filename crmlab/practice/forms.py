"""The forms of answers: one number, a label, a table, a list, an interval, a function, a figure."""

import inspect
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from crmlab._tables import look_up
from crmlab.practice._forms import LARGEST_TABLE, Cases, Choice, Form, Number, Refused, Table, labels, what_is


@dataclass(frozen=True)
class Selection(Form):
    """A list of ids, as a decision whom to choose. It is scored in money, between chance and an oracle.

    Parameters
    ----------
    count : int or str
        How many to choose; a text names a given value.
    of : str
        What the ids are: "customer_id".
    """

    count: int | str
    of: str = "customer_id"

    def _plain(self, answer: Any, cases: Cases | None) -> Any:
        if isinstance(answer, pd.DataFrame):
            if self.of not in answer:
                raise Refused(f"Your table has no column {self.of!r}.")
            answer = answer[self.of]
        if isinstance(answer, str | bytes | dict) or np.ndim(answer) != 1 and not isinstance(answer, set):
            raise Refused(what_is(answer))
        if len(answer) > LARGEST_TABLE:
            raise Refused(f"Your list has {len(answer):,} ids.")
        return labels(pd.Series(list(answer)), False)

    def _problem(self, plain: Any) -> tuple[str, str] | None:
        if not isinstance(plain, list) or not all(isinstance(one, str) for one in plain):
            return "type", f"The answer cannot be read. Wanted: {self.wanted()}."
        if len(plain) != self.count:
            return "type", f"Your list has {len(plain):,} ids. Wanted: {self.wanted()}."
        if len(set(plain)) < len(plain):
            return "columns", f"{len(plain) - len(set(plain))} ids are in your list twice."
        return None

    def agrees(self, plain: Any, right: Any) -> bool:
        return len(set(plain) & set(right)) >= 0.98 * len(right)

    def wanted(self) -> str:
        return f"a list of {self.count} different values of `{self.of}`"


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
        return [Number()._plain(end, None) for end in answer]

    def _problem(self, plain: Any) -> tuple[str, str] | None:
        low, high = plain
        for end in plain:
            found = Number(self.unit, self.low, self.high).problem(end)
            if found:
                return found
        if not low <= high:
            return "range", "An interval runs from low to high."
        if high - low > float(self.widest):
            return (
                "range",
                f"So wide an interval ({high - low:.4g}) is right and says nothing. Wanted: {self.wanted()}.",
            )
        return None

    def agrees(self, plain: Any, right: Any) -> bool:
        ends = right if isinstance(right, list) else [right, right]
        return bool(plain == right if isinstance(right, list) else plain[0] <= ends[0] <= plain[1])

    def wanted(self) -> str:
        one = Number(self.unit, self.low, self.high).wanted().removeprefix("one number")
        wide = "" if self.widest == math.inf else f", not wider than {self.widest}"
        return f"a pair `(low, high)`{one}{wide}, which holds the truth with 90 % probability, you think"


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
        except (TypeError, ValueError) as error:
            raise Refused(f"The function cannot be called as wanted: {error}.") from None
        return {"outputs": [self._call(answer, case) for case in cases or []]}

    def _call(self, answer: Any, case: Mapping[str, Any]) -> Any:
        arguments = {name: held.copy() if hasattr(held, "copy") else held for name, held in case.items()}
        try:
            return self.returns.plain(answer(**arguments))
        except Exception as error:
            return {"refused": f"The function stopped: {type(error).__name__}: {str(error)[:200]}."}

    def _problem(self, plain: Any) -> tuple[str, str] | None:
        for output in plain["outputs"]:
            if output is None:
                return "type", "The function returns nothing: does it end with a return?"
            found = self.returns.problem(output)
            if found:
                return found[0], f"What it returns: {found[1]}"
        return None

    def agrees(self, plain: Any, right: Any) -> bool:
        return all(self._same(plain, right))

    def difference(self, plain: Any, right: Any) -> str:
        same = self._same(plain, right)
        return f"It is right on {sum(same)} of {len(same)} inputs."

    def wanted(self) -> str:
        parameters = ", ".join(f"`{name}`" for name in self.parameters)
        return f"a function of {parameters} that returns {self.returns.wanted()}"

    def _same(self, plain: Any, right: Any) -> list[bool]:
        # a wrong answer of the exercise may stop, and with that it agrees with nothing
        pairs = zip(plain["outputs"], right["outputs"], strict=True)
        clean = lambda one: (self.returns.problem(one) or ("range",))[0] == "range"  # noqa: E731
        return [clean(a) and clean(b) and self.returns.agrees(a, b) for a, b in pairs]


@dataclass(frozen=True)
class Figure(Form):
    """A figure, as the Axes with what was drawn on it: its lines, or its bars.

    Parameters
    ----------
    draws : {"lines", "bars", "points"}
        What is compared; each of the right figure's must be there, and others do no harm.
    relative : float
        How far values may lie off, as a share of the right one's range.
    """

    draws: str = "lines"
    relative: float = 0.005

    def _plain(self, answer: Any, cases: Cases | None) -> Any:
        if not isinstance(answer, Axes):
            raise Refused(what_is(answer))
        drawn: list[Any] = []
        if self.draws == "lines":
            drawn = [line.get_xydata() for line in answer.get_lines()]
        elif self.draws == "points":
            drawn = [np.asarray(points.get_offsets()) for points in answer.collections]
        else:
            boxes = [bar.get_extents().transformed(answer.transData.inverted()) for bar in answer.patches]
            centres = [((box.x0 + box.x1) / 2, box.y1) for box in boxes]
            drawn = [np.array(centres)]
        drawn = [np.asarray(xy, float) for xy in drawn if len(xy)]
        if not drawn:
            raise Refused(f"There are no {self.draws} on the Axes.")
        if sum(map(len, drawn)) > LARGEST_TABLE:
            raise Refused("There is too much on the Axes to look at.")
        labels = [answer.get_xlabel(), answer.get_ylabel()]
        return {"labels": [str(text)[:100] for text in labels], "drawn": [xy.tolist() for xy in drawn]}

    def _problem(self, plain: Any) -> tuple[str, str] | None:
        if any(np.array(xy, float).ndim != 2 for xy in plain["drawn"]):
            return "type", f"The figure cannot be read. Wanted: {self.wanted()}."
        for axis, text in zip("xy", plain["labels"], strict=True):
            if not text:
                return "columns", f"The {axis} axis has no label: say what it shows, and in which unit."
        return None

    def agrees(self, plain: Any, right: Any) -> bool:
        return all(any(self._close(mine, one) for mine in plain["drawn"]) for one in right["drawn"])

    def wanted(self) -> str:
        return f"the `Axes` of a figure with {self.draws}, both axes labelled"

    def _close(self, mine: Any, right: Any) -> bool:
        a, b = (np.array(sorted(xy), float) for xy in (mine, right))
        span = np.maximum(np.ptp(b, axis=0), 1e-12) * self.relative
        if self.draws == "lines" and a.shape != b.shape:  # the same curve may be drawn at other points
            if (np.abs(a[[0, -1], 0] - b[[0, -1], 0]) > span[0]).any():
                return False
            a = np.column_stack([b[:, 0], np.interp(b[:, 0], a[:, 0], a[:, 1])])
        return a.shape == b.shape and bool((np.abs(a - b) <= span).all())


FORMS = {form.__name__: form for form in (Number, Choice, Table, Selection, Interval, Function, Figure)}


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
    if isinstance(value, dict):
        return read(value) if "form" in value else {name: read(one) for name, one in value.items()}
    return tuple(value) if isinstance(value, list) else value
