"""Lesson 13. Referees: the package for what it writes by hand, six other companies for its claims."""

import ast

import nbformat
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.preprocessing import StandardScaler

from crmlab import collect, company, course, datasets, value

CELLS = {
    cell.id: cell
    for cell in nbformat.read(course.ROOT / "notebooks" / "13_whom_to_know_first.ipynb", as_version=4).cells
    if cell.cell_type == "code"
}
DRAWN = [one for one, cell in CELLS.items() if cell.metadata.get("jupyter")]  # figures
FIRST = [one for one in CELLS if one[:2] in ("s1", "s2", "s3") and one not in DRAWN]
TRUE = ["s4-open", "s4-true", "s4-visit", "s4-cross", "s4-brought", "s4-goes", "s4-score", "s4-scores"]


def lesson(ids: list[str], **names):
    """Run cells of the lesson, without showing what their last line shows."""
    names = {"np": np, "pd": pd, "collect": collect, "rng": np.random.default_rng(5)} | names
    for one in ids:
        tree = ast.parse(CELLS[one].source)
        if isinstance(tree.body[-1], ast.Expr):
            tree.body.pop()
        exec(compile(tree, one, "exec"), names)
    return names


def of_company(**seed):
    tea = company.simulate(**seed)
    for what in ("wallet_cents", "share_of_wallet", "alive"):
        tea.commit(what, 0, 1 if what != "wallet_cents" else 1e9)
    names = lesson(FIRST, tea=tea)
    names["silent"] = ~names["customers"].index.isin(names["told"].index)
    return lesson(TRUE, **names)


@pytest.fixture(scope="module")
def names():
    tea = company.simulate()
    silent = {"silent": None}
    first = [one for one in FIRST if one not in ("s2-least", "s3-tiers")]
    return lesson(first, tea=tea, **silent)


def test_three_customers_by_hand_are_the_packages(names):
    prior = pd.Series({"a third": 0.4, "four fifths": 0.6})
    visit = names["three"][["if_a_third", "if_four_fifths"]].set_axis(prior.index, axis=1)
    found = collect.value_of_information(prior, {"stay": 0, "visit": visit})
    assert found["perfect"].to_numpy() == pytest.approx(names["three"]["answer_is_worth"])
    assert found["now"].to_numpy() == pytest.approx(names["three"]["now"])


def test_the_hundred_by_hand_are_the_packages(names):
    prior = pd.Series({"a third": 0.4, "four fifths": 0.6})
    visit = names["three"].loc[[1], ["if_a_third", "if_four_fifths"]].set_axis(prior.index, axis=1)
    table = names["hundred"]
    right = table.div(table.sum(axis=1), axis=0)
    found = collect.value_of_information(prior, {"stay": 0, "visit": visit}, right)
    brings = names["hundred"].mul(names["one"]["visit"], axis=0).sum().clip(lower=0).sum() / 100
    assert found["imperfect"].item() == pytest.approx(brings)


def test_true_answers_for_all_by_hand_are_the_packages(names):
    assert names["worth"]["perfect"].to_numpy() == pytest.approx(names["by_hand"].to_numpy(), abs=1e-9)


def test_lists_within_the_budget_are_scored_as_in_the_value_room(names):
    asked = names["within_budget"](names["lists"]["by present"])
    money = names["listed"]["net"].reindex(names["customers"].index)
    board = value.ranking_score(money, {"present": names["customers"]["present"]}, count=len(asked))
    assert money[asked].sum() == pytest.approx(board.loc["present", "money"])


@pytest.mark.slow
def test_what_it_says_of_six_other_companies():
    ratios, beats_new, beats_thumb, below_promise = [], 0, 0, 0
    for seed in range(101, 107):
        one = of_company(rng=seed)
        scores = one["scores"]
        ours = scores.loc["value of information"]
        assert ours["score"] > max(scores.loc["by present", "score"], 0) and ours["dollars"] > 0
        assert 0.325 < ours["score"] < 0.595 and -0.025 < scores.loc["by present", "score"] < 0.125
        assert 0.185 < scores.loc["by present, silent only", "score"] < 0.435
        beats_new += ours["dollars"] > scores.loc["by present, silent only", "dollars"]
        thumb = scores.loc["silent, near 400"]
        assert 0.335 < thumb["score"] < 0.615
        beats_thumb += ours["dollars"] > thumb["dollars"]
        below_promise += ours["dollars"] < one["promised"]
        least = one["average_worth"].unstack().drop("lower half")
        ratios += (least["told nothing"] / least["told us already"]).tolist()
        tiers = one["plan"][one["silent"]].groupby(one["tier"], observed=True).sum()
        assert tiers.loc["lower half", "on the list"] <= 2
        assert (tiers["on the list"].drop("lower half") > 60).all()
        assert tiers.loc["top fifth", "visited unasked"] == tiers.loc["top fifth", "customers"]
    assert (beats_new, beats_thumb, below_promise) == (5, 3, 5) and min(ratios) > 4.5 and max(ratios) < 23.5


@pytest.mark.slow
def test_what_bought_in_columns_add_in_six_other_deals():
    insured = datasets.load("caravan")
    has, every = insured["Purchase"] == "Yes", insured.columns[:85]
    added = []
    for deal in range(1, 7):
        fifths, buyers = StratifiedKFold(5, shuffle=True, random_state=deal), {}
        for name, these in (("own", every[43:]), ("both", every)):
            scaled = StandardScaler().fit_transform(insured[these])
            rule = LogisticRegression(C=0.01, max_iter=5000, tol=1e-9)
            chance = cross_val_predict(rule, scaled, has, cv=fifths, method="predict_proba")[:, 1]
            buyers[name] = has[pd.Series(chance).round(9).nlargest(582).index].sum()
        added.append(int(buyers["both"] - buyers["own"]))
    assert (min(added), max(added)) == (10, 26)
