"""Right answers found otherwise, wrong ones that lie near. Referees: exact fractions, pandas, other rules."""

from fractions import Fraction

import pandas as pd
import pytest
from scipy import stats

from crmlab import collect, practice

STUDENTS = ["ann", "eve", "kim"]


def drawn(name):
    exercise = practice.load(name)
    return [practice.Drawn(exercise, "key", student, small=True) for student in STUDENTS]


def verdict(one, number, answer):
    return one.verdict(number, one.form(number).plain(answer, one.cases(number)))


def test_a_top_fifth_has_the_same_customers_however_it_is_counted():
    for one in drawn("13"):
        present = one.given.customers["present"]
        top = present > present.quantile(0.8)
        size = len(present) // 5
        assert (top == (present >= present.quantile(0.8))).all()
        assert set(present.index[top]) == set(present.nlargest(size).index)
        assert (top == (pd.qcut(present, 5, labels=False) == 4)).all()


@pytest.fixture(scope="module")
def watching():
    return drawn("15")


def test_the_alarm_is_that_of_exact_fractions(watching):
    for one in watching:
        share = {row.article: Fraction(round(100 * row.share), 100) for row in one.given.sold.itertuples()}
        seen, days = dict.fromkeys(share, 0), {"at least": [], "more than": []}
        for number, row in enumerate(one.given.reports.itertuples(), 1):
            seen[row.article] += 1
            by_share = 3 * share[row.article] * number
            days["at least"] += [row.day] * (seen[row.article] >= max(5, by_share))
            days["more than"] += [row.day] * (seen[row.article] >= 5 and seen[row.article] > by_share)
        assert days["at least"][0] == days["more than"][0]
        assert verdict(one, "15.6", days["at least"][0]).outcome == "right"


def test_alpha_is_not_taken_for_kappa(watching):
    for one in watching:
        found = collect.agreement(one.given.coded[["coder_1", "coder_2"]], draws=1)["value"]
        assert verdict(one, "15.1", found["kappa"]).outcome == "right"
        assert verdict(one, "15.1", found["alpha"]).mistake == "one_hat_for_both"


def test_no_look_lies_on_the_boundary_itself():
    for one in drawn("16"):
        far = one.given.looks.pivot(index="trial", columns="week", values="errors").abs()
        edge = collect.peeking(far.shape[1], "obrien_fleming")["boundary"].to_numpy()
        for beyond in (far >= 1.96, far > stats.norm.ppf(0.975)):
            stopped = {"once": beyond.iloc[:, -1].sum(), "each week": beyond.any(axis=1).sum()}
            stopped["obrien_fleming"] = (far >= edge).any(axis=1).sum()
            assert verdict(one, "16.5", pd.Series(stopped)).outcome == "right"


def test_a_consent_is_the_same_whether_the_day_itself_counts():
    for one in drawn("17"):
        day, consents = pd.Timestamp(one.given.asked_on), one.given.consents
        for known in (consents[consents["said_on"] < day], consents[consents["said_on"] <= day]):
            for words in (known, known[::-1]):
                last = words.sort_values("said_on", kind="stable").groupby("customer_id")["said"].last()
                assert verdict(one, "17.5", (last == "yes").sum()).outcome == "right"


def test_one_column_in_place_of_two_is_told():
    for one in drawn("14"):
        listed = one.given.listed.set_index(["column", "category"])["customers"]["lately"]
        answered = one.given.letters.dropna(subset=["still"])
        alone = (answered.groupby("lately")["still"].mean() * listed).sum() / listed.sum()
        assert verdict(one, "14.5", alone).mistake == "lately_alone"


def test_a_function_that_looks_at_no_input_has_no_mark():
    for one in drawn("13")[:1]:
        found = verdict(one, "13.2", lambda chance, much, little: 0.0)
        assert found.outcome == "wrong" and found.mark == 0
