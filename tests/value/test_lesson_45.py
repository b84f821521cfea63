"""What lesson 45 writes out by hand agrees with the package, and what it claims holds. Referee: its cells."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from crmlab import company, datasets, value
from tests.value.test_lessons import cell_with, cells

LESSON = "45_lifetime_value"


def run_until(words, names=None):
    """Run the lesson's cells up to the one that holds `words`, and return what they made."""
    held = {} if names is None else names
    for cell in cells(LESSON):
        if not cell.metadata.get("jupyter"):  # what is hidden only draws
            exec(cell.source, held)
        if words in cell.source:
            return held
    raise AssertionError(f"{words!r} stands in no cell of the lesson")


@pytest.fixture(scope="module")
def names():
    return run_until('"by hand": by_hand, "package": each')


@pytest.mark.parametrize(("stays", "rate"), [(0.6, 0.1), (0.8, 0.1), (0.6, 0.2)])
def test_the_envelope_is_the_closed_form(stays, rate):
    held = {"pd": pd, "contribution": 21.6}
    for words in ("years = pd.DataFrame(index", 'years["worth today"] ='):
        exec(
            cell_with(LESSON, words).replace("0.6 **", f"{stays} **").replace("1.10**", f"{1 + rate}**"), held
        )
    assert held["years"]["worth today"].sum() == pytest.approx(21.6 / (1 + rate - stays), rel=2e-4)


def test_purchases_year_by_year(names):
    ours = names["purchases"].discounted_purchases(0.1, names["year"], 10 * names["year"], names["one"])
    assert names["ahead"]["discounted"].sum() == pytest.approx(ours.iloc[0], rel=5e-3)


def test_gamma_gamma_counts_everybodys_mean_like_a_part_of_a_purchase(names):
    held = dict(names)
    exec(cell_with(LESSON, "by_hand = (x * own"), held)
    np.testing.assert_allclose(held["by_hand"], held["spend"].expected_spend(), rtol=1e-12)


def test_value_is_three_factors(names):
    np.testing.assert_allclose(names["by_hand"], names["each"], rtol=1e-12)


def test_whoever_stood_out_falls_back_the_more_the_less_was_known(names):
    after = names["dear"].groupby("came back", observed=True)[["monetary_value", "monetary_value_holdout"]]
    fell = after.mean().diff(axis=1).iloc[:, 1]
    assert fell.is_monotonic_increasing and fell["once"] < -30 and fell["5+ times"] > -15
    # no accident of who was drawn: the difference of the two groups, by resampling
    rng, dear = np.random.default_rng(0), names["dear"].groupby("came back", observed=True)
    once, often = (dear.get_group(name)["monetary_value_holdout"] for name in ("once", "5+ times"))
    drawn = [rng.choice(often, len(often)).mean() - rng.choice(once, len(once)).mean() for _ in range(500)]
    assert np.quantile(drawn, 0.005) > 0


def test_what_the_folds_say_of_contracts():
    log = datasets.load("sbg_retention").query("segment == 'Regular'").sort_values("year")
    left = log["survivors_percent"].to_numpy()
    renewals = value.ShiftedBetaGeometric(10 * left).fit().discounted_renewals(0.1, age=[0, 7])
    rate = (left[7] / left[0]) ** (1 / 7)
    assert renewals.round(2).tolist() == [2.69, 6.22] and round(rate / (1.1 - rate), 2) == 2.87


def test_the_picture_of_equal_worth_bends_back(names):
    worth, early = names["worth"], {"recency": 10.0, "T": 38.7, "monetary_value": names["middle"]}
    two = worth.expected(pd.DataFrame([{"frequency": 2} | early, {"frequency": 8} | early]))
    assert 15 < two[0] < 30 and two[1] < 5
    middle = worth.iso_value(T=38.7, frequencies=10, recencies=2).iloc[0]
    assert middle[10] < middle[1]


def test_the_models_look_alike_and_differ_far_ahead(names):
    held = dict(names)
    for words in ("fits = {", "table = {title"):
        exec(cell_with(LESSON, words), held)
    totals = pd.DataFrame(held["table"])
    spread = totals.max() / totals.min() - 1
    assert spread["1 year"] < 0.1 and spread["for ever"] > 0.35
    assert max(held["fits"], key=lambda name: held["fits"][name].llf) == "MBG/NBD"
    exec(cell_with(LESSON, "sales = {"), held)
    short = pd.Series({name: told.sum() for name, told in held["sales"].items()}) / held["came"].sum() - 1
    assert short.between(-0.225, -0.155).all() and short.idxmin() == "MBG/NBD"


# ---- the company


@pytest.mark.slow
@pytest.mark.parametrize("seed", [7, 1, 2, 3, 4, 5, 6])
def test_what_the_lesson_says_of_seven_companies(seed, monkeypatch):
    simulate = company.simulate
    monkeypatch.setattr(company, "simulate", lambda: simulate(rng=seed))
    held, started = {"pd": pd, "np": np, "plt": plt, "value": value, "company": company}, False
    for cell in cells(LESSON):
        started = started or "tea = company.simulate()" in cell.source
        if started and not cell.metadata.get("jupyter"):
            exec(cell.source, held)
    rehearsed = held["told"] / held["found"] - 1
    assert abs(rehearsed) < 0.001 if seed == 7 else -0.115 < rehearsed < -0.019
    then, now = pd.DataFrame(held["scores"]), pd.DataFrame(held["true_scores"])
    rivals = ["last year's dollars", "most dollars so far", "seen last"]
    for scores, least in ((then, 0.045), (now, 0.015)):
        lead = scores.loc["lifetime value"] - scores.loc[rivals].max()
        assert (lead > 0).all() and least < lead["100 names"] < 0.125
    percent = held["sides"].assign(off=held["sides"]["dollars told"] / held["sides"]["dollars true"] - 1)[
        "off"
    ]
    assert -0.13 < percent["best 500"] < -0.045 and 0.275 < percent["other 4,500"] < 0.445
    total, truth = held["total"], held["truth"].sum()
    assert -0.01 < total["expected"] / truth - 1 < 0.055
    assert (total["low"] <= truth <= total["high"]) == (seed in (7, 1, 2))
