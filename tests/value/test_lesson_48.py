"""Lesson 48. Referees: loops written out, the package, six companies for what is said of them."""

import nbformat
import numpy as np
import pandas as pd
import pytest

from crmlab import company, course, value

CELLS = nbformat.read(course.ROOT / "notebooks" / "48_payback_and_potential.ipynb", as_version=4).cells


def lesson(first="s0-import", last="s7-best", **names):
    """Run the lesson's cells from one to another, those that only draw left out."""
    code = [cell for cell in CELLS if cell.cell_type == "code"]
    ids = [cell.id for cell in code]
    for cell in code[ids.index(first) : ids.index(last) + 1]:
        if not cell.id.endswith("figure"):
            exec(cell.source.replace("plt.show()", "plt.close('all')"), names)
    return names


@pytest.fixture(scope="module")
def names():
    return lesson()


def test_payback_by_hand_is_the_packages(names):
    table = value.payback_table([20, 8, 5, 3], acquisition_cost=30)
    assert table["balance"].tolist() == (names["brings"].cumsum() - 30).tolist()


def test_what_a_real_customer_leaves_by_a_loop(names):
    first, so_far = {}, 0.0
    for row in names["log"].itertuples():
        first[row.customer_id] = min(row.date, first.get(row.customer_id, row.date))
    for row in names["log"].itertuples():
        so_far += 0.3 * row.amount * ((row.date - first[row.customer_id]).days * 12 < 6 * 365)
    assert names["so_far"].loc[6, "all who were won"] == pytest.approx(so_far / len(first))
    assert max(first.values()) + pd.Timedelta(days=456) <= names["log"]["date"].max()


def test_both_balances_invoice_by_invoice(names):
    tea, cost = names["tea"], names["tea"].open_envelope("acquisition_cost_cents") / 100
    who = tea.customers[tea.customers["joined_on"].dt.year == 2023].set_index("customer_id")
    who = who[(who["source"] == "lead") & (who["kind"] == "firm")]
    left = tea.orders.set_index("order_id")
    found = {"by orders": [0.0] * 3, "by money": [0.0] * 3}
    for bill in tea.invoices[tea.invoices["customer_id"].isin(who.index)].itertuples():
        order, joined = left.loc[bill.order_id], who.loc[bill.customer_id, "joined_on"]
        kept = (order["margin_cents"] - order["serving_cents"]) / 100
        month = (order["ordered_at"].normalize() - joined).days * 12 // 365
        back = 99 if pd.isna(bill.paid_on) else (bill.paid_on - joined).days * 12 // 365
        for n in range(3):
            found["by orders"][n] += kept * (month == n)
            found["by money"][n] += bill.amount_cents / 100 * (back == n)
            found["by money"][n] -= (bill.amount_cents / 100 - kept) * (month == n)
    for name, money in found.items():
        discounted = [sum_ / len(who) / 1.1 ** ((n + 1) / 12) for n, sum_ in enumerate(money)]
        balance = np.cumsum(discounted) - cost[who.index].mean()
        assert names["balance"].loc[1:3, name].tolist() == pytest.approx(balance.tolist(), rel=1e-9)


def test_what_all_leads_leave_by_money_payment_by_payment(names):
    tea = names["tea"]
    who = tea.customers[tea.customers["joined_on"].dt.year == 2023].set_index("customer_id")
    joined = who.loc[who["source"] == "lead", "joined_on"]
    bills = tea.invoices.set_index("order_id")
    found = 0.0
    for order in tea.orders[tea.orders["customer_id"].isin(joined.index)].itertuples():
        kept, billed, came = (order.margin_cents - order.serving_cents) / 100, 0.0, None
        if order.order_id in bills.index:
            bill = bills.loc[order.order_id]
            billed, came = bill["amount_cents"] / 100, bill["paid_on"]
        for day, money in ((order.ordered_at.normalize(), kept - billed), (came, billed)):
            month = 99 if pd.isna(day) else (day - joined[order.customer_id]).days * 12 // 365
            found += money / 1.1 ** ((month + 1) / 12) * (month < 6)
    assert names["all_leads"].loc[6, "by money"] == pytest.approx(found / len(joined), rel=1e-9)


def test_the_last_firm_counts_in_part_and_no_list_passes_the_oracle(names):
    came = pd.DataFrame({"brings": [100.0, 60, 20], "ties_up": [10.0, 20, 10]}, index=[1, 2, 3])
    given = {"came": came, "np": np}
    brings = lesson("s5-bank", "s5-bank", **given)["within_limit"]
    assert brings(pd.Series([1, 3, 2], index=[1, 2, 3]), 15) == pytest.approx(60 * 15 / 20)
    assert brings(pd.Series([3, 2, 1], index=[1, 2, 3]), 15) == pytest.approx(100 + 60 * 5 / 20)
    assert names["bank"]["score"].max() == 1


def test_the_next_step_costs_what_the_curve_of_the_package_says(names):
    equity = value.CustomerEquity(388, 0.10, 27, 0.30, 0.45, 10, 0.59, 0.70)
    won = equity.rate("acquisition", names["steps"]["spend"].to_numpy())
    assert names["steps"]["won"].tolist() == pytest.approx((100 * won).tolist())


def test_the_best_spend_is_where_the_next_dollar_brings_back_a_dollar(names):
    k = np.log(3) / 27  # a third remains after each 27 dollars
    assert names["best"] == pytest.approx(np.log(names["leaves"] * 0.45 * k) / k, abs=0.51)


def test_the_days_of_old_orders_are_known_at_the_end_of_2024_and_the_later_ones_are_not(names):
    past = names["past"]
    known = past["paid_on"] < "2025-01-01"
    assert known[past["ordered_on"] < "2024-10-01"].all() and not known.all()


def told_of_seven():
    """Return the lesson's table of ours and six other companies, as numbers by row."""
    (text,) = [cell.source for cell in CELLS if cell.id == "s8-close"]
    lines = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| |")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {name: [float(one.replace("−", "-").replace(",", "")) for one in rest] for name, *rest in cells}


def seven(names):
    """Return what that table says of one company."""
    result, balance, visits = names["result"], names["balance"], names["hundred"]["score"]
    told = {
        "leads: back in month": result.loc["lead", "back in month"],
        "leads: left in six months, by orders": names["all_leads"].loc[6, "by orders"],
        "leads: left in six months, by money": names["all_leads"].loc[6, "by money"],
        "prospects: share won": (names["closed"]["outcome"] == "won").mean(),
        "leads: after month 24": result.loc["lead", "after month 24"],
        "walk-in: after month 24": result.loc["walk_in", "after month 24"],
        "firms: month 1, by orders": balance.loc[1, "by orders"],
        "firms: month 2, by money": balance.loc[2, "by money"],
        "firms: month 3, by money": balance.loc[3, "by money"],
    }
    for short, score in (("places", names["fifty"]["score"]), ("money", names["bank"]["score"])):
        told |= {f"{short} short: {name}": score[name] for name in names["lists"]}
    told["elsewhere: reckoned, in millions"] = names["people"]["elsewhere"].sum() / 1e6
    told["elsewhere: true, in millions"] = names["room"].sum() / 1e6
    return told | {f"visits: {name}": visits[name] for name in names["visits"]}


def test_what_is_said_of_six_other_companies_holds_in_the_table():
    told = told_of_seven()
    assert max(told["leads: back in month"]) <= 2 and max(told["firms: month 2, by money"]) < 0
    assert min(told["firms: month 1, by orders"]) > 0 and min(told["firms: month 3, by money"]) > 0
    assert max(told["leads: left in six months, by money"]) < 270  # what the next lead costs
    for short, best, worst in (
        ("places", "value alone", "the rule"),
        ("money", "the rule", "value alone"),
        ("money", "time alone", "value alone"),
    ):
        apart = np.subtract(told[f"{short} short: {best}"], told[f"{short} short: {worst}"])
        assert min(apart) > 0.4
    ahead = np.subtract(told["money short: the rule"], told["money short: time alone"])
    assert min(ahead) < 0 < max(ahead) and max(abs(ahead)) < 0.1  # now one in front, now the other
    order = [told[f"visits: {name}"] for name in ("smallest share told", "most with us", "most elsewhere")]
    assert (np.diff(order, axis=0) > 0).all()
    assert told["leads: after month 24"][0] == min(told["leads: after month 24"])


def test_the_table_says_of_ours_what_the_lesson_shows(names):
    compare(told_of_seven(), 0, names)


def compare(told, column, names):
    found = seven(names)
    assert set(found) == set(told)
    for name, one in found.items():
        half = 0.51 if name.startswith(("leads", "walk-in", "firms")) else 0.0051
        assert told[name][column] == pytest.approx(one, abs=half), name


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5, 6])
def test_what_is_said_of_six_other_companies(seed, monkeypatch):
    simulate = company.simulate
    monkeypatch.setattr(company, "simulate", lambda: simulate(rng=seed))
    compare(told_of_seven(), seed, lesson())
