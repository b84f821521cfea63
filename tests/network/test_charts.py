"""Charts that carry something along. Referees: R's spc 0.6.7, a Markov chain, plain loops, simulation."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from crmlab.network import Cusum, Ewma

# ---- correctness

# the output of xcusum.arl and xewma.arl (r up to 120) in R's spc 0.6.7
SPC = [
    (Cusum(0.25, "high"), 6, 0, 250.805015),
    (Cusum(0.5, "high"), 4, 0.5, 26.6791624),
    (Cusum(1, "high"), 2.5, 1, 13.4319693),
    (Cusum(0.5, "high"), 5, -0.5, 107243.43),
    (Cusum(0.25), 8, 0, 368.393873),
    (Cusum(0.5), 5, 1, 10.3759699),
    (Cusum(1), 2.5, 2, 3.2466871),
    (Ewma(0.1), 2.814, 0, 499.57955),
    (Ewma(0.2), 2.962, 0.5, 41.7643958),
    (Ewma(0.05), 2.615, 1, 11.3828037),
    (Ewma(1), 3, 0, 370.398347),
    (Ewma(0.2, "high"), 2.5, 0, 289.822341),
    (Ewma(0.2, "high"), 2.5, 1, 7.65411342),
    (Ewma(0.5, "high"), 2.2, 0.5, 16.6197327),
]


@pytest.mark.parametrize(("chart", "limit", "shift", "length"), SPC)
def test_run_lengths_are_those_of_spc(chart, limit, shift, length):
    assert chart.average_run_length(limit, shift) == pytest.approx(length, rel=2e-8)


def test_a_single_value_beyond_a_limit_is_geometric():
    assert Ewma(1).average_run_length(3, 0.7) == pytest.approx(1 / (norm.sf(2.3) + norm.sf(3.7)), rel=1e-9)
    assert Ewma(1, "high").average_run_length(2) == pytest.approx(1 / norm.sf(2), rel=1e-6)


def markov_chain(allowance, limit, shift, states=400):
    """Return the run length by Brook & Evans: the sum stands in one of so many steps."""
    step = limit / (states - 0.5)
    to = (np.arange(states)[None, :] - np.arange(states)[:, None]) * step + allowance - shift
    stay = norm.cdf(to + step / 2) - norm.cdf(to - step / 2)
    stay[:, 0] = norm.cdf(to[:, 0] + step / 2)
    return np.linalg.solve(np.eye(states) - stay, np.ones(states))[0]


@pytest.mark.parametrize(("allowance", "limit", "shift"), [(0.5, 4, 0), (0.25, 3, 0.4), (1, 2, -0.2)])
def test_the_integral_equation_agrees_with_a_markov_chain(allowance, limit, shift):
    ours = Cusum(allowance, "high").average_run_length(limit, shift)
    assert ours == pytest.approx(markov_chain(allowance, limit, shift), rel=2e-4)


def by_loop(values, chart):
    """Return the statistic of one series, period by period."""
    up = down = average = 0.0
    found = []
    for value in values:
        if np.isnan(value):
            found.append(np.nan)
            continue
        if isinstance(chart, Cusum):
            up, down = max(0, up + value - chart.allowance), max(0, down - value - chart.allowance)
            found.append({"high": up, "low": down, "both": max(up, down)}[chart.side])
        else:
            average = (1 - chart.weight) * average + chart.weight * value
            spread = (chart.weight / (2 - chart.weight)) ** 0.5
            found.append({"high": average, "low": -average, "both": abs(average)}[chart.side] / spread)
    return found


@pytest.mark.parametrize("side", ["low", "high", "both"])
@pytest.mark.parametrize("kind", [Cusum, Ewma])
def test_the_statistic_of_many_series_is_that_of_each_by_a_loop(kind, side):
    rng, chart = np.random.default_rng(3), kind(0.4, side)
    values = rng.standard_normal((40, 7))
    values[rng.random((40, 7)) < 0.1] = np.nan
    values[:, 6] = np.nan
    together = chart.statistic(values)
    for place, one in enumerate(values.T):
        np.testing.assert_allclose(together[:, place], by_loop(one, chart), atol=1e-12)
    table = pd.DataFrame(values, index=range(5, 45), columns=list("abcdefg"))
    assert chart.statistic(table)["c"].equals(chart.statistic(table["c"]).rename("c"))
    assert (chart.statistic(table).index == table.index).all()


@pytest.mark.parametrize("chart", [Cusum(0.5), Cusum(0.5, "low"), Ewma(0.2), Ewma(0.3, "low")])
def test_simulated_run_lengths_without_memory_are_the_exact_ones(chart):
    limit = chart.limit_for(60)
    assert chart.average_run_length(limit) == pytest.approx(60)
    for shift in (0, -0.5):
        lengths = chart.run_lengths(limit, shift=shift, series=20_000, rng=1)
        error = lengths.std() / 20_000**0.5
        assert abs(lengths.mean() - chart.average_run_length(limit, shift)) < 4 * error


@pytest.mark.parametrize("memory", [0, 0.5, 0.9])
def test_the_simulated_limit_is_passed_by_the_wanted_share_of_a_plain_loop(memory):
    chart, periods, share = Cusum(0.5, "low"), 24, 0.05
    limit = chart.limit(periods, share, memory, rng=1)
    rng, passed = np.random.default_rng(8), 0
    for _ in range(4000):
        value, total = rng.standard_normal(), 0.0
        for _ in range(periods):
            total = max(0, total - value - 0.5)
            if total > limit:
                passed += 1
                break
            value = memory * value + (1 - memory**2) ** 0.5 * rng.standard_normal()
    assert passed / 4000 == pytest.approx(share, abs=4 * (share * (1 - share) / 4000) ** 0.5)


def test_memory_breaks_the_promise_of_a_printed_limit():
    # Johnson & Bagshaw (1974) and many after them: run lengths shrink
    limit = Cusum(0.5).limit_for(370)
    lengths = [Cusum(0.5).run_lengths(limit, memory, series=4000).mean() for memory in (0, 0.3, 0.6, 0.9)]
    assert lengths[0] > 340 and lengths[1] < 120 and lengths == sorted(lengths, reverse=True)


def test_both_sides_are_mirrors_and_a_larger_limit_takes_longer():
    for kind in (Cusum, Ewma):
        low, high, both = (kind(0.3, side) for side in ("low", "high", "both"))
        assert low.average_run_length(2.5, 0.4) == pytest.approx(high.average_run_length(2.5, -0.4))
        assert both.average_run_length(2.5, 0.4) == pytest.approx(both.average_run_length(2.5, -0.4))
        assert both.average_run_length(2.5) < high.average_run_length(2.5) < high.average_run_length(3)


# ---- input checks


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Cusum(-0.1), "allowance is a number, at least 0; got -0.1"),
        (lambda: Cusum(0.5, "below"), "no side 'below'.*both, high, low"),
        (lambda: Ewma(0), "weight of the newest value"),
        (lambda: Ewma(1.5), "weight of the newest value"),
        (lambda: Cusum().statistic([1.0, np.inf]), r"Period 1 \(counted from 0\) holds an infinite value"),
        (lambda: Cusum().statistic([]), "one value per period"),
        (lambda: Cusum().statistic(["a"]), "must be a finite number"),
        (lambda: Cusum().average_run_length(0), "limit is a number above 0"),
        (lambda: Cusum().average_run_length(np.nan), "limit is a number above 0"),
        (lambda: Cusum(1.5).average_run_length(30), "lower it"),
        (lambda: Cusum().limit_for(1), "from 2 to a million"),
        (lambda: Cusum().run_lengths(4, memory=1), "at least 0 and below 1"),
        (lambda: Cusum().run_lengths(9, series=10, longest=5), "10 of 10 series had no alarm in 5 periods"),
        (lambda: Cusum().limit(24, 0.001, series=100), "series must be a whole number of at least 10000"),
        (lambda: Cusum().limit(0, 0.1), "periods must be a whole number"),
    ],
)
def test_charts_refuse(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_a_constant_series_has_no_alarm():
    assert Cusum(0.5).statistic(np.zeros(30)).max() == 0 and Ewma(0.2).statistic(np.zeros(30)).max() == 0
