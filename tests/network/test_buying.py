"""The buying centre. Referees: Bayes' rule by enumeration, brute force, scikit-learn, simulated truth."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars
import pytest
from sklearn.calibration import calibration_curve

from crmlab import company, network

NEED = {"initiator": "writes need"}


@pytest.fixture
def page():
    """Return two firms: one of three people and four messages, one of two people and one message."""
    people = pd.DataFrame({"customer_id": [1, 1, 1, 2, 2], "person_id": [11, 12, 13, 21, 22]})
    messages = pd.DataFrame(
        {"interaction_id": [1, 2, 3, 4, 5], "customer_id": [1, 1, 1, 1, 2],
         "topic": ["need", "need", "approval", None, "order"]}
    )  # fmt: skip
    rows = [
        (1, "from", 11), (1, "to", None), (1, "signed", 11), (1, "copied", 12), (2, "from", 12),
        (2, "signed", 13), (3, "from", 12), (3, "signed", 13), (3, "copied", 11), (4, "from", None),
        (4, "to", 12), (5, "from", 22),
    ]  # fmt: skip
    participants = pd.DataFrame(rows, columns=["interaction_id", "part", "person_id"])
    return people, messages, participants


def signs_of(*counts, firm=1, column="writes need"):
    index = pd.MultiIndex.from_product([[firm], range(len(counts))], names=["customer_id", "person_id"])
    return pd.DataFrame({column: counts}, index=index)


def rates_of(**rates):
    keys = [("initiator", name.replace("_", " ")) for name in rates]
    return pd.DataFrame({"rate": list(rates.values())}, index=pd.MultiIndex.from_tuples(keys))


# ---- signs


def test_signs_of_a_page_counted_by_hand(page):
    signs = network.buying_signs(*page)
    assert signs.index.names == ["customer_id", "person_id"]
    assert signs["writes need"].tolist() == [1, 1, 0, 0, 0]
    assert signs["writes approval"].tolist() == [0, 1, 0, 0, 0]
    assert signs["writes order"].tolist() == [0, 0, 0, 0, 1]
    assert signs["is copied"].tolist() == [1, 1, 0, 0, 0]
    assert signs["is written to"].tolist() == [0, 1, 0, 0, 0]
    assert signs["signs for another"].tolist() == [0, 0, 2, 0, 0]  # 11 signed what 11 wrote


def test_order_of_rows_and_dates_does_not_matter_and_nothing_is_changed(page):
    before = [table.copy() for table in page]
    signs = network.buying_signs(*page)
    shuffled = [table.sample(frac=1, random_state=3) for table in page]
    pd.testing.assert_frame_equal(network.buying_signs(*shuffled), signs)
    for table, kept in zip(page, before, strict=True):
        pd.testing.assert_frame_equal(table, kept)


def test_signs_of_a_company_as_counted_person_by_person():
    tea = company.simulate(customers=400, rng=5)
    firms = tea.customers.loc[tea.customers["account_id"].notna(), "customer_id"]
    log = tea.interactions[tea.interactions["customer_id"].isin(firms)]
    people = tea.people[tea.people["customer_id"].isin(firms)]
    rows = tea.participants[tea.participants["interaction_id"].isin(log["interaction_id"])]
    signs = network.buying_signs(people, log, rows, topic="purpose").droplevel(0)
    purpose = log.set_index("interaction_id")["purpose"].astype(object)
    for who in people["person_id"].sample(20, random_state=1):
        own = rows[rows["person_id"] == who]
        wrote = set(own.loc[own["part"] == "from", "interaction_id"])
        assert signs.at[who, "writes order"] == sum(purpose[one] == "order" for one in wrote)
        assert signs.at[who, "is copied"] == (own["part"] == "copied").sum()
        signed = set(own.loc[own["part"] == "signed", "interaction_id"])
        assert signs.at[who, "signs for another"] == len(signed - wrote)


def test_one_message_is_enough(page):
    people, messages, participants = page
    signs = network.buying_signs(people, messages[4:], participants[-1:])
    assert signs.to_numpy().sum() == 1


def test_tables_of_polars_and_ids_that_are_texts_count_alike(page):
    signs = network.buying_signs(*page)
    given = [polars.from_pandas(table) for table in page]
    assert network.buying_signs(*given).to_numpy().tolist() == signs.to_numpy().tolist()
    people, messages, participants = (table.copy() for table in page)
    people["person_id"] = "p" + people["person_id"].astype(str)
    participants["person_id"] = ("p" + participants["person_id"].astype("Int64").astype(str)).where(
        participants["person_id"].notna(), None
    )
    texts = network.buying_signs(people, messages, participants)
    assert texts.to_numpy().tolist() == signs.to_numpy().tolist()
    assert texts.index.get_level_values(1)[0] == "p11"


@pytest.mark.parametrize(
    ("table", "change", "message"),
    [
        (0, lambda t: t.assign(person_id=[11, 11, 13, 21, 22]), "two people of one name need ids"),
        (0, lambda t: t.assign(person_id=[11, 12, 13, 21, 11]), "nobody buys for two firms"),
        (0, lambda t: t.assign(person_id=[11, "11", 13, 21, 22]), "person_id 11 is there as a number and"),
        (0, lambda t: t.assign(customer_id=[1, 1, "1", 2, 2]), "customer_id 1 is there as a number and"),
        (0, lambda t: t.assign(person_id=[np.nan, 12, 13, 21, 22]), "no customer_id or no person_id"),
        (0, lambda t: t[t["customer_id"] == 1], "a firm without people"),
        (0, lambda t: t[t["person_id"] != 13], "not among the people"),
        (0, lambda t: t.drop(columns="person_id"), "person_id"),
        (1, lambda t: t[:0], "not a single message"),
        (1, lambda t: t.assign(interaction_id=[1, 1, 3, 4, 5]), "a message listed before"),
        (1, lambda t: t.assign(customer_id=[1, np.nan, 1, 1, 2]), "no interaction_id or no customer_id"),
        (1, lambda t: t.assign(customer_id=[1, 1, 1, 1, 1]), "participant of another firm"),
        (1, lambda t: t[1:], "a message that is not listed"),
        (2, lambda t: t[t["part"] != "from"], "no sender"),
        (2, lambda t: t[1:], "1 of 5 rows have no sender"),
        (2, lambda t: pd.concat([t, t[:1]]), "two senders"),
        (2, lambda t: t.assign(part=t["part"].replace("copied", "cc")), "no part in a message 'cc'"),
        (2, lambda t: t.assign(interaction_id=np.nan), "no interaction_id"),
    ],
)  # fmt: skip
def test_bad_messages_are_refused(page, table, change, message):
    given = list(page)
    given[table] = change(given[table])
    with pytest.raises(ValueError, match=message):
        network.buying_signs(*given)


# ---- rates


def test_hit_rates_by_hand():
    signs = pd.concat([signs_of(6, 2), signs_of(1, 0, 1, firm=2)])
    signs.index = pd.MultiIndex.from_tuples([(1, 0), (1, 1), (2, 2), (2, 3), (2, 4)])
    known = pd.DataFrame({"initiator": [True, False, True, True, False]}, index=[0, 1, 2, 3, 4])
    row = network.hit_rates(signs, known).loc[("initiator", "writes need")]
    assert (row["messages"], row["hits"], row["share"]) == (10, 7, 0.7)
    assert row["rate"] == pytest.approx(8 / 12)
    assert row["by_luck"] == pytest.approx((8 * 1 / 2 + 2 * 2 / 3) / 10)
    assert (row["low"], row["high"]) == pytest.approx((0.3968, 0.8922), abs=5e-5)  # Wilson, 7 of 10


def test_hit_rates_take_the_firms_that_were_asked_only():
    signs = pd.concat([signs_of(6, 2), signs_of(100, 0, firm=2).rename({0: 5, 1: 6}, level=1)])
    known = pd.DataFrame({"initiator": [True, False]}, index=[0, 1])
    assert network.hit_rates(signs, known)["messages"].tolist() == [8]


def test_a_sign_that_was_never_seen_has_no_share_and_a_rate_of_a_half():
    row = network.hit_rates(signs_of(0, 0), pd.DataFrame({"initiator": [True, False]})).iloc[0]
    assert row[["share", "low", "high", "by_luck"]].isna().all()
    assert row["rate"] == 0.5


@pytest.mark.parametrize(
    ("known", "message"),
    [
        (pd.DataFrame({"initiator": [True, False]}, index=[0, 0]), "one row per person"),
        (pd.DataFrame({"initiator": [1, 0]}), "true or false"),
        (pd.DataFrame({"initiator": pd.array([True, None], "boolean")}), "true or false"),
        (pd.DataFrame({"initiator": [True]}, index=[9]), "no person 9"),
        (pd.DataFrame({"initiator": [True]}), "leaves out 1"),
    ],
)
def test_bad_knowledge_is_refused(known, message):
    with pytest.raises(ValueError, match=message):
        network.hit_rates(signs_of(2, 1), known)


# ---- roles


@pytest.mark.parametrize("counts", [(2, 1, 0), (0, 0), (7, 0, 0, 0), (1,), (3, 3)])
@pytest.mark.parametrize("rate", [0.2, 0.5, 0.9])
def test_certainty_is_bayes_rule_enumerated(counts, rate):
    n, likelihood = len(counts), []
    for holder in range(n):
        chances = [rate if one == holder else (1 - rate) / max(n - 1, 1) for one in range(n)]
        likelihood.append(np.prod([chance**count for chance, count in zip(chances, counts, strict=True)]))
    found = network.buying_roles(signs_of(*counts), rates_of(writes_need=rate), NEED)
    np.testing.assert_allclose(found["certainty"], np.array(likelihood) / sum(likelihood))


def test_two_signs_multiply():
    signs = signs_of(1, 0).assign(starts=[0, 1])
    found = network.buying_roles(
        signs, rates_of(writes_need=0.9, starts=0.6), {"initiator": ["writes need", "starts"]}
    )
    # odds 9 for the first by the need, 1.5 against by the start
    assert found["certainty"].iloc[0] == pytest.approx(6 / 7)


def test_evidence_share_luck_and_p_value_against_every_way_to_deal_messages():
    found = network.buying_roles(signs_of(3, 1, 0), rates_of(writes_need=0.9), NEED)
    assert found["evidence"].tolist() == [3, 1, 0]
    assert found["share"].tolist() == [0.75, 0.25, 0]
    ways = np.indices((3,) * 4).reshape(4, -1)  # who wrote each of the four
    for who, count in enumerate([3, 1, 0]):
        p_value = ((ways == who).sum(axis=0) >= count).mean()
        assert found["p_value"].iloc[who] == pytest.approx(p_value)


def test_certainties_of_a_role_add_up_to_one_and_rows_stand_person_by_person(page):
    signs = network.buying_signs(*page)
    keys = pd.MultiIndex.from_tuples(network.TELLING.items())
    found = network.buying_roles(signs, pd.DataFrame({"rate": 0.9}, index=keys))
    assert found.index.names == ["customer_id", "person_id", "role"]
    assert found["certainty"].groupby(level=[0, "role"]).sum().to_numpy() == pytest.approx(1)
    assert found.index.get_level_values("role")[:5].tolist() == list(network.TELLING)
    nothing = found.loc[(2, slice(None), "initiator"), :]
    assert nothing["certainty"].tolist() == [0.5, 0.5]
    assert nothing["share"].isna().all()


def test_ten_thousand_messages_do_not_overflow():
    found = network.buying_roles(signs_of(10_000, 0, 5000), rates_of(writes_need=0.99), NEED)
    assert found["certainty"].tolist() == [1, 0, 0]


def test_bad_rates_and_signs_are_refused():
    signs, rates = signs_of(2, 1), rates_of(writes_need=0.9)
    with pytest.raises(ValueError, match="writes advice"):
        network.buying_roles(signs, rates)
    with pytest.raises(ValueError, match="no role and sign"):
        network.buying_roles(signs, rates, {"decider": "writes need"})
    for wrong in (0.0, 1.0, np.nan, 90.0):
        with pytest.raises(ValueError, match="between 0 and 1"):
            network.buying_roles(signs, rates_of(writes_need=wrong), NEED)
    with pytest.raises(ValueError, match="missing or negative"):
        network.buying_roles(signs_of(2, np.nan), rates, NEED)
    with pytest.raises(ValueError, match="buying_signs returns"):
        network.buying_roles(signs.reset_index(drop=True), rates, NEED)


def test_roles_that_were_simulated_are_found_as_often_as_is_said():
    luck, rate, firms = np.random.default_rng(8), 0.7, 3000
    people, messages = luck.integers(2, 6, firms), luck.integers(1, 5, firms)
    rows, holder = [], []
    for firm, (n, m) in enumerate(zip(people, messages, strict=True)):
        chances = np.full(n, (1 - rate) / (n - 1))
        chances[0] = rate
        rows += [(firm, one, count) for one, count in enumerate(luck.multinomial(m, chances))]
        holder += [one == 0 for one in range(n)]
    table = pd.DataFrame(rows, columns=["firm", "person", "writes need"]).set_index(["firm", "person"])
    said = network.buying_roles(table, rates_of(writes_need=rate), NEED)["certainty"]
    found = network.calibration(said, pd.Series(holder, said.index), edges=(0, 0.1, 0.3, 0.6, 0.9, 1))
    assert ((found["low"] - 0.01 < found["said"]) & (found["said"] < found["high"] + 0.01)).all()
    assert (found["high"] - found["low"]).max() < 0.1


# ---- calibration


def test_calibration_has_the_shares_of_scikit_learn():
    luck = np.random.default_rng(2)
    said = pd.Series(luck.random(500), pd.MultiIndex.from_product([range(100), range(5)]))
    truth = pd.Series(luck.random(500) < said.to_numpy(), said.index)
    found = network.calibration(said, truth, edges=np.linspace(0, 1, 6))
    right, mean = calibration_curve(truth, said, n_bins=5)
    np.testing.assert_allclose(found["right"], right)
    np.testing.assert_allclose(found["said"], mean)
    assert found["cases"].sum() == 500


def test_interval_of_calibration_widens_when_a_firm_is_right_or_wrong_as_one():
    luck = np.random.default_rng(2)
    index = pd.MultiIndex.from_product([range(100), range(5)])
    said = pd.Series(0.9, index)
    apart = network.calibration(said, pd.Series(luck.random(500) < 0.9, index)).iloc[0]
    together = network.calibration(said, pd.Series(np.repeat(luck.random(100) < 0.9, 5), index)).iloc[0]
    assert together["high"] - together["low"] > 1.7 * (apart["high"] - apart["low"])


def test_bad_calibrations_are_refused():
    said = pd.Series([0.5, 0.5], pd.MultiIndex.from_tuples([(1, 1), (1, 2)]))
    for right in (said > 0.9, pd.Series([True, False]), said):
        if right is said or not right.index.equals(said.index):
            with pytest.raises(ValueError, match="same index"):
                network.calibration(said, right)
    with pytest.raises(ValueError, match="does not"):
        network.calibration(said + [0, np.nan], said > 0)
    with pytest.raises(ValueError, match="rise from 0 to 1"):
        network.calibration(said, said > 0, edges=(0, 0.5))


# ---- coverage and leaving


def test_coverage_by_hand(page):
    signs = network.buying_signs(*page)
    keys = pd.MultiIndex.from_tuples(network.TELLING.items())
    found = network.buying_roles(signs, pd.DataFrame({"rate": 0.9}, index=keys))
    table = network.coverage(signs, found)
    assert table["people"].tolist() == [3, 2]
    assert table["contacts"].tolist() == [2, 1]
    assert table["messages"].tolist() == [3, 1]
    assert table["largest_share"].tolist() == pytest.approx([2 / 3, 1])
    assert table["known"].tolist() == [1, 1]
    assert table["unknown"].tolist() == [
        "initiator, influencer, buyer, user", "initiator, influencer, decider, user",
    ]  # fmt: skip
    assert table["most_news_to"].tolist()[0] == 12
    assert table["news_share"].isna().tolist() == [False, True]
    with pytest.raises(ValueError, match="different firms"):
        network.coverage(signs.loc[[1]], found)
    with pytest.raises(ValueError, match="sure"):
        network.coverage(signs, found, sure=80)


@pytest.fixture
def leaving():
    luck = np.random.default_rng(4)
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(luck.integers(0, 700, 600), "D")
    orders = pd.DataFrame({"customer_id": luck.integers(0, 30, 600), "ordered_at": day})
    when = pd.Timestamp("2024-01-01") + pd.to_timedelta(luck.integers(-20, 800, 40), "D")
    return orders, pd.DataFrame({"customer_id": luck.integers(0, 32, 40), "left_on": when})


def test_after_leaving_by_brute_force(leaving):
    orders, left = leaving
    table = network.after_leaving(orders, left, days=90)
    span, kept = pd.Timedelta(days=90), []
    for row in left.itertuples():
        own = orders[orders["customer_id"] == row.customer_id]["ordered_at"]
        if not len(own) or own.min() > row.left_on - span:
            continue
        if row.left_on - span < orders["ordered_at"].min() or row.left_on + span > orders["ordered_at"].max():
            continue
        counts = []
        for one in (own, pd.Series(dtype="M8[ns]")):
            counts.append([((one >= row.left_on - span) & (one < row.left_on)).sum(),
                           ((one >= row.left_on) & (one < row.left_on + span)).sum()])  # fmt: skip
        others = [0, 0]
        for firm, times in orders.groupby("customer_id")["ordered_at"]:
            if firm != row.customer_id and times.min() <= row.left_on - span:
                others[0] += ((times >= row.left_on - span) & (times < row.left_on)).sum()
                others[1] += ((times >= row.left_on) & (times < row.left_on + span)).sum()
        if not others[0]:
            continue
        kept.append((row.Index, *counts[0], others[1] / others[0]))
    expected = pd.DataFrame(kept, columns=["row", "before", "after", "elsewhere"]).set_index("row")
    assert len(expected) > 15
    pd.testing.assert_frame_equal(
        table[["before", "after", "elsewhere"]], expected, check_names=False, check_dtype=False
    )
    pd.testing.assert_series_equal(table["expected"], table["before"] * table["elsewhere"], check_names=False)


def test_nobody_to_judge_and_missing_dates_are_refused(leaving):
    orders, left = leaving
    with pytest.raises(ValueError, match="take fewer days"):
        network.after_leaving(orders, left, days=400)
    with pytest.raises(ValueError, match="no 'customer_id' or no 'left_on'"):
        network.after_leaving(orders, left.assign(left_on=pd.NaT))
    with pytest.raises(ValueError, match="days"):
        network.after_leaving(orders, left, days=0)


# ---- the figure


def test_figure_names_each_person_once_with_the_roles_that_are_sure(page):
    signs = network.buying_signs(*page)
    keys = pd.MultiIndex.from_tuples(network.TELLING.items())
    found = network.buying_roles(signs, pd.DataFrame({"rate": 0.9}, index=keys))
    ax = network.plot_buying_centre(signs, found, 1, names={11: "Ann", 12: "Bo", 13: "Cy"})
    texts = [text.get_text() for text in ax.texts if text.get_text()]
    assert texts == ["we", "Ann\nno role known", "Bo\ndecider 90 %", "Cy\nno role known"]
    with pytest.raises(ValueError, match="no firm 9"):
        network.plot_buying_centre(signs, found, 9)
    plt.close("all")


# ---- what gave a wrong number without a word


def test_a_participant_counts_once_in_a_part(page):
    people, messages, rows = page
    with pytest.raises(ValueError, match="2 of 12 rows have a participant who is there before"):
        network.buying_signs(people, messages, pd.concat([rows, rows.iloc[[3, 5]]]))


@pytest.mark.parametrize("topic", ["Need", "order ", "", " ", "no topic"])
def test_topics_in_another_way_of_writing(page, topic):
    people, messages, rows = page
    with pytest.raises(ValueError, match="1 of 5 rows have a topic"):
        network.buying_signs(people, messages.assign(topic=[topic, "need", "price", None, "order"]), rows)


def test_ids_that_floats_cannot_tell_apart():
    people = pd.DataFrame({"customer_id": 1, "person_id": [2**53, 2**53 + 1]})
    messages = pd.DataFrame({"interaction_id": [1], "customer_id": 1, "topic": "need"})
    rows = pd.DataFrame({"interaction_id": 1, "part": ["from", "to"], "person_id": [2**53, None]})
    with pytest.raises(ValueError, match="floats cannot tell"):
        network.buying_signs(people, messages, rows)


def test_telling_as_a_series_is_a_mapping():
    signs, rates = signs_of(2, 1), rates_of(writes_need=0.8)
    pd.testing.assert_frame_equal(
        network.buying_roles(signs, rates, pd.Series(NEED)), network.buying_roles(signs, rates, NEED)
    )


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda s, r: (s, r, {"initiator": ["writes need"] * 2}), "counts once"),
        (lambda s, r: (s, r, {}), "a role with a sign"),
        (lambda s, r: (s, pd.concat([r, r]), NEED), "one rate"),
        (lambda s, r: (s / 3, r, NEED), "not whole"),
        (lambda s, r: (s.rename({1: np.nan}), r, NEED), "missing firm"),
        (lambda s, r: (s.astype(str), r, NEED), "counts in every column"),
    ],
)
def test_signs_and_rates_that_are_none(change, what):
    with pytest.raises(ValueError, match=what):
        network.buying_roles(*change(signs_of(2, 1), rates_of(writes_need=0.8)))


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda r: r.iloc[1:], "different firms or people"),
        (lambda r: r.rename({0: 70}, level=1), "different firms or people"),
        (lambda r: r.assign(certainty=80.0), "outside 0 to 1"),
        (lambda r: r.assign(certainty=np.nan), "missing"),
        (lambda r: pd.concat([r, r]), "once"),
        (lambda r: r.droplevel(2), "a row per firm, person and role"),
    ],
)
def test_roles_of_others(change, what):
    signs = signs_of(2, 1).assign(**{"is written to": 1})
    roles = network.buying_roles(signs, rates_of(writes_need=0.8), NEED)
    for use in (network.coverage, lambda *both: network.plot_buying_centre(*both, 1)):
        with pytest.raises(ValueError, match=what):
            use(signs, change(roles))
    with pytest.raises(ValueError, match="sure"):
        network.plot_buying_centre(signs, roles, 1, sure=80)


def test_order_of_rows_decides_no_tie_and_no_interval():
    signs = signs_of(2, 1).assign(**{"is written to": 1})
    roles = network.buying_roles(signs, rates_of(writes_need=0.8), NEED)
    assert network.coverage(signs[::-1], roles[::-1])["most_news_to"].tolist() == [0]
    rng = np.random.default_rng(1)
    said = pd.Series(rng.random(60), pd.MultiIndex.from_product([range(20), range(3)]))
    right, order = pd.Series(rng.random(60) < said, said.index), rng.permutation(60)
    pd.testing.assert_frame_equal(
        network.calibration(said.iloc[order], right.iloc[order]), network.calibration(said, right)
    )


@pytest.mark.parametrize("values", [[0.1, np.nan], [0.1, pd.NA], ["0.1", "0.2"]])
def test_a_certainty_that_is_missing_or_a_text(values):
    index = pd.MultiIndex.from_tuples([(1, 1), (2, 2)])
    said = pd.Series(values, index, dtype=None if "0.1" in values[:1] else "Float64")
    with pytest.raises(ValueError, match="certainty"):
        network.calibration(said, pd.Series([True, False], index))


def test_a_firm_that_is_missing():
    index = pd.MultiIndex.from_tuples([(1.0, 1), (np.nan, 2)])
    with pytest.raises(ValueError, match="firm is missing"):
        network.calibration(pd.Series([0.1, 0.2], index), pd.Series([True, False], index))


DAY = pd.to_datetime(["2025-01-01", "2025-03-01", "2025-05-01", "2025-07-01"])
ORDERS = pd.DataFrame({"customer_id": [1] * 4 + [2] * 4, "ordered_at": [*DAY, *DAY]})
LEFT = pd.DataFrame({"customer_id": [1], "left_on": pd.to_datetime(["2025-04-01"])})


@pytest.mark.parametrize(
    ("orders", "left", "ways", "what"),
    [
        (ORDERS, LEFT.assign(before="mine"), {}, "column 'before' already"),
        (ORDERS, LEFT.rename(columns={"left_on": "after"}), {"left": "after"}, "column 'after' already"),
        (ORDERS[:4], LEFT, {}, "Nobody left"),
        (ORDERS.assign(customer_id=[1, 1, "1", 1, 2, 2, 2, 2]), LEFT, {}, "customer_id 1 is there as a"),
        (ORDERS, LEFT.assign(left_on="04.05.2025"), {}, "'left_on' holds days"),
        (ORDERS, LEFT.assign(left_on=20250401), {}, "'left_on' holds days"),
        (ORDERS.assign(ordered_at=[*DAY.tz_localize("UTC")] * 2), LEFT, {}, "time zone UTC"),
    ],
)
def test_leavings_that_cannot_be_judged(orders, left, ways, what):
    with pytest.raises(ValueError, match=what):
        network.after_leaving(orders, left, days=60, **ways)
