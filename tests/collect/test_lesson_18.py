"""Lesson 18. Referees: the package for what it writes by hand, the lot, the twin, six other companies."""

import ast
import warnings

import nbformat
import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from crmlab import collect, company, course, datasets

NAME = "18_when_it_was_not_random.ipynb"
CELLS = {
    cell.id: cell
    for cell in nbformat.read(course.ROOT / "notebooks" / NAME, as_version=4).cells
    if cell.cell_type == "code"
}
DRAWN = [one for one, cell in CELLS.items() if cell.metadata.get("jupyter")]  # figures
CARD = [one for one in CELLS if one[:3] in ("s1-", "s3-", "s5-") and one not in [*DRAWN, "s5-weak"]]
CARD += ["s6-answers", "s6-fees", "s6-bet", "s6-twin", "s6-score", "s6-keen"]
SHOP = ["s4-panel", "s4-four", "s4-package", "s4-factor"]
REAL = [one for one in CELLS if one[:3] == "s2-" and one not in DRAWN]
REAL += ["s4-organ", "s4-placebo", "s4-men", "s4-men-check", "s4-men-lot"]


def lesson(ids: list[str], **names):
    """Run cells of the lesson, without showing what their last line shows."""
    names = {"np": np, "pd": pd, "smf": smf, "collect": collect, "datasets": datasets} | names
    names |= {"DAY": pd.Timedelta(days=1), "END": pd.Timestamp("2026-01-01")}
    for one in ids:
        tree = ast.parse(CELLS[one].source)
        if isinstance(tree.body[-1], ast.Expr):
            tree.body.pop()
        exec(compile(tree, one, "exec"), names)
    return names


@pytest.fixture(scope="module")
def real():
    return lesson(REAL)


def test_the_six_by_hand_are_the_packages(real):
    found = collect.matching(real["six"], "after", "treat", ["before"]).estimates["effect"]
    assert real["pairs"]["gain"].mean() == pytest.approx(found) == pytest.approx(0.75)


def test_the_ten_by_hand_are_the_packages():
    ten = pd.DataFrame({"offered": [1] * 10 + [0] * 10, "took": [1] * 7 + [0] * 13})
    ten["dollars"] = [47.0 + one for one in (-1, 1)] * 5 + [43.5 + one for one in (-1, 1)] * 5
    assert collect.instrument(ten, "dollars", "took", "offered").estimates["effect"] == pytest.approx(5)


def test_the_matched_and_the_weighted_men_hold_what_the_lot_found(real):
    ways, by_lot = real["ways"], real["by_lot"]["effect"]
    assert by_lot == pytest.approx(1794.34, abs=0.01)
    for way in ("matched", "weighted"):
        assert ways.loc[way, "low"] < by_lot < ways.loc[way, "high"]
    assert ways.loc["matched, no earnings", "high"] < 0
    assert (
        real["without_earnings"]["apart_weighted"].abs().max() < 0.1 > real["check"]["apart_weighted"].max()
    )


def test_the_mens_change_passes_its_check_and_misses_the_lot(real):
    gaps = real["gaps"]
    assert gaps.loc["re74", "low"] < 0 < gaps.loc["re74", "high"]
    assert gaps.loc["re78", "low"] > real["by_lot"]["effect"]


def test_states_by_hand_are_the_packages(real):
    donors = real["donors"]
    donors["asked"] = ((donors["state"] == "California") & (donors["time"] == "after")).astype(int)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = collect.differences(donors, "rate", "state", "quarter", "asked").estimates["effect"]
    assert real["ours"] == pytest.approx(found)
    assert (real["played"].abs() >= abs(found)).sum() == 4


def test_four_numbers_of_the_shop_are_the_packages():
    tea = company.simulate(20_000)
    names = lesson(SHOP, tea=tea)
    four = names["four"]["change"]
    assert four["harbour"] - four["elsewhere"] == pytest.approx(names["opening"].estimates["effect"])
    trend = names["opening"].check
    before = trend[~trend["after"].astype(bool)]
    assert (before["low"] <= 0).all() and (before["high"] >= 0).all()
    assert (trend["high"][trend["after"].astype(bool)] < 0).all()


@pytest.mark.slow
def test_what_it_says_of_six_other_companies():
    answers, truths, scores, shops, nearer = {}, [], [], [], []
    for seed in range(1, 7):
        tea = company.simulate(20_000, rng=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one to three members out of range, in some
            names = lesson(CARD, tea=tea)
        truth = names["truth"]
        truths.append(truth)
        for name, row in names["answers"].iterrows():
            held = bool(row["low"] <= truth <= row["high"])
            answers.setdefault(name, []).append((row["effect"], held, row["effect"] > truth))
        trap, matched = names["late"].estimates["effect"], names["card"].estimates["effect"]
        assert trap < truth
        nearer.append(abs(trap - truth) < abs(matched - truth))
        scores.append(names["score"])
        assert keener(tea)
        assert names["offer"].groupby("member")["satisfaction"].mean().diff().iloc[-1] > 0
        assert furthest_offered(names) < 0.05  # "in six other companies, beyond .05"
        shops += list(openings(tea))
    table = {name: np.array(rows, float) for name, rows in answers.items()}
    held = {name: int(rows[:, 1].sum()) for name, rows in table.items()}
    assert held["all members, all others"] == 0 and held["from the second order"] == 2
    assert held["matched"] == held["by the lot"] == 5
    assert table["matched"][:, 2].sum() == 5
    ends = {name: (rows[:, 0].min().round(1), rows[:, 0].max().round(1)) for name, rows in table.items()}
    assert ends["all members, all others"] == (20.7, 26.9) and ends["from the second order"] == (5.6, 12.7)
    assert ends["matched"] == (3.8, 9.6) and ends["by the lot"] == (2.9, 11.6)
    assert (round(min(truths), 2), round(max(truths), 2)) == (4.35, 5.38)
    assert sum(nearer) == 5  # and here
    score = pd.DataFrame(scores).agg(["mean", "min", "max"]).T.round(2)
    assert score.loc["all members, all others"].tolist() == [-0.30, -0.44, -0.05]
    assert score.loc["from the second order"].tolist() == [0.45, -0.05, 0.97]
    assert score.loc["matched"].tolist() == [0.70, 0.32, 0.97]
    assert score.loc["by the lot"].tolist() == [0.75, -0.05, 1.00]
    assert score.loc["never"].tolist() == [0.30, 0.05, 0.44]
    lost = pd.DataFrame(scores)["by the lot"].to_numpy().argmin()  # the company where no interval holds
    assert all(not rows[lost, 1] and rows[lost, 2] for rows in table.values())
    assert (len(shops), sum(shops)) == (11, 9)


def furthest_offered(names) -> float:
    """Return the largest standardised difference of those offered the card and the others."""
    return collect.balance(names["twice"], "offered", names["told"])["apart"].abs().max()


def keener(tea) -> bool:
    """Say whether takers of an offered card are more satisfied than refusers, and these leave more."""
    true = tea._truth["customers"].set_index("customer_id")
    orders = tea.orders.groupby("customer_id").size()
    offers = tea.programme_offers.set_index("customer_id")["offered"]
    asked = true[offers.reindex(true.index) & (orders.reindex(true.index) > 1)]
    took = asked.index.isin(tea.memberships["customer_id"])
    satisfied = asked["satisfaction"]
    stays = true["satisfaction"].corr(true["leaving_probability"], method="spearman") < -0.1
    return bool(satisfied[took].mean() > satisfied[~took].mean() and stays)


def test_takers_are_more_satisfied_here_and_no_card_has_made_them_so():
    tea = company.simulate(20_000)
    assert keener(tea)
    twin = tea.do(programme="none")
    for column in ("satisfaction", "leaving_probability"):
        here, there = (one._truth["customers"].set_index("customer_id")[column] for one in (tea, twin))
        assert here.equals(there)
    start = lesson(["s1-orders", "s1-half", "s1-second"], tea=tea)["start"]
    log = twin.orders.sort_values("ordered_at")
    there = log[log.groupby("customer_id").cumcount() == 1].set_index("customer_id")["ordered_at"]
    assert (there.reindex(start.index) != start).sum() == 3  # "except for three customers"


def test_an_offer_does_not_decide_who_orders_twice():
    tea = company.simulate(20_000)
    cells = ["s1-orders", "s1-half", "s1-second", "s3-known", "s3-matched", "s5-offers", "s5-share", "s5-gap"]
    names = lesson(cells, tea=tea)
    twice, offered = names["ordered_twice"], names["offered"].reindex(names["ordered_twice"].index)
    table = pd.DataFrame({"twice": twice.astype(int), "offered": offered})
    low, high = smf.ols("twice ~ offered", data=table).fit().conf_int().loc["offered"]
    assert low < 0 < high < 0.02
    assert names["gap"].conf_int().loc["offered"].tolist() == pytest.approx([low, high])
    assert furthest_offered(names) < 0.03


def test_those_of_the_lot_who_were_not_trained_rose_more_than_the_survey(real):
    assert real["untrained"]["change"] > 2 * real["earned"].loc[0, "change"]
    assert real["beyond"].sum() == 2


def openings(tea):
    """Yield of each shop opened well within the log whether the lesson's interval holds the truth."""
    felt = tea._truth["moves"].set_index("move_id")["felt"]
    for move in tea.moves[tea.moves["kind"] == "opening"].itertuples():
        days = pd.Timedelta(days=120)
        if move.starts_on - days < pd.Timestamp("2023-01-01") or move.starts_on + days > pd.Timestamp(
            "2026-01-01"
        ):
            continue
        old = tea.customers[tea.customers["joined_on"] < move.starts_on - days].set_index("customer_id")
        log = tea.orders[tea.orders["customer_id"].isin(old.index)]
        month = ((log["ordered_at"] - move.starts_on) // pd.Timedelta(days=30)).rename("month")
        counts = log.groupby(["customer_id", month]).size().unstack(fill_value=0)
        counts = counts.loc[:, -4:3].reindex(old.index, fill_value=0)
        where = old["region"] == move.region
        panel = counts.stack().rename("orders").reset_index()
        panel["felt"] = panel["customer_id"].map(where) & (panel["month"] >= 0)
        found = collect.differences(panel, "orders", "customer_id", "month", "felt").estimates
        after = counts.loc[where, 0:3].mean(axis=1).mean()
        kept = after / (after - found)
        yield bool(kept["low"] <= felt[move.move_id] <= kept["high"])
