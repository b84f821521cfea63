"""The buy-till-you-die summary. Referees: a recomputation in plain Python, identities, published counts."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from crmlab import datasets
from crmlab.value import btyd_summary
from crmlab.value.summary import period_days
from tests.value.engines import ENGINES, to_engine, to_pandas

START = date(2024, 1, 1)


def random_log(ids, rows=400, days=300, seed=4):
    rng = np.random.default_rng(seed)
    moments = pd.Timestamp(START) + pd.to_timedelta(rng.integers(0, days * 24, rows), unit="h")
    return pd.DataFrame(
        {"who": rng.choice(ids, rows), "when": moments, "paid": rng.gamma(2, 10, rows).round(2), "shop": "A"}
    )


def by_hand(log, length, cut, end):
    """Recompute the summary with dictionaries."""
    spent = {}
    for who, when, paid in zip(log["who"], log["when"], log["paid"], strict=True):
        day = when.date()
        if day <= end:
            days = spent.setdefault(who, {})
            days[day] = days.get(day, 0.0) + paid
    rows = []
    for who in sorted(spent):
        first = min(spent[who])
        if first > cut:
            continue
        repeats = {day: paid for day, paid in spent[who].items() if first < day <= cut}
        later = {day: paid for day, paid in spent[who].items() if day > cut}
        last = max(repeats, default=first)
        rows.append(
            {
                "who": who,
                "frequency": len(repeats),
                "recency": (last - first).days / length,
                "T": (cut - first).days / length,
                "monetary_value": sum(repeats.values()) / len(repeats) if repeats else np.nan,
                "frequency_holdout": len(later),
                "T_holdout": (end - cut).days / length,
                "monetary_value_holdout": sum(later.values()) / len(later) if later else np.nan,
            }
        )
    table = pd.DataFrame(rows)
    return table if cut < end else table.iloc[:, :5]


def summarise(log, **options):
    return btyd_summary(log, customer="who", date="when", amount=options.pop("amount", "paid"), **options)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("ids", [np.arange(60), np.array(["Ann", "Bob", "Cy", "Dee"])])
@pytest.mark.parametrize(
    ("cut", "end", "period"),
    [(None, None, "W"), (150, None, "D"), (150, 220, "M"), (None, 100, "Y"), (9, 10, "W")],
)
def test_every_engine_agrees_with_a_recomputation_by_hand(engine, ids, cut, end, period):
    log = random_log(ids)
    last = log["when"].max().date()
    cut_day, end_day = (None if days is None else START + timedelta(days) for days in (cut, end))
    table = to_engine(log, engine)
    ours = summarise(table, period=period, calibration_end=cut_day, observation_end=end_day)
    assert type(ours) is type(table)
    expected = by_hand(log, period_days(period), cut_day or end_day or last, end_day or last)
    pd.testing.assert_frame_equal(to_pandas(ours), expected, check_dtype=False, rtol=1e-12)


def test_cdnow_has_the_published_numbers_of_customers():
    """Fader, Hardie and Lee (2005), Marketing Science 24(2): repeat purchases 0 ... 6 and 7 or more."""
    summary = btyd_summary(datasets.load("cdnow_sample"), calibration_end="1997-09-30")
    assert summary["frequency"].clip(upper=7).value_counts().sort_index().tolist() == [
        *[1411, 439, 214, 100],
        *[62, 38, 29, 64],
    ]
    assert summary["monetary_value"].notna().sum() == 946
    # the first quarter's buyers, seen from 30 September: at most the 272 days since 1 January
    assert summary["T"].max() == 272 / 7
    assert (summary["T_holdout"] == 39).all()


def test_identities():
    log = random_log(np.arange(60))
    cut = {"calibration_end": "2024-06-01"}
    summary = summarise(log, **cut)
    whole = summarise(log).set_index("who").loc[summary["who"]].reset_index()
    # what is not in the calibration is in the hold-out
    assert (summary["frequency"] + summary["frequency_holdout"] == whole["frequency"]).all()
    spent = (summary["frequency"] * summary["monetary_value"].fillna(0)) + (
        summary["frequency_holdout"] * summary["monetary_value_holdout"].fillna(0)
    )
    np.testing.assert_allclose(spent, (whole["frequency"] * whole["monetary_value"]).fillna(0), rtol=1e-12)
    # the order of the rows, and the hour of the day, do not matter
    shuffled = log.sample(frac=1, random_state=1).assign(when=lambda d: d["when"].dt.normalize())
    pd.testing.assert_frame_equal(summarise(shuffled, **cut), summary, rtol=1e-12)
    # neither does whether a day's amount is on one bill or on two
    halves = pd.concat([log.assign(paid=log["paid"] / 2)] * 2)
    pd.testing.assert_frame_equal(summarise(halves, **cut), summary, rtol=1e-12)
    # without amounts the monetary columns are left out, and nothing else changes
    counts = summarise(log.drop(columns="paid"), amount=None, **cut)
    pd.testing.assert_frame_equal(counts, summary.drop(columns=["monetary_value", "monetary_value_holdout"]))


@pytest.mark.parametrize("engine", ENGINES)
def test_one_time_buyers_and_a_single_customer(engine):
    log = pd.DataFrame({"who": [8, 9], "when": pd.to_datetime(["2026-01-01", "2026-01-15"]), "paid": [0, 3]})
    ours = to_pandas(summarise(to_engine(log, engine)))
    assert ours[["who", "frequency", "recency", "T"]].values.tolist() == [[8, 0, 0, 2], [9, 0, 0, 0]]
    assert ours["monetary_value"].isna().all()
    # a date after the end of observation, however far, changes nothing
    future = pd.concat([log, log.assign(when=pd.Timestamp("2099-12-31"))])
    cut = to_pandas(summarise(to_engine(future, engine), observation_end="2026-01-15"))
    pd.testing.assert_frame_equal(cut, ours)
    # nor does a customer who came after the calibration
    first = to_pandas(summarise(to_engine(log, engine), calibration_end="2026-01-08"))
    assert first[["who", "frequency", "T", "frequency_holdout", "T_holdout"]].values.tolist() == [
        [8, 0, 1, 0, 1]
    ]


def test_free_repeat_purchases_are_worth_exactly_nothing():
    log = random_log(np.arange(9))
    first = log["when"].dt.date == log.groupby("who")["when"].transform("min").dt.date
    assert (summarise(log.assign(paid=log["paid"].where(first, 0)))["monetary_value"] == 0).all()


@pytest.mark.parametrize(("period", "days"), [("D", 1), ("W", 7), ("M", 30.4375), ("Y", 365.25)])
def test_periods_have_the_length_that_is_stated(period, days):
    log = random_log(np.arange(9))
    ages = summarise(log, period="D")[["recency", "T"]]
    pd.testing.assert_frame_equal(summarise(log, period=period)[["recency", "T"]], ages / days)


def test_an_end_after_the_last_purchase_counts_as_time_without_purchase():
    log = random_log(np.arange(9))
    ends = {"calibration_end": "2025-01-01"}, {"observation_end": "2025-01-01"}
    tables = [summarise(log, **end) for end in ends]
    pd.testing.assert_frame_equal(*tables)
    assert "frequency_holdout" not in tables[0]
    assert tables[0]["T"].max() > summarise(log)["T"].max()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"period": "Q"}, "no period 'Q'.*Valid: D, M, W, Y"),
        ({"period": ["W"]}, "no period .*'W'.*Valid: D, M, W, Y"),
        (
            {"calibration_end": "2024-06-01", "observation_end": "2024-05-01"},
            "later than observation_end 2024-05-01",
        ),
        ({"calibration_end": "2023-12-31"}, "before the first purchase on 2024-01-01"),
        ({"observation_end": "2023-12-31"}, "before the first purchase on 2024-01-01"),
        ({"calibration_end": "1.6.2024"}, "calibration_end='1.6.2024' is not a date"),
        ({"amount": "price"}, "no column 'price'.*Valid: paid, shop, when, who"),
    ],
)
def test_impossible_periods_and_ends_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        summarise(random_log(np.arange(9)), **options)


def test_a_return_is_no_purchase():
    with pytest.raises(
        ValueError, match="400 of 400 rows have a negative paid.*drop these rows, or net them"
    ):
        summarise(random_log(np.arange(9)).assign(paid=-1))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", ["frequency", "recency", "T", "monetary_value", "t"])
def test_a_customer_column_that_is_called_like_a_result_is_refused(engine, name):
    log = random_log(np.arange(9)).rename(columns={"who": name})
    with pytest.raises(ValueError, match=f"is called '{name}', and the result has a column of that name"):
        btyd_summary(to_engine(log, engine), customer=name, date="when", amount="paid")
