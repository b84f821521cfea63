"""What a ranking of customers is worth: money won and lost by acting on it, and its lift."""

from collections.abc import Mapping
from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from crmlab import plot
from crmlab._columns import aligned, labels, to_digits
from crmlab._tables import drawn_table, numbers, whole_number


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


def lift_table(actual: ArrayLike, predicted: ArrayLike, groups: int = 10) -> pd.DataFrame:
    """Return actual beside predicted in groups of customers, those predicted highest first.

    Parameters
    ----------
    actual, predicted : sequence of float
        One number per customer. Series and mappings meet by their labels, anything else in order.
    groups : int
        Number of groups, as equal in size as ties allow: equal predictions stay together.

    Returns
    -------
    DataFrame
        Index ``group`` (1 the best); columns ``customers``, ``predicted`` and ``actual`` (means: read down
        for calibration), ``lift`` (actual mean / mean of all) and ``cumulative_share`` (of the actual total
        that the groups up to this one hold).

    Raises
    ------
    ValueError
        Lengths or labels that differ, missing numbers, an actual total of 0 or below.

    Examples
    --------
    >>> lift_table([9, 1, 4, 2], [8.0, 1.0, 5.0, 2.0], groups=2)
           customers  predicted  actual   lift  cumulative_share
    group
    1              2        6.5     6.5  1.625            0.8125
    2              2        1.5     1.5  0.375            1.0000
    """
    y = numbers(actual, "actual")
    f = numbers(aligned(predicted, "predicted", labels(actual)), "predicted")
    whole_number(groups, "groups", least=2)
    if len(y) != len(f):
        raise ValueError(f"actual has {len(y)} numbers and predicted {len(f)}: one of each per customer.")
    if y.sum() <= 0:
        raise ValueError(
            f"The actual total is {y.sum():,.6g}: nobody has a share of that, and a lift would turn round. "
            "Compare the groups' means, or leave out the customers who lose money, and say so."
        )
    place = np.ceil(groups * (to_digits(-f).rank() - 0.5) / len(f)).astype(int).to_numpy()
    both = pd.DataFrame({"predicted": f.to_numpy(), "actual": y.to_numpy()})
    grouped = both.groupby(pd.Series(place, name="group"))
    table = grouped.mean()
    table.insert(0, "customers", grouped.size())
    table["lift"] = table["actual"] / y.mean()
    return table.assign(cumulative_share=(table["actual"] * table["customers"]).cumsum() / y.sum())


def plot_lift(tables: Mapping[str, pd.DataFrame], ax: Axes | None = None) -> Axes:
    """Draw what share of the actual total the best customers of each ranking hold.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        From :func:`lift_table`, by the name of the ranking.
    ax : Axes, optional

    Returns
    -------
    Axes

    Examples
    --------
    >>> plot_lift({"model": lift_table([9, 1, 4, 2], [8.0, 1.0, 5.0, 2.0], groups=2)}).get_ylabel()
    'share of the actual total'
    """
    for table in tables.values():
        drawn_table(table, ("customers", "cumulative_share"), "lift_table(actual, predicted)")
    ax = plot.axes(ax)
    ax.plot([0, 1], [0, 1], color=plot.QUIET, ls=":", lw=2, label=plot.label("random"))
    for (name, table), marker in zip(tables.items(), cycle(plot.MARKERS), strict=False):
        share = [0, *table["customers"].cumsum() / table["customers"].sum()]
        ax.plot(share, [0, *table["cumulative_share"]], marker=marker, ms=5, label=plot.label(name))
    ax.legend()
    return plot.annotate(
        ax, "How much do the best hold?", "share of customers, best first", "share of the actual total"
    )
