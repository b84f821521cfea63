"""Exercise 18. Referees: loops, least squares with dummies, statsmodels."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from crmlab import practice

STUDENTS = ["ann", "eve"]


@pytest.fixture(scope="module")
def all_drawn():
    exercise = practice.load("18")
    return [practice.Drawn(exercise, "key", student, small=True) for student in STUDENTS]


def verdict(drawn, number, answer):
    return drawn.verdict(number, drawn.form(number).plain(answer, drawn.cases(number)))


def test_standardised_differences_by_hand(all_drawn):
    for one in all_drawn:
        groups = one.given.customers.groupby("member")[["orders_before", "spent_before"]]
        means, spread = groups.mean(), groups.std()
        apart = (means.loc[1] - means.loc[0]) / np.sqrt((spread**2).mean())
        table = pd.DataFrame({"column": apart.index, "apart": apart.to_numpy()})
        assert verdict(one, "18.1", table).outcome == "right"
        assert verdict(one, "18.1", table.round(2)).outcome == "right"
        assert verdict(one, "18.1", table.assign(apart=-table["apart"])).outcome != "right"


def test_pairs_by_a_loop(all_drawn):
    for one in all_drawn:
        few, gains = one.given.few, []
        for row in few[few["member"] == 1].itertuples():
            best = min(few[few["member"] == 0].itertuples(), key=lambda other: abs(other.before - row.before))
            gains.append(row.after - best.after)
        assert verdict(one, "18.2", sum(gains) / 5).outcome == "right"
        assert verdict(one, "18.2", round(sum(gains) / 5, 1)).outcome == "right"
        assert verdict(one, "18.2", sum(gains)).outcome != "right"


def test_the_fair_by_dummies(all_drawn):
    for one in all_drawn:
        fitted = smf.ols("orders ~ fair + C(shop) + C(month)", one.given.shops).fit()
        assert verdict(one, "18.4", fitted.params["fair"]).outcome == "right"
        assert verdict(one, "18.4", -fitted.params["fair"]).outcome != "right"


def test_clubs_by_two_stages(all_drawn):
    for one in all_drawn:
        fee, left = one.given.fees.set_index("programme_id")["fee"], {}
        for club, rows in one.given.clubs.groupby("programme_id"):
            first = smf.ols("member ~ offered", rows).fit()
            second = smf.ols("spent ~ fitted", rows.assign(fitted=first.fittedvalues)).fit()
            left[club] = second.params["fitted"] - fee[club]
        chosen = sorted(left, key=left.get)[-one.given.count :]
        assert verdict(one, "18.6", chosen).outcome == "right"
        assert verdict(one, "18.6", sorted(left, key=left.get)[: one.given.count]).outcome != "right"
