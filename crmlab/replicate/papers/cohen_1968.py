"""Weighted kappa: two judges, two hundred persons, three diagnoses."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from crmlab import collect
from crmlab.replicate import Row, case

PER_CENT = np.array([[44, 7, 9], [5, 20, 5], [1, 3, 6]])
WORSE = np.array([[0, 1, 3], [1, 0, 6], [3, 6, 0]])  # how bad each confusion is


@case(
    "Cohen, J. (1968), Weighted kappa: nominal scale agreement with provision for scaled disagreement or "
    "partial credit, Psychological Bulletin 70(4), 213–220, doi:10.1037/h0026256",
    data="a table of proportions of 200 persons",
    data_class="typed-in table",
)
def cohen_1968() -> Iterator[Row]:
    """Yield kappa without weights and with."""
    one, other = (place.repeat(2 * PER_CENT.ravel()) for place in np.indices(PER_CENT.shape).reshape(2, -1))
    codes = pd.DataFrame({"one": one, "other": other})
    found = collect.agreement(codes, weights=pd.DataFrame(WORSE), draws=20)["value"]
    seen = "quoted elsewhere"
    yield Row("kappa", ".492", found["kappa"], "table 1", seen)
    yield Row("weighted kappa", ".348", found["weighted_kappa"], "table 1", seen)
