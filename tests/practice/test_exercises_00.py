"""Referees: the figures stored in lesson 00 (CDNOW, the whole cohort) and the envelope of the company."""

import pandas as pd
import pytest

from crmlab import datasets, practice


@pytest.fixture(scope="module")
def exercise():
    return practice.load("00")


@pytest.fixture(scope="module")
def drawn(exercise):
    return practice.Drawn(exercise, "key", "student", small=True)


def test_the_lesson_s_rule_beats_nobody_by_as_much_as_the_lesson_says(exercise):
    better = exercise.questions["00.2"].solution()(
        datasets.load("cdnow_master"), pd.Timestamp("1997-09-30"), 2
    )
    assert better == pytest.approx(0.723 - 0.701, abs=0.001)


def test_two_mailings_mislead_in_opposite_directions(drawn):
    mailings, by_lot = drawn.given.mailings, drawn.key("00.4").right
    after = mailings.groupby(["mailing", "mailed"])["contribution_after"].mean().unstack()
    difference = (after[True] - after[False]).drop(by_lot)
    assert difference.min() < 0 < difference.max()
    days = mailings.groupby(["mailing", "mailed"])["days_since_order"].mean().unstack()
    apart = (days[True] / days[False] - 1).abs()
    assert apart.idxmin() == by_lot  # the other column known beforehand says the same
    assert apart[by_lot] < 0.1


def test_nothing_given_lies_after_the_cut_off(drawn):
    given = drawn.given
    evening = given.cut_off + pd.Timedelta(days=1)
    for table, column in [
        ("orders", "ordered_at"),
        ("twin_orders", "ordered_at"),
        ("complaints", "opened_on"),
    ]:
        assert getattr(given, table)[column].max() < evening
    assert given.newcomers["date"].max() <= pd.Timestamp("1997-03-31")
    assert not set(given.newcomers["customer_id"]) & set(given.log["customer_id"])  # other people


@pytest.mark.slow
def test_no_interval_known_beforehand_holds_everybody_s_truth(exercise):
    everybody = [practice.Drawn(exercise, "key", f"student {number}", small=True) for number in range(12)]
    truths = [drawn.key("00.7").truth for drawn in everybody]
    assert max(truths) - min(truths) > everybody[0].form("00.7").widest


def verdict(drawn, number, answer):
    return drawn.verdict(number, drawn.form(number).plain(answer, drawn.cases(number)))


def test_other_ways_are_right_and_other_slips_are_not(drawn):
    given = drawn.given
    known = given.contacts.dropna(subset="telephone").drop_duplicates("telephone")
    people = len(known) + int(given.contacts["telephone"].isna().sum())
    assert verdict(drawn, "00.1", people).outcome == "right"
    assert verdict(drawn, "00.1", given.contacts.drop_duplicates(["name", "telephone"]).shape[0]).mark == 0
    # days times the mean of a day is the sum by another way; the last purchase alone is no forecast
    by_day = given.newcomers.groupby(["customer_id", "date"])["amount"].sum().groupby("customer_id")
    assert verdict(drawn, "00.3", (by_day.size() * by_day.mean()).nlargest(given.places)).outcome == "right"
    assert verdict(drawn, "00.3", by_day.last().nlargest(given.places)).outcome in ("wrong", "mistake")
    # the lesson shows three decimals
    rates = pd.DataFrame(drawn.key("00.5").right["columns"]).set_index("type")
    assert verdict(drawn, "00.5", rates.round(3)).outcome == "right"
    half = verdict(drawn, "00.5", rates.assign(complaints_per_order=rates["complaints_per_customer"]))
    # with one order each, the two are one for the one-off
    assert half.mark == pytest.approx(4 / 6) and "Right: 'complaints_per_customer'." in half.message


def test_nobody_s_purchases_can_be_looked_up(drawn):
    rows = set(map(tuple, datasets.load("cdnow_master")[["date", "amount"]].to_numpy()))
    mine = set(map(tuple, drawn.given.newcomers[["date", "amount"]].to_numpy()))
    assert len(mine & rows) < 0.1 * len(mine)  # what chance makes equal
