"""Baskets. Referees: scipy's tests, brute force, shuffles, simulated truth, one table in every engine."""

import warnings
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import false_discovery_control, hypergeom, poisson

from crmlab import network
from crmlab._intervals import IntervalWarning
from crmlab.network import baskets
from tests.value.engines import ENGINES, to_engine, to_pandas


def shop(baskets=400, items=8, mean=1.5, rng=0, slope=1.0):
    """Return lines of baskets of unequal size and items of unequal popularity; nothing goes together."""
    rng = np.random.default_rng(rng)
    size = 1 + np.minimum(rng.poisson(mean, baskets), items - 1)
    weight = np.arange(1, items + 1) ** -slope
    held = [rng.choice(items, one, replace=False, p=weight / weight.sum()) for one in size]
    lines = pd.DataFrame(
        {"order_id": np.repeat(np.arange(baskets), size), "product_id": np.concatenate(held)}
    )
    return lines.sample(frac=1, random_state=1, ignore_index=True)


# ---- correctness


def test_counts_are_those_of_a_loop_over_baskets():
    lines = shop()
    sets = lines.groupby("order_id")["product_id"].apply(set)
    table = network.pairs(lines, least=0).set_index(["one", "other"])
    assert list(table.index) == list(combinations(range(8), 2))
    for one, other in table.index:
        row = table.loc[(one, other)]
        held = [sum(wanted <= basket for basket in sets) for wanted in ({one, other}, {one}, {other})]
        assert row[["both", "left", "right", "n"]].tolist() == [*held, 400]
        assert row["lift"] == pytest.approx(held[0] * 400 / (held[1] * held[2]))
        assert row["confidence_back"] == pytest.approx(held[0] / held[2])


def test_p_values_are_those_of_scipys_hypergeometric_tails():
    rng = np.random.default_rng(3)
    n = rng.integers(20, 20_000, 300)
    left, right = rng.integers(1, n + 1), rng.integers(1, n + 1)
    both = rng.integers(np.maximum(0, left + right - n), np.minimum(left, right) + 1)
    near = np.clip(
        np.rint(left * right / n).astype(int), np.maximum(0, left + right - n), np.minimum(left, right)
    )
    for counted in (both, near):
        with warnings.catch_warnings(action="ignore"):
            ours = network.lift(counted, left, right, n)["p_value"]
        tails = hypergeom.sf(counted - 1, n, left, right), hypergeom.cdf(counted, n, left, right)
        assert ours.to_numpy() == pytest.approx(np.minimum(2 * np.minimum(*tails), 1), rel=1e-6, abs=1e-290)


def test_q_values_are_scipys_where_all_pairs_are_listed_and_the_same_where_few_are():
    lines = shop(rng=4)
    every = network.pairs(lines, least=0).set_index(["one", "other"])
    assert every["q_value"].to_numpy() == pytest.approx(false_discovery_control(every["p_value"]))
    lines = pd.concat(
        [lines, lines.assign(product_id=lines["product_id"] + 8, order_id=lines["order_id"] + 400)]
    )
    every, met = (network.pairs(lines, least=least).set_index(["one", "other"]) for least in (0, 1))
    assert len(met) < len(every) and (met["q_value"] >= every.loc[met.index, "q_value"] - 1e-12).all()


@pytest.mark.parametrize("often", [1, 3])
def test_q_values_of_any_p_values_are_scipys_also_where_a_row_stands_for_several(often):
    rng = np.random.default_rng(16)
    p_values = np.round(rng.random(45 // often) ** 2, 2)
    ours = baskets._q_values(p_values, 10, None if often == 1 else np.full(len(p_values), often))
    every = false_discovery_control(np.repeat(p_values, often))
    assert ours == pytest.approx(every[::often]) and len(np.unique(ours)) > 8
    alone = np.minimum(p_values * 45 / (often * (p_values[:, None] >= p_values).sum(axis=1)), 1)
    assert not np.allclose(ours, alone)  # a smaller p-value lends its neighbours nothing by itself


@pytest.mark.parametrize(
    ("left", "right", "times"), [(0.1, 0.05, 1.0), (0.1, 0.05, 3.0), (0.02, 0.5, 1.6), (0.3, 0.3, 0.4)]
)
def test_the_interval_of_a_lift_holds_the_truth_as_often_as_it_says(left, right, times):
    rng, both = np.random.default_rng(5), times * left * right
    cells = rng.multinomial(2_000, [both, left - both, right - both, 1 - left - right + both], 4_000)
    table = network.lift(cells[:, 0], cells[:, 0] + cells[:, 1], cells[:, 0] + cells[:, 2], 2_000)
    assert 0.94 < ((table["low"] <= times) & (times <= table["high"])).mean() < 0.965


def test_the_interval_holds_its_estimate_at_every_boundary():
    n = 12
    rows = [
        (a, b, c) for b in range(1, n) for c in range(1, n) for a in range(max(0, b + c - n), min(b, c) + 1)
    ]
    both, left, right = np.array(rows).T
    table = network.lift(both, left, right, n)
    assert (table["low"] <= table["lift"] + 1e-12).all() and (table["lift"] <= table["high"] + 1e-12).all()
    assert (table.loc[both == 0, "low"] == 0).all() and np.isfinite(table).all().all()


# ---- luck


def shuffled(lines, rng):
    """Deal the items anew among the baskets of each size, and again where a basket gets one twice."""
    size = lines.groupby("order_id")["product_id"].transform("size").to_numpy()
    order = np.lexsort((lines["order_id"], size))
    basket, size, item = (
        lines["order_id"].to_numpy()[order],
        size[order],
        lines["product_id"].to_numpy()[order],
    )
    dealt = item.copy()
    for one in np.unique(size):
        place = np.flatnonzero(size == one)
        dealt[place] = rng.permutation(dealt[place])
        while True:
            rows = pd.DataFrame({"basket": basket[place], "item": dealt[place]})
            twice = place[rows.duplicated().to_numpy()]
            if not len(twice):
                break
            # swap with lines drawn by lot; a swap that makes a new double is mended in the next round
            for line, mate in zip(twice, rng.choice(place, len(twice)), strict=True):
                dealt[line], dealt[mate] = dealt[mate], dealt[line]
    return pd.DataFrame({"order_id": basket, "product_id": dealt})


def test_what_luck_expects_is_the_average_of_shuffled_baskets():
    lines, rng = shop(items=15, mean=0.8, rng=6, slope=0.5), np.random.default_rng(7)
    expected = network.pairs_by_luck(lines)["expected"].to_numpy()
    drawn = [network.pairs(shuffled(lines, rng), least=0)["both"].to_numpy() for _ in range(150)]
    off = (np.mean(drawn, axis=0) - expected) / (np.std(drawn, axis=0) / np.sqrt(150))
    assert np.abs(off).max() < 4 and np.std(off) < 1.2


def test_companions_are_kept():
    lines = shop(rng=8)
    table = network.pairs_by_luck(lines)
    for column in ("one", "other"):
        assert column in table
    both, expected = (
        table.groupby("one")[name].sum().add(table.groupby("other")[name].sum(), fill_value=0)
        for name in ("both", "expected")
    )
    assert both.to_numpy() == pytest.approx(expected.to_numpy(), rel=1e-6)


def test_luck_seldom_stands_out_and_big_baskets_make_no_pairs():
    found, naive = [], []
    for seed in range(20):
        mixed = pd.concat(
            [shop(300, 12, 0.2, seed), shop(60, 12, 5, seed + 99).eval("order_id = order_id + 300")]
        )
        found.append((network.pairs_by_luck(mixed)["p_value"] < 0.05).mean())
        naive.append((network.pairs(mixed, least=0)["lift"] > 1).mean())
    assert np.mean(found) < 0.05 and np.mean(naive) > 0.8


def test_within_customers_taste_makes_no_pairs_and_a_complement_does():
    rng = np.random.default_rng(9)
    customers, orders = 400, 12
    likes = rng.integers(0, 2, customers)  # half like the items 0 to 9, half 10 to 19
    who = np.repeat(np.arange(customers), orders)
    first = 10 * likes[who] + rng.integers(0, 10, len(who))
    second = 10 * likes[who] + rng.integers(0, 10, len(who))
    second = np.where((first == 0) & (rng.random(len(who)) < 0.5), 1, second)  # who has 0 often takes 1
    lines = pd.DataFrame(
        {"order_id": np.tile(np.arange(len(who)), 2), "product_id": np.append(first, second)}
    )
    lines["customer_id"] = np.tile(who, 2)
    among_all = network.pairs_by_luck(lines).query("q_value < 0.05 and ratio > 1")
    within = network.pairs_by_luck(lines, within="customer_id").query("q_value < 0.05 and ratio > 1")
    assert len(among_all) > 8 and within[["one", "other"]].to_numpy().tolist() == [[0, 1]]


def test_the_p_value_of_luck_is_twice_the_poisson_tail():
    table = network.pairs_by_luck(shop(rng=10))
    tails = poisson.sf(table["both"] - 1, table["expected"]), poisson.cdf(table["both"], table["expected"])
    right = np.minimum(2 * np.where(table["both"] > table["expected"], *tails), 1)
    assert table["p_value"].to_numpy() == pytest.approx(right)
    outside = (table["low"] > 1) | (table["high"] < 1)
    assert (outside == (table["p_value"] < 0.05)).mean() > 0.99


@pytest.mark.parametrize("alpha", [0.05, 0.5])
def test_the_interval_of_a_ratio_ends_where_the_count_would_be_so_rare(alpha):
    table = network.pairs_by_luck(shop(rng=17), alpha=alpha).query("expected > 0")
    both, expected = table["both"].to_numpy(), table["expected"].to_numpy()
    assert poisson.cdf(both, table["high"] * expected) == pytest.approx(alpha / 2)
    some = both > 0
    assert poisson.sf(both[some] - 1, (table["low"] * expected)[some]) == pytest.approx(alpha / 2)
    assert (table["low"][~some] == 0).all()


# ---- consistency


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("ids", ["numbers", "texts"])
def test_every_engine_finds_the_same_and_gets_its_own_kind(engine, ids):
    lines = shop(rng=11)
    if ids == "texts":
        lines["product_id"] = "tea " + lines["product_id"].astype(str)
    given = to_engine(lines, engine)
    for function in (network.pairs, network.pairs_by_luck):
        ours = function(given)
        assert type(ours) is type(given)
        pd.testing.assert_frame_equal(to_pandas(ours), function(lines), check_dtype=False, rtol=1e-12)


def test_an_item_twice_in_a_basket_counts_once_and_order_is_nothing():
    lines = shop(rng=12)
    again = pd.concat([lines, lines.sample(100, random_state=1)]).sample(frac=1, random_state=2)
    for function in (network.pairs, network.pairs_by_luck):
        before = again.copy()
        pd.testing.assert_frame_equal(function(again), function(lines))
        pd.testing.assert_frame_equal(again, before)


def test_a_basket_of_one_counts_among_all_baskets_and_holds_no_pair():
    lines = shop(rng=13)
    more = pd.concat([lines, pd.DataFrame({"order_id": [9_999], "product_id": [0]})])
    with_it, without = (network.pairs(one, least=0) for one in (more, lines))
    assert (with_it["n"] == without["n"] + 1).all() and (with_it["both"] == without["both"]).all()
    luck = [network.pairs_by_luck(one)["expected"] for one in (more, lines)]
    pd.testing.assert_series_equal(*luck)


# ---- input


def test_what_stands_in_other_columns_and_how_columns_are_called_is_nothing():
    lines = shop(rng=15)
    odd = lines.assign(note=[None, "a", 2, (1,)] * (len(lines) // 4) + [3] * (len(lines) % 4), wave=1j)
    numbered = lines.set_axis([0, 1], axis=1)
    for function in (network.pairs, network.pairs_by_luck):
        pd.testing.assert_frame_equal(function(odd), function(lines))
        pd.testing.assert_frame_equal(function(numbered, 0, 1), function(lines))


def test_counts_of_two_rules_never_meet():
    both, left = pd.Series([1, 2], ["a", "b"]), pd.Series([3, 2], ["b", "a"])
    with pytest.raises(ValueError, match="left has another index"):
        network.lift(both, left, 3, 10)
    with pytest.raises(ValueError, match="right has another index"):
        network.lift(1, left, both, 10)
    assert network.lift(both, left[["a", "b"]], 3, 10)["confidence"].tolist() == [1 / 2, 2 / 3]


def test_an_item_in_every_basket_is_named():
    lines = pd.DataFrame({"order_id": [1, 1, 2, 2, 3], "product_id": ["bag", "tea", "bag", "cup", "bag"]})
    with pytest.warns(IntervalWarning, match="product_id 'bag' is in every basket"):
        table = network.pairs(lines)
    assert (table["lift"] == 1).all() and table[["low", "high"]].isna().all().all()
    assert (table["p_value"] == 1).all()
    with pytest.warns(IntervalWarning, match="in every basket"):
        network.lift(2, 5, 2, 5)


@pytest.mark.parametrize("engine", ENGINES)
def test_missing_items_are_refused_with_the_row(engine):
    lines = pd.DataFrame({"order_id": [7, 7, 8], "product_id": ["tea", None, "cup"]})
    for function in (network.pairs, network.pairs_by_luck):
        with pytest.raises(ValueError, match="1 of 3 rows have no product_id; the first is .*order_id=7"):
            function(to_engine(lines, engine))


@pytest.mark.parametrize(
    ("lines", "options", "message"),
    [
        ([(1, 2)], {}, "only one product_id"),
        ([], {}, "is empty"),
        ([(1, 2), (1, 3)], {"item": "article"}, "no column 'article'"),
        ([(1, 2), (1, 3)], {"least": 0.5}, "least must be a whole number"),
        ([(1, 2), (1, 3)], {"alpha": 5}, "alpha must lie"),
        ([(0, one) for one in range(3_001)], {"least": 0}, "3,001 items have 4,501,500 pairs"),
    ],
)
def test_pairs_refuse(lines, options, message):
    lines = pd.DataFrame(lines, columns=["order_id", "product_id"])
    with pytest.raises(ValueError, match=message):
        network.pairs(lines, **options)


def test_luck_refuses_single_items_and_baskets_of_two_customers():
    with pytest.raises(ValueError, match="Every basket holds a single item"):
        network.pairs_by_luck(pd.DataFrame({"order_id": [1, 2], "product_id": [1, 2]}))
    lines = pd.DataFrame({"order_id": [1, 1, 2, 2], "product_id": [1, 2, 1, 3], "customer_id": [5, 6, 5, 5]})
    with pytest.raises(ValueError, match="1 of 2 baskets have more than one customer_id; one of them is 1"):
        network.pairs_by_luck(lines, within="customer_id")


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ((5, 4, 9, 20), "both in no more than either"),
        ((2, 12, 12, 20), "at most n"),
        ((0, 0, 3, 20), "at least one basket"),
        ((1.5, 4, 9, 20), "both counts baskets"),
        ((-1, 4, 9, 20), "both counts baskets"),
        ((1, 4, 9, np.nan), "n counts baskets"),
        (("many", 4, 9, 20), "both must be a finite number"),
        (([1, 2], 4, 9, [20, 20, 20]), r"columns of one length; the shapes are \(2,\), \(3,\)"),
        (([[1, 2]], 4, 9, 20), "columns of one length"),
    ],
)
def test_lift_refuses(counts, message):
    with pytest.raises(ValueError, match=message):
        network.lift(*counts)


def test_a_plot_shows_the_pairs_by_name_and_refuses_hundreds():
    table = network.pairs(shop(rng=14), least=0)
    ax = network.plot_pairs(table.head(3), names={0: "tea", 1: "cup"})
    assert ax.get_yticklabels()[0].get_text() == "tea + cup"
    drawn = [segment[:, 0] for segment in ax.collections[0].get_segments()]
    assert np.array(drawn) == pytest.approx(table[["low", "high"]].head(3).to_numpy())
    with pytest.raises(ValueError, match="at most 60"):
        network.plot_pairs(pd.concat([table] * 3))
    with pytest.raises(ValueError, match="This draws the table of pairs"):
        network.plot_pairs(None)
    with pytest.raises(ValueError, match="at least 1"):
        network.plot_pairs(table.head(0))
    with pytest.raises(ValueError, match="no value 'support'"):  # of which it has no interval
        network.plot_pairs(table.head(3), "support")
