"""What the instructor and the students get to see: marks.csv, totals.csv, feedback pages, the summary."""

import csv
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pandas as pd

from crmlab._html import render
from crmlab.grading import overrides
from crmlab.grading.gradebook import Gradebook
from crmlab.grading.handins import NOTHING, shown
from crmlab.grading.likeness import alike
from crmlab.grading.term import Term, subtotals, totals
from crmlab.practice import Drawn
from crmlab.practice.forms import Choice, Function, Interval

READ = "A text is read by a person."
FORMULA = "=+@＝＋－＠\\-"
OWN_WORDS = {
    "missing": "There is no answer: see the feedback page.",
    "type": "It has another type or shape than is wanted: see the feedback page.",
    "columns": "Its columns or rows are not those wanted: see the feedback page.",
    "range": "It is not plausible: see the feedback page.",
    "wrong": "The form is right, and the value is not: see the feedback page.",
    "by hand": "Marked by hand: see the feedback page.",
    "unmarked": "It was not marked: see summary.html.",
    "unknown": "It is nobody's on the roster, or may be of two: see summary.html.",
}
"""What marks.csv says of an answer, instead of what the student is told, which may quote the student."""


def questions(marks: pd.DataFrame) -> pd.DataFrame:
    """Return how each question did.

    Parameters
    ----------
    marks : DataFrame
        A row for each question of each student, as :func:`crmlab.grading.grade` returns it.

    Returns
    -------
    DataFrame
        A row for each question: ``students`` who have a mark in it, ``right`` (the share with the full mark),
        ``difficulty`` (the mean mark: 1 is easy), ``discrimination``
        (the correlation of the mark with the student's mean mark on all other questions; missing where one
        of them does not vary), ``mistake`` (the most frequent known one) and ``times`` (how often).

    References
    ----------
    Lord, F. M. & Novick, M. R. (1968). Statistical theories of mental test scores, chapter 15.
    Addison-Wesley.

    Examples
    --------
    >>> marks = pd.DataFrame({"student": ["a", "b", "c"] * 2, "question": ["1"] * 3 + ["2"] * 3,
    ...                       "mark": [1, 1, 0, 1, 0, 0], "mistake": ["", "", "survivors"] * 2})
    >>> questions(marks)["difficulty"].round(2).tolist()
    [0.67, 0.33]
    """
    marks = _told_apart(marks[marks["mark"].notna()])
    wide = marks.pivot(index="student", columns="question", values="mark")
    rest = wide.apply(lambda column: wide.drop(columns=column.name).mean(axis=1))
    both = wide.std().gt(0) & rest.std().gt(0)
    related = wide.loc[:, both].corrwith(rest.loc[:, both]) if both.any() else pd.Series(dtype=float)
    made = marks[marks["mistake"] != ""].groupby(["question", "mistake"]).size()
    often = made.sort_values(ascending=False, kind="stable").reset_index(name="times")
    often = often.drop_duplicates("question").set_index("question")
    right = wide.eq(1).sum() / wide.notna().sum()
    table = pd.DataFrame({"students": wide.notna().sum(), "right": right, "difficulty": wide.mean()})
    table["discrimination"] = related.reindex(table.index)
    return table.join(often).fillna({"mistake": "", "times": 0}).astype({"times": int})


def identical(results: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return answers that students share although their data differ.

    Parameters
    ----------
    results : sequence of mappings
        For each submission ``student``, and by question ``answers`` and ``rights``: traces of the answer
        and of the right one, empty where equal answers mean nothing.

    Returns
    -------
    DataFrame
        A row for each answer: ``question``, ``students`` who gave it wrongly, ``right_for`` (whose right
        answer it is, if anybody's). Answers that only one gave, and that are nobody's, are left out.

    Examples
    --------
    >>> ann = {"student": "ann", "answers": {"41.1": "a"}, "rights": {"41.1": "a"}}
    >>> bob = {"student": "bob", "answers": {"41.1": "a"}, "rights": {"41.1": "b"}}
    >>> identical([ann, bob]).iloc[0].tolist()
    ['41.1', 'bob', 'ann']
    """
    gave: dict[tuple[str, str, str], list[str]] = {}
    owns: dict[tuple[str, str, str], list[str]] = {}
    for one in results:
        for number, trace in one["answers"].items():
            right, place = one["rights"][number], (number, one.get("exercise", ""))
            owns.setdefault((*place, right), []).append(one["student"])
            if trace and trace != right:
                gave.setdefault((*place, trace), []).append(one["student"])
    rows = [
        (answer[0], ", ".join(students), ", ".join(owns.get(answer, [])))
        for answer, students in sorted(gave.items())
        if len(students) > 1 or answer in owns
    ]
    return pd.DataFrame(rows, columns=["question", "students", "right_for"])


def write(
    out: Path,
    marks: pd.DataFrame,
    results: Sequence[Mapping[str, Any]],
    term: Term,
    gradebook: Gradebook | None = None,
) -> dict[str, Any]:
    """Write all files of a marking. What somebody has changed in one of them is kept beside it.

    Parameters
    ----------
    out : Path
        The folder, which may hold the files of an earlier marking.
    marks : DataFrame
        A row for each question of each student.
    results : sequence of mappings
        What was noted of each submission.
    term : Term
    gradebook : Gradebook, optional

    Returns
    -------
    dict
        ``notes``, what a teacher should know, and ``totals``, what each student has, in words.

    Examples
    --------
    >>> write(Path("marks"), marks, results, term)  # doctest: +SKIP
    """
    known = marks[marks["question"] != ""]
    parts = subtotals(known, term.settings, term.times(results))
    whole = totals(parts)
    # nothing that a student wrote stands in the tables: it is on the student's own page
    own = marks.assign(reason=[_own_words(row, term.versions) for row in marks.itertuples()])
    own["student"] = own["student"].where(own["question"] != "", own["student"].map(shown))
    tables = {"marks": own, "totals": whole, "subtotals": parts}
    tables["to_mark"] = overrides.to_mark(marks, term.versions, term.settings)
    late, notes = term.notes(parts), list[str]()
    if gradebook:
        book, said = gradebook.filled(whole)
        notes += said
    files = {f"{name}.csv": spreadsheet(table.round(4)) for name, table in tables.items()}
    files |= {gradebook.name: spreadsheet(book)} if gradebook else {}
    of = {
        student: [one for one in results if student in term.members(one["student"])]
        for student in whole["student"]
    }
    for student, rows in known.groupby("student", sort=False):
        part = parts[parts["student"] == student]
        total = whole[whole["student"] == student].iloc[0]
        files[f"feedback/{student}.html"] = _feedback(rows, part, total, of[student])
    read = [
        (
            number,
            [(one["student"], term.versions[one["student"], number], one["texts"][number]) for one in found],
        )
        for number in term.texts
        if (found := [one for one in results if number in one["texts"]])
    ]
    if read:
        files["texts.html"] = _texts(read, marks, term)
    for name, text in files.items():
        notes += _store(out, name, text)
    notes += _store(out, "summary.html", _summary(marks, whole, parts, results, term, notes))
    words = {"unmarked": "not marked", "excused": "excused"}
    reached = {row.student: words.get(row.state) or f"{row.mark:.0%}" for row in whole.itertuples()}
    return {"notes": [*late, *notes], "totals": reached}


def _feedback(
    rows: pd.DataFrame, parts: pd.DataFrame, total: Any, results: Sequence[Mapping[str, Any]]
) -> str:
    stopped = [
        (one["exercise"], int(cell) + 1, text)
        for one in results
        for cell, text in _by_cell(one["errors"])[:20]
    ]
    notes = [(one["exercise"], one["note"]) for one in results if one["note"]]
    return render(
        "feedback.html", title=total["name"], mark=total["mark"], state=total["state"], notes=notes,
        parts=parts.to_dict("records"), rows=rows.to_dict("records"), stopped=stopped,
    )  # fmt: skip


def _texts(read: Any, marks: pd.DataFrame, term: Term) -> str:
    given = marks.set_index(["student", "question"])
    shown = [
        (
            number,
            given["title"].xs(number, level="question").iloc[0],
            term.texts[number].rubric.items(),
            [
                (term.settings.group(student) or student, version, text, given.loc[(student, number)])
                for student, version, text in texts
            ],
        )
        for number, texts in read
    ]
    return render("texts.html", title="Texts to read", questions=shown, read=READ)


def _summary(
    marks: pd.DataFrame,
    whole: pd.DataFrame,
    parts: pd.DataFrame,
    results: Sequence[Mapping[str, Any]],
    term: Term,
    notes: Sequence[str],
) -> str:
    known = marks[marks["question"] != ""]
    known = _told_apart(known)
    told = known[known["mistake"] != ""].groupby(["question", "mistake"])["reason"]
    mistakes = told.agg(times="size", told="first").reset_index()
    trouble = [
        (one["student"], one["exercise"], f"code cell {int(cell) + 1}" if cell else "", text)
        for one in results
        for cell, text in [*_by_cell(one["errors"])[:20], *([("", one["note"])] if one["note"] else [])]
    ]
    trouble += [(row.student, "", "", row.reason) for row in marks[marks["question"] == ""].itertuples()]
    trouble += [(one["student"], one["exercise"], "", n) for one in results for n in one.get("notes", [])]
    seconds = pd.Series([one["cpu_seconds"] for one in results], dtype=float)
    states = whole["state"].value_counts()
    about = f"{len(whole)} students" + "".join(
        f", {states[one]} {one}" for one in states.index if one != "marked"
    )
    about += f"; mean mark {whole['mark'].mean():.0%}" if states.get("marked") else "; nobody is marked yet"
    about += f". A submission took {seconds.median():.1f} seconds of processor time (median)."
    by_hand = known[known["outcome"].eq("by hand") | known["comment"].ne("")]
    late = parts[parts["days_late"] > 0].drop(columns=["name", "weight"])
    sections = {
        "Students": whole.sort_values("mark", ascending=False, kind="stable", ignore_index=True),
        "Questions": questions(known[~known["reason"].str.endswith(NOTHING)]).round(2).reset_index(),
        "Mistakes": mistakes.sort_values("times", ascending=False, kind="stable", ignore_index=True),
        "Marks by hand": by_hand[["student", "question", "computed", "mark", "comment"]],
        "Late": late,
        "What counts": term.shares(),
        "The same answer to different data": identical(results),
        "Nearly the same code": alike(results),
        "Trouble": pd.DataFrame(trouble, columns=["student", "exercise", "where", "what"]),
    }
    explained = {
        "Students": "A total is missing while something that counts in it has no mark; that of an exercise, "
        "also if it does not count.",
        "Questions": "Of those who handed in: right is the share with the full mark, difficulty the mean "
        "mark (1 is easy), discrimination the correlation with the mean mark on the other questions: near 0 "
        "or below, look at the question.",
        "Marks by hand": "From overrides.csv; what was computed stands beside the mark that counts.",
        "Late": f"Each day begun takes {term.settings.penalty_per_day:.0%} of what was earned.",
        "What counts": "The share of each question in the total of somebody who is excused from nothing.",
        "The same answer to different data": "A reason to talk, no proof: two may make "
        "the same slip. The name under “right for” says whose right answer it is.",
        "Nearly the same code": "Names of variables, comments and blanks aside, and without what was handed "
        "out. Short code is left out, as there are few ways to write it. No proof either.",
    }
    shown = [
        (title, explained.get(title, ""), table.reset_index(drop=True) if len(table) else None)
        for title, table in sections.items()
    ]
    percent = ("mark", "computed", "earned", "right", "share", *parts["exercise"].unique())
    return render("summary.html", title="Summary", about=about, notes=notes, parts=shown, percent=percent)


def _by_cell(errors: Mapping[str, str]) -> list[tuple[str, str]]:
    return sorted(errors.items(), key=lambda error: int(error[0]))


def _own_words(row: Any, versions: Mapping[tuple[str, str], str]) -> str:
    number = re.match(r"-?[\d.e+-]+ is not plausible\. ", row.reason)  # the answer, and no text
    waits = row.outcome == "unmarked" and (row.student, row.question) in versions
    return str(row.reason if number or waits else OWN_WORDS.get(row.outcome, row.reason))


def spreadsheet(table: pd.DataFrame) -> str:
    """Return a table as CSV that a spreadsheet shows and does not calculate: every cell is quoted.

    Examples
    --------
    >>> print(spreadsheet(pd.DataFrame({"name": ["=1+1"], "mark": [0.5]}))[1:].strip())
    "name","mark"
    "'=1+1","0.5"
    """
    # by the mark at its beginning spreadsheets tell UTF-8
    return "\ufeff" + table.map(_harmless).rename(columns=_harmless).to_csv(
        index=False, quoting=csv.QUOTE_ALL
    )


def _harmless(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    plain = "".join(one if one.isprintable() else " " for one in value).strip()
    # a spreadsheet that takes a cell apart at one of these signs would calculate what follows
    plain = re.sub(rf"([;,|]\s*)(?=[{FORMULA}])", r"\1'", plain)
    return f"'{plain}" if re.match(rf"['\"\s]*[{FORMULA}]", plain) else plain


def _told_apart(marks: pd.DataFrame) -> pd.DataFrame:
    """Return marks in which the questions of two exercises with one number have different names."""
    if "exercise" not in marks:
        return marks
    both = marks.groupby("question")["exercise"].transform("nunique") > 1
    return marks.assign(question=marks["question"].where(~both, marks["exercise"] + " " + marks["question"]))


def _store(out: Path, name: str, text: str) -> list[str]:
    """Write a file, keep aside what somebody made of the one that was written before, and say so."""
    path, record = out / name, out / ".written" / name
    held, wrote = (one.read_bytes() if one.is_file() else b"" for one in (path, record))
    notes, fresh = [], text.encode(errors="replace")
    if held not in (wrote, fresh, b""):
        aside = path.with_stem(f"{path.stem}.edited")
        for number in count(2):
            if not aside.exists():
                break
            aside = path.with_stem(f"{path.stem}.edited_{number}")
        path.replace(aside)
        rows = overrides.changed_by_hand(wrote.decode(errors="replace"), aside) if name == "marks.csv" else []
        told = f"{name} was changed after it was written; it is kept as {aside.name}, and counts for nothing."
        lines = "\n".join(["student,question,mark", *rows])
        notes.append(told + f" To make its marks count, put into overrides.csv:\n{lines}" * bool(rows))
    store(record, text)
    store(path, text)
    return notes


def store(path: Path, text: str) -> None:
    """Write a file such that it is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = path.with_name(f"{path.name}.new")
    whole.write_bytes(text.encode(errors="replace"))
    whole.replace(path)


def trace(drawn: Drawn, number: str, plain: Any) -> str:
    """Return a hash by which two equal answers can be told, or nothing where equal answers mean nothing.

    Parameters
    ----------
    drawn : Drawn
    number : str
        The question.
    plain : object
        A plain answer of anybody's.

    Examples
    --------
    >>> from crmlab.practice import load
    >>> drawn = Drawn(load("41"), "key", "s1")
    >>> trace(drawn, "41.1", 0.123456) == trace(drawn, "41.1", 0.1234560001) != ""
    True
    """
    form = drawn.form(number)
    if isinstance(form, Choice | Function | Interval) or form.problem(plain):
        return ""
    plain = sorted(plain) if isinstance(plain, list) else plain
    text = json.dumps(_rounded(plain), sort_keys=True)
    # a count of 12 may be two students' right answer
    return hashlib.sha256(text.encode()).hexdigest()[:16] if len(text) > 5 else ""


def _rounded(plain: Any) -> Any:
    if isinstance(plain, dict):
        return {name: _rounded(one) for name, one in plain.items() if name != "has"}
    if isinstance(plain, list):
        return [_rounded(one) for one in plain]
    return float(f"{plain:.6g}") if isinstance(plain, float) else plain
