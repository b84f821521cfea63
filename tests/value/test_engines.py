"""Whatever takes a result of the room takes it from every engine, and tells customers by their ids.

Referees: the same call on pandas, and the models' own functions for one history at a time.
"""

import re
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pyarrow as pa
import pytest

from crmlab import datasets, value
from crmlab._columns import aligned
from crmlab._tables import as_series, by_customer
from tests.value.engines import ENGINES, to_engine, to_pandas

ROOT = Path(__file__).parents[2]


OTHERS = [engine for engine in ENGINES if engine != "pandas"]


YEAR = 365.25 / 7


@pytest.fixture(scope="module")
def log():
    """A third of the CDNOW sample, its customers called by the letters of another shop."""
    cdnow = datasets.load("cdnow_sample").query("customer_id % 3 == 1")
    return cdnow.assign(customer_id="C" + (9_000 - cdnow["customer_id"]).astype(str))


@pytest.fixture(scope="module")
def summary(log):
    return value.btyd_summary(log, calibration_end="1997-09-30")


@pytest.fixture(scope="module")
def scores(log):
    return value.rfm_scores(value.rfm(log))


@pytest.mark.parametrize("names", [{}, {"customer_id": "client", "date": "day", "amount": "T"}])
@pytest.mark.parametrize("engine", ENGINES)
def test_the_door_of_the_readme_opens_for_every_engine(engine, names, monkeypatch):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(from crmlab import datasets, value\n.*?)```", text, flags=re.DOTALL)[1]
    for ours, theirs in names.items():
        code = code.replace(f'"{ours}"', f'"{theirs}"')
    load = datasets.load
    monkeypatch.setattr(datasets, "load", lambda name: to_engine(load(name).rename(columns=names), engine))
    found = {}
    exec(code, found)
    fit, id_name = found["results"], names.get("customer_id", "customer_id")
    assert fit.params.round(3).to_dict() == {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
    for forecast in (fit.probability_alive(), fit.conditional_expected_purchases()):
        assert forecast.index.name == id_name and forecast.index.tolist() == list(range(1, 2358))
    first = to_pandas(found["summary"]).iloc[0]  # Fader & Hardie's customer 1: x 2, t_x 30.43, T 38.86
    assert first[id_name] == 1
    assert fit.probability_alive()[1] == pytest.approx(fit.probability_alive(pd.DataFrame([first])).item())


def results_by_customer(summary):
    """Return every result with a row per customer that the models of this room give."""
    purchases, spend = value.BetaGeoNBD(summary).fit(), value.GammaGamma(summary).fit()
    worth = value.LifetimeValue(purchases, spend, 0.3, 0.15, YEAR, horizon=52)
    return {
        "alive": purchases.probability_alive(),
        "alive, told": purchases.probability_alive(summary),
        "purchases": purchases.conditional_expected_purchases(),
        "interval": purchases.conditional_expected_purchases(26, summary, alpha=0.1),
        "discounted": purchases.discounted_purchases(0.1, YEAR),
        "discounted, interval": purchases.discounted_purchases(0.1, YEAR, 52, summary, alpha=0.1),
        "spend": spend.expected_spend(),
        "spend, interval": spend.expected_spend(summary, alpha=0.1),
        "worth": worth.expected(),
        "worth, interval": worth.expected(summary, alpha=0.1),
        "futures": worth.simulate(summary, draws=2),
    }


@pytest.fixture(scope="module")
def by_pandas(summary):
    return results_by_customer(summary)


def test_results_are_told_by_the_customers_id(summary, by_pandas):
    ids = summary["customer_id"].tolist()
    for name, result in by_pandas.items():
        assert result.index.name == "customer_id" and result.index.tolist() == ids, name
    # each number stands beside its own customer: ask for the customers one by one, from the last
    fit = value.BetaGeoNBD(summary).fit()
    for who in ids[:-20:-3]:
        history = summary[summary["customer_id"] == who]
        assert fit.probability_alive(history)[who] == by_pandas["alive"][who]


@pytest.mark.parametrize("engine", OTHERS)
def test_models_take_the_summary_of_every_engine(engine, log, by_pandas):
    summary = value.btyd_summary(to_engine(log, engine), calibration_end="1997-09-30")
    for name, result in results_by_customer(summary).items():
        compare = pd.testing.assert_frame_equal if result.ndim == 2 else pd.testing.assert_series_equal
        compare(result, by_pandas[name], check_index_type=False, obj=name, rtol=1e-9)


@pytest.mark.parametrize("engine", OTHERS)
def test_counted_histories_and_donations_of_every_engine(engine, summary):
    counted = summary.groupby(["frequency", "recency", "T"]).size().reset_index(name="n")
    for table in (counted, counted[["n", "frequency", "recency", "T"]]):
        fit = value.ParetoNBD(to_engine(table, engine), weights="n").fit()
        assert fit.llf == pytest.approx(value.ParetoNBD(summary).fit().llf, rel=1e-12)
        assert fit.probability_alive().index.tolist() == list(range(len(counted)))
    donations = datasets.load("donations")
    fit = value.BetaGeoBetaBinomial(to_engine(donations, engine), weights="donors").fit()
    pd.testing.assert_series_equal(
        fit.probability_alive(), value.BetaGeoBetaBinomial(donations, "donors").fit().probability_alive()
    )


def test_a_table_without_ids_keeps_its_index():
    rows = pd.DataFrame({"frequency": [2, 0], "recency": [1.0, 0.0], "T": [3.0, 3.0]}, index=["x", "y"])
    assert by_customer(rows).index.tolist() == ["x", "y"]
    # a column that the models read is no id, wherever it stands, and neither are the weights
    assert by_customer(rows[["T", "frequency", "recency"]]).index.tolist() == ["x", "y"]
    assert by_customer(rows.assign(n=1)[["n", "frequency"]], weights="n").index.tolist() == ["x", "y"]
    named = by_customer(rows.rename_axis("client"))
    assert named.index.name == "client" and by_customer(named) is named
    assert by_customer(rows.assign(customer_id=[7, 8])).index.tolist() == [7, 8]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_customer_who_is_there_twice_or_has_no_name_is_refused(engine, summary, scores):
    twice = to_engine(pd.concat([summary, summary.tail(1)], ignore_index=True), engine)
    last = summary["customer_id"].iloc[-1]
    for model in (value.BetaGeoNBD, value.ParetoNBD, value.GammaGamma):
        with pytest.raises(ValueError, match=f"a 'customer_id' that was there before; the first is '{last}'"):
            model(twice)
    nobody = summary.assign(customer_id=summary["customer_id"].where(summary.index > 0))
    with pytest.raises(ValueError, match="1 of 786 rows have no 'customer_id'"):
        value.BetaGeoNBD(to_engine(nobody, engine))
    again = to_engine(pd.concat([scores, scores.head(1)]).drop(columns=["R", "F", "M"]), engine)
    for function in (value.rfm_scores, value.tiers, lambda t: value.segment(t, ["orders"], 2)):
        with pytest.raises(ValueError, match="was there before"):
            function(again)


@pytest.mark.parametrize("engine", ENGINES)
def test_scores_tiers_accounts_and_segments_of_every_engine(engine, log, scores):
    table = value.rfm(to_engine(log, engine))
    plain = scores.drop(columns=["R", "F", "M"])
    same = {"check_dtype": False, "check_index_type": False, "check_column_type": False}
    ours = value.rfm_scores(table)
    pd.testing.assert_frame_equal(ours, scores, **same)
    scored = to_engine(scores, engine)
    pd.testing.assert_frame_equal(value.rfm_segments(scored), value.rfm_segments(scores), **same)
    pd.testing.assert_frame_equal(value.tiers(table), value.tiers(plain), **same)
    weights = {"total_amount": 2, "orders": 1}
    pd.testing.assert_frame_equal(
        value.key_accounts(table, weights, 9), value.key_accounts(plain, weights, 9), **same
    )
    features = ["orders", "total_amount"]
    found, wanted = value.segment(table, features, 2), value.segment(plain, features, 2)
    assert found.labels.index.tolist() == plain["customer_id"].tolist()
    pd.testing.assert_series_equal(found.labels, wanted.labels, check_index_type=False)
    pd.testing.assert_series_equal(found.assign(table), found.labels)
    pd.testing.assert_frame_equal(found.profile(table), wanted.profile(plain), **same)
    for ax in (found.plot(table),):
        assert ax.has_data()
    plt.close("all")


@pytest.mark.parametrize("engine", ENGINES)
def test_stages_of_every_engine(engine):
    stages = value.lifecycle_stages(
        pd.DataFrame(
            {"customer_id": [1, 1, 2], "date": pd.to_datetime(["2024-01-09", "2024-07-01", "2024-05-05"])}
        ),
        period="M",
        observation_end="2025-12-31",
    )
    pd.testing.assert_frame_equal(value.transitions(to_engine(stages, engine)), value.transitions(stages))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_column_of_every_engine_is_a_row_of_numbers(engine):
    table = to_engine(pd.DataFrame({"worth": [80.0, 5, 5, 5, 5], "seen": [1, 1, 0, 1, 0]}), engine)
    worth, seen = (
        table.select(name) if engine in ("duckdb", "polars lazy") else table[name]
        for name in ("worth", "seen")
    )
    assert value.gini(worth) == pytest.approx(0.6)
    assert value.whale_curve(worth)["cumulative"].iloc[-1] == 100
    pd.testing.assert_frame_equal(
        value.survival_table(worth, seen), value.survival_table([80.0, 5, 5, 5, 5], [1, 1, 0, 1, 0])
    )
    scores = value.ranking_score(worth, {"itself": worth}, 2)
    assert scores.loc["itself", "score"] == 1
    assert value.holdout_scores(worth, {"itself": worth}).loc["itself", "bias"] == 0
    with pytest.raises(ValueError, match="this table has 2: select one"):
        as_series(table)


def test_decimals_of_a_database_are_numbers():
    import duckdb

    table = duckdb.sql("select 7 as customer_id, 3 as orders, 12.50::decimal(9, 2) as total_amount")
    assert value.tiers(table)["total_amount"].tolist() == [12.5]


def test_mappings_meet_by_their_keys_and_series_must_be_in_one_order():
    worth = {"a": 5.0, "b": 1.0, "c": 3.0, "d": 0.0}
    turned = dict(reversed(worth.items()))
    assert value.ranking_score(worth, {"itself": turned}, 2).loc["itself", "score"] == 1
    assert value.ranking_score(pd.Series(worth), {"itself": turned}, 2).loc["itself", "score"] == 1
    assert value.holdout_scores(worth, {"itself": turned}).loc["itself", "mean_absolute_error"] == 0
    assert value.survival_table({1: 4.0, 2: 9.0}, {2: 0, 1: 1}).loc[4.0, "ended"] == 1
    shuffled = pd.Series(worth)[["d", "c", "b", "a"]]
    for actual, predicted in [
        (pd.Series(worth), shuffled),
        (worth, shuffled),
        (list(worth.values()), turned),  # names, and nothing that they name
        (list(worth.values()), pd.Series([5.0, 1.0, 3.0, 0.0]).iloc[::-1]),
    ]:
        for call in (
            lambda a=actual, p=predicted: value.ranking_score(a, {"it": p}, 2),
            lambda a=actual, p=predicted: value.holdout_scores(a, {"it": p}),
        ):
            with pytest.raises(ValueError, match="has another index"):
                call()
    # what the message says helps
    in_order = value.ranking_score(worth, {"it": worth}, 2)
    turned_back = {"it": shuffled.reindex(list("abcd"))}
    assert value.ranking_score(pd.Series(worth), turned_back, 2).equals(in_order)
    # customers' ids beside a plain array: there is only the order
    assert aligned(shuffled, "predicted", None) is shuffled
    assert value.ranking_score([0.0, 3.0, 1.0, 5.0], {"it": shuffled}, 2).equals(in_order)


@pytest.mark.parametrize("name", ["R", "score", "key", "segment", "occasion", "value", "role"])
def test_a_column_of_the_users_is_not_overwritten(name):
    table = pd.DataFrame(
        {
            "days_since_last_order": [1, 9],
            "orders": [3, 1],
            "total_amount": [9.0, 2.0],
            name: ["mine", "mine"],
        }
    )
    functions = {
        value.rfm_scores: ["R"],
        value.tiers: ["occasion", "value", "role"],
        (lambda t: value.key_accounts(t, {"orders": 1}, 1)): ["score", "key"],
        (lambda t: value.rfm_segments(t.drop(columns="R", errors="ignore").assign(R=5, F=5))): ["segment"],
    }
    [function] = [one for one, made in functions.items() if name in made]
    with pytest.raises(ValueError, match=f"has a column '{name}' already"):
        function(table)
    assert function(table.rename(columns={name: "mine"})).loc[0, "mine"] == "mine"


def test_pyarrow_tables_of_several_files_are_one_table(summary):
    halves = [
        pa.Table.from_pandas(half, preserve_index=False) for half in (summary.iloc[:400], summary.iloc[400:])
    ]
    fit = value.BetaGeoNBD(pa.concat_tables(halves)).fit()
    assert fit.llf == pytest.approx(value.BetaGeoNBD(summary).fit().llf)


def test_a_profile_keeps_its_own_columns():
    accounts = pd.DataFrame({"wallet": [90, 10, 80, 20], "share": [0.9, 0.8, 0.1, 0.2]})
    found = value.segment(accounts, ["wallet", "share"], 2)
    with pytest.raises(ValueError, match="a column 'share' of its own: rename the table's"):
        found.profile()
