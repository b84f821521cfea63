"""Event logs. Referees: plain pandas, one table engine against the other."""

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from crmlab.collect import sessions, transitions

KINDS = {
    "pandas": lambda log: log,
    "Polars": pl.from_pandas,
    "Polars, lazy": lambda log: pl.from_pandas(log).lazy(),
    "pyarrow": lambda log: pa.Table.from_pandas(log, preserve_index=False),
    "DuckDB": lambda log: duckdb.connect().from_df(log),
}


def to_pandas(table):
    if isinstance(table, pd.DataFrame):
        return table
    table = table.collect() if isinstance(table, pl.LazyFrame) else table
    return table.df() if isinstance(table, duckdb.DuckDBPyRelation) else table.to_pandas()


@pytest.fixture(scope="module")
def log():
    rng = np.random.default_rng(15)
    at = pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 60 * 24, 3000), unit="h")
    kinds = np.array(["order", "return", "complaint", "an order's answer"])
    return pd.DataFrame({"who": rng.integers(1, 200, 3000), "at": at, "what": rng.choice(kinds, 3000)})


NAMES = {"customer": "who", "at": "at", "event": "what"}


def by_hand(log, hours):
    log = log.sort_values(["who", "at", "what"]).reset_index(drop=True)
    pause = log.groupby("who")["at"].diff()
    log["new"] = ~(pause <= pd.Timedelta(hours=hours))
    log["session"] = log.groupby("who")["new"].cumsum()
    log["step"] = log.groupby("who")["what"].shift().where(~log["new"], "(start)")
    log["last"] = log["new"].shift(-1, fill_value=True)
    ends = log.loc[log["last"], "what"].value_counts()
    pairs = log.groupby(["step", "what"]).size()
    return log, pairs, ends


def test_transitions_are_those_of_plain_pandas(log):
    found = transitions(log, 48, **NAMES).set_index(["step", "next"])
    _, pairs, ends = by_hand(log, 48)
    inner = found.drop(index="(end)", level="next")["count"]
    assert inner.to_dict() == pairs.to_dict()
    assert found.xs("(end)", level="next")["count"].to_dict() == ends.to_dict()
    assert found.groupby("step")["share"].sum().to_numpy() == pytest.approx(1)


def test_sessions_are_those_of_plain_pandas(log):
    found = sessions(log, 48, **NAMES)
    right, _, _ = by_hand(log, 48)
    right = right.groupby(["who", "session"]).agg(
        began=("at", "min"), ended=("at", "max"), events=("what", "size"), sequence=("what", " > ".join)
    )
    pd.testing.assert_frame_equal(
        found.set_index(["who", "session"]), right, check_dtype=False, check_index_type=False
    )


def test_both_tell_of_the_same_sessions(log):
    table, all_of = transitions(log, 48, **NAMES), sessions(log, 48, **NAMES)
    assert table.loc[table["step"] == "(start)", "count"].sum() == len(all_of)
    assert table.loc[table["next"] == "(end)", "count"].sum() == len(all_of)
    assert table.loc[table["next"] != "(end)", "count"].sum() == all_of["events"].sum() == len(log)


@pytest.mark.parametrize("kind", KINDS)
def test_every_engine_gives_the_same_and_its_own_kind(log, kind):
    given = KINDS[kind](log)
    for function in (transitions, sessions):
        found = function(given, 48, **NAMES)
        assert type(found) is type(given)
        right = function(log, 48, **NAMES)
        pd.testing.assert_frame_equal(
            to_pandas(found).reset_index(drop=True), right, check_dtype=False, check_exact=False
        )


def test_the_order_of_rows_does_not_matter_even_at_one_second(log):
    noon = log.assign(at=log["at"].dt.normalize())  # many at the same second
    turned = noon.sample(frac=1, random_state=1)
    one, other = transitions(noon, 48, **NAMES), transitions(turned, 48, **NAMES)
    pd.testing.assert_frame_equal(one, other)
    assert one["same_moment"].sum() > 100
    _, pairs, _ = by_hand(noon, 48)
    tied = noon.duplicated(["who", "at"]).sum()  # each but the first follows one of its own moment
    assert one["same_moment"].sum() == tied


def test_a_pause_of_just_the_gap_does_not_end_a_session():
    at = pd.to_datetime(["2025-01-01 00:00", "2025-01-02 00:00", "2025-01-03 00:01"])
    log = pd.DataFrame({"customer_id": 1, "at": at, "event": list("abc")})
    assert sessions(log, 24)["sequence"].tolist() == ["a > b", "c"]


def test_days_without_an_hour_are_taken():
    log = pl.DataFrame({"customer_id": [1, 1], "at": ["2025-01-01", "2025-01-02"], "event": ["b", "a"]})
    log = log.with_columns(pl.col("at").str.to_date())
    assert sessions(log, 24)["sequence"].to_list() == ["b > a"]


def test_a_log_with_strange_names_is_read():
    log = pd.DataFrame({'my "id"': ["x"], "order by": pd.to_datetime(["2025-01-01"]), "select": ["order's"]})
    found = sessions(log, 24, customer='my "id"', at="order by", event="select")
    assert found['my "id"'].tolist() == ["x"] and found["sequence"].tolist() == ["order's"]


@pytest.mark.parametrize(
    ("change", "hours", "message"),
    [
        ({"at": pd.NaT}, 24, "have no at"),
        ({"at": "yesterday"}, 24, "must hold dates"),
        ({"at": pd.Timestamp("2025-01-01", tz="UTC")}, 24, "time zone"),
        ({"event": None}, 24, "have no event"),
        ({"event": "(start)"}, 24, "marks where a session begins"),
        ({"customer_id": np.nan}, 24, "have no customer_id"),
        ({}, -1, "gap_hours"),
        ({}, np.inf, "gap_hours"),
    ],
)
def test_a_log_that_cannot_be_read_is_refused(change, hours, message):
    log = pd.DataFrame({"customer_id": [1], "at": pd.to_datetime(["2025-01-01"]), "event": ["order"]})
    with pytest.raises(ValueError, match=message):
        transitions(log.assign(**change), hours)


def test_columns_are_three_and_the_results_own_names_are_refused(log):
    with pytest.raises(ValueError, match="three columns"):
        transitions(log, 24, customer="who", at="at", event="who")
    with pytest.raises(ValueError, match="rename yours"):
        sessions(log.rename(columns={"who": "Session"}), 24, customer="Session", event="what")
    with pytest.raises(ValueError, match="no row"):
        sessions(log.head(0), 24, **NAMES)
    with pytest.raises(ValueError, match="There is no column 'event'"):
        transitions(log, 24, customer="who")
