"""Lesson 25. Referees: the package for what is written by hand, six companies for what is said of them."""

import nbformat
import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from crmlab import company, course, datasets, survey

CELLS = nbformat.read(course.ROOT / "notebooks" / "25_why_they_stay.ipynb", as_version=4).cells
STEPS = [
    "s4-simulate",
    "s4-scales",
    "s4-sheets",
    "s4-fit",
    "s5-one",
    "s5-models",
    "s5-table",
    "s6-log",
    "s6-after",
    "s6-two",
]
ENVELOPE = [
    *("s6-table", "s6-words", "s6-slope", "s8-commit", "s8-twin", "s8-points", "s8-halves", "s8-net"),
    *("s8-stay-commit", "s8-stay", "s9-commit", "s9-here", "s9-leaving", "s10-habits", "s10-commit"),
    *("s10-true", "s10-steps", "s10-who", "s11-commit", "s11-open", "s11-lists", "s11-race"),
]


def lesson(*ids: str, **names):
    """Run these cells of the lesson, on made-up names."""
    names = {"np": np, "pd": pd, "smf": smf, "survey": survey, "company": company} | names
    for one in ids:
        (source,) = [cell.source for cell in CELLS if cell.id == one]
        exec(source, names)
    return names


@pytest.fixture(scope="module")
def phones():
    return datasets.load("mobi")


def test_weights_by_hand_are_the_packages(phones, capsys):
    names = lesson("s1-scores", "s1-loop", "s1-model", phones=phones)
    by_hand = names["satisfaction"].corr(names["loyalty"])
    assert by_hand == pytest.approx(names["pair"].params.item(), abs=1e-4)
    scores = names["pair"].scores()
    assert scores["loyalty"].corr(names["loyalty"]) == pytest.approx(1, abs=1e-6)
    assert f"turn 5: slope {names['pair'].params.item():.4f}" in capsys.readouterr().out


def test_arrows_by_hand_have_the_packages_interval(phones):
    names = lesson("s1-scores", "s1-model", "s3-by-hand", phones=phones, rng=np.random.default_rng(1))
    ends = np.quantile(names["drawn"], [0.025, 0.975])
    luck = names["pair"].bootstrap(4000, rng=2).conf_int().iloc[0]
    assert ends == pytest.approx(luck.to_numpy(), abs=0.035)


def test_an_arrow_turned_round_has_the_same_number(phones):
    names = lesson("s1-scores", "s1-model", "s3-round", phones=phones)
    assert names["round_about"].params.item() == pytest.approx(names["pair"].params.item(), abs=1e-6)


def test_the_half_year_after_is_counted_by_a_loop():
    tea = company.simulate(300, rng=3)
    sheets = tea.surveys.query("occasion == 'wave' and responded").head(40)
    after = lesson("s6-log", "s6-after")["half_year"]
    found, before = after(tea, sheets), after(tea, sheets, first=-182)
    for sheet in sheets.itertuples():
        own = tea.orders[tea.orders["customer_id"] == sheet.customer_id]
        days = (own["ordered_at"] - sheet.invited_on).dt.days
        later = own[(days >= 1) & (days <= 182)]
        dollars = (later["margin_cents"] - later["serving_cents"]).sum() / 100
        assert found.loc[sheet.survey_id].tolist() == pytest.approx([len(later), dollars])
        assert before.loc[sheet.survey_id, "orders"] == ((days >= -182) & (days <= -1)).sum()


def test_the_company_is_built_as_the_lesson_says():
    from crmlab.company.causal import causal_map
    from crmlab.company.voices import implied_covariance

    assert implied_covariance().loc["satisfaction", "loyalty"] == pytest.approx(0.5365)
    arrows = causal_map()
    assert "leaving" not in arrows["satisfaction of the day"] and "leaving" not in arrows["satisfaction"]
    assert "leaving" in arrows["experience"]


def printed(row: str) -> list[float]:
    """Read a row of the lesson's tables of the six other companies."""
    (line,) = [line for cell in CELLS for line in cell.source.splitlines() if line.startswith(f"| {row} | ")]
    return [float(one.replace("−", "-")) for one in line.split("|")[2:-1]]


@pytest.fixture(scope="module")
def others():
    found = {}
    for seed in range(1, 7):

        def simulate(seed=seed, **options):
            return company.simulate(rng=seed, **options)

        world = type("module", (), {"simulate": staticmethod(simulate), "world": staticmethod(company.world)})
        found[seed] = lesson(*STEPS, *ENVELOPE, rng=np.random.default_rng(seed), company=world)
    return found


@pytest.mark.slow
def test_what_it_says_of_the_twin_in_six_other_companies(others):
    for names in others.values():
        gain, point, net = names["gain"].mean(), names["point"], names["net"]["net"]
        assert 6 < gain["dollars"] < 17.5 and 0.36 < gain["points of satisfaction"] < 0.39
        slope = point.loc["a point goes with", "dollars"]
        assert -1.1 < slope * gain["points of satisfaction"] < 2
        assert point.loc["low", "dollars"] < 0 < point.loc["high", "dollars"]
        assert net.iloc[0] < 0 and (net.iloc[2:] > 0).all()
        assert 37 <= names["kept"][0] <= 58 and sorted(names["kept"]) == names["kept"]
    rise = {seed: names["gain"].mean() for seed, names in others.items()}
    brings = [one["dollars"] for one in rise.values()]
    promise = [
        names["point"].loc["a point goes with", "dollars"] * rise[seed]["points of satisfaction"]
        for seed, names in others.items()
    ]
    assert brings == pytest.approx(printed("better delivery brings"), abs=0.051)
    assert promise == pytest.approx(printed("their slope, times that rise"), abs=0.051)


@pytest.mark.slow
def test_what_it_says_of_words_and_of_who_answers_in_six_other_companies(others):
    for names in others.values():
        low, high = names["add"].loc[["low", "high"], "dollars"]
        assert low < 0 < high
        responded = names["invited"]["responded"].groupby(names["fifth"], observed=True).mean()
        assert responded["most"] > 1.3 * responded.drop("most").max()
        orders = names["half_year"](names["tea"], names["sheets"])["orders"]
        assert (orders[names["had_left"]] == 0).all()


@pytest.mark.slow
def test_what_it_says_of_leaving_and_of_words_in_six_other_companies(others):
    for names in others.values():
        alone, constant = names["alone"].params["satisfaction"], names["constant"].params["satisfaction"]
        assert -0.046 < alone < -0.019 and -0.0215 < constant < 0.0215
        answered, plain, true, everybody, does = names["steps"]
        assert 0.07 < answered - plain < 0.09 and 0.11 < true - plain < 0.145
        assert true > everybody > does == pytest.approx(0.5365, abs=0.004)
    each = others.values()
    alone = [names["alone"].params["satisfaction"] for names in each]
    constant = [names["constant"].params["satisfaction"] for names in each]
    assert alone == pytest.approx(printed("satisfaction alone"), abs=0.00051)
    assert constant == pytest.approx(printed("the two held constant"), abs=0.00051)
    puts_on = np.array([-np.diff(names["steps"])[:2] for names in each]).T
    assert puts_on[0] == pytest.approx(printed("habits put on"), abs=0.00051)
    assert puts_on[1] == pytest.approx(printed("errors put on"), abs=0.00051)


@pytest.mark.slow
def test_what_it_says_of_lists_in_six_other_companies(others):
    race = pd.DataFrame({seed: names["race"]["score"] for seed, names in others.items()}).drop(
        ["oracle", "by lot"]
    )
    assert race.loc["ordered most before"].between(0.145, 0.485).all()
    assert (race.idxmax() == "ordered most before").sum() == 5
    assert race.loc["least satisfied"].between(-0.085, 0.19).all()
    assert race.loc["most loyal in words"].between(-0.18, 0.08).all()
    for name, scores in race.iterrows():
        assert scores.tolist() == pytest.approx(printed(name), abs=0.011)
    by_lot = [names["by_lot"] for names in others.values()]
    assert min(by_lot) == pytest.approx(-58, abs=0.6) and max(by_lot) == pytest.approx(90, abs=0.6)
    places = race.rank(ascending=False).loc["the same, lukewarm only"]
    assert sorted(places) == [1, 2, 2, 2, 2, 2]
