"""What is sold: products, what is in an order, and what it earns."""

import numpy as np
from scipy.special import gammaincinv

from crmlab.company._draft import Draft
from crmlab.company._draws import Array, choose
from crmlab.company._schema import constants
from crmlab.company.customers import TEAS

# Per category, four products; the share is that of the product within its category.
_PRODUCTS = constants("products.csv")
PRICES, _COSTS = _PRODUCTS["price_cents"].to_numpy(), _PRODUCTS["cost_cents"].to_numpy()
_SHARES = _PRODUCTS["share"].to_numpy()[:4]
_LINES = [0.5, 0.28, 0.14, 0.08]  # shares of orders with one, two, ... lines
_MARGIN_SHARES = 1 - (_COSTS / PRICES).reshape(-1, 4) @ _SHARES  # by category


def add_products(draft: Draft) -> None:
    """Make the table of products; the first of them, sold in a tin that leaks, is redesigned."""
    draft.traits["margin_share"] = draft.traits["taste"] @ _MARGIN_SHARES
    redesigned = np.full(len(_PRODUCTS), np.nan)
    if draft.levers.redesign_day < draft.world.days:
        redesigned[0] = draft.levers.redesign_day
    draft.table(
        "products", product_id=np.arange(len(_PRODUCTS)) + 1, redesigned_on=redesigned,
        category=np.repeat(np.arange(len(TEAS)), 4), **_PRODUCTS.drop(columns=["category", "share"]),
    )  # fmt: skip


def first_may_leak(draft: Draft, customer: Array, key: Array) -> Array:
    """Return whether the first line of an order is the product whose tin leaks."""
    share = draft.traits["taste"][customer, 0] * _SHARES[0]
    return draft.draws.uniform("order_lines.product", key, 0) < share


def basket(draft: Draft, customer: Array, key: Array, discount: Array) -> dict[str, Array]:
    """Return the lines: position of the order, number in it from 0, product, full price, amount and cost."""
    world, draws, traits = draft.world, draft.draws, draft.traits
    gross = gammaincinv(world.spend_shape, draws.uniform("orders.spend", key))
    gross *= traits["mean_spend_cents"][customer] / world.spend_shape
    count = 1 + choose(draws.uniform("orders.lines", key), _LINES)
    gross = np.maximum(np.rint(gross).astype(int), count)
    paid = np.maximum(gross - np.rint(gross * discount).astype(int), count)
    order, starts = np.repeat(np.arange(len(key)), count), np.cumsum(count) - count
    line = np.arange(len(order)) - starts[order]
    weight = -np.log(draws.uniform("order_lines.share", key[order], line))
    weight /= np.bincount(order, weight)[order]
    luck = draws.uniform("order_lines.product", key[order], line)
    product = _product(traits["taste"], customer[order], luck)
    full, amount = (_split(cents, weight, order, starts) for cents in (gross, paid))
    cost = np.rint(full * (_COSTS / PRICES)[product]).astype(int)
    return {"order": order, "line": line, "product": product, "full": full, "amount": amount, "cost": cost}


def _split(cents: Array, weight: Array, order: Array, starts: Array) -> Array:
    """Split the cents of each order by weight, a cent at least; the first line takes what rounding leaves."""
    shared = cents - np.diff(starts, append=len(order))
    parts = 1 + np.floor(shared[order] * weight).astype(int)
    parts[starts] += cents - np.bincount(order, parts, len(cents)).astype(int)
    return parts


def _product(taste: Array, customer: Array, uniform: Array) -> Array:
    """Cut the unit by the customer's taste, each part again by the shares of its four products."""
    edges = np.insert(taste, 0, 0, axis=1).cumsum(axis=1)
    category = sum(uniform >= edges[customer, one] for one in range(1, len(TEAS)))
    within = (uniform - edges[customer, category]) / taste[customer, category].clip(1e-300)
    return category * len(_SHARES) + choose(within, _SHARES)
