"""Diverging bars. Referees: counting by hand, repeated rows, and what stands in the figure."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from crmlab import plot
from crmlab.survey import likert_table, plot_likert

ANSWERS = pd.DataFrame({"a": [1, 2, 2, 5, None], "b": [3, 3, 4, 4, 5], "w": [1, 1, 2, 0, 5]})


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def shares(table, item):
    return table[table["item"] == item].set_index("answer")["share"].to_dict()


def test_shares_are_counts_of_those_who_answered():
    table = likert_table(ANSWERS, (1, 5), ["a", "b"])
    assert shares(table, "a") == {1: 0.25, 2: 0.5, 3: 0, 4: 0, 5: 0.25}  # 3 and 4 are empty, and are listed
    assert table.groupby("item")["answered"].first().to_dict() == {"a": 4, "b": 5}
    assert table.groupby("item")["share"].sum().tolist() == [1, 1]


def test_weights_are_repeated_rows():
    repeated = ANSWERS.loc[ANSWERS.index.repeat(ANSWERS["w"])]
    weighted = likert_table(ANSWERS, (1, 5), ["a", "b"], weights="w").drop(columns="answered")
    pd.testing.assert_frame_equal(
        weighted, likert_table(repeated, (1, 5), ["a", "b"]).drop(columns="answered")
    )


@pytest.mark.parametrize(
    ("scale", "sides"), [((1, 5), "llnhh"), ((1, 4), "llhh"), ((0, 10), "lllllnhhhhh"), ((-2, 2), "llnhh")]
)
def test_only_an_odd_scale_has_a_neutral_step(scale, sides):
    table = likert_table(pd.DataFrame({"a": [scale[0]]}), scale)
    assert "".join(side[0] for side in table["side"]) == sides


def test_items_may_have_scales_of_their_own():
    table = likert_table(ANSWERS, {"a": (1, 5), "b": (1, 7)})
    assert table.groupby("item", sort=False).size().to_dict() == {"a": 5, "b": 7}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"answers": ANSWERS.assign(a=99)},
            r"5 of 5 answers to 'a' lie outside its scale 1 to 5: 99 \(5 times",
        ),
        ({"answers": ANSWERS.assign(a=1.5)}, "between its steps: 1.5"),
        ({"answers": ANSWERS.assign(a="good")}, "holds 'good' in row 0"),
        ({"answers": ANSWERS.assign(a=np.nan)}, "Nobody answered 'a'"),
        ({"weights": [0, 0, 0, 0, 5]}, "All who answered 'a' have weight 0"),
        ({"weights": [-1, 1, 1, 1, 1]}, "negative; the first is -1 in row 0"),
        ({"weights": [0] * 5}, "All weights are 0"),
        ({"weights": [np.nan, 1, 1, 1, 1]}, "the first is nan in row 0"),
        ({"answers": ANSWERS.head(0)}, "not a single respondent"),
        ({"items": ["x"]}, "There is no column 'x'"),
        ({"scale": (5, 1)}, "scale is the lowest and the highest answer"),
        ({"scale": (1, 2.5)}, "whole"),
        ({"scale": {"b": (1, 5)}}, "There is no scale for the item 'a'"),
    ],
)
def test_wrong_input_is_refused(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        likert_table(**({"answers": ANSWERS, "scale": (1, 5), "items": ["a", "b"]} | change))


def bars(ax):
    return [(patch.get_x(), patch.get_width(), round(patch.get_y() + 0.4)) for patch in ax.patches]


def test_bars_meet_at_the_middle_line():
    ax = plot_likert(likert_table(ANSWERS, (1, 5), ["b"]))  # 40 % neutral, 60 % high
    drawn = bars(ax)
    assert min(x for x, width, _ in drawn if width) == pytest.approx(-0.2)
    assert max(x + width for x, width, _ in drawn) == pytest.approx(0.8)
    assert [text.get_text() for text in ax.texts] == ["0 %", "60 %"]


def test_neutral_apart_leaves_the_line_to_those_who_took_a_side():
    ax = plot_likert(likert_table(ANSWERS, (1, 5), ["b"]), neutral="apart")
    ends = [x for x, width, _ in bars(ax) if width]
    assert min(ends) == 0 and max(ends) > 0.6  # the block of neutral answers stands beyond the bars
    assert [text.get_text() for text in ax.texts] == ["0 %", "60 %", "40 %"]
    assert "neutral apart" in ax.get_xlabel()


def test_order_and_labels():
    table = likert_table(ANSWERS, (1, 5), ["a", "b"])
    ax = plot_likert(table, order="high", labels={"b": "The tea"})
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["The tea", "a"]
    assert "b: 0% low, 60% high" in plot.alternative(ax.figure)
    own = plt.figure().gca()
    assert plot_likert(table, ax=own) is own and not own.figure.get_label()
    for wrong in ({"neutral": "left"}, {"order": "up"}):
        with pytest.raises(ValueError, match="There is no"):
            plot_likert(table, **wrong)
    with pytest.raises(ValueError, match="likert_table"):
        plot_likert(table.drop(columns="side"))
