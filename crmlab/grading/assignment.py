"""Handing out: the roster, the instructor's key, a folder for each student."""

import hashlib
import json
import os
import platform
import re
import secrets
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

import crmlab
from crmlab._paths import clone
from crmlab.grading.handout import FEW, Handout, draw, handed_out, proofs
from crmlab.grading.rosters import alike, names_a_folder, read_roster
from crmlab.grading.settings import group_data, read_settings
from crmlab.practice import Drawn, load
from crmlab.practice.data import VERSION, other_version
from crmlab.practice.exercise import Exercise


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
            about["students"] |= _journal(Path(path))
            complete &= all(names_a_folder(one) and {"name", "given"} <= set(held) for one, held in rows)
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
    jobs: int = 1,
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
    jobs : int
        How many processes draw the data of a class. (With more than one, a script of your own needs the
        line ``if __name__ == "__main__":``, as :mod:`multiprocessing` tells.)

    Returns
    -------
    int
        How many folders were written. Those that were there already are left alone.

    Raises
    ------
    ValueError
        A roster, an exercise or a key file that is not in order; an exercise that does not stand its own
        proof (:func:`crmlab.practice.prove`), or whose solution is not right with the data of a student,
        three times drawn: then those before are written, and the message names student and question.

    Examples
    --------
    >>> release(["41"], "roster.csv", "key.json", "release")  # doctest: +SKIP
    300
    """
    everybody, out, key_file = read_roster(students), Path(out).resolve(), Path(key_file).resolve()
    if out in key_file.parents:
        raise ValueError(f"The key file lies in {out}, which goes to the students: keep it elsewhere.")
    chosen = {one.name: one for one in (load(name, folder) for name in exercises)}
    found = proofs(list(chosen), folder, jobs if len(everybody) >= FEW else 1)
    for one, failed in zip(chosen.values(), found, strict=True):
        if len(failed):
            raise ValueError(
                f"{one.path.name} does not stand its own proof:\n{failed.to_string(index=False)}"
            )
    about = _key(key_file, chosen, out)
    settings = read_settings(key_file.parent, chosen.values(), [*about["students"], *everybody])
    for name, members in settings.groups.items():
        for member in set(members) & set(about["students"]):
            if about["students"][member].get("drawn_for") != group_data(name):
                raise ValueError(f"{member} was handed out other data already, and cannot join {name} now.")
    before = {alike(one): one for one in about["students"]}
    for student in everybody:
        if (was := before.get(alike(student), student)) != student:
            raise ValueError(f"{student!r} was {was!r} at the release: write it so in the roster.")
    strange = [one for one in everybody if one not in about["students"] and (out / one).exists()]
    if strange:
        raise ValueError(
            f"{out / strange[0]} is there and not of this key file: name another --out, or remove it."
        )
    for student in set(everybody) & set(about["students"]):
        about["students"][student] |= everybody[student]  # it may have been mended
    out.mkdir(parents=True, exist_ok=True)
    _write_key(key_file, about)
    missing, made_with = [one for one in everybody if not (out / one).is_dir()], drawn_with()
    shared = {one: name for name, members in settings.groups.items() for one in members}
    groups = {one: settings.groups[name] for one, name in shared.items()}
    data = {one: {"drawn_for": group_data(name)} for one, name in shared.items()}
    handout = Handout(list(chosen), folder, {"key": about["key"], "students": data}, groups, out)
    written = handed_out(handout, missing, jobs)
    try:
        with open(_beside(key_file), "w", encoding="utf-8", opener=_for_nobody_else) as journal:
            for student, path, kept in tqdm(written, "", len(missing), disable=not progress, unit="student"):
                path.replace(out / student)
                held = kept | {"drawn_with": made_with} | data.get(student, {})
                about["students"][student] = everybody[student] | held
                # who interrupts and starts again goes on from here; to write the whole file takes long
                print(json.dumps({student: about["students"][student]}), file=journal, flush=True)
    finally:
        written.close()
        for path in out.glob(".unfinished.*"):
            shutil.rmtree(path, ignore_errors=True)
    _write_key(key_file, about)
    _beside(key_file).unlink()
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
    about = {"crmlab": crmlab.__version__, "Python": platform.python_version(), **libraries}
    return about | {"processor": " ".join([platform.machine(), *vectors])}


def drawn_otherwise(drawn: Drawn, about: Mapping[str, Any]) -> str:
    """Return why a student's data are not those released, or nothing where they are.

    Parameters
    ----------
    drawn : Drawn
        As :func:`draw` returns it.
    about : mapping
        The key file.

    Examples
    --------
    >>> about = {"key": "secret", "students": {"s1": {"given": {}}}, "exercises": {"41_value_tiers": ""}}
    >>> drawn_otherwise(draw(load("41"), about, "s1"), about).startswith("The data are drawn differently")
    True
    """
    exercise, held = drawn.exercise, about["students"][drawn.student]
    try:
        again = drawn.given.fingerprint()
        if again == held["given"].get(exercise.name):
            return ""
        second = draw(exercise, about, drawn.student).given.fingerprint()
    except Exception as error:
        # its text may hold what is kept back, and the student reads this
        return f"The data cannot be drawn here ({type(error).__name__}), so nothing was marked."
    before, now = held.get("drawn_with", {}), drawn_with()
    changed = [
        f"{name} was {before[name]} and is {now.get(name)}"
        for name in before
        if before[name] != now.get(name)
    ]
    if exercise.digest != about["exercises"][exercise.name]:
        changed.insert(0, f"{exercise.path.name} has been changed")
    if again != second:
        changed.insert(0, "inputs() draws other data each time it is called")
    found = "; ".join(changed) or "nothing is known of what has changed"
    return f"The data are drawn differently from those released, so nothing was marked. Since then: {found}."


def _key(path: Path, chosen: dict[str, Exercise], out: Path) -> dict[str, Any]:
    """Read or make the key, and see that it belongs to these exercises."""
    parts = {name: _parts(one) for name, one in chosen.items()}
    sources = {name: one.digest for name, one in chosen.items()}
    if not path.exists():
        released = sorted(one.parent.name for one in out.glob("*/HAND_IN.md"))
        if released or _beside(path).exists():
            raise ValueError(
                f"There is no key file {path}, and {out} holds what was released to "
                f"{', '.join(released[:3])}, not of this key file. Find the one of that release: without it "
                "nobody can be marked. For a new assignment name another --out and another key file."
            )
        key = secrets.token_hex(32)
        return {"schema_version": VERSION, "key": key, "exercises": sources, "students": {}, "parts": parts}
    about = read_key(path)
    if set(about["exercises"]) != set(sources):
        raise ValueError(
            f"{path} belongs to another assignment ({', '.join(about['exercises'])}). Name a new key file."
        )
    for name, exercise in chosen.items():
        if about["exercises"][name] != sources[name]:
            before = about.get("parts", {}).get(name, {})
            _see_that_it_is_the_same(about, exercise, before, parts[name])
    return about | {"exercises": sources, "parts": parts}


def _see_that_it_is_the_same(
    about: dict[str, Any], exercise: Exercise, before: dict[str, str], now: dict[str, str]
) -> None:
    """Say what has changed in an exercise since it was released, or raise ValueError if too much has."""
    changed = [part for part in {**now, **before} if now.get(part) != before.get(part)] if before else []
    questions = [part for part in changed if part.endswith(", text") and (part in before) != (part in now)]
    some = {student: held["given"].get(exercise.name) for student, held in [*about["students"].items()][:3]}
    again = {student: draw(exercise, about, student).given.fingerprint() for student in some}
    other = [student for student in some if some[student] != again[student]]
    what = ", ".join(changed) or "its inputs, or what this key file does not tell"
    back = "Put the source of the release back for the late joiners: a new key file would split the class."
    if other:
        raise ValueError(
            f"{exercise.path.name} has changed since the release ({what}), and now draws other data for "
            f"{other[0]}. {back}"
        )
    if questions:
        raise ValueError(f"{exercise.path.name} has other questions than at the release ({what}). {back}")
    print(
        f"{exercise.path.name} was changed after the release ({what}). The data are the same, the key stays. "
        "Folders that are there stay as they are; late joiners get the new text, and all are marked by it.",
        file=sys.stderr,
    )


def _parts(exercise: Exercise) -> dict[str, str]:
    """Return a short hash of each part of an exercise, by which one can tell what has changed."""
    texts = {"introduction": exercise.introduction, "set-up": exercise.set_up}
    for number, one in exercise.questions.items():
        texts[f"{number}, text"] = "\n".join([one.title, one.task, one.hint, one.why])
        texts |= {f"{number}, {role}": source for role, source in one.source.items()}
    return {part: hashlib.sha256(text.encode()).hexdigest()[:12] for part, text in texts.items()}


def _beside(key_file: Path) -> Path:
    """Return the file with the students to whom was released since the key file was written."""
    return key_file.with_name(f"{key_file.name}.unfinished")


def _journal(key_file: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if _beside(key_file).is_file():
        for line in _beside(key_file).read_text(encoding="utf-8", errors="replace").splitlines():
            with suppress(ValueError):  # the last line may have been cut short
                found |= json.loads(line)
    return found


def _for_nobody_else(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _write_key(path: Path, about: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = path.with_name(f"{path.name}.new")
    # nobody else may read it, from its first byte on
    whole.unlink(missing_ok=True)
    with open(whole, "w", encoding="utf-8", opener=_for_nobody_else) as file:
        json.dump(about, file, indent=1, ensure_ascii=False)
    whole.replace(path)


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
    >>> import tempfile
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
