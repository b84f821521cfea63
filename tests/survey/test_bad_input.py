"""Every public function meets every bad input: an error that teaches or a stated rule, never a number.

The list of bad inputs is that of the room's brief. A pair of a function and an input is either refused, with
words that name what was wrong, or it stands in `RULES` with what its documentation says is done.
"""

import warnings

import numpy as np
import pandas as pd
import pytest

from crmlab import survey

ITEMS = ["a1", "a2", "a3", "b1", "b2", "b3"]
FACTORS = {"a": ITEMS[:3], "b": ITEMS[3:]}
SCALE = (1, 7)
SHARES = {"town": {"Hull": 0.5, "York": 0.5}}
QUESTIONS = pd.DataFrame(
    {"item": ITEMS, "construct": ["a"] * 3 + ["b"] * 3, "scale": "1 not at all, 7 completely"}
)


def sheets(n=120, rng=4):
    """Return answers from 1 to 7 to six items of two things, with a town, a day and a weight."""
    luck = np.random.default_rng(rng)
    things = luck.normal(size=(n, 2)) @ np.array([[1, 0.5], [0, 0.87]])
    values = 4 + 1.1 * np.repeat(things, 3, axis=1) + luck.normal(size=(n, 6))
    place = np.arange(n)
    return pd.DataFrame(np.clip(np.round(values), 1, 7), columns=ITEMS).assign(
        town=np.where(place % 2, "Hull", "York"),
        day=pd.Timestamp("2025-01-10") + pd.to_timedelta(30 * (place % 4), "D"),
        w=luck.uniform(0.5, 2, n),
    )


def known():
    return survey.Questionnaire(QUESTIONS)


def only(table, names=ITEMS):
    """Return what a caller hands over who has taken out all that is no item."""
    return table.drop(columns=["town", "day", "w"]) if isinstance(table, pd.DataFrame) else table


READS = {  # every item has to have been asked and to vary, and they tell each other apart
    "MeasurementModel": lambda t: survey.MeasurementModel(t, FACTORS).fit().params,
    "MeasurementModel, scale": lambda t: survey.MeasurementModel(t, FACTORS, scale=SCALE).fit().params,
    "MeasurementResults": lambda t: survey.MeasurementModel(t, FACTORS).fit(robust=True).fit_measures(),
    "htmt": lambda t: survey.htmt(t, FACTORS, draws=50, rng=1),
    "reliability": lambda t: survey.reliability(only(t)),
    "alpha_if_dropped": lambda t: survey.alpha_if_dropped(only(t)),
    "parallel_analysis": lambda t: survey.parallel_analysis(only(t), draws=20, rng=1),
    "explore": lambda t: survey.explore(only(t), 2).loadings,
    "ExploratoryFactors": lambda t: survey.explore(only(t), 2).sorted(),
    "worth_factoring": lambda t: survey.worth_factoring(only(t)),
    "invariance": lambda t: survey.invariance(t, FACTORS, group="town").table,
    "Invariance": lambda t: survey.invariance(t, FACTORS, group="town").means(),
}
ASKS = {
    "Questionnaire": lambda t: known().answers(t),
    "Questionnaire.turned": lambda t: known().turned(t),
    "Questionnaire.table": lambda t: known().table(t),
    "careless_signs": lambda t: survey.careless_signs(t, known()),
    "careless_flags": lambda t: survey.careless_flags(survey.careless_signs(t, known())),
    "likert_table": lambda t: survey.likert_table(t, SCALE, ITEMS, weights="w"),
}
SCORES = {
    "top_box": lambda t: survey.top_box(t, "a2", SCALE, by="town", weights="w"),
    "nps": lambda t: survey.nps(t, "a2", by="town", weights="w"),
    "satisfaction_index": lambda t: survey.satisfaction_index(t, ITEMS, SCALE, by="town", weights="w"),
    "score_difference": lambda t: survey.score_difference(t, "a2", "town", "mean", SCALE, weights="w"),
}
BY_DAY = {"control_chart": lambda t: survey.control_chart(t, "a2", "day", "mean", scale=SCALE)}
PAIRED = {
    "gaps": lambda t: survey.gaps(t, {"x": ("a1", "a2")}, SCALE),
    "gap_fit": lambda t: survey.gap_fit(t, {"x": ("a1", "a2")}, "b1", SCALE),
}
CALLS = READS | ASKS | SCORES | BY_DAY | PAIRED
WEIGHTS = {
    "rake": lambda t: survey.rake(t, SHARES, weights="w"),
    "balance": lambda t: survey.balance(t, SHARES, weights="w"),
    "design_effect": lambda t: survey.design_effect(t["w"]),
}
MATRICES = {"reliability", "explore", "ExploratoryFactors", "worth_factoring"}  # take covariances as well
NUMBERS = {"alpha_interval", "attenuated", "disattenuated"}
PLOTS = {"plot_control_chart", "plot_gaps", "plot_htmt", "plot_likert", "plot_parallel"}


def test_every_public_name_of_the_room_is_met():
    met = {name.split(",")[0].split(".")[0] for name in CALLS | WEIGHTS}
    first_half = {
        "ExploratoryFactors", "Invariance", "MeasurementModel", "MeasurementResults", "Questionnaire",
        "ReversalWarning", "alpha_if_dropped", "alpha_interval", "attenuated", "balance", "careless_flags",
        "careless_signs", "control_chart", "design_effect", "disattenuated", "explore", "gap_fit", "gaps",
        "htmt", "invariance", "likert_table", "nps", "parallel_analysis", "plot_control_chart", "plot_gaps",
        "plot_htmt", "plot_likert", "plot_parallel", "rake", "reliability", "satisfaction_index",
        "score_difference", "top_box", "worth_factoring",
    }  # fmt: skip
    assert met | NUMBERS | PLOTS | {"ReversalWarning"} == first_half <= set(survey.__all__)


@pytest.mark.parametrize("name", CALLS)
def test_good_answers_are_taken(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        CALLS[name](sheets())


# ---- answers


def put(*values):
    """Return what writes these values into the first rows of the second item."""

    def change(table):
        column = table["a2"].astype(object) if isinstance(values[0], str | bool) else table["a2"].copy()
        column.iloc[3 : 3 + len(values)] = values
        return table.assign(a2=column)

    return change


ANY = {  # what no function takes, whichever way it is asked
    "99": (put(99.0), "'a2'.*: 99 .*row 3"),
    "-99": (put(-99.0), "'a2'.*: -99 .*row 3"),
    "both codes": (put(-99.0, 99.0), "'a2'.*: -99 .*row 3"),
    "many of one code": (put(*[99.0] * 70), "'a2'.*: 99 .*70 times, first in row 3"),
    "infinite": (put(np.inf), "'a2'.*: inf .*row 3"),
    "text": (put("agree"), "'a2' must hold numbers.*'agree' in row 3"),
    "a number as text": (put("5"), "'a2' must hold numbers.*'5' in row 3"),
    "a truth value": (put(True), "'a2' must hold numbers.*True in row 3"),
    "truth values": (lambda t: t.assign(a2=t["a2"] > 4), "'a2' must hold numbers"),
    "complex": (lambda t: t.assign(a2=t["a2"] + 0j), "'a2' must hold numbers"),
    "dates": (lambda t: t.assign(a2=t["day"]), "'a2' must hold numbers"),
    "lengths of time": (lambda t: t.assign(a2=t["day"] - t["day"].min()), "'a2' must hold numbers"),
    "all missing": (lambda t: t.assign(a2=np.nan), "Nobody answered 'a2'"),
    "all missing, objects": (lambda t: t.assign(a2=None), "Nobody answered 'a2'"),
    "nobody": (lambda t: t.head(0), "not a single respondent"),
    "column twice": (lambda t: pd.concat([t, t[["a2"]]], axis=1), "2 columns 'a2'"),
}


@pytest.mark.parametrize("bad", ANY)
@pytest.mark.parametrize("name", CALLS)
def test_answers_that_are_none_are_refused_by_every_function(name, bad):
    change, told = ANY[bad]
    with pytest.raises(ValueError, match=told):
        CALLS[name](change(sheets()))


@pytest.mark.parametrize("name", {**ASKS, **SCORES, **BY_DAY, **PAIRED, "htmt": 0, "MeasurementModel": 0})
def test_names_that_differ_are_named(name):
    with pytest.raises(ValueError, match="'A2'"):
        CALLS[name](sheets().rename(columns={"a2": "A2"}))


@pytest.mark.parametrize("what", [None, [1, 2, 3], "sheets.csv", np.eye(6)])
@pytest.mark.parametrize("name", [name for name in CALLS if name not in MATRICES])
def test_what_is_no_table_is_refused(name, what):
    with pytest.raises(ValueError, match="DataFrame is needed"):
        CALLS[name](what)


ALIKE = {
    "constant": (lambda t: t.assign(a2=4.0), "All answers to 'a2' are the same"),
    "item twice": (lambda t: t.assign(a2=t["a1"]), "'a1', 'a2' tell each other exactly"),
    "collinear": (lambda t: t.assign(a2=(t["a1"] + t["b1"]) / 2), "'a1', 'a2', 'b1' tell each other exactly"),
    "one respondent": (lambda t: t.head(1), "1 of 1 respondents|one group"),
    "no more respondents than items": (lambda t: t.head(6), "more of them than items"),
    "most left an item out": (lambda t: t.assign(a2=t["a2"].where(t.index < 5)), "more of them than items"),
}


@pytest.mark.parametrize("bad", ALIKE)
@pytest.mark.parametrize("name", READS)
def test_what_has_no_covariance_matrix_is_refused(name, bad):
    change, told = ALIKE[bad]
    with pytest.raises(ValueError, match=told):
        READS[name](change(sheets()))


RULES = {  # what is done in place of a refusal, as the documentation of each function says
    ("constant", "Questionnaire.table"): lambda r: r.index[r["item_rest"].isna()].tolist() == ["a2"],
    ("constant", "careless_signs"): lambda r: r["distance"].isna().all() and r["longest_run"].notna().all(),
    ("item twice", "careless_signs"): lambda r: r["distance"].isna().all(),
    ("collinear", "careless_signs"): lambda r: r["distance"].isna().all(),
    ("constant", "likert_table"): lambda r: r.loc[r["item"] == "a2", "share"].round(9).to_list()[3] == 1,
    ("constant", "top_box"): lambda r: (r["share"] == 0).all() and (r["high"] > 0.04).all(),
    ("constant", "nps"): lambda r: (r["nps"] == -100).all() and (r["high"] > -99).all(),
    ("constant", "gaps"): lambda r: np.isnan(r["correlation"].item()) and r["low"].item() < r["high"].item(),
    ("item twice", "gaps"): lambda r: r["gap"].item() == 0 and np.isnan(r["low"].item()),
    ("one respondent", "top_box"): lambda r: (r["high"] - r["low"] > 0.7).all(),
    ("one respondent", "nps"): lambda r: (r["high"] - r["low"] > 50).all(),
    ("one respondent", "satisfaction_index"): lambda r: r[["low", "high"]].isna().all(axis=None),
    ("one respondent", "Questionnaire.table"): lambda r: r["item_rest"].isna().all(),
}  # fmt: skip
ONE = {
    "careless_signs": "1 respondents to 6 items", "careless_flags": "1 respondents to 6 items",
    "score_difference": "'town' has 1 groups", "control_chart": "No period has 10 answers",
    "gaps": "1 answered both questions", "gap_fit": "need more respondents",
}  # fmt: skip


@pytest.mark.parametrize(("bad", "name"), RULES)
def test_what_is_not_refused_follows_a_stated_rule(bad, name):
    assert RULES[bad, name](CALLS[name](ALIKE[bad][0](sheets())))


@pytest.mark.parametrize("name", ONE)
def test_one_respondent_is_too_few_for_these(name):
    with pytest.raises(ValueError, match=ONE[name]):
        CALLS[name](sheets().head(1))


@pytest.mark.parametrize(("name", "told"), [("score_difference", "no spread"), ("control_chart", "alike")])
def test_answers_that_are_all_one_tell_no_limits(name, told):
    with pytest.raises(ValueError, match=told):
        CALLS[name](sheets().assign(a2=4.0))


def test_a_missing_answer_leaves_out_its_respondent_and_is_counted():
    table = sheets()
    table.loc[:9, "a2"] = np.nan
    assert survey.MeasurementModel(table, FACTORS).left_out == 10
    assert (survey.reliability(only(table))["respondents"] == 110).all()
    assert survey.top_box(table, "a2", SCALE)["missing"].item() == 10
    assert survey.satisfaction_index(table, ITEMS, SCALE)["missing"].item() == 10
    assert survey.gaps(table, {"x": ("a1", "a2")}, SCALE)["n"].item() == 110
    assert survey.gap_fit(table, {"x": ("a1", "a2")}, "b1", SCALE)["n"].eq(110).all()
    assert survey.control_chart(table, "a2", "day", "mean", scale=SCALE)["n"].sum() == 110
    assert known().table(table).loc["a2", "missing"] == pytest.approx(10 / 120)
    left = table.dropna()
    for name in ("htmt", "parallel_analysis", "explore", "worth_factoring", "alpha_if_dropped"):
        pd.testing.assert_frame_equal(
            *(pd.DataFrame(CALLS[name](one)) for one in (table, left)), check_exact=False, rtol=1e-9
        )


# ---- groups, days and weights


@pytest.mark.parametrize("name", ["invariance", "Invariance", "top_box", "nps", "satisfaction_index"])
def test_a_respondent_without_a_group_is_refused(name):
    with pytest.raises(ValueError, match=r"1 .*no (group|'town'); the first is row 5"):
        CALLS[name](sheets().assign(town=sheets()["town"].where(sheets().index != 5)))


def test_a_group_with_one_respondent_is_refused_or_its_interval_is_wide():
    table = sheets().assign(town=["Hull"] * 119 + ["York"])
    for name, told in (("invariance", "Group 'York': 1 of 1"), ("score_difference", "has one respondent")):
        with pytest.raises(ValueError, match=told):
            CALLS[name](table)
    for name, wide in (("top_box", 0.7), ("nps", 70)):
        found = CALLS[name](table)
        width = found["high"] - found["low"]
        assert width["York"] > wide and width["Hull"] < 0.4 * width["York"]
    lonely = survey.satisfaction_index(table, ITEMS, SCALE, by="town").loc["York"]
    assert np.isnan(lonely["low"]) and lonely["n"] == 1


@pytest.mark.parametrize("name", ["invariance", *SCORES])
def test_a_category_that_nobody_has_is_no_group(name):
    declared = sheets().assign(town=pd.Categorical(sheets()["town"], ["Hull", "Leeds", "York"]))
    found, plain = CALLS[name](declared), CALLS[name](sheets())
    np.testing.assert_array_equal(found.to_numpy(), plain.to_numpy())


def test_a_category_that_nobody_answered_from_is_refused_where_it_is_weighed():
    wanted = {"town": {"Hull": 0.4, "York": 0.4, "Leeds": 0.2}}
    for call in (survey.rake, survey.balance):
        with pytest.raises(ValueError, match="Nobody in the table has 'town' = 'Leeds', 20.0%"):
            call(sheets(), wanted)


def test_a_step_of_the_scale_that_nobody_chose_has_a_share_of_0():
    table = sheets().assign(a2=sheets()["a2"].replace(4, 5))
    steps = survey.likert_table(table, SCALE, ["a2"]).set_index("answer")["share"]
    assert steps[4] == 0 and len(steps) == 7 and steps.sum() == pytest.approx(1)


HEAVY = {
    "negative": (lambda w: w.where(w.index != 5, -1), "the first is -1 in row 5"),
    "missing": (lambda w: w.where(w.index != 5), "the first is nan in row 5"),
    "infinite": (lambda w: w.where(w.index != 5, np.inf), "the first is inf in row 5"),
    "all zero": (lambda w: 0 * w, "are 0: then nobody counts"),
    "texts": (lambda w: w.astype(str), "must be a finite number"),
}


@pytest.mark.parametrize("bad", HEAVY)
@pytest.mark.parametrize("name", [*SCORES, *WEIGHTS, "likert_table"])
def test_weights_that_are_none_are_refused(name, bad):
    change, told = HEAVY[bad]
    with pytest.raises(ValueError, match=told):
        (CALLS | WEIGHTS)[name](sheets().assign(w=change(sheets()["w"])))


def test_an_answer_without_a_day_is_refused():
    with pytest.raises(ValueError, match="1 of 120 rows have no 'day'; the first is row 5"):
        BY_DAY["control_chart"](sheets().assign(day=sheets()["day"].where(sheets().index != 5)))


# ---- what a caller writes


TAKE_SCALE = {
    "MeasurementModel": lambda s: survey.MeasurementModel(sheets(), FACTORS, scale=s),
    "htmt": lambda s: survey.htmt(sheets(), FACTORS, draws=0, scale=s),
    "invariance": lambda s: survey.invariance(sheets(), FACTORS, group="town", scale=s),
    "likert_table": lambda s: survey.likert_table(sheets(), s, ITEMS),
    "top_box": lambda s: survey.top_box(sheets(), "a2", s),
    "satisfaction_index": lambda s: survey.satisfaction_index(sheets(), ITEMS, s),
    "score_difference": lambda s: survey.score_difference(sheets(), "a2", "town", "mean", scale=s),
    "control_chart": lambda s: survey.control_chart(sheets(), "a2", "day", "mean", scale=s),
    "gaps": lambda s: survey.gaps(sheets(), {"x": ("a1", "a2")}, s),
    "gap_fit": lambda s: survey.gap_fit(sheets(), {"x": ("a1", "a2")}, "b1", s),
}


@pytest.mark.parametrize(
    "scale", [(7, 1), (1, 1), (1,), (1, 4, 7), "1-7", (1, np.inf), (np.nan, 7), 7, ("1", "7")]
)
@pytest.mark.parametrize("name", TAKE_SCALE)
def test_a_scale_that_is_none_is_refused(name, scale):
    with pytest.raises(ValueError, match=r"scale"):
        TAKE_SCALE[name](scale)


TAKE_ALPHA = {
    "reliability": lambda a: survey.reliability(only(sheets()), draws=50, alpha=a, rng=1),
    "alpha_interval": lambda a: survey.alpha_interval(0.8, 100, 5, a),
    "htmt": lambda a: survey.htmt(sheets(), FACTORS, draws=50, rng=1, alpha=a),
    "conf_int": lambda a: survey.MeasurementModel(sheets(), FACTORS).fit().conf_int(a),
    "standardised": lambda a: survey.MeasurementModel(sheets(), FACTORS).fit().standardised(a),
    "Invariance.means": lambda a: survey.invariance(sheets(), FACTORS, group="town").means(a),
    "top_box": lambda a: survey.top_box(sheets(), "a2", SCALE, alpha=a),
    "nps": lambda a: survey.nps(sheets(), "a2", alpha=a),
    "nps, drawn": lambda a: survey.nps(sheets(), "a2", method="bootstrap", alpha=a),
    "satisfaction_index": lambda a: survey.satisfaction_index(sheets(), ITEMS, SCALE, alpha=a),
    "score_difference": lambda a: survey.score_difference(sheets(), "a2", "town", alpha=a),
    "gaps": lambda a: survey.gaps(sheets(), {"x": ("a1", "a2")}, SCALE, alpha=a),
}


@pytest.mark.parametrize("alpha", [0, 1, 95, -0.05, np.nan, "0.05", None, [0.05, 0.1], True])
@pytest.mark.parametrize("name", TAKE_ALPHA)
def test_a_level_that_is_none_is_refused(name, alpha):
    with pytest.raises(ValueError, match="alpha"):
        TAKE_ALPHA[name](alpha)


TAKE_DRAWS = {
    "reliability": lambda d: survey.reliability(only(sheets()), draws=d, rng=1),
    "parallel_analysis": lambda d: survey.parallel_analysis(only(sheets()), draws=d, rng=1),
    "htmt": lambda d: survey.htmt(sheets(), FACTORS, draws=d, rng=1),
    "nps": lambda d: survey.nps(sheets(), "a2", method="bootstrap", draws=d),
    "score_difference": lambda d: survey.score_difference(
        sheets(), "a2", "town", method="bootstrap", draws=d
    ),
}


@pytest.mark.parametrize("draws", [-1, 1.5, "100", None, True, np.nan])
@pytest.mark.parametrize("name", TAKE_DRAWS)
def test_a_number_of_draws_that_is_none_is_refused(name, draws):
    with pytest.raises(ValueError, match="draws must be a whole number"):
        TAKE_DRAWS[name](draws)


@pytest.mark.parametrize(
    "call",
    [
        lambda n: survey.alpha_interval(n, 100, 5),
        lambda n: survey.alpha_interval(0.8, n, 5),
        lambda n: survey.alpha_interval(0.8, 100, n),
        lambda n: survey.attenuated(n, 0.8),
        lambda n: survey.attenuated(0.5, n),
        lambda n: survey.disattenuated(n, 0.8),
        lambda n: survey.disattenuated(0.5, 0.8, n),
        lambda n: survey.explore(only(sheets()), n),
        lambda n: survey.gaps(sheets(), {"x": ("a1", "a2")}, SCALE, reliability=n),
        lambda n: survey.top_box(sheets(), "a2", SCALE, top=n),
        lambda n: survey.control_chart(sheets(), "a2", "day", "mean", scale=SCALE, least=n),
        lambda n: survey.control_chart(sheets(), "a2", "day", "mean", scale=SCALE, sigmas=n),
        lambda n: survey.careless_flags(survey.careless_signs(sheets(), known()), odd_even=n),
        lambda n: survey.parallel_analysis(only(sheets()), share=n, rng=1),
    ],
)  # fmt: skip
@pytest.mark.parametrize("number", [np.nan, np.inf, "0.8", [0.5, 0.6], True])
def test_numbers_that_are_none_are_refused(call, number):
    with pytest.raises(ValueError):
        call(number)


@pytest.mark.parametrize("name", sorted(PLOTS))
@pytest.mark.parametrize("what", [None, pd.DataFrame(), sheets(), [1, 2]])
def test_a_plot_of_another_table_is_refused(name, what):
    with pytest.raises(ValueError, match="This draws the table of"):
        getattr(survey, name)(what)


def test_covariances_that_no_answers_have_are_refused():
    impossible = np.array([[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1]])
    for call in (
        lambda m: survey.reliability(covariance=m),
        lambda m: survey.explore(covariance=m, nobs=100),
        lambda m: survey.worth_factoring(covariance=m, nobs=100),
    ):
        with pytest.raises(ValueError, match="No answers have these covariances"):
            call(impossible)
        with pytest.raises(ValueError, match="tell each other exactly"):
            call(np.ones((3, 3)))
        for wrong in (
            np.eye(3)[:2],
            np.diag([1, 0, 1]),
            [[1, np.nan], [np.nan, 1]],
            [["a", "b"], ["c", "d"]],
        ):
            with pytest.raises(ValueError, match="covariance"):
                call(wrong)


# ---- models that have no answer


@pytest.mark.parametrize("seed", range(12))
def test_items_of_nothing_give_no_measurement_model(seed):
    """Pure chance: mostly no maximum, a Heywood case or no identification; whatever comes out is sound."""
    noise = np.random.default_rng(seed).normal(size=(60, 6))
    try:
        fit = survey.MeasurementModel(pd.DataFrame(noise, columns=ITEMS), FACTORS).fit()
    except ValueError as error:
        assert any(word in str(error) for word in ("Heywood", "identified", "did not reach"))
    else:
        assert fit.converged and np.isfinite(fit.bse).all()
        assert (fit.params.filter(regex=r"^(\w+) <-> \1$") > 0).all()


def test_a_search_that_is_cut_short_is_no_result(monkeypatch):
    from crmlab import _results, _search

    short = lambda *given, **more: _search.maximise(*given, **more | {"steps": 1})  # noqa: E731
    monkeypatch.setattr(_results, "maximise", short)
    with pytest.raises(ValueError, match="did not reach the maximum: there is no result"):
        survey.MeasurementModel(sheets(), FACTORS).fit()


def test_two_items_are_too_few_for_a_factor_of_their_own():
    two = {"a": ["a1", "a2"]}
    with pytest.raises(ValueError, match="at least three items"):
        survey.MeasurementModel(sheets(), two)
    with pytest.raises(ValueError, match="three at least"):
        survey.alpha_if_dropped(sheets()[["a1", "a2"]])
    with pytest.raises(ValueError, match="more than 2 items can tell apart"):
        survey.explore(sheets()[["a1", "a2"]], 1)
    assert survey.reliability(sheets()[["a1", "a2"]])["estimate"].notna().all()


def test_an_item_named_twice_is_refused():
    for call in (
        lambda: survey.MeasurementModel(sheets(), {"a": ["a1", "a2", "a2"]}),
        lambda: survey.htmt(sheets(), {"a": ["a1", "a2"], "b": ["a2", "b1"]}, draws=0),
        lambda: survey.satisfaction_index(sheets(), ["a1", "a1"], SCALE),
        lambda: survey.likert_table(sheets(), SCALE, ["a1", "a1"]),
        lambda: known().answers(sheets(), items=["a1", "a1"]),
        lambda: survey.Questionnaire(pd.concat([QUESTIONS, QUESTIONS.head(1)])),
    ):
        with pytest.raises(ValueError, match="twice|2 times|belongs to one"):
            call()


def test_no_item_at_all_is_refused():
    for call in (
        lambda: survey.MeasurementModel(sheets(), {}),
        lambda: survey.MeasurementModel(sheets(), {"a": []}),
        lambda: survey.satisfaction_index(sheets(), [], SCALE),
        lambda: survey.likert_table(sheets(), SCALE, []),
        lambda: known().answers(sheets(), items=[]),
        lambda: survey.reliability(sheets()[[]]),
        lambda: survey.worth_factoring(sheets()[[]]),
    ):
        with pytest.raises(ValueError, match="item|weights"):
            call()


def test_rows_with_one_and_the_same_label_are_different_respondents():
    table, alike = sheets(), sheets().set_axis([0] * 120)
    for name, call in CALLS.items():
        found, plain = (np.asarray(call(one), dtype=object) for one in (alike, table))
        assert (found == plain)[pd.notna(plain)].all(), name
