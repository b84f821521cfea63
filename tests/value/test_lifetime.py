"""Lifetime value. Referees: mpmath on the papers' definitions, the models' stories in loops, identities."""

import mpmath
import numpy as np
import pandas as pd
import pytest

from crmlab import datasets, value
from tests.value import simulate

MODELS = [value.BetaGeoNBD, value.ModifiedBetaGeoNBD, value.ParetoNBD]
WEEKS = 365.25 / 7


@pytest.fixture(scope="module")
def summary():
    return value.btyd_summary(datasets.load("cdnow_sample"), calibration_end="1997-09-30")


@pytest.fixture(scope="module")
def fits(summary):
    return {model: model(summary).fit() for model in MODELS}


@pytest.fixture(scope="module")
def spend(summary):
    return value.GammaGamma(summary).fit()


@pytest.fixture(scope="module")
def worth(fits, spend):
    return value.LifetimeValue(fits[value.BetaGeoNBD], spend, margin=0.3, discount=0.15, year=WEEKS)


CUSTOMERS = pd.DataFrame(
    {"frequency": [0, 1, 2, 30], "recency": [0, 0.5, 30.43, 38.0], "T": [30, 1, 38.86, 39]}
)


def by_definition(model, params, force, x, T):
    """Discounted purchases of a living customer: posterior mean of λ / (force + rate of leaving)."""
    r, alpha, c, d = map(mpmath.mpf, params)
    y, since = r + x, alpha + T
    if model is value.ParetoNBD:  # Fader, Hardie & Lee (2005): Tricomi's function
        return y / since * (d + T) ** c * force ** (c - 1) * mpmath.hyperu(c, c, force * (d + T))
    chances = x + (model is value.ModifiedBetaGeoNBD)

    def given_p(p):
        # E[λ / (force + λ p)] = (1 − w U(1, 2 − y, w)) / p with w = force · since / p
        w = force * since / p
        return (1 - w * mpmath.hyperu(1, 2 - y, w)) / p

    density = lambda p: p ** (c - 1) * (1 - p) ** (d + chances - 1) * given_p(p)  # noqa: E731
    return mpmath.quad(density, [0, 1e-8, 1e-4, 1e-2, 0.1, 0.5, 1]) / mpmath.beta(c, d + chances)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("discount", [0.01, 0.15, 0.99])
def test_discounted_purchases_match_the_definition_in_arbitrary_precision(fits, model, discount):
    fit, force = fits[model], mpmath.log(1 + mpmath.mpf(discount)) / 52
    ours = fit.discounted_purchases(discount, year=52, data=CUSTOMERS) / fit.probability_alive(CUSTOMERS)
    for x, T, found in zip(CUSTOMERS["frequency"], CUSTOMERS["T"], ours, strict=True):
        right = by_definition(model, fit.params, force, int(x), mpmath.mpf(float(T)))
        assert found == pytest.approx(float(right), rel=2e-7)


@pytest.mark.parametrize("model", MODELS)
def test_without_discounting_the_purchases_up_to_the_horizon_are_the_expected_ones(fits, model):
    ours = fits[model].discounted_purchases(0, year=52, horizon=39, data=CUSTOMERS)
    expected = fits[model].conditional_expected_purchases(39, CUSTOMERS)
    np.testing.assert_allclose(ours, expected, rtol=1e-9)


@pytest.mark.parametrize("model", MODELS)
def test_a_year_ahead_is_the_sum_of_its_days_each_discounted(fits, model):
    days = np.arange(0, 365) / 7
    fit = fits[model]
    expected = np.array([fit.conditional_expected_purchases(t, CUSTOMERS) for t in [*days, 365 / 7]])
    by_day = 1.15 ** -((days + 1 / 14) / 52) @ np.diff(expected, axis=0)
    ours = fit.discounted_purchases(0.15, year=52, horizon=365 / 7, data=CUSTOMERS)
    np.testing.assert_allclose(ours, by_day, rtol=1e-6)


@pytest.mark.parametrize("model", MODELS)
def test_ages_between_those_computed_are_interpolated_exactly_enough(fits, model):
    many = pd.DataFrame({"frequency": 3, "recency": 0.02, "T": np.geomspace(0.03, 4000, 500)})
    fit = fits[model]
    together = fit.discounted_purchases(0.1, year=52, data=many)
    alone = [fit.discounted_purchases(0.1, year=52, data=many.iloc[[row]]).iloc[0] for row in (7, 250, 499)]
    np.testing.assert_allclose(together.iloc[[7, 250, 499]], alone, rtol=1e-6)


def test_horizon_0_is_worth_nothing_and_a_far_one_everything(fits):
    fit = fits[value.ParetoNBD]
    assert fit.discounted_purchases(0.1, year=52, horizon=0, data=CUSTOMERS).tolist() == [0, 0, 0, 0]
    far = fit.discounted_purchases(0.1, year=52, horizon=100_000, data=CUSTOMERS)
    np.testing.assert_allclose(far, fit.discounted_purchases(0.1, year=52, data=CUSTOMERS), rtol=1e-9)


@pytest.mark.parametrize("horizon", [None, 3])
def test_bgbb_is_the_sum_over_years(horizon):
    fit = value.BetaGeoBetaBinomial(datasets.load("donations"), weights="donors").fit()
    alpha, beta, gamma, delta = fit.params
    one = pd.DataFrame({"frequency": [2], "recency": [4], "periods": [6]})
    buys, stays, total = (alpha + 2) / (alpha + beta + 6), 1.0, 0.0
    for year in range(1, 1 + (horizon or 500)):
        stays *= (delta + 5 + year) / (gamma + delta + 5 + year)
        total += buys * stays / 1.1**year
    ours = fit.discounted_purchases(0.1, year=1, horizon=horizon, data=one)
    assert ours[0] == pytest.approx(fit.probability_alive(one)[0] * total, rel=1e-12)


# ---- lives drawn by lot


def told_as_a_story(rng, model, params, weeks, force):
    """Discounted purchases of 200,000 new customers: a clock, and a coin or a moment of death."""
    r, alpha, c, d = params
    n = 200_000
    rate, clock, worth = rng.gamma(r, 1 / alpha, n), np.zeros(n), np.zeros(n)
    if model is value.ParetoNBD:
        death = rng.exponential(1 / rng.gamma(c, 1 / d, n))
        leave = np.zeros(n)
    else:
        death, leave = np.full(n, np.inf), rng.beta(c, d, n)
    alive = rng.random(n) >= (leave if model is value.ModifiedBetaGeoNBD else 0)
    while alive.any():
        clock = clock + rng.exponential(1 / rate)
        bought = alive & (clock <= np.minimum(death, weeks))
        worth += np.where(bought, np.exp(-force * np.minimum(clock, weeks)), 0)
        alive = bought & (rng.random(n) >= leave)
    return worth


@pytest.mark.parametrize("model", MODELS)
def test_discounted_purchases_are_the_mean_of_the_models_story(model):
    params = np.array([0.8, 6.0, 0.9, 3.0])
    fit = model(simulate.pareto(np.random.default_rng(0), 500, 0.8, 6.0, 0.9, 9.0)).fit()
    new = pd.DataFrame({"frequency": [0], "recency": [0.0], "T": [0.0]})
    told = told_as_a_story(np.random.default_rng(1), model, params, 80, np.log(1.2) / 52)
    ours = fit.discounted_at(params, np.log(1.2) / 52, 80, *new.to_numpy(float).T)[0]
    assert abs(told.mean() - ours) < 4 * told.std() / len(told) ** 0.5


@pytest.mark.parametrize("model", MODELS)
def test_drawn_histories_have_the_models_frequencies_and_silences(model):
    params, rng = np.array([0.6, 7.0, 0.9, 3.0]), np.random.default_rng(2)
    fit = model(simulate.pareto(np.random.default_rng(0), 500, 0.6, 7.0, 0.9, 9.0)).fit()
    x, t_x = fit.model.draw_histories(params, np.full(200_000, 39.0), rng)
    share = np.bincount(np.minimum(x, 6), minlength=7)[:6] / len(x)
    expected = fit.model.count_probabilities(params, np.array([39.0]), 5)[0]
    assert (np.abs(share - expected) < 4 * np.sqrt(expected * (1 - expected) / len(x))).all()
    drop = {value.BetaGeoNBD: "geometric", value.ModifiedBetaGeoNBD: "modified"}.get(model)
    other = (
        simulate.geometric(rng, 200_000, *params, modified=drop == "modified", T=(39, 39))
        if drop
        else simulate.pareto(rng, 200_000, *params, T=(39, 39))
    )
    for count in (1, 2, 4):
        one, two = t_x[x == count], other.loc[other["frequency"] == count, "recency"]
        assert abs(one.mean() - two.mean()) < 4 * np.hypot(
            one.std() / len(one) ** 0.5, two.std() / len(two) ** 0.5
        )


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("horizon", [52, None])
def test_simulated_futures_have_the_expected_mean(fits, spend, summary, model, horizon):
    worth = value.LifetimeValue(fits[model], spend, 0.3, 0.15, WEEKS, horizon, contact_cost=2)
    futures = worth.simulate(summary.head(400), draws=300, rng=3).sum()
    error = futures.std() / len(futures) ** 0.5
    assert abs(futures.mean() - worth.expected(summary.head(400)).sum()) < 4 * error


def test_a_customers_future_is_spread_more_widely_than_its_expectation(worth, summary):
    customers = summary.set_index("customer_id")
    likely = worth.purchases.probability_alive() > 0.5
    some = customers[likely & (customers["frequency"] > 2)].head(100)
    known = worth.expected(some, alpha=0.1)
    futures = worth.simulate(some, draws=500, rng=4).quantile([0.05, 0.95], axis=1).T
    assert ((futures[0.95] - futures[0.05]) > 2 * (known["high"] - known["low"])).all()


def test_predictive_intervals_hold_what_comes():
    """The story of MBG/NBD goes on for a second year: what came is spread as the futures drawn for it."""
    rng, n, (r, alpha, a, b) = np.random.default_rng(8), 4000, (0.8, 6.0, 0.9, 3.0)
    rate, leave, clock = rng.gamma(r, 1 / alpha, n), rng.beta(a, b, n), np.zeros(n)
    x, t_x, later, alive = np.zeros(n, int), np.zeros(n), np.zeros(n, int), rng.random(n) >= leave
    while alive.any():
        clock = clock + rng.exponential(1 / rate)
        bought = alive & (clock <= 104)
        early = bought & (clock <= 52)
        x, t_x, later = x + early, np.where(early, clock, t_x), later + (bought & ~early)
        alive = bought & (rng.random(n) >= leave)
    data = pd.DataFrame({"frequency": x, "recency": t_x, "T": 52.0})
    fit = value.ModifiedBetaGeoNBD(data).fit()
    futures = value.LifetimeValue(fit, 1.0, 1, 0, 52, horizon=52).simulate(draws=400, rng=9).to_numpy()
    # among the futures and what came, each is as likely to be the lowest: ties fall by lot
    below = (futures < later[:, None]).sum(axis=1)
    rank = (below + rng.random(n) * ((futures == later[:, None]).sum(axis=1) + 1)) / 401
    share = np.histogram(rank, np.linspace(0, 1, 11))[0] / n
    assert (np.abs(share - 0.1) < 4 * np.sqrt(0.09 / n)).all()


def test_the_same_seed_gives_the_same_futures(worth, summary):
    a, b, c = (worth.simulate(summary.head(5), draws=7, rng=seed) for seed in (5, 5, 6))
    pd.testing.assert_frame_equal(a, b)
    assert (
        a.index.tolist() == summary["customer_id"].head(5).tolist() and a.shape == (5, 7) and not a.equals(c)
    )


# ---- expectation and its intervals


def test_worth_is_margin_times_purchases_times_spend_less_contacts(fits, spend, summary):
    fit = fits[value.ParetoNBD]
    worth = value.LifetimeValue(fit, spend, 0.3, 0.15, WEEKS, horizon=104, contact_cost=6)
    contacts = sum(6 / 365.25 / 1.15 ** ((day + 0.5) / 365.25) for day in range(728))
    by_hand = 0.3 * fit.discounted_purchases(0.15, WEEKS, 104) * spend.expected_spend() - contacts
    np.testing.assert_allclose(worth.expected(), by_hand, atol=1e-6)
    assert worth.total()["expected"] == pytest.approx(by_hand.sum(), rel=1e-6)
    assert (worth.expected() < 0).any(), "some are not worth contacting"


def test_spend_may_be_a_number():
    fit = value.BetaGeoBetaBinomial(datasets.load("donations"), weights="donors").fit()
    worth = value.LifetimeValue(fit, 50, margin=1, discount=0.1, year=1)
    by_hand = 50 * fit.discounted_purchases(0.1, year=1)
    np.testing.assert_allclose(worth.expected(), by_hand)
    assert worth.total()["expected"] == pytest.approx(by_hand @ datasets.load("donations")["donors"])


def test_intervals_of_one_customer_and_of_the_total_agree(worth, summary):
    one = worth.expected(summary.head(1), alpha=0.1).iloc[0]
    np.testing.assert_allclose(worth.total(summary.head(1), alpha=0.1), one, rtol=1e-6)


def test_the_bootstrap_says_the_same_as_the_delta_method(worth):
    total, drawn = worth.total(alpha=0.1), worth.bootstrap(draws=150, rng=7)
    by_delta = np.log(total["high"] / total["low"])
    by_lot = np.log(drawn.quantile(0.95) / drawn.quantile(0.05))
    # a quantile of 150 draws is known to about a tenth of the spread
    assert by_lot == pytest.approx(by_delta, rel=0.25)
    assert drawn.mean() == pytest.approx(total["expected"], rel=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("model", [value.BetaGeoNBD, value.ParetoNBD])
def test_the_interval_of_the_total_covers_the_truth(model):
    params, spent = np.array([0.8, 6.0, 0.9, 3.0]), np.array([6.0, 4.0, 15.0])
    draw = simulate.geometric if model is value.BetaGeoNBD else simulate.pareto
    inside = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        data = draw(rng, 1500, *params)
        nu = rng.gamma(spent[1], 1 / spent[2], len(data))
        bought = data["frequency"].clip(lower=1)
        data["monetary_value"] = rng.gamma(spent[0] * bought, 1 / nu) / bought
        purchases, spend = model(data).fit(), value.GammaGamma(data).fit()
        worth = value.LifetimeValue(purchases, spend, 0.3, 0.15, 52)
        found = worth.total(alpha=0.1)
        histories = data[["frequency", "recency", "T"]].to_numpy(float).T
        each = spend.spend_at(spent, histories[0], data["monetary_value"].to_numpy())
        right = 0.3 * purchases.discounted_at(params, np.log(1.15) / 52, np.inf, *histories) @ each
        inside += found["low"] <= right <= found["high"]
    assert 168 <= inside <= 192  # 180 ± 3 standard errors of a binomial


def test_iso_value_curves_bend_back(worth):
    table = worth.iso_value(T=39, frequencies=12, recencies=3)
    assert table.loc[39.0].is_monotonic_increasing and table.loc[13.0, 12] < table.loc[13.0, 2]
    history = pd.DataFrame({"frequency": [5], "recency": [26.0], "T": [39.0], "monetary_value": [35.0]})
    bought = worth.purchases.discounted_purchases(0.15, WEEKS, data=history)[0]
    p, q, v = worth.spend.params
    assert table.loc[26.0, 5] == pytest.approx(0.3 * bought * p * v / (q - 1))


def test_totals_count_the_weights_of_the_summary(summary, spend):
    counted = summary.assign(n=2)
    one, two = value.ParetoNBD(summary).fit(), value.ParetoNBD(counted, weights="n").fit()
    totals = [value.LifetimeValue(fit, spend, 0.3, 0.15, WEEKS).total() for fit in (one, two)]
    assert totals[1]["expected"] == pytest.approx(2 * totals[0]["expected"], rel=1e-5)


def test_nothing_of_the_callers_changes(worth, summary):
    before = summary.copy()
    worth.expected(summary, alpha=0.1), worth.simulate(summary.head(3), draws=2)
    pd.testing.assert_frame_equal(summary, before)


# ---- contracts


@pytest.fixture(scope="module")
def contracts():
    return value.ShiftedBetaGeometric([1000, 631, 468, 382, 326, 289, 262, 241]).fit()


@pytest.mark.parametrize("discount", [0.001, 0.1, 0.99])
def test_discounted_renewals_are_the_sum_over_the_survival_curve(contracts, discount):
    alpha, beta = contracts.params
    years = np.arange(1, 60_001)  # by then money is worth e^-60 at the lowest rate
    for age, ours in contracts.discounted_renewals(discount, age=[0, 3, 20]).items():
        stays = np.cumprod((beta + age + years - 1) / (alpha + beta + age + years - 1))
        assert ours == pytest.approx(stays @ np.exp(-years * np.log1p(discount)), rel=1e-9)


def test_discounted_renewals_up_to_a_horizon(contracts):
    ages = np.arange(12)
    survival = contracts.survival(ages).to_numpy()
    by_hand = sum(survival[5 + t] / survival[5] / 1.1**t for t in range(1, 7))
    assert contracts.discounted_renewals(0.1, age=5, horizon=6)[5] == pytest.approx(by_hand)
    assert contracts.discounted_renewals(0.0, age=5, horizon=0)[5] == 0


def test_undiscounted_renewals_are_finite_only_where_few_leave_easily():
    many = value.ShiftedBetaGeometric([1000, 500, 300, 200, 140, 100, 74, 56]).fit()
    alpha, beta = many.params
    assert alpha > 1
    sums = many.survival(np.arange(1, 10_000)).sum()
    assert many.discounted_renewals(0.0)[0] == pytest.approx(beta / (alpha - 1))
    assert sums < many.discounted_renewals(0.0)[0] < 1.2 * sums
    with pytest.raises(ValueError, match="discount of 0"):
        value.ShiftedBetaGeometric([1000, 631, 468, 382, 326]).fit().discounted_renewals(0.0)


def test_customers_who_do_not_differ_have_the_margin_multiple():
    with pytest.warns(match="do not differ"):
        alike = value.ShiftedBetaGeometric(1000 * 0.8 ** np.arange(8)).fit()
    both = alike.discounted_renewals(0.1, age=[0, 9])
    np.testing.assert_allclose(both, value.margin_multiple(0.8, 0.1), rtol=1e-5)


# ---- what is refused


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"margin": 30}, "share of the spend"),
        ({"margin": 0}, "share of the spend"),
        ({"margin": float("nan")}, "share of the spend"),
        ({"discount": -0.1}, "not negative"),
        ({"discount": 15}, "would be 1500%"),
        ({"discount": 0}, "give a horizon"),
        ({"discount": "ten"}, "finite number"),
        ({"year": 0}, "length of a year"),
        ({"horizon": -1}, "must not be negative"),
        ({"horizon": float("nan")}, "must not be negative"),
        ({"contact_cost": -1}, "not negative"),
        ({"spend": -5}, "not negative"),
        ({"purchases": "BG/NBD"}, "results of a fit"),
    ],
)
def test_bad_settings_are_refused(fits, spend, changes, said):
    settings = {
        "purchases": fits[value.BetaGeoNBD], "spend": spend, "margin": 0.3, "discount": 0.15, "year": 52
    }  # fmt: skip
    with pytest.raises(ValueError, match=said):
        value.LifetimeValue(**(settings | changes))


def test_bad_customers_are_refused(worth, summary):
    with pytest.raises(ValueError, match="monetary_value"):
        worth.expected(summary[["frequency", "recency", "T"]])
    with pytest.raises(ValueError, match="recency outside"):
        worth.expected(summary.head(2).assign(recency=99.0))
    with pytest.raises(ValueError, match="not a single customer"):
        worth.expected(summary.head(0))
    with pytest.raises(ValueError, match="50 million"):
        worth.simulate(draws=100_000)
    with pytest.raises(ValueError, match="draws must be"):
        worth.bootstrap(draws=0)


def test_lives_need_a_clock():
    fit = value.BetaGeoBetaBinomial(datasets.load("donations"), weights="donors").fit()
    with pytest.raises(ValueError, match="this is BG/BB"):
        value.LifetimeValue(fit, 50, 1, 0.1, year=1).simulate(draws=2)
    with pytest.raises(ValueError, match="whole periods"):
        value.LifetimeValue(fit, 50, 1, 0.0, year=1, horizon=2.5).expected()
    with pytest.raises(ValueError, match="whole periods"):
        value.LifetimeValue(fit, 50, 1, 1e-6, year=1).expected()


def test_a_mean_spend_that_is_infinite_is_refused(fits):
    rng = np.random.default_rng(0)
    data = simulate.spend(rng, 3000, 6.0, 0.8, 15.0)
    spend = value.GammaGamma(data).fit()
    assert spend.params["q"] < 1
    with pytest.raises(ValueError, match="infinite"):
        value.LifetimeValue(fits[value.BetaGeoNBD], spend, 0.3, 0.15, 52).expected()
