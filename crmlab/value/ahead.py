"""What a caller says of the time ahead: how long, discounted how, and customers of all histories."""

from typing import Any

import numpy as np
import pandas as pd

from crmlab._arguments import floats, number, rate
from crmlab._tables import whole_number
from crmlab.value.summary import period_days

Array = np.ndarray


def durations(t: Any) -> Array:
    """Return `t` as floats, refusing what is negative, missing or infinite."""
    t = floats(t, "t")
    if not (np.isfinite(t) & (t >= 0)).all():
        raise ValueError("t must be finite and not negative, in the summary's time unit.")
    return t


def discounting(
    discount: float, year: float, horizon: float | None, period: str | None = None
) -> tuple[float, float]:
    """Return the force of discounting per unit of time, and the horizon (infinite if there is none).

    The length of a year must be that in the summary's `period`, where one knows it, to two per cent.

    Examples
    --------
    >>> discounting(0.0, 52, 26)
    (0.0, 26.0)
    """
    discount = rate(discount)
    year = number(year, "year", "the length of a year in the summary's time unit, above 0", 1e-9)
    if period and abs(year * period_days(period) / 365.25 - 1) > 0.02:
        raise ValueError(
            f"year is the length of a year in the summary's time unit, and that is {period!r} of "
            f"btyd_summary: a year has {365.25 / period_days(period):.6g} of them; got {year:g}."
        )
    if horizon is None:
        if discount == 0:
            raise ValueError("With a discount of 0 the sum to come may be infinite: give a horizon.")
        return float(np.log1p(discount)) / year, np.inf
    what = "a time ahead that must not be negative or infinite, in the summary's time unit (None: for ever)"
    return float(np.log1p(discount)) / year, number(horizon, "horizon", what, low=0)


def history_grid(T: float, frequencies: int, recencies: int) -> pd.DataFrame:
    """Return customers of age `T`, one for each frequency (1, 2, …) and step of recency (0 not included).

    Examples
    --------
    >>> history_grid(39, frequencies=1, recencies=3)["recency"].tolist()
    [13.0, 26.0, 39.0]
    """
    T = number(T, "T", "an age above 0 in the summary's time unit", 1e-9)
    whole_number(frequencies, "frequencies", least=1)
    whole_number(recencies, "recencies", least=1)
    steps = T * np.arange(1, recencies + 1) / recencies
    places = pd.MultiIndex.from_product([steps, range(1, frequencies + 1)], names=["recency", "frequency"])
    return places.to_frame().assign(T=float(T))
