"""Exercise 41. Referees: loops in plain Python, every subset of a few customers, and the envelope."""

from collections import defaultdict
from datetime import timedelta
from itertools import combinations

import numpy as np
import pytest

from crmlab import practice


@pytest.fixture(scope="module")
def drawn():
    return practice.Drawn(practice.load("41"), "key", "student", small=True)


@pytest.fixture(scope="module")
def bought(drawn):
    """Return what each customer paid on each day."""
    paid = defaultdict(lambda: defaultdict(int))
    for row in drawn.given.orders.itertuples():
        paid[row.customer_id][row.ordered_at] += row.amount_cents
    return paid


def test_came_once(drawn, bought):
    known = [days for days in bought.values() if min(days) <= drawn.given.cut_off]
    assert drawn.key("41.1").right == pytest.approx(sum(len(days) == 1 for days in known) / len(known))


def test_promise_of_the_core(drawn, bought):
    day, year = drawn.given.cut_off, timedelta(days=365)
    totals = {who: sum(cents for on, cents in days.items() if on <= day) for who, days in bought.items()}
    known = sorted((who for who in totals if totals[who]), key=totals.__getitem__, reverse=True)
    theirs = [pair for who in known[: len(known) // 5] for pair in bought[who].items()]
    before = sum(cents for on, cents in theirs if day - year < on <= day)
    after = sum(cents for on, cents in theirs if day < on <= day + year)
    assert drawn.key("41.5").right == pytest.approx(after / before, abs=0.005)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.8])
def test_how_few_by_every_subset(share):
    how_few = practice.load("41").questions["41.3"].solution()
    amounts = np.random.default_rng(1).integers(0, 5, 9).tolist()
    enough = (
        count
        for count in range(1, 10)
        if any(sum(some) >= share * sum(amounts) for some in combinations(amounts, count))
    )
    assert how_few(amounts, share) == next(enough) / len(amounts)


def test_nothing_given_tells_who_left(drawn):
    given = drawn.given
    assert list(given.orders) == ["customer_id", "ordered_at", "amount_cents", "margin_cents"]
    assert list(given.invited) == ["customer_id"]
    assert not set(given.values()) & {"worth", "left"}
