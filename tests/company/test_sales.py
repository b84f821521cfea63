"""Leads and what sellers do about them: the facts as stated.

Referees: the envelope, a likelihood fitted to the lot, the company's twin, brute force over the steps.
"""

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy.optimize import minimize
from scipy.special import expit, logit
from scipy.stats import chi2

from crmlab import company
from crmlab.company import sales
from crmlab.company._draft import Draft, Tables
from crmlab.company._draws import Draws
from crmlab.company.company import LATER, STEPS
from crmlab.company.dossier import dossier
from crmlab.company.levers import Levers, policy

WIDTH = 0.8


@cache
def drawn(customers: int = 20_000, seed: int = 7) -> company.Company:
    return company.simulate(customers, rng=seed)


def under(invited: np.ndarray | None = None, customers: int = 1_500, **levers: Any) -> Draft:
    """Return a company drawn under these levers, with these invitations to refer in place of its own."""
    base = company.world()
    draft = Draft(base, policy(Levers(**levers), base), Draws(1), customers)
    for step in STEPS:
        step(draft)
    draft.invited = np.zeros((3, 0)) if invited is None else invited
    sales.add_sales(draft)
    return draft


def followed(one: company.Company) -> pd.DataFrame:
    """Return closed leads with their steps: the first delay, the gap and the number of them."""
    steps = one.activities.groupby("lead_id")["done_on"].agg(["min", "max", "size"])
    leads = one.leads[one.leads["outcome"] != "open"].set_index("lead_id").join(steps)
    truth = one._truth["leads"].drop(columns=["intent", "innovator"])
    leads = leads.join(truth.set_index("lead_id"))
    return leads.assign(
        times=leads["size"].fillna(0),
        first=(leads["min"] - leads["interested_on"]).dt.days.fillna(0),
        gap=((leads["max"] - leads["min"]).dt.days / (leads["size"] - 1).where(leads["size"] > 1)).fillna(30),
        won=(leads["outcome"] == "won").astype(int),
    )


def log_likelihood(data: pd.DataFrame, optimum: Any, times: int) -> float:
    """Return the best log-likelihood with the optimum (first days, gap) fixed, or free if it is None."""

    def odds(at: np.ndarray) -> np.ndarray:
        constant, intent, first, gap, *free = at
        best = np.log([1 + optimum[0], optimum[1]]) if optimum is not None else free
        late = (np.log1p(data["first"]) - best[0]) / WIDTH
        delay = np.where(data["times"] > 0, np.exp(-(late**2) / 2), 0)
        apart = (np.log(data["gap"]) - best[1]) / WIDTH
        fits = np.where(apart < 0, 2 * np.exp(-(apart**2) / 2) - 1, np.exp(-(apart**2) / 2))
        good = (data["times"].clip(upper=times) - 1).clip(lower=0)
        again = good * fits - (data["times"] - times).clip(lower=0)
        return constant + intent * data["intent"] + first * delay + gap * again

    def minus(at: np.ndarray) -> float:
        value = odds(at)
        return float(np.logaddexp(0, value).sum() - (data["won"] * value).sum())

    starts = [[-4, 1, 0.5, 0.3, *(np.log([1 + first, 30]) if optimum is None else [])] for first in (8, 25)]
    return -min(minimize(minus, start, method="BFGS").fun for start in starts)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [7, 3, 9])
def test_the_lot_finds_the_rhythm_of_this_company_and_no_other(seed):
    """Referee: the likelihood of the leads whose steps were drawn by lot; the truth cannot be told from its
    maximum, and the rhythm of another company is rejected."""
    one = drawn(seed=seed)
    lot = followed(one).query("by_lot")
    true = one._truth["rhythm"].iloc[0]
    times = int(true["times"])
    best = true["first_days"], true["gap_days"]
    free, at_truth = (log_likelihood(lot, at, times) for at in (None, best))
    assert 2 * (free - at_truth) < chi2.ppf(0.999, 2)
    wrong = 2.5 * best[0], best[1] / 2.5
    assert 2 * (free - log_likelihood(lot, wrong, times)) > chi2.ppf(0.9999, 2)
    assert at_truth > log_likelihood(lot, best, 1) + 5


def test_the_optimum_differs_between_companies_within_its_bounds():
    rhythms = pd.concat([pd.DataFrame([sales.rhythm(Draft(company.world(), Levers(), Draws(seed), 1))])
                         for seed in range(200)])  # fmt: skip
    assert rhythms["first_days"].between(4, 40).all() and rhythms["gap_days"].between(15, 75).all()
    assert rhythms["first_days"].min() < 6 and rhythms["first_days"].max() > 35
    assert rhythms["gap_days"].min() < 18 and rhythms["gap_days"].max() > 70
    monthly = rhythms["first_days"].between(7, 14) & rhythms["gap_days"].between(25, 35)
    assert 0 < monthly.mean() < 0.2  # one to two weeks, then monthly: right in some companies only


@pytest.mark.slow
def test_effort_seems_to_win_more_than_it_does_for_it_is_spent_on_the_keen():
    """Referee: the lot. Of the leads that sellers chose how to follow up the contrast is larger."""
    leads = followed(drawn())
    few = leads[leads["times"] <= 6]
    slopes = {lot: smf.logit("won ~ times", few[few["by_lot"] == lot]).fit(disp=0) for lot in (True, False)}
    chosen, by_lot = slopes[False], slopes[True]
    spread = np.hypot(chosen.bse["times"], by_lot.bse["times"])
    assert chosen.params["times"] - by_lot.params["times"] > 5 * spread
    # the lot is fair: what sellers noted before says nothing about the plan
    assert abs(few.query("by_lot")[["times", "intent"]].corr().iloc[0, 1]) < 0.06
    assert few.query("not by_lot")[["times", "intent"]].corr().iloc[0, 1] > 0.5


@pytest.mark.slow
def test_a_third_are_followed_up_by_lot_and_a_third_are_won():
    leads = pd.concat([drawn(5_000, seed).leads for seed in range(6)])
    assert leads["by_lot"].mean() == pytest.approx(1 / 3, abs=0.02)
    assert (leads["outcome"] == "won").mean() == pytest.approx(1 / 3, abs=0.07)


@pytest.mark.slow
def test_overdoing_hurts():
    """Referee: the truth. A plan at the best rhythm wins most; one step more, or steps in haste, win less."""
    truth, plain = under().truth["leads"], {}
    best = sales.rhythm(Draft(company.world(), Levers(), Draws(1), 1))
    changes = {"best": {}, "haste": {"gap_days": 5}, "late": {"first_days": 60}, "none": {"times": 0}}
    changes["more"] = {"times": best["times"] + 1}
    for name, change in changes.items():
        plain[name] = under(follow_up=best | change).truth["leads"]["win_probability"]
    assert np.allclose(plain["best"], truth["win_probability_best"])
    assert np.allclose(plain["none"], truth["win_probability_no_effort"])
    assert all((plain[name] < plain["best"]).all() for name in plain if name != "best")
    assert (logit(plain["haste"]) < logit(plain["none"]) + company.world().first_effect).all()


def test_interest_is_noted_after_each_step_and_falls_where_one_overdoes_it():
    one = drawn()
    notes = one.activities.merge(one.leads[["lead_id", "by_lot", "intent"]], on="lead_id").query("by_lot")
    assert notes["interest"].between(1, 5).all()
    gap = followed(one)["gap"]
    wide = notes.pivot(index="lead_id", columns="number", values="interest").join(gap)
    change = wide[3] - wide[1]
    assert change[wide["gap"] < 8].mean() < -0.1 < 0.1 < change[wide["gap"].between(25, 45)].mean()


def test_a_bonus_on_volume_chases_and_promises_more():
    one = drawn()
    leads = followed(one).merge(one.employees, left_on="owner_id", right_on="employee_id").query("not by_lot")
    volume = leads["incentive"] == "volume"
    assert leads["times"][volume].mean() > leads["times"][~volume].mean() + 0.5
    offers = one.quotations.query("line == 1").merge(one.opportunities, on="opportunity_id")
    offers = offers.merge(one.leads[["lead_id", "owner_id"]], on="lead_id")
    offers = offers.merge(one.employees, left_on="owner_id", right_on="employee_id")
    promised = offers.groupby(offers["incentive"] == "volume")["promised_days"].mean()
    assert promised[True] < promised[False] - 2


def test_leads_can_be_called_and_those_who_joined_are_the_customers_they_became():
    one = drawn()
    assert one.leads["telephone"].str.fullmatch(r"\+999 \d{4} \d{4}").all()
    assert one.leads["mail"].str.fullmatch(r"\S+@\S+\.example").all()
    unknown = one.leads[one.leads["customer_id"].isna()]
    assert unknown["mail"].is_unique and not unknown["mail"].isin(one.people["mail"]).any()
    joined = one.leads.merge(one.customers[["customer_id", "person_id"]], on="customer_id")
    joined = joined.merge(one.people, on="person_id", suffixes=("", "_there"))
    assert len(joined) > 3_000
    assert all((joined[name] == joined[f"{name}_there"]).all() for name in ("name", "telephone", "mail"))


def test_what_is_offered_is_worth_it_priced_and_a_need_of_a_firms_quarter_or_a_persons_month():
    one = drawn()
    assert one.opportunities["amount_cents"].min() >= 20_000
    lines = one.quotations.merge(one.products[["product_id", "price_cents"]], on="product_id")
    less = 1 - lines["price_cents_x"] / lines["price_cents_y"]
    assert less.between(-0.001, 0.101).all() and 0.2 < (less > 0.01).mean() < 0.8
    assert not one.quotations.duplicated(["opportunity_id", "product_id"]).any()
    offers = one.opportunities.set_index("opportunity_id")
    assert set(offers.index[offers["offered_on"].notna()]) == set(one.quotations["opportunity_id"])
    total = (one.quotations["quantity"] * one.quotations["price_cents"]).groupby(
        one.quotations["opportunity_id"]).sum()  # fmt: skip
    firm = offers["lead_id"].map(one.leads.set_index("lead_id")["kind"]) == "firm"
    share = total / offers["amount_cents"]
    assert share[firm].median() == pytest.approx(1 / 4, abs=0.03)
    assert share[~firm].median() == pytest.approx(1 / 12, abs=0.03)


def test_an_offer_begins_with_the_shelf_that_who_joined_likes_best():
    """Referee: the taste in the truth."""
    one = drawn()
    first = one.quotations.query("line == 1").merge(one.opportunities, on="opportunity_id")
    first = first.merge(one.leads.dropna(subset="customer_id"), on="lead_id")
    true = one._truth["customers"].set_index("customer_id").filter(like="affinity_").idxmax(axis=1)
    offered = first["product_id"].map(one.products.set_index("product_id")["category"]).astype(str)
    assert ("affinity_" + offered == first["customer_id"].map(true)).all() and len(first) > 1_000


# ---- twins


@pytest.mark.slow
def test_the_lever_follow_up_changes_what_sellers_do_and_who_is_won_and_nothing_else():
    """Referee: every other table, to the byte; and the win probabilities of the rule."""
    own, rule = under(), under(follow_up={"first_days": 10, "gap_days": 30, "times": 3})
    moved = {"leads", "activities", "opportunities", "quotations"}
    for name in own.tables.keys() - moved:
        pd.testing.assert_frame_equal(own.tables[name], rule.tables[name])
    for name in own.truth.keys() - {"leads"}:
        pd.testing.assert_frame_equal(own.truth[name], rule.truth[name])
    ends = ["customer_id", "by_lot", "outcome", "closed_on"]
    before, after = (draft.tables["leads"].drop(columns=ends) for draft in (own, rule))
    pd.testing.assert_frame_equal(before, after)
    steps = rule.tables["activities"].merge(rule.tables["leads"], on="lead_id")
    since = (steps["done_on"] - steps["interested_on"]).dt.days
    assert since.eq(10 + 30 * (steps["number"] - 1)).all() and steps["number"].max() == 3
    assert not rule.tables["leads"]["by_lot"].any()
    both = own.truth["leads"], rule.truth["leads"]
    better = both[1]["win_probability"] >= both[0]["win_probability"]
    # with the same luck nobody is lost whose odds rose
    assert not (own.leads["wins"] & ~rule.leads["wins"] & better.to_numpy()).any()
    assert (own.leads["wins"] != rule.leads["wins"]).any()


def test_a_lever_that_is_the_plan_of_a_lead_leaves_that_lead_alone():
    one = under()
    lead = int(np.flatnonzero(one.leads["lot"] & (np.isfinite(one.leads["steps"]).sum(axis=1) == 3))[0])
    steps = one.leads["steps"][lead]
    rule = {"first_days": round(steps[0] - one.leads["interested"][lead]), "times": 3}
    same = under(follow_up=rule | {"gap_days": round(steps[1] - steps[0])})
    for name in ("log_odds", "closing", "wins"):
        assert same.leads[name][lead] == one.leads[name][lead]


# ---- invitations to refer


def invitations(customers: int) -> np.ndarray:
    lot = np.random.default_rng(5).random(customers) < 0.5
    return np.array([np.arange(customers), np.full(customers, 700), lot], float)


@pytest.mark.slow
def test_only_the_invited_bring_leads_as_many_as_the_world_says_and_more_for_a_reward():
    """Referee: the mean of the stated probabilities; and the twin with another reward."""
    everybody = invitations(4_000)
    found = {cents: under(everybody, 4_000, referral_reward=cents) for cents in (None, 0, 10_000)}
    leads = found[None].tables["leads"].dropna(subset="referrer_id")
    assert everybody[2][leads["referrer_id"].astype(int) - 1].all() and leads["referrer_id"].is_unique
    base, content = company.world(), found[None].traits["satisfaction"][everybody[2] > 0]
    for cents, draft in found.items():
        reward = 500 if cents is None else cents
        odds = (
            logit(base.invitation_leads) + base.reward_effect * np.log((100 + reward) / 600) + 0.4 * content
        )
        brought = draft.tables["leads"]["referrer_id"].notna().sum()
        assert brought == pytest.approx(expit(odds).sum(), abs=3.5 * np.sqrt(expit(odds).sum()))
        assert draft.tables["leads"]["reward_cents"].eq(reward).sum() >= brought
    few, own, many = (
        set(found[cents].tables["leads"]["referrer_id"].dropna()) for cents in (0, None, 10_000)
    )
    assert few < own < many  # with the same luck a higher reward adds referrers and loses none
    # who comes through an invitation is pursued as others are, and begins after it
    day = (leads["interested_on"] - pd.Timestamp("2023-01-01")).dt.days
    assert (day > 700).all() and found[None].tables["activities"]["lead_id"].isin(leads["lead_id"]).any()
    assert leads["customer_id"].isna().all()


@pytest.mark.slow
def test_the_reward_moves_referred_leads_only():
    everybody = invitations(1_500)
    own, high = under(everybody), under(everybody, referral_reward=8_000)
    for name in own.tables.keys() - {"leads", "activities", "opportunities", "quotations"}:
        pd.testing.assert_frame_equal(own.tables[name], high.tables[name])
    for name in ("leads", "activities"):
        tables = [draft.tables[name] for draft in (own, high)]
        others = [one[one["lead_id"] <= len(own.leads["key"])].reset_index(drop=True) for one in tables]
        pd.testing.assert_frame_equal(*others)


def test_without_invitations_nobody_is_referred():
    assert under().tables["leads"]["referrer_id"].isna().all()


def test_the_dossier_of_a_referrer_tells_whom_they_brought_and_not_how_that_one_was_pursued():
    draft = under(invitations(1_500))
    tables = Tables("company", draft.tables, draft, LATER)
    leads = draft.tables["leads"]
    offered = leads["lead_id"].isin(draft.tables["opportunities"]["lead_id"])
    lead = leads[offered].dropna(subset="referrer_id").iloc[0]
    own = leads[leads["customer_id"] == lead["referrer_id"]]
    events = dossier(tables, int(lead["referrer_id"])).events
    told = events[events["table"] == "leads"]["text"]
    assert told.str.contains(f"Brings {lead['name']}, invited").sum() == 1
    assert len(told) == 1 + 2 * len(own)
    steps = draft.tables["activities"]["lead_id"].isin(own["lead_id"]).sum()
    assert (events["table"] == "activities").sum() == steps
