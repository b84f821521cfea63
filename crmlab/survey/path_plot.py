"""A path model as a picture: boxes from cause to effect, arrows as wide as what they carry."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
from matplotlib.axes import Axes

from crmlab import plot

if TYPE_CHECKING:
    from crmlab.survey.path_bootstrap import PathBootstrap
    from crmlab.survey.path_results import PathResults

Places = Mapping[str, tuple[float, float]]


def _places(graph: nx.DiGraph) -> Places:
    """Return where each box stands: in the column of its longest way from a first cause, at a good height.

    The best of many heights by lot, always the same lot: no arrow through a box, few that cross, none steep.
    """
    names, edges = list(graph), list(graph.edges)
    x = {
        name: float(depth) for depth, layer in enumerate(nx.topological_generations(graph)) for name in layer
    }
    lots = np.random.default_rng(0).integers(-2, 3, (len(names), 20_000)) / 2
    y = dict(zip(names, lots, strict=True))
    cost = np.zeros(lots.shape[1])

    def height(edge: tuple[str, str], at: float) -> np.ndarray:
        start, end = edge
        return y[start] + (y[end] - y[start]) * (at - x[start]) / (x[end] - x[start])

    for i, name in enumerate(names):
        for other in (one for one in names[:i] if x[one] == x[name]):
            cost += 100 * (np.abs(y[name] - y[other]) < 0.9)
        for edge in (one for one in edges if x[one[0]] < x[name] < x[one[1]]):
            cost += 10 * (np.abs(height(edge, x[name]) - y[name]) < 0.45)
    for i, edge in enumerate(edges):
        cost += 0.4 * np.abs(y[edge[0]] - y[edge[1]]) / (x[edge[1]] - x[edge[0]])
        for other in (one for one in edges[:i] if not set(one) & set(edge)):
            left, right = max(x[edge[0]], x[other[0]]), min(x[edge[1]], x[other[1]])
            if left < right:
                cost += 2 * (
                    (height(edge, left) - height(other, left)) * (height(edge, right) - height(other, right))
                    < 0
                )
    return {name: (x[name], float(y[name][cost.argmin()])) for name in names}


def draw(
    results: "PathResults", intervals: "PathBootstrap | None", places: Places | None, ax: Axes | None
) -> Axes:
    """Draw the model; see :meth:`PathResults.plot`."""
    names = list(results.model.plan.names)
    edges = [(names[cause], names[effect]) for cause, effect in results.arrows]
    graph = nx.DiGraph()
    graph.add_nodes_from(names)
    graph.add_edges_from(edges)
    at = places or _places(graph)
    if set(at) != set(names):
        raise ValueError(f"places gives (x, y) to each of the blocks {', '.join(names)}; got {sorted(at)}.")
    unsure = np.zeros(len(edges), bool)
    if intervals is not None and getattr(intervals, "results", None) is not results:
        raise ValueError("intervals are those of these very results: intervals=results.bootstrap(rng=1).")
    if intervals is not None:
        unsure = (np.sign(intervals.conf_int()).sum(axis=1) == 0).to_numpy()
    x, y = np.array([at[name] for name in names], float).T
    ax = plot.axes(ax, figsize=(1.3 * (np.ptp(x) + 1), 0.5 + 1.1 * (np.ptp(y) + 1)))
    ax.set(xlim=(x.min() - 0.5, x.max() + 0.5), ylim=(y.min() - 0.5, y.max() + 0.5))
    ax.set_axis_off()
    explained, boxes = results.r_squared()["r_squared"], {}
    frame = {"boxstyle": "round,pad=0.45", "fc": "white", "ec": plot.INK, "lw": 1.2}
    for name in names:
        text = plot.label(name.replace("_", " ")) + (
            f"\nR² {explained[name]:.2f}" if name in explained else ""
        )
        boxes[name] = ax.text(*at[name], text, ha="center", va="center", fontsize=9, bbox=frame, zorder=5)
    ax.figure.canvas.draw()  # only then have the boxes a size at which arrows can end
    for (start, end), value, weak in zip(edges, results.params, unsure, strict=True):
        width = 0.8 + 7 * min(abs(value), 1)
        colour = plot.QUIET if weak else plot.PALETTE[1] if value < 0 else plot.PALETTE[0]
        arrow = {
            "arrowstyle": "-|>", "lw": width, "mutation_scale": 12 + 1.5 * width, "color": colour,
            "ls": "--" if weak else "-", "shrinkA": 1, "shrinkB": 1,
            "patchA": boxes[start].get_bbox_patch(), "patchB": boxes[end].get_bbox_patch(),
        }  # fmt: skip
        ax.annotate("", at[end], at[start], arrowprops=arrow)
        (x0, y0), (x1, y1) = at[start], at[end]
        right, up = np.subtract(*ax.transData.transform([(x1, y1), (x0, y0)]))
        length = np.hypot(right, up)  # the number stands beside its arrow
        aside = (-up / length * (13 + width / 2), right / length * (7 + width / 2))
        share = 0.5 if x1 - x0 < 1.5 else 0.4
        ax.annotate(
            f"{value:.2f}".replace("-", "−"), (x0 + share * (x1 - x0), y0 + share * (y1 - y0)),
            aside, textcoords="offset points", ha="center", va="center", fontsize=9,
            bbox={"boxstyle": "round,pad=0.05", "fc": "white", "ec": "none", "alpha": 0.7}, zorder=4,
        )  # fmt: skip
    told = ", ".join(f"{label} {value:.2f}" for label, value in results.params.items())
    return plot.describe(ax, f"Boxes joined by arrows from cause to effect: {told}.")
