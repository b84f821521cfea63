"""What lies in the envelope, and the number that an interval is about."""

from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from crmlab import plot
from crmlab._html import Sheet
from crmlab._tables import look_up, require_columns
from crmlab.company._schema import declared

_NUMBERS = {
    "number": "mean",
    "integer": "mean",
    "flag": "share that is true",
    "id": "count of different ids",
    "id?": "share that names one",
    "date": "share that has a date",
    "category": "share with the label after the colon",
}


def questions() -> pd.DataFrame:
    """Return what lies in the envelope, a row per question, and the number that an interval is about.

    A question is the name of a column of the truth, with its table before it unless that is `customers`:
    ``"purchase_rate"``, ``"orders.experience"``. A category asks for a label: ``"segment: gift"``.

    Returns
    -------
    DataFrame
        Index ``question``; columns ``number``, ``unit`` and ``meaning``.

    Examples
    --------
    >>> questions().loc["alive", "number"]
    'share that is true'
    """
    rows = [
        (f"{table}.{name}".removeprefix("customers."), _kind(column.kind), column.unit, column.meaning)
        for table, content in declared()["truth"].items()
        for name, column in content.columns.items()
        if not column.key
    ]
    table = pd.DataFrame(rows, columns=["question", "number", "unit", "meaning"]).set_index("question")
    return Sheet(table.assign(number=table["number"].map(_NUMBERS)))


def _kind(kind: str) -> str:
    """Return the kind of a column, and of an id whether it may be missing."""
    return kind if kind == "id?" else kind.strip("?")


def answer(truth: Mapping[str, pd.DataFrame], what: str) -> tuple[str, pd.Series, float]:
    """Return `what` in one spelling, the rows of the truth that answer it, and the number for an interval."""
    question, _, label = (part.strip() for part in str(what).partition(":"))
    asked = look_up("question", question, questions()["number"].to_dict())
    table, _, column = question.rpartition(".")
    table = table or "customers"
    rows = truth[table].set_index(declared()["truth"][table].keys or truth[table].index)[column]
    if rows.empty or rows.isna().all() and asked not in (_NUMBERS["date"], _NUMBERS["id?"]):
        raise ValueError(f"There is nothing to ask about {question!r}: this company has no such rows.")
    if asked == _NUMBERS["category"]:
        if label not in rows.cat.categories:
            labels = ", ".join(f"{question}: {one}" for one in rows.cat.categories)
            raise ValueError(f"{question} is a category: ask for the share of a label. Valid: {labels}.")
        return f"{question}: {label}", rows, float((rows == label).mean())
    if label:
        raise ValueError(f"{question} has no labels; ask for {question!r}.")
    if asked == _NUMBERS["id"]:
        return question, rows, float(rows.nunique())
    there = asked in (_NUMBERS["date"], _NUMBERS["id?"])
    return question, rows, float(rows.notna().mean() if there else rows.mean())


def interval(what: str, low: Any, high: Any) -> tuple[float, float]:
    """Return the interval as two numbers, or refuse it."""
    if not (isinstance(low, Real) and isinstance(high, Real)):
        raise ValueError(f"The interval for {what!r} has two numbers; got {low!r} and {high!r}.")
    ends: Any = (low, high)
    if not -1e300 < ends[0] <= ends[1] < 1e300:
        raise ValueError(f"The interval for {what!r} runs from low to high, finite; got {low} to {high}.")
    if sought(what).startswith("a share") and not 0 <= ends[0] <= ends[1] <= 1:
        told = f"{what!r} asks for {sought(what)}; got {low:g} to {high:g}."
        if ends[0] >= 0 and ends[1] <= 100:
            told += f" If that is per cent: company.commit({what!r}, {ends[0] / 100:g}, {ends[1] / 100:g})."
        raise ValueError(told)
    return float(low), float(high)


def sought(what: str) -> str:
    """Say which number an interval about `what` is meant to hold."""
    number, unit, _ = questions().loc[what.partition(":")[0]]
    if number.startswith("share") or unit == "share":
        return "a share, between 0 and 1"
    return f"the {number} ({unit})" if unit else f"the {number}"


def plot_calibration(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw intervals, each as long as it was made, and where in or outside it the truth lies.

    Parameters
    ----------
    table : DataFrame
        A row for each interval, with ``low``, ``high``, ``truth``, ``inside``.
    ax : Axes, optional

    Returns
    -------
    Axes

    Examples
    --------
    >>> table = pd.DataFrame({"low": [0.3], "high": [0.6], "truth": [0.5], "inside": [True]}, index=["alive"])
    >>> plot_calibration(table).get_xlabel()
    'in half-widths of your interval'
    """
    require_columns(table.columns, ["low", "high", "truth", "inside"])
    ax = plot.axes(ax, figsize=(7, 1.2 + 0.35 * len(table)))
    # of a point, too, the half-width is a little: the truth lies on it or far outside
    half = ((table["high"] - table["low"]) / 2).clip(lower=1e-300)
    place = ((table["truth"] - (table["low"] + table["high"]) / 2) / half).clip(-4, 4)
    rows = np.arange(len(table))
    ax.hlines(rows, -1, 1, color=plot.QUIET, linewidth=8)
    inside = table["inside"].to_numpy(bool)
    for shown, look, name in ((inside, "o", "inside"), (~inside, "X", "outside")):
        colour = plot.ACTUAL if name == "inside" else plot.MODEL
        ax.plot(place[shown], rows[shown], look, color=colour, ms=8, label=plot.label(name))
    ax.set_yticks(rows, [plot.label(what) for what in table.index])
    ax.set(xlim=(-4.2, 4.2), ylim=(max(len(table), 1) - 0.5, -0.5))
    title = f"{table['inside'].sum()} of {len(table)} truths lie inside"
    return plot.annotate(ax, title, "in half-widths of your interval", "")
