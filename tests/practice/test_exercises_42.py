"""Exercise 42. Referees: loops in plain Python, Kaplan–Meier by statsmodels, what came later."""

from collections import defaultdict
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from crmlab import company, practice, value


@pytest.fixture(scope="module")
def drawn():
    return practice.Drawn(practice.load("42"), "key", "student", small=True)


@pytest.fixture(scope="module")
def days(drawn):
    """Return the days on which each customer ordered."""
    ordered = defaultdict(list)
    for row in drawn.given.orders.itertuples():
        ordered[row.customer_id].append(row.ordered_on)
    return ordered


def quarter(day):
    return 4 * day.year + (day.month - 1) // 3


def test_active_share(drawn, days):
    age, this_quarter = drawn.given.age, quarter(drawn.given.today)
    assert quarter(drawn.given.today + timedelta(days=1)) == this_quarter  # it is not over
    old = [{quarter(day) for day in theirs} for theirs in days.values()]
    old = [quarters for quarters in old if min(quarters) + age < this_quarter]
    active = sum(min(quarters) + age in quarters for quarters in old)
    assert drawn.key("42.1").right == pytest.approx(active / len(old))


def test_survival_is_kaplan_meiers(drawn):
    decisions, ended = defaultdict(int), defaultdict(bool)
    for row in drawn.given.memberships.itertuples():
        decisions[row.customer_id] += not pd.isna(row.renewed)
        ended[row.customer_id] |= not pd.isna(row.renewed) and not row.renewed
    table = value.survival_table(list(decisions.values()), list(ended.values())).loc[1:4]
    right = drawn.key("42.2").right["columns"]
    assert right["due"] == table["at_risk"].tolist()
    assert right["survival"] == pytest.approx(table["survival"].tolist())
    assert right["retention_rate"] == pytest.approx((1 - table["ended"] / table["at_risk"]).tolist())


def test_silent_and_back(drawn, days):
    cut_off, (called, came) = drawn.given.cut_off, drawn.key("42.3").right["drawn"]
    known = [theirs for theirs in days.values() if min(theirs) <= cut_off]
    for place, limit in ((0, 30), (5, 180), (11, 360)):
        latest = cut_off - timedelta(days=limit)
        silent = [theirs for theirs in known if not any(latest < day <= cut_off for day in theirs)]
        back = sum(max(theirs) > cut_off for theirs in silent)
        assert called[place] == pytest.approx([limit, len(silent) / len(known)])
        assert came[place] == pytest.approx([limit, back / len(silent)])


def test_expected_renewals_are_those_that_come():
    days, day = 2_500 + 1_096, pd.Timestamp("2023-01-01") + timedelta(days=2_500)
    longer = company.simulate(18_000, company.world("base", days=days, membership=0.9), rng=3)
    years, true = longer.memberships, longer._truth["customers"].set_index("customer_id")
    true["alive"] = ~(true["left_on"] < day)
    running = years[(years["starts_on"] < day) & (years["ends_on"] >= day)]
    then = running[["customer_id"]].assign(term=running["term"] + 1)
    later = then.merge(years, how="left")["renewed"].fillna(False).astype(float)
    expected = practice.load("42").inputs.__globals__["_renews_twice"](true, running, day)
    assert expected == pytest.approx(later.mean(), abs=3 * np.sqrt(later.var() / len(later)))


@pytest.mark.slow
def test_no_interval_holds_for_all_students():
    each = [
        practice.Drawn(practice.load("42"), "key", f"student {number}", small=True) for number in range(5)
    ]
    truths = [one.key("42.4").truth for one in each]
    assert max(truths) - min(truths) > each[0].form("42.4").widest


def test_nothing_given_tells_who_left(drawn):
    given, kept = drawn._inputs
    assert list(given.orders) == ["customer_id", "ordered_on"]
    assert list(given.memberships) == ["customer_id", "term", "starts_on", "ends_on", "renewed"]
    assert not set(given.values()) & set(kept)
    assert given.orders["ordered_on"].max() <= given.today
    assert (given.memberships["renewed"].isna() == (given.memberships["ends_on"] > given.today)).all()


def test_like_with_like(drawn, days):
    """The first renewal's two rates, with the second renewal's share of silent, in plain loops."""
    renewed, silent = defaultdict(list), defaultdict(list)
    for row in drawn.given.memberships.dropna(subset="renewed").itertuples():
        last = max(day for day in days[row.customer_id] if day <= row.ends_on)
        was_silent = (row.ends_on - last).days > drawn.given.limit
        silent[row.term].append(was_silent)
        renewed[row.term, was_silent].append(float(row.renewed))
    share = np.mean(silent[2])
    wanted = share * np.mean(renewed[1, True]) + (1 - share) * np.mean(renewed[1, False])
    assert drawn.key("42.5").right == pytest.approx(wanted)
    assert verdict(drawn, "42.5", round(wanted, 3)).outcome == "right"  # as the lesson shows it


def test_names_on_tins(drawn):
    """A tin is worth 15 dollars times the chance, less 6; whoever has left has none."""
    worth = drawn.key("42.6").truth
    running = drawn.given.memberships.query("renewed.isna()")
    assert sorted(worth.index) == sorted(running["customer_id"].astype(str))
    assert worth.min() == -6 and worth.max() < 9
    oldest = running.sort_values("term", ascending=False)["customer_id"].head(drawn.given.tins)
    assert verdict(drawn, "42.6", oldest.tolist()).mark > 0.7  # equals in another order


def verdict(drawn, number, answer):
    return drawn.verdict(number, drawn.form(number).plain(answer, drawn.cases(number)))


def test_other_ways_are_right_and_other_slips_are_not(drawn):
    given = drawn.given
    quarter = given.orders["ordered_on"].dt.to_period("Q")
    first = quarter.groupby(given.orders["customer_id"]).transform("min")
    over = first + given.age < pd.Period(given.today + pd.Timedelta(days=1), "Q")
    came = given.orders["customer_id"][over & (quarter == first + given.age)].nunique()
    share = came / given.orders["customer_id"][over].nunique()
    assert verdict(drawn, "42.1", round(share, 3)).outcome == "right"  # as the lesson shows it
    assert "Close: is it rounded" in verdict(drawn, "42.1", round(share, 3) + 0.002).message
    alike = pd.Series(quarter[over & (quarter == first + given.age)].index, dtype=int)
    who = given.orders.assign(cohort=first)[over].drop_duplicates("customer_id").set_index("customer_id")
    who["came"] = who.index.isin(given.orders["customer_id"].loc[alike])
    told = verdict(drawn, "42.1", who.groupby("cohort")["came"].mean().mean())
    assert told.mistake == "cohorts_alike"
    # rates rounded to three decimals, and their product
    rates = given.memberships.dropna(subset="renewed").astype({"renewed": float}).groupby("term")["renewed"]
    table = pd.DataFrame({"due": rates.size(), "retention_rate": rates.mean().round(3)}).loc[:4]
    table = table.assign(survival=table["retention_rate"].cumprod().round(3)).rename_axis("renewal")
    assert verdict(drawn, "42.2", table).outcome == "right"
    wrong = verdict(drawn, "42.2", table.assign(survival=table["retention_rate"]))
    assert wrong.mark == pytest.approx(9 / 12) and "Right: 'due', 'retention_rate'." in wrong.message
