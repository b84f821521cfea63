"""Lesson 38. Referees: the package for its lines, the recipe of the company, six companies for its claims."""

import ast

import nbformat
import numpy as np
import pandas as pd
import pytest

from crmlab import company, course, datasets, network
from crmlab.company import goods as recipe

CELLS = {
    cell.id: cell.source
    for cell in nbformat.read(course.ROOT / "notebooks" / "38_what_next.ipynb", as_version=4).cells
    if cell.cell_type == "code" and "figure" not in cell.id and "journey" not in cell.id
}
WAYS = ["popular", "items", "factors"]


def run(tea):
    """Run the cells of the lesson without showing, and keep what a later cell calls by the same name."""
    names = {"print": lambda *_: None, "pd": pd, "np": np, "network": network}
    for one, source in CELLS.items():
        if one == "s1-import":
            continue
        source = source.replace("company.simulate()", "tea").replace("plot.style()", "")
        tree = ast.parse(source)
        if isinstance(tree.body[-1], ast.Expr):
            tree.body.pop()
        names["tea"] = tea
        exec(compile(tree, one, "exec"), names)
        if one == "s5-climb-sure":
            names["climb_ends"] = names["ends"]
        if one == "s4-hand":
            names["hand_ends"] = names["ends"]
        if "rows" in names:
            names[one] = dict(names["rows"])
    return names


def claims(names):
    """Return what the lesson says of six other companies."""
    test, by_past, score = names["test"], names["by_past"], names["scores"]["score"]
    seen, slip, steps = (pd.DataFrame(names[one]) for one in ("s4-seen", "s4-shown-test", "s7-steps"))
    short = pd.DataFrame(names["s7-few"]).T
    few, many = by_past.loc[("1 to 3", "items")], by_past.loc[("9 and more", "items")]
    return pd.Series(
        {
            "items ahead": test.loc["items", "ahead_low"] > 0,
            "items tied": test.loc["items", "ahead_low"] < 0 < test.loc["items", "ahead_high"],
            "factors tied": test.loc["factors", "ahead_low"] < 0 < test.loc["factors", "ahead_high"],
            "dollars tied": names["money_ends"][0] < 0 < names["money_ends"][1],
            "dollars ahead": names["money_ends"][0] > 0,
            "few behind": few["ahead"] < 0,
            "few surely behind": few["ahead_high"] < 0,
            "many ahead": many["ahead"] > 0,
            "many surely ahead": many["ahead_low"] > 0,
            "seen": 0.745 < seen.loc["own", "order seen"] < 0.785,
            "hidden": 0.305 < seen.loc["own", "order hidden"] < 0.345,
            "slip": slip.loc["popular", "with slip"] > slip.loc[WAYS[1:], "with slip"].max() + 0.1,
            "no slip": np.ptp(slip.loc[WAYS, "without"]) < 0.06,
            "oracle": 0.395 < names["share"] < 0.445,
            "popular score": 0.535 < score["popular"] < 0.585,
            "factors score": 0.585 < score["factors"] < 0.625,
            "items score": 0.615 < score["items"] < 0.655,
            "mixture close": abs(score["items"] - score["popular, items from 4 orders"]) < 0.04,
            "mixture behind": score["items"] > score["popular, items from 4 orders"],
            "few share": short.loc["popular", "share"] > short.loc["items", "share"],
            "few dollars": short.loc["popular", "dollars"] > short.loc["items", "dollars"],
            "popular shelf": 15.8 < names["shelf"].loc["popular", "effective"] < 16.4,
            "items shelf": 17.3 < names["shelf"].loc["items", "effective"] < 17.6,
            "factors shelf": 18.15 < names["shelf"].loc["factors", "effective"] < 18.65,
            "no slip shelf": 19.45 < names["shelf"].loc["no slip", "effective"] < 19.95,
            "up before cross": (steps.loc["up"] > steps.loc["cross"]).drop("items").all(),
            "up before cross, items": steps.loc["up", "items"] > steps.loc["cross", "items"],
            "climb": names["climb_ends"][0] > 0,
        }
    )


@pytest.fixture(scope="module")
def names():
    return run(company.simulate())


def test_lists_by_hand_are_the_packages(names):
    has, like, v = names["has"].astype(float), names["like"], names["v"][:2]
    rebuilt = pd.DataFrame(has.to_numpy() @ v.T @ v, has.index, has.columns)
    by_hand = {"items": has @ like, "factors": rebuilt}
    for way, scores in by_hand.items():
        table = network.recommend(names["seen"], way, k=26, item="article", factors=2)
        ours = table.set_index(["customer_id", "article"])["score"]
        assert scores.stack().loc[ours.index].to_numpy() == pytest.approx(ours.to_numpy(), abs=1e-8)


def test_the_rebuilt_table_of_the_eight_is_that_of_the_package(names):
    eight = names["eight"].stack()
    lines = eight[eight > 0].reset_index(name="n").rename(columns={"level_0": "who", "level_1": "what"})
    lines["basket"] = range(len(lines))
    keys = {"customer": "who", "basket": "basket", "item": "what"}
    table = network.recommend(lines, "factors", k=4, factors=2, **keys).set_index(["who", "what"])["score"]
    assert table[(5, "pot")] == pytest.approx(names["rebuilt"].loc[5, "pot"])
    alike = network.similar_items(lines, k=3, **keys).set_index(["item", "like"])["likeness"]
    assert alike[("pot", "oolong")] == pytest.approx(3 / 4) and alike[("pot", "jam")] == pytest.approx(1 / 2)


def test_resampling_by_hand_is_the_packages_interval(names):
    row = names["test"].loc["items"]
    assert names["foretold"].mean() == pytest.approx(row["foretold"])
    assert names["hand_ends"] == pytest.approx(row[["low", "high"]].to_numpy(float), abs=0.003)


def test_effective_number_by_hand_is_the_packages(names):
    sold = names["sold"]
    assert 1 / (sold**2).sum() == pytest.approx(network.variety(sold)["effective"])


def test_plain_tiers_are_bought_more_than_the_recipe_gives_and_move_as_it_says(names):
    levels = names["levels"].to_numpy()
    assert levels.sum(axis=1) == pytest.approx(1)
    assert (levels[:, 0] > recipe._WITHIN[:, 0]).all()  # who spends little takes the plain one
    change, wanted = levels[8] - levels[0], recipe._WITHIN[8] - recipe._WITHIN[0]
    assert (np.sign(change) == np.sign(wanted)).all()
    tiers = names["old"].set_index("article")["tier"]
    order = pd.Series(recipe._PRODUCTS["name"]).head(24)
    assert tiers[order].tolist() == [1, 2, 3, 4] * 6


def test_two_factors_are_chosen_before_the_test(names):
    seen, hidden = network.leave_last_out(names["lines"], at="2024-07-01")
    had = seen[["customer_id", "article"]].drop_duplicates()
    new = hidden.merge(had, how="left", indicator="where").query("where == 'left_only'")
    lists = {f: network.recommend(seen, "factors", item="article", factors=f) for f in (1, 2, 3, 4, 6, 8)}
    table = network.compare_lists({str(f): one for f, one in lists.items()}, new, item="article")
    assert sorted(table["foretold"].nlargest(2).index) == ["1", "2"]
    assert table.loc["1", "effective"] < 0.6 * table.loc["2", "effective"]


def test_what_it_claims_holds_here(names):
    found = claims(names)
    not_here = {"items ahead", "dollars ahead", "mixture behind", "up before cross, items"}
    not_here |= {"popular shelf", "items shelf", "no slip shelf"}  # ranges of the six others
    assert found.drop(list(not_here)).all(), found[~found]


@pytest.mark.slow
def test_ten_factors_of_the_supermarket_are_chosen_on_november():
    receipts = datasets.load("complete_journey_transactions")[
        ["customer_id", "basket_id", "product_id", "date"]
    ]
    products = datasets.load("complete_journey_products")[["product_id", "product_category"]]
    receipts = receipts.merge(products.dropna(), on="product_id")
    seen, hidden = network.leave_last_out(receipts, basket="basket_id", date="date", at="2017-11-01")
    keys = ["customer_id", "product_category"]
    new = hidden.merge(seen[keys].drop_duplicates(), how="left", indicator="where").query(
        "where == 'left_only'"
    )
    names = {"basket": "basket_id", "item": "product_category", "k": 10}
    lists = {str(f): network.recommend(seen, "factors", factors=f, **names) for f in (5, 10, 20, 30, 50)}
    assert network.compare_lists(lists, new, item="product_category")["foretold"].idxmax() == "10"


@pytest.mark.slow
def test_what_it_says_of_six_other_companies():
    found = pd.DataFrame([claims(run(company.simulate(rng=seed))) for seed in range(101, 107)]).sum()
    some = {
        "items ahead": 1,
        "items tied": 5,
        "dollars tied": 2,
        "dollars ahead": 4,
        "few behind": 5,
        "few surely behind": 2,
        "many surely ahead": 3,
        "mixture behind": 1,
        "few dollars": 5,
        "up before cross, items": 4,
    }
    for name, count in found.items():
        assert count == some.get(name, 6), (name, count)
