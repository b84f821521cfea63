"""Leads: interest that spreads, and sellers who follow it up where they see it."""

import numpy as np
from scipy.special import expit

from crmlab.company._draft import Draft, ids
from crmlab.company._draws import choose

_CONSTANT = -1.45  # with it about a third of the leads are won in the base world
_STEPS = 8  # follow-ups at most
_INSIGHT = 0.95  # correlation of what sellers see with true intent; to chase more they must see more
_NOTED = 0.965  # correlation of what they see with the note of it from 1 to 5


def draw_leads(draft: Draft) -> None:
    """Draw who is interested when (Bass, given the log), the sellers' steps, and who is won or lost when."""
    world, luck = draft.world, draft.draws.stream("leads")
    n, p, q = int(world.leads * draft.customers), world.innovation, world.imitation
    share = np.sort(luck.random(n)) * _interested_by(draft)  # F at the date; below, the date from it
    interested = (np.log1p(share * q / p) - np.log1p(-share)) / (p + q)
    intent, noise, will, keen = luck.standard_normal((4, n))
    insight = max(_INSIGHT, world.chasing)
    note = np.rint(3 + 1.1 * (insight * intent + np.sqrt(1 - insight**2) * noise)).clip(1, 5)
    chase = min(1, world.chasing / (_NOTED * insight))
    # Effort follows the note alone: whoever adjusts for the note learns what effort does.
    effort = 3.5 + 1.6 * (chase * (note - 3) / 1.1 + np.sqrt(1 - chase**2) * will)
    effort = np.rint(effort).clip(0, _STEPS).astype(int)
    # The first step after one to two weeks, then about monthly for three months; closer if there are many.
    gap = 90 / (effort - 1).clip(3)
    steps = (interested + 7)[:, None] + 7 * luck.random((n, _STEPS)) + np.arange(_STEPS) * gap[:, None]
    steps[np.arange(_STEPS) >= effort[:, None]] = np.nan
    # Won or lost the wait is alike, so that being closed before the log ends says nothing about winning.
    closing = np.fmax(interested, np.fmax.reduce(steps, axis=1)) + 1 + 15 * luck.standard_exponential(n)
    closed = np.where(closing < world.days, closing, np.nan)
    alone = _CONSTANT + world.intent_effect * intent
    log_odds = alone + world.effort_effect * effort
    wins, innovator = luck.random(n) < expit(log_odds), luck.random(n) < p / (p + q * share)
    draft.leads = {
        "firm": luck.random(n) < world.lead_firm_share, "wins": wins, "won": np.where(wins, closed, np.nan),
        "source": choose(luck.random(n), [0.2, 0.4, 0.25, 0.15]), "log_odds": log_odds, "alone": alone,
        "interested": interested, "steps": steps, "closing": closing, "closed": closed,
        "intent": intent, "intent_note": note, "innovator": innovator,
        "innovator_note": np.rint(2.4 + 1.2 * innovator + 0.8 * keen).clip(1, 5),
    }  # fmt: skip


def _interested_by(draft: Draft) -> float:
    """Return Bass's F at the end of the log: the share of all who ever will be interested."""
    p, q, days = draft.world.innovation, draft.world.imitation, draft.world.days
    return float(-np.expm1(-(p + q) * days) / (1 + q / p * np.exp(-(p + q) * days)))


def assign_owners(draft: Draft) -> None:
    """Give every lead and every customer a seller; whoever wins a lead keeps the customer."""
    luck, sellers, lead = draft.draws.stream("owners"), draft.staff["sales"], draft.traits["lead"]
    draft.leads["owner"] = luck.choice(sellers, len(draft.leads["won"]))
    draft.traits["owner"] = luck.choice(sellers, draft.customers)
    draft.traits["owner"][lead >= 0] = draft.leads["owner"][lead[lead >= 0]]


def add_sales(draft: Draft) -> None:
    """Add leads, opportunities and activities, and what is true of leads and of how news spreads."""
    world, draws, leads, traits = draft.world, draft.draws, draft.leads, draft.traits
    n, luck = len(leads["won"]), draws.stream("opportunities")
    customer = np.full(n, -1)
    customer[traits["lead"][traits["lead"] >= 0]] = np.flatnonzero(traits["lead"] >= 0)
    draft.table(
        "leads", lead_id=np.arange(n) + 1, customer_id=ids(customer), kind=leads["firm"],
        source=leads["source"], interested_on=leads["interested"], innovativeness=leads["innovator_note"],
        intent=leads["intent_note"], owner_id=leads["owner"] + 1, closed_on=leads["closed"],
        outcome=np.where(np.isnan(leads["closed"]), 2, customer < 0),
    )  # fmt: skip
    draft.secret(
        "leads", lead_id=np.arange(n) + 1, intent=leads["intent"], innovator=leads["innovator"],
        win_probability=expit(leads["log_odds"]), win_probability_no_effort=expit(leads["alone"]),
    )  # fmt: skip
    news = {name: [getattr(world, name)] for name in ("innovation", "imitation", "homophily", "influence")}
    draft.secret("news", leads_ever=np.rint([n / _interested_by(draft)]), **news)
    begun, taken = leads["interested"][:, None], (leads["closing"] - leads["interested"])[:, None]
    stages = begun + np.sort(luck.random((n, 3)), axis=1) * taken
    reached = np.where(leads["wins"], 3, 1 + choose(luck.random(n), [0.3, 0.4, 0.3]))
    stages[(np.arange(3) >= reached[:, None]) | (stages >= world.days)] = np.nan
    # Whoever is not won is expected to buy like any customer, so that the amount does not tell who was won.
    like = np.where(customer < 0, luck.integers(draft.customers, size=n), customer)
    multiple = float(world.firm_spend) ** (leads["firm"] * 1 - traits["firm"][like])
    amount = 365 * traits["purchase_rate"][like] * traits["mean_spend_cents"][like] * multiple
    amount = np.ceil((amount * np.exp(1.5 * luck.standard_normal(n))).clip(1, 1e15) / 1000) * 1000
    forecast = expit(leads["log_odds"] + 0.7 + 0.5 * luck.standard_normal(n))  # sellers are optimists
    qualified = leads["wins"] | (leads["intent_note"] >= 2) | (luck.random(n) < 0.6)
    kept = np.flatnonzero(qualified & ~np.isnan(stages[:, 0]))
    draft.table(
        "opportunities", opportunity_id=np.arange(len(kept)) + 1, lead_id=kept + 1,
        qualified_on=stages[kept, 0], offered_on=stages[kept, 1], negotiated_on=stages[kept, 2],
        closed_on=leads["closed"][kept], amount_cents=amount[kept], forecast_probability=forecast[kept],
    )  # fmt: skip
    lead, step = np.nonzero(leads["steps"] < world.days)
    draft.table(
        "activities", lead_id=lead + 1, number=step + 1, employee_id=leads["owner"][lead] + 1,
        done_on=leads["steps"][lead, step],
        channel=choose(draws.uniform("activities.channel", lead, step), [0.2, 0.5, 0.3]),
    )  # fmt: skip
