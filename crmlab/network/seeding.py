"""Seeding: whom to tell first, so that as many as possible are reached in the end."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from crmlab._arguments import generator, number
from crmlab._tables import whole_number
from crmlab.network.cascades import _matrix, _steps, _tries

HELD = 2_000_000  # nodes times runs that are held at a time
FIRST, MOST = 500, 22  # runs in the first round, and how many rounds of twice as many there are at most
LARGEST = 5_000_000  # nodes in all sets: no further round after so many
WRONG = 0.01  # the chance that the guarantee does not hold


@dataclass(frozen=True)
class Seeds:
    """Whom to tell first, and how many are reached.

    Attributes
    ----------
    table : DataFrame
        A row for each seed, in the order in which it was chosen: ``seed``; ``gain``, how many more are
        reached because of it; ``reach``, how many with all seeds so far. The counts come from runs in which
        nobody was chosen, so they do not flatter.
    guarantee : float
        These seeds reach at least this share of what the best seeds would, sure in 99 of 100 cases.
    runs : int
        From so many nodes the news was followed back.
    """

    table: pd.DataFrame
    guarantee: float
    runs: int

    def __iter__(self) -> Any:
        """Go through the seeds, so that they can be given to :func:`cascade` as they are."""
        return iter(self.table["seed"])

    def __repr__(self) -> str:
        reach = f"reach {self.table['reach'].iloc[-1]:.4g}, at least {self.guarantee:.2f} of the best"
        return f"<{len(self.table)} seeds: {reach}; {self.runs:,} runs>"


def seeds(
    edges: Any,
    count: int,
    probability: Any,
    rng: Any = 0,
    *,
    least: float = 0.65,
    source: str = "source",
    target: str = "target",
    directed: bool | None = None,
) -> Seeds:
    """Choose seeds of an independent cascade one by one, each the one that adds most to those before.

    News is followed *back* from nodes drawn by lot: who could have told it? Whoever stands in most of these
    sets is told first; then those sets are put aside. Sets are drawn until the guarantee is good enough.

    Parameters
    ----------
    edges : networkx graph or table
        As of :func:`cascade`.
    count : int
        How many seeds, at most as many as there are nodes.
    probability : float or str
        As of :func:`cascade`.
    rng : int or Generator
    least : float, from 0.1 to 0.95
        Sets are drawn until the guarantee is so good, or until they fill the memory set aside; what was got
        stands in the result. Choosing one by one by the exact reach promises 1 − 1/e (.632) on any network,
        and mostly gets more.
    source, target : str
        Columns of the table.
    directed : bool, optional
        As of :func:`cascade`.

    Returns
    -------
    Seeds
        With ``table`` (``seed``, ``gain``, ``reach``), ``guarantee`` and ``runs``.

    Raises
    ------
    ValueError
        More seeds than nodes; and as of :func:`cascade`.

    References
    ----------
    Borgs, C., Brautbar, M., Chayes, J. & Lucier, B. (2014). Maximizing social influence in nearly optimal
    time. SODA '14, 946–957. https://doi.org/10.1137/1.9781611973402.70. Tang, J., Tang, X., Xiao, X. & Yuan,
    J. (2018). Online processing algorithms for influence maximization. SIGMOD '18, 991–1005.
    https://doi.org/10.1145/3183713.3183749 (the guarantee). Nemhauser, G. L., Wolsey, L. A. & Fisher, M. L.
    (1978). An analysis of approximations for maximizing submodular set functions. Mathematical Programming
    14, 265–294. https://doi.org/10.1007/BF01588971 (1 − 1/e).

    Examples
    --------
    Two stars; their middles are told first, the larger before the smaller:

    >>> stars = pd.DataFrame({"source": [*"aaaab", "b"], "target": [*"cdefgh"]})
    >>> list(seeds(stars, 2, 0.5, directed=False))
    ['a', 'b']
    """
    names, matrix = _matrix(edges, probability, "probability", source, target, directed)
    whole_number(count, "count", least=1)
    if count > len(names):
        raise ValueError(f"{count} seeds are more than the {len(names)} nodes.")
    number(least, "least", "the guarantee wanted, from 0.1 to 0.95", 0.1, 0.95)
    back, luck, doubt = matrix.T.tocsr(), generator(rng), np.log(3 * MOST / WRONG)
    chosen_in, judged_in = _followed(back, FIRST, luck), _followed(back, FIRST, luck)
    for _ in range(MOST):
        chosen, bound = _greedy(chosen_in, count)
        runs = judged_in.shape[0]
        hits = _first_hits(judged_in, chosen)
        reach = np.cumsum(hits) * len(names) / runs
        low = (np.sqrt(hits.sum() + 2 * doubt / 9) - np.sqrt(doubt / 2)) ** 2 - doubt / 18
        high = (np.sqrt(bound + doubt / 2) + np.sqrt(doubt / 2)) ** 2
        guarantee = max(low * len(names) / runs, count) / min(high * len(names) / runs, len(names))
        if guarantee >= least or max(chosen_in.nnz, judged_in.nnz) > LARGEST:
            break
        chosen_in = sparse.vstack([chosen_in, _followed(back, runs, luck)], format="csr")
        judged_in = sparse.vstack([judged_in, _followed(back, runs, luck)], format="csr")
    gain = np.diff(reach, prepend=0)
    table = pd.DataFrame({"seed": names[chosen], "gain": gain, "reach": reach})
    return Seeds(table, float(guarantee), runs)


def _followed(back: sparse.csr_array, runs: int, luck: np.random.Generator) -> sparse.csr_array:
    """Return for each run, a row, from which nodes news would have come to one drawn by lot."""
    nodes, tries = back.shape[0], _tries(back, luck)
    batch = max(1, HELD // nodes)
    states = nodes * min(batch, runs)
    active, last, found = np.zeros(states, bool), np.zeros(states, np.int32), []
    # each node in its turn, in mixed order: drawn anew each time, chance would count for more
    turns = np.concatenate([luck.permutation(nodes) for _ in range(-(-runs // nodes))])
    for first in range(0, runs, batch):
        size = min(batch, runs - first)
        roots = np.arange(size) * nodes + turns[first : first + size]
        met = np.concatenate(list(_steps(back, roots, active, last, *tries)))
        active[met] = False
        found.append(met + first * nodes)
    run, node = np.divmod(np.concatenate(found), nodes)
    return sparse.csr_array((np.ones(len(run), np.int8), (run, node)), shape=(runs, nodes))


def _greedy(sets: sparse.csr_array, count: int) -> tuple[np.ndarray, float]:
    """Return the nodes that cover most sets, one by one, and a bound on what the best `count` can cover."""
    columns, covered = sets.tocsc(), np.zeros(sets.shape[0], bool)
    left = np.bincount(sets.indices, minlength=sets.shape[1])
    chosen, bound = np.zeros(count, int), np.inf
    for step in range(count + 1):
        # whatever the best ones are, each adds at most what it adds now
        most = np.partition(left, len(left) - count)[len(left) - count :]
        bound = min(bound, covered.sum() + most.clip(0).sum())
        if step == count:
            break
        chosen[step] = best = np.argmax(left)
        own = columns.indices[columns.indptr[best] : columns.indptr[best + 1]]
        new = own[~covered[own]]
        covered[new] = True
        left = left - np.bincount(sets[new].indices, minlength=len(left))
        left[best] = -1
    return chosen, float(bound)


def _first_hits(sets: sparse.csr_array, chosen: np.ndarray) -> np.ndarray:
    """Return for each chosen node in how many sets it stands and none before it does."""
    columns, covered, hits = sets.tocsc(), np.zeros(sets.shape[0], bool), np.zeros(len(chosen))
    for step, node in enumerate(chosen):
        own = columns.indices[columns.indptr[node] : columns.indptr[node + 1]]
        hits[step] = (~covered[own]).sum()
        covered[own] = True
    return hits
