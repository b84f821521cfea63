"""Lesson 15. Referees: the package for what it writes by hand, six other companies for its claims."""

import ast

import nbformat
import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline

from crmlab import collect, company, course

CELLS = {
    cell.id: cell
    for cell in nbformat.read(
        course.ROOT / "notebooks" / "15_watching_and_listening.ipynb", as_version=4
    ).cells
    if cell.cell_type == "code"
}
DRAWN = [one for one, cell in CELLS.items() if cell.metadata.get("jupyter")]  # figures
LIBRARY = {
    "np": np, "pd": pd, "collect": collect, "TfidfVectorizer": TfidfVectorizer,
    "LogisticRegression": LogisticRegression, "StratifiedKFold": StratifiedKFold,
    "cross_val_predict": cross_val_predict, "make_pipeline": make_pipeline,
}  # fmt: skip


def lesson(parts: tuple[str, ...], leave_out: tuple[str, ...] = (), **names):
    """Run cells of the lesson, without showing what their last line shows."""
    names = LIBRARY | {"rng": np.random.default_rng(15)} | names
    for one, cell in CELLS.items():
        if not one.startswith(parts) or one in DRAWN or one in leave_out:
            continue
        tree = ast.parse(cell.source)
        if isinstance(tree.body[-1], ast.Expr):
            tree.body.pop()
        exec(compile(tree, one, "exec"), names)
    return names


def of_company(leave_out: tuple[str, ...] = (), parts=("s1", "s2", "s3", "s4", "s5"), **seed):
    mended = company.simulate(**seed)
    worst = mended.products.loc[mended.products["redesigned_on"].notna(), "product_id"].item()
    tea = mended.do(redesign_day=9999)
    for what in ("open_answers.theme: packaging", "orders.fault: tin"):
        tea.commit(what, 0, 1)
    return lesson(parts, leave_out, mended=mended, tea=tea, worst=worst)


@pytest.fixture(scope="module")
def names():
    return of_company(("s3-odd",))


def test_kappa_by_hand_is_the_packages(names):
    found = collect.agreement(names["comments"][["coder_1", "coder_2"]], draws=2)
    by_hand = np.diag(names["met"]).sum()
    assert found.loc["agreed", "value"] == pytest.approx(by_hand)
    chance = (names["met"].sum(axis=1) * names["met"].sum(axis=0)).sum()
    assert found.loc["kappa", "by_chance"] == pytest.approx(chance)
    assert found.loc["kappa", "value"] == pytest.approx((by_hand - chance) / (1 - chance))


def test_the_lazy_coder_by_hand_is_the_packages(names):
    for name in ("coder_2", "lazy", "by lot"):
        found = collect.agreement(names["yes"][["coder_1", name]].astype(str), draws=2)
        assert found.loc["kappa", "value"] == pytest.approx(names["lazy"].loc[name, "kappa"], abs=0.005)


def test_the_first_ten_by_hand_are_the_packages(names):
    ten = collect.saturation(names["first"], unit="customer_id", code="code")
    alone = (names["first"]["code"].value_counts() == 1).sum()
    assert ten["chance_new"].iloc[-1] == pytest.approx(alone / 10)


def test_the_machine_by_hand_codes_nearly_as_the_packages(names):
    comments = names["comments"]
    found = collect.machine_codes(comments["comment"], comments["coder_1"])
    kappa = collect.agreement(pd.DataFrame({"a": found["code"], "b": comments["machine"]}), draws=2)
    assert kappa.loc["kappa", "value"] > 0.9  # other folds, else the same


def test_steps_by_hand_are_the_packages(names):
    steps = collect.transitions(names["log"], gap_hours=14 * 24)
    inner = steps[(steps["step"] != "(start)") & (steps["next"] != "(end)")]
    counts = names["within"].groupby(["before", "event"]).size()
    assert inner.set_index(["step", "next"])["count"].to_dict() == counts.to_dict()
    answers = steps.set_index(["step", "next"])["same_moment"]
    assert answers["complaint", "answer"] == answers["answer", "complaint"] == 0  # an hour for each


def test_who_told_of_somebody_rude_complained_of_service(names):
    complaints = names["tea"].complaints
    of_service = complaints.loc[complaints["cause"] == "service", "customer_id"]
    assert len(names["rude"]) == 4 and names["rude"].isin(of_service).all()


def test_sessions_by_hand_are_the_packages(names):
    one = names["log"][names["log"]["customer_id"] == 29]
    found = collect.sessions(one, gap_hours=14 * 24)
    assert names["one"]["session"].max() <= len(found)
    first = names["one"].groupby("session")["event"].agg(" > ".join)
    assert found["sequence"].head(2).tolist() == first.head(2).tolist()


@pytest.mark.slow
def test_what_it_says_of_six_other_companies():
    right_more, held, dates, quick, rude = 0, 0, [], [], np.zeros(2, int)
    for seed in range(101, 107):
        one = of_company(("s1-shuffle", "s1-agreement", "s3-odd"), rng=seed)
        comments = one["comments"]
        coders, machine = (
            collect.agreement(comments[["coder_1", name]], draws=2).loc["kappa", "value"]
            for name in ("coder_2", "machine")
        )
        assert 0.615 < coders < 0.685 and 0.705 < machine < 0.795 and machine > coders
        right_more += one["right"]["machine"] > one["right"]["coder_1"]
        rude += (one["theirs"]["cause"] == "service").sum(), len(one["rude"])
        assert (one["alarms"]["article"] == "Harbour Green").all()
        assert 2 <= one["named"] <= 4 and 55 <= len(one["told"]) <= 77
        race = one["race"]
        days, score = race["day"], race["score"]
        dates.append(days["watching"])
        assert days["watching"] < 96 and 550 <= days["survey"] < 919
        assert days["watching"] == days[["watching", "survey", "interviews, 6 a month"]].min()
        assert score["watching"] == score.drop("oracle").max()
        assert 0.955 < score["watching"] < 0.995 and -0.025 < score["survey"] < 0.395
        assert -0.095 < score["interviews, 6 a month"] < 0.505
        quick.append(score["interviews, 72 a month"])
        new, old = (one["trial"](*one["halves"][tin], "2024") for tin in ("new tin", "old tin"))
        assert old["faulty"] / old["lines"] > 4 * new["faulty"] / new["lines"]
        done = one["done"]["mean"]
        by_deed = (done[True] - done[False]).min()
        by_word = (done.iloc[-1] - done.iloc[0]).abs().max()
        assert by_deed > by_word
        again = one["settled"].groupby(one["grade"], observed=True)["bought_again"].mean()
        assert again.is_monotonic_increasing
        low, high, truth = one["low"], one["high"], (one["new_tin"] - one["old_tin"]).mean()
        assert low < 0 < high
        held += low < truth < high
        # the returns and the comments both tell of too few leaks
        assert max(one["by_return"], one["after"]["leak"].mean()) < 0.5 * one["share"]["of Harbour Green"]
    assert min(quick) > 0.835 and max(quick) < 0.925
    assert held == 5  # of six 95 % intervals
    assert rude.tolist() == [8, 12]  # of those who told of somebody rude, so many complained of service
    assert right_more == 5 and min(dates) == 37 and max(dates) == 95
