"""Input checks: what no model can digest is refused with a sentence that teaches."""

import numpy as np
import pandas as pd
import pytest

from crmlab import value
from tests.value import simulate

GOOD = pd.DataFrame({"frequency": [2, 0, 1, 5], "recency": [3.0, 0, 2.0, 9.0], "T": [10.0] * 4})
MANY = simulate.geometric(np.random.default_rng(2), 400, 0.8, 6.0, 0.9, 2.5, modified=True)
MODELS = [value.BetaGeoNBD, value.ModifiedBetaGeoNBD, value.ParetoNBD]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.drop(columns="T"), "no column 'T'.*Valid: frequency, recency"),
        (lambda d: d.iloc[:0], "not a single customer"),
        (lambda d: d.iloc[:1], "1 customers cannot tell 4 parameters"),
        (lambda d: d.assign(frequency=0, recency=0.0), "No customer bought again"),
        (lambda d: d.assign(recency=[3.0, np.nan, 2.0, 9.0]), "recency are missing or infinite.*row 1"),
        (lambda d: d.assign(T=[10.0, 10.0, np.inf, 10.0]), "T are missing or infinite.*row 2"),
        (lambda d: d.assign(frequency=[2, 0, 1.5, 5]), "'frequency' that is not 0, 1, 2.*row 2"),
        (lambda d: d.assign(frequency=[-2, 0, 1, 5]), "'frequency' that is not 0, 1, 2.*row 0"),
        (lambda d: d.assign(recency=[3.0, 0, 2.0, 19.0]), "recency outside 0.*row 3"),
        (lambda d: d.assign(recency=[0.0, 0, 2.0, 9.0]), "disagree.*row 0"),
        (lambda d: d.assign(frequency=list("abcd")), "frequency must hold numbers"),
        (lambda d: d.to_dict(), "DataFrame is needed"),
    ],
)
def test_impossible_summaries_are_refused(model, change, message):
    with pytest.raises(ValueError, match=message):
        model(change(GOOD))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("n", "no column 'n'"),
        ([1, 2], "one number per row"),
        ([1, -1, 1, 1], "not negative"),
        ([0, 0, 0, 0], "not all zero"),
        ([1, np.nan, 1, 1], "finite"),
    ],
)
def test_impossible_weights_are_refused(weights, message):
    with pytest.raises(ValueError, match=message):
        value.BetaGeoNBD(GOOD, weights=weights)


def test_summary_is_not_changed_and_index_is_kept():
    data = MANY.set_axis([f"c{i}" for i in range(400)])
    before = data.copy()
    fit = value.ModifiedBetaGeoNBD(data).fit()
    assert fit.probability_alive().index.equals(data.index)
    assert fit.conditional_expected_purchases(3.0, alpha=0.1).index.equals(data.index)
    pd.testing.assert_frame_equal(data, before)


@pytest.mark.parametrize("t", [-1.0, np.nan, np.inf, [1.0, 2.0]])
def test_impossible_horizons_are_refused(t):
    fit = value.ModifiedBetaGeoNBD(MANY).fit()
    with pytest.raises(ValueError, match="t "):
        fit.conditional_expected_purchases(t)
    with pytest.raises(ValueError, match="Say how far ahead"):
        fit.conditional_expected_purchases()


@pytest.mark.parametrize(
    ("survivors", "message"),
    [
        ([100], "ages 0 and 1"),
        ([100, 110], "rises at age 1: 100 to 110"),
        ([100, -1], "not negative"),
        ([0, 0], "above 0 at age 0"),
        ([100, np.nan], "finite"),
    ],
)
def test_impossible_cohorts_are_refused(survivors, message):
    with pytest.raises(ValueError, match=message):
        value.ShiftedBetaGeometric(survivors)


def test_bgbb_refuses_impossible_histories():
    good = pd.DataFrame({"frequency": [2, 0, 1, 5], "recency": [3, 0, 2, 5], "periods": [6] * 4})
    for change, message in [
        ({"recency": [1, 0, 2, 5]}, "more purchases.*row 0"),
        ({"recency": [3.5, 0, 2, 5]}, "'recency' that is not 0, 1, 2"),
        ({"periods": [2, 6, 6, 6]}, "recency outside 0"),
    ]:
        with pytest.raises(ValueError, match=message):
            value.BetaGeoBetaBinomial(good.assign(**change))


def test_gamma_gamma_leaves_out_one_time_buyers_and_counts_those_without_spend():
    spend = simulate.spend(np.random.default_rng(4), 300, 6, 4, 15)
    others = pd.DataFrame({"frequency": [0, 3], "monetary_value": [np.nan, 0.0]})
    data = pd.concat([others, spend], ignore_index=True)
    fit, without = value.GammaGamma(data).fit(), value.GammaGamma(spend).fit()
    assert fit.nobs == 300
    assert fit.params.to_numpy() == pytest.approx(without.params.to_numpy(), rel=1e-9)
    assert "1 customers whose mean amount is 0" in str(fit.summary())
    for bad, message in [(-1.0, "negative monetary_value.*row 1"), (np.nan, "missing.*row 1")]:
        with pytest.raises(ValueError, match=message):
            value.GammaGamma(data.assign(monetary_value=data["monetary_value"].where(data.index != 1, bad)))


def test_infinite_mean_spend_is_said_not_printed():
    heavy = pd.DataFrame(
        {"frequency": 3, "monetary_value": np.random.default_rng(0).pareto(0.7, 2_000) + 0.01}
    )
    fit = value.GammaGamma(heavy).fit()
    assert fit.params["q"] < 1
    with pytest.raises(ValueError, match="infinite"):
        fit.expected_spend()


def test_start_values_must_be_positive_and_complete():
    for start in ([1, 1, 1], [1, 1, 1, -1], [1, 1, 1, np.nan]):
        with pytest.raises(ValueError, match="start needs 4 positive numbers"):
            value.BetaGeoNBD(MANY).fit(start=start)
