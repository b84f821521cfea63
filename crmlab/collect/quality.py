"""How good are clusters: pairs joined rightly, falsely or not at all, and what errors cost."""

from typing import Any

import numpy as np
import pandas as pd

from crmlab._arguments import number
from crmlab._tables import as_series


def pair_quality(
    clusters: Any, truth: Any, false_cost: float | None = None, missed_cost: float | None = None
) -> pd.Series:
    """Compare clusters with the truth, pair by pair of records.

    Parameters
    ----------
    clusters, truth : Series or mapping
        Index: record; values: the cluster, and who it really is. `truth` may have more records.
    false_cost, missed_cost : float, optional
        What each of the ``hidden_people`` costs, and each of the ``surplus_clusters``, in any unit.

    Returns
    -------
    Series
        ``precision`` (share of joined pairs that are right; missing if none is joined), ``recall`` (share of
        true pairs that are joined; missing if there is none), ``f1`` (their harmonic mean), the counts
        ``true_pairs``, ``joined_pairs``, ``false_pairs``, ``missed_pairs``, ``clusters``, ``customers``,
        ``hidden_people`` (a cluster with records of j people hides j − 1 of them), ``surplus_clusters`` (a
        customer with records in k clusters has k − 1 too many); with both costs ``cost``.

    Raises
    ------
    ValueError
        A record is there twice, has no truth or no cluster, or only one cost is given.

    Notes
    -----
    Pairs are counted, never listed: n records of one cluster make n(n − 1)/2. Costs are not those of pairs: a
    customer with four records, none joined, has six missed pairs, and gets three letters too many. There
    are ``customers`` + ``surplus_clusters`` − ``hidden_people`` clusters.

    Examples
    --------
    >>> found, truth = pd.Series([1, 1, 1, 4]), pd.Series(["Bo", "Bo", "Al", "Al"])
    >>> pair_quality(found, truth, false_cost=5, missed_cost=1)[["precision", "cost"]].round(3).tolist()
    [0.333, 6.0]
    """
    found, real = as_series(clusters), as_series(truth)
    for values, name in ((found, "clusters"), (real, "truth")):
        if values.index.has_duplicates:
            again = values.index[values.index.duplicated()][0]
            raise ValueError(f"The record {again!r} is in {name} twice.")
    who = real.reindex(found.index)
    if who.isna().any() or found.isna().any() or not len(found):
        bad = found.index[who.isna() | found.isna()]
        raise ValueError(
            f"{len(bad)} of {len(found)} records have no truth or no cluster"
            + (f"; the first is {bad[0]!r}." if len(bad) else ".")
        )
    if (false_cost is None) != (missed_cost is None):
        raise ValueError("Give both costs or none: false_cost and missed_cost.")
    one, other = pd.factorize(found)[0], pd.factorize(who)[0]
    met = np.unique(np.column_stack([one, other]), axis=0, return_counts=True)[1]  # records they share
    both, hidden, surplus = _pairs(met), len(met) - (one.max() + 1), len(met) - (other.max() + 1)
    joined, true = _pairs(np.bincount(one)), _pairs(np.bincount(other))
    values = {
        "precision": both / joined if joined else np.nan,
        "recall": both / true if true else np.nan,
        "f1": 2 * both / (joined + true) if joined + true else np.nan,
        "true_pairs": true, "joined_pairs": joined, "false_pairs": joined - both, "missed_pairs": true - both,
        "clusters": one.max() + 1, "customers": other.max() + 1,
        "hidden_people": hidden, "surplus_clusters": surplus,
    }  # fmt: skip
    if false_cost is not None and missed_cost is not None:
        costs = [
            number(cost, name, "a cost, not negative", 0)
            for cost, name in ((false_cost, "false_cost"), (missed_cost, "missed_cost"))
        ]
        values["cost"] = costs[0] * hidden + costs[1] * surplus
    return pd.Series(values, dtype=float, name="pair quality")


def _pairs(sizes: np.ndarray) -> int:
    return int((sizes.astype(np.int64) * (sizes - 1) // 2).sum())
