"""The pictures of a buy-till-you-die model. Each draws one of the tables of ``validation``."""

import pandas as pd
from matplotlib.axes import Axes

from crmlab import plot
from crmlab._tables import drawn_table


def plot_frequencies(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw customers by number of repeat purchases, actual beside expected.

    Parameters
    ----------
    table : DataFrame
        From :func:`crmlab.value.frequency_table`; further columns are drawn as further models.
    ax : Axes, optional

    Returns
    -------
    Axes

    Examples
    --------
    >>> from crmlab import datasets, value
    >>> summary = value.btyd_summary(datasets.load("cdnow_sample"), calibration_end="1997-09-30")
    >>> table = value.frequency_table(value.BetaGeoNBD(summary).fit())
    >>> value.plot_frequencies(table).get_ylabel()
    'customers'
    """
    table = drawn_table(table, ("actual", "expected"), "frequency_table(results)")
    ax = plot.axes(ax)
    names = {name: plot.label(name) for name in table.columns}
    colours = [plot.ACTUAL, plot.MODEL, *plot.PALETTE[2:]][: len(names)]
    plot.hatch(table.rename(columns=names).plot.bar(ax=ax, rot=0, width=0.8, color=colours))
    ax.grid(axis="x", visible=False)
    return plot.annotate(ax, "How often did customers come back?", "repeat purchases", "customers")


def plot_tracking(table: pd.DataFrame, cumulative: bool = True, ax: Axes | None = None) -> Axes:
    """Draw repeat purchases over time, actual and expected; the hold-out is shaded.

    Parameters
    ----------
    table : DataFrame
        From :func:`crmlab.value.tracking_table`.
    cumulative : bool
        The running total, or the purchases of each period.
    ax : Axes, optional

    Returns
    -------
    Axes

    Examples
    --------
    >>> from crmlab import datasets, value
    >>> log = datasets.load("cdnow_sample")
    >>> fit = value.BetaGeoNBD(value.btyd_summary(log, calibration_end="1997-09-30")).fit()
    >>> value.plot_tracking(value.tracking_table(fit, log, "1997-09-30")).get_xlabel()
    'period'
    """
    columns = "actual", "expected", "cumulative_actual", "cumulative_expected", "holdout"
    table = drawn_table(table, columns, "tracking_table(results, transactions, calibration_end)")
    ax = plot.axes(ax)
    head = "cumulative_" if cumulative else ""
    ax.plot(table.index, table[f"{head}actual"], color=plot.ACTUAL, label=plot.label("actual"))
    ax.plot(table.index, table[f"{head}expected"], color=plot.MODEL, ls="--", label=plot.label("expected"))
    if table["holdout"].any():
        begin = table.index[table["holdout"]][0] - 1
        ax.axvspan(begin, table.index[-1], color=plot.QUIET, alpha=0.2, lw=0)
        ax.axvline(begin, color=plot.INK, ls=":", label=plot.label("hold-out begins"))
    ax.margins(x=0)
    ax.set_ylim(bottom=0)
    ax.legend()
    title = "Repeat purchases so far" if cumulative else "Repeat purchases in each period"
    return plot.annotate(ax, title, "period", "repeat purchases")


def plot_holdout(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw mean purchases in the hold-out against purchases in calibration, actual and predicted.

    Parameters
    ----------
    table : DataFrame
        From :func:`crmlab.value.holdout_table`.
    ax : Axes, optional

    Returns
    -------
    Axes

    Examples
    --------
    >>> from crmlab import datasets, value
    >>> summary = value.btyd_summary(datasets.load("cdnow_sample"), calibration_end="1997-09-30")
    >>> table = value.holdout_table(value.BetaGeoNBD(summary).fit())
    >>> value.plot_holdout(table).get_xlabel()
    'repeat purchases in calibration'
    """
    table = drawn_table(table, ("actual", "predicted"), "holdout_table(results)")
    ax = plot.axes(ax)
    ax.plot(table.index.astype(str), table["actual"], "o-", color=plot.ACTUAL, label=plot.label("actual"))
    ax.plot(
        table.index.astype(str), table["predicted"], "s--", color=plot.MODEL, label=plot.label("predicted")
    )
    ax.set_ylim(bottom=0)
    ax.legend()
    x, y = "repeat purchases in calibration", "mean purchases in the hold-out"
    return plot.annotate(ax, "What came, and what was foretold", x, y)


def plot_matrix(matrix: pd.DataFrame, title: str, ax: Axes | None = None) -> Axes:
    """Draw a frequency × recency matrix as a heat map; the most recent buyers stand at the top.

    Parameters
    ----------
    matrix : DataFrame
        From :func:`crmlab.value.customer_matrix`.
    title : str
    ax : Axes, optional

    Returns
    -------
    Axes

    Examples
    --------
    >>> from crmlab import datasets, value
    >>> summary = value.btyd_summary(datasets.load("cdnow_sample"), calibration_end="1997-09-30")
    >>> matrix = value.customer_matrix(value.BetaGeoNBD(summary).fit(), T=39)
    >>> value.plot_matrix(matrix, "Still a customer?").get_title(loc="left")
    'Still a customer?'
    """
    matrix = drawn_table(matrix, (), "customer_matrix(results, T)")
    ax = plot.axes(ax)
    decimals = 0 if matrix.index.max() >= len(matrix) / 2 else 2
    shown = matrix.iloc[::-1].rename(index=lambda recency: f"{recency:.{decimals}f}")
    plot.heatmap(shown, ax, cmap="mako", vmin=0, cbar_kws={"pad": 0.02})
    ax.tick_params(axis="y", rotation=0)
    return plot.annotate(ax, title, "repeat purchases", "age at the last purchase")
