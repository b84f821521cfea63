"""The formulas that lesson 43 writes out by hand agree with the package. Referee: the stored notebook."""

import numpy as np
import pandas as pd
import pytest

from crmlab import value
from tests.value.test_lessons import run

LESSON = "43_lifecycle"
RNG = np.random.default_rng(17)


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


def test_its_matrix_and_times_are_the_packages(walks):
    stages, chain = walks
    names = run(LESSON, "own_matrix =", stages=stages)
    np.testing.assert_allclose(names["own_matrix"], chain.matrix, rtol=1e-12)
    log = stages.loc[stages["orders"] > 0].rename(columns={"period": "ordered_at"})
    found = run(LESSON, "own_times =", chain=chain, names=list(value.STAGES), orders=log)
    np.testing.assert_allclose(found["own_times"], chain.time_in_stage(), rtol=1e-12)


def test_its_value_is_the_packages(walks):
    stages, chain = walks
    names = list(value.STAGES)
    orders = stages.loc[stages["orders"] > 0, ["customer_id", "period"]].rename(
        columns={"period": "ordered_at"}
    )
    orders = orders.assign(margin_cents=RNG.integers(500, 9000, len(orders)), serving_cents=300)
    given = {"stages": stages, "orders": orders, "chain": chain, "names": names}
    found = run(LESSON, "own_value =", Q=chain.matrix.loc[names[:4], names[:4]], **given)
    theirs = chain.value(found["money"], found["d"])
    np.testing.assert_allclose(found["own_value"], theirs[names[:4]], rtol=1e-10)
    assert (1 + found["d"]) ** 4 == pytest.approx(1.1, rel=1e-12)


def test_a_levers_gain_is_counted_by_the_customers_whom_it_moves(walks):
    """What is gained equals the discounted number of moves times the gain per move."""
    stages, chain = walks
    money, d = pd.Series({"establishing": 6.0, "growing": 40.0, "mature": 33.0, "declining": 0.0}), 0.02
    now = stages.groupby("customer_id")["stage"].last().value_counts()
    lever = run(LESSON, "def lever", d=d)["lever"]
    for change in [("establishing", 0.8, "growing"), ("mature", 1.2), ("declining", 0.8, "left")]:
        gain, moved, each, formula, simulated, error = lever(chain, money, now, change)
        changed = chain.change(*change)
        Q = changed.matrix.drop(index="left", columns="left")
        visits = np.linalg.inv(np.eye(4) - Q / (1 + d))[:, Q.index.get_loc(change[0])]
        moves = now[Q.index].to_numpy() @ visits * moved / 100 / (1 + d)
        assert gain == pytest.approx(moves * each, rel=1e-9)
        assert abs(formula - simulated) <= 4 * error
