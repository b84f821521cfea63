"""Cascades: independent cascade and linear threshold, as ratios to a tight loop on networkx in one run.

    python benchmarks/bench_cascades.py [--nodes 10000] [--runs 1000]

The loop is run a few times and multiplied. Both give the mean they reach, which must agree.
"""

import argparse
import random
import time
from collections.abc import Callable
from statistics import mean, stdev

import networkx as nx

from crmlab import network

SEEDS, CHANCE = list(range(10)), 0.3


def independent(ties: nx.Graph, chance: float, luck: Callable[[], float]) -> int:
    """Run the independent cascade once."""
    reached, new = set(SEEDS), SEEDS
    while new:
        told = []
        for one in new:
            for other in ties[one]:
                if other not in reached and luck() < chance:
                    reached.add(other)
                    told.append(other)
        new = told
    return len(reached)


def threshold(ties: nx.Graph, luck: Callable[[], float]) -> int:
    """Run the linear threshold model once, each neighbour counting alike."""
    need = {node: luck() for node in ties}
    heard, degree = dict.fromkeys(ties, 0), dict(ties.degree)
    reached, new = set(SEEDS), SEEDS
    while new:
        told = []
        for one in new:
            for other in ties[one]:
                if other not in reached:
                    heard[other] += 1
                    if heard[other] >= need[other] * degree[other]:
                        reached.add(other)
                        told.append(other)
        new = told
    return len(reached)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--nodes", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=1_000)
    parser.add_argument("--loops", type=int, default=20, help="how often the loop is run")
    options = parser.parse_args()
    graph = nx.barabasi_albert_graph(options.nodes, 3, seed=1)
    luck = random.Random(1).random
    jobs = {
        f"independent cascade, chance {CHANCE}": (
            lambda: network.cascade(graph, SEEDS, CHANCE, options.runs, rng=1),
            lambda ties: independent(ties, CHANCE, luck),
        ),
        "linear threshold": (
            lambda: network.threshold_cascade(graph, SEEDS, None, options.runs, rng=1),
            lambda ties: threshold(ties, luck),
        ),
    }
    for what, (ours, loop) in jobs.items():
        began = time.process_time()
        found = ours()
        seconds = time.process_time() - began
        began = time.process_time()
        sizes = [loop(graph) for _ in range(options.loops)]
        theirs = (time.process_time() - began) / options.loops * options.runs
        error = (found.standard_error**2 + stdev(sizes) ** 2 / len(sizes)) ** 0.5
        apart = abs(found.mean - mean(sizes)) / error
        times = f"{seconds:.2f} s; a loop {theirs:.1f} s, {theirs / seconds:.1f} times as long"
        print(f"{what}, {options.runs:,} runs on {options.nodes:,} nodes: {times}; the means", end=" ")
        print(f"{found.mean:.0f} and {mean(sizes):.0f} are {apart:.1f} standard errors apart", flush=True)


if __name__ == "__main__":
    main()
