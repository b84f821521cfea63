"""The causal map: what causes what in the simulated company."""

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
    """Draw the causal map: levers in red, events in dark, hidden traits of customers in grey.

    Parameters
    ----------
    ax : Axes, optional

    Returns
    -------
    Axes

    Examples
    --------
    >>> plot_causal_map().get_title(loc="left")
    'What causes what (red: levers of a manager; grey: hidden traits)'
    """
    graph, colours = causal_map(), {"trait": "#7b8a97", "event": plot.INK, "lever": plot.MODEL}
    ax = plot.axes(ax, figsize=(11, 6))
    boxes = {}
    for name, node in graph.nodes.items():
        colour, (x, y) = colours[node["kind"]], node["place"]
        box = {"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": colour}
        text = ax.text(x, y, plot.label(name), color=colour, ha="center", va="center", bbox=box)
        boxes[name] = text.get_bbox_patch()
    for cause, effect in graph.edges:
        arrow = {"arrowstyle": "-|>", "color": "#9aa5ae", "connectionstyle": "arc3,rad=0.1"}
        ends = {"patchA": boxes[cause], "patchB": boxes[effect]}
        to, start = graph.nodes[effect]["place"], graph.nodes[cause]["place"]
        ax.annotate("", to, start, arrowprops=arrow | ends, zorder=4)
    ax.set(xlim=(-0.8, 7.9), ylim=(-5.0, 0.8))
    ax.set_axis_off()
    return plot.annotate(ax, "What causes what (red: levers of a manager; grey: hidden traits)", "", "")
