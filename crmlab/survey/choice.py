"""Conditional logit: what the parts of an offer are worth, from the choices among several offers."""

from typing import Any

import numpy as np
import pandas as pd

from crmlab._arguments import flag
from crmlab._results import LikelihoodModel
from crmlab._search import Derivatives
from crmlab._tables import as_pandas, refuse, require_columns
from crmlab._weights import respondent_weights
from crmlab.survey._choices import NONE, Coding, Sets, by_set, choice_sets, chosen_places, column_list
from crmlab.survey.offers import ChoiceResults

_TOLD = 1e-9  # eigenvalue of a correlation matrix below which its columns tell each other


class ConditionalLogit(LikelihoodModel):
    """Conditional logit model: each alternative of a set is chosen in proportion to exp(its utility).

    Utility is a weighted sum of the alternative's attributes; the weights are estimated by maximum likelihood
    with exact Newton steps.

    Parameters
    ----------
    data : DataFrame
        A row for each alternative of each choice set: a pandas, Polars, pyarrow or DuckDB table. Sets may
        differ in size.
    choice_set : str or list of str
        Column, or columns together, that name a choice set: ``["customer_id", "task"]``.
    chosen : str
        Column that says whether the alternative was chosen (True and False, or 1 and 0).
    attributes : list of str
        Columns of numbers or flags, which enter as they are, or of texts, each level of which but the first
        has a coefficient of its own (``"brand: dannon"``). What does not vary within a set (the income of who
        chooses) has to be multiplied by something that does.
    alternative : str, optional
        Column with the name of the alternative; no name may stand twice in a set.
    reference : optional
        A name in `alternative`: all the others get a constant of their own.
    none : bool
        Whether *none of these* could be answered. A set in which nothing is chosen then means that, and the
        coefficient ``"none"`` is its utility, beside a bare alternative whose attributes are 0.
    weights : str or sequence of float, optional
        How many equal choices a set stands for, the same in all its rows.
    cluster : str, optional
        Column that says whose choice it is. The choices of one respondent are alike, and standard errors that
        take them for those of different people are too small; with `cluster` they are those of the sandwich
        G/(G−1) · H⁻¹ (Σ s s′) H⁻¹ over the G respondents.

    Raises
    ------
    ValueError
        A set with no or several alternatives chosen, or with one alternative; a missing or infinite value,
        texts among numbers, an alternative twice in a set; an attribute that never varies within a set, or is
        told by others. :meth:`fit` refuses choices that an attribute tells perfectly.

    References
    ----------
    McFadden, D. (1974). Conditional logit analysis of qualitative choice behavior. In P. Zarembka (ed.),
    Frontiers in Econometrics, Academic Press, 105–142, equations 12 and 17 to 20.
    Train, K. E. (2009). Discrete Choice Methods with Simulation, 2nd ed., Cambridge University Press,
    chapter 3. https://doi.org/10.1017/CBO9780511805271

    Examples
    --------
    Of two teas the cheaper one was taken in three of four tasks:

    >>> data = pd.DataFrame({"task": [1, 1, 2, 2, 3, 3, 4, 4], "price": [8, 9] * 4,
    ...                      "chosen": [1, 0, 1, 0, 1, 0, 0, 1]})
    >>> ConditionalLogit(data, "task", "chosen", ["price"]).fit().params.round(4).to_dict()
    {'price': -1.0986}
    """

    title = "Conditional logit"
    results_class = ChoiceResults

    def __init__(
        self,
        data: Any,
        choice_set: Any,
        chosen: str,
        attributes: Any,
        alternative: str | None = None,
        reference: Any = None,
        none: bool = False,
        weights: Any = None,
        cluster: str | None = None,
    ) -> None:
        table = as_pandas(data)
        self.columns, self.chosen = column_list(choice_set, "choice_set"), chosen
        self.alternative, self.none = alternative, flag(none, "none")
        attributes = column_list(attributes, "attributes")
        if told := {chosen, *self.columns} & set(attributes):
            raise ValueError(f"{min(told)!r} is no attribute: it says what was chosen, or in which set.")
        if reference is not None and alternative is None:
            raise ValueError("A reference is one of the alternatives: say in which column, alternative=….")
        first = {} if reference is None or alternative is None else {alternative: reference}
        attributes += [one for one in first if one not in attributes]
        if cluster is not None:
            require_columns(table.columns, [cluster])
            refuse(table, table[cluster].isna().to_numpy(), f"no {cluster!r}: whose choice is it?")
        self.coding = Coding(table, attributes, first)
        self.names = (*self.coding.names, *([NONE] if none else []))
        if len(set(self.names)) < len(self.names):
            raise ValueError(f"Two coefficients have one name, {sorted(self.names)}: rename a column.")
        sets = choice_sets(table, self.columns, alternative, none)
        places = chosen_places(table, sets, chosen, self.columns, none)
        self._weights = by_set(respondent_weights(table, weights), sets, "weights")
        self.nobs = float(self._weights.sum())
        self._cluster = None if cluster is None else by_set(pd.factorize(table[cluster])[0], sets, cluster)
        # utilities count only beside that of the chosen one: a row for each of the others, less the chosen
        x = self.rows(table, sets)
        others = np.ones(len(x), bool)
        others[places] = False
        x -= np.repeat(x[places], sets.sizes, axis=0)
        self._apart = np.ascontiguousarray(x[others].T)
        self._sizes = sets.sizes - 1
        self._starts = np.cumsum(self._sizes) - self._sizes
        nothing = np.zeros(len(self.names))  # then all shares are equal
        self._information = -ConditionalLogit.derivatives(self, nothing)[2]
        self._check()

    def rows(self, table: pd.DataFrame, sets: Sets) -> np.ndarray:
        """Return the attributes of each alternative as numbers, *none of these* included."""
        x = self.coding.numbers(table)[sets.rows]
        if not self.none:
            return x
        of_none = sets.rows < 0
        x[of_none] = 0
        return np.column_stack([x, of_none])

    def _check(self) -> None:
        size = np.sqrt(np.diag(self._information))
        if (size == 0).any():
            raise ValueError(
                f"{self.names[int(np.argmin(size))]!r} never varies within a choice set, so no choice "
                "tells its worth. Leave it out, or multiply it by what varies (income by a flag)."
            )
        size, direction = np.linalg.eigh(self._information / np.outer(size, size))
        loose = [name for name, part in zip(self.names, direction[:, 0], strict=True) if abs(part) > 1e-4]
        if size[0] < _TOLD:
            raise ValueError(f"{loose} tell each other exactly within the choice sets: leave one out.")

    @property
    def units(self) -> np.ndarray:
        """For each coefficient the change that moves utilities by about 1: it may have either sign."""
        return 1 / np.sqrt(np.diag(self._information) / self.nobs)

    def start(self) -> np.ndarray:
        return np.zeros(len(self.names))

    def data_sums(self) -> list[float]:
        return [self.nobs, float(self._weights @ self._sizes)]

    @property
    def clustered(self) -> bool:
        return self._cluster is not None

    def sums_of(self, names: list[str]) -> np.ndarray:
        """Return sums by which to tell other choices: of attributes less those of what was chosen."""
        x, weights = self._apart[[self.names.index(name) for name in names]], self._weights
        each = np.repeat(weights, self._sizes)
        squares = x**2 @ each
        return np.array([x @ each / np.sqrt(squares * each.sum()), np.log(squares)])

    def derivatives(self, params: np.ndarray) -> Derivatives:
        """Return the log-likelihood at `params` with its gradient and Hessian (McFadden 1974, 18 to 20)."""
        weighted, mean, llf = self._shared_out(params)
        told = mean * self._weights
        weighted *= np.repeat(self._weights, self._sizes)
        return llf, -told.sum(axis=1), told @ mean.T - weighted @ self._apart.T

    def _shared_out(self, params: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        """Return p (x − x chosen) of all but the chosen, its sum in each set, and the log-likelihood."""
        utility = params @ self._apart
        top = np.maximum(np.maximum.reduceat(utility, self._starts), 0)
        odds = np.exp(utility - np.repeat(top, self._sizes))
        total = np.exp(-top) + np.add.reduceat(odds, self._starts)
        weighted = self._apart * (odds / np.repeat(total, self._sizes))
        mean = np.add.reduceat(weighted, self._starts, axis=1)
        return weighted, mean, -float(self._weights @ (top + np.log(total)))

    def boundary_note(self, names: list[str], params: np.ndarray) -> str:
        raise ValueError(
            f"The choices do not bound the coefficient of {', '.join(map(repr, names))}: it runs off, "
            "because what was chosen always had more of it, or less, than what was not (an alternative that "
            "nobody took, too few choices). Leave it out, join it with another level, or ask more people."
        )

    def fit(self, start: Any = None) -> ChoiceResults:
        """Fit by maximum likelihood.

        Parameters
        ----------
        start : sequence of float, optional
            Starting values in the order of `names`; all 0 without them. There is one maximum only.

        Returns
        -------
        ChoiceResults

        Raises
        ------
        ValueError
            If a coefficient runs to infinity: the choices are told perfectly.
        """
        results = super().fit(start)
        if self._cluster is None:
            return results
        params = results.params.to_numpy()
        scores = self._shared_out(params)[1] * self._weights
        counted = self._weights > 0
        scores, (whose, groups) = scores[:, counted], np.unique(self._cluster[counted], return_inverse=True)
        count = len(whose)
        if count <= len(params):
            raise ValueError(
                f"{count} respondents are too few for the cluster of {len(params)} coefficients."
            )
        sums = np.array([np.bincount(groups, weights=row, minlength=count) for row in scores])
        bread = results.cov_params().to_numpy()
        covariance = count / (count - 1) * bread @ (sums @ sums.T) @ bread
        note = f"Standard errors allow for {count:,} respondents whose choices hang together."
        given = (params, results.llf, covariance, results._bounded, results.converged, [*results.notes, note])
        return self.results_class(self, *given)
