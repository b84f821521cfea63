"""Columns that belong together: by their labels, by the period, to the digits that mean something."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from crmlab._arguments import floats
from crmlab._tables import LARGEST_AMOUNT, numbers, require_columns


def to_digits(values: pd.Series) -> pd.Series:
    """Return floats to twelve digits: sums taken in another order differ after these, and are equal.

    Examples
    --------
    >>> to_digits(pd.Series([0.1 + 0.2, 0.3])).nunique()
    1
    """
    with np.errstate(divide="ignore"):
        scale = 10.0 ** (11 - np.floor(np.log10(np.abs(values.to_numpy()))).clip(-290, 290))
    return (values * scale).round() / scale


def below_limit(values: pd.Series, name: str) -> pd.Series:
    """Return numbers whose squares are numbers too, or raise ValueError.

    Examples
    --------
    >>> below_limit(pd.Series([7.0]), "amount").tolist()
    [7.0]
    """
    if (large := values.abs() > LARGEST_AMOUNT).any():
        raise ValueError(
            f"{large.sum()} of {len(values)} values of {name} lie beyond ±{LARGEST_AMOUNT:g}; the first is "
            f"in row {values.index[large][0]!r}. Look for a division by (nearly) zero before this step."
        )
    return values


def labels(values: Any) -> pd.Index | None:
    """Return the index of a Series or the keys of a mapping; None for what has only an order.

    Examples
    --------
    >>> labels({"Al": 1, "Bo": 2}).tolist(), labels([1, 2])
    (['Al', 'Bo'], None)
    """
    return pd.Series(values).index if isinstance(values, pd.Series | Mapping) else None


def aligned(values: Any, name: str, index: pd.Index | None) -> Any:
    """Return `values` in the order of `index`, the labels of what they belong to (None: only an order).

    A mapping is brought into that order by its keys. A Series must have it already: which of two orders was
    meant is not for us to guess. Anything else has no labels and is taken as it is.

    Examples
    --------
    >>> aligned({"Bo": 1, "Al": 2}, "orders", pd.Index(["Al", "Bo"])).tolist()
    [2, 1]
    """
    own = labels(values)
    if own is None:
        return values
    if index is None:
        index = pd.RangeIndex(len(own))
        if isinstance(values, pd.Series) and not index.isin(own).all():
            return values  # by customers' ids, and the other side has an order only
    if isinstance(values, Mapping) and len(own) == len(index) and index.is_unique and index.isin(own).all():
        return pd.Series(values).reindex(index)
    if not own.equals(index):
        held = " and ".join(f"{one[:3].tolist()} …" for one in (own, index))
        raise ValueError(
            f"{name} has another index than what it belongs to ({held}), so its rows would not meet. Give "
            "both the customer's id as index, table.set_index('customer_id'), and one order: "
            "one.reindex(other.index)."
        )
    return values


def by_period(values: Any, name: str, every: str | None = None) -> pd.Series:
    """Return numbers by whole periods 0, 1, 2, …: the labels of a Series or mapping, in their order.

    With `every`, a word for them, none may be missing, and the first counts as 0 whatever its number. Texts
    without a digit name no period: the order counts.

    Examples
    --------
    >>> by_period({3: 5.0, 0: 20.0, 1: 8.0}, "contribution").to_dict()
    {0: 20.0, 1: 8.0, 3: 5.0}
    """
    series = numbers(values, name)
    index = series.index
    if all(isinstance(label, str) and not re.search(r"\d", label) for label in index):
        index = series.index = pd.RangeIndex(len(series))
    if not (pd.api.types.is_numeric_dtype(index) and index.is_unique and (index % 1 == 0).all()):
        raise ValueError(
            f"The labels of {name} are its periods, 0, 1, 2, …, and these are {index[:3].tolist()} …: number "
            f"them so, or give list({name}) if the values are in order and none is missing."
        )
    series.index = index.astype(int)
    series = series.sort_index()
    first, last = series.index[[0, -1]]
    if every and last - first == len(series) - 1:
        return series.set_axis(range(len(series)))  # in a row: years, or the rows of a larger table
    if every or first not in (0, 1):
        raise ValueError(
            f"The labels of {name} are its {every or 'period'}s, and these are {series.index[:6].tolist()}: "
            f"{'leave none out' if every else 'begin at 0 or 1'}. Give list({name}) if they are none."
        )
    return series


def customer_weights(data: pd.DataFrame, weights: Any) -> np.ndarray:
    """Return one non-negative weight per row: 1, a column of `data`, or the numbers given."""
    if weights is None:
        return np.ones(len(data))
    if isinstance(weights, str):
        require_columns(data.columns, [weights])
        weights = data[weights]
    weights = floats(aligned(weights, "weights", data.index), "weights")
    if weights.shape != (len(data),):
        raise ValueError(f"weights need one number per row: {len(data)} rows, shape {weights.shape} given.")
    if not (np.isfinite(weights) & (weights >= 0)).all() or weights.sum() == 0:
        raise ValueError("weights must be finite, not negative, and not all zero.")
    return weights
