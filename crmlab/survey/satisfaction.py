"""How satisfied they are: share of satisfied, Net Promoter Score and index, with intervals."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from crmlab._arguments import floats, generator, level
from crmlab._intervals import deviations, newcombe, resampled, wilson
from crmlab._results import compress
from crmlab._tables import as_pandas, look_up, whole_number
from crmlab.survey._answers import Scale, answers, checked_scale, scores
from crmlab.survey._scores import NPS_SCALE, Group, among_top, groups, table_of

Rng = int | np.random.Generator
_METHODS = {"adjusted": 3.0, "wald": 0.0, "bootstrap": None}
_BLOCK = 4_000_000  # numbers drawn at once


def top_box(
    table: Any,
    item: str,
    scale: Scale,
    top: int = 2,
    by: str | None = None,
    weights: Any = None,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Return the share of satisfied: of those who answered, who chose one of the highest answers.

    Parameters
    ----------
    table : table
        One row per respondent, of any engine.
    item : str
        Its column with the answers: whole numbers, missing where the question was not answered.
    scale : (low, high)
        The lowest and the highest answer that could be given.
    top : int
        How many of the highest answers count as satisfied: 2 is the "top-two-box".
    by : str, optional
        Column with groups, such as the wave.
    weights : str or sequence of float, optional
        A weight for each row, as from :func:`rake`.
    alpha : float
        One minus the level of the interval.

    Returns
    -------
    DataFrame
        A row for each group (or one, "all"): ``n`` answers, ``missing`` (asked, not answered), ``effective``
        (as many answers of equal weight), ``share``, and ``low``, ``high``: Wilson's interval.

    Raises
    ------
    ValueError
        Texts among the numbers, values outside the scale (such as −99), nobody who answered (in a group),
        weights that are negative, missing or all 0.

    Notes
    -----
    With weights, Wilson's interval is taken of the effective number of answers, (Σw)² / Σw² (Kish, 1965). The
    interval speaks of luck in who was drawn. It knows nothing of those who chose not to answer.

    References
    ----------
    Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference. Journal of the
    American Statistical Association 22(158), 209–212. https://doi.org/10.1080/01621459.1927.10502953
    Kish, L. (1965). Survey Sampling. Wiley.

    Examples
    --------
    >>> answers = pd.DataFrame({"satisfied": [5, 4, 4, 2, None, 1, 5, 3]})
    >>> top_box(answers, "satisfied", scale=(1, 5)).round(3)
         n  missing  effective  share   low   high
    all  7        1        7.0  0.571  0.25  0.842
    """
    table, rows = as_pandas(table), []
    for one in groups(table, scores(table, item, scale), by, weights):
        share = one.mean(among_top(one.values, scale, top))
        ends = wilson(share * one.n, one.n, alpha)
        rows.append(_begin(one) | {"share": share, "low": float(ends[0]), "high": float(ends[1])})
    return table_of(rows, by)


def _begin(group: Group) -> dict[str, Any]:
    return {
        "group": group.label,
        "n": len(group.values),
        "missing": group.missing,
        "effective": group.n,
    }


def nps(
    table: Any,
    item: str = "recommend",
    by: str | None = None,
    weights: Any = None,
    method: str = "adjusted",
    alpha: float = 0.05,
    draws: int = 2000,
    rng: Rng = 0,
) -> pd.DataFrame:
    """Return the Net Promoter Score: the share of promoters (9, 10) less that of detractors (0 to 6), × 100.

    Parameters
    ----------
    table, by, weights, alpha
        As for :func:`top_box`.
    item : str
        The column with the answers: 0 to 10, missing where the question was not answered.
    method : {"adjusted", "wald", "bootstrap"}
        How the interval is made. Wald: score ± z √((p + d − (p − d)²) / n). Adjusted: the same after 3
        answers were added, ¾ promoters, 1½ passives and ¾ detractors; it is the best of the simple ones in
        small samples. Bootstrap: the middle of the scores of samples drawn from the sample.
    draws, rng
        For the bootstrap: how often it draws, and its dice.

    Returns
    -------
    DataFrame
        A row for each group (or one, "all"): ``n``, ``missing``, ``effective``, the shares of ``promoters``,
        ``passives`` and ``detractors``, ``nps`` and ``low``, ``high``, in points from −100 to 100.

    Raises
    ------
    ValueError
        As :func:`top_box`; an unknown method; by Wald or bootstrap, answers that are all of one kind: these
        two would give an interval of no width, and "adjusted" gives one.

    Notes
    -----
    Answers are drawn by their counts, not one by one, so a million of them cost what eleven do. With weights
    the kinds are the pairs of answer and weight; Wald and adjusted use the effective number.

    References
    ----------
    Reichheld, F. F. (2003). The one number you need to grow. Harvard Business Review 81(12), 46–54.
    Rocks, B. (2016). Interval estimation for the "Net Promoter Score". The American Statistician 70(4),
    365–372. https://doi.org/10.1080/00031305.2016.1198124
    Keiningham, T. L., Cooil, B., Andreassen, T. W. & Aksoy, L. (2007). A longitudinal examination of net
    promoter and firm revenue growth. Journal of Marketing 71(3), 39–51.
    https://doi.org/10.1509/jmkg.71.3.039

    Examples
    --------
    >>> answers = pd.DataFrame({"recommend": [10] * 50 + [8] * 30 + [5] * 20})
    >>> nps(answers)[["n", "nps", "low", "high"]].round(1)
           n   nps   low  high
    all  100  30.0  14.1  44.2
    >>> nps(answers, method="wald")[["nps", "low", "high"]].round(1)
          nps   low  high
    all  30.0  14.7  45.3
    """
    table, luck = as_pandas(table), generator(rng)
    look_up("method", method, _METHODS)
    rows = []
    for one in groups(table, scores(table, item, NPS_SCALE), by, weights):
        promoters, detractors = one.mean(one.values >= 9), one.mean(one.values <= 6)
        score, (low, high) = promoters - detractors, _nps_ends(one, method, alpha, draws, luck)
        shares = {"promoters": promoters, "passives": 1 - promoters - detractors, "detractors": detractors}
        points = {"nps": 100 * score, "low": 100 * low, "high": 100 * high}
        rows.append(_begin(one) | shares | points)
    return table_of(rows, by)


def _kinds(values: np.ndarray) -> np.ndarray:
    """Return 1 for a promoter, −1 for a detractor, 0 for a passive."""
    return (values >= 9).astype(float) - (values <= 6)


def _moments(group: Group, added: float) -> tuple[float, float]:
    """Return the score and its variance, after so many answers were added, a quarter of them promoters."""
    kinds, n = _kinds(group.values), group.n
    p, d = ((n * group.mean(kinds == kind) + added / 4) / (n + added) for kind in (1, -1))
    return p - d, (p + d - (p - d) ** 2) / (n + added)


def _refuse_one_kind(group: Group) -> None:
    kinds = _kinds(group.values)[group.weights > 0]
    if (kinds == kinds[0]).all():
        name = {1: "promoters", 0: "passives", -1: "detractors"}[int(kinds[0])]
        raise ValueError(
            f"All {len(kinds)} answers (group {group.label!r}) are of {name}: an interval by Wald or "
            "bootstrap would have no width, as if nobody else could be otherwise. Use method='adjusted'."
        )


def _nps_ends(
    group: Group, method: str, alpha: float, draws: int, luck: np.random.Generator
) -> tuple[float, float]:
    if method != "adjusted":
        _refuse_one_kind(group)
    if method == "bootstrap":
        low, high = resampled(_drawn_scores(group, draws, luck), alpha=alpha)
        return float(low), float(high)
    score, variance = _moments(group, _METHODS[method] or 0.0)
    half = deviations(alpha) * variance**0.5
    return max(score - half, -1.0), min(score + half, 1.0)


def _drawn_scores(group: Group, draws: int, luck: np.random.Generator) -> np.ndarray:
    """Return the scores of samples drawn from the sample, through the counts of equal answers."""
    whole_number(draws, "draws", least=1)
    columns = [_kinds(group.values) + 1, group.weights / group.weights.max()]
    [kinds, weights], counts = compress(columns, np.ones(len(group.values)))
    places = np.lexsort([weights, kinds])  # whichever order the counting gave
    kinds, weights, counts = kinds[places] - 1, weights[places], counts[places]
    found, many = [], max(1, _BLOCK // len(counts))
    for start in range(0, draws, many):
        met = luck.multinomial(len(group.values), counts / counts.sum(), min(many, draws - start)) * weights
        total = met.sum(axis=1)
        found.append(np.einsum("ij,j->i", met, kinds) / np.where(total > 0, total, np.nan))
    drawn = np.concatenate(found)
    return drawn[~np.isnan(drawn)]


def score_difference(
    table: Any,
    item: str,
    by: str,
    measure: str = "nps",
    scale: Scale = NPS_SCALE,
    top: int = 2,
    weights: Any = None,
    method: str = "adjusted",
    alpha: float = 0.05,
    draws: int = 2000,
    rng: Rng = 0,
) -> pd.Series:
    """Return by how much two groups differ, with an interval: in NPS, share of satisfied or mean.

    Parameters
    ----------
    table, item, scale, top, weights, method, alpha, draws, rng
        As for :func:`top_box` and :func:`nps`.
    by : str
        Column with exactly two groups. The difference is the later one (in sorting order) less the earlier.
    measure : {"nps", "top box", "mean"}
        The Net Promoter Score (by `method`), the share of satisfied (Newcombe's interval from those of
        Wilson), or the mean answer (Welch's).

    Returns
    -------
    Series
        The two groups' scores by their labels, ``difference``, ``low``, ``high``.

    Raises
    ------
    ValueError
        As :func:`nps`; not two groups; for the mean, a group with one respondent.

    References
    ----------
    Newcombe, R. G. (1998). Interval estimation for the difference between independent proportions. Statistics
    in Medicine 17(8), 873–890. https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I

    Examples
    --------
    >>> given = [5] * 48 + [2] * 32 + [5] * 56 + [2] * 14
    >>> answers = pd.DataFrame({"wave": [1] * 80 + [2] * 70, "satisfied": given})
    >>> score_difference(answers, "satisfied", "wave", "top box", scale=(1, 5)).round(4)
    1             0.6000
    2             0.8000
    difference    0.2000
    low           0.0524
    high          0.3339
    Name: 2 less 1, dtype: float64
    """
    table, luck = as_pandas(table), generator(rng)
    look_up("measure", measure, dict.fromkeys(["nps", "top box", "mean"]))
    look_up("method", method, _METHODS)
    found = list(groups(table, scores(table, item, scale, whole=measure != "mean"), by, weights))
    if len(found) != 2:
        raise ValueError(
            f"{by!r} has {len(found)} groups ({', '.join(repr(one.label) for one in found[:8])}), and a "
            f"difference is between two: choose them with table[table[{by!r}].isin([…])]."
        )
    first, second = found
    if measure == "top box":
        shares = [one.mean(among_top(one.values, scale, top)) for one in found]
        pairs = [(share * one.n, one.n) for share, one in zip(shares, found, strict=True)]
        results, (low, high) = shares, map(float, newcombe(pairs[1], pairs[0], alpha))
    elif measure == "mean":
        results = [one.mean() for one in found]
        low, high = _welch(first, second, results[1] - results[0], alpha)
    else:
        results = [100 * one.mean(_kinds(one.values)) for one in found]
        low, high = _nps_difference(first, second, method, alpha, draws, luck)
    labels = [one.label for one in found]
    numbers = [*results, results[1] - results[0], low, high]
    name = f"{labels[1]} less {labels[0]}"
    return pd.Series(numbers, [*labels, "difference", "low", "high"], name=name)


def _nps_difference(
    first: Group, second: Group, method: str, alpha: float, draws: int, luck: np.random.Generator
) -> tuple[float, float]:
    if method == "bootstrap":
        for one in (first, second):
            _refuse_one_kind(one)
        before, after = (_drawn_scores(group, draws, luck) for group in (first, second))
        size = min(len(before), len(after))
        low, high = resampled(100 * (after[:size] - before[:size]), alpha=alpha)
        return float(low), float(high)
    (one_score, one_variance), (other_score, other_variance) = (
        _moments(group, _METHODS[method] or 0.0) for group in (first, second)
    )
    half = deviations(alpha) * (one_variance + other_variance) ** 0.5
    middle = other_score - one_score
    return 100 * max(middle - half, -2.0), 100 * min(middle + half, 2.0)


def _spread(group: Group, values: np.ndarray) -> float:
    """Return the variance of a mean: that of the answers over the effective number of them."""
    n = group.n
    if n <= 1:
        raise ValueError(
            f"Group {group.label!r} has one respondent: one answer has no spread, so no interval."
        )
    return group.mean((values - group.mean(values)) ** 2) / (n - 1)


def _welch(first: Group, second: Group, difference: float, alpha: float) -> tuple[float, float]:
    parts = [(_spread(one, one.values), one.n) for one in (first, second)]
    total = sum(part for part, _ in parts)
    if total == 0:
        raise ValueError(
            "All answers within each group are equal: there is no spread to make an interval of."
        )
    freedom = total**2 / sum(part**2 / (n - 1) for part, n in parts)
    half = float(stats.t.isf(level(alpha) / 2, freedom)) * total**0.5
    return difference - half, difference + half


def satisfaction_index(
    table: Any,
    items: Mapping[str, float] | Sequence[str],
    scale: Scale,
    by: str | None = None,
    weights: Any = None,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Return an index of satisfaction from 0 to 100 in the manner of the American one (ACSI).

    Parameters
    ----------
    table, by, weights, alpha
        As for :func:`top_box`: `weights` are the respondents'.
    items : mapping from str to float, or list of str
        The columns with the answers and how much each counts, as a model estimates it; a list counts all
        alike. Turn reversed items first.
    scale : (low, high)
        The lowest and the highest answer, the same for all items.

    Returns
    -------
    DataFrame
        A row for each group (or one, "all"): ``n`` who answered all items, ``missing`` (who did not),
        ``effective``, ``index``, ``low`` and ``high`` (from the t distribution; NaN where there is no spread
        to tell: one respondent, or all alike).

    Raises
    ------
    ValueError
        As :func:`top_box`; item weights that are negative or all 0.

    Notes
    -----
    100 · (Σ vᵢ x̄ᵢ − Σ vᵢ · low) / (Σ vᵢ · (high − low)). Who left out an item that counts is left out. The
    interval takes the items' weights as given: where they were estimated from the same answers it is a little
    too narrow.

    References
    ----------
    Fornell, C., Johnson, M. D., Anderson, E. W., Cha, J. & Bryant, B. E. (1996). The American Customer
    Satisfaction Index: nature, purpose, and findings. Journal of Marketing 60(4), 7–18.
    https://doi.org/10.1177/002224299606000403

    Examples
    --------
    >>> answers = pd.DataFrame({"overall": [8, 9, 7, 7], "expected": [7, 8, 6, 7], "ideal": [7, 9, 5, 6]})
    >>> satisfaction_index(answers, {"overall": 0.4, "expected": 0.3, "ideal": 0.3}, scale=(1, 10)).round(1)
         n  missing  effective  index   low  high
    all  4        0        4.0   69.2  49.4  88.9
    """
    table, (lowest, highest) = as_pandas(table), checked_scale(scale)
    names = list(items)
    given = list(items.values()) if isinstance(items, Mapping) else [1.0] * len(names)
    shares = floats(given, "the weights of the items")
    if not names or not (np.isfinite(shares) & (shares >= 0)).all() or shares.sum() == 0:
        raise ValueError(f"The items' weights are numbers of at least 0, not all 0; got {items}.")
    counted = [name for name, share in zip(names, shares, strict=True) if share > 0]
    values = answers(table, counted, scale).to_numpy()
    each = (np.average(values, axis=1, weights=shares[shares > 0]) - lowest) / (highest - lowest)
    if np.isnan(each).all():
        raise ValueError(f"Nobody answered all of {', '.join(counted)}.")
    rows = []
    for one in groups(table, each, by, weights):
        index, half = one.mean(), np.nan
        if one.n > 1 and np.ptp(one.values[one.weights > 0]) > 0:
            half = float(stats.t.isf(level(alpha) / 2, one.n - 1)) * _spread(one, one.values) ** 0.5
        ends = np.clip([index - half, index + half], 0, 1)
        numbers = {"index": 100 * index, "low": 100 * ends[0], "high": 100 * ends[1]}
        rows.append(_begin(one) | numbers)
    return table_of(rows, by)
