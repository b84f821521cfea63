"""Lists of what next. Referees: brute force, scikit-learn, closed forms, one table in every engine."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.decomposition import TruncatedSVD
from sklearn.metrics.pairwise import cosine_similarity

from crmlab import network
from tests.value.engines import ENGINES, to_engine, to_pandas


def shop(customers=80, items=12, rng=0):
    """Return lines of customers with two tastes; items of unequal popularity, some twice in a basket."""
    rng = np.random.default_rng(rng)
    orders = 1 + rng.poisson(3, customers)
    who = np.repeat(np.arange(customers), orders)
    order = np.repeat(np.arange(len(who)), 2)
    taste = who[order] % 2
    item = rng.choice(items // 2, len(order), p=np.arange(items // 2, 0, -1) / (items * (items + 2) / 8))
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, len(who)), "D")
    return pd.DataFrame(
        {
            "order_id": order,
            "customer_id": who[order] + 100,
            "product_id": item + taste * (items // 2),
            "ordered_at": day[order],
        }
    )


def has(lines):
    return (pd.crosstab(lines["customer_id"], lines["product_id"]) > 0).astype(float)


def ranked(score, had, popular, new):
    """List by a loop over customers: highest score, then popularity, then id."""
    made = {}
    for customer in score.index:
        rows = [(-round(score.loc[customer, item], 10), -popular[item], item) for item in score.columns]
        made[customer] = [item for *_, item in sorted(rows) if not (new and had.loc[customer, item])]
    return made


# ---- correctness


@pytest.mark.parametrize("new", [True, False])
@pytest.mark.parametrize("method", ["popular", "own", "items", "factors"])
def test_lists_are_those_of_a_loop_and_of_scikit_learn(method, new):
    if method == "own" and new:
        return
    lines = shop()
    bought = has(lines)
    once = lines.drop_duplicates(["order_id", "product_id"])
    if method == "popular":
        values = np.tile(bought.mean(), (len(bought), 1))
    elif method == "own":
        values = pd.crosstab(once["customer_id"], once["product_id"]).to_numpy()
    elif method == "items":
        values = bought.to_numpy() @ cosine_similarity(bought.T)
    else:
        svd = TruncatedSVD(3, algorithm="arpack", random_state=0)
        values = svd.inverse_transform(svd.fit_transform(bought.to_numpy()))
    score = pd.DataFrame(values, bought.index, bought.columns)
    wanted = ranked(score, bought, bought.sum(), new)
    table = network.recommend(lines, method, k=4, new=new, factors=3)
    for customer, rows in table.groupby("customer_id"):
        assert rows["product_id"].tolist() == wanted[customer][:4]
        assert rows["place"].tolist() == list(range(1, len(rows) + 1))
        assert rows["score"].to_numpy() == pytest.approx(score.loc[customer, rows["product_id"]].to_numpy())


def test_similar_items_are_scikit_learns_cosines():
    lines = shop()
    bought = has(lines)
    like = pd.DataFrame(cosine_similarity(bought.T), bought.columns, bought.columns)
    table = network.similar_items(lines, k=3)
    for row in table.itertuples():
        assert row.likeness == pytest.approx(like.loc[row.item, row.like])
        assert row.item != row.like
    best = table[table["place"] == 1].set_index("item")["likeness"]
    for item, value in best.items():
        assert value == pytest.approx(like.loc[item].drop(item).max())


def test_what_is_hidden_is_the_last_basket_and_with_a_day_the_next_one():
    lines = shop()
    first = lines.groupby("order_id").agg(who=("customer_id", "first"), day=("ordered_at", "first"))
    seen, hidden = network.leave_last_out(lines)
    order = first.reset_index().sort_values(["day", "order_id"])
    last = order.groupby("who")["order_id"].last()
    last = last[order.groupby("who").size() > 1]
    assert sorted(hidden["order_id"].unique()) == sorted(last)
    assert len(seen) + len(hidden) == len(lines)
    seen, hidden = network.leave_last_out(lines, at="2024-06-01")
    wanted = lines[lines["ordered_at"] < "2024-06-01"].reset_index(drop=True)
    assert seen.reset_index(drop=True).equals(wanted)
    after = order[(order["day"] >= "2024-06-01") & order["who"].isin(seen["customer_id"])]
    assert sorted(hidden["order_id"].unique()) == sorted(after.groupby("who")["order_id"].first())


def test_shares_foretold_are_those_of_a_loop_and_the_interval_is_that_of_resampling():
    lines = shop(400)
    seen, hidden = network.leave_last_out(lines)
    hidden = hidden.assign(dollars=np.arange(len(hidden)) % 7 + 0.5)
    lists = {"popular": network.recommend(seen, "popular"), "items": network.recommend(seen, "items")}
    table = network.compare_lists(lists, hidden, worth="dollars", draws=4000)
    flags, money = {}, {}
    people = sorted(hidden["customer_id"].unique())
    for name, one in lists.items():
        named = one.groupby("customer_id")["product_id"].agg(set)
        rows = hidden[
            [item in named.get(who, ()) for who, item in hidden[["customer_id", "product_id"]].values]
        ]
        flags[name] = np.isin(people, rows["customer_id"]).astype(float)
        money[name] = rows.groupby("customer_id")["dollars"].sum().reindex(people, fill_value=0).to_numpy()
        assert table.loc[name, "foretold"] == pytest.approx(flags[name].mean())
        assert table.loc[name, "worth"] == pytest.approx(money[name].mean())
    rng = np.random.default_rng(1)
    drawn = rng.integers(0, len(people), (4000, len(people)))
    ends = np.quantile(flags["items"][drawn].mean(axis=1), [0.025, 0.975])
    assert table.loc["items", ["low", "high"]].to_numpy(float) == pytest.approx(ends, abs=0.004)
    gap = (flags["items"] - flags["popular"])[drawn].mean(axis=1)
    ends = np.quantile(gap, [0.025, 0.975])
    assert table.loc["items", ["ahead_low", "ahead_high"]].to_numpy(float) == pytest.approx(ends, abs=0.004)
    ends = np.quantile(money["items"][drawn].mean(axis=1), [0.025, 0.975])
    assert table.loc["items", ["worth_low", "worth_high"]].to_numpy(float) == pytest.approx(ends, abs=0.05)


def test_the_interval_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(2)
    people = np.arange(200)
    inside = 0
    for _ in range(200):
        hidden = pd.DataFrame({"customer_id": people, "product_id": rng.random(200) < 0.3}).astype(int)
        lists = {"ones": pd.DataFrame({"customer_id": people, "product_id": 1})}
        row = network.compare_lists(lists, hidden, draws=400, rng=rng).loc["ones"]
        inside += row["low"] <= 0.3 <= row["high"]
    assert 0.9 <= inside / 200 <= 0.99


@pytest.mark.parametrize("sold", [[1, 1, 1, 1], [9, 1], [5, 3, 0, 2], [1e6, 1, 1]])
def test_variety_is_the_chance_of_two_alike_and_the_mean_difference(sold):
    found, share = network.variety(sold), np.array(sold) / np.sum(sold)
    assert 1 / found["effective"] == pytest.approx(
        (share[:, None] * share)[np.eye(len(share), dtype=bool)].sum()
    )
    gaps = np.abs(share[:, None] - share).mean()
    assert found["gini"] == pytest.approx(gaps / (2 * share.mean()), abs=1e-12)


# ---- consistency


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_gives_the_same(engine):
    lines = shop()
    lines["product_id"] = "p" + lines["product_id"].astype(str)
    table = to_engine(lines, engine)
    for method in ("popular", "items", "factors"):
        ours = to_pandas(network.recommend(table, method, factors=3))
        wanted = network.recommend(lines, method, factors=3)
        pd.testing.assert_frame_equal(ours, wanted, check_dtype=False)
    pd.testing.assert_frame_equal(
        to_pandas(network.similar_items(table)), network.similar_items(lines), check_dtype=False
    )
    for at in (None, "2024-06-01"):
        parts = network.leave_last_out(table, at=at)
        for part, wanted in zip(parts, network.leave_last_out(lines, at=at), strict=True):
            keys = ["order_id", "product_id"]
            ours = to_pandas(part).sort_values(keys, ignore_index=True)[lines.columns]
            wanted = wanted.sort_values(keys, ignore_index=True)
            pd.testing.assert_frame_equal(ours, wanted, check_dtype=False)
    lists = {"a": network.recommend(table, "popular"), "b": network.recommend(table, "items")}
    plain = {"a": network.recommend(lines, "popular"), "b": network.recommend(lines, "items")}
    pd.testing.assert_frame_equal(network.compare_lists(lists, table), network.compare_lists(plain, lines))


def test_an_item_twice_in_a_basket_counts_once_and_rows_in_any_order_give_the_same():
    lines = shop()
    doubled = pd.concat([lines, lines.head(50)]).sample(frac=1, random_state=3)
    for method in ("popular", "own", "items", "factors"):
        one, other = (network.recommend(rows, method, new=False, factors=3) for rows in (lines, doubled))
        pd.testing.assert_frame_equal(one, other)
    before = lines.copy()
    network.leave_last_out(lines)
    pd.testing.assert_frame_equal(lines, before)


def test_blocks_of_customers_give_what_one_block_gives(monkeypatch):
    lines = shop()
    whole = network.recommend(lines)
    monkeypatch.setattr("crmlab.network.what_next._BLOCK", 30)
    pd.testing.assert_frame_equal(network.recommend(lines), whole)


def test_a_customer_without_history_gets_the_popular_list_and_is_told_so():
    lines = shop()
    table = network.recommend(lines, customers=[100, 9_999])
    stranger = table[table["customer_id"] == 9_999]
    assert stranger["by"].tolist() == ["popular"] * 3 and (stranger["score"] == 0).all()
    top = has(lines).sum().sort_values(ascending=False, kind="stable").index[:3]
    assert stranger["product_id"].tolist() == top.tolist()
    mine = table[table["customer_id"] == 100]  # of a score of 0 nothing speaks but popularity
    assert mine["by"].tolist() == ["items" if score else "popular" for score in mine["score"]]


def test_an_item_bought_by_all_is_on_no_list_of_new_ones_and_who_has_all_has_a_short_list():
    lines = shop(30, 6)
    extra = lines.drop_duplicates("customer_id").assign(product_id=77)
    all_of_it = pd.DataFrame({"customer_id": 100, "product_id": range(6)})
    extra = pd.concat([lines, extra, all_of_it.assign(order_id=5_000, ordered_at=lines["ordered_at"][0])])
    for method in ("popular", "items", "factors"):
        table = network.recommend(extra, method, factors=3)
        assert 77 not in set(table["product_id"]) and 100 not in set(table["customer_id"])


def test_an_item_only_in_the_test_is_a_miss():
    lines = shop()
    seen, hidden = network.leave_last_out(lines)
    hidden = hidden.assign(product_id=99)
    assert network.compare_lists({"items": network.recommend(seen)}, hidden).loc["items", "foretold"] == 0


def test_long_ids_labels_and_ids_of_text_are_kept():
    lines = shop()
    plain = network.leave_last_out(lines)
    big = 10**18 + lines[["customer_id", "order_id"]]
    for part, wanted in zip(network.leave_last_out(lines.assign(**big)), plain, strict=True):
        assert (part["order_id"].to_numpy() - 10**18 == wanted["order_id"].to_numpy()).all()
    labels = lines.assign(order_id=lines["order_id"].map("{:04d}".format).astype("category"))
    for part, wanted in zip(network.leave_last_out(labels), plain, strict=True):
        assert part["order_id"].astype(int).tolist() == wanted["order_id"].tolist()
    lines = lines.assign(customer_id=lines["customer_id"] + 10**17)
    assert network.recommend(lines)["customer_id"].min() == 10**17 + 100
    lines["customer_id"] = "00" + lines["customer_id"].astype(str)
    assert network.recommend(lines)["customer_id"].str.startswith("00").all()
    assert network.recommend(lines, customers=["00x"])["customer_id"].tolist() == ["00x"] * 3


# ---- input checks


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"method": "magic"}, "factors, items, own, popular"),
        ({"method": "own"}, "new=False"),
        ({"k": 0}, "k must be a whole number"),
        ({"method": "factors", "factors": 12}, "fewer"),
        ({"method": "factors", "factors": 0}, "factors must be"),
        ({"customers": [100, 100]}, "100 twice"),
        ({"customers": ["a"]}, "such as 100"),
        ({"customers": []}, "at least one"),
        ({"item": "thing"}, "thing"),
    ],
)
def test_a_wrong_argument_is_told(change, words):
    with pytest.raises(ValueError, match=words):
        network.recommend(shop(), **change)


def test_wrong_tables_are_told():
    lines = shop()
    with pytest.raises(ValueError, match="more than one customer_id"):
        network.recommend(lines.assign(order_id=1))
    with pytest.raises(ValueError, match="more than one customer_id"):
        network.leave_last_out(lines.assign(order_id=1))
    with pytest.raises(ValueError, match="only one product_id"):
        network.recommend(lines.assign(product_id=1))
    with pytest.raises(ValueError, match="no product_id"):
        network.recommend(lines.astype({"product_id": float}).replace({"product_id": {1.0: np.nan}}))
    with pytest.raises(ValueError, match="Make it a date"):
        network.leave_last_out(lines.astype({"ordered_at": str}))
    with pytest.raises(ValueError, match="to be hidden"):
        network.leave_last_out(lines, at="2030-01-01")
    with pytest.raises(ValueError, match="to be seen"):
        network.leave_last_out(lines, at="2020-01-01")
    with pytest.raises(ValueError, match="Leave `at` out"):
        network.leave_last_out(lines.assign(ordered_at=1), at="2020-01-01")
    with pytest.raises(ValueError, match="not a date"):
        network.leave_last_out(lines, at="spring")
    many = pd.DataFrame({"customer_id": 1, "order_id": 1, "product_id": range(5_001)})
    with pytest.raises(ValueError, match='method="factors"'):
        network.recommend(many)


def test_wrong_lists_are_told():
    lines = shop()
    items = network.recommend(lines)
    with pytest.raises(ValueError, match="lists holds tables by name"):
        network.compare_lists({}, lines)
    with pytest.raises(ValueError, match="twice for"):
        network.compare_lists({"items": pd.concat([items, items])}, lines)
    with pytest.raises(ValueError, match="for none of the customers"):
        network.compare_lists({"items": items.assign(customer_id=items.index + 10_000)}, lines)
    with pytest.raises(ValueError, match="dollars"):
        network.compare_lists({"items": items}, lines, worth="dollars")
    with pytest.raises(ValueError, match="draws"):
        network.compare_lists({"items": items}, lines, draws=5)
    for sold in ([], [0, 0], [-1, 2], [np.nan, 1]):
        with pytest.raises(ValueError):
            network.variety(sold)


def test_lists_that_a_person_has_made_are_compared_too():
    hidden = pl.DataFrame({"customer_id": [1, 2], "product_id": ["tea", "cup"]})
    made = pd.DataFrame({"customer_id": [1, 2, 3], "product_id": "tea"})
    table = network.compare_lists({"tea": made}, hidden)
    assert table.loc["tea", ["customers", "foretold", "items"]].tolist() == [2, 0.5, 1]
