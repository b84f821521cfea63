"""What a fitted mixed logit says: each respondent's part-worths, money, shares, and further choices."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import softmax

from crmlab._arguments import generator
from crmlab._intervals import deviations, resampled
from crmlab._tables import as_pandas, refuse, require_columns, whole_number
from crmlab.survey._choices import NONE, Sets, by_set, choice_sets
from crmlab.survey.offers import ChoiceResults, named_offers


class MixedResults(ChoiceResults):
    """Results of :class:`MixedLogit`: how part-worths are spread, and those of each respondent."""

    @property
    def llnull(self) -> float:
        """Log-likelihood of the useless model: all alternatives of a set have equal shares."""
        return -float(self.model._weights @ np.log1p(self.model._sizes))

    def conf_int(self, alpha: float = 0.05) -> pd.DataFrame:
        """Return 1 − `alpha` confidence intervals, columns 0 and 1.

        Those of standard deviations are symmetric in the logarithm. One that cannot be told from 0 has no
        interval, and the others are those of the model without it.
        """
        half = deviations(alpha) * self.bse
        positive = np.isnan(self.model.units)
        with np.errstate(over="ignore", invalid="ignore"):
            factor = np.exp(half / self.params.where(positive, 1.0))
        low = (self.params - half).where(~positive, self.params / factor)
        return pd.DataFrame({0: low, 1: (self.params + half).where(~positive, self.params * factor)})

    def part_worths(self) -> pd.DataFrame:
        """Return for each respondent the expected coefficients, given that respondent's choices.

        Returns
        -------
        DataFrame
            A row for each respondent of the fit, a column for each coefficient. They differ less than the
            respondents do: with few choices each is drawn towards the average of all.

        References
        ----------
        Revelt, D. & Train, K. (2000). Customer-specific taste parameters and mixed logit. Working paper
        E00-274, University of California, Berkeley.
        """
        beta = self.model.coefficients(self.params.to_numpy(), self.model._luck)
        found = (beta * self.model.posterior(self.params.to_numpy())).sum(axis=2)
        return pd.DataFrame(found.T, self.model.people, list(self.model.plain))

    def willingness_to_pay(  # type: ignore[override]
        self, price: str = "price", alpha: float | None = 0.05, draws: int = 10_000, rng: Any = 0
    ) -> pd.DataFrame:
        """Return how much dearer one unit of each attribute may be, on average, and how much that differs.

        Parameters
        ----------
        price : str
            The attribute that is money. Its coefficient has to be the same for all, or ``"negative"``.
        alpha : float or None
            One minus the level of the intervals of the mean; None gives no interval.
        draws, rng
            For the intervals: parameters drawn from their normal distribution.

        Returns
        -------
        DataFrame
            A row for each attribute but price and *none of these*: ``estimate``, the mean over respondents,
            with ``low`` and ``high``, and ``sd``, the standard deviation over respondents.

        Raises
        ------
        ValueError
            If the coefficient of price is normal: some then lie at 0, the ratio is any amount there, and it
            has no mean. If it is positive, or not distinguishable from 0.

        References
        ----------
        Daly, A., Hess, S. & Train, K. (2012). Assuring finite moments for willingness to pay in random
        coefficient models. Transportation 39(1), 19–31. https://doi.org/10.1007/s11116-011-9331-3
        """
        model = self.model
        require_columns([name for name in model.plain if name != NONE or not model.none], [price])
        kind = model.random.get(price)
        if kind in ("normal", "positive"):
            why = (
                "some of a normal distribution lie as near to 0 as one likes, the ratio is any amount there, "
                "and it has no mean"
                if kind == "normal"
                else "everybody then likes the dearer offer better"
            )
            raise ValueError(
                f"The coefficient of {price!r} is {kind}: {why}. Willingness to pay is refused. Give all one "
                f"price coefficient (leave it out of random), or say random={{{price!r}: 'negative', …}}."
            )
        if kind is None:
            super().willingness_to_pay(price, alpha)  # refuses a price that has no sure effect
        others = [name for name in model.plain if name != price and not (model.none and name == NONE)]
        mean, spread = self._pay(self.params.to_numpy()[None], price, others)
        found = pd.DataFrame({"estimate": mean[0]}, others)
        if alpha is not None:
            drawn = self._pay(self._drawn(draws, rng), price, others)[0]
            found["low"], found["high"] = resampled(drawn, alpha=alpha)
        return found.assign(sd=spread[0])

    def _pay(self, params: np.ndarray, price: str, others: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and standard deviation of the ratio, which has coefficients that are independent."""
        first, second = self._moments(params)
        at = [self.model.plain.index(name) for name in others]
        place = self.model.plain.index(price)
        if price not in self.model.random:
            inverse, squared = -1 / first[:, place], 1 / first[:, place] ** 2
        else:  # of exp(−normal)
            middle, sd = params[:, place], params[:, self._spread_of(price)]
            inverse, squared = np.exp(-middle + sd**2 / 2), np.exp(-2 * middle + 2 * sd**2)
        mean = first[:, at] * inverse[:, None]
        return mean, np.sqrt(np.maximum(second[:, at] * squared[:, None] - mean**2, 0))

    def _spread_of(self, name: str) -> int:
        return len(self.model.plain) + list(self.model.random).index(name)

    def _moments(self, params: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return expectation of each coefficient, and of its square."""
        first = params[:, : len(self.model.plain)].copy()
        second = first**2
        for place, (name, kind) in zip(self.model._places, self.model.random.items(), strict=True):
            middle, variance = params[:, place], params[:, self._spread_of(name)] ** 2
            if kind == "normal":
                second[:, place] += variance
            else:
                sign = 1 if kind == "positive" else -1
                first[:, place] = sign * np.exp(middle + variance / 2)
                second[:, place] = np.exp(2 * middle + 2 * variance)
        return first, second

    def means(self, alpha: float | None = 0.05, draws: int = 10_000, rng: Any = 0) -> pd.DataFrame:
        """Return how each coefficient is spread over respondents, logarithms taken back.

        Parameters
        ----------
        alpha : float or None
            One minus the level of the intervals of the mean; None gives no interval.
        draws, rng
            For the intervals: parameters drawn from their normal distribution.

        Returns
        -------
        DataFrame
            A row for each coefficient: ``mean`` over respondents, with ``low`` and ``high``, and ``sd``, the
            standard deviation over respondents.
        """
        first, second = self._moments(self.params.to_numpy()[None])
        names = list(self.model.plain)
        found = pd.DataFrame({"mean": first[0]}, names)
        if alpha is not None:
            found["low"], found["high"] = resampled(self._moments(self._drawn(draws, rng))[0], alpha=alpha)
        return found.assign(sd=np.sqrt(np.maximum(second - first**2, 0))[0])

    def shares(
        self,
        offers: Any,
        offer: str | None = None,
        alpha: float | None = 0.05,
        draws: int = 200,
        rng: Any = 0,
    ) -> pd.DataFrame:
        """Return the share that each of several offers would have among such respondents, if they were all.

        As :meth:`ChoiceResults.shares`, averaged over the distribution of the coefficients.
        """
        x, names = named_offers(self.model, as_pandas(offers), offer)

        def at(params: np.ndarray) -> np.ndarray:
            beta = self.model.coefficients(params, luck)
            return softmax(x @ beta.reshape(len(beta), -1), axis=0).mean(axis=1)

        luck = self.model._luck[:, :: max(1, len(self.model.people) // 20)]
        found = pd.DataFrame({"share": at(self.params.to_numpy())}, names)
        if alpha is None:
            return found
        low, high = resampled(np.array([at(params) for params in self._drawn(draws, rng)]), alpha=alpha)
        return found.assign(low=low, high=high)

    def _told(self, table: pd.DataFrame) -> tuple[Sets, np.ndarray]:
        """Return sets and chances: of whom the fit knew, given their choices in it; of others, of anybody."""
        model, params = self.model, self.params.to_numpy()
        require_columns(table.columns, [model.respondent])
        sets = choice_sets(table, model.columns, model.alternative, model.none)
        x = model.rows(table, sets)
        codes, ids = pd.factorize(table[model.respondent], use_na_sentinel=False)
        known = model.people.get_indexer(ids)
        alike = (known < 0) & ids.astype(str).isin(model.people.astype(str))
        refuse(table, alike[codes], f"a {model.respondent!r} as a text, and the fit a number, or vice versa")
        whose = known[by_set(codes, sets, model.respondent)]
        luck = np.concatenate([model._luck, model.anybody[:, None]], axis=1)
        counts = np.append(model.posterior(params), np.full((1, model.draws), 1 / model.draws), axis=0)
        beta, of_row = model.coefficients(params, luck), sets.spread(whose)  # −1, the last: anybody
        utility = sum(x[:, [k]] * one[of_row] for k, one in enumerate(beta))
        odds = np.exp(utility - sets.top(utility))
        odds /= sets.spread(np.add.reduceat(odds, sets.starts))
        return sets, (odds * counts[of_row]).sum(axis=1)

    def _drawn(self, draws: int, rng: Any) -> np.ndarray:
        """Return parameters from their distribution; a spread that is as good as 0 stays, none is below."""
        self._needs_errors()
        whole_number(draws, "draws", least=2)
        covariance = self._covariance
        known = np.isfinite(np.diag(covariance))
        found = np.tile(self.params.to_numpy(), (draws, 1))
        luck = generator(rng).standard_normal((draws, int(known.sum())))
        found[:, known] += luck @ np.linalg.cholesky(covariance[np.ix_(known, known)]).T
        positive = np.isnan(self.model.units)
        found[:, positive] = np.abs(found[:, positive])
        return found
