"""The lifecycle and its Markov chain.

Referees: a walk through each log in plain Python, Kemeny and Snell's walk as printed by R, inverses by hand,
the geometric distribution, the worked figures of another implementation, series summed term by term, and
simulation.
"""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from crmlab.value import StageChain, lifecycle_stages, transitions
from tests.value.engines import ENGINES, to_engine

STAGES = ["establishing", "growing", "mature", "declining", "left"]
RNG = np.random.default_rng(3)
LOG = pd.DataFrame(
    {
        "who": RNG.choice(["Ann", "Bob", "Cy", "Dee", "Eve", "Flo"], 60),
        "when": pd.Timestamp("2022-02-01") + pd.to_timedelta(RNG.integers(0, 1200 * 24, 60), unit="h"),
    }
)
LOG = LOG[~LOG["who"].isin(["Ann", "Bob"]) | (LOG["when"] < "2022-12-01")]
LOG = pd.concat([LOG, pd.DataFrame({"who": ["Ann"], "when": [pd.Timestamp("2024-12-31")]})])
PAIR = ["active", "left"]


def pair(stay, go):
    return pd.DataFrame([[stay, go], [0, 0]], PAIR, PAIR)


def square(rows, names):
    return pd.DataFrame(rows, names, names)


# three stages, by hand: (I - Q) = [[.5, -.3], [-.2, .4]], determinant .14
THREE = square([[0.5, 0.3, 0.2], [0.2, 0.6, 0.2], [0, 0, 1]], ["new", "old", "left"])
CHAIN = square(
    [[60, 20, 5, 40, 0], [0, 80, 30, 10, 1], [0, 0, 90, 12, 3], [5, 3, 9, 50, 40], [0, 0, 0, 0, 70]], STAGES
)
MONEY = pd.Series({"establishing": 5.0, "growing": 12.0, "mature": 9.0, "declining": -1.0})


# ---- the rule


def quarter_end(year, quarter):
    return date(year + quarter // 4, quarter % 4 * 3 + 1, 1) - timedelta(days=1)


def by_hand(log, end, established=3, growing_for=4, declining_after=2, left_after=4):
    rows = []
    for who in sorted(set(log["who"])):
        days = sorted(
            {when.date() for name, when in zip(log["who"], log["when"], strict=True) if name == who}
        )
        year, quarter, age, silent, gone = days[0].year, (days[0].month - 1) // 3 + 1, 0, 0, False
        while quarter_end(year, quarter) <= end:
            upto = [day for day in days if day <= quarter_end(year, quarter)]
            before = [day for day in upto if day <= quarter_end(year, quarter - 1)]
            now = len(upto) - len(before)
            silent = 0 if now else silent + 1
            gone = gone or silent >= left_after
            if gone:
                stage = "left"
            elif silent >= declining_after:
                stage = "declining"
            elif len(upto) < established:
                stage = "establishing"
            else:
                stage = "growing" if age < growing_for else "mature"
            rows.append((who, pd.Timestamp(year, 3 * quarter - 2, 1), age, now, stage, gone and now > 0))
            age, year, quarter = age + 1, year + quarter // 4, quarter % 4 + 1
    return pd.DataFrame(rows, columns=["who", "period", "age", "orders", "stage", "back"])


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("end", "rule"),
    [
        (date(2024, 12, 31), {}),
        (date(2025, 2, 1), {}),  # in the middle of a quarter: that quarter is not there
        (date(2026, 3, 31), {"established": 1, "growing_for": 2, "declining_after": 1, "left_after": 3}),
    ],
)
def test_every_engine_agrees_with_a_walk_in_plain_python(engine, end, rule):
    ours = lifecycle_stages(to_engine(LOG, engine), "who", "when", observation_end=end, **rule)
    theirs = by_hand(LOG, end, **rule)
    assert ours["stage"].cat.categories.tolist() == STAGES
    pd.testing.assert_frame_equal(ours.astype({"stage": object}), theirs, check_dtype=False)
    assert theirs["back"].any() and theirs["stage"].nunique() >= 4


@pytest.mark.parametrize(
    ("period", "end", "ages"),
    [("W", "2026-01-18", [0, 1, 2]), ("W", "2026-01-17", [0, 1]), ("M", "2026-02-28", [0, 1])]
    + [("M", "2026-02-27", [0]), ("Y", "2026-12-31", [0])],
)
def test_only_periods_that_have_ended_are_there(period, end, ages):
    # a Sunday, the last day of a week that began on 29 December
    log = pd.DataFrame({"customer_id": [1], "date": pd.to_datetime(["2026-01-04"])})
    table = lifecycle_stages(log, period=period, observation_end=end)
    assert table["age"].tolist() == ages
    assert table["period"][0] == pd.Timestamp("2025-12-29" if period == "W" else "2026-01-01")


def test_the_stage_does_not_look_ahead():
    whole = lifecycle_stages(LOG, "who", "when", observation_end="2025-03-31")
    part = lifecycle_stages(LOG[LOG["when"] < "2023-10-01"], "who", "when", observation_end="2023-09-30")
    seen = whole[(whole["period"] < "2023-10-01") & whole["who"].isin(part["who"])]
    pd.testing.assert_frame_equal(seen.reset_index(drop=True), part)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"period": "D"}, "no period 'D'.*Valid: M, Q, W, Y"),
        ({"established": 0}, "established must be a whole number of at least 1"),
        ({"growing_for": 1.5}, "growing_for must be a whole number"),
        ({"declining_after": 0}, "declining_after must be a whole number of at least 1"),
        ({"left_after": 2}, "left_after must be a whole number of at least 3"),
        ({"observation_end": "2022-03-30"}, "no period 'Q' with an order has ended"),
        ({"customer": "stage"}, "Rename the column 'stage'"),
    ],
)
def test_rules_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        lifecycle_stages(LOG, **({"customer": "who", "date": "when"} | options))


def test_the_log_is_checked_and_left_as_it_was():
    before = LOG.copy()
    lifecycle_stages(LOG, "who", "when")
    pd.testing.assert_frame_equal(LOG, before)
    with pytest.raises(ValueError, match="have no who"):
        lifecycle_stages(LOG.assign(who=[None, *LOG["who"][1:]]), "who", "when")


# ---- counts


def test_transitions_are_counted_pair_by_pair():
    table = lifecycle_stages(LOG, "who", "when").sample(frac=1, random_state=1)
    pairs = {}
    for _, rows in table.sort_values("period").groupby("who"):
        for one, next_one in zip(rows["stage"], rows["stage"][1:], strict=False):
            pairs[one, next_one] = pairs.get((one, next_one), 0) + 1
    counts = transitions(table, customer="who")
    assert {key: n for key, n in counts.stack().items() if n} == pairs
    assert counts.index.tolist() == counts.columns.tolist() == STAGES
    pd.testing.assert_frame_equal(transitions(table.astype({"stage": object}), customer="who"), counts)


MARCH = pd.to_datetime(["2026-01-01", "2026-02-01", "2026-03-01"])


@pytest.mark.parametrize("periods", [[1, 2, 3], [0.5, 1, 1.5], MARCH])
def test_one_customer_is_enough_to_count(periods):
    table = pd.DataFrame({"customer_id": 7, "period": periods, "stage": ["growing", "mature", "mature"]})
    counts = transitions(table)
    assert counts.loc["growing", "mature"] == counts.loc["mature", "mature"] == 1
    assert counts.to_numpy().sum() == 2
    assert transitions(table.head(1)).to_numpy().sum() == 0


FOUR = pd.DataFrame({"customer_id": [1, 1, 1, 2], "period": [1, 2, 3, 3], "stage": ["growing"] * 4})
NO_MARCH = pd.to_datetime(["2026-01-01", "2026-02-01", "2026-04-01", "2026-04-01"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"stage": ["growing", "lost", "mature", "lost"]},
            "2 of 4 rows have a stage that is not.*row 1",
        ),
        ({"stage": ["growing", None, "mature", "left"]}, "1 of 4 rows have a stage that is not one of"),
        ({"period": [1, np.nan, 3, 3]}, "1 of 4 rows have no customer_id or no period"),
        ({"customer_id": [1, None, 1, 2]}, "1 of 4 rows have no customer_id or no period"),
        ({"period": [1, 2, 2, 3]}, "1 of 4 rows have a period that is there twice"),
        ({"period": [1, 3, 4, 2]}, "1 of 4 rows have .* after which the next one is missing; .*'period': 1"),
        ({"period": [1, 2, 4, 4]}, "After period 2 one or more periods have no row"),
        ({"period": NO_MARCH}, "After period 2026-02-01.* have no row"),
        ({"period": ["Q1", "Q2", "Q3", "Q3"]}, "Q1"),
    ],
)
def test_tables_with_holes_are_refused(change, message):
    with pytest.raises(ValueError, match="no column 'stage'"):
        transitions(FOUR.drop(columns="stage"))
    with pytest.raises(ValueError, match=message):
        transitions(FOUR.assign(**change))


# ---- the chain


def test_the_fundamental_matrix_by_hand():
    times = StageChain.from_matrix(THREE).time_in_stage()
    np.testing.assert_allclose(times, np.array([[0.4, 0.3], [0.2, 0.5]]) / 0.14, rtol=1e-12)
    assert StageChain.from_matrix(THREE).time_in_stage("old").to_dict() == times.loc["old"].to_dict()


@pytest.mark.parametrize(
    ("right", "times", "total"),
    [
        (1 / 2, [[1.5, 1, 0.5], [1, 2, 1], [0.5, 1, 1.5]], [3, 4, 3]),
        (2 / 3, [[1.4, 1.2, 0.8], [0.6, 1.8, 1.2], [0.2, 0.6, 1.4]], [3.4, 3.6, 2.2]),
    ],
)
def test_the_walk_between_home_and_bar_as_r_prints_it(right, times, total):
    """Grinstead and Snell, Introduction to Probability, section 11.2; both ends are "left" here."""
    walk = square(
        [[0, right, 0, 1 - right], [1 - right, 0, right, 0], [0, 1 - right, 0, right], [0, 0, 0, 1]],
        ["1", "2", "3", "left"],
    )
    ours = StageChain.from_matrix(walk).time_in_stage()
    np.testing.assert_allclose(ours, times, rtol=1e-12)
    np.testing.assert_allclose(ours.sum(axis=1), total, rtol=1e-12)


def recency(*buys):
    """The customers of Pfeifer and Carraway: state r has not bought for r periods, and buys with p_r."""
    names = [*map(str, range(1, len(buys) + 1)), "left"]
    rows = np.zeros((len(names), len(names)))
    rows[:-1, 0] = buys
    rows[range(len(buys)), range(1, len(buys) + 1)] += 1 - np.array(buys)
    rows[-1, -1] = 1
    return StageChain.from_matrix(square(rows, names))


def test_a_value_that_another_implementation_prints():
    """The migration model of Pfeifer and Carraway (2000) in the tests of phpOMS (MetricsTest)."""
    ours = recency(0.5, 0.2, 0.1).value({"1": 100, "2": 0, "3": 0}, discount=0.1)
    np.testing.assert_allclose(ours, [231.08, 57.29, 21.01, 0], atol=0.005)


@pytest.mark.parametrize("discount", [0, 0.02, 0.2, 0.9])
def test_value_is_the_discounted_series_summed_term_by_term(discount):
    """With Pfeifer and Carraway's inputs: p = .3, .2, .15, .05, net contribution 40, marketing 4."""
    chain = recency(0.3, 0.2, 0.15, 0.05)
    money = np.array([36, -4, -4, -4, 0])
    series = sum(
        np.linalg.matrix_power(chain.matrix.to_numpy(), t) @ money / (1 + discount) ** t for t in range(500)
    )
    ours = chain.value(pd.Series(money[:4], list("1234")), discount)
    np.testing.assert_allclose(ours, series, rtol=1e-10, atol=1e-10)
    pd.testing.assert_series_equal(chain.value(pd.Series(money, [*"1234", "left"]), discount), ours)


def test_a_stay_is_geometric():
    stays = StageChain(pair(75, 25)).simulate_value({"active": 1.0}, 0.0, "active", 40_000, rng=4)
    lasting = stays.value_counts(normalize=True)
    for length in range(1, 8):
        share = 0.75 ** (length - 1) * 0.25
        assert lasting[length] == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / 40_000))


@pytest.mark.parametrize("start", STAGES)
@pytest.mark.parametrize("chain", [StageChain(CHAIN), StageChain(CHAIN).change("declining", 0.7, "mature")])
def test_simulation_agrees_with_the_formula_within_its_error(chain, start):
    """Forty simulations: their distances, in standard errors, are spread as a standard normal."""
    formula = chain.value(MONEY, discount=0.03)[start]
    samples = [chain.simulate_value(MONEY, 0.03, start, customers=5_000, rng=seed) for seed in range(40)]
    if start == "left":
        assert formula == 0 and all((sample == 0).all() for sample in samples)
        return
    distance = np.array([(sample.mean() - formula) / sample.sem() for sample in samples])
    assert abs(distance.mean()) <= 3 / np.sqrt(40)
    assert 0.7 <= distance.std() <= 1.3


def test_simulated_customers_walk_as_the_matrix_says():
    table = StageChain(CHAIN).simulate("establishing", customers=30_000, periods=8, rng=6)
    again = StageChain(transitions(table))
    error = np.sqrt(again.matrix * (1 - again.matrix) / again.counts.sum(axis=1).to_numpy()[:, None])
    expected = StageChain(CHAIN).matrix
    assert ((again.matrix - expected).abs() <= 4 * error + 1e-12).all(axis=None)
    assert (table.groupby("period")["stage"].first()[0], len(table)) == ("establishing", 270_000)
    share = (table.loc[table["period"] == 8, "stage"] == "left").mean()
    assert share == pytest.approx(np.linalg.matrix_power(expected, 8)[0, -1], abs=0.01)


def test_the_order_of_the_stages_does_not_matter():
    turned = CHAIN.loc[STAGES[::-1], STAGES[::-1]]
    pd.testing.assert_series_equal(
        StageChain(turned).value(MONEY, 0.02)[STAGES], StageChain(CHAIN).value(MONEY, 0.02)
    )
    simulated = StageChain(turned).simulate_value(MONEY, 0.02, "growing", 20_000)
    assert abs(simulated.mean() - StageChain(CHAIN).value(MONEY, 0.02)["growing"]) <= 3 * simulated.sem()


# ---- intervals


def test_wilsons_interval_by_hand():
    """Wilson (1927): for 25 of 100 at 95 % the roots of (p - .25)^2 = 1.96^2 p (1 - p) / 100."""
    low, high = StageChain(pair(75, 25)).conf_int().loc[("active", "left"), ["low", "high"]]
    z = 1.959963984540054
    for root in (low, high):
        assert (root - 0.25) ** 2 == pytest.approx(z**2 * root * (1 - root) / 100, rel=1e-9)
    assert low < 0.25 < high


@pytest.mark.parametrize("start", ["establishing", "declining"])
def test_the_interval_covers_the_known_time(start):
    """90 % intervals from 100 samples of a known chain: about nine in ten hold the truth."""
    truth, held, rng = StageChain(CHAIN), 0, np.random.default_rng(12)
    expected = truth.time_in_stage(start).sum()
    rows = CHAIN.sum(axis=1).to_numpy()
    for _ in range(100):
        drawn = [rng.multinomial(n, p) for n, p in zip(rows, truth.matrix.to_numpy(), strict=True)]
        low, high = (
            StageChain(square(drawn, STAGES))
            .time_interval(start, alpha=0.1, draws=100, rng=rng)
            .loc["total"][1:]
        )
        held += low <= expected <= high
    assert 81 <= held <= 99  # binomial(100, .9): 90 and three standard deviations


def test_intervals_shrink_with_the_root_of_the_counts_and_keep_what_is_impossible():
    few, many = (StageChain(CHAIN * n).time_interval("growing", draws=1000, rng=1) for n in (100, 10_000))
    width = (few["high"] - few["low"]) / (many["high"] - many["low"])
    assert width["total"] == pytest.approx(10, rel=0.1)
    assert (many["low"] <= many["expected"]).all() and (many["expected"] <= many["high"]).all()
    for chain in StageChain(CHAIN).resample(20, rng=2):
        assert not chain.matrix.drop(index="left").to_numpy()[CHAIN.drop(index="left") == 0].any()
        np.testing.assert_allclose(chain.matrix.sum(axis=1), 1, rtol=1e-12)


# ---- change


def length(chain, stage):
    return 1 / (1 - chain.matrix.loc[stage, stage])


@pytest.mark.parametrize("stage", STAGES[:-1])
@pytest.mark.parametrize("towards", [None, "left", "declining"])
def test_times_one_changes_nothing(stage, towards):
    if towards != stage:
        same = StageChain(CHAIN).change(stage, 1, towards).matrix
        pd.testing.assert_frame_equal(same, StageChain(CHAIN).matrix, check_exact=False, atol=1e-15)


@pytest.mark.parametrize("time", [0.8, 1.3, 2.0])
@pytest.mark.parametrize("towards", [None, "left", "mature"])
def test_the_stay_is_as_long_as_asked_for(time, towards):
    before = StageChain(CHAIN)
    if towards == "mature" and time == 2:
        with pytest.raises(ValueError, match="Few go to 'mature': time is at most 1.1"):
            before.change("declining", time, towards)
        return
    if towards == "mature" and time == 1.3:
        time = 1.1
    after = before.change("declining", time, towards)
    assert length(after, "declining") == pytest.approx(time * length(before, "declining"), rel=1e-12)
    np.testing.assert_allclose(after.matrix.sum(axis=1), 1, rtol=1e-12)
    moved = (after.matrix - before.matrix).loc["declining"].drop("declining")
    if towards is None:
        ways = before.matrix.loc["declining"].drop("declining")
        np.testing.assert_allclose(moved / moved.sum(), ways / ways.sum(), rtol=1e-9)
    else:
        assert moved[moved.abs() > 1e-12].index.tolist() == [towards]
    others = STAGES[:3] + ["left"]
    pd.testing.assert_frame_equal(after.matrix.loc[others], before.matrix.loc[others])


def test_a_stay_can_be_as_short_as_one_period_and_lose_a_way_out_altogether():
    chain = StageChain(CHAIN)
    shortest = 1 - chain.matrix.loc["declining", "declining"]
    assert length(chain.change("declining", shortest), "declining") == pytest.approx(1, rel=1e-12)
    longest = (57 / 107) / (57 / 107 - 9 / 107)
    row = chain.change("declining", longest, "mature").matrix.loc["declining"]
    assert row["mature"] == pytest.approx(0, abs=1e-14)


def test_shorter_decline_loses_by_leaving_and_gains_by_recovery():
    chain = StageChain(CHAIN)
    lost, now, gained = (
        one.value(MONEY, 0.02)["declining"]
        for one in (chain.change("declining", 0.8, "left"), chain, chain.change("declining", 0.8, "mature"))
    )
    assert lost < now < gained


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("lost", 2), "no stage to change 'lost'"),
        (("left", 2), "no stage to change 'left'"),
        (("declining", 2, "declining"), "no other stage 'declining'"),
        (("declining", 2, "lost"), "no other stage 'lost'"),
        (("declining", 0.5), "at least one period: time is 0.5327 or more; got 0.5"),
        (("declining", 0), "at least one period"),
        (("declining", -1), "at least one period"),
        (("declining", np.nan), "at least one period"),
        (("declining", np.inf), "at least one period"),
    ],
)
def test_impossible_changes_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        StageChain(CHAIN).change(*arguments)


# ---- bad input


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        (CHAIN.drop(index="mature", columns="mature").assign(mature=1), "no column 'mature'.*Valid"),
        (CHAIN.rename(index={"left": "gone"}, columns={"left": "gone"}), "no column 'left'"),
        (pd.concat([CHAIN, CHAIN.tail(1)]), "There are 2 columns 'left'"),
        (CHAIN.replace(50, -1), "A count is negative"),
        (CHAIN.astype(float).replace(50, np.nan), "missing or infinite"),
        (pair(3, 2).replace(0, 1), "comes back from 'left'"),
        (pair(0, 0), "1 of 2 rows have nobody seen to stay or to go on .* row 'active'"),
    ],
)
def test_counts_that_make_no_chain_are_refused(counts, message):
    with pytest.raises(ValueError, match=message):
        StageChain(counts)


def test_time_without_an_end_is_infinite_and_its_value_is_not():
    chain = StageChain(square([[5, 5, 0], [5, 5, 0], [0, 0, 3]], ["a", "b", "left"]))
    for call in (
        chain.time_in_stage,
        lambda: chain.value({"a": 1, "b": 1}, 0),
        lambda: chain.simulate_value({"a": 1, "b": 1}, 0.1, "a", 5),
        lambda: chain.time_interval("a"),
    ):
        with pytest.raises(ValueError, match="From 'a' nobody gets to 'left': infinite time"):
            call()
    with pytest.raises(ValueError, match="time is 0 or more; got 0"):
        StageChain(square([[5, 0], [0, 3]], PAIR)).change("active", 0)
    # 1 + 1 / 1.1 + 1 / 1.1^2 + … = 11
    assert chain.value({"a": 1, "b": 1}, 0.1)["a"] == pytest.approx(11, rel=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda c: c.value(MONEY, -0.1), "discount is a rate per period, at least 0"),
        (lambda c: c.value(MONEY, np.nan), "discount is a rate"),
        (lambda c: c.value(MONEY, np.inf), "discount is a rate"),
        (lambda c: c.value(MONEY.drop("mature"), 0.1), "Give one number for each of .*mature"),
        (lambda c: c.value(MONEY.rename({"mature": "ripe"}), 0.1), "Give one number for each of"),
        (lambda c: c.value({**MONEY, "left": 1.0}, 0.1), "for 'left' none or 0"),
        (lambda c: c.value(MONEY.replace(9.0, np.nan), 0.1), "missing or infinite"),
        (lambda c: c.time_in_stage("lost"), "no stage 'lost'"),
        (lambda c: c.time_in_stage("left"), "no stage 'left'"),
        (lambda c: c.time_interval("mature", alpha=5), "alpha must lie between 0 and 1"),
        (lambda c: c.conf_int(0), "alpha must lie between 0 and 1"),
        (lambda c: c.resample(0), "draws must be a whole number"),
        (lambda c: c.simulate("lost", 5, 5), "no stage 'lost'"),
        (lambda c: c.simulate("mature", 0, 5), "customers must be a whole number"),
        (lambda c: c.simulate("mature", 5, -1), "periods must be a whole number"),
        (
            lambda c: StageChain.from_matrix(THREE * 0.9),
            "2 of 2 rows have probabilities that do not",
        ),
        (lambda c: StageChain.from_matrix(THREE).conf_int(), "not counted"),
        (lambda c: c.change("mature", 2).time_interval("mature"), "not counted"),
    ],
)
def test_what_has_no_answer_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(StageChain(CHAIN))


def test_nothing_given_is_changed():
    counts, matrix = CHAIN.copy(), StageChain(CHAIN).matrix
    chain = StageChain(counts)
    chain.change("mature", 2)
    chain.resample(2)
    chain.time_interval("mature", draws=5)
    pd.testing.assert_frame_equal(counts, CHAIN)
    pd.testing.assert_frame_equal(chain.matrix, matrix)


def test_the_figure_shows_the_matrix():
    ax = StageChain.from_matrix(THREE).plot()
    assert [text.get_text() for text in ax.texts] == [
        "50%",
        "30%",
        "20%",
        "20%",
        "60%",
        "20%",
        "0%",
        "0%",
        "100%",
    ]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["new", "old", "left"]
