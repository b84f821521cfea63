"""Insurance for rice farmers: neighbours of an earlier round, moved by a lot, and those who follow them."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from crmlab import datasets
from crmlab.replicate import Row, case

OWN = ["male", "age", "household", "rice_area", "literate", "intensive", "risk_averse", "disaster"]


@case(
    "Cai, J., de Janvry, A. & Sadoulet, E. (2015), Social networks and the decision to insure, American "
    "Economic Journal: Applied Economics 7(2), 81–108, doi:10.1257/app.20130442",
    data="social_insurance",
    data_class="authors'",
)
def cai_de_janvry_sadoulet_2015() -> Iterator[Row]:
    """Yield what the lot did to the earlier round, and what that did to the later one (two stages).

    Each village has a constant of its own; standard errors allow for settlements in which all are alike.
    """
    table = datasets.load("social_insurance").dropna()
    where, seen = "take-up by the first round's default", "from memory"
    yield Row("farmers without a gap", "1378", len(table), where, seen)
    villages = pd.get_dummies(table["village"]).to_numpy(float)
    held = np.column_stack([table[OWN].to_numpy(float), villages])
    lot = np.column_stack([held, table["default"]])
    moved, taken = table["insured_before"].to_numpy(), table["insured"].to_numpy(float)
    first = np.linalg.lstsq(lot, moved, rcond=None)[0]
    yield Row("first stage: default on the earlier round's share", ".118", first[-1], where, seen)
    real, fitted = np.column_stack([held, moved]), np.column_stack([held, lot @ first])
    found = np.linalg.lstsq(fitted, taken, rcond=None)[0]
    yield Row(
        "two-stage least squares: the earlier round's share on taking it", ".791", found[-1], where, seen
    )
    left = (taken - real @ found)[:, None] * fitted
    groups = pd.DataFrame(left).groupby(table["settlement"].to_numpy()).sum().to_numpy()
    inverse = np.linalg.inv(fitted.T @ fitted)
    rows, columns, count = *real.shape, len(groups)
    spread = inverse @ groups.T @ groups @ inverse * count / (count - 1) * (rows - 1) / (rows - columns)
    yield Row("its standard error, by settlement", ".273", np.sqrt(spread[-1, -1]), where, seen)
