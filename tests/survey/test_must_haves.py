"""Kano, best–worst choices, tastes that differ. Referees: closed forms, brute force, statsmodels, xlogit."""

import itertools
import re

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy.special import softmax
from scipy.stats import binom
from statsmodels.discrete.conditional_models import ConditionalLogit as Theirs

from crmlab import survey
from crmlab._results import FitWarning
from crmlab.survey import mixed

FIVE = ["like", "expect", "neutral", "tolerate", "dislike"]
NAMES = ["price", "organic", "garden"]
ENGINES = {
    "polars": pl.from_pandas,
    "polars, lazy": lambda t: pl.from_pandas(t).lazy(),
    "pyarrow": lambda t: pa.Table.from_pandas(t, preserve_index=False),
    "duckdb": lambda t: duckdb.from_df(t),
    "other rows": lambda t: t.sample(frac=1, random_state=1),
    "one index": lambda t: t.set_axis([0] * len(t)),
}

# ---- Kano


def asked(**counts):
    """Return answers about one feature: so many of each pair, named with__without."""
    pairs = [name.split("__") for name, count in counts.items() for _ in range(count)]
    table = pd.DataFrame(pairs, columns=["functional", "dysfunctional"])
    return table.assign(feature="lid", who=range(len(table)))


def test_the_25_pairs_of_answers_have_the_categories_of_the_standard_table():
    pairs = pd.DataFrame(itertools.product(FIVE, FIVE), columns=["functional", "dysfunctional"])
    found = survey.kano_categories(pairs)
    for (there, missing), category in zip(pairs.itertuples(index=False), found, strict=True):
        if there == missing and there in ("like", "dislike"):
            expected = "questionable"
        elif there == "dislike" or missing == "like":
            expected = "reverse"
        elif there == "like":
            expected = "one_dimensional" if missing == "dislike" else "attractive"
        else:
            expected = "must_be" if missing == "dislike" else "indifferent"
        assert category == expected, (there, missing)


def test_better_and_worse_are_the_shares_of_the_textbook_with_wilsons_interval():
    table = asked(
        like__neutral=7,
        like__dislike=32,
        expect__dislike=49,
        neutral__neutral=10,
        dislike__like=1,
        like__like=1,
    )
    found = survey.kano(table).loc["lid"]
    assert found["answers"] == 100 and found["category"] == "must_be"
    assert found["better"] == pytest.approx(39 / 98) and found["worse"] == pytest.approx(-81 / 98)
    z, n = 1.959963984540054, 98
    for name, count in (("better", 39), ("worse", 81)):
        share = count / n
        middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
        ends = np.array([middle - half, middle + half]) * (1 if name == "better" else -1)
        assert found[[f"{name}_low", f"{name}_high"]].tolist() == pytest.approx(sorted(ends))


def test_a_category_stays_as_often_as_the_binomial_law_says():
    found = survey.kano(asked(expect__dislike=26, neutral__neutral=23), draws=20_000).loc["lid"]
    # of 49 drawn at least 25 must be must-haves; there is no tie
    assert found["stays"] == pytest.approx(binom.sf(24, 49, 26 / 49), abs=4 * 0.5 / np.sqrt(20_000))
    assert survey.kano(asked(expect__dislike=5)).loc["lid", "stays"] == 1


def test_of_categories_that_are_as_frequent_the_one_missed_most_is_told():
    table = asked(like__neutral=3, expect__dislike=3, neutral__neutral=3)
    assert survey.kano(table).loc["lid", "category"] == "must_be"


def test_answers_left_out_do_not_count_and_only_unwanted_features_have_no_better():
    table = asked(dislike__like=3, neutral__neutral=1)
    table.loc[3, "functional"] = None
    found = survey.kano(table).loc["lid"]
    assert found["answers"] == 3 and found["category"] == "reverse"
    assert found[["better", "better_low", "worse", "worse_high"]].isna().all()


def test_kano_takes_other_engines_and_other_words():
    table = asked(like__neutral=3, expect__dislike=4)
    numbers = table.replace(dict(zip(FIVE, range(1, 6), strict=True)))
    ours = survey.kano(table)
    for engine in ENGINES.values():
        pd.testing.assert_frame_equal(survey.kano(engine(table)), ours)
    pd.testing.assert_frame_equal(survey.kano(numbers, answers=[1, 2, 3, 4, 5]), ours)


@pytest.mark.parametrize(
    ("change", "options", "told"),
    [
        ({"functional": "love"}, {}, "a 'functional' that is none of the five answers"),
        ({"dysfunctional": 3}, {}, "a 'dysfunctional' that is none of the five answers"),
        ({"feature": None}, {}, "no 'feature'"),
        ({"functional": None}, {}, "Nobody answered both questions about ['lid']"),
        ({"who": 1}, {"respondent": "who"}, "a 'who' who answered about this 'feature' before"),
        ({}, {"answers": FIVE[:4]}, "five different answers"),
        ({}, {"answers": ["like"] * 5}, "five different answers"),
        ({}, {"answers": set(FIVE)}, "five different answers"),
        ({}, {"answers": None}, "five different answers"),
        ({}, {"dysfunctional": "functional"}, "each once"),
        ({}, {"feature": "functional"}, "each once"),
        ({}, {"respondent": "nobody"}, "nobody"),
        ({"who": None}, {"respondent": "who"}, "no 'who'"),
        ({}, {"draws": 0}, "draws"),
        ({}, {"alpha": 2}, "alpha"),
        ({}, {"feature": "thing"}, "thing"),
    ],
)
def test_kano_refuses(change, options, told):
    with pytest.raises(ValueError, match=re.escape(told)):
        survey.kano(asked(like__neutral=2).assign(**change), **options)


def test_features_are_those_asked_about_in_the_order_of_their_categories_numbers_and_texts_too():
    both = pd.concat([asked(like__neutral=3), asked(expect__dislike=4).assign(feature="app")])
    kinds = both.assign(feature=pd.Categorical(both["feature"], ["never", "lid", "app"]))
    found = survey.kano(kinds)
    assert found.index.tolist() == ["lid", "app"] and found["answers"].tolist() == [3, 4]
    odd = survey.kano(both.replace({"feature": {"lid": 1, "app": "1"}}))
    assert odd.index.tolist() == [1, "1"] and odd["category"].tolist() == ["attractive", "must_be"]


def test_a_feature_alone_has_the_shares_that_it_has_among_others_and_nothing_given_is_changed():
    both = pd.concat([asked(like__neutral=3, like__dislike=4), asked(expect__dislike=4, dislike__like=5)])
    both["feature"] = ["lid"] * 7 + ["app"] * 9
    before, shares = both.copy(), ["answers", *survey.kano_categories(both).cat.categories, "better", "worse"]
    found = survey.kano(both)[shares]
    alone = [survey.kano(both[both["feature"] == name])[shares] for name in ("app", "lid")]
    pd.testing.assert_frame_equal(pd.concat(alone), found)
    pd.testing.assert_frame_equal(both, before)


# ---- best and worst


def best_worst(people=60, rng=1, skip=0.0):
    """Draw tasks of four of six items; the best by worth, then the worst of the others by minus worth."""
    luck, worth = (
        np.random.default_rng(rng),
        dict(zip("abcdef", [1.0, 0.5, 0.2, 0.0, -0.6, -1.1], strict=True)),
    )
    rows = []
    for who, task in itertools.product(range(people), range(6)):
        items = luck.choice(list(worth), 4, replace=False)
        felt = np.array([worth[item] for item in items])
        best = int(np.argmax(felt + luck.gumbel(size=4)))
        unliked = -felt + luck.gumbel(size=4)
        unliked[best] = -np.inf
        missed = luck.random() < skip
        for place, item in enumerate(items):
            marks = [None, None] if missed else [place == best, place == int(unliked.argmax())]
            rows.append([who, task, item, *marks])
    return pd.DataFrame(rows, columns=["who", "task", "item", "best", "worst"])


def maxdiff(table, **options):
    return survey.MaxDiff(table, ["who", "task"], "item", "best", "worst", **options)


def test_best_worst_logit_is_statsmodels_conditional_logit_of_the_choices_one_after_the_other():
    table = best_worst()
    ours = maxdiff(table).fit()
    rows = []
    for number, (_, task) in enumerate(table.groupby(["who", "task"])):
        for row in task.itertuples():
            flags = [float(row.item == item) for item in "bcdef"]
            rows.append([2 * number, int(row.best), *flags])
            if not row.best:
                rows.append([2 * number + 1, int(row.worst), *(-flag for flag in flags)])
    long = pd.DataFrame(rows, columns=["set", "y", *"bcdef"])
    their_model = Theirs(long["y"], long[list("bcdef")], groups=long["set"])
    theirs = their_model.fit(disp=False)
    assert ours.params.to_numpy() == pytest.approx(theirs.params.to_numpy(), abs=1e-3)
    assert ours.bse.to_numpy() == pytest.approx(theirs.bse.to_numpy(), rel=5e-3)
    assert their_model.loglike(ours.params.to_numpy()) == pytest.approx(ours.llf, abs=1e-8)
    assert their_model.score(ours.params.to_numpy()) == pytest.approx(0, abs=1e-6)


def test_worths_do_not_hang_on_the_reference_and_have_mean_0():
    table = best_worst()
    one, other = (maxdiff(table, reference=item, respondent="who").fit().worths() for item in "af")
    pd.testing.assert_frame_equal(one.sort_index(), other.sort_index(), rtol=1e-7)
    assert one["worth"].mean() == pytest.approx(0) and one["share"].sum() == pytest.approx(1)
    points = np.exp(one["worth"])
    assert one["share"].to_dict() == pytest.approx((points / points.sum()).to_dict())


def test_counts_and_their_interval_are_those_of_a_ratio_of_sums_over_people():
    table = best_worst(skip=0.2)
    found = maxdiff(table, respondent="who").counts()
    answered = table.dropna()
    for item, rows in answered.groupby("item"):
        net = rows["best"].astype(int) - rows["worst"].astype(int)
        assert found.loc[item, "shown"] == len(rows)
        assert found.loc[item, "score"] == pytest.approx(net.sum() / len(rows))
        off = (net - net.mean()).groupby(rows["who"]).sum()
        error = np.sqrt(len(off) / (len(off) - 1) * (off**2).sum()) / len(rows)
        assert found.loc[item, "high"] - found.loc[item, "score"] == pytest.approx(1.959964 * error, rel=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_the_true_worths_lie_in_the_intervals(seed):
    found = maxdiff(best_worst(300, 10 + seed), respondent="who").fit().worths(alpha=1e-4)
    true = pd.Series([1.0, 0.5, 0.2, 0.0, -0.6, -1.1], list("abcdef"))
    assert ((found["low"] < true) & (true < found["high"]))[list("abcdef")].all()


@pytest.mark.parametrize("name", ["shown", "net", "off", "whose", "best", "worst", "item", "score", "answer"])
def test_the_name_of_the_column_of_items_does_not_matter(name):
    table = best_worst(20)
    other = table.set_axis(["who", "task", name, "top", "last"], axis=1)
    ours = survey.MaxDiff(other, ["who", "task"], name, "top", "last", respondent="who")
    pd.testing.assert_frame_equal(
        ours.counts().rename_axis("item"), maxdiff(table, respondent="who").counts()
    )


@pytest.mark.parametrize("names", ["whose", ["named", "answer", "task", "none", "best", "item"], range(6)])
def test_the_names_of_items_do_not_matter(names):
    called = dict(
        zip("abcdef", [f"{letter}{names}" for letter in "abcdef"] if names == "whose" else names, strict=True)
    )
    table = best_worst(30)
    one, other = (maxdiff(each, respondent="who") for each in (table, table.replace({"item": called})))
    for ours, theirs in [(one.counts(), other.counts()), (one.fit().worths(), other.fit().worths())]:
        assert ours.to_numpy() == pytest.approx(theirs.loc[[called[item] for item in ours.index]].to_numpy())


@pytest.mark.parametrize("engine", ENGINES)
def test_best_and_worst_are_the_same_from_every_engine_in_every_order_and_left_as_they_are(engine):
    table = best_worst(30, skip=0.2)
    given = ENGINES[engine](table)
    before = given.copy() if isinstance(given, pd.DataFrame) else None
    one, other = maxdiff(table, respondent="who"), maxdiff(given, respondent="who")
    pd.testing.assert_frame_equal(other.counts(), one.counts())
    ours, theirs = one.fit().worths(), other.fit().worths()
    pd.testing.assert_frame_equal(theirs, ours, rtol=1e-9)
    if before is not None:
        pd.testing.assert_frame_equal(given, before)


def test_the_answers_of_one_person_have_counts_and_no_interval():
    table = best_worst()
    found = maxdiff(table[table["who"] == 0], respondent="who").counts()
    assert found["score"].notna().all() and found[["low", "high"]].isna().all(axis=None)


def test_everybody_twice_as_other_people_halves_the_variance_of_worths_and_moves_none():
    table = best_worst(40)
    twice = pd.concat([table, table.assign(who=table["who"] + 1_000)])
    one, other = (maxdiff(each).fit().worths() for each in (table, twice))
    assert other[["worth", "share"]].to_numpy() == pytest.approx(one[["worth", "share"]].to_numpy(), abs=1e-9)
    assert (other["high"] - other["worth"]).to_numpy() == pytest.approx(
        (one["high"] - one["worth"]).to_numpy() / np.sqrt(2)
    )
    counts = [maxdiff(each).counts() for each in (table, twice)]
    pd.testing.assert_series_equal(counts[1]["score"], counts[0]["score"])
    assert (counts[1]["shown"] == 2 * counts[0]["shown"]).all()


def test_best_and_worst_turned_round_turn_the_counts():
    table = best_worst(40)
    turned = table.rename(columns={"best": "worst", "worst": "best"})
    one, other = (maxdiff(each, respondent="who").counts() for each in (table, turned))
    assert other[["score", "low", "high"]].to_numpy() == pytest.approx(
        -one[["score", "high", "low"]].to_numpy()
    )


def wrong(table, **cells):
    table = table.copy()
    for column, (row, value) in cells.items():
        table.loc[row, column] = value
    return table


def test_maxdiff_refuses_tasks_that_are_none():
    table = best_worst(4).astype({"best": object, "worst": object})
    best = table.index[table["best"].astype(bool)][0]
    for bad, told in [
        (wrong(table, worst=(best, True)), "'best' and 'worst' at once"),
        (wrong(table, best=(best, False)), "a task without exactly one 'best' and one 'worst'"),
        (table[table["best"].astype(bool) | table["worst"].astype(bool)], "fewer than three items"),
        (wrong(table, best=(best, None)), "a 'best' that is not True or False"),
        (wrong(table, best=(best, 2)), "a 'best' that is not True or False"),
        (table.assign(item="a"), "an 'item' that stands in its task already"),
        (table.assign(item=None), "no 'item'"),
        (table.assign(who=None), "no 'who'"),
        (table.assign(task=table["task"].where(table["task"] > 0)), "no 'task'"),
        (table.assign(best=None, worst=None), "not a single task"),
    ]:
        with pytest.raises(ValueError, match=told):
            maxdiff(bad)
    with pytest.raises(ValueError, match="'z'"):
        maxdiff(table, reference="z")
    for name in ("", 0, "nobody"):
        with pytest.raises(ValueError, match=f"There is no column {name!r}"):
            maxdiff(table, respondent=name)
    with pytest.raises(ValueError, match="There is no column 'item'"):
        maxdiff(table.drop(columns="item"))


# ---- tastes that differ


def choices(people=300, tasks=8, rng=1, spread=(0.0, 0.8, 0.6)):
    """Draw choices among three tins by people whose part-worths differ."""
    luck, count = np.random.default_rng(rng), people * tasks
    table = pd.DataFrame(
        {"who": np.repeat(np.arange(people), tasks * 3), "task": np.repeat(np.arange(count), 3)}
    )
    table["price"] = luck.choice([6.0, 9.0, 12.0, 15.0], len(table))
    table["organic"] = luck.integers(0, 2, len(table))
    table["garden"] = luck.integers(0, 2, len(table))
    own = np.array([-0.4, 0.5, 0.3]) + np.array(spread) * luck.standard_normal((people, 3))
    felt = (table[NAMES].to_numpy(float) * own[table["who"]]).sum(axis=1) + luck.gumbel(size=len(table))
    felt = felt.reshape(-1, 3)
    return table.assign(chosen=(felt == felt.max(axis=1, keepdims=True)).ravel().astype(int))


def model(table, random=("organic", "garden"), **options):
    return survey.MixedLogit(table, "task", "chosen", NAMES, "who", random, **options)


def by_brute_force(one, table, params):
    """Return the simulated log-likelihood with loops over people, tasks and draws."""
    total = 0.0
    for place, (_, rows) in enumerate(table.groupby("who")):
        chances = []
        for draw in range(one.draws):
            beta = one.coefficients(np.asarray(params), one._luck[:, place, draw])
            chance = 1.0
            for _, task in rows.groupby("task"):
                x = task[NAMES].to_numpy(float)
                took = task["chosen"].to_numpy(bool)
                if one.none:
                    x, took = np.vstack([x, np.zeros(3)]), np.append(took, not took.any())
                    x = np.column_stack([x, [0, 0, 0, 1]])
                chance *= softmax(x @ beta)[took][0]
            chances.append(chance)
        total += np.log(np.mean(chances))
    return total


KINDS = [
    ({"organic": "normal", "garden": "normal"}, False, [-0.4, 0.5, 0.3, 0.7, 0.5]),
    ({"price": "negative", "organic": "positive"}, False, [-1.0, -0.5, 0.3, 0.4, 0.6]),
    ({"garden": "normal", "none": "normal"}, True, [-0.4, 0.5, 0.3, -3.0, 0.5, 1.0]),
]


@pytest.mark.parametrize(("random", "none", "at"), KINDS)
def test_likelihood_is_that_of_brute_force_and_its_slopes_are_exact(random, none, at):
    table = choices(12, 4)
    if none:
        table.loc[table["task"] % 5 == 0, "chosen"] = 0
    one = model(table, random, none=none, draws=7)
    assert one.loglike(at) == pytest.approx(by_brute_force(one, table, at), rel=1e-12)
    _, gradient, hessian = one.derivatives(np.array(at))
    sides = [
        [one.derivatives(np.array(at) + side) for side in (step, -step)] for step in 1e-5 * np.eye(len(at))
    ]
    assert gradient == pytest.approx([(up[0] - down[0]) / 2e-5 for up, down in sides], abs=1e-5)
    slopes = np.array([(up[1] - down[1]) / 2e-5 for up, down in sides])
    assert hessian == pytest.approx(slopes, rel=1e-6, abs=1e-5)


def test_without_spread_it_is_the_plain_logit():
    table = choices(100)
    plain = survey.ConditionalLogit(table, "task", "chosen", NAMES).fit()
    at = model(table).at([*plain.params, 1e-9, 1e-9])
    assert at.llf == pytest.approx(plain.llf, abs=1e-8)
    assert at.part_worths().to_numpy() == pytest.approx(np.tile(plain.params, (100, 1)), abs=1e-7)
    offers = pd.DataFrame({"price": [9, 10], "organic": [0, 1], "garden": [1, 0]}, index=["one", "other"])
    assert at.shares(offers, alpha=None).to_numpy() == pytest.approx(
        plain.shares(offers, alpha=None).to_numpy()
    )
    assert at.probabilities(table).to_numpy() == pytest.approx(
        plain.probabilities(table).to_numpy(), abs=1e-7
    )
    assert at.llnull == pytest.approx(plain.llnull)
    assert at.means(alpha=None)["sd"].max() < 1e-8


def test_with_one_spread_it_is_gauss_hermite_quadrature():
    table, at = choices(60, 6, rng=2), np.array([-0.4, 0.5, 0.3, 0.8])
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    total, own = 0.0, []
    for _, rows in table.groupby("who"):
        x = rows[NAMES].to_numpy(float).reshape(-1, 3, 3)
        took = rows["chosen"].to_numpy(bool).reshape(-1, 3)
        beta = np.tile(at[:3], (60, 1))
        beta[:, 1] += at[3] * nodes
        chance = softmax(np.einsum("tjk,rk->rtj", x, beta), axis=2)[:, took].prod(axis=1)
        total += np.log(chance @ weights / weights.sum())
        own.append((chance * weights) @ beta[:, 1] / (chance @ weights))
    fit = model(table, ["organic"], draws=4_000).at(at)
    assert fit.llf == pytest.approx(total, abs=2e-3)
    assert fit.part_worths()["organic"].to_numpy() == pytest.approx(own, abs=2e-3)


def test_estimates_are_those_of_xlogit_up_to_the_luck_of_the_draws():
    """xlogit 0.2.7 printed these with 2,000 draws of its own. Its errors are by-products of its search."""
    fit = model(choices(), draws=300).fit()
    theirs = [-0.38089033, 0.40213801, 0.24588693, 0.71405291, 0.65309158]
    assert (np.abs(fit.params - theirs) < 0.1 * fit.bse).all()
    # with as many draws the same parameters have the same likelihood
    theirs_with_ours = model(choices(), draws=2_000).loglike(theirs)
    assert theirs_with_ours == pytest.approx(-1869.1069135699786, abs=0.1)
    assert list(fit.params.index) == [*NAMES, "sd organic", "sd garden"]


@pytest.mark.parametrize("seed", [0, *(pytest.param(one, marks=pytest.mark.slow) for one in (1, 2))])
def test_the_truth_lies_in_the_intervals_where_the_plain_logit_shrinks(seed):
    table = choices(600, 10, 100 + seed, spread=(0.0, 1.5, 1.2))
    fit = model(table, draws=150).fit()
    true = pd.Series([-0.4, 0.5, 0.3, 1.5, 1.2], fit.params.index)
    assert (((fit.params - true) / fit.bse).abs() < 4).all()
    plain = survey.ConditionalLogit(table, "task", "chosen", NAMES).fit()
    assert abs(plain.params["price"]) < 0.9 * 0.4


def test_a_negative_price_is_found_and_its_willingness_to_pay_has_the_mean_of_the_log_normal_law():
    table = choices(400, 8, 7)
    fit = model(table, {"price": "negative", "organic": "normal"}, draws=100)
    at = fit.at([-1.0, 0.5, 0.3, 0.4, 0.8])
    found = at.willingness_to_pay(alpha=None)
    rng = np.random.default_rng(1)
    drawn = rng.normal(0.5, 0.8, 400_000) / np.exp(rng.normal(-1, 0.4, 400_000))
    assert found.loc["organic", "estimate"] == pytest.approx(drawn.mean(), abs=0.02)
    assert found.loc["organic", "sd"] == pytest.approx(drawn.std(), rel=0.02)
    means = at.means(alpha=None)
    assert means.loc["price", "mean"] == pytest.approx(-np.exp(-1 + 0.08))
    assert means.loc["price", "sd"] == pytest.approx(np.exp(-1 + 0.08) * np.sqrt(np.exp(0.16) - 1))


def test_with_one_price_for_all_willingness_to_pay_is_a_ratio_with_the_interval_of_both():
    fit = model(choices(), draws=100).fit()
    found = fit.willingness_to_pay()
    assert found["estimate"].to_dict() == pytest.approx(
        (-fit.params[["organic", "garden"]] / fit.params["price"]).to_dict()
    )
    ratio, price = found["estimate"]["garden"], fit.params["price"]
    covariance = fit.cov_params().loc[["garden", "price"], ["garden", "price"]]
    slope = np.array([1, ratio]) / -price
    half = 1.96 * np.sqrt(slope @ covariance.to_numpy() @ slope)
    assert (found["high"] - found["low"])["garden"] / 2 == pytest.approx(half, rel=0.05)


def test_a_random_price_that_may_be_0_has_no_willingness_to_pay():
    table = choices(80)
    with pytest.raises(ValueError, match="has no mean.*refused"):
        model(table, ["price"]).at([-0.4, 0.5, 0.3, 0.1]).willingness_to_pay(alpha=None)
    with pytest.raises(ValueError, match="likes the dearer offer better"):
        model(table, {"price": "positive"}).at([-1, 0.5, 0.3, 0.1]).willingness_to_pay(alpha=None)
    with pytest.raises(ValueError, match="Willingness to pay has no meaning"):
        model(table).at([0.4, 0.5, 0.3, 0.1, 0.1]).willingness_to_pay(alpha=None)


def test_neither_blocks_nor_the_order_of_rows_nor_equal_weights_change_the_fit(monkeypatch):
    table = choices(100, 8, spread=(0.0, 1.5, 1.2))
    ours = model(table, draws=20).fit()
    mixed_up = model(table.sample(frac=1, random_state=1), draws=20).fit()
    assert mixed_up.params.to_numpy() == pytest.approx(ours.params.to_numpy(), rel=1e-6)
    double = model(table.assign(w=2), draws=20, weights="w").fit()
    assert double.llf == pytest.approx(2 * ours.llf) and double.bse.iloc[0] == pytest.approx(
        ours.bse.iloc[0] / np.sqrt(2)
    )
    monkeypatch.setattr(mixed, "_AT_ONCE", 1)
    small = model(table, draws=20)
    assert small.derivatives(ours.params.to_numpy())[2] == pytest.approx(
        model(pl.from_pandas(table), draws=20).derivatives(ours.params.to_numpy())[2]
    )
    assert len(list(small._blocks())) == 100


def test_weights_count_respondents():
    table = choices(40, 5)
    table["w"] = np.where(table["who"] < 20, 3, 1)
    one, all_equal = model(table, weights="w", draws=10), model(table, draws=10)
    at = np.array([-0.4, 0.5, 0.3, 0.7, 0.5])
    each = [
        np.log(np.exp(all_equal._told(all_equal.coefficients(at, all_equal._luck[:, [i]]),
                                      all_equal._block(slice(i, i + 1)))[1]).mean())
        for i in range(40)
    ]  # fmt: skip
    assert one.loglike(at) == pytest.approx(np.repeat([3, 1], 20) @ each)
    table.loc[0:2, "w"] = 9
    with pytest.raises(ValueError, match="the same for all choices of a respondent"):
        model(table, weights="w")


def test_choices_of_known_people_are_foretold_better_than_of_strangers():
    table = choices(300, 12, 4, spread=(0.0, 2.0, 2.0))
    number = table.groupby("who")["task"].rank("dense")
    fit = model(table[number <= 8], draws=100).fit()
    late = table[number > 8]
    known = fit.holdout(late)
    strangers = fit.holdout(late.assign(who=late["who"] + 1_000))
    plain = survey.ConditionalLogit(table[number <= 8], "task", "chosen", NAMES).fit().holdout(late)
    chance = [one.loc["model", "chance_of_chosen"] for one in (known, strangers, plain)]
    assert chance[0] > chance[1] + 0.05 and chance[1] > chance[2] - 0.01
    sums = fit.probabilities(late).groupby(late["task"]).sum()
    assert sums.to_numpy() == pytest.approx(1)


def test_a_spread_that_is_not_there_is_said_and_the_rest_has_its_intervals():
    with pytest.warns(FitWarning, match="sd garden cannot be told from 0"):
        fit = model(choices(100, 6, 12, spread=(0.0, 0.9, 0.0)), draws=40).fit()
    assert np.isnan(fit.bse["sd garden"]) and fit.conf_int().drop("sd garden").notna().all(axis=None)
    assert fit.willingness_to_pay().notna().all(axis=None)
    assert "show no differences" in str(fit.summary())
    assert fit.part_worths()["garden"].std() < 1e-3


def test_shares_average_over_people_and_have_an_interval():
    fit = model(choices(), draws=100).fit()
    offers = pd.DataFrame({"price": [9, 10], "organic": [0, 1], "garden": [1, 0]}, index=["one", "other"])
    found = fit.shares(offers)
    rng, p = np.random.default_rng(3), fit.params
    people = np.column_stack(
        [np.full(100_000, p["price"]), *(rng.normal(p[n], p[f"sd {n}"], 100_000) for n in NAMES[1:])]
    )
    expected = softmax(people @ offers.to_numpy(float).T, axis=1).mean(axis=0)
    assert found["share"].to_numpy() == pytest.approx(expected, abs=5e-3)
    assert ((found["low"] < found["share"]) & (found["share"] < found["high"])).all()


def test_weights_are_those_of_their_rows_however_the_rows_stand():
    table = choices(40, 5)
    table["w"] = np.where(table["who"] < 20, 3.0, 1.0)
    at = [-0.4, 0.5, 0.3, 0.7, 0.5]
    asked = model(table, weights="w", draws=5).loglike(at)
    turned = table.sort_values(["who", "task"], ascending=False, kind="stable")
    for rows, weights in [(table, table["w"].to_numpy()), (turned, turned["w"]), (turned, list(turned["w"]))]:
        assert model(rows, weights=weights, draws=5).loglike(at) == pytest.approx(asked, rel=1e-12)
    for weights, told in [
        (table["w"], "another index"),
        ([*turned["w"], 9], "one number per row"),
        (list(turned["w"])[1:], "one number per row"),
        (2, "one number per row"),
    ]:
        with pytest.raises(ValueError, match=told):
            model(turned, weights=weights, draws=5)


def test_respondents_of_weight_0_are_not_there():
    table = choices(60, 6)
    table["w"] = (table["who"] < 40) * 1.0
    at = np.array([-0.4, 0.5, 0.3, 0.7, 0.5])
    one, other = model(table, weights="w", draws=9), model(table[table["who"] < 40], draws=9)
    for ours, theirs in zip(one.derivatives(at), other.derivatives(at), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-10)
    assert one.nobs == other.nobs and one.at(at).llnull == pytest.approx(other.at(at).llnull)


@pytest.mark.parametrize("engine", ENGINES)
def test_tastes_are_the_same_from_every_engine_in_every_order(engine):
    table, at = choices(40, 5), [-0.4, 0.5, 0.3, 0.7, 0.5]
    given = ENGINES[engine](table)
    one, other = model(table, draws=9).at(at), model(given, draws=9).at(at)
    assert other.llf == pytest.approx(one.llf, rel=1e-12)
    pd.testing.assert_frame_equal(other.part_worths(), one.part_worths())
    pd.testing.assert_frame_equal(other.holdout(given), one.holdout(table))


@pytest.mark.parametrize("unit", [1e-6, 100.0, 1e6])
def test_the_unit_of_money_does_not_matter(unit):
    table, random = choices(80, 6, 7), {"price": "negative", "organic": "normal"}
    other = table.assign(price=table["price"] * unit)
    at = [-1.0, 0.5, 0.3, 0.4, 0.8]
    one, two = model(table, random, draws=9), model(other, random, draws=9)
    moved = [at[0] - np.log(unit), *at[1:]]
    assert two.loglike(moved) == pytest.approx(one.loglike(at))
    paid = [fit.willingness_to_pay(alpha=None) for fit in (one.at(at), two.at(moved))]
    assert paid[1].to_numpy() == pytest.approx(unit * paid[0].to_numpy())
    found = model(other, ["organic"], draws=20).fit()
    assert found.llf == pytest.approx(model(table, ["organic"], draws=20).fit().llf)


def test_means_are_those_of_many_draws_and_a_positive_coefficient_is_a_negative_one_turned_round():
    table, at = choices(20, 4), [-1.0, 0.5, -0.3, 0.4, 0.8]
    random = {"price": "negative", "garden": "positive"}
    one = model(table, random, draws=9).at(at)
    drawn = np.random.default_rng(1).standard_normal((2, 400_000))
    price, garden = -np.exp(-1 + 0.4 * drawn[0]), np.exp(-0.3 + 0.8 * drawn[1])
    found = one.means(alpha=None)
    assert found.loc[["price", "garden"], "mean"].tolist() == pytest.approx(
        [price.mean(), garden.mean()], rel=0.01
    )
    assert found.loc[["price", "garden"], "sd"].tolist() == pytest.approx(
        [price.std(), garden.std()], rel=0.02
    )
    paid = one.willingness_to_pay(alpha=None).loc["garden"]
    ratio = garden / -price
    assert [paid["estimate"], paid["sd"]] == pytest.approx([ratio.mean(), ratio.std()], rel=0.02)
    turned = table.assign(garden=-table["garden"])
    other = model(turned, random | {"garden": "negative"}, draws=9).at(at)
    assert other.llf == pytest.approx(one.llf)
    assert other.means(alpha=None).loc["garden"].tolist() == pytest.approx(
        [-found.loc["garden", "mean"], found.loc["garden", "sd"]]
    )
    assert other.part_worths()["garden"].to_numpy() == pytest.approx(-one.part_worths()["garden"].to_numpy())


def test_of_strangers_chances_are_shares_and_an_id_of_another_type_is_no_stranger():
    table = choices(60, 6)
    fit = model(table, draws=400).at([-0.4, 0.5, 0.3, 0.7, 0.5])
    known = fit.probabilities(table)
    for kind in ("float64", "Int64", "category"):
        assert fit.probabilities(table.astype({"who": kind})).to_numpy() == pytest.approx(known.to_numpy())
    stranger = fit.probabilities(table.assign(who=1_000))
    assert fit.probabilities(table.assign(who=np.nan)).to_numpy() == pytest.approx(stranger.to_numpy())
    first = table[table["task"] == 0]
    share = fit.shares(first[NAMES], alpha=None)["share"]
    assert stranger[first.index].to_numpy() == pytest.approx(share.to_numpy(), abs=0.03)
    with pytest.raises(ValueError, match="360 of 1080 rows have a 'who' as a text"):
        fit.probabilities(
            table.assign(who=table["who"].astype(object).where(table["who"] >= 20, table["who"].astype(str)))
        )
    for two in (range(len(table)), range(1_000, 1_000 + len(table))):
        with pytest.raises(ValueError, match="who must be the same in all rows of a choice set"):
            fit.holdout(table.assign(who=two))


def test_names_that_look_like_those_of_spreads_and_logarithms_are_no_trouble():
    table = choices(100, 6)
    for price, random, told in [
        ("sd garden", ["garden"], "Two coefficients have one name"),
        ("log organic", {"organic": "positive"}, "Two coefficients have one name"),
    ]:
        named = table.rename(columns={"price": price})
        with pytest.raises(ValueError, match=told):
            survey.MixedLogit(named, "task", "chosen", [price, "organic", "garden"], "who", random)
    luck = np.random.default_rng(0)
    table["sd card"] = np.where(table["chosen"] == 1, 1, luck.integers(0, 2, len(table)))
    with pytest.raises(ValueError, match="do not bound the coefficient of 'sd card'"):
        survey.MixedLogit(table, "task", "chosen", ["price", "sd card"], "who", ["price"], draws=9).fit()


@pytest.mark.parametrize("draws", ["x", 2.5, -1, 0, 1, True, None])
def test_intervals_need_a_number_of_draws(draws):
    fit, offers = model(choices(80), draws=20).fit(), choices(1)[NAMES].head(2)
    for call in (fit.means, fit.willingness_to_pay, lambda draws: fit.shares(offers, draws=draws)):
        with pytest.raises(ValueError, match="draws must be a whole number of at least 2"):
            call(draws=draws)


@pytest.mark.parametrize(
    ("change", "options", "told"),
    [
        ({}, {"random": {"colour": "normal"}}, "colour"),
        ({}, {"random": {"garden": "bell"}}, "bell"),
        ({}, {"random": {}}, "names no coefficient"),
        ({}, {"random": []}, "random names one or more"),
        ({}, {"random": None}, "random names one or more"),
        ({}, {"random": "colour"}, "'colour'"),
        ({}, {"draws": 1}, "draws"),
        ({"who": None}, {}, "no 'who': whose choice is it?"),
        ({"who": range(2_400)}, {}, "who must be the same in all rows of a choice set"),
        ({"chosen": 0}, {}, "one of several alternatives is chosen"),
        ({"garden": 1}, {}, "never varies within a choice set"),
    ],
)
def test_mixed_logit_refuses(change, options, told):
    table = choices(100).assign(**change)
    with pytest.raises(ValueError, match=told):
        model(table, **({"random": ["garden"]} | options))
