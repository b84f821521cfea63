"""Exercise 45. Referees: closed forms, sums week by week, and the envelope."""

import math

import numpy as np
import pandas as pd
import pytest

from crmlab import practice, value
from crmlab.company import simulate, world


@pytest.fixture(scope="module")
def drawn():
    return practice.Drawn(practice.load("45"), "key", "student", small=True)


@pytest.fixture(scope="module")
def fits(drawn):
    summary = value.btyd_summary(
        drawn.given.orders, date="ordered_on", amount="amount_cents", observation_end=drawn.given.today
    ).set_index("customer_id")
    return summary, value.ModifiedBetaGeoNBD(summary).fit(), value.GammaGamma(summary).fit()


def test_standing_order_is_an_annuity_due(drawn):
    given = drawn.given
    v = (1 + given.discount) ** -0.25
    annuity = given.margin * given.fee * (1 - v**given.quarters) / (1 - v)
    assert drawn.key("45.1").right == pytest.approx(annuity)


def test_residual_value_week_by_week(drawn, fits):
    given, (summary, purchases, spend) = drawn.given, fits
    weeks = np.concatenate([np.arange(0, 520, 0.25), np.arange(520, 150 * 52, 4)])
    p, q, v = spend.params
    right = drawn.key("45.5").right["columns"]
    for place, customer in enumerate(given.chosen):
        row = summary.loc[customer]
        history = pd.DataFrame([row] * len(weeks), index=range(len(weeks)))
        bought = np.diff(purchases.conditional_expected_purchases(weeks, history))
        middle = (weeks[1:] + weeks[:-1]) / 2
        bought = sum(bought * (1 + given.discount) ** (-middle * 7 / 365.25))
        x, paid = row["frequency"], 0 if math.isnan(row["monetary_value"]) else row["monetary_value"]
        each = p * (v + x * paid) / (p * x + q - 1)
        assert right["customer_id"][place] == str(customer)
        assert right["spend_cents"][place] == pytest.approx(each)
        assert right["value_cents"][place] == pytest.approx(given.margin * bought * each, rel=1e-4)


def test_the_four_are_of_four_kinds(drawn, fits):
    four = fits[0].loc[drawn.given.chosen]
    assert len(four) == len(set(four.index)) == 4
    assert (four["frequency"] == 0).sum() == 1  # without one the mistake of a spend of 0 would not show


def test_share_that_brings_nothing_in_closed_form(drawn, fits):
    summary, purchases, _ = fits
    r, alpha, _, _ = purchases.params
    alive, ahead = purchases.probability_alive(), alpha + summary["T"]
    silent = (ahead / (ahead + drawn.given.horizon / 7)) ** (r + summary["frequency"])
    nothing = (1 - alive + alive * silent).sum()
    low, high = drawn.key("45.6").right
    assert (low + high) / 2 == pytest.approx(nothing, abs=0.004 * len(summary))
    assert low <= drawn.key("45.6").truth <= high


def test_truth_of_the_silent_is_that_of_lives_lived_on():
    days, nothing_added = 700, {"campaigns": 0, "launches": 0, "programme_effect": 0}
    tea = simulate(customers=5_000, world=world("base", days=days + 365, **nothing_added), rng=3)
    true, day = tea._truth["customers"].set_index("customer_id"), pd.Timestamp("2023-01-01")
    cut = day + pd.Timedelta(days=days)
    known = tea.customers.loc[tea.customers["joined_on"] < cut, "customer_id"]
    true = true.loc[known]
    there = true["left_on"].isna() | (true["left_on"] >= cut)
    expected = 1 - (there * -np.expm1(-365 * true["purchase_rate"])).mean()
    came = tea.orders.loc[tea.orders["ordered_at"] >= cut, "customer_id"]
    assert 1 - known.isin(came).mean() == pytest.approx(expected, abs=0.015)


@pytest.mark.slow
def test_no_interval_holds_for_all_students(drawn):
    others = [practice.Drawn(practice.load("45"), "trial", f"trial {one}", small=True) for one in range(4)]
    truths = [one.key("45.6").truth for one in others]
    assert max(truths) - min(truths) > drawn.form("45.6").widest


def test_nothing_given_tells_the_truth(drawn):
    given = drawn.given
    assert list(given.orders) == ["customer_id", "ordered_on", "amount_cents"]
    assert "nothing" not in given.values()


def verdict(drawn, number, answer):
    return drawn.verdict(number, drawn.form(number).plain(answer, drawn.cases(number)))


def test_other_ways_are_right_and_other_slips_are_not(drawn):
    given = drawn.given
    paid = [given.margin * given.fee / (1 + given.discount) ** (k / 4) for k in range(given.quarters)]
    assert verdict(drawn, "45.1", round(sum(paid))).outcome == "right"
    assert "Close" in verdict(drawn, "45.1", sum(paid) * 1.003).message
    number = given.orders.groupby("customer_id").cumcount()
    first, second = (given.orders[number == one].set_index("customer_id")["amount_cents"] for one in (0, 1))
    single = verdict(drawn, "45.3", second[first[second.index] >= given.dear].mean())
    assert single.mistake == "each_order_for_itself"
    assert verdict(drawn, "45.4", round(drawn.key("45.4").right, 1)).outcome == "right"
    four = pd.DataFrame(drawn.key("45.5").right["columns"]).set_index("customer_id")
    assert verdict(drawn, "45.5", four.round(0)).outcome == "right"
    assert verdict(drawn, "45.5", four.assign(value_cents=0)).mark == 0.5
