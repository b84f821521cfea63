"""Exercise 41. Referees: loops in plain Python, every subset of a few customers, and the envelope."""

from collections import defaultdict
from datetime import timedelta
from itertools import combinations

import numpy as np
import pytest

from crmlab import practice, value


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


def verdict(drawn, number, answer):
    return drawn.verdict(number, drawn.form(number).plain(answer, drawn.cases(number)))


def test_other_ways_are_right_and_other_slips_are_not(drawn, bought):
    given = drawn.given
    known = [days for days in bought.values() if min(days) <= given.cut_off]
    share = sum(len(days) == 1 for days in known) / len(known)
    assert verdict(drawn, "41.1", round(share, 3)).outcome == "right"
    assert "Close: is it rounded" in verdict(drawn, "41.1", share + 0.003).message

    def add_up(amounts, share):
        wanted, left = share * sum(amounts), sorted(amounts)
        while wanted > 0:
            wanted -= left.pop()
        return 1 - len(left) / len(amounts)

    assert verdict(drawn, "41.3", add_up).outcome == "right"
    rounded = verdict(drawn, "41.3", lambda amounts, share: add_up(amounts, share) + 0.002)
    assert rounded.mark == 0 and "rounded" in rounded.message
    part = verdict(drawn, "41.3", lambda amounts, share: add_up(amounts, share) if len(amounts) == 5 else 0.5)
    assert part.mark == 0.2 and "Right on 1 of 5 inputs." in part.message
    # MBG/NBD, which lesson 44 teaches, and the core as it is: nobody has left
    summary = value.btyd_summary(given.orders, date="ordered_at", amount=None, observation_end=given.today)
    alive = value.ModifiedBetaGeoNBD(summary.set_index("customer_id")).fit().probability_alive()
    left = (1 - alive[given.invited["customer_id"]]).sum()
    half = 0.49 * given.widest
    assert verdict(drawn, "41.6", (left - half, left + half)).outcome == "right"
    assert verdict(drawn, "41.6", (0, given.widest)).mark == 0
