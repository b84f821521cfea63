"""Correctness: the likelihoods against mpmath, the derivatives against differences, the truth recovered."""

import warnings
from math import comb

import mpmath
import numpy as np
import pandas as pd
import pytest
from scipy import integrate, optimize, stats
from scipy.special import gammaln

from crmlab import datasets, value
from crmlab._results import FitWarning
from tests.value import simulate

PURCHASE_MODELS = [value.BetaGeoNBD, value.ModifiedBetaGeoNBD, value.ParetoNBD]
RATES = np.array([0.6, 7.0, 0.9, 2.0])


@pytest.fixture(scope="module")
def summary():
    return value.btyd_summary(datasets.load("cdnow_sample"), calibration_end="1997-09-30")


def one(x, t_x, T):
    return pd.DataFrame({"frequency": [x], "recency": [t_x], "T": [T]})


def by_definition(model, params, x, t_x, T):
    """The likelihood of one customer as the papers' stories tell it: integrate over the unseen rates."""
    r, alpha, c, d = map(mpmath.mpf, params)
    if model is value.ParetoNBD:  # over the moment of leaving, both rates integrated out in closed form
        rises = mpmath.rf(r, x) * alpha**r
        alive = (alpha + T) ** -(r + x) * (d / (d + T)) ** c
        left = mpmath.quad(
            lambda u: (alpha + u) ** -(r + x) * c * d**c * (d + u) ** -(c + 1), mpmath.linspace(t_x, T, 65)
        )
        return rises * (alive + left)
    modified = model is value.ModifiedBetaGeoNBD
    rises = mpmath.rf(r, x) * alpha**r
    chances = x + modified
    stays = mpmath.beta(c, d + chances) / mpmath.beta(c, d)
    leaves = mpmath.beta(c + 1, d + chances - 1) / mpmath.beta(c, d) if chances else 0
    return rises * (stays * (alpha + T) ** -(r + x) + leaves * (alpha + t_x) ** -(r + x))


@pytest.mark.parametrize("model", PURCHASE_MODELS)
@pytest.mark.parametrize(
    ("params", "history"),
    [
        (RATES, (0, 0, 38.86)),
        (RATES, (2, 30.43, 38.86)),
        (RATES, (26, 3.0, 38.86)),
        (np.array([0.05, 0.01, 0.02, 9.0]), (900, 700.0, 1000.0)),
        (np.array([8.0, 900.0, 3.0, 0.02]), (3, 0.4, 2000.0)),
        (np.array([1e6, 2e6, 0.5, 3.0]), (15, 20.0, 30.0)),
    ],
)
def test_loglike_matches_definition_in_arbitrary_precision(model, params, history):
    three = pd.concat([one(*history)] * 4 + [one(1, 1.0, 2.0)] * 4, ignore_index=True)
    fitted = model(three).loglike(params)
    with mpmath.workdps(40):
        expected = 4 * sum(mpmath.log(by_definition(model, params, *row)) for row in (history, (1, 1.0, 2.0)))
    assert fitted == pytest.approx(float(expected), rel=1e-9, abs=1e-8)


def every_model(summary):
    donations = datasets.load("donations")
    rng = np.random.default_rng(3)
    return [
        *[(model(summary), RATES) for model in PURCHASE_MODELS],
        (value.BetaGeoBetaBinomial(donations, weights="donors"), np.array([0.8, 1.3, 0.5, 2.0])),
        (value.ShiftedBetaGeometric([1000, 869, 743, 653, 593]), np.array([0.9, 2.5])),
        (value.GammaGamma(simulate.spend(rng, 500, 6, 4, 15)), np.array([3.0, 5.0, 20.0])),
    ]


def test_gradient_and_hessian_match_central_differences(summary):
    for model, params in every_model(summary):
        _, gradient, hessian = model.derivatives(params)
        for i, step in enumerate(1e-5 * np.diag(params)):
            above, below = model.derivatives(params + step), model.derivatives(params - step)
            width = 2 * step[i]
            assert (above[0] - below[0]) / width == pytest.approx(gradient[i], rel=1e-6), (model.title, i)
            assert (above[1] - below[1]) / width == pytest.approx(
                hessian[i], rel=1e-6, abs=1e-7 * np.abs(hessian).max()
            ), (model.title, i)


def test_standard_errors_are_inverse_information_by_differences(summary):
    for model, params in every_model(summary):
        fit = model.fit(start=params)
        theta = fit.params.to_numpy()
        steps = 1e-4 * np.diag(theta)
        information = -np.array(
            [
                (model.derivatives(theta + e)[1] - model.derivatives(theta - e)[1]) / (2 * e.sum())
                for e in steps
            ]
        )
        assert fit.cov_params().to_numpy() == pytest.approx(np.linalg.inv(information), rel=1e-4), model.title


@pytest.mark.parametrize("model", PURCHASE_MODELS)
def test_counted_table_with_weights_gives_the_same_fit(summary, model):
    counted = summary.groupby(["frequency", "recency", "T"], as_index=False).size()
    plain, weighted = model(summary).fit(), model(counted, weights="size").fit()
    assert len(counted) < len(summary)
    assert weighted.llf == pytest.approx(plain.llf, rel=1e-12)
    assert weighted.params.to_numpy() == pytest.approx(plain.params.to_numpy(), rel=1e-6)
    assert weighted.bse.to_numpy() == pytest.approx(plain.bse.to_numpy(), rel=1e-6)


@pytest.mark.parametrize("model", PURCHASE_MODELS)
def test_fit_does_not_depend_on_the_unit_of_time(summary, model):
    """In days instead of weeks alpha (and beta) grow sevenfold and llf falls by the Jacobian, x log 7."""
    days = summary.assign(recency=summary["recency"] * 7, T=summary["T"] * 7)
    week, day = model(summary).fit(), model(days).fit()
    assert day.llf == pytest.approx(week.llf - summary["frequency"].sum() * np.log(7), rel=1e-10)
    scale = [7 if name in ("alpha", "beta") else 1 for name in week.params.index]
    assert day.params.to_numpy() == pytest.approx(week.params.to_numpy() * scale, rel=1e-5)
    assert day.probability_alive().to_numpy() == pytest.approx(week.probability_alive().to_numpy(), rel=1e-5)


@pytest.mark.parametrize(
    ("model", "draw", "truth"),
    [
        (value.BetaGeoNBD, simulate.geometric, (0.6, 7.0, 0.9, 2.5)),
        (
            value.ModifiedBetaGeoNBD,
            lambda *args: simulate.geometric(*args, modified=True),
            (0.8, 6.0, 0.9, 2.5),
        ),
        (value.ParetoNBD, simulate.pareto, (0.6, 9.0, 0.7, 12.0)),
        (value.GammaGamma, simulate.spend, (6.0, 4.0, 15.0)),
    ],
)
def test_truth_is_not_rejected_by_likelihood_ratio(model, draw, truth):
    """Wilks: twice the gain over the truth is chi-squared; .9999 quantile, seed fixed beforehand."""
    fitted = model(draw(np.random.default_rng(20240229), 20_000, *truth))
    gain = 2 * (fitted.fit().llf - fitted.loglike(truth))
    assert 0 <= gain < stats.chi2.isf(1e-4, len(truth))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "draw", "truth"),
    [
        (value.BetaGeoNBD, simulate.geometric, (0.6, 7.0, 0.9, 2.5)),
        (value.ParetoNBD, simulate.pareto, (0.6, 9.0, 0.7, 12.0)),
        (value.GammaGamma, simulate.spend, (6.0, 4.0, 15.0)),
    ],
)
def test_intervals_cover_the_truth_at_the_stated_rate(model, draw, truth):
    """400 data sets: a 95 % interval must cover 93–97 % of the time (binomial standard error 1.1 %)."""
    hits = []
    for seed in range(400):
        interval = model(draw(np.random.default_rng(seed), 4_000, *truth)).fit().conf_int()
        hits.append((interval[0].to_numpy() < truth) & (truth < interval[1].to_numpy()))
    assert np.mean(hits, axis=0) == pytest.approx(0.95, abs=0.033)


@pytest.mark.parametrize("model", PURCHASE_MODELS)
def test_expected_purchases_is_the_mean_of_the_count_probabilities(summary, model):
    fit = model(summary).fit()
    ages = [0.0, 1.0, 10.0, 52.0]
    probabilities = fit.count_probabilities(ages, top=500)
    assert probabilities.sum(axis=1).to_numpy() == pytest.approx(1, abs=1e-9)
    means = (probabilities * probabilities.columns.to_numpy()).sum(axis=1)
    assert fit.expected_purchases(ages) == pytest.approx(means.to_numpy(), abs=1e-7)


def posterior_forecast(params, x, t_x, T, t, modified):
    """E[purchases in (T, T + t]] for BG/NBD and MBG/NBD by brute force over p, and λ in closed form."""
    r, alpha, a, b = params
    k = int(modified)
    weight = integrate.quad(lambda p: p ** (a - 1) * (1 - p) ** (b + x + k - 1), 0, 1)[0]

    def forecast(p):
        # alive with rate λ ~ gamma(r + x, alpha + T): (1 − E e^(−λpt)) / p purchases
        return (
            (1 - ((alpha + T) / (alpha + T + p * t)) ** (r + x))
            / p
            * p ** (a - 1)
            * (1 - p) ** (b + x + k - 1)
        )

    alive_mean = integrate.quad(forecast, 0, 1, limit=200)[0] / weight
    odds = a / (b + x + k - 1) * ((alpha + T) / (alpha + t_x)) ** (r + x) if x + k else 0
    return alive_mean / (1 + odds)


@pytest.mark.parametrize("model", [value.BetaGeoNBD, value.ModifiedBetaGeoNBD])
@pytest.mark.parametrize("a", [0.3, 1.0, 1.00005, 2.7])
@pytest.mark.parametrize("history", [(0, 0.0, 30.0), (3, 22.0, 30.0), (150, 29.0, 30.0)])
def test_conditional_expectation_matches_integration_over_the_posterior(summary, model, a, history):
    params = np.array([0.6, 7.0, a, 2.0])
    fit = model(summary).fit()
    fit.params[:] = params
    ours = fit.conditional_expected_purchases(39.0, one(*history)).item()
    modified = model is value.ModifiedBetaGeoNBD
    assert ours == pytest.approx(posterior_forecast(params, *history, 39.0, modified), rel=1e-6)


@pytest.mark.parametrize(
    ("model", "draw", "truth"),
    [
        (value.BetaGeoNBD, simulate.geometric, (0.8, 7.0, 0.9, 2.5)),
        (value.ParetoNBD, simulate.pareto, (0.8, 9.0, 0.7, 12.0)),
    ],
)
def test_forecast_of_the_total_comes_true_in_the_models_own_world(model, draw, truth):
    """The same customers seen at 30 and at 60 weeks; the total ahead within four standard errors."""
    rng = np.random.default_rng(11)
    customers = 40_000
    if model is value.ParetoNBD:
        r, alpha, s, beta = truth
        rate = rng.gamma(r, 1 / alpha, customers)
        until = rng.exponential(1 / rng.gamma(s, 1 / beta, customers))
        early, late = np.minimum(until, 30), np.minimum(until, 60)
        x, more = rng.poisson(rate * early), rng.poisson(rate * (late - early))
        t_x = np.where(x > 0, early * rng.random(customers) ** (1 / np.maximum(x, 1)), 0)
    else:
        r, alpha, a, b = truth
        rate, leave = rng.gamma(r, 1 / alpha, customers), rng.beta(a, b, customers)
        x, more, t_x, clock = (np.zeros(customers) for _ in range(4))
        alive = np.ones(customers, bool)
        while alive.any():
            clock = clock + rng.exponential(1 / rate)
            alive &= clock <= 60
            before = alive & (clock <= 30)
            x, more, t_x = x + before, more + (alive & ~before), np.where(before, clock, t_x)
            alive &= rng.random(customers) >= leave
    fit = model(pd.DataFrame({"frequency": x, "recency": t_x, "T": 30.0})).fit()
    forecast = fit.conditional_expected_purchases(30.0)
    assert forecast.sum() == pytest.approx(more.sum(), abs=4 * more.std() * np.sqrt(customers))
    # and not only in total: the slope of what came on what was foretold is 1
    scores = value.holdout_scores(more, {"model": forecast})
    assert scores.loc["model", "calibration_slope"] == pytest.approx(1, abs=0.05)


def test_bgbb_probabilities_of_all_histories_sum_to_one():
    """Six opportunities have 2^6 orders of purchases; each (x, t_x) stands for C(t_x − 1, x − 1) of them."""
    rows = [(0, 0, 1)] + [(x, t, comb(t - 1, x - 1)) for t in range(1, 7) for x in range(1, t + 1)]
    table = pd.DataFrame(rows, columns=["frequency", "recency", "ways"]).assign(periods=6)
    assert table["ways"].sum() == 64
    params = np.array([1.2, 0.75, 0.66, 2.8])
    logs = [
        value.BetaGeoBetaBinomial(table, weights=1.0 + (table.index == row)).loglike(params)
        - value.BetaGeoBetaBinomial(table).loglike(params)
        for row in table.index
    ]
    assert table["ways"] @ np.exp(logs) == pytest.approx(1, rel=1e-9)


def test_bgbb_counts_add_up_to_the_histories():
    """P(x purchases in 6 opportunities) is the sum over last purchases t_x of the histories' likelihoods."""
    fit = value.BetaGeoBetaBinomial(datasets.load("donations"), weights="donors").fit()
    probabilities = fit.count_probabilities([6, 2, 0], top=6)
    assert probabilities.sum(axis=1).to_numpy() == pytest.approx(1, abs=1e-12)
    assert probabilities.loc[0, 0] == 1
    means = probabilities.to_numpy() @ np.arange(7)
    assert fit.expected_purchases([6, 2, 0]) == pytest.approx(means, rel=1e-10)
    history = fit.model.data.assign(weight=1.0)
    for x in (0, 3):
        rows = history[history["frequency"] == x]
        ways = [comb(t - 1, x - 1) if x else 1 for t in rows["recency"]]
        doubled = [
            value.BetaGeoBetaBinomial(history, weights=1.0 + (history.index == i)).loglike(fit.params)
            - value.BetaGeoBetaBinomial(history).loglike(fit.params)
            for i in rows.index
        ]
        assert probabilities.loc[6, x] == pytest.approx(np.dot(ways, np.exp(doubled)), rel=1e-8)
    with pytest.raises(ValueError, match="whole periods"):
        fit.expected_purchases(2.5)


def test_bgbb_forecast_matches_integration_over_leaving():
    """After x purchases in n opportunities, alive: E = Σ_j P(alive j ahead) · E[p], by quadrature."""
    fit = value.BetaGeoBetaBinomial(datasets.load("donations"), weights="donors").fit()
    alpha, beta, gamma, delta = fit.params
    alive = fit.probability_alive().to_numpy()[-1]
    stays = [
        integrate.quad(lambda th, j=j: stats.beta.pdf(th, gamma, delta + 6) * (1 - th) ** j, 0, 1)[0]
        for j in range(1, 6)
    ]
    expected = alive * (alpha + 6) / (alpha + beta + 6) * sum(stays)
    assert fit.conditional_expected_purchases(5).to_numpy()[-1] == pytest.approx(expected, rel=1e-7)


def test_sbg_survival_is_the_mean_of_geometric_survival():
    fit = value.ShiftedBetaGeometric([1000, 631, 468, 382]).fit()
    for t in (1, 5, 12):
        mean = integrate.quad(lambda th, t=t: stats.beta.pdf(th, *fit.params) * (1 - th) ** t, 0, 1)[0]
        assert fit.survival(t).item() == pytest.approx(mean, rel=1e-6)
    survival = fit.survival(range(6)).to_numpy()
    assert fit.retention_rate(range(1, 6)).to_numpy() == pytest.approx(
        survival[1:] / survival[:-1], rel=1e-12
    )


def test_expected_spend_is_the_posterior_mean():
    """Given nu, mean spend is p/nu; given x and m̄, nu ~ gamma(p x + q, v + x m̄)."""
    fit = value.GammaGamma(simulate.spend(np.random.default_rng(1), 2_000, 6, 4, 15)).fit()
    p, q, v = fit.params
    rows = pd.DataFrame({"frequency": [0, 1, 7], "monetary_value": [np.nan, 50.0, 12.0]})
    for ours, x, m in zip(fit.expected_spend(rows), rows["frequency"], [0.0, 50.0, 12.0], strict=True):
        posterior = stats.gamma(p * x + q, scale=1 / (v + x * m))
        assert ours == pytest.approx(posterior.expect(lambda nu: p / nu), rel=1e-6)


def test_interval_of_the_expectation_covers_what_redrawn_parameters_give(summary):
    """Referee: 4,000 parameter vectors from the estimates' normal distribution in logarithms."""
    fit = value.BetaGeoNBD(summary).fit()
    table = fit.conditional_expected_purchases(39.0, alpha=0.1)
    theta = fit.params.to_numpy()
    log_cov = fit.cov_params().to_numpy() / np.outer(theta, theta)
    draws = np.exp(np.random.default_rng(0).multivariate_normal(np.log(theta), log_cov, 4_000))
    row = summary.iloc[[0]]
    x, t_x, T = fit.model.histories(row)
    values = [
        float((fit.model.alive(d, x, t_x, T) * fit.model.purchases_while_alive(d, np.array([39.0]), x, T))[0])
        for d in draws
    ]
    assert table.iloc[0][["low", "high"]].to_numpy(float) == pytest.approx(
        np.quantile(values, [0.05, 0.95]), rel=0.02
    )
    assert (table["low"] < table["expected"]).all() and (table["expected"] < table["high"]).all()


def log_without_drop_out():
    rng = np.random.default_rng(5)
    rate = rng.gamma(2.0, 1 / 10.0, 3_000)
    x = rng.poisson(rate * 40)
    t_x = np.where(x > 0, 40 * rng.random(3_000) ** (1 / np.maximum(x, 1)), 0)
    # Purchases fall evenly to the very end: nobody has left.
    return pd.DataFrame({"frequency": x, "recency": np.where(x > 0, np.maximum(t_x, 39.5), 0), "T": 40.0})


def nbd_terms(x, r, alpha):
    return gammaln(r + x) - gammaln(r) + r * np.log(alpha) - (r + x) * np.log(alpha + 40)


def test_no_drop_out_gives_the_nbd_and_says_so():
    """A log without drop-out: the models reach the NBD's likelihood and warn; nothing is NaN."""
    data = log_without_drop_out()
    x = data["frequency"].to_numpy()
    options = {"xatol": 1e-9, "fatol": 1e-9}

    def nbd(theta):
        return -np.sum(nbd_terms(x, *np.exp(theta)))

    best = -optimize.minimize(nbd, [0, 0], method="Nelder-Mead", options=options).fun
    for model in (value.BetaGeoNBD, value.ParetoNBD):
        with pytest.warns(FitWarning, match="no drop-out visible"):
            fit = model(data).fit()
        assert fit.llf == pytest.approx(best, abs=0.01)
        forecast = fit.conditional_expected_purchases(10.0)
        r, alpha = fit.params[["r", "alpha"]]
        assert forecast.to_numpy() == pytest.approx((r + x) / (alpha + 40) * 10, rel=1e-3)
        assert "no drop-out" in str(fit.summary())


def test_where_some_may_leave_at_once_the_maximum_is_the_nbd_with_more_zeros():
    """MBG/NBD of the same log. Its best is a few who left at once: an NBD with a share of zeros added."""
    data = log_without_drop_out()
    x = data["frequency"].to_numpy()

    def with_zeros(theta):
        share = 1 / (1 + np.exp(-theta[2]))
        terms = np.log1p(-share) + nbd_terms(x, *np.exp(theta[:2]))
        return -np.sum(np.where(x == 0, np.logaddexp(np.log(share), terms), terms))

    options = {"xatol": 1e-9, "fatol": 1e-9, "maxiter": 5_000, "maxfev": 5_000}
    found = optimize.minimize(with_zeros, [0.7, 2.3, -4], method="Nelder-Mead", options=options)
    with pytest.warns(FitWarning, match="a share of 0.00457 drops out at the first occasion"):
        fit = value.ModifiedBetaGeoNBD(data).fit()
    assert fit.llf == pytest.approx(-found.fun, abs=0.01)
    assert 1 / (1 + np.exp(-found.x[2])) == pytest.approx(0.00457, abs=5e-6)


@pytest.mark.slow
def test_fit_fails_on_fewer_than_one_in_a_hundred_random_populations():
    """300 populations of all shapes: every fit ends at a maximum (score near 0 in free directions)."""
    failed = []
    for seed in range(150):
        rng = np.random.default_rng(seed)
        r, alpha = np.exp(rng.normal([-0.5, 2.0], [0.8, 1.0]))
        c, d = np.exp(rng.normal([-0.5, 1.0], 0.8))
        size = int(rng.integers(200, 3_000))
        for model, data in (
            (value.BetaGeoNBD, simulate.geometric(rng, size, r, alpha, c, d)),
            (value.ParetoNBD, simulate.pareto(rng, size, r, alpha, c, 10 * d)),
        ):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FitWarning)
                fit = model(data).fit()
            truth = (r, alpha, c, d) if model is value.BetaGeoNBD else (r, alpha, c, 10 * d)
            if not fit.converged or fit.llf < fit.model.loglike(truth) - 1e-6:
                failed.append((model.title, seed))
    assert len(failed) <= 2, failed
