"""Who stands where: centralities by their question, brokers and structural holes, groups by shuffling."""

from collections.abc import Callable, Iterable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
from scipy import sparse

from crmlab._columns import aligned
from crmlab._tables import look_up, numbers, whole_number
from crmlab.network.graph import Network, network, ties

LARGE = 5_000  # actors from which on exact ways through everybody take minutes in networkx
QUESTIONS = {
    "degree": "With how many does it deal?",
    "strength": "How much passes between it and them?",
    "closeness": "How near is it to everybody?",
    "betweenness": "How often does the shortest way between two others lead through it?",
    "pagerank": "How often would one come by who follows ties at random?",
}


def fast() -> Any:
    """Return networkit, or None where it is not installed: the way to networks of 100,000.

    Examples
    --------
    >>> fast() is None or fast().__name__ == "networkit"
    True
    """
    return import_module("networkit") if find_spec("networkit") else None


def as_networkit(held: Network, weighted: bool = False) -> Any:
    """Return the arrays as a networkit graph, whose seed and single thread make its results repeat."""
    kit = fast()
    kit.setNumberOfThreads(1)
    upper = sparse.triu(held.matrix, format="coo")
    coo = (upper.data.astype(float), (upper.row.astype("u8"), upper.col.astype("u8")))
    return kit.GraphFromCoo(coo, n=len(held.names), weighted=weighted, directed=False)


def centralities(
    graph: nx.Graph,
    strength: str | None = None,
    measures: Iterable[str] | None = None,
    pivots: int | None = None,
    rng: Any = 0,
) -> pd.DataFrame:
    """Return who is central, one column for each question that one may ask.

    Parameters
    ----------
    graph : networkx graph
        Taken as undirected; edges between the same two are one tie.
    strength : str, optional
        Attribute of the edges. What is strong is near: ways are measured by 1 / strength. Without it each
        tie counts 1, which is what most published figures mean.
    measures : iterable of str, optional
        Among "degree", "strength", "closeness", "betweenness" and "pagerank"; all, if none are named. What
        each asks stands in ``QUESTIONS``.
    pivots : int, optional
        Estimate closeness and betweenness from so many actors drawn by lot. Without it they are exact.
    rng : int or numpy.random.Generator

    Returns
    -------
    DataFrame
        Index ``actor``, in ascending order. ``degree`` is a count, ``strength`` a sum; ``closeness`` (0 to 1
        without strengths) and ``betweenness`` (0 to 1) are normalised as in networkx.

    Raises
    ------
    ValueError
        If there is no actor, an actor is related to itself, a measure is unknown, a strength is missing or
        not above 0, or the network is too large for exact ways and networkit is not installed.

    Notes
    -----
    Where not everybody can be reached, the closeness of an actor is that among those it reaches, times the
    share of the others that these are (Wasserman & Faust 1994); an actor without ties has 0.

    References
    ----------
    Freeman, L. C. (1978). Centrality in social networks: conceptual clarification. Social Networks 1(3),
    215–239. https://doi.org/10.1016/0378-8733(78)90021-7

    Examples
    --------
    >>> star = nx.Graph([("us", "garden"), ("us", "shop"), ("us", "office")])
    >>> centralities(star, measures=["degree", "closeness", "betweenness"]).round(2)
            degree  closeness  betweenness
    actor
    garden       1        0.6          0.0
    office       1        0.6          0.0
    shop         1        0.6          0.0
    us           3        1.0          1.0
    """
    wanted = [look_up("measure", one, dict.fromkeys(QUESTIONS, one)) for one in measures or QUESTIONS]
    held, luck = network(graph, strength), np.random.default_rng(rng)
    n = len(held.names)
    drawn = None
    if pivots is not None:
        whole_number(pivots, "pivots", least=1)
        drawn = np.sort(luck.choice(n, min(pivots, n), replace=False))

    simple = ties(graph, strength) if {"betweenness", "pagerank"} & set(wanted) else graph

    def listed(by_name: dict[Any, float]) -> np.ndarray:
        return np.array([by_name[name] for name in held.names])

    def betweenness() -> np.ndarray:
        if n > LARGE and strength is None and fast():
            return _fast_betweenness(held, pivots, luck)
        if n > LARGE and pivots is None:
            raise ValueError(
                f"Betweenness of {n:,} actors, exactly, takes hours in networkx. Give pivots=200 for an "
                "estimate, or install networkit: pip install 'crmlab[fast]'."
            )
        few, seed = None if drawn is None else len(drawn), int(luck.integers(2**31))
        far = "distance" if strength else None
        return listed(nx.betweenness_centrality(simple, k=few, seed=seed, weight=far))

    ways: dict[str, Callable[[], np.ndarray]] = {
        "degree": lambda: np.diff(held.matrix.indptr),
        "strength": lambda: np.asarray(held.matrix.sum(axis=1)).ravel(),
        "closeness": lambda: _closeness(held, strength is not None, drawn),
        "betweenness": betweenness,
        "pagerank": lambda: listed(nx.pagerank(simple, weight="strength", max_iter=1000, tol=1e-10)),
    }
    return pd.DataFrame({name: ways[name]() for name in wanted}, index=held.index)


def _closeness(held: Network, weighted: bool, drawn: np.ndarray | None) -> np.ndarray:
    """Return Wasserman and Faust's closeness, by ways from everybody or from those drawn."""
    n = len(held.names)
    length = held.matrix.copy()
    length.data = 1 / length.data
    sources = np.arange(n) if drawn is None else drawn
    far, reached = np.zeros((2, n))
    for part in np.array_split(sources, max(1, len(sources) * n // 5_000_000)):
        # from the few to everybody, which is the same as back
        way = sparse.csgraph.dijkstra(length, indices=part, unweighted=not weighted)
        there = np.isfinite(way)
        far += np.where(there, way, 0).sum(axis=0)
        reached += there.sum(axis=0)
    # those drawn stand for everybody; oneself is no other
    others = np.maximum(reached - np.isin(np.arange(n), sources), 0)
    scale = (n - 1) / np.maximum(len(sources) - np.isin(np.arange(n), sources), 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        close = np.where(far > 0, others / far * others * scale / max(n - 1, 1), 0)
    return close


def _fast_betweenness(held: Network, pivots: int | None, luck: np.random.Generator) -> np.ndarray:
    kit, made = fast(), as_networkit(held)
    kit.setSeed(int(luck.integers(2**31)), False)
    few = pivots is not None and pivots < len(held.names)
    way = kit.centrality.EstimateBetweenness(made, pivots, True) if few else None
    way = way or kit.centrality.Betweenness(made, normalized=True)
    return np.asarray(way.run().scores())


def group_difference(
    values: Any, groups: Any, draws: int = 1000, alpha: float = 0.05, rng: Any = 0
) -> pd.DataFrame:
    """Return the mean of each group, and what it would be if the groups were dealt anew among the actors.

    Parameters
    ----------
    values : sequence of float, one per actor
        Such as a column of :func:`centralities`.
    groups : sequence, one per actor
        Series and mappings meet `values` by their labels.
    draws : int
        How often the groups are dealt: all at once, on arrays.
    alpha : float
        One minus the share of the deals that ``low`` and ``high`` enclose.
    rng : int or numpy.random.Generator

    Returns
    -------
    DataFrame
        Index ``group``; columns ``actors``, ``mean``, ``low``, ``high`` and ``p_value`` (how often a deal is
        at least as far from the mean of all).

    Raises
    ------
    ValueError
        Lengths or labels that differ, a number or a group that is missing.

    Notes
    -----
    Centralities of one network hang together, so tests that take them as independent are too sure; dealing
    the labels keeps the network as it is. With many groups some p-values are small by luck.

    Examples
    --------
    >>> group_difference([5, 4, 1, 1, 0, 1], list("ggoooo"))[["actors", "mean"]]
           actors  mean
    group
    g           2  4.50
    o           4  0.75
    """
    number, luck = numbers(values, "values"), np.random.default_rng(rng)
    whole_number(draws, "draws", least=1)
    labels = pd.Series(aligned(groups, "groups", number.index)).reset_index(drop=True)
    if len(labels) != len(number) or labels.isna().any():
        raise ValueError(f"groups need one label for each of the {len(number)} values, and none missing.")
    code, names = pd.factorize(labels, sort=True)
    place, size = np.argsort(code, kind="stable"), np.bincount(code)
    held, start = number.to_numpy()[place], np.append(0, np.cumsum(size)[:-1])
    measured, parts = np.add.reduceat(held, start) / size, []
    for count in np.diff(np.append(np.arange(0, draws, 100), draws)):
        dealt = luck.permuted(np.broadcast_to(held, (count, len(held))), axis=1)
        parts.append(np.add.reduceat(dealt, start, axis=1) / size)
    deals, middle = np.concatenate(parts), held.mean()
    low, high = np.quantile(deals, [alpha / 2, 1 - alpha / 2], axis=0)
    as_far = np.abs(deals - middle) >= np.abs(measured - middle) * (1 - 1e-12)
    columns = {"actors": size, "mean": measured, "low": low, "high": high}
    p_value = (as_far.sum(axis=0) + 1) / (draws + 1)
    return pd.DataFrame({**columns, "p_value": p_value}, index=pd.Index(names, name="group"))


def _kinds(graph: nx.Graph, kind: str, held: Network) -> np.ndarray:
    kinds = pd.Series([graph.nodes[name].get(kind) for name in held.names])
    if kinds.isna().any():
        name = held.names[int(kinds.isna().argmax())]
        raise ValueError(f"{kinds.isna().sum()} actors have no {kind!r}; the first is {name!r}.")
    return np.asarray(pd.factorize(kinds, sort=True)[0])


def brokerage(graph: nx.Graph, kind: str | None = None, strength: str | None = None) -> pd.DataFrame:
    """Return who stands between others that are not in touch: structural holes and brokers' roles.

    Parameters
    ----------
    graph : networkx graph
        Structural holes are those of the undirected graph. Roles follow the direction of the edges; in an
        undirected graph each tie goes both ways.
    kind : str, optional
        Attribute of the actors; with it the five roles of Gould and Fernandez are counted.
    strength : str, optional
        Attribute of the edges, for constraint and effective size.

    Returns
    -------
    DataFrame
        Index ``actor``; columns ``degree``, ``effective_size`` (of one's contacts, less what they duplicate)
        and ``constraint`` (how far one hangs on contacts that hang together; missing without ties). With
        `kind` also ``coordinator`` (a → b → c, all of one kind, and no a → c), ``gatekeeper`` (from outside
        to one's kind), ``representative`` (from one's kind outwards), ``consultant`` (between two of one
        other kind) and ``liaison`` (three kinds): counts of such triples.

    Raises
    ------
    ValueError
        As :func:`centralities`, or if an actor has no kind.

    References
    ----------
    Burt, R. S. (1992). Structural Holes. Harvard University Press.
    Gould, R. V. & Fernandez, R. M. (1989). Structures of mediation. Sociological Methodology 19, 89–126.
    https://doi.org/10.2307/270949

    Examples
    --------
    >>> star = nx.Graph([("us", "garden"), ("us", "shop"), ("us", "office")])
    >>> brokerage(star).loc[["garden", "us"]].round(2)
            degree  effective_size  constraint
    actor
    garden       1             1.0        1.00
    us           3             3.0        0.33
    """
    held = network(graph, strength)
    matrix, degree = held.matrix, np.diff(held.matrix.indptr)
    total = np.asarray(matrix.sum(axis=1)).ravel()

    def rows(scale: np.ndarray) -> sparse.dia_array:
        factor = np.divide(1, scale, out=np.zeros(len(scale)), where=scale > 0)
        return sparse.dia_array((factor[None], [0]), shape=(len(scale), len(scale)))

    share = (rows(total) @ matrix).tocsr()
    largest = matrix.max(axis=1).toarray().ravel() if matrix.nnz else total
    marginal, there = (rows(largest) @ matrix).tocsr(), matrix.sign()
    # of each contact: what one invests in it directly and by way of the others
    invested = share + (share @ share).multiply(there)
    constraint = np.where(degree > 0, np.asarray(invested.multiply(invested).sum(axis=1)).ravel(), np.nan)
    duplicated = np.asarray((share @ marginal.T).multiply(there).sum(axis=1)).ravel()
    table = pd.DataFrame(
        {"degree": degree, "effective_size": degree - duplicated, "constraint": constraint}, index=held.index
    )
    return table if kind is None else table.assign(**_roles(graph, kind, held))


def _roles(graph: nx.Graph, kind: str, held: Network) -> dict[str, np.ndarray]:
    """Count the open triples a → b → c that have each actor b in the middle, by the kinds of a and c."""
    way = network(graph, directed=graph.is_directed()).matrix
    code = _kinds(graph, kind, held)
    edge = way.tocoo()
    alike = code[edge.row] == code[edge.col]
    same, other = (
        sparse.coo_array((edge.data[kept], (edge.row[kept], edge.col[kept])), way.shape).tocsr()
        for kept in (alike, ~alike)
    )
    kinds = sparse.coo_array((np.ones(len(code)), (np.arange(len(code)), code))).tocsr()

    def sums(matrix: Any, axis: int) -> np.ndarray:
        return np.asarray(matrix.sum(axis=axis)).ravel()

    def closed(first: Any, second: Any, direct: Any) -> np.ndarray:
        return sums(second.multiply(first.T @ direct), 1)

    back = sums(other.multiply(other.T), 1)  # a → b → a is no triple
    into, outof = other.T @ kinds, other @ kinds
    within = sums(into.multiply(outof), 1)
    counts = {
        "coordinator": sums(same, 0) * sums(same, 1)
        - sums(same.multiply(same.T), 1)
        - closed(same, same, same),
        "gatekeeper": sums(other, 0) * sums(same, 1) - closed(other, same, other),
        "representative": sums(same, 0) * sums(other, 1) - closed(same, other, other),
        "consultant": within - back - closed(other, other, same),
        "liaison": sums(other, 0) * sums(other, 1) - within - closed(other, other, other),
    }
    return {role: np.rint(count).astype(int) for role, count in counts.items()}
