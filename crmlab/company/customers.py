"""Who the customers are: who joins, what each of them is like and for which reasons, and whom they know."""

import numpy as np
from scipy.special import betaincinv, gammaincinv, ndtr, ndtri

from crmlab.company._draft import Draft
from crmlab.company._draws import Array, choose
from crmlab.company._schema import categories, constants
from crmlab.company.people import words

TEAS = categories("products", "category")
# Means by segment: of traits and part-worths, and shares of the teas and of the purposes in what is bought.
SEGMENTS = constants("segments.csv").set_index("segment").loc[categories("customers", "segment", "truth")]
CARRIERS = constants("carriers.csv").set_index("carrier").loc[categories("customers", "carrier")]
_INDUSTRIES = constants("industries.csv").set_index("industry").loc[categories("accounts", "industry")]
# By trait: its loadings on the standard normal scores behind who one is; the last two are of firms only.
_REASONS = constants("reasons.csv").set_index("trait")
_OF_FIRM = np.array([[1, 1, 1, 1, 0, 0], [0, 0, 0, 0, 1, 1]])
# The spread of part-worths within a segment; that of the price follows from price sensitivity.
WORTHS = {
    "worth_organic": 0.4,
    "worth_single_garden": 0.4,
    "worth_refillable_tin": 0.4,
    "worth_delivery": 0.06,
}
_SIZES = 0.8  # spread of the logarithm of a firm's staff
_OWNERS = 0.3  # spread of the service levels of owners; what is each customer's own has a spread of 1
_DEALS = 0.69  # correlation of deal-proneness with price sensitivity within a segment, .6 over all
_NOTED = 0.5  # correlation of innovativeness with the note of it on those who were leads
_SAME_WAY = 0.6  # share of customers who order the way in which they want to be contacted
_GRID = np.linspace(-6.5, 6.5, 1301)


def admit(draft: Draft) -> None:
    """Find who joins when; those who were won leads joined on the day they were won."""
    world, n, luck = draft.world, draft.customers, draft.draws.stream("customers")
    won = np.flatnonzero(~np.isnan(draft.leads["won"]))[:n]
    joined, firm, lead = luck.random(n) * world.days, luck.random(n) < world.firm_share, np.full(n, -1)
    joined[: len(won)], firm[: len(won)] = draft.leads["won"][won], draft.leads["firm"][won]
    lead[: len(won)] = won
    order = np.argsort(joined, kind="stable")
    draft.traits = {"joined": joined[order], "firm": firm[order], "lead": lead[order]}


def add_customers(draft: Draft) -> None:
    """Draw who each customer is, then what follows from that, and keep the margins that the world states."""
    world, draws, n, traits = draft.world, draft.draws, draft.customers, draft.traits
    scores, luck, firm = _add_reasons(draft), draws.stream("traits"), traits["firm"]
    noise = dict(zip(_REASONS.index, luck.standard_normal((len(_REASONS), n)), strict=True))
    noise["spend"] = _correlated(noise["rate"], world.rate_spend, noise["spend"])
    rank = {trait: _loaded(trait, scores, firm, world.reasons, own) for trait, own in noise.items()}

    like = np.where(firm, world.firm_rate, 1)  # so many persons
    scale = gammaincinv(world.spend_q, ndtr(-rank["spend"])) / world.spend_scale
    # the segment of all firms, and of nobody else, is the trade
    cut = choose(ndtr(rank["segment"]), [0.5, 0.25, 0.25])
    persons = SEGMENTS.index.get_indexer(["everyday", "gift", "connoisseur"])
    segment = np.where(firm, SEGMENTS.index.get_loc("trade"), persons[cut])
    price_sensitivity = SEGMENTS["price_sensitivity"].to_numpy()[segment] + 0.8 * rank["price_sensitivity"]
    deal_prone = _correlated(rank["price_sensitivity"], _DEALS, luck.standard_normal(n))
    service, bond, sent_rank = _service(draft, luck), *luck.standard_normal((2, n))
    sent_rank = _correlated(bond, world.referral_likeness, sent_rank)
    spoke = (sent_rank > ndtri(1 - world.word_of_mouth)) & (traits["lead"] < 0)
    leaving = _leaving(draft, rank["rate"], service, bond, spoke, luck)
    share_of_wallet = ndtr(0.3 + 0.5 * service + 0.6 * luck.standard_normal(n)).clip(0.02)
    taste = luck.standard_gamma(12 * SEGMENTS[TEAS].to_numpy()[segment])
    taste /= taste.sum(axis=1, keepdims=True)
    friend = _friends(segment, world.homophily, luck)
    mixed = (1 - world.influence) * taste + world.influence * taste[friend]
    innovative, lead = rank["innovativeness"], traits["lead"]
    if (lead >= 0).any():
        note = draft.leads["innovator_note"]
        note = (note - note.mean()) / max(note.std(), 0.1)
        innovative = np.where(lead < 0, innovative, _correlated(note[lead], _NOTED, innovative))
    draft.traits |= {
        "segment": segment, "service": service, "bond": bond, "satisfaction": service, "spoke": spoke,
        "price_sensitivity": price_sensitivity, "share_of_wallet": share_of_wallet, "friend": friend,
        "purchase_rate": gammaincinv(world.rate_shape * like, ndtr(rank["rate"])).clip(1e-12)
        / world.rate_scale,
        "leaving_probability": betaincinv(world.leaving_a, world.leaving_b * like, ndtr(leaving)),
        "mean_spend_cents": world.spend_shape / scale * np.where(firm, world.firm_spend, 1),
        "deal_prone": deal_prone, "deal": ndtr(deal_prone) > 1 - world.deal_share,
        "put_off": luck.random(n) < world.put_off, "innovativeness": innovative,
        "engagement": _correlated(service, 0.3, luck.standard_normal(n)),
        "complaining_probability": luck.beta(4 * world.complaining + 1e-9, 4 * (1 - world.complaining), n),
        "campaign_lift": (world.lift_mean + world.lift_spread * deal_prone).clip(-0.9),
        "renewal_probability": luck.beta(world.renewal_a, world.renewal_b, n),
        "taste": np.where(friend[:, None] < 0, taste, mixed),
        "worth_price": -np.exp(0.4 * price_sensitivity - 0.9),
    }  # fmt: skip
    for name, spread in WORTHS.items():
        differs = spread * draws.normal(f"truth.{name}", np.arange(n))
        traits[name] = SEGMENTS[name].to_numpy()[segment] + differs
    _add_ways(draft, luck)


def _add_reasons(draft: Draft) -> Array:
    """Draw who each customer is; return the six standard normal scores behind it, the columns of reasons.csv.

    Age, gender and region are told of firms, too, but there they are no reasons.
    """
    traits, n, luck = draft.traits, draft.customers, draft.draws.stream("reasons")
    firm, scores = traits["firm"], luck.standard_normal((6, n))
    # now and then a person lives with the person before; nobody lives at a firm
    joins = (luck.random(n) < 0.06) & ~firm & ~np.append(True, firm[:-1])
    household = np.cumsum(~joins) - 1
    head = np.searchsorted(household, household)
    age, male, region, _, industry, size = scores
    age[joins] = _correlated(age[head], 0.9, age)[joins]
    couple = joins & (luck.random(n) < 0.8)
    male[couple] = -male[head[couple]]
    region[joins] = region[head[joins]]
    years = np.interp(age, _GRID, 18 + 66 * betaincinv(1.6, 2.6, ndtr(_GRID)))
    work = 2 + np.floor(ndtr(scores[3]) * (len(words()["occupations"]) - 2)).astype(int)
    trade = choose(ndtr(-industry), _INDUSTRIES["share"])
    place = choose(ndtr(region), [0.4, 0.25, 0.2, 0.15])
    staff = 2 + np.floor(_INDUSTRIES["staff"].to_numpy()[trade] * np.exp(_SIZES * size))
    draft.traits |= {
        "household": household, "age": years, "male": male > 0, "region": place,
        "occupation": np.select([firm, years < 22, years > 66], [-1, 0, 1], work),
        "industry": np.where(firm, trade, -1),
        "staff": np.where(firm, staff.astype(int), 1),
        "carrier": choose(luck.random(n), CARRIERS[categories("customers", "region")].T, place),
    }  # fmt: skip
    return scores


def _loaded(trait: str, scores: Array, firm: Array, strength: float, noise: Array) -> Array:
    """Return standard normal ranks that load on the scores of persons, or on those of firms."""
    loadings = strength * _REASONS.loc[trait].to_numpy() * _OF_FIRM
    explained = loadings @ scores
    own = np.sqrt(1 - (loadings**2).sum(axis=1))
    return np.where(firm, explained[1] + own[1] * noise, explained[0] + own[0] * noise)


def _service(draft: Draft, luck: np.random.Generator) -> Array:
    """Return the lasting level of service: by carrier, by owner, and each customer's own."""
    sellers, traits = draft.staff["sales"], draft.traits
    place = np.searchsorted(sellers, traits["owner"])
    skill = _OWNERS * ndtri((luck.permutation(len(sellers)) + 0.5) / len(sellers))
    levels = (CARRIERS["level"].to_numpy()[:, None] + skill).ravel()
    which = traits["carrier"] * len(sellers) + place
    share = np.bincount(which, minlength=len(levels)) / draft.customers
    below = sum(weight * ndtr(_GRID - level) for weight, level in zip(share, levels, strict=True) if weight)
    return _normal(levels[which] + luck.standard_normal(draft.customers), below)


def _leaving(
    draft: Draft, rate: Array, service: Array, bond: Array, spoke: Array, luck: np.random.Generator
) -> Array:
    """Return standard normal ranks of leaving: lower with service, bond, and for those who were sent."""
    world = draft.world
    own = np.sqrt(1 - world.leaving_service**2 - world.leaving_bond**2)
    chance = _correlated(rate, min(1, max(-1, world.rate_leaving / own)), luck.standard_normal(len(rate)))
    rank = -world.leaving_service * service - world.leaving_bond * bond + own * chance
    # Being sent lowers the rank; the margin is kept by the distribution function of what results.
    like = -world.leaving_bond * world.referral_likeness
    limit = ndtri(1 - world.word_of_mouth)
    sent = (draft.traits["lead"] < 0).mean() * ndtr((like * _GRID - limit) / np.sqrt(1 - like**2))
    density = np.exp(-(_GRID**2) / 2) / np.sqrt(2 * np.pi)
    step = _GRID[1] - _GRID[0]
    kept, moved = (step * (np.cumsum(part) - part / 2) for part in (density * (1 - sent), density * sent))
    below = kept + np.interp(_GRID + world.referral_effect, _GRID, moved)
    return _normal(rank - world.referral_effect * spoke, below)


def _normal(values: Array, below: Array) -> Array:
    """Return values put on the standard normal scale by their distribution function on the grid."""
    return np.interp(values, _GRID, ndtri(below.clip(1e-12, 1 - 1e-12)))


def _add_ways(draft: Draft, luck: np.random.Generator) -> None:
    """Draw how each customer found us, wants to be contacted, and orders: all by age."""
    traits, world, n = draft.traits, draft.world, draft.customers
    group = np.where(traits["firm"], 3, np.digitize(traits["age"], [35, 60]))
    starts = np.array([-np.inf, *world.campaign_starts])
    since = traits["joined"] - starts[np.searchsorted(starts, traits["joined"], side="right") - 1]
    found = np.array([*words()["sources"].values()])
    outside = found * [1, 1, 0]
    contact = choose(luck.random(n), [*words()["preferred_contact"].values()], group)
    other = choose(luck.random(n), [0.45, 0.2, 0.15, 0.05, 0.15])
    draft.traits |= {
        "preferred_contact": contact, "preferred": np.where(luck.random(n) < _SAME_WAY, contact, other),
        "source": choose(luck.random(n), [*outside, *found], group + 4 * (since < world.campaign_days)),
    }  # fmt: skip


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
