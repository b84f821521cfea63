"""The search for a maximum of the likelihood, and how far around it the likelihood stays near the maximum."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import stats

REACH = 18.0  # a logarithm this far from the start is a boundary: the parameter has run to 0 or infinity
CLOSE = 1e-9  # twice the log-likelihood still to be gained, by the quadratic model, when the search ends
WELL = 0.4  # a standard error of the logarithm up to which the likelihood is taken for a parabola
Derivatives = tuple[float, np.ndarray, np.ndarray]


def maximise(
    derivatives: Callable[[np.ndarray], Derivatives],
    start: np.ndarray,
    centre: np.ndarray | None = None,
    steps: int = 200,
    units: np.ndarray | None = None,
    close: float = CLOSE,
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
    units : ndarray, shape (k,), optional
        NaN for a positive parameter; for one that may have either sign (the effect of a covariate), the
        change that is a small step for it. It is searched in these units, 18 of them on either side.
    close : float
        The Newton decrement, twice the gain still in sight, below which the step is the last.

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
    does not gain is shortened. A last step from a Newton decrement below 1e-9 starts
    within a few hundred-thousandths of a standard error of the maximum and ends far nearer to it.

    Examples
    --------
    The rate of an exponential distribution with ten observations that sum to 5 is 2:

    >>> def exponential(theta):
    ...     rate = theta[0]
    ...     return 10 * np.log(rate) - 5 * rate, np.array([10 / rate - 5]), np.array([[-10 / rate**2]])
    >>> round(maximise(exponential, np.array([1.0]))[0][0], 6)
    np.float64(2.0)
    """

    units = np.full(len(start), np.nan) if units is None else units
    positive = np.isnan(units)

    def at(point: np.ndarray) -> tuple[Derivatives, np.ndarray, np.ndarray]:
        theta = from_search(point, units)
        slope = slopes(theta, units)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            value, gradient, hessian = derivatives(theta)
            scaled = slope * gradient
            curved = slope[:, None] * slope * hessian
            curved.flat[:: len(slope) + 1] += np.where(positive, scaled, 0)
        if not (np.isfinite(value) and np.isfinite(curved).all()):
            value = -np.inf
        return (value, gradient, hessian), scaled, curved

    origin = to_search(start if centre is None else centre, units)
    point = np.clip(to_search(start, units), origin - REACH, origin + REACH)
    here, gradient, hessian = at(point)
    if here[0] == -np.inf:
        raise ValueError(
            f"The log-likelihood is not finite at {np.asarray(start).tolist()}: start elsewhere."
        )
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
        if decrement < close:  # this last step is too small to need another look
            point, here, converged = point + step, (here[0] + decrement / 2, *here[1:]), True
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
    return from_search(point, units), here, free, converged


def to_search(params: np.ndarray, units: np.ndarray) -> np.ndarray:
    """Return where parameters lie in the search: in logarithms, or in units where either sign may be."""
    return np.where(np.isnan(units), np.log(np.where(np.isnan(units), params, 1)), params / units)


def from_search(point: np.ndarray, units: np.ndarray) -> np.ndarray:
    """Return the parameters at this point of the search."""
    with np.errstate(over="ignore"):
        return np.where(np.isnan(units), np.exp(point), point * units)


def slopes(params: np.ndarray, units: np.ndarray) -> np.ndarray:
    """Return the change of each parameter with its place in the search."""
    return np.where(np.isnan(units), params, units)


def profile(results: Any, measure: Callable[[np.ndarray], np.ndarray], alpha: float) -> np.ndarray:
    """Return the ends of the profile-likelihood intervals of `measure(params)`, shape (2, n).

    The interval runs over all parameters whose log-likelihood lies at most half the 1 − `alpha` quantile of
    chi-squared(1) below the maximum. A parameter that the data hardly bound is moved as far as that goes,
    another such one at several values, the rest following; what is then left of the room goes to the
    parameters that are well known, for which the parabola holds.
    """
    model, units = results.model, results.model.units
    best, centre = (to_search(theta, units) for theta in (results.params.to_numpy(), model.start()))
    slope = slopes(results.params.to_numpy(), units)
    covariance = results._covariance / np.outer(slope, slope)
    known = np.where(results._known, np.diag(covariance), np.inf) < WELL**2
    held, free = np.flatnonzero(~known).tolist(), np.flatnonzero(known)
    allowed = stats.chi2.isf(alpha, 1) / 2

    def settle(point: np.ndarray, fixed: tuple[int, ...]) -> tuple[np.ndarray, float]:
        theta, rest = from_search(point, units), np.setdiff1d(np.arange(len(point)), fixed)

        def given_the_fixed(some: np.ndarray) -> Derivatives:
            theta[rest] = some
            value, gradient, hessian = model.derivatives(theta)
            return value, gradient[rest], hessian[np.ix_(rest, rest)]

        if not len(rest):
            return point, float(results.llf - model.derivatives(theta)[0])
        try:
            found, (value, *_), *_ = maximise(given_the_fixed, theta[rest], units=units[rest], steps=30)
        except ValueError:
            return point, np.inf
        theta[rest] = found
        return to_search(theta, units), results.llf - value

    met = [(best, 0.0)]

    def walk(begin: np.ndarray, moved: int, end: float, fixed: tuple[int, ...]) -> None:
        low, high, here = begin[moved], end, begin
        for _ in range(8):
            trial = here.copy()
            trial[moved] = (low + high) / 2
            there, short = settle(trial, fixed)
            if short > allowed:
                high = trial[moved]
            else:
                low, here = trial[moved], there
                met.append((there, max(short, 0.0)))

    for moved in held:
        ends = centre[moved] + np.array([REACH, -REACH])
        for end in ends:
            walk(best, moved, end, (moved,))
        for other in (place for place in held if place != moved):
            for level in centre[other] + np.array([-4.0, -2.0, 0.0, 2.0, 4.0]):
                # the best that this value of the other allows, from wherever it is found
                begins = np.repeat(best[None], 3, axis=0)
                begins[:, other] = level
                begins[1:, moved] = best[moved] + level - best[other], centre[moved]
                there, short = min((settle(one, (other,)) for one in begins), key=lambda found: found[1])
                if short <= allowed:
                    met.append((there, max(short, 0.0)))
                    for end in ends:
                        walk(there, moved, end, (moved, other))
    values = np.array([measure(from_search(point, units)) for point, _ in met])
    rates = np.array(
        [
            measure(from_search(best + e, units)) - measure(from_search(best - e, units))
            for e in 1e-4 * np.eye(len(best))[free]
        ]
    ).reshape(len(free), -1)
    spread = np.einsum("in,ij,jn->n", rates, covariance[np.ix_(free, free)], rates)
    error = np.sqrt(np.maximum(spread, 0)) / 2e-4
    room = np.sqrt(2 * (allowed - np.array([short for _, short in met])))[:, None] * error
    return np.array([(values - room).min(axis=0), (values + room).max(axis=0)])
