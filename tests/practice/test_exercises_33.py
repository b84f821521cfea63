"""Exercise 33. Referees: plain loops, powers of a matrix, scipy, the package."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from crmlab import network, practice

STUDENTS = ["ann", "bob"]


@pytest.fixture(scope="module")
def exercise():
    return practice.load("33")


@pytest.fixture(scope="module")
def all_drawn(exercise):
    return [practice.Drawn(exercise, "key", student, small=True) for student in STUDENTS]


def verdict(drawn, number, answer):
    return drawn.verdict(number, drawn.form(number).plain(answer, drawn.cases(number)))


def on(given, day):
    return given.table[given.table["as_of"] == day].set_index("customer_id")["rung"]


def test_rungs_by_a_loop_over_customers(all_drawn):
    for one in all_drawn:
        given, counts = one.given, dict.fromkeys(one.given.ladder, 0)
        for row in given.facts.to_dict("records"):
            here = given.ladder[0]
            for name in given.ladder[1:]:
                rules = given.rules[given.rules["rung"] == name]
                if all(row[rule.measure] >= rule.at_least for rule in rules.itertuples()):
                    here = name
            counts[here] += 1
        table = pd.DataFrame({"rung": counts.keys(), "customers": counts.values()})
        assert verdict(one, "33.1", table).outcome == "right"
        assert table["customers"].sum() == len(given.facts) and (table["customers"] == 0).any()
        assert verdict(one, "33.1", table[table["customers"] > 0]).outcome != "right"
        packages = network.standing(network.rungs(given.facts, given.rules, off=given.ladder[0])).iloc[0]
        answer = packages.rename("customers").rename_axis("rung").reset_index()
        answer["rung"] = answer["rung"].astype(str)
        assert verdict(one, "33.1", answer).outcome == "right"


def test_climbs_by_powers_of_the_table_of_moves(all_drawn):
    for one in all_drawn:
        given = one.given
        first, last = on(given, given.next_day), on(given, given.later)
        shares = pd.crosstab(first, last[first.index], normalize="index")
        shares = shares.reindex(index=given.ladder, columns=given.ladder, fill_value=0)
        low, high = given.ladder[1:4], given.ladder[4:]
        now, reach, steps = np.eye(3), np.zeros(3), np.zeros(3)
        for step in range(1, 400):
            arrive = now @ shares.loc[low, high].sum(axis=1).to_numpy()
            reach, steps = reach + arrive, steps + step * arrive
            now = now @ shares.loc[low, low].to_numpy()
        table = pd.DataFrame({"rung": low, "reach": reach, "steps": steps / reach})
        assert verdict(one, "33.2", table).outcome == "right"
        assert verdict(one, "33.2", table.round({"reach": 2, "steps": 2})).outcome == "right"
        once = network.climb(shares, "advocate")[["reach", "steps"]].loc[low]
        assert verdict(one, "33.2", once.rename_axis("rung").reset_index()).mistake == "back_from_off"


def test_time_on_the_rung_by_sets(all_drawn):
    for one in all_drawn:
        given, place = one.given, one.given.ladder.index
        now, past, then = (on(given, day) for day in (given.landmark, given.before, given.next_day))
        here = now.index[now == given.on]
        longer = [who for who in here if past.get(who) == given.on]
        new = [who for who in here if past.get(who) != given.on]
        climbed = [np.mean([place(then[who]) > place(given.on) for who in group]) for group in (new, longer)]
        table = pd.DataFrame({"stood": ["new", "longer"], "climbed": climbed})
        assert verdict(one, "33.3", table).outcome == "right"
        assert verdict(one, "33.3", table.round(2)).outcome == "right"
        assert verdict(one, "33.3", table.assign(climbed=climbed[::-1])).mistake == "the_other_way_round"


def test_the_odds_ratio_by_scipy_and_the_order_of_events(all_drawn):
    for one in all_drawn:
        given, day = one.given, pd.Timestamp(one.given.landmark)
        first = given.brought.groupby("customer_id")["brought_on"].min()
        counts = np.zeros((2, 2), int)
        posted = given.posts.groupby("customer_id")["posted_on"].apply(list).to_dict()
        for who, rung in on(given, given.landmark).items():
            if rung not in ("client", "supporter") or first.get(who, pd.Timestamp.max) <= day:
                continue
            wrote = any(0 <= (day - when).days <= 181 for when in posted.get(who, []))
            counts[int(not wrote), int(who not in first)] += 1
        ratio = stats.contingency.odds_ratio(counts, kind="sample").statistic
        assert verdict(one, "33.4", float(ratio)).outcome == "right"
        assert verdict(one, "33.4", round(float(ratio), 2)).outcome == "right"
        logs = np.log(ratio)
        assert verdict(one, "33.4", float(logs)).outcome != "right"
        share = counts[:, 0] / counts.sum(axis=1)
        assert verdict(one, "33.4", float(share[0] / share[1])).mistake == "a_ratio_of_shares"


def test_what_a_rung_brings_by_a_loop(all_drawn):
    for one in all_drawn:
        given = one.given
        sums: dict[int, float] = {}
        for row in given.orders.itertuples():
            if pd.Timestamp(given.landmark) < row.ordered_on <= pd.Timestamp(given.later):
                sums[row.customer_id] = sums.get(row.customer_id, 0) + row.dollars
        rung = on(given, given.landmark)
        dollars = [
            np.mean([sums.get(who, 0) for who in rung.index[rung == name]]) for name in given.ladder[1:]
        ]
        table = pd.DataFrame({"rung": given.ladder[1:], "dollars": dollars})
        assert verdict(one, "33.5", table).outcome == "right"
        assert verdict(one, "33.5", table.round()).outcome == "right"
        ordered = [
            np.mean([sums[who] for who in rung.index[rung == name] if who in sums])
            for name in given.ladder[1:]
        ]
        assert verdict(one, "33.5", table.assign(dollars=ordered)).mistake == "only_who_ordered"


def test_the_invitation_by_welch(all_drawn):
    for one in all_drawn:
        evening = one.given.evening
        groups = [evening["dollars"][evening["invited"] == value] for value in (True, False)]
        ends = stats.ttest_ind(*groups, equal_var=False).confidence_interval()
        assert ends.high - ends.low < one.given.widest
        assert verdict(one, "33.6", (float(ends.low), float(ends.high))).outcome == "right"
        came = [evening["dollars"][evening["came"] == value] for value in (True, False)]
        naive = stats.ttest_ind(*came, equal_var=False).confidence_interval()
        assert verdict(one, "33.6", (float(naive.low), float(naive.high))).mistake == "who_came"


def test_firms_pass_whichever_and_other_lists_do_not(all_drawn):
    for one in all_drawn:
        given = one.given
        firms = given.candidates[given.candidates["kind"] == "firm"]["customer_id"]
        for seed in range(3):
            assert verdict(one, "33.7", firms.sample(given.budget, random_state=seed).tolist()).mark > 0.85
        place = given.candidates["rung"].map(given.ladder.index)
        by_rung = (
            given.candidates[given.candidates["kind"] == "firm"]
            .assign(place=place)
            .nlargest(given.budget, "place")
        )
        assert verdict(one, "33.7", by_rung["customer_id"].tolist()).mark > 0.85
        persons = given.candidates[given.candidates["kind"] == "person"]["customer_id"]
        assert verdict(one, "33.7", persons.head(given.budget).tolist()).mark < 0.3
