"""Lesson 28. Referees: the package, counts by hand, Bayes' rule, six other companies."""

from itertools import pairwise

import nbformat
import numpy as np
import pandas as pd
import pytest

from crmlab import company, course, datasets, survey

NOTEBOOK = nbformat.read(course.ROOT / "notebooks" / "28_must_haves.ipynb", as_version=4)
CELLS = {cell.id.removeprefix("l28-"): cell.source for cell in NOTEBOOK.cells if cell.cell_type == "code"}
FEATURES = ["must_be", "one_dimensional"]


def lesson(*cells: str, **names):
    """Run cells of the lesson, named by what follows l28- in their ids."""
    names = {"np": np, "pd": pd, "survey": survey, "rng": np.random.default_rng(28)} | names
    for cell in cells:
        exec(CELLS[cell], names)
    return names


@pytest.fixture(scope="module")
def tea():
    return company.simulate(customers=1_500, rng=3)


def test_the_lessons_categories_and_better_and_worse_are_the_packages(tea):
    names = lesson("one", "own", "kano", "lid-better", tea=tea)
    own, kano = names["own"], names["kano"]
    assert own.to_numpy() == pytest.approx(kano.loc[own.index, FEATURES].to_numpy(), abs=1e-12)
    assert names["better"] == pytest.approx(kano.loc["tight_lid", "better"])
    assert names["worse"] == pytest.approx(kano.loc["tight_lid", "worse"])


def test_the_lessons_resampling_agrees_with_what_stays(tea):
    names = lesson("one", "own", "kano", "resample", tea=tea)
    kano = names["kano"].loc["harvest_date"]
    stayed = pd.Series(names["most"]).eq(kano["category"]).mean()
    assert stayed == pytest.approx(kano["stays"], abs=4 * np.sqrt(0.25 / 200))


def test_the_lessons_counts_of_best_and_worst_are_the_packages(tea):
    names = lesson("task", "count-one", "count-all", "counts", tea=tea)
    score = names["score"].astype(float)
    assert names["counts"]["score"].to_dict() == pytest.approx(score.to_dict())
    # each feature is shown four times to whoever left no task out
    whole = names["best_worst"].groupby("customer_id")["task"].nunique() == 13
    kept = names["best_worst"][names["best_worst"]["customer_id"].isin(whole.index[whole])]
    assert (kept.groupby(["customer_id", "feature"], observed=True).size() == 4).all()


def test_three_of_three_is_bayes_rule():
    names = lesson("two-kinds", "three-of-three")
    of_those = names["three_times"] / names["three_times"].sum()
    assert of_those.tolist() == pytest.approx([0.8**3 / (0.8**3 + 0.2**3), 0.2**3 / (0.8**3 + 0.2**3)])


def test_customers_drawn_from_the_bells_pay_as_the_package_says(tea):
    names = lesson("task", "counts", "mixed", "individual", "below", "would-pay", tea=tea)
    money = names["mixed"].willingness_to_pay(alpha=None).loc["single_garden"]
    drawn = names["would_pay"]
    assert drawn.mean() == pytest.approx(money["estimate"], abs=4 * drawn.std() / np.sqrt(20_000))
    assert drawn.std() == pytest.approx(money["sd"], rel=0.1)


def test_true_boxes_are_those_of_a_loop_over_customers(tea):
    cells = ["one", "own", "kano", "task", "count-all", "counts", "logit", "mixed", "plain", "individual"]
    cells += ["below", "would-pay", "boxes", "every", "as-extra", "anchor", "range", "commit", "open"]
    names = lesson(*cells, "true-features", "true-boxes", "truly-below", tea=tea)
    boxes, true = names["offers"], names["true"]
    for place in (3, 10):
        price, ticked = boxes["price"][place], 0
        people = names["year"]["customer_id"].unique()
        for customer in people:
            garden, dollar = true["worth_single_garden"][customer], -true["worth_price"][customer]
            ticked += garden > price * dollar
        assert boxes["truth"][place] == pytest.approx(1000 * ticked / len(people) * (price - 0.8))
    brought, box = 0, names["best_offer"]
    for garden, dollar in zip(true["worth_single_garden"], -true["worth_price"], strict=True):
        in_tin, left = (np.exp(garden - box * dollar), 7 + box - 0.8) if garden > box * dollar else (1, 7)
        brought += in_tin / (1 + in_tin) * left
    assert names["truly_brings"][0] == pytest.approx(1000 * brought / len(true["worth_price"]))
    assert names["profit"](0, 7) == 3_500  # a plain tin


def test_the_lessons_draws_of_customers_agree_with_the_packages_intervals(tea):
    names = lesson("task", "counts", "third", tea=tea)
    counts = names["counts"]
    shown = names["best_worst"].groupby("feature", observed=True).size()
    drawn = pd.DataFrame(
        [names["of_each"].sample(frac=1, replace=True, random_state=dice).sum() for dice in range(400)]
    )
    width = (counts["high"] - counts["low"]) / 2 / 1.96
    assert (drawn / shown).std().to_numpy() == pytest.approx(width[shown.index].to_numpy(), rel=0.2)
    assert names["of_each"].sum().div(shown).nlargest(3).index[2] == pd.Series(names["third"]).mode()[0]


def test_worths_of_the_maxdiff_are_drawn_in_by_customers_who_differ_and_by_careless_ones():
    tea = company.simulate()  # the lesson's
    names = lesson("task", "counts", "logit", tea=tea)
    tea.commit("maxdiff.worth", 0, 1)
    own = tea.open_envelope("maxdiff.worth")
    shown, luck = names["best_worst"].reset_index(drop=True), np.random.default_rng(0)
    pairs = pd.MultiIndex.from_frame(shown[["customer_id", "feature"]].astype({"feature": str}))
    own.index = own.index.set_levels(own.index.levels[1].astype(str), level=1)
    truth = own.groupby(level=1).mean()
    truth -= truth.mean()
    task, worth = [shown["customer_id"], shown["task"]], own.reindex(pairs).to_numpy()

    def refit(worth):
        """Answer with these worths and nothing careless, by the points, and fit one rule."""
        for_best = pd.Series(worth + luck.gumbel(size=len(shown)))
        best = for_best == for_best.groupby(task).transform("max")
        for_worst = pd.Series(luck.gumbel(size=len(shown)) - worth).mask(best, -np.inf)
        worst = for_worst == for_worst.groupby(task).transform("max")
        answers = shown.assign(best=best, worst=worst)
        model = survey.MaxDiff(answers, names["keys"], "feature", "best", "worst", respondent="customer_id")
        return model.fit().worths()["worth"].astype(float)["complete_parcel"]

    differing = np.mean([refit(worth) for _ in range(5)])
    all_alike = np.mean([refit(truth[pairs.get_level_values(1)].to_numpy()) for _ in range(5)])
    assert all_alike == pytest.approx(truth["complete_parcel"], abs=0.06)
    assert names["worths"].loc["complete_parcel", "worth"] < differing - 0.03
    assert differing < all_alike - 0.05


def test_households_of_yogurt_have_tastes_of_their_own():
    names = lesson("yogurt", "yogurt-hits", datasets=datasets)
    found = pd.DataFrame(names["found"])
    assert found.loc["hit_rate", "mixed"] - found.loc["hit_rate", "one rule for all"] > 0.25
    assert found.loc["hit_rate", "equal shares"] == 0.25
    # simple rules, purchase by purchase: the brand that a household took most often, and last
    yogurt, frequent, last = names["yogurt"], [], []
    for _, rows in yogurt[yogurt["chosen"] == 1].sort_values("purchase").groupby("household"):
        brands = rows["brand"].astype(str).tolist()
        known = int(0.7 * len(brands) + 1e-9)
        favourite = max(sorted(set(brands)), key=brands[:known].count)
        frequent += [brand == favourite for brand in brands[known:]]
        last += [one == before for before, one in pairwise(brands[known - 1 :])]
    assert found.loc["hit_rate", "its most frequent brand"] == pytest.approx(np.mean(frequent))
    assert found.loc["hit_rate", "its last brand"] == pytest.approx(np.mean(last))
    assert round(np.mean(frequent), 2) == round(found.loc["hit_rate", "mixed"], 2) < np.mean(last) - 0.05


def test_averages_of_larger_crowds_come_no_nearer_together():
    dice, width = np.random.default_rng(0), {}
    for count in (1_000, 30_000):
        averages = (0.5 / -dice.normal(-0.48, 0.3, (400, count))).mean(axis=1)
        width[count] = np.subtract(*np.quantile(averages, [0.75, 0.25]))
    # an average that settles would bring them nearer by the root of 30, 5.5 times
    assert 0.7 < width[30_000] / width[1_000] < 1.4


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::crmlab._results.FitWarning")
def test_what_the_lesson_says_of_six_other_companies():
    skip = {"import", "start", "yogurt", "yogurt-hits", "no-mean", "crowds", "refused"}
    cells = [cell for cell in CELLS if cell not in skip and not cell.startswith("f-")]
    labels, lists, boxes, inside, ratios, typical, below, foretold = [], [], [], [], [], [], [], []
    thirds, widths = [], []
    for seed in range(1, 7):
        names = lesson(*cells, tea=company.simulate(rng=seed))
        labels.append(names["kano"]["category"].astype(str))
        lists.append(names["scored"]["score"].round(2))
        boxes.append(names["offer_scores"]["score"].round(2))
        inside.append(names["tea"].calibration()["inside"])
        ratios.append(names["both"].loc["price"] / names["price"].mean())
        typical.append(pd.DataFrame(names["found"]).loc["chance_of_chosen"])
        told = [(values < 0).mean() for values in (names["individual"]["single_garden"], names["crowd"])]
        below.append([*told, (names["true"]["worth_single_garden"] < 0).mean()])
        foretold.append(
            (names["foretold"].astype(float) - names["dollars"])[["complete_parcel", "tight_lid"]]
        )
        shrunk = names["from_average"].loc[["complete_parcel", "tight_lid"]].astype(float)
        assert (shrunk["MaxDiff"] < shrunk["truth"]).all()
        thirds.append(names["lists"]["MaxDiff"][2])
        widths.append((names["p"]["sd single_garden"].round(2), names["garden"].std().round(2)))
        # the extra against the garden in every tin; a cheaper box, if it brings new buyers
        brings, best_offer = names["brings"], names["best_offer"]
        assert names["every"].idxmax() == 0 and brings[best_offer] > names["every"].max()
        assert brings.idxmax() < 0.8 and brings.max() > brings[best_offer]
        dear, cheap = names["truly_brings"]
        assert cheap > dear > names["every_truly"]
        # answers slip: must-haves lose to indifferent what they do not win from one-dimensional
        table = names["table"].astype(int)
        assert table.loc["must_be", "All"] > table.loc["All", "must_be"]
        assert table.loc["must_be", "indifferent"] > 0.15 * table.loc["must_be", "All"]
        one_rule = names["offers"]["one rule"]
        boxes[-1]["nothing"] = float(one_rule.max() == 0)
        assert set(names["lists"]["would like it"]).isdisjoint({"tight_lid", "complete_parcel"})
        assert {"tight_lid", "complete_parcel"} <= set(names["lists"]["Kano"]) & set(
            names["lists"]["MaxDiff"]
        )
    labels, lists, boxes = pd.DataFrame(labels), pd.DataFrame(lists), pd.DataFrame(boxes)
    assert (labels["harvest_date"] == "attractive").sum() == 2
    assert (labels["harvest_date"] == "indifferent").sum() == 4
    assert (labels[["tight_lid", "complete_parcel"]] == "must_be").all(axis=None)
    ends = {name: (lists[name].min(), lists[name].max()) for name in ("MaxDiff", "Kano", "would like it")}
    assert ends == {"MaxDiff": (0.98, 1.00), "Kano": (0.97, 1.00), "would like it": (0.17, 0.21)}
    ends = {name: (boxes[name].min(), boxes[name].max()) for name in ("mixed", "individual", "one rule")}
    assert ends == {"mixed": (0.34, 0.97), "individual": (-0.60, 0.57), "one rule": (-1.38, -0.65)}
    assert ((boxes["mixed"] > boxes["individual"]) & (boxes["individual"] > boxes["one rule"])).all()
    assert boxes["nothing"].sum() == 2
    held = pd.DataFrame(inside).sum()
    missed = {f"kano.category: {name}" for name in ("must_be", "one_dimensional", "indifferent")}
    assert {name for name, count in held.items() if count == 0} == missed
    assert {count for name, count in held.items() if name not in missed} == {6}
    ratios = pd.DataFrame(ratios).round(2)
    assert (ratios["one rule for all"].min(), ratios["one rule for all"].max()) == (0.81, 0.88)
    assert (ratios["mixed"].min(), ratios["mixed"].max()) == (0.95, 1.04)
    assert ((ratios["mixed"] - 1).abs() < (ratios["one rule for all"] - 1).abs()).all()
    typical = pd.DataFrame(typical)
    assert (typical["mixed"] > typical["one rule for all"]).sum() == 5
    below = pd.DataFrame(below).round(2)
    assert below.min().tolist() == [0.00, 0.16, 0.24] and below.max().tolist() == [0.14, 0.29, 0.25]
    assert (pd.DataFrame(foretold) < 0).all(axis=None)
    assert pd.Series(thirds).value_counts().to_dict() == {"tasting_sample": 4, "quick_answer": 2}
    narrow = boxes["mixed"].argmin()
    assert widths[narrow] == (0.42, 0.59)
    assert below.loc[narrow, 1] < below.loc[narrow, 2] - 0.05
