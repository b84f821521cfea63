"""Small samples and parameters at their boundary. Referees: many starts, and a general optimiser."""

import warnings

import numpy as np
import pytest
from scipy import optimize, stats

from crmlab import value
from crmlab._results import FitWarning
from crmlab._search import maximise
from tests.value import simulate

HARDLY_ANY_LEAVE = np.array([1.5, 8.0, 0.8, 2500.0])
YEAR = 365.25 / 7


def quietly(model, data):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FitWarning)
        return model(data).fit()


def total(fit, params):
    histories = fit.model.data[["frequency", "recency", "T"]].to_numpy(float).T
    return fit.discounted_at(params, np.log(1.1) / YEAR, np.inf, *histories).sum()


def company(seed, size=400):
    return simulate.pareto(np.random.default_rng(seed), size, *HARDLY_ANY_LEAVE, T=(20, 40))


def worth(fit):
    return value.LifetimeValue(fit, 1.0, 1, 0.1, YEAR).total(alpha=0.1)


@pytest.mark.parametrize("seed", [0, 4])
def test_the_interval_of_a_total_is_that_of_a_constrained_optimiser(seed):
    """Hardly any drop-out (seed 0), and one rate of leaving for all (seed 4): lowest and highest total of all
    parameters whose log-likelihood is within reach, by sequential quadratic programming from four places."""
    fit = quietly(value.ParetoNBD, company(seed))
    allowed = stats.chi2.isf(0.1, 1) / 2
    room = {"type": "ineq", "fun": lambda x: allowed - fit.llf + fit.model.loglike(np.exp(x))}
    ends = []
    for sign in (1, -1):
        tried = [
            optimize.minimize(
                lambda x, sign=sign: sign * np.log(total(fit, np.exp(x))),
                np.log([*fit.params.iloc[:2], s, beta]),
                method="SLSQP",
                constraints=room,
                bounds=[(-8, 12), (-8, 12), (-12, 18), (-12, 20)],
                options={"maxiter": 60, "ftol": 1e-6},
            )
            for s, beta in ((0.1, 100.0), (1.0, 1e3), (10.0, 1e3), (0.1, 1e4))
        ]
        within = [sign * one.fun for one in tried if room["fun"](one.x) > -0.01]
        ends.append(np.exp(min(within) if sign == 1 else max(within)))
    found = worth(fit)
    assert found[["low", "high"]].to_numpy() == pytest.approx(ends, rel=0.05)
    assert found["low"] <= total(fit, HARDLY_ANY_LEAVE) <= found["high"]


@pytest.mark.slow
def test_intervals_at_the_boundary_cover_the_truth():
    """60 companies in which hardly anybody leaves: 90 % intervals, all but a few at the boundary."""
    inside = edge = 0
    for seed in range(60):
        fit = quietly(value.ParetoNBD, company(seed))
        edge += bool(fit.bse.isna().any())
        found = worth(fit)
        inside += found["low"] <= total(fit, HARDLY_ANY_LEAVE) <= found["high"]
    assert edge > 50
    assert inside >= 47  # 54 − 3 standard errors of a binomial


def test_what_the_data_do_not_bound_is_said_where_it_is_printed():
    fit = quietly(value.ParetoNBD, company(0))
    printed = " ".join(str(fit.summary()).split())  # the notes are wrapped
    assert "these data do not tell" in printed and "No standard error or interval is given for s" in printed
    for text in (printed, repr(fit)):
        assert "not bounded" in text and f"{fit.params['beta']:.4g}" not in text
    interval = fit.conf_int()
    assert interval.loc[["s", "beta"]].isna().all(axis=None) and interval.loc["r"].notna().all()


def test_the_words_tell_the_edges_of_pareto_nbd_apart():
    model, names = value.ParetoNBD(company(0)), ["s", "beta"]
    for drop_out, words in (
        ((0.7, 1e8), "no drop-out visible"),
        ((1e-6, 10.0), "no drop-out visible"),
        ((0.045, 1e-7), "a share of 0.585 left at once"),
        ((12_422.0, 1e6), "do not differ in how they drop out: all at the rate 0.0124"),
    ):
        assert words in model.boundary_note(names, np.array([1.0, 5.0, *drop_out]))


@pytest.mark.parametrize("model", [value.BetaGeoNBD, value.ModifiedBetaGeoNBD, value.ParetoNBD])
def test_small_samples_end_at_the_highest_of_many_maxima(model):
    """Fifteen to a hundred customers, 19 starts each: no better place is known than the one found."""
    starts = [
        np.array([a, a, b, b * c]) for a in (0.3, 3.0) for b in (0.1, 1.0, 10.0) for c in (0.2, 1.0, 5.0)
    ]
    missed = []
    for seed in (1, 4, 9, 18, 27, 35, 40):
        rng = np.random.default_rng(1000 + seed)
        r, alpha = np.exp(rng.normal([-0.5, 2], [0.8, 1]))
        c, d = np.exp(rng.normal([-0.5, 1], 0.8))
        size = int(rng.integers(15, 100))
        # the order of these draws is that of the search in which local maxima were met
        draws = {
            value.BetaGeoNBD: simulate.geometric(rng, size, r, alpha, c, d),
            value.ModifiedBetaGeoNBD: simulate.geometric(rng, size, r, alpha, c, d, modified=True),
            value.ParetoNBD: simulate.pareto(rng, size, r, alpha, c, 10 * d),
        }
        fit = quietly(model, draws[model])
        centre = fit.model.start()
        best = max(maximise(fit.model.derivatives, centre * one, centre)[1][0] for one in starts)
        if fit.llf < best - 1e-4:
            missed.append((seed, best - fit.llf))
    assert missed == []


def test_an_interval_symmetric_in_the_logarithm_refuses_what_is_negative():
    results = quietly(
        value.BetaGeoNBD, simulate.geometric(np.random.default_rng(1), 300, 0.24, 4.4, 0.8, 2.4)
    )
    assert (results.interval(lambda at: at[:1], 0.1)["low"] > 0).all()
    with pytest.raises(ValueError, match="number 1 of it is -"):
        results.interval(lambda at: np.array([at[0], -at[0]]), 0.1)
