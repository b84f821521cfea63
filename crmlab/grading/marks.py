"""Marking: every submission in its box, every answer held against that student's own key."""

import hashlib
import json
import math
import queue
import sys
import tempfile
import threading
import zipfile
from collections.abc import Mapping
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
from crmlab.grading.assignment import drawn_with, read_key, write_data
from crmlab.grading.causes import plain, told_of, without_installation
from crmlab.grading.handins import HandIns, NoCode, Unreadable, notebook, shown
from crmlab.grading.likeness import runs
from crmlab.practice import Drawn, load
from crmlab.practice.data import write_cases
from crmlab.practice.exercise import Exercise
from crmlab.practice.forms import Choice, Function, Interval
from crmlab.practice.marking import Verdict

REMEMBERED = {"digest", "student", "exercise", "rows", "note", "errors", "cpu_seconds", "answers", "rights"}
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

    Returns
    -------
    DataFrame
        A row for each question of each student: ``student``, ``name``, ``exercise``, ``question``, ``title``,
        ``mark`` (0 to 1), ``outcome``, ``mistake``, ``reason``.

    Raises
    ------
    ValueError
        A key file that is not in order, an exercise that is not there; no sandbox, and no `trust`.
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
    if not about["students"]:
        raise ValueError(f"{key_file} names no student, so nobody was released anything with it.")
    if not all(limit > 0 for limit in asdict(limits).values()):
        raise ValueError(f"Limits must be above zero; got {limits}.")
    if jobs < 1:
        raise ValueError(f"--jobs is the number of submissions marked at a time, 1 or more; it was {jobs}.")
    exercises = [load(name, folder) for name in about["exercises"]]
    if not trust:
        _need_a_sandbox([Path(key_file), submissions, out, *(one.path.parent for one in exercises)])
    if progress:
        print("Marking without a sandbox." if trust else told_limits(), file=sys.stderr)
    stop = threading.Event()
    marker = Marker(about, submissions, out, limits, trust, stop)
    slots: queue.SimpleQueue[int] = queue.SimpleQueue()
    for slot in range(jobs):
        slots.put(slot)

    def one(student: str, exercise: Exercise) -> dict[str, Any]:
        slot = slots.get()
        try:
            return marker.mark(student, exercise, slot)
        finally:
            slots.put(slot)

    pool = ThreadPoolExecutor(jobs)
    try:
        work = [
            pool.submit(one, student, exercise) for student in about["students"] for exercise in exercises
        ]
        for done in tqdm(as_completed(work), total=len(work), disable=not progress, unit="submission"):
            done.result()
        results = [done.result() for done in work]
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)
    rows = [row for result in results for row in result["rows"]]
    unknown = dict.fromkeys(COLUMNS, "") | {"mark": 0.0, "outcome": "unknown"}
    rows += [unknown | {"student": name, "reason": why} for name, why in marker.handed_in.strange.items()]
    table = pd.DataFrame(rows, columns=COLUMNS)
    report.write(out, table, results)
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
    ) -> None:
        self._about, self._limits, self._trust = about, limits, trust
        self._stop = stop
        self._done = out / "done"
        self._done.mkdir(parents=True, exist_ok=True)
        self._own_marks(out)
        self.handed_in = HandIns(submissions, about["students"], list(about["exercises"]))
        self._solver = threading.Lock()  # solutions draw figures, and pyplot is for one at a time

    def mark(self, student: str, exercise: Exercise, slot: int) -> dict[str, Any]:
        """Return the result of one student's exercise: rows of marks, and what the summary needs."""
        handed_in = self.handed_in.of(student, exercise.name)
        raw, reason = handed_in.raw, handed_in.reason
        settings = [crmlab.__version__, exercise.digest, asdict(self._limits), self._trust]
        state = json.dumps([*settings, self._about["key"], reason]).encode()
        digest = hashlib.sha256(state + (raw or b"")).hexdigest()
        file = self._done / student / f"{exercise.name}.json"
        held = _remembered(file)
        if held and held["digest"] == digest:
            return held
        with self._solver:
            drawn = Drawn(exercise, self._about["key"], student)
            other = self._drawn_otherwise(drawn)
            if other:  # costs nobody else the marking, and is not remembered: it may be mended
                return self._unmarked(drawn, other)
            rights = {number: _trace(drawn, number, drawn.key(number).right) for number in exercise.questions}
        if handed_in.unread:
            return self._unmarked(drawn, reason)
        outcome, cells, notes, own = sandbox.Outcome(note=reason), list[str](), [], list[str]()
        if raw is not None:
            try:
                opened = notebook(raw)
                cells = [without_installation(cell) for cell in opened.cells]
                if opened.student not in ("", student):
                    notes.append(f"This notebook was released to {shown(opened.student)}.")
                if opened.exercise not in ("", exercise.name):
                    notes.append(f"This notebook was released as {shown(opened.exercise)}.")
                starters = [one.source["starter"] for one in exercise.questions.values()]
                own = runs(cells, [exercise.set_up, *starters])
                with tempfile.TemporaryDirectory() as job:
                    with self._solver:
                        _write_job(drawn, cells, Path(job))
                    outcome = self._execute(Path(job), slot)
            except Unreadable as problem:
                return self._unmarked(drawn, str(problem))
            except NoCode as problem:
                outcome.note = str(problem)
        with self._solver:
            rows = [self._row(drawn, number, outcome, cells) for number in exercise.questions]
        traces = {number: _trace(drawn, number, outcome.answers.get(number)) for number in exercise.questions}
        result = {
            "digest": digest, "student": student, "exercise": exercise.name, "rows": rows,
            "note": outcome.note, "errors": {str(cell): plain(text) for cell, text in outcome.errors.items()},
            "cpu_seconds": round(outcome.cpu_seconds, 2), "answers": traces, "rights": rights,
            "notes": notes, "runs": own,
        }  # fmt: skip
        file.parent.mkdir(parents=True, exist_ok=True)
        whole = file.with_suffix(".new")
        whole.write_text(json.dumps(result, ensure_ascii=False), encoding="utf-8")
        whole.replace(file)
        return result

    def _own_marks(self, out: Path) -> None:
        """See that what was marked in this folder before was marked with this key."""
        file, key = self._done / "key.txt", hashlib.sha256(self._about["key"].encode()).hexdigest()
        if file.is_file() and file.read_text(encoding="utf-8", errors="replace").strip() != key:
            raise ValueError(f"{out} holds marks that were made with another key file: name another --out.")
        file.write_text(f"{key}\n", encoding="utf-8")

    def _drawn_otherwise(self, drawn: Drawn) -> str:
        """Return why the data are not those released, or nothing where they are."""
        exercise, held = drawn.exercise, self._about["students"][drawn.student]
        try:
            again = drawn.given.fingerprint()
            if again == held["given"].get(exercise.name):
                return ""
            second = Drawn(exercise, self._about["key"], drawn.student).given.fingerprint()
        except Exception as error:
            # its text may hold what is kept back, and the student reads this
            return f"The data cannot be drawn here ({type(error).__name__}), so nothing was marked."
        before, now = held.get("drawn_with", {}), drawn_with()
        changed = [
            f"{name} was {before[name]} and is {now.get(name)}"
            for name in before
            if before[name] != now.get(name)
        ]
        if exercise.digest != self._about["exercises"][exercise.name]:
            changed.insert(0, f"{exercise.path.name} has been changed")
        if again != second:
            changed.insert(0, "inputs() draws other data each time it is called")
        found = "; ".join(changed) or "nothing is known of what has changed"
        return (
            f"The data are drawn differently from those released, so nothing was marked. Since then: {found}."
        )

    def _unmarked(self, drawn: Drawn, reason: str) -> dict[str, Any]:
        student, exercise = drawn.student, drawn.exercise
        about = [student, self._about["students"][student]["name"], exercise.name]
        rows = [
            dict(zip(COLUMNS, [*about, number, one.title, math.nan, "unmarked", "", reason], strict=True))
            for number, one in exercise.questions.items()
        ]
        empty = dict.fromkeys(exercise.questions, "")
        return {
            "student": student, "exercise": exercise.name, "rows": rows, "note": reason, "errors": {},
            "cpu_seconds": 0.0, "answers": empty, "rights": empty, "notes": [], "runs": [],
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
        except Exception as error:  # an answer that breaks the marking costs its own mark only
            verdict = Verdict("type", f"It could not be marked: {type(error).__name__}.")
        told = told_of(question, drawn.form(number), verdict, outcome, cells)
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


def _trace(drawn: Drawn, number: str, plain: Any) -> str:
    """Return a mark by which two equal answers can be told, or nothing where equal answers mean nothing."""
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
