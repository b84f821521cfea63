"""Key accounts. Referees: customers counted by hand."""

import numpy as np
import pandas as pd
import pytest

from crmlab.value import key_accounts, lorenz, plot_whale, whale_curve

ACCOUNTS = pd.DataFrame(
    {"wallet": [90, 10, 80, 20], "share": [0.9, 0.8, 0.1, 0.2], "cost": [1, 1, 1, 4]}, index=[*"abcd"]
)


def test_a_whale_drawn_by_hand():
    curve = whale_curve([-50, 100, 0, 80, -30])
    assert curve.index.tolist() == [0, 1, 2, 3, 4, 5]
    assert curve["contribution"].tolist() == [0, 100, 80, 0, -30, -50]
    assert curve["cumulative"].tolist() == [0, 100, 180, 180, 150, 100]
    assert curve["share_of_total"].tolist() == [0, 1, 1.8, 1.8, 1.5, 1]
    np.testing.assert_allclose(curve["share_of_customers"], np.arange(6) / 5)


def test_without_losses_the_whale_is_the_lorenz_curve_read_from_the_other_end():
    amounts = np.random.default_rng(0).lognormal(3, 1, 101)
    ours, theirs = whale_curve(amounts), lorenz(amounts)
    np.testing.assert_allclose(
        ours["share_of_total"], 1 - theirs["share_of_amount"][::-1].to_numpy(), atol=1e-12
    )


def test_the_figure_marks_the_peak_and_where_losses_begin():
    ax = plot_whale([-50, 100, 0, 80, -30])
    assert [text.get_text() for text in ax.texts] == ["peak: 180%, 40% of customers"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["lose money: 40% of customers"]
    [shade] = ax.patches
    assert (shade.get_x(), shade.get_x() + shade.get_width()) == pytest.approx((0.6, 1))
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [0, 1, 1.8, 1.8, 1.5, 1])


def test_where_nobody_loses_money_the_figure_says_nothing_of_losses():
    ax = plot_whale([1, 2, 3])
    assert ax.get_legend() is None and not ax.patches


@pytest.mark.parametrize("function", [whale_curve, plot_whale])
@pytest.mark.parametrize(
    ("contribution", "message"),
    [
        ([], "not a single customer"),
        ([1, -3], "add up to -2, and nobody has a share of that"),
        ([0, 0], "add up to 0"),
        ([1, np.nan], "contribution are missing or infinite"),
        ([1, np.inf], "contribution are missing or infinite"),
        (["1"], "contribution must hold numbers"),
    ],
)
def test_a_whale_needs_a_total(function, contribution, message):
    with pytest.raises(ValueError, match=message):
        function(contribution)


def test_the_score_of_four_accounts_by_hand():
    # places of wallet: 7/8, 1/8, 5/8, 3/8; of cost, where less is better, three tie at 5/8 and d has 1/8
    chosen = key_accounts(ACCOUNTS, {"wallet": 3, "cost": -1}, 2)
    assert chosen["score"].tolist() == pytest.approx([6.5 / 8, 2 / 8, 5 / 8, 2.5 / 8])
    assert chosen["key"].tolist() == [True, False, True, False]
    assert list(chosen.columns) == [*ACCOUNTS.columns, "score", "key"]


def test_a_scale_does_not_count_in_the_score():
    in_cents = ACCOUNTS.assign(wallet=100 * ACCOUNTS["wallet"] - 5)
    weights = {"wallet": 1, "share": 1}
    assert key_accounts(ACCOUNTS, weights, 2)["score"].equals(key_accounts(in_cents, weights, 2)["score"])


def test_who_ties_for_the_last_place_is_left_out():
    assert key_accounts(ACCOUNTS, {"cost": -1}, 2)["key"].tolist() == [False] * 4
    assert key_accounts(ACCOUNTS, {"cost": -1}, 3)["key"].tolist() == [True, True, True, False]
    assert key_accounts(ACCOUNTS, {"wallet": 1}, 4)["key"].all()


@pytest.mark.parametrize(
    ("weights", "count", "message"),
    [
        ({}, 1, "weights names the criteria"),
        ({"wallet": 0}, 1, "none with the weight 0"),
        ({"wallet": np.nan}, 1, "weights are missing or infinite"),
        ({"size": 1}, 1, "no column 'size'"),
        ({"wallet": 1}, 0, "count must be a whole number of at least 1"),
        ({"wallet": 1}, 5, "5 key accounts are to be chosen and there are 4"),
    ],
)
def test_impossible_choices_are_refused(weights, count, message):
    with pytest.raises(ValueError, match=message):
        key_accounts(ACCOUNTS, weights, count)


def test_the_input_is_left_as_it_was():
    before = ACCOUNTS.copy()
    key_accounts(ACCOUNTS, {"wallet": 1}, 1)
    pd.testing.assert_frame_equal(ACCOUNTS, before)
