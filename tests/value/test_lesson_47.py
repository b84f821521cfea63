"""What lesson 47 writes out by hand agrees with the package. Referee: the stored notebook."""

import numpy as np
import pandas as pd
import pytest

from crmlab import value
from tests.value.test_lessons import cell_with

LESSON = "47_key_accounts"


def test_equivalent_customers():
    revenue = pd.Series(np.random.default_rng(0).pareto(2, 50) + 1)
    source = cell_with(LESSON, "by_hand = 1 /").splitlines()[:2]
    held = {"yearly": pd.DataFrame({("amount_cents", 2025): revenue})}
    exec("\n".join(source), held)
    assert held["by_hand"] == pytest.approx(value.concentration(revenue)["equivalent_customers"])
