"""Control charts: what a monthly number may do by chance, and the months in which it did more."""

from typing import Any

import numpy as np
import pandas as pd

from crmlab._arguments import floats, number
from crmlab._tables import whole_number

_RANGE = 1.128379167095513  # mean distance of two normal values in standard deviations, 2 / √π
BEYOND, RUN = "beyond a limit", "{} in a row on one side"


def moving_range(values: Any) -> float:
    """Return the mean distance of a value from the one before it.

    Examples
    --------
    >>> moving_range([1, 3, 2])
    1.5
    """
    return float(np.abs(np.diff(values)).mean())


def control_chart(
    values: pd.Series, wobble: Any = None, baseline: int | None = None, sigmas: float = 3.0, run: int = 8
) -> pd.DataFrame:
    """Return a chart of one value per period: its centre line, limits, and the periods that signal.

    Parameters
    ----------
    values : Series of float
        By period, in their order.
    wobble : sequence of float, optional
        The standard error of each value. Without it the limits come from the mean distance of neighbouring
        values (the chart for individual values, "XmR"): that is what they did from one period to the next,
        whatever moved them.
    baseline : int, optional
        Take centre line and limits from so many first periods and judge all by them; by default from all.
    sigmas : float
        How many standard errors from the centre line the limits lie.
    run : int
        How many periods in a row on one side of the centre line are a signal.

    Returns
    -------
    DataFrame
        Index as that of `values`; ``value``, ``centre``, ``low``, ``high`` and ``signal``: "beyond a limit",
        "8 in a row on one side" (from the period on in which it can first be said), or empty.

    Notes
    -----
    With standard errors the centre line is the mean of the values, each weighted by 1 / its error squared.
    A value on the centre line ends a run. Without standard errors, values that are all equal have both limits
    on the centre line, and whatever moves afterwards signals. Two rules and no more: each further one costs
    false alarms.

    References
    ----------
    Shewhart, W. A. (1931). Economic Control of Quality of Manufactured Product. Van Nostrand.
    Nelson, L. S. (1984). The Shewhart control chart: tests for special causes. Journal of Quality Technology
    16(4), 237–239. https://doi.org/10.1080/00224065.1984.11978921

    Examples
    --------
    >>> chart = control_chart(pd.Series([50.0, 52, 49, 51, 62, 50]), baseline=4)
    >>> chart.round(1)[["value", "low", "high", "signal"]]
       value   low  high          signal
    0   50.0  44.3  56.7
    1   52.0  44.3  56.7
    2   49.0  44.3  56.7
    3   51.0  44.3  56.7
    4   62.0  44.3  56.7  beyond a limit
    5   50.0  44.3  56.7
    """
    shown = floats(values, "the values of the chart")
    whole_number(run, "run", least=3)
    number(sigmas, "sigmas", "a number above 0", low=1e-9)
    least = 2 if wobble is None else 1
    count = len(shown) if baseline is None else baseline
    whole_number(count, "baseline", least)
    if count > len(shown):
        raise ValueError(f"baseline={count} periods, and there are {len(shown)}.")
    if not np.isfinite(shown).all():
        row = values.index[int(np.argmax(~np.isfinite(shown)))]
        raise ValueError(
            f"The value of {row!r} is missing or infinite: leave the period out. A gap counts as no period."
        )
    first = shown[:count]
    if wobble is None:
        centre, errors = first.mean(), np.full(len(shown), moving_range(first) / _RANGE)
    else:
        errors = np.broadcast_to(floats(wobble, "wobble"), shown.shape)
        if not (np.isfinite(errors) & (errors > 0)).all():
            raise ValueError("Each value needs a standard error above 0.")
        centre = np.average(first, weights=1 / errors[:count] ** 2)
    table = pd.DataFrame({"value": shown, "centre": centre}, index=values.index)
    table["low"], table["high"] = centre - sigmas * errors, centre + sigmas * errors
    side = np.sign(shown - centre)
    # how many periods, this one included, lie on its side without a break
    broken = np.r_[True, side[1:] != side[:-1]] | (side == 0)
    place = np.arange(len(shown))
    length = np.where(side == 0, 0, place - np.maximum.accumulate(np.where(broken, place, 0)) + 1)
    beyond = (shown < table["low"]) | (shown > table["high"])
    table["signal"] = np.select([beyond, length >= run], [BEYOND, RUN.format(run)], "")
    return table
