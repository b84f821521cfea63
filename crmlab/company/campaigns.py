"""Campaigns: what each was, whom it was for, and behind the envelope what it did."""

import numpy as np

from crmlab.company import goods, history, streams
from crmlab.company._draft import Draft
from crmlab.company._draws import Array
from crmlab.company.experience import chance_of_leaving


def add_campaigns(draft: Draft) -> None:
    """Make the campaigns, and the trial that each of them is."""
    world, orders, n = draft.world, draft.orders, draft.customers
    kinds, discount, numbers = streams.kinds(draft), streams.discounts(draft), np.arange(world.campaigns)
    starts, ends = np.array(world.campaign_starts), np.add(world.campaign_starts, world.campaign_days)
    draft.table(
        "campaigns", campaign_id=numbers + 1, name=_names(draft, kinds),
        kind=[streams.KINDS.index(kind) for kind in kinds], starts_on=starts, ends_on=ends,
        contact_cost_cents=np.full(len(numbers), world.contact_cost), discount=discount,
    )  # fmt: skip
    columns: dict[str, list[Array]] = {name: [] for name in ("campaign_id", "customer_id", "treated", *_SUMS)}
    for number, trial in enumerate(draft.trials):
        inside = np.flatnonzero((orders["time"] >= starts[number]) & (orders["time"] < ends[number]))
        margin = orders["amount"] - orders["cost"]
        sums = (
            np.bincount(orders["customer"][inside], values[inside], n)
            for values in (0 * margin + 1, orders["amount"], margin)
        )
        who = np.flatnonzero(trial["audience"])
        row = [np.full(len(who), number + 1), who + 1, trial["treated"][who], *(one[who] for one in sums)]
        for name, values in zip(columns, row, strict=True):
            columns[name].append(values)
    table = {name: np.concatenate([np.zeros(0), *values]) for name, values in columns.items()}
    treated = table["treated"] > 0
    customer = table["customer_id"][treated].astype(int) - 1
    draft.traits["times_treated"] = np.bincount(customer, minlength=n)
    draft.table("treatments", **table, cost_cents=treated * world.contact_cost)


_SUMS = ["orders", "spend_cents", "margin_cents"]


def _names(draft: Draft, kinds: list[str]) -> list[str]:
    """Return a name for each campaign: the season, and what it is about."""
    about = {
        "coupon_10": "ten per cent less", "coupon_20": "a fifth off", "letter": "letter from the house",
        "invitation": "bring a friend", "birthday": "birthday card",
    }  # fmt: skip
    seasons = ["Winter", "Spring", "Summer", "Autumn"]
    named = []
    for start, kind in zip(draft.world.campaign_starts, kinds, strict=True):
        year, month = 2023 + start // 365, start % 365 // 30
        named.append(f"{seasons[(month + 1) // 3 % 4]} {year}: {about[kind]}")
    return named


_ARMS, _SPANS = ("treated", "untreated"), ("", "later_")


def add_outcomes(draft: Draft) -> None:
    """Put behind the envelope what each campaign does to each customer: expected, and with the same luck."""
    world, n = draft.world, draft.customers
    names = ["campaign_id", "customer_id", "lift"]
    names += [
        f"{what}_{arm}_{span}cents" for what in ("expected", "realised") for span in _SPANS for arm in _ARMS
    ]
    columns: dict[str, list[Array]] = {name: [np.zeros(0)] for name in names}
    for number, trial in enumerate(draft.trials):
        end = world.campaign_starts[number] + world.campaign_days
        arms = _expected(draft, number, trial)
        row = [np.full(n, number + 1), np.arange(n) + 1, trial["lift"]]
        for span, until in enumerate((end, end + history.after_days(world))):
            alike, realised = _realised(draft, number, trial, until)
            row[3 + 2 * span : 3 + 2 * span] = [one + alike for one in arms[2 * span : 2 * span + 2]]
            row += realised
        for name, values in zip(names, row, strict=True):
            columns[name].append(values[trial["audience"]])
    draft.secret("treatments", **{name: np.concatenate(values) for name, values in columns.items()})


def _expected(draft: Draft, number: int, trial: dict[str, Array]) -> list[Array]:
    """Return the contribution to expect of either arm, in the window and in the window and the days after.

    Packs are taken as divisible. What the programme and launches add to both arms alike is taken as it came.
    """
    world, traits = draft.world, draft.traits
    state = draft.states[number]
    leaving = chance_of_leaving(draft, state.today, goods.tin_share(draft, state.number))
    (within, cuts), (after, later_cuts) = history.window(draft, state, leaving)
    coupon, cut, start = streams.discounts(draft)[number], world.deal_discount, world.campaign_starts[number]
    share, stays = goods.margin_share(draft, state.number, start), 1 - leaving
    more = 1 + np.where(trial["lift"] > 0, trial["lift"], trial["lift"] * stays)
    treated = more * (within * share - (within - cuts) * coupon - cuts * max(coupon, cut))
    untreated = within * share - cuts * cut
    tail = (after - within) * share - (later_cuts - cuts) * cut
    missed = tail * (1 - trial["missed"] * stays)
    return [
        one * traits["mean_spend_cents"] for one in (treated, untreated, treated + missed, untreated + tail)
    ]


def _realised(draft: Draft, number: int, trial: dict[str, Array], end: float) -> tuple[Array, list[Array]]:
    """Return what else adds to the contribution of each customer until `end`, and the whole in either arm."""
    base, orders, n, start = draft.base, draft.orders, draft.customers, draft.world.campaign_starts[number]
    inside = (orders["time"] >= start) & (orders["time"] < end)
    inside &= orders["key"] % history.SPAN >= 2 * streams.LEVER
    added = np.bincount(orders["customer"][inside], (orders["amount"] - orders["cost"])[inside], n)
    span = (base["time"] >= start) & (base["time"] < end)
    rows, gone = span & ~base["replaced"], span & base["replaced"]
    coupon, kept = np.full(len(rows), -1), rows.copy()
    if streams.discounts(draft)[number] > 0:
        coupon[trial["rows"]] = number
    kept[trial["stops"]] = kept[trial["tail"]] = False
    treated, untreated = (
        np.bincount(base["customer"][chosen], _margin(draft, used)[chosen], n)
        for used, chosen in ((coupon, kept), (0 * coupon - 1, rows))
    )
    customer, key, time = trial["spawned"]
    lines = goods.basket(draft, customer, key, streams.before(draft, customer, time), time)
    paid = streams.reduced(
        lines,
        streams.discount(
            draft, np.full(len(key), number if streams.discounts(draft)[number] > 0 else -1), time
        ),
    )
    treated = treated + np.bincount(
        customer[lines["order"]], paid - lines["cost"], n
    )  # of no orders integers
    missing = np.bincount(base["customer"][gone], _margin(draft, 0 * coupon - 1)[gone], n)
    return added - missing, [treated + added, untreated + added]


def _margin(draft: Draft, campaign: Array) -> Array:
    """Return the contribution of each order of the base stream with these coupons."""
    base, lines = draft.base, draft.base_lines
    paid = streams.reduced(lines, streams.discount(draft, campaign, base["time"]))
    return np.bincount(lines["order"], paid - lines["cost"], len(base["key"]))
