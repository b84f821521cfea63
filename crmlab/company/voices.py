"""What customers say when asked: what each of them thinks on the day, and how the answers measure it."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, ndtri

from crmlab.company._draft import Draft
from crmlab.company._draws import Array, choose
from crmlab.company._schema import categories, constants, days_since_start, declared
from crmlab.company.customers import SEGMENTS

PATHS = constants("paths.csv").set_index(["cause", "effect"])["strength"]
"""What a standard deviation of the cause adds to the effect: the European customer satisfaction index."""
CONSTRUCTS = list(dict.fromkeys(one for path in PATHS.index for one in path))  # causes before effects
QUESTIONS = constants("questions.csv")
# What each scored item measures, the answer of the average customer, and its strength: the multiple of
# World.loading with which it measures. A second wording has a centre of its own.
_SCORED = (QUESTIONS["strength"] != "") & (QUESTIONS["version"] == "a")
ITEMS = QUESTIONS[_SCORED].astype({"centre": float, "strength": float})
SECOND = QUESTIONS[QUESTIONS["version"] == "b"].set_index("item")["centre"].astype(float)
# By rated attribute: the effect of a standard deviation of performance on satisfaction, that of satisfaction
# on the rating (a halo), and how often people speak of it.
ATTRIBUTES = constants("attributes.csv").set_index("attribute")
WEIGHTS = ATTRIBUTES["weight"]
_ALIKE = 0.2  # correlation of the performance in two attributes
# What satisfaction is made of beside expectation: the service of always, attachment, past experiences; what
# these leave open is the customer's own.
_FELT = {"service": 0.35, "bond": 0.3, "past": 0.8}
_MOODY = 0.2  # how much of that lasts, as a share of what lasts of the customer's own in other constructs
_FORGETTING = 0.3  # the weight of indifference in the mean of past experiences: old ones fade towards it
_BONDED = {"trust": 0.25, "commitment": 0.35, "loyalty": 0.35}  # share of attachment in what lasts of each
_TROUBLE, _HALF_YEAR = 0.8, 182  # what a fault or a complaint adds to `complaints` for so many days
BLAMED, _SPOILT = {"packaging": [1, 2], "delivery": [3, 4]}, 1.2  # what a fault takes from which rating
_USED, _OPEN = 6, 14  # days from the order to the invitation, and from that to the last day for an answer


def add_questions(draft: Draft) -> None:
    """Write down what is asked of customers, word for word, and behind the envelope what an item measures."""
    asked = {name: QUESTIONS[name] for name in declared()["company"]["questions"].columns}
    draft.table("questions", **asked | {"reversed": QUESTIONS["reversed"] == "yes"})
    scored = QUESTIONS[QUESTIONS["strength"] != ""].astype({"centre": float, "strength": float})
    keys = {name: scored[name] for name in ("table", "item", "version")}
    loading = (draft.world.loading * scored["strength"]).clip(upper=1)
    loading *= np.where(scored["reversed"] == "yes", -1, 1)
    draft.secret("questions", **keys, centre=scored["centre"], loading=loading)
    draft.secret("attributes", attribute=np.arange(len(WEIGHTS)), weight=WEIGHTS, halo=ATTRIBUTES["halo"])


def implied_covariance() -> pd.DataFrame:
    """Return the covariance matrix that :data:`PATHS` imply for constructs of unit variance."""
    implied = np.eye(len(CONSTRUCTS))
    for place, effect in enumerate(CONSTRUCTS):
        direct = np.array([PATHS.get((cause, effect), 0.0) for cause in CONSTRUCTS[:place]])
        implied[place, :place] = implied[:place, place] = implied[:place, :place] @ direct
    return pd.DataFrame(implied, index=CONSTRUCTS, columns=CONSTRUCTS)


def lever_shift(draft: Draft) -> dict[str, float]:
    """Return by how many standard deviations the lever shifts the true performance in each attribute."""
    return dict.fromkeys(WEIGHTS.index, 0.0) | (draft.levers.attribute or {})


def faults(draft: Draft) -> Array:
    """Return what went wrong with each order: 0 nothing, 1 the tin, 2 the packer, 3 and 4 the way."""
    orders = draft.orders
    return orders["fault"]


def add_surveys(draft: Draft) -> None:
    """Ask customers after orders and in waves, and write down what they answer within two weeks."""
    draws, world, traits = draft.draws, draft.world, draft.traits
    asked = _invitations(draft)
    key, customer, order, in_wave = (asked[name] for name in ("key", "customer", "order", "in_wave"))
    truth = _thoughts(draft, asked)
    departed = traits["left_on"][customer] <= asked["invited"]
    incentive = draws.uniform("surveys.incentive", key) < 0.5
    pull = 0.6 * traits["engagement"][customer] + 0.25 * truth["satisfaction"] ** 2 - 1.45 * departed
    pull += world.incentive * (incentive - 0.5) - 1
    truth["response_probability"] = np.ones(len(key)) if world.full_response else expit(pull)
    truth["careless"] = draws.uniform("surveys.careless", customer) < world.careless
    truth["method_bias"] = draws.normal("surveys.method_bias", customer)
    responded = draws.uniform("surveys.responded", key) < truth["response_probability"]
    second = np.where(in_wave, draws.uniform("surveys.wording", key) < 0.5, -1)
    draft.table(
        "surveys", survey_id=asked["survey"], customer_id=customer + 1, occasion=in_wave, wording=second,
        wave=np.where(in_wave, asked["survey"] % 10_000, np.nan), incentive=incentive, responded=responded,
        order_id=np.where(in_wave, np.nan, draft.orders["id"][order]), invited_on=asked["invited"],
        responded_on=np.where(responded, asked["day"], np.nan), **_facts(draft, asked, responded, truth),
        **_answers(draft, asked, responded, truth, second == 1),
    )  # fmt: skip
    draft.secret("surveys", survey_id=asked["survey"], **truth)


def surveys(draft: Draft) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the table of surveys and its truth, drawn if nobody has asked for them yet."""
    if "surveys" not in draft.tables:
        add_surveys(draft)
    return draft.tables["surveys"], draft.truth["surveys"]


def luck_keys(draft: Draft, survey: Array, order: Array, in_wave: Array) -> Array:
    """Return the key of the luck of each survey: that of the order, or in a wave the survey's own number."""
    orders = draft.orders
    return np.where(in_wave, 2 * survey + 1, 2 * orders.get("key", orders["id"])[order])


def _invitations(draft: Draft) -> dict[str, Array]:
    """Return of each survey: id, key of its luck, customer, latest order, days of invitation and answer.

    An id is the customer's × 100,000 plus the number of the order, or plus 10,000 and that of the wave.
    Orders stand by customer and time, so whole numbers that grow with both find the last one before a day.
    """
    world, draws, orders = draft.world, draft.draws, draft.orders
    customer, time = orders["customer"], orders["time"]
    asked = draws.uniform("surveys.after_order", orders.get("key", orders["id"])) < world.order_invited
    order = np.flatnonzero(asked & (time + _USED + _OPEN < world.days))
    numbers = (customer[order] + 1) * 100_000 + orders["number"][order]
    found = [(numbers, order, np.floor(time[order]) + _USED)]
    stamp = customer * (world.days + 1) + time.astype(int)
    for wave, day in enumerate(range(world.wave_every, world.days - _OPEN, world.wave_every), 1):
        joined = np.arange(np.searchsorted(draft.traits["joined"], day))
        invited = joined[draws.uniform(f"surveys.wave_{wave}", joined) < world.wave_invited]
        order = np.searchsorted(stamp, invited * (world.days + 1) + day) - 1
        found.append(((invited + 1) * 100_000 + 10_000 + wave, order, np.full(len(order), float(day))))
    survey, order, invited = (np.concatenate(part) for part in zip(*found, strict=True))
    in_wave = survey % 100_000 > 10_000
    key = luck_keys(draft, survey, order, in_wave)
    answer = invited + np.floor(_OPEN * draws.uniform("surveys.wait", key) ** 2.5)
    return {
        "survey": survey, "key": key, "customer": survey // 100_000 - 1, "order": order, "in_wave": in_wave,
        "invited": invited, "day": answer,
    }  # fmt: skip


def _so_far(
    draft: Draft, asked: dict[str, Array], whose: Array, when: Array, days: float, *what: Any
) -> list[Array]:
    """Return the sums of what happened to whom, when, in so many days until that of the answer."""
    span = draft.world.days + 1
    stamp = whose * span + when.astype(int)
    place = np.argsort(stamp, kind="stable")
    ends = ((asked["day"] - back).clip(0).astype(int) for back in (0, days))
    last, first = (np.searchsorted(stamp[place], asked["customer"] * span + end) for end in ends)
    totals = (np.append(0, np.cumsum(np.broadcast_to(one, stamp.shape)[place])) for one in what)
    return [total[last] - total[first] for total in totals]


def _past(draft: Draft, asked: dict[str, Array]) -> dict[str, Array]:
    """Return the faded mean of what each customer has experienced by the day, and the recent trouble.

    An order complained about counts as it was before the answer until the answer is there. With the mean go
    the sums of the weights (below 1) and of their squares, from which its variance follows.
    """
    orders, half_life = draft.orders, draft.world.satisfaction_half_life
    customer, time = orders["customer"], orders["time"]
    before = np.where(orders["gain"] > 0, orders["first_experience"], orders["experience"])
    gain = orders["experience"] - before
    complaints = draft.tables["complaints"]
    at = np.searchsorted(orders["id"], complaints["order_id"].to_numpy())
    opened, answered = (days_since_start(complaints[name]) for name in ("opened_on", "first_response_on"))
    got = ~np.isnan(answered)
    at_answer, answered = at[got], answered[got]
    weight = 2 ** (time / half_life)
    forever, fade = float(draft.world.days), 2 ** (-asked["day"] / half_life)
    sums = weight * before, weight, weight**2
    total, held, squares = _so_far(draft, asked, customer, time, forever, *sums)
    gains = weight[at_answer] * gain[at_answer]
    total += _so_far(draft, asked, customer[at_answer], answered, forever, gains)[0]
    faulty = np.flatnonzero(faults(draft) > 0)
    trouble = _so_far(draft, asked, customer[faulty], time[faulty], _HALF_YEAR, 1)[0]
    trouble += _so_far(draft, asked, customer[at], opened, _HALF_YEAR, 1)[0]
    scale = fade / (held * fade + _FORGETTING)
    return {"past": total * scale, "held": held * scale, "squares": squares * scale**2, "trouble": trouble}


def _thoughts(draft: Draft, asked: dict[str, Array]) -> dict[str, Array]:
    """Return what each customer thinks on the day: of all constructs in a wave, of less after an order.

    Satisfaction is made of expectation and of what is felt. Given these two, the others follow from their
    normal distribution under the model. What each holds beyond that partly lasts and partly is of the day.
    """
    world, traits, normal, customer = draft.world, draft.traits, draft.draws.normal, asked["customer"]
    everybody = np.arange(draft.customers)
    bond = traits["bond"] if "bond" in traits else normal("customers.bond", everybody)

    def own(name: str) -> Array:
        tie = _BONDED.get(name, 0.0)
        lasting = tie * bond + np.sqrt(1 - tie**2) * normal(f"surveys.{name}.lasting", everybody)
        lasts = world.persistence * (_MOODY if name == "satisfaction" else 1)
        return np.sqrt(lasts) * lasting[customer] + np.sqrt(1 - lasts) * normal(
            f"surveys.{name}", asked["key"]
        )

    past, shift = _past(draft, asked), lever_shift(draft)
    moved = sum(WEIGHTS[name] * by for name, by in shift.items())
    first = ["expectation", "satisfaction"]
    order = first + [one for one in CONSTRUCTS if one not in first]
    roots = np.linalg.cholesky(implied_covariance().loc[order, order].to_numpy())
    luck, truth = [], dict[str, Array]()
    for place, one in enumerate(order):
        if one == "satisfaction":
            luck.append(_felt(draft, customer, bond, past, own(one), moved) + moved / roots[place, place])
        else:
            luck.append(own(one))
        truth[one] = sum(root * chance for root, chance in zip(roots[place], luck, strict=False))
    truth["complaints"] = truth["complaints"] + _TROUBLE * past["trouble"]
    rated = _performance(truth["satisfaction"], moved, {name: own(name) for name in shift})
    faulty = np.where(asked["in_wave"], 0, faults(draft)[asked["order"]])
    for name, by in shift.items():
        truth[name] = rated[name] + by - _SPOILT * np.isin(faulty, BLAMED.get(name, []))
        lasting = normal(f"surveys.expected_{name}", everybody)
        truth[f"{name}_expected"] = 0.6 * truth["expectation"] + 0.8 * lasting[customer]
    always = ["satisfaction", *shift]
    told = {name: np.where(asked["in_wave"] | (name in always), truth[name], np.nan) for name in truth}
    return told | {"past": past["past"]}


def _felt(
    draft: Draft, customer: Array, bond: Array, past: dict[str, Array], own: Array, moved: float
) -> Array:
    """Return what is felt beyond what was expected, of unit variance whatever has been experienced.

    What the lever `attribute` has put into the experiences is taken out: it comes in by its weight instead.
    """
    traits, share = draft.traits, getattr(draft.world, "service_share", 0.0)
    service, held = traits.get("service", traits["satisfaction"])[customer], past["held"]
    spread = share * held**2 + (1 - share) * past["squares"]
    spread = _FELT["past"] ** 2 * spread + 2 * _FELT["service"] * _FELT["past"] * np.sqrt(share) * held
    rest = (1 - _FELT["service"] ** 2 - _FELT["bond"] ** 2 - spread).clip(0.05)
    net = past["past"] - np.sqrt(1 - share) * moved * held
    parts = {"service": service, "bond": bond[customer], "past": net}
    return sum(_FELT[name] * part for name, part in parts.items()) + np.sqrt(rest) * own


def _performance(satisfaction: Array, moved: float, own: dict[str, Array]) -> dict[str, Array]:
    """Return the performance in each attribute, such that the weights are the slopes of satisfaction on it.

    It follows from satisfaction as it would be without the lever; a halo follows from the satisfaction felt.
    """
    weights, halo = ATTRIBUTES["weight"].to_numpy(), ATTRIBUTES["halo"].to_numpy()
    causes = np.outer(weights > 0, weights > 0)
    alike = np.where(np.eye(len(weights)) > 0, 1.0, _ALIKE * causes)
    common = alike @ weights
    roots = np.linalg.cholesky(alike - np.outer(common, common) - np.diag(halo**2))
    luck = list(own.values())
    return {
        name: common[n] * (satisfaction - moved) + halo[n] * satisfaction
        + sum(root * chance for root, chance in zip(roots[n], luck, strict=True))
        for n, name in enumerate(own)
    }  # fmt: skip


def _facts(
    draft: Draft, asked: dict[str, Array], responded: Array, truth: dict[str, Array]
) -> dict[str, Array]:
    """Return for whom the last purchase was, as fits the order, and the share of wallet as reported."""
    draws, customer, key = draft.draws, asked["customer"], asked["key"]
    ware = (draft.tables["products"]["category"] == "ware").to_numpy()[draft.lines["product"]]
    holds_ware = np.bincount(draft.lines["order"][ware], minlength=len(draft.orders["id"])) > 0
    names = categories("surveys", "purpose")
    shares = SEGMENTS[names].to_numpy(float)
    weights = np.concatenate([shares, shares * (1 + 2 * (np.array(names) == "gift"))])
    row = draft.traits["segment"][customer] + len(shares) * holds_ware[asked["order"]]
    purpose = choose(draws.uniform("surveys.purpose", key), weights, row)
    noise = 10 * draws.normal("surveys.share_of_wallet", key) + 5 * truth["method_bias"]
    share = np.rint(10 * draft.traits["share_of_wallet"][customer] + noise / 10).clip(0, 10) * 10
    gap = draws.uniform("surveys.share_gap", key) < draft.world.item_gaps
    told = {"purpose": np.where(responded, purpose, -1)}
    return told | {"share_of_wallet": np.where(responded & asked["in_wave"] & ~gap, share, np.nan)}


def _answers(
    draft: Draft, asked: dict[str, Array], responded: Array, truth: dict[str, Array], second: Array
) -> dict[str, Array]:
    """Return the answers to each question: missing if not asked, not answered or left out.

    One number decides whether a question is left out and, if not, the error of the answer.
    """
    world, draws, answers, key = draft.world, draft.draws, {}, asked["key"]
    straight = draws.uniform("surveys.straight", asked["customer"] + 1) < 0.5
    same = np.floor(1 + 10 * draws.uniform("surveys.same", key))
    likes = np.where(np.isnan(truth["loyalty"]), truth["satisfaction"], truth["loyalty"])
    for item in ITEMS.itertuples():
        question, meant = item.item, truth.get(item.construct, likes)
        loading = min(world.loading * item.strength, 1)
        method = min(world.method_variance, 1 - loading**2)
        noise = np.sqrt(max(0, 1 - loading**2 - method))
        rows = np.flatnonzero(responded & ~np.isnan(meant))
        luck = draws.uniform(f"surveys.{question}", key[rows]) / (1 - world.item_gaps)
        lowest, turned = 0 if question == "recommend" else 1, -1 if item.reversed == "yes" else 1
        error = np.sqrt(method) * truth["method_bias"][rows] + noise * ndtri(luck)
        centre = np.where(second[rows], SECOND.get(question, item.centre), item.centre)
        careful = np.rint(centre + 1.9 * (turned * loading * meant[rows] + error)).clip(lowest, 10)
        careless = np.where(straight[rows], same[rows], np.floor(lowest + (11 - lowest) * luck))
        answers[question] = np.full(len(key), np.nan, np.float32)
        answers[question][rows] = np.select([luck >= 1, truth["careless"][rows]], [np.nan, careless], careful)
    return answers
