"""Exercise 21. Referees: plain loops and statistics from the standard library, covariances, the envelope."""

import math
import statistics

import numpy as np
import pytest

from crmlab import practice, survey

STUDENTS = ["ann", "bob", "eve", "kim"]


@pytest.fixture(scope="module")
def all_drawn():
    exercise = practice.load("21")
    return [practice.Drawn(exercise, "key", student, small=True) for student in STUDENTS]


def rows(one, names):
    """Return the answers of those who left none of these questions out, as lists."""
    columns = [one.given.answers[name].tolist() for name in names]
    return [row for row in zip(*columns, strict=True) if -99 not in row]


def turned(one, names, against):
    ends = one.given.lowest + one.given.highest
    return [
        [ends - answer if name == against else answer for name, answer in zip(names, row, strict=True)]
        for row in rows(one, names)
    ]


def alpha(table):
    """Alpha by the average covariance and the average variance, as pingouin and many a textbook have it."""
    columns = list(zip(*table, strict=True))
    count = len(columns)
    pairs = [statistics.covariance(a, b) for i, a in enumerate(columns) for b in columns[i + 1 :]]
    variance = statistics.fmean(map(statistics.variance, columns))
    together = statistics.fmean(pairs)
    return count * together / (variance + (count - 1) * together)


TRUST, LOYALTY = ([f"{name}_{place}" for place in range(1, 5)] for name in ("trust", "loyalty"))


def test_the_wording_by_plain_averages(all_drawn):
    for one in all_drawn:
        answers = zip(one.given.answers["version"], one.given.answers["value_4"], strict=True)
        sides = {"a": [], "b": []}
        for version, answer in answers:
            if answer != -99:
                sides[version].append(answer)
        moved = statistics.fmean(sides["b"]) - statistics.fmean(sides["a"])
        assert one.verdict("21.1", round(moved, 2)).outcome == "right"
        median = statistics.median(sides["b"]) - statistics.median(sides["a"])
        assert abs(median - moved) < 0.007 or one.verdict("21.1", float(median)).outcome != "right"


def test_the_reversed_question_is_the_one_whose_wording_is(all_drawn):
    for one in all_drawn:
        right = one.key("21.2").right
        wording = one.given.asked.set_index("item")["wording"][right]
        assert any(word in wording for word in ("break", "little", "hide", "not what"))
        known = survey.Questionnaire(one.given.asked)
        found = known.against(known.answers(one.given.answers, missing=-99))
        assert list(found.index) == [right]


def test_alpha_by_covariances_and_by_the_package(all_drawn):
    for one in all_drawn:
        by_hand = alpha(turned(one, TRUST, one.key("21.2").right))
        assert one.verdict("21.3", round(by_hand, 3)).outcome == "right"
        known = survey.Questionnaire(one.given.asked)
        ready = known.turned(one.given.answers, items=TRUST, missing=-99, also=[one.key("21.2").right])
        package = survey.reliability(ready)["estimate"]
        assert one.verdict("21.3", float(package["alpha"])).outcome == "right"
        assert one.verdict("21.3", alpha(rows(one, TRUST))).mistake == "nothing_turned"


def test_corrected_correlation_by_plain_sums(all_drawn):
    for one in all_drawn:
        table = turned(one, TRUST + LOYALTY, one.key("21.2").right)
        trust, loyalty = [row[:4] for row in table], [row[4:] for row in table]
        measured = statistics.correlation([sum(row) for row in trust], [sum(row) for row in loyalty])
        true = measured / math.sqrt(alpha(trust) * alpha(loyalty))
        assert one.verdict("21.4", true).outcome == "right"
        rounded = round(measured, 3) / math.sqrt(round(alpha(trust), 3) * round(alpha(loyalty), 3))
        assert one.verdict("21.4", rounded).outcome == "right"
        assert one.verdict("21.4", measured).mistake == "as_measured"


def test_rows_by_every_part_of_the_list(all_drawn):
    def longest(answers):
        parts = (answers[i:j] for i in range(len(answers)) for j in range(i + 1, len(answers) + 1))
        return max(len(part) for part in parts if len(set(part)) == 1)

    def verdict(one, answer):
        return one.verdict("21.5", one.form("21.5").plain(answer, one.cases("21.5")))

    for one in all_drawn:
        assert verdict(one, longest).outcome == "right"
        assert verdict(one, lambda answers: longest(answers) - 1).mistake == "one_too_few"


def test_either_sign_reaches_full_marks_and_one_alone_does_not(all_drawn):
    for one in all_drawn:

        def verdict(answer, one=one):
            return one.verdict("21.6", one.form("21.6").plain(answer, one.cases("21.6")))

        answers = one.given.answers.set_index("respondent").drop(columns="version")
        values = answers.mask(answers == -99)
        alike = values.nunique(axis=1) == 1
        # without the package: a straight line, or far from the others with the gaps filled by averages
        away = (values - values.mean()).fillna(0).to_numpy()
        distance = (away @ np.linalg.inv(values.cov()) * away).sum(axis=1)
        assert verdict((alike * 1e3 + distance).nlargest(one.given.calls).index).outcome == "right"
        assert verdict(alike.astype(float).nlargest(one.given.calls).index).mark < 0.75
        lot = np.random.default_rng(1).choice(answers.index, one.given.calls, replace=False)
        assert verdict(lot).mark < 0.25


def test_nothing_given_tells_who_was_careless(all_drawn):
    for one in all_drawn:
        assert set(one.given._values) == {"asked", "answers", "lowest", "highest", "calls"}
        assert list(one.given.asked) == ["item", "construct", "wording", "scale"]
        assert list(one.given.answers)[:2] == ["respondent", "version"]


def test_who_counts_in_the_wording_is_who_answered_the_question(all_drawn):
    for one in all_drawn:
        answers = one.given.answers
        full = answers[(answers.drop(columns=["respondent", "version"]) != -99).all(axis=1)]
        average = full.groupby("version")["value_4"].mean()
        assert one.verdict("21.1", float(average["b"] - average["a"])).mistake == "full_sheets_only"
