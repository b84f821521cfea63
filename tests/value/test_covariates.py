"""Static covariates. Referees: the model without, differences of the likelihood, the truth drawn from."""

import numpy as np
import pandas as pd
import pytest

from crmlab import datasets, value

BASE = {
    value.BetaGeoNBD: [0.6, 6.0, 0.8, 3.0],
    value.ModifiedBetaGeoNBD: [0.6, 6.0, 0.8, 3.0],
    value.ParetoNBD: [0.6, 6.0, 0.6, 10.0],
}
BOTH = {"purchase_covariates": "firm", "dropout_covariates": ["firm", "distance"]}


def customers(number, rng):
    rng = np.random.default_rng(rng)
    table = {"T": rng.integers(26, 79, number), "firm": rng.random(number) < 0.4}
    return pd.DataFrame(table).assign(
        firm=lambda data: data["firm"].astype(float), distance=rng.standard_normal(number)
    )


def drawn(model, number, effects, rng=1):
    """Draw histories with known effects: of a firm on purchases, of a firm and of distance on drop-out."""
    born = customers(number, rng).assign(frequency=1, recency=1)  # any history: only T and covariates count
    return model(born, **BOTH).at([*BASE[model], *effects]).simulate(rng=rng)


@pytest.mark.parametrize("model", BASE)
def test_effects_of_zero_are_the_plain_model(model):
    summary = drawn(model, 400, (0.5, -0.4, 0.2))
    plain, full = model(summary), model(summary, **BOTH)
    at, same = plain.at(BASE[model]), full.at([*BASE[model], 0, 0, 0])
    assert same.llf == pytest.approx(at.llf, rel=1e-12)
    for ours, theirs in (
        (same.conditional_expected_purchases(26), at.conditional_expected_purchases(26)),
        (same.probability_alive(), at.probability_alive()),
        (same.discounted_purchases(0.1, 52), at.discounted_purchases(0.1, 52)),
        (same.purchase_probabilities(26, top=3), at.purchase_probabilities(26, top=3)),
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("model", BASE)
def test_gradient_and_hessian_are_the_differences(model):
    full = model(drawn(model, 300, (0.5, -0.4, 0.2)), **BOTH)
    at = np.array([*BASE[model], 0.4, -0.3, 0.1])
    _, gradient, hessian = full.derivatives(at)
    steps = 1e-5 * np.eye(len(at)) * np.maximum(at, 0.1)
    for place, step in enumerate(steps):
        (up, slope_up, _), (down, slope_down, _) = full.derivatives(at + step), full.derivatives(at - step)
        size = 2 * step[place]
        assert (up - down) / size == pytest.approx(gradient[place], rel=1e-5, abs=1e-4)
        np.testing.assert_allclose((slope_up - slope_down) / size, hessian[place], rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("model", BASE)
def test_the_effects_drawn_from_are_recovered_and_the_likelihood_ratio_finds_them(model):
    truth = np.array([0.5, -0.6, 0.3])
    summary = drawn(model, 6_000, truth)
    full, plain = model(summary, **BOTH).fit(), model(summary).fit()
    effects, error = full.params.iloc[4:], full.bse.iloc[4:]
    assert list(effects.index) == ["purchase: firm", "dropout: firm", "dropout: distance"]
    assert (np.abs(effects - truth) < 3.3 * error).all()
    test = full.compare_lr_test(plain)
    assert test["df"] == 3 and test["p_value"] < 1e-6
    noise = summary.assign(noise=np.random.default_rng(5).standard_normal(len(summary)))
    idle = model(noise, purchase_covariates="noise").fit().compare_lr_test(plain)
    assert idle["df"] == 1 and idle["p_value"] > 0.01


def test_what_cannot_be_learnt_is_refused():
    summary = value.btyd_summary(datasets.load("cdnow_sample"), calibration_end="1997-09-30").head(300)
    with pytest.raises(ValueError, match="'same' is the same for all customers"):
        value.ParetoNBD(summary.assign(same=1.0), purchase_covariates="same")
    with pytest.raises(ValueError, match="firm"):
        value.ParetoNBD(summary, dropout_covariates="firm")
    with pytest.raises(ValueError, match="named twice"):
        value.ParetoNBD(summary.assign(firm=1.0), purchase_covariates=["firm", "firm"])
    firm = summary.assign(firm=np.arange(300) % 2)
    fit = value.ParetoNBD(firm, purchase_covariates="firm").at([0.6, 10, 0.6, 12, 0.1])
    for ask in (
        lambda: fit.alive_path(["2025-01-01"], "2025-03-01"),
        lambda: fit.simulate_log(["2025-01-01"], until="2025-03-01"),
    ):
        with pytest.raises(ValueError, match="without covariates"):
            ask()
