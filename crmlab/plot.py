"""One look for every figure."""

from typing import Any

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.axes import Axes

INK, ACTUAL, MODEL, QUIET = "#22313f", "#22313f", "#d1495b", "#b8c4cc"
PALETTE = ["#1f6f8b", "#d1495b", "#66a182", "#7d5ba6", "#8d99ae", "#edae49"]


def style() -> None:
    """Set the course's figure style for the session (seaborn theme, colours, sizes).

    Examples
    --------
    >>> style()
    """
    sns.set_theme(
        style="whitegrid",
        palette=PALETTE,
        rc={
            "figure.figsize": (7, 4),
            "figure.dpi": 96,
            "figure.constrained_layout.use": True,
            "date.converter": "concise",
            "axes.edgecolor": INK,
            "axes.labelcolor": INK,
            "axes.titlecolor": INK,
            "axes.titleweight": "bold",
            "axes.titlelocation": "left",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "grid.color": "#e8ecef",
            "text.color": INK,
            "xtick.color": INK,
            "ytick.color": INK,
        },
    )


def label(text: str) -> str:
    """Return the text to print inside a figure: the one door through which translations come.

    Examples
    --------
    >>> label("customers")
    'customers'
    """
    return text


def axes(ax: Axes | None = None, **kwargs: Any) -> Axes:
    """Return `ax`, or the axes of a new figure made with `kwargs`.

    Examples
    --------
    >>> axes().get_xlabel()
    ''
    """
    return plt.subplots(**kwargs)[1] if ax is None else ax


def annotate(ax: Axes, title: str, x: str, y: str) -> Axes:
    """Write title and axis labels through :func:`label` and return the axes.

    Examples
    --------
    >>> annotate(axes(), "Orders", "week", "orders").get_title(loc="left")
    'Orders'
    """
    ax.set_title(label(title), loc="left")
    ax.set_xlabel(label(x))
    ax.set_ylabel(label(y))
    return ax
