"""Questionnaires. Referees: the scoring key of bfi, the company's item table, numpy, answers by hand."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from crmlab import company, datasets
from crmlab.survey import Questionnaire, ReversalWarning

BFI = {
    "A": "agreeableness",
    "C": "conscientiousness",
    "E": "extraversion",
    "N": "neuroticism",
    "O": "openness",
}
KEYED = {"A1", "C4", "C5", "E1", "E2", "O2", "O5"}  # psych::bfi.keys


def questions(names, construct="liking", scale="1 no, 5 yes", **more):
    return pd.DataFrame({"item": list(names), "construct": construct, "scale": scale} | more)


@pytest.fixture(scope="module")
def bfi():
    answers = datasets.load("bfi")
    names = [f"{letter}{i}" for letter in BFI for i in range(1, 6)]
    return answers, questions(names, [BFI[name[0]] for name in names], "1 to 6")


@pytest.fixture(scope="module")
def waves():
    tea = company.simulate(2_000, rng=5)
    rows = tea.questions[(tea.questions["table"] == "surveys") & (tea.questions["version"] == "a")]
    return tea.surveys[(tea.surveys["occasion"] == "wave") & tea.surveys["responded"]], rows


@pytest.fixture
def few():
    return pd.DataFrame({"a": [1, 3, 5, 4, 2], "b": [2, 3, 5, 5, 1], "c": [5, 3, 1, 2, 4]})


# ---- the questionnaire


def test_scales_are_read_from_their_text():
    texts = ["1 very low 很低, 10 very high", "0 not at all, 10 extremely", "1 to 7", "-3 bad, 3 good", "1–5"]
    read = Questionnaire(questions("abcde", scale=texts)).items
    assert read["lowest"].tolist() == [1, 0, 1, -3, 1]
    assert read["highest"].tolist() == [10, 10, 7, 3, 5]


def test_items_without_numbers_are_no_scale(waves):
    rows = waves[1]
    known = Questionnaire(rows)
    assert "purpose" in set(rows["item"]) and "purpose" not in known.items.index
    assert known.items["reversed"].sum() == 3
    assert known.of("trust") == [f"trust_{i}" for i in range(1, 6)]
    assert repr(known) == "<Questionnaire: 41 items, 20 constructs>"


@pytest.mark.parametrize(
    "spelled", [[False, True], ["no", "Yes"], [0, 1], [0.0, 1.0], ["FALSE", "true"], [None, 1]]
)
def test_reversed_is_understood_however_it_is_spelled(spelled):
    if spelled[0] is None:
        with pytest.raises(ValueError, match="says whether an item is reversed: yes or no"):
            Questionnaire(questions("ab", reversed=spelled))
    else:
        assert Questionnaire(questions("ab", reversed=spelled)).items["reversed"].tolist() == [False, True]


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (questions("aab"), "'a' stands in the questionnaire 2 times. If these are versions"),
        (questions("ab", scale="free text"), "No row of 'scale' names a lowest and a highest answer"),
        (questions("ab", scale=["5 to 1", "1 to 5"]), "scale of 'a' does not run from low to high"),
        (questions(["a", None]), "has no 'item' or no 'construct'"),
        (questions("ab").drop(columns="scale"), "There is no column 'scale'"),
        (questions("ab", reversed=["no", "maybe"]), "Row 1 says 'maybe'"),
        (questions("ab").head(0), "No row of 'scale' names"),
    ],
)
def test_a_questionnaire_that_cannot_be_read_is_refused(table, sentence):
    with pytest.raises(ValueError, match=sentence):
        Questionnaire(table)


def test_two_wordings_of_one_item_are_told_apart_by_the_version(waves):
    tea = company.simulate(50, rng=1)
    with pytest.raises(ValueError, match=r"'value_3' stands .* 2 times.*version"):
        Questionnaire(tea.questions[tea.questions["table"] == "surveys"])


# ---- answers


@pytest.mark.parametrize(
    ("column", "sentence"),
    [
        (
            [1, 2, 99, 4, 5],
            r"1 of 5 answers to 'b' lie outside its scale 1 to 5: 99 \(once in row 2\).*=\[99\]",
        ),
        (
            [1, -99, -99, 4, 5],
            r"2 of 5 answers to 'b'.*-99 \(2 times, first in row 1\). If it stands for 'no answer'",
        ),
        ([1, 2, 6, 4, 5], r": 6 \(once in row 2\)"),
        ([1, 2, "often", 4, 5], r"'b' must hold numbers and holds 'often' in row 2 \(1 of 5 are none"),
        ([1, 2, "3", 4, 5], "holds '3' in row 2"),
        ([True, False, True, True, False], "holds True in row 0"),
        ([1, 2, np.inf, 4, 5], r"inf \(once in row 2\)"),
        ([np.nan] * 5, "Nobody answered 'b'"),
        ([None] * 5, "Nobody answered 'b'"),
    ],
)
def test_answers_that_cannot_be_are_refused(few, column, sentence):
    with pytest.raises(ValueError, match=sentence):
        Questionnaire(questions("abc")).answers(few.assign(b=column))


def test_declared_codes_are_missing(few):
    few.loc[2, "b"], few.loc[3, "b"] = -99, 99
    read = Questionnaire(questions("abc")).answers(few, missing=[-99, 99])
    assert read["b"].isna().tolist() == [False, False, True, True, False]
    assert few.loc[2, "b"] == -99  # the input stays as it was


def test_corporate_reputation_in_its_raw_form_needs_its_code():
    raw = datasets.load("corporate_reputation")[["cusl_1", "cusl_2", "cusl_3"]].fillna(-99)
    known = Questionnaire(questions(raw.columns, "loyalty", "1 to 7"))
    with pytest.raises(ValueError, match=r"3 of 344 answers to 'cusl_1' lie outside .*missing=\[-99\]"):
        known.answers(raw)
    assert known.answers(raw, missing=-99).isna().sum().tolist() == [3, 4, 3]


def test_names_that_differ_are_named(few):
    known = Questionnaire(questions("abc"))
    with pytest.raises(
        ValueError, match=r"1 of 3 items .* no columns of the answers: B. Is 'B' the column 'b'"
    ):
        Questionnaire(questions(["a", "B", "c"])).answers(few)
    with pytest.raises(ValueError, match=r"Is 'item_b' the column 'Item_b'\? Rename it"):
        Questionnaire(questions(["a", "item_b"])).answers(few.rename(columns={"b": "Item_b"}))
    with pytest.raises(ValueError, match="no item of the questionnaire 'd'. Valid: a, b, c"):
        known.answers(few, items=["d"])
    with pytest.raises(ValueError, match="There are 2 columns 'a'"):
        known.answers(pd.concat([few, few["a"]], axis=1))
    with pytest.raises(ValueError, match="There is no construct 'x'. Valid: liking"):
        known.of("x")
    with pytest.raises(ValueError, match="not a single respondent"):
        known.answers(few.head(0))


def test_other_engines_give_the_same(few):
    known = Questionnaire(pl.DataFrame(questions("abc", reversed=["no", "no", "yes"])))
    pd.testing.assert_frame_equal(known.turned(pl.DataFrame(few)), known.turned(few))


# ---- reversal


def test_every_forgotten_reversal_of_bfi_is_found_and_no_other(bfi):
    answers, table = bfi
    known = Questionnaire(table)
    with pytest.warns(ReversalWarning, match="A1 .* is not called reversed, but runs against"):
        turned = known.turned(answers)
    assert set(known.against(turned).index) == KEYED


def test_turning_when_asked_is_what_the_key_says(bfi, recwarn):
    answers, table = bfi
    asked = Questionnaire(table).turned(answers, also=sorted(KEYED))
    declared = Questionnaire(table.assign(reversed=table["item"].isin(KEYED))).turned(answers)
    pd.testing.assert_frame_equal(asked, declared)
    assert not [one for one in recwarn if issubclass(one.category, ReversalWarning)]
    for name in asked:
        expected = 7 - answers[name] if name in KEYED else answers[name]
        np.testing.assert_array_equal(asked[name], expected)


def test_an_item_turned_before_is_named_as_turned(waves):
    answers, table = waves
    before = answers.assign(trust_4=11 - answers["trust_4"])
    with pytest.warns(ReversalWarning, match=r"trust_4 \(-0.*is turned, and runs against"):
        Questionnaire(table).turned(before)


@pytest.mark.parametrize("seed", range(6))
def test_the_companys_reversed_items_are_found_without_its_table(seed):
    tea = company.simulate(1_000, rng=seed)
    rows = tea.questions[(tea.questions["table"] == "surveys") & (tea.questions["version"] == "a")]
    known = Questionnaire(rows.assign(reversed=False))
    answers = tea.surveys[(tea.surveys["occasion"] == "wave") & tea.surveys["responded"]]
    with pytest.warns(ReversalWarning):
        found = known.against(known.turned(answers))
    assert set(found.index) == set(rows.loc[rows["reversed"], "item"])


def test_two_items_that_disagree_accuse_nobody(few, recwarn):
    Questionnaire(questions("ac")).turned(few)
    assert not recwarn


def test_items_of_nothing_in_common_accuse_nobody():
    noise = pd.DataFrame(np.random.default_rng(1).integers(1, 6, (300, 4)), columns=list("abcd"))
    known = Questionnaire(questions("abcd"))
    assert known.against(known.answers(noise)).empty


def test_also_must_name_an_item(few):
    with pytest.raises(ValueError, match="also=, 'x'. Valid: a, b, c"):
        Questionnaire(questions("abc")).turned(few, also=["x"])


# ---- the item table and the scores


def test_item_table_agrees_with_numpy(few):
    table = Questionnaire(questions("abc", reversed=[False, False, True])).table(
        few.assign(b=[2, 3, None, 5, 1])
    )
    assert table.loc["b", ["answered", "missing"]].tolist() == [4, 0.2]
    assert table.loc["c", "mean"] == few["c"].mean() and table.loc["c", "sd"] == few["c"].std(ddof=1)
    rest = np.array([(1 + 1) / 2, (3 + 3) / 2, 5, (4 + 4) / 2, (2 + 2) / 2])  # a and 6 - c; row 2 lacks b
    assert table.loc["b", "item_rest"] == pytest.approx(np.corrcoef([2, 3, 5, 1], rest[[0, 1, 3, 4]])[0, 1])


def test_item_alone_or_constant_has_no_rest(few):
    assert np.isnan(Questionnaire(questions("a")).table(few).loc["a", "item_rest"])
    assert np.isnan(Questionnaire(questions("abc")).table(few.assign(a=3)).loc["a", "item_rest"])


def test_scores_need_their_share_of_answers(few):
    known = Questionnaire(questions("abc"))
    turned = known.answers(few.assign(a=[1.0, None, None, 4, 2], b=[2.0, 3, None, 5, 1]))
    assert known.scores(turned)["liking"].tolist()[:2] == [pytest.approx(8 / 3), 3]
    assert np.isnan(known.scores(turned).loc[2, "liking"])
    assert known.scores(turned, at_least=0.3).loc[2, "liking"] == 1
    with pytest.raises(ValueError, match="at_least is a share"):
        known.scores(turned, at_least=2)
    with pytest.raises(ValueError, match="no item of the questionnaire 'x'"):
        known.scores(turned.rename(columns={"a": "x"}))
