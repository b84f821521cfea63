"""The importance–performance map: what matters, beside how well it is done."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from crmlab import plot
from crmlab._arguments import floats, level
from crmlab._tables import as_pandas, drawn_table
from crmlab.survey._scores import Scale
from crmlab.survey.satisfaction import satisfaction_index


def importance_performance(
    data: Any, importance: Any, scale: Scale, weights: Any = None, alpha: float = 0.05
) -> pd.DataFrame:
    """Return how important each attribute is, how well it does, and in which quarter of the map it lies.

    Parameters
    ----------
    data : table
        One row per respondent, of any engine, with a column for each attribute.
    importance : Series, dict or DataFrame
        An importance of at least 0 for each attribute, or that with the ends of its interval in two further
        columns: ``drivers(…)[["lmg", "lmg_low", "lmg_high"]]``.
    scale : (low, high)
        The lowest and the highest answer to the attributes.
    weights, alpha
        As for :func:`top_box`.

    Returns
    -------
    DataFrame
        Index ``predictor``: ``importance`` (with ``importance_low``, ``importance_high`` where given),
        ``performance`` (mean answer from 0, the lowest, to 100, the highest), ``performance_low``,
        ``performance_high`` (as of :func:`satisfaction_index`) and ``quarter``: "concentrate here"
        (important, and worse than the mean attribute), "keep it up", "low priority", "possible overkill".

    Raises
    ------
    ValueError
        As :func:`top_box`; importances that are negative or missing, fewer than two attributes.

    Notes
    -----
    The lines are the means of the attributes: something is always to be done, however good all are. An
    attribute whose interval crosses a line may belong on the other side of it.

    References
    ----------
    Martilla, J. A. & James, J. C. (1977). Importance–performance analysis. Journal of Marketing 41(1), 77–79.
    https://doi.org/10.1177/002224297704100112

    Examples
    --------
    >>> answers = pd.DataFrame({"taste": [5, 4, 4, 3], "price": [2, 1, 3, 2]})
    >>> found = importance_performance(answers, pd.Series({"taste": 0.1, "price": 0.3}), (1, 5))
    >>> found[["performance", "quarter"]]
               performance            quarter
    predictor
    taste             75.0  possible overkill
    price             25.0   concentrate here
    """
    level(alpha)
    given = pd.Series(importance) if isinstance(importance, Mapping) else importance
    given = given.to_frame() if isinstance(given, pd.Series) else given
    what = "importance has a number of at least 0, or it and its ends around it, for two attributes or more."
    if not isinstance(given, pd.DataFrame) or given.shape[1] not in (1, 3) or len(given) < 2:
        raise ValueError(what)
    size = np.column_stack([floats(column, "importance") for _, column in given.items()])
    apart = (size[:, :1] < size[:, 1:2]).any() or (size[:, :1] > size[:, 2:]).any()
    if apart or given.index.has_duplicates or not (np.isfinite(size) & (size >= 0)).all():
        raise ValueError(what)
    found = pd.DataFrame(
        size, given.index, ["importance", "importance_low", "importance_high"][: size.shape[1]]
    )
    found, table = found.rename_axis("predictor"), as_pandas(data)
    each = [satisfaction_index(table, [name], scale, weights=weights, alpha=alpha) for name in found.index]
    numbers = pd.concat(each)[["index", "low", "high"]].to_numpy()
    found[["performance", "performance_low", "performance_high"]] = numbers
    on_line = 1 - 1e-12  # equal ones are as large as their mean, but for rounding
    means = found[["importance", "performance"]].mean() * on_line
    important, good = (found[name] >= means[name] for name in means.index)
    cases = {"keep it up": important & good, "concentrate here": important, "possible overkill": good}
    return found.assign(quarter=np.select(list(cases.values()), list(cases), "low priority"))


def plot_importance_performance(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the table of :func:`importance_performance`: a point for each attribute, lines at their means.

    Parameters
    ----------
    table : DataFrame
    ax : Axes, optional

    Returns
    -------
    Axes

    Examples
    --------
    >>> answers = pd.DataFrame({"taste": [5, 4, 4, 3], "price": [2, 1, 3, 2]})
    >>> table = importance_performance(answers, pd.Series({"taste": 0.1, "price": 0.3}), (1, 5))
    >>> plot_importance_performance(table).get_ylabel()
    'performance (0 worst, 100 best)'
    """
    drawn_table(table, ("importance", "performance", "quarter"), "importance_performance(…)")
    ax = plot.axes(ax, figsize=(7, 5))
    x, y = table["importance"], table["performance"]
    ax.vlines(x, table["performance_low"], table["performance_high"], color=plot.QUIET, lw=1.5)
    if "importance_low" in table:
        ax.hlines(y, table["importance_low"], table["importance_high"], color=plot.QUIET, lw=1.5)
    ax.plot(x, y, "o", color=plot.MODEL, ms=9)
    ax.axvline(x.mean(), color=plot.INK, lw=1, ls="--")
    ax.axhline(y.mean(), color=plot.INK, lw=1, ls="--")
    ax.margins(0.1, 0.2)
    back = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.5}
    for name, across, up in zip(table.index, x, y, strict=True):
        ax.annotate(plot.label(str(name)), (across, up), (7, 6), textcoords="offset points", bbox=back)
    corners = ["low priority", "concentrate here", "possible overkill", "keep it up"]
    for place, name in enumerate(corners):
        side, end = ("left", "right")[place % 2], ("bottom", "top")[place // 2]
        across, up = 0.01 + 0.98 * (place % 2), 0.01 + 0.98 * (place // 2)
        ax.text(across, up, plot.label(name), style="italic", transform=ax.transAxes, ha=side, va=end)
    return plot.annotate(ax, "Importance and performance", "importance", "performance (0 worst, 100 best)")
