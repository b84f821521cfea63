"""Who knows whom, who agreed to what, and what partners do: the facts as stated.

Referees: the parameters of the world, networkx for clustering, the rules in the data files, the truth.
"""

from functools import cache

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from crmlab import company
from crmlab.company import knowledge, partnership, people
from crmlab.company._draft import Draft
from crmlab.company._draws import Draws
from crmlab.company._schema import constants, declared
from crmlab.company.levers import Levers, policy


@cache
def drawn(customers: int = 5_000, seed: int = 7, **changes: float) -> company.Company:
    return company.simulate(customers, company.world(**changes), seed)


def partners_and_staff(seed: int) -> Draft:
    """Return a company of which only partners, staff and what hangs on them is drawn."""
    base = company.world()
    draft = Draft(base, policy(Levers(), base), Draws(seed), 20)
    steps = people.add_employees, partnership.draw_partners, knowledge.add_knowledge_use
    further = partnership.add_projects, partnership.add_partner_ties, partnership.add_partner_surveys
    for step in steps + further:
        step(draft)
    return draft


def network(one: company.Company) -> nx.Graph:
    graph = nx.Graph()
    graph.add_nodes_from(one.customers["customer_id"])
    graph.add_edges_from(one.acquaintances.to_numpy())
    return graph


# ---- acquaintances


@pytest.mark.parametrize("seed", [7, 1])
def test_customers_know_four_to_eight_others_who_often_know_each_other(seed):
    """Referee: networkx."""
    graph = network(drawn(seed=seed))
    degree = np.array([count for _, count in graph.degree])
    assert 4 <= degree.mean() <= 8 and np.isin(degree, range(4, 9)).mean() > 0.9
    assert 0.15 < nx.average_clustering(graph) < 0.3 and 0.15 < nx.transitivity(graph) < 0.3
    assert max(map(len, nx.connected_components(graph))) > 0.99 * len(graph)


@pytest.mark.slow
def test_clustering_stays_as_the_company_grows():
    """In a random graph it would fall with the number of customers."""
    small, large = (nx.transitivity(network(drawn(customers))) for customers in (2_000, 20_000))
    assert large == pytest.approx(small, abs=0.04)


@pytest.mark.slow
@pytest.mark.parametrize("homophily", [0.0, 0.6, 0.95])
def test_acquaintances_share_a_segment_as_often_as_homophily_says(homophily):
    """Referee: h + (1 − h) Σ share², as with friends; people of a household are no matter of choice."""
    one = drawn(20_000, homophily=homophily)
    ties = one._truth["acquaintances"].query("circle != 'household'")
    segment = one._truth["customers"].set_index("customer_id")["segment"].astype(str)
    same = segment[ties["customer_id"]].to_numpy() == segment[ties["knows_id"]].to_numpy()
    shares = segment.value_counts(normalize=True)
    assert same.mean() == pytest.approx(homophily + (1 - homophily) * (shares**2).sum(), abs=0.03)


def test_most_ties_stay_within_a_neighbourhood_that_can_be_found():
    """Referee: the communities of Louvain's method against those in the truth."""
    one = drawn()
    home = one._truth["communities"].set_index("customer_id")["community_id"]
    ties = one.acquaintances
    assert (home[ties["customer_id"]].to_numpy() == home[ties["knows_id"]].to_numpy()).mean() > 0.7
    truth = home.groupby(home).groups.values()
    assert nx.community.modularity(network(one), truth) > 0.6
    region = one.customers.set_index("customer_id")["region"]
    assert (region.groupby(home).nunique() == 1).all()


def test_people_of_a_household_know_each_other():
    one = drawn()
    household = one._truth["customers"].groupby("household_id")["customer_id"].agg(list)
    ties = set(one.acquaintances.itertuples(index=False, name=None))
    assert all(pair in ties for pair in map(tuple, household[household.map(len) == 2]))


def test_who_knows_whom_depends_on_the_customers_only():
    """Neither orders, nor campaigns, nor a policy move a tie."""
    one = drawn(1_500)
    other = drawn(1_500, campaigns=2, recovery=0.0, word_of_mouth=0.0)
    for changed in (one.do(complaint_response_days=0, campaign="none"), other):
        pd.testing.assert_frame_equal(changed.acquaintances, one.acquaintances)


# ---- knowledge


def test_news_goes_to_those_who_agreed_and_stops_when_they_withdraw_with_few_exceptions():
    one = drawn()
    news = one.interactions.query("direction == 'out' and channel != 'visit'")
    agreed = one.consents[one.consents["purpose"] == "news"].astype({"channel": "str"})
    both = news.astype({"channel": "str"}).merge(agreed, "left", on=["customer_id", "channel"])
    day = both["sent_at"].dt.normalize()
    assert 0.02 < both["given_on"].isna().mean() < 0.08
    assert (both["given_on"] <= day)[both["given_on"].notna()].all()
    assert 0 < (both["withdrawn_on"] < day).mean() < 0.02


def test_the_preferred_channel_is_agreed_to_and_the_dissatisfied_withdraw():
    one = drawn()
    consents = one.consents.merge(one.customers, on="customer_id").merge(
        one._truth["customers"][["customer_id", "satisfaction"]], on="customer_id"
    )
    preferred = consents["channel"].astype(str) == consents["preferred_contact"].astype(str)
    asked = one.customers["preferred_contact"].astype(str).ne("visit").sum()
    assert consents[preferred & (consents["purpose"] == "offers")]["customer_id"].nunique() > 0.7 * asked
    withdrew = consents["withdrawn_on"].notna()
    assert consents["satisfaction"][withdrew].mean() < consents["satisfaction"][~withdrew].mean() - 0.2


def test_whoever_asks_for_erasure_agrees_to_nothing_afterwards():
    one = drawn()
    erased = one.requests[one.requests["kind"] == "erasure"].set_index("customer_id")["asked_on"]
    consents = one.consents[one.consents["customer_id"].isin(erased.index)]
    assert len(consents) > 50
    assert (consents["withdrawn_on"] <= consents["customer_id"].map(erased)).all()


def test_the_law_on_data_is_for_people():
    one = drawn()
    kinds = one.customers.set_index("customer_id")["kind"]
    assert len(one.requests) and kinds[one.requests["customer_id"]].eq("person").all()


def test_complainers_ask_what_we_hold_and_some_wait_too_long():
    one = drawn(20_000)
    access = one.requests[one.requests["kind"] == "access"]
    complained = one.customers["customer_id"].isin(one.complaints["customer_id"])
    asks = one.customers["customer_id"].isin(access["customer_id"])
    assert asks[complained].mean() > 3 * asks[~complained].mean()
    late = (one.requests["answered_on"] - one.requests["asked_on"]).dt.days > 30
    assert 0.05 < late.mean() < 0.25


@pytest.mark.slow
def test_knowledge_helps_decisions_as_the_truth_says():
    """Referee: a logistic regression over many companies against the probabilities in the envelope."""
    many = [partners_and_staff(seed) for seed in range(60)]
    uses = pd.concat([one.tables["knowledge_use"].merge(one.truth["knowledge_use"]) for one in many])
    uses = uses.rename(columns={"success_probability": "truth"})
    judged = uses[uses["outcome"].isin(["worked", "failed"])]
    logit = np.log(judged["truth"] / (1 - judged["truth"]))
    fit = sm.Logit((judged["outcome"] == "worked").astype(int), sm.add_constant(logit)).fit(disp=0)
    assert (
        abs(fit.params["truth"] - 1) < 3.3 * fit.bse["truth"] and fit.params["truth"] > 5 * fit.bse["truth"]
    )
    blind = judged["tables_used"].isna()
    assert judged["truth"][blind].max() < judged["truth"][~blind].min()
    assert judged.loc[blind, "truth"].nunique() == 1


def test_every_decision_names_tables_that_there_are_and_who_decided_is_of_the_department():
    for decision in constants("knowledge.toml")["decisions"]:
        assert set(decision["tables"].split()) <= set(declared()["company"]), decision
    uses = drawn().knowledge_use.merge(drawn().employees, on="employee_id")
    assert (uses["department_x"].astype(str) == uses["department_y"].astype(str)).all()


# ---- partners


def test_partners_trust_us_as_far_as_they_think_well_of_us():
    many, keys = [partners_and_staff(seed) for seed in range(20)], ["partner_id", "asked_on"]
    answers = pd.concat(
        [one.truth["partner_surveys"].merge(one.tables["partner_surveys"], on=keys) for one in many]
    )
    assert answers["trust"].corr(answers["attitude"]) > 0.6
    assert answers["commitment"].corr(answers["trust"]) > 0.5
    assert answers["commitment"].corr(answers["attitude"]) < answers["trust"].corr(answers["attitude"])
    for name in ("trust", "commitment"):
        items = answers[[f"{name}_{number}" for number in (1, 2, 3)]]
        alpha = 1.5 * (1 - items.var().sum() / items.sum(axis=1).var())
        assert 0.75 < alpha < 0.95
        assert items.mean(axis=1).corr(answers[name]) > 0.85


def test_the_true_attitude_is_the_one_that_attitudes_round():
    one = drawn()
    held = one._truth["partner_surveys"].merge(
        one.attitudes[one.attitudes["side"] == "theirs"],
        on=["partner_id", "asked_on"],
        suffixes=("_true", ""),
    )
    assert len(held) == len(one.partner_surveys) > 50
    assert held["attitude_true"].round().clip(1, 7).eq(held["attitude"]).all()


def test_projects_pay_both_sides_more_often_where_the_partner_is_warm():
    many = [partners_and_staff(seed) for seed in range(40)]
    projects = pd.concat([one.tables["projects"].merge(one.truth["partners"]) for one in many])
    projects = projects.dropna(subset="ends_on")
    ours, theirs = (projects[f"{side}_gain_cents"] > 0 for side in ("our", "their"))
    both = ours & theirs
    assert 0.4 < both.mean() < 0.75
    assert (ours & ~theirs).mean() > 0.05 and (theirs & ~ours).mean() > 0.05
    warm = projects["warmth"] > projects["warmth"].median()
    assert both[warm].mean() > both[~warm].mean() + 0.1


def test_partners_deal_with_one_another_as_often_as_the_rules_say():
    """Referee: partner_ties.csv, over many companies."""
    rules = constants("partner_ties.csv").set_index(["one", "other"])
    many = [partners_and_staff(seed) for seed in range(30)]
    partners = many[0].tables["partners"]
    counts = partners["kind"].value_counts()
    ties = pd.concat([one.tables["partner_ties"] for one in many])
    kind = partners.set_index("partner_id")["kind"].astype(str)
    ends = ties.assign(one=ties["partner_id"].map(kind), other=ties["other_id"].map(kind))
    for (one, other), rule in rules.iterrows():
        pairs = counts[one] * counts[other] if one != other else counts[one] * (counts[one] - 1) / 2
        found = ends[(ends["one"] == one) & (ends["other"] == other)]
        spread = np.sqrt(rule["share"] * (1 - rule["share"]) / (pairs * len(many)))
        assert abs(len(found) / (pairs * len(many)) - rule["share"]) < 3.5 * spread, (one, other)
        assert (found["tie"] == rule["tie"]).all()
    assert len(ends) == sum(
        ((ends["one"] == one) & (ends["other"] == other)).sum() for one, other in rules.index
    )


# ---- messages


def messages(one: company.Company) -> pd.DataFrame:
    """Return the messages with their true purpose."""
    return one.interactions.drop(columns="purpose").merge(one._truth["interactions"], on="interaction_id")


def told() -> pd.DataFrame:
    one = drawn()
    parts = one.participants.merge(one.interactions, on="interaction_id", suffixes=("", "_of"))
    kinds = one.customers[["customer_id", "kind"]]
    return parts.merge(kinds, on="customer_id").merge(one._truth["people"], "left", on="person_id")


def test_the_writer_and_the_reader_are_those_of_the_message():
    parts = told()
    for part, way in (("from", "in"), ("to", "out")):
        theirs = parts[(parts["part"] == part) & (parts["direction"] == way)]
        assert theirs["person_id"].eq(theirs["person_id_of"]).all()
        ours = parts[(parts["part"] == part) & (parts["direction"] != way)]
        assert ours["employee_id"].eq(ours["employee_id_of"]).all()


def test_only_firms_copy_and_only_what_is_written_is_copied_or_signed():
    parts = told()
    assert (parts.loc[parts["part"] == "copied", "kind"] == "firm").all()
    extra = parts[parts["part"].isin(["copied", "signed"])]
    assert not extra.duplicated(["interaction_id", "person_id"]).any()  # nobody is copied who signs
    assert extra["channel"].isin(["web", "fax", "mail"]).all()
    assert (extra["person_id"].ne(extra["person_id_of"]) | extra["part"].eq("signed")).all()


@pytest.mark.parametrize("purpose", ["approval", "order", "usage"])
def test_deciders_sign_what_others_write_as_often_as_the_shares_say(purpose):
    """Referee: copies.csv, over letters whose writer decides nothing; else the writer signs."""
    one = drawn(20_000)
    roles = one._truth["people"].set_index("person_id")["decider"]
    about = messages(one).query("purpose == @purpose").set_index("interaction_id")["person_id"]
    signed = one.participants.query("part == 'signed'")
    signed = signed.assign(writer=signed["interaction_id"].map(about)).dropna(subset="writer")
    signed = signed[~roles[signed["writer"]].to_numpy()]
    share = constants("copies.csv").set_index("purpose").loc[purpose, "decider_signs"]
    decided = roles[signed["person_id"]].to_numpy()
    assert len(signed) > 100
    assert abs(decided.mean() - share) < 3.5 * np.sqrt(share * (1 - share) / len(signed))
    assert signed["person_id"].eq(signed["writer"])[~decided].all()


@pytest.mark.slow
def test_a_tea_in_a_subject_is_on_the_order_and_no_cup_is_steeped():
    one = drawn()
    lines = one.order_lines.merge(one.products, on="product_id")
    both = one.subjects.merge(one.interactions, on="interaction_id")
    names = one.products.melt("category", ["name", "chinese_name"])
    tea = both["subject"].str.extract("(" + "|".join(sorted(names["value"], key=len, reverse=True)) + ")")[0]
    named = both.assign(tea=tea).dropna(subset="tea")
    on_order = lines.groupby("order_id")[["name", "chinese_name"]].agg(set)
    held = on_order.loc[named["order_id"]]
    assert len(named) > 1_000
    assert all(tea in one or tea in other for tea, one, other in
               zip(named["tea"], held["name"], held["chinese_name"], strict=True))  # fmt: skip
    assert not named["tea"].isin(names.loc[names["category"] == "ware", "value"]).any()


def test_subjects_are_in_the_language_of_the_person_and_often_do_not_tell_the_purpose():
    one = drawn()
    both = one.subjects.merge(messages(one), on="interaction_id").merge(one.people, on="person_id")
    chinese = both["subject"].str.contains(r"[\u4e00-\u9fff]")
    assert chinese.eq(both["language"] == "zh").all()
    purposes = both.groupby("subject")["purpose"].nunique()
    assert 0.25 < both["subject"].map(purposes).gt(1).mean() < 0.6
    assert both["channel"].isin(["web", "fax", "mail"]).all()


def test_the_lists_of_subjects_are_paired_and_begin_without_a_tea():
    for purpose, lists in constants("subjects.toml").items():
        assert len(lists["en"]) == len(lists["zh"]), purpose
        assert "{}" not in lists["en"][0] + lists["zh"][0], purpose


# ---- the causal map


def test_every_table_shows_on_the_causal_map():
    shown = {table for _, tables in company.causal_map().nodes(data="tables") for table in tables}
    new = {"participants", "subjects", "acquaintances", "consents", "requests", "knowledge_use", "projects"}
    new |= {"preferences", "requirements", "suggestions", "improvements", "invoices"}
    assert new | {"partner_ties", "partner_surveys"} <= shown <= set(declared()["company"])
