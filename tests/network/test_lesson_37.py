"""Lesson 37. Referees: the package for its lines, the truth for its finds, six companies for its claims."""

import ast

import nbformat
import numpy as np
import pandas as pd
import pytest
from scipy.stats import false_discovery_control, poisson

from crmlab import company, course, network

CELLS = {
    cell.id: cell.source
    for cell in nbformat.read(course.ROOT / "notebooks" / "37_what_goes_together.ipynb", as_version=4).cells
    if cell.cell_type == "code"
}
SHOP = ["s1-lines", "s2-all", "s2-sizes", "s2-shuffle", "s2-twos", "s2-package", "s3-hand", "s3-kept"]
LATE = {"Night Ferry", "Yuzu Mint"}
TRUE = [{"Clay Pot", "Iron Lantern"}, {"Bamboo Whisk", "Cloud Needle"}, {"Osmanthus", "Rose and Lemon"}]


def lesson(ids: list[str], **names):
    """Run cells of the lesson, without showing what their last line shows."""
    names = {"np": np, "pd": pd, "network": network, "rng": np.random.default_rng(5), "bet": (0, 9)} | names
    for one in ids:
        tree = ast.parse(CELLS[one])
        if isinstance(tree.body[-1], ast.Expr):
            tree.body.pop()
        exec(compile(tree, one, "exec"), names)
    return names


def run(tea):
    return lesson([*SHOP, "s3-within", "s3-autumn", "s4-open", "s4-worth", "s4-rules", "s4-score"], tea=tea)


def sets(table):
    return [set(pair) for pair in table[["one", "other"]].to_numpy()]


@pytest.fixture(scope="module")
def names():
    return run(company.simulate())


def test_the_lift_by_hand_is_the_packages():
    hand = lesson(["s1-hand", "s1-lift"])
    ten = hand["ten"].stack()
    lines = ten[ten > 0].reset_index(name="held")
    row = network.pairs(lines, "level_1", "level_0").set_index(["one", "other"]).loc[("cup", "tea")]
    assert row["lift"] == pytest.approx(3 / hand["expected"])
    assert row[["both", "left", "right", "n"]].tolist() == [3, 4, 6, 10]


def test_the_formula_and_resampling_give_nearly_the_same_interval(names):
    found = lesson(["s1-resample"], **names)
    met = network.pairs(names["autumn"], item="article").set_index(["one", "other"])
    ends = met.loc[("Osmanthus", "Rose and Lemon"), ["low", "high"]].to_numpy(float)
    assert np.quantile(found["lifts"], [0.025, 0.975]) == pytest.approx(ends, rel=0.06)


def test_shuffling_by_hand_is_the_packages_luck(names):
    two = names["two"]
    baskets = pd.DataFrame({"order_id": np.arange(len(two)).repeat(2), "article": two.ravel()})
    luck = network.pairs_by_luck(baskets, item="article").set_index(["one", "other"])
    mean, spread = np.mean(names["by_luck"]), np.std(names["by_luck"])
    expected = luck.loc[("Clay Pot", "Iron Lantern"), "expected"]
    assert abs(mean - expected) < 4 * spread / np.sqrt(len(names["by_luck"]))
    dealt = names["shuffled"](two)
    assert (dealt[:, 0] != dealt[:, 1]).all()
    assert sorted(dealt.ravel()) == sorted(two.ravel())


def test_false_finds_are_fewer_than_a_twentieth_mainly_since_counts_are_whole(names):
    lines = names["lines"]
    two = network.pairs_by_luck(lines[lines["size"] == 2], item="article")
    expected, count = two["expected"].to_numpy()[:, None], np.arange(400)
    above = count > expected
    tail = np.where(above, poisson.sf(count - 1, expected), poisson.cdf(count, expected))
    found = (poisson.pmf(count, expected) * (2 * tail < 0.05)).sum()  # whole counts, else as p-values promise
    finds = lesson(["s3-null"], **names)["finds"]
    seen = np.mean([finds(names["shuffled"](names["two"])) for _ in range(30)])
    assert seen < found < 325 * 0.05
    assert 325 * 0.05 - found > 0.5 * (325 * 0.05 - seen)


def test_keeping_by_hand_is_the_packages_q_value(names):
    last = np.flatnonzero(names["ranked"]["share"] < 0.05).max() + 1
    assert last == len(names["kept"])
    q_values = false_discovery_control(names["luck"]["p_value"])
    assert names["luck"]["q_value"].to_numpy() == pytest.approx(q_values)


def test_what_it_finds_is_what_was_put_in(names):
    found = names["own"].query("q_value < 0.05")
    assert sorted(map(sorted, sets(found))) == sorted(map(sorted, TRUE))
    less = names["kept"].query("ratio < 1")
    assert sum(bool(pair & set().union(*TRUE)) for pair in sets(less)) == 7
    assert (names["short"]["q_value"] < 0.05).sum() == 0


def test_luck_keeps_how_many_companions_an_article_has(names):
    """An identity, whatever goes with what: so the excess of a true pair is the shortage of the others."""
    luck = names["luck"]
    for article in luck["one"].unique():
        pairs = luck[(luck["one"] == article) | (luck["other"] == article)]
        assert pairs["both"].sum() == pytest.approx(pairs["expected"].sum(), rel=1e-9), article
    found = lesson(["s3-shadow"], luck=luck)
    rest, kept = found["rest"], names["kept"].query("ratio < 1")
    assert (rest["ratio"] < 1).sum() == 18 and found["still"] == 13 and round(found["share"], 2) == 0.77
    beside = rest["ratio"][rest.index.isin(kept.index)] / found["share"]
    assert len(beside) == 4 and (beside < 1).all()


def test_of_all_the_bars_drawn_only_that_of_the_pair_never_met_goes_on_to_0(names):
    assert sets(names["kept"].query("low == 0")) == [LATE]


def test_seven_of_the_ten_others_end_below_the_three_within_customers(names):
    more = names["kept"].query("ratio > 1").index
    own = names["own"].loc[more]
    assert (names["luck"].loc[more, "other"] == own["other"]).all()
    true = [pair in TRUE for pair in sets(own)]
    others = own[~np.array(true)]
    assert own.loc[true, "low"].min() > 1.6
    assert ((others["low"] < 1) & (others["high"] > 1)).all()
    assert sorted(others.loc[others["high"] > 1.5, "both"]) == [16, 25, 41]
    assert (others["high"] < 1.5).sum() == 7


def test_unequal_baskets_of_luck_lift_a_lift_and_equal_ones_do_not():
    rng = np.random.default_rng(8)

    def middle(sizes):
        held = rng.random((len(sizes), 40)).argsort(axis=1) < np.array(sizes)[:, None]
        order, item = np.nonzero(held)
        return network.pairs(pd.DataFrame({"order_id": order, "product_id": item}))["lift"].median()

    assert middle([20] * 2_000) == pytest.approx(0.975, abs=0.01)  # (19 / 39) / (20 / 40)
    assert middle([1, 20] * 1_000) > 1.5
    assert middle([2] * 2_000) < 0.6


@pytest.mark.slow
def test_what_it_says_of_six_other_companies():
    found = [run(company.simulate(rng=seed)) for seed in range(101, 107)]
    late = []
    for one in found:
        assert (one["every"]["lift"] < 1).mean() > 0.95
        assert 0.9 < one["luck"]["ratio"].median() < 1
        more = one["own"].query("q_value < 0.05 and ratio > 1")
        assert sorted(map(sorted, sets(more))) == sorted(map(sorted, TRUE))
        stand_out = sets(one["luck"].query("q_value < 0.05 and ratio > 1"))
        assert 10 <= len(stand_out) <= 19 and all(pair in stand_out for pair in TRUE)
        kind = one["tea"].products.set_index("name")["category"]
        same = [len({kind[name] for name in pair}) == 1 for pair in stand_out if pair not in TRUE]
        assert np.mean(same) >= 2 / 3
        pairs = sets(one["own"])
        others = [pair in stand_out and pair not in TRUE for pair in pairs]
        assert (one["own"].loc[others, "high"] < 1.5).mean() > 0.5
        shadow = sets(one["kept"].query("ratio < 1"))
        assert np.mean([bool(pair & set().union(*TRUE)) for pair in shadow]) >= 0.5
        found = lesson(["s3-shadow"], luck=one["luck"])
        assert found["share"] < 0.85 and 10 <= found["still"] <= 13
        less = sets(one["own"].query("q_value < 0.05 and ratio < 1"))
        assert less in ([], [LATE])
        late.append(less == [LATE])
        assert (one["short"]["q_value"] < 0.05).sum() == 0
        scores = one["scores"]["score"]
        best = scores[["lift above 1, q below .05", "same customer, q below .05"]]
        assert best.to_numpy() == pytest.approx(1)
        assert 0.135 < scores["ten most often together"] < 0.485
        assert all(0.705 < scores[rule] < 0.735 for rule in ("ten highest confidences", "ten highest lifts"))
        assert -0.295 < scores["same size, p below .05"] < 0.125
        assert 0.355 < scores["same size, q below .05"] < 0.715
    assert sum(late) == 1
