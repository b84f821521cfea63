"""The causal map: what causes what in the simulated company."""

from typing import Any

import networkx as nx
from matplotlib.axes import Axes

from crmlab import plot
from crmlab.company._schema import constants


def causal_map() -> nx.DiGraph:
    """Return the causal map of the simulated company: who acts on what, and where it can be seen.

    Returns
    -------
    networkx.DiGraph
        Nodes have a ``kind`` ("trait": of a customer, and hidden; "event"; "lever": of a manager) and
        ``tables``, the names of the tables in which they show. An edge is a direct cause. The map has
        circles in it, for one order follows the other: an answer mends this experience, which decides
        whether there is a next order.

    Examples
    --------
    >>> sorted(causal_map().successors("experience"))
    ['answering a survey', 'complaint', 'leaving']
    """
    graph = nx.DiGraph()
    for name, kind, column, row, tables, effects in constants("causal.csv").itertuples(index=False):
        graph.add_node(name, kind=kind, tables=tables.split(), place=(column, -row))
        graph.add_edges_from((name, effect) for effect in effects.split(", ") if effect)
    return graph


def plot_causal_map(ax: Axes | None = None) -> Axes:
    """Draw the causal map: levers in a thick red frame, events in a thin one, hidden traits in a dashed one.

    Parameters
    ----------
    ax : Axes, optional

    Returns
    -------
    Axes

    Examples
    --------
    >>> plot_causal_map().get_title(loc="left")
    'What causes what (thick frame: lever of a manager; dashed: hidden trait)'
    """
    graph = causal_map()
    frames: dict[str, Any] = {
        "trait": {"edgecolor": plot.QUIET, "linestyle": "--"},
        "event": {"edgecolor": plot.INK},
        "lever": {"edgecolor": plot.MODEL, "linewidth": 2.5},
    }
    ax = plot.axes(ax, figsize=(11, 7))
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
    ax.set(xlim=(-0.8, 7.9), ylim=(-6.0, 0.8))
    ax.set_axis_off()
    causes = [
        f"{plot.label(name)} → {', '.join(map(plot.label, graph[name]))}" for name in graph if graph[name]
    ]
    plot.describe(ax, f"{plot.label('What causes what')}: {'; '.join(causes)}.")
    return plot.annotate(
        ax, "What causes what (thick frame: lever of a manager; dashed: hidden trait)", "", ""
    )
