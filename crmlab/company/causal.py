"""The causal map: what causes what in the simulated company."""

import networkx as nx
from matplotlib.axes import Axes

from crmlab import plot

# name: (kind, column and row on the page, tables where it can be seen, what it acts on)
_MAP = {
    "intent": ("trait", 0, 0, "", "seller's effort, winning a lead"),
    "seller's effort": ("event", 1, 0, "activities", "winning a lead"),
    "winning a lead": ("event", 2, 0, "leads opportunities", "joining"),
    "joining": ("event", 3, 0, "customers accounts people contacts", "orders"),
    "word of mouth": ("event", 4, 0, "referrals customers", "joining"),
    "friend": ("trait", 5, 0, "", "word of mouth, taste"),
    "campaign": ("lever", 0, 1, "campaigns treatments", "orders, basket"),
    "price sensitivity": ("trait", 0, 2, "choice_tasks", "orders"),
    "purchase rate": ("trait", 1, 2, "", "orders"),
    "segment": ("trait", 4, 1, "", "friend, taste, price sensitivity"),
    "taste": ("trait", 5, 1, "", "basket"),
    "orders": (
        "event",
        2,
        1.5,
        "orders treatments",
        "basket, experience, talking, membership, answering a survey",
    ),
    "basket": ("event", 3.5, 2, "orders order_lines returns treatments", "leaking tin, membership"),
    "redesign": ("lever", 5, 2.6, "products", "leaking tin"),
    "leaking tin": ("event", 4.2, 3, "returns", "experience"),
    "experience": ("event", 3, 3.3, "returns surveys open_answers", "complaint, leaving, answering a survey"),
    "complaint": ("event", 2, 2.9, "complaints", "answer"),
    "response time": ("lever", 0, 3, "complaints", "answer"),
    "experienced handler": ("lever", 0, 4, "complaints", "answer"),
    "answer": ("event", 1, 3.4, "complaints", "experience"),
    "leaving": ("event", 2, 4, "", "orders, word of mouth, answering a survey"),
    "leaving probability": ("trait", 3, 4.3, "", "leaving"),
    "satisfaction": ("trait", 4, 4.3, "", "leaving probability, answering a survey, word of mouth"),
    "engagement": ("trait", 5, 4.3, "", "answering a survey"),
    "answering a survey": ("event", 5, 3.5, "surveys open_answers", ""),
    "talking": ("event", 1, 1, "interactions community_posts", ""),
    "membership": ("event", 3, 1, "memberships points", ""),
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
    'What causes what'
    """
    graph, colours = causal_map(), {"trait": "#8795a1", "event": plot.INK, "lever": plot.MODEL}
    ax = plot.axes(ax, figsize=(11, 6.5))
    for name, node in graph.nodes.items():
        colour = colours[node["kind"]]
        box = {"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": colour}
        x, y = node["place"]
        ax.text(x, y, plot.label(name), color=colour, ha="center", va="center", bbox=box, size=9)
    bent = {"edge_color": "#9aa5ae", "node_size": 2600, "arrowsize": 9, "connectionstyle": "arc3,rad=0.08"}
    nx.draw_networkx_edges(graph, nx.get_node_attributes(graph, "place"), ax=ax, **bent)
    ax.set_axis_off()
    ax.margins(0.08)
    return plot.annotate(ax, "What causes what", "", "")
