"""Satisfaction. Referees: statsmodels, scipy, printed tables, counting by hand, and simulated truths."""

import itertools

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from crmlab import survey
from crmlab._intervals import newcombe, permutation, resampled, wilson


def answers(promoters, passives, detractors):
    return pd.DataFrame({"recommend": [9] * promoters + [8] * passives + [3] * detractors})


# ---- correctness


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.32])
@pytest.mark.parametrize(("count", "n"), [(0, 1), (1, 1), (0, 20), (81, 263), (999, 1000), (5, 10)])
def test_wilson_is_statsmodels(count, n, alpha):
    theirs = proportion_confint(count, n, alpha, method="wilson")
    assert [float(end) for end in wilson(count, n, alpha)] == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize("pair", [(56, 70, 48, 80), (0, 10, 0, 20), (10, 10, 0, 10), (1, 3, 2, 900)])
def test_newcombe_is_statsmodels(pair):
    theirs = confint_proportions_2indep(*pair, method="newcomb", compare="diff")
    assert [float(end) for end in newcombe(pair[:2], pair[2:])] == pytest.approx(theirs, abs=1e-9)


def test_top_box_counts_the_highest_answers_and_tells_who_did_not_answer():
    table = pd.DataFrame(
        {"satisfied": [5, 4, 4, 3, np.nan, 1, 5], "shop": ["a", "a", "b", "b", "b", "b", "b"]}
    )
    found = survey.top_box(table, "satisfied", (1, 5), by="shop")
    assert found["n"].tolist() == [2, 4] and found["missing"].tolist() == [0, 1]
    assert found["share"].tolist() == [1.0, 0.5]
    assert found.loc["b", ["low", "high"]].tolist() == pytest.approx(
        proportion_confint(2, 4, method="wilson"), abs=1e-12
    )
    assert survey.top_box(table, "satisfied", (1, 5), top=1)["share"].item() == pytest.approx(2 / 6)


def test_nps_wald_is_the_interval_of_the_mean_of_one_zero_and_minus_one():
    table = answers(50, 30, 20)
    kinds = 100 * (table["recommend"] >= 9).astype(int) - 100 * (table["recommend"] <= 6).astype(int)
    error = kinds.std(ddof=0) / 10
    found = survey.nps(table, method="wald").loc["all"]
    assert found[["nps", "low", "high"]].tolist() == pytest.approx(
        [30, 30 - 1.959964 * error, 30 + 1.959964 * error], abs=1e-4
    )
    assert found[["promoters", "passives", "detractors"]].tolist() == pytest.approx([0.5, 0.3, 0.2])


def test_adjusted_wald_is_wald_after_three_answers_more():
    # 4 × as many of each, and then 3 × 4 more, a quarter of them promoters and a quarter detractors
    adjusted = survey.nps(answers(5, 3, 2)).loc["all"]
    more = survey.nps(answers(4 * 5 + 3, 4 * 3 + 6, 4 * 2 + 3), method="wald").loc["all"]
    middle, half = more["nps"], (more["high"] - more["low"]) / 2 * 52**0.5 / 13**0.5
    assert adjusted[["low", "high"]].tolist() == pytest.approx([middle - half, middle + half])


def test_bootstrap_by_counts_is_scipys_bootstrap_one_by_one():
    table = answers(40, 35, 25)
    kinds = (table["recommend"] >= 9).astype(float) - (table["recommend"] <= 6)
    theirs = stats.bootstrap((100 * kinds,), np.mean, n_resamples=20_000, method="percentile", rng=1)
    ours = survey.nps(table, method="bootstrap", draws=20_000, rng=2).loc["all"]
    assert ours[["low", "high"]].tolist() == pytest.approx(list(theirs.confidence_interval), abs=1.01)


def test_weighted_bootstrap_draws_respondents_with_their_weights():
    rng = np.random.default_rng(5)
    table = pd.DataFrame({"recommend": rng.integers(0, 11, 150), "w": rng.gamma(2, 1, 150)})
    kinds = ((table["recommend"] >= 9) * 1 - (table["recommend"] <= 6)).to_numpy()
    rows = rng.integers(150, size=(20_000, 150))
    heavy = table["w"].to_numpy()[rows]
    by_hand = 100 * (heavy * kinds[rows]).sum(axis=1) / heavy.sum(axis=1)
    ours = survey.nps(table, weights="w", method="bootstrap", draws=20_000).loc["all"]
    assert ours[["low", "high"]].tolist() == pytest.approx(
        np.quantile(by_hand, [0.025, 0.975]).tolist(), abs=0.8
    )


def coverage(n, chances, method):
    """Return how often the interval holds the truth: over every sample of n, weighted with its chance."""
    truth, held = 100 * (chances[0] - chances[2]), 0.0
    for p, d in itertools.product(range(n + 1), repeat=2):
        if p + d > n or (method != "adjusted" and n in (p, d, n - p - d)):
            continue  # Wald and bootstrap have no interval where all answers are of one kind
        found = survey.nps(answers(p, n - p - d, d), method=method, draws=400).loc["all"]
        if found["low"] <= truth <= found["high"]:
            held += stats.multinomial.pmf([p, n - p - d, d], n, chances)
    return held


@pytest.mark.parametrize("method", ["adjusted", "bootstrap", "wald"])
def test_nps_intervals_hold_the_truth_about_as_often_as_they_say(method):
    assert 0.92 < coverage(20, [0.45, 0.35, 0.2], method) < 0.97


def test_adjusted_wald_holds_better_where_nearly_all_are_of_one_kind():
    """Ten answers, nine in ten of them promoters."""
    assert coverage(10, [0.9, 0.08, 0.02], "adjusted") > 0.9
    assert coverage(10, [0.9, 0.08, 0.02], "wald") < 0.7


def test_mean_difference_is_welchs():
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"x": rng.integers(1, 11, 90), "wave": np.repeat([1, 2], [30, 60])})
    parts = [DescrStatsW(table.loc[table["wave"] == wave, "x"]) for wave in (2, 1)]
    found = survey.score_difference(table, "x", "wave", "mean", scale=(1, 10))
    assert found[["low", "high"]].tolist() == pytest.approx(
        CompareMeans(*parts).tconfint_diff(usevar="unequal")
    )
    assert found["difference"] == pytest.approx(parts[0].mean - parts[1].mean)


def test_nps_difference_holds_the_truth():
    rng, held = np.random.default_rng(8), dict.fromkeys(["adjusted", "wald", "bootstrap"], 0)
    for _ in range(150):
        sizes = [rng.multinomial(60, chances) for chances in ([0.4, 0.4, 0.2], [0.5, 0.3, 0.2])]
        both = pd.concat([answers(*one).assign(wave=wave) for wave, one in enumerate(sizes)])
        for method in held:
            found = survey.score_difference(both, "recommend", "wave", method=method, draws=300, rng=rng)
            held[method] += found["low"] <= 10 <= found["high"]
    assert all(0.90 <= count / 150 <= 0.995 for count in held.values()), held


def test_index_by_the_formula_of_item_means():
    rng = np.random.default_rng(2)
    table = pd.DataFrame(rng.integers(1, 11, (50, 3)), columns=["a", "b", "c"])
    shares = {"a": 0.4, "b": 0.25, "c": 0.35}
    found = survey.satisfaction_index(table, shares, (1, 10)).loc["all"]
    by_means = sum(share * table[item].mean() for item, share in shares.items())
    assert found["index"] == pytest.approx(100 * (by_means - 1) / 9)
    each = 100 * (sum(share * table[item] for item, share in shares.items()) - 1) / 9
    assert found[["low", "high"]].tolist() == pytest.approx(DescrStatsW(each).tconfint_mean())


def test_resampled_ends_and_shuffled_groups_are_scipys():
    rng = np.random.default_rng(1)
    values = rng.exponential(1, 60)
    made = stats.bootstrap((values,), np.mean, n_resamples=4000, method="basic", rng=1)
    ours = resampled(made.bootstrap_distribution, values.mean(), kind="basic")
    assert [float(end) for end in ours] == pytest.approx(list(made.confidence_interval))
    group = np.arange(60) < 25
    measured, p_value = permutation(lambda g: values[g].mean() - values[~g].mean(), group, 4000)
    theirs = stats.permutation_test(
        (values[group], values[~group]),
        lambda a, b, axis: abs(a.mean(axis=axis) - b.mean(axis=axis)),
        alternative="greater", n_resamples=4000, rng=4,
    )  # fmt: skip
    assert measured == pytest.approx(values[group].mean() - values[~group].mean())
    assert p_value == pytest.approx(theirs.pvalue, abs=0.03)


# ---- consistency: two ways to one number


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
def test_equal_weights_of_any_size_are_no_weights(scale):
    table = answers(5, 4, 3).assign(w=scale)
    assert survey.nps(table, weights="w").round(9).equals(survey.nps(table).round(9))
    one, other = (survey.top_box(table, "recommend", (0, 10), weights=w) for w in ("w", None))
    assert one.to_numpy(float) == pytest.approx(other.to_numpy(float))
    drawn = survey.nps(table, weights="w", method="bootstrap", rng=1)
    assert drawn.to_numpy(float) == pytest.approx(
        survey.nps(table, method="bootstrap", rng=1).to_numpy(float)
    )


@pytest.mark.parametrize("seed", range(5))
def test_weighted_scores_are_those_of_repeated_rows_and_a_weight_of_zero_is_an_absence(seed):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"recommend": rng.integers(0, 11, 40), "w": rng.integers(0, 5, 40)})
    table.loc[0, "w"] = 3
    repeated = table.loc[table.index.repeat(table["w"])]
    for measure in (survey.nps, lambda t, **k: survey.top_box(t, "recommend", (0, 10), **k)):
        column = "nps" if measure is survey.nps else "share"
        assert measure(table, weights="w")[column].item() == pytest.approx(measure(repeated)[column].item())
    there = table[table["w"] > 0]
    whole, part = survey.nps(table, weights="w"), survey.nps(there, weights="w")
    assert whole.drop(columns="n").equals(part.drop(columns="n"))


def test_a_group_alone_is_the_group_among_others_and_the_index_is_the_share_on_a_scale_of_two():
    rng = np.random.default_rng(2)
    table = pd.DataFrame({"recommend": rng.integers(0, 11, 90), "wave": rng.integers(1, 4, 90)})
    by_wave = survey.nps(table, by="wave")
    for wave, row in by_wave.iterrows():
        alone = survey.nps(table[table["wave"] == wave]).loc["all"]
        assert alone.tolist() == pytest.approx(row.tolist())
    table["yes"] = rng.integers(0, 2, 90)
    index = survey.satisfaction_index(table, ["yes"], (0, 1))["index"].item()
    assert index == pytest.approx(100 * survey.top_box(table, "yes", (0, 1), top=1)["share"].item())


def test_difference_is_that_of_the_two_scores_and_turns_round_with_the_groups():
    table = pd.concat([answers(5, 4, 3).assign(w="a"), answers(9, 2, 2).assign(w="b")])
    one = survey.score_difference(table, "recommend", "w")
    scores = survey.nps(table, by="w")["nps"]
    assert one["difference"] == pytest.approx(scores["b"] - scores["a"])
    other = survey.score_difference(table.replace({"a": "z"}), "recommend", "w")
    assert other[["low", "high"]].tolist() == pytest.approx([-one["high"], -one["low"]])


def test_every_engine_and_pandas_own_numbers_give_the_same():
    table = answers(5, 4, 3).assign(w=1.5)
    table.loc[0, "recommend"] = np.nan
    wanted = survey.nps(table, weights="w")
    polars = pl.DataFrame(
        {"recommend": [None if np.isnan(x) else int(x) for x in table["recommend"]], "w": table["w"].tolist()}
    )
    for other in (polars, polars.lazy(), polars.to_arrow(), table.convert_dtypes()):
        pd.testing.assert_frame_equal(survey.nps(other, weights="w"), wanted, check_index_type=False)


def test_the_order_of_rows_does_not_matter():
    rng = np.random.default_rng(2)
    table = pd.DataFrame({"recommend": rng.integers(0, 11, 200), "w": rng.gamma(2, 1, 200)})
    mixed = table.sample(frac=1, random_state=1)
    one, other = (survey.nps(t, weights="w", method="bootstrap", rng=3) for t in (table, mixed))
    pd.testing.assert_frame_equal(one, other)


def test_input_is_not_changed():
    table = answers(5, 4, 3).assign(w=1.0, wave=[1, 2] * 6)
    before = table.copy()
    survey.nps(table, by="wave", weights="w")
    survey.score_difference(table, "recommend", "wave")
    pd.testing.assert_frame_equal(table, before)


# ---- bad input


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([9, -99, 8], r"1 of 3 answers to 'recommend' lie outside its scale 0 to 10: -99 .*row 1"),
        ([9, 99, 99], r"2 of 3 answers .* 99 \(2 times, first in row 1\)"),
        ([9, np.inf, 8], "outside its scale"),
        ([9, 8.5, 8], "between its steps: 8.5"),
        (["9", "8", "ten"], r"must hold numbers and holds '9' in row 0"),
        ([9, 8, "very likely"], "holds 'very likely' in row 2"),
        ([True, False, True], "must hold numbers"),
        ([np.nan] * 3, "Nobody answered 'recommend'"),
    ],
)
def test_answers_that_are_none_are_refused_with_the_row(given, told):
    table = pd.DataFrame({"recommend": given})
    with pytest.raises(ValueError, match=told):
        survey.nps(table)
    if told[0] not in "b":
        with pytest.raises(ValueError, match=told.replace("0 to 10", "0 to 10")):
            survey.top_box(table, "recommend", (0, 10))


@pytest.mark.parametrize(
    ("weights", "told"),
    [
        ([1, -1, 1], "negative; the first is -1 in row 1"),
        ([1, np.nan, 1], "missing, infinite or negative; the first is nan in row 1"),
        ([1, np.inf, 1], "infinite"),
        ([0, 0, 0], "All weights are 0"),
        ([1, 1], "one number per row: 3 rows"),
        ("w", "no column 'w'"),
        (["a", "b", "c"], "must be a finite number"),
    ],
)
def test_weights_that_are_none_are_refused_with_the_row(weights, told):
    with pytest.raises(ValueError, match=told):
        survey.nps(pd.DataFrame({"recommend": [9, 5, 8]}), weights=weights)


def test_who_did_not_answer_needs_no_weight():
    table = pd.DataFrame({"recommend": [9, np.nan, 5], "w": [1, np.nan, 1]})
    assert survey.nps(table, weights="w")["n"].item() == 2


def test_one_respondent_and_all_alike_have_an_interval_that_is_wide_or_are_refused():
    one = survey.nps(pd.DataFrame({"recommend": [10]})).loc["all"]
    assert one["nps"] == 100 and one["high"] - one["low"] > 50
    assert survey.top_box(pd.DataFrame({"x": [10]}), "x", (1, 10))["low"].item() < 0.21
    for method in ("wald", "bootstrap"):
        with pytest.raises(ValueError, match="are of promoters: an interval by Wald or bootstrap"):
            survey.nps(answers(20, 0, 0), method=method)
    index = survey.satisfaction_index(pd.DataFrame({"a": [7, 7, 7]}), ["a"], (1, 10)).loc["all"]
    assert index["index"] == pytest.approx(200 / 3) and np.isnan(index["low"])
    with pytest.raises(ValueError, match="Group 1 has one respondent"):
        survey.score_difference(
            pd.DataFrame({"x": [1, 5, 6], "g": [1, 2, 2]}), "x", "g", "mean", scale=(1, 10)
        )


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda t: survey.nps(t, item="recomend"), "no column 'recomend'. Did you mean 'recommend'"),
        (lambda t: survey.nps(t, method="exact"), "no method 'exact'"),
        (lambda t: survey.nps(t, alpha=95), "alpha must lie between 0 and 1"),
        (lambda t: survey.nps(t, by="shop"), "rows have no 'shop'"),
        (lambda t: survey.nps(t, by="empty"), "In group 'y' of 'empty' nobody answered"),
        (lambda t: survey.nps(t, method="bootstrap", draws=0), "draws must be a whole number"),
        (lambda t: survey.top_box(t, "recommend", (0, 10), top=11), "then everybody is satisfied"),
        (lambda t: survey.top_box(t, "recommend", (10, 0)), "scale is the lowest and the highest"),
        (lambda t: survey.score_difference(t, "recommend", "three"), "'three' has 3 groups"),
        (lambda t: survey.satisfaction_index(t, {"recommend": -1}, (0, 10)), "at least 0"),
        (lambda t: survey.satisfaction_index(t, {"recommend": 0}, (0, 10)), "not all 0"),
        (lambda t: survey.satisfaction_index(t, ["recommend", "other"], (0, 10)), "Nobody answered all"),
        (lambda t: survey.nps([1, 2]), "A pandas DataFrame is needed"),
    ],
)
def test_other_slips_are_told(call, told):
    table = pd.DataFrame(
        {
            "recommend": [9, 5, 8, np.nan],
            "other": [np.nan, np.nan, np.nan, 3],
            "shop": ["a", "b", None, "a"],
            "empty": ["x", "x", "x", "y"],
            "three": [1, 2, 3, 1],
        }
    )
    with pytest.raises(ValueError, match=told):
        call(table)
