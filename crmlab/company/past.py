"""What has happened to a customer, as somebody would tell it: facts as tags, and words for when and what."""

from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from crmlab.company._draft import Draft
from crmlab.company._draws import Array
from crmlab.company._schema import START, categories, constants, days_since_start
from crmlab.company.customers import SEGMENTS
from crmlab.company.history import SPAN
from crmlab.company.hours import CHANNELS
from crmlab.company.people import holders
from crmlab.company.studies import FEATURES, worths

_THEMES = ["taste", "price", "packaging", "delivery", "staff"]
_DELIVERED, _SPOKEN = ("web", "phone", "fax", "mail"), ("visit", "phone")  # channels of an order
_OLD = 400  # days after which nobody speaks of a bad experience any more
_LAPSED = 250  # days after the last order in which one speaks of buying as of something past
_WARE, _GIFT = categories("products", "category").index("ware"), SEGMENTS.index.get_loc("gift")
# Occupations of those who do not work, by their words in words.toml.
_OCCUPIED = {"retired": "retired", "退休": "retired", "student": "student", "学生": "student"}
_OCCUPIED |= {"between jobs": "idle", "待业": "idle"}


@cache
def script() -> dict[str, Any]:
    """Return interviews.toml with the tags of each question and block as sets."""
    told = constants("interviews.toml")
    for question in told["question"]:
        for block in [question, *question["say"]]:
            block["tags"] = set(block.get("when", "").split())
    return dict(told)


@cache
def lists(language: str) -> dict[str, list[str]]:
    """Return the lists of words of a language in interviews.toml."""
    texts = script()["slots"]
    return {name[:-3]: words for name, words in texts.items() if name.endswith(f"_{language}")}


@cache
def rivals() -> list[list[str]]:
    """Return the English and the Chinese name of each competitor."""
    return [name.rsplit(" ", 1) for name in constants("partners.toml")["competitor"]["names"]]


def complainers(draft: Draft, day: Array) -> Array:
    """Return the customers who have complained before this day of theirs."""
    complaints = draft.tables["complaints"]
    who = complaints["customer_id"].to_numpy() - 1
    found: Array = who[days_since_start(complaints["opened_on"]) < day[who]]
    return found


class Past:
    """The past of some customers, each up to a day."""

    def __init__(self, draft: Draft, customers: Array):
        tables, n = draft.tables, len(FEATURES)
        self.draft, self.customers, self.owner = draft, customers, holders(draft, "buyer")
        self.author = tables["community_posts"]["customer_id"].to_numpy() - 1
        self.posted = days_since_start(tables["community_posts"]["posted_at"])
        self.sender = tables["returns"]["order_id"].to_numpy() // SPAN - 1
        self.returned = days_since_start(tables["returns"]["returned_on"])
        self.worth = worths(draft, customers)
        keys = customers.repeat(n), np.tile(np.arange(n), len(customers))
        luck = draft.draws.uniform("interviews.wants", *keys)
        self.wanted = (self.worth - np.log(-np.log(luck.reshape(-1, n)))).argmax(axis=1)
        self.rival = (len(rivals()) * draft.draws.uniform("interviews.rival", customers)).astype(int)
        self.channel = np.array(CHANNELS, object)[draft.orders["channel"]]
        self.line_order, self.product = draft.lines["order"], draft.lines["product"]
        self.category = tables["products"]["category"].cat.codes.to_numpy()
        self.complaint = np.searchsorted(draft.orders["id"], tables["complaints"]["order_id"].to_numpy())
        self.opened = days_since_start(tables["complaints"]["opened_on"])

    def of(self, place: int, today: float) -> tuple[set[str], dict[str, str], str]:
        """Return the tags of a customer, the words for what they speak of, and their language."""
        one, orders = int(self.customers[place]), self.draft.orders["customer"]
        language = categories("people", "language")[self.draft.people["language"][self.owner[one]]]
        own = np.arange(*np.searchsorted(orders, [one, one + 1]))
        own, words = own[self.draft.orders["time"][own] < today], Words(language, today)
        tags, slots = self._person(place, one, words)
        self._goods(own, words, tags, slots)
        self._last(one, own, words, tags, slots)
        self._trouble(one, own, words, tags, slots)
        self._returns(one, words, tags, slots)
        if tags & {"displeased", "unanswered"}:
            tags.discard("content")
        return tags, slots, language

    def _person(self, place: int, one: int, words: "Words") -> tuple[set[str], dict[str, str]]:
        """Tell who the customer is, what they want, whom they brought and what they wrote."""
        draft, worth = self.draft, self.worth[place]
        own = {name: values[one] for name, values in draft.traits.items()}
        work, firm = str(draft.tables["people"]["occupation"].iloc[self.owner[one]]), own["firm"]
        posts = draft.tables["community_posts"]["topic"][(self.author == one) & (self.posted < words.today)]
        joined = draft.traits["joined"]
        brought = joined[(draft.traits["referrer"] == one) & (joined < words.today)]
        share, satisfaction = own["share_of_wallet"], own["satisfaction"]
        holds = {
            categories("customers", "source")[own["source"]]: True, "firm": firm,
            categories("customers", "segment", "truth")[own["segment"]]: True,
            f"wants_{FEATURES.index[self.wanted[place]]}": True, "content": satisfaction > 0.4,
            f"hates_{FEATURES.index[worth.argmin()]}": worth.min() < -0.5, "cool": satisfaction < -0.4,
            "thrifty": own["price_sensitivity"] > 0.7, "split": share < 0.45, "faithful": share > 0.75,
            "newcomer": words.today - own["joined"] < 150, "referrer": len(brought) > 0,
            "poster": len(posts) > 0, "posts": len(posts) > 1, _OCCUPIED.get(work, "working"): not firm,
        }  # fmt: skip
        slots = {
            "region": words("regions", own["region"]), "posts": words.number(len(posts)),
            "rival": rivals()[self.rival[place]][0 if words.english else 1],
            "work": f"{'an' if work[0] in 'aeio' else 'a'} {work}" if words.english else work,
            "since": words.lasting(own["joined"]), "brought": words.number(len(brought)),
            "ago": words("ago", 0).format(words.lasting(own["joined"])),
            "brought_when": words.when(brought.max(initial=0)),
            "post_topic": words("shelves", posts.cat.codes.iloc[-1]) if len(posts) else "",
        }  # fmt: skip
        if own["lead"] >= 0:
            holds[categories("leads", "source")[draft.leads["source"][own["lead"]]]] = True
        if firm:
            industries = draft.tables["accounts"]["industry"].cat
            code = industries.codes.iloc[int(draft.traits["firm"][:one].sum())]
            holds[industries.categories[code]], slots["industry"] = True, words("industries", code)
        return {tag for tag, true in holds.items() if true}, slots

    def _goods(self, own: Array, words: "Words", tags: set[str], slots: dict[str, str]) -> None:
        """Tell what the customer has bought: the two most frequent teas, and the ware."""
        lines = pd.Series(self.product[slice(*np.searchsorted(self.line_order, [own[0], own[-1] + 1]))])
        bought = lines.value_counts(sort=False).sort_values(ascending=False, kind="stable").index
        teas, wares = (
            [one for one in bought if (self.category[one] == _WARE) == ware] for ware in (False, True)
        )
        holds = {"no_tea": not teas, "second": len(teas) > 1, "wares": wares}
        tags |= {tag for tag, true in holds.items() if true}
        slots |= {"tea": self._list((teas or wares)[:1], words), "second": self._list(teas[1:2], words)}
        slots |= {"wares": self._list(wares[:1], words)}
        slots["shelf"] = words("shelves", self.category[(teas or wares)[0]])

    def _last(self, one: int, own: Array, words: "Words", tags: set[str], slots: dict[str, str]) -> None:
        """Tell of the last order."""
        orders, last = self.draft.orders, int(own[-1])
        quiet, felt = words.today - orders["time"][last], orders["first_experience"][last]
        tags |= {f"at_{self.channel[last]}", "one_order" if len(own) == 1 else "orders"}
        tags |= {"lapsed"} if quiet > _LAPSED else set()
        tags |= {"coupon"} if (orders["campaign"][own] >= 0).any() else set()
        slots |= {"when": words.when(orders["time"][last]), "orders": words.number(len(own))}
        slots["goods"] = self._list(self._products(last), words)
        if self._underway(last, words):
            tags.add("underway")
        elif last in self.complaint:
            tags |= {"last_complained"} if last in self.complaint[self.opened < words.today] else set()
        elif orders["fault"][last] == 1:
            tags.add("last_leak")
        elif felt < self.draft.world.bad_experience or felt > 0.6:
            mood = "good" if felt > 0.6 else "bad"
            tags |= {f"last_{mood}", f"{mood}_{self._theme(one, last)}"}

    def _trouble(self, one: int, own: Array, words: "Words", tags: set[str], slots: dict[str, str]) -> None:
        """Tell of the order that went wrong: the last one complained about, or else borne in silence."""
        orders = self.draft.orders
        complained = np.flatnonzero(np.isin(self.complaint, own) & (self.opened < words.today))
        recent = (orders["time"][own] > words.today - _OLD) | (own == own[-1])
        bad = own[(orders["first_experience"][own] < self.draft.world.bad_experience) & recent]
        bad = [one for one in bad if one not in self.complaint and not self._underway(one, words)]
        if not len(complained) and not bad:
            return
        order = int(self.complaint[complained[-1]] if len(complained) else bad[-1])
        products, faulty = self._products(order), orders["fault"][order] == 1
        tags |= {f"trouble_at_{self.channel[order]}"} | ({"leak"} if faulty else set())
        tags |= {"trouble_ware"} if not self._has_tea(order) else set()
        slots |= {
            "trouble_when": words.when(orders["time"][order]),
            "complaints": words.number(len(complained)),
        }
        slots |= {
            "trouble_tea": self._list(products[:1], words),
            "trouble_goods": self._list(products, words),
        }
        if not len(complained):
            tags |= {"silent"} | ({"last_silent"} if order == own[-1] else set())
            tags |= set() if faulty else {f"bad_{self._theme(one, order)}"}
            return
        row = self.draft.tables["complaints"].iloc[complained[-1]]
        answered, resolved = days_since_start(row[["first_response_on", "resolved_on"]].astype("M8[s]"))
        tags |= {"complained", f"cause_{self.draft.truth['complaints']['cause'].iloc[complained[-1]]}"}
        tags |= {"several"} if len(complained) > 1 else set()
        if not answered < words.today:
            tags.add("unanswered")
            return
        waited = int(answered - self.opened[complained[-1]])
        slots |= {
            "soon": words("soon", waited),
            "waited": words("waited", waited).format(words.number(waited)),
        }
        tags |= {"at_once"} if waited <= 2 else {"slow"} if waited >= 7 else set()
        if not resolved < words.today:
            tags.add("unresolved")
        elif not 4 < row["satisfied_after"] < 8:
            tags.add("pleased" if row["satisfied_after"] >= 8 else "displeased")

    def _returns(self, one: int, words: "Words", tags: set[str], slots: dict[str, str]) -> None:
        rows = slice(*np.searchsorted(self.sender, [one, one + 1]))
        own = self.draft.tables["returns"][rows][self.returned[rows] < words.today]
        for order, line, reason in own[["order_id", "line", "reason"]].itertuples(index=False):
            tags.add(f"returned_{reason.removesuffix('_article')}")
            place = np.searchsorted(self.line_order, np.searchsorted(self.draft.orders["id"], order))
            if reason == "disliked":
                slots["returned"] = self._list([self.product[place + line - 1]], words)

    def _underway(self, order: int, words: "Words") -> bool:
        recent: bool = words.today - self.draft.orders["time"][order] < 3
        return recent and self.channel[order] in _DELIVERED

    def _theme(self, one: int, order: int) -> str:
        """Return what made the experience of an order: something that this order can have had."""
        channel, key = self.channel[order], self.draft.orders["id"][order : order + 1]
        drinks = self._has_tea(order) and self.draft.traits["segment"][one] != _GIFT
        fits = {"taste": drinks, "delivery": channel in _DELIVERED, "staff": channel in _SPOKEN}
        themes = [theme for theme in _THEMES if fits.get(theme, True)]
        return themes[int(len(themes) * self.draft.draws.uniform("interviews.theme", key)[0])]

    def _has_tea(self, order: int) -> bool:
        return any(self.category[one] != _WARE for one in self._products(order))

    def _products(self, order: int) -> list[int]:
        start, end = np.searchsorted(self.line_order, [order, order + 1])
        return list(dict.fromkeys(self.product[start:end].tolist()))

    def _list(self, products: list[int], words: "Words") -> str:
        """Return the names of up to three products as in a sentence."""
        comma, last, the = words.lists["joints"]
        names = self.draft.tables["products"]["name" if words.english else "chinese_name"]
        told = [(the if self.category[one] == _WARE else "") + names.iloc[one] for one in products[:3]]
        return last.join([comma.join(told[:-1]), told[-1]]) if len(told) > 1 else "".join(told)


class Words:
    """How people who speak this language tell on a day of numbers and times; called, it returns a word."""

    def __init__(self, language: str, today: float):
        self.english, self.today, self.lists = language == "en", today, lists(language)

    def __call__(self, what: str, code: float) -> str:
        """Return the word for a code of a list in interviews.toml, the last for all that follow."""
        return self.lists[what][min(int(code), len(self.lists[what]) - 1)]

    def number(self, count: int) -> str:
        """Return a number in words, about right from eleven on."""
        return self("numbers", count if count < 11 else 11 if count < 16 else 11 + (count - 5) // 10)

    def lasting(self, day: float) -> str:
        """Return how long ago a day is, about right."""
        months = round((self.today - day) / 30.4)
        return self("spans", months).format(self.number(round(months / 12)))

    def when(self, day: float) -> str:
        """Return when a day of the past was."""
        back = self.today - day
        if back < 45:
            return self("lately", int(back >= 6) + int(back >= 13))
        then, now = (pd.Timestamp(START) + pd.Timedelta(days=int(one)) for one in (day, self.today))
        years = now.year - then.year
        return self("when", years).format(self("months", then.month - 1) if years < 3 else self.number(years))
