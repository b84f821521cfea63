"""The formulas that lesson 45 writes out by hand agree with the package. Referee: the stored notebook."""

import numpy as np
import pytest

from crmlab import datasets, value
from tests.value.test_lessons import cell_with

LESSON = "45_lifetime_value"


@pytest.fixture(scope="module")
def names():
    """Run the cells of the lesson that prepare what its formulas need."""
    held = {}
    exec("import numpy as np\nimport pandas as pd\nfrom crmlab import datasets, plot, value", held)
    for words in ("one_rate =", "by_hand = np.diff", "by_hand = (1 - weight)"):
        exec(cell_with(LESSON, words), held)
    return held


@pytest.mark.parametrize(("retention", "discount"), [(0.8, 0.1), (0.3, 0.02), (0.95, 0.5)])
def test_margin_multiple(retention, discount):
    line = cell_with(LESSON, "by_hand = sum(0.8**t").splitlines()[0]
    line = line.replace("0.8", str(retention)).replace("1.1**", f"{1 + discount}**")
    held = {}
    exec(line, held)
    assert held["by_hand"] == pytest.approx(value.margin_multiple(retention, discount), rel=1e-9)


def test_renewals(names):
    held = dict(names)
    exec(cell_with(LESSON, "by_hand = sum(sbg.survival").splitlines()[0], held)
    assert held["by_hand"] == pytest.approx(names["sbg"].discounted_renewals(0.1)[0], rel=1e-6)


def test_discounted_purchases_week_by_week(names):
    exec(cell_with(LESSON, "by_hand = np.diff"), held := dict(names))
    ours = held["purchases"].discounted_purchases(0.1, held["year"], 1000, held["one"]).iloc[0]
    assert held["by_hand"] == pytest.approx(ours, rel=1e-5)


def test_gamma_gamma_as_a_weighted_mean(names):
    np.testing.assert_allclose(names["by_hand"], names["spend"].expected_spend(), rtol=1e-12)


@pytest.mark.parametrize("figures", [(90, 0.1, 27, 0.3, 3.6, 0.6), (20, 0.3, 5, 0.1, 9, 0.4)])
def test_customer_equity(figures):
    held = dict(zip(["m", "d", "A", "a", "R", "r"], figures, strict=True))
    exec("\n".join(cell_with(LESSON, "equity = value.CustomerEquity").splitlines()[1:3]), held)
    m, d, A, a, R, r = figures
    assert held["by_hand"] == pytest.approx(value.CustomerEquity(m, d, A, a, 0.9, R, r, 0.9).equity())


def test_the_lesson_speaks_of_the_published_cohort(names):
    curves = (
        datasets.load("sbg_retention").query("segment == 'Regular'").set_index("year")["survivors_percent"]
    )
    assert names["regular"].tolist() == curves.tolist()
