"""A message as its envelope shows it: who wrote, to whom, who was copied, who signed, and the subject."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from crmlab.company._draft import Draft, ids
from crmlab.company._draws import Array
from crmlab.company._schema import categories, constants
from crmlab.company.people import ROLES, holders, join

_PURPOSES = categories("interactions", "purpose")
_WRITTEN = ["web", "fax", "mail"]
# By purpose: the probability that the holder of a role at a firm is copied, and that the decider signs.
_COPIES = constants("copies.csv").set_index("purpose").loc[_PURPOSES]
_VAGUE = 0.35  # share of subjects that fit any purpose


def _written(draft: Draft) -> tuple[pd.DataFrame, Array]:
    """Return the messages, and the positions of those in writing."""
    told = draft.tables["interactions"]
    return told, np.flatnonzero(told["channel"].isin(_WRITTEN))


def add_participants(draft: Draft) -> None:
    """Add who takes part in each message; at firms people are copied, and sign, by their roles in buying."""
    uniform, traits, people = draft.draws.uniform, draft.traits, draft.people
    told, written = _written(draft)
    key, person = told["interaction_id"].to_numpy(), told["person_id"].to_numpy() - 1
    customer, employee = told["customer_id"].to_numpy() - 1, told["employee_id"].to_numpy() - 1
    purpose, out = told["purpose"].cat.codes.to_numpy(), (told["direction"] == "out").to_numpy()
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
    holds = np.column_stack([people[role][other] for role in ROLES])
    likely = 1 - np.prod(1 - _COPIES[ROLES].to_numpy()[purpose[row]] * holds, axis=1)
    copied = (other != person[row]) & (other != signs[row])
    copied &= uniform("participants.copied", key[row], other) < likely

    rows = [
        (everyone, np.where(out, -1, person), np.where(out, employee, -1)),
        (everyone, np.where(out, person, -1), np.where(out, -1, employee)),
        (row[copied], other[copied], nobody[: copied.sum()]),
        (theirs, signs[theirs], nobody[: len(theirs)]),
    ]
    part = np.repeat(range(4), [len(one[0]) for one in rows])
    message, who, ours = np.concatenate(rows, axis=1)
    order = np.lexsort((who, part, message))
    message = message[order]
    first = np.searchsorted(message, message)
    draft.table(
        "participants", interaction_id=key[message], number=np.arange(len(message)) - first + 1,
        part=part[order], person_id=ids(who[order]), employee_id=ids(ours[order]),
    )  # fmt: skip


def add_subjects(draft: Draft) -> None:
    """Add the subject of each message in writing; where it names a tea, the tea is on the order."""
    told, written = _written(draft)
    told = told.iloc[written]
    key, purpose = told["interaction_id"].to_numpy(), told["purpose"].cat.codes.to_numpy()
    chinese = draft.people["language"][told["person_id"].to_numpy() - 1]
    lines = draft.tables["order_lines"]
    first = lines["product_id"].to_numpy()[lines["line"] == 1] - 1  # orders and their first lines stand alike
    product = first[np.searchsorted(draft.orders["id"], told["order_id"])]
    ware = (draft.tables["products"]["category"] == "ware").to_numpy()[product]
    teas = [pa.array(draft.tables["products"][name]).take(product) for name in ("name", "chinese_name")]

    told_by = constants("subjects.toml")
    lists = [told_by[name][language] for name in ("any", *_PURPOSES) for language in ("en", "zh")]
    texts, size = [text for one in lists for text in one], np.array([len(one) for one in lists])
    of_tea = np.array(["{}" in text for text in texts])
    vague = draft.draws.uniform("subjects.vague", key) < _VAGUE
    which = 2 * np.where(vague, 0, purpose + 1) + chinese
    start, luck = (np.cumsum(size) - size)[which], draft.draws.uniform("subjects.text", key)
    place = start + np.floor(size[which] * luck).astype(int)
    place = np.where(of_tea[place] & ware, start, place)
    before, after = (pa.array([(text + "{}").split("{}")[n] for text in texts]).take(place) for n in (0, 1))
    tea = pc.if_else(of_tea[place], pc.if_else(chinese == 1, teas[1], teas[0]).cast(pa.string()), "")
    draft.table("subjects", interaction_id=key, subject=join(before, tea, after))
