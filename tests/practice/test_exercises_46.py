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


def verdict(drawn, number, answer):
    return drawn.verdict(number, drawn.form(number).plain(answer, drawn.cases(number)))


def test_other_ways_are_right_and_other_slips_are_not(drawn):
    given = drawn.given
    each = {"firm": given.visit + given.letter, "good": given.letter, "other": 0}
    plan = given.accounts["group"].map(each).sum()
    assert verdict(drawn, "46.2", len(given.accounts) * each["firm"] - plan).outcome == "right"
    assert verdict(drawn, "46.2", plan).mark == 0

    def by_pairs(a, b):
        pairs = [(a[i] == a[j], b[i] == b[j]) for i in range(len(a)) for j in range(i)]
        n, p, q = (sum(told) for told in ([x and y for x, y in pairs], *zip(*pairs, strict=True)))
        return round((n - p * q / len(pairs)) / ((p + q) / 2 - p * q / len(pairs)), 3)

    assert verdict(drawn, "46.1", by_pairs).outcome == "right"
    assert verdict(drawn, "46.1", lambda a, b: by_pairs(a, b) ** 2).mark < 0.5
