"""The graph from tidy tables and what every measure refuses. Referees: pandas, networkx, hand cases."""

import networkx as nx
import numpy as np
import pandas as pd
import polars as pl
import pytest

from crmlab import network

ACTORS = pd.DataFrame({"actor_id": [2, 1, 3, 4], "kind": ["supplier", "firm", "office", "supplier"]})
RELATIONS = pd.DataFrame(
    {
        "source": [1, 1, 1, 2],
        "target": [2, 2, 3, 3],
        "kind": ["letters", "letters", "goods", "letters"],
        "way": ["out", "in", "both", "out"],
        "number": [3, 1, 2, 5],
        "cost": [10, 20, 30, 40],
        "worth": [11, 21, 31, 41],
        "day": pd.to_datetime(["2025-03-01", "2025-01-01", "2025-02-01", "2025-01-05"]),
    }
)
NAMES = {"direction": "way", "strength": "number", "given": "cost", "received": "worth", "seen": "day"}


def build(actors=ACTORS, relations=RELATIONS, **names):
    return network.stakeholder_graph(actors, relations, **(NAMES | names))


def test_rows_become_edges_of_their_kind_and_direction():
    graph = build()
    assert list(graph) == [1, 2, 3, 4] and graph.nodes[3] == {"kind": "office"}
    assert set(graph.edges(keys=True)) == {
        (1, 2, "letters"),
        (2, 1, "letters"),
        (1, 3, "goods"),
        (3, 1, "goods"),
        (2, 3, "letters"),
    }
    assert graph.edges[1, 2, "letters"]["distance"] == pytest.approx(1 / 3)  # what is strong is near
    edge = graph.edges[2, 1, "letters"]
    assert (edge["strength"], edge["distance"], edge["given"], edge["received"]) == (1, 1, 20, 21)


def test_repeated_contacts_add_up_where_networkx_would_keep_the_last():
    twice = pd.concat([RELATIONS, RELATIONS.assign(day=pd.Timestamp("2025-06-01"))])
    edge = build(relations=twice).edges[1, 2, "letters"]
    assert (edge["strength"], edge["contacts"], edge["received"]) == (6, 2, 22)
    assert (edge["first_seen"], edge["last_seen"]) == (pd.Timestamp("2025-03-01"), pd.Timestamp("2025-06-01"))


def test_a_relation_seen_once_begins_and_ends_that_day_and_the_order_of_rows_does_not_matter():
    edge = build().edges[2, 3, "letters"]
    assert edge["first_seen"] == edge["last_seen"] and edge["contacts"] == 1
    turned = build(ACTORS.iloc[::-1], RELATIONS.iloc[::-1])
    assert list(turned) == list(build())
    pd.testing.assert_frame_equal(network.edges(turned), network.edges(build()))


def test_other_engines_and_no_changed_input():
    before = ACTORS.copy(), RELATIONS.copy()
    graph = build(pl.DataFrame(ACTORS), pl.LazyFrame(RELATIONS))
    pd.testing.assert_frame_equal(network.edges(graph), network.edges(build()))
    pd.testing.assert_frame_equal(ACTORS, before[0])
    pd.testing.assert_frame_equal(RELATIONS, before[1])


def test_nothing_that_passed_is_no_edge_and_who_deals_with_nobody_stays():
    graph = build(relations=RELATIONS.assign(number=[0, 1, 2, 5]))
    assert not graph.has_edge(1, 2) and graph.has_edge(2, 1) and 4 in graph
    assert network.edges(build(relations=RELATIONS.iloc[:0])).empty


def test_ties_add_up_both_directions_and_all_kinds_or_those_named():
    graph = build()
    tie = network.ties(graph, "strength")
    assert tie.edges[1, 2] == {"strength": 4.0, "distance": 0.25}
    assert tie.edges[1, 3]["strength"] == 4
    assert set(network.ties(graph, kinds=["goods"]).edges) == {(1, 3)}
    assert network.ties(graph).edges[1, 2]["strength"] == 1
    with pytest.raises(ValueError, match="kind of relation 'good'.*Did you mean 'goods'"):
        network.ties(graph, kinds=["good"])


@pytest.mark.parametrize(
    ("actors", "relations", "names", "words"),
    [
        (ACTORS.iloc[:0], RELATIONS.iloc[:0], {}, "not a single actor"),
        (ACTORS.assign(actor_id=1), RELATIONS, {}, "was there before"),
        (ACTORS.assign(kind=None), RELATIONS, {}, "no 'actor_id' or no 'kind'"),
        (
            ACTORS,
            RELATIONS,
            {"kinds": ["firm", "office", "suplier"]},
            "kind 'supplier'.*Did you mean 'suplier'",
        ),
        (ACTORS, RELATIONS.assign(target=[2, 2, 9, 3]), {}, "target that is not among the actors.*row 2"),
        (ACTORS, RELATIONS.assign(target=[1, 2, 3, 3]), {}, "related to itself; the first is row 0"),
        (ACTORS, RELATIONS.assign(way="inwards"), {}, "direction 'inwards'. Valid: both, in, out"),
        (ACTORS, RELATIONS.assign(way=None), {}, "direction None"),
        (ACTORS, RELATIONS.assign(kind=None), {}, "no 'kind'"),
        (ACTORS, RELATIONS.assign(number=[-1, 1, 2, 5]), {}, "'number' below 0; the first is row 0"),
        (ACTORS, RELATIONS.assign(number=[1, np.nan, 2, 5]), {}, "'number' that is missing or infinite"),
        (ACTORS, RELATIONS.assign(worth=[1, np.inf, 2, 5]), {}, "'worth' that is missing or infinite"),
        (ACTORS, RELATIONS.assign(number="3"), {}, "number must hold numbers"),
        (ACTORS, RELATIONS.assign(day=pd.NaT), {}, "no 'day'"),
        (ACTORS, RELATIONS, {"strength": "numbre"}, "column 'numbre'.*Did you mean 'number'"),
        (
            ACTORS.assign(since=pd.Timestamp("2025-01-02"), until=pd.Timestamp("2025-01-01")),
            RELATIONS,
            {"dealt": ("since", "until")},
            "'until' before their 'since'",
        ),
    ],
)
def test_bad_tables_are_refused_in_words(actors, relations, names, words):
    with pytest.raises(ValueError, match=f"(?s){words}"):
        build(actors, relations, **names)


MEASURES = [
    network.centralities,
    network.brokerage,
    network.communities,
    network.removal,
    network.ties,
]


@pytest.mark.parametrize("measure", MEASURES)
def test_every_measure_refuses_what_is_no_network(measure):
    with pytest.raises(ValueError, match="graph is empty"):
        measure(nx.Graph())
    with pytest.raises(ValueError, match="from an actor to itself; the first is that of 'b'"):
        measure(nx.Graph([("a", "b"), ("b", "b")]))
    with pytest.raises(ValueError, match="networkx graph is needed"):
        measure(pd.DataFrame())
    for bad in (0, -1, np.nan, np.inf):
        with pytest.raises(ValueError, match="missing or not above 0; the first is that from 'a' to 'b'"):
            measure(nx.Graph([("a", "b", {"w": bad}), ("b", "c", {"w": 1})]), strength="w")
    with pytest.raises(ValueError, match="missing or not above 0"):
        measure(nx.Graph([("a", "b")]), strength="w")


@pytest.mark.parametrize("measure", MEASURES[:4])
def test_one_actor_and_actors_without_ties_have_a_stated_result(measure):
    alone = nx.Graph()
    alone.add_node("us")
    table = measure(alone)
    assert list(table.index) == ["us"]
    alone.add_nodes_from(["a", "b"])
    alone.add_edge("a", "b")
    assert list(measure(alone).index) == ["a", "b", "us"]


@pytest.mark.parametrize("measure", MEASURES[:4])
def test_parallel_edges_directions_and_the_order_of_nodes_change_nothing(measure):
    luck = np.random.default_rng(3)
    plain = nx.gnm_random_graph(30, 60, seed=1)
    double = nx.MultiDiGraph()
    double.add_nodes_from(luck.permutation(30).tolist())
    double.add_edges_from([(b, a) for a, b in plain.edges] + list(plain.edges)[:20])
    pd.testing.assert_frame_equal(measure(plain), measure(double))
