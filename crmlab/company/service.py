"""What passes between the company and its customers besides goods: complaints and campaigns."""

from typing import Any

import numpy as np

from crmlab.company._draft import Draft
from crmlab.company._draws import Array, choose
from crmlab.company._schema import categories, constants
from crmlab.company.hours import CHANNELS

_CAUSES = constants("causes.csv").set_index("cause").loc[categories("complaints", "cause")]
FAULTS = ["none", "tin", "packer", "carrier", "region"]
# What a fault is complained about as; and how often a cause is there without one, in the shop and delivered.
_FAULTY = np.array([[one in told.split() for told in _CAUSES["fault"]] for one in FAULTS]).argmax(axis=1)
_CAUSE_SHARES = _CAUSES[["visit", "delivered"]].to_numpy().T
_SLIPS = 0.12  # share of complaints that the handler codes by lot, as what can be the matter in this channel


def contact_way(draft: Draft) -> Array:
    """Return the channel by which each customer prefers to be contacted."""
    return draft.traits["preferred_contact"]


def order_key(draft: Draft) -> Array:
    """Return the number on which the chance of each order hangs."""
    return draft.orders["key"]


def fault(draft: Draft) -> Array:
    """Return what went wrong with each order, as a code of FAULTS."""
    return draft.orders["fault"]


def arrival(draft: Draft, at: Any = slice(None)) -> Array:
    """Return the day on which the customer has these orders in hand; from the shop they are taken along."""
    days = 1 + np.floor(3 * draft.draws.uniform("orders.transit", order_key(draft)[at]))
    days = days + np.array([0, 0, 0, 3, 5])[fault(draft)[at]]  # a carrier or a whole region is late
    taken_along = draft.orders["channel"][at] == CHANNELS.index("visit")
    return np.floor(draft.orders["time"][at]) + np.where(taken_along, 0, days)


def one_of_staff(positions: Array, uniform: Array) -> Array:
    """Return for each number in (0, 1) one of these positions."""
    return positions[np.floor(uniform * len(positions)).astype(int)]


def complaint_days(draft: Draft, at: Array) -> tuple[Array, Array, Array]:
    """Return for these orders the days on which a complaint about it is opened, answered and resolved.

    It is opened once the order has arrived, within four days. Whoever complains and leaves all the same
    leaves on the day of its resolution.
    """
    key = order_key(draft)[at]
    opened = arrival(draft, at) + np.floor(5 * draft.draws.uniform("complaints.opened", key))
    opened = np.maximum(opened, np.floor(draft.orders["time"][at]) + 1)
    answered = opened + np.floor(draft.orders["response_days"][at])
    return opened, answered, answered + np.floor(6 * draft.draws.uniform("complaints.resolved", key) ** 2)


def add_complaints(draft: Draft) -> None:
    """Make the complaints that were opened before the log ends, and what answering them did."""
    world, draws, orders = draft.world, draft.draws, draft.orders
    at = np.flatnonzero(orders["complained"])
    days = np.array(complaint_days(draft, at))
    at, days = at[days[0] < world.days], days[:, days[0] < world.days]
    own, key = {name: values[at] for name, values in orders.items()}, order_key(draft)[at]
    opened, answered, resolved = np.where(days < world.days, days, np.nan)
    delivered, faulty = (own["channel"] != CHANNELS.index("visit")) * 1, fault(draft)[at]
    cause = choose(draws.uniform("complaints.cause", key), _CAUSE_SHARES, delivered)
    fits = (faulty > 0) & (_CAUSE_SHARES[delivered, _FAULTY[faulty]] > 0)  # nothing goes astray in the shop
    cause = np.where(fits, _FAULTY[faulty], cause)
    slip = choose(draws.uniform("complaints.slip", key), _CAUSE_SHARES, delivered)
    coded = np.where(draws.uniform("complaints.coded", key) < _SLIPS, slip, cause)
    hurt = -own["first_experience"] + 0.4 * draws.normal("complaints.severity", key)
    service = draft.staff["service"]
    skilled = draft.tables["employees"]["experience_years"].to_numpy()[service] >= 5
    luck = draws.uniform("complaints.handled", key)
    handler = np.where(
        own["experienced"], one_of_staff(service[skilled], luck), one_of_staff(service[~skilled], luck)
    )
    after = 6.5 + 1.9 * (0.9 * own["experience"] + 0.45 * draws.normal("complaints.after", key))
    last = np.append(orders["time"], 0)[np.cumsum(draft.traits["orders"]) - 1]  # of all who have come
    draft.table(
        "complaints", complaint_id=own["id"], order_id=own["id"], customer_id=own["customer"] + 1,
        opened_on=opened, first_response_on=answered, resolved_on=resolved, cause=coded,
        severity=1 + (hurt > 1.2) + (hurt > 1.9), handler_id=handler + 1,
        satisfied_after=np.where(np.isnan(resolved), np.nan, np.rint(after).clip(1, 10)),
        bought_again=last[own["customer"]] >= opened + 1,
    )  # fmt: skip
    draft.secret(
        "complaints", complaint_id=own["id"], cause=cause, gain=own["gain"], stayed=~own["leaves"],
        would_stay_unanswered=own["unanswered"],
    )  # fmt: skip
