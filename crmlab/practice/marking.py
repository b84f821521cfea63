"""An exercise with one student's data: right answers, known mistakes, and what an answer is worth."""

import copy
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from crmlab._tables import unknown
from crmlab.practice.data import Given, variant
from crmlab.practice.exercise import Exercise
from crmlab.practice.forms import Form, Interval, Number, Selection


@dataclass(frozen=True)
class Verdict:
    """What became of an answer.

    Attributes
    ----------
    outcome : {"right", "mistake", "wrong", "range", "columns", "type", "missing", "formed"}
        The layer at which it was stopped. Of a ``mistake`` it is known which; ``formed`` is an answer of the
        right form where nobody tells whether it is right.
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

    def __repr__(self) -> str:
        return self.message


@dataclass(frozen=True)
class Key:
    """What the answers to one question are held against, all of it as plain data."""

    right: Any
    wrong: Mapping[str, tuple[str, Any]]
    truth: Any = None


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

    @cached_property
    def _inputs(self) -> tuple[Given, dict[str, Any]]:
        assert self.exercise.inputs is not None
        made = self.exercise.inputs(self._variant)
        given, kept = made if isinstance(made, tuple) else (made, {})
        return Given(given), kept

    @property
    def given(self) -> Given:
        """What the student is given."""
        return self._inputs[0]

    def form(self, number: str) -> Form:
        """Return the form of a question, with the given values in it."""
        form: Form = self.exercise.questions[number].form
        return form.resolved(self.given.values())

    def cases(self, number: str) -> list[dict[str, Any]] | None:
        """Return the arguments with which a function is called, or None where none is wanted."""
        function = self.exercise.questions[number].cases
        return None if function is None else [Given(case).values() for case in function(self._variant)]

    def answer(self, number: str, function: Callable[..., Any]) -> Any:
        """Return the plain answer that a solution or a wrong solution gives to a question."""
        return self.form(number).plain(self.call(function), self.cases(number))

    def call(self, function: Callable[..., Any], kept: bool = False) -> Any:
        """Call a function of the exercise with what it asks for by name.

        Parameters
        ----------
        function : callable
            A solution, a wrong one, or the truth.
        kept : bool
            Whether it may ask for what the student is not given.
        """
        available = self.given.values() | (self._inputs[1] if kept else {})
        wanted = inspect.signature(function).parameters
        absent = [name for name in wanted if name not in available]
        if absent:
            raise ValueError(f"{function.__name__}: {unknown('given thing', absent[0], available)}")
        return function(**{name: copy.copy(available[name]) for name in wanted})

    def key(self, number: str) -> Key:
        """Return what the answers to a question are held against."""
        if number not in self._keys:
            question = self.exercise.questions[number]
            assert question.solution is not None
            wrong = {
                name: (" ".join((inspect.getdoc(function) or "").split()), self.answer(number, function))
                for name, function in question.wrong.items()
            }
            truth = None if question.truth is None else self.call(question.truth, kept=True)
            self._keys[number] = Key(self.answer(number, question.solution), wrong, truth)
        return self._keys[number]

    def verdict(self, number: str, plain: Any) -> Verdict:
        """Return what a plain answer to a question is worth, and what to tell the student.

        It is looked at in layers: is there one, has it the type and the shape, the columns and units wanted;
        is it right; is it a known mistake; is it plausible at all.
        """
        form, key = self.form(number), self.key(number)
        problem = form.problem(plain)
        if problem and problem[0] != "range":
            return Verdict(*problem)
        if isinstance(form, Interval):
            if problem:
                return Verdict(*problem)
            if form.agrees(plain, float(key.truth)):
                return Verdict("right", "Right: the truth lies in your interval.", 1.0)
        elif isinstance(form, Selection):
            return self._decision(plain, key)
        elif not problem and form.agrees(plain, key.right):
            return Verdict("right", "Right.", 1.0)
        for name, (message, wrong) in key.wrong.items():
            if form.problem(wrong) in (None, problem) and form.agrees(plain, wrong):
                return Verdict("mistake", f"Not yet. {message}", 0.0, name)
        told = form.difference(plain, key.right)
        if problem and not (told and isinstance(form, Number)):  # a wrong unit is seldom plausible
            return Verdict(*problem)
        told = "The truth lies outside of your interval." if isinstance(form, Interval) else told
        return Verdict("wrong", f"Not yet. {told or 'The form is right and the value is not.'}")

    def _decision(self, plain: list[str], key: Key) -> Verdict:
        worth = pd.Series(key.truth, dtype=float)
        worth.index = worth.index.map(str)
        strange = [one for one in plain if one not in worth.index]
        if strange:
            return Verdict("columns", f"{len(strange)} of your ids are not among those to choose from.")
        score = money(worth, plain)
        mark = float(np.clip(score / money(worth, key.right), 0, 1))
        told = f"Your list is worth {score:.2f}; a random one 0, the one an oracle would draw up 1"
        for name, (message, wrong) in key.wrong.items():
            if Selection(len(plain)).agrees(plain, wrong) and mark < 0.97:
                return Verdict("mistake", f"{told}. {message}", max(mark, 0.0), name)
        if mark >= 0.97:
            return Verdict("right", f"Right. {told}.", 1.0)
        return Verdict("wrong", f"Not yet. {told}; a better one is within reach.", mark)


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


def prove(exercise: Exercise, variants: int = 3, small: bool = True) -> pd.DataFrame:
    """Try an exercise on itself: its solutions must be right, each wrong answer must be named.

    Parameters
    ----------
    exercise : Exercise
    variants : int
        How many students' data to try.
    small : bool
        Whether on a small company.

    Returns
    -------
    DataFrame
        A row for each answer that was not judged as it should be: ``student``, ``question``, ``answer`` (the
        name of the function), ``outcome``, ``message``. Without rows the exercise holds.

    Examples
    --------
    >>> from crmlab.practice import load
    >>> len(prove(load("16"), variants=1))
    0
    """
    failed: list[tuple[str, ...]] = []
    for student in (f"trial {number}" for number in range(variants)):
        drawn = Drawn(exercise, "trial", student, small)
        for number in exercise.questions:
            key, unanswered = drawn.key(number), drawn.verdict(number, None)
            answers = {"solution": key.right} | {name: plain for name, (_, plain) in key.wrong.items()}
            for name, plain in answers.items():
                verdict = drawn.verdict(number, plain)
                good = verdict.outcome == "right" if name == "solution" else verdict.mistake == name
                if not good:
                    failed.append((student, number, name, verdict.outcome, verdict.message))
            if unanswered.outcome != "missing":
                failed.append((student, number, "no answer", unanswered.outcome, unanswered.message))
    return pd.DataFrame(failed, columns=["student", "question", "answer", "outcome", "message"])
