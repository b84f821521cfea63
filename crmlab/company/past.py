"""What has happened to a customer, as somebody would tell it: facts as tags, and words for when and what."""

from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from crmlab.company._draft import Draft
from crmlab.company._draws import Array
from crmlab.company._schema import START, categories, constants
from crmlab.company.people import holders
from crmlab.company.studies import FEATURES, worths

_THEMES = ["taste", "price", "packaging", "delivery", "staff"]
_DELIVERED, _SPOKEN = ("web", "phone", "fax", "mail"), ("visit", "phone")  # channels of an order
_OLD = 400  # days after which nobody speaks of a bad experience any more
_LAPSED = 250  # days after the last order in which one speaks of buying as of something past
_WARE = categories("products", "category").index("ware")


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
    found: Array = who[_days(complaints["opened_on"]) < day[who]]
    return found


class Past:
    """The past of some customers, each up to a day."""

    def __init__(self, draft: Draft, customers: Array):
        tables, n = draft.tables, len(FEATURES)
        self.draft, self.customers, self.owner = draft, customers, holders(draft, "buyer")
        self.author = tables["community_posts"]["customer_id"].to_numpy() - 1
        self.posted = _days(tables["community_posts"]["posted_at"])
        self.sender = tables["returns"]["order_id"].to_numpy() // 10_000 - 1
        self.returned = _days(tables["returns"]["returned_on"])
        self.worth = worths(draft, customers)
        luck = draft.draws.uniform(
            "interviews.wants", customers.repeat(n), np.tile(np.arange(n), len(customers))
        )
        self.wanted = (self.worth - np.log(-np.log(luck.reshape(-1, n)))).argmax(axis=1)
        self.rival = (len(rivals()) * draft.draws.uniform("interviews.rival", customers)).astype(int)
        self.channel = tables["orders"]["channel"].astype("str").to_numpy()
        self.line_order = np.searchsorted(draft.orders["id"], tables["order_lines"]["order_id"].to_numpy())
        self.product = tables["order_lines"]["product_id"].to_numpy() - 1
        self.category = tables["products"]["category"].cat.codes.to_numpy()
        self.complaint = np.searchsorted(draft.orders["id"], tables["complaints"]["order_id"].to_numpy())
        self.opened = _days(tables["complaints"]["opened_on"])

    def of(self, place: int, today: float) -> tuple[set[str], dict[str, str], str]:
        """Return the tags of a customer, the words for what they speak of, and their language."""
        one = int(self.customers[place])
        person = self.owner[one]
        language = categories("people", "language")[self.draft.people["language"][person]]
        orders = np.arange(*np.searchsorted(self.draft.orders["customer"], [one, one + 1]))
        orders = orders[self.draft.orders["time"][orders] < today]
        words = Words(language, today)
        tags, slots = self._person(place, one, person, today, words)
        for more in (self._goods(orders, words), self._orders(one, orders, today, words)):
            tags |= more[0]
            slots |= more[1]
        if tags & {"displeased", "unanswered"}:
            tags.discard("content")
        return tags, slots, language

    def _person(
        self, place: int, one: int, person: int, today: float, words: "Words"
    ) -> tuple[set[str], dict[str, str]]:
        draft, traits, worth = self.draft, self.draft.traits, self.worth[place]
        source = categories("customers", "source")[traits["source"][one]]
        if source == "lead":
            source = draft.tables["leads"]["source"].iloc[traits["lead"][one]]
        satisfaction, share = traits["satisfaction"][one], traits["share_of_wallet"][one]
        work = str(draft.tables["people"]["occupation"].iloc[person])
        idle = {"retired": "retired", "退休": "retired", "student": "student", "学生": "student"}
        jobless = work in ("between jobs", "待业")
        posts = draft.tables["community_posts"][(self.author == one) & (self.posted < today)]
        brought = traits["joined"][(traits["referrer"] == one) & (traits["joined"] < today)]
        holds = {
            source: True,
            f"wants_{FEATURES.index[self.wanted[place]]}": True,
            f"hates_{FEATURES.index[worth.argmin()]}": worth.min() < -0.5,
            categories("customers", "segment", "truth")[traits["segment"][one]]: True,
            "content": satisfaction > 0.4,
            "cool": satisfaction < -0.4,
            "thrifty": traits["price_sensitivity"][one] > 0.7,
            "split": share < 0.45,
            "faithful": share > 0.75,
            "newcomer": today - traits["joined"][one] < 150,
            "referrer": len(brought) > 0,
            "poster": len(posts) > 0,
            "posts": len(posts) > 1,
            "firm": traits["firm"][one],
            idle.get(work, "working"): not (traits["firm"][one] or jobless),
        }
        slots = {
            "region": words.named("regions", traits["region"][one]),
            "rival": rivals()[self.rival[place]][0 if words.english else 1],
            "work": words.a(work),
            "ago": words.ago(traits["joined"][one]),
            "brought": words.number(len(brought)),
            "brought_when": words.when(brought.max(initial=0)),
            "posts": words.number(len(posts)),
            "post_topic": words.named("shelves", posts["topic"].cat.codes.iloc[-1]) if len(posts) else "",
            "since": words.lasting(today - traits["joined"][one]),
        }
        if traits["firm"][one]:
            firms = draft.tables["accounts"]["industry"]
            code = firms.cat.codes.iloc[int(traits["firm"][:one].sum())]
            holds[firms.cat.categories[code]] = True
            slots["industry"] = words.named("industries", code)
        return {tag for tag, true in holds.items() if true}, slots

    def _goods(self, orders: Array, words: "Words") -> tuple[set[str], dict[str, str]]:
        """Tell what the customer has bought: the first two teas, and the ware."""
        lines = self.product[np.isin(self.line_order, orders)]
        bought = pd.Series(lines).value_counts(sort=False).sort_values(ascending=False, kind="stable").index
        teas = [one for one in bought if self.category[one] != _WARE]
        wares = [one for one in bought if self.category[one] == _WARE]
        tags = {
            name for name, true in [("no_tea", not teas), ("second", len(teas) > 1), ("wares", wares)] if true
        }
        told = {"tea": teas[:1] or wares[:1], "second": teas[1:2]}
        slots = {name: words.product(self.draft, code[0]) for name, code in told.items() if code}
        slots["wares"] = self._list(wares[:1], words)
        return tags, slots | {"shelf": words.named("shelves", self.category[(teas or wares)[0]])}

    def _orders(
        self, one: int, orders: Array, today: float, words: "Words"
    ) -> tuple[set[str], dict[str, str]]:
        """Tell of the last order, and of the one that went wrong: complained about, or borne in silence."""
        draft, felt, time = self.draft, self.draft.orders["first_experience"], self.draft.orders["time"]
        last, faulty = orders[-1], draft.orders["faulty"]
        complained = np.flatnonzero(np.isin(self.complaint, orders) & (self.opened < today))
        tags = {f"at_{self.channel[last]}", "one_order" if len(orders) == 1 else "orders"}
        tags |= {"lapsed"} if today - time[last] > _LAPSED else set()
        underway = today - time[last] < 3 and self.channel[last] in _DELIVERED
        recent = (time[orders] > today - _OLD) | (orders == last)
        bad = orders[(felt[orders] < draft.world.bad_experience) & recent]
        bad = bad[~np.isin(bad, self.complaint) & ~(underway & (bad == last))]
        tags |= {"coupon"} if (draft.orders["campaign"][orders] >= 0).any() else set()
        slots = {
            "when": words.when(time[last]),
            "goods": self._list(self._products(last), words),
            "orders": words.number(len(orders)),
            "complaints": words.number(len(complained)),
        }
        if underway:
            tags.add("underway")
        elif last in self.complaint[complained]:
            tags.add("last_complained")
        elif faulty[last]:
            tags.add("last_leak")
        elif felt[last] < draft.world.bad_experience and last not in self.complaint:
            tags |= {"last_bad", f"bad_{self._theme(one, last)}"}
        elif felt[last] > 0.6:
            tags |= {"last_good", f"good_{self._theme(one, last)}"}
        if len(troubles := self.complaint[complained[-1:]] if len(complained) else bad[-1:]):
            trouble = int(troubles[0])
            tags |= {"leak"} if faulty[trouble] else set()
            tags |= {"trouble_ware"} if not self._has_tea(trouble) else set()
            tags.add(f"trouble_at_{self.channel[trouble]}")
            slots["trouble_when"] = words.when(time[trouble])
            slots["trouble_tea"] = words.product(draft, self._products(trouble)[0])
            slots["trouble_goods"] = self._list(self._products(trouble), words)
        if len(complained):
            more = self._complaint(complained[-1], today, words)
            tags |= {"complained", *more[0]} | ({"several"} if len(complained) > 1 else set())
            slots |= more[1]
        elif len(bad):
            tags |= {"silent"} | ({"last_silent"} if bad[-1] == last else set())
            tags |= set() if faulty[bad[-1]] else {f"bad_{self._theme(one, int(bad[-1]))}"}
        more = self._returns(one, today, words)
        return tags | more[0], slots | more[1]

    def _complaint(self, place: int, today: float, words: "Words") -> tuple[set[str], dict[str, str]]:
        row = self.draft.tables["complaints"].iloc[place]
        answered, resolved = _days(row[["first_response_on", "resolved_on"]].astype("M8[s]"))
        tags = {f"cause_{self.draft.truth['complaints']['cause'].iloc[place]}"}
        if not answered < today:
            return tags | {"unanswered"}, {}
        waited = int(answered - self.opened[place])
        tags.add("at_once" if waited <= 2 else "slow" if waited >= 7 else "in_time")
        if not resolved < today:
            tags.add("unresolved")
        elif row["satisfied_after"] >= 8 or row["satisfied_after"] <= 4:
            tags.add("pleased" if row["satisfied_after"] >= 8 else "displeased")
        return tags, {"soon": words.soon(waited), "waited": words.waited(waited)}

    def _returns(self, one: int, today: float, words: "Words") -> tuple[set[str], dict[str, str]]:
        own = self.draft.tables["returns"][(self.sender == one) & (self.returned < today)]
        tags = {f"returned_{reason.removesuffix('_article')}" for reason in own["reason"].astype("str")}
        disliked = own[own["reason"] == "disliked"]
        if disliked.empty:
            return tags, {}
        order, line = disliked.iloc[-1][["order_id", "line"]]
        place = np.searchsorted(self.draft.orders["id"], order)
        product = self.product[np.searchsorted(self.line_order, place) + line - 1]
        return tags, {"returned": self._list([product], words)}

    def _theme(self, one: int, order: int) -> str:
        """Return what made the experience of an order: something that this order can have had."""
        channel, key = self.channel[order], self.draft.orders["id"][order]
        drinks = self._has_tea(order) and not self._is_gift(one)
        fits = {"taste": drinks, "delivery": channel in _DELIVERED, "staff": channel in _SPOKEN}
        themes = [theme for theme in _THEMES if fits.get(theme, True)]
        return themes[int(len(themes) * self.draft.draws.uniform("interviews.theme", np.array([key]))[0])]

    def _is_gift(self, one: int) -> bool:
        code: int = self.draft.traits["segment"][one]
        return categories("customers", "segment", "truth")[code] == "gift"

    def _has_tea(self, order: int) -> bool:
        return any(self.category[one] != _WARE for one in self._products(order))

    def _products(self, order: int) -> list[int]:
        start, end = np.searchsorted(self.line_order, [order, order + 1])
        return list(dict.fromkeys(self.product[start:end].tolist()))

    def _list(self, products: list[int], words: "Words") -> str:
        names = [words.product(self.draft, one) for one in products[:3]]
        if words.english:
            names = [
                name if self.category[one] != _WARE else f"the {name}"
                for one, name in zip(products, names, strict=False)
            ]
        return words.listed(names)


class Words:
    """How people who speak this language tell on a day of numbers, spans of time and lists."""

    def __init__(self, language: str, today: float):
        self.english, self.today = language == "en", today
        self.lists = lists(language)

    def named(self, what: str, code: Any) -> str:
        """Return the word for a code of a list in interviews.toml."""
        return self.lists[what][int(code)]

    def number(self, count: int) -> str:
        """Return a number in words, about right from eleven on."""
        if count > 10:
            count = 11 if count < 16 else min(11 + (count + 5) // 10 - 1, len(self.lists["numbers"]) - 1)
        return self.named("numbers", count)

    def product(self, draft: Draft, code: int) -> str:
        """Return the name of a product."""
        return str(draft.tables["products"]["name" if self.english else "chinese_name"].iloc[code])

    def a(self, noun: str) -> str:
        """Return a noun with its article."""
        if not self.english:
            return noun
        return f"{'an' if noun[0] in 'aeio' else 'a'} {noun}"

    def listed(self, names: list[str]) -> str:
        """Return names as a list in a sentence."""
        comma, last = (", ", " and ") if self.english else ("、", "和")
        return last.join([comma.join(names[:-1]), names[-1]] if len(names) > 1 else names)

    def lasting(self, days: float) -> str:
        """Return a span of time, about right."""
        months = round(days / 30.4)
        if months < 2:
            return "a few weeks" if self.english else "几个星期"
        if months < 11:
            return f"{self.number(months)} months" if self.english else f"{self.number(months)}个月"
        if months < 16:
            return "a year" if self.english else "一年"
        if months < 21:
            return "a year and a half" if self.english else "一年半"
        years = self.number(round(months / 12))
        return f"{years} years" if self.english else f"{years}年"

    def ago(self, day: float) -> str:
        """Return how long ago a day is."""
        return (
            f"{self.lasting(self.today - day)} ago" if self.english else f"{self.lasting(self.today - day)}前"
        )

    def waited(self, days: int) -> str:
        """Return how many days somebody waited."""
        if days % 7 == 0 and days:
            weeks = {1: "a week", 2: "two weeks"}.get(days // 7, f"{self.number(days // 7)} weeks")
            return weeks if self.english else f"{self.number(days // 7)}个星期"
        return f"{self.number(days)} days" if self.english else f"{self.number(days)}天"

    def soon(self, days: int) -> str:
        """Return how soon something happened that happened within two days."""
        english, chinese = ["the same day", "the next day", "two days later"], ["当天", "第二天", "两天后"]
        return (english if self.english else chinese)[min(days, 2)]

    def when(self, day: float) -> str:
        """Return when a day of the past was."""
        days = self.today - day
        then, now = (pd.Timestamp(START) + pd.Timedelta(days=int(one)) for one in (day, self.today))
        if days < 45:
            spans = [
                (6, "the other day", "前几天"),
                (13, "last week", "上个星期"),
                (45, "a few weeks ago", "几个星期前"),
            ]
            return next(
                (english if self.english else chinese) for end, english, chinese in spans if days < end
            )
        month, years = self.named("months", then.month - 1), now.year - then.year
        if self.english:
            return (
                f"in {month}" + ["", " last year", " two years ago"][min(years, 2)]
                if years < 3
                else f"{years} years ago"
            )
        return ["今年", "去年", "前年"][years] + month if years < 3 else f"{self.number(years)}年前"


def _days(dates: Any) -> Array:
    """Return dates as days since the log began."""
    days: Array = (np.asarray(dates, "M8[s]") - START) / np.timedelta64(1, "D")
    return days
