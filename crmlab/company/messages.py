"""Messages: when and how they go, who wrote, who was copied and signed, and the subject."""

import numpy as np
import pandas as pd
import pyarrow as pa

from crmlab.company._draft import Draft, ids
from crmlab.company._draws import Array, choose
from crmlab.company._schema import categories, constants, days_since_start
from crmlab.company.hours import AWAKE, CHANNELS, OFFICE, at_hour, later, opening
from crmlab.company.people import ROLES, holders, join
from crmlab.company.service import arrival, contact_way, one_of_staff, order_key

_PURPOSES = categories("interactions", "purpose", "truth")
_WRITTEN = ["web", "fax", "mail"]
# By purpose: the probability that the holder of a role at a firm is copied, and that the decider signs.
_COPIES = constants("copies.csv").set_index("purpose").loc[_PURPOSES]
_VAGUE = 0.35  # share of subjects that fit any purpose
# By purpose: whose role it is, its probability with a person and with a firm, days from the order (those
# after it from its arrival) between which it is sent.
_MESSAGES = constants("messages.csv").set_index("purpose").loc[_PURPOSES]
_OUT_OF_ROLE = 0.1  # share of messages written by anybody at the firm
_AS_ASKED = 0.6  # share of messages by the way of being contacted that the customer prefers
_WAYS = np.array([[0.45, 0.15, 0.22, 0, 0.18], [0.35, 0.1, 0.25, 0.12, 0.18]])  # of persons, of firms
# The shares of the other ways; rows: persons by the way they prefer, then firms.
_OTHERS = np.where(np.eye(len(CHANNELS)), 0, _WAYS[:, None]).reshape(-1, len(CHANNELS))
_ANSWERED, _KEEN, _HEARD = 0.12, 0.1, 0.15  # news is answered: by anybody, per engagement, as preferred
_UNNOTED = 0.9  # share of written messages under which nobody noted the purpose; the subject is there
_TURNOVER = 0.12  # of a firm's people but for the first to decide, how many leave it in a year


def add_interactions(draft: Draft) -> None:
    """Make the messages around each order; people mostly write about what is their role."""
    draws, orders, traits = draft.draws, draft.orders, draft.traits
    likely = _MESSAGES[["person", "firm"]].to_numpy()[:, traits["firm"].astype(int)]
    written = [
        draws.uniform(f"interactions.{purpose}", order_key(draft)) < likely[code, orders["customer"]]
        for code, purpose in enumerate(_MESSAGES.index)
    ]
    order, code = np.nonzero(np.stack(written, axis=1))  # by order, then purpose
    own, customer = order_key(draft)[order], orders["customer"][order]
    key = own * 10 + code
    places, news = code == _MESSAGES.index.get_loc("order"), code == _MESSAGES.index.get_loc("news")

    preferred = contact_way(draft)[customer]
    other = draws.uniform("interactions.channel", key)
    other = choose(other, _OTHERS, len(CHANNELS) * traits["firm"][customer] + preferred)
    channel = np.where(draws.uniform("interactions.as_asked", key) < _AS_ASKED, preferred, other)
    channel[places] = orders["channel"][order[places]]

    start, end = _MESSAGES[["start", "end"]].to_numpy()[code].T
    day = np.where(start > 0, arrival(draft, order), orders["time"][order])
    day += start + np.floor((end - start + 1) * draws.uniform("interactions.sent", own, code))
    mail = np.full_like(channel, CHANNELS.index("mail"))
    office = np.where(news & (channel == CHANNELS.index("web")), mail, channel)
    by_us = news & (channel != CHANNELS.index("visit"))  # we write and ring on working days
    for rows, way, back in ((start < 0, channel, True), (start >= 0, channel, False), (by_us, mail, False)):
        day[rows] = opening(way[rows], day[rows], back)
    sent = np.where(places, orders["time"][order], at_hour(draft, "interactions.hour", key, day, office))

    anybody = draws.uniform("interactions.anybody", key)
    somebody = np.floor(anybody / _OUT_OF_ROLE * traits["persons"][customer]).astype(int)
    in_role = np.array([holders(draft, role) for role in _MESSAGES["role"]])[code, customer]
    person = np.where(anybody < _OUT_OF_ROLE, traits["first_person"][customer] + somebody, in_role)
    person = still_there(draft, person, sent)
    person[places] = buyers(draft)[order[places]]

    heard = _ANSWERED + _KEEN * traits["engagement"][customer] + _HEARD * (channel == preferred)
    spoken = np.isin(channel, [CHANNELS.index(one) for one in ("visit", "phone")])
    replies = np.where(news, heard, np.where(spoken, 1, 0.93))
    wait = np.exp(draws.normal("interactions.wait", key))  # in hours; of what is spoken, in minutes
    answered = sent + 4 * wait.clip(0.25, 5) / 1440
    for rows, pace, rhythm in ((news & ~spoken, 6, AWAKE), (~news & ~spoken, 2.5, OFFICE)):
        answered[rows] = later(sent[rows], pace * wait[rows], rhythm)
    answered[draws.uniform("interactions.answered", key) > replies] = np.nan
    kept = np.flatnonzero((sent >= 0) & (sent < draft.world.days))
    # Which digit stands for which purpose differs from order to order, so that it tells none.
    turn, step = (
        np.floor(m * draws.uniform(f"interactions.{of}", own)) for m, of in ((7, "turn"), (6, "step"))
    )
    number = orders["id"][order] * 10 + ((turn + (1 + step) * code) % 7).astype(int)
    noted = spoken | (draws.uniform("interactions.noted", key) >= _UNNOTED)
    columns = {
        "interaction_id": number, "customer_id": customer + 1, "person_id": person + 1,
        "employee_id": one_of_staff(draft.staff["service"], draws.uniform("interactions.employee", key)) + 1,
        "order_id": orders["id"][order], "direction": news, "purpose": np.where(noted, code, -1),
        "sent_at": sent, "channel": channel,
        "answered_at": np.where(answered < draft.world.days, answered, np.nan),
    }  # fmt: skip
    draft.table("interactions", **{name: values[kept] for name, values in columns.items()})
    draft.secret("interactions", interaction_id=number[kept], purpose=code[kept])


def interactions(draft: Draft) -> pd.DataFrame:
    """Return the table of messages, drawn if nobody has asked for it yet."""
    if "interactions" not in draft.tables:
        add_interactions(draft)
    return draft.tables["interactions"]


def departures(draft: Draft) -> Array:
    """Return the day on which each person left their firm (infinity: never); who decides there stays."""
    customer, traits = draft.people["customer"], draft.traits
    luck = draft.draws.uniform("departures.day", np.arange(len(customer)))
    day = traits["joined"][customer] - 365 / _TURNOVER * np.log(luck)
    stays = ~traits["firm"][customer] | (holders(draft, "decider")[customer] == np.arange(len(customer)))
    return np.where(stays, np.inf, np.floor(day) + 1)


def still_there(draft: Draft, person: Array, day: Array) -> Array:
    """Return who does what a person did: the same while at the firm, then the next colleague who is."""
    left, person = departures(draft), person.copy()
    while len(at := np.flatnonzero(left[person] <= day)):
        customer = draft.people["customer"][person[at]]
        first, count = draft.traits["first_person"][customer], draft.traits["persons"][customer]
        person[at] = first + (person[at] - first + 1) % count
    return person


def buyers(draft: Draft) -> Array:
    """Return who places each order: at a firm whoever buys, or the colleague who has taken over."""
    customer, time = draft.orders["customer"], draft.orders["time"]
    person, at = holders(draft, "buyer")[customer], np.flatnonzero(draft.traits["firm"][customer])
    person[at] = still_there(draft, person[at], time[at])
    return person


def add_departures(draft: Draft) -> None:
    """Add who left their firm; nobody has told us, but they write no more."""
    left = departures(draft)
    gone = np.flatnonzero(left < draft.world.days)
    draft.secret("departures", person_id=gone + 1, left_on=left[gone])


def _written(draft: Draft) -> tuple[pd.DataFrame, Array]:
    """Return the messages, and the positions of those in writing."""
    told = interactions(draft)
    told = told.assign(purpose=draft.truth["interactions"]["purpose"].cat.codes)
    return told, np.flatnonzero(told["channel"].isin(_WRITTEN))


def add_participants(draft: Draft) -> None:
    """Add who takes part in each message; at firms people are copied, and sign, by their roles in buying."""
    uniform, traits, people = draft.draws.uniform, draft.traits, draft.people
    told, written = _written(draft)
    key, person = told["interaction_id"].to_numpy(), told["person_id"].to_numpy() - 1
    customer, employee = told["customer_id"].to_numpy() - 1, told["employee_id"].to_numpy() - 1
    purpose, out = told["purpose"].to_numpy(), (told["direction"] == "out").to_numpy()
    sent, left = days_since_start(told["sent_at"]), departures(draft)
    everyone, nobody = np.arange(len(told)), np.full(len(told), -1)

    theirs = written[~out[written]]
    by_decider = _COPIES["decider_signs"].to_numpy()[purpose[theirs]]
    by_decider = uniform("participants.signed", key[theirs]) < by_decider
    signs = nobody.copy()
    signs[theirs] = np.where(by_decider, holders(draft, "decider")[customer[theirs]], person[theirs])

    at = written[traits["firm"][customer[written]]]
    colleagues = traits["persons"][customer[at]]
    row = np.repeat(at, colleagues)
    other = np.arange(len(row)) - np.repeat(np.cumsum(colleagues) - colleagues, colleagues)
    other += traits["first_person"][customer[row]]
    unlikely = np.ones(len(row))
    for role in ROLES:
        unlikely *= 1 - _COPIES[role].to_numpy()[purpose[row]] * people[role][other]
    copied = (other != person[row]) & (other != signs[row]) & (left[other] > sent[row])
    copied &= uniform("participants.copied", key[row], other) < 1 - unlikely

    rows = [
        (everyone, np.where(out, -1, person), np.where(out, employee, -1)),
        (everyone, np.where(out, person, -1), np.where(out, -1, employee)),
        (row[copied], other[copied], nobody[: copied.sum()]),
        (theirs, signs[theirs], nobody[: len(theirs)]),
    ]
    part = np.repeat(range(4), [len(one[0]) for one in rows])
    message, who, ours = (np.concatenate(column) for column in zip(*rows, strict=True))
    order = np.argsort(message, kind="stable")  # within a message by part, then by person, as they stand
    message, count = message[order], np.bincount(message)
    first = np.cumsum(count) - count
    draft.table(
        "participants", interaction_id=key[message], number=np.arange(len(message)) - first[message] + 1,
        part=part[order], person_id=ids(who[order]), employee_id=ids(ours[order]),
    )  # fmt: skip


def add_subjects(draft: Draft) -> None:
    """Add the subject of each message in writing; where it names a tea, the tea is on the order."""
    told, written = _written(draft)
    told = told.iloc[written]
    key, purpose = told["interaction_id"].to_numpy(), told["purpose"].to_numpy()
    chinese = draft.people["language"][told["person_id"].to_numpy() - 1]
    order = np.searchsorted(draft.orders["id"], told["order_id"])
    product = draft.lines["product"][np.searchsorted(draft.lines["order"], order)]  # that of the first line
    ware = (draft.tables["products"]["category"] == "ware").to_numpy()[product]
    names = draft.tables["products"]
    teas = pa.array([*names["name"], *names["chinese_name"], ""])

    told_by = constants("subjects.toml")
    lists = [
        told_by[name][language] for name in ("any", "any_of_ours", *_PURPOSES) for language in ("en", "zh")
    ]
    texts, size = [text for one in lists for text in one], np.array([len(one) for one in lists])
    of_tea = np.array(["{}" in text for text in texts])
    vague = draft.draws.uniform("subjects.vague", key) < _VAGUE
    which = 2 * np.where(vague, told["direction"] == "out", purpose + 2) + chinese
    start, luck = (np.cumsum(size) - size)[which], draft.draws.uniform("subjects.text", key)
    place = start + np.floor(size[which] * luck).astype(int)
    place = np.where(of_tea[place] & ware, start, place)
    before, after = (pa.array([(text + "{}").split("{}")[n] for text in texts]).take(place) for n in (0, 1))
    tea = teas.take(np.where(of_tea[place], product + len(names) * chinese, len(teas) - 1))
    draft.table("subjects", interaction_id=key, subject=join(before, tea, after))
