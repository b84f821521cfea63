"""Lesson 21. Referees: the package for what it writes by hand, six other companies for what it says."""

import itertools

import nbformat
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from crmlab import company, course, datasets, survey
from crmlab.survey.careless import longest_run

CELLS = nbformat.read(course.ROOT / "notebooks" / "21_questions_that_measure.ipynb", as_version=4).cells


def lesson(*beginnings: str, **names):
    """Run the lesson's cells that hold these words, on made-up names."""
    names = {"np": np, "pd": pd, "stats": stats, "survey": survey, "itertools": itertools} | names
    names.setdefault("rng", np.random.default_rng(5))
    for beginning in beginnings:
        (source,) = [cell.source for cell in CELLS if cell.cell_type == "code" and beginning in cell.source]
        exec(source, names)
    return names


def test_alpha_by_hand_is_the_packages():
    alpha = lesson("def alpha(items)")["alpha"]
    for items in (datasets.load("attitude"), datasets.load("bfi").loc[:, "N1":"N5"]):
        assert alpha(items) == pytest.approx(survey.reliability(items).loc["alpha", "estimate"])


def test_longest_run_by_hand_is_the_packages():
    by_hand = lesson("def longest_run(row)")["longest_run"]
    rows = np.random.default_rng(1).integers(1, 4, (200, 12)).astype(float)
    assert [by_hand(row) for row in rows] == longest_run(rows).tolist()


def test_difference_by_hand_is_welchs():
    moved = lesson("def moved(")["moved"]
    one, other = np.random.default_rng(2).normal([[0], [1]], 1, (2, 300))
    welch = stats.ttest_ind(other, one, equal_var=False).confidence_interval()
    found = stats.bootstrap(
        [one, other], moved, method="percentile", n_resamples=4000, rng=3
    ).confidence_interval
    assert list(found) == pytest.approx(list(welch), abs=0.02)


def test_alpha_by_two_thirds_and_three_halves():
    alpha = lesson("def alpha(items)")["alpha"]
    copies = pd.DataFrame({name: [2, 4, 6, 8] for name in "abc"})
    assert alpha(copies) == pytest.approx(1)
    noise = pd.DataFrame(np.random.default_rng(3).normal(size=(20_000, 5)))
    assert alpha(noise) == pytest.approx(0, abs=0.05)


def test_limit_of_the_distance_is_that_of_the_fold():
    far = stats.chi2.isf(0.001, 40)
    (fold,) = [cell.source for cell in CELLS if "Mahalanobis" in cell.source]
    assert f"exceed {far:.1f}" in fold


STEPS = [
    *("asked = tea.questions", "waves = tea.surveys", "def moved(", "plain, leading ="),
    *('trust = asked[asked["construct"]', "items = answers[list", "turned = items.assign"),
    *("questions = survey.Questionnaire(", "def alpha(items)", "scores = questions.scores"),
    *("reliable = pd.Series", "signs = survey.careless_signs", "flags = survey.careless_flags"),
    "either = flags",
]


@pytest.mark.slow
def test_what_it_says_of_six_other_companies():
    for seed in range(1, 7):
        names = lesson(*STEPS, tea=company.simulate(rng=seed), plot=Silent(), plt=Silent())
        low, high = names["hats"].confidence_interval
        assert low < 0.8 < high  # 7.1 less 6.3 in the envelope
        truth = names["tea"]._truth["surveys"].set_index("survey_id").loc[names["answers"].index]
        assert names["measured"] < truth["trust"].corr(truth["loyalty"]) < names["corrected"]
        assert names["alpha"](names["items"]) < 0.65 < 0.77 < names["alpha"](names["turned"])
        careless = truth["careless"].astype(bool)
        found = {rule: careless[people].sum() for rule, people in names["lists"].items()}
        assert max(found, key=found.get) == "either"
        assert found["either"] > 0.9 * min(50, careless.sum())
        assert (truth["trust"].corr(names["scores"]["trust"]) ** 2) < names["alpha"](names["turned"]) - 0.05
        names = lesson("constructs = [", "def four_ways", **names, true=truth)
        ways = names["four_ways"](truth.index)
        assert ways.index[ways.argsort()].tolist() == ["chance alone", "measured", "true", "corrected"]
        assert ways["measured"] == pytest.approx(names["measured"])
        assert ways["corrected"] == pytest.approx(names["corrected"])
        read = names["four_ways"](truth.index[~careless])
        assert read["corrected"] - read["true"] < ways["corrected"] - ways["true"]
        assert read["measured"] - read["chance alone"] < ways["measured"] - ways["chance alone"]


class Silent:
    """Stands in for the figures."""

    def __getattr__(self, name):
        return lambda *args, **kwargs: self
