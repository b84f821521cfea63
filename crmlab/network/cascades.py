"""Cascades: who is reached when news passes from one to the next, in many runs at once."""

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
from scipy import sparse

from crmlab._arguments import flag, generator, number
from crmlab._tables import as_pandas, refuse, require_columns, whole_number
from crmlab.network.graph import quantities, told_apart

AT_ONCE = 1_000_000  # nodes times runs that are held at a time: so many stay near the processor
Step = tuple[Callable[[int], np.ndarray], Callable[..., np.ndarray]]


@dataclass(frozen=True)
class Reach:
    """Who was reached, over the runs.

    Attributes
    ----------
    sizes : ndarray of int, shape (runs,)
        How many were reached in each run, the seeds among them.
    shares : Series
        For each node the share of the runs in which it was reached.
    """

    sizes: np.ndarray
    shares: pd.Series

    @property
    def mean(self) -> float:
        """How many are reached on average."""
        return float(self.sizes.mean())

    @property
    def standard_error(self) -> float:
        """Of the mean, from run to run."""
        return float(self.sizes.std(ddof=1) / np.sqrt(len(self.sizes)))

    def __repr__(self) -> str:
        runs = f"standard error {self.standard_error:.2g}, {len(self.sizes):,} runs"
        return f"<reach {self.mean:.4g} of {len(self.shares):,} ({runs})>"


def cascade(
    edges: Any,
    seeds: Iterable[Hashable],
    probability: Any,
    runs: int = 1000,
    rng: Any = 0,
    *,
    source: str = "source",
    target: str = "target",
    directed: bool | None = None,
) -> Reach:
    """Run the independent cascade: whoever is reached reaches each neighbour once, with a probability.

    Parameters
    ----------
    edges : networkx graph or table
        Of a table each row is an edge, in the columns `source` and `target`. No edge twice, none to itself.
    seeds : iterable of nodes
        Who knows it at the start; each once.
    probability : float or str
        From 0 to 1: one for all edges, or the column (of a graph: the attribute) that holds it.
    runs : int, at least 2
    rng : int or Generator
    source, target : str
        Columns of the table.
    directed : bool, optional
        Whether news passes from source to target only. A table does not tell, so it must be said; of a graph
        it is known, and saying otherwise is refused.

    Returns
    -------
    Reach
        With ``mean``, ``standard_error``, ``sizes`` and ``shares``.

    Raises
    ------
    ValueError
        A probability outside [0, 1] or missing, an edge twice or from a node to itself, seeds that are no
        nodes, that stand there twice or are more than the nodes, `directed` not said or said otherwise.

    References
    ----------
    Kempe, D., Kleinberg, J. & Tardos, É. (2003). Maximizing the spread of influence through a social network.
    KDD '03, 137–146. https://doi.org/10.1145/956750.956769

    Examples
    --------
    A chain of four; 1 + .3 + .09 + .027 = 1.417 are reached:

    >>> chain = pd.DataFrame({"source": [1, 2, 3], "target": [2, 3, 4]})
    >>> cascade(chain, [1], 0.3, runs=20_000, directed=True)
    <reach 1.418 of 4 (standard error 0.0052, 20,000 runs)>
    """
    names, matrix = _matrix(edges, probability, "probability", source, target, directed)
    tries = _tries(matrix, generator(rng))
    return _run(names, matrix, seeds, runs, lambda _: tries)


def threshold_cascade(
    edges: Any,
    seeds: Iterable[Hashable],
    weight: str | None = None,
    runs: int = 1000,
    rng: Any = 0,
    *,
    source: str = "source",
    target: str = "target",
    directed: bool | None = None,
) -> Reach:
    """Run the linear threshold model: one follows when enough of one's neighbours, by weight, have done so.

    How much is enough is drawn anew for each node in each run, evenly from 0 to 1.

    Parameters
    ----------
    edges, seeds, runs, rng, source, target, directed
        As of :func:`cascade`.
    weight : str, optional
        Column or attribute with the weight of the source for the target; those of one target sum to 1 at
        most. Without it all neighbours of a node count alike, and together 1. Of an undirected edge a
        weight holds both ways.

    Returns
    -------
    Reach

    Raises
    ------
    ValueError
        As of :func:`cascade`; weights that are negative, or sum to more than 1 at a node.

    References
    ----------
    Granovetter, M. (1978). Threshold models of collective behavior. American Journal of Sociology 83(6),
    1420–1443. https://doi.org/10.1086/226707. Kempe, Kleinberg & Tardos (2003), see :func:`cascade`.

    Examples
    --------
    >>> threshold_cascade(nx.complete_graph(3), [0], runs=20_000)  # exactly 2.5
    <reach 2.497 of 3 (standard error 0.0061, 20,000 runs)>
    """
    names, matrix = _matrix(edges, 1.0 if weight is None else weight, "weight", source, target, directed)
    into = np.bincount(matrix.indices, weights=matrix.data, minlength=len(names))
    if weight is None:
        matrix.data = 1 / into[matrix.indices]
    elif (into > 1 + 1e-9).any():
        first = names[int(np.argmax(into > 1 + 1e-9))]
        raise ValueError(
            f"The weights of those whom one hears sum to 1 at most; at {(into > 1 + 1e-9).sum()} nodes "
            f"they sum to more, the first is {first!r}."
        )
    luck, weights = generator(rng), matrix.data.astype(np.float32)

    def begin(states: int) -> Step:
        left = luck.random(states, np.float32)  # what is still missing to each one's threshold

        def reached(at: np.ndarray, to: np.ndarray, active: np.ndarray) -> np.ndarray:
            new = ~active[to]
            at, to = at[new], to[new]
            np.subtract.at(left, to, weights[at])
            return to[left[to] <= 1e-7]

        return np.arange, reached

    return _run(names, matrix, seeds, runs, begin)


def _tries(matrix: sparse.csr_array, luck: np.random.Generator) -> Step:
    """Return the two functions of the independent cascade: which ties are tried, and which are passed."""
    chances = matrix.data
    top = chances.max(initial=0.0)
    of_top = (chances / top).astype(np.float32) if (chances < top).any() else None

    def tried(ties: int) -> np.ndarray:
        return np.flatnonzero(luck.random(ties, np.float32) < top)

    def reached(at: np.ndarray, to: np.ndarray, _: np.ndarray) -> np.ndarray:
        return to if of_top is None else to[luck.random(len(at), np.float32) < of_top[at]]

    return tried, reached


def _matrix(
    edges: Any, value: Any, name: str, source: str, target: str, directed: bool | None
) -> tuple[pd.Index, sparse.csr_array]:
    """Return the nodes, and who can reach whom, with the chance or weight of it; edges of 0 left out."""
    column = value if isinstance(value, str) else None
    if isinstance(edges, nx.Graph):
        if directed is not None and flag(directed, "directed") != edges.is_directed():
            held = "a directed" if edges.is_directed() else "an undirected"
            way = "to_undirected()" if edges.is_directed() else "to_directed()"
            raise ValueError(
                f"directed={directed}, and this is {held} graph. If you mean that, give graph.{way}."
            )
        names, directed = pd.Index(list(edges), tupleize_cols=False), edges.is_directed()
        rows = edges.edges(data=column, default=np.nan) if column else edges.edges(data=False)
        table = pd.DataFrame(list(rows), columns=["source", "target", *([column] if column else [])])
        source, target = "source", "target"
    else:
        table = as_pandas(edges)
        require_columns(table.columns, [source, target, *([column] if column else [])])
        if directed is None:
            raise ValueError(
                "A table does not tell whether news passes both ways: say directed=False if it does, "
                f"directed=True if only from {source!r} to {target!r}."
            )
        flag(directed, "directed")
        refuse(
            table, table[[source, target]].isna().any(axis=1).to_numpy(), f"no {source!r} or no {target!r}"
        )
        ends = pd.concat([table[source], table[target]])
        told_apart(ends, "The node")
        names = pd.Index(pd.unique(ends), tupleize_cols=False)
    if not len(names):
        raise ValueError("There is not a single node.")
    one, other = names.get_indexer(table[source]), names.get_indexer(table[target])
    refuse(table, one == other, "an edge from a node to itself")
    pair = (
        one * len(names) + other if directed else np.minimum(one, other) * len(names) + np.maximum(one, other)
    )
    refuse(table, pd.Series(pair).duplicated().to_numpy(), "an edge that was there before")
    if column is None:
        values = np.full(len(table), number(value, name, "from 0 to 1, or a column", 0, 1))
    else:
        values = quantities(table, column).to_numpy() if len(table) else np.zeros(0)
        refuse(table, ~((values >= 0) & (values <= 1)), f"a {column!r} that is not from 0 to 1")
    if not directed:
        one, other, values = np.append(one, other), np.append(other, one), np.append(values, values)
    some = values > 0
    size = (len(names), len(names))
    return names, sparse.csr_array((values[some], (one[some], other[some])), shape=size)


def _run(
    names: pd.Index,
    matrix: sparse.csr_array,
    seeds: Iterable[Hashable],
    runs: int,
    begin: Callable[[int], Step],
) -> Reach:
    """Let news pass from seeds in many runs side by side; state run · nodes + node is one node in one run.

    `begin` is given the number of states, and returns two functions: which of so many ties are tried, and
    which states are reached over them.
    """
    whole_number(runs, "runs", least=2)
    listed = isinstance(seeds, Iterable) and not isinstance(seeds, str)
    wanted, nodes = list(seeds) if listed else [], len(names)
    if not (listed and all(isinstance(one, Hashable) for one in wanted)):
        raise ValueError(f"seeds are the nodes at which it starts, as a list; got {seeds!r}.")
    if len(wanted) > nodes:
        raise ValueError(f"{len(wanted)} seeds are more than the {nodes} nodes.")
    place = names.get_indexer(pd.Index(wanted, tupleize_cols=False)) if wanted else np.zeros(0, int)
    if not wanted or (place < 0).any() or len(np.unique(place)) < len(place):
        unknown = [one for one, at in zip(wanted, place, strict=True) if at < 0]
        why = (
            f"{unknown[0]!r} is none" if unknown else "one stands there twice" if wanted else "there is none"
        )
        raise ValueError(f"seeds are nodes of this network, each once: {why}. A node is {names[0]!r}.")
    sizes, reached = np.zeros(runs, int), np.zeros(nodes, int)
    batch = max(1, AT_ONCE // nodes)
    for first in range(0, runs, batch):
        count = min(batch, runs - first)
        active, last = np.zeros(count * nodes, bool), np.zeros(count * nodes, np.int32)
        new = (np.arange(count)[:, None] * nodes + np.sort(place)).ravel()
        for _ in _steps(matrix, new, active, last, *begin(len(active))):
            pass
        table = active.reshape(count, nodes)
        sizes[first : first + count] = table.sum(axis=1)
        reached += table.sum(axis=0)
    return Reach(sizes, pd.Series(reached / runs, names, name="share"))


def _steps(
    matrix: sparse.csr_array,
    new: np.ndarray,
    active: np.ndarray,
    last: np.ndarray,
    tried: Callable[[int], np.ndarray],
    over: Callable[..., np.ndarray],
) -> Iterator[np.ndarray]:
    """Pass news on until nobody new is reached, and yield who is new in each step; `active` is filled."""
    start, to_whom, nodes = matrix.indptr, matrix.indices, matrix.shape[0]
    active[new] = True
    while len(new):
        yield new
        node = new % nodes
        ties = start[node + 1] - start[node]
        whose = np.repeat(np.arange(len(new)), ties)  # for each tie of the new ones, which of them
        pick = tried(len(whose))
        whose = whose[pick]
        at = pick + (start[node] - np.cumsum(ties) + ties)[whose]
        met = over(at, (new - node)[whose] + to_whom[at], active)
        met = met[~active[met]]
        turn = np.arange(len(met), dtype=np.int32)
        last[met] = turn
        new = met[last[met] == turn]  # each once: sorting would take longer than all the rest
        active[new] = True
