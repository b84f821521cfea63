"""Confirmatory factor models by maximum likelihood: which item measures which factor, and does that hold?"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from crmlab._results import FitWarning, LikelihoodModel
from crmlab._search import Derivatives
from crmlab._tables import as_pandas, require_columns
from crmlab.survey._answers import answers, by_group, complete, items_of, look
from crmlab.survey._structure import COVARIANCE, EFFECT, MEAN, Layout, Moments
from crmlab.survey.measured import MeasurementResults

EQUAL = ("loadings", "intercepts")
Pair = tuple[str, str]
Place = tuple[int, int, int, float, bool]


class MeasurementModel(LikelihoodModel):
    """A confirmatory factor model: each item measures its factor and nothing else, factors correlate freely.

    Parameters
    ----------
    data : table
        One row per respondent, of any engine. Who left out an item of the model is left out, and the results
        say how many these are.
    factors : dict
        The items of each factor. The first item of each lends it its unit: its loading is 1. A factor of a
        single item is taken to be measured without error.
    errors : sequence of (str, str), optional
        Pairs of items whose errors correlate.
    paths : dict, optional
        The factors on which a factor depends: a latent regression in place of correlations. The disturbances
        of factors that depend on others do not correlate.
    group : str, optional
        A column with the group of each respondent. Each group then has parameters and means of its own.
    equal : sequence of str, optional
        What is equal in all groups: "loadings", or "loadings" and "intercepts".
    scale : (float, float), optional
        The lowest and the highest answer; one outside is refused.

    Attributes
    ----------
    nobs : int
        Respondents who answered all items.
    left_out : int

    Raises
    ------
    ValueError
        Columns that are not there, no numbers, answers outside the scale or codes for missing ones, everybody
        or nobody answering the same, an item twice, not more respondents than items (in each group), a model
        with more parameters than the answers can tell.

    Notes
    -----
    Names of parameters: ``trust -> t2`` is the loading of an item (or the effect of a factor), ``t2 <-> t2``
    a variance (of an item: of its error), ``trust <-> value`` a covariance, ``1 -> t2`` an intercept.
    With groups a parameter of one group ends in its name, ``trust -> t2 [north]``.

    References
    ----------
    Jöreskog, K. G. (1969). A general approach to confirmatory maximum likelihood factor analysis.
    Psychometrika 34(2), 183–202. doi:10.1007/BF02289343

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> factor = rng.normal(size=(300, 1))
    >>> sheets = pd.DataFrame(factor + rng.normal(size=(300, 4)), columns=["t1", "t2", "t3", "t4"])
    >>> MeasurementModel(sheets, {"trust": ["t1", "t2", "t3", "t4"]}).fit().fit_measures()["df"].item()
    2.0
    """

    title = "Measurement model"
    close = 1e-6  # the last step then ends as near: standard errors are those of where it ends
    results_class = MeasurementResults

    def __init__(
        self,
        data: Any,
        factors: Mapping[str, Sequence[str]],
        errors: Sequence[Pair] = (),
        paths: Mapping[str, Sequence[str]] | None = None,
        group: str | None = None,
        equal: Sequence[str] = (),
        scale: tuple[float, float] | None = None,
    ):
        self.factors = items_of(factors)
        self.items = list(dict.fromkeys(item for items in self.factors.values() for item in items))
        clash = set(self.factors) & set(self.items)
        if clash:
            raise ValueError(f"A factor and an item are both called {clash.pop()!r}: rename the factor.")
        self.errors = [self._pair(pair) for pair in errors]
        self.paths = {} if paths is None else items_of(paths)
        for effect, causes in self.paths.items():
            for one in (effect, *causes):
                look(one, list(self.factors), "factor")
        self.group, self.equal, self.scale = group, tuple(equal), scale
        if group is None and self.equal or self.equal not in ((), EQUAL[:1], EQUAL):
            raise ValueError(
                "equal says what is equal in all groups: ['loadings'] or ['loadings', 'intercepts'], with "
                f"group= a column; got {list(self.equal)} with group={group!r}."
            )
        self._read(data)
        self._lay_out()
        self._check_counts()

    def _pair(self, pair: Pair) -> Pair:
        if isinstance(pair, str) or len(pair) != 2 or pair[0] == pair[1]:
            raise ValueError(f"errors are pairs of items, [('t1', 't2')]; got {pair!r}.")
        one, other = (look(item, self.items, "item") for item in pair)
        return one, other

    def _read(self, data: Any) -> None:
        data = as_pandas(data)
        table = answers(data, self.items, self.scale)
        rows: dict[str, Any] = {"": slice(None)}
        if self.group is not None:
            require_columns(data.columns, [self.group])
            rows = by_group(table, data[self.group])
        self.table, self._rows, self.moments = table, rows, dict[str, Moments]()
        for name, inside in rows.items():
            try:
                sheets = complete(table[inside])
            except ValueError as error:
                raise ValueError(f"Group {name!r}: {error}" if name else str(error)) from None
            self.moments[name] = Moments.of(sheets)
        self.nobs = sum(group.nobs for group in self.moments.values())
        self.left_out = len(table) - self.nobs
        self.remarks = ()
        if self.left_out:
            self.remarks = (
                f"{self.left_out} of {len(table)} respondents left out an item and are left out here; the "
                "estimates hold for all if who answers everything is like the others.",
            )

    # ---- which parameters there are

    def _lay_out(self) -> None:
        self.means = self.group is not None
        numbers, units, votes = dict[str, int](), list[float](), list[list[float]]()
        variables = [*self.items, *self.factors]
        at = {name: place for place, name in enumerate(variables)}
        self.layouts = dict[str, Layout]()
        for name, moments in self.moments.items():
            layout = Layout(len(self.items), len(at))
            layout.fixed = [(at[items[0]], at[one]) for one, items in self.factors.items()]
            loading, factor, spread = self._start(moments)
            for kind, row, column, start, shared in self._places(at, moments, loading, factor):
                label = self._label(kind, row, column, variables)
                if name and not shared:
                    label += f" [{name}]"
                number = numbers.setdefault(label, len(numbers))
                if number == len(units):
                    votes.append([])
                    one, other = spread[row], spread[column]
                    units.append(
                        one / other if kind == EFFECT else one * other if kind == COVARIANCE else one
                    )
                votes[number].append(start)
                layout.add(number, kind, row, column)
            layout.seal()
            self.layouts[name] = layout
        self.names = tuple(numbers)
        self._starts, self._units = np.array([np.mean(one) for one in votes]), np.array(units)

    @staticmethod
    def _label(kind: int, row: int, column: int, variables: list[str]) -> str:
        if kind == MEAN:
            return f"1 -> {variables[row]}"
        arrow = "->" if kind == EFFECT else "<->"
        return f"{variables[column]} {arrow} {variables[row]}"

    def _places(
        self, at: dict[str, int], moments: Moments, loading: np.ndarray, factor: np.ndarray
    ) -> Iterator[Place]:
        """Yield kind, row and column, start and whether all groups share it, for each free parameter."""
        count, names = len(self.items), list(self.factors)
        alone = {items[0] for items in self.factors.values() if len(items) == 1}
        for one, items in self.factors.items():
            for item in items[1:]:
                start = loading[at[item], at[one] - count]
                yield EFFECT, at[item], at[one], start, "loadings" in self.equal
        for effect, causes in self.paths.items():
            among = [at[cause] - count for cause in causes]
            slopes = np.linalg.solve(factor[np.ix_(among, among)], factor[among, at[effect] - count])
            for cause, slope in zip(causes, slopes, strict=True):
                yield EFFECT, at[effect], at[cause], slope, False
        for place, item in enumerate(self.items):
            if item not in alone:
                variance = moments.covariance[place, place]
                rest = variance - loading[place] @ factor @ loading[place]
                yield COVARIANCE, place, place, max(rest, 0.2 * variance), False
        for one, other in self.errors:
            yield COVARIANCE, at[other], at[one], 0.0, False
        for i, one in enumerate(names):
            yield COVARIANCE, at[one], at[one], factor[i, i] * (0.5 if one in self.paths else 1.0), False
            for j in range(i + 1, len(names)):
                if not {one, names[j]} & set(self.paths):
                    yield COVARIANCE, at[names[j]], at[one], factor[i, j], False
        for place in range(count if self.means else 0):
            yield MEAN, place, 0, moments.mean[place], "intercepts" in self.equal
        if "intercepts" in self.equal and self.layouts:  # the first group's means are 0: the others' are told
            for one in names:
                yield MEAN, at[one], 0, 0.0, False

    def _start(self, moments: Moments) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return loadings, covariances of the factors, and the spread of all variables, to start from.

        Each factor by the centroid method on the correlations of its items, each turned to its first item.
        """
        spread = np.sqrt(np.diag(moments.covariance))
        correlation = moments.covariance / np.outer(spread, spread)
        loading = np.zeros((len(self.items), len(self.factors)))
        for place, items in enumerate(self.factors.values()):
            rows = [self.items.index(item) for item in items]
            block = correlation[np.ix_(rows, rows)]
            signs = np.sign(np.linalg.eigh(block)[1][:, -1])
            signs = np.where(signs == 0, 1, signs) * (signs[0] or 1)
            off = block * np.outer(signs, signs) - np.eye(len(rows))
            sums = np.maximum(off.sum(axis=1), 0.05)
            size = 1.0 if len(rows) == 1 else np.clip(sums / np.sqrt(sums.sum()), 0.2, 0.95)
            loading[rows, place] = signs * size
        weights = np.sign(loading)
        apart = np.outer(*[np.abs(loading).sum(axis=0)] * 2)
        factor = np.clip(weights.T @ correlation @ weights / apart, -0.9, 0.9)
        np.fill_diagonal(factor, 1)
        while np.linalg.eigvalsh(factor)[0] < 0.02:
            factor = (factor + np.eye(len(factor))) / 2
        markers = [self.items.index(items[0]) for items in self.factors.values()]
        unit = loading[markers, range(len(markers))] * spread[markers]
        every = np.concatenate([spread, np.abs(unit)])
        return loading * spread[:, None] / unit, factor * np.outer(unit, unit), every

    def _check_counts(self) -> None:
        told = len(self.items) * (len(self.items) + 1) // 2 + len(self.items) * self.means
        self.df = told * len(self.moments) - len(self.names)
        if self.df < 0:
            raise ValueError(
                f"The model has {len(self.names)} parameters, and {len(self.items)} items tell "
                f"{told * len(self.moments)} variances, covariances and means. A single factor needs at "
                "least three items, four to be tested: give more items, or fewer parameters."
            )

    # ---- the likelihood

    @property
    def units(self) -> np.ndarray:
        return self._units

    def start(self) -> np.ndarray:
        """Return the centroid solution improved by up to two steps of scoring: near enough for Newton's."""
        best, here, at = -np.inf, self._starts, self._starts
        for _ in range(3):
            value, gradient, curvature = self._derivatives(at, exact=False)
            if value <= best:
                break
            best, here = value, at
            try:
                at = at - np.linalg.solve(curvature, gradient)
            except np.linalg.LinAlgError:  # not identified, which the search will find
                break
        return here.copy()

    def derivatives(self, params: np.ndarray) -> Derivatives:
        return self._derivatives(params, exact=True)

    def _derivatives(self, params: np.ndarray, exact: bool) -> Derivatives:
        """Return log-likelihood, gradient and Hessian, or less the expected information for the last."""
        if self.group is None:
            return self.layouts[""].system(params).likelihood(self.moments[""], self.means, exact)
        size = len(self.names)
        value, gradient, hessian = 0.0, np.zeros(size), np.zeros((size, size))
        for name, layout in self.layouts.items():
            which = layout.places[0]
            one, slope, curve = layout.system(params).likelihood(self.moments[name], self.means, exact)
            value += one
            gradient[which] += slope
            hessian[np.ix_(which, which)] += curve
        return value, gradient, hessian

    def data_sums(self) -> list[float]:
        return [float(self.nobs), *(float(one.covariance.sum()) for one in self.moments.values())]

    def saturated(self) -> float:
        """Return the log-likelihood of the model without restrictions: of all moments as they were found."""
        return float(sum(moments.saturated() for moments in self.moments.values()))

    def part(self, rows: np.ndarray) -> "MeasurementModel":
        """Return the same model of some of the respondents, a flag for each."""
        inside = self.table.loc[np.asarray(rows)]
        if self.group is not None:
            of = np.full(len(self.table), "", object)
            for name, members in self._rows.items():
                of[members] = name
            inside = inside.assign(**{self.group: of[np.asarray(rows)]})
        return MeasurementModel(
            inside, self.factors, self.errors, self.paths or None, self.group, self.equal, self.scale
        )

    def fit(self, start: Any = None, robust: bool = False) -> MeasurementResults:
        """Fit by maximum likelihood.

        Parameters
        ----------
        start : sequence of float, optional
        robust : bool
            Standard errors that hold for answers that are not normal (Satorra and Bentler, 1994).

        Returns
        -------
        MeasurementResults

        Raises
        ------
        ValueError
            Where the search does not converge, the answers do not tell a parameter, or an estimate is
            impossible: a negative variance or a correlation beyond 1 (a Heywood case).
        """
        with warnings.catch_warnings(), np.errstate(invalid="ignore"):  # its standard errors are replaced
            warnings.simplefilter("ignore", FitWarning)
            results: MeasurementResults = super().fit(start)
        self._refuse(results)
        if robust:
            results.robust_errors()
        return results

    def _refuse(self, results: MeasurementResults) -> None:
        loose = ~results._bounded
        if loose.any():
            raise ValueError(
                f"These answers do not tell {', '.join(results.params.index[loose])}: the model is not "
                "identified, or hardly. A factor that is unrelated to the others needs three items, and its "
                "first item, which lends it its unit, must measure it: put a stronger one first."
            )
        if not results.converged:
            raise ValueError(
                "The search did not reach the maximum: there is no result. Such a model often has two items "
                "for a factor, few respondents, or items that do not belong together."
            )
        for name, layout in self.layouts.items():
            system = layout.system(results.params.to_numpy())
            where = f" in group {name!r}" if name else ""
            advice = (
                "There is no result. Usual reasons: two or three weak items for a factor, few respondents, "
                "items that say nearly the same, or a model that does not hold."
            )
            for place, item in enumerate(self.items):
                if system.rest[place, place] < 0:
                    raise ValueError(
                        f"A Heywood case{where}: the error variance of {item!r} is "
                        f"{system.rest[place, place]:.4g}, below 0. {advice}"
                    )
            p = len(self.items)
            factor = system.covariance[p:, p:]
            spread = np.diag(factor)
            if (spread <= 0).any():
                one = list(self.factors)[int(spread.argmin())]
                raise ValueError(f"A Heywood case{where}: the variance of {one!r} is below 0. {advice}")
            correlation = factor / np.sqrt(np.outer(spread, spread))
            size, direction = np.linalg.eigh(correlation)
            if size[0] <= 0:
                part = np.abs(direction[:, 0])
                names = [one for one, share in zip(self.factors, part, strict=True) if share > 0.2]
                raise ValueError(
                    f"A Heywood case{where}: the estimated correlations of {', '.join(names)} are impossible "
                    f"together (a combination of them has a variance of {size[0]:.2g}). {advice} Look with "
                    "htmt() whether the answers tell these factors apart."
                )
