"""Path models by partial least squares: what hangs on what, between blocks of questions."""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Any

import networkx as nx
import numpy as np

from crmlab._arguments import flag, number
from crmlab._tables import as_pandas, look_up, whole_number
from crmlab.survey._answers import answers, complete, items_of, look
from crmlab.survey._composites import SCHEMES, Plan, composites, sound
from crmlab.survey._resampling import covariances
from crmlab.survey.path_results import PathResults

MODES = {"A": False, "B": True}
MISSING = {"leave out": False, "mean": True}


class PathModel:
    """A path model by partial least squares: each block of items makes a score, and scores hang on scores.

    Parameters
    ----------
    data : table
        One row per respondent, of any engine.
    blocks : dict
        The items of each block; one item is enough. A block that lists names of other blocks is of higher
        order: it is made of all their items (repeated indicators).
    paths : dict
        The blocks on which a block depends, as in :class:`MeasurementModel`.
    mode : str or dict of str
        "A": items are weighted by how closely they go together with the neighbours of their block; "B": by
        their regression on them. A dict names the blocks of Mode B, {"price": "B"}; the others are of Mode A.
    scheme : {"path", "factorial", "centroid"}
        How much each neighbour counts while the weights are sought.
    standardised : bool
        Give all items the same spread first. Without it an item with more spread counts for more.
    consistent : bool or sequence of str
        True, or the blocks, where the block stands for a common factor: correlations are then corrected for
        the error of the scores (PLSc). Only for Mode A.
    missing : {"leave out", "mean"}
        What is done about who left out an item: left out, or the item's mean in its place, which draws
        correlations towards 0 and makes intervals too narrow.
    scale : (float, float), optional
        The lowest and the highest answer; one outside is refused.

    Attributes
    ----------
    nobs : int
        Respondents who count.
    left_out : int
    filled : int
        Answers that were missing and became the mean.

    Raises
    ------
    ValueError
        Columns that are not there, no numbers, answers outside the scale or codes for missing ones, everybody
        giving the same answer, items that tell each other exactly, not more respondents than items; an item
        in two blocks, a block that no path touches, paths that go round in a circle; a mode, scheme or rule
        that is not known.

    Notes
    -----
    The scores are weighted sums of answers, so a block's errors stay in them: paths between blocks with few
    or weak items are too small (attenuation) and others may be too large in their place. `consistent` undoes
    that if each block stands for one common factor. There is no test of fit here.

    A block of higher order that depends on its own parts is their sum, nearly; draw the paths from it to them
    or from them to it as the theory has it. No other block can then explain it.

    References
    ----------
    Lohmöller, J.-B. (1989). Latent Variable Path Modeling with Partial Least Squares. Physica, chapter 2.
    doi:10.1007/978-3-642-52512-4
    Tenenhaus, M., Esposito Vinzi, V., Chatelin, Y.-M. and Lauro, C. (2005). PLS path modeling. Computational
    Statistics & Data Analysis 48(1), 159–205. doi:10.1016/j.csda.2004.03.005
    Dijkstra, T. K. and Henseler, J. (2015). Consistent partial least squares path modeling. MIS Quarterly
    39(2), 297–316. doi:10.25300/MISQ/2015/39.2.02

    Examples
    --------
    >>> import pandas as pd
    >>> luck = np.random.default_rng(1)
    >>> true = luck.normal(size=(300, 1)) @ [[1.0, 0.6]] + luck.normal(size=(300, 2)) * [0.0, 0.8]
    >>> sheets = np.repeat(true, 3, axis=1) + luck.normal(size=(300, 6)) / 2
    >>> sheets = pd.DataFrame(sheets, columns=["s1", "s2", "s3", "l1", "l2", "l3"])
    >>> blocks = {"satisfaction": ["s1", "s2", "s3"], "loyalty": ["l1", "l2", "l3"]}
    >>> PathModel(sheets, blocks, {"loyalty": ["satisfaction"]}).fit().params.round(2)
    path
    satisfaction -> loyalty    0.47
    Name: estimate, dtype: float64
    """

    title = "Path model"

    def __init__(
        self,
        data: Any,
        blocks: Mapping[str, Sequence[str]],
        paths: Mapping[str, Sequence[str]],
        mode: str | Mapping[str, str] = "A",
        scheme: str = "path",
        standardised: bool = True,
        consistent: bool | Sequence[str] = False,
        missing: str = "leave out",
        scale: tuple[float, float] | None = None,
    ):
        given = items_of(blocks, "blocks")
        self.higher = {name: own for name, own in given.items() if set(own) & set(given)}
        self.blocks = {name: self._made_of(name, given) for name in given}
        lower = {name: own for name, own in self.blocks.items() if name not in self.higher}
        self.items = [item for own in lower.values() for item in own]
        self._check_items(lower)
        self.paths = items_of(paths, "paths")
        order = self._order()
        self.scheme = look_up("scheme", scheme, dict.fromkeys(SCHEMES, scheme))
        self.standardised, self.scale, self.missing = flag(standardised, "standardised"), scale, missing
        self.plan = self._plan(order, mode, consistent)
        self.data = as_pandas(data).copy()  # groups are looked up in it later
        table = answers(self.data, self.items, scale)
        self.filled = 0
        if look_up("rule for missing answers", missing, MISSING):
            self.filled = int(table.isna().to_numpy().sum())
            table = table.fillna(table.mean())
        self.values = complete(table)
        self.kept = table.notna().all(axis=1).to_numpy()
        self.table, self.nobs = table[self.kept], len(self.values)
        self.rows, self.left_out = self.table.index, len(table) - self.nobs

    # ---- what hangs on what

    @staticmethod
    def _made_of(name: str, given: dict[str, list[str]], above: tuple[str, ...] = ()) -> list[str]:
        if name in given[name]:
            raise ValueError(f"Block {name!r} lists itself: if that is an item, rename the block.")
        if name in above:
            raise ValueError(f"Block {name!r} is made of itself: {' of '.join([*above, name])}.")
        own = given[name]
        if not set(own) & set(given):
            return own
        if not set(own) <= set(given):
            items = sorted(set(own) - set(given))
            raise ValueError(
                f"Block {name!r} lists blocks and items ({', '.join(items)}): a block of higher order is "
                "made of blocks alone. Make a block of these items first."
            )
        return [item for one in own for item in PathModel._made_of(one, given, (*above, name))]

    def _check_items(self, lower: dict[str, list[str]]) -> None:
        for name, own in self.blocks.items():
            twice = {item for item in own if own.count(item) > 1}
            if twice:
                raise ValueError(f"Block {name!r} would hold item {min(twice)!r} twice: name each part once.")
        for item in self.items:
            homes = [name for name, own in lower.items() if item in own]
            if len(homes) > 1:
                raise ValueError(
                    f"Item {item!r} stands in the blocks {' and '.join(map(repr, homes))}: its errors would "
                    "tie them together. Leave it in one; a block of higher order lists blocks, not items."
                )

    def _order(self) -> list[str]:
        """Return the blocks, causes before effects, else as they were given."""
        graph = nx.DiGraph()
        graph.add_nodes_from(self.blocks)
        for effect, causes in self.paths.items():
            for one in (effect, *causes):
                look(one, list(self.blocks), "block")
            graph.add_edges_from((cause, effect) for cause in causes)
        lonely = [name for name in self.blocks if not graph.degree(name)]
        if lonely:
            raise ValueError(
                f"No path leads to or from {', '.join(map(repr, lonely))}: a block is weighted by its "
                "neighbours, so it needs at least one. Add a path, or leave the block out."
            )
        if not nx.is_directed_acyclic_graph(graph):
            circle = [edge[0] for edge in nx.find_cycle(graph)]
            raise ValueError(
                f"The paths go round in a circle: {' -> '.join([*circle, circle[0]])}. Which comes first? "
                "With two waves, one of them may be the answer of the later wave."
            )
        place = {name: number for number, name in enumerate(self.blocks)}
        return list(nx.lexicographical_topological_sort(graph, key=place.get))

    def _plan(self, order: list[str], mode: Any, consistent: Any) -> Plan:
        if isinstance(mode, str):
            modes = dict.fromkeys(order, look_up("mode", mode, MODES))
        elif not isinstance(mode, Mapping):
            raise ValueError(f"mode is 'A', 'B', or a dict of them, {{'price': 'B'}}; got {mode!r}.")
        else:
            modes = {look(name, order, "block"): look_up("mode", one, MODES) for name, one in mode.items()}
        many = [name for name in order if len(self.blocks[name]) > 1 and not modes.get(name)]
        if isinstance(consistent, bool | np.bool_):
            wanted = many if consistent else []
        elif isinstance(consistent, str) or not np.iterable(consistent):
            raise ValueError(f"consistent is True, False, or a list of blocks; got {consistent!r}.")
        else:
            wanted = [look(name, many, "block of Mode A with two or more items") for name in consistent]
        if wanted and not self.standardised:
            raise ValueError("consistent=… corrects correlations: it needs standardised=True.")
        return Plan(
            names=tuple(order),
            items=tuple(np.array([self.items.index(item) for item in self.blocks[name]]) for name in order),
            causes=tuple(tuple(order.index(one) for one in self.paths.get(name, [])) for name in order),
            formative=tuple(modes.get(name, False) for name in order),
            consistent=tuple(name in wanted for name in order),
            scheme=self.scheme,
        )

    # ---- the fit

    def scaled(self, matrices: np.ndarray) -> np.ndarray:
        """Return covariance matrices, samples last, as they are weighed: as correlations if standardised."""
        if not self.standardised:
            return matrices
        with np.errstate(divide="ignore", invalid="ignore"):
            spread = np.sqrt(np.einsum("iid->id", matrices))
            matrices /= spread[:, None]
            matrices /= spread[None]
        return matrices

    def fit(self, tolerance: float = 1e-7, most: int = 300) -> PathResults:
        """Weigh the items until no weight moves by `tolerance`, and estimate the paths.

        Parameters
        ----------
        tolerance : float
            Of weights of scores with variance 1, for items of variance 1.
        most : int
            Steps after which the search is given up.

        Raises
        ------
        ValueError
            The weights do not come to rest; scores that tell each other exactly; a common factor that the
            answers do not bear out (`consistent`).
        """
        whole_number(most, "most", least=1)
        number(tolerance, "tolerance", "a small number, from 1e-15 to 0.1", 1e-15, 0.1)
        once = covariances(self.values, [np.ones((1, self.nobs), int)])
        found = composites(once := self.scaled(once), self.plan, tolerance, most)
        names = self.plan.names
        plain = found.plain
        if not found.ok[0]:  # perhaps since causes cannot be told apart, which this scheme does not ask
            other = composites(once, replace(self.plan, scheme="factorial"), tolerance, most)
            plain = np.nan_to_num(other.plain)
        for effect, causes in enumerate(self.plan.causes):
            at = list(causes)
            size, direction = np.linalg.eigh(plain[np.ix_(at, at)][..., 0])
            if at and size[0] < 1e-9:
                loose = [names[at[i]] for i in np.flatnonzero(np.abs(direction[:, 0]) > 1e-4)]
                raise ValueError(
                    f"The scores of {' and '.join(map(repr, loose))} tell each other exactly, so nobody can "
                    f"say which of them {names[effect]!r} hangs on: leave one of them out."
                )
        if not found.ok[0]:
            raise ValueError(
                f"After {most} steps the weights still move by more than {tolerance:g}: there is no result. "
                "Usual reasons: a block that hardly goes together with its neighbours, or one whose items "
                "measure several things. Look at the correlations of its items, or try another scheme."
            )
        if not sound(found, self.plan)[0]:
            weak = {name: f"{rho:.2f}" for name, rho in zip(names, found.rho[:, 0], strict=True) if rho != 1}
            raise ValueError(
                "Corrected for error, the correlations of the blocks are impossible together. There is no "
                f"result. Reliabilities (rho A): {weak}. One or more of these blocks stand for no common "
                "factor, or two of them for the same: look with htmt(), or leave out consistent=."
            )
        return PathResults(self, found, tolerance, most)

    def part(self, rows: np.ndarray) -> "PathModel":
        """Return the same model for some of the respondents who count, by a truth value for each."""
        some = copy(self)
        some.table, some.rows, some.values = self.table[rows], self.rows[rows], complete(self.table[rows])
        some.nobs = len(some.values)
        return some
