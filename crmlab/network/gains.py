"""Do both gain? What each side gets less what it gives, by its own valuation, with intervals."""

from typing import Any

import numpy as np
import pandas as pd

from crmlab._arguments import level
from crmlab._intervals import resampled, wilson
from crmlab._tables import as_pandas, drawn_table, refuse, require_columns, whole_number
from crmlab.network.graph import quantities

WHO = ["both", "we alone", "they alone", "neither"]


def gains(
    flows: Any,
    partner: str = "partner_id",
    period: str = "month",
    ours: str = "worth_to_us_cents",
    theirs: str = "worth_to_them_cents",
    draws: int = 2000,
    alpha: float = 0.05,
    rng: Any = 0,
) -> pd.DataFrame:
    """Return what each side gains by each relation, by its own valuation, with intervals.

    Parameters
    ----------
    flows : table
        One or more rows per partner and period, of any engine.
    partner, period : str
        Columns: with whom, and the month, quarter, … of the flow.
    ours, theirs : str
        Columns with what a flow is worth to either side: above 0 for what it gets, below 0 for what it gives.
    draws : int
        How often the periods are resampled.
    alpha : float
        One minus the level of the intervals.
    rng : int or numpy.random.Generator

    Returns
    -------
    DataFrame
        Index: the partner. Columns ``periods``, ``ours``, ``ours_low``, ``ours_high``, ``theirs``,
        ``theirs_low``, ``theirs_high`` (sums over the periods), ``joint`` (both together), ``gains`` ("both",
        "we alone", "they alone" or "neither"; a gain of 0 is none) and ``sure`` (neither interval holds 0).

    Raises
    ------
    ValueError
        If a column is not there, a partner or a period is missing, or a number is missing or infinite.

    Notes
    -----
    The periods of each partner are resampled with both sides together. Where a period resembles the one
    before it, such an interval is too narrow. A relation seen in one period has no interval and is not sure.
    To add up the two sides assumes that their money is alike; what each says it gains is what it says.

    Examples
    --------
    >>> flows = pd.DataFrame({
    ...     "partner_id": ["garden"] * 4,
    ...     "month": [1, 1, 2, 2],
    ...     "worth_to_us_cents": [-50, 80, -40, 60],
    ...     "worth_to_them_cents": [65, -60, 50, -45],
    ... })
    >>> gains(flows)[["ours", "theirs", "joint", "gains", "sure"]]
                ours  theirs  joint gains  sure
    partner_id
    garden      50.0    10.0   60.0  both  True
    """
    flows, luck = as_pandas(flows), np.random.default_rng(rng)
    whole_number(draws, "draws", least=1)
    level(alpha)
    require_columns(flows.columns, [partner, period])
    refuse(flows, flows[[partner, period]].isna().any(axis=1).to_numpy(), f"no {partner!r} or no {period!r}")
    if flows.empty:
        raise ValueError("There is not a single flow.")
    worth = pd.DataFrame({"ours": quantities(flows, ours), "theirs": quantities(flows, theirs)})
    net = worth.groupby([flows[partner], flows[period]], observed=True).sum()
    who = net.index.get_level_values(0)
    table = net.groupby(level=0, observed=True).sum()
    periods = net.groupby(level=0, observed=True).size().reindex(table.index).to_numpy()
    start = np.append(0, np.cumsum(periods)[:-1])
    values = net.to_numpy()[np.argsort(table.index.get_indexer(who), kind="stable")]
    first, long = np.repeat(start, periods), np.repeat(periods, periods)
    # each row is replaced by one of the same partner's, all partners and draws at once
    batch = max(1, 2_000_000 // len(values))
    parts = []
    for begin in range(0, draws, batch):
        size = min(batch, draws - begin)
        drawn = first + np.floor(luck.random((size, len(values))) * long).astype(int)
        parts.append(np.add.reduceat(values[drawn], start, axis=1))
    low, high = resampled(np.concatenate(parts), alpha=alpha)
    low[periods < 2] = high[periods < 2] = np.nan
    result = pd.DataFrame({"periods": periods}, index=table.index)
    for number, side in enumerate(("ours", "theirs")):
        result[side], result[f"{side}_low"] = table[side], low[:, number]
        result[f"{side}_high"] = high[:, number]
    we, they = result["ours"] > 0, result["theirs"] > 0
    outside = (low > 0) | (high < 0)
    return result.assign(
        joint=result["ours"] + result["theirs"],
        gains=np.select([we & they, we, they], WHO[:3], WHO[3]),
        sure=outside.all(axis=1),
    )


def win_win(table: pd.DataFrame, alpha: float = 0.05) -> pd.DataFrame:
    """Return in how many relations both sides gain, one of them, or neither, with Wilson's intervals.

    Parameters
    ----------
    table : DataFrame
        From :func:`gains`.
    alpha : float
        One minus the level of the intervals.

    Returns
    -------
    DataFrame
        Index ``gains`` ("both", "we alone", "they alone", "neither"); columns ``relations``, ``sure`` (of
        these, those whose sides are told apart from 0), ``share``, ``low`` and ``high``, ``ours`` and
        ``theirs``: what each side gains in these relations together, so who pays for whose gain.

    Notes
    -----
    The interval takes the relations for a sample of relations such as these. Of the relations themselves
    nothing was left out.

    Examples
    --------
    >>> flows = pd.DataFrame({
    ...     "partner_id": ["garden", "garden", "office", "office"],
    ...     "month": [1, 2, 1, 2],
    ...     "worth_to_us_cents": [30, 20, -5, -5],
    ...     "worth_to_them_cents": [5, 5, 8, 8],
    ... })
    >>> win_win(gains(flows)).loc[["both", "they alone"], ["relations", "share", "ours", "theirs"]]
                relations  share  ours  theirs
    gains
    both                1    0.5  50.0    10.0
    they alone          1    0.5 -10.0    16.0
    """
    drawn_table(table, ("ours", "theirs", "gains", "sure"), "gains(flows)")
    by_side = table.groupby("gains")
    found = pd.DataFrame(
        {"relations": by_side.size(), "sure": by_side["sure"].sum()}, index=pd.Index(WHO, name="gains")
    )
    found = found.fillna(0).astype(int)
    low, high = wilson(found["relations"], len(table), alpha)
    sums = by_side[["ours", "theirs"]].sum().reindex(WHO, fill_value=0.0)
    return found.assign(share=found["relations"] / len(table), low=low, high=high, **dict(sums.items()))
