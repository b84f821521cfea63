"""Weights that make a sample look like the population in what is known of both: raking and its price."""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from crmlab._arguments import floats
from crmlab._columns import aligned
from crmlab._tables import require_columns

Margins = Mapping[Any, Any]
_CLOSE = 1e-12  # to which share of the total each margin is met
_ROUNDS = 10_000


def respondent_weights(data: pd.DataFrame, weights: Any, rows: Any = None) -> np.ndarray:
    """Return one weight per row of the table: 1, its column, or the numbers given, none missing or negative.

    With `rows` (true or false) only these must have one and are returned; not all may be zero.

    Examples
    --------
    >>> respondent_weights(pd.DataFrame({"w": [2, 1]}), "w").tolist()
    [2.0, 1.0]
    """
    chosen = np.ones(len(data), bool) if rows is None else np.asarray(rows, bool)
    if weights is None:
        return np.ones(int(chosen.sum()))
    name = weights if isinstance(weights, str) else "weights"
    if isinstance(weights, str):
        require_columns(data.columns, [weights])
        weights = data[weights]
    found = floats(aligned(weights, name, data.index), name)
    if found.shape != (len(data),):
        raise ValueError(f"{name} need one number per row: {len(data)} rows, shape {found.shape} given.")
    wrong = chosen & ~(np.isfinite(found) & (found >= 0))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(
            f"{int(wrong.sum())} of {len(data)} weights are missing, infinite or negative; the first is "
            f"{found[row]:g} in row {data.index[row]!r}. Somebody who does not count has the weight 0."
        )
    if not found[chosen].any():
        raise ValueError(f"All {name} are 0: then nobody counts.")
    return found[chosen]


def effective_number(weights: Any) -> float:
    """Return how many answers of equal weight would be as sure: (Σw)² / Σw².

    Examples
    --------
    >>> effective_number([1, 1, 1, 1]), round(effective_number([3, 1]), 2)
    (4.0, 1.6)
    """
    w = floats(weights, "weights")
    w = w / w.max()  # so that the squares of very large or small ones are numbers too
    return float(w.sum() ** 2 / (w**2).sum())


def population_shares(table: pd.DataFrame, margins: Margins) -> dict[Any, tuple[np.ndarray, pd.Series]]:
    """Return of each margin the place of every row among its categories, and these with their shares.

    Raises
    ------
    ValueError
        A margin that is no column (or tuple of columns), a category that nobody answered from, one that the
        population does not have, missing values, or shares that are none.
    """
    if not isinstance(margins, Mapping) or not margins:
        raise ValueError(
            "margins name columns and give their shares: {'region': {'north': .4, 'south': .6}}."
        )
    return {name: _one_margin(table, name, margins[name]) for name in margins}


def _one_margin(table: pd.DataFrame, name: Hashable, given: Any) -> tuple[np.ndarray, pd.Series]:
    columns: list[Any] = list(name) if isinstance(name, tuple) else [name]
    require_columns(table.columns, columns)
    named = " × ".join(map(repr, columns))
    missing = table[columns].isna().any(axis=1)
    if missing.any():
        raise ValueError(
            f"{missing.sum()} of {len(table)} rows have no {named}; the first is row "
            f"{table.index[missing][0]!r}. Make it a category of its own, known of the population too, or "
            "leave these rows out and say so."
        )
    shares = pd.Series(given, dtype=object)
    if not isinstance(shares.index, pd.MultiIndex):
        shares.index = shares.index.astype(object)  # categories that are counted are an index of categories
    values = floats(shares.to_list(), f"the margin {named}")
    if not (np.isfinite(values) & (values >= 0)).all() or values.sum() == 0 or shares.index.has_duplicates:
        raise ValueError(f"The margin {named} has each category once, its share or number at least 0.")
    # shares that were meant to add up to 1; rounded ones may miss it by a little, and any scale will do
    if values.max() < 1 and 0.5 < values.sum() < 1.5 and abs(values.sum() - 1) > 0.002:
        raise ValueError(
            f"The shares of the margin {named} add up to {values.sum():.4g}, and must to 1: is a category "
            "missing? (Numbers of people may add up to anything.)"
        )
    population = pd.Series(values / values.sum(), shares.index)
    population = population[population > 0]
    if len(columns) == 1:
        met = pd.Index(table[columns[0]].astype(object))
    else:
        met = pd.MultiIndex.from_frame(table[columns].astype(object))
    place = population.index.get_indexer(met)
    if (place < 0).any():
        stranger = met[int(np.argmin(place))]
        raise ValueError(
            f"{(place < 0).sum()} of {len(table)} rows have a {named} that the population does not have; the "
            f"first is {stranger!r}. Its categories: {', '.join(map(repr, population.index[:12]))}."
        )
    empty = np.bincount(place, minlength=len(population)) == 0
    if empty.any():
        raise ValueError(
            f"Nobody in the table has {named} = {population.index[empty][0]!r}, "
            f"{population[empty].iloc[0]:.1%} of the population: no weight can let others speak for them. "
            "Merge the category with one that is like it, or say that the result does not cover it."
        )
    return place, population


def rake(table: pd.DataFrame, margins: Margins, weights: Any = None) -> pd.Series:
    """Return weights that meet every margin, see :func:`crmlab.survey.rake`."""
    start = respondent_weights(table, weights)
    everybody = population_shares(table, margins)
    # who is alike in all margins keeps the same factor: weights are found for these cells
    cell = np.zeros(len(table), int)
    for place, population in everybody.values():
        cell = pd.factorize(cell * len(population) + place)[0]
    held_first = np.bincount(cell, start)
    one_of = np.zeros(len(held_first), int)
    one_of[cell] = np.arange(len(table))
    parts = {name: (place[one_of], population) for name, (place, population) in everybody.items()}
    w = held_first / held_first.sum()
    for _ in range(_ROUNDS if len(parts) > 1 else 1):
        before = w
        for name, (place, population) in parts.items():
            held = np.bincount(place, w, len(population))
            if (held == 0).any():
                lost = population.index[held == 0][0]
                raise ValueError(
                    f"Everybody with {name!r} = {lost!r} has the weight 0: nobody speaks for them."
                )
            w = w * (population.to_numpy() / held)[place]
        off = {
            name: np.abs(np.bincount(place, w, len(population)) - population).max()
            for name, (place, population) in parts.items()
        }
        if max(off.values()) < _CLOSE:
            break
        if np.abs(w - before).max() < 1e-16:
            break
    if max(off.values()) > 1e-9:
        name = max(off, key=lambda one: off[one])
        raise ValueError(
            f"No weights meet all margins: {name!r} stays off by {off[name]:.2g} of the population. Some "
            "combination of categories has too few respondents, or the margins contradict one another: merge "
            "categories, or rake on fewer columns."
        )
    factor = np.divide(w, held_first, out=np.zeros_like(w), where=held_first > 0)
    w = start * factor[cell]
    return pd.Series(w * len(table), table.index, name="weight")


def refuse_explosion(table: pd.DataFrame, margins: Margins, weights: np.ndarray, largest: float) -> None:
    """Raise ValueError if one weight is over `largest` times their mean, and say which margin does it."""
    if weights.max() <= largest * weights.mean():
        return
    row = int(np.argmax(weights))
    factor = {}
    for name, (place, population) in population_shares(table, margins).items():
        here = place[row]
        factor[name, population.index[here]] = population.iloc[here] / (place == here).mean()
    (name, category), times = max(factor.items(), key=lambda item: item[1])
    raise ValueError(
        f"One answer would count {weights.max() / weights.mean():.0f} times as much as the average one (row "
        f"{table.index[row]!r}): {name!r} = {category!r} has {times:.3g} times the share in the population "
        "that it has among the answers. Merge that category, or allow it with `largest`."
    )
