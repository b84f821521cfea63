"""Notes on customers: what they prefer, require and suggest, and what firms owe."""

import numpy as np
import pandas as pd
from scipy.special import ndtr

from crmlab.company._draft import Draft
from crmlab.company._draws import choose
from crmlab.company._schema import categories, constants
from crmlab.company.customers import TEAS
from crmlab.company.hours import CHANNELS, opening
from crmlab.company.service import arrival, complaint_days, contact_way, order_key

_SHOP, _OFFICE = CHANNELS.index("visit"), CHANNELS.index("mail")
_SUGGESTING = 0.012  # share of orders after which somebody suggests something; the engaged do more
_DECIDED = 120  # mean days until it is decided on a suggestion that was made the first time
_REVIEW = 182  # days after which it is reckoned what a change brought
_TERMS = np.array([14, 30, 60])  # days until a firm's invoices are due
_LATE, _HABIT, _DAYS = 3, 9, 4  # days: how late firms pay on average, and spread between and within them


def _told(name: str) -> pd.DataFrame:
    return pd.DataFrame(constants("notes.toml")[name])


def add_preferences(draft: Draft) -> None:
    """Add what customers said that they prefer, as whoever looks after them noted it one day."""
    uniform, traits, told = draft.draws.uniform, draft.traits, _told("preferences")
    parcels = np.zeros(draft.customers, bool)
    parcels[draft.orders["customer"][draft.orders["channel"] != _SHOP]] = True
    everybody = np.arange(draft.customers)
    luck = np.array([uniform("preferences.noted", everybody, code) for code in range(len(told))])
    noted = luck < np.array(told["share"].tolist())[:, traits["firm"] * 1]
    kind, customer = np.nonzero(noted & (parcels | told["delivered"].isna().to_numpy()[:, None]))
    known = np.fmin(traits["left_on"], draft.world.days) - traits["joined"]
    values = [TEAS, CHANNELS, *told["values"].iloc[2:]]
    first = np.cumsum([0, *map(len, values[:-1])])
    which = np.floor(uniform("preferences.which", customer, kind) * np.array(list(map(len, values)))[kind])
    said = traits["taste"].argmax(axis=1), contact_way(draft)
    which = np.where(kind < 2, np.array(said)[kind.clip(max=1), customer], which).astype(int)
    draft.table(
        "preferences", customer_id=customer + 1, kind=kind, employee_id=traits["owner"][customer] + 1,
        preference=np.concatenate(values)[first[kind] + which],
        noted_on=traits["joined"][customer] + known[customer] * uniform("preferences.day", customer, kind),
    )  # fmt: skip


def add_requirements(draft: Draft) -> None:
    """Add what was specially asked for with an order; a bad experience often is that it was not met."""
    orders, draws, told = draft.orders, draft.draws, _told("requirements")
    trades = categories("accounts", "industry")
    industry, delivered = (axis.ravel() for axis in np.indices((len(trades) + 1, 2)))  # persons come first
    shares = np.array(told["share"].tolist())[:, (industry > 0) * 1]
    only = told["delivered"].map({True: 1, False: 0}).fillna(-1).to_numpy()[:, None]
    shares = np.where((only < 0) | (only == delivered), shares, 0)
    trade = told["industry"].map(trades.index, na_action="ignore").fillna(-1).to_numpy()[:, None]
    shares = np.where((trade < 0) | (trade == industry - 1), shares, 0)
    kind = 2 * draft.traits["industry"][orders["customer"]] + 2 + (orders["channel"] != _SHOP)
    at = np.flatnonzero(draws.uniform("requirements.asked", order_key(draft)) < shares.sum(axis=0)[kind])
    which = choose(draws.uniform("requirements.which", order_key(draft)[at]), shares.T, kind[at])
    kept = draws.uniform("requirements.met", order_key(draft)[at])
    met = kept < ndtr(1.1 + 0.9 * orders["first_experience"][at])
    draft.table(
        "requirements", order_id=orders["id"][at], customer_id=orders["customer"][at] + 1,
        asked_on=orders["time"][at], requirement=told["text"].to_numpy()[which],
        met=np.where(arrival(draft, at) < draft.world.days, met, np.nan),
    )  # fmt: skip


def add_suggestions(draft: Draft) -> None:
    """Add what customers suggest, which of it was carried out, and what that brought, as we reckon it."""
    orders, draws, told, days = draft.orders, draft.draws, _told("ideas"), draft.world.days
    key, engagement = order_key(draft), draft.traits["engagement"]
    likely = _SUGGESTING * np.exp(0.5 * engagement[orders["customer"]])
    at = np.flatnonzero(draws.uniform("suggestions.made", key) < likely)
    made = arrival(draft, at) + 2 + np.floor(9 * draws.uniform("suggestions.day", key[at]))
    idea = np.floor(len(told) * draws.uniform("suggestions.idea", key[at])).astype(int)
    luck = draws.stream("improvements")
    worth = told["cents"] + 20 * luck.standard_normal(len(told))  # a year's, for a customer of the log
    wait, reckoned = 30 + _DECIDED * luck.standard_exponential(len(told)), luck.standard_normal(len(told))
    first = np.full(len(told), np.inf)
    np.minimum.at(first, idea, made)
    decided = np.floor(first + wait)
    done = luck.random(len(told)) < ndtr(worth / 40)  # whoever decides has an idea of what it is worth
    kept = np.flatnonzero((made < days) & ~(done[idea] & (made > decided[idea])))
    answered = np.where(made < decided[idea], decided[idea], made + 7)[kept]
    outcome = np.where(answered < days, np.where(done[idea[kept]], 0, 1), 2)
    channel = contact_way(draft)[orders["customer"][at]]
    draft.table(
        "suggestions", suggestion_id=orders["id"][at[kept]], customer_id=orders["customer"][at[kept]] + 1,
        made_on=made[kept], channel=channel[kept], idea=idea[kept], outcome=outcome,
        answered_on=np.where(answered < days, answered, np.nan),
    )  # fmt: skip
    seen = np.flatnonzero(decided < days)
    gain = worth * draft.customers * _REVIEW / 365
    gain = gain + 0.4 * reckoned * np.abs(gain).mean()
    known = done & (decided + _REVIEW < days)
    department = [categories("employees", "department").index(one) for one in told["department"]]
    draft.table(
        "improvements", idea=seen, text=told["text"].iloc[seen], department=np.array(department)[seen],
        decided_on=decided[seen], carried_out=done[seen],
        gain_cents=np.where(known, np.rint(gain), np.nan)[seen],
    )  # fmt: skip
    draft.secret(
        "improvements", idea=np.arange(len(told)), gain_cents=worth * draft.customers * _REVIEW / 365
    )


def add_invoices(draft: Draft) -> None:
    """Add the invoices of firms, due after the firm's term; some pay late by habit, and all who complain."""
    orders, draws = draft.orders, draft.draws
    at = np.flatnonzero(draft.traits["firm"][orders["customer"]])
    key, customer = order_key(draft)[at], orders["customer"][at]
    issued = opening(np.full(len(at), _OFFICE), arrival(draft, at))
    term = _TERMS[choose(draws.uniform("invoices.term", customer), [0.2, 0.6, 0.2])]
    late = (
        _LATE + _HABIT * draws.normal("invoices.habit", customer) + _DAYS * draws.normal("invoices.paid", key)
    )
    _, _, resolved = complaint_days(draft, at)
    waits = np.where(orders["complained"][at], resolved + 3, 0)
    paid = np.maximum(np.floor(issued + np.maximum(term + late, 2)), waits)
    paid = opening(np.full(len(at), _OFFICE), paid)
    kept = issued < draft.world.days
    columns = {
        "order_id": orders["id"][at], "customer_id": customer + 1, "issued_on": issued,
        "due_on": issued + term, "paid_on": np.where(paid < draft.world.days, paid, np.nan),
        "amount_cents": orders["amount"][at],
    }  # fmt: skip
    draft.table("invoices", **{name: values[kept] for name, values in columns.items()})
