"""Linkage. Referees: the truth of the company, brute force over pairs, and weights that must add up."""

from itertools import combinations

import duckdb
import networkx as nx
import numpy as np
import pandas as pd
import polars as pl
import pytest
from splink.internals.dialects import SplinkDialect
from splink.internals.duckdb.database_api import DuckDBAPI

from crmlab import collect, company, datasets, plot
from crmlab.collect._levels import KINDS, as_comparison
from crmlab.replicate.papers.christen_2008 import BLOCKS, COMPARED


@pytest.fixture(scope="module")
def tea():
    return company.simulate(1_200)


@pytest.fixture(scope="module")
def clean(tea):
    return collect.clean(tea.contacts)


@pytest.fixture(scope="module")
def results(clean):
    return collect.Linkage(clean).fit()


@pytest.fixture(scope="module")
def truth(tea):
    return tea._truth["contacts"].set_index("contact_id")["person_id"]


# ---- linkage


def test_the_comparisons_can_be_said_to_spark():
    """Referee: what Spark calls Jaro and Winkler's measure, and its regexp_replace, which knows no 'g'."""
    spark = SplinkDialect.from_string("spark")
    for kind, (equal, _) in KINDS.items():
        made = as_comparison("column", kind, equal.format("column"), spark.jaro_winkler_function_name)
        text = " ".join(level.create_sql(spark) for level in made.create_comparison_levels())
        assert "jaro_winkler_similarity" not in text.lower() and "'g'" not in text and '"' not in text
        assert ("JARO_WINKLER(" in text) == (kind == "name")
        assert ("REGEXP_REPLACE(column_l, '[^0-9]', '')" in text) == (kind == "mail")


def test_it_finds_who_is_who_far_better_than_any_exact_key(clean, results, truth):
    ours = collect.pair_quality(results.clusters(4), truth)
    keys = (["telephone"], ["mail"], ["name_key"], ["telephone", "mail"])
    best = max(collect.pair_quality(collect.exact_clusters(clean, on), truth)["f1"] for on in keys)
    assert ours["precision"] > 0.985
    assert ours["recall"] > 0.87
    assert ours["f1"] > best + 0.1


def test_a_weight_is_log2_of_m_over_u_and_shares_add_up(results):
    table = results.weights()
    np.testing.assert_allclose(table["weight"], np.log2(table["m"] / table["u"]))
    assert table.groupby("comparison")["u"].sum().to_numpy() == pytest.approx(1, abs=0.01)
    # each block learns m for itself, and their means need not quite add up
    assert table.groupby("comparison")["m"].sum().to_numpy() == pytest.approx(1, abs=0.03)


def test_the_weights_explained_add_up_to_that_of_the_pair(results):
    pairs = results.pairs(-20)
    for row in pairs.iloc[:: len(pairs) // 12].itertuples():
        told = results.explain(row.record_l, row.record_r)
        assert told["weight"].iloc[:-1].sum() == pytest.approx(row.weight, abs=1e-6)
        assert told["weight"].iloc[-1] == pytest.approx(row.weight, abs=1e-6)
        assert told["weight"].iloc[0] == results.start


def test_probabilities_and_thresholds_agree(results):
    pairs = results.pairs(0)
    assert pairs["weight"].min() >= 0
    assert pairs["probability"].min() >= 0.5
    assert pairs["weight"].is_monotonic_decreasing
    assert len(results.pairs(5)) == (pairs["weight"] >= 5).sum()


def test_it_is_the_same_again_quiet_and_leaves_its_table_alone(clean, results, capfd, caplog):
    before = clean.copy(deep=True)
    again = collect.Linkage(clean).fit()
    pd.testing.assert_frame_equal(clean, before)
    pd.testing.assert_series_equal(again.clusters(4), results.clusters(4))
    np.testing.assert_allclose(again.weights()["m"], results.weights()["m"], atol=1e-9)
    assert capfd.readouterr() == ("", "")
    assert caplog.text == ""


def test_ids_may_be_texts_and_tables_those_of_polars(clean, results):
    named = clean.assign(contact_id="c" + clean["contact_id"].astype(str))
    found = collect.Linkage(pl.from_pandas(named)).fit().clusters(4)
    expected = results.clusters(4)
    assert found.tolist() == ("c" + expected.astype(str)).tolist()
    assert found.index.tolist() == ("c" + expected.index.astype(str)).tolist()


def test_no_cluster_holds_two_different_names_whatever_card_lies_between():
    shared = {"telephone": "55512345", "mail": "home@post.example", "address": "1 rope walk"}
    rng = np.random.default_rng(1)
    others = [
        {"name": f"Person{i} Number{i}", "telephone": f"5{i:07d}", "mail": f"p{i}@post.example",
         "address": f"{i} long road"} for i in range(200) for _ in range(rng.integers(1, 3))
    ]  # fmt: skip
    home = [{"name": "Horace Reid"}, {"name": None}, {"name": "Christina Reid"}]
    cards = pd.DataFrame([*(one | shared for one in home), *others])
    cards = cards.assign(contact_id=np.arange(len(cards)))
    results = collect.Linkage(collect.clean(cards, birth_date=None)).fit()
    clusters = results.clusters(0)
    assert clusters[0] != clusters[2]
    assert clusters[1] in (clusters[0], clusters[2])


def test_only_entries_of_different_lists_are_compared():
    guides = datasets.load("restaurants")
    tidy = collect.clean(guides, mail=None, birth_date=None)
    how = {"name": "text", "address": "text", "telephone": "digits"}
    linked = collect.Linkage(tidy, record="entry_id", comparisons=how, source="guide").fit()
    pairs, guide = linked.pairs(), guides.set_index("entry_id")["guide"]
    assert (pairs["record_l"].map(guide).array != pairs["record_r"].map(guide).array).all()
    quality = collect.pair_quality(linked.clusters(0), guides.set_index("entry_id")["restaurant"])
    assert quality["true_pairs"] == 112  # Tejada, Knoblock and Minton (2001)
    assert quality["f1"] > 0.9


def test_with_several_keys_febrl_4_is_linked_at_least_as_well_as_printed():
    """Referee: the gold standard, and F1 .9997 of the Python Record Linkage Toolkit's ECM."""
    table = datasets.load("febrl4").replace("", np.nan)
    table[BLOCKS] = table[BLOCKS].astype("string")
    records = pd.Index(table["rec_id"])
    person = pd.Series(records.str.extract(r"(\d+)")[0].array, records)
    found = collect.Linkage(table, "rec_id", COMPARED, BLOCKS, source="list").fit()
    assert collect.pair_quality(found.clusters(threshold=0), person)["f1"] >= 0.9997


def test_the_engine_is_one_of_splinks_and_may_be_used_twice(clean, results):
    engine = DuckDBAPI(duckdb.connect())
    for _ in range(2):
        again = collect.Linkage(clean).fit(engine)
        pd.testing.assert_series_equal(again.clusters(4), results.clusters(4))
    with pytest.raises(TypeError, match="'spark'"):
        collect.Linkage(clean).fit("spark")


def test_the_picture_shows_each_weight(results):
    row = results.pairs().iloc[0]
    table = results.explain(row["record_l"], row["record_r"])
    ax = collect.plot_match(table, ax=plot.axes())
    widths = [bar.get_width() for bar in ax.containers[0]]
    np.testing.assert_allclose(widths, table["weight"])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda t: t.assign(contact_id=1), "no 'contact_id', or one that was there"),
        (lambda t: t.head(1), "at least two records"),
        (lambda t: t.drop(columns="contact_id"), "no column 'contact_id'"),
        (lambda t: t.drop(columns="name_key"), r"Linkage\(clean\(contacts\)\)"),
        (
            lambda t: t[["contact_id", "name", "name_key", "surname", "given_name"]],
            "at least two comparisons",
        ),
    ],
)
def test_a_wrong_table_is_refused(clean, change, told):
    with pytest.raises(ValueError, match=told):
        collect.Linkage(change(clean))


def test_wrong_options_are_refused(clean, results):
    with pytest.raises(ValueError, match="no comparison 'fuzzy'"):
        collect.Linkage(clean, comparisons={"name": "name", "mail": "fuzzy"})
    with pytest.raises(ValueError, match="no column 'postcode'"):
        collect.Linkage(clean, blocks=["postcode"])
    with pytest.raises(ValueError, match="found is a share"):
        collect.Linkage(clean, found=0)
    with pytest.raises(ValueError, match="no record 'x'"):
        results.explain("x", clean["contact_id"].iloc[0])
    with pytest.raises(ValueError, match="threshold is"):
        results.clusters(float("nan"))


def test_an_empty_column_is_passed_over(clean):
    results = collect.Linkage(clean.assign(address=None)).fit()
    assert "address" not in set(results.weights()["comparison"])


# ---- exact keys


def test_exact_clusters_are_the_connected_components():
    rng = np.random.default_rng(3)
    table = pd.DataFrame(
        {"contact_id": np.arange(60), "a": rng.integers(0, 40, 60), "b": rng.integers(0, 40, 60)}
    )
    table = table.astype({"a": "Int64", "b": "Int64"})
    table.loc[::7, "a"] = pd.NA
    graph = nx.Graph()
    graph.add_nodes_from(range(60))
    for one, other in combinations(range(60), 2):
        for column in "ab":
            pair = table.loc[[one, other], column]
            if pair.notna().all() and pair.nunique() == 1:
                graph.add_edge(one, other)
    found = collect.exact_clusters(table, on=["a", "b"])
    for part in nx.connected_components(graph):
        assert set(found[list(part)]) == {min(part)}


# ---- quality


def test_pair_quality_is_that_of_listing_all_pairs():
    rng = np.random.default_rng(4)
    found, truth = pd.Series(rng.integers(0, 12, 50)), pd.Series(rng.integers(0, 15, 50))
    pairs = list(combinations(range(50), 2))
    joined = {pair for pair in pairs if found[pair[0]] == found[pair[1]]}
    true = {pair for pair in pairs if truth[pair[0]] == truth[pair[1]]}
    quality = collect.pair_quality(found, truth, false_cost=7, missed_cost=2)
    assert quality["precision"] == pytest.approx(len(joined & true) / len(joined))
    assert quality["recall"] == pytest.approx(len(joined & true) / len(true))
    assert quality[["false_pairs", "missed_pairs"]].tolist() == [len(joined - true), len(true - joined)]
    hidden = sum(truth[found == cluster].nunique() - 1 for cluster in found.unique())
    surplus = sum(found[truth == person].nunique() - 1 for person in truth.unique())
    assert quality[["hidden_people", "surplus_clusters"]].tolist() == [hidden, surplus]
    assert quality["cost"] == 7 * hidden + 2 * surplus
    assert quality["clusters"] == quality["customers"] + surplus - hidden


def test_pair_quality_counts_a_cluster_of_a_million_without_listing_pairs():
    quality = collect.pair_quality(np.zeros(1_000_000, int), np.arange(1_000_000))
    assert quality["joined_pairs"] == 1_000_000 * 999_999 / 2
    assert quality["precision"] == 0
    assert np.isnan(quality["recall"])


def test_pair_quality_refuses_what_it_cannot_judge():
    with pytest.raises(ValueError, match="no truth or no cluster; the first is 2"):
        collect.pair_quality(pd.Series([1, 1, 2]), pd.Series(["a", "b"]))
    with pytest.raises(ValueError, match="in clusters twice"):
        collect.pair_quality(pd.Series([1, 1], index=[0, 0]), pd.Series(["a"]))
    with pytest.raises(ValueError, match="both costs"):
        collect.pair_quality([1, 1], [1, 2], false_cost=3)
