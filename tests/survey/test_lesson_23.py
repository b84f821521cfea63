"""Lesson 23. Referees: the package for what is written by hand, six companies for what is said of them."""

from itertools import combinations

import nbformat
import numpy as np
import pandas as pd
import pytest

from crmlab import company, course, survey

STRAIGHT = [f"trust_{n}" for n in (1, 2, 3, 5)]
STRAIGHT += [f"{scale}_{n}" for scale in ("commitment", "loyalty") for n in (1, 2, 3)]
CELLS = nbformat.read(course.ROOT / "notebooks" / "23_does_it_hold.ipynb", as_version=4).cells


def lesson(*beginnings: str, **names):
    """Run the lesson's cells that hold these words, on made-up names."""
    names = {"np": np, "pd": pd, "survey": survey, "combinations": combinations} | names
    for beginning in beginnings:
        (source,) = [cell.source for cell in CELLS if cell.cell_type == "code" and beginning in cell.source]
        exec(source, names)
    return names


@pytest.fixture(scope="module")
def sheets():
    luck = np.random.default_rng(3)
    scores = luck.multivariate_normal(np.zeros(3), 0.5 + 0.5 * np.eye(3), 500)
    columns = lesson("asked =")["asked"]
    spread = np.repeat(scores, [5, 4, 4], axis=1) * luck.uniform(0.6, 1.4, 13)
    return pd.DataFrame(spread + luck.normal(size=(500, 13)), columns=columns)


def test_a_loading_by_hand_is_the_models(sheets, capsys):
    lesson("asked =", "square =", answers=sheets)
    three = survey.MeasurementModel(sheets, {"loyalty": ["loyalty_1", "loyalty_2", "loyalty_3"]}).fit()
    assert f"{three.standardised()['estimate'].iloc[0]:.3f}" in capsys.readouterr().out


def test_the_gaps_by_hand_are_those_of_srmr(sheets, capsys):
    names = lesson("asked =", "arrows =", "def claimed_by", "claimed = claimed_by", "half =", answers=sheets)
    measures = names["fit"].fit_measures()
    assert f"{measures['srmr']:.3f}" in capsys.readouterr().out.splitlines()[-1]
    [(_, _, system)] = names["fit"]._systems()
    spread = np.sqrt(np.diag(system.implied))
    off = ~np.eye(13, dtype=bool)
    claimed = names["claimed"].to_numpy()
    assert np.allclose(claimed[off], (system.implied / np.outer(spread, spread))[off])


def test_htmt_by_hand_is_the_packages(sheets):
    names = lesson("asked =", "def htmt_by_hand", answers=sheets)
    by_hand = [
        names["htmt_by_hand"](names["scales"][a], names["scales"][b])
        for a, b in combinations(names["scales"], 2)
    ]
    assert by_hand == pytest.approx(survey.htmt(sheets, names["scales"], draws=0)["htmt"].tolist())


def test_weak_questions_hide_a_wrong_claim_and_good_ones_show_up_a_nearly_right_one():
    rng = np.random.default_rng(8)
    sold = lesson("def two_sold_as_one", rng=rng)["two_sold_as_one"]
    assert max(sold(0.4)["rmsea"] for _ in range(10)) < 0.06 < min(sold(0.8)["rmsea"] for _ in range(10))
    right, nearly = ([sold(0.9, tie)["rmsea"] for _ in range(10)] for tie in (1, 0.95))
    assert max(right) < 0.06 < min(nearly)


@pytest.mark.slow
def test_what_it_says_of_six_other_companies():
    for seed in range(1, 7):
        tea = company.simulate(rng=seed)
        names = lesson(
            *("asked =", "def latest_sheets", "answers = latest", "arrows =", "scores = pd.Data"),
            tea=tea,
            three=["loyalty_1", "loyalty_2", "loyalty_3"],
            straight=STRAIGHT,
        )
        answers, scales = names["answers"], names["scales"]
        first = names["fit"].modification_indices().index[:3]
        assert set(first) == {f"{a} <-> {b}" for a, b in combinations(names["turned"], 2)}
        true = tea._truth["surveys"].set_index("survey_id")
        waves = tea.surveys.query("occasion == 'wave'").drop_duplicates("customer_id", keep="last")
        invited, answered = (
            true.loc[who, ["commitment", "loyalty"]].corr().iloc[0, 1]
            for who in (waves["survey_id"], answers.index)
        )
        measured = survey.htmt(answers, scales, draws=0).loc[2, "htmt"]
        assert invited < answered < measured > invited + 0.05
        league = lesson("def brings", true=true, answers=answers, rng=np.random.default_rng(seed))
        brings = names["scores"].apply(league["brings"])
        assert brings.idxmax() == "loyalty, all four"
