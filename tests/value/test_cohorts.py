"""Cohorts and survival. Referees: plain Python, printed output of Stata and R, closed forms, a known truth.

The printed output: Stata's `sts list` in Brad Jones's tutorial "Illustrating the Kaplan-Meier estimate with
Stata and R" (University of California, Davis; 54 durations with ties and censoring, log-log interval) and for
Gehan's control group in Germán Rodríguez's notes (Princeton, eco572; its first rows); R's `survfit` for the
leukemia data in Terry Therneau's message to the S-news list of November 2000 (its first rows).
"""

import math
from datetime import date, timedelta

import duckdb
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from scipy.stats import binomtest

from crmlab import datasets
from crmlab.value import (
    ShiftedBetaGeometric,
    cohort_table,
    plot_survival,
    retention_table,
    survival_table,
)
from tests.value.engines import ENGINES, to_engine, to_pandas

DAYS = 400


def random_log(ids, start=date(2023, 11, 15), rows=500, seed=4):
    """Return orders and, after a customer's first order, some returns."""
    rng = np.random.default_rng(seed)
    # the later half of the customers joins later
    joined = rng.integers(0, DAYS // 2, len(ids))
    who = rng.integers(0, len(ids), rows)
    days = joined[who] + (rng.random(rows) ** 2 * (DAYS - joined[who])).astype(int)
    moments = np.datetime64(start, "us") + (24 * days + rng.integers(0, 24, rows)) * np.timedelta64(1, "h")
    log = pd.DataFrame(
        {"who": np.asarray(ids)[who], "when": moments, "paid": rng.gamma(2, 10, rows).round(2)}
    )
    log.loc[rng.random(rows) < 0.2, "paid"] = 0
    first = log.groupby("who")["when"].transform("min")
    log.loc[(log["when"] > first + pd.Timedelta(1, "D")) & (rng.random(rows) < 0.1), "paid"] *= -1
    return log


def begin(day, period):
    """Return the first day of the calendar period of a day."""
    if period == "W":
        return day - timedelta(day.weekday())
    months = {"M": 1, "Q": 3, "Y": 12}[period]
    return date(day.year, (day.month - 1) // months * months + 1, 1)


def following(day, period):
    """Return the first day of the period after the one that begins on this day."""
    return begin(day + timedelta({"W": 7, "M": 31, "Q": 92, "Y": 366}[period]), period)


def by_hand(log, period, end, amounts):
    """Recompute the table with dictionaries and sets."""
    orders, money = {}, {}
    for who, when, paid in zip(log["who"], log["when"], log["paid"], strict=True):
        day = when.date()
        if day <= end:
            start = begin(day, period)
            if paid >= 0 or not amounts:
                orders.setdefault(who, set()).add(start)
            money[who, start] = money.get((who, start), 0.0) + paid
    born = {who: min(starts) for who, starts in orders.items()}
    rows = []
    for cohort in sorted(set(born.values())):
        members = [who for who in born if born[who] == cohort]
        start, age = cohort, 0
        while start <= end:
            active = sum(start in orders[who] for who in members)
            row = {"cohort": cohort, "age": age, "customers": len(members), "active": active}
            row["share"] = active / len(members)
            if amounts:
                row["amount"] = sum(money.get((who, start), 0.0) for who in members)
            rows.append(row | {"complete": following(start, period) <= end + timedelta(1)})
            start, age = following(start, period), age + 1
    return pd.DataFrame(rows).astype({"cohort": "datetime64[us]"})


def cohorts(log, **options):
    return cohort_table(log, customer="who", date="when", **options)


def same(ours, expected):
    ours = to_pandas(ours).astype({"cohort": "datetime64[us]"})
    pd.testing.assert_frame_equal(ours, expected, check_dtype=False, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("period", ["W", "M", "Q", "Y"])
@pytest.mark.parametrize(
    ("ids", "start", "end", "amount"),
    [
        (np.arange(80), date(2023, 11, 15), None, None),
        (np.arange(80), date(2023, 11, 15), 200, "paid"),
        (np.array(["Ann", "Bob", "Cy", "Dee"]), date(2019, 12, 30), 500, "paid"),
        # before the epoch of every engine
        (np.arange(30), date(1899, 12, 20), None, "paid"),
    ],
)
def test_every_engine_agrees_with_a_recomputation_by_hand(engine, period, ids, start, end, amount):
    log = random_log(ids, start)
    end = None if end is None else start + timedelta(end)
    table = to_engine(log, engine)
    ours = cohorts(table, period=period, observation_end=end, amount=amount)
    assert type(ours) is type(table)
    same(ours, by_hand(log, period, end or log["when"].max().date(), amount))


@pytest.mark.parametrize("engine", ENGINES)
def test_the_grid_is_complete(engine):
    """Ann in January and April; nobody comes first in February and March; Bob joins on the last day."""
    log = pd.DataFrame(
        {"who": ["Ann", "Ann", "Bob"], "when": pd.to_datetime(["2026-01-31", "2026-04-01"] * 2)[:3]}
    )
    log.loc[2, "when"] = pd.Timestamp("2026-05-01")
    ours = to_pandas(cohorts(to_engine(log, engine)))
    assert ours["age"].tolist() == [0, 1, 2, 3, 4, 0]
    assert ours["active"].tolist() == [1, 0, 0, 1, 0, 1]
    assert ours["complete"].tolist() == [True] * 4 + [False, False]
    # an end after the last row adds periods without an order, an end before it takes rows and cohorts away
    later = to_pandas(cohorts(to_engine(log, engine), observation_end="2026-06-30"))
    assert later.groupby("cohort")["active"].apply(list).tolist() == [[1, 0, 0, 1, 0, 0], [1, 0]]
    assert later["complete"].all()
    earlier = to_pandas(cohorts(to_engine(log, engine), observation_end="2026-03-30"))
    assert earlier["active"].tolist() == [1, 0, 0]
    assert earlier["complete"].tolist() == [True, True, False]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("period", "cohort"), [("W", "2024-12-30"), ("M", "2025-01-01"), ("Y", "2025-01-01")]
)
def test_one_customer_on_one_day(engine, period, cohort):
    """1 January 2025 was a Wednesday: its week began in the year before."""
    log = pd.DataFrame({"who": [7, 7], "when": pd.to_datetime(["2025-01-01 08:00", "2025-01-01 23:59"])})
    [row] = to_pandas(cohorts(to_engine(log, engine), period=period)).to_dict("records")
    assert pd.Timestamp(row.pop("cohort")) == pd.Timestamp(cohort)
    assert row == {"age": 0, "customers": 1, "active": 1, "share": 1, "complete": False}


def test_weeks_run_from_monday_to_sunday():
    log = pd.DataFrame({"who": [1, 1, 1], "when": pd.to_datetime(["2024-12-29", "2024-12-30", "2025-01-05"])})
    ours = cohorts(log, period="W")
    assert ours["cohort"].dt.day_name().eq("Monday").all()
    assert ours["active"].tolist() == [1, 1]
    assert ours["complete"].all()


def test_cdnow_has_the_published_cohort():
    """All 2,357 customers came in the first quarter of 1997 (Fader, Hardie and Lee 2005)."""
    log = datasets.load("cdnow_sample")
    quarters = cohort_table(log, period="Q", amount="amount")
    assert quarters["customers"].unique().tolist() == [2357]
    assert quarters["age"].tolist() == list(range(6))
    assert quarters["amount"].sum() == pytest.approx(log["amount"].sum(), rel=1e-12)
    months = cohort_table(log)
    assert months.groupby("cohort")["customers"].first().sum() == 2357
    pairs = log.assign(month=log["date"].dt.to_period("M")).drop_duplicates(["customer_id", "month"])
    assert months["active"].sum() == len(pairs)


def test_what_must_not_matter():
    log = random_log(np.arange(50), seed=5)
    copy = log.copy()
    expected = cohorts(log, amount="paid")
    pd.testing.assert_frame_equal(log, copy)
    # the order of the rows, their index and the hour of the day
    shuffled = log.sample(frac=1, random_state=1).assign(when=lambda d: d["when"].dt.normalize())
    same(cohorts(shuffled, amount="paid"), expected)
    # one bill or two
    same(cohorts(pd.concat([log.assign(paid=log["paid"] / 2)] * 2), amount="paid"), expected)
    # dates after the end of observation, however far
    future = log.assign(when=pd.Timestamp("2999-12-31"))
    last = log["when"].max().date()
    same(cohorts(pd.concat([log, future]), amount="paid", observation_end=last), expected)


def test_a_duckdb_table_stays_in_its_connection_and_leaves_nothing_there():
    connection = duckdb.connect()
    connection.execute("create table crmlab as select 7 as who, timestamp '2025-01-01' as when_")
    ours = cohort_table(connection.table("crmlab"), customer="who", date="when_")
    assert ours.join(connection.table("crmlab").set_alias("log"), "cohort = when_").fetchall()
    assert (
        connection.sql("select table_name from duckdb_tables() where table_name != 'crmlab'").fetchall() == []
    )
    assert connection.sql("select view_name from duckdb_views() where not internal").fetchall() == []


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("days", [["2025-01-31", "2025-02-01"], ["2025-01-31", "2025-01-31"]])
def test_returns_without_an_order_before_them_are_refused(engine, days):
    """One customer has the return before the order, or has returns only; another is in order."""
    log = pd.DataFrame({"who": [5, 5, 6], "when": pd.to_datetime([*days, days[0]]), "paid": [-9, 9, 1]})
    if days[0] == days[1]:
        log.loc[1, "paid"] = -1
    with pytest.raises(
        ValueError, match="1 customer.*return in a period before their first order.*the first is 5"
    ):
        cohorts(to_engine(log, engine), amount="paid")
    with pytest.raises(ValueError, match="2 customer.*no order at all; the first is 5"):
        cohorts(to_engine(log.assign(paid=-1), engine), amount="paid")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"period": "D"}, "no period 'D'.*Valid: M, Q, W, Y"),
        ({"period": 7}, "no period 7"),
        ({"observation_end": "2023-01-01"}, "observation_end 2023-01-01 is before the first row"),
        ({"observation_end": "yesterday"}, "is not a date"),
        ({"amount": "price"}, "no column 'price'"),
        ({"observation_end": "9999-01-01", "period": "W"}, "would have .* rows. Look for mistyped dates"),
    ],
)
def test_impossible_cohorts_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        cohorts(random_log(np.arange(30)), **options)


def test_retention_is_the_survivors_ratio():
    cohort = [1000, 631, 468, 382, 326, 289, 262, 241]
    ours = retention_table(cohort)
    assert ours["customers"].tolist() == cohort
    assert ours["retention_rate"][1:].tolist() == [b / a for a, b in zip(cohort, cohort[1:], strict=False)]
    np.testing.assert_allclose(ours["retention_rate"] + ours["churn_rate"], [np.nan] + [1] * 7, rtol=1e-15)
    np.testing.assert_allclose(ours["survival"], ours["retention_rate"].fillna(1).cumprod(), rtol=1e-12)
    # survivors of the model have its retention rates
    fit = ShiftedBetaGeometric(cohort).fit()
    model = retention_table(fit.survival(range(8)))
    np.testing.assert_allclose(model["retention_rate"][1:], fit.retention_rate(range(1, 8)), rtol=1e-9)


def test_a_cohort_without_survivors_or_without_ends():
    gone = retention_table(pd.Series([10, 5, 0, 0], index=list("abcd")))
    assert gone.index.tolist() == [0, 1, 2, 3]
    np.testing.assert_array_equal(gone["retention_rate"], [np.nan, 0.5, 0, np.nan])
    assert gone["survival"].tolist() == [1, 0.5, 0, 0]
    assert retention_table([10, 10])["churn_rate"].tolist()[1] == 0
    assert retention_table([10])["survival"].tolist() == [1]


@pytest.mark.parametrize(
    ("survivors", "message"),
    [
        ([10, 5, 6], "rises at age 2, from 5 to 6"),
        ([0, 0], "above 0 at age 0"),
        ([10, -1], "not be negative"),
        ([10, np.nan], "missing or infinite"),
        ([], "empty"),
        (["10", "5"], "must hold numbers"),
    ],
)
def test_impossible_survivors_are_refused(survivors, message):
    with pytest.raises(ValueError, match=message):
        retention_table(survivors)


# Time, at risk, failed, lost, survivor function, standard error, interval: printed by Stata's `sts list`.
STATA = """
2 54 1 0 0.9815 0.0183 0.8757 0.9974
4 53 1 0 0.9630 0.0257 0.8599 0.9906
5 52 2 0 0.9259 0.0356 0.8146 0.9715
7 50 3 0 0.8704 0.0457 0.7472 0.9360
10 47 1 0 0.8519 0.0483 0.7255 0.9230
11 46 1 0 0.8333 0.0507 0.7042 0.9096
12 45 2 0 0.7963 0.0548 0.6624 0.8816
13 43 1 1 0.7778 0.0566 0.6420 0.8672
15 41 2 0 0.7398 0.0598 0.6005 0.8369
16 39 1 1 0.7209 0.0612 0.5802 0.8214
18 37 1 0 0.7014 0.0626 0.5594 0.8053
19 36 1 0 0.6819 0.0638 0.5389 0.7889
21 35 1 0 0.6624 0.0649 0.5186 0.7723
23 34 2 1 0.6235 0.0667 0.4789 0.7385
25 31 3 1 0.5631 0.0687 0.4185 0.6848
26 27 1 0 0.5423 0.0693 0.3980 0.6660
28 26 1 0 0.5214 0.0697 0.3777 0.6469
29 25 1 1 0.5005 0.0699 0.3577 0.6276
30 23 2 0 0.4570 0.0703 0.3164 0.5870
31 21 1 0 0.4353 0.0702 0.2962 0.5663
34 20 1 0 0.4135 0.0700 0.2764 0.5453
46 19 3 0 0.3482 0.0684 0.2189 0.4807
48 16 2 0 0.3047 0.0664 0.1823 0.4362
49 14 1 0 0.2829 0.0651 0.1645 0.4134
59 13 0 1 0.2829 0.0651 0.1645 0.4134
66 12 1 0 0.2593 0.0638 0.1453 0.3890
70 11 1 0 0.2358 0.0622 0.1266 0.3642
71 10 0 1 0.2358 0.0622 0.1266 0.3642
99 9 0 1 0.2358 0.0622 0.1266 0.3642
127 8 0 2 0.2358 0.0622 0.1266 0.3642
128 6 1 0 0.1965 0.0630 0.0912 0.3310
284 5 0 1 0.1965 0.0630 0.0912 0.3310
319 4 0 1 0.1965 0.0630 0.0912 0.3310
452 3 0 1 0.1965 0.0630 0.0912 0.3310
634 2 0 1 0.1965 0.0630 0.0912 0.3310
641 1 0 1 0.1965 0.0630 0.0912 0.3310
"""


def test_survival_is_what_stata_prints():
    printed = np.array([line.split() for line in STATA.split("\n") if line], float)
    age, _, failed, lost = printed[:, :4].T.astype(int)
    durations = np.concatenate([np.repeat(age, failed), np.repeat(age, lost)])
    ended = np.arange(len(durations)) < failed.sum()
    ours = survival_table(durations, ended)
    assert ours.index.tolist() == [0, *age]
    columns = ["at_risk", "ended", "censored", "survival", "low", "high"]
    np.testing.assert_allclose(ours[columns].iloc[1:], printed[:, [1, 2, 3, 4, 6, 7]], atol=5.01e-5)


@pytest.mark.parametrize(
    ("ends", "size", "printed", "columns"),
    [
        ({1: 2, 2: 2}, 21, [[0.9048, 0.6700, 0.9753], [0.8095, 0.5689, 0.9239]], ["survival", "low", "high"]),
        ({5: 2, 8: 2, 9: 1}, 23, [[0.9130], [0.8261], [0.7826]], ["survival"]),
    ],
)
def test_survival_is_what_stata_and_r_print_of_first_rows(ends, size, printed, columns):
    durations = np.repeat([*ends, 99], [*ends.values(), size - sum(ends.values())])
    ours = survival_table(durations, durations < 99)
    np.testing.assert_allclose(ours.loc[list(ends), columns], printed, atol=5.01e-5)


@pytest.mark.parametrize("alpha", [0.05, 0.32])
def test_survival_is_the_product_of_the_shares_that_stay(alpha):
    """Ties of ends and censoring, zero durations; the product and Greenwood's sum in plain Python."""
    rng = np.random.default_rng(2)
    durations, ended = rng.integers(0, 12, 300) / 4, rng.random(300) < 0.5
    ours = survival_table(durations, ended.astype(int), alpha)
    share, greenwood = 1.0, 0.0
    z = {0.05: 1.959963984540054, 0.32: 0.994457883209753}[alpha]
    for age in sorted(set(durations)):
        n = sum(durations >= age)
        d = sum((durations == age) & ended)
        share *= 1 - d / n
        greenwood += d / (n * (n - d))
        row = ours.loc[age]
        assert (row["at_risk"], row["ended"], row["ended"] + row["censored"]) == (n, d, sum(durations == age))
        assert row["survival"] == pytest.approx(share, rel=1e-12)
        error = math.sqrt(greenwood) / abs(math.log(share))
        for name, sign in (("low", 1), ("high", -1)):
            limit = math.exp(-math.exp(math.log(-math.log(share)) + sign * z * error))
            assert row[name] == pytest.approx(limit, rel=1e-9)
    assert ours["survival"][0] < 1  # some ended on the day they began


def test_complete_observation_gives_the_plain_share():
    durations = np.array([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5])
    ours = survival_table(durations, np.ones(11, bool))
    assert ours["survival"].tolist() == pytest.approx([np.mean(durations > age) for age in ours.index])


def test_nobody_ended():
    ours = survival_table([1, 2, 2, 5], [False] * 4)
    assert (ours["survival"] == 1).all()
    assert (ours["high"] == 1).all()
    exact = [binomtest(n, n).proportion_ci(method="exact").low for n in ours["at_risk"][1:]]
    np.testing.assert_allclose(ours["low"], [1, *exact], rtol=1e-9)


def test_everybody_ended():
    ours = survival_table([1, 1, 2], [1, 1, 1])
    assert ours["survival"].tolist() == pytest.approx([1, 1 / 3, 0])
    assert ours["low"].iloc[-1] == 0
    assert ours["high"].iloc[-1] == ours["high"].iloc[-2] < 0.975
    at_once = survival_table([2] * 50, [1] * 50)
    assert at_once["high"].iloc[-1] == pytest.approx(binomtest(0, 50).proportion_ci(method="exact").high)
    first_day = survival_table([0, 0], [True, True])
    assert first_day[["survival", "low"]].values.tolist() == [[0, 0]]
    assert survival_table([0], [False])[["survival", "low", "high"]].values.tolist() == [[1, 1, 1]]


def test_the_interval_holds_the_known_truth_as_often_as_it_says():
    """Cohorts that the sBG model draws, each customer seen for one to eight renewals."""
    rng, size, cohorts_drawn, ages = np.random.default_rng(8), 150, 500, np.arange(1, 7)
    truth = np.cumprod((1.8 + ages - 1) / (0.7 + 1.8 + ages - 1))
    held = np.zeros(len(ages))
    for _ in range(cohorts_drawn):
        stay = rng.geometric(rng.beta(0.7, 1.8, size))
        seen = rng.integers(1, 9, size)
        ours = survival_table(np.minimum(stay, seen), stay <= seen).reindex(ages, method="ffill")
        held += (ours["low"] <= truth) & (truth <= ours["high"])
    # 3,000 correlated trials; at one age the share has a standard error of .01
    np.testing.assert_allclose(held / cohorts_drawn, 0.95, atol=0.03)
    assert (held / cohorts_drawn).mean() == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize(
    ("duration", "ended", "message"),
    [
        ([1, -2], [1, 0], "1 of 2 rows have a negative duration; the first is row 1"),
        ([1, np.nan], [1, 0], "missing or infinite"),
        ([1, np.inf], [1, 0], "missing or infinite"),
        ([], [], "empty"),
        ([1, 2], [1], "one value per duration: 2"),
        ([1, 2], [1, 2], "1 of 2 rows have an 'ended' that is not True or False"),
        ([1, 2], [True, None], "1 of 2 rows have an 'ended'"),
        ([1, 2], [1, np.nan], "1 of 2 rows have an 'ended'"),
        ([1, 2], ["yes", "no"], "2 of 2 rows have an 'ended'"),
        ([1, 2], ["1", "0"], "2 of 2 rows have an 'ended'"),
        (["1", "2"], [1, 0], "must hold numbers"),
        (pd.Series([1, 2]), pd.Series([1, 0], index=[1, 0]), "another index"),
    ],
)
def test_impossible_durations_are_refused(duration, ended, message):
    with pytest.raises(ValueError, match=message):
        survival_table(duration, ended)


@pytest.mark.parametrize("alpha", [0, 1, -0.1, np.nan])
def test_an_impossible_alpha_is_refused(alpha):
    with pytest.raises(ValueError, match="between 0 and 1"):
        survival_table([1, 2], [1, 0], alpha)


def test_what_is_no_mapping_of_tables_is_not_drawn():
    with pytest.raises(ValueError, match="mapping"):
        plot_survival(survival_table([1], [1]))
    with pytest.raises(ValueError, match="mapping"):
        plot_survival({})
    assert not plt.get_fignums()  # bad input leaves no empty figure


def test_survival_is_drawn_as_steps_with_its_interval():
    table = survival_table([1, 2, 2, 3], [1, 1, 0, 0])
    _, ax = plt.subplots()
    assert plot_survival({"a": table, "b": table}, ax) is ax
    line = ax.lines[0]
    assert line.get_drawstyle() == "steps-post"
    np.testing.assert_array_equal(line.get_ydata(), table["survival"])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b"]
    plt.close("all")
