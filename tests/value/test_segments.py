"""Segments. Referees: simulated groups, closed forms, brute force over all partitions, counts by hand."""

import itertools
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits

from crmlab._results import FitWarning
from crmlab.value import segment, segments

METHODS = ["k-means", "gaussian mixture"]
FEATURES = ["orders", "dollars"]


def groups(sizes=(120, 80, 50), rng=0, apart=10.0):
    """Normal groups, their centres at least `apart` standard deviations from one another."""
    luck = np.random.default_rng(rng)
    truth = np.repeat(np.arange(len(sizes)), sizes)
    centres = apart * np.column_stack([np.arange(len(sizes)), np.arange(len(sizes)) % 2])
    values = centres[truth] + luck.standard_normal((len(truth), 2))
    return pd.DataFrame({"orders": values[:, 0], "dollars": 1000 * values[:, 1]}), truth


def classes(customers=4000, rng=0):
    """Two latent classes of 70 and 30 %, three features of which the first has three categories."""
    luck = np.random.default_rng(rng)
    truth = (luck.random(customers) < 0.3).astype(int)
    tea = np.array([[0.8, 0.15, 0.05], [0.1, 0.2, 0.7]])
    table = {
        "tea": np.array(["black", "green", "white"])[
            (luck.random((customers, 1)) > tea[truth].cumsum(axis=1)).sum(axis=1)
        ],
        **{
            f"asked_{one}": luck.random(customers) < np.array([0.1, 0.8])[truth]
            for one in ("price", "origin")
        },
    }
    return pd.DataFrame(table), truth


# ---- correctness


@pytest.mark.parametrize("method", METHODS)
def test_groups_far_apart_are_found_to_the_last_customer_and_numbered_by_size(method):
    table, truth = groups()
    found = segment(table, FEATURES, 3, method)
    assert (found.labels.to_numpy() == truth + 1).all()
    by_group = table.groupby(truth).mean()
    np.testing.assert_allclose(found.centres, by_group, rtol=1e-3, atol=1)
    assert (found.assign(table) == found.labels).all()


def test_k_means_finds_the_best_of_all_partitions():
    values = np.random.default_rng(1).standard_normal((8, 2))
    values = (values - values.mean(axis=0)) / values.std(axis=0)
    table = pd.DataFrame(values, columns=FEATURES)

    def within(partition):
        parts = [values[partition == one] for one in set(partition)]
        return sum(((part - part.mean(axis=0)) ** 2).sum() for part in parts) / values.size

    best = min(within(np.array(partition)) for partition in itertools.product(range(3), repeat=8))
    found = segment(table, FEATURES, 3)
    assert found.within == pytest.approx(best, rel=1e-12)
    assert within(found.labels.to_numpy()) == pytest.approx(best, rel=1e-12)


def test_one_gaussian_segment_has_the_closed_form_likelihood_in_the_features_own_units():
    table = groups()[0]
    values, n = table.to_numpy(), len(table)
    covariance = np.cov(values.T, bias=True)
    llf = -n / 2 * (2 * np.log(2 * np.pi) + np.log(np.linalg.det(covariance)) + 2)
    found = segment(table, FEATURES, 1, "gaussian mixture")
    assert found.llf == pytest.approx(llf, rel=1e-9)
    assert found.parameters == 5
    assert found.bic == pytest.approx(5 * np.log(n) - 2 * llf, rel=1e-9)
    np.testing.assert_allclose(found.centres.loc[1], table.mean())


def test_one_latent_class_has_the_closed_form_likelihood():
    table = classes(500)[0]
    llf = sum((table[one].value_counts() * np.log(table[one].value_counts() / 500)).sum() for one in table)
    found = segment(table, list(table), 1, "latent class")
    assert found.llf == pytest.approx(llf, rel=1e-9)
    assert found.parameters == 2 + 1 + 1
    assert found.centres.loc[1, "tea: black"] == pytest.approx((table["tea"] == "black").mean())


def test_latent_classes_have_their_sizes_and_probabilities_back():
    table, truth = classes()
    found = segment(table, list(table), 2, "latent class")
    assert found.parameters == 2 * 4 + 1
    shares = found.probabilities(table).mean()
    assert shares[1] == pytest.approx((truth == 0).mean(), abs=0.02)
    true = pd.get_dummies(table, prefix_sep=": ").astype(float).groupby(truth).mean()
    expected = pd.concat([true, (1 - true[["asked_price", "asked_origin"]])], axis=1).to_numpy()
    shown = found.centres[
        ["asked_price: True", "asked_origin: True", "tea: black", "tea: green", "tea: white"]
        + ["asked_price: False", "asked_origin: False"]
    ]
    np.testing.assert_allclose(shown, expected, atol=0.04)  # four standard errors of a share of 1,200
    assert adjusted_rand_score(found.labels, truth) > 0.6


@pytest.mark.parametrize("true", [1, 2, 3])
def test_bic_picks_the_number_of_gaussian_groups(true):
    table = groups((100, 70, 60)[:true], rng=3)[0]
    fits = [segment(table, FEATURES, count, "gaussian mixture") for count in range(1, 5)]
    assert np.argmin([fit.bic for fit in fits]) + 1 == true
    assert all(fit.bic == fit.parameters * np.log(len(table)) - 2 * fit.llf for fit in fits)
    assert (np.diff([fit.llf for fit in fits]) > 0).all()


def test_bic_picks_the_number_of_latent_classes():
    table = classes()[0]
    one, two = (segment(table, list(table), count, "latent class").bic for count in (1, 2))
    assert two < one


def test_what_is_left_within_falls_from_all_to_little_and_mixtures_have_none():
    left = [segment(groups()[0], FEATURES, count).within for count in range(1, 6)]
    assert left[0] == pytest.approx(1) and (np.diff(left) < 0).all()
    assert (
        left[1] > 3 * left[2] and left[3] > left[2] / 2
    )  # three groups are there: a third pays, a fourth does not
    assert np.isnan(segment(groups()[0], FEATURES, 3, "gaussian mixture").within)


def test_segments_that_are_there_are_stable_and_a_cloud_has_none():
    there = segment(groups()[0], FEATURES, 3).stability(draws=10)
    cloud = pd.DataFrame(np.random.default_rng(0).standard_normal((250, 2)), columns=FEATURES)
    not_there = segment(cloud, FEATURES, 3).stability(draws=10)
    assert (there == 1).all() and len(there) == 10
    assert not_there.mean() < 0.75
    assert segment(groups()[0], FEATURES, 3, "gaussian mixture").stability(draws=3).min() == 1
    table = classes(1500)[0]
    assert segment(table, list(table), 2, "latent class").stability(draws=3).min() > 0.9


def test_a_rare_category_may_be_missing_from_a_draw():
    table = classes(300)[0]
    table.loc[0, "tea"] = "zhejiang"
    assert len(segment(table, list(table), 2, "latent class").stability(draws=3)) == 3


# ---- consistency


@pytest.mark.parametrize("method", [*METHODS, "latent class"])
def test_neither_the_order_of_the_rows_nor_the_processors_change_anything(method):
    table = classes(600)[0] if method == "latent class" else groups((60, 60, 60), apart=2.5)[0]
    shuffled = table.sample(frac=1, random_state=1)
    with threadpool_limits(1):
        one = segment(table, list(table), 2, method, rng=5)
    other = segment(shuffled, list(table), 2, method, rng=5)
    assert one.llf == other.llf or method == "k-means"
    pd.testing.assert_frame_equal(one.centres, other.centres, check_exact=True)
    pd.testing.assert_series_equal(one.labels, other.labels.sort_index())


@pytest.mark.parametrize("method", METHODS)
def test_units_do_not_change_the_segments(method):
    table = groups((60, 60, 60), apart=2.5)[0]
    cents = table.assign(dollars=100 * table["dollars"])
    one, other = (segment(each, FEATURES, 3, method) for each in (table, cents))
    assert (one.labels == other.labels).all()
    if method == "gaussian mixture":
        assert other.llf == pytest.approx(one.llf - len(table) * np.log(100), rel=1e-9)


def test_equal_sizes_are_numbered_by_centre():
    table = pd.DataFrame({"orders": [9.0, 9.1, 1.0, 1.1, 5.0, 5.1]})
    assert segment(table, ["orders"], 3).labels.tolist() == [3, 3, 1, 1, 2, 2]


@pytest.mark.parametrize("method", ["gaussian mixture", "latent class"])
def test_probabilities_add_up_and_the_likeliest_is_the_label(method):
    table = classes(500)[0] if method == "latent class" else groups(apart=2)[0]
    found = segment(table, list(table), 2, method)
    chances = found.probabilities(table)
    np.testing.assert_allclose(chances.sum(axis=1), 1)
    assert (chances.idxmax(axis=1) == found.labels).all()
    one = found.assign(table.iloc[[7]])
    assert one.index.tolist() == [7] and one.iloc[0] == found.labels[7]


def test_a_profile_counted_by_hand():
    table = pd.DataFrame({"orders": [1, 2, 1, 9, 8], "dollars": [10, 20, 15, 95, 90]}, index=list("abcde"))
    found = segment(table, FEATURES, 2)
    about = pd.DataFrame({"age": [20, 30, 40, 50, 60], "tea": [*"ggbbb"], "member": [True] * 5}, table.index)
    profile = found.profile(about)
    expected = {"customers": [3, 2], "share": [0.6, 0.4], "age": [30, 55], "member": [1, 1]}
    expected |= {"tea: b": [1 / 3, 1], "tea: g": [2 / 3, 0]}
    pd.testing.assert_frame_equal(
        profile, pd.DataFrame(expected, pd.RangeIndex(1, 3, name="segment")), check_dtype=False
    )
    apart = found.profile(about, standardised=True)
    assert apart["age"].tolist() == pytest.approx([-10 / 200**0.5, 15 / 200**0.5])
    assert apart["member"].tolist() == [0, 0]  # alike for all: no difference
    assert found.profile()["orders"].tolist() == pytest.approx([4 / 3, 8.5])


def test_the_input_is_left_as_it_was_and_k_means_has_no_likelihood():
    table, _ = groups((170, 80))
    before = table.copy()
    found = segment(table, FEATURES, 2)
    table.loc[0, "orders"] = -99.0
    assert found.profile()["orders"].min() > -99
    pd.testing.assert_frame_equal(table.iloc[1:], before.iloc[1:])
    assert np.isnan(found.bic) and np.isnan(found.llf) and found.parameters == 0
    assert repr(found) == "<Segmentation: k-means, 2 segments of 170, 80 customers>"


def test_the_figure_draws_the_profile():
    table = pd.DataFrame({"orders": [1, 2, 1, 9, 8], "dollars": [10, 20, 15, 95, 90]})
    found = segment(table, FEATURES, 2)
    ax = found.plot(names={1: "small", 2: "large"})
    assert [text.get_text() for text in ax.get_yticklabels()] == ["small (3)", "large (2)"]
    apart = found.profile(standardised=True)[FEATURES].to_numpy().ravel()
    wanted = [f"{mean}\n({one:+.1f})" for mean, one in zip(["1.3", "15", "8.5", "92"], apart, strict=True)]
    assert [text.get_text() for text in ax.texts] == wanted
    np.testing.assert_allclose(ax.collections[0].get_array().ravel(), apart)


def test_importing_the_room_does_not_import_the_slow_libraries():
    code = "import sys, crmlab.value; assert not {'sklearn', 'stepmix'} & {*sys.modules}"
    subprocess.run([sys.executable, "-c", code], check=True)


# ---- fits that are not to be trusted


def test_a_segment_without_spread_is_warned_of():
    luck = np.random.default_rng(0)
    table = pd.DataFrame({"orders": np.append(np.ones(150), luck.gamma(3, 3, 100))})
    table["dollars"] = luck.normal(50, 5, 250)
    with pytest.warns(FitWarning, match="gaussian mixture with 2 segments has a segment without spread"):
        segment(table, FEATURES, 2, "gaussian mixture")


def changed(monkeypatch, change):
    """Let k-means return a fit with a flaw that no small table brings about for sure."""
    k_means = segments._k_means

    def flawed(*given):
        fit = k_means(*given)
        change(fit)
        return fit

    monkeypatch.setitem(segments._METHODS, "k-means", flawed)


def test_a_fit_that_did_not_converge_is_warned_of(monkeypatch):
    changed(monkeypatch, lambda fit: setattr(fit, "converged", False))
    with pytest.warns(FitWarning, match="k-means with 2 segments did not converge"):
        segment(groups()[0], FEATURES, 2)


def test_a_segment_without_customers_comes_last_and_is_warned_of(monkeypatch):
    def everybody_to_the_second(values):
        return np.tile([0.2, 0.5, 0.3], (len(values), 1))

    changed(monkeypatch, lambda fit: setattr(fit, "memberships", everybody_to_the_second))
    with pytest.warns(FitWarning, match="a segment that is nobody's likeliest"):
        found = segment(groups()[0], FEATURES, 3)
    assert found.profile()["customers"].tolist() == [250, 0, 0]
    assert set(found.labels) == {1}


# ---- bad input


SMALL = pd.DataFrame({"orders": [1.0, 2.0, 2.0, 9.0], "dollars": [5.0, 6.0, 6.0, 7.0], "tea": [*"bbgg"]})


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({}, {"count": 0}, "count must be a whole number of at least 1; got 0"),
        ({}, {"count": 5}, "5 segments of 4 rows, 3 of them different"),
        ({}, {"count": 4}, "4 segments of 4 rows, 3 of them different"),
        ({}, {"method": "kmeans"}, "no method 'kmeans'. Did you mean 'k-means'"),
        ({}, {"features": "orders"}, "features is a list of different columns"),
        ({}, {"features": []}, "features is a list of different columns"),
        ({}, {"features": ["orders", "orders"]}, "features is a list of different columns"),
        ({}, {"features": ["order"]}, "no column 'order'.*dollars, orders, tea"),
        ({}, {"features": ["tea"]}, "tea must hold numbers"),
        ({}, {"features": ["orders"], "method": "latent class"}, "'orders' holds numbers and latent classes"),
        ({}, {"features": ["cup"], "method": "latent class"}, "no column 'cup'"),
        ({"orders": 3.0}, {}, "All 4 customers have the same 'orders'"),
        ({"orders": 3.0, "dollars": 1.0}, {}, "the same 'orders' and the same 'dollars'"),
        ({"tea": "b"}, {"features": ["tea"], "method": "latent class"}, "the same 'tea'"),
        ({"orders": [1, np.nan, 2, 3]}, {}, "1 of 4 values of orders are missing or infinite"),
        ({"orders": [1, np.inf, 2, 3]}, {}, "1 of 4 values of orders are missing or infinite"),
        (
            {"tea": ["b", None, "g", "g"]},
            {"features": ["tea"], "method": "latent class"},
            "1 of 4 rows have no 'tea'",
        ),
    ],
)
def test_impossible_requests_are_refused(change, options, message):
    options = {"features": FEATURES, "count": 2} | options
    with pytest.raises(ValueError, match=message):
        segment(SMALL.assign(**change), **options)


@pytest.mark.parametrize("method", ["k-means", "latent class"])
def test_no_customers_and_no_table_are_refused(method):
    features = ["tea"] if method == "latent class" else FEATURES
    with pytest.raises(ValueError, match="the number of customers must be .* at least 1; got 0"):
        segment(SMALL.iloc[:0], features, 1, method)
    with pytest.raises(ValueError, match="A pandas DataFrame is needed, this is a dict"):
        segment({"orders": [1, 2]}, features, 1, method)


def test_the_stability_of_one_segment_is_no_question():
    with pytest.raises(ValueError, match="One segment is the same whoever is drawn"):
        segment(SMALL, FEATURES, 1).stability()
    with pytest.raises(ValueError, match="draws must be a whole number of at least 1"):
        segment(SMALL, FEATURES, 2).stability(draws=0)


def test_new_customers_need_the_features_and_known_categories():
    found = segment(SMALL, FEATURES, 2)
    with pytest.raises(ValueError, match="no column 'dollars'"):
        found.assign(SMALL[["orders"]])
    with pytest.raises(ValueError, match="orders are missing or infinite"):
        found.assign(SMALL.assign(orders=np.nan))
    with pytest.raises(ValueError, match="k-means knows no probabilities"):
        found.probabilities(SMALL)
    table = classes(200)[0]
    by_class = segment(table, list(table), 2, "latent class")
    new = table.head(3).assign(tea=["black", "green", "mate"])
    known = r"1 of 3 rows have another 'tea' than \['black', 'green', 'white'\]; .* row 2: .*'tea': 'mate'"
    with pytest.raises(ValueError, match=known):
        by_class.assign(new)
    with pytest.raises(ValueError, match="no column 'tea'"):
        by_class.probabilities(table[["asked_price"]])


def test_a_profile_needs_the_same_customers_without_gaps():
    found = segment(SMALL, FEATURES, 2)
    with pytest.raises(ValueError, match="the segmentation has another index"):
        found.profile(SMALL.iloc[::-1])
    with pytest.raises(ValueError, match="1 of 4 rows have a missing value"):
        found.profile(pd.DataFrame({"age": [1, None, 2, 3]}))
    with pytest.raises(ValueError, match="age are missing or infinite"):
        found.profile(pd.DataFrame({"age": [1, np.inf, 2, 3]}))
