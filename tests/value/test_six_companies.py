"""What lessons 42 and 45 conclude from one company holds in six others. Referee: their cells."""

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


def test_what_the_lists_are_worth_and_when_winning_is_back(play):
    names = play("45_lifetime_value", "tea = company.simulate()")
    rehearsal = (
        names["value"]
        .ranking_score(names["came_since"], names["lists"](pd.Timestamp("2024-12-31"))[1], 100)["score"]
        .drop(["random", "oracle"])
    )
    assert rehearsal.idxmax() == "lifetime value" and rehearsal.idxmin() == "R + F + M"
    race = pd.DataFrame(names["race"])
    assert (race.loc["lifetime value"] > race.loc["last year's revenue"]).all()
    ahead, truth = names["year_ahead"].expected(), names["truth"]
    best = ahead.nlargest(500).index  # the firms: two errors cancel in the total
    assert 0.85 < ahead[best].sum() / truth[best].sum() < 0.96
    assert 1.2 < ahead.drop(best).sum() / truth.drop(best).sum() < 1.5
    assert 0.98 < ahead.sum() / truth.sum() < 1.06
    assert names["room"].sum() > truth.sum()
    found = names["found"]["score"]
    assert found["lifetime value"] > 0.7 > 0.25 > found["least satisfied"]
    even = {name: table.index[table["paid_back"]].min() for name, table in names["paybacks"].items()}
    assert even["walk_in"] == 0 and even["lead"] <= 1
    assert names["spent"]["lead"] > names["first_order"]["lead"] + 45
    left = {name: table["balance"].iloc[-1] for name, table in names["paybacks"].items()}
    assert left["lead"] > 2 * left["walk_in"]


"""What lessons 41, 42 and 45 conclude from one company holds in six others. Referee: their cells."""
