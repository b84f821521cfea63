"""Careless answers. Referees: insufficient-effort, scipy, algebra on submatrices, the company's truth."""

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import mahalanobis as scipy_mahalanobis

from crmlab import company, datasets
from crmlab.survey import Questionnaire, careless_flags, careless_signs
from crmlab.survey.careless import longest_run, mahalanobis

REVERSED = ["A1", "C4", "C5", "E1", "E2", "O2", "O5"]


@pytest.fixture(scope="module")
def bfi():
    answers = datasets.load("bfi").loc[:, "A1":"O5"]
    table = {"item": answers.columns, "construct": [name[0] for name in answers], "scale": "1 to 6"}
    return answers, Questionnaire(pd.DataFrame(table | {"reversed": answers.columns.isin(REVERSED)}))


def by_wave(seed, size=2_500):
    tea = company.simulate(size, rng=seed)
    rows = tea.questions
    rows = rows[(rows["table"] == "surveys") & (rows["version"] == "a") & (rows["item"] != "share_of_wallet")]
    answers = tea.surveys[(tea.surveys["occasion"] == "wave") & tea.surveys["responded"]]
    true = tea._truth["surveys"].set_index("survey_id")["careless"].astype(bool)
    return answers.set_index("survey_id"), Questionnaire(rows), true.loc[answers["survey_id"]]


def test_runs_are_those_of_another_program():
    rows = [
        [5, 4, 4, 5, 4, 2],
        [3, 3, 3, 3, 3, 3],
        [1, 2, 2, 1, 2, 5],
        [4, 5, 4, 4, 5, 1],
        [2, 1, 5, 5, 2, 4],
    ]
    rows += [[4, 4, 5, 4, 3, 2], [1, 1, 2, 1, 2, 5], [3, 2, 2, 3, 3, 3], [5, 1, 4, 2, 2, 1]]
    # insufficient-effort 1.13.1, longstring_scores (careless-py 1.1.0 reads a row of numbers as a text)
    assert longest_run(np.array(rows, float)).tolist() == [2, 6, 2, 2, 2, 2, 2, 3, 2]


def test_odd_even_is_that_of_another_program(bfi):
    answers, known = bfi
    whole = answers.dropna()
    found = careless_signs(whole, known)["odd_even"].head(6).tolist()
    printed = [0.814815, 0.0, -0.193255, 0.154372, 0.882185, 0.783459]  # insufficient-effort, method="halves"
    assert found == pytest.approx(printed, abs=2e-6)


def test_distances_are_those_of_scipy_and_of_another_program(bfi):
    whole = bfi[0].dropna().to_numpy()
    found = mahalanobis(whole)
    # insufficient-effort turns nothing round, and neither does a distance mind
    assert np.sqrt(found[:4]) == pytest.approx([3.66990358, 5.06720503, 3.67289187, 5.36886468], abs=2e-3)
    precision = np.linalg.inv(np.cov(whole.T))
    for place in range(5):
        assert found[place] == pytest.approx(scipy_mahalanobis(whole[place], whole.mean(0), precision) ** 2)


def test_a_gap_leaves_the_distance_in_what_was_answered(bfi):
    answers = bfi[0].to_numpy()
    covariance, mean = bfi[0].cov().to_numpy(), np.nanmean(answers, axis=0)
    found = mahalanobis(answers)
    for row in np.flatnonzero(np.isnan(answers).any(axis=1))[:20]:
        there = ~np.isnan(answers[row])
        away = (answers[row] - mean)[there]
        expected = away @ np.linalg.solve(covariance[np.ix_(there, there)], away)
        assert found[row] == pytest.approx(expected, rel=1e-6)


def test_person_fit_is_the_correlation_with_the_means_of_the_items(bfi):
    answers, known = bfi
    signs = careless_signs(answers, known)
    row = answers.iloc[8]  # with a gap
    assert row.isna().sum() == 1
    assert signs.loc[8, "person_fit"] == pytest.approx(row.corr(answers.mean()))
    assert signs.loc[8, "answered"] == 24 and signs.loc[8, "spread"] == pytest.approx(row.std())


def test_a_gap_breaks_no_run_and_who_says_one_thing_has_no_correlation():
    table = pd.DataFrame(
        np.random.default_rng(2).integers(1, 6, (40, 6)).astype(float), columns=list("abcdef")
    )
    table.iloc[0] = [3, 3, np.nan, 3, 3, 3]
    scales = pd.DataFrame({"item": list("abcdef"), "construct": list("xxyyzz"), "scale": "1 to 5"})
    signs = careless_signs(table, Questionnaire(scales))
    assert signs.loc[0, "longest_run"] == 5 and signs.loc[0, "spread"] == 0
    assert signs.loc[0, ["odd_even", "person_fit"]].isna().all()
    assert not careless_flags(signs, run=6).loc[0, ["odd_even", "person_fit"]].any()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_each_kind_of_carelessness_shows_in_a_sign_of_its_own(seed):
    answers, known, true = by_wave(seed)
    flags = careless_flags(careless_signs(answers, known))
    either = flags["run"] | flags["distance"]
    assert (either & true).sum() > 0.8 * true.sum()  # together they find nearly all
    assert (either & ~true).sum() < 0.02 * (~true).sum()  # and accuse few
    for sign in ("run", "distance"):  # but each one finds a kind of its own
        assert 0.2 * true.sum() < (flags[sign] & true).sum() < 0.85 * true.sum()
    assert (flags["run"] & flags["distance"]).sum() < 0.1 * true.sum()


def test_speed_counts_where_it_was_measured(bfi):
    answers, known = bfi
    timed = answers.assign(took=np.where(answers.index < 5, 30, 200))
    signs = careless_signs(timed, known, seconds="took")
    assert signs["seconds_per_item"].iloc[0] == 30 / 25
    assert careless_flags(signs)["speed"].sum() == 5
    assert "speed" not in careless_flags(careless_signs(answers, known))
    with pytest.raises(ValueError, match="A time in 'took' is negative, in row 0"):
        careless_signs(timed.assign(took=-1), known, seconds="took")
    with pytest.raises(ValueError, match="There is no column 'second'"):
        careless_signs(timed, known, seconds="second")


def test_too_few_respondents_and_wrong_limits_are_refused(bfi):
    answers, known = bfi
    with pytest.raises(ValueError, match="25 respondents to 25 items"):
        careless_signs(answers.head(25), known)
    signs = careless_signs(answers, known)
    with pytest.raises(ValueError, match="There is no column 'longest_run'"):
        careless_flags(signs.drop(columns="longest_run"))
    with pytest.raises(ValueError, match="run is a limit"):
        careless_flags(signs, run="ten")


def test_collinear_items_have_no_distance():
    rng = np.random.default_rng(3)
    one = rng.integers(1, 6, 50)
    table = pd.DataFrame({"a": one, "b": one, "c": rng.integers(1, 6, 50)})
    scales = pd.DataFrame({"item": list("abc"), "construct": "x", "scale": "1 to 5"})
    assert careless_signs(table, Questionnaire(scales))["distance"].isna().all()
