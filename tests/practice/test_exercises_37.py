"""Exercise 37. Referees: loops over baskets, shuffles, scipy, the package."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import false_discovery_control

from crmlab import network, practice

STUDENTS = ["ann", "eve"]


@pytest.fixture(scope="module")
def all_drawn():
    exercise = practice.load("37")
    return [practice.Drawn(exercise, "key", student, small=True) for student in STUDENTS]


def verdict(drawn, number, answer):
    return drawn.verdict(number, drawn.form(number).plain(answer, drawn.cases(number)))


def baskets_of(given):
    return given.lines.groupby("order_id")["article"].agg(set)


def test_lift_is_that_of_a_loop_over_baskets(all_drawn):
    for one in all_drawn:
        given, baskets = one.given, baskets_of(one.given)
        both, left, right = (
            sum(wanted <= basket for basket in baskets)
            for wanted in ({given.one, given.other}, {given.one}, {given.other})
        )
        value = both * len(baskets) / (left * right)
        assert verdict(one, "37.2", value).outcome == "right"
        assert verdict(one, "37.2", round(value, 2)).outcome == "right"
        assert verdict(one, "37.2", both / left).mistake == "a_confidence"
        assert verdict(one, "37.2", both / right).outcome != "right"
        for case, output in zip(one.cases("37.1"), one.key("37.1").right["outputs"], strict=True):
            assert output == pytest.approx(network.lift(**case)["lift"][0])


def test_intervals_are_those_of_the_package_by_counts(all_drawn):
    for one in all_drawn:
        baskets, rows = baskets_of(one.given), []
        for row in one.given.asked.itertuples():
            counts = [
                sum(wanted <= basket for basket in baskets)
                for wanted in ({row.one, row.other}, {row.one}, {row.other})
            ]
            found = network.lift(*counts, len(baskets)).iloc[0]
            rows.append({"pair_id": row.pair_id} | found[["lift", "low", "high"]].to_dict())
        assert verdict(one, "37.3", pd.DataFrame(rows)).outcome == "right"
        assert verdict(one, "37.3", pd.DataFrame(rows).round(2)).outcome == "right"


def test_luck_is_about_that_of_shuffled_baskets(all_drawn):
    rng = np.random.default_rng(37)
    for one in all_drawn:
        lines = one.given.lines[["order_id", "article"]].drop_duplicates().sort_values("order_id")
        size = lines.groupby("order_id")["article"].transform("size").to_numpy()
        met = 0.0
        for held in (2, 3, 4):
            items, dealt = lines["article"].to_numpy()[size == held], []
            for _ in range(60):
                table = rng.permutation(items).reshape(-1, held)
                while (bad := [len(set(row)) < held for row in table]) and any(bad):
                    again = np.array(bad) | (rng.random(len(table)) < 3 * np.mean(bad))
                    table[again] = rng.permutation(table[again].ravel()).reshape(-1, held)
                pair = (table == one.given.one).any(axis=1) & (table == one.given.other).any(axis=1)
                dealt.append(pair.sum())
            met += np.mean(dealt)
        right = one.key("37.4").right
        assert met == pytest.approx(right, rel=0.08)


def test_what_is_kept_is_what_scipy_keeps(all_drawn):
    for one in all_drawn:
        for case, output in zip(one.cases("37.5"), one.key("37.5").right["outputs"], strict=True):
            q_values = false_discovery_control(case["p_values"])
            assert output == (q_values <= case["rate"] + 1e-12).sum()


def test_other_honest_cards_pass_and_pairs_of_one_taste_do_not(all_drawn):
    for one in all_drawn:
        ids = one.given.candidates.set_index(["one", "other"])["pair_id"]
        own = network.pairs_by_luck(one.given.lines, item="article", within="customer_id")
        excess = own.set_index(["one", "other"]).eval("both - expected")
        assert verdict(one, "37.6", ids.loc[excess.nlargest(3).index].tolist()).outcome == "right"
        count = {}
        for basket in baskets_of(one.given):
            for pair in combinations(sorted(basket), 2):
                count[pair] = count.get(pair, 0) + 1
        often = pd.Series(count).nlargest(3).index
        assert verdict(one, "37.6", ids.loc[often].tolist()).mistake == "most_often"
