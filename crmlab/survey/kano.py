"""Kano's two questions about a feature: must it be there, does it delight, or is it all the same?"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from crmlab._arguments import generator
from crmlab._intervals import wilson
from crmlab._tables import as_pandas, refuse, require_columns, whole_number
from crmlab.survey._choices import column_list

_ANSWERS = ("like", "expect", "neutral", "tolerate", "dislike")
# In the order that breaks a tie: what is missed most comes first.
_CATEGORIES = ["must_be", "one_dimensional", "attractive", "indifferent", "reverse", "questionable"]
# By the answer with the feature (row) and without it (column), as places in the list above.
_TABLE = np.array(
    [[5, 2, 2, 2, 1], [4, 3, 3, 3, 0], [4, 3, 3, 3, 0], [4, 3, 3, 3, 0], [4, 4, 4, 4, 5]]
)  # fmt: skip


def kano_categories(
    data: Any,
    functional: str = "functional",
    dysfunctional: str = "dysfunctional",
    answers: Sequence[Any] = _ANSWERS,
) -> pd.Series:
    """Return what a feature is to whoever answered, by the standard table of five answers by five.

    Parameters
    ----------
    data : DataFrame
        A row for each person and feature; of any table engine.
    functional, dysfunctional : str
        Columns with the feeling if the feature is there, and if it is not.
    answers : sequence
        The five answers, from *I like it* over *I expect it*, *neutral*, *I can live with it* to *I dislike
        it*, as they stand in the columns.

    Returns
    -------
    Series of categories
        By the rows of `data`: ``must_be`` (expected, missed if not there), ``one_dimensional`` (liked, missed
        if not there), ``attractive`` (liked, not missed), ``indifferent``, ``reverse`` (not wanted) or
        ``questionable`` (liked or disliked both ways). Missing where one of the two answers is missing.

    Raises
    ------
    ValueError
        An answer outside the five.

    References
    ----------
    Kano, N., Seraku, N., Takahashi, F. & Tsuji, S. (1984). Attractive quality and must-be quality. Journal of
    the Japanese Society for Quality Control 14(2), 147–156. https://doi.org/10.20684/quality.14.2_147
    Sauerwein, E., Bailom, F., Matzler, K. & Hinterhuber, H. H. (1996). The Kano model: how to delight your
    customers. International Working Seminar on Production Economics, Innsbruck, 313–327.

    Examples
    --------
    >>> data = pd.DataFrame({"functional": ["like", "expect", "like"],
    ...                      "dysfunctional": ["neutral", "dislike", None]})
    >>> kano_categories(data).tolist()
    ['attractive', 'must_be', nan]
    """
    table = as_pandas(data)
    require_columns(table.columns, column_list([functional, dysfunctional], "functional, dysfunctional"))
    known = pd.Index([]) if np.ndim(answers) != 1 else pd.Index(answers)  # a set has no order
    if len(known) != 5 or known.has_duplicates or known.hasnans:
        raise ValueError(f"The table has five different answers, from like to dislike; got {answers!r}.")
    told = {}
    for column in (functional, dysfunctional):
        told[column] = known.get_indexer(table[column].astype(object))
        outside = (told[column] < 0) & table[column].notna().to_numpy()
        refuse(table, outside, f"a {column!r} that is none of the five answers {list(answers)}")
    there, missing = told.values()
    codes = np.where((there < 0) | (missing < 0), -1, _TABLE[there, missing])
    return pd.Series(pd.Categorical.from_codes(codes, _CATEGORIES), table.index, name="category")


def kano(
    data: Any,
    feature: str = "feature",
    functional: str = "functional",
    dysfunctional: str = "dysfunctional",
    respondent: str | None = None,
    answers: Sequence[Any] = _ANSWERS,
    alpha: float = 0.05,
    draws: int = 2_000,
    rng: Any = 0,
) -> pd.DataFrame:
    """Return for each feature the share of each category, which one is most frequent, and how sure that is.

    Parameters
    ----------
    data : DataFrame
        A row for each person and feature; of any table engine.
    feature, functional, dysfunctional : str
        Columns with the feature and with the feeling if it is there, and if it is not. A row in which one of
        the two answers is missing does not count.
    respondent : str, optional
        Column that says who answers; whoever answers twice about a feature is then refused.
    answers : sequence
        As in :func:`kano_categories`.
    alpha : float
        One minus the level of the intervals.
    draws, rng
        For the bootstrap.

    Returns
    -------
    DataFrame
        A row for each feature: ``answers`` (their number), the shares ``must_be``, ``one_dimensional``,
        ``attractive``, ``indifferent``, ``reverse`` and ``questionable``; ``category``, the most frequent
        (of several the first in this order); ``stays``, in which share of the draws of as many persons with
        replacement that is again the most frequent; ``better`` = (attractive + one-dimensional) / (those two
        + must-be + indifferent), the share whom the feature pleases, with Wilson's interval ``better_low`` to
        ``better_high``; and ``worse`` = −(one-dimensional + must-be) / (the same), whom its absence
        displeases. Where all answers are reverse or questionable these are missing.

    Raises
    ------
    ValueError
        An answer outside the five, no answer to a feature, a person who answers twice.

    References
    ----------
    Berger, C. et al. (1993). Kano's methods for understanding customer-defined quality. Center for Quality
    Management Journal 2(4), 3–36.

    Examples
    --------
    >>> data = pd.DataFrame({"feature": ["lid"] * 4, "functional": ["expect", "expect", "like", "neutral"],
    ...                      "dysfunctional": ["dislike", "dislike", "dislike", "neutral"]})
    >>> kano(data)[["category", "better", "worse"]]
            category  better  worse
    feature
    lid      must_be    0.25  -0.75
    """
    table = as_pandas(data)
    columns = [feature, functional, dysfunctional, *([] if respondent is None else [respondent])]
    require_columns(table.columns, column_list(columns, "each question"))
    whole_number(draws, "draws", least=1)
    category = kano_categories(table, functional, dysfunctional, answers)
    if table.empty:
        raise ValueError("There is not a single answer: the table has no rows.")
    refuse(table, table[feature].isna().to_numpy(), f"no {feature!r}")
    if respondent is not None:
        refuse(table, table[respondent].isna().to_numpy(), f"no {respondent!r}")
        again = table.duplicated([respondent, feature]).to_numpy()
        refuse(table, again, f"a {respondent!r} who answered about this {feature!r} before")
    each = pd.DataFrame({name: category == name for name in _CATEGORIES})
    counts = each.groupby(table[feature], observed=True).sum()
    number = counts.sum(axis=1)
    if (number == 0).any():
        raise ValueError(f"Nobody answered both questions about {number.index[number == 0].tolist()}.")
    found = counts.div(number, axis=0)
    found.insert(0, "answers", number)
    most = counts.to_numpy().argmax(axis=1)
    drawn = generator(rng).multinomial(number, found[_CATEGORIES].to_numpy(), size=(draws, len(found)))
    found["category"] = pd.Categorical.from_codes(most, _CATEGORIES)
    found["stays"] = (drawn.argmax(axis=2) == most).mean(axis=0)
    clear = counts[_CATEGORIES[:4]].sum(axis=1).to_numpy()
    some = clear > 0
    for name, pair in (("better", _CATEGORIES[1:3]), ("worse", _CATEGORIES[:2])):
        share = np.full((3, len(found)), np.nan)
        held = counts.loc[some, pair].sum(axis=1).to_numpy()
        share[:, some] = held / clear[some], *wilson(held, clear[some], alpha)
        if name == "worse":
            share = -share[[0, 2, 1]]
        found[name], found[f"{name}_low"], found[f"{name}_high"] = share
    return found
