"""Input checks: what is no transaction log is refused, by every engine, with a sentence that teaches."""

from datetime import date, datetime

import duckdb
import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from crmlab._tables import as_day, day_number, look_up, numbers, require_columns, transactions, unknown
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
        (lambda d: d.assign(customer_id=[None, "b", "", "c"]), "2 of 4 rows have no customer_id"),
        (
            lambda d: d.assign(customer_id=pd.Categorical(["a", "b", "", "c"])),
            "1 of 4 rows have no customer_id",
        ),
        (lambda d: d.assign(customer_id=[1.0, 2.0, -np.inf, 3.0]), "1 of 4 rows have no customer_id"),
        (lambda d: d.assign(date=SECOND_DATE), "1 of 4 rows have no date; the first is .*customer_id=1"),
        (lambda d: d.assign(date=d["date"].astype(str)), "'date' must hold dates.*%Y-%m-%d"),
        (lambda d: d.assign(date=[20260101] * 4), "'date' must hold dates.*year, month and day.*%Y%m%d"),
        (
            lambda d: d.assign(date=d["date"].dt.tz_localize("UTC")),
            "'date' has the time zone (Etc/)?UTC.*local day.*Europe/London",
        ),
        (lambda d: d.assign(amount=[5.0, np.nan, np.nan, 9.0]), "2 of 4 rows have no amount.*2026-01-08"),
        (
            lambda d: d.assign(amount=[5.0, 1.0, -np.inf, 9.0]),
            "1 of 4 rows have an infinite amount, or one beyond ±1e.150.*customer_id=2",
        ),
        # four of these are still finite, their sum is not
        (lambda d: d.assign(amount=[-1e308] * 4), "4 of 4 rows have an infinite amount, or one beyond"),
        (
            lambda d: d.assign(amount=[5, 1, 2, -9]),
            "1 of 4 rows have a negative amount.*customer_id=3.*net them",
        ),
        (lambda d: d.assign(amount=list("abcd")), "'amount' must hold numbers.*is it the right column"),
        (lambda d: d.assign(amount=[True] * 4), r"'amount' must hold numbers and holds (bool|Bool).*[iI]nt"),
        (
            lambda d: d.assign(date=np.array(["2026-01-01", "12026-01-01"] * 2, "datetime64[s]")),
            "2 of 4 rows have a date outside the years 1 to 9999.*mistyped",
        ),
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
        (LOG.assign(date=LOG["date"].dt.to_period("D")), r"holds period\[D\].*dt.to_timestamp\(\)"),
        (LOG.assign(date=LOG["date"].astype("date64[pyarrow]")), "holds date64.*date32"),
        (
            pd.concat([LOG, LOG[["amount"]]], axis=1),
            "have one name: rename or drop one(.|\n)*'amount' 2 times",
        ),
        (LOG.to_dict(), "pandas, Polars, pyarrow or DuckDB table; this is a dict"),
    ],
)
def test_what_pandas_users_get_wrong(log, message):
    with pytest.raises(ValueError, match=message):
        transactions(log, "customer_id", "date", "amount")


@pytest.mark.parametrize("day", ["infinity", "-infinity", "12026-01-01", "0044-03-15 (BC)"])
def test_what_python_has_no_date_for_is_refused(day):
    log = duckdb.sql(f"select 1 customer_id, unnest([date '2026-01-01', date '{day}', null]) as date")
    with pytest.raises(ValueError, match="1 of 3 rows have a date outside the years 1 to 9999"):
        transactions(log, "customer_id", "date", None)


def test_date64_can_be_cast_as_the_message_says():
    log = pa.Table.from_pandas(LOG.assign(date=LOG["date"].dt.normalize().astype("date64[pyarrow]")))
    with pytest.raises(ValueError, match=r"holds date64\[ms\].*cast\('date32'\)"):
        transactions(log, "customer_id", "date", None)
    cast = log.set_column(1, "date", log["date"].cast("date32"))
    assert transactions(cast, "customer_id", "date", None).last == date(2026, 2, 28)


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
    rows = nw.from_native(table).lazy()
    ours = rows.select(day_number(rows, "day").alias("number"))
    assert to_pandas(ours.to_native())["number"].tolist() == [day.toordinal() for day in days]


@pytest.mark.parametrize(
    "value",
    [
        *("1997-09-30", "1997-09-30 12:00", date(1997, 9, 30), 19970930),
        *(pd.Timestamp("1997-09-30 12:00"), np.datetime64("1997-09-30", "ns")),
    ],
)
def test_an_end_may_be_text_date_or_timestamp(value):
    assert as_day(value, "observation_end") == date(1997, 9, 30)


@pytest.mark.parametrize(
    "value", ["30.09.1997", "1997-09-31", "1997-09-300", "1997-09-30th", pd.NaT, None, 7]
)
def test_an_end_that_is_no_date_is_refused(value):
    with pytest.raises(ValueError, match="observation_end=.* is not a date.*1997-09-30"):
        as_day(value, "observation_end")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("cdnow", " Did you mean 'cdnow_master' or 'cdnow_sample'?"),  # what it begins comes first
        ("CDNOW_S", " Did you mean 'cdnow_sample'?"),
        ("donatoins", " Did you mean 'donations'?"),
        ("", ""),
        ("xyz", ""),
        (["donations"], " Did you mean 'donations'?"),  # no name, and not hashable
    ],
)
def test_what_does_not_exist_is_answered_with_what_does(name, hint):
    valid = {"donations": 1, "cdnow_sample": 2, "cdnow_master": 3}
    with pytest.raises(ValueError) as raised:
        look_up("set", name, valid)
    assert str(raised.value) == unknown("set", name, valid)
    assert (
        str(raised.value) == f"There is no set {name!r}.{hint} Valid: cdnow_master, cdnow_sample, donations."
    )


def test_a_column_that_is_there_twice_is_refused():
    with pytest.raises(ValueError, match="There are 2 columns 'amount': rename or drop one"):
        require_columns(["amount", "date", "amount"], ["amount"])


@pytest.mark.parametrize(("values", "remedy"), [([True], "astype"), ([1j], "numpy.real"), (["1"], "to_num")])
def test_what_is_no_number_is_refused_with_what_makes_it_one(values, remedy):
    with pytest.raises(ValueError, match=f"orders must hold numbers and holds .*{remedy}"):
        numbers(values, "orders")
