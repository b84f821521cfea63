"""Exercise 46. Referees: scikit-learn's adjusted Rand index, and a loop in plain Python."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from crmlab import practice


@pytest.fixture(scope="module")
def drawn():
    return practice.Drawn(practice.load("46"), "key", "student", small=True)


@pytest.mark.parametrize("seed", range(5))
def test_agreement_is_scikit_learns(seed):
    agreement = practice.load("46").questions["46.1"].solution()
    a, b = np.random.default_rng(seed).integers(0, 3, (2, 25))
    assert agreement(a.tolist(), b.tolist()) == pytest.approx(adjusted_rand_score(a, b))


def test_equal_treatment(drawn):
    given = drawn.given
    missing = {"firm": 0, "good": given.visit, "other": given.visit + given.letter}
    assert drawn.key("46.2").right == sum(missing[segment] for segment in given.accounts["group"])
