"""One look for every figure."""

from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from cycler import cycler
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.category import StrCategoryLocator
from matplotlib.collections import LineCollection, PathCollection, PolyCollection, QuadMesh
from matplotlib.colors import to_rgb
from matplotlib.container import BarContainer
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Polygon
from matplotlib.ticker import FixedLocator

# Every two of these are apart by 13 in CIEDE2000 for usual, protan and deutan eyes, and each stands out from
# white by 3 : 1 at least: tests/test_plot.py measures it.
PALETTE = ["#3886b1", "#ca2444", "#4d9d75", "#6f3db1", "#81627c", "#bd7c00"]
INK, QUIET = "#22313f", "#899198"
ACTUAL, MODEL = INK, PALETTE[1]
LINES = ["-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)), (0, (2, 1))]
MARKERS = ["o", "s", "^", "D", "X", "v"]
HATCHES = ["", "///", "...", "xxx", "\\\\\\", "++"]
"""Colour is never the only key: the colours of PALETTE go with these, in this order."""

CHINESE = "crmlab Sans SC"
"""The face of Chinese characters: those of GB 2312, from crmlab/fonts."""


def style() -> None:
    """Set the course's figure style for the session: fonts, colours with their lines, sizes.

    In a notebook, figures carry an alternative text from now on (:func:`alternative`).

    Examples
    --------
    >>> style()
    >>> plt.rcParams["font.family"]
    ['DejaVu Sans', 'crmlab Sans SC']
    """
    if CHINESE not in font_manager.get_font_names():
        font_manager.fontManager.addfont(Path(__file__).parent / "fonts" / "crmlab-sans-sc.otf")
        faces = font_manager.fontManager.ttflist
        faces.append(replace(faces[-1], weight=700))  # in bold titles too, without a complaint on stderr
    sns.set_theme(
        style="whitegrid",
        font=["DejaVu Sans", CHINESE],  # named, for the theme's own list begins with Arial
        rc={
            "font.sans-serif": ["DejaVu Sans", CHINESE],  # networkx asks for no more than "sans-serif"
            "axes.prop_cycle": cycler(color=PALETTE, linestyle=LINES),
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
    from IPython import get_ipython

    if shell := get_ipython():
        formatter = shell.display_formatter.mimebundle_formatter
        formatter.for_type(Figure, lambda figure: ({}, {"image/png": {"alt": alternative(figure)}}))


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


def legend_beside(ax: Axes) -> None:
    """Put the legend to the right of the axes, where it covers no data.

    Examples
    --------
    >>> ax = axes()
    >>> _ = ax.plot([1, 2], label=label("sales"))
    >>> legend_beside(ax)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['sales']
    """
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))


def contrast(colour: Any, background: Any = "white") -> float:
    """Return the contrast of two colours, from 1 (equal) to 21 (black on white).

    Text wants 4.5 at least, and whatever else carries meaning 3 (Web Content Accessibility Guidelines 2.2,
    1.4.3 and 1.4.11).

    Examples
    --------
    >>> round(contrast("black"), 1)
    21.0
    """
    one, other = (
        float(
            np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]
        )
        for rgb in (np.array(to_rgb(colour)), np.array(to_rgb(background)))
    )
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


def text_on(background: Any) -> str:
    """Return black or white, whichever is read better on this background: 4.5 : 1 at the least.

    Examples
    --------
    >>> text_on("white"), text_on(INK)
    ('black', 'white')
    """
    return max("black", "white", key=lambda colour: contrast(colour, background))


def heatmap(table: pd.DataFrame, ax: Axes, **options: Any) -> Axes:
    """Draw the table as seaborn's heat map, its numbers in black or white by contrast with the cell.

    Examples
    --------
    >>> heatmap(pd.DataFrame([[0, 1]]), axes(), annot=True).texts[0].get_text()
    '0'
    """
    sns.heatmap(table, ax=ax, **options)
    mesh = ax.collections[0]
    mesh.update_scalarmappable()
    colours = np.asarray(mesh.get_facecolor()).reshape(*table.shape, 4)
    for text in ax.texts:
        column, row = text.get_position()
        text.set_color(text_on(colours[int(row), int(column)]))
    return ax


def hatch(ax: Axes) -> Axes:
    """Give each series of bars a hatch of its own beside its colour, in the legend as well.

    Examples
    --------
    >>> ax = pd.DataFrame({"actual": [3, 2], "expected": [2, 3]}).plot.bar()
    >>> hatch(ax).containers[1][0].get_hatch()
    '///'
    """
    for bars, pattern in zip(ax.containers, cycle(HATCHES), strict=False):
        plt.setp(bars.get_children(), hatch=pattern, edgecolor="white")
    if ax.get_legend():
        ax.legend()
    return ax


def describe(ax: Axes, text: str) -> Axes:
    """Give the figure of these axes an alternative text, in place of the one that is made for it.

    Examples
    --------
    >>> alternative(describe(axes(), "Orders double within a year.").figure)
    'Orders double within a year.'
    """
    ax.figure.set_label(label(text))
    return ax


def alternative(figure: Figure) -> str:
    """Return what a figure says to who cannot see it: the sentence it was given, or its parts in words.

    The parts are the kind of each chart, title, labels of the axes, bars by name, the ends of each line, the
    number of points, what is written inside, and the legend.

    Examples
    --------
    >>> ax = annotate(axes(), "Orders", "week", "orders")
    >>> _ = ax.plot([1, 2, 3], [4, 5, 9], label="first year")
    >>> alternative(ax.figure)
    'Lines: Orders. Horizontal: week. Vertical: orders. first year: from 4 to 9.'
    """
    charts = [_in_words(ax) for ax in figure.axes if ax.get_label() != "<colorbar>"]
    return str(figure.get_label()) or " ".join(charts)


def _in_words(ax: Axes) -> str:
    kinds: list[str] = []
    told: list[tuple[str, str]] = []
    for bars in ax.containers:
        if isinstance(bars, BarContainer):
            kinds.append("bars")
            told.append((_name(bars), _bars(bars, ax)))
    for line in ax.lines:
        heights = np.asarray(line.get_ydata(orig=False), float)
        heights = heights[np.isfinite(heights)]
        if line.get_linestyle() == "None":
            kinds.append("points")
        elif len(heights) > 2:
            kinds.append("lines")
            ends = f"{label('from')} {_number(heights[0])} {label('to')} {_number(heights[-1])}"
            told.append((_name(line) or label("line"), ends))
    for drawn in [*ax.collections, *ax.images]:
        if isinstance(drawn, (AxesImage, QuadMesh)):
            kinds.append("heat map")
            values: Any = np.ma.masked_invalid(np.ma.asarray(drawn.get_array()))
            ends = f"{label('from')} {_number(values.min())} {label('to')} {_number(values.max())}"
            told.append((label("values"), ends))
        elif isinstance(drawn, PathCollection):
            kinds.append("points")
            told.append((_name(drawn), f"{len(np.asarray(drawn.get_offsets())):,} {label('points')}"))
        elif isinstance(drawn, ContourSet):
            kinds.append("contours")
        elif isinstance(drawn, LineCollection):
            kinds.append("lines")
        elif isinstance(drawn, PolyCollection):
            kinds.append("areas")
    if any(isinstance(patch, Polygon) for patch in ax.patches):
        kinds.append("outlines")
    texts = [" ".join(text.get_text().split()) for text in ax.texts if text.get_text()]
    horizontal, vertical = (
        [" ".join(axis.get_label_text().split()), "" if "bars" in kinds else ", ".join(_names(axis))]
        for axis in (ax.xaxis, ax.yaxis)
    )
    legend = ax.get_legend()
    entries = [text.get_text() for text in legend.get_texts()] if legend else []
    named = {name for name, _ in told}
    kind = ", ".join(label(kind) for kind in dict.fromkeys(kinds)) or label("drawing")
    title = " ".join((ax.get_title(loc="left") or ax.get_title()).split())
    parts = [
        ("", [": ".join(filter(None, [kind.capitalize(), title]))]),
        (label("Horizontal"), [": ".join(filter(None, horizontal))]),
        (label("Vertical"), [": ".join(filter(None, vertical))]),
        *((name, [words]) for name, words in told[:12]),
        (label("Written inside"), texts if len(texts) <= 40 else []),
        (label("Legend"), [entry for entry in entries if entry not in named]),
    ]
    written = [(name, ", ".join(filter(None, words))) for name, words in parts]
    sentences = [": ".join(filter(None, [name, words])) for name, words in written if words]
    return " ".join(text if text[-1] in ".?!" else f"{text}." for text in sentences)


def _name(artist: Any) -> str:
    """Return the name that the artist has in a legend, or nothing."""
    return "" if artist.get_label().startswith("_") else artist.get_label()


def _names(axis: Any) -> list[str]:
    """Return the names at the ticks of an axis, if they are names and at most a dozen."""
    if not isinstance(axis.get_major_locator(), (FixedLocator, StrCategoryLocator)):
        return []
    names = [" ".join(tick.get_text().split()) for tick in axis.get_ticklabels() if tick.get_text()]
    return names if len(names) <= 12 else []


def _bars(bars: BarContainer, ax: Axes) -> str:
    upright, lengths = bars.orientation == "vertical", np.asarray(bars.datavalues, float)
    names = _names(ax.xaxis if upright else ax.yaxis)
    if len(names) == len(lengths):
        return "; ".join(f"{name}: {_number(length)}" for name, length in zip(names, lengths, strict=True))
    longest = int(np.nanargmax(lengths))
    box = bars.patches[longest].get_bbox()
    place = _number((box.x0 + box.x1) / 2 if upright else (box.y0 + box.y1) / 2)
    return (
        f"{len(lengths)} {label('bars')}, {label('the longest')} {_number(lengths[longest])} "
        f"{label('at')} {place}"
    )


def _number(value: float) -> str:
    """Write three digits: so many are the same on every machine."""
    return f"{float(f'{round(float(value), 9):.3g}'):,.10g}"
