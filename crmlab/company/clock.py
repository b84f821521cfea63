"""Operational time: how much time to buy has passed for a customer by a day."""

import numpy as np
from scipy.special import ndtr

from crmlab.company import goods
from crmlab.company._draft import Draft
from crmlab.company._draws import Array
from crmlab.company._schema import START, constants
from crmlab.company.customers import SEGMENTS

AHEAD = 365  # days after the log for which the expected orders are told
WEEKDAYS = np.array([1.0, 0.95, 0.95, 1.0, 1.1, 1.2, 0.8])  # Monday first
LEVELS = 6  # of readiness for a cut: customers between two levels are taken for the nearer
_REGIONS = 4


class Clock:
    """Time that runs fast when one buys much: in December, on Saturdays, in a price cut.

    All customers of a kind (deal level, gift buyer or not, region) have the same clock. It is a line between
    midnights, so it can be read by day and turned round.
    """

    def __init__(self, draft: Draft):
        world, traits = draft.world, draft.traits
        self.days = world.days + AHEAD
        day = np.arange(self.days, dtype=float)
        season = 1 + world.season * np.cos(2 * np.pi * (day + 0.5 - 345) / 365.25)  # December is high
        date = START.astype("M8[D]") + day.astype(int)
        if world.weekdays:
            season = season * WEEKDAYS[(date.astype(int) + 3) % 7]
        gifts = np.array([np.ones(self.days), _gifts(world.gift_peak, date)])
        cut = goods.is_cut(draft, day)
        deals = np.array([np.where(cut, lift, 1) for lift in self.lifts(draft)])
        deals /= deals.mean(axis=1, keepdims=True)
        moves = np.ones((_REGIONS, self.days))
        for start, length, factors in draft.moves:
            moves[:, start : start + length] *= factors[:, None]
        rate = (gifts[:, None, None] * deals[:, None] * moves * season).reshape(-1, self.days)
        self.rate = rate
        self.readings = np.concatenate([np.zeros((len(rate), 1)), rate.cumsum(axis=1)], axis=1)
        gift = traits["segment"] == SEGMENTS.index.get_loc("gift")
        ready = np.floor(ndtr(traits["deal_prone"]) * (LEVELS - 1)).astype(int)
        level = np.where(traits["deal"], LEVELS - 1, ready)
        self.kind = (gift * LEVELS + level) * _REGIONS + traits["region"]
        whole = np.arange(self.readings.max() + 1)  # of each clock, the day on which it shows a whole number
        self._days = np.array([np.searchsorted(one, whole, side="right") - 1 for one in self.readings])

    @staticmethod
    def lifts(draft: Draft) -> Array:
        """Return the purchase rate in a cut as a multiple of other times, by level; the last level waits."""
        ready = np.linspace(0, 1, LEVELS - 1) ** 2
        return np.append(1 + draft.world.cut_lift * ready, draft.world.deal_lift)

    def read(self, customer: Array, day: Array | float) -> Array:
        """Return the operational time of these customers on these days."""
        when: Array = np.minimum(np.broadcast_to(day, customer.shape), self.days)
        whole, kind = np.minimum(when.astype(int), self.days - 1), self.kind[customer]
        place = kind * (self.days + 1) + whole
        return self.readings.take(place) + (when - whole) * self.rate.take(place - kind)

    def day(self, customer: Array, reading: Array) -> Array:
        """Return the day on which these customers' clocks show the reading (infinity: after all days)."""
        kind = self.kind[customer]
        beyond = reading >= self.readings[kind, -1]
        sought, rows = np.where(beyond, 0, reading), np.arange(len(kind))
        whole, start = self._days[kind, sought.astype(int)], kind * (self.days + 1)
        while len(rows):  # few days are left from a whole number on
            rows = rows[self.readings.take(start[rows] + whole[rows] + 1) <= sought[rows]]
            whole[rows] += 1
        place = start + whole
        found = whole + (sought - self.readings.take(place)) / self.rate.take(place - kind)
        return np.where(beyond, np.inf, found)


def _gifts(peak: float, date: Array) -> Array:
    """Return the rate of gift buyers by date: high in the three weeks before a feast, 1 in the mean."""
    rate = np.ones(len(date))
    for feast in constants("feasts.csv")["date"]:
        before = (np.array(feast, "M8[D]") - date).astype(int)
        rate[(before >= 0) & (before < 21)] = peak
    return rate / rate.mean()
