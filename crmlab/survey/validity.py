"""Are two scales two things? The heterotrait–monotrait ratio, with an interval."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from crmlab import plot
from crmlab._arguments import level
from crmlab._tables import drawn_table, whole_number
from crmlab.survey._answers import answers, complete, items_of
from crmlab.survey._resampling import bootstrap_covariances


def _ratios(covariance: np.ndarray, member: np.ndarray) -> np.ndarray:
    """Return the ratio of each pair of factors for each covariance matrix; `member` is items × factors."""
    spread = np.sqrt(np.einsum("...ii->...i", covariance))
    correlation = np.abs(covariance) / (spread[..., :, None] * spread[..., None, :])
    sums = member.T @ correlation @ member
    size = member.sum(axis=0)
    own = (np.einsum("...ii->...i", sums) - size) / np.where(size > 1, size * (size - 1), 1)
    own = np.where(size > 1, own, 1.0)  # a single item correlates with itself
    first, second = np.tril_indices(len(size), -1)
    between = sums[..., first, second] / (size[first] * size[second])
    return np.asarray(between / np.sqrt(own[..., first] * own[..., second]))


def htmt(
    data: Any,
    factors: Mapping[str, Sequence[str]],
    draws: int = 2000,
    rng: int | np.random.Generator | None = None,
    alpha: float = 0.05,
    scale: tuple[float, float] | None = None,
) -> pd.DataFrame:
    """Return the heterotrait–monotrait ratio of each pair of factors, with its bootstrap interval.

    The mean correlation of items of two factors, divided by the geometric mean of the mean correlations
    within each: what the correlation of the two would be if each were measured without error. Near 1 the
    answers do not tell the two apart.

    Parameters
    ----------
    data : table
        One row per respondent, of any engine. Who left out an item is left out.
    factors : dict
        The items of each factor, at least two factors. No item belongs to two.
    draws : int
        Bootstrap samples; 0 for no interval.
    rng : int or Generator
        For the samples.
    alpha : float
        One minus the level of the interval, which is taken between percentiles.
    scale : (float, float), optional
        The lowest and the highest answer; one outside is refused.

    Returns
    -------
    DataFrame
        A row for each pair: ``factor``, ``other``, ``htmt`` and, with draws, ``low`` and ``high``.

    Raises
    ------
    ValueError
        Fewer than two factors, an item in two, no rng, or answers that :class:`MeasurementModel` refuses.

    Notes
    -----
    Correlations enter by their size, so that a reversed item does no harm. With few respondents this counts
    a correlation of 0 as a small positive one. A bootstrap sample in which an item does not vary is left out.

    References
    ----------
    Henseler, J., Ringle, C. M. and Sarstedt, M. (2015). A new criterion for assessing discriminant validity
    in variance-based structural equation modeling. Journal of the Academy of Marketing Science 43(1),
    115–135. doi:10.1007/s11747-014-0403-8

    Examples
    --------
    Four items that all measure one and the same:

    >>> luck = np.random.default_rng(1)
    >>> common = luck.normal(size=(400, 1))
    >>> sheets = pd.DataFrame(common + luck.normal(size=(400, 4)), columns=["a1", "a2", "b1", "b2"])
    >>> htmt(sheets, {"a": ["a1", "a2"], "b": ["b1", "b2"]}, rng=1).round(1)
      factor other  htmt  low  high
    0      a     b   1.1  1.0   1.2
    """
    known = items_of(factors)
    items = [item for own in known.values() for item in own]
    if len(known) < 2 or len(set(items)) < len(items):
        raise ValueError("htmt compares two or more factors, and each item belongs to one of them.")
    whole_number(draws, "draws", least=0)
    if draws and rng is None:
        raise ValueError("The bootstrap needs rng, such as rng=1; draws=0 gives no interval.")
    values = complete(answers(data, items, scale))
    member = np.array([[item in own for own in known.values()] for item in items], float)
    first, second = np.tril_indices(len(known), -1)
    names = np.array(list(known), object)
    found = {"factor": names[second], "other": names[first]}
    found["htmt"] = _ratios(np.cov(values, rowvar=False), member)
    if draws:
        with np.errstate(divide="ignore", invalid="ignore"):
            luck = _ratios(bootstrap_covariances(values, draws, rng), member)
        luck = luck[np.isfinite(luck).all(axis=1)]
        if len(luck) < draws / 2:
            raise ValueError(
                f"In {draws - len(luck)} of {draws} bootstrap samples an item does not vary: too few "
                "respondents differ for an interval. draws=0 gives the ratios alone."
            )
        found["low"], found["high"] = np.quantile(luck, [level(alpha) / 2, 1 - alpha / 2], axis=0)
    return pd.DataFrame(found)


def plot_htmt(table: pd.DataFrame, limit: float = 0.9, ax: Axes | None = None) -> Axes:
    """Draw the table of :func:`htmt`: each pair with its interval, and the line beyond which two are one.

    Parameters
    ----------
    table : DataFrame
    limit : float
        Henseler, Ringle and Sarstedt (2015) take .85 for different things, .9 for things that are near.
    ax : Axes, optional

    Returns
    -------
    Axes

    Examples
    --------
    >>> table = pd.DataFrame({"factor": ["a"], "other": ["b"], "htmt": [0.8], "low": [0.7], "high": [0.95]})
    >>> plot_htmt(table).get_xlabel()
    'heterotrait–monotrait ratio'
    """
    drawn_table(table, ("factor", "other", "htmt"), "htmt(data, factors, rng=1)")
    shown = table.sort_values("htmt", kind="stable")
    ax = plot.axes(ax, figsize=(7, 0.7 + 0.35 * len(shown)))
    places = np.arange(len(shown))
    if "low" in shown:
        ax.hlines(places, shown["low"], shown["high"], color=plot.PALETTE[0], lw=2)
    ax.plot(shown["htmt"], places, "o", color=plot.PALETTE[0], label=plot.label("ratio, 95 % interval"))
    ax.axvline(limit, color=plot.PALETTE[1], ls="--", label=f"{limit:g}")
    ax.axvline(1, color=plot.INK, lw=1, label=plot.label("1: one and the same"))
    ax.set_yticks(places, [f"{row.factor} – {row.other}" for row in shown.itertuples()])
    ax.set_ylim(-0.6, len(shown) - 0.4)
    plot.legend_beside(ax)
    return plot.annotate(ax, "Are two scales two things?", "heterotrait–monotrait ratio", "")
