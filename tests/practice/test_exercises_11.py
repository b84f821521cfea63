"""Exercise 11. Referees: plain loops over pairs, the package, and another way to the same number."""

from itertools import combinations
from math import log2

import numpy as np
import pandas as pd
import pytest

from crmlab import collect, practice

STUDENTS = ["ann", "eve"]


@pytest.fixture(scope="module")
def exercise():
    return practice.load("11")


@pytest.fixture(scope="module")
def all_drawn(exercise):
    return [practice.Drawn(exercise, "key", student, small=True) for student in STUDENTS]


def verdict(drawn, number, answer):
    return drawn.verdict(number, drawn.form(number).plain(answer, drawn.cases(number)))


def test_a_weight_is_a_difference_of_logarithms(all_drawn):
    for one in all_drawn:
        for case, output in zip(one.cases("11.1"), one.key("11.1").right["outputs"], strict=True):
            m, u = case["m"], case["u"]
            wanted = {"same": log2(m) - log2(u), "different": log2(1 - m) - log2(1 - u), "missing": 0}
            assert output == pytest.approx(wanted[case["agrees"]])


def test_pairs_in_blocks_are_those_of_a_loop(all_drawn):
    for one in all_drawn:
        cards, found = one.given.cards, set()
        for column in ("telephone", "mail"):
            for _, block in cards.dropna(subset=[column]).groupby(column):
                found |= set(combinations(sorted(block["contact_id"]), 2))
        assert verdict(one, "11.2", len(found)).outcome == "right"
        assert verdict(one, "11.2", len(found) + 1).outcome != "right"


def test_rounded_weights_are_right_and_other_shares_are_not(all_drawn):
    for one in all_drawn:
        rows = []
        for field in ("telephone", "mail", "address"):
            m, u = (
                (pairs[field] == pairs[f"{field}_2"])[
                    pairs[field].notna() & pairs[f"{field}_2"].notna()
                ].mean()
                for pairs in (one.given.sure, one.given.lot)
            )
            rows.append((field, round(log2(m / u), 1), round(log2((1 - m) / (1 - u)), 1)))
        table = pd.DataFrame(rows, columns=["field", "equal", "different"])
        assert verdict(one, "11.3", table).outcome == "right"
        assert verdict(one, "11.3", table.assign(equal=table["equal"] + 1)).outcome != "right"


def test_one_pair_is_added_up_by_hand(all_drawn):
    for one in all_drawn:
        weights = one.given.weights.set_index("field")
        total = one.given.start
        for field, first, second in one.given.pair[["field", "first", "second"]].itertuples(index=False):
            if not (pd.isna(first) or pd.isna(second)):
                total += weights.loc[field, "equal" if first == second else "different"]
        assert verdict(one, "11.4", total).outcome == "right"


def test_the_threshold_is_where_both_errors_cost_the_same_on_average(all_drawn):
    for one in all_drawn:
        given = one.given
        chance = 1 / (1 + 2.0 ** -given.scored["weight"])
        join = chance * given.missed_cost >= (1 - chance) * given.false_cost
        assert verdict(one, "11.5", int(join.sum())).outcome == "right"


def test_missed_pairs_are_those_that_the_package_estimates(all_drawn):
    for one in all_drawn:
        review = one.given.review.assign(clusters=1, joined_pairs=1)  # not needed for what is missed
        told = collect.review_estimates(review).loc["missed_pairs", "estimate"]
        assert verdict(one, "11.6", told).outcome == "right"
        assert verdict(one, "11.6", np.round(told * 1.03)).outcome != "right"
