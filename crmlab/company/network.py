"""Customers who talk to one another."""

import numpy as np

from crmlab.company._draft import Draft
from crmlab.company.acquaintances import one_of
from crmlab.company.hours import CHANNELS, at_hour
from crmlab.company.service import arrival

_RECENT = 300  # posts, or 60 days if that is less, among which one finds something to reply to


def add_community(draft: Draft) -> None:
    """Add what customers write after an order, most of it a reply to an acquaintance's or a recent post."""
    world, draws, orders, traits = draft.world, draft.draws, draft.orders, draft.traits
    likely = 0.1 * np.exp(0.6 * traits["engagement"])
    post = np.flatnonzero(draws.uniform("community_posts.post", orders["id"]) < likely[orders["customer"]])
    number, author = orders["id"][post], orders["customer"][post]
    time = arrival(draft, post) + 1 - 1.5 * np.log(draws.uniform("community_posts.delay", number))
    time = at_hour(draft, "community_posts.hour", number, time, np.full(len(time), CHANNELS.index("web")))
    kept = np.argsort(time, kind="stable")
    kept = kept[(time < np.fmin(traits["left_on"][author], world.days))[kept]]
    number, author, time = number[kept], author[kept], time[kept]

    span, taste = world.days + 1.0, traits["taste"].cumsum(axis=1)[author]
    friend = one_of(draft, "community_posts.whom", number, author)
    order = np.lexsort((time, author))
    key = (author * span + time)[order]
    of_friend = order[np.searchsorted(key, friend * span + time) - 1]
    has = (author[of_friend] == friend) & (time[of_friend] < time)
    # Else the last post before a moment of one's own; so only a post moved, gone or come between changes it.
    reach = min(60, _RECENT * world.days / (0.5 * draft.customers))
    recent = np.searchsorted(time, time - reach * draws.uniform("community_posts.moment", number)) - 1
    target = np.where(has & (draws.uniform("community_posts.friend", number) < 0.5), of_friend, recent)
    replies = (draws.uniform("community_posts.reply", number) < 0.6) & (target >= 0)
    draft.table(
        "community_posts", post_id=number, customer_id=author + 1, posted_at=time,
        topic=(draws.uniform("community_posts.topic", number)[:, None] > taste[:, :-1]).sum(axis=1),
        reply_to=np.where(replies, number[target], np.nan),
    )  # fmt: skip
