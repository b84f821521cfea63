"""The command ``crmlab``: the course, its data, the company, the scoreboard, assignments and marks."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import crmlab
from crmlab._paths import ROOT


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
    parser = argparse.ArgumentParser(prog="crmlab", description=crmlab.__doc__.splitlines()[0])
    parser.add_argument("--version", action="version", version=f"crmlab {crmlab.__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    run = commands.add_parser("run", help="execute the notebooks and say which passed")
    run.add_argument(
        "numbers", nargs="*", metavar="NN", help="a lesson, such as 44 or 44_buy_till_you_die; all by default"
    )
    run.add_argument("--jobs", type=int, metavar="N", help="notebooks at a time (default: one per core)")
    run.add_argument("--json", type=Path, metavar="FILE", help="write the table to this file")
    run.add_argument("--update", action="store_true", help="store the executed notebooks")
    run.set_defaults(command=_run)

    lab = commands.add_parser(
        "lab",
        help="lay out the course in my_course and open it in JupyterLab",
        description="Lay out the course in the clone's folder my_course (lessons without outputs, practice "
        "notebooks) and open it in JupyterLab. A copy that you wrote in stays as it is; the others are "
        "renewed when the course has changed. Other options go to JupyterLab.",
    )
    lab.set_defaults(command=_lab)

    data = commands.add_parser("data", help="list the data sets and check their files, or show one card")
    data.add_argument("name", nargs="?", metavar="NAME", help="a data set, such as cdnow_sample")
    data.set_defaults(command=_data)

    company = commands.add_parser("company", help="simulate a company and write its tables to a folder")
    company.add_argument("--customers", type=int, default=5_000, metavar="N", help="5,000 by default")
    company.add_argument("--world", default="base", metavar="W", help="base, textbook, seasonal, ...")
    company.add_argument("--seed", type=int, default=7, metavar="S", help="7 by default")
    company.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder")
    company.add_argument("--with-truth", action="store_true", help="write the envelope as well")
    company.set_defaults(command=_company)

    replicate = commands.add_parser("replicate", help="set published results beside ours")
    replicate.add_argument("cases", nargs="*", metavar="CASE", help="a published case; all by default")
    replicate.add_argument("--json", type=Path, metavar="FILE", help="write the scoreboard to this file")
    replicate.add_argument(
        "--page", type=Path, metavar="FILE", help="write all cases to this file, in Markdown"
    )
    replicate.set_defaults(command=_replicate)

    release = commands.add_parser("release", help="write an assignment: one folder for each student")
    release.add_argument("exercises", nargs="+", metavar="EXERCISE", help="an exercise, such as 41")
    release.add_argument("--students", type=Path, required=True, metavar="CSV", help="the roster")
    release.add_argument("--key-file", type=Path, required=True, metavar="KEY", help="kept by the instructor")
    release.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the folders go")
    release.add_argument("--exercises", dest="folder", type=Path, metavar="DIR", help="exercises of your own")
    release.set_defaults(command=_release)

    grade = commands.add_parser("grade", help="mark what was handed in")
    grade.add_argument("submissions", nargs="?", type=Path, metavar="SUBMISSIONS", help="a folder a student")
    grade.add_argument("--key-file", type=Path, metavar="KEY", help="the one of the release")
    grade.add_argument("--out", type=Path, metavar="DIR", help="where the marks go")
    grade.add_argument("--jobs", type=int, default=2, metavar="N", help="submissions at a time (default: 2)")
    grade.add_argument("--exercises", dest="folder", type=Path, metavar="DIR", help="exercises of your own")
    grade.add_argument("--seconds", type=float, default=60, metavar="S", help="a cell may take (default: 60)")
    grade.add_argument("--trust", action="store_true", help="run submissions without a sandbox")
    grade.add_argument(
        "--new-exercise", type=Path, metavar="FILE", help="write a small exercise to begin with"
    )
    grade.set_defaults(command=_grade)

    if arguments and not arguments[0].startswith("-") and arguments[0] not in commands.choices:
        from crmlab._tables import unknown

        parser.error(unknown("command", arguments[0], commands.choices))
    options, further = parser.parse_known_args(arguments)
    if further and options.command is not _lab:
        known = f"What it knows: crmlab {arguments[0]} --help"
        parser.error(f"crmlab {arguments[0]} does not know {' '.join(further)}. {known}")
    options.further = further
    try:
        return options.command(options)
    except (ValueError, OSError) as error:
        print(f"crmlab {arguments[0]}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nInterrupted: what was stored before is whole, nothing was left running.", file=sys.stderr)
        return 130


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


def _data(options: argparse.Namespace) -> int:
    from crmlab import datasets

    if options.name:
        print(datasets.card(options.name))
        checks = [datasets.verify(options.name)]
        print(f"{'Check:':11}{checks[0]}")
    else:
        table = datasets.catalogue()[["name", "rows", "kind", "one_row"]]
        checks = [datasets.verify(name) for name in table["name"]]
        files = ["intact" if said == "intact" else "see below" for said in checks]
        print(table.assign(file=files).to_string(index=False))
        print("\n".join(["", *(said for said in checks if said != "intact")]))
        print("Columns, units, licence and source of one data set: crmlab data NAME")
    return int(any(said != "intact" for said in checks))


def _company(options: argparse.Namespace) -> int:
    from crmlab import company
    from crmlab.company.company import new_folder

    new_folder(options.out)  # before the work, not after it
    drawn = company.simulate(options.customers, options.world, options.seed, progress=True)
    drawn.write(options.out, truth=options.with_truth)
    rows = sum(len(table) for table in drawn.tables.values())
    truth = "with its envelope" if options.with_truth else "without its envelope"
    print(
        f"{options.customers:,} customers, {len(drawn.tables)} tables, {rows:,} rows, {truth}: {options.out}"
    )
    if not options.with_truth and options.seed < 10**12:
        print("Whoever guesses the seed has the envelope: for an assignment take a --seed of 30 digits.")
    return 0


def _release(options: argparse.Namespace) -> int:
    from crmlab.grading import release

    written = release(
        options.exercises, options.students, options.key_file, options.out, options.folder, progress=True
    )
    print(f"{written} folders written to {options.out}. Keep {options.key_file} to yourself, and keep it.")
    return 0


def _grade(options: argparse.Namespace) -> int:
    from crmlab.grading import Limits, grade, new_exercise

    if options.new_exercise:
        print(f"Written: {new_exercise(options.new_exercise)}. How to go on: exercises/README.md.")
        return 0
    missing = [name for name in ("submissions", "key_file", "out") if not getattr(options, name)]
    if missing:
        raise ValueError(f"What is missing: {', '.join(missing)}. See crmlab grade --help.")
    limits = Limits(cell_seconds=options.seconds, total_seconds=max(300.0, 5 * options.seconds))
    marks = grade(
        options.submissions, options.key_file, options.out, options.jobs, options.folder, options.trust,
        limits, progress=True,
    )  # fmt: skip
    known = marks[marks["question"] != ""]
    for student, mark in known.groupby("student", sort=False)["mark"].mean().items():
        print(f"{student}: {mark:.0%}")
    print(f"Marks, feedback pages and summary.html are in {options.out}.")
    return 0


def _replicate(options: argparse.Namespace) -> int:
    from crmlab import replicate

    return replicate.main(options.cases, json=options.json, page_file=options.page)
