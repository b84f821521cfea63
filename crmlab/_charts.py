"""Control charts: what a monthly number may do by chance, and the months in which it did more."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import ndtr

from crmlab._arguments import floats, generator, number
from crmlab._tables import LARGEST_AMOUNT, look_up, whole_number

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


class _Running:
    """A chart that carries something from each period to the next, of many series at once."""

    side: str
    _WAYS: ClassVar = {"low": (-1,), "high": (1,), "both": (-1, 1)}

    def _ways(self) -> np.ndarray:
        return np.array(look_up("side", self.side, self._WAYS))[:, None]

    def _step(self, held: np.ndarray, pushed: np.ndarray) -> np.ndarray:
        """Return what is held after a period; a row of `held` and `pushed` for each side."""
        raise NotImplementedError

    def _shown(self, held: np.ndarray) -> np.ndarray:
        return held.max(axis=0)

    def _exact(self, limit: float, shift: float) -> float:
        """Return the average run length of independent values, or NaN where it is too long to be found."""
        raise NotImplementedError

    def statistic(self, values: Any) -> Any:
        """Return the chart's number after each period: above the limit it is an alarm.

        Parameters
        ----------
        values : Series, DataFrame or array of float
            By period, in their order: how far from what was expected. A column is a series of its own.

        Returns
        -------
        Series, DataFrame or array
            As `values`. Where a value is missing so is the number, and the chart goes on from where it stood.

        Raises
        ------
        ValueError
            If a value is infinite, or there is no period.
        """
        given: Any = floats(np.asarray(values), "the values of the chart")
        if given.ndim not in (1, 2) or not len(given):
            raise ValueError("A chart takes one value per period, or a table with a column for each series.")
        if (large := np.abs(given) > LARGEST_AMOUNT).any():
            row = int(np.argmax(large.reshape(len(given), -1).any(axis=1)))
            raise ValueError(
                f"Period {row} (counted from 0) holds an infinite value, or one beyond ±{LARGEST_AMOUNT:g}."
            )
        shown, ways = given.reshape(len(given), -1), self._ways()
        held, found = np.zeros((len(ways), shown.shape[1])), np.full(shown.shape, np.nan)
        for period, value in enumerate(shown):
            there = ~np.isnan(value)
            held[:, there] = self._step(held[:, there], ways * value[there])
            found[period, there] = self._shown(held[:, there])
        found = found.reshape(given.shape)
        if isinstance(values, pd.DataFrame):
            return pd.DataFrame(found, index=values.index, columns=values.columns)
        return pd.Series(found, index=values.index) if isinstance(values, pd.Series) else found

    def average_run_length(self, limit: float, shift: float = 0.0) -> float:
        """Return after how many periods the alarm comes on average, if the values do not remember.

        Parameters
        ----------
        limit : float
        shift : float
            Mean of the values, which are independent and normal with a standard deviation of 1. With 0
            nothing is wrong, and the alarm is a false one.

        Returns
        -------
        float
            In periods, the one with the alarm included; the chart starts at 0.

        Notes
        -----
        The run length solves an integral equation, which is put on Gauss-Legendre nodes. A chart of both
        sides of sums has the two rates of alarms together.

        References
        ----------
        Brook, D. & Evans, D. A. (1972). An approach to the probability distribution of cusum run length.
        Biometrika 59(3), 539–549. https://doi.org/10.1093/biomet/59.3.539
        Crowder, S. V. (1987). A simple method for studying run-length distributions of exponentially weighted
        moving average charts. Technometrics 29(4), 401–407. https://doi.org/10.1080/00401706.1987.10488267
        """
        number(limit, "limit", "a number above 0", low=1e-9)
        number(shift, "shift", "a finite number")
        found = self._exact(limit, shift)
        if not 1 - 1e-9 <= found < 1e10:  # beyond it the last digits of the weights decide
            raise ValueError(f"With limit={limit:g} an alarm takes longer than can be reckoned: lower it.")
        return found

    def limit_for(self, run_length: float) -> float:
        """Return the limit with which a false alarm takes so many periods on average, without memory."""
        number(run_length, "run_length", "a number of periods from 2 to a million", low=2, high=1e6)
        high = 1.0
        while self._exact(high, 0) < run_length:
            high *= 1.5
        if not self._exact(1e-6, 0) < run_length or not np.isfinite(self._exact(high, 0)):
            raise ValueError(f"There is no limit with a run length of {run_length:g} that can be reckoned.")
        return float(brentq(lambda limit: self._exact(limit, 0) - run_length, 1e-6, high, xtol=1e-9))

    def run_lengths(
        self, limit: float, memory: float = 0.0, shift: float = 0.0, series: int = 10_000, rng: Any = 0,
        longest: int = 100_000,
    ) -> np.ndarray:  # fmt: skip
        """Return after how many periods the alarm came, in each of many series that remember.

        Parameters
        ----------
        limit, shift : float
            As in :meth:`average_run_length`.
        memory : float
            Correlation of a value with the one before, from 0 up to but not including 1. Mean (`shift`) and
            standard deviation (1) are the same whatever the memory is.
        series : int
        rng : int or numpy.random.Generator
        longest : int
            Give up after so many periods.

        Returns
        -------
        array of int, shape (series,)

        Raises
        ------
        ValueError
            If a series has no alarm after `longest` periods.
        """
        number(limit, "limit", "a number above 0", low=1e-9)
        number(shift, "shift", "a finite number")
        whole_number(series, "series", least=1)
        whole_number(longest, "longest", least=1)
        luck, ways = generator(rng), self._ways()
        value, found = luck.standard_normal(series), np.zeros(series, int)
        held, place = np.zeros((len(ways), series)), np.arange(series)
        for period in range(1, longest + 1):
            held = self._step(held, ways * (value + shift))
            beyond = self._shown(held) > limit
            found[place[beyond]] = period
            place, held, value = place[~beyond], held[:, ~beyond], value[~beyond]
            if not len(place):
                return found
            value = next_value(value, memory, luck)
        raise ValueError(
            f"{len(place)} of {series} series had no alarm in {longest} periods: lower the limit."
        )

    def limit(
        self, periods: int, share: float, memory: float = 0.0, series: int = 20_000, rng: Any = 0
    ) -> float:
        """Return the limit that this share of series passes within so many periods though nothing is wrong.

        Parameters
        ----------
        periods : int
        share : float
            Of the series, between 0 and 1: of 200 partners .02 are four.
        memory : float
            As in :meth:`run_lengths`.
        series : int
            How many are simulated: at least 10 / `share`.
        rng : int or numpy.random.Generator

        Returns
        -------
        float
        """
        whole_number(periods, "periods", least=1)
        number(share, "share", "a share of the series, above 0 and below 1", low=1e-9, high=1 - 1e-9)
        whole_number(series, "series", least=10 / share)
        luck, ways = generator(rng), self._ways()
        value, held, highest = luck.standard_normal(series), np.zeros((len(ways), series)), np.zeros(series)
        for _ in range(periods):
            held = self._step(held, ways * value)
            highest = np.maximum(highest, self._shown(held))
            value = next_value(value, memory, luck)
        return float(np.quantile(highest, 1 - share))


def next_value(value: np.ndarray, memory: float, rng: np.random.Generator) -> np.ndarray:
    """Return the next value of series that remember: a part of the last one, and luck; the spread stays 1.

    Examples
    --------
    >>> next_value(np.array([2.0]), 1 - 1e-12, np.random.default_rng(0)).round(3).tolist()
    [2.0]
    """
    number(memory, "memory", "a correlation with the value before, at least 0 and below 1", 0, 1 - 1e-12)
    return memory * value + np.sqrt(1 - memory**2) * rng.standard_normal(value.shape)


@dataclass(frozen=True)
class Cusum(_Running):
    """A chart that adds up what lies beyond an allowance, and forgets what goes the other way (CUSUM).

    Parameters
    ----------
    allowance : float
        What a period may lie on the wrong side without adding to the sum, by custom half of the shift that
        one wants to see, in the unit of the values.
    side : "low", "high" or "both"
        On which side a shift is looked for.

    References
    ----------
    Page, E. S. (1954). Continuous inspection schemes. Biometrika 41(1/2), 100–115.
    https://doi.org/10.1093/biomet/41.1-2.100

    Examples
    --------
    >>> Cusum(0.5, "low").statistic(np.array([0.0, -2, -1, -1, 2])).tolist()
    [0.0, 1.5, 2.0, 2.5, 0.0]
    >>> round(Cusum(0.5).average_run_length(4.0), 1)
    167.7
    """

    allowance: float = 0.5
    side: str = "both"

    def __post_init__(self) -> None:
        number(self.allowance, "allowance", "a number, at least 0", low=0)
        self._ways()

    def _step(self, held: np.ndarray, pushed: np.ndarray) -> np.ndarray:
        return np.maximum(held + pushed - self.allowance, 0)

    def _exact(self, limit: float, shift: float) -> float:
        if self.side == "both":
            rate = sum(1 / Cusum(self.allowance, side)._exact(limit, shift) for side in ("low", "high"))
            return 1 / rate if rate else np.inf
        drift = (shift if self.side == "high" else -shift) - self.allowance
        if limit > 400:  # too wide for the nodes: the number would be wrong
            return np.nan
        nodes, weights = _gauss(0, limit, 1.0)
        start = np.r_[0, nodes]  # the sum stands at 0 with a probability of its own
        stays = np.column_stack([ndtr(-start - drift), _density(nodes - start[:, None] - drift) * weights])
        try:
            found = float(np.linalg.solve(np.eye(len(start)) - stays, np.ones(len(start)))[0])
        except np.linalg.LinAlgError:  # it never leaves 0, to the last digit
            return np.inf
        return found if 1 - 1e-9 <= found < 1e14 else np.inf


@dataclass(frozen=True)
class Ewma(_Running):
    """A chart of the running average in which what is long past counts less and less (EWMA).

    Its number is the average in standard deviations of such an average of independent values; the limit
    counts those (L in the literature).

    Parameters
    ----------
    weight : float
        Of the newest value, above 0 up to 1.
    side : "low", "high" or "both"

    References
    ----------
    Roberts, S. W. (1959). Control chart tests based on geometric moving averages. Technometrics 1(3),
    239–250. https://doi.org/10.1080/00401706.1959.10489860
    Lucas, J. M. & Saccucci, M. S. (1990). Exponentially weighted moving average control schemes.
    Technometrics 32(1), 1–12. https://doi.org/10.1080/00401706.1990.10484583

    Examples
    --------
    >>> Ewma(1.0).statistic(np.array([0.5, -2.0])).tolist()
    [0.5, 2.0]
    >>> round(Ewma(0.5).average_run_length(3.071), 1)
    499.9
    """

    weight: float = 0.2
    side: str = "both"

    def __post_init__(self) -> None:
        number(self.weight, "weight", "the weight of the newest value, above 0 and at most 1", 1e-6, 1)
        self._ways()

    def _spread(self) -> float:
        return float(np.sqrt(self.weight / (2 - self.weight)))

    def _step(self, held: np.ndarray, pushed: np.ndarray) -> np.ndarray:
        return (1 - self.weight) * held + self.weight * pushed

    def _shown(self, held: np.ndarray) -> np.ndarray:
        return held.max(axis=0) / self._spread()

    def _exact(self, limit: float, shift: float) -> float:
        mean, high = -shift if self.side == "low" else shift, limit * self._spread()
        # on one side the average may go down as far as it likes: eight spreads are as good as that
        low = -high if self.side == "both" else min(mean, 0) - 8 * self._spread()
        if high - low > 400 * self.weight:  # too wide for the nodes: the number would be wrong
            return np.nan
        nodes, weights = _gauss(low, high, self.weight)

        def stays(start: np.ndarray) -> np.ndarray:
            luck = (nodes - (1 - self.weight) * start[:, None]) / self.weight - mean
            return _density(luck) * weights / self.weight

        lengths = np.linalg.solve(np.eye(len(nodes)) - stays(nodes), np.ones(len(nodes)))
        return float(1 + (stays(np.zeros(1)) @ lengths)[0])


def _gauss(low: float, high: float, width: float) -> tuple[np.ndarray, np.ndarray]:
    """Return Gauss-Legendre nodes and weights on an interval, dense enough for a bell of this width."""
    nodes, weights = np.polynomial.legendre.leggauss(int(np.clip(6 * (high - low) / width, 40, 1200)))
    half = (high - low) / 2
    return low + half * (nodes + 1), half * weights


def _density(luck: np.ndarray) -> np.ndarray:
    bell: np.ndarray = np.exp(-(luck**2) / 2) / np.sqrt(2 * np.pi)
    return bell
