"""Exercise 01. Referees: scipy's bootstrap and permutation test, fractions, statsmodels, plain loops."""

from collections import defaultdict
from fractions import Fraction
from itertools import combinations
from math import comb

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats

from crmlab import practice

STUDENTS = ["ann", "bob", "eve", "kim"]
GROUPS = {"1": (1, 1), "2-3": (2, 3), "4-9": (4, 9), "10+": (10, 10**9)}


@pytest.fixture(scope="module")
def exercise():
    return practice.load("01")


@pytest.fixture(scope="module")
def all_drawn(exercise):
    return [practice.Drawn(exercise, "key", student, small=True) for student in STUDENTS]


@pytest.fixture(scope="module")
def drawn(all_drawn):
    return all_drawn[0]


def average(values):
    return sum(values) / len(values)


def test_any_honest_resampling_is_right_and_so_is_the_textbook(all_drawn):
    for one in all_drawn:
        dollars = one.given.sheets["dollars"].to_numpy()
        for method, seed in [("percentile", 1), ("percentile", 2), ("basic", 3), ("BCa", 4)]:
            rng = np.random.default_rng(seed)
            made = stats.bootstrap((dollars,), np.mean, method=method, n_resamples=2000, rng=rng)
            low, high = made.confidence_interval
            assert one.verdict("01.1", high - low).outcome == "right"
            assert one.verdict("01.1", round(high, 1) - round(low, 1)).outcome == "right"
            ninety = np.quantile(made.bootstrap_distribution, [0.05, 0.95])
            assert one.verdict("01.1", float(np.ptp(ninety))).mistake == "ninety_per_cent"
        textbook = 2 * 1.96 * dollars.std(ddof=1) / len(dollars) ** 0.5
        assert one.verdict("01.1", float(textbook)).outcome == "right"
        without = [np.random.default_rng(seed).permutation(dollars).mean() for seed in range(50)]
        assert one.verdict("01.1", float(np.ptp(without))).mistake == "not_put_back"


def test_so_many_orders_narrow_the_interval_as_wanted(all_drawn):
    for one in all_drawn:
        part = {"half": 1 / 2, "a third": 1 / 3, "a quarter": 1 / 4, "a fifth": 1 / 5}[one.given.as_wide]
        assert (one.given.typed / one.key("01.2").right) ** 0.5 == pytest.approx(part)


def exact(with_coupon, without):
    everybody = [*with_coupon, *without]

    def difference(places):
        others = [value for place, value in enumerate(everybody) if place not in places]
        return Fraction(sum(everybody[place] for place in places), len(places)) - Fraction(
            sum(others), len(others)
        )

    deals = [difference(places) for places in combinations(range(len(everybody)), len(with_coupon))]
    return Fraction(sum(abs(one) >= abs(deals[0]) for one in deals), len(deals))


@pytest.mark.parametrize(
    ("with_coupon", "without"),
    [([3, 2, 1], [1, 0, 0]), ([0, 0, 7], [1, 2]), ([1, 1, 2], [0, 1, 2, 0, 0]), ([1, 1], [1, 1, 1])],
)
def test_p_value_by_fractions_thirds_and_ties_included(exercise, with_coupon, without):
    p_value = exercise.questions["01.3"].solution()
    assert p_value(with_coupon, without) == pytest.approx(float(exact(with_coupon, without)))


def test_small_trials_are_judged_the_same_by_fractions_by_plain_floats_and_by_scipy(all_drawn):
    for one in all_drawn:
        cases, outputs = one.cases("01.3"), one.key("01.3").right["outputs"]
        assert {len(case["with_coupon"]) == len(case["without"]) for case in cases} == {True, False}
        for case, output in zip(cases, outputs, strict=True):
            some, others = case["with_coupon"], case["without"]
            assert output == pytest.approx(float(exact(some, others)))
            deals = pd.DataFrame(combinations([*some, *others], len(some)))
            rest = (sum(some) + sum(others) - deals.sum(axis=1)) / len(others)
            careless = ((deals.mean(axis=1) - rest).abs() >= abs(average(some) - average(others))).mean()
            assert careless == output
            if len(some) == len(others):
                found = stats.permutation_test(
                    (some, others), lambda a, b: average(a) - average(b), n_resamples=comb(9, 4) * 10
                )
                assert found.pvalue == pytest.approx(output)


def test_the_trial_bears_what_the_key_says_with_the_dice_of_scipy(all_drawn):
    for one in all_drawn:
        trial, said = one.given.trial, one.key("01.4").right
        sent, others = trial[trial["coupon"]], trial[~trial["coupon"]]
        p = stats.permutation_test(
            (sent["orders"], others["orders"]),
            lambda a, b, axis: a.mean(axis=axis) - b.mean(axis=axis),
            n_resamples=1000, batch=200, rng=1,
        ).pvalue  # fmt: skip
        low, high = stats.bootstrap(
            (sent["margin_cents"], others["margin_cents"]),
            lambda a, b, axis, cost=one.given.cost_cents: a.mean(axis=axis) - b.mean(axis=axis) - cost,
            n_resamples=1000, batch=200, method="percentile", rng=1,
        ).confidence_interval  # fmt: skip
        assert p > 0.25 if said == "it may be luck" else p < 0.01
        wobble = (high - low) / 3.92
        assert low > 0.7 * wobble if said == "it paid" else (low < -0.5 * wobble and high > 0.5 * wobble)
        assert one.verdict("01.4", "it does nothing").mistake == "no_effect"


def test_each_sentence_is_right_for_about_a_third_of_students(exercise):
    said = [
        practice.variant("key", exercise.name, f"s{number}").choice("trial", ["luck", "orders", "paid"])
        for number in range(300)
    ]
    assert all(75 < said.count(one) < 125 for one in set(said)) and len(set(said)) == 3


def people(given):
    """Return number of orders before, whether complained, whether back, by loops."""
    before, back = defaultdict(int), set()
    for row in given.purchases.itertuples():
        if row.ordered_at < given.today:
            before[row.customer_id] += 1
        else:
            back.add(row.customer_id)
    early = {row.customer_id for row in given.complaints.itertuples() if row.opened_on < given.today}
    return [(orders, who in early, who in back) for who, orders in before.items()]


def test_like_with_like_by_loops_and_the_coefficient_by_statsmodels(all_drawn):
    for one in all_drawn:
        everybody, told = people(one.given), one.key("01.5").right["columns"]
        differences, sizes, rows = {}, {}, []
        for group, (low, high) in GROUPS.items():
            mine = [row for row in everybody if low <= row[0] <= high]
            shares = [
                average([back for _, complained, back in mine if complained == kind]) for kind in (1, 0)
            ]
            differences[group], sizes[group] = shares[0] - shares[1], len(mine)
            rows += [(group, complained, int(back)) for _, complained, back in mine]
        assert dict(zip(told["group"], told["difference"], strict=True)) == pytest.approx(differences)
        rounded = pd.Series(differences, name="difference").rename_axis("group").round(3)
        assert one.verdict("01.5", one.form("01.5").plain(rounded)).outcome == "right"
        weighted = sum(differences[group] * sizes[group] for group in GROUPS) / len(everybody)
        assert one.key("01.6").right == pytest.approx(weighted)
        assert one.verdict("01.6", round(weighted, 3)).outcome == "right"
        table = pd.DataFrame(rows, columns=["group", "complained", "came"])
        coefficient = smf.ols("came ~ complained + group", table).fit().params["complained[T.True]"]
        assert one.verdict("01.6", coefficient).mistake == "regression_coefficient"
        assert one.verdict("01.6", 100 * weighted).outcome in ("wrong", "range")


def test_those_who_answered_by_loops_and_rounded(all_drawn):
    for one in all_drawn:
        rows = list(one.given.asked.itertuples())
        answered, everybody = (
            average([row.back for row in rows if row.answered]),
            average([r.back for r in rows]),
        )
        assert one.key("01.7").right == pytest.approx(100 * (answered - everybody))
        rounded = 100 * (round(answered, 3) - round(everybody, 3))
        assert one.verdict("01.7", rounded).outcome == "right"
        assert one.verdict("01.7", answered - everybody).mistake == "as_a_share"


def test_nothing_given_is_a_right_answer_and_nobody_shares_one(all_drawn):
    rights = []
    for one in all_drawn:
        numbers = [value for value in one.given.values().values() if isinstance(value, int | float)]
        sizes = [len(value) for value in one.given.values().values() if isinstance(value, pd.DataFrame)]
        rights.append([one.key(f"01.{number}").right for number in (1, 2, 6, 7)])
        for number, right in zip((1, 2, 6, 7), rights[-1], strict=True):
            assert not any(one.form(f"01.{number}").agrees(value, right) for value in numbers + sizes)
    assert all(len(set(answers)) == len(STUDENTS) for answers in zip(*rights, strict=True))


def test_full_size_data_are_there_in_two_seconds_of_the_processor(exercise):
    from time import process_time

    began = process_time()
    practice.Drawn(exercise, "key", "zoe").given  # noqa: B018
    assert process_time() - began < 4  # about one where nothing else runs
