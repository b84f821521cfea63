"""Leads: interest that spreads, and sellers who follow it up, each in a rhythm of their own."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import expit, logit

from crmlab.company._draft import Draft, ids
from crmlab.company._draws import Array, choose
from crmlab.company.goods import margin_share
from crmlab.company.people import draw, join, names, pick

_CONSTANT = -1.35  # with it about a third of the leads are won in the base world
_STEPS = 8  # follow-ups at most
_INSIGHT = 0.95  # correlation of what sellers see with true intent; to chase more they must see more
_NOTED = 0.965  # correlation of what they see with the note of it from 1 to 5
_WIDTH = 0.8  # in logarithms of days: so far from the best delay or gap an effect is 0.6 of its best
_WORTH_AN_OFFER = 20_000  # cents a year
_LINES = [[0.6, 0.3, 0.1, 0, 0], [0.1, 0.2, 0.3, 0.25, 0.15]]  # shares of quotations of one line, two, ...
_DISCOUNTS = [[0.7, 0.25, 0.05], [0.3, 0.4, 0.3]]  # shares of 0, 5, 10 %; with a bonus on volume
_OWN_REWARD = 500  # cents
_REFERRED = 2**40  # more than there are leads, so that no two leads share their chance


def rhythm(draft: Draft) -> dict[str, float]:
    """Return the rhythm of following up that wins most in this company."""
    luck = draft.draws.stream("rhythm")
    first, gap = np.exp(luck.uniform(np.log([4, 15]), np.log([40, 75])))
    return {"first_days": first, "gap_days": gap, "times": luck.integers(3, 6)}


def draw_leads(draft: Draft) -> None:
    """Draw who is interested when (Bass, given the log), the sellers' steps, and who is won or lost when."""
    world, uniform = draft.world, draft.draws.uniform
    key, p, q = np.arange(int(world.leads * draft.customers)), world.innovation, world.imitation
    share = np.sort(uniform("leads.share", key)) * _interested_by(draft)  # F at the date; below, the date
    interested = (np.log1p(share * q / p) - np.log1p(-share)) / (p + q)
    innovator = uniform("leads.innovator", key) < p / (p + q * share)
    firm = uniform("leads.firm", key) < world.lead_firm_share
    intent = draft.draws.normal("leads.intent", key)
    draft.leads = _pursued(draft, key, interested, intent, firm, innovator)


def referred_leads(draft: Draft) -> dict[str, Array]:
    """Return the leads that came through an invitation to refer, with the columns of ``draft.leads``.

    ``draft.invited`` has three rows: customer, day, and whether the lot fell on being invited. The reward
    moves who brings somebody and nothing else.
    """
    world, uniform = draft.world, draft.draws.uniform
    customer, day, lot = draft.invited
    customer = customer.astype(int)
    reward = draft.levers.referral_reward
    reward = _OWN_REWARD if reward is None else reward
    key = (customer + 1) * 10_000 + day.astype(int)
    odds = logit(world.invitation_leads) + world.reward_effect * np.log((100 + reward) / (100 + _OWN_REWARD))
    brings = uniform("referred.brings", key) < expit(odds + 0.4 * draft.traits["satisfaction"][customer])
    interested = day + 1 - 10 * np.log(uniform("referred.wait", key))
    kept = (lot > 0) & brings & (interested < world.days)
    key, customer, interested = key[kept], customer[kept], interested[kept]
    intent = 0.3 + draft.draws.normal("referred.intent", key)  # who comes by a friend knows what we are
    firm, follows = draft.traits["firm"][customer], np.zeros(len(key), bool)
    found = _pursued(draft, key + _REFERRED, interested, intent, firm, follows)
    return found | {"referrer": customer, "reward": np.full(len(key), reward)}


def _interested_by(draft: Draft) -> float:
    """Return Bass's F at the end of the log: the share of all who ever will be interested."""
    p, q, days = draft.world.innovation, draft.world.imitation, draft.world.days
    return float(-np.expm1(-(p + q) * days) / (1 + q / p * np.exp(-(p + q) * days)))


def _pursued(
    draft: Draft, key: Array, interested: Array, intent: Array, firm: Array, innovator: Array
) -> dict[str, Array]:
    """Return these leads with what sellers note of them and do about them, and how each ends.

    Who became a customer, ``won``, follows from the sellers' own steps whatever the lever: a twin has the
    same people. The lever moves the steps and, with the same luck, the outcome.
    """
    world, uniform, normal = draft.world, draft.draws.uniform, draft.draws.normal
    insight, sellers = max(_INSIGHT, world.chasing), draft.staff["sales"]
    seen = insight * intent + np.sqrt(1 - insight**2) * normal("leads.seen", key)
    note = np.rint(3 + 1.1 * seen).clip(1, 5)
    owner = sellers[(len(sellers) * uniform("leads.owner", key)).astype(int)]
    volume = draft.tables["employees"]["incentive"].eq("volume").to_numpy()[owner]
    lot = uniform("leads.lot", key) < world.follow_up_lot
    plan = _own_plan(draft, key, (note - 3) / 1.1, volume, lot)
    alone, luck = _CONSTANT + world.intent_effect * intent, uniform("leads.wins", key)
    wait = 1 - 15 * np.log(uniform("leads.wait", key))

    def end(plan: dict[str, Array]) -> dict[str, Array]:
        """Return the steps of a plan and what comes of them."""
        step, times = np.arange(_STEPS), plan["times"][:, None]
        days = (interested + plan["first_days"])[:, None] + step * plan["gap_days"][:, None]
        days[step >= times] = np.nan
        effects = _effects(draft, **plan)
        log_odds = alone + effects.sum(axis=1)
        # Won or lost the wait is alike, so that being closed before the log ends says nothing about winning.
        closing = np.fmax(interested, np.fmax.reduce(days, axis=1)) + wait
        return {
            "steps": days, "effects": effects, "log_odds": log_odds, "closing": closing,
            "wins": luck < expit(log_odds), "closed": np.where(closing < world.days, closing, np.nan),
        }  # fmt: skip

    own = done = end(plan)
    if rule := draft.levers.follow_up:
        done = end({name: np.full(len(key), rule.get(name, given)) for name, given in plan.items()})
    best = {name: np.array([value]) for name, value in rhythm(draft).items()}
    keen = 2.4 + 1.2 * innovator + 0.8 * normal("leads.keen", key)
    return done | {
        "key": key, "interested": interested, "intent": intent, "firm": firm, "innovator": innovator,
        "alone": alone, "best": alone + _effects(draft, **best).sum(), "intent_note": note,
        "innovator_note": np.rint(keen).clip(1, 5), "owner": owner, "volume": volume, "lot": lot & (not rule),
        "source": choose(uniform("leads.source", key), [0.2, 0.4, 0.25, 0.15]),
        "won": np.where(own["wins"], own["closed"], np.nan), "referrer": np.full(len(key), -1),
        "reward": np.zeros(len(key)),
    }  # fmt: skip


def _own_plan(draft: Draft, key: Array, seen: Array, volume: Array, lot: Array) -> dict[str, Array]:
    """Return what sellers plan: where they see intent, or have a bonus on volume, more, sooner and closer.

    Of the leads that the lot took the plan is random.
    """
    world, normal = draft.world, draft.draws.normal
    chase = min(1, world.chasing / (_NOTED * max(_INSIGHT, world.chasing)))
    urge = chase * seen + np.sqrt(1 - chase**2) * normal("leads.will", key) + 0.6 * volume
    own = {
        "first_days": (9 * np.exp(0.6 * normal("leads.first", key) - 0.25 * urge)).clip(1, 60),
        "gap_days": (30 * np.exp(0.4 * normal("leads.gap", key) - 0.2 * urge)).clip(5, 120),
        "times": (3 + 1.6 * urge).clip(0, _STEPS),
    }
    by_lot, drawn = [draft.draws.uniform("leads.by_lot", key, code) for code in range(3)], {}
    drawn = {"first_days": 61 ** by_lot[0] - 1, "gap_days": 5 * 24 ** by_lot[1], "times": 7 * by_lot[2] - 0.5}
    return {name: np.rint(np.where(lot, drawn[name], own[name])) + 0.0 for name in own}


def _effects(draft: Draft, first_days: Array, gap_days: Array, times: Array) -> Array:
    """Return what each step adds to the log-odds of winning: most at the best rhythm of the company.

    A step too late is lost; one too soon after another annoys, and so does any beyond the best number.
    """
    world, best, step = draft.world, rhythm(draft), np.arange(_STEPS)
    delay = np.log((1 + first_days) / (1 + best["first_days"])) / _WIDTH
    gap = np.log(gap_days / best["gap_days"]) / _WIDTH
    fits = np.exp(-(gap**2) / 2)
    again = world.effort_effect * np.where(gap < 0, 2 * fits - 1, fits)
    first = world.first_effect * np.exp(-(delay**2) / 2)
    effect = np.where(step == 0, first[:, None], again[:, None])
    effect = np.where(step >= best["times"], -world.effort_effect, effect)
    return np.where(step < times[:, None], effect, 0)


def assign_owners(draft: Draft) -> None:
    """Give every customer a seller; whoever wins a lead keeps the customer."""
    luck, sellers, lead = draft.draws.stream("owners"), draft.staff["sales"], draft.traits["lead"]
    draft.traits["owner"] = luck.choice(sellers, draft.customers)
    draft.traits["owner"][lead >= 0] = draft.leads["owner"][lead[lead >= 0]]


def add_sales(draft: Draft) -> None:
    """Add leads, activities, opportunities and quotations, and what is true of leads and how news spreads."""
    world, referred = draft.world, referred_leads(draft)
    leads = {name: np.concatenate([draft.leads[name], referred[name]]) for name in draft.leads}
    became, won = np.full(len(leads["key"]), -1), draft.traits["lead"] >= 0
    became[draft.traits["lead"][won]] = np.flatnonzero(won)
    customer = np.where(leads["wins"] & ~np.isnan(leads["closed"]), became, -1)
    number = np.arange(len(customer)) + 1
    draft.table(
        "leads", lead_id=number, customer_id=ids(customer), kind=leads["firm"], **_reached(draft, leads),
        source=leads["source"], referrer_id=ids(leads["referrer"]), reward_cents=leads["reward"],
        interested_on=leads["interested"], innovativeness=leads["innovator_note"],
        intent=leads["intent_note"], owner_id=leads["owner"] + 1, by_lot=leads["lot"],
        closed_on=leads["closed"], outcome=np.where(np.isnan(leads["closed"]), 2, ~leads["wins"]),
    )  # fmt: skip
    like = (draft.customers * draft.draws.uniform("leads.like", leads["key"])).astype(int)
    # Whoever is not won is expected to buy like any customer, so that the amount does not tell who was won.
    like = np.where(became < 0, like, became)
    traits = {name: draft.traits[name][like] for name in ("firm", "purchase_rate")}
    amount = 365 * traits["purchase_rate"] * draft.traits["mean_spend_cents"][like]
    amount *= float(world.firm_spend) ** (leads["firm"] * 1 - traits["firm"])
    draft.secret(
        "leads", lead_id=number, intent=leads["intent"], innovator=leads["innovator"],
        win_probability=expit(leads["log_odds"]), win_probability_no_effort=expit(leads["alone"]),
        win_probability_best=expit(leads["best"]),
        worth_cents=(amount * margin_share(draft, np.zeros(draft.customers, int), 0)[like]).clip(0, 1e17),
    )  # fmt: skip
    news = {name: [getattr(world, name)] for name in ("innovation", "imitation", "homophily", "influence")}
    draft.secret("news", leads_ever=np.rint([len(draft.leads["key"]) / _interested_by(draft)]), **news)
    draft.secret("rhythm", **{name: [value] for name, value in rhythm(draft).items()})
    _add_activities(draft, leads)
    _add_opportunities(draft, leads, amount, draft.traits["taste"].argmax(axis=1)[like])


def _reached(draft: Draft, leads: dict[str, Array]) -> dict[str, pa.Array]:
    """Return the names, telephones and mail addresses of leads: of those who joined as customers, theirs."""
    key, uniform = leads["key"], draft.draws.uniform
    language, male = (uniform(f"leads.{what}", key) < 0.45 for what in ("language", "male"))
    given = draw("female male female_chinese male_chinese", 2 * language + male, uniform("leads.given", key))
    family = draw("family_english family_chinese", language.astype(int), uniform("leads.family", key) ** 1.5)
    latin, number = names(0 * given, given, family), pa.array(np.arange(len(key)) + 1)
    provider = pick("providers", 0, draw("providers", 0, uniform("leads.provider", key)))
    account = join(pc.replace_substring(pc.utf8_lower(latin), " ", "."), pc.cast(number, "string"))
    call = pc.cast(pa.array((9e7 * uniform("leads.telephone", key)).astype(int) + 10**8), "string")
    drawn = {
        "name": names(language.astype(int), given, family), "mail": join(account, "@", provider, ".example"),
        "telephone": pc.replace_substring_regex(call, "^1(....)", r"+999 \1 "),
    }  # fmt: skip
    joined = np.flatnonzero(draft.traits["lead"] >= 0)
    person = np.full(len(key), -1)
    person[draft.traits["lead"][joined]] = draft.traits["first_person"][joined]
    known = pa.array(np.where(person < 0, 0, person), mask=person < 0)
    return {
        name: pc.coalesce(pa.array(draft.tables["people"][name]).cast(pa.string()).take(known), drawn[name])
        for name in drawn
    }


def _add_activities(draft: Draft, leads: dict[str, Array]) -> None:
    lead, step = np.nonzero(leads["steps"] < draft.world.days)
    key, draws = leads["key"][lead], draft.draws
    interest = (leads["intent"][:, None] + leads["effects"].cumsum(axis=1))[lead, step]
    noted = _INSIGHT * interest + np.sqrt(1 - _INSIGHT**2) * draws.normal("activities.interest", key, step)
    draft.table(
        "activities", lead_id=lead + 1, number=step + 1, employee_id=leads["owner"][lead] + 1,
        done_on=leads["steps"][lead, step], interest=np.rint(3 + 1.1 * noted).clip(1, 5),
        channel=choose(draws.uniform("activities.channel", key, step), [0.2, 0.5, 0.3]),
    )  # fmt: skip


def _add_opportunities(draft: Draft, leads: dict[str, Array], amount: Array, likes: Array) -> None:
    """Add what is worth an offer, how far it came, and what was offered."""
    key, uniform, normal = leads["key"], draft.draws.uniform, draft.draws.normal
    begun, taken = leads["interested"][:, None], (leads["closing"] - leads["interested"])[:, None]
    luck = np.stack([uniform("opportunities.stage", key, stage) for stage in range(3)], axis=1)
    stages = begun + np.sort(luck, axis=1) * taken
    lost = 1 + choose(uniform("opportunities.lost", key), [0.3, 0.4, 0.3])
    reached = np.where(leads["wins"], 3, lost)
    stages[(np.arange(3) >= reached[:, None]) | (stages >= draft.world.days)] = np.nan
    amount = np.ceil((amount * np.exp(normal("opportunities.guess", key))).clip(1, 1e15) / 1000) * 1000
    # Sellers are optimists, and those more so who are paid for volume.
    forecast = leads["log_odds"] + 0.5 + 0.5 * leads["volume"] + 0.5 * normal("opportunities.forecast", key)
    keen = leads["intent_note"] >= 2
    qualified = leads["wins"] | keen | (uniform("opportunities.qualified", key) < 0.6)
    kept = np.flatnonzero(qualified & (amount >= _WORTH_AN_OFFER) & ~np.isnan(stages[:, 0]))
    draft.table(
        "opportunities", opportunity_id=np.arange(len(kept)) + 1, lead_id=kept + 1,
        qualified_on=stages[kept, 0], offered_on=stages[kept, 1], negotiated_on=stages[kept, 2],
        closed_on=leads["closed"][kept], amount_cents=amount[kept],
        forecast_probability=expit(forecast[kept]),
    )  # fmt: skip
    offered = np.flatnonzero(~np.isnan(stages[kept, 1]))
    chosen: dict[str, Any] = {name: leads[name][kept[offered]] for name in ("key", "firm", "volume")}
    _add_quotations(draft, offered, amount[kept[offered]], likes[kept[offered]], **chosen)


def _add_quotations(
    draft: Draft, opportunity: Array, amount: Array, likes: Array, key: Array, firm: Array, volume: Array
) -> None:
    """Add the lines of each offer, at a price and with a promise.

    It is what a firm may need in three months and a person in one, and begins with the shelf liked best.
    """
    uniform, products = draft.draws.uniform, draft.tables["products"]
    sold = np.flatnonzero(products["launched_on"].isna()) if "launched_on" in products else products.index
    count = 1 + choose(uniform("quotations.lines", key), _LINES, firm.astype(int))
    offer = np.repeat(np.arange(len(key)), count)
    line = np.arange(len(offer)) - np.repeat(np.cumsum(count) - count, count)
    shelf = products["category"].cat.codes.to_numpy()[sold]
    liked = choose(uniform("quotations.first", key), 1.0 * (shelf == likes[:, None]), np.arange(len(key)))
    # a step through all of them, so that no product is quoted twice
    stride = 1 + (len(sold) // 5 * uniform("quotations.step", key)[offer]).astype(int)
    product = np.asarray(sold)[(liked[offer] + line * stride) % len(sold)]
    less = 0.05 * choose(uniform("quotations.discount", key), _DISCOUNTS, volume.astype(int))
    price = np.rint(products["price_cents"].to_numpy()[product] * (1 - less[offer]))
    # Bonus on volume: they promise goods sooner than the warehouse is used to.
    promise = np.exp(np.log(8) - 0.6 * volume + 0.3 * draft.draws.normal("quotations.promise", key))
    draft.table(
        "quotations", opportunity_id=opportunity[offer] + 1, line=line + 1, product_id=product + 1,
        quantity=np.rint((amount / np.where(firm, 4, 12) / count)[offer] / price).clip(1, 1e9),
        price_cents=price, promised_days=np.rint(promise).clip(1, 30)[offer],
    )  # fmt: skip
