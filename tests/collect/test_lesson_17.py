"""Lesson 17. Referees: the package for its lines by hand, the truth, and six companies for its claims."""

import re

import nbformat
import numpy as np
import pandas as pd
import pytest

from crmlab import collect, company, course

CELLS = {
    cell.id: cell.source
    for cell in nbformat.read(course.ROOT / "notebooks" / "17_the_knowledge_base.ipynb", as_version=4).cells
    if cell.cell_type == "code"
}
BASE = ["s1-bet", "s1-cards", "s1-one", "s2-load", "s2-from", "s2-others", "s2-notes"]
AGES = ["s3-pairs", "s3-two", "s3-halving", "s3-fields", "s3-sure", "s3-again", "s4-list"]
USE = ["s6-log", "s6-count", "s6-luck", "s6-ideas", "s6-tin", "s6-money", "s6-before", "s7-posts"]
OPEN = ["s8-commit", "s8-trust", "s8-rules", "s8-lists", "s8-score", "s8-known", "s9-twin"]


def lesson(ids: list[str], **names):
    """Run cells of the lesson."""
    names = {"np": np, "pd": pd, "collect": collect, "rng": np.random.default_rng(17)} | names
    for one in ids:
        exec(compile(CELLS[one], one, "exec"), names)
    return names


@pytest.fixture(scope="module")
def names():
    return lesson([*BASE, "s2-trust", "s2-asof", *AGES], tea=company.simulate())


def test_trust_by_hand_is_the_packages(names):
    hand, cards = names["hand"], names["one"]
    last = names["views"]["2026-01-01"].set_index("customer_id").loc["660"]
    assert last["trust"] == pytest.approx(hand["trust"].max())
    assert last["value"] == cards.loc[hand["trust"].idxmax(), "address"]
    assert last["rivals"] == cards["address"].nunique() - 1


def test_the_rule_by_hand_for_everybody_is_as_of(names):
    cards = names["cards"].dropna(subset=["address"])
    cards = cards[~cards["address"].str.strip().str.lower().isin(collect.loading.BLANK)]
    age = (pd.Timestamp("2026-01-01") - cards["captured_on"]).dt.days
    cards = cards.assign(trust=cards["channel"].map(names["sure"]) * 0.5 ** (age / names["halving"]))
    best = cards.sort_values(["trust", "captured_on"]).groupby("customer_id").tail(1).set_index("customer_id")
    now = collect.as_of(names["fresh"], "2026-01-01", names["lives"], ["address"])
    now = now.set_index(now["customer_id"].astype(int))
    assert now["trust"].to_numpy() == pytest.approx(best["trust"].reindex(now.index).to_numpy())
    assert (now["value"] == best["address"].reindex(now.index)).mean() > 0.999  # ties within a day


def test_the_list_by_hand_is_refresh_next(names):
    now = collect.as_of(names["fresh"], "2026-01-01", names["lives"], ["address"])
    trust = now.set_index(now["customer_id"].astype(int))["trust"].reindex(names["persons"]).fillna(0)
    gain = (1 - trust) * 0.1 * names["brought"] - 2
    assert names["plan"]["gain"].to_numpy() == pytest.approx(gain.nlargest(200).to_numpy())
    assert (names["plan"]["gain"] > 0).all()


def test_who_may_be_called_is_counted_from_the_consents(names):
    may = collect.allowed(names["base"], "2026-01-01", "offers", "phone").astype(int)
    told = names["tea"].consents
    told = told[(told["channel"] == "phone") & (told["purpose"] == "offers") & told["withdrawn_on"].isna()]
    assert set(may) == set(told["customer_id"]) & set(names["persons"])


def test_all_of_the_tables_stands_in_the_base(names):
    tea, persons = names["tea"], names["persons"]
    facts = dict(names["base"].sql("select field, count(*) from facts group by 1").fetchall())
    theirs = tea.complaints[tea.complaints["customer_id"].isin(persons)]
    days = theirs.drop_duplicates(["customer_id", "opened_on", "cause"])
    assert facts["complaint"] == len(days)
    for field in names["details"]:
        cells = (
            names["cards"]
            .dropna(subset=[field])
            .drop_duplicates(["customer_id", "captured_on", "channel", field])
        )
        assert facts[field] == len(cells)


def test_uses_are_those_of_the_log(names):
    table = lesson(["s6-log"], tea=names["tea"], base=collect.open_base(":memory:"))
    log = table["log"]
    counted = log["used"].dropna().str.split().explode().value_counts()
    shown = collect.uses(table["base"])["decisions"].drop("(nothing)")
    assert shown.to_dict() == counted.to_dict()


def test_the_moves_that_were_put_in_are_those_that_the_lesson_names():
    source = (course.ROOT / "crmlab" / "company" / "contacts.py").read_text()
    (years,) = re.findall(r"years = -(\d+) \* np\.log", source)
    assert round(float(years) * np.log(2), 1) == 8.3


@pytest.mark.slow
def test_what_it_says_of_six_other_companies():
    found = [lesson([*BASE, *AGES, *USE, *OPEN], tea=company.simulate(rng=seed)) for seed in range(101, 107)]
    ahead = []
    for one in found:
        assert 9 <= one["halving"] / 365 < 19.5
        kept = one["kept"][one["kept"]["customers"] >= 300]
        assert (kept["right"] - kept["said"]).abs().max() < 0.065
        right = one["right"]
        assert right["by lot"] < min(right["most trust"], right["newest"], right["best way"]) - 0.05
        ahead.append(right["most trust"] - right["newest"])
        score = one["scores"]["score"]
        assert 0.445 < score["trust and stake"] < 0.565 and 0.285 < score["largest stake"] < 0.335
        assert score["stalest"] < 0 and one["scores"].at["stalest", "after_cost"] < 0
        hoped, got = one["plan"]["gain"].sum(), one["scores"].at["trust and stake", "after_cost"]
        assert 0.35 < got / hoped < 0.6
        known = one["known"]["score"]
        assert -0.015 < known["trust and stake"] - known["largest stake"] < 0.075
        assert 0.155 < one["gap"] < 0.485
        tin = one["lines"].groupby(["tin", "when"])["came_back"].mean()
        assert tin["Harbour Green", "1 before"] > 0.14 and tin["Harbour Green", "2 after"] < 0.03
        assert abs(tin["all others", "1 before"] - tin["all others", "2 after"]) < 0.006
        assert 245_000 <= round(one["after"] - one["before"], -3) <= 318_000
        assert 18_500 < one["after"] - one["without"] < 30_500
        assert 0.36 < one["wait"].notna().mean() < 0.42
        telephone = one["ages"]["agree"].loc["telephone"]
        assert abs(telephone.iloc[-1] - telephone.iloc[0]) < 0.045
        address = one["ages"]["agree"].loc["address"]
        assert address.iloc[-1] < address.iloc[0] - 0.045
    assert sum(one > 0 for one in ahead) == 4 and min(ahead) > -0.013 and max(ahead) < 0.035
