"""The knowledge base. Referees: brute force in pandas, sums that must agree, files broken on purpose."""

import os
import random
import re
import signal
import subprocess
import sys
import time
import uuid

import duckdb
import numpy as np
import pandas as pd
import pytest

from crmlab import collect

LIVES = {"address": 700.0, "mail": 2000.0}
FIELDS = ["name", "mail", "address"]


def cards(n=400, seed=1):
    """Return records of customers that differ, agree, miss and lie on the same day."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"customer_id": [f"{one:04}" for one in rng.integers(0, n // 3, n)]})
    table["recorded_at"] = pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 900, n), unit="D")
    table["source"] = rng.choice(["web", "phone", "fax"], n)
    for field in FIELDS:
        table[field] = [f"{field} {one}" for one in rng.integers(0, 4, n)]
        table.loc[rng.random(n) < 0.2, field] = None
    return table.assign(owner=rng.choice(["Ann", "Bo"], n))


CONFIDENCE = {"web": 0.95, "phone": 0.8, "fax": 0.8}


@pytest.fixture
def base():
    with collect.open_base(":memory:") as opened:
        yield opened


@pytest.fixture
def filled(base):
    collect.load(base, cards(), FIELDS, confidence=CONFIDENCE, owner="owner")
    return base


# ---- loading


def test_a_table_loaded_twice_adds_nothing(base):
    first = collect.load(base, cards(), FIELDS)
    rows = {name: base.sql(f"from {name}").fetchall() for name in ("facts", "customers", "loads")}
    second = collect.load(base, cards().sample(frac=1, random_state=3), FIELDS)
    assert first.counts["new"] > 500 and second.counts["new"] == 0
    assert {name: base.sql(f"from {name}").fetchall() for name in rows} == rows


def test_every_cell_is_accounted_for(base):
    table = cards()
    table.loc[:9, "customer_id"] = None
    table.loc[10:19, "recorded_at"] = pd.NaT
    table.loc[20:24, "name"] = " N/A "
    counts = collect.load(base, table, FIELDS).counts
    assert counts["offered"] == 3 * len(table)
    assert counts["offered"] == sum(counts[one] for one in ("new", "known", "missing", "rejected"))
    assert counts["missing"] == table[FIELDS].isna().sum().sum()
    assert base.sql("select count(*) from facts").fetchall() == [(counts["new"],)]


def test_rejected_cells_come_back_by_the_label_of_their_row(base):
    table = cards(20).set_index(pd.Index([f"row {one}" for one in range(20)]))
    table.loc["row 3", "source"] = None
    table.loc["row 3", FIELDS] = ["Al", "a@b.example", "'; drop table facts; --"]
    report = collect.load(base, table, FIELDS)
    assert report.rejected["row"].tolist() == ["row 3"] * 3
    assert sorted(report.rejected["value"]) == ["'; drop table facts; --", "Al", "a@b.example"]
    assert set(report.rejected["reason"]) == {"no source"}


@pytest.mark.parametrize("junk", ["test", "N/A", " - ", "未知", "  "])
def test_ten_thousand_times_nothing_is_no_knowledge(base, junk):
    table = pd.DataFrame(
        {"customer_id": range(10_000), "recorded_at": "2026-01-01", "source": "web", "name": junk}
    )
    counts = collect.load(base, table, ["name"]).counts
    assert (counts["new"], counts["rejected"]) == (0, 10_000)


def test_sql_in_a_field_is_text(base):
    evil = "x'); drop table facts; --"
    table = pd.DataFrame({"customer_id": [evil], "recorded_at": "2026-01-01", "source": evil, evil: [evil]})
    collect.load(base, table, [evil])
    (row,) = base.sql("select customer_id, field, value, source from facts").fetchall()
    assert set(row) == {evil}
    assert evil in collect.view(base, evil, "2026-02-01").now.index


def test_a_column_of_nothing_and_ids_of_several_kinds(base):
    table = pd.DataFrame(
        {"customer_id": [7.0, 8.0], "recorded_at": "2026-01-01", "source": "web", "fax": [None, None]}
    )
    assert collect.load(base, table, ["fax"]).counts["missing"] == 2
    table = table.assign(fax="1", customer_id=["007", "7"])
    collect.load(base, table, ["fax"])
    assert base.sql("select customer_id from customers order by 1").fetchall() == [("007",), ("7",)]


def test_a_number_is_the_same_text_whatever_stands_beside_it_and_spaces_do_not_count(base):
    def load(customer, mark, day="2026-01-01", source="web"):
        card = pd.DataFrame({"customer_id": customer, "recorded_at": day, "source": source, "mark": mark})
        return collect.load(base, card, ["mark"]).counts

    assert load([7.0], [5.0])["new"] == 1
    assert load([7.0, 8.5], [5.0, 1.5])["known"] == 1  # once it was customer 7.0 with 5.0
    assert load([" 7", "\u30008.5"], ["5", "1.5"], source=" web ")["known"] == 2
    assert load([7, 2.0**62], [5.0, np.inf])["new"] == 1
    days = ["2026-01-01T23:59:59+08:00", "2026-01-01 00:10:00-0500", "2026-01-01 12:00", "2026-01-01T01:00Z"]
    assert load(7, 5, days)["known"] == 4  # each on its own clock
    held = base.sql("select distinct customer_id from facts order by 1").fetchall()
    assert held == [("4611686018427387904",), ("7",), ("8.5",)]


def test_a_space_brings_nobody_back_who_asked_to_be_erased(base):
    card = pd.DataFrame({"customer_id": ["7"], "recorded_at": "2026-01-01", "source": "web", "mail": "a@b"})
    collect.load(base, card, ["mail"])
    collect.erase(base, "7")
    again = collect.load(base, card.assign(customer_id=" 7 "), ["mail"])
    assert again.rejected["reason"].tolist() == ["this customer asked to be erased"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"fields": ["nmae"]}, "Did you mean 'name'"),
        ({"fields": []}, "fields, of which there is one at least"),
        ({"fields": "mail"}, "no column 'm'"),
        ({"blank": "n/a"}, "blank are lists"),
        ({"kind": "abuot"}, "There is no kind 'abuot'. Did you mean 'about'"),
        ({"confidence": 80}, "confidence is a number above 0 and up to 1; got 80"),
        ({"confidence": {"web": 1}}, "names no number for the source 'fax'"),
        ({"source": "chanel"}, "There is no column 'chanel'"),
        ({"field": "name"}, "Give fields="),
        ({"dry_run": "yes"}, "dry_run is True or False"),
    ],
)
def test_wrong_arguments_are_named_and_leave_nothing(base, wrong, said):
    arguments = {"fields": FIELDS} | wrong
    if "field" in wrong:
        arguments.pop("fields")
    with pytest.raises(ValueError, match=re.escape(said)):
        collect.load(base, cards(), **arguments)
    assert base.sql("from facts").fetchall() == []


def test_a_load_that_fails_half_way_leaves_nothing(base, monkeypatch):
    take = collect.loading._take

    def fails(*arguments):
        take(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(collect.loading, "_take", fails)
    with pytest.raises(KeyboardInterrupt):
        collect.load(base, cards(), FIELDS)
    monkeypatch.undo()
    assert all(base.sql(f"from {name}").fetchall() == [] for name in ("facts", "customers", "loads"))
    assert collect.load(base, cards(), FIELDS).counts["new"] > 500


def test_a_dry_run_says_what_would_happen(base):
    tried = collect.load(base, cards(), FIELDS, dry_run=True)
    assert base.sql("from facts").fetchall() == []
    assert tried.counts == collect.load(base, cards(), FIELDS).counts


def test_the_callers_table_is_not_changed(base):
    table = cards()
    collect.load(base, table, FIELDS)
    pd.testing.assert_frame_equal(table, cards())


def test_tables_of_other_engines(base):
    polars = pytest.importorskip("polars")
    one = collect.load(base, cards(), FIELDS).counts
    with collect.open_base(":memory:") as other:
        assert collect.load(other, polars.from_pandas(cards()), FIELDS).counts == one
        assert (
            other.sql("from facts order by all").fetchall() == base.sql("from facts order by all").fetchall()
        )


# ---- looking


def brute_force(table, day, lives):
    """Say what holds, customer by customer, by the stated rule."""
    found = {}
    for row in table[table["recorded_at"] <= day].itertuples():
        age = (pd.Timestamp(day) - row.recorded_at).days
        for field in FIELDS:
            if (value := getattr(row, field)) is not None and value == value:
                trust = CONFIDENCE[row.source] * 2 ** (-age / lives.get(field, np.inf))
                sign = (-trust, -row.recorded_at.value, -CONFIDENCE[row.source], row.source, value)
                found.setdefault((row.customer_id, field), []).append(sign)
    return {key: (min(signs)[-1], -min(signs)[0]) for key, signs in found.items()}


@pytest.mark.parametrize("day", ["2023-03-01", "2024-02-29", "2026-01-01"])
@pytest.mark.parametrize("lives", [{}, LIVES, {"address": 1e-3, "mail": 1e12}])
def test_as_of_is_the_stated_rule(filled, day, lives):
    now = collect.as_of(filled, day, lives)
    wanted = brute_force(cards(), day, lives)
    keys = list(zip(now["customer_id"], now["field"], strict=True))
    assert dict(zip(keys, now["value"], strict=True)) == {key: value for key, (value, _) in wanted.items()}
    assert now["trust"].tolist() == pytest.approx([wanted[key][1] for key in keys], rel=1e-9)


def test_what_is_noted_later_does_not_change_an_earlier_day(filled):
    before = collect.as_of(filled, "2024-01-01", LIVES)
    later = cards(300, seed=9).assign(recorded_at=pd.Timestamp("2025-05-05"))
    collect.load(filled, later, FIELDS)
    pd.testing.assert_frame_equal(collect.as_of(filled, "2024-01-01", LIVES), before)


def test_the_order_of_loads_does_not_matter(base):
    for part in (cards().iloc[200:], cards().iloc[:200]):
        collect.load(base, part, FIELDS, confidence=CONFIDENCE, owner="owner")
    with collect.open_base(":memory:") as other:
        collect.load(other, cards(), FIELDS, confidence=CONFIDENCE, owner="owner")
        one, two = (collect.as_of(each, "2026-01-01", LIVES) for each in (base, other))
    pd.testing.assert_frame_equal(one, two)


def test_freshness_is_counted_from_as_of(filled):
    now = collect.as_of(filled, "2026-01-01", LIVES)
    table = collect.freshness(filled, "2026-01-01", LIVES)
    everybody = cards().dropna(subset=FIELDS, how="all")["customer_id"].nunique()
    address = now[now["field"] == "address"]
    assert table.at["address", "known"] == len(address)
    assert table.at["address", "fresh"] == pytest.approx(address["trust"].sum() / everybody)
    values = cards().dropna(subset="mail").groupby("customer_id")["mail"].nunique()
    assert table.at["mail", "conflicts"] == (values > 1).sum()


def test_refresh_next_is_expected_value_less_cost(filled):
    ids = cards()["customer_id"].drop_duplicates().tolist()
    stake = pd.Series(np.linspace(0, 50, len(ids) + 1), [*ids, "nobody"])
    table = collect.refresh_next(filled, "2026-01-01", "address", stake, 3, LIVES)
    trust = {
        key[0]: one[1]
        for key, one in brute_force(cards(), "2026-01-01", LIVES).items()
        if key[1] == "address"
    }
    wanted = pd.Series({one: (1 - trust.get(one, 0)) * stake[one] - 3 for one in stake.index})
    wanted = wanted[wanted > 0].sort_values(ascending=False)
    assert table.index[0] == "nobody" and table["gain"].tolist() == pytest.approx(wanted.tolist())
    assert len(collect.refresh_next(filled, "2026-01-01", "address", stake, 3, LIVES, budget=5)) == 5


@pytest.mark.parametrize("ids", [[1, 2], [1.0, 2.0], ["1", "2"], pd.array([1, 2], "Int64")])
def test_whom_to_ask_is_found_by_ids_of_any_kind(base, ids):
    card = pd.DataFrame({"customer_id": [1, 2], "recorded_at": "2025-01-01", "source": "web", "mail": "a@b"})
    collect.load(base, card, ["mail"])
    asked = collect.refresh_next(base, "2026-01-01", "mail", pd.Series([20, 90], ids), 1, {"mail": 365})
    assert asked["trust"].tolist() == [0.5, 0.5] and asked["gain"].tolist() == [44, 9]
    assert asked.index.tolist() == list(ids)[::-1]


@pytest.mark.parametrize("seed", range(3))
def test_a_page_says_of_each_customer_what_as_of_says(base, seed):
    table = cards(120, seed)
    said = table.assign(field="consent offers by mail", value=np.where(table["mail"] > "mail 1", "yes", "no"))
    said["recorded_at"] = said["recorded_at"].dt.to_period("Y").dt.start_time  # several on one day
    collect.load(base, table, FIELDS, confidence=CONFIDENCE, owner="owner")
    collect.load(base, said, field="field", value="value", confidence=CONFIDENCE)
    now = collect.as_of(base, "2024-06-01", LIVES)
    for one, held in now.groupby("customer_id"):
        page = collect.view(base, one, "2024-06-01", LIVES).now.reset_index()[now.columns]
        page = page.assign(recorded_at=pd.to_datetime(page["recorded_at"]), owner=page["owner"].astype("str"))
        pd.testing.assert_frame_equal(page, held.reset_index(drop=True), check_dtype=False)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda base: collect.as_of(base, "1/2/2024"), "day='1/2/2024' is not a date"),
        (
            lambda base: collect.as_of(base, "2024-01-01", {"mail": 0}),
            "half-life of 'mail' is a number of days",
        ),
        (lambda base: collect.as_of(base, "2024-01-01", {"mial": 9}), "There is no field 'mial'. Did you"),
        (lambda base: collect.as_of(base, "2024-01-01", 365), "There is no field 0. Valid: address, mail"),
        (lambda base: collect.as_of(base, "2024-01-01", fields=["mial"]), "Did you mean 'mail'"),
        (lambda base: collect.as_of(base, "2024-01-01", fields="mail"), "fields is a list"),
        (lambda base: collect.view(base, 999, "2024-01-01"), "There is no customer '999'"),
        (
            lambda base: collect.view(base, "0001", "2020-01-01"),
            "Nothing was known of customer '0001' before",
        ),
        (lambda base: collect.refresh_next(base, "2024-01-01", "mail", {"0001": -1.0}, 0), "is negative"),
        (lambda base: collect.refresh_next(base, "2024-01-01", "mail", [1.0], 0), "got a list"),
        (lambda base: collect.refresh_next(base, "2024-01-01", "mail", {"a": "1"}, 0), "must hold numbers"),
        (lambda base: collect.refresh_next(base, "2024-01-01", "mail", {1: 1, "1": 1}, 0), "'1' twice"),
        (lambda base: collect.refresh_next(base, "2024-01-01", "mail", {None: 1}, 0), "it is no id"),
        (
            lambda base: collect.refresh_next(base, "2024-01-01", "mail", {"0001": 1.0}, np.nan),
            "cost is a number",
        ),
        (lambda base: collect.access(base, "nobody"), "holds nothing of customer 'nobody'"),
        (lambda base: collect.erase(base, "nobody"), "holds nothing of customer 'nobody'"),
        (lambda base: collect.as_of("knowledge.duckdb", "2024-01-01"), "The first argument is an open base"),
        (lambda base: collect.as_of(duckdb.connect(), "2024-01-01"), "closed, or no knowledge base"),
    ],
)
def test_wrong_questions_are_answered_in_words(filled, call, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        call(filled)


def test_the_page_escapes_and_shows_everything(base, tmp_path):
    card = pd.DataFrame(
        {"customer_id": [1], "recorded_at": "2026-01-01", "source": "<i>", "name": "<b>Al</b>"}
    )
    collect.load(base, card, ["name"])
    said = pd.DataFrame(
        {"customer_id": [1], "recorded_at": "2026-01-02", "source": "web", "idea": ["more & more"]}
    )
    collect.load(base, said, ["idea"], kind="from")
    page = collect.view(base, 1, "2026-02-01")
    shown = page._repr_html_()
    assert "&lt;b&gt;Al" in shown and "<b>Al" not in shown and "more &amp; more" in shown
    assert "Not known:</b> telephone, mail, address, birth date" in shown
    file = page.save(tmp_path / "page.html")
    assert file.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert shown.split("<details")[0].strip()[-60:] in file.read_text(encoding="utf-8")


# ---- use


def test_uses_are_counted_by_piece(base):
    outcomes = ["worked", "failed", "worked", "open"]
    decisions = pd.DataFrame(
        {"decision": ["a", "b", "c", "d"], "outcome": outcomes, "gain_cents": [100, -30, None, None]}
    ).assign(used=["orders surveys", "orders", None, "orders"], decided_on="2026-01-05", department="sales")
    assert collect.record_use(base, decisions).counts["new"] == 4
    assert collect.record_use(base, decisions.assign(outcome="worked")).counts == {
        "offered": 4,
        "new": 0,
        "known": 4,
    }
    collect.record_use(base, decisions)
    table = collect.uses(base)
    assert table.loc["orders", ["decisions", "worked", "failed", "open"]].tolist() == [3, 1, 1, 1]
    assert table.at["orders", "worked_share"] == 0.5 and table.at["orders", "gain_cents"] == 70
    assert table.at["(nothing)", "decisions"] == 1
    with pytest.raises(ValueError, match=r"outcome of row 0 is 'fine'; it is one of worked"):
        collect.record_use(base, decisions.assign(outcome="fine"))


# ---- consent, access, erasure


def consents(*rows):
    table = pd.DataFrame(rows, columns=["customer_id", "recorded_at", "value"])
    return table.assign(source="web", field="consent offers by mail")


def test_the_last_word_on_consent_counts_however_sure_the_first_was(base):
    said = consents((1, "2025-01-01", "yes"), (2, "2025-01-01", "yes"), (2, "2025-01-01", "no"))
    collect.load(base, said, field="field", value="value")
    collect.load(base, consents((1, "2025-01-02", "no")), field="field", value="value", confidence=0.01)
    assert collect.allowed(base, "2025-01-01", "offers", "mail").tolist() == ["1"]
    assert collect.allowed(base, "2025-01-02", "offers", "mail").tolist() == []
    with pytest.raises(ValueError, match="There is no field 'consent offers by fax'"):
        collect.allowed(base, "2025-01-02", "offers", "fax")


@pytest.mark.parametrize("first", ["yes", "no"])
@pytest.mark.parametrize(("source", "sure"), [("fax", 1.0), ("web", 1.0), ("fax", 0.5), ("web", 0.5)])
def test_no_counts_if_both_were_said_on_one_day_by_whomever_however_sure(base, first, source, sure):
    other = {"yes": "no", "no": "yes"}[first]
    collect.load(base, consents((1, "2025-01-01", first)), field="field", value="value")
    second = consents((1, "2025-01-01", other)).assign(source=source)
    collect.load(base, second, field="field", value="value", confidence=sure)
    assert collect.allowed(base, "2025-01-01", "offers", "mail").tolist() == []
    assert collect.view(base, 1, "2025-01-01").now["value"].tolist() == ["no"]


def test_access_and_erasure_reach_every_table_also_one_that_was_added(filled):
    collect.load(filled, cards().assign(no=range(400)), ["name"], record="no")
    filled.execute("create table notes (customer_id varchar, note varchar)")
    filled.execute("insert into notes values ('0001', 'rang twice'), ('0002', 'wife of al@quay.example')")
    card = pd.DataFrame({"customer_id": ["0001"], "recorded_at": "2026-01-01", "source": "web"})
    collect.load(filled, card.assign(mail="al@quay.example"), ["mail"])
    held = collect.access(filled, "0001")
    assert set(held["table"]) == {"customers", "facts", "identities", "notes"}
    facts = (held["table"] == "facts") & (held["column"] == "value")
    ours = filled.sql("select count(*) from facts where customer_id = '0001'").fetchall()
    assert [(facts.sum(),)] == ours
    others = filled.sql("select count(*) from facts where customer_id <> '0001'").fetchall()
    mine = (held["column"] == "value") & held["held"].str.contains("^mail|@")
    mails = held.loc[mine, "held"].unique().tolist()
    proof = collect.erase(filled, "0001", "2026-03-01")
    assert (proof["before"] > 0).sum() == 4 and proof["after"].sum() == 0
    shared = filled.execute("select count(*) from facts where value in (from unnest(?))", [mails]).fetchall()
    assert proof["mentions"].to_dict() == dict.fromkeys(proof.index, 0) | {"notes": 1, "facts": shared[0][0]}
    assert filled.sql("select count(*) from facts").fetchall() == others
    again = collect.load(filled, cards(), FIELDS, confidence=CONFIDENCE, owner="owner")
    assert again.counts["new"] == 0
    assert set(again.rejected["reason"]) == {"this customer asked to be erased"}


ADDED = {
    "another case": ("notes", "create table notes (Customer_ID varchar, note varchar)", "'1'"),
    "numbers": ("notes", "create table notes (customer_id integer, note varchar)", "1"),
    "numbers with a point": ("notes", "create table notes (customer_id double, note varchar)", "1"),
    "columns like ours": ("notes", 'create table notes (customer_id varchar, "row" varchar)', "'1'"),
    "a name with a quote": ('no"tes', 'create table "no""tes" (customer_id varchar, held varchar)', "'1'"),
    "another schema": (
        "s.facts",
        "create schema s; create table s.facts (customer_id varchar, x int)",
        "'1'",
    ),
}


@pytest.mark.parametrize(("name", "made", "one"), ADDED.values(), ids=ADDED)
def test_a_table_that_was_added_is_reached_however_it_was_made(base, name, made, one):
    card = pd.DataFrame({"customer_id": ["1", "C-7"], "recorded_at": "2026-01-01", "source": "web"})
    collect.load(base, card.assign(mail="al@quay.example"), ["mail"])
    added = {"s.facts": "s.facts", 'no"tes': '"no""tes"'}.get(name, name)
    base.execute(f"{made}; insert into {added} values ({one}, '77'), (12, '88')")
    base.execute("create view everybody as from facts; attach ':memory:' as other")
    base.execute("create table other.orders (customer_id varchar); create temp table mine as from facts")
    held = collect.access(base, 1)
    assert held.loc[held["table"] == name, "held"].tolist() == ["77"] and "everybody" not in set(
        held["table"]
    )
    assert held.groupby("table")["row"].max().eq(1).all()
    assert collect.erase(base, "C-7")["after"].sum() == 0
    proof = collect.erase(base, "1")
    assert proof.loc[name, ["before", "after"]].tolist() == [1, 0]
    assert [row[1] for row in base.execute(f"from {added}").fetchall()] in (["88"], [88])


@pytest.mark.parametrize("one", ["007", "7.0"])
def test_an_id_is_the_text_that_it_is(base, one):
    ids = ["007", "7.0", "7"]
    card = pd.DataFrame({"customer_id": ids, "recorded_at": "2026-01-01", "source": "web", "mail": "a@b"})
    collect.load(base, card, ["mail"])
    base.execute("create table notes (customer_id integer); insert into notes values (7)")
    assert set(collect.access(base, one)["table"]) == {"customers", "facts"}
    collect.erase(base, one)
    left = [row for (row,) in base.sql("select customer_id from customers order by all").fetchall()]
    assert left == sorted({*ids} - {one}) and base.sql("from notes").fetchall() == [(7,)]


def test_a_mention_is_found_also_with_an_apostrophe(base):
    card = pd.DataFrame({"customer_id": [1], "recorded_at": "2026-01-01", "source": "web"})
    collect.load(base, card.assign(mail="o'neil@quay.example"), ["mail"])
    base.execute("create table notes (note varchar, n int)")
    base.execute("insert into notes values ('wife of o''neil@quay.example', 1), (null, 2)")
    with pytest.raises(ValueError, match=r"own is a list of fields"):
        collect.erase(base, 1, own="mail")
    assert collect.erase(base, 1)["mentions"].to_dict()["notes"] == 1


def test_an_extract_shows_nobody_in_a_small_group():
    rng = np.random.default_rng(3)
    people = pd.DataFrame(
        {"born": rng.integers(1950, 1990, 500), "region": rng.choice(["a", "b", None], 500)}
    )
    extract = collect.k_anonymous(people, ["born", "region"], k=5)
    sizes = people.groupby(["born", "region"], dropna=False).size()
    assert extract.counts["kept"] == sizes[sizes >= 5].sum()
    assert extract.table.groupby(["born", "region"], dropna=False).size().min() >= 5
    assert len(extract.table) + len(extract.rejected) == 500
    with pytest.raises(ValueError, match="k must be a whole number of at least 2"):
        collect.k_anonymous(people, ["born"], k=1)
    with pytest.raises(ValueError, match="has a column 'reason' already"):
        collect.k_anonymous(people.assign(reason="own"), ["born"])


# ---- files written anew


PLANTED = "Xylophone Quokka 77.1234 & Æon"


def planted(path):
    """Return a base in whose file, uncompressed, a value of customer P stands among many others."""
    base = collect.open_base(path)
    base.execute("set force_compression = 'uncompressed'")
    table = cards(3000).assign(address=[f"{one} Moon Quay, Old Town" for one in range(3000)])
    table.loc[7, ["customer_id", "address"]] = ["P", PLANTED]
    collect.load(base, table, FIELDS)
    base.execute("checkpoint")
    assert PLANTED.encode() in path.read_bytes()
    return base


def rows(base):
    names = [one for (one,) in base.sql("select table_name from information_schema.tables").fetchall()]
    return {name: base.sql(f'from "{name}" order by all').fetchall() for name in names}


def folder_holds(folder, text):
    return [one.name for one in folder.iterdir() if text.encode() in one.read_bytes()]


def test_the_bytes_of_an_erased_customer_are_gone_and_the_base_stays_open(tmp_path):
    path = tmp_path / "it's a base.duckdb"
    base = planted(path)
    path.chmod(0o600)
    base.execute("create table notes (customer_id varchar, note varchar, primary key (customer_id, note))")
    base.execute("insert into notes values ('0001', 'rang twice')")
    wanted = rows(base)
    base.execute("delete from facts where customer_id = 'P'")  # only deleted, the value stands there still
    base.execute("checkpoint")
    assert folder_holds(tmp_path, PLANTED) == [path.name]
    collect.erase(base, "P", "2026-03-01")
    assert folder_holds(tmp_path, PLANTED) == []
    assert [one.name for one in tmp_path.iterdir()] == [path.name] and path.stat().st_mode & 0o777 == 0o600
    kept = rows(base)
    assert kept.pop("erased") != wanted.pop("erased")
    assert kept == {name: [row for row in held if "P" not in row] for name, held in wanted.items()}
    with pytest.raises(duckdb.ConstraintException):
        base.execute("insert into notes values ('0001', 'rang twice')")
    collect.load(base, cards(30, seed=5), FIELDS)
    kept = rows(base)
    base.close()
    with collect.open_base(path) as base:
        assert rows(base) == kept


STEPS = ["attach", "copy from", "checkpoint _fresh", "detach _fresh", "use _none", "replace"]


@pytest.mark.parametrize("step", STEPS)
def test_a_rewriting_that_breaks_off_loses_nothing_and_can_be_repeated(tmp_path, monkeypatch, step):
    class Breaks(duckdb.DuckDBPyConnection):
        """A base on which one step fails."""

        def execute(self, sql, *values):
            if sql.startswith(step):
                raise duckdb.IOException("No space left on device")
            return base.execute(sql, *values)

    path = tmp_path / "a.duckdb"
    base = planted(path)
    before = rows(base)
    if step == "replace":
        monkeypatch.setattr(collect.store.os, "replace", lambda *_: (_ for _ in ()).throw(OSError("refused")))
        breaks = base
    else:
        breaks = Breaks.__new__(Breaks)
    with pytest.raises(OSError, match=r"may still stand in it.*collect\.rewrite"):
        collect.rewrite(breaks)
    assert rows(base) == before and [one.name for one in tmp_path.iterdir()] == [path.name]
    monkeypatch.undo()
    base.execute("delete from facts where customer_id = 'P'")
    collect.rewrite(base)
    assert folder_holds(tmp_path, PLANTED) == []
    base.close()
    with collect.open_base(path, read_only=True) as base, pytest.raises(OSError, match="written anew"):
        collect.rewrite(base)


# ---- files that are broken


def test_a_file_that_is_no_base_or_is_cut_off_or_older_is_told_in_a_sentence(tmp_path):
    whole = tmp_path / "whole.duckdb"
    with collect.open_base(whole) as base:
        collect.load(base, cards(3000), FIELDS)
    for share in (0.2, 0.3, 0.6, 0.8):
        part = tmp_path / f"part{share}.duckdb"
        part.write_bytes(whole.read_bytes()[: int(share * whole.stat().st_size)])
        with pytest.raises(OSError, match="damaged or cut off"):
            collect.as_of(collect.open_base(part), "2026-01-01")
    cut, junk = tmp_path / "cut.duckdb", tmp_path / "junk.duckdb"
    cut.write_bytes(whole.read_bytes()[:9_000])
    junk.write_bytes(b"customer_id,name\n1,Al\n" * 900)
    for path in (cut, junk):
        with pytest.raises(OSError, match=r"is no DuckDB file, or it is damaged or cut off"):
            collect.open_base(path)
    with duckdb.connect(str(whole)) as other:
        other.execute("update about_this_file set schema_version = 0")
    with pytest.raises(ValueError, match=r"an older version of the schema \(0\); this crmlab reads 1"):
        collect.open_base(whole)
    with duckdb.connect(str(tmp_path / "other.duckdb")) as other:
        other.execute("create table orders (a int)")
    with pytest.raises(ValueError, match="is no knowledge base: it holds the tables orders"):
        collect.open_base(tmp_path / "other.duckdb")
    with pytest.raises(OSError, match="There is no folder"):
        collect.open_base(tmp_path / "no" / "a.duckdb")
    with pytest.raises(OSError, match="is a folder"):
        collect.open_base(tmp_path)
    with pytest.raises(OSError, match="There is no file"):
        collect.open_base(tmp_path / "none.duckdb", read_only=True)


def test_a_base_opened_for_looking_is_not_changed(tmp_path):
    with collect.open_base(tmp_path / "a.duckdb") as base:
        collect.load(base, cards(), FIELDS)
    with collect.open_base(tmp_path / "a.duckdb", read_only=True) as base:
        assert len(collect.as_of(base, "2026-01-01")) > 100
        with pytest.raises(OSError, match="read_only=True: nothing was changed"):
            collect.load(base, cards(seed=2), FIELDS)


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the system's owner may write anywhere"
)
def test_a_file_that_may_not_be_written(tmp_path):
    collect.open_base(tmp_path / "a.duckdb").close()
    (tmp_path / "a.duckdb").chmod(0o400)
    with pytest.raises(OSError, match="may not be written here"):
        collect.open_base(tmp_path / "a.duckdb")


HOLDS = """
import sys, time
from crmlab import collect

base = collect.open_base(sys.argv[1])
print("open", flush=True)
time.sleep(30)
"""


def test_a_file_that_another_program_holds_is_told_and_can_be_waited_for(tmp_path):
    path = tmp_path / "a.duckdb"
    other = subprocess.Popen([sys.executable, "-c", HOLDS, str(path)], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "open\n"
        with pytest.raises(OSError, match="is open in another program: close it there"):
            collect.open_base(path)
    finally:
        other.kill()
        other.wait()
        other.stdout.close()
    collect.open_base(path, wait=5).close()


LOADS = """
import sys
import numpy as np, pandas as pd
from crmlab import collect

base = collect.open_base(sys.argv[1], wait=60)
start, loads = int(sys.argv[2]), int(sys.argv[3])
for number in range(start, start + loads):
    table = pd.DataFrame({"customer_id": np.arange(4000) + 4000 * (number % 7), "recorded_at": "2026-01-01"})
    table = table.assign(source="web", mail=[f"m{number}.{one}@quay.example" for one in range(4000)])
    print("begin", number, flush=True)
    assert collect.load(base, table, ["mail"], name=str(number)).counts["new"] == 4000
    print("done", number, flush=True)
"""


def whole_loads(path):
    """Return the names of the loads in a file, each of which must be whole."""
    with collect.open_base(path) as base:
        loads = base.sql("select name, new from loads").fetchall()
        held = dict(
            base.sql(
                "select l.name, count(*) from facts f join loads l using (load_id) group by 1"
            ).fetchall()
        )
        ((orphans,),) = base.sql(
            "select count(*) from facts where load_id not in (select load_id from loads)"
        ).fetchall()
        ((strangers,),) = base.sql(
            "select count(*) from facts where customer_id not in (select customer_id from customers)"
        ).fetchall()
    assert dict(loads) == held and set(held.values()) <= {4000} and orphans == strangers == 0
    return {int(name) for name in held}


@pytest.mark.slow
def test_no_fact_is_lost_over_a_hundred_kills(tmp_path):
    path, luck, promised, cut_short = tmp_path / "a.duckdb", random.Random(17), set(), 0
    for kill in range(100):
        command = [sys.executable, "-c", LOADS, str(path), str(1000 * kill), "1000"]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        child.stdout.readline()
        time.sleep(luck.random() * 0.5)
        child.send_signal(signal.SIGKILL)
        said = child.stdout.read().split()
        child.wait()
        child.stdout.close()
        promised |= {int(said[place + 1]) for place, word in enumerate(said) if word == "done"}
        kept = whole_loads(path)
        assert promised <= kept and len(kept) <= len(promised) + kill + 1
        cut_short += len(said) > 0 and said[-2] == "begin" and int(said[-1]) not in kept
    print(f"{len(promised)} loads of 4,000 facts told as done, {len(kept)} whole; {cut_short} cut short")
    assert cut_short > 20 and len(promised) > 20


REWRITES = """
import sys
from crmlab import collect

base = collect.open_base(sys.argv[1], wait=60)
print("open", flush=True)
while True:
    collect.rewrite(base)
"""


@pytest.mark.slow
def test_nothing_is_lost_when_a_rewriting_is_killed(tmp_path):
    path, luck = tmp_path / "a.duckdb", random.Random(18)
    base, left = planted(path), 0
    base.execute("delete from facts where customer_id = 'P'")
    before = rows(base)
    base.close()
    for _ in range(20):
        child = subprocess.Popen(
            [sys.executable, "-c", REWRITES, str(path)], stdout=subprocess.PIPE, text=True
        )
        child.stdout.readline()
        time.sleep(luck.random() * 0.3)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        left += len(list(tmp_path.glob("*.rewriting*")))
        with collect.open_base(path) as base:
            assert rows(base) == before
    with collect.open_base(path) as base:
        collect.rewrite(base)
        assert rows(base) == before
    assert left > 5 and [one.name for one in tmp_path.iterdir()] == [path.name]
    assert folder_holds(tmp_path, PLANTED) == []


@pytest.mark.slow
def test_two_programs_that_load_at_once_both_get_through(tmp_path):
    path = tmp_path / "a.duckdb"
    commands = [[sys.executable, "-c", LOADS, str(path), str(start), "5"] for start in (0, 100)]
    both = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for command in commands]
    assert [one.wait(120) for one in both] == [0, 0]
    assert whole_loads(path) == {*range(5), *range(100, 105)}


@pytest.mark.slow
def test_a_full_disk_leaves_the_base_as_it_was(tmp_path):
    disk = tmp_path / f"disk{uuid.uuid4().hex[:6]}"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        base = collect.open_base(disk / "a.duckdb")
        collect.load(base, cards(), FIELDS)
        before = base.sql("from facts order by all").fetchall()
        rng = np.random.default_rng(1)
        many = pd.DataFrame({"customer_id": np.arange(300_000), "recorded_at": "2026-01-01", "source": "web"})
        many["note"] = [rng.bytes(30).hex() for _ in range(300_000)]
        with pytest.raises(OSError, match="The disk is full: nothing was changed"):
            collect.load(base, many, ["note"])
        base.close()
        with collect.open_base(disk / "a.duckdb") as base:
            assert base.sql("from facts order by all").fetchall() == before
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
