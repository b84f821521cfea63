"""Experiments. Referees: scipy, statsmodels, brute force, simulated trials, closed forms."""

import numpy as np
import pandas as pd
import polars
import pytest
import statsmodels.formula.api as smf
from scipy import stats
from statsmodels.sandbox.regression.gmm import IV2SLS
from statsmodels.stats.multitest import multipletests

from crmlab import collect
from crmlab._intervals import IntervalWarning, newcombe
from crmlab.collect import LotWarning, draw_lots, lot_balance, peeking, sample_ratio, trial_effect, trial_size


@pytest.fixture(scope="module")
def trial():
    luck = np.random.default_rng(1)
    n = 600
    table = pd.DataFrame({"customer_id": np.arange(n), "offered": luck.random(n) < 0.4})
    keen = luck.random(n) < 0.5
    table["member"] = table["offered"] & keen
    table["before"] = luck.exponential(50, n) + 60 * keen
    table["dollars"] = 0.7 * table["before"] + 30 * table["member"] + luck.normal(0, 20, n)
    table["came"] = luck.random(n) < 0.2 + 0.1 * table["offered"]
    table["shop"] = luck.integers(0, 40, n)
    table["kind"] = luck.choice(["firm", "person"], n)
    return table


# ---- lots


def test_lots_hang_on_id_and_name_alone_and_fall_evenly():
    ids = pd.DataFrame({"customer_id": np.arange(20_000)})
    lots = draw_lots(ids, {"a": 0.2, "b": 0.5, "c": 0.3}, "spring")
    shuffled = ids.sample(300, random_state=1)
    assert (draw_lots(shuffled, {"a": 0.2, "b": 0.5, "c": 0.3}, "spring") == lots[shuffled.index]).all()
    assert (draw_lots(ids.astype(str), {"a": 0.2, "b": 0.5, "c": 0.3}, "spring").to_numpy() == lots).all()
    assert (draw_lots(polars.from_pandas(ids), {"a": 0.2, "b": 0.5, "c": 0.3}, "spring") == lots).all()
    assert stats.chisquare(lots.value_counts().loc[list("abc")], [4000, 10_000, 6000]).pvalue > 0.001
    one, other = draw_lots(ids, name="one"), draw_lots(ids, name="other")
    assert abs((one == other).mean() - 0.5) < 0.02  # another name: as if thrown anew
    assert draw_lots(ids.set_index("customer_id"), name="one").equals(one)


def test_lots_in_strata_have_their_shares_and_each_customer_the_same_chance():
    table = pd.DataFrame({"customer_id": np.arange(33), "kind": ["a"] * 3 + ["b"] * 30})
    chances = np.zeros(33)
    for name in range(400):
        lots = draw_lots(table, name=str(name), strata="kind") == "treated"
        assert lots[3:].sum() == 15 and lots[:3].sum() in (1, 2)
        chances += lots.to_numpy()
    assert np.abs(chances / 400 - 0.5).max() < 0.1


def test_a_cluster_has_one_lot_in_one_stratum():
    table = pd.DataFrame({"customer_id": np.arange(400), "house": np.arange(400) // 4})
    table["area"] = table["house"] % 3
    lots = draw_lots(table, name="x", cluster="house", strata="area")
    assert (lots.groupby(table["house"].to_numpy()).nunique() == 1).all()
    by_house = lots.to_numpy()[::4]
    for area in range(3):
        assert abs((by_house[np.arange(100) % 3 == area] == "treated").mean() - 0.5) < 0.02


@pytest.mark.parametrize(
    ("table", "kwargs", "message"),
    [
        ({"customer_id": [1, 1, 2]}, {}, "an id that came before"),
        ({"customer_id": [1, None, 2]}, {}, "a missing id"),
        ({"customer_id": [1, 2], "kind": ["a", None]}, {"strata": "kind"}, "a missing id or stratum"),
        ({"customer_id": [1, 2]}, {"arms": {"a": 0.5, "b": 0.49}}, "add up to 1"),
        ({"customer_id": [1, 2]}, {"arms": ["a", "a"]}, "different arms"),
        ({"customer_id": [1, 2]}, {"arms": ["a"]}, "two arms or more"),
        ({"customer_id": [1, 2]}, {"arms": "control"}, "two arms or more"),
        ({"customer_id": [1]}, {}, "an arm without anybody"),
        ({"customer_id": [1, 2], "h": [1, 1], "k": [1, 2]}, {"strata": "k", "cluster": "h"}, "two strata"),
        ({"id": [1, 2]}, {}, "customer_id"),
    ],
)
def test_lots_that_cannot_be_drawn_are_refused(table, kwargs, message):
    with pytest.raises(ValueError, match=message):
        draw_lots(pd.DataFrame(table), **kwargs)


# ---- checks


def test_sample_ratio_is_scipys_and_finds_an_empty_arm():
    two = pd.DataFrame({"arm": [True] * 460 + [False] * 540})
    assert sample_ratio(two)["p_value"].iloc[0] == pytest.approx(stats.binomtest(460, 1000).pvalue)
    three = pd.DataFrame({"arm": ["a"] * 30 + ["b"] * 50 + ["c"] * 40})
    assert sample_ratio(three)["p_value"].iloc[0] == pytest.approx(stats.chisquare([30, 50, 40]).pvalue)
    with pytest.raises(ValueError, match="'c': an arm without anybody"):
        sample_ratio(three.iloc[:80], shares=["a", "b", "c"])
    with pytest.raises(ValueError, match="not among"):
        sample_ratio(three, shares=["a", "b"])
    with pytest.raises(ValueError, match="no 'arm'"):
        sample_ratio(pd.DataFrame({"arm": ["a", None]}))


def test_balance_is_welchs_test(trial):
    found = lot_balance(trial, ["before", "kind"], arm="offered")
    one, other = (trial.loc[trial["offered"] == side, "before"] for side in (True, False))
    assert found.loc["before", "p_value"] == pytest.approx(
        stats.ttest_ind(one, other, equal_var=False).pvalue
    )
    pooled = np.sqrt((one.var(ddof=0) + other.var(ddof=0)) / 2)
    assert found.loc["before", "difference_sd"] == pytest.approx((one.mean() - other.mean()) / pooled)
    assert list(found.index) == ["before", "kind_firm", "kind_person"]
    with pytest.raises(ValueError, match="same for everybody"):
        lot_balance(trial.assign(one=1), ["one"], arm="offered")
    with pytest.raises(ValueError, match="a missing value"):
        lot_balance(trial.assign(kind=None), ["kind"], arm="offered")


# ---- effects


def test_mean_is_welch_and_share_is_newcombe(trial):
    found = trial_effect(trial, ["dollars", "came"], arm="offered")
    one, other = (trial.loc[trial["offered"] == side] for side in (True, False))
    welch = stats.ttest_ind(one["dollars"], other["dollars"], equal_var=False)
    low, high = welch.confidence_interval()
    assert found.loc["dollars", ["low", "high", "p_value"]].tolist() == pytest.approx(
        [low, high, welch.pvalue]
    )
    ends = newcombe((one["came"].sum(), len(one)), (other["came"].sum(), len(other)))
    assert found.loc["came", ["low", "high"]].tolist() == pytest.approx(list(map(float, ends)))
    many = trial_effect(
        trial.assign(days=trial["shop"] ** 2), ["dollars", "came", "before", "days"], "offered"
    )
    assert many["p_holm"].to_numpy() == pytest.approx(multipletests(many["p_value"], method="holm")[1])


def test_a_share_without_a_single_yes_has_an_interval_and_money_without_spread_none(trial):
    nobody = trial_effect(trial.assign(came=False), "came", arm="offered").loc["came"]
    assert nobody["effect"] == 0 and nobody["low"] < 0 < nobody["high"] and nobody["p_value"] == 1
    with pytest.raises(ValueError, match="astype\\(bool\\)"):
        trial_effect(trial.assign(dollars=0.0), "dollars", arm="offered")


def test_effect_of_taking_is_that_of_two_stage_least_squares_and_its_interval_fiellers(trial):
    found = trial_effect(trial, "dollars", arm="offered", taken="member").loc["dollars"]
    one = np.ones(len(trial))
    x, z = (np.column_stack([one, trial[name].astype(float)]) for name in ("member", "offered"))
    assert found["effect_taken"] == pytest.approx(IV2SLS(trial["dollars"], x, z).fit().params.iloc[1])
    assert found["take_up"] == pytest.approx(trial.loc[trial["offered"], "member"].mean())
    # at each end of the interval the lot just explains nothing of what is left
    for end in ("low_taken", "high_taken"):
        left = trial["dollars"] - found[end] * trial["member"]
        row = trial_effect(trial.assign(left=left), "left", arm="offered").loc["left"]
        assert row["p_value"] == pytest.approx(0.05, abs=0.002)


def test_where_all_take_it_taking_is_the_offer(trial):
    found = trial_effect(trial.assign(member=trial["offered"]), "dollars", arm="offered", taken="member")
    row = found.loc["dollars"]
    assert [row["effect_taken"], row["low_taken"], row["high_taken"]] == pytest.approx(
        [row["effect"], row["low"], row["high"]]
    )


def test_an_offer_that_hardly_moves_taking_has_no_ends(trial):
    hardly = trial.assign(member=(trial["customer_id"] % 7 == 0) | (trial["customer_id"] == 1))
    with pytest.warns(IntervalWarning, match="no ends"):
        row = trial_effect(hardly, "dollars", arm="offered", taken="member").loc["dollars"]
    assert np.isinf(row["low_taken"])
    with pytest.raises(ValueError, match="nothing can be said of taking"):
        trial_effect(trial.assign(member=False), "dollars", arm="offered", taken="member")
    with pytest.raises(ValueError, match="True or False"):
        trial_effect(trial.assign(member=1), "dollars", arm="offered", taken="member")


def test_cuped_is_the_regression_on_what_was_known_and_saves_what_it_tells(trial):
    found = trial_effect(trial, "dollars", arm="offered", before="before").loc["dollars"]
    fitted = smf.ols("dollars ~ arm + before", data=trial.assign(arm=trial["offered"].astype(int))).fit()
    assert found["effect"] == pytest.approx(fitted.params["arm"])
    plain = trial_effect(trial, "dollars", arm="offered").loc["dollars"]
    assert (found["high"] - found["low"]) ** 2 == pytest.approx(
        (1 - found["variance_saved"]) * (plain["high"] - plain["low"]) ** 2, rel=0.05
    )


def test_clusters_of_one_change_nothing_and_clusters_agree_with_statsmodels(trial):
    plain = trial_effect(trial, "dollars", arm="offered")
    each = trial_effect(trial, "dollars", arm="offered", cluster="customer_id")
    pd.testing.assert_frame_equal(plain, each)
    by_shop = trial.assign(offered=trial["shop"] % 2 == 0)
    found = trial_effect(by_shop, "dollars", arm="offered", cluster="shop").loc["dollars"]
    within = trial_effect(trial, "dollars", arm="offered", cluster="shop").loc["dollars"]
    for table, row in ((by_shop, found), (trial, within)):
        data = table.assign(arm=table["offered"].astype(int))
        fitted = smf.ols("dollars ~ arm", data=data).fit(
            cov_type="cluster", cov_kwds={"groups": data["shop"], "use_correction": False}
        )
        ours = (row["high"] - row["low"]) / 2
        assert ours == pytest.approx(2.02 * fitted.bse["arm"] * np.sqrt(40 / 39), rel=0.03)


def test_clustered_intervals_hold_the_truth_where_plain_ones_do_not():
    luck, held = np.random.default_rng(3), {"plain": 0, "cluster": 0}
    for _ in range(150):
        shop = np.repeat(np.arange(30), 20)
        table = pd.DataFrame({"shop": shop, "offered": shop % 2 == 0})
        table["dollars"] = luck.normal(0, 5, 30)[shop] + luck.normal(0, 10, 600)
        for name, cluster in (("plain", None), ("cluster", "shop")):
            row = trial_effect(table, "dollars", arm="offered", cluster=cluster).loc["dollars"]
            held[name] += row["low"] <= 0 <= row["high"]
    assert 134 <= held["cluster"] <= 149 and held["plain"] < 115


def test_groups_have_the_effects_of_their_parts(trial):
    found = trial_effect(trial, "dollars", arm="offered", by="kind")
    for kind in ("firm", "person"):
        part = trial_effect(trial[trial["kind"] == kind], "dollars", arm="offered").loc["dollars"]
        assert found.loc[("dollars", kind), "effect"] == pytest.approx(part["effect"])


@pytest.mark.slow
def test_groups_by_lot_differ_in_one_of_twenty_trials(trial):
    luck, few = np.random.default_rng(4), 0
    for _ in range(300):
        random = trial.assign(kind=luck.choice(list("abcd"), len(trial)))
        few += trial_effect(random, "dollars", arm="offered", by="kind")["p_alike"].iloc[0] < 0.05
    assert 5 <= few <= 27


@pytest.mark.parametrize(
    ("change", "kwargs", "message"),
    [
        ({"offered": True}, {}, "an arm without anybody"),
        ({"dollars": np.nan}, {}, "missing or infinite"),
        ({"customer_id": 1}, {}, "two arms"),
        ({"offered": None}, {}, "no 'offered'"),
        ({"shop": None}, {"cluster": "shop"}, "missing value"),
        ({"offered": lambda t: t["customer_id"] % 3}, {"control": 0}, "has 3 arms"),
        ({"offered": lambda t: np.where(t["offered"], "a", "b")}, {}, "Name it"),
        ({"offered": lambda t: t["customer_id"] == 3}, {}, "one customer only"),
        ({"shop": lambda t: t["offered"].astype(int)}, {"cluster": "shop"}, "one cluster only"),
        ({"before": 1.0}, {"before": "before"}, "leave it out"),
        ({"kind": lambda t: np.where(t["offered"], "a", "b")}, {"by": "kind"}, "kind 'a': .*without anybody"),
        ({}, {"alpha": 5}, "alpha"),
    ],
)
def test_effects_that_cannot_be_had_are_refused(trial, change, kwargs, message):
    with pytest.raises(ValueError, match=message):
        trial_effect(trial.assign(**change), "dollars", arm="offered", **kwargs)


def test_a_customer_whose_arm_changed_or_who_comes_twice_is_refused(trial):
    twice = pd.concat([trial, trial.head(3)])
    with pytest.raises(ValueError, match="add up each one's rows"):
        trial_effect(twice, "dollars", arm="offered")
    assert len(trial_effect(twice, "dollars", arm="offered", cluster="customer_id")) == 1
    changed = pd.concat([trial, trial.head(3).assign(offered=~trial["offered"].head(3))])
    for cluster in (None, "customer_id"):
        with pytest.raises(ValueError, match="in two arms: the lot decides once"):
            trial_effect(changed, "dollars", arm="offered", cluster=cluster)


def test_a_covariate_of_afterwards_is_warned_of(trial):
    after = trial.assign(before=trial["before"] + 40 * trial["offered"])
    with pytest.warns(LotWarning, match="as no lot would have it"):
        trial_effect(after, "dollars", arm="offered", before="before")
    days = trial.assign(until=pd.Timestamp("2025-03-02"), lot=pd.Timestamp("2025-03-01"))
    with pytest.warns(LotWarning, match="600 of 600 rows"):
        trial_effect(days, "dollars", arm="offered", before="before", before_on="until", lot_on="lot")


def test_few_clusters_are_told(trial):
    table = trial.assign(shop=trial["customer_id"] % 6, offered=trial["customer_id"] % 2 == 0)
    with pytest.warns(IntervalWarning, match="3 clusters only"):
        trial_effect(table, "dollars", arm="offered", cluster="shop")


# ---- size and looks


def test_size_effect_and_power_are_one_equation_and_agree_with_trials_by_lot():
    whole = trial_size(30, effect=4)
    assert trial_size(30, customers=int(whole["customers"]))["effect"] == pytest.approx(4, rel=1e-3)
    again = trial_size(30, effect=4, customers=int(whole["customers"]))
    assert again["power"] == pytest.approx(0.8, abs=1e-3)
    luck, n = np.random.default_rng(2), int(whole["customers"] / 2)
    one, other = luck.normal(0, 30, (4000, n)), luck.normal(4, 30, (4000, n))
    found = stats.ttest_ind(one, other, axis=1).pvalue < 0.05
    assert found.mean() == pytest.approx(0.8, abs=0.02)
    assert trial_size(30, effect=4, treated=0.2)["customers"] > 1.5 * whole["customers"]
    assert trial_size(30, effect=4, saved=0.5)["customers"] == pytest.approx(whole["customers"] / 2, rel=0.01)
    clusters = trial_size(30, effect=4, cluster_size=11, likeness=0.1)["customers"]
    assert clusters == pytest.approx(2 * whole["customers"], rel=0.01)


@pytest.mark.parametrize(
    "kwargs",
    [
        {},
        {"power": 0.8},
        {"effect": 1, "customers": 50, "power": 0.8},
        {"effect": 0},
        {"effect": np.nan},
        {"effect": 1, "power": 1},
        {"effect": 1, "power": 0.01},
        {"customers": 3},
        {"effect": 1, "treated": 50},
        {"effect": 1, "saved": 1},
        {"effect": 1, "cluster_size": 0},
        {"effect": 1, "likeness": 20},
        {"effect": 1, "alpha": 5},
    ],
)
def test_sizes_that_cannot_be_had_are_refused(kwargs):
    with pytest.raises(ValueError):
        trial_size(10, **kwargs)
    with pytest.raises(ValueError):
        trial_size(0, effect=1)


@pytest.mark.parametrize("rule", ["fixed", "pocock", "obrien_fleming"])
@pytest.mark.parametrize("drift", [0.0, 2.8])
def test_looks_by_integration_are_those_of_ten_thousand_trials(rule, drift):
    share = np.array([0.1, 0.3, 0.55, 0.8, 1])
    found = peeking(share, rule, expected=drift)
    steps = np.diff(share, prepend=0)
    luck = np.random.default_rng(5)
    sums = (drift * steps + np.sqrt(steps) * luck.normal(size=(100_000, 5))).cumsum(axis=1)
    beyond = np.abs(sums / np.sqrt(share)) > found["boundary"].to_numpy()
    stopped = np.maximum.accumulate(beyond, axis=1).mean(axis=0)
    expected = found["found" if drift else "by_luck"].to_numpy()
    assert np.abs(stopped - expected).max() < 0.005


def test_two_looks_are_a_bivariate_normal_and_one_look_is_the_usual_test():
    boundary = peeking(2, "pocock")["boundary"].iloc[0]
    both = stats.multivariate_normal(cov=[[1, np.sqrt(0.5)], [np.sqrt(0.5), 1]])
    inside = both.cdf([boundary] * 2, lower_limit=[-boundary] * 2)
    assert 1 - inside == pytest.approx(0.05, abs=1e-6)
    for rule in ("fixed", "pocock", "obrien_fleming"):
        one = peeking(1, rule, expected=2.8016).loc[1]
        assert one["boundary"] == pytest.approx(1.959964, abs=1e-6) and one["by_luck"] == pytest.approx(0.05)
        assert one["found"] == pytest.approx(0.8, abs=1e-3)
    for alpha in (0.001, 0.2):
        assert peeking(7, "obrien_fleming", alpha)["by_luck"].iloc[-1] == pytest.approx(alpha, abs=1e-9)


def test_a_boundary_of_ones_own_is_kept():
    own = peeking([0.5, 1], [3.0, 1.98])
    assert own["boundary"].tolist() == [3.0, 1.98]
    assert own["by_luck"].iloc[0] == pytest.approx(2 * stats.norm.sf(3))


@pytest.mark.parametrize(
    "arguments",
    [
        (0,),
        (2.5,),
        ([0.5, 0.4, 1],),
        ([0.5, 0.9],),
        ([],),
        (3, "haybittle"),
        (3, [2, 2]),
        (2, [2, np.nan]),
        (2, "fixed", 5),
    ],
)
def test_looks_that_cannot_be_are_refused(arguments):
    with pytest.raises(ValueError):
        peeking(*arguments)


def test_inputs_stay_as_they_are(trial):
    copy = trial.copy()
    collect.trial_effect(
        trial, ["dollars", "came"], arm="offered", taken="member", before="before", by="kind"
    )
    lot_balance(trial, ["before", "kind"], arm="offered")
    draw_lots(trial, strata="kind")
    pd.testing.assert_frame_equal(trial, copy)
