"""Who stays, where the end is observed: retention in contracts, and survival curves."""

from collections.abc import Mapping
from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter
from numpy.typing import ArrayLike
from scipy.stats import norm
from statsmodels.duration.survfunc import SurvfuncRight

from crmlab import plot
from crmlab._arguments import level
from crmlab._columns import aligned, by_period, labels, to_digits
from crmlab._tables import as_series, drawn_table, number_columns, numbers, refuse


def retention_table(survivors: Any) -> pd.DataFrame:
    """Return who renews at each age and who leaves: retention and churn where the end is observed.

    This is the one definition of retention and churn here, for contracts: subscriptions, memberships,
    insurance. Of those under contract at age t - 1, the retention rate of age t is the share who renew, the
    churn rate the share who do not.

    Parameters
    ----------
    survivors : sequence of float
        Customers of one cohort under contract at ages 0, 1, 2, …: the whole cohort first, never rising. The
        labels of a Series or mapping are the ages.

    Returns
    -------
    DataFrame
        Index ``age``; columns ``customers``, ``retention_rate``, ``churn_rate`` (1 - retention rate) and
        ``survival`` (share of the whole cohort: the product of the retention rates so far). At age 0, and
        where nobody was left, there is nobody who could renew, and the rates are missing.

    Raises
    ------
    ValueError
        Numbers that rise, are negative, missing or infinite; an empty cohort; an age that is missing.

    Notes
    -----
    Without a contract nobody says when a customer has left. What can be counted there is the share *active*
    in a period (:func:`crmlab.value.cohort_table`). It is no retention rate: who is silent may come back, so
    it can rise and its ratios can be above 1, and it is low for loyal customers who order seldom. Calling
    customers churned after k silent days does not help: the rate then follows from the k one chose, and from
    how often they order. Whether a silent customer is still there can only be said with a probability, from a
    model as :class:`crmlab.value.BetaGeoNBD`.

    References
    ----------
    Fader, P. S. & Hardie, B. G. S. (2007). How to project customer retention. Journal of Interactive
    Marketing 21(1), 76-90. https://doi.org/10.1002/dir.20074

    Examples
    --------
    Of 1,000 members 600 renew after the first year and 450 of them after the second:

    >>> retention_table([1000, 600, 450, 360, 306]).round(3)
         customers  retention_rate  churn_rate  survival
    age
    0         1000             NaN         NaN     1.000
    1          600            0.60        0.40     0.600
    2          450            0.75        0.25     0.450
    3          360            0.80        0.20     0.360
    4          306            0.85        0.15     0.306
    """
    customers = by_period(survivors, "survivors", every="age")
    if (customers < 0).any() or customers[0] == 0:
        raise ValueError("survivors must not be negative, and above 0 at age 0, the whole cohort.")
    before = customers.shift()
    if (customers > before).any():
        age = int((customers > before).argmax())
        raise ValueError(
            f"survivors rises at age {age}, from {before[age]:g} to {customers[age]:g}: "
            "nobody joins a cohort later. Where customers come back, count who is active: cohort_table."
        )
    rate = customers / before.where(before > 0)
    return pd.DataFrame(
        {
            "customers": customers.astype(int) if (customers % 1 == 0).all() else customers,
            "retention_rate": rate,
            "churn_rate": 1 - rate,
            "survival": customers / customers[0],
        }
    ).rename_axis("age")


def survival_table(duration: ArrayLike, ended: ArrayLike, alpha: float = 0.05) -> pd.DataFrame:
    """Return the share of customers still there at each age, by the Kaplan-Meier estimate.

    It uses customers whose end was seen and customers of whom one knows only that they were still there when
    they were last seen (censored).

    Parameters
    ----------
    duration : sequence of float, one per customer
        Age at the end, or age so far, in any unit; at least 0. Ages that agree to twelve digits are one
        age: 3 times 0.1 is 0.3.
    ended : sequence of bool (or 0 and 1)
        Whether the end was *seen*, as a contract that was not renewed. A long silence is no seen end.
    alpha : float
        1 - the confidence of the interval of each age.

    Returns
    -------
    DataFrame
        Index ``age``: 0 and every age at which somebody ended or was last seen; columns

        - ``at_risk``: customers who reached this age;
        - ``ended``, ``censored``: how many of them ended, or were last seen, at just this age;
        - ``survival``: estimated share who stay longer than this age;
        - ``low``, ``high``: its interval.

    Raises
    ------
    ValueError
        A duration that is negative, missing or infinite; an `ended` other than True and False (1 and 0);
        lengths or indexes that differ; no customer; an `alpha` that is not between 0 and 1.

    Notes
    -----
    At age t with n at risk and d ends, survival is multiplied by 1 - d / n. Who is last seen at an age is
    counted at risk there: ends come before censoring. A duration of 0 is allowed, and is an end on the very
    day it began: survival is below 1 at age 0 then.

    The interval holds for one age, not for the whole curve: Greenwood's variance on the scale log(-log
    survival), so that it stays between 0 and 1. It does not exist where survival is 1 or 0. While nobody has
    ended it is that of n out of n in a binomial (Clopper-Pearson): from (alpha / 2)^(1 / n) to 1, and the
    starting point at age 0 is certain. When the last customer ends it is from 0 to 1 - (alpha / 2)^(1 / n),
    or to the ``high`` of the age before if that is lower. Beyond the last age nothing is known.

    References
    ----------
    Kaplan, E. L. & Meier, P. (1958). Nonparametric estimation from incomplete observations. Journal of the
    American Statistical Association 53(282), 457-481. Kalbfleisch, J. D. & Prentice, R. L. (2002). The
    statistical analysis of failure time data, 2nd edition, section 1.4 (the interval).

    Examples
    --------
    Five contracts: ended after 1, 2, 2 years; two still run after 2 and 3 years:

    >>> survival_table([1, 2, 2, 2, 3], [True, True, True, False, False]).round(2)
         at_risk  ended  censored  survival   low  high
    age
    0.0        5      0         0       1.0  1.00  1.00
    1.0        5      1         0       0.8  0.20  0.97
    2.0        4      2         1       0.4  0.05  0.75
    3.0        1      0         1       0.4  0.05  0.75
    """
    time = numbers(duration, "duration")
    time = to_digits(time)
    event = as_series(aligned(ended, "ended", labels(duration)))
    if len(event) != len(time):
        raise ValueError(f"ended needs one value per duration: {len(time)}; got {len(event)}.")
    event = event.set_axis(time.index)
    checked = pd.DataFrame({"duration": time, "ended": event})
    refuse(checked, (time < 0).to_numpy(), "a negative duration")
    refuse(checked, ~event.isin([0, 1]).to_numpy(), "an 'ended' that is not True or False (1 or 0)")
    level(alpha)
    event = event.astype(int)
    age, place = np.unique(np.append(0.0, time), return_inverse=True)
    leaves = np.bincount(place[1:], minlength=len(age))
    ends = np.bincount(place[1:], event, len(age)).astype(int)
    at_risk = leaves[::-1].cumsum()[::-1]

    curve = SurvfuncRight(time.to_numpy(), event.to_numpy())
    latest = np.searchsorted(curve.surv_times, age, side="right")
    survival = np.append(1.0, curve.surv_prob)[latest]
    error = np.append(0.0, curve.surv_prob_se)[latest]
    inside = (survival > 0) & (survival < 1)
    low, high = np.zeros(len(age)), np.ones(len(age))
    log = np.log(survival[inside])
    power = np.exp(norm.isf(alpha / 2) * error[inside] / (survival[inside] * log))
    low[inside], high[inside] = survival[inside] ** (1 / power), survival[inside] ** power
    exact = (alpha / 2) ** (1 / at_risk)
    low[survival == 1] = exact[survival == 1]
    if survival[-1] == 0:
        high[-1] = min([1 - exact[-1], *high[-2:-1]])
    if survival[0] == 1:
        low[0] = 1.0
    columns = [at_risk, ends, leaves - ends, survival, low, high]
    names = ["at_risk", "ended", "censored", "survival", "low", "high"]
    return pd.DataFrame(dict(zip(names, columns, strict=True)), pd.Index(age, name="age"))


def plot_survival(tables: Mapping[str, pd.DataFrame], ax: Axes | None = None) -> Axes:
    """Draw survival curves as steps, with the interval of each age.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Tables from :func:`survival_table`, by the name that the legend gives them.
    ax : Axes, optional

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If `tables` is not such a mapping, or a table has not the columns ``survival, low, high``.

    Examples
    --------
    >>> plot_survival({"all": survival_table([1, 2, 3], [True, True, False])}).get_ylabel()
    'share still there'
    """
    if not isinstance(tables, Mapping) or not tables:
        raise ValueError("tables must be a mapping from names to tables, as {'all customers': table}.")
    for table in tables.values():
        drawn = drawn_table(table, ("survival", "low", "high"), "survival_table(duration, ended)")
        number_columns(drawn, "survival", "low", "high")
    ax = plot.axes(ax)
    looks = cycle(zip(plot.PALETTE, plot.LINES, plot.MARKERS, strict=True))
    for (colour, line, marker), (name, table) in zip(looks, tables.items(), strict=False):
        band: dict[str, Any] = {"step": "post", "facecolor": (colour, 0.15), "edgecolor": colour, "lw": 0.5}
        ax.fill_between(table.index, table["low"], table["high"], **band)
        look: dict[str, Any] = {"color": colour, "ls": line, "lw": 2, "label": plot.label(str(name))}
        ax.step(table.index, table["survival"], where="post", **look)
        last = table.iloc[-1]
        ax.vlines(table.index[-1], last["low"], last["high"], color=colour, alpha=0.4, lw=3)
        ax.plot(table.index[-1], last["survival"], marker, color=colour, clip_on=False)
    ax.set(ylim=(0, 1.01))
    ax.set_xlim(left=0)
    ax.yaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
    ax.legend()
    return plot.annotate(ax, "How long do customers stay?", "age", "share still there")
