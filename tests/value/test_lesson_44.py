"""What lesson 44 writes by hand agrees with the package, and what it concludes holds elsewhere.

Referees: the stored notebook's own cells; the package; people counted one by one.
"""

import base64

import nbformat
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from crmlab import company, datasets, value
from crmlab._paths import ROOT
from tests.value.test_lessons import cells, run

LESSON = "44_buy_till_you_die"
TODAY = pd.Timestamp("1997-09-30")


@pytest.fixture(scope="module")
def log():
    return datasets.load("cdnow_sample")


@pytest.fixture(scope="module")
def summary(log):
    return value.btyd_summary(log, calibration_end=TODAY).set_index("customer_id")


@pytest.fixture(scope="module")
def model(summary):
    return value.ModifiedBetaGeoNBD(summary).fit()


def test_three_numbers_by_hand_are_the_packages(log, summary):
    own = run(LESSON, "own = pd.DataFrame", seen=log[log["date"] <= TODAY], today=TODAY)["own"]
    pd.testing.assert_frame_equal(own, summary[["frequency", "recency", "T"]], check_dtype=False)


@pytest.mark.parametrize(("kind", "comes"), [("frequent", 0.5), ("rare", 0.1)])
def test_the_share_still_there_is_that_of_people_counted_one_by_one(kind, comes):
    there = run(LESSON, "there = silent")["there"]
    rng = np.random.default_rng(1)
    people = 400_000
    stays = rng.random(people) >= 1 / 6
    first_visit = rng.geometric(comes, people)
    for week in (1, 2, 3, 6):
        silent = ~stays | (first_visit > week)
        assert stays[silent].mean() == pytest.approx(there.loc[week, kind], abs=0.006)


def test_simulated_lives_are_those_of_the_model(model):
    """A life's purchases and whether it goes on, against the package's own probabilities."""
    rng = np.random.default_rng(2)
    life = run(LESSON, "def life", rng=rng)["life"]
    r, alpha, a, b = model.params
    bags = zip(rng.gamma(r, 1 / alpha, 60_000), rng.beta(a, b, 60_000), strict=True)
    lives = [life(1 / pace, leaves, 37.0) for pace, leaves in bags]
    counts = np.bincount([min(len(ages), 4) for ages, _ in lives])[:4] / len(lives)
    assert counts == pytest.approx(model.count_probabilities(37.0, top=3).to_numpy()[0], abs=0.006)
    new = pd.DataFrame({"frequency": [0], "recency": [0.0], "T": [0.0]})
    still = np.mean([stays for _, stays in lives])
    assert still == pytest.approx(model.probability_alive(new, ahead=37.0).item(), abs=0.006)


def test_who_looks_like_customer_297_is_there_as_often_as_the_package_says(summary, model):
    names = {"rng": np.random.default_rng(3)}
    r, alpha, a, b = model.params
    names["clocks"] = names["rng"].gamma(r, 1 / alpha, 200_000)
    names["dice"] = names["rng"].beta(a, b, 200_000)
    names |= run(LESSON, "def life", **names)
    alike = run(LESSON, "alike = []", **names)["alike"]
    error = np.std(alike) / np.sqrt(len(alike))
    assert np.mean(alike) == pytest.approx(model.probability_alive().loc[297], abs=4 * error) and error < 0.02


@pytest.mark.parametrize("params", [(0.52, 6.2, 0.89, 1.6), (2.0, 15.0, 0.3, 0.5), (0.1, 1.0, 5.0, 9.0)])
def test_the_appendix_writes_down_the_packages_likelihood(summary, params):
    ours = run(LESSON, "def log_likelihood", summary=summary)["log_likelihood"]
    assert ours(*params) == pytest.approx(value.ModifiedBetaGeoNBD(summary).loglike(params), rel=1e-11)


def test_any_number_a_fifth_larger_makes_the_log_fifty_times_less_probable_or_worse(summary, model):
    ours = run(LESSON, "def log_likelihood", summary=summary)["log_likelihood"]
    best = ours(*model.params)
    lost = [
        best - ours(*model.params * np.where(model.params.index == name, 1.2, 1))
        for name in model.params.index
    ]
    assert 45 < np.exp(min(lost)) < 55


def test_the_interval_of_the_silent_frequent_buyers_lies_above_what_the_model_says(summary, model):
    names = {"summary": summary, "came": summary["frequency_holdout"], "rng": np.random.default_rng(4)}
    names = run(LESSON, "long_silent = ", **names)
    assert len(names["again"]) == 23
    said = model.probability_alive().loc[names["again"].index].mean()
    assert said < names["low"] < 0.47 < names["again"].mean() < names["high"]


def test_customer_297_in_the_appendix():
    """Its two stories, by the Poisson and the exponential distribution."""
    stayed = 0.7 * stats.expon(scale=10).sf(21.7)
    assert stayed == pytest.approx(0.080, abs=5e-4)
    assert stayed / (stayed + 0.3) == pytest.approx(0.21, abs=5e-3)


def test_the_readmes_figure_is_the_lessons():
    figure = (ROOT / "docs" / "still_a_customer.png").read_bytes()
    stored = [
        base64.b64decode(output.data["image/png"])
        for cell in cells(LESSON)
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]
    assert figure in stored


BARE = {"launches": 0, "programme_effect": 0, "campaigns": 0, "firm_share": 0, "lead_firm_share": 0}


def test_all_four_bought_again_and_the_silent_frequent_buyers_are_given_up_too_soon(summary):
    assert (summary["frequency_holdout"].loc[[8, 297, 1136, 46]] > 0).all()
    quiet = run(LESSON, "def quiet")["quiet"]
    everybody = value.btyd_summary(datasets.load("cdnow_master"), calibration_end=TODAY)
    for histories in (summary, everybody):
        said = value.ModifiedBetaGeoNBD(histories).fit().probability_alive(histories)
        known = {"said": np.asarray(said), "back": histories["frequency_holdout"] > 0}
        table = quiet(histories, pd.DataFrame(known, index=histories.index))
        assert table["said"].is_monotonic_decreasing and table["back"].is_monotonic_increasing
        frequent = table.loc["5 or more"]
        assert frequent["back"] - frequent["said"] > 5 * np.sqrt(0.16 * 0.84 / frequent["customers"])


def told_of_seven():
    """Return the lesson's table of ours and six other companies, as numbers by row."""
    notebook = nbformat.read(ROOT / "notebooks" / f"{LESSON}.ipynb", as_version=4)
    (text,) = [cell.source for cell in notebook.cells if "rng=101" in cell.source]
    lines = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| |")]
    split = [[one.strip() for one in line.strip("|").split("|")] for line in lines]
    return {name: [float(one) for one in rest] for name, *rest in split}


@pytest.mark.slow
@pytest.mark.parametrize(("column", "seed"), list(enumerate([7, *range(101, 107)])))
def test_what_models_say_of_those_who_bought_once(column, seed, monkeypatch):
    simulate = company.simulate
    monkeypatch.setattr(company, "simulate", lambda: simulate(rng=seed))
    names = {"company": company} | run(LESSON, "def quiet")
    for words in ["tea = company.simulate()", "kind = (guests", "bet_once =", "told = said"]:
        names = run(LESSON, words, **names)
    told, table = names["told"], names["quiet"](names["guests"], names["said"][["MBG/NBD", "truth"]])
    once, more = told.loc["bought once"], told.loc["came back"]
    assert once["BG/NBD"] == 1 and once["MBG/NBD"] - once["truth"] > 0.1
    assert (more[["MBG/NBD", "BG/NBD"]] > more["truth"]).all()
    assert (table.drop(columns="customers").diff().dropna() <= 0).all(axis=None)
    ours = [*once[["MBG/NBD", "truth"]], *more[["MBG/NBD", "truth"]], *table["truth"].loc[["1", "5 or more"]]]
    assert [row[column] for row in told_of_seven().values()] == pytest.approx(ours, abs=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [7, 1, 2, 3, 4, 5, 6])
def test_without_what_was_put_in_the_right_die_is_right(seed):
    tea = company.simulate(world=company.world("base", rate_leaving=0, **BARE), rng=seed)
    summary = value.btyd_summary(tea.orders, date="ordered_at", amount=None).set_index("customer_id")
    alive = tea._truth["customers"].set_index("customer_id")["alive"]
    once = summary["frequency"] == 0
    said = value.ModifiedBetaGeoNBD(summary).fit().probability_alive()
    assert said[once].mean() == pytest.approx(alive[once].mean(), abs=0.065)
