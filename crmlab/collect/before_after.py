"""When it was not random: difference in differences, and an instrument."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy.stats import t as student

from crmlab._arguments import level
from crmlab._columns import below_limit
from crmlab._intervals import IntervalWarning, deviations
from crmlab._tables import as_pandas, number_columns, refuse, require_columns
from crmlab.collect.effects import Effect, flags

FEW = 5  # treated clusters: below that a cluster-robust interval is too narrow
WEAK = 10.0  # first-stage F below which the usual interval of an instrument misleads


def differences(
    panel: Any,
    outcome: str,
    unit: str,
    period: str,
    treated: str,
    cluster: str | None = None,
    alpha: float = 0.05,
) -> Effect:
    """Return by how much more the treated changed than the others, from before to after.

    Parameters
    ----------
    panel : table
        One row per unit (customer, region, state) and period, of any engine; no unit lacks a period.
    outcome : str
        Column with what is compared.
    unit, period : str
        Columns that say whose row it is and of which time; periods in order of size.
    treated : str
        Column of 1 (or True) where the unit is treated in the period: the treated all begin in the same
        period and remain so.
    cluster : str, optional
        Column of what shares its luck (such as the region of a customer); the unit itself if not given.
    alpha : float
        One minus the level of the interval.

    Returns
    -------
    Effect
        Its ``check`` has for each period ``treated`` and ``others`` (means), ``gap`` (the first less the
        second, less the same in the last period before), ``low``, ``high`` (of the gap) and ``after``. Gaps
        before the treatment should be near 0.

    Raises
    ------
    ValueError
        A unit that lacks a period or has one twice, treatment that ends or begins at several times, nobody
        treated or nobody left, nothing before or after, fewer than three clusters.

    Warns
    -----
    IntervalWarning
        Fewer than five treated clusters, or other ones: the interval is known to be too narrow.

    Notes
    -----
    Least squares with a mean for each unit and each period, and errors that may hang together within a
    cluster; the interval takes Student's t with the clusters less one.

    References
    ----------
    Bertrand, M., Duflo, E. & Mullainathan, S. (2004). How much should we trust differences-in-differences
    estimates? Quarterly Journal of Economics 119(1), 249–275. https://doi.org/10.1162/003355304772839588;
    Conley, T. G. & Taber, C. R. (2011). Inference with "difference in differences" with a small number of
    policy changes. Review of Economics and Statistics 93(1), 113–125.
    https://doi.org/10.1162/REST_a_00049

    Examples
    --------
    >>> panel = pd.DataFrame({
    ...     "region": list("aabbccddeeffgghhiijj"), "year": [1, 2] * 10,
    ...     "orders": [4, 9, 5, 9, 6, 10, 5, 9, 4, 8] + [3, 4, 5, 7, 4, 5, 3, 5, 4, 5],
    ... })
    >>> panel["open"] = (panel["region"] < "f") & (panel["year"] == 2)
    >>> differences(panel, "orders", "region", "year", "open").estimates.round(2).tolist()
    [2.8, 2.08, 3.52]
    """
    table = as_pandas(panel)
    names = [outcome, unit, period, treated, *([] if cluster is None else [cluster])]
    require_columns(table.columns, dict.fromkeys(names))
    for name in (unit, period, *([] if cluster is None else [cluster])):
        refuse(table, table[name].isna().to_numpy(), f"no {name!r}")
    on = flags(table, treated)
    below_limit(number_columns(table, outcome)[0], outcome)
    refuse(table, table.duplicated([unit, period]).to_numpy(), f"a {unit!r} and {period!r} that come twice")
    wide = table.pivot(index=unit, columns=period, values=outcome).astype(float)
    if wide.isna().to_numpy().any():
        lacks = wide.isna().any(axis=1)
        one = wide.index[lacks].tolist()[0]
        lacking = wide.columns[wide.loc[one].isna()].tolist()[0]
        raise ValueError(
            f"The panel has gaps: {lacks.sum():,} of {len(wide):,} units lack a period, the first is {one!r} "
            f"without {lacking!r}. Fill in what is 0, or leave these units out."
        )
    when = table.assign(on=on).pivot(index=unit, columns=period, values="on").astype(bool)
    ours = when.any(axis=1)
    pattern = when[ours].drop_duplicates().to_numpy()
    if len(pattern) > 1 or (np.diff(pattern[0].astype(int)) < 0).any():
        raise ValueError(
            "The treated must all begin in the same period and remain treated; here treatment begins at "
            "several times or ends. Compare one beginning at a time with those who are not treated."
        )
    after = pattern[0]
    if after.all() or ours.all():
        what = "period before the treatment" if after.all() else "unit that is never treated"
        raise ValueError(f"There is no {what}: nothing to compare with.")
    share = _shared(table, unit, cluster, wide.index)
    trend = _trend(wide, ours, after, share, alpha)
    # the mean after less the mean before of each unit: least squares with means of units and periods
    change = wide.loc[:, after].mean(axis=1) - wide.loc[:, ~after].mean(axis=1)
    estimates, count = _clustered(change, ours, share, alpha)
    if min(count) < FEW:
        warnings.warn(
            f"Of the clusters {count[0]} are treated and {count[1]} are not: with fewer than {FEW} of either "
            "the interval is too narrow. See how far the others come when each plays the treated one.",
            IntervalWarning,
            stacklevel=2,
        )
    about = f"{ours.sum():,} treated and {(~ours).sum():,} others, {(~after).sum()} periods before and "
    about += f"{after.sum()} after"
    return Effect(estimates, trend, about)


def _shared(table: pd.DataFrame, unit: str, cluster: str | None, units: pd.Index) -> pd.Series:
    """Return the cluster of each unit: one and the same in all its periods."""
    if cluster is None or cluster == unit:
        return pd.Series(range(len(units)), units)
    if (moves := table.groupby(unit)[cluster].nunique() > 1).any():
        raise ValueError(f"{unit} {moves.index[moves].tolist()[0]!r} is in more than one {cluster!r}.")
    codes, _ = pd.factorize(table.groupby(unit)[cluster].first().reindex(units))
    return pd.Series(codes, units)


def _clustered(
    change: pd.Series, ours: pd.Series, share: pd.Series, alpha: float
) -> tuple[pd.Series, tuple[int, int]]:
    """Return the difference of the means of two groups with its interval, and the clusters of each."""
    count = share[ours].nunique(), share[~ours].nunique()
    if share.nunique() < 3:
        raise ValueError(
            f"There are {share.nunique()} clusters: from fewer than three no interval can be had."
        )
    fitted = sm.OLS(change.to_numpy(), sm.add_constant(ours.to_numpy(float)))
    result = fitted.fit(cov_type="cluster", cov_kwds={"groups": share.to_numpy()}, use_t=True)
    half = student.ppf(1 - level(alpha) / 2, share.nunique() - 1) * result.bse[1]
    effect = result.params[1]
    return pd.Series({"effect": effect, "low": effect - half, "high": effect + half}), count


def _trend(
    wide: pd.DataFrame, ours: pd.Series, after: np.ndarray, share: pd.Series, alpha: float
) -> pd.DataFrame:
    """Return for each period how far the two groups are apart, beside the last period before."""
    last = wide.columns[~after][-1]
    rows = {}
    for time in wide.columns:
        gap = pd.Series(0.0, ["effect", "low", "high"])
        if time != last:
            gap, _ = _clustered(wide[time] - wide[last], ours, share, alpha)
        rows[time] = {"treated": wide.loc[ours, time].mean(), "others": wide.loc[~ours, time].mean()}
        rows[time] |= {"gap": gap["effect"], "low": gap["low"], "high": gap["high"]}
    return pd.DataFrame(rows).T.rename_axis(wide.columns.name).assign(after=after)


def instrument(
    table: Any,
    outcome: str,
    treated: str,
    lot: str,
    covariates: Sequence[str] = (),
    cluster: str | None = None,
    alpha: float = 0.05,
) -> Effect:
    """Return what a treatment did to those whom a lot moved into it: two-stage least squares.

    Parameters
    ----------
    table : table
        One row per customer, of any engine.
    outcome, treated : str
        Columns: what came of it, and 1 (or True) for those who took the treatment.
    lot : str
        The instrument: a column of 1 and 0 that moves people into the treatment, that chance decided or as
        good as chance, and that does nothing else to the outcome.
    covariates : sequence of str
        Columns known before the lot: they make the interval narrower.
    cluster : str, optional
        Column of what shares its luck.
    alpha : float
        One minus the level of the interval.

    Returns
    -------
    Effect
        Without covariates the effect is Wald's ratio. Its ``check`` has the rows ``with the lot`` and
        ``without`` and ``difference``, with ``customers``, ``took`` (share treated) and ``outcome`` (means);
        of the difference ``low``, ``high`` of the share and ``F``, the strength of the first stage.

    Raises
    ------
    ValueError
        An arm without anybody, gaps, an instrument that moves nothing (the interval of the share holds 0).

    Warns
    -----
    IntervalWarning
        A weak instrument: F below 10.

    References
    ----------
    Angrist, J. D., Imbens, G. W. & Rubin, D. B. (1996). Identification of causal effects using instrumental
    variables. Journal of the American Statistical Association 91(434), 444–455.
    https://doi.org/10.1080/01621459.1996.10476902; Staiger, D. & Stock, J. H. (1997). Instrumental variables
    regression with weak instruments. Econometrica 65(3), 557–586. https://doi.org/10.2307/2171753

    Examples
    --------
    >>> table = pd.DataFrame({"offered": [1] * 20 + [0] * 20, "member": [1] * 12 + [0] * 28,
    ...                       "spent": [9, 7, 8, 6] * 3 + [2, 3] * 4 + [5, 6, 3, 4, 5] * 4})
    >>> found = instrument(table, "spent", "member", "offered")
    >>> round(found.estimates["effect"].item(), 2), found.check["took"].tolist()
    (1.5, [0.6, 0.0, 0.6])
    """
    frame = as_pandas(table)
    names = [outcome, treated, lot, *covariates, *([] if cluster is None else [cluster])]
    require_columns(frame.columns, dict.fromkeys(names))
    on, drawn = (flags(frame, column).astype(float) for column in (treated, lot))
    y, *others = (
        below_limit(one, str(name)).to_numpy()
        for one, name in zip(number_columns(frame, outcome, *covariates), [outcome, *covariates], strict=True)
    )
    extra = [(one - one.mean()) / (one.std() or 1) for one in others]
    first_x = np.column_stack([np.ones(len(y)), drawn, *extra])
    groups = np.arange(len(y)) if cluster is None else pd.factorize(frame[cluster])[0]
    if (groups < 0).any():
        refuse(frame, groups < 0, f"no {cluster!r}")
    if len(set(groups)) < 3:
        raise ValueError("There are fewer than three clusters: no interval can be had.")
    kind = {"cov_type": "cluster", "cov_kwds": {"groups": groups}}
    first = sm.OLS(on, first_x).fit(**kind)
    z = deviations(level(alpha))
    moved, error = first.params[1], first.bse[1]
    strength = (moved / error) ** 2 if error > 0 else np.inf
    if abs(moved) <= z * error or moved == 0:
        raise ValueError(
            f"The instrument {lot!r} moves nothing: with it {on[drawn == 1].mean():.3f} took {treated!r} and "
            f"without it {on[drawn == 0].mean():.3f} (F = {strength:.1f}), which may be luck. It cannot tell "
            f"what {treated!r} does."
        )
    if strength < WEAK:
        warnings.warn(
            f"{lot!r} is a weak instrument: F = {strength:.1f}, below {WEAK:g}. The effect leans towards the "
            "plain comparison, and the interval is too narrow.",
            IntervalWarning,
            stacklevel=2,
        )
    taken = np.column_stack([np.ones(len(y)), on, *extra])
    fitted = np.column_stack([np.ones(len(y)), first.fittedvalues, *extra])
    params = np.linalg.lstsq(fitted, y, rcond=None)[0]
    scores = pd.DataFrame(fitted * (y - taken @ params)[:, None]).groupby(groups).sum().to_numpy()
    bread = np.linalg.inv(fitted.T @ fitted)
    count, rows = len(scores), len(y)
    small = count / (count - 1) * (rows - 1) / (rows - fitted.shape[1])
    half = z * np.sqrt(small * (bread @ scores.T @ scores @ bread)[1, 1])
    check = pd.DataFrame(
        {
            "customers": [drawn.sum(), rows - drawn.sum(), rows],
            "took": [on[drawn == 1].mean(), on[drawn == 0].mean(), moved],
            "outcome": [y[drawn == 1].mean(), y[drawn == 0].mean(), sm.OLS(y, first_x).fit().params[1]],
            "low": [np.nan, np.nan, moved - z * error], "high": [np.nan, np.nan, moved + z * error],
            "F": [np.nan, np.nan, strength],
        },
        index=["with the lot", "without", "difference"],
    ).astype({"customers": int})  # fmt: skip
    estimates = pd.Series({"effect": params[1], "low": params[1] - half, "high": params[1] + half})
    about = (
        f"{int(drawn.sum()):,} with the lot and {int(rows - drawn.sum()):,} without, {moved:.0%} moved by it"
    )
    return Effect(estimates, check, about)
