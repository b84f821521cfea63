"""Lesson 22. Referees: statsmodels and the package for what it writes by hand, six other companies."""

from types import SimpleNamespace

import nbformat
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from crmlab import company, course, datasets, survey

CELLS = nbformat.read(course.ROOT / "notebooks" / "22_what_lies_behind.ipynb", as_version=4).cells
STEPS = [
    *(
        "things = [",
        "waves = tea.surveys",
        "eigenvalues = pd.Series",
        "components = survey",
        "common = survey",
    ),
    *(
        "found = survey.explore(answers, factors=8)",
        "total = answers.sum",
        "def told(items)",
        "oracle = list(",
    ),
]


class Silent:
    """Stands in for the figures."""

    def __getattr__(self, name):
        return lambda *args, **kwargs: self


def lesson(*beginnings: str, **names):
    """Run the lesson's cells that hold these words, on made-up names."""
    names = {"np": np, "pd": pd, "survey": survey, "plt": Silent(), "plot": Silent()} | names
    names.setdefault("rng", np.random.default_rng(5))
    for beginning in beginnings:
        (source,) = [cell.source for cell in CELLS if cell.cell_type == "code" and beginning in cell.source]
        exec(source, names)
    return names


def test_eigenvalues_by_hand_are_the_packages_and_shuffles_are_alike():
    answers = datasets.load("bfi").loc[:, "A1":"O5"].dropna()
    package = survey.parallel_analysis(answers, draws=40, rng=1)
    np.testing.assert_allclose(np.linalg.eigvalsh(answers.corr())[::-1], package["eigenvalue"])
    rng = np.random.default_rng(2)
    by_luck = answers.apply(lambda column: rng.permutation(column))
    ours = np.linalg.eigvalsh(by_luck.corr())[::-1]
    assert (np.abs(ours - package["by_chance"]) < 0.06).all()


def test_what_a_list_tells_is_the_r_squared_of_statsmodels():
    rng = np.random.default_rng(3)
    answers = pd.DataFrame(rng.normal(size=(80, 5)), columns=list("abcde"))
    true = pd.DataFrame({"x": answers["a"] + rng.normal(size=80), "y": rng.normal(size=80)})
    told = lesson("def told(items)", answers=answers, true=true, lists={"by factor": ["a", "b"]})["told"]
    for name in true:
        fit = sm.OLS(true[name], sm.add_constant(answers[["a", "c"]])).fit()
        assert told(["a", "c"])[name] == pytest.approx(fit.rsquared)


@pytest.mark.slow
def test_what_it_says_of_six_other_companies():
    for seed in range(1, 7):
        tea = company.simulate(rng=seed)
        truth = tea._truth["surveys"].set_index("survey_id")
        names = lesson(*STEPS[:7], tea=tea)
        names["true"] = truth.loc[names["answers"].index, names["things"]]
        names = lesson(*STEPS[7:], **names)
        assert (names["eigenvalues"] > 1).sum() == 6
        assert names["components"]["keep"].sum() in (4, 5) and names["common"]["keep"].sum() in (8, 9)
        told = {rule: names["told"](items).sum() for rule, items in names["lists"].items()}
        for rule in ("spread", "like the sum", "first eight"):
            assert told["by factor"] > told[rule]
        assert names["told"](names["oracle"]).sum() >= max(told.values())
        opened = SimpleNamespace(open_envelope=lambda name, truth=truth: truth[name.removeprefix("surveys.")])
        names = lesson("gap = 0", **names | {"tea": opened})
        assert 0.795 < names["gap"].corr(names["habit"]) < 0.825
