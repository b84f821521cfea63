"""Choices. Referees: statsmodels, logitr's printed output, brute force, and simulated truths."""

import itertools
import warnings

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy.optimize import approx_fprime
from scipy.special import softmax
from statsmodels.api import OLS, add_constant
from statsmodels.discrete.conditional_models import ConditionalLogit as Theirs

from crmlab import datasets, survey
from crmlab._results import LikelihoodResults

WORTH = {"price": -0.4, "organic": 0.6, "garden": 0.3, "days": -0.1}
NAMES = list(WORTH)


def tasks(count=400, rng=1, none=None, worth=WORTH, sizes=(3, 3)):
    """Draw choices among teas by a known rule; `none` is the utility of none of these."""
    luck = np.random.default_rng(rng)
    size = luck.integers(sizes[0], sizes[1] + 1, count)
    table = pd.DataFrame({"task": np.repeat(np.arange(count), size)})
    table["tin"] = table.groupby("task").cumcount() + 1
    table["price"] = luck.choice([6.0, 9.0, 12.0, 15.0], len(table))
    table["organic"] = luck.random(len(table)) < 0.5
    table["garden"] = luck.integers(0, 2, len(table))
    table["days"] = luck.choice([1, 3, 6], len(table))
    felt = table[NAMES].astype(float) @ pd.Series(worth) + luck.gumbel(size=len(table))
    best = felt.groupby(table["task"]).transform("max")
    outside = -np.inf if none is None else (none + luck.gumbel(size=count))[table["task"]]
    return table.assign(chosen=(felt == best) & (felt > outside))


def model(table, **options):
    return survey.ConditionalLogit(table, "task", "chosen", NAMES, **options)


# ---- correctness


@pytest.mark.parametrize(("seed", "sizes"), [(1, (3, 3)), (2, (2, 6)), (3, (2, 2))])
def test_estimates_errors_and_likelihood_are_statsmodels(seed, sizes):
    table = tasks(300, seed, sizes=sizes)
    ours = model(table).fit()
    numbers = table[NAMES].astype(float)
    their_model = Theirs(table["chosen"].astype(int), numbers, groups=table["task"])
    theirs = their_model.fit(disp=False)
    assert ours.params.to_numpy() == pytest.approx(theirs.params, abs=1e-3)
    assert ours.bse.to_numpy() == pytest.approx(theirs.bse, rel=5e-3)
    # their search stops early: by their own likelihood ours is the maximum
    assert their_model.loglike(ours.params.to_numpy()) == pytest.approx(ours.llf, abs=1e-9)
    assert their_model.score(ours.params.to_numpy()) == pytest.approx(0, abs=1e-6)
    assert ours.llf >= theirs.llf


def test_texts_and_constants_give_the_logit_that_logitr_prints_for_any_reference():
    table = datasets.load("yogurt")
    fits = [
        survey.ConditionalLogit(
            table, "purchase", "chosen", ["price", "featured"], alternative="brand", reference=brand
        ).fit()
        for brand in ("dannon", "yoplait")
    ]
    assert fits[0].llf == pytest.approx(-2656.8878779, abs=1e-6)
    assert fits[0].llf == pytest.approx(fits[1].llf, abs=1e-8)
    assert fits[1].params["brand: dannon"] == pytest.approx(-fits[0].params["brand: yoplait"], abs=1e-8)
    as_text = survey.ConditionalLogit(table, "purchase", "chosen", ["price", "featured", "brand"]).fit()
    assert as_text.params.to_dict() == pytest.approx(fits[0].params.to_dict())
    assert as_text.nobs == 2412


@pytest.mark.parametrize("none", [False, True])
def test_gradient_and_hessian_are_the_slopes_of_the_likelihood(none):
    rng = np.random.default_rng(5)
    table = tasks(60, 3, none=-3.0 if none else None, sizes=(2, 5))
    table["weight"] = rng.integers(1, 9, 60)[table["task"]]
    one = model(table, none=none, weights="weight")
    for _ in range(5):
        at = rng.normal(scale=0.5, size=len(one.names))
        _, gradient, hessian = one.derivatives(at)
        assert gradient == pytest.approx(approx_fprime(at, one.loglike, 1e-6), rel=1e-3, abs=1e-2)
        slopes = approx_fprime(at, lambda point: one.derivatives(point)[1], 1e-6)
        assert hessian == pytest.approx(slopes, rel=1e-3, abs=1e-2)


def test_likelihood_is_the_sum_of_the_logarithms_of_the_chosen_shares_also_far_out():
    table = tasks(50, 4, sizes=(2, 4))
    for scale in (1, 300):
        at = scale * np.array([-0.4, 0.6, 0.3, -0.1])
        by_hand = 0.0
        for _, rows in table.groupby("task"):
            utility = rows[NAMES].to_numpy(float) @ at
            by_hand += utility[rows["chosen"].to_numpy()][0] - np.logaddexp.reduce(utility)
        assert model(table).loglike(at) == pytest.approx(by_hand, rel=1e-12)


def test_none_of_these_is_an_alternative_of_its_own_whose_attributes_are_0():
    table = tasks(500, 6, none=-4.0)
    ours = model(table, none=True).fit()
    empty = table.drop_duplicates("task").assign(**dict.fromkeys(NAMES, 0), tin=9, none=1)
    empty["chosen"] = ~table.groupby("task")["chosen"].any().to_numpy()
    long = pd.concat([table.assign(none=0), empty]).sort_values(["task", "tin"])
    theirs = survey.ConditionalLogit(long, "task", "chosen", [*NAMES, "none"]).fit()
    assert ours.params.to_numpy() == pytest.approx(theirs.params.to_numpy(), abs=1e-9)
    assert ours.llf == pytest.approx(theirs.llf, abs=1e-9)
    assert ours.params["none"] == pytest.approx(-4, abs=4 * ours.bse["none"])


@pytest.mark.parametrize("seed", range(5))
def test_the_truth_lies_in_the_intervals(seed):
    found = model(tasks(4_000, 100 + seed)).fit()
    off = (found.params - pd.Series(WORTH)) / found.bse
    assert (off.abs() < 4).all()


@pytest.mark.slow
def test_intervals_hold_the_truth_as_often_as_they_say():
    inside = []
    for seed in range(300):
        found = model(tasks(250, seed)).fit()
        ends = found.conf_int().join(found.willingness_to_pay()[["low", "high"]])
        money = pd.Series(WORTH) / 0.4
        inside.append([*((ends[0] < pd.Series(WORTH)) & (pd.Series(WORTH) < ends[1]))])
        inside[-1] += list(((ends["low"] < money) & (money < ends["high"]))[1:])
    assert (np.abs(np.mean(inside, axis=0) - 0.95) < 0.04).all(), np.mean(inside, axis=0)


def test_clustered_errors_are_the_sandwich_by_brute_force_and_grow_when_answers_are_copied():
    table = tasks(200, 7)
    table["who"] = table["task"] // 4
    plain, ours = model(table).fit(), model(table, cluster="who").fit()
    assert ours.params.equals(plain.params) and ours.llf == plain.llf
    sums = np.zeros((4, 4))
    for _, mine in table.groupby("who"):
        score = np.zeros(4)
        for _, rows in mine.groupby("task"):
            x = rows[NAMES].to_numpy(float)
            score += x[rows["chosen"].to_numpy()][0] - softmax(x @ plain.params.to_numpy()) @ x
        sums += np.outer(score, score)
    bread = plain.cov_params().to_numpy()
    assert ours.cov_params().to_numpy() == pytest.approx(50 / 49 * bread @ sums @ bread, rel=1e-6)
    copied = pd.concat(
        [table.assign(task=table["task"] + 1000 * copy, who=table["task"]) for copy in range(9)]
    )
    ratio = model(copied, cluster="who").fit().bse / model(copied).fit().bse
    assert ratio.to_numpy() == pytest.approx(3, rel=0.3)
    assert "200 respondents" in str(model(copied, cluster="who").fit().summary())


def test_willingness_to_pay_is_that_of_the_model_written_in_money():
    """Referee: logitr's model in money, whose standard errors are those of the delta method."""
    table = datasets.load("yogurt")
    found = survey.ConditionalLogit(table, "purchase", "chosen", ["price", "featured", "brand"]).fit()
    money = found.willingness_to_pay(alpha=0.1)
    half = 1.6448536 * np.array([0.355865, 0.576083, 0.179897, 0.142377])
    assert money["estimate"].tolist() == pytest.approx([1.340574, -10.135727, -1.749077, 2.003825], abs=1e-6)
    assert (money["high"] - money["estimate"]).tolist() == pytest.approx(half, abs=2e-6)
    assert (money["estimate"] - money["low"]).tolist() == pytest.approx(half, abs=2e-6)
    drawn = found.willingness_to_pay(alpha=0.1, method="simulation", draws=40_000)
    assert drawn["low"].to_numpy() == pytest.approx(money["low"].to_numpy(), abs=0.15)
    assert drawn["high"].to_numpy() == pytest.approx(money["high"].to_numpy(), abs=0.15)
    again = found.willingness_to_pay(alpha=0.1, method="simulation", draws=40_000)
    assert drawn.equals(again)


def test_shares_and_their_intervals_are_those_that_logitr_prints():
    table = datasets.load("yogurt")
    found = survey.ConditionalLogit(table, "purchase", "chosen", ["price", "featured", "brand"]).fit()
    shelf = table[table["purchase"] == 42]
    shares = found.shares(shelf, offer="brand", draws=20_000)
    assert shares["share"].tolist() == pytest.approx(
        [0.60767175, 0.02601791, 0.17802345, 0.18828690], abs=1e-7
    )
    assert shares["low"].tolist() == pytest.approx([0.5722, 0.0184, 0.1621, 0.1684], abs=3e-3)
    assert shares["high"].tolist() == pytest.approx([0.6401, 0.0369, 0.1949, 0.2097], abs=3e-3)
    assert found.probabilities(shelf).to_numpy() == pytest.approx(shares["share"].to_numpy())


# ---- consistency


@pytest.mark.parametrize("none", [False, True])
def test_weights_are_repeated_choices(none):
    table = tasks(150, 8, none=-4.0 if none else None, sizes=(2, 4))
    times = np.random.default_rng(1).integers(0, 4, 150)
    copies = [
        rows.assign(task=f"{task}.{copy}")
        for task, rows in table.groupby("task")
        for copy in range(times[task])
    ]
    weighted = model(table.assign(n=times[table["task"]]), none=none, weights="n").fit()
    repeated = model(pd.concat(copies), none=none).fit()
    assert weighted.params.to_numpy() == pytest.approx(repeated.params.to_numpy(), abs=1e-8)
    assert weighted.bse.to_numpy() == pytest.approx(repeated.bse.to_numpy(), rel=1e-7)
    assert (weighted.nobs, weighted.bic) == pytest.approx((repeated.nobs, repeated.bic))


@pytest.mark.parametrize(("none", "scale"), list(itertools.product([False, True], [0.0, 1.0, 20.0])))
def test_simulated_choices_have_the_probabilities(none, scale):
    at = scale * np.array([-0.4, 0.6, 0.3, -0.1, *([-4.0] if none else [])])
    given = model(tasks(40, 9, none=-4.0 if none else None, sizes=(2, 5)), none=none).at(at)
    four = tasks(4, 10, sizes=(2, 5)).drop(columns="chosen")
    many = pd.DataFrame(np.tile(four.to_numpy(float), (20_000, 1)), columns=four.columns)
    many["task"] += 4 * np.repeat(np.arange(20_000), len(four))
    told = given.probabilities(four).to_numpy()
    drawn = given.simulate(many, rng=3).to_numpy().reshape(20_000, -1).mean(axis=0)
    assert drawn == pytest.approx(told, abs=0.015)
    left = 1 - given.probabilities(four).groupby(four["task"]).sum()
    if none:  # exp(0) is the odds of none of these beside a bare tin that costs nothing
        bare = np.exp(four[NAMES].astype(float) @ at[:4] - at[4]).groupby(four["task"]).sum()
        assert left.to_numpy() == pytest.approx((1 / (1 + bare)).to_numpy(), abs=1e-12)
    else:
        assert left.to_numpy() == pytest.approx(0, abs=1e-12)


def test_order_of_rows_numbers_of_sets_and_units_change_nothing():
    table = tasks(200, 11, sizes=(2, 4))
    plain = model(table).fit()
    mixed = table.sample(frac=1, random_state=1)
    assert model(mixed).fit().params.to_numpy() == pytest.approx(plain.params.to_numpy(), abs=1e-9)
    assert plain.probabilities(mixed).sort_index().to_numpy() == pytest.approx(
        plain.probabilities(table).to_numpy()
    )
    cents = model(table.assign(price=100 * table["price"] + 1e6)).fit()
    assert 100 * cents.params["price"] == pytest.approx(plain.params["price"], abs=1e-8)
    two = table.assign(who=table["task"] // 5, task=table["task"] % 5)
    again = survey.ConditionalLogit(two, ["who", "task"], "chosen", NAMES).fit()
    assert again.llf == pytest.approx(plain.llf, abs=1e-9)


@pytest.mark.parametrize(
    "engine",
    [pl.DataFrame, lambda t: pl.LazyFrame(t), pa.Table.from_pandas, lambda t: duckdb.from_df(t)],
    ids=["polars", "lazy", "pyarrow", "duckdb"],
)
def test_every_table_engine_gives_the_same(engine):
    table = tasks(60, 12).assign(shop=lambda t: np.where(t["tin"] == 1, "north", "south"))
    wanted = survey.ConditionalLogit(table, "task", "chosen", [*NAMES, "shop"]).fit()
    found = survey.ConditionalLogit(engine(table), "task", "chosen", [*NAMES, "shop"]).fit()
    assert found.params.equals(wanted.params)
    assert found.probabilities(engine(table)).to_numpy() == pytest.approx(wanted.probabilities(table))
    assert found.holdout(engine(table)).equals(wanted.holdout(table))
    assert survey.design_checks(engine(table), "task", NAMES).equals(
        survey.design_checks(table, "task", NAMES)
    )


def test_red_bus_blue_bus_takes_from_all_in_proportion():
    found = model(tasks(100, 13)).at([-0.4, 0.6, 0.3, -0.1])
    two = pd.DataFrame({"price": [6.0, 9.0], "organic": [0, 1], "garden": 0, "days": 1}, ["bus", "car"])
    three = pd.concat([two.rename({"bus": "red bus"}), two.loc[["bus"]].rename({"bus": "blue bus"})])
    one, more = found.shares(two, alpha=None)["share"], found.shares(three, alpha=None)["share"]
    assert more["red bus"] == pytest.approx(more["blue bus"])
    assert more["red bus"] / more["car"] == pytest.approx(one["bus"] / one["car"])


def test_holdout_counts_hits_and_a_tie_in_part():
    table = tasks(100, 14)
    found = model(table).fit()
    told = found.holdout(table)
    assert told.loc["model", "log_likelihood"] == pytest.approx(found.llf)
    assert told.loc["equal shares", "log_likelihood"] == pytest.approx(found.llnull) == 100 * np.log(1 / 3)
    assert told.loc["equal shares", "hit_rate"] == pytest.approx(1 / 3)
    assert told.loc["equal shares", "chance_of_chosen"] == pytest.approx(1 / 3)
    chance = found.probabilities(table)
    hits = []
    for _, rows in table.groupby("task"):
        mine = chance[rows.index]
        hits.append(rows.loc[mine > mine.max() - 1e-9, "chosen"].mean())
    assert told.loc["model", "hit_rate"] == pytest.approx(np.mean(hits)) and 0.5 in hits


def test_results_speak_statsmodels_and_nested_models_are_compared():
    table = tasks(300, 15)
    full, small = model(table).fit(), survey.ConditionalLogit(table, "task", "chosen", NAMES[:3]).fit()
    assert isinstance(full, LikelihoodResults) and isinstance(full, survey.ChoiceResults)
    assert full.aic == pytest.approx(2 * 4 - 2 * full.llf) and full.converged
    test = full.compare_lr_test(small)
    assert test["df"] == 1 and test["statistic"] == pytest.approx(2 * (full.llf - small.llf))
    assert "Conditional logit" in str(full.summary()) and "organic" in full._repr_html_()


def test_a_given_table_is_not_changed_and_equal_seeds_give_equal_draws():
    table = tasks(80, 16)
    before = table.copy()
    found = model(table).fit()
    offers = table.head(3).set_index("tin")
    assert found.shares(offers, rng=4).equals(found.shares(offers, rng=4))
    assert not found.shares(offers, rng=4).equals(found.shares(offers, rng=5))
    assert found.simulate(table, rng=1).equals(found.simulate(table, rng=1))
    assert table.equals(before)


# ---- rated profiles and designs


def test_part_worths_are_least_squares_and_importances_their_ranges():
    rng = np.random.default_rng(2)
    rated = pd.DataFrame({"brand": rng.choice(["x", "y", "z"], 60), "price": rng.choice([1.0, 2.0, 4.0], 60)})
    rated["liked"] = 3 * (rated["brand"] == "y") - rated["price"] + rng.normal(size=60)
    found = survey.conjoint(rated, "liked", ["brand", "price"], alpha=0.1)
    dummies = pd.get_dummies(rated["brand"], drop_first=True, dtype=float).assign(price=rated["price"])
    fit = OLS(rated["liked"], add_constant(dummies)).fit()
    assert found["part_worth"].tolist() == pytest.approx([0, *fit.params[1:]])
    assert found.loc[("price", "one more"), ["low", "high"]].tolist() == pytest.approx(
        fit.conf_int(0.1).loc["price"].tolist()
    )
    ranges = np.array([np.ptp([0, fit.params["y"], fit.params["z"]]), 3 * abs(fit.params["price"])])
    assert found["importance"].groupby("attribute").first().tolist() == pytest.approx(ranges / ranges.sum())


def test_dominated_sets_are_those_found_by_comparing_all_pairs():
    table = tasks(200, 17, sizes=(2, 5))
    better = {"price": -1, "organic": 1, "garden": 1, "days": -1}
    found = survey.design_checks(table, "task", NAMES, better)
    wrong = []
    for task, rows in table.groupby("task"):
        good = rows[NAMES].to_numpy(float) * list(better.values())
        pairs = itertools.permutations(good, 2)
        wrong += [task] if any((one >= other).all() for one, other in pairs) else []
    assert found.loc["sets with a dominated alternative"].tolist() == [len(wrong), f"task {wrong[0]}"]
    assert found.loc["choice sets", "value"] == 200


def test_d_error_is_that_of_the_information_and_infinite_where_nothing_can_be_told():
    table = tasks(150, 18, sizes=(2, 4))
    information = -model(table).derivatives(np.zeros(4))[2] / 150
    found = survey.design_checks(table, "task", NAMES)
    assert found.loc["D-error", "value"] == pytest.approx(np.linalg.det(information) ** (-1 / 4))
    same = survey.design_checks(table.assign(days=3), "task", NAMES)
    assert same.loc["D-error", "value"] == np.inf
    assert found.loc["rarest level, of balance", "value"] < 1
    even = pd.DataFrame({"task": [1, 1], "price": [6, 9], "kind": ["a", "b"]})
    assert survey.design_checks(even, "task", ["kind"]).loc["rarest level, of balance", "value"] == 1


# ---- input checks


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.assign(chosen=t["chosen"] & (t["task"] != 7)), "task 7, has 0 of 3.*none=True"),
        (lambda t: t.assign(chosen=t["chosen"] | (t["task"] == 7)), "task 7, has 3 of 3 chosen"),
        (lambda t: t.assign(task=t["task"] % 5), "has 12 of 36 chosen.*name both columns"),
        (lambda t: t[(t["task"] != 7) | t["chosen"]], "task 7, has 1 of 1"),
        (lambda t: t.assign(days=t["task"]), "'days' never varies within a choice set"),
        (lambda t: t.assign(days=2 * t["price"] + t["task"]), r"\['price', 'days'\] tell each other exactly"),
        (lambda t: t.assign(price=t["price"].where(t.index != 4)), "1 of 180 rows have no 'price'.*row 4"),
        (lambda t: t.assign(price=t["price"].where(t.index != 4, np.inf)), "an infinite 'price'.*row 4"),
        (
            lambda t: t.assign(price=t["price"].astype(object).where(t.index != 4, "9")),
            "'price' that is neither",
        ),
        (lambda t: t.assign(chosen=t["chosen"].map({True: "yes", False: "no"})), "not True or False, 1 or 0"),
        (
            lambda t: t.assign(chosen=t["chosen"].astype(float).where(t.index != 4)),
            "'chosen' that is not True",
        ),
        (lambda t: t.assign(task=t["task"].where(t.index != 4)), "1 of 180 rows have no 'task'"),
        (lambda t: t.assign(price=-t["chosen"].astype(float)), "do not bound the coefficient of 'price'"),
        (lambda t: t.head(0), "not a single choice"),
        (lambda t: t.drop(columns="days"), "There is no column 'days'"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_a_wrong_table_is_refused_in_words(change, words):
    with pytest.raises(ValueError, match=f"(?s){words}"):
        model(change(tasks(60, 19))).fit()


def test_wrong_arguments_are_refused_in_words():
    table = tasks(60, 20).assign(who=lambda t: t["task"] // 3)
    twice = table.assign(tin=1)
    with pytest.raises(ValueError, match="stands in its choice set already"):
        model(twice, alternative="tin")
    with pytest.raises(ValueError, match="There is no alternative 'tram'"):
        model(table.assign(tin=table["tin"].astype(str)), alternative="tin", reference="tram")
    with pytest.raises(ValueError, match="say in which column"):
        model(table, reference=1)
    with pytest.raises(ValueError, match="the same in all rows of a choice set"):
        model(table.assign(n=np.arange(180)), weights="n")
    with pytest.raises(ValueError, match="negative"):
        model(table.assign(n=-1), weights="n")
    with pytest.raises(ValueError, match="each once"):
        survey.ConditionalLogit(table, "task", "chosen", ["price", "price"])
    with pytest.raises(ValueError, match="too few for the cluster"):
        model(table.assign(who=table["task"] % 4), cluster="who").fit()


def test_flags_kept_as_objects_and_numbered_alternatives_are_taken():
    table = tasks(80, 26)
    wanted = survey.ConditionalLogit(
        table.assign(tin=table["tin"].astype(str)), "task", "chosen", NAMES, alternative="tin", reference="2"
    ).fit()
    found = survey.ConditionalLogit(
        table.astype({"organic": object, "chosen": object}),
        "task", "chosen", NAMES, alternative="tin", reference=2,
    ).fit()  # fmt: skip
    assert found.params.to_dict() == wanted.params.to_dict()
    assert set(found.params.index) == {*NAMES, "tin: 1", "tin: 3"}


def test_none_is_the_name_of_one_thing_only():
    table = tasks(80, 27, none=-4.0)
    with pytest.raises(ValueError, match="Two coefficients have one name"):
        survey.ConditionalLogit(
            table.rename(columns={"days": "none"}), "task", "chosen", ["price", "none"], none=True
        )
    found = model(table, none=True).fit()
    with pytest.raises(ValueError, match="a name each"):
        found.shares(table.head(2).assign(called=["none", "ours"]), offer="called")


def test_an_alternative_that_nobody_took_is_said_to_have_no_bounded_worth():
    table = tasks(200, 21)
    kind = np.where(table["chosen"] | (table["tin"] > 1), "plain", "odd")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match="'kind: plain'.*runs off"):
            survey.ConditionalLogit(table.assign(kind=kind), "task", "chosen", ["price", "kind"]).fit()


def test_a_level_seen_only_in_the_holdout_is_refused():
    table = tasks(100, 22).assign(kind=lambda t: np.where(t["tin"] == 1, "green", "black"))
    found = survey.ConditionalLogit(table, "task", "chosen", ["price", "kind"]).fit()
    new = table.assign(kind=table["kind"].where(table.index != 5, "white"))
    for call in (found.holdout, found.probabilities, found.simulate):
        with pytest.raises(ValueError, match="1 of 300 rows have a 'kind' that the model has not met"):
            call(new)
    with pytest.raises(ValueError, match="a 'price' that the model has not met"):
        found.shares(table.head(3).assign(price="9").set_index("tin"))


def test_money_is_refused_where_price_has_the_wrong_sign_or_none():
    liked = model(tasks(400, 23, worth=WORTH | {"price": 0.3})).fit()
    with pytest.raises(ValueError, match=r"'price' is 0\.\d+: these choices like the dearer offer better"):
        liked.willingness_to_pay()
    unsure = next(
        fit
        for fit in (model(tasks(40, seed, worth=WORTH | {"price": -0.02})).fit() for seed in range(50))
        if -1 < fit.params["price"] / fit.bse["price"] < 0
    )
    for method in ("delta", "simulation"):
        with pytest.raises(ValueError, match="not distinguishable from 0"):
            unsure.willingness_to_pay(method=method)
    with pytest.raises(ValueError, match="There is no column 'cost'"):
        unsure.willingness_to_pay("cost")


def test_given_coefficients_have_no_interval():
    given = model(tasks(40, 24)).at([-0.4, 0.6, 0.3, -0.1])
    assert given.willingness_to_pay(alpha=None)["estimate"].tolist() == pytest.approx([1.5, 0.75, -0.25])
    offers = tasks(1, 1).set_index("tin")
    assert given.shares(offers, alpha=None)["share"].sum() == pytest.approx(1)
    for call in (given.willingness_to_pay, lambda: given.shares(offers)):
        with pytest.raises(ValueError, match="no interval"):
            call()
    with pytest.raises(ValueError, match="a name each"):
        given.shares(pd.concat([offers, offers]), alpha=None)


def test_a_design_or_a_rating_that_tells_nothing_is_refused():
    table = tasks(20, 25)
    with pytest.raises(ValueError, match="which way is better"):
        survey.design_checks(table, "task", NAMES, {"price": -1})
    with pytest.raises(ValueError, match="texts have no better end"):
        survey.design_checks(table.assign(days=["x", "y"] * 30), "task", NAMES, dict.fromkeys(NAMES, 1))
    rated = pd.DataFrame({"liked": [1.0, 2, 3], "price": [1, 2, 3], "brand": ["a", "b", "a"]})
    with pytest.raises(ValueError, match="do not tell 3 part-worths apart"):
        survey.conjoint(rated, "liked", ["price", "brand"])
    with pytest.raises(ValueError, match="same 'liked'"):
        survey.conjoint(rated.assign(liked=1.0), "liked", ["price"])
    with pytest.raises(ValueError, match="1 of 3 values of liked are missing"):
        survey.conjoint(rated.assign(liked=[1, np.nan, 2]), "liked", ["price"])


def test_numbers_do_not_hang_on_the_unit_or_the_origin_of_an_attribute():
    table = tasks(60, 31)
    liked = table.assign(liked=table[NAMES].astype(float) @ pd.Series(WORTH) + table["tin"] / 9)
    found = survey.conjoint(liked, "liked", NAMES)
    design = survey.design_checks(table, "task", NAMES)["value"]
    for unit, origin in ((1e13, 0), (1e-13, 0), (1, 1e8)):
        other = liked.assign(price=liked["price"] * unit + origin)
        moved = survey.conjoint(other, "liked", NAMES)
        assert moved["importance"].tolist() == pytest.approx(found["importance"].tolist(), rel=1e-7)
        per_unit = moved.loc["price", ["part_worth", "low", "high"]] * unit
        wanted = found.loc["price", ["part_worth", "low", "high"]].to_numpy()
        assert per_unit.to_numpy() == pytest.approx(wanted, rel=1e-7)
        # the covariance of four coefficients loses the square of the unit: its root of four, the half power
        error = survey.design_checks(other, "task", NAMES).loc["D-error", "value"]
        assert error * unit**0.5 == pytest.approx(design["D-error"], rel=1e-7)


def test_respondents_of_weight_0_are_not_among_those_who_cluster():
    table = tasks(120, 32).assign(who=lambda t: t["task"] // 6)
    table["w"] = np.where(table["who"] < 8, 0.0, 1.0)
    weighted = model(table, weights="w", cluster="who").fit()
    dropped = model(table[table["w"] > 0], cluster="who").fit()
    assert weighted.bse.tolist() == pytest.approx(dropped.bse.tolist(), rel=1e-9)
    assert weighted.notes[-1] == dropped.notes[-1]


def test_none_is_an_attribute_only_where_it_is_one():
    table = tasks(300, 33, none=-3.0)
    with pytest.raises(ValueError, match="There is no column 'none'"):
        model(table, none=True).fit().willingness_to_pay("none")
    named = tasks(300, 33).rename(columns={"organic": "none"})
    fit = survey.ConditionalLogit(named, "task", "chosen", ["price", "none"]).fit()
    worth = fit.willingness_to_pay().loc["none", "estimate"]
    assert worth == pytest.approx(-fit.params["none"] / fit.params["price"])


def test_likelihood_ratios_are_of_the_same_choices_of_different_people():
    one, other = tasks(200, 34), tasks(200, 35)
    small = ["price", "days"]
    with pytest.raises(ValueError, match="different data"):
        model(one).fit().compare_lr_test(survey.ConditionalLogit(other, "task", "chosen", small).fit())
    mixed = one.sample(frac=1, random_state=1)
    nested = survey.ConditionalLogit(mixed, "task", "chosen", small).fit()
    assert model(one).fit().compare_lr_test(nested)["df"] == 2
    whose = one.assign(who=one["task"] // 4)
    with pytest.raises(ValueError, match="choices that hang together"):
        model(whose, cluster="who").fit().compare_lr_test(nested)


@pytest.mark.parametrize(
    ("spoil", "attributes", "message"),
    [
        ({"brand": "x"}, ["price", "brand"], "'brand' never varies"),
        ({"brand": "x"}, ["brand"], "'brand' never varies"),
        ({}, ["price", "chosen"], "'chosen' is no attribute"),
        ({}, ["price", "task"], "'task' is no attribute"),
        ({}, [["price"]], "attributes names one or more columns"),
        ({"price": 1e160}, ["price"], "beyond"),
        ({"brand": ["x", " ", "y"] * 20}, ["price", "brand"], "a blank 'brand'"),
    ],
)
def test_attributes_that_are_none_are_refused(spoil, attributes, message):
    with pytest.raises(ValueError, match=message):
        survey.ConditionalLogit(tasks(20, 36).assign(**spoil), "task", "chosen", attributes)


def test_ratings_and_rules_that_tell_nothing_are_refused():
    rated = pd.DataFrame({"a": list("xxyy"), "b": list("uvuv"), "liked": [1.0, 2, 2, 1], "one": "z"})
    rated = pd.concat([rated] * 2, ignore_index=True)
    for call, message in (
        (lambda: survey.conjoint(rated, "liked", ["a", "b"]), "No attribute moves 'liked'"),
        (lambda: survey.conjoint(rated, "liked", ["a", "liked"]), "is among the attributes"),
        (lambda: survey.conjoint(rated, "liked", ["one"]), "'one' never varies"),
        (lambda: survey.conjoint(rated.head(0), "liked", ["a"]), "not a single profile"),
        (lambda: survey.design_checks(tasks(9), "task", ["price"], ["price"]), "which way is better"),
        (lambda: survey.design_checks(tasks(9), "task", ["price"], {"price": [1]}), "which way is better"),
        (lambda: survey.ConditionalLogit(tasks(9), "task", "chosen", NAMES, none="no"), "none is True or"),
        (lambda: model(tasks(300)).fit().simulate(tasks(9), rng="x"), "rng is a whole number"),
        (lambda: model(tasks(300)).fit().shares(tasks(1), rng=-1), "rng is a whole number"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_a_table_may_have_the_choice_set_as_its_index_as_well():
    table = tasks(100, 37)
    doubled = table.set_index("task", drop=False)
    assert model(doubled).fit().params.equals(model(table).fit().params)
