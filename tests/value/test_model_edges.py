"""Populations at the edge of what a model can tell, and callers' slips: a number that is right, or a word."""

import warnings

import mpmath
import numpy as np
import pandas as pd
import pytest

from crmlab import datasets, value
from crmlab._results import FitWarning
from tests.value import simulate

MODELS = [value.BetaGeoNBD, value.ModifiedBetaGeoNBD, value.ParetoNBD]


@pytest.fixture(scope="module")
def summary():
    return value.btyd_summary(datasets.load("cdnow_sample"), calibration_end="1997-09-30")


def with_dropout(leave, rate=None, customers=2_000, modified=True):
    """MBG/NBD customers whose drop-out probability (and perhaps rate) is the one given."""
    rng = np.random.default_rng(12)
    rate = rng.gamma(0.8, 1 / 6.0, customers) if rate is None else np.full(customers, rate)
    x, t_x, clock = np.zeros(customers, int), np.zeros(customers), np.zeros(customers)
    alive = rng.random(customers) >= leave if modified else np.ones(customers, bool)
    while alive.any():
        clock = clock + rng.exponential(1 / rate)
        bought = alive & (clock <= 40)
        x, t_x = x + bought, np.where(bought, clock, t_x)
        alive = bought & (rng.random(customers) >= leave)
    return pd.DataFrame({"frequency": x, "recency": t_x, "T": 40.0})


EDGES = {
    "one probability of leaving for all": (with_dropout(0.3), "do not differ in how they drop out"),
    "half leave at once, half never": (
        with_dropout(np.repeat([0.0, 1.0], 1_000), modified=False),
        "a share of .* at the first occasion, and the others never",
    ),
    "one rate of buying for all": (with_dropout(np.full(2_000, 0.15), rate=0.2), ""),
}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("edge", EDGES)
def test_forecasts_are_finite_where_customers_are_alike(model, edge):
    data, note = EDGES[edge]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", FitWarning)
        fit = model(data).fit()
    notes = " ".join(str(warning.message) for warning in caught)
    assert "no drop-out" not in notes
    if note and model is not value.ParetoNBD and "first" not in note:
        assert note.split(" ")[0] in notes and fit.bse.isna().any()
    for values in (
        fit.conditional_expected_purchases(500.0, alpha=0.1)["expected"],
        fit.expected_purchases([0.5, 40.0, 5_000.0]),
        fit.probability_alive(),
        fit.frequency_table()["expected"],
        fit.customer_matrix(T=40.0, t=10.0).to_numpy(),
    ):
        assert np.isfinite(values).all() and (np.asarray(values) >= 0).all()


def test_the_note_tells_drop_out_for_sure_from_none_at_all():
    model = value.BetaGeoNBD(with_dropout(0.3))
    assert "any" in model.boundary_note(["b"], np.array([1, 5, 1e-3, 1e7]))
    assert "with probability 0.25 each time" in model.boundary_note(["a", "b"], np.array([1, 5, 1e7, 3e7]))
    assert "a share of 0.5" in model.boundary_note(["a", "b"], np.array([1, 5, 1e-8, 1e-8]))
    alike = model.boundary_note(["r", "alpha"], np.array([1e7, 5e7, 1, 1]))
    assert alike == "customers do not differ in how often they buy: all at the rate r/alpha = 0.2."


@pytest.mark.parametrize(
    ("params", "history", "t"),
    [
        ((1.0, 10.0, 50.0, 100.0), (0, 0.0, 39.0), 520.0),
        ((1.0, 10.0, 50.0, 100.0), (5, 30.0, 39.0), 39.0),
        ((1.0, 10.0, 300.0, 900.0), (5, 30.0, 39.0), 520.0),
        ((0.2, 4.0, 0.05, 0.1), (40, 30.0, 39.0), 5_000.0),
    ],
)
def test_forecast_matches_equation_10_in_arbitrary_precision(summary, params, history, t):
    fit = value.BetaGeoNBD(summary).fit()
    fit.params[:] = params
    x, t_x, T = history
    with mpmath.workdps(60):
        r, alpha, a, b = map(mpmath.mpf, params)
        stays = (alpha + T) / (alpha + T + t)
        series = mpmath.hyp2f1(r + x, b + x, a + b + x - 1, 1 - stays)
        expected = (a + b + x - 1) / (a - 1) * (1 - stays ** (r + x) * series)
        if x:
            expected /= 1 + a / (b + x - 1) * ((alpha + T) / (alpha + t_x)) ** (r + x)
    row = pd.DataFrame({"frequency": [x], "recency": [t_x], "T": [T]})
    assert fit.conditional_expected_purchases(t, row).item() == pytest.approx(float(expected), rel=1e-6)


def test_nobody_on_a_ridge_gets_a_standard_error():
    with pytest.warns(FitWarning, match="each leaves with probability 0.5 every time"):
        fit = value.ShiftedBetaGeometric([100, 50, 25, 12.5]).fit()
    assert fit.bse.isna().all() and fit.conf_int().isna().all(axis=None)
    assert fit.cov_params().isna().all(axis=None)
    assert fit.survival([1, 2, 3]).to_numpy() == pytest.approx([0.5, 0.25, 0.125], rel=1e-4)


def test_holdout_table_of_a_counted_summary_is_that_of_its_customers():
    """Referee: the same customers, each in a row of its own."""
    counted = value.btyd_summary(datasets.load("cdnow_sample"), calibration_end="1997-09-30", amount=None)
    counted = counted.drop(columns="customer_id").value_counts().rename("customers").reset_index()
    assert len(counted) < 2_357
    expanded = counted.loc[counted.index.repeat(counted["customers"])].reset_index(drop=True)
    tables = [
        value.BetaGeoNBD(counted, weights="customers").fit().holdout_table(),
        value.BetaGeoNBD(expanded).fit().holdout_table(),
    ]
    pd.testing.assert_frame_equal(*tables, rtol=1e-6)
    broken = counted.assign(frequency_holdout=counted["frequency_holdout"].where(counted.index > 0))
    with pytest.raises(ValueError, match="frequency_holdout are missing"):
        value.BetaGeoNBD(broken, weights="customers").fit().holdout_table()


def test_tracking_reads_days_as_the_summary_does(summary):
    log, fit = datasets.load("cdnow_sample"), value.BetaGeoNBD(summary).fit()
    table = fit.tracking_table(log, "1997-09-30")
    pd.testing.assert_frame_equal(fit.tracking_table(log, 19970930), table)
    pd.testing.assert_frame_equal(
        fit.tracking_table(log.set_index("customer_id", drop=False), "1997-09-30"), table
    )
    for end in (None, "soon"):
        with pytest.raises(ValueError, match="calibration_end=.* is not a date"):
            fit.tracking_table(log, end)
    with pytest.raises(ValueError, match="Nobody bought by 1996-12-31"):
        fit.tracking_table(log, "1996-12-31")
    # the last day is the log's, though its only customer on that day was won too late to count
    early = log[log["date"] < "1998-03-01"]
    late = pd.DataFrame({"customer_id": [9_999], "date": [pd.Timestamp("1998-06-30")]})
    assert len(fit.tracking_table(pd.concat([early, late]), "1997-09-30")) == len(table)


def test_a_series_with_another_index_is_refused(summary):
    turned = pd.Series(1.0, summary.index)[::-1]
    with pytest.raises(ValueError, match="weights has another index"):
        value.BetaGeoNBD(summary, weights=turned)
    fit = value.BetaGeoNBD(summary).fit()
    with pytest.raises(ValueError, match="t has another index"):
        fit.conditional_expected_purchases(turned)
    with pytest.raises(ValueError, match="'model' has another index"):
        value.holdout_scores(summary["frequency_holdout"], {"model": turned})
    with pytest.raises(ValueError, match="no prediction"):
        value.holdout_scores([1.0], {})


@pytest.mark.parametrize("model", MODELS)
def test_the_start_does_not_decide_the_end(summary, model):
    best = model(summary).fit()
    assert model(summary).fit(start=[50] * 4).llf == pytest.approx(best.llf, abs=1e-6)
    for start in ([1e-8, 1e8, 1e-8, 1e8], [1e-3, 1e3, 1e3, 1e-3], [1e-300] * 4, [1e300] * 4):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", FitWarning)
            try:
                fit = model(summary).fit(start=start)
            except ValueError as refusal:
                assert "start elsewhere" in str(refusal)
                continue
        # it arrives, or it says that it did not
        assert fit.converged == (abs(fit.llf - best.llf) < 1e-6) == (not caught)


def test_one_absurd_amount_does_not_move_the_start():
    spend = simulate.spend(np.random.default_rng(6), 2_000, 6, 4, 15)
    spend.loc[0, "monetary_value"] = 1e12
    absurd, told = value.GammaGamma(spend).fit(), value.GammaGamma(spend).fit(start=[6, 4, 15])
    assert absurd.llf == pytest.approx(told.llf, abs=1e-6)
    assert absurd.notes == []


def test_what_happens_to_the_table_later_does_not_reach_the_results(summary):
    own = summary.copy()
    fit = value.BetaGeoNBD(own).fit()
    before = fit.probability_alive().sum()
    own["recency"] *= 0.5
    assert fit.probability_alive().sum() == before


def test_bgbb_gives_back_the_shape_of_t():
    fit = value.BetaGeoBetaBinomial(datasets.load("donations"), weights="donors").fit()
    assert isinstance(fit.expected_purchases(10), float)
    square = fit.expected_purchases([[1, 2], [3, 4]])
    assert square.shape == (2, 2) and square[1, 1] == fit.expected_purchases(4)
    for t in (2.5, 1e9):
        with pytest.raises(ValueError, match="whole periods here, 10,000 at most"):
            fit.expected_purchases(t)


def test_amounts_in_the_place_of_frequencies_are_noticed(summary):
    with pytest.raises(ValueError, match="above 10,000,000"):
        value.BetaGeoNBD(summary.assign(frequency=summary["frequency"] * 1e9))
    with pytest.raises(ValueError, match="top must not be negative"):
        value.BetaGeoNBD(summary).fit().count_probabilities(1, top=-1)
    with pytest.raises(ValueError, match="params needs 4 positive numbers"):
        value.BetaGeoNBD(summary).loglike([-1, 1, 1, 1])
    with pytest.raises(ValueError, match="Ages must be whole"):
        value.ShiftedBetaGeometric([100, 60, 40]).fit().survival([])
