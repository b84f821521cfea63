"""Exploratory factors. Referees: R's factanal and psych as printed, statsmodels, noise, simulated truth."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from crmlab import datasets
from crmlab.survey import explore, parallel_analysis, plot_parallel, worth_factoring

ABILITY = datasets.load("ability_cov").set_index("test")


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def simulated(size, seed, between=0.3, items=5):
    rng = np.random.default_rng(seed)
    root = np.linalg.cholesky(np.full((3, 3), between) + (1 - between) * np.eye(3))
    factors = rng.normal(size=(size, 3)) @ root.T
    table = 0.7 * np.repeat(factors, items, axis=1) + np.sqrt(0.51) * rng.normal(size=(size, 3 * items))
    return pd.DataFrame(table, columns=[f"{name}{i}" for name in "xyz" for i in range(1, items + 1)])


def test_ability_has_what_factanal_prints():
    found = explore(covariance=ABILITY, factors=2, nobs=112)
    assert found.uniquenesses.round(3).tolist() == [0.455, 0.589, 0.218, 0.769, 0.052, 0.334]
    assert (round(found.chi2, 2), found.df, round(found.p_value, 3)) == (6.11, 4, 0.191)
    one = explore(covariance=ABILITY, factors=1, nobs=112)
    # factanal(factors = 1, covmat = ability.cov): chi square 75.18 on 9 degrees of freedom
    assert (round(one.chi2, 2), one.df) == (75.18, 9)
    assert one.uniquenesses.round(3).tolist() == [0.535, 0.853, 0.748, 0.910, 0.232, 0.280]


@pytest.mark.parametrize("rotation", ["none", "varimax", "oblimin"])
def test_rotation_moves_no_uniqueness(rotation):
    found = explore(covariance=ABILITY, factors=2, nobs=112, rotation=rotation)
    implied = found.loadings @ found.between.to_numpy() @ found.loadings.T.to_numpy()
    np.testing.assert_allclose(1 - np.diag(implied), found.uniquenesses, atol=1e-6)
    assert found.chi2 == pytest.approx(6.107, abs=1e-3)
    assert (found.loadings.sum() > 0).all()
    assert np.allclose(found.between, np.eye(2)) == (rotation != "oblimin")


def test_simulated_factors_come_back():
    found = explore(simulated(4_000, 1), factors=3)
    assert found.between.to_numpy()[np.triu_indices(3, 1)] == pytest.approx([0.3] * 3, abs=0.06)
    strongest = found.loadings.abs().max(axis=1)
    assert strongest.to_numpy() == pytest.approx(0.7, abs=0.06)
    assert np.sort(found.loadings.abs(), axis=1)[:, :2].max() < 0.08
    blocks = [name[0] for name in found.sorted().index]
    assert blocks == sorted(blocks, key=blocks.index)  # each block in one piece


def test_chi_square_holds_its_level():
    p = [explore(simulated(500, seed), factors=3).p_value for seed in range(30)]
    assert stats.kstest(p, "uniform").pvalue > 0.01


def test_parallel_analysis_finds_the_three_and_the_old_rule_finds_more():
    noisy = simulated(300, 2, items=5).assign(
        **{f"n{i}": np.random.default_rng(i).normal(size=300) for i in range(9)}
    )
    table = parallel_analysis(noisy, rng=1)
    assert table["keep"].sum() == 3 and table["above_one"].sum() > 5
    assert table["eigenvalue"].sum() == pytest.approx(noisy.shape[1])


def test_bfi_holds_five_by_chance_and_six_by_the_old_rule():
    table = parallel_analysis(datasets.load("bfi").loc[:, "A1":"O5"], draws=50, rng=1)
    assert table[["keep", "above_one"]].sum().tolist() == [5, 6]


def test_strongly_correlated_factors_are_seen_in_what_is_common_and_missed_by_components():
    together = simulated(500, 3, between=0.75, items=3)
    assert parallel_analysis(together, draws=50, rng=1)["keep"].sum() == 1
    common = parallel_analysis(together, draws=50, rng=1, common=True)
    assert common["keep"].sum() == 3
    assert common["above_one"].sum() == parallel_analysis(together, draws=20, rng=1)["above_one"].sum()
    # squared multiple correlations by regression: the trace of the reduced matrix is their sum
    values = together.to_numpy() - together.to_numpy().mean(0)
    explained = 0.0
    for item in range(9):
        others = np.delete(values, item, axis=1)
        rest = values[:, item] - others @ np.linalg.lstsq(others, values[:, item], rcond=None)[0]
        explained += 1 - (rest @ rest) / (values[:, item] @ values[:, item])
    assert common["eigenvalue"].sum() == pytest.approx(explained)


def test_noise_keeps_nothing_about_as_often_as_it_should():
    kept = [
        parallel_analysis(pd.DataFrame(np.random.default_rng(seed).normal(size=(80, 6))), draws=100, rng=1)[
            "keep"
        ].any()
        for seed in range(60)
    ]
    assert sum(kept) <= 8  # 5 % of 60 is 3; nine or more would be one case in two hundred


def test_the_picture_says_how_many():
    ax = plot_parallel(parallel_analysis(simulated(300, 2), draws=20, rng=1))
    assert ax.get_title(loc="left") == "How many factors? 3 beat chance"
    assert len(ax.get_legend().get_texts()) == 5
    heat = explore(covariance=ABILITY, factors=2, nobs=112).plot()
    assert {text.get_text() for text in heat.texts} >= {"0.99", "0.90"}


def test_kmo_and_bartlett():
    # psych::KMO(Thurstone) prints an overall measure of .88
    assert (
        round(worth_factoring(covariance=datasets.load("thurstone").set_index("test"), nobs=213)["kmo"], 2)
        == 0.88
    )
    noise = pd.DataFrame(np.random.default_rng(4).normal(size=(400, 8)))
    found = worth_factoring(noise)
    assert found["bartlett_p"] > 0.01 and found["kmo"] < 0.6 and found["bartlett_df"] == 28
    # two items: the determinant is 1 - r², and partial correlations are the correlation
    two = worth_factoring(covariance=[[1, 0.5], [0.5, 1]], nobs=101)
    assert two["kmo"] == pytest.approx(0.5)
    assert two["bartlett_chi2"] == pytest.approx(-(100 - 9 / 6) * np.log(0.75))


HEYWOOD = np.array([[1, 0.8, 0.8, 0.1], [0.8, 1, 0.5, 0.1], [0.8, 0.5, 1, 0.1], [0.1, 0.1, 0.1, 1]])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"factors": 4}, "4 factors are more than 6 items can tell apart"),
        ({"factors": 0}, "factors"),
        ({"rotation": "promax"}, "There is no rotation 'promax'"),
        ({"nobs": None}, "nobs, the number of respondents"),
        ({"answers": ABILITY}, "either the answers or the covariance"),
        ({"covariance": HEYWOOD}, "Heywood"),
        ({"covariance": np.ones((4, 4))}, "tell each other exactly"),
    ],
)
def test_what_cannot_be_fitted_is_refused(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        explore(**({"covariance": ABILITY, "factors": 1, "nobs": 112} | options))


@pytest.mark.parametrize("look", [parallel_analysis, explore, worth_factoring])
def test_bad_answers_are_refused(look):
    fine = simulated(60, 3, items=2)
    for answers, sentence in (
        (fine.assign(x1=3), "All answers to 'x1' are the same"),
        (fine.head(6), "more of them than items"),
        (fine.assign(x1="a"), "'x1' must hold numbers and holds 'a' in row 0"),
    ):
        with pytest.raises(ValueError, match=sentence):
            look(answers)
    with pytest.raises(ValueError, match="draws"):
        parallel_analysis(fine, draws=5)
    with pytest.raises(ValueError, match="share is a share"):
        parallel_analysis(fine, share=1)
