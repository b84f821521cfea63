"""What lies in the envelope, and the number that an interval is about."""

import numpy as np
import pandas as pd

from crmlab._tables import look_up
from crmlab.company._schema import declared

_NUMBERS = {
    "number": "mean",
    "integer": "mean",
    "flag": "share that is true",
    "id": "count of different ids",
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
        (f"{table}.{name}".removeprefix("customers."), column.kind.strip("?"), column.unit, column.meaning)
        for table, content in declared()["truth"].items()
        for name, column in content.columns.items()
        if not column.key
    ]
    table = pd.DataFrame(rows, columns=["question", "number", "unit", "meaning"]).set_index("question")
    return table.assign(number=table["number"].map(_NUMBERS))


def answer(truth: dict[str, pd.DataFrame], what: str) -> tuple[pd.Series, float]:
    """Return the rows of the truth that answer `what`, and the number that an interval is about."""
    question, _, label = (part.strip() for part in str(what).partition(":"))
    asked = look_up("question", question, questions()["number"].to_dict())
    table, _, column = question.rpartition(".")
    table = table or "customers"
    rows = truth[table].set_index(declared()["truth"][table].keys or truth[table].index)[column]
    if asked == _NUMBERS["category"]:
        if label not in rows.cat.categories:
            labels = ", ".join(f"{question}: {one}" for one in rows.cat.categories)
            raise ValueError(f"{question} is a category: ask for the share of a label. Valid: {labels}.")
        return rows, float((rows == label).mean())
    if label:
        raise ValueError(f"{question} has no labels; ask for {question!r}.")
    if asked == _NUMBERS["id"]:
        return rows, float(rows.nunique())
    return rows, float(rows.notna().mean() if asked == _NUMBERS["date"] else rows.mean())


def interval(what: str, low: float, high: float) -> tuple[float, float]:
    """Return the interval as two numbers, or refuse it."""
    try:
        ends = float(low), float(high)
    except (TypeError, ValueError):
        raise ValueError(f"The interval for {what!r} has two numbers; got {low!r} and {high!r}.") from None
    if not (np.isfinite(ends).all() and ends[0] <= ends[1]):
        raise ValueError(f"The interval for {what!r} runs from low to high, finite; got {low} to {high}.")
    return ends
