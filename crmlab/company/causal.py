"""The causal map: what causes what in the simulated company."""

from typing import Any

import networkx as nx
import numpy as np
from matplotlib.axes import Axes

from crmlab import plot
from crmlab._tables import look_up
from crmlab.company._schema import constants


def causal_map() -> nx.DiGraph:
    """Return the causal map of the simulated company: who acts on what, and where it can be seen.

    Returns
    -------
    networkx.DiGraph
        Nodes have a ``kind`` ("trait": of a customer, and hidden; "event"; "lever": of a manager),
        ``tables``, the names of the tables in which they show, and ``parts``, the names of the parts of the
        map to which they belong. An edge is a direct cause. The map has circles in it, for one order
        follows the other: an answer mends this experience, which decides whether there is a next order.

    Examples
    --------
    >>> sorted(causal_map().successors("experience"))
    ['answering a survey', 'complaint', 'leaving']
    """
    graph = nx.DiGraph()
    for name, kind, parts, column, row, tables, effects in constants("causal.csv").itertuples(index=False):
        graph.add_node(name, kind=kind, tables=tables.split(), parts=parts.split(), place=(column, -row))
        graph.add_edges_from((name, effect) for effect in effects.split(", ") if effect)
    return graph


def plot_causal_map(ax: Axes | None = None, part: str | None = None) -> Axes:
    """Draw the causal map or a part of it: levers in a thick red frame, hidden traits in a dashed one.

    Parameters
    ----------
    ax : Axes, optional
    part : {"joining", "buying", "service", "voice", "network", "records", "partners"}, optional
        The part to draw: how customers come; what they buy; what an order is like and what follows; what
        they say when asked; whom they know; what they write and leave on file; what passes between us and
        partners. Without it the whole, as an overview.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        An unknown part.

    Examples
    --------
    >>> plot_causal_map().get_title(loc="left")
    'What causes what (thick frame: lever of a manager; dashed: hidden trait)'
    >>> plot_causal_map(part="service").get_title(loc="left")
    'What causes what: service (thick frame: lever of a manager; dashed: hidden trait)'
    """
    graph = causal_map()
    frames: dict[str, Any] = {
        "trait": {"edgecolor": plot.QUIET, "linestyle": "--"}, "event": {"edgecolor": plot.INK},
        "lever": {"edgecolor": plot.MODEL, "linewidth": 2.5},
    }  # fmt: skip
    if part is not None:
        parts = {name: None for _, names in graph.nodes(data="parts") for name in names}
        look_up("part", part, parts)
        graph = graph.subgraph([name for name, names in graph.nodes(data="parts") if part in names])
    place = np.array([node["place"] for node in graph.nodes.values()])
    (left, low), (right, high) = place.min(axis=0) - (0.8, 0.5), place.max(axis=0) + (0.8, 0.5)
    ax = plot.axes(ax, figsize=(11, 7 if part is None else 4.5))
    boxes = {}
    for name, node in graph.nodes.items():
        box = {"boxstyle": "round,pad=0.35", "facecolor": "white"} | frames[node["kind"]]
        x, y = node["place"]
        text = ax.text(x, y, plot.label(name), ha="center", va="center", bbox=box)
        boxes[name] = text.get_bbox_patch()
    for cause, effect in graph.edges:
        arrow = {"arrowstyle": "-|>", "color": plot.QUIET, "connectionstyle": "arc3,rad=0.1"}
        ends = {"patchA": boxes[cause], "patchB": boxes[effect]}
        to, start = graph.nodes[effect]["place"], graph.nodes[cause]["place"]
        ax.annotate("", to, start, arrowprops=arrow | ends, zorder=4)
    ax.set(xlim=(left, right), ylim=(low, high))
    ax.set_axis_off()
    told = {plot.label(name): ", ".join(map(plot.label, graph[name])) for name in graph if graph[name]}
    causes = [f"{name} → {effects}" for name, effects in told.items()]
    what = plot.label("What causes what") + (f": {plot.label(part)}" if part else "")
    plot.describe(ax, f"{what}: {'; '.join(causes)}.")
    key = "(thick frame: lever of a manager; dashed: hidden trait)"
    return plot.annotate(ax, f"{what} {key}", "", "")
