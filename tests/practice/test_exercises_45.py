"""Exercise 45. Referees: loops in plain Python, closed forms, sums week by week, a grid, and the envelope."""

import math
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.special import betaln

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


def test_balance_customer_by_customer(drawn):
    given, first = drawn.given, {}
    for row in given.orders.itertuples():
        first[row.customer_id] = min(row.ordered_on, first.get(row.customer_id, row.ordered_on))
    won = {who for who, day in first.items() if day <= given.won_until}
    assert max(first[who] for who in won) + timedelta(days=8 * 91) <= given.today  # seen in full
    balance = [-given.cost] * 8
    for row in given.orders.itertuples():
        quarter = (row.ordered_on - first[row.customer_id]) // timedelta(days=91)
        if row.customer_id in won:
            paid = given.margin * row.amount_cents / len(won) / (1 + given.discount) ** (quarter / 4)
            balance = [sum_ + paid * (k >= quarter) for k, sum_ in enumerate(balance)]
    (line,) = drawn.key("45.2").right["drawn"]
    np.testing.assert_allclose(line, list(enumerate(balance)), rtol=1e-9)
    assert balance[0] < 0 < balance[-1]  # so that there is a payback to look for


def test_contracts_year_by_year(drawn):
    given = drawn.given
    still = given.contracts["customers"].tolist()

    def unlikely(logs):
        a, b = np.exp(logs)
        told = [
            (still[k] - still[k + 1]) * (betaln(a + 1, b + k) - betaln(a, b)) for k in range(len(still) - 1)
        ]
        return -sum(told) - still[-1] * (betaln(a, b + len(still) - 1) - betaln(a, b))

    a, b = np.exp(minimize(unlikely, [0, 0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-9}).x)
    right = drawn.key("45.3").right["columns"]
    retention = sum(still[1:]) / sum(still[:-1])
    for place, renewals in enumerate([0, 2, 6]):
        one = differ = 0.0
        stays_one = stays = given.yearly
        for year in range(1, 400):
            age = renewals + year - 1
            stays_one, stays = stays_one * retention, stays * (b + age) / (a + b + age)
            one, differ = (
                one + stays_one / (1 + given.discount) ** year,
                differ + stays / (1 + given.discount) ** year,
            )
        assert right["one_rate"][place] == pytest.approx(one)
        assert right["customers_differ"][place] == pytest.approx(differ, rel=1e-5)


def test_best_spend_on_a_grid(drawn):
    best = practice.load("45").questions["45.4"].solution()
    found = []
    for case in drawn.cases("45.4"):
        # the next year's contribution is spent on keeping: what a customer is worth is there at once
        equity = value.CustomerEquity(
            margin=case["worth"], discount=0.1, acquisition_spend=case["spend"],
            acquisition_rate=case["rate"], acquisition_ceiling=case["ceiling"],
            retention_spend=case["worth"] / 2, retention_rate=0.5, retention_ceiling=0.9,
        )  # fmt: skip
        spend = np.linspace(0, case["worth"] * case["ceiling"], 20_001)
        found.append(best(**case))
        assert found[-1] == pytest.approx(spend[equity.equity(spend).argmax()], abs=spend[1])
    assert 0 in found and max(found) > 0


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


def test_potential_customer_by_customer(drawn, fits):
    given, (_, purchases, spend) = drawn.given, fits
    bought = purchases.conditional_expected_purchases(365 / 7)
    with_us = dict((bought * spend.expected_spend()).items())
    shares = dict(zip(given.interviews["customer_id"], given.interviews["share"], strict=True))
    told = {who: with_us[who] / share - with_us[who] for who, share in shares.items()}
    usual = sum(told.values()) / sum(with_us[who] for who in shares)
    potential = sum(told.get(who, usual * ours) for who, ours in with_us.items())
    assert drawn.key("45.7").right == pytest.approx(potential)


def test_nothing_given_tells_the_truth(drawn):
    given = drawn.given
    assert list(given.orders) == ["customer_id", "ordered_on", "amount_cents"]
    assert list(given.interviews) == ["customer_id", "share"]
    assert list(given.contracts) == ["renewals", "customers"]
    assert "nothing" not in given.values()


def verdict(drawn, number, answer):
    return drawn.verdict(number, drawn.form(number).plain(answer, drawn.cases(number)))


def test_other_ways_are_right_and_other_slips_are_not(drawn):
    given = drawn.given
    paid = [given.margin * given.fee / (1 + given.discount) ** (k / 4) for k in range(given.quarters)]
    assert verdict(drawn, "45.1", round(sum(paid))).outcome == "right"
    assert "Close" in verdict(drawn, "45.1", sum(paid) * 1.003).message
    four = pd.DataFrame(drawn.key("45.5").right["columns"]).set_index("customer_id")
    assert verdict(drawn, "45.5", four.round(0)).outcome == "right"
    assert verdict(drawn, "45.5", four.assign(value_cents=0)).mark == 0.5
    elsewhere = drawn.key("45.7").right
    assert verdict(drawn, "45.7", float(f"{elsewhere:.3g}")).outcome == "right"
    told = {name: verdict(drawn, "45.7", plain) for name, (_, plain) in drawn.key("45.7").wrong.items()}
    assert all(one.mistake == name and one.mark == 0 for name, one in told.items())
