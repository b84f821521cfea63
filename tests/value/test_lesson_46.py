"""What lesson 46 writes out by hand agrees with its referee: scikit-learn."""

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from tests.value.test_lessons import cell_with

LESSON = "46_segments"


@pytest.mark.filterwarnings("ignore:Mean of empty slice", "ignore:invalid value")  # a start that fails
@pytest.mark.parametrize("groups", [2, 3])
def test_k_means_in_ten_lines_is_scikit_learns(groups):
    rng = np.random.default_rng(groups)
    points = rng.standard_normal((groups, 1, 2)) * 4 + rng.standard_normal((groups, 60, 2))
    held = {}
    source = cell_with(LESSON, "def k_means")
    exec("import numpy as np\n" + source[source.index("def k_means") : source.index("rng = ")], held)
    z = points.reshape(-1, 2)
    starts = (held["k_means"](z, groups, np.random.default_rng(seed)) for seed in range(30))
    labels, left_over = min((one for one in starts if np.isfinite(one[1])), key=lambda one: one[1])
    theirs = KMeans(groups, n_init=10, random_state=0).fit(z)
    assert adjusted_rand_score(labels, theirs.labels_) == 1
    assert left_over == pytest.approx(theirs.inertia_, rel=1e-9)
