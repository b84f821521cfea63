"""What a student calls: the data, the check, the hint, the solution, the progress page."""

import json
import time
import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from crmlab import _numbers
from crmlab._html import render
from crmlab._paths import clone
from crmlab._tables import look_up, require_columns
from crmlab.practice import copies, forms
from crmlab.practice.data import Given, read_json
from crmlab.practice.exercise import Question, fill, load, names
from crmlab.practice.marking import Drawn, Verdict

_RELEASED, _LOG, _LOG_VERSION = "form.json", "progress.jsonl", 2
_RANKS = ["right", "formed", "mistake", "wrong", "range", "columns", "type"]
_open: dict[str, Drawn | dict[str, forms.Form]] = {}


class Note(str):
    """A text that a notebook shows as Markdown."""

    def __repr__(self) -> str:
        return str(self)

    def _repr_markdown_(self) -> str:
        return str(self)


def given(exercise: str, student: str = "practice") -> Given:
    """Return the data of an exercise for self-study.

    Parameters
    ----------
    exercise : str
        Its number or name: ``"41"``.
    student : str
        Another name, other data, other right answers.

    Returns
    -------
    Given
        Tables and values as attributes.

    Raises
    ------
    ValueError
        No such exercise.

    Examples
    --------
    >>> given("41").orders.columns.tolist()[:2]
    ['customer_id', 'ordered_at']
    """
    drawn = _draw(load(exercise).name, student)
    _open[drawn.exercise.name.partition("_")[0]] = drawn
    return drawn.given


def read(folder: str | Path) -> Given:
    """Return the data of an assignment, which lie in a folder beside the notebook.

    Parameters
    ----------
    folder : str or Path
        The folder as it was given away, such as ``"41_value_tiers_data"``.

    Returns
    -------
    Given

    Raises
    ------
    FileNotFoundError
        The folder is not there, or not complete.

    Examples
    --------
    >>> read("41_value_tiers_data")
    Traceback (most recent call last):
    FileNotFoundError: ...
    """
    held = Given.read(Path(folder))
    released = {number: forms.read(form) for number, form in read_json(Path(folder), _RELEASED).items()}
    _open[next(iter(released), "").partition(".")[0]] = released
    return held


def check(question: str, answer: Any) -> Verdict:
    """Say at once how an answer went.

    Parameters
    ----------
    question : str
        The question's number: ``"41.2"``.
    answer : object
        The answer. It is never executed as text.

    Returns
    -------
    Verdict
        In an assignment only whether the form is right; the rest is told by the marks.

    Raises
    ------
    ValueError
        No such question, or its exercise's data were not taken yet.

    Examples
    --------
    >>> data = given("41")
    >>> check("41.1", "many")  # doctest: +ELLIPSIS
    This is a text. Wanted: one number (cents), at least 0, right to within 8 % (2 digits are enough).
    """
    held = _held(question)
    if isinstance(held, dict):
        form = look_up("question", question, held)
        problem = form.problem(form.plain(answer))
        formed = "formed", "The form is right. Whether the answer is, the marks will tell."
        return Verdict(*(problem or formed))
    drawn, asked = held, look_up("question", question, held.exercise.questions)
    plain = drawn.form(asked.number).plain(answer, drawn.cases(asked.number))
    verdict = drawn.verdict(asked.number, plain)
    event: dict[str, Any] = {"outcome": verdict.outcome, "mark": verdict.mark}
    if isinstance(asked.form, forms.Interval) and verdict.outcome in ("right", "mistake", "wrong"):
        event |= {"low": plain[0], "high": plain[1], "truth": drawn.key(asked.number).truth}
    if verdict.outcome != "missing":  # to run a notebook in which nothing is written yet is no try
        _log(drawn, asked, event)
    return verdict


def hint(question: str) -> Note:
    """Return the hint to a question.

    Examples
    --------
    >>> data = given("41")
    >>> hint("41.1").startswith("**Hint.**")
    True
    """
    drawn, asked = _find(question)
    _log(drawn, asked, {"outcome": "hint"})
    return Note(fill(asked.hint, drawn.given.values()))


def solution(question: str) -> Note:
    """Return the solution of a question, once an answer of the right form was checked.

    Examples
    --------
    >>> data = given("41")
    >>> solution("41.2").startswith("Try first")
    True
    """
    drawn, asked = _find(question)
    mine = [one for one in _events() if (one["student"], one["question"]) == (drawn.student, asked.number)]
    if not any(one["outcome"] in _RANKS[:5] for one in mine):
        return Note(f'Try first, an answer of your own: `practice.check("{question}", {asked.variable})`.')
    _log(drawn, asked, {"outcome": "solution"})
    why = fill(asked.why, drawn.given.values())
    return Note(f"```python\n{asked.source['solution']}\n```\n\n{why}".strip())


def keep(calibration: pd.DataFrame) -> None:
    """Keep the intervals of a company's envelope for the progress page: ``practice.keep(tea.calibration())``.

    Parameters
    ----------
    calibration : DataFrame
        As :meth:`crmlab.company.Company.calibration` returns it. Of several intervals about one truth the
        first counts: the later ones knew it.

    Examples
    --------
    >>> from crmlab import company
    >>> tea = company.simulate(customers=200)
    >>> tea.commit("alive", 0.3, 0.6)
    >>> truth = tea.open_envelope("alive")
    >>> keep(tea.calibration())
    """
    clone("The pages on which progress is kept")
    if not isinstance(calibration, pd.DataFrame):
        kind = type(calibration).__name__
        raise ValueError(f"keep() takes the table of company.calibration(); got a {kind}.")
    require_columns(calibration.columns, ["low", "high", "truth"])
    lines = calibration[["low", "high", "truth"]].astype(float).dropna()
    for what, line in zip(lines.index, lines.to_dict("records"), strict=True):
        _write({"student": "", "question": str(what), "outcome": "envelope", **line})


@dataclass(frozen=True)
class Progress:
    """The progress page.

    Attributes
    ----------
    questions : DataFrame
        A row for each question: ``title``, ``tries``, ``outcome`` (the best), ``hint`` and ``solution``
        (whether one was asked for).
    calibration : DataFrame
        A row for each interval: ``low``, ``high``, ``truth``, ``inside``.
    old : DataFrame
        What was answered when lessons 41 to 47 were called 16 to 20, by the question's number of that time:
        ``now`` (the lesson of today), ``tries``, ``outcome``, ``hint`` and ``solution``. Only its intervals
        are counted.
    """

    questions: pd.DataFrame
    calibration: pd.DataFrame
    old: pd.DataFrame

    def sentence(self) -> str:
        """Say it in a sentence or two."""
        solved, intervals = int((self.questions["outcome"] == "right").sum()), len(self.calibration)
        told = f"{solved} of {len(self.questions)} questions solved."
        if intervals:
            held = int(self.calibration["inside"].sum())
            told += f" {held} of {intervals} intervals held the truth;"
            told += f" of 90 % intervals {0.9 * intervals:.1f} should."
        if len(self.old):
            told += f" Under the old numbers, not counted here: {len(self.old)} questions."
        return told

    def plot_calibration(self, ax: Axes | None = None) -> Axes:
        """Draw every interval, and where in or outside it the truth lies."""
        from crmlab.company.envelope import plot_calibration  # the sandbox has no use for it

        return plot_calibration(self.calibration, ax)

    def __repr__(self) -> str:
        tables = [table.to_string() for table in (self.questions, self.old) if len(table)]
        return "\n".join([self.sentence(), *tables])

    def _repr_html_(self) -> str:
        tables = [table for table in (self.questions, self.calibration, self.old) if len(table)]
        return render("progress.html", sentence=self.sentence(), tables=tables)


def progress() -> Progress:
    """Return the progress page: every question, how it went, and how well you know what you know.

    It is kept in ``my_course/practice/progress.jsonl`` and survives restarts.

    Returns
    -------
    Progress

    Examples
    --------
    >>> progress().questions.columns.tolist()
    ['title', 'tries', 'outcome', 'hint', 'solution']
    """
    events, former, rows = _events(), _events(old=True), {}
    for name in names():
        for number, question in load(name).questions.items():
            rows[number] = {"title": question.title, **_tally(events, number)}
    asked = sorted({one["question"] for one in former})
    old = {number: {"now": _numbers.now(number), **_tally(former, number)} for number in asked}
    columns = ["tries", "outcome", "hint", "solution"]
    table, older = (
        pd.DataFrame.from_dict(found, orient="index", columns=[first, *columns]).rename_axis(name)
        for found, first, name in ((rows, "title", "question"), (old, "now", "old number"))
    )
    events += [one | {"question": f"{one['question']} (old)"} for one in former]
    intervals = pd.DataFrame(events, columns=["question", "student", "low", "high", "truth"])
    intervals = intervals.dropna().drop_duplicates(["question", "student", "truth"])
    intervals = intervals.drop(columns="student").set_index("question").astype(float)
    inside = intervals["truth"].between(intervals["low"], intervals["high"])
    return Progress(table, intervals.assign(inside=inside), older)


def _tally(events: list[dict[str, Any]], question: str) -> dict[str, Any]:
    """Return how one question went."""
    mine = [one["outcome"] for one in events if one["question"] == question]
    tried = sorted((one for one in mine if one in _RANKS), key=_RANKS.index)
    return {
        "tries": len(tried),
        "outcome": tried[0] if tried else "not tried",
        "hint": "hint" in mine,
        "solution": "solution" in mine,
    }


@lru_cache(maxsize=32)
def _draw(name: str, student: str) -> Drawn:
    return Drawn(load(name), copies.PUBLIC, student)


def _held(question: object) -> Drawn | dict[str, forms.Form]:
    """Return the exercise of a question as it was drawn, or an assignment's forms."""
    if not isinstance(question, str):
        kind = type(question).__name__
        raise ValueError(f'A question is named by a text: practice.check("41.2", answer); got a {kind}.')
    part = question.partition(".")[0]
    if part not in _open:
        load(part)  # an exercise that there is not is told first
        raise ValueError(f"Your data of exercise {part} are not here yet: run the cell 'given = ...' first.")
    return _open[part]


def _find(question: str) -> tuple[Drawn, Question]:
    drawn = _held(question)
    if isinstance(drawn, dict):
        raise ValueError("An assignment has neither hints nor solutions.")
    return drawn, look_up("question", question, drawn.exercise.questions)


def _log(drawn: Drawn, asked: Question, event: dict[str, Any]) -> None:
    _write({"student": drawn.student, "question": asked.number, **event})


def _write(event: dict[str, Any]) -> None:
    line = json.dumps({"schema_version": _LOG_VERSION, "at": int(time.time()), **event})
    try:
        folder = copies.FOLDER / "practice"
        folder.mkdir(parents=True, exist_ok=True)
        # one short line at the end: two notebooks may write at once, and what stood there stays. It begins
        # with the end of the line before, which a full disk may have cut short
        with (folder / _LOG).open("a", encoding="utf-8") as log:
            log.write(f"\n{line}")
    except OSError as error:
        warnings.warn(f"Your progress is not kept: {error}", stacklevel=4)


def _events(old: bool = False) -> list[dict[str, Any]]:
    """Return what the log holds under the numbers of today, or what it holds under the old ones."""
    # a log that still lies where it used to, or was moved from there beside another, counts as well
    logs = [
        log for folder in (copies.OLD, copies.FOLDER / "practice") for log in folder.glob("progress*.jsonl")
    ]
    found = []
    for line in (line for log in logs for line in _lines(log)):
        try:
            event = json.loads(line)
            numbers = {name: float(event[name]) for name in ("low", "high", "truth") if name in event}
            texts = {name: str(event[name]) for name in ("student", "question", "outcome")}
            first_numbers = int(event.get("schema_version", 1)) < 2 and _numbers.now(texts["question"])
            if bool(first_numbers) == old:
                found.append((float(event.get("at", 0)), texts | numbers))
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            continue  # a line that was cut short or edited costs itself only
    return [event for _, event in sorted(found, key=lambda one: one[0])]


def _lines(log: Path) -> list[str]:
    try:
        return log.read_text("utf-8", "replace").splitlines()
    except OSError:
        return []
