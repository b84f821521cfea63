"""A company while it is being drawn."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from crmlab.company._draws import Array, Draws
from crmlab.company._schema import frame
from crmlab.company.worlds import Levers, World


@dataclass
class Draft:
    """What is drawn so far: finished tables, and arrays for what later steps build upon.

    All days are floats since the start of the log; customers, people, leads and so on are positions from 0,
    which become ids from 1 in the tables.
    """

    world: World
    levers: Levers
    draws: Draws
    customers: int
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    truth: dict[str, pd.DataFrame] = field(default_factory=dict)
    traits: dict[str, Array] = field(default_factory=dict)  # one entry per customer
    people: dict[str, Array] = field(default_factory=dict)  # per person
    leads: dict[str, Array] = field(default_factory=dict)  # per lead
    orders: dict[str, Array] = field(default_factory=dict)  # per order
    trials: list[Array] = field(default_factory=list)  # per campaign, columns of treatments and their truth
    staff: dict[str, Array] = field(default_factory=dict)  # positions of employees by department

    def table(self, name: str, /, **data: Any) -> None:
        """Finish a table that the company has."""
        self.tables[name] = frame("company", name, data)

    def secret(self, name: str, /, **data: Any) -> None:
        """Finish a table of the truth."""
        self.truth[name] = frame("truth", name, data)


def ids(positions: Array) -> Array:
    """Return ids from 1 for positions from 0; −1 (nobody) becomes NaN (missing)."""
    return np.where(positions < 0, np.nan, positions + 1)
