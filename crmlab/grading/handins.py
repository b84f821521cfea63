"""What was handed in, found however a learning platform, a browser or an archive delivers it.

A hand-in is never guessed. Who handed it in is told by the outermost folder, archive or file name that names
somebody: what lies inside of it, and what a notebook says of itself, was written by a student.
"""

import functools
import io
import json
import lzma
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crmlab import _numbers
from crmlab.grading.rosters import decode, same
from crmlab.practice.data import VERSION, other_version

NOTHING = "Nothing was handed in."
LARGEST_NOTEBOOK, LARGEST_ZIP, LARGEST_CONTENTS, MOST_CELLS = 30_000_000, 100_000_000, 20_000_000, 2_000
"""Bytes of a notebook, of an archive within an archive, of an archive's table of contents, and code cells,
beyond which nothing is opened."""

DEEPEST, MOST_ASKED, MOST_STRANGE, MOST_TIMES = 12, 50, 200, 20
"""Folders and archives within one another; notebooks of a student that are asked what they are; strangers
that are named; times its size to which an archive in an archive may unpack. Beyond that nobody looks."""

LEFT_BY_SYSTEMS = re.compile(r"\._|\.(?!.+\.ipynb$)|__macosx$|thumbs\.db$|desktop\.ini$", re.IGNORECASE)
NO_HAND_IN = re.compile(r"\.(csv|txt|md|xlsx|log)\s*$", re.IGNORECASE)

MOODLE = re.compile(r"(.+?)_(\d+)_assignsubmission_(?:file|onlinetext)_?(.*)", re.DOTALL)
CANVAS = re.compile(r"([^_]+?)_(?:late_)?(\d+)_\d+_(.+)", re.DOTALL)
ELSEWHERE = re.compile(
    rf"(?!{CANVAS.pattern}).+?_(?P<id>[^_]+)_attempt_\d{{4}}-.+|\d+-\d+ - (?P<name>.+?) - .+", re.DOTALL
)
"""How Blackboard names a file (by the id), and Brightspace a folder or a file (by the name)."""
ENDING = re.compile(r"\s*\.(zip|ipynb(\.txt|\.json)?)\s*$")
ADDED = re.compile(r"^(copy of |kopie von |copie de )+|([ _-]*\(\d+\)|[ _-]+(copy|kopie)[ _-]?\d*|-\d+|\s)+$")
"""What browsers and platforms add to a name, before it or behind it."""


class Unreadable(Exception):
    """What was handed in cannot be read; the message says why."""


class NoCode(Exception):
    """A notebook that can be read, and has nothing to run."""


DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError, RuntimeError)
"""What reading an archive may raise: damaged, encrypted, or packed in a way that nobody knows."""


@dataclass(frozen=True)
class Found:
    """A file, wherever it lies: the names of all folders and archives around it, and its own."""

    parts: tuple[str, ...]
    open: Callable[[], bytes] | None = None
    problem: str = ""
    file: Path | None = None

    def read(self) -> bytes:
        """Return the bytes of a notebook, or raise Unreadable."""
        problem, raw = self.problem, b""
        try:
            raw = self.open() if self.open and not problem else b""
        except DAMAGED:
            problem = "is damaged, or was not uploaded to its end"
        if len(raw) > LARGEST_NOTEBOOK:
            problem = f"is larger than {LARGEST_NOTEBOOK // 10**6} MB: clear its outputs"
        if problem or not raw.strip():
            why = problem or "is empty: it was not uploaded to its end"
            raise Unreadable(f"{shown(self.parts[-1])} {why}.")
        return raw

    def says(self) -> "Notebook":
        """Return what a notebook says of itself, as far as it can be read."""
        with suppress(Unreadable, NoCode):
            return notebook(self.read())
        return Notebook([])


@dataclass
class HandIn:
    """What a student handed in of an exercise: a notebook, or the reason why there is none.

    Parameters
    ----------
    raw : bytes or None
        The notebook.
    reason : str
        Why there is none.
    unread : bool
        Whether something was handed in that could not be read: then there is no mark, not 0.
    changed : str
        When the file was last changed, if it lies in a folder; of one in an archive, when that was.
    """

    raw: bytes | None = None
    reason: str = ""
    unread: bool = False
    changed: str = ""


@dataclass
class Notebook:
    """A notebook that was handed in.

    Parameters
    ----------
    cells : list of str
        Its code.
    student, exercise : str
        To whom and as what it was released, as far as it says so itself; a student may have changed that.
    """

    cells: list[str]
    student: str = ""
    exercise: str = ""


@dataclass
class HandIns:
    """Everything in a folder (or an archive) of submissions, by student.

    Parameters
    ----------
    submissions : Path
        A folder or a zip archive.
    students : mapping
        By id: ``name`` and perhaps ``also``, the ids that a platform has for the student.
    exercises : sequence of str
        The names of the exercises that were released.

    Attributes
    ----------
    strange : dict of str
        What belongs to nobody, or to one of several students: its name, and why.
    """

    submissions: Path
    students: Mapping[str, Mapping[str, Any]]
    exercises: Sequence[str]
    strange: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._exercises = {same(one): one for one in self.exercises}
        self._ids: dict[str, set[str]] = {}
        self._names: dict[str, set[str]] = {}
        self._files: dict[str, list[Found]] = {}
        self._unclear: dict[str, str] = {}
        self._known: dict[tuple[str, ...], str] = {}
        for student, about in self.students.items():
            for one in (student, *about.get("also", [])):
                self._ids.setdefault(same(one), set()).add(student)
            for key in _spellings(about["name"]):
                self._names.setdefault(key, set()).add(student)
        around, nobodys = set(), []
        for found in _walk(self.submissions):
            owners, part = self._owners(found.parts)
            if len(owners) == 1:
                self._files.setdefault(min(owners), []).append(found)
                around |= {found.parts[:depth] for depth in range(len(found.parts))}
            elif owners:
                why = f"It may be of {' or '.join(sorted(owners))}: put it into a folder named by the id."
                self.strange.setdefault(part, why)
                told = f"{shown(part)} may be of {' or '.join(sorted(owners))}"
                self._unclear |= dict.fromkeys(owners, f"{told}, so nothing was marked.")
            elif len(found.parts) > 1 or found.problem or not NO_HAND_IN.search(found.parts[0]):
                nobodys.append(found)
        for found in nobodys:
            depth = next((n for n in range(1, 99) if found.parts[:n] not in around), 1)
            name = "/".join(found.parts[:depth])
            if name not in self.strange and len(self.strange) < MOST_STRANGE:
                released = found.says().student if self._stem(found) else ""
                said = f" The notebook says it was released to {shown(released)}." if released else ""
                self.strange[name] = f"This is no student of the roster.{said}"

    def of(self, student: str, exercise: str) -> HandIn:
        """Return what a student handed in of an exercise."""
        files = self._files.get(student, [])
        mine = [one for one in files if self._is(one) == exercise]
        if student in self._unclear:
            return HandIn(reason=self._unclear[student], unread=True)
        if not mine:
            return self._none(exercise, files)
        try:
            read = {one.read(): "/".join(one.parts[-2:]) for one in mine}
        except Unreadable as problem:
            return HandIn(reason=str(problem), unread=True)
        if len(read) == 1:
            # the same notebook twice is one, and came with the first
            times = sorted(one.file.stat().st_mtime for one in mine if one.file)
            moment = datetime.fromtimestamp(times[0], UTC) if times else None
            return HandIn(next(iter(read)), changed=moment.isoformat(timespec="seconds") if moment else "")
        told = f"There are {len(read)} notebooks that could be {exercise}.ipynb: hand in one."
        return HandIn(
            reason=f"{told} They are {' and '.join(map(shown, [*read.values()][:4]))}.", unread=True
        )

    def _none(self, exercise: str, files: list[Found]) -> HandIn:
        """Say why a student has no notebook of an exercise."""
        if not files:
            return HandIn(reason=NOTHING)
        problems = [f"{shown(one.parts[-1])} {one.problem}." for one in files if one.problem]
        if problems:
            return HandIn(reason=" ".join(problems[:3]), unread=True)
        told, number = f"{exercise}.ipynb was not handed in.", exercise.partition("_")[0]
        beside = {"hand_in.md", *(f"{one}_data" for one in self._exercises)}
        unknown = [one for one in files if one.open and not beside & set(map(same, one.parts))]
        said = same(exercise)  # of one that has the name of another
        other = [one.parts[-1] for one in unknown if not self._is(one) or same(one.says().exercise) == said]
        for one in (name for name in other if number in (_numbers.now(name) or "").split()):
            old = "if that is a notebook of version 1, mark it with the crmlab that released it"
            return HandIn(reason=f"{told} {shown(one)} was: {old}.", unread=True)
        named = f" What was: {', '.join(map(shown, other[:5]))}." if other else ""
        return HandIn(reason=told + named, unread=bool(other))

    def _is(self, found: Found) -> str:
        """Return the exercise whose notebook a file is, or ""."""
        if found.parts not in self._known:
            stem, known = self._stem(found), self._exercises
            is_one = known.get(stem, "")
            if stem and not is_one:
                begun = [
                    one for one in known if re.search(rf"(?<![a-z0-9]){re.escape(one)}(?![a-z0-9])", stem)
                ]
                said = found.says().exercise if len(self._known) < MOST_ASKED * len(self.students) else ""
                is_one = known.get(same(said)) or known.get(max(begun, key=len, default=""), "")
            self._known[found.parts] = is_one
        return self._known[found.parts]

    def _stem(self, found: Found) -> str:
        """Return the name of a file as it was released, or "" where it is no notebook."""
        name = same(found.parts[-1])
        stem = ENDING.sub("", name)
        if ".ipynb" not in name[len(stem) :]:
            return ""
        for platform in (MOODLE, CANVAS):
            match = None if stem in self._exercises else platform.fullmatch(stem)
            stem = match[3] if match and match[3] else stem
        return stem if stem in self._exercises else ADDED.sub("", ADDED.sub("", stem))

    def _owners(self, parts: tuple[str, ...]) -> tuple[set[str], str]:
        """Return who is named by the outermost part that names somebody, and that part."""
        for part in parts:
            name = ENDING.sub("", same(part))
            found = self._ids.get(name) or self._named(name)
            found = found or self._ids.get(re.sub(r"^copy of |\s*\(\d+\)$", "", name), set())
            for platform in (MOODLE, CANVAS):
                match = None if found else platform.fullmatch(name)
                if match:
                    named, numbered = self._named(match[1]), self._ids.get(match[2], set())
                    nameless = {one for one in numbered if self.students[one]["name"] in ("", one)}
                    found = numbered & named or named or nameless
            if not found and (match := ELSEWHERE.fullmatch(name)):
                found = self._ids.get(match["id"], set()) or self._named(match["name"] or "")
            if part is parts[-1] and not found:
                found = self._beside(name)
            if found:
                return found, part
        return set(), parts[0]

    def _beside(self, name: str) -> set[str]:
        """Return who is named in a file's name, before or behind the exercise."""
        for exercise in sorted(self._exercises, key=len, reverse=True):
            before, there, behind = ADDED.sub("", name).partition(exercise)
            if there:
                parts = [re.sub(r"^[\s_-]+|[\s_-]+$", "", one) for one in (before, behind)]
                return set().union(*(self._ids.get(one) or self._named(one) for one in parts if one))
        return set()

    def _named(self, name: str) -> set[str]:
        return set().union(*(self._names.get(one, set()) for one in _spellings(name)))


def notebook(raw: bytes) -> Notebook:
    """Return the code of a notebook that may hold anything.

    Raises
    ------
    Unreadable
        It is none, is of another language or another release, or was cut short.
    NoCode
        Nothing is in it.

    Examples
    --------
    >>> notebook(b'{"cells": [{"cell_type": "code", "source": ["a = 1"]}]}').cells
    ['a = 1']
    """
    try:
        held = json.loads(raw)
        sources = [cell.get("source", "") for cell in held["cells"] if cell["cell_type"] == "code"]
        cells = ["".join(source) for source in sources]
    except json.JSONDecodeError as error:
        cut = "Unterminated" in error.msg or not error.doc[error.pos :].strip()
        why = ": it ends in the middle, so it was not uploaded to its end." if cut else "."
        raise Unreadable(f"What was handed in cannot be read as a notebook{why}") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise Unreadable("What was handed in cannot be read as a notebook.") from None
    about = _of(held, "metadata")
    release = _of(about, "crmlab")
    if release and release.get("schema_version", 1) != VERSION:
        raise Unreadable(other_version("What was handed in", release.get("schema_version", 1)))
    kernel = _of(about, "kernelspec")
    named = kernel.get("language") or {"ir": "R"}.get(str(kernel.get("name")))
    languages = [named, _of(about, "language_info").get("name")]
    foreign = [one for one in languages if isinstance(one, str) and not re.match("(?i)i?python|$", one)]
    if foreign:
        raise Unreadable(f"This is a notebook of {shown(foreign[0])}; it should be one of Python.")
    if len(cells) > MOST_CELLS:
        raise Unreadable(f"The notebook has {len(cells):,} cells, more than anybody needs.")
    if not any(source.strip() for source in cells):
        raise NoCode("The notebook has no code.")
    said = [release.get(name) for name in ("student", "exercise")]
    return Notebook(cells, *(one if isinstance(one, str) else "" for one in said))


def shown(name: str) -> str:
    """Return a name that somebody else chose, so that it can stand in a sentence of ours."""
    return re.sub(r"[^\w .()/@+-]", "_", name)[:80].strip()


def _of(held: Any, name: str) -> dict[str, Any]:
    found = held.get(name) if isinstance(held, dict) else None
    return found if isinstance(found, dict) else {}


def _spellings(name: str) -> set[str]:
    """Return a name without blanks, begun at each of its words: "annsmith" and "smithann"."""
    words = re.findall(r"\w+", same(name).replace("_", " "))
    bare = [unicodedata.normalize("NFKD", word).encode("ascii", "ignore").decode() or word for word in words]
    return {"".join(one[at:] + one[:at]) for one in (words, bare) for at in range(len(one))}


def _walk(path: Path, above: tuple[str, ...] = ()) -> Iterator[Found]:
    """Go through all files; an empty folder counts as a file without contents."""
    if path.is_file():
        yield from _unzip(Archive(path), above)
        return
    inside = sorted(one for one in path.iterdir() if not LEFT_BY_SYSTEMS.match(one.name))
    if not inside and above:
        yield Found(above)
    for one in inside:
        parts = (*above, one.name)
        if one.is_symlink() or not (one.is_dir() or one.is_file()):
            yield Found(parts, problem="is a link, and no file of its own")
        elif one.is_dir() and len(parts) > DEEPEST:
            yield Found(parts, problem="lies in too many folders")
        elif one.is_dir() or same(one.name).endswith(".zip"):
            yield from _walk(one, parts)
        else:
            yield Found(parts, functools.partial(_begin, one), file=one)


def _begin(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LARGEST_NOTEBOOK + 1)


@dataclass(frozen=True)
class Archive:
    """A zip archive, on the disk or in another one. Nothing is ever unpacked to the disk."""

    path: Path
    around: "Archive | None" = None
    member: zipfile.ZipInfo | str = ""

    def read(self, name: zipfile.ZipInfo | str, most: int) -> bytes:
        """Return the bytes of a file in it, at most so many."""
        with _opened(self).open(name) as file:
            return file.read(most)


@functools.lru_cache(maxsize=8)
def _opened(archive: Archive) -> zipfile.ZipFile:
    if archive.around is None:
        with archive.path.open("rb") as file:
            file.seek(-min(archive.path.stat().st_size, 65_557), io.SEEK_END)
            _few(file.read())
        return zipfile.ZipFile(archive.path)
    raw = archive.around.read(archive.member, LARGEST_ZIP + 1)
    if len(raw) > LARGEST_ZIP:
        raise zipfile.BadZipFile
    _few(raw[-65_557:])
    return zipfile.ZipFile(io.BytesIO(raw))


def _few(end: bytes) -> None:
    """Raise BadZipFile if the table of contents, whose length stands at the end, is too long to be read."""
    at = end.rfind(b"PK\5\6")
    if int.from_bytes(end[at + 12 : at + 16], "little") > LARGEST_CONTENTS:
        raise zipfile.BadZipFile


def _unzip(archive: Archive, parts: tuple[str, ...]) -> Iterator[Found]:
    """Go through an archive, and through those in it."""
    try:
        members = _opened(archive).infolist()
    except DAMAGED:
        yield Found(parts, problem="is damaged, too large, or was not uploaded to its end")
        return
    if not members and parts:
        yield Found(parts, problem="is an archive with nothing in it")
    for member in members:
        raw = member.filename.encode("cp437", "replace")
        name = member.filename if member.flag_bits & 0x800 else decode(raw) or member.filename
        inner = [one[:255] for one in re.split(r"[/\\]", name) if one not in ("", ".", "..")]
        place = (*parts, *inner)
        if member.is_dir() or not inner or any(map(LEFT_BY_SYSTEMS.match, inner)):
            continue
        if len(place) > DEEPEST or member.flag_bits & 1:
            yield Found(place, problem="is encrypted" if member.flag_bits & 1 else "lies in too many folders")
        elif not same(inner[-1]).endswith(".zip"):
            begin = functools.partial(archive.read, member, LARGEST_NOTEBOOK + 1)
            yield Found(place, begin, file=archive.path)
        elif member.file_size > MOST_TIMES * member.compress_size + 10**6:
            yield Found(place, problem="unpacks to many times its size")
        else:
            yield from _unzip(Archive(archive.path, archive, member), place)
