"""Exercise 48. Referees: loops in plain Python, a grid, every order of a few firms, and the envelope."""

from datetime import timedelta
from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from crmlab import practice


@pytest.fixture(scope="module")
def drawn():
    return practice.Drawn(practice.load("48"), "key", "student", small=True)


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
    (line,) = drawn.key("48.1").right["drawn"]
    np.testing.assert_allclose(line, list(enumerate(balance)), rtol=1e-9)
    assert balance[0] < 0 < balance[-1]  # so that there is a payback to look for


def test_days_cent_by_cent(drawn):
    days = cents = 0
    for bill in drawn.given.invoices.itertuples():
        if bill.ordered_on <= drawn.given.settled:
            days += (bill.paid_on - bill.ordered_on).days * bill.amount_cents
            cents += bill.amount_cents
    assert drawn.key("48.2").right == pytest.approx(days / cents)


def test_both_balances_invoice_by_invoice(drawn):
    given, first = drawn.given, {}
    for bill in given.invoices.itertuples():
        first.setdefault(bill.customer_id, bill.ordered_on)
    won = [who for who, day in first.items() if day <= given.won_until]
    right = drawn.key("48.3").right["columns"]
    for place, month in enumerate(range(1, 7)):
        by_order = by_payment = 0.0
        for bill in given.invoices.itertuples():
            end = first[bill.customer_id] + timedelta(days=30 * month)
            if bill.customer_id not in won:
                continue
            if bill.ordered_on < end:
                by_order += given.margin * bill.amount_cents
                by_payment -= (1 - given.margin) * bill.amount_cents
            if bill.paid_on < end:
                by_payment += bill.amount_cents
        assert right["by_order"][place] == pytest.approx(by_order / len(won) - given.firm_cost)
        assert right["by_payment"][place] == pytest.approx(by_payment / len(won) - given.firm_cost)


def test_the_rule_by_trying_all_orders(drawn):
    brings = practice.load("48").questions["48.4"].solution()
    for case in drawn.cases("48.4")[:2]:
        value, tied = case["brings_a_year"], case["ties_up"]
        for order in permutations(range(len(value))):
            rate = [value[one] / tied[one] for one in order]
            if rate == sorted(rate, reverse=True):
                sums = np.cumsum([tied[one] for one in order])
                chosen = [one for one, sum_ in zip(order, sums, strict=True) if sum_ <= case["limit"]]
                assert brings(**case) == sum(value[one] for one in chosen)


def test_potential_customer_by_customer(drawn):
    given, with_us = drawn.given, {}
    for row in given.orders.itertuples():
        lately = (given.today - row.ordered_on).days < 365
        with_us[row.customer_id] = with_us.get(row.customer_id, 0) + lately * row.amount_cents
    shares = dict(zip(given.interviews["customer_id"], given.interviews["share"], strict=True))
    told = {who: with_us[who] / share - with_us[who] for who, share in shares.items()}
    usual = sum(told.values()) / sum(with_us[who] for who in shares)
    potential = sum(told.get(who, usual * ours) for who, ours in with_us.items())
    assert drawn.key("48.5").right == pytest.approx(potential)


def test_best_spend_on_a_grid(drawn):
    best, found = practice.load("48").questions["48.6"].solution(), []
    for case in drawn.cases("48.6"):
        k = -np.log(1 - case["rate"] / case["ceiling"]) / case["spend"]
        spend = np.linspace(0, case["worth"] * case["ceiling"], 20_001)
        left = case["worth"] * case["ceiling"] * (1 - np.exp(-k * spend)) - spend
        found.append(best(**case))
        assert found[-1] == pytest.approx(spend[left.argmax()], abs=spend[1])
    assert 0 in found and max(found) > 0


def test_nothing_given_tells_the_truth(drawn):
    given = drawn.given
    assert list(given.orders) == ["customer_id", "ordered_on", "amount_cents"]
    assert list(given.interviews) == ["customer_id", "share"]
    assert not hasattr(given, "room") and given.invoices["paid_on"].max() <= given.today


def verdict(drawn, number, answer):
    return drawn.verdict(number, drawn.form(number).plain(answer, drawn.cases(number)))


def test_other_ways_are_right_and_other_slips_are_not(drawn):
    right = drawn.key("48.2").right
    assert verdict(drawn, "48.2", round(right, 1)).outcome == "right"  # as the lesson shows it
    assert verdict(drawn, "48.2", right + 1).mark == 0
    table = pd.DataFrame(drawn.key("48.3").right["columns"]).set_index("month")
    assert verdict(drawn, "48.3", table.round(0)).outcome == "right"
    assert verdict(drawn, "48.3", table.assign(by_payment=0)).mark == 0.5
    given, elsewhere = drawn.given, drawn.key("48.5").right
    lately = given.orders[given.orders["ordered_on"] > given.today - timedelta(days=365)]
    with_us = lately.groupby("customer_id")["amount_cents"].sum()
    share = given.interviews.set_index("customer_id")["share"]
    room = with_us.reindex(share.index, fill_value=0) * (1 - share) / share
    heads = room.mean() * given.orders["customer_id"].nunique()
    assert verdict(drawn, "48.5", heads).mistake == "as_much_a_head"
    assert verdict(drawn, "48.5", float(f"{elsewhere:.3g}")).outcome == "right"
