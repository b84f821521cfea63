"""From the marks of answers to the marks of students: by hand, excused, in groups, late, weighed."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from crmlab.grading import overrides
from crmlab.grading.handins import NOTHING, HandIn
from crmlab.grading.settings import NAME, Settings, group_data, places, read_settings
from crmlab.practice.exercise import Exercise
from crmlab.practice.forms import Text


class Term:
    """What the teacher has said about an assignment, and what it makes of the marks.

    Parameters
    ----------
    folder : str or Path
        That of the key file, with ``settings.toml`` and the files ``overrides*.csv``.
    students : mapping
        From the key file: by student ``name`` and, in a group, ``drawn_for``.
    exercises : sequence of Exercise

    Raises
    ------
    ValueError
        As :func:`read_settings` and :func:`read_overrides`; a group whose members have different data.
    """

    def __init__(
        self, folder: Path, students: Mapping[str, Mapping[str, Any]], exercises: Sequence[Exercise]
    ) -> None:
        self._folder = folder
        self.settings = read_settings(folder, exercises, students)
        self.by_hand = overrides.read_overrides(folder, places(exercises), students, self.settings)
        self._students = students
        self.texts: dict[str, Text] = {
            number: one.form
            for exercise in exercises
            for number, one in exercise.questions.items()
            if isinstance(one.form, Text)
        }
        self._asked = [(exercise.name, number) for exercise in exercises for number in exercise.questions]
        if not self.shares()["share"].sum():
            raise ValueError(f"{folder / NAME}: by the weights nothing counts at all.")
        for name, members in self.settings.groups.items():
            alone = [one for one in members if students[one].get("drawn_for") != group_data(name)]
            if alone:
                raise ValueError(
                    f"{alone[0]} was not handed out the data of group {name}, and cannot hand in with it: "
                    "groups are settled before the release."
                )

    def units(self) -> dict[str, tuple[str, ...]]:
        """Return who hands in: of each group the first, with all names under which it may have done so."""
        inside = {one: name for name, members in self.settings.groups.items() for one in members}
        alone = {one: (one,) for one in self._students if one not in inside}
        return alone | {members[0]: (*members, name) for name, members in self.settings.groups.items()}

    def marks(self, results: Iterable[Mapping[str, Any]], columns: list[str]) -> pd.DataFrame:
        """Return a row for each question of each student, with what the teacher said in it."""
        rows = [
            {**row, "student": student, "name": self._students[student]["name"]}
            for result in results
            for student in self.members(result["student"])
            for row in result["rows"]
        ]
        table = pd.DataFrame(rows, columns=columns)
        order = {student: place for place, student in enumerate(self._students)}
        table = table.sort_values("student", key=lambda one: one.map(order), kind="stable", ignore_index=True)
        self.versions = {
            (student, number): overrides.version(self.texts[number], text)
            for result in results
            for student in self.members(result["student"])
            for number, text in result["texts"].items()
        }
        excused = [
            bool({row.exercise, row.question} & self.settings.excused.get(row.student, frozenset()))
            for row in table.itertuples()
        ]
        table.loc[excused, ["mark", "outcome", "mistake", "reason"]] = math.nan, "excused", "", "Excused."
        return overrides.applied(table, self.by_hand, self.versions)

    def times(self, results: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], datetime]:
        """Return when each exercise of each student was handed in, where that is known."""
        found: dict[tuple[str, str], datetime] = {}
        for result in results:
            for student in self.members(result["student"]):
                said = self.settings.handed_in
                group = self.settings.group(student)
                # one handed in for all: what is said of one holds for those of whom nothing is said
                named = [student, group, *self.settings.groups.get(group, ())]
                at = next((said[one] for one in named if one in said), None)
                if self.settings.file_times and result["handed_in"]:
                    at = datetime.fromisoformat(result["handed_in"])
                if at and result["submitted"]:
                    found[student, result["exercise"]] = at
        return found

    def shares(self) -> pd.DataFrame:
        """Return what each question counts in the total."""
        table = pd.DataFrame(self._asked, columns=["exercise", "question"])
        weight, own = (
            table[name].map(self.settings.weights).fillna(1.0) for name in ("question", "exercise")
        )
        inside = weight / weight.groupby(table["exercise"]).transform("sum")
        own = own / table.assign(own=own).drop_duplicates("exercise")["own"].sum()
        return table.assign(share=(inside * own).fillna(0.0))

    def notes(self, parts: pd.DataFrame) -> list[str]:
        """Return who was late, and by what clock."""
        by = "when the file was last changed" if self.settings.file_times else "the settings"
        left = [one for one, held in self._students.items() if "drawn_for" in held]
        return (
            [
                f"{one} was handed out the data of a group, and is marked alone: the settings name none."
                for one in left
                if not self.settings.group(one)
            ]
            + [
                f"{path.name} lies beside the key file and is not read: settings.toml and overrides*.csv are."
                for path in sorted(self._folder.iterdir())
                if re.search("setting|overrid", path.name, re.IGNORECASE)
                and path.name != NAME
                and not path.match("overrides*.csv")
                and path.name[0] not in ".~"  # open in a spreadsheet
            ]
            + [
                f"{row.student}, {row.exercise}: {row.days_late} days late by {by}, "
                f"so that {row.earned:.0%} became {row.mark:.0%}."
                for row in parts[(parts["days_late"] > 0) & parts["mark"].notna()].itertuples()
            ]
        )

    def members(self, student: str) -> tuple[str, ...]:
        """Return all for whom a student hands in."""
        return self.settings.groups.get(self.settings.group(student), (student,))


def days_late(at: datetime, deadline: datetime, grace_minutes: float = 0.0) -> int:
    """Return how many days after the deadline something came, each day that has begun counted.

    Parameters
    ----------
    at, deadline : datetime
        With time zones, which may differ.
    grace_minutes : float
        How much later is not late at all; beyond it the days count from the deadline.

    Examples
    --------
    >>> paris = datetime.fromisoformat("2026-03-02 23:59+01:00")
    >>> tokyo = datetime.fromisoformat("2026-03-03 08:05+09:00")
    >>> days_late(tokyo, paris, grace_minutes=15), days_late(tokyo, paris, grace_minutes=5)
    (0, 1)
    """
    # within one zone Python reckons with clocks, which are put forward and back
    late = at.astimezone(UTC) - deadline.astimezone(UTC)
    return 0 if late <= timedelta(minutes=grace_minutes) else math.ceil(late / timedelta(days=1))


def subtotals(
    marks: pd.DataFrame, settings: Settings, times: Mapping[tuple[str, str], datetime]
) -> pd.DataFrame:
    """Return what each student has in each exercise.

    Parameters
    ----------
    marks : DataFrame
        A row for each question of each student.
    settings : Settings
    times : mapping
        When it was handed in, by student and exercise.

    Returns
    -------
    DataFrame
        A row for each exercise of each student: ``student``, ``name``, ``exercise``, ``weight`` (0 where
        nothing of it counts), ``earned`` (the mean mark of its questions by their weights; missing where one
        that counts has no mark), ``days_late``, ``mark`` (`earned` less the penalty).

    Examples
    --------
    >>> marks = pd.DataFrame({"student": "s1", "name": "Ann", "exercise": "A1", "question": ["A1.1", "A1.2"],
    ...                       "mark": [1.0, 0.0], "outcome": ["right", "wrong"]})
    >>> subtotals(marks, Settings(weights={"A1.1": 3.0}), {})["mark"].tolist()
    [0.75]
    """
    by = ["student", "name", "exercise"]
    weight = marks["question"].map(settings.weights).fillna(1.0).astype(float)
    weight = weight.where(marks["outcome"] != "excused", 0.0)
    parts = marks[by].assign(weight=weight, earned=(marks["mark"] * weight).where(weight > 0, 0.0))
    table = parts.groupby(by, sort=False).sum(skipna=False).reset_index()
    table["earned"] = (table["earned"] / table["weight"].where(table["weight"] > 0)).astype(float)
    own = table["exercise"].map(settings.weights).fillna(1.0).astype(float)
    table["weight"] = own.where(table["weight"] > 0, 0.0)
    table["days_late"] = [
        days_late(times[key], until, settings.grace_minutes)
        if key in times and (until := settings.extensions.get(key[0], settings.deadline))
        else 0
        for key in zip(table["student"], table["exercise"], strict=True)
    ]
    table["mark"] = table["earned"] * (1 - settings.penalty_per_day * table["days_late"]).clip(lower=0)
    return table


def totals(parts: pd.DataFrame) -> pd.DataFrame:
    """Return the mark of each student.

    Parameters
    ----------
    parts : DataFrame
        As :func:`subtotals` returns it.

    Returns
    -------
    DataFrame
        A row for each student: ``student``, ``name``, ``mark`` (the mean of the exercises by their weights;
        missing where one that counts has none), ``state`` (marked, unmarked or excused), and a column for
        each exercise.

    Examples
    --------
    >>> parts = pd.DataFrame({"student": "s1", "name": "Ann", "exercise": ["A1", "A2"], "weight": [1.0, 3.0],
    ...                       "mark": [1.0, 0.0]})
    >>> totals(parts)[["mark", "state", "A1"]].values.tolist()
    [[0.25, 'marked', 1.0]]
    """
    by = ["student", "name"]
    counts = parts["weight"] > 0
    sums = parts[by].assign(weight=parts["weight"], mark=(parts["mark"] * parts["weight"]).where(counts, 0.0))
    table = sums.groupby(by, sort=False).sum(skipna=False)
    nothing = table["weight"] == 0
    table["mark"] = table["mark"] / table["weight"].mask(nothing)
    table["state"] = "marked"
    table.loc[table["mark"].isna(), "state"] = "unmarked"
    table.loc[nothing, "state"] = "excused"
    wide = parts.pivot(index="student", columns="exercise", values="mark")
    wide = wide[list(dict.fromkeys(parts["exercise"]))].rename_axis(columns=None)
    return table.drop(columns="weight").reset_index().join(wide, on="student")


def one_of(found: Mapping[str, HandIn]) -> HandIn:
    """Return what a group handed in, whoever of it did.

    Nothing is guessed: where something of it cannot be read, or two notebooks differ, there is none.

    Parameters
    ----------
    found : mapping
        By member, and by the name of the group.

    Examples
    --------
    >>> one_of({"s1": HandIn(reason="Nothing was handed in."), "s2": HandIn(b"{}")}).raw
    b'{}'
    """
    unread = [one for one in found.values() if one.unread]
    came = {who: one for who, one in found.items() if one.raw is not None}
    if unread:
        return unread[0]
    if len({one.raw for one in came.values()}) > 1:
        told = f"Of one group came different notebooks, from {' and '.join(came)}: keep one."
        return HandIn(reason=told, unread=True)
    if came:
        # who handed it in again did not hand it in later
        return min(came.values(), key=lambda one: one.changed)
    return max(found.values(), key=lambda one: one.reason != NOTHING)


def printable(text: str, besides: str = "") -> str:
    """Return a text without signs that command a terminal or turn the writing round.

    Examples
    --------
    >>> printable("one\\x1b[2J")
    'one [2J'
    """
    return "".join(one if one.isprintable() or one in besides else " " for one in text)
