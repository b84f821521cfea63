"""Exercise 32. Referees: statsmodels, itertools, the package, plain loops."""

from itertools import accumulate

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from crmlab import network, practice

STUDENTS = ["ann", "bob", "eve"]
DAY = pd.Timestamp("2024-01-01")


@pytest.fixture(scope="module")
def exercise():
    return practice.load("32")


@pytest.fixture(scope="module")
def all_drawn(exercise):
    return [practice.Drawn(exercise, "key", student, small=True) for student in STUDENTS]


def verdict(drawn, number, answer):
    return drawn.verdict(number, drawn.form(number).plain(answer, drawn.cases(number)))


def by_month(given):
    """Return for each partner its marks by month, counted from year 0."""
    held: dict[int, dict[int, float]] = {}
    for row in given.marks.itertuples():
        held.setdefault(row.partner_id, {})[12 * row.asked_on.year + row.asked_on.month] = row.attitude
    return held


def fitted(given):
    """Return the regression of 2023 by statsmodels, on rows put together by a loop."""
    rows = [
        {"mark": mark, "last": marks[month - 1], "before": marks[month - 2]}
        for marks in by_month(given).values()
        for month, mark in marks.items()
        if month <= 12 * 2023 + 12 and month - 1 in marks and month - 2 in marks
    ]
    return smf.ols("mark ~ last + before", pd.DataFrame(rows)).fit().params


def surprises(given):
    """Return by partner the surprises of each month that has one."""
    constant, last, before = fitted(given)
    return {
        partner: {
            month: mark - constant - last * marks[month - 1] - before * marks[month - 2]
            for month, mark in sorted(marks.items())
            if month - 1 in marks and month - 2 in marks
        }
        for partner, marks in by_month(given).items()
    }


def test_the_highest_sum_is_accumulates(all_drawn):
    for one in all_drawn:

        def highest(surprises, allowance):
            sums = accumulate(surprises, lambda total, new: max(0, total - new - allowance), initial=0)
            return max(sums)

        assert verdict(one, "32.1", highest).outcome == "right"

        def by_the_package(surprises, allowance):
            return float(network.Cusum(allowance, "low").statistic(np.array(surprises, float)).max())

        assert verdict(one, "32.1", by_the_package).outcome == "right"

        def both_sides(surprises, allowance):
            return float(network.Cusum(allowance, "both").statistic(np.array(surprises, float)).max())

        assert verdict(one, "32.1", both_sides).outcome != "right"


def test_more_than_luck_is_the_packages_share_above_its_own(all_drawn):
    for one in all_drawn:
        given = one.given
        row = network.proxy(given.close, "trust", "letters", lowest=given.count / len(given.close)).loc["all"]
        assert verdict(one, "32.2", given.count * (row["found"] - row["by_luck"])).outcome == "right"
        rank = given.close[["trust", "letters"]].rank()
        both = (rank <= given.count).all(axis=1).sum()
        assert verdict(one, "32.2", both - given.count**2 / len(given.close)).outcome == "right"
        assert verdict(one, "32.2", int(both)).mistake == "without_luck"
        assert verdict(one, "32.2", both - given.count / 4).outcome in ("right", "wrong", "close")


def test_a_surprise_is_that_of_statsmodels_and_of_the_package(all_drawn):
    for one in all_drawn:
        given = one.given
        month = 12 * given.month.year + given.month.month
        assert verdict(one, "32.3", round(surprises(given)[given.partner][month], 3)).outcome == "right"
        table = network.watch(given.marks, limit=given.limit).table
        assert verdict(one, "32.3", table.loc[(given.partner, given.month), "surprise"]).outcome == "right"
        rounded = fitted(given).round(1)
        marks = by_month(given)[given.partner]
        rough = (
            marks[month]
            - rounded.iloc[0]
            - rounded.iloc[1] * marks[month - 1]
            - rounded.iloc[2] * marks[month - 2]
        )
        assert verdict(one, "32.3", rough).outcome != "right" or abs(rough) < 0.01


def test_alarms_by_a_loop(all_drawn):
    for one in all_drawn:
        given, alarms, anywhere = one.given, 0, 0
        for months in surprises(given).values():
            total = carried = 0.0
            beyond = early = False
            for month, surprise in months.items():
                carried = max(0.0, carried - surprise - 0.5)
                early = early or (carried > given.limit and month > 12 * 2023 + 12)
                if month > 12 * 2023 + 12:
                    total = max(0.0, total - surprise - 0.5)
                    beyond = beyond or total > given.limit
            alarms, anywhere = alarms + beyond, anywhere + early
        assert verdict(one, "32.4", alarms).outcome == "right"
        if anywhere != alarms:  # the sums of 2023 carried over
            assert verdict(one, "32.4", anywhere).outcome != "right"


@pytest.mark.parametrize("rng", [3, 4])
def test_what_is_promised_by_the_package_and_by_a_loop(all_drawn, rng):
    for one in all_drawn:
        given = one.given
        dice = np.random.default_rng(rng)
        pieces = []
        for months in surprises(given).values():
            quiet = {month: surprise for month, surprise in months.items() if month <= 12 * 2023 + 12}
            pieces += [
                [quiet[month + k] for k in range(4)]
                for month in quiet
                if all(month + k in quiet for k in range(4))
            ]
        hat = np.array(pieces)
        drawn = hat[dice.integers(0, len(hat), (20_000, given.ahead // 4))].reshape(20_000, -1)
        total, top = np.zeros(20_000), np.zeros(20_000)
        for month in drawn.T:
            total = np.maximum(0, total - month - 0.5)
            top = np.maximum(top, total)
        promised = given.partners_then * (top > given.limit).mean()
        assert verdict(one, "32.5", round(promised, 1)).outcome == "right"
        assert verdict(one, "32.5", promised / 2).outcome != "right"


def test_leads_by_a_loop(all_drawn):
    for one in all_drawn:
        kinds = sorted(one.given.log["kind"].unique())
        counts = {kind: {"warned": 0, "false_alarms": 0} for kind in kinds}
        careless = {kind: {"warned": 0, "false_alarms": 0} for kind in kinds}
        for row in one.given.log.itertuples():
            if pd.isna(row.alarm):
                continue
            if pd.isna(row.left):
                counts[row.kind]["false_alarms"] += 1
                careless[row.kind]["false_alarms"] += 1
                continue
            lead = 12 * (row.left.year - row.alarm.year) + row.left.month - row.alarm.month
            counts[row.kind]["warned"] += 1 <= lead <= 12
            counts[row.kind]["false_alarms"] += lead > 12
            careless[row.kind]["warned"] += 1 <= lead <= 12
        tables = [
            pd.DataFrame.from_dict(one_of, orient="index").rename_axis("kind")
            for one_of in (counts, careless)
        ]
        assert verdict(one, "32.6", tables[0].reset_index()).outcome == "right"
        assert verdict(one, "32.6", tables[1].reset_index()).outcome != "right"


def test_honest_lists_of_visits_pass_and_hindsight_of_marks_does_not(all_drawn):
    for one in all_drawn:
        given = one.given
        seen = network.watch(given.marks, false_alarms=0.02)
        today = given.marks["asked_on"].max()
        still = given.marks.loc[given.marks["asked_on"] == today, "partner_id"]
        gain = given.gains.set_index("partner_id")["gain"]
        alarmed = seen.alarms["first_alarm"].dropna().index.intersection(still)
        assert verdict(one, "32.7", gain.reindex(alarmed).nlargest(given.visits).index.tolist()).mark > 0.6
        lowest = given.marks[given.marks["partner_id"].isin(still)].groupby("partner_id")["attitude"].mean()
        assert verdict(one, "32.7", lowest.nsmallest(given.visits).index.tolist()).mark < 0.6


def test_sums_that_began_in_the_quiet_year_and_a_year_in_days_are_named(all_drawn):
    for one in all_drawn:
        for number, name in (("32.4", "since_the_quiet_year"), ("32.6", "by_days")):
            assert one.verdict(number, one.key(number).wrong[name][1]).mistake == name
