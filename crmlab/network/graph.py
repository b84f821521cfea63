"""Who is who and what passes between them: a graph of stakeholders from two tidy tables."""

from collections.abc import Hashable, Iterable
from typing import Any, NamedTuple

import networkx as nx
import numpy as np
import pandas as pd
from scipy import sparse

from crmlab._tables import as_pandas, look_up, refuse, require_columns, unknown

Edges = tuple[np.ndarray, np.ndarray, np.ndarray]
WAYS = {"out": 1, "in": -1, "both": 0}
"""Directions of a relation: from its source to its target, the other way, both."""


def dates(table: pd.DataFrame, column: str) -> pd.Series:
    """Return a column of dates, or of texts such as "2025-06-30" (ISO 8601), as dates without a time zone.

    Numbers, texts that can be read in two ways, and moments in a time zone are refused.

    Examples
    --------
    >>> dates(pd.DataFrame({"left_on": ["2025-06-30"]}), "left_on").iloc[0]
    Timestamp('2025-06-30 00:00:00')
    """
    values = table[column]
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    kind, found = pd.api.types.infer_dtype(values), None
    try:
        if kind in ("datetime64", "datetime", "date", "string") or not len(values):
            found = pd.to_datetime(values, format="ISO8601" if kind == "string" else None)
    except (ValueError, TypeError):
        pass
    if found is None or found.dtype.kind != "M":
        first = f"the first is {values.iloc[0]!r}" if len(values) else "it is empty"
        raise ValueError(f"{column!r} holds days, such as '2025-06-30'; {first}.")
    if found.dt.tz is not None:
        raise ValueError(
            f"{column!r} has the time zone {found.dt.tz}: say which local day you mean, without it."
        )
    return found


def quantities(table: pd.DataFrame, column: str, least: float = -np.inf) -> pd.Series:
    """Return a column of numbers, none missing, infinite or below `least`, or raise ValueError.

    Examples
    --------
    >>> quantities(pd.DataFrame({"letters": [3, 0]}), "letters", least=0).tolist()
    [3.0, 0.0]
    """
    require_columns(table.columns, [column])
    kind = table[column].dtype
    if not pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_bool_dtype(kind) or kind.kind == "c":
        raise ValueError(f"{column} must hold numbers and holds {kind}. Convert it with pandas.to_numeric.")
    values = pd.Series(table[column].to_numpy(float, na_value=np.nan), table.index)
    refuse(table, ~np.isfinite(values.to_numpy()), f"a {column!r} that is missing or infinite")
    refuse(table, values.to_numpy() < least, f"a {column!r} below {least:g}")
    return values


def stakeholder_graph(
    actors: Any,
    relations: Any,
    *,
    actor: str = "actor_id",
    kind: str = "kind",
    source: str = "source",
    target: str = "target",
    relation: str = "kind",
    direction: str | None = None,
    strength: str | None = None,
    given: str | None = None,
    received: str | None = None,
    seen: str | None = None,
    dealt: tuple[str, str] | None = None,
    kinds: Iterable[str] | None = None,
) -> nx.MultiDiGraph:
    """Build a typed, directed, weighted multigraph of stakeholders from a table of each.

    Parameters
    ----------
    actors : table
        One row per actor, of any engine; its columns become attributes of the nodes.
    relations : table
        One row per contact, or per period of a relation. Rows of one kind between the same two, in the same
        direction, are one edge, and what they hold is added up.
    actor, kind : str
        Columns of `actors`: the id, and what the actor is (supplier, customer, …).
    source, target, relation : str
        Columns of `relations`: two ids, and the kind of relation. Without a column `relation` in the table
        all are of the kind "relation".
    direction : str, optional
        Column of `relations` that says "out" (from source to target), "in" (the other way) or "both". Without
        it every row goes from source to target.
    strength : str, optional
        Column to add up: letters, meetings, cents. At least 0; without it each row counts 1.
    given, received : str, optional
        Columns with what passing it costs the one that gives, and what it is worth to the one that gets it.
    seen : str, optional
        Column with the day of the contact. The rows may come in any order.
    dealt : (str, str), optional
        Columns of `actors` with the first and the last day of dealing with them (missing: not over).
    kinds : iterable of str, optional
        The kinds that an actor may be of; any, if they are not named.

    Returns
    -------
    networkx.MultiDiGraph
        Nodes in ascending order of id. An edge's key is the kind of relation, its attributes ``strength``,
        ``distance`` (1 / strength: what is strong is near), ``contacts`` (rows added up) and, where asked
        for, ``given``, ``received``, ``first_seen`` and ``last_seen``. What adds up to a strength of 0 is no
        edge; an actor without relations stays.

    Raises
    ------
    ValueError
        If a column is not there, an id is missing or there twice, a relation names an actor that is not in
        the table or leads from one to itself, a kind or a direction is unknown, a last day lies before the
        first, or a number is missing, infinite or (strength, given, received) below 0.

    Examples
    --------
    >>> actors = pd.DataFrame({"actor_id": ["us", "garden"], "kind": ["firm", "supplier"]})
    >>> letters = pd.DataFrame({"source": "us", "target": "garden", "way": ["out", "out", "in"]})
    >>> graph = stakeholder_graph(actors, letters, direction="way")
    >>> edges(graph)[["source", "target", "strength", "distance"]]
       source  target  strength  distance
    0  garden      us       1.0       1.0
    1      us  garden       2.0       0.5
    """
    actors, relations = as_pandas(actors), as_pandas(relations)
    require_columns(actors.columns, [actor, kind])
    refuse(actors, actors[[actor, kind]].isna().any(axis=1).to_numpy(), f"no {actor!r} or no {kind!r}")
    refuse(actors, actors[actor].duplicated().to_numpy(), f"an {actor!r} that was there before")
    if actors.empty:
        raise ValueError("There is not a single actor.")
    for one in actors[kind].unique() if kinds is not None else []:
        look_up("kind", one, dict.fromkeys(kinds or []))
    if dealt is not None:
        require_columns(actors.columns, dealt)
        first, last = (pd.to_datetime(actors[day]) for day in dealt)
        refuse(actors, (last < first).to_numpy(), f"a {dealt[1]!r} before their {dealt[0]!r}")
    rows = _rows(actors[actor], relations, (source, target), relation, direction)
    rows["strength"] = 1.0 if strength is None else quantities(relations, strength, least=0)
    sums = {"strength": "sum", "contacts": "sum"}
    for name, column in (("given", given), ("received", received)):
        if column is not None:
            rows[name], sums[name] = quantities(relations, column, least=0), "sum"
    if seen is not None:
        require_columns(relations.columns, [seen])
        days = pd.to_datetime(relations[seen])
        refuse(relations, days.isna().to_numpy(), f"no {seen!r}")
        rows["first_seen"] = rows["last_seen"] = days
        sums |= {"first_seen": "min", "last_seen": "max"}
    back = rows[rows["way"] == 0].rename(columns={"source": "target", "target": "source"})
    found = pd.concat([rows, back]).groupby(["source", "target", "key"], sort=True).agg(sums).reset_index()
    found = found[found["strength"] > 0].assign(distance=lambda table: 1 / table["strength"])
    graph = nx.MultiDiGraph()
    ordered = actors.set_index(actor, drop=False).rename(columns={kind: "kind"})
    for name in in_order(ordered.index):
        graph.add_node(name, **ordered.loc[name].drop(actor).to_dict())
    columns = [column for column in found if column not in ("source", "target", "key")]
    for one, other, key, *held in found[["source", "target", "key", *columns]].itertuples(index=False):
        graph.add_edge(one, other, key=key, **dict(zip(columns, held, strict=True)))
    return graph


def _rows(
    ids: pd.Series, relations: pd.DataFrame, ends: tuple[str, str], relation: str, direction: str | None
) -> pd.DataFrame:
    """Return source, target, key, way and contacts of each row, turned to go from source to target."""
    require_columns(relations.columns, [*ends, *([direction] if direction else [])])
    for end in ends:
        known = relations[end].isin(ids).to_numpy()
        if not known.all():
            row = int(np.argmin(known))
            name = relations[end].iloc[row]
            raise ValueError(
                f"{(~known).sum()} of {len(known)} relations name a {end} that is not among the actors; the "
                f"first is row {relations.index[row]!r}. {unknown('actor', name, ids.astype(str)[:40])}"
            )
    refuse(relations, (relations[ends[0]] == relations[ends[1]]).to_numpy(), "an actor related to itself")
    rows = relations[list(ends)].set_axis(["source", "target"], axis=1)
    if relation in relations:
        refuse(relations, relations[relation].isna().to_numpy(), f"no {relation!r}")
    rows["key"] = relations[relation].astype(str) if relation in relations else "relation"
    told = relations[direction].astype(object) if direction else pd.Series("out", relations.index)
    rows["way"] = told.map({way: look_up("direction", way, WAYS) for way in told.unique()})
    turned = (rows["way"] == -1).to_numpy()
    rows.loc[turned, ["source", "target"]] = rows.loc[turned, ["target", "source"]].to_numpy()
    return rows.assign(contacts=1)


def in_order(ids: Iterable[Hashable]) -> list[Any]:
    """Return ids in ascending order; ids of several types by type first.

    Examples
    --------
    >>> in_order(["b", 2, 10, "a"])
    [2, 10, 'a', 'b']
    """
    return sorted(ids, key=lambda one: (type(one).__name__ if isinstance(one, str) else "", one))


def told_apart(ids: pd.Series, name: str) -> None:
    """Refuse ids of which one is there as a number and as a text: they are meant to be one.

    Examples
    --------
    >>> told_apart(pd.Series([7, 8, "7"]), "partner_id")
    Traceback (most recent call last):
    ValueError: partner_id 7 is there as a number and as a text, which would be two: make them one type.
    """
    texts = pd.Series([str(one) for one in ids.unique()] if ids.dtype == object else [], dtype=object)
    for twice in texts[texts.duplicated()]:
        raise ValueError(
            f"{name} {twice} is there as a number and as a text, which would be two: make them one type."
        )


def edges(graph: nx.Graph) -> pd.DataFrame:
    """Return the edges of a graph as a tidy table: source, target, kind and their attributes.

    Examples
    --------
    >>> edges(nx.path_graph(3))
       source  target
    0       0       1
    1       1       2
    """
    keyed = graph.is_multigraph()
    found = graph.edges(keys=True, data=True) if keyed else graph.edges(data=True)
    rows = [{"source": one, "target": other, **_named(rest)} for one, other, *rest in found]
    return pd.DataFrame(rows, columns=None if rows else ["source", "target"])


def _named(rest: list[Any]) -> dict[str, Any]:
    return ({"kind": rest[0]} if len(rest) == 2 else {}) | rest[-1]


def ties(graph: nx.Graph, strength: str | None = None, kinds: Iterable[str] | None = None) -> nx.Graph:
    """Return the simple, undirected graph in which each two who are related have one tie.

    Parameters
    ----------
    graph : networkx graph
        Directed or not, with parallel edges or without.
    strength : str, optional
        Attribute to add up over edges and directions; without it each tie has the strength 1.
    kinds : iterable of str, optional
        Kinds of relation (keys of the edges) that count; all, if none are named.

    Returns
    -------
    networkx.Graph
        Nodes in ascending order, with their attributes; edges with ``strength`` and its inverse ``distance``.

    Raises
    ------
    ValueError
        If there is no actor, an edge leads from one to itself, a strength is missing or not above 0, or a
        kind of relation is unknown.

    Examples
    --------
    >>> graph = nx.MultiDiGraph([("us", "garden", {"letters": 3}), ("garden", "us", {"letters": 1})])
    >>> ties(graph, strength="letters").edges["garden", "us"]
    {'strength': 4.0, 'distance': 0.25}
    """
    if kinds is not None:
        there = {key: key for *_, key in graph.edges(keys=True)} if graph.is_multigraph() else {}
        wanted = {look_up("kind of relation", one, there) for one in kinds}
        graph = graph.edge_subgraph([edge for edge in graph.edges(keys=True) if edge[2] in wanted]).copy()
    held = network(graph, strength)
    simple = nx.Graph()
    simple.add_nodes_from((name, graph.nodes[name]) for name in held.names)
    upper = sparse.triu(held.matrix, format="coo")
    simple.add_edges_from(
        (held.names[one], held.names[other], {"strength": float(value), "distance": float(1 / value)})
        for one, other, value in zip(upper.row, upper.col, upper.data, strict=True)
    )
    return simple


class Network(NamedTuple):
    """A graph as arrays: names in ascending order, and the matrix of strengths, symmetric unless directed."""

    names: list[Any]
    matrix: sparse.csr_array

    @property
    def index(self) -> pd.Index:
        return pd.Index(self.names, name="actor", tupleize_cols=False)


def network(graph: nx.Graph, strength: str | None = None, directed: bool = False) -> Network:
    """Return a graph as arrays, its nodes in ascending order, so that no result hangs on how they came.

    Examples
    --------
    >>> network(nx.path_graph(3)).matrix.toarray().tolist()
    [[0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]
    """
    if not isinstance(graph, nx.Graph):
        raise ValueError(f"A networkx graph is needed, as of stakeholder_graph; got {type(graph).__name__}.")
    if not len(graph):
        raise ValueError("The graph is empty: there is not a single actor.")
    names = in_order(graph)
    place = {name: number for number, name in enumerate(names)}
    held = [(place[one], place[other], data) for one, other, data in graph.edges(data=True)]
    row, column = (np.array([edge[end] for edge in held], int) for end in (0, 1))
    if (loops := row == column).any():
        name = names[row[np.argmax(loops)]]
        raise ValueError(f"{loops.sum()} edges lead from an actor to itself; the first is that of {name!r}.")
    value = np.ones(len(held))
    if strength is not None:
        value = np.array([data.get(strength, np.nan) for *_, data in held], float)
        if (wrong := ~((value > 0) & np.isfinite(value))).any():
            first = int(np.argmax(wrong))
            raise ValueError(
                f"{wrong.sum()} of {len(held)} edges have a {strength!r} that is missing or not above 0; the "
                f"first is that from {names[row[first]]!r} to {names[column[first]]!r}: {value[first]}."
            )
    matrix = sparse.coo_array((value, (row, column)), (len(names), len(names))).tocsr()
    if not directed:
        matrix = (matrix + matrix.T).tocsr()
    if strength is None:
        matrix.data[:] = 1.0
    return Network(names, matrix)
