"""Clerical review. Referee: made-up companies whose customers are known, many times over."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from crmlab import collect
from crmlab.collect.linkage import _components


class Scored:
    """What a linkage of made-up records would give: true pairs weigh more, and some were never compared."""

    def __init__(self, rng, people=1_500):
        size = rng.choice([1, 2, 3, 4], people, p=[0.55, 0.25, 0.15, 0.05])
        self.truth = pd.Series(np.repeat(np.arange(people), size))
        records = np.arange(len(self.truth))
        mates = pd.DataFrame({"person": self.truth, "record": records})
        mates = mates.merge(mates, on="person")
        true = mates[mates["record_x"] < mates["record_y"]]
        true = true[rng.random(len(true)) < 0.95]  # the rest is blocked out
        lot = np.sort(rng.integers(0, len(records), (1_200, 2)), axis=1)
        lot = lot[self.truth.to_numpy()[lot[:, 0]] != self.truth.to_numpy()[lot[:, 1]]]
        one = np.concatenate([true["record_x"], lot[:, 0]])
        other = np.concatenate([true["record_y"], lot[:, 1]])
        weight = np.concatenate([rng.normal(9, 5, len(true)), rng.normal(-8, 5, len(lot))])
        self.table = pd.DataFrame({"record_l": one, "record_r": other, "weight": weight})

    def pairs(self, threshold=-np.inf):
        return self.table[self.table["weight"] >= threshold]

    def clusters(self, threshold):
        joined = self.pairs(threshold)
        return _components(
            joined["record_l"].to_numpy(), joined["record_r"].to_numpy(), np.arange(len(self.truth))
        )

    def looked_up(self, n, rng):
        review, found = collect.review_sample(self, 2, n=n, rng=rng), self.clusters(2)
        both = pd.DataFrame({"cluster": found, "person": self.truth})
        size = both.groupby("person")["person"].transform("size")
        right = both.groupby(["cluster", "person"])["person"].transform("size")
        return review.assign(
            same=size[review["record"]].to_numpy() - 1, right=right[review["record"]].to_numpy() - 1
        )

    def quality(self):
        return collect.pair_quality(self.clusters(2), self.truth)


def test_a_review_of_all_records_knows_the_truth():
    scored = Scored(np.random.default_rng(1))
    told, quality = collect.review_estimates(scored.looked_up(5_000, 1)), scored.quality()
    for row in ("true_pairs", "false_pairs", "missed_pairs", "customers"):
        np.testing.assert_allclose(told.loc[row].to_numpy(float), quality[row], err_msg=row)


def test_both_sides_of_the_threshold_and_what_was_never_compared_are_drawn():
    review = Scored(np.random.default_rng(2)).looked_up(200, 1)
    counts = review["stratum"].value_counts()
    assert set(counts.index) == set(collect.STRATA)
    assert counts.sum() == 200
    assert counts.min() >= 30
    assert review["record"].is_unique


@pytest.mark.slow
def test_intervals_hold_the_truth_as_often_as_they_say():
    held = []
    for seed in range(400):
        rng = np.random.default_rng(seed)
        scored = Scored(rng)
        told, quality = collect.review_estimates(scored.looked_up(300, rng)), scored.quality()
        rows = ["true_pairs", "false_pairs", "missed_pairs", "customers"]
        held.append((told.loc[rows, "low"] <= quality[rows]) & (quality[rows] <= told.loc[rows, "high"]))
    coverage = pd.DataFrame(held).mean()
    assert coverage["customers"] > 0.9
    assert coverage["missed_pairs"] > 0.9
    assert (
        coverage["false_pairs"] > 0.85
    )  # few and far between: a normal interval says a little less than it should


def test_estimates_are_right_on_average():
    errors = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        scored = Scored(rng, people=800)
        told = collect.review_estimates(scored.looked_up(150, rng))["estimate"]
        errors.append(told[["customers", "missed_pairs"]] - scored.quality()[["customers", "missed_pairs"]])
    errors = pd.DataFrame(errors)
    assert (errors.mean().abs() < 3.5 * errors.std() / np.sqrt(len(errors))).all()


def test_what_bad_luck_may_have_hidden_widens_all_that_depends_on_it():
    drawn = {"stratum": "a", "of": 400, "clusters": 200, "joined_pairs": 200, "joined": [1] * 40}
    told = collect.review_estimates(pd.DataFrame(drawn | {"same": 1, "right": 1}))
    # two hundred pairs, no error seen: one card in fourteen may have one, .05 = (1 - .0722)^40
    hidden = 400 * (1 - 0.05 ** (1 / 40)) / 2
    assert told.loc["false_pairs"].tolist() == pytest.approx([0, 0, hidden])
    assert told.loc["true_pairs"].tolist() == pytest.approx([200, 200 - hidden, 200 + hidden])
    assert told.loc["customers"].tolist() == pytest.approx([200, 200 - hidden, 200 + hidden])


def test_impossible_notes_are_refused():
    review = Scored(np.random.default_rng(3)).looked_up(100, 1)
    with pytest.raises(ValueError, match="more 'right' than"):
        collect.review_estimates(review.assign(right=9))
    with pytest.raises(ValueError, match="not 0, 1, 2"):
        collect.review_estimates(review.assign(same=-1, right=-1))
    with pytest.raises(ValueError, match="one reviewed record of"):
        collect.review_estimates(review.groupby("stratum").head(1))
    with pytest.raises(ValueError, match="no column 'same'"):
        collect.review_estimates(review.drop(columns="same"))
    with pytest.raises(ValueError, match="n must be a whole number"):
        collect.review_sample(Scored(np.random.default_rng(3)), 2, n=3)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"stratum": None}, "no stratum"),
        ({"of": range(100, 110)}, "in 'of' another size"),
        ({"of": 9}, "one below the records reviewed"),
        ({"of": np.nan}, "missing or infinite"),
        ({"clusters": np.nan}, "missing or infinite"),
        ({"clusters": range(10)}, "the same in each row"),
        ({"joined_pairs": range(10)}, "the same in each row"),
    ],
)
def test_a_review_whose_rows_do_not_belong_together_is_refused(change, told):
    drawn = {"stratum": "a", "of": 40, "clusters": 30, "joined_pairs": 10, "joined": [1, 0] * 5}
    review = pd.DataFrame(drawn | {"same": 1, "right": 0})
    with pytest.raises(ValueError, match=told):
        collect.review_estimates(review.assign(**change))


def test_neither_the_engine_nor_the_order_nor_the_index_of_a_review_matters():
    review = Scored(np.random.default_rng(4)).looked_up(120, 1)
    told = collect.review_estimates(review)
    mixed = review.sample(frac=1, random_state=1).set_axis([0] * len(review))
    for table in (pl.from_pandas(review), pl.from_pandas(review).lazy(), mixed):
        pd.testing.assert_frame_equal(collect.review_estimates(table), told)


def test_what_is_narrow_is_a_weight():
    scored = Scored(np.random.default_rng(5))
    for wrong in (-6, np.nan, "six"):
        with pytest.raises(ValueError, match="narrow is a weight"):
            collect.review_sample(scored, 2, narrow=wrong)
    assert not {"joined narrowly", "left narrowly"} & set(
        collect.review_sample(scored, 2, narrow=0)["stratum"]
    )
