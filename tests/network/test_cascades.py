"""Cascades. Referees: enumeration of all graphs on small networks, closed forms, a plain loop."""

from itertools import product

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from crmlab import network

CHAIN = pd.DataFrame({"source": [1, 2, 3], "target": [2, 3, 4]})


def near(found, exact):
    return abs(found.mean - exact) < 4 * found.standard_error + 1e-12


def by_enumeration(graph, seeds, chance):
    """Reach of the independent cascade: over all sets of live edges, those of both directions apart."""
    edges = list(graph.to_directed().edges)
    total = 0.0
    for live in product([0, 1], repeat=len(edges)):
        kept = nx.DiGraph([edge for edge, on in zip(edges, live, strict=True) if on])
        kept.add_nodes_from(graph)
        met = set(seeds).union(*(nx.descendants(kept, seed) for seed in seeds))
        total += len(met) * np.prod([chance if on else 1 - chance for on in live])
    return total


def test_a_path_of_four_and_a_triangle():
    assert by_enumeration(nx.path_graph(4), [0], 0.3) == pytest.approx(1.417)
    assert by_enumeration(nx.complete_graph(3), [0], 0.4) == pytest.approx(1.992)
    assert near(network.cascade(CHAIN, [1], 0.3, 40_000, directed=True), 1.417)
    assert near(network.cascade(nx.complete_graph(3), [0], 0.4, 40_000), 1.992)
    assert near(network.threshold_cascade(nx.complete_graph(3), [0], None, 40_000), 2.5)


@pytest.mark.parametrize("chance", [0.1, 0.5, 0.9])
def test_any_small_graph_by_enumeration(chance):
    graph = nx.Graph([(0, 1), (1, 2), (2, 0), (2, 3), (3, 4)])
    found = network.cascade(graph, [0, 4], chance, 20_000, rng=2)
    assert near(found, by_enumeration(graph, [0, 4], chance))
    assert found.shares.sum() == pytest.approx(found.mean)
    assert found.shares[0] == found.shares[4] == 1


def threshold_by_enumeration(graph, seeds, weights):
    """Reach of linear threshold: each node follows one of those it hears, or nobody (Kempe et al. 2003)."""
    choices = [[*((one, weights[one, node]) for one in graph.predecessors(node))] for node in graph]
    choices = [[*some, (None, 1 - sum(weight for _, weight in some))] for some in choices]
    total = 0.0
    for picked in product(*choices):
        kept = nx.DiGraph(
            [(one, node) for node, (one, _) in zip(graph, picked, strict=True) if one is not None]
        )
        kept.add_nodes_from(graph)
        met = set(seeds).union(*(nx.descendants(kept, seed) for seed in seeds))
        total += len(met) * np.prod([weight for _, weight in picked])
    return total


def test_thresholds_by_enumeration_with_weights_of_ones_own():
    luck, graph = np.random.default_rng(0), nx.gnp_random_graph(5, 0.6, seed=1, directed=True)
    for node in graph:
        for one in graph.predecessors(node):
            graph.edges[one, node]["weight"] = luck.uniform(0, 1 / graph.in_degree(node))
    weights = {(one, node): weight for one, node, weight in graph.edges(data="weight")}
    exact = threshold_by_enumeration(graph, [0, 3], weights)
    assert near(network.threshold_cascade(graph, [0, 3], "weight", 20_000, rng=4), exact)


def test_a_probability_of_0_and_1():
    graph = nx.path_graph(6)
    assert network.cascade(graph, [2], 0).sizes.tolist() == [1] * 1000
    assert network.cascade(graph, [2], 1).sizes.tolist() == [6] * 1000


def test_a_column_of_equal_probabilities_is_the_number_and_direction_counts():
    table = CHAIN.assign(chance=0.3)
    same = network.cascade(table, [1], "chance", directed=True)
    assert same.sizes.tolist() == network.cascade(CHAIN, [1], 0.3, directed=True).sizes.tolist()
    assert network.cascade(CHAIN, [4], 1.0, directed=True).mean == 1
    assert network.cascade(CHAIN, [4], 1.0, directed=False).mean == 4
    graph = nx.DiGraph([(1, 2), (2, 3), (3, 4)])
    assert network.cascade(graph, [4], 1.0).mean == 1


def test_different_probabilities_belong_to_their_edges():
    star = pd.DataFrame({"source": "hub", "target": ["a", "b", "c"], "chance": [0.1, 0.5, 0.9]})
    found = network.cascade(star, ["hub"], "chance", 20_000, directed=True).shares
    assert found[["a", "b", "c"]].tolist() == pytest.approx([0.1, 0.5, 0.9], abs=0.015)


def test_batches_change_nothing_but_the_dice(monkeypatch):
    graph = nx.gnp_random_graph(60, 0.08, seed=3)
    whole = network.cascade(graph, [0, 5], 0.3, 4000, rng=1)
    monkeypatch.setattr("crmlab.network.cascades.AT_ONCE", 60 * 37)
    parts = network.cascade(graph, [0, 5], 0.3, 4000, rng=1)
    assert abs(whole.mean - parts.mean) < 4 * np.hypot(whole.standard_error, parts.standard_error)
    assert parts.shares.sum() == pytest.approx(parts.mean) and parts.shares[[0, 5]].tolist() == [1, 1]


def test_a_plain_loop_reaches_as_many():
    graph, luck = nx.watts_strogatz_graph(100, 6, 0.1, seed=1), np.random.default_rng(2)
    sizes = []
    for _ in range(600):
        met, new = {0, 50}, [0, 50]
        while new:
            told = {who for one in new for who in graph[one] if who not in met and luck.random() < 0.2}
            # whoever has two new neighbours has two chances: the set comprehension tosses for each
            met |= told
            new = list(told)
        sizes.append(len(met))
    found = network.cascade(graph, [0, 50], 0.2, 4000)
    error = np.std(sizes) / np.sqrt(len(sizes))
    assert abs(found.mean - np.mean(sizes)) < 4 * np.hypot(error, found.standard_error)


def test_a_plain_loop_with_the_same_thresholds_reaches_the_same(monkeypatch):
    graph = nx.barabasi_albert_graph(500, 3, seed=1)
    drawn = np.random.default_rng(2).random((30, 500), np.float32)

    class Luck:
        def random(self, states, _):
            return drawn.ravel()[:states].copy()

    monkeypatch.setattr("crmlab.network.cascades.generator", lambda _: Luck())
    found = network.threshold_cascade(graph, [0, 1], runs=30)
    for run, size in enumerate(found.sizes):
        reached, before = {0, 1}, 0
        while len(reached) > before:
            before = len(reached)
            for node in graph:
                heard = sum(other in reached for other in graph[node])
                if heard and heard / len(graph[node]) >= drawn[run, node]:
                    reached.add(node)
        assert size == before


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: network.cascade(CHAIN, [1], 0.3), "say directed=False"),
        (lambda: network.cascade(nx.path_graph(3), [1], 0.3, directed=True), "undirected graph"),
        (lambda: network.cascade(nx.DiGraph([(1, 2)]), [1], 0.3, directed=False), "a directed graph"),
        (lambda: network.cascade(CHAIN, [1], 1.3, directed=True), "from 0 to 1"),
        (lambda: network.cascade(CHAIN, [1], np.nan, directed=True), "from 0 to 1"),
        (lambda: network.cascade(CHAIN.assign(c=[0.1, 2, 0.1]), [1], "c", directed=True), "first is row 1"),
        (lambda: network.cascade(CHAIN, [1], "chance", directed=True), "chance"),
        (lambda: network.cascade(CHAIN, [9], 0.3, directed=True), "9 is none"),
        (lambda: network.cascade(CHAIN, [1, 1], 0.3, directed=True), "twice"),
        (lambda: network.cascade(CHAIN, [1, 2, 3, 4, 4], 0.3, directed=True), "5 seeds are more than the 4"),
        (lambda: network.cascade(CHAIN, [], 0.3, directed=True), "there is none"),
        (lambda: network.cascade(CHAIN, "1", 0.3, directed=True), "as a list"),
        (lambda: network.cascade(CHAIN, [[1]], 0.3, directed=True), "as a list"),
        (
            lambda: network.cascade(CHAIN.assign(target=list("234")), [1], 0.3, directed=True),
            "The node 2 is there as a number",
        ),
        (lambda: network.cascade(nx.Graph([(1, 2, {"c": 1.0}), (2, 3)]), [1], "c"), "missing or infinite"),
        (lambda: network.cascade(CHAIN.assign(c=0.2 + 1j), [1], "c", directed=True), "must hold numbers"),
        (lambda: network.cascade(CHAIN.assign(c=pd.Timedelta(0)), [1], "c", directed=True), "hold numbers"),
        (lambda: network.cascade(pd.concat([CHAIN, CHAIN]), [1], 0.3, directed=True), "there before"),
        (lambda: network.cascade(CHAIN.assign(target=[2, 1, 4]), [1], 0.3, directed=False), "there before"),
        (lambda: network.cascade(CHAIN.replace(4, 3), [1], 0.3, directed=True), "to itself"),
        (lambda: network.cascade(CHAIN.replace(4, np.nan), [1], 0.3, directed=True), "no 'source'"),
        (lambda: network.cascade(CHAIN, [1], 0.3, runs=1, directed=True), "runs"),
        (lambda: network.threshold_cascade(CHAIN.assign(w=[0.5, -1, 0]), [1], "w", directed=True), "0 to 1"),
        (
            lambda: network.threshold_cascade(CHAIN.assign(w=0.4, target=[4, 4, 4]), [1], "w", directed=True),
            "sum to 1 at most",
        ),
    ],
)
def test_bad_input_is_told(call, told):
    with pytest.raises(ValueError, match=told):
        call()


def test_nodes_may_be_pairs_and_a_graph_may_have_no_edge():
    assert network.cascade(nx.grid_2d_graph(3, 3), [(0, 0)], 1.0).mean == 9
    steps = pd.DataFrame({"source": [(0, 0), (0, 1)], "target": [(0, 1), (1, 1)]})
    found = network.cascade(steps, [(0, 0)], 1.0, directed=True)
    assert found.mean == 3 and found.shares.index.nlevels == 1
    assert network.cascade(nx.empty_graph(3), [1], "chance").mean == 1


def test_other_engines_and_inputs_left_alone():
    import polars as pl

    before = CHAIN.copy()
    found = network.cascade(pl.DataFrame(CHAIN), [1], 0.3, directed=True)
    assert found.sizes.tolist() == network.cascade(CHAIN, [1], 0.3, directed=True).sizes.tolist()
    pd.testing.assert_frame_equal(CHAIN, before)
