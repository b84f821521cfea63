"""The added stream: what campaigns, the loyalty programme and launches add to the base stream or take away.

An added order brings an experience, and nobody leaves after one: leaving belongs to the base stream. So the
base stream is the same whatever a lever adds, and a twin differs only where its lever reaches.
"""

import numpy as np

from crmlab.company import adoption, goods, hours, service
from crmlab.company._draft import Draft
from crmlab.company._draws import Array
from crmlab.company._schema import START, categories
from crmlab.company.history import SPAN, after_days, joined, lines_of, orders_by, place

KINDS = categories("campaigns", "kind")
_ORDER = ["coupon_10", "letter", "coupon_20", "invitation", "birthday", "coupon_10"]
_COUPONS = {"coupon_10": 0.1, "coupon_20": 0.2}
LIFT_DISCOUNT = 0.1  # the coupon to which a customer's campaign lift belongs
# The lift of a coupon per 10 % of discount, as a multiple of that; of the others of the world's mean lift.
_STRENGTH = {"coupon_10": 1.0, "coupon_20": 0.85, "letter": 0.5, "invitation": 0.0, "birthday": 0.8}
_ANNOYED = -0.25  # the lift of those who are put off by being contacted
_TAKEN_BACK = 1 / 3  # of what a campaign gains, missed in the days after it
LEVER = 10_000  # keys of an added order: the lever times this, and an index
_CAMPAIGN, _REWARD, _BIRTHDAY, _LAUNCH = 1, 2, 3, 4
NEAR, _HURRY, _HURRY_DAYS = 0.7, 0.3, 10  # near a reward from this share of it on; who then buys within days
REWARD = 500  # points
POINTS = 5  # points for 100 cents paid; a point is worth a cent
_CARD, _CARD_DAYS = 0.15, 14  # who buys after a birthday card, and within how many days
_SEEN = 0.4  # of the orders after taking up a launched tea, those in which it stands for another
_REPLACES = 1 / 3  # of the orders that the programme or a launch adds, those that replace the next one


def kinds(draft: Draft) -> list[str]:
    """Return the kind of each campaign."""
    return [_ORDER[number % len(_ORDER)] for number in range(draft.world.campaigns)]


def discounts(draft: Draft) -> Array:
    """Return the discount of each campaign's coupon, 0 where there is none."""
    pulled, own = draft.levers.campaign_discount, draft.world.campaign_discount
    factor = (own if pulled is None else pulled) / 0.1
    return np.array([_COUPONS.get(kind, 0) * factor for kind in kinds(draft)]).clip(0, 0.9)


def before(draft: Draft, customer: Array, time: Array) -> Array:
    """Return how many orders each customer placed in the base stream before a moment."""
    base, span = draft.base, draft.world.days + 2.0
    stamp = base["customer"] * span + base["time"]
    first = np.searchsorted(base["customer"], customer)
    return np.searchsorted(stamp, customer * span + time) - first


def lay_over(draft: Draft) -> None:
    """Lay the added stream over the base stream: the orders of the log."""
    added = [_campaigns(draft), _rewards(draft), _birthdays(draft), _launches(draft)]
    customer, key, time, campaign, new = (np.concatenate(part) for part in zip(*added, strict=True))
    events, lines = place(draft, customer, key, before(draft, customer, time), time, False, new)
    base, draft.base_lines = draft.base, draft.lines
    del events["spend"]
    orders, lines = joined([(base, draft.lines), (events | {"campaign": campaign}, lines)])
    gone = np.flatnonzero(base["stopped"] | base["replaced"])
    kept, time = _in_order(draft, orders, np.delete(np.arange(len(orders["key"])), gone))
    draft.lines = lines_of(lines, kept, len(orders["key"]))
    draft.orders = {name: orders.pop(name)[kept] for name in list(orders)} | {"time": time}
    draft.base = {name: base[name] for name in ("customer", "key", "time", "replaced")}
    _number(draft)
    _money(draft)
    _leave(draft)


def settle(draft: Draft) -> None:
    """Put the base stream in order of customers and time, with the day of each customer's last order."""
    base, n = draft.base, draft.customers
    size, count = len(base["key"]), np.bincount(base["customer"], minlength=n)
    rows = np.empty(size, int)
    rows[(np.cumsum(count) - count)[base["customer"]] + base["index"] - 1] = np.arange(size)
    draft.lines = lines_of(draft.lines, rows, size)
    base = draft.base = {name: values[rows] for name, values in base.items()}
    base |= {"stopped": np.zeros(size, bool), "replaced": np.zeros(size, bool), "campaign": np.full(size, -1)}
    base["next"] = np.where(
        np.append(base["customer"][1:] == base["customer"][:-1], False),
        np.append(base["time"][1:], 0),
        np.inf,
    )
    last = draft.traits["last_order"] = np.full(n, np.inf)
    last[base["customer"][base["leaves"]]] = base["time"][base["leaves"]]


def by_time(customer: Array, time: Array, *keys: Array) -> Array:
    """Return the rows by customer, day and these keys, the last of them first, when most stand so already."""
    day = customer * 10_000 + np.floor(time).astype(int)
    order = np.argsort(day, kind="stable")
    alike = day[order[1:]] == day[order[:-1]]  # only what is of one day is yet to be put in order
    at = np.flatnonzero(np.append(alike, False) | np.append(False, alike))
    tied = order[at]
    order[at] = tied[np.lexsort((*(key[tied] for key in keys), day[tied]))]
    return order


def _leave(draft: Draft) -> None:
    """Find the day on which each customer knew to have left: after a complaint, that of its resolution."""
    orders, last = draft.orders, np.flatnonzero(draft.orders["leaves"])
    resolved = service.complaint_days(draft, last)[2]
    knew = np.where(orders["complained"][last], resolved + 0.75, orders["time"][last])
    left = np.full(draft.customers, np.nan)
    left[orders["customer"][last]] = np.where(knew < draft.world.days, knew, np.nan)
    draft.traits["left_on"] = left


def _in_order(draft: Draft, orders: dict[str, Array], rows: Array) -> tuple[Array, Array]:
    """Return these rows in order of customers and time, a last order last; and the times with an hour."""
    names = "customer", "key", "leaves", "channel", "time"
    customer, key, leaves, channel, time = (orders[name][rows] for name in names)
    if draft.world.weekdays:
        time = hours.at_hour(draft, "orders.hour", key, np.floor(time), channel)
    order = by_time(customer, time, key, time, leaves)
    time, customer = time[order], customer[order]
    early = np.flatnonzero((customer[1:] == customer[:-1]) & (time[1:] < time[:-1])) + 1
    time[early] = (time[early - 1] + np.floor(time[early] + 1)) / 2  # a last order after another of its day
    return rows[order], time


def _number(draft: Draft) -> None:
    """Number the orders of each customer, and give them ids that tell of no lever.

    An id is the customer's number times 100,000 plus the moment within the log. So it grows with time, and
    stays the same in a twin.
    """
    orders, n = draft.orders, draft.customers
    customer = orders["customer"]
    count = draft.traits["orders"] = np.bincount(customer, minlength=n)
    place = np.arange(len(customer))
    orders["number"] = place - (np.cumsum(count) - count)[customer] + 1
    moment = np.floor(orders["time"] / draft.world.days * (SPAN - 1_000)).astype(np.int64)
    orders["id"] = np.maximum.accumulate((customer + 1) * SPAN + moment - place) + place  # all different


def _money(draft: Draft) -> None:
    """Give each order its discount, and what its lines come to."""
    orders, lines = draft.orders, draft.lines
    orders["discount"] = discount(draft, orders["campaign"], orders["time"])
    lines["amount"] = reduced(lines, orders["discount"])
    for name in ("full", "amount", "cost"):
        orders[name] = np.bincount(lines["order"], lines[name], len(orders["key"])).astype(int)


def discount(draft: Draft, campaign: Array, time: Array) -> Array:
    """Return the discount of orders: the coupon's or the price cut's, whichever is larger."""
    cut = draft.world.deal_discount * goods.is_cut(draft, time)
    return np.maximum(np.append(discounts(draft), 0.0)[campaign], cut)


def reduced(lines: dict[str, Array], discount: Array) -> Array:
    """Return what is paid for each line, given the discount of each order."""
    full: Array = lines["full"]
    return full - np.rint(full * discount[lines["order"]]).astype(int)


Added = tuple[Array, ...]  # customer, key, time, campaign, launched product


def _added(draft: Draft, customer: Array, lever: int, index: Array, time: Array, campaign: int = -1) -> Added:
    key = (customer + 1) * SPAN + lever * LEVER + index
    plain = np.full(len(customer), -1)
    return customer, key, time, plain + (campaign + 1), plain


def _campaigns(draft: Draft) -> Added:
    """Draw what each campaign adds to its window and takes from the days after it; keep the trial.

    In the window each order of the base stream brings another before it, or is left out, with the probability
    of the customer's lift. So the lift is the relative change of the orders, whatever the gaps are like.
    """
    world, base, uniform, n = draft.world, draft.base, draft.draws.uniform, draft.customers
    none, whose, day = np.zeros(0, int), base["customer"], base["time"]
    found = [_added(draft, none, _CAMPAIGN, none, np.zeros(0))]
    share = {"none": 0, "random": 0.5, "all": 1}[draft.levers.campaign]
    told = zip(world.campaign_starts, kinds(draft), discounts(draft), strict=True)
    for number, (start, kind, reduction) in enumerate(told):
        end = start + world.campaign_days
        audience = draft.traits["joined"] < start
        if kind == "birthday":
            audience = audience & _has_birthday(draft, start, end)
        treated = audience & (uniform("treatments.lot", np.arange(n), number) < share)
        lift = _lift(draft, kind, reduction)
        state, leaving = draft.states[number], draft.traits["leaving_probability"]
        within, after = (orders_by(draft, state, leaving, day) for day in (end, end + after_days(world)))
        missed = np.minimum(1, _TAKEN_BACK * lift.clip(0) * within / (after - within).clip(1e-9))

        rows = np.flatnonzero((day >= start) & (day < end))
        rows = rows[audience[whose[rows]]]
        spawns = rows[uniform("campaigns.added", base["key"][rows], number) < lift[whose[rows]]]
        stops = rows[uniform("campaigns.stopped", base["key"][rows], number) < -lift[whose[rows]]]
        tail = np.flatnonzero((day >= end) & (day < end + after_days(world)))
        tail = tail[audience[whose[tail]]]
        tail = tail[uniform("campaigns.missed", base["key"][tail], number) < missed[whose[tail]]]
        stops, tail = (one[~base["leaves"][one]] for one in (stops, tail))
        before = start + uniform("campaigns.when", base["key"][spawns], number) * (day[spawns] - start)
        index = number * 300 + base["index"][spawns] % 300
        coupon = number if reduction > 0 else -1
        spawned = _added(draft, whose[spawns], _CAMPAIGN, index, before, coupon)
        draft.trials.append(
            {
                "audience": audience, "treated": treated, "lift": lift, "missed": missed, "rows": rows,
                "stops": stops, "tail": tail, "spawned": spawned[:3],
            }
        )  # fmt: skip
        if kind == "invitation":
            who = np.flatnonzero(audience)
            draft.invited = np.stack([who, np.full(len(who), start), treated[who]])
        if coupon >= 0:
            base["campaign"][rows[treated[whose[rows]]]] = number
        for one in (stops, tail):
            base["stopped"][one[treated[whose[one]]]] = True
        real = treated[spawned[0]]
        found.append(tuple(part[real] for part in spawned))
    return tuple(map(np.concatenate, zip(*found, strict=True)))


def _lift(draft: Draft, kind: str, reduction: float) -> Array:
    """Return what being contacted adds to the orders of each customer in the window, as a share of them."""
    traits, strength = draft.traits, _STRENGTH[kind]
    own = traits["campaign_lift"] * reduction / LIFT_DISCOUNT * strength if kind in _COUPONS else None
    if own is None:  # what is not about money moves all alike
        own = np.full(draft.customers, strength * max(draft.world.lift_mean, 0.0))
    annoyed = traits["put_off"] & (kind != "invitation")
    lift: Array = np.where(annoyed, _ANNOYED, own.clip(0, 1))
    return lift


def _has_birthday(draft: Draft, start: float, end: float) -> Array:
    year, who = birthdays(draft)
    has = np.zeros(draft.customers, bool)
    has[who[(year >= start) & (year < end)]] = True
    return has & ~draft.traits["firm"]


def birthdays(draft: Draft) -> tuple[Array, Array]:
    """Return the day of each birthday within the log, and whose it is; firms have none."""
    origin = START.astype("M8[D]")
    whose = np.flatnonzero(~draft.traits["firm"])
    born = origin + np.floor(draft.people["birth"][draft.traits["first_person"][whose]]).astype(int)
    month, years = born.astype("M8[M]"), START.astype("M8[Y]") + np.arange(draft.world.days // 365 + 1)
    day = (years[:, None] + (month - born.astype("M8[Y]"))).astype("M8[D]") + (born - month) - origin
    day = day.astype(float)  # of 29 February: 1 March in other years
    year, row = np.nonzero((day >= 0) & (day < draft.world.days))
    return day[year, row], whose[row]


def _replace(draft: Draft, customer: Array, key: Array, time: Array) -> None:
    """Delete the next base order after some of these added ones, unless it is the last of the customer."""
    base, span = draft.base, draft.world.days + 2.0
    takes = draft.draws.uniform("added.replaces", key) < _REPLACES
    customer, time = customer[takes], time[takes]
    at = np.searchsorted(base["customer"] * span + base["time"], customer * span + time, side="right")
    found = at < len(base["customer"])
    at, customer = at[found], customer[found]
    at = at[(base["customer"][at] == customer) & ~base["leaves"][at]]
    base["replaced"][at] = True


def _rewards(draft: Draft) -> Added:
    """Let members who are near a reward buy sooner."""
    base, start, until = draft.base, draft.traits["member_from"], draft.traits["member_until"]
    customer, time, index = base["customer"], base["time"], base["index"]
    inside = (time >= start[customer]) & (time < until[customer])
    points = np.where(inside, base["spend"] // 100 * POINTS, 0).astype(np.int64)
    total = np.append(0, np.cumsum(points))
    own = total[1:] - total[np.searchsorted(customer, np.arange(draft.customers))][customer]
    near = inside & (own % REWARD >= NEAR * REWARD) & ~base["leaves"] & (points > 0)
    at = np.flatnonzero(near & (index < LEVER))
    hurry = draft.draws.uniform("points.hurry", base["key"][at]) < _HURRY * draft.world.programme_effect
    at = at[hurry]
    wait = _HURRY_DAYS * draft.draws.uniform("points.when", base["key"][at])
    limit = np.minimum(base["next"][at], draft.world.days) - time[at]
    when = time[at] + np.minimum(wait, limit * 0.9)
    found = _added(draft, customer[at], _REWARD, index[at], when)
    _replace(draft, found[0], found[1], when)
    return found


def _birthdays(draft: Draft) -> Added:
    """Let some members buy after the card that comes on their birthday."""
    day, who = birthdays(draft)
    traits = draft.traits
    year = np.floor(day / 365.25).astype(int)
    time = day + _CARD_DAYS * draft.draws.uniform("birthday.when", who, year)
    member = (day >= traits["member_from"][who]) & (day < traits["member_until"][who])
    there = (time < np.minimum(traits["last_order"][who], draft.world.days)) & (day >= traits["joined"][who])
    luck = draft.draws.uniform("birthday.buys", who, year)
    buys = member & there & (luck < _CARD * draft.world.programme_effect)
    found = _added(draft, who[buys], _BIRTHDAY, year[buys], time[buys])
    _replace(draft, found[0], found[1], found[2])
    return found


def _launches(draft: Draft) -> Added:
    """Let those who take up a launched tea order it."""
    taken = draft.traits["taken_up_on"]
    code, who = np.nonzero((taken < np.minimum(draft.traits["last_order"], draft.world.days)[:, None]).T)
    customer, key, time, campaign, _ = _added(draft, who, _LAUNCH, code, taken[who, code])
    _replace(draft, customer, key, time)
    return customer, key, time, campaign, code


def take_up(draft: Draft) -> None:
    """Find who takes up which launched tea when, and let some of their later orders have it."""
    traits, base, days = draft.traits, draft.base, goods.launch_days(draft)
    traits["left_on"] = np.where(np.isinf(traits["last_order"]), np.nan, traits["last_order"])
    taken = traits["taken_up_on"] = np.full((draft.customers, len(goods.LAUNCHED)), np.inf)
    draft.adoptions = adoption.adopt(draft, np.minimum(days, draft.world.days).tolist())
    for tea, found in enumerate(draft.adoptions):
        taken[found["customer"], tea] = found["day"]
        late = np.flatnonzero(base["time"] > taken[base["customer"], tea])
        seen = draft.draws.uniform("order_lines.launched", base["key"][late], tea) < _SEEN
        goods.exchange(draft, late[seen], tea)
    base["spend"] = np.bincount(draft.lines["order"], draft.lines["full"], len(base["key"]))
