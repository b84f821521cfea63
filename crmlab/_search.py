"""The search for a maximum of the likelihood, and how far around it the likelihood stays near the maximum."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import stats

REACH = 18.0  # a logarithm this far from the start is a boundary: the parameter has run to 0 or infinity
CLOSE = 1e-9  # twice the log-likelihood still to be gained, by the quadratic model, when the search ends
Derivatives = tuple[float, np.ndarray, np.ndarray]


def maximise(
    derivatives: Callable[[np.ndarray], Derivatives],
    start: np.ndarray,
    centre: np.ndarray | None = None,
    steps: int = 200,
    units: np.ndarray | None = None,
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

    units = np.full(len(start), np.nan) if units is None else units

    def at(point: np.ndarray) -> tuple[Derivatives, np.ndarray, np.ndarray]:
        theta = from_search(point, units)
        slope = slopes(theta, units)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            value, gradient, hessian = derivatives(theta)
            scaled = slope * gradient
            curved = np.outer(slope, slope) * hessian + np.diag(np.where(np.isnan(units), scaled, 0))
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
    chi-squared(1) below the maximum. A parameter that the data do not bound is moved, towards the start and
    away from it, as far as that goes, the others following; what is then left of the room goes to the
    others, for which the parabola holds.
    """
    model, units, known = results.model, results.model.units, results._known
    best, centre = (to_search(theta, units) for theta in (results.params.to_numpy(), model.start()))
    free, held = np.flatnonzero(known), np.flatnonzero(~known)
    allowed = stats.chi2.isf(alpha, 1) / 2

    def settle(point: np.ndarray) -> tuple[np.ndarray, float]:
        theta = from_search(point, units)

        def given_the_held(some: np.ndarray) -> Derivatives:
            theta[free] = some
            value, gradient, hessian = model.derivatives(theta)
            return value, gradient[free], hessian[np.ix_(free, free)]

        if not len(free):
            return point, results.llf - model.derivatives(theta)[0]
        try:
            found, (value, *_), *_ = maximise(given_the_held, theta[free].copy(), units=units[free], steps=20)
        except ValueError:
            return point, np.inf
        theta[free] = found
        return to_search(theta, units), results.llf - value

    met = [(best, 0.0)]
    for moved in held:
        others = [place for place in held if place != moved]
        for shift in (-2.0, 0.0, 2.0) if others else (0.0,):
            begin = best.copy()
            begin[others] += shift
            for end in (centre[moved], best[moved] + np.sign(best[moved] - centre[moved]) * REACH):
                low, high, here = 0.0, 1.0, begin
                for _ in range(7):
                    trial = here.copy()
                    trial[moved] = best[moved] + (low + high) / 2 * (end - best[moved])
                    there, short = settle(trial)
                    if short > allowed:
                        high = (low + high) / 2
                    else:
                        low, here = (low + high) / 2, there
                        met.append((there, max(short, 0.0)))
    nudge = 1e-4 * np.eye(len(best))[free]
    rates = np.array(
        [measure(from_search(best + e, units)) - measure(from_search(best - e, units)) for e in nudge]
    )
    slope = slopes(results.params.to_numpy(), units)[free]
    covariance = results._covariance.to_numpy()[np.ix_(free, free)] / np.outer(slope, slope)
    error = np.sqrt(np.maximum(np.einsum("in,ij,jn->n", rates, covariance, rates), 0)) / 2e-4
    values = np.array([measure(from_search(point, units)) for point, _ in met])
    room = np.sqrt(2 * np.maximum(allowed - np.array([short for _, short in met]), 0))[:, None] * error
    return np.array([(values - room).min(axis=0), (values + room).max(axis=0)])
