"""What becomes of knowledge: who agreed to be written to, who asks what we hold, what we decide with it."""

import numpy as np
from scipy.special import expit, logit

from crmlab.company._draft import Draft
from crmlab.company._draws import Array, choose
from crmlab.company._schema import categories, constants, days_since_start
from crmlab.company.messages import interactions
from crmlab.company.service import contact_way

_ASKED_AGAIN = 60  # mean days until those are asked who were not at the first order
_TIRED = 2500  # mean days until an average customer withdraws a consent
_OFFERS, _DEALS, _CONTACTED = 0.8, 1.4, 3.0  # log-odds of offers: for all, by deal-proneness, if put off
_EVERY = 12  # days from one recorded decision to the next, on average
_USED = 0.55  # share of the tables bearing on a decision that are used for it
_ALONE, _HELPS = -0.6, 1.6  # log-odds that a decision works without knowledge, and what all of it adds


def add_consents(draft: Draft) -> None:
    """Add requests, and consents for each channel and purpose; they end when erasure is asked for.

    The deal-prone agree to offers, those put off by being contacted seldom do. Those who got news had agreed
    to it, with few exceptions. Whoever sends coupons and questionnaires does not look.
    """
    forgotten = _add_requests(draft)
    uniform, traits, told = draft.draws.uniform, draft.traits, constants("knowledge.toml")["consents"]
    channels, purposes = (categories("consents", name) for name in ("channel", "purpose"))
    shape = draft.customers, len(channels), len(purposes)
    key = customer, channel, purpose = tuple(axis.ravel() for axis in np.indices(shape))
    agrees = np.array([told["person"], told["firm"]])[traits["firm"][customer] * 1, channel]
    ways = [categories("customers", "preferred_contact").index(one) for one in channels]
    agrees[np.array(ways)[channel] == contact_way(draft)[customer]] = told["preferred"]
    agrees *= np.array(told["purposes"])[purpose]
    keen = _OFFERS + _DEALS * traits["deal_prone"] - _CONTACTED * traits["put_off"]
    offers = expit(logit(agrees.clip(1e-9, 1 - 1e-9)) + keen[customer])
    agrees = np.where(purpose == purposes.index("offers"), offers, agrees)
    of_news = purpose == purposes.index("news")
    place = customer * len(channels) + channel
    first, last = (np.where(of_news, day[place], np.nan) for day in _news(draft, channels))
    agrees[first >= 0] = told["heeded"]

    wait = -_ASKED_AGAIN * np.log(uniform("consents.wait", customer, channel))
    wait[uniform("consents.asked", customer, channel) < 0.7] = 0
    given = np.fmin(traits["joined"][customer] + wait, first)
    patience = _TIRED * np.exp(0.5 * traits["satisfaction"][customer])
    tired = uniform("consents.tired", customer, channel)  # most of a channel, whatever it is used for
    tired = np.where(uniform("consents.apart", *key) < 0.15, uniform("consents.withdrawn", *key), tired)
    withdrawn = given - patience * np.log(tired)
    put_off = (withdrawn < last) & (uniform("consents.put_off", *key) < told["heeded"])
    withdrawn[put_off] = (last + 1 + 13 * uniform("consents.after", *key))[put_off]
    withdrawn = np.fmin(withdrawn, forgotten[customer])
    end = np.fmin(traits["left_on"][customer] + 1, draft.world.days)  # whoever has left is asked no more
    rows = np.flatnonzero((uniform("consents.agrees", *key) < agrees) & (given < end))
    draft.table(
        "consents", customer_id=customer[rows] + 1, channel=channel[rows], purpose=purpose[rows],
        given_on=given[rows], withdrawn_on=np.where(withdrawn < draft.world.days, withdrawn, np.nan)[rows],
    )  # fmt: skip


def _news(draft: Draft, channels: list[str]) -> tuple[Array, Array]:
    """Return the first and the last day of news from us, by customer and channel."""
    told = interactions(draft)
    channel = told["channel"].cat.set_categories(channels).cat.codes.to_numpy()
    rows = np.flatnonzero((told["direction"] == "out") & (channel >= 0))
    at = (told["customer_id"].to_numpy() - 1) * len(channels) + channel
    first, last = np.full((2, draft.customers * len(channels)), np.nan)
    for found, keep in ((first, np.fmin), (last, np.fmax)):
        keep.at(found, at[rows], days_since_start(told["sent_at"])[rows])
    return first, last


def _add_requests(draft: Draft) -> Array:
    """Add which people ask what we hold or, having left, to be forgotten; return the day of the latter."""
    uniform, traits, days = draft.draws.uniform, draft.traits, draft.world.days
    everybody = np.arange(draft.customers)
    complained = np.full(draft.customers, np.nan)
    complaints = draft.tables["complaints"]
    np.fmin.at(complained, complaints["customer_id"] - 1, days_since_start(complaints["opened_on"]))
    luck = uniform("requests.when", everybody)
    some_day = traits["joined"] + luck * (days - traits["joined"])
    access = np.where(complained >= 0, complained + 1 + 20 * luck, some_day)
    likely = np.where(complained >= 0, 0.05, 0.008)
    access[traits["firm"] | (uniform("requests.access", everybody) > likely)] = np.nan
    forgotten = traits["left_on"] + 45 - 120 * np.log(luck)
    forgotten[traits["firm"] | (uniform("requests.erasure", everybody) > 0.04)] = np.nan
    kind, customer = np.nonzero(np.array([access, forgotten]) < days)
    asked = np.where(kind == 0, access[customer], forgotten[customer])
    answered = asked + 4 - 14 * np.log(uniform("requests.answered", customer, kind))
    outcome = np.where(uniform("requests.proved", customer, kind) < 0.07, 2, kind)
    order = np.lexsort((customer, asked))
    answers = draft.staff["service"]
    luck = uniform("requests.employee", customer, kind)
    columns = {
        "request_id": 10 * (customer + 1) + kind, "customer_id": customer + 1, "kind": kind,
        "person_id": traits["first_person"][customer] + 1,
        "employee_id": answers[np.floor(len(answers) * luck).astype(int)] + 1,
        "asked_on": asked, "answered_on": np.where(answered < days, answered, np.nan),
        "outcome": np.where(answered < days, outcome, -1),
        "channel": choose(uniform("requests.channel", customer, kind), [0.6, 0.1, 0.05, 0.25]),
    }  # fmt: skip
    draft.table("requests", **{name: values[order] for name, values in columns.items()})
    return forgotten


def add_knowledge_use(draft: Draft) -> None:
    """Add the decisions on record: what was known for each, and what came of it. Knowledge helps."""
    luck, days = draft.draws.stream("knowledge_use"), draft.world.days
    told = constants("knowledge.toml")["decisions"]
    n = max(1, luck.poisson(days / _EVERY))
    decided, which = np.sort(days * luck.random(n)), luck.integers(len(told), size=n)
    used, share = [], np.zeros(n)
    for row, bearing in enumerate(told[one]["tables"].split() for one in which):
        known = luck.random(len(bearing)) < _USED
        used.append(" ".join(np.array(bearing)[known]) or None)
        share[row] = known.mean()
    chance = expit(_ALONE + _HELPS * share)
    fate = np.where(luck.random(n) < chance, 0, 1)
    fate[luck.random(n) < 0.2] = 2
    fate[decided + 20 - 25 * np.log(luck.random(n)) > days] = 3
    departments = categories("employees", "department")
    department = np.array([departments.index(told[one]["department"]) for one in which])
    staff = [draft.staff[one] for one in departments]
    employee = [luck.choice(staff[one]) + 1 for one in department]
    draft.table(
        "knowledge_use", use_id=np.arange(n) + 1, decided_on=decided, department=department,
        employee_id=employee, decision=[told[one]["text"] for one in which], tables_used=used, outcome=fate,
    )  # fmt: skip
    draft.secret("knowledge_use", use_id=np.arange(n) + 1, success_probability=chance)
