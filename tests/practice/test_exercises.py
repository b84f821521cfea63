"""Referee: each exercise's own proof; two students against each other; starters as they are handed out."""

from collections import Counter

import matplotlib
import pytest

from crmlab import practice

each_exercise = pytest.mark.parametrize("name", practice.names())
SAME_FOR_ALL = (practice.Choice, practice.Function)
"""Forms in which two students may share the right answer."""


@each_exercise
def test_each_exercise_stands_its_proof(name):
    failed = practice.prove(practice.load(name), variants=1)
    assert failed.empty, failed.to_string()


@pytest.mark.slow
@each_exercise
def test_each_exercise_holds_in_three_variants(name):
    failed = practice.prove(practice.load(name), variants=3)
    assert failed.empty, failed.to_string()


@pytest.mark.slow
@each_exercise
def test_each_exercise_holds_in_fifty_variants(name):
    failed = practice.prove(practice.load(name), variants=50)
    assert failed.empty, failed.to_string()


@each_exercise
def test_two_students_have_other_data_and_other_right_answers(name):
    exercise = practice.load(name)
    ann, bob = (practice.Drawn(exercise, "key", student, small=True) for student in ("ann", "bob"))
    assert ann.given.fingerprint() != bob.given.fingerprint()
    copied = {}
    for number in exercise.questions:
        if not isinstance(ann.form(number), SAME_FOR_ALL):
            copied[number] = bob.verdict(number, ann.key(number).right).outcome == "right"
    assert sum(copied.values()) <= 1, copied  # an interval may hold two truths


@pytest.mark.parametrize(("name", "number", "table"), [("27", "27.5", "offers"), ("28", "28.6", "prices")])
def test_no_offer_is_right_for_most_students_whatever_its_id(name, number, table):
    """Ids differ from student to student; what stands beside them must not be one answer for all."""
    exercise, right = practice.load(name), Counter()
    for student in range(12):
        drawn = practice.Drawn(exercise, "key", f"s{student}", small=True)
        offers = drawn.given.values()[table].drop(columns="cost", errors="ignore").set_index("offer_id")
        right.update(
            tuple(row[1:])
            for row in offers.itertuples()
            if drawn.verdict(number, [str(row.Index)], mistakes=False).outcome == "right"
        )
    assert right.most_common(1)[0][1] <= 6


@each_exercise
def test_a_starter_is_no_answer_yet(name):
    drawn = practice.Drawn(practice.load(name), "key", "ann", small=True)
    space = {"given": drawn.given}
    exec(drawn.exercise.set_up, space)
    for number, question in drawn.exercise.questions.items():
        exec(question.source["starter"], space)
        plain = drawn.form(number).plain(space[question.variable], drawn.cases(number))
        verdict = drawn.verdict(number, plain)
        assert verdict.outcome == "missing" and verdict.mark == 0, number
    matplotlib.pyplot.close("all")


@each_exercise
def test_no_message_of_a_wrong_answer_tells_the_right_one(name):
    drawn = practice.Drawn(practice.load(name), "key", "ann", small=True)
    for number in drawn.exercise.questions:
        right = drawn.key(number).right
        if isinstance(right, float) and not right.is_integer():
            told = [drawn.verdict(number, right * factor).message for factor in (1.5, 100, -1, 3e6)]
            assert all(f"{right:.3g}" not in message for message in told), number
