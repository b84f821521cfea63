"""Exercises 35, 36 and 38. Referees: percolation with networkx, plain tables, and the order of days."""

import networkx as nx
import numpy as np
import pytest

from crmlab import practice

STUDENTS = ["ann", "bob"]


def drawn(name):
    return [practice.Drawn(practice.load(name), "key", student, small=True) for student in STUDENTS]


@pytest.fixture(scope="module")
def launches():
    return drawn("35")


def test_the_share_of_a_block_is_of_sums_and_not_an_average_of_rates(launches):
    for one in launches:
        growth = one.given.growth
        not_yet = growth["customers"] - growth["tried"].cumsum() + growth["tried"]
        early, late = growth["month"].between(2, 9), growth["month"].between(10, 17)
        sums = [growth.loc[part, "tried"].sum() / not_yet[part].sum() for part in (late, early)]
        assert one.verdict("35.5", round(float(sums[0] / sums[1]), 2)).outcome == "right"
        rates = growth["tried"] / not_yet
        assert one.verdict("35.5", rates[late].mean() / rates[early].mean()).mistake == "average_of_rates"


def test_a_cascade_by_percolation_with_the_first_customer_and_without(launches):
    for one in launches:
        given, rng = one.given, np.random.default_rng(5)
        edges, total = given.pairs.to_numpy(), 0
        for _ in range(6_000):
            graph = nx.Graph(edges[rng.random(len(edges)) < given.chance].tolist())
            graph.add_node(given.first)
            total += len(nx.node_connected_component(graph, given.first))
        assert one.verdict("35.6", total / 6_000).outcome == "right"
        assert one.verdict("35.6", one.key("35.6").right - 1).mistake == "without_the_first"


def test_an_order_for_six_months_or_for_fifteen_is_named(launches):
    for one in launches:
        for name in ("averages_for_sums", "sold_already"):
            assert one.verdict("35.7", one.key("35.7").wrong[name][1]).mistake == name


def test_who_came_without_a_card_is_not_extra():
    for one in drawn("36"):
        lot = one.given.lot[one.given.lot["invited"]]
        anyway = int((lot["new"] - lot["by_card"]).sum())
        assert one.verdict("36.2", anyway).mistake == "those_without_a_card"


def test_each_customer_has_one_last_order():
    for one in drawn("38"):
        days = one.given.lines.drop_duplicates("order_id")
        assert not days.duplicated(["customer_id", "ordered_at"]).any()
