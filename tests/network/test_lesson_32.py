"""Lesson 32. Referees: the package for its lines, six companies for its claims."""

from contextlib import redirect_stdout
from io import StringIO

import nbformat
import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from crmlab import company, course, network

CELLS = {
    cell.id: cell.source
    for cell in nbformat.read(course.ROOT / "notebooks" / "32_early_warning.ipynb", as_version=4).cells
    if cell.cell_type == "code"
}
DRAWN = ("scatter", "figure", "four", "one", "course")  # cells that draw


def lesson(tea, *ids, until=None, **names):
    """Run cells of the lesson on a company: those of these ids, or all until one, but those that draw."""
    names = {"np": np, "pd": pd, "smf": smf, "network": network, "rng": np.random.default_rng(32)} | names
    names |= {"tea": tea, "partners": tea.partners.set_index("partner_id"), "bet": (0, 13)}
    upto = list(CELLS)[2 : list(CELLS).index(until) + 1] if until else []
    chosen = ids or [one for one in upto if not one.endswith(DRAWN)]
    for one in chosen:
        source = CELLS[one].replace("(13)", "(named_here)").replace("(14)", "(named_here + 1)")
        with redirect_stdout(StringIO()):
            exec(source.replace("13 / 200", "named_here / 200"), names)
        if "visits" in names and one == "l32-list":
            names["named_here"] = len(names["visits"])
    return names


@pytest.fixture(scope="module")
def told():
    """Return what the lesson's cells have made of its company by the time the chart is called."""
    return lesson(company.simulate(partners=200), until="l32-watch")


def test_adding_up_by_hand_is_the_packages_chart(told):
    surprises = np.random.default_rng(1).normal(0, 1, 60)
    by_chart = network.Cusum(0.5, "low").statistic(surprises)
    assert told["add_up"](surprises) == pytest.approx(by_chart.tolist())


def test_the_quarter_by_hand_is_the_packages_but_for_ties(told):
    close, both, quarter = told["close"], told["both"], told["quarter"]
    found = network.proxy(close, "trust", "letters").loc["all", "found"]
    at_the_cut = (close["trust"] == close["trust"].nsmallest(quarter).max()).sum()
    assert abs(len(both) / quarter - found) <= at_the_cut / quarter
    assert told["least"].isin(close.index[close["trust"] <= close["trust"].quantile(0.27)]).all()


def test_expectation_and_surprises_by_hand_are_the_packages(told):
    seen, fit = told["seen"], told["fit"]
    assert seen.weights.tolist() == pytest.approx(fit.params[["last", "before", "Intercept"]].tolist())
    ours = told["surprise"].stack().dropna()
    theirs = seen.table["surprise"].dropna().swaplevel()
    assert len(ours) == len(theirs)
    assert (ours - theirs.reindex(ours.index)).abs().max() < 1e-9


def test_the_limit_by_hand_is_the_packages_but_for_the_dice(told):
    limit = np.quantile(told["highest"], 0.98)
    again = [network.watch(told["theirs"], rng=seed).limit for seed in range(8)]
    assert min(again) - 0.05 <= limit <= max(again) + 0.05
    passed = (told["highest"] > told["seen"].limit).mean()
    assert passed == pytest.approx(0.02, abs=0.005)


def test_leads_by_hand_are_the_packages():
    alarms = pd.Series(pd.to_datetime(["2024-12-31", "2024-03-01"]), ["a", "b"])
    events = pd.Series(pd.to_datetime(["2025-01-01", "2024-09-30"]), ["a", "b"])
    names = {"pd": pd}
    exec(CELLS["l32-follow"].split("begins")[0], names)
    by_hand = names["months_between"](alarms, events)
    assert by_hand.tolist() == network.lead_times(alarms, events)["lead"].tolist() == [1, 6]


def test_saved_by_hand(told):
    names = {"months_late": lambda visits: pd.Series([2, 12, np.nan, -1], visits.index)}
    names["monthly"] = pd.Series(40.0, list("abcd"))
    exec(CELLS["l32-net"], names)
    assert names["net"](pd.Series(pd.Timestamp("2024-05-01"), list("abcd"))) == 200 - 4 * 30


@pytest.mark.slow
def test_what_it_says_of_six_other_companies():
    rows, money, scores, proxies, named, afford = [], [], {}, {}, {}, {}
    for seed in range(1, 7):
        names = lesson(company.simulate(partners=200, rng=seed), until="l32-afford")
        ahead, seen = network.warned(names["ahead"]), names["seen"]
        steady = names["wide"].columns.difference(names["soured"].index)
        rows.append({
            "soured": ahead["events"], "warned": ahead["warned"], "lead": ahead["median_lead"],
            "false": ahead["false_alarms"], "promised": seen.promised,
            "ordinary": names["ordinary"](names["wide"]), "steady": names["ordinary"](names["wide"][steady]),
            "dealt": names["ordinary"](names["shuffled"]),
        })  # fmt: skip
        won, lot, oracle = names["won"], names["lot"], names["oracle"]
        scores[seed] = ((won - lot) / (oracle - lot)).round(2)
        proxies[seed] = names["proxies"]["correlation"].round(2)
        named[seed] = pd.Series({rival: len(months) for rival, months in names["found"].items()})
        money += names["found"]["money"].tolist()
        afford[seed] = names["afford"]["net dollars"].astype(float)
    table, scores, proxies, named = pd.DataFrame(rows), *map(pd.DataFrame, (scores, proxies, named))
    assert table["soured"].tolist() == [18, 13, 17, 16, 20, 17]
    assert table["warned"].tolist() == [11, 10, 11, 12, 15, 9]
    assert table["lead"].tolist() == [2, 2, 2, 2, 1, 2]
    assert table["false"].tolist() == [5, 4, 2, 6, 2, 1]
    assert table["promised"].round(1).tolist() == [3.9, 3.9, 2.7, 3.9, 3.9, 2.9]
    assert round(table["promised"].sum()) == 21
    assert table["ordinary"].min() > 85 and table["steady"].min() > 65
    assert table["dealt"].max() < 30

    def range_of(frame, row):
        return frame.loc[row].min(), frame.loc[row].max()

    assert range_of(proxies, "letters") == pytest.approx((0.08, 0.37))
    assert range_of(proxies, "mark") == pytest.approx((0.45, 0.54))
    assert (proxies.loc["mark"] > proxies.loc["letters"]).all()
    assert range_of(named, "mark") == (12, 16) and range_of(named, "money") == (3, 7)
    assert min(money) == 4  # none before the flow has begun to fall
    assert range_of(named, "letters") == (0, 1) and range_of(named, "trust") == (2, 6)
    ends = {"mark": (0.39, 0.75), "money": (0.05, 0.29), "letters": (-0.02, 0), "trust": (-0.01, 0.46)}
    ends |= {"largest": (-0.02, 0.43), "lowest": (0.08, 0.52)}
    for rule, (low, high) in ends.items():
        assert range_of(scores, rule) == pytest.approx((low, high), abs=0.006), rule
    # the useless model hangs on how the marks are dealt: these are the lesson's dice
    assert range_of(named, "shuffled") == (1, 9)
    assert range_of(scores, "shuffled") == pytest.approx((0, 0.35), abs=0.006)
    assert (scores.idxmax() == "mark").sum() == 5 and scores.idxmax()[6] == "largest"
    best = pd.DataFrame(afford).idxmax()
    assert best.isin([1, 2]).sum() == 5 and best[6] == 20
