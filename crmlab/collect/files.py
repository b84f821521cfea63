"""Files of one's own: read with every row accounted for, written so that no cell is a formula."""

import codecs
import csv
import re
from collections.abc import Mapping, Sequence
from datetime import date as Date
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd

from crmlab._tables import as_pandas, unknown
from crmlab.collect.loading import LONGEST
from crmlab.collect.store import Report

_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_DANGER = re.compile(r"^'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")  # and their wide forms
_SCIENTIFIC = re.compile(r"^\s*-?\d([.,]\d+)?[eE]\+?\d+\s*$")
_DAY = re.compile(r"^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[ T]00:00(?::00(?:\.0+)?)?)?$")
_CSV = 131_000  # characters of a row; the module csv reads no longer field
_EPOCH = Date(1899, 12, 30)  # day 0 of a sheet; right from March 1900 on


def read_file(
    path: str | Path, mapping: Mapping[str, str], dates: Sequence[str] = (), required: Sequence[str] = (),
    encoding: str | None = None, sheet: str | None = None,
) -> Report:  # fmt: skip
    """Read a CSV or Excel file; every row is taken or comes back with its reason.

    Parameters
    ----------
    path : str or Path
        A file whose first row names the columns; ``.xlsx`` is read with openpyxl, anything else as text.
    mapping : mapping from str to str
        From the file's column to what it is called here. Other columns are left aside.
    dates, required : list of str
        Of the new names: those that are days, and those that may not be empty.
    encoding : str, optional
        Of a text file; found out if not given: UTF-8 and UTF-16 by their marks, UTF-8 by trying, then GB18030
        or Latin-1 (Windows-1252 with its curly quotes) by which letters stand together. What could be either
        is refused.
    sheet : str, optional
        Of an Excel file; its first if not given.

    Returns
    -------
    Report
        ``table``: all texts as they stand (007 stays 007), days as days, empty cells missing, with the row
        number of the file as index. ``rejected``: ``row`` (the first row of the file is 1), ``given`` (the
        text of the row) and ``reason``. ``counts``: ``offered`` = ``taken`` + ``rejected``.

    Raises
    ------
    ValueError
        A column is not there or there twice, or the encoding cannot be told.
    OSError
        There is no such file.
    ImportError
        An Excel file, and openpyxl is not installed.

    Notes
    -----
    A row is left out that has more or fewer cells than the first, opens a quote and never closes it, holds a
    text of more than 10,000 characters (131,000 in the whole row), a number in scientific notation in place
    of its digits (a telephone that went through a spreadsheet), a day that is none, or nothing where
    something is required. Days are written 2026-11-27, 2026/11/27 or 2026年11月27日: of 03/04/2026 nobody can
    tell day and month.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "cards.csv"
    >>> _ = file.write_text("No,Tel,On\\n007,+999 1,2026-01-05\\n008,9.99E+10,2026-01-06\\n")
    >>> mapping = {"No": "customer_id", "Tel": "telephone", "On": "recorded_at"}
    >>> report = read_file(file, mapping, dates=["recorded_at"])
    >>> report
    cards.csv, utf-8: 2 offered, 1 taken, 1 rejected.
      1 × telephone 9.99E+10 has lost its digits: give the column the type text and export it again
    >>> report.table["customer_id"].tolist()
    ['007']
    """
    path = Path(path)
    if not path.is_file():
        raise OSError(f"There is no file {path}.")
    excel = path.suffix.lower() in (".xlsx", ".xlsm")
    rejected: list[tuple[int, str, str]] = []
    if excel:
        heads, rows = _sheet(path, sheet)
    else:
        text, encoding = _decoded(path, encoding)
        heads, rows = _records(text, rejected)
    places = _places(heads, mapping)
    for wanted in [*dates, *required]:
        if wanted not in places:
            raise ValueError(unknown("new name in the mapping", wanted, places))
    taken: dict[int, list[Any]] = {}
    for number, row in rows:
        taken[number], reason = _cells(row, places, len(heads), dates, required, excel)
        if reason:
            del taken[number]
            rejected.append((number, ", ".join(map(str, row)), reason))
    index = pd.Index(list(taken), name="row", dtype="int64")
    table = pd.DataFrame(list(taken.values()), index=index, columns=list(places), dtype=object)
    for name in places:
        table[name] = pd.to_datetime(table[name]) if name in dates else table[name].astype("str")
    left = pd.DataFrame(sorted(rejected), columns=["row", "given", "reason"])
    counts = {"offered": len(table) + len(left), "taken": len(table), "rejected": len(left)}
    return Report(path.name if excel else f"{path.name}, {encoding}", counts, left, table)


def _places(heads: Sequence[str], mapping: Mapping[str, str]) -> dict[str, int]:
    """Return by new name the place of its column, or raise ValueError."""
    if not isinstance(mapping, Mapping) or not mapping:
        raise ValueError("mapping names columns: {'column of the file': 'new name'}.")
    if len(set(mapping.values())) < len(mapping):
        raise ValueError(f"Two columns would have one name: {sorted(mapping.values())}.")
    for column in mapping:
        if heads.count(column) > 1:
            at = " and ".join(str(place + 1) for place, head in enumerate(heads) if head == column)
            raise ValueError(f"Columns {at} of the file are all called {column!r}: rename them in the file.")
        if column not in heads:
            raise ValueError(unknown("column", column, heads))
    return {name: heads.index(column) for column, name in mapping.items()}


def _cells(
    row: Sequence[Any], places: Mapping[str, int], width: int, dates: Sequence[str], required: Sequence[str],
    excel: bool,
) -> tuple[list[Any], str]:  # fmt: skip
    """Return the wanted cells of a row, and the reason for which it is left out."""
    if len(row) != width:
        return [], f"{len(row)} cells in place of {width}"
    cells: list[Any] = []
    for name, place in places.items():
        cell = row[place]
        if cell is None or isinstance(cell, str) and not cell.strip():
            if name in required:
                return [], f"no {name}"
            cells.append(None)
        elif name in dates:
            day = _day(cell, excel)
            if day is None:
                return [], f"{name} {cell} is no day: write 2026-11-27"
            cells.append(day)
        else:
            text = _text(cell)
            if len(text) > LONGEST:
                return [], f"{name} has more than {LONGEST:,} characters"
            if _SCIENTIFIC.match(text):
                told = "has lost its digits: give the column the type text and export it again"
                return [], f"{name} {text} {told}"
            cells.append(text)
    return cells, ""


def _text(cell: Any) -> str:
    """Return a cell as text: a whole number of a sheet with all its digits, a day as 2026-11-27."""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, int | float):  # a sheet keeps fifteen digits; beyond, the notation tells it
        return f"{cell:.0f}" if cell % 1 == 0 and abs(cell) < 1e15 else f"{float(cell):.15g}"
    return f"{cell:%Y-%m-%d}" if isinstance(cell, datetime) else str(cell)


def _day(cell: Any, excel: bool) -> Date | None:
    """Return the day that a cell tells; in a sheet also one that is shown as a number of days."""
    if isinstance(cell, datetime):
        return cell.date()
    if excel and isinstance(cell, int | float) and not isinstance(cell, bool):
        return _EPOCH + timedelta(days=int(cell)) if 61 <= cell < 100_000 and cell == int(cell) else None
    parts = _DAY.match(str(cell).strip())
    try:
        return Date(*map(int, parts.groups())) if parts else None
    except ValueError:
        return None


def _sheet(path: Path, sheet: str | None) -> tuple[list[str], list[tuple[int, list[Any]]]]:
    """Return the heads of an Excel sheet, and its rows with their numbers."""
    try:
        import openpyxl
    except ImportError:
        raise ImportError("Excel files need openpyxl: pip install 'crmlab[excel]', or save as CSV.") from None
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception as error:
        raise ValueError(f"{path.name} cannot be read as an Excel file: {error}") from None
    try:
        if sheet is not None and sheet not in book.sheetnames:
            raise ValueError(unknown("sheet", sheet, book.sheetnames))
        rows = [[_value(cell) for cell in row] for row in book[sheet or book.sheetnames[0]].iter_rows()]
    finally:
        book.close()
    if not rows:
        raise ValueError(f"The sheet of {path.name} is empty.")
    heads = ["" if head is None else str(head).strip() for head in rows[0]]
    full = (
        (number, row) for number, row in enumerate(rows[1:], start=2) if any(cell is not None for cell in row)
    )
    return heads, [(number, row + [None] * (len(heads) - len(row))) for number, row in full]


def _value(cell: Any) -> Any:
    """Return the value of a cell; a number that is shown as 00042 by its format keeps its zeros."""
    zeros = re.fullmatch("00+", str(getattr(cell, "number_format", "")))
    return str(cell.value).zfill(len(zeros[0])) if zeros and isinstance(cell.value, int) else cell.value


def _decoded(path: Path, encoding: str | None) -> tuple[str, str]:
    """Return the text of a file and its encoding, given or found out."""
    data = path.read_bytes()
    if encoding is None:
        encoding = next((name for mark, name in _MARKS.items() if data.startswith(mark)), None)
        encoding = encoding or _guess(path.name, data)
    try:
        text = data.decode(encoding).removeprefix("\ufeff")  # a mark that the encoding given leaves there
    except (LookupError, TypeError):
        raise ValueError(f"There is no encoding {encoding!r}; try utf-8, gb18030, utf-16, latin-1.") from None
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ValueError(f"{path.name} is not {encoding}: line {line} cannot be read so.") from None
    if "\0" in text:
        raise ValueError(f"{path.name} holds characters 0 when read as {encoding}: is it a text file at all?")
    return text, encoding


def _guess(name: str, data: bytes) -> str:
    """Return the encoding of bytes without a mark, or raise ValueError where it could be either."""
    if b"\0" in data[:4000]:
        return "utf-16-le" if data[1:2] == b"\0" else "utf-16-be"
    western = "cp1252" if re.search(rb"[\x80-\x9f]", data) else "latin-1"  # which has no letters there
    for encoding in ("utf-8", "gb18030"):
        try:
            data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "utf-8":
            return encoding
        # common Chinese characters are two bytes from A1 up; a letter with an accent mostly stands alone
        pairs = re.findall(rb"[\x81-\xfe][\x30-\xfe]", data)
        common = sum(pair[1] >= 0xA1 for pair in pairs) / max(len(pairs), 1)
        if common > 0.9:
            return encoding
        if common > 0.1 or western == "cp1252":
            either = " or ".join(repr(pairs[0].decode(one, "replace")) for one in ("gb18030", western))
            raise ValueError(
                f"{name} may be GB18030 or {western}: its first such letters read {either}. Say which with "
                f"encoding='gb18030' or {western!r}."
            )
    return western


def _records(
    text: str, rejected: list[tuple[int, str, str]]
) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Split a CSV text into rows with the number of their first line; lines with an open quote are rejected.

    A quote that is never closed would swallow the rest of the file: only its line is left out, and reading
    goes on at the next.
    """
    lines = re.split(r"\r\n|\n|\r", text)
    first = next((number for number, line in enumerate(lines) if line.strip()), None)
    if first is None:
        raise ValueError("The file is empty.")
    delimiter = max(",;\t|", key=re.sub('"[^"]*"', "", lines[first]).count)
    heads = [head.strip() for head in _parsed(lines[first], delimiter) or []]
    if not heads:
        raise ValueError(
            "The first row names the columns in one line; a quote is opened there and not closed."
        )
    odd = [number for number, line in enumerate(lines) if line.count('"') % 2 and number > first]
    rows, number, following = [], first + 1, 0
    while number < len(lines):
        line, last = lines[number], number
        if line.strip():
            cells = _parsed(line, delimiter)
            while following < len(odd) and odd[following] <= number:
                following += 1
            if cells is None and following < len(odd) and odd[following] < number + 200:
                last = odd[following]  # perhaps a text of several lines
                cells = _parsed("\n".join(lines[number : last + 1]), delimiter)
            if cells is None or last > number and len(cells) != len(heads):
                last = number
                reason = (
                    "a quote is opened and not closed" if len(line) <= _CSV else "a row too long to be read"
                )
                rejected.append((number + 1, line, reason))
            else:
                rows.append((number + 1, cells))
        number = last + 1
    return heads, rows


def _parsed(record: str, delimiter: str) -> list[str] | None:
    """Return the cells of one record; None if it is not whole."""
    if len(record) > _CSV:
        return None
    try:
        parsed = list(csv.reader(StringIO(record, newline=""), delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return parsed[0] if len(parsed) == 1 else None


def write_csv(table: Any, path: str | Path) -> Path:
    """Write a table as CSV in which no cell is taken for a formula when it is opened in a spreadsheet.

    Parameters
    ----------
    table : table
        Of any engine. A text that begins with =, +, -, @, a tab or a line break gets an apostrophe before it,
        and so does a column's name; numbers stay numbers.
    path : str or Path
        The file, written in UTF-8 with its mark, so that Excel shows Chinese.

    Returns
    -------
    Path

    Examples
    --------
    >>> import tempfile
    >>> notes = pd.DataFrame({"note": ["=1+1", "tea"], "n": [-1, 2]})
    >>> file = write_csv(notes, Path(tempfile.mkdtemp()) / "a.csv")
    >>> file.read_text(encoding="utf-8-sig").split()
    ['note,n', "'=1+1,-1", 'tea,2']
    """
    safe = as_pandas(table).copy()
    for place, kind in enumerate(safe.dtypes):
        if not (pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_datetime64_any_dtype(kind)):
            column = safe.iloc[:, place].astype(object)
            safe.isetitem(place, column.map(_harmless, na_action="ignore"))
    safe.columns = [_harmless(str(name)) for name in safe.columns]
    safe.to_csv(path, index=False, encoding="utf-8-sig")
    return Path(path)


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and _DANGER.match(value) else value
