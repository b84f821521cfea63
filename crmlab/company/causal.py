"""The causal map: what causes what in the simulated company."""

from textwrap import fill
from typing import Any

import networkx as nx
import numpy as np
from matplotlib.axes import Axes

from crmlab import plot
from crmlab._tables import look_up
from crmlab.company._schema import constants

PARTS = {
    "joining": "how customers come",
    "buying": "what they buy",
    "service": "what an order is like and what follows",
    "voice": "what they say when asked",
    "network": "whom they know",
    "records": "what they write and leave on file",
    "partners": "what passes between us and partners",
}
FRAMES: dict[str, dict[str, Any]] = {
    "part": {"edgecolor": plot.INK},
    "trait": {"edgecolor": plot.QUIET, "linestyle": "--"},
    "event": {"edgecolor": plot.INK},
    "lever": {"edgecolor": plot.MODEL, "linewidth": 2.5},
}


MANY = 4  # causes that an arrow of the overview names; its alternative text has all of them
BEND, ALONG = 0.2, 0.38
"""How far an arrow bends that has a counterpart the other way, and where along it its words stand."""


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
    ['complaint', 'leaving', 'rated attributes', 'satisfaction of the day']
    """
    graph = nx.DiGraph()
    for name, kind, parts, tables, effects in constants("causal.csv").itertuples(index=False):
        graph.add_node(name, kind=kind, tables=tables.split(), parts=parts.split())
        graph.add_edges_from((name, effect) for effect in effects.split(", ") if effect)
    return graph


def plot_causal_map(ax: Axes | None = None, part: str | None = None) -> Axes:
    """Draw a part of the causal map, or as an overview what its parts hand to one another.

    A part shows each of its nodes in a box, levers in a thick red frame and hidden traits in a dashed one,
    and an arrow from each cause to its direct effects. The overview has one box for each part. An arrow
    between two of them names the causes in the one that act directly on something in the other; a node that
    is drawn in several parts counts here for the first of its ``parts``.

    Parameters
    ----------
    ax : Axes, optional
        The drawings are laid out for axes 11 inches wide.
    part : {"joining", "buying", "service", "voice", "network", "records", "partners"}, optional
        The part to draw: how customers come; what they buy; what an order is like and what follows; what
        they say when asked; whom they know; what they write and leave on file; what passes between us and
        partners. Without it, the overview.

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
    'What the parts of the causal map hand to one another'
    >>> plot_causal_map(part="service").get_title(loc="left")
    'What causes what: service (thick frame: lever of a manager; dashed: hidden trait)'
    """
    graph = causal_map()
    if part is None:
        graph = _overview(graph)
        ax = _draw(graph, "overview", ax, height=2.4, width=19)
        title = what = plot.label("What the parts of the causal map hand to one another")
    else:
        look_up("part", part, PARTS)
        graph = graph.subgraph([name for name, parts in graph.nodes(data="parts") if part in parts])
        ax = _draw(graph, part, ax, height=0.85, width=14)
        what = f"{plot.label('What causes what')}: {plot.label(part)}"
        title = f"{what} {plot.label('(thick frame: lever of a manager; dashed: hidden trait)')}"
    told = []
    for name in graph:
        effects = [
            plot.label(effect) + (f" ({', '.join(causes)})" if causes else "")
            for _, effect, causes in graph.edges(name, data="causes")
        ]
        if effects or not graph.degree(name):
            told.append(" → ".join(filter(None, [plot.label(name), ", ".join(effects)])))
    plot.describe(ax, f"{what}: {'; '.join(told)}.")
    return plot.annotate(ax, title, "", "")


def _overview(graph: nx.DiGraph) -> nx.DiGraph:
    """Return the graph of the parts; an edge has the causes that one part hands to the other."""
    overview = nx.DiGraph()
    for part, about in PARTS.items():
        overview.add_node(part, kind="part", about=about)
    home = {name: parts[0] for name, parts in graph.nodes(data="parts")}
    for cause, effect in graph.edges:
        edge = home[cause], home[effect]
        if edge[0] != edge[1]:
            causes = overview.get_edge_data(*edge, {"causes": {}})["causes"]
            overview.add_edge(*edge, causes=causes | {plot.label(cause): None})
    return overview


def _draw(graph: nx.DiGraph, drawing: str, ax: Axes | None, height: float, width: int) -> Axes:
    """Draw the graph at the places of this drawing, its rows `height` inches apart."""
    table = constants("causal_places.csv").query("part == @drawing").set_index("name")
    columns, rows = table["column"], -table["row"]
    tall = float(rows.max() - rows.min())
    ax = plot.axes(ax, figsize=(11, height * tall + 1.3))
    left, right, margin = columns.min() - 0.45, columns.max() + 0.45, 0.45 / height
    ax.set(xlim=(left, right), ylim=(rows.min() - margin, rows.max() + margin))
    ax.set_axis_off()
    centred: dict[str, Any] = {"ha": "center", "va": "center"}
    boxes = {}
    for name, node in graph.nodes.items():
        words = fill(plot.label(name), width)
        if "about" in node:
            words += f":\n{fill(plot.label(node['about']), width)}"
        box = {"boxstyle": "round,pad=0.35", "facecolor": "white"} | FRAMES[node["kind"]]
        text = ax.text(columns[name], rows[name], words, fontsize=10, bbox=box, **centred)
        boxes[name] = text.get_bbox_patch()
    inches = np.array([11 / (right - left), height])
    for cause, effect, causes in graph.edges(data="causes"):
        bend = BEND if graph.has_edge(effect, cause) else 0
        arrow = {"arrowstyle": "-|>", "color": plot.QUIET, "connectionstyle": f"arc3,rad={bend}"}
        ends = {"patchA": boxes[cause], "patchB": boxes[effect]}
        start, to = (np.array([columns[name], rows[name]]) for name in (cause, effect))
        ax.annotate("", tuple(to), tuple(start), arrowprops=arrow | ends, zorder=4)
        if causes:
            right_hand = ((to - start) * inches)[::-1] * (1, -1)
            aside = 2 * ALONG * (1 - ALONG) * bend * right_hand / inches  # as matplotlib bends an arc3
            x, y = start + ALONG * (to - start) + aside
            blank = {"facecolor": "white", "edgecolor": "none", "pad": 1}
            named = [*list(causes)[:MANY], *(["…"] if len(causes) > MANY else [])]
            words = fill(", ".join(named), 12, break_long_words=False)
            ax.text(x, y, words, fontsize=8.5, bbox=blank, zorder=5, **centred)
    return ax
