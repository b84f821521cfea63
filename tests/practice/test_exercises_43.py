"""Exercise 43. Referees: a walk through the stages step by step, and another model."""

import pandas as pd
import pytest

from crmlab import practice, value


@pytest.fixture(scope="module")
def drawn():
    return practice.Drawn(practice.load("43"), "key", "student", small=True)


def walk(matrix, start, quarters):
    """Yield where a customer is, as shares of the stages, quarter after quarter."""
    now = {stage: float(stage == start) for stage in matrix}
    for _ in range(quarters):
        yield now
        now = {to: sum(now[one] * matrix[one][to] for one in matrix) for to in matrix}


def test_quarters_in_a_stage_step_by_step(drawn):
    right = drawn.key("43.2").right["outputs"]
    for case, quarters in zip(drawn.cases("43.2"), right, strict=True):
        assert sum(row[case["stage"]] for row in walk(case["matrix"], case["start"], 600)) == pytest.approx(
            quarters
        )


@pytest.mark.parametrize("student", range(8))
def test_best_proposal_step_by_step(student):
    exercise = practice.load("43")
    variant = practice.variant("key", exercise.name, f"student {student}")
    matrix, proposals = exercise.inputs.__globals__["_proposals"](variant)
    table, discount, worth = matrix.set_index("stage"), exercise.inputs.__globals__["QUARTERLY"], {}
    right = exercise.questions["43.4"].solution(matrix, proposals, discount)
    cents = table.pop("cents")
    for row in proposals.itertuples():
        changed = table.to_dict("index")
        leaving = 1 - changed[row.stage][row.stage]
        less = leaving - leaving / row.time  # of those in the stage, who leave it in a quarter
        changed[row.stage][row.stage] += less
        changed[row.stage][row.towards] -= less
        assert min(changed[row.stage].values()) >= 0
        worth[row.proposal] = sum(
            (1 + discount) ** -number * sum(now[stage] * cents[stage] for stage in now)
            for number, now in enumerate(walk(changed, "establishing", 400))
        )
    best, second = sorted(worth, key=worth.get)[:-3:-1]
    none = sum(
        (1 + discount) ** -number * sum(now[stage] * cents[stage] for stage in now)
        for number, now in enumerate(walk(table.to_dict("index"), "establishing", 400))
    )
    assert right.to_dict() == pytest.approx({name: one - none for name, one in worth.items()}, abs=0.01)
    assert right.idxmax() == best
    assert worth[best] - none > 1.05 * (worth[second] - none) and worth[best] > none


def test_each_proposal_is_the_best_for_some_students():
    exercise = practice.load("43")
    draw, solve = exercise.inputs.__globals__["_proposals"], exercise.questions["43.4"].solution
    variants = [practice.variant("key", exercise.name, f"student {number}") for number in range(20)]
    assert len({solve(*draw(variant), 0.03).idxmax() for variant in variants}) == 4


def test_a_model_of_lesson_44_may_choose_too(drawn):
    given = drawn.given
    summary = value.btyd_summary(given.orders, date="ordered_on", amount=None, observation_end=given.today)
    summary = summary.set_index("customer_id")
    expected = value.ModifiedBetaGeoNBD(summary).fit().conditional_expected_purchases(365 / 7)
    brings = expected * given.orders.groupby("customer_id")["margin_cents"].mean()
    chosen = brings[drawn.key("43.6").truth.index.astype(int)].nlargest(given.letters)
    assert drawn.verdict("43.6", [str(one) for one in chosen.index]).outcome == "right"


def test_nothing_given_tells_who_left(drawn):
    given, kept = drawn._inputs
    assert list(given.orders) == ["customer_id", "ordered_on", "margin_cents"]
    assert not set(given.values()) & set(kept)
    assert given.orders["ordered_on"].max() <= given.today


def verdict(drawn, number, answer):
    return drawn.verdict(number, drawn.form(number).plain(answer, drawn.cases(number)))


def test_other_ways_are_right_and_other_slips_are_not(drawn):
    def long_walk(matrix, start, stage):
        return round(sum(row[stage] for row in walk(matrix, start, 500)), 2)

    assert verdict(drawn, "43.2", long_walk).outcome == "right"  # two decimals, as the lesson shows them
    rough = verdict(drawn, "43.2", lambda matrix, start, stage: round(long_walk(matrix, start, stage), 1))
    assert rough.outcome == "wrong" and rough.mark < 1
    gain = pd.DataFrame(drawn.key("43.4").right["columns"]).set_index("proposal")["gain_cents"]
    assert verdict(drawn, "43.4", gain.round(0)).outcome == "right"
    later = {name: told for name, (_, told) in drawn.key("43.4").wrong.items()}
    undiscounted = verdict(drawn, "43.4", pd.DataFrame(later["not_discounted"]["columns"]))
    assert undiscounted.mistake == "not_discounted" and undiscounted.mark == 0
