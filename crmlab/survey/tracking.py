"""A score month by month: what may be chance, and what is news."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from crmlab import _charts, plot
from crmlab._arguments import number
from crmlab._tables import as_pandas, drawn_table, look_up, refuse, require_columns, whole_number
from crmlab.survey._answers import Scale, checked_scale, scores
from crmlab.survey._scores import NPS_SCALE, among_top

_FEW = "too few answers"


def control_chart(
    table: Any,
    item: str,
    date: str,
    measure: str = "nps",
    scale: Scale = NPS_SCALE,
    top: int = 2,
    period: str = "M",
    limits: str = "answers",
    baseline: int | None = None,
    least: int = 10,
    sigmas: float = 3.0,
    run: int = 8,
) -> pd.DataFrame:
    """Return a score by month with the limits within which chance alone moves it, and the months that signal.

    Parameters
    ----------
    table : table
        One row per respondent, of any engine.
    item, scale, top
        The column with the answers, as for :func:`top_box`.
    date : str
        Column with the day of the answer.
    measure : {"nps", "top box", "mean"}
        What is followed: Net Promoter Score (points), share of satisfied, or mean answer.
    period : {"W", "M", "Q", "Y"}
        Week, month, quarter or year.
    limits : {"answers", "neighbours"}
        From what chance is known: from the spread of the answers within a period and their number, or from
        how far periods lie from the next (the chart for individual values). The first knows luck in who
        answered and nothing else; the second knows whatever moves the score every month.
    baseline : int, optional
        Centre line and limits come from so many first periods that have enough answers; by default from all.
    least : int
        A period with fewer answers is shown and not judged.
    sigmas : float
        How far the limits lie from the centre line, in standard errors.
    run : int
        How many periods in a row on one side of the centre line are a signal.

    Returns
    -------
    DataFrame
        Index ``period``; ``n`` answers, ``value``, ``centre``, ``low``, ``high``, and ``signal``: "beyond a
        limit", "8 in a row on one side", "too few answers", or empty.

    Raises
    ------
    ValueError
        As :func:`top_box`; an answer without a day; no period with `least` answers.

    Notes
    -----
    By the answers, limits are centre ± 3 s / √n: for shares and NPS s is that of all answers of the baseline
    (the p-chart), for means the spread within periods. Of months without any news about one in 370 lies
    beyond a limit, and one in some 250 ends a run of eight.

    References
    ----------
    Shewhart, W. A. (1931). Economic Control of Quality of Manufactured Product. Van Nostrand.
    Montgomery, D. C. & Runger, G. C. (2003). Applied Statistics and Probability for Engineers, 3rd ed.
    Wiley, chapter 16.

    Examples
    --------
    >>> days = pd.to_datetime(["2025-01-15"] * 20 + ["2025-02-15"] * 20 + ["2025-03-15"] * 20)
    >>> given = [10] * 10 + [7] * 10 + [10] * 9 + [7] * 11 + [10] * 2 + [3] * 18
    >>> answers = pd.DataFrame({"day": days, "recommend": given})
    >>> control_chart(answers, "recommend", "day", baseline=2).round(1)
              n  value  centre   low  high          signal
    period
    2025-01  20   50.0    47.5  14.0  81.0
    2025-02  20   45.0    47.5  14.0  81.0
    2025-03  20  -80.0    47.5  14.0  81.0  beyond a limit
    """
    table = as_pandas(table)
    look_up("measure", measure, dict.fromkeys(["nps", "top box", "mean"]))
    look_up("period", period, dict.fromkeys(["W", "M", "Q", "Y"]))
    by_answers = look_up("kind of limits", limits, {"answers": True, "neighbours": False})
    whole_number(least, "least", least=2)
    number(sigmas, "sigmas", "a number above 0", low=1e-9)
    answers = scores(table, item, scale, whole=measure != "mean")
    values = {
        "nps": 100 * ((answers >= 9).astype(float) - (answers <= 6)),
        "top box": among_top(answers, scale, top).astype(float),
        "mean": answers,
    }[measure]
    met = ~np.isnan(answers)
    each = pd.Series(values[met]).groupby(_periods(table, date, met, period)).agg(["size", "mean", "var"])
    enough = each["size"] >= least
    if not enough.any():
        raise ValueError(f"No period has {least} answers: take longer ones, or a lower least=….")
    judged = each[enough]
    errors = None
    if baseline is not None:
        whole_number(baseline, "baseline", least=1 if by_answers else 2)
    if by_answers:
        first = judged.iloc[:baseline]
        spread = _spread(first, within=measure == "mean")
        if spread == 0:
            raise ValueError(f"All answers to {item!r} in the baseline are alike: they tell no limits.")
        errors = spread / np.sqrt(judged["size"])
    chart = _charts.control_chart(judged["mean"], errors, baseline, sigmas, run).reindex(each.index)
    chart["value"], chart["signal"] = each["mean"], chart["signal"].where(enough, _FEW)
    ends = {"nps": (-100.0, 100.0), "top box": (0.0, 1.0), "mean": checked_scale(scale)}[measure]
    chart[["low", "high"]] = chart[["low", "high"]].clip(*ends)
    chart.insert(0, "n", each["size"])
    return chart


def _periods(table: pd.DataFrame, date: str, met: np.ndarray, period: str) -> pd.PeriodIndex:
    require_columns(table.columns, [date])
    days = table.loc[met, date]
    refuse(table[met], days.isna().to_numpy(), f"no {date!r}")
    if days.dtype.kind != "M":
        try:
            days = pd.to_datetime(days.astype(str))
        except ValueError:
            raise ValueError(f"{date!r} must hold days and holds {days.iloc[0]!r}.") from None
    return pd.PeriodIndex(days.dt.to_period(period), name="period")


def _spread(periods: pd.DataFrame, within: bool) -> float:
    """Return the standard deviation of one answer, within periods or about the mean of all."""
    size = periods["size"]
    squares = float(((size - 1) * periods["var"].fillna(0)).sum())
    if within:
        return float(np.sqrt(squares / (size - 1).sum()))
    mean = np.average(periods["mean"], weights=size)
    return float(np.sqrt((squares + (size * (periods["mean"] - mean) ** 2).sum()) / size.sum()))


def plot_control_chart(chart: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the table of :func:`control_chart`: the score, the band of chance, and the months that signal.

    Parameters
    ----------
    chart : DataFrame
        From :func:`control_chart`.
    ax : Axes, optional

    Returns
    -------
    Axes

    Examples
    --------
    >>> days = pd.to_datetime(["2025-01-15"] * 20 + ["2025-02-15"] * 20)
    >>> answers = pd.DataFrame({"day": days, "recommend": [10] * 10 + [7] * 20 + [3] * 10})
    >>> plot_control_chart(control_chart(answers, "recommend", "day")).get_title(loc="left")
    'News and noise: 2 of 2 periods signal'
    """
    drawn_table(chart, ("value", "centre", "low", "high", "signal"), "control_chart(table, item, date)")
    ax = plot.axes(ax, figsize=(7, 3.4))
    place, names = np.arange(len(chart)), [str(name) for name in chart.index]
    judged = chart["signal"] != _FEW
    ax.fill_between(
        place, chart["low"], chart["high"], step="mid", color=plot.PALETTE[0], alpha=0.15, linewidth=0,
        label=plot.label("what chance does"),
    )  # fmt: skip
    ax.plot(
        place[judged], chart["centre"][judged], color=plot.QUIET, ls="--", label=plot.label("centre line")
    )
    ax.plot(place[judged], chart["value"][judged], "o-", color=plot.INK, ms=4, label=plot.label("score"))
    marks = {_charts.BEYOND: ("D", plot.MODEL), _FEW: ("x", plot.QUIET)}
    for signal in chart["signal"].unique():
        if signal:
            look, colour = marks.get(signal, ("s", plot.PALETTE[3]))
            here = (chart["signal"] == signal).to_numpy()
            ax.plot(place[here], chart["value"][here], look, color=colour, ms=9, label=plot.label(signal))
    shown = place[:: max(1, -(-len(place) // 12))]
    ax.set_xticks(shown, [names[one] for one in shown], rotation=45, ha="right")
    plot.legend_beside(ax)
    signals = int((judged & (chart["signal"] != "")).sum())
    title = plot.label("News and noise:") + f" {signals} {plot.label('of')} {int(judged.sum())} "
    return plot.annotate(ax, title + plot.label("periods signal"), "", "score")
