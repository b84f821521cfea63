"""Exercise 22. Referees: normal noise in place of shuffles, power iteration, other ways to what is shared."""

import math

import numpy as np
import pandas as pd
import pytest

from crmlab import practice, survey

STUDENTS = ["ann", "bob", "eve", "kim"]


@pytest.fixture(scope="module")
def all_drawn():
    exercise = practice.load("22")
    return [practice.Drawn(exercise, "key", student, small=True) for student in STUDENTS]


def verdict(one, number, answer):
    return one.verdict(number, one.form(number).plain(answer, one.cases(number)))


def test_things_by_normal_noise_and_by_any_dice(all_drawn):
    for one in all_drawn:
        answers = one.given.answers
        real = np.linalg.eigvalsh(answers.corr())[::-1]
        rng = np.random.default_rng(7)
        noise = [np.linalg.eigvalsh(np.corrcoef(rng.normal(size=answers.shape).T))[::-1] for _ in range(60)]
        kept = int(np.logical_and.accumulate(real > np.quantile(noise, 0.95, axis=0)).sum())
        assert one.verdict("22.1", kept).outcome == "right"
        for seed in (2, 3):
            assert survey.parallel_analysis(answers, rng=seed)["keep"].sum() == kept
        assert one.verdict("22.1", int((real > 1).sum())).mistake == "above_one"


def test_widest_sum_by_power_iteration(all_drawn):
    for one in all_drawn:
        table = one.given.answers.corr().to_numpy()
        weights = np.ones(len(table))
        for _ in range(500):
            weights = table @ weights
            weights /= math.sqrt(weights @ weights)
        assert one.verdict("22.2", round(float(weights @ table @ weights), 2)).outcome == "right"
        standard = (one.given.answers - one.given.answers.mean()) / one.given.answers.std()
        assert one.verdict("22.2", float((standard @ weights).var())).outcome == "right"
        assert one.verdict("22.2", float(table.sum() / len(table))).outcome != "right"  # of the plain sum


def test_correlation_of_loadings_by_matrices(all_drawn):
    for one in all_drawn:
        assert verdict(one, "22.3", lambda one, other: float(np.dot(one, other))).outcome == "right"
        cut = verdict(one, "22.3", lambda one, other: float(np.dot(one[:1], other[:1])))
        assert cut.mistake == "first_factor_only"


def test_own_share_after_a_real_rotation(all_drawn):
    for one in all_drawn:
        point = complex(one.given.first_loading, one.given.second_loading)
        turned = point * complex(math.cos(math.pi / 6), math.sin(math.pi / 6))
        assert one.verdict("22.4", round(1 - turned.real**2 - turned.imag**2, 3)).outcome == "right"
        assert one.verdict("22.4", abs(point) ** 2).mistake == "what_is_explained"


def test_questions_on_nothing_by_regression_and_by_largest_correlation(all_drawn):
    for one in all_drawn:
        answers, empty = one.given.answers, one.given.empty
        together = answers.corr().abs().mask(np.eye(answers.shape[1], dtype=bool))
        assert verdict(one, "22.5", together.max().nsmallest(empty).index).outcome == "right"
        own = {}
        for name in answers:
            others = np.column_stack([np.ones(len(answers)), answers.drop(columns=name)])
            left = answers[name] - others @ np.linalg.lstsq(others, answers[name], rcond=None)[0]
            own[name] = left.var() / answers[name].var()
        assert verdict(one, "22.5", pd.Series(own).nlargest(empty).index).outcome == "right"
        lot = np.random.default_rng(3).choice(answers.columns, empty, replace=False)
        assert verdict(one, "22.5", lot).mark < 0.7


def test_nothing_given_tells_which_questions_are_empty(all_drawn):
    for one in all_drawn:
        assert set(one.given._values) == {"answers", "items", "empty", "first_loading", "second_loading"}
        assert list(one.given.items) == ["item"]
