"""Key accounts: who earns and who costs money, how much hangs on how few, whom to look after first."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter
from numpy.typing import ArrayLike

from crmlab import plot
from crmlab._tables import (
    extended,
    number_columns,
    numbers,
    per_customer,
    refuse,
    require_columns,
    whole_number,
)
from crmlab.value.rfm import tied_share

CELLS = {"strategic": (1, 1), "star": (1, 0), "status": (0, 1), "streamline": (0, 0)}
"""A cell's name: whether attractiveness and whether strength is above the median."""


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


def concentration(revenue: ArrayLike) -> pd.Series:
    """Return how far revenue hangs on few customers.

    Parameters
    ----------
    revenue : sequence of float, one per customer
        Not negative, and not all 0.

    Returns
    -------
    Series
        ``largest``, ``top_5`` and ``top_10``: the share of the largest one, five and ten customers;
        ``herfindahl``: the sum of the squared shares, from 1/n to 1; ``equivalent_customers``: 1/herfindahl,
        the number of customers of equal size that would be as concentrated.

    Raises
    ------
    ValueError
        If there is no customer, a value is missing, infinite or negative, or all are 0.

    References
    ----------
    Hirschman, A. O. (1964). The paternity of an index. American Economic Review 54(5), 761–762.
    Adelman, M. A. (1969). Comment on the "H" concentration measure as a numbers-equivalent. Review of
    Economics and Statistics 51(1), 99–101. https://doi.org/10.2307/1926955

    Examples
    --------
    >>> concentration([60, 20, 20]).round(2).to_dict()
    {'largest': 0.6, 'top_5': 1.0, 'top_10': 1.0, 'herfindahl': 0.44, 'equivalent_customers': 2.27}
    """
    amounts = numbers(revenue, "revenue")
    refuse(amounts.to_frame("revenue"), (amounts < 0).to_numpy(), "a negative revenue, which has no share")
    if amounts.max() == 0:
        raise ValueError("All revenues are 0: there is no total to have a share of.")
    shares = np.sort(amounts / amounts.max())[::-1]
    shares = shares / shares.sum()
    tops = {name: shares[:top].sum() for name, top in {"largest": 1, "top_5": 5, "top_10": 10}.items()}
    herfindahl = (shares**2).sum()
    return pd.Series(tops | {"herfindahl": herfindahl, "equivalent_customers": 1 / herfindahl})


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


def portfolio(table: Any, attractiveness: str, strength: str) -> pd.DataFrame:
    """Sort accounts into the four cells of a portfolio matrix.

    Parameters
    ----------
    table : table
        One row per customer, of any engine.
    attractiveness : str
        Column with what the account could be worth (size, growth, wallet).
    strength : str
        Column with how strong we are there (share of wallet, satisfaction, years).

    Returns
    -------
    DataFrame
        The table with ``cell``: "strategic" (both above the median; where more than half of the accounts
        share the highest value, with it), "star" (attractive, and we are weak: to
        win), "status" (we are strong, and there is little to win: to keep cheaply), "streamline" (neither).

    Raises
    ------
    ValueError
        If a column is not there, has missing or infinite values, or is the same for everybody: there is
        then no higher half.

    References
    ----------
    Fiocca, R. (1982). Account portfolio analysis for strategy development. Industrial Marketing Management
    11(1), 53–62. https://doi.org/10.1016/0019-8501(82)90034-7. The names of the cells are from Woodburn, D. &
    McDonald, M. (2011). Key Account Management, 3rd ed. Wiley.

    Examples
    --------
    >>> accounts = pd.DataFrame({"wallet": [90, 10, 80, 20], "share": [0.9, 0.8, 0.1, 0.2]})
    >>> portfolio(accounts, "wallet", "share")["cell"].tolist()
    ['strategic', 'status', 'star', 'streamline']
    """
    table, high = per_customer(table), []
    for name in (attractiveness, strength):
        [values] = number_columns(table, name)
        if values.min() == values.max():
            raise ValueError(f"{name!r} is {values.iloc[0]} for every account: there is no higher half.")
        middle = values.median()
        high.append(values >= middle if middle == values.max() else values > middle)
    cells = [(high[0] == one) & (high[1] == other) for one, other in CELLS.values()]
    return extended(table, cell=np.select(cells, list(CELLS), ""))


def plot_portfolio(
    table: Any, attractiveness: str, strength: str, size: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the portfolio matrix: an account is a point, the lines are the medians.

    Parameters
    ----------
    table, attractiveness, strength
        As for :func:`portfolio`.
    size : str, optional
        Column that gives the points their size, such as revenue.
    ax : Axes, optional

    Returns
    -------
    Axes

    Examples
    --------
    >>> accounts = pd.DataFrame({"wallet": [90, 10, 80, 20], "share": [0.9, 0.8, 0.1, 0.2]})
    >>> plot_portfolio(accounts, "wallet", "share").get_xlabel()
    'share'
    """
    table = per_customer(table)
    require_columns(table.columns, columns := [attractiveness, strength, *([] if size is None else [size])])
    shown = portfolio(table[[*dict.fromkeys(columns)]], attractiveness, strength)
    counts = shown["cell"].value_counts()
    names = {cell: f"{plot.label(cell)} ({counts.get(cell, 0):,})" for cell in CELLS}
    ax = plot.axes(ax, figsize=(6.5, 4.5))
    points = {"x": strength, "y": attractiveness, "size": size, "sizes": (15, 300)}
    keys = {"hue": shown["cell"].map(names), "hue_order": list(names.values()), "palette": plot.PALETTE[:4]}
    shapes = {"style": keys["hue"], "style_order": keys["hue_order"], "markers": plot.MARKERS[:4]}
    sns.scatterplot(shown, legend="brief", ax=ax, **keys, **shapes, **points)
    ax.axvline(table[strength].median(), color=plot.INK, lw=1)
    ax.axhline(table[attractiveness].median(), color=plot.INK, lw=1)
    sns.move_legend(ax, "center left", bbox_to_anchor=(1, 0.5), frameon=False, title="")
    return plot.annotate(ax, "Where to invest, where to hold, where to save", strength, attractiveness)
