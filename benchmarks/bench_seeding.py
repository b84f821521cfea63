"""Greedy seeding: `network.seeds` beside CELF on plain networkx, as a ratio in one run.

    python benchmarks/bench_seeding.py [--nodes 2000] [--runs 1000]

CELF (Leskovec and others 2007) chooses one by one as well, by running cascades, and looks a node up again
only if it may still be the best. What both reach is judged by the same further cascades.
"""

import argparse
import heapq
import random
import time
from collections.abc import Callable

import networkx as nx

from crmlab import network

COUNT = 10


def spread(graph: nx.Graph, start: list[int], chance: float, runs: int, luck: Callable[[], float]) -> float:
    """Return how many are reached on average."""
    total = 0
    for _ in range(runs):
        reached, new = set(start), start
        while new:
            told = []
            for one in new:
                for other in graph[one]:
                    if other not in reached and luck() < chance:
                        reached.add(other)
                        told.append(other)
            new = told
        total += len(reached)
    return total / runs


def celf(graph: nx.Graph, count: int, chance: float, runs: int, luck: Callable[[], float]) -> list[int]:
    """Choose greedily: a gain can only shrink, so one that is no longer the largest need not be known."""
    queue = [(-spread(graph, [node], chance, runs, luck), node, 0) for node in graph]
    heapq.heapify(queue)
    chosen: list[int] = []
    reach = 0.0
    while len(chosen) < count:
        gain, node, known = heapq.heappop(queue)
        if known == len(chosen):
            chosen.append(node)
            reach -= gain
        else:
            gain = reach - spread(graph, [*chosen, node], chance, runs, luck)
            heapq.heappush(queue, (gain, node, len(chosen)))
    return chosen


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--nodes", type=int, default=2_000)
    parser.add_argument("--runs", type=int, default=1_000, help="cascades for each look of CELF")
    options = parser.parse_args()
    jobs = {
        "scale-free": (nx.barabasi_albert_graph(options.nodes, 3, seed=1), 0.05),
        "communities": (nx.random_partition_graph([options.nodes // 20] * 20, 0.06, 0.0005, seed=1), 0.1),
    }
    for name, (graph, chance) in jobs.items():
        began = time.process_time()
        ours = network.seeds(graph, COUNT, chance, rng=1)
        seconds = time.process_time() - began
        began = time.process_time()
        theirs = celf(graph, COUNT, chance, options.runs, random.Random(1).random)
        slow = time.process_time() - began
        judged = [network.cascade(graph, list(one), chance, 20_000, rng=2) for one in (ours, theirs)]
        apart = (judged[0].mean - judged[1].mean) / (2**0.5 * judged[0].standard_error)
        times = f"{seconds:.2f} s; CELF {slow:.1f} s, {slow / seconds:.0f} times as long"
        reach = f"reach {judged[0].mean:.2f} and {judged[1].mean:.2f}, {apart:+.1f} standard errors apart"
        print(f"{name}, {options.nodes:,} nodes, chance {chance}: {times}; {reach}", flush=True)


if __name__ == "__main__":
    main()
