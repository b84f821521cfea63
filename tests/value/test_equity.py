"""Customer equity, payback, rankings. Referees: sums written out, grids, every order of tied customers."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from crmlab import value

TODAY = {
    "margin": 100.0, "discount": 0.1, "acquisition_spend": 10.0, "acquisition_rate": 0.2,
    "acquisition_ceiling": 0.4, "retention_spend": 10.0, "retention_rate": 0.6, "retention_ceiling": 0.8,
}  # fmt: skip


@pytest.mark.parametrize("growth", [0.0, 0.05, -0.3])
def test_margin_multiple_is_the_sum_over_the_years(growth):
    by_hand = sum(0.8**t * (1 + growth) ** (t - 1) / 1.12**t for t in range(1, 2000))
    assert value.margin_multiple(0.8, 0.12, growth) == pytest.approx(by_hand, rel=1e-12)
    first = sum(0.8**t * (1 + growth) ** (t - 1) / 1.12**t for t in range(1, 6))
    assert value.margin_multiple(0.8, 0.12, growth, horizon=5) == pytest.approx(first, rel=1e-12)


def test_margin_multiple_of_a_whole_table_and_at_the_edges():
    table = value.margin_multiple(np.array([[0.6], [0.9]]), [0.1, 0.16])
    np.testing.assert_allclose(table, [[0.6 / 0.5, 0.6 / 0.56], [0.9 / 0.2, 0.9 / 0.26]])
    assert value.margin_multiple(0, 0.1) == 0 and value.margin_multiple(1, 0.1) == pytest.approx(10)
    assert value.margin_multiple(1, 0, horizon=4) == 4 and value.margin_multiple(0.9, 0.1, horizon=0) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((1.2, 0.1), "retention is a share"),
        ((0.8, -0.1), "discount is a rate"),
        ((0.8, 0.1, -1), "growth is a rate"),
        ((1.0, 0.0), "infinite"),
        ((0.9, 0.1, 0.3), "infinite"),
        ((float("nan"), 0.1), "retention is a share"),
        ((0.9, 0.1, 0, 2.5), "whole number"),
    ],
)
def test_margin_multiple_refuses(arguments, said):
    with pytest.raises(ValueError, match=said):
        value.margin_multiple(*arguments)


def by_blattberg_and_deighton(won, kept, margin, discount, acquisition, retention):
    """The formula as the paper gives it, with r' = r / (1 + d)."""
    later = kept / (1 + discount)
    return won * margin - acquisition + won * (margin - retention / kept) * later / (1 - later)


def test_equity_is_the_papers_formula():
    equity = value.CustomerEquity(**TODAY)
    assert equity.equity() == pytest.approx(by_blattberg_and_deighton(0.2, 0.6, 100, 0.1, 10, 10))
    won, kept = 0.4 * (1 - 0.5**2.5), 0.8 * (1 - 0.25**0.7)
    right = by_blattberg_and_deighton(won, kept, 100, 0.1, 25, 7)
    assert equity.equity(25, 7) == pytest.approx(right)


def test_equity_is_a_margin_multiple_less_what_is_spent():
    kept_for_nothing = value.CustomerEquity(**TODAY | {"retention_spend": 1e-9})
    multiple = value.margin_multiple(0.6, 0.1)
    assert kept_for_nothing.equity() == pytest.approx(0.2 * 100 * (1 + multiple) - 10, rel=1e-6)


@pytest.mark.parametrize(
    "changes", [{}, {"margin": 15.0}, {"retention_ceiling": 0.61}, {"margin": 4.0}, {"discount": 0.9}]
)
def test_best_spend_is_the_grids(changes):
    equity = value.CustomerEquity(**TODAY | changes)
    best = equity.best()
    spend = np.linspace(0, 80, 801)
    grid = equity.equity(spend[:, None], spend)
    assert best["equity"] >= grid.max() - 1e-6
    i, j = np.unravel_index(grid.argmax(), grid.shape)
    if grid.max() > 1e-6:  # where nobody is worth winning, what one would spend on keeping is open
        assert best[["acquisition_spend", "retention_spend"]].tolist() == pytest.approx(
            [spend[i], spend[j]], abs=0.11
        )


def test_nobody_is_worth_winning_where_the_margin_is_tiny():
    best = value.CustomerEquity(**TODAY | {"margin": 0.5}).best()
    assert best["acquisition_spend"] == pytest.approx(0, abs=1e-6) and best["equity"] == pytest.approx(
        0, abs=1e-6
    )


def test_sensitivity_is_the_slope_of_the_formula():
    slopes = value.CustomerEquity(**TODAY).sensitivity(1e-6)
    base = (0.2, 0.6, 100, 0.1, 10, 10)
    names = [
        "acquisition_rate",
        "retention_rate",
        "margin",
        "discount",
        "acquisition_spend",
        "retention_spend",
    ]
    for place, name in enumerate(names):
        up, down = (tuple(v * (1 + s * (i == place)) for i, v in enumerate(base)) for s in (1e-6, -1e-6))
        change = by_blattberg_and_deighton(*up) - by_blattberg_and_deighton(*down)
        assert slopes[name] == pytest.approx(change / 2e-6 / by_blattberg_and_deighton(*base), rel=1e-4)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"acquisition_rate": 0.5}, "acquisition_rate lies between"),
        ({"retention_ceiling": 1.2}, "at most"),
        ({"retention_spend": 0}, "above 0"),
        ({"discount": -0.1}, "not negative"),
        ({"margin": float("nan")}, "margin is a finite number"),
        ({"margin": True}, "margin is a finite number"),
    ],
)
def test_equity_refuses(changes, said):
    with pytest.raises(ValueError, match=said):
        value.CustomerEquity(**TODAY | changes)


def test_equity_refuses_negative_spend():
    with pytest.raises(ValueError, match="not negative"):
        value.CustomerEquity(**TODAY).equity(-1)


def test_payback_by_hand():
    table = value.payback_table([20, 8, 5, 3], 30, discount=0.1)
    assert table["balance"].tolist() == pytest.approx(
        [-10, -10 + 8 / 1.1, -10 + 8 / 1.1 + 5 / 1.21, -10 + 8 / 1.1 + 5 / 1.21 + 3 / 1.331]
    )
    assert table["paid_back"].tolist() == [False, False, True, True]
    assert not value.payback_table([1, 1], 30)["paid_back"].any()
    for wrong in ({"acquisition_cost": -1}, {"acquisition_cost": 30, "discount": -0.1}):
        with pytest.raises(ValueError, match="not negative"):
            value.payback_table([1, 2], **wrong)
    with pytest.raises(ValueError, match="missing or infinite"):
        value.payback_table([1, np.nan], 30)


# ---- rankings


def test_money_of_a_ranking_is_the_mean_over_all_orders_of_equals():
    rng = np.random.default_rng(0)
    worth, ranking = rng.normal(size=6), [2, 1, 1, 3, 1, 2]
    for count in range(1, 7):
        orders = [
            sum(worth[i] for i in sorted(order, key=lambda i: -ranking[i])[:count])
            for order in permutations(range(6))
        ]
        table = value.ranking_score(worth, {"mine": ranking}, count)
        assert table.loc["mine", "money"] == pytest.approx(np.mean(orders))
        assert table.loc["oracle", "money"] == pytest.approx(sum(sorted(worth)[-count:]))


def test_scores_of_the_best_the_worst_and_of_no_opinion():
    worth = pd.Series([5.0, 1.0, 3.0, 0.0], index=list("abcd"))
    table = value.ranking_score(worth, {"right": 2 * worth, "wrong": -worth, "none": 0 * worth}, 2)
    assert table["score"].to_dict() == pytest.approx(
        {"right": 1, "wrong": (1 - 4.5) / 3.5, "none": 0, "random": 0, "oracle": 1}
    )
    assert table["lost"]["wrong"] == 7
    assert value.ranking_score([3, 3, 3], {"any": [1, 2, 3]}, 1)["score"].isna().all()


def test_rankings_refuse():
    worth = pd.Series([5.0, 1.0], index=list("ab"))
    for rankings, count, said in (
        ({"r": pd.Series([1, 2])}, 1, "another index"),
        ({"r": [1, 2, 3]}, 1, "3 numbers for 2"),
        ({"r": [1, np.nan]}, 1, "missing"),
        ({"oracle": [1, 2]}, 1, "another name"),
        ({"r": [1, 2]}, 3, "more than there are"),
        ({"r": [1, 2]}, 0, "at least 1"),
    ):
        with pytest.raises(ValueError, match=said):
            value.ranking_score(worth, rankings, count)
