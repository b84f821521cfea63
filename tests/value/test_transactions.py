"""Input checks: what is no transaction log is refused, by every engine, with a sentence that teaches."""

from datetime import date, datetime

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from crmlab._tables import as_day, day_number, transactions
from tests.value.engines import ENGINES, to_engine, to_pandas

LOG = pd.DataFrame(
    {
        "customer_id": [1, 1, 2, 3],
        "date": pd.to_datetime(
            ["2026-01-01", "2026-01-08 23:59", "2026-01-02", "2026-02-28"], format="mixed"
        ),
        "amount": [5.0, 0.0, 7.0, 9.0],
    }
)
SECOND_ID = [1.0, np.nan, 2.0, 3.0]
SECOND_DATE = LOG["date"].where(LOG.index != 1)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.iloc[:0], "log is empty.*customer_id, date, amount and no row"),
        (
            lambda d: d.rename(columns={"amount": "price"}),
            "no column 'amount'.*Valid: customer_id, date, price",
        ),
        (
            lambda d: d.assign(customer_id=SECOND_ID),
            "1 of 4 rows have no customer_id; the first is .*2026-01-08",
        ),
        (lambda d: d.assign(customer_id=[None, "b", "b", "c"]), "1 of 4 rows have no customer_id"),
        (lambda d: d.assign(date=SECOND_DATE), "1 of 4 rows have no date; the first is .*customer_id=1"),
        (lambda d: d.assign(date=d["date"].astype(str)), "'date' must hold dates.*to_datetime.*format="),
        (lambda d: d.assign(date=[20260101] * 4), "'date' must hold dates.*to_datetime.*format="),
        (
            lambda d: d.assign(date=d["date"].dt.tz_localize("UTC")),
            "'date' has the time zone.*local day.*tz_convert",
        ),
        (lambda d: d.assign(amount=[5.0, np.nan, np.nan, 9.0]), "2 of 4 rows have no amount.*2026-01-08"),
        (
            lambda d: d.assign(amount=[5.0, 1.0, -np.inf, 9.0]),
            "1 of 4 rows have an infinite amount.*customer_id=2",
        ),
        (
            lambda d: d.assign(amount=[5, 1, 2, -9]),
            "1 of 4 rows have a negative amount.*customer_id=3.*net them",
        ),
        (lambda d: d.assign(amount=list("abcd")), "'amount' must hold numbers.*to_numeric"),
    ],
)
def test_what_is_no_log_is_refused_by_every_engine(engine, change, message):
    with pytest.raises(ValueError, match=message):
        transactions(to_engine(change(LOG), engine), "customer_id", "date", "amount")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("column", "message"),
    [("customer_id", "have no customer_id"), ("amount", r"have no amount \(missing or NaN\)")],
)
def test_nan_is_missing_also_where_it_is_not_null(engine, column, message):
    # pandas turns NaN into null on the way to the other engines, so these values come from pyarrow
    columns = {"customer_id": [1.0, 2.0, 3.0], "date": [date(2026, 1, 1)] * 3, "amount": [1.0, 2.0, 3.0]}
    log = to_engine(pa.table(columns | {column: [1.0, float("nan"), None]}), engine)
    if engine == "pandas":
        log["date"] = pd.to_datetime(log["date"])
    with pytest.raises(ValueError, match=f"2 of 3 rows {message}"):
        transactions(log, "customer_id", "date", "amount")


@pytest.mark.parametrize(
    ("log", "message"),
    [
        # the odd one comes late: a look at the first rows would not find it
        (
            pd.concat([LOG] * 60).assign(customer_id=[*[1] * 239, "1"]),
            r"mixes types: int \(239.*str \(1.*astype",
        ),
        (LOG.assign(date=LOG["date"].dt.date), "'date' must hold dates"),
        (LOG.assign(amount=LOG["amount"].astype(object)), "'amount' must hold numbers"),
        (LOG.assign(amount=[5.0, 1.0, -2.0, 9.0]), r"the first is row 2 \(counted from 0\)"),
        (LOG.to_dict(), "pandas, Polars, pyarrow or DuckDB table; this is a dict"),
    ],
)
def test_what_pandas_users_get_wrong(log, message):
    with pytest.raises(ValueError, match=message):
        transactions(log, "customer_id", "date", "amount")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dtype", ["datetime64[ns]", "datetime64[s]", "date32[pyarrow]"])
def test_days_are_days_whatever_the_dates_are_kept_as(engine, dtype):
    before = LOG.assign(date=LOG["date"].astype(dtype), amount=LOG["amount"].astype("float32"))
    given = before.copy()
    log = transactions(to_engine(given, engine), "customer_id", "date", "amount")
    assert (log.first, log.last) == (date(2026, 1, 1), date(2026, 2, 28))
    days = to_pandas(log.rows.select("day").to_native())["day"]
    assert [as_day(day, "day") for day in days] == [moment.date() for moment in LOG["date"]]
    assert len(to_pandas(log.until(date(2026, 1, 8)).to_native())) == 3  # the end is inclusive
    pd.testing.assert_frame_equal(given, before)


@pytest.mark.parametrize("engine", ENGINES)
def test_returns_are_let_through_where_they_have_a_meaning(engine):
    log = to_engine(LOG.assign(amount=[5.0, -1.0, 2.0, 0.0]), engine)
    rows = transactions(log, "customer_id", "date", "amount", returns=True).rows
    assert to_pandas(rows.to_native())["amount"].sum() == 6


@pytest.mark.parametrize("engine", ENGINES)
def test_day_numbers_are_those_of_the_standard_library(engine):
    years = [1896, 1900, 1904, 1999, 2000, 2001, 2100, 2101]
    days = [date(year, *end) for year in years for end in [(1, 1), (2, 28), (3, 1), (12, 31)]]
    table = to_engine(pd.DataFrame({"day": [datetime(*day.timetuple()[:3]) for day in days]}), engine)
    ours = nw.from_native(table).lazy().select(day_number("day").alias("number"))
    assert to_pandas(ours.to_native())["number"].tolist() == [day.toordinal() for day in days]


@pytest.mark.parametrize("value", ["1997-09-30", date(1997, 9, 30), pd.Timestamp("1997-09-30 12:00")])
def test_an_end_may_be_text_date_or_timestamp(value):
    assert as_day(value, "observation_end") == date(1997, 9, 30)


@pytest.mark.parametrize("value", ["30.09.1997", "1997-09-31", pd.NaT, 7])
def test_an_end_that_is_no_date_is_refused(value):
    with pytest.raises(ValueError, match="observation_end=.* is not a date.*1997-09-30"):
        as_day(value, "observation_end")
