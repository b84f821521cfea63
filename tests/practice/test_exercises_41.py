"""Exercise 41. Referees: loops in plain Python, scipy's bootstrap, the package, and the envelope."""

from collections import defaultdict
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from scipy import stats

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


def test_width_of_the_lead_is_scipys(drawn, bought):
    """Referee: scipy's bootstrap, of a hat that is filled from the orders by loops."""
    then, year = date(2024, 12, 31), date(2024, 1, 1)
    known = {who: sum(c for day, c in days.items() if day.date() <= then) for who, days in bought.items()}
    lately = {
        who: sum(c for day, c in days.items() if year <= day.date() <= then) for who, days in bought.items()
    }
    since = {who: sum(c for day, c in days.items() if day.date() > then) for who, days in bought.items()}
    on = [sorted(paid, key=paid.__getitem__)[-drawn.given.places :] for paid in (lately, known)]
    lists = drawn.given.lists.set_index("customer_id")
    assert set(on[0]) | set(on[1]) == set(lists.index) and lists["last_year"].sum() == drawn.given.places
    hat = [since[who] for who in set(on[0]) - set(on[1])] + [-since[who] for who in set(on[1]) - set(on[0])]
    slips = np.array(hat, dtype=float)
    scipys = stats.bootstrap((slips,), np.sum, method="percentile", n_resamples=9_999, rng=2)
    assert drawn.key("41.1").right == pytest.approx(np.ptp(list(scipys.confidence_interval)), rel=0.05)


def test_promise_of_the_core(drawn, bought):
    day, year = drawn.given.cut_off, timedelta(days=365)
    totals = {who: sum(cents for on, cents in days.items() if on <= day) for who, days in bought.items()}
    known = sorted((who for who in totals if totals[who]), key=totals.__getitem__, reverse=True)
    theirs = [pair for who in known[: len(known) // 5] for pair in bought[who].items()]
    before = sum(cents for on, cents in theirs if day - year < on <= day)
    after = sum(cents for on, cents in theirs if day < on <= day + year)
    assert drawn.key("41.5").right == pytest.approx(after / before, abs=0.0025)


@pytest.mark.parametrize("mine", [1, 2, 3, 7])
def test_score_of_equal_customers_is_the_packages(mine):
    f_score = practice.load("41").questions["41.3"].solution()
    counts = [1, 7, 1, 3, 2, 1, 2, 1, 1, 3, 1, 1, 2]
    table = pd.DataFrame({"days_since_last_order": 0, "orders": counts, "total_amount": 1.0})
    assert f_score(counts, mine) == value.rfm_scores(table)["F"][counts.index(mine)]


def test_nothing_given_tells_who_left(drawn):
    given = drawn.given
    assert list(given.orders) == ["customer_id", "ordered_at", "amount_cents", "margin_cents"]
    assert list(given.invited) == ["customer_id"]
    assert not set(given.values()) & {"worth", "left"}


def verdict(drawn, number, answer):
    return drawn.verdict(number, drawn.form(number).plain(answer, drawn.cases(number)))


def test_other_ways_are_right_and_other_slips_are_not(drawn, bought):
    given = drawn.given
    right = drawn.key("41.1").right
    assert verdict(drawn, "41.1", round(right, -4)).outcome == "right"
    # other dice, and everybody who is on a list in the hat, with 0 for who is on both
    side = given.lists["last_year"].astype(int) - given.lists["all_money"].astype(int)
    slips = (given.lists["cents"] * side).to_numpy()
    leads = np.random.default_rng(3).choice(slips, (2_000, len(slips))).sum(axis=1)
    assert verdict(drawn, "41.1", np.ptp(np.quantile(leads, [0.025, 0.975]))).outcome == "right"
    narrow = verdict(drawn, "41.1", np.ptp(np.quantile(leads, [0.05, 0.95])))
    assert narrow.mistake == "ninety_per_cent"
    money = pd.DataFrame(drawn.key("41.2").right["columns"]).set_index("occasion")
    shown = money.round({"share_of_money": 2, "cents_per_purchase": 0})  # as the lesson shows them
    assert verdict(drawn, "41.2", shown).outcome == "right"
    whole = verdict(drawn, "41.2", money.assign(share_of_money=1.0))
    assert whole.mark == pytest.approx(2 / 3)

    def by_ranks(counts, mine):
        place = (pd.Series(counts).rank() - 0.5) / len(counts)
        return int(np.ceil(5 * place[counts.index(mine)]))

    def by_plain_ranks(counts, mine):  # without the half
        return int(np.ceil(5 * pd.Series(counts).rank(pct=True)[counts.index(mine)]))

    assert verdict(drawn, "41.3", by_ranks).outcome == "right"
    assert verdict(drawn, "41.3", by_plain_ranks).outcome == "right"
    part = verdict(drawn, "41.3", lambda counts, mine: by_ranks(counts, mine) if len(counts) == 10 else 1.5)
    assert part.mark < 0.2

    def first_row(counts, mine):
        return int(np.ceil(5 * (sorted(counts).index(mine) + 1) / len(counts)))

    assert verdict(drawn, "41.3", first_row).outcome == "mistake"
    # MBG/NBD, which lesson 44 teaches, and the core as it is: nobody has left
    summary = value.btyd_summary(given.orders, date="ordered_at", amount=None, observation_end=given.today)
    alive = value.ModifiedBetaGeoNBD(summary.set_index("customer_id")).fit().probability_alive()
    left = (1 - alive[given.invited["customer_id"]]).sum()
    half = 0.49 * given.widest
    assert verdict(drawn, "41.6", (left - half, left + half)).outcome == "right"
    assert verdict(drawn, "41.6", (0, given.widest)).mark == 0
