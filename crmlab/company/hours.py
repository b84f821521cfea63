"""Hours and weekdays: when a channel is used, and when somebody is there to answer."""

import numpy as np

from crmlab.company._draft import Draft
from crmlab.company._draws import Array, choose
from crmlab.company._schema import START, categories, constants

CHANNELS = categories("orders", "channel")
_TOLD = [constants("hours.toml")[channel] for channel in CHANNELS]
# Rows: a channel on weekdays, the same at weekends, the next channel on weekdays, ...
_HOURS = np.array([one[days] for one in _TOLD for days in ("week", "weekend")], float)
_WAITS = np.array([one["waits"] for one in _TOLD], float)  # by channel and weekday
_MONDAY = int((START.astype("M8[D]").astype(int) + 3) % 7)  # the log begins so many days after a Monday
OFFICE, AWAKE = (9, 9, 5), (8, 14, 7)  # of those who answer: first hour, hours a day, days a week


def weekday(day: Array) -> Array:
    """Return the weekday, 0 for Monday."""
    return np.floor(day + _MONDAY).astype(int) % 7


def opening(channel: Array, day: Array, back: bool = False) -> Array:
    """Return the day on which it happens by this channel: this one, or the next (last) on which it is open.

    What moves stands at the beginning of its new day; what hour it was before decides which web orders wait
    for the weekend.
    """
    moved, part = np.floor(day), day - np.floor(day)
    for _ in range(2):  # nothing is closed for more than two days
        share = _WAITS[channel, weekday(moved)]
        waits = share == 1 if back else part >= 1 - share
        moved, part = np.where(waits, moved - 1 if back else moved + 1, moved), np.where(waits, 0, part)
    return moved + part


def at_hour(
    draft: Draft, purpose: str, key: Array | tuple[Array | int, ...], day: Array, channel: Array
) -> Array:
    """Return the day with an hour by which the channel is used on such a day; the minute is chance, too."""
    keys = key if isinstance(key, tuple) else (key,)
    luck, minute = (draft.draws.uniform(f"{purpose}{part}", *keys) for part in ("", ".minute"))
    hour = choose(luck, _HOURS, 2 * channel + (weekday(day) >= 5))
    return np.floor(day) + (hour + minute) / 24


def later(moment: Array, hours: Array, rhythm: tuple[int, int, int] = OFFICE) -> Array:
    """Return when so many hours have passed of those in which somebody is there: on weekdays from nine."""
    first, length, week = rhythm
    monday = 7 * np.floor((moment + _MONDAY) / 7) - _MONDAY
    since = moment - monday
    inside = np.where(since < week, (24 * (since % 1) - first).clip(0, length), 0)
    passed = np.floor(since).clip(max=week) * length + inside + hours
    weeks, passed = np.divmod(passed, week * length)
    days, rest = np.divmod(passed, length)
    return monday + 7 * weeks + days + (first + rest) / 24
