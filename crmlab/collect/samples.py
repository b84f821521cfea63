"""Whom to ask: how many, how to share them out among strata, and samples drawn from a list of everybody."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import ndtri
from statsmodels.stats.power import TTestIndPower

from crmlab._arguments import generator, level, number
from crmlab._intervals import deviations
from crmlab._tables import as_pandas, number_columns, numbers, refuse, require_columns, whole_number

Sizes = Any  # of each stratum a number: a mapping or a Series


def sample_size(
    margin: float,
    *,
    share: float | None = None,
    spread: float | None = None,
    population: int | None = None,
    design_effect: float = 1.0,
    response: float = 1.0,
    alpha: float = 0.05,
) -> pd.Series:
    """Return how many answers a share or a mean needs, and how many people must be asked for them.

    Parameters
    ----------
    margin : float
        How far the 1 − `alpha` interval may reach to either side: .05 for five points of a share, or in the
        unit of the mean.
    share : float, optional
        The share expected, above 0 and below 1; .5, which needs most, if neither this nor `spread` is given.
    spread : float, optional
        Standard deviation of single answers, for a mean.
    population : int, optional
        How many there are in all.
    design_effect : float
        By what factor the design widens the variance beyond that of a simple sample.
    response : float
        Share of those asked who answer, above 0 and at most 1.
    alpha : float

    Returns
    -------
    Series
        ``simple`` (answers that a simple sample of a population without end needs), ``design`` (times the
        design effect), ``finite`` (less what is saved because the population ends), ``answers`` (the same,
        whole) and ``ask`` (answers / response, whole).

    Raises
    ------
    ValueError
        Numbers out of range, both `share` and `spread`, or more people to ask than there are.

    Notes
    -----
    simple = z² S² / margin², with S² = share (1 − share) or spread². With a population of N and n₀ answers
    by design, finite = n₀ N / (N − 1 + n₀) for a share and n₀ N / (N + n₀) for a mean. That enough people
    answer says nothing of who they are: see :func:`sensitivity`.

    References
    ----------
    Cochran, W. G. (1977). Sampling Techniques, 3rd edition. Wiley, chapter 4.

    Examples
    --------
    >>> sample_size(0.05, population=4200, response=0.25).round(1).to_dict()
    {'simple': 384.1, 'design': 384.1, 'finite': 352.0, 'answers': 353.0, 'ask': 1412.0}
    """
    if share is not None and spread is not None:
        raise ValueError("Give share for a share or spread for a mean, not both.")
    if spread is None:
        p = _between(0.5 if share is None else share, "share", "a share above 0 and below 1, such as .5")
        variance = p * (1 - p)
        margin = _between(margin, "margin", "of a share a number above 0 and below 1 (.05 for five points)")
    else:
        variance = _above(spread, "spread") ** 2
        margin = _above(margin, "margin")
    simple = deviations(alpha) ** 2 * variance / margin**2
    design = simple * _above(design_effect, "design_effect")
    finite = design
    if population is not None:
        whole_number(population, "population", 2)
        finite = design * population / (population - (spread is None) + design)
    return _to_ask({"simple": simple, "design": design, "finite": finite}, finite, response, population)


def difference_size(
    one: float,
    other: float,
    *,
    spread: float | None = None,
    power: float = 0.8,
    design_effect: float = 1.0,
    response: float = 1.0,
    alpha: float = 0.05,
) -> pd.Series:
    """Return how many answers each of two groups needs, so that a difference would most likely be seen.

    Parameters
    ----------
    one, other : float
        What is expected of the two groups: shares, or with `spread` means.
    spread : float, optional
        Standard deviation of single answers within a group.
    power : float
        The chance that a difference as large as this is told from luck.
    design_effect, response, alpha : float
        As for :func:`sample_size`; `alpha` is that of a two-sided test.

    Returns
    -------
    Series
        For each group: ``simple``, ``design``, ``answers`` and ``ask``, as for :func:`sample_size`.

    Raises
    ------
    ValueError
        Numbers out of range, or no difference to be seen.

    Notes
    -----
    Shares: the normal approximation, with the common share where there is no difference. Means: the t test.

    References
    ----------
    Fleiss, J. L., Levin, B. & Paik, M. C. (2003). Statistical Methods for Rates and Proportions, 3rd
    edition. Wiley, chapter 4. https://doi.org/10.1002/0471445428

    Examples
    --------
    >>> difference_size(0.50, 0.75, power=0.9).round(1).to_dict()
    {'simple': 76.7, 'design': 76.7, 'answers': 77.0, 'ask': 77.0}
    """
    level(alpha)
    power = _between(power, "power", "a chance above alpha and below 1", alpha)
    if spread is None:
        one, other = (_between(p, "A share", "above 0 and below 1 (means need spread)") for p in (one, other))
    else:
        one, other = (number(mean, "A mean", "a finite number") for mean in (one, other))
    if one == other:
        raise ValueError(f"Both are {one:g}: no sample shows a difference that is not there.")
    if spread is None:
        mean, z = (one + other) / 2, float(ndtri(power))
        apart = deviations(alpha) * np.sqrt(2 * mean * (1 - mean))
        simple = (apart + z * np.sqrt(one * (1 - one) + other * (1 - other))) ** 2 / (one - other) ** 2
    else:
        effect = abs(one - other) / _above(spread, "spread")
        simple = float(TTestIndPower().solve_power(effect, alpha=alpha, power=power))
    simple = max(float(simple), 2.0)
    design = simple * _above(design_effect, "design_effect")
    return _to_ask({"simple": simple, "design": design}, design, response, None)


def allocate(sizes: Sizes, n: int, spread: Sizes | None = None) -> pd.Series:
    """Share a sample out among strata: in proportion to their sizes, or to size times spread (Neyman).

    Parameters
    ----------
    sizes : mapping or Series
        Number of people in each stratum.
    n : int
        Number to draw in all.
    spread : mapping or Series, optional
        Standard deviation of the answers in each stratum, from a forerunner or a guess.

    Returns
    -------
    Series
        Name ``n``, index the strata: whole numbers that add up to `n`, at least 2 of each stratum (so that
        it tells how its members differ) and at most all.

    Raises
    ------
    ValueError
        More than there are, fewer than two of each, a spread that is missing or all 0.

    References
    ----------
    Neyman, J. (1934). On the two different aspects of the representative method. Journal of the Royal
    Statistical Society 97(4), 558–606. https://doi.org/10.2307/2342192

    Examples
    --------
    >>> allocate({"small": 900, "large": 100}, 50).to_dict()
    {'small': 45, 'large': 5}
    >>> allocate({"small": 900, "large": 100}, 50, spread={"small": 10, "large": 90}).to_dict()
    {'small': 25, 'large': 25}
    """
    held = numbers(pd.Series(sizes), "sizes")
    if (held < 1).any() or held.index.has_duplicates:
        raise ValueError("sizes has each stratum once, with at least one member.")
    whole_number(n, "n", 1)
    least = held.clip(upper=2)
    if not least.sum() <= n <= held.sum():
        raise ValueError(
            f"n is {n}: of {len(held)} strata with {held.sum():.0f} members one draws at least two each "
            f"({least.sum():.0f}) and at most all."
        )
    pull = held
    if spread is not None:
        given = pd.Series(spread)
        if lost := [name for name in held.index if name not in given.index]:
            raise ValueError(f"spread says nothing of the stratum {lost[0]!r}.")
        apart = numbers(given.reindex(held.index), "spread")
        if (apart < 0).any() or not apart.any():
            raise ValueError("A spread is at least 0, and not all are 0.")
        pull = held * apart

    wish, low, high = pull.to_numpy(), least.to_numpy(), held.to_numpy()

    def shared(by: float) -> np.ndarray:
        return np.clip(wish * by, low, high)

    most = (high[wish > 0] / wish[wish > 0]).max()  # at this factor every stratum that can be is full
    exact = shared(most)
    if exact.sum() > n:
        exact = shared(brentq(lambda by: shared(by).sum() - n, 0, most, xtol=1e-15))
    elif exact.sum() < n:  # what has no spread takes what is left over
        exact = exact + (high - exact) * (n - exact.sum()) / (high - exact).sum()
    exact = pd.Series(exact, held.index)
    whole = np.floor(exact + 1e-9)
    left = (exact - whole).where(whole < held, -1.0).sort_values(ascending=False, kind="stable")
    whole[left.index[: int(n - whole.sum())]] += 1
    return whole.astype(int).rename("n")


def draw_sample(
    frame: Any,
    n: int | Sizes,
    *,
    stratum: str | None = None,
    cluster: str | None = None,
    size: str | None = None,
    ease: str | None = None,
    rng: Any = 0,
) -> pd.DataFrame:
    """Draw a sample from a list of everybody: simple, stratified, of clusters, by size, or by quota.

    Parameters
    ----------
    frame : table
        One row per person on the list, of any engine.
    n : int or mapping
        How many to draw: people, or with `cluster` whole clusters. With `stratum` a number is shared out in
        proportion; :func:`allocate` gives the numbers of each stratum.
    stratum : str, optional
        Column: draw from each of its groups by itself.
    cluster : str, optional
        Column: draw whole groups of it, and take all their members.
    size : str, optional
        Column of numbers above 0: the chance to be drawn is in proportion to it (of a cluster to their sum).
        Whoever would have a chance above 1 is drawn for certain.
    ease : str, optional
        Column of numbers above 0, how easily somebody is met: a *quota sample*. Whoever is met first is taken
        until the stratum has its number.
    rng : int or numpy.random.Generator

    Returns
    -------
    DataFrame
        The rows drawn, in the order of the list, with ``weight`` (1 / chance of being drawn) and ``out_of``
        (people or clusters in the stratum; missing with `size`), as :func:`estimate` takes them. A quota
        sample has neither: the chance of being in it is not known.

    Raises
    ------
    ValueError
        More than there are, fewer than two of a stratum or clusters, a cluster that lies in two strata,
        missing values, columns that do not go together.

    Notes
    -----
    By size: a systematic sample from a shuffled list (Madow 1949).

    References
    ----------
    Madow, W. G. (1949). On the theory of systematic sampling, II. Annals of Mathematical Statistics 20(3),
    333–354. https://doi.org/10.1214/aoms/1177729988

    Examples
    --------
    >>> frame = pd.DataFrame({"region": ["north"] * 6 + ["south"] * 4, "spend": range(1, 11)})
    >>> drawn = draw_sample(frame, 5, stratum="region", rng=1)
    >>> drawn.groupby("region")["weight"].agg(["size", "first"])
            size  first
    region
    north      3    2.0
    south      2    2.0
    """
    table = as_pandas(frame)
    named = [name for name in (stratum, cluster, size, ease) if name is not None]
    require_columns(table.columns, named)
    if table.empty or {"weight", "out_of"} & set(table.columns):
        raise ValueError("The list has at least one row, and no columns 'weight' and 'out_of' yet.")
    if ease is not None and (cluster is not None or size is not None):
        raise ValueError("A quota sample (ease) is drawn person by person: without cluster and size.")
    refuse(table, table[named].isna().any(axis=1).to_numpy(), "no " + " or ".join(map(repr, named)))
    luck = generator(rng)
    unit = np.arange(len(table)) if cluster is None else pd.factorize(table[cluster])[0]
    of, names = pd.factorize(np.full(len(table), "all") if stratum is None else table[stratum])
    first = np.unique(unit, return_index=True)[1]
    if (of != of[first][unit]).any():
        raise ValueError(f"A {cluster!r} lies in two groups of {stratum!r}: draw each cluster from one.")
    kind = of[first]
    held = np.bincount(kind)
    wanted = _numbers_of(n, pd.Series(held, names), stratum, 1 if ease is not None else 2)
    pull: np.ndarray = np.ones(len(kind))
    if (by := size or ease) is not None:
        [given] = number_columns(table, by)
        refuse(table, given.le(0).to_numpy(), f"a {by!r} that is not above 0")
        pull = np.bincount(unit, given.to_numpy(float))
    taken, chance, out_of = np.zeros(len(kind), bool), (wanted / held)[kind], held[kind].astype(float)
    if size is None:  # whoever comes first: all alike, or the sooner the easier they are met
        came = np.lexsort((luck.exponential(size=len(kind)) / pull, kind))
        place = np.arange(len(kind)) - np.repeat(np.cumsum(held) - held, held)  # within the stratum
        taken[came] = place < np.repeat(wanted, held)
    else:
        out_of[:] = np.nan
        for code, many in enumerate(wanted):
            rows = np.flatnonzero(kind == code)
            chance[rows] = _chances(pull[rows], int(many))
            mixed = luck.permutation(rows)
            ticks = np.floor(np.cumsum(chance[mixed]) + luck.random() + 1e-12)
            taken[mixed] = np.diff(ticks, prepend=0) >= 1
    chosen = taken[unit]
    drawn = table[chosen]
    if ease is not None:
        return drawn.copy()
    return drawn.assign(weight=1 / chance[unit][chosen], out_of=out_of[unit][chosen])


def _numbers_of(n: int | Sizes, held: pd.Series, stratum: str | None, least: int) -> np.ndarray:
    """Return how many units to draw from each stratum, none more than it has."""
    if isinstance(n, Mapping | pd.Series):
        if stratum is None:
            raise ValueError("n has a number for each stratum: name the column, stratum=…")
        given = numbers(pd.Series(n), "n")
        if set(given.index) != set(held.index) or given.index.has_duplicates:
            raise ValueError(f"n has one number for each of {sorted(map(str, held.index))}.")
        wanted = given.reindex(held.index).to_numpy()
    else:
        whole_number(n, "n", 1)
        if n > held.sum():
            raise ValueError(f"{n} are to be drawn, and there are {held.sum()}.")
        wanted = np.array([n]) if stratum is None else allocate(held, int(n)).to_numpy()
    most = held.to_numpy()
    wrong = (wanted > most) | (wanted < np.minimum(least, most)) | (wanted != np.floor(wanted))
    if wrong.any():
        at = int(np.argmax(wrong))
        raise ValueError(
            f"{wanted[at]:g} of {held.index[at]!r} are to be drawn, which has {most[at]}: a whole number, at "
            f"least {least} (one alone does not tell how they differ), and at most all."
        )
    return wanted.astype(int)


def _chances(size: np.ndarray, n: int) -> np.ndarray:
    """Return chances in proportion to size that add up to n, none above 1."""
    certain = np.zeros(len(size), bool)
    while True:
        rest = np.where(certain, 0, size)
        chance = np.where(certain, 1, (n - certain.sum()) * rest / max(rest.sum(), 1e-300))
        if not (more := (chance > 1 - 1e-12) & ~certain).any():
            return chance
        certain |= more


def _to_ask(steps: dict[str, float], answers: float, response: Any, population: int | None) -> pd.Series:
    """Return the steps with whole answers and people to ask, or refuse more people than there are."""
    response = number(response, "response", "the share that answers, above 0 and at most 1", 0, 1)
    if response == 0:
        raise ValueError("response is the share that answers, above 0: if nobody does, no size is enough.")
    whole = np.ceil(answers - 1e-9)
    ask = np.ceil(whole / response - 1e-9)
    if population is not None and ask > population:
        raise ValueError(
            f"{whole:.0f} answers at a response of {response:g} take {ask:.0f} people, and there are "
            f"{population}. Allow a wider margin, or see to it that more answer."
        )
    return pd.Series(steps | {"answers": whole, "ask": ask})


def _between(value: Any, name: str, what: str, low: float = 0.0) -> float:
    """Return a number strictly between `low` and 1."""
    given = number(value, name, what, low, 1)
    if given in (low, 1):
        raise ValueError(f"{name} is {what}; got {value!r}.")
    return given


def _above(value: Any, name: str) -> float:
    """Return a finite number above 0."""
    given = number(value, name, "a number above 0", 0)
    if given == 0:
        raise ValueError(f"{name} is a number above 0; got {value!r}.")
    return given
