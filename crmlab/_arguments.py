"""Numbers that a caller gives: of the right type, in their range, and shares that are not per cent."""

from typing import Any

import numpy as np


def floats(values: Any, name: str) -> np.ndarray:
    """Return a number, or numbers of any shape, as floats; a text, a truth value or an object is no number.

    Examples
    --------
    >>> floats([1, 2], "spend").tolist()
    [1.0, 2.0]
    """
    array = np.asarray(values)
    if (
        array.dtype == object and array.ndim == 1 and hasattr(values, "dropna")
    ):  # pandas' own numbers, missing ones among them
        kind = np.asarray(values.dropna().to_list()).dtype.kind
        array = values.to_numpy(float, na_value=np.nan) if kind in "iuf" else array
    if array.dtype.kind not in "iuf":
        raise ValueError(f"{name} must be a finite number; got {values!r}.")
    return array.astype(float)


def number(value: Any, name: str, what: str, low: float = -np.inf, high: float = np.inf) -> float:
    """Return a finite number from `low` to `high`, or raise ValueError that says `what` it must be.

    Examples
    --------
    >>> number(5, "year", "the length of a year")
    5.0
    """
    try:
        given = floats(value, name)
    except ValueError:
        given = np.array(np.nan)
    if given.ndim or not (np.isfinite(given) and low <= given <= high):
        raise ValueError(f"{name} is {what}; got {value!r}.")
    return float(given)


def flag(value: Any, name: str) -> bool:
    """Return a truth value, or raise ValueError: the text "no" is not False.

    Examples
    --------
    >>> flag(True, "none")
    True
    """
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"{name} is True or False; got {value!r}.")
    return bool(value)


def generator(rng: Any) -> np.random.Generator:
    """Return what draws by lot, or raise ValueError if `rng` is neither a seed nor a Generator.

    Examples
    --------
    >>> int(generator(1).integers(10))
    4
    """
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError):
        raise ValueError(f"rng is a whole number of at least 0, or a Generator; got {rng!r}.") from None


def rates(values: Any, name: str = "discount", per: str = "a year", low: float = 0.0) -> np.ndarray:
    """Return rates as floats: the one place that refuses per cent.

    Examples
    --------
    >>> rates(10, per="per period")
    Traceback (most recent call last):
    ValueError: discount is a rate per period, at least 0 and below 1 (.1 for 10 %); 10 would be 1000%. Is...
    """
    given = floats(values, name)
    wrong = ~((given > low if low else given >= 0) & (given < 1))
    if wrong.any():
        first = float(given[wrong].flat[0])
        per_cent = f"{first:g} would be {first:.0%}. Is it {first / 100:g}?"
        what = per_cent if 1 <= first < np.inf else f"it is not negative; got {first:g}."
        if low:
            what = what.replace("it is not negative; ", "")
        least = "above −1" if low else "at least 0"
        raise ValueError(f"{name} is a rate {per}, {least} and below 1 (.1 for 10 %); {what}")
    return given


def rate(value: Any, name: str = "discount", per: str = "a year") -> float:
    """Return one rate, see :func:`rates`.

    Examples
    --------
    >>> rate(0.1)
    0.1
    """
    return number(rates(value, name, per), name, f"one rate {per}")


def level(alpha: Any) -> float:
    """Return `alpha`, one minus the level of an interval, if it lies between 0 and 1.

    Examples
    --------
    >>> level(0.05)
    0.05
    """
    if np.ndim(alpha) or not 0 < floats(alpha, "alpha") < 1:
        raise ValueError(f"alpha must lie between 0 and 1 (0.05 gives a 95 % interval); got {alpha!r}.")
    return float(alpha)
