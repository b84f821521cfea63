"""What passes between the company and its customers besides goods: messages, complaints, campaigns."""

import numpy as np

from crmlab.company._draft import Draft
from crmlab.company._draws import Array, choose
from crmlab.company._schema import categories

_CAUSES = categories("complaints", "cause")
# By purpose: whose role it is, its probability with a person and with a firm, days after the order.
_MESSAGES = {
    "need": ("initiator", 0.04, 0.6, -10, -5),
    "advice": ("influencer", 0.03, 0.5, -5, -2),
    "approval": ("decider", 0.01, 0.6, -2, -0.2),
    "order": ("buyer", 0.30, 0.9, -0.2, 0),
    "usage": ("user", 0.12, 0.4, 1, 20),
    "news": ("buyer", 0.20, 0.2, 8, 40),
}
_OUT_OF_ROLE = 0.1  # share of messages written by anybody at the firm


def add_interactions(draft: Draft) -> None:
    """Make the messages around each order; people mostly write about what is their role."""
    draws, orders, traits = draft.draws, draft.orders, draft.traits
    parts = []
    for code, (purpose, (role, person, firm, start, end)) in enumerate(_MESSAGES.items()):
        likely = np.where(traits["firm"], firm, person)[orders["customer"]]
        at = np.flatnonzero(draws.uniform(f"interactions.{purpose}", orders["id"]) < likely)
        luck = draws.uniform("interactions.sent", orders["id"][at], code)
        sent = orders["time"][at] + start + (end - start) * luck
        within = (sent >= 0) & (sent < draft.world.days)
        at, sent = at[within], sent[within]
        key, customer = orders["id"][at] * 10 + code, orders["customer"][at]
        anybody = draws.uniform("interactions.anybody", key)
        somebody = np.floor(anybody / _OUT_OF_ROLE * traits["persons"][customer]).astype(int)
        somebody += traits["first_person"][customer]
        person_position = np.where(anybody < _OUT_OF_ROLE, somebody, holders(draft, role)[customer])
        replies = 0.15 + 0.1 * traits["engagement"][customer] if purpose == "news" else 0.93
        answered = sent + 0.25 * np.exp(draws.normal("interactions.wait", key))
        answered[draws.uniform("interactions.answered", key) > replies] = np.nan
        employee = _one_of(draft.staff["service"], draws.uniform("interactions.employee", key))
        channel = choose(draws.uniform("interactions.channel", key), [0.4, 0.15, 0.25, 0.05, 0.15])
        parts.append({
            "interaction_id": key, "customer_id": customer + 1, "person_id": person_position + 1,
            "employee_id": employee + 1, "order_id": orders["id"][at], "channel": channel,
            "direction": np.full(len(at), purpose == "news"), "purpose": np.full(len(at), code),
            "sent_at": sent, "answered_at": np.where(answered < draft.world.days, answered, np.nan),
        })  # fmt: skip
    together = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    place = np.argsort(together["interaction_id"], kind="stable")
    draft.table("interactions", **{name: values[place] for name, values in together.items()})


def holders(draft: Draft, role: str) -> Array:
    """Return the first person of each customer who holds this role in buying."""
    people = np.flatnonzero(draft.people[role])
    return people[np.searchsorted(draft.people["customer"][people], np.arange(draft.customers))]


def _one_of(positions: Array, uniform: Array) -> Array:
    return positions[np.floor(uniform * len(positions)).astype(int)]


def add_complaints(draft: Draft) -> None:
    """Make the complaints that were opened before the log ends, and what answering them did."""
    world, draws, orders = draft.world, draft.draws, draft.orders
    opened = np.floor(orders["time"]) + 1 + np.floor(4 * draws.uniform("complaints.opened", orders["id"]))
    at = np.flatnonzero(orders["complained"] & (opened < world.days))
    own = {name: values[at] for name, values in orders.items()}
    key, opened = own["id"], opened[at]
    answered = opened + np.floor(own["response_days"])
    resolved = answered + np.floor(6 * draws.uniform("complaints.resolved", key) ** 2)
    answered, resolved = (np.where(day < world.days, day, np.nan) for day in (answered, resolved))
    cause = choose(draws.uniform("complaints.cause", key), [0.2, 0.4, 0.15, 0.25])
    cause = np.where(own["faulty"], _CAUSES.index("product"), cause)
    slip = choose(draws.uniform("complaints.coded", key), [0.88, 0.04, 0.04, 0.04])
    hurt = -own["first_experience"] + 0.4 * draws.normal("complaints.severity", key)
    service = draft.staff["service"]
    skilled = draft.staff["experience_years"][service] >= 5
    luck = draws.uniform("complaints.handled", key)
    handler = np.where(own["experienced"], _one_of(service[skilled], luck), _one_of(service[~skilled], luck))
    after = 6.5 + 1.9 * (0.9 * own["experience"] + 0.45 * draws.normal("complaints.after", key))
    draft.table(
        "complaints", complaint_id=key, order_id=key, customer_id=own["customer"] + 1, opened_on=opened,
        first_response_on=answered, resolved_on=resolved, cause=(cause + slip) % len(_CAUSES),
        severity=1 + (hurt > 1.2) + (hurt > 1.9), handler_id=handler + 1,
        satisfied_after=np.where(np.isnan(resolved), np.nan, np.rint(after).clip(1, 10)),
        bought_again=own["number"] < draft.traits["orders"][own["customer"]],
    )  # fmt: skip
    draft.secret(
        "complaints", complaint_id=key, cause=cause, gain=own["gain"], stayed=~own["last"],
        would_stay_unanswered=own["unanswered"],
    )  # fmt: skip


def add_campaigns(draft: Draft) -> None:
    """Make the campaigns and the trial that each of them is."""
    world, numbers = draft.world, np.arange(draft.world.campaigns)
    starts = (numbers + 1) * world.days // (world.campaigns + 1)
    draft.table(
        "campaigns", campaign_id=numbers + 1, name=[f"Coupon {number + 1}" for number in numbers],
        starts_on=starts, ends_on=starts + world.campaign_days,
        contact_cost_cents=np.full(len(numbers), world.contact_cost),
        discount=np.full(len(numbers), draft.levers.campaign_discount),
    )  # fmt: skip
    trials = np.concatenate([np.zeros((10, 0)), *draft.trials], axis=1)
    customer, campaign, treated = trials[:3].astype(int)
    keys = {"campaign_id": campaign + 1, "customer_id": customer + 1}
    draft.traits["contacts"] = np.bincount(customer[treated > 0], minlength=draft.customers)
    draft.table(
        "treatments", **keys, treated=treated, orders=trials[3], spend_cents=trials[4],
        margin_cents=trials[5], cost_cents=treated * world.contact_cost,
    )  # fmt: skip
    draft.secret(
        "treatments", **keys, expected_treated_cents=trials[6], expected_untreated_cents=trials[7],
        realised_treated_cents=trials[8], realised_untreated_cents=trials[9],
    )  # fmt: skip
