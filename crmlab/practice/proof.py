"""An exercise tried on itself: what must hold for each student's data, and from one student to the next."""

import inspect
import json
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise, product
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from crmlab._forms import label, told
from crmlab.practice.exercise import Exercise, Question, fill
from crmlab.practice.forms import Choice, Form, Function, Interval, Number, Selection, Table, Text
from crmlab.practice.marking import Drawn, Verdict, figures_closed, money

MOST, LEAST, ENOUGH = 1 / 3, 12, 24
"""In which share of variants one fixed answer may be right; how many variants tell so of an interval; and how
many settle a doubt."""

Row = tuple[str, str, str, str]
COLUMNS = ["student", "question", "answer", "outcome", "message"]


def prove(exercise: Exercise, variants: int = 3, small: bool = True, progress: bool = False) -> pd.DataFrame:
    """Try an exercise on itself, before anybody is marked by it.

    In each variant the set-up and the starters run, the solution is right, no answer is no answer, and each
    wrong answer is named as the mistake it is, an interval also when it is as wide as is allowed. No answer
    stands among what is given or in a public data set. Drawn twice, a variant is the same. From one variant
    to the next right answers differ, and no interval that one could know beforehand is right in more than a
    third of them; where too few variants raise a doubt, more are drawn until it is settled.

    Parameters
    ----------
    exercise : Exercise
    variants : int
        How many students' data to try. With one, nothing is compared between variants.
    small : bool
        Whether on a small company.
    progress : bool
        Whether to show a bar.

    Returns
    -------
    DataFrame
        A row for each thing that is not as it should be: ``student``, ``question``, ``answer`` (the name of
        the function, or what was tried), ``outcome``, ``message``. Without rows the exercise holds.

    Examples
    --------
    >>> from crmlab.practice import load
    >>> len(prove(load("46"), variants=1))
    0
    """
    failed: list[tuple[str, ...]] = []
    trials: list[Drawn] = []
    for number in tqdm(range(variants), disable=not progress, unit="variant"):
        trials.append(Drawn(exercise, "trial", f"trial {number}", small))
        failed += [(trials[-1].student, *row) for row in _in_itself(trials[-1], again=number == 0)]
    asked = any(isinstance(one.form, Interval) for one in exercise.questions.values()) and variants > 1
    while (doubts := list(_across(exercise, trials))) or asked and len(trials) < LEAST:
        if len(trials) >= ENOUGH:
            break
        trials.append(Drawn(exercise, "trial", f"trial {len(trials)}", small))
    failed += [("", *row) for row in doubts]
    return pd.DataFrame(failed, columns=COLUMNS)


def stand(drawn: Drawn) -> None:
    """See that an exercise can be marked with one student's data: its solutions are right.

    An interval may miss the truth, as one in ten does; it must have its form, and there must be a truth.

    Raises
    ------
    ValueError
        The message names student, exercise and question.

    Examples
    --------
    >>> from crmlab.practice import load
    >>> stand(Drawn(load("46"), "key", "ann", small=True))
    """
    for number, question in drawn.exercise.questions.items():
        verdict = _verdict(drawn, number, drawn.key(number).right, mistakes=False)
        missed = isinstance(question.form, Interval) and verdict.outcome == "wrong"
        if verdict.outcome != "right" and not missed:
            raise ValueError(
                f"{drawn.exercise.path.name} cannot be given to {drawn.student}: with these data the "
                f"solution of {number} is not right. {verdict.message} Mend it, and release it anew."
            )


# ---- one variant


def _in_itself(drawn: Drawn, again: bool) -> Iterator[Row]:
    values = drawn.given.values()
    fill(drawn.exercise.introduction, values)
    if again:
        yield from _drawn_twice(drawn)
    yield from _notebook(drawn)
    for number, question in drawn.exercise.questions.items():
        for text in (question.task, question.hint, question.why):
            fill(text, values)
        yield from _answers(drawn, number)
        yield from _in_public(drawn, question)


def _drawn_twice(drawn: Drawn) -> Iterator[Row]:
    second = Drawn(drawn.exercise, "trial", drawn.student, drawn._variant.small)
    if second.given.fingerprint() != drawn.given.fingerprint():
        yield "", "inputs", "differs", "They draw other data each time: take every number from variant."
        return
    for number in drawn.exercise.questions:
        for name, one, other in (
            ("cases", drawn.cases(number), second.cases(number)),
            ("solution", drawn.key(number).right, second.key(number).right),
            ("truth", drawn.key(number).truth, second.key(number).truth),
        ):
            if _text(one) != _text(other):
                yield number, name, "differs", "Made twice, it is not the same: give its generator a seed."


def _notebook(drawn: Drawn) -> Iterator[Row]:
    """Run what the student begins with: the set-up, and each starter, which is no answer yet."""
    from crmlab import practice

    space: dict[str, Any] = {"practice": practice, "given": drawn.given}
    with figures_closed():
        try:
            exec(drawn.exercise.set_up, space)
        except Exception as error:
            yield "", "set-up", "stopped", f"{told(error)}."
            return
        for number, question in drawn.exercise.questions.items():
            try:
                exec(question.source["starter"], space)
            except Exception as error:
                yield number, "starter", "stopped", f"{told(error)}."
                continue
            plain = drawn.form(number).plain(space.get(question.variable), drawn.cases(number))
            verdict = _verdict(drawn, number, plain)
            if verdict.outcome != "missing":
                yield number, "starter", verdict.outcome, f"It counts as an answer. {verdict.message}"


def _answers(drawn: Drawn, number: str) -> Iterator[Row]:
    key, form = drawn.key(number), drawn.form(number)
    for name, plain, outcome in (("solution", key.right, "right"), ("no answer", None, "missing")):
        verdict = _verdict(drawn, number, plain)
        if verdict.outcome != outcome:
            yield number, name, verdict.outcome, verdict.message
    for name, (_, plain) in key.wrong.items():
        tried = [(name, plain), *_as_wide_as_allowed(name, form, plain)]
        for what, one in tried:
            verdict = _verdict(drawn, number, one)
            if verdict.mistake in key.wrong and verdict.mistake != name:
                yield number, what, "same", f"It cannot be told from {verdict.mistake}."
            elif verdict.mistake != name:
                yield number, what, verdict.outcome, verdict.message


def _as_wide_as_allowed(name: str, form: Form, plain: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(form, Interval) and form.problem(plain) is None and np.isfinite(float(form.widest)):
        low, high = sum(plain) / 2 + 0.5 * float(form.widest) * np.array([-1, 1])
        yield f"{name}, as wide as is allowed", [max(low, float(form.low)), min(high, float(form.high))]


def _verdict(drawn: Drawn, number: str, plain: Any, mistakes: bool = True) -> Verdict:
    try:
        verdict, problem = drawn.verdict(number, plain, mistakes), drawn.form(number).problem(plain)
    except ValueError as error:
        return Verdict("broken", str(error))
    return Verdict(*problem) if problem and verdict.outcome == "right" else verdict  # its range is too narrow


# ---- what can be had without working it out


def _among_the_given(drawn: Drawn, number: str) -> Iterator[str]:
    """Yield the names of given things that hold the right answer."""
    key, form = drawn.key(number), drawn.form(number)
    for name, value in drawn.given.values().items():
        table = value if isinstance(value, pd.DataFrame) else None
        if isinstance(form, Selection) and table is not None and form.of in table:
            worth = table.groupby(table[form.of].astype(str)).sum(numeric_only=True)
            for column in worth.columns[~worth.columns.isin([form.of])]:
                listed = worth[column].nlargest(int(form.count)).index.tolist()
                if set(listed) <= set(key.truth.index) and money(key.truth, listed) > 0.999:
                    yield f"{name}.{column}"
        elif isinstance(form, Interval):
            held = value if table is None else table.mean(numeric_only=True).tolist()
            if any(np.isclose(key.truth, one, rtol=1e-9, atol=0) for one in _numbers(held)):
                yield name
        elif isinstance(form, Number):
            if table is None and any(form.agrees(one, key.right) for one in _numbers(value)):
                yield name
        elif isinstance(form, Table):  # a label may stand there: to see that it is the one is the question
            plain = form.plain(value)
            if form.problem(plain) is None and form.agrees(plain, key.right):
                yield name


def _numbers(value: Any) -> Iterator[float]:
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]:
        if isinstance(one, int | float) and not isinstance(one, bool):
            yield float(one)


def _in_public(drawn: Drawn, question: Question) -> Iterator[Row]:
    """Look up the rows from which a future is to be foretold: a public log tells what came after them."""
    if question.truth is None or question.solution is None:
        return
    for name in inspect.signature(question.solution).parameters:
        table = drawn.given.values()[name]
        if not isinstance(table, pd.DataFrame):
            continue
        days, numbers = table.select_dtypes("datetime"), table.select_dtypes("number")
        pairs = product(days, numbers, (1, 100))  # dollars, and cents
        keys = [_keys(table[day], table[one] / unit) for day, one, unit in pairs]
        if any(len(rows & _public()) > len(rows) / 2 for rows in keys):
            told = "Its rows stand in cdnow_master, and what came after them as well: draw new customers."
            yield question.number, name, "public", told


def _keys(day: pd.Series, number: pd.Series) -> set[tuple[Any, float]]:
    return set(zip(day.dt.date, number.round(2), strict=True))


@cache
def _public() -> set[tuple[Any, float]]:
    from crmlab import datasets

    log = datasets.load("cdnow_master")
    return _keys(log["date"], log["amount"])


# ---- one variant and another


def _across(exercise: Exercise, trials: Sequence[Drawn]) -> Iterator[Row]:
    for number in exercise.questions:
        form, keys = trials[0].form(number), [one.key(number) for one in trials]
        if any(
            (one.form(number).problem(one.key(number).right) or ("range",))[0] != "range" for one in trials
        ):
            continue  # without a right answer there is nothing to compare, and it has its row
        held = set(_among_the_given(trials[0], number))
        for one in trials[1:] if held else ():
            held &= set(_among_the_given(one, number))
        for name in sorted(held):
            yield number, name, "given", "What is given holds the right answer."
        if len(trials) < 2 or isinstance(form, Function | Text):  # a text is read by a person
            continue
        if isinstance(form, Interval):
            widest = min(float(getattr(one.form(number), "widest")) for one in trials)  # noqa: B009
            share, most = known_beforehand([key.truth for key in keys], widest), MOST
            what = "An interval known beforehand, as wide as is allowed, is right"
        else:
            same = [form.agrees(other.right, one.right) for one, other in pairwise(keys)]
            if isinstance(form, Selection):
                same = [_is_chosen_again(one, other, number) for one, other in pairwise(trials)]
            share, most = float(np.mean(same)), 2 * MOST if isinstance(form, Choice) else MOST
            what = "The answer of one variant is right in the next"
        if share > most:
            told = f"{what} in {share:.0%} of the cases: let it depend more on each one's own data."
            yield number, "fixed answer", "same for all", told


def _is_chosen_again(one: Drawn, other: Drawn, number: str) -> bool:
    """Return whether one's right choice is right for another: the same ids, or the same things."""
    form, chosen = one.form(number), one.key(number).right
    assert isinstance(form, Selection)
    choices, there = [chosen], other.given.values()
    for name, table in one.given.values().items():
        if isinstance(table, pd.DataFrame) and form.of in table and table[form.of].is_unique:
            # by what is the same for everybody: prices of which all can choose, and not what each costs
            beside = [each for each in table if each != form.of and {*table[each]} == {*there[name][each]}]
            rows = table.loc[table[form.of].map(label).isin(chosen), beside].drop_duplicates()
            if beside:
                choices.append(there[name].merge(rows, on=beside)[form.of].map(label).tolist())
    return any(_verdict(other, number, each, mistakes=False).outcome == "right" for each in choices)


def known_beforehand(truths: Sequence[float], widest: float) -> float:
    """Return in which share of variants an interval is right that is taken from what others had.

    Of every second variant the truths are taken as known, and the interval as wide as is allowed that holds
    most of them is tried on the rest, and the other way round.

    Examples
    --------
    >>> known_beforehand([0.3, 0.32, 0.31, 0.33], 0.1), known_beforehand([0.1, 0.4, 0.7, 0.9], 0.1)
    (1.0, 0.0)
    """
    every, held = np.asarray(truths, float), 0
    for known, others in ((every[::2], every[1::2]), (every[1::2], every[::2])):
        inside = max((known[(known >= low) & (known <= low + widest)] for low in known), key=len)
        held += int((np.abs(others - (inside.min() + inside.max()) / 2) <= widest / 2).sum())
    return held / len(every)


def _text(plain: Any) -> str:
    return json.dumps(plain.to_dict() if isinstance(plain, pd.Series) else plain, default=str)
