"""What an order feels like, who complains, what the answer mends, and who leaves."""

from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from crmlab.company._draft import Draft
from crmlab.company._draws import Array, choose

SEVERE = 0.8  # a bad experience is severe if it lies below the limit by more than this
RESPONSE_DAYS = np.array([0.0, 1, 2, 4, 7, 14])
# Rows: mild, severe. Severe complaints are answered sooner, and more often by experienced handlers.
RESPONSE_SHARES = np.array([[0.04, 0.11, 0.20, 0.25, 0.25, 0.15], [0.12, 0.28, 0.25, 0.20, 0.10, 0.05]])
EXPERIENCED_SHARES = np.array([0.3, 0.6])


def experiences(draft: Draft, customer: Array, key: Array, time: Array, may_leak: Array) -> dict[str, Array]:
    """Draw the experience of each order, and whether the customer leaves after it.

    A first experience is standard normal, less what a leaking tin takes; if it is bad, some complain, and
    the answer adds to it. What is left is put on the standard normal scale by its own distribution under
    the company's own policy: so Φ(experience) is uniform, the customer leaves if and only if it is below
    the probability of leaving, and drop-out is geometric. Another policy (a lever) changes the sum but not
    the scale.
    """
    world, levers, draws = draft.world, draft.levers, draft.draws
    faulty = may_leak & (time < levers.redesign_day) & (draws.uniform("orders.leak", key) < world.leaking_tin)
    first = draws.normal("orders.experience", key) - world.leaking_loss * faulty
    voice = draft.traits["complaining_probability"][customer]
    complained = (first < world.bad_experience) & (draws.uniform("complaints.voice", key) < voice)
    severe = (first < world.bad_experience - SEVERE).astype(int)

    days = RESPONSE_DAYS[choose(draws.uniform("complaints.days", key), RESPONSE_SHARES, severe)]
    experienced = draws.uniform("complaints.handler", key) < EXPERIENCED_SHARES[severe]
    if levers.complaint_response_days is not None:
        days[:] = levers.complaint_response_days
    if levers.experienced_handlers is not None:
        experienced[:] = levers.experienced_handlers
    gain = complained * _gain(draft, days, experienced)

    old_tin = may_leak & (time < world.redesign_day)
    rank = _rank(draft, first + gain, old_tin, voice)
    leaving = draft.traits["leaving_probability"][customer]
    return {
        "first_experience": first, "experience": ndtri(rank), "leaves": rank < leaving, "faulty": faulty,
        "complained": complained, "response_days": days, "experienced": experienced, "gain": gain,
        "unanswered": _rank(draft, first, old_tin, voice) >= leaving,
    }  # fmt: skip


def _gain(draft: Draft, days: Any, experienced: Any) -> Any:
    world = draft.world
    return world.recovery * 0.5 ** (days / world.recovery_half_life) + world.handler_skill * experienced


def _rank(draft: Draft, experience: Array, old_tin: Array, voice: Array) -> Array:
    """Return the distribution function of the mended experience under the company's own policy."""
    world = draft.world

    def unmended(x: Array, old_tin: Array) -> Array:
        """Return the distribution function of the first experience."""
        below = ndtr(x)
        below[old_tin] += world.leaking_tin * (ndtr(x[old_tin] + world.leaking_loss) - below[old_tin])
        return below

    rank = unmended(experience, old_tin)
    bad, severe = world.bad_experience, world.bad_experience - SEVERE
    near = np.flatnonzero(experience < bad + world.recovery + world.handler_skill)
    x, old_tin = experience[near], old_tin[near]
    mended = -unmended(np.minimum(x, bad), old_tin)
    for days, shares in zip(RESPONSE_DAYS, RESPONSE_SHARES.T, strict=True):
        for experienced, handled in enumerate([1 - EXPERIENCED_SHARES, EXPERIENCED_SHARES]):
            mild_share, severe_share = shares * handled
            before = x - _gain(draft, days, experienced)
            mended += mild_share * unmended(np.minimum(before, bad), old_tin)
            mended += (severe_share - mild_share) * unmended(np.minimum(before, severe), old_tin)
    rank[near] += voice[near] * mended
    # A tail beyond all numbers is still a probability.
    return rank.clip(1e-300, 1 - 1e-16)
