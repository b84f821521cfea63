"""Releasing and marking an assignment, in seconds of wall clock and of processor time.

    python benchmarks/bench_grading.py [--students 300] [--marked 4] [--jobs 2] [--trust]

Exercises 41, 44 and 47 are released to a class; a few students hand in the solutions, and are marked; then
one of them is marked anew. There is no peer: the bounds are those that a teacher can live with.
"""

import argparse
import inspect
import json
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from crmlab import practice
from crmlab.grading import grade, release

EXERCISES = ["41", "44", "47"]
BOUNDS = {"release": 300.0, "a submission": 3.0, "one student anew": 10.0}


def measured(job: Callable[[], Any]) -> tuple[float, float]:
    """Return wall clock and processor time, that of other processes included."""
    began, before = time.perf_counter(), processor_time()
    job()
    return time.perf_counter() - began, processor_time() - before


def processor_time() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def solve(path: Path, exercise: practice.Exercise) -> str:
    """Return the released notebook with the solutions in it."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    source = json.loads(exercise.path.read_text(encoding="utf-8"))
    first = next("".join(one["source"]) for one in source["cells"] if one["cell_type"] == "code")
    imports = "\n".join(line for line in first.splitlines() if line.startswith(("import ", "from ")))
    for number, question in exercise.questions.items():
        assert question.solution is not None
        names = inspect.signature(question.solution).parameters
        call = f"solution({', '.join(f'given.{name}' for name in names)})"
        cell = f"{imports}\n{question.source['solution']}\n\n{question.variable} = {call}"
        place = f"question-{number.rpartition('.')[2]}-answer"
        next(one for one in notebook["cells"] if one["id"] == place)["source"] = cell
    return json.dumps(notebook)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--students", type=int, default=300)
    parser.add_argument("--marked", type=int, default=4)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--trust", action="store_true")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    roster, key, out = folder / "roster.csv", folder / "key.json", folder / "release"
    students = [f"s{number:04}" for number in range(options.students)]
    roster.write_text("\n".join(["student", *students]))
    wall, used = measured(lambda: release(EXERCISES, roster, key, out, jobs=options.jobs))
    what = f"{options.students} students × {len(EXERCISES)} exercises"
    told("release", wall, f"{what}, {wall:.0f} s, of processor time {used:.0f} s")
    exercises = [practice.load(one) for one in EXERCISES]
    for student in students[: options.marked]:
        (folder / "in" / student).mkdir(parents=True)
        for exercise in exercises:
            name = f"{exercise.name}.ipynb"
            (folder / "in" / student / name).write_text(solve(out / student / name, exercise))
    # everybody else has handed in nothing, and so takes the time that this takes
    small = folder / "small.json"
    about = json.loads(key.read_text())
    about["students"] = dict(list(about["students"].items())[: options.marked])
    small.write_text(json.dumps(about))
    marks = []
    _, used = measured(
        lambda: marks.append(grade(folder / "in", small, folder / "marks", trust=options.trust))
    )
    each = used / (options.marked * len(EXERCISES))
    told("a submission", each, f"{each:.1f} s of processor time; mean mark {marks[0]['mark'].mean():.2f}")
    again = {"trust": options.trust, "students": students[:1]}
    wall, used = measured(lambda: grade(folder / "in", small, folder / "marks", **again))
    what = f"{len(EXERCISES)} exercises"
    told("one student anew", wall, f"{what}, {wall:.1f} s, of processor time {used:.1f} s")


def told(what: str, found: float, said: str) -> None:
    print(f"{what}: {said} (at most {BOUNDS[what]:g} s: {'kept' if found <= BOUNDS[what] else 'NOT KEPT'})")


if __name__ == "__main__":
    main()
