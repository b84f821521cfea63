"""What a message advises is done, word for word, and the table is then taken: in every engine.

Referee: the log as it was before its column was spoiled. And tables as they come, which other logs met.
"""

import re
import warnings
from datetime import date

import duckdb
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars
import pyarrow
import pyarrow.compute
import pytest

from crmlab import value
from crmlab._tables import numbers, transactions
from tests.value.engines import ENGINES, to_engine, to_pandas

DAYS = ["2026-01-01", "2026-01-08", "2026-01-15", "2026-02-13"]


LOG = pd.DataFrame({"customer_id": [1, 1, 2, 3], "date": pd.to_datetime(DAYS), "amount": [5.5, 0, 1234.5, 9]})


SPOILT = {
    "ISO text": ("date", LOG["date"].dt.strftime("%Y-%m-%d")),
    "text with an hour": ("date", LOG["date"].dt.strftime("%Y-%m-%d %H:%M:%S")),
    "German text": ("date", LOG["date"].dt.strftime("%d.%m.%Y")),
    "British text": ("date", LOG["date"].dt.strftime("%d/%m/%Y")),
    "American text": ("date", LOG["date"].dt.strftime("%m/%d/%Y")),
    "digits": ("date", LOG["date"].dt.strftime("%Y%m%d").astype(int)),
    "digits as floats": ("date", LOG["date"].dt.strftime("%Y%m%d").astype(float)),
    "seconds": ("date", LOG["date"].astype("datetime64[s]").astype("int64")),
    "milliseconds": ("date", LOG["date"].astype("datetime64[ms]").astype("int64")),
    "dollars": ("amount", LOG["amount"].map("${:,.2f}".format)),
    "euros": ("amount", LOG["amount"].map("{:.2f} €".format).str.replace(".", ",")),
    "German thousands": ("amount", pd.Series(["5,5", "0", "1.234,50", "9,00 EUR"])),
    "plain text": ("amount", LOG["amount"].astype(str)),
}


def follow(message: str, table, log=None):
    """Run the code between the backticks of a message and return the table it leaves."""
    code = re.search(r"`(.*)`", message)[1]
    names = {"table": table, "pandas": pd, "polars": polars, "pyarrow": pyarrow}
    exec(code, names)
    return names["table"]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("spoilt", SPOILT)
def test_the_advice_mends_the_column(engine, spoilt):
    column, values = SPOILT[spoilt]
    table = to_engine(LOG.assign(**{column: values}), engine)
    with pytest.raises(ValueError, match=f"'{column}' must hold") as raised:
        transactions(table, "customer_id", "date", "amount")
    engine_name = {"polars": "Polars", "polars lazy": "Polars", "duckdb": "DuckDB"}.get(engine, engine)
    assert f"In {engine_name}: " in str(raised.value)
    mended = transactions(follow(str(raised.value), table), "customer_id", "date", "amount")
    rows = to_pandas(mended.rows.to_native())
    assert sorted(rows["amount"]) == sorted(LOG["amount"])
    assert sorted(pd.to_datetime(rows["day"]).dt.date) == [date.fromisoformat(day) for day in DAYS]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_flag_for_an_amount_and_a_duration(engine):
    for values in (pd.Series([True, False, True, True]), pd.to_timedelta([1, 2, 3, 4], unit="D")):
        table = to_engine(LOG.assign(amount=values), engine)
        with pytest.raises(ValueError, match="'amount' must hold numbers") as raised:
            transactions(table, "customer_id", "date", "amount")
        if "`" in str(raised.value):  # pyarrow has no line for a duration
            mended = value.rfm(follow(str(raised.value), table))
            assert to_pandas(mended)["total_amount"].sum() == (3 if values.dtype == bool else 10)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Etc/GMT+5", "Asia/Ho_Chi_Minh", "Asia/Kolkata"])
def test_every_time_zone_is_met_by_advice_that_works(engine, zone):
    local = pd.to_datetime(["2026-07-01 23:30", "2026-07-02 00:30"]).tz_localize("Europe/London")
    log = pd.DataFrame({"customer_id": [1, 2], "date": local.tz_convert(zone), "amount": 1.0})
    table = to_engine(log, engine)
    with pytest.raises(ValueError, match=r"'date' has the time zone [\w/:+-]+, and which day") as raised:
        transactions(table, "customer_id", "date", "amount")
    mended = transactions(follow(str(raised.value), table), "customer_id", "date", "amount")
    assert (mended.first, mended.last) == (date(2026, 7, 1), date(2026, 7, 2))  # the days of London


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["1.200 €", "3.000 €"], "may have a decimal mark or a mark of thousands"),
        (["$1,200", "$5"], "may have a decimal mark or a mark of thousands"),
        (["$3.00", "(3.00)"], r"One is '\(3.00\)': is it the right column"),  # a minus in brackets
        (["12 1/2", "3"], "One is '12 1/2'"),
        (["1e3", "7"], "One is '1e3'"),
        (["1,200.50", "3,50"], "One is "),
        (["5-", "7"], "One is '5-'"),
    ],
)
def test_no_advice_turns_a_text_into_another_number(texts, said):
    table = LOG.head(2).assign(amount=texts)
    with pytest.raises(ValueError, match=said) as raised:
        value.rfm(table)
    assert "`" not in str(raised.value)


def test_texts_that_can_be_read_in_two_ways_are_said_to():
    table = LOG.assign(date=["01/02/2026", "03/02/2026", "04/05/2026", "06/07/2026"])
    with pytest.raises(ValueError, match="can also be read as '%m/%d/%Y': know which it is"):
        transactions(table, "customer_id", "date", None)
    with pytest.raises(ValueError, match="format='%Y-%m-%d', say.*One is 'yesterday'"):
        transactions(LOG.assign(date="yesterday"), "customer_id", "date", None)
    with pytest.raises(ValueError, match="Say what the numbers count, .*; one is 38718"):
        transactions(LOG.assign(date=38718), "customer_id", "date", None)


def test_python_dates_and_periods_in_pandas():
    for column, days in (("Object", LOG["date"].dt.date), ("period", LOG["date"].dt.to_period("D"))):
        table = LOG.assign(date=days)
        with pytest.raises(ValueError, match=f"'date' must hold dates and holds {column}") as raised:
            value.btyd_summary(table)
        assert len(value.btyd_summary(follow(str(raised.value), table))) == 3


def test_an_index_called_like_an_inner_column_does_no_harm():
    for name in ("customer", "day", "amount", "first", "last"):
        renamed = LOG.rename_axis(name)
        pd.testing.assert_frame_equal(value.btyd_summary(renamed), value.btyd_summary(LOG))
        pd.testing.assert_frame_equal(value.rfm(renamed), value.rfm(LOG))
        pd.testing.assert_frame_equal(value.cohort_table(renamed), value.cohort_table(LOG))
        stages = (value.lifecycle_stages(one, period="W") for one in (renamed, LOG))
        pd.testing.assert_frame_equal(*stages)


@pytest.mark.parametrize("engine", ENGINES)
def test_columns_called_like_inner_ones_do_no_harm(engine):
    names = [
        "customer",
        "day",
        "amount_holdout",
        "rows",
        "first",
        "last",
        "days",
        "number",
        "cohort",
        "problem_0",
    ]
    table = to_engine(LOG.assign(**dict.fromkeys(names, 7)), engine)
    for function in (value.btyd_summary, value.rfm, value.cohort_table):
        pd.testing.assert_frame_equal(
            to_pandas(function(table)), to_pandas(function(to_engine(LOG, engine))), check_dtype=False
        )


def test_a_cohort_table_never_meets_the_tables_of_the_connection():
    connection = duckdb.connect()
    log = connection.from_arrow(pyarrow.Table.from_pandas(LOG))
    for name in ("crmlab_cohorts", "crmlab_transactions", "arrow", "table", "like"):
        connection.execute(f'create table "{name}" as select 13 as cohort')
    before = connection.sql(
        "select table_name from duckdb_tables() union select view_name from duckdb_views()"
    )
    before = set(before.df().iloc[:, 0])
    by_week, by_month = value.cohort_table(log, period="W"), value.cohort_table(log, period="M")
    assert len(by_week.df()) > len(by_month.df()) == 3  # January at two ages, February at one
    after = connection.sql(
        "select table_name from duckdb_tables() union select view_name from duckdb_views()"
    )
    assert set(after.df().iloc[:, 0]) == before
    assert by_week.filter("age = 0").df()["customers"].sum() == 3  # a relation like any other


def test_arrow_parts_with_dictionaries_of_their_own():
    log = LOG.assign(customer_id=list("aabc"))
    parts = [
        pyarrow.Table.from_pandas(part.astype({"customer_id": "category"}), preserve_index=False)
        for part in (log.iloc[:2], log.iloc[2:])
    ]
    parts = [part.cast(parts[0].schema) for part in parts]
    table = pyarrow.concat_tables(parts)
    assert len({str(chunk.dictionary) for chunk in table["customer_id"].chunks}) == 2
    for function in (value.btyd_summary, value.rfm, value.cohort_table):
        found, wanted = to_pandas(function(table)), function(log)
        assert found.astype(str).values.tolist() == wanted.astype(str).values.tolist()
    assert len(value.lifecycle_stages(table, period="W")) == len(value.lifecycle_stages(log, period="W"))
    table = table.append_column("orders", pyarrow.array([1, 2, 3, 4])).rename_columns({"customer_id": "shop"})
    assert len(value.tiers(table, contribution="amount")) == 4


def test_ages_that_differ_by_rounding_are_one_age():
    table = value.survival_table([0.1 * 3, 0.3, 0.5], [1, 0, 0])
    assert table.index.tolist() == [0.0, 0.3, 0.5]
    assert table.loc[0.3, ["at_risk", "ended", "censored"]].tolist() == [3, 1, 1]
    assert table.loc[0.3, "survival"] == pytest.approx(2 / 3)
    # customers whose last purchase is today, to the last digit
    rows = pd.DataFrame({"frequency": [2, 0, 1, 3], "recency": [0.1 * 3, 0, 0.2, 0.1], "T": [0.3] * 4})
    assert value.BetaGeoNBD(rows).t_x.max() == 0.3
    tied = value.ranking_score([9, 0, 3], {"r": [0.3, 0.1 + 0.2, 0.1]}, count=1)
    assert tied.loc["r", "money"] == 4.5  # by lot, whichever sum came out larger
    assert value.rfm_scores(
        pd.DataFrame({"days_since_last_order": [1, 1], "orders": [1, 1], "total_amount": [0.1 + 0.2, 0.3]})
    )["M"].tolist() == [3, 3]


def test_time_deltas_for_numbers_get_advice_that_gives_days():
    ages = pd.Series(pd.to_timedelta([30, 60], unit="D"))
    for call in (
        lambda: value.survival_table(ages, [1, 0]),
        lambda: numbers(ages, "duration"),
        lambda: value.BetaGeoNBD(pd.DataFrame({"frequency": [1, 2], "recency": ages, "T": ages})),
    ):
        with pytest.raises(ValueError, match="lengths of time. Divide by a unit of time") as raised:
            call()
        divided = eval(re.search("`(.*)`", str(raised.value))[1], {"values": ages, "pandas": pd})
        assert divided.tolist() == [30, 60]
    assert value.survival_table(ages / pd.Timedelta(days=1), [1, 0]).index.tolist() == [0, 30, 60]
    with pytest.raises(ValueError, match="holds dates: take their difference from a day"):
        value.survival_table(pd.Series(pd.to_datetime(DAYS)), [1, 0, 1, 1])


@pytest.mark.parametrize("model", [value.BetaGeoNBD, value.ParetoNBD, value.GammaGamma])
def test_columns_given_one_by_one_are_told_to_be_one_table(model):
    rng = np.random.default_rng(3)
    frequency, recency = rng.integers(1, 9, 60), rng.uniform(1, 20, 60)
    T, monetary_value = recency + 9, recency + 1
    given = (frequency, monetary_value, T) if model is value.GammaGamma else (frequency, recency, T)
    with pytest.raises(ValueError, match="The columns go in as one table: pandas.DataFrame") as raised:
        model(*given)
    code = re.search(r"(pandas.DataFrame\(.*\))", str(raised.value))[1]
    columns = {"frequency": frequency, "recency": recency, "T": T, "monetary_value": monetary_value}
    made = model(eval(code, {"pandas": pd} | columns))
    assert made.nobs == 60
    with pytest.raises(ValueError, match=r"one table: pandas.DataFrame\(\{'frequency': frequency"):
        model(frequency)
    if model is value.ParetoNBD:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fit = made.fit()
        with pytest.raises(ValueError, match="one table"):
            fit.probability_alive(frequency, recency, T)
        with pytest.raises(ValueError, match="one table"):
            fit.conditional_expected_purchases(4, frequency, recency, T)


@pytest.mark.parametrize(
    ("draw", "table"),
    [
        (lambda given: value.plot_survival({"one": given}), "table of survival_table"),
    ],
)
def test_a_plot_that_gets_something_else_says_what_it_draws(draw, table):
    rows = pd.DataFrame({"frequency": [2, 0, 1, 5], "recency": [3.0, 0, 2.0, 9.0], "T": [10.0] * 4})
    with pytest.raises(ValueError, match=f"This draws (the |a )?{table}"):
        draw(value.BetaGeoNBD(rows))
    assert not plt.get_fignums()


def test_a_model_that_is_not_fitted_is_told_to_be():
    model = value.BetaGeoNBD(
        pd.DataFrame({"frequency": [2, 0, 1, 5], "recency": [3.0, 0, 2.0, 9.0], "T": [10.0] * 4})
    )
    with pytest.raises(ValueError, match="results of a fit are needed.*got a BetaGeoNBD"):
        value.LifetimeValue(model, 5.0, 0.3, 0.1, 52)
    for method in ("frequency_table", "holdout_table", "tracking_table", "customer_matrix", "plot_holdout"):
        with pytest.raises(
            AttributeError, match=rf"results of a fit: BetaGeoNBD\(summary\).fit\(\).{method}"
        ):
            getattr(model, method)
    assert not hasattr(model, "no_such_thing")
