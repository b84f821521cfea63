"""One table of integrals for all customers. Referee: each history's own integral, row by row."""

import numpy as np
import pandas as pd
import pytest

from crmlab import value
from crmlab.value.calendar import Calendar
from crmlab.value.purchases import PurchaseModel
from tests.value import simulate


def customers(model, steps, count=6000):
    """Return histories whose times lie on a grid of `steps` in a unit of time."""
    rng = np.random.default_rng(3)
    draw = simulate.pareto if model is value.ParetoNBD else simulate.geometric
    data = draw(rng, count, 0.6, 9.0, 0.8, 9.0 if model is value.ParetoNBD else 2.5)
    T = np.ceil(data["T"] * steps) / steps
    recency = np.where(data["frequency"] > 0, np.minimum(np.ceil(data["recency"] * steps) / steps, T), 0)
    return data.assign(T=T, recency=recency)


@pytest.mark.parametrize("steps", [1, 7])
@pytest.mark.parametrize("params", [(0.6, 9.0, 0.8, 9.0), (2.0, 15.0, 0.3, 3.0), (0.1, 40.0, 5.0, 90.0)])
def test_sums_by_the_calendar_are_those_row_by_row(steps, params):
    model, params = value.ParetoNBD(customers(value.ParetoNBD, steps)), np.array(params)
    assert model._calendar is not None and model._calendar.nodes(params) is not None
    by_calendar, by_row = model.derivatives(params), PurchaseModel.derivatives(model, params)
    assert by_calendar[0] == pytest.approx(by_row[0], rel=1e-12)
    np.testing.assert_allclose(by_calendar[1], by_row[1], rtol=1e-9, atol=1e-8)
    np.testing.assert_allclose(by_calendar[2], by_row[2], rtol=1e-9)


@pytest.mark.parametrize("model", [value.BetaGeoNBD, value.ModifiedBetaGeoNBD])
@pytest.mark.parametrize("params", [(0.6, 9.0, 0.8, 2.5), (3.0, 1.0, 0.01, 50.0), (1e3, 1e5, 0.1, 1e3)])
def test_sums_of_the_geometric_models_are_those_row_by_row(model, params):
    model, params = model(customers(model, 7)), np.array(params)
    at_once, by_row = model.derivatives(params), PurchaseModel.derivatives(model, params)
    assert at_once[0] == pytest.approx(by_row[0], rel=1e-12)
    np.testing.assert_allclose(at_once[1], by_row[1], rtol=1e-8)
    np.testing.assert_allclose(at_once[2], by_row[2], rtol=1e-8)


def test_alive_by_the_calendar_and_one_by_one():
    data = customers(value.ParetoNBD, 7)
    fit = value.ParetoNBD(data).fit()
    assert Calendar.of(fit.params, *(data[name].to_numpy() for name in ("frequency", "recency", "T")))
    together = fit.probability_alive(data)
    alone = pd.concat([fit.probability_alive(data.iloc[[row]]) for row in range(0, 6000, 300)])
    np.testing.assert_allclose(together[::300], alone, rtol=1e-10)


@pytest.mark.parametrize(
    "params", [(0.6, 9.0, 0.8, 0.01), (0.6, 0.05, 0.8, 9.0), (900.0, 9.0, 0.8, 9.0), (9.0, 1.0, 300.0, 1.0)]
)
def test_where_the_nodes_of_a_step_are_too_few_each_row_has_its_own(params):
    model, params = value.ParetoNBD(customers(value.ParetoNBD, 1)), np.array(params)
    assert model._calendar.nodes(params) is None and model._calendar.still_there(params) is None
    for ours, by_row in zip(model.derivatives(params), PurchaseModel.derivatives(model, params), strict=True):
        assert np.array_equal(ours, by_row)


@pytest.mark.parametrize(
    "change",
    [{"T": 39.123}, {"T": 390_000.0}, {"frequency": 20_000}],
    ids=["no grid", "too long", "too many"],
)
def test_no_calendar_where_there_is_no_grid_or_it_would_not_pay(change):
    data = customers(value.ParetoNBD, 7, 600).iloc[1:].reset_index(drop=True)
    data.loc[0, list(change)] = list(change.values())
    data.loc[0, "recency"] = 1.0
    data["frequency"] = data["frequency"].mask((data.index == 0) & (data["frequency"] == 0), 1)
    assert value.ParetoNBD(data)._calendar is None


def test_the_bootstrap_fits_what_a_summary_of_the_same_lives_would_give():
    data = customers(value.ParetoNBD, 7, 2000)
    fit = value.ParetoNBD(data).fit()
    columns = [data[name].to_numpy(float) for name in ("frequency", "recency", "T")]
    again = fit.model.again(*(column[:1500] for column in columns)).fit(start=fit.params)
    anew = value.ParetoNBD(data.head(1500)).fit(start=fit.params)
    np.testing.assert_allclose(again.params, anew.params, rtol=1e-7)
    assert again.nobs == 1500 and fit.model.nobs == 2000
