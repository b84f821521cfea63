"""Results of a measurement model: fit, standardised solution, what would improve it, and validity."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import optimize, stats

from crmlab._arguments import generator, level
from crmlab._html import render
from crmlab._results import FLAT, LikelihoodResults
from crmlab.survey._structure import COVARIANCE, EFFECT, Layout, Moments, System

if TYPE_CHECKING:
    from crmlab.survey.measurement import MeasurementModel


class MeasurementResults(LikelihoodResults):
    """Results of :class:`MeasurementModel`.

    Beside what all results have (``params``, ``bse``, ``cov_params()``, ``conf_int()``, ``llf``, ``aic``,
    ``bic``, ``nobs``, ``summary()``) they tell how well the model fits (:meth:`fit_measures`), the
    :meth:`standardised` solution, which change would improve it (:meth:`modification_indices`), and what the
    scales are worth (:meth:`validity`, :meth:`fornell_larcker`). Standard errors come from the expected
    information; those of ``fit(robust=True)`` hold for answers that are not normal.
    """

    model: "MeasurementModel"

    def __init__(
        self,
        model: "MeasurementModel",
        params: np.ndarray,
        llf: float,
        covariance: np.ndarray,
        bounded: np.ndarray,
        *rest: Any,
        **more: Any,
    ):
        # in units of each parameter: items may be counted in millions beside others in millionths
        scale = np.outer(model.units, model.units)
        size, direction = np.linalg.eigh(-scale * model._derivatives(params, exact=False)[2])
        self._inverse = scale * ((direction / size) @ direction.T)
        if size[0] < FLAT:
            bounded = bounded & (np.abs(direction[:, 0]) <= 0.1)
        covariance = np.where(np.isnan(covariance), np.nan, self._inverse)
        super().__init__(model, params, llf, covariance, bounded, *rest, **more)

    def _systems(self, params: np.ndarray | None = None) -> list[tuple[Layout, Moments, System]]:
        at = self.params.to_numpy() if params is None else params
        model = self.model
        return [(one, model.moments[name], one.system(at)) for name, one in model.layouts.items()]

    # ---- fit

    def _pulls(self) -> tuple[np.ndarray, float]:
        """Return the sum of the outer products of the scores, and of the mean distances in each group."""
        size, distance = len(self.params), 0.0
        total = np.zeros((size, size))
        for layout, moments, system in self._systems():
            which = layout.places[0]
            pulls, far = system.scores(moments, self.model.means)
            total[np.ix_(which, which)] += pulls.T @ pulls
            distance += far.mean()
        return total, distance

    def robust_errors(self) -> None:
        """Replace the standard errors by robust ones (Satorra and Bentler, 1994)."""
        self._covariance = self._inverse @ self._pulls()[0] @ self._inverse
        self.bse[:] = np.sqrt(np.diag(self._covariance))
        self.notes = [*self.notes, "Standard errors are robust (Satorra and Bentler)."]

    def _scaling(self) -> float:
        if not self.model.df:
            return np.nan
        total, distance = self._pulls()
        return float((distance - np.sum(self._inverse * total)) / self.model.df)

    def fit_measures(self) -> pd.Series:
        """Return how well the model reproduces the covariances of the items.

        Returns
        -------
        Series
            - ``chi_square``, ``df``, ``p_value``: the test that the model holds exactly;
            - ``chi_square_robust``, ``p_value_robust``: the same, scaled for answers that are not normal
              (Satorra and Bentler, 1994), with its ``scaling``;
            - ``cfi``, ``tli``: the way from a model of unrelated items (0) to a perfect one (1);
            - ``rmsea``, ``rmsea_low``, ``rmsea_high``: misfit per degree of freedom, with a 90 % interval;
            - ``srmr``: the root mean squared difference between the correlations found and implied;
            - ``baseline_chi_square``, ``baseline_df``: of the model of unrelated items.

        Notes
        -----
        Where a measure is good depends on the loadings, the sample and the number of items. Cut-offs such as
        CFI .95 or RMSEA .06 come from simulations with loadings of .7 to .8 and mean little elsewhere.

        References
        ----------
        Satorra, A. and Bentler, P. M. (1994). Corrections to test statistics and standard errors in
        covariance structure analysis. In Latent Variables Analysis, 399–419.
        Steiger, J. H. (1990). Structural model evaluation and modification. Multivariate Behavioral Research
        25(2), 173–180. doi:10.1207/s15327906mbr2502_4
        """
        model, n = self.model, self.nobs
        chi, df, groups = max(2 * (model.saturated() - self.llf), 0.0), model.df, len(model.moments)
        base, base_df = 0.0, groups * len(model.items) * (len(model.items) - 1) // 2
        squares = count = 0.0
        for _, moments, system in self._systems():
            spread = np.sqrt(np.diag(moments.covariance))
            gap = (moments.covariance - system.implied) / np.outer(spread, spread)
            base -= moments.nobs * np.linalg.slogdet(moments.covariance / np.outer(spread, spread))[1]
            squares += moments.nobs * np.sum(np.tril(gap) ** 2)
            count += moments.nobs * gap.shape[0] * (gap.shape[0] + 1) / 2
            if model.means:
                squares += moments.nobs * np.sum(((moments.mean - system.mean[: len(spread)]) / spread) ** 2)
                count += moments.nobs * len(spread)
        excess, base_excess = max(chi - df, 0.0), max(base - base_df, chi - df, 0.0)
        scaling = self._scaling()
        share = np.sqrt(groups / (max(df, 1) * n))
        low, high = (np.sqrt(_noncentrality(chi, df, p)) * share for p in (0.95, 0.05))
        found = {
            "chi_square": chi,
            "df": df,
            "p_value": stats.chi2.sf(chi, df) if df else np.nan,
            "chi_square_robust": chi / scaling,
            "p_value_robust": stats.chi2.sf(chi / scaling, df) if df else np.nan,
            "scaling": scaling,
            "cfi": 1 - excess / base_excess if base_excess else 1.0,
            "tli": 1 - (chi - df) / df * base_df / (base - base_df) if df else 1.0,
            "rmsea": np.sqrt(excess) * share,
            "rmsea_low": low,
            "rmsea_high": high,
            "srmr": np.sqrt(squares / count),
            "baseline_chi_square": base,
            "baseline_df": base_df,
        }
        return pd.Series(found, name="fit").astype(float)

    # ---- what the estimates say

    def _standardised(self, params: np.ndarray) -> np.ndarray:
        found = np.empty(0)
        for layout, _, system in self._systems(params):
            _, kind, row, column = layout.places
            spread = np.sqrt(np.diag(system.covariance))
            own = params[layout.places[0]]
            rest = np.sqrt(np.abs(np.diag(system.rest)))
            # errors that correlate are told as that correlation, a variance as its share of the whole
            pairs = np.where(row == column, spread[row] ** 2, rest[row] * rest[column])
            scaled = np.where(kind == EFFECT, own * spread[column] / spread[row], own / pairs)
            scaled = np.where(kind > COVARIANCE, own / spread[row], scaled)
            i, j = np.array(layout.fixed).T
            found = np.concatenate([found, spread[j] / spread[i], scaled])
        return found

    def standardised(self, alpha: float = 0.05) -> pd.DataFrame:
        """Return the solution in which every item and factor has variance 1, with delta-method intervals.

        Returns
        -------
        DataFrame
            Indexed by parameter, those fixed at 1 included: ``estimate``, ``std_error``, ``low``, ``high``.
            A loading is then the correlation of item and factor (where an item has one factor), a covariance
            a correlation, an error variance the share that the factor does not explain.
        """
        names, variables = list[str](), [*self.model.items, *self.model.factors]
        for name, layout in self.model.layouts.items():
            label = f" [{name}]" if name else ""
            names += [f"{variables[j]} -> {variables[i]}{label}" for i, j in layout.fixed]
            own = [self.model.names[one] for one in layout.places[0]]
            names += [one if one.endswith(label) else one + label for one in own]
        theta, step = self.params.to_numpy(), 1e-5 * self.model.units
        turns = np.array(
            [self._standardised(theta + e) - self._standardised(theta - e) for e in np.diag(step)]
        )
        turns /= 2 * step[:, None]
        error = np.sqrt(np.maximum(np.einsum("ki,kl,li->i", turns, self._covariance, turns), 0))
        centre = self._standardised(theta)
        reach = stats.norm.isf(level(alpha) / 2) * error
        columns = {"estimate": centre, "std_error": error, "low": centre - reach, "high": centre + reach}
        return pd.DataFrame(columns, pd.Index(names, name="parameter"))

    def _blocks(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return loadings, covariances of the factors, of the errors, and the spread of the items."""
        self._one_group("validity")
        [(layout, _, system)] = self._systems()
        p = layout.items
        effects = np.zeros((p, system.covariance.shape[0] - p))
        _, kind, row, column = layout.places
        own = self.params.to_numpy()[layout.places[0]]
        for i, j in layout.fixed:
            effects[i, j - p] = 1
        at = (kind == EFFECT) & (row < p)
        effects[row[at], column[at] - p] = own[at]
        spread = np.sqrt(np.diag(system.implied))
        return effects, system.covariance[p:, p:], system.rest[:p, :p], spread

    def _one_group(self, what: str) -> None:
        if len(self.model.layouts) > 1:
            raise ValueError(f"{what} looks at one group at a time: fit the model to that group alone.")

    def validity(self) -> pd.DataFrame:
        """Return what each scale is worth: reliability and variance extracted.

        Returns
        -------
        DataFrame
            A row for each factor:

            - ``items``;
            - ``composite_reliability``: (Σλ)² / ((Σλ)² + Σθ) from standardised loadings λ and error variances
              θ, the one of Fornell and Larcker (1981): the reliability of a sum of standardised items;
            - ``composite_reliability_raw``: the share of the variance of the plain sum of the items, as
              it was found, that the factor explains (ω of McDonald, 1999; ``omega3`` of semTools in R);
            - ``ave``: average variance extracted, the mean of λ² from standardised loadings;
            - ``largest_correlation`` with another factor (missing if there is only one).

        References
        ----------
        Fornell, C. and Larcker, D. F. (1981). Evaluating structural equation models with unobservable
        variables and measurement error. Journal of Marketing Research 18(1), 39–50. doi:10.2307/3151312
        """
        effects, factor, errors, spread = self._blocks()
        [found] = (moments.covariance for moments in self.model.moments.values())
        scale = np.sqrt(np.diag(factor))
        correlation = factor / np.outer(scale, scale)
        away = np.abs(correlation - np.eye(len(scale)))
        rows = {}
        for place, (name, items) in enumerate(self.model.factors.items()):
            at = [self.model.items.index(item) for item in items]
            plain = effects[at, place] * scale[place]
            theta = errors[np.ix_(at, at)]
            loading, rest = plain / spread[at], theta / np.outer(spread[at], spread[at])
            rows[name] = {
                "items": len(items),
                "composite_reliability": loading.sum() ** 2 / (loading.sum() ** 2 + rest.sum()),
                "composite_reliability_raw": plain.sum() ** 2 / found[np.ix_(at, at)].sum(),
                "ave": np.mean(loading**2),
                "largest_correlation": away[place].max() if len(scale) > 1 else np.nan,
            }
        return pd.DataFrame(rows).T.rename_axis("factor").astype({"items": int})

    def fornell_larcker(self) -> pd.DataFrame:
        """Return the correlations of the factors, with the root of the variance extracted on the diagonal.

        Older papers call two factors distinct where each diagonal value is the largest of its row and column.
        The rule seldom notices when they are not (Henseler, Ringle and Sarstedt, 2015): use :func:`htmt`.
        """
        _, factor, _, _ = self._blocks()
        scale = np.sqrt(np.diag(factor))
        table = np.tril(factor / np.outer(scale, scale), -1)
        np.fill_diagonal(table, np.sqrt(self.validity()["ave"]))
        names = list(self.model.factors)
        lower = np.tril(np.ones_like(table)) > 0
        return pd.DataFrame(np.where(lower, table, np.nan), pd.Index(names, name="factor"), names)

    # ---- what would improve it

    def modification_indices(
        self, holdout: float | None = None, rng: int | np.random.Generator | None = None
    ) -> pd.DataFrame:
        """Return by how much chi-square would fall if a loading or a correlation of errors were let free.

        Parameters
        ----------
        holdout : float, optional
            The share of respondents, drawn by lot, who are kept out of the search. The indices are then those
            of the others, and each is looked at again in those kept out: what chance had found fades there.
        rng : int or Generator
            For the lot.

        Returns
        -------
        DataFrame
            Indexed by ``parameter``, the largest first: ``index`` (the fall of chi-square, one degree of
            freedom), ``expected`` (the value that the parameter would take) and, with `holdout`,
            ``index_holdout``, ``expected_holdout`` and ``p_holdout``.

        Raises
        ------
        ValueError
            If `holdout` is no share, `rng` is missing, or the model cannot be fitted to a part.

        Notes
        -----
        A model that was changed until it fits fits by chance as well (MacCallum, Roznowski and Necowitz,
        1992, Psychological Bulletin 111(3), 490–504): change what has a reason, and test it on others.
        """
        self._one_group("modification_indices")
        if holdout is None:
            return self._indices()
        if not 0 < holdout < 1 or rng is None:
            raise ValueError(
                f"holdout is a share of the respondents, and rng=1 draws them; got {holdout!r}, rng={rng!r}."
            )
        whole = self.model.table.notna().all(axis=1).to_numpy()
        luck = generator(rng).permutation(np.flatnonzero(whole))
        kept = np.isin(np.arange(len(whole)), luck[: round(holdout * len(luck))])
        search, again = (self.model.part(rows).fit()._indices() for rows in (whole & ~kept, whole & kept))
        later = again.reindex(search.index)
        return search.assign(
            index_holdout=later["index"],
            expected_holdout=later["expected"],
            p_holdout=stats.chi2.sf(later["index"], 1),
        )

    def _indices(self) -> pd.DataFrame:
        [(layout, moments, _)] = self._systems()
        p, variables = layout.items, [*self.model.items, *self.model.factors]
        order, kind, row, column = layout.places
        taken = set(zip(kind.tolist(), row.tolist(), column.tolist(), strict=True))
        taken |= {(arrow, i, j) for arrow, j, i in taken if arrow == COVARIANCE}
        taken |= {(EFFECT, i, j) for i, j in layout.fixed}
        wider = Layout(p, len(variables))
        wider.fixed = layout.fixed
        for place, (arrow, i, j) in enumerate(zip(kind, row, column, strict=True)):
            wider.add(place, arrow, i, j)
        names = list[str]()
        alone = {items[0] for items in self.model.factors.values() if len(items) == 1}
        loadings = [(EFFECT, i, j) for j in range(p, len(variables)) for i in range(p)]
        errors = [(COVARIANCE, i, j) for j in range(p) for i in range(j + 1, p)]
        for arrow, i, j in loadings + errors:
            if (arrow, i, j) in taken or {variables[i], variables[j]} & alone:
                continue
            wider.add(len(self.params) + len(names), arrow, i, j)
            names.append(f"{variables[j]} {'->' if arrow == EFFECT else '<->'} {variables[i]}")
        wider.seal()
        theta = np.concatenate([self.params.to_numpy()[order], np.zeros(len(names))])
        _, gradient, curvature = wider.system(theta).likelihood(moments, self.model.means)
        size = len(order)
        scale = np.sqrt(-np.diag(curvature))
        information, slope = -curvature / np.outer(scale, scale), (gradient / scale)[size:]
        cross = information[:size, size:]
        left = 1 - np.einsum("ik,ik->k", cross, np.linalg.solve(information[:size, :size], cross))
        told = left > 1e-8  # else letting it free would not be identified
        slope, left, scale = slope[told], left[told], scale[size:][told]
        table = pd.DataFrame(
            {"index": slope**2 / left, "expected": slope / left / scale},
            pd.Index(np.array(names, object)[told], name="parameter"),
        )
        return table.sort_values("index", ascending=False, kind="stable")

    def _repr_html_(self) -> str:
        fit = self.fit_measures()
        interval = self.conf_int().set_axis(["95 % from", "to"], axis=1)
        table = pd.concat([self.params, self.bse, interval], axis=1).rename_axis("parameter")
        facts: dict[str, Any] = {
            "respondents": f"{self.nobs:,.0f}",
            "χ²": f"{fit['chi_square']:.2f} (df {fit['df']:.0f}, robust {fit['chi_square_robust']:.2f})",
            "CFI": f"{fit['cfi']:.3f}",
            "TLI": f"{fit['tli']:.3f}",
            "RMSEA": f"{fit['rmsea']:.3f} [{fit['rmsea_low']:.3f}, {fit['rmsea_high']:.3f}]",
            "SRMR": f"{fit['srmr']:.3f}",
        }
        return render("results.html", title=self.model.title, table=table, facts=facts, notes=self.notes)


def _noncentrality(chi: float, df: int, p: float) -> float:
    """Return the non-centrality under which a chi-square as large as this or smaller has probability `p`."""
    if not df or stats.chi2.cdf(chi, df) <= p:
        return 0.0
    top = chi
    while stats.ncx2.cdf(chi, df, top) > p:
        top *= 2
    return float(optimize.brentq(lambda far: stats.ncx2.cdf(chi, df, far) - p, 1e-12, top))
