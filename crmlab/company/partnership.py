"""Partners: who they are, what passes between us and them, and what they do and think."""

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binom, poisson

from crmlab.company._draft import Draft
from crmlab.company._draws import Array, choose
from crmlab.company._schema import START, categories, constants

_KINDS = categories("partners", "kind")
_SUPPLIER, _DISTRIBUTOR, _COMPETITOR = (_KINDS.index(kind) for kind in _KINDS[:3])
_NUMBERS = ("value", "messages", "reciprocity", "warmth", "asked", "share")  # of a kind of partner
_GAINS = [14 / 24, 5 / 24, 5 / 24]  # shares of relations in which both gain, we alone, they alone
_SOURED = 1 / 9  # share of suppliers and distributors beyond the first 24
_INDIRECT, _OF_THOSE = 0.15, 0.8  # share of customers with a distributor; of their orders, those through it
_MEMORY = 0.9  # of an attitude from one month to the next
_FALL, _FALLING = 2.5, 60  # scale points that a partner sours by, and days that it takes
_FOLLOWS = 0.35  # what a scale point of attitude does to the logarithm of the flow a quarter later
_PERSISTS = 0.5  # of other reasons for a flow, from one month to the next
_TRUSTS, _COMMITS = 0.75, 0.6  # correlation of trust with the attitude, and of commitment with trust
_LOADING = 0.85  # correlation of an item with what it measures


@cache
def _told() -> tuple[pd.DataFrame, list[str], Array]:
    """Return partners.toml: the numbers of each kind; the names of the first partners, and their kinds."""
    told = constants("partners.toml")
    numbers = pd.DataFrame([{what: told[kind][what] for what in _NUMBERS} for kind in _KINDS])
    named = [(name, code) for code, kind in enumerate(_KINDS) for name in told[kind]["names"]]
    return numbers, [name for name, _ in named], np.array([code for _, code in named])


def draw_partners(draft: Draft) -> None:
    """Draw who the partners are, who of them will sour and why, and who gains by the relation.

    The first are those of partners.toml, always the same; further ones come after them.
    """
    uniform, days = draft.draws.uniform, draft.world.days
    numbers, names, kind = _told()
    n, first = max(draft.partners_wanted, len(names)), np.arange(len(names))
    everybody, more = np.arange(n), np.arange(len(names), n)
    kind = np.append(kind, choose(uniform("partners.kind", more), numbers["share"]))
    own = {name: values.to_numpy()[kind] for name, values in numbers.items()}
    since = np.floor(uniform("partners.since", everybody) * (3000 + 0.4 * days)) - 3000

    # Of the first ones a supplier and a distributor sour, and both gain in 14 relations of 24.
    luck = uniform("partners.sours", everybody)
    soured = (luck < _SOURED) & np.isin(kind, [_SUPPLIER, _DISTRIBUTOR]) & (everybody >= len(names))
    for one in (_SUPPLIER, _DISTRIBUTOR):
        soured[np.argmin(np.where(kind[first] == one, luck[first], 1))] = True
    since = np.where(soured, np.minimum(since, -30), since)
    on = np.floor(days * (0.4 + 0.3 * uniform("partners.soured_on", everybody)))
    until = np.floor(on + 150 + 120 * uniform("partners.until", everybody))
    leaves = soured & (kind == _DISTRIBUTOR) & (until < days)
    luck = uniform("partners.gains", everybody)
    luck[first] = (np.argsort(np.argsort(luck[first], kind="stable"), kind="stable") + 0.5) / len(first)
    gains, sign = choose(luck, _GAINS), np.array([[1, 1], [1, -1], [-1, 1]])
    size = [0.08 + 0.3 * uniform("partners.gain", everybody, side) for side in range(2)]
    ours, theirs = sign[gains].T * size

    normal, mean = draft.draws.normal, own["reciprocity"]
    reciprocity = draft.draws.stream("partners.reciprocity").beta(8 * mean, 8 * (1 - mean))
    draft.partners = {
        "kind": kind, "since": since, "until": np.where(leaves, until, np.inf), "reciprocity": reciprocity,
        "soured_on": np.where(soured, on, np.inf), "asked": own["asked"], "messages": own["messages"],
        "warmth": own["warmth"] + 0.6 * normal("partners.warmth", everybody), "ours": ours, "theirs": theirs,
        "share": own["value"] * np.exp(0.5 * normal("partners.size", everybody)) * len(first) / n,
    }  # fmt: skip
    key = {"partner_id": everybody + 1}
    names = names + _more_names(kind[more])
    draft.table("partners", **key, name=names, kind=kind, since=since, until=np.where(leaves, until, np.nan))
    cause = choose(uniform("partners.cause", everybody), [0.3, 0.3, 0.2, 0.2])
    draft.secret(
        "partners", **key, reciprocity=reciprocity, warmth=draft.partners["warmth"], our_gain=ours,
        their_gain=theirs, soured_on=np.where(soured, on, np.nan), cause=np.where(soured, cause, -1),
    )  # fmt: skip


def _more_names(kind: Array) -> list[str]:
    """Return names for further partners of these kinds, no two alike."""
    told = constants("partners.toml")
    first, second = ([word.split("/") for word in told["more"][part].split()] for part in ("first", "second"))
    named = []
    for number, code in enumerate(kind):
        words = first[number % len(first)], second[(number // len(first) + number) % len(second)]
        parts = [*words, told[_KINDS[code]]["more"].split("/")]
        named.append(" ".join(part[0] for part in parts) + " " + "".join(part[1] for part in parts))
    return [name.replace("_", " ") for name in named]


def suppliers(draft: Draft) -> Array:
    """Return the position of the supplier of each product: gardens grow tea, a workshop makes the ware."""
    products = constants("products.csv")
    workshop = constants("partners.toml")["workshop"]
    gardens = np.flatnonzero(draft.partners["kind"] == _SUPPLIER)
    gardens = gardens[gardens != workshop]
    gardens = gardens[np.argsort(draft.draws.uniform("suppliers", gardens), kind="stable")]
    place = np.arange(len(products)) % len(gardens)
    return np.where(products["category"] == "ware", workshop, gardens[place])


def distributors(draft: Draft, customer: Array, key: Array, time: Array) -> Array:
    """Return for each order the position of the distributor through which it came, −1 if through none.

    A customer has one distributor or none, and orders through it while we deal with it.
    """
    uniform, partners, everybody = draft.draws.uniform, draft.partners, np.arange(draft.customers)
    there = np.flatnonzero(partners["kind"] == _DISTRIBUTOR)
    own = there[(len(there) * uniform("distributors.which", everybody)).astype(int)]
    has = (uniform("distributors.has", everybody) < _INDIRECT)[customer]
    through = has & (uniform("distributors.order", key) < _OF_THOSE)
    through &= (time >= partners["since"][own][customer]) & (time < partners["until"][own][customer])
    return np.where(through, own[customer], -1)


def _months(draft: Draft) -> Array:
    """Return the first day of each whole month of the log, and the day after the last of them."""
    end = (START + np.timedelta64(draft.world.days, "D")).astype("M8[M]") + 1
    months = np.arange(START.astype("M8[M]"), end).astype("M8[D]")
    return (months - START.astype("M8[D]")).astype(int)


def _attitudes(draft: Draft) -> Array:
    """Return by month, side (ours, theirs) and partner the attitude; the partner's own follows ours."""
    partners, normal = draft.partners, draft.draws.normal
    month, everybody = _months(draft)[:-1], np.arange(len(partners["kind"]))
    moods = list[Array]()
    for number in range(len(month)):
        luck = np.stack([normal("attitudes.mood", everybody, 2 * number + side) for side in range(2)])
        if moods:
            ours, theirs = _MEMORY * moods[-1]
            theirs = (1 - partners["reciprocity"]) * theirs + partners["reciprocity"] * ours
            luck = np.stack([ours, theirs]) + np.sqrt(1 - _MEMORY**2) * luck
        moods.append(luck)
    attitude: Array = 4 + 1.2 * partners["warmth"] + 0.8 * np.array(moods)
    attitude[:, 1] -= _FALL * ((month[:, None] - partners["soured_on"]) / _FALLING).clip(0, 1)
    return attitude


def _traffic(draft: Draft) -> Array:
    """Return by partner and month the cents that orders would let pass: of what the partner has a part in.

    A supplier gets what the goods of its products cost, a distributor goods to the worth of the orders that
    came through it; beside that everybody has a share of the sales.
    """
    month, partners, orders = _months(draft), draft.partners, draft.orders
    n, span, lines = len(partners["kind"]), len(month) - 1, draft.lines
    when = np.searchsorted(month, orders["time"], side="right") - 1
    whole = when < span
    sales = np.bincount(when[whole], orders["amount"][whole], span)

    def by_partner(partner: Array, when: Array, cents: Array) -> Array:
        kept = (partner >= 0) & (when < span)
        found = np.bincount((partner * span + when)[kept], cents[kept], n * span)
        return found.reshape(n, span)

    bought = by_partner(suppliers(draft)[lines["product"]], when[lines["order"]], lines["cost"])
    key = orders.get("key", orders["id"])
    through = distributors(draft, orders["customer"], key, orders["time"])
    return partners["share"][:, None] * sales + bought + by_partner(through, when, orders["amount"])


def add_relations(draft: Draft) -> None:
    """Add what passes each month and what it is worth to either side, and how the two see each other."""
    partners, uniform, normal = draft.partners, draft.draws.uniform, draft.draws.normal
    month, attitude, everybody = _months(draft)[:-1], _attitudes(draft), np.arange(len(partners["kind"]))
    dealt = (month[:, None] >= partners["since"]) & (month[:, None] < partners["until"])
    felt = attitude[np.maximum(np.arange(len(month)) - 3, 0), 1] - 4 - 1.2 * partners["warmth"]
    other, others = 0.15 * normal("relations.other", everybody, 0), list[Array]()
    for number in range(len(month)):
        luck = 0.15 * normal("relations.other", everybody, number + 1)
        other = _PERSISTS * other + np.sqrt(1 - _PERSISTS**2) * luck
        others.append(other)
    pace = np.exp(_FOLLOWS * felt + np.array(others)).T  # by partner and month

    partner, when, way = (part.ravel() for part in np.indices((len(everybody), len(month), 2)))
    shown = dealt[when, partner]
    partner, when, way = partner[shown], when[shown], way[shown]
    key, reciprocity = (partner, when, way), partners["reciprocity"][partner]
    back = np.where(way == 0, reciprocity, 1)  # of what goes out, the partner's reciprocity comes back in
    cents = _traffic(draft)[partner, when] * pace[partner, when] * back
    cents = np.rint((cents * np.exp(0.15 * normal("relations.value", *key))).clip(0, 1e17))
    mean = partners["messages"][partner] * back * np.sqrt(pace[partner, when])
    sent = poisson.ppf(uniform("relations.messages", *key), mean.clip(1e-9, 1e6))
    replies = np.where(way == 0, 0.85, reciprocity)
    # Each side values what it gets, in terms of what it gives for it on average.
    worth_us = np.where(way == 0, cents * (1 + partners["ours"][partner]) / reciprocity.clip(1e-9), -cents)
    worth_them = np.where(way == 1, cents * (1 + partners["theirs"][partner]) * reciprocity, -cents)
    draft.table(
        "relations", partner_id=partner + 1, month=month[when], direction=way, messages=sent,
        answered=binom.ppf(uniform("relations.answered", *key), sent, replies).clip(0), value_cents=cents,
        worth_to_us_cents=np.rint(worth_us.clip(max=1e17)), worth_to_them_cents=np.rint(worth_them),
    )  # fmt: skip
    when, side, partner = np.nonzero(dealt[:, None] & np.isfinite(attitude))
    draft.table(
        "attitudes", partner_id=partner + 1, asked_on=month[when], side=side,
        attitude=np.rint(attitude[when, side, partner]).clip(1, 7),
    )  # fmt: skip


def _moves(draft: Draft) -> dict[str, Array]:
    """Draw what competitors do that customers feel: who, what, where (−1: everywhere), when and how much."""
    partners, world, luck = draft.partners, draft.world, draft.draws.stream("moves")
    n, (_, names, _) = world.rival_moves, _told()
    day = np.sort(np.floor(world.days * (0.1 + 0.8 * luck.random(n))))
    rivals = np.flatnonzero(partners["kind"][: len(names)] == _COMPETITOR)
    rivals = rivals[np.argsort(partners["since"][rivals], kind="stable")]
    known = np.searchsorted(partners["since"][rivals], day, side="right").clip(1)
    cut = luck.random(n) < 0.6
    region = np.floor(len(categories("customers", "region")) * luck.random(n)).astype(int)
    return {
        "partner": rivals[(known * luck.random(n)).astype(int)], "kind": cut.astype(int), "day": day,
        "region": np.where(cut, -1, region), "days": np.where(cut, 28, 120),
        "factor": luck.uniform(0.75, 0.92, n),
    }  # fmt: skip


def moves(draft: Draft) -> list[tuple[int, int, Array]]:
    """Return for each competitor's move its day, how many days it is felt, and by region its factor.

    The factor is that of the purchase rate: what a customer buys elsewhere meanwhile.
    """
    made, regions = _moves(draft), np.arange(len(categories("customers", "region")))
    rows: Any = zip(made["day"], made["days"], made["region"], made["factor"], strict=True)
    return [
        (int(day), int(days), np.where((region < 0) | (regions == region), factor, 1.0))
        for day, days, region, factor in rows
    ]


def add_moves(draft: Draft) -> None:
    """Add the moves of competitors and how much customers feel them."""
    made = _moves(draft)
    key, end = {"move_id": np.arange(len(made["day"])) + 1}, made["day"] + made["days"]
    over = (made["kind"] == 1) & (end < draft.world.days)
    draft.table(
        "moves", **key, partner_id=made["partner"] + 1, kind=made["kind"], region=made["region"],
        starts_on=made["day"], ends_on=np.where(over, end, np.nan),
    )  # fmt: skip
    draft.secret("moves", **key, felt=made["factor"], felt_days=made["days"])


def add_projects(draft: Draft) -> None:
    """Add what was done together: more often and to more profit with those who think well of us."""
    luck, world, partners = draft.draws.stream("projects"), draft.world, draft.partners
    kinds = constants("projects.csv").set_index("kind").loc[categories("projects", "kind")]
    until = np.minimum(partners["until"], world.days)
    together = np.clip(until - partners["since"].clip(0), 0, None) / 365.25
    rate = kinds[_KINDS].to_numpy()[:, partners["kind"]] * np.exp(0.4 * partners["warmth"])
    kind, partner = np.nonzero(times := luck.poisson(rate * together))
    kind, partner = np.repeat([kind, partner], times[kind, partner], axis=1)
    n = len(kind)
    start = until[partner] - 365.25 * together[partner] * luck.random(n)
    end = start + kinds["days"].to_numpy()[kind] * np.exp(0.4 * luck.standard_normal(n))
    end = np.fmin(end, partners["until"][partner])
    spend = world.spend_shape * world.spend_scale / (world.spend_q - 1)
    turnover = draft.customers * spend * world.rate_shape / world.rate_scale * 30  # a month's, if all stay
    cost = 3 * turnover * partners["share"][partner] * np.exp(0.6 * luck.standard_normal(n))
    shared, *own = luck.standard_normal((3, n))
    success = 0.25 + 0.4 * partners["warmth"][partner] + 0.4 * shared  # what both make of a cent
    gains = [np.where(end < world.days, np.rint(cost * (success + 0.3 * one)), np.nan) for one in own]
    order = np.lexsort((partner, start))
    columns = {
        "partner_id": partner + 1, "kind": kind, "starts_on": start,
        "ends_on": np.where(end < world.days, end, np.nan), "cost_cents": np.rint(cost).clip(1, 1e17),
        "our_gain_cents": gains[0], "their_gain_cents": gains[1],
    }  # fmt: skip
    sorted_columns = {name: values[order] for name, values in columns.items()}
    draft.table("projects", project_id=np.arange(n) + 1, **sorted_columns)


def add_partner_ties(draft: Draft) -> None:
    """Add who among the partners deals with whom; how often depends on what they are."""
    rules, kind = constants("partner_ties.csv"), draft.partners["kind"]
    share, tie = np.zeros((2, len(_KINDS), len(_KINDS)))
    ends = [pd.Categorical(rules[end], _KINDS).codes for end in ("one", "other")]
    for one, other in (ends, ends[::-1]):
        share[one, other] = rules["share"]
        tie[one, other] = pd.Categorical(rules["tie"], categories("partner_ties", "tie")).codes
    one, other = np.triu_indices(len(kind), k=1)
    likely = share[kind[one], kind[other]] * len(_told()[1]) / len(kind)  # nobody can know a thousand
    known = draft.draws.uniform("partner_ties", one, other) < likely
    one, other = one[known], other[known]
    draft.table("partner_ties", partner_id=one + 1, other_id=other + 1, tie=tie[kind[one], kind[other]])


def add_partner_surveys(draft: Draft) -> None:
    """Add what partners answer twice a year: trust follows their attitude, commitment follows trust."""
    luck, partners = draft.draws.stream("partner_surveys"), draft.partners
    attitude, asked = _attitudes(draft)[::6, 1], _months(draft)[:-1:6]  # theirs, of every sixth month
    lasting, passing = (
        luck.standard_normal((2, *attitude.shape[1:])),
        luck.standard_normal((2, *attitude.shape)),
    )
    own = np.sqrt(0.5) * (lasting[:, None] + passing)
    felt = (attitude - 4) / 1.5
    trust = _TRUSTS * felt + np.sqrt(1 - _TRUSTS**2) * own[0]
    commitment = _COMMITS * trust + np.sqrt(1 - _COMMITS**2) * own[1]
    answers = luck.random(attitude.shape) < partners["asked"]
    dealt = (asked[:, None] >= partners["since"]) & (asked[:, None] < partners["until"])
    rows = np.nonzero(answers & dealt)
    keys = {"partner_id": rows[1] + 1, "asked_on": asked[rows[0]]}
    items = {}
    for name, latent in (("trust", trust[rows]), ("commitment", commitment[rows])):
        for number in (1, 2, 3):
            error = np.sqrt(1 - _LOADING**2) * luck.standard_normal(len(latent))
            items[f"{name}_{number}"] = np.rint(4.2 + 1.3 * (_LOADING * latent + error)).clip(1, 7)
    draft.table("partner_surveys", **keys, **items)
    held = {"attitude": attitude[rows], "trust": trust[rows], "commitment": commitment[rows]}
    draft.secret("partner_surveys", **keys, **held)
