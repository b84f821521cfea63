"""What a student is handed: a folder with the notebooks, the data, and a page on how to hand in."""

import json
import shutil
import tempfile
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pandas as pd

from crmlab.practice import Drawn, load, prove, stand
from crmlab.practice.exercise import Exercise
from crmlab.practice.student_notebook import student_notebook

FEW = 20
"""Students for whom no other process is started: it would take as long as they do."""

DRAWS = 3
"""How often a student's data are drawn at most: those of one in some hundreds may not bear every question."""

HAND_IN = """# Assignment for {title}

What you have: {notebooks}, and beside each the data, which are yours (or your group's) alone.

What to hand in: the notebook{s}, under the same name{s}. Nothing else is read.

Your answers are the variables `answer_1`, `answer_2`, … of each notebook. Open a notebook where crmlab is
installed (JupyterLab in its environment). `practice.check` tells you whether an answer has the form wanted;
whether it is right, the marks will tell.

When it is marked, a notebook is run from top to bottom on your data, without network and without any other
file. So write down the way to an answer, not only the answer.
"""


def draw(exercise: Exercise, about: Mapping[str, Any], student: str) -> Drawn:
    """Return an exercise with the data of a student, which are those of the group if there is one.

    Examples
    --------
    >>> about = {"key": "secret", "students": {"s1": {"name": "Ann", "drawn_for": "group: tea"}}}
    >>> draw(load("41"), about, "s1").student
    's1'
    """
    held = about["students"].get(student, {})
    name, again = held.get("drawn_for", student), held.get("drawn_again", {}).get(exercise.name, 0)
    drawn = Drawn(exercise, about["key"], f"again {again}: {name}" if again else name)
    drawn.student = student
    return drawn


def _that_stands(exercise: Exercise, about: Mapping[str, Any], student: str) -> tuple[Drawn, int]:
    """Draw until the solution is right; return the data, and how often they were drawn again."""
    held = about["students"].get(student, {})
    for again in range(DRAWS):
        one = {**about, "students": {student: {**held, "drawn_again": {exercise.name: again}}}}
        drawn = draw(exercise, one, student)
        try:
            stand(drawn)  # with this student's data, and not only with those of a trial
        except ValueError as error:
            failed = error
        else:
            return drawn, again
    raise failed


@dataclass
class Handout:
    """Writes the folders of an assignment; plain enough to be sent to another process.

    Parameters
    ----------
    names : sequence of str
        The exercises.
    folder : str or Path or None
        Where they lie.
    about : mapping
        ``key``, and by student ``drawn_for`` if it is not the student. Data that do not bear a question are
        drawn again, ``drawn_again`` times by exercise.
    groups : mapping
        By student, with whom the data are shared.
    out : Path
        Where the folders go.
    """

    names: Sequence[str]
    folder: str | Path | None
    about: Mapping[str, Any]
    groups: Mapping[str, Sequence[str]]
    out: Path

    @cached_property
    def _exercises(self) -> list[tuple[Exercise, Drawn]]:
        loaded = [load(name, self.folder) for name in self.names]
        return [(one, Drawn(one, "practice", "example")) for one in loaded]

    def write(self, student: str) -> tuple[Path, dict[str, Any]]:
        """Write a student's folder under a name of its own; return it, and what the key file keeps."""
        unfinished = Path(tempfile.mkdtemp(dir=self.out, prefix=".unfinished."))
        try:
            prints, drawn_again = {}, {}
            for exercise, example in self._exercises:
                name = exercise.name
                drawn, again = _that_stands(exercise, self.about, student)
                if again:
                    drawn_again[name] = again
                begin = f'given = practice.read("{name}_data")'
                text = json.dumps(student_notebook(drawn, example, begin, check=False), ensure_ascii=False)
                (unfinished / f"{name}.ipynb").write_text(text, encoding="utf-8")
                write_data(drawn, unfinished)
                prints[name] = drawn.given.fingerprint()
            names = [f"`{name}.ipynb`" for name in prints]
            text = HAND_IN.format(title=student, notebooks=", ".join(names), s="s" * (len(names) > 1))
            group = ", ".join(self.groups.get(student, ()))
            shared = f"\nYour group: {group}. You have the same data; one of you hands in for all.\n"
            (unfinished / "HAND_IN.md").write_text(text + shared * bool(group), encoding="utf-8")
            unfinished.chmod(0o755)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
        return unfinished, {"given": prints} | ({"drawn_again": drawn_again} if drawn_again else {})


def preview(exercises: Sequence[Exercise], out: str | Path) -> Path:
    """Write the folder of a student who does not exist, to look at before a release.

    Examples
    --------
    >>> folder = preview([load("46")], Path(tempfile.mkdtemp()))
    >>> sorted(path.name for path in folder.iterdir())
    ['46_segments.ipynb', '46_segments_data', 'HAND_IN.md']
    """
    Path(out).mkdir(parents=True, exist_ok=True)
    names, folder = [one.name for one in exercises], exercises[0].path.parent
    handout = Handout(names, folder, {"key": "preview", "students": {}}, {}, Path(out))
    return handout.write("preview")[0].replace(Path(out) / "preview")


def handed_out(
    handout: Handout, students: Sequence[str], jobs: int
) -> Generator[tuple[str, Path, dict[str, Any]], None, None]:
    """Yield each student, the folder that was written (:meth:`Handout.write`), and what the key file keeps.

    Parameters
    ----------
    handout : Handout
    students : sequence of str
    jobs : int
        How many processes write, where there are students enough for that.
    """
    if jobs == 1 or len(students) < FEW:
        yield from ((student, *handout.write(student)) for student in students)
        return
    # a new process, not a copy of this one: libraries have started threads here
    pool = ProcessPoolExecutor(jobs, get_context("spawn"), initializer=_begin, initargs=(handout,))
    try:
        yield from pool.map(_write, students)
    finally:
        pool.shutdown(cancel_futures=True)


def proofs(names: Sequence[str], folder: str | Path | None, jobs: int) -> list[pd.DataFrame]:
    """Return what the proof of each exercise finds (:func:`crmlab.practice.prove`).

    Parameters
    ----------
    names : sequence of str
        The exercises.
    folder : str or Path or None
        Where they lie.
    jobs : int
        How many processes prove.
    """
    if jobs == 1 or len(names) == 1:
        return [_proof(name, folder) for name in names]
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        return list(pool.map(_proof, names, [folder] * len(names)))


def _proof(name: str, folder: str | Path | None) -> pd.DataFrame:
    return prove(load(name, folder), variants=3)


_handouts: list[Handout] = []


def _begin(handout: Handout) -> None:
    _handouts[:] = [handout]


def _write(student: str) -> tuple[str, Path, dict[str, Any]]:
    return student, *_handouts[0].write(student)


def write_data(drawn: Drawn, folder: Path) -> None:
    """Write what lies beside the student's notebook: the data, and the forms of the answers."""
    data = folder / f"{drawn.exercise.name}_data"
    drawn.given.write(data)
    forms = {number: drawn.form(number).to_dict() for number in drawn.exercise.questions}
    (data / "form.json").write_text(json.dumps(forms, indent=1) + "\n", encoding="utf-8")
