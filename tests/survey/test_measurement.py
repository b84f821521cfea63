"""The measurement model against lavaan 0.6-14 (R), closed forms, finite differences and simulated truth."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from crmlab import datasets
from crmlab.survey import MeasurementModel, htmt, invariance, plot_htmt

TESTS = {"visual": ["x1", "x2", "x3"], "textual": ["x4", "x5", "x6"], "speed": ["x7", "x8", "x9"]}
DEMOCRACY = {
    "ind60": ["x1", "x2", "x3"],
    "dem60": ["y1", "y2", "y3", "y4"],
    "dem65": ["y5", "y6", "y7", "y8"],
}
ERRORS = [("y1", "y5"), ("y2", "y4"), ("y2", "y6"), ("y3", "y7"), ("y4", "y8"), ("y6", "y8")]
PATHS = {"dem60": ["ind60"], "dem65": ["ind60", "dem60"]}


@pytest.fixture(scope="module")
def pupils():
    return datasets.load("holzinger")


@pytest.fixture(scope="module")
def fit(pupils):
    return MeasurementModel(pupils, TESTS).fit()


def sheets(n=400, loading=0.7, correlation=0.5, items=4, rng=1, factors=2):
    """Return answers to `items` items for each factor, all with one loading, factors that correlate."""
    luck = np.random.default_rng(rng)
    common = np.full((factors, factors), correlation) + (1 - correlation) * np.eye(factors)
    scores = luck.multivariate_normal(np.zeros(factors), common, n)
    names = [f"f{f}_{i}" for f in range(factors) for i in range(items)]
    noise = luck.normal(size=(n, factors * items)) * np.sqrt(1 - loading**2)
    table = pd.DataFrame(loading * np.repeat(scores, items, axis=1) + noise, columns=names)
    return table, {f"f{f}": [f"f{f}_{i}" for i in range(items)] for f in range(factors)}


# ---- correctness: lavaan


def test_estimates_and_standard_errors_of_lavaan(fit):
    expected = {
        "visual -> x2": (0.554, 0.100), "visual -> x3": (0.729, 0.109), "textual -> x5": (1.113, 0.065),
        "textual -> x6": (0.926, 0.055), "speed -> x8": (1.180, 0.165), "speed -> x9": (1.082, 0.151),
        "x1 <-> x1": (0.549, 0.114), "x9 <-> x9": (0.566, 0.071), "visual <-> textual": (0.408, 0.074),
        "speed <-> speed": (0.384, 0.086),
    }  # fmt: skip
    for name, (estimate, error) in expected.items():
        assert fit.params[name] == pytest.approx(estimate, abs=5.1e-4)
        assert fit.bse[name] == pytest.approx(error, abs=5.1e-4)


def test_fit_measures_of_lavaan(fit):
    measures = fit.fit_measures()
    expected = {
        "chi_square": 85.306, "df": 24, "cfi": 0.931, "tli": 0.896, "rmsea": 0.092, "rmsea_low": 0.071,
        "rmsea_high": 0.114, "srmr": 0.065, "baseline_chi_square": 918.852, "baseline_df": 36,
        "chi_square_robust": 80.872, "scaling": 1.055,
    }  # fmt: skip
    assert measures[list(expected)].round(3).to_dict() == expected
    assert [round(one, 3) for one in (fit.llf, fit.aic, fit.bic)] == [-3737.745, 7517.490, 7595.339]


def test_robust_standard_errors_of_lavaan_mlm(pupils):
    robust = MeasurementModel(pupils, TESTS).fit(robust=True).bse
    names = [
        "visual -> x2",
        "visual -> x3",
        "textual -> x6",
        "speed -> x9",
        "visual <-> textual",
        "x1 <-> x1",
    ]
    assert robust[names].round(3).tolist() == [0.103, 0.115, 0.060, 0.132, 0.082, 0.138]


def test_standardised_solution_of_lavaan(fit):
    table = fit.standardised()
    names = [f"{factor} -> {item}" for factor, items in TESTS.items() for item in items]
    loadings = [0.772, 0.424, 0.581, 0.852, 0.855, 0.838, 0.570, 0.723, 0.665]
    errors = [0.055, 0.060, 0.055, 0.023, 0.022, 0.023, 0.053, 0.051, 0.051]
    assert table.loc[names, "estimate"].round(3).tolist() == loadings
    assert table.loc[names, "std_error"].round(3).tolist() == errors
    assert table.loc[["visual <-> textual", "x2 <-> x2"], "estimate"].round(3).tolist() == [0.459, 0.821]


def test_modification_indices_of_lavaan(fit):
    table = fit.modification_indices().head(5)
    assert table.index.tolist() == [
        "visual -> x9", "x7 <-> x8", "visual -> x7", "x8 <-> x9", "textual -> x3",
    ]  # fmt: skip
    # lavaan stops its search a little earlier: it prints 34.145 where the maximum has 34.1455
    assert np.allclose(table["index"], [36.411, 34.145, 18.631, 14.946, 9.151], atol=1e-3)
    assert table["expected"].round(3).tolist() == [0.577, 0.536, -0.422, -0.423, -0.272]


def test_a_modification_index_foretells_the_gain(pupils, fit):
    """The score test and the likelihood ratio agree where the change is small."""
    index = fit.modification_indices()["index"]
    small = index[index.between(1, 6)].filter(like="<->")
    for name in small.index[:4]:
        pair = tuple(name.split(" <-> "))
        wider = MeasurementModel(pupils, TESTS, errors=[pair]).fit()
        assert wider.compare_lr_test(fit)["statistic"] == pytest.approx(index[name], rel=0.2)


def test_political_democracy_of_lavaan():
    model = MeasurementModel(datasets.load("political_democracy"), DEMOCRACY, errors=ERRORS, paths=PATHS)
    results = model.fit()
    measures = results.fit_measures()
    assert measures[["chi_square", "df", "cfi", "tli", "rmsea", "srmr"]].round(3).tolist() == [
        38.125, 35, 0.995, 0.993, 0.035, 0.044,
    ]  # fmt: skip
    names = ["ind60 -> dem60", "ind60 -> dem65", "dem60 -> dem65", "y2 <-> y6", "dem65 <-> dem65"]
    assert results.params[names].round(3).tolist() == [1.483, 0.572, 0.837, 2.153, 0.172]
    assert results.bse[names].round(3).tolist() == [0.399, 0.221, 0.098, 0.734, 0.215]
    standard = results.standardised()["estimate"]
    assert standard[["dem60 -> dem65", "y2 <-> y6", "dem65 <-> dem65"]].round(3).tolist() == [
        0.885, 0.356, 0.039,
    ]  # fmt: skip


def test_invariance_of_lavaan(pupils):
    found = invariance(pupils, TESTS, group="school")
    assert found.table["chi_square"].round(3).tolist() == [115.851, 124.044, 164.103]
    assert found.table["df"].tolist() == [48, 54, 60]
    assert found.table["cfi"].round(3).tolist() == [0.923, 0.921, 0.882]
    assert found.table["rmsea"].round(3).tolist() == [0.097, 0.093, 0.107]
    assert found.table["bic"].round(1).tolist() == [7706.8, 7680.8, 7686.6]
    assert found.table["gain"].round(3).tolist()[1:] == [8.192, 40.059]
    assert found.table["p_value"].tolist()[1:] == pytest.approx([0.2244, 4.435e-7], rel=1e-3)
    assert found.table["p_value_robust"].tolist()[1:] == pytest.approx([0.3085, 4.78e-10], rel=1e-3)
    robust = [fit.fit_measures()["chi_square_robust"] for fit in found.fits.values()]
    assert np.round(robust, 3).tolist() == [111.728, 118.221, 161.320]
    # lavaan has the other school first
    assert (-found.means()["difference"]).round(3).tolist() == [-0.148, 0.576, -0.177]
    assert found.means()["std_error"].round(3).tolist() == [0.122, 0.117, 0.090]
    assert "Grant-White" in found._repr_html_() and "metric" in repr(found)


def test_composite_reliability_standardised_and_raw(fit):
    table = fit.validity()
    assert table["composite_reliability"].round(3).tolist() == [0.626, 0.885, 0.691]
    assert table["composite_reliability_raw"].round(3).tolist() == [0.612, 0.885, 0.686]


def test_fornell_larcker_has_the_root_of_the_variance_extracted_on_its_diagonal(fit):
    table = fit.fornell_larcker()
    assert np.allclose(np.diag(table) ** 2, fit.validity()["ave"])
    assert table.loc["textual", "visual"] == pytest.approx(0.459, abs=5e-4)


# ---- correctness: brute force and truth


@pytest.mark.parametrize("kind", ["plain", "groups", "paths"])
def test_derivatives_are_those_of_finite_differences(pupils, kind):
    if kind == "paths":
        model = MeasurementModel(
            datasets.load("political_democracy"), DEMOCRACY, errors=ERRORS[:2], paths=PATHS
        )
    else:
        groups = {"group": "school", "equal": ["loadings", "intercepts"]} if kind == "groups" else {}
        model = MeasurementModel(pupils, TESTS, **groups)
    at = model.start() * (1 + 0.1 * np.random.default_rng(1).normal(size=len(model.names))) + 0.02
    _, gradient, hessian = model.derivatives(at)
    steps = 1e-5 * np.eye(len(at))
    pairs = [(model.derivatives(at + step), model.derivatives(at - step)) for step in steps]
    slopes = np.array([(up[0] - down[0]) / 2e-5 for up, down in pairs])
    curves = np.array([(up[1] - down[1]) / 2e-5 for up, down in pairs])
    assert np.abs(gradient - slopes).max() < 1e-6 * np.abs(gradient).max()
    assert np.abs(hessian - curves).max() < 1e-6 * np.abs(hessian).max()


def test_htmt_by_hand():
    table, factors = sheets(rng=4)
    found = htmt(table, factors, draws=0)
    correlation = table.corr().abs()
    between = correlation.loc[factors["f0"], factors["f1"]].to_numpy().mean()
    within = [correlation.loc[own, own].to_numpy()[np.tril_indices(4, -1)].mean() for own in factors.values()]
    assert found["htmt"].item() == pytest.approx(between / np.sqrt(within[0] * within[1]))


def test_the_bootstrap_interval_of_htmt_covers_the_true_correlation():
    inside = []
    for seed in range(40):
        table, factors = sheets(n=300, rng=seed)
        row = htmt(table, factors, draws=300, rng=seed).iloc[0]
        inside.append(row["low"] <= 0.5 <= row["high"])
    assert 34 <= sum(inside) <= 40


def test_estimates_and_chi_square_behave_as_theory_says():
    chi, inside = [], []
    for seed in range(60):
        table, factors = sheets(rng=seed)
        results = MeasurementModel(table, factors).fit()
        chi.append(results.fit_measures()["chi_square"])
        row = results.standardised().loc["f0 <-> f1"]
        inside.append(row["low"] <= 0.5 <= row["high"])
    assert np.mean(chi) == pytest.approx(19, abs=3 * np.sqrt(38 / 60))  # df 19
    assert sum(inside) >= 52


def test_the_robust_chi_square_repairs_what_heavy_tails_do():
    plain, robust = [], []
    for seed in range(40):
        luck = np.random.default_rng(seed)
        table, factors = sheets(n=500, rng=seed)
        heavy = table.mul(np.sqrt(5 / luck.chisquare(7, size=500)), axis=0)  # multivariate t, 7 df
        measures = MeasurementModel(heavy, factors).fit().fit_measures()
        plain.append(measures["chi_square"])
        robust.append(measures["chi_square_robust"])
    assert np.mean(plain) > 24 and np.mean(robust) == pytest.approx(19, abs=3)


def test_what_chance_found_fades_on_the_other_half():
    table, factors = sheets(n=600, rng=2)
    table["f1_0"] += 0.35 * table["f0_1"]  # one true error
    changes = MeasurementModel(table, factors).fit().modification_indices(holdout=0.5, rng=1)
    top = changes.iloc[0]
    assert top.name == "f0_1 <-> f1_0" and top["p_holdout"] < 0.01
    table, factors = sheets(n=600, rng=3)  # none
    changes = MeasurementModel(table, factors).fit().modification_indices(holdout=0.5, rng=1)
    assert changes["index_holdout"].head(5).mean() < changes["index"].head(5).mean() / 2


# ---- consistency


def test_units_and_order_of_the_items_do_not_matter(pupils, fit):
    turned = {name: items[::-1] for name, items in reversed(TESTS.items())}
    scaled = pupils.assign(x1=1000 * pupils["x1"], x5=pupils["x5"] / 1000, x8=-pupils["x8"])
    for model in (MeasurementModel(pupils, turned), MeasurementModel(scaled, TESTS)):
        other = model.fit()
        assert other.fit_measures()[["chi_square", "srmr", "chi_square_robust"]].to_list() == pytest.approx(
            fit.fit_measures()[["chi_square", "srmr", "chi_square_robust"]].to_list(), rel=1e-5
        )


def test_two_equal_groups_are_one(pupils, fit):
    twice = pd.concat([pupils.assign(half="a"), pupils.assign(half="b")])
    found = invariance(twice, TESTS, group="half")
    assert found.table["chi_square"].tolist() == pytest.approx([2 * fit.fit_measures()["chi_square"]] * 3)
    assert np.allclose(found.means()["difference"], 0, atol=1e-6)


def test_other_engines_give_the_same(pupils, fit):
    assert MeasurementModel(pl.from_pandas(pupils), TESTS).fit().llf == pytest.approx(fit.llf)
    plain = htmt(pl.from_pandas(pupils), TESTS, draws=0)["htmt"]
    assert np.allclose(plain, htmt(pupils, TESTS, draws=0)["htmt"])


def test_nothing_given_is_changed(pupils):
    before = pupils.copy()
    MeasurementModel(pupils, TESTS).fit().modification_indices(holdout=0.5, rng=1)
    pd.testing.assert_frame_equal(pupils, before)


def test_who_left_out_an_item_is_left_out_and_counted(pupils, fit):
    holes = pupils.copy()
    holes.loc[holes.index[:7], "x2"] = np.nan
    results = MeasurementModel(holes, TESTS).fit()
    assert results.nobs == 294 and results.model.left_out == 7
    assert "7 of 301 respondents left out an item" in str(results.summary())
    assert results.llf == pytest.approx(MeasurementModel(pupils.iloc[7:], TESTS).fit().llf)


def test_a_single_item_is_taken_as_it_is():
    data = datasets.load("corporate_reputation")
    factors = {"likeability": ["like_1", "like_2", "like_3"], "satisfaction": ["cusa"]}
    results = MeasurementModel(data, factors).fit()
    assert "cusa <-> cusa" not in results.params
    assert results.validity().loc["satisfaction", "ave"] == 1
    assert not results.modification_indices().index.str.contains("cusa").any()


def test_a_saturated_model_fits_exactly():
    table, factors = sheets(items=3, factors=1)
    measures = MeasurementModel(table, factors).fit().fit_measures()
    assert measures["df"] == 0 and measures["chi_square"] == pytest.approx(0, abs=1e-6)
    assert measures["cfi"] == pytest.approx(1) and measures["tli"] == 1 and np.isnan(measures["p_value"])


def test_results_print(fit):
    assert "visual -> x2" in str(fit.summary())
    assert "RMSEA" in fit._repr_html_() and "0.071" in fit._repr_html_()
    assert fit.conf_int().loc["visual -> x2"].round(3).tolist() == [0.358, 0.749]


def test_the_plot_shows_each_pair():
    table = htmt(*sheets(factors=3), rng=1, draws=50)
    axes = plot_htmt(table)
    assert len(axes.get_yticklabels()) == 3


# ---- bad input


def message(call, *words):
    with pytest.raises(ValueError) as caught:
        call()
    for word in words:
        assert word in str(caught.value)


def test_bad_answers_are_named():
    table, factors = sheets()

    def model(**changes):
        return lambda: MeasurementModel(table.assign(**changes), factors)

    text = table["f0_0"].astype(object)
    text[3] = "agree"
    message(model(f0_0=text), "'f0_0'", "'agree'", "row 3")
    message(model(f0_1=1.0), "'f0_1'", "are the same")
    message(model(f0_1=table["f0_0"]), "'f0_0', 'f0_1'", "tell each other exactly")
    message(model(f0_1=table["f0_0"] + table["f0_2"]), "'f0_0', 'f0_1', 'f0_2'")
    message(model(f0_1=np.nan), "Nobody answered 'f0_1'")
    message(model(f0_1=table["f0_1"].where(table.index > 3, -99)), "'f0_1'", "-99", "4 times")
    message(model(f0_1=table["f0_1"].where(table.index != 5, 99)), "99", "row 5", "code")
    message(model(f0_1=table["f0_1"].where(table.index != 5, np.inf)), "infinite", "row 5")
    message(lambda: MeasurementModel(table.round().clip(-3, 3), factors, scale=(1, 7)), "outside its scale 1")
    message(lambda: MeasurementModel(table.head(8), factors), "8 of 8 respondents", "more of them than items")
    message(lambda: MeasurementModel(table.head(1), factors), "1 of 1 respondents")
    message(lambda: MeasurementModel(table.drop(columns="f0_3"), factors), "f0_3", "Valid")


def test_bad_models_are_named():
    table, factors = sheets()
    table["town"] = ["Hull", "York"] * 200
    message(lambda: MeasurementModel(table, ["f0_0"]), "dict")
    message(lambda: MeasurementModel(table, {"f": "f0_0"}), "list of columns")
    message(lambda: MeasurementModel(table, {"f": ["f0_0", "f0_0", "f0_1"]}), "twice")
    message(lambda: MeasurementModel(table, {"f0_0": ["f0_0", "f0_1", "f0_2"]}), "rename the factor")
    message(lambda: MeasurementModel(table, {"f": ["f0_0", "f0_1"]}), "4 parameters", "three items")
    message(lambda: MeasurementModel(table, factors, errors=[("f0_0", "nobody")]), "nobody")
    message(lambda: MeasurementModel(table, factors, paths={"f9": ["f0"]}), "f9")
    message(lambda: MeasurementModel(table, factors, equal=["loadings"]), "group=")
    message(lambda: MeasurementModel(table, factors, group="twon"), "twon", "town")
    message(lambda: invariance(table.assign(town="Hull"), factors, group="town"), "one group")
    lonely = table.assign(town=["Hull"] * 399 + ["York"])
    message(lambda: invariance(lonely, factors, group="town"), "Group 'York'", "1 of 1 respondents")
    unknown = table.assign(town=table["town"].where(table.index != 2))
    message(lambda: invariance(unknown, factors, group="town"), "no group", "row 2")
    message(lambda: htmt(table, {"f0": factors["f0"]}), "two or more")
    message(lambda: htmt(table, factors), "rng")
    message(lambda: MeasurementModel(table, factors).fit().modification_indices(holdout=2, rng=1), "share")


def test_heywood_cases_are_said_and_not_returned():
    # a loading whose square is .8 · .8 / .5 of the variance
    asked = np.linalg.cholesky([[1, 0.8, 0.8], [0.8, 1, 0.5], [0.8, 0.5, 1]])
    chance = np.random.default_rng(5).normal(size=(200, 3))
    white = np.linalg.qr(np.column_stack([np.ones(200), chance]))[0][:, 1:] * np.sqrt(200)
    table = pd.DataFrame(white @ asked.T, columns=["a", "b", "c"])
    message(
        lambda: MeasurementModel(table, {"f": ["a", "b", "c"]}).fit(),
        "Heywood", "'a' is -0.28", "There is no result",
    )  # fmt: skip
    data = datasets.load("mobi")
    mobi = {"Quality": [f"PERQ{i}" for i in range(1, 8)], "Satisfaction": ["CUSA1", "CUSA2", "CUSA3"]}
    mobi |= {"Image": [f"IMAG{i}" for i in range(1, 6)], "Expectation": ["CUEX1", "CUEX2", "CUEX3"]}
    mobi |= {"Loyalty": ["CUSL1", "CUSL2", "CUSL3"], "Value": ["PERV1", "PERV2"]}
    message(lambda: MeasurementModel(data, mobi).fit(), "Heywood", "impossible together", "htmt")


def test_what_the_answers_do_not_tell_is_not_returned():
    """Two items for a factor that is unrelated to the other: only their product is known."""
    luck = np.random.default_rng(2)
    table, factors = sheets(factors=1)
    pair = luck.normal(size=(400, 1)) + luck.normal(size=(400, 2))
    values = np.column_stack([table, pair])
    left, right = np.linalg.qr(values - values.mean(axis=0))[0][:, :4], values[:, 4:]
    right = right - right.mean(axis=0) - left @ (left.T @ (right - right.mean(axis=0)))
    table[["p1", "p2"]] = right  # exactly unrelated
    message(lambda: MeasurementModel(table, factors | {"g": ["p1", "p2"]}).fit(), "not identified")


def test_the_order_in_which_a_pair_is_named_does_not_matter(pupils):
    one, other = (
        MeasurementModel(pupils, TESTS, errors=[pair]).fit() for pair in (("x7", "x8"), ("x8", "x7"))
    )
    assert one.llf == pytest.approx(other.llf)
    for results in (one, other):
        changes = results.modification_indices().index
        assert not changes.isin(["x7 <-> x8", "x8 <-> x7"]).any()


def test_a_first_item_that_measures_nothing_is_told():
    table, factors = sheets(n=300)
    table["f0_0"] = np.random.default_rng(1).normal(size=300)
    message(lambda: MeasurementModel(table, factors).fit(), "put a stronger one first")
    assert MeasurementModel(table, factors | {"f0": factors["f0"][::-1]}).fit().converged


def test_samples_in_which_an_item_does_not_vary_are_left_out_of_the_interval():
    table, factors = sheets(n=30)
    table["f0_0"] = (table.index == 3).astype(float) + table["f0_1"] * 0
    found = htmt(table, factors, draws=200, rng=1)
    assert np.isfinite(found[["low", "high"]].to_numpy()).all()


@pytest.mark.slow
def test_whatever_is_drawn_gives_a_result_or_a_reason():
    """Weak, reversed, unrelated and equal factors, single items, coarse answers, units from 1e-6 to 1e6."""
    done = 0
    for seed in range(200):
        luck = np.random.default_rng(seed)
        sizes = luck.integers(1, 6, luck.integers(1, 5))
        people, tie = luck.choice([15, 40, 80, 300, 3000]), luck.choice([0, 0.3, 0.9, 1])
        loading = luck.uniform(-1, 1, sizes.sum()) * luck.choice([0.3, 1])
        common = tie + (1 - tie) * np.eye(len(sizes))
        scores = luck.multivariate_normal(np.zeros(len(sizes)), common, people)
        noise = luck.normal(size=(people, sizes.sum())) * np.sqrt(1 - loading**2)
        values = np.repeat(scores, sizes, axis=1) * loading + noise
        values = np.rint(values).clip(-3, 3) if seed % 3 == 0 else values
        table = pd.DataFrame(values * 10.0 ** luck.integers(-6, 7, sizes.sum())).add_prefix("q")
        names = iter(table.columns)
        factors = {f"f{place}": [next(names) for _ in range(size)] for place, size in enumerate(sizes)}
        try:
            results = MeasurementModel(table, factors).fit(robust=bool(seed % 2))
        except ValueError as reason:
            assert len(str(reason)) > 60
            continue
        done += 1
        slope = results.model.derivatives(results.params.to_numpy())[1]
        assert np.abs(slope * results.bse.to_numpy()).max() < 1e-3
        standard = results.standardised()
        assert np.isfinite(standard).all().all()
        assert standard.loc[standard.index.str.contains(" -> "), "estimate"].abs().max() <= 1 + 1e-9
        assert results.fit_measures()["chi_square"] >= 0 and len(results.modification_indices().columns) == 2
    assert done > 30
