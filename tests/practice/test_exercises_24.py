"""Exercise 24. Referees: statsmodels, loops in plain Python, scipy's bootstrap, raking by a plain loop."""

from collections import Counter, defaultdict
from math import sqrt

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from crmlab import practice, survey

STUDENTS = ["ann", "bob", "eve"]


@pytest.fixture(scope="module")
def exercise():
    return practice.load("24")


@pytest.fixture(scope="module")
def all_drawn(exercise):
    return [practice.Drawn(exercise, "key", student, small=True) for student in STUDENTS]


def verdict(drawn, number, answer):
    return drawn.verdict(number, drawn.form(number).plain(answer))


def points(answer):
    return 100 * (answer >= 9) - 100 * (answer <= 6)


def test_lower_end_by_statsmodels_and_by_the_package(all_drawn):
    for one in all_drawn:
        given, top = [x for x in one.given.guests["answer"] if x == x], one.given.top
        count = sum(x >= top - 1 for x in given)
        low, high = proportion_confint(count, len(given), method="wilson")
        assert one.key("24.1").right == pytest.approx(low, abs=1e-4)
        assert verdict(one, "24.1", round(low, 3)).outcome == "right"
        found = survey.top_box(one.given.guests, "answer", (1, top))
        assert verdict(one, "24.1", found["low"].item()).outcome == "right"
        assert verdict(one, "24.1", high).mistake == "the_other_end"
        wald, _ = proportion_confint(count, len(given), method="normal")
        assert verdict(one, "24.1", wald).mistake == "textbook_interval"
        exact, _ = proportion_confint(count, len(given), method="beta")
        assert verdict(one, "24.1", exact).mark == 0  # another interval, and not the one asked for


def test_score_by_loop(all_drawn):
    for one in all_drawn:
        rows = [row for row in one.given.rounds.itertuples() if row.round == 1]
        score = sum(points(row.recommend) for row in rows) / len(rows)
        assert one.key("24.2").right == pytest.approx(score)
        assert verdict(one, "24.2", round(score, 1)).outcome == "right"
        assert verdict(one, "24.2", -score).mistake == "detractors_first"
        assert verdict(one, "24.2", score / 100).mistake == "as_a_share"


def test_change_by_scipys_bootstrap_and_by_every_method_of_the_package(all_drawn):
    for one in all_drawn:
        rounds, said = one.given.rounds, one.key("24.3").right
        first, second = (points(part["recommend"].to_numpy()) for _, part in rounds.groupby("round"))
        made = stats.bootstrap(
            (second, first), lambda a, b, axis: a.mean(axis=axis) - b.mean(axis=axis),
            n_resamples=2000, method="percentile", rng=1,
        ).confidence_interval  # fmt: skip
        ends = [(made.low, made.high)]
        for method in ("adjusted", "wald", "bootstrap"):
            found = survey.score_difference(rounds, "recommend", "round", method=method)
            ends.append((found["low"], found["high"]))
        for low, high in ends:
            assert said == ("it rose" if low > 0 else "it fell" if high < 0 else "it cannot be said")


def by_group(wave, column):
    asked, answered = Counter(wave[column]), Counter()
    for row in wave.itertuples():
        answered[getattr(row, column)] += row.recommend == row.recommend
    return asked, answered


def test_weights_by_loop_rounded_and_upside_down(all_drawn):
    for one in all_drawn:
        asked, answered = by_group(one.given.wave, "lately")
        table = pd.Series({name: asked[name] / answered[name] for name in asked}, name="weight")
        table = table.rename_axis("lately")
        told = one.key("24.4").right["columns"]
        assert dict(zip(told["lately"], told["weight"], strict=True)) == pytest.approx(table.to_dict())
        assert verdict(one, "24.4", table.round(2)).outcome == "right"
        assert verdict(one, "24.4", 1 / table).mistake == "share_who_answered"
        assert verdict(one, "24.4", table - 1).mistake == "silent_by_answered"


def test_raked_score_and_effective_number_by_a_plain_loop(all_drawn):
    for one in all_drawn:
        wave = one.given.wave
        rows = [row for row in wave.itertuples() if row.recommend == row.recommend]
        weights = [1.0] * len(rows)
        for _ in range(300):
            for column in ("lately", "orders"):
                held = defaultdict(float)
                for weight, row in zip(weights, rows, strict=True):
                    held[getattr(row, column)] += weight
                asked = Counter(wave[column])
                weights = [
                    weight * asked[getattr(row, column)] / held[getattr(row, column)]
                    for weight, row in zip(weights, rows, strict=True)
                ]
        score = sum(w * points(row.recommend) for w, row in zip(weights, rows, strict=True)) / sum(weights)
        assert one.key("24.5").right == pytest.approx(score, abs=1e-6)
        assert verdict(one, "24.5", round(score, 1)).outcome == "right"
        number = sum(weights) ** 2 / sum(w * w for w in weights)
        assert one.key("24.6").right == pytest.approx(number, abs=1e-4)
        assert verdict(one, "24.6", round(number)).outcome == "right"
        assert verdict(one, "24.6", len(rows)).mistake == "all_answers"


def test_raking_that_stops_and_weights_of_cells_are_told(all_drawn):
    """Referee: the two columns set right one after the other, and each pair of groups by itself."""
    for one in all_drawn:
        wave = one.given.wave
        rows = wave.dropna(subset=["recommend"]).assign(points=lambda table: table["recommend"].map(points))
        for columns in (["lately", "orders"], ["orders", "lately"]):
            weights = pd.Series(1.0, rows.index)
            for column in columns:
                held = weights.groupby(rows[column]).transform("sum")
                weights *= rows[column].map(wave.groupby(column).size()) / held
            score = (weights * rows["points"]).sum() / weights.sum()
            assert verdict(one, "24.5", score).mistake.startswith("one_round")
        asked = wave.groupby(["lately", "orders"]).size()
        cells = rows.groupby(["lately", "orders"])["points"].agg(["mean", "size"])
        score = (cells["mean"] * asked).sum() / asked[cells.index].sum()
        assert verdict(one, "24.5", score).mistake == "cell_by_cell"
        equal = asked[cells.index].sum() ** 2 / (asked**2 / cells["size"]).sum()
        assert verdict(one, "24.6", equal).mistake == "weights_of_cells"


@pytest.mark.parametrize("spread", ["all answers", "months that are judged"])
def test_months_beyond_their_limits_by_loop(all_drawn, spread):
    for one in all_drawn:
        months = defaultdict(list)
        for row in one.given.after.itertuples():
            months[row.answered_on.year, row.answered_on.month].append(points(row.recommend))
        judged = {month: given for month, given in months.items() if len(given) >= 15}
        base = np.concatenate(list((judged if spread.startswith("months") else months).values()))
        beyond = [
            month
            for month, given in judged.items()
            if abs(sum(given) / len(given) - base.mean()) > 3 * base.std() / sqrt(len(given))
        ]
        assert one.key("24.7").right == len(beyond)
        falls = sum(
            b < a for a, b in zip(*(list(map(np.mean, judged.values()))[k:] for k in (0, 1)), strict=False)
        )
        assert verdict(one, "24.7", falls).mistake == "every_fall"


def test_nothing_given_is_a_right_answer_and_nobody_shares_one(all_drawn):
    rights = []
    for one in all_drawn:
        sizes = [len(value) for value in one.given.values().values() if isinstance(value, pd.DataFrame)]
        rights.append([one.key(f"24.{number}").right for number in (1, 2, 5, 6)])
        for number, right in zip((1, 2, 5, 6), rights[-1], strict=True):
            assert not any(one.form(f"24.{number}").agrees(value, right) for value in sizes)
        assert list(one.given.wave) == ["customer_id", "lately", "orders", "recommend"]
    assert all(len(set(answers)) == len(STUDENTS) for answers in zip(*rights, strict=True))


def test_each_verdict_on_the_change_is_right_for_about_a_third_of_students(exercise):
    names = ["it rose", "it fell", "it cannot be said"]
    said = Counter(
        practice.variant("key", exercise.name, f"s{number}").choice("change", names) for number in range(300)
    )
    assert all(70 < said[name] < 130 for name in names)
