"""Exercise 16. Referees: scipy's tests, plain means, the textbook's formula, loops over trials."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from crmlab import collect, practice

STUDENTS = ["ann", "eve"]


@pytest.fixture(scope="module")
def exercise():
    return practice.load("16")


@pytest.fixture(scope="module")
def all_drawn(exercise):
    return [practice.Drawn(exercise, "key", student, small=True) for student in STUDENTS]


def verdict(drawn, number, answer):
    return drawn.verdict(number, drawn.form(number).plain(answer, drawn.cases(number))).outcome


def test_mismatches_are_those_of_a_chi_square_too(all_drawn):
    for one in all_drawn:
        found = 0
        for row in one.given.ideas.itertuples():
            n = row.treated + row.control
            expected = [one.given.share * n, (1 - one.given.share) * n]
            found += stats.chisquare([row.treated, row.control], expected).pvalue < 0.001
        assert verdict(one, "16.1", int(found)) == "right"


def test_offer_and_taking_are_differences_of_means_and_may_be_rounded_to_cents(all_drawn):
    for one in all_drawn:
        means = one.given.offers.groupby("offered")[["member", "dollars"]].mean()
        offer, took = means.loc[True, "dollars"] - means.loc[False, "dollars"], means.loc[True, "member"]
        table = pd.DataFrame({"what": ["offer", "member"], "dollars": [offer, offer / took]})
        assert verdict(one, "16.2", table.round(2)) == "right"


def test_the_rule_of_sixteen_is_near_enough(all_drawn):
    for one in all_drawn:
        assert verdict(one, "16.3", lambda sd, effect: 32 * (sd / effect) ** 2) == "right"
        assert verdict(one, "16.3", lambda sd, effect: 16 * (sd / effect) ** 2) != "right"


def test_the_smallest_effect_is_that_of_the_formula(all_drawn):
    for one in all_drawn:
        effect = 2.8 * one.given.pool["dollars"].std() * 2 / np.sqrt(one.given.customers)
        assert verdict(one, "16.4", round(effect, 2)) == "right"


def test_stopped_trials_are_those_of_a_loop(all_drawn):
    for one in all_drawn:
        edge = collect.peeking(one.given.looks["week"].max(), "obrien_fleming")["boundary"]
        once = weekly = ruled = 0
        for _, trial in one.given.looks.groupby("trial"):
            far = trial.set_index("week")["errors"].abs()
            once += far[len(edge)] > 1.96
            weekly += far.max() > 1.96
            ruled += any(far[week] > edge[week] for week in edge.index)
        stopped = {"once": once, "each week": weekly, "obrien_fleming": ruled}
        table = pd.DataFrame({"rule": list(stopped), "stopped": [int(count) for count in stopped.values()]})
        assert verdict(one, "16.5", table) == "right"
