"""What drives an outcome: shares of R², effects on an ordered answer, penalty and reward, and the map."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from math import factorial
from typing import Any

import numpy as np
import pandas as pd
import statsmodels.api as sm
from matplotlib.axes import Axes
from scipy import stats
from statsmodels.miscmodels.ordinal_model import OrderedModel
from statsmodels.tools.numdiff import approx_fprime

from crmlab import plot
from crmlab._arguments import level, number
from crmlab._intervals import IntervalWarning, deviations, resampled
from crmlab._tables import as_pandas, drawn_table, require_columns, whole_number
from crmlab._weights import respondent_weights
from crmlab.survey._answers import answers, complete, items_of, look
from crmlab.survey._scores import Scale, checked_scale, groups, scores

MOST = 16  # predictors: 65,536 subsets of them
_BLOCK = 2**22  # numbers held at once
_FAR = 30.0  # a standard error of so many log odds from one end of a predictor to the other: no estimate


def drivers(
    data: Any,
    outcome: str,
    predictors: Sequence[str],
    draws: int = 1000,
    weights: Any = None,
    alpha: float = 0.05,
    rng: Any = 0,
) -> pd.DataFrame:
    """Return how much of a regression's R² each predictor accounts for, by LMG and by Johnson's weights.

    Parameters
    ----------
    data : table
        One row per respondent, of any engine. Rows in which the outcome or a predictor is missing are left
        out; ``respondents`` says how many remain.
    outcome : str
        Column with the number to be explained. One of only two values makes a linear probability model.
    predictors : list of str
        Columns of numbers, 1 to 16.
    draws : int
        Bootstrap draws of respondents for the intervals; 0 for none.
    weights : str or sequence of float, optional
        A weight for each row, as from :func:`rake`; a row of weight 0 does not count. The shares are those of
        so many repeated rows, the intervals those of the respondents there are: drawn with their weights.
    alpha : float
        1 − level of the intervals (percentiles of the draws).
    rng : int or numpy.random.Generator
        For the draws.

    Returns
    -------
    DataFrame
        Index ``predictor``, in the order given:

        - ``beta``: standardised coefficient with all others in the model.
        - ``alone``: R² with this predictor only, the squared correlation.
        - ``last``: what R² gains when it enters after all others.
        - ``lmg``: what R² gains when it enters, on average over all orders of entering (Lindeman, Merenda and
          Gold, 1980; it is the Shapley value). The column adds up to R².
        - ``johnson``: relative weight, by way of the uncorrelated variables nearest to the predictors
          (Johnson, 2000). It adds up to R² as well.
        - ``lmg_low``, ``lmg_high``, ``johnson_low``, ``johnson_high``: ends of the intervals, with draws.
        - ``first``: in which share of the draws its ``lmg`` is the largest, with draws.
        - ``respondents``.

    Warns
    -----
    IntervalWarning
        In more than one draw in a hundred the predictors could not be told apart; the intervals leave these
        out.

    Raises
    ------
    ValueError
        The outcome among the predictors or made of them, a predictor that is constant, there twice or a sum
        of others, no more respondents than predictors and one, texts, infinite answers, usual codes for
        missing ones (99), negative or missing weights, more than 16 predictors.

    Notes
    -----
    Both say what goes along with the outcome, and nothing about what would change it. A predictor without any
    effect of its own gets a share for going along with one that has an effect. LMG is an average over orders
    of entering that nobody meant as a model. Johnson's weights come near to it, usually to a hundredth or
    two, by an algebra that has no meaning of its own (Thomas, Zumbo, Kwan and Schweitzer, 2014). A share is
    never below 0, so that an interval which does not reach 0 proves nothing.

    The R² of all subsets come from the covariance matrix of each draw by taking predictors out one after the
    other (Schur complements), for all draws at once.

    References
    ----------
    Grömping, U. (2006). Relative importance for linear regression in R: the package relaimpo. Journal of
    Statistical Software 17(1). https://doi.org/10.18637/jss.v017.i01
    Johnson, J. W. (2000). A heuristic method for estimating the relative weight of predictor variables in
    multiple regression. Multivariate Behavioral Research 35(1), 1–19.
    https://doi.org/10.1207/S15327906MBR3501_1
    Thomas, D. R., Zumbo, B. D., Kwan, E. & Schweitzer, L. (2014). On Johnson's (2000) relative weights method
    for assessing variable importance: a reanalysis. Multivariate Behavioral Research 49(4), 329–338.
    https://doi.org/10.1080/00273171.2014.905766

    Examples
    --------
    >>> from crmlab import datasets
    >>> found = drivers(datasets.load("attitude"), "rating", ["complaints", "learning", "raises"])
    >>> found[["alone", "last", "lmg", "lmg_low", "lmg_high", "johnson"]].round(2)
                alone  last   lmg  lmg_low  lmg_high  johnson
    predictor
    complaints   0.68  0.29  0.43     0.25      0.60     0.43
    learning     0.39  0.03  0.15     0.03      0.30     0.16
    raises       0.35  0.00  0.12     0.05      0.20     0.12
    """
    whole_number(draws, "draws", least=0)
    level(alpha)
    rows, heavy = _checked(data, outcome, predictors, weights)
    everybody = _covariances(rows, heavy, np.ones((1, len(rows))))
    measures = {name: values[0] for name, values in _measures(everybody).items()}
    found = pd.DataFrame(measures, pd.Index(list(predictors), name="predictor"))
    if measures["lmg"].sum() > 1 - 1e-9:
        raise ValueError(
            f"The predictors tell {outcome!r} exactly (R² is 1): it, or what it was made of, is among them."
        )
    if draws:
        drawn = _measures(_drawn(rows, heavy, draws, np.random.default_rng(rng)))
        sound = np.isfinite(drawn["lmg"]).all(axis=1)
        if sound.mean() < 0.5:
            raise ValueError("Most bootstrap samples cannot tell the predictors apart: draws=0 for no interval.")
        if (lost := 1 - sound.mean()) > 0.01:
            told = f"In {lost:.0%} of the draws the predictors could not be told apart: the intervals leave "
            warnings.warn(f"{told}them out and are too narrow.", IntervalWarning, stacklevel=2)
        for name in ("lmg", "johnson"):
            found[f"{name}_low"], found[f"{name}_high"] = resampled(drawn[name][sound], alpha=alpha)
        best = drawn["lmg"][sound].argmax(axis=1)
        found["first"] = np.bincount(best, minlength=len(found)) / len(best)
    order = ["beta", "alone", "last", "lmg", "lmg_low", "lmg_high", "johnson", "johnson_low", "johnson_high"]
    found = found[[name for name in [*order, "first"] if name in found]]
    return found.assign(respondents=len(rows))


def _named(table: pd.DataFrame, outcome: str, predictors: Sequence[str]) -> list[str]:
    """Return the columns, outcome first, if each is there once and none is both."""
    if isinstance(predictors, str) or not len(predictors) or not all(isinstance(x, str) for x in predictors):
        raise ValueError(f"predictors is a list of columns, ['taste', 'price']; got {predictors!r}.")
    if outcome in predictors:
        raise ValueError(f"{outcome!r} is the outcome: it cannot be among the predictors, it explains itself.")
    names = [outcome, *predictors]
    require_columns(table.columns, names)
    for name in names:
        if names.count(name) > 1 or (table.columns == name).sum() > 1:
            raise ValueError(f"{name!r} is there twice: name each predictor once, in a table that has it once.")
    return names


def _checked(data: Any, outcome: str, predictors: Sequence[str], weights: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows that count, outcome last, and their weights."""
    table = as_pandas(data)
    names = _named(table, outcome, predictors)
    if len(names) > MOST + 1:
        raise ValueError(f"{len(names) - 1} predictors have {2 ** (len(names) - 1):,} subsets: take {MOST} at most.")
    given = answers(table, names)
    whole = given.notna().all(axis=1).to_numpy()
    if whole.sum() <= len(names):
        raise ValueError(
            f"{whole.sum()} of {len(given)} respondents answered everything; {len(names) - 1} predictors need "
            f"{len(names) + 1} at least, and many more to be told apart."
        )
    heavy = respondent_weights(table, weights, whole)
    given, heavy = given[whole][heavy > 0], heavy[heavy > 0]
    if given[outcome].nunique() == 1:
        raise ValueError(f"Everybody gave the same {outcome!r}: there is nothing to explain.")
    complete(given[names[1:]])
    if len(given) <= len(names):
        raise ValueError(f"{len(given)} respondents count, and {len(names) - 1} predictors need more.")
    return given[[*names[1:], outcome]].to_numpy(), heavy / heavy.mean()


def _covariances(rows: np.ndarray, heavy: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return correlations of samples that hold each row so many times: samples × variables × variables."""
    centred = rows - np.average(rows, axis=0, weights=heavy)
    centred /= centred.std(axis=0)
    products = (centred[:, :, None] * centred[:, None, :]).reshape(len(rows), -1)
    sums = np.matmul(counts, heavy[:, None] * np.hstack([products, centred, np.ones((len(rows), 1))]))
    size, width = sums[:, -1], rows.shape[1]
    means = sums[:, width**2 : -1] / size[:, None]
    found = (sums[:, : width**2] / size[:, None]).reshape(-1, width, width)
    found -= means[:, :, None] * means[:, None, :]
    spread = np.sqrt(np.diagonal(found, axis1=1, axis2=2).clip(1e-12))
    return np.asarray(found / (spread[:, :, None] * spread[:, None, :]))


def _drawn(rows: np.ndarray, heavy: np.ndarray, draws: int, luck: np.random.Generator) -> np.ndarray:
    """Return the correlations of bootstrap samples of the rows."""
    found, many = [], max(1, _BLOCK // len(rows))
    for start in range(0, draws, many):
        some = min(many, draws - start)
        places = luck.integers(0, len(rows), (some, len(rows))) + len(rows) * np.arange(some)[:, None]
        counts = np.bincount(places.ravel(), minlength=some * len(rows)).reshape(some, -1)
        found.append(_covariances(rows, heavy, counts.astype(float)))
    return np.concatenate(found)


def subset_r2(together: np.ndarray) -> np.ndarray:
    """Return the R² of every subset of the predictors, subsets × matrices: bit k says whether k is in it.

    Parameters
    ----------
    together : array, shape (matrices, predictors + 1, predictors + 1)
        Correlations, the outcome last.

    Examples
    --------
    >>> subset_r2(np.array([[[1, 0, 0.6], [0, 1, 0.5], [0.6, 0.5, 1]]])).round(2).ravel().tolist()
    [0.0, 0.36, 0.25, 0.61]
    """
    # variables × variables × subsets × matrices: what is left of each covariance, given the subset
    left = np.moveaxis(together, 0, -1)[:, :, None, :]
    for _ in range(together.shape[1] - 1):
        kept, column = left[1:, 1:], left[1:, 0]
        taken = kept - column[:, None] * (column / left[0, 0])[None]
        left = np.concatenate([kept, taken], axis=2)
    return np.asarray(1 - left[0, 0])


def _measures(together: np.ndarray) -> dict[str, np.ndarray]:
    """Return each measure, matrices × predictors, NaN where the predictors cannot be told apart."""
    p = together.shape[1] - 1
    lost = ~(np.linalg.eigvalsh(together[:, :p, :p])[:, 0] > 1e-9)
    lost |= np.abs(np.diagonal(together, axis1=1, axis2=2) - 1).max(axis=1) > 1e-6  # one does not vary
    together = np.where(lost[:, None, None], np.eye(p + 1), together)
    predictors, outcome = together[:, :p, :p], together[:, :p, p]
    bits = np.arange(2**p)[:, None] >> np.arange(p) & 1
    size = bits.sum(axis=1)
    share = np.array([factorial(k) * factorial(p - k - 1) / factorial(p) for k in range(p)])
    # a subset with the predictor counts for it, the same without it against it
    signed = np.where(bits == 1, share[np.maximum(size - 1, 0)][:, None], -share[np.minimum(size, p - 1)][:, None])
    lmg, last, many = [], [], max(1, _BLOCK // 2**p)
    for start in range(0, len(together), many):
        r2 = subset_r2(together[start : start + many])
        lmg.append(np.matmul(r2.T, signed))
        last.append((r2[-1] - r2[2**p - 1 - 2 ** np.arange(p)]).T)
    roots, turn = np.linalg.eigh(predictors)
    root = np.matmul(turn * np.sqrt(roots.clip(1e-300))[:, None, :], turn.transpose(0, 2, 1))
    onto = np.linalg.solve(root, outcome[:, :, None])
    found = {
        "beta": np.linalg.solve(root, onto)[:, :, 0],
        "alone": outcome**2,
        "last": np.concatenate(last),
        "lmg": np.concatenate(lmg),
        "johnson": np.matmul(root**2, onto**2)[:, :, 0],
    }
    return {name: np.where(lost[:, None], np.nan, values) for name, values in found.items()}
