"""Tables and pictures that set a model beside what came. Referee: plain Python, customer by customer."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from crmlab import value
from crmlab._results import compress, unique_rows
from tests.value.engines import ENGINES, to_engine

CALIBRATION, OBSERVATION = pd.Timestamp("2025-03-20"), pd.Timestamp("2025-06-02")


@pytest.fixture(scope="module")
def log():
    """300 customers, won over six weeks, who buy at rates of their own, some twice a day."""
    rng = np.random.default_rng(8)
    rows = []
    for customer in range(300):
        day, rate, leave = rng.integers(0, 42), rng.gamma(1.0, 0.1), rng.beta(1.0, 3.0)
        while day <= 152:
            rows += [(customer, day)] * rng.integers(1, 3)
            day += 999 if rng.random() < leave else int(np.ceil(rng.exponential(1 / rate)))
    frame = pd.DataFrame(rows, columns=["customer_id", "day"])
    frame["date"] = pd.Timestamp("2025-01-01") + pd.to_timedelta(frame["day"], unit="D")
    return frame.assign(amount=rng.gamma(5, 4, len(frame)).round(2)).sample(frac=1, random_state=1)


@pytest.fixture(scope="module")
def summary(log):
    return value.btyd_summary(log, calibration_end=CALIBRATION, observation_end=OBSERVATION)


@pytest.fixture(scope="module")
def fit(summary):
    return value.ModifiedBetaGeoNBD(summary).fit()


def first_days(log):
    return {who: days.min() for who, days in log.groupby("customer_id")["day"]}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("period", ["D", "W"])
def test_tracking_counts_repeat_days_and_sums_each_customers_expectation(log, engine, period):
    length = {"D": 1, "W": 7}[period]
    summary = value.btyd_summary(log, period=period, calibration_end=CALIBRATION)
    fit = value.ModifiedBetaGeoNBD(summary).fit()
    table = fit.tracking_table(to_engine(log, engine), CALIBRATION, period=period)
    born = first_days(log)
    last = log["day"].max()
    assert len(table) == (last + 1) // length
    bought = {(who, day) for who, day in log[["customer_id", "day"]].itertuples(index=False)}
    for number in (1, 3, len(table) // 2, len(table)):
        until = number * length  # days 0 … until − 1 are over
        repeats = sum(born[who] < day < until for who, day in bought)
        assert table.loc[number, "cumulative_actual"] == repeats
        ages = [max(until - 1 - day, 0) / length for day in born.values()]
        assert table.loc[number, "cumulative_expected"] == pytest.approx(fit.expected_purchases(ages).sum())
    for kind in ("actual", "expected"):
        assert table[kind].cumsum().to_numpy() == pytest.approx(table[f"cumulative_{kind}"].to_numpy())
    seen = (CALIBRATION - pd.Timestamp("2025-01-01")).days + 1
    assert table["holdout"].tolist() == [number * length > seen for number in table.index]


def test_tracking_leaves_out_customers_won_later_and_stops_where_told(fit, log):
    late = pd.DataFrame({"customer_id": 999, "date": pd.to_datetime(["2025-04-01", "2025-04-20"])})
    more = pd.concat([log, late])
    pd.testing.assert_frame_equal(fit.tracking_table(log, CALIBRATION), fit.tracking_table(more, CALIBRATION))
    short = fit.tracking_table(log, CALIBRATION, observation_end="2025-04-30")
    assert len(short) == 17 and short.equals(fit.tracking_table(log, CALIBRATION).iloc[:17])


def test_frequency_table_sums_each_customers_probabilities(fit, summary):
    table = fit.frequency_table(groups=5)
    for x in range(4):
        assert table.loc[str(x), "actual"] == (summary["frequency"] == x).sum()
        expected = sum(fit.count_probabilities(T, top=4).to_numpy()[0, x] for T in summary["T"])
        assert table.loc[str(x), "expected"] == pytest.approx(expected)
    assert table.loc["4+", "actual"] == (summary["frequency"] >= 4).sum()
    assert table.sum().to_numpy() == pytest.approx([len(summary)] * 2)
    with pytest.raises(ValueError, match="at least 2"):
        fit.frequency_table(groups=1)


def test_holdout_table_is_the_mean_of_its_customers(fit, summary):
    table = fit.holdout_table(groups=4)
    forecast = fit.conditional_expected_purchases()
    for label, inside in [("0", summary["frequency"] == 0), ("3+", summary["frequency"] >= 3)]:
        assert table.loc[label, "customers"] == inside.sum()
        assert table.loc[label, "actual"] == pytest.approx(summary.loc[inside, "frequency_holdout"].mean())
        assert table.loc[label, "predicted"] == pytest.approx(forecast[inside].mean())
    without = value.ModifiedBetaGeoNBD(summary[["frequency", "recency", "T"]]).fit()
    with pytest.raises(ValueError, match="no column 'frequency_holdout'"):
        without.holdout_table()


def test_holdout_scores_agree_with_a_regression(summary, fit):
    actual, forecast = summary["frequency_holdout"], fit.conditional_expected_purchases()
    scores = value.holdout_scores(actual, {"model": forecast, "mean": np.full(len(actual), actual.mean())})
    line = sm.OLS(actual, sm.add_constant(forecast)).fit()
    model = scores.loc["model"]
    assert model["calibration_slope"] == pytest.approx(line.params.iloc[1])
    assert model["correlation"] ** 2 == pytest.approx(line.rsquared)
    assert model["bias"] == pytest.approx(forecast.sum() / actual.sum() - 1)
    assert model["mean_absolute_error"] == pytest.approx(np.mean(np.abs(actual - forecast)))
    assert model["root_mean_squared_error"] == pytest.approx(np.sqrt(np.mean((actual - forecast) ** 2)))
    assert scores.loc["mean", ["calibration_slope", "correlation"]].isna().all()
    assert scores.loc["mean", "bias"] == pytest.approx(0)
    for bad, message in [([1.0], "shape"), ([np.nan] * len(actual), "missing or infinite")]:
        with pytest.raises(ValueError, match=message):
            value.holdout_scores(actual, {"model": bad})


def test_matrix_says_what_the_customers_are_told(fit):
    alive = fit.customer_matrix(T=10.0, frequencies=4, recencies=5)
    one = pd.DataFrame({"frequency": [3], "recency": [8.0], "T": [10.0]})
    assert alive.loc[8.0, 3] == fit.probability_alive(one).item()
    ahead = fit.customer_matrix(T=10.0, t=6.0, frequencies=4, recencies=5)
    assert ahead.loc[8.0, 3] == fit.conditional_expected_purchases(6.0, one).item()
    # later is likelier alive; and in silence the frequent are likelier gone
    assert (np.diff(alive, axis=0) > 0).all()
    assert (np.diff(alive.loc[2.0]) < 0).all()


def test_the_pictures_draw_their_tables(fit, log):
    track, holdout = fit.tracking_table(log, CALIBRATION), fit.holdout_table()
    _, ax = plt.subplots()
    assert fit.plot_tracking(log, CALIBRATION, cumulative=False, ax=ax) is ax
    begin = ax.lines[2].get_xdata()[0]
    assert track.index[track["holdout"]][0] - 1 == begin
    assert [line.get_ydata().tolist() for line in ax.lines[:2]] == [
        track["actual"].tolist(),
        track["expected"].tolist(),
    ]
    ax = fit.plot_holdout()
    assert [line.get_ydata().tolist() for line in ax.lines] == [
        holdout["actual"].tolist(),
        holdout["predicted"].tolist(),
    ]
    counts = fit.frequency_table()
    ax = fit.plot_frequencies()
    assert [bar.get_height() for bar in ax.patches] == counts.T.to_numpy().ravel().tolist()
    matrix = fit.customer_matrix(T=10.0)
    ax = fit.plot_matrix(T=10.0)
    assert ax.collections[0].get_array().ravel().tolist() == matrix.iloc[::-1].to_numpy().ravel().tolist()
    plt.close("all")


def test_results_speak_statsmodels(fit):
    k, n = 4, 300
    assert fit.nobs == n
    assert fit.aic == pytest.approx(2 * k - 2 * fit.llf)
    assert fit.bic == pytest.approx(k * np.log(n) - 2 * fit.llf)
    interval = fit.conf_int(alpha=0.1)
    z = stats.norm.ppf(0.95)
    assert np.log(interval[1] / fit.params).to_numpy() == pytest.approx((z * fit.bse / fit.params).to_numpy())
    assert (interval[0] * interval[1]).to_numpy() == pytest.approx((fit.params**2).to_numpy())
    assert np.sqrt(np.diag(fit.cov_params())) == pytest.approx(fit.bse.to_numpy())
    for alpha in (0, 1, -0.1, np.nan):
        with pytest.raises(ValueError, match="between 0 and 1"):
            fit.conf_int(alpha)


@pytest.mark.parametrize("grain", [1, 7, np.pi])
def test_counting_histories_loses_nobody(grain):
    """Whole periods, days told in weeks, and times on no grid at all: the same as pandas' groupby."""
    rng = np.random.default_rng(4)
    columns = [rng.integers(0, 9, 5_000).astype(float), rng.integers(0, 30, 5_000) / grain]
    weights = rng.integers(1, 4, 5_000).astype(float)
    expected = pd.DataFrame({"x": columns[0], "t": columns[1], "n": weights}).groupby(["x", "t"])["n"].sum()
    rows, counts = compress(columns, weights)
    found = pd.DataFrame({"x": rows[0], "t": rows[1], "n": counts}).set_index(["x", "t"])["n"].sort_index()
    pd.testing.assert_series_equal(found, expected)
    (x, t), place = unique_rows(*columns)
    assert np.array_equal(x[place], columns[0]) and np.array_equal(t[place], columns[1])
    assert len(x) == len(expected)
