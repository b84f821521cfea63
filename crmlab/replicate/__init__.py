"""The scoreboard: published value, our value, difference and verdict for each result of a paper.

A case is one paper: one short file in ``crmlab/replicate/papers`` whose function yields a :class:`Row` for
each figure. A row that does not reproduce says so and why; it is never dropped, and its tolerance is never
widened without a reason. Only a verdict that nobody expected counts as a failure.
"""

import pkgutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from importlib import import_module
from json import dumps
from math import isfinite
from numbers import Real
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from crmlab._html import Sheet, render
from crmlab._paths import NeedsClone
from crmlab._tables import look_up, unknown

__all__ = ["Row", "case", "cases", "half_unit", "main", "page", "scoreboard", "unexpected"]

SOURCES = ("page seen", "reference output seen", "quoted elsewhere", "from memory")
DATA_CLASSES = ("authors'", "reconstructed", "typed-in table", "simulated")
COLUMNS = [
    *("case", "quantity", "published", "ours", "difference", "tolerance", "verdict"),
    *("expected", "source_checked", "data_class", "citation", "where"),
]
Rows = Callable[[], Iterable["Row"]]


def _decimal(published: str) -> Decimal:
    try:
        number = Decimal(published.replace("−", "-").replace(",", ""))
    except (InvalidOperation, AttributeError):
        number = Decimal("nan")
    if not number.is_finite() or "_" in published:
        raise ValueError(
            f"A published value is a text, the number as printed, such as '.243'; got {published!r}."
        )
    return number


def _places(published: str) -> int:
    """Return how many decimal places are printed (negative for '1.2E4')."""
    return -int(_decimal(published).as_tuple().exponent)


def half_unit(published: str) -> float:
    """Return half a unit of the last printed digit: the largest error that rounding explains.

    Parameters
    ----------
    published : str
        The number as printed; a typographic minus and commas between thousands are understood.

    Examples
    --------
    >>> [half_unit(printed) for printed in (".243", "11.99", "1411", "−33,225.6")]
    [0.0005, 0.005, 0.5, 0.05]
    """
    return float(Decimal(5).scaleb(-_places(published) - 1))


@dataclass(frozen=True)
class Row:
    """One published figure beside ours.

    Parameters
    ----------
    quantity : str
        What it is, with its unit where it has one.
    published : str
        The value as printed: its last digit sets the tolerance.
    ours : float
        NaN or an infinite value never holds, and no reason makes it an expected difference.
    where : str
        Table, equation or page in the source.
    source_checked : str
        "page seen", "reference output seen" (of another implementation), "quoted elsewhere" (somebody
        else's words about the page) or "from memory".
    expected : str
        "holds", or the reason why our value differs.
    tolerance : float, optional
        Half a unit of the last printed digit unless given.
    reason : str
        Why the tolerance is wider than that; without it a wider one is refused.

    Raises
    ------
    ValueError
        If a field is empty or not among the valid ones, the published value no text with a number, ours no
        number, or the tolerance wide without a reason.

    Examples
    --------
    >>> row = Row("BG/NBD r", ".243", 0.2426, "Table 2", "reference output seen")
    >>> row.allowed, row.verdict
    (0.0005, 'holds')
    """

    quantity: str
    published: str
    ours: float
    where: str
    source_checked: str
    expected: str = "holds"
    tolerance: float | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        for field in ("quantity", "where", "expected"):
            if not getattr(self, field).strip():
                raise ValueError(f"A row of the scoreboard needs its {field!r}; got {self}.")
        if self.source_checked not in SOURCES:
            raise ValueError(unknown("source check", self.source_checked, SOURCES))
        ours: Any = self.ours
        if not isinstance(ours, Real):
            raise ValueError(f"{self.quantity}: ours is a number, a NaN if need be; got {ours!r}.")
        if not (isfinite(self.allowed) and self.allowed > 0):
            raise ValueError(f"{self.quantity}: a tolerance is a positive number; got {self.tolerance}.")
        if self.allowed > half_unit(self.published) and not self.reason.strip():
            raise ValueError(
                f"{self.quantity}: tolerance {self.tolerance} is wider than {half_unit(self.published):g}, "
                f"half a unit of the last digit of {self.published!r}: give the reason."
            )

    @property
    def allowed(self) -> float:
        """The tolerance: half a unit of the last printed digit unless one was given."""
        return half_unit(self.published) if self.tolerance is None else self.tolerance

    @property
    def difference(self) -> float:
        """Ours less the published value."""
        return float(self.ours) - float(_decimal(self.published))

    @property
    def verdict(self) -> str:
        """Return "holds" or "differs"; the last bits of floating point are not held against a row."""
        return "holds" if abs(self.difference) <= self.allowed * (1 + 1e-9) else "differs"


@dataclass(frozen=True)
class _Case:
    name: str
    citation: str
    data: str
    data_class: str
    rows: Rows

    def run(self) -> Iterator[dict[str, Any]]:
        """Yield a record for each row, and one with the verdict "error" where the case breaks off."""
        common = {"case": self.name, "data_class": self.data_class, "citation": self.citation}
        count = 0
        try:
            for row in self.rows():
                count += 1
                reason = f"; tolerance {row.allowed:g}: {row.reason}" if row.reason else ""
                yield common | {
                    "quantity": row.quantity,
                    "published": row.published,
                    "ours": float(row.ours),
                    "difference": row.difference,
                    "tolerance": row.allowed,
                    "verdict": row.verdict,
                    "expected": row.expected,
                    "source_checked": row.source_checked,
                    "where": f"{row.where}; data: {self.data}{reason}",
                }
            if not count:
                raise ValueError("the case yields no row")
        except NeedsClone as absent:
            not_run = {"verdict": "not run", "expected": "not run", "where": str(absent)}
            yield common | {"quantity": "the case itself", **not_run}
        except Exception as error:
            yield common | {
                "quantity": "the case itself",
                "verdict": "error",
                "expected": "holds",
                "where": f"{type(error).__name__}: {error}",
            }


_CASES: dict[str, _Case] = {}


def case(citation: str, data: str, data_class: str) -> Callable[[Rows], Rows]:
    """Register a function that yields rows as a case, under the function's name.

    Parameters
    ----------
    citation : str
        Authors, year, title, journal and DOI.
    data : str
        Names of the data sets.
    data_class : str
        "authors'", "reconstructed", "typed-in table" or "simulated".

    Raises
    ------
    ValueError
        If the citation or the data are empty, the class is unknown or the name is taken.

    Examples
    --------
    >>> @case("Author (2005), Title, Journal 1(2), 3–4", data="cdnow_sample", data_class="authors'")
    ... def author_2005():  # doctest: +SKIP
    ...     yield Row("BG/NBD r", ".243", 0.2426, "Table 2", "page seen")
    """
    if not citation.strip() or not data.strip():
        raise ValueError("A case needs its citation and the name of its data.")
    if data_class not in DATA_CLASSES:
        raise ValueError(unknown("class of data", data_class, DATA_CLASSES))

    def register(rows: Rows) -> Rows:
        name = rows.__name__
        if name in _CASES:
            raise ValueError(f"There is already a case {name!r}: {_CASES[name].citation}")
        _CASES[name] = _Case(name, citation, data, data_class, rows)
        return rows

    return register


def _registry() -> dict[str, _Case]:
    papers = import_module("crmlab.replicate.papers")
    for module in pkgutil.iter_modules(papers.__path__):
        import_module(f"{papers.__name__}.{module.name}")
    return dict(sorted(_CASES.items()))


def cases() -> pd.DataFrame:
    """Return all cases: name, citation, data and class of the data.

    Examples
    --------
    >>> cases().query("data == 'donations'")["case"].item()
    'fader_hardie_shang_2010'
    """
    known = [(one.name, one.citation, one.data, one.data_class) for one in _registry().values()]
    return Sheet(known, columns=["case", "citation", "data", "data_class"])


def scoreboard(cases: Sequence[str] | None = None) -> pd.DataFrame:
    """Run the cases and return a row for each published figure.

    Parameters
    ----------
    cases : sequence of str, optional
        Names of cases; all if none are given. A case that is named twice runs once.

    Returns
    -------
    DataFrame
        ``case, quantity, published, ours, difference, tolerance, verdict, expected, source_checked,
        data_class, citation, where``. The verdict is "holds", "differs" or, where a case broke off, "error";
        "not run" where its data are in the clone only, and crmlab is installed without it.

    Raises
    ------
    ValueError
        If there is no such case.

    Examples
    --------
    >>> scoreboard(["fader_hardie_2007"])["verdict"].unique().tolist()
    ['holds']
    """
    known = _registry()
    names = [cases] if isinstance(cases, str) else list(cases or known)
    chosen = {name: look_up("case", name, known) for name in names}
    progress = tqdm(chosen.values(), desc="replicate", unit="case", leave=False, disable=None)
    board = pd.DataFrame([row for one in progress for row in one.run()], columns=COLUMNS)
    return _Board(board.fillna({"published": "", "source_checked": ""}))


def unexpected(board: pd.DataFrame) -> pd.Series:
    """Return True for the rows whose verdict is not the expected one, in either direction.

    A value of ours that is not finite is never expected: a broken computation does not hide behind a reason.

    Examples
    --------
    >>> unexpected(scoreboard(["fader_hardie_2007"])).any()
    np.False_
    """
    finite = board["ours"].astype(float).abs() < float("inf")
    surprising = ((board["verdict"] == "holds") != (board["expected"] == "holds")) | ~finite
    return surprising & (board["verdict"] != "not run")


def _shown(board: pd.DataFrame) -> list[list[str]]:
    """Return the rows as text below their heads, for the terminal and the page."""
    lines = [["quantity", "published", "ours", "difference", "source", "verdict"]]
    for row, surprising in zip(board.to_dict("records"), unexpected(board), strict=True):
        ours, difference, verdict = "", "", f"{row['verdict'].upper()}: {row['where']}"
        if row["verdict"] not in ("error", "not run"):
            digits = max(_places(row["published"]) + (row["difference"] != 0), 0)  # one more than printed
            ours, difference = f"{row['ours']:.{digits}f}", f"{row['difference']:+.{digits}f}"
            reason = "" if row["expected"] == "holds" else f" (expected to differ: {row['expected']})"
            verdict = f"{'UNEXPECTED: ' if surprising else ''}{row['verdict']}{reason}"
        lines.append([row["quantity"], row["published"], ours, difference, row["source_checked"], verdict])
    return lines


class _Board(Sheet):
    """The scoreboard as :func:`scoreboard` returns it; in a notebook it shows case by case, as the page."""

    def _repr_html_(self) -> str:
        if not set(COLUMNS) <= set(self.columns):
            return super()._repr_html_()
        parts = []
        for name, rows in self.groupby("case", sort=False):
            head, *lines = _shown(rows)
            shown = pd.DataFrame(lines, columns=head).assign(where=[*rows["where"]])
            parts.append((name, rows["citation"].iloc[0], rows["data_class"].iloc[0], shown))
        return render("scoreboard.html", summary=_summary(self), cases=parts)


def _summary(board: pd.DataFrame) -> str:
    surprising = unexpected(board)
    differs = (board["verdict"] == "differs") & ~surprising
    unseen = {name: (board["source_checked"] == name).sum() for name in SOURCES[2:]}
    absent = (board["verdict"] == "not run").sum()
    not_run = f"{absent} could not be run here, " if absent else ""
    return (
        f"{len(board)} rows: {(board['verdict'] == 'holds').sum()} hold, {differs.sum()} differ as expected, "
        f"{not_run}{surprising.sum()} unexpected. Of the published values "
        f"{' and '.join(f'{count} are {name}' for name, count in unseen.items())}, "
        "their pages still to be looked up."
    )


def page() -> str:
    """Run all cases and return the scoreboard as a page in Markdown.

    Examples
    --------
    >>> page().splitlines()[0]
    '# Scoreboard'
    """
    board = scoreboard()
    parts = ["# Scoreboard", _summary(board)]
    for name, rows in board.groupby("case"):
        head, *lines = (
            [*line, where] for line, where in zip(_shown(rows), ["where", *rows["where"]], strict=True)
        )
        table = [head, ["---"] * len(head), *lines]
        parts += [
            f"## {name}",
            f"{rows['citation'].iloc[0]} Data: {rows['data_class'].iloc[0]}.",
            "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in table),
        ]
    return "\n\n".join(parts) + "\n"


def _write(file: str | Path, text: str) -> None:
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    Path(file).write_text(text, encoding="utf-8")


def main(
    cases: Sequence[str] | None = None, json: str | Path | None = None, page_file: str | Path | None = None
) -> int:
    """Print the scoreboard, grouped by case; return 1 if a verdict is unexpected, else 0.

    Parameters
    ----------
    cases : sequence of str, optional
        Names of cases; all if none are given.
    json : path, optional
        Also write the rows to this file, as a JSON list of objects with the columns of :func:`scoreboard`;
        a number that is missing or infinite becomes null.
    page_file : path, optional
        Also write the scoreboard of all cases to this file, as :func:`page` gives it.

    Raises
    ------
    ValueError
        If there is no such case.

    Examples
    --------
    >>> main(["fader_hardie_2008"])
    Traceback (most recent call last):
    ValueError: There is no case 'fader_hardie_2008'. Did you mean 'fader_hardie_2007'? Valid: ...
    """
    board = scoreboard(cases)
    for name, rows in board.groupby("case", sort=False):
        print(f"\n{name}\n{rows['citation'].iloc[0]}\nData: {rows['data_class'].iloc[0]}")
        lines = _shown(rows)
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        for line in lines:
            padded = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
            padded[1:4] = [cell.rjust(width) for cell, width in zip(line[1:4], widths[1:4], strict=True)]
            print("  " + "  ".join(padded).rstrip())
    print(f"\n{_summary(board)}")
    if json is not None:
        finite = board.replace([float("inf"), float("-inf")], float("nan")).astype(object)
        records = finite.where(finite.notna(), None).to_dict("records")
        text = dumps(records, indent=2, ensure_ascii=False, allow_nan=False)
        _write(json, text + "\n")
    if page_file is not None:
        _write(page_file, page())
    return int(unexpected(board).any())
