"""The loyalty programme: years of membership, and points."""

import numpy as np

from crmlab.company._draft import Draft
from crmlab.company._draws import Array
from crmlab.company._schema import START

_YEAR = 365
_BIRTHDAY, _REWARD = 50, 100  # points for a birthday; points are redeemed by the full hundred
_REDEEMING = 0.3  # share of orders


def add_memberships(draft: Draft) -> None:
    """Add the members' years, each renewed or not, and their points."""
    world, draws, orders, traits, n = draft.world, draft.draws, draft.orders, draft.traits, draft.customers
    second, fifth, until = np.full((3, n), np.nan)
    for times, number in ((second, 2), (fifth, 5)):
        times[orders["customer"][orders["number"] == number]] = orders["time"][orders["number"] == number]
    start = np.where(draws.uniform("memberships.join", np.arange(n)) < world.membership, second, np.nan)
    member, years = np.flatnonzero(start >= 0), list[tuple[Array, ...]]()
    while len(member) or not years:
        begins = start[member] + len(years) * _YEAR
        ends = until[member] = begins + _YEAR
        luck = draws.uniform("memberships.renewal", member, len(years))
        renews = (luck < traits["renewal_probability"][member]) & ~(traits["left_on"][member] <= ends)
        renewed = np.where(ends < world.days, renews, np.nan)
        years.append((member, np.full(len(member), len(years) + 1), begins, renewed))
        member = member[renewed == 1]
    customer, term, begins, renewed = (np.concatenate(part) for part in zip(*years, strict=True))
    rows = np.argsort(customer, kind="stable")
    draft.table(
        "memberships", customer_id=customer[rows] + 1, term=term[rows], tier=(fifth[customer] < begins)[rows],
        starts_on=begins[rows], ends_on=begins[rows] + _YEAR, renewed=renewed[rows],
    )  # fmt: skip
    _add_points(draft, start, until)


def _add_points(draft: Draft, start: Array, until: Array) -> None:
    """Add what members earn by orders and birthdays while they are members, and what they redeem of it."""
    orders, traits, member = draft.orders, draft.traits, np.flatnonzero(start >= 0)
    origin = START.astype("M8[D]")
    born = origin + np.floor(draft.people["birth"][traits["first_person"][member]]).astype(int)
    month, years = born.astype("M8[M]"), START.astype("M8[Y]") + np.arange(draft.world.days // 365 + 1)
    birthday = (years[:, None] + (month - born.astype("M8[Y]"))).astype("M8[D]") + (born - month) - origin
    birthday = birthday.astype(float)  # of 29 February: 1 March in other years
    end = np.fmin(until, draft.world.days)  # of members who have left, too: nobody has been told
    year, whose = np.nonzero((birthday >= start[member]) & (birthday < end[member]))
    time, customer = orders["time"], orders["customer"]
    inside = np.flatnonzero((time >= start[customer]) & (time < until[customer]))
    redeeming = inside[draft.draws.uniform("points.redeem", orders["id"][inside]) < _REDEEMING]

    entered = np.concatenate([redeeming, inside])  # one redeems before the order itself earns
    time = np.concatenate([birthday[year, whose], time[entered]])
    customer = np.concatenate([member[whose], customer[entered]])
    order = np.concatenate([np.full(len(whose), np.nan), orders["id"][entered]])
    reason = np.repeat([1, 2, 0], [len(whose), len(redeeming), len(inside)])
    points = np.concatenate([np.full(len(whose), _BIRTHDAY), 0 * redeeming, orders["amount"][inside] // 100])
    rows = np.lexsort((time, customer))
    time, customer, order, reason, points = (part[rows] for part in (time, customer, order, reason, points))
    earned = np.cumsum(points)
    earned -= (earned - points)[np.searchsorted(customer, customer)]  # of this customer only
    # All the full hundreds that are left: what was ever redeemed never exceeds what was earned by then.
    at = np.flatnonzero(reason == 2)
    redeemed = earned[at] // _REWARD * _REWARD
    points[at] = -redeemed
    points[at[1:]] += redeemed[:-1] * (customer[at[1:]] == customer[at[:-1]])
    kept = np.flatnonzero(points)
    draft.table(
        "points", customer_id=customer[kept] + 1, entered_on=time[kept], reason=reason[kept],
        order_id=order[kept], points=points[kept],
    )  # fmt: skip
