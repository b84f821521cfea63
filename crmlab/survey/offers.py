"""What fitted choices say of offers: willingness to pay, shares, and choices that the model has not seen."""

from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.special import softmax

from crmlab._arguments import generator
from crmlab._intervals import deviations, resampled
from crmlab._results import LikelihoodResults
from crmlab._tables import as_pandas, look_up, require_columns, whole_number
from crmlab.survey._choices import NONE, Sets, choice_sets, chosen_places


class ChoiceResults(LikelihoodResults):
    """Results of :class:`ConditionalLogit`: coefficients, and what they say of money and of offers."""

    model: Any

    @property
    def llnull(self) -> float:
        """Log-likelihood of the useless model: all alternatives of a set have equal shares."""
        return float(self.model.derivatives(np.zeros(len(self.params)))[0])

    def compare_lr_test(self, restricted: LikelihoodResults) -> pd.Series:
        """Test these results against a nested model's, as :meth:`LikelihoodResults.compare_lr_test` does.

        Raises
        ------
        ValueError
            As there; with `cluster`, since the test takes all choices for those of different people.
        """
        if isinstance(restricted, ChoiceResults):
            one, other = self.model, restricted.model
            if one.clustered or other.clustered:
                raise ValueError(
                    "The likelihood ratio knows nothing of choices that hang together (cluster=…): judge the "
                    "coefficients by their standard errors, from bse or cov_params()."
                )
            shared = [name for name in other.names if name in one.names]
            if not np.allclose(one.sums_of(shared), other.sums_of(shared), rtol=1e-9):
                raise ValueError("The two results are of different data: fit both to the same choices.")
        return super().compare_lr_test(restricted)

    def willingness_to_pay(
        self,
        price: str = "price",
        alpha: float | None = 0.05,
        method: Literal["delta", "simulation"] = "delta",
        draws: int = 10_000,
        rng: Any = 0,
    ) -> pd.DataFrame:
        """Return how much dearer one unit of each attribute may be before it no longer pays to have it.

        Parameters
        ----------
        price : str
            The attribute that is money; the answer is in its unit.
        alpha : float or None
            One minus the level of the intervals; None gives no interval.
        method : {"delta", "simulation"}
            Interval by the delta method, or from coefficients drawn from their normal distribution (Krinsky
            and Robb), which shows how lopsided a ratio is.
        draws, rng
            For the simulation.

        Returns
        -------
        DataFrame
            A row for each attribute but price and *none of these*: ``estimate``, with ``low`` and ``high``.

        Raises
        ------
        ValueError
            If the coefficient of price is not negative, or not distinguishable from 0 at `alpha`: money then
            has no worth to divide by, and the ratio no meaning.

        References
        ----------
        Krinsky, I. & Robb, A. L. (1986). On approximating the statistical properties of elasticities. Review
        of Economics and Statistics 68(4), 715–719. https://doi.org/10.2307/1924536
        """
        none = [NONE] if self.model.none else []
        require_columns([one for one in self.params.index if one not in none], [price])
        kind = look_up("method", method, {"delta": "delta", "simulation": "simulation"})
        money, error = self.params[price], self.bse[price]
        if not money < 0:
            raise ValueError(
                f"The coefficient of {price!r} is {money:.4g}: these choices like the dearer offer better. "
                "Willingness to pay has no meaning then. Does the price stand for quality, or was it raised "
                "where demand was high?"
            )
        if alpha is not None and self.estimated and not -money / error > deviations(alpha):
            raise ValueError(
                f"The coefficient of {price!r}, {money:.4g}, is not distinguishable from 0 (standard "
                f"error {error:.4g}): dividing by it gives any amount. Ask more people, or vary prices more."
            )
        others = [name for name in self.params.index if name not in (price, *none)]
        worth = self.params[others]
        table = pd.DataFrame({"estimate": -worth / money})
        if alpha is None:
            return table
        if kind == "simulation":
            drawn = pd.DataFrame(self._drawn(draws, rng), columns=self.params.index)
            ends = resampled(-drawn[others].div(drawn[price], axis=0), alpha=alpha)
        else:
            self._needs_errors()
            covariance, ratio = self.cov_params(), table["estimate"]
            squared = np.diag(covariance.loc[others, others]) + ratio * (
                ratio * covariance.loc[price, price] + 2 * covariance.loc[others, price]
            )
            half = deviations(alpha) * np.sqrt(squared) / -money
            ends = table["estimate"] - half, table["estimate"] + half
        return table.assign(low=ends[0], high=ends[1])

    def shares(
        self,
        offers: Any,
        offer: str | None = None,
        alpha: float | None = 0.05,
        draws: int = 2_000,
        rng: Any = 0,
    ) -> pd.DataFrame:
        """Return the share that each of several offers would have if they were all there is.

        The model knows offers by their attributes only, and takes from all in proportion what a new one wins
        (independence of irrelevant alternatives): an offer entered twice wins twice.

        Parameters
        ----------
        offers : DataFrame
            A row for each offer, with the model's attributes; of any table engine.
        offer : str, optional
            Column with the offers' names; without it the index of a pandas table.
        alpha : float or None
            One minus the level of the intervals; None gives no interval.
        draws, rng
            How many coefficients are drawn from their normal distribution for the intervals.

        Returns
        -------
        DataFrame
            A row for each offer, and for *none of these* if it could be answered: ``share``, ``low``,
            ``high``. The interval is that of the coefficients: it knows nothing of what the model leaves out.
        """
        x, names = named_offers(self.model, as_pandas(offers), offer)
        found = pd.DataFrame({"share": softmax(x @ self.params.to_numpy())}, index=names)
        if alpha is None:
            return found
        low, high = resampled(softmax(self._drawn(draws, rng) @ x.T, axis=1), alpha=alpha)
        return found.assign(low=low, high=high)

    def probabilities(self, data: Any) -> pd.Series:
        """Return for each row the chance that it is chosen in its set.

        Parameters
        ----------
        data : DataFrame
            With the columns of the model but for `chosen`; of any table engine.

        Returns
        -------
        Series
            By the rows of `data`. What is missing to 1 in a set is *none of these*.
        """
        table = as_pandas(data)
        sets, shares = self._told(table)
        found = np.empty(len(table))
        found[sets.rows[sets.rows >= 0]] = shares[sets.rows >= 0]
        return pd.Series(found, table.index, name="probability")

    def simulate(self, data: Any, rng: Any = 0) -> pd.Series:
        """Draw a choice in each set, and return for each row whether it was chosen."""
        table = as_pandas(data)
        sets, shares = self._told(table)
        # whoever draws the largest log share plus Gumbel noise is chosen with that share
        drawn = np.log(np.maximum(shares, 1e-300)) + generator(rng).gumbel(size=len(shares))
        best = drawn == sets.top(drawn)
        found = np.zeros(len(table), bool)
        found[sets.rows[best & (sets.rows >= 0)]] = True
        return pd.Series(found, table.index, name=self.model.chosen)

    def holdout(self, data: Any) -> pd.DataFrame:
        """Return how well choices are foretold that the model was not fitted to.

        Parameters
        ----------
        data : DataFrame
            With all columns of the model, `chosen` included; of any table engine. Each set counts once.

        Returns
        -------
        DataFrame
            Rows ``model`` and ``equal shares`` (the useless model). ``hit_rate`` is the share of sets whose
            likeliest alternative was chosen (of several equally likely ones each counts in part),
            ``log_likelihood`` the sum of the logarithms of the chosen ones' chances, and
            ``chance_of_chosen`` their geometric mean.

        Raises
        ------
        ValueError
            A level that the model does not know, or a set without one choice.
        """
        table = as_pandas(data)
        sets, shares = self._told(table)
        places = chosen_places(table, sets, self.model.chosen, self.model.columns, self.model.none)
        rows = {}
        for name, chance in (("model", shares), ("equal shares", 1 / sets.spread(sets.sizes))):
            likeliest = chance >= sets.top(chance) * (1 - 1e-12)
            several = np.add.reduceat(likeliest, sets.starts, dtype=float)
            logs = np.log(np.maximum(chance[places], 1e-300))
            rows[name] = [(likeliest[places] / several).mean(), logs.sum(), np.exp(logs.mean())]
        columns = ["hit_rate", "log_likelihood", "chance_of_chosen"]
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns)

    def _told(self, table: pd.DataFrame) -> tuple[Sets, np.ndarray]:
        sets = choice_sets(table, self.model.columns, self.model.alternative, self.model.none)
        utility = self.model.rows(table, sets) @ self.params.to_numpy()
        odds = np.exp(utility - sets.top(utility))
        return sets, odds / sets.spread(np.add.reduceat(odds, sets.starts))

    def _needs_errors(self) -> None:
        if not self.estimated:
            raise ValueError(
                "The coefficients were given, not estimated: there is no interval. Say alpha=None."
            )

    def _drawn(self, draws: int, rng: Any) -> np.ndarray:
        self._needs_errors()
        whole_number(draws, "draws", least=2)
        luck = generator(rng).standard_normal((draws, len(self.params)))
        # the same draws whatever library factors the matrix, up to rounding
        return self.params.to_numpy() + luck @ np.linalg.cholesky(self.cov_params().to_numpy()).T


def named_offers(model: Any, table: pd.DataFrame, offer: str | None) -> tuple[np.ndarray, pd.Index]:
    """Return offers as numbers, *none of these* last if it could be answered, and their names."""
    if offer is not None:
        require_columns(table.columns, [offer])
        table = table.set_index(offer, drop=False)
    x, names = model.coding.numbers(table), table.index
    if model.none:
        x = np.pad(x, [(0, 1), (0, 1)])
        x[-1, -1] = 1
        names = pd.Index([*names, NONE], name=names.name)
    if table.empty or names.has_duplicates:
        raise ValueError(f"Offers need a name each, and these have {names.tolist()}.")
    return x, names
