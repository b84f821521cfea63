"""Right answers found otherwise, wrong ones that lie near. Referees: exact fractions, pandas, other rules."""

from fractions import Fraction

import pandas as pd
import pytest
from scipy import stats

from crmlab import collect, practice
from crmlab.practice.exercise import FOLDER

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


@pytest.mark.parametrize("name", [path.stem[:2] for path in sorted(FOLDER.glob("*.ipynb"))])
def test_the_task_says_in_what_an_argument_comes(name):
    """A table that comes as a dict, or a column as a list, must not be met first when it is marked."""
    exercise = practice.load(name)
    for number, question in exercise.questions.items():
        if question.cases is None:
            continue
        case = question.cases(practice.variant("key", exercise.name, "ann"))[0]
        kinds = {type(value) for value in case.values()} & {list, dict}
        told = {list: ("list", "["), dict: ("dict",)}
        assert all(any(word in question.task for word in told[kind]) for kind in kinds), number


@pytest.fixture(scope="module")
def cards():
    return drawn("12")


def test_what_age_leaves_and_trust_that_is_averaged_are_told(cards):
    for one in cards:
        given, trust = one.given, pd.DataFrame(one.key("12.1").right["columns"]).set_index("channel")
        mine = given.cards[(given.cards["customer"] == given.who) & given.cards["address"].notna()]
        lives = (given.as_of - mine["captured_on"]).dt.days / given.half_life_days

        def share(weight, mine=mine):
            score = weight.groupby(mine["address"]).sum()
            return score.max() / score.sum()

        own = mine["channel"].map(trust["address"])
        assert verdict(one, "12.3", share(own.round(2) * 2.0**-lives)).outcome == "right"
        assert verdict(one, "12.3", share(own * (1 - lives / 2).clip(0))).mistake == "in_a_straight_line"
        assert verdict(one, "12.3", share(own * 2.718**-lives)).outcome != "right"
        in_mail = mine["channel"].map(trust["mail"])
        assert verdict(one, "12.3", share(in_mail * 2.0**-lives)).outcome != "right"

        given_mail = given.cards.dropna(subset=["mail"]).sort_values("captured_on", kind="stable")
        differ = {"sum": 0, "mean": 0}
        for _, held in given_mail.groupby("customer"):
            for way in differ if held["mail"].nunique() > 1 else ():
                scores = held["channel"].map(given.agreed).groupby(held["mail"]).agg(way).round(9)
                best = held[held["mail"].isin(scores.index[scores == scores.max()])]["mail"].iloc[-1]
                differ[way] += best != held["mail"].iloc[-1]
        assert verdict(one, "12.4", differ["sum"]).outcome == "right"
        assert verdict(one, "12.4", differ["mean"]).mistake == "average_trust"


def test_a_share_with_something_added_is_told(cards):
    for one in cards:
        added = collect.channel_trust(one.given.cards, one.given.checked, ["mail", "address"])
        assert verdict(one, "12.1", added["trust"].unstack("field")).mistake == "one_added"
        plain = (added["right"] / added["given"]).unstack("field")
        assert verdict(one, "12.1", plain).outcome == "right"
