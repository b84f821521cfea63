"""Value tiers, and how unequally value is spread: Lorenz curve and Gini coefficient."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter
from numpy.typing import ArrayLike

from crmlab import plot
from crmlab._tables import extended, number_columns, numbers, per_customer, whole_number
from crmlab.value.rfm import tied_share


def tiers(
    table: Any, contribution: str = "total_amount", volume: str = "orders", regular: int = 4
) -> pd.DataFrame:
    """Sort customers into tiers by how often they order, by what they are worth, and by their role.

    Parameters
    ----------
    table : table
        One row per customer, of any engine, as from :func:`crmlab.value.rfm`.
    contribution : str
        Column with what the customer leaves: total amount or, better, margin. It may be negative.
    volume : str
        Column with the number of orders: 1, 2, 3, …
    regular : int
        From how many orders on a customer is a regular one, at least 2.

    Returns
    -------
    DataFrame
        The table with three more columns:

        - ``occasion``: "one-off" (one order), "regular" (`regular` orders or more) or "occasional" (between);
        - ``value``: "high" (in the top fifth by contribution and by volume), "low" (in the lower half by
          contribution and by volume) or "medium" (the rest);
        - ``role``: "core" (in the top fifth by contribution), "potential" (in the top fifth by volume only:
          buys often and leaves little, room to grow) or "ordinary" (the rest).

    Raises
    ------
    ValueError
        If a column is not there, or one of the result is there already, a customer is there twice, a value is
        missing or infinite, a number of orders is not whole or below 1 (who has not ordered yet is no
        customer), or there is no customer.

    Notes
    -----
    Customers with equal values are always in the same tier: the block of ties lies where its middle lies,
    at the share (mean rank - 1/2) / n of the customers (the rule of :func:`crmlab.value.rfm_scores`). The top
    fifth is what lies above .8, the lower half what lies below .5. So a single customer, and customers who
    are all equal, are "medium" and "ordinary".

    Examples
    --------
    >>> table = pd.DataFrame({
    ...     "customer_id": [1, 2, 3, 4, 5],
    ...     "total_amount": [900.0, 60.0, 30.0, 20.0, 10.0],
    ...     "orders": [5, 9, 2, 1, 1],
    ... })
    >>> tiers(table).drop(columns="customer_id")
       total_amount  orders    occasion   value       role
    0         900.0       5     regular  medium       core
    1          60.0       9     regular  medium  potential
    2          30.0       2  occasional  medium   ordinary
    3          20.0       1     one-off     low   ordinary
    4          10.0       1     one-off     low   ordinary
    """
    whole_number(regular, "regular", least=2)
    table = per_customer(table)
    [left], [orders] = number_columns(table, contribution), number_columns(table, volume, whole_from=1)
    worth, often = tied_share(left), tied_share(orders)
    top, top_often = worth > 0.8, often > 0.8
    return extended(
        table,
        occasion=np.select([orders == 1, orders >= regular], ["one-off", "regular"], "occasional"),
        value=np.select([top & top_often, (worth < 0.5) & (often < 0.5)], ["high", "low"], "medium"),
        role=np.select([top, top_often], ["core", "potential"], "ordinary"),
    )


def lorenz(amount: ArrayLike) -> pd.DataFrame:
    """Return the Lorenz curve: the share of the amount that the lowest share of customers accounts for.

    Parameters
    ----------
    amount : sequence of float, one per customer
        Not negative, and not all 0.

    Returns
    -------
    DataFrame
        Columns ``share_of_customers`` and ``share_of_amount``, from (0, 0) to (1, 1), one row per customer in
        ascending order of amount after the first.

    Raises
    ------
    ValueError
        If there is no customer, an amount is negative, missing or infinite, or all are 0.

    References
    ----------
    Lorenz, M. O. (1905). Methods of measuring the concentration of wealth. Publications of the American
    Statistical Association 9(70), 209-219.

    Examples
    --------
    >>> lorenz([80, 5, 5, 5, 5])
       share_of_customers  share_of_amount
    0                 0.0             0.00
    1                 0.2             0.05
    2                 0.4             0.10
    3                 0.6             0.15
    4                 0.8             0.20
    5                 1.0             1.00
    """
    amounts = numbers(amount, "amount")
    negative = amounts[amounts < 0]
    if len(negative):
        raise ValueError(
            f"{len(negative)} of {len(amounts)} amounts are negative; the first is {negative.iloc[0]} in row "
            f"{negative.index[0]!r}. Shares of a total need amounts of at least 0: leave these customers "
            "out, or count them as 0, and say so."
        )
    if amounts.max() == 0:
        raise ValueError("All amounts are 0: there is no total to have a share of.")
    # divided first, so that large amounts do not overflow in the sum
    running = np.cumsum(np.sort(amounts / amounts.max()))
    return pd.DataFrame(
        {
            "share_of_customers": np.arange(len(amounts) + 1) / len(amounts),
            "share_of_amount": np.append(0.0, running / running[-1]),
        }
    )


def gini(amount: ArrayLike) -> float:
    """Return the Gini coefficient: twice the area between the Lorenz curve and the diagonal.

    Parameters
    ----------
    amount : sequence of float, one per customer
        Not negative, and not all 0.

    Returns
    -------
    float
        0 if all customers are equal (or there is only one), up to (n - 1) / n if one of n has everything.

    Raises
    ------
    ValueError
        As :func:`lorenz`.

    Examples
    --------
    >>> round(gini([80, 5, 5, 5, 5]), 3)
    0.6
    """
    curve = lorenz(amount)
    return 1 - 2 * float(np.trapezoid(curve["share_of_amount"], curve["share_of_customers"]))


def plot_lorenz(amount: ArrayLike, ax: Axes | None = None) -> Axes:
    """Draw the Lorenz curve, what the top fifth brings, and where the 80/20 rule would put it.

    Parameters
    ----------
    amount : sequence of float, one per customer
        Not negative, and not all 0.
    ax : Axes, optional

    Returns
    -------
    Axes

    Examples
    --------
    >>> plot_lorenz([80, 5, 5, 5, 5]).get_ylabel()
    'share of amount'
    """
    curve = lorenz(amount)
    x, y = curve["share_of_customers"], curve["share_of_amount"]
    share = 1 - float(np.interp(0.8, x, y))  # where .8 cuts through a customer, that part counts
    ax = plot.axes(ax, figsize=(6, 5))
    ax.fill_between(x, x, y, color=plot.PALETTE[0], alpha=0.12, linewidth=0)
    ax.plot([0, 1], [0, 1], color=plot.QUIET, ls="--", label=plot.label("all customers equal: Gini 0"))
    ax.plot(
        x,
        y,
        color=plot.PALETTE[0],
        linestyle="-",
        linewidth=2.5,
        label=plot.label("these customers: Gini") + f" {gini(amount):.2f}",
    )
    # what the top fifth brings is the way from the curve up to the whole
    ax.plot([0.8, 0.8], [1 - share, 1], color=plot.MODEL, linestyle=":")
    ax.plot(
        0.8,
        1 - share,
        "o",
        c=plot.MODEL,
        ms=9,
        label=plot.label("the top 20 % bring:") + f" {100 * share:.0f} %",
    )
    ax.plot(
        0.8, 0.2, "o", mfc="white", mec=plot.INK, mew=1.5, ms=9, label=plot.label("by the 80/20 rule: 80 %")
    )
    ax.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    ax.xaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
    ax.yaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
    ax.legend(loc="upper left", framealpha=1, edgecolor="white", borderaxespad=0.2)
    return plot.annotate(
        ax, "What do the best customers bring?", "share of customers, lowest first", "share of amount"
    )
