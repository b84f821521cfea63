"""Exercise 44. Referees: the package's own summary and its MBG/NBD, for what the solutions write by hand."""

import numpy as np
import pandas as pd
import pytest

from crmlab import practice, value
from crmlab.company import simulate


def solution(number: str):
    return practice.load("44").questions[number].solution


def test_summary_by_hand_is_the_packages() -> None:
    orders = simulate(customers=300).orders[["customer_id", "ordered_at"]]
    orders = orders.assign(ordered_on=orders["ordered_at"].dt.normalize())
    day = pd.Timestamp("2024-12-31")
    package = value.btyd_summary(orders, date="ordered_on", amount=None, calibration_end=day)
    wanted = package.set_index("customer_id")[["frequency", "recency", "T"]]
    pd.testing.assert_frame_equal(solution("44.1")(orders, day), wanted, check_dtype=False)


def test_the_share_on_paper_is_that_of_people_followed_week_by_week() -> None:
    share = solution("44.2")()
    rng = np.random.default_rng(1)
    for comes, leaves, weeks in [(0.3, 0.2, 4), (0.06, 0.45, 1), (0.1, 0.12, 12)]:
        stays = rng.random(400_000) >= leaves
        silent = ~stays | (rng.geometric(comes, 400_000) > weeks)
        assert share(comes, leaves, weeks) == pytest.approx(stays[silent].mean(), abs=0.006)


@pytest.mark.slow
def test_no_interval_holds_for_all_students_so_the_log_must_be_asked() -> None:
    drawn = [
        practice.Drawn(practice.load("44"), "trial", f"trial {number}", small=True) for number in range(4)
    ]
    truths = [one.key("44.6").truth for one in drawn]
    assert max(truths) - min(truths) > drawn[0].form("44.6").widest


def verdict(drawn, number, answer):
    return drawn.verdict(number, drawn.form(number).plain(answer, drawn.cases(number)))


def test_other_ways_are_right_and_other_slips_are_not() -> None:
    drawn = practice.Drawn(practice.load("44"), "key", "student", small=True)
    given, rows = drawn.given, {}
    seen = given.orders[given.orders["ordered_on"] <= given.cut_off]
    for who, days in seen.groupby("customer_id")["ordered_on"].unique().items():
        recency, age = (max(days) - min(days)).days / 7, (given.cut_off - min(days)).days / 7
        rows[who] = {"frequency": len(days) - 1, "recency": recency, "T": age}
    table = pd.DataFrame.from_dict(rows, orient="index")
    assert verdict(drawn, "44.1", table.round(1)).outcome == "right"  # as the lesson shows them
    a_day = verdict(drawn, "44.1", table.assign(T=table["T"] + 1 / 7))
    assert a_day.mark < 0.8
    newest = verdict(drawn, "44.1", table[table["T"] > 4])
    assert 0 < newest.mark < 1 and "Rows missing" in newest.message
    known = verdict(drawn, "44.1", table.assign(recency=table["T"] - table["recency"]))
    assert known.mistake == "recency_from_the_wrong_end" and "Right: 'frequency', 'T'." in known.message

    def by_people(comes, leaves, weeks):
        there, gone = 1_000 * (1 - leaves), 1_000 * leaves
        for _ in range(weeks):
            there -= there * comes
        return round(there / (there + gone), 2)

    assert verdict(drawn, "44.2", by_people).outcome == "right"
    assert verdict(drawn, "44.2", lambda comes, leaves, weeks: by_people(comes, leaves, weeks + 1)).mark < 0.5
