"""Marking: every submission in its box, every answer held against that student's own key."""

import hashlib
import json
import math
import queue
import sys
import tempfile
import threading
import zipfile
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

import crmlab
from crmlab.grading import report, sandbox
from crmlab.grading._limits import Limits
from crmlab.grading._limits import told as told_limits
from crmlab.grading.assignment import drawn_otherwise, read_key
from crmlab.grading.causes import plain, told_of, without_installation
from crmlab.grading.gradebook import Gradebook
from crmlab.grading.handins import HandIns, NoCode, Unreadable, notebook, shown
from crmlab.grading.handout import draw, write_data
from crmlab.grading.likeness import runs
from crmlab.grading.report import trace
from crmlab.grading.rosters import same
from crmlab.grading.settings import FILE_TIMES, no_student
from crmlab.grading.term import Term, one_of, printable
from crmlab.practice import Drawn, load
from crmlab.practice.data import write_cases
from crmlab.practice.exercise import Exercise
from crmlab.practice.forms import Interval, Text
from crmlab.practice.marking import Verdict

REMEMBERED = {"digest", "student", "exercise", "rows", "note", "errors", "cpu_seconds", "answers", "rights"}
REMEMBERED |= {"texts", "notes", "runs"}
COLUMNS = ["student", "name", "exercise", "question", "title", "mark", "outcome", "mistake", "reason"]


def grade(
    submissions: str | Path,
    key_file: str | Path,
    out: str | Path,
    jobs: int = 2,
    folder: str | Path | None = None,
    trust: bool = False,
    limits: Limits = Limits(),  # noqa: B008
    progress: bool = False,
    students: Collection[str] = (),
    gradebook: str | Path | None = None,
) -> pd.DataFrame:
    """Mark what was handed in, and write ``marks.csv``, feedback pages and a summary.

    Parameters
    ----------
    submissions : str or Path
        A folder or a zip archive, with a folder for each student, named by the id, and the notebooks in it;
        or what Canvas or Moodle deliver (:mod:`crmlab.grading.handins`).
    key_file : str or Path
        The one with which the assignment was released.
    out : str or Path
        Where the marks go. What was marked there before and has not changed since is not marked again.
    jobs : int
        Submissions at a time.
    folder : str or Path, optional
        Where the exercises lie; the repository's own by default.
    trust : bool
        Whether to run submissions without a sandbox. They can then do whatever you can.
    limits : Limits
        What a submission may use.
    progress : bool
        Whether to show a bar.
    students : collection of str, optional
        Who is marked anew, whatever was marked before; everybody else stays as marked last. By default
        everybody whose notebook has changed.
    gradebook : str or Path, optional
        What Canvas or Moodle has exported: it is written to `out` with the marks in it.

    Returns
    -------
    DataFrame
        A row for each question of each student: ``student``, ``name``, ``exercise``, ``question``, ``title``,
        ``mark`` (0 to 1), ``outcome``, ``mistake``, ``reason``, ``computed`` (the mark before anybody gave
        one by hand), ``comment``. ``attrs`` holds ``notes``, what a teacher should know of this
        run, and ``totals``, what each student has in all.

    Raises
    ------
    ValueError
        A key file, settings or overrides that are not in order, an exercise or a student that is not there;
        no sandbox, and no `trust`.
        (Where data are drawn otherwise than at the release, or what was handed in cannot be read, that
        exercise of that student has no mark, the outcome ``unmarked`` and the cause.)

    Examples
    --------
    >>> grade("submissions", "key.json", "marks")  # doctest: +SKIP
    """
    about = read_key(key_file)
    submissions, out = Path(submissions).resolve(), Path(out).resolve()
    if not submissions.is_dir() and not zipfile.is_zipfile(submissions):
        raise FileNotFoundError(f"There is no folder {submissions}, nor is it a zip archive.")
    if out.is_relative_to(submissions) or any(out.glob("*/HAND_IN.md")):
        raise ValueError(f"--out: {out} is a place of what was handed in or handed out: name another folder.")
    if not about["students"]:
        raise ValueError(f"{key_file} names no student, so nobody was released anything with it.")
    if not all(limit > 0 for limit in asdict(limits).values()):
        raise ValueError(f"Limits must be above zero; got {limits}.")
    if jobs < 1:
        raise ValueError(f"--jobs is the number of submissions marked at a time, 1 or more; it was {jobs}.")
    exercises = [load(name, folder) for name in about["exercises"]]
    for name, exercise in zip(about["exercises"], exercises, strict=True):
        asked = [one[:-6] for one in about.get("parts", {}).get(name, ()) if one.endswith(", text")]
        if asked and asked != [*exercise.questions]:
            raise ValueError(
                f"{exercise.path.name} had other questions at the release ({', '.join(asked)}): put it back. "
                "A question that shall not count has the weight 0."
            )
    term = Term(Path(key_file).resolve().parent, about["students"], exercises)
    if term.settings.file_times and submissions.is_file():
        raise ValueError(
            f"The settings say handed_in = {FILE_TIMES!r}, and {submissions.name} does not tell when "
            "its files came: unpack what has kept them, or write a table [handed_in]."
        )
    book = Gradebook(gradebook, about["students"], term.settings) if gradebook else None
    anew = {same(one) for one in students}
    for one in sorted(anew - set(map(same, about["students"]))):
        raise ValueError(no_student(one, about["students"]))
    if not trust:
        _need_a_sandbox([Path(key_file), submissions, out, *(one.path.parent for one in exercises)])
    if progress:
        print("Marking without a sandbox." if trust else told_limits(), file=sys.stderr)
    stop = threading.Event()
    marker = Marker(about, submissions, out, limits, trust, stop, term.units(), anew)
    slots: queue.SimpleQueue[int] = queue.SimpleQueue()
    for slot in range(jobs):
        slots.put(slot)

    def mark(student: str, exercise: Exercise) -> dict[str, Any]:
        slot = slots.get()
        try:
            return marker.mark(student, exercise, slot)
        finally:
            slots.put(slot)

    pool = ThreadPoolExecutor(jobs)
    try:
        work = [pool.submit(mark, student, exercise) for student in term.units() for exercise in exercises]
        for done in tqdm(as_completed(work), total=len(work), disable=not progress, unit="submission"):
            done.result()
        results = [done.result() for done in work]
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)
    table = term.marks(results, COLUMNS)
    unknown = dict.fromkeys(table.columns, "") | {"mark": 0.0, "computed": math.nan, "outcome": "unknown"}
    for name, why in marker.handed_in.strange.items():
        table.loc[len(table)] = pd.Series(unknown | {"student": name, "reason": why})
    table.attrs |= report.write(out, table, results, term, book)
    return table


class Marker:
    """Marks single submissions, and remembers what it has marked."""

    def __init__(
        self,
        about: Mapping[str, Any],
        submissions: Path,
        out: Path,
        limits: Limits,
        trust: bool,
        stop: threading.Event,
        units: Mapping[str, Sequence[str]],
        anew: set[str],
    ) -> None:
        self._about, self._limits, self._trust = about, limits, trust
        self._units, self._anew = units, anew
        self._stop = stop
        self._done = out / "done"
        self._done.mkdir(parents=True, exist_ok=True)
        self._own_marks(out)
        groups = {one[-1]: {"name": one[-1]} for one in units.values() if one[-1] not in about["students"]}
        self.handed_in = HandIns(submissions, about["students"] | groups, list(about["exercises"]))
        self._solver = threading.Lock()  # solutions draw figures, and pyplot is for one at a time

    def mark(self, student: str, exercise: Exercise, slot: int) -> dict[str, Any]:
        """Return the result of one student's exercise: rows of marks, and what the summary needs."""
        handed_in = one_of({one: self.handed_in.of(one, exercise.name) for one in self._units[student]})
        raw, reason = handed_in.raw, handed_in.reason
        came = {"submitted": raw is not None or handed_in.unread, "handed_in": handed_in.changed}
        settings = [crmlab.__version__, exercise.digest, asdict(self._limits), self._trust]
        state = json.dumps([*settings, self._about["key"], reason]).encode()
        digest = hashlib.sha256(state + (raw or b"")).hexdigest()
        file = self._done / student / f"{exercise.name}.json"
        held = _remembered(file)
        anew = self._anew & set(map(same, self._units[student]))
        if held and not anew and (self._anew or held["digest"] == digest):
            return held | came
        if self._anew and not anew:
            return self._unmarked(student, exercise, "Not marked yet: only others were asked for.")
        with self._solver:
            drawn = draw(exercise, self._about, student)
            other = drawn_otherwise(drawn, self._about)
            if other:  # costs nobody else the marking, and is not remembered: it may be mended
                return self._unmarked(student, exercise, other) | came
            rights = {number: trace(drawn, number, drawn.key(number).right) for number in exercise.questions}
        if handed_in.unread:
            return self._unmarked(student, exercise, reason) | came
        outcome, cells, notes, own = sandbox.Outcome(note=reason), list[str](), [], list[str]()
        if raw is not None:
            try:
                opened = notebook(raw)
                cells = [without_installation(cell) for cell in opened.cells]
                if opened.student not in ("", *self._units[student]):
                    notes.append(f"This notebook was released to {shown(opened.student)}.")
                if opened.exercise not in ("", exercise.name):
                    was = shown(opened.exercise)
                    raise Unreadable(f"This notebook was released as {was}, and came as {exercise.name}.")
                starters = [one.source["starter"] for one in exercise.questions.values()]
                own = runs(cells, [exercise.set_up, *starters])
                with tempfile.TemporaryDirectory() as job:
                    with self._solver:
                        _write_job(drawn, cells, Path(job))
                    outcome = self._execute(Path(job), slot)
            except Unreadable as problem:
                return self._unmarked(student, exercise, str(problem)) | came
            except NoCode as problem:
                outcome.note = str(problem)
        with self._solver:
            rows = [self._row(drawn, number, outcome, cells) for number in exercise.questions]
        read = [row["question"] for row in rows if row["outcome"] == "unmarked"]
        texts = {number: printable(outcome.answers[number], "\n") for number in read}
        traces = {number: trace(drawn, number, outcome.answers.get(number)) for number in exercise.questions}
        result = {
            "digest": digest, "student": student, "exercise": exercise.name, "rows": rows,
            "note": outcome.note, "errors": {str(cell): plain(text) for cell, text in outcome.errors.items()},
            "cpu_seconds": round(outcome.cpu_seconds, 2), "answers": traces, "rights": rights, "texts": texts,
            "notes": notes, "runs": own,
        }  # fmt: skip
        file.parent.mkdir(parents=True, exist_ok=True)
        whole = file.with_suffix(".new")
        whole.write_text(json.dumps(result, ensure_ascii=False), encoding="utf-8")
        whole.replace(file)
        return result | came

    def _own_marks(self, out: Path) -> None:
        """See that what was marked in this folder before was marked with this key."""
        file, key = self._done / "key.txt", hashlib.sha256(self._about["key"].encode()).hexdigest()
        if file.is_file() and file.read_text(encoding="utf-8", errors="replace").strip() != key:
            raise ValueError(f"{out} holds marks that were made with another key file: name another --out.")
        file.write_text(f"{key}\n", encoding="utf-8")

    def _unmarked(self, student: str, exercise: Exercise, reason: str) -> dict[str, Any]:
        about = [student, self._about["students"][student]["name"], exercise.name]
        rows = [
            dict(zip(COLUMNS, [*about, number, one.title, math.nan, "unmarked", "", reason], strict=True))
            for number, one in exercise.questions.items()
        ]
        empty = dict.fromkeys(exercise.questions, "")
        return {
            "student": student, "exercise": exercise.name, "rows": rows, "note": reason, "errors": {},
            "cpu_seconds": 0.0, "answers": empty, "rights": empty, "texts": {}, "notes": [], "runs": [],
            "submitted": False, "handed_in": "",
        }  # fmt: skip

    def _row(self, drawn: Drawn, number: str, outcome: sandbox.Outcome, cells: list[str]) -> dict[str, Any]:
        question = drawn.exercise.questions[number]
        solved = drawn.verdict(number, drawn.key(number).right)
        if solved.mark < 1 and not isinstance(question.form, Interval):  # 90 % of intervals hold the truth
            raise ValueError(
                f"With the data of {drawn.student} the solution of {number} is not right ({solved.message}) "
                "Mend the exercise, and start again: it goes on from here."
            )
        try:
            verdict = drawn.verdict(number, outcome.answers.get(number))
            if isinstance(question.form, Text) and verdict.outcome in ("right", "formed"):
                verdict = Verdict("unmarked", report.READ, math.nan)
            told = told_of(question, drawn.form(number), verdict, outcome, cells)
        except Exception as error:  # an answer that breaks the marking costs its own mark only
            told = f"It could not be marked: {type(error).__name__}."
            verdict = Verdict("type", told)
        name, mark = self._about["students"][drawn.student]["name"], round(verdict.mark, 4)
        line = [drawn.student, name, drawn.exercise.name, number, question.title, mark, verdict.outcome]
        return dict(zip(COLUMNS, [*line, verdict.mistake, told], strict=True))

    def _execute(self, job: Path, slot: int) -> sandbox.Outcome:
        for _ in range(3):
            outcome = sandbox.execute(job, self._limits, slot, self._trust, self._stop)
            if "did not start" not in outcome.note:
                return outcome
        raise OSError(f"{outcome.note}. Nobody's mark suffers: start again, and it goes on from here.")


def _need_a_sandbox(secrets: list[Path]) -> None:
    reason = sandbox.unavailable()
    if reason:
        raise ValueError(
            f"There is no sandbox here: {reason} Without one a submission can read and delete whatever you "
            "can, and write its own marks. If you trust every one of them: --trust."
        )
    for path in secrets:
        around = [one for one in sandbox.mounted() if path.resolve().is_relative_to(one.resolve())]
        if around:
            raise ValueError(f"{path} lies in {around[0]}, which submissions can read: move it elsewhere.")


def _remembered(file: Path) -> dict[str, Any]:
    """Return what was marked before; move a file aside that is damaged, and name it."""
    if not file.is_file():
        return {}
    try:
        held = dict(json.loads(file.read_text(encoding="utf-8")))
        if set(held) >= REMEMBERED and held["rows"] and all(set(row) == set(COLUMNS) for row in held["rows"]):
            return held
    except (ValueError, TypeError, RecursionError):
        pass
    aside = file.with_suffix(".damaged")
    file.replace(aside)
    print(f"crmlab grade: {file} is damaged. It is now {aside.name}, and is marked again.", file=sys.stderr)
    return {}


def _write_job(drawn: Drawn, cells: list[str], job: Path) -> None:
    questions = {}
    for number, question in drawn.exercise.questions.items():
        cases, place = drawn.cases(number), None
        if cases is not None:
            place = f"cases/{number}"
            write_cases(cases, job / place)
        form = drawn.form(number).to_dict()
        questions[number] = {"variable": question.variable, "form": form, "cases": place}
    (job / "student").mkdir()
    write_data(drawn, job / "student")
    text = json.dumps({"cells": cells, "questions": questions})
    (job / "job.json").write_text(text, encoding="utf-8", errors="replace")
    job.chmod(0o755)
