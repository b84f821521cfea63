"""What is drawn when first asked for, and the studies of wants, against the truth and their design.

Referees: the truth in the envelope; Kano's evaluation table, as Berger et al. (1993) print it; the projective
plane of order 3, in which each two of 13 points lie on one line; and the company drawn in another order.
"""

from functools import cache

import numpy as np
import pandas as pd
import pytest

from crmlab import company
from crmlab.company import voices
from crmlab.company._draft import Draft
from crmlab.company._draws import Draws
from crmlab.company._schema import declared
from crmlab.company.company import LATER, STEPS
from crmlab.company.levers import Levers, policy

KANO = pd.DataFrame(  # rows: if we offer it; columns: if we do not
    ["QAAAO", "RIIIM", "RIIIM", "RIIIM", "RRRRQ"],
    index=["like", "expect", "neutral", "tolerate", "dislike"],
)[0].apply(list)
NAMES = {"A": "attractive", "O": "one_dimensional", "M": "must_be", "I": "indifferent", "R": "reverse"}


@pytest.fixture(scope="module")
def tea() -> company.Company:
    return company.simulate()


@cache
def whole() -> company.Company:
    return company.simulate(60, rng=1)


def core() -> Draft:
    base = company.world()
    draft = Draft(base, policy(Levers(), base), Draws(1), 60)
    for step in STEPS:
        step(draft)
    return draft


# ---- drawn when first asked for


def test_simulate_draws_nothing_that_can_wait():
    one = company.simulate(50, rng=1)
    drawn = set(one.tables._made) | set(one._truth._made)
    # treatments and customers are drawn at once, what is true of them when asked for
    assert drawn & set(LATER) == {"treatments", "customers"} - set(one._truth._made)
    assert set(LATER) <= set(declared()["company"]) | set(declared()["truth"])
    assert set(one.tables._made) | set(LATER) >= set(declared()["company"])
    assert set(one._truth._made) | set(LATER) >= set(declared()["truth"])


@pytest.mark.slow
def test_a_table_drawn_late_is_the_one_drawn_early_whatever_was_done_meanwhile():
    early, late = whole(), company.simulate(60, rng=1)
    first = {name: early.tables[name] for name in LATER if name in early.tables}
    for name in early.tables:
        if name not in LATER:
            table = late.tables[name]
            for column in table.columns:
                table[column] = table[column].to_numpy()[::-1]
    late.tables["orders"] = late.orders.iloc[:0]
    for name in reversed(first):
        pd.testing.assert_frame_equal(late.tables[name], first[name])
    for name in early._truth:
        pd.testing.assert_frame_equal(late._truth[name], early._truth[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", LATER)
def test_a_later_table_changes_no_other(name):
    alone, without = core(), core()
    before = {side: {one: table.copy() for one, table in getattr(alone, side).items()}
              for side in ("tables", "truth")}  # fmt: skip
    LATER[name](alone)
    for step in LATER.values():
        if step is not LATER[name]:
            step(without)
    for side, tables in before.items():
        for one, table in tables.items():
            pd.testing.assert_frame_equal(getattr(alone, side)[one], table)
    for draft in (alone, without):
        for made, given in ((draft.tables, whole().tables), (draft.truth, whole()._truth)):
            for one, table in made.items():
                pd.testing.assert_frame_equal(table, given[one])


def test_later_tables_are_written_read_told_and_refused_like_others(tmp_path):
    one = whole()
    one.write(tmp_path / "tea", truth=True)
    back = company.Company.read(tmp_path / "tea")
    assert back.hashes().equals(one.hashes())
    assert one.card().loc["kano", "rows"] == len(back.kano)
    assert "kano" in dir(one) and "kano" in one.tables and len(one.tables) == len(list(one.tables))
    with pytest.raises(TypeError, match="cannot be deleted"):
        del one.tables["kano"]
    with pytest.raises(KeyError):
        one.tables["caramels"]


# ---- the questionnaire


def test_every_scored_answer_has_its_question_with_the_ends_of_its_scale(tea):
    for name, table in declared()["company"].items():
        for column in table.columns.values():
            if column.kind.startswith("score"):
                asked = tea.questions.query("table == @name and item == @column.name")
                assert len(asked) > 0, (name, column.name)
                for scale in asked["scale"]:
                    assert [end.split()[0] for end in scale.split(", ")] == column.unit.split(" to ")
    for asked in tea.questions.itertuples():
        assert asked.item in declared()["company"][asked.table].columns
    assert tea.questions["chinese"].str.contains("[一-鿿]").all()
    assert not tea.questions["english"].str.contains("[一-鿿]").any()


def test_the_wording_stands_beside_the_item_on_the_card(tea):
    card = tea.card("surveys")
    assert card.loc["recommend", "english"].startswith("How likely")
    assert card.loc["survey_id", "english"] == "" and "english" not in tea.card("orders")


@pytest.mark.slow
def test_an_item_may_be_reversed_weaker_or_answered_higher(monkeypatch):
    """Referee: the company with the item as it is. A reversed item mirrors the meaning and not the habit."""
    plain = company.simulate(2_000, rng=1).surveys
    items = voices.ITEMS.set_index("item")
    items.loc["trust_2", ["reversed", "centre"]] = ["yes", 11 - items.loc["trust_2", "centre"]]
    items.loc["trust_3", "strength"] = 0.5
    monkeypatch.setattr(voices, "ITEMS", items.reset_index())
    other = company.simulate(2_000, rng=1)
    for name in ("trust_1", "loyalty_1"):
        pd.testing.assert_series_equal(plain[name], other.surveys[name])
    wave = other.surveys.join(other._truth["surveys"].set_index("survey_id"), on="survey_id")
    slopes = wave[["trust", "trust_1", "trust_2", "trust_3"]].corr()["trust"]
    assert slopes["trust_2"] == pytest.approx(-slopes["trust_1"], abs=0.06)
    assert slopes["trust_3"] < 0.7 * slopes["trust_1"]
    assert wave["trust_2"].mean() == pytest.approx(11 - plain["trust_2"].mean(), abs=0.1)


# ---- whom the studies ask


@pytest.mark.parametrize("study", ["kano", "maxdiff"])
def test_a_study_asks_the_living_and_about_300_answer(tea, study):
    asked = tea.tables[study].drop_duplicates("customer_id").merge(tea.customers).merge(
        tea._truth["customers"], on="customer_id"
    )  # fmt: skip
    assert (asked["joined_on"] <= asked["asked_on"]).all() and not (
        asked["left_on"] < asked["asked_on"]
    ).any()
    assert 250 < asked["responded"].sum() < 350
    engaged = asked.groupby("responded")["engagement"].mean()
    assert engaged[True] > engaged[False] + 0.2


# ---- what each feature is


def judged(tea: company.Company) -> pd.DataFrame:
    both = tea.kano.dropna(subset=["functional", "dysfunctional"])
    both = both.merge(tea._truth["kano"], on=["customer_id", "feature"])
    places = both["dysfunctional"].cat.codes
    found = [KANO[wanted][place] for wanted, place in zip(both["functional"], places, strict=True)]
    return both.assign(found=pd.Series(found).map(NAMES))


def test_kano_categories_come_out_of_the_answers(tea):
    told = judged(tea)
    right = told["found"] == told["category"]
    assert right[~told["careless"]].mean() > 0.65 > 0.35 > right[told["careless"]].mean()
    true = pd.crosstab(told["feature"], told["category"], normalize="index")
    seen = pd.crosstab(told["feature"], told["found"], normalize="index")
    second, first = np.sort(true.to_numpy(), axis=1)[:, -2:].T
    clear = first > second + 0.2
    assert clear.sum() >= 5
    assert seen[clear].idxmax(axis=1).tolist() == true[clear].idxmax(axis=1).tolist()
    assert set(true[clear].idxmax(axis=1)) >= set(NAMES.values()) - {"indifferent"}


def test_a_task_of_maxdiff_has_one_best_and_another_worst(tea):
    answered = tea.maxdiff.dropna(subset="best")
    assert answered["responded"].all()
    tasks = answered.groupby(["customer_id", "task"])[["best", "worst"]].sum()
    assert (tasks == 1).all(axis=None) and not (answered["best"] & answered["worst"]).any()


def test_the_design_of_maxdiff_is_a_projective_plane_for_everybody(tea):
    features = len(tea.features)
    shown = tea.maxdiff.sort_values(["customer_id", "task", "place"])["feature"].cat.codes.to_numpy()
    shown = shown.reshape(-1, features, 4)
    assert (np.sort(shown, axis=1) == np.arange(features)[:, None]).all()  # each once in each place
    met = np.sort(shown[:, :, np.transpose(np.triu_indices(4, 1))], axis=-1) @ [features, 1]
    assert all(len(set(person.ravel())) == features * (features - 1) // 2 == person.size for person in met)
    first = tea.maxdiff.query("task == 1 and place == 1")["feature"].value_counts(normalize=True)
    assert first.between(0.03, 0.14).all()  # the lot decides who sees which feature when


def test_worths_come_out_of_the_counts_of_maxdiff(tea):
    true = tea._truth["maxdiff"]
    answered = tea.maxdiff.dropna(subset="best").astype({"best": int, "worst": int})
    answered["score"] = answered["best"] - answered["worst"]
    mean = pd.DataFrame({
        "score": answered.groupby("feature", observed=True)["score"].mean(),
        "worth": true.groupby("feature", observed=True)["worth"].mean(),
    })  # fmt: skip
    assert mean.corr().iloc[0, 1] > 0.95
    own = answered.groupby(["customer_id", "feature"], observed=True)["score"].sum().reset_index().merge(true)
    by_care = {care: rows[["score", "worth"]].corr().iloc[0, 1] for care, rows in own.groupby("careless")}
    assert by_care[False] > 0.55 and abs(by_care[True]) < 0.25


@pytest.mark.parametrize("study", ["kano", "maxdiff"])
def test_worths_are_those_of_the_choice_experiment(tea, study):
    true = tea._truth[study].merge(tea._truth["customers"], on="customer_id")
    for feature, multiple, trait in [("organic", 1, "worth_organic"), ("low_price", -1, "worth_price"),
                                     ("same_day_delivery", -3, "worth_delivery")]:  # fmt: skip
        rows = true[true["feature"] == feature]
        assert np.allclose(rows["worth"], multiple * rows[trait])
    if study == "kano":
        wanted = true.groupby("category", observed=True)["worth"].mean()
        assert wanted["reverse"] < -0.5 < wanted["indifferent"] < 0.2 < wanted["must_be"]
