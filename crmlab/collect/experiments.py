"""Experiments: were the arms alike, and what was changed, with an interval."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from crmlab._arguments import level
from crmlab._intervals import IntervalWarning, newcombe
from crmlab._tables import as_pandas, numbers, refuse, require_columns
from crmlab.collect.lots import with_ids

_FEW = 10  # clusters in an arm, below which an interval is told to be unsure


class LotWarning(UserWarning):
    """What was compared is doubtful: a column of afterwards was taken for one of before."""


def lot_balance(data: Any, columns: Sequence[str], arm: str = "arm", control: Any = None) -> pd.DataFrame:
    """Return how far two arms differ in what was known of their customers before the lot.

    Parameters
    ----------
    data : table
        One row per customer.
    columns : sequence of str
        Known before the lot. A column of texts has a row for each of its values.
    arm, control
        Column, and which of its two values is compared with (False, 0 or "control" by default).

    Returns
    -------
    DataFrame
        Index ``column``; the average in either arm, ``difference_sd`` (treated less control, in standard
        deviations of the two arms together) and ``p_value`` (Welch). Of twenty columns one lies below .05 by
        luck alone.

    Raises
    ------
    ValueError
        If a column is absent, has missing values or is equal for all, or there are not two arms.

    Examples
    --------
    >>> table = pd.DataFrame({"arm": ["control", "treated"] * 3, "orders": [1, 2, 3, 3, 5, 4]})
    >>> lot_balance(table, ["orders"]).round(2)
            control  treated  difference_sd  p_value
    column
    orders      3.0      3.0            0.0      1.0
    """
    table = as_pandas(data)
    treated, _ = _arms(table, arm, control)
    require_columns(table.columns, columns)
    plain = table[list(columns)].reset_index(drop=True)
    texts = [one for one in plain if not pd.api.types.is_numeric_dtype(plain[one])]
    refuse(plain, plain[texts].isna().any(axis=1).to_numpy(), f"a missing value of {texts}")
    rows = {}
    for one, values in pd.get_dummies(plain, columns=texts, dtype=float).astype(float).items():
        x = numbers(values, str(one)).to_numpy()
        mean, effect, covariance, freedom = _difference(x[:, None], treated, None)
        spread = np.sqrt((x[treated].var() + x[~treated].var()) / 2)
        if spread == 0:
            raise ValueError(f"{one!r} is the same for everybody: there is nothing to compare. Leave it out.")
        p_value = 2 * stats.t.sf(abs(effect[0]) / np.sqrt(covariance[0, 0]), freedom)
        rows[one] = [*mean, effect[0] / spread, p_value]
    names = ["control", "treated", "difference_sd", "p_value"]
    return pd.DataFrame.from_dict(rows, "index", columns=names).rename_axis("column")


def trial_effect(
    data: Any,
    outcome: str | Sequence[str],
    arm: str = "arm",
    control: Any = None,
    taken: str | None = None,
    before: str | Sequence[str] | None = None,
    before_on: str | None = None,
    lot_on: str | None = None,
    cluster: str | None = None,
    by: str | None = None,
    customer: str = "customer_id",
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Return what an experiment changed, by the arm that the lot gave (intention to treat), with an interval.

    Parameters
    ----------
    data : table
        One row per customer that was in the lot, whatever became of it.
    outcome : str or sequence of str
        Columns. One of True and False is a share, one of numbers a mean (orders, money per customer).
    arm, control
        Column, and which of its two values is compared with (False, 0 or "control" by default).
    taken : str, optional
        Column of True and False: who took what was offered. Adds the effect of taking it.
    before : str or sequence of str, optional
        Columns of numbers known before the lot, which tell a part of the outcome and are taken off (CUPED).
    before_on, lot_on : str, optional
        Columns of days: until when `before` was counted, and of the lot.
    cluster : str, optional
        Column of ids: whose outcomes go together, as where lots were drawn for whole households.
    by : str, optional
        Column of groups, chosen before anybody looked: an effect for each, and whether they differ.
    customer : str
        Column of ids or index of that name, if there is one. With ``cluster`` the same, a customer may have
        several rows.
    alpha : float
        One minus the level of the intervals.

    Returns
    -------
    DataFrame
        Index ``outcome`` (and `by`); ``customers``, the averages ``control`` and ``treated``, ``effect``
        (their difference; with `before`, corrected), ``low``, ``high`` and ``p_value``. With more rows than
        one ``p_holm``, corrected for their number; with `by` also ``p_alike``, for all groups having the same
        effect; with `before` ``variance_saved``; with `taken` ``take_up`` (share who took it, treated less
        control), ``effect_taken``, ``low_taken`` and ``high_taken``.

    Raises
    ------
    ValueError
        If there are not two arms with two customers each, somebody is in both arms or comes twice, a value is
        missing, an outcome of numbers does not vary, nobody took the offer, or clusters are too few.

    Warns
    -----
    LotWarning
        If `before` was counted until after the lot, or differs between the arms as no lot would have it.
    IntervalWarning
        If an arm has fewer than 10 clusters, or take-up differs too little for an interval to have an end.

    Notes
    -----
    Mean of numbers: Welch's interval; with clusters the same, from sums of each cluster, as many degrees of
    freedom as clusters allow. Share: Newcombe's interval, which exists where nobody did it. Effect of taking:
    effect / take-up (Wald's instrument; it is that on those who take because they were offered), with
    Fieller's interval, which is that of Anderson and Rubin. CUPED: one slope for both arms.

    References
    ----------
    Angrist, J. D., Imbens, G. W. & Rubin, D. B. (1996). Identification of causal effects using instrumental
    variables. Journal of the American Statistical Association 91(434), 444–455.
    https://doi.org/10.1080/01621459.1996.10476902
    Deng, A., Xu, Y., Kohavi, R. & Walker, T. (2013). Improving the sensitivity of online controlled
    experiments by utilizing pre-experiment data. WSDM, 123–132. https://doi.org/10.1145/2433396.2433413

    Examples
    --------
    >>> table = pd.DataFrame({"arm": ["control", "treated"] * 4, "orders": [0, 2, 1, 1, 0, 3, 1, 2]})
    >>> trial_effect(table, "orders").round(2)
             customers  control  treated  effect   low  high  p_value
    outcome
    orders           8      0.5      2.0     1.5  0.24  2.76     0.03
    """
    table = with_ids(as_pandas(data), customer)
    outcomes = [outcome] if isinstance(outcome, str) else list(outcome)
    covariates = [] if before is None else [before] if isinstance(before, str) else list(before)
    others = [one for one in (taken, before_on, lot_on, cluster, by) if one is not None]
    require_columns(table.columns, [arm, *outcomes, *covariates, *others])
    refuse(table, table[others].isna().any(axis=1).to_numpy(), f"a missing value of {others}")
    level(alpha)
    _one_arm_each(table, arm, customer, cluster)
    _, control = _arms(table, arm, control)
    _counted_before(table, covariates, arm, control, before_on, lot_on)
    groups = [(None, table)] if by is None else list(table.groupby(by, observed=True))
    rows, names = [], []
    for one in outcomes:
        found = []
        for group, part in groups:
            try:
                found.append(_one_effect(part, one, arm, control, taken, covariates, cluster, alpha))
            except ValueError as error:
                raise ValueError(str(error) if by is None else f"{by} {group!r}: {error}") from None
            names.append(one if by is None else (one, group))
        if by is not None:
            weight = np.array([1 / row["se"] ** 2 if row["se"] else 0.0 for row in found])
            effect = np.array([row["effect"] for row in found])
            q = (weight * (effect - np.average(effect, weights=weight)) ** 2).sum() if weight.all() else 0.0
            for row in found:
                row["p_alike"] = stats.chi2.sf(q, len(found) - 1) if len(found) > 1 else 1.0
        rows += found
    result = pd.DataFrame(rows).drop(columns="se")
    result.index = pd.Index(names, name="outcome") if by is None else pd.MultiIndex.from_tuples(names)
    result.index.names = ["outcome"] if by is None else ["outcome", by]
    if len(result) > 1:
        order = result["p_value"].argsort(kind="stable").to_numpy()
        holm = np.maximum.accumulate(result["p_value"].to_numpy()[order] * np.arange(len(order), 0, -1))
        result.insert(list(result).index("p_value") + 1, "p_holm", np.minimum(holm, 1)[order.argsort()])
    return result


def _one_effect(
    part: pd.DataFrame,
    outcome: str,
    arm: str,
    control: Any,
    taken: str | None,
    covariates: list[str],
    cluster: str | None,
    alpha: float,
) -> dict[str, float]:
    """Return the row of one outcome in one group."""
    treated, _ = _arms(part, arm, control)
    share = pd.api.types.is_bool_dtype(part[outcome])
    y = part[outcome].to_numpy(float) if share else numbers(part[outcome], outcome).to_numpy()
    if not share and (y == y[0]).all():
        raise ValueError(
            f"{outcome!r} is {y[0]:g} for everybody, and so has no interval. Is it a question of yes and no? "
            "Then give True and False: astype(bool)."
        )
    took = np.zeros(len(y))
    if taken is not None:
        if not pd.api.types.is_bool_dtype(part[taken]):
            raise ValueError(f"{taken!r} says who took the offer: True or False.")
        took = part[taken].to_numpy(float)
    units = None if cluster is None else part[cluster].to_numpy()
    inside = y - np.where(treated, y[treated].mean(), y[~treated].mean())
    corrected, saved = y, 0.0
    if covariates:
        x = np.column_stack([numbers(part[one], one) for one in covariates])
        within = x - np.where(treated[:, None], x[treated].mean(axis=0), x[~treated].mean(axis=0))
        slope = np.linalg.lstsq(within, inside, rcond=None)[0]
        corrected = y - (x - x.mean(axis=0)) @ slope
        left = inside - within @ slope
        saved = 1 - (left @ left) / (inside @ inside) if inside.any() else 0.0
    _, effect, covariance, freedom = _difference(np.column_stack([corrected, took]), treated, units)
    se = float(np.sqrt(covariance[0, 0]))
    reach = stats.t.isf(alpha / 2, freedom)
    low, high = effect[0] - reach * se, effect[0] + reach * se
    p_value = 2 * stats.t.sf(abs(effect[0]) / se, freedom) if se else float(effect[0] == 0)
    if share and not covariates and cluster is None:
        one, n, other, m = y[treated].sum(), treated.sum(), y[~treated].sum(), (~treated).sum()
        low, high = newcombe((one, n), (other, m), alpha)
        pooled = (one + other) / (n + m)
        alike = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
        p_value = 2 * stats.norm.sf(abs(effect[0]) / alike) if alike else 1.0
    row = {"customers": len(y), "control": y[~treated].mean(), "treated": y[treated].mean()}
    row |= {"effect": effect[0], "low": float(low), "high": float(high), "p_value": p_value, "se": se}
    if covariates:
        row["variance_saved"] = saved
    if taken is not None:
        row |= _of_taking(effect, covariance, reach)
    return row


def _of_taking(effect: np.ndarray, covariance: np.ndarray, reach: float) -> dict[str, float]:
    """Return the effect of taking an offer and Fieller's interval: ratios that the two differences allow."""
    if effect[1] == 0:
        raise ValueError("As many took it without the offer as with it: nothing can be said of taking.")
    a = effect[1] ** 2 - reach**2 * covariance[1, 1]
    b = effect[0] * effect[1] - reach**2 * covariance[0, 1]
    c = effect[0] ** 2 - reach**2 * covariance[0, 0]
    if a <= 0:
        warnings.warn(
            "The offer hardly changed who took it, so the interval of taking has no ends.",
            IntervalWarning,
            stacklevel=4,
        )
        low, high = -np.inf, np.inf
    else:
        half = np.sqrt(max(b**2 - a * c, 0))
        low, high = (b - half) / a, (b + half) / a
    found = {"take_up": effect[1], "effect_taken": effect[0] / effect[1]}
    return found | {"low_taken": float(low), "high_taken": float(high)}


def _difference(
    values: np.ndarray, treated: np.ndarray, units: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Return means of the first column, differences of all, their covariance and degrees of freedom."""
    count = {True: int(treated.sum()), False: int((~treated).sum())}
    means = {side: values[treated == side].mean(axis=0) for side in (True, False)}
    # what each row moves the difference by; the rows of a cluster are added up first
    moved = np.where(treated[:, None], values - means[True], means[False] - values)
    moved = moved / np.where(treated, count[True], count[False])[:, None]
    sides = treated
    if units is not None:
        codes = pd.factorize(units)[0]
        moved = np.column_stack([np.bincount(codes, weights=one) for one in moved.T])
        share = np.bincount(codes, weights=treated) / np.bincount(codes)
        sides = share > 0.5
        if not np.isin(share, (0, 1)).all():  # lots were drawn within clusters
            n = len(moved)
            effect = means[True] - means[False]
            outer = n / max(n - 1, 1) * moved.T @ moved
            return np.array([means[False][0], means[True][0]]), effect, outer, max(n - 1, 1)
        few = min(sides.sum(), (~sides).sum())
        if few < 2:
            raise ValueError("An arm has one cluster only: how clusters differ cannot be told from it.")
        if few < _FEW:
            warnings.warn(
                f"An arm has {few} clusters only; an interval from so few is unsure.",
                IntervalWarning,
                stacklevel=5,
            )
    parts, freedom = [], []
    for side in (True, False):
        rows = moved[sides == side]
        parts.append(len(rows) / (len(rows) - 1) * rows.T @ rows)
        freedom.append(len(rows) - 1)
    covariance = parts[0] + parts[1]
    spread = sum(part[0, 0] ** 2 / df for part, df in zip(parts, freedom, strict=True))
    welch = covariance[0, 0] ** 2 / spread if spread else float(sum(freedom))
    return np.array([means[False][0], means[True][0]]), means[True] - means[False], covariance, welch


def _arms(table: pd.DataFrame, arm: str, control: Any) -> tuple[np.ndarray, Any]:
    """Return who is treated, and which arm is the one compared with."""
    require_columns(table.columns, [arm])
    refuse(table, table[arm].isna().to_numpy(), f"no {arm!r}")
    arms = list(table[arm].unique())
    if len(arms) < 2:
        raise ValueError(f"{arm!r} is {arms[0]} for all {len(table)} rows: an arm without anybody.")
    if len(arms) > 2:
        raise ValueError(f"{arm!r} has {len(arms)} arms, {arms[:5]}; choose two, such as table.isin(…).")
    if control is None:
        control = next((one for one in arms if one in (False, "control")), None)
    if control not in arms:
        raise ValueError(f"Which of {arms} is compared with? Name it: control={arms[0]!r}.")
    treated = (table[arm] != control).to_numpy(bool)
    if min(treated.sum(), (~treated).sum()) < 2:
        raise ValueError("An arm has one customer only; an interval needs two in each.")
    return treated, control


def _one_arm_each(table: pd.DataFrame, arm: str, customer: str, cluster: str | None) -> None:
    """Refuse customers whose arm changed, or who have several rows."""
    if customer not in table.columns:
        return
    refuse(table, table[customer].isna().to_numpy(), f"no {customer!r}")
    pairs = table[[customer, arm]].drop_duplicates()
    changed = table[customer].isin(pairs.loc[pairs[customer].duplicated(), customer]).to_numpy()
    refuse(table, changed, "a customer who is in two arms: the lot decides once. Take the first arm")
    if cluster != customer:
        refuse(
            table,
            table[customer].duplicated().to_numpy(),
            f"a customer who came before: add up each one's rows, or name cluster={customer!r}",
        )


def _counted_before(
    table: pd.DataFrame, covariates: list[str], arm: str, control: Any, on: str | None, lot: str | None
) -> None:
    """Warn of a covariate that was, or seems to have been, measured after the lot."""
    if on is not None and lot is not None:
        late = pd.to_datetime(table[on]) > pd.to_datetime(table[lot])
        if late.any():
            warnings.warn(
                f"{late.sum()} of {len(table)} rows counted {covariates} until after the lot: what the "
                "treatment did to it would be taken off its effect.",
                LotWarning,
                stacklevel=3,
            )
    treated, _ = _arms(table, arm, control)
    for one in covariates:
        x = numbers(table[one], one).to_numpy()
        if (x == x[0]).all():
            raise ValueError(f"{one!r} is the same for everybody and tells nothing: leave it out.")
        if stats.ttest_ind(x[treated], x[~treated], equal_var=False).pvalue < 0.001:
            warnings.warn(
                f"{one!r} differs between the arms as no lot would have it. Was it measured after the "
                "treatment, or did customers get lost (sample_ratio)?",
                LotWarning,
                stacklevel=3,
            )
