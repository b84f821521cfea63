"""Lesson 16. Referees: the package for what it writes by hand, six other companies for its claims."""

import ast
import itertools

import nbformat
import numpy as np
import pandas as pd
import pytest
from statsmodels.datasets import randhie

from crmlab import collect, company, course

CELLS = {
    cell.id: cell
    for cell in nbformat.read(course.ROOT / "notebooks" / "16_experiments.ipynb", as_version=4).cells
    if cell.cell_type == "code"
}
DRAWN = [one for one, cell in CELLS.items() if cell.metadata.get("jupyter")]  # figures
HAND = ["s1-six", "s1-deals", "s3-hand"]
LETTER = ["s1-customers", "s1-offered", "s1-letter", "s1-struck", "s1-two-files"]
OFFER = ["s3-means", "s3-ratio", "s3-effect", "s3-orders", "s3-kind"]
TRUE = ["s4-twin", "s4-own", "s4-kinds", "s4-plans"]


def lesson(ids: list[str], **names):
    """Run cells of the lesson, without showing what their last line shows."""
    given = {"np": np, "pd": pd, "itertools": itertools, "collect": collect, "randhie": randhie}
    names = given | {"rng": np.random.default_rng(5), "bet": (-49, 39)} | names
    for one in ids:
        tree = ast.parse(CELLS[one].source)
        if isinstance(tree.body[-1], ast.Expr):
            tree.body.pop()
        exec(compile(tree, one, "exec"), names)
    return names


@pytest.fixture(scope="module")
def names():
    cells = [one for one in CELLS if one not in DRAWN and one not in ("s0-import", "s0-start")]
    return lesson(cells, tea=company.simulate())


def test_the_twenty_lots_by_hand_add_what_the_programme_adds(names):
    assert np.mean(names["found"]) == pytest.approx(6) and len(names["found"]) == 20


def test_the_eight_by_hand_are_the_packages():
    eight = lesson(["s3-hand"])["eight"]
    row = collect.trial_effect(pd.concat([eight] * 50), "dollars", arm="offered", taken="member").loc[
        "dollars"
    ]
    assert (row["effect"], row["take_up"], row["effect_taken"]) == pytest.approx((5, 0.5, 10))


def test_offer_and_taking_by_hand_are_the_packages(names):
    assert names["by_offer"]["effect"] == pytest.approx(names["offer"])
    assert names["by_offer"]["effect_taken"] == pytest.approx(names["offer"] / names["took"])


def test_the_rule_of_the_standard_error_is_the_wobble_of_trials(names):
    assert names["wobble"].std() == pytest.approx(names["rule"], rel=0.1)
    assert 0.03 < (np.abs(names["wobble"]) > 1.96 * names["rule"]).mean() < 0.07


def test_power_by_lot_is_the_packages(names):
    sd, pool = names["sd"], names["pool"]
    for size, effect in ((1000, 5), (4000, 2)):
        reckoned = collect.trial_size(sd, effect=effect, customers=2 * size)["power"]
        assert names["share_found"](size, effect) == pytest.approx(reckoned, abs=0.06)
    assert sd == pytest.approx(pool.std(ddof=1))


def test_peeking_by_lot_is_the_packages(names):
    found = np.maximum.accumulate(names["beyond"], axis=1).mean(axis=0)
    assert np.abs(found - collect.peeking(10)["by_luck"]).max() < 0.015


def test_thick_lines_left_the_interval_and_most_came_back(names):
    shown = names["beyond"][:40]
    left = shown.any(axis=1)
    assert left.sum() > 2 * (left & shown[:, -1]).sum() > 0


def test_runs_of_equal_rows_are_persons(names):
    visits = names["visits"]
    assert 3 < len(visits) / visits["person"].nunique() < 5  # families were insured for three or five years
    assert sorted(visits["percent_paid"].unique()) == [0, 25, 50, 95, 100]


def test_one_look_finds_what_the_lesson_says(names):
    assert names["found_once"] == pytest.approx(collect.peeking(1, expected=2.8)["found"].iloc[0], abs=0.02)


def table_of_six() -> pd.DataFrame:
    """Return the lesson's table of the six other companies, a column for each."""
    cells = nbformat.read(course.ROOT / "notebooks" / "16_experiments.ipynb", as_version=4).cells
    text = next(cell.source for cell in cells if cell.id == "s4-scores-read")
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    assert rows[0][-6:] == [str(seed) for seed in range(101, 107)]
    numbers = [[float(one.replace("−", "-")) for one in row[1:]] for row in rows[1:]]
    return pd.DataFrame(numbers, [row[0] for row in rows[1:]], ["here", *range(101, 107)])


@pytest.mark.slow
def test_what_it_says_of_six_other_companies():
    table = table_of_six()
    for seed in table:
        tea = company.simulate() if seed == "here" else company.simulate(rng=seed)
        one = lesson(LETTER + OFFER + TRUE, tea=tea)
        ratio = collect.sample_ratio(one["report"], arm="treated")["p_value"].iloc[0]
        assert ratio < 0.001 < collect.sample_ratio(one["letter"], arm="treated")["p_value"].iloc[0]
        low, high = one["by_offer"][["low", "high"]]
        assert low <= one["truth"] <= high
        assert one["by_member"]["low"] > one["truth"] / one["took"] + 40  # "far above it"
        assert (one["by_kind"]["low"] < 0).all()  # the careful rule offers it to nobody
        chosen = [name for name in ("person", "firm") if one["by_kind"].loc[name, "effect"] > 0]
        plan = {"person": "persons", "firm": "firms", "person firm": "everybody", "": "nobody"}
        scores = one["scores"]
        assert scores["nobody"] > scores["everybody"]
        effects = [one["effects"][name]["effect"] for name in ("all in the lot", "the report")]
        assert effects[1] > effects[0]
        found = pd.Series(
            {
                "the report, with the letter": one["report"]["treated"].sum(),
                "the report, without": (~one["report"]["treated"]).sum(),
                "effect, all in the lot": effects[0],
                "effect, the report": effects[1],
                "an offer, truth": one["truth"],
                "an offer, `low`": low,
                "an offer, `high`": high,
                "per member, truth": one["truth"] / one["took"],
                "members and others, `low`": one["by_member"]["low"],
                "score, members and others": scores["everybody"],
                "score, careful": scores["nobody"],
                "score, best guess": scores[plan[" ".join(chosen)]],
            }
        )
        places = pd.Series({name: 1 if "`" in name else 2 for name in found.index})
        assert list(found.index) == list(table.index)
        assert ((found - table[seed]).abs() <= 0.5001 * 10.0**-places).all(), seed
