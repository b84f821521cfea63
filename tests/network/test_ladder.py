"""The ladder. Referees: plain loops, statsmodels, closed forms, walks that are drawn, the chain of stages."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars
import pytest
from statsmodels.stats.proportion import proportion_confint

from crmlab import network, value

LADDER = ["off", "purchaser", "client", "advocate"]
DAYS = ["2024-06-30", "2024-12-31", "2025-06-30", "2025-12-31"]
RULES = pd.DataFrame(
    {
        "rung": ["purchaser", "client", "advocate", "advocate"],
        "measure": ["orders", "orders", "orders", "brought"],
        "at_least": [1, 3, 3, 1],
    }
)
MATRIX = np.array([[0.8, 0.1, 0.1, 0], [0.3, 0.4, 0.2, 0.1], [0.2, 0, 0.5, 0.3], [0.05, 0, 0.05, 0.9]])


def facts(rng, customers=200):
    rows = pd.MultiIndex.from_product([range(customers), DAYS[:2]], names=["customer_id", "as_of"])
    table = pd.DataFrame({"orders": rng.poisson(2, len(rows)), "brought": rng.random(len(rows)) < 0.3}, rows)
    return table.reset_index().sample(frac=1, random_state=1)


def walks(rng, customers=3000, days=DAYS, matrix=MATRIX):
    """Return customers who walk by this matrix, in no order of rows; some come later."""
    now, rows = rng.integers(0, len(matrix), customers), []
    first = rng.integers(0, len(days) - 1, customers)
    for number, day in enumerate(days):
        there = first <= number
        rung = np.array(LADDER)[now[there]]
        rows.append(pd.DataFrame({"customer_id": np.flatnonzero(there), "as_of": day, "rung": rung}))
        now = (rng.random(customers)[:, None] >= matrix.cumsum(axis=1)[now][:, :-1]).sum(axis=1)
    return pd.concat(rows).sample(frac=1, random_state=2).reset_index(drop=True)


# ---- correctness


def test_everybody_is_on_the_highest_rung_whose_conditions_all_hold():
    table = facts(np.random.default_rng(1))
    found = network.rungs(table, RULES, off="off")
    for row, rung in zip(table.itertuples(), found["rung"], strict=True):
        if row.orders >= 3 and row.brought:
            assert rung == "advocate"
        elif row.orders >= 3:
            assert rung == "client"
        else:
            assert rung == ("purchaser" if row.orders else "off")
    assert found["customer_id"].tolist() == table["customer_id"].tolist()
    assert found["rung"].cat.ordered and found["rung"].cat.categories.tolist() == LADDER


def test_nobody_stands_on_an_empty_rung_and_it_is_kept():
    table = facts(np.random.default_rng(2)).assign(brought=False)
    found = network.standing(network.rungs(table, RULES, off="off"))
    assert found.columns.tolist() == LADDER and (found["advocate"] == 0).all()
    assert (found.sum(axis=1) == 200).all() and found.index.is_monotonic_increasing


def test_moves_are_those_of_a_loop_and_their_intervals_statsmodels():
    table = walks(np.random.default_rng(3), 400)
    found = network.moves(table, ladder=LADDER)
    counts: dict[tuple[str, str], int] = {}
    place = {(row.customer_id, row.as_of): row.rung for row in table.itertuples()}
    for (customer, day), rung in place.items():
        later = DAYS.index(day) + 1
        if later < len(DAYS):
            pair = rung, place[customer, DAYS[later]]
            counts[pair] = counts.get(pair, 0) + 1
    for pair, row in found.iterrows():
        assert row["moved"] == counts.get(pair, 0)
        assert row["of"] == sum(count for (start, _), count in counts.items() if start == pair[0])
        low, high = proportion_confint(row["moved"], row["of"], method="wilson")
        assert (row["low"], row["high"]) == pytest.approx((low, high), abs=1e-12)
    one_step = network.moves(table[table["as_of"].isin(DAYS[1:3])], ladder=LADDER)
    assert (one_step["moved"] <= found["moved"]).all() and one_step["moved"].sum() < found["moved"].sum()


def test_few_are_said_and_nobody_has_no_share():
    table = walks(np.random.default_rng(4), 400)
    found = network.moves(table, ladder=[*LADDER, "partner"])
    row = found.loc["partner"]
    assert (row["moved"] == 0).all() and row["share"].isna().all() and row["low"].isna().all()
    assert row["few"].all() and not found.loc["client", "few"].any()
    assert found.loc[("client", "partner"), "low"] == 0


def test_a_climb_is_what_walks_that_are_drawn_do():
    shares = pd.DataFrame(MATRIX, LADDER, LADDER)
    found = network.climb(shares, "advocate", gone="off")
    rng, many = np.random.default_rng(5), 40_000
    for start in ("purchaser", "client"):
        now, steps = np.full(many, LADDER.index(start)), np.zeros(many)
        for _ in range(200):
            walking = (now > 0) & (now < 3)
            steps += walking
            luck = rng.random(many)
            now = np.where(walking, (luck[:, None] >= MATRIX.cumsum(axis=1)[now][:, :-1]).sum(axis=1), now)
        there = now == 3
        assert found.loc[start, "reach"] == pytest.approx(there.mean(), abs=4 * 0.5 / many**0.5)
        error = steps[there].std() / there.sum() ** 0.5
        assert found.loc[start, "steps"] == pytest.approx(steps[there].mean(), abs=4 * error)


def test_one_rung_is_climbed_by_a_geometric_law():
    for up, stay in ((0.2, 0.5), (0.01, 0.0), (0.4, 0.6), (0.001, 0.998)):
        shares = pd.DataFrame([[1, 0, 0], [1 - up - stay, stay, up], [0, 0, 1]], LADDER[:3], LADDER[:3])
        found = network.climb(shares, "client", gone="off").loc["purchaser"]
        assert found["reach"] == pytest.approx(up / (1 - stay)) and found["steps"] == pytest.approx(
            1 / (1 - stay)
        )


def test_the_interval_is_that_of_customers_drawn_one_by_one():
    table = walks(np.random.default_rng(6), 150)
    found = network.climb_interval(table, "advocate", "off", ladder=LADDER, draws=600)
    rng, by_customer = np.random.default_rng(7), dict(list(table.groupby("customer_id")))
    drawn = []
    for _ in range(200):
        chosen = rng.integers(0, len(by_customer), len(by_customer))
        drawn_table = pd.concat([by_customer[who] for who in chosen], keys=range(len(chosen)))
        drawn_table["customer_id"] = drawn_table.index.get_level_values(0)
        counted = network.moves(drawn_table, ladder=LADDER)["share"].unstack().loc[LADDER, LADDER]
        drawn.append(network.climb(counted, "advocate", "off").loc["purchaser"])
    for name in ("reach", "steps"):
        low, high = np.quantile([one[name] for one in drawn], [0.025, 0.975])
        width = high - low
        row = found.loc["purchaser"]
        assert row[f"{name}_low"] == pytest.approx(low, abs=0.2 * width)
        assert row[f"{name}_high"] == pytest.approx(high, abs=0.2 * width)


@pytest.mark.slow
def test_nine_in_ten_and_more_of_the_intervals_hold_the_truth():
    true = network.climb(pd.DataFrame(MATRIX, LADDER, LADDER), "advocate", "off").loc["purchaser"]
    inside = []
    for seed in range(200):
        table = walks(np.random.default_rng(seed), 200)
        found = network.climb_interval(table, "advocate", "off", ladder=LADDER, draws=300, rng=seed)
        row = found.loc["purchaser"]
        names = "reach", "steps"
        inside.append([row[f"{name}_low"] <= true[name] <= row[f"{name}_high"] for name in names])
    assert (np.mean(inside, axis=0) > 0.9).all()


def test_a_landmark_knows_what_a_loop_knows():
    table = walks(np.random.default_rng(8), 400)
    found = network.landmark(table, DAYS[2], DAYS[3], ladder=LADDER)
    place = {(row.customer_id, row.as_of): row.rung for row in table.itertuples()}
    assert set(found.index) == {who for who, day in place if day == DAYS[2]}
    for who, row in found.iterrows():
        assert row["rung"] == place[who, DAYS[2]] and row["later"] == place[who, DAYS[3]]
        step = LADDER.index(row["later"]) - LADDER.index(row["rung"])
        assert row["climbed"] == (step > 0) and row["fell"] == (step < 0)
        since = DAYS[2]
        for day in (DAYS[1], DAYS[0]):
            if place.get((who, day)) != row["rung"]:
                break
            since = day
        assert row["days"] == (pd.Timestamp(DAYS[2]) - pd.Timestamp(since)).days


# ---- consistency


def test_time_until_lost_is_that_of_the_chain_of_stages():
    stages = ["purchaser", "client", "advocate", "left"]
    counts = np.random.default_rng(9).integers(1, 50, (4, 4))
    counts[3] = 0
    chain = value.StageChain(pd.DataFrame(counts, stages, stages))
    order = ["left", *stages[:3]]
    # down the ladder is up a ladder that stands on its head
    found = network.climb(chain.matrix.loc[order[::-1], order[::-1]], "left")
    assert (found["reach"] - 1).abs().max() < 1e-12
    expected = chain.time_in_stage().sum(axis=1)
    assert found["steps"].to_dict() == pytest.approx(expected.to_dict())


def test_whoever_may_come_back_climbs_more_and_later():
    shares = pd.DataFrame(MATRIX, LADDER, LADDER)
    ending, back = (network.climb(shares, "advocate", gone) for gone in ("off", None))
    assert (back["reach"] > 0.999_999).all()
    assert (back.loc[ending.index, "steps"] > ending["steps"]).all()
    assert (ending["reach"] < 1).all()


def test_above_counts_as_reached():
    shares = pd.DataFrame(MATRIX, LADDER, LADDER)
    jumps, exactly = (network.climb(shares, "client", "off", above=above) for above in (True, False))
    assert jumps.loc["purchaser", "reach"] == pytest.approx(0.3 / 0.6)
    assert exactly.index.tolist() == ["purchaser", "advocate"]
    assert exactly.loc["purchaser", "reach"] == pytest.approx((0.2 + 0.1 * 0.5) / 0.6)


def test_lost_may_lie_above_what_is_sought():
    """Closed form: whoever leaves home goes to the street or to the bar, each with one half."""
    names = ["home", "street", "bar"]
    shares = pd.DataFrame([[0.5, 0.25, 0.25], [0, 1, 0], [0, 0, 1]], names, names)
    assert network.climb(shares, "street", gone="bar").loc["home"].tolist() == pytest.approx([0.5, 2])
    assert network.climb(shares, "street").loc["home"].tolist() == pytest.approx([1, 2])


def test_the_order_of_rows_and_the_engine_do_not_matter():
    import polars

    table = walks(np.random.default_rng(10), 300)
    again = table.sample(frac=1, random_state=5)
    for function in (network.moves, network.standing):
        pd.testing.assert_frame_equal(function(table, ladder=LADDER), function(again, ladder=LADDER))
        pd.testing.assert_frame_equal(
            function(table, ladder=LADDER), function(polars.from_pandas(table), ladder=LADDER)
        )
    one, other = (
        network.climb_interval(each, "advocate", ladder=LADDER, draws=50) for each in (table, again)
    )
    pd.testing.assert_frame_equal(one, other)


def test_nothing_that_is_given_is_changed():
    table, given = walks(np.random.default_rng(11), 50), facts(np.random.default_rng(11))
    copies = table.copy(), given.copy(), RULES.copy()
    network.rungs(given, RULES)
    network.climb_interval(table, "client", ladder=LADDER, draws=5)
    network.landmark(table, DAYS[0], DAYS[2], ladder=LADDER)
    for one, other in zip((table, given, RULES), copies, strict=True):
        pd.testing.assert_frame_equal(one, other)


# ---- input


def two_days(first, last):
    n = len(first)
    table = pd.DataFrame({"customer_id": [*range(n)] * 2, "as_of": [DAYS[0]] * n + [DAYS[1]] * n})
    return table.assign(rung=[*first, *last])


def test_nobody_moves():
    found = network.climb_interval(
        two_days(["client"] * 5, ["client"] * 5), "advocate", "off", ladder=LADDER, draws=20
    )
    assert found["reach"].to_dict() == {"client": 0} and found[["steps", "steps_low"]].isna().all(axis=None)
    assert found["reach_high"].tolist() == [0]
    moved = network.moves(two_days(["client"] * 5, ["client"] * 5), ladder=LADDER)
    assert moved.loc[("client", "client"), "share"] == 1


def test_a_rung_from_which_nobody_was_seen_to_go_on():
    table = two_days(["purchaser"] * 5, ["client"] * 5)
    with pytest.raises(ValueError, match="Some move to 'client', and nobody was seen to go on"):
        network.climb_interval(table, "advocate", ladder=LADDER)
    assert network.climb_interval(table, "client", ladder=LADDER, draws=5)["steps"].to_dict() == {
        "purchaser": 1
    }


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (
            lambda t: pd.concat([t, t[:1]]),
            "1 of 401 rows have a 'customer_id' that is there before",
        ),
        (
            lambda t: t.assign(orders=t["orders"].where(t.index != 3)),
            "a 'orders' that is missing or infinite",
        ),
        (lambda t: t.assign(orders=np.inf), "missing or infinite"),
        (lambda t: t.assign(orders="three"), "'orders' must be a finite number"),
        (lambda t: t.assign(customer_id=np.nan), "no 'customer_id' or no 'as_of'"),
        (lambda t: t.assign(as_of="soon"), "'as_of' holds days, such as '2025-06-30'; the first is 'soon'"),
        (lambda t: t.drop(columns="brought"), "brought"),
        (lambda t: t[:0], "not a single customer"),
    ],
)
def test_facts_that_are_none(change, what):
    with pytest.raises(ValueError, match=what):
        network.rungs(change(facts(np.random.default_rng(1))), RULES)


def test_rules_that_are_none():
    table = facts(np.random.default_rng(1))
    with pytest.raises(ValueError, match="at least two rungs; this one has .'purchaser'"):
        network.rungs(table, RULES[:1])
    with pytest.raises(ValueError, match="'client' is the name of a rung"):
        network.rungs(table, RULES, off="client")
    with pytest.raises(ValueError, match="1 of the 4 rules lack"):
        network.rungs(table, RULES.assign(at_least=[1, 3, np.nan, 1]))
    with pytest.raises(ValueError, match="at_least must be a finite number"):
        network.rungs(table, RULES.assign(at_least="many"))
    with pytest.raises(ValueError, match="at_least"):
        network.rungs(table, RULES.drop(columns="at_least"))


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda t: t.assign(rung=t["rung"].replace("client", "fan")), "a 'rung' that is not on the ladder"),
        (lambda t: t.assign(rung=t["rung"].where(t.index > 3)), "a 'rung' that is not on the ladder"),
        (lambda t: pd.concat([t, t.assign(rung="client")]), "nobody is on two rungs"),
        (lambda t: t[t["as_of"] == DAYS[0]], "holds one: 2024-06-30"),
        (lambda t: t[t["as_of"] != DAYS[1]], "from 184 to 365 days apart"),
        (lambda t: t.drop(t.index[t["as_of"] == DAYS[3]][0]), "missing on the next day"),
    ],
)
def test_tables_that_are_no_ladder(change, what):
    table = walks(np.random.default_rng(1), 100)
    with pytest.raises(ValueError, match=what):
        network.moves(change(table), ladder=LADDER)


def test_ladders_that_are_none():
    table = walks(np.random.default_rng(1), 100)
    with pytest.raises(ValueError, match="Which rung is higher"):
        network.moves(table)
    with pytest.raises(ValueError, match="at least two rungs"):
        network.moves(table.assign(rung="client"), ladder=["client"])
    shares = pd.DataFrame(MATRIX, LADDER, LADDER)
    with pytest.raises(ValueError, match="no rung 'partner'"):
        network.climb(shares, "partner")
    with pytest.raises(ValueError, match="cannot be the rung to be reached and"):
        network.climb(shares, "client", "client")
    with pytest.raises(ValueError, match="same rungs in the same order"):
        network.climb(shares[LADDER[::-1]], "client")
    for wrong in (shares * 2, shares - 0.3, 100 * shares):
        with pytest.raises(ValueError, match="not negative and sum to 1"):
            network.climb(wrong, "client")


def test_landmarks_that_are_none():
    table = walks(np.random.default_rng(1), 100)
    with pytest.raises(ValueError, match="no day in the table '2024-12-30'. Did you mean '2024-12-31'"):
        network.landmark(table, "2024-12-30", DAYS[3], ladder=LADDER)
    for later in DAYS[:3]:
        with pytest.raises(ValueError, match="later day comes after the landmark"):
            network.landmark(table, DAYS[2], later, ladder=LADDER)
    gone = table.drop(table.index[table["as_of"] == DAYS[3]][0])
    with pytest.raises(ValueError, match="no rung on the later day"):
        network.landmark(gone, DAYS[2], DAYS[3], ladder=LADDER)


# ---- the staircase


def test_a_staircase_shows_the_counts_and_what_moved():
    table = walks(np.random.default_rng(12))
    counts, moved = network.standing(table, ladder=LADDER), network.moves(table, ladder=LADDER)
    ax = network.plot_ladder(counts.iloc[-1], moved, dot=20)
    texts = [text.get_text() for text in ax.texts]
    assert [int(one) for one in texts if one.isdigit()] == counts.iloc[-1].tolist()
    assert [len(line.get_xdata()) for line in ax.lines] == [-(-count // 20) for count in counts.iloc[-1]]
    up = moved.loc["client"].loc["advocate", "share"]
    assert f"client\n{up:.0%} climb" in "".join(texts)
    assert "climb" not in texts[-1] and "fall" in texts[-1]
    tops = [patch.get_height() for patch in ax.patches]
    assert tops == sorted(tops)
    plt.close(ax.figure)


def test_a_staircase_needs_people():
    with pytest.raises(ValueError, match="somebody stands"):
        network.plot_ladder(pd.Series({"purchaser": 0, "client": 0}))
    with pytest.raises(ValueError, match="at least two rungs"):
        network.plot_ladder(pd.Series({"purchaser": 3}))
    with pytest.raises(ValueError, match="counts of .'purchaser', 'partner'"):
        moved = network.moves(walks(np.random.default_rng(1), 100), ladder=LADDER)
        network.plot_ladder(pd.Series({"purchaser": 3, "partner": 2}), moved)


# ---- what gave a wrong number without a word


TABLE = pd.DataFrame(
    {"customer_id": [1, 2] * 2, "as_of": DAYS[:1] * 2 + DAYS[1:2] * 2, "rung": [*LADDER[:3], LADDER[1]]}
)


@pytest.mark.parametrize("kind", ["standing", "moves", "landmark", "climb_interval"])
def test_categories_in_no_order_are_no_ladder(kind):
    ways = {"landmark": {"at": DAYS[0], "by": DAYS[1]}, "climb_interval": {"to": "client"}}
    with pytest.raises(ValueError, match="Which rung is higher"):
        getattr(network, kind)(TABLE.assign(rung=TABLE["rung"].astype("category")), **ways.get(kind, {}))


def test_a_ladder_in_order_of_another_engine():
    told = polars.from_pandas(TABLE).with_columns(polars.col("rung").cast(polars.Enum(LADDER)))
    pd.testing.assert_frame_equal(network.moves(told), network.moves(TABLE, ladder=LADDER))


def test_unstacked_moves_stand_in_the_order_of_the_ladder():
    table = walks(np.random.default_rng(5), 500)
    shares = network.moves(table, ladder=LADDER)["share"].unstack()
    assert [*shares.index] == [*shares.columns] == LADDER
    found = network.climb(shares, "client")
    inside = shares.loc[LADDER[:2], LADDER[:2]].to_numpy()
    wanted = np.linalg.inv(np.eye(2) - inside).sum(axis=1)  # everybody gets there in the end
    np.testing.assert_allclose(found["steps"], wanted)
    interval = network.climb_interval(table, "client", ladder=LADDER, draws=10)
    np.testing.assert_allclose(interval["steps"], wanted)


def test_a_draw_without_anybody_on_a_rung_says_nothing_of_the_way_through_it():
    """Thirty of forty move to a rung from where the only one there climbs on: 3 of 4 get there in the end."""
    before = ["buyer"] * 40 + ["mid"]
    after = ["mid"] * 30 + ["lost"] * 10 + ["client"]
    table = pd.DataFrame(
        {"customer_id": [*range(41)] * 2, "as_of": DAYS[:1] * 41 + DAYS[1:2] * 41, "rung": before + after}
    )
    found = network.climb_interval(table, "client", "lost", ladder=["lost", "buyer", "mid", "client"])
    assert found.loc["mid", ["reach_low", "reach_high"]].tolist() == [1, 1]
    assert found.loc["buyer", "reach"] == pytest.approx(0.75) and found.loc["buyer", "reach_low"] > 0.5


@pytest.mark.parametrize(
    "row", [[0, 0.9999999, 1e-6], [0, 1.0000005, 1e-300], [0, 1 - 1e-12, 1e-12], [0, 1, 1e-17]]
)
def test_a_rare_climb_is_sure_in_the_end(row):
    names = ["lost", "buyer", "client"]
    found = network.climb(pd.DataFrame([[1, 0, 0], row, [0, 0, 1]], names, names), "client", "lost")
    assert found.loc["buyer", "reach"] == pytest.approx(1, abs=1e-12)
    assert found.loc["buyer", "steps"] == pytest.approx(sum(row) / row[2], rel=1e-9)


@pytest.mark.parametrize(
    ("ways", "what"),
    [
        ({"to": "off"}, "no rung from which"), ({"to": "client", "above": "no"}, "True or False"),
    ],
)  # fmt: skip
def test_a_climb_that_is_none(ways, what):
    with pytest.raises(ValueError, match=what):
        network.climb(pd.DataFrame(MATRIX, LADDER, LADDER), **ways)


@pytest.mark.parametrize("share", [np.inf, np.nan])
def test_a_share_that_is_missing_or_infinite(share):
    shares = pd.DataFrame(MATRIX, LADDER, LADDER)
    shares.loc["off", "off"] = share
    with pytest.raises(ValueError, match="share of 'off' is missing or infinite"):
        network.climb(shares, "client")


def test_a_staircase_does_not_hang_on_the_order_of_rows():
    table = walks(np.random.default_rng(5), 500)
    counts, moved = network.standing(table, ladder=LADDER).iloc[0], network.moves(table, ladder=LADDER)
    wanted, found = (
        [text.get_text() for text in network.plot_ladder(counts, one).texts]
        for one in (moved, moved.sort_values("moved"))
    )
    plt.close("all")
    assert found == wanted and any("climb" in text for text in found)
    for other in (counts[::-1], counts[:-1]):
        with pytest.raises(ValueError, match="in this order"):
            network.plot_ladder(other, moved)
    with pytest.raises(ValueError, match="whole"):
        network.plot_ladder(counts / counts.sum())


@pytest.mark.parametrize("name", ["customer", "as_of"])
def test_no_column_is_overwritten_by_the_rung(name):
    table = facts(np.random.default_rng(1)).rename(columns={"customer_id": "customer"})
    with pytest.raises(ValueError, match="rename yours"):
        network.rungs(
            table.rename(columns={name: "rung"}), RULES, **({"customer": "customer"} | {name: "rung"})
        )


def test_a_limit_that_is_infinite():
    with pytest.raises(ValueError, match="infinite limit"):
        network.rungs(facts(np.random.default_rng(1)), RULES.assign(at_least=[1, 3, 3, np.inf]))


@pytest.mark.parametrize(
    "days",
    [
        [20240630, 20241231], [45000.0, 45184.0], ["01.02.2025", "01.03.2025"], ["1/2/2025", "1/3/2025"],
        [1, 86400 * 10**9 + 1], pd.to_datetime(["2025-01-01", "2025-07-01"], utc=True),
        pd.period_range("2025-01", periods=2, freq="M"), [True, False],
    ],
)  # fmt: skip
def test_days_that_are_none(days):
    table = TABLE.assign(as_of=[days[0], days[0], days[1], days[1]])
    for make in (network.standing, network.moves):
        with pytest.raises(ValueError, match="such as '2025-06-30'|time zone"):
            make(table, ladder=LADDER)
    with pytest.raises(ValueError, match="such as '2025-06-30'|time zone"):
        network.landmark(TABLE, days[0], DAYS[1], ladder=LADDER)


@pytest.mark.parametrize("ladder", [set(LADDER), "ab", 5, [*LADDER, "off"]])
def test_a_ladder_has_an_order(ladder):
    with pytest.raises(ValueError, match="A ladder"):
        network.standing(TABLE, ladder=ladder)


def test_ids_of_eighteen_digits_are_told_apart_and_7_and_text_7_are_refused():
    table = walks(np.random.default_rng(3), 200)
    long = table.assign(customer_id=table["customer_id"] + 2**60)
    pd.testing.assert_frame_equal(network.moves(long, ladder=LADDER), network.moves(table, ladder=LADDER))
    both = table.assign(customer_id=[str(one) if one == 7 else one for one in table["customer_id"]])
    assert network.moves(both, ladder=LADDER).equals(network.moves(table, ladder=LADDER))
    again = pd.concat([both, table[table["customer_id"] == 7]])
    with pytest.raises(ValueError, match="customer_id 7 is there as a number and as a text"):
        network.standing(again, ladder=LADDER)


def test_those_on_no_rung_are_called_something():
    with pytest.raises(ValueError, match="off is what to call"):
        network.rungs(facts(np.random.default_rng(1)), RULES, off=None)


def test_shares_that_are_texts_and_luck_that_is_none():
    with pytest.raises(ValueError, match="shares must be a finite number"):
        network.climb(pd.DataFrame(MATRIX, LADDER, LADDER).astype(str), "client")
    with pytest.raises(ValueError, match="rng is a whole number"):
        network.climb_interval(walks(np.random.default_rng(1), 50), "client", ladder=LADDER, rng="seven")
