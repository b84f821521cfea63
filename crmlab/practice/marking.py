"""An exercise with one student's data: right answers, known mistakes, and what an answer is worth."""

import copy
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from crmlab._forms import label, told
from crmlab._html import render
from crmlab._tables import look_up
from crmlab.practice.data import Given, variant
from crmlab.practice.exercise import Exercise
from crmlab.practice.forms import Figure, Form, Interval, Number, Selection, Text


@dataclass(frozen=True)
class Verdict:
    """What became of an answer.

    Attributes
    ----------
    outcome : {"right", "mistake", "wrong", "range", "columns", "type", "missing", "formed"}
        The layer at which it was stopped. Of a ``mistake`` it is known which; ``formed`` is an answer of the
        right form where nobody tells whether it is right, or a text.
    message : str
        What the student is told.
    mark : float
        From 0 to 1.
    mistake : str
        The name of the mistake.
    """

    outcome: str
    message: str
    mark: float = 0.0
    mistake: str = ""

    @property
    def _head(self) -> str:
        return "Not yet." if self.outcome in ("mistake", "wrong") else ""

    def __repr__(self) -> str:
        mark = f"Mark: {self.mark:.0%}." if 0 < self.mark < 1 else ""
        return f"{self._head} {self.message} {mark}".strip()

    def _repr_html_(self) -> str:
        return render(
            "verdict.html", outcome=self.outcome, head=self._head, message=self.message, mark=self.mark
        )


@contextmanager
def figures_closed() -> Iterator[None]:
    """Close the figures that are opened in between."""
    from matplotlib import pyplot

    before = set(pyplot.get_fignums())
    try:
        yield
    finally:
        for figure in set(pyplot.get_fignums()) - before:
            pyplot.close(figure)


class Key:
    """What the answers to one question are held against, all of it as plain data, worked out when needed."""

    def __init__(self, drawn: "Drawn", number: str) -> None:
        self._drawn, self._number, self._question = drawn, number, drawn.exercise.questions[number]

    @cached_property
    def right(self) -> Any:
        """The solution's answer."""
        solution: Any = self._question.solution
        return self._drawn.answer(self._number, solution)

    @cached_property
    def wrong(self) -> dict[str, tuple[str, Any]]:
        """The known mistakes: by name, what the student is told, and the answer."""
        functions = self._question.wrong.items()
        answers = {name: self._drawn.answer(self._number, function) for name, function in functions}
        return {name: (" ".join(str(one.__doc__).split()), answers[name]) for name, one in functions}

    @cached_property
    def truth(self) -> Any:
        """For an interval the number that it should hold; for a selection what each id is worth."""
        if self._question.truth is None:
            return None
        truth, number = self._drawn.call(self._question.truth, kept=True), self._number
        if not isinstance(self._question.form, Selection):
            plain = Number().plain(truth)
            if Number().problem(plain):
                raise ValueError(f"The truth of {number} is one number, and here it is none.")
            return float(plain)
        worth = truth.astype(float).rename(index=label) if isinstance(truth, pd.Series) else pd.Series()
        if worth.empty or not worth.index.is_unique or worth.isna().any():
            raise ValueError(f"The truth of {number} is a Series with one number for each id.")
        return worth


class Drawn:
    """An exercise with the data of one student.

    Parameters
    ----------
    exercise : Exercise
    course_key, student : str
        As in :func:`variant`.
    small : bool
        As in :func:`variant`.
    """

    def __init__(self, exercise: Exercise, course_key: str, student: str, small: bool = False) -> None:
        self.exercise, self.student = exercise, student
        self._variant = variant(course_key, exercise.name, student, small)
        self._keys: dict[str, Key] = {}
        self._cases: dict[str, list[dict[str, Any]]] = {}

    @cached_property
    def _inputs(self) -> tuple[Given, dict[str, Any]]:
        assert self.exercise.inputs is not None
        made = self.exercise.inputs(self._variant)
        given, kept = made if isinstance(made, tuple) and len(made) == 2 else (made, {})
        if not isinstance(given, dict) or not isinstance(kept, dict):
            raise ValueError(f"inputs() of {self.exercise.name} must return a dict, or two.")
        if both := sorted(given.keys() & kept.keys()):
            raise ValueError(f"inputs() gives {both[0]!r} and keeps it back as well: rename one of them.")
        return Given(given), kept

    @property
    def given(self) -> Given:
        """What the student is given."""
        return self._inputs[0]

    @cached_property
    def _forms(self) -> dict[str, Form]:
        values = self.given.values()
        forms = {}
        for number, one in self.exercise.questions.items():
            try:
                forms[number] = one.form.resolved(values)
            except ValueError as error:
                raise ValueError(f"{self.exercise.name}, {number}, # form: {error}") from None
        return forms

    def form(self, number: str) -> Form:
        """Return the form of a question, with the given values in it."""
        return self._forms[number]

    def cases(self, number: str) -> list[dict[str, Any]] | None:
        """Return the arguments with which a function is called, or None where none is wanted."""
        function = self.exercise.questions[number].cases
        if function is not None and number not in self._cases:
            made = function(self._variant)
            if not isinstance(made, list) or not made or not all(isinstance(case, dict) for case in made):
                raise ValueError(f"{number}: cases() must return a list of dicts, with one at least.")
            self._cases[number] = [Given(case).values() for case in made]
        return self._cases.get(number)

    def answer(self, number: str, function: Callable[..., Any]) -> Any:
        """Return the plain answer that a solution or a wrong solution gives to a question."""
        try:
            with figures_closed():  # or the student's notebook would show the right figure
                return self.form(number).plain(self.call(function), self.cases(number))
        except Exception as error:  # a mistake that cannot be made with these data costs nobody the check
            return {"refused": f"{function.__name__} stopped: {told(error)}."}

    def call(self, function: Callable[..., Any], kept: bool = False) -> Any:
        """Call a function of the exercise with what it asks for by name.

        Parameters
        ----------
        function : callable
            A solution, a wrong one, or the truth.
        kept : bool
            Whether it may ask for what the student is not given.
        """
        available = self.given.values() | (copy.deepcopy(self._inputs[1]) if kept else {})
        wanted = inspect.signature(function).parameters
        return function(**{name: look_up("given thing", name, available) for name in wanted})

    def key(self, number: str) -> Key:
        """Return what the answers to a question are held against."""
        return self._keys.setdefault(number, Key(self, number))

    def verdict(self, number: str, plain: Any, mistakes: bool = True) -> Verdict:
        """Return what a plain answer to a question is worth, and what to tell the student.

        It is looked at in layers: is there one, has it the type and the shape, the columns and units wanted;
        is it right; is it a known mistake; is it plausible at all. Without `mistakes` none is worked out,
        which is enough for a solution.

        Raises
        ------
        ValueError
            The exercise has no right answer with these data; never because of the answer.
        """
        form, key = self.form(number), self.key(number)
        problem = form.problem(plain)
        if problem and problem[0] != "range":
            return Verdict(*problem)
        broken = form.problem(key.right)
        if broken and broken[0] != "range":
            raise ValueError(f"{number} has no right answer with these data: {broken[1]}")
        if isinstance(form, Selection):
            return self._decision(form, plain, key)
        right = key.truth if isinstance(form, Interval) else key.right
        agrees = form.agrees(plain, right)
        if agrees and not (mistakes and isinstance(form, Figure)):  # so no mistake has to be worked out
            return Verdict("right", "Right.", 1.0)
        made = [
            (name, message)
            for name, (message, wrong) in (key.wrong if mistakes else {}).items()
            if (form.problem(wrong) or ("range",))[0] == "range" and form.agrees(plain, wrong)
        ]
        if agrees and made:  # who draws every candidate has not decided
            return Verdict("wrong", "The right lines are there, and those of a mistake as well.")
        if agrees:
            return Verdict("right", "Right.", 1.0)
        mark, part = form.part(plain, right)
        for name, message in made[:1]:
            return Verdict("mistake", f"{message} {part}".strip(), mark, name)
        if isinstance(form, Text):
            return Verdict("formed", "The form is right. A text is read by a person, by what counts.")
        found = form.difference(plain, right)
        if problem and "unit or sign" not in found:  # what has another unit is seldom plausible
            return Verdict(problem[0], f"{problem[1]} {part}".strip(), mark)
        found = found or "The form is right and the value is not."
        return Verdict("wrong", f"{found} {part}".strip(), mark)

    def _decision(self, form: Selection, plain: list[str], key: Key) -> Verdict:
        strange = set(plain) - set(key.truth.index)
        if strange:
            return Verdict("columns", f"{len(strange)} of your ids are not among those to choose from.")
        score, best = money(key.truth, plain), money(key.truth, key.right)
        if best <= 0:
            raise ValueError("The solution is no better than a random list.")
        mark = min(max(score / best, 0.0), 1.0)
        worth = f"Your list is worth {score:.2f}; a random one 0, the one an oracle would draw up 1."
        enough = form.enough * best
        if mark >= form.enough:
            return Verdict("right", f"Right. {worth}", 1.0)
        for name, (message, wrong) in key.wrong.items():
            if not form.problem(wrong) and form.agrees(plain, wrong):
                return Verdict("mistake", f"{worth} {enough:.2f} is enough. {message}", mark, name)
        return Verdict("wrong", f"{worth} A better one is within reach: {enough:.2f} is enough.", mark)


def money(worth: pd.Series, chosen: list[str]) -> float:
    """Return what a list is worth between a random one (0) and an oracle's (1).

    Parameters
    ----------
    worth : Series
        The expected profit from choosing each, by id.
    chosen : list of str
        The ids chosen. The two others choose as many.

    Returns
    -------
    float
        (V − V_random) / (V_oracle − V_random); negative if a random list would have been better.

    Raises
    ------
    ValueError
        If all are worth the same, so that nothing is decided.

    Examples
    --------
    >>> money(pd.Series({"a": 3.0, "b": 1.0, "c": 2.0}), ["c"])
    0.0
    """
    random, oracle = worth.mean() * len(chosen), worth.nlargest(len(chosen)).sum()
    if not oracle > random:
        raise ValueError("All are worth the same: whom to choose is no decision.")
    return float((worth[chosen].sum() - random) / (oracle - random))
