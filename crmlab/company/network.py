"""Who else there is: partners, and customers who talk to one another."""

import numpy as np

from crmlab.company._draft import Draft
from crmlab.company._schema import START, categories, constants

_NUMBERS = ("value", "messages", "reciprocity", "warmth")  # of a kind of partner
_MEMORY = 0.7  # of an attitude from one quarter to the next
_RECENT = 300  # posts, or 60 days if that is less, among which one finds something to reply to


def add_partners(draft: Draft) -> None:
    """Add partners, what passes between us and them each month, and how the two sides see each other."""
    world, luck = draft.world, draft.draws.stream("partners")
    told = constants("partners.toml")
    kinds = [told[kind] for kind in categories("partners", "kind")]
    names = [name for kind in kinds for name in kind["names"]]
    n, kind = len(names), np.repeat(range(len(kinds)), [len(one["names"]) for one in kinds])
    value, messages, mean, warmth = np.array([[one[what] for what in _NUMBERS] for one in kinds])[kind].T
    since = np.floor(luck.uniform(-3000, 0.4 * world.days, n))
    reciprocity, warmth = luck.beta(8 * mean, 8 * (1 - mean)), warmth + 0.6 * luck.standard_normal(n)
    draft.table("partners", partner_id=np.arange(n) + 1, name=names, kind=kind, since=since)
    draft.secret("partners", partner_id=np.arange(n) + 1, reciprocity=reciprocity, warmth=warmth)

    months = np.arange(START.astype("M8[M]"), (START + np.timedelta64(world.days, "D")).astype("M8[M]"))
    month = (months.astype("M8[D]") - START.astype("M8[D]")).astype(int)  # the first days of whole ones
    spend = world.spend_shape * world.spend_scale / (world.spend_q - 1)
    turnover = draft.customers * spend * world.rate_shape / world.rate_scale * 30  # a month's, if all stay
    # The last axis is the direction: of what goes out, the partner's reciprocity comes back in.
    back = np.stack([reciprocity, np.ones(n)], axis=1)[:, None]
    size = (turnover * value * np.exp(0.5 * luck.standard_normal(n)))[:, None, None]
    cents = (size * back * np.exp(0.3 * luck.standard_normal((n, len(month), 2)))).clip(0, 1e17)
    sent = luck.poisson(messages[:, None, None] * back, cents.shape)
    answered = luck.binomial(sent, np.stack([np.full(n, 0.85), reciprocity], axis=1)[:, None])
    partner, when, direction = rows = np.nonzero((month >= since[:, None])[:, :, None] & (sent >= 0))
    draft.table(
        "relations", partner_id=partner + 1, month=month[when], direction=direction,
        messages=sent[rows], answered=answered[rows], value_cents=np.rint(cents[rows]),
    )  # fmt: skip

    asked, moods = month[1::3], [luck.standard_normal((2, n))]
    for _ in asked[1:]:
        ours, theirs = _MEMORY * moods[-1]
        theirs = (1 - reciprocity) * theirs + reciprocity * ours  # the partner follows us
        moods.append(np.stack([ours, theirs]) + np.sqrt(1 - _MEMORY**2) * luck.standard_normal((2, n)))
    when, side, partner = rows = np.nonzero((asked[:, None] >= since)[:, None] & np.isfinite(moods))
    attitude = 4 + 1.2 * warmth + 0.8 * np.array(moods)
    draft.table(
        "attitudes", partner_id=partner + 1, asked_on=asked[when], side=side,
        attitude=np.rint(attitude[rows]).clip(1, 7),
    )  # fmt: skip
    draft.partners = {"kind": kind, "since": since, "warmth": warmth, "size": size.ravel(), "asked": asked}
    draft.partners["attitude"] = attitude  # of each quarter, ours and theirs, by partner


def add_community(draft: Draft) -> None:
    """Add what customers write after an order, most of it in reply to a friend's post or to a recent one."""
    world, draws, orders, traits = draft.world, draft.draws, draft.orders, draft.traits
    likely = 0.1 * np.exp(0.6 * traits["engagement"])
    post = np.flatnonzero(draws.uniform("community_posts.post", orders["id"]) < likely[orders["customer"]])
    number, author = orders["id"][post], orders["customer"][post]
    time = orders["time"][post] + 0.1 - 1.5 * np.log(draws.uniform("community_posts.delay", number))
    kept = np.argsort(time, kind="stable")
    kept = kept[(time < np.fmin(traits["left_on"][author], world.days))[kept]]
    number, author, time = number[kept], author[kept], time[kept]

    span, friend, taste = world.days + 1.0, traits["friend"][author], traits["taste"].cumsum(axis=1)[author]
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
