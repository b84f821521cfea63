"""Coders, machines, saturation. Referees: formulas written out, scikit-learn, simulation, closed cases."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.metrics import cohen_kappa_score

from crmlab._intervals import IntervalWarning
from crmlab.collect import agreement, machine_codes, saturation


def two(rng, n=200, k=4, same=0.6):
    one = rng.integers(0, k, n)
    other = np.where(rng.random(n) < same, one, rng.integers(0, k, n))
    return pd.DataFrame({"one": one, "other": other})


def brute_alpha(table, far):
    """Alpha by going through all pairs, as its definition reads."""
    units = [[code for code in row if code == code] for row in table.to_numpy(float)]
    units = [row for row in units if len(row) > 1]
    codes = [code for row in units for code in row]
    n = len(codes)
    within = [
        far(row[i], row[j]) / (len(row) - 1)
        for row in units
        for i in range(len(row))
        for j in range(len(row))
        if i != j
    ]
    among = [far(codes[i], codes[j]) for i in range(n) for j in range(n) if i != j]
    return 1 - (sum(within) / n) / (sum(among) / (n * (n - 1)))


# ---- correctness


@pytest.mark.parametrize(("weights", "name"), [("linear", "linear"), ("quadratic", "quadratic")])
def test_kappas_are_those_of_scikit_learn(weights, name):
    codes = two(np.random.default_rng(1))
    found = agreement(codes, "ordinal", weights=weights, draws=5)["value"]
    assert found["kappa"] == pytest.approx(cohen_kappa_score(codes["one"], codes["other"]))
    assert found["weighted_kappa"] == pytest.approx(
        cohen_kappa_score(codes["one"], codes["other"], weights=name)
    )


@pytest.mark.parametrize(
    ("scale", "far"),
    [
        ("nominal", lambda a, b: a != b),
        ("interval", lambda a, b: (a - b) ** 2),
        ("ratio", lambda a, b: ((a - b) / (a + b)) ** 2 if a != b else 0),
    ],
)
def test_alpha_with_gaps_is_that_of_all_pairs(scale, far):
    rng = np.random.default_rng(2)
    codes = pd.DataFrame(rng.integers(0, 4, (25, 3)), columns=list("abc")).astype(float)
    codes = codes.mask(rng.random(codes.shape) < 0.25)
    assert agreement(codes, scale, draws=5).loc["alpha", "value"] == pytest.approx(brute_alpha(codes, far))


def test_ordinal_alpha_counts_the_codes_between_two():
    codes = pd.DataFrame({"a": [1, 1, 2, 3, 5, 5], "b": [1, 2, 2, 3, 3, 5]})
    total = codes.stack().value_counts().sort_index()

    def far(c, k):
        low, high = min(c, k), max(c, k)
        return (total.loc[low:high].sum() - (total[low] + total[high]) / 2) ** 2 if c != k else 0

    assert agreement(codes, "ordinal", draws=5).loc["alpha", "value"] == pytest.approx(
        brute_alpha(codes, far)
    )


def test_the_interval_of_alpha_holds_it_as_often_as_it_says():
    rng = np.random.default_rng(3)
    truth = agreement(two(rng, 200_000), draws=1).loc["alpha", "value"]
    held = 0
    for _ in range(100):
        row = agreement(two(rng, 120), draws=200, rng=rng).loc["alpha"]
        held += row["low"] <= truth <= row["high"]
    assert 89 <= held <= 100


def test_the_chance_of_a_new_code_is_right_on_average():
    rng = np.random.default_rng(4)
    weights = 1 / np.arange(1, 41)
    said, came = [], []
    for _ in range(400):
        draws = [set(rng.choice(40, 3, p=weights / weights.sum())) for _ in range(21)]
        rows = [(number, code) for number, held in enumerate(draws) for code in held]
        told = pd.DataFrame(rows, columns=["interview", "code"])
        course = saturation(told)
        said.append(course.iloc[19]["chance_new"])
        came.append(course.iloc[20]["new"] > 0)
    # the chance speaks of the interview before the last as much as of the next: a little too high
    assert np.mean(said) == pytest.approx(np.mean(came), abs=0.06)


# ---- consistency


def test_two_coders_without_gaps_have_nearly_the_same_kappa_and_alpha():
    found = agreement(two(np.random.default_rng(5), 2000), draws=5)["value"]
    assert found["kappa"] == pytest.approx(found["alpha"], abs=0.002)


def test_names_orders_and_engines_do_not_matter():
    codes = two(np.random.default_rng(6))
    named = codes.replace(dict(enumerate(["tea", "茶", "🍵", ""]))).astype(object)
    turned = codes[["other", "one"]].iloc[::-1]
    first = agreement(codes, draws=50)
    assert agreement(named, draws=50)["value"].to_dict() == pytest.approx(first["value"].to_dict())
    assert agreement(turned, draws=50)["value"].to_dict() == pytest.approx(first["value"].to_dict())
    pd.testing.assert_frame_equal(agreement(pl.from_pandas(codes), draws=50), first)


def test_equal_weights_give_plain_kappa():
    codes = two(np.random.default_rng(7))
    same = pd.DataFrame(1 - np.eye(4))
    found = agreement(codes, weights=same, draws=5)
    assert found.loc["weighted_kappa", "value"] == pytest.approx(found.loc["kappa", "value"])


def test_ordered_categories_are_their_numbers():
    codes = two(np.random.default_rng(8))
    kind = pd.CategoricalDtype(["no", "little", "some", "much"], ordered=True)
    named = codes.replace(dict(enumerate(kind.categories))).astype(kind)
    one, other = (agreement(table, "ordinal", "linear", draws=20) for table in (codes, named))
    pd.testing.assert_frame_equal(one, other)


def test_nothing_given_is_changed_and_equal_seeds_give_equal_intervals():
    codes = two(np.random.default_rng(9))
    before = codes.copy()
    pd.testing.assert_frame_equal(agreement(codes, rng=3, draws=20), agreement(codes, rng=3, draws=20))
    pd.testing.assert_frame_equal(codes, before)


# ---- bad input


def test_one_coder_has_nobody_to_agree_with():
    with pytest.raises(ValueError, match="two coders, a column each; there are 1"):
        agreement(pd.DataFrame({"Ann": ["a", "b"]}))


def test_one_code_leaves_nothing_beyond_chance():
    with pytest.raises(ValueError, match="All codes are 'no'.*beyond chance there is nothing"):
        agreement(pd.DataFrame({"Ann": ["no"] * 5, "Ben": ["no"] * 5}))


def test_a_code_used_once_is_counted_and_a_sample_without_it_is_told():
    codes = pd.DataFrame({"Ann": ["no"] * 9 + ["yes"], "Ben": ["no"] * 10})
    with pytest.warns(IntervalWarning, match="samples held one code"):
        found = agreement(codes)["value"]
    assert found["agreed"] == 0.9 and found["kappa"] == 0


def test_units_that_one_coder_has_read_do_not_count():
    codes = pd.DataFrame({"Ann": ["a", "b", "a", None], "Ben": ["a", "b", None, "b"]})
    with pytest.warns(IntervalWarning):
        assert agreement(codes)["units"].tolist() == [2, 2, 2]
    with pytest.raises(ValueError, match="No unit has the codes of two coders"):
        agreement(pd.DataFrame({"Ann": ["a", None], "Ben": [None, "a"]}))


@pytest.mark.parametrize(
    ("values", "scale", "weights", "message"),
    [
        ([1, "1"], "nominal", None, "of one type"),
        (["a", "b"], "ordinal", None, "numbers or one ordered category"),
        ([1.0, -1.0], "ratio", None, "not negative"),
        ([1.0, np.inf], "interval", None, "finite"),
        (["a", "b"], "nominal", "linear", "no order"),
        ([1, 2], "ordinal", "cubic", "kind of weights"),
        (["a", "b"], "nominal", pd.DataFrame([[0]], ["a"], ["a"]), "a row and a column for each code"),
        (["a", "b"], "nominal", pd.DataFrame([[1, 1], [1, 0]], ["a", "b"], ["a", "b"]), "0 on the diagonal"),
        (["a", "b"], "metric", None, "There is no scale"),
    ],
)
def test_codes_and_weights_that_do_not_fit_are_refused(values, scale, weights, message):
    codes = pd.DataFrame({"Ann": pd.Series(values * 5), "Ben": pd.Series(values * 5)})
    with pytest.raises(ValueError, match=message):
        agreement(codes, scale, weights, draws=5)


def test_weighted_kappa_is_for_two():
    with pytest.raises(ValueError, match="two coders; there are 3"):
        agreement(two(np.random.default_rng(1)).assign(third=1), "ordinal", "linear", draws=5)


def test_interviews_in_pieces_or_without_a_code():
    with pytest.raises(ValueError, match="stand apart"):
        saturation(pd.DataFrame({"interview": [1, 2, 1], "code": ["a", "b", "c"]}))
    course = saturation(pd.DataFrame({"interview": [1, 2, 3], "code": [None, "b", None]}))
    assert course["found"].tolist() == [0, 1, 1] and course["chance_new"].tolist()[0] == 0
    with pytest.raises(ValueError, match="which interview"):
        saturation(pd.DataFrame({"interview": [None], "code": ["a"]}))


# ---- the machine


@pytest.fixture(scope="module")
def said():
    rng = np.random.default_rng(10)
    words = {"tin": ["tin", "lid", "leak", "罐子"], "price": ["dear", "cheap", "bill", "价格"]}
    codes = rng.choice(list(words), 60)
    return pd.Series([f"{' '.join(rng.choice(words[code], 3))} {i}" for i, code in enumerate(codes)]), codes


def test_the_machine_learns_and_judges_texts_that_it_has_not_seen(said):
    texts, codes = said
    assert (machine_codes(texts, codes)["code"] == codes).mean() > 0.9
    shuffled = np.random.default_rng(11).permutation(codes)
    assert 0.2 < (machine_codes(texts, shuffled)["code"] == shuffled).mean() < 0.75  # nothing to learn


def test_equal_texts_lie_in_one_fold():
    texts = [f"text {number} {'🍵' * number}" for number in range(12) for _ in range(2)]
    codes = [code for _ in range(12) for code in ("a", "b")]  # each text once a and once b
    found = machine_codes(texts, codes, folds=3)
    assert found["code"][::2].tolist() == found["code"][1::2].tolist()


def test_empty_texts_and_one_emoji_get_no_code(said):
    texts, codes = said
    odd = pd.concat([texts, pd.Series(["", "  ", "🍵", None, "!?"])], ignore_index=True)
    given = [*codes, "tin", "tin", "price", "tin", "tin"]
    found = machine_codes(odd, given).tail(5)
    assert found.isna().all(axis=None)


def test_a_code_used_once_cannot_be_learned(said):
    texts, codes = said
    with pytest.raises(ValueError, match=r"Code 'voice' has 1 text\(s\)"):
        machine_codes(texts, ["voice", *codes[1:]])
    with pytest.raises(ValueError, match="two are needed"):
        machine_codes(texts, ["tin"] * 60)
    with pytest.raises(ValueError, match="60 texts and 2 codes"):
        machine_codes(texts, ["tin", "price"])
