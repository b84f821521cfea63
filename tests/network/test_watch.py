"""Watching partners. Referees: statsmodels, plain loops, scipy, the company's truth on several seeds."""

import time

import numpy as np
import pandas as pd
import polars as pl
import pytest
import statsmodels.formula.api as smf
from scipy import stats

from crmlab import company, network

FLOW_FALLS = pd.DateOffset(months=4)  # the simulator's flow follows the attitude of a quarter before


def simulated(seed=7):
    tea = company.simulate(800, partners=200, rng=seed)
    return tea, tea.attitudes[tea.attitudes["side"] == "theirs"]


@pytest.fixture(scope="module")
def marks():
    return simulated()[1]


def steady(partners=60, months=30, seed=0):
    """Return marks that remember, of partners with whom nothing happens."""
    rng = np.random.default_rng(seed)
    mood = [rng.standard_normal(partners)]
    for _ in range(months - 1):
        mood.append(0.8 * mood[-1] + 0.6 * rng.standard_normal(partners))
    days = pd.date_range("2024-01-01", periods=months, freq="MS", name="asked_on")
    wide = pd.DataFrame(np.array(mood), index=days)
    return wide.melt(ignore_index=False, var_name="partner_id", value_name="attitude").reset_index()


# ---- correctness


def test_the_expectation_is_an_ordinary_regression(marks):
    rows = marks[marks["asked_on"] < "2024-01-01"].sort_values("asked_on")
    by = rows.groupby("partner_id")["attitude"]
    rows = rows.assign(last=by.shift(1), before=by.shift(2))
    referee = smf.ols("attitude ~ last + before", rows).fit().params
    seen = network.watch(marks)
    assert seen.weights.tolist() == pytest.approx(referee[["last", "before", "Intercept"]].tolist())
    one = seen.table.loc[5]
    assert one["expected"].iloc[9] == pytest.approx(
        referee["Intercept"]
        + referee["last"] * one["value"].iloc[8]
        + referee["before"] * one["value"].iloc[7]
    )


def test_surprises_and_sums_by_a_loop(marks):
    seen = network.watch(marks, limit=1.6)
    for partner in (5, 13, 45, 100):
        values = marks[marks["partner_id"] == partner].sort_values("asked_on")
        months = [12 * day.year + day.month for day in values["asked_on"]]
        by_month = dict(zip(months, values["attitude"], strict=True))
        total, first = 0.0, None
        for month in range(12 * 2024 + 1, 12 * 2025 + 13):
            before = [by_month.get(month - back) for back in (0, 1, 2)]
            if None in before:
                continue
            surprise = before[0] - (seen.weights["last"] * before[1] + seen.weights["2 before"] * before[2])
            total = max(0.0, total - (surprise - seen.weights["constant"]) - 0.5)
            if total > 1.6 and first is None:
                first = pd.Timestamp((month - 1) // 12, (month - 1) % 12 + 1, 1)
        alarm = seen.alarms.loc[partner, "first_alarm"]
        assert (pd.isna(alarm) and first is None) or alarm == first


def test_false_alarms_are_as_many_as_promised_where_nothing_happens():
    got = promised = 0.0
    for seed in range(12):
        seen = network.watch(steady(150, 36, seed), false_alarms=0.04, series=5000, rng=seed)
        got, promised = got + seen.alarms["first_alarm"].notna().sum(), promised + seen.promised
    assert promised == pytest.approx(12 * 150 * 0.04, rel=0.1)
    # twelve baselines of 150 partners each, of which the limit itself is drawn
    assert got == pytest.approx(promised, abs=4 * (2 * promised) ** 0.5)


def test_an_ordinary_chart_of_the_marks_breaks_its_promise_and_the_surprises_keep_theirs(marks):
    tea, _ = simulated()
    sour = tea._truth["partners"].set_index("partner_id")["soured_on"].notna()
    wide = marks.pivot(index="asked_on", columns="partner_id", values="attitude")
    first = wide.iloc[:12]
    chart = network.Cusum(0.5, "low")
    limit = chart.limit_for(938)  # once in 938 months: of 187 in two years, about five
    sums = chart.statistic((wide - first.mean()).iloc[12:] / (first.diff().abs().mean().mean() / 1.128))
    assert (sums.max()[~sour] > limit).sum() > 10 * 187 * 24 / 938
    assert network.watch(marks).alarms["first_alarm"].notna()[~sour].sum() <= 10


@pytest.mark.parametrize("seed", [7, 1])
def test_the_soured_are_found_before_their_flow_falls(seed):
    tea, theirs = simulated(seed)
    soured = tea._truth["partners"].set_index("partner_id")["soured_on"]
    seen = network.watch(theirs)
    found = network.warned(network.lead_times(seen, soured + FLOW_FALLS))
    assert found["hit_rate"] > 0.4 and found["false_alarms"] <= 10 and found["median_lead"] >= 1


@pytest.mark.slow
def test_the_soured_are_found_on_six_other_seeds():
    hits, events, false, promised = 0.0, 0.0, 0.0, 0.0
    for seed in range(1, 7):
        tea, theirs = simulated(seed)
        soured = tea._truth["partners"].set_index("partner_id")["soured_on"]
        seen = network.watch(theirs)
        found = network.warned(network.lead_times(seen, soured + FLOW_FALLS))
        hits, events = hits + found["warned"], events + found["events"]
        false, promised = false + found["false_alarms"], promised + seen.promised
    assert 0.55 < hits / events < 0.85
    assert false == pytest.approx(promised, abs=4 * (2 * promised) ** 0.5)


def test_leads_are_counted_in_calendar_months():
    day = pd.Timestamp
    alarms = pd.Series({"a": day("2024-12-31"), "b": day("2025-01-01"), "c": pd.NaT, "d": day("2023-01-05"),
                        "e": day("2025-05-01"), "f": pd.NaT, "g": day("2025-01-01")})  # fmt: skip
    events = pd.Series({"a": day("2025-01-01"), "b": day("2025-01-31"), "c": day("2025-02-02"),
                        "d": day("2025-02-02"), "e": pd.NaT})  # fmt: skip
    table = network.lead_times(alarms, events)
    assert table["lead"].fillna(-99).tolist() == [1, 0, -99, 25, -99, -99, -99]
    verdicts = ["warned", "too late", "missed", "too early", "false alarm", "quiet", "false alarm"]
    assert table["verdict"].tolist() == verdicts
    found = network.warned(table)
    assert found[["events", "warned", "hit_rate", "median_lead", "false_alarms"]].tolist() == [
        4,
        1,
        0.25,
        1,
        3,
    ]
    wilson = stats.binomtest(1, 4).proportion_ci(method="wilson")
    assert found[["low", "high"]].tolist() == pytest.approx([wilson.low, wilson.high])


def test_a_proxy_is_judged_as_scipy_would():
    rng = np.random.default_rng(4)
    kind = rng.integers(0, 3, 150)
    trust = kind + rng.standard_normal(150)
    letters = 3 * kind + rng.standard_normal(150)
    data = pd.DataFrame({"trust": trust, "letters": letters, "kind": kind})
    table = network.proxy(data, "trust", "letters", by="kind", draws=4000)
    assert table.loc["all", "correlation"] == pytest.approx(stats.pearsonr(trust, letters).statistic)
    off = data.groupby("kind").transform("mean")
    within = stats.pearsonr(trust - off["trust"], letters - off["letters"]).statistic
    assert table.loc["within a kind", "correlation"] == pytest.approx(within)
    referee = stats.bootstrap((trust, letters), lambda x, y: stats.pearsonr(x, y).statistic, paired=True,
                              vectorized=False, n_resamples=2000, method="percentile", rng=1)  # fmt: skip
    ends = [referee.confidence_interval.low, referee.confidence_interval.high]
    assert table.loc["all", ["low", "high"]].tolist() == pytest.approx(ends, abs=0.03)
    lowest = [set(data[column].nsmallest(38).index) for column in ("trust", "letters")]
    assert table.loc["all", "found"] == pytest.approx(len(lowest[0] & lowest[1]) / 38)
    assert table.loc["all", "by_luck"] == pytest.approx(38 / 150)


def test_ties_at_the_cut_do_not_hang_on_the_order_of_rows():
    data = pd.DataFrame({"trust": np.arange(40.0), "letters": np.repeat([0, 1, 2, 3], 10) // 2})
    table = network.proxy(data, "trust", "letters")
    assert table.loc["all", "found"] == pytest.approx(0.5)  # ten wanted lie among twenty alike
    pd.testing.assert_frame_equal(network.proxy(data[::-1], "trust", "letters")[["found"]], table[["found"]])


# ---- consistency


def test_neither_order_of_rows_nor_engine_nor_day_of_the_month_matters(marks):
    seen = network.watch(marks)
    mixed = marks.sample(frac=1, random_state=1).assign(
        asked_on=lambda t: t["asked_on"] + pd.Timedelta(days=9)
    )
    for other in (mixed, pl.from_pandas(marks.assign(side=marks["side"].astype(str)))):
        again = network.watch(other)
        pd.testing.assert_frame_equal(seen.alarms, again.alarms)
        assert again.limit == seen.limit and again.promised == seen.promised


def test_the_same_in_half_points(marks):
    doubled = network.watch(marks.assign(attitude=2 * marks["attitude"]), chart=network.Cusum(1.0, "low"))
    seen = network.watch(marks)
    assert doubled.limit == pytest.approx(2 * seen.limit)
    assert doubled.alarms["first_alarm"].equals(seen.alarms["first_alarm"])


def test_more_false_alarms_allowed_never_mean_a_later_alarm(marks):
    limits, firsts = [], []
    for share in (0.01, 0.05, 0.2):
        seen = network.watch(marks, false_alarms=share)
        limits.append(seen.limit)
        firsts.append(seen.alarms["first_alarm"].fillna(pd.Timestamp("2100-01-01")))
    assert limits == sorted(limits, reverse=True)
    assert (firsts[0] >= firsts[1]).all() and (firsts[1] >= firsts[2]).all()


def test_what_is_not_seen_is_not_watched():
    table = steady(40)
    once = pd.DataFrame({"asked_on": [pd.Timestamp("2025-03-01")], "partner_id": 99, "attitude": 0.1})
    second = pd.date_range("2024-01-01", periods=15, freq="2MS")
    gaps = pd.DataFrame({"asked_on": second, "partner_id": 98, "attitude": 0.2})
    late = table[(table["partner_id"] == 3) & (table["asked_on"] >= "2025-02-01")].assign(partner_id=97)
    seen = network.watch(pd.concat([table, once, gaps, late]))
    assert seen.alarms.loc[[3, 97, 98, 99], "months"].tolist() == [18, 15, 0, 0]
    assert seen.alarms.loc[[98, 99], ["first_alarm", "highest"]].isna().all(axis=None)
    events = pd.Series({99: pd.Timestamp("2025-06-01")})
    with pytest.raises(ValueError, match="no watched partner 99"):
        network.lead_times(seen, events)


def test_a_partner_whose_marks_are_all_alike_is_quiet(marks):
    alike = marks.assign(attitude=marks["attitude"].where(marks["partner_id"] != 1, 4))
    assert pd.isna(network.watch(alike).alarms.loc[1, "first_alarm"])


def test_the_input_stays_as_it_was(marks):
    before = marks.copy()
    network.watch(marks)
    pd.testing.assert_frame_equal(marks, before)


def test_two_hundred_partners_are_watched_in_a_blink(marks):
    started = time.process_time()
    network.watch(marks)
    assert time.process_time() - started < 3


# ---- input checks


def broken(table, **changes):
    for column, value in changes.items():
        table = table.assign(**{column: table[column].mask(np.arange(len(table)) == 7, value)})
    return table


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        (lambda t: broken(t, attitude=np.nan), {}, "a 'attitude' that is missing or infinite"),
        (lambda t: broken(t, attitude=np.inf), {}, "a 'attitude' that is missing or infinite"),
        (lambda t: broken(t, partner_id=np.nan), {}, "no 'partner_id' or no 'asked_on'"),
        (lambda t: broken(t, asked_on=pd.NaT), {}, "no 'partner_id' or no 'asked_on'"),
        (lambda t: pd.concat([t, t.head(2)]), {}, "2 of 1802 rows have a second mark of one 'partner_id'"),
        (lambda t: t.assign(attitude="4"), {}, "must hold numbers"),
        (lambda t: t.head(0), {}, "not a single mark"),
        (lambda t: t, {"value": "mood"}, "no column 'mood'"),
        (lambda t: t, {"baseline": 4}, "baseline must be a whole number of at least 6"),
        (lambda t: t, {"baseline": 30}, "nothing to watch"),
        (lambda t: t[t["asked_on"] < "2025-01-01"], {}, "nothing to watch"),
        (lambda t: t[t["partner_id"] < 12], {}, "Only 12 partners have surprises in 4 months"),
        (lambda t: t[t["partner_id"] < 2], {}, "too few, too short"),
        (lambda t: t.assign(attitude=4.0), {}, "all alike"),
        (lambda t: t, {"false_alarms": 0}, "a share of the partners"),
        (lambda t: t, {"false_alarms": 0.001, "series": 500}, "series must be a whole number of at least"),
        (lambda t: t, {"limit": -1.0}, "limit is a number above 0"),
        (lambda t: t, {"lags": 0}, "lags must be a whole number"),
        (lambda t: t, {"chart": "cusum"}, "chart is a Cusum or an Ewma"),
        (lambda t: t, {"chart": network.Cusum}, "chart is a Cusum or an Ewma"),
        (lambda t: t, {"rng": "seven"}, "rng is a whole number"),
        (
            lambda t: t.assign(partner_id=[*t["partner_id"].astype(object)[:-3], *"777"]),
            {},
            "partner_id 7 is there as a number and as a text",
        ),
    ],
)
def test_watch_refuses(change, options, words):
    with pytest.raises(ValueError, match=words):
        network.watch(change(steady()), **options)


@pytest.mark.parametrize(
    ("alarms", "events", "words"),
    [
        (["2025-01-01"], [], "must be a Series of dates"),
        (pd.Series(["2025-01-01"]), pd.Series(pd.to_datetime([])), "alarms must be a Series of dates"),
        (pd.Series(pd.to_datetime(["2025-01-01"] * 2), [1, 1]), pd.Series(pd.to_datetime([])), "1 twice"),
        (pd.Series(pd.to_datetime(["2025-01-01"]), [1]), pd.Series(pd.to_datetime(["2025-01-01"]), [2]),
         "no watched partner 2"),
        (pd.Series(pd.to_datetime(["2025-01-01"]).tz_localize("UTC")), pd.Series(pd.to_datetime([])),
         "without a time zone"),
    ],
)  # fmt: skip
def test_lead_times_refuse(alarms, events, words):
    with pytest.raises(ValueError, match=words):
        network.lead_times(alarms, events)


def test_without_an_event_there_is_nothing_to_warn_of():
    alarms = pd.Series(pd.to_datetime(["2025-01-01", None]), ["a", "b"])
    with pytest.raises(ValueError, match="nothing to warn of"):
        network.warned(network.lead_times(alarms, pd.Series(pd.to_datetime([]))))


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        ({"letters": 3}, {}, "'letters' is the same for all partners"),
        ({"letters": [np.nan] + [1.0] * 11}, {}, "missing or infinite"),
        ({}, {"by": "trust"}, "the same for all partners .within a kind"),
        ({}, {"by": "region"}, "no column 'region'"),
        ({}, {"lowest": 0.7}, "at most a half"),
        ({}, {"draws": 5}, "draws must be a whole number"),
    ],
)
def test_proxy_refuses(change, options, words):
    data = pd.DataFrame({"trust": np.arange(12.0), "letters": np.arange(12.0) ** 2}).assign(**change)
    with pytest.raises(ValueError, match=words):
        network.proxy(data, "trust", "letters", **options)


def test_a_proxy_is_not_judged_by_nine():
    data = pd.DataFrame({"trust": np.arange(9.0), "letters": np.arange(9.0)})
    with pytest.raises(ValueError, match="fewer than 10"):
        network.proxy(data, "trust", "letters")


# ---- what gave a wrong number without a word


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda m: m.assign(asked_on=20250630), "'asked_on' holds days"),
        (lambda m: m.assign(asked_on=m["asked_on"].dt.strftime("%d.%m.%Y")), "'asked_on' holds days"),
        (lambda m: m.assign(asked_on=m["asked_on"].dt.tz_localize("UTC")), "time zone UTC"),
        (lambda m: m.assign(asked_on=m["asked_on"].dt.to_period("M")), "'asked_on' holds days"),
    ],
)
def test_months_that_are_none(change, what):
    marks = steady().assign(asked_on=lambda table: pd.to_datetime(table["asked_on"]))
    with pytest.raises(ValueError, match=what):
        network.watch(change(marks))


@pytest.mark.parametrize("name", ["value", "who", "month", "expected"])
@pytest.mark.parametrize("column", ["partner_id", "asked_on", "attitude"])
def test_what_the_columns_are_called_is_nothing(column, name):
    marks = steady()
    called = {one: name if one == column else one for one in ("partner_id", "asked_on", "attitude")}
    seen = network.watch(marks.rename(columns=called), *called.values(), series=500)
    wanted = network.watch(marks, series=500)
    pd.testing.assert_frame_equal(seen.alarms, wanted.alarms.rename_axis(called["partner_id"]))
    assert seen.table["surprise"].tolist() == pytest.approx(wanted.table["surprise"].tolist(), nan_ok=True)


def test_leads_of_any_engine():
    leads = pd.DataFrame({"lead": [3.0, None], "verdict": ["warned", "missed"]})
    assert network.warned(pl.from_pandas(leads)).equals(network.warned(leads))


def test_a_promise_takes_more_than_one_series():
    for series in (1, 0, 2.5, True):
        with pytest.raises(ValueError, match="series must be a whole number"):
            network.watch(steady(), limit=2, series=series)


@pytest.mark.parametrize("verdict", ["Warned", None])
def test_a_verdict_that_is_none(verdict):
    leads = pd.DataFrame({"lead": [3, np.nan], "verdict": [verdict, "missed"]})
    with pytest.raises(ValueError, match="1 of 2 rows have a verdict"):
        network.warned(leads)


@pytest.mark.parametrize("unit", [1e-13, 1e160])
def test_a_proxy_does_not_hang_on_the_unit(unit):
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"trust": rng.random(40), "kind": rng.integers(0, 3, 40)})
    table["letters"] = table["trust"] + rng.random(40)
    wanted, found = (
        network.proxy(one, "trust", "letters", by="kind", draws=200)
        for one in (table, table.assign(trust=table["trust"] * unit))
    )
    np.testing.assert_allclose(found, wanted, rtol=1e-9)


@pytest.mark.parametrize(
    ("chart", "limit", "shift"),
    [
        (network.Ewma(0.2), 1e6, 0), (network.Ewma(0.2), 1e4, 0), (network.Ewma(1e-6), 50, 0),
        (network.Ewma(0.2), 50, 0), (network.Ewma(0.2, "low"), 3, 2000), (network.Ewma(0.2, "low"), 3, 1e5),
        (network.Cusum(50), 4, 0), (network.Cusum(), 200, 0), (network.Cusum(0.25, "high"), 400, 0),
        (network.Cusum(0.5, "high"), 3000, 0.5),
    ],
)  # fmt: skip
def test_a_run_that_cannot_be_reckoned_is_said_to_be(chart, limit, shift):
    with pytest.raises(ValueError, match="longer than can be reckoned"):
        chart.average_run_length(limit, shift)


def test_a_side_that_never_alarms_leaves_the_other():
    assert network.Cusum().average_run_length(4, shift=40) == pytest.approx(1)


@pytest.mark.parametrize(("chart", "periods"), [(network.Cusum(3), 100), (network.Ewma(0.05, "low"), 2)])
def test_a_run_length_that_no_limit_gives(chart, periods):
    with pytest.raises(ValueError, match="There is no limit"):
        chart.limit_for(periods)


@pytest.mark.parametrize("ways", [{"shift": np.inf}, {"shift": [1]}, {"longest": 2.5}, {"longest": 0}])
def test_runs_that_are_none(ways):
    with pytest.raises(ValueError, match=f"{next(iter(ways))} "):
        network.Cusum().run_lengths(3, **ways)


def test_a_sum_that_would_be_infinite():
    with pytest.raises(ValueError, match="beyond"):
        network.Cusum().statistic([1e308] * 3)
