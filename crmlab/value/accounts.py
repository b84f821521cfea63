"""Key accounts: who earns and who costs money, and whom to look after first."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter
from numpy.typing import ArrayLike

from crmlab import plot
from crmlab._tables import (
    extended,
    number_columns,
    numbers,
    per_customer,
    whole_number,
)
from crmlab.value.rfm import tied_share


def whale_curve(contribution: ArrayLike) -> pd.DataFrame:
    """Return the profitability curve: what the best customers together leave, one after the other.

    Parameters
    ----------
    contribution : sequence of float, one per customer
        What each leaves after all that is spent on them. Negative for customers who lose money.

    Returns
    -------
    DataFrame
        Index ``customers``, from 0 to all, best first; columns ``share_of_customers``, ``contribution`` (of
        the customer who is added), ``cumulative`` (in the unit of `contribution`) and ``share_of_total``,
        which rises above 1 where customers lose money, and falls back to 1 at the end.

    Raises
    ------
    ValueError
        If there is no customer, a value is missing or infinite, or the total is not positive: nobody has a
        share of a loss.

    References
    ----------
    van Raaij, E. M. (2005). The strategic value of customer profitability analysis. Marketing Intelligence &
    Planning 23(4), 372–381. https://doi.org/10.1108/02634500510603474

    Examples
    --------
    >>> whale_curve([-20, 70, 50])
               share_of_customers  contribution  cumulative  share_of_total
    customers
    0                    0.000000           0.0         0.0             0.0
    1                    0.333333          70.0        70.0             0.7
    2                    0.666667          50.0       120.0             1.2
    3                    1.000000         -20.0       100.0             1.0
    """
    best_first = np.append(0.0, np.sort(numbers(contribution, "contribution"))[::-1])
    cumulative = np.cumsum(best_first)
    if not 0 < cumulative[-1] < np.inf:
        raise ValueError(
            f"The contributions add up to {cumulative[-1]:,.6g}, and nobody has a share of that: the curve "
            "needs a total above 0. Look at the contributions themselves."
        )
    return pd.DataFrame(
        {
            "share_of_customers": np.arange(len(best_first)) / (len(best_first) - 1),
            "contribution": best_first,
            "cumulative": cumulative,
            "share_of_total": cumulative / cumulative[-1],
        }
    ).rename_axis("customers")


def plot_whale(contribution: ArrayLike, ax: Axes | None = None) -> Axes:
    """Draw the profitability curve, its peak, and the customers who lose money.

    Parameters
    ----------
    contribution : sequence of float, one per customer
        As for :func:`whale_curve`.
    ax : Axes, optional

    Returns
    -------
    Axes

    Examples
    --------
    >>> plot_whale([-20, 70, 50]).get_ylabel()
    'share of the total contribution'
    """
    curve = whale_curve(contribution)
    ax = plot.axes(ax)
    share, total = curve["share_of_customers"], curve["share_of_total"]
    peak, earning = total.idxmax(), int((curve["contribution"] >= 0).sum()) - 1
    ax.plot(share, total, color=plot.PALETTE[0], lw=2)
    ax.axhline(1, color=plot.QUIET, lw=1)
    ax.plot(share[peak], total[peak], "o", color=plot.MODEL)
    best = f"{plot.label('peak')}: {total[peak]:.0%}, {share[peak]:.0%} {plot.label('of customers')}"
    ax.annotate(best, (share[peak], total[peak]), (-8, 8), textcoords="offset points", ha="right")
    if earning < curve.index[-1]:
        lose = f"{plot.label('lose money')}: {1 - share[earning]:.0%} {plot.label('of customers')}"
        ax.axvspan(share[earning], 1, color=plot.MODEL, alpha=0.12, lw=0)
        ax.axvline(share[earning], color=plot.MODEL, ls="--", lw=1.5, label=lose)
        ax.legend(loc="lower right")
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1.15 * total[peak])
    ax.xaxis.set_major_formatter(PercentFormatter(1))
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    title, x = "Who earns the money, and who costs it", "share of customers, best first"
    return plot.annotate(ax, title, x, "share of the total contribution")


def key_accounts(table: Any, weights: Mapping[str, float], count: int) -> pd.DataFrame:
    """Choose key accounts by a weighted score.

    Parameters
    ----------
    table : table
        One row per customer, of any engine.
    weights : mapping from column to weight
        The criteria, and how much each matters; negative where less is better (cost to serve).
    count : int
        How many key accounts there can be.

    Returns
    -------
    DataFrame
        The table with ``score``, from 0 to 1, and ``key``: whether the customer is among the best `count`.

    Raises
    ------
    ValueError
        If there is no criterion, a weight is 0, missing or infinite, a column is not there or holds a missing
        or infinite value, or there are fewer customers than `count`.

    Notes
    -----
    In each criterion a customer scores their place from 0 (worst) to 1 (best), equal values alike; the score
    is the mean of the places, weighted. Places know no money: the largest account is one place ahead of the
    second, however far that is behind. Customers who tie for the last place are left out together.

    Examples
    --------
    >>> accounts = pd.DataFrame({"margin": [900, 50, 400, 10], "cost": [30, 20, 300, 40]})
    >>> key_accounts(accounts, {"margin": 2, "cost": -1}, count=1).round(2)
       margin  cost  score    key
    0     900    30   0.79   True
    1      50    20   0.54  False
    2     400   300   0.46  False
    3      10    40   0.21  False
    """
    whole_number(count, "count", least=1)
    table = per_customer(table)
    columns = number_columns(table, *weights)
    weight = numbers(list(weights.values()), "weights") if weights else pd.Series(dtype=float)
    if not len(weight) or (weight == 0).any():
        raise ValueError(f"weights names the criteria, none with the weight 0; got {dict(weights)!r}.")
    if count > len(table):
        raise ValueError(f"{count} key accounts are to be chosen and there are {len(table)} customers.")
    places = [tied_share(np.sign(one) * values) for one, values in zip(weight, columns, strict=True)]
    score = pd.Series(np.average(places, axis=0, weights=weight.abs()), table.index)
    # equal scores may differ in their last digit
    return extended(table, score=score, key=score.round(12).rank(ascending=False, method="max") <= count)
