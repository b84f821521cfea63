"""At the edges: rates in per cent, periods that are missing, sums without end, ties, totals below zero.

Referees: plain sums and recursions, term by term; grids; and the rule that a wrong input gets no number.
"""

import warnings

import numpy as np
import pandas as pd
import pytest

from crmlab import datasets, value
from crmlab._results import FitWarning
from crmlab.value.discrete import discounted_stays
from tests.value.engines import ENGINES, to_engine

YEAR = 365.25 / 7


COHORT = [1000, 631, 468, 382, 326, 289, 262, 241]


TODAY = {
    "margin": 100, "discount": 0.1,
    "acquisition_spend": 10, "acquisition_rate": 0.2, "acquisition_ceiling": 0.4,
    "retention_spend": 10, "retention_rate": 0.6, "retention_ceiling": 0.8,
}  # fmt: skip


@pytest.fixture(scope="module")
def summary():
    return value.btyd_summary(datasets.load("cdnow_sample"), calibration_end="1997-09-30")


@pytest.fixture(scope="module")
def fits(summary):
    return value.BetaGeoNBD(summary).fit(), value.GammaGamma(summary).fit()


@pytest.fixture(scope="module")
def contract():
    return value.ShiftedBetaGeometric(COHORT).fit()


@pytest.fixture(scope="module")
def chain():
    return value.StageChain(pd.DataFrame([[75, 25], [0, 0]], ["active", "left"], ["active", "left"]))


@pytest.mark.parametrize("discount", [10, 1, 1.0, 15.0, -0.1, np.nan, np.inf, True, "0.1", None, [0.1, 0.2]])
def test_every_function_that_takes_a_rate_refuses_what_is_none(discount, fits, contract, chain):
    purchases, spend = fits
    calls = {
        "discounted purchases": lambda: purchases.discounted_purchases(discount, YEAR),
        "lifetime value": lambda: value.LifetimeValue(purchases, spend, 0.3, discount, YEAR),
        "renewals": lambda: contract.discounted_renewals(discount),
        "renewals to a horizon": lambda: contract.discounted_renewals(discount, horizon=5),
        "payback": lambda: value.payback_table([20, 8], 30, discount),
        "equity": lambda: value.CustomerEquity(**TODAY | {"discount": discount}),
        "chain": lambda: chain.value({"active": 10.0}, discount),
        "simulated chain": lambda: chain.simulate_value({"active": 10.0}, discount, "active", 3),
    }
    if np.ndim(discount) == 0:  # arrays of rates are what a multiple takes
        calls["multiple"] = lambda: value.margin_multiple(0.8, discount)
        calls["growth"] = lambda: value.margin_multiple(0.5, 0.1, -1 if discount == -0.1 else discount)
    for name, call in calls.items():
        with pytest.raises(ValueError, match="is a rate|must be a finite|is a finite number|is one rate"):
            pytest.fail(f"{name} took a discount of {discount!r} and gave {call()}")


def test_a_percentage_is_told_what_rate_it_may_mean(summary, fits):
    one = summary.head(1)
    with pytest.raises(ValueError, match="15 would be 1500%. Is it 0.15?"):
        fits[0].discounted_purchases(15, YEAR, data=one)
    for call in (
        lambda: value.margin_multiple(80, 0.1),
        lambda: value.LifetimeValue(*fits, 30, 0.1, YEAR),
        lambda: value.CustomerEquity(**TODAY | {"acquisition_rate": 20, "acquisition_ceiling": 40}),
        lambda: value.CustomerEquity(**TODAY).sensitivity(5),
        lambda: fits[0].conf_int(5),
        lambda: value.survival_table([1, 2], [1, 1], alpha=5),
    ):
        with pytest.raises(ValueError):
            call()


def test_a_tenth_gives_the_value_that_ten_did_not(summary, fits):
    """Customer 1 of CDNOW at 10 %: 60.45 dollars to come; taken for 1,000 %, 10 gave 6.01."""
    worth = value.LifetimeValue(value.ParetoNBD(summary).fit(), fits[1], 0.3, 0.10, YEAR)
    assert worth.expected()[1] == pytest.approx(60.45, abs=0.005)


@pytest.mark.parametrize("wrong", ["3", True, None, object()])
def test_no_raw_error_where_a_number_belongs(wrong, fits, chain, contract):
    purchases, spend = fits
    calls = [
        lambda: purchases.expected_purchases(wrong),
        lambda: purchases.conditional_expected_purchases(wrong) if wrong else purchases.conf_int(wrong),
        lambda: purchases.count_probabilities(wrong),
        lambda: purchases.count_probabilities(4, top=wrong),
        lambda: purchases.conf_int(wrong),
        lambda: purchases.discounted_purchases(0.1, wrong),
        lambda: purchases.discounted_purchases(0.1, YEAR, wrong or "x"),
        lambda: purchases.model.loglike(wrong),
        lambda: value.LifetimeValue(purchases, wrong, 0.3, 0.1, YEAR),
        lambda: value.LifetimeValue(purchases, spend, wrong, 0.1, YEAR),
        lambda: value.LifetimeValue(purchases, spend, 0.3, 0.1, YEAR, contact_cost=wrong),
        lambda: purchases.customer_matrix(wrong),
        lambda: contract.survival(wrong),
        lambda: value.margin_multiple(wrong, 0.1),
        lambda: value.margin_multiple(0.8, 0.1, horizon="3"),
        lambda: value.payback_table([1, 2], wrong),
        lambda: value.CustomerEquity(**TODAY | {"margin": wrong}),
        lambda: value.CustomerEquity(**TODAY).equity(wrong or "x"),
        lambda: value.CustomerEquity(**TODAY).sensitivity(wrong),
        lambda: chain.change("active", wrong),
        lambda: chain.conf_int(wrong),
        lambda: value.survival_table([1, 2], [1, 1], wrong),
        lambda: value.BetaGeoNBD(purchases.model.data, weights=np.ones(2357, bool)),
    ]
    for call in calls:
        with pytest.raises(ValueError):
            pytest.fail(f"took {wrong!r} and gave {call()}")


def test_payback_discounts_by_the_years_that_are_named():
    years = pd.Series([20.0, 8.0, 5.0], index=[0, 1, 3])
    table = value.payback_table(years, 30, discount=0.1)
    assert table.index.tolist() == [0, 1, 3]
    assert table["balance"].tolist() == pytest.approx([-10, -10 + 8 / 1.1, -10 + 8 / 1.1 + 5 / 1.331])
    pd.testing.assert_frame_equal(value.payback_table(years[::-1], 30, 0.1), table)
    pd.testing.assert_frame_equal(value.payback_table({3: 5.0, 0: 20.0, 1: 8.0}, 30, 0.1), table)
    late = value.payback_table(pd.Series([20.0, 9.0], index=[1, 2]), 30, 0.1)
    assert late.loc[2, "discounted"] == pytest.approx(9 / 1.21)
    for index in (
        ["a 0", "a 1", "a 3"],
        [0, 1, 1],
        [0, 1, 1.5],
        [-1, 0, 1],
        pd.to_datetime(["2024", "2025", "2026"]),
    ):
        with pytest.raises(ValueError, match=r"give list\(contribution\)|Give list\(contribution\)"):
            value.payback_table(pd.Series([20.0, 8.0, 5.0], index=index), 30)
    assert value.payback_table(list(pd.Series([20.0, 8.0], index=list("ab"))), 30).index.tolist() == [0, 1]


@pytest.mark.parametrize(
    "function", [value.retention_table, lambda survivors: value.ShiftedBetaGeometric(survivors).survivors]
)
def test_survivors_are_told_by_their_ages(function):
    survivors = pd.Series([1000, 631, 468], index=[0, 1, 2])
    right = np.asarray(function([1000, 631, 468]))
    for same in (
        survivors,
        survivors[::-1],
        survivors.to_dict(),
        survivors.sample(frac=1, random_state=2),
        survivors.set_axis([8, 9, 10]),
    ):
        np.testing.assert_array_equal(np.asarray(function(same)), right)
    for wrong in ([0, 1, 3], [2020, 2021, 2023], ["y0", "y1", "y3"], [0, 0, 1]):
        with pytest.raises(ValueError, match="list\\(survivors\\)"):
            function(survivors.set_axis(wrong))
    np.testing.assert_array_equal(np.asarray(function(list(survivors.set_axis(list("abc"))))), right)


def test_renewals_of_old_customers_at_small_discounts(contract):
    """The true value at age 10,000 and .001, and the recursion W(n) = ρ (1 + W(n + 1)) / (1 + d)."""
    assert contract.discounted_renewals(0.001, 10_000).item() == pytest.approx(939.13, abs=0.005)
    alpha, beta = contract.params
    for discount in (1e-6, 1e-4, 0.01, 0.5, 0.99):
        ages = np.array([0, 1, 10, 1_000, 10_000, 1_000_000])
        now, later = (contract.discounted_renewals(discount, ages + k).to_numpy() for k in (0, 1))
        stays = (beta + ages) / (alpha + beta + ages)
        np.testing.assert_allclose(now, stays * (1 + later) / (1 + discount), rtol=1e-10)
        assert (np.diff(now) > 0).all() and (now < 1 / discount).all()


@pytest.mark.parametrize("alpha", [1e-3, 0.7, 3.0, 1e3, 1e7])
@pytest.mark.parametrize("b", [0.05, 1.18, 50.0, 1e4, 1e8])
def test_renewals_are_the_sum_term_by_term(alpha, b):
    for discount in (3e-3, 0.1, 0.9):
        ahead = np.arange(int(45 / np.log1p(discount)))
        terms = np.cumprod((b + ahead) / (alpha + b + ahead)) / (1 + discount) ** (ahead + 1.0)
        assert discounted_stays(alpha, np.array([b]), discount)[0] == pytest.approx(terms.sum(), rel=1e-9)


@pytest.mark.parametrize("horizon", [0, 1, 7, 10_000, 10_001, 1_000_000, 10**12])
@pytest.mark.parametrize(
    ("retention", "growth"), [(0.8, 0.0), (1.0, 0.1), (0.99999, 0.1), (0.0, 0.3), (0.7, -0.5)]
)
def test_a_multiple_is_not_cut_at_any_horizon(horizon, retention, growth):
    yearly = retention * (1 + growth) / 1.1
    if horizon <= 10_001:
        terms = retention / 1.1 * sum(yearly**year for year in range(horizon))
    elif yearly == 1:
        terms = retention / 1.1 * horizon
    else:
        terms = retention / 1.1 / (1 - yearly) * -np.expm1(horizon * np.log(yearly)) if yearly else 0.0
    assert value.margin_multiple(retention, 0.1, growth, horizon) == pytest.approx(terms, rel=1e-9)
    with pytest.raises(ValueError, match="passes all numbers"):
        value.margin_multiple(1.0, 0.0, 0.9, horizon=10_000)


def test_an_endless_horizon_is_none_and_not_infinity(fits):
    for call in (
        lambda: fits[0].discounted_purchases(0, YEAR, horizon=np.inf),
        lambda: fits[0].discounted_purchases(0.1, YEAR, horizon=np.inf),
        lambda: value.LifetimeValue(*fits, 0.3, 0.0, YEAR, horizon=np.inf),
        lambda: value.LifetimeValue(*fits, 0.3, 0.1, YEAR, horizon=np.nan),
        lambda: value.ShiftedBetaGeometric(COHORT).fit().discounted_renewals(0.0, horizon=np.inf),
    ):
        with pytest.raises(ValueError, match="horizon"):
            call()


@pytest.mark.parametrize("seed", range(40))
def test_the_best_spend_is_never_below_a_grid(seed):
    rng = np.random.default_rng(seed)
    ceilings = rng.uniform(0.05, 1, 2)
    rates = ceilings * rng.uniform(0.02, 0.98, 2)
    given = dict(zip(TODAY, [
        10 ** rng.uniform(0, 4), rng.uniform(0, 0.5),
        10 ** rng.uniform(-2, 3), rates[0], ceilings[0], 10 ** rng.uniform(-2, 3), rates[1], ceilings[1],
    ], strict=True))  # fmt: skip
    company = value.CustomerEquity(**given)
    best = company.best()
    spend = np.append(0, np.geomspace(1e-3, 1e5, 400))
    assert best["equity"] >= company.equity(spend[:, None], spend).max() - 1e-9 * abs(best["equity"])
    assert company.equity(best["acquisition_spend"], best["retention_spend"]) == best["equity"] >= 0


def test_the_best_spend_is_found_where_a_search_from_today_stays_at_zero():
    company = value.CustomerEquity(
        margin=100, discount=0.1, acquisition_spend=1000, acquisition_rate=0.2, acquisition_ceiling=0.4,
        retention_spend=10, retention_rate=0.6, retention_ceiling=0.8,
    )  # fmt: skip
    assert company.best()["acquisition_spend"] == 0  # a prospect costs a thousand and is worth some hundred
    dearer = value.CustomerEquity(**TODAY | {"acquisition_spend": 60.0})
    grid = dearer.equity(np.linspace(0, 200, 2001)[:, None], np.linspace(0, 60, 601)).max()
    assert dearer.best()["equity"] == pytest.approx(grid, abs=0.01) and grid > 1


def test_sensitivity_where_equity_is_negative_a_share_is_at_its_ceiling_or_nothing_changes():
    poor = value.CustomerEquity(**TODAY | {"margin": 20.0})
    assert poor.equity() < 0
    slopes = poor.sensitivity()
    assert slopes["margin"] > 0 > slopes["acquisition_spend"]  # up is better, whatever the sign of equity
    raised = value.CustomerEquity(**TODAY | {"margin": 20.2}).equity()
    assert slopes["margin"] == pytest.approx((raised - poor.equity()) / abs(poor.equity()) / 0.01)
    near = TODAY | {"retention_rate": 0.7999, "acquisition_rate": 0.3999}
    close = value.CustomerEquity(**near).sensitivity()
    won, kept = 0.3999, 0.7999
    worth = lambda won, kept: won * (100 + (100 * kept - 10) / (1.1 - kept)) - 10  # noqa: E731
    by_hand = (worth(won, kept * 1.01) / worth(won, kept) - 1) / 0.01
    assert close["retention_rate"] == pytest.approx(by_hand)
    top = value.CustomerEquity(**TODAY | {"retention_rate": 0.9999, "retention_ceiling": 1.0}).sensitivity(
        0.05
    )
    assert np.isfinite(top).all() and top["retention_rate"] > 0
    for change in (0, 1, -1, 2, np.nan):
        with pytest.raises(ValueError, match="change is a share"):
            poor.sensitivity(change)


@pytest.mark.parametrize(("classes", "items", "identified"), [(2, 3, True), (2, 2, False), (3, 4, False)])
def test_latent_classes_that_the_data_do_not_decide_have_no_bic(classes, items, identified):
    """Two classes of two items have 5 parameters for 3 shares; three of four items are Goodman's (1974)."""
    rng = np.random.default_rng(1)
    among = rng.random(3_000) < 0.4
    yes = [np.where(rng.random(3_000) < np.where(among, 0.85, 0.2), "yes", "no") for _ in range(items)]
    table = pd.DataFrame(dict(zip("abcd", yes, strict=False)))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", FitWarning)
        found = value.segment(table, list(table), classes, "latent class")
    assert np.isfinite(found.bic) == identified
    assert any("parameters" in str(one.message) for one in caught) == (not identified)


def test_numbers_whose_squares_are_none_are_refused():
    table = pd.DataFrame({"orders": [1.0, 2.0, 1e200], "paid": [1.0, 2.0, 3.0]})
    with pytest.raises(ValueError, match="1 of 3 values of orders lie beyond ±1e.150; the first is in row 2"):
        value.segment(table, ["orders", "paid"], 2)
    with pytest.raises(ValueError, match="beyond"):
        value.holdout_scores([1.0, 1e200], {"model": [1.0, 2.0]})
    with pytest.raises(ValueError, match="beyond"):
        value.GammaGamma(pd.DataFrame({"frequency": 2, "monetary_value": [1.0, 2.0, 3.0, 1e200]}))


@pytest.mark.parametrize(("period", "year"), [("D", 365.25), ("W", YEAR), ("M", 12), ("Y", 1)])
def test_a_year_in_another_unit_than_the_summary_is_refused(period, year, summary):
    log = datasets.load("cdnow_sample").query("customer_id < 300")
    table = value.btyd_summary(log, period=period, calibration_end="1997-09-30")
    assert table.attrs["period"] == period
    purchases = value.BetaGeoNBD(table)
    assert purchases.period == period and value.BetaGeoNBD(table.set_index("customer_id")).period == period
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FitWarning)
        fit = purchases.fit()
    fit.discounted_purchases(0.1, year)
    for other in {365.25, YEAR, 12, 1} - {year}:
        with pytest.raises(ValueError, match=f"that is '{period}' of btyd_summary: a year has"):
            fit.discounted_purchases(0.1, other)
        with pytest.raises(ValueError, match="a year has"):
            value.LifetimeValue(fit, 5.0, 0.3, 0.1, other)
    if period != "W":
        with pytest.raises(ValueError, match=f"in the period 'W', and the model was fitted to '{period}'"):
            fit.probability_alive(summary)
        with pytest.raises(ValueError, match=f"in the period '{period}': give the same"):
            fit.tracking_table(log, "1997-09-30", period="W")


@pytest.mark.parametrize("engine", [engine for engine in ENGINES if engine != "pandas"])
def test_weeks_and_months_are_known_by_their_ages_where_a_table_can_carry_no_word(engine):
    log = to_engine(datasets.load("cdnow_sample").query("customer_id < 100"), engine)
    for period, known in (("W", "W"), ("M", "M"), ("Y", "Y"), ("D", None)):
        table = value.btyd_summary(log, period=period, calibration_end="1997-09-30")
        assert value.BetaGeoNBD(table).period == known
    rows = pd.DataFrame({"frequency": [2, 0, 1, 5], "recency": [3.0, 0, 2.0, 9.0], "T": [10.0, 12, 11, 10]})
    assert value.BetaGeoNBD(rows).period is None and value.BetaGeoNBD(rows.assign(T=12.3)).period is None
