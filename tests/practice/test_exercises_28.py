"""Exercise 28. Referees: plain loops, resampling by hand, a mixed logit by quadrature and scipy."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.special import expit

from crmlab import practice

STUDENTS = ["ann", "bob", "eve"]
MIDDLE = {"expect", "neutral", "tolerate"}


@pytest.fixture(scope="module")
def exercise():
    return practice.load("28")


@pytest.fixture(scope="module")
def all_drawn(exercise):
    return [practice.Drawn(exercise, "key", student, small=True) for student in STUDENTS]


@pytest.fixture(scope="module")
def fits(all_drawn):
    return [by_quadrature(one.given.choices) for one in all_drawn]


def by_quadrature(choices):
    """Return part-worth of a dollar, middle and spread of the garden: an integral by 40 points, a search."""
    one, other = (
        choices.groupby("task")
        .nth(place)[["customer_id", "price", "garden", "chosen"]]
        .reset_index(drop=True)
        for place in (0, 1)
    )
    apart = one[["price", "garden"]] - other[["price", "garden"]]
    sign = np.where(one["chosen"], 1.0, -1.0)
    starts = np.flatnonzero(one["customer_id"].ne(one["customer_id"].shift()))
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)

    def loss(at):
        garden = at[1] + np.exp(at[2]) * nodes
        utility = apart["price"].to_numpy()[:, None] * at[0] + np.outer(apart["garden"], garden)
        told = np.add.reduceat(np.log(expit(sign[:, None] * utility)), starts)
        return -np.log(np.exp(told) @ weights / weights.sum()).sum()

    price, middle, spread = minimize(loss, [-0.3, 0.3, np.log(0.5)], method="BFGS").x
    return price, middle, np.exp(spread)


def verdict(drawn, number, answer):
    return drawn.verdict(number, drawn.form(number).plain(answer, drawn.cases(number)))


def kinds(rows):
    """Return the category of each pair of answers, by rules."""
    found = []
    for there, missing in zip(rows["functional"], rows["dysfunctional"], strict=True):
        if there == missing and there in ("like", "dislike"):
            found.append("questionable")
        elif there == "dislike" or missing == "like":
            found.append("reverse")
        elif there == "like":
            found.append("more" if missing == "dislike" else "delight")
        else:
            found.append("must" if missing == "dislike" else "same")
    return np.array(found)


def test_must_haves_better_and_worse_by_loops_are_right(all_drawn):
    for one in all_drawn:
        kano, rows = one.given.kano, {}
        for feature, answers in kano.groupby("feature"):
            counts = (
                pd.Series(kinds(answers))
                .value_counts()
                .reindex(["must", "more", "delight", "same"])
                .fillna(0)
            )
            rows[feature] = [
                (counts["delight"] + counts["more"]) / counts.sum(),
                -(counts["must"] + counts["more"]) / counts.sum(),
            ]
            if feature == one.given.feature:
                assert verdict(one, "28.1", int(counts["must"])).outcome == "right"
                assert verdict(one, "28.1", int(counts["must"] + 1)).outcome != "right"
        table = pd.DataFrame.from_dict(rows, orient="index", columns=["better", "worse"])
        assert verdict(one, "28.2", table.round(2).rename_axis("feature")).outcome == "right"
        assert verdict(one, "28.2", table.abs().rename_axis("feature")).outcome != "right"


def test_resampling_by_hand_is_right(all_drawn):
    for one in all_drawn:
        found = kinds(one.given.kano[one.given.kano["feature"] == one.given.close])
        names, codes = np.unique(found, return_inverse=True)
        rng, most = np.random.default_rng(9), np.bincount(codes).argmax()
        drawn = [np.bincount(rng.choice(codes, len(codes)), minlength=len(names)) for _ in range(1_500)]
        stays = np.mean([counts.argmax() == most for counts in drawn])
        assert verdict(one, "28.3", round(float(stays), 2)).outcome == "right"
        assert verdict(one, "28.3", 1 - float(stays)).mistake == "how_often_it_changes"


def test_scores_by_a_loop_are_right(all_drawn):
    for one in all_drawn:
        net, shown = dict.fromkeys(one.given.best_worst["item"].unique(), 0), {}
        for row in one.given.best_worst.itertuples():
            if not np.isnan(row.best):
                net[row.item] += row.best - row.worst
                shown[row.item] = shown.get(row.item, 0) + 1
        table = pd.DataFrame({"item": list(net), "score": [net[item] / shown[item] for item in net]})
        assert verdict(one, "28.4", table.round(2)).outcome == "right"
        assert verdict(one, "28.4", table.assign(score=-table["score"])).outcome != "right"


def test_the_share_below_0_by_quadrature_is_right(all_drawn, fits):
    for one, (_, middle, spread) in zip(all_drawn, fits, strict=True):
        below = float((np.random.default_rng(2).normal(middle, spread, 200_000) < 0).mean())
        assert verdict(one, "28.5", round(below, 3)).outcome == "right"
        assert verdict(one, "28.5", 0).mistake == "one_rule"
        assert verdict(one, "28.5", 1 - below).mistake == "who_wants_it"


def test_the_price_by_drawn_customers_is_worth_as_much_and_the_dearest_is_not(all_drawn, fits):
    for one, (price, middle, spread) in zip(all_drawn, fits, strict=True):
        prices = one.given.prices
        pay = np.random.default_rng(3).normal(middle, spread, 50_000) / -price
        earned = [(pay > dollars).mean() * (dollars - one.given.cost) for dollars in prices["price"]]
        assert verdict(one, "28.6", [int(prices["offer_id"][int(np.argmax(earned))])]).mark > 0.9
        cheapest = prices.loc[prices["price"].idxmin(), "offer_id"]
        assert verdict(one, "28.6", [int(cheapest)]).mark < 0.5
