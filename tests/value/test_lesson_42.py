"""The formulas that lesson 42 writes out by hand agree with the package. Referee: the stored notebook."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from crmlab import datasets, plot, value
from tests.value.test_lessons import cell_with

LESSON = "42_retention"
RNG = np.random.default_rng(17)


def run(words, **given):
    """Run the lesson's cell that holds `words`, among the names that it is given, and return all names."""
    names = {"np": np, "pd": pd, "plt": plt, "plot": plot, "value": value, **given}
    exec(cell_with(LESSON, words), names)
    plt.close("all")
    return names


@pytest.fixture(scope="module")
def walks():
    """Return 300 customers whom the lesson has not seen, and their chain."""
    log = pd.DataFrame(
        {
            "customer_id": RNG.integers(300, size=2500),
            "date": pd.Timestamp("2021-01-01") + pd.to_timedelta(1800 * RNG.random(2500) ** 2, unit="D"),
        }
    )
    stages = value.lifecycle_stages(log, observation_end="2025-12-31")
    return stages, value.StageChain(value.transitions(stages))


def test_its_survival_curve_is_the_packages():
    terms = RNG.integers(1, 4, 400)
    members = pd.DataFrame(
        {
            "customer_id": np.repeat(np.arange(400), terms),
            "term": np.concatenate([np.arange(1, term + 1) for term in terms]),
        }
    )
    members["renewed"] = (members["term"] < np.repeat(terms, terms)).astype("boolean")
    running = ~members["renewed"] & (RNG.random(len(members)) < 0.4)
    members["renewed"] = members["renewed"].mask(running)
    names = run("own_survival =", members=members)
    theirs = value.survival_table(names["years"], names["ended"])["survival"]
    np.testing.assert_allclose(names["own_survival"], theirs.loc[[1, 2]], rtol=1e-12)


@pytest.mark.parametrize("params", [(0.76, 1.3), (2.0, 9.0), (0.1, 0.4)])
def test_its_likelihood_is_the_packages(params):
    names = run("def log_likelihood", datasets=datasets, minimize=lambda *_, **__: pd.Series({"x": [0, 0]}))
    for survivors in ([1000, 631, 468, 382, 326], [50, 50, 31, 31, 8, 2]):
        ours = value.ShiftedBetaGeometric(survivors).loglike(params)
        assert names["log_likelihood"](np.log(params), np.array(survivors)) == pytest.approx(ours, rel=1e-11)


def test_its_two_kinds_of_members_renew_as_they_should():
    """With two kinds of customers only, retention is the mean of p^t over the mean of p^(t-1)."""
    names = run("still_there =")
    rate = [(0.9**t + 0.5**t) / (0.9 ** (t - 1) + 0.5 ** (t - 1)) for t in range(1, 5)]
    still_there = names["still_there"].sum(axis=1)
    np.testing.assert_allclose(still_there[1:] / still_there[:-1], rate, rtol=1e-12)


def test_its_matrix_and_times_are_the_packages(walks):
    stages, chain = walks
    names = run("own_matrix =", stages=stages)
    np.testing.assert_allclose(names["own_matrix"], chain.matrix, rtol=1e-12)
    log = stages.loc[stages["orders"] > 0].rename(columns={"period": "ordered_at"})
    found = run("own_times =", chain=chain, names=list(value.STAGES), orders=log)
    np.testing.assert_allclose(found["own_times"], chain.time_in_stage(), rtol=1e-12)


def test_its_value_is_the_packages(walks):
    stages, chain = walks
    names = list(value.STAGES)
    orders = stages.loc[stages["orders"] > 0, ["customer_id", "period"]].rename(
        columns={"period": "ordered_at"}
    )
    orders = orders.assign(margin_cents=RNG.integers(500, 9000, len(orders)), serving_cents=300)
    given = {"stages": stages, "orders": orders, "chain": chain, "names": names}
    found = run("own_value =", Q=chain.matrix.loc[names[:4], names[:4]], **given)
    theirs = chain.value(found["money"], found["d"])
    np.testing.assert_allclose(found["own_value"], theirs[names[:4]], rtol=1e-10)
    assert (1 + found["d"]) ** 4 == pytest.approx(1.1, rel=1e-12)


def test_a_levers_gain_is_counted_by_the_customers_whom_it_moves(walks):
    """What is gained equals the discounted number of moves times the gain per move."""
    stages, chain = walks
    money, d = pd.Series({"establishing": 6.0, "growing": 40.0, "mature": 33.0, "declining": 0.0}), 0.02
    now = stages.groupby("customer_id")["stage"].last().value_counts()
    lever = run("def lever", d=d)["lever"]
    for change in [("establishing", 0.8, "growing"), ("mature", 1.2), ("declining", 0.8, "left")]:
        gain, moved, each, formula, simulated, error = lever(chain, money, now, change)
        changed = chain.change(*change)
        Q = changed.matrix.drop(index="left", columns="left")
        visits = np.linalg.inv(np.eye(4) - Q / (1 + d))[:, Q.index.get_loc(change[0])]
        moves = now[Q.index].to_numpy() @ visits * moved / 100 / (1 + d)
        assert gain == pytest.approx(moves * each, rel=1e-9)
        assert abs(formula - simulated) <= 4 * error
