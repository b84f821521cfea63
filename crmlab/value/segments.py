"""Segments by k-means, Gaussian mixtures and latent classes, what they are like and how stable they are."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from pandas import DataFrame

from crmlab import plot
from crmlab._columns import aligned, below_limit
from crmlab._results import FitWarning
from crmlab._tables import by_customer, look_up, number_columns, refuse, require_columns, whole_number

Rng = int | np.random.Generator
Names = Mapping[int, str] | None


@dataclass
class _Fit:
    """A partition of the rows of a matrix."""

    memberships: Callable[[np.ndarray], np.ndarray]  # rows × segments; of k-means 0 and 1
    centres: np.ndarray
    converged: bool
    llf: float = np.nan
    parameters: int = 0
    flat: bool = False
    told_apart: bool = True  # whether the data decide all parameters
    bic: float = np.nan
    within: float = np.nan  # of k-means the share of the squared distances that is left
    labels: Any = None  # from 0, of the rows fitted


def _k_means(values: np.ndarray, count: int, seed: int, sizes: np.ndarray) -> _Fit:
    from sklearn.cluster import KMeans

    model = KMeans(count, n_init=10, max_iter=1000, tol=0, random_state=seed).fit(values)
    fit = _Fit(lambda new: np.eye(count)[model.predict(new)], model.cluster_centers_, model.n_iter_ < 1000)
    fit.within = float(model.inertia_ / values.size)
    return fit


def _gaussian_mixture(values: np.ndarray, count: int, seed: int, sizes: np.ndarray) -> _Fit:
    from sklearn.mixture import GaussianMixture

    model = GaussianMixture(count, n_init=5, max_iter=1000, tol=1e-6, random_state=seed).fit(values)
    width, least = values.shape[1], np.linalg.eigvalsh(model.covariances_).min()
    parameters, llf = count * (1 + width + width * (width + 1) // 2) - 1, len(values) * model.score(values)
    return _Fit(model.predict_proba, model.means_, model.converged_, llf, parameters, flat=least < 1e-5)


def _latent_class(codes: np.ndarray, count: int, seed: int, sizes: np.ndarray) -> _Fit:
    """Fit the different rows, weighted; stepmix marks convergence of any start, not of the best."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its docstrings, when compiled, set off a warning of Python
        from stepmix import StepMix

    rows, weights = np.unique(codes, axis=0, return_counts=True)
    widest, outcomes = int(sizes.max()), int(sizes.sum())
    model = StepMix(
        count, measurement="categorical", n_init=5, abs_tol=1e-7, max_iter=1000, progress_bar=0,
        measurement_params={"max_n_outcomes": widest, "total_outcomes": outcomes}, random_state=seed,
    ).fit(rows, sample_weight=weights)  # fmt: skip
    chances = model.get_parameters()["measurement"]["pis"].reshape(count, len(sizes), widest)
    chances = np.hstack([chances[:, one, :size] for one, size in enumerate(sizes)])
    llf = weights.sum() * model.score(rows, sample_weight=weights)
    converged, parameters = model.n_iter_ < 1000, count * (outcomes - len(sizes) + 1) - 1
    told_apart = _rank(rows, model.weights_, chances, sizes) == parameters
    return _Fit(model.predict_proba, chances, converged, llf, parameters, told_apart=told_apart)


def _rank(rows: np.ndarray, shares: np.ndarray, chances: np.ndarray, sizes: np.ndarray) -> int:
    """Return in how many directions the parameters of latent classes change the likelihood of what was met.

    Below their number they are not identified (Goodman, 1974, Biometrika 61(2), 215–231): other values fit as
    well, and a criterion that counts parameters counts wrong.
    """
    codes, starts = rows.astype(int), np.cumsum(sizes) - sizes
    factors = chances[:, starts + codes].transpose(1, 0, 2)  # rows × classes × features
    given = factors.prod(axis=2)
    total = (shares * given).sum(axis=1)[:, None]
    slopes = [(given[:, :-1] - given[:, -1:]) / total]
    for place, size in enumerate(sizes):
        others = shares * np.delete(factors, place, axis=2).prod(axis=2) / total
        met = np.eye(size)[codes[:, place]]
        change = met[:, None, :-1] - met[:, None, -1:]
        slopes.append((others[:, :, None] * change).reshape(len(rows), -1))
    table = np.hstack(slopes)
    return int(np.linalg.matrix_rank(table / np.maximum(np.linalg.norm(table, axis=0), 1e-300), tol=1e-7))


_METHODS = {"k-means": _k_means, "gaussian mixture": _gaussian_mixture, "latent class": _latent_class}


@dataclass
class _Coder:
    """How the features become the matrix that a method works on: standardised, or numbered categories."""

    features: list[str]
    categorical: bool
    centre: Any = 0.0
    spread: Any = 1.0
    known: list[pd.Index] = field(default_factory=list)

    def encode(self, table: DataFrame) -> np.ndarray:
        if not self.categorical:
            found = zip(number_columns(table, *self.features), self.features, strict=True)
            values = np.column_stack([below_limit(values, name) for values, name in found])
            return np.asarray((values - self.centre) / self.spread)
        codes = []
        for place, name in enumerate(self.features):
            require_columns(table.columns, [name])
            column = table[name]
            if column.dtype.kind in "iufc":
                remedy = "cut it into ranges (pandas.cut), or turn codes into text"
                raise ValueError(f"{name!r} holds numbers and latent classes need categories: {remedy}.")
            refuse(table, column.isna().to_numpy(), f"no {name!r}")
            if place == len(self.known):
                self.known.append(pd.Index(sorted(column.unique(), key=str), dtype=object))
            codes.append(self.known[place].get_indexer(column.astype(object)))
            refuse(table, codes[-1] < 0, f"another {name!r} than {self.known[place].tolist()}")
        return np.column_stack(codes)


def _prepare(table: DataFrame, features: list[str], method: str) -> tuple[_Coder, np.ndarray, np.ndarray]:
    """Return the coder, the matrix with its rows sorted, and where each row is in it.

    The order of the rows is chance: sorted, they give the same sums and the same starts whatever it was.
    """
    categorical = look_up("method", method, _METHODS) is _latent_class
    if not isinstance(features, list) or not features or len({*features}) < len(features):
        raise ValueError(f"features is a list of different columns, such as ['orders']; got {features!r}.")
    whole_number(len(table), "the number of customers", least=1)
    coder = _Coder(list(features), categorical)
    values = coder.encode(table)
    if constant := [name for name, one in zip(features, values.T, strict=True) if one.min() == one.max()]:
        same = " and the same ".join(map(repr, constant))
        raise ValueError(f"All {len(table)} customers have the same {same}: it tells nobody apart. Drop it.")
    order = np.lexsort(values.T[::-1])
    values = values[order]
    if not coder.categorical:
        coder.centre, coder.spread = values.mean(axis=0), values.std(axis=0)
        values = (values - coder.centre) / coder.spread
    return coder, values, np.argsort(order)


def _fit(coder: _Coder, values: np.ndarray, count: int, method: str, rng: Rng, criteria: bool = True) -> _Fit:
    """Fit on one processor, put the largest segment first, warn if the result is not to be trusted."""
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    whole_number(count, "count", least=1)
    if count > (different := len(np.unique(values, axis=0))):
        raise ValueError(f"{count} segments of {len(values)} rows, {different} of them different: too many.")
    seed = int(np.random.default_rng(rng).integers(2**32))
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fit = _METHODS[method](values, count, seed, np.array([len(known) for known in coder.known]))
        sizes = np.bincount(fit.memberships(values).argmax(axis=1), minlength=count)
    order, unordered = np.lexsort((*fit.centres.T[::-1], -sizes)), fit.memberships
    fit.memberships, fit.centres = (lambda new: unordered(new)[:, order]), fit.centres[order]
    fit.labels = fit.memberships(values).argmax(axis=1)
    fit.llf -= len(values) * np.log(coder.spread).sum()  # from standard deviations to the features' units
    fit.bic = fit.parameters * np.log(len(values)) - 2 * fit.llf if fit.told_apart else np.nan
    for problem, met in {
        "did not converge: try another rng, or fewer segments": not fit.converged,
        "has a segment without spread (values shared by many?), so BIC has no meaning: use k-means": fit.flat,
        f"has more parameters ({fit.parameters}) than these data decide, so BIC has no meaning and other "
        "segments may fit as well: take fewer": criteria and not fit.told_apart,
        "has a segment that is nobody's likeliest: fewer may do": sizes.min() == 0,
    }.items():
        if met:
            warnings.warn(f"{method} with {count} segments {problem}.", FitWarning, stacklevel=3)
    return fit


class Segmentation:
    """Customers in segments: what :func:`segment` returns.

    Attributes
    ----------
    method : str
    count : int
        Number of segments.
    labels : Series of int
        By the customer's id the segment, from 1, the largest, to `count`; by a mixture the likeliest.
    centres : DataFrame
        Index ``segment``. Numeric features: each segment's mean, in the feature's own unit. Latent class:
        the probability of each category, columns "feature: category".
    llf, bic : float
        Log-likelihood and −2 llf + parameters · ln(customers), lower is better, in the features' own units;
        nan for k-means, which has no likelihood, and for latent classes that the data do not identify.
    parameters : int
        Free parameters of the mixture.
    within : float
        k-means: the share of the squared distances from the common mean that is left within the segments, in
        standardised features; nan for mixtures.
    """

    def __init__(self, method: str, labels: pd.Series, table: DataFrame, coder: _Coder, fit: _Fit) -> None:
        self.method, self.count, self.labels = method, len(fit.centres), labels
        self.llf, self.parameters, self.bic, self.within = fit.llf, fit.parameters, fit.bic, fit.within
        self._table, self._coder, self._fit = table[coder.features].copy(), coder, fit
        known = dict(zip(coder.features, coder.known, strict=False))
        columns = [f"{name}: {one}" for name in known for one in known[name]] or coder.features
        segments = pd.RangeIndex(1, self.count + 1, name="segment")
        self.centres = DataFrame(coder.centre + coder.spread * fit.centres, segments, columns)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{size:,}" for size in self.profile()["customers"])
        return f"<Segmentation: {self.method}, {self.count} segments of {sizes} customers>"

    def probabilities(self, data: Any) -> DataFrame:
        """Return each customer's probability of belonging to each segment (customers × segments).

        `data` has the features as columns. For k-means, which knows no probabilities, a ValueError.
        """
        if self.method == "k-means":
            raise ValueError("k-means knows no probabilities: use assign(data), or a Gaussian mixture.")
        data = by_customer(data)
        return DataFrame(self._fit.memberships(self._coder.encode(data)), data.index, self.centres.index)

    def assign(self, data: Any) -> pd.Series:
        """Return the segment of each customer of a table, new ones too, without changing the segments."""
        data = by_customer(data)
        likeliest = self._fit.memberships(self._coder.encode(data)).argmax(axis=1)
        return pd.Series(likeliest + 1, data.index, name="segment")

    def profile(self, table: Any = None, standardised: bool = False) -> DataFrame:
        """Return what the customers of each segment are like.

        Parameters
        ----------
        table : table, optional
            The same customers' columns to describe, numbers or categories; the features by default.
        standardised : bool
            Whether to give differences from the mean of all customers in standard deviations.

        Returns
        -------
        DataFrame
            Index ``segment``; ``customers``, ``share``, then the mean of each number, and of each category
            the share of the segment's customers, column "feature: category".
        """
        table = self._table if table is None else by_customer(table)
        aligned(self.labels, "the segmentation", table.index)
        refuse(table, table.isna().any(axis=1).to_numpy(), "a missing value")
        wide = pd.get_dummies(table, prefix_sep=": ").astype(float)
        number_columns(wide, *wide.columns)
        if standardised:
            wide = (wide - wide.mean()) / wide.std(ddof=0).where(lambda sd: sd > 0, 1)
        customers = self.labels.value_counts().reindex(self.centres.index, fill_value=0)
        sizes = {"customers": customers, "share": customers / len(self.labels)}
        if taken := {*sizes} & {*wide.columns}:
            raise ValueError(f"The profile has a column {taken.pop()!r} of its own: rename the table's.")
        return DataFrame(sizes).join(wide.groupby(self.labels).mean())

    def stability(self, draws: int = 50, rng: Rng = 0) -> pd.Series:
        """Return how far these segments agree with those found in customers drawn again: a bootstrap.

        Parameters
        ----------
        draws : int
            How often as many customers as there are are drawn with replacement and segmented afresh.
        rng : int or numpy.random.Generator
            For the draws and for the starts of each fit.

        Returns
        -------
        Series of float
            For each draw the adjusted Rand index between these segments and those to which the draw's fit
            assigns all customers: 1 if they agree, 0 on average if they agree by chance.

        Notes
        -----
        Numbers are standardised once, by all customers. Stable is neither useful nor true: the halves of one
        long cloud come out again as surely. Compare with customers without groups.

        References
        ----------
        Hubert, L. & Arabie, P. (1985). Comparing partitions. Journal of Classification 2, 193–218.
        https://doi.org/10.1007/BF01908075
        Hennig, C. (2007). Cluster-wise assessment of cluster stability. Computational Statistics & Data
        Analysis 52(1), 258–271. https://doi.org/10.1016/j.csda.2006.11.025

        Examples
        --------
        >>> table = pd.DataFrame({"orders": [1, 2, 1, 2, 9, 8, 9], "dollars": [10, 20, 15, 18, 95, 90, 99]})
        >>> segment(table, ["orders", "dollars"], count=2).stability(draws=3).tolist()
        [1.0, 1.0, 1.0]
        """
        from sklearn.metrics import adjusted_rand_score

        if self.count == 1:
            raise ValueError("One segment is the same whoever is drawn: stability needs at least 2.")
        whole_number(draws, "draws", least=1)
        values = self._coder.encode(self._table)
        order = np.lexsort(values.T[::-1])  # the order of the rows is chance
        values, labels = values[order], self.labels.to_numpy()[order]
        luck, agreement = np.random.default_rng(rng), []
        for _ in range(draws):
            drawn = values[np.sort(luck.integers(len(values), size=len(values)))]
            fit = _fit(self._coder, drawn, self.count, self.method, luck, criteria=False)
            agreement.append(adjusted_rand_score(labels, fit.memberships(values).argmax(axis=1)))
        return pd.Series(agreement, pd.RangeIndex(1, draws + 1, name="draw"), name="adjusted_rand")

    def plot(self, table: Any = None, names: Names = None, ax: Axes | None = None) -> Axes:
        """Draw the profile of each segment: means, and how far each is from the mean of all.

        Parameters
        ----------
        table : table, optional
            As for :meth:`profile`.
        names : mapping from segment to name, optional
        ax : Axes, optional

        Returns
        -------
        Axes

        Examples
        --------
        >>> table = pd.DataFrame({"orders": [1, 2, 1, 9, 8], "dollars": [10, 20, 15, 95, 90]})
        >>> segment(table, ["orders", "dollars"], count=2).plot().get_title(loc="left")
        'Means of the segments'
        """
        means = self.profile(table)
        apart = self.profile(table, standardised=True).iloc[:, 2:]
        called = means.index.astype(str) if names is None else means.index.map(names)
        apart.index = [
            f"{plot.label(one)} ({size:,})" for one, size in zip(called, means["customers"], strict=True)
        ]
        shown = means.iloc[:, 2:].map(lambda value: f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2g}")
        shown = shown.to_numpy() + apart.map(lambda deviations: f"\n({deviations:+.1f})").to_numpy()
        ax = plot.axes(ax, figsize=(1.2 * len(apart.columns) + 3, 0.6 * len(means) + 1.5))
        colours = sns.blend_palette([plot.PALETTE[0], "white", plot.PALETTE[1]], as_cmap=True)
        options = {"annot": shown, "fmt": "", "cmap": colours, "vmin": -2, "vmax": 2, "linewidths": 1}
        options["cbar_kws"] = {"label": plot.label("standard deviations from the mean of all")}
        plot.heatmap(apart.rename(columns=lambda name: plot.label(str(name))), ax, **options)
        ax.tick_params(rotation=0, length=0)
        return plot.annotate(ax, "Means of the segments", "", "")


def segment(
    table: Any, features: list[str], count: int, method: str = "k-means", rng: Rng = 0
) -> Segmentation:
    """Divide customers into segments by their features.

    Parameters
    ----------
    table : table
        One row per customer: pandas, Polars (eager or lazy), pyarrow or DuckDB.
    features : list of str
        Its columns to segment by: numbers, or for latent classes categories (text, true or false).
    count : int
        Number of segments, from 1.
    method : {"k-means", "gaussian mixture", "latent class"}
        k-means: each customer to the nearest of `count` centres, which lie where the squared distances are
        least. Gaussian mixture: each segment a normal distribution of its own (full covariance). Latent
        class: within a segment the features are independent.
    rng : int or numpy.random.Generator
        For the starts, ten for k-means and five for a mixture, of which the best is kept.

    Returns
    -------
    Segmentation

    Raises
    ------
    ValueError
        A column that is not there, has missing or infinite values or some beyond ±1e150, or is of the wrong
        kind; a feature that is the same for everybody; more segments than different rows; an unknown method.

    Warns
    -----
    FitWarning
        If the fit did not converge, a segment of a mixture has no spread or is nobody's likeliest, or the
        data do not decide the parameters of latent classes.

    Notes
    -----
    Numbers are standardised first (mean 0, standard deviation 1), so that no unit outweighs another; take
    logarithms of skewed ones yourself. Segments are numbered by size, equal sizes by their centres. Neither
    the order of the rows nor the number of processors changes the result. Fitted by scikit-learn
    (``KMeans``, ``GaussianMixture``) and stepmix (``StepMix``).

    References
    ----------
    Wedel, M. & Kamakura, W. A. (2000). Market Segmentation, 2nd ed. Springer.
    https://doi.org/10.1007/978-1-4615-4651-1

    Examples
    --------
    >>> table = pd.DataFrame({"orders": [1, 2, 1, 9, 8], "dollars": [10, 20, 15, 95, 90]})
    >>> found = segment(table, ["orders", "dollars"], count=2)
    >>> found.labels.tolist()
    [1, 1, 1, 2, 2]
    >>> found.centres.round(1)
             orders  dollars
    segment
    1           1.3     15.0
    2           8.5     92.5
    """
    table = by_customer(table)
    coder, values, back = _prepare(table, features, method)
    fit = _fit(coder, values, count, method, rng)
    labels = pd.Series(fit.labels[back] + 1, table.index, name="segment")
    return Segmentation(method, labels, table, coder, fit)
