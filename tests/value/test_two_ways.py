"""Two ways to one number, swept over extremes. Referees: identities, limit models, closed forms in mpmath."""

import itertools
import warnings

import mpmath
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import gammaln

from crmlab import datasets, value
from crmlab._results import FitWarning, rise
from tests.value import simulate

MODELS = [value.BetaGeoNBD, value.ModifiedBetaGeoNBD, value.ParetoNBD]
ROWS = pd.DataFrame(
    {"frequency": [0, 1, 3, 40, 900], "recency": [0, 0.5, 20.0, 38, 300], "T": [30, 1, 38.86, 39, 301]}
)
NEW = pd.DataFrame({"frequency": [0], "recency": [0.0], "T": [0.0]})
# r and alpha, then the pair of drop-out: from all alike (1e6, 1e10) to some at once and others never (1e-6)
EXTREMES = list(
    itertools.product(
        (0.01, 1.0, 1e3), (1e-2, 1.0, 1e3, 1e7), (1e-3, 0.3, 10.0, 1e6), (1e-6, 1e-2, 1e3, 1e10)
    )
)


def at(model, params):
    return model(ROWS).at(params)


@pytest.mark.parametrize("model", MODELS)
def test_without_discounting_purchases_to_the_horizon_are_the_expected_ones(model):
    """A discount of 0 is the expectation itself; one of 1e-12 goes through quadrature and interpolation."""
    for params in EXTREMES:
        fit = at(model, params)
        for horizon in (1.0, 39.0, 5_000.0):
            expected = fit.conditional_expected_purchases(horizon, ROWS).to_numpy()
            for discount, error in ((0.0, 1e-14), (1e-12, 1e-6)):
                ours = fit.discounted_purchases(discount, 52, horizon, ROWS).to_numpy()
                np.testing.assert_allclose(ours, expected, rtol=error, atol=1e-280, err_msg=str(params))


@pytest.mark.parametrize("model", MODELS)
def test_discounted_purchases_are_the_integral_of_the_expected_ones(model):
    """∫ e^(−f t) dE(t) in 60 × 8 nodes of its own, E from `conditional_expected_purchases`."""
    nodes, node_weights = np.polynomial.legendre.leggauss(8)
    for params in EXTREMES[::7]:
        fit = at(model, params)
        for discount, year, horizon in ((0.1, 52.0, None), (0.9, 1.0, 39.0)):
            force = np.log1p(discount) / year
            end = min(horizon or np.inf, 45 / force)
            edges = np.concatenate([[0.0], np.geomspace(1e-9 * end, end, 60)])
            width = np.diff(edges)[:, None]
            t = (edges[:-1, None] + width * (nodes + 1) / 2).ravel()
            weights = force * np.exp(-force * t) * (width * node_weights / 2).ravel()
            rows = ROWS.iloc[np.repeat(np.arange(5), len(t))].reset_index(drop=True)
            bought = fit.conditional_expected_purchases(np.tile(t, 5), rows).to_numpy().reshape(5, -1)
            last = fit.conditional_expected_purchases(end, ROWS).to_numpy()
            expected = bought @ weights + np.exp(-force * end) * last
            ours = fit.discounted_purchases(discount, year, horizon, ROWS).to_numpy()
            np.testing.assert_allclose(ours, expected, rtol=1e-7, atol=1e-280, err_msg=str(params))


@pytest.mark.parametrize("beta", [1e-6, 1.0, 1e6, 1e10])
@pytest.mark.parametrize("alpha", [1e-2, 10.0, 1e7])
def test_pareto_nbd_is_the_papers_closed_form_whatever_the_scales(alpha, beta):
    """Fader, Hardie & Lee (2005), equation 4, with Tricomi's function in 50 digits."""
    r, s, force = 0.6, 0.9, mpmath.log(mpmath.mpf("1.1")) / 52
    fit = at(value.ParetoNBD, [r, alpha, s, beta])
    ours = fit.discounted_purchases(0.1, 52, data=ROWS) / fit.probability_alive(ROWS)
    with mpmath.workdps(50):
        for x, T, found in zip(ROWS["frequency"], ROWS["T"], ours, strict=True):
            w = force * (beta + mpmath.mpf(float(T)))
            right = (r + int(x)) / (alpha + mpmath.mpf(float(T))) / force
            right *= w**s * mpmath.hyperu(s, s, w)
            if fit.probability_alive(ROWS)[ROWS["frequency"] == x].item() > 1e-200:
                assert found == pytest.approx(float(right), rel=1e-9)


@pytest.mark.parametrize("model", MODELS)
def test_the_expectation_is_the_mean_of_the_distribution(model):
    """The counts are closed forms or another quadrature than the expectation."""
    some = ROWS.iloc[:3]
    for params in itertools.product((0.05, 2.0), (3.0, 1e4), (0.05, 0.9, 30.0, 1e6), (0.1, 4.0, 1e3, 1e9)):
        fit = at(model, params)
        table = fit.purchase_probabilities(30.0, some, top=2_000)
        assert table.sum(axis=1).to_numpy() == pytest.approx(1, abs=1e-10)
        means = table.to_numpy() @ np.arange(2_001)
        expected = fit.conditional_expected_purchases(30.0, some).to_numpy()
        np.testing.assert_allclose(means, expected, rtol=2e-5, atol=1e-9, err_msg=str(params))
        assert fit.probability_active(30.0, some).to_numpy() == pytest.approx(1 - table[0].to_numpy())


def test_the_expectation_holds_where_scipys_beta_quantiles_fail():
    """a = 1e3, b = 1e9: leaving once in a million purchases; betaincinv is off by half there."""
    fit = at(value.BetaGeoNBD, [2.0, 1.0, 1e3, 1e9])
    # E = mean of (1 − (1 + p t/α)^−r) / p, to third order in p = 1e-6
    p, z = 1e-6, 1e4
    right = 2 * z - 3 * p * (1 + 1e-3) * z**2 + 4 * p**2 * (1 + 3e-3) * z**3
    assert fit.conditional_expected_purchases(1e4, NEW).item() == pytest.approx(right, rel=5e-5)


# ---- weights and repeated rows


def counted(summary):
    return summary.groupby(["frequency", "recency", "T"], as_index=False).agg(
        monetary_value=("monetary_value", "mean"), n=("T", "size")
    )


@pytest.mark.parametrize("model", MODELS)
def test_weights_are_repeated_rows(model):
    table = counted(
        value.btyd_summary(datasets.load("cdnow_sample"), calibration_end="1997-09-30").assign(
            monetary_value=lambda data: data["monetary_value"].where(data["frequency"] == 0, 10.0)
        )
    ).iloc[::4]
    repeated = table.loc[table.index.repeat(table["n"])].reset_index(drop=True).drop(columns="n")
    named, listed, plain = (
        model(table, weights="n").fit(),
        model(table, weights=table["n"]).fit(),
        model(repeated).fit(),
    )
    totals = {}
    for name, fit in {"named": named, "listed": listed, "plain": plain}.items():
        worth = value.LifetimeValue(fit, 20.0, 0.3, 0.15, 365.25 / 7, horizon=52)
        data = repeated if name == "plain" else table
        totals[name] = worth.total()
        pd.testing.assert_series_equal(worth.total(data), totals[name])
        assert worth.bootstrap(draws=2, rng=1).notna().all()
    assert totals["named"].to_numpy() == pytest.approx(totals["plain"].to_numpy(), rel=1e-5)
    assert totals["listed"].to_numpy() == pytest.approx(totals["plain"].to_numpy(), rel=1e-5)
    for what in ("frequency_table", "conf_int", "cov_params"):
        pd.testing.assert_frame_equal(getattr(named, what)(), getattr(plain, what)(), rtol=1e-5)


def test_weights_of_spend_and_of_donors_are_repeated_rows():
    spend = simulate.spend(np.random.default_rng(3), 200, 6, 4, 15).assign(n=np.arange(200) % 3 + 1)
    repeated = spend.loc[spend.index.repeat(spend["n"])].reset_index(drop=True)
    one, two = value.GammaGamma(spend, weights="n").fit(), value.GammaGamma(repeated).fit()
    pd.testing.assert_frame_equal(one.conf_int(), two.conf_int(), rtol=1e-4)
    donors = datasets.load("donations").assign(donors=lambda data: data["donors"] // 10 + 1)
    each = donors.loc[donors.index.repeat(donors["donors"])].reset_index(drop=True).drop(columns="donors")
    one, two = (
        value.BetaGeoBetaBinomial(donors, weights="donors").fit(),
        value.BetaGeoBetaBinomial(each).fit(),
    )
    totals = [value.LifetimeValue(fit, 50.0, 1, 0.1, 1).total() for fit in (one, two)]
    assert totals[0].to_numpy() == pytest.approx(totals[1].to_numpy(), rel=1e-5)
    assert value.LifetimeValue(one, 50.0, 1, 0.1, 1).total(donors)["expected"] == totals[0]["expected"]


# ---- lots and expectations


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    "params", [(0.05, 0.5, 0.1, 0.3), (1.0, 10.0, 1e6, 1e7), (2.0, 10.0, 0.5, 1e8), (1e6, 5e6, 0.8, 3.0)]
)
def test_drawn_histories_have_the_expected_mean_and_the_shares_of_the_distribution(model, params):
    fit = at(model, params)
    drawn = fit.simulate(pd.DataFrame({"T": [30.0] * 40_000}), rng=4)["frequency"]
    spread = 4 * drawn.std() / 200
    assert abs(drawn.mean() - fit.expected_purchases(30.0)) <= spread + 1e-9
    shares = fit.count_probabilities(30.0, top=3).loc[30.0].to_numpy()
    found = np.bincount(np.minimum(drawn, 4), minlength=5)[:4] / 40_000
    assert (np.abs(found - shares) <= 4 * np.sqrt(shares * (1 - shares) / 40_000) + 1e-9).all()


@pytest.mark.parametrize("params", [(1.2, 0.75, 0.66, 2.8), (1e6, 3e6, 0.5, 2.0), (0.02, 0.02, 1e5, 9e5)])
def test_donors_drawn_have_the_expected_mean_and_are_alive_as_often_as_told(params):
    fit = value.BetaGeoBetaBinomial(datasets.load("donations"), weights="donors").at(params)
    drawn = fit.simulate(pd.DataFrame({"periods": [6] * 40_000}), rng=5)
    assert (
        abs(drawn["frequency"].mean() - fit.expected_purchases(6))
        <= 4 * drawn["frequency"].std() / 200 + 1e-9
    )
    model = value.BetaGeoBetaBinomial(drawn)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FitWarning)
        gain = 2 * (model.fit(start=params).llf - model.loglike(params))
    assert gain < stats.chi2.isf(1e-4, 4)


# ---- units of time


@pytest.mark.parametrize("model", MODELS)
def test_days_weeks_and_months_tell_the_same(model):
    rng = np.random.default_rng(8)
    draw = simulate.pareto if model is value.ParetoNBD else simulate.geometric
    weeks = draw(rng, 1_500, 0.8, 6.0, 0.9, 4.0)
    tables = {"weeks": 1.0, "days": 7.0, "months": 7 * 12 / 365.25, "nanoseconds": 6.048e14}
    told = {}
    for unit, scale in tables.items():
        data = weeks.assign(recency=weeks["recency"] * scale, T=weeks["T"] * scale)
        fit = model(data).fit()
        told[unit] = np.concatenate(
            [
                fit.probability_alive(ahead=10 * scale),
                fit.conditional_expected_purchases(39 * scale, alpha=0.1).to_numpy().ravel(),
                fit.discounted_purchases(0.1, 365.25 / 7 * scale),
                fit.purchase_probabilities(10 * scale, data.head(50), top=3).to_numpy().ravel(),
            ]
        )
    for unit in tables:
        np.testing.assert_allclose(told[unit], told["weeks"], rtol=2e-4, atol=1e-7, err_msg=unit)


# ---- limit models


def test_pareto_nbd_without_drop_out_is_the_nbd():
    """s/beta → 0, by either way: log-likelihood, forecasts and distribution are the NBD's."""
    r, alpha = 0.8, 6.0
    x, T = ROWS["frequency"].to_numpy(float), ROWS["T"].to_numpy()
    nbd = gammaln(r + x) - gammaln(r) + r * np.log(alpha) - (r + x) * np.log(alpha + T)
    model = value.ParetoNBD(ROWS)
    for s, beta in ((0.7, 1e10), (1e-9, 10.0), (1e-9, 1e-3)):
        fit = model.at([r, alpha, s, beta])
        assert fit.llf == pytest.approx(nbd.sum(), rel=1e-6)
        # nobody who was silent so long is taken for a customer by the NBD's likelihood alone
        new = pd.DataFrame({"frequency": [0, 2], "recency": [0.0, 9.9], "T": [10.0, 10.0]})
        ahead = fit.conditional_expected_purchases(20.0, new).to_numpy()
        assert ahead == pytest.approx((r + np.array([0, 2])) / 16 * 20, rel=1e-5)
        table = fit.purchase_probabilities(20.0, new, top=5).to_numpy()
        right = [stats.nbinom.pmf(np.arange(6), r + count, 16 / 36) for count in (0, 2)]
        assert table == pytest.approx(np.array(right), rel=1e-5)
        value_now = fit.discounted_purchases(0.1, 52, 1e4, new).to_numpy()
        force = np.log(1.1) / 52
        right = (r + np.array([0, 2])) / 16 * -np.expm1(-force * 1e4) / force
        # 1e-9 of a hazard adds up over 200 years of an infinite life
        assert value_now == pytest.approx(right, rel=1e-4)


@pytest.mark.parametrize("size", [1e5, 1e8, 1e11])
def test_customers_all_alike_have_one_rate_and_one_lifetime(size):
    """r, alpha → ∞ and s, beta → ∞: a Poisson process that ends at an exponential moment."""
    rate, leave, t = 0.2, 0.03, 25.0
    fit = value.ParetoNBD(ROWS).at([rate * size, size, leave * size, size])
    expected = rate / leave * -np.expm1(-leave * t)
    assert fit.expected_purchases(t) == pytest.approx(expected, rel=100 / size + 1e-9)
    for x, t_x, T in ((0, 0.0, 10.0), (3, 7.0, 10.0)):
        row = pd.DataFrame({"frequency": [x], "recency": [t_x], "T": [T]})
        both = rate + leave
        stays = x * np.log(rate) - both * T
        left = x * np.log(rate) + np.log(leave / both * (np.exp(-both * t_x) - np.exp(-both * T)))
        one = value.ParetoNBD(pd.concat([row] * 4 + [ROWS])).loglike(fit.params)
        assert (one - fit.llf) / 4 == pytest.approx(np.logaddexp(stays, left), rel=1e-7 + 1e3 / size)
    geometric = value.BetaGeoNBD(ROWS).at([rate * size, size, 0.25 * size, 0.75 * size])
    assert geometric.expected_purchases(t) == pytest.approx(
        -np.expm1(-0.25 * rate * t) / 0.25, rel=1e3 / size + 1e-9
    )
    contract = value.ShiftedBetaGeometric([100, 60, 40]).at([0.2 * size, 0.8 * size])
    assert contract.survival(7).item() == pytest.approx(0.8**7, rel=100 / size)
    assert contract.discounted_renewals(0.1)[0] == pytest.approx(
        value.margin_multiple(0.8, 0.1), rel=1e3 / size + 1e-9
    )


@pytest.mark.parametrize("model", [value.BetaGeoNBD, value.ParetoNBD])
@pytest.mark.parametrize("size", [1e6, 1e10])
def test_the_log_likelihood_does_not_cancel_where_customers_are_alike(model, size):
    """r = .2 size, alpha = size: 40 digits of mpmath beside ours, and the derivative in the logarithms."""
    params = np.array([0.2 * size, size, 0.5, 3.0])
    data = pd.DataFrame(
        {"frequency": [3, 0, 7] * 200, "recency": [9.0, 0, 30] * 200, "T": [20.0, 20, 31] * 200}
    )
    ours = model(data)
    with mpmath.workdps(50):
        r, alpha, c, d = map(mpmath.mpf, params)
        total = mpmath.mpf(0)
        for x, t_x, T in ((3, 9, 20), (0, 0, 20), (7, 30, 31)):
            rises = mpmath.rf(r, x) * alpha**r
            if model is value.ParetoNBD:
                left = mpmath.quad(
                    lambda u, x=x: (alpha + u) ** -(r + x) * c * d**c * (d + u) ** -(c + 1),
                    [t_x, (t_x + T) / 2, T],
                )
                one = rises * ((alpha + T) ** -(r + x) * (d / (d + T)) ** c + left)
            else:
                leaves = mpmath.beta(c + 1, d + x - 1) / mpmath.beta(c, d) if x else 0
                stays = mpmath.beta(c, d + x) / mpmath.beta(c, d)
                one = rises * (stays * (alpha + T) ** -(r + x) + leaves * (alpha + t_x) ** -(r + x))
            total += 200 * mpmath.log(one)
    # the integral in 20 nodes is right to 2e-9 a customer; logarithms of 1e10 cancel to a hundredth
    assert ours.loglike(params) == pytest.approx(float(total), abs=2e-6)
    both = np.array([1 + 1e-4, 1 + 1e-4, 1, 1])
    slope = (ours.loglike(params * both) - ours.loglike(params / both)) / 2e-4
    # along the ridge the likelihood hardly moves, and the gradient says so
    gradient = ours.derivatives(params)[1]
    assert gradient[:2] @ params[:2] == pytest.approx(slope, abs=2e-3)


def gamma_likelihood(x, m, p, nu):
    """Mean amounts of customers who all draw from gamma(p, nu)."""
    return float(np.sum(stats.gamma.logpdf(m, p * x, scale=1 / (nu * x))))


@pytest.mark.parametrize("size", [1e5, 1e7, 1e10])
def test_gamma_gamma_of_customers_alike_is_the_gamma(size):
    """q, v → ∞ with q/v = nu: what one finds by lgamma is off by whole units at 1e10."""
    rng = np.random.default_rng(2)
    x = 1 + rng.poisson(2, 1_000)
    m = rng.gamma(6.0 * x, 1 / 0.2) / x
    model = value.GammaGamma(pd.DataFrame({"frequency": x, "monetary_value": m}))
    right = gamma_likelihood(x, m, 6.0, 0.2)
    assert model.loglike([6.0, 0.2 * size, size]) == pytest.approx(right, abs=2e5 / size + 1e-6)
    spend = model.at([6.0, 0.2 * size, size]).expected_spend()
    assert spend.to_numpy() == pytest.approx(30, rel=1e4 / size)


def test_thirty_companies_whose_customers_spend_alike_are_all_fitted():
    """The estimates are right there: so no "do not trust", and a note that a person understands."""
    for seed in range(30):
        rng = np.random.default_rng(seed)
        x = 1 + rng.poisson(2, 400)
        data = pd.DataFrame({"frequency": x, "monetary_value": rng.gamma(6.0 * x, 5.0) / x})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FitWarning)
            fit = value.GammaGamma(data).fit()
        assert fit.converged, seed
        if fit.params["q"] > 1e5:
            assert "customers do not differ in what they spend" in fit.notes[0]
            assert fit.expected_spend().std() < 0.1


def test_differences_of_log_gamma_hold_in_fifty_digits():
    with mpmath.workdps(50):
        for z, step in itertools.product(
            [1e-6, 0.5, 3, 29.9, 30.1, 1e4, 1e7, 1e12], [0, 0.3, 1, 7, 200, 1e5]
        ):
            ours = rise(np.array([z]), np.array([step]))[:, 0]
            end = mpmath.mpf(z) + mpmath.mpf(step)
            right = [mpmath.loggamma(end) - mpmath.loggamma(z)]
            right += [mpmath.psi(k, end) - mpmath.psi(k, z) for k in (0, 1)]
            assert ours == pytest.approx([float(one) for one in right], rel=1e-9, abs=1e-300)
