"""What lesson 46 writes out by hand agrees with its referees: scikit-learn, and a search by SciPy."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, logsumexp
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from tests.value.test_lessons import cell_with

LESSON = "46_segments"


def written(name, **given):
    """Return the function of this name that the lesson writes, and no more of its cell."""
    source = cell_with(LESSON, f"def {name}")
    start = source.index(f"def {name}")
    names = {"np": np, "logsumexp": logsumexp, **given}
    exec(source[start : source.index("\n\n\n", start)], names)
    return names[name]


@pytest.mark.parametrize("groups", [2, 3])
def test_k_means_in_ten_lines_is_scikit_learns(groups):
    rng = np.random.default_rng(groups)
    points = rng.standard_normal((groups, 1, 2)) * 4 + rng.standard_normal((groups, 60, 2))
    k_means, z = written("k_means"), points.reshape(-1, 2)
    starts = (k_means(z, groups, np.random.default_rng(seed)) for seed in range(30))
    labels, left_over = min(starts, key=lambda one: one[1])
    theirs = KMeans(groups, n_init=10, random_state=0).fit(z)
    assert adjusted_rand_score(labels, theirs.labels_) == 1
    assert left_over == pytest.approx(theirs.inertia_, rel=1e-9)


def test_k_means_in_ten_lines_copes_with_ties():
    z = np.repeat([[0.0], [1.0], [5.0], [6.0], [20.0]], [40, 1, 30, 2, 1], axis=0)
    k_means = written("k_means")
    found = [k_means(z, 4, np.random.default_rng(seed)) for seed in range(50)]
    assert all(len(np.unique(nearest)) == 4 for nearest, _ in found)
    theirs = KMeans(4, n_init=50, random_state=0).fit(z).inertia_
    assert min(left_over for _, left_over in found) == pytest.approx(theirs, rel=1e-9)


def test_k_means_in_ten_lines_keeps_a_centre_that_everybody_leaves():
    """Of these draws one was seen to lose a group on the way."""
    z = np.random.default_rng(57).standard_normal((12, 2)) ** 3
    nearest, left_over = written("k_means")(z, 8, np.random.default_rng(57))
    assert np.isfinite(left_over) and nearest.max() < 8


@pytest.mark.parametrize("classes", [1, 2])
def test_the_mixture_over_six_articles_has_the_greatest_likelihood(classes):
    """With two categories a class is the chance of the first: SciPy finds the same."""
    rng = np.random.default_rng(5)
    first = rng.binomial(6, np.where(rng.random(300) < 0.4, 0.85, 0.2))
    rows, times = np.unique(np.column_stack([first, 6 - first]).astype(float), axis=0, return_counts=True)

    def misfit(at):
        chance, share = expit(at[:classes]), np.append(expit(at[classes:]), 1 - expit(at[classes:]).sum())
        joint = rows @ np.log([chance, 1 - chance]) + np.log(share[:classes])
        return -(times * logsumexp(joint, axis=1)).sum()

    log_likelihood = written("log_likelihood", rows=rows, times=times)
    ours = max(log_likelihood(classes, rng) for _ in range(3))
    starts = [[0.0], [1.0]] if classes == 1 else [[2.0, -1.0, 0.0], [1.0, 0.0, -1.0]]
    theirs = max(-minimize(misfit, start, options={"gtol": 1e-8}).fun for start in starts)
    assert ours == pytest.approx(theirs, abs=1e-6)
