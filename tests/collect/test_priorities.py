"""Value of information and the list of questions. Referees: enumeration, brute force, a closed form."""

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlab import collect

PRIOR = pd.Series({"much": 0.4, "little": 0.6})
VISIT = pd.DataFrame({"much": [50.0, 500.0], "little": [-40.0, 100.0]}, index=["Al", "Bo"])
RIGHT = pd.DataFrame({"much": [0.8, 0.2], "little": [0.2, 0.8]}, index=["much", "little"])


def problem(rng, customers=6, states=4, decisions=3, answers=5):
    index, columns = [f"c{i}" for i in range(customers)], [f"s{i}" for i in range(states)]
    prior = pd.DataFrame(rng.dirichlet(np.ones(states), customers), index, columns)
    payoffs = {
        f"d{i}": pd.DataFrame(rng.normal(0, 50, (customers, states)), index, columns)
        for i in range(decisions)
    }
    likelihood = pd.DataFrame(rng.dirichlet(np.ones(answers), states), columns)
    return prior, payoffs, likelihood


# ---- correctness


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_best_of_all_ways_to_follow_the_answers(seed):
    """A plan says what to do after each answer: go through all of them, customer by customer."""
    prior, payoffs, likelihood = problem(np.random.default_rng(seed), answers=3)
    found = collect.value_of_information(prior, payoffs, likelihood)
    for who in prior.index:
        plans = [
            sum(
                prior.at[who, state] * likelihood.at[state, answer] * payoffs[decision].at[who, state]
                for answer, decision in zip(likelihood, plan, strict=True)
                for state in prior
            )
            for plan in product(payoffs, repeat=3)
        ]
        now = max(sum(prior.loc[who] * table.loc[who]) for table in payoffs.values())
        assert found.at[who, "now"] == pytest.approx(now)
        assert found.at[who, "imperfect"] == pytest.approx(max(plans) - now, abs=1e-9)


def test_uniform_share_has_a_closed_form():
    """A visit brings s - c, s uniform on (0, 1): a true answer is worth (1 - c)² / 2 - max(1/2 - c, 0)."""
    states = (np.arange(2000) + 0.5) / 2000
    costs = np.array([0.1, 0.5, 0.9])
    visit = pd.DataFrame(states[None] - costs[:, None], columns=states)
    found = collect.value_of_information(pd.Series(1 / 2000, states), {"stay": 0, "visit": visit})
    expected = (1 - costs) ** 2 / 2 - np.maximum(0.5 - costs, 0)
    assert found["perfect"].to_numpy() == pytest.approx(expected, abs=1e-6)
    assert found["perfect"].idxmax() == 1  # where we can hardly decide


@pytest.mark.parametrize("seed", range(5))
def test_the_list_is_the_best_but_for_one_question(seed):
    rng = np.random.default_rng(seed)
    value = pd.Series(rng.gamma(1, 10, 9))
    cost, budget = rng.uniform(1, 4, 9), 9.0
    listed = collect.worth_asking(value, cost, response=0.5, reward=1, budget=budget)
    chosen, one = listed[listed["ask"]], listed.sort_index()
    nets = [
        one.loc[list(some), "net"].sum()
        for size in range(10)
        for some in combinations(range(9), size)
        if one.loc[list(some), "costs"].sum() <= budget
    ]
    assert chosen["costs"].sum() <= budget
    assert max(nets) - one["brings"].max() <= chosen["net"].sum() <= max(nets) + 1e-9


# ---- consistency


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_true_answers_are_worth_most_blind_ones_nothing_and_none_less_than_that(seed):
    prior, payoffs, likelihood = problem(np.random.default_rng(seed))
    found = collect.value_of_information(prior, payoffs, likelihood)
    assert (found["imperfect"] >= 0).all() and (found["imperfect"] <= found["perfect"] + 1e-9).all()
    true = pd.DataFrame(np.eye(4), prior.columns, prior.columns)
    exact = collect.value_of_information(prior, payoffs, true)
    assert exact["imperfect"].to_numpy() == pytest.approx(exact["perfect"].to_numpy(), abs=1e-9)
    blind = pd.DataFrame(np.full((4, 2), 0.5), prior.columns)
    worth = collect.value_of_information(prior, payoffs, blind)["imperfect"]
    assert worth.to_numpy() == pytest.approx(0, abs=1e-9)


def test_what_is_decided_brings_what_it_is_said_to():
    prior, payoffs, likelihood = problem(np.random.default_rng(3))
    found = collect.value_of_information(prior, payoffs, likelihood)
    after = collect.decisions(prior, payoffs, likelihood)
    brings = sum(
        prior[state] * likelihood.at[state, answer] * payoffs[decision][state] * (after[answer] == decision)
        for state in prior
        for answer in likelihood
        for decision in payoffs
    )
    assert brings.to_numpy() == pytest.approx((found["now"] + found["imperfect"]).to_numpy())


def test_units_shifts_order_and_engines_do_not_matter():
    import duckdb
    import polars

    prior, payoffs, likelihood = problem(np.random.default_rng(4))
    found = collect.value_of_information(prior, payoffs, likelihood)
    cents = {name: 100 * table + 7 for name, table in payoffs.items()}
    shifted = collect.value_of_information(prior, cents, likelihood)
    assert shifted["imperfect"].to_numpy() == pytest.approx(100 * found["imperfect"].to_numpy(), abs=1e-7)
    mixed = collect.value_of_information(prior.iloc[::-1, ::-1], payoffs, likelihood.iloc[::-1])
    pd.testing.assert_frame_equal(mixed, found)
    lazy = {n: polars.from_pandas(t.rename_axis("customer_id").reset_index()) for n, t in payoffs.items()}
    as_polars = collect.value_of_information(prior, lazy, likelihood)
    later = {name: one.lazy() for name, one in lazy.items()}
    pd.testing.assert_frame_equal(collect.value_of_information(prior, later, likelihood), as_polars)
    related = {name: duckdb.from_arrow(one.to_arrow()) for name, one in lazy.items()}
    pd.testing.assert_frame_equal(collect.value_of_information(prior, related, likelihood), as_polars)
    pd.testing.assert_frame_equal(as_polars, found, check_names=False)
    one_for_all = collect.value_of_information(PRIOR, {"stay": 0, "visit": VISIT})
    for_each = pd.DataFrame([PRIOR] * 2, index=VISIT.index)
    pd.testing.assert_frame_equal(
        one_for_all, collect.value_of_information(for_each, {"stay": 0, "visit": VISIT})
    )


def test_nothing_that_is_given_is_changed_and_ties_stay_in_order():
    before = VISIT.copy()
    collect.value_of_information(PRIOR, {"stay": 0, "visit": VISIT}, RIGHT)
    pd.testing.assert_frame_equal(VISIT, before)
    listed = collect.worth_asking(pd.Series([5.0, 5.0, 5.0], ["b", "a", "c"]), cost=1, budget=2)
    assert listed.index.tolist() == ["b", "a", "c"] and listed["ask"].tolist() == [True, True, False]


def test_a_question_that_brings_as_much_as_it_costs_is_not_asked():
    listed = collect.worth_asking([4.0, 4.1], cost=1, response=0.5, reward=2)
    assert listed["ask"].tolist() == [True, False]
    assert not collect.worth_asking([4.0], cost=1, budget=0)["ask"].any()


# ---- input checks


@pytest.mark.parametrize(
    ("prior", "payoffs", "likelihood", "told"),
    [
        (PRIOR, {"visit": VISIT}, None, "two decisions"),
        (PRIOR, {"stay": 0, "visit": 1}, None, "single numbers"),
        (PRIOR, {"stay": np.nan, "visit": VISIT}, None, "'stay' is a finite number"),
        (PRIOR * 100, {"stay": 0, "visit": VISIT}, None, "add up to 1; row 0 .* adds up to 100"),
        (pd.Series({"much": -0.2, "little": 1.2}), {"stay": 0, "visit": VISIT}, None, "at least 0"),
        (PRIOR.rename({"much": "lots"}), {"stay": 0, "visit": VISIT}, None, "no column 'much'"),
        (pd.Series({**PRIOR, "none": 0.0}), {"stay": 0, "visit": VISIT}, None, "'none'"),
        (PRIOR, {"stay": 0, "visit": VISIT.replace(50.0, np.inf)}, None, "missing or infinite"),
        (PRIOR, {"stay": VISIT.iloc[:1], "visit": VISIT}, None, "2 rows for 1"),
        (PRIOR, {"stay": 0, "visit": VISIT.set_axis(["Al", "Al"])}, None, "one row per customer"),
        (PRIOR, {"stay": 0, "visit": VISIT.iloc[:0]}, None, "one row per customer"),
        (PRIOR, {"stay": 0, "visit": VISIT}, RIGHT / 2, "likelihood holds chances"),
        (PRIOR, {"stay": 0, "visit": VISIT}, RIGHT.rename({"much": "lots"}), "for each|by its name"),
        (PRIOR, {"stay": 0, "visit": VISIT}, [[1]], "a row per state"),
    ],
)
def test_chances_and_payoffs_that_do_not_fit_are_refused(prior, payoffs, likelihood, told):
    with pytest.raises(ValueError, match=told):
        collect.value_of_information(prior, payoffs, likelihood)


@pytest.mark.parametrize(
    ("given_", "told"),
    [
        ({"value": [-1.0]}, "value is a finite number at least 0"),
        ({"value": [np.nan]}, "missing or infinite"),
        ({"value": []}, "not a single customer"),
        ({"cost": 0}, "cost is a finite number above 0; customer 0 has 0"),
        ({"cost": [1, 2]}, "one for each of the 1 customers"),
        ({"response": 30}, "response is a chance from 0 to 1"),
        ({"reward": np.inf}, "reward is a finite number"),
        ({"budget": -1}, "budget is an amount"),
        ({"cost": "5"}, "cost must be"),
    ],
)
def test_costs_and_chances_out_of_range_are_refused(given_, told):
    with pytest.raises(ValueError, match=told):
        collect.worth_asking(**({"value": [1.0], "cost": 1} | given_))


def test_fifty_thousand_customers_take_no_loop():
    rng = np.random.default_rng(1)
    states = list(range(10))
    visit = pd.DataFrame(rng.normal(0, 50, (50_000, 10)), columns=states)
    likelihood = pd.DataFrame(rng.dirichlet(np.ones(10), 10), states)
    found = collect.value_of_information(pd.Series(0.1, states), {"stay": 0, "visit": visit}, likelihood)
    assert len(found) == 50_000 and (found["imperfect"] <= found["perfect"] + 1e-9).all()
