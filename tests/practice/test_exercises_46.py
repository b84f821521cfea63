"""Exercise 46. Referees: loops in plain Python, scikit-learn's adjusted Rand index, and the envelope."""

from collections import Counter

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from crmlab import practice


@pytest.fixture(scope="module")
def drawn():
    return practice.Drawn(practice.load("46"), "key", "student", small=True)


def test_who_costs_more_than_they_bring(drawn):
    cost = Counter()
    for row in drawn.given.complaints.itertuples():
        cost[row.customer_id] += drawn.given.complaint_cents
    left = [
        row.margin_cents - row.serving_cents - cost[row.customer_id]
        for row in drawn.given.accounts.itertuples()
        if row.amount_cents
    ]
    assert drawn.key("46.1").right == pytest.approx(sum(one < 0 for one in left) / len(left))


@pytest.mark.parametrize("seed", range(5))
def test_agreement_is_scikit_learns(seed):
    agreement = practice.load("46").questions["46.2"].solution()
    a, b = np.random.default_rng(seed).integers(0, 3, (2, 25))
    assert agreement(a.tolist(), b.tolist()) == pytest.approx(adjusted_rand_score(a, b))


def test_as_concentrated_as(drawn):
    paid = [row.amount_cents for row in drawn.given.accounts.itertuples() if row.kind == "firm"]
    right = sum(paid) ** 2 / sum(one**2 for one in paid)
    assert drawn.key("46.3").right == pytest.approx(right)


def test_equal_treatment(drawn):
    given = drawn.given
    missing = {"firm": 0, "good": given.visit, "other": given.visit + given.letter}
    assert drawn.key("46.4").right == sum(missing[segment] for segment in given.accounts["group"])


def test_nothing_given_tells_the_truth(drawn):
    given = drawn.given
    assert list(given.accounts) == [
        "customer_id", "kind", "region", "group", "amount_cents", "margin_cents", "serving_cents",
    ]  # fmt: skip
    assert list(given.complaints) == ["complaint_id", "customer_id", "opened_on"]
    assert list(given.orders) == [
        "customer_id", "ordered_at", "amount_cents", "margin_cents", "serving_cents",
    ]  # fmt: skip
