"""The causal map: what causes what in the simulated company."""

import networkx as nx
from matplotlib.axes import Axes

from crmlab import plot

# name: (kind, column and row on the page, tables where it can be seen)
_NODES = {
    "intent": ("trait", 0, 0, ""),
    "seller's effort": ("event", 1, 0, "activities"),
    "winning a lead": ("event", 2, 0, "leads opportunities"),
    "joining": ("event", 3, 0, "customers accounts people contacts"),
    "word of mouth": ("event", 4, 0, "referrals customers"),
    "friend": ("trait", 5, 0, ""),
    "campaign": ("lever", 0, 1, "campaigns treatments"),
    "price sensitivity": ("trait", 0, 2, "choice_tasks"),
    "purchase rate": ("trait", 1, 2, ""),
    "segment": ("trait", 4, 1, ""),
    "taste": ("trait", 5, 1, ""),
    "orders": ("event", 2, 1.5, "orders treatments"),
    "basket": ("event", 3.5, 2, "orders order_lines returns treatments"),
    "redesign": ("lever", 5, 2.6, "products"),
    "leaking tin": ("event", 4.2, 3, "returns"),
    "experience": ("event", 3, 3.3, "returns surveys open_answers"),
    "complaint": ("event", 2, 2.9, "complaints"),
    "response time": ("lever", 0, 3, "complaints"),
    "experienced handler": ("lever", 0, 4, "complaints"),
    "answer": ("event", 1, 3.4, "complaints"),
    "leaving": ("event", 2, 4, ""),
    "leaving probability": ("trait", 3, 4.3, ""),
    "satisfaction": ("trait", 4, 4.3, ""),
    "engagement": ("trait", 5, 4.3, ""),
    "answering a survey": ("event", 5, 3.5, "surveys open_answers"),
    "talking": ("event", 1, 1, "interactions community_posts"),
    "membership": ("event", 3, 1, "memberships points"),
}
_CAUSES = {
    "intent": "seller's effort, winning a lead",
    "seller's effort": "winning a lead",
    "winning a lead": "joining",
    "joining": "orders",
    "friend": "word of mouth, taste",
    "word of mouth": "joining",
    "segment": "friend, taste, price sensitivity",
    "campaign": "orders, basket",
    "price sensitivity": "orders",
    "purchase rate": "orders",
    "taste": "basket",
    "orders": "basket, experience, talking, membership, answering a survey",
    "basket": "leaking tin, membership",
    "redesign": "leaking tin",
    "leaking tin": "experience",
    "experience": "complaint, leaving, answering a survey",
    "complaint": "answer",
    "response time": "answer",
    "experienced handler": "answer",
    "answer": "experience",
    "leaving probability": "leaving",
    "leaving": "orders, word of mouth, answering a survey",
    "satisfaction": "leaving probability, answering a survey, word of mouth",
    "engagement": "answering a survey",
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
    for name, (kind, *_, tables) in _NODES.items():
        graph.add_node(name, kind=kind, tables=tables.split())
    for cause, effects in _CAUSES.items():
        graph.add_edges_from((cause, effect) for effect in effects.split(", "))
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
    graph = causal_map()
    ax = plot.axes(ax, figsize=(11, 6.5))
    colours = {"trait": "#8795a1", "event": plot.INK, "lever": plot.MODEL}
    place = {name: (column, -row) for name, (_, column, row, _) in _NODES.items()}
    for name, (kind, *_) in _NODES.items():
        box = {"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": colours[kind]}
        ax.text(*place[name], plot.label(name), color=colours[kind], ha="center", va="center", bbox=box, size=9)
    nx.draw_networkx_edges(
        graph, place, ax=ax, edge_color="#9aa5ae", node_size=2600, arrowsize=9, connectionstyle="arc3,rad=0.08"
    )
    ax.set_axis_off()
    ax.margins(0.08)
    return plot.annotate(ax, "What causes what", "", "")
