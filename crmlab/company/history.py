"""The lives of the customers: order after order, until an experience makes them leave or the log ends."""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammainc, gammaincinv
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
        out = np.interp(values, *curves[0], right=np.inf)
        if len(curves) > 1:
            deal = self.deal[customer]
            out[deal] = np.interp(values[deal], *curves[1], right=np.inf)
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
    clock, everybody = Clock(draft), np.ones(n)
    state = State(np.zeros(n, int), np.ones(n, bool), np.zeros(n), np.zeros(n))
    policy = draft.levers.campaign or "random"
    orders, today = [], 0
    for campaign in range(world.campaigns):
        start = (campaign + 1) * world.days // (world.campaigns + 1)
        end = start + world.campaign_days
        orders.append(_advance(draft, clock, state, today, start, everybody, -1))
        audience = traits["joined"] < start
        lot = draft.draws.uniform("treatments.lot", np.arange(n), campaign) < 0.5
        treated = audience & {"random": lot, "none": False, "all": True}[policy]
        lifted = (1 + traits["lift"] * campaign_discount(draft) / LIFT_DISCOUNT).clip(0.1)
        expected = [
            expected_orders(draft, clock, state, start, end, *arm)[1] * audience
            for arm in ((everybody, 0.0), (lifted, campaign_discount(draft)))
        ]
        branch = State(*(values.copy() for values in vars(state).values()))
        branch.alive &= audience
        other = audience & ~treated
        unreal = _advance(
            draft, clock, branch, start, end, np.where(other, lifted, 1), np.where(other, campaign, -1)
        )
        real = _advance(
            draft, clock, state, start, end, np.where(treated, lifted, 1), np.where(treated, campaign, -1)
        )
        orders.append(real)
        outcome = [_outcome(draft, clock, events) for events in (real, unreal)]
        draft.trials.append(
            {"customer": np.flatnonzero(audience), "start": start, "end": end}
            | {name: values[audience] for name, values in (
                ("treated", treated),
                ("orders", outcome[0][0]),
                ("spend", outcome[0][1]),
                ("margin", outcome[0][2]),
                ("expected_untreated", expected[0]),
                ("expected_treated", expected[1]),
                ("realised_untreated", np.where(treated, outcome[1][2], outcome[0][2])),
                ("realised_treated", np.where(treated, outcome[0][2], outcome[1][2])),
            )}
        )  # fmt: skip
        today = end
    orders.append(_advance(draft, clock, state, today, world.days, everybody, -1))
    found = {name: np.concatenate([part[name] for part in orders]) for name in orders[0]}
    place = np.argsort(found["id"], kind="stable")
    draft.orders = {name: values[place] for name, values in found.items()}
    draft.orders["discount"] = discounts(draft, clock, draft.orders)
    last = np.full(n, np.nan)
    last[draft.orders["customer"][draft.orders["last"]]] = draft.orders["time"][draft.orders["last"]]
    traits["left"], traits["orders"] = last, state.number
    traits["expected_orders"], traits["expected_margin"] = expected_orders(
        draft, clock, state, world.days, world.days + AHEAD, everybody, 0.0
    )


def campaign_discount(draft: Draft) -> float:
    """Return the discount of the coupons."""
    lever = draft.levers.campaign_discount
    return draft.world.campaign_discount if lever is None else lever


def discounts(draft: Draft, clock: Clock, events: dict[str, Array]) -> Array:
    """Return the discount of each order: the coupon's or the promotion's, whichever is larger."""
    promotion = draft.world.deal_discount * clock.promotion[events["time"].astype(int)]
    return np.maximum(promotion, np.where(events["campaign"] >= 0, campaign_discount(draft), 0))


def _advance(
    draft: Draft, clock: Clock, state: State, start: int, end: int, speed: Array, campaign: Array | int
) -> dict[str, Array]:
    """Bring `state` from day `start` to day `end` and return the orders between, in rounds: one each."""
    traits, draws, shape = draft.traits, draft.draws, draft.world.gap_shape
    everybody = np.arange(draft.customers)
    begun = clock.read(everybody, np.maximum(start, traits["joined"]))
    campaign = np.broadcast_to(campaign, everybody.shape)
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
        rounds.append(
            {"id": key, "customer": active, "number": state.number[active], "time": time}
            | {"campaign": campaign[active]} | felt
        )  # fmt: skip
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
    lines = basket(draft, events["customer"], events["id"], discounts(draft, clock, events))
    whose, n = events["customer"][lines["order"]], draft.customers
    spend = np.bincount(whose, lines["amount"], n)
    return np.bincount(events["customer"], minlength=n), spend, spend - np.bincount(whose, lines["cost"], n)


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
    passed = poisson.pmf(stages, shape * (rate * state.elapsed)[:, None])
    passed /= passed.sum(axis=1, keepdims=True)
    expected, order, time = np.zeros(len(rate)), 1, shape * rate * span
    going = np.flatnonzero(alive)
    while len(going):
        wanted = order * shape - stages
        reached = (passed[going] * gammainc(wanted, time[going, None])).sum(axis=1)
        reached *= (1 - leaving[going]) ** (order - 1)
        expected[going] += reached
        going, order = going[reached > 1e-9], order + 1
    return expected
