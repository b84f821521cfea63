"""The raw view tells what channels captured and never who is who.

Referee: the truth about contacts in the whole company of the same size, world and seed. The attacks are
those that the numbers of the whole company would fall to.
"""

import json
from functools import cache

import numpy as np
import pandas as pd
import pytest

from crmlab import cli, company
from crmlab.company import Company
from crmlab.company._schema import declared

HONEST = {("contacts", one) for one in ("name", "birth_date", "telephone", "mail", "address", "captured_on")}
"""What a match may use: the people of a firm are written down on one day."""
CARRIED = ["orders", "interactions", "complaints", "surveys"]


@cache
def whole(customers: int = 3_000, world: str = "base") -> Company:
    return company.simulate(customers, world, 5)


@cache
def raw(customers: int = 3_000, world: str = "base") -> Company:
    return company.simulate(customers, world, 5, view="raw")


def owner(one: Company) -> pd.Series:
    """Return the true customer of each contact."""
    return one._truth["contacts"].set_index("contact_id")["customer_id"]


# ---- what is left


def test_the_raw_view_has_no_customer_and_refers_to_nothing_outside_itself():
    for name, table in declared()["raw"].items():
        assert list(raw().tables[name].columns) == list(table.columns), name
        assert not {"customer_id", "person_id", "account_id", "referrer_id", "knows_id"} & set(table.columns)
        for column in table.columns.values():
            assert column.refers_to.partition(".")[0] in ({""} | set(declared()["raw"])), column
            if column.refers_to:
                other, key = column.refers_to.split(".")
                assert raw().tables[name][column.name].dropna().isin(raw().tables[other][key]).all(), column
    assert not {"people", "customers", "accounts"} & set(raw().tables)
    with pytest.raises(AttributeError, match="There is no table 'customers'"):
        raw().customers  # noqa: B018


def test_a_table_with_customers_carries_a_contact_or_is_left_out():
    told = {name for name, table in declared()["company"].items()
            if {"customer_id", "person_id", "referrer_id", "knows_id"} & set(table.columns)}  # fmt: skip
    kept = told & set(declared()["raw"])
    assert kept == {*CARRIED, "leads"} and all("contact_id" in raw().tables[name] for name in CARRIED)
    untouched = set(declared()["raw"]) - kept
    for name in untouched & {"contacts", "products", "partners", "activities"}:
        pd.testing.assert_frame_equal(raw().tables[name], whole().tables[name])


def test_an_order_has_a_card_of_its_buyer_that_had_been_captured_by_then():
    keys = ["ordered_at", "amount_cents", "channel"]
    both = raw().orders.merge(whole().orders, on=keys).drop_duplicates(keys, keep=False)
    assert len(both) > 0.99 * len(whole().orders)
    cards = whole().contacts.merge(whole()._truth["contacts"][["contact_id", "person_id"]], on="contact_id")
    cards = both.merge(cards, on="contact_id", suffixes=("", "_card"))
    assert cards["person_id"].eq(cards["person_id_card"]).all()
    assert (cards["captured_on"] <= cards["ordered_at"].dt.normalize()).all()
    assert both.groupby("customer_id")["contact_id"].nunique().max() > 2  # several cards of one buyer


def test_rows_are_those_of_the_company():
    for name in declared()["raw"]:
        assert len(raw().tables[name]) == len(whole().tables[name]), name
    lines = raw().order_lines.groupby("order_id")["amount_cents"].sum()
    assert lines.tolist() == raw().orders["amount_cents"].tolist()
    by_product = (one.order_lines.merge(one.orders, on="order_id").groupby("product_id")["margin_cents"].sum()
                  for one in (raw(), whole()))  # fmt: skip
    pd.testing.assert_series_equal(*by_product)


# ---- attacks


def found(table: pd.DataFrame, key: pd.Series, true: pd.Series) -> tuple[int, int]:
    """Return how many pairs of different contacts one would join by `key`, and how many of them rightly."""
    rows = pd.DataFrame({"key": key.to_numpy(), "contact": table["contact_id"].to_numpy()}).dropna()
    rows = rows.drop_duplicates()
    rows["customer"] = rows["contact"].map(true)
    joined = rows.groupby("key").size()
    right = rows.groupby(["key", "customer"]).size()
    return int((joined * (joined - 1) / 2).sum()), int((right * (right - 1) / 2).sum())


def gives_away(one: Company, true: pd.Series) -> list[str]:
    """Return every column, digit of a column, or neighbourhood of rows that joins contacts rightly.

    Referee: the same values dealt to the rows by lot; they join some rightly if few have most rows.
    """
    told, luck = [], np.random.default_rng(0)
    for name, table in one.tables.items():
        if "contact_id" not in table:
            continue
        attacks = {}
        for column in table.columns:
            if (name, column) in HONEST:
                continue
            values = table[column]
            if column != "contact_id":
                attacks[column] = values.astype(str).where(values.notna())
            if pd.api.types.is_integer_dtype(values):
                for digits in (10, 1_000, 10_000, 100_000):
                    attacks[f"{column} // {digits}"] = values // digits
                    attacks[f"{column} % {digits}"] = values % digits
        for size in (2, 3):
            if name != "contacts":  # within a day: the test below
                attacks[f"{size} rows in a row"] = pd.Series(np.arange(len(table)) // size)
            by_contact = table["contact_id"].rank(method="dense").astype(int) // size
            attacks[f"{size} contacts in a row"] = by_contact
        for attack, key in attacks.items():
            joined, right = found(table, key, true)
            lot, by_lot = found(table, key.sample(frac=1, random_state=luck), true)
            if right >= 5 and right > (0.05 + by_lot / max(lot, 1)) * joined:
                told.append(f"{name}: {attack}, {right} of {joined}")
    return told


@pytest.mark.slow
@pytest.mark.parametrize(("customers", "world"), [(3_000, "base"), (3_000, "clockwork"), (300, "base")])
def test_no_column_and_no_order_of_rows_joins_the_contacts_of_a_customer(customers, world):
    assert gives_away(raw(customers, world), owner(whole(customers, world))) == []


def test_contacts_of_a_day_stand_by_lot():
    cards, true = raw().contacts, owner(whole())
    joined, right = found(cards, cards["captured_on"], true)
    same_day = cards["captured_on"].eq(cards["captured_on"].shift())
    pairs = cards["contact_id"].map(true).eq(cards["contact_id"].shift().map(true))[same_day]
    chance = right / joined
    assert abs(pairs.mean() - chance) < 5 * np.sqrt(chance / len(pairs))


def test_rows_of_one_moment_do_not_stand_as_customers_do():
    """Who is invited to a wave is invited on one day: in the order of customers one would tell the next."""
    true = owner(whole())
    for name, by in (("surveys", "invited_on"), ("complaints", "opened_on"), ("contacts", "captured_on")):
        table = raw().tables[name]
        customer = table["contact_id"].map(true)
        step = customer.diff()[table[by].eq(table[by].shift())]
        up = (step > 0).sum() / (step != 0).sum()
        assert abs(up - 0.5) < 3.5 * 0.5 / np.sqrt((step != 0).sum()), name


def test_no_number_that_tables_share_leads_from_one_contact_to_another():
    """Complaints, surveys and orders that name one order name one contact."""
    of_order = raw().orders.set_index("order_id")["contact_id"]
    for name in ("complaints", "surveys"):
        rows = raw().tables[name].dropna(subset="order_id")
        assert rows["contact_id"].eq(rows["order_id"].map(of_order)).all() and len(rows) > 100
    assert "order_id" not in raw().interactions


def test_the_attacks_would_succeed_on_the_numbers_of_the_company():
    """Each attack is worth something only if it finds what is there to be found."""
    orders = whole().orders.assign(contact_id=whole().orders["order_id"].map(_cards_by_order()))
    bare = Company(whole().tables, whole().levers, None, None, None, None)
    bare.tables = {"orders": orders[["order_id", "contact_id"]]}  # type: ignore[assignment]
    told = gives_away(bare, owner(whole()))
    assert any("order_id // 10000" in one for one in told) and any("rows in a row" in one for one in told)


def _cards_by_order() -> pd.Series:
    keys = ["ordered_at", "amount_cents", "channel"]
    both = raw().orders.merge(whole().orders, on=keys, suffixes=("_raw", "")).drop_duplicates("order_id")
    return both.set_index("order_id")["contact_id"]


def test_the_order_of_numbers_is_that_of_time():
    for name, key, by in (
        ("orders", "order_id", "ordered_at"),
        ("complaints", "complaint_id", "opened_on"),
        ("surveys", "survey_id", "invited_on"),
        ("interactions", "interaction_id", "sent_at"),
    ):
        table = raw().tables[name]
        assert table[key].tolist() == list(range(1, len(table) + 1)) and table[by].is_monotonic_increasing


# ---- doors


def test_the_raw_view_has_no_truth():
    for door in (
        lambda: raw().commit("alive", 0, 1),
        lambda: raw().open_envelope("alive"),
        lambda: raw().do(campaign="none"),
    ):
        with pytest.raises(LookupError, match="The raw view has no envelope and no twin"):
            door()


def test_a_folder_of_the_raw_view_comes_back_as_it_was_and_tells_no_more(tmp_path):
    one = raw(300)
    with pytest.raises(LookupError, match="The raw view has no envelope"):
        one.write(tmp_path / "with", truth=True)
    one.write(tmp_path / "tea")
    about = json.loads((tmp_path / "tea" / "company.json").read_text())
    assert about["view"] == "raw" and about["customers"] is None and not {"seed", "world"} & set(about)
    back = Company.read(tmp_path / "tea")
    assert back.hashes().equals(one.hashes()) and "contacts, raw view" in repr(back) + back._repr_html_()
    assert back.card("orders").loc["contact_id", "meaning"] == "the card that was shown"
    assert list(back.card().index) == list(declared()["raw"])
    with pytest.raises(LookupError, match="The raw view"):
        back.commit("alive", 0, 1)


def test_a_folder_of_another_view_is_refused(tmp_path):
    raw(300).write(tmp_path / "tea")
    file = tmp_path / "tea" / "company.json"
    file.write_text(file.read_text().replace('"raw"', '"company"'))
    with pytest.raises(ValueError, match="not as it was written"):
        Company.read(tmp_path / "tea")


def test_a_view_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match="There is no view 'rwa'. Did you mean 'raw'"):
        company.simulate(20, view="rwa")


@pytest.mark.parametrize("customers", [1, 2, 7])
def test_the_smallest_companies_have_a_raw_view(customers):
    one = company.simulate(customers, rng=0, view="raw")
    assert len(one.orders) == len(company.simulate(customers, rng=0).orders)


def test_the_command_writes_the_raw_view_and_refuses_its_truth(tmp_path, capsys):
    words = ["company", "--customers", "50", "--seed", "3", "--raw", "--out", str(tmp_path / "tea")]
    assert cli.main(words) == 0
    same = company.simulate(50, rng=3, view="raw")
    assert Company.read(tmp_path / "tea").hashes().equals(same.hashes())
    assert cli.main([*words[:-1], str(tmp_path / "with"), "--with-truth"]) == 2
    assert "The raw view has no envelope" in capsys.readouterr().err and not (tmp_path / "with").exists()
