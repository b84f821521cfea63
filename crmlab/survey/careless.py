"""Careless answers: who clicked through, by several signs, none of which finds them all."""

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from crmlab._arguments import number
from crmlab._tables import numbers, require_columns
from crmlab.survey.items import Questionnaire


def careless_signs(
    table: Any, questionnaire: Questionnaire, missing: Any = (), seconds: str | None = None
) -> pd.DataFrame:
    """Return the signs of careless answering, one row per respondent.

    Parameters
    ----------
    table : table
        One row per respondent, a column per item of the questionnaire, as answered (nothing turned).
    questionnaire : Questionnaire
        Its items in the order in which they were asked.
    missing : number or sequence of numbers
        Codes that stand for "no answer".
    seconds : str, optional
        Column with the time a respondent took, if it was measured.

    Returns
    -------
    DataFrame
        The table's index, and

        - ``answered``: number of answers;
        - ``longest_run``: how many equal answers stand in a row at most (straight lining);
        - ``spread``: standard deviation of a respondent's own answers;
        - ``odd_even``: correlation, over the constructs, of the means of odd and even items, stepped up to
          full length (Spearman–Brown); low for who answers at random. Needs three constructs of two items;
        - ``person_fit``: correlation of the answers with the means of the items; low for who does not tell
          hard items from easy ones;
        - ``distance``: squared Mahalanobis distance from the average respondent, and ``distance_p``, how
          often a normal one would be so far;
        - ``seconds_per_item``, if time was measured.

        Missing where a sign cannot be told (all answers equal, too few items).

    Raises
    ------
    ValueError
        As :meth:`Questionnaire.answers`, or there are fewer respondents than items, or times are negative.

    References
    ----------
    Meade, A. W. and Craig, S. B. (2012). Identifying careless responses in survey data. Psychological Methods
    17(3), 437-455. https://doi.org/10.1037/a0028085

    Examples
    --------
    >>> questions = pd.DataFrame({"item": ["a", "b", "c"], "construct": "liking", "scale": "1 no, 5 yes"})
    >>> answers = pd.DataFrame({"a": [1, 5, 3, 4, 2], "b": [2, 5, 3, 5, 2], "c": [2, 3, 3, 4, 1]})
    >>> careless_signs(answers, Questionnaire(questions))["longest_run"].tolist()
    [2, 2, 3, 1, 2]
    """
    given = questionnaire.answers(table, missing=missing)
    raw = given.to_numpy()
    if len(raw) <= raw.shape[1]:
        raise ValueError(
            f"{len(raw)} respondents to {raw.shape[1]} items: how they hang together cannot be learned from "
            "so few. Take more respondents, or fewer items."
        )
    signs = pd.DataFrame({"answered": given.count(axis=1), "longest_run": longest_run(raw)}, given.index)
    signs["spread"] = given.std(axis=1)
    signs["odd_even"] = _odd_even(questionnaire._turn(given, ()), questionnaire)
    signs["person_fit"] = _correlation(raw, np.broadcast_to(given.mean().to_numpy(), raw.shape))
    signs["distance"] = mahalanobis(raw)
    signs["distance_p"] = stats.chi2.sf(signs["distance"], signs["answered"].clip(lower=1))
    if seconds is not None:
        require_columns(table.columns, [seconds])
        took = numbers(pd.Series(table[seconds]), seconds)
        if (took < 0).any():
            raise ValueError(f"A time in {seconds!r} is negative, in row {took.index[took < 0][0]!r}.")
        signs["seconds_per_item"] = took.to_numpy() / raw.shape[1]
    return signs


def careless_flags(
    signs: pd.DataFrame,
    run: int = 10,
    odd_even: float = 0.3,
    person_fit: float = 0.0,
    distance: float = 0.001,
    seconds: float = 2.0,
) -> pd.DataFrame:
    """Return which sign is up for whom, and how many are.

    The limits are habits, not laws: judge them where the truth is known. One kind of carelessness raises one
    sign, another kind another; who asks for several signs at once finds neither.

    Parameters
    ----------
    signs : DataFrame
        As from :func:`careless_signs`.
    run : int
        So many equal answers in a row or more.
    odd_even, person_fit : float
        Below this correlation.
    distance : float
        A distance that so small a share of normal respondents, or a smaller one, would reach.
    seconds : float
        Less than so many seconds an item (Huang et al. 2012 say 2).

    Returns
    -------
    DataFrame
        A column of True and False for each sign, False where the sign cannot be told, and ``signs_up``, how
        many are True.

    Raises
    ------
    ValueError
        `signs` has no such columns, or a limit is no number.

    References
    ----------
    Huang, J. L. et al. (2012). Detecting and deterring insufficient effort responding to surveys. Journal of
    Business and Psychology 27(1), 99-114. https://doi.org/10.1007/s10869-011-9231-8

    Examples
    --------
    >>> questions = pd.DataFrame({"item": ["a", "b", "c"], "construct": "liking", "scale": "1 no, 5 yes"})
    >>> answers = pd.DataFrame({"a": [1, 5, 3, 4, 2], "b": [2, 5, 3, 5, 2], "c": [2, 3, 3, 4, 1]})
    >>> careless_flags(careless_signs(answers, Questionnaire(questions)), run=3)["run"].tolist()
    [False, False, True, False, False]
    """
    require_columns(signs.columns, ["longest_run", "odd_even", "person_fit", "distance_p"])
    for name, limit in {
        "run": run,
        "odd_even": odd_even,
        "person_fit": person_fit,
        "distance": distance,
    }.items():
        number(limit, name, "a limit, a finite number")
    flags = pd.DataFrame(
        {
            "run": signs["longest_run"] >= run,
            "odd_even": signs["odd_even"] < odd_even,
            "person_fit": signs["person_fit"] < person_fit,
            "distance": signs["distance_p"] <= distance,
        }
    )
    if "seconds_per_item" in signs:
        flags["speed"] = signs["seconds_per_item"] < number(seconds, "seconds", "a limit, a finite number")
    return flags.assign(signs_up=flags.sum(axis=1))


def longest_run(answers: np.ndarray) -> np.ndarray:
    """Return how many equal answers stand in a row at most, for each row; a gap breaks no run.

    Examples
    --------
    >>> longest_run(np.array([[3, 3, np.nan, 3, 1], [1, 2, 3, 4, 5]])).tolist()
    [3, 1]
    """
    longest, current = np.zeros((2, len(answers)), int)
    last = np.full(len(answers), np.nan)
    for answer in answers.T:  # over the items, not over the respondents
        there = ~np.isnan(answer)
        current = np.where(there, np.where(answer == last, current + 1, 1), current)
        last = np.where(there, answer, last)
        longest = np.maximum(longest, current)
    return longest


def mahalanobis(answers: np.ndarray, rounds: int = 200) -> np.ndarray:
    """Return squared Mahalanobis distances from the mean; gaps count for nothing.

    A gap is filled with what the respondent's other answers lead one to expect, which gives the distance in
    the answers that are there. Means and covariances are of the pairs that were answered.

    Examples
    --------
    >>> mahalanobis(np.array([[1.0, 1], [-1, 1], [1, -1], [-1, -1], [0, 0]])).tolist()
    [2.0, 2.0, 2.0, 2.0, 0.0]
    """
    covariance = pd.DataFrame(answers).cov().to_numpy()
    if not np.isfinite(covariance).all() or np.linalg.eigvalsh(covariance)[0] < 1e-9 * np.trace(covariance):
        return np.full(len(answers), np.nan)
    precision = np.linalg.inv(covariance)
    gaps = np.isnan(answers)
    away = np.where(gaps, 0.0, answers - np.nanmean(answers, axis=0))
    with_gap = np.flatnonzero(gaps.any(axis=1))
    part, holes = away[with_gap], gaps[with_gap]
    for _ in range(rounds):
        before = part.copy()
        for item in np.flatnonzero(holes.any(axis=0)):
            rest = part @ precision[:, item] - part[:, item] * precision[item, item]
            part[:, item] = np.where(holes[:, item], -rest / precision[item, item], part[:, item])
        if not len(part) or np.abs(part - before).max() < 1e-9:
            break
    away[with_gap] = part
    squared: np.ndarray = np.einsum("ni,ij,nj->n", away, precision, away)
    return squared


def _odd_even(turned: pd.DataFrame, questionnaire: Questionnaire) -> np.ndarray:
    about = questionnaire.items.loc[list(turned.columns)]
    groups = [
        list(names) for names in about.groupby("construct", sort=False).groups.values() if len(names) > 1
    ]
    if len(groups) < 3:
        return np.full(len(turned), np.nan)
    odd, even = (
        np.column_stack([turned[names[start::2]].mean(axis=1) for names in groups]) for start in (0, 1)
    )
    r = _correlation(odd, even)
    return np.maximum(2 * r / np.maximum(1 + r, 1e-12), -1)


def _correlation(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the correlation of each row of the one with that of the other, over what both have."""
    both = ~(np.isnan(one) | np.isnan(other))
    count = both.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):  # who answered all alike has no spread to correlate
        a, b = (np.where(both, part, 0) for part in (one, other))
        a, b = (np.where(both, part - part.sum(axis=1, keepdims=True) / count, 0) for part in (a, b))
        r = (a * b).sum(axis=1) / np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return np.where((count[:, 0] > 2) & ((a**2).sum(axis=1) > 1e-9) & ((b**2).sum(axis=1) > 1e-9), r, np.nan)
