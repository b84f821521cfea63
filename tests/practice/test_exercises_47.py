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
