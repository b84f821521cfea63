"""Value tiers and concentration. Referees: closed forms, identities, and customers counted by hand."""

import numpy as np
import pandas as pd
import pytest

from crmlab.value import gini, lorenz, tiers
from crmlab.value.tiers import plot_lorenz

RNG = np.random.default_rng(5)
AMOUNTS = RNG.lognormal(3, 1.2, 301)


def table(total, orders):
    return pd.DataFrame({"total_amount": total, "orders": orders})


def top_share(amounts, top=0.2):
    """Read what the top share of customers brings off the Lorenz curve, as lesson 41 does."""
    curve = lorenz(amounts)
    return 1 - np.interp(1 - top, curve["share_of_customers"], curve["share_of_amount"])


def test_gini_is_half_the_relative_mean_difference():
    """The identity of the area with the mean absolute difference of all pairs."""
    differences = np.abs(AMOUNTS[:, None] - AMOUNTS).mean()
    assert gini(AMOUNTS) == pytest.approx(differences / (2 * AMOUNTS.mean()), rel=1e-12)


@pytest.mark.parametrize(
    ("amounts", "coefficient"),
    [
        ([7.0], 0),
        ([3, 3, 3], 0),
        ([0, 0, 0, 9], 3 / 4),
        ([1, 2, 3, 4], 1 / 4),
        # the exponential distribution at its quantiles: 1/2 in the limit
        (-np.log(1 - (np.arange(100_000) + 0.5) / 100_000), 0.5),
    ],
)
def test_gini_in_closed_form(amounts, coefficient):
    assert gini(amounts) == pytest.approx(coefficient, abs=1e-4)


@pytest.mark.parametrize("shape", [2, 3])
def test_the_pareto_distribution_has_its_closed_forms(shape):
    """The top share t brings t^(1 - 1/shape), and the Gini coefficient is 1 / (2 shape - 1)."""
    amounts = (1 - (np.arange(1_000_000) + 0.5) / 1_000_000) ** (-1 / shape)
    assert top_share(amounts) == pytest.approx(0.2 ** (1 - 1 / shape), abs=1e-3)
    assert gini(amounts) == pytest.approx(1 / (2 * shape - 1), abs=1e-3)


@pytest.mark.parametrize(
    ("amounts", "top", "share"),
    [
        ([80, 5, 5, 5, 5], 0.2, 0.8),
        ([10, 10, 10], 0.2, 0.2),
        ([5], 0.2, 0.2),
        # a fifth of seven customers is the best one and four tenths of the second
        ([1, 2, 3, 4, 5, 6, 7], 0.2, (7 + 0.4 * 6) / 28),
        ([80, 5, 5, 5, 5], 0.3, 0.825),
    ],
)
def test_the_curve_counts_parts_of_a_customer(amounts, top, share):
    assert top_share(amounts, top) == pytest.approx(share, rel=1e-12)


def test_the_lorenz_curve_rises_ever_faster_and_has_no_unit():
    curve = lorenz(AMOUNTS)
    steps = np.diff(curve["share_of_amount"])
    assert curve.iloc[[0, -1]].values.tolist() == [[0, 0], [1, 1]]
    assert (np.diff(steps) >= -1e-15).all()
    np.testing.assert_allclose(steps, np.sort(AMOUNTS) / AMOUNTS.sum(), rtol=1e-9)
    pd.testing.assert_frame_equal(lorenz(pd.Series(AMOUNTS[::-1] * 1e300)), curve)


@pytest.mark.parametrize("function", [lorenz, gini, plot_lorenz])
@pytest.mark.parametrize(
    ("amounts", "message"),
    [
        ([], "not a single customer"),
        ([1, -2, -3], "2 of 3 amounts are negative; the first is -2.0 in row 1"),
        ([1, np.nan], "1 of 2 values of amount are missing or infinite"),
        ([np.inf, 1], "1 of 2 values of amount are missing or infinite"),
        ([0, 0], "All amounts are 0"),
        (["5"], "amount must hold numbers"),
    ],
)
def test_amounts_without_shares_are_refused(function, amounts, message):
    with pytest.raises(ValueError, match=message):
        function(amounts)


def test_tiers_of_ten_customers_counted_by_hand():
    # by contribution 9 and 8 are the top fifth, by volume 9 and 0; 1 to 4 are in the lower half of both
    ours = tiers(table(range(10), [10, 1, 2, 3, 4, 5, 6, 7, 8, 9]))
    assert ours["role"].tolist() == ["potential", *["ordinary"] * 7, "core", "core"]
    assert ours["value"].tolist() == ["medium", *["low"] * 4, *["medium"] * 4, "high"]
    assert ours["occasion"].tolist() == ["regular", "one-off", "occasional", "occasional", *["regular"] * 6]
    assert "one-off" in tiers(table([1, 2], [1, 3]), regular=3)["occasion"].values


def test_equal_customers_share_a_tier():
    # six of ten tie: places 0 to 6, the middle at .3, so all six are in the lower half
    ours = tiers(table([-5.0] * 6 + [1, 2, 3, 4], [1] * 6 + [2, 3, 4, 5]))
    assert ours["value"].tolist() == ["low"] * 6 + ["medium"] * 2 + ["high"] * 2
    # five of ten tie at the top: the middle at .75 is below the top fifth, which stays empty
    assert set(tiers(table([1, 2, 3, 4, 5] + [9] * 5, [1] * 10))["role"]) == {"ordinary"}


def test_the_customer_in_the_very_middle_is_not_in_the_lower_half():
    assert tiers(table([2, 1, 3], [1, 2, 3]))["value"].tolist() == ["medium", "medium", "high"]


@pytest.mark.parametrize("customers", [1, 4])
def test_a_single_customer_and_equal_customers_are_medium_and_ordinary(customers):
    ours = tiers(table([0.0] * customers, [1] * customers))
    assert set(map(tuple, ours[["occasion", "value", "role"]].values)) == {("one-off", "medium", "ordinary")}


@pytest.mark.parametrize(
    ("bad", "options", "message"),
    [
        (table([], []), {}, "not a single customer"),
        (table([1, 2], [1, 0]), {}, "1 of 2 rows have a 'orders' that is not 1, 2, 3, …; the first is row 1"),
        (
            table([1, 2], [1.5, 1]),
            {},
            "1 of 2 rows have a 'orders' that is not 1, 2, 3, …; the first is row 0",
        ),
        (table([1, np.nan], [1, 1]), {}, "total_amount are missing"),
        (table([1], [1]), {"contribution": "margin"}, "no column 'margin'.*orders, total_amount"),
        *(
            (table([1], [1]), {"regular": wrong}, "regular must be a whole number of at least 2")
            for wrong in (1, 2.5, np.nan, np.inf, "4")
        ),
    ],
)
def test_impossible_tables_are_refused(bad, options, message):
    with pytest.raises(ValueError, match=message):
        tiers(bad, **options)


def test_the_input_is_left_as_it_was():
    given = table([1.0, 2.0], [1, 2])
    before = given.copy()
    tiers(given)
    pd.testing.assert_frame_equal(given, before)


def test_the_figure_draws_the_table():
    lines = plot_lorenz([80, 5, 5, 5, 5]).lines
    curve = lorenz([80, 5, 5, 5, 5])
    assert any(
        np.array_equal(line.get_xdata(), curve["share_of_customers"])
        and np.array_equal(line.get_ydata(), curve["share_of_amount"])
        for line in lines
    )
    labels = [line.get_label() for line in lines]
    assert "these customers: Gini 0.60" in labels
    assert "the top 20 % bring: 80 %" in labels
