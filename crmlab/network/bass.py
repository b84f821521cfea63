"""Take-up over time: Bass's model by three methods, with an interval that is wide where data say little."""

from copy import copy
from typing import Any

import numpy as np
import pandas as pd
import statsmodels.api as sm
from matplotlib.axes import Axes
from scipy import stats

from crmlab import plot
from crmlab._arguments import level
from crmlab._columns import by_period
from crmlab._results import Derivatives, LikelihoodModel, LikelihoodResults
from crmlab._tables import as_series, look_up, whole_number

METHODS = {"nls": "least squares", "ols": "Bass's regression", "ml": "maximum likelihood"}
FEW = 8  # periods below which a fit of three parameters is said to lean on the form of the curve
STEPS = 61  # points of the grid in each direction
WIDEST = 1e4  # times what was sold: a market this large is no bound


def _by_period(sales: Any) -> pd.Series:
    """Return counts by period, or raise ValueError if a period is missing or a count impossible."""
    series = as_series(sales)
    index = series.index
    if isinstance(index, pd.DatetimeIndex):
        kinds = [index.tz_localize(None).to_period(every) for every in "YQMWD"]
        fits = [one for one in kinds if (np.diff(one.asi8) == 1).all()]
        if not fits:
            raise ValueError(
                "The days of sales are not one in each year, quarter, month, week or day, in order: one is "
                "missing, or there twice. Write 0 where nobody bought, and leave no gap."
            )
        index = fits[0]
    if isinstance(index, pd.PeriodIndex):
        step = np.diff(index.asi8)
        if (step != 1).any():
            at = int(np.argmax(step != 1))
            raise ValueError(
                f"After {index[at]} comes {index[at + 1]}: write 0 where nobody bought, and leave no gap."
            )
        series = series.set_axis(range(1, len(series) + 1))
    series = by_period(series, "sales", every="period")
    series = series.set_axis(pd.RangeIndex(1, len(series) + 1, name="period"))
    if (series < 0).any():
        row = series.index[series < 0][0]
        raise ValueError(
            f"sales has a negative number, {series[row]:g} in period {row}: count what was sold."
        )
    if len(series) < 5:
        raise ValueError(f"Three parameters need at least five periods; sales has {len(series)}.")
    if (series > 0).sum() < 3:
        raise ValueError("sales are above 0 in fewer than three periods: there is no curve to be fitted.")
    return series


def _per_period(p: Any, q: Any, last: int, first: int = 1) -> Any:
    """Return F(t) − F(t − 1), of the share F that has taken it up by t, for t = first … last (last axis)."""
    t = np.arange(first - 1, last + 1)
    e = np.exp(-(p + q) * t)
    up, left = p * (1 - e) / (p + q * e), (p + q) * e / (p + q * e)
    early = (up.real < 0.5)[..., 1:]  # later, from what is left: differences of numbers near 1 lose digits
    return np.where(early, np.diff(up, axis=-1), -np.diff(left, axis=-1))


class Bass(LikelihoodModel):
    """Bass's model of how something new is taken up.

    In each period somebody who has not taken it up does so with the hazard p + q · F(t): p by oneself, q
    because others did, times the share F of those who have. m take it up in the end.

    Parameters
    ----------
    sales : sequence or Series of float, at least 5
        How many took it up in each period since it was launched, the first period first. Repeat purchases do
        not count. The labels of a Series are its periods: numbers, months, days at equal distance.

    Raises
    ------
    ValueError
        If a period is missing, a number is missing, infinite or negative, or fewer than five periods or
        fewer than three above 0 are given.

    Notes
    -----
    The errors of ``nls`` are alike in all periods; ``ml`` takes the counts for independent Poisson counts of
    people with the means m (F(t) − F(t − 1)). Given their total that is the multinomial likelihood of
    Schmittlein & Mahajan, and m needs no survey. Thousands of units are no people: their errors are far
    larger than Poisson's, so such series belong to ``nls``. ``llf`` of ``nls`` counts n − 3 residuals.

    References
    ----------
    Bass, F. M. (1969). A new product growth for model consumer durables. Management Science 15(5), 215–227.
    https://doi.org/10.1287/mnsc.15.5.215 (``ols``). Schmittlein, D. C. & Mahajan, V. (1982). Maximum
    likelihood estimation for an innovation diffusion model of new product acceptance. Marketing Science
    1(1), 57–78. https://doi.org/10.1287/mksc.1.1.57 (``ml``). Srinivasan, V. & Mason, C. H. (1986).
    Nonlinear least squares estimation of new product diffusion models. Marketing Science 5(2), 169–178.
    https://doi.org/10.1287/mksc.5.2.169 (``nls``).

    Examples
    --------
    Video recorders, in thousands:

    >>> vcr = [840, 1470, 2110, 4000, 7590, 10950, 10530, 9470, 7790, 5890]
    >>> Bass(vcr).fit().params.round(4).tolist()
    [0.0088, 0.6422, 67660.0249]
    """

    names = ("p", "q", "m")
    title = "Bass"
    method = "nls"

    def __init__(self, sales: Any):
        self.sales = _by_period(sales)
        self.counts = self.sales.to_numpy(float)
        self.nobs = float(len(self.counts))
        self.results_class = BassResults

    def fit(self, method: str = "nls", start: Any = None) -> "BassResults":  # type: ignore[override]
        """Fit and return the results.

        Parameters
        ----------
        method : {"nls", "ols", "ml"}
            Least squares on m (F(t) − F(t − 1)); Bass's regression of a period's sales on what was sold
            before and its square; or maximum likelihood for counts of people.
        start : sequence of float, optional
            p, q and m; without it the best point of a wide grid.

        Raises
        ------
        ValueError
            An unknown method; counts that are not whole with "ml"; a regression that bends upwards with
            "ols" and so knows no market.

        Warns
        -----
        FitWarning
            Where a parameter ran to its boundary, or the search did not end.
        """
        look_up("method", method, METHODS)
        if method == "ols":
            return self._regress()
        model = copy(self)
        model.method, model.title = method, f"Bass by {METHODS[method]}"
        if method == "ml":
            if (self.counts % 1 != 0).any():
                raise ValueError('method="ml" counts people, in whole numbers. For thousands take "nls".')
            model.nobs = self.counts.sum()
        results: BassResults = super(Bass, model).fit(start)
        results.notes += results.say()
        return results

    def _regress(self) -> "BassResults":
        before = np.cumsum(self.counts) - self.counts
        scale = before[-1]  # so that the squares do not drown the rest
        found = sm.OLS(self.counts, np.column_stack([before**0, before / scale, (before / scale) ** 2])).fit()
        a, b, c = found.params / scale ** np.arange(3)
        if not (c < 0 < a):
            raise ValueError(
                "Bass's regression finds no market here: "
                + ("it bends upwards, " if c >= 0 else "nobody would be first, ")
                + f"a = {a:.4g}, b = {b:.4g}, c = {c:.4g}, where a > 0 > c is needed. "
                'method="nls" tells what these periods allow.'
            )
        root = np.sqrt(b * b - 4 * a * c)
        m = (-b - root) / (2 * c)
        by_m = np.array([1, m, m * m]) / root  # the derivatives of m, from a + b m + c m² = 0
        slopes = [
            np.array([1 / m, 0, 0]) - a / m**2 * by_m,
            np.array([0, 0, -m]) - c * by_m,
            by_m,
        ]
        known = found.cov_params() / np.outer(scale ** np.arange(3), scale ** np.arange(3))
        model = copy(self)
        model.method, model.title = "ols", f"Bass by {METHODS['ols']}"
        theta, bounded = np.array([a / m, -c * m, m]), np.ones(3, bool)
        spread = np.array(slopes) @ known @ np.array(slopes).T
        results = BassResults(model, theta, found.llf, spread, bounded, True, [])
        results.notes += results.say()
        return results

    def grid(self, p: np.ndarray, q: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return, at each p and q, the log-likelihood with the best m, this m, and its curvature in m."""
        y, rises = self.counts, _per_period(p[:, None], q[:, None], len(self.counts))
        if self.method == "ml":
            total = y.sum()
            m = total / rises.sum(axis=1)
            mean = np.maximum(m[:, None] * rises, 1e-300)
            return (y * np.log(mean) - mean).sum(axis=1), m, total / m**2
        squares = np.maximum((rises**2).sum(axis=1), 1e-300)
        m = (rises @ y) / squares
        rest = ((y - m[:, None] * rises) ** 2).sum(axis=1) + self._floor
        free = len(y) - 3
        return -free / 2 * np.log(rest), m, free * squares / rest

    @property
    def _floor(self) -> float:
        return 1e-14 * float(np.einsum("i,i", self.counts, self.counts))  # a perfect fit has an end, too

    def start(self) -> np.ndarray:
        p, q = (one.ravel() for one in np.meshgrid(np.geomspace(1e-6, 1, 60), np.geomspace(1e-4, 5, 60)))
        value, m, _ = self.grid(p, q)
        best = int(np.argmax(np.where(m < WIDEST * self.counts.sum(), value, -np.inf)))
        return np.array([p[best], q[best], m[best]])

    def derivatives(self, params: np.ndarray) -> Derivatives:
        value, gradient = self._slope(params)
        nudge = 1e-30  # the imaginary part of a derivative at a point this far off the real line is exact
        bends = [self._slope(params + 1j * nudge * side)[1].imag / nudge for side in np.eye(3)]
        return float(value.real), gradient.real, np.array(bends)

    def _slope(self, params: np.ndarray) -> tuple[Any, np.ndarray]:
        p, q, m = params
        t = np.arange(len(self.counts) + 1)
        e = np.exp(-(p + q) * t)
        share, below = p * (1 - e) / (p + q * e), p + q * e
        by_p = (1 - e + p * t * e - share * (1 - q * t * e)) / below
        by_q = (p * t * e - share * (e - q * t * e)) / below
        rises = _per_period(p, q, len(self.counts))
        rates = np.array([m * np.diff(by_p), m * np.diff(by_q), rises])
        y, mean = self.counts, m * rises
        if self.method == "ml":
            return (y * np.log(mean) - mean).sum(), (rates * (y / mean - 1)).sum(axis=1)
        rest, free = ((y - mean) ** 2).sum() + self._floor, len(y) - 3
        return -free / 2 * np.log(rest), free * (rates * (y - mean)).sum(axis=1) / rest

    def boundary_note(self, names: list[str], params: np.ndarray) -> str:
        if names == ["q"]:
            return "q ran to 0: no sign of one taking it up because others did."
        return f"{' and '.join(names)}: these periods do not bound it, as before a peak."


class BassResults(LikelihoodResults):
    """Results of :meth:`Bass.fit`; `params` are p, q (per period) and m (as in the sales)."""

    model: Bass

    def _region(self, alpha: float) -> np.ndarray:
        """Return p, q and m, one column each, on the border and inside of what the data allow.

        Whatever is computed from p, q and m has as its profile-likelihood interval the range over these.
        """
        if not self.estimated:
            raise ValueError(
                "The parameters were given, not estimated: there is no interval. Leave out alpha."
            )
        free = len(self.model.counts) - 3
        room = stats.chi2.isf(alpha, 1) / 2
        if self.model.method == "nls":  # as an F test has it, wider with few periods
            room = free / 2 * np.log1p(stats.f.isf(alpha, 1, free) / free)
        box = edges = np.log([[1e-9, 10.0], [1e-6, 10.0]])
        turn, here = np.eye(2), np.clip(np.log(self.params.to_numpy()[:2]), edges[:, 0], edges[:, 1])
        best = float(self.model.grid(*np.exp(here[:, None]))[0][0])
        turns = 0
        while turns < 5:  # a grid over what was inside of the last one, along its own directions
            p, q = np.meshgrid(*(np.linspace(low, high, STEPS) for low, high in box))
            at = np.column_stack([turn @ [p.ravel(), q.ravel()], here])
            at = at[:, ((at >= edges[:, :1]) & (at <= edges[:, 1:])).all(axis=0)]
            p, q = np.exp(at)
            value, m, bend = self.model.grid(p, q)
            inside = (value >= best - room) & (m > 0)
            found, width = at[:, inside], np.ptp(box, axis=1)
            seen = turn.T @ found
            ends = np.stack([seen.min(axis=1), seen.max(axis=1)], axis=1)
            beyond = np.abs(ends - box) < width[:, None] / STEPS / 2
            if turns and beyond.any():  # a ridge thinner than the first grid: follow it to its end
                box = box + beyond * np.stack([-width, width], axis=1)
                continue
            turns += 1
            if found.shape[1] > 9:
                turn = np.linalg.eigh(np.cov(found))[1]
            seen = turn.T @ found
            step = width.max() / (STEPS - 1)  # the border may lie so far outside
            box = np.stack([seen.min(axis=1) - 1.5 * step, seen.max(axis=1) + 1.5 * step], axis=1)
        p, q, m = p[inside], q[inside], m[inside]
        spread = np.sqrt(2 * np.maximum(room - best + value[inside], 0) / bend[inside])
        m = np.concatenate([np.maximum(m - spread, 0.5 * m), m + spread])
        return np.array([np.tile(p, 2), np.tile(q, 2), m])

    def _range(self, quantity: Any, alpha: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the ends for `quantity(p, q, m)`, whose last axis are the points of the region."""
        values = quantity(*self._region(level(alpha)))
        return np.min(values, axis=-1), np.max(values, axis=-1)

    def conf_int(self, alpha: float = 0.05) -> pd.DataFrame:
        """Return 1 − `alpha` confidence intervals, columns 0 and 1.

        Of "nls" and "ml" by the profile likelihood. An upper end of m beyond ten thousand times what was
        sold is infinity: these periods do not bound the market. Of "ols" as its regression has them, by the
        delta method, symmetric in the logarithm.
        """
        if self.model.method == "ols":
            return super().conf_int(alpha)
        low, high = self._range(lambda *theta: np.array(theta), alpha)
        high[2] = np.inf if high[2] > WIDEST * self.model.counts.sum() else high[2]
        return pd.DataFrame({0: low, 1: high}, self.params.index)

    def peak(self, alpha: float | None = 0.05) -> pd.Series:
        """Return when most take it up in a period: T* = ln(q / p) / (p + q) after the launch, not below 0.

        With ``low`` and ``high``, unless `alpha` is None. ``high`` is infinity where these periods allow
        a market without bound and q above p: the larger the market, the later the peak.
        """

        def when(p: Any, q: Any, m: Any, widest: float = np.inf) -> Any:
            return np.where((m > widest) & (q > p), np.inf, np.maximum(np.log(q / p), 0) / (p + q))

        found = {"peak": when(*self.params)}
        if alpha is not None:
            if self.model.method == "ols":
                raise ValueError('An interval of the peak is that of "nls" or "ml". Give alpha=None.')
            widest = WIDEST * self.model.counts.sum()  # beyond it only the search has an end
            found["low"], found["high"] = self._range(lambda p, q, m: when(p, q, m, widest), alpha)
        return pd.Series(found, name="periods", dtype=float)

    def forecast(self, periods: int, alpha: float | None = 0.05) -> pd.DataFrame:
        """Return what is expected in the next periods.

        Parameters
        ----------
        periods : int
            How many periods after the last one.
        alpha : float, optional
            One minus the level of the interval; None for none, as with parameters that were given.

        Returns
        -------
        DataFrame
            Index ``period``; columns ``expected``, ``low``, ``high``. The interval is for what will be
            counted: the profile likelihood of the curve, and the scatter of single periods around it, added
            as squares. Before the peak it is wide on the upper side, as it must be.

        Raises
        ------
        ValueError
            No whole number of periods, or an interval asked for with "ols".
        """
        whole_number(periods, "periods", least=1)
        last = len(self.model.counts)

        def ahead(p: Any, q: Any, m: Any) -> Any:
            p, q, m = (np.asarray(one)[..., None] for one in (p, q, m))
            return (m * _per_period(p, q, last + periods, last + 1)).T

        index = pd.RangeIndex(last + 1, last + periods + 1, name="period")
        table = pd.DataFrame({"expected": ahead(*self.params)}, index)
        if alpha is None:
            return table
        if self.model.method == "ols":
            raise ValueError('A forecast with interval is that of "nls" or "ml". Give alpha=None.')
        low, high = self._range(ahead, alpha)
        centre, noise = table["expected"].to_numpy(), self._scatter(table["expected"].to_numpy())
        noise = stats.norm.isf(alpha / 2) * noise
        table["low"] = np.maximum(centre - np.hypot(centre - low, noise), 0)
        table["high"] = centre + np.hypot(high - centre, noise)
        return table

    @property
    def fitted(self) -> pd.Series:
        """What the curve says of each period."""
        p, q, m = self.params
        return pd.Series(m * _per_period(p, q, len(self.model.counts)), self.model.sales.index, name="fitted")

    def _scatter(self, mean: np.ndarray) -> np.ndarray:
        """Return the standard deviation of a single period around the curve."""
        if self.model.method == "ml":
            return np.sqrt(mean)
        rest = self.model.sales - self.fitted
        return np.full(len(mean), np.sqrt((rest**2).sum() / (len(rest) - 3)))

    def say(self) -> list[str]:
        """Return what must be known of these estimates, in sentences."""
        last, found = len(self.model.counts), []
        if last < FEW:
            found.append(
                f"{last} periods for three parameters: the form of the curve says more than the data."
            )
        if (when := self.peak(None)["peak"]) > last - 1:
            found.append(
                f"The data hold no whole period after the peak ({when:.1f} after the launch): m and the peak "
                "are what the form of the curve adds, and the interval tells how little the data do."
            )
        if self.model.method == "ols":
            found.append(
                "Bass's regression takes a year's sales for a rate at its beginning; its standard errors are "
                "those of the regression, and it gives no interval of a forecast."
            )
        elif self.conf_int().loc["m", 1] > 3 * self.model.counts.sum():
            most = self.conf_int().loc["m", 1]
            held = "is not bounded" if np.isinf(most) else f"may be as large as {most:,.0f}"
            found.append(f"The market m {held}; {self.model.counts.sum():,.0f} were counted so far.")
        return found

    def plot(self, periods: int = 0, alpha: float = 0.05, ax: Axes | None = None) -> Axes:
        """Draw what was counted, the fitted curve and, with `periods`, the forecast with its interval.

        Examples
        --------
        >>> ax = Bass([9, 14, 22, 30, 34, 30, 22, 15]).fit().plot(4)
        >>> [text.get_text() for text in ax.get_legend().get_texts()]
        ['counted', 'fitted', 'forecast', '95 % interval']
        """
        ax = plot.axes(ax, figsize=(8, 3.4))
        ax.plot(self.model.sales, "o", color=plot.ACTUAL, label=plot.label("counted"))
        ax.plot(self.fitted, color=plot.MODEL, label=plot.label("fitted"))
        if periods:
            given = None if self.model.method == "ols" or not self.estimated else alpha
            ahead = self.forecast(periods, given)
            ax.plot(ahead["expected"], "--", color=plot.MODEL, label=plot.label("forecast"))
            if given is not None:
                told = f"{100 * (1 - alpha):.3g} % interval"
                ends, grey = (ahead["low"], ahead["high"]), plot.QUIET
                ax.fill_between(ahead.index, *ends, label=plot.label(told), color=grey, alpha=0.3, lw=0)
                top = max(self.model.counts.max(), ahead["expected"].max())
                ax.set_ylim(0, min(1.05 * max(top, ahead["high"].max()), 4 * top))
        ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
        return plot.annotate(ax, "Who takes it up, and when?", "period after the launch", "in the period")
