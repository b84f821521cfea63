"""The causal map: what causes what in the simulated company."""

from typing import Any

import networkx as nx
from matplotlib.axes import Axes

from crmlab import plot

# name: (kind, column and row on the page, tables where it can be seen, what it acts on)
_MAP = {
    "intent": ("trait", 0, 0.1, "", "seller's effort, winning a lead"),
    "seller's effort": ("event", 1.1, -0.5, "activities", "winning a lead"),
    "winning a lead": ("event", 2.3, 0.1, "leads opportunities", "joining"),
    "joining": ("event", 3.5, 0.8, "customers accounts people contacts", "orders"),
    "word of mouth": ("event", 4.8, -0.5, "referrals customers", ""),
    "friend": ("trait", 6.8, -0.5, "", "word of mouth, taste"),
    "segment": ("trait", 7.4, 0.4, "", "friend, taste, price sensitivity"),
    "price sensitivity": ("trait", 6.15, 0.85, "choice_tasks", "orders"),
    "taste": ("trait", 7.1, 1.6, "", "basket"),
    "campaign": ("lever", 0, 1.1, "campaigns treatments", "orders, basket"),
    "purchase rate": ("trait", 0, 1.85, "", "orders"),
    "orders": ("event", 2.2, 1.95, "orders treatments", "basket, experience, talking, membership"),
    "talking": ("event", 1.0, 0.75, "interactions community_posts", ""),
    "membership": ("event", 1.1, 2.35, "memberships points", ""),
    "basket": ("event", 4.7, 1.45, "orders order_lines returns treatments", "leaking tin"),
    "redesign": ("lever", 6.6, 2.4, "products", "leaking tin"),
    "leaking tin": ("event", 4.8, 2.3, "returns", "experience"),
    "experience": (
        "event",
        4.05,
        2.8,
        "returns surveys open_answers",
        "complaint, leaving, answering a survey",
    ),
    "complaint": ("event", 1.95, 2.8, "complaints", "answer"),
    "response time": ("lever", 0, 3.0, "complaints", "answer"),
    "experienced handler": ("lever", 0, 3.9, "complaints", "answer"),
    "answer": ("event", 1.3, 3.5, "complaints", "experience"),
    "leaving": ("event", 2.7, 4.05, "", "orders, answering a survey, word of mouth"),
    "leaving probability": ("trait", 3.2, 4.75, "", "leaving"),
    "satisfaction": ("trait", 5.9, 4.75, "", "leaving probability, answering a survey, word of mouth"),
    "engagement": ("trait", 7.4, 4.4, "", "answering a survey"),
    "answering a survey": ("event", 6.8, 3.4, "surveys open_answers", ""),
}


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
    for name, (kind, column, row, tables, effects) in _MAP.items():
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
    boxes: dict[str, Any] = {}
    for name, node in graph.nodes.items():
        colour, (x, y) = colours[node["kind"]], node["place"]
        box = {"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": colour}
        text = ax.text(x, y, plot.label(name), color=colour, ha="center", va="center", bbox=box)
        boxes[name] = text.get_bbox_patch()
    for cause, effect in graph.edges:
        arrow: dict[str, Any] = {"arrowstyle": "-|>", "color": "#9aa5ae", "connectionstyle": "arc3,rad=0.1"}
        arrow |= {"patchA": boxes[cause], "patchB": boxes[effect]}
        ends = graph.nodes[effect]["place"], graph.nodes[cause]["place"]
        ax.annotate("", *ends, arrowprops=arrow, zorder=4)
    ax.set(xlim=(-0.8, 7.9), ylim=(-5.0, 0.8))
    ax.set_axis_off()
    return plot.annotate(ax, "What causes what (red: levers of a manager; grey: hidden traits)", "", "")
