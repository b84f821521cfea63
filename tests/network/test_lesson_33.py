"""Lesson 33. Referees: the package for its lines, scipy for its odds, six companies for its claims."""

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from scipy import stats

from crmlab import company, course, network

CELLS = nbformat.read(course.ROOT / "notebooks" / "33_the_ladder.ipynb", as_version=4).cells


def lesson(seed: int) -> dict:
    """Run the whole lesson, pictures left out, on the company of this seed."""
    names: dict = {"print": lambda *_: None}
    for cell in CELLS:
        if cell.cell_type == "code" and "plt.show" not in cell.source:
            exec(cell.source.replace("company.simulate()", f"company.simulate(rng={seed})"), names)
    plt.close("all")
    return names


@pytest.fixture(scope="module")
def names():
    return lesson(7)


def test_rungs_by_hand_are_the_packages(names):
    assert (names["table"]["rung"] == names["rung"]).all()
    wanted = ["prospect", "off the ladder", "purchaser", "advocate", "partner"]
    assert names["five"]["rung"].tolist() == wanted


def test_a_climb_of_one_rung_by_hand_is_the_packages(names):
    row = names["to_client"].loc["purchaser"]
    up, stays = names["up"], names["stays"]
    assert row["reach"] == pytest.approx(up / (1 - stays)) and row["steps"] == pytest.approx(1 / (1 - stays))
    moved = names["moves"]["moved"].unstack().loc[names["order"], names["order"]]
    counted = names["pd"].crosstab(names["june"], names["december"])
    assert (moved.loc[counted.index, counted.columns] == counted).all(axis=None)
    assert moved.to_numpy().sum() == counted.to_numpy().sum()


def test_the_share_that_climbs_in_the_end_is_where_the_loop_by_hand_goes(names):
    assert names["climbed"] == pytest.approx(4 * (1 - 0.5**6))
    rungs = ["off", "purchaser", "client"]
    shares = names["pd"].DataFrame([[1, 0, 0], [0.3, 0.5, 0.2], [0, 0, 1]], rungs, rungs)
    assert network.climb(shares, "client", "off").loc["purchaser"].tolist() == pytest.approx([0.4, 2])


def test_the_odds_ratio_is_scipys_and_a_regression_with_one_thing_finds_it(names):
    table = names["odds"][["yes", "no"]].to_numpy()[::-1]
    ratio = stats.contingency.odds_ratio(table, kind="sample").statistic
    assert names["odds"]["odds"].loc[1] / names["odds"]["odds"].loc[0] == pytest.approx(ratio)
    alone = names["odds_ratios"]("brings ~ posted", names["people"])
    assert alone.loc["posted", "ratio"] == pytest.approx(ratio)


def test_nothing_after_the_landmark_is_looked_at(names):
    """Referee: the same company, cut off at the landmark."""
    facts, day = names["facts"], "2024-12-31"
    tea = names["tea"]

    class Cut:
        def __getattr__(self, name):
            table = getattr(tea, name)
            for column in ("joined_on", "ordered_at", "posted_at", "opened_on", "referred_on", "starts_on"):
                if column in table:
                    table = table[table[column] < "2025-01-01"]
            return table

    function = names["customers_on"]
    seen = function.__globals__["tea"]
    try:
        function.__globals__["tea"] = Cut()
        cut = function(day)
    finally:
        function.__globals__["tea"] = seen
    known = facts[(facts["as_of"] == day) & facts["customer_id"].isin(cut.index)].set_index("customer_id")
    assert (known[cut.columns] == cut).all(axis=None)


def test_the_lot_by_welch_and_by_resampling(names):
    lot = names["lot"]
    offered, others = (lot["dollars"][lot["offered"] == value] for value in (True, False))
    law = stats.ttest_ind(offered, others, equal_var=False).confidence_interval()
    width = law.high - law.low
    assert names["found"].loc["low", "offered"] == pytest.approx(law.low, abs=0.1 * width)
    assert names["found"].loc["high", "offered"] == pytest.approx(law.high, abs=0.1 * width)


def test_what_a_letter_brings_is_what_the_simulator_says(names):
    """Referee: a company in which everybody's letter is drawn; satisfaction alone moves the chance."""
    true = names["satisfaction"]
    letters = names["letters"]
    sent = letters[letters["treated"]]
    world = company.world("base")
    middle = np.log(world.invitation_leads / (1 - world.invitation_leads))
    chance = 1 / (1 + np.exp(-(middle + 0.4 * true[sent.index])))
    error = np.sqrt((chance * (1 - chance)).sum())
    assert abs(sent["by_letter"].sum() - chance.sum()) < 3.3 * error
    assert (letters.loc[~letters["treated"], "by_letter"] == 0).all()


def test_what_the_programme_added_for_each_member_is_that_for_each_offer_shared_out(names):
    """Referee: the twin. Nobody is a member without an offer, and who declined is not changed by it."""
    lot = names["lot"]
    assert not (lot["member"] & ~lot["offered"]).any()
    assert (lot["added"][~lot["member"]] == 0).all()
    accepted = lot["member"][lot["offered"]].mean()
    assert names["true"] == pytest.approx(lot["added"][lot["offered"]].mean() / accepted)


def test_partners_count_as_having_arrived_where_it_says_advocate_or_more(names):
    """Referee: the same climb over a ladder on which partners are advocates."""
    table, order = names["latest"], [*names["order"]]
    joined = table.assign(rung=table["rung"].astype(str).replace("partner", "advocate"))
    moved = network.moves(joined, ladder=order[:-1])["share"].unstack().loc[order[:-1], order[:-1]]
    reach = network.climb(moved, "advocate", "off the ladder")["reach"]
    assert names["to_advocate"]["reach"].to_numpy() == pytest.approx(reach.to_numpy())


@pytest.mark.slow
def test_what_it_says_of_six_other_companies():
    found = [lesson(seed) for seed in range(1, 7)]

    def spread(values, low, high, places=0):
        held = np.round(list(values), places)
        assert (held.min(), held.max()) == pytest.approx((low, high)), held

    three = [one["three"].groupby(["rung", "stood"], observed=True)["climbed"].mean() for one in found]
    apart = [
        100 * (one["purchaser", "new on the rung"] - one["purchaser", "half a year or more"]) for one in three
    ]
    spread(apart, 19, 28)
    for one in three:
        assert one["client", "new on the rung"] > one["client", "half a year or more"]
    for one in found:
        new, stood = one["observed"].to_numpy()
        assert (stood < one["foretold"]).all() and (new > one["foretold"]).all()
    shares = [one["end"].groupby("posted")["brings"].mean() for one in found]
    spread((100 * (one[1] - one[0]) for one in shares), 8, 12)
    spread((one["landmark"].loc["ordered", "ratio"] for one in found), 1.7, 3.8, 1)
    for one in found:
        at = one["landmark"]
        assert at.loc["ordered", "low"] > 1 > at.loc["knows", "high"]
        assert (at.loc[["posted", "in_programme"], "low"] < 1).all()
        assert (at.loc[["posted", "in_programme"], "high"] > 1).all()
        assert one["undated"].loc["knows_all", "ratio"] > 1
    anyway = [one["by_lot"]["anyway"].unstack("treated") for one in [*found, lesson(7)]]
    more = np.array([rows[True] > rows[False] for rows in anyway])
    assert more.any(axis=0).all() and (~more).any(axis=0).all()
    for one in found:
        assert one["whom"].loc["firm", "person"] == one["whom"].loc["person", "firm"] == 0
        won, friends = one["won"], one["win"][one["by_friend"]].mean()
        assert (won < friends).all() and one["worth"]["person"] > one["first_year"]["person"]
        assert one["worth"]["firm"] < one["first_year"]["firm"]
        lost = (
            one["lead_worth"]
            .groupby(
                [one["by_kind"], one["tea"].leads.set_index("lead_id")["outcome"] == "won"], observed=True
            )
            .mean()
        )
        assert lost["firm", False] < lost["firm", True] and lost["person", False] > lost["person", True]
    stars = [one["buyers"].groupby(one["star"])[[2024, 2025]].mean().loc[True] for one in found]
    spread((100 * (1 - one[2025] / one[2024]) for one in stars), 23, 24)
    spread((one["found"].loc["difference", "member"] for one in found), 49, 62)
    spread((one["true"] for one in found), 1.0, 1.5, 1)
    ends = [(one["found"].loc[["low", "high"], "offered, per member"], one["true"]) for one in found]
    assert sum(low <= true <= high for (low, high), true in ends) == 5
    told = {"firms": (0.75, 0.85), "ladder": (0.42, 0.57), "biggest": (0.42, 0.54)}
    for rule, (low, high) in (told | {"likely": (0.02, 0.10), "advocates": (-0.06, -0.03)}).items():
        spread((one["scores"][rule] for one in found), low, high, 2)
