"""What lessons 41 to 43 conclude from one company holds in six others. Referee: their cells."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from crmlab import company
from tests.value.test_lessons import cells

pytestmark = pytest.mark.slow


@pytest.fixture(params=[7, 1, 2, 3, 4, 5, 6])
def play(request, monkeypatch):
    """Return a function that runs a lesson's cells on another company, from one that holds `words` on."""
    simulate, names = company.simulate, {}
    monkeypatch.setattr(company, "simulate", lambda: simulate(rng=request.param))

    def run(lesson, words="import", without="no such words"):
        code = [cell.source for cell in cells(lesson)]
        start = next(number for number, source in enumerate(code) if words in source)
        for source in [code[0], *code[max(start, 1) :]]:
            if without not in source:
                exec(source, names)
                plt.close("all")
        return names

    return run


def test_whose_worth_a_list_finds(play):
    names = play("41_value_tiers", "tea = company.simulate()")
    truly, found, worth = names["truly"], names["found"]["worth"], names["worth"]
    assert truly.idxmax() == "last year" and truly["most money"] < truly["R + F + M"]
    assert found["promising"] > found["loyal"]
    assert (found["new"] > found["loyal"]) == (names["tea"]._seed != 7)
    assert 0.64 < worth[names["kind"] == "firm"].sum() / worth.sum() < 0.73


def test_who_renews_and_who_had_left(play):
    names = play("42_retention", without="foretold = {")
    coming_up, explained, due = names["coming_up"], names["explained"], names["due"]
    assert coming_up["retention_rate"].is_monotonic_increasing
    assert coming_up["silent_over_6"].is_monotonic_decreasing
    assert coming_up.loc[1, "retention_rate"] < names["if_only_silence"] < coming_up.loc[2, "retention_rate"]
    kept = due.groupby(names["silence"], observed=True)["renewed"].mean()
    assert kept["0–1"] > kept["over 6"] + 0.39
    ratios = [
        names["hazard_ratios"](*columns).loc["complained", "hazard ratio"]
        for columns in (["complained"], ["complained", "months_silent"])
    ]
    assert 0.79 < ratios[0] < 1.1 < ratios[1] < 1.4 and 0.24 < ratios[1] - ratios[0] < 0.38
    assert 0.34 < explained.loc[1, "had_left"] < 0.4 and 0.13 < explained.loc[2, "had_left"] < 0.195
    assert 0 < explained.loc[2, "probability"] - explained.loc[1, "probability"] < 0.045


def test_which_stage_to_change(play):
    names = play("43_lifecycle")
    missed = pd.Series(names["missed"]).unstack()
    assert (missed["chain with age"] < missed["chain"]).all() and missed["chain with age"].max() < 0.05
    assert (missed["chain"] < missed["everybody stays"] / 2).all()
    per_move = names["six"]["gain per move"]
    assert 79 < per_move["decline 20 % shorter, by recovery"] < 96
    assert 540 < per_move["maturity 20 % longer"] < 740
    assert per_move["decline 20 % shorter, by exit"] < 0
    slips = names["six_chain"].matrix["declining"]
    assert slips["mature"] < slips["recovered"] and names["six_money"]["recovered"] < 30
    for table in (names["answer"], names["found"]):
        ranked = table["3 % moved, per head"].dropna().sort_values()
        assert ranked.index.tolist() == ["declining", "growing", "establishing", "mature"]
    assert 0.02 < (names["truth"]["truth"] == "declining").mean() < 0.032
    have_left = names["found"]["have_left"]
    assert 0.485 < have_left["declining"] < 0.545 and 0.675 < have_left["left"] < 0.715
    last = "3 % moved, per head"
    assert (names["answer"][last].dropna() <= names["found"][last].dropna()).all()
