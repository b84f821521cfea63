"""The reader's own copies of the course: lessons without outputs, practice notebooks, links between them."""

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from crmlab._paths import ROOT
from crmlab.practice.exercise import load, names
from crmlab.practice.marking import Drawn
from crmlab.practice.student_notebook import student_notebook

if TYPE_CHECKING:
    from crmlab.course import Lesson

FOLDER = ROOT / "my_course"
"""Where the lessons lie for a reader to write in; the practice notebooks and the log of the progress lie in
its folder ``practice``. Lessons lie as deep here as in ``notebooks``, so that their links hold in both, and
no two notebooks have one name, for JupyterLab shows nothing else on its tabs."""

OLD = ROOT / "notebooks" / "practice"
"""Where practice notebooks and the log lay before."""

PUBLIC = "practice"
"""The key of self-study, which is no secret."""


def lay_out() -> list[str]:
    """Lay out the course in ``my_course``: the lessons without their outputs, and the practice notebooks.

    A copy in which nothing was written is made anew when the course has changed; any other stays as it is,
    and so does a notebook that the course does not know. What lies in ``notebooks/practice``, where practice
    notebooks used to be, is moved to ``my_course/practice``.

    Returns
    -------
    list of str
        Sentences for the reader: what was moved, and which copies are theirs though the course has a newer
        version.

    Examples
    --------
    >>> lay_out()  # doctest: +SKIP
    ['Moved from notebooks/practice to my_course/practice: progress.jsonl.']
    """
    told, kept = _bring_over(), []
    _lay_glossary()
    for lesson in _lessons():
        made = _lesson(lesson)
        if not _lay(FOLDER / f"{lesson.name}.ipynb", _mark(made), partial(dict, made)):
            kept.append(f"{lesson.name}.ipynb")
    for name in names():
        if not _lay_practice(name, "practice")[1]:
            kept.append(f"practice/{name}_practice.ipynb")
    if kept:
        told.append(
            f"You wrote in {', '.join(kept)}, and the course has a newer version: yours stays as it is. "
            "Rename it, and the new one is laid out beside it at the next start."
        )
    return told


def notebook(exercise: str, student: str = "practice") -> Path:
    """Make the student's notebook of an exercise in ``my_course/practice``.

    A notebook in which nothing was written is made anew when the exercise has changed; any other stays.

    Parameters
    ----------
    exercise, student : str
        As in :func:`given`.

    Returns
    -------
    Path

    Examples
    --------
    >>> notebook("41").name
    '41_value_tiers_practice.ipynb'
    """
    return _lay_practice(exercise, student)[0]


def _lay_practice(exercise: str, student: str) -> tuple[Path, bool]:
    chosen = load(exercise)
    path = FOLDER / "practice" / f"{chosen.name}_{quote(student, safe='')}.ipynb"
    footer = _practice_footer(chosen.name)
    asked = [chosen.name.partition("_")[0]] + ([] if student == "practice" else [student])
    begin = f"given = practice.given({', '.join(json.dumps(one, ensure_ascii=False) for one in asked)})"

    def make() -> dict[str, Any]:
        drawn, example = (Drawn(chosen, PUBLIC, one) for one in (student, "example"))
        made = student_notebook(drawn, example, begin, check=True)
        made["cells"] += footer
        return made

    source = hashlib.sha256(f"{chosen.digest}{json.dumps(footer)}".encode()).hexdigest()
    return path, _lay(path, source, make)


def _lay(path: Path, source: str, make: Callable[[], dict[str, Any]]) -> bool:
    """Write a notebook unless somebody wrote in the one there; return whether it is now of this source."""
    if path.exists():
        try:
            held = json.loads(path.read_bytes())
            about = held["metadata"]["crmlab"]
            if about["source"] == source or about["cells"] != _mark(held):
                return bool(about["source"] == source)
        except (ValueError, TypeError, KeyError, RecursionError):
            return False  # not as it was made, and so the reader's own
    made = make()
    about = made["metadata"].get("crmlab", {}) | {"source": source, "cells": _mark(made)}
    made["metadata"] = made["metadata"] | {"crmlab": about}
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = path.with_suffix(".new")
    whole.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    whole.replace(path)
    return True


def _lay_glossary() -> None:
    """Write the glossary with links to the copies: those of docs/ lead to the lessons that git tracks."""
    from crmlab import course

    text = course.glossary().replace("(../notebooks/", f"(../{FOLDER.name}/")
    path = FOLDER.parent / "build" / "glossary.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _mark(held: Any) -> str:
    """Return a mark by which one sees that somebody has written into a notebook; running it is no writing."""
    cells = [[cell["cell_type"], "".join(cell["source"])] for cell in held["cells"]]
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()


def _bring_over() -> list[str]:
    """Move what lies in `OLD` to the practice notebooks, one by one and each in one step; lose nothing."""
    new = FOLDER / "practice"
    found = sorted(OLD.iterdir()) if OLD.is_dir() else []
    if OLD.is_dir() and not found:
        # emptied by an earlier start, and not at once: a JupyterLab that was open then could still save there
        OLD.rmdir()
    for path in found:
        new.mkdir(parents=True, exist_ok=True)
        practised = path.suffix == ".ipynb" and path.stem in names()
        wanted = new / (f"{path.stem}_practice.ipynb" if practised else path.name)
        others = (wanted.with_stem(f"{wanted.stem} ({number})") for number in count(2))
        target = next(free for free in chain([wanted], others) if not free.exists())
        with suppress(FileNotFoundError):  # another start, at the same time, was quicker
            shutil.move(path, target)
    there = [path.name for path in found if not path.name.startswith(".")]
    return [f"Moved from notebooks/practice to my_course/practice: {', '.join(there)}."] if there else []


def _lessons() -> "Sequence[Lesson]":
    from crmlab import course  # takes a second to load, and the sandbox has no use for it

    return course.lessons()


def _lesson(lesson: "Lesson") -> dict[str, Any]:
    """Return a lesson as a reader gets it: before anything was run, and with its links at the end."""
    made: dict[str, Any] = json.loads((ROOT / "notebooks" / f"{lesson.name}.ipynb").read_bytes())
    for cell in made["cells"]:
        if cell["cell_type"] == "code":
            cell |= {"execution_count": None, "outputs": []}
        else:
            text = "".join(cell["source"]).replace("(../docs/glossary.md", "(../build/glossary.md")
            cell["source"] = text.splitlines(keepends=True)
    every = _lessons()
    place = every.index(lesson)
    links = [f"**Practice:** {_link(lesson, 'practice/', '_practice')}"] if lesson.name in names() else []
    links += [f"**Next lesson:** {_link(one)}" for one in every[place + 1 : place + 2]]
    links += [f"**Lesson before:** {_link(one)}" for one in every[max(place - 1, 0) : place]]
    made["cells"] += _footer(links)
    return made


def _practice_footer(name: str) -> list[dict[str, Any]]:
    every = _lessons()
    place = next((index for index, one in enumerate(every) if one.name == name), len(every))
    links = [f"**Back to the lesson:** {_link(one, '../')}" for one in every[place : place + 1]]
    links += [f"**Next lesson:** {_link(one, '../')}" for one in every[place + 1 : place + 2]]
    return _footer(links)


def _footer(links: Sequence[str]) -> list[dict[str, Any]]:
    cell = {"cell_type": "markdown", "id": "go-on", "metadata": {}, "source": "---\n\n" + " · ".join(links)}
    return [cell] if links else []


def _link(lesson: "Lesson", folder: str = "", student: str = "") -> str:
    return f"[{lesson.number} · {lesson.title}]({folder}{lesson.name}{student}.ipynb)"
