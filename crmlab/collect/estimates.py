"""What a sample says about everybody: means and totals with the variance of its design, and silence."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from crmlab import _weights
from crmlab._arguments import flag, floats, level, number
from crmlab._tables import as_pandas, refuse, require_columns
from crmlab._weights import Margins, population_shares, respondent_weights


def estimate(
    sample: Any,
    value: str,
    *,
    weights: Any = None,
    stratum: str | None = None,
    cluster: str | None = None,
    population: str | None = None,
    margins: Margins | None = None,
    total: bool = False,
    largest: float = 50.0,
    ratio: float = 1.0,
    alpha: float = 0.05,
) -> pd.Series:
    """Return the mean (or total) of everybody from a sample, with the wobble that its design leaves.

    Parameters
    ----------
    sample : table
        One row per person asked, of any engine.
    value : str
        Column of the answer, a number; 0 and 1 for a share. *Missing* means that the person did not answer:
        the others of the stratum speak for them.
    weights : str or sequence of float, optional
        One over the chance of being asked; all alike without it.
    stratum, cluster : str, optional
        Columns of the design, as in :func:`draw_sample`.
    population : str, optional
        Column with the number of people (with `cluster` of clusters) in the stratum, ``out_of``. Without it
        the population is taken to have no end.
    margins : mapping, optional
        What is known of everybody, as for :func:`crmlab.survey.rake`: answers are weighted until they have
        these shares (or numbers). A tuple of columns alone is post-stratification.
    total : bool
        The total in place of the mean; `weights`, or margins given as numbers, then add up to everybody.
    largest : float
        Refuse weights of which one is more than so many times their mean.
    ratio : float
        How many times as readily people with the highest answer reply as those with the lowest, see
        :func:`sensitivity`.
    alpha : float

    Returns
    -------
    Series
        Name `value`: ``estimate``, ``se``, ``low`` and ``high`` (1 − `alpha` interval from the t distribution
        with units less strata degrees of freedom), ``answers`` and ``design_effect`` (the variance over that
        of a simple sample of as many answers).

    Raises
    ------
    ValueError
        A stratum in which nobody answered, one of which a single unit was drawn, more units than the
        population, margins that cannot be met or that make weights explode, bad columns.

    Notes
    -----
    Linearised variance of units drawn without replacement within strata, (1 − n/N) n/(n − 1) Σ(z − z̄)², with
    z the sum over a unit of w (y − ȳ)/Σw. With margins y is replaced by what is left of it when the columns
    have explained what they can, so knowing them makes the interval narrower. Drawn by size, units count as
    drawn with replacement. The interval speaks of chance alone, not of silence: see :func:`sensitivity`.

    References
    ----------
    Lumley, T. (2004). Analysis of complex survey samples. Journal of Statistical Software 9(8), 1–19.
    https://doi.org/10.18637/jss.v009.i08
    Deville, J.-C. & Särndal, C.-E. (1992). Calibration estimators in survey sampling. Journal of the American
    Statistical Association 87(418), 376–382. https://doi.org/10.1080/01621459.1992.10475217

    Examples
    --------
    >>> asked = pd.DataFrame({"kind": list("aaaabbbb"), "liked": [7, 9, 4, 6, 3, 5, None, 1]})
    >>> estimate(asked, "liked", stratum="kind").round(3).to_dict()
    {'estimate': 4.75, 'se': 0.777, 'low': 2.752, 'high': 6.748, 'answers': 7.0, 'design_effect': 0.602}
    """
    table = as_pandas(sample)
    ratio = number(ratio, "ratio", "above 0", 1e-9)
    named = [name for name in (stratum, cluster, population) if name is not None]
    require_columns(table.columns, [value, *named])
    refuse(table, table[named].isna().any(axis=1).to_numpy(), "no " + " or ".join(map(repr, named)))
    answers = floats(table[value].to_numpy(float, na_value=np.nan), value)
    refuse(table, np.isinf(answers), f"an infinite {value!r}")
    there = ~np.isnan(answers)
    if there.sum() < 2:
        raise ValueError(f"{there.sum()} of {len(table)} have answered {value!r}: two at least are needed.")
    base, y = respondent_weights(table, weights), answers[there]
    if ratio != 1:
        if np.ptp(y) == 0:
            raise ValueError(f"All answers in {value!r} are {y[0]:g}: no ratio can move them.")
        base = base / np.where(there, ratio ** ((answers - y.min()) / np.ptp(y)), 1)
    kind, names = pd.factorize(np.zeros(len(table)) if stratum is None else table[stratum])
    asked = np.bincount(kind, respondent_weights(table, weights))
    answered = np.bincount(kind[there], base[there], len(names))
    if (answered == 0).any():
        silent = int(np.argmax(answered == 0))
        raise ValueError(
            f"Nobody of the {int((kind == silent).sum())} asked in the stratum {names[silent]!r} answered: "
            "nothing is known of them. Merge it with one that is like it, or ask again."
        )
    w, kind = (base * (asked / answered)[kind])[there], kind[there]
    data = table[there]
    everybody = w.sum()
    first = w
    if margins is not None:
        w = _weights.rake(data, margins, w).to_numpy()
        _weights.refuse_explosion(data, margins, w, number(largest, "largest", "at least 1", 1))
        told = float(pd.Series(next(iter(margins.values())), dtype=float).sum())
        w = (
            w * (told if told > 1.5 else everybody) / w.sum()
        )  # numbers tell how many there are, shares do not
    mean = float(np.average(y, weights=w))
    left = y - (0 if flag(total, "total") else mean)
    if margins is not None:
        left = _unexplained(left, first, population_shares(data, margins))
    z = w * left / (1 if total else w.sum())
    unit = np.arange(len(data)) if cluster is None else pd.factorize(data[cluster])[0]
    variance, freedom = _variance(z, kind, unit, names, data, population, cluster)
    simple = np.average((y - mean) ** 2, weights=w) / (len(y) - 1) * (w.sum() ** 2 if total else 1)
    if population is not None and len(y) < w.sum():
        simple *= 1 - len(y) / w.sum()
    found, se = mean * (w.sum() if total else 1), float(np.sqrt(variance))
    reach = se * float(stats.t.isf(level(alpha) / 2, freedom)) if freedom else np.nan
    return pd.Series(
        {
            "estimate": found, "se": se, "low": found - reach, "high": found + reach, "answers": len(y),
            "design_effect": variance / simple if simple > 0 else np.nan,
        },
        name=value,
    )  # fmt: skip


def sensitivity(
    sample: Any, value: str, ratios: Sequence[float] = (1, 1.5, 2, 3), **options: Any
) -> pd.DataFrame:
    """Return what everybody would say if those who answer highest answer so many times as readily.

    Parameters
    ----------
    sample, value
        As for :func:`estimate`.
    ratios : sequence of float
        How many times as readily people with the highest answer reply as people with the lowest; of answers
        in between a power of it. 1 is what weights assume, below 1 the low answers reply more readily.
    **options
        As for :func:`estimate`, margins too: people who are alike in them may still differ in this.

    Returns
    -------
    DataFrame
        Index ``ratio``; ``estimate``, ``low``, ``high``. From the lowest ``low`` to the highest ``high`` of
        the ratios that one holds possible reaches the *sensitivity interval*.

    Raises
    ------
    ValueError
        A ratio that is not above 0, all answers equal, and as :func:`estimate`.

    Notes
    -----
    Each answer is divided by ratio to the power (y − lowest)/(highest − lowest) and then weighted as before.
    No number in the sample tells which ratio is right; asking again some of the silent does.

    References
    ----------
    Rotnitzky, A., Robins, J. M. & Scharfstein, D. O. (1998). Semiparametric regression for repeated outcomes
    with nonignorable nonresponse. Journal of the American Statistical Association 93(444), 1321–1339.
    https://doi.org/10.1080/01621459.1998.10473795

    Examples
    --------
    >>> answers = pd.DataFrame({"yes": [1, 1, 1, 0]})
    >>> sensitivity(answers, "yes", ratios=[1, 3])["estimate"].tolist()
    [0.75, 0.5]
    """
    rows = {one: estimate(sample, value, ratio=one, **options) for one in ratios}
    found = pd.DataFrame(rows).T[["estimate", "low", "high"]]
    return found.rename_axis("ratio")


def _unexplained(y: np.ndarray, w: np.ndarray, parts: dict[Any, Any]) -> np.ndarray:
    """Return what the categories of the margins, each with a number of its own, leave of y (weighted)."""
    places, start = [], 0
    for place, shares in parts.values():
        places.append(place + start)
        start += len(shares)
    normal = np.zeros((start, start))
    for one in places:
        for other in places:
            normal += np.bincount(one * start + other, w, start * start).reshape(start, start)
    pull = sum(np.bincount(one, w * y, start) for one in places)
    fitted = np.linalg.lstsq(normal, pull, rcond=None)[0]
    return y - sum(fitted[one] for one in places)


def _variance(
    z: np.ndarray,
    kind: np.ndarray,
    unit: np.ndarray,
    names: Any,
    data: pd.DataFrame,
    population: str | None,
    cluster: str | None,
) -> tuple[float, int]:
    """Return the variance of the sum of z over units drawn within strata, and its degrees of freedom."""
    both = pd.DataFrame({"kind": kind, "unit": unit, "z": z})
    sums = both.groupby(["kind", "unit"])["z"].sum().groupby(level="kind")
    drawn, spread = sums.size().to_numpy(float), sums.var(ddof=1).fillna(0).to_numpy()
    met = np.zeros(len(drawn))
    if population is not None:
        held = data[population].to_numpy(float)
        first = pd.Series(held).groupby(kind).agg(["min", "max"])
        if (first["min"] != first["max"]).any() or (first["min"] < drawn).any():
            wrong = int(np.argmax((first["min"] != first["max"]) | (first["min"] < drawn)))
            raise ValueError(
                f"In {population!r} the stratum {names[wrong]!r} has one number, and not below the "
                f"{drawn[wrong]:.0f} {'clusters' if cluster else 'people'} drawn from it."
            )
        met = drawn / first["min"].to_numpy()
    alone = (drawn < 2) & (met < 1)
    if alone.any():
        what = f"a single {cluster!r}" if cluster else "a single answer"
        raise ValueError(
            f"The stratum {names[int(np.argmax(alone))]!r} has {what}: one alone does not tell how they "
            "differ. Draw two at least, or merge it with a stratum that is like it."
        )
    return float(((1 - met) * drawn * spread).sum()), int((drawn - 1).sum())
