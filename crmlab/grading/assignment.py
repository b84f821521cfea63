"""Handing out: the roster, the instructor's key, a folder for each student."""

import io
import json
import os
import platform
import re
import secrets
import shutil
import tempfile
import unicodedata
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

import crmlab
from crmlab._paths import clone
from crmlab._tables import unknown
from crmlab.practice import Drawn, load, prove, stand
from crmlab.practice.data import VERSION, other_version
from crmlab.practice.exercise import Exercise
from crmlab.practice.student_notebook import student_notebook

HAND_IN = """# Assignment for {title}

What you have: {notebooks}, and beside each the data, which are yours alone: nobody else has the same.

What to hand in: the notebook{s}, under the same name{s}. Nothing else is read.

Your answers are the variables `answer_1`, `answer_2`, … of each notebook. Open a notebook where crmlab is
installed (JupyterLab in its environment). `practice.check` tells you whether an answer has the form wanted;
whether it is right, the marks will tell.

When it is marked, a notebook is run from top to bottom on your data, without network and without any other
file. So write down the way to an answer, not only the answer.
"""


def roster(path: str | Path) -> dict[str, str]:
    """Read who takes part.

    Parameters
    ----------
    path : str or Path
        A CSV file with a column ``student`` (a short id, which names the student's folder) and, if you like,
        ``name``; separated by commas, semicolons or tabs; in UTF-8, UTF-16 or GB18030.

    Returns
    -------
    dict of str
        The name of each student, by id.

    Raises
    ------
    ValueError
        No such column, no row, a student who is there twice, or an id that cannot name a folder: the message
        tells the row.

    Examples
    --------
    >>> file = Path(tempfile.mkdtemp()) / "roster.csv"
    >>> _ = file.write_text("student,name\\ns1,Ann\\ns2,李雷\\n", encoding="gb18030")
    >>> roster(file)
    {'s1': 'Ann', 's2': '李雷'}
    """
    raw = Path(path).read_bytes()
    for encoding in ["utf-16"] if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else ["utf-8-sig", "gb18030"]:
        try:
            text = raw.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise ValueError(f"{path} is neither UTF-8 nor GB18030: save it as CSV in UTF-8.")
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    try:
        table = pd.read_csv(
            io.StringIO(text), sep=separator, dtype=str, keep_default_na=False, index_col=False
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, pd.errors.ParserWarning) as error:
        raise ValueError(f"{path} is no table: {error}") from None
    table.columns = table.columns.str.strip().str.lower()
    if "student" not in table:
        raise ValueError(f"{path}: {unknown('column', 'student', table.columns)}")
    if table.empty:
        raise ValueError(f"{path} names no student.")
    names = table["name"] if "name" in table else table["student"]
    students: dict[str, str] = {}
    seen: dict[str, int] = {}
    for row, (student, name) in enumerate(zip(table["student"], names, strict=True), start=2):
        student = unicodedata.normalize("NFC", student.strip())
        if not _names_a_folder(student):
            raise ValueError(
                f"{path}, line {row}: {student!r} cannot name a folder. An id has 1 to 64 letters or "
                "digits, with blanks and . @ + - _ between them."
            )
        if student.casefold() in seen:
            raise ValueError(f"{path}: {student!r} is in line {seen[student.casefold()]} and in line {row}.")
        seen[student.casefold()] = row
        students[student] = " ".join("".join(one if one.isprintable() else " " for one in name).split())
    return students


def _names_a_folder(student: str) -> bool:
    plain = re.fullmatch(r"\w([\w .@+-]{0,62}\w)?", student)
    return bool(plain) and not re.fullmatch(r"(?i)con|nul|aux|prn", student)


def read_key(path: str | Path) -> dict[str, Any]:
    """Read an instructor's key file, which :func:`release` wrote.

    Examples
    --------
    >>> read_key("no_such_key.json")
    Traceback (most recent call last):
    FileNotFoundError: There is no key file no_such_key.json: crmlab release makes one.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"There is no key file {path}: crmlab release makes one.")
    try:
        about = dict(json.loads(Path(path).read_text(encoding="utf-8")))
        found = about["schema_version"]
        if found == VERSION:
            complete = len(about["key"]) == 64 and isinstance(about["exercises"], dict)
            rows = about["students"].items()
            complete &= all(_names_a_folder(one) and {"name", "given"} <= set(held) for one, held in rows)
    except (ValueError, TypeError, KeyError, AttributeError):
        complete, found = False, VERSION
    if found != VERSION:
        raise ValueError(other_version(path, found))
    if not complete:
        raise ValueError(f"{path} is not a key file as crmlab release writes it.")
    return about


def release(
    exercises: Sequence[str],
    students: str | Path,
    key_file: str | Path,
    out: str | Path,
    folder: str | Path | None = None,
    progress: bool = False,
) -> int:
    """Write an assignment: one folder for each student, without a solution.

    Parameters
    ----------
    exercises : sequence of str
        Numbers or names.
    students : str or Path
        The roster (:func:`roster`).
    key_file : str or Path
        The instructor's secret: made where there is none. One key file belongs to one assignment; with the
        same file and a longer roster the new students are added.
    out : str or Path
        Where the folders go.
    folder : str or Path, optional
        Where the exercises lie; the repository's own by default.
    progress : bool
        Whether to show a bar.

    Returns
    -------
    int
        How many folders were written. Those that were there already are left alone.

    Raises
    ------
    ValueError
        A roster, an exercise or a key file that is not in order; an exercise that does not stand its own
        proof (:func:`crmlab.practice.prove`), or whose solution is not right with the data of a student: then
        those before are written, and the message names student and question.

    Examples
    --------
    >>> release(["41"], "roster.csv", "key.json", "release")  # doctest: +SKIP
    300
    """
    everybody, out, key_file = roster(students), Path(out).resolve(), Path(key_file).resolve()
    if out in key_file.parents:
        raise ValueError(f"The key file lies in {out}, which goes to the students: keep it elsewhere.")
    chosen = {one.name: one for one in (load(name, folder) for name in exercises)}
    for one in chosen.values():
        failed = prove(one, variants=3)
        if len(failed):
            raise ValueError(
                f"{one.path.name} does not stand its own proof:\n{failed.to_string(index=False)}"
            )
    examples = {name: Drawn(one, "practice", "example") for name, one in chosen.items()}
    out.mkdir(parents=True, exist_ok=True)
    about = _key(key_file, chosen)
    strange = [one for one in everybody if one not in about["students"] and (out / one).exists()]
    if strange:
        raise ValueError(
            f"{out / strange[0]} is there and not of this key file: name another --out, or remove it."
        )
    for student in set(everybody) & set(about["students"]):
        about["students"][student]["name"] = everybody[student]  # it may have been mended
    _write_key(key_file, about)
    missing, made_with = [one for one in everybody if not (out / one).is_dir()], drawn_with()
    for student in tqdm(missing, disable=not progress, unit="student"):
        drawn = [Drawn(one, about["key"], student) for one in chosen.values()]
        for exercise in drawn:
            stand(exercise)  # with this student's data, and not only with those of a trial
        _write_folder(out, student, drawn, examples)
        prints = {one.exercise.name: one.given.fingerprint() for one in drawn}
        about["students"][student] = {"name": everybody[student], "given": prints, "drawn_with": made_with}
        _write_key(key_file, about)  # each time: who interrupts and starts again goes on from here
    return len(missing)


def drawn_with() -> dict[str, str]:
    """Return what drawn data may depend on besides key and exercise: versions, and the processor.

    Examples
    --------
    >>> list(drawn_with())
    ['crmlab', 'Python', 'numpy', 'pandas', 'scipy', 'processor']
    """
    libraries = {name: version(name) for name in ("numpy", "pandas", "scipy")}
    # numpy sorts and sums with the widest vectors that it finds
    vectors = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    processor = " ".join([platform.machine(), *vectors])
    return {"crmlab": crmlab.__version__, "Python": platform.python_version(), **libraries} | {
        "processor": processor
    }


def _key(path: Path, chosen: dict[str, Exercise]) -> dict[str, Any]:
    """Read or make the key, and see that it belongs to these exercises."""
    sources = {name: one.digest for name, one in chosen.items()}
    if not path.exists():
        key = secrets.token_hex(32)
        _write_key(path, {"schema_version": VERSION, "key": key, "exercises": sources, "students": {}})
    about = read_key(path)
    if about["exercises"] != sources:
        raise ValueError(
            f"{path} belongs to another assignment, or to another version of its exercises "
            f"({', '.join(about['exercises'])}). Name a new key file."
        )
    return about


def _write_key(path: Path, about: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = path.with_name(f"{path.name}.new")
    # nobody else may read it, from its first byte on
    with os.fdopen(
        os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
    ) as file:
        json.dump(about, file, indent=1, ensure_ascii=False)
    whole.replace(path)


def _write_folder(out: Path, student: str, drawn: list[Drawn], examples: dict[str, Drawn]) -> None:
    unfinished = Path(tempfile.mkdtemp(dir=out, prefix=".unfinished."))
    try:
        for one in drawn:
            name = one.exercise.name
            begin = f'given = practice.read("{name}_data")'
            text = json.dumps(student_notebook(one, examples[name], begin, check=False), ensure_ascii=False)
            (unfinished / f"{name}.ipynb").write_text(text, encoding="utf-8")
            write_data(one, unfinished)
        names = [f"`{one.exercise.name}.ipynb`" for one in drawn]
        text = HAND_IN.format(title=student, notebooks=", ".join(names), s="s" * (len(names) > 1))
        (unfinished / "HAND_IN.md").write_text(text, encoding="utf-8")
        unfinished.chmod(0o755)
        unfinished.replace(out / student)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def write_data(drawn: Drawn, folder: Path) -> None:
    """Write what lies beside the student's notebook: the data, and the forms of the answers."""
    data = folder / f"{drawn.exercise.name}_data"
    drawn.given.write(data)
    forms = {number: drawn.form(number).to_dict() for number in drawn.exercise.questions}
    (data / "form.json").write_text(json.dumps(forms, indent=1) + "\n", encoding="utf-8")


def preview(exercises: Sequence[Exercise], out: str | Path) -> Path:
    """Write the folder of a student who does not exist, to look at before a release.

    Examples
    --------
    >>> folder = preview([load("46")], Path(tempfile.mkdtemp()))
    >>> sorted(path.name for path in folder.iterdir())
    ['46_segments.ipynb', '46_segments_data', 'HAND_IN.md']
    """
    Path(out).mkdir(parents=True, exist_ok=True)
    drawn, example = ([Drawn(one, "preview", who) for one in exercises] for who in ("preview", "example"))
    _write_folder(Path(out), "preview", drawn, {one.exercise.name: one for one in example})
    return Path(out) / "preview"


def new_exercise(path: str | Path) -> Path:
    """Write a small exercise that works, to begin one's own with.

    Parameters
    ----------
    path : str or Path
        ``my_exercises/A1_my_first.ipynb``: what stands before the first underscore is its number.

    Returns
    -------
    Path

    Raises
    ------
    FileExistsError
        The file is there.
    ValueError
        A name that is not NUMBER_words.ipynb.

    Examples
    --------
    >>> new_exercise(Path(tempfile.mkdtemp()) / "A1_my_first.ipynb").name
    'A1_my_first.ipynb'
    """
    path = Path(path)
    if not re.fullmatch(r"[A-Za-z0-9]+_\w+\.ipynb", path.name):
        raise ValueError(f"{path.name!r} is no name for an exercise: take NUMBER_words.ipynb, A1_tea.ipynb.")
    if path.exists():
        raise FileExistsError(f"{path} is there already: name another.")
    template = clone("The exercise to begin with, and those of the course,") / "exercises" / "template"
    text = (template / "A1_template.ipynb").read_text(encoding="utf-8")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.replace("A1", path.stem.partition("_")[0]), encoding="utf-8")
    return path
