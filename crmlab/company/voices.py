"""What customers say when asked: surveys, comments, and choices in an experiment."""

import numpy as np
import pandas as pd
from scipy.special import expit, ndtri

from crmlab.company._draft import Draft
from crmlab.company._draws import Array, choose
from crmlab.company._schema import categories, constants, declared
from crmlab.company.customers import SEGMENTS, WORTHS

PATHS = constants("paths.csv").set_index(["cause", "effect"])["strength"]
"""What a standard deviation of the cause adds to the effect: the European customer satisfaction index."""
CONSTRUCTS = list(dict.fromkeys(one for path in PATHS.index for one in path))  # causes before effects
QUESTIONS = constants("questions.csv")
# What each scored item measures, the answer of the average customer, and its strength: the multiple of
# World.loading with which it measures. The words of a second version are for the table of questions only.
_SCORED = (QUESTIONS["strength"] != "") & (QUESTIONS["version"] == "a")
ITEMS = QUESTIONS[_SCORED].astype({"centre": float, "strength": float})
_THEMES = [[0.15, 0.25, 0.25, 0.25, 0.1], [0.45, 0.1, 0.1, 0.15, 0.2]]  # shares in bad and good comments
_CONFUSED = np.array([1, 0, 3, 2, 3])  # what each theme is taken for by a coder who errs


def add_questions(draft: Draft) -> None:
    """Write down what is asked of customers, word for word, and behind the envelope what an item measures."""
    asked = {name: QUESTIONS[name] for name in declared()["company"]["questions"].columns}
    draft.table("questions", **asked | {"reversed": QUESTIONS["reversed"] == "yes"})
    keys = {name: ITEMS[name] for name in ("table", "item", "version")}
    loading = draft.world.loading * ITEMS["strength"]
    draft.secret("questions", **keys, centre=ITEMS["centre"], loading=loading)


def implied_covariance() -> pd.DataFrame:
    """Return the covariance matrix that :data:`PATHS` imply for constructs of unit variance."""
    implied = np.eye(len(CONSTRUCTS))
    for place, effect in enumerate(CONSTRUCTS):
        direct = np.array([PATHS.get((cause, effect), 0.0) for cause in CONSTRUCTS[:place]])
        implied[place, :place] = implied[:place, place] = implied[:place, :place] @ direct
    return pd.DataFrame(implied, index=CONSTRUCTS, columns=CONSTRUCTS)


def add_surveys(draft: Draft) -> None:
    """Ask customers after orders, in waves and in a choice experiment, and write down what they answer."""
    draws, world, traits = draft.draws, draft.world, draft.traits
    survey, order, day = _invitations(draft)
    customer, in_wave = survey // 100_000 - 1, survey % 100_000 > 10_000
    truth = _latent(draft, survey, customer, order, in_wave)
    departed = traits["left_on"][customer] <= day
    pull = 0.6 * traits["engagement"][customer] + 0.25 * truth["satisfaction"] ** 2 - 1.45 * departed - 1
    truth["response_probability"] = np.ones(len(survey)) if world.full_response else expit(pull)
    truth["careless"] = draws.uniform("surveys.careless", customer) < world.careless
    truth["method_bias"] = draws.normal("surveys.method_bias", customer)
    responded = draws.uniform("surveys.responded", survey) < truth["response_probability"]
    purposes = SEGMENTS[categories("surveys", "purpose")]
    purpose = choose(draws.uniform("surveys.purpose", survey), purposes, traits["segment"][customer])
    draft.table(
        "surveys", survey_id=survey, customer_id=customer + 1, occasion=in_wave, invited_on=day,
        wave=np.where(in_wave, survey % 10_000, np.nan), responded=responded,
        order_id=np.where(in_wave, np.nan, draft.orders["id"][order]),
        purpose=np.where(responded & in_wave, purpose, -1), **_answers(draft, survey, responded, truth),
    )  # fmt: skip
    draft.secret("surveys", survey_id=survey, **truth)
    leaked = draft.orders["faulty"][order] & ~in_wave
    told = (values[responded] for values in (survey, customer, truth["satisfaction"], leaked))
    _comments(draft, *told)
    _choices(draft)


def _invitations(draft: Draft) -> tuple[Array, ...]:
    """Return the id of each survey, the position of the customer's latest order, and the day.

    An id is the customer's × 100,000 plus the number of the order, or plus 10,000 and that of the wave.
    Orders stand by customer and time, so whole numbers that grow with both find the last one before a day.
    """
    world, draws, orders = draft.world, draft.draws, draft.orders
    customer, time = orders["customer"], orders["time"]
    asked = draws.uniform("surveys.after_order", orders["id"]) < world.order_invited
    order = np.flatnonzero(asked & (time + 2 < world.days))
    found = [((customer[order] + 1) * 100_000 + orders["number"][order], order, time[order] + 2)]
    stamp = customer * (world.days + 1) + time.astype(int)
    for wave, day in enumerate(range(world.wave_every, world.days, world.wave_every), 1):
        joined = np.arange(np.searchsorted(draft.traits["joined"], day))
        invited = joined[draws.uniform(f"surveys.wave_{wave}", joined) < world.wave_invited]
        order = np.searchsorted(stamp, invited * (world.days + 1) + day) - 1
        found.append(((invited + 1) * 100_000 + 10_000 + wave, order, np.full(len(order), float(day))))
    return tuple(np.concatenate(part) for part in zip(*found, strict=True))


def _latent(draft: Draft, survey: Array, customer: Array, order: Array, in_wave: Array) -> dict[str, Array]:
    """Return what each invited customer thinks: all constructs in a wave, satisfaction after an order.

    Satisfaction is made of how satisfied the customer is on the whole, of the last orders and of the day.
    Given that, the others follow from their normal distribution under the model: satisfaction comes first.
    """
    normal, experience = draft.draws.normal, draft.orders["experience"]
    averaged = np.where(in_wave, draft.orders["number"][order].clip(max=3), 1)
    last = [np.where(back < averaged, experience[(order - back).clip(0)], 0) for back in range(3)]
    persistent, recent = draft.traits["satisfaction"][customer], sum(last) / np.sqrt(averaged)
    felt = np.sqrt(0.7) * persistent + np.sqrt(0.2) * recent + np.sqrt(0.1) * normal("surveys.mood", survey)
    felt = np.where(in_wave, felt, np.sqrt(0.5) * (persistent + recent))
    first = sorted(CONSTRUCTS, key=lambda construct: construct != "satisfaction")
    roots = np.linalg.cholesky(implied_covariance().loc[first, first].to_numpy())
    chance = [felt, *(np.where(in_wave, normal(f"surveys.{one}", survey), np.nan) for one in first[1:])]
    zeros = np.zeros(len(survey))
    return {one: sum(map(np.multiply, roots[n, : n + 1], chance), zeros) for n, one in enumerate(first)}


def _answers(draft: Draft, survey: Array, responded: Array, truth: dict[str, Array]) -> dict[str, Array]:
    """Return the answers to each question: missing if not asked, not answered or left out.

    One number decides whether a question is left out and, if not, the error of the answer.
    """
    world, draws, answers = draft.world, draft.draws, {}
    straight = draws.uniform("surveys.straight", survey // 100_000) < 0.5
    same = np.floor(1 + 10 * draws.uniform("surveys.same", survey))
    likes = np.where(np.isnan(truth["loyalty"]), truth["satisfaction"], truth["loyalty"])
    for item in ITEMS.itertuples():
        question, meant = item.item, truth.get(item.construct, likes)
        loading = world.loading * item.strength
        method = min(world.method_variance, 1 - loading**2)
        noise = np.sqrt(max(0, 1 - loading**2 - method))
        rows = np.flatnonzero(responded & ~np.isnan(meant))
        luck = draws.uniform(f"surveys.{question}", survey[rows]) / (1 - world.item_gaps)
        lowest, turned = 0 if question == "recommend" else 1, -1 if item.reversed == "yes" else 1
        error = np.sqrt(method) * truth["method_bias"][rows] + noise * ndtri(luck)
        careful = np.rint(item.centre + 1.9 * (turned * loading * meant[rows] + error)).clip(lowest, 10)
        careless = np.where(straight[rows], same[rows], np.floor(lowest + (11 - lowest) * luck))
        answers[question] = np.full(len(survey), np.nan, np.float32)
        answers[question][rows] = np.select([luck >= 1, truth["careless"][rows]], [np.nan, careless], careful)
    return answers


def _comments(draft: Draft, survey: Array, customer: Array, satisfaction: Array, leaked: Array) -> None:
    """Make open_answers: some respondents write a sentence or two, and two coders read them.

    Whose tin leaked writes of the packaging, and not well of it.
    """
    uniform = draft.draws.uniform
    rows = np.flatnonzero(uniform("open_answers.wrote", survey) < 0.3)
    survey, leaked = survey[rows], leaked[rows]
    good = ((satisfaction[rows] > -0.3) & ~leaked).astype(int)
    theme = choose(uniform("open_answers.theme", survey), _THEMES, good)
    theme[leaked] = categories("open_answers", "theme", "truth").index("packaging")
    language = draft.people["language"][draft.traits["first_person"][customer[rows]]]
    words = constants("comments.toml")
    moods = [(one[mood], words["remarks"][mood]) for one in words["comments"].values() for mood in one]
    texts = pd.array([phrase + remark for one, two in moods for phrase in one for remark in two], dtype="str")
    place = (theme * 2 + good) * 2 + language + uniform("open_answers.text", survey)
    comment = texts.take((place * (len(texts) // len(moods))).astype(int))
    first = np.where(uniform("open_answers.coder_1", survey) < 0.88, theme, _CONFUSED[theme])
    second = np.where(uniform("open_answers.coder_2", survey) < 0.8, theme, _CONFUSED[theme])
    draft.table("open_answers", survey_id=survey, comment=comment, coder_1=first, coder_2=second)
    draft.secret("open_answers", survey_id=survey, theme=theme)


def _choices(draft: Draft) -> None:
    """Make choice_tasks: some customers choose the best of three tins, six times."""
    draws, traits = draft.draws, draft.traits
    asked = np.flatnonzero(draws.uniform("choice_tasks.asked", np.arange(draft.customers)) < 0.06)
    customer, row = np.repeat(asked, 18), np.tile(np.arange(18), len(asked))
    design = np.floor(draws.uniform("choice_tasks.design", customer, row) * 96).astype(int)
    price, organic, garden, tin, days = np.unravel_index(design, (4, 2, 2, 2, 3))
    price, days = 600 + 300 * price, np.array([1, 3, 6])[days]
    utility = -np.log(-np.log(draws.uniform("choice_tasks.luck", customer, row)))
    for name, level in zip(["worth_price", *WORTHS], (price / 100, organic, garden, tin, days), strict=True):
        utility += traits[name][customer] * level
    draft.table(
        "choice_tasks", customer_id=customer + 1, task=row // 3 + 1, alternative=row % 3 + 1,
        price_cents=price, organic=organic, single_garden=garden, refillable_tin=tin, delivery_days=days,
        chosen=(utility.reshape(-1, 3).argmax(axis=1)[:, None] == np.arange(3)).ravel(),
    )  # fmt: skip
