"""Control charts. Referees: a textbook's chart, loops in plain Python, false alarms in simulated months."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from crmlab import survey
from crmlab._charts import control_chart

# Montgomery & Runger (2003), Applied Statistics and Probability for Engineers, 3rd ed., table 16-3
CONCENTRATION = [102.0, 94.8, 98.3, 98.4, 102.0, 98.5, 99.0, 97.7, 100.0, 98.1,
                 101.3, 98.7, 101.1, 98.4, 97.0, 96.7, 100.3, 101.4, 97.2, 101.0]  # fmt: skip


def answers(per_month, chances, size=40, seed=1):
    """Return a table of answers: promoters with the chance of the month, else detractors."""
    rng = np.random.default_rng(seed)
    months = pd.period_range("2023-01", periods=per_month, freq="M").to_timestamp()
    chance = np.broadcast_to(chances, per_month)
    given = np.where(rng.random((per_month, size)) < chance[:, None], 10, 3)
    return pd.DataFrame({"day": np.repeat(months, size), "recommend": given.ravel()})


# ---- correctness


def test_chart_of_individual_values_is_the_textbooks():
    chart = control_chart(pd.Series(CONCENTRATION))
    assert chart["centre"].iloc[0] == pytest.approx(99.1, abs=0.05)
    assert chart["high"].iloc[0] == pytest.approx(105.99, abs=0.02)  # the book takes 99.1 and 2.59
    assert chart["low"].iloc[0] == pytest.approx(92.21, abs=0.01)
    assert (chart["signal"] == "").all()


def test_limits_by_the_answers_are_those_of_a_p_chart():
    table = answers(12, 0.7)
    chart = survey.control_chart(table, "recommend", "day", measure="top box")
    share = (table["recommend"] == 10).mean()
    half = 3 * np.sqrt(share * (1 - share) / 40)
    assert chart["centre"].iloc[0] == pytest.approx(share)
    assert chart["high"].iloc[0] == pytest.approx(min(share + half, 1))
    nps = survey.control_chart(table, "recommend", "day")
    assert nps["low"].iloc[0] == pytest.approx(200 * (share - half) - 100)  # nobody is passive here


def test_limits_of_a_mean_come_from_the_spread_within_months():
    rng = np.random.default_rng(1)
    sizes = rng.integers(20, 60, 15)
    table = pd.DataFrame({"m": np.repeat(np.arange(15), sizes)})
    table["x"] = rng.integers(1, 11, len(table))
    table["day"] = pd.Timestamp("2024-01-10") + pd.to_timedelta(31 * table["m"], unit="D")
    chart = survey.control_chart(table, "x", "day", measure="mean", scale=(1, 10))
    within = np.sqrt(sum((part["x"] - part["x"].mean()).pow(2).sum() for _, part in table.groupby("m"))
                     / (len(table) - 15))  # fmt: skip
    assert chart["centre"].iloc[0] == pytest.approx(table["x"].mean())
    assert (chart["high"] - chart["centre"]).tolist() == pytest.approx((3 * within / sizes**0.5).tolist())


def by_loop(values, centre, run):
    signals, length, side = [], 0, 0
    for value in values:
        here = int(value > centre) - int(value < centre)
        length = 0 if here == 0 else length + 1 if here == side else 1
        side = here
        signals.append(length >= run)
    return signals


@pytest.mark.parametrize("seed", range(6))
def test_runs_are_found_as_a_loop_finds_them(seed):
    rng = np.random.default_rng(seed)
    values = pd.Series(np.r_[2, 2, rng.integers(0, 5, 300)].astype(float))
    # the centre line is 2, and a fifth of the values lie on it
    chart = control_chart(values, wobble=np.full(302, 100.0), baseline=2, run=4)
    wanted = by_loop(values, chart["centre"].iloc[0], 4)
    assert (chart["signal"] == "4 in a row on one side").tolist() == wanted and any(wanted)


def test_false_alarms_are_as_rare_as_promised_and_news_is_found():
    months, alarms = 60, 0
    for seed in range(20):
        quiet = survey.control_chart(answers(months, 0.6, seed=seed), "recommend", "day")
        alarms += (quiet["signal"] == "beyond a limit").sum()
    assert alarms <= 10  # about 20 × 60 / 370
    chances = np.where(np.arange(36) < 30, 0.7, 0.3)
    news = survey.control_chart(answers(36, chances), "recommend", "day", baseline=24)
    assert (news["signal"].iloc[30:] == "beyond a limit").all() and (news["signal"].iloc[:24] == "").all()


def test_neighbours_allow_for_what_moves_every_month_and_answers_do_not():
    """The true score moves from month to month: by the answers alone there is news all the time."""
    rng = np.random.default_rng(2)
    table = answers(40, rng.uniform(0.3, 0.8, 40), size=200)
    by_answers = survey.control_chart(table, "recommend", "day")
    by_neighbours = survey.control_chart(table, "recommend", "day", limits="neighbours")
    assert (by_answers["signal"] == "beyond a limit").mean() > 0.4
    assert (by_neighbours["signal"] == "beyond a limit").mean() < 0.06


# ---- consistency


def test_a_baseline_of_all_periods_is_none_and_the_order_of_rows_does_not_matter():
    table = answers(12, 0.7)
    chart = survey.control_chart(table, "recommend", "day")
    mixed = table.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(survey.control_chart(mixed, "recommend", "day"), chart)
    pd.testing.assert_frame_equal(survey.control_chart(table, "recommend", "day", baseline=12), chart)


def test_scores_of_the_chart_are_those_of_nps_and_top_box():
    table = answers(6, 0.7)
    table["month"] = table["day"].dt.to_period("M")
    chart = survey.control_chart(table, "recommend", "day")
    assert chart["value"].tolist() == pytest.approx(survey.nps(table, by="month")["nps"].tolist())
    shares = survey.top_box(table, "recommend", (0, 10), by="month")["share"]
    chart = survey.control_chart(table, "recommend", "day", measure="top box")
    assert chart["value"].tolist() == pytest.approx(shares.tolist())


def test_a_month_with_few_answers_is_shown_and_not_judged():
    few = pd.DataFrame({"day": pd.to_datetime(["2024-01-05"] * 4), "recommend": [0] * 4})
    table = pd.concat([answers(12, 0.7), few])
    chart = survey.control_chart(table, "recommend", "day")
    assert chart.loc["2024-01", "signal"] == "too few answers" and chart.loc["2024-01", "n"] == 4
    without = survey.control_chart(answers(12, 0.7), "recommend", "day")
    pd.testing.assert_frame_equal(chart.iloc[:12], without)


def test_polars_dates_and_texts_are_days():
    table = answers(5, 0.7)
    wanted = survey.control_chart(table, "recommend", "day")
    other = pl.DataFrame({"day": table["day"].dt.date.tolist(), "recommend": table["recommend"].tolist()})
    pd.testing.assert_frame_equal(survey.control_chart(other, "recommend", "day"), wanted)
    texts = table.assign(day=table["day"].astype(str))
    pd.testing.assert_frame_equal(survey.control_chart(texts, "recommend", "day"), wanted)


# ---- bad input


@pytest.mark.parametrize(
    ("change", "options", "told"),
    [
        ({"recommend": -99}, {}, "outside its scale 0 to 10: -99"),
        ({"recommend": "often"}, {}, "must hold numbers"),
        ({"recommend": 9}, {}, "All answers to 'recommend' in the baseline are alike"),
        ({"day": pd.NaT}, {}, "rows have no 'day'"),
        ({"day": "soon"}, {}, "'day' must hold days and holds 'soon'"),
        ({}, {"date": "date"}, "no column 'date'"),
        ({}, {"measure": "csat"}, "no measure 'csat'"),
        ({}, {"period": "D"}, "no period 'D'"),
        ({}, {"limits": "range"}, "no kind of limits 'range'"),
        ({}, {"least": 50}, "No period has 50 answers"),
        ({}, {"baseline": 13}, "baseline=13 periods, and there are 12"),
        ({}, {"baseline": 0}, "baseline must be a whole number of at least 1"),
        ({}, {"baseline": 1, "limits": "neighbours"}, "baseline must be a whole number of at least 2"),
        ({}, {"sigmas": 0}, "sigmas is a number above 0"),
        ({}, {"run": 2}, "run must be a whole number of at least 3"),
    ],
)
def test_slips_are_told(change, options, told):
    table = answers(12, 0.7).assign(**change)
    with pytest.raises(ValueError, match=told):
        survey.control_chart(table, **{"item": "recommend", "date": "day"} | options)


def test_gaps_and_errors_that_are_none_are_told():
    with pytest.raises(ValueError, match="The value of 1 is missing"):
        control_chart(pd.Series([1.0, np.nan, 2.0]))
    with pytest.raises(ValueError, match="standard error above 0"):
        control_chart(pd.Series([1.0, 2.0, 3.0]), wobble=[1, 0, 1])


def test_values_all_alike_have_their_limits_on_the_centre_line():
    chart = control_chart(pd.Series([5.0] * 6 + [5.1]), baseline=6)
    assert (chart["low"] == 5).all() and chart["signal"].tolist() == [""] * 6 + ["beyond a limit"]


def test_plot_marks_each_kind_of_signal():
    chances = np.where(np.arange(30) < 12, 0.7, 0.6)
    chart = survey.control_chart(answers(30, chances), "recommend", "day", baseline=12, run=4)
    ax = survey.plot_control_chart(chart)
    told = {text.get_text() for text in ax.get_legend().get_texts()}
    assert {"score", "what chance does", "4 in a row on one side"} <= told
    with pytest.raises(ValueError, match=r"This draws the table of control_chart\("):
        survey.plot_control_chart(chart.drop(columns="signal"))
