"""Is the relation close, is it watched, and who notices first? Proxies, surprises, warnings."""

from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
import pandas as pd

from crmlab._arguments import generator, level, number
from crmlab._charts import Cusum, Ewma
from crmlab._intervals import resampled, wilson
from crmlab._tables import as_pandas, refuse, require_columns, unknown, whole_number
from crmlab.network.graph import dates, quantities, told_apart

VERDICTS = ("warned", "too early", "too late", "missed", "false alarm", "quiet")
"""What became of a partner: the first four had an event, the last two had none."""
_HAT = 20  # partners with a whole piece of the baseline, from whom a limit can be drawn


@dataclass(frozen=True)
class Watch:
    """What was seen of each partner, month by month, and when the chart gave an alarm.

    Attributes
    ----------
    table : DataFrame
        One row per partner and month with a mark: ``value``, ``expected``, ``surprise`` (value less expected;
        missing for the first marks and after a gap), ``statistic`` and ``alarm``, which are there after the
        baseline only.
    alarms : DataFrame
        Index: every partner with a mark. ``months`` watched after the baseline, ``first_alarm`` (first day of
        its month, missing if there was none) and ``highest`` statistic (missing if never watched).
    weights : Series
        Of the marks before this one in the expectation, the newest first, and the ``constant``.
    limit : float
        Of the chart, in its unit.
    promised : float
        How many partners will have an alarm in their months though nothing is wrong with any of them.
    """

    table: pd.DataFrame
    alarms: pd.DataFrame
    weights: pd.Series
    limit: float
    promised: float


def watch(
    marks: Any,
    partner: str = "partner_id",
    date: str = "asked_on",
    value: str = "attitude",
    baseline: int = 12,
    lags: int = 2,
    chart: Cusum | Ewma = Cusum(0.5, "low"),  # noqa: B008 (it is frozen)
    false_alarms: float = 0.02,
    limit: float | None = None,
    block: int = 4,
    series: int = 20_000,
    rng: Any = 0,
) -> Watch:
    """Chart what the marks of many partners do beyond what their last marks let one expect.

    Parameters
    ----------
    marks : table
        One row per partner and month, of any engine, in any order.
    partner, date, value : str
        Columns: an id, a day of the month (a date or a text such as "2025-06-30", without a time zone), and
        the mark or amount.
    baseline : int
        How many first months of the table say what is usual. Alarms are given after them.
    lags : int
        How many marks before this one the expectation looks back on.
    chart : Cusum or Ewma
        What is done with the surprises; by default those below an allowance of half a point are added up.
    false_alarms : float
        Share of partners that may have an alarm in the months after the baseline though nothing is wrong.
    limit : float, optional
        Of the chart. By default it is drawn from the baseline, so that `false_alarms` holds.
    block : int
        For that, so many months of a partner's surprises are drawn together, in their order.
    series : int
        How many partners with whom nothing is wrong are put together from such pieces.
    rng : int or numpy.random.Generator

    Returns
    -------
    Watch

    Raises
    ------
    ValueError
        If a column is not there, a partner, day or mark is missing or infinite, a partner has two marks in
        one month, the baseline is shorter than `lags` and `block` together or not shorter than the table,
        fewer than 20 partners have a mark in so many months on end, or all marks of the baseline are equal.

    Notes
    -----
    The expectation is one regression over all partners and months of the baseline: of a mark on the `lags`
    marks before it. So a partner of whom little has been seen is judged by what partners usually do. One that
    was asked in a month only, or always with a gap, has no surprise and is never watched (``months`` is 0).
    A month without a mark leaves the chart where it stood.

    For the limit, pieces of the baseline's surprises are drawn from all partners and laid end to end ("moving
    blocks"): what they still remember, and what rounding does to them, stays in. It holds if nobody's
    relation turned in the baseline, and if the months after it are as restless.

    References
    ----------
    Alwan, L. C. & Roberts, H. V. (1988). Time-series modeling for statistical process control. Journal of
    Business & Economic Statistics 6(1), 87–95. https://doi.org/10.1080/07350015.1988.10509640
    Künsch, H. R. (1989). The jackknife and the bootstrap for general stationary observations. Annals of
    Statistics 17(3), 1217–1241. https://doi.org/10.1214/aos/1176347265

    Examples
    --------
    >>> luck = np.random.default_rng(1)
    >>> months = pd.date_range("2024-01-01", periods=24, freq="MS")
    >>> wide = pd.DataFrame(luck.integers(4, 7, (24, 40)), index=months.rename("asked_on"))
    >>> wide.loc["2025-06-01":, 7] = 1
    >>> marks = wide.melt(ignore_index=False, var_name="partner_id", value_name="attitude").reset_index()
    >>> seen = watch(marks)
    >>> seen.alarms.loc[[6, 7], ["months", "first_alarm"]]
                months first_alarm
    partner_id
    6               12         NaT
    7               12  2025-06-01
    >>> round(seen.promised, 1)
    0.8
    """
    if not isinstance(chart, Cusum | Ewma):
        raise ValueError(f"chart is a Cusum or an Ewma, such as Cusum(0.5, 'low'); got {chart!r}.")
    whole_number(lags, "lags", least=1)
    whole_number(block, "block", least=1)
    whole_number(baseline, "baseline", least=lags + block)
    wide = _by_month(as_pandas(marks), partner, date, value)
    after = len(wide) - baseline
    if after < 1:
        raise ValueError(f"baseline={baseline} months, and the marks are of {len(wide)}: nothing to watch.")
    held = wide.to_numpy()
    past = np.stack([held[lags - back : len(held) - back] for back in range(1, lags + 1)], axis=-1)
    weights = _expectation(held[lags:baseline], past[: baseline - lags])
    expected = np.full(held.shape, np.nan)
    expected[lags:] = past @ weights[:-1] + weights[-1]
    surprise = held - expected
    if limit is None:
        number(false_alarms, "false_alarms", "a share of the partners, above 0 and below 1", 1e-9, 1 - 1e-9)
    else:
        number(limit, "limit", "a number above 0", low=1e-9)
    whole_number(series, "series", least=10 / false_alarms if limit is None else 100)
    # the share of partners beyond a limit by each month, when nothing is wrong
    highest = _peaks(surprise[lags:baseline], chart, after, block, series, rng)
    used = float(np.quantile(highest[-1], 1 - false_alarms) if limit is None else limit)
    statistic = np.full(held.shape, np.nan)
    statistic[baseline:] = chart.statistic(surprise[baseline:])
    beyond = statistic > used
    months = (~np.isnan(statistic)).sum(axis=0)
    by_then = np.r_[0.0, (highest > used).mean(axis=1)]
    first = pd.Series(wide.index[beyond.argmax(axis=0)], index=wide.columns).where(beyond.any(axis=0))
    top = np.where(months > 0, np.nan_to_num(statistic, nan=-np.inf).max(axis=0), np.nan)
    alarms = pd.DataFrame({"months": months, "first_alarm": first, "highest": top}, index=wide.columns)
    shown = {
        "value": held,
        "expected": expected,
        "surprise": surprise,
        "statistic": statistic,
        "alarm": beyond,
    }
    table = pd.DataFrame({name: part.T.ravel() for name, part in shown.items()})
    table.index = pd.MultiIndex.from_product([wide.columns, wide.index], names=[partner, date])
    names = ["last", *(f"{back} before" for back in range(2, lags + 1)), "constant"]
    return Watch(
        table[table["value"].notna()], alarms, pd.Series(weights, names), used, float(by_then[months].sum())
    )


def _by_month(marks: pd.DataFrame, partner: str, date: str, value: str) -> pd.DataFrame:
    """Return the marks with a row for each month, none left out, and a column for each partner."""
    require_columns(marks.columns, [partner, date, value])
    refuse(marks, marks[[partner, date]].isna().any(axis=1).to_numpy(), f"no {partner!r} or no {date!r}")
    rows = pd.DataFrame({"who": marks[partner], "value": quantities(marks, value)})
    if rows.empty:
        raise ValueError("There is not a single mark.")
    told_apart(rows["who"], partner)
    rows["month"] = dates(marks, date).dt.to_period("M")
    twice = rows.duplicated(["who", "month"]).to_numpy()
    refuse(marks, twice, f"a second mark of one {partner!r} in one month (of the other side, perhaps)")
    wide = rows.pivot(index="month", columns="who", values="value").rename_axis(partner, axis=1)
    wide = wide.reindex(pd.period_range(wide.index.min(), wide.index.max(), freq="M", name=date))
    return wide.set_axis(wide.index.to_timestamp())


def _expectation(marks: np.ndarray, past: np.ndarray) -> np.ndarray:
    """Return the weights of the past marks, and the constant, by least squares over all partners."""
    there = ~np.isnan(marks) & ~np.isnan(past).any(axis=-1)
    known, sought = np.column_stack([past[there], np.ones(there.sum())]), marks[there]
    if len(sought) < 10 * known.shape[1]:
        raise ValueError(f"The baseline has {len(sought)} marks with what came before: too few, too short.")
    if np.linalg.matrix_rank(known) < known.shape[1]:
        raise ValueError("The marks of the baseline are all alike: there is nothing from which to expect.")
    return np.linalg.lstsq(known, sought, rcond=None)[0]


def _peaks(
    surprise: np.ndarray, chart: Cusum | Ewma, months: int, block: int, series: int, rng: Any
) -> np.ndarray:
    """Return by month the highest statistic so far of series put together from pieces of the baseline."""
    pieces = np.lib.stride_tricks.sliding_window_view(surprise, block, axis=0)  # start, partner, month
    whole = ~np.isnan(pieces).any(axis=-1)
    if whole.any(axis=0).sum() < _HAT:
        raise ValueError(
            f"Only {whole.any(axis=0).sum()} partners have surprises in {block} months of the baseline on "
            f"end, and it takes {_HAT} to say what is usual: choose a longer baseline."
        )
    hat, luck = pieces[whole], generator(rng)
    drawn = hat[luck.integers(0, len(hat), (series, ceil(months / block)))].reshape(series, -1)
    peaks: np.ndarray = np.maximum.accumulate(chart.statistic(drawn[:, :months].T))
    return peaks


def lead_times(alarms: Any, events: Any, earliest: int = 12) -> pd.DataFrame:
    """Return for each partner what became of it: whether it was warned of, and how many months ahead.

    Parameters
    ----------
    alarms : Watch or Series of dates
        By partner: the first alarm, missing where there was none. Everybody who was watched stands here.
    events : Series of dates
        By partner: when it left, or when its flow fell; missing, or not there, where neither happened.
    earliest : int
        An alarm more than so many months ahead is no warning of that event but a false alarm.

    Returns
    -------
    DataFrame
        Index: the partners watched. ``alarm``, ``event``, ``lead`` (calendar months from the one to the
        other; 0 or less is too late) and ``verdict``, one of :data:`VERDICTS`.

    Raises
    ------
    ValueError
        If a partner stands there twice, an event is of one that was not watched, or what should be dates are
        none.

    Examples
    --------
    >>> alarms = pd.Series(pd.to_datetime(["2025-03-01", None, "2025-02-01"]), index=["a", "b", "c"])
    >>> events = pd.Series(pd.to_datetime(["2025-06-10", "2025-07-01"]), index=["a", "b"])
    >>> lead_times(alarms, events)[["lead", "verdict"]]
       lead      verdict
    a   3.0       warned
    b   NaN       missed
    c   NaN  false alarm
    """
    whole_number(earliest, "earliest", least=1)
    if isinstance(alarms, Watch):
        alarms = alarms.alarms.loc[alarms.alarms["months"] > 0, "first_alarm"]
    alarms, events = _dates(alarms, "alarms"), _dates(events, "events").dropna()
    strange = events.index.difference(alarms.index)
    if len(strange):
        raise ValueError(
            f"{unknown('watched partner', strange.tolist()[0], list(alarms.index.astype(str))[:40])}"
        )
    table = pd.DataFrame({"alarm": alarms, "event": events.reindex(alarms.index)})
    month = {name: 12 * part.dt.year + part.dt.month for name, part in table.items()}
    lead = month["event"] - month["alarm"]
    none, event = table["alarm"].isna(), table["event"].notna()
    conditions = [event & none, event & (lead > earliest), event & (lead <= 0), event, ~none]
    verdicts = ["missed", "too early", "too late", "warned", "false alarm"]
    return table.assign(lead=lead.astype(float), verdict=np.select(conditions, verdicts, "quiet"))


def _dates(values: Any, name: str) -> pd.Series:
    if not isinstance(values, pd.Series) or values.dtype.kind != "M" or values.dt.tz is not None:
        raise ValueError(
            f"{name} must be a Series of dates by partner, without a time zone; convert it with "
            "pandas.to_datetime."
        )
    if values.index.duplicated().any():
        twice = values.index[values.index.duplicated()].tolist()[0]
        raise ValueError(f"{name} holds the partner {twice!r} twice: keep the first of its dates.")
    return values


def warned(leads: pd.DataFrame, alpha: float = 0.05) -> pd.Series:
    """Return how good the warnings of :func:`lead_times` were.

    Returns
    -------
    Series
        ``events``, ``warned`` (of these, in time), ``hit_rate`` with ``low`` and ``high`` (Wilson's
        interval), ``median_lead`` in months of those warned, and ``false_alarms`` (those too early too).

    Examples
    --------
    >>> leads = pd.DataFrame({"lead": [3, np.nan, np.nan], "verdict": ["warned", "missed", "quiet"]})
    >>> warned(leads)[["events", "hit_rate", "low", "high", "median_lead"]].round(2).tolist()
    [2.0, 0.5, 0.09, 0.91, 3.0]
    """
    leads = as_pandas(leads)
    require_columns(leads.columns, ["lead", "verdict"])
    refuse(leads, ~leads["verdict"].isin(VERDICTS).to_numpy(), f"a verdict that is none of {VERDICTS}")
    counts = leads["verdict"].value_counts().reindex(VERDICTS, fill_value=0)
    events, hits = int(counts[list(VERDICTS[:4])].sum()), int(counts["warned"])
    if not events:
        raise ValueError("Nothing happened to any partner: there was nothing to warn of.")
    low, high = wilson(hits, events, alpha)
    lead = leads.loc[leads["verdict"] == "warned", "lead"].median()
    false = counts["false alarm"] + counts["too early"]
    found = {"events": events, "warned": hits, "hit_rate": hits / events, "low": low, "high": high}
    return pd.Series(found | {"median_lead": lead, "false_alarms": false}).astype(float)


def proxy(
    table: Any,
    wanted: str,
    stand_in: str,
    by: str | None = None,
    lowest: float = 0.25,
    draws: int = 2000,
    alpha: float = 0.05,
    rng: Any = 0,
) -> pd.DataFrame:
    """Return how well a number that is easily had stands in for one that is wanted.

    Parameters
    ----------
    table : table
        One row per partner, of any engine.
    wanted, stand_in : str
        Columns of numbers: what one wants to know (trust), and what one has (letters a month).
    by : str, optional
        Column with the kind of partner. It is held constant by taking each kind's mean off both columns.
    lowest : float
        The share of partners lowest in `wanted` that one would like to find, by the lowest in `stand_in`.
    draws : int
        How often the partners are resampled.
    alpha : float
        One minus the level of the intervals.
    rng : int or numpy.random.Generator

    Returns
    -------
    DataFrame
        Rows "all" and, with `by`, "within a kind". Columns ``n``, ``correlation`` with ``low`` and ``high``
        (percentiles of resampling), ``found`` (share of the lowest that are found among as many lowest in
        the proxy; partners tied at the cut count in part) and ``by_luck`` (what a list drawn by lot finds).

    Raises
    ------
    ValueError
        If a column is not there, a number is missing, there are fewer than 10 partners, or a column is the
        same for all (within every kind).

    Examples
    --------
    >>> partners = pd.DataFrame({"trust": range(12), "letters": [1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10]})
    >>> proxy(partners, "trust", "letters")[["n", "correlation", "found", "by_luck"]].round(2)
          n  correlation  found  by_luck
    all  12         0.96   0.67     0.25
    """
    data, luck = as_pandas(table), generator(rng)
    number(lowest, "lowest", "a share of the partners, above 0 and at most a half", 1e-9, 0.5)
    whole_number(draws, "draws", least=100)
    both = np.column_stack([quantities(data, wanted), quantities(data, stand_in)])
    if len(both) < 10:
        raise ValueError(f"There are {len(both)} partners; with fewer than 10 a proxy cannot be judged.")
    scale = 2.0 ** np.ceil(np.log2(np.maximum(np.abs(both).max(axis=0), 1e-300)))  # divides without rounding
    views = {"all": both}
    if by is not None:
        require_columns(data.columns, [by])
        refuse(data, data[by].isna().to_numpy(), f"no {by!r}")
        frame = pd.DataFrame(both)
        views["within a kind"] = both - frame.groupby(data[by].to_numpy()).transform("mean").to_numpy()
    rows = {}
    for name, view in views.items():
        # a mean taken off a constant leaves its last digit, whatever the unit
        view = np.round(view / scale, 12)
        for column, one in zip((wanted, stand_in), view.T, strict=True):
            if np.ptp(one) == 0:
                raise ValueError(f"{column!r} is the same for all partners ({name}): nothing goes with it.")
        drawn = view[luck.integers(0, len(view), (draws, len(view)))]
        low, high = resampled(_correlation(drawn)[~np.isnan(_correlation(drawn))], alpha=level(alpha))
        least = [_lowest(one, lowest) for one in view.T]
        found = float((least[0] * least[1]).sum() / least[0].sum())
        own = {"correlation": float(_correlation(view[None])[0]), "low": low, "high": high}
        rows[name] = {"n": len(view), **own, "found": found, "by_luck": least[1].mean()}
    return pd.DataFrame.from_dict(rows, orient="index").astype({"n": int})


def _correlation(drawn: np.ndarray) -> np.ndarray:
    """Return the correlation of two columns in each of many samples, shape (samples, rows, 2)."""
    off = drawn - drawn.mean(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        found: np.ndarray = off.prod(axis=2).sum(axis=1) / np.sqrt((off**2).sum(axis=1).prod(axis=1))
    return found


def _lowest(values: np.ndarray, share: float) -> np.ndarray:
    """Return 1 for the lowest share of the values and 0 for others; ties at the cut share what is left."""
    count = max(1, round(share * len(values)))
    cut = np.sort(values)[count - 1]
    below, at = values < cut, values == cut
    return below + at * (count - below.sum()) / at.sum()
