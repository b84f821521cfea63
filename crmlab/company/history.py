"""The base stream: order after order of each customer, until one makes them leave or the log ends."""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammainc, gammaincinv, softmax
from scipy.stats import poisson

from crmlab.company import goods, partnership
from crmlab.company._draft import Draft
from crmlab.company._draws import Array
from crmlab.company.clock import Clock
from crmlab.company.experience import TIERS, experiences
from crmlab.company.worlds import World

MOST_ORDERS = 9_999  # of a customer in the base stream, so that an order's key tells the customer
SPAN = 100_000  # keys of a customer: the index in the base stream, or 10,000 times the lever and an index
_AT_ONCE = 1_000  # orders that are placed together, if there are as many
_POLICY_SHARES = [0.4, 0.7]  # of the log, at which service comes to differ by tier
_POLICY_TIERS = ["middle", "low"]  # whom it concerns then: events, and contacts with experience
_TIER_EDGES = [0.8, 0.4]  # ranks of a year's spend from which a customer is of high and of middle value
_AFTER = 120  # days after a window; fewer where campaigns are closer
PREFERRED = 0.6  # share of orders through the preferred channel
_OTHER = (1 - PREFERRED) / 5
_SUNDAY, _SATURDAY = 0, 6  # the log begins on a Sunday
_VISIT, _PHONE = 1, 2
Round = tuple[dict[str, Array], dict[str, Array]]  # orders, and their lines with the position of the order


@dataclass
class State:
    """Where each customer stands today: orders so far, still a customer, operational time since and to go."""

    today: float
    number: Array
    alive: Array
    elapsed: Array
    wait: Array


def live(draft: Draft) -> None:
    """Let all customers live through the log, and keep where they stand as campaigns begin and as it ends."""
    world, n = draft.world, draft.customers
    draft.moves = partnership.moves(draft)
    draft.clock = Clock(draft)
    state = State(0, np.zeros(n, int), np.ones(n, bool), np.zeros(n), np.zeros(n))
    stops = {float(day): None for day in world.campaign_starts}
    policies = dict(zip(policy_days(draft), _POLICY_TIERS, strict=False))
    rounds = list[Round]()
    for stop in sorted({*stops, *policies, float(world.days)}):
        rounds += _advance(draft, state, stop)
        if stop in stops:
            now = State(stop, state.number.copy(), state.alive.copy(), state.elapsed.copy(), state.wait)
            draft.states.append(now)
        if stop in policies:
            _differ(draft, rounds, stop, policies[stop])
    draft.states.append(state)
    draft.base, draft.lines = joined(rounds)


def window(draft: Draft, state: State, leaving: Array) -> list[tuple[Array, Array]]:
    """Return the orders to expect in a campaign's window that begins now, and until some days after it."""
    end = state.today + draft.world.campaign_days
    return [expected_orders(draft, state, leaving, until) for until in (end, end + after_days(draft.world))]


def after_days(world: World) -> int:
    """Return the days after a campaign's window in which some of what it gained is missed."""
    room = world.days // (world.campaigns + 1) - world.campaign_days
    return min(_AFTER, room)


def policy_days(draft: Draft) -> list[float]:
    """Return the days on which service comes to differ by tier."""
    world = draft.world
    differ = world.policy_effect or draft.levers.service_level
    return [float(int(share * world.days)) for share in _POLICY_SHARES] if differ else []


def _differ(draft: Draft, rounds: list[Round], day: float, tier: str) -> None:
    """From a day on, serve the customers of a tier, half of them by lot, in another way."""
    n, spend = draft.customers, np.zeros(draft.customers)
    for events, _ in rounds:
        recent = events["time"] >= day - 365
        spend += np.bincount(events["customer"][recent], events["spend"][recent], n)
    known = draft.traits["joined"] < day
    rank = np.full(n, np.nan)
    rank[known] = (np.argsort(np.argsort(spend[known], kind="stable"), kind="stable") + 0.5) / known.sum()
    high, middle = _TIER_EDGES
    code = np.select([rank >= high, rank >= middle, known], [0, 1, 2], -1)
    lot = draft.draws.uniform("policies.lot", np.arange(n), len(draft.policies)) < 0.5
    draft.policies.append((day, code, lot & (code == TIERS.index(tier))))


def channels(draft: Draft, customer: Array, key: Array, time: Array) -> Array:
    """Return the way in which each order is placed; at weekends the web stands in for the others."""
    luck = draft.draws.uniform("orders.channel", key)
    other = np.floor((luck - PREFERRED).clip(0) / _OTHER).astype(np.int8)
    way = np.where(luck < PREFERRED, draft.traits["preferred"][customer], other)
    weekday = np.floor(time) % 7
    closed = (weekday == _SUNDAY) & (way > _VISIT) | (weekday == _SATURDAY) & (way > _PHONE)
    return np.where(closed & bool(draft.world.weekdays), 0, way).astype(np.int8)


def place(
    draft: Draft,
    customer: Array,
    key: Array,
    before: Array,
    time: Array,
    base: bool,
    new: Array | None = None,
) -> Round:
    """Return orders as they are placed and felt, and their lines."""
    lines = goods.basket(draft, customer, key, before, time, new)
    tin = np.bincount(lines["order"][lines["product"] == goods.TIN], minlength=len(key)) > 0
    events = {"customer": customer, "key": key, "time": time, "has_tin": tin}
    events |= {"spend": np.bincount(lines["order"], lines["full"], len(key)), "base": np.full(len(key), base)}
    events["channel"] = channels(draft, customer, key, time)
    events |= experiences(draft, events, base)
    del events["has_tin"]
    return events, lines


def _advance(draft: Draft, state: State, end: float) -> list[Round]:
    """Bring `state` to the day `end` and return the orders until then and their lines, in rounds."""
    traits, rounds, nobody = draft.traits, list[Round](), MOST_ORDERS + 1
    begun = draft.clock.read(np.arange(draft.customers), np.maximum(state.today, traits["joined"]))
    active = np.flatnonzero(state.alive & (traits["joined"] < end))
    last = np.full(draft.customers, nobody)
    while True:
        active, customer, number, time = _ahead(draft, state, begun, active, end)
        key = (customer + 1) * SPAN + number
        events, lines = place(draft, customer, key, number - 1, time, True)
        leaves = events["leaves"]
        np.minimum.at(last, customer[leaves], number[leaves])
        events, lines = _only((events | {"index": number}, lines), number <= last[customer])
        if (events["index"] > MOST_ORDERS).any():
            raise ValueError(f"A customer would order more than {MOST_ORDERS:,} times: raise rate_scale.")
        rounds.append((events, lines))
        if not len(active):
            break
        active = active[last[active] == nobody]
    state.alive &= last == nobody
    state.number = np.minimum(state.number, last)
    waiting = np.flatnonzero(state.alive & (traits["joined"] < end))
    passed = draft.clock.read(waiting, end) - begun[waiting]
    state.wait[waiting] -= passed
    state.elapsed[waiting] += passed
    state.today = end
    return rounds


def _ahead(
    draft: Draft, state: State, begun: Array, active: Array, end: float
) -> tuple[Array, Array, Array, Array]:
    """Return who orders on after this, and customer, number and time of the next orders, one each a turn.

    To place orders takes as long for one as for hundreds. So turns are gathered until there are a
    thousand, as if nobody left.
    """
    traits, shape, clock = draft.traits, draft.world.gap_shape, draft.clock
    found, orders = [], 0
    while True:
        first = state.number[active] == 0
        time = clock.day(active, begun[active] + state.wait[active])
        time[first] = traits["joined"][active[first]]
        due = time < end
        active, time = active[due], time[due]
        state.number[active] += 1
        number = state.number[active]
        found.append((active, number, time))
        orders += len(active)
        if not len(active):
            break
        gap = draft.draws.uniform("orders.gap", (active + 1) * SPAN + number)
        gap = -np.log(gap) if shape == 1 else gammaincinv(shape, gap) / shape
        state.wait[active] = gap / traits["purchase_rate"][active]
        state.elapsed[active] = 0
        begun[active] = clock.read(active, time)
        if orders >= _AT_ONCE:
            break
    customer, number, time = map(np.concatenate, zip(*found, strict=True))
    return active, customer, number, time


def _only(one: Round, kept: Array) -> Round:
    """Return these of the orders of a round, with their lines."""
    if kept.all():
        return one
    orders, lines = one
    rows = kept[lines["order"]]
    lines = {name: values[rows] for name, values in lines.items()}
    lines["order"] = (np.cumsum(kept) - 1)[lines["order"]]
    return {name: values[kept] for name, values in orders.items()}, lines


def joined(rounds: list[Round]) -> Round:
    """Return the orders of some rounds, with the columns of the last one, and their lines."""
    orders, lines = (
        {name: np.concatenate([part[name] for part in side]) for name in side[-1]}
        for side in zip(*rounds, strict=True)
    )
    count = [len(part["key"]) for part, _ in rounds]
    lines["order"] += np.repeat(np.cumsum(count) - count, [len(part["order"]) for _, part in rounds])
    return orders, lines


def lines_of(lines: dict[str, Array], orders: Array, total: int) -> dict[str, Array]:
    """Return the lines of these of all orders (positions), order by order, with the places in `orders`."""
    count = np.bincount(lines["order"], minlength=total)
    first = (np.cumsum(count) - count)[orders]
    count = count[orders]
    place = np.repeat(np.arange(len(orders)), count)
    rows = np.arange(len(place)) + np.repeat(first - np.cumsum(count) + count, count)
    return {name: values[rows] for name, values in lines.items()} | {"order": place}


def expected_orders(draft: Draft, state: State, leaving: Array, end: float) -> tuple[Array, Array]:
    """Return the orders in the base stream to expect by `end`, all and those in price cuts, given today."""
    day = np.arange(int(state.today), int(end))
    changes = day[1:][np.diff(goods.is_cut(draft, day).astype(int)) != 0]
    orders, before, in_cuts = np.zeros((3, draft.customers))
    for until in [*changes, end]:  # in between no cut begins or ends
        orders = orders_by(draft, state, leaving, until)
        if goods.is_cut(draft, np.array([until - 1.0]))[0]:
            in_cuts += orders - before
        before = orders
    return orders, in_cuts


def orders_by(draft: Draft, state: State, leaving: Array, end: float) -> Array:
    """Return the orders in the base stream to expect by `end`, given today.

    With random gaps the orders of a customer who leaves after each with probability p come at the rate λ
    until then: (1 − exp(−λ p span)) / p in a span of operational time. With regular (Erlang) gaps the time
    already waited counts: the stages that are left follow from it, and order m comes if enough stages are
    passed within the span.
    """
    shape, rate = draft.world.gap_shape, draft.traits["purchase_rate"]
    today, until = (draft.clock.read(np.arange(draft.customers), day) for day in (state.today, end))
    span, leaving = until - today, leaving.clip(1e-12)  # so that a probability of 0 divides as well
    alive = state.alive & (state.number > 0)
    if shape == 1:
        return alive * -np.expm1(-rate * leaving * span) / leaving
    stages = np.arange(shape)  # passed since the last order
    passed = softmax(poisson.logpmf(stages, shape * (rate * state.elapsed)[:, None]), axis=1)
    expected, order, time = np.zeros(len(rate)), 1, shape * rate * span
    going = np.flatnonzero(alive)
    while len(going):
        wanted = order * shape - stages
        reached = (passed[going] * gammainc(wanted, time[going, None])).sum(axis=1)
        reached *= (1 - leaving[going]) ** (order - 1)
        expected[going] += reached
        going, order = going[reached > 1e-9], order + 1
    return expected
