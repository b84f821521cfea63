"""Who hangs together, and what breaks when one goes."""

from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
from scipy import sparse

from crmlab._arguments import number
from crmlab._tables import as_pandas, refuse, require_columns, whole_number
from crmlab.network.graph import Network, network, quantities
from crmlab.network.positions import LARGE, as_networkit, fast


def communities(
    graph: nx.Graph, strength: str | None = None, resolution: float = 1, draws: int = 20, rng: Any = 0
) -> pd.DataFrame:
    """Return communities that do not hang on the order in which the actors came.

    Parameters
    ----------
    graph : networkx graph
        Taken as undirected.
    strength : str, optional
        Attribute of the edges by which a tie counts; without it each counts 1.
    resolution : float
        Above 1 for smaller communities, below 1 for larger ones.
    draws : int
        How often the Louvain method is run, each time with the actors in another order.
    rng : int or numpy.random.Generator

    Returns
    -------
    DataFrame
        Index ``actor``; columns ``community`` (1 for the largest) and ``together``: in what share of the runs
        the actor was with its neighbours of this community (1: always; missing without one).

    Raises
    ------
    ValueError
        As :func:`crmlab.network.centralities`, or if `resolution` is not above 0.

    Notes
    -----
    One run of Louvain hangs on the order of the actors, also with a seed. Here the run of highest modularity
    counts, of many that each took the actors in another order. Every network is cut into communities, one
    without any structure as well: look at ``together``, and compare :func:`modularity` with that of a network
    in which the ties were dealt anew. From 5,000 actors on networkit is used where it is installed.

    References
    ----------
    Blondel, V. D., Guillaume, J.-L., Lambiotte, R. & Lefebvre, E. (2008). Fast unfolding of communities in
    large networks. Journal of Statistical Mechanics, P10008.
    https://doi.org/10.1088/1742-5468/2008/10/P10008

    Examples
    --------
    >>> graph = nx.Graph([("a", "b"), ("b", "c"), ("a", "c"), ("c", "d"), ("d", "e"), ("e", "f"), ("d", "f")])
    >>> communities(graph)["community"].to_dict()
    {'a': 1, 'b': 1, 'c': 1, 'd': 2, 'e': 2, 'f': 2}
    """
    held, luck = network(graph, strength), np.random.default_rng(rng)
    whole_number(draws, "draws", least=1)
    number(resolution, "resolution", "a number above 0", low=1e-12)
    n, upper = len(held.names), sparse.triu(held.matrix, format="coo")
    together, best = np.zeros(upper.nnz), (-np.inf, np.zeros(n, int))
    run = _networkit_run if n > LARGE and fast() else _networkx_run
    for _ in range(draws):
        order = luck.permutation(n)
        label = np.empty(n, int)
        turned = Network(list(range(n)), held.matrix[order][:, order].tocsr())
        label[order] = run(turned, resolution, int(luck.integers(2**31)))
        together += label[upper.row] == label[upper.col]
        # rounded, so that two ways to the same cut are equal, and the first of them stays
        if (found := round(_modularity(held, label, resolution), 12)) > best[0]:
            best = found, label
    label = pd.factorize(best[1])[0]  # by the smallest id
    rank = np.empty(label.max() + 1, int)
    rank[np.argsort(-np.bincount(label), kind="stable")] = np.arange(label.max() + 1) + 1
    inside = label[upper.row] == label[upper.col]
    ends, share = np.append(upper.row[inside], upper.col[inside]), np.tile(together[inside] / draws, 2)
    with np.errstate(invalid="ignore"):
        steady = np.bincount(ends, share, n) / np.bincount(ends, minlength=n)
    return pd.DataFrame({"community": rank[label], "together": steady}, index=held.index)


def _modularity(held: Network, code: np.ndarray, resolution: float = 1) -> float:
    edge = held.matrix.tocoo()
    total = edge.data.sum()
    if not total:
        return 0.0
    within = edge.data[code[edge.row] == code[edge.col]].sum() / total
    return float(within - resolution * ((np.bincount(code[edge.row], edge.data) / total) ** 2).sum())


def _networkx_run(held: Network, resolution: float, seed: int) -> np.ndarray:
    made = nx.Graph()
    made.add_nodes_from(held.names)
    upper = sparse.triu(held.matrix, format="coo")
    made.add_weighted_edges_from(
        zip(upper.row.tolist(), upper.col.tolist(), upper.data.tolist(), strict=True)
    )
    found = nx.community.louvain_communities(made, resolution=resolution, seed=seed)
    label = np.empty(len(held.names), int)
    for number_, members in enumerate(found):
        label[list(members)] = number_
    return label


def _networkit_run(held: Network, resolution: float, seed: int) -> np.ndarray:
    kit, made = fast(), as_networkit(held, weighted=True)
    kit.setSeed(seed, False)
    return np.asarray(kit.community.PLM(made, gamma=resolution).run().getPartition().getVector())


def modularity(graph: nx.Graph, community: Any, strength: str | None = None) -> float:
    """Return by how much the share of ties within communities exceeds that expected of the actors' ties.

    Parameters
    ----------
    graph : networkx graph
        Taken as undirected.
    community : Series or mapping
        The community of each actor, as the column of :func:`communities`.
    strength : str, optional
        Attribute of the edges by which a tie counts.

    Returns
    -------
    float
        Below 1; 0 if everybody is in one community.

    Raises
    ------
    ValueError
        As :func:`communities`, or if an actor has no community, or there is no tie.

    References
    ----------
    Newman, M. E. J. & Girvan, M. (2004). Finding and evaluating community structure in networks. Physical
    Review E 69, 026113. https://doi.org/10.1103/PhysRevE.69.026113

    Examples
    --------
    >>> modularity(nx.Graph([("a", "b"), ("c", "d")]), {"a": 1, "b": 1, "c": 2, "d": 2})
    0.5
    """
    held = network(graph, strength)
    label = pd.Series(community).reindex(held.names)
    if label.isna().any():
        raise ValueError(
            f"{label.isna().sum()} actors have no community; the first is {label.isna().idxmax()!r}."
        )
    if not held.matrix.nnz:
        raise ValueError("There is not a single tie, so there is no modularity.")
    return _modularity(held, pd.factorize(label)[0])


def removal(graph: nx.Graph, strength: str | None = None) -> pd.DataFrame:
    """Return what each actor's leaving does to the network: who is cut off, and what no longer passes.

    Parameters
    ----------
    graph : networkx graph
        Taken as undirected.
    strength : str, optional
        Attribute of the edges: what passes.

    Returns
    -------
    DataFrame
        Index ``actor``; columns ``lost_share`` (of all that passes, what passes through ties of this actor),
        ``cut_off`` (others who could reach the largest part that is left, and cannot any more) and ``parts``
        (into which the rest of its part of the network falls).

    Raises
    ------
    ValueError
        As :func:`crmlab.network.centralities`.

    Examples
    --------
    >>> removal(nx.Graph([("us", "garden"), ("us", "shop"), ("shop", "guest")])).round(2)
            lost_share  cut_off  parts
    actor
    garden        0.33        0      1
    guest         0.33        0      1
    shop          0.67        1      2
    us            0.67        1      2
    """
    held = network(graph, strength)
    n, matrix = len(held.names), held.matrix
    total = matrix.sum() / 2
    lost = np.asarray(matrix.sum(axis=1)).ravel() / total if total else np.zeros(n)
    plain = nx.from_scipy_sparse_array(matrix)
    parts, cut = np.where(np.diff(matrix.indptr) > 0, 1, 0), np.zeros(n, int)
    # only who is an articulation point leaves the rest in pieces
    _, part = sparse.csgraph.connected_components(matrix, directed=False)
    for one in nx.articulation_points(plain):
        rest = np.flatnonzero((part == part[one]) & (np.arange(n) != one))
        count, label = sparse.csgraph.connected_components(matrix[rest][:, rest], directed=False)
        parts[one], cut[one] = count, len(rest) - np.bincount(label).max()
    return pd.DataFrame({"lost_share": lost, "cut_off": cut, "parts": parts}, index=held.index)


def dependence(
    needs: Any, item: str = "product_id", source: str = "supplier_id", worth: str | None = None
) -> pd.DataFrame:
    """Return what hangs on each source: which items come from it, and which from nobody else.

    Parameters
    ----------
    needs : table
        One row per item and source that it can be had from, of any engine: products and suppliers, accounts
        and contacts, orders and distributors.
    item, source : str
        Columns.
    worth : str, optional
        Column with what the item is worth, at least 0 and the same in each row of an item; 1 if not given.

    Returns
    -------
    DataFrame
        Index: the source, the largest at risk first. Columns ``items``, ``only_here`` (items with no other
        source), ``worth`` (of its items), ``at_risk`` (of those only here: what breaks if it goes and
        nothing takes the place of what is lost) and ``share`` (of the worth of all items). The sum of the
        squared shares tells how concentrated the risk is.

    Raises
    ------
    ValueError
        If a column is not there, an item or a source is missing, a worth is missing, negative or differs
        between the rows of an item, or there is no row.

    Examples
    --------
    >>> needs = pd.DataFrame({
    ...     "product_id": ["green", "green", "black"],
    ...     "supplier_id": ["hill", "lake", "lake"],
    ...     "margin": [60, 60, 40],
    ... })
    >>> dependence(needs, worth="margin")
                 items  only_here  worth  at_risk  share
    supplier_id
    lake             2          1  100.0     40.0    0.4
    hill             1          0   60.0      0.0    0.0
    """
    needs = as_pandas(needs)
    require_columns(needs.columns, [item, source])
    refuse(needs, needs[[item, source]].isna().any(axis=1).to_numpy(), f"no {item!r} or no {source!r}")
    if needs.empty:
        raise ValueError("There is not a single item.")
    rows = needs[[item, source]].assign(worth=1.0 if worth is None else quantities(needs, worth, least=0))
    rows = rows.drop_duplicates()
    refuse(rows, rows.duplicated([item, source]).to_numpy(), "another worth than an earlier row of the item")
    by_item = rows.groupby(item, observed=True)["worth"]
    differs = by_item.transform("max") > by_item.transform("min")
    refuse(rows, differs.to_numpy(), "another worth than other rows of the item")
    total = by_item.first().sum()
    rows["only"] = by_item.transform("size") == 1
    rows["risk"] = rows["worth"].where(rows["only"], 0.0)
    found = rows.groupby(source, observed=True).agg(
        items=("worth", "size"), only_here=("only", "sum"), worth=("worth", "sum"), at_risk=("risk", "sum")
    )
    found["share"] = found["at_risk"] / total if total else np.nan
    return found.sort_values("at_risk", ascending=False, kind="stable")
