"""What a ranking of customers is worth: money won and lost by acting on it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from crmlab._columns import aligned, labels, to_digits
from crmlab._tables import numbers, whole_number


def ranking_score(worth: ArrayLike, rankings: Mapping[str, Any], count: int) -> pd.DataFrame:
    """Return what the customers at the top of each ranking are worth, between a random list and the oracle's.

    Parameters
    ----------
    worth : sequence of float
        What each customer was, or truly is, worth; it may be negative.
    rankings : mapping of str to sequence of float
        Under each name a number per customer; the highest come first. Series and mappings meet by their
        labels, the customers' ids; anything else is in the order of `worth`.
    count : int
        Places on the list: from 1 to all customers.

    Returns
    -------
    DataFrame
        Index ``ranking``: those given, then "random" and "oracle"; columns ``money`` (what the list is
        worth), ``score`` ((money − random) / (oracle − random): 1 for the oracle, 0 for a list drawn by lot,
        below 0 for worse) and ``lost`` (oracle less money). Where the last places fall among equal
        customers, they are drawn by lot, and their expected worth counts.

    Raises
    ------
    ValueError
        Lengths or labels that differ, missing numbers, a count that is none, a name "random" or "oracle".

    Examples
    --------
    >>> worth = [100, 0, 50, 10]
    >>> ranking_score(worth, {"last year": [80, 90, 20, 0], "all alike": [1, 1, 1, 1]}, count=2).round(2)
               money  score  lost
    ranking
    last year  100.0   0.29  50.0
    all alike   80.0   0.00  70.0
    random      80.0   0.00  70.0
    oracle     150.0   1.00   0.0
    """
    value = numbers(worth, "worth")
    whole_number(count, "count", least=1)
    if count > len(value):
        raise ValueError(f"count {count} is more than there are customers: {len(value)}.")
    taken = set(rankings) & {"random", "oracle"}
    if taken:
        raise ValueError(f"{taken.pop()!r} is in the table anyway: give your ranking another name.")
    money = {}
    for name, ranking in {**rankings, "oracle": value}.items():
        score = to_digits(numbers(aligned(ranking, f"Ranking {name!r}", labels(worth)), f"ranking {name!r}"))
        if len(score) != len(value):
            raise ValueError(f"Ranking {name!r} has {len(score)} numbers for {len(value)} customers.")
        last = np.partition(score.to_numpy(), -count)[-count]
        sure, tied = score.to_numpy() > last, score.to_numpy() == last
        places = count - sure.sum()
        money[name] = float(value[sure].sum() + places * value[tied].mean())
    oracle = money.pop("oracle")
    by_chance = count * float(value.mean())
    table = pd.DataFrame({"money": {**money, "random": by_chance, "oracle": oracle}}).rename_axis("ranking")
    gap = oracle - by_chance
    score = (table["money"] - by_chance) / gap if gap > 1e-12 * abs(oracle) else np.nan
    return table.assign(score=score, lost=oracle - table["money"])
