"""Gaps. Referees: scipy's paired t, statsmodels' regression and F test, and simulated answers."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import statsmodels.api as sm
from scipy import stats

from crmlab import survey

PAIRS = {"taste": ("hoped_taste", "taste"), "price": ("hoped_price", "price")}


@pytest.fixture
def table():
    rng = np.random.default_rng(6)
    latent = rng.normal(0, 1, (200, 4)) + rng.normal(0, 0.8, (200, 1))
    found = pd.DataFrame(
        np.rint(7 + latent).clip(1, 10), columns=["hoped_taste", "taste", "hoped_price", "price"]
    )
    found["price"] = (found["price"] - 1).clip(1)
    found["satisfied"] = np.rint(0.6 * found["taste"] + 0.3 * found["price"] + rng.normal(0, 1, 200)).clip(
        1, 10
    )
    found.loc[3, "taste"] = found.loc[5, "hoped_price"] = np.nan
    return found


# ---- correctness


def test_gaps_have_the_interval_of_a_paired_t_test(table):
    found = survey.gaps(table, PAIRS, (1, 10))
    assert found.index.tolist() == ["price", "taste"]  # the widest shortfall first
    for attribute, (hoped, got) in PAIRS.items():
        both = table[[hoped, got]].dropna()
        test = stats.ttest_rel(both[got], both[hoped]).confidence_interval()
        row = found.loc[attribute]
        assert row[["low", "high"]].tolist() == pytest.approx([test.low, test.high])
        assert row["n"] == 199 and row["gap"] == pytest.approx(row["got"] - row["expected"])
        assert row["correlation"] == pytest.approx(both.corr().iloc[0, 1])


def test_fit_is_statsmodels_regression_with_and_without_the_condition(table):
    found = survey.gap_fit(table, PAIRS, "satisfied", (1, 10))
    whole = table.dropna()
    gap = np.column_stack([whole[got] - whole[hoped] for hoped, got in PAIRS.values()])
    apart = whole[["hoped_taste", "hoped_price", "taste", "price"]]
    free = sm.OLS(whole["satisfied"], sm.add_constant(apart)).fit()
    for name, design in {"gaps (SERVQUAL)": gap, "got (SERVPERF)": whole[["taste", "price"]]}.items():
        bound = sm.OLS(whole["satisfied"], sm.add_constant(np.asarray(design))).fit()
        _, p_value, _ = free.compare_f_test(bound)
        assert found.loc[name, ["r2", "adjusted", "p_value"]].tolist() == pytest.approx(
            [bound.rsquared, bound.rsquared_adj, p_value]
        )
    assert found.loc["expected and got", "r2"] == pytest.approx(free.rsquared)
    assert np.isnan(found.loc["expected and got", "p_value"])


def test_reliability_of_a_difference_by_simulation():
    """True scores that go together, errors that do not: how much of the gaps' variance is true."""
    rng, n = np.random.default_rng(3), 200_000
    true = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], n)
    answers = true + rng.normal(0, 0.5, (n, 2))
    reliability = 1 / 1.25
    table = pd.DataFrame(answers, columns=["hoped", "got"])
    found = survey.gaps(table, {"x": ("hoped", "got")}, (-9, 9), reliability=reliability).loc["x"]
    of_truth = np.var(true[:, 1] - true[:, 0]) / np.var(answers[:, 1] - answers[:, 0])
    assert found["reliability"] == pytest.approx(of_truth, abs=0.01)
    assert found["reliability"] < reliability


# ---- consistency


def test_turning_the_pairs_round_turns_the_gaps(table):
    one = survey.gaps(table, PAIRS, (1, 10))
    other = survey.gaps(table, {name: pair[::-1] for name, pair in PAIRS.items()}, (1, 10)).loc[one.index]
    np.testing.assert_allclose(other["gap"], -one["gap"])
    np.testing.assert_allclose(other[["low", "high"]], -one[["high", "low"]])


def test_gaps_never_explain_more_than_both_answers(table):
    rng = np.random.default_rng(1)
    for _ in range(20):
        some = table.sample(60, random_state=rng)
        found = survey.gap_fit(some, PAIRS, "satisfied", (1, 10))["r2"]
        assert found["expected and got"] >= found.drop("expected and got").max() - 1e-12


def test_polars_is_welcome(table):
    pd.testing.assert_frame_equal(
        survey.gaps(pl.DataFrame(table.to_dict("list"), nan_to_null=True), PAIRS, (1, 10)),
        survey.gaps(table, PAIRS, (1, 10)),
    )


# ---- bad input


@pytest.mark.parametrize(
    ("pairs", "told"),
    [
        ({}, "pairs name two columns"),
        (["taste"], "pairs name two columns"),
        ({"taste": ("taste",)}, "pairs name two columns"),
        ({"taste": ("taste", "taste")}, "compares 'taste' with itself"),
        ({"taste": ("hoped", "taste")}, "no column 'hoped'"),
    ],
)
def test_pairs_that_are_none_are_refused(table, pairs, told):
    for call in (survey.gaps, lambda *a: survey.gap_fit(*a[:2], "satisfied", a[2])):
        with pytest.raises(ValueError, match=told):
            call(table, pairs, (1, 10))


@pytest.mark.parametrize("bad", [-99.0, 99.0, 0.0, np.inf])
def test_values_outside_the_scale_are_refused_wherever_they_stand(table, bad):
    for column in ("taste", "hoped_price", "satisfied"):
        wrong = table.copy()
        wrong.loc[7, column] = bad
        with pytest.raises(ValueError, match=f"'{column}' lie outside its scale 1 to 10.*row 7"):
            survey.gap_fit(wrong, PAIRS, "satisfied", (1, 10))


def test_too_few_and_all_alike(table):
    with pytest.raises(ValueError, match="1 answered both questions on 'taste'"):
        survey.gaps(table.head(1), PAIRS, (1, 10))
    with pytest.raises(ValueError, match="need more respondents"):
        survey.gap_fit(table.dropna().head(5), PAIRS, "satisfied", (1, 10))
    with pytest.raises(ValueError, match="nothing to explain"):
        survey.gap_fit(table.assign(satisfied=5), PAIRS, "satisfied", (1, 10))
    same = survey.gaps(table.assign(hoped_taste=5, taste=6), PAIRS, (1, 10), reliability=0.8).loc["taste"]
    assert same["gap"] == 1 and np.isnan(same["low"]) and np.isnan(same["correlation"])
    with pytest.raises(ValueError, match="reliability is a number from 0 to 1"):
        survey.gaps(table, PAIRS, (1, 10), reliability=80)


def test_items_that_repeat_one_another_count_once(table):
    twice = table.assign(again=table["taste"], hoped_again=table["hoped_taste"])
    pairs = PAIRS | {"again": ("hoped_again", "again")}
    one, other = (survey.gap_fit(twice, some, "satisfied", (1, 10)) for some in (PAIRS, pairs))
    np.testing.assert_allclose(other, one, rtol=1e-9)


def test_plot_tells_what_it_draws(table):
    ax = survey.plot_gaps(survey.gaps(table, PAIRS, (1, 10)))
    assert [text.get_text() for text in ax.get_yticklabels()] == ["price", "taste"]
    with pytest.raises(ValueError, match=r"This draws the table of gaps\("):
        survey.plot_gaps(table)
