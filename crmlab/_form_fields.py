"""What may stand in a form: its fields, each with what it must be, and what a value is called."""

import math
from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any

KINDS = {
    "str": "a text", "int": "a whole number", "float": "a number", "bool": "True or False", "dict": "a dict",
    "DataFrame": "a table", "ndarray": "an array", "NoneType": "nothing", "method": "a function",
}  # fmt: skip
_REAL: Any = Real  # True is one to Python


def _number(value: Any, low: float = -math.inf, high: float = math.inf) -> bool:
    return isinstance(value, _REAL) and not isinstance(value, bool) and low <= float(value) <= high


def _differ(options: Any) -> bool:
    texts = all(isinstance(one, str) and 0 < len(one) <= 100 and one == one.strip() for one in options)
    return texts and len({one.casefold() for one in options}) == len(options)


def _forms(values: Any) -> bool:
    return len(values) > 0 and all(hasattr(one, "wanted") and not isinstance(one, type) for one in values)


_END = ("a number, or the name of a given one", lambda end: isinstance(end, str) or _number(end))
_COUNT = ("a number of at least 1, or the name of a given one", lambda n: isinstance(n, str) or _number(n, 1))
RULES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "unit": ("a text, and comes first: Number('cents', 0, 100)", lambda unit: isinstance(unit, str)),
    "low": _END,
    "high": _END,
    "tolerance": ("a number of at least 0", lambda off: _number(off, 0, 1e300)),
    "relative": ("a share, from 0 to 1", lambda off: _number(off, 0, 1)),
    "widest": (
        "a width above 0, or the name of a given one",
        lambda wide: isinstance(wide, str) or _number(wide, 1e-300),
    ),
    "enough": (
        "a share of the solution's worth, above 0 and at most 1",
        lambda share: _number(share, 1e-9, 1),
    ),
    "count": _COUNT,
    "rows": (_COUNT[0], lambda rows: rows is None or _COUNT[1](rows)),
    "words": _COUNT,
    "options": (
        "texts of at most 100 signs, without blanks around them, that differ in more than capitals: "
        "Choice('a', 'b')",
        _differ,
    ),
    "columns": (
        "a dict of forms: {'cents': practice.Number()}",
        lambda columns: isinstance(columns, Mapping) and _forms(columns.values()),
    ),
    "returns": ("a form: practice.Number()", lambda form: _forms([form])),
    "parameters": (
        "names: ('x', 'T'), or ('x',)",
        lambda names: isinstance(names, tuple | list) and all(str(one).isidentifier() for one in names),
    ),
    "draws": ("'lines', 'bars' or 'points'", lambda draws: draws in ("lines", "bars", "points")),
    "rubric": (
        "what counts, with its points, above 0: {'names a reason': 2}",
        lambda all_: (
            isinstance(all_, Mapping) and bool(all_) and all(_number(n, 1e-9) for n in all_.values())
        ),
    ),
}
"""By the name of a field what it is in words, and the test."""


def sound(fields: Mapping[str, Any]) -> None:
    """Raise ValueError if a field of a form cannot be meant.

    Examples
    --------
    >>> sound({"unit": "cents", "tolerance": -1})
    Traceback (most recent call last):
    ValueError: tolerance is a number of at least 0; got -1.
    """
    for name, held in fields.items():
        what, holds = RULES.get(name, ("", lambda held: True))
        if not holds(held):
            raise ValueError(f"{name} is {what}; got {held!r:.100}.")
