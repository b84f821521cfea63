"""The settings of an assignment: settings.toml, which lies beside the key file."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from crmlab._tables import unknown
from crmlab.grading.rosters import same
from crmlab.practice.exercise import Exercise

NAME = "settings.toml"
FILE_TIMES = "file times"
_WHEN = "Write a day, a time and a time zone: '2026-03-02 23:59 Europe/Berlin' or '2026-03-02 23:59 +01:00'."
_QUOTES = (
    'A text stands in quotes; so does a name with more than letters, digits, - and _: "ann.li@x.edu" = …'
)


_TIMES = (
    "With a deadline it must be known when things were handed in. Write either handed_in = "
    f'"{FILE_TIMES}" (when the notebook was last changed, if your folders keep that), or a table [handed_in] '
    "with a line for each who was late; an empty one if nobody was."
)


@dataclass(frozen=True)
class Settings:
    """How an assignment is marked, beyond what its exercises say.

    Attributes
    ----------
    title : str
        The column in the gradebook.
    points : float
        What the full mark is worth there.
    deadline : datetime or None
        With a time zone.
    grace_minutes : float
        How much later is not late.
    penalty_per_day : float
        The share of an exercise's mark that each day begun after the deadline takes off.
    file_times : bool
        Whether a notebook was handed in when its file was last changed. If not, who is not in `handed_in`
        was in time.
    weights : dict
        By exercise, and by question; 1 where nothing is said.
    extensions : dict of datetime
        A student's own deadline.
    excused : dict of set
        By student, the exercises and questions that do not count.
    groups : dict of tuple
        By name, the students who share their data and hand in once.
    handed_in : dict of datetime
        By student or group.
    """

    title: str = ""
    points: float = 100.0
    deadline: datetime | None = None
    grace_minutes: float = 0.0
    penalty_per_day: float = 0.0
    file_times: bool = False
    weights: Mapping[str, float] = field(default_factory=dict)
    extensions: Mapping[str, datetime] = field(default_factory=dict)
    excused: Mapping[str, frozenset[str]] = field(default_factory=dict)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    handed_in: Mapping[str, datetime] = field(default_factory=dict)

    def group(self, student: str) -> str:
        """Return the name of a student's group, or nothing."""
        return next((name for name, members in self.groups.items() if student in members), "")


def places(exercises: Iterable[Exercise]) -> dict[str, str]:
    """Return what an exercise and a question may be called, and how they are called here.

    Parameters
    ----------
    exercises : iterable of Exercise

    Returns
    -------
    dict of str
        By number or name, the exercise's name; by the question's number, this number.

    Examples
    --------
    >>> from crmlab.practice import load
    >>> found = places([load("41")])
    >>> found["41"], found["41.2"]
    ('41_value_tiers', '41.2')
    """
    meant: dict[str, list[str]] = {}
    for one in exercises:
        for name in dict.fromkeys([one.name.partition("_")[0], one.name, *one.questions]):
            meant.setdefault(name, []).append(name if name in one.questions else one.name)
    # a number that two exercises have says nothing
    return {name: of[0] for name, of in meant.items() if len(of) == 1}


def read_settings(folder: str | Path, exercises: Iterable[Exercise], students: Iterable[str]) -> Settings:
    """Read the settings that lie in a folder; where there are none, everything counts the same.

    Parameters
    ----------
    folder : str or Path
        That of the key file.
    exercises : iterable of Exercise
        Those of the assignment.
    students : iterable of str
        Who takes part.

    Returns
    -------
    Settings

    Raises
    ------
    ValueError
        What cannot be understood, with its line and what would be right.

    Examples
    --------
    >>> read_settings("no_such_folder", [], []).points
    100.0
    """
    path = Path(folder) / NAME
    if not path.is_file():
        return Settings()
    try:
        text = path.read_bytes().decode("utf-8-sig")
        written = tomllib.loads(text.replace("\r\n", "\n"))
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not in UTF-8: save it so.") from None
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path} cannot be read: {error}. {_QUOTES}") from None
    return _Reader(path, text, written, places(exercises), students).settings()


_SETTINGS = [one for one in Settings.__dataclass_fields__ if one != "file_times"]


class _Reader:
    """Takes apart what was written, and names the line of what it does not understand."""

    def __init__(
        self, path: Path, text: str, written: Any, valid: Mapping[str, str], students: Iterable[str]
    ) -> None:
        self._path, self._lines, self._written, self._places = path, text.splitlines(), written, valid
        self._students = {same(student): student for student in students}
        self._read: dict[tuple[str, str], str] = {}

    def settings(self) -> Settings:
        for name in self._written:
            if name not in _SETTINGS:
                self._refuse("", name, unknown("setting", name, _SETTINGS))
        made: dict[str, Any] = {
            name: self._number("", name, self._written[name], most)
            for name, most in (("points", 1e9), ("grace_minutes", 1e9), ("penalty_per_day", 1.0))
            if name in self._written
        }
        deadline = self._written.get("deadline")
        deadline = None if deadline is None else self._moment("", "deadline", deadline)
        files = self._written.get("handed_in") == FILE_TIMES
        for name in ("extensions", "penalty_per_day", "grace_minutes", "handed_in"):
            if name in self._written and deadline is None:
                self._refuse("", name, f"Without a deadline this means nothing. {_WHEN}")
        if deadline and not files and not isinstance(self._written.get("handed_in"), dict):
            self._refuse("", "handed_in" if "handed_in" in self._written else "deadline", _TIMES)
        groups = self._groups()
        own: dict[str, Any] = {
            name: {
                self._student(name, who, groups): self._moment(name, who, at)
                for who, at in ({} if files and name == "handed_in" else self._table(name)).items()
            }
            for name in ("extensions", "handed_in")
        }
        for who, until in own["extensions"].items():
            if deadline and until.astimezone(UTC) < deadline.astimezone(UTC):
                self._refuse("extensions", who, f"It ends before the deadline, which is {deadline}.")
        title = " ".join(str(self._written.get("title", "")).split())
        weights = {
            self._place("weights", name, name): self._number("weights", name, weight)
            for name, weight in self._table("weights").items()
        }
        excused = {
            self._student("excused", who): frozenset(self._excused(who, of))
            for who, of in self._table("excused").items()
        }
        return Settings(
            title=title, deadline=deadline, file_times=files, weights=weights, excused=excused,
            groups=groups, **own, **made,
        )  # fmt: skip

    def _groups(self) -> dict[str, tuple[str, ...]]:
        groups: dict[str, tuple[str, ...]] = {}
        for name, members in self._table("groups").items():
            if not isinstance(members, list) or not members:
                self._refuse("groups", name, f'A group is a list of ids: {name} = ["s1", "s2"].')
            if same(name) in {*self._students, *map(same, groups)}:
                self._refuse("groups", name, f"{name} is there already: call the group otherwise.")
            groups[name] = tuple(self._student("groups", one, line=name) for one in members)
            all_so_far = [one for group in groups.values() for one in group]
            twice = [one for one in groups[name] if all_so_far.count(one) > 1]
            if twice:
                self._refuse("groups", name, f"{twice[0]} is in two groups, or twice in one.")
        return groups

    def _excused(self, who: str, of: Any) -> list[str]:
        # 13.10 without quotes is the number 13.1
        if of != "all" and (not isinstance(of, list) or any(isinstance(one, float) for one in of)):
            self._refuse("excused", who, f'Write {who} = "all", or a list such as ["41", "44.3"].')
        return [self._place("excused", who, one) for one in (self._places if of == "all" else of)]

    def _moment(self, table: str, name: str, written: Any) -> datetime:
        """Return a moment, in whatever time zone it was written."""
        if isinstance(written, datetime) and written.tzinfo:
            return written
        try:
            day, time, zone = re.sub(r"(?<=\d)T(?=\d)", " ", str(written)).split()
            if not re.fullmatch(r"2\d{3}-\d\d-\d\d \d\d:\d\d(:\d\d)?", f"{day} {time}"):
                raise ValueError  # Python takes 23.59 for 23 o'clock and 0.59 seconds
            if zone == "Z" or zone[0] in "+-":
                return datetime.fromisoformat(f"{day} {time}{zone}")
            local = datetime.fromisoformat(f"{day} {time}")
            # of an hour that there is twice the later one is meant, which is to the student's advantage
            moment = local.replace(tzinfo=ZoneInfo(zone), fold=1)
        except (ValueError, ZoneInfoNotFoundError, OSError):
            near = get_close_matches(str(written).rpartition(" ")[2], available_timezones(), n=1)
            meant = f" Did you mean {near[0]}?" if near else ""
            self._refuse(table, name, f"{written} is no moment in a time zone.{meant} {_WHEN}")
        if moment.astimezone(UTC).astimezone(moment.tzinfo).replace(tzinfo=None) != local:
            self._refuse(table, name, f"{written} does not exist: clocks are put forward in that hour.")
        return moment

    def _number(self, table: str, name: str, written: Any, most: float = 1e9) -> float:
        right = isinstance(written, int | float) and not isinstance(written, bool)
        if not right or not 0 <= written <= most or name == "points" and not written:
            self._refuse(table, name, f"It is a number from 0 to {most:,.10g}; got {written!r}.")
        return float(written)

    def _table(self, name: str) -> dict[str, Any]:
        written = self._written.get(name, {})
        if not isinstance(written, dict):
            self._refuse("", name, f"This is a table: a line [{name}], and below it a line for each.")
        return dict(_flat(written))

    def _student(self, table: str, who: Any, groups: Iterable[str] = (), line: str = "") -> str:
        valid = self._students | ({same(one): one for one in groups} if table == "handed_in" else {})
        if same(str(who)) not in valid:
            self._refuse(table, line or who, no_student(who, valid.values()))
        found = valid[same(str(who))]
        return found if table == "groups" else self._once(table, who, found)

    def _once(self, table: str, written: str, meant: str) -> str:
        if self._read.setdefault((table, meant), written) != written:
            told = f"It stands here twice: as {written} and as {self._read[table, meant]}."
            self._refuse(table, written, told)
        return meant

    def _place(self, table: str, line: str, name: Any) -> str:
        if str(name) not in self._places:
            self._refuse(table, line, unknown("exercise or question", name, self._places))
        found = self._places[str(name)]
        return self._once(table, line, found) if table == "weights" else found

    def _refuse(self, table: str, name: str, why: str) -> NoReturn:
        here, found = "", 0
        for number, line in enumerate(self._lines, start=1):
            head = re.match(r"\s*\[\s*([\w-]+)", line)
            here = head[1] if head else here
            key = line.partition("=")[0].strip(" \t\"'")
            if here == (table or name) and head and not found or here == table and key == name:
                found = number
        where = f", line {found}" * bool(found) + f" ({name})" * (not found)
        raise ValueError(f"{self._path}{where}: {why}")


def _flat(table: Mapping[str, Any], above: str = "") -> Iterable[tuple[str, Any]]:
    # 41.3 = 2 without quotes is a table 41 with a key 3 to TOML
    for name, value in table.items():
        yield from _flat(value, f"{above}{name}.") if isinstance(value, dict) else [(f"{above}{name}", value)]


def group_data(name: str) -> str:
    """Return under which name the data of a group are drawn: no student can be called so.

    Examples
    --------
    >>> group_data("tea")
    'group: tea'
    """
    return f"group: {name}"


def no_student(who: object, valid: Iterable[str]) -> str:
    """Return the sentence for a student who is none; of a large class it does not list everybody.

    Examples
    --------
    >>> no_student("s4", ["s1", "s2"])
    "There is no student 's4'. Valid: s1, s2."
    """
    valid = list(valid)
    told = unknown("student", who, valid)
    return told if len(valid) <= 40 else f"{told.partition(' Valid:')[0]} The roster names {len(valid):,}."
