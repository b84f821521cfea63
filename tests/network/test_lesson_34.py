"""Lesson 34. Referees: the package for its lines, the truth for its notes, six companies for its claims."""

import ast

import nbformat
import numpy as np
import pandas as pd
import pytest

from crmlab import company, course, network

CELLS = {
    cell.id: cell.source
    for cell in nbformat.read(course.ROOT / "notebooks" / "34_the_buying_centre.ipynb", as_version=4).cells
    if cell.cell_type == "code"
}
ROLES = ["initiator", "influencer", "decider", "buyer", "user"]
LOG = ["s1-count", "s2-log", "s2-words", "s2-topic", "s2-counts"]
KNOWN = ["s2-share", "s2-compare", "s2-package"]
ROLE_CELLS = ["s3-rates", "s3-roles", "s4-coverage", "s4-single", "s4-silent", "s4-others", "s4-kept"]


def lesson(ids: list[str], **names):
    """Run cells of the lesson, without showing what their last line shows."""
    names = {"np": np, "pd": pd, "network": network, "rng": np.random.default_rng(5)} | names
    for one in ids:
        tree = ast.parse(CELLS[one])
        if isinstance(tree.body[-1], ast.Expr):
            tree.body.pop()
        exec(compile(tree, one, "exec"), names)
    return names


def truth_of(tea, people):
    truth = tea._truth["people"].set_index("person_id").loc[people.index, ROLES]
    return {"truth": truth, "left": tea._truth["departures"].set_index("person_id")["left_on"]}


@pytest.fixture(scope="module")
def names():
    tea = company.simulate()
    names = lesson([*LOG, *KNOWN, "s1-four"], tea=tea)
    return lesson([*ROLE_CELLS], **lesson(["s3-notes", "s3-rate"], **names))


def roles_today(truth, left, people):
    """Say who has each role now, person by person: the next colleague in a ring who is still there."""
    today = {role: set() for role in truth}
    for _, staff in people.reset_index().groupby("customer_id"):
        ring = staff["person_id"].sort_values().tolist()
        for role in truth:
            holders = [one for one in ring if truth.at[one, role]]
            today[role] |= {one for one in holders if one not in left.index}
            if holders[0] in left.index:
                after = ring[ring.index(holders[0]) :] + ring[: ring.index(holders[0])]
                today[role].add(next(one for one in after if one not in left.index))
    return today


def test_the_folded_cell_finds_who_took_over(names):
    told = truth_of(names["tea"], names["people"])
    today = lesson(["s6-successors"], people=names["people"], **told)["today"]
    for role, holders in roles_today(told["truth"], told["left"], names["people"]).items():
        assert set(today.index[today[role].astype(bool)]) == holders


def test_her_notes_are_the_truth_of_ten_firms_drawn_by_lot(names):
    told = truth_of(names["tea"], names["people"])
    today = roles_today(told["truth"], told["left"], names["people"])
    busy = names["year"].groupby("customer_id").size()
    asked = np.random.default_rng(34).choice(busy[busy >= 20].index, 10, replace=False)
    assert sorted(asked) == sorted(names["asked"])
    of_firm = names["people"].index[names["people"]["customer_id"].isin(asked)]
    for role in ROLES:
        assert sorted(today[role] & set(of_firm)) == sorted(names["notes"][role])


def test_words_of_subjects_tell_the_purpose(names):
    purpose = names["tea"]._truth["interactions"].set_index("interaction_id")["purpose"]
    told = names["year"][names["year"]["topic"].notna() & (names["year"]["direction"] == "in")]
    assert (told["topic"] == purpose.loc[told["interaction_id"]].astype(str).to_numpy()).all()
    assert 0.15 < (names["year"]["topic"].isna() & (names["year"]["direction"] == "in")).mean() < 0.25


def test_counting_by_hand_is_the_packages(names):
    signs = names["signs"]
    for topic in ("need", "advice", "approval", "order", "usage"):
        ours = names["counts"][topic].reindex(signs.index, fill_value=0)
        assert ours.tolist() == signs[f"writes {topic}"].tolist()


def test_multiplying_by_hand_is_the_packages(names):
    hand = lesson(["s1-four", "s3-hand", "s3-tie"], people=names["people"])
    keys = pd.MultiIndex.from_tuples([("initiator", "writes need"), ("decider", "writes approval")])
    rates = pd.DataFrame({"rate": 0.9}, index=keys)
    telling = {"initiator": "writes need", "decider": "writes approval"}
    said = network.buying_roles(names["signs"], rates, telling)["certainty"].loc[4552].unstack("role")
    assert hand["hand"]["certainty"].to_numpy() == pytest.approx(said["initiator"], abs=2e-4)
    assert hand["even"]["certainty"].to_numpy() == pytest.approx(said["decider"], abs=2e-3)


def test_a_rate_by_hand_is_the_packages(names):
    row = names["rates"].loc[("initiator", "writes need")]
    assert (row["hits"], row["messages"]) == (names["right"].sum(), len(names["there"]))


@pytest.mark.slow
def test_what_it_says_of_six_other_companies():
    found = []
    for seed in range(101, 107):
        tea = company.simulate(rng=seed)
        names = lesson([*LOG, "s2-share", "s2-compare"], tea=tea)
        names["signs"] = network.buying_signs(names["people"].reset_index(), names["year"], names["parts"])
        told = truth_of(tea, names["people"])
        names |= lesson(["s6-successors"], people=names["people"], **told)
        busy = names["year"].groupby("customer_id").size()
        asked = np.random.default_rng(34).choice(busy[busy >= 20].index, 10, replace=False)
        staff = names["people"].index[names["people"]["customer_id"].isin(asked)]
        names["notes"] = {role: staff[names["today"].loc[staff, role].astype(bool)] for role in ROLES}
        names["asked"] = names["people"].loc[names["notes"]["decider"], "customer_id"]
        cells = [one for one in [*ROLE_CELLS, "s4-table", "s5-visits"] if one != "s3-roles"]
        names["telling"] = network.TELLING | {"decider": ["writes approval", "signs for another"]}
        names = lesson(["s3-rates"], **names)
        names["found"] = network.buying_roles(names["signs"], names["rates"], names["telling"])
        names = lesson(cells[1:], **names)
        worth = tea._truth["customers"].set_index("customer_id")["expected_margin_cents"] / 100
        rest = ["s6-calibration", "s6-wrong", "s6-three-years", "s6-older", "s7-titles", "s7-choose"]
        found.append(
            lesson([*rest, "s7-rivals", "s8-left", "s8-table", "s9-rules", "s9-score"], worth=worth, **names)
        )
    for one in found:
        sure = one["checked"].loc["0.8 to 1"]
        assert 0.955 < sure["right"] < 0.985 and sure["high"] < sure["said"] and sure["said"] > 0.985
        older = network.calibration(one["said"]["three years"], one["single"]["right"]).loc["0.8 to 1"]
        assert 0.935 < older["right"] < sure["right"] and older["right"] < 0.965
        assert one["has_left"].mean() > 0.8
        ruled_out = one["checked"].loc["0 to 0.2"]
        assert ruled_out["right"] > 1.5 * ruled_out["said"] and one["took_over"].mean() > 0.6
        rivals = one["rivals"]
        assert rivals.at["decider", "title"] == 1
        others = rivals.drop("decider")
        assert (others["messages"] > others.drop(columns="messages").max(axis=1)).all()
        kept = one["danger"]
        assert 0.335 < kept.at["all who fell silent", "kept"] < 0.465
        assert kept.at["truly left", "low"] < 1 < kept.at["truly left", "high"]
        had_left, there = kept.loc["… of these, had left"], kept.loc["… had not left"]
        assert had_left["low"] < 1 < had_left["high"] and there["high"] < had_left["low"]
        assert one["there"].mean() > 0.6
        won = (one["won"] - one["lot"]) / (one["oracle"] - one["lot"])
        assert won["messages"] > 0.9 and won.drop("messages").max() < won["messages"]
