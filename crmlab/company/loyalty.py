"""The loyalty programme: to whom it is offered, years of membership, and points."""

import numpy as np

from crmlab.company import streams
from crmlab.company._draft import Draft
from crmlab.company._draws import Array

_YEAR = 365
_BIRTHDAY = 50  # points for a birthday
_REDEEMING = 0.6  # share of the orders at which somebody with enough points redeems them


def offer(draft: Draft) -> None:
    """Offer the programme to half by lot on joining; who takes it is a member from the second order on."""
    world, draws, base, traits, n = draft.world, draft.draws, draft.base, draft.traits, draft.customers
    everybody = np.arange(n)
    offered = (draws.uniform("memberships.offered", everybody) < 0.5) & (draft.levers.programme != "none")
    likely = (2 * world.membership * np.exp(0.3 * traits["engagement"])).clip(0, 1)
    takes = offered & (draws.uniform("memberships.join", everybody) < likely)
    start = np.full(n, np.nan)
    second = base["index"] == 2
    start[base["customer"][second]] = base["time"][second]
    start[~takes] = np.nan
    last = traits["last_order"]
    until, member, years = np.full(n, np.nan), np.flatnonzero(start >= 0), list[tuple[Array, ...]]()
    while len(member) or not years:
        begins = start[member] + len(years) * _YEAR
        ends = until[member] = begins + _YEAR
        luck = draws.uniform("memberships.renewal", member, len(years))
        renews = (luck < traits["renewal_probability"][member]) & (last[member] > ends)
        renewed = np.where(ends < world.days, renews, np.nan)
        years.append((member, np.full(len(member), len(years) + 1), begins, renewed))
        member = member[renewed == 1]
    parts = map(np.concatenate, zip(*years, strict=True))
    draft.years = dict(zip(["customer", "term", "begins", "renewed"], parts, strict=True))
    traits |= {"offered": offered, "member_from": start, "member_until": until}


def add_memberships(draft: Draft) -> None:
    """Add the members' years, each renewed or not, and to whom membership was offered."""
    orders, traits, n = draft.orders, draft.traits, draft.customers
    fifth = np.full(n, np.nan)
    fifth[orders["customer"][orders["number"] == 5]] = orders["time"][orders["number"] == 5]
    customer, term, begins, renewed = draft.years.values()
    rows = np.argsort(customer, kind="stable")
    draft.table(
        "memberships", customer_id=customer[rows] + 1, term=term[rows], tier=(fifth[customer] < begins)[rows],
        starts_on=begins[rows], ends_on=begins[rows] + _YEAR, renewed=renewed[rows],
    )  # fmt: skip
    if draft.levers.programme != "none":
        when, whose = traits["joined"], np.arange(n)
    else:
        when, whose = np.zeros(0), np.zeros(0, int)
    draft.table("programme_offers", customer_id=whose + 1, offered_on=when, offered=traits["offered"][whose])


def add_policies(draft: Draft) -> None:
    """Add who was of which tier, and served in which way, when service came to differ by tier."""
    rows = [np.flatnonzero(code >= 0) for _, code, _ in draft.policies]
    parts = [
        (np.full(len(who), day), who + 1, np.full(len(who), number), code[who], treated[who])
        for number, ((day, code, treated), who) in enumerate(zip(draft.policies, rows, strict=True))
    ]
    names = ["starts_on", "customer_id", "policy", "tier", "treated"]
    columns = map(np.concatenate, zip(*parts, strict=True)) if parts else [np.zeros(0)] * len(names)
    draft.table("policies", **dict(zip(names, columns, strict=True)))


def redeem(draft: Draft) -> None:
    """Let members earn points by orders and birthdays, and pay with them: a ledger, and what orders lose."""
    orders, traits = draft.orders, draft.traits
    start, until = traits["member_from"], traits["member_until"]
    day, who = streams.birthdays(draft)
    card = (day >= start[who]) & (day < until[who])  # of members who have left, too: nobody has been told
    day, who = day[card], who[card]
    time, customer = orders["time"], orders["customer"]
    inside = np.flatnonzero((time >= start[customer]) & (time < until[customer]))
    redeeming = inside[draft.draws.uniform("points.redeem", orders["key"][inside]) < _REDEEMING]

    entered = np.concatenate([redeeming, inside])  # one redeems before the order itself earns
    time = np.concatenate([day, time[entered]])
    customer = np.concatenate([who, customer[entered]])
    order = np.concatenate([np.full(len(who), -1), entered])
    reason = np.repeat([1, 2, 0], [len(who), len(redeeming), len(inside)])
    earned = orders["amount"][inside] // 100 * streams.POINTS
    points = np.concatenate([np.full(len(who), _BIRTHDAY), 0 * redeeming, earned])
    rows = streams.by_time(customer, time, time)
    time, customer, order, reason, points = (part[rows] for part in (time, customer, order, reason, points))
    total = np.cumsum(points)
    first = np.searchsorted(customer, np.arange(draft.customers))
    own = total - np.append(0, total)[first][customer]  # of this customer only
    # All the full rewards that are left: what was ever redeemed never exceeds what was earned by then.
    at = np.flatnonzero(reason == 2)
    used = own[at] // streams.REWARD * streams.REWARD
    used -= np.append(0, used[:-1]) * np.append(False, customer[at[1:]] == customer[at[:-1]])
    # a cent each, and no more than the order costs
    points[at] = -np.minimum(used, orders["amount"][order[at]] // streams.REWARD * streams.REWARD)
    orders["redeemed"] = np.zeros(len(orders["key"]), int)
    orders["redeemed"][order[at]] = -points[at]
    kept = np.flatnonzero(points)
    ids = np.where(order >= 0, orders["id"][order], -1).astype(float)
    draft.table(
        "points", customer_id=customer[kept] + 1, entered_on=time[kept], reason=reason[kept],
        order_id=np.where(ids < 0, np.nan, ids)[kept], points=points[kept],
    )  # fmt: skip
