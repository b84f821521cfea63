"""Answers on a scale by group and with weights: what every measure of satisfaction begins with."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from crmlab._tables import refuse, require_columns, whole_number
from crmlab._weights import effective_number, respondent_weights
from crmlab.survey._answers import Scale, checked_scale

NPS_SCALE: Scale = (0, 10)


def among_top(values: np.ndarray, scale: Any, top: int) -> np.ndarray:
    """Return whether each answer is one of the highest `top` whole steps of the scale.

    Examples
    --------
    >>> among_top(np.array([5, 4, 3]), (1, 5), 2).tolist()
    [True, True, False]
    """
    low, high = checked_scale(scale)
    whole_number(top, "top", least=1)
    if top > high - low:
        raise ValueError(f"top={top} of the answers {low:g} to {high:g}: then everybody is satisfied.")
    return values > high - top


@dataclass
class Group:
    """The answers of one group: with their weights, and how many did not answer."""

    label: Any
    values: np.ndarray
    weights: np.ndarray
    missing: int

    @property
    def n(self) -> float:
        """How many answers of equal weight these are worth."""
        return effective_number(self.weights)

    def mean(self, values: Any = None) -> float:
        """Return the weighted mean of the answers, or of others in their place."""
        return float(np.average(self.values if values is None else values, weights=self.weights))


def groups(
    table: pd.DataFrame, values: np.ndarray, by: str | None = None, weights: Any = None
) -> Iterator[Group]:
    """Yield the answers of each group, in the order of the groups; of all if there is no `by`.

    A group in which nobody answered is refused: it would have no share.
    """
    answered = ~np.isnan(values)
    heavy = np.ones(len(values))
    if weights is not None:
        heavy[answered] = respondent_weights(table, weights, answered)
    if by is None:
        labels, places = ["all"], np.zeros(len(values), int)
    else:
        require_columns(table.columns, [by])
        refuse(table, table[by].isna().to_numpy(), f"no {by!r}")
        # only groups that are met: a category of the column that nobody belongs to is none
        places, found = pd.factorize(table[by], sort=True)
        labels = list(found)
    for place, label in enumerate(labels):
        here = places == place
        chosen = here & answered
        if not chosen.any() or heavy[chosen].sum() == 0:
            raise ValueError(
                f"In group {label!r} of {by!r} nobody answered (or nobody counts): leave it out, "
                f"table[table[{by!r}] != {label!r}], and say so."
            )
        yield Group(label, values[chosen], heavy[chosen], int((here & ~answered).sum()))


def table_of(rows: Sequence[dict[str, Any]], by: str | None) -> pd.DataFrame:
    """Return one row for each group, indexed by its label."""
    table = pd.DataFrame(rows).set_index("group")
    return table.rename_axis(by)
