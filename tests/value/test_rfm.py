"""RFM. Referees: a recomputation in plain Python, the definition of a rank, and the rules' own table."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from crmlab.value import rfm, rfm_scores, rfm_segments
from crmlab.value.rfm import SEGMENT_RULES
from tests.value.engines import ENGINES, to_engine, to_pandas

RNG = np.random.default_rng(11)
LOG = pd.DataFrame(
    {
        "who": RNG.choice(["Ann", "Bob", "Cy", "Dee", "Eve"], 200),
        "when": pd.Timestamp("2026-01-01") + pd.to_timedelta(RNG.integers(0, 90 * 24, 200), unit="h"),
        "paid": RNG.normal(20, 15, 200).round(2),  # about one in ten is a return
    }
)
# the two amounts that are easiest to take for something else: a free order, and a small return after it
LOG = LOG[LOG["when"] < "2026-02-10"]
LOG.loc[200] = ["Ann", pd.Timestamp("2026-02-13"), 0.0]
LOG.loc[201] = ["Bob", pd.Timestamp("2026-02-14"), -0.01]


def by_hand(log, as_of):
    rows = []
    for who in sorted(set(log["who"])):
        lines = [
            (when.date(), paid)
            for name, when, paid in zip(log["who"], log["when"], log["paid"], strict=True)
            if name == who and when.date() <= as_of
        ]
        orders = {day for day, paid in lines if paid >= 0}
        total = sum(paid for _, paid in lines)
        rows.append((who, (as_of - max(orders)).days, len(orders), total, total / len(orders)))
    return pd.DataFrame(
        rows, columns=["who", "days_since_last_order", "orders", "total_amount", "mean_amount"]
    )


def table(days, orders, total):
    return pd.DataFrame({"days_since_last_order": days, "orders": orders, "total_amount": total})


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("as_of", [None, date(2026, 1, 31), "2026-06-30"])
def test_every_engine_agrees_with_a_recomputation_by_hand(engine, as_of):
    log = to_engine(LOG, engine)
    ours = rfm(log, customer="who", date="when", amount="paid", as_of=as_of)
    assert type(ours) is type(log)
    day = LOG["when"].max().date() if as_of is None else date.fromisoformat(str(as_of))
    pd.testing.assert_frame_equal(to_pandas(ours), by_hand(LOG, day), check_dtype=False, rtol=1e-12)


@pytest.mark.parametrize("engine", ENGINES)
def test_who_has_only_returns_is_named(engine):
    log = pd.concat([LOG, LOG.head(2).assign(who=["Zoe", "Flo"], paid=-5.0)])
    with pytest.raises(ValueError, match="2 customer.s. have only returns up to 2026.*the first is 'Flo'"):
        rfm(to_engine(log, engine), customer="who", date="when", amount="paid")


def test_looking_back_from_before_the_first_row_is_refused():
    with pytest.raises(ValueError, match="as_of 2025-12-31 is before the first transaction"):
        rfm(LOG, customer="who", date="when", amount="paid", as_of="2025-12-31")


@pytest.mark.parametrize("groups", [2, 3, 5, 10])
def test_groups_are_equally_large_when_nobody_is_equal(groups):
    order = RNG.permutation(groups * 7)
    scores = rfm_scores(table(order, order + 1, order), groups=groups)
    for name in "RFM":
        assert scores[name].value_counts().to_dict() == dict.fromkeys(range(1, groups + 1), 7)
    assert scores.loc[order == order.max(), ["R", "F", "M"]].values.tolist() == [[1, groups, groups]]


def test_equal_values_get_equal_scores_and_the_reverse_order_the_mirrored_ones():
    """Referee: the block's first and last place in the sorted list, in whole numbers."""
    for _ in range(200):
        groups, n = int(RNG.integers(2, 8)), int(RNG.integers(1, 40))
        values = RNG.integers(0, 6, n)
        scores = rfm_scores(table(values, values + 1, -values), groups=groups)
        for value, f, m in zip(values, scores["F"], scores["M"], strict=True):
            places = [place for place, other in enumerate(sorted(values)) if other == value]
            twice_middle = places[0] + places[-1] + 1  # of n customers on a line of length 2 n
            assert f == -(-groups * twice_middle // (2 * n))
            on_a_border = groups * twice_middle % (2 * n) == 0
            assert m == groups + 1 - f - on_a_border
        assert (scores["R"] == scores["M"]).all()


def test_when_most_bought_once_the_score_of_one_purchase_is_two():
    orders = [1] * 60 + list(range(2, 42))
    assert sorted(set(rfm_scores(table(orders, orders, orders))["F"])) == [2, 4, 5]


@pytest.mark.parametrize("customers", [1, 4])
def test_a_single_customer_and_equal_customers_are_in_the_middle(customers):
    scores = rfm_scores(table([7] * customers, [1] * customers, [0.0] * customers))
    assert (scores[["R", "F", "M"]] == 3).all(axis=None)
    assert set(rfm_segments(scores)["segment"]) == {"needs attention"}


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (table([], [], []), "not a single customer"),
        (table([1], [1], [np.nan]), "total_amount are missing or infinite.*row 0"),
        (table([1, 2], [1, np.inf], [1, 1]), "1 of 2 values of orders are missing or infinite.*row 1"),
        (table([1, 2], pd.array([None, 2], "Int64"), [1, 1]), "1 of 2 values of orders are missing.*row 0"),
        (table(["1"], [1], [1]), "days_since_last_order must hold numbers"),
        (table([1], [1], [1]).drop(columns="orders"), "no column 'orders'"),
        ({"orders": [1]}, "DataFrame is needed, this is a dict"),
        (table([1, -5], [1, 1], [1, 1]), "1 of 2 rows have a 'days_since_last_order' that is not 0, 1, 2"),
        (table([1, 2], [1, 0], [1, 1]), "1 of 2 rows have a 'orders' that is not 1, 2, 3.*first is row 1"),
        (table([1, 2], [1.5, 1], [1, 1]), "1 of 2 rows have a 'orders' that is not 1, 2, 3.*first is row 0"),
        (table([1], [1j], [1]), "orders must hold numbers and holds complex"),
    ],
)
def test_impossible_tables_are_refused(bad, message):
    with pytest.raises(ValueError, match=message):
        rfm_scores(bad)


@pytest.mark.parametrize("groups", [1, 2.5, "5", None, np.inf])
def test_a_number_of_groups_that_makes_no_groups_is_refused(groups):
    with pytest.raises(ValueError, match="groups must be a whole number of at least 2; got "):
        rfm_scores(table([1], [1], [1]), groups=groups)


@pytest.mark.parametrize("score", [0, -1, 1.5])
def test_what_is_no_score_is_refused(score):
    for name in "RF":
        scores = pd.DataFrame({"R": [1, 1], "F": [1, 1]}).astype(float)
        scores.loc[1, name] = score
        with pytest.raises(ValueError, match=f"1 of 2 rows have a '{name}' that is not 1, 2, 3"):
            rfm_segments(scores)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        (SEGMENT_RULES.drop(columns="F_to"), "no column 'F_to'"),
        (SEGMENT_RULES.drop(columns="segment"), "no column 'segment'"),
        (SEGMENT_RULES.assign(R_to=np.inf), "R_to are missing or infinite"),
    ],
)
def test_rules_without_ends_or_names_are_refused(rules, message):
    with pytest.raises(ValueError, match=message):
        rfm_segments(pd.DataFrame({"R": [5], "F": [5]}), rules)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", ["orders", "Total_Amount"])
def test_a_customer_column_that_is_called_like_a_result_is_refused(engine, name):
    log = to_engine(LOG.rename(columns={"who": name}), engine)
    with pytest.raises(ValueError, match=f"is called '{name}', and the result has a column of that name"):
        rfm(log, customer=name, date="when", amount="paid")


def test_rfm_without_amounts_is_refused():
    with pytest.raises(ValueError, match="RFM needs amounts"):
        rfm(LOG, customer="who", date="when", amount=None)


def test_every_pair_of_scores_belongs_to_exactly_one_segment():
    rules = SEGMENT_RULES
    times = np.zeros((6, 6), int)
    for rule in rules.itertuples():
        times[rule.R_from : rule.R_to + 1, rule.F_from : rule.F_to + 1] += 1
    assert (times[1:, 1:] == 1).all() and times.sum() == 25
    pairs = pd.DataFrame([(r, f) for r in range(1, 6) for f in range(1, 6)], columns=["R", "F"])
    assert set(rfm_segments(pairs)["segment"]) == set(rules["segment"])


@pytest.mark.parametrize(
    ("rules", "held"), [(SEGMENT_RULES.iloc[1:], 0), (pd.concat([SEGMENT_RULES] * 2), 2)]
)
def test_rules_with_a_gap_or_an_overlap_are_refused(rules, held):
    with pytest.raises(ValueError, match=f"R = 5, F = 5 belongs to {held} segments"):
        rfm_segments(pd.DataFrame({"R": [5], "F": [5]}), rules)


def test_a_copy_of_the_rules_may_be_changed_and_the_rules_stay():
    mine = SEGMENT_RULES.replace({"segment": {"lapsed": "gone"}})
    scores = pd.DataFrame({"R": [1, 5], "F": [1, 5]})
    assert rfm_segments(scores, mine)["segment"].tolist() == ["gone", "champions"]
    assert rfm_segments(scores)["segment"].tolist() == ["lapsed", "champions"]
