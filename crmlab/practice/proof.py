"""An exercise tried on itself: what must hold for each student's data, and from one student to the next."""

import ast
import inspect
import re
from collections.abc import Iterable, Iterator, Sequence
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
from crmlab.practice.twice import drawn_twice

UNITS = (1.0, 100.0, 0.01, 1000.0, 0.001)
MOST, LEAST, ENOUGH = 1 / 3, 12, 24
"""In which share of variants one fixed answer may be right; how many variants tell so of an interval; and how
many settle a doubt."""

Row = tuple[str, str, str, str]
COLUMNS = ["student", "question", "answer", "outcome", "message"]


def prove(exercise: Exercise, variants: int = 3, small: bool = True, progress: bool = False) -> pd.DataFrame:
    """Try an exercise on itself, before anybody is marked by it.

    In each variant the set-up and the starters run, the solution is right, no answer is no answer, and each
    wrong answer is named as the mistake it is, an interval also when it is as wide as is allowed. No answer
    stands among what is given or in a public data set. Drawn twice, a variant is the same, with several
    variants in another process as well. From one variant to the next right answers differ, and no interval
    that one could know beforehand is right in more than a third of them; where too few variants raise a
    doubt, more are drawn until it is settled.

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
        found = _in_itself(trials[-1], again=number == 0, elsewhere=variants > 1)
        failed += [(trials[-1].student, *row) for row in _told("", "exercise", found)]
        if any(row[3] == "broken" for row in failed):  # there is nothing to compare
            return pd.DataFrame(failed, columns=COLUMNS)
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


def _told(number: str, what: str, rows: Iterable[Row]) -> Iterator[Row]:
    """Yield rows, and one more where something stops."""
    try:
        yield from rows
    except Exception as error:
        yield number, what, "broken", str(error) if isinstance(error, ValueError) else f"{told(error)}."


def _in_itself(drawn: Drawn, again: bool, elsewhere: bool) -> Iterator[Row]:
    exercise, _ = drawn.exercise, drawn.given  # which may be none
    yield from _told("", "introduction", _filled(drawn, exercise.introduction))
    if again:
        yield from drawn_twice(drawn, elsewhere)
        yield from _shown(exercise)
    yield from _notebook(drawn)
    for number, question in exercise.questions.items():
        for what in ("task", "hint", "why"):
            yield from _told(number, what, _filled(drawn, getattr(question, what)))
        yield from _told(number, "question", _answers(drawn, number))
        yield from _in_public(drawn, question)


def _filled(drawn: Drawn, text: str) -> Iterator[Row]:
    fill(text, drawn.given.values())
    yield from ()


def _shown(exercise: Exercise) -> Iterator[Row]:
    """Look for what a solution returns in what the student is handed, and for a number left out."""
    texts = [exercise.introduction, exercise.set_up]
    for place, (number, question) in enumerate(exercise.questions.items(), start=1):
        texts += [question.task, question.source["starter"]]
        if not number.endswith(f".{place}"):
            yield number, "number", "skipped", f"It is question {place} here: number them 1, 2, 3, …"
    for number, question in exercise.questions.items():
        returns = [
            one for one in ast.walk(ast.parse(question.source["solution"])) if isinstance(one, ast.Return)
        ]
        said = {_bare(ast.unparse(one.value)) for one in returns if one.value}
        if any(len(one) > 15 and one in _bare("\n".join(texts)) for one in said):
            told = "What it returns stands in a task, a starter or the set-up, which the student reads."
            yield number, "solution", "shown", told


def _bare(source: str) -> str:
    return re.sub(r"[\s\"']", "", source)


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
            if question.variable not in space:
                yield number, "starter", "missing", f"It sets no {question.variable}."
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
    tables = [one for one in drawn.given.values().values() if isinstance(one, pd.DataFrame)]
    if isinstance(form, Selection) and tables and not any(form.of in one for one in tables):
        yield number, "form", "columns", f"No given table has the column {form.of!r}, from which to choose."
    if isinstance(form, Function) and form.agrees(key.right, key.right):
        outputs = key.right["outputs"]
        if all(form.returns.agrees(one, outputs[0]) for one in outputs):
            yield number, "cases", "same", "On all inputs the right output is the same: let them differ."
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


def _among_the_given(drawn: Drawn, number: str, pairs: bool) -> Iterator[str]:
    """Yield the names of given things that hold the right answer, of `pairs` in their sum or difference."""
    key, form, given = drawn.key(number), drawn.form(number), drawn.given.values()
    for name, value in given.items():
        if isinstance(form, Selection) and isinstance(value, pd.DataFrame) and form.of in value:
            ids = value[form.of].map(label)
            worth = value.groupby(ids).sum(numeric_only=True).drop(columns=form.of, errors="ignore")
            count, order = int(form.count), ids.drop_duplicates()
            listed = {f"{name}.{one}": worth[one].nlargest(count).index for one in worth}
            listed |= {f"{name}.{one}, the least": worth[one].nsmallest(count).index for one in worth}
            listed |= {
                f"{name}, its first rows": order.head(count),
                f"{name}, its last rows": order.tail(count),
            }
            for where, one in listed.items():
                if set(one) <= set(key.truth.index) and money(key.truth, [*one]) > 0.999:
                    yield where
        elif isinstance(form, Table):  # a label may stand there: to see that it is the one is the question
            plain = form.plain(value)
            if form.problem(plain) is None and form.agrees(plain, key.right):
                yield name
    if not isinstance(form, Interval | Number):
        return
    right = key.truth if isinstance(form, Interval) else key.right
    held = [one for name, value in given.items() for one in _numbers(name, value, isinstance(form, Interval))]
    for name, one in held:
        same = isinstance(form, Number) and form.agrees(one, right)
        if same or any(np.isclose(one * unit, right, rtol=1e-9, atol=0) for unit in UNITS):
            yield name
    if pairs and isinstance(form, Interval) and held:  # of a number to be worked out they may be the way
        names, numbers = zip(*held, strict=True)
        for sign, some in (("+", np.add), ("-", np.subtract)):
            both = np.isclose(some.outer(numbers, numbers), right, rtol=1e-9, atol=0)
            yield from (f"{names[one]} {sign} {names[other]}" for one, other in np.argwhere(both))


def _numbers(name: str, value: Any, totals: bool) -> Iterator[tuple[str, float]]:
    """Yield the numbers in a given thing; of a table with `totals` what one line makes of it."""
    if isinstance(value, pd.DataFrame):
        numbers = value.select_dtypes("number")
        for column in numbers:
            held = numbers[column].dropna()
            for what in (
                ("mean", "sum", "median", "min", "max") if totals else ["min"] * (held.nunique() == 1)
            ):
                yield f"{name}.{column}, {what}", float(held.agg(what))
        if totals:
            yield f"{name}, rows", len(value)
            yield from ((f"{name}.{one}, different ones", value[one].nunique()) for one in value)
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _numbers(name, one, totals)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield name, float(value)


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
        held = set(_among_the_given(trials[0], number, len(trials) > 1))
        for one in trials[1:] if held else ():
            held &= set(_among_the_given(one, number, True))
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
    choices, theirs = [chosen], other.given.values()
    for name, table in one.given.values().items():
        if isinstance(table, pd.DataFrame) and form.of in table and table[form.of].is_unique:
            mine, there = (each.assign(_row=range(len(each))) for each in (table, theirs[name]))
            # by what is the same for everybody: prices of which all can choose, and not what each costs
            beside = [one for one in mine if one != form.of and one in there]
            beside = [one for one in beside if {*mine[one].dropna()} == {*there[one].dropna()}]
            # together, and each alone: one of them may be dealt out by lot; and by its row in the table
            for on in ([one for one in beside if one != "_row"], *([one] for one in beside)):
                rows = mine.loc[mine[form.of].map(label).isin(chosen), on].drop_duplicates()
                if on:
                    choices.append(there.merge(rows, on=on)[form.of].map(label).tolist())
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
