"""Lesson 26. Referees: statsmodels' ordered model, the package, the twins of six other companies."""

from itertools import combinations

import nbformat
import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from statsmodels.miscmodels.ordinal_model import OrderedModel

from crmlab import company, course, datasets, survey

NOTEBOOK = nbformat.read(course.ROOT / "notebooks" / "26_what_drives_the_purchase.ipynb", as_version=4)
CELLS = {cell.id: cell.source for cell in NOTEBOOK.cells if cell.cell_type == "code"}
ASKED = ["taste", "price", "packaging", "delivery", "staff"]


def lesson(*cells: str, **names):
    """Run cells of the lesson, named by what follows l26- in their ids."""
    names = {
        "np": np, "pd": pd, "survey": survey, "datasets": datasets, "company": company, "smf": smf,
        "OrderedModel": OrderedModel, "combinations": combinations,
    } | names  # fmt: skip
    for cell in cells:
        source = CELLS[f"l26-{cell}"].replace("plot.style()\n", "")
        exec(source, names)
    return names


@pytest.fixture(scope="module")
def tenants():
    return lesson("start", "counts", "shares", "curve", "left", "cuts")


@pytest.fixture(scope="module")
def tea():
    return company.simulate(customers=1_500, rng=3)


def test_the_curve_read_backwards_leads_back(tenants):
    points = np.linspace(-5, 5, 11)
    assert tenants["point_of"](tenants["left_of"](points)) == pytest.approx(points)


def test_with_one_cut_the_shift_by_hand_is_that_of_the_ordered_model(tenants):
    people = tenants["tenants"].copy()
    two = people["satisfaction"].cat.rename_categories({"Medium": "Rest"}).replace({"High": "Rest"})
    people["two"] = two.cat.remove_unused_categories()
    model = OrderedModel.from_formula("two ~ influence", people, distr="logit")
    fit = model.fit(method="bfgs", gtol=1e-8, disp=False)
    shift = tenants["cuts"].loc["Low"] - tenants["cuts"]
    for level in ("Medium", "High"):
        by_hand = shift.loc[level, "first cut"]
        assert fit.params[f"influence[T.{level}]"] == pytest.approx(by_hand, abs=1e-4)


def test_with_two_cuts_the_models_shift_lies_between_those_by_hand(tenants):
    model = OrderedModel.from_formula("satisfaction ~ influence", tenants["tenants"], distr="logit")
    fit = model.fit(method="bfgs", disp=False)
    for level in ("Medium", "High"):
        ends = sorted(tenants["cuts"].loc["Low"] - tenants["cuts"].loc[level])
        assert ends[0] < fit.params[f"influence[T.{level}]"] < ends[1]


def test_the_lessons_curve_gives_the_models_chances(tenants):
    model = OrderedModel.from_formula("satisfaction ~ influence", tenants["tenants"], distr="logit")
    fit = model.fit(method="bfgs", disp=False)
    cuts = model.transform_threshold_params(np.asarray(fit.params))[1:-1]
    shift = fit.params["influence[T.High]"]
    chance = np.diff([0, *tenants["left_of"](cuts - shift), 1])
    told = fit.predict(pd.DataFrame({"influence": pd.Categorical(["High"], ["Low", "Medium", "High"])}))
    assert np.asarray(told)[0] == pytest.approx(chance)


def test_the_average_effect_by_hand_is_the_packages(tenants):
    names = lesson("fit", "twice", tenants=tenants["tenants"])
    told = survey.marginal_effects(names["fit"]).query("predictor == 'influence[T.High]'")
    difference = names["both"]["much"] - names["both"]["little"]
    assert difference.to_numpy() == pytest.approx(told["effect"].to_numpy(), abs=1e-9)


def test_one_shift_is_enough_for_the_tenants(tenants):
    names = lesson("fit", tenants=tenants["tenants"])
    assert round(survey.parallel_slopes(names["fit"]).loc["all", "p_value"], 2) == 0.20


def test_luck_may_make_the_shifts_by_hand_differ_so_much(tenants):
    model = OrderedModel.from_formula("satisfaction ~ influence", tenants["tenants"], distr="logit")
    told = survey.parallel_slopes(model.fit(method="bfgs", disp=False))
    assert round(told.loc["all", "p_value"], 2) == 0.63


def test_another_curve_changes_little(tenants):
    people = tenants["tenants"]
    model = OrderedModel.from_formula("satisfaction ~ influence + type + contact", people, distr="probit")
    fit = model.fit(method="bfgs", disp=False)
    much, little = (fit.predict(people.assign(influence=level)).mean() for level in ("High", "Low"))
    assert round((much - little).iloc[-1], 3) == 0.292


def test_shapley_values_by_hand_are_the_packages(tea):
    names = lesson("sheets", "nothing", "explained", "three", "orders", tea=tea)
    told = survey.drivers(names["sheets"], "satisfaction_1", ["taste", "staff"], draws=0)
    # answers are stored as numbers of single precision
    assert names["sequences"].loc["average"].to_numpy() == pytest.approx(told["lmg"].to_numpy(), abs=1e-6)
    assert names["alone"]["taste"] == pytest.approx(told.loc["taste", "alone"], abs=1e-6)


def test_one_sheet_a_customer_the_latest(tea):
    sheets = lesson("sheets", tea=tea)["sheets"]
    whole = tea.surveys.dropna(subset=["satisfaction_1", *(f"rating_{name}" for name in ASKED)])
    assert set(sheets["customer_id"]) == set(whole["customer_id"])
    latest = whole.groupby("customer_id")["invited_on"].max()
    assert sheets.set_index("customer_id")["invited_on"].sort_index().equals(latest)


def test_who_has_met_nobody_neither_came_nor_telephoned(tea):
    sheets = lesson("sheets", "talks", "met", tea=tea)["sheets"]
    for _, sheet in sheets.sample(60, random_state=1).iterrows():
        own, day = sheet["customer_id"], sheet["responded_on"]
        orders = tea.orders[(tea.orders["customer_id"] == own) & (tea.orders["ordered_at"] <= day)]
        talks = tea.interactions[
            (tea.interactions["customer_id"] == own) & (tea.interactions["sent_at"] <= day)
        ]
        channels = {*orders["channel"], *talks["channel"]}
        assert sheet["met"] == bool(channels & {"visit", "phone"})


def test_the_difference_of_the_slopes_is_that_of_the_two_regressions(tea):
    groups = lesson("sheets", "talks", "met", "groups", tea=tea)["groups"]
    slopes = groups["coefficient of staff"]
    less = slopes["have met staff"] - slopes["have met nobody"]
    assert slopes["difference"] == pytest.approx(less, abs=1e-9)
    # its width, from those of the groups, which need not spread alike around their lines
    half = (groups["high"] - groups["low"]) / 2
    wanted = np.hypot(half["have met staff"], half["have met nobody"])
    assert half["difference"] == pytest.approx(wanted, rel=0.15)


def judged(sheets):
    return survey.penalty_reward(sheets, "satisfaction_1", ASKED, scale=(1, 10), steps=(4, 2))


def test_what_fails_and_what_delights():
    told = judged(lesson("sheets", tea=company.simulate())["sheets"])
    assert told.index[told["kind"] == "basic"].tolist() == ["staff"]
    assert told.loc["staff", ["penalty", "reward"]].round(2).tolist() == [-1.34, 0.83]


@pytest.mark.slow
def test_what_the_lesson_says_of_six_other_companies():
    cells = ["sheets", "means", "tea-fit", "lmg", "waves", "copy", "halves", "foretell", "foretell-table"]
    cells += ["talks", "met", "groups", "rest", "twins", "bet", "brings", "answers", "open", "pairs"]
    cells += ["picks", "scores"]
    changed = 0
    scores, leads, kinds, anew = [], [], [], []
    for seed in range(1, 7):
        names = lesson(*cells, tea=company.simulate(rng=seed))
        found, gain, groups = names["found"], names["gain"], names["groups"]
        # staff leads both rankings, then taste; it brings nothing, and taste most
        assert found["lmg"].nlargest(2).index.tolist() == ["staff", "taste"]
        assert names["moves"]["effect"].nlargest(2).index.tolist() == ["staff", "taste"]
        assert set(found["lmg"].drop("staff").nlargest(2).index) == {"taste", "delivery"}
        assert gain["staff"] == 0 and gain.nlargest(2).index.tolist() == ["taste", "delivery"]
        assert gain["price"] > gain["packaging"]
        changed += found.loc["price", "lmg"] < found.loc["packaging", "lmg"]
        shares = pd.DataFrame(names["shares_of"])
        leads.append(shares["five"].idxmax())
        assert shares["six"][["taste", "our_teas"]].sum() > shares["six"]["staff"]
        assert names["told"]["all five"] > names["told"]["all but staff"] + 0.05
        # who has met nobody and the others: above 0, and not told from each other
        assert groups.drop("difference")["low"].min() > 0
        assert groups.at["difference", "low"] < 0 < groups.at["difference", "high"]
        rises = pd.DataFrame(names["rises"])
        assert (
            rises.loc["satisfaction_1", "better staff"] == 0 < 1 < rises.loc["rating_staff", "better staff"]
        )
        assert rises.loc["rating_staff", "better taste"] > 0.3
        # whatever is made better, the rating of staff follows satisfaction; that of taste follows taste only
        others = rises.drop(columns="better staff")
        ratio = others.loc["rating_staff"] / others.loc["satisfaction_1"]
        assert ratio.between(0.6, 0.9).all() and ratio.max() - ratio.min() < 0.12
        assert rises.loc["rating_taste"].drop("better taste").abs().max() < 0.02
        anew.append(set(names["rest"]["anew"].nlargest(2).index))
        scores.append(names["scores"]["score"])
        told = judged(names["sheets"])
        kinds.append(told.index[told["kind"].isin(["basic", "excitement"])].tolist())
    assert changed == 2
    assert anew.count({"taste", "delivery"}) == 5 and {"taste", "price"} in anew
    assert leads.count("staff") == 5 and leads.count("taste") == 1
    table = pd.DataFrame(scores)
    assert (table["shares, without staff"] == 1).all()
    assert (table["worst rated"].min(), table["worst rated"].max()) == (0.24, 0.41)
    for rule in ("largest shares", "ordered model"):
        assert (table[rule].min(), table[rule].max()) == (0.02, 0.09)
    assert sorted(kinds) == [[], [], ["packaging"], ["price"], ["staff"], ["taste"]]
