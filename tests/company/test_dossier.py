"""A dossier tells everything on file about one customer, in the order of time.

Referee: the tables themselves.
"""

import re
from functools import cache

import pandas as pd
import pytest

from crmlab import company
from crmlab.company import Company
from crmlab.company._schema import constants, declared


@cache
def drawn() -> Company:
    return company.simulate(400, rng=3)


def telling(what: str) -> list[int]:
    """Return customers with the most to tell, firms, won leads, or those who asked to be forgotten."""
    one = drawn()
    busy = one.orders["customer_id"].value_counts().index
    kinds = {
        "busy": busy, "firm": one.customers.loc[one.customers["kind"] == "firm", "customer_id"],
        "lead": one.leads["customer_id"].dropna(), "request": one.requests["customer_id"],
        "choice": one.choice_tasks["customer_id"].drop_duplicates(), "referrer": one.referrals["referrer_id"],
    }  # fmt: skip
    return [int(customer) for customer in kinds[what][:4]]


WAYS = {"web": "on the web", "visit": "in the shop", "phone": "by phone", "fax": "by fax", "mail": "by mail"}
EVERYBODY = ["busy", "firm", "lead", "request", "choice", "referrer"]


@pytest.mark.slow
@pytest.mark.parametrize("what", EVERYBODY)
def test_every_row_about_a_customer_is_told_in_the_order_of_time(what):
    one = drawn()
    for customer in telling(what):
        page = one.dossier(customer)
        days = page.events["at"].str[:10]
        assert days[days != ""].is_monotonic_increasing and (days[:-1] != "").all()
        counts = page.events["table"].value_counts()
        for name in ("orders", "interactions", "surveys", "community_posts"):
            assert counts.get(name, 0) == (one.tables[name]["customer_id"] == customer).sum(), name
        orders = one.orders[one.orders["customer_id"] == customer]
        told = "\n".join(page.events.loc[page.events["table"] == "orders", "text"])
        for order in orders.itertuples():
            assert f"Order {order.order_id} {WAYS[order.channel]}:" in told.replace(",", ":")
            assert f"{order.amount_cents / 100:,.2f} dollars" in told
        lines = one.order_lines.merge(orders[["order_id"]]).merge(one.products, on="product_id")
        assert len(re.findall(r"\d × ", told)) == len(lines) and all(name in told for name in lines["name"])
        assert (
            counts.get("treatments", 0)
            == one.treatments.query("customer_id == @customer and treated").shape[0]
        )
        complaints = one.complaints[one.complaints["customer_id"] == customer]
        dates = complaints[["opened_on", "first_response_on", "resolved_on"]]
        assert counts.get("complaints", 0) == dates.notna().sum().sum()


def test_the_head_tells_who_it_is():
    one = drawn()
    firm = telling("firm")[0]
    facts, row = one.dossier(firm).facts, one.customers.set_index("customer_id").loc[firm]
    assert one.accounts.set_index("account_id").loc[row["account_id"], "name"] in facts["name"]
    people = one.people[one.people["customer_id"] == firm]
    assert all(name in facts["people"] for name in people["name"]) and len(people) > 1
    assert f"{row['joined_on']:%Y-%m-%d}" in facts["joined"]
    ties = one.acquaintances
    known = {
        *ties.loc[ties["customer_id"] == firm, "knows_id"],
        *ties.loc[ties["knows_id"] == firm, "customer_id"],
    }
    assert set(map(int, re.findall(r"\((\d+)\)", facts["knows"]))) == known


@pytest.mark.slow
def test_what_is_said_agrees_with_the_tables():
    """Sentences with a choice of words: by lead, complaint, survey, consent and request, over everybody."""
    one = drawn()
    requests = one.requests.set_index("customer_id")
    for customer in telling("request"):
        text = repr(one.dossier(customer)).replace("\n", " ")
        asks = (
            "to be forgotten"
            if (requests.loc[[customer], "kind"] == "erasure").any()
            else "to see what we hold"
        )
        assert asks in re.sub(r"\s+", " ", text)
    for customer in telling("choice"):
        tins = one.choice_tasks[(one.choice_tasks["customer_id"] == customer) & one.choice_tasks["chosen"]]
        told = one.dossier(customer).events.query("table == 'choice_tasks'").iloc[0]
        assert told["at"] == f"{tins['asked_on'].iloc[0]:%Y-%m-%d}" and len(
            re.findall(r"in \d+ days?\b", told["text"])
        ) == len(tins)
        assert f"takes a tin in {len(tins)} of 6 tasks" in told["text"] and len(tins) > 0
    for customer in telling("lead"):
        assert "The lead is won." in one.dossier(customer).events["text"].tolist()


def test_text_and_page_tell_the_same():
    page = drawn().dossier(telling("busy")[0])
    html = page._repr_html_()
    assert len(page.events) > 30
    written = re.sub(r"\s+", " ", repr(page))
    for text in page.events["text"]:
        assert re.sub(r"\s+", " ", text) in written
        assert text.replace("&", "&amp;").replace("'", "&#39;") in html
    assert max(map(len, repr(page).splitlines())) <= 110


def test_what_customers_write_stays_text():
    one = company.simulate(30, rng=1)
    one.tables["people"] = one.people.assign(name="<script>alert(1)</script>")
    html = one.dossier(1)._repr_html_()
    assert "<script>" not in html and "&lt;script&gt;" in html


def test_every_table_about_customers_is_told():
    told = {event["table"] for event in constants("dossier.toml")["events"]}
    within = {"customers", "accounts", "people", "order_lines", "open_answers", "subjects", "participants"}
    within |= {"acquaintances", "campaigns", "products", "employees", "policies", "programme_offers"}
    about = {
        name
        for name, table in declared()["company"].items()
        if any(
            column.refers_to.endswith(
                ("customer_id", "person_id", "order_id", "interaction_id", "survey_id", "leads.lead_id")
            )
            for column in table.columns.values()
        )
    }
    assert about <= told | within and told | within <= set(declared()["company"])  # fmt: skip


def test_a_company_without_its_envelope_has_dossiers(tmp_path):
    one = company.simulate(20, rng=1)
    one.write(tmp_path / "tea")
    assert repr(Company.read(tmp_path / "tea").dossier(3)) == repr(one.dossier(3))


@pytest.mark.slow
def test_everybody_has_a_dossier():
    one = company.simulate(20, rng=2)
    for customer in one.customers["customer_id"]:
        events = one.dossier(customer).events
        assert len(events) > 0 and not events["text"].str.contains("None|nan|NaT|<NA>").any()


@pytest.mark.parametrize(
    ("customer", "message"),
    [
        (0, "at least 1"),
        (401, "There is no customer 401; they are numbered from 1 to 400"),
        ("x", "whole number"),
        (2.5, "whole number"),
        (True, "whole number"),
    ],
)
def test_a_customer_who_is_not_there_is_refused(customer, message):
    with pytest.raises(ValueError, match=message):
        drawn().dossier(customer)


def test_the_raw_view_knows_no_customers():
    with pytest.raises(LookupError, match="cards and no customers"):
        company.simulate(20, view="raw").dossier(1)
    assert isinstance(drawn().dossier(1).events, pd.DataFrame)
