"""Lesson 31. Referees: the package and scipy for its lines, six companies for its claims."""

import nbformat
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from crmlab import company, course, network

CELLS = nbformat.read(course.ROOT / "notebooks" / "31_stakeholders.ipynb", as_version=4).cells


def lesson(*beginnings: str, **names):
    """Run the lesson's cells that hold these words, on made-up names."""
    names = {"np": np, "pd": pd, "network": network, "rng": np.random.default_rng(5)} | names
    for beginning in beginnings:
        (source,) = [cell.source for cell in CELLS if cell.cell_type == "code" and beginning in cell.source]
        exec(source, names)
    return names


def known(tea):
    return {"tea": tea, "partners": tea.partners.set_index("partner_id")}


@pytest.fixture(scope="module")
def tea():
    return company.simulate()


def test_shuffling_by_hand_is_the_packages_and_the_hypergeometric(tea):
    names = lesson(
        "year = tea.relations", 'letters["total"] =', "def shuffled_shares", "luck =", **known(tea)
    )
    letters, luck = names["letters"], names["luck"]
    packages = network.two_way(names["year"], messages="messages", draws=4000)
    law = stats.hypergeom(letters["total"].sum(), letters["in"].sum(), letters["total"])
    one_letter = 1 / letters["total"].to_numpy()
    for end, chance in (("low", 0.025), ("high", 0.975)):
        exact = law.ppf(chance) / letters["total"]
        assert (np.abs(luck[end] - exact) <= 1.01 * one_letter).all()
        assert (np.abs(packages[end] - exact) <= 1.01 * one_letter).all()
    assert packages["received_share"].equals(letters["share_in"].rename("received_share"))


def test_resampling_by_hand_is_the_packages(tea):
    names = lesson("year = tea.relations", "months = year", "drawn = rng.choice", **known(tea))
    row = network.gains(names["year"], draws=4000).loc[11, ["ours", "ours_low", "ours_high"]] / 100
    width = row["ours_high"] - row["ours_low"]
    assert names["months"].sum() == pytest.approx(row["ours"])
    assert [names["low"], names["high"]] == pytest.approx(
        [row["ours_low"], row["ours_high"]], abs=0.08 * width
    )


def test_what_breaks_by_hand_is_the_packages():
    teas = lesson("teas = pd.DataFrame")["teas"]
    found = network.dependence(teas, item="tea", source="garden", worth="margin")["at_risk"]
    only = teas[teas.groupby("tea")["garden"].transform("size") == 1].groupby("garden")["margin"].sum()
    assert found.to_dict() == only.to_dict() == {"Lake": 30, "Hill": 10}


@pytest.mark.slow
def test_what_it_says_of_six_other_companies():
    scores, ratios, inside, relations = [], [], 0, 0
    for seed in range(1, 7):
        tea = company.simulate(rng=seed)
        true = tea._truth["partners"].set_index("partner_id")
        names = known(tea) | {"our_gain": true["our_gain"], "their_gain": true["their_gain"]}
        theirs = tea.attitudes[tea.attitudes["side"] == "theirs"]
        names["asked"] = theirs[theirs["asked_on"] >= "2025-01-01"]
        cells = [
            "year = tea.relations",
            "two_way = network",
            "cents = year",
            "gain = year",
            "gains = network",
        ]
        cells += ["ours, theirs = gain", "measured = dollars", "we_lose =", "rules = pd"]
        names = lesson(*cells, **names)
        won, lot, oracle = names["won"], names["lot"], names["oracle"]
        scores.append((won - lot) / (oracle - lot))
        inside, relations = inside + names["inside"].sum(), relations + len(names["inside"])
        names = lesson("gone = tea.partners", "left = gone", "after = own", **names, bet=(0, 1))
        ratios.append(len(names["after"]) / len(names["before"]))
    table = pd.DataFrame(scores).round(2)
    assert table["measured"].eq(1).all()
    ends = {"largest": (-0.14, 0.87), "most cents": (-0.14, 0.84), "grumpiest": (-0.19, 0.11)}
    ends["silent"] = (-0.19, -0.14)
    for rule, (low, high) in ends.items():
        assert (table[rule].min(), table[rule].max()) == pytest.approx((low, high), abs=0.006)
    assert 0.88 < inside / relations < 0.94
    assert [round(100 * one) for one in (min(ratios), max(ratios))] == [68, 120]
