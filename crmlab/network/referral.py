"""Referral trees: who brought whom, and what those are worth who would not be there without him."""

from typing import Any

import numpy as np
import pandas as pd

from crmlab._arguments import floats
from crmlab._tables import as_pandas, refuse, require_columns


def referral_trees(
    referrals: Any,
    value: pd.Series | None = None,
    *,
    customer: str = "customer_id",
    referrer: str = "referrer_id",
) -> pd.DataFrame:
    """Follow who brought whom: each customer brought is a branch of the one who brought him.

    Parameters
    ----------
    referrals : table
        A row for each customer who was brought.
    value : Series of numbers, optional
        What each customer is worth, indexed by customer; one who is missing there is refused. Further ones
        are passed over.
    customer, referrer : str
        Columns: who was brought, and by whom.

    Returns
    -------
    DataFrame
        Indexed by customer, all who brought somebody or were brought: ``root``, with whom the tree begins;
        ``generation``, 0 for a root, 1 for whom it brought, and so on; ``brought``, how many one brought
        oneself; ``below``, how many stand in the tree below one, all generations. With `value` also
        ``own`` and ``below_value``, the sum over those below, in the unit of `value`.

    Raises
    ------
    ValueError
        No id, a customer brought twice or by himself, customers who brought one another in a ring, values
        missing or not finite.

    Examples
    --------
    Ann brought Ben and Cy, Ben brought Di:

    >>> told = pd.DataFrame({"customer_id": ["Ben", "Cy", "Di"], "referrer_id": ["Ann", "Ann", "Ben"]})
    >>> referral_trees(told, pd.Series({"Ann": 10, "Ben": 20, "Cy": 0, "Di": 70})).drop(columns="root")
                 generation  brought  below   own  below_value
    customer_id
    Ann                   0        2      3  10.0         90.0
    Ben                   1        1      1  20.0         70.0
    Cy                    1        0      0   0.0          0.0
    Di                    2        0      0  70.0          0.0
    """
    table = as_pandas(referrals)
    require_columns(table.columns, [customer, referrer])
    table = table[[customer, referrer]]
    refuse(table, table.isna().any(axis=1).to_numpy(), f"no {customer!r} or no {referrer!r}")
    refuse(table, table[customer].duplicated().to_numpy(), f"a {customer!r} that was brought before")
    names = pd.Index(pd.unique(pd.concat([table[customer], table[referrer]])), name=customer).sort_values()
    child, parent = names.get_indexer(table[customer]), names.get_indexer(table[referrer])
    refuse(table, child == parent, "somebody who brought himself")
    by = np.full(len(names), -1)
    by[child] = parent
    root, generation = np.arange(len(names)), np.zeros(len(names), int)
    while len(up := np.flatnonzero(by[root] >= 0)):
        root[up], generation[up] = by[root[up]], generation[up] + 1
        if generation.max() >= len(names):
            ring = names[np.argmax(generation)]
            raise ValueError(f"Customers brought one another in a ring; {ring} stands in it or below it.")
    found = pd.DataFrame({"root": names[root], "generation": generation}, index=names)
    found["brought"] = np.bincount(parent, minlength=len(names))
    found["below"] = _below(by, generation, np.ones(len(names))).astype(int)
    if value is not None:
        found["own"] = _values(value, names)
        found["below_value"] = _below(by, generation, found["own"].to_numpy())
    return found


def _values(value: Any, names: pd.Index) -> np.ndarray:
    """Return the value of each customer, or refuse."""
    if not isinstance(value, pd.Series) or value.index.has_duplicates:
        raise ValueError("value is a Series indexed by customer, each once.")
    own = floats(value, "value")[value.index.get_indexer(names)] if len(value) else np.zeros(0)
    lacking = ~names.isin(value.index)
    if lacking.any():
        raise ValueError(f"value lacks {lacking.sum()} customers, the first is {names[lacking][0]!r}.")
    if not np.isfinite(own).all():
        raise ValueError(f"value is not finite for {names[~np.isfinite(own)][0]!r}.")
    return own


def _below(by: np.ndarray, generation: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Return for each customer the sum of `own` over all below, from the last generation up."""
    total = np.zeros(len(by))
    for step in range(generation.max(initial=0), 0, -1):
        those = np.flatnonzero(generation == step)
        np.add.at(total, by[those], own[those] + total[those])
    return total
