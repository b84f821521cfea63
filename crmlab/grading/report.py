"""What the instructor and the students get to see: marks.csv, totals.csv, feedback pages, the summary."""

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from crmlab._html import render
from crmlab.grading.handins import shown
from crmlab.grading.likeness import alike

FORMULA = "=+@＝＋－＠\\-"
OWN_WORDS = {
    "missing": "There is no answer: see the feedback page.",
    "type": "It has another type or shape than is wanted: see the feedback page.",
    "columns": "Its columns or rows are not those wanted: see the feedback page.",
    "range": "It is not plausible: see the feedback page.",
    "wrong": "The form is right, and the value is not: see the feedback page.",
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
        A row for each question: ``students``, ``difficulty`` (the mean mark: 1 is easy), ``discrimination``
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
    table = pd.DataFrame({"students": wide.notna().sum(), "difficulty": wide.mean()})
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


def write(out: Path, marks: pd.DataFrame, results: Sequence[Mapping[str, Any]]) -> None:
    """Write all files of a marking.

    Parameters
    ----------
    out : Path
        The folder, which may hold the files of an earlier marking.
    marks : DataFrame
        A row for each question of each student.
    results : sequence of mappings
        What was noted of each submission.

    Examples
    --------
    >>> write(Path("marks"), marks, results)  # doctest: +SKIP
    """
    known = marks[marks["question"] != ""]
    totals = known.groupby(["student", "name"], sort=False)["mark"].agg(["mean", "size"])
    totals = totals.set_axis(["mark", "questions"], axis=1).round(4).reset_index()
    (out / "feedback").mkdir(parents=True, exist_ok=True)
    # nothing that a student wrote stands in the tables: it is on the student's own page
    own = marks.assign(reason=[_own_words(row.outcome, row.reason) for row in marks.itertuples()])
    own["student"] = own["student"].where(own["question"] != "", own["student"].map(shown))
    for name, table in {"marks": own, "totals": totals}.items():
        _store(out / f"{name}.csv", spreadsheet(table))
    errors: dict[str, list[tuple[str, Mapping[str, str], str]]] = {}
    for one in results:
        errors.setdefault(one["student"], []).append((one["exercise"], one["errors"], one["note"]))
    for student, rows in known.groupby("student", sort=False):
        _store(out / "feedback" / f"{student}.html", _feedback(rows, errors.get(student, [])))
    _store(out / "summary.html", _summary(marks, totals, results))


def _feedback(rows: pd.DataFrame, errors: Sequence[tuple[str, Mapping[str, str], str]]) -> str:
    stopped = [
        (exercise, int(cell) + 1, text)
        for exercise, cells, _ in errors
        for cell, text in _by_cell(cells)[:20]
    ]
    notes = [(exercise, note) for exercise, _, note in errors if note]
    return render(
        "feedback.html", title=rows["name"].iloc[0], mark=rows["mark"].mean(), notes=notes,
        rows=rows.to_dict("records"), stopped=stopped,
    )  # fmt: skip


def _summary(marks: pd.DataFrame, totals: pd.DataFrame, results: Sequence[Mapping[str, Any]]) -> str:
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
    about = f"{len(totals)} students, mean mark {totals['mark'].mean():.0%}; "
    about += f"a submission took {seconds.median():.1f} seconds of processor time (median)."
    parts = {
        "Students": totals.sort_values("mark", ascending=False, kind="stable", ignore_index=True),
        "Questions": questions(known).round(2).reset_index(),
        "Mistakes": mistakes.sort_values("times", ascending=False, kind="stable", ignore_index=True),
        "The same answer to different data": identical(results),
        "Nearly the same code": alike(results),
        "Trouble": pd.DataFrame(trouble, columns=["student", "exercise", "where", "what"]),
    }
    explained = {
        "Questions": "Difficulty is the mean mark (1 is easy). Discrimination is the correlation with the "
        "mean mark on the other questions: near 0 or below, look at the question.",
        "The same answer to different data": "A reason to talk, no proof: two may make "
        "the same slip. The name under “right for” says whose right answer it is.",
        "Nearly the same code": "Names of variables, comments and blanks aside, and without what was handed "
        "out. Short code is left out, as there are few ways to write it. No proof either.",
    }
    shown = [
        (title, explained.get(title, ""), table if len(table) else None) for title, table in parts.items()
    ]
    return render("summary.html", title="Summary", about=about, parts=shown)


def _by_cell(errors: Mapping[str, str]) -> list[tuple[str, str]]:
    return sorted(errors.items(), key=lambda error: int(error[0]))


def _own_words(outcome: str, reason: str) -> str:
    number = re.match(r"-?[\d.e+-]+ is not plausible\. ", reason)  # the answer, and no text
    return reason if number else OWN_WORDS.get(outcome, reason)


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


def _store(path: Path, text: str) -> None:
    whole = path.with_name(f"{path.name}.new")
    whole.write_text(text, encoding="utf-8", errors="replace")
    whole.replace(path)
