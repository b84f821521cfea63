"""Lesson 41. Referees: the package for its lines, scipy for its interval, six companies for its claims."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from crmlab import value
from tests.value.test_lessons import cells, run

LESSON = "41_value_tiers"


def lesson(seed: int, since: str = "import") -> dict:
    """Run the lesson, pictures left out, on the company of this seed; or its second part."""
    names: dict = {"print": lambda *_: None}
    begun = since == "import"
    for cell in cells(LESSON):
        begun = begun or since in cell.source
        helper = cell.source.startswith(("import", "plot.style", "def "))
        if (begun or helper) and "plt.show" not in cell.source:
            exec(cell.source.replace("company.simulate()", f"company.simulate(rng={seed})"), names)
    plt.close("all")
    return names


@pytest.fixture(scope="module")
def names():
    return lesson(7)


def test_the_table_by_hand_is_the_packages(names):
    columns = ["orders", "days_since_last_order", "total_amount"]
    pd.testing.assert_frame_equal(names["own"][columns], names["customers"][columns], check_dtype=False)
    assert names["own"].loc[4, columns].tolist() == pytest.approx([3, 59, 74.02])


def test_the_ruler_measures_the_packages_gini():
    five = run(LESSON, "five = pd.DataFrame")["five"]
    strips = run(LESSON, '"left, cm"', five=five)["strips"]
    assert strips["square cm"].sum() == 25
    assert value.gini(five["dollars"]) == pytest.approx((50 - 25) / 50)
    amounts = np.random.default_rng(0).pareto(2.5, 999)
    found = run(LESSON, "own_gini =", customers=pd.DataFrame({"total_amount": amounts}))
    assert found["own_gini"] == pytest.approx(value.gini(amounts), rel=1e-12)


def test_roles_by_hand_are_the_packages_also_where_many_are_equal():
    rng = np.random.default_rng(4)
    for most in (2, 4, 40):
        table = pd.DataFrame({"orders": rng.integers(1, most, 300), "total_amount": rng.integers(1, 60, 300)})
        found = run(LESSON, "own_role =", customers=table)
        assert (found["own_role"] == value.tiers(table)["role"]).all()


def test_careless_scores_tell_the_day_of_joining_and_ours_nothing(names):
    careless, once, first_day = names["careless"][names["once"]], names["once"], names["first_day"]
    middle = first_day[once].groupby(careless).median()
    assert middle.is_monotonic_increasing and (middle.diff().dropna() > pd.Timedelta(days=20)).all()
    assert set(names["scores"].loc[once, "F"]) == {2}
    assert value.rfm_scores(names["few"])["F"].tolist() == [5, 2, 2, 4, 2]


def test_the_score_by_hand_is_the_packages(names):
    assert names["race"].loc["most money", "score"] == pytest.approx(names["score"])
    assert names["race"]["score"].drop("oracle").idxmax() == "R + F + M"
    assert abs(names["race"].loc["one lot", "score"]) < 0.02


def test_the_interval_of_a_lead_is_scipys(names):
    dollars, side = names["later"], sides(names, "R + F + M", "most money")
    hat = (dollars * side)[side != 0].to_numpy()
    scipys = stats.bootstrap((hat,), np.sum, method="percentile", n_resamples=9_999, rng=2)
    low, high = np.quantile(names["resampled"], [0.025, 0.975])
    wide = np.ptp(list(scipys.confidence_interval))
    assert [low, high] == pytest.approx(list(scipys.confidence_interval), abs=0.06 * wide)
    assert low > 0  # "explains this lead badly"
    second = names["leads"](dollars, sides(names, "most money", "most orders"))
    assert np.quantile(second, 0.025) < 0 < np.quantile(second, 0.975)  # "may be luck"


def sides(names, first, second):
    on_list, lists, places = names["on_list"], names["lists"], names["places"]
    return on_list(lists[first], places) - on_list(lists[second], places)


def test_two_lists_that_are_equally_good_differ_by_luck_only(names):
    """The null: who is on which list alone has nothing to do with spending; 5 in 100 intervals miss 0."""
    rng, misses = np.random.default_rng(8), 0
    for _ in range(150):
        dollars = pd.Series(rng.gamma(1, 30, 400))
        side = np.repeat([1, -1, 0], [100, 100, 200])
        low, high = np.quantile(names["leads"](dollars, side)[:800], [0.025, 0.975])
        misses += not low <= 0 <= high
    assert 1 <= misses <= 16
    better = pd.Series(rng.gamma(1, 30, 400)) + 20 * (side == 1)
    assert np.quantile(names["leads"](better, side), 0.025) > 0


def test_those_picked_for_the_first_order_fall_and_backwards_too(names):
    average = pd.DataFrame({name: group.mean() for name, group in names["groups"].items()})
    by_first, by_second = average["largest fifth by the first"], average["largest fifth by the second"]
    assert abs(average["everybody"].diff().iloc[1]) < 2
    assert by_first["second order"] < by_first["first order"] - 25
    assert by_second["first order"] < by_second["second order"] - 25


def claims(names):
    """Assert what the lesson says of every company."""
    both = names["both"]
    assert both["rehearsed"].idxmax() == both["true"].idxmax() == "last year"
    assert names["low"] > 0  # the rehearsed lead over R + F + M
    assert both.loc["one lot"].abs().max() < 0.06
    assert 0.28 < names["have_left"]["core"] < 0.335
    assert 0.17 < names["have_left"]["last year's list"] < 0.205


def test_what_it_says_of_the_company(names):
    claims(names)
    assert names["worth"].mean() == pytest.approx(96.72, abs=0.005)
    assert names["truth"].loc["last year", "money"] / names["worth"].sum() == pytest.approx(0.85, abs=0.005)
    assert (names["both"]["true"] > names["both"]["rehearsed"]).all()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 7))
def test_what_it_says_of_six_other_companies(seed):
    names = lesson(seed, since="tea = company.simulate()")
    claims(names)
    assert 99.5 < names["worth"].mean() < 124.5
    assert 0.285 < names["have_left"]["core"] < 0.325
