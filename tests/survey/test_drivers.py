"""Drivers. Referees: figures of relaimpo and R, all orders by brute force, statsmodels, simulated truth."""

from itertools import permutations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.miscmodels.ordinal_model import OrderedModel

from crmlab import datasets, survey
from crmlab.survey.drivers import subset_r2

SWISS = ["agriculture", "examination", "education", "catholic", "infant_mortality"]
NAMES = ["taste", "price", "place", "staff"]


@pytest.fixture
def table():
    rng = np.random.default_rng(4)
    halo = rng.normal(size=(400, 1))
    found = pd.DataFrame(rng.normal(size=(400, 4)) + halo, columns=NAMES)
    found["satisfied"] = found["taste"] + 0.5 * found["price"] + rng.normal(0, 2, 400)
    found["w"] = rng.integers(0, 4, 400)
    return found


def r2(table, outcome, names):
    return sm.OLS(table[outcome], sm.add_constant(table[list(names)])).fit().rsquared if names else 0.0


def ordered(outcome, x, distr="logit"):
    return OrderedModel(outcome, x, distr=distr).fit(method="bfgs", gtol=1e-7, maxiter=500, disp=False)


def tenants():
    counted = datasets.load("tenants")
    return counted.loc[counted.index.repeat(counted["tenants"])].reset_index(drop=True)


def three_answers(n, seed, slopes=(1.0, 1.0)):
    """Answers 0, 1, 2, with one slope below the first cut and another below the second."""
    rng = np.random.default_rng(seed)
    x, luck = rng.normal(size=n), rng.random(n)
    above = [1 / (1 + np.exp(-(a + b * x))) for a, b in zip((1.5, -1.5), slopes, strict=True)]
    return pd.Series((luck < above[0]).astype(int) + (luck < above[1])), pd.DataFrame({"x": x})


# ---- correctness


def test_lmg_is_the_average_over_all_orders_of_statsmodels_regressions(table):
    found = survey.drivers(table, "satisfied", NAMES, draws=0)
    gains = dict.fromkeys(NAMES, 0.0)
    for order in permutations(NAMES):
        for place, name in enumerate(order):
            gains[name] += r2(table, "satisfied", order[: place + 1]) - r2(table, "satisfied", order[:place])
    assert found["lmg"].tolist() == pytest.approx([gains[name] / 24 for name in NAMES], abs=1e-12)
    assert found.loc["price", "last"] == pytest.approx(
        r2(table, "satisfied", NAMES) - r2(table, "satisfied", ["taste", "place", "staff"])
    )
    z = (table - table.mean()) / table.std()
    assert found["beta"].tolist() == pytest.approx(sm.OLS(z["satisfied"], z[NAMES]).fit().params.tolist())
    assert found["alone"].tolist() == pytest.approx((table[NAMES].corrwith(table["satisfied"]) ** 2).tolist())


def test_johnsons_weights_go_by_way_of_the_nearest_uncorrelated_variables(table):
    """Johnson (2000): Z = PQ' of the singular value decomposition of the standardised predictors."""
    x = (table[NAMES] - table[NAMES].mean()).to_numpy()
    x = x / np.sqrt((x**2).sum(axis=0))
    left, _, right = np.linalg.svd(x, full_matrices=False)
    z = left @ right
    y = table["satisfied"] - table["satisfied"].mean()
    y /= np.sqrt((y**2).sum())
    wanted = (x.T @ z) ** 2 @ (z.T @ y) ** 2
    assert survey.drivers(table, "satisfied", NAMES, draws=0)["johnson"].tolist() == pytest.approx(wanted)


def test_relaimpo_and_johnsons_printed_shares():
    swiss = survey.drivers(datasets.load("swiss"), "fertility", SWISS, draws=0)
    assert swiss["lmg"].round(5).tolist() == [0.05709, 0.17117, 0.26013, 0.10557, 0.11277]
    cars = survey.drivers(datasets.load("mtcars"), "mpg", ["cyl", "disp", "hp", "gear"], draws=0)
    assert cars["johnson"].round(5).tolist() == [0.22848, 0.22215, 0.23217, 0.09639]


def test_r2_of_every_subset_is_that_of_a_regression(table):
    found = subset_r2(table[[*NAMES, "satisfied"]].corr().to_numpy()[None])[:, 0]
    for subset in range(16):
        names = [name for k, name in enumerate(NAMES) if subset >> k & 1]
        assert found[subset] == pytest.approx(r2(table, "satisfied", names), abs=1e-12)


@pytest.mark.slow
def test_intervals_hold_the_truth_about_as_often_as_promised():
    """True shares: those of 400,000 answers; here in 80 samples of 200, for two drivers."""
    rng, held = np.random.default_rng(8), []

    def drawn(n):
        x = rng.normal(size=(n, 2)) + 0.7 * rng.normal(size=(n, 1))
        y = x[:, 0] + 0.6 * x[:, 1] + rng.normal(0, 1.5, n)
        return pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": y})

    truth = survey.drivers(drawn(400_000), "y", ["a", "b"], draws=0)
    for seed in range(80):
        found = survey.drivers(drawn(200), "y", ["a", "b"], draws=300, rng=seed)
        for name in ("lmg", "johnson"):
            held += ((found[f"{name}_low"] < truth[name]) & (truth[name] < found[f"{name}_high"])).tolist()
    assert 0.89 < np.mean(held) < 0.985


def test_bootstrap_is_that_of_a_loop_over_resampled_rows(table):
    found = survey.drivers(table, "satisfied", NAMES, draws=4000, weights="w")
    rng, looped = np.random.default_rng(5), []
    kept = table[table["w"] > 0]
    for _ in range(300):
        sample = kept.iloc[rng.integers(0, len(kept), len(kept))]
        repeated = sample.iloc[np.repeat(np.arange(len(sample)), sample["w"])]
        looped.append(survey.drivers(repeated, "satisfied", NAMES, draws=0)["lmg"].to_numpy())
    ends = np.quantile(looped, [0.025, 0.975], axis=0)
    np.testing.assert_allclose(found[["lmg_low", "lmg_high"]].T, ends, atol=0.02)
    best = np.bincount(np.argmax(looped, axis=1), minlength=4) / 300
    np.testing.assert_allclose(found["top"], best, atol=0.06)


def test_marginal_effects_of_two_answers_are_those_of_statsmodels_binary_logit(table):
    x = table[["taste", "price"]].assign(member=(table["w"] > 1).astype(float))
    bought = (table["satisfied"] > 0).astype(int)
    for distr, binary in (("logit", sm.Logit), ("probit", sm.Probit)):
        found = survey.marginal_effects(ordered(bought, x, distr)).query("answer == 1")
        theirs = binary(bought, sm.add_constant(x)).fit(disp=False).get_margeff(dummy=True)
        assert found["effect"].tolist() == pytest.approx(theirs.margeff.tolist(), abs=1e-5)
        assert found["se"].tolist() == pytest.approx(theirs.margeff_se.tolist(), rel=1e-3)


def test_marginal_effects_of_a_text_set_everybody_to_each_level():
    people = tenants()
    formula = "satisfaction ~ influence + type + contact"
    fit = OrderedModel.from_formula(formula, people, distr="logit").fit(method="bfgs", disp=False)
    found = survey.marginal_effects(fit).set_index(["predictor", "answer"])["effect"]
    levels = ["Tower", "Apartment", "Atrium", "Terrace"]
    chances = {}
    for level in levels:
        as_if = people.assign(type=pd.Categorical([level] * len(people), levels))
        chances[level] = np.asarray(fit.predict(as_if)).mean(axis=0)
    for level in levels[1:]:
        wanted = chances[level] - chances["Tower"]
        assert found[f"type[T.{level}]"].tolist() == pytest.approx(wanted.tolist())


@pytest.mark.slow
def test_slopes_and_intervals_of_marginal_effects_by_simulation():
    """The average derivative of the true chances, over 40 samples: how often its interval holds it."""
    held = []
    for seed in range(40):
        y, x = three_answers(500, seed)
        found = survey.marginal_effects(ordered(y, x)).set_index("answer")
        above = [1 / (1 + np.exp(-(a + x["x"]))) for a in (1.5, -1.5)]
        slope = [(p * (1 - p)).mean() for p in above]
        truth = pd.Series([-slope[0], slope[0] - slope[1], slope[1]])
        held += ((found["low"] < truth) & (truth < found["high"])).tolist()
    assert 0.88 < np.mean(held) <= 0.99


def test_brant_on_tenants_is_what_base_r_computes():
    """R 4, glm of both cuts and the covariance of Brant (1990): 8.53488, 0.90173, 5.84774, 1.28601."""
    formula = "satisfaction ~ influence + type + contact"
    fit = OrderedModel.from_formula(formula, tenants(), distr="logit").fit(method="bfgs", disp=False)
    found = survey.parallel_slopes(fit)
    chi2 = found.loc[["all", "influence", "type", "contact[T.High]"], "chi2"]
    assert chi2.tolist() == pytest.approx([8.53488, 0.90173, 5.84774, 1.28601], rel=2e-4)
    assert found["df"].tolist() == [6, 2, 3, 1, 1, 1, 1, 1, 1]
    assert found.loc["contact[T.High]", ["above Low", "above Medium"]].tolist() == pytest.approx(
        [0.43015, 0.31296], abs=1e-4
    )


def test_brant_finds_slopes_that_differ_and_is_as_rarely_wrong_as_it_says():
    alike = [
        survey.parallel_slopes(ordered(*three_answers(300, seed))).loc["all", "p_value"]
        for seed in range(100)
    ]
    assert np.mean(np.array(alike) < 0.05) <= 0.11 and 0.4 < np.mean(alike) < 0.6
    found = survey.parallel_slopes(ordered(*three_answers(2000, 1, slopes=(1.4, 0.8))))
    assert found.loc["all", "p_value"] < 1e-4
    assert found.loc["x", ["above 0", "above 1"]].tolist() == pytest.approx([1.4, 0.8], abs=0.2)


def attributes(n=600, seed=2):
    rng = np.random.default_rng(seed)
    found = pd.DataFrame(rng.integers(1, 6, (n, 3)), columns=["clean", "gift", "speed"])
    worth = found["clean"].clip(upper=3) + found["gift"].clip(lower=3) + found["speed"]
    return found.assign(felt=worth + rng.normal(size=n), w=rng.integers(0, 4, n))


def test_penalty_and_reward_are_two_dummies_in_statsmodels():
    table = attributes()
    names = ["clean", "gift", "speed"]
    found = survey.penalty_reward(table, "felt", names, (1, 5))
    dummies = pd.concat([(table[names] <= 2).add_suffix("-"), (table[names] >= 4).add_suffix("+")], axis=1)
    fit = sm.OLS(table["felt"], sm.add_constant(dummies.astype(float))).fit(cov_type="HC3", use_t=True)
    assert found["penalty"].tolist() == pytest.approx([fit.params[f"{name}-"] for name in names])
    assert found["reward"].tolist() == pytest.approx([fit.params[f"{name}+"] for name in names])
    ends = fit.conf_int().loc["gift+"].tolist()
    assert found.loc["gift", ["reward_low", "reward_high"]].tolist() == pytest.approx(ends)
    both = fit.t_test(np.eye(7)[1] + np.eye(7)[4])
    assert found.loc["clean", ["asymmetry", "asymmetry_low", "asymmetry_high"]].tolist() == pytest.approx(
        [both.effect[0], *both.conf_int()[0]]
    )
    assert found["kind"].tolist() == ["basic", "excitement", "performance"]


def test_map_has_means_and_quarters():
    table = pd.DataFrame(
        {"taste": [5, 5, 4, 4], "price": [1, 2, 1, 2], "place": [5, 4, 5, 5], "staff": [2, 1, 2, 3]}
    )
    importance = pd.Series({"taste": 0.3, "price": 0.25, "place": 0.05, "staff": 0.02})
    found = survey.importance_performance(table, importance, (1, 5))
    assert found["performance"].tolist() == pytest.approx([87.5, 12.5, 93.75, 25])
    assert found["quarter"].tolist() == [
        "keep it up",
        "concentrate here",
        "possible overkill",
        "low priority",
    ]
    half = 3.182446 * table["taste"].std() / 2 * 25  # t of three degrees of freedom, points per step
    assert found.loc["taste", "performance_low"] == pytest.approx(87.5 - half, abs=1e-3)


def test_map_draws_points_lines_and_both_intervals(table):
    rated = table[NAMES].rank(pct=True).mul(10)
    shares = survey.drivers(table, "satisfied", NAMES, draws=100)[["lmg", "lmg_low", "lmg_high"]]
    found = survey.importance_performance(rated, shares, (0, 10))
    assert found["importance_high"].tolist() == shares["lmg_high"].tolist()
    ax = survey.plot_importance_performance(found)
    points, across, up = ax.lines
    assert points.get_xdata().tolist() == found["importance"].tolist()
    assert (
        across.get_xdata()[0] == found["importance"].mean()
        and up.get_ydata()[0] == found["performance"].mean()
    )
    assert [text.get_text() for text in ax.texts][:4] == NAMES and len(ax.collections) == 2
    assert survey.plot_importance_performance(found, ax) is ax
    plt.close(ax.figure)
    with pytest.raises(ValueError, match="This draws the table of importance_performance"):
        survey.plot_importance_performance(shares)


# ---- consistency


@pytest.mark.parametrize("noise", [0.001, 1, 1000])
@pytest.mark.parametrize("closeness", [0, 1, 50])
@pytest.mark.parametrize("units", [1, 1e-6, 1e6])
def test_shares_add_up_to_r2_and_do_not_hang_on_order_or_units(noise, closeness, units):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(80, 4)) + closeness * rng.normal(size=(80, 1))
    table = pd.DataFrame(x, columns=NAMES).assign(y=x[:, 0] - x[:, 1] + noise * rng.normal(size=80))
    table["price"] *= units
    found = survey.drivers(table, "y", NAMES, draws=200)
    wanted = np.linalg.lstsq(np.c_[np.ones(80), x], table["y"], rcond=None)[1][0]
    wanted = 1 - wanted / ((table["y"] - table["y"].mean()) ** 2).sum()
    assert found["lmg"].sum() == pytest.approx(wanted, abs=1e-8)
    assert found["johnson"].sum() == pytest.approx(wanted, abs=1e-8)
    assert (found["lmg"] >= -1e-9).all() and found["top"].sum() == pytest.approx(1)
    turned = survey.drivers(table, "y", NAMES[::-1], draws=200).loc[NAMES]
    np.testing.assert_allclose(turned, found, atol=1e-7)


def test_uncorrelated_predictors_have_their_squared_correlations_and_one_has_r2(table):
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]] * 10)
    crossed = pd.DataFrame(x, columns=["a", "b"])
    crossed["y"] = 2 * x[:, 0] + x[:, 1] + np.random.default_rng(1).normal(size=40)
    found = survey.drivers(crossed, "y", ["a", "b"], draws=0)
    wanted = (crossed[["a", "b"]].corrwith(crossed["y"]) ** 2).tolist()
    for name in ("alone", "last", "lmg", "johnson"):
        assert found[name].tolist() == pytest.approx(wanted)
    one = survey.drivers(table, "satisfied", ["taste"]).loc["taste"]
    assert one[["alone", "last", "lmg", "johnson"]].tolist() == pytest.approx([one["alone"]] * 4)
    assert one["alone"] == pytest.approx(one["beta"] ** 2) and one["top"] == 1


def test_weights_are_repeated_rows(table):
    repeated = table.iloc[np.repeat(np.arange(400), table["w"])]
    for scale in (1, 1e-9, 1e9):
        weighted = survey.drivers(table, "satisfied", NAMES, draws=0, weights=table["w"] * scale)
        whole = survey.drivers(repeated, "satisfied", NAMES, draws=0)
        np.testing.assert_allclose(weighted.drop(columns="respondents"), whole.drop(columns="respondents"))
    assert weighted["respondents"].iloc[0] == (table["w"] > 0).sum()
    marks = attributes()
    one = survey.penalty_reward(marks, "felt", ["clean", "gift"], (1, 5), weights="w")
    other = survey.penalty_reward(
        marks.iloc[np.repeat(np.arange(600), marks["w"])], "felt", ["clean", "gift"], (1, 5)
    )
    names = ["penalty", "reward", "asymmetry"]
    np.testing.assert_allclose(one[names], other[names])
    assert (one["reward_high"] - one["reward_low"] > other["reward_high"] - other["reward_low"]).all()


def test_rows_with_gaps_are_left_out_the_input_is_not_changed_and_engines_agree(table):
    gaps = table.copy()
    gaps.loc[3, "taste"] = gaps.loc[9, "satisfied"] = np.nan
    before = gaps.copy()
    found = survey.drivers(gaps, "satisfied", NAMES, draws=50, rng=3)
    pd.testing.assert_frame_equal(gaps, before)
    assert (found["respondents"] == 398).all()
    pd.testing.assert_frame_equal(
        found, survey.drivers(gaps.drop([3, 9]), "satisfied", NAMES, draws=50, rng=3)
    )
    pd.testing.assert_frame_equal(
        found, survey.drivers(pl.from_pandas(gaps), "satisfied", NAMES, draws=50, rng=3)
    )
    light = gaps.assign(w=np.where(gaps.index == 3, np.nan, 1.0))  # who is left out needs no weight
    pd.testing.assert_frame_equal(
        found, survey.drivers(light, "satisfied", NAMES, draws=50, rng=3, weights="w")
    )


def test_effects_add_up_to_nothing_and_a_turned_predictor_turns_them():
    y, x = three_answers(400, 3)
    x["vip"] = (x["x"] + np.random.default_rng(1).normal(size=400) > 0).astype(float)
    one = survey.marginal_effects(ordered(y, x))
    assert one.groupby("predictor")["effect"].sum().abs().max() < 1e-12
    other = survey.marginal_effects(ordered(y, pd.DataFrame({"x": -10 * x["x"], "vip": 1 - x["vip"]})))
    np.testing.assert_allclose(other["effect"], one["effect"] * np.repeat([-0.1, -1], 3), atol=1e-5)


# ---- bad input


@pytest.mark.parametrize(
    ("change", "predictors", "message"),
    [
        ({"taste": 3.0}, NAMES, "All answers to 'taste' are the same"),
        ({"satisfied": 3.0}, NAMES, "Everybody gave the same 'satisfied': there is nothing to explain"),
        ({"price": lambda t: t["taste"] + t["place"]}, NAMES, "'place' tell each other exactly"),
        ({"price": lambda t: 2 * t["taste"]}, NAMES, "'taste', 'price' tell each other exactly"),
        ({"taste": "good"}, NAMES, "'taste' must hold numbers and holds 'good'"),
        ({"taste": np.inf}, NAMES, "answers to 'taste' are infinite"),
        ({"taste": np.nan}, NAMES, "Nobody answered 'taste'"),
        ({"taste": lambda t: t["taste"].where(t.index != 5, 999)}, NAMES, "look like a code for a missing"),
        ({"price": lambda t: -2 * t["satisfied"]}, NAMES, "R² is 1: 'satisfied', or what it was made of"),
        ({}, [*NAMES, "satisfied"], "'satisfied' is there twice"),
        ({}, ["taste", "taste"], "'taste' is there twice"),
        ({}, "taste", "predictors is a list of 1 to 16 columns"),
        ({}, [], "predictors is a list of 1 to 16 columns"),
        ({}, [f"x{i}" for i in range(17)], "predictors is a list of 1 to 16 columns"),
        ({}, ["tast"], "'tast'"),
        ({"taste": lambda t: t["taste"].where(t.index < 5)}, NAMES, "5 respondents count .* more than 5"),
    ],
)  # fmt: skip
def test_bad_tables_are_told(table, change, predictors, message):
    with pytest.raises(ValueError, match=message):
        survey.drivers(table.assign(**change), "satisfied", predictors, draws=20)


def test_a_column_that_is_there_twice_and_rare_answers_are_told(table):
    twice = pd.concat([table, table[["taste"]]], axis=1)
    with pytest.raises(ValueError, match="2 columns 'taste'"):
        survey.drivers(twice, "satisfied", NAMES)
    rare = table.assign(taste=(table.index == 7).astype(float))
    with pytest.raises(ValueError, match="bootstrap samples the predictors cannot be told apart"):
        survey.drivers(rare, "satisfied", NAMES)
    assert survey.drivers(rare, "satisfied", NAMES, draws=0)["lmg"].notna().all()


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (-1.0, "missing, infinite or negative"),
        (np.nan, "missing, infinite or negative"),
        (0.0, "nobody counts"),
    ],
)
def test_bad_weights_and_arguments_are_told(table, weights, message):
    with pytest.raises(ValueError, match=message):
        survey.drivers(table, "satisfied", NAMES, weights=np.full(400, weights))
    with pytest.raises(ValueError, match="draws must be a whole number"):
        survey.drivers(table, "satisfied", NAMES, draws=-1)
    with pytest.raises(ValueError, match="alpha must lie between"):
        survey.drivers(table, "satisfied", NAMES, alpha=5)


@pytest.mark.filterwarnings("ignore::Warning")  # those of statsmodels, before ours
def test_ordered_fits_that_cannot_be_are_told():
    y, x = three_answers(200, 1)
    apart = pd.Series((x["x"] > 0.3).astype(int) + (x["x"] > 1))
    for function in (survey.marginal_effects, survey.parallel_slopes):
        with pytest.raises(ValueError, match="separation|converged"):
            function(OrderedModel(apart, x, distr="logit").fit(method="bfgs", disp=False))
        with pytest.raises(ValueError, match="'x|'copy"):
            function(OrderedModel(y, x.assign(copy=x["x"]), distr="logit").fit(method="bfgs", disp=False))
        with pytest.raises(ValueError, match="not converged"):
            function(OrderedModel(y, x, distr="logit").fit(method="bfgs", maxiter=1, disp=False))
        with pytest.raises(ValueError, match="fit is what OrderedModel"):
            function(sm.OLS(y, x).fit())
        with pytest.raises(ValueError, match="product or a power"):
            function(ordered(y, x.assign(**{"x:x": x["x"] ** 2})))
    with pytest.raises(ValueError, match="three answers at least"):
        survey.parallel_slopes(ordered((y > 0).astype(int), x))
    with pytest.raises(ValueError, match="distr='logit'"):
        survey.parallel_slopes(ordered(y, x, "probit"))
    rare = y.where(y.index != x["x"].idxmax(), 3)  # one answer of 3, by who has the largest x
    with pytest.raises(ValueError, match="whether an answer is above"):
        survey.parallel_slopes(ordered(rare, x))


def test_penalties_and_maps_that_cannot_be_are_told():
    table, names = attributes(), ["clean", "gift"]
    with pytest.raises(ValueError, match="steps are two whole numbers that leave"):
        survey.penalty_reward(table, "felt", names, (1, 5), steps=(3, 2))
    with pytest.raises(ValueError, match="each of steps must be a whole number"):
        survey.penalty_reward(table, "felt", names, (1, 5), steps=(1.5, 1))
    with pytest.raises(ValueError, match="outside its scale 1 to 4"):
        survey.penalty_reward(table, "felt", names, (1, 4), steps=(1, 1))
    with pytest.raises(ValueError, match="0 of 'gift' are failed"):
        survey.penalty_reward(table.assign(gift=table["gift"].clip(lower=3)), "felt", names, (1, 5))
    with pytest.raises(ValueError, match="tells another exactly"):
        survey.penalty_reward(
            table.assign(gift=table["clean"].map({1: 2, 2: 1, 3: 3, 4: 5, 5: 4})), "felt", names, (1, 5)
        )
    for wrong in ({"clean": 0.1}, {"clean": -1, "gift": 1}, {"clean": np.nan, "gift": 1}):
        with pytest.raises(ValueError, match="importance has a number of at least 0"):
            survey.importance_performance(table, pd.Series(wrong), (1, 5))
    with pytest.raises(ValueError, match="clena"):
        survey.importance_performance(table, pd.Series({"clena": 0.1, "gift": 0.3}), (1, 5))


def test_names_and_codings_under_which_two_predictors_pass_for_one_are_refused():
    y, x = three_answers(400, 5)
    luck = np.random.default_rng(6)
    more = x.assign(z=luck.normal(size=400))
    kind = luck.integers(0, 3, 400)
    levels = x.assign(**{"t[T.b]": (kind == 1).astype(int), "t[T.c]": (kind == 2).astype(int)})
    both = levels.assign(**{"t[T.b]": (kind > 0).astype(int)})
    effect = x.assign(**{"C(t, Sum)[S.a]": levels["t[T.b]"], "C(t, Sum)[S.b]": levels["t[T.c]"]})
    for table, message in (
        (more.rename(columns={"z": "t"}).join(levels.drop(columns="x")), "'t' is a number and a text"),
        (more.set_axis(["x", "x"], axis=1), "'x' is a number and a text with levels, or there twice"),
        (both, "exclude one another"),
        (effect, "exclude one another"),
    ):
        for function in (survey.marginal_effects, survey.parallel_slopes):
            with pytest.raises(ValueError, match=message):
                function(ordered(y, table))
    with pytest.raises(ValueError, match="'all', as the test of all"):
        survey.parallel_slopes(ordered(y, more.rename(columns={"z": "all"})))
    with pytest.raises(ValueError, match="fit is what OrderedModel"):
        survey.marginal_effects(ordered(y, x, stats.gumbel_r))


def test_attributes_on_a_line_of_the_map_lie_on_one_side_whatever_their_number():
    answers = pd.DataFrame({"a": [5, 4], "b": [2, 1], "c": [4, 1], "d": [3, 2]})
    for names in ("ab", "abc", "abcd"):
        found = survey.importance_performance(answers, dict.fromkeys(names, 0.1), (1, 5))
        assert set(found["quarter"]) == {"keep it up", "concentrate here"}
    as_series = survey.importance_performance(answers, pd.Series({"a": 0.3, "b": 0.1}), (1, 5))
    assert as_series.equals(survey.importance_performance(answers, {"a": 0.3, "b": 0.1}, (1, 5)))


@pytest.mark.parametrize(
    ("importance", "message"),
    [
        (pd.DataFrame([[3, 2, 1], [3, 2, 1]], ["a", "b"]), "its ends around it"),
        (pd.Series([0.1, 0.2, 0.3], ["a", "a", "b"]), "two attributes or more"),
        (pd.Series({"a": ".1", "b": ".2"}), "finite number"),
        (pd.Series({"a": True, "b": False}), "finite number"),
        ([0.1, 0.2], "two attributes or more"),
    ],
)
def test_importances_that_are_none_are_refused(importance, message):
    answers = pd.DataFrame({"a": [5, 4], "b": [2, 1]})
    with pytest.raises(ValueError, match=message):
        survey.importance_performance(answers, importance, (1, 5))
    with pytest.raises(ValueError, match="alpha must lie"):
        survey.importance_performance(answers, {"a": 1, "b": 2}, (1, 5), alpha=5)
    with pytest.raises(ValueError, match="alpha must lie"):
        survey.drivers(answers, "a", ["b"], draws=0, alpha=5)


@pytest.mark.parametrize("predictors", [None, 5, "x", []])
def test_predictors_and_steps_of_the_wrong_kind_are_named(predictors):
    table = attributes()
    with pytest.raises(ValueError, match="predictors is a list"):
        survey.drivers(table, "felt", predictors)
    with pytest.raises(ValueError, match="predictors is a list"):
        survey.penalty_reward(table, "felt", predictors, (1, 5))
    for steps in (5, None):
        with pytest.raises(ValueError, match="steps"):
            survey.penalty_reward(table, "felt", ["clean"], (1, 5), steps)
    for rng in ("x", 1.5, -1):
        with pytest.raises(ValueError, match="rng is a whole number"):
            survey.drivers(table, "felt", ["clean"], draws=0, rng=rng)
    given = survey.drivers(table, "felt", (name for name in ["clean", "gift"]), draws=0)
    assert given.equals(survey.drivers(table, "felt", ["clean", "gift"], draws=0))


def test_the_largest_weights_that_there_are_are_equal_weights(table):
    heavy = survey.drivers(table, "satisfied", NAMES, draws=0, weights=np.full(400, 1e307))
    equal = survey.drivers(table, "satisfied", NAMES, draws=0)
    assert heavy["lmg"].tolist() == pytest.approx(equal["lmg"].tolist())
