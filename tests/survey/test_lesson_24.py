"""Lesson 24. Referees: statsmodels, the package, six other companies for what it says of them."""

import re

import nbformat
import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from crmlab import company, course, datasets, survey

NOTEBOOK = nbformat.read(course.ROOT / "notebooks" / "24_how_satisfied.ipynb", as_version=4)
CELLS = [cell.source for cell in NOTEBOOK.cells if cell.cell_type == "code"]
RATED = ["taste", "price", "packaging", "delivery", "staff"]
PAIRS = {name: (f"expected_{name}", f"rating_{name}") for name in RATED}


def lesson(*beginnings: str, **names):
    """Run the lesson's cells that hold these words, on made-up names."""
    names = {"np": np, "pd": pd, "survey": survey, "rng": np.random.default_rng(5)} | names
    for beginning in beginnings:
        (source,) = [source for source in CELLS if beginning in source]
        exec(source, names)
    return names


@pytest.mark.parametrize(("count", "n"), [(2, 10), (0, 20), (20, 20), (125, 355), (1, 1)])
def test_the_shares_that_could_be_are_wilsons_interval(count, n):
    by_hand = lesson("def could_be")["could_be"](count, n)
    assert by_hand.tolist() == pytest.approx(proportion_confint(count, n, method="wilson"), abs=2e-4)


def test_the_average_of_points_is_the_score_and_the_hat_is_the_packages_bootstrap():
    given = pd.Series(np.random.default_rng(1).integers(0, 11, 300).astype(float), name="recommend")
    points = lesson("def points")["points"](given)
    found = survey.nps(given.to_frame(), method="bootstrap", draws=20_000).loc["all"]
    assert points.mean() == pytest.approx(found["nps"])
    drawn = lesson("drawn =", june=points)["drawn"]
    assert np.quantile(drawn, [0.025, 0.975]) == pytest.approx(found[["low", "high"]], abs=1.0)


def test_two_hats_are_the_packages_difference():
    rng = np.random.default_rng(2)
    waves = pd.DataFrame({"wave": np.repeat([4, 5], [300, 400]), "recommend": rng.integers(0, 11, 700)})
    points = lesson("def points")["points"]
    june = points(waves.loc[waves["wave"] == 5, "recommend"])
    names = lesson("drawn =", "december =", points=points, waves=waves, june=june)
    ends = np.quantile(names["drawn"] - names["before"], [0.025, 0.975])
    found = survey.score_difference(waves, "recommend", "wave", method="bootstrap", draws=20_000)
    assert ends == pytest.approx(found[["low", "high"]].tolist(), abs=1.2)


def test_weights_by_hand_are_raking_on_one_column():
    rng = np.random.default_rng(3)
    wave = pd.DataFrame(
        {"lately": rng.choice(["recent", "quiet"], 900), "recommend": rng.integers(0, 11, 900)}
    )
    answered = wave[rng.random(900) < np.where(wave["lately"] == "recent", 0.4, 0.1)]
    names = lesson("kinds = pd", 'kinds["weight"] =', wave=wave, answered=answered)
    by_hand = answered["lately"].map(names["kinds"]["weight"])
    raked = survey.rake(answered, {"lately": wave["lately"].value_counts()})
    np.testing.assert_allclose(by_hand / by_hand.mean(), raked)


def test_answers_dealt_by_luck_go_as_far_as_the_limits():
    rng = np.random.default_rng(4)
    after = pd.DataFrame({"recommend": rng.integers(0, 11, 1000)})
    monthly = pd.DataFrame({"answers": [25]})
    points = lesson("def points")["points"]
    dealt = lesson("dealt =", after=after, monthly=monthly, points=points)["dealt"]
    after["day"] = np.repeat(pd.date_range("2022-01-01", periods=40, freq="MS"), 25)
    chart = survey.control_chart(after, "recommend", "day").iloc[0]
    assert chart["high"] - chart["centre"] == pytest.approx(3 * dealt.std(), rel=0.08)


@pytest.fixture(scope="module")
def fifth():
    surveys = company.simulate().surveys
    return surveys[(surveys["wave"] == 5) & surveys["responded"]]


def test_the_appendix_prints_what_the_package_says(fifth):
    (text,) = [cell.source for cell in NOTEBOOK.cells if "<summary>Appendix: expected and got" in cell.source]
    found = survey.gaps(fifth, PAIRS, (1, 10))
    for attribute, *cells in re.findall(
        r"^\| (\w+) \| (\d+) \| (\S+) \| (\S+) \| (\S+) \| (\S+) to (\S+) \|$", text, re.MULTILINE
    ):
        printed = [float(cell.replace("−", "-")) for cell in cells]
        row = found.loc[attribute, ["n", "expected", "got", "gap", "low", "high"]]
        assert row.tolist() == pytest.approx(printed, abs=0.00501)
    phones = {"quality": ("CUEX1", "PERQ1"), "needs": ("CUEX2", "PERQ4"), "faults": ("CUEX3", "PERQ6")}
    ours = survey.gap_fit(fifth, PAIRS, "satisfaction_1", (1, 10))["r2"].round(2)
    theirs = survey.gap_fit(datasets.load("mobi"), phones, "CUSA1", (1, 10))["r2"].round(2)
    assert ours.tolist()[:2] == [0.04, 0.43] and theirs.tolist()[:2] == [0.04, 0.42]
    assert "Gaps explain 4 % of it, and what was got alone explains 43 %" in text
    assert "it is 4 and 42 %" in text


@pytest.mark.slow
def test_what_it_says_of_six_other_companies():
    facts = []
    for seed in range(1, 7):
        tea = company.simulate(rng=seed)
        wave = tea.surveys[tea.surveys["wave"] == 5]
        names = lesson(
            "half_year =", "def points", 'tea.customers[["customer_id", "kind"',
            tea=tea, wave=wave,
        )  # fmt: skip
        answered, points = names["answered"], names["points"]
        steps = {}
        for name, changes in {
            "asked": {},
            "careful": {"careless": 0},
            "all": {"careless": 0, "wave_invited": 1},
        }.items():
            world = company.world("base", full_response=1, **changes)
            steps[name] = company.simulate(world=world, rng=seed).surveys.query("wave == 5")
        chance = tea._truth["surveys"].set_index("survey_id")["response_probability"]
        asked = steps["asked"]
        expected = survey.nps(asked, weights=asked["survey_id"].map(chance).to_numpy())["nps"].item()
        asked, careful, everybody = (survey.nps(one)["nps"].item() for one in steps.values())
        willing = company.simulate(world=company.world("base", full_response=1), rng=seed).surveys
        orders = willing[willing["occasion"] == "order"]
        years = survey.nps(orders.assign(year=orders["invited_on"].dt.year), by="year")["nps"]
        reported = survey.nps(answered)["nps"].item()
        weighted = survey.nps(answered, weights=names["raked"])["nps"].item()
        others = (reported - expected, asked - careful, careful - everybody)

        after = tea.surveys[tea.surveys["responded"] & (tea.surveys["occasion"] == "order")]
        twin = tea.do(attribute={"delivery": -1})
        mixed = lesson("twin =", tea=tea, after=after)["mixed"]
        chart = survey.control_chart(after, "recommend", "responded_on", least=15)
        charts = lesson("by_score =", mixed=mixed, chart=chart)
        found = {
            name: charts[name].loc["2025-07":, "signal"].isin(["beyond a limit", "8 in a row on one side"])
            for name in ("by_score", "by_delivery")
        }
        worth = tea._truth["customers"].set_index("customer_id")["expected_margin_cents"] / 100
        lists = lesson(
            "numbers = pd", "earned =", answered=answered, points=points, worth=worth,
            half_year=names["half_year"],
        )["score"]  # fmt: skip
        facts.append({
            "happier": reported - asked, "weights": reported - weighted, "silence": expected - asked,
            "others": max(map(abs, others)), "score_sees": found["by_score"].any(),
            "delivery_sees": found["by_delivery"].iloc[0], "orders": lists["orders lately"],
            "mean_wins": lists["mean satisfaction"] > lists["Net Promoter"],
            "climbs": years[2025] > years[2023],
        })  # fmt: skip
        assert twin.surveys["survey_id"].size
    facts = pd.DataFrame(facts)
    assert facts["happier"].between(2.5, 14.4).all()
    assert (facts["weights"] > 0.1).sum() == 5
    assert facts["climbs"].all()
    assert facts["silence"].between(5.5, 10.4).all() and (facts["silence"] > facts["others"]).all()
    assert facts["score_sees"].sum() == 1 and facts["delivery_sees"].sum() == 5
    assert facts["orders"].between(0.75, 0.94).all() and facts["mean_wins"].sum() == 5
