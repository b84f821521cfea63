"""What is sold: products, what is in an order, and what it earns."""

import numpy as np
from scipy.special import gammaincinv

from crmlab.company._draft import Draft
from crmlab.company._draws import Array, choose
from crmlab.company.customers import TEAS

# Per category, four products from the most to the least bought: share, and price and cost in cents per 100 g.
_SHARES = np.array([0.4, 0.3, 0.2, 0.1])
_PRICES = np.array(
    [
        [900, 1400, 2600, 4800],
        [700, 1100, 1900, 3200],
        [1200, 1800, 3000, 5600],
        [1500, 2200, 3600, 6400],
        [600, 800, 1100, 1500],
        [1800, 2500, 3900, 7500],
    ]
)
_COST_SHARES = np.array([0.50, 0.46, 0.42, 0.36]) + np.array([[0], [0.06], [-0.04], [-0.06], [-0.02], [0.10]])
_COSTS = np.rint(_PRICES * _COST_SHARES).astype(int)
_NAMES = [
    ("Harbour Green", "港绿"), ("Cloud Needle", "云针"), ("Spring Jade", "春玉"), ("First Frost", "初霜"),
    ("Dockside", "码头早茶"), ("Red Lacquer", "朱漆红"), ("Pine Smoke", "松烟"), ("Winter Plum", "冬梅红"),
    ("Stone Ridge", "石岭"), ("Iron Lantern", "铁灯笼"), ("Honey Orchid", "蜜兰"), ("Old Bush", "老丛"),
    ("White Heron", "白鹭"), ("Silver Quay", "银埠"), ("Moon Terrace", "月台"), ("Snow Bud", "雪芽"),
    ("Osmanthus", "桂花"), ("Chrysanthemum", "菊花"), ("Barley", "大麦"), ("Rose and Lemon", "玫瑰柠檬"),
    ("Travel Cup", "旅行杯"), ("Bamboo Whisk", "竹筅"), ("Clay Pot", "紫砂壶"), ("Celadon Set", "青瓷套"),
]  # fmt: skip
_LINES = [0.5, 0.28, 0.14, 0.08]  # shares of orders with one, two, ... lines
_MARGIN_SHARES = 1 - (_COSTS / _PRICES) @ _SHARES  # by category


def add_products(draft: Draft) -> None:
    """Make the table of products; the first of them, sold in a tin that leaks, is redesigned."""
    count, levers = len(_NAMES), draft.levers
    draft.traits["margin_share"] = draft.traits["taste"] @ _MARGIN_SHARES
    redesigned = np.full(count, np.nan)
    day = draft.world.redesign_day if levers.redesign_day is None else levers.redesign_day
    redesigned[0] = day if day < draft.world.days else np.nan
    draft.table(
        "products",
        product_id=np.arange(count) + 1,
        name=[english for english, _ in _NAMES],
        chinese_name=[chinese for _, chinese in _NAMES],
        category=np.repeat(np.arange(len(TEAS)), len(_SHARES)),
        price_cents=_PRICES.ravel(),
        cost_cents=_COSTS.ravel(),
        redesigned_on=redesigned,
    )


def first_is_first(draft: Draft, customer: Array, key: Array) -> Array:
    """Return whether the first line of an order is the product whose tin leaks."""
    share = draft.traits["taste"][customer, 0] * _SHARES[0]
    return draft.draws.uniform("order_lines.product", key, 0) < share


def basket(draft: Draft, customer: Array, key: Array, discount: Array) -> dict[str, Array]:
    """Return the lines of each order: `order` (its position), line, product, grams, amount and cost."""
    world, draws, traits = draft.world, draft.draws, draft.traits
    gross = gammaincinv(world.spend_shape, draws.uniform("orders.spend", key))
    gross *= traits["mean_spend"][customer] / world.spend_shape
    count = 1 + choose(draws.uniform("orders.lines", key), _LINES)
    gross = np.maximum(np.rint(gross).astype(int), count)
    paid = np.maximum(gross - np.rint(gross * discount).astype(int), count)
    order = np.repeat(np.arange(len(key)), count)
    starts = np.cumsum(count) - count
    line = np.arange(len(order)) - np.repeat(starts, count)
    weight = -np.log(draws.uniform("order_lines.share", key[order], line))
    total = np.add.reduceat(weight, starts) if len(starts) else weight
    weight /= total[order]
    product = _product(
        traits["taste"], customer[order], draws.uniform("order_lines.product", key[order], line)
    )
    full = _split(gross, weight, order, starts)
    return {
        "order": order,
        "line": line + 1,
        "product": product,
        "grams": np.rint(full * 100 / _PRICES.ravel()[product]),
        "full": full,
        "amount": _split(paid, weight, order, starts),
        "cost": np.rint(full * (_COSTS / _PRICES).ravel()[product]).astype(int),
    }


def _split(cents: Array, weight: Array, order: Array, starts: Array) -> Array:
    """Split the cents of each order by weight, a cent at least; the first line takes what rounding leaves."""
    shared = cents - np.diff(starts, append=len(order))
    parts = 1 + np.floor(shared[order] * weight).astype(int)
    if len(starts):
        parts[starts] += cents - np.add.reduceat(parts, starts)
    return parts


def _product(taste: Array, customer: Array, uniform: Array) -> Array:
    """Cut the unit by the customer's taste, each part again by the shares of its four products."""
    edges = np.cumsum(taste, axis=1)
    category = np.zeros(len(uniform), np.int64)
    below = np.zeros(len(uniform))
    for one in range(len(TEAS) - 1):
        edge = edges[customer, one]
        beyond = uniform >= edge
        category += beyond
        below = np.where(beyond, edge, below)
    within = (uniform - below) / taste[customer, category].clip(1e-300)
    return category * len(_SHARES) + choose(within, _SHARES)
