"""What lesson 14 writes out by hand agrees with the package; what it says of the company holds in others."""

import numpy as np
import pandas as pd
import pytest

from crmlab import collect, company, datasets

ROWS = ["2 months", "6 months", "a year", "longer"]


def list_on(tea, day):
    before = tea.orders[tea.orders["ordered_at"] < day]
    year = before[before["ordered_at"] >= day - pd.Timedelta(days=365)]
    known = tea.customers[tea.customers["joined_on"] < day].set_index("customer_id")
    known = known[["kind", "region", "joined_on"]]
    known["spend"] = year.groupby("customer_id")["amount_cents"].sum() / 100
    known["since"] = (day - before.groupby("customer_id")["ordered_at"].max()).dt.days
    return known.fillna({"spend": 0})


def rehearsal(tea, day, rng, times):
    """Return by way of drawing how far off samples are, in dollars and points, the lean, and who came."""
    new_year = pd.Timestamp("2025-01-01")
    old = list_on(tea, new_year)
    orders = tea.orders[tea.orders["ordered_at"].between(new_year, day)]
    old["dollars"] = orders.groupby("customer_id")["amount_cents"].sum() / 100
    old = old.fillna({"dollars": 0})
    old["came"] = 100 * (old["dollars"] > 0)
    old["tier"] = pd.cut(
        old["spend"], [-1, 0, 100, 400, np.inf], labels=["nothing", "to 100", "to 400", "more"]
    ).astype(str)
    old["drawer"] = old["joined_on"].dt.to_period("W").astype(str)
    old["met"] = 1 + old["spend"] / 100
    tiers = old.groupby("tier")["spend"].agg(["size", "std"])
    neyman = collect.allocate(tiers["size"], 350, tiers["std"].clip(lower=10))
    designs = {
        "lot": {"n": 350},
        "neyman": {"n": neyman, "stratum": "tier"},
        "11": {"n": 11, "cluster": "drawer"},
        "44": {"n": 44, "cluster": "drawer"},
        "quota": {"n": 350, "stratum": "region", "ease": "met"},
    }
    found, truth = {}, old[["dollars", "came"]].mean()
    for name, design in designs.items():
        tries = []
        for _ in range(times):
            drawn = collect.draw_sample(old, rng=rng, **design)
            tries.append(np.average(drawn[["dollars", "came"]], axis=0, weights=drawn.get("weight")))
        off = np.array(tries) - truth.to_numpy()
        found[name] = [*np.abs(off).mean(axis=0), off[:, 0].mean()]
    came = old.groupby(old["joined_on"].dt.year)["came"].mean()
    return pd.DataFrame(found, index=["dollars", "points", "lean"]).T, came


def letter(tea, rng):
    """Return what the letter of June 2025, its weights and the calls say, the truth, and the money."""
    wave = tea.surveys[tea.surveys["wave"] == 5]
    day = wave["invited_on"].max()
    now = list_on(tea, day)
    now["lately"] = pd.cut(now["since"], [-1, 60, 182, 365, np.inf], labels=ROWS).astype(str)
    tea.commit("left_on", 0, 1)
    still = (~(tea.open_envelope("left_on").reindex(now.index) <= day)).astype(float)
    sent = now.loc[wave["customer_id"]]
    sent["responded"], sent["voucher"] = wave["responded"].to_numpy(), wave["incentive"].to_numpy()
    sent["still"] = still.where(sent["responded"])  # by the customer's id
    answered, silent = sent[sent["responded"]], sent[~sent["responded"]]
    margins = {column: now[column].value_counts() for column in ["lately", "region", "kind"]}
    called = collect.draw_sample(silent, dict.fromkeys(ROWS, 30), stratum="lately", rng=rng)
    called["still"] = still
    parts = [answered.assign(weight=1.0, part="answered"), called.assign(part="silent, " + called["lately"])]
    who = pd.DataFrame({"rate": sent.groupby("lately")["responded"].mean()})
    who["still"] = answered.groupby("lately")["still"].mean()
    who["together"] = (
        who["rate"] * who["still"] + (1 - who["rate"]) * called.groupby("lately")["still"].mean()
    )
    rows = still.groupby(now["lately"]).agg(["size", "sum"]).loc[who.index]
    worth = 6 * rows["sum"] - 4 * rows["size"]
    best, coin = worth.clip(lower=0).sum(), worth.sum() / 2
    money = {
        "answers": worth[who["still"] > 2 / 3].sum(),
        "calls": worth[who["together"] > 2 / 3].sum() - 360,
    }
    return {
        "day": day, "now": now, "sent": sent, "answered": answered, "called": called, "margins": margins,
        "who": who, "truth": still.mean(), "naive": collect.estimate(sent, "still"),
        "raked": collect.estimate(answered, "still", margins=margins),
        "calls": collect.estimate(pd.concat(parts), "still", weights="weight", stratum="part"),
        "score": {name: (dollars - coin) / (best - coin) for name, dollars in money.items()},
        "chosen": {name: (who[name] > 2 / 3).to_numpy() for name in ("still", "together")},
        "voucher": answered.groupby("voucher")["still"].mean(),
        "with_voucher": collect.estimate(answered[answered["voucher"]], "still"),
        "readily": sent["responded"].groupby(still.loc[sent.index]).mean(),
    }  # fmt: skip


@pytest.fixture(scope="module")
def ours():
    return letter(company.simulate(), np.random.default_rng(14))


def test_one_column_by_hand_is_post_stratification(ours):
    answered, now = ours["answered"], ours["now"]
    share = now["lately"].value_counts(normalize=True)
    by_hand = (share * answered.groupby("lately")["still"].mean()).sum()
    found = collect.estimate(answered, "still", margins={"lately": now["lately"].value_counts()})
    assert found["estimate"] == pytest.approx(by_hand, abs=1e-12)
    assert by_hand == pytest.approx(0.779, abs=5e-4)


def test_calls_by_row_are_the_package_s_strata(ours):
    who, sent = ours["who"], ours["sent"]
    share = sent["lately"].value_counts(normalize=True)
    assert ours["calls"]["estimate"] == pytest.approx((share * who["together"]).sum(), abs=1e-12)


def test_three_times_as_readily_counts_each_yes_a_third():
    answers = pd.DataFrame({"yes": [1] * 90 + [0] * 10})
    assert collect.sensitivity(answers, "yes", [1, 3])["estimate"].tolist() == pytest.approx([0.9, 0.75])


def test_clerks_are_off_as_the_package_reckons():
    luck = np.random.default_rng(1)
    for slips in (100, 400, 1600):
        margin = 1.96 * np.sqrt(0.25 / slips)
        assert collect.sample_size(margin)["simple"] == pytest.approx(slips, rel=1e-3)
        off = np.quantile(np.abs(luck.binomial(slips, 0.5, 20_000) / slips - 0.5), 0.95)
        assert off == pytest.approx(margin, abs=1 / slips)  # shares come in steps of 1 / slips


def test_schools_by_district_hold_the_known_mean_and_one_by_one_they_miss_it():
    schools = datasets.load("api_schools").query("design == 'districts'")
    alone = collect.estimate(schools, "api00", weights="pw")
    together = collect.estimate(schools, "api00", weights="pw", cluster="dnum", population="fpc")
    assert alone["high"] < 664.7126 < together["high"] and together["low"] < 664.7126


def test_raking_misses_the_truth_that_calls_find(ours):
    assert ours["truth"] == pytest.approx(0.597, abs=5e-4)
    assert min(ours["raked"]["low"], ours["with_voucher"]["low"]) > 2 / 3 > ours["truth"]
    assert ours["calls"]["low"] < ours["truth"] < ours["calls"]["high"]
    assert ours["voucher"][False] - ours["voucher"][True] == pytest.approx(0.02, abs=0.005)
    assert ours["naive"]["estimate"] - ours["voucher"][True] == pytest.approx(0.01, abs=0.005)
    assert ours["readily"][1.0] / ours["readily"][0.0] == pytest.approx(3.16, abs=0.01)


@pytest.mark.slow
def test_claims_hold_in_six_other_companies():
    found = []
    for seed in range(1, 7):
        tea, rng = company.simulate(rng=seed), np.random.default_rng(14)
        one = letter(tea, rng)
        ways, came = rehearsal(tea, one["day"], rng, 60)
        truth, calls, voucher = one["truth"], one["calls"], one["voucher"]
        found.append(
            {
                "answers_above": 100 * (one["naive"]["estimate"] - truth),
                "raked_above": 100 * (one["raked"]["estimate"] - truth),
                "calls_hold": calls["low"] < truth < calls["high"],
                "by_answers": one["score"]["answers"],
                "by_calls": one["score"]["calls"],
                "voucher_lower": 100 * (voucher[False] - voucher[True]),
                "voucher_above": 100 * (voucher[True] - truth),
                "voucher_pays": one["with_voucher"]["low"] > 2 / 3,
                "same_rows": (one["chosen"]["still"] == one["chosen"]["together"]).all(),
                "later_came": came[2024] > came[2023],
                "readily": one["readily"][1.0] / one["readily"][0.0],
                "neyman": ways.loc["neyman", "dollars"] < ways.loc["lot", "dollars"]
                and ways.loc["neyman", "points"] > ways.loc["lot", "points"],
                "eleven": ways.loc["11", "points"] > ways.loc["lot", "points"],
                "44": (ways.loc["44", ["dollars", "points"]] < ways.loc["lot", ["dollars", "points"]]).all(),
                "quota_lean": ways.loc["quota", "lean"],
            }
        )
    six = pd.DataFrame(found)
    for name, low, high in [
        ("answers_above", 18, 24), ("raked_above", 13, 20), ("voucher_lower", 1, 10),
        ("voucher_above", 14, 23),
    ]:  # fmt: skip
        ends = six[name].min(), six[name].max()
        assert ends == pytest.approx((low, high), abs=0.5), name
    assert six["readily"].agg(["min", "max"]).tolist() == pytest.approx([2.5, 3.6], abs=0.05)
    assert six["by_answers"].agg(["min", "max"]).tolist() == pytest.approx([0.60, 1.00], abs=0.005)
    assert six["by_calls"].agg(["min", "max"]).tolist() == pytest.approx([0.72, 0.89], abs=0.005)
    assert (six["by_calls"] > six["by_answers"]).sum() == 4 and six["quota_lean"].min() > 400
    assert six["same_rows"].equals(six["by_calls"] < six["by_answers"])
    nearer = six["answers_above"] - six["voucher_above"]
    assert nearer.agg(["min", "max"]).tolist() == pytest.approx([0, 4], abs=0.5)
    repaired = 1 - six["raked_above"] / six["answers_above"]
    assert repaired.agg(["min", "max"]).tolist() == pytest.approx([0.12, 0.34], abs=0.005)
    assert six[["calls_hold", "neyman", "eleven", "44", "later_came", "voucher_pays"]].all(axis=None)
