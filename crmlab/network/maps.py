"""A map of stakeholders that a manager can read."""

from collections.abc import Hashable
from itertools import cycle
from typing import Any

import matplotlib.pyplot as plt
import networkx as nx
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from sklearn.isotonic import IsotonicRegression

from crmlab import plot
from crmlab._tables import unknown, whole_number
from crmlab.network.graph import in_order, network

ATTITUDES = "PuOr"  # from orange (bad) by white to purple (good): told apart by protan and deutan eyes
SIZES = {"X": 380, "^": 320, "v": 320}  # so that a number can be read inside
GAP = 0.115  # between two labels, in radii of the map, at one inch and a half a radius


def plot_map(
    graph: nx.Graph,
    us: Hashable,
    attitude: Any = None,
    value: str = "strength",
    name: str = "name",
    labels: int = 40,
    scale: tuple[float, float] = (1, 7),
    ax: Axes | None = None,
) -> Axes:
    """Draw a firm among its stakeholders: kinds by shape, value by width, attitude by colour and number.

    Parameters
    ----------
    graph : networkx graph
        As of :func:`stakeholder_graph`; nodes with ``kind``.
    us : id
        The actor in the middle.
    attitude : Series or mapping, optional
        How well each actor thinks of us; who has no number is drawn in white.
    value : str
        Attribute of the edges, added up over both directions: the width of the line to the middle.
    name : str
        Attribute of the nodes to write beside them; the id, where there is none.
    labels : int
        How many are named at most, the ones of highest value.
    scale : (float, float)
        The ends of the scale of attitude.
    ax : Axes, optional

    Returns
    -------
    Axes
        Actors stand on a circle by kind; thin lines are ties among them. Labels stand in two columns, one
        below the other, so that none lies on another.

    Raises
    ------
    ValueError
        If `us` is not among the actors, or is alone, an actor has no kind, or a value is missing or not
        above 0.

    Examples
    --------
    >>> graph = nx.Graph([("us", "garden", {"strength": 3}), ("us", "office", {"strength": 1})])
    >>> nx.set_node_attributes(graph, {"us": "firm", "garden": "supplier", "office": "government"}, "kind")
    >>> ax = plot_map(graph, "us", attitude={"garden": 6, "office": 3})
    >>> [text.get_text() for text in ax.texts]
    ['us', '6', 'garden', '3', 'office']
    """
    whole_number(labels, "labels", least=0)
    held = network(graph, value)
    if us not in graph:
        raise ValueError(unknown("actor", us, map(str, held.names[:40])))
    others = [one for one in held.names if one != us]
    if not others:
        raise ValueError(f"{us!r} is alone: a map needs a second actor.")
    kinds = {one: graph.nodes[one].get("kind") for one in others}
    if bad := [one for one in others if pd.isna(kinds[one])]:
        raise ValueError(f"{len(bad)} actors have no 'kind'; the first is {bad[0]!r}.")
    order = list(dict.fromkeys(graph.nodes[one]["kind"] for one in in_order(others)))
    others.sort(key=lambda one: order.index(kinds[one]))
    place = {one: number for number, one in enumerate(held.names)}
    passed = pd.Series(held.matrix[[place[us]]].toarray().ravel(), held.index)[others]
    felt = pd.Series(np.nan if attitude is None else attitude, others if attitude is None else None)
    felt = felt.reindex(others).astype(float)

    # clockwise from the top, with a gap between two kinds
    turn = np.arange(len(others)) + 0.6 * np.array([order.index(kinds[one]) for one in others]) + 0.5
    angle = 2 * np.pi * turn / (len(others) + 0.6 * len(order))
    at = pd.DataFrame({"x": np.sin(angle), "y": np.cos(angle)}, index=others)
    named = at.loc[passed.sort_values(ascending=False, kind="stable").index[:labels]]
    most = max((named["x"] >= 0).sum(), (named["x"] < 0).sum())
    height = max(1.15, GAP * most / 2)
    ax = plot.axes(ax, figsize=(9, 1.2 + 2.6 * height))
    for one, other in nx.Graph(graph).edges():
        if us not in (one, other):
            ax.plot(*at.loc[[one, other]].to_numpy().T, color=plot.QUIET, lw=0.5, ls="-", alpha=0.5, zorder=1)
    width = 0.6 + 7 * np.sqrt(passed / max(passed.max(), 1e-300))
    for one in others:
        if passed[one] > 0:
            ends = [0, at.loc[one, "x"]], [0, at.loc[one, "y"]]
            ax.plot(*ends, color=plot.PALETTE[0], lw=width[one], ls="-", alpha=0.7, zorder=2)
    colours = ScalarMappable(Normalize(*scale), plt.get_cmap(ATTITUDES))
    middle, box = plot.label(str(graph.nodes[us].get(name, us))), {"boxstyle": "round", "fc": plot.INK}
    ax.text(0, 0, middle, color="white", ha="center", va="center", fontsize=9, zorder=5, bbox=box)
    for kind, marker in zip(order, cycle(plot.MARKERS)):
        of_kind = [one for one in others if kinds[one] == kind]
        face: Any = [colours.to_rgba(one) if np.isfinite(one) else "white" for one in felt[of_kind]]
        x, y = at.loc[of_kind].to_numpy().T
        ax.scatter(
            x, y, s=SIZES.get(marker, 190), c=face, marker=marker, edgecolor=plot.INK, lw=1.2, zorder=4
        )
        ax.scatter([], [], s=80, c="white", marker=marker, edgecolor=plot.INK, label=plot.label(str(kind)))
    height_of = {**_spread(named[named["x"] >= 0]["y"]), **_spread(named[named["x"] < 0]["y"])}
    for one in others:
        x, y = at.loc[one]
        if np.isfinite(felt[one]):
            ink = plot.text_on(colours.to_rgba(felt[one])[:3])
            ax.text(x, y, f"{felt[one]:.0f}", color=ink, ha="center", va="center", fontsize=7, zorder=5)
        if one in height_of:
            side = 1 if x >= 0 else -1
            ax.plot([1.07 * x, 1.2 * side], [1.07 * y, height_of[one]], color=plot.QUIET, lw=0.6, ls="-")
            words = plot.label(str(graph.nodes[one].get(name, one)))
            ax.text(
                1.23 * side,
                height_of[one],
                words,
                ha="left" if side > 0 else "right",
                va="center",
                fontsize=8,
            )
    if felt.notna().any():
        bar = ax.figure.colorbar(colours, ax=ax, orientation="horizontal", shrink=0.3, aspect=30, pad=0.01)
        bar.set_label(plot.label("attitude to us"), fontsize=8)
        bar.ax.tick_params(labelsize=8)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, 0.02), ncol=len(order), frameon=False, fontsize=8)
    ax.set(xlim=(-2.7, 2.7), ylim=(-height, height))
    ax.set_axis_off()
    share, felt = passed / max(passed.sum(), 1e-300), felt.map("{:.0f}".format)
    told = [f"{graph.nodes[one].get(name, one)} {share[one]:.0%}, {felt[one]}" for one in named.index]
    what = plot.label("Map with shares of the value that passes, and attitudes")
    return plot.describe(ax, f"{what}. {middle}: {'; '.join(told)}.".replace(", nan", ""))


def _spread(wanted: pd.Series) -> dict[Any, float]:
    """Return heights near those wanted, in the same order, no two nearer than a label is high."""
    ordered = wanted.sort_values(kind="stable")
    step = GAP * np.arange(len(ordered))
    # the nearest heights in that order are those of an isotonic regression without the steps
    flat = (
        IsotonicRegression().fit_transform(np.arange(len(step)), ordered.to_numpy() - step)
        if len(step)
        else step
    )
    return dict(zip(ordered.index, flat + step, strict=True))
