"""Two ways to one number, over sizes, loadings and units from one extreme to the other.

Weights and repeated rows; the order of items, of factors and of respondents; a reversed item turned back;
other units; tables of other engines; what two functions both tell.
"""

import warnings

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from crmlab import survey
from tests.survey.test_bad_input import (
    ASKS,
    BY_DAY,
    FACTORS,
    ITEMS,
    PAIRED,
    QUESTIONS,
    SCALE,
    SCORES,
    WEIGHTS,
    sheets,
)

SIZES = [(40, 1), (120, 2), (2000, 3)]


def close(one, other, tolerance=1e-8):
    np.testing.assert_allclose(
        np.asarray(one, float), np.asarray(other, float), rtol=tolerance, atol=tolerance
    )


# ---- weights and repeated rows


@pytest.mark.parametrize(("n", "seed"), SIZES)
@pytest.mark.parametrize("most", [1, 3, 40])
def test_weights_count_as_so_many_rows(n, seed, most):
    times = np.random.default_rng(seed).integers(0, most + 1, n)
    times[:2] = 1  # somebody of each town
    table = sheets(n, seed).assign(w=times)
    rows = table.loc[table.index.repeat(times)].reset_index(drop=True)
    close(
        survey.top_box(table, "a2", SCALE, by="town", weights="w")["share"],
        survey.top_box(rows, "a2", SCALE, by="town")["share"],
    )
    parts = ["promoters", "passives", "detractors", "nps"]
    close(survey.nps(table, "a2", weights="w")[parts], survey.nps(rows, "a2")[parts])
    close(
        survey.satisfaction_index(table, ITEMS, SCALE, weights="w")["index"],
        survey.satisfaction_index(rows, ITEMS, SCALE)["index"],
    )
    close(
        survey.likert_table(table, SCALE, ITEMS, weights="w")["share"],
        survey.likert_table(rows, SCALE, ITEMS)["share"],
    )
    if min(np.bincount((table["town"] == "Hull").astype(int), times)) > 1:
        for measure in ("nps", "top box", "mean"):
            one, other = (
                survey.score_difference(one, "a2", "town", measure, SCALE, weights=weights)["difference"]
                for one, weights in ((table, "w"), (rows, None))
            )
            close(one, other)
    shares = {"town": {"Hull": 0.3, "York": 0.7}}
    raked, each = survey.rake(table, shares, "w"), survey.rake(rows, shares)
    close(raked.groupby(table["town"]).sum() / n, each.groupby(rows["town"]).sum() / len(rows))
    columns = ["weighted", "population"]
    close(
        survey.balance(table, shares, "w")[columns],
        survey.balance(rows, shares)[["sample", "population"]],
    )


@pytest.mark.parametrize("size", [1e-9, 1, 1e9])
def test_only_the_proportions_of_weights_count(size):
    table = sheets()
    larger = table.assign(w=table["w"] * size)
    for name, call in (SCORES | WEIGHTS | {"likert_table": ASKS["likert_table"]}).items():
        one, other = (pd.DataFrame({"x": [call(each)]}) if name == "design_effect" else call(each)
                      for each in (table, larger))  # fmt: skip
        numbers = [pd.DataFrame(each).select_dtypes("number") for each in (one, other)]
        close(numbers[1], numbers[0])


# ---- the order of items, factors and respondents

ORDER = ["b3", "a1", "b1", "a3", "b2", "a2"]
BY_ITEM = {  # what each says of an item, whatever stands beside it
    "alpha_if_dropped": lambda t: survey.alpha_if_dropped(t),
    "explore": lambda t: survey.explore(t, 2).loadings,
    "uniquenesses": lambda t: survey.explore(t, 2).uniquenesses,
}
OF_ALL = {
    "reliability": lambda t: survey.reliability(t)["estimate"],
    "reliability, 3 factors": lambda t: survey.reliability(t.assign(**MORE(t)), factors=3)["estimate"],
    "worth_factoring": lambda t: survey.worth_factoring(t),
    "eigenvalues": lambda t: survey.parallel_analysis(t, draws=20, rng=1)[["eigenvalue", "above_one"]],
    "satisfaction_index": lambda t: survey.satisfaction_index(t, list(t.columns), SCALE),
}


def MORE(table):
    """Return three further items, so that there are three factors to tell."""
    luck = np.random.default_rng(9)
    third = luck.normal(size=(len(table), 1)) + 0.3 * table["a1"].to_numpy()[:, None]
    return dict(zip(["c1", "c2", "c3"], (third + luck.normal(size=(len(table), 3))).T, strict=True))


@pytest.mark.parametrize(("n", "seed"), SIZES)
def test_the_order_of_the_items_does_not_matter(n, seed):
    table = sheets(n, seed)[ITEMS]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a Heywood case of three factors has no omega either way
        for call in OF_ALL.values():
            close(call(table[ORDER]), call(table), 1e-5)
    for call in BY_ITEM.values():
        close(call(table[ORDER]).loc[ITEMS], call(table), 1e-4)


def test_the_order_of_items_and_factors_does_not_change_a_measurement_model():
    table = sheets(400, 5)
    fit = survey.MeasurementModel(table, FACTORS).fit()
    turned = {"b": ["b1", "b3", "b2"], "a": ["a1", "a3", "a2"]}
    other = survey.MeasurementModel(table, turned).fit()
    close(other.fit_measures(), fit.fit_measures(), 1e-6)
    names = [name for name in fit.params.index if name in other.params.index]
    assert len(names) == len(fit.params) - 1  # the covariance of the factors has its name the other way round
    close(other.params[names], fit.params[names], 1e-5)
    close(other.bse[names], fit.bse[names], 1e-5)
    other_first = survey.MeasurementModel(table, {"a": ["a2", "a1", "a3"], "b": FACTORS["b"]}).fit()
    close(other_first.fit_measures(), fit.fit_measures(), 1e-6)
    both = [one.standardised()["estimate"].filter(like="a -> a").sort_index() for one in (fit, other_first)]
    close(*both, 1e-5)
    close(survey.htmt(table, turned, draws=0)["htmt"], survey.htmt(table, FACTORS, draws=0)["htmt"])


@pytest.mark.parametrize(("n", "seed"), SIZES)
def test_the_order_of_the_respondents_does_not_matter(n, seed):
    table = sheets(n, seed)
    mixed = table.sample(frac=1, random_state=seed)
    for call in (OF_ALL["reliability"], OF_ALL["worth_factoring"], OF_ALL["eigenvalues"], *BY_ITEM.values()):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            close(call(mixed[ITEMS]), call(table[ITEMS]), 1e-5)
    for call in (*SCORES.values(), *BY_DAY.values(), *PAIRED.values(), ASKS["likert_table"]):
        numbers = [pd.DataFrame(call(one)).select_dtypes("number") for one in (mixed, table)]
        close(*numbers)
    close(ASKS["careless_signs"](mixed).loc[table.index], ASKS["careless_signs"](table))


# ---- reversed items, other units


@pytest.mark.parametrize("turned", [["a2"], ["a1"], ["a1", "b2"], ITEMS])
def test_a_reversed_item_is_turned_back(turned):
    table = sheets(300, 6)
    asked = table.assign(**{item: 8 - table[item] for item in turned})
    said = QUESTIONS.assign(reversed=np.where(QUESTIONS["item"].isin(turned), "yes", "no"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        back = survey.Questionnaire(said).turned(asked)
    pd.testing.assert_frame_equal(back, table[ITEMS])
    close(
        survey.Questionnaire(said).table(asked)["item_rest"],
        survey.Questionnaire(QUESTIONS).table(table)["item_rest"],
    )
    one, other = (survey.MeasurementModel(each, FACTORS).fit() for each in (table, asked))
    close(other.fit_measures(), one.fit_measures(), 1e-6)
    close(other.standardised()["estimate"].abs(), one.standardised()["estimate"].abs(), 1e-5)
    close(survey.htmt(asked, FACTORS, draws=0)["htmt"], survey.htmt(table, FACTORS, draws=0)["htmt"])
    close(survey.worth_factoring(asked[ITEMS]), survey.worth_factoring(table[ITEMS]))
    close(survey.explore(asked[ITEMS], 2).uniquenesses, survey.explore(table[ITEMS], 2).uniquenesses, 1e-4)
    close(
        ASKS["careless_signs"](table)["distance"],
        survey.careless_signs(asked, survey.Questionnaire(said))["distance"],
    )


@pytest.mark.parametrize("unit", [1e-6, 0.1, 1, 1e6])
@pytest.mark.parametrize("zero", [-50, 0, 1e3])
def test_units_do_not_matter(unit, zero):
    table = sheets(300, 7)
    other = table.assign(**(unit * (table[ITEMS] + zero)))
    ends = tuple(unit * (end + zero) for end in SCALE)
    for name in ("reliability", "worth_factoring", "eigenvalues"):
        close(OF_ALL[name](other[ITEMS]), OF_ALL[name](table[ITEMS]), 1e-6)
    close(survey.explore(other[ITEMS], 2).loadings, survey.explore(table[ITEMS], 2).loadings, 1e-4)
    fits = [survey.MeasurementModel(one, FACTORS).fit() for one in (table, other)]
    close(fits[1].fit_measures(), fits[0].fit_measures(), 1e-6)
    close(*(fit.standardised() for fit in fits), 1e-5)
    close(
        survey.htmt(other, FACTORS, draws=40, rng=1)[["htmt", "low"]],
        survey.htmt(table, FACTORS, draws=40, rng=1)[["htmt", "low"]],
    )
    if unit * 6 < 1e6:
        close(
            survey.satisfaction_index(
                other, ITEMS, tuple(np.add(ends, (-1e-12, 1e-12)) if unit < 1 else ends)
            )["index"],
            survey.satisfaction_index(table, ITEMS, SCALE)["index"],
            1e-4,
        )


def test_one_item_in_other_units_changes_no_fit():
    table = sheets(300, 8)
    other = table.assign(a2=1e5 * table["a2"], b3=1e-5 * table["b3"])
    one, two = (survey.MeasurementModel(each, FACTORS).fit() for each in (table, other))
    close(two.fit_measures(), one.fit_measures(), 1e-6)
    close(two.standardised(), one.standardised(), 1e-5)
    assert two.bse["a -> a2"] == pytest.approx(1e5 * one.bse["a -> a2"], rel=1e-5)


# ---- engines

ENGINES = {
    "polars": pl.from_pandas,
    "polars, lazy": lambda t: pl.from_pandas(t).lazy(),
    "pyarrow": lambda t: pa.Table.from_pandas(t, preserve_index=False),
    "duckdb": lambda t: duckdb.from_df(t),
}
TABLES = (
    {
        "MeasurementModel": lambda t: survey.MeasurementModel(t, FACTORS, scale=SCALE).fit().params,
        "invariance": lambda t: survey.invariance(t, FACTORS, group="town").table,
        "htmt": lambda t: survey.htmt(t, FACTORS, draws=30, rng=1),
        "Questionnaire.answers": ASKS["Questionnaire"],
        "Questionnaire.table": ASKS["Questionnaire.table"],
        "careless_signs": ASKS["careless_signs"],
        "likert_table": ASKS["likert_table"],
        "rake": WEIGHTS["rake"],
        "balance": WEIGHTS["balance"],
    }
    | SCORES
    | BY_DAY
    | PAIRED
)
ITEMS_ONLY = {name: OF_ALL[name] for name in ("reliability", "worth_factoring", "eigenvalues")} | BY_ITEM


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_gives_the_same_numbers(engine):
    table = sheets()
    table.loc[[4, 9], "a1"] = np.nan
    handed = ENGINES[engine](table)
    for name, call in TABLES.items():
        one, other = (pd.DataFrame(call(each)).select_dtypes("number") for each in (table, handed))
        np.testing.assert_array_equal(one.to_numpy(float), other.to_numpy(float), err_msg=name)
    for name, call in ITEMS_ONLY.items():
        one, other = (
            pd.DataFrame(call(each)).select_dtypes("number")
            for each in (table[ITEMS], ENGINES[engine](table[ITEMS]))
        )
        np.testing.assert_array_equal(one.to_numpy(float), other.to_numpy(float), err_msg=name)
    questions = survey.Questionnaire(ENGINES[engine](QUESTIONS))
    pd.testing.assert_frame_equal(questions.items, survey.Questionnaire(QUESTIONS).items)


LONG = [
    pytest.param(kind, marks=pytest.mark.slow)
    for kind in ("int8", "float32", "Float64", "int64[pyarrow]", "category")
]


@pytest.mark.parametrize("kind", ["Int64", "object", *LONG])
def test_every_type_of_number_gives_the_same_numbers(kind):
    table = sheets()
    other = table.astype(dict.fromkeys(ITEMS, "int64")).astype(dict.fromkeys(ITEMS, kind))
    for name, call in TABLES.items():
        one, two = (pd.DataFrame(call(each)).select_dtypes("number") for each in (table, other))
        np.testing.assert_array_equal(one.to_numpy(float), two.to_numpy(float), err_msg=name)


def test_pandas_own_missing_numbers_are_missing_answers():
    table = sheets()
    missing = table.astype(dict.fromkeys(ITEMS, "Int64")).assign(a2=lambda t: t["a2"].mask(t.index < 3))
    plain = table.assign(a2=table["a2"].mask(table.index < 3))
    for name, call in TABLES.items():
        one, two = (pd.DataFrame(call(each)).select_dtypes("number") for each in (plain, missing))
        np.testing.assert_array_equal(one.to_numpy(float), two.to_numpy(float), err_msg=name)


# ---- what two functions both tell


@pytest.mark.parametrize(("n", "seed"), SIZES)
def test_functions_that_tell_the_same_agree(n, seed):
    table = sheets(n, seed)
    by_town = survey.nps(table, "a2", by="town")["nps"]
    difference = survey.score_difference(table, "a2", "town")
    close(difference["difference"], by_town["York"] - by_town["Hull"])
    mean = survey.satisfaction_index(table, ["a2"], SCALE, by="town")
    welch = survey.score_difference(table, "a2", "town", "mean", SCALE)
    close(welch[["Hull", "York"]], 1 + 6 * mean["index"] / 100)
    chart = survey.control_chart(table, "a2", "day", scale=(0, 10), least=2)
    months = table.assign(month=table["day"].dt.to_period("M").astype(str))
    close(chart["value"], survey.nps(months, "a2", by="month")["nps"])
    gap = survey.gaps(table, {"x": ("a1", "a2")}, SCALE).iloc[0]
    close(gap["gap"], table["a2"].mean() - table["a1"].mean())
    steps = survey.likert_table(table, SCALE, ["a2"])
    close(steps.loc[steps["answer"] > 5, "share"].sum(), survey.top_box(table, "a2", SCALE)["share"])
    without = survey.alpha_if_dropped(table[ITEMS])["alpha_without"]
    close(without["a2"], survey.reliability(table[ITEMS].drop(columns="a2")).loc["alpha", "estimate"])
    close(
        survey.reliability(table[ITEMS])["estimate"],
        survey.reliability(covariance=table[ITEMS].cov())["estimate"],
    )
    close(survey.worth_factoring(table[ITEMS]), survey.worth_factoring(covariance=table[ITEMS].cov(), nobs=n))
    close(
        survey.explore(table[ITEMS], 2).loadings,
        survey.explore(covariance=table[ITEMS].corr(), factors=2, nobs=n).loadings,
        1e-5,
    )
    raked = survey.rake(table, {"town": {"Hull": 0.2, "York": 0.8}})
    close(survey.design_effect(raked), n / survey.top_box(table, "a2", SCALE, weights=raked)["effective"])


@pytest.mark.parametrize("r", [-0.99, -0.3, 0.0, 0.5, 0.99])
@pytest.mark.parametrize("reliability", [(1e-6, 1.0), (0.5, 0.9), (1.0, 1.0)])
def test_what_unreliability_does_is_undone(r, reliability):
    close(survey.disattenuated(survey.attenuated(r, *reliability), *reliability), r)


@pytest.mark.parametrize(("n", "seed"), [(300, 1), (3000, 2)])
def test_one_factor_is_the_same_explored_and_confirmed(n, seed):
    table = sheets(n, seed)[["a1", "a2", "a3", "b1"]]
    explored = survey.explore(table, 1)
    confirmed = survey.MeasurementModel(table, {"f": list(table.columns)}).fit().standardised()["estimate"]
    close(confirmed.filter(regex="^f -> "), explored.loadings["F1"], 1e-4)
    close(confirmed[[f"{item} <-> {item}" for item in table]], explored.uniquenesses, 1e-3)


def test_two_groups_without_equality_are_two_models():
    table = sheets(600, 3)
    apart = [survey.MeasurementModel(part, FACTORS).fit() for _, part in table.groupby("town")]
    together = survey.invariance(table, FACTORS, group="town").fits["configural"]
    close(together.fit_measures()["chi_square"], sum(fit.fit_measures()["chi_square"] for fit in apart), 1e-6)
    close(
        together.params.filter(like="a -> a").to_numpy(),
        np.concatenate([fit.params.filter(like="a -> a") for fit in apart]),
        1e-5,
    )
