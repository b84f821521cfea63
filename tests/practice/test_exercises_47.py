"""Exercise 47. Referees: loops in plain Python, and the envelope."""

from collections import Counter

import pytest

from crmlab import practice


@pytest.fixture(scope="module")
def drawn():
    return practice.Drawn(practice.load("47"), "key", "student", small=True)


def test_who_costs_more_than_they_bring(drawn):
    cost = Counter()
    for row in drawn.given.complaints.itertuples():
        cost[row.customer_id] += drawn.given.complaint_cents
    left = [
        row.margin_cents - row.serving_cents - cost[row.customer_id]
        for row in drawn.given.accounts.itertuples()
        if row.amount_cents
    ]
    assert drawn.key("47.1").right == pytest.approx(sum(one < 0 for one in left) / len(left))


def test_as_concentrated_as(drawn):
    paid = [row.amount_cents for row in drawn.given.accounts.itertuples() if row.kind == "firm"]
    right = sum(paid) ** 2 / sum(one**2 for one in paid)
    assert drawn.key("47.2").right == pytest.approx(right)


def test_nothing_given_tells_the_truth(drawn):
    given = drawn.given
    assert list(given.accounts) == [
        "customer_id", "kind", "region", "amount_cents", "margin_cents", "serving_cents",
    ]  # fmt: skip
    assert list(given.complaints) == ["complaint_id", "customer_id", "opened_on"]
    assert list(given.orders) == [
        "customer_id", "ordered_at", "amount_cents", "margin_cents", "serving_cents",
    ]  # fmt: skip


def verdict(drawn, number, answer):
    return drawn.verdict(number, drawn.form(number).plain(answer, drawn.cases(number)))


def test_other_ways_are_right_and_other_slips_are_not(drawn):
    given = drawn.given
    number = given.complaints["customer_id"].value_counts().rename("complaints")
    table = given.accounts.merge(number, how="left", left_on="customer_id", right_index=True)
    left = table["margin_cents"] - table["serving_cents"]
    left -= given.complaint_cents * table["complaints"].fillna(0)
    bought = table["amount_cents"] > 0
    assert verdict(drawn, "47.1", round((left[bought] < 0).mean(), 3)).outcome == "right"
    slip = verdict(drawn, "47.1", (left < 0).sum() / bought.sum())
    assert slip.mistake == "losers_who_did_not_order"
    assert verdict(drawn, "47.1", (left[bought] <= table["margin_cents"][bought] * 0.1).mean()).mark == 0
    firms = given.accounts.query("kind == 'firm'")["amount_cents"]
    equals = 1 / (firms / firms.sum()).pow(2).sum()
    assert verdict(drawn, "47.2", round(equals, 1)).outcome == "right"  # as the lesson shows it
    assert verdict(drawn, "47.2", len(firms)).mark == 0


def test_what_the_events_brought(drawn):
    given = drawn.given
    left = Counter()
    for row in given.orders.itertuples():
        if row.ordered_at >= given.starts_on:
            left[row.customer_id] += row.margin_cents - row.serving_cents
    arms = {True: [], False: []}
    for row in given.policies.itertuples():
        if row.tier == "middle":
            arms[row.treated].append(left[row.customer_id])
    right = sum(arms[True]) / len(arms[True]) - sum(arms[False]) / len(arms[False])
    assert drawn.key("47.4").right == pytest.approx(right)
    assert verdict(drawn, "47.4", round(right)).outcome == "right"
    assert verdict(drawn, "47.4", -right).mistake == "the_other_way_round"
    orders = given.orders[given.orders["ordered_at"] >= given.starts_on].merge(given.policies)
    orders = orders[orders["tier"] == "middle"]
    each = (orders["margin_cents"] - orders["serving_cents"]).groupby(orders["treated"]).mean()
    assert verdict(drawn, "47.4", each[True] - each[False]).mistake == "per_order"
