"""What passes between the company and its customers besides goods: messages, complaints, campaigns."""

import numpy as np

from crmlab.company._draft import Draft
from crmlab.company._draws import Array, choose
from crmlab.company._schema import categories, constants
from crmlab.company.people import holders

_CAUSES = categories("complaints", "cause")
# By purpose: whose role it is, its probability with a person and with a firm, days after the order.
_MESSAGES = constants("messages.csv").set_index("purpose").loc[categories("interactions", "purpose")]
_OUT_OF_ROLE = 0.1  # share of messages written by anybody at the firm


def add_interactions(draft: Draft) -> None:
    """Make the messages around each order; people mostly write about what is their role."""
    draws, orders, traits = draft.draws, draft.orders, draft.traits
    likely = _MESSAGES[["person", "firm"]].to_numpy()[:, traits["firm"].astype(int)]
    written = [
        draws.uniform(f"interactions.{purpose}", orders["id"]) < likely[code, orders["customer"]]
        for code, purpose in enumerate(_MESSAGES.index)
    ]
    order, code = np.nonzero(np.transpose(written))  # by order, then purpose
    start, end = _MESSAGES[["start", "end"]].to_numpy()[code].T
    luck = draws.uniform("interactions.sent", orders["id"][order], code)
    sent = orders["time"][order] + start + (end - start) * luck
    within = (sent >= 0) & (sent < draft.world.days)
    order, code, sent = order[within], code[within], sent[within]
    key, customer = orders["id"][order] * 10 + code, orders["customer"][order]
    anybody = draws.uniform("interactions.anybody", key)
    somebody = np.floor(anybody / _OUT_OF_ROLE * traits["persons"][customer]).astype(int)
    in_role = np.array([holders(draft, role) for role in _MESSAGES["role"]])[code, customer]
    person = np.where(anybody < _OUT_OF_ROLE, traits["first_person"][customer] + somebody, in_role)
    news = code == _MESSAGES.index.get_loc("news")
    replies = np.where(news, 0.15 + 0.1 * traits["engagement"][customer], 0.93)
    answered = sent + 0.25 * np.exp(draws.normal("interactions.wait", key))
    answered[draws.uniform("interactions.answered", key) > replies] = np.nan
    draft.table(
        "interactions", interaction_id=key, customer_id=customer + 1, person_id=person + 1,
        employee_id=_one_of(draft.staff["service"], draws.uniform("interactions.employee", key)) + 1,
        order_id=orders["id"][order], direction=news, purpose=code, sent_at=sent,
        channel=choose(draws.uniform("interactions.channel", key), [0.4, 0.15, 0.25, 0.05, 0.15]),
        answered_at=np.where(answered < draft.world.days, answered, np.nan),
    )  # fmt: skip


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
    skilled = draft.tables["employees"]["experience_years"].to_numpy()[service] >= 5
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
        "complaints", complaint_id=key, cause=cause, gain=own["gain"], stayed=~own["leaves"],
        would_stay_unanswered=own["unanswered"],
    )  # fmt: skip


def add_campaigns(draft: Draft) -> None:
    """Make the campaigns and the trial that each of them is."""
    world, numbers = draft.world, np.arange(draft.world.campaigns)
    draft.table(
        "campaigns", campaign_id=numbers + 1, name=[f"Coupon {number + 1}" for number in numbers],
        starts_on=world.campaign_starts, ends_on=np.add(world.campaign_starts, world.campaign_days),
        contact_cost_cents=np.full(len(numbers), world.contact_cost),
        discount=np.full(len(numbers), draft.levers.campaign_discount),
    )  # fmt: skip
    trials = np.concatenate([np.zeros((10, 0)), *draft.trials], axis=1)
    customer, campaign, treated, orders, spend, margin, *outcomes = trials
    keys = {"campaign_id": campaign + 1, "customer_id": customer + 1}
    draft.traits["times_treated"] = np.bincount(customer[treated > 0].astype(int), minlength=draft.customers)
    draft.table(
        "treatments", **keys, treated=treated, orders=orders, spend_cents=spend, margin_cents=margin,
        cost_cents=treated * world.contact_cost,
    )  # fmt: skip
    names = [f"{what}_{arm}_cents" for what in ("expected", "realised") for arm in ("treated", "untreated")]
    draft.secret("treatments", **keys, **dict(zip(names, outcomes, strict=True)))
