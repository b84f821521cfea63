"""Marking: every submission in its box, every answer held against that student's own key."""

import hashlib
import json
import math
import queue
import tempfile
import threading
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

import crmlab
from crmlab import _numbers
from crmlab.grading import report, sandbox
from crmlab.grading.assignment import drawn_otherwise, read_key
from crmlab.grading.gradebook import Gradebook
from crmlab.grading.handout import draw, write_data
from crmlab.grading.report import trace
from crmlab.grading.sandbox import Limits
from crmlab.grading.settings import no_student, same
from crmlab.grading.term import Term, changed, one_of, printable
from crmlab.practice import Drawn, load
from crmlab.practice.data import VERSION, other_version, write_cases
from crmlab.practice.exercise import Exercise
from crmlab.practice.forms import Interval, Text
from crmlab.practice.marking import Verdict

LARGEST_NOTEBOOK, MOST_CELLS = 30_000_000, 2_000
"""Bytes and cells beyond which a notebook is not opened."""

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
        A folder with a folder for each student, named by the id, with the notebook in it.
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
        (Where data are drawn otherwise than at the release, that exercise of that student has no mark, the
        outcome ``unmarked`` and the cause.)

    Examples
    --------
    >>> grade("submissions", "key.json", "marks")  # doctest: +SKIP
    """
    about = read_key(key_file)
    submissions, out = Path(submissions).resolve(), Path(out).resolve()
    if not submissions.is_dir():
        raise FileNotFoundError(f"There is no folder {submissions}.")
    if not all(limit > 0 for limit in asdict(limits).values()):
        raise ValueError(f"Limits must be above zero; got {limits}.")
    if jobs < 1:
        raise ValueError(f"--jobs is the number of submissions marked at a time, 1 or more; it was {jobs}.")
    exercises = [load(name, folder) for name in about["exercises"]]
    term = Term(Path(key_file).resolve().parent, about["students"], exercises)
    book = Gradebook(gradebook, about["students"], term.settings) if gradebook else None
    anew = {same(one) for one in students}
    for one in sorted(anew - set(map(same, about["students"]))):
        raise ValueError(no_student(one, about["students"]))
    if not trust:
        _need_a_sandbox([Path(key_file), submissions, out, *(one.path.parent for one in exercises)])
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
    expected = [*about["students"], *term.settings.groups]
    strange = sorted(set(marker.folders) - {same(student) for student in expected})
    table = term.marks(results, COLUMNS)
    for name in strange:
        row = {
            "student": marker.folders[name][0].name,
            "mark": 0.0,
            "outcome": "unknown",
            "reason": "This is no student of the roster.",
        }
        table.loc[len(table)] = pd.Series(row).reindex(table.columns, fill_value="")
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
        units: Mapping[str, Collection[str]],
        anew: set[str],
    ) -> None:
        self._about, self._limits, self._trust = about, limits, trust
        self._units, self._anew = units, anew
        self._stop = stop
        self._done = out / "done"
        self._done.mkdir(parents=True, exist_ok=True)
        self.folders: dict[str, list[Path]] = {}
        for path in sorted(submissions.iterdir()):
            if not path.name.startswith((".", "__")):  # what operating systems leave in an archive
                self.folders.setdefault(same(path.name), []).append(path)
        self._solver = threading.Lock()  # solutions draw figures, and pyplot is for one at a time

    def mark(self, student: str, exercise: Exercise, slot: int) -> dict[str, Any]:
        """Return the result of one student's exercise: rows of marks, and what the summary needs."""
        folders = {one: self.folders.get(same(one), []) for one in self._units[student]}
        try:
            raw, reason = one_of({one: _submitted(held, exercise.name) for one, held in folders.items()})
        except ValueError as error:
            return self._unmarked(student, exercise, str(error))
        came = {"submitted": raw is not None, "handed_in": changed(folders.values(), exercise.name)}
        settings = [
            crmlab.__version__,
            exercise.digest,
            asdict(self._limits),
            self._trust,
            self._about["key"],
        ]
        state = json.dumps([*settings, reason]).encode()
        digest = hashlib.sha256(state + (raw or b"")).hexdigest()
        file = self._done / student / f"{exercise.name}.json"
        anew = self._anew & set(map(same, self._units[student])) if self._anew else set()
        if file.is_file() and not anew:
            held = json.loads(file.read_text(encoding="utf-8"))
            if held["digest"] == digest or self._anew:
                return held | came
        if self._anew and not anew:
            return self._unmarked(student, exercise, "Not marked yet: only others were asked for.")
        with self._solver:
            drawn = draw(exercise, self._about, student)
            other = drawn_otherwise(drawn, self._about)
            if other:  # costs nobody else the marking, and is not remembered: it may be mended
                return self._unmarked(student, exercise, other)
            rights = {number: trace(drawn, number, drawn.key(number).right) for number in exercise.questions}
        outcome = sandbox.Outcome({}, {}, reason, 0.0)
        cells: list[str] = []
        if raw is not None:
            try:
                cells = _cells(raw)
                with tempfile.TemporaryDirectory() as job:
                    with self._solver:
                        _write_job(drawn, cells, Path(job))
                    outcome = self._execute(Path(job), slot)
            except _Broken as broken:
                outcome.note = str(broken)
        with self._solver:
            rows = [self._row(drawn, number, outcome, cells) for number in exercise.questions]
        read = [row["question"] for row in rows if row["outcome"] == "unmarked"]
        texts = {number: printable(outcome.answers[number], "\n") for number in read}
        traces = {number: trace(drawn, number, outcome.answers.get(number)) for number in exercise.questions}
        result = {
            "digest": digest, "student": student, "exercise": exercise.name, "rows": rows,
            "note": outcome.note, "errors": {str(cell): text for cell, text in outcome.errors.items()},
            "cpu_seconds": round(outcome.cpu_seconds, 2), "answers": traces, "rights": rights, "texts": texts,
        }  # fmt: skip
        file.parent.mkdir(parents=True, exist_ok=True)
        whole = file.with_suffix(".new")
        whole.write_text(json.dumps(result, ensure_ascii=False), encoding="utf-8")
        whole.replace(file)
        return result | came

    def _unmarked(self, student: str, exercise: Exercise, reason: str) -> dict[str, Any]:
        about = [student, self._about["students"][student]["name"], exercise.name]
        rows = [
            dict(zip(COLUMNS, [*about, number, one.title, math.nan, "unmarked", "", reason], strict=True))
            for number, one in exercise.questions.items()
        ]
        empty = dict.fromkeys(exercise.questions, "")
        return {
            "student": student, "exercise": exercise.name, "rows": rows, "note": reason, "errors": {},
            "cpu_seconds": 0.0, "answers": empty, "rights": empty, "texts": {}, "submitted": False,
            "handed_in": "",
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
        if isinstance(question.form, Text) and verdict.outcome in ("right", "formed"):
            verdict = Verdict("unmarked", "A text is read by a person.", math.nan)
        told = verdict.message
        if verdict.outcome == "missing":
            # what is said to be missing is not why it is missing
            causes = {cell: text for cell, text in outcome.errors.items() if question.variable not in text}
            named = [cell for cell in sorted(causes) if question.variable in cells[cell]] or sorted(causes)
            stopped = [f"Code cell {cell + 1}: {causes[cell]}." for cell in named[:1]]
            told = " ".join(["There is no answer.", *stopped, outcome.note])
        # it may quote the student, who may have written to a terminal or a spreadsheet
        told = printable(told)[:600].strip()
        name, mark = self._about["students"][drawn.student]["name"], round(verdict.mark, 4)
        line = [drawn.student, name, drawn.exercise.name, number, question.title, mark, verdict.outcome]
        return dict(zip(COLUMNS, [*line, verdict.mistake, told], strict=True))

    def _execute(self, job: Path, slot: int) -> sandbox.Outcome:
        for _ in range(3):
            outcome = sandbox.execute(job, self._limits, slot, self._trust, self._stop)
            if "did not start" not in outcome.note:
                return outcome
        raise OSError(f"{outcome.note}. Nobody's mark suffers: start again, and it goes on from here.")


class _Broken(Exception):
    """A submission of which no cell can be run."""


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


def _submitted(folders: list[Path], name: str) -> tuple[bytes | None, str]:
    """Return the bytes of a notebook, or the reason why there are none."""
    if len(folders) > 1:
        return None, f"There are {len(folders)} folders of this name: hand in one."
    if not folders or not folders[0].is_symlink() and not folders[0].is_dir():
        return None, "Nothing was handed in."
    if folders[0].is_symlink():
        return None, "The folder is a link."
    # a browser says "41_value_tiers (1).ipynb"
    found = sorted(one for one in folders[0].glob("*.ipynb") if one.name.startswith(name))
    if not found:
        number, others = name.partition("_")[0], sorted(one.name for one in folders[0].glob("*.ipynb"))
        former = [one for one in others if number in (_numbers.now(one) or "").split()]
        told = [
            f"{one[:60]} was: if that is a notebook of version 1, mark it with the crmlab that released it."
            for one in former[:1]
        ]
        return None, " ".join([f"{name}.ipynb was not handed in.", *told])
    if len(found) > 1:
        return None, f"There are {len(found)} notebooks that could be {name}.ipynb: hand in one."
    if found[0].is_symlink() or not found[0].is_file():
        return None, f"{found[0].name} is no file of its own."
    if found[0].stat().st_size > LARGEST_NOTEBOOK:
        return None, f"{found[0].name} is larger than {LARGEST_NOTEBOOK // 10**6} MB: clear its outputs."
    return found[0].read_bytes(), ""


def _cells(raw: bytes) -> list[str]:
    """Return the code cells of a notebook that may hold anything."""
    try:
        notebook = json.loads(raw)
        sources = [cell.get("source", "") for cell in notebook["cells"] if cell["cell_type"] == "code"]
        found = ["".join(source) for source in sources]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise _Broken("What was handed in cannot be read as a notebook.") from None
    if _version(notebook) != VERSION:
        raise _Broken(other_version("What was handed in", _version(notebook)))
    if len(found) > MOST_CELLS:
        raise _Broken(f"The notebook has {len(found):,} cells, more than anybody needs.")
    if not any(source.strip() for source in found):
        raise _Broken("The notebook has no code.")
    return found


def _version(notebook: Any) -> Any:
    """Return the version of the release from which a notebook comes."""
    try:
        return notebook["metadata"]["crmlab"].get("schema_version", 1)
    except (KeyError, TypeError, AttributeError):  # an editor may have thrown it away
        return VERSION


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
