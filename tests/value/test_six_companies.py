"""What lessons of part 4 conclude from one company holds in six others. Referee: their cells."""

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
