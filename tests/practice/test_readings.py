"""Right answers found otherwise, wrong ones that lie near. Referees: exact fractions, pandas, other rules."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats
from sklearn.decomposition import PCA

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


def test_a_card_is_no_pair_with_itself_and_no_two_are_of_one_day():
    for one in drawn("17"):
        cards = one.given.cards.reset_index()
        assert not cards.duplicated(["customer_id", "captured_on"]).any()
        both = cards.merge(cards, on="customer_id", suffixes=("", "_later"))
        days = (both["captured_on_later"] - both["captured_on"]).dt.days
        same, far = both["digits"] == both["digits_later"], days > 547
        answers = {}
        for name, close in {"self": days.between(0, 182), "pairs": days.between(1, 182)}.items():
            gap = days[far].mean() - days[close].mean()
            answers[name] = -gap / 365 / np.log2(same[far].mean() / same[close].mean())
        assert verdict(one, "17.3", answers["pairs"]).outcome == "right"
        assert verdict(one, "17.3", answers["self"]).mistake == "a_card_with_itself"


def test_what_an_offer_adds_is_not_taken_for_what_joining_adds():
    for one in drawn("18"):
        spent = one.given.clubs.groupby(["programme_id", "offered"])["spent"].mean().unstack()
        left = spent[1] - spent[0] - one.given.fees.set_index("programme_id")["fee"]
        found = verdict(one, "18.6", left.nlargest(one.given.count).index.tolist())
        assert found.mistake == "whom_the_lot_did_not_move" and found.mark < 0.9


def test_alphas_of_other_people_are_told():
    """Referee: alpha from the average of the correlations' own table of covariances."""

    def alpha(items):
        table = items.dropna().cov().to_numpy()
        return 4 / 3 * (1 - np.trace(table) / table.sum())

    for one in drawn("21"):
        names = [f"{about}_{place}" for about in ("trust", "loyalty") for place in range(1, 5)]
        items = one.given.answers[names].replace(-99, np.nan)
        against = items[names[:4]].corr().mean().idxmin()
        items[against] = one.given.lowest + one.given.highest - items[against]
        all_eight = items.dropna()
        measured = all_eight[names[:4]].sum(axis=1).corr(all_eight[names[4:]].sum(axis=1))
        for people, said in ((all_eight, "right"), (items, "mistake")):
            back = measured / np.sqrt(alpha(people[names[:4]]) * alpha(people[names[4:]]))
            assert verdict(one, "21.4", round(back, 3) if said == "right" else back).outcome == said


def test_the_widest_sum_whether_a_library_divides_by_n_or_by_one_less():
    for one in drawn("22"):
        answers = one.given.answers
        for ddof in (0, 1):
            z = (answers - answers.mean()) / answers.std(ddof=ddof)
            assert verdict(one, "22.2", PCA().fit(z).explained_variance_[0]).outcome == "right"
        assert verdict(one, "22.2", round(one.key("22.2").right, 2)).outcome == "right"


def test_high_or_not_is_not_an_ordered_answer():
    for one in drawn("26"):
        sheets, thing = one.given.sheets, one.given.thing
        rated = sm.add_constant(sheets[["taste", "price", "packaging", "delivery", "staff"]].astype(float))
        high = (sheets["satisfaction"] >= 9).astype(float)
        curve = sm.GLM(high, rated, family=sm.families.Binomial()).fit()
        steep = (curve.fittedvalues * (1 - curve.fittedvalues)).mean() * curve.params[thing]
        assert verdict(one, "26.2", steep).mistake == "high_or_not"
        line = np.linalg.lstsq(rated.to_numpy(), high.to_numpy())[0]
        assert verdict(one, "26.2", line[list(rated).index(thing)]).outcome != "right"
        assert verdict(one, "26.2", round(one.key("26.2").right, 3)).outcome == "right"


def test_rows_for_columns_are_right_on_few_inputs():
    def quarters_in(matrix, start, stage):
        staying = pd.DataFrame(matrix).T.drop(index="left", columns="left")
        return pd.DataFrame(np.linalg.inv(np.eye(4) - staying), list(staying), list(staying))[start][stage]

    for one in drawn("43")[:1]:
        found = verdict(one, "43.2", quarters_in)
        assert found.mistake == "the_wrong_way_round" and found.mark < 0.4
