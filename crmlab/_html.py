"""HTML for notebooks and pages: jinja2 templates (beside this module) in which every text stays text."""

import re
from datetime import datetime
from functools import cache
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from jinja2 import Environment

NAMES = ("id", "ids", "year", "years", "seed")
"""Last words of a heading below which a number is a name and no amount: 2024, not 2,024."""


EMPHASIS = re.compile(r"(?<![\w*])\*{1,2}(?=\S)([^*\n]+)(?<=\S)\*{1,2}(?![\w*])")
"""What stands between stars in the Markdown of an exercise."""


@cache
def _templates() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined  # only who looks at a page pays for it

    templates = Environment(
        loader=PackageLoader("crmlab"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters.update(shown=shown, table=_columns, starred=EMPHASIS.split)
    return templates


def render(template: str, **values: Any) -> str:
    """Return a template of ``crmlab/templates`` with these values in it, all of them escaped.

    Examples
    --------
    >>> "&lt;b&gt;" in render("verdict.html", outcome="wrong", head="Not yet.", message="<b>", mark=0)
    True
    """
    return _templates().get_template(template).render(values)


def shown(value: Any, name: object = "") -> str:
    """Return a value as people write it: 12,345 and 0.25, yes and no, a day; nothing where it is missing.

    Parameters
    ----------
    value : object
    name : str
        What it is called. A number whose name ends in a word of `NAMES` is left as it is.

    Examples
    --------
    >>> shown(1234567), shown(0.123456), shown(1234.56), shown(2024, "birth_year"), shown(True)
    ('1,234,567', '0.1235', '1,235', '2024', 'yes')
    >>> shown(pd.Timestamp("2024-03-05")), shown(float("nan")), shown("as it is")
    ('2024-03-05', '', 'as it is')
    """
    if value is None or value is pd.NA or value is pd.NaT or isinstance(value, float) and value != value:
        return ""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d}" if value == datetime(value.year, value.month, value.day) else str(value)
    if type(value).__name__ in ("bool", "bool_"):
        return "yes" if value else "no"
    if isinstance(value, Integral):
        return f"{value}" if str(name).lower().rpartition("_")[2] in NAMES else f"{value:,}"
    if isinstance(value, Real):
        number = float(value)
        return f"{number:,.0f}" if 1e3 <= abs(number) < 1e15 else f"{number:.4g}"
    return str(value)


def _columns(table: pd.DataFrame, percent: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return what the template draws of a table: heads, which columns are numbers, and cells as text."""
    named = table if isinstance(table.index, pd.RangeIndex) else table.reset_index()
    numbers = [
        pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind) for kind in named.dtypes
    ]
    cells = [
        [
            f"{value:.0%}" if head in percent and value == value else shown(value, head)
            for value in named.iloc[:, place]
        ]
        for place, head in enumerate(named.columns)
    ]
    heads = [str(head).replace("_", " ") for head in named.columns]
    return {"heads": heads, "numbers": numbers, "rows": list(zip(*cells, strict=True))}


class Sheet(pd.DataFrame):
    """A table of words, which a notebook shows whole: no text is cut, none is broken within a word.

    What is made from it (a part, a join) is a plain DataFrame.

    Examples
    --------
    >>> "a text" in Sheet({"what": ["a text"]})._repr_html_()
    True
    """

    def _repr_html_(self) -> str:
        return render("sheet.html", table=self)
