"""Mixed logit: part-worths that differ from one customer to the next, by simulated maximum likelihood."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd
from scipy.special import logsumexp, ndtri, softmax
from scipy.stats import qmc

from crmlab._arguments import generator
from crmlab._results import LikelihoodModel
from crmlab._search import Derivatives, maximise
from crmlab._tables import as_pandas, look_up, require_columns, unknown, whole_number
from crmlab._weights import respondent_weights
from crmlab.survey._choices import column_list
from crmlab.survey.choice import ConditionalLogit
from crmlab.survey.tastes import MixedResults

_KINDS = {"normal": 0, "positive": 1, "negative": -1}
_AT_ONCE = 400_000  # numbers of one column that are held at a time


class Block(NamedTuple):
    """Some respondents: their alternatives but the chosen ones, and where sets and respondents begin."""

    x: np.ndarray
    starts: np.ndarray  # of each set among the alternatives
    sizes: np.ndarray
    first: np.ndarray  # of each respondent among the sets
    of_row: np.ndarray  # whose alternative
    of_set: np.ndarray


class MixedLogit(ConditionalLogit):
    """Mixed logit model: like the conditional logit, but each respondent has coefficients of their own.

    A respondent's coefficients are drawn from a distribution, stay the same over all choices of that
    respondent, and are independent of one another. Estimated are the distribution's means and standard
    deviations, by maximum simulated likelihood with exact gradient and Hessian.

    Parameters
    ----------
    data, choice_set, chosen, attributes, alternative, reference, none, weights
        As in :class:`ConditionalLogit`; weights are the same for all choices of a respondent.
    respondent : str
        Column that says whose choice it is.
    random : dict or list of str
        Which coefficients differ, and how: ``{"organic": "normal", "price": "negative"}``. ``"normal"``:
        either sign. ``"positive"`` and ``"negative"``: the logarithm of the size is normal, and all have
        that sign; the estimates are then those of the logarithm, ``"log price"`` and ``"sd log price"``. A
        list means normal for all of them. Others are the same for everybody.
    draws : int
        Points at which the distribution is evaluated for each respondent, of a scrambled Halton sequence.
        Too few bias the estimates: double them and see whether the answer stays.
    rng
        For the scrambling.

    Raises
    ------
    ValueError
        As :class:`ConditionalLogit`; an unknown coefficient or distribution, a choice set that belongs to
        two respondents, weights that differ within a respondent.

    References
    ----------
    Revelt, D. & Train, K. (1998). Mixed logit with repeated choices: households' choices of appliance
    efficiency level. Review of Economics and Statistics 80(4), 647–657, equations 1 to 5.
    https://doi.org/10.1162/003465398557735
    Train, K. E. (2009). Discrete Choice Methods with Simulation, 2nd ed., chapters 6, 9 and 11.
    https://doi.org/10.1017/CBO9780511805271

    Examples
    --------
    Half of the respondents love the garden, half shun it; the average says nothing of that.

    >>> rows = [(who, task, garden, garden == (who % 2 == (task > 0))) for who in range(40)
    ...         for task in range(8) for garden in (1, 0)]
    >>> data = pd.DataFrame(rows, columns=["who", "task", "garden", "chosen"])
    >>> fit = MixedLogit(data, ["who", "task"], "chosen", ["garden"], "who", ["garden"]).fit()
    >>> fit.part_worths()["garden"].head(2).round(1).tolist()
    [-1.7, 1.7]
    """

    title = "Mixed logit"
    results_class = MixedResults

    def __init__(
        self,
        data: Any,
        choice_set: Any,
        chosen: str,
        attributes: Any,
        respondent: str,
        random: Any,
        alternative: str | None = None,
        reference: Any = None,
        none: bool = False,
        weights: Any = None,
        draws: int = 200,
        rng: Any = 0,
    ) -> None:
        table = as_pandas(data)
        require_columns(table.columns, [respondent])
        whole_number(draws, "draws", least=2)
        # one after the other, in the order of their names: no draw hangs on the order of the rows
        order = np.argsort(pd.factorize(table[respondent], sort=True)[0], kind="stable")
        table, weights = table.iloc[order], respondent_weights(table, weights)[order]
        self.respondent, self.draws = respondent, draws
        super().__init__(
            table, choice_set, chosen, attributes, alternative, reference, none, weights, respondent
        )
        whose = np.asarray(self._cluster)
        first = np.flatnonzero(np.append(True, whose[1:] != whose[:-1]))  # the first set of each respondent
        self.people = pd.Index(table[respondent].unique(), name=respondent)
        self._rows = np.append(self._starts[first], self._apart.shape[1])
        self._first = np.append(first, len(whose))
        self._of_one = self._weights[first]
        if (np.repeat(self._of_one, np.diff(self._first)) != self._weights).any():
            raise ValueError("weights must be the same for all choices of a respondent.")
        self._cluster = None
        self.plain = self.names
        alike = {} if isinstance(random, Mapping) else dict.fromkeys(column_list(random, "random"), "normal")
        given = alike or dict(random)
        for name in given:
            if name not in self.plain:
                raise ValueError(unknown("coefficient", name, self.plain))
        self.random = {name: given[name] for name in self.plain if name in given}
        if not self.random:
            raise ValueError("random names no coefficient: nothing differs, and ConditionalLogit does that.")
        kinds = [look_up("distribution", kind, _KINDS) for kind in self.random.values()]
        self._signs = np.array(kinds)
        self._places = np.array([self.plain.index(name) for name in self.random])
        self._logged = self._places[self._signs != 0].tolist()
        called = {name: f"log {name}" for name, sign in zip(self.random, kinds, strict=True) if sign}
        self.names = (
            *(called.get(name, name) for name in self.plain),
            *(f"sd {called.get(name, name)}" for name in self.random),
        )
        if len(set(self.names)) < len(self.names):
            raise ValueError(f"Two coefficients have one name, {sorted(self.names)}: rename a column.")
        halton = qmc.Halton(len(kinds), scramble=True, rng=generator(rng))
        # a column for each draw, a row for each respondent, one table for each coefficient
        points = ndtri(halton.random((len(self.people) + 1) * draws))
        points = np.moveaxis(points.reshape(-1, draws, len(kinds)), 2, 0)
        self._luck, self.anybody = points[:, :-1], points[:, -1]

    def coefficients(self, params: np.ndarray, luck: np.ndarray) -> np.ndarray:
        """Return each coefficient, the first axis, at standard normal draws of the random ones."""
        count = len(self.plain)
        found = np.empty((count, *luck.shape[1:]))
        found[...] = params[:count].reshape(-1, *[1] * (luck.ndim - 1))
        for one, (place, sign) in enumerate(zip(self._places, self._signs, strict=True)):
            found[place] += params[count + one] * luck[one]
            if sign:
                found[place] = sign * np.exp(found[place])
        return found

    @property
    def units(self) -> np.ndarray:
        size = super().units
        size[self._logged] = 1.0
        return np.append(size, np.full(len(self.random), np.nan))

    def start(self) -> np.ndarray:
        """Return the conditional logit's coefficients, and spreads that move utilities by about a half."""
        steps, nothing = super().units, np.zeros(len(self.plain))
        begin, *_ = maximise(partial(ConditionalLogit.derivatives, self), nothing, units=steps)
        begin, spread = np.clip(begin, -10 * steps, 10 * steps), steps / 2
        for place, sign in zip(self._places, self._signs, strict=True):
            if sign:
                begin[place] = np.log(max(sign * begin[place], 0.2 * steps[place]))
                spread[place] = 0.5
        return np.append(begin, spread[self._places])

    def sums_of(self, names: list[str]) -> np.ndarray:
        return super().sums_of([name for name in names if name in self.plain])

    def boundary_note(self, names: list[str], params: np.ndarray) -> str:
        if loose := [name for name in names if name in self.names[: len(self.plain)]]:
            return super().boundary_note(loose, params)
        return f"{' and '.join(names)} cannot be told from 0: there these choices show no differences."

    def fit(self, start: Any = None) -> MixedResults:
        """Fit by maximum simulated likelihood.

        Parameters
        ----------
        start : sequence of float, optional
            Starting values in the order of `names`. There may be several maxima: try other starts, and other
            draws, where much hangs on the answer.

        Returns
        -------
        MixedResults

        Warns
        -----
        FitWarning
            Where a standard deviation cannot be told from 0, or the search did not end.
        """
        return cast(MixedResults, LikelihoodModel.fit(self, start))

    def derivatives(self, params: np.ndarray) -> Derivatives:
        """Return the simulated log-likelihood at `params` with its gradient and Hessian."""
        parts = zip(*(self._derivatives(params, people) for people in self._blocks()), strict=True)
        llf, gradient, hessian = (sum(part) for part in parts)
        return llf, gradient, hessian

    def posterior(self, params: np.ndarray) -> np.ndarray:
        """Return what each draw counts for each respondent, given that respondent's choices; sums are 1."""
        found = np.empty(self._luck.shape[1:])
        for people in self._blocks():
            block = self._block(people)
            told = self._told(self.coefficients(params, self._luck[:, people]), block)[1]
            found[people] = softmax(told, axis=1)
        return found

    def _blocks(self) -> Iterator[slice]:
        """Yield respondents, so many at once that their alternatives and draws fit into the memory."""
        rows, begin = self._rows * self.draws, 0
        while begin < len(self.people):
            end = max(int(np.searchsorted(rows, rows[begin] + _AT_ONCE, side="right")) - 1, begin + 1)
            yield slice(begin, end)
            begin = end

    def _block(self, people: slice) -> Block:
        first, last = self._first[people.start], self._first[people.stop]
        begin, end = self._rows[people.start], self._rows[people.stop]
        count = np.arange(people.stop - people.start)
        return Block(
            x=self._apart[:, begin:end],
            starts=self._starts[first:last] - begin,
            sizes=self._sizes[first:last],
            first=self._first[people] - first,
            of_row=np.repeat(count, np.diff(self._rows[people.start : people.stop + 1])),
            of_set=np.repeat(count, np.diff(self._first[people.start : people.stop + 1])),
        )

    def _told(self, beta: np.ndarray, block: Block) -> tuple[np.ndarray, np.ndarray]:
        """Return, by draw, the chance of each alternative not chosen and each respondent's log-likelihood."""
        same = [place for place in range(len(beta)) if place not in self._places]
        utility = np.tile((beta[same, 0, 0] @ block.x[same])[:, None], beta.shape[2])
        for place in self._places:
            utility += block.x[place][:, None] * beta[place][block.of_row]
        top = np.maximum(np.maximum.reduceat(utility, block.starts), 0)
        odds = np.exp(utility - np.repeat(top, block.sizes, axis=0))
        total = np.exp(-top) + np.add.reduceat(odds, block.starts)
        odds /= np.repeat(total, block.sizes, axis=0)
        return odds, -np.add.reduceat(top + np.log(total), block.first)

    def _derivatives(self, params: np.ndarray, people: slice) -> Derivatives:
        luck, count, of_one = self._luck[:, people], len(self.plain), self._of_one[people]
        beta, block = self.coefficients(params, luck), self._block(people)
        odds, told = self._told(beta, block)
        share = softmax(told, axis=1)  # what each draw counts for this respondent
        llf = of_one @ (logsumexp(told, axis=1) - np.log(self.draws))
        weight = np.sqrt(of_one[:, None] * share)
        by_row, by_set = np.sqrt(odds) * weight[block.of_row], weight[block.of_set]
        rows, sets = np.empty((len(params), *odds.shape)), np.empty((len(params), *by_set.shape))
        scores = np.empty((len(params), *share.shape))
        for k, x in enumerate(block.x):
            np.add.reduceat(odds * x[:, None], block.starts, out=sets[k])
            np.negative(np.add.reduceat(sets[k], block.first), out=scores[k])
            np.multiply(by_row, x[:, None], out=rows[k])
            sets[k] *= by_set
        for one, (place, sign) in enumerate(zip(self._places, self._signs, strict=True)):
            # a logarithm moves its coefficient by the coefficient's size, a spread by the draw times that
            move = luck[one] * beta[place] if sign else luck[one]
            for table, whose in ((rows, block.of_row), (sets, block.of_set), (scores, slice(None))):
                np.multiply(table[place], move[whose], out=table[count + one])
                if sign:
                    table[place] *= beta[place][whose]
        rows, sets = rows.reshape(len(params), -1), sets.reshape(len(params), -1)
        mean, flat = (scores * share).sum(axis=2), (scores * weight).reshape(len(params), -1)
        hessian = sets @ sets.T - rows @ rows.T + flat @ flat.T - (mean * of_one) @ mean.T
        for one in np.flatnonzero(self._signs).tolist():  # the second derivative of an exponential
            pair = [self._places[one], count + one]
            slope, power = weight**2 * scores[pair[0]], np.stack([np.ones_like(luck[one]), luck[one]])
            hessian[np.ix_(pair, pair)] += np.einsum("inr,jnr,nr->ij", power, power, slope)
        return float(llf), mean @ of_one, hessian
