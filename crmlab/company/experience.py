"""What an order feels like, who complains, what the answer mends, and who leaves."""

from functools import cache
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from crmlab.company._draft import Draft
from crmlab.company._draws import Array, Draws, choose
from crmlab.company.voices import WEIGHTS
from crmlab.company.worlds import World

SEVERE = 0.8  # a bad experience is severe if it lies below the limit by more than this
RESPONSE_DAYS = np.array([0.0, 1, 2, 4, 7, 14])
# Rows: mild, severe. Severe complaints are answered sooner, and more often by experienced handlers.
RESPONSE_SHARES = np.array([[0.04, 0.11, 0.20, 0.25, 0.25, 0.15], [0.12, 0.28, 0.25, 0.20, 0.10, 0.05]])
EXPERIENCED_SHARES = np.array([0.3, 0.6])
VISIT = 1  # the channel in which nothing is sent
FAULTS = ["none", "tin", "packer", "carrier", "region"]
# What a fault takes from the experience as a multiple of World.fault_loss; the tin has its own parameter.
_LOSSES = np.array([0, 0, 1.0, 0.8, 0.6])
_BAD_PACKER, _BAD_CARRIER, _BAD_REGION = 1, 2, 3  # the codes at which things go wrong more often
_OFTEN, _SELDOM = 0.09, 0.01
PACKERS = 6
CARRIERS = np.array([0, 1, 2, 1])  # who delivers in each region
_REFERENCE = 200_000  # draws from which the scale is made
_GRID = np.linspace(-4, 4, 321)


def experiences(draft: Draft, made: dict[str, Array], base: bool) -> dict[str, Array]:
    """Draw the experience of each order and, in the base stream, whether the customer leaves after it.

    An experience is the customer's lasting level of service and what is the order's own: luck, less what a
    fault takes, plus what policies and the answer to a complaint add. What is the order's own is put on the
    standard normal scale by one distribution for all orders, whatever happened to them (:func:`_scale`). The
    customer leaves if it lies below the normal quantile of the customer's probability of leaving.

    Parameters
    ----------
    made : dict of array
        ``customer``, ``key``, ``time``, ``channel``, ``has_tin``, by order.
    """
    world, levers, draws, traits = draft.world, draft.levers, draft.draws, draft.traits
    customer, key, time = made["customer"], made["key"], made["time"]
    if "limit" not in traits:  # of what is an order's own: below it the customer leaves
        traits["limit"] = ndtri(traits["leaving_probability"])
    fault, packer = _faults(draft, made)
    raw = draws.normal("orders.experience", key) - _loss(world)[fault] + _shift(draft, customer, time)
    share = world.service_share
    level, own = np.sqrt(share) * traits["service"][customer], np.sqrt(1 - share)
    bad = level + own * raw - world.bad_experience
    at = np.flatnonzero(bad < 0)
    at = at[draws.uniform("complaints.voice", key[at]) < traits["complaining_probability"][customer[at]]]
    complained, experienced = np.zeros((2, len(key)), bool)
    days, gain = np.zeros((2, len(key)))
    complained[at], severe = True, (bad[at] < -SEVERE).astype(int)
    days[at] = RESPONSE_DAYS[choose(draws.uniform("complaints.days", key[at]), RESPONSE_SHARES, severe)]
    experienced[at] = draws.uniform("complaints.handler", key[at]) < EXPERIENCED_SHARES[severe]
    if levers.complaint_response_days is not None:
        days[at] = levers.complaint_response_days
    if levers.experienced_handlers is not None:
        experienced[at] = levers.experienced_handlers
    gain[at] = _gain(world, days[at], experienced[at])
    first, limit = scaled(world, raw), traits["limit"][customer]
    mended = first.copy()
    mended[at] = scaled(world, raw[at] + gain[at])
    return {
        "first_experience": level + own * first, "experience": level + own * mended, "own": mended,
        "leaves": (mended < limit) & base, "unanswered": (first >= limit) | (not base), "fault": fault,
        "packer": packer, "complained": complained, "response_days": days, "experienced": experienced,
        "gain": gain,
    }  # fmt: skip


def _loss(world: World) -> Array:
    losses = world.fault_loss * _LOSSES
    losses[1] = world.leaking_loss
    return losses


def _faults(draft: Draft, made: dict[str, Array]) -> tuple[Array, Array]:
    """Return what went wrong with each order (of two faults the first named), and who packed it."""
    world, draws, key = draft.world, draft.draws, made["key"]
    region = draft.traits["region"][made["customer"]]
    sent = made["channel"] != VISIT
    packer = np.floor(PACKERS * draws.uniform("orders.packer", key)).astype(np.int8)
    leaks = made["has_tin"] & (made["time"] < draft.levers.redesign_day)
    happens = [
        leaks & (draws.uniform("orders.leak", key) < world.leaking_tin),
        *(
            sent & (draws.uniform(f"orders.{name}", key) < world.faults * np.where(here, _OFTEN, _SELDOM))
            for name, here in (
                ("packing", packer == _BAD_PACKER), ("carrying", CARRIERS[region] == _BAD_CARRIER),
                ("delay", region == _BAD_REGION),
            )
        ),
    ]  # fmt: skip
    codes = np.arange(len(FAULTS), dtype=np.int8)
    return np.select(happens, codes[1:], codes[0]), np.where(sent, packer, np.int8(-1))


def _shift(draft: Draft, customer: Array, time: Array) -> Array:
    """Return what policies by tier and levers add to the own part of an experience."""
    levers, shift = draft.levers, np.zeros(len(customer))
    for start, tier, treated in draft.policies:
        later = time >= start
        shift += draft.world.policy_effect * (later & treated[customer])
        for name, value in (levers.service_level or {}).items():
            last = start == draft.policies[-1][0] or ~(time >= draft.policies[-1][0])
            shift += value * (later & last & (tier[customer] == TIERS.index(name)))
    for name, value in (levers.attribute or {}).items():
        shift += WEIGHTS[name] * value
    return shift


TIERS = ["high", "middle", "low"]


def chance_of_leaving(draft: Draft, day: float, tin: Array) -> Array:
    """Return for each customer the probability of leaving after an order placed on this day.

    It is the probability that what is the order's own lies below the customer's limit, over luck, faults,
    complaints and answers; with average service it is ``leaving_probability``.

    Parameters
    ----------
    tin : array
        The probability that an order has the product whose tin leaks.
    """
    world, levers, traits, n = draft.world, draft.levers, draft.traits, draft.customers
    leaving = traits["leaving_probability"]
    if not _differs(world) and not levers.attribute and not levers.service_level:
        return leaving
    shift, own = _shift(draft, np.arange(n), np.full(n, day)), np.sqrt(1 - world.service_share)
    limit = _unscaled(world, ndtri(leaving)) - shift
    level = np.sqrt(world.service_share) * traits["service"]
    bad = (world.bad_experience - level) / own - shift
    severe = bad - SEVERE / own
    sent = 1 - 0.6 * (traits["preferred"] == VISIT) - 0.08
    often = [np.full(n, (_OFTEN + (PACKERS - 1) * _SELDOM) / PACKERS)]
    often += [
        np.where(here, _OFTEN, _SELDOM)
        for here in (CARRIERS[traits["region"]] == _BAD_CARRIER, traits["region"] == _BAD_REGION)
    ]
    shares = [
        tin * world.leaking_tin * (day < levers.redesign_day),
        *(sent * world.faults * one for one in often),
    ]
    left, below, voice = np.ones(n), np.zeros(n), traits["complaining_probability"]
    for share, loss in zip([*shares, np.ones(n)], [*_loss(world)[1:], 0.0], strict=True):
        weight, left = left * share, left * (1 - share)
        plain = ndtr(limit + loss)
        mended = plain - ndtr(np.minimum(limit, bad) + loss)
        below_bad, below_severe = ndtr(bad + loss), ndtr(severe + loss)
        for gain, mild_share, severe_share in _gains(draft):
            reached = limit - gain
            leaves = ndtr(reached + loss)
            mild = np.where(bad < reached, below_bad, leaves)
            worst = np.where(severe < reached, below_severe, leaves)
            mended += mild_share * (mild - worst) + severe_share * worst
        below += weight * ((1 - voice) * plain + voice * mended)
    return below.clip(1e-12, 1)


def _gains(draft: Draft) -> list[tuple[float, float, float]]:
    """Return what each kind of answer adds, and its share among mild and among severe complaints."""
    world, levers = draft.world, draft.levers
    days, shares = RESPONSE_DAYS, RESPONSE_SHARES
    if levers.complaint_response_days is not None:
        days, shares = np.array([levers.complaint_response_days]), np.ones((2, 1))
    handlers = EXPERIENCED_SHARES
    if levers.experienced_handlers is not None:
        handlers = np.full(2, float(levers.experienced_handlers))
    return [
        (float(_gain(world, day, experienced)), *(share * (handlers if experienced else 1 - handlers)))
        for day, share in zip(days, shares.T, strict=True) for experienced in (0, 1)
    ]  # fmt: skip


def _gain(world: World, days: Any, experienced: Any) -> Any:
    return world.recovery * 0.5 ** (days / world.recovery_half_life) + world.handler_skill * experienced


def scaled(world: World, raw: Array) -> Array:
    """Put what is an order's own on the standard normal scale, once for all orders."""
    if not _differs(world):
        return raw  # nothing but luck, which is standard normal
    reference = _scale(world)
    inside = np.interp(raw, reference, _GRID)
    return inside + np.minimum(raw - reference[0], 0) + np.maximum(raw - reference[-1], 0)


def _unscaled(world: World, own: Array) -> Array:
    """Return what :func:`scaled` puts there."""
    reference = _scale(world)
    inside = np.interp(own, _GRID, reference)
    return inside + np.minimum(own - _GRID[0], 0) + np.maximum(own - _GRID[-1], 0)


def _differs(world: World) -> bool:
    return bool(world.leaking_tin or world.faults or world.recovery or world.handler_skill)


@cache
def _scale(world: World) -> Array:
    """Return the quantiles of what is an order's own, over all faults and answers under the own policy.

    They are of a sample that belongs to the world: of average customers of that world, whoever is drawn.
    """
    luck = _reference()
    part = world.redesign_day / world.days
    tin = (0.25 * min(part, 1)) * world.leaking_tin
    sent = 0.8 * world.faults
    shares = [
        tin,
        sent * (_OFTEN + (PACKERS - 1) * _SELDOM) / PACKERS,
        *[sent * (_OFTEN + 3 * _SELDOM) / 4] * 2,
    ]
    fault = choose(luck["fault"], [1 - sum(shares), *shares])
    raw = luck["own"] - _loss(world)[fault]
    share = world.service_share
    bad = np.sqrt(share) * luck["service"] + np.sqrt(1 - share) * raw - world.bad_experience
    at = np.flatnonzero((bad < 0) & (luck["voice"] < world.complaining))
    severe = (bad[at] < -SEVERE).astype(int)
    days = RESPONSE_DAYS[choose(luck["days"][at], RESPONSE_SHARES, severe)]
    raw[at] += _gain(world, days, luck["handler"][at] < EXPERIENCED_SHARES[severe])
    mended = np.sort(raw)
    place = ndtr(_GRID) * len(mended)
    found = np.interp(place, np.arange(len(mended)) + 0.5, mended)
    return np.maximum.accumulate(found + 1e-9 * np.arange(len(found)))


@cache
def _reference() -> dict[str, Array]:
    """Return the luck of the sample, which is the same in each world."""
    draws, row = Draws(0), np.arange(_REFERENCE)
    drawn = {"own": draws.normal("scale.luck", row), "service": draws.normal("scale.service", row)}
    return drawn | {
        name: draws.uniform(f"scale.{name}", row) for name in ("fault", "voice", "days", "handler")
    }
