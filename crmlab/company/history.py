"""The lives of the customers: order after order, until an experience makes them leave or the log ends."""

from copy import deepcopy
from dataclasses import dataclass

import numpy as np
from scipy.special import gammainc, gammaincinv, softmax
from scipy.stats import poisson

from crmlab.company._draft import Draft
from crmlab.company._draws import Array
from crmlab.company.experience import experiences
from crmlab.company.goods import basket, first_may_leak

AHEAD = 365  # days after the log for which the expected orders are told
PROMOTION_DAYS = 7
LIFT_DISCOUNT = 0.1  # the coupon to which a customer's campaign lift belongs
MOST_ORDERS = 9_999  # of a customer, so that an order's id tells the customer


class Clock:
    """Operational time: how much time to buy has passed by a day; slow in low season, fast in promotions."""

    def __init__(self, draft: Draft):
        world, self.deal = draft.world, draft.traits["deal"]
        self.days = 2 * [np.arange(world.days + AHEAD + 1.0)]
        day = self.days[0][:-1]
        season = 1 + world.season * np.cos(2 * np.pi * (day + 0.5 - 345) / 365.25)  # December is high
        share = PROMOTION_DAYS / world.deal_every
        self.promotion = (day % world.deal_every < PROMOTION_DAYS) & (world.deal_share > 0)
        deal = np.where(self.promotion, world.deal_lift, 1) / (share * world.deal_lift + 1 - share)
        # of most customers, and of those who wait for promotions
        self.readings = [np.append(0, np.cumsum(rate)) for rate in (season, season * deal)]

    def read(self, customer: Array, day: Array | float) -> Array:
        """Return the operational time of these customers on these days."""
        return self._interpolate(customer, np.broadcast_to(day, customer.shape), self.days, self.readings)

    def day(self, customer: Array, reading: Array) -> Array:
        """Return the day on which these customers' clocks show the reading (infinity: after all days)."""
        return self._interpolate(customer, reading, self.readings, self.days)

    def _interpolate(self, customer: Array, values: Array, given: list[Array], sought: list[Array]) -> Array:
        out: Array = np.interp(values, given[0], sought[0], right=np.inf)
        deal = self.deal[customer]
        out[deal] = np.interp(values[deal], given[1], sought[1], right=np.inf)
        return out


@dataclass
class State:
    """Where each customer stands today: orders so far, still a customer, operational time since and to go."""

    clock: Clock
    today: int
    number: Array
    alive: Array
    elapsed: Array
    wait: Array


def live(draft: Draft) -> None:
    """Let all customers live through the log; keep their orders, and both outcomes of each campaign."""
    world, traits, n = draft.world, draft.traits, draft.customers
    plain, nobody, orders = np.ones(n), np.full(n, -1), []
    state = State(Clock(draft), 0, np.zeros(n, int), np.ones(n, bool), np.zeros(n), np.zeros(n))
    for campaign, start in enumerate(world.campaign_starts):
        orders.append(_advance(draft, state, start, plain, nobody))
        orders.append(_trial(draft, state, campaign))
    orders.append(_advance(draft, state, world.days, plain, nobody))
    found = {name: np.concatenate([part[name] for part in orders]) for name in orders[0]}
    place = np.argsort(found["id"], kind="stable")
    found = draft.orders = {name: values[place] for name, values in found.items()}
    found["discount"] = _discounts(draft, state.clock, found)
    traits["left_on"], traits["orders"] = np.full(n, np.nan), state.number
    traits["left_on"][found["customer"][found["leaves"]]] = found["time"][found["leaves"]]
    ahead = _expectations(draft, state, world.days + AHEAD, plain, 0.0)
    traits["expected_orders"], traits["expected_margin"] = ahead


def _trial(draft: Draft, state: State, campaign: int) -> dict[str, Array]:
    """Bring `state` through the window of a campaign; keep what either arm expected and became."""
    traits, discount, n = draft.traits, draft.levers.campaign_discount, draft.customers
    end, audience = state.today + draft.world.campaign_days, traits["joined"] < state.today
    lot = draft.draws.uniform("treatments.lot", np.arange(n), campaign)
    treated = audience & (lot < {"none": 0, "random": 0.5, "all": 1}[draft.levers.campaign])
    lifted = (1 + traits["campaign_lift"] * discount / LIFT_DISCOUNT).clip(0.1)
    arms = (lifted, discount), (np.ones(n), 0.0)
    expected = [_expectations(draft, state, end, *arm)[1] for arm in arms]
    branch = deepcopy(state)
    events, outcomes = [], []
    for contacted, stand in ((treated, state), (audience & ~treated, branch)):
        speed, coupon = np.where(contacted, lifted, 1), np.where(contacted, campaign, -1)
        events.append(_advance(draft, stand, end, speed, coupon))
        outcomes.append(_outcome(draft, state.clock, events[-1]))
    (count, spend, real), (_, _, other) = outcomes
    both = np.where(treated, real, other), np.where(treated, other, real)
    trial = [np.arange(n), np.full(n, campaign), treated, count, spend, real, *expected, *both]
    draft.trials.append(np.array([values[audience] for values in trial]))
    return events[0]


def _discounts(draft: Draft, clock: Clock, events: dict[str, Array]) -> Array:
    """Return the discount of each order: the coupon's or the promotion's, whichever is larger."""
    promotion = draft.world.deal_discount * clock.promotion[events["time"].astype(int)]
    return np.maximum(promotion, np.where(events["campaign"] >= 0, draft.levers.campaign_discount, 0))


def _advance(draft: Draft, state: State, end: int, speed: Array, campaign: Array) -> dict[str, Array]:
    """Bring `state` to the day `end` and return the orders until then, in rounds: one each."""
    traits, shape, clock, rounds = draft.traits, draft.world.gap_shape, state.clock, []
    begun = clock.read(np.arange(draft.customers), np.maximum(state.today, traits["joined"]))
    active = np.flatnonzero(state.alive & (traits["joined"] < end))
    while True:
        first = state.number[active] == 0
        time = clock.day(active, begun[active] + state.wait[active] / speed[active])
        time[first] = traits["joined"][active[first]]
        due = time < end
        active, time = active[due], time[due]
        state.number[active] += 1
        if (state.number[active] > MOST_ORDERS).any():
            raise ValueError(f"A customer would order more than {MOST_ORDERS:,} times: raise rate_scale.")
        key = (active + 1) * 10_000 + state.number[active]
        felt = experiences(draft, active, key, time, first_may_leak(draft, active, key))
        made = {"id": key, "customer": active, "number": state.number[active], "time": time}
        rounds.append(made | {"campaign": campaign[active]} | felt)
        if not len(active):
            break
        state.alive[active[felt["leaves"]]] = False
        gap = draft.draws.uniform("orders.gap", key)
        gap = -np.log(gap) if shape == 1 else gammaincinv(shape, gap) / shape
        state.wait[active] = gap / traits["purchase_rate"][active]
        state.elapsed[active] = 0
        begun[active] = clock.read(active, time)
        active = active[~felt["leaves"]]
    waiting = np.flatnonzero(state.alive & (traits["joined"] < end))
    passed = speed[waiting] * (clock.read(waiting, end) - begun[waiting])
    state.wait[waiting] -= passed
    state.elapsed[waiting] += passed
    state.today = end
    return {name: np.concatenate([part[name] for part in rounds]) for name in rounds[0]}


def _outcome(draft: Draft, clock: Clock, events: dict[str, Array]) -> tuple[Array, Array, Array]:
    """Return the number, the spend and the contribution of these orders by customer."""
    lines = basket(draft, events["customer"], events["id"], _discounts(draft, clock, events))
    whose, n = events["customer"][lines["order"]], draft.customers
    spend, cost = (np.bincount(whose, lines[name], n) for name in ("amount", "cost"))
    return np.bincount(events["customer"], minlength=n), spend, spend - cost


def _expectations(draft: Draft, state: State, end: int, speed: Array, discount: float) -> tuple[Array, Array]:
    """Return the orders and the contribution of each customer to expect by `end`, given all true today."""
    traits, clock, everybody = draft.traits, state.clock, np.arange(draft.customers)
    begun, orders, margin = clock.read(everybody, state.today), *np.zeros((2, draft.customers))
    changes = state.today + 1 + np.flatnonzero(np.diff(clock.promotion[state.today : end]))
    for until in [*changes, end]:  # in between no promotion begins or ends
        span = speed * (clock.read(everybody, until) - begun)
        before, orders = orders, _expected_orders(draft, state, span)
        reduced = max(discount, draft.world.deal_discount * clock.promotion[until - 1])
        margin += (orders - before) * traits["mean_spend_cents"] * (traits["margin_share"] - reduced)
    return orders, margin


def _expected_orders(draft: Draft, state: State, span: Array) -> Array:
    """Return the expected orders in a span of operational time.

    With random gaps the orders of a customer who leaves after each with probability p come at the rate λ
    until then: (1 − exp(−λ p span)) / p. With regular (Erlang) gaps the time already waited counts: the
    stages that are left follow from it, and order m comes if enough stages are passed within the span.
    """
    shape, rate = draft.world.gap_shape, draft.traits["purchase_rate"]
    leaving = draft.traits["leaving_probability"].clip(1e-12)  # so that a probability of 0 divides as well
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
