"""A path model as a picture: boxes from cause to effect, arrows as wide as what they carry."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
from matplotlib.axes import Axes

from crmlab import plot
from crmlab.survey._answers import look

if TYPE_CHECKING:
    from crmlab.survey.path_luck import PathBootstrap
    from crmlab.survey.path_results import PathResults

_TRIES, _LEVELS = 20_000, 2.0
Places = Mapping[str, tuple[float, float]]


def _places(graph: nx.DiGraph) -> dict[str, tuple[float, float]]:
    """Return where each box stands: in the column of its longest way from a first cause, at the best height.

    The best of many heights by lot, always the same lot: no arrow runs through a box, few cross, none is steep.
    """
    names = list(graph)
    column = {name: depth for depth, layer in enumerate(nx.topological_generations(graph)) for name in layer}
    x = np.array([column[name] for name in names], float)
    luck = np.random.default_rng(0).integers(0, 5, (_TRIES, len(names))) / 2 * _LEVELS / 2 - _LEVELS / 2
    edges = [(names.index(a), names.index(b)) for a, b in graph.edges]
    cost = np.zeros(_TRIES)
    for one in range(len(names)):
        for other in range(one):
            cost += 100 * ((x[one] == x[other]) & (np.abs(luck[:, one] - luck[:, other]) < 0.9))
        for a, b in edges:
            if x[a] < x[one] < x[b]:
                on_the_way = luck[:, a] + (luck[:, b] - luck[:, a]) * (x[one] - x[a]) / (x[b] - x[a])
                cost += 10 * (np.abs(on_the_way - luck[:, one]) < 0.45)
    for a, b in edges:
        cost += 0.2 * np.abs(luck[:, a] - luck[:, b]) / (x[b] - x[a])
        for c, d in edges:
            left, right = max(x[a], x[c]), min(x[b], x[d])
            if left < right and len({a, b, c, d}) == 4:
                sides = [
                    luck[:, a] + (luck[:, b] - luck[:, a]) * (at - x[a]) / (x[b] - x[a])
                    - luck[:, c] - (luck[:, d] - luck[:, c]) * (at - x[c]) / (x[d] - x[c])
                    for at in (left, right)
                ]  # fmt: skip
                cost += sides[0] * sides[1] < 0
    best = luck[int(cost.argmin())]
    return {name: (float(x[i]), float(best[i])) for i, name in enumerate(names)}


def draw(
    results: "PathResults", intervals: "PathBootstrap | None", places: Places | None, ax: Axes | None
) -> Axes:
    """Draw the model; see :meth:`PathResults.plot`."""
    names, graph = list(results.model.plan.names), nx.DiGraph()
    graph.add_nodes_from(names)
    graph.add_edges_from((names[cause], names[effect]) for cause, effect in results.arrows)
    at = _places(graph) if places is None else {look(name, names, "block"): xy for name, xy in places.items()}
    if set(at) != set(names):
        raise ValueError(f"places says where each block stands; it lacks {sorted(set(names) - set(at))}.")
    unsure = np.zeros(len(results.params), bool)
    if intervals is not None:
        ends = intervals.conf_int()
        unsure = ((ends["low"] <= 0) & (ends["high"] >= 0)).to_numpy()
    x, y = np.array([at[name] for name in names], float).T
    ax = plot.axes(ax, figsize=(2 + 1.3 * (np.ptp(x) + 1), 1.6 + 1.0 * (np.ptp(y) + 1)))
    explained = results.r_squared()["r_squared"]
    boxes = nx.draw_networkx_nodes(graph, at, ax=ax, node_size=3600, node_shape="s", node_color="none")
    boxes.set_edgecolor("none")  # they only tell the arrows where to stop
    for (cause, effect), value, weak in zip(results.arrows, results.params, unsure, strict=True):
        colour = plot.QUIET if weak else plot.PALETTE[1] if value < 0 else plot.PALETTE[0]
        edge = (names[cause], names[effect])
        nx.draw_networkx_edges(
            graph, at, [edge], ax=ax, width=0.8 + 7 * min(abs(value), 1), edge_color=colour, arrowsize=16,
            style="--" if weak else "-", node_size=3600, node_shape="s", min_target_margin=0,
        )  # fmt: skip
        (x0, y0), (x1, y1) = at[edge[0]], at[edge[1]]
        share = 0.5 if x1 - x0 < 1.5 else 0.36
        ax.text(
            x0 + share * (x1 - x0), y0 + share * (y1 - y0), f"{value:.2f}".replace("-", "−"),
            ha="center", va="center", fontsize=9, color=plot.INK,
            bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none"},
        )  # fmt: skip
    for name in names:
        text = plot.label(name.replace("_", " "))
        if name in explained:
            text += f"\nR² {explained[name]:.2f}"
        box = {"boxstyle": "round,pad=0.45", "fc": "white", "ec": plot.INK, "lw": 1.2}
        ax.text(*at[name], text, ha="center", va="center", fontsize=9.5, color=plot.INK, bbox=box, zorder=5)
    ax.set(xlim=(x.min() - 0.55, x.max() + 0.55), ylim=(y.min() - 0.5, y.max() + 0.5))
    ax.set_axis_off()
    told = ", ".join(f"{label} {value:.2f}" for label, value in results.params.items())
    return plot.describe(ax, f"Boxes joined by arrows from cause to effect: {told}.")
