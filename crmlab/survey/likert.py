"""Answers on a scale as diverging bars: which share of the respondents stands on which side."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb

from crmlab import plot
from crmlab._tables import as_pandas, drawn_table, look_up, require_columns
from crmlab._weights import respondent_weights
from crmlab.survey._answers import answers as read
from crmlab.survey._answers import checked_scale

_SIDES = ("low", "neutral", "high")
_NEUTRAL = "#b4bcc4"


def likert_table(
    answers: Any,
    scale: tuple[float, float] | Mapping[str, tuple[float, float]],
    items: Sequence[str] | None = None,
    weights: Any = None,
) -> pd.DataFrame:
    """Return the share of the respondents on each step of each item's scale.

    Parameters
    ----------
    answers : table
        One row per respondent, a column per item; missing answers are left out item by item.
    scale : (lowest, highest), or a dict of them by item
        Whole numbers. Every step between is listed, also one that nobody chose.
    items : sequence of str, optional
        The items, in this order; without them all columns, or those that `scale` names.
    weights : column name or sequence of float, optional
        What each respondent counts for.

    Returns
    -------
    DataFrame
        Columns ``item``, ``answer`` (a step of the scale), ``share`` (of the weight of those who answered the
        item; 1 in sum), ``side`` ("low", "neutral" or "high": below, on or above the middle of the scale; a
        scale with an even number of steps has no neutral one) and ``answered`` (number of answers).

    Raises
    ------
    ValueError
        An item is no column, an answer is no step of its scale, nobody answered, weights are negative,
        missing or all zero, also among those who answered one item.

    Examples
    --------
    >>> likert_table(pd.DataFrame({"like": [1, 2, 2, 5]}), scale=(1, 5))
       item  answer  share     side  answered
    0  like       1   0.25      low         4
    1  like       2   0.50      low         4
    2  like       3   0.00  neutral         4
    3  like       4   0.00     high         4
    4  like       5   0.25     high         4
    """
    frame = as_pandas(answers)
    if items is None:
        items = (
            list(scale) if isinstance(scale, Mapping) else [one for one in frame.columns if one != weights]
        )
    require_columns(frame.columns, items)
    scales = [look_up_scale(scale, name) for name in items]
    given = read(frame, items, scales, whole=True)
    weight = respondent_weights(frame, weights)
    parts = [_shares(given[name], ends, weight) for name, ends in zip(items, scales, strict=True)]
    return pd.concat(parts, ignore_index=True)


def look_up_scale(scale: Any, name: str) -> tuple[int, int]:
    """Return the ends of an item's scale, checked.

    Examples
    --------
    >>> look_up_scale((1, 5), "like")
    (1, 5)
    """
    ends = look_up("scale for the item", name, scale) if isinstance(scale, Mapping) else scale
    low, high = checked_scale(ends)
    if low % 1 or high % 1 or high - low > 20:
        raise ValueError(f"The scale of {name!r} is (lowest, highest), whole, up to 21 steps; got {ends!r}.")
    return int(low), int(high)


def _shares(column: pd.Series, scale: tuple[int, int], weight: np.ndarray) -> pd.DataFrame:
    name, steps = column.name, np.arange(scale[0], scale[1] + 1)
    given = column.notna().to_numpy()
    total = weight[given].sum()
    if not total:
        raise ValueError(f"All who answered {name!r} have weight 0: leave the item out.")
    place = column[given].to_numpy(int) - scale[0]
    share = np.bincount(place, weight[given], len(steps)) / total
    side = np.sign(steps - sum(scale) / 2).astype(int) + 1
    return pd.DataFrame(
        {
            "item": name,
            "answer": steps,
            "share": share,
            "side": np.take(_SIDES, side),
            "answered": given.sum(),
        }
    )


def plot_likert(
    table: pd.DataFrame,
    neutral: str = "middle",
    labels: Mapping[str, str] | None = None,
    order: str = "given",
    ax: Axes | None = None,
) -> Axes:
    """Draw diverging bars: low answers to the left of the middle line, high ones to the right.

    Parameters
    ----------
    table : DataFrame
        As from :func:`likert_table`.
    neutral : str
        "middle": neutral answers stand astride the middle line, half on either side. "apart": they stand in a
        block of their own at the right, so that only those who took a side meet at the line.
    labels : dict of str, optional
        What to write for an item.
    order : str
        "given", or "high": the item with the largest share of high answers on top.
    ax : Axes, optional

    Returns
    -------
    Axes
        At the ends of each bar stand the shares of all low and all high answers.

    Examples
    --------
    >>> ax = plot_likert(likert_table(pd.DataFrame({"like": [1, 2, 2, 5]}), scale=(1, 5)))
    >>> [text.get_text() for text in ax.texts]
    ['75 %', '25 %']
    """
    table = drawn_table(table, ("item", "answer", "share", "side"), "likert_table")
    look_up("place for neutral answers", neutral, dict.fromkeys(("middle", "apart")))
    look_up("order", order, dict.fromkeys(("given", "high")))
    sides = table.groupby(["item", "side"], sort=False)["share"].sum().unstack(fill_value=0.0)
    sides = sides.reindex(columns=list(_SIDES), fill_value=0.0)
    if order == "high":
        sides = sides.sort_values("high", ascending=False, kind="stable")
    own, ax = ax is None, plot.axes(ax, figsize=(7, 1.1 + 0.42 * len(sides)))
    apart = neutral == "apart"
    left = sides["low"] + (0 if apart else sides["neutral"] / 2)
    right = sides["high"] + (0 if apart else sides["neutral"] / 2)
    block = right.max() + 0.14
    for row, (name, side) in enumerate(sides.iterrows()):
        mine = table[table["item"] == name]
        drawn = mine[mine["side"] != "neutral"] if apart else mine
        ends = drawn["share"].cumsum() - left[name]
        for end, (_, step) in zip(ends, drawn.iterrows(), strict=True):
            ax.barh(
                row, step["share"], left=end - step["share"], color=_colour(step, mine), ec="white", lw=0.8
            )
        ax.text(-left[name] - 0.01, row, f"{side['low']:.0%}".replace("%", " %"), ha="right", va="center")
        ax.text(right[name] + 0.01, row, f"{side['high']:.0%}".replace("%", " %"), ha="left", va="center")
        if apart and side["neutral"]:
            ax.barh(row, side["neutral"], left=block, color=_NEUTRAL, ec="white", lw=0.8)
            middle = block + side["neutral"] + 0.01
            ax.text(middle, row, f"{side['neutral']:.0%}".replace("%", " %"), ha="left", va="center")
    ax.axvline(0, color=plot.INK, lw=1)
    names = [plot.label((labels or {}).get(name, str(name))) for name in sides.index]
    ax.set_yticks(range(len(sides)), names)
    ax.set_ylim(len(sides) - 0.4, -0.6)
    farthest = (block + sides["neutral"].max() if apart and sides["neutral"].any() else right.max()) + 0.12
    ax.set_xlim(-left.max() - 0.18, farthest)
    ax.set_xticks([])
    ax.grid(False)
    about = "share of answers: low to the left, high to the right"
    if apart and sides["neutral"].any():
        about += "; neutral apart"
    if own:  # ten bars an item would be read out one by one
        shares = (
            f"{name}: {side['low']:.0%} low, {side['high']:.0%} high" for name, side in sides.iterrows()
        )
        plot.describe(ax, f"Bars to either side of a line: {'; '.join(shares)}.")
    return plot.annotate(ax, "How they answered", about, "")


def _colour(step: pd.Series, item: pd.DataFrame) -> tuple[float, float, float]:
    """Return the colour of a step: grey in the middle, deeper towards either end of the scale."""
    if step["side"] == "neutral":
        return to_rgb(_NEUTRAL)
    middle = (item["answer"].min() + item["answer"].max()) / 2
    depth = abs(step["answer"] - middle) / (item["answer"].max() - middle)
    full = np.array(to_rgb(plot.PALETTE[1] if step["side"] == "low" else plot.PALETTE[0]))
    red, green, blue = 1 - (0.35 + 0.65 * depth) * (1 - full)
    return red, green, blue
