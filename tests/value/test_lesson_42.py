"""Lesson 42. Referees: the package and statsmodels, closed forms, six companies for its claims."""

import re

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pandas as pd
import pytest
from statsmodels.duration.hazard_regression import PHReg

from crmlab import course, value

CELLS = nbformat.read(course.ROOT / "notebooks" / "42_retention.ipynb", as_version=4).cells
CODE = {cell.id: cell.source for cell in CELLS if cell.cell_type == "code"}
TEXT = "\n".join(cell.source for cell in CELLS if cell.cell_type == "markdown")
REAL = ("s3-", "s5-", "s6-", "s8-k")
"""Sections on real data or on cohorts: the same for every company, or not among the claims."""


def lesson(seed: int, without: tuple[str, ...] = ()) -> dict:
    """Run the lesson, pictures left out, on the company of this seed."""
    names: dict = {"print": lambda *_: None}
    for name, source in CODE.items():
        if "plt.show" not in source and not name.startswith(without):
            exec(source.replace("company.simulate()", f"company.simulate(rng={seed})"), names)
    plt.close("all")
    return names


@pytest.fixture(scope="module")
def names():
    return lesson(7)


# ---- by hand and with the package


def test_seven_members_by_hand_are_the_packages(names):
    seven = value.survival_table(names["seven"]["years"], names["seven"]["ended"])
    assert seven["survival"].tolist() == pytest.approx([1, 4 / 6, 4 / 6 * 2 / 3, 4 / 9])
    assert seven["at_risk"].tolist() == [7, 6, 3, 1] and seven["censored"].tolist() == [1, 1, 1, 1]


def test_the_product_of_the_rates_is_the_packages_curve(names):
    terms = names["own_survival"].index
    np.testing.assert_allclose(names["own_survival"], names["survival"].loc[terms, "survival"], rtol=1e-12)
    assert names["survival"]["at_risk"].loc[terms].tolist() == names["rates"]["came_up"].tolist()


def test_two_kinds_renew_as_they_should(names):
    """Retention is the mean of p^t over the mean of p^(t-1)."""
    rate = [(0.9**t + 0.5**t) / (0.9 ** (t - 1) + 0.5 ** (t - 1)) for t in range(1, 5)]
    np.testing.assert_allclose(names["kinds"]["rate"][1:], rate, rtol=1e-12)


def test_ten_members_are_nearly_the_rule_with_1_and_1(names):
    rates = (names["left"] / names["left"].shift()).dropna()
    rule = value.ShiftedBetaGeometric([100, 50, 33]).at([1, 1]).retention_rate([1, 2, 3])
    np.testing.assert_allclose(rule, [1 / 2, 2 / 3, 3 / 4], rtol=1e-12)
    np.testing.assert_allclose(rates, rule, atol=0.003)


def test_its_rule_is_the_packages(names):
    np.testing.assert_allclose(names["rule"]["by the rule"], names["rule"]["package"], rtol=1e-12)


@pytest.mark.parametrize("params", [(0.76, 1.3), (2.0, 9.0)])
def test_its_likelihood_in_symbols_is_the_packages(params):
    survivors = np.array([1000, 631, 468, 382, 326])
    alpha, beta = params
    t = np.arange(1, 5)
    survival = np.append(1, np.cumprod((beta + t - 1) / (alpha + beta + t - 1)))
    ours = -np.diff(survivors) @ np.log(-np.diff(survival)) + survivors[-1] * np.log(survival[-1])
    assert value.ShiftedBetaGeometric(survivors).loglike(params) == pytest.approx(ours, rel=1e-11)


def test_the_last_order_is_the_one_before_the_decision(names):
    due, orders = names["due"], names["orders"]
    for row in due.sample(20, random_state=1).itertuples():
        theirs = orders.loc[orders["customer_id"] == row.customer_id, "ordered_at"]
        assert row.ordered_at == theirs[theirs <= row.ends_on].max()


def test_nobody_in_the_rehearsal_is_judged_by_what_came_later(names):
    june, orders = names["june"], names["orders"]
    evening = pd.Timestamp("2025-07-01")
    for who in june.index[:20]:
        theirs = orders.loc[orders["customer_id"] == who, "ordered_at"]
        assert june.loc[who, "days_silent"] == (evening - theirs[theirs < evening].max()).days
    assert june["renewed"].notna().all() and names["today"]["renewed"].isna().all()


def test_the_scale_of_the_lists_goes_from_lot_to_the_best_hundred(names):
    """A list by lot is worth what a hundred members are worth on average; no list beats the oracle."""
    renews = names["june"]["renewed"].astype(float)
    table = names["rehearsal"]
    assert table.loc["by lot", "dollars"] == pytest.approx(1500 * renews.mean() - 600)
    assert table.loc["oracle", "dollars"] == pytest.approx(15 * renews.nlargest(100).sum() - 600)
    assert table.loc["by lot", "score"] == 0 and table.loc["oracle", "score"] == 1
    lot = [renews.sample(100, random_state=seed).sum() for seed in range(300)]
    assert np.mean(lot) * 15 - 600 == pytest.approx(table.loc["by lot", "dollars"], abs=20)


def test_the_hatched_cells_are_the_quarters_that_still_run(names):
    shown = names.copy()
    exec(CODE["s6-heat"], shown)
    hatched = {(patch.get_x(), patch.get_y()) for patch in shown["ax"].patches if patch.get_hatch()}
    table = names["cohorts"][names["cohorts"]["age"] > 0]
    place = {cohort: row for row, cohort in enumerate(sorted(table["cohort"].unique()))}
    running = table[~table["complete"]]
    assert hatched == {(row.age - 1, place[row.cohort]) for row in running.itertuples()}
    plt.close("all")


# ---- the appendix


def hazard_ratios(names, *columns):
    due = names["due"]
    complaints = names["tea"].complaints.sort_values("opened_on")[["customer_id", "opened_on"]]
    due = pd.merge_asof(due, complaints, left_on="ends_on", right_on="opened_on", by="customer_id")
    due["complained"] = ((due["ends_on"] - due["opened_on"]).dt.days <= 365).astype(int)
    said_no, entry = 1 - due["renewed"], due["term"] - 1
    fit = PHReg(due["term"], due[list(columns)], said_no, entry=entry, ties="efron").fit()
    return np.exp(np.column_stack([fit.params, fit.conf_int()]))


def test_the_appendix_tells_what_cox_regression_finds(names):
    alone = hazard_ratios(names, "complained")
    both = hazard_ratios(names, "complained", "months_silent")
    fold = TEXT.partition("Cox regression")[2].partition("</details>")[0]
    for row in (alone[0], both[0]):
        for one in row:
            assert re.search(rf"(?<![\d.]){re.escape(f'{one:.2f}'.lstrip('0'))}(?!\d)", fold), one


# ---- six other companies


def claims(names) -> dict[str, str]:
    """Return the rows of the folded table, as they are shown."""
    june, renews = names["june"], names["renews"]
    names["rng"] = np.random.default_rng(42)  # lot decides among equals: the same lot each time
    by_silence, by_term = (renews.groupby(june[one]).mean() for one in ("silent", "term"))
    truth, rest = names["race"](names["today"], names["chance"]), names["rest"]
    leaving = names["due"].groupby("term")["leaving"].mean()
    shares = {
        "rate, first renewal": names["rates"].loc[1, "retention_rate"],
        "rate, first renewal with fewer silent": names["if_only_mix"],
        "rate, second renewal": names["rates"].loc[2, "retention_rate"],
        "June: not silent minus silent": by_silence[0] - by_silence[1],
        "June: second year minus first": by_term[2] - by_term[1],
        "had left, first renewal": names["parts"].loc[1, "had_left"],
        "had left, second renewal": names["parts"].loc[2, "had_left"],
        "rate of those still there, first renewal": rest.loc[1, "rate"],
        "rate of those still there, second renewal": rest.loc[2, "rate"],
        "their true probability, first renewal": rest.loc[1, "true_probability"],
        "their true probability, second renewal": rest.loc[2, "true_probability"],
        "probability of leaving the shop, first renewal": leaving[1],
        "probability of leaving the shop, second renewal": leaving[2],
        "tins by the truth, score: most years": truth.loc["most years", "score"],
        "tins by the truth, score: latest order": truth.loc["latest order", "score"],
    }
    return {row: f"{share:.2f}".removeprefix("0") for row, share in shares.items()}


@pytest.mark.slow
def test_what_it_says_of_six_other_companies():
    found = [lesson(seed, REAL) for seed in (7, 1, 2, 3, 4, 5, 6)]

    table = TEXT.partition("<details><summary>The same on six other companies")[2].partition("</details>")[0]
    for row in claims(found[0]):
        assert f"| {row} | {' | '.join(claims(one)[row] for one in found)} |" in table
    for one in found:
        first, second = one["rates"]["retention_rate"].loc[[1, 2]]
        assert first < one["if_only_mix"] < second
        by_silence, by_term = (one["renews"].groupby(one["june"][of]).mean() for of in ("silent", "term"))
        assert by_silence[0] - by_silence[1] > by_term[2] - by_term[1]
        truth = one["race"](one["today"], one["chance"])["score"]
        assert truth["latest order"] > truth["most years"] > 0 > truth["longest silent"]
        assert one["parts"]["had_left"].is_monotonic_decreasing
        assert one["rest"]["true_probability"].is_monotonic_increasing
        assert one["due"].groupby("term")["leaving"].mean().is_monotonic_decreasing
