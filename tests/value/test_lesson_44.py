"""What lesson 44 concludes from one company holds in seven. Referee: its cells, run on each."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from crmlab import company, plot, value
from tests.value.test_lessons import cell_with

LESSON = "44_buy_till_you_die"


@pytest.mark.slow
@pytest.mark.parametrize("seed", [7, 1, 2, 3, 4, 5, 6])
def test_which_model_knows_who_is_still_there(seed, monkeypatch):
    simulate = company.simulate
    monkeypatch.setattr(company, "simulate", lambda: simulate(rng=seed))
    models = [value.BetaGeoNBD, value.ModifiedBetaGeoNBD, value.ParetoNBD]
    names = {"company": company, "value": value, "pd": pd, "np": np, "plt": plt, "plot": plot}
    names["models"] = models
    for words in ["tea = company.simulate()", "guests = value.btyd_summary", "scores = {"]:
        exec(cell_with(LESSON, words), names)
    plt.close("all")
    mean = names["said"].groupby(names["once"]).mean()
    once, more = mean.loc["one order"], mean.loc["two or more"]
    assert once["truth"] < 0.48 < once["Pareto/NBD"] < once["MBG/NBD"] - 0.05 < once["BG/NBD"] - 0.3
    assert 0.11 < once["MBG/NBD"] - once["truth"] < 0.22
    assert (more.drop("truth") > more["truth"]).all()
    scores = pd.DataFrame(names["scores"])
    assert scores["Brier score"].idxmin() == "Pareto/NBD" and scores.loc["BG/NBD", "Brier score"] > 0.22
    assert scores["forecast / truth"].between(1.05, 1.13).all()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [7, 1, 2])
def test_without_what_was_put_in_the_right_coin_is_right(seed):
    bare = {"launches": 0, "programme_effect": 0, "campaigns": 0, "firm_share": 0, "lead_firm_share": 0}
    tea = company.simulate(world=company.world("base", rate_leaving=0, **bare), rng=seed)
    summary = value.btyd_summary(tea.orders, date="ordered_at", amount=None).set_index("customer_id")
    alive = tea._truth["customers"].set_index("customer_id")["alive"]
    once = summary["frequency"] == 0
    said = value.ModifiedBetaGeoNBD(summary).fit().probability_alive()
    assert said[once].mean() == pytest.approx(alive[once].mean(), abs=0.03)
