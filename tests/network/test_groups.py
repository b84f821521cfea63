"""Communities, removal, dependence. Referees: networkx, brute force, planted groups."""

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from crmlab import network
from crmlab.network import groups


def relabelled(graph, seed):
    order = np.random.default_rng(seed).permutation(len(graph)).tolist()
    turned = nx.Graph()
    turned.add_nodes_from(order)
    edges = list(graph.edges(data=True))
    turned.add_edges_from(edges[one] for one in np.random.default_rng(seed).permutation(len(edges)))
    return turned


def test_communities_do_not_hang_on_the_order_in_which_actors_and_ties_came():
    graph = nx.karate_club_graph()
    first = network.communities(graph)
    for seed in range(5):
        pd.testing.assert_frame_equal(network.communities(relabelled(graph, seed)), first)


def test_communities_hang_little_on_names_and_dice_while_single_runs_do():
    graph = nx.karate_club_graph()
    whole = [network.communities(graph, rng=seed)["community"] for seed in range(8)]
    single = [network.communities(graph, draws=1, rng=seed)["community"] for seed in range(8)]

    def agreement(found):
        return np.mean([adjusted_rand_score(a, b) for i, a in enumerate(found) for b in found[:i]])

    assert agreement(whole) > 0.9 and agreement(whole) > agreement(single)


def test_planted_groups_are_found_and_the_largest_is_the_first():
    sizes = [30, 20, 10]
    inside = np.full((3, 3), 0.02) + np.diag([0.4, 0.5, 0.7])
    graph = nx.stochastic_block_model(sizes, inside, seed=4)
    table = network.communities(graph)
    assert adjusted_rand_score(table["community"], np.repeat([1, 2, 3], sizes)) > 0.95
    assert table["community"].value_counts().is_monotonic_decreasing
    assert table["together"].mean() > 0.9


def test_networkit_finds_the_planted_groups_too(monkeypatch):
    pytest.importorskip("networkit")
    monkeypatch.setattr(groups, "LARGE", 10)
    graph = nx.stochastic_block_model([40, 40], [[0.4, 0.02], [0.02, 0.4]], seed=4)
    table = network.communities(graph)
    assert adjusted_rand_score(table["community"], np.repeat([1, 2], 40)) == 1
    pd.testing.assert_frame_equal(network.communities(relabelled(graph, 1)), table)


@pytest.mark.parametrize("weight", [None, "weight"])
def test_modularity_is_that_of_networkx(weight):
    graph = nx.karate_club_graph()
    club = nx.get_node_attributes(graph, "club")
    sides = [{one for one in graph if club[one] == side} for side in set(club.values())]
    expected = nx.community.modularity(graph, sides, weight=weight)
    assert network.modularity(graph, club, weight) == pytest.approx(expected)
    with pytest.raises(ValueError, match="1 actors have no community; the first is 33"):
        network.modularity(graph, dict.fromkeys(range(33), 1))
    with pytest.raises(ValueError, match="not a single tie"):
        network.modularity(nx.empty_graph(3), {0: 1, 1: 1, 2: 1})


@pytest.mark.parametrize("seed", range(4))
def test_removal_is_what_is_left_when_one_takes_the_actor_out(seed):
    graph = nx.gnm_random_graph(25, 26, seed=seed)
    table = network.removal(graph)
    for one in graph:
        own = nx.node_connected_component(graph, one) - {one}
        rest = [len(part) for part in nx.connected_components(graph.subgraph(own))]
        assert table.loc[one, "parts"] == len(rest)
        assert table.loc[one, "cut_off"] == (sum(rest) - max(rest) if rest else 0)
        assert table.loc[one, "lost_share"] == pytest.approx(graph.degree[one] / 26)


def test_dependence_by_hand():
    needs = pd.DataFrame(
        {
            "product_id": ["a", "a", "b", "c", "c"],
            "supplier_id": ["x", "y", "x", "y", "y"],
            "margin": [50, 50, 30, 20, 20],
        }
    )
    table = network.dependence(needs, worth="margin")
    assert table.index.tolist() == ["x", "y"]  # a row twice is one row
    assert table.to_dict("list") == {
        "items": [2, 2],
        "only_here": [1, 1],
        "worth": [80.0, 70.0],
        "at_risk": [30.0, 20.0],
        "share": [0.3, 0.2],
    }
    assert network.dependence(needs)["at_risk"].tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"margin": [50, 40]}, "another worth than other rows of the item"),
        ({"margin": [-1, -1]}, "'margin' below 0"),
        ({"supplier_id": ["x", None]}, "no 'product_id' or no 'supplier_id'"),
    ],
)
def test_dependence_refuses(change, words):
    needs = pd.DataFrame({"product_id": ["a", "a"], "supplier_id": ["x", "y"], "margin": [50, 50]})
    with pytest.raises(ValueError, match=words):
        network.dependence(needs.assign(**change), worth="margin")
    with pytest.raises(ValueError, match="not a single item"):
        network.dependence(needs.iloc[:0])
