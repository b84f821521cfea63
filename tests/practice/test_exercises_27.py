"""Exercise 27. Referees: statsmodels' conditional logit, scipy's softmax and optimiser, plain loops."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.special import softmax
from statsmodels.discrete.conditional_models import ConditionalLogit

from crmlab import practice, survey

STUDENTS = ["ann", "bob", "eve"]
PARTS = ["price", "organic", "single_garden", "refillable"]


@pytest.fixture(scope="module")
def exercise():
    return practice.load("27")


@pytest.fixture(scope="module")
def all_drawn(exercise):
    return [practice.Drawn(exercise, "key", student, small=True) for student in STUDENTS]


@pytest.fixture(scope="module")
def fits(all_drawn):
    """Fit by a library that knows no none: it becomes a fourth alternative of its own."""
    return [by_statsmodels(one.given.tasks) for one in all_drawn]


def by_statsmodels(tasks):
    none = pd.DataFrame({"task": tasks["task"].unique()}).assign(none=1, **dict.fromkeys(PARTS, 0))
    none["chosen"] = ~tasks.groupby("task")["chosen"].any().to_numpy()
    long = pd.concat([tasks.assign(none=0), none]).sort_values("task", kind="stable")
    columns = long[[*PARTS, "none"]].astype(float)
    fit = ConditionalLogit(long["chosen"].astype(int), columns, groups=long["task"]).fit(disp=False)
    return pd.Series(fit.params, columns.columns), pd.DataFrame(
        fit.cov_params(), columns.columns, columns.columns
    )


def verdict(drawn, number, answer):
    return drawn.verdict(number, drawn.form(number).plain(answer, drawn.cases(number)))


def test_shares_are_the_softmax(all_drawn):
    for one in all_drawn:
        for case, output in zip(one.cases("27.1"), one.key("27.1").right["outputs"], strict=True):
            assert output == pytest.approx(softmax([case["ours"], *case["others"], case["none"]])[0])


def test_money_by_statsmodels_and_by_a_plain_search_is_right_and_slips_are_named(all_drawn, fits):
    for one, (worth, _) in zip(all_drawn, fits, strict=True):
        pay = -worth[one.given.thing] / worth["price"]
        assert verdict(one, "27.2", round(pay, 2)).outcome == "right"
        assert verdict(one, "27.2", round(worth[one.given.thing], 3)).mistake == "part_worth"
        assert verdict(one, "27.2", -pay).mistake == "wrong_sign"
        assert verdict(one, "27.2", 100 * pay).outcome != "right"
    x = all_drawn[0].given.tasks[PARTS].to_numpy(float).reshape(-1, 3, 4)
    took = all_drawn[0].given.tasks["chosen"].to_numpy().reshape(-1, 3)
    took = np.column_stack([took, ~took.any(axis=1)])

    def loss(at):
        utility = np.column_stack([x @ at[:4], np.full(len(x), at[4])])
        return -np.log(softmax(utility, axis=1)[took]).sum()

    found = minimize(loss, np.zeros(5), method="BFGS").x
    place = PARTS.index(all_drawn[0].given.thing)
    assert verdict(all_drawn[0], "27.2", -found[place] / found[0]).outcome == "right"


def test_intervals_by_the_delta_method_and_by_drawing_are_right(all_drawn, fits):
    for one, (worth, covariance) in zip(all_drawn, fits, strict=True):
        rows = {}
        for thing in PARTS[1:]:
            pay = -worth[thing] / worth["price"]
            slope = pd.Series({thing: -1 / worth["price"], "price": -pay / worth["price"]})
            error = np.sqrt(slope @ covariance.loc[slope.index, slope.index] @ slope)
            rows[thing] = [pay - 1.96 * error, pay + 1.96 * error]
        table = pd.DataFrame.from_dict(rows, orient="index", columns=["low", "high"]).round(2)
        table = table.rename_axis("thing").reset_index()
        assert verdict(one, "27.3", table).outcome == "right"
        flat = table.assign(high=table["low"])
        assert verdict(one, "27.3", flat).outcome != "right"


def test_hits_by_a_loop_are_right(all_drawn, fits):
    for one, (worth, _) in zip(all_drawn, fits, strict=True):
        hits = 0
        for _, rows in one.given.kept.groupby("task"):
            utility = [*(rows[PARTS].to_numpy(float) @ worth[PARTS].to_numpy()), worth["none"]]
            took = [*rows["chosen"], not rows["chosen"].any()]
            hits += took[int(np.argmax(utility))]
        assert verdict(one, "27.4", int(hits)).outcome == "right"
        assert verdict(one, "27.4", 100).mistake == "useless"
        assert verdict(one, "27.4", hits / 400).outcome != "right"


def test_the_launch_by_another_library_is_worth_as_much_and_a_lot_is_not(all_drawn, fits):
    for one, (worth, _) in zip(all_drawn, fits, strict=True):
        given = one.given
        best, most = None, -np.inf
        for row in given.offers.itertuples():
            ours = sum(getattr(row, part) * worth[part] for part in PARTS)
            rival = float(given.rival[PARTS].iloc[0].to_numpy(float) @ worth[PARTS].to_numpy())
            profit = softmax([ours, rival, worth["none"]])[0] * (row.price - row.cost)
            best, most = (row.offer_id, profit) if profit > most else (best, most)
        assert verdict(one, "27.5", [best]).mark == pytest.approx(1)
        dear = given.offers.loc[given.offers["price"].idxmax(), "offer_id"]
        assert verdict(one, "27.5", [int(dear)]).mark < 0.5


def test_twins_by_the_package(all_drawn):
    for one in all_drawn:
        share = one.given.best_share
        points = np.array([share, 1 - share])
        twins = np.array([share, share, 1 - share])
        assert points.sum() == pytest.approx(1)
        assert verdict(one, "27.6", twins[:2].sum() / twins.sum()).outcome == "right"
        assert verdict(one, "27.6", round(twins[:2].sum() / twins.sum(), 2)).mark in (0, 1)
        assert verdict(one, "27.6", 2 * share).mistake == "doubled"


def test_habit_by_the_law_of_all_orders_is_right(all_drawn):
    for one in all_drawn:
        repeats = expected = pairs = 0.0
        for _, rows in one.given.purchases.groupby("household"):
            brands = rows["brand"].tolist()
            repeats += sum(a == b for a, b in zip(brands[1:], brands[:-1], strict=True))
            counts = pd.Series(brands).value_counts()
            expected += (counts * (counts - 1)).sum() / len(brands)
            pairs += len(brands) - 1
        assert verdict(one, "27.7", (repeats - expected) / pairs).outcome == "right"
        assert verdict(one, "27.7", round((repeats - expected) / pairs, 2)).mark in (0, 1)
        assert verdict(one, "27.7", repeats / pairs).mistake == "all_repeats"
        # blind to households: the row above may be another's
        above = one.given.purchases["brand"] == one.given.purchases["brand"].shift()
        assert verdict(one, "27.7", above[1:].mean()).outcome != "right"


def test_clustering_or_weights_of_one_change_no_answer(all_drawn):
    tasks = all_drawn[0].given.tasks.assign(n=1)
    plain = survey.ConditionalLogit(tasks, "task", "chosen", PARTS, none=True).fit()
    same = survey.ConditionalLogit(tasks, "task", "chosen", PARTS, none=True, weights="n").fit()
    assert plain.params.equals(same.params)
