"""The formulas that lesson 42 writes out by hand agree with the package. Referee: the stored notebook."""

import numpy as np
import pandas as pd
import pytest

from crmlab import datasets, value
from tests.value.test_lessons import run

LESSON = "42_retention"
RNG = np.random.default_rng(17)


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
    names = run(LESSON, "own_survival =", members=members)
    theirs = value.survival_table(names["years"], names["ended"])["survival"]
    np.testing.assert_allclose(names["own_survival"], theirs.loc[[1, 2]], rtol=1e-12)


@pytest.mark.parametrize("params", [(0.76, 1.3), (2.0, 9.0), (0.1, 0.4)])
def test_its_likelihood_is_the_packages(params):
    names = run(
        LESSON, "def log_likelihood", datasets=datasets, minimize=lambda *_, **__: pd.Series({"x": [0, 0]})
    )
    for survivors in ([1000, 631, 468, 382, 326], [50, 50, 31, 31, 8, 2]):
        ours = value.ShiftedBetaGeometric(survivors).loglike(params)
        assert names["log_likelihood"](np.log(params), np.array(survivors)) == pytest.approx(ours, rel=1e-11)


def test_its_two_kinds_of_members_renew_as_they_should():
    """With two kinds of customers only, retention is the mean of p^t over the mean of p^(t-1)."""
    names = run(LESSON, "still_there =")
    rate = [(0.9**t + 0.5**t) / (0.9 ** (t - 1) + 0.5 ** (t - 1)) for t in range(1, 5)]
    still_there = names["still_there"].sum(axis=1)
    np.testing.assert_allclose(still_there[1:] / still_there[:-1], rate, rtol=1e-12)
