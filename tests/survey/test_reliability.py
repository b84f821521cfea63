"""Reliability. Referees: R's psych as printed, pingouin, algebra, loops, statsmodels, simulated truth."""

import time

import numpy as np
import pandas as pd
import pytest
from statsmodels.multivariate.factor import Factor
from statsmodels.multivariate.factor_rotation import rotate_factors

from crmlab import datasets
from crmlab.survey import alpha_if_dropped, alpha_interval, attenuated, disattenuated, reliability
from crmlab.survey._resampling import bootstrap_covariances
from crmlab.survey.reliability import (
    general_loadings,
    one_factor,
    quartimin,
    several_factors,
)

REVERSED = ["A1", "C4", "C5", "E1", "E2", "O2", "O5"]


@pytest.fixture(scope="module")
def bfi():
    answers = datasets.load("bfi").loc[:, "A1":"O5"].dropna()
    answers[REVERSED] = 7 - answers[REVERSED]
    return answers


def parallel_items(size, items, loading, seed):
    rng = np.random.default_rng(seed)
    true = rng.normal(size=(size, 1))
    noise = rng.normal(size=(size, items))
    return pd.DataFrame(loading * true + np.sqrt(1 - loading**2) * noise).add_prefix("item_")


def three_facets(size, seed):
    rng = np.random.default_rng(seed)
    general = rng.normal(size=(size, 1))
    facets = np.sqrt(0.5) * general + np.sqrt(0.5) * rng.normal(size=(size, 3))
    items = 0.8 * np.repeat(facets, 4, axis=1) + 0.6 * rng.normal(size=(size, 12))
    return pd.DataFrame(items).add_prefix("item_")


# ---- against other programs


def test_thurstone_has_the_coefficients_that_psych_prints():
    table = reliability(covariance=datasets.load("thurstone").set_index("test"), factors=3)["estimate"]
    printed = {"omega_hierarchical": 0.74, "alpha": 0.89, "lambda_6": 0.91, "omega_total": 0.93}
    assert table[list(printed)].round(2).to_dict() == printed


def test_attitude_has_the_alpha_that_psych_and_pingouin_print():
    attitude = datasets.load("attitude")
    alpha = reliability(attitude).loc["alpha", "estimate"]
    assert round(alpha, 4) == 0.8431
    assert [round(end, 3) for end in alpha_interval(alpha, 30, 7)] == [0.739, 0.916]  # pingouin 0.7.0


@pytest.mark.parametrize(
    ("letter", "alpha", "low", "high"),
    [
        ("A", 0.7158485, 0.698, 0.733),
        ("C", 0.7372948, 0.720, 0.753),
        ("E", 0.7651224, 0.750, 0.780),
        ("N", 0.8169469, 0.805, 0.828),
        ("O", 0.6078018, 0.583, 0.632),
    ],
)
def test_bfi_has_the_alphas_that_pingouin_prints(bfi, letter, alpha, low, high):
    items = bfi[[f"{letter}{i}" for i in range(1, 6)]]
    found = reliability(items).loc["alpha", "estimate"]
    assert found == pytest.approx(alpha, abs=5e-8)
    assert [round(end, 3) for end in alpha_interval(found, len(items), 5)] == [low, high]


def test_several_factors_and_rotation_agree_with_statsmodels():
    matrix = datasets.load("thurstone").set_index("test").to_numpy()
    ours = several_factors(matrix[None], 3)
    theirs = Factor(corr=matrix, n_factor=3, method="pa").fit(maxiter=3000, tol=1e-10)
    np.testing.assert_allclose(1 - (ours[0] ** 2).sum(1), theirs.uniqueness, atol=1e-4)
    pattern, between = quartimin(ours)
    rotated, turn = rotate_factors(ours[0], "oblimin", 0, "oblique", max_tries=2000, tol=1e-9)
    np.testing.assert_allclose(
        np.sort(np.abs(pattern[0]), axis=None), np.sort(np.abs(rotated), axis=None), atol=1e-3
    )
    ours_between, theirs_between = between[0], turn.T @ turn
    np.testing.assert_allclose(
        np.sort(np.abs(ours_between), axis=None), np.sort(np.abs(theirs_between), axis=None), atol=1e-3
    )


# ---- against algebra and a truth that was simulated


@pytest.mark.parametrize("items", [2, 3, 8])
def test_parallel_items_have_the_reliability_of_spearman_and_brown(items):
    matrix = np.full((items, items), 0.4) + 0.6 * np.eye(items)
    table = reliability(covariance=matrix)["estimate"]
    stepped_up = items * 0.4 / (1 + (items - 1) * 0.4)
    for name in ("alpha", "alpha_standardised", "omega_total"):
        assert table[name] == pytest.approx(stepped_up, abs=1e-6)


def test_unequal_loadings_put_alpha_below_omega():
    loadings = np.array([0.9, 0.7, 0.5, 0.3])
    matrix = np.outer(loadings, loadings) + np.diag(1 - loadings**2)
    table = reliability(covariance=matrix)["estimate"]
    assert table["omega_total"] == pytest.approx(loadings.sum() ** 2 / matrix.sum(), abs=1e-6)
    assert table["alpha"] < table["omega_total"] - 0.02


def test_hierarchical_omega_is_the_part_of_the_general_factor():
    general, facet = 0.8 * np.sqrt(0.5), 0.8 * np.sqrt(0.5)
    pattern = np.hstack([np.full((12, 1), general), facet * np.kron(np.eye(3), np.ones((4, 1)))])
    matrix = pattern @ pattern.T + 0.36 * np.eye(12)
    table = reliability(covariance=matrix, factors=3)["estimate"]
    assert table["omega_hierarchical"] == pytest.approx((12 * general) ** 2 / matrix.sum(), abs=1e-4)
    assert table["omega_total"] == pytest.approx(1 - 12 * 0.36 / matrix.sum(), abs=1e-4)


def test_batches_are_single_matrices():
    matrices = np.stack([three_facets(400, seed).corr().to_numpy() for seed in range(5)])
    loadings = several_factors(matrices, 3)
    together = general_loadings(loadings)
    for place in range(5):
        alone = several_factors(matrices[[place]], 3)
        np.testing.assert_allclose(
            alone @ alone.transpose(0, 2, 1),
            loadings[[place]] @ loadings[[place]].transpose(0, 2, 1),
            atol=1e-5,
        )
        np.testing.assert_allclose(general_loadings(alone)[0], together[place], atol=2e-4)
        np.testing.assert_allclose(one_factor(matrices[[place]])[0], one_factor(matrices)[place], atol=1e-6)


# ---- intervals


def test_one_product_gives_the_covariances_of_every_draw():
    rows = three_facets(50, 1).to_numpy()
    found = bootstrap_covariances(rows, 4, rng=3)
    rng = np.random.default_rng(3)
    for matrix in found:
        drawn = rows[rng.integers(0, 50, 50, np.uint32)]
        np.testing.assert_allclose(matrix, np.cov(drawn.T), atol=1e-10)


def test_single_precision_costs_no_digit_that_is_shown():
    rows = three_facets(
        20_001, 2
    ).to_numpy()  # above the size at which counts are multiplied in half the bytes
    found = bootstrap_covariances(rows, 2, rng=3)
    rng = np.random.default_rng(3)
    for matrix in found:
        drawn = rows[rng.integers(0, len(rows), len(rows), np.uint32)]
        np.testing.assert_allclose(matrix, np.cov(drawn.T), atol=2e-5)


def test_interval_by_draws_is_near_that_of_feldt_for_normal_parallel_items():
    items = parallel_items(300, 5, 0.7, 4)
    table = reliability(items, draws=2000, rng=5)
    low, high = alpha_interval(table.loc["alpha", "estimate"], 300, 5)
    assert table.loc["alpha", ["low", "high"]].tolist() == pytest.approx([low, high], abs=0.012)


@pytest.mark.slow
def test_intervals_hold_the_truth_about_as_often_as_they_say():
    pattern = np.hstack(
        [np.full((12, 1), 0.8 * 0.5**0.5), 0.8 * 0.5**0.5 * np.kron(np.eye(3), np.ones((4, 1)))]
    )
    true = (12 * 0.8 * 0.5**0.5) ** 2 / (pattern @ pattern.T + 0.36 * np.eye(12)).sum()
    held = 0
    for seed in range(100):
        table = reliability(three_facets(400, seed), factors=3, draws=200, rng=seed)
        low, high = table.loc["omega_hierarchical", ["low", "high"]]
        held += low <= true <= high
    assert held >= 87  # fewer would be one case in a thousand


def test_draws_repeat_with_the_same_dice(bfi):
    items = bfi.loc[:, "N1":"N5"]
    one, other = (reliability(items, draws=200, rng=9) for _ in range(2))
    pd.testing.assert_frame_equal(one, other)
    assert (one["low"] < one["estimate"]).all() and (one["estimate"] < one["high"]).all()
    assert (one["respondents"] == len(items)).all()


@pytest.mark.slow
def test_a_hundred_thousand_respondents_in_seconds():
    items = pd.concat([three_facets(100_000, seed) for seed in (1, 2)], axis=1)
    items.columns = [f"item_{place}" for place in range(24)]
    start = time.process_time()
    reliability(items, draws=2000, rng=1)
    assert time.process_time() - start < 30  # 8 s where it was measured


# ---- items dropped, attenuation


def test_alpha_without_an_item_is_alpha_of_the_others(bfi):
    items = bfi.loc[:, "O1":"O5"]
    table = alpha_if_dropped(items)
    for name in items:
        alone = reliability(items.drop(columns=name)).loc["alpha", "estimate"]
        assert table.loc[name, "alpha_without"] == pytest.approx(alone)
    total = items.drop(columns="O1").sum(axis=1)
    assert table.loc["O1", "item_rest"] == pytest.approx(items["O1"].corr(total))


def test_attenuation_is_what_noise_does():
    rng = np.random.default_rng(6)
    x, y = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], 200_000).T
    seen_x, seen_y = x + rng.normal(0, 0.5, len(x)), y + rng.normal(0, 1, len(x))
    expected = attenuated(0.6, 1 / 1.25, 1 / 2)
    assert np.corrcoef(seen_x, seen_y)[0, 1] == pytest.approx(expected, abs=0.005)
    assert disattenuated(expected, 0.8, 0.5) == pytest.approx(0.6)
    with pytest.warns(UserWarning, match="corrected correlation is 1.20, beyond ±1"):
        assert disattenuated(0.6, 0.5, 0.5) == pytest.approx(1.2)
    for wrong in ((1.2, 0.5), (0.5, 0), (0.5, 1.5), (np.nan, 0.5), ("a", 0.5)):
        with pytest.raises(ValueError, match="correlation is between|reliability is above 0"):
            attenuated(*wrong)


# ---- what cannot be measured

FINE = parallel_items(60, 4, 0.7, 8)


@pytest.mark.parametrize(
    ("answers", "options", "sentence"),
    [
        (FINE.assign(item_0=3), {}, "All answers to 'item_0' are the same"),
        (FINE.head(1), {}, "1 of 1 respondents answered all 4 items"),
        (FINE.head(4), {}, "there must be more of them than items"),
        (FINE.assign(item_1=FINE["item_0"]), {}, "'item_0', 'item_1' tell each other exactly"),
        (
            FINE.assign(item_3=FINE["item_0"] + FINE["item_1"]),
            {},
            "'item_0', 'item_1', 'item_3' tell each other exactly",
        ),
        (FINE.assign(item_3=np.nan), {}, "Nobody answered 'item_3', all 60"),
        (FINE.assign(item_3=np.inf), {}, "answers to 'item_3' are infinite"),
        (FINE.assign(item_3="good"), {}, "'item_3' must hold numbers and holds 'good'"),
        (FINE[["item_0"]], {}, "several items of one thing; here is 1"),
        (pd.concat([FINE, FINE], axis=1), {}, "There are 2 columns 'item_0'"),
        (FINE, {"factors": 2}, "2 factors of 4 items cannot be told apart"),
        (FINE, {"factors": 3}, "3 factors of 4 items"),
        (FINE, {"factors": 0}, "factors"),
        (FINE, {"draws": -1}, "draws"),
        (FINE, {"alpha": 5}, "alpha must lie between 0 and 1"),
        (None, {}, "either the answers or the covariance"),
        (None, {"covariance": [[1, 2], [3, 4]]}, "symmetric"),
        (None, {"covariance": [[1, 2, 3]]}, "square"),
        (None, {"covariance": FINE.cov(), "draws": 100}, "from a covariance nobody can be drawn"),
    ],
)
def test_wrong_input_is_refused(answers, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        reliability(answers, **options)


def test_two_items_and_three_rows_are_enough():
    table = reliability(pd.DataFrame({"a": [1, 2, 4], "b": [1, 3, 3]}))
    assert table["estimate"].notna().all()
    with pytest.raises(ValueError, match="three at least"):
        alpha_if_dropped(pd.DataFrame({"a": [1, 2, 4], "b": [1, 3, 3]}))


def test_an_item_that_runs_against_the_others_is_named():
    with pytest.warns(UserWarning, match="'item_2' runs against the other items: turn it first"):
        reliability(FINE.assign(item_2=-FINE["item_2"]))


def test_a_heywood_case_is_said_and_has_no_omega():
    matrix = np.array([[1, 0.8, 0.8], [0.8, 1, 0.5], [0.8, 0.5, 1]])  # loading² 0.8 · 0.8 / 0.5 > 1
    with pytest.warns(UserWarning, match="Heywood"):
        table = reliability(covariance=matrix)
    assert np.isnan(table.loc["omega_total", "estimate"]) and table.loc["alpha", "estimate"] > 0.8
