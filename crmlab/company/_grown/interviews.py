"""Interviews: what customers say when somebody sits down with them, made of what has happened to them."""

import re
from collections import Counter
from typing import Any

import numpy as np

from crmlab.company._grown._draft import Draft
from crmlab.company._grown._draws import Array
from crmlab.company._grown._schema import categories
from crmlab.company._grown.past import Past, complainers, lists, script
from crmlab.company._grown.people import holders
from crmlab.company._grown.studies import living

_SOUGHT = 95  # customers of any company who are sought; of those who complained the double share
_MOVES = 4  # places for numbers: the question, and up to three moves of the answer


def add_codes(draft: Draft) -> None:
    """Write down the code book by which answers are coded."""
    codes = script()["codes"]
    english, chinese = zip(*codes.values(), strict=True)
    draft.table("codes", code=np.arange(len(codes)), english=english, chinese=chinese)


def add_interviews(draft: Draft) -> None:
    """Interview some of the living, and keep what each part of an answer is really about."""
    draws, everybody = draft.draws, np.arange(draft.customers)
    day = draft.world.days - 30 + np.floor(25 * draws.uniform("interviews.day", everybody))
    complained = np.isin(everybody, complainers(draft, day))
    sought = draws.uniform("interviews.sought", everybody) * draft.customers < _SOUGHT * (1 + complained)
    customer = np.flatnonzero(living(draft, day) & sought)
    shape = len(customer), len(script()["question"]), _MOVES, 2
    size = np.prod(shape[1:])
    luck = draws.uniform("interviews.say", customer.repeat(size), np.tile(np.arange(size), len(customer)))
    luck = luck.reshape(shape)
    sellers = draft.staff["marketing"]
    asks = sellers[(len(sellers) * draws.uniform("interviews.interviewer", customer)).astype(int)]
    past, told, parts, heard = Past(draft, customer), [], [], Counter[Any]()
    for who, one in enumerate(customer):
        tags, slots, language = past.of(who, day[one])
        for number, (*turn, about) in enumerate(_talk(tags, slots, language, luck[who], heard), 1):
            told.append((who, number, *turn))
            parts += [(one + 1, number, *part) for part in about]
    columns = np.array(told, dtype=object).reshape(-1, 5).T
    who, names = columns[0].astype(int), ["number", "topic", "question", "answer"]
    draft.table(
        "interviews", customer_id=customer[who] + 1, person_id=holders(draft, "buyer")[customer][who] + 1,
        employee_id=asks[who] + 1, asked_on=day[customer][who], **dict(zip(names, columns[1:], strict=True)),
        channel=draws.uniform("interviews.channel", customer)[who] < 0.4,
    )  # fmt: skip
    names = ["customer_id", "number", "part", "code", "tone"]
    columns = np.array(parts, dtype=int).reshape(-1, 5).T
    draft.secret("interviews", **dict(zip(names, columns, strict=True)))


def _talk(
    tags: set[str], slots: dict[str, str], language: str, chance: Array, heard: Counter[Any]
) -> list[tuple[Any, ...]]:
    """Return topic, question, answer and what its parts are about, for each question that fits the tags.

    People differ in how they put things: of the variants that fit, those heard least so far come first, and
    who would say what somebody has said word for word says a little more. So the wording, and nothing else,
    hangs on who was interviewed before.
    """
    turns, codes, tones = [], list(script()["codes"]), categories("interviews", "tone", "truth")
    for topic, (question, luck) in enumerate(zip(script()["question"], chance, strict=True)):
        if not question["tags"] <= tags:
            continue
        said, about = [], []
        for move in range(1, _MOVES):
            fitting = (one for one in question["say"] if one["move"] == move and _fits(one["tags"], tags))
            block: dict[str, Any] = next(fitting, {})
            if block.get(language) and luck[move, 0] < block.get("chance", 1):
                said.append(_one_of(block[language], luck[move, 1], heard).format(**slots))
                if "code" in block:
                    tone = tones.index(block.get("tone", "plain"))
                    about.append((len(said), codes.index(block["code"]), tone))
        between = "" if language == "zh" else " "
        told = re.sub(r"(^|[.!?] )([a-z])", lambda found: found[0].upper(), between.join(said))
        closers = lists(language)["closers"]
        closed = (told + between + _one_of(closers, luck[0, 1], heard) for _ in closers)
        answer = next((one for one in (told, *closed) if ("answer", one) not in heard), told)
        heard["answer", answer] += 1
        turns.append((topic, _one_of(question[language], luck[0, 0], heard), answer, about))
    return turns


def _fits(wanted: set[str], tags: set[str]) -> bool:
    return all((tag[1:] not in tags) if tag[0] == "!" else tag in tags for tag in wanted)


def _one_of(variants: list[str], luck: float, heard: Counter[Any]) -> str:
    least = min(heard[one] for one in variants)
    fresh = [one for one in variants if heard[one] == least]
    chosen = fresh[int(luck * len(fresh))]
    heard[chosen] += 1
    return chosen
