"""The answer book: solutions, known mistakes and everybody's right answers, for the instructor."""

from pathlib import Path
from typing import Any

from tqdm import tqdm

from crmlab._html import render
from crmlab.grading.assignment import read_key
from crmlab.grading.handout import draw
from crmlab.grading.report import store
from crmlab.practice import load
from crmlab.practice.exercise import fill

LONGEST = 120
"""Signs of an answer that are shown; a table may have thousands of rows."""


def answer_book(
    key_file: str | Path, path: str | Path, folder: str | Path | None = None, progress: bool = False
) -> None:
    """Write what an instructor wants at hand: of each question task, solution, mistakes and right answers.

    Parameters
    ----------
    key_file : str or Path
        That of the release.
    path : str or Path
        Where the page goes, in HTML. It is made from the sources of the exercises and from the key.
    folder : str or Path, optional
        Where the exercises lie; the repository's own by default.
    progress : bool
        Whether to show a bar.

    Examples
    --------
    >>> answer_book("key.json", "answers.html")  # doctest: +SKIP
    """
    about = read_key(key_file)
    exercises = [load(name, folder) for name in about["exercises"]]
    right: dict[tuple[str, str], str] = {}
    given: dict[str, dict[str, Any]] = {}
    for student in tqdm(about["students"], disable=not progress, unit="student"):
        for exercise in exercises:
            drawn = draw(exercise, about, student)
            given.setdefault(exercise.name, drawn.given.values())
            right |= {(student, one): _short(drawn.key(one).right) for one in exercise.questions}
    shown = [
        (
            exercise.name,
            fill(exercise.introduction, given[exercise.name]),
            [
                {
                    "task": fill(one.task, given[exercise.name]),
                    "wanted": one.form.wanted(),
                    "hint": fill(one.hint, given[exercise.name]).removeprefix("**Hint.**").strip(),
                    "solution": one.source["solution"],
                    "why": fill(one.why, given[exercise.name]).removeprefix("**Why.**").strip(),
                    "wrong": {name: " ".join(str(held.__doc__).split()) for name, held in one.wrong.items()},
                    "right": {student: right[student, number] for student in about["students"]},
                }
                for number, one in exercise.questions.items()
            ],
        )
        for exercise in exercises
        if about["students"]
    ]
    first = next(iter(about["students"]), "")
    store(Path(path), render("answers.html", title="Answer book", exercises=shown, first=first))


def _short(plain: Any) -> str:
    """Return a plain answer in a line."""
    if isinstance(plain, dict) and "columns" in plain:
        columns = plain["columns"].values()
        rows = [" ".join(map(_short, row)) for row in zip(*columns, strict=False)]
        text = "; ".join(rows)
    elif isinstance(plain, dict):
        text = "; ".join(f"{_short(held)}" for held in plain.values())
    elif isinstance(plain, list):
        text = ", ".join(map(_short, plain))
    else:
        text = f"{plain:,.6g}" if isinstance(plain, float) else str(plain)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} …"
