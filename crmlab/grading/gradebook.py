"""Marks for Canvas and Moodle: what the platform has exported is given back with one column filled."""

import io
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from crmlab._tables import unknown
from crmlab.grading.rosters import same
from crmlab.grading.settings import Settings

CANVAS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Root Account", "Integration ID", "Section")
"""The columns by which Canvas knows a student; all others stay out of an import, so that it changes none."""

PEOPLE = ("First name", "Last name", "ID number", "Username", "Email address", "Institution", "Department")
"""The same for the gradebook of Moodle."""

SHEET = ("Identifier", "Grade", "Maximum Grade")
"""Columns of an assignment's grading worksheet in Moodle, which goes back whole."""


class Gradebook:
    """An export of Canvas (gradebook) or Moodle (gradebook, or an assignment's grading worksheet).

    Parameters
    ----------
    path : str or Path
        The CSV file as the platform has written it.
    students : iterable of str
        The ids of the roster; one of the export's columns must hold them.
    settings : Settings
        ``title`` is the column to fill, ``points`` the full mark, unless the export tells it.

    Raises
    ------
    ValueError
        No table; no column that holds the ids; no column of this title (Canvas alone makes a new one).

    Examples
    --------
    >>> Gradebook("export.csv", ["s1"], Settings())
    Traceback (most recent call last):
    FileNotFoundError: There is no file export.csv.
    """

    def __init__(self, path: str | Path, students: Iterable[str], settings: Settings) -> None:
        self._table, self._settings, students = _read(Path(path)), settings, list(students)
        columns = list(self._table)
        self._canvas = {"Student", "ID", "Section"} <= set(columns)
        self._sheet = set(SHEET) <= set(columns)
        self.name = f"gradebook_{'canvas' if self._canvas else 'moodle'}.csv"
        ids = {same(one): one for one in students}
        # a worksheet says "Participant 123"
        known = self._table.map(lambda cell: ids.get(same(re.sub(r"^\D+ (?=\d+$)", "", cell)), ""))
        found = (known != "").sum()
        if not found.max():
            raise ValueError(
                f"{path}: no column holds the ids of the roster ({', '.join(students[:3])}, …). The roster's "
                f"column student must hold what the platform has in one of: {', '.join(columns[:8])}."
            )
        self._who = known[found.idxmax()]
        twice = self._who[self._who.ne("") & self._who.duplicated()]
        if len(twice):
            raise ValueError(f"{path}: {twice.iloc[0]} stands in two rows.")
        self._absent = [one for one in students if one not in set(self._who)]
        title = settings.title or "crmlab"
        mine = [one for one in columns if _title(one) == title]
        if len(mine) > 1 or {title, *mine} & {*CANVAS, *PEOPLE}:
            raise ValueError(f"{path}: {title!r} must be one column, and none that says who somebody is.")
        self._column = "Grade" if self._sheet else mine[0] if mine else title
        if not self._canvas and self._column not in columns:
            told = unknown("column", title, map(_title, columns))
            raise ValueError(f"{path}: {told} Moodle takes no new one: say in settings.toml, title = …")

    def filled(self, totals: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
        """Return the rows that can be imported, and sentences on those who are not among them.

        Parameters
        ----------
        totals : DataFrame
            As :func:`crmlab.grading.term.totals` returns it.
        """
        held = totals.set_index("student")
        mark, state = (self._who.map(held[name]) for name in ("mark", "state"))
        table = self._table.copy()
        points = pd.Series(self._settings.points, index=table.index)
        head = pd.Series(False, index=table.index)
        if self._canvas:
            head = table["Student"].str.strip() == "Points Possible"
            said = _number(table.loc[head].get(self._column, pd.Series(dtype=str)))
            points = points.mask(points > 0, said.max()) if said.max() > 0 else points
        elif self._sheet:
            points = _number(table["Maximum Grade"])
            if points.isna().any():  # a scale, or no grade at all
                raise ValueError("In the worksheet's column Maximum Grade everybody needs a number.")
        comma = self._sheet and table["Maximum Grade"].str.contains(",").any()
        cells = (mark * points).map(lambda one: f"{one:.2f}".replace(".", "," if comma else "."))
        table[self._column] = cells.where(mark.notna(), "")
        table.loc[head, self._column] = points[head].map("{:g}".format)
        if self._canvas:
            table.loc[state == "excused", self._column] = "EX"
        if not self._sheet:
            keep = CANVAS if self._canvas else (*PEOPLE, self._who.name)
            table = table[[name for name in table if name in (*keep, self._column)]]
        notes = [f"The gradebook's export does not hold {', '.join(self._absent)}."] if self._absent else []
        left = self._who[(table[self._column] == "") & self._who.ne("") & ~head]
        notes += [f"Without a mark, so not in {self.name}: {', '.join(left)}."] if len(left) else []
        return table[head | table[self._column].ne("") & self._who.ne("")], notes


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}.")
    try:
        text = path.read_bytes().decode("utf-8-sig")
        first = text.partition("\n")[0]
        separator = max(",;\t", key=first.count)
        table = pd.read_csv(
            io.StringIO(text), sep=separator, dtype=str, keep_default_na=False, index_col=False
        )
    except (ValueError, Warning) as error:
        raise ValueError(f"{path} cannot be read as a gradebook in CSV, UTF-8: {error}") from None
    return table.rename(columns=lambda name: str(name).strip()).map(str.strip)


def _title(column: str) -> str:
    """Return a column's title without what the platforms put round it."""
    return re.sub(r"^(Assignment|Manual item): | \((\d+|Real|Percentage|Letter)\)$", "", column)


def _number(cells: Any) -> Any:
    return pd.to_numeric(cells.str.replace(",", "."), errors="coerce")
