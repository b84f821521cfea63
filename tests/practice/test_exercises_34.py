"""Exercise 34. Referees: enumeration, plain loops, log-odds, the package."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from crmlab import network, practice

STUDENTS = ["ann", "eve"]
TOPICS = ["need", "advice", "approval", "order", "usage"]


@pytest.fixture(scope="module")
def exercise():
    return practice.load("34")


@pytest.fixture(scope="module")
def all_drawn(exercise):
    return [practice.Drawn(exercise, "key", student, small=True) for student in STUDENTS]


def verdict(drawn, number, answer):
    return drawn.verdict(number, drawn.form(number).plain(answer, drawn.cases(number)))


def of_the_year(given):
    messages = given.messages[given.messages["sent_at"].dt.year == given.year]
    rows = given.participants[given.participants["interaction_id"].isin(messages["interaction_id"])]
    return messages, rows


def signs_of(given):
    return network.buying_signs(given.people, *of_the_year(given))


def test_luck_is_that_of_all_ways_to_raise_the_needs(all_drawn):
    for one in all_drawn:
        for case, output in zip(one.cases("34.1"), one.key("34.1").right["outputs"], strict=True):
            ways = list(product(range(case["people"]), repeat=case["messages"]))
            assert output == pytest.approx(sum(len(set(way)) == 1 for way in ways) / len(ways))


def test_evidence_is_that_of_the_package_and_of_a_loop(all_drawn):
    for one in all_drawn:
        given = one.given
        signs = signs_of(given).loc[given.firm]
        table = signs[[f"writes {topic}" for topic in TOPICS]].set_axis(TOPICS, axis=1)
        table = table.assign(signs=signs["signs for another"])
        assert verdict(one, "34.2", table.reset_index()).outcome == "right"
        messages, rows = of_the_year(given)
        topic = messages[messages["customer_id"] == given.firm].set_index("interaction_id")["topic"]
        count = {
            who: dict.fromkeys([*TOPICS, "signs"], 0)
            for who in given.people.loc[given.people["customer_id"] == given.firm, "person_id"]
        }
        for message, about in topic.items():
            mine = rows[rows["interaction_id"] == message]
            writer = mine.loc[mine["part"] == "from", "person_id"].item()
            if about in TOPICS:
                count[writer][about] += 1
            for who in mine.loc[mine["part"] == "signed", "person_id"]:
                count[who]["signs"] += who != writer
        looped = pd.DataFrame.from_dict(count, orient="index").rename_axis("person_id").reset_index()
        assert verdict(one, "34.2", looped).outcome == "right"
        only_active = looped[looped[[*TOPICS, "signs"]].sum(axis=1) > 0]
        if len(only_active) < len(looped):
            assert verdict(one, "34.2", only_active).outcome != "right"


def test_the_rate_is_that_of_the_package_rounded_or_not(all_drawn):
    for one in all_drawn:
        known = one.given.asked.set_index("person_id")
        row = network.hit_rates(signs_of(one.given), known).loc[("initiator", "writes need")]
        assert verdict(one, "34.3", row["share"]).outcome == "right"
        assert verdict(one, "34.3", round(row["share"], 2)).outcome == "right"
        assert verdict(one, "34.3", row["by_luck"]).mistake == "by_luck"
        assert verdict(one, "34.3", 1 - row["share"]).outcome != "right"


def test_certainty_is_that_of_the_package_and_of_log_odds(all_drawn):
    for one in all_drawn:
        for case, output in zip(one.cases("34.4"), one.key("34.4").right["outputs"], strict=True):
            counts, rate = case["counts"], case["rate"]
            index = pd.MultiIndex.from_product([[1], range(len(counts))])
            rates = pd.DataFrame({"rate": [rate]}, index=pd.MultiIndex.from_tuples([("initiator", "need")]))
            found = network.buying_roles(
                pd.DataFrame({"need": counts}, index=index), rates, {"initiator": "need"}
            )
            assert output == pytest.approx(found["certainty"].iloc[0])
            points = np.array(counts) * np.log(rate * (len(counts) - 1) / (1 - rate))
            assert output == pytest.approx(1 / np.exp(points - points[0]).sum())


def test_what_came_of_the_sure_and_the_unsure(all_drawn):
    for one in all_drawn:
        rows = []
        for role, table in one.given.checked.groupby("role"):
            found = network.calibration(
                table.set_index(["customer_id", "person_id"])["certainty"],
                table.set_index(["customer_id", "person_id"])["has_role"],
                draws=10,
            )["right"]
            rows.append({"role": role, "sure": found["0.8 to 1"], "unsure": found["0 to 0.2"]})
        assert verdict(one, "34.5", pd.DataFrame(rows)).outcome == "right"
        assert verdict(one, "34.5", pd.DataFrame(rows).round(2)).outcome == "right"
        users = pd.DataFrame(rows).set_index("role").loc["user"]
        assert users["sure"] > 0.8 and 0.3 < users["unsure"] < 0.75  # silence says nothing on who uses


def test_leaving_is_judged_against_the_other_firms(all_drawn):
    for one in all_drawn:
        given = one.given
        orders, after, expected = given.orders, 0.0, 0.0
        span, when = pd.Timedelta(days=180), given.orders["ordered_at"]
        since = when.groupby(orders["customer_id"]).min()
        for row in given.left.itertuples():
            day = row.left_on
            inside = when.min() + span <= day <= when.max() - span
            if not inside or row.customer_id not in since or since[row.customer_id] > day - span:
                continue
            own = orders["customer_id"] == row.customer_id
            known = orders["customer_id"].map(since) <= day - span
            before_it, after_it = when.between(day - span, day, "left"), when.between(day, day + span, "left")
            if not (others := (before_it & known & ~own).sum()):
                continue
            after += (after_it & own).sum()
            expected += (before_it & own).sum() * (after_it & known & ~own).sum() / others
        assert verdict(one, "34.6", after / expected).outcome == "right"
        assert verdict(one, "34.6", round(after / expected, 2)).outcome == "right"
        silent = network.after_leaving(orders, given.silent)
        wrong = silent["after"].sum() / silent["expected"].sum()
        assert verdict(one, "34.6", wrong).mistake == "all_the_silent"


def test_honest_lists_of_visits_pass_and_bosses_do_not(all_drawn):
    for one in all_drawn:
        given = one.given
        signs = signs_of(given)
        rates = network.hit_rates(signs, given.asked.set_index("person_id"))
        said = network.buying_roles(signs, rates)["certainty"].xs("initiator", level="role")
        chosen = said.loc[given.best_firms].groupby("customer_id").idxmax().str[1].tolist()
        assert verdict(one, "34.7", chosen).outcome == "right"
        decides = network.buying_roles(signs, rates)["certainty"].xs("decider", level="role")
        bosses = decides.loc[given.best_firms].groupby("customer_id").idxmax().str[1].tolist()
        assert verdict(one, "34.7", bosses).mark < 0.8


def test_nothing_but_zeros_and_single_firms_earn_little(exercise):
    for student in ("ann", "bob", "eve"):
        one = practice.Drawn(exercise, "key", student, small=True)
        right = pd.DataFrame(one.key("34.2").right["columns"]).set_index("person_id")
        zeros = one.verdict("34.2", one.form("34.2").plain(0 * right))
        assert zeros.outcome == "wrong" and zeros.mark == 0
        assert one.verdict("34.3", one.key("34.3").wrong["firm_by_firm"][1]).mistake == "firm_by_firm"
        assert one.verdict("34.1", one.key("34.1").wrong["one_match_only"][1]).mark < 0.2
        lost = 1 - one.key("34.6").right
        assert one.verdict("34.6", lost).mistake == "what_was_lost"
