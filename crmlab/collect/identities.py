"""Customer ids that stay when new cards come: who keeps an id in a merge or a split, and how to undo it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from crmlab._tables import as_day, as_series

EVENTS = ("new", "merged", "split", "undone", "moved", "gone")
"""What can happen to an id. An id to which nothing happened was kept, and has no row in the history."""


@dataclass(frozen=True)
class Identities:
    """Customer ids and what has happened to them; made by :func:`stable_ids`.

    Attributes
    ----------
    ids : Series
        The customer id of each record, indexed by the record; whole numbers from 1, never used twice.
    history : DataFrame
        A row per event, index ``number``: ``event`` (one of `EVENTS`), ``from`` and ``to`` (ids; missing
        where there is none), ``records`` that went that way, ``at`` (the day).
    moves : DataFrame
        A row per record that changed its id: ``number`` of the event, ``record``, ``from``, ``to``.
    held : Series
        The records of which a person has decided whose they are (:meth:`undo`, :meth:`move`), and the id.
    last : int
        The largest id given so far.
    """

    ids: pd.Series
    history: pd.DataFrame
    moves: pd.DataFrame
    held: pd.Series
    last: int

    def undo(self, number: int, at: Any = None) -> "Identities":
        """Take back a merge, a split, a move or an undoing, and hold to that from now on.

        Parameters
        ----------
        number : int
            The event, as in the index of ``history``.
        at : date, optional
            The day of the undoing.

        Returns
        -------
        Identities
            The records that moved have their old id again. All records of both ids are held: whatever later
            clusters say, they stay apart (or together) as they are now. A record that came in that event had
            no id before and stays where it is: see whose it is, and :meth:`move` it.

        Raises
        ------
        ValueError
            If there is no such event, no record moved in it, or one has moved on since: undo that first.

        Examples
        --------
        >>> before = stable_ids({1: "a", 2: "b"})
        >>> after = stable_ids({1: "a", 2: "a"}, before)
        >>> after.undo(3).ids.tolist(), stable_ids({1: "a", 2: "a"}, after.undo(3)).ids.tolist()
        ([1, 2], [1, 2])
        """
        moved = self.moves[self.moves["number"] == number]
        if moved.empty:
            can = ", ".join(map(str, self.moves["number"].unique()[-10:])) or "none"
            raise ValueError(f"In event {number!r} no record changed its id. Events to undo: {can}.")
        now = self.ids.reindex(moved["record"])
        if (now.to_numpy() != moved["to"].to_numpy()).any():
            later = self.moves[self.moves["record"].isin(moved["record"]) & (self.moves["number"] > number)]
            told = ", ".join(map(str, later["number"].unique())) or "their erasure"
            raise ValueError(
                f"Records of event {number} have moved on since (event {told}): undo that first."
            )
        ids = self.ids.copy()
        ids.loc[moved["record"]] = moved["from"].to_numpy()
        held = self._settled(ids, [*moved["from"], *moved["to"]])
        back = pd.DataFrame({"record": moved["record"], "from": moved["to"], "to": moved["from"]})
        return _entered(replace(self, ids=ids, held=held), [("undone", back)], at)

    def move(self, records: Iterable[Any], to: int | None, at: Any = None) -> "Identities":
        """Say whose records are; `to` is an id that there is, or None for a customer of their own.

        All records of the ids concerned are held from now on, as after :meth:`undo`.

        Examples
        --------
        >>> ids = stable_ids({1: "a", 2: "b", 3: "b"}).move([3], to=1)
        >>> ids.ids.tolist(), stable_ids({1: "a", 2: "b", 3: "b"}, ids).ids.tolist()
        ([1, 2, 1], [1, 2, 1])
        """
        chosen = self._known(records)
        last = self.last
        if to is None:
            to = last = last + 1
        elif not (self.ids == to).any():
            raise ValueError(f"There is no customer {to!r} to move records to.")
        ids = self.ids.copy()
        ids.loc[chosen] = to
        moved = pd.DataFrame({"record": chosen, "from": self.ids.loc[chosen].to_numpy(), "to": to})
        held = self._settled(ids, [*moved["from"], to])
        made = replace(self, ids=ids, held=held, last=last)
        return _entered(made, [("moved", moved[moved["from"] != to])], at)

    def without(self, records: Iterable[Any], at: Any = None) -> "Identities":
        """Forget records, as after a request for erasure; an id that has none left is gone for good.

        Examples
        --------
        >>> stable_ids({1: "a", 2: "a", 3: "b"}).without([3]).history["event"].tolist()
        ['new', 'new', 'gone']
        """
        drop = self._known(records)
        ids = self.ids.drop(drop)
        lost = self.ids.loc[drop][lambda one: ~one.isin(ids)]
        gone = pd.DataFrame({"record": lost.index, "from": lost.to_numpy(), "to": pd.NA})
        moves = self.moves[~self.moves["record"].isin(drop)]
        left = replace(self, ids=ids, held=self.held.drop(drop, errors="ignore"), moves=moves)
        return _entered(left, [("gone", gone)], at, kept=False)

    def _settled(self, ids: pd.Series, concerned: list[int]) -> pd.Series:
        both = ids[ids.isin(concerned)]
        return pd.concat([self.held.drop(both.index, errors="ignore"), both])

    def _known(self, records: Iterable[Any]) -> pd.Index:
        chosen = pd.Index(list(records))
        if not chosen.isin(self.ids.index).all():
            missing = chosen[~chosen.isin(self.ids.index)].tolist()[0]
            raise ValueError(f"There is no record {missing!r}.")
        return chosen.unique()


def stable_ids(clusters: Any, previous: Identities | None = None, at: Any = None) -> Identities:
    """Give the clusters of today ids that agree with those of before as far as they can.

    Parameters
    ----------
    clusters : Series or mapping
        For each record a label of its cluster, index the record's id; all records, old and new. What the
        labels are does not matter, only which records share one.
    previous : Identities, optional
        What this function returned last time.
    at : date, optional
        The day, which is written into the history.

    Returns
    -------
    Identities

    Raises
    ------
    ValueError
        If a record is there twice or has no cluster, or a record of `previous` is not in `clusters`.

    Notes
    -----
    1. An id stays with the cluster that holds most of its records; of equals, with that of its smallest
       record. The other parts have *split* from it.
    2. Where several ids stay with one cluster they are *merged*: that with most records there wins, of
       equals the older (smaller) one.
    3. A cluster with which no id stays gets the next number, in the order of its smallest record.
    4. Records whose id a person has settled (`undo`, `move`) keep it. In their cluster a record that had
       the id of one of them stays with it; any other joins the id with most settled records there.

    The same clusters once more are no event. Neither the order of the rows nor the labels matter.

    Examples
    --------
    >>> first = stable_ids({"c1": "a", "c2": "a", "c3": "b"}, at="2026-01-01")
    >>> then = stable_ids({"c1": "x", "c2": "x", "c3": "x", "c4": "x"}, first, at="2026-02-01")
    >>> then.ids.tolist()
    [1, 1, 1, 1]
    >>> then.history[["event", "from", "to", "records"]]
             event  from  to  records
    number
    1          new  <NA>   1        2
    2          new  <NA>   2        1
    3       merged     2   1        1
    """
    cluster = members(clusters).sort_index()
    if previous is None:
        nothing = pd.Series([], index=cluster.index[:0], dtype="int64")
        history = pd.DataFrame(
            {
                "event": pd.Series(dtype=object), "from": pd.Series(dtype="Int64"),
                "to": pd.Series(dtype="Int64"), "records": pd.Series(dtype="int64"),
                "at": pd.Series(dtype="datetime64[s]"),
            }
        ).rename_axis("number")  # fmt: skip
        moves = pd.DataFrame({"number": [], "record": cluster.index[:0], "from": [], "to": []})
        previous = Identities(nothing, history, moves.astype({"number": int}), nothing, 0)
    elif not isinstance(previous, Identities):
        raise ValueError(f"previous is what stable_ids returned before; got a {type(previous).__name__}.")
    at_before = previous.ids.index.get_indexer(cluster.index)
    known = at_before >= 0
    if known.sum() < len(previous.ids):
        lost = previous.ids.index.difference(cluster.index)
        raise ValueError(
            f"{len(lost)} of {len(previous.ids)} records of before are not in clusters; the first is "
            f"{lost.tolist()[0]!r}. Give all records, old and new, with ids of the same type (zeros in front "
            "kept); what was erased: previous.without(records)."
        )
    old = (
        np.where(known, previous.ids.to_numpy()[at_before], 0)
        if len(previous.ids)
        else np.zeros(len(cluster), int)
    )
    group, settled = _groups(cluster, old, previous.held)
    shares = pd.DataFrame({"group": group[known], "old": old[known]})
    shares["row"] = np.flatnonzero(known)  # rows are in the order of the records
    pairs = shares.groupby(["group", "old"])["row"].agg(["size", "min"]).reset_index()
    pairs["settled"] = pairs["group"].map(settled).eq(pairs["old"])
    stays = pairs.sort_values(["settled", "size", "min"], ascending=[False, False, True]).drop_duplicates(
        "old"
    )
    winner = stays.sort_values(["settled", "size", "old"], ascending=[False, False, True]).drop_duplicates(
        "group"
    )
    now = pd.Series(group).map(winner.set_index("group")["old"])
    fresh = now.isna().to_numpy()
    number, kinds = pd.factorize(group[fresh])  # in the order of the smallest record
    ids = np.array(now.fillna(0), "int64")
    ids[fresh] = previous.last + 1 + number
    lost = pairs["old"][~pairs["old"].isin(ids)]  # ids that nothing has any more: merged away
    table = pd.DataFrame({"record": cluster.index, "from": old, "to": ids})
    changed, merged = table[known & (old != ids)], np.isin(old, lost)[known & (old != ids)]
    new = table[fresh & ~np.isin(ids, changed["to"])].assign(**{"from": pd.NA})
    made = replace(
        previous, ids=pd.Series(ids, cluster.index, name="customer_id"), last=previous.last + len(kinds)
    )
    return _entered(made, [("new", new), ("merged", changed[merged]), ("split", changed[~merged])], at)


def members(clusters: Any) -> pd.Series:
    """Return the cluster of each record, or raise ValueError if one has two or none.

    Examples
    --------
    >>> members({1: "a", 2: "a"}).tolist()
    ['a', 'a']
    """
    cluster = as_series(clusters)
    if cluster.empty:
        raise ValueError("There is not a single record in clusters.")
    if cluster.index.nlevels > 1 or cluster.index.hasnans:
        raise ValueError("clusters need the record's id as index, one for each record, none missing.")
    again = cluster.index[cluster.index.duplicated()]
    if len(again):
        held = cluster.loc[[again[0]]].unique().tolist()
        raise ValueError(
            f"{again.nunique()} records are in clusters more than once; the first is "
            f"{again.tolist()[0]!r}, in {held}. A record is in one cluster: drop what was loaded twice, or "
            "join the two clusters."
        )
    if cluster.isna().any():
        raise ValueError(f"Record {cluster.index[cluster.isna()].tolist()[0]!r} has no cluster.")
    if cluster.index.inferred_type.startswith("mixed"):
        raise ValueError("The ids of the records are numbers and texts: make all of them texts.")
    return cluster


def _groups(cluster: pd.Series, old: np.ndarray, held: pd.Series) -> tuple[np.ndarray, pd.Series]:
    """Return the group of each record, and the id of the groups that hold settled records."""
    group = pd.factorize(cluster)[0]
    if held.empty:
        return group, pd.Series(dtype="int64")
    label = group.copy()
    decided = held.reindex(cluster.index).fillna(0).to_numpy("int64")
    there = pd.DataFrame({"cluster": label, "id": decided})[decided > 0]
    count = there.value_counts().reset_index().sort_values(["count", "id"], ascending=[False, True])
    main = count.drop_duplicates("cluster").set_index("cluster")["id"]
    joined = pd.Series(label).map(main).fillna(0).to_numpy("int64")
    mine = pd.MultiIndex.from_arrays([label, old]).isin(pd.MultiIndex.from_frame(count[["cluster", "id"]]))
    target = np.where(decided > 0, decided, np.where(mine, old, joined))
    settled = np.unique(target[target > 0])
    first = group.max() + 1  # groups of settled ids are numbered after the clusters
    group = np.where(target > 0, first + np.searchsorted(settled, target), group)
    return group, pd.Series(settled, first + np.arange(len(settled)))


def _entered(
    made: Identities, happened: list[tuple[str, pd.DataFrame]], at: Any, kept: bool = True
) -> Identities:
    """Return the ids with these events in their history, and the records that moved in them."""
    day = pd.NaT if at is None else pd.Timestamp(as_day(at, "at"))
    history, moves = [made.history], [made.moves]
    number = len(made.history)
    for event, rows in happened:
        if rows.empty:
            continue
        ways = rows.groupby(["from", "to"], dropna=False, sort=True)
        table = ways.size().rename("records").reset_index().sort_values(["to", "from"], ignore_index=True)
        table = table.astype({"from": "Int64", "to": "Int64"}).assign(event=event, at=day)
        table.index = pd.RangeIndex(number + 1, number + 1 + len(table), name="number")
        history.append(table[["event", "from", "to", "records", "at"]].astype({"at": "datetime64[s]"}))
        if kept and event != "new":
            place = table.reset_index()[["number", "from", "to"]]
            moves.append(rows.astype({"from": "Int64", "to": "Int64"}).merge(place, on=["from", "to"]))
        number += len(table)
    names = ["number", "record", "from", "to"]
    told = [one[names] for one in moves if len(one)] or [made.moves]
    rows = pd.concat(told, ignore_index=True)
    return replace(made, history=pd.concat([one for one in history if len(one)] or history[:1]), moves=rows)
