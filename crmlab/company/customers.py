"""Who the customers are: what each of them is like, and whom they know."""

import numpy as np
from scipy.special import betaincinv, gammaincinv, ndtr

from crmlab.company._draft import Draft
from crmlab.company._draws import Array, choose
from crmlab.company._schema import categories

SEGMENTS = categories("customers", "segment", "truth")
TEAS = categories("products", "category")
TRADE = SEGMENTS.index("trade")  # firms, and nobody else
# Rows: segments; columns: shares of the categories in what they buy.
_TASTE = np.array(
    [
        [0.30, 0.10, 0.30, 0.18, 0.04, 0.08],
        [0.22, 0.40, 0.08, 0.04, 0.22, 0.04],
        [0.18, 0.14, 0.14, 0.14, 0.10, 0.30],
        [0.26, 0.36, 0.12, 0.04, 0.16, 0.06],
    ]
)
_PRICE_SENSITIVITY = np.array([-0.5, 0.5, -0.3, 0.1])


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
    segment = np.where(firm, TRADE, choose(luck.random(n), [0.25, 0.5, 0.25]))
    price_sensitivity = _PRICE_SENSITIVITY[segment] + luck.standard_normal(n) * 0.8
    satisfaction = _correlated(-leaving_rank, world.satisfaction_staying, luck.standard_normal(n))
    share = ndtr(0.3 + 0.5 * satisfaction + 0.6 * luck.standard_normal(n)).clip(0.02)
    taste = luck.standard_gamma(12 * _TASTE[segment])
    taste /= taste.sum(axis=1, keepdims=True)
    friend = _friends(segment, world.homophily, luck)
    draft.traits = {
        "joined": joined,
        "lead": lead,
        "firm": firm,
        "region": choose(luck.random(n), [0.4, 0.25, 0.2, 0.15]),
        "segment": segment,
        "rate": gammaincinv(world.rate_shape, ndtr(rate_rank)).clip(1e-12) / world.rate_scale,
        "leaving": betaincinv(world.leaving_a, world.leaving_b, ndtr(leaving_rank)),
        "mean_spend": world.spend_shape / scale * np.where(firm, world.firm_spend, 1),
        "deal": luck.random(n) < world.deal_share,
        "satisfaction": satisfaction,
        "engagement": _correlated(satisfaction, 0.3, luck.standard_normal(n)),
        "price_sensitivity": price_sensitivity,
        "complaining": luck.beta(4 * world.complaining + 1e-9, 4 * (1 - world.complaining), n),
        "lift": (world.lift_mean + world.lift_spread * price_sensitivity).clip(-0.9),
        "renewal": luck.beta(world.renewal_a, world.renewal_b, n),
        "share_of_wallet": share,
        "friend": friend,
        "spoke": luck.random(n) < world.word_of_mouth * (0.4 + 1.2 * ndtr(satisfaction[friend])),
        "preferred": choose(luck.random(n), [0.45, 0.2, 0.15, 0.05, 0.15]),
        "taste": _influenced(taste, friend, world.influence),
        "household": _households(firm, luck),
    }


def _correlated(first: Array, correlation: float, other: Array) -> Array:
    """Return standard normal ranks that correlate with the first."""
    return correlation * first + np.sqrt(1 - correlation**2) * other


def _friends(segment: Array, homophily: float, luck: np.random.Generator) -> Array:
    """Return an earlier customer for each (−1: there is none), with homophily of one's own segment."""
    n = len(segment)
    place = np.arange(n)
    friend = np.floor(luck.random(n) * place).astype(int)
    alike = luck.random(n) < homophily
    within = luck.random(n)
    for one in range(len(SEGMENTS)):
        members = np.flatnonzero(segment == one)
        earlier = members[np.floor(within[members] * np.arange(len(members))).astype(int)]
        chosen = alike[members] & (earlier < members)
        friend[members[chosen]] = earlier[chosen]
    friend[:1] = -1
    return friend


def _influenced(taste: Array, friend: Array, influence: float) -> Array:
    """Mix each customer's own taste with the friend's own."""
    mixed = (1 - influence) * taste + influence * taste[friend]
    return np.where(friend[:, None] < 0, taste, mixed)


def _households(firm: Array, luck: np.random.Generator) -> Array:
    """Return a number per household: now and then a person lives with the person before."""
    joins = (luck.random(len(firm)) < 0.06) & ~firm
    joins[1:] &= ~firm[:-1]
    joins[:1] = False
    return np.cumsum(~joins) - 1
