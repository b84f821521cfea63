"""What respondents write in their own words: of what has happened to them, and true to what they do next."""

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from crmlab.company._draft import Draft
from crmlab.company._draws import Array, choose
from crmlab.company._schema import categories, constants, days_since_start
from crmlab.company.hours import CHANNELS
from crmlab.company.people import holders, join
from crmlab.company.voices import ATTRIBUTES, BLAMED, faults, luck_keys, surveys

_THEMES = categories("open_answers", "theme", "truth")
_PARTS = ["opening", "body", "detail", "closing"]
_WRITE, _RECENT = 0.3, 120  # share of respondents who write, and days for which an order is spoken of
_CONFUSED = np.array([1, 0, 3, 2, 3])  # what each theme is taken for by a coder who errs


@cache
def _sentences(part: str) -> pd.DataFrame:
    """Return the sentences of a part: their words, and where they are said."""
    blocks = constants("comments.toml")[part]
    rows = [
        (en, zh, block.get("theme"), block.get("tone"), block.get("when", "").split())
        for block in blocks
        for en, zh in zip(block["en"], block["zh"], strict=True)
    ]
    return pd.DataFrame(rows, columns=["en", "zh", "theme", "tone", "when"])


def add_comments(draft: Draft) -> None:
    """Make open_answers: some respondents write a few sentences, and two coders read them."""
    uniform, (asked, true) = draft.draws.uniform, surveys(draft)
    in_wave = (asked["occasion"] == "wave").to_numpy()
    customer, survey = asked["customer_id"].to_numpy() - 1, asked["survey_id"].to_numpy()
    order = _last_orders(draft, asked, customer, in_wave)
    key = luck_keys(draft, survey, order, in_wave)
    rows = np.flatnonzero(asked["responded"] & (uniform("open_answers.wrote", key) < _WRITE))
    asked, true, customer, order, key = (
        asked.iloc[rows], true.iloc[rows], customer[rows], order[rows], key[rows]
    )  # fmt: skip
    day = days_since_start(asked["responded_on"])
    tags, tea = _tags(draft, customer, order, day)
    felt = true[_THEMES].to_numpy()
    weights = ATTRIBUTES["common"][_THEMES].to_numpy() * np.exp(np.abs(felt))
    wrong = np.zeros(felt.shape, bool)
    for code, name in enumerate(_THEMES):
        wrong[:, code] = tags["recent"] & np.isin(faults(draft)[order], BLAMED.get(name, []))
    wrong[:, _THEMES.index("staff")] = tags["unanswered"]
    possible = np.ones(felt.shape, bool)
    possible[:, _THEMES.index("taste")] = tags["drinks"]
    possible[:, _THEMES.index("delivery")] = tags["delivered"]
    theme = choose(
        uniform("open_answers.theme", key), weights * possible * (1 + 9 * wrong), np.arange(len(key))
    )
    tags["gift"] = (asked["purpose"] == "gift").to_numpy()
    tags["keen"] = (asked["recommend"] > 7).fillna(False).to_numpy(bool)
    place = np.arange(len(key)), theme
    tags["good"] = good = (felt[place] > -0.25) & ~wrong[place]
    english = draft.people["language"][holders(draft, "buyer")[customer]] == 0
    said = [_said(draft, part, theme, tags, key, tea, english) for part in _PARTS]
    comment = pc.if_else(
        english, pc.utf8_trim_whitespace(pc.binary_join_element_wise(*said, " ")), join(*said)
    )
    comment = pc.replace_substring_regex(comment, " +", " ")
    coders = {}
    for coder, sure in (("coder_1", 0.88), ("coder_2", 0.8)):
        coders[coder] = np.where(uniform(f"open_answers.{coder}", key) < sure, theme, _CONFUSED[theme])
    draft.table("open_answers", survey_id=asked["survey_id"], comment=comment, **coders)
    draft.secret("open_answers", survey_id=asked["survey_id"], theme=theme, good=good)


def _last_orders(draft: Draft, table: pd.DataFrame, customer: Array, in_wave: Array) -> Array:
    """Return the order asked about, or in a wave the last one before the invitation."""
    orders, span = draft.orders, draft.world.days + 1
    stamp = orders["customer"] * span + orders["time"].astype(int)
    last = np.searchsorted(stamp, customer * span + days_since_start(table["invited_on"]).astype(int)) - 1
    asked = np.searchsorted(orders["id"], table["order_id"].fillna(0).to_numpy(int))
    return np.where(in_wave, last, asked)


def _tags(
    draft: Draft, customer: Array, order: Array, day: Array
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Return what is true of each respondent on the day, and the names of a tea of the order."""
    orders, traits, tables, span = draft.orders, draft.traits, draft.tables, draft.world.days + 1
    channel, fault, time = np.array(CHANNELS)[orders["channel"][order]], faults(draft), orders["time"]
    stamp = orders["customer"] * span + time.astype(int)
    bought = np.searchsorted(stamp, customer * span + day.astype(int)) - np.searchsorted(
        stamp, customer * span
    )
    back = np.bincount(orders["customer"], minlength=draft.customers)[customer] > bought
    told = np.full(draft.customers, np.inf)
    brought = traits["referrer"] >= 0
    np.minimum.at(told, traits["referrer"][brought], traits["joined"][brought])
    recent = day - time[order] < _RECENT
    answered, opened = (np.full(len(time), np.nan) for _ in range(2))
    at = np.searchsorted(orders["id"], tables["complaints"]["order_id"].to_numpy())
    opened[at] = days_since_start(tables["complaints"]["opened_on"])
    answered[at] = days_since_start(tables["complaints"]["first_response_on"])
    got = answered[order] < day
    line, product = draft.lines["order"], draft.lines["product"]
    ware = (tables["products"]["category"] == "ware").to_numpy()[product]
    changed = tables["products"]["redesigned_on"].notna().to_numpy()
    tea = np.zeros(len(time), int)
    tea[line[~ware][::-1]] = product[~ware][::-1]  # the first of several remains
    holds = {
        name: np.bincount(line[rows], minlength=len(time))[order] > 0
        for name, rows in (("drinks", ~ware), ("ware", ware), ("redesigned", changed[product]))
    }
    tags = holds | {
        "recent": recent, "firm": traits["firm"][customer], "first": recent & (bought == 1),
        "regular": bought > 3,
        "delivered": channel != "visit", "visit": channel == "visit", "phone": channel == "phone",
        "leak": recent & (fault[order] == 1), "missing": recent & (fault[order] == 2),
        "late": recent & (fault[order] > 2), "coupon": recent & (orders["campaign"][order] >= 0)
        & (orders["discount"][order] > 0),
        "new_tin": holds["redesigned"] & (time[order] >= draft.levers.redesign_day),
        "unanswered": recent & (opened[order] < day) & ~got,
        "mended": recent & (answered[order] - opened[order] <= 4) & got,
        "back": back, "gone": ~back & ~np.isnan(traits["left_on"][customer]), "teller": told[customer] < day,
    }  # fmt: skip
    names = {one: tables["products"][column] for one, column in (("en", "name"), ("zh", "chinese_name"))}
    return tags, {one: column.to_numpy()[tea[order]] for one, column in names.items()}


def _said(
    draft: Draft,
    part: str,
    theme: Array,
    tags: dict[str, Array],
    key: Array,
    tea: dict[str, Array],
    english: Array,
) -> Any:
    """Return for each comment one of the sentences of a part that fit."""
    told = _sentences(part)
    fits = np.ones((len(key), len(told)))
    for place, one in enumerate(told.itertuples()):
        if one.theme:
            fits[:, place] *= theme == _THEMES.index(one.theme)
        if one.tone:
            fits[:, place] *= tags["good"] == (one.tone == "good")
        for tag in one.when:
            fits[:, place] *= ~tags[tag[1:]] if tag[0] == "!" else tags[tag]
    which = choose(draft.draws.uniform(f"open_answers.{part}", key), fits, np.arange(len(key)))
    texts = []
    for language in ("en", "zh"):
        halves = told[language].str.partition("{tea}")
        named = pc.if_else((halves[1] != "").to_numpy()[which], pa.array(tea[language], "string"), "")
        before, after = (pa.array(halves[half], "string").take(pa.array(which)) for half in (0, 2))
        texts.append(join(before, named, after))
    return pc.if_else(english, *texts)
