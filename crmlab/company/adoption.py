"""Taking up a launched tea: found by oneself, tasted as a sample, or heard of from an acquaintance."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from crmlab.company._draft import Draft
from crmlab.company._draws import Array
from crmlab.company.acquaintances import ties

_KEEN = 0.9  # what a standard deviation of innovativeness adds to the log of the rate of discovery
_TASTED, _HEARD = 10, 20  # mean days from the sample, and from another's taking it up, to one's own
_LAG = 7  # the days that at least lie between one's taking it up and another's: it has to come and be tasted


def adopt(draft: Draft, launches: Sequence[float]) -> list[dict[str, Array]]:
    """Return for each tea launched on these days who takes it up: ``customer``, ``day`` and ``by`` whom.

    An independent cascade (Kempe, Kleinberg & Tardos 2003) over the acquaintances beside own discovery.
    Whoever takes a tea up brings each acquaintance to do so with the probability World.contagion × the
    lever `influence` (for all, or by customer), once, some days later; it is lost on who is no customer then.
    Innovators find it by themselves first. `by` is −1 for own discovery and samples. Chance belongs to a
    customer, or to a tie in one direction, and a tea: so customers without a path of acquaintances to a
    change stay the same.

    References
    ----------
    Kempe, D., Kleinberg, J. & Tardos, É. (2003). Maximizing the spread of influence through a social network.
    KDD '03, 137–146. https://doi.org/10.1145/956750.956769
    """
    return [_spread(draft, tea, int(launch)) for tea, launch in enumerate(launches)]


def samples(draft: Draft, tea: int, launch: float) -> Array:
    """Return who is sent a sample on the day of the launch: those named, or by lot so many of the joined."""
    sent: Any = draft.levers.samples
    if isinstance(sent, str):
        return np.zeros(0, int)
    joined = np.flatnonzero(draft.traits["joined"] < launch)
    if sent is not None and np.ndim(sent):
        return np.intersect1d(np.asarray(sent, int) - 1, joined)
    count = round(draft.world.samples * len(joined)) if sent is None else int(sent)
    return joined[np.argsort(draft.draws.uniform("samples.lot", joined, tea), kind="stable")[:count]]


def own_discovery(draft: Draft, tea: int, launch: float) -> Array:
    """Return the day on which each customer would take the tea up without a word from others."""
    draws, world, everybody = draft.draws, draft.world, np.arange(draft.customers)
    traits = draft.traits
    keen = traits.get("innovativeness", draws.normal("truth.innovativeness", everybody))
    rate = world.discovery / 365 * np.exp(_KEEN * keen - _KEEN**2 / 2)
    wait = -np.log(draws.uniform("adoption.discovery", everybody, tea)) / rate.clip(1e-12)
    day = np.floor(np.maximum(launch, traits["joined"]) + wait) + 1
    sent = samples(draft, tea, launch)
    tasted = launch + 2 - np.floor(_TASTED * np.log(draws.uniform("adoption.tasted", sent, tea)))
    convinced = draws.uniform("adoption.convinced", sent, tea) < world.sample_effect
    day[sent[convinced]] = np.minimum(day[sent], tasted)[convinced]
    return day


def tie_delays(draft: Draft, tea: int, one: Array, other: Array) -> Array:
    """Return how many days after the one the other takes the tea up (infinity: the other does not care)."""
    likely = draft.world.contagion * _talk(draft)[one]
    days = _LAG - np.floor(_HEARD * np.log(draft.draws.uniform("adoption.heard", one, other, tea)))
    return np.where(draft.draws.uniform("adoption.contagion", one, other, tea) < likely, days, np.inf)


def _talk(draft: Draft) -> Array:
    """Return by what factor each customer's word counts, by the lever `influence`."""
    factor: Any = draft.levers.influence
    if not isinstance(factor, dict):
        return np.full(draft.customers, 1.0 if factor is None else factor)
    who = np.array([int(one) for one in factor])
    if who.max() > draft.customers:
        raise ValueError(f"influence names customer {who.max()}; there are {draft.customers} customers.")
    talk = np.ones(draft.customers)
    talk[who - 1] = [*factor.values()]
    return talk


def _spread(draft: Draft, tea: int, launch: int) -> dict[str, Array]:
    """Go through the weeks: whoever takes it up in one sets days of acquaintances, all in later weeks."""
    n, end, joined = draft.customers, draft.world.days, draft.traits["joined"]
    until = np.fmin(draft.traits["left_on"], end)
    due: dict[int, list[Array]] = defaultdict(list)
    taken, by = np.full(n, np.inf), np.full(n, -1)
    told = np.stack([np.arange(n), np.full(n, -1), own_discovery(draft, tea, launch)])
    one, other, delay, start = _heard(draft, tea)
    while True:
        _note(due, told[:, told[2] < end], launch)
        if not due:
            break
        told = np.concatenate(due.pop(min(due)), axis=1)
        who, teller, day = told[0].astype(int), told[1].astype(int), told[2]
        fits = np.flatnonzero((joined[who] < day) & (day < until[who]) & np.isinf(taken[who]))
        # of one day the earlier customer counts
        order = fits[np.lexsort((teller[fits], day[fits], who[fits]))]
        who, first = np.unique(who[order], return_index=True)
        taken[who], by[who] = day[order][first], teller[order][first]
        count = start[who + 1] - start[who]
        rows = np.repeat(start[who] - np.cumsum(count) + count, count) + np.arange(count.sum())
        told = np.stack([other[rows], one[rows], taken[one[rows]] + delay[rows]])
    customer = np.flatnonzero(taken < end)
    return {"customer": customer, "day": taken[customer], "by": by[customer]}


def _heard(draft: Draft, tea: int) -> tuple[Array, Array, Array, Array]:
    """Return each one, the other who follows, how many days after, and from which row on each one stands."""
    other, start = ties(draft)["knows"], ties(draft)["start"]
    one = np.repeat(np.arange(draft.customers), np.diff(start))
    delay = tie_delays(draft, tea, one, other)
    cares = np.isfinite(delay)
    one = one[cares]
    return one, other[cares], delay[cares], np.searchsorted(one, np.arange(draft.customers + 1))


def _note(due: dict[int, list[Array]], told: Array, launch: int) -> None:
    """Put down who is to take it up, told by whom, on which day: by the week."""
    week = (told[2] - launch) // _LAG
    order = np.argsort(week, kind="stable")
    weeks, starts = np.unique(week[order], return_index=True)
    for one, part in zip(weeks.tolist(), np.split(told[:, order], starts, axis=1)[1:], strict=True):
        due[int(one)].append(part)


def add_adoptions(draft: Draft) -> None:
    """Add who took up each launched tea, when, and who brought them to it."""
    found = draft.adoptions
    whole = {name: np.concatenate([one[name] for one in found]) for name in found[0]}
    tea = np.repeat(np.arange(len(found)), [len(one["day"]) for one in found])
    draft.secret(
        "adoptions", launch=tea + 1, customer_id=whole["customer"] + 1, taken_up_on=whole["day"],
        told_by_id=np.where(whole["by"] < 0, np.nan, whole["by"] + 1),
    )  # fmt: skip
