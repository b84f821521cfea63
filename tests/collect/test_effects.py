"""Effects without a lot. Referees: brute force, least squares with dummies, statsmodels, simulation."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from statsmodels.sandbox.regression.gmm import IV2SLS

from crmlab import collect, datasets
from crmlab._intervals import IntervalWarning

BEFORE = ["one", "two"]


def drawn(seed: int, size: int = 400, effect: float = 2.0) -> pd.DataFrame:
    """Draw customers whose two columns lead to the treatment and to the outcome as well."""
    rng = np.random.default_rng(seed)
    one, two = rng.normal(size=(2, size))
    lot = rng.random(size) < 0.5
    took = rng.random(size) < 1 / (1 + np.exp(-(one + 0.5 * two - 1 + 1.5 * lot)))
    spent = 10 + 3 * one + two**2 + effect * took + rng.normal(size=size)
    table = {"one": one, "two": two, "lot": lot.astype(int), "took": took.astype(int), "spent": spent}
    return pd.DataFrame(table)


def inside(table: pd.DataFrame) -> pd.DataFrame:
    """Leave out the treated who lie outside the range of the others."""
    others = table.loc[table["took"] == 0, ["one"]]
    return table[table["one"].between(others["one"].min(), others["one"].max())].copy()


def panel(seed: int, effect: float = 1.5) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    level, month = rng.normal(10, 3, 30), rng.normal(0, 1, 6)
    on = (np.arange(30) < 12)[:, None] & (np.arange(6) > 2)
    orders = level[:, None] + month + effect * on + rng.normal(size=(30, 6))
    place = {"shop": np.repeat(np.arange(30), 6), "month": np.tile(np.arange(6), 30)}
    return pd.DataFrame(place | {"fair": on.ravel().astype(int), "orders": orders.ravel()})


# ---- against a referee


def test_matching_is_that_of_a_loop_over_the_treated():
    table = drawn(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = collect.matching(table, "spent", "took", BEFORE)
    scaled = table[BEFORE] / table[BEFORE].std(ddof=0)
    ours = found.weights.index[(table["took"] == 1) & (found.weights > 0)]
    others = table.index[table["took"] == 0]
    near = [((scaled.loc[others] - scaled.loc[one]) ** 2).sum(axis=1).idxmin() for one in ours]
    count = pd.Series(near).value_counts()
    assert found.weights[count.index].tolist() == count.tolist()
    expected = smf.wls("spent ~ one + two", table.loc[count.index], weights=count).fit().predict(table)
    gain = table["spent"][ours].to_numpy() - table["spent"][near].to_numpy()
    gain -= expected[ours].to_numpy() - expected[near].to_numpy()
    assert found.estimates["effect"] == pytest.approx(gain.mean())


def test_weighting_is_the_average_with_odds_of_a_logistic_regression():
    table = drawn(2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = collect.weighting(table, "spent", "took", BEFORE)
    kept = (found.weights > 0) | (table["took"] == 0)
    part = table[kept]
    p = smf.logit("took ~ one + two", part).fit(disp=0).predict()
    others = part["took"] == 0
    beside = np.average(part["spent"][others], weights=(p / (1 - p))[others])
    assert found.estimates["effect"] == pytest.approx(part["spent"][~others].mean() - beside, rel=1e-6)


def test_differences_are_least_squares_with_a_mean_for_each_shop_and_month():
    table = panel(3)
    found = collect.differences(table, "orders", "shop", "month", "fair").estimates
    fitted = smf.ols("orders ~ fair + C(shop) + C(month)", table).fit()
    assert found["effect"] == pytest.approx(fitted.params["fair"])
    robust = smf.ols("orders ~ fair + C(shop) + C(month)", table).fit(
        cov_type="cluster", cov_kwds={"groups": table["shop"]}
    )
    # statsmodels counts the means of all shops as estimated, which makes its error larger by this factor
    rows, means = len(table), len(robust.params)
    error = robust.bse["fair"] * np.sqrt((rows - means) / (rows - 1) * (30 - 1) / (30 - 2))
    assert (found["high"] - found["low"]) / 2 == pytest.approx(2.0452 * error, rel=1e-3)


@pytest.mark.parametrize("covariates", [[], BEFORE])
def test_instrument_is_two_stage_least_squares(covariates):
    table = drawn(4)
    found = collect.instrument(table, "spent", "took", "lot", covariates)
    x = sm.add_constant(table[["took", *covariates]])
    z = sm.add_constant(table[["lot", *covariates]])
    referee = IV2SLS(table["spent"], x, z).fit()
    assert found.estimates["effect"] == pytest.approx(referee.params["took"])
    if not covariates:
        means = table.groupby("lot")[["spent", "took"]].mean().diff().loc[1]
        assert found.estimates["effect"] == pytest.approx(means["spent"] / means["took"])


def test_balance_by_hand():
    table = drawn(5)
    found = collect.balance(table, "took", BEFORE)
    ours, others = table[table["took"] == 1], table[table["took"] == 0]
    usual = np.sqrt((ours["two"].var(ddof=0) + others["two"].var(ddof=0)) / 2)
    assert found.loc["two", "apart"] == pytest.approx((ours["two"].mean() - others["two"].mean()) / usual)


@pytest.mark.slow
def test_intervals_hold_the_truth_about_as_often_as_they_say():
    held = dict.fromkeys(["weighted", "instrument", "differences", "matched"], 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for seed in range(200):
            table = drawn(seed, 600)
            table["spent"] -= table["two"] ** 2  # so that a straight line takes off what is left
            found = {
                "matched": collect.matching(table, "spent", "took", BEFORE),
                "weighted": collect.weighting(table, "spent", "took", BEFORE),
                "instrument": collect.instrument(table, "spent", "took", "lot", BEFORE),
                "differences": collect.differences(panel(seed), "orders", "shop", "month", "fair"),
            }
            for name, one in found.items():
                true = 1.5 if name == "differences" else 2.0
                held[name] += bool(one.estimates["low"] <= true <= one.estimates["high"])
    assert all(count >= 177 for count in held.values()), held  # 190 of 200 are promised
    assert all(count <= 199 for count in held.values()), held


# ---- consistency


def test_nothing_treated_more_than_its_copy():
    table = drawn(6)
    twice = pd.concat([table.assign(took=1), table.assign(took=0)], ignore_index=True)
    for method in (collect.matching, collect.weighting):
        found = method(twice, "spent", "took", BEFORE)
        assert found.estimates["effect"] == pytest.approx(0, abs=1e-9)
        assert found.check["apart_weighted"].abs().max() < 1e-9


@pytest.mark.parametrize("method", [collect.matching, collect.weighting])
def test_shifting_and_scaling_the_outcome_moves_the_effect_alike(method):
    table = drawn(7)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one = method(table, "spent", "took", BEFORE).estimates
        other = method(table.assign(spent=100 - 3 * table["spent"]), "spent", "took", BEFORE).estimates
    assert other["effect"] == pytest.approx(-3 * one["effect"])
    assert other["low"] == pytest.approx(-3 * one["high"])


def test_other_engines_and_input_that_is_not_changed():
    table = drawn(8)
    copy = table.copy()
    one = collect.instrument(table, "spent", "took", "lot").estimates
    pd.testing.assert_frame_equal(table, copy)
    pd.testing.assert_series_equal(
        collect.instrument(pl.from_pandas(table), "spent", "took", "lot").estimates, one
    )


def test_texts_count_as_a_column_for_each_value():
    table = drawn(9).assign(place=lambda rows: np.where(rows["one"] > 0, "hills", "harbour"))
    found = collect.balance(table, "took", ["place", "two"])
    assert found.index.tolist() == ["two", "place_harbour", "place_hills"]
    assert found.loc["place_harbour", "apart"] == pytest.approx(-found.loc["place_hills", "apart"])
    assert "Effect" in repr(collect.weighting(table, "spent", "took", ["place"]))


def test_the_pre_trend_is_found_where_there_is_one():
    table = panel(10)
    ours = table.groupby("shop")["fair"].transform("max")
    table["orders"] += 2.0 * ours * table["month"]
    check = collect.differences(table, "orders", "shop", "month", "fair").check
    before = check[~check["after"].astype(bool)]
    assert before["gap"].iloc[0] < -2 and before["high"].iloc[0] < 0 and before["gap"].iloc[-1] == 0


# ---- bad input


@pytest.mark.parametrize("method", [collect.matching, collect.weighting])
def test_an_arm_without_anybody_gaps_and_columns_twice_are_refused(method):
    table = drawn(11)
    with pytest.raises(ValueError, match="an arm without anybody"):
        method(table.assign(took=1), "spent", "took", BEFORE)
    with pytest.raises(ValueError, match="neither 0 nor 1"):
        method(table.assign(took=table["took"] * 2), "spent", "took", BEFORE)
    with pytest.raises(ValueError, match="missing or infinite"):
        method(table.assign(spent=np.nan), "spent", "took", BEFORE)
    with pytest.raises(ValueError, match="have no 'one'"):
        method(table.assign(one=table["one"].where(table["one"] > 0)), "spent", "took", BEFORE)
    with pytest.raises(ValueError, match="one part only"):
        method(table, "spent", "took", ["one", "spent"])
    with pytest.raises(ValueError, match="names no column"):
        method(table, "spent", "took", [])


@pytest.mark.parametrize("method", [collect.matching, collect.weighting])
def test_who_cannot_be_compared_is_named(method):
    table = drawn(12)[["one", "took", "spent"]]
    far = inside(table)
    row = far.index[far["took"] == 1][0]
    far.loc[row, "one"] = 9.0
    with pytest.warns(UserWarning, match="1 of .* treated lie outside the range of the others in one"):
        found = method(far, "spent", "took", ["one"])
    assert found.left_out.index.tolist() == [row] and found.left_out["value"].tolist() == [9.0]
    assert found.weights[row] == 0
    without = method(far.drop(index=row), "spent", "took", ["one"]).estimates["effect"]
    assert found.estimates["effect"] == pytest.approx(without, abs=0.05)
    apart = table.assign(one=table["one"] + 100 * table["took"])
    with pytest.raises(ValueError, match="None of the .* treated can be compared"):
        method(apart, "spent", "took", ["one"])


def test_covariates_that_decide_are_refused_by_weighting():
    table = pd.DataFrame({"one": np.arange(10.0), "took": [0, 0, 0, 1, 1, 1, 1, 0, 0, 0], "spent": 1.0})
    table["square"] = table["one"] ** 2  # together they tell who lies in the middle
    with pytest.raises(ValueError, match="without fail"):
        collect.weighting(table, "spent", "took", ["one", "square"])


def test_a_covariate_measured_after_the_treatment_is_told():
    table = inside(drawn(13))
    table["since"], table["seen"] = pd.Timestamp("2025-03-01"), pd.Timestamp("2025-02-01")
    table.loc[table["took"] == 0, "since"] = pd.NaT
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        collect.weighting(table, "spent", "took", ["one"], since="since", measured={"one": "seen"})
    assert not any("measured after" in str(one.message) for one in told)
    with pytest.warns(UserWarning, match="one was measured after the treatment"):
        late = table.assign(seen=pd.Timestamp("2025-04-01"))
        collect.weighting(late, "spent", "took", ["one"], since="since", measured={"one": "seen"})
    with pytest.raises(ValueError, match="belong together"):
        collect.weighting(table, "spent", "took", ["one"], since="since")


def test_panels_that_cannot_be_compared_are_refused():
    table, names = panel(14), ("orders", "shop", "month", "fair")
    with pytest.raises(
        ValueError, match=r"The panel has gaps: 1 of 30 units lack a period, the first is 0 without 0"
    ):
        collect.differences(table.iloc[1:], *names)
    with pytest.raises(ValueError, match="come twice"):
        collect.differences(pd.concat([table, table.iloc[:1]]), *names)
    later = table.assign(fair=table["fair"] * ~((table["shop"] == 0) & (table["month"] == 3)))
    with pytest.raises(ValueError, match="begin in the same period"):
        collect.differences(later, *names)
    ends = table.assign(fair=table["fair"] * (table["month"] < 5))
    with pytest.raises(ValueError, match="remain treated"):
        collect.differences(ends, *names)
    with pytest.raises(ValueError, match="no period before"):
        collect.differences(table[table["month"] > 2], *names)
    with pytest.raises(ValueError, match="no unit that is never treated"):
        collect.differences(table[table["shop"] < 12], *names)
    with pytest.raises(ValueError, match="fewer than three"):
        collect.differences(table.assign(half=table["shop"] < 12), *names, cluster="half")
    with pytest.raises(ValueError, match="in more than one"):
        collect.differences(table.assign(half=table["month"]), *names, cluster="half")


def test_one_treated_state_is_told():
    donors = datasets.load("organ_donations")
    later = donors["quarter"] >= "2011-07-01"
    donors["asked"] = ((donors["state"] == "California") & later).astype(int)
    with pytest.warns(IntervalWarning, match="1 are treated and 26 are not"):
        collect.differences(donors, "rate", "state", "quarter", "asked")


def test_instruments_that_move_nothing_or_little():
    table = drawn(15)
    idle = table.assign(lot=np.tile([0, 1], len(table) // 2))
    with pytest.raises(ValueError, match="moves nothing"):
        collect.instrument(idle, "spent", "took", "lot")
    with pytest.raises(ValueError, match="an arm without anybody"):
        collect.instrument(table.assign(lot=1), "spent", "took", "lot")
    rng = np.random.default_rng(15)
    weak = table.assign(
        lot=np.where(rng.random(len(table)) < 0.2, table["took"], rng.integers(0, 2, len(table)))
    )
    with pytest.warns(IntervalWarning, match="a weak instrument: F = "):
        collect.instrument(weak, "spent", "took", "lot")


def test_weights_that_do_not_fit_are_refused():
    table = drawn(16)
    for wrong in ([1.0], pd.Series(1.0, table.index[::-1]), -1.0 * table["took"], 1.0 * table["took"]):
        with pytest.raises(ValueError, match="weights"):
            collect.balance(table, "took", BEFORE, wrong)
