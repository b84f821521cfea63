"""Path models by partial least squares, against SmartPLS, seminr, closed forms, loops, simulated truth."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pytest
import statsmodels.api as sm

from crmlab import datasets, survey
from crmlab._intervals import IntervalWarning
from crmlab.replicate.papers.ringle_wende_will_2005 import PATHS, SLOPES, blocks
from crmlab.survey import PathModel

BLOCKS = blocks()


@pytest.fixture(scope="module")
def phones():
    return datasets.load("mobi")


@pytest.fixture(scope="module")
def fit(phones):
    return PathModel(phones, BLOCKS, PATHS).fit(tolerance=1e-11)


@pytest.fixture(scope="module")
def lots(fit):
    return fit.bootstrap(400, rng=3)


def sheets(n=500, path=0.6, loading=0.8, items=3, rng=1):
    """Return answers about satisfaction, trust and loyalty; loyalty hangs on both, trust on satisfaction."""
    luck = np.random.default_rng(rng)
    s = luck.normal(size=n)
    t = path * s + np.sqrt(1 - path**2) * luck.normal(size=n)
    spread = 1 - 0.3**2 - 0.4**2 - 2 * 0.3 * 0.4 * path
    y = 0.3 * s + 0.4 * t + np.sqrt(spread) * luck.normal(size=n)
    noise = np.sqrt(1 - loading**2)
    columns = {
        f"{name}{i}": loading * values + noise * luck.normal(size=n)
        for name, values in (("s", s), ("t", t), ("y", y))
        for i in range(items)
    }
    return pd.DataFrame(columns), {name: [f"{name[0]}{i}" for i in range(items)] for name in ("s", "t", "y")}


PLAN = {"t": ["s"], "y": ["s", "t"]}


def by_loops(table, own, causes, scheme="path", modes=None, steps=500):
    """Partial least squares as textbooks write it: on the scores of the rows, one block after the other."""
    z = {name: (block := table[items].to_numpy(float)) - block.mean(axis=0) for name, items in own.items()}
    z = {name: block / block.std(axis=0) for name, block in z.items()}
    scale = lambda score: (score - score.mean()) / score.std()  # noqa: E731
    scores = {name: scale(block.sum(axis=1)) for name, block in z.items()}
    for _ in range(steps):
        proxy = {}
        for name in own:
            before = causes.get(name, [])
            after = [one for one, theirs in causes.items() if name in theirs]
            inner = {one: np.corrcoef(scores[name], scores[one])[0, 1] for one in [*before, *after]}
            if scheme == "centroid":
                inner = {one: np.sign(r) for one, r in inner.items()}
            if scheme == "path" and before:
                slopes = np.linalg.lstsq(
                    np.column_stack([scores[one] for one in before]), scores[name], rcond=None
                )[0]
                inner |= dict(zip(before, slopes, strict=True))
            proxy[name] = sum(weight * scores[one] for one, weight in inner.items())
        for name, block in z.items():
            weight = block.T @ proxy[name]
            if (modes or {}).get(name) == "B":
                weight = np.linalg.lstsq(block, proxy[name], rcond=None)[0]
            scores[name] = scale(block @ weight)
    return pd.DataFrame(scores)


# ---- correctness: other programs


@pytest.mark.parametrize(("scheme", "place"), [("path", 0), ("centroid", 1)])
def test_paths_of_smartpls(phones, scheme, place):
    found = PathModel(phones, BLOCKS, PATHS, scheme=scheme).fit().params
    for path, printed in SLOPES.items():
        assert found[path] == pytest.approx(float(printed[place]), abs=1e-7), path


def test_factorial_scheme_of_seminr(phones):
    found = PathModel(phones, BLOCKS, PATHS, scheme="factorial").fit(1e-11).params
    expected = [
        0.504943138, 0.5567590274, 0.0501781002, 0.5577624464, 0.1785926719, 0.064943655, 0.5129747004,
        0.19144526, 0.5258565524, 0.1958196184, 0.4830591744, 0.0703105732,
    ]  # fmt: skip
    assert found.to_numpy() == pytest.approx(expected, abs=1e-9)


def test_mode_b_of_seminr(phones):
    found = PathModel(phones, BLOCKS, PATHS, mode={"Image": "B", "Value": "B"}).fit(1e-11)
    expected = {"Image -> Loyalty": 0.2096066016, "Quality -> Value": 0.5794028173}
    assert found.params[list(expected)].to_dict() == pytest.approx(expected, abs=1e-9)
    weights = [0.24181618, 0.2818108, 0.1359411, 0.37015154, 0.38086584]
    assert found.items().loc["Image", "weight"].to_numpy() == pytest.approx(weights, abs=1e-7)


def test_consistent_model_of_seminr(phones):
    found = PathModel(phones, BLOCKS, PATHS, consistent=True).fit(1e-11)
    expected = [
        0.8632932243, 0.8710156623, -0.054225459, 0.721338681, 0.1499129291, 0.0267459799, 0.6693203538,
        0.1782657589, 0.5944590636, -0.0909719789, 0.9615201304, -0.039225123,
    ]  # fmt: skip
    assert found.params.to_numpy() == pytest.approx(expected, abs=1e-8)
    assert found.r_squared().loc["Satisfaction", "r_squared"] == pytest.approx(0.92731883, abs=1e-7)
    worth = found.validity().loc["Loyalty", ["alpha", "rho_a", "composite_reliability", "ave"]]
    assert worth.tolist() == pytest.approx([0.472399, 0.745734, 0.586789, 0.380442], abs=1e-6)
    loading = found.items().loc["Loyalty", "loading"].tolist()
    assert loading == pytest.approx([0.60884, 0.151025, 0.864773], abs=1e-6)


@pytest.mark.parametrize(
    ("antecedents", "expected"),
    [
        ("direct", [6.279985, 4.360251, 6.392622, 5.538942]),
        ("earliest", [6.279985, 5.437909, 7.225642, 6.047664]),
    ],
)
def test_predictions_of_seminr(fit, phones, antecedents, expected):
    found = fit.predict(phones, antecedents).loc[0, ["CUEX2", "PERV1", "CUSA1", "CUSL3"]]
    assert found.tolist() == pytest.approx(expected, abs=2e-6)


def test_htmt_is_that_of_the_room(fit, phones):
    expected = survey.htmt(phones, BLOCKS, draws=0)["htmt"]
    assert fit.htmt()["htmt"].to_numpy() == pytest.approx(expected.to_numpy(), abs=1e-12)


# ---- correctness: closed forms and loops


@pytest.mark.parametrize("scheme", ["path", "centroid", "factorial"])
def test_scores_by_loops(phones, scheme):
    modes = {"Quality": "B"}
    model = PathModel(phones, BLOCKS, PATHS, scheme=scheme, mode=modes)
    expected = by_loops(phones, BLOCKS, PATHS, scheme, modes, steps=60)
    found = model.fit(1e-11).scores()
    together = [abs(np.corrcoef(found[name], expected[name])[0, 1]) for name in BLOCKS]
    assert together == pytest.approx([1] * len(BLOCKS), abs=1e-9)


def test_two_blocks_of_mode_b_are_canonical_correlation():
    table, own = sheets(rng=4)
    found = PathModel(table, {"s": own["s"], "y": own["y"]}, {"y": ["s"]}, mode="B").fit(1e-12)
    whiten = lambda block: np.linalg.qr(block - block.mean(axis=0))[0]  # noqa: E731
    both = whiten(table[own["s"]].to_numpy()).T @ whiten(table[own["y"]].to_numpy())
    assert found.params.iloc[0] == pytest.approx(np.linalg.svd(both)[1][0], abs=1e-9)


def test_two_blocks_of_mode_a_are_the_first_singular_vectors():
    table, own = sheets(rng=5)
    found = PathModel(table, {"s": own["s"], "y": own["y"]}, {"y": ["s"]}).fit(1e-12)
    left, _, right = np.linalg.svd(table.corr().loc[own["s"], own["y"]])
    for weights, name in ((left[:, 0], "s"), (right[0], "y")):
        ours = found.items().loc[name, "weight"].to_numpy()
        assert ours / np.linalg.norm(ours) == pytest.approx(np.abs(weights), abs=1e-9)


def test_single_items_are_a_regression(phones):
    alone = {"image": ["IMAG1"], "quality": ["PERQ1"], "loyalty": ["CUSL3"]}
    found = PathModel(phones, alone, {"loyalty": ["image", "quality"]}).fit()
    z = (phones - phones.mean()) / phones.std()
    expected = sm.OLS(z["CUSL3"], z[["IMAG1", "PERQ1"]]).fit()
    assert found.params.to_numpy() == pytest.approx(expected.params.to_numpy(), abs=1e-12)
    assert found.r_squared()["r_squared"].item() == pytest.approx(expected.rsquared)


def test_effects_and_what_they_explain_are_those_of_regressions_on_the_scores(fit):
    scores, effects = fit.scores(), fit.effects()
    causes = PATHS["Satisfaction"]
    whole = sm.OLS(scores["Satisfaction"], scores[causes]).fit()
    assert fit.params[[f"{c} -> Satisfaction" for c in causes]].to_numpy() == pytest.approx(
        whole.params.to_numpy()
    )
    without = sm.OLS(scores["Satisfaction"], scores[causes].drop(columns="Image")).fit()
    lost = (whole.rsquared - without.rsquared) / (1 - whole.rsquared)
    assert effects.loc["Image -> Satisfaction", "f_squared"] == pytest.approx(lost)
    assert fit.r_squared().loc["Satisfaction", "adjusted"] == pytest.approx(
        1 - (1 - whole.rsquared) * 249 / 245
    )
    p = fit.params
    through = p["Satisfaction -> Loyalty"] + p["Satisfaction -> Complaints"] * p["Complaints -> Loyalty"]
    assert effects.loc["Satisfaction -> Loyalty", "total"] == pytest.approx(through)
    by_quality = p["Quality -> Satisfaction"] + p["Quality -> Value"] * p["Value -> Satisfaction"]
    assert effects.loc["Quality -> Loyalty", "indirect"] == pytest.approx(by_quality * through)
    assert effects.loc["Quality -> Loyalty", "direct"] == 0


def test_a_block_of_higher_order_repeats_the_items_of_its_parts(phones):
    own = {name: BLOCKS[name] for name in ("Quality", "Value", "Loyalty")} | {"Offer": ["Quality", "Value"]}
    causes = {"Quality": ["Offer"], "Value": ["Offer"], "Loyalty": ["Offer"]}
    found = PathModel(phones, own, causes).fit(1e-11)
    expected = by_loops(phones, own | {"Offer": BLOCKS["Quality"] + BLOCKS["Value"]}, causes)
    for cause, effect in (("Offer", "Loyalty"), ("Offer", "Quality")):
        r = np.corrcoef(expected[cause], expected[effect])[0, 1]
        assert found.params[f"{cause} -> {effect}"] == pytest.approx(r, abs=1e-9)
    assert set(found.htmt()["block"]) | set(found.htmt()["other"]) == {"Quality", "Value", "Loyalty"}


def test_importance_of_single_items_is_the_slope_of_the_answers(phones):
    alone = {"quality": ["PERQ1"], "loyalty": ["CUSL3"]}
    found = (
        PathModel(phones, alone, {"loyalty": ["quality"]}).fit().importance_performance("loyalty", (1, 10))
    )
    assert found.loc["quality", "importance"] == pytest.approx(
        np.polyfit(phones["PERQ1"], phones["CUSL3"], 1)[0]
    )
    assert found.loc["quality", "performance"] == pytest.approx((phones["PERQ1"].mean() - 1) / 9 * 100)


# ---- correctness: simulated truth


def test_error_makes_paths_too_small_and_consistent_blocks_undo_that():
    table, own = sheets(n=40_000, rng=2)
    plain, right = (PathModel(table, own, PLAN, consistent=one).fit() for one in (False, True))
    truth = {"s -> t": 0.6, "s -> y": 0.3, "t -> y": 0.4}
    assert right.params.to_dict() == pytest.approx(truth, abs=0.015)
    reliability = 3 * 0.64 / (1 + 2 * 0.64)  # of a sum of three, by Spearman and Brown
    assert plain.params["s -> t"] == pytest.approx(0.6 * reliability, abs=0.01)
    assert right.items()["loading"].to_numpy() == pytest.approx(0.8, abs=0.015)


def test_intervals_hold_the_truth_as_often_as_they_say():
    inside = []
    for seed in range(60):
        table, own = sheets(n=200, loading=1 - 1e-3, items=1, rng=seed)
        ends = PathModel(table, own, PLAN).fit().bootstrap(300, rng=seed).conf_int()
        inside.append(((ends["low"] <= [0.6, 0.3, 0.4]) & (ends["high"] >= [0.6, 0.3, 0.4])).to_numpy())
    assert 0.89 <= np.mean(inside) <= 0.985


def test_noise_foretells_no_better_than_a_mean():
    luck = pd.DataFrame(np.random.default_rng(1).normal(size=(300, 6)), columns=[*"abcdef"])
    model = PathModel(luck, {"x": [*"abc"], "y": [*"def"]}, {"y": ["x"]})
    assert (model.fit().cross_validate(rng=1)["q_squared"] < 0.02).all()


def test_a_cross_validated_mean_is_that_of_the_others(phones, fit):
    found = fit.cross_validate(folds=5, rng=2)
    fold = np.random.default_rng(2).permutation(np.arange(250) % 5)
    item = phones["CUSA1"].to_numpy(float)
    gaps = [item[fold == one] - item[fold != one].mean() for one in range(5)]
    assert found.loc["CUSA1", "mean"] == pytest.approx(np.sqrt(np.mean(np.concatenate(gaps) ** 2)))
    assert found.loc["CUSA1", "q_squared"] > 0.1
    assert found.loc["CUSA1", "block"] == "Satisfaction"


# ---- the bootstrap


def test_each_bootstrap_sample_is_what_a_fit_to_its_rows_gives(phones, fit, lots):
    luck = np.random.default_rng(3)
    for number in range(5):
        rows = luck.integers(0, 250, 250, np.uint32)
        alone = PathModel(phones.iloc[rows].reset_index(drop=True), BLOCKS, PATHS).fit(1e-11)
        assert lots.replicates["path"].iloc[number].to_numpy() == pytest.approx(
            alone.params.to_numpy(), abs=1e-9
        )
        weights = alone.items()["weight"].to_numpy()
        assert lots.replicates["weight"].iloc[number].to_numpy() == pytest.approx(weights, abs=1e-9)
        ratios = alone.htmt()["htmt"].to_numpy()
        assert lots.replicates["htmt"].iloc[number].to_numpy() == pytest.approx(ratios, abs=1e-9)
        total = alone.effects()["total"].to_numpy()
        assert lots.replicates["total"].iloc[number].to_numpy() == pytest.approx(total, abs=1e-9)


def test_the_same_seed_gives_the_same_samples_and_no_two_samples_are_alike(fit, lots):
    again = fit.bootstrap(400, rng=3)
    pd.testing.assert_frame_equal(again.table(), lots.table())
    assert not lots.replicates["path"].duplicated().any()


def test_standard_errors_are_those_of_a_regression_where_it_is_one(phones):
    alone = {"image": ["IMAG1"], "loyalty": ["CUSL3"]}
    luck = PathModel(phones, alone, {"loyalty": ["image"]}).fit().bootstrap(4000, rng=1)
    r = phones["IMAG1"].corr(phones["CUSL3"])
    z = (phones - phones.mean()) / phones.std()
    x, y = z["IMAG1"], z["CUSL3"]
    influence = x * y - r / 2 * (x**2 + y**2)  # of a correlation
    assert luck.bse.item() == pytest.approx(influence.std() / np.sqrt(250), rel=0.06)
    assert luck.cov_params().iloc[0, 0] == pytest.approx(luck.bse.item() ** 2)


def test_samples_that_fail_are_counted_and_left_out():
    table, own = sheets(n=60)
    table["s0"] = 0.0
    table.loc[[3, 7], "s0"] = 1.0  # neither of the two is drawn in about (58 / 60)^60 = .13 of the samples
    with pytest.warns(IntervalWarning, match="intervals are too narrow"):
        luck = PathModel(table, own, PLAN).fit().bootstrap(1000, rng=1)
    assert 90 <= luck.failed <= 180
    assert len(luck.replicates["path"]) == 1000 - luck.failed
    assert np.isfinite(luck.table().to_numpy()).all()


def test_scores_are_turned_so_that_they_rise_with_their_items():
    table, own = sheets(n=200)
    table[own["t"]] *= -1
    fitted = PathModel(table, own, PLAN).fit()
    assert (fitted.items()["loading"] > 0).all()
    assert fitted.params["s -> t"] < 0
    assert (fitted.bootstrap(200, rng=1).replicates["path"]["s -> t"] < 0).all()


# ---- groups


def test_groups_are_compared_with_groups_by_lot():
    north, own = sheets(n=300, path=0.2, rng=1)
    south, _ = sheets(n=300, path=0.8, rng=2)
    table = pd.concat([north.assign(side="north"), south.assign(side="south")], ignore_index=True)
    table["lot"] = np.random.default_rng(1).permutation(["one", "two"] * 300)
    table.index = table.index % 50  # rows need no names of their own
    fitted = PathModel(table, own, PLAN).fit()
    found = fitted.compare_groups("side", draws=400, rng=1)
    alone = PathModel(south, own, PLAN).fit().params
    assert found["south"].to_numpy() == pytest.approx(alone.to_numpy(), abs=1e-6)
    assert found.loc["s -> t", "p_value"] == pytest.approx(1 / 401)
    assert (fitted.compare_groups("lot", draws=400, rng=1)["p_value"] > 0.02).all()


def test_scores_made_of_different_items_are_noticed():
    table, own = sheets(n=600, rng=3)
    table["side"] = ["north", "south"] * 300
    even = PathModel(table, own, PLAN).fit().invariance("side", draws=300, rng=1)
    assert (even["same_score"] > 0.99).all() and (even["p_score"] > 0.02).all()
    luck, south = np.random.default_rng(1), table["side"] == "south"
    table.loc[south, ["s0", "s1"]] = luck.normal(size=(300, 2))  # in the south two items measure nothing
    table.loc[south, "t0"] += 2
    odd = PathModel(table, own, PLAN).fit().invariance("side", draws=300, rng=1)
    assert odd.loc["s", "p_score"] < 0.02 < odd.loc["y", "p_score"]
    assert odd.loc["t", "p_mean"] < 0.02 < odd.loc["y", "p_mean"]


# ---- consistency


def test_units_of_items_do_not_count_unless_asked_to(phones, fit):
    other = phones.assign(PERQ1=phones["PERQ1"] * 100 - 7)
    same = PathModel(other, BLOCKS, PATHS).fit(1e-11)
    assert same.params.to_numpy() == pytest.approx(fit.params.to_numpy(), abs=1e-9)
    raw = PathModel(other, BLOCKS, PATHS, standardised=False).fit()
    assert abs(raw.params["Quality -> Satisfaction"] - fit.params["Quality -> Satisfaction"]) > 0.05


def test_scores_have_mean_0_and_variance_1_by_the_rows_of_the_data(phones):
    table = phones.set_index(phones.index + 100).assign(CUSA1=phones["CUSA1"].astype(float).to_numpy())
    table.loc[105, "CUSA1"] = np.nan
    fitted = PathModel(table, BLOCKS, PATHS).fit()
    scores = fitted.scores()
    assert 105 not in scores.index and len(scores) == 249 == fitted.nobs
    assert scores.mean().abs().max() < 1e-12 and scores.std().to_numpy() == pytest.approx(1)
    assert "1 respondents left out" in " ".join(fitted.notes)
    filled = PathModel(table, BLOCKS, PATHS, missing="mean").fit()
    assert filled.nobs == 250 and filled.model.filled == 1


def test_blocks_may_come_in_any_order(phones, fit):
    backwards = PathModel(phones, dict(reversed(BLOCKS.items())), PATHS).fit(1e-11)
    assert backwards.params[fit.params.index].to_numpy() == pytest.approx(fit.params.to_numpy(), abs=1e-9)


def test_other_engines_and_the_table_is_not_changed(phones, fit):
    before = phones.copy()
    assert PathModel(pl.from_pandas(phones), BLOCKS, PATHS).fit(1e-11).params.equals(fit.params)
    fit.bootstrap(10, rng=1)
    pd.testing.assert_frame_equal(phones, before)


def test_goodness_of_fit_does_not_notice_a_wrong_model(phones, fit):
    backwards = {
        "Satisfaction": ["Loyalty"],
        "Quality": ["Satisfaction"],
        "Image": ["Quality", "Satisfaction"],
    }
    own = {name: BLOCKS[name] for name in ("Image", "Quality", "Satisfaction", "Loyalty")}
    assert PathModel(phones, own, backwards).fit().goodness_of_fit() > fit.goodness_of_fit()


# ---- pictures


def test_the_diagram_tells_paths_and_which_may_be_nothing(fit, lots):
    ax = fit.plot(lots)
    shown = [text.get_text() for text in ax.texts]
    assert "0.49" in shown and "Satisfaction\nR² 0.68" in shown
    arrows = [text.arrow_patch for text in ax.texts if getattr(text, "arrow_patch", None)]
    dashed = sum(arrow.get_linestyle() == "--" for arrow in arrows)
    ends = lots.conf_int()
    assert dashed == ((ends["low"] < 0) & (ends["high"] > 0)).sum() > 0
    plt.close("all")
    given = {name: (number, number % 2) for number, name in enumerate(BLOCKS)}
    assert fit.plot(places=given).get_xlim() == (-0.5, 6.5)
    plt.close("all")


def test_pages_show_the_effects(fit, lots):
    assert "Satisfaction -&gt; Loyalty" in fit._repr_html_() and "R² Loyalty" in fit._repr_html_()
    assert "failed 0" in lots._repr_html_()


# ---- bad input


def change(**given):
    return {"blocks": BLOCKS, "paths": PATHS} | given


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (change(paths=PATHS | {"Image": ["Loyalty"]}), r"go round in a circle: .*Image.*Which comes first"),
        (change(blocks=BLOCKS | {"Other": ["IMAG1"]}), "'IMAG1' stands in the blocks 'Image' and 'Other'"),
        (change(paths={"Quality": ["Image"]}), "No path leads to or from 'Expectation', 'Value'"),
        (change(paths=PATHS | {"Loyality": ["Image"]}), "no block 'Loyality'.*Loyalty"),
        (change(paths={"Loyalty": ["Loyalty"]}), "No path|circle: Loyalty -> Loyalty"),
        (change(paths=[("Image", "Loyalty")]), "paths is a dict of lists"),
        (change(blocks=BLOCKS | {"Image": ["Image1"]}), "no column 'Image1'"),
        (change(blocks={"CUSCO": ["CUSCO"], "Image": ["IMAG1"]}), "'CUSCO' lists itself"),
        (change(blocks=BLOCKS | {"Offer": ["Quality", "CUSL1"]}), "lists blocks and items .CUSL1."),
        (change(blocks=BLOCKS | {"Offer": ["Quality", "More"], "More": ["Offer"]}), "made of itself"),
        (change(mode="C"), "no mode 'C'"),
        (change(mode={"Imag": "B"}), "no block 'Imag'"),
        (change(scheme="centroids"), "no scheme 'centroids'.*centroid"),
        (change(missing="none"), "no rule for missing answers 'none'"),
        (change(consistent=["Complaints"]), "no block of Mode A with two or more items 'Complaints'"),
        (change(consistent=True, standardised=False), "needs standardised=True"),
        (change(scale=(1, 7)), "outside its scale 1 to 7"),
    ],
)  # fmt: skip
def test_a_model_that_cannot_be_is_refused(phones, arguments, message):
    with pytest.raises(ValueError, match=message):
        PathModel(phones, **arguments)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda t: t.assign(IMAG1=5), "are the same"),
        (lambda t: t.assign(IMAG2=11 - t["IMAG1"]), "'IMAG1', 'IMAG2' tell each other exactly"),
        (lambda t: t.head(20), "20 of 20 respondents answered all 24 items"),
        (lambda t: t.head(0), "not a single respondent"),
        (lambda t: t.assign(IMAG1=t["IMAG1"].replace(7, -99)), "look like a code"),
        (lambda t: t.assign(IMAG1=np.inf), "are infinite"),
        (lambda t: t.assign(IMAG1=np.nan), "Nobody answered 'IMAG1'"),
        (lambda t: t.assign(IMAG1="agree"), "must hold numbers"),
    ],
)
def test_answers_that_cannot_be_used_are_refused(phones, spoil, message):
    with pytest.raises(ValueError, match=message):
        PathModel(spoil(phones), BLOCKS, PATHS)


def test_weights_that_do_not_come_to_rest_are_no_result(phones):
    with pytest.raises(ValueError, match="After 2 steps the weights still move"):
        PathModel(phones, BLOCKS, PATHS).fit(most=2)


def test_scores_that_tell_each_other_exactly_are_refused(phones):
    own = {name: BLOCKS[name] for name in ("Quality", "Value", "Loyalty")} | {"Offer": ["Quality", "Value"]}
    single = {"a": ["PERQ1"], "b": ["PERV1"], "both": ["a", "b"], "y": ["CUSL3"]}
    causes = {"both": ["a", "b"], "y": ["a", "b", "both"]}
    with pytest.raises(ValueError, match="tell each other exactly, so nobody can say which of them 'y'"):
        PathModel(phones, single, causes).fit()
    PathModel(phones, own, {"Offer": ["Quality", "Value"], "Loyalty": ["Offer"]}).fit()


def test_two_blocks_of_one_common_factor_have_no_consistent_result():
    table, own = sheets(n=60, path=0.99, loading=0.5, rng=1)
    model = PathModel(table, {"s": own["s"], "t": own["t"]}, {"t": ["s"]}, consistent=True)
    with pytest.raises(ValueError, match="impossible together.*rho A"):
        model.fit()


def test_questions_to_results_that_have_no_answer(phones, fit):
    for call, message in (
        (lambda: fit.bootstrap(100), "give rng"),
        (lambda: fit.bootstrap(1.5, rng=1), "draws"),
        (lambda: fit.cross_validate(), "give rng"),
        (lambda: fit.predict(phones, "all"), "no antecedents 'all'"),
        (lambda: fit.predict(phones.drop(columns="IMAG1")), "no column 'IMAG1'"),
        (lambda: fit.importance_performance("Loyalty"), "give scale"),
        (lambda: fit.importance_performance("Image", (1, 10)), "Nothing acts on 'Image'"),
        (lambda: fit.compare_groups("town", rng=1), "no column 'town'"),
        (lambda: fit.compare_groups("CUSL1", rng=1), "10 groups"),
        (lambda: fit.plot(places={"Image": (0, 0)}), "places gives"),
        (lambda: fit.bootstrap(50, rng=1).table("paths"), "no kind 'paths'"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    plt.close("all")


def test_invariance_knows_nothing_of_a_group_in_which_an_item_does_not_vary():
    table, own = sheets(n=120)
    table["g"] = ["a", "b"] * 60
    table.loc[table["g"] == "b", "s0"] = 1.0
    fit = PathModel(table, own, PLAN).fit()
    for call in (fit.invariance, fit.compare_groups):
        with pytest.raises(ValueError, match="cannot be estimated in each of the groups"):
            call("g", 20, 1)


def test_the_later_group_is_the_larger_number_or_the_later_category():
    table, own = sheets(n=120)
    early = np.arange(120) % 2 == 0
    table["wave"] = np.where(early, 9, 10)
    table["when"] = pd.Categorical(np.where(early, "before", "after"), ["before", "after"], ordered=True)
    table["mixed"] = pd.Series(["1", 1] * 60, dtype=object)
    fit = PathModel(table, own, PLAN).fit()
    waves, when = (fit.compare_groups(name, 5, 1) for name in ("wave", "when"))
    assert list(waves) == ["9", "10", "difference", "p_value"]
    assert list(when) == ["before", "after", "difference", "p_value"]
    first = PathModel(table[early], own, PLAN).fit().params
    for found in (waves, when):
        assert found.iloc[:, 0].to_numpy() == pytest.approx(first.to_numpy(), abs=1e-6)
        assert found["difference"].to_numpy() == pytest.approx(
            (found.iloc[:, 1] - found.iloc[:, 0]).to_numpy()
        )
    with pytest.raises(ValueError, match="look alike"):
        fit.compare_groups("mixed", 5, 1)


def test_paths_do_not_hang_on_the_unit_of_the_answers():
    table, own = sheets(n=150)
    fits = {
        unit: PathModel(table * unit, own, PLAN, standardised=False).fit()
        for unit in (1, 1e6, 1e-10, 1e40, 1e-40)
    }
    for unit, found in fits.items():
        assert found.params.to_numpy() == pytest.approx(fits[1].params.to_numpy(), abs=1e-9), unit
        assert found.steps == fits[1].steps
    with pytest.raises(ValueError, match="beyond"):
        PathModel(table * 1e60, own, PLAN, standardised=False)


def test_the_map_of_a_model_keeps_to_the_scale_of_its_answers(phones, fit):
    with pytest.raises(ValueError, match="outside its scale 6 to 7"):
        fit.importance_performance("Loyalty", (6, 7))
    scaled = PathModel(phones, BLOCKS, PATHS, scale=(1, 10)).fit()
    with pytest.raises(ValueError, match="that of the model"):
        scaled.importance_performance("Loyalty", (1, 100))
    with pytest.raises(ValueError, match="scale is the lowest"):
        scaled.importance_performance("Loyalty", ())
    by_array = scaled.importance_performance("Loyalty", np.array([1, 10]))
    assert by_array.equals(scaled.importance_performance("Loyalty"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mode": None}, "mode is 'A', 'B'"),
        ({"mode": ["B"]}, "mode is 'A', 'B'"),
        ({"consistent": None}, "consistent is True, False"),
        ({"consistent": "s"}, "consistent is True, False"),
        ({"standardised": "no"}, "standardised is True or False"),
        ({"blocks": {"s": None, "t": ["t0"], "y": ["y0"]}}, "items of 's' are a list of columns"),
        ({"paths": {"t": 5}}, "items of 't' are a list of columns"),
    ],
)
def test_arguments_of_a_model_of_the_wrong_kind_are_named(arguments, message):
    table, own = sheets(n=60)
    with pytest.raises(ValueError, match=message):
        PathModel(table, **({"blocks": own, "paths": PLAN} | arguments))


def test_arguments_of_a_fit_of_the_wrong_kind_are_named(phones, fit):
    other = PathModel(phones, BLOCKS, PATHS).fit()
    for call, message in (
        (lambda: fit.model.fit(tolerance="a"), "tolerance is"),
        (lambda: fit.model.fit(tolerance=np.nan), "tolerance is"),
        (lambda: fit.model.fit(tolerance=True), "tolerance is"),
        (lambda: fit.bootstrap(20, rng="x"), "rng is a whole number"),
        (lambda: fit.bootstrap(20, rng=-1), "rng is a whole number"),
        (lambda: fit.cross_validate(5, rng=1.5), "rng is a whole number"),
        (lambda: fit.cross_validate(251, rng=1), "folds=251 needs"),
        (lambda: fit.plot(other.bootstrap(20, rng=1)), "of these very results"),
        (lambda: fit.plot(5), "of these very results"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_a_model_keeps_its_groups_whatever_becomes_of_the_table():
    table, own = sheets(n=100)
    table["g"] = ["a", "b"] * 50
    fit = PathModel(table, own, PLAN).fit()
    found = fit.compare_groups("g", 5, 1)
    table["g"] = "a"
    assert fit.compare_groups("g", 5, 1).equals(found)
