"""Maximum likelihood for models with positive parameters: one search, one results object."""

import math
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
from scipy import stats

from crmlab._arguments import floats, level
from crmlab._html import render

if TYPE_CHECKING:
    from statsmodels.iolib.summary import Summary

REACH = 18.0  # a logarithm this far from the start is a boundary: the parameter has run to 0 or infinity
CLOSE = 1e-9  # twice the log-likelihood still to be gained, by the quadratic model, when the search ends
Derivatives = tuple[float, np.ndarray, np.ndarray]


class FitWarning(UserWarning):
    """The fit ended on a boundary, or did not converge."""


def maximise(
    derivatives: Callable[[np.ndarray], Derivatives],
    start: np.ndarray,
    centre: np.ndarray | None = None,
    steps: int = 200,
) -> tuple[np.ndarray, Derivatives, np.ndarray, bool]:
    """Maximise a log-likelihood over positive parameters by safeguarded Newton steps in their logarithms.

    Parameters
    ----------
    derivatives : callable
        Takes the parameters (shape k); returns log-likelihood, gradient (k) and Hessian (k, k).
    start : ndarray, shape (k,)
        Positive starting values.
    centre : ndarray, shape (k,), optional
        The middle of the range searched, from e^−18 to e^18 times as large; `start` by default. A start
        outside it is brought to its edge.
    steps : int
        Most Newton steps to take.

    Returns
    -------
    params : ndarray, shape (k,)
    (llf, gradient, hessian) : the derivatives at `params`
    free : ndarray of bool, shape (k,)
        False where a parameter ran to its boundary.
    converged : bool

    Raises
    ------
    ValueError
        If the log-likelihood or a derivative is not finite at the start.

    Notes
    -----
    Directions in which the log-likelihood is not concave are turned round (the absolute value of the
    Hessian's eigenvalues is used), no step changes a parameter by more than a factor e², and a step that
    does not gain is shortened. Stops when the Newton decrement, twice the gain still in sight, is below
    1e-9: the estimates then stand within a few hundred-thousandths of a standard error of the maximum.

    Examples
    --------
    The rate of an exponential distribution with ten observations that sum to 5 is 2:

    >>> def exponential(theta):
    ...     rate = theta[0]
    ...     return 10 * np.log(rate) - 5 * rate, np.array([10 / rate - 5]), np.array([[-10 / rate**2]])
    >>> round(maximise(exponential, np.array([1.0]))[0][0], 6)
    np.float64(2.0)
    """

    def at(log_params: np.ndarray) -> tuple[Derivatives, np.ndarray, np.ndarray]:
        theta = np.exp(log_params)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            value, gradient, hessian = derivatives(theta)
            scaled = theta * gradient
            curved = theta[:, None] * theta * hessian + np.diag(scaled)
        if not (np.isfinite(value) and np.isfinite(curved).all()):
            value = -np.inf
        return (value, gradient, hessian), scaled, curved

    origin = np.log(start if centre is None else centre)
    point = np.clip(np.log(start), origin - REACH, origin + REACH)
    here, gradient, hessian = at(point)
    if here[0] == -np.inf:
        raise ValueError(f"The log-likelihood is not finite at {start.tolist()}: start elsewhere.")
    free = np.ones(len(point), bool)
    converged = False
    for _ in range(steps):
        outward = np.abs(point - origin) >= REACH
        free = ~(outward & (gradient * (point - origin) > 0))
        curvature, directions = np.linalg.eigh(-hessian[np.ix_(free, free)])
        curvature = np.maximum(np.abs(curvature), 1e-12 * np.abs(curvature).max(initial=1e-300))
        step = np.zeros_like(point)
        step[free] = directions @ (directions.T @ gradient[free] / curvature)
        decrement = gradient @ step
        if decrement < CLOSE:
            point, converged = point + step, True  # this last step is too small to need another look
            break
        step *= min(1.0, 2.0 / np.abs(step).max())
        for _ in range(30):
            trial = np.clip(point + step, origin - REACH, origin + REACH)
            there = at(trial)
            if there[0][0] > here[0]:
                break
            step = step / 4
        if there[0][0] <= here[0]:
            # Rounding hides a gain this small: as near the top as floating point lets us come.
            converged = bool(decrement < 1e-4)
            break
        point, (here, gradient, hessian) = trial, there
    return np.exp(point), here, free, converged


class LikelihoodModel:
    """Base of the models fitted by maximum likelihood over positive parameters.

    A model names its parameters, says where to start, and gives the log-likelihood with its gradient and
    Hessian; `fit` does the rest.
    """

    names: tuple[str, ...]
    title: str
    results_class: type["LikelihoodResults"]
    nobs: float
    remarks: tuple[str, ...] = ()  # what the summary must say whatever the fit

    def start(self) -> np.ndarray:
        raise NotImplementedError

    def derivatives(self, params: np.ndarray) -> Derivatives:
        raise NotImplementedError

    def boundary_note(self, names: list[str], params: np.ndarray) -> str:
        return f"{' and '.join(names)} ran to 0 or infinity: these data do not bound it."

    def loglike(self, params: Any) -> float:
        """Return the log-likelihood at `params` (positive, any sequence in the order of `names`)."""
        return self.derivatives(self._positive(params, "params"))[0]

    def _positive(self, values: Any, what: str) -> np.ndarray:
        array = floats(values, what)
        if array.shape != (len(self.names),) or not (np.isfinite(array) & (array > 0)).all():
            raise ValueError(
                f"{what} needs {len(self.names)} positive numbers ({', '.join(self.names)}); got {values}."
            )
        return array

    def fit(self, start: Any = None) -> Any:
        """Fit by maximum likelihood and return the results.

        Parameters
        ----------
        start : sequence of float, optional
            Positive starting values in the order of the parameters.

        Warns
        -----
        FitWarning
            Where a parameter ran to its boundary, or the search did not end.
        """
        centre = self.start()
        begin = centre if start is None else self._positive(start, "start")
        params, (llf, _, hessian), free, converged = maximise(self.derivatives, begin, centre)
        known, bounded = free.copy(), free.copy()
        while known.any():
            # Curvature in log-parameters below this: a change by e^100 would go unnoticed.
            information = -(np.outer(params, params) * hessian)[np.ix_(known, known)]
            curvature, directions = np.linalg.eigh(information)
            if curvature[0] > 1e-4:
                break
            # One parameter is held so that the others can be told apart, but none of the ridge is bounded.
            flat, inside = np.abs(directions[:, 0]), np.flatnonzero(known)
            bounded[inside[flat > 0.1]] = False
            known[inside[flat.argmax()]] = False
        covariance = np.full((len(params), len(params)), np.nan)
        covariance[np.ix_(known, known)] = np.linalg.inv(-hessian[np.ix_(known, known)])
        notes = []
        if not bounded.all():
            notes.append(self.boundary_note([self.names[i] for i in np.flatnonzero(~bounded)], params))
        if not converged:
            notes.append("The search did not reach the maximum: do not trust these estimates.")
        for note in notes:
            warnings.warn(f"{self.title}: {note}", FitWarning, stacklevel=2)
        remarks = [*self.remarks, *notes]
        return self.results_class(self, params, llf, covariance, bounded, converged, remarks)


class LikelihoodResults:
    """Results of a maximum-likelihood fit, in statsmodels' words.

    Attributes
    ----------
    params, bse : Series
        Estimates and standard errors (inverse of the observed information), indexed by parameter name.
        A parameter that the data do not bound has no standard error (NaN).
    llf, aic, bic : float
        Log-likelihood, and Akaike's and Schwarz's criteria.
    nobs : float
        Sum of the weights: the number of customers.
    converged : bool
    notes : list of str
        What the reader of the estimates must know; printed by :meth:`summary`.
    """

    def __init__(
        self,
        model: LikelihoodModel,
        params: np.ndarray,
        llf: float,
        covariance: np.ndarray,
        bounded: np.ndarray,
        converged: bool,
        notes: list[str],
    ):
        names = list(model.names)
        self.model = model
        self.params = pd.Series(params, index=names, name="estimate")
        self._covariance = pd.DataFrame(covariance, index=names, columns=names)
        self._bounded = bounded
        self.bse = pd.Series(np.sqrt(np.diag(covariance)), names, name="standard error").where(bounded)
        self.llf = float(llf)
        self.nobs = model.nobs
        self.aic = 2 * len(names) - 2 * self.llf
        self.bic = len(names) * float(np.log(self.nobs)) - 2 * self.llf
        self.converged = converged
        self.notes = notes

    def cov_params(self) -> pd.DataFrame:
        """Return the estimated covariance matrix of the parameters, NaN where the data do not bound one."""
        return self._covariance.where(np.outer(self._bounded, self._bounded))

    def conf_int(self, alpha: float = 0.05) -> pd.DataFrame:
        """Return 1 − `alpha` confidence intervals, columns 0 and 1.

        The parameters are positive, so the interval is symmetric in the logarithm:
        estimate · exp(± z · standard error / estimate). It never crosses zero.
        """
        with np.errstate(over="ignore"):  # a parameter that is not known at all: from 0 to infinity
            spread = np.exp(stats.norm.isf(level(alpha) / 2) * self.bse / self.params)
        return pd.DataFrame({0: self.params / spread, 1: self.params * spread})

    def delta_method(self, quantity: Callable[[np.ndarray], np.ndarray], alpha: float) -> pd.DataFrame:
        """Return `quantity(params)`, a vector of positive numbers, with its interval by the delta method.

        The derivative is taken by central differences in the logarithms of the parameters, and the
        interval is symmetric in the logarithm of the quantity. A parameter on its boundary counts as known.
        """
        theta = self.params.to_numpy()
        centre = quantity(theta)
        log_covariance = np.nan_to_num(self._covariance.to_numpy() / np.outer(theta, theta))
        nudge = 1e-4 * np.eye(len(theta))
        slopes = np.array(
            [(quantity(theta * np.exp(e)) - quantity(theta * np.exp(-e))) / 2e-4 for e in nudge]
        )
        error = np.sqrt(np.maximum(np.einsum("in,ij,jn->n", slopes, log_covariance, slopes), 0))
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            spread = np.exp(stats.norm.isf(level(alpha) / 2) * np.where(centre > 0, error / centre, 0))
        return pd.DataFrame({"expected": centre, "low": centre / spread, "high": centre * spread})

    def summary(self, alpha: float = 0.05) -> "Summary":
        """Return a printable table of the fit, as a statsmodels ``Summary``."""
        from statsmodels.iolib.summary import Summary
        from statsmodels.iolib.table import SimpleTable

        interval = self.conf_int(alpha)
        rows = [
            [f"{self.params[name]:.4f}", f"{self.bse[name]:.4f}"]
            + [f"{value:.4f}" for value in interval.loc[name]]
            for name in self.params.index
        ]
        head = [
            ["Observations:", f"{self.nobs:,.0f}", "Log-likelihood:", f"{self.llf:,.2f}"],
            ["Converged:", "yes" if self.converged else "NO", "AIC:", f"{self.aic:,.2f}"],
            ["Parameters:", str(len(rows)), "BIC:", f"{self.bic:,.2f}"],
        ]
        columns = ["estimate", "std err", f"[{alpha / 2:g}", f"{1 - alpha / 2:g}]"]
        table = Summary()
        table.tables = [
            SimpleTable(head, title=self.model.title),
            SimpleTable(rows, headers=columns, stubs=list(self.params.index)),
        ]
        if self.notes:
            table.add_extra_txt([f"Note: {note}" for note in self.notes])
        return table

    def __repr__(self) -> str:
        values = ", ".join(f"{name} {value:.4g}" for name, value in self.params.items())
        return f"<{self.model.title}: {values}; log-likelihood {self.llf:,.1f}>"

    def _repr_html_(self) -> str:
        interval = self.conf_int().set_axis(["95 % from", "to"], axis=1)
        table = pd.concat([self.params, self.bse, interval], axis=1).rename_axis("parameter")
        measures = {"log-likelihood": self.llf, "AIC": self.aic, "BIC": self.bic}
        facts = {"observations": f"{self.nobs:,.0f}"} | {k: f"{v:,.1f}" for k, v in measures.items()}
        return render("results.html", title=self.model.title, table=table, facts=facts, notes=self.notes)


def compress(columns: list[np.ndarray], weights: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the unique rows of `columns` and the total weight of each.

    Customers with the same history have the same likelihood, so a million of them cost no more than their
    few thousand different histories.

    Examples
    --------
    >>> rows, counts = compress([np.array([1.0, 0.0, 1.0])], np.ones(3))
    >>> rows[0].tolist(), counts.tolist()
    ([0.0, 1.0], [1.0, 2.0])
    """
    # Where all times lie on a grid, a table of all possible histories is the quickest way to count.
    grids = [grid(column) for column in columns]
    if all(grain for _, grain in grids) and math.prod(step.max() + 1 for step, _ in grids) <= 16 * len(
        weights
    ):
        sizes = [int(step.max()) + 1 for step, _ in grids]
        place = np.ravel_multi_index([step.astype(int) for step, _ in grids], sizes)
        counts = np.bincount(place, weights=weights)
        held = np.flatnonzero(counts)
        rows = np.unravel_index(held, sizes)
        return [row / grain for row, (_, grain) in zip(rows, grids, strict=True)], counts[held]
    names = [f"c{i}" for i in range(len(columns))]
    table = pl.DataFrame({**dict(zip(names, columns, strict=True)), "n": weights})
    unique = table.group_by(names, maintain_order=True).agg(pl.col("n").sum())
    return [unique[name].to_numpy() for name in names], unique["n"].to_numpy()


def grid(column: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the column in steps, and the steps in a period: 1, 7 (days told in weeks), or 0 if not whole."""
    steps = np.rint(column)
    if np.array_equal(steps, column):
        return steps, 1
    steps = np.rint(column * 7)
    return steps, 7 if np.array_equal(steps / 7, column) else 0


def rising(start: float, count: int) -> np.ndarray:
    """Return log Γ(start + j) − log Γ(start) and its first two derivatives in `start`, j = 0 … `count`.

    Sums of logarithms: exact where differences of gamma functions cancel (start of 1e8), and one pass.

    Examples
    --------
    >>> rising(1.0, 4)[0].round(4).tolist()  # log j!
    [0.0, 0.0, 0.6931, 1.7918, 3.1781]
    """
    terms = start + np.arange(count)
    out = np.zeros((3, count + 1))
    np.cumsum([np.log(terms), 1 / terms, -1 / terms**2], axis=1, out=out[:, 1:])
    return out


def unique_rows(*columns: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the unique rows, and the place of each original row among them."""
    names = [f"c{i}" for i in range(len(columns))]
    table = pl.DataFrame(dict(zip(names, columns, strict=True)))
    place = table.select(pl.struct(names).rank("dense"))[:, 0].to_numpy() - 1
    first = np.empty(place.max() + 1, int)
    first[place] = np.arange(len(place))
    return [column[first] for column in columns], place
