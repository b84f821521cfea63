"""Exercise 23. Referees: products written out, numpy's own correlations, loops, and the envelope."""

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest

from crmlab import practice, survey


@pytest.fixture(scope="module")
def drawn():
    return practice.Drawn(practice.load("23"), "key", "student", small=True)


@pytest.fixture(scope="module")
def answers(drawn):
    given = drawn.given
    table = given.sheets[[question for own in given.scales.values() for question in own]].astype(float)
    for question in given.turned:
        table[question] = [11 - ticked for ticked in table[question]]
    return table


def test_the_loading_reproduces_the_correlations(drawn):
    found, b = drawn.given.correlations, drawn.key("23.1").right
    assert (found["a and b"] / b) * (found["b and c"] / b) == pytest.approx(found["a and c"], rel=1e-9)


def test_loadings_are_those_of_a_model_built_question_by_question(drawn, answers):
    """Referee: the correlations that they imply lie as near as the likelihood can bring them."""
    right = drawn.key("23.2").right["columns"]
    loadings = dict(zip(right["question"], right["loading"], strict=True))
    fit = survey.MeasurementModel(answers, drawn.given.scales).fit()
    [(_, _, system)] = fit._systems()
    spread = np.sqrt(np.diag(system.implied))
    implied = pd.DataFrame(system.implied / np.outer(spread, spread), list(answers), list(answers))
    for own in drawn.given.scales.values():
        for one, other in combinations(own, 2):
            assert loadings[one] * loadings[other] == pytest.approx(implied.loc[one, other], abs=1e-4)
    one, other = drawn.given.pair
    gap = answers[one].corr(answers[other]) - implied.loc[one, other]
    assert drawn.key("23.3").right == pytest.approx(gap, abs=1e-4)


def test_htmt_by_loops():
    htmt = practice.load("23").questions["23.4"].solution()
    luck = np.random.default_rng(3)
    table = pd.DataFrame(luck.normal(size=(50, 1)) + luck.normal(size=(50, 5)), columns=[*"abcde"])
    r, first, second = table.corr(), ["a", "b", "c"], ["d", "e"]
    across = np.mean([abs(r.loc[i, j]) for i, j in product(first, second)])
    within = [np.mean([abs(r.loc[i, j]) for i, j in combinations(own, 2)]) for own in (first, second)]
    assert htmt(r, first, second) == pytest.approx(across / (within[0] * within[1]) ** 0.5)


def test_nothing_given_tells_who_is_loyal(drawn):
    given = drawn.given
    asked = [question for own in given.scales.values() for question in own]
    assert list(given.sheets) == ["customer_id", *asked, "half"]
    assert given.sheets[asked].isin(range(1, 11)).all().all()
    assert not set(given.values()) & {"worth"}


def verdict(drawn, number, answer):
    return drawn.verdict(number, drawn.form(number).plain(answer, drawn.cases(number)))


def test_other_ways_are_right_and_other_slips_are_not(drawn, answers):
    found = drawn.given.correlations
    b = (found["a and b"] * found["b and c"] / found["a and c"]) ** 0.5
    assert (
        verdict(drawn, "23.1", round(b, 2) if abs(round(b, 2) - b) < 0.002 else round(b, 3)).outcome
        == "right"
    )
    right = pd.DataFrame(drawn.key("23.2").right["columns"])
    assert verdict(drawn, "23.2", right.set_index("question")["loading"].round(2)).outcome == "right"
    doubled = right.assign(loading=right["loading"] * 0.9)
    assert verdict(drawn, "23.2", doubled).outcome != "right"
    # the mean, and a score that weighs the questions, are as good as the sum
    own = drawn.given.scales["loyalty"]
    weighted = answers[own] @ np.array([1.1, 1.1, 1.0, 1.0])
    for score in (answers[own].mean(axis=1), weighted):
        chosen = drawn.given.sheets.loc[score.nlargest(drawn.given.places).index, "customer_id"]
        assert verdict(drawn, "23.7", chosen.tolist()).mark > 0.9
