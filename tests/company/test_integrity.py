"""Every table keeps to its declaration: keys, references, types, order of dates, signs."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crmlab import company
from crmlab.company._schema import declared, frame

WORLDS = ["base", "textbook", "seasonal", "promo_driven", "clockwork"]


@cache
def standard() -> company.Company:
    return company.simulate()


def sides(drawn: company.Company) -> list[tuple[str, str, pd.DataFrame]]:
    tables = [("company", name, table) for name, table in drawn.tables.items()]
    return tables + [("truth", name, table) for name, table in drawn._truth.items()]


def broken_rules(drawn: company.Company) -> list[str]:
    """Return every rule that a table breaks, in words."""
    found = []
    for side, name, table in sides(drawn):
        declaration = declared()[side][name]
        if list(table.columns) != list(declaration.columns):
            found.append(f"{side} {name}: columns")
        if declaration.keys and table.duplicated(declaration.keys).any():
            found.append(f"{side} {name}: a key is there twice")
        for column in declaration.columns.values():
            values = table[column.name]
            if not column.kind.endswith("?") and values.isna().any():
                found.append(f"{side} {name}.{column.name}: missing values")
            if column.kind.startswith("number") and np.isinf(values).any():
                found.append(f"{side} {name}.{column.name}: infinite")
            if column.refers_to:
                other, key = column.refers_to.split(".")
                if not values.dropna().isin(drawn.tables[other][key]).all():
                    found.append(f"{side} {name}.{column.name}: refers to nobody")
            if " to " in column.unit and not column.kind.startswith("category"):
                low, high = map(float, column.unit.split(" to "))
                if not values.dropna().between(low, high).all():
                    found.append(f"{side} {name}.{column.name}: outside {column.unit}")
            if column.unit == "share" and not values.dropna().between(-1e-9, 1 + 1e-9).all():
                found.append(f"{side} {name}.{column.name}: no share")
    return found + [rule for rule, holds in ordered(drawn).items() if not holds]


def ordered(drawn: company.Company) -> dict[str, bool]:
    """Return the rules on dates and amounts, and whether each holds."""
    t, days = drawn.tables, drawn._world.days
    start = np.datetime64("2023-01-01")
    end = start + np.timedelta64(days, "D")
    life = t["customers"].set_index("customer_id")[["joined_on"]]
    life = life.join(drawn._truth["customers"].set_index("customer_id")["left_on"])
    orders = t["orders"].join(life, on="customer_id")
    day = orders["ordered_at"].dt.normalize()
    first = orders.groupby("customer_id")["ordered_at"].min().dt.normalize()
    complaints = t["complaints"].merge(t["orders"][["order_id", "ordered_at"]], on="order_id")
    returns = t["returns"].merge(t["orders"][["order_id", "ordered_at"]], on="order_id")
    lines = t["order_lines"].groupby("order_id")[["amount_cents", "cost_cents"]].sum()
    terms = t["memberships"]
    waves = t["surveys"].join(life, on="customer_id")
    offers = t["opportunities"]
    posts = t["community_posts"].set_index("post_id")["posted_at"]
    replies = t["community_posts"].dropna(subset="reply_to")
    balance = t["points"].sort_values(["customer_id", "entered_on", "points"], ascending=[True, True, False])
    whose = drawn._truth["contacts"][["contact_id", "customer_id"]]
    referred = drawn._truth["customers"].dropna(subset="referrer_id")
    consents, requests, projects, parts = (
        t[one] for one in ("consents", "requests", "projects", "participants")
    )
    messages = parts.merge(t["interactions"], on="interaction_id", suffixes=("_part", ""))
    gone = drawn._truth["departures"].set_index("person_id")["left_on"]
    gone = gone.reindex(messages["person_id_part"].astype(float)).to_numpy()
    notes, ideas = t["preferences"].join(life, on="customer_id"), t["suggestions"]
    bills = t["invoices"].merge(t["orders"][["order_id", "ordered_at"]], on="order_id")
    firms = t["customers"].loc[t["customers"]["kind"] == "firm", "customer_id"]
    belongs = messages["person_id_part"].map(t["people"].set_index("person_id")["customer_id"])
    partners = t["partners"].set_index("partner_id")[["since", "until"]]
    months = (
        t["relations"].set_index("partner_id")["month"],
        t["attitudes"].set_index("partner_id")["asked_on"],
    )
    dealt = pd.concat(months)
    steps = t["activities"].merge(t["leads"], on="lead_id", suffixes=("", "_of"))
    studies = pd.concat([t[name][["customer_id", "asked_on"]] for name in ("kano", "maxdiff", "interviews")])
    studies = studies.join(life, on="customer_id")
    tasks = t["maxdiff"].groupby(["customer_id", "task"])[["best", "worst"]].sum(min_count=1).dropna()
    contacts = t["contacts"].merge(whose, on="contact_id").join(life, on="customer_id")

    def rising(*columns: pd.Series) -> bool:
        return all((~(b < a)).all() for a, b in zip(columns, columns[1:], strict=False))

    def in_log(values: pd.Series) -> bool:
        return bool(values.dropna().between(start, end, inclusive="left").all())

    return {
        "everybody orders first on the day of joining": first.reindex(life.index).eq(life["joined_on"]).all(),
        "nothing is ordered before joining": (day >= orders["joined_on"]).all(),
        "nothing is ordered after leaving": (~(day > orders["left_on"])).all(),
        "complaints follow their order, answers the complaint": rising(
            complaints["ordered_at"].dt.normalize(),
            complaints["opened_on"],
            complaints["first_response_on"],
            complaints["resolved_on"],
        ),
        "returns follow their order": (returns["returned_on"] > returns["ordered_at"]).all(),
        "amounts are positive, returns negative": bool(
            (t["orders"]["amount_cents"] > 0).all()
            and (t["order_lines"][["amount_cents", "cost_cents"]] >= 0).all(axis=None)
            and (t["returns"]["amount_cents"] < 0).all()
            and (t["orders"]["discount_cents"] >= 0).all()
        ),
        "lines add up to their order": bool(
            lines["amount_cents"].tolist() == t["orders"]["amount_cents"].tolist()
            and (lines["amount_cents"] - lines["cost_cents"]).tolist() == t["orders"]["margin_cents"].tolist()
        ),
        "a returned line was bought at that price": t["returns"]
        .merge(t["order_lines"], on=["order_id", "line"], suffixes=("", "_paid"))
        .eval("amount_cents == -amount_cents_paid")
        .sum()
        == len(t["returns"]),
        "the log holds no day outside itself": all(
            in_log(t[table][column.name])
            for table in t
            for column in declared()["company"][table].columns.values()
            if column.kind.startswith("date")
            and (table, column.name)
            not in {("people", "birth_date"), ("contacts", "birth_date"), ("partners", "since")}
            | {("memberships", "ends_on"), ("campaigns", "ends_on"), ("prices", "until_on")}
            | {("invoices", "due_on")}
        ),
        "nobody is invited before joining": (waves["invited_on"] >= waves["joined_on"]).all(),
        "nobody is captured before joining or after leaving": bool(
            (contacts["captured_on"] >= contacts["joined_on"]).all()
            and (~(contacts["captured_on"] > contacts["left_on"])).all()
        ),
        "only those are asked what they want who are customers": bool(
            (studies["asked_on"] >= studies["joined_on"]).all()
            and not (studies["asked_on"] > studies["left_on"]).any()
        ),
        "each answered task has one best and one worst": bool(
            (tasks == 1).all(axis=None) and not t["maxdiff"].eval("best & worst").any()
        ),
        "terms follow one another": bool(
            (terms["ends_on"] > terms["starts_on"]).all()
            and (terms.groupby("customer_id")["term"].diff().dropna() == 1).all()
            and (terms.loc[terms["ends_on"] < end, "renewed"].notna()).all()
        ),
        "stages of an offer are in order": rising(
            *(offers[name] for name in ("qualified_on", "offered_on", "negotiated_on", "closed_on"))
        ),
        "a won lead joins when it closes": t["leads"]
        .merge(t["customers"], on="customer_id")
        .eval("joined_on == closed_on")
        .all(),
        "leads are won exactly where there is a customer, if nobody referred them": t["leads"]
        .query("referrer_id.isna()")
        .eval("customer_id.notna() == (outcome == 'won')")
        .all(),
        "a reply comes after what it replies to": (
            replies["posted_at"].to_numpy() >= posts.loc[replies["reply_to"]].to_numpy()
        ).all(),
        "no balance of points is negative": bool(
            (balance.groupby("customer_id")["points"].cumsum() >= 0).all()
        ),
        "a referrer was still a customer": not (
            referred["referrer_id"].map(life["left_on"]) < referred["customer_id"].map(life["joined_on"])
        ).any(),
        "two who know each other stand once, the earlier first": bool(
            (t["acquaintances"]["customer_id"] < t["acquaintances"]["knows_id"]).all()
            and (t["partner_ties"]["partner_id"] < t["partner_ties"]["other_id"]).all()
        ),
        "a consent is given by a customer and withdrawn later": bool(
            (consents["given_on"] >= consents["customer_id"].map(life["joined_on"])).all()
            and rising(consents["given_on"], consents["withdrawn_on"])
        ),
        "requests are answered later, erasure is asked for by the departed": bool(
            rising(requests["asked_on"], requests["answered_on"])
            and requests["answered_on"].isna().eq(requests["outcome"].isna()).all()
            and (requests["asked_on"] >= requests["customer_id"].map(life["joined_on"])).all()
            and requests.loc[requests["kind"] == "erasure", "customer_id"].map(life["left_on"]).notna().all()
        ),
        "nothing passes between us and a partner before or after we deal with each other": bool(
            (dealt >= dealt.index.map(partners["since"])).all()
            and not (dealt >= dealt.index.map(partners["until"])).any()
        ),
        "steps towards a lead are in order, after its interest and before it is closed": bool(
            (steps["done_on"] >= steps["interested_on"]).all()
            and not (steps["done_on"] > steps["closed_on"]).any()
            and steps["done_on"].diff()[steps["number"] > 1].ge(pd.Timedelta(0)).all()
            and steps["number"].eq(steps.groupby("lead_id").cumcount() + 1).all()
        ),
        "what is offered is quoted line by line": set(t["quotations"]["opportunity_id"])
        == set(offers.loc[offers["offered_on"].notna(), "opportunity_id"]),
        "projects begin with a partner, end later and are judged then": bool(
            rising(projects["starts_on"], projects["ends_on"])
            and (projects["starts_on"] >= projects["partner_id"].map(t["partners"]["since"].set_axis(
                t["partners"]["partner_id"]))).all()
            and projects["ends_on"].isna().eq(projects["our_gain_cents"].isna()).all()
            and projects["ends_on"].isna().eq(projects["their_gain_cents"].isna()).all()
        ),
        "one writes, one is written to, and all are of the customer or of us": bool(
            parts["part"].eq("from").eq(parts["number"] == 1).all()
            and parts["part"].eq("to").eq(parts["number"] == 2).all()
            and parts["interaction_id"].value_counts().ge(2).all()
            and len(parts.drop_duplicates("interaction_id")) == len(t["interactions"])
            and (parts["person_id"].isna() != parts["employee_id"].isna()).all()
            and belongs.dropna().astype(int).eq(messages.loc[belongs.notna(), "customer_id"]).all()
        ),
        "whoever left a firm writes, reads and signs nothing more": not (
            messages["sent_at"].to_numpy() >= gone
        ).any(),
        "notes are of the time as a customer": bool(
            (notes["noted_on"] >= notes["joined_on"]).all()
            and not (notes["noted_on"] > notes["left_on"]).any()
        ),
        "invoices are of firms, issued after the order and paid later": bool(
            t["invoices"]["customer_id"].isin(firms).all()
            and rising(bills["ordered_at"].dt.normalize(), bills["issued_on"], bills["paid_on"])
            and (bills["due_on"] > bills["issued_on"]).all()
        ),
        "suggestions are answered later": rising(ideas["made_on"], ideas["answered_on"])
        and ideas["answered_on"].isna().eq(ideas["outcome"] == "open").all(),
        "a referrer joined before": drawn._truth["customers"]
        .dropna(subset="referrer_id")
        .eval("referrer_id < customer_id")
        .all(),
    }  # fmt: skip


@pytest.mark.parametrize("world", WORLDS)
def test_every_world_keeps_the_rules(world):
    assert broken_rules(company.simulate(1_000, world, rng=1)) == []


@pytest.mark.slow
@given(
    customers=st.integers(1, 60),
    world=st.sampled_from(WORLDS),
    seed=st.integers(0, 2**63),
    changes=st.fixed_dictionaries(
        {},
        optional={
            "days": st.integers(180, 1500),
            "firm_share": st.sampled_from([0.0, 1.0]),
            "leads": st.sampled_from([0.0, 0.95]),
            "leaving_b": st.sampled_from([0.05, 500.0]),
            "season": st.sampled_from([0.0, 0.9]),
            "bad_experience": st.sampled_from([-3.0, 1.0]),
            "wave_invited": st.sampled_from([0.0, 1.0]),
            "loading": st.sampled_from([0.05, 0.94]),
            "membership": st.sampled_from([0.0, 1.0]),
            "word_of_mouth": st.sampled_from([0.0, 0.9]),
        },
    ),
)
@example(customers=1, world="base", seed=0, changes={})
@example(customers=2, world="promo_driven", seed=3, changes={"leads": 0.95})
def test_rules_hold_for_any_world_size_and_seed(customers, world, seed, changes):
    changes = changes | ({"campaigns": 0} if "days" in changes else {})
    assert broken_rules(company.simulate(customers, company.world(world, **changes), seed)) == []


def test_the_rules_can_be_broken():
    """Each rule is worth something only if a wrong table breaks it."""
    drawn = company.simulate(300, rng=1)
    drawn.tables["orders"] = drawn.orders.assign(customer_id=10**9, amount_cents=-1)
    drawn.tables["returns"] = drawn.returns.assign(amount_cents=5)
    broken = broken_rules(drawn)
    assert "company orders.customer_id: refers to nobody" in broken
    assert "lines add up to their order" in broken and "amounts are positive, returns negative" in broken


def test_contacts_are_wrong_exactly_where_the_truth_says_so():
    drawn = standard()
    true = drawn._truth["contacts"].merge(drawn.people, on="person_id")
    for field in ("name", "telephone", "mail", "address"):
        seen = drawn.contacts[field].reset_index(drop=True)
        same = (seen == true[field]).fillna(False)
        assert same.eq(true[f"{field}_error"].isna()).all(), field
        assert seen.isna().eq(true[f"{field}_error"] == "missing").all(), field


def test_each_channel_makes_the_errors_of_its_kind():
    """One hears wrong on the telephone and nowhere else, and most of what is written down is right."""
    drawn = standard()
    both = drawn.contacts.merge(drawn._truth["contacts"], on="contact_id")
    for field in ("name", "telephone", "mail", "address"):
        errors = both.groupby("channel", observed=False)[f"{field}_error"].value_counts(
            normalize=True, dropna=False
        )
        errors = errors.unstack(fill_value=0)
        assert set(errors.index[errors["hearing"] > 0]) == {"phone"}
        assert errors["handwriting"].idxmax() == "visit" and errors["scan"].idxmax() == "fax"
        written = both[both[f"{field}_error"] != "missing"]
        assert 0.02 < written[f"{field}_error"].notna().mean() < 0.35, field
    assert both.loc[both["address_error"] == "old", "captured_on"].mean() < both["captured_on"].mean()


def test_a_table_with_another_column_than_declared_is_refused():
    with pytest.raises(ValueError, match="customer_id"):
        frame("company", "referrals", {"customer_id": np.zeros(0)})
