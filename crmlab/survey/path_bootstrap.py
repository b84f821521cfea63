"""How sure a path model's numbers are: all bootstrap samples at once, and groups dealt by lot."""

import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crmlab._arguments import generator, level
from crmlab._html import render
from crmlab._intervals import IntervalWarning
from crmlab._tables import look_up, require_columns, whole_number
from crmlab.survey._answers import by_group
from crmlab.survey._composites import Composites, composites, sound, structure
from crmlab.survey._resampling import bootstrap_counts, covariances
from crmlab.survey.validity import _ratios

if TYPE_CHECKING:
    from crmlab.survey.path_results import PathResults

KINDS = ("path", "indirect", "total", "r_squared", "weight", "loading", "htmt")
_SOME = 256  # samples whose ratios are taken together


class PathBootstrap:
    """A path model in samples drawn from its respondents; see :meth:`PathResults.bootstrap`.

    Attributes
    ----------
    draws : int
    failed : int
        Samples in which the model could not be estimated; they are left out.
    turned : int
        Samples in which a score was turned round.
    replicates : dict of str to DataFrame
        The estimates, a row for each sample that did not fail: "path", "indirect", "total" (effects),
        "r_squared", "weight", "loading" and "htmt".
    """

    def __init__(self, results: "PathResults", replicates: dict[str, pd.DataFrame], draws: int, turned: int):
        self.results, self.replicates, self.draws, self.turned = results, replicates, draws, turned
        self.failed = draws - len(replicates["path"])

    @property
    def params(self) -> pd.Series:
        return self.results.params

    @property
    def bse(self) -> pd.Series:
        """The standard errors of the paths."""
        return self.replicates["path"].std().rename("std_error")

    def cov_params(self) -> pd.DataFrame:
        """Return the covariances of the paths over the samples."""
        return self.replicates["path"].cov()

    def conf_int(self, alpha: float = 0.05) -> pd.DataFrame:
        """Return the percentile intervals of the paths, ``low`` and ``high``."""
        return self.table("path", alpha)[["low", "high"]]

    def table(self, kind: str = "path", alpha: float = 0.05) -> pd.DataFrame:
        """Return estimates of one kind with their percentile intervals.

        Parameters
        ----------
        kind : {"path", "indirect", "total", "r_squared", "weight", "loading", "htmt"}
        alpha : float

        Returns
        -------
        DataFrame
            ``estimate``, ``std_error``, ``low``, ``high``. An interval may lie to one side of its estimate:
            R² and HTMT are larger in samples than in what they are drawn from.
        """
        drawn = look_up("kind", kind, self.replicates)
        values = drawn.to_numpy().T
        low, high = np.quantile(values, [level(alpha) / 2, 1 - alpha / 2], axis=1)
        columns = {"estimate": _estimates(self.results)[kind], "std_error": values.std(axis=1, ddof=1)}
        return pd.DataFrame(columns | {"low": low, "high": high}, drawn.columns)

    def __repr__(self) -> str:
        return self.table().round(3).to_string()

    def _repr_html_(self) -> str:
        facts = {"samples": f"{self.draws:,}", "failed": f"{self.failed:,}", "turned": f"{self.turned:,}"}
        return render(
            "results.html", title="Path model, bootstrap", table=self.table(), facts=facts, notes=[]
        )


def _quantities(results: "PathResults", found: Composites) -> dict[str, np.ndarray]:
    """Return each kind of estimate, names × samples."""
    direct, explained, total = structure(found.correlation, results.model.plan)
    cause, effect = np.array(results.arrows).T
    pairs = np.array([(a, b) for b in range(len(direct)) for a in range(b) if results._reaches(a, b)])
    totals = total[pairs[:, 1], pairs[:, 0]]
    return {
        "path": direct[effect, cause],
        "indirect": totals - direct[pairs[:, 1], pairs[:, 0]],
        "total": totals,
        "r_squared": explained[[i for i, causes in enumerate(results.model.plan.causes) if causes]],
        "weight": found.weights,
        "loading": found.loadings,
    }


def _estimates(results: "PathResults") -> dict[str, np.ndarray]:
    found = {kind: values[:, 0] for kind, values in _quantities(results, results.found).items()}
    return found | {"htmt": results.htmt()["htmt"].to_numpy()}


def bootstrap(results: "PathResults", draws: int, rng: Any) -> PathBootstrap:
    """Return the model's estimates in bootstrap samples; see :meth:`PathResults.bootstrap`."""
    whole_number(draws, "draws", least=2)
    _needs(rng)
    model = results.model
    matrices = covariances(model.values, bootstrap_counts(model.nobs, draws, rng))
    pairs, member = results.distinct()
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.array_split(matrices, max(1, draws // _SOME), axis=-1)
        ratios = [_ratios(np.ascontiguousarray(np.moveaxis(part, -1, 0)), member) for part in parts]
        found = composites(
            model.scaled(matrices), model.plan, *results.search, like=results.found.loadings[:, 0]
        )
        good = sound(found, model.plan)
        drawn = _quantities(results, found) | {"htmt": np.concatenate(ratios).T}
    if good.sum() < draws / 2:
        raise ValueError(
            f"In {draws - good.sum()} of {draws} samples the model cannot be estimated (an item does not "
            "vary, the weights do not come to rest, or the paths cannot be): there is no interval. Usual "
            "reasons: few respondents, or consistent= for blocks of weak items."
        )
    if good.mean() < 0.95:
        warnings.warn(
            f"In {draws - good.sum()} of {draws} samples the model cannot be estimated. They are left out, "
            "and where they are the extreme ones, the intervals are too narrow.",
            IntervalWarning,
            stacklevel=3,
        )
    items, effects = results.items().index, results.effects().index
    two = pd.MultiIndex.from_tuples(pairs, names=["block", "other"])
    order = (results.params.index, effects, effects, results.r_squared().index, items, items, two)
    names = dict(zip(KINDS, order, strict=True))
    replicates = {
        kind: pd.DataFrame(values[:, good].T, columns=names[kind]) for kind, values in drawn.items()
    }
    return PathBootstrap(results, replicates, draws, int(found.turned[good].sum()))


def _needs(rng: Any) -> None:
    if rng is None:
        raise ValueError("Samples are drawn by lot: give rng, such as rng=1.")


# ---- two groups


def _dealt(results: "PathResults", group: str, draws: int, rng: Any) -> tuple[list[str], np.ndarray]:
    """Return the names of the two groups and who is in the later one: as it is, then dealt by lot."""
    model = results.model
    require_columns(model.data.columns, [group])
    rows = by_group(model.table, model.data.loc[model.kept, group])
    sizes = {name: int(inside.sum()) for name, inside in rows.items()}
    if len(rows) != 2:
        raise ValueError(f"{group!r} has {len(rows)} groups ({', '.join(sizes)}), and two are compared.")
    if min(sizes.values()) <= len(model.items):
        raise ValueError(f"Each group needs more respondents than the {len(model.items)} items; got {sizes}.")
    whole_number(draws, "draws", least=1)
    _needs(rng)
    luck, later = generator(rng), list(rows.values())[1].astype(int)
    return list(rows), np.stack([later, *(luck.permutation(later) for _ in range(draws))])


def _both(results: "PathResults", later: np.ndarray) -> Iterator[Composites]:
    model, like = results.model, results.found.loadings[:, 0]
    for counts in (1 - later, later):
        matrices = model.scaled(covariances(model.values, [counts]))
        yield composites(matrices, model.plan, *results.search, like=like)


def _good_enough(good: np.ndarray) -> None:
    if not good[0] or good.mean() < 0.5:
        raise ValueError(
            "The model cannot be estimated in each of the groups: fit it to either alone to see why."
        )


def _p_value(values: np.ndarray) -> np.ndarray:
    """Return how often the dealt values are at least as far from 0 as the first, which counts among them."""
    return np.mean(np.abs(values) >= np.abs(values[:, :1]) * (1 - 1e-12), axis=1)


def compare(results: "PathResults", group: str, draws: int, rng: Any) -> pd.DataFrame:
    """Return the paths in two groups; see :meth:`PathResults.compare_groups`."""
    names, later = _dealt(results, group, draws, rng)
    found = list(_both(results, later))
    good = np.logical_and(*(sound(one, results.model.plan) for one in found))
    _good_enough(good)
    before, after = (_quantities(results, one)["path"][:, good] for one in found)
    table = {names[0]: before[:, 0], names[1]: after[:, 0], "difference": (after - before)[:, 0]}
    return pd.DataFrame(table | {"p_value": _p_value(after - before)}, results.params.index)


def invariant(results: "PathResults", group: str, draws: int, rng: Any) -> pd.DataFrame:
    """Return whether the scores are made alike; see :meth:`PathResults.invariance`."""
    _, later = _dealt(results, group, draws, rng)
    found = list(_both(results, later))
    good = np.logical_and(*(sound(one, results.model.plan) for one in found))
    _good_enough(good)
    later, (before, after) = later[good], (one.weights[:, good] for one in found)
    plan, among = results.model.plan, np.corrcoef(results.model.values, rowvar=False)
    if not results.model.standardised:
        among = np.cov(results.model.values, rowvar=False)
    alike = []
    for own, one in zip(plan.items, plan.places, strict=True):
        pooled, v, w = (
            among.reshape([len(results.model.items)] * 2)[np.ix_(own, own)],
            before[one],
            after[one],
        )
        vv, vw, ww = (np.einsum("id,ij,jd->d", a, pooled, b) for a, b in ((v, v), (v, w), (w, w)))
        alike.append(vw / np.sqrt(vv * ww))
    same = np.array(alike)
    scores = results.scores().to_numpy()
    moments = []
    for counts in (1 - later, later):
        size = counts.sum(axis=1, keepdims=True)
        mean = counts @ scores / size
        moments.append((mean, (counts @ scores**2 / size - mean**2) * size / (size - 1)))
    (one, spread), (other, wider) = moments
    mean, ratio = (other - one).T, np.log(wider / spread).T
    table = {
        "same_score": same[:, 0],
        "p_score": np.mean(same <= same[:, :1] + 1e-12, axis=1),
        "mean_difference": mean[:, 0],
        "p_mean": _p_value(mean),
        "log_variance_ratio": ratio[:, 0],
        "p_variance": _p_value(ratio),
    }
    return pd.DataFrame(table, pd.Index(plan.names, name="block"))
