"""What lesson 47 writes by hand agrees with the package; its claims hold. Referee: the stored notebook."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from crmlab import company, value
from tests.value.test_lessons import cell_with, cells

LESSON = "47_key_accounts"


def names_of(*words, **given):
    held = {"np": np, "pd": pd, "value": value, **given}
    for one in words:
        exec(cell_with(LESSON, one), held)
    return held


def test_the_five_by_hand_are_the_packages_whale():
    held = names_of("five = pd.DataFrame(", "so_far = best_first.cumsum()")
    curve = value.whale_curve(held["five"]["leaves"])
    assert curve["cumulative"].tolist()[1:] == held["so_far"].tolist() == [260, 335, 365, 363, 351]


def test_the_score_by_hand_is_the_packages():
    held = names_of("by_lot, yours, oracle =")
    table = value.ranking_score(held["four"], {"yours": {"A": 2, "B": 0, "C": 1, "D": 0}}, 2)
    assert table["money"].to_dict() == {name: held[of] for name, of in MONEY.items()}
    assert table.loc["yours", "score"] == pytest.approx(30 / 70)


MONEY = {"yours": "yours", "random": "by_lot", "oracle": "oracle"}


def test_the_points_by_hand_are_the_packages():
    held = names_of("by_lot, yours, oracle =", 'place["points"]')
    table = value.key_accounts(held["four_firms"], {"last year": 3, "cost": -1}, count=2)
    pd.testing.assert_series_equal(held["place"]["points"], table["score"], check_names=False)


def test_shuffling_within_a_tier_finds_what_all_ways_say():
    held = names_of("def difference(", "def by_luck(", rng=np.random.default_rng(1))
    dollars, treated = np.array([9, 14, 40, 8, 10, 30]), np.array([True] * 3 + [False] * 3)
    luck = held["by_luck"](dollars, treated, 20_000)
    assert held["difference"](dollars, treated) == 5
    assert (abs(luck) >= 5).mean() == pytest.approx(12 / 20, abs=0.015)


def test_books_add_up_and_keep_who_never_complained():
    tea = company.simulate(300, rng=5)
    held = names_of("price = {", "def rows_of(", "def books(", "def leaves(", tea=tea)
    whole = held["books"](tea)
    halves = held["books"](tea, end="2024-06-01") + held["books"](tea, start="2024-06-01")
    pd.testing.assert_frame_equal(whole, halves)
    assert whole["margin"].sum() * 100 == pytest.approx(tea.orders["margin_cents"].sum())
    assert whole["returns"].sum() * -100 == pytest.approx(tea.returns["amount_cents"].sum())
    assert whole["complaints"].sum() == 20 * len(tea.complaints)
    assert len(whole) == 300 and whole.notna().all(axis=None)


@pytest.mark.slow
def test_what_the_lesson_says_of_seven_companies():
    held = {}
    for cell in cells(LESSON):
        exec(cell.source, held)
        plt.close("all")
    a_year_on, scores, seven = held["a_year_on"], held["scores"], held["seven"]
    assert (a_year_on["lost in 2024"] < 0).all() and (a_year_on["left in 2025"] > 0).all()
    again, others = a_year_on["lost again"], a_year_on["others who lost"]
    assert (a_year_on["left in 2025"] > a_year_on["the best one"]).all()
    assert (again > others).all() and again.max() < 0.13 and others.max() < 0.07
    race, narrow = held["rehearsal"]["score"], held["narrow"]  # after all service; margin less delivery
    assert race.drop(["random", "oracle"]).is_monotonic_decreasing
    assert (race - narrow).drop(["random", "oracle"]).between(0.004, 0.025).all()
    assert (race - narrow).idxmax() == "points"
    differences = held["ends"].filter(like=" less ")
    assert (differences.iloc[0] < 0).all() and (differences.iloc[1] > 0).all()
    assert (scores.loc["lately"] > scores.loc["points"] + 0.025).all()  # more than the narrow yardstick takes
    ahead = scores.loc["last year"] > scores.loc["points"]
    assert ahead[ahead].index.tolist() == [7, 2, 3, 4, 5, 6]
    lead = scores.loc["lately"] - scores.loc["last year"]
    assert lead[lead > 0.07].index.tolist() == [1, 2, 3] and lead.min() > -0.03
    assert (seven["truly so far"] > 0).all() and np.ptp(seven["truly so far"]) < 9
    assert (seven["low"] < 0).all() and (seven["high"] > 0).all()
    assert (seven["high"] > seven["truly so far"]).all()
    assert (seven["low"] < seven["truly so far"]).all()
    spent = held["cost"]["spent so far"]  # the truth of 2026 holds a policy that goes on
    back = seven["so far + kept"] > spent["events"] + 1
    early = seven["truly so far"] > spent["events"] + 1
    assert early[early].index.tolist() == [1, 6]
    assert back[back].index.tolist() == [1, 3, 4, 5, 6]
    assert abs(seven["so far + kept"][2] - spent["events"]) < 0.3
    assert seven["going on"].between(0.8, 2.2).all() and seven["truly so far"].idxmax() == 1
    assert (seven["found"][[3, 4]] < 0).all()
    saved = 20 * held["fewer"][0] / held["cost"]["years"]["events"]
    assert saved < 6 and seven["going on"].max() + saved < 6
    low_tier = held["low_tier"]
    assert (low_tier["so far + kept"].drop(3) < spent["experienced_contacts"]).all()
    assert low_tier["so far + kept"][3] < spent["experienced_contacts"] + 0.1
    assert low_tier["going on"].max() < 2
    signs = held["signs"]
    assert (signs["difference"] < 0).all() and (signs["p_value"] < 0.05).sum() == 5
    sexes = pd.DataFrame(held["sexes"]).T
    assert (sexes["female"] > sexes["male"]).all()
