"""Bass's model. Referees: published fits, scipy's least squares, the exact curve, brute force, simulation."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.optimize import curve_fit

from crmlab import network
from crmlab._results import FitWarning

DRYERS = [106, 319, 492, 635, 737, 890, 1397, 1523, 1294, 1240, 1425, 1260, 1236]
VCR = [840, 1470, 2110, 4000, 7590, 10950, 10530, 9470, 7790, 5890]


def share(t, p, q):
    return (1 - np.exp(-(p + q) * t)) / (1 + q / p * np.exp(-(p + q) * t))


def curve(t, p, q, m):
    return m * (share(t, p, q) - share(t - 1, p, q))


def test_least_squares_and_its_standard_errors_match_scipy():
    t = np.arange(1.0, 14)
    theta, covariance = curve_fit(curve, t, DRYERS, p0=[0.01, 0.3, 15_000], xtol=1e-12, ftol=1e-12)
    results = network.Bass(DRYERS).fit()
    assert results.params.to_numpy() == pytest.approx(theta, rel=1e-5)
    # scipy leaves out what the curve bends
    assert results.bse.to_numpy() == pytest.approx(np.sqrt(np.diag(covariance)), rel=0.1)


def test_the_regression_matches_numpy():
    y = np.array(VCR, float)
    before = np.cumsum(y) - y
    c, b, a = np.polyfit(before, y, 2)
    p, q, m = network.Bass(VCR).fit("ols").params
    assert [p * m, q - p, -q / m] == pytest.approx([a, b, c], rel=1e-6)


@pytest.mark.parametrize(
    "theta", [(0.01, 0.4, 5e4), (0.03, 0.02, 800.0), (0.0005, 0.9, 1e6), (0.1, 0.5, 50.0)]
)
@pytest.mark.parametrize("method", ["nls", "ml"])
def test_an_exact_curve_gives_back_its_parameters(theta, method):
    t = np.arange(1.0, 31)
    model = network.Bass(np.rint(curve(t, *theta) * 1e6))  # so finely counted that rounding is nothing
    p, q, m = model.fit(method).params
    assert (p, q, m / 1e6) == pytest.approx(theta, rel=1e-3)


@pytest.mark.parametrize("method", ["nls", "ml"])
def test_derivatives_match_differences(method):
    model = network.Bass(DRYERS)
    model.method = method
    theta = np.array([0.02, 0.3, 15_000])
    _, gradient, hessian = model.derivatives(theta)
    for one, h in enumerate(theta * 1e-5):
        up, down = (model.derivatives(theta + side * h * np.eye(3)[one]) for side in (1, -1))
        assert gradient[one] == pytest.approx((up[0] - down[0]) / 2 / h, rel=1e-5)
        assert hessian[one] == pytest.approx((up[1] - down[1]) / 2 / h, rel=1e-4)


def test_the_two_likelihoods_differ_in_their_poisson_total_only():
    # Schmittlein & Mahajan's multinomial over the periods, given the total, has the same p and q
    results = network.Bass(VCR).fit("ml")
    p, q, _ = results.params
    t, y = np.arange(1.0, 11), np.array(VCR, float)

    def multinomial(p, q):
        return y @ np.log((share(t, p, q) - share(t - 1, p, q)) / share(10, p, q))

    best = multinomial(p, q)
    for step in (0.999, 1.001):
        assert multinomial(p * step, q) < best > multinomial(p, q * step)


FALLING = [100, 80, 60, 50, 40, 30, 20]  # hardly any q: what the data allow is a thin ridge down to none


@pytest.mark.parametrize("sales", [VCR, FALLING, DRYERS])
def test_the_interval_of_a_parameter_is_that_of_brute_force(sales):
    y, t = np.array(sales, float), np.arange(1.0, len(sales) + 1)
    results = network.Bass(sales).fit()
    rest, free = ((y - results.fitted) ** 2).sum(), len(y) - 3
    limit = rest * (1 + stats.f.isf(0.05, 1, free) / free)

    def best_with(q):
        def given(t, p, m):
            return curve(t, p, q, m)

        (p, m), _ = curve_fit(given, t, y, p0=results.params[["p", "m"]])
        return ((y - curve(t, p, q, m)) ** 2).sum()

    low, high = results.conf_int().loc["q"]
    assert best_with(high) == pytest.approx(limit, rel=0.02)
    if sales is FALLING:
        assert low < 1e-5 and best_with(1e-5) < limit
    else:
        assert best_with(low) == pytest.approx(limit, rel=0.02)


def test_before_the_peak_it_says_so_and_the_interval_has_no_upper_end():
    results = network.Bass(VCR[:6]).fit()
    assert results.conf_int().loc["m", 1] == np.inf
    text = " ".join(results.notes)
    assert "no whole period after the peak" in text and "m is not bounded" in text and "6 periods" in text
    assert results.peak()["high"] == np.inf
    whole = network.Bass(VCR).fit()
    assert whole.notes == [] and whole.conf_int().loc["m", 1] < 80_000
    with pytest.warns(FitWarning, match="do not bound"):
        network.Bass(VCR[:5]).fit()


def test_a_peak_without_an_end_can_be_put_off_and_the_curve_fits_as_well():
    five = network.Bass([747, 1480, 2646, 5118, 5777]).fit()
    q, ends, off = np.linspace(0.2, 1, 4001), [], []
    for p in (1e-9, 1e-12, 1e-15):  # ever smaller beginnings of ever larger markets
        value, _, _ = five.model.grid(np.full(q.shape, p), q)
        best = value.argmax()
        ends, off = [*ends, np.log(q[best] / p) / (p + q[best])], [*off, value[best]]
    assert np.diff(ends).min() > 10 and np.ptp(off) < 1e-3
    assert five.peak()["high"] == np.inf and five.peak()["low"] < five.peak()["peak"] < 5


@pytest.mark.slow
def test_intervals_of_simulated_people_hold_the_truth_as_often_as_they_say():
    luck, theta = np.random.default_rng(3), (0.01, 0.35, 3000.0)
    held = {"q": 0, "m": 0, "next": 0, "early": 0}
    for _ in range(200):
        y = luck.poisson(curve(np.arange(1.0, 16), *theta))
        results = network.Bass(y[:14]).fit("ml")
        ends = results.conf_int()
        for name, value in zip(("q", "m"), theta[1:], strict=True):
            held[name] += ends.at[name, 0] <= value <= ends.at[name, 1]
        ahead = results.forecast(1).iloc[0]
        held["next"] += ahead["low"] <= y[14] <= ahead["high"]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("warnings.warn", lambda *_, **__: None)
            ends = network.Bass(y[:7]).fit("ml").conf_int()  # the peak comes in period 10
        held["early"] += ends.at["m", 0] <= theta[2] <= ends.at["m", 1]
    assert min(held.values()) >= 180 and max(held.values()) <= 199  # of 200, where 190 are promised


def test_the_peak_and_the_forecast_of_given_parameters():
    results = network.Bass(DRYERS).at([0.0136, 0.3267, 16_497])
    assert results.peak(None)["peak"] == pytest.approx(np.log(0.3267 / 0.0136) / 0.3403)
    ahead = results.forecast(200, alpha=None)["expected"]
    assert results.fitted.sum() + ahead.sum() == pytest.approx(16_497)
    with pytest.raises(ValueError, match="given, not estimated"):
        results.forecast(3)
    no_imitation = network.Bass(DRYERS).at([0.1, 0.01, 1000])
    assert no_imitation.peak(None)["peak"] == 0


def test_more_periods_make_the_forecast_narrower_and_the_last_scatter_stays():
    wide, narrow = (network.Bass(VCR[:n]).fit().forecast(1) for n in (7, 10))
    assert (wide["high"] - wide["low"]).iloc[0] > (narrow["high"] - narrow["low"]).iloc[0] > 0
    assert (network.Bass(VCR).fit().forecast(30)["low"] >= 0).all()


def test_months_and_years_are_periods_and_a_gap_is_refused():
    months = pd.period_range("2025-01", periods=10, freq="M")
    by_month = network.Bass(pd.Series(VCR, months)).fit().params
    assert by_month.tolist() == network.Bass(VCR).fit().params.tolist()
    days = pd.Series(VCR, pd.date_range("2025-01-01", periods=10, freq="MS"))
    assert network.Bass(days).fit().params.tolist() == by_month.tolist()
    years = pd.Series(VCR, range(1980, 1990))
    assert network.Bass(years).fit().params.tolist() == by_month.tolist()
    for gap in (pd.Series(VCR, months).drop(months[3]), days.drop(days.index[3]), years.drop(1984)):
        with pytest.raises(ValueError, match="gap|missing|leave none out"):
            network.Bass(gap)


@pytest.mark.parametrize(
    ("sales", "method", "told"),
    [
        ([3, 5, -2, 4, 4, 3], "nls", "negative number, -2 in period 3"),
        ([3, 5, 8, 4], "nls", "at least five periods; sales has 4"),
        ([3, np.nan, 8, 4, 3], "nls", "missing or infinite"),
        ([0, 0, 8, 4, 0, 0], "nls", "fewer than three periods"),
        ([1.5, 3, 8, 4, 3], "ml", "whole numbers"),
        ([1, 2, 4, 8, 16, 32, 65], "ols", "finds no market"),
        (VCR, "mle", "nls"),
    ],
)
def test_bad_input_is_told(sales, method, told):
    with pytest.raises(ValueError, match=told):
        network.Bass(sales).fit(method)


def test_input_is_left_as_it_was_and_the_figure_is_drawn():
    series = pd.Series(VCR, range(1980, 1990))
    before = series.copy()
    ax = network.Bass(series).fit().plot(3)
    pd.testing.assert_series_equal(series, before)
    assert len(ax.lines) == 3
