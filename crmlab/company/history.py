"""The lives of the customers: order after order, until an experience makes them leave or the log ends."""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammainc, gammaincinv, softmax
from scipy.stats import poisson

from crmlab.company._draft import Draft
from crmlab.company._draws import Array
from crmlab.company.experience import experiences
from crmlab.company.goods import basket, first_is_first

AHEAD = 365  # days after the log for which the expected orders are told
PROMOTION_DAYS = 7
LIFT_DISCOUNT = 0.1  # the coupon to which a customer's campaign lift belongs
MOST_ORDERS = 9_999  # of a customer, so that an order's id tells the customer


class Clock:
    """Operational time: how much time to buy has passed by a day; slow in low season, fast in promotions."""

    def __init__(self, draft: Draft):
        world = draft.world
        day = np.arange(world.days + AHEAD)
        season = 1 + world.season * np.cos(2 * np.pi * (day + 0.5 - 345) / 365.25)  # December is high
        share = PROMOTION_DAYS / world.deal_every
        self.promotion = (day % world.deal_every < PROMOTION_DAYS) & (world.deal_share > 0)
        deal = np.where(self.promotion, world.deal_lift, 1) / (share * world.deal_lift + 1 - share)
        self.days = np.arange(world.days + AHEAD + 1.0)
        rates = [season, season * deal] if world.deal_share else [season]
        self.readings = [np.concatenate([[0], np.cumsum(rate)]) for rate in rates]
        self.deal = draft.traits["deal"]

    def read(self, customer: Array, day: Array | float) -> Array:
        """Return the operational time of these customers on these days."""
        return self._interpolate(customer, np.broadcast_to(day, customer.shape), False)

    def day(self, customer: Array, reading: Array) -> Array:
        """Return the day on which these customers' clocks show the reading (infinity: after all days)."""
        return self._interpolate(customer, reading, True)

    def _interpolate(self, customer: Array, values: Array, inverse: bool) -> Array:
        curves = [(reading, self.days) if inverse else (self.days, reading) for reading in self.readings]
        out: Array = np.interp(values, curves[0][0], curves[0][1], right=np.inf)
        if len(curves) > 1:
            deal = self.deal[customer]
            out[deal] = np.interp(values[deal], curves[1][0], curves[1][1], right=np.inf)
        return out

    def pieces(self, start: int, end: int) -> list[tuple[int, int]]:
        """Cut the days from start to end wherever a promotion begins or ends."""
        changes = start + 1 + np.flatnonzero(np.diff(self.promotion[start:end].astype(int)))
        cuts = [start, *(int(one) for one in changes), end]
        return list(zip(cuts, cuts[1:], strict=False))


@dataclass
class State:
    """Where each customer stands: orders so far, still a customer, and operational time since and to go."""

    number: Array
    alive: Array
    elapsed: Array
    wait: Array


def live(draft: Draft) -> None:
    """Let all customers live through the log; keep their orders, and both outcomes of each campaign."""
    world, traits, n = draft.world, draft.traits, draft.customers
    clock, plain, nobody = Clock(draft), np.ones(n), np.full(n, -1)
    state = State(np.zeros(n, int), np.ones(n, bool), np.zeros(n), np.zeros(n))
    orders, today = [], 0
    for campaign in range(world.campaigns):
        start = (campaign + 1) * world.days // (world.campaigns + 1)
        orders.append(_advance(draft, clock, state, today, start, plain, nobody))
        today = start + world.campaign_days
        orders.append(_trial(draft, clock, state, campaign, start, today))
    orders.append(_advance(draft, clock, state, today, world.days, plain, nobody))
    found = {name: np.concatenate([part[name] for part in orders]) for name in orders[0]}
    place = np.argsort(found["id"], kind="stable")
    found = draft.orders = {name: values[place] for name, values in found.items()}
    found["discount"] = _discounts(draft, clock, found)
    traits["left"], traits["orders"] = np.full(n, np.nan), state.number
    traits["left"][found["customer"][found["last"]]] = found["time"][found["last"]]
    ahead = expected_orders(draft, clock, state, world.days, world.days + AHEAD, plain, 0.0)
    traits["expected_orders"], traits["expected_margin"] = ahead


def _trial(draft: Draft, clock: Clock, state: State, campaign: int, start: int, end: int) -> dict[str, Array]:
    """Bring `state` through the window of a campaign; keep what either arm expected and became."""
    traits, discount, n = draft.traits, draft.levers.campaign_discount, draft.customers
    audience = traits["joined"] < start
    lot = draft.draws.uniform("treatments.lot", np.arange(n), campaign)
    treated = audience & (lot < {"none": 0, "random": 0.5, "all": 1}[draft.levers.campaign])
    lifted = (1 + traits["lift"] * discount / LIFT_DISCOUNT).clip(0.1)
    arms = (lifted, discount), (np.ones(n), 0.0)
    expected = [expected_orders(draft, clock, state, start, end, *arm)[1] for arm in arms]
    branch = State(*(values.copy() for values in vars(state).values()))
    branch.alive &= audience
    events, outcomes = [], []
    for contacted, stand in ((treated, state), (audience & ~treated, branch)):
        speed, coupon = np.where(contacted, lifted, 1), np.where(contacted, campaign, -1)
        events.append(_advance(draft, clock, stand, start, end, speed, coupon))
        outcomes.append(_outcome(draft, clock, events[-1]))
    (*seen, real), (*_, other) = outcomes
    both = np.where(treated, real, other), np.where(treated, other, real)
    trial = [np.arange(n), np.full(n, campaign), treated, *seen, real, *expected, *both]
    draft.trials.append(np.array([values[audience] for values in trial]))
    return events[0]


def _discounts(draft: Draft, clock: Clock, events: dict[str, Array]) -> Array:
    """Return the discount of each order: the coupon's or the promotion's, whichever is larger."""
    promotion = draft.world.deal_discount * clock.promotion[events["time"].astype(int)]
    return np.maximum(promotion, np.where(events["campaign"] >= 0, draft.levers.campaign_discount, 0))


def _advance(
    draft: Draft, clock: Clock, state: State, start: int, end: int, speed: Array, campaign: Array
) -> dict[str, Array]:
    """Bring `state` from day `start` to day `end` and return the orders between, in rounds: one each."""
    traits, draws, shape = draft.traits, draft.draws, draft.world.gap_shape
    everybody = np.arange(draft.customers)
    begun = clock.read(everybody, np.maximum(start, traits["joined"]))
    rounds = []
    active = np.flatnonzero(state.alive & (traits["joined"] < end))
    while True:
        first = state.number[active] == 0
        time = clock.day(active, begun[active] + state.wait[active] / speed[active])
        time[first] = traits["joined"][active[first]]
        due = (time < end) & (state.number[active] < MOST_ORDERS)
        active, time = active[due], time[due]
        state.number[active] += 1
        key = (active + 1) * 10_000 + state.number[active]
        felt = experiences(draft, active, key, time, first_is_first(draft, active, key))
        made = {"id": key, "customer": active, "number": state.number[active], "time": time}
        rounds.append(made | {"campaign": campaign[active]} | felt)
        if not len(active):
            break
        state.alive[active[felt["last"]]] = False
        gap = draws.uniform("orders.gap", key)
        gap = -np.log(gap) if shape == 1 else gammaincinv(shape, gap) / shape
        state.wait[active] = gap / traits["rate"][active]
        state.elapsed[active] = 0
        begun[active] = clock.read(active, time)
        active = active[~felt["last"]]
    waiting = np.flatnonzero(state.alive & (traits["joined"] < end))
    passed = speed[waiting] * (clock.read(waiting, end) - begun[waiting])
    state.wait[waiting] -= passed
    state.elapsed[waiting] += passed
    return {name: np.concatenate([part[name] for part in rounds]) for name in rounds[0]}


def _outcome(draft: Draft, clock: Clock, events: dict[str, Array]) -> tuple[Array, Array, Array]:
    """Return the number, the spend and the contribution of these orders by customer."""
    lines = basket(draft, events["customer"], events["id"], _discounts(draft, clock, events))
    whose, n = events["customer"][lines["order"]], draft.customers
    spend, cost = (np.bincount(whose, lines[name], n) for name in ("amount", "cost"))
    return np.bincount(events["customer"], minlength=n), spend, spend - cost


def expected_orders(
    draft: Draft, clock: Clock, state: State, start: int, end: int, speed: Array, discount: float
) -> tuple[Array, Array]:
    """Return the expected orders and contribution of each customer, given all that is true at the start."""
    traits, everybody = draft.traits, np.arange(draft.customers)
    begun = clock.read(everybody, start)
    before = orders = margin = np.zeros(draft.customers)
    for _, until in clock.pieces(start, end):
        after = _expected(draft, state, speed * (clock.read(everybody, until) - begun))
        reduced = max(discount, draft.world.deal_discount * clock.promotion[until - 1])
        margin = margin + (after - before) * traits["mean_spend"] * (traits["margin_share"] - reduced)
        before = orders = after
    return orders, margin


def _expected(draft: Draft, state: State, span: Array) -> Array:
    """Return the expected orders in a span of operational time.

    With random gaps the orders of a customer who leaves after each with probability p come at the rate λ
    until then: (1 − exp(−λ p span)) / p. With regular (Erlang) gaps the time already waited counts: the
    stages that are left follow from it, and order m comes if enough stages are passed within the span.
    """
    shape, rate, leaving = draft.world.gap_shape, draft.traits["rate"], draft.traits["leaving"]
    alive = state.alive & (state.number > 0)
    if shape == 1:
        with np.errstate(divide="ignore", invalid="ignore"):
            expected = -np.expm1(-rate * leaving * span) / leaving
        return alive * np.where(leaving > 1e-12, expected, rate * span)
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
