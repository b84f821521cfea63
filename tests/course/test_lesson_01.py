"""Lesson 01. Referees: scipy for what it writes by hand, six other companies for what it says of them."""

import nbformat
import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats

from crmlab import company, course

CELLS = nbformat.read(course.ROOT / "notebooks" / "01_how_sure.ipynb", as_version=4).cells


def lesson(*beginnings: str, **names):
    """Run the lesson's cells that hold these words, on made-up names."""
    names = {"np": np, "pd": pd, "rng": np.random.default_rng(5)} | names
    for beginning in beginnings:
        (source,) = [cell.source for cell in CELLS if cell.cell_type == "code" and beginning in cell.source]
        exec(source, names)
    return names


def test_resampling_by_hand_is_scipys_bootstrap():
    values = np.random.default_rng(1).gamma(2, 20, 80)
    means = lesson("def resampled_means")["resampled_means"](values, 20_000)
    scipys = stats.bootstrap((values,), np.mean, method="percentile", n_resamples=20_000, rng=2)
    half_width = (scipys.confidence_interval.high - scipys.confidence_interval.low) / 2
    assert np.quantile(means, [0.025, 0.975]) == pytest.approx(
        list(scipys.confidence_interval), abs=0.05 * half_width
    )


def test_shuffling_by_hand_is_scipys_permutation_test():
    group = np.arange(60) % 5 < 2
    values = np.r_[np.arange(30) % 3, np.arange(30) % 4] + 0.55 * group
    shuffle_test = lesson("def difference(values", "def shuffle_test")["shuffle_test"]
    scipys = stats.permutation_test(
        (values[group], values[~group]),
        lambda a, b, axis: abs(a.mean(axis=axis) - b.mean(axis=axis)),
        alternative="greater",
        n_resamples=20_000,
        rng=4,
    )
    assert 0.01 < scipys.pvalue < 0.2  # a test on a p-value of nothing would prove nothing
    assert shuffle_test(values, group, 20_000) == pytest.approx(scipys.pvalue, abs=0.006)


@pytest.mark.slow
def test_what_it_says_of_six_other_companies():
    scores, p_values = [], []
    for seed in range(1, 7):
        tea = company.simulate(rng=seed)
        spring = tea.treatments[tea.treatments["campaign_id"] == 3]
        names = lesson(
            "def resampled_means", "def difference(values", "def shuffle_test", "def gain_interval"
        )
        orders, coupon = spring["orders"].to_numpy(), spring["treated"].to_numpy()
        assert names["difference"](orders, coupon) > 0
        p_values.append(names["shuffle_test"](orders, coupon, 2_000))
        today = lesson("today =", 'customers["group"] =', tea=tea)
        customers = today["customers"].assign(came=lambda table: table["back"].astype(int))
        back = customers.groupby("complained")["back"].mean()
        assert back[True] > back[False]
        fitted = smf.ols("came ~ complained + group", data=customers).fit()
        assert fitted.conf_int().loc["complained[T.True]", 1] < 0
        asked = lesson("asked_on =", tea=tea, wave=tea.surveys[tea.surveys["wave"] == 5])
        assert 0.125 < asked["answered"].mean() - asked["wave"]["back"].mean() < 0.205
        by_campaign = tea.treatments.groupby("campaign_id")[["treated", "margin_cents"]]
        trials = by_campaign.apply(names["gain_interval"])
        assert trials.shape == (6, 3)
        truth = tea._truth["treatments"]
        gain = truth["expected_treated_cents"] - truth["expected_untreated_cents"] - 60
        profit = gain.groupby(truth["campaign_id"]).sum()
        assert profit[3] < 0
        rules = {"careful": trials["low"] > 0, "hopeful": trials["measured"] > 0, "never": profit > np.inf}
        assert not rules["careful"].any()
        earned = pd.Series({rule: profit[sent].sum() for rule, sent in rules.items()})
        coin, oracle = profit.sum() / 2, profit[profit > 0].sum()
        scores.append((earned - coin) / (oracle - coin))
    assert (np.array(p_values) < 0.05).sum() == 4
    scores = pd.DataFrame(scores)
    assert scores["careful"].mean() == pytest.approx(0.8, abs=0.05)
    assert scores["hopeful"].mean() == pytest.approx(0.6, abs=0.05)
    assert (scores["hopeful"] > scores["careful"]).sum() == 1
