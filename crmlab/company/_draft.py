"""A company while it is being drawn."""

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from crmlab.company._draws import Array, Draws
from crmlab.company._schema import declared, frame
from crmlab.company.levers import Levers
from crmlab.company.worlds import World


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
    partners_wanted: int = 24
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    truth: dict[str, pd.DataFrame] = field(default_factory=dict)
    traits: dict[str, Array] = field(default_factory=dict)  # one entry per customer
    people: dict[str, Array] = field(default_factory=dict)  # per person
    leads: dict[str, Array] = field(default_factory=dict)  # per lead
    orders: dict[str, Array] = field(default_factory=dict)  # per order
    base: dict[str, Array] = field(default_factory=dict)  # the base stream, per order
    base_lines: dict[str, Array] = field(default_factory=dict)  # per line of it; an order is its key
    lines: dict[str, Array] = field(default_factory=dict)  # per line; an order is its position
    years: dict[str, Array] = field(default_factory=dict)  # per year of a membership
    clock: Any = None  # operational time
    moves: list[tuple[int, int, Array]] = field(default_factory=list)  # of competitors, as felt
    policies: list[tuple[float, Array, Array]] = field(default_factory=list)  # day, tier, who is treated
    states: list[Any] = field(default_factory=list)  # as each campaign begins and at the end of the log
    trials: list[dict[str, Any]] = field(default_factory=list)  # per campaign, what was done and what it adds
    adoptions: list[dict[str, Array]] = field(default_factory=list)  # per launched tea
    invited: Array = field(default_factory=lambda: np.zeros((3, 0)))  # to bring a friend: customer, day, lot
    partners: dict[str, Array] = field(default_factory=dict)  # per partner
    ties: dict[str, Array] = field(default_factory=dict)  # who knows whom
    staff: dict[str, Array] = field(default_factory=dict)  # positions of employees by department

    def table(self, name: str, /, **data: Any) -> None:
        """Finish a table that the company has."""
        self.tables[name] = frame("company", name, data)

    def secret(self, name: str, /, **data: Any) -> None:
        """Finish a table of the truth."""
        self.truth[name] = frame("truth", name, data)


Steps = Mapping[str, Callable[[Draft], None]]  # by the table that they draw


class Tables(MutableMapping[str, pd.DataFrame]):
    """The tables of a company by name, in the order of their declaration; some are drawn when asked for.

    A step that draws one late finds the draft as the last step of the core left it. So what is handed out
    is a copy (its data are shared until somebody writes): a table drawn late is the table drawn early,
    whatever was done to the others meanwhile.
    """

    def __init__(
        self, side: str, made: dict[str, pd.DataFrame], draft: Draft | None = None, later: Steps | None = None
    ):
        self.side, self._made, self._draft, self._later = side, made, draft, later or {}
        self._given: dict[str, pd.DataFrame] = {}

    def __getitem__(self, name: str) -> pd.DataFrame:
        if name not in self._given:
            if name not in self._made and self._draft:
                self._later[name](self._draft)
            self._given[name] = self._made[name].copy(deep=False)
        return self._given[name]

    def __setitem__(self, name: str, table: pd.DataFrame) -> None:
        self._given[name] = table

    def __delitem__(self, name: str) -> None:
        raise TypeError(f"A company has all its tables: {name!r} cannot be deleted.")

    def __contains__(self, name: object) -> bool:
        return name in declared()[self.side]  # without drawing it

    def __iter__(self) -> Iterator[str]:
        return iter(declared()[self.side])

    def __len__(self) -> int:
        return len(declared()[self.side])


def ids(positions: Array) -> pd.arrays.IntegerArray:
    """Return ids from 1 for positions from 0; −1 (nobody) becomes a missing one."""
    return pd.arrays.IntegerArray(positions + 1, positions < 0)
