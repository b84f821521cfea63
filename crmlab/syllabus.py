"""What the course consists of (notebooks/course.toml), and the pages made of it.

The README's tables of lessons and of tasks, the glossary, and the plans of twelve and of twenty-four weeks.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from crmlab._numbers import now
from crmlab._paths import ROOT, clone
from crmlab._tables import unknown

_GLOSSARY_HEAD = (
    "# Glossary\n\n"
    "Half of all quarrels about customer data are quarrels about words. Here is what they mean in this "
    "course. The lesson named at the end of a line explains the word; this page is made from "
    "`notebooks/course.toml`.\n\n"
    "| English | 中文 | meaning here | lesson |\n|---|---|---|---|"
)

_PLANS_HEAD = (
    "# Plans\n\n"
    "Two plans for a class: {short} weeks with the core of the course, {long} with all of it. A week's "
    "minutes are those that a student needs alone, for its lessons and then for their practice notebooks. "
    "A lesson never comes before those that it builds on, and every task of the table in the "
    "[README](../README.md) is met in either plan. This page is made from `notebooks/course.toml`, where a "
    "lesson of the core says `core = true`. A plan of your own is a line of Python: `syllabus.plan(16)`, or "
    '`syllabus.plan(3, ["00", "01", "16"])`.\n'
)

WEEKS = (12, 24)
"""The plans on docs/plans.md: the core of the course, and all of it."""


class Frame(NamedTuple):
    """A way in which the literature divides the field: its tasks, each with what it asks."""

    name: str
    source: str
    tasks: dict[str, str]


class Term(NamedTuple):
    """A word that a lesson brings: the lesson explains it where it first stands, the glossary in a line."""

    english: str
    chinese: str
    meaning: str


@dataclass(frozen=True)
class Lesson:
    """One entry of notebooks/course.toml."""

    number: str
    slug: str
    part: int
    title: str
    question: str
    minutes: int
    objectives: tuple[str, ...]
    data: tuple[str, ...]
    budget_seconds: int
    status: str
    pattern: bool = False
    practice_minutes: int = 0
    prerequisites: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    core: bool = False
    terms: tuple[Term, ...] = ()

    @property
    def name(self) -> str:
        """The notebook's file name without its suffix."""
        return f"{self.number}_{self.slug}"


def lessons(numbers: Sequence[str] = (), root: Path = ROOT) -> list[Lesson]:
    """Read the course's lessons from ``notebooks/course.toml``, in the order of the file.

    Parameters
    ----------
    numbers : sequence of str
        The lessons wanted, by number or by name (``"41"``, ``"41_value_tiers"``); all of them when empty.
    root : Path
        The clone whose ``notebooks`` folder is read.

    Returns
    -------
    list of Lesson

    Raises
    ------
    ValueError
        A number or name that no lesson has; of an old number the message says the new one.

    Examples
    --------
    >>> lessons(["41"])[0].name
    '41_value_tiers'
    """
    clone("The lessons", root)
    entries = _declared(root)["lesson"]
    every = []
    for entry in entries:
        held: dict[str, Any] = {k: tuple(one) if isinstance(one, list) else one for k, one in entry.items()}
        every.append(Lesson(**held | {"terms": tuple(Term(*term) for term in entry.get("terms", []))}))
    known = {name for lesson in every for name in (lesson.number, lesson.name)}
    for number in numbers:
        if number not in known:
            if now(number):
                raise ValueError(f"Lesson {number} is now {now(number)}.")
            raise ValueError(unknown("lesson", number, [lesson.number for lesson in every]))
    return [lesson for lesson in every if not numbers or {lesson.number, lesson.name} & set(numbers)]


def table(root: Path = ROOT) -> str:
    """Return the README's table of notebooks, in Markdown.

    Examples
    --------
    >>> print(table().splitlines()[0])
    | | Lesson | The manager asks | Minutes | Data |
    """
    rows = ["| | Lesson | The manager asks | Minutes | Data |", "|---|---|---|---|---|"]
    for lesson in lessons(root=root):
        draft = " (draft)" if lesson.status == "draft" else ""
        link = f"[{lesson.title}](notebooks/{lesson.name}.ipynb){draft}"
        data = ", ".join(f"`{name}`" for name in lesson.data)
        rows.append(f"| {lesson.number} | {link} | {lesson.question} | {lesson.minutes} | {data} |")
    return "\n".join(rows)


def glossary(root: Path = ROOT) -> str:
    """Return the page docs/glossary.md: every term of the course, and the lesson that brings it.

    Examples
    --------
    >>> print(glossary().splitlines()[0])
    # Glossary
    """
    rows = [
        (term, f"[{lesson.number}](../notebooks/{lesson.name}.ipynb)")
        for lesson in lessons(root=root)
        for term in lesson.terms
    ]
    rows.sort(key=lambda row: row[0].english.casefold())
    lines = [f"| {term.english} | {term.chinese} | {term.meaning} | {link} |" for term, link in rows]
    return "\n".join([_GLOSSARY_HEAD, *lines, ""])


def frames(root: Path = ROOT) -> list[Frame]:
    """Read the frames from ``notebooks/course.toml``; their tasks are the tags of the lessons.

    Examples
    --------
    >>> [frame.name for frame in frames()]
    ['Peppers and Rogers', 'Payne and Frow', 'Kumar and others']
    """
    return [Frame(one["name"], one["source"], dict(one["tasks"])) for one in _declared(root).get("frame", [])]


def tasks(root: Path = ROOT) -> str:
    """Return the README's table of tasks, in Markdown: the lessons that carry each as a tag.

    Examples
    --------
    >>> print(tasks().splitlines()[0])
    | Frame | Task | Lessons |
    """
    rows = ["| Frame | Task | Lessons |", "|---|---|---|"]
    for frame in frames(root):
        for place, (task, asks) in enumerate(frame.tasks.items()):
            links = [_link(one, "") for one in lessons(root=root) if task in one.tags]
            name = f"{frame.name} ({frame.source})" if place == 0 else ""
            rows.append(f"| {name} | **{task}**: {asks} | {', '.join(links)} |")
    return "\n".join(rows)


def plan(weeks: int, numbers: Sequence[str] = (), root: Path = ROOT) -> list[list[Lesson]]:
    """Lay lessons out over the weeks of a term, in their order, so that the weeks are alike in minutes.

    Of all ways to cut the row of lessons into that many weeks it is the one with the smallest sum of squared
    minutes (lesson and practice).

    Parameters
    ----------
    weeks : int
        Weeks of the term, 1 or more, at most one for each lesson.
    numbers : sequence of str
        The lessons, by number or by name; all of them when empty. What they build on must be among them.
    root : Path
        The clone whose ``notebooks`` folder is read.

    Returns
    -------
    list of list of Lesson
        One list for each week.

    Raises
    ------
    ValueError
        Weeks that cannot be filled, an unknown number, or a lesson without its prerequisites.

    Examples
    --------
    >>> [[lesson.number for lesson in week] for week in plan(2, ["00", "01", "11"])]
    [['00', '01'], ['11']]
    """
    chosen = lessons(numbers, root)
    if not 1 <= weeks <= len(chosen):
        raise ValueError(f"weeks must be between 1 and {len(chosen)}, the number of lessons; it was {weeks}.")
    here = {lesson.number for lesson in chosen}
    for lesson in chosen:
        if lacking := sorted(set(lesson.prerequisites) - here):
            raise ValueError(f"Lesson {lesson.number} builds on {', '.join(lacking)}: add what it builds on.")

    @cache
    def cut(start: int, left: int) -> tuple[int, tuple[int, ...]]:
        """Return the smallest sum of squares from lesson `start` on, and where each week ends."""
        ends = [len(chosen)] if left == 1 else range(start + 1, len(chosen) - left + 2)
        ways = []
        for end in ends:
            rest, later = cut(end, left - 1) if left > 1 else (0, ())
            ways.append((_minutes(chosen[start:end]) ** 2 + rest, (end, *later)))
        return min(ways)

    ends = cut(0, weeks)[1]
    return [chosen[start:end] for start, end in zip((0, *ends), ends, strict=False)]


def plans(root: Path = ROOT) -> str:
    """Return the page docs/plans.md: a plan of twelve weeks with the core of the course, one of 24 with all.

    Examples
    --------
    >>> print(plans().splitlines()[0])
    # Plans
    """
    short, long = WEEKS
    core = [lesson.number for lesson in lessons(root=root) if lesson.core]
    text = [_PLANS_HEAD.format(short=short, long=long)]
    for weeks, numbers in ((short, core), (long, [])):
        text += [
            f"## {weeks} weeks\n",
            "| Week | Lessons | The manager asks | Minutes |",
            "|---|---|---|---|",
        ]
        for number, week in enumerate(plan(weeks, numbers, root), start=1):
            links = "; ".join(f"{_link(one, '../')} {one.title}" for one in week)
            asked = " ".join(one.question for one in week)
            minutes = f"{sum(one.minutes for one in week)} + {sum(one.practice_minutes for one in week)}"
            text.append(f"| {number} | {links} | {asked} | {minutes} |")
        text.append("")
    return "\n".join(text)


def pages(root: Path = ROOT) -> dict[Path, str]:
    """Return each page that is made from ``notebooks/course.toml``, whole, by its path.

    Examples
    --------
    >>> sorted(path.name for path in pages())
    ['README.md', 'glossary.md', 'plans.md']
    """
    readme = (root / "README.md").read_text(encoding="utf-8")
    for name, made in (("course", table(root)), ("task", tasks(root))):
        begin, end = f"<!-- {name} table -->\n", f"<!-- end of {name} table -->"
        if begin in readme:
            head, _, rest = readme.partition(begin)
            readme = f"{head}{begin}{made}\n{end}{rest.partition(end)[2]}"
    docs = root / "docs"
    found = {root / "README.md": readme, docs / "glossary.md": glossary(root)}
    if len(lessons(root=root)) >= max(WEEKS):
        found[docs / "plans.md"] = plans(root)
    return found


def _declared(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "notebooks" / "course.toml").read_text(encoding="utf-8"))


def _link(lesson: Lesson, above: str) -> str:
    return f"[{lesson.number}]({above}notebooks/{lesson.name}.ipynb)"


def _minutes(chosen: Sequence[Lesson]) -> int:
    return sum(lesson.minutes + lesson.practice_minutes for lesson in chosen)
