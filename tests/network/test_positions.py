"""Centralities, brokers, tests by shuffling. Referees: networkx, brute force, closed forms."""

from itertools import permutations

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from crmlab import network
from crmlab.network import positions


def weighted(n=40, m=90, seed=1, directed=False):
    luck = np.random.default_rng(seed)
    graph = nx.gnm_random_graph(n, m, seed=seed, directed=directed)
    for one, other in graph.edges:
        graph.edges[one, other]["w"] = float(luck.integers(1, 9))
    nx.set_node_attributes(graph, {node: "abc"[node % 3] for node in graph}, "kind")
    return graph


@pytest.mark.parametrize("strength", [None, "w"])
@pytest.mark.parametrize("m", [30, 90])  # in pieces, and nearly whole
def test_centralities_are_those_of_networkx(strength, m):
    graph = weighted(m=m)
    for *_, data in graph.edges(data=True):
        data["far"] = 1 / data["w"]
    table = network.centralities(graph, strength)
    far = "far" if strength else None
    expected = {
        "degree": dict(graph.degree),
        "strength": dict(graph.degree(weight=strength)),
        "closeness": nx.closeness_centrality(graph, distance=far),
        "betweenness": nx.betweenness_centrality(graph, weight=far),
        "pagerank": nx.pagerank(graph, weight=strength, tol=1e-12, max_iter=1000),
    }
    for name, by_node in expected.items():
        np.testing.assert_allclose(table[name], pd.Series(by_node)[table.index], atol=1e-9, err_msg=name)


def test_pivots_of_everybody_are_exact_and_fewer_are_near():
    graph = nx.barabasi_albert_graph(300, 3, seed=2)
    exact = network.centralities(graph)
    pd.testing.assert_frame_equal(network.centralities(graph, pivots=300), exact)
    some = network.centralities(graph, pivots=100)
    assert some["closeness"].corr(exact["closeness"]) > 0.98
    assert abs(some["closeness"].mean() / exact["closeness"].mean() - 1) < 0.02
    assert some["betweenness"].corr(exact["betweenness"]) > 0.95


def test_a_large_network_asks_for_pivots_or_networkit(monkeypatch):
    monkeypatch.setattr(positions, "LARGE", 20)
    monkeypatch.setattr(positions, "fast", lambda: None)
    with pytest.raises(ValueError, match="pivots=200.*networkit"):
        network.centralities(weighted(), measures=["betweenness"])
    with pytest.raises(ValueError, match="measure 'between'.*Did you mean 'betweenness'"):
        network.centralities(weighted(), measures=["between"])


def test_networkit_gives_the_same_where_it_is_installed(monkeypatch):
    pytest.importorskip("networkit")
    graph = weighted()
    exact = network.centralities(graph, measures=["betweenness"])
    monkeypatch.setattr(positions, "LARGE", 20)
    pd.testing.assert_frame_equal(network.centralities(graph, measures=["betweenness"]), exact)


@pytest.mark.parametrize("strength", [None, "w"])
def test_structural_holes_are_those_of_networkx(strength):
    graph = weighted()
    table = network.brokerage(graph, strength=strength)
    # its way by one matrix divides by the largest strength of the wrong actor: nodes= takes the other way
    for name, function in (("constraint", nx.constraint), ("effective_size", nx.effective_size)):
        expected = pd.Series(function(graph, nodes=list(graph), weight=strength))[table.index]
        there = table["degree"] > 0
        np.testing.assert_allclose(table.loc[there, name], expected[there], atol=1e-9)
    assert table.loc[table["degree"] == 0, "constraint"].isna().all()


@pytest.mark.parametrize("directed", [True, False])
def test_roles_of_brokers_are_counted_as_one_would_by_hand(directed):
    graph = weighted(20, 60, seed=5, directed=directed)
    table = network.brokerage(graph, kind="kind")
    kind = nx.get_node_attributes(graph, "kind")
    counts = pd.DataFrame(0, table.index, table.columns[3:])
    for a, b, c in permutations(graph, 3):
        if graph.has_edge(a, b) and graph.has_edge(b, c) and not graph.has_edge(a, c):
            match kind[a] == kind[b], kind[b] == kind[c], kind[a] == kind[c]:
                case True, True, _:
                    role = "coordinator"
                case False, True, _:
                    role = "gatekeeper"
                case True, False, _:
                    role = "representative"
                case _, _, True:
                    role = "consultant"
                case _:
                    role = "liaison"
            counts.loc[b, role] += 1
    pd.testing.assert_frame_equal(table[counts.columns], counts, check_names=False)
    assert (counts.sum() > 0).all()


def test_groups_are_dealt_as_often_as_the_closed_form_says():
    values = np.array([9, 7, 6, 3, 2, 2, 1, 0])
    groups = ["x", "x"] + ["y"] * 6
    table = network.group_difference(values, groups, draws=20_000)
    pairs = [(values[i] + values[j]) / 2 for i in range(8) for j in range(i)]
    exact = np.mean([abs(pair - values.mean()) >= 8 - values.mean() for pair in pairs])
    assert table.loc["x", "p_value"] == pytest.approx(exact, abs=0.006)
    assert table.loc["x", "mean"] == 8 and table["actors"].tolist() == [2, 6]


def test_groups_meet_values_by_their_labels_and_none_may_be_missing():
    values = pd.Series([1.0, 2.0, 9.0], ["a", "b", "c"])
    table = network.group_difference(values, {"c": "hi", "a": "lo", "b": "lo"})
    assert table["mean"].to_dict() == {"hi": 9.0, "lo": 1.5}
    with pytest.raises(ValueError, match="one label for each"):
        network.group_difference([1, 2], ["a", None])
    with pytest.raises(ValueError, match="missing or infinite"):
        network.group_difference([1, np.nan], ["a", "b"])


def test_everybody_is_told_alike_when_the_groups_mean_nothing():
    luck, low = np.random.default_rng(1), 0
    for _ in range(200):
        table = network.group_difference(luck.random(30), luck.integers(0, 2, 30), draws=199, rng=luck)
        low += table["p_value"].iloc[0] <= 0.1
    assert 8 <= low <= 33  # about 20 of 200


def test_roles_need_kinds():
    with pytest.raises(ValueError, match="40 actors have no 'sort'; the first is 0"):
        network.brokerage(weighted(), kind="sort")
