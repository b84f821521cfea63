"""The command ``crmlab``: the course, its data, the company, the scoreboard, assignments and marks."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from textwrap import fill, indent

import crmlab
from crmlab import _typed as typed
from crmlab._paths import ROOT
from crmlab._typed import Command


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        The words after ``crmlab``; those of the command line by default.

    Returns
    -------
    int
        0 if all is well, 1 if something failed its check, 2 if the command was not understood, 130 if it was
        interrupted.

    Examples
    --------
    >>> main(["data", "no_such_data"])
    2
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    parser = Command(prog="crmlab", description=crmlab.__doc__.splitlines()[0])
    parser.add_argument("--version", action="version", version=f"crmlab {crmlab.__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    run = commands.add_parser("run", help="execute the notebooks and say which passed")
    run.add_argument(
        "numbers", nargs="*", metavar="NN", help="a lesson, such as 44 or 44_buy_till_you_die; all by default"
    )
    run.add_argument(
        "--jobs", type=typed.whole(1), metavar="N", help="notebooks at a time (default: one per core)"
    )
    run.add_argument("--json", type=typed.new_file, metavar="FILE", help="write the table to this file")
    run.add_argument("--update", action="store_true", help="store the executed notebooks")
    run.example, run.known = "crmlab run 41 44 --jobs 2", _lessons
    run.set_defaults(command=_run)

    lab = commands.add_parser(
        "lab",
        help="lay out the course in my_course and open it in JupyterLab",
        description="Lay out the course in the clone's folder my_course (lessons without outputs, practice "
        "notebooks) and open it in JupyterLab. A copy that you wrote in stays as it is; the others are "
        "renewed when the course has changed. Other options go to JupyterLab.",
    )
    lab.example = "crmlab lab --no-browser   (what it does not know goes to JupyterLab)"
    lab.set_defaults(command=_lab)

    data = commands.add_parser("data", help="list the data sets and check their files, or show one card")
    data.add_argument("name", nargs="?", metavar="NAME", help="a data set, such as cdnow_sample")
    data.example, data.known = "crmlab data cdnow_sample", _data_sets
    data.set_defaults(command=_data)

    company = commands.add_parser("company", help="simulate a company and write its tables to a folder")
    company.add_argument(
        "--customers", type=typed.whole(1, 2_000_000), default=5_000, metavar="N", help="5,000 by default"
    )
    company.add_argument("--world", type=typed.world, default="base", metavar="W", help="base by default")
    company.add_argument("--seed", type=typed.whole(0), default=7, metavar="S", help="7 by default")
    company.add_argument("--out", type=typed.new_folder, required=True, metavar="DIR", help="a new folder")
    company.add_argument("--raw", action="store_true", help="only what the channels captured: no customers")
    company.add_argument("--with-truth", action="store_true", help="write the envelope as well")
    company.example = "crmlab company --customers 2000 --world seasonal --seed 11 --out lantern_quay"
    company.known = _worlds
    company.set_defaults(command=_company)

    replicate = commands.add_parser("replicate", help="set published results beside ours")
    replicate.add_argument("cases", nargs="*", metavar="CASE", help="a published case; all by default")
    replicate.add_argument(
        "--json", type=typed.new_file, metavar="FILE", help="write the scoreboard to this file"
    )
    replicate.add_argument(
        "--page", type=typed.new_file, metavar="FILE", help="write all cases to this file, in Markdown"
    )
    replicate.example, replicate.known = "crmlab replicate fader_hardie_lee_2005", _cases
    replicate.set_defaults(command=_replicate)

    prove = commands.add_parser("prove", help="try an exercise of your own before anybody else does")
    prove.add_argument("exercises", nargs="+", metavar="EXERCISE", help="an exercise, such as 41")
    prove.add_argument(
        "--variants", type=typed.whole(1), default=3, metavar="N", help="students to try (default: 3)"
    )
    prove.add_argument("--preview", type=typed.new_folder, metavar="DIR", help="write what a student gets")
    prove.add_argument(
        "--exercises", dest="folder", type=typed.folder, metavar="DIR", help="exercises of your own"
    )
    prove.example = "crmlab prove A1 --exercises my_exercises --variants 20 --preview look"
    prove.known = _exercises
    prove.set_defaults(command=_prove)

    release = commands.add_parser("release", help="write an assignment: one folder for each student")
    release.add_argument("exercises", nargs="+", metavar="EXERCISE", help="an exercise, such as 41")
    release.add_argument("--students", type=typed.file, required=True, metavar="CSV", help="the roster")
    release.add_argument(
        "--key-file", type=typed.new_file, required=True, metavar="KEY", help="kept by the instructor"
    )
    release.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the folders go")
    release.add_argument(
        "--exercises", dest="folder", type=typed.folder, metavar="DIR", help="exercises of your own"
    )
    release.add_argument(
        "--jobs", type=typed.whole(1), default=2, metavar="N", help="processes at a time (default: 2)"
    )
    release.add_argument(
        "--answers", type=typed.new_file, metavar="FILE", help="write the answer book to this file, in HTML"
    )
    release.example = "crmlab release 41 44 --students roster.csv --key-file key.json --out week_1"
    release.known = _exercises
    release.set_defaults(command=_release)

    grade = commands.add_parser("grade", help="mark what was handed in")
    grade.add_argument(
        "submissions", nargs="?", type=typed.there, metavar="SUBMISSIONS", help="a folder, or one zip archive"
    )
    grade.add_argument("--key-file", type=typed.file, metavar="KEY", help="the one of the release")
    grade.add_argument("--out", type=Path, metavar="DIR", help="where the marks go")
    grade.add_argument(
        "--jobs", type=typed.whole(1), default=2, metavar="N", help="submissions at a time (default: 2)"
    )
    grade.add_argument(
        "--exercises", dest="folder", type=typed.folder, metavar="DIR", help="exercises of your own"
    )
    grade.add_argument(
        "--seconds", type=typed.seconds, default=60, metavar="S", help="a cell may take (default: 60)"
    )
    grade.add_argument(
        "--student", action="append", default=[], metavar="ID", help="mark this one anew, and nobody else"
    )
    grade.add_argument(
        "--gradebook", type=typed.file, metavar="CSV", help="exported by Canvas or Moodle, to be filled"
    )
    grade.add_argument("--trust", action="store_true", help="run submissions without a sandbox")
    grade.add_argument(
        "--new-exercise", type=Path, metavar="FILE", help="write a small exercise to begin with"
    )
    grade.example = "crmlab grade submissions --key-file key.json --out marks"
    grade.known = _exercises
    grade.set_defaults(command=_grade)

    try:
        if not arguments[0].startswith("-") and arguments[0] not in commands.choices:
            from crmlab._tables import unknown

            parser.error(unknown("command", arguments[0], commands.choices))
        options, further = parser.parse_known_args(arguments)
        if further and options.command is not _lab:
            commands.choices[arguments[0]].error(f"it does not know {' '.join(further)}")
        options.further = further
        return options.command(options)
    except (ValueError, OSError) as error:
        print(f"crmlab {arguments[0]}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nInterrupted: what was stored before is whole, nothing was left running.", file=sys.stderr)
        return 130


# ---- the names that a command's help ends with


def _listed(head: str, names: Sequence[str]) -> str:
    return f"{head}:\n{indent(fill(', '.join(names), 76, break_on_hyphens=False), '  ')}\n"


def _lessons() -> str:
    from crmlab.course import lessons

    return "lessons:\n" + "".join(f"  {one.number}  {one.title}\n" for one in lessons())


def _data_sets() -> str:
    from crmlab.datasets import catalogue

    return _listed("data sets", sorted(catalogue()["name"]))


def _worlds() -> str:
    from crmlab.company.worlds import WORLDS

    return _listed("worlds", list(WORLDS))


def _cases() -> str:
    from crmlab.replicate import cases

    return _listed("cases", list(cases()["case"]))


def _exercises() -> str:
    from crmlab.practice import names

    return _listed("exercises", names())


# ---- the commands


def _run(options: argparse.Namespace) -> int:
    from crmlab import course

    return course.run(options.numbers, jobs=options.jobs, json_file=options.json, update=options.update)


def _lab(options: argparse.Namespace) -> int:
    from crmlab import practice
    from crmlab.course import kernel_environment

    print(
        "Laying out my_course: lessons and practice notebooks to write in (a few seconds, once)", flush=True
    )
    print("".join(f"{sentence}\n" for sentence in practice.lay_out()), end="", flush=True)
    settings = [
        str(ROOT / "crmlab" / "jupyter"),
        *os.environ.get("JUPYTER_CONFIG_PATH", "").split(os.pathsep),
    ]
    environment = kernel_environment() | {"JUPYTER_CONFIG_PATH": os.pathsep.join(filter(None, settings))}
    command = [sys.executable, "-m", "jupyterlab", str(ROOT), *options.further]
    os.execve(sys.executable, command, environment)


_ABSENT = "in the clone of the course"  # what a licence keeps out of the package alone is no fault of a file


def _data(options: argparse.Namespace) -> int:
    from crmlab import datasets

    if options.name:
        print(datasets.card(options.name))
        checks = [datasets.verify(options.name)]
        print(f"{'Check:':11}{checks[0]}")
    else:
        table = datasets.catalogue()[["name", "rows", "kind", "one_row"]]
        checks = [datasets.verify(name) for name in table["name"]]
        files = [
            "in the clone" if _ABSENT in said else said if said == "intact" else "see below"
            for said in checks
        ]
        print(table.assign(file=files).to_string(index=False))
        print("\n".join(["", *(said for said in checks if said != "intact")]))
        print("Columns, units, licence and source of one data set: crmlab data NAME")
    return int(any(said != "intact" and _ABSENT not in said for said in checks))


def _company(options: argparse.Namespace) -> int:
    from crmlab import company

    if options.raw and options.with_truth:
        raise ValueError("The raw view has no envelope: leave out --raw or --with-truth.")
    view = "raw" if options.raw else "company"
    drawn = company.simulate(options.customers, options.world, options.seed, progress=True, view=view)
    drawn.write(options.out, truth=options.with_truth)
    rows = sum(len(table) for table in drawn.tables.values())
    truth = "with its envelope" if options.with_truth else "without its envelope"
    print(
        f"{options.customers:,} customers, {len(drawn.tables)} tables, {rows:,} rows, {truth}: {options.out}"
    )
    if not options.with_truth and options.seed < 10**12:
        print("Whoever guesses the seed has the envelope: for an assignment take a --seed of 30 digits.")
    return 0


def _prove(options: argparse.Namespace) -> int:
    from crmlab import practice
    from crmlab.grading.handout import preview

    chosen = [practice.load(name, options.folder) for name in options.exercises]
    failed = [
        practice.prove(one, options.variants, progress=True).assign(exercise=one.name) for one in chosen
    ]
    for row in (row for table in failed for row in table.itertuples()):
        where = ", ".join(filter(None, (row.exercise, row.question, row.answer, row.student)))
        print(f"{where}: {row.outcome}. {row.message}")
    print("It holds." if not sum(map(len, failed)) else "It does not hold yet.")
    if options.preview:
        print(f"What a student gets is in {preview(chosen, options.preview)}.")
    return int(any(map(len, failed)))


def _release(options: argparse.Namespace) -> int:
    from crmlab.grading import answer_book, release

    if options.answers and options.answers.resolve().is_relative_to(options.out.resolve()):
        raise ValueError(f"--answers: {options.answers} lies in {options.out}, which goes to the students.")
    written = release(
        options.exercises, options.students, options.key_file, options.out, options.folder, progress=True,
        jobs=options.jobs,
    )  # fmt: skip
    print(f"{written} folders written to {options.out}. Keep {options.key_file} to yourself, and keep it.")
    if options.answers:
        answer_book(options.key_file, options.answers, options.folder, progress=True)
        print(f"The answers to all of it are in {options.answers}: keep it to yourself as well.")
    return 0


def _grade(options: argparse.Namespace) -> int:
    from crmlab.grading import Limits, grade, new_exercise
    from crmlab.grading.handins import shown
    from crmlab.grading.report import READ

    if options.new_exercise:
        print(f"Written: {new_exercise(options.new_exercise)}. How to go on: exercises/README.md.")
        return 0
    missing = [name for name in ("submissions", "key_file", "out") if not getattr(options, name)]
    if missing:
        words = [
            "--" + name.replace("_", "-") if name != "submissions" else "SUBMISSIONS" for name in missing
        ]
        raise ValueError(f"What is missing: {', '.join(words)}. See crmlab grade --help.")
    limits = Limits(cell_seconds=options.seconds, total_seconds=max(300.0, 5 * options.seconds))
    marks = grade(
        options.submissions, options.key_file, options.out, options.jobs, options.folder, options.trust,
        limits, progress=True, students=options.student, gradebook=options.gradebook,
    )  # fmt: skip
    totals = marks.attrs["totals"]
    print("\n".join(f"{student}: {said}" for student, said in totals.items()))
    print("\n".join([*marks.attrs["notes"], f"Marks, feedback pages and summary.html are in {options.out}."]))
    unmarked = marks[marks["outcome"] == "unmarked"]
    texts = unmarked["reason"] == READ
    for question, rows in unmarked[texts].groupby("question", sort=False):
        who = ", ".join(rows["student"].iloc[:5]) + ", …" * (len(rows) > 5)
        told = f"{len(rows)} waiting for a mark ({who}). {options.out / 'texts.html'} tells what to do."
        print(f"crmlab grade: {question}: {told}", file=sys.stderr)
    for (student, exercise, reason), rows in unmarked[~texts].groupby(
        ["student", "exercise", "reason"], sort=False
    ):
        place = exercise if len(rows) > 1 else rows["question"].iloc[0]
        print(f"crmlab grade: {student}, {place}: {reason}", file=sys.stderr)
    strange = marks[marks["question"] == ""]
    for row in strange.itertuples():
        print(f"crmlab grade: {shown(row.student)} was not marked. {row.reason}", file=sys.stderr)
    return 1 if len(unmarked) or len(strange) else 0


def _replicate(options: argparse.Namespace) -> int:
    from crmlab import replicate

    return replicate.main(options.cases, json=options.json, page_file=options.page)
