"""Lesson 46. Referees: scikit-learn, SciPy, counts by hand, and six companies for its claims."""

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.special import expit, logsumexp
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from crmlab._paths import ROOT
from tests.value.test_lessons import cell_with, cells

LESSON = "46_segments"


def written(name, **given):
    """Return the function of this name that the lesson writes."""
    names = {"np": np, "pd": pd, **given}
    exec(cell_with(LESSON, f"def {name}"), names)
    return names[name]


@pytest.mark.parametrize("groups", [2, 3])
def test_k_means_in_ten_lines_is_scikit_learns(groups):
    rng = np.random.default_rng(groups)
    centres = rng.standard_normal((groups, 1, 2)) * 4
    z = (centres + rng.standard_normal((groups, 60, 2))).reshape(-1, 2)
    k_means = written("k_means")
    for _ in range(10):
        start = rng.choice(z, groups, replace=False)
        labels, left = k_means(z, start)
        theirs = KMeans(groups, init=start, n_init=1, tol=0, algorithm="lloyd").fit(z)
        assert adjusted_rand_score(labels, theirs.labels_) == 1
        assert left == pytest.approx(theirs.inertia_, rel=1e-9)


def test_k_means_keeps_a_centre_that_everybody_leaves_and_its_input():
    z = np.random.default_rng(57).standard_normal((12, 2)) ** 3
    start = np.vstack([z[:3], [[99.0, 99.0]]])
    nearest, left = written("k_means")(z, start)
    assert np.isfinite(left) and nearest.max() < 3 and start[3, 0] == 99


def test_a_cloud_has_the_same_columns_and_ties_and_no_groups():
    rng = np.random.default_rng(3)
    a = rng.gamma(2, 3, 4000)
    table = pd.DataFrame({"a": a, "b": a + rng.gamma(2, 3, 4000)})
    made = written("cloud")(table, rng)
    for name in table:
        assert sorted(made[name]) == sorted(table[name])
    assert made.corr().loc["a", "b"] == pytest.approx(table.corr().loc["a", "b"], abs=0.05)
    assert not made.equals(table)


def test_classes_have_the_greatest_likelihood():
    """With two kinds a class is the chance of the first: SciPy finds the same."""
    rng = np.random.default_rng(5)
    first = rng.binomial(6, np.where(rng.random(300) < 0.4, 0.85, 0.2))
    bought = np.column_stack([first, 6 - first]).astype(float)

    def misfit(at):
        chance, share = expit(at[:2]), np.array([expit(at[2]), 1 - expit(at[2])])
        return -logsumexp(bought @ np.log([chance, 1 - chance]) + np.log(share), axis=1).sum()

    begin = np.column_stack([first > 3, first <= 3]).astype(float)
    share, chances = written("latent_classes")(bought, begin, turns=2000)
    size = share.mean(axis=0)
    ours = logsumexp(bought @ np.log(chances).T + np.log(size), axis=1).sum()
    theirs = max(-minimize(misfit, start, options={"gtol": 1e-8}).fun for start in ([2, -1, 0], [1, 0, -1]))
    assert ours == pytest.approx(theirs, abs=1e-5)
    assert share.sum(axis=1) == pytest.approx(1)


def play(seed):
    """Run the lesson from the company on, pictures and the package's slow fit left out."""
    names = {"np": np, "pd": pd, "plt": plt, "rng": np.random.default_rng(46), "print": lambda *_: None}
    names["adjusted_rand_score"] = adjusted_rand_score
    exec("from crmlab import company, value", names)
    sources = [cell.source for cell in cells(LESSON)]
    begin = next(place for place, source in enumerate(sources) if "def latent_classes" in source)
    for source in sources[begin:]:
        if "plt.show" not in source and "package" not in source:
            exec(source.replace("company.simulate()", f"company.simulate(rng={seed})"), names)
    return names


def table_of_six():
    """Return the rows of the table at the end: first our company, then the six others."""
    notebook = nbformat.read(ROOT / "notebooks" / f"{LESSON}.ipynb", as_version=4)
    fold = next(cell.source for cell in notebook.cells if "In six other companies" in cell.source)
    rows = [
        line.replace("−", "-").strip("| ").split(" | ") for line in fold.splitlines() if line.startswith("| ")
    ]
    return {name: numbers for name, *numbers in rows[1:]}


def test_what_the_lesson_says_of_six_companies_is_in_its_table():
    rows = table_of_six()
    leads, spread, groups = ([int(one) for one in row] for name, row in rows.items() if "lead of" in name)
    first, second = (row for name, row in rows.items() if "the test says" in name)
    assert first == ["yes" if ours > theirs else "no" for ours, theirs in zip(leads, spread, strict=True)]
    assert second == ["yes" if ours < theirs else "no" for ours, theirs in zip(leads, groups, strict=True)]
    assert first[1:].count("no") == 3 and set(second) == {"yes"}
    for measure in ("hidden article", "score"):
        classes, *plain = (
            np.array(rows[f"{measure}: {name}"], float)
            for name in ("classes of taste", "one kind for all", "groups by spend")
        )
        assert (classes > plain).all()


@pytest.mark.parametrize("count", [2, 4])
def test_another_number_of_classes_as_the_exercise_asks(count):
    names = {"np": np, "pd": pd, "plt": plt, "rng": np.random.default_rng(46)}
    exec("from crmlab import company, value", names)
    sources = [cell.source for cell in cells(LESSON)]
    begin, end = (
        next(place for place, source in enumerate(sources) if words in source)
        for words in ("def latent_classes", "race = ")
    )
    for source in sources[begin : end + 1]:
        if "plt.show" not in source:
            lines = [line for line in source.splitlines() if not line.startswith("names = ")]
            if "count=3" in source:
                lines.insert(-3, f'names = [f"class {{number}}" for number in range({count})]')
            exec("\n".join(lines).replace("count=3", f"count={count}"), names)
    assert names["taste"].nunique() == count
    assert names["race"]["classes of taste"] > names["race"]["by lot"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 7))
def test_in_six_companies(seed):
    names = play(seed)
    race, dollar, scores, shops = (names[one] for one in ("race", "dollar", "scores", "shops"))
    plain = ["one kind for all", "groups by spend"]
    assert race["classes of taste"] > race[[*plain, "by lot"]].max()
    assert scores["classes of taste"] > scores[plain].max() + 0.1
    assert abs(scores["classes of taste"] - scores["own six articles"]) < 0.1
    assert scores["true segments"] > scores["classes of taste"] + 0.05
    # race and envelope agree up to luck: of draws by the true chances, half of what holds 95 is 1.96 errors
    error = (names["usual"]["to"] - names["usual"]["from"]) / 3.92
    assert ((dollar["hidden article"] - dollar["true chances"]).abs() < 3.3 * error).all()
    below = names["ours_lead"] < shops.loc["three groups", "lowest"]
    above = names["ours_lead"] > shops.loc["one spread", "highest"]
    assert below and names["kind_of"].nunique() == 4
    assert above == (seed in (1, 3, 5))  # the lesson says: in three of six it did not say "not this spread"
    leads = [names["ours_lead"], shops.loc["one spread", "highest"], shops.loc["three groups", "lowest"]]
    says = ["yes" if one else "no" for one in (above, below)]
    rows = table_of_six()
    assert [rows[name][seed] for name in rows if "lead of" in name] == [f"{one:.0f}" for one in leads]
    assert [rows[name][seed] for name in rows if "the test says" in name] == says
    for name, column in {"hidden article": race.drop("by lot"), "score": scores}.items():
        for row, number in column.items():
            assert float(rows[f"{name}: {row}"][seed]) == pytest.approx(
                number, abs=0.51 if number > 1 else 0.0051
            )


def test_the_six_articles_and_the_hidden_one_come_as_the_envelope_says():
    """Not so with all lines and launched teas: of the last articles of all, one in eight was such a tea."""
    names, sources = (
        {"np": np, "pd": pd, "rng": np.random.default_rng(1)},
        [one.source for one in cells(LESSON)],
    )
    exec("from crmlab import company", names)
    for words in ("tea = company.simulate()", "hidden = one.set_index"):
        exec(next(source for source in sources if words in source), names)
    truth = names["tea"]._truth["customers"].set_index("customer_id").loc[names["bought"].index]
    for kind in names["bought"]:
        chance = truth[f"affinity_{kind}"]
        error = np.sqrt((chance * (1 - chance)).sum())
        assert abs((names["hidden"] == kind).sum() - chance.sum()) < 3.5 * error
        assert abs(names["bought"][kind].sum() - 6 * chance.sum()) < 3.5 * np.sqrt(6) * error
