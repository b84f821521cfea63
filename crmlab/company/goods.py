"""What is sold: products and their prices, what is in an order, and what it earns."""

from functools import cache

import numpy as np
from scipy.special import gammaincinv

from crmlab.company._draft import Draft
from crmlab.company._draws import Array, choose
from crmlab.company._schema import constants
from crmlab.company.customers import TEAS
from crmlab.company.partnership import suppliers
from crmlab.company.worlds import World

# Four products a category, from the plain to the fine, then those that are launched within the log. The
# share is that of the product within its category for a beginner.
_PRODUCTS = constants("products.csv")
_CATEGORY = np.array([TEAS.index(one) for one in _PRODUCTS["category"]], np.int8)
_COSTS = _PRODUCTS["cost_cents"].to_numpy()
_LISTED = _PRODUCTS["price_cents"].to_numpy()
LAUNCHED = np.flatnonzero(_PRODUCTS["launched"] != "")
_SHARES = _PRODUCTS["share"].to_numpy()[:4]
_CLIMB = np.array([0, 0.5, 1.2, 2.0])  # how far a customer of experience turns to each of the four
_EXPERIENCED = 8  # orders after which nobody climbs further
_LINES = [0.5, 0.28, 0.14, 0.08]  # shares of orders with one, two, ... lines
_PAIRS = constants("complements.csv")
_PLACE = {name: place for place, name in enumerate(_PRODUCTS["name"])}
_ENDS = [_PAIRS[end].map(_PLACE).to_numpy() for end in ("product", "goes_with")]
# By product of the first line: what goes with it, and how likely the last line is that.
_COMPLEMENT, _LIKELY = np.zeros(len(_PRODUCTS), np.int8), np.zeros(len(_PRODUCTS))
for _one, _other in (_ENDS, _ENDS[::-1]):
    _COMPLEMENT[_one], _LIKELY[_one] = _other, _PAIRS["probability"]
TIN = 0  # the product whose tin leaks until it is redesigned
PROMOTION_DAYS = 7


def _levels() -> Array:
    """Return the shares of the four products by experience: a row for each order up to the last climbed."""
    climbed = np.arange(_EXPERIENCED + 1)[:, None] / _EXPERIENCED
    shares = _SHARES * np.exp(_CLIMB * climbed * 0.6)
    return shares / shares.sum(axis=1, keepdims=True)


_WITHIN = _levels()


def launch_days(draft: Draft) -> Array:
    """Return the day on which each of :data:`LAUNCHED` is first sold; infinity in the textbook's world."""
    world = draft.world
    return np.where(world.launches, [world.first_launch, world.second_launch], np.inf)


def add_products(draft: Draft) -> None:
    """Make the tables of products and of what they cost when."""
    redesigned, launched = np.full((2, len(_PRODUCTS)), np.nan)
    if draft.levers.redesign_day < draft.world.days and draft.world.leaking_tin:
        redesigned[TIN] = draft.levers.redesign_day
    day = launch_days(draft)
    launched[LAUNCHED] = np.where(day < draft.world.days, day, np.nan)
    sold = np.flatnonzero((_PRODUCTS["launched"] == "").to_numpy() | ~np.isnan(launched))
    flags = {name: _PRODUCTS[name] == "yes" for name in ("organic", "single_garden", "refillable_tin")}
    grams = _PRODUCTS["pack_grams"].replace("", "nan").astype(float)
    data = {
        "product_id": np.arange(len(_PRODUCTS)) + 1, "supplier_id": suppliers(draft) + 1,
        "category": _CATEGORY, "pack_grams": grams, "price_cents": _LISTED,
        "redesigned_on": redesigned, "launched_on": launched, **flags,
        **_PRODUCTS[["name", "chinese_name", "cost_cents"]],
    }  # fmt: skip
    draft.table("products", **{name: np.asarray(values)[sold] for name, values in data.items()})
    _add_prices(draft, sold)


def _of(category: str) -> Array:
    return np.equal(_CATEGORY, TEAS.index(category))


@cache
def _epochs(world: World) -> tuple[Array, Array]:
    """Return the days on which list prices change, from 0 on, and the price of each product then."""
    changes = constants("prices.csv").astype({"from_share": float})
    if not world.price_changes:
        changes = changes.iloc[:0]
    starts = np.unique(np.append(0, np.floor(changes["from_share"] * world.days)))
    factor = np.ones((len(starts), len(_PRODUCTS)))
    for share, category, change in changes.itertuples(index=False):
        later = starts >= np.floor(share * world.days)
        factor[np.ix_(later, _of(category))] *= 1 + change
    return starts, np.rint(_LISTED * factor / 10).astype(int) * 10


def _add_prices(draft: Draft, sold: Array) -> None:
    """Make the table of prices: list prices, and the public cuts of a week."""
    starts, prices = _epochs(draft.world)
    cuts = cut_days(draft)
    day = np.append(starts, cuts)
    price = prices[np.searchsorted(starts, day, side="right") - 1]
    cut = np.arange(len(day)) >= len(starts)
    price = np.where(cut[:, None], np.rint(price * (1 - draft.world.deal_discount)), price)
    until = np.append(np.append(starts[1:], np.nan), cuts + PROMOTION_DAYS)
    row, product = (part.ravel() for part in np.meshgrid(range(len(day)), sold, indexing="ij"))
    launch = np.zeros(len(_PRODUCTS))
    launch[LAUNCHED] = launch_days(draft)
    new = (price[1 : len(starts)] != price[: len(starts) - 1]) if len(starts) > 1 else np.zeros((0, 1), bool)
    changed = np.ones((len(day), len(_PRODUCTS)), bool)
    changed[1 : len(starts)] = new
    first = (day[row] <= launch[product]) & ~cut[row]  # of a launched tea, the price that holds then
    kept = (changed[row, product] | first) & ~(until[row] <= launch[product])
    row, product = row[kept], product[kept]
    order = np.lexsort((product, day[row]))
    row, product = row[order], product[order]
    draft.table(
        "prices", product_id=product + 1, from_on=np.maximum(day[row], launch[product]), reduced=cut[row],
        until_on=np.where(cut[row], until[row], np.nan), price_cents=price[row, product],
    )  # fmt: skip


def cut_days(draft: Draft) -> Array:
    """Return the first day of each public price cut, which lasts a week."""
    world = draft.world
    every = np.arange(world.deal_every // 2, world.days, world.deal_every, dtype=float)
    return every if world.deal_discount and world.deal_lift > 1 else every[:0]


def is_cut(draft: Draft, day: Array) -> Array:
    """Return whether prices are cut on these days, the days after the log included."""
    world = draft.world
    since = (np.floor(day) - world.deal_every // 2) % world.deal_every
    return (since < PROMOTION_DAYS) & (day >= world.deal_every // 2) & (len(cut_days(draft)) > 0)


def margin_share(draft: Draft, orders: Array, day: float) -> Array:
    """Return the expected contribution per cent spent without discount, by the orders so far, on a day."""
    epochs, prices = _epochs(draft.world)
    margins = 1 - (_COSTS / prices[np.searchsorted(epochs, day, side="right") - 1])[:24].reshape(-1, 4)
    share: Array = (draft.traits["taste"] * (_WITHIN @ margins.T)[orders.clip(0, _EXPERIENCED)]).sum(axis=1)
    return share


def tin_share(draft: Draft, orders: Array) -> Array:
    """Return the probability that an order has the product whose tin leaks, by the orders so far."""
    lines = np.arange(1, len(_LINES) + 1)
    one = draft.traits["taste"][:, 0] * _WITHIN[orders.clip(0, _EXPERIENCED), 0]
    without: Array = ((1 - one[:, None]) ** lines) @ np.array(_LINES)
    return 1 - without


def basket(
    draft: Draft, customer: Array, key: Array, number: Array, time: Array, new: Array | None = None
) -> dict[str, Array]:
    """Return what is in these orders: a row for each product of an order.

    Parameters
    ----------
    number : array
        How many orders the customer has placed before, by which a customer has experience.
    new : array
        The launched product for which the order was placed (an index of :data:`LAUNCHED`), or −1 for none.

    Returns
    -------
    dict of array
        ``order`` (position), ``product``, ``quantity`` (packs), ``full`` (cents at list price), ``cost``.

    Notes
    -----
    What is spent is gamma distributed. A line takes as many packs as it pays for, the next one with the
    probability that leaves the expectation as it is; a first line that would pay for none turns into the
    plainest product of its category, again without a change of the expectation unless even that is too dear.
    """
    world, draws, traits = draft.world, draft.draws, draft.traits
    new = np.full(len(key), -1) if new is None else new
    gross = gammaincinv(world.spend_shape, draws.uniform("orders.spend", key))
    gross *= traits["mean_spend_cents"][customer] / world.spend_shape
    count = 1 + choose(draws.uniform("orders.lines", key), _LINES)
    order, starts = np.repeat(np.arange(len(key)), count), np.cumsum(count) - count
    line = np.arange(len(order)) - starts[order]
    weight = -np.log(draws.uniform("order_lines.share", key[order], line))
    weight /= np.bincount(order, weight)[order]
    single = count[order] == 1
    weight = np.where(single, 1, 0.5 * (weight + (line == 0)))  # the first line is the largest
    luck = draws.uniform("order_lines.product", key[order], line)
    product = _product(draft, customer[order], luck, number[order])
    _complete(draft, key, order, line, product)
    launched = np.flatnonzero(new >= 0)
    product[starts[launched]] = LAUNCHED[new[launched]]
    if not world.whole_packs:
        return _exact(gross, weight, order, starts, line, product)

    epochs, prices = _epochs(draft.world)
    epoch = np.searchsorted(epochs, time, side="right")[order] - 1
    price, target = prices[epoch, product], gross[order] * weight
    luck = draws.uniform("order_lines.packs", key[order], line)
    plain = 4 * _CATEGORY[product]
    cheap = prices[epoch, plain]
    dear = (line == 0) & (target < price)
    takes = luck < (target - cheap) / np.where(price > cheap, price - cheap, 1)
    packs = np.where(dear, 1, np.floor(target / price + luck)).astype(int)
    turned = dear & ~takes & (product < len(_PRODUCTS) - len(LAUNCHED))
    product = np.where(turned, plain, product)
    price = np.where(turned, cheap, price)
    kept = packs > 0
    # lines of one product are one line
    code = order[kept] * np.int64(len(_PRODUCTS)) + product[kept]
    pair, first, place = np.unique(code, return_index=True, return_inverse=True)
    quantity = np.bincount(place, packs[kept]).astype(int)
    order, product = np.divmod(pair, len(_PRODUCTS))
    rows = np.lexsort((first, order))
    order, product, quantity = order[rows], product[rows], quantity[rows]
    full = quantity * price[kept][first][rows]
    cost = quantity * _COSTS[product]
    product = product.astype(np.int8)
    return {"order": order, "product": product, "quantity": quantity, "full": full, "cost": cost}


def exchange(draft: Draft, orders: Array, tea: int) -> None:
    """Put a launched tea in the place of the last line of these orders (positions) of the base stream.

    It takes as many packs as the money pays for, at least one. The tin that leaks stays where it is.
    """
    lines, product, wants = draft.lines, LAUNCHED[tea], np.zeros(len(draft.base["key"]), bool)
    wants[orders] = True
    wants[lines["order"][lines["product"] == product]] = False  # it is there already
    rows = np.flatnonzero(wants[lines["order"]] & (lines["product"] != TIN))
    order = lines["order"][rows]
    last = np.append(order[1:] != order[:-1], True)[: len(order)]
    rows, order = rows[last], order[last]
    epochs, prices = _epochs(draft.world)
    epoch = np.searchsorted(epochs, draft.base["time"][order], side="right") - 1
    price = prices[epoch, product]
    luck = draft.draws.uniform("order_lines.exchanged", draft.base["key"][order], tea)
    packs = np.maximum(np.floor(lines["full"][rows] / price + luck), 1).astype(int)
    lines["product"][rows], lines["quantity"][rows] = product, packs
    lines["full"][rows], lines["cost"][rows] = packs * price, packs * _COSTS[product]


def _exact(
    gross: Array, weight: Array, order: Array, starts: Array, line: Array, product: Array
) -> dict[str, Array]:
    """Split the very cents of each order by weight, a cent a line at least: packs are not whole here."""
    count = np.diff(starts, append=len(order))
    cents = np.maximum(np.rint(gross).astype(int), count)
    full = 1 + np.floor((cents - count)[order] * weight).astype(int)
    full[starts] += cents - np.bincount(order, full, len(cents)).astype(int)
    quantity = np.maximum(np.rint(full / _LISTED[product]).astype(int), 1)
    cost = np.rint(full * (_COSTS / _LISTED)[product]).astype(int)
    return {"order": order, "product": product, "quantity": quantity, "full": full, "cost": cost}


def _product(draft: Draft, customer: Array, uniform: Array, number: Array) -> Array:
    """Cut the unit by the customer's taste, each part again by the shares of its four products."""
    taste, traits = draft.traits["taste"], draft.traits
    if "taste_edges" not in traits:
        traits["taste_edges"] = np.asfortranarray(np.insert(taste, 0, 0, axis=1).cumsum(axis=1))
    edges, category = traits["taste_edges"].T, np.zeros(len(customer), np.int8)
    for edge in edges[1:-1]:
        category += uniform >= edge[customer]
    start = edges.ravel().take(category * np.int64(draft.customers) + customer)
    within = (uniform - start) / taste.ravel().take(len(TEAS) * customer + category).clip(1e-300)
    within = choose(within.clip(0, 1 - 1e-12), _WITHIN, number.clip(0, _EXPERIENCED))
    return category * np.int8(4) + within.astype(np.int8)


def _complete(draft: Draft, key: Array, order: Array, line: Array, product: Array) -> None:
    """Let the last line of some orders be what goes with the first."""
    last = np.flatnonzero(np.append(order[1:] != order[:-1], True)[: len(order)] & (line > 0))
    first = product[last - line[last]]
    last, first = (rows[_LIKELY[first] > 0] for rows in (last, first))
    luck = draft.draws.uniform("order_lines.completed", key[order[last]], first)
    goes = luck < _LIKELY[first]
    product[last[goes]] = _COMPLEMENT[first[goes]]
