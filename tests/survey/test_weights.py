"""Weights. Referees: closed forms, a scipy optimiser, margins recounted by pandas, repeated rows."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import optimize

from crmlab import survey
from crmlab._weights import effective_number, respondent_weights


@pytest.fixture
def table():
    rng = np.random.default_rng(4)
    return pd.DataFrame(
        {
            "region": rng.choice(["north", "south", "west"], 300, p=[0.6, 0.3, 0.1]),
            "kind": rng.choice(["firm", "person"], 300, p=[0.3, 0.7]),
            "age": pd.cut(rng.integers(20, 80, 300), [0, 35, 50, 99], labels=["young", "middle", "old"]),
        }
    )


MARGINS = {
    "region": {"north": 0.4, "south": 0.4, "west": 0.2},
    "kind": {"firm": 100, "person": 900},
    "age": pd.Series({"young": 0.2, "middle": 0.3, "old": 0.5}),
}


# ---- correctness


def test_every_margin_is_met_exactly(table):
    weights = survey.rake(table, MARGINS)
    assert weights.mean() == pytest.approx(1) and (weights > 0).all() and weights.index.equals(table.index)
    for column, shares in MARGINS.items():
        wanted = pd.Series(shares) / pd.Series(shares).sum()
        met = weights.groupby(table[column].astype(str)).sum() / weights.sum()
        pd.testing.assert_series_equal(
            met, wanted.sort_index(), check_names=False, check_index_type=False, rtol=1e-10
        )


def test_raked_weights_are_those_of_least_relative_entropy(table):
    """Referee: a general optimiser over the log-weights of the cells, without iterative fitting."""
    margins = {name: MARGINS[name] for name in ("region", "kind")}
    cells = table.groupby(["region", "kind"]).size() / len(table)
    region, kind = (pd.get_dummies(cells.index.get_level_values(level)).to_numpy(float) for level in (0, 1))
    wanted = np.r_[0.4, 0.4, 0.2, 0.1]
    design = np.column_stack([region, kind[:, :1]])

    def dual(multipliers):
        fitted = cells.to_numpy() * np.exp(design @ multipliers)
        return fitted.sum() - wanted @ multipliers

    best = optimize.minimize(dual, np.zeros(4), method="BFGS", options={"gtol": 1e-10}).x
    theirs = cells * np.exp(design @ best)
    ours = survey.rake(table, margins).groupby([table["region"], table["kind"]]).sum() / len(table)
    np.testing.assert_allclose(ours, theirs, atol=1e-7)


def test_one_margin_of_combinations_is_post_stratification(table):
    cells = pd.Series({("north", "firm"): 1, ("north", "person"): 2, ("south", "firm"): 3,
                       ("south", "person"): 4, ("west", "firm"): 5, ("west", "person"): 5})  # fmt: skip
    weights = survey.rake(table, {("region", "kind"): cells})
    counted = table.groupby(["region", "kind"]).size()
    by_hand = [
        cells[pair] / 20 / (counted[pair] / 300) for pair in zip(table["region"], table["kind"], strict=True)
    ]
    assert weights.tolist() == pytest.approx(by_hand)


def test_design_effect_is_kishs(table):
    weights = survey.rake(table, MARGINS)
    assert survey.design_effect(weights) == pytest.approx(1 + weights.var(ddof=0) / weights.mean() ** 2)
    assert survey.design_effect([2, 2, 0, 0]) == pytest.approx(2)


def test_effective_number_tells_the_spread_of_a_weighted_mean():
    rng = np.random.default_rng(1)
    weights = rng.gamma(1, 1, 400)
    means = (rng.normal(0, 1, (4000, 400)) * weights).sum(axis=1) / weights.sum()
    assert 1 / means.var() == pytest.approx(effective_number(weights), rel=0.06)


def test_balance_shows_sample_weights_and_population(table):
    found = survey.balance(table, MARGINS, survey.rake(table, MARGINS))
    assert found.loc["region", "n"].to_dict() == table["region"].value_counts().sort_index().to_dict()
    np.testing.assert_allclose(found["weighted"], found["population"], atol=1e-10)
    assert found.loc[("kind", "firm"), "sample"] == pytest.approx((table["kind"] == "firm").mean())
    crossed = survey.balance(
        table, {("kind",): {"firm": 1, "person": 1}} and {"kind": {"firm": 1, "person": 1}}
    )
    assert crossed["population"].tolist() == [0.5, 0.5]


def test_what_weights_repair_and_what_they_cannot():
    """Response that hangs on the region is repaired; response that hangs on the answer is not."""
    rng = np.random.default_rng(9)
    region = rng.choice(["north", "south"], 40_000)
    answer = rng.normal(np.where(region == "north", 8, 6), 1)
    population = {"region": {"north": 0.5, "south": 0.5}}
    by_region = rng.random(40_000) < np.where(region == "north", 0.5, 0.1)
    by_answer = rng.random(40_000) < np.where(answer > 7, 0.5, 0.1)
    off = {}
    for name, responded in {"region": by_region, "answer": by_answer}.items():
        sample = pd.DataFrame({"region": region[responded], "x": answer[responded]})
        off[name] = np.average(sample["x"], weights=survey.rake(sample, population)) - 7
    assert abs(off["region"]) < 0.05 and off["answer"] > 0.3


# ---- consistency


def test_raking_again_changes_nothing_and_the_order_of_margins_neither(table):
    once = survey.rake(table, MARGINS)
    np.testing.assert_allclose(survey.rake(table, MARGINS, once), once, rtol=1e-9)
    turned = {name: MARGINS[name] for name in reversed(MARGINS)}
    np.testing.assert_allclose(survey.rake(table, turned), once, rtol=1e-8)


@pytest.mark.parametrize("scale", [1e-150, 1.0, 1e150])
def test_only_the_ratios_of_weights_and_shares_matter(table, scale):
    larger = {name: {k: v * scale for k, v in dict(shares).items()} for name, shares in MARGINS.items()}
    rng = np.random.default_rng(1)
    start = rng.gamma(3, 1, len(table))
    np.testing.assert_allclose(
        survey.rake(table, larger, start * scale), survey.rake(table, MARGINS, start), rtol=1e-8
    )
    assert survey.design_effect(start * scale) == pytest.approx(survey.design_effect(start))


def test_shares_that_the_sample_has_already_leave_weights_of_one(table):
    margins = {name: table[name].value_counts() for name in table}
    np.testing.assert_allclose(survey.rake(table, margins), 1, rtol=1e-10)


def test_every_engine_gives_the_same(table):
    table = table.astype(str)
    wanted = survey.rake(table, MARGINS).to_numpy()
    for other in (pl.DataFrame(table.to_dict("list")), pl.LazyFrame(table.to_dict("list"))):
        np.testing.assert_allclose(survey.rake(other, MARGINS), wanted)


# ---- bad input


@pytest.mark.parametrize(
    ("margins", "told"),
    [
        ({"region": {"north": 5, "south": 3, "west": 1, "east": 1}}, "Nobody in the table .* 'east', 10.0%"),
        ({"region": {"north": 0.5, "south": 0.5}}, "a 'region' that the population does not have.*'west'"),
        ({"area": {"north": 1}}, "no column 'area'"),
        ({}, "margins name columns"),
        ("region", "margins name columns"),
        ({"region": {"north": -1, "south": 1, "west": 1}}, "at least 0"),
        ({"region": {"north": np.nan, "south": 1, "west": 1}}, "at least 0"),
        ({"region": {"north": "half", "south": 1, "west": 1}}, "must be a finite number"),
        ({"kind": {"firm": 1, "person": 0}}, "that the population does not have"),
        ({"hole": {"a": 1, "b": 1}}, "rows have no 'hole'"),
        ({("region", "hole"): {("north", "a"): 1}}, "no 'region' × 'hole'"),
    ],
)  # fmt: skip
def test_margins_that_cannot_be_met_are_refused(table, margins, told):
    table["hole"] = ["a", "b", None] * 100
    with pytest.raises(ValueError, match=told):
        survey.rake(table, margins)


def test_margins_that_contradict_one_another_are_told():
    table = pd.DataFrame({"a": [0, 0, 1, 1], "b": [0, 0, 1, 1]})
    with pytest.raises(ValueError, match="No weights meet all margins"):
        survey.rake(table, {"a": {0: 0.3, 1: 0.7}, "b": {0: 0.6, 1: 0.4}})


@pytest.mark.parametrize(
    ("weights", "told"),
    [
        ([0.0] * 300, "All weights are 0"),
        ([-1.0] * 300, "negative; the first is -1 in row 0"),
        ([1.0] * 299 + [np.nan], "nan in row 299"),
        ([1.0] * 3, "one number per row"),
    ],
)
def test_weights_to_start_from_are_checked(table, weights, told):
    with pytest.raises(ValueError, match=told):
        survey.rake(table, MARGINS, weights)
    if len(weights) == 300:
        with pytest.raises(ValueError, match=told):
            survey.design_effect(weights)


def test_a_category_whose_people_all_weigh_nothing_is_told(table):
    with pytest.raises(ValueError, match="Everybody with 'region' = 'west' has the weight 0"):
        survey.rake(table, MARGINS, (table["region"] != "west").astype(float))


def test_a_series_of_weights_in_another_order_is_refused(table):
    with pytest.raises(ValueError, match="another index"):
        respondent_weights(table, pd.Series(1.0, table.index[::-1]))


def test_one_respondent_speaks_for_all():
    assert survey.rake(pd.DataFrame({"a": ["x"]}), {"a": {"x": 5}}).tolist() == [1.0]
