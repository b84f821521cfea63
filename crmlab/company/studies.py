"""Studies of what customers want: which features they miss, which matter most, and what they would buy."""

from functools import cache

import numpy as np
from scipy.special import expit

from crmlab.company._draft import Draft
from crmlab.company._draws import Array, choose
from crmlab.company._schema import categories, constants
from crmlab.company.customers import WORTHS

# By feature: its words; the part-worth of the choice experiment that it is a multiple of, or else its mean
# worth by segment and the spread within one; the shares of what it is to those to whom it is worth something.
FEATURES = constants("features.csv").set_index("feature").loc[categories("features", "feature")]
_KINDS = categories("kano", "category", "truth")
# By kind and question: the shares of the five answers.
_ANSWERS = constants("kano.csv").pivot(index="category", columns="question").loc[_KINDS]
_REVERSE, _INDIFFERENT = -0.5, 0.2  # worth less is not wanted; worth less is all the same
# The lines of the plane of order 3: in 13 tasks each two of 13 features meet once, and each feature stands
# once in each of the four places.
_LINE = np.array([0, 1, 3, 9])
_INVITED = 1_000  # customers of any company, of whom the living are asked
_CHOOSING = (
    0.12  # share of all customers who are invited to the choice experiment, of whom the living are asked
)
_ASKED = 45  # days before the log ends on which the asking begins; it takes a month


def add_features(draft: Draft) -> None:
    """Write down which features the studies ask about."""
    words = {name: FEATURES[name] for name in ("english", "chinese")}
    draft.table("features", feature=np.arange(len(FEATURES)), **words)


def add_kano(draft: Draft) -> None:
    """Ask how one would feel with each feature and without it."""
    customer, study = _asked(draft, "kano")
    place, feature = (grid.ravel() for grid in np.indices((len(customer), len(FEATURES))))
    customer = customer[place]
    worth = worths(draft, customer)[np.arange(len(customer)), feature]
    wanted = choose(
        draft.draws.uniform("kano.category", customer, feature), FEATURES[_KINDS[:3]].astype(float), feature
    )
    rules = [worth < _REVERSE, worth < _INDIFFERENT]
    category = np.select(rules, [_KINDS.index("reverse"), _KINDS.index("indifferent")], wanted)
    answers = {}
    for question in ("functional", "dysfunctional"):
        luck = draft.draws.uniform(f"kano.{question}", customer, feature)
        answer = choose(luck, _ANSWERS.xs(question, axis=1, level="question"), category)
        straight = draft.draws.uniform("kano.straight", customer)  # half of the careless always say the same
        careless = np.floor(5 * np.where(straight < 0.5, 2 * straight, luck))
        answer = np.where(study["careless"][place], careless, answer)
        gap = draft.draws.uniform(f"kano.{question}_gap", customer, feature) < draft.world.item_gaps
        answers[question] = np.where(study["responded"][place] & ~gap, answer, -1)
    keys = {"customer_id": customer + 1, "feature": feature}
    draft.table("kano", **keys, asked_on=study["day"][place], responded=study["responded"][place], **answers)
    draft.secret("kano", **keys, category=category, worth=worth, careless=study["careless"][place])


def add_maxdiff(draft: Draft) -> None:
    """Ask which of four features matters most and which least, 13 times."""
    uniform, n = draft.draws.uniform, len(FEATURES)
    customer, study = _asked(draft, "maxdiff")
    place, task, position = (grid.ravel() for grid in np.indices((len(customer), n, len(_LINE))))
    keys = customer[:, None] + 0 * np.arange(n), np.arange(n) + 0 * customer[:, None]
    order = uniform("maxdiff.order", *map(np.ravel, keys)).reshape(-1, n).argsort(axis=1, kind="stable")
    feature = order[place, (_LINE[position] + task) % n]
    worth = worths(draft, customer)
    asked = customer[place], task * len(_LINE) + position
    luck = np.array([uniform(f"maxdiff.{what}", *asked) for what in ("best", "worst")])
    felt = np.where(study["careless"], 0, worth.T).T[place, feature] - np.log(-np.log(luck)) * [[1], [-1]]
    best = felt[0].reshape(-1, len(_LINE)).argmax(axis=1)
    liked = felt[1].reshape(-1, len(_LINE))
    liked[np.arange(len(best)), best] = np.inf
    task_key = customer[place][:: len(_LINE)], task[:: len(_LINE)]
    skipped = np.repeat(uniform("maxdiff.gap", *task_key) < draft.world.item_gaps, len(_LINE))
    answered = study["responded"][place] & ~skipped
    chosen = {
        name: np.where(answered, np.repeat(which, len(_LINE)) == position, np.nan)
        for name, which in (("best", best), ("worst", liked.argmin(axis=1)))
    }
    draft.table(
        "maxdiff", customer_id=customer[place] + 1, task=task + 1, place=position + 1, feature=feature,
        asked_on=study["day"][place], responded=study["responded"][place], **chosen,
    )  # fmt: skip
    rows, feature = (grid.ravel() for grid in np.indices(worth.shape))
    draft.secret(
        "maxdiff", customer_id=customer[rows] + 1, feature=feature, worth=worth.ravel(),
        careless=study["careless"][rows],
    )  # fmt: skip


def add_choice_tasks(draft: Draft) -> None:
    """Have some of the living choose the best of three tins, or none of them, six times."""
    draws, traits, everybody = draft.draws, draft.traits, np.arange(draft.customers)
    day = _day(draft, "choice_tasks")
    invited = draws.uniform("choice_tasks.asked", everybody) < _CHOOSING
    asked = np.flatnonzero(living(draft, day) & invited)
    customer, task = (grid.ravel() for grid in np.indices((len(asked), 6)))
    tins, sets = _tins()
    shown = sets[(draws.uniform("choice_tasks.design", asked[customer], task) * len(sets)).astype(int)]
    luck = draws.uniform("choice_tasks.luck", *(grid.ravel() for grid in (
        asked[customer][:, None] + 0 * np.arange(4), 4 * task[:, None] + np.arange(4)
    )))  # fmt: skip
    worth = np.array([traits[name][asked] for name in ["worth_price", *WORTHS]]).T
    levels = tins[shown] / [100, 1, 1, 1, 1]
    utility = (levels * worth[customer][:, None]).sum(axis=2)
    none = draft.world.outside_price * worth[customer, :1]
    best = (np.hstack([utility, none]) - np.log(-np.log(luck.reshape(-1, 4)))).argmax(axis=1)
    names = ["price_cents", "organic", "single_garden", "refillable_tin", "delivery_days"]
    draft.table(
        "choice_tasks", customer_id=np.repeat(asked[customer] + 1, 3), task=np.repeat(task + 1, 3),
        alternative=np.tile([1, 2, 3], len(task)), asked_on=np.repeat(day[asked][customer], 3),
        **dict(zip(names, tins[shown].reshape(-1, 5).T, strict=True)),
        chosen=(best[:, None] == np.arange(3)).ravel(),
    )  # fmt: skip


@cache
def _tins() -> tuple[Array, Array]:
    """Return all tins, and all sets of three in each order in which none is as good as another or better."""
    price, organic, garden, refill, days = np.indices((4, 2, 2, 2, 3)).reshape(5, -1)
    tins = np.transpose([600 + 300 * price, organic, garden, refill, np.array([1, 3, 6])[days]])
    good = tins * [-1, 1, 1, 1, -1]
    beaten = np.all(good[:, None] <= good, axis=2)
    fair = ~np.logical_or(beaten, beaten.T)
    sets = np.argwhere(fair[:, :, None] & fair[:, None, :] & fair[None, :, :])
    return tins, sets


def living(draft: Draft, day: Array) -> Array:
    """Return for each customer whether they are one on this day of theirs."""
    return (draft.traits["joined"] < day) & ~(draft.traits["left_on"] <= day)


def _day(draft: Draft, study: str) -> Array:
    luck = draft.draws.uniform(f"{study}.day", np.arange(draft.customers))
    return draft.world.days - _ASKED + np.floor(30 * luck)


def _asked(draft: Draft, study: str) -> tuple[Array, dict[str, Array]]:
    """Return who is asked, customers on the day, and of each the day, whether they answer and with care."""
    draws, traits, everybody = draft.draws, draft.traits, np.arange(draft.customers)
    day = _day(draft, study)
    invited = draws.uniform(f"{study}.invited", everybody) < _INVITED / draft.customers
    customer = np.flatnonzero(living(draft, day) & invited)
    pull = 0.6 * traits["engagement"] + 0.25 * traits["satisfaction"] ** 2 - 0.1
    willing = np.ones(len(customer)) if draft.world.full_response else expit(pull)[customer]
    responded = draws.uniform(f"{study}.responded", customer) < willing
    careless = draws.uniform("surveys.careless", customer) < draft.world.careless
    return customer, {"day": day[customer], "responded": responded, "careless": careless}


def worths(draft: Draft, customer: Array) -> Array:
    """Return what each feature is worth to each of these customers, in the unit of the choice experiment."""
    worths, segment = [], draft.traits["segment"][customer]
    for code, one in enumerate(FEATURES.itertuples()):
        if one.trait:
            worths.append(float(one.multiple) * draft.traits[one.trait][customer])
        else:
            mean = np.array(
                [float(getattr(one, name)) for name in categories("customers", "segment", "truth")]
            )
            differs = draft.draws.normal("studies.worth", customer, code)
            worths.append(mean[segment] + float(one.spread) * differs)
    return np.transpose(worths)
