"""Seeds and trees. Referees: enumeration of all sets of live edges and of seeds, a plain walk up the tree."""

from itertools import combinations, product

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from crmlab import network


def exact(graph: nx.DiGraph, chance: float) -> dict[frozenset, float]:
    """Return the reach of each set of at most three seeds, over all sets of live edges."""
    edges, found = list(graph.edges), dict.fromkeys(_sets(graph, 3), 0.0)
    for live in product([0, 1], repeat=len(edges)):
        kept = nx.DiGraph([edge for edge, on in zip(edges, live, strict=True) if on])
        kept.add_nodes_from(graph)
        met = {node: nx.descendants(kept, node) | {node} for node in graph}
        weight = np.prod([chance if on else 1 - chance for on in live])
        for seeds in found:
            found[seeds] += weight * len(set().union(*(met[one] for one in seeds)))
    return found


def _sets(graph, most):
    return [frozenset(one) for count in range(1, most + 1) for one in combinations(graph, count)]


def greedy(reach: dict[frozenset, float], nodes, count: int) -> frozenset:
    chosen = frozenset()
    for _ in range(count):
        chosen = max((chosen | {node} for node in nodes if node not in chosen), key=reach.get)
    return chosen


GRAPHS = [nx.gnp_random_graph(6, 0.32, seed=seed, directed=True) for seed in range(6)]


@pytest.mark.parametrize("graph", [one for one in GRAPHS if 4 < one.number_of_edges() < 12])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_greedy_guarantee_by_enumeration(graph, count):
    reach = exact(graph, 0.4)
    best = max(value for seeds, value in reach.items() if len(seeds) == count)
    assert reach[greedy(reach, list(graph), count)] >= (1 - (1 - 1 / count) ** count) * best - 1e-12
    ours = network.seeds(graph, count, 0.4, rng=1, least=0.7)
    chosen = reach[frozenset(ours)]
    assert chosen >= ours.guarantee * best
    assert chosen >= 0.99 * reach[greedy(reach, list(graph), count)]
    assert ours.table["reach"].iloc[-1] == pytest.approx(chosen, rel=0.05)


def test_gains_shrink_and_the_reach_is_what_the_cascade_says():
    graph = nx.barabasi_albert_graph(500, 2, seed=3)
    found = network.seeds(graph, 8, 0.1, rng=2, least=0.7)
    assert (found.table["gain"].diff().dropna() < 0.3).all()
    assert found.table["gain"].cumsum().to_numpy() == pytest.approx(found.table["reach"].to_numpy())
    run = network.cascade(graph, found, 0.1, 20_000, rng=5)
    assert run.mean == pytest.approx(found.table["reach"].iloc[-1], rel=0.04)


def test_greedy_leaves_the_dense_club_where_those_who_know_most_all_sit():
    clubs = nx.disjoint_union(nx.complete_graph(12), nx.disjoint_union_all([nx.star_graph(6)] * 4))
    chosen = list(network.seeds(clubs, 5, 0.5, rng=1, least=0.8))
    assert sum(one < 12 for one in chosen) == 1
    assert sorted(chosen)[1:] == [12, 19, 26, 33]


def test_direction_and_probabilities_count():
    table = pd.DataFrame({"source": ["a", "a", "b"], "target": ["c", "d", "a"], "p": [0.9, 0.9, 0.9]})
    assert list(network.seeds(table, 1, "p", directed=True)) == ["b"]
    weak = table.assign(p=[0.9, 0.9, 0.05])
    assert list(network.seeds(weak, 1, "p", directed=True)) == ["a"]


def test_all_nodes_and_news_that_does_not_travel():
    graph = nx.path_graph(4)
    found = network.seeds(graph, 4, 0.5)
    assert sorted(found) == [0, 1, 2, 3] and found.table["reach"].iloc[-1] == pytest.approx(4)
    assert network.seeds(graph, 2, 0).table["reach"].tolist() == pytest.approx([1, 2], abs=0.15)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"count": 5}, "5 seeds are more than the 4 nodes"),
        ({"count": 0}, "count"),
        ({"count": 1.5}, "count"),
        ({"probability": 1.2}, "from 0 to 1"),
        ({"probability": -0.1}, "from 0 to 1"),
        ({"directed": True}, "undirected graph"),
        ({"least": 0.99}, "least is the guarantee wanted"),
        ({"edges": pd.DataFrame({"source": [1], "target": [2]})}, "A table does not tell"),
    ],
)
def test_bad_input_is_refused_in_words(change, message):
    with pytest.raises(ValueError, match=message):
        network.seeds(**({"edges": nx.path_graph(4), "count": 2, "probability": 0.5} | change))


# ---- trees


def test_a_tree_is_what_a_plain_walk_upwards_finds():
    rng = np.random.default_rng(4)
    by = {one: int(rng.integers(0, one)) for one in range(1, 200) if rng.random() < 0.8}
    worth = pd.Series(rng.uniform(0, 100, 200))
    told = pd.DataFrame({"customer_id": list(by), "referrer_id": list(by.values())})
    found = network.referral_trees(told.sample(frac=1, random_state=1), worth)
    below, dollars = dict.fromkeys(range(200), 0), dict.fromkeys(range(200), 0.0)
    for one in by:
        at, steps = one, 0
        while at in by:
            at, steps = by[at], steps + 1
            below[at] += 1
            dollars[at] += worth[one]
        assert found.loc[one, ["root", "generation"]].tolist() == [at, steps]
    assert found["below"].to_dict() == {one: below[one] for one in found.index}
    assert found["below_value"].to_numpy() == pytest.approx([dollars[one] for one in found.index])
    assert found["own"].sum() == pytest.approx(worth[found.index].sum())


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ([("b", "a"), ("b", "c")], "brought before"),
        ([("a", "a")], "brought himself"),
        ([("b", "a"), ("a", "b")], "ring"),
        ([("c", "b"), ("b", "a"), ("a", "b")], "ring"),
        ([("b", None)], "referrer_id"),
    ],
)
def test_trees_that_are_none_are_refused(told, message):
    with pytest.raises(ValueError, match=message):
        network.referral_trees(pd.DataFrame(told, columns=["customer_id", "referrer_id"]))


def test_values_that_are_missing_or_not_finite_are_refused():
    told = pd.DataFrame({"customer_id": ["b"], "referrer_id": ["a"]})
    with pytest.raises(ValueError, match="lacks 1 customers, the first is 'b'"):
        network.referral_trees(told, pd.Series({"a": 1.0}))
    with pytest.raises(ValueError, match="finite for 'b'"):
        network.referral_trees(told, pd.Series({"a": 1.0, "b": np.inf}))
    with pytest.raises(ValueError, match="each once"):
        network.referral_trees(told, pd.Series([1.0, 2.0], ["a", "a"]))


def test_nobody_was_brought():
    assert network.referral_trees(pd.DataFrame({"customer_id": [], "referrer_id": []})).empty
