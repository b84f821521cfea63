"""Exercise 13. Referees: plain loops, enumeration of a hundred customers, the package."""

import numpy as np
import pandas as pd
import pytest

from crmlab import practice

STUDENTS = ["ann", "eve"]


@pytest.fixture(scope="module")
def exercise():
    return practice.load("13")


@pytest.fixture(scope="module")
def all_drawn(exercise):
    return [practice.Drawn(exercise, "key", student, small=True) for student in STUDENTS]


def verdict(drawn, number, answer):
    return drawn.verdict(number, drawn.form(number).plain(answer, drawn.cases(number)))


def test_fields_are_those_of_a_loop_and_may_be_rounded_to_dollars(all_drawn):
    for one in all_drawn:
        given, rows = one.given, {}
        cut = np.quantile(given.customers["present"], 0.8)
        for row in given.customers.dropna(subset=["told"]).itertuples():
            elsewhere = row.spend / (row.told / 100) - row.spend
            brings = elsewhere * given.win * given.kept - given.visit_cost
            field = f"{'high' if row.present > cut else 'low'}, {'high' if brings > 0 else 'low'}"
            count, total = rows.get(field, (0, 0))
            rows[field] = count + 1, total + brings
        table = pd.DataFrame(rows, ["customers", "brings"]).T.rename_axis("field").reset_index()
        table["customers"] = table["customers"].astype(int)
        assert verdict(one, "13.1", table).outcome == "right"
        assert verdict(one, "13.1", table.round({"brings": 0})).outcome == "right"


def followed(chance, much, little, right):
    """Return the best that can be got by any rule on what to do after each of two answers."""
    best = -np.inf
    for if_much in (0, 1):
        for if_little in (0, 1):
            got = 0.0
            for truth, brings in ((chance, much), (1 - chance, little)):
                says_much = right if brings is much else 1 - right
                got += truth * brings * (says_much * if_much + (1 - says_much) * if_little)
            best = max(best, got)
    return best


def test_worth_of_answers_is_that_of_the_best_rule_of_all(all_drawn):
    for one in all_drawn:
        for number in ("13.2", "13.3"):
            for case, output in zip(one.cases(number), one.key(number).right["outputs"], strict=True):
                case = {"right": 1.0} | case
                assert output == pytest.approx(followed(**case) - followed(**(case | {"right": 0.5})))


def test_reward_and_none_leave_the_same_at_the_answer(all_drawn):
    for one in all_drawn:
        given, worth = one.given, one.key("13.4").right
        left = given.response * (worth - given.reward) - given.cost
        assert left == pytest.approx(given.response_without * worth - given.cost)
        assert verdict(one, "13.4", round(worth, 2)).outcome == "right"


def test_worth_asking_is_that_of_a_loop_over_customers(all_drawn):
    for one in all_drawn:
        given, count = one.given, 0
        wide = given.answers.pivot(index="true", columns="says", values="chance").to_numpy()
        share, chance = given.shares["share"].to_numpy(), given.shares["chance"].to_numpy()
        for row in given.customers[given.customers["told"].isna()].itertuples():
            visit = given.win * given.kept * row.spend * (100 / share - 1) - given.visit_cost
            now = max((chance * visit).sum(), 0)
            told = np.maximum((chance * visit) @ wide, 0).sum()
            count += given.response * (told - now) > given.cost + given.response * given.reward
        assert one.key("13.5").right == count
