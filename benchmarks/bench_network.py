"""Networks: permutation tests, structural holes and communities, as ratios to plain networkx in one run.

    python benchmarks/bench_network.py [--actors 10000] [--large 100000]

What networkx would take a thousand times is measured a few times and multiplied. The large network needs
networkit (pip install 'crmlab[fast]'); without it that part is left out, and says so.
"""

import argparse
import resource
import time
from collections.abc import Callable
from typing import Any

import networkx as nx
import numpy as np

from crmlab import network

DRAWS, FEWER = 1000, 3000


def seconds(job: Callable[[], Any], times: int = 1) -> float:
    """Return processor time of one call."""
    began = time.process_time()
    for _ in range(times):
        job()
    return (time.process_time() - began) / times


def told(what: str, ours: float, theirs: float) -> None:
    print(f"{what}: {ours:.2f} s; networkx {theirs:,.1f} s, {theirs / ours:,.0f} times as long", flush=True)


def some(actors: int, seed: int) -> nx.Graph:
    """Return actors in groups of about 50, with six ties each and five kinds."""
    luck = np.random.default_rng(seed)
    one = luck.integers(0, actors, 3 * actors)
    near = (one + luck.integers(1, 50, len(one))) % actors
    other = np.where(luck.random(len(one)) < 0.8, near, luck.integers(0, actors, len(one)))
    graph = nx.Graph()
    graph.add_nodes_from(range(actors))
    graph.add_edges_from((a, b) for a, b in zip(one.tolist(), other.tolist(), strict=True) if a != b)
    kinds = luck.choice(["supplier", "distributor", "competitor", "government", "press"], actors)
    nx.set_node_attributes(graph, dict(enumerate(kinds.tolist())), "kind")
    return graph


def shuffled_means(graph: nx.Graph, luck: np.random.Generator) -> dict[str, float]:
    kinds = luck.permutation([kind for _, kind in graph.nodes(data="kind")])
    groups: dict[str, list[int]] = {}
    for kind, (_, degree) in zip(kinds, graph.degree, strict=True):
        groups.setdefault(kind, []).append(degree)
    return {kind: sum(degrees) / len(degrees) for kind, degrees in groups.items()}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--actors", type=int, default=10_000)
    parser.add_argument("--large", type=int, default=100_000)
    options = parser.parse_args()
    graph, luck = some(options.actors, 1), np.random.default_rng(1)
    what = f"{DRAWS:,} draws on {options.actors:,} actors"
    kinds = [kind for _, kind in graph.nodes(data="kind")]
    degrees = network.centralities(graph, measures=["degree"])["degree"]
    ours = seconds(lambda: network.group_difference(degrees.to_list(), kinds, draws=DRAWS))
    told(f"degree by kind, {what}", ours, DRAWS * seconds(lambda: shuffled_means(graph, luck), 5))
    few = list(graph)[:20]
    fewer = some(FEWER, 3)  # at ten thousand networkx would fill a table of all pairs of them several times
    ours = seconds(lambda: network.brokerage(fewer))
    theirs = seconds(lambda: (nx.constraint(fewer), nx.effective_size(fewer)))
    told(f"structural holes, {FEWER:,} actors", ours, theirs)
    ours = seconds(lambda: network.centralities(graph, measures=["closeness"], pivots=500))
    one = seconds(lambda: [nx.closeness_centrality(graph, u) for u in few]) / len(few)
    told(f"closeness from 500 pivots, {options.actors:,} actors (networkx: all)", ours, one * options.actors)
    try:
        import networkit  # noqa: F401
    except ImportError:
        print("networkit is not installed: the large network is left out")
        return
    graph = some(options.large, 2)
    what = f"{options.large:,} actors"
    one = seconds(lambda: nx.betweenness_centrality(graph, k=2, seed=1)) / 2
    ours = seconds(lambda: network.centralities(graph, measures=["betweenness"], pivots=200))
    told(f"betweenness from 200 pivots, {what}", ours, 200 * one)
    ours = seconds(lambda: network.communities(graph, draws=5))
    told(
        f"communities, 5 orders, {what}",
        ours,
        5 * seconds(lambda: nx.community.louvain_communities(graph, seed=1)),
    )
    print(f"structural holes, {what}: {seconds(lambda: network.brokerage(graph)):.2f} s")
    print(f"most memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GB")


if __name__ == "__main__":
    main()
