"""Two-way and win-win. Referees: scipy, plain loops, the company's truth."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from crmlab import company, network


@pytest.fixture(scope="module")
def tea():
    return company.simulate(800)


def test_what_a_shuffled_log_shows_is_hypergeometric():
    log = pd.DataFrame(
        {
            "partner_id": list("aabbcc"),
            "direction": ["in", "out"] * 3,
            "letters": [12, 18, 30, 70, 2, 8],
        }
    )
    table = network.two_way(log, messages="letters", draws=20_000)
    for name, received, total in (("a", 12, 30), ("b", 30, 100), ("c", 2, 10)):
        law = stats.hypergeom(140, 44, total)
        k = np.arange(total + 1)
        as_far = np.abs(k / total - 44 / 140) >= abs(received / total - 44 / 140) - 1e-12
        assert table.loc[name, "p_value"] == pytest.approx(law.pmf(k)[as_far].sum(), abs=0.012)
        assert table.loc[name, "low"] == pytest.approx(law.ppf(0.025) / total, abs=0.02)
    assert table["verdict"].eq("as luck would have it").all()


def test_a_log_of_single_messages_gives_what_its_counts_give(tea):
    rows = tea.relations[["partner_id", "direction", "messages"]]
    single = rows.loc[rows.index.repeat(rows["messages"]), ["partner_id", "direction"]]
    pd.testing.assert_frame_equal(network.two_way(single), network.two_way(rows, messages="messages"))


def test_the_partners_share_that_comes_back_is_the_companys_truth(tea):
    table = network.two_way(tea.relations, messages="messages", answered="answered")
    true = tea._truth["partners"].set_index("partner_id")["reciprocity"]
    assert table["they_answer"].corr(true) > 0.9 and table["balance"].corr(true) > 0.9
    assert (table["we_answer"] - 0.85).abs().median() < 0.05


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"direction": "inwards"}, "direction 'inwards'"),
        ({"letters": 1.5}, "no whole number"),
        ({"letters": -1}, "'letters' below 0"),
        ({"letters": 0, "answered": 0}, "not a single message"),
        ({"answered": 9}, "more answers than messages"),
        ({"partner_id": None}, "no 'partner_id'"),
    ],
)
def test_two_way_refuses(change, words):
    log = pd.DataFrame(
        {"partner_id": [1, 1], "direction": ["in", "out"], "letters": [3, 4], "answered": [1, 1]}
    )
    with pytest.raises(ValueError, match=words):
        network.two_way(log.assign(**change), messages="letters", answered="answered")


def test_one_sided_partners_and_shares_of_nothing():
    log = pd.DataFrame(
        {"partner_id": [1, 2, 2], "direction": ["out", "in", "out"], "n": [5, 4, 4], "a": [2, 0, 4]}
    )
    table = network.two_way(log, messages="n", answered="a")
    assert table.loc[1, "balance"] == 0 and pd.isna(table.loc[1, "we_answer"])
    assert table.loc[1, "they_answer"] == 0.4 and table.loc[2, "balance"] == 1


def by_loops(log, within):
    found = {}
    for sender, receiver, sent in log.itertuples(index=False):
        back = log[(log["sender"] == receiver) & (log["receiver"] == sender)]["sent_at"]
        later = (back[back > sent] - sent) / pd.Timedelta(days=1)
        found.setdefault((sender, receiver), []).append(later.min() if len(later) else np.inf)
    return {
        pair: (
            np.mean(np.array(wait) <= within),
            np.median([one for one in wait if one <= within] or [np.nan]),
        )
        for pair, wait in found.items()
    }


def test_answers_are_those_of_plain_loops():
    luck = np.random.default_rng(3)
    log = pd.DataFrame(
        {"sender": luck.choice(list("abc"), 120), "receiver": luck.choice(list("abc"), 120)}
    ).query("sender != receiver")
    log["sent_at"] = pd.Timestamp("2025-01-01") + pd.to_timedelta(
        luck.integers(0, 400, len(log)) * 6, unit="h"
    )
    table = network.answers(log.sample(frac=1, random_state=1), within=5)
    for pair, (share, delay) in by_loops(log, 5).items():
        assert table.loc[pair, "answered"] == pytest.approx(share)
        assert table.loc[pair, "delay_days"] == pytest.approx(delay, nan_ok=True)


def test_answers_are_told_from_a_busy_pair_that_writes_at_random():
    luck = np.random.default_rng(5)
    ours = luck.random(60) * 365
    replies = ours + 1 + luck.random(60)
    noise = luck.random((2, 60)) * 365
    log = pd.DataFrame(
        {
            "sender": ["us"] * 60 + ["true"] * 60 + ["us"] * 60 + ["noise"] * 60,
            "receiver": ["true"] * 60 + ["us"] * 60 + ["noise"] * 60 + ["us"] * 60,
            "sent_at": pd.Timestamp("2025-01-01")
            + pd.to_timedelta(np.concatenate([ours, replies, *noise]), unit="D"),
        }
    )
    table = network.answers(log, within=2)
    assert table.loc[("us", "true"), "answered"] == 1 and table.loc[("us", "true"), "p_value"] < 0.01
    row = table.loc[("us", "noise")]
    assert row["p_value"] > 0.05 and abs(row["answered"] - row["shuffled"]) < 0.15


def test_answers_refuse():
    log = pd.DataFrame({"sender": ["a"], "receiver": ["b"], "sent_at": [pd.Timestamp("2025-01-01")]})
    for change, words in (
        ({"receiver": "a"}, "its own sender"),
        ({"sent_at": pd.NaT}, "no sender, receiver or date"),
    ):
        with pytest.raises(ValueError, match=words):
            network.answers(log.assign(**change))
    with pytest.raises(ValueError, match="not a single message"):
        network.answers(log.iloc[:0])
    with pytest.raises(ValueError, match="within"):
        network.answers(log, within=0)


def test_intervals_of_gains_are_those_of_scipy(tea):
    flows = tea.relations[tea.relations["month"] >= "2025-01-01"]
    table = network.gains(flows, draws=4000)
    net = flows.groupby(["partner_id", "month"])[["worth_to_us_cents", "worth_to_them_cents"]].sum()
    assert table["ours"].equals(
        net["worth_to_us_cents"].groupby("partner_id").sum().astype(float).rename("ours")
    )
    for partner in (1, 9, 20):
        months = net.loc[partner, "worth_to_us_cents"].to_numpy(float)
        law = stats.bootstrap([months], np.sum, method="percentile", n_resamples=4000, rng=1)
        low, high = law.confidence_interval
        width = high - low
        assert table.loc[partner, "ours_low"] == pytest.approx(low, abs=0.08 * width)
        assert table.loc[partner, "ours_high"] == pytest.approx(high, abs=0.08 * width)


def test_what_is_sure_of_a_year_is_true(tea):
    table = network.gains(tea.relations[tea.relations["month"] >= "2025-01-01"])
    true = tea._truth["partners"].set_index("partner_id").loc[table.index]
    sure = table[table["sure"]]
    right = np.select(
        [(true["our_gain"] > 0) & (true["their_gain"] > 0), true["our_gain"] > 0],
        ["both", "we alone"],
        "they alone",
    )
    assert len(sure) >= 12 and (sure["gains"] == right[table["sure"]]).mean() > 0.95


def test_win_win_counts_and_shares(tea):
    table = network.gains(tea.relations)
    found = network.win_win(table)
    assert (
        found["relations"].to_dict()
        == table["gains"].value_counts().reindex(found.index, fill_value=0).to_dict()
    )
    assert found["share"].sum() == pytest.approx(1)
    law = stats.binomtest(int(found.loc["both", "relations"]), len(table)).proportion_ci(method="wilson")
    assert found.loc["both", ["low", "high"]].tolist() == pytest.approx([law.low, law.high])
    assert found["ours"].sum() == pytest.approx(table["ours"].sum())
    with pytest.raises(ValueError, match="draws the table of gains"):
        network.win_win(tea.relations)


def test_a_relation_seen_once_has_no_interval_and_a_gain_of_nothing_is_none():
    flows = pd.DataFrame(
        {
            "partner_id": [1, 2, 2],
            "month": [1, 1, 2],
            "worth_to_us_cents": [5, 0, 0],
            "worth_to_them_cents": [5, 1, 2],
        }
    )
    table = network.gains(flows)
    assert not table["sure"].any() and pd.isna(table.loc[1, "ours_low"])
    assert table["gains"].to_dict() == {1: "both", 2: "they alone"}
    for change, words in (
        ({"month": None}, "no 'partner_id' or no 'month'"),
        ({"worth_to_us_cents": [1, 2, np.nan]}, "missing or infinite"),
    ):
        with pytest.raises(ValueError, match=words):
            network.gains(flows.assign(**change))
    with pytest.raises(ValueError, match="not a single flow"):
        network.gains(flows.iloc[:0])
