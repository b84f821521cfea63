"""Lesson 27. Referees: the package, statsmodels' likelihood, the law of shuffles, six other companies."""

import nbformat
import numpy as np
import pandas as pd
import pytest

from crmlab import company, course, datasets, survey

NOTEBOOK = nbformat.read(course.ROOT / "notebooks" / "27_what_they_prefer.ipynb", as_version=4)
CELLS = {cell.id: cell.source for cell in NOTEBOOK.cells if cell.cell_type == "code"}
PARTS = ["price", "organic", "single_garden", "refillable_tin", "delivery_days"]


def lesson(*cells: str, **names):
    """Run cells of the lesson, named by what follows l27- in their ids."""
    names = {"np": np, "pd": pd, "survey": survey, "rng": np.random.default_rng(5)} | names
    for cell in cells:
        exec(CELLS[f"l27-{cell}"], names)
    return names


@pytest.fixture(scope="module")
def tea():
    return company.simulate(customers=1_500, rng=3)


def test_the_lessons_chances_are_the_packages(tea):
    names = lesson("tins", "chances", "typical", "fit", tea=tea)
    tins, fit = names["tins"], names["fit"]
    worth, none = fit.params.drop("none"), fit.params["none"]
    assert names["chances"](tins, worth, none).to_numpy() == pytest.approx(
        fit.probabilities(tins).to_numpy(), abs=1e-12
    )
    typical = names["typical_chance"](tins, worth, none)
    assert typical == pytest.approx(np.exp(fit.llf / tins["choice"].nunique()), abs=1e-12)
    assert typical == pytest.approx(fit.holdout(tins).loc["model", "chance_of_chosen"], abs=1e-12)
    nothing = pd.Series(0.0, index=PARTS)
    assert names["typical_chance"](tins, nothing, 0) == pytest.approx(0.25)


def test_the_best_of_the_rules_tried_lies_at_the_top_of_the_packages_likelihood(tea):
    names = lesson("tins", "chances", "typical", "curve", tea=tea)
    tins = names["tins"]
    model = survey.ConditionalLogit(tins, "choice", "chosen", PARTS, none=True)
    told = pd.Series(
        [model.loglike([np.log(times), 0, 0, 0, 0, 11 * np.log(times)]) for times in names["tried"]],
        names["tried"],
    )
    count = tins["choice"].nunique()
    assert names["curve"].to_numpy() == pytest.approx(np.exp(told / count).to_numpy(), abs=1e-12)
    assert names["curve"].idxmax() == told.idxmax()


def test_willingness_to_pay_and_shares_by_hand_are_the_packages(tea):
    names = lesson("tins", "fit", "ratio", "wtp", "costs", "three", "shares", "eighty", "profit", tea=tea)
    fit, offers = names["fit"], names["offers"]
    assert names["pay"].to_dict() == pytest.approx(fit.willingness_to_pay()["estimate"].to_dict())
    points = names["points"]
    assert (points / points.sum()).to_dict() == pytest.approx(fit.shares(names["shelf"])["share"].to_dict())
    assert len(offers) == 80 and not offers[PARTS].duplicated().any()
    for row in (0, 37, 79):
        shelf = pd.concat([offers.loc[[row], PARTS].rename({row: "ours"}), names["shelf"].loc[["rival"]]])
        share = fit.shares(shelf, alpha=None).loc["ours", "share"]
        assert offers.loc[row, "share"] == pytest.approx(share)
        earns = offers.loc[row, "price"] - 4 - (offers.loc[row, names["costs"].index] @ names["costs"])
        assert offers.loc[row, "profit"] == pytest.approx(1000 * share * earns)


def test_adding_a_thing_at_its_willingness_to_pay_leaves_the_share():
    fit = survey.ConditionalLogit(
        pd.DataFrame({"t": [1, 1], "price": [1, 2], "organic": [0, 1], "chosen": [1, 0]}),
        "t", "chosen", ["price"],
    ).at([-0.4])  # fmt: skip
    assert fit.params["price"] == -0.4
    worth = {"price": -0.4, "organic": 0.5}
    before = np.exp(10 * worth["price"])
    after = np.exp((10 + 0.5 / 0.4) * worth["price"] + worth["organic"])
    assert after == pytest.approx(before)


def test_repeats_of_yogurt_and_their_shuffles_are_those_of_the_law():
    names = lesson("last-time", "again", "shuffle", yogurt=datasets.load("yogurt"))
    taken = names["taken"]
    repeats = expected = pairs = 0.0
    for _, rows in taken.groupby("household"):
        brands = rows["brand"].tolist()
        repeats += sum(a == b for a, b in zip(brands[1:], brands[:-1], strict=True))
        counts = pd.Series(brands).value_counts()
        expected += (counts * (counts - 1)).sum() / len(brands)
        pairs += len(brands) - 1
    assert names["real"] == pytest.approx(repeats / pairs)
    assert names["luck"].mean() == pytest.approx(expected / pairs, abs=2e-3)


def test_true_shares_are_those_of_a_loop_over_customers(tea):
    names = lesson(
        "tins", "fit", "wtp", "costs", "three", "eighty", "profit", "twins", "commit", "open", "true", tea=tea
    )
    people, offers, rival = names["people"], names["offers"], names["rival"]
    for row in (3, 60):
        shares = []
        for _, one in people.iterrows():
            points = [
                np.exp(sum(one[part] * shelf[part] for part in PARTS))
                for shelf in (offers.loc[row], rival.iloc[0])
            ]
            shares.append(points[0] / (sum(points) + np.exp(11 * one["price"])))
        assert offers.loc[row, "true_share"] == pytest.approx(np.mean(shares))
    assert tea._world.outside_price == 11.0


@pytest.mark.slow
def test_what_the_lesson_says_of_six_other_companies():
    cells = ["tins", "fit", "wtp", "costs", "three", "eighty", "profit", "twins", "answer", "commit", "open"]
    cells += ["true-pay", "true", "scores"]
    scores, ratios, inside, best, things, misses, typical, held_pay = [], [], [], [], [], [], [], 0
    for seed in range(1, 7):
        names = lesson(*cells, tea=company.simulate(rng=seed))
        scores.append(names["scores"]["score"].round(2))
        ratios.append(names["fit"].params["price"] / names["true"]["price"].mean())
        inside.append(names["tea"].calibration()["inside"])
        offers = names["offers"]
        best.append(offers.loc[offers["true_profit"].idxmax(), ["price", *names["costs"].index]].tolist())
        picked = offers.loc[offers["profit"].idxmax()]
        things.append("".join(str(int(picked[thing])) for thing in names["costs"].index))
        misses.append((offers["share"] - offers["true_share"]).abs().max())
        typical.append((offers["share"] - offers["true_share"]).abs().mean())
        money, true_pay = names["money"].loc[names["costs"].index], names["true_pay"]
        held_pay += ((money["low"] < true_pay) & (true_pay < money["high"])).sum()
        assert (true_pay > names["costs"]).all()
        ends = 1000 * (picked["price"] - picked["cost"]) * names["chosen"]
        assert ends["low"] < picked["true_profit"] < ends["high"]
    table = pd.DataFrame(scores)
    assert (table.min()["conditional logit"], table.max()["conditional logit"]) == (0.70, 1.00)
    assert (table.min()["the rival's price"], table.max()["the rival's price"]) == (0.61, 0.63)
    assert (table.min()["equal shares"], table.max()["equal shares"]) == (-1.48, -1.44)
    assert (table.min()["most taken"], table.max()["most taken"]) == (-2.10, -2.04)
    assert (round(min(ratios), 2), round(max(ratios), 2)) == (0.81, 0.88)
    held = pd.DataFrame(inside).sum()
    assert (held["worth_price"], held["worth_organic"], held["worth_delivery"]) == (0, 5, 3)
    assert best == [[11, 1, 1, 1]] * 6
    # organic, single garden, refillable
    assert sorted(things) == ["010", "110", "110", "110", "110", "111"]
    assert round(min(misses), 3) >= 0.035 and round(max(misses), 2) == 0.07
    assert min(typical) > 0.01 and max(typical) < 0.03
    assert held_pay == 17


@pytest.mark.slow
def test_part_worths_of_a_crowd_shrink_where_luck_hardly_counts():
    """All customers, 24 tasks each, chosen by their own part-worths with errors of the law of the logit."""
    tea, rng = company.simulate(), np.random.default_rng(1)
    names = lesson("tins", "fit", "wtp", "costs", "commit", "open", "true-pay", tea=tea)
    true, shown = names["true"][PARTS], names["tins"][PARTS].to_numpy(float).reshape(-1, 3, len(PARTS))
    who = np.repeat(np.arange(len(true)), 24)
    assert len(true) == 5_000
    tasks = shown[rng.integers(len(shown), size=len(who))]
    own = true.to_numpy()[who]
    utility = np.column_stack([np.einsum("nkj,nj->nk", tasks, own), 11 * own[:, 0]])
    best = (utility + rng.gumbel(size=utility.shape)).argmax(axis=1)
    table = pd.DataFrame(tasks.reshape(-1, len(PARTS)), columns=PARTS).assign(
        choice=np.repeat(np.arange(len(who)), 3), chosen=(best[:, None] == np.arange(3)).ravel()
    )
    fit = survey.ConditionalLogit(table, "choice", "chosen", PARTS, none=True).fit()
    shrunken = (fit.params.drop("none") / true.mean()).round(2)
    assert (shrunken["price"], shrunken["single_garden"], shrunken["delivery_days"]) == (0.85, 0.97, 0.85)
    assert shrunken.between(0.85, 0.97).all()
    too_large = fit.willingness_to_pay()["estimate"].loc[names["costs"].index] / names["true_pay"] - 1
    assert (round(too_large.min(), 2), round(too_large.max(), 2)) == (0.04, 0.14)


def test_habit_alone_makes_mixes_that_repeat_in_any_order():
    """Households of one taste, nine in ten purchases repeat the last: taste alone gives .25."""
    rng = np.random.default_rng(2)
    again, drawn = rng.random((200, 24)) < 0.9, rng.integers(4, size=(200, 24))
    brands = drawn.copy()
    for step in range(1, 24):
        brands[:, step] = np.where(again[:, step], brands[:, step - 1], drawn[:, step])
    yogurt = pd.DataFrame(
        {"household": np.repeat(np.arange(200), 24), "brand": brands.ravel().astype(str), "chosen": 1}
    )
    names = lesson("again", "shuffle", yogurt=yogurt)
    assert names["real"] > 0.9
    assert 0.45 < names["luck"].min() < names["luck"].max() < names["real"]
