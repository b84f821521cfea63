"""When it was not random: matching and weighting, and how far the arms were apart to begin with."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy.spatial import cKDTree

from crmlab._arguments import level
from crmlab._columns import below_limit
from crmlab._intervals import deviations
from crmlab._tables import as_pandas, number_columns, refuse, require_columns

_TIE = 1e-9  # distances closer than that are equal


@dataclass(frozen=True, repr=False)
class Effect:
    """What a treatment did to those who had it, with its interval and the table that checks it.

    Attributes
    ----------
    estimates : Series
        ``effect``, ``low`` and ``high``, in units of the outcome.
    check : DataFrame
        What must be looked at before the effect is believed: balance, gaps before the treatment, or the
        first stage, see the function that made it.
    weights : Series or None
        How much each row counts: 1 for the treated who were compared, 0 for who was left out.
    left_out : DataFrame or None
        The treated who cannot be compared: by row, ``column``, ``value`` and the range (``low``, ``high``)
        of the others.
    about : str
        What was compared, in one sentence.
    """

    estimates: pd.Series
    check: pd.DataFrame
    about: str
    weights: pd.Series | None = None
    left_out: pd.DataFrame | None = None

    def __repr__(self) -> str:
        effect, low, high = (f"{value:,.4g}" for value in self.estimates)
        return f"Effect {effect}, interval {low} to {high}: {self.about}"


def balance(table: Any, treated: str, covariates: Sequence[str], weights: Any = None) -> pd.DataFrame:
    """Return how far the treated and the others were apart to begin with, covariate by covariate.

    Parameters
    ----------
    table : table
        One row per customer, of any engine.
    treated : str
        Column of 1 (or True) for the treated and 0 for the others.
    covariates : sequence of str
        Columns that were known before; a text column counts as one column of 0 and 1 for each of its values.
    weights : Series, optional
        How much each row counts, such as :attr:`Effect.weights`.

    Returns
    -------
    DataFrame
        By covariate: means of ``treated`` and ``others`` and ``apart``, the standardised difference: that of
        the means, in usual distances (the root of the mean of both arms' variances without weights). With
        `weights` also ``others_weighted`` and ``apart_weighted``. Beyond ±.1 or .2 a difference counts.

    Raises
    ------
    ValueError
        An arm without anybody, a column that is missing or has gaps, weights that do not fit.

    References
    ----------
    Rosenbaum, P. R. & Rubin, D. B. (1985). Constructing a control group using multivariate matched sampling
    methods that incorporate the propensity score. The American Statistician 39(1), 33–38.
    https://doi.org/10.1080/00031305.1985.10479383

    Examples
    --------
    >>> table = pd.DataFrame({"member": [1, 1, 0, 0], "orders": [4, 2, 1, 1]})
    >>> balance(table, "member", ["orders"]).round(2)
            treated  others  apart
    orders      3.0     1.0   2.83
    """
    _, on, features = _arms(as_pandas(table), treated, covariates)
    return _balance(on, features, None if weights is None else _weights(weights, features, on))


def matching(
    table: Any,
    outcome: str,
    treated: str,
    covariates: Sequence[str],
    since: str | None = None,
    measured: Mapping[str, str] | None = None,
    alpha: float = 0.05,
) -> Effect:
    """Return what a treatment did to the treated: each is compared with the most similar of the others.

    Parameters
    ----------
    table, treated, covariates
        As for :func:`balance`.
    outcome : str
        Column with what came of it.
    since, measured : str and mapping of str to str, optional
        Column with the day of treatment, and for each covariate the column with the day on which it was
        measured: of those measured later than the treatment you are warned.
    alpha : float
        One minus the level of the interval.

    Returns
    -------
    Effect
        Its ``check`` is :func:`balance` before and after, its ``weights`` say how often each was taken.

    Raises
    ------
    ValueError
        An arm without anybody, gaps, a covariate that is the treatment or the outcome, nobody who can be
        compared.

    Warns
    -----
    UserWarning
        Treated rows outside the range of the others are left out (``left_out``); a covariate was measured
        after the treatment.

    Notes
    -----
    Similar is who is nearest when each column is divided by its standard deviation; the others may be taken
    more than once, and of equally near ones the mean counts. What differs between two that are matched is
    taken off by a regression among those taken (Abadie & Imbens 2011). The interval is that of Abadie &
    Imbens (2006), theorem 7; resampling does not give one. It covers chance, and nothing that is not among
    the covariates.

    References
    ----------
    Abadie, A. & Imbens, G. W. (2006). Large sample properties of matching estimators for average treatment
    effects. Econometrica 74(1), 235–267. https://doi.org/10.1111/j.1468-0262.2006.00655.x; (2011).
    Bias-corrected matching estimators for average treatment effects. Journal of Business & Economic
    Statistics 29(1), 1–11. https://doi.org/10.1198/jbes.2009.07333

    Examples
    --------
    >>> table = pd.DataFrame({"member": [1, 1, 0, 0, 0], "before": [1, 2, 1, 2, 9]})
    >>> table["spent"] = [6, 8, 4, 5, 30]
    >>> matching(table, "spent", "member", ["before"]).estimates["effect"].item()
    2.5
    """
    frame = as_pandas(table)
    y, on, features = _arms(frame, treated, covariates, outcome)
    _told_too_late(frame, on, since, measured, covariates)
    kept, left_out = _inside(on, features)
    scaled = features.to_numpy() / _spread(features)
    taken, others = np.flatnonzero(on & kept), np.flatnonzero(~on)
    tree = cKDTree(scaled[others])
    distance, _ = tree.query(scaled[taken])
    near = tree.query_ball_point(scaled[taken], distance * (1 + _TIE) + _TIE)
    size = np.array([len(one) for one in near])
    pair, other = np.repeat(np.arange(len(taken)), size), others[np.concatenate(near).astype(int)]
    share = 1 / size[pair]
    count, squares = (np.bincount(other, part, len(frame)) for part in (share, share**2))
    used = np.flatnonzero(count)
    expected = _expected(scaled, y, used, count)
    beside = np.bincount(pair, share * (y[other] - expected[other]), len(taken))
    gain = y[taken] - (beside + expected[taken])
    # how much outcomes of the same kind of customer differ: from the nearest in the same arm
    found = tree.query(scaled[used], k=2)[1] if len(others) > 1 else np.zeros((len(used), 2), int)
    twin = others[np.where(others[found[:, 0]] == used, found[:, 1], found[:, 0])]
    noise = (y[used] - y[twin]) ** 2 / 2
    variance = ((gain - gain.mean()) ** 2).sum() + ((count[used] ** 2 - squares[used]) * noise).sum()
    weights = count + (on & kept)
    about = f"{len(taken):,} treated, each beside the nearest of {len(others):,} others"
    return _effect(gain.mean(), np.sqrt(variance) / len(taken), alpha, about, on, features, weights, left_out)


def weighting(
    table: Any,
    outcome: str,
    treated: str,
    covariates: Sequence[str],
    since: str | None = None,
    measured: Mapping[str, str] | None = None,
    alpha: float = 0.05,
) -> Effect:
    """Return what a treatment did to the treated: the others are weighted until they look like them.

    Parameters
    ----------
    table, outcome, treated, covariates, since, measured, alpha
        As for :func:`matching`.

    Returns
    -------
    Effect
        Its ``check`` is :func:`balance` before and after; ``weights`` are p / (1 − p) for the others.

    Raises
    ------
    ValueError
        As :func:`matching`, and if the covariates tell the treated and the others apart without fail.

    Warns
    -----
    UserWarning
        As :func:`matching`.

    Notes
    -----
    The propensity p, the chance of being treated given the covariates, comes from a logistic regression. The
    interval counts that p is estimated: the usual sandwich of both steps (Lunceford & Davidian 2004 for the
    average over all, here over the treated).

    References
    ----------
    Hirano, K., Imbens, G. W. & Ridder, G. (2003). Efficient estimation of average treatment effects using
    the estimated propensity score. Econometrica 71(4), 1161–1189.
    https://doi.org/10.1111/1468-0262.00442; Lunceford, J. K. & Davidian, M. (2004). Stratification and
    weighting via the propensity score. Statistics in Medicine 23(19), 2937–2960.
    https://doi.org/10.1002/sim.1903

    Examples
    --------
    >>> table = pd.DataFrame({"member": [1, 1, 0, 1, 0, 0], "city": [1, 1, 1, 0, 0, 0],
    ...                       "spent": [6.0, 8, 4, 5, 3, 1]})
    >>> weighting(table, "spent", "member", ["city"]).estimates.round(2)["effect"].item()
    3.0
    """
    frame = as_pandas(table)
    y, on, features = _arms(frame, treated, covariates, outcome)
    _told_too_late(frame, on, since, measured, covariates)
    kept, left_out = _inside(on, features)
    rows = kept | ~on
    y, t, part = y[rows], on[rows], features[rows]
    x = sm.add_constant(((part - part.mean()) / _spread(part)).to_numpy(), has_constant="add")
    p = _propensity(x, t)
    w = np.where(t, 0.0, p / (1 - p))
    ours, others = y[t].mean(), np.average(y, weights=w)
    moves = np.linalg.pinv(x.T @ (x * (p * (1 - p))[:, None]), hermitian=True)
    slope = moves @ (x.T @ (w * (y - others))) / w.mean()
    own = t * (y - ours) / t.mean() - w * (y - others) / w.mean() - (x @ slope) * (t - p)
    weights = np.zeros(len(frame))
    weights[rows] = np.where(t, 1.0, w)
    about = f"{t.sum():,} treated beside {(~t).sum():,} others, weighted to look like them"
    error = np.sqrt((own**2).mean() / len(y))
    return _effect(ours - others, error, alpha, about, on, features, weights, left_out)


# ---- what both need


def _arms(
    table: pd.DataFrame, treated: str, covariates: Sequence[str], outcome: str | None = None
) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    """Return the outcome, who is treated, and the covariates as numbers."""
    names = [covariates] if isinstance(covariates, str) else list(covariates)
    if not names:
        raise ValueError("covariates names no column: without one nothing is held constant.")
    wanted = [treated, *([] if outcome is None else [outcome]), *names]
    if len(set(wanted)) < len(wanted):
        raise ValueError(f"Each column has one part only: {', '.join(map(repr, wanted))} name one twice.")
    require_columns(table.columns, wanted)
    on = flags(table, treated)
    for name in names:
        refuse(table, table[name].isna().to_numpy(), f"no {name!r}")
    texts = [name for name in names if not pd.api.types.is_numeric_dtype(table[name])]
    made = {name: _plain(table, name) for name in names if name not in texts}
    columns = pd.DataFrame(made, index=table.index)
    columns = pd.concat([columns, *(pd.get_dummies(table[name], prefix=name) for name in texts)], axis=1)
    columns = columns.astype(float)
    if columns.nunique().max() > 1:
        columns = columns.loc[:, columns.nunique() > 1]  # what all have in common compares nobody
    y = np.zeros(0) if outcome is None else _plain(table, outcome).to_numpy()
    return y, on, columns


def _plain(table: pd.DataFrame, column: str) -> pd.Series:
    """Return a column of numbers, or of truth values as 0 and 1, checked."""
    values = table[[column]].astype(float) if pd.api.types.is_bool_dtype(table[column]) else table
    return below_limit(number_columns(values, column)[0], column)


def flags(table: pd.DataFrame, column: str) -> np.ndarray:
    """Return a column of 0 and 1 as truth values; both must occur."""
    values = _plain(table, column)
    refuse(table, ~values.isin([0, 1]).to_numpy(), f"a {column!r} that is neither 0 nor 1")
    on: np.ndarray = values.to_numpy() == 1
    if on.all() or not on.any():
        raise ValueError(
            f"All {len(on):,} rows have {column} = {int(on[0])}: an arm without anybody leaves nothing to "
            "compare."
        )
    return on


def _spread(features: pd.DataFrame) -> np.ndarray:
    spread = features.std(ddof=0).to_numpy()
    return np.where(spread > 0, spread, 1.0)


def _told_too_late(
    table: pd.DataFrame, on: np.ndarray, since: str | None, measured: Any, covariates: Sequence[str]
) -> None:
    """Warn of covariates that were measured after the treatment, which may have changed them."""
    if (since is None) != (measured is None):
        raise ValueError("since and measured belong together: the days of treatment and of measuring.")
    if since is None:
        return
    require_columns([*covariates], measured)
    require_columns(table.columns, [since, *measured.values()])
    for name, column in measured.items():
        late = on & (pd.to_datetime(table[column]) > pd.to_datetime(table[since])).to_numpy()
        if late.any():
            warnings.warn(
                f"{name} was measured after the treatment in {late.sum():,} of {on.sum():,} treated rows "
                f"(first: {table.index[late].tolist()[0]!r}): the treatment may have changed it, and holding "
                "it constant then takes a part of the effect away.",
                UserWarning,
                stacklevel=3,
            )


def _inside(on: np.ndarray, features: pd.DataFrame) -> tuple[np.ndarray, pd.DataFrame]:
    """Return which rows can be compared, and of the treated outside the others' range why not."""
    values, low, high = features.to_numpy(), features[~on].min().to_numpy(), features[~on].max().to_numpy()
    row, column = np.nonzero(((values < low) | (values > high)) & on[:, None])
    names = features.columns[column]
    found = pd.DataFrame(
        {"column": names, "value": values[row, column], "low": low[column], "high": high[column]},
        index=features.index[row],
    )
    kept = ~np.isin(np.arange(len(on)), row)
    if not (kept & on).any():
        one = found.iloc[0]
        raise ValueError(
            f"None of the {on.sum():,} treated can be compared: row {found.index.tolist()[0]!r} has "
            f"{one['column']} {one['value']:g}, and the others lie from {one['low']:g} to {one['high']:g}."
        )
    if len(found):
        warnings.warn(
            f"{(on & ~kept).sum():,} of {on.sum():,} treated lie outside the range of the others in "
            f"{', '.join(sorted(set(map(str, names))))} and were left out (see left_out): the effect is that "
            "on the rest.",
            UserWarning,
            stacklevel=3,
        )
    return kept, found


def _expected(scaled: np.ndarray, y: np.ndarray, used: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Return for each row the outcome without treatment, by a regression among those taken; else zeros."""
    x = sm.add_constant(scaled, has_constant="add")
    if len(used) <= 2 * x.shape[1]:
        return np.zeros(len(y))  # too few to tell how outcomes hang on covariates
    root = np.sqrt(count[used])  # all values of a text are columns, so one is told by the others: lstsq
    return np.asarray(x @ np.linalg.lstsq(x[used] * root[:, None], y[used] * root, rcond=None)[0])


def _propensity(x: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Return the chance of being treated by a logistic regression, or refuse where it knows without fail."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of separation: met below, in words
        p = np.asarray(sm.GLM(t.astype(float), x, family=sm.families.Binomial()).fit(maxiter=100).predict())
    if p[~t].max() < p[t].min() or p[t].max() > 1 - 1e-6:
        raise ValueError(
            "The covariates tell some of the treated from all others without fail, so that nobody is like "
            "them: leave out the column that decides, or compare only those who might have been in either "
            "arm."
        )
    return p


def _weights(weights: Any, features: pd.DataFrame, on: np.ndarray) -> np.ndarray:
    given = pd.Series(weights)
    if len(given) != len(features) or not given.index.equals(features.index):
        raise ValueError("weights have one number per row of the table, by the same index.")
    values = given.to_numpy(float)
    if not np.isfinite(values).all() or (values < 0).any() or not values[on].any() or not values[~on].any():
        raise ValueError("weights are finite, at least 0, and above 0 somewhere in each arm.")
    return values


def _balance(on: np.ndarray, features: pd.DataFrame, weights: np.ndarray | None) -> pd.DataFrame:
    ours, others = features[on], features[~on]
    usual = np.sqrt((ours.var(ddof=0) + others.var(ddof=0)) / 2)
    usual = usual.where(usual > 0)
    found = pd.DataFrame({"treated": ours.mean(), "others": others.mean()})
    found["apart"] = (found["treated"] - found["others"]) / usual
    if weights is not None:
        mean = [pd.Series(np.average(part, axis=0, weights=weights[arm]), features.columns)
                for part, arm in ((ours, on), (others, ~on))]  # fmt: skip
        found["treated"] = mean[0]
        found["others_weighted"], found["apart_weighted"] = mean[1], (mean[0] - mean[1]) / usual
    return found


def _effect(
    effect: float, error: float, alpha: float, about: str, on: Any, features: Any, weights: Any, left_out: Any
) -> Effect:
    half = deviations(level(alpha)) * error
    estimates = pd.Series({"effect": effect, "low": effect - half, "high": effect + half})
    check = _balance(on, features, weights)
    return Effect(estimates, check, about, pd.Series(weights, features.index), left_out)
