"""Who the customers are: what each of them is like, and whom they know."""

import numpy as np
from scipy.special import betaincinv, gammaincinv, ndtr

from crmlab.company._draft import Draft
from crmlab.company._draws import Array, choose
from crmlab.company._schema import categories, constants

TEAS = categories("products", "category")
# Means by segment: of traits and part-worths, and shares of the teas and of the purposes in what is bought.
SEGMENTS = constants("segments.csv").set_index("segment").loc[categories("customers", "segment", "truth")]
# The spread of part-worths within a segment; that of the price follows from price sensitivity.
WORTHS = {
    "worth_organic": 0.4,
    "worth_single_garden": 0.4,
    "worth_refillable_tin": 0.4,
    "worth_delivery": 0.06,
}


def add_customers(draft: Draft) -> None:
    """Draw each customer's traits; those who were won leads joined on the day they were won."""
    world, draws, n = draft.world, draft.draws, draft.customers
    luck = draws.stream("customers")
    lead = np.full(n, -1)
    won = np.flatnonzero(~np.isnan(draft.leads["won"]))[:n]
    lead[: len(won)] = won
    joined = luck.random(n) * world.days
    joined[: len(won)] = draft.leads["won"][won]
    firm = luck.random(n) < world.firm_share
    firm[: len(won)] = draft.leads["firm"][won]
    order = np.argsort(joined, kind="stable")
    joined, lead, firm = joined[order], lead[order], firm[order]

    rate_rank, other, spend_rank = luck.standard_normal((3, n))
    leaving_rank = _correlated(rate_rank, world.rate_leaving, other)
    spend_rank = _correlated(rate_rank, world.rate_spend, spend_rank)
    scale = gammaincinv(world.spend_q, ndtr(-spend_rank)) / world.spend_scale
    # the segment of all firms, and of nobody else, is the trade
    segment = np.where(firm, SEGMENTS.index.get_loc("trade"), choose(luck.random(n), [0.25, 0.5, 0.25]))
    price_sensitivity = SEGMENTS["price_sensitivity"].to_numpy()[segment] + luck.standard_normal(n) * 0.8
    satisfaction = _correlated(-leaving_rank, world.satisfaction_staying, luck.standard_normal(n))
    share_of_wallet = ndtr(0.3 + 0.5 * satisfaction + 0.6 * luck.standard_normal(n)).clip(0.02)
    taste = luck.standard_gamma(12 * SEGMENTS[TEAS].to_numpy()[segment])
    taste /= taste.sum(axis=1, keepdims=True)
    friend = _friends(segment, world.homophily, luck)
    mixed = (1 - world.influence) * taste + world.influence * taste[friend]
    traits = draft.traits = {
        "joined": joined, "lead": lead, "firm": firm, "segment": segment, "satisfaction": satisfaction,
        "price_sensitivity": price_sensitivity, "share_of_wallet": share_of_wallet, "friend": friend,
        "region": choose(luck.random(n), [0.4, 0.25, 0.2, 0.15]),
        "purchase_rate": gammaincinv(world.rate_shape, ndtr(rate_rank)).clip(1e-12) / world.rate_scale,
        "leaving_probability": betaincinv(world.leaving_a, world.leaving_b, ndtr(leaving_rank)),
        "mean_spend_cents": world.spend_shape / scale * np.where(firm, world.firm_spend, 1),
        "deal": luck.random(n) < world.deal_share,
        "engagement": _correlated(satisfaction, 0.3, luck.standard_normal(n)),
        "complaining_probability": luck.beta(4 * world.complaining + 1e-9, 4 * (1 - world.complaining), n),
        "campaign_lift": (world.lift_mean + world.lift_spread * price_sensitivity).clip(-0.9),
        "renewal_probability": luck.beta(world.renewal_a, world.renewal_b, n),
        "spoke": luck.random(n) < world.word_of_mouth * (0.4 + 1.2 * ndtr(satisfaction[friend])),
        "preferred": choose(luck.random(n), [0.45, 0.2, 0.15, 0.05, 0.15]),
        "taste": np.where(friend[:, None] < 0, taste, mixed),
    }  # fmt: skip
    # now and then a person lives with the person before; nobody lives at a firm
    joins = (luck.random(n) < 0.06) & ~firm & ~np.append(True, firm[:-1])
    traits["household"] = np.cumsum(~joins) - 1
    traits["worth_price"] = -np.exp(0.4 * price_sensitivity - 0.9)
    for name, spread in WORTHS.items():
        differs = spread * draws.normal(f"truth.{name}", np.arange(n))
        traits[name] = SEGMENTS[name].to_numpy()[segment] + differs


def _correlated(first: Array, correlation: float, other: Array) -> Array:
    """Return standard normal ranks that correlate with the first."""
    return correlation * first + np.sqrt(1 - correlation**2) * other


def _friends(segment: Array, homophily: float, luck: np.random.Generator) -> Array:
    """Return an earlier customer for each (−1: there is none), with homophily of one's own segment."""
    friend = (luck.random(len(segment)) * np.arange(len(segment))).astype(int)
    alike, within = luck.random(len(segment)) < homophily, luck.random(len(segment))
    for one in range(len(SEGMENTS)):
        members = np.flatnonzero(segment == one)
        earlier = members[(within[members] * np.arange(len(members))).astype(int)]
        chosen = alike[members] & (earlier < members)
        friend[members[chosen]] = earlier[chosen]
    friend[0] = -1
    return friend
