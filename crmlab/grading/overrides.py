"""Marks and comments given by hand: the files overrides*.csv, which lie beside the key file."""

import csv
import hashlib
import io
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import pandas as pd

from crmlab._tables import unknown
from crmlab.grading.rosters import same
from crmlab.grading.settings import Settings, no_student
from crmlab.practice.forms import Text

COLUMNS = ["student", "exercise", "question", "mark", "comment", "version"]
"""What such a file holds; exercise, comment and version may be absent."""


@dataclass(frozen=True)
class Override:
    """A row of such a file.

    Attributes
    ----------
    mark : float or None
        From 0 to 1; None where there is a comment only.
    comment : str
        What the student is told.
    version : str
        Of a text, by which rubric and which text it was marked (:func:`version`).
    where : str
        The file and the line.
    """

    mark: float | None
    comment: str
    version: str
    where: str


Overrides = dict[tuple[str, str], Override]


def read_overrides(
    folder: str | Path, valid: Mapping[str, str], students: Iterable[str], settings: Settings
) -> Overrides:
    """Read all marks and comments given by hand.

    Parameters
    ----------
    folder : str or Path
        That of the key file.
    valid : mapping
        As :func:`crmlab.grading.settings.places` returns it.
    students : iterable of str
        Who takes part. A row may name a group instead, and then holds for all of it who have no row.
    settings : Settings

    Returns
    -------
    dict
        By student and question.

    Raises
    ------
    ValueError
        A column that is missing; a student or a question that there is not; a mark that is not from 0 to 1;
        two marks for one answer; a mark for somebody who is excused. The message names the line.

    Examples
    --------
    >>> read_overrides("no_such_folder", {}, [], Settings())
    {}
    """
    students = list(students)
    names: dict[str, tuple[str, ...]] = {same(one): (one,) for one in students}
    names |= {same(one): members for one, members in settings.groups.items()}
    groups = set(map(same, settings.groups))
    numbers = [one for one, place in valid.items() if one == place and valid.get(one.rpartition(".")[0])]
    found: Overrides = {}
    of_groups: Overrides = {}
    for path in sorted(Path(folder).glob("overrides*.csv")):
        for line, row in rows(path, ["student", "question", "mark"]):
            where, who, question = f"{path}, line {line}", same(row["student"]), row["question"]
            comment, exercise = row.get("comment", ""), valid.get(question.rpartition(".")[0])
            if who not in names:
                raise ValueError(f"{where}: {no_student(row['student'], [*students, *settings.groups])}")
            if question not in numbers:
                raise ValueError(f"{where}: {unknown('question', question, numbers)}")
            if row.get("exercise") and valid.get(row["exercise"]) != exercise:
                raise ValueError(f"{where}: {question} is a question of {exercise}.")
            if not row["mark"] and not comment:
                continue  # not before: a row that lacks a comma has no mark either
            held = Override(_mark(row["mark"], where), comment, row.get("version", ""), where)
            taken = of_groups if who in groups else found
            for student in names[who]:
                if (student, question) in taken:
                    other = taken[student, question].where
                    raise ValueError(f"{where}: {student}, {question} stands in {other} as well.")
                if {question, exercise} & settings.excused.get(student, frozenset()):
                    raise ValueError(f"{where}: {student} is excused from {question}, by the settings.")
                taken[student, question] = held
    return of_groups | found


def rows(path: Path, needed: Iterable[str]) -> Iterable[tuple[int, dict[str, str]]]:
    """Yield line number and row of a CSV file, separated by commas, semicolons or tabs.

    Parameters
    ----------
    path : Path
    needed : iterable of str
        Columns that must be there; capital letters do not count.

    Raises
    ------
    ValueError
        Not in UTF-8, or without one of these columns.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not in UTF-8: save it as CSV in UTF-8.") from None
    first = text.partition("\n")[0]
    # strictly: a quotation mark that does not close would swallow the rows below
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count), strict=True)
    try:
        heads, *table = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader] or [
            (1, [""])
        ]
    except csv.Error as error:
        raise ValueError(f"{path}, line {reader.line_num}: {error}.") from None
    columns = [head.lower() for head in heads[1]]
    for name in needed:
        if name not in columns:
            raise ValueError(f"{path}: {unknown('column', name, columns)}")
    if twice := [name for name in COLUMNS if columns.count(name) > 1]:
        raise ValueError(f"{path} has two columns {twice[0]!r}.")
    for line, cells in table:
        if len(cells) > len(columns):
            raise ValueError(
                f"{path}, line {line}: {len(cells)} cells below {len(columns)} heads: a text with a comma in "
                "it stands in quotes."
            )
        if any(cells):
            yield line, dict(zip_longest(columns, cells, fillvalue=""))


def _mark(text: str, where: str) -> float | None:
    if not text:
        return None
    try:
        share = text.endswith("%")
        mark = float(text.removesuffix("%").strip().replace(",", ".")) / (100 if share else 1)
    except ValueError:
        mark = -1.0
    if not 0 <= mark <= 1:
        raise ValueError(f"{where}: a mark is a number from 0 to 1, such as 0.8 or 80%; got {text!r}.")
    return abs(mark)


def version(form: Text, text: str) -> str:
    """Return a short code for a rubric and a text: the mark of a text holds for these only.

    Examples
    --------
    >>> version(Text({"names the reason": 2}), "Prices rose.")
    'r5fab-t433f'
    """
    parts = json.dumps(dict(form.rubric)), text
    rubric, held = (hashlib.sha256(part.encode()).hexdigest()[:4] for part in parts)
    return f"r{rubric}-t{held}"


def applied(marks: pd.DataFrame, by_hand: Overrides, versions: Mapping[tuple[str, str], str]) -> pd.DataFrame:
    """Return marks with those given by hand in their place.

    Parameters
    ----------
    marks : DataFrame
        A row for each question of each student.
    by_hand : dict
        As :func:`read_overrides` returns it.
    versions : mapping
        Of each text, by student and question, the :func:`version` that was handed in.

    Returns
    -------
    DataFrame
        With two more columns: ``computed``, the mark without the hand, and ``comment``.

    Examples
    --------
    >>> marks = pd.DataFrame({"student": ["s1"], "question": ["1"], "mark": [0.0], "outcome": ["wrong"],
    ...                       "reason": ["No."]})
    >>> given = Override(0.5, "Half of it is right.", "", "line 2")
    >>> applied(marks, {("s1", "1"): given}, {})[["mark", "computed", "comment"]].values.tolist()
    [[0.5, 0.0, 'Half of it is right.']]
    """
    marks = marks.assign(computed=marks["mark"], comment="")
    place = {key: row for row, key in enumerate(zip(marks["student"], marks["question"], strict=True))}
    for key, given in by_hand.items():
        row, now = marks.index[place[key]], versions.get(key, "")
        marks.loc[row, "comment"] = given.comment
        stale = _stale(given.version, now) if given.mark is not None else ""
        if stale:
            told = f"{stale} (It had {given.mark:.0%}, {given.where}.) Mark it again."
            told = told if now or marks.loc[row, "outcome"] != "unmarked" else marks.loc[row, "reason"]
            marks.loc[row, ["mark", "outcome", "reason"]] = math.nan, "unmarked", told
        elif given.mark is not None:
            marks.loc[row, ["mark", "outcome"]] = given.mark, "by hand"
    return marks


def _stale(then: str, now: str) -> str:
    if then == now:
        return ""
    if not now:
        return "There is no text any more for which its mark was given: take the line out, or its version."
    if not then:
        return "Its mark does not say for which version it is: take the row from to_mark.csv."
    changed = "rubric" if then.partition("-")[0] != now.partition("-")[0] else "text"
    return f"The {changed} has changed since this was marked."


def to_mark(marks: pd.DataFrame, versions: Mapping[tuple[str, str], str], settings: Settings) -> pd.DataFrame:
    """Return the rows of texts that wait for a mark, in the columns of an overrides file.

    Examples
    --------
    >>> row = {"student": "s1", "exercise": "A1", "question": "1", "outcome": "unmarked"}
    >>> to_mark(pd.DataFrame([row]), {("s1", "1"): "r1-t2"}, Settings()).values.tolist()
    [['s1', 'A1', '1', '', '', 'r1-t2']]
    """
    waiting = [
        (settings.group(row.student) or row.student, row.exercise, row.question, "", "", version)
        for row in marks[marks["outcome"] == "unmarked"].itertuples()
        if (version := versions.get((row.student, row.question)))
    ]
    return pd.DataFrame(waiting, columns=COLUMNS).drop_duplicates(ignore_index=True)


def changed_by_hand(before: str, edited: Path) -> list[str]:
    """Return the rows of an overrides file that say what somebody changed in marks.csv.

    Parameters
    ----------
    before : str
        The file as it was written.
    edited : Path
        The file as it is now.
    """
    try:
        was = pd.read_csv(io.StringIO(before.removeprefix("\ufeff")), dtype=str, keep_default_na=False)
        held = dict(zip(zip(was["student"], was["question"], strict=True), was["mark"], strict=True))
        now = {(row["student"], row["question"]): row["mark"] for _, row in rows(edited, COLUMNS[:4])}
        marks = {key: (_mark(mark, ""), _mark(held[key], "")) for key, mark in now.items() if key in held}
    except (ValueError, KeyError):
        return []
    return [f"{student},{question},{new}" for (student, question), (new, old) in marks.items() if new != old]
