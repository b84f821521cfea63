"""What a path model says: effects, what they explain, what the scores are worth, and what they foretell."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from crmlab._arguments import generator
from crmlab._html import render
from crmlab._tables import look_up, whole_number
from crmlab.survey._answers import answers, look
from crmlab.survey._composites import Composites, structure
from crmlab.survey._scores import Scale, checked_scale
from crmlab.survey.path_bootstrap import PathBootstrap, bootstrap, compare, invariant
from crmlab.survey.path_plot import Places, draw
from crmlab.survey.validity import _ratios

if TYPE_CHECKING:
    from crmlab.survey.paths import PathModel

ANTECEDENTS = {"earliest": True, "direct": False}
Rng = int | np.random.Generator | None


class PathResults:
    """Results of :class:`PathModel`.

    Attributes
    ----------
    model : PathModel
    nobs : int
        Respondents who count.
    params : Series
        The direct effects, ``satisfaction -> loyalty``: by how many of its standard deviations the effect
        differs where the cause is higher by one of its own, the other causes held constant.
    steps : int
        After which the weights came to rest.
    """

    def __init__(self, model: "PathModel", found: Composites, tolerance: float, most: int):
        self.model, self.nobs, self.found, self.search = model, model.nobs, found, (tolerance, most)
        self.steps, self._names = found.steps, list(model.plan.names)
        self._direct, self._explained, self._total = (
            one[..., 0] for one in structure(found.correlation, model.plan)
        )
        self.arrows = [(cause, effect) for effect, causes in enumerate(model.plan.causes) for cause in causes]
        values = [self._direct[effect, cause] for cause, effect in self.arrows]
        index = pd.Index([self._label(*arrow) for arrow in self.arrows], name="path")
        self.params = pd.Series(values, index, name="estimate")
        self.notes = []
        if model.left_out:
            self.notes.append(f"{model.left_out} respondents left out an item and are left out here.")
        if model.filled:
            self.notes.append(f"{model.filled} missing answers were given the mean of their item.")

    def _label(self, cause: int, effect: int) -> str:
        return f"{self._names[cause]} -> {self._names[effect]}"

    # ---- what hangs on what

    def effects(self) -> pd.DataFrame:
        """Return what each block does to each that follows it, directly and by way of others.

        Returns
        -------
        DataFrame
            A row for each pair that paths connect, ``cause -> effect``: ``direct`` (0 where no arrow),
            ``indirect``, ``total``, and ``f_squared`` of the arrow: how much of what the others leave
            unexplained would be lost without it, (R² − R² without) / (1 − R²).
        """
        rows, plan = {}, self.model.plan
        for effect, causes in enumerate(plan.causes):
            for cause in range(effect):
                if self._reaches(cause, effect):
                    direct, total = self._direct[effect, cause], self._total[effect, cause]
                    lost = self._lost(effect, cause) if cause in causes else np.nan
                    rows[self._label(cause, effect)] = (direct, total - direct, total, lost)
        columns = ["direct", "indirect", "total", "f_squared"]
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("path")

    def _reaches(self, cause: int, effect: int) -> bool:
        causes = self.model.plan.causes[effect]
        return cause in causes or any(self._reaches(cause, one) for one in causes)

    def _lost(self, effect: int, cause: int) -> float:
        rest = [one for one in self.model.plan.causes[effect] if one != cause]
        among = self.found.correlation[..., 0]
        without = np.array(0.0)
        if rest:
            without = among[rest, effect] @ np.linalg.solve(among[np.ix_(rest, rest)], among[rest, effect])
        left = 1 - self._explained[effect]
        return float((self._explained[effect] - without) / left) if left > 1e-12 else np.inf

    def r_squared(self) -> pd.DataFrame:
        """Return the share of each block's variance that its causes explain, as it is and adjusted."""
        caused = [i for i, causes in enumerate(self.model.plan.causes) if causes]
        plain = self._explained[caused]
        more = np.array([len(self.model.plan.causes[i]) for i in caused])
        table = {"r_squared": plain, "adjusted": 1 - (1 - plain) * (self.nobs - 1) / (self.nobs - more - 1)}
        return pd.DataFrame(table, pd.Index([self._names[i] for i in caused], name="block"))

    def correlations(self) -> pd.DataFrame:
        """Return the correlations of the blocks (those of consistent blocks corrected for error)."""
        return pd.DataFrame(self.found.correlation[..., 0], pd.Index(self._names, name="block"), self._names)

    # ---- what the scores are made of, and worth

    def items(self) -> pd.DataFrame:
        """Return ``weight``, ``loading`` and ``communality`` of each item in its block.

        A weight makes the score (of variance 1); a loading is the correlation of item and score, or of item
        and common factor in a consistent block; the communality is its square.
        """
        plan = self.model.plan
        pairs = [(n, self.model.items[i]) for n, own in zip(plan.names, plan.items, strict=True) for i in own]
        index = pd.MultiIndex.from_tuples(pairs, names=["block", "item"])
        loading = self.found.loadings[:, 0]
        weight = self.found.weights[:, 0]
        return pd.DataFrame({"weight": weight, "loading": loading, "communality": loading**2}, index)

    def scores(self) -> pd.DataFrame:
        """Return the respondents' scores, of mean 0 and variance 1, by the rows of the data."""
        model = self.model
        found = self._scores((model.values - model.values.mean(axis=0)) / self._unit())
        return pd.DataFrame(found, model.rows, self._names)

    def _unit(self) -> np.ndarray:
        spread = self.model.values.std(axis=0, ddof=1)
        return spread if self.model.standardised else np.ones_like(spread)

    def _scores(self, centred: np.ndarray) -> np.ndarray:
        plan, weights = self.model.plan, self.found.weights[:, 0]
        return np.column_stack(
            [centred[:, own] @ weights[one] for own, one in zip(plan.items, plan.places, strict=True)]
        )

    def validity(self) -> pd.DataFrame:
        """Return what each block's score is worth, as :meth:`MeasurementResults.validity` does of factors.

        Returns
        -------
        DataFrame
            A row for each block: ``items``, ``mode``, ``alpha`` (of standardised items), ``rho_a`` (Dijkstra
            and Henseler, 2015), ``composite_reliability`` (from the loadings) and ``ave``, the mean
            communality. All but the last are missing for a single item and for Mode B, whose items need not
            go together.
        """
        plan, rows = self.model.plan, {}
        for block, (name, own, one) in enumerate(zip(plan.names, plan.items, plan.places, strict=True)):
            loading, size = self.found.loadings[one, 0], len(own)
            row = {"items": size, "mode": "B" if plan.formative[block] else "A"}
            if size > 1 and not plan.formative[block]:
                among = np.corrcoef(self.model.values[:, own], rowvar=False)
                row["alpha"] = size / (size - 1) * (1 - size / among.sum())
                row["rho_a"] = self.found.rho[block, 0]
                total = loading.sum() ** 2
                row["composite_reliability"] = total / (total + np.sum(1 - loading**2))
            row["ave"] = np.mean(loading**2)
            rows[name] = row
        columns = ["items", "mode", "alpha", "rho_a", "composite_reliability", "ave"]
        return pd.DataFrame.from_dict(rows, orient="index").reindex(columns=columns).rename_axis("block")

    def htmt(self) -> pd.DataFrame:
        """Return the heterotrait–monotrait ratio of each pair of blocks, those of higher order left out.

        Intervals come with :meth:`bootstrap`, or from :func:`htmt`.
        """
        pairs, member = self.distinct()
        ratios = _ratios(np.corrcoef(self.model.values, rowvar=False).reshape([len(member)] * 2), member)
        return pd.DataFrame(pairs, columns=["block", "other"]).assign(htmt=ratios)

    def distinct(self) -> tuple[list[tuple[str, str]], np.ndarray]:
        """Return the pairs of blocks that are not of higher order, and which item (row) is in which block."""
        names = [name for name in self._names if name not in self.model.higher]
        member = [[item in self.model.blocks[name] for name in names] for item in self.model.items]
        first, second = np.tril_indices(len(names), -1)
        pairs = [(names[j], names[i]) for i, j in zip(first, second, strict=True)]
        return pairs, np.array(member, float)

    def goodness_of_fit(self) -> float:
        """Return GoF: the root of mean communality (of items in blocks of several) times mean R².

        It is no test of fit. It rises with how closely items and blocks go together, whether the model is
        right or wrong: a wrong model of strong blocks beats a right one of weak blocks (Henseler and
        Sarstedt, 2013, Computational Statistics 28, 565–580, doi:10.1007/s00180-012-0317-1).
        """
        table = self.items()["communality"]
        several = table.groupby("block").transform("size") > 1
        return float(np.sqrt(table[several].mean() * self.r_squared()["r_squared"].mean()))

    # ---- what it foretells

    def predict(self, data: Any, antecedents: str = "earliest") -> pd.DataFrame:
        """Foretell the answers to the items of the caused blocks.

        Parameters
        ----------
        data : table
            The answers from which to foretell.
        antecedents : {"earliest", "direct"}
            From the blocks on which nothing acts, through all paths; or from the direct causes of each block.

        Returns
        -------
        DataFrame
            A row for each of `data`, missing where an answer is.

        References
        ----------
        Shmueli, G., Ray, S., Velasquez Estrada, J. M. and Chatla, S. B. (2016). The elephant in the room:
        predictive performance of PLS models. Journal of Business Research 69(10), 4552–4564.
        doi:10.1016/j.jbusres.2016.03.049
        """
        model, plan = self.model, self.model.plan
        early = look_up("antecedents", antecedents, ANTECEDENTS)
        direct, _, total = (one[..., 0] for one in structure(self.found.plain, plan))
        caused = np.array([bool(causes) for causes in plan.causes])
        effects = np.where(caused, 0.0, total) if early else direct
        used = np.flatnonzero(np.any(effects[caused] != 0, axis=0))
        needed = sorted({int(item) for block in used for item in plan.items[block]})
        given = answers(data, [model.items[item] for item in needed], model.scale)
        centred = np.zeros((len(given), len(model.items)))
        unit, mean = self._unit(), model.values.mean(axis=0)
        centred[:, needed] = (given.to_numpy() - mean[needed]) / unit[needed]
        centred[np.isnan(centred).any(axis=1)] = np.nan
        foretold = self._scores(centred) @ effects.T
        table = {}
        for block in np.flatnonzero(caused):
            if plan.names[block] not in model.higher:
                for item, place in zip(
                    plan.items[block], range(len(plan.every))[plan.places[block]], strict=True
                ):
                    slope = self.found.shared[block, place, 0] * unit[item]
                    table[model.items[item]] = mean[item] + slope * foretold[:, block]
        return pd.DataFrame(table, given.index)

    def cross_validate(self, folds: int = 10, rng: Rng = None, antecedents: str = "earliest") -> pd.DataFrame:
        """Foretell the answers of respondents who were left out (PLSpredict), beside a mean and a regression.

        Returns
        -------
        DataFrame
            A row for each item of a caused block: ``block``, the root mean squared errors ``model``,
            ``mean`` (the useless model, which foretells the others' mean) and ``regression`` (of the item on
            the items of the blocks on which nothing acts), and ``q_squared``, 1 − (model / mean)²: at most 0
            where the model foretells nothing.
        """
        whole_number(folds, "folds", least=2)
        if folds > self.nobs:
            raise ValueError(f"folds={folds} needs as many respondents, and {self.nobs} count.")
        if rng is None:
            raise ValueError("Respondents are dealt into folds by lot: give rng, such as rng=1.")
        model, plan = self.model, self.model.plan
        fold = generator(rng).permutation(np.arange(self.nobs) % folds)
        first = sorted({int(i) for own, c in zip(plan.items, plan.causes, strict=True) if not c for i in own})
        gaps: dict[str, list[pd.DataFrame]] = {"model": [], "mean": [], "regression": []}
        for one in range(folds):
            inside, rest = model.values[fold != one], model.values[fold == one]
            told = model.part(fold != one).fit(*self.search).predict(model.table[fold == one], antecedents)
            at = [model.items.index(item) for item in told]
            wide = np.column_stack([np.ones(len(inside)), inside[:, first]])
            slopes = np.linalg.lstsq(wide, inside[:, at], rcond=None)[0]
            linear = np.column_stack([np.ones(len(rest)), rest[:, first]]) @ slopes
            for name, guess in {
                "model": told,
                "mean": inside[:, at].mean(axis=0),
                "regression": linear,
            }.items():
                gaps[name].append(pd.DataFrame(rest[:, at] - np.asarray(guess), columns=told.columns))
        table = pd.DataFrame({n: np.sqrt((pd.concat(parts) ** 2).mean()) for n, parts in gaps.items()})
        home = {item: n for n, own in model.blocks.items() if n not in model.higher for item in own}
        table.insert(0, "block", [home[item] for item in table.index])
        return table.assign(q_squared=1 - (table["model"] / table["mean"]) ** 2).rename_axis("item")

    def importance_performance(self, target: str, scale: Scale | None = None) -> pd.DataFrame:
        """Return what each block does to the target, and how well it stands: where to work first.

        Parameters
        ----------
        target : str
            A block that others act on.
        scale : (low, high), optional
            The ends of the scale of all items; without it that of the model.

        Returns
        -------
        DataFrame
            A row for each block that acts on the target: ``importance``, the total effect in points of the
            target for a point of the block, and ``performance``, the mean score from 0 (all chose the lowest
            answer) to 100.

        Raises
        ------
        ValueError
            No scale or not that of the model, answers outside it, a target on which nothing acts, or an item
            with a negative weight: turn it first.

        References
        ----------
        Ringle, C. M. and Sarstedt, M. (2016). Gain more insight from your PLS-SEM results: the
        importance-performance map analysis. Industrial Management & Data Systems 116(9), 1865–1886.
        doi:10.1108/IMDS-10-2015-0449
        """
        goal, plan, model = self._names.index(look(target, self._names, "block")), self.model.plan, self.model
        if scale is None and model.scale is None:
            raise ValueError("The map needs the ends of the scale: give scale=(1, 10).")
        low, high = ends = checked_scale(model.scale if scale is None else scale)
        if model.scale is not None and ends != checked_scale(model.scale):
            raise ValueError(f"scale is {scale!r}, and that of the model {model.scale!r}: leave it out here.")
        answers(model.table, model.items, ends)
        acting = [cause for cause in range(goal) if self._reaches(cause, goal)]
        if not acting:
            raise ValueError(f"Nothing acts on {target!r} in this model.")
        point, stands = np.empty(goal + 1), np.empty(goal + 1)
        for block in [*acting, goal]:
            at, weight = plan.items[block], self.found.weights[plan.places[block], 0]
            if (weight < 0).any():
                bad = model.items[at[int(weight.argmin())]]
                raise ValueError(f"Item {bad!r} has a negative weight: turn it before its block is an index.")
            share = weight / self._unit()[at]
            point[block] = 100 / (share.sum() * (high - low))  # the standard deviation of the index
            stands[block] = (
                100 * (model.values[:, at].mean(axis=0) - low) @ share / share.sum() / (high - low)
            )
        importance = self._total[goal, acting] * point[goal] / point[acting]
        index = pd.Index([self._names[one] for one in acting], name="block")
        return pd.DataFrame({"importance": importance, "performance": stands[acting]}, index)

    # ---- how sure that is

    def bootstrap(self, draws: int = 5000, rng: Rng = None) -> PathBootstrap:
        """Estimate the model anew in samples drawn from the respondents, all at once.

        Parameters
        ----------
        draws : int
        rng : int or Generator

        Returns
        -------
        PathBootstrap

        Raises
        ------
        ValueError
            No rng, or a model that cannot be estimated in half of the samples.

        Warns
        -----
        IntervalWarning
            If it cannot be estimated in more than one of twenty.

        Notes
        -----
        A score has no sign of its own. In each sample every block is turned so that its loadings agree, all
        in all, with those found for everybody (the sum of products is positive). Samples in which an item
        does not vary, the weights do not come to rest, or the paths cannot be are left out and counted.
        """
        return bootstrap(self, draws, rng)

    def compare_groups(self, group: str, draws: int = 1000, rng: Rng = None) -> pd.DataFrame:
        """Compare the paths of two groups, against groups dealt by lot.

        Look at :meth:`invariance` first: scores made of different things cannot be compared.

        Parameters
        ----------
        group : str
            A column of the model's data with exactly two values.

        Returns
        -------
        DataFrame
            A row for each path: its value in either group, ``difference`` (the later in sorting order less
            the earlier) and ``p_value``, how often lot shows one at least as large.

        References
        ----------
        Chin, W. W. and Dibbern, J. (2010). An introduction to a permutation based procedure for multi-group
        PLS analysis. In Handbook of Partial Least Squares, 171–193. doi:10.1007/978-3-540-32827-8_8
        """
        return compare(self, group, draws, rng)

    def invariance(self, group: str, draws: int = 1000, rng: Rng = None) -> pd.DataFrame:
        """Say whether two groups' scores are made alike (MICOM), against groups dealt by lot.

        Returns
        -------
        DataFrame
            A row for each block: ``same_score``, the correlation over everybody of the scores by either
            group's weights, and ``p_score`` (small: made differently); ``mean_difference`` and ``p_mean``,
            ``log_variance_ratio`` and ``p_variance`` of scores by common weights (later group and earlier).

        References
        ----------
        Henseler, J., Ringle, C. M. and Sarstedt, M. (2016). Testing measurement invariance of composites
        using partial least squares. International Marketing Review 33(3), 405–431.
        doi:10.1108/IMR-09-2014-0304
        """
        return invariant(self, group, draws, rng)

    # ---- to look at

    def plot(
        self, intervals: PathBootstrap | None = None, places: Places | None = None, ax: Axes | None = None
    ) -> Axes:
        """Draw the model: causes left, effects right, wide arrows for large effects, R² in the boxes.

        Parameters
        ----------
        intervals : PathBootstrap, optional
            An arrow whose 95 % interval holds 0 is then dashed and grey.
        places : dict of (x, y), optional
            Where each block stands; without it a place is looked for.
        ax : Axes, optional

        Returns
        -------
        Axes
        """
        return draw(self, intervals, places, ax)

    def __repr__(self) -> str:
        return self.effects().round(3).to_string()

    def _repr_html_(self) -> str:
        facts = {"respondents": f"{self.nobs:,}", "scheme": self.model.scheme, "steps": str(self.steps)}
        facts |= {f"R² {name}": f"{value:.3f}" for name, value in self.r_squared()["r_squared"].items()}
        return render(
            "results.html", title=self.model.title, table=self.effects(), facts=facts, notes=self.notes
        )
