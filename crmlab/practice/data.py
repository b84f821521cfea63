"""Variants: everybody's own data, drawn by a keyed hash, and the folder in which they are given away."""

import copy
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from keyword import iskeyword
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from crmlab._html import render, shown
from crmlab._tables import unknown, whole_number

VERSION = 2
"""Of all that is handed out, and of the key file. In version 1 lessons 41 to 47 were called 16 to 20."""

_FILE = "given.json"
Option = TypeVar("Option")


def variant(course_key: str, exercise: str, student: str, small: bool = False) -> "Variant":
    """Return the variant of an exercise that belongs to a student.

    Parameters
    ----------
    course_key : str
        What only the instructor knows. In self-study it is no secret.
    exercise, student : str
        Names; capital letters and blanks count.
    small : bool
        Whether :meth:`Variant.customers` makes companies small, for a trial.

    Returns
    -------
    Variant
        The same for the same three texts, on every machine and in every version of Python.

    Raises
    ------
    ValueError
        A name that is empty.

    Notes
    -----
    Each number is HMAC-SHA256 (RFC 2104) of exercise, student and the number's name, under the key. Who has
    not the key cannot tell the variant of another student from chance, not even with many variants known.

    Examples
    --------
    >>> ann = variant("secret", "41_value_tiers", "ann")
    >>> ann.integer("margin", 20, 40), ann.choice("tier", ["core", "potential", "ordinary"])
    (40, 'ordinary')
    """
    for name, text in {"course_key": course_key, "exercise": exercise, "student": student}.items():
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f"{name} must be a text and not empty; got {text!r}.")
    return Variant(course_key, exercise, student, small)


class Variant:
    """What :func:`variant` returns: numbers drawn for one student, each by its name.

    Examples
    --------
    >>> variant("secret", "41_value_tiers", "ann").seed("company") > 10**30
    True
    """

    def __init__(self, course_key: str, exercise: str, student: str, small: bool, attempt: int = 0) -> None:
        self.exercise, self.student, self.small = exercise, student, small
        self._key, self._attempt = course_key, attempt

    def seed(self, name: str = "company") -> int:
        """Return a whole number below 2**128, too long to be guessed."""
        # lengths before the texts: ("ab", "c") is not ("a", "bc")
        parts = [self.exercise, self.student, name, *([str(self._attempt)] if self._attempt else [])]
        message = b"".join(len(part.encode()).to_bytes(4) + part.encode() for part in parts)
        return int.from_bytes(hmac.new(self._key.encode(), message, hashlib.sha256).digest()[:16])

    def attempts(self, most: int = 30) -> Iterator["Variant"]:
        """Yield variants, this one first, until the exercise takes one: not all data bear all questions.

        Raises
        ------
        ValueError
            None was taken: the rule asks for too much.

        Examples
        --------
        >>> for draw in variant("secret", "41_value_tiers", "ann").attempts():
        ...     if draw.integer("margin", 20, 40) < 30:  # the rule; here it stands for any other
        ...         break
        >>> draw.integer("margin", 20, 40)
        27
        """
        for attempt in range(most):
            yield Variant(self._key, self.exercise, self.student, self.small, attempt)
        raise ValueError(
            f"In {most} attempts nothing was drawn that bears every question of {self.exercise}."
        )

    def integer(self, name: str, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`, both included."""
        whole_number(high, "high", least=low)
        return low + self.seed(name) * (high - low + 1) // 2**128

    def choice(self, name: str, options: Sequence[Option]) -> Option:
        """Return one of the options."""
        return options[self.integer(name, 0, len(options) - 1)]

    def customers(self, number: int) -> int:
        """Return the number of customers to simulate: a small one where the variant is small."""
        return min(number, 600) if self.small else number

    def rng(self, name: str) -> np.random.Generator:
        """Return a generator of random numbers, for samples."""
        return np.random.default_rng(self.seed(name))


class Given:
    """What a student is given: tables and values, as attributes.

    Examples
    --------
    >>> Given({"margin": 0.25}).margin
    0.25
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            if (
                not str(name).isidentifier()
                or iskeyword(name)
                or name.startswith("_")
                or hasattr(Given, name)
            ):
                raise ValueError(f"A given thing needs a name that can follow 'given.'; got {name!r}.")
            if isinstance(value, pd.DataFrame) and not isinstance(value.index, pd.RangeIndex):
                raise ValueError(
                    f"The table {name!r} has an index, which would be lost: reset_index() first."
                )
        self._values = {name: _settled(name, value) for name, value in values.items()}

    def __getattr__(self, name: str) -> Any:
        held = self.__dict__.get("_values", {})
        if name not in held:
            raise AttributeError(unknown("given thing", name, held))
        return copy.deepcopy(held[name])

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._values]

    def __repr__(self) -> str:
        lines = []
        for name, value in self._values.items():
            told = f"{value!r}"
            if isinstance(value, pd.DataFrame):
                told = f"table of {len(value):,} rows: {', '.join(map(str, value.columns))}"
            elif isinstance(value, pd.Timestamp):
                told = f"{value:%d %B %Y}"
            lines.append(f"{name}: {told}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        held: dict[str, Any] = {}
        for name, value in self._values.items():
            # what is given is told to the last digit: answers are worked out from it
            held[name] = f"{value:,}" if isinstance(value, float) else shown(value, name)
            if isinstance(value, pd.DataFrame):
                held[name] = {"rows": len(value), "columns": list(map(str, value.columns))}
            elif isinstance(value, pd.Timestamp):
                held[name] = f"{value.day} {value:%B %Y}"
        return render("given.html", held=held.items())

    def values(self) -> dict[str, Any]:
        """Return everything given by name; the tables are copies."""
        return {name: getattr(self, name) for name in self._values}

    def fingerprint(self) -> str:
        """Return a hash of everything given, by which one can see that it was drawn again the same."""
        digest = hashlib.sha256()
        for name, value in sorted(self._values.items()):
            if isinstance(value, pd.DataFrame):
                rows = pd.util.hash_pandas_object(value, index=False).to_numpy().tobytes()
                digest.update(f"{name}:{','.join(map(str, value.columns))}:".encode() + rows)
            else:
                digest.update(f"{name}:{json.dumps(_to_json(name, value))}:".encode())
        return digest.hexdigest()

    def write(self, folder: Path) -> None:
        """Write everything to a folder: a Parquet file for each table, ``given.json`` for the values."""
        folder.mkdir(parents=True)
        tables = [name for name, value in self._values.items() if isinstance(value, pd.DataFrame)]
        for name in tables:
            self._values[name].to_parquet(folder / f"{name}.parquet", index=False)
        values = {name: _to_json(name, value) for name, value in self._values.items() if name not in tables}
        about = {"schema_version": VERSION, "order": [*self._values], "tables": tables, "values": values}
        (folder / _FILE).write_text(json.dumps(about, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> "Given":
        """Read what :meth:`write` wrote."""
        about = read_json(folder, _FILE)
        if about.get("schema_version") != VERSION:
            raise ValueError(other_version(folder / _FILE, about.get("schema_version")))
        held = {name: _from_json(value) for name, value in about["values"].items()}
        held |= {name: _read_parquet(folder / f"{name}.parquet") for name in about["tables"]}
        return cls({name: held[name] for name in about["order"]})


def other_version(what: object, found: object) -> str:
    """Return the sentence for what another crmlab has handed out.

    Examples
    --------
    >>> print(other_version("key.json", 1))
    key.json is of version 1, this crmlab takes version 2: use the crmlab that released it, or release anew.
    """
    remedy = "use the crmlab that released it, or release anew"
    return f"{what} is of version {found!r:.20}, this crmlab takes version {VERSION}: {remedy}."


def read_json(folder: Path, name: str) -> dict[str, Any]:
    """Read one of the files that lie beside a student's notebook."""
    if not (folder / name).is_file():
        raise FileNotFoundError(f"{folder.absolute()} holds no {name}: keep the data beside the notebook.")
    try:
        return dict(json.loads((folder / name).read_bytes()))
    except (ValueError, TypeError, RecursionError):
        raise ValueError(f"{folder / name} is damaged: take it again from what was handed out.") from None


def write_cases(cases: Sequence[Mapping[str, Any]], folder: Path) -> None:
    """Write the arguments of several calls, a folder each."""
    for number, case in enumerate(cases):
        Given(case).write(folder / str(number))


def read_cases(folder: Path) -> list[dict[str, Any]]:
    """Read what :func:`write_cases` wrote."""
    return [Given.read(one).values() for one in sorted(folder.iterdir(), key=lambda path: int(path.name))]


def _settled(name: str, value: Any) -> Any:
    """Return a value as it would come back from its file."""
    if not isinstance(value, pd.DataFrame):
        return _from_json(_to_json(name, value))
    value = value.copy(deep=False)
    value.attrs = {}  # a Parquet file would keep them, whatever they tell
    try:
        settled = _read_parquet(pa.BufferReader(value.to_parquet(index=False)))
        pd.util.hash_pandas_object(settled)  # or it would have no fingerprint
        return settled
    except Exception as error:
        raise ValueError(f"The table {name!r} cannot be kept in a Parquet file: {error}") from None


def _to_json(name: str, value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, date):
        return {"day": pd.Timestamp(value).isoformat()}
    if isinstance(value, list | tuple):
        return [_to_json(name, one) for one in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {"dict": {key: _to_json(name, one) for key, one in value.items()}}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError(
        f"{name!r} is a {type(value).__name__}: give tables, numbers, texts, days, lists and dicts of them."
    )


def _from_json(value: Any) -> Any:
    if isinstance(value, list):
        return [_from_json(one) for one in value]
    if isinstance(value, dict):
        if "day" in value:
            return pd.Timestamp(value["day"])
        return {key: _from_json(one) for key, one in value["dict"].items()}
    return value


def _read_parquet(source: Any) -> pd.DataFrame:
    # pandas.read_parquet starts threads of Arrow's even if told not to, and one that lets go of the source
    # while Python ends aborts the process; this starts none
    return pq.ParquetFile(source, pre_buffer=False).read(use_threads=False).to_pandas(use_threads=False)
