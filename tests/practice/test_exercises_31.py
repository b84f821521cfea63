"""Exercise 31. Referees: scipy's hypergeometric and bootstrap, itertools, the package, plain loops."""

from itertools import combinations
from math import comb

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from crmlab import network, practice

STUDENTS = ["ann", "bob", "eve"]


@pytest.fixture(scope="module")
def exercise():
    return practice.load("31")


@pytest.fixture(scope="module")
def all_drawn(exercise):
    return [practice.Drawn(exercise, "key", student, small=True) for student in STUDENTS]


def verdict(drawn, number, answer):
    return drawn.verdict(number, drawn.form(number).plain(answer, drawn.cases(number)))


def the_year(given):
    return given.flows[given.flows["month"].dt.year == given.year]


def test_chance_by_counting_deals_and_by_scipy(all_drawn):
    for one in all_drawn:
        for case, output in zip(one.cases("31.1"), one.key("31.1").right["outputs"], strict=True):
            letters, came, went = case["letters"], case["came"], case["went"]
            assert output == pytest.approx(stats.hypergeom(came + went, came, letters).pmf(0))
            assert output == pytest.approx(comb(went, letters) / comb(came + went, letters))
            if comb(came + went, letters) < 3000:
                deals = list(combinations([True] * came + [False] * went, letters))
                assert output == pytest.approx(sum(not any(deal) for deal in deals) / len(deals))


@pytest.mark.parametrize("rng", [2, 3, 4])
def test_who_writes_less_is_the_same_by_the_packages_dice_and_by_the_law(all_drawn, rng):
    for one in all_drawn:
        given = one.given
        table = network.two_way(the_year(given), messages="messages", draws=1000, rng=rng)
        kind = given.partners.set_index("partner_id")["kind"]
        less = (table["verdict"] == "less comes back").groupby(kind.reindex(table.index)).sum()
        less = less.reindex(kind.unique(), fill_value=0).rename("less").rename_axis("kind").reset_index()
        assert verdict(one, "31.2", less).outcome == "right"
        one_sided = (table["verdict"] == "more comes back").groupby(kind.reindex(table.index)).sum()
        one_sided = one_sided.reindex(kind.unique(), fill_value=0).rename("less").rename_axis("kind")
        assert verdict(one, "31.2", one_sided.reset_index()).outcome != "right"


def test_gains_are_those_of_the_package_and_of_a_loop(all_drawn):
    for one in all_drawn:
        sums: dict[int, list[float]] = {}
        for row in the_year(one.given).itertuples():
            held = sums.setdefault(row.partner_id, [0.0, 0.0])
            held[0] += row.worth_to_us_cents / 100
            held[1] += row.worth_to_them_cents / 100
        table = pd.DataFrame.from_dict(sums, orient="index", columns=["ours", "theirs"])
        assert verdict(one, "31.3", table.rename_axis("partner_id").reset_index()).outcome == "right"
        theirs = network.gains(the_year(one.given), draws=10)[["ours", "theirs"]] / 100
        assert verdict(one, "31.3", theirs.round().reset_index()).outcome == "right"
        assert verdict(one, "31.3", (theirs * 100).reset_index()).mistake == "in_cents"


def test_the_width_is_that_of_the_package_and_of_scipy(all_drawn):
    for one in all_drawn:
        given = one.given
        row = network.gains(the_year(given), rng=5).loc[given.partner]
        assert verdict(one, "31.4", (row["ours_high"] - row["ours_low"]) / 100).outcome == "right"
        own = the_year(given)[the_year(given)["partner_id"] == given.partner]
        months = own.groupby("month")["worth_to_us_cents"].sum().to_numpy(float) / 100
        assert len(months) == 12
        law = stats.bootstrap([months], np.sum, method="percentile", n_resamples=4000, rng=3)
        low, high = law.confidence_interval
        assert verdict(one, "31.4", round(high) - round(low)).outcome == "right"
        rows = stats.bootstrap(
            [own["worth_to_us_cents"].to_numpy(float) / 100], np.sum, method="percentile", rng=3
        ).confidence_interval
        assert verdict(one, "31.4", float(rows.high - rows.low)).mistake == "rows_for_months"


def test_what_breaks_is_what_the_package_says(all_drawn):
    for one in all_drawn:
        needs = one.given.sources.merge(one.given.sales, on="product_id", how="left").fillna({"margin": 0})
        lost = network.dependence(needs, worth="margin")["at_risk"].rename("lost")
        assert verdict(one, "31.5", lost.reset_index()).outcome == "right"
        worth = network.dependence(needs, worth="margin")["worth"].rename("lost")
        assert verdict(one, "31.5", worth.reset_index()).mistake == "all_that_it_delivers"


def test_honest_lists_of_visits_pass_and_liking_does_not(all_drawn):
    for one in all_drawn:
        given = one.given
        gain = network.gains(the_year(given), draws=10)
        losing = gain[(gain["ours"] < 0) & (gain["theirs"] > 0)]
        by_loss = losing["ours"].nsmallest(given.visits).index.tolist()
        assert verdict(one, "31.6", by_loss).mark > 0.7
        liked = given.attitudes.groupby("partner_id")["attitude"].mean()
        assert verdict(one, "31.6", liked.nlargest(given.visits).index.tolist()).mark < 0.5
