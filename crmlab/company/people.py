"""The staff, and the people behind the customers: names, homes, firms and roles in buying."""

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from crmlab.company._draft import Draft
from crmlab.company._draws import Array, Draws, choose
from crmlab.company._schema import categories, constants

ROLES = ["initiator", "influencer", "decider", "buyer", "user"]
# Titles at firms: how well each fits a role in buying, and whether it is met in an industry.
_TITLES = constants("titles.csv")
_WEIGHTIEST = ["decider", "buyer", "influencer", "initiator", "user"]
_APART = 0.618  # of a title's luck between colleagues, so that they seldom share one
_CHINESE = 0.45  # share of people who write in Chinese
_ONE_MAIL, _INFO = 0.5, 1 / 3  # shares of households of two with one mail address, and of firms with info@
_GIVEN, _FAMILY = "female male female_chinese male_chinese", "family_english family_chinese"
_STAFF = [0.35, 0.3, 0.1, 0.25]  # shares of the departments, and of what the bonus there depends on
_BONUS = [[0.2, 0.5, 0.3], [0.4, 0.1, 0.5], [1, 0, 0], [1, 0, 0]]


@cache
def words() -> dict[str, Any]:
    """Return words.toml, each list of words as a list of entries cut into parts."""
    told = constants("words.toml")
    return told | {name: [one.split("/") for one in text.split()] for name, text in told["words"].items()}


def pick(lists: str, part: int, code: Array) -> pa.Array:
    """Return for each row a part of the entry with its code, counted through these lists."""
    entries = [entry[part].replace("_", " ") for name in lists.split() for entry in words()[name]]
    return pa.array(entries).take(pa.array(code))


def draw(lists: str, which: Array | int, luck: Array) -> Array:
    """Return for each row the code of an entry of one of these lists."""
    size = np.array([len(words()[name]) for name in lists.split()])
    return ((np.cumsum(size) - size)[which] + size[which] * luck).astype(int)


def join(*parts: Any) -> pa.Array:
    """Return the parts of each row as one text."""
    return pc.binary_join_element_wise(*parts, "")


def names(language: Array, given: Array, family: Array, short: bool = False) -> pa.Array:
    """Return names as their bearers write them, or as friends call them."""
    surname = pick(_FAMILY, 0, family)
    chinese = join("小", surname) if short else join(surname, pick(_GIVEN, 0, given))
    english = join(pick(_GIVEN, 0 if short else -1, given), " ", pick(_FAMILY, -1, family))
    return pc.if_else(language == 1, chinese, english)


def addresses(
    draws: Draws, purpose: str, language: Array, region: Array, home: Array, firm: Array
) -> pa.Array:
    """Return the address of each home or firm in the language of who lives there; no firm is in a flat."""
    luck = [draws.uniform(f"{purpose}.{part}", home) for part in ("street", "number", "flat")]
    number, flat = (pc.cast(n.astype(int), "string") for n in (1 + 300 * luck[1] ** 1.5, 100 * luck[2] - 39))
    codes, house = {"streets": draw("streets", 0, luck[0]), "regions": region}, firm | (luck[2] < 0.4)
    (street, town), (road, city) = ([pick(name, part, codes[name]) for name in codes] for part in (0, 1))
    english = join(pc.if_else(house, "", join("Flat ", flat, ", ")), number, " ", street, ", ", town)
    chinese = join(city, road, number, "号", pc.if_else(house, "", join(flat, "室")))
    return pc.if_else(language == 1, chinese, english)


def add_employees(draft: Draft) -> None:
    """Draw the staff; each department, and in service both experienced and new ones, are sure to be there."""
    n, luck = max(8, round(draft.customers / 600)), draft.draws.stream("employees")
    place = (luck.permutation(n) + 0.5) / n
    department = choose(place, _STAFF)
    rank = (place - np.cumsum([0, *_STAFF])[department]) / np.array(_STAFF)[department]
    for code, name in enumerate(categories("employees", "department")):
        draft.staff[name] = np.flatnonzero(department == code)
    years = np.where(rank < 0.6, 8 * rank, 15 * rank - 4).round(1)
    language, male = (luck.random((2, n)) < [[_CHINESE], [0.5]]).astype(int)
    given, family = draw(_GIVEN, 2 * language + male, luck.random(n)), draw(_FAMILY, language, luck.random(n))
    draft.table(
        "employees", employee_id=np.arange(n) + 1, name=names(language, given, family), department=department,
        experience_years=years, incentive=choose(luck.random(n), _BONUS, department),
    )  # fmt: skip


def add_people(draft: Draft) -> None:
    """Draw who the customers are: one person each, or the two to six of a firm who have a say in buying.

    At a firm one person initiates, one decides and one buys, while several may influence and use; one may do
    more than one of these. A customer who is a person does it all.
    """
    traits, luck = draft.traits, draft.draws.stream("people")
    persons = np.where(traits["firm"], np.minimum(luck.integers(2, 7, draft.customers), traits["staff"]), 1)
    first = np.cumsum(persons) - persons
    size = np.bincount(traits["household"])[traits["household"]]
    head = np.searchsorted(traits["household"], traits["household"])  # the first customer who lives there
    customer = np.repeat(np.arange(draft.customers), persons)
    firm, region, home = traits["firm"][customer], traits["region"][customer], first[head][customer]
    n, own = len(customer), np.arange(len(customer))
    shared = np.where(firm, own, home)  # a household has a language and a telephone, mostly a name too

    roles = ~firm[:, None] | (luck.random((n, 5)) < [0, 0.3, 0, 0, 0.5])
    roles[first[:, None] + (luck.random((len(first), 5)) * persons[:, None]).astype(int), range(5)] = True
    roles[:, 4] |= ~roles.any(axis=1)
    held = dict(zip(ROLES, roles.T, strict=True))

    lot, at_work = luck.random((2, n))
    language = (lot < _CHINESE)[shared].astype(int)
    male = np.where(firm, luck.random(n) < 0.5, traits["male"][customer]).astype(int)
    at_work = np.where(held["decider"], 30 + 38 * at_work, 19 + 46 * at_work)
    age = np.where(firm, at_work, traits["age"][customer])
    kin = np.where(luck.random(n) < 0.85, shared, own)
    given = draw(_GIVEN, 2 * language + male, luck.random(n))
    family = draw(_FAMILY, language, luck.random(n)[kin] ** 1.5)  # the first are the most frequent
    other = np.where(luck.random(n) < 0.03, (luck.random(n) * own).astype(int), own)
    namesake = np.all([one == one[other] for one in (region, language, male)], axis=0)
    given, family = (np.where(namesake, code[other], code) for code in (given, family))
    latin = names(0 * language, given, family)
    lot = (luck.random(len(first))[customer] + _APART * (own - first[customer])) % 1
    work = np.where(firm, _title(traits["industry"][customer], held, lot), traits["occupation"][customer])
    draft.people = held | {"customer": customer, "home": home, "birth": -365.25 * age, "language": language}
    draft.people |= {"given": given, "family": family}
    traits |= {"persons": persons, "first_person": first}  # who is met first at a firm stands for it
    traits |= {"age": age[first], "male": male[first] > 0, "occupation": work[first]}

    number = 10**8 + luck.permutation(n) * (10**8 // n) + luck.integers(10**8 // n, size=n)  # all different
    domain = pick("providers", 0, draw("providers", 0, luck.random(n)))
    domain = pc.if_else(firm, _add_accounts(draft).take(customer), domain)
    mail = join(_numbered(pc.replace_substring(pc.utf8_lower(latin), " ", ".")), "@", domain, ".example")
    lot = luck.random(len(first))[head]
    one_mail = (lot < _ONE_MAIL) & (size == 2)
    mail = mail.take(pa.array(np.where(one_mail[customer], home, own)))
    mail = pc.if_else(firm & (lot < _INFO)[customer], join("info@", domain, ".example"), mail)
    draft.table(
        "people", person_id=own + 1, customer_id=customer + 1, name=names(language, given, family),
        latin_name=latin, language=language, gender=male, birth_date=-365.25 * age, region=region,
        occupation=pc.if_else(language == 1, _occupation(1, work), _occupation(0, work)),
        address=addresses(draft.draws, "people.address", language, region, home, firm), mail=mail,
        telephone=pc.replace_substring_regex(pc.cast(number[shared], "string"), "^1(....)", r"+999 \1 "),
    )  # fmt: skip
    draft.secret("people", person_id=own + 1, **{role: draft.people[role] for role in ROLES})


def holders(draft: Draft, role: str) -> Array:
    """Return the first person of each customer who holds this role in buying."""
    people = np.flatnonzero(draft.people[role])
    return people[np.searchsorted(draft.people["customer"][people], np.arange(draft.customers))]


def _add_accounts(draft: Draft) -> pa.Array:
    """Draw the firms; return for each customer the mail domain that a firm would have, no two the same."""
    traits, luck, n = draft.traits, draft.draws.stream("accounts"), draft.customers
    firms = np.flatnonzero(traits["firm"])
    codes = {name: draw(name, 0, luck.random(n)) for name in ("firm_first", "firm_second")}
    codes["firm_kinds"] = traits["industry"].clip(0)
    english, chinese = ([pick(name, part, code) for name, code in codes.items()] for part in (0, 1))
    draft.table(
        "accounts", account_id=np.arange(len(firms)) + 1, industry=traits["industry"][firms],
        name=pc.binary_join_element_wise(*english, join(*chinese), " ").take(firms),
        staff=traits["staff"][firms],
    )  # fmt: skip
    domain = _numbered(pc.utf8_lower(join(*english[:2])).take(firms))
    return domain.take(pa.array(np.cumsum(traits["firm"]) - 1, mask=~traits["firm"]))


def _numbered(text: pa.Array) -> pa.Array:
    """Return these texts, each with its number from the second of a kind on, so that no two are the same."""
    code = pd.Series(text.dictionary_encode().indices.to_numpy())
    earlier = code.groupby(code).cumcount().to_numpy()
    return join(text, pc.if_else(earlier == 0, "", pc.cast(earlier + 1, "string")))


def _title(industry: Array, held: dict[str, Array], luck: Array) -> Array:
    """Return for each person the code of a title that fits the industry and the weightiest role held."""
    weightiest = np.select([held[role] for role in _WEIGHTIEST], np.arange(len(_WEIGHTIEST)))
    met, fits = (_TITLES[names].to_numpy().T for names in (categories("accounts", "industry"), _WEIGHTIEST))
    row = industry.clip(0) * len(_WEIGHTIEST) + weightiest
    return len(words()["occupations"]) + choose(luck, (met[:, None] * fits).reshape(-1, len(_TITLES)), row)


def _occupation(part: int, code: Array) -> pa.Array:
    """Return occupations, or titles at firms, by their codes."""
    told = [one[part].replace("_", " ") for one in words()["occupations"]] + _TITLES.iloc[:, part].tolist()
    return pa.array(told).take(pa.array(code))
