"""What was expected against what was got: SERVQUAL's gaps, SERVPERF, and the price of a difference."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy import stats

from crmlab import plot
from crmlab._arguments import level, number
from crmlab._tables import as_pandas, drawn_table
from crmlab.survey._answers import Scale, scores

Pairs = Mapping[str, tuple[str, str]]


def _pairs(table: pd.DataFrame, pairs: Pairs, scale: Scale) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    if not isinstance(pairs, Mapping) or not pairs or any(len(tuple(pair)) != 2 for pair in pairs.values()):
        raise ValueError("pairs name two columns for each attribute: {'taste': ('expected', 'got')}.")
    for attribute, (expected, got) in pairs.items():
        if expected == got:
            raise ValueError(f"{attribute!r} compares {expected!r} with itself: a gap needs two questions.")
    return {
        attribute: (scores(table, expected, scale, whole=False), scores(table, got, scale, whole=False))
        for attribute, (expected, got) in pairs.items()
    }


def gaps(
    table: Any, pairs: Pairs, scale: Scale, reliability: float | None = None, alpha: float = 0.05
) -> pd.DataFrame:
    """Return for each attribute what was got less what was expected, with the interval of paired answers.

    Parameters
    ----------
    table : table
        One row per respondent, of any engine.
    pairs : mapping from str to (str, str)
        For each attribute the column with what was expected and that with what was got.
    scale : (low, high)
        The lowest and the highest answer, the same for all columns.
    reliability : float, optional
        How reliable a single answer is, from 0 to 1. With it the table tells how reliable the gap is.
    alpha : float
        One minus the level of the intervals.

    Returns
    -------
    DataFrame
        Index ``attribute``, the widest shortfall first: ``n`` who answered both, ``expected``, ``got`` (what
        SERVPERF reports), ``gap`` with ``low`` and ``high`` (paired t), ``correlation`` of the two answers
        and, if asked for, ``reliability`` of the gap.

    Raises
    ------
    ValueError
        As :func:`top_box`; fewer than two who answered both questions.

    Notes
    -----
    Beware of differences. Two answers of one person go up and down together, and what they share cancels:
    what is left is less reliable than either, ((r + r) / 2 − c) / (1 − c) at correlation c. A gap of 0 may be
    10 − 10 or 1 − 1, and who expects much has little room to be surprised. :func:`gap_fit` shows what the
    difference throws away.

    References
    ----------
    Parasuraman, A., Zeithaml, V. A. & Berry, L. L. (1988). SERVQUAL: a multiple-item scale for measuring
    consumer perceptions of service quality. Journal of Retailing 64(1), 12–40.
    Cronin, J. J. & Taylor, S. A. (1992). Measuring service quality: a reexamination and extension. Journal of
    Marketing 56(3), 55–68. https://doi.org/10.1177/002224299205600304
    Peter, J. P., Churchill, G. A. & Brown, T. J. (1993). Caution in the use of difference scores in consumer
    research. Journal of Consumer Research 19(4), 655–662. https://doi.org/10.1086/209329

    Examples
    --------
    >>> answers = pd.DataFrame({"hoped": [8, 7, 9, 6], "taste": [7, 7, 8, 4]})
    >>> gaps(answers, {"taste": ("hoped", "taste")}, scale=(1, 10)).round(2)
               n  expected  got  gap  low  high  correlation
    attribute
    taste      4       7.5  6.5 -1.0 -2.3   0.3         0.89
    """
    table = as_pandas(table)
    if reliability is not None:
        number(reliability, "reliability", "a number from 0 to 1", 0, 1)
    rows = []
    for attribute, (expected, got) in _pairs(table, pairs, scale).items():
        both = ~np.isnan(expected) & ~np.isnan(got)
        hoped, found = expected[both], got[both]
        if len(hoped) < 2:
            raise ValueError(f"{len(hoped)} answered both questions on {attribute!r}: an interval needs two.")
        gap = found - hoped
        half = stats.t.isf(level(alpha) / 2, len(gap) - 1) * gap.std(ddof=1) / np.sqrt(len(gap))
        alike = np.ptp(hoped) == 0 or np.ptp(found) == 0
        together = np.nan if alike else float(np.corrcoef(hoped, found)[0, 1])
        # answers that are all one gap have no spread to make an interval of
        ends = (gap.mean() - half, gap.mean() + half) if np.ptp(gap) > 0 else (np.nan, np.nan)
        row = [attribute, len(gap), hoped.mean(), found.mean(), gap.mean(), *ends, together]
        rows.append(row if reliability is None else [*row, _of_difference(reliability, together)])
    columns = ["attribute", "n", "expected", "got", "gap", "low", "high", "correlation"]
    columns += [] if reliability is None else ["reliability"]
    return pd.DataFrame(rows, columns=columns).set_index("attribute").sort_values("gap", kind="stable")


def _of_difference(reliability: float, correlation: float) -> float:
    """Return the reliability of a difference of two equally reliable answers; 0 if it is all error."""
    if not correlation < 1:
        return 0.0
    return max(0.0, (reliability - correlation) / (1 - correlation))


def gap_fit(
    table: Any, pairs: Pairs, outcome: str, scale: Scale, outcome_scale: Scale | None = None
) -> pd.DataFrame:
    """Return how well gaps, what was got alone, and both answers apart go with an overall judgement.

    Parameters
    ----------
    table, pairs, scale
        As for :func:`gaps`.
    outcome : str
        Column with a number to be explained, such as overall satisfaction.
    outcome_scale : (low, high), optional
        Its scale, where it is not that of the pairs.

    Returns
    -------
    DataFrame
        Index ``explained by``: "gaps (SERVQUAL)", "got (SERVPERF)" and "expected and got"; ``n`` who answered
        everything, ``terms``, ``r2`` (share of the outcome's variance), ``adjusted`` (for the number of
        terms), and ``p_value``: how often chance alone would make the two answers apart better by so much.

    Raises
    ------
    ValueError
        As :func:`gaps`; an outcome that is the same for all; too few respondents.

    Notes
    -----
    Least squares. The gaps are "expected and got" with the condition that both have equal and opposite
    coefficients; the p-value is that of the F test of a condition (Edwards, 2001).

    References
    ----------
    Cronin, J. J. & Taylor, S. A. (1992). Journal of Marketing 56(3), 55–68.
    Edwards, J. R. (2001). Ten difference score myths. Organizational Research Methods 4(3), 265–287.
    https://doi.org/10.1177/109442810143005

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> got, hoped = rng.normal(7, 1, 200), rng.normal(7, 1, 200)
    >>> answers = pd.DataFrame({"hoped": hoped, "got": got, "satisfied": got + rng.normal(0, 1, 200)})
    >>> gap_fit(answers, {"taste": ("hoped", "got")}, "satisfied", scale=(0, 20))["r2"].round(2).tolist()
    [0.36, 0.51, 0.53]
    """
    table = as_pandas(table)
    found = _pairs(table, pairs, scale)
    judged = scores(table, outcome, outcome_scale or scale, whole=False)
    expected, got = (np.column_stack([pair[side] for pair in found.values()]) for side in (0, 1))
    rows = ~np.isnan(np.column_stack([expected, got, judged])).any(axis=1)
    n, y = int(rows.sum()), judged[rows]
    full = np.column_stack([expected, got])[rows]
    if n < full.shape[1] + 2:
        raise ValueError(f"{n} answered everything, and {full.shape[1] + 1} terms need more respondents.")
    if np.ptp(y) == 0:
        raise ValueError(f"Everybody gave the same {outcome!r}: there is nothing to explain.")
    designs = {
        "gaps (SERVQUAL)": (got - expected)[rows],
        "got (SERVPERF)": got[rows],
        "expected and got": full,
    }
    fits = {name: _least_squares(design, y) for name, design in designs.items()}
    all_left, all_terms = fits["expected and got"]
    total = float(((y - y.mean()) ** 2).sum())
    free, made = n - all_terms - 1, []
    for left, terms in fits.values():
        more = all_terms - terms
        f = (left - all_left) / max(more, 1) * free / all_left if all_left > 0 else np.inf
        p_value = float(stats.f.sf(f, more, free)) if more else np.nan
        adjusted = 1 - left / (n - terms - 1) / (total / (n - 1))
        made.append([n, terms, 1 - left / total, adjusted, p_value])
    index = pd.Index(list(designs), name="explained by")
    return pd.DataFrame(made, index, ["n", "terms", "r2", "adjusted", "p_value"])


def _least_squares(design: np.ndarray, y: np.ndarray) -> tuple[float, int]:
    """Return the squares that are left, and how many terms beside the constant tell something new."""
    centred = design - design.mean(axis=0)
    solved, _, rank, _ = np.linalg.lstsq(centred, y - y.mean(), rcond=None)
    return float(((y - y.mean() - np.einsum("ij,j->i", centred, solved)) ** 2).sum()), int(rank)


def plot_gaps(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the table of :func:`gaps`: for each attribute what was expected and what was got.

    Parameters
    ----------
    table : DataFrame
        From :func:`gaps`.
    ax : Axes, optional

    Returns
    -------
    Axes

    Examples
    --------
    >>> answers = pd.DataFrame({"hoped": [8, 7, 9, 6], "taste": [7, 7, 8, 4]})
    >>> plot_gaps(gaps(answers, {"taste": ("hoped", "taste")}, scale=(1, 10))).get_xlabel()
    'mean answer'
    """
    drawn_table(table, ("expected", "got", "gap", "low", "high"), "gaps(table, pairs, scale)")
    ax = plot.axes(ax, figsize=(7, 1.2 + 0.45 * len(table)))
    rows = np.arange(len(table))
    ax.hlines(rows, table["expected"], table["got"], color=plot.QUIET, linewidth=3)
    ax.plot(table["expected"], rows, "o", mfc="white", mec=plot.INK, ms=9, label=plot.label("expected"))
    ax.plot(table["got"], rows, "o", color=plot.MODEL, ms=9, label=plot.label("got"))
    ax.set_yticks(rows, [plot.label(str(name)) for name in table.index])
    ax.set_ylim(len(table) - 0.5, -0.5)
    plot.legend_beside(ax)
    return plot.annotate(ax, "Expected and got", "mean answer", "")
