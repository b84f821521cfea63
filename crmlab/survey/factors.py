"""How many things do many items measure: parallel analysis, exploratory factors, and whether to look."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy import stats

from crmlab import plot
from crmlab._arguments import generator, number
from crmlab._tables import drawn_table, look_up, whole_number
from crmlab.survey._answers import complete_rows
from crmlab.survey.reliability import checked_covariance, several_factors

_ROTATIONS = {"none": None, "varimax": "varimax", "oblimin": "oblimin"}


def parallel_analysis(
    answers: Any, draws: int = 200, share: float = 0.95, rng: Any = None, common: bool = False
) -> pd.DataFrame:
    """Return the eigenvalues of the items beside those of shuffled answers: what chance alone would show.

    In each draw every item's answers are shuffled among the respondents: means and spreads stay, and nothing
    hangs together any more except by chance. As many components are kept, from the first on, as beat the
    draws.

    Parameters
    ----------
    answers : table
        One row per respondent, a column per item; rows with a gap are left out.
    draws : int
        At least 20.
    share : float
        Share of the draws that a kept component must beat, below 1.
    rng : int or numpy.random.Generator, optional
    common : bool
        Whether to look only at what each item shares with the others (squared multiple correlations on the
        diagonal). Where factors correlate, components in full find too few of them, and this way finds some
        small ones too many: the answer lies between.

    Returns
    -------
    DataFrame
        Index ``component`` (1, 2, …); ``eigenvalue`` of the correlations, ``by_chance`` (the quantile of the
        draws), ``keep``, and ``above_one``, what the old rule "eigenvalue above 1" would keep.

    Raises
    ------
    ValueError
        As :func:`crmlab.survey.reliability`, or too few draws.

    References
    ----------
    Horn, J. L. (1965). A rationale and test for the number of factors in factor analysis. Psychometrika
    30(2), 179-185. https://doi.org/10.1007/BF02289447

    Examples
    --------
    >>> noise = np.random.default_rng(3).normal(size=(100, 8))
    >>> parallel_analysis(pd.DataFrame(noise).add_prefix("i"), rng=1)[["keep", "above_one"]].sum().tolist()
    [0, 4]
    """
    rows = complete_rows(answers)
    whole_number(draws, "draws", least=20)
    number(share, "share", "a share of the draws, above 0 and below 1", low=1e-9, high=1 - 1e-9)
    rng = generator(rng)
    values = rows.to_numpy()

    def roots(values: np.ndarray) -> np.ndarray:
        matrix = np.corrcoef(values.T)
        own = np.diag(1 / np.diag(np.linalg.inv(matrix))) if common else 0
        return np.linalg.eigvalsh(matrix - own)[::-1]

    real = roots(values)
    drawn = [roots(rng.permuted(values, axis=0)) for _ in range(draws)]
    chance = np.quantile(drawn, share, axis=0)
    table = {"eigenvalue": real, "by_chance": chance, "keep": np.logical_and.accumulate(real > chance)}
    index = pd.RangeIndex(1, len(real) + 1, name="component")
    return pd.DataFrame(table | {"above_one": np.linalg.eigvalsh(np.corrcoef(values.T))[::-1] > 1}, index)


def plot_parallel(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the eigenvalues, those of chance, and the line at 1 that misleads.

    Parameters
    ----------
    table : DataFrame
        As from :func:`parallel_analysis`.
    ax : Axes, optional

    Returns
    -------
    Axes

    Examples
    --------
    >>> noise = np.random.default_rng(3).normal(size=(100, 8))
    >>> plot_parallel(parallel_analysis(pd.DataFrame(noise).add_prefix("i"), rng=1)).get_title(loc="left")
    'How many factors? 0 beat chance'
    """
    table = drawn_table(table, ("eigenvalue", "by_chance", "keep"), "parallel_analysis")
    ax = plot.axes(ax, figsize=(7, 3.5))
    keep, x = table["keep"].to_numpy(bool), np.asarray(table.index)
    ax.plot(x, table["eigenvalue"], "-", color=plot.ACTUAL, lw=1, label=plot.label("these items"))
    ax.plot(x[keep], table["eigenvalue"][keep], "o", color=plot.ACTUAL, ms=8, label=plot.label("kept"))
    ax.plot(
        x[~keep], table["eigenvalue"][~keep], "o", mfc="white", mec=plot.ACTUAL, label=plot.label("not kept")
    )
    ax.plot(x, table["by_chance"], "--", color=plot.MODEL, label=plot.label("shuffled answers"))
    ax.axhline(1, color=plot.QUIET, ls=":", label=plot.label("the rule 'above 1'"))
    ax.set_xticks(x[:: 1 + (len(x) - 1) // 15])
    ax.legend()
    title = plot.label("How many factors?") + f" {keep.sum()} " + plot.label("beat chance")
    return plot.annotate(ax, title, "component", "eigenvalue")


@dataclass(frozen=True)
class ExploratoryFactors:
    """Exploratory factors by maximum likelihood.

    Attributes
    ----------
    loadings : DataFrame
        Items by factors, in the order of the items; columns ``F1``, ``F2``, … by the variance explained.
    between : DataFrame
        Correlations of the factors (the identity unless the rotation is oblique).
    uniquenesses : Series
        The share of each item's variance that no factor explains.
    chi2, p_value : float
    df : int
        Test that so many factors are enough, with Bartlett's correction.
    nobs : float
    rotation : str
    """

    loadings: pd.DataFrame
    between: pd.DataFrame
    uniquenesses: pd.Series
    chi2: float
    df: int
    p_value: float
    nobs: float
    rotation: str

    def sorted(self) -> pd.DataFrame:
        """Return the loadings by factor, each item under the one on which it loads most, largest first."""
        strongest = self.loadings.abs().to_numpy().argmax(axis=1)
        order = np.lexsort((-self.loadings.abs().max(axis=1), strongest))
        return self.loadings.iloc[order]

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the sorted loadings as a heat map: look here before you read the table."""
        table = self.sorted()
        ax = plot.axes(ax, figsize=(1.8 + 1.1 * table.shape[1], 0.9 + 0.3 * len(table)))
        options = {"cmap": "vlag_r", "vmin": -1, "vmax": 1, "annot": True, "fmt": ".2f", "cbar": False}
        plot.heatmap(table, ax, linewidths=1, **options)
        ax.tick_params(axis="y", rotation=0)
        ax.grid(False)
        return plot.annotate(ax, "What goes together", "", "")


def explore(
    answers: Any = None,
    factors: int = 1,
    rotation: str = "oblimin",
    covariance: Any = None,
    nobs: int | None = None,
) -> ExploratoryFactors:
    """Fit exploratory factors by maximum likelihood (statsmodels' ``Factor``) and rotate them.

    Parameters
    ----------
    answers : table, optional
        One row per respondent, a column per item; rows with a gap are left out.
    factors : int
    rotation : str
        "oblimin" (the factors may correlate; quartimin), "varimax" (they may not) or "none".
    covariance : square table, optional
        Covariances or correlations in place of answers, with `nobs`, the number of respondents.

    Returns
    -------
    ExploratoryFactors
        Each factor upright: its loadings add up to a positive number.

    Raises
    ------
    ValueError
        As :func:`crmlab.survey.reliability`; more factors than the items can tell apart; no convergence, or
        no proper solution (a Heywood case: a unique variance that runs to 0).

    References
    ----------
    Lawley, D. N. and Maxwell, A. E. (1971). Factor Analysis as a Statistical Method. Butterworths.

    Examples
    --------
    >>> from crmlab import datasets
    >>> tests = datasets.load("ability_cov").set_index("test")
    >>> explore(covariance=tests, factors=2, nobs=112).uniquenesses.round(3).tolist()
    [0.455, 0.589, 0.218, 0.769, 0.052, 0.334]
    """
    from statsmodels.multivariate.factor import Factor

    look_up("rotation", rotation, _ROTATIONS)
    matrix, count = _correlations(answers, covariance, nobs)
    items = len(matrix)
    whole_number(factors, "factors", least=1)
    df = ((items - factors) ** 2 - items - factors) // 2
    if df < 0:
        raise ValueError(f"{factors} factors are more than {items} items can tell apart: take fewer factors.")
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        model = Factor(corr=matrix.to_numpy(), n_factor=factors, method="ml", nobs=count)
        begin = several_factors(matrix.to_numpy()[None], factors)[0]  # its own start is drawn by lot
        results = model.fit(start=(begin, (1 - (begin**2).sum(axis=1)).clip(0.05)), maxiter=1000)
    unique = np.asarray(results.uniqueness)
    if (unique < 0.005).any():
        raise ValueError(
            f"With {factors} factors nothing of {matrix.columns[unique.argmin()]!r} is its own (a Heywood "
            "case: its unique variance runs to 0). Try fewer factors, or leave out items that ask the same."
        )
    search = results.mle_retvals  # "precision loss" on a flat spot is no failure
    if not np.isfinite(unique).all() or not (search.success or np.abs(search.jac).max() < 1e-3):
        raise ValueError(f"The search for {factors} factors did not end. Try another number of factors.")
    loadings, between = np.asarray(results.loadings), np.eye(factors)
    if factors > 1 and rotation != "none":
        results.rotate(_ROTATIONS[rotation])
        turn = np.asarray(results.rotation_matrix)
        loadings, between = np.asarray(results.loadings), turn.T @ turn
    signs = np.where(loadings.sum(axis=0) < 0, -1, 1)
    order = np.argsort(-(loadings**2).sum(axis=0), kind="stable")
    loadings = (loadings * signs)[:, order]
    between = (between * np.outer(signs, signs))[np.ix_(order, order)]
    names = [f"F{place}" for place in range(1, factors + 1)]
    implied = loadings @ between @ loadings.T
    np.fill_diagonal(implied, 1)
    misfit = np.linalg.slogdet(implied)[1] - np.linalg.slogdet(matrix)[1]
    misfit += np.trace(np.linalg.solve(implied, matrix.to_numpy())) - items
    chi2 = (count - 1 - (2 * items + 5) / 6 - 2 * factors / 3) * float(misfit)
    return ExploratoryFactors(
        loadings=pd.DataFrame(loadings, matrix.columns, names),
        between=pd.DataFrame(between, names, names),
        uniquenesses=pd.Series(unique, matrix.columns, name="uniqueness"),
        chi2=chi2,
        df=df,
        p_value=float(stats.chi2.sf(chi2, df)) if df else np.nan,
        nobs=count,
        rotation=rotation,
    )


def _correlations(answers: Any, covariance: Any, nobs: int | None) -> tuple[pd.DataFrame, int]:
    if (answers is None) == (covariance is None):
        raise ValueError("Give either the answers or the covariance of the items with nobs.")
    if covariance is None:
        rows = complete_rows(answers)
        matrix, count = rows.corr(), len(rows)
    else:
        whole_number(nobs, "nobs, the number of respondents behind the covariance,", least=3)
        table = checked_covariance(covariance)
        spread = np.sqrt(np.diag(table))
        matrix, count = table / np.outer(spread, spread), int(nobs or 0)
    return matrix, count


def worth_factoring(answers: Any = None, covariance: Any = None, nobs: int | None = None) -> pd.Series:
    """Return whether the items hang together enough for factors: KMO, and Bartlett's test of sphericity.

    Parameters
    ----------
    answers, covariance, nobs
        As for :func:`explore`.

    Returns
    -------
    Series
        ``kmo``, the Kaiser-Meyer-Olkin measure (correlations against partial correlations; about .8 or more
        is good, below .5 there is nothing in common); ``bartlett_chi2``, ``bartlett_df``, ``bartlett_p``: the
        test that no two items correlate, which with many respondents always says no.

    Raises
    ------
    ValueError
        As :func:`explore`.

    References
    ----------
    Kaiser, H. F. (1974). An index of factorial simplicity. Psychometrika 39(1), 31-36.
    https://doi.org/10.1007/BF02291575

    Examples
    --------
    >>> from crmlab import datasets
    >>> tests = datasets.load("thurstone").set_index("test")
    >>> float(worth_factoring(covariance=tests, nobs=213)["kmo"].round(2))
    0.88
    """
    matrix, count = _correlations(answers, covariance, nobs)
    items, inverse = len(matrix), np.linalg.inv(matrix)
    off = ~np.eye(items, dtype=bool)
    partial = inverse / np.sqrt(np.outer(np.diag(inverse), np.diag(inverse)))
    squares, partials = ((part**2)[off].sum() for part in (matrix.to_numpy(), partial))
    chi2 = -(count - 1 - (2 * items + 5) / 6) * float(np.linalg.slogdet(matrix)[1])
    df = items * (items - 1) // 2
    found = {"kmo": squares / (squares + partials), "bartlett_chi2": chi2, "bartlett_df": df}
    return pd.Series(found | {"bartlett_p": stats.chi2.sf(chi2, df)}, name="worth factoring")
