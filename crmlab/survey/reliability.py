"""Reliability of a scale: which part of the spread of its sum is the thing measured, and which is chance."""

import warnings
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from crmlab._arguments import floats, level, number
from crmlab._html import Sheet
from crmlab._tables import whole_number
from crmlab.survey._answers import complete_rows, told_apart
from crmlab.survey._resampling import bootstrap_covariances

DEFINITIONS = {
    "alpha": "Cronbach (1951): k/(k-1) · (1 - sum of item variances / variance of the sum)",
    "alpha_standardised": "the same of items of equal spread: k·r/(1 + (k-1)·r), r the mean correlation",
    "omega_total": "McDonald (1999): 1 - sum of unique variances / variance of the sum, {factors}",
    "omega_hierarchical": "McDonald (1999): (sum of loadings on the general factor)² / variance of the sum, "
    "general factor by Schmid and Leiman (1957) from {factors} oblique factors",
    "lambda_6": "Guttman (1945): 1 - sum of (1 - squared multiple correlation) / variance of the sum",
}


def reliability(
    answers: Any = None,
    factors: int = 1,
    draws: int = 0,
    alpha: float = 0.05,
    rng: Any = None,
    covariance: Any = None,
) -> pd.DataFrame:
    """Return the reliability of the sum of items by several definitions, each of them named.

    Parameters
    ----------
    answers : table, optional
        One row per respondent, a column per item, all turned the same way. Rows with a missing answer are
        left out; ``respondents`` says how many remain.
    factors : int
        Factors of the measurement model behind omega. 1: all items measure one thing. From 3 on there is
        also a hierarchical omega, for one thing behind several facets; two facets cannot tell the part of
        the general one from that of their own, so 2 is refused.
    draws : int
        Bootstrap draws of respondents for the intervals, such as 2,000; 0 for none.
    alpha : float
        1 − level of the interval.
    rng : int or numpy.random.Generator, optional
        For the draws.
    covariance : square table, optional
        Covariances or correlations of the items in place of answers: no intervals then.

    Returns
    -------
    DataFrame
        Index ``coefficient``: "alpha", "alpha_standardised", "lambda_6", "omega_total" and, from three
        factors on, "omega_hierarchical". Columns ``estimate``, with draws ``low`` and ``high`` (percentile
        interval), ``respondents`` (of answers) and ``definition``. The omegas and lambda 6 are of
        standardised items, factors by least squares of the correlations (minres), the oblique rotation is
        quartimin.

    Warns
    -----
    UserWarning
        An item runs against the others, so that alpha means little; the factor model has no proper solution
        (a Heywood case: a unique variance of 0 or less), and omega is missing; or that happened in more than
        one draw in a hundred, which the interval leaves out.

    Raises
    ------
    ValueError
        Fewer than two items or complete rows, no more rows than items, an item that is constant, is there
        twice or is a sum of others, texts, infinite answers; two factors, or fewer than two items per factor.

    References
    ----------
    Zinbarg, R. E., Revelle, W., Yovel, I. and Li, W. (2005). Cronbach's α, Revelle's β, and McDonald's ω_H.
    Psychometrika 70(1), 123-133. https://doi.org/10.1007/s11336-003-0974-7

    Examples
    --------
    >>> from crmlab import datasets
    >>> reliability(datasets.load("attitude"))["estimate"].round(3).to_dict()
    {'alpha': 0.843, 'alpha_standardised': 0.839, 'lambda_6': 0.875, 'omega_total': 0.851}
    """
    level(alpha)
    whole_number(draws, "draws", least=0)
    whole_number(factors, "factors", least=1)
    if (answers is None) == (covariance is None):
        raise ValueError("Give either the answers or the covariance of the items.")
    rows = None if covariance is not None else complete_rows(answers)
    matrix = checked_covariance(covariance) if rows is None else rows.cov()
    _enough(matrix, factors)
    estimates = pd.DataFrame(_coefficients(matrix.to_numpy()[None], factors)).iloc[0]
    if estimates.isna().any():
        warnings.warn(
            f"With {factors} factor{'s' * (factors > 1)} there is no proper solution: a unique variance "
            "comes out as 0 or less (a Heywood case), and omega is left empty. Do two items ask the same?",
            stacklevel=2,
        )
    result = estimates.rename("estimate").rename_axis("coefficient").to_frame()
    if draws:
        if rows is None:
            raise ValueError("Draws need the answers: from a covariance nobody can be drawn.")
        drawn = pd.DataFrame(_coefficients(bootstrap_covariances(rows.to_numpy(), draws, rng), factors))
        if (lost := drawn.isna().mean().max()) > 0.01:
            warnings.warn(
                f"In {lost:.0%} of the draws the factor model had no proper solution: the interval leaves "
                "them out and is too narrow.",
                stacklevel=2,
            )
        result["low"], result["high"] = drawn.quantile(alpha / 2), drawn.quantile(1 - alpha / 2)
    if rows is not None:
        result["respondents"] = len(rows)
    count = "one factor" if factors == 1 else f"{factors} factors"
    told = [
        DEFINITIONS[name].format(factors=count if name == "omega_total" else factors) for name in result.index
    ]
    return Sheet(result.assign(definition=told))


def checked_covariance(covariance: Any) -> pd.DataFrame:
    """Return a covariance or correlation matrix as a table, if it is one.

    Examples
    --------
    >>> checked_covariance([[1, 0.5], [0.5, 1]]).shape
    (2, 2)
    """
    table = pd.DataFrame(covariance)
    matrix = floats(table.to_numpy(), "covariance")
    if matrix.shape[0] != matrix.shape[1] or not np.isfinite(matrix).all():
        raise ValueError(f"A covariance is a square table of finite numbers; this one is {matrix.shape}.")
    if not np.allclose(matrix, matrix.T) or (np.diag(matrix) <= 0).any():
        raise ValueError("A covariance is symmetric, with positive variances on its diagonal.")
    together = matrix / np.sqrt(np.outer(np.diag(matrix), np.diag(matrix)))
    if (least := np.linalg.eigvalsh(together)[0]) < -1e-9:
        raise ValueError(
            "No answers have these covariances: a combination of the items would have a variance of "
            f"{least:.2g} times that of one. Were they rounded too far, or made pair by pair?"
        )
    told_apart(together, table.columns)
    return table


def _enough(matrix: pd.DataFrame, factors: int) -> None:
    items = len(matrix)
    if items < 2:
        raise ValueError(f"Reliability is about several items of one thing; here is {items}.")
    spread = np.sqrt(np.diag(matrix))
    together = matrix.to_numpy() / np.outer(spread, spread)
    if factors == 2 or factors > 1 and items < 2 * factors:
        raise ValueError(
            f"{factors} factors of {items} items cannot be told apart from a general one: take 1 factor, or "
            "3 or more with at least two items each."
        )
    if (together.sum(axis=0) < 1).any():
        name = matrix.columns[together.sum(axis=0).argmin()]
        warnings.warn(
            f"{name!r} runs against the other items: turn it first, or these coefficients mean little.",
            stacklevel=3,
        )


def _coefficients(matrices: np.ndarray, factors: int) -> dict[str, np.ndarray]:
    """Return the coefficients of every matrix, NaN where there is none."""
    items = matrices.shape[-1]
    variances = np.diagonal(matrices, axis1=1, axis2=2)
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = np.sqrt(variances)
        together = matrices / (spread[:, :, None] * spread[:, None, :])
        raw = items / (items - 1) * (1 - variances.sum(axis=1) / matrices.sum(axis=(1, 2)))
        total = together.sum(axis=(1, 2))
        found = {"alpha": raw, "alpha_standardised": items / (items - 1) * (1 - items / total)}
    lost = ~np.isfinite(together).all(axis=(1, 2))
    together[lost] = np.eye(items)
    together[~lost & (np.linalg.eigvalsh(together)[:, 0] < 1e-10)] = np.eye(items)
    inverse = np.linalg.inv(together)
    found["lambda_6"] = np.where(
        lost, np.nan, 1 - (1 / np.diagonal(inverse, axis1=1, axis2=2)).sum(axis=1) / total
    )
    if items == 2:  # one correlation does not tell two loadings: equal ones are assumed
        loadings = np.sqrt(together[:, :1, 1:].clip(0)).repeat(2, axis=1)
    else:
        loadings = one_factor(together)[..., None] if factors == 1 else several_factors(together, factors)
    unique = 1 - (loadings**2).sum(axis=2)
    improper = lost | (unique <= 0).any(axis=1) | ~np.isfinite(unique).all(axis=1)
    found["omega_total"] = np.where(improper, np.nan, 1 - unique.sum(axis=1) / total)
    if factors > 1:
        general = general_loadings(loadings)
        found["omega_hierarchical"] = np.where(improper, np.nan, general.sum(axis=1) ** 2 / total)
    return found


def one_factor(together: np.ndarray, sweeps: int = 500) -> np.ndarray:
    """Return loadings on one factor by least squares of the correlations, for every matrix at once.

    Examples
    --------
    >>> true = np.array([0.9, 0.8, 0.7])
    >>> one_factor(np.outer(true, true)[None] + np.diag(1 - true**2)).round(3)
    array([[0.9, 0.8, 0.7]])
    """
    off = together * (1 - np.eye(together.shape[-1]))
    loadings = np.sqrt(np.abs(off).max(axis=2)) * np.where(off.sum(axis=2) < 0, -1, 1)
    for _ in range(sweeps):
        before = loadings.copy()
        for item in range(together.shape[-1]):
            rest = (loadings**2).sum(axis=1) - loadings[:, item] ** 2
            loadings[:, item] = np.einsum("bi,bi->b", off[:, item], loadings) / np.maximum(rest, 1e-12)
        if np.abs(loadings - before).max() < 1e-9:
            break
    return loadings * np.where(loadings.sum(axis=1) < 0, -1, 1)[:, None]


def several_factors(together: np.ndarray, factors: int, rounds: int = 3000) -> np.ndarray:
    """Return unrotated loadings by least squares (iterated principal axes), for every matrix at once.

    Examples
    --------
    >>> true = np.array([[0.8, 0], [0.7, 0], [0.6, 0], [0, 0.8], [0, 0.7], [0, 0.6]])
    >>> found = several_factors((true @ true.T + np.diag(1 - (true**2).sum(1)))[None], 2)[0]
    >>> np.abs(found @ found.T - true @ true.T).max() < 1e-6
    np.True_
    """
    shared = 1 - 1 / np.diagonal(np.linalg.inv(together), axis1=1, axis2=2)
    loadings = np.zeros((*shared.shape, factors))
    active = np.arange(len(together))
    diagonal = np.arange(shared.shape[1])
    for _ in range(rounds):
        reduced = together[active]
        reduced[:, diagonal, diagonal] = shared[active]
        roots, vectors = np.linalg.eigh(reduced)
        largest = np.sqrt(roots[:, None, -factors:].clip(0))
        loadings[active] = vectors[:, :, -factors:] * largest
        now = (loadings[active] ** 2).sum(axis=2)
        moving = (np.abs(now - shared[active]).max(axis=1) > 1e-7) & (now < 1.5).all(axis=1)
        shared[active] = now
        active = active[moving]
        if not len(active):
            break
    return loadings


def general_loadings(loadings: np.ndarray, rounds: int = 500) -> np.ndarray:
    """Return loadings on a general factor: quartimin rotation, then one factor of the factors' correlations.

    Schmid and Leiman (1957), for every matrix of unrotated loadings at once; the rotation is by gradient
    projection (Jennrich, 2002).

    Examples
    --------
    >>> pattern = np.kron(np.eye(3), np.full((3, 1), 0.7))
    >>> phi = np.full((3, 3), 0.25) + 0.75 * np.eye(3)
    >>> general_loadings((pattern @ np.linalg.cholesky(phi))[None])[0, 0].round(3)
    np.float64(0.35)
    """
    pattern, between = quartimin(loadings, rounds)
    flip = np.where(pattern.sum(axis=1) < 0, -1.0, 1.0)  # each factor upright
    between = between * flip[:, :, None] * flip[:, None, :]
    general: np.ndarray = np.einsum("bif,bf->bi", pattern * flip[:, None, :], one_factor(between).clip(-1, 1))
    return general


def quartimin(loadings: np.ndarray, rounds: int = 500) -> tuple[np.ndarray, np.ndarray]:
    """Return oblique loadings (pattern) and correlations of the factors by the quartimin criterion.

    The best of three starts: unrotated loadings can be a saddle, from which no gradient leads away.

    Examples
    --------
    >>> pattern, between = quartimin(np.array([[[0.6, 0.6], [0.5, 0.5], [0.6, -0.6], [0.5, -0.5]]]))
    >>> np.abs(between[0].round(3))
    array([[1., 0.],
           [0., 1.]])
    """
    factors = loadings.shape[2]
    dice = np.random.default_rng(0)  # the same starts every time
    starts = [np.eye(factors)] + [np.linalg.qr(dice.normal(size=(factors, factors)))[0] for _ in range(2)]
    found = [_quartimin(loadings, start, rounds) for start in starts]
    best = np.argmin([value.round(9) for *_, value in found], axis=0)
    every = np.arange(len(loadings))
    pattern, between = (np.stack([one[part] for one in found])[best, every] for part in (0, 1))
    return pattern, between


def _quartimin(
    loadings: np.ndarray, start: np.ndarray, rounds: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    count, _, factors = loadings.shape
    turn = np.tile(start, (count, 1, 1))
    others, step = 1 - np.eye(factors), np.ones(count)

    def at(turn: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        inverse = np.linalg.inv(turn)
        pattern = loadings @ inverse.transpose(0, 2, 1)
        squares = pattern**2 @ others
        slope = -(pattern.transpose(0, 2, 1) @ (pattern * squares) @ inverse).transpose(0, 2, 1)
        return pattern, (pattern**2 * squares).sum(axis=(1, 2)) / 4, slope

    pattern, value, slope = at(turn)
    for _ in range(rounds):
        push = slope - turn * (turn * slope).sum(axis=1, keepdims=True)
        steep = np.sqrt((push**2).sum(axis=(1, 2)))
        if steep.max() < 1e-6:
            break
        step *= 2
        for _ in range(12):
            trial = turn - step[:, None, None] * push
            trial /= np.sqrt((trial**2).sum(axis=1, keepdims=True))
            tried = at(trial)
            worse = tried[1] > value - 0.5 * steep**2 * step + 1e-15
            if not worse.any():
                break
            step = np.where(worse, step / 2, step)
        better = tried[1] <= value
        turn = np.where(better[:, None, None], trial, turn)
        pattern, value, slope = at(turn)
    return pattern, turn.transpose(0, 2, 1) @ turn, value


def alpha_if_dropped(answers: Any) -> pd.DataFrame:
    """Return what each item does for the scale: alpha without it, and its correlation with the rest.

    Parameters
    ----------
    answers : table
        As for :func:`reliability`; three items at least.

    Returns
    -------
    DataFrame
        Index ``item``; ``item_rest`` (correlation with the sum of the other items), ``alpha_without`` and
        ``gain`` (alpha without the item less alpha with it: above 0, the scale is better off without).

    Raises
    ------
    ValueError
        As :func:`reliability`, or fewer than three items.

    Examples
    --------
    >>> answers = pd.DataFrame({"a": [1, 2, 3, 4, 5], "b": [2, 1, 3, 5, 4], "c": [1, 3, 4, 2, 4]})
    >>> alpha_if_dropped(answers)["alpha_without"].round(3).tolist()
    [0.213, 0.746, 0.889]
    """
    rows = complete_rows(answers)
    matrix = rows.cov()
    _enough(matrix, 1)
    if len(matrix) < 3:
        raise ValueError(
            "With two items there is nothing left to compare when one is dropped: three at least."
        )

    def raw(part: pd.DataFrame) -> float:
        return len(part) / (len(part) - 1) * float(1 - np.trace(part) / part.to_numpy().sum())

    total = rows.sum(axis=1)
    table = pd.DataFrame(index=pd.Index(matrix.columns, name="item"))
    table["item_rest"] = [rows[name].corr(total - rows[name]) for name in matrix]
    table["alpha_without"] = [raw(matrix.drop(index=name, columns=name)) for name in matrix]
    return table.assign(gain=table["alpha_without"] - raw(matrix))


def alpha_interval(
    alpha_hat: float, respondents: int, items: int, alpha: float = 0.05
) -> tuple[float, float]:
    """Return the interval of Cronbach's alpha from its value, respondents and items alone.

    Feldt (1965): exact for normal answers to parallel items; where answers are far from that, draw
    (:func:`reliability` with `draws`).

    Parameters
    ----------
    alpha_hat : float
        Cronbach's alpha, below 1.
    respondents, items : int
        At least two of each.
    alpha : float
        1 − level of the interval.

    Raises
    ------
    ValueError
        A number outside its range.

    References
    ----------
    Feldt, L. S. (1965). The approximate sampling distribution of Kuder-Richardson reliability coefficient
    twenty. Psychometrika 30(3), 357-370. https://doi.org/10.1007/BF02289499

    Examples
    --------
    >>> [round(end, 3) for end in alpha_interval(0.843, 30, 7)]
    [0.739, 0.916]
    """
    value = number(alpha_hat, "alpha_hat", "a reliability below 1", high=1 - 1e-12)
    whole_number(respondents, "respondents", least=2)
    whole_number(items, "items", least=2)
    freedom = respondents - 1, (respondents - 1) * (items - 1)
    tails = (1 - level(alpha) / 2, alpha / 2)
    low, high = (1 - (1 - value) * float(stats.f.ppf(tail, *freedom)) for tail in tails)
    return low, high


def attenuated(correlation: float, reliability_x: float, reliability_y: float = 1.0) -> float:
    """Return the correlation to be expected between two unreliable measures of things that correlate so.

    Spearman (1904): r · √(reliability of x · reliability of y). :func:`disattenuated` goes the other way.

    Parameters
    ----------
    correlation : float
        Of the things themselves, between −1 and 1.
    reliability_x, reliability_y : float
        Above 0, at most 1.

    Raises
    ------
    ValueError
        A number outside its range.

    Examples
    --------
    >>> round(attenuated(0.6, 0.81, 0.64), 3)
    0.432
    """
    return _correlation(correlation) * _factor(reliability_x, reliability_y)


def disattenuated(correlation: float, reliability_x: float, reliability_y: float = 1.0) -> float:
    """Return the correlation of two things, from that of two unreliable measures of them.

    Parameters
    ----------
    correlation : float
        As measured, between −1 and 1.
    reliability_x, reliability_y : float
        Above 0, at most 1. Too low ones, and chance, can bring the result beyond ±1: it is returned as it is,
        with a warning.

    Warns
    -----
    UserWarning
        Where the result lies beyond ±1.

    Raises
    ------
    ValueError
        A number outside its range.

    Examples
    --------
    >>> round(disattenuated(0.432, 0.81, 0.64), 3)
    0.6
    """
    result = _correlation(correlation) / _factor(reliability_x, reliability_y)
    if abs(result) > 1:
        warnings.warn(
            f"The corrected correlation is {result:.2f}, beyond ±1: a reliability is too low, or both "
            "measures share more than the two things do.",
            stacklevel=2,
        )
    return result


def _correlation(value: float) -> float:
    return number(value, "correlation", "between −1 and 1", low=-1, high=1)


def _factor(*reliabilities: float) -> float:
    for value in reliabilities:
        number(value, "A reliability", "above 0 and at most 1", low=1e-12, high=1)
    return float(np.sqrt(np.prod(reliabilities)))
