"""Which records are of one customer: weights for and against, learned without an answer key."""

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from crmlab import plot
from crmlab._arguments import number
from crmlab._tables import as_pandas, drawn_table, look_up, require_columns
from crmlab.collect._levels import (
    BLOCKS,
    KINDS,
    LEAST,
    NAMED,
    OTHER,
    STANDARD,
    as_comparison,
    as_rule,
    column_of,
    parts,
)

MOST_PAIRS = 50
"""Pairs a record that a standard block may bring together: they grow with the square of the records."""


def weight(m: Any, u: Any) -> Any:
    """Return what a level weighs, log₂(m/u): for the same customer above 0, against below."""
    return np.log2(m / u)


class Linkage:
    """A model of which records belong together (Fellegi & Sunter 1969), fitted by splink on DuckDB.

    Parameters
    ----------
    contacts : table
        One row per record, of any engine, cleaned (:func:`clean`), or other records with `comparisons`.
    record : str
        Column with the record's id: never missing, never twice.
    comparisons : mapping of str to str, optional
        How each column is compared: ``"name"`` (needs the columns of :func:`clean`), ``"digits"``,
        ``"mail"``, ``"text"`` or ``"exact"``. By default those of a cleaned table that are there.
    blocks : list of str or of tuples of str, optional
        Only records that agree in at least one of these are compared: a column, or several columns or
        expressions of SQL (``"left(surname, 3)"``) that must agree together. By default those of telephone,
        mail, name, birth date, address, surname with the end of the telephone, and the beginnings of both
        names; one that brings together more than fifty pairs a record is left out (of a million cards the
        last: two thirds of all pairs, and hardly a match that no other block has).
    source : str, optional
        Column that says which list a record is from: only records of different lists are compared.
    found : float
        The share of true pairs that you expect to agree exactly in the first comparison and in one other.
        It fixes the weight that any two records start from.
    rng : int
        Seed of the pairs drawn at random.

    Raises
    ------
    ValueError
        If a column is not there, an id is missing or there twice, a comparison or block is not known, there
        are fewer than two records, or a column of a comparison is empty.

    Notes
    -----
    For each level of a comparison, m is the share of true pairs that are at this level, and u that of
    other pairs; the weight is log₂(m/u), and a match's weights add up. u is counted on pairs drawn at
    random. The few true ones among them make it too large where hardly anybody else shares a value, so
    that equal values weigh too little: it errs on the side of leaving apart.
    m is learned without an answer key by EM, one block at a time, while the share of true pairs
    among all pairs stays fixed: let loose on the union of all blocks, where most pairs agree by
    construction, EM finds two other classes than "same" and "different". Values that many records share
    weigh less (term frequencies).

    That one person bears two wholly different names is not learned but set, at 1 in a thousand million: two
    people of one household share address, telephone and mail, and the model, which takes comparisons as
    independent, would take them for one.

    References
    ----------
    Fellegi, I. P. & Sunter, A. B. (1969). A theory for record linkage. Journal of the American Statistical
    Association 64(328), 1183–1210. https://doi.org/10.1080/01621459.1969.10501049
    Linacre, R. et al. (2022). Splink: Free software for probabilistic record linkage at scale. International
    Journal of Population Data Science 7(3). https://doi.org/10.23889/ijpds.v7i3.1794

    Examples
    --------
    >>> from crmlab import collect, company
    >>> cards = company.simulate(400, view="raw").contacts
    >>> results = collect.Linkage(collect.clean(cards)).fit()
    >>> results.clusters(threshold=8).nunique() < len(cards)
    True
    """

    def __init__(
        self,
        contacts: Any,
        record: str = "contact_id",
        comparisons: Mapping[str, str] | None = None,
        blocks: Sequence[str | tuple[str, ...]] | None = None,
        source: str | None = None,
        found: float = 0.5,
        rng: int = 1,
    ):
        table = as_pandas(contacts)
        require_columns(table.columns, [record] if source is None else [record, source])
        if len(table) < 2:
            raise ValueError(f"Linkage needs at least two records; there are {len(table)}.")
        again = table[record].isna() | table[record].duplicated()
        if again.any():
            raise ValueError(
                f"{int(again.sum())} of {len(table)} records have no {record!r}, or one that was there; "
                f"the first is row {again.idxmax()!r}. Number them: table.assign({record}=range(len(table)))."
            )
        if comparisons is None:
            there = {column for column in table.columns if table[column].notna().any()}
            comparisons = {column: kind for column, kind in STANDARD.items() if column in there}
            if not {"name_key", "surname", "given_name"} <= set(table.columns):
                raise ValueError("Clean the contacts first, Linkage(clean(contacts)), or give comparisons.")
        if len(comparisons) < 2:
            raise ValueError("Linkage needs at least two comparisons.")
        self.equal = {
            column: look_up("comparison", kind, KINDS)[0].format(column)
            for column, kind in comparisons.items()
        }
        require_columns(table.columns, [*comparisons, *self.equal.values()])
        for column in self.equal.values():
            if table[column].isna().all():
                raise ValueError(f"No record has a {column!r}: leave this comparison out.")
        if blocks is None and "name" in comparisons.values():
            there = {*table.columns}
            blocks = [block for block in BLOCKS if there.issuperset(map(column_of, parts(block)))]
            blocks = [block for block in blocks if _pairs(table, block) <= MOST_PAIRS * len(table)]
        elif blocks is None:
            blocks = list(self.equal.values())
        self.found = number(found, "found", "a share above 0 and up to 1", 1e-6, 1)
        self.ids, self.comparisons, self.rng = table[record].to_numpy(), dict(comparisons), rng
        used = [column_of(part) for block in blocks for part in parts(block)]
        named = NAMED if "name" in comparisons.values() else ()
        columns = dict.fromkeys([*comparisons, *self.equal.values(), *named, *used])
        require_columns(table.columns, columns)
        self.records = table[[*columns]].reset_index(drop=True).assign(_row=np.arange(len(table)))
        self.blocks = [as_rule(block, source) for block in blocks]
        self.training = [as_rule(column, source) for column in self.equal.values()]
        first, *others = self.equal.values()
        self.certain = [as_rule((first, other), source) for other in others]
        if source is not None:
            self.records["_source"] = table[source].to_numpy()

    def fit(self, engine: Any = None) -> "LinkageResults":
        """Learn the weights and compare all pairs that a block brings together.

        Parameters
        ----------
        engine : splink database API, optional
            Where the work is done, such as ``splink.backends.spark.SparkAPI(spark_session=session)`` on a
            cluster whose session was begun with splink's jar. By default DuckDB in memory. The pairs that
            are kept come back to this machine. Another engine draws other pairs at random, so that its
            weights differ a little.

        Returns
        -------
        LinkageResults

        Raises
        ------
        TypeError
            The engine is none of splink's.
        """
        from splink import Linker, SettingsCreator
        from splink.internals.duckdb.database_api import DuckDBAPI

        engine = DuckDBAPI(duckdb.connect()) if engine is None else engine
        if not hasattr(engine, "sql_dialect"):
            raise TypeError(f"engine is an API of splink, as DuckDBAPI(connection) is; got {engine!r}.")
        jaro = engine.sql_dialect.jaro_winkler_function_name
        settings = SettingsCreator(
            link_type="dedupe_only",
            unique_id_column_name="_row",
            comparisons=[
                as_comparison(name, kind, self.equal[name], jaro) for name, kind in self.comparisons.items()
            ],
            blocking_rules_to_generate_predictions=self.blocks,
            retain_matching_columns=False,
        )
        with _quiet():
            linker = Linker(engine.register(self.records), settings, log_level=logging.CRITICAL)
            learn = linker.training
            learn.estimate_probability_two_random_records_match(self.certain, recall=self.found)
            learn.estimate_u_using_random_sampling(max_pairs=1e6, seed=self.rng, min_count_per_level=None)
            for rule in self.training:
                learn.estimate_parameters_using_expectation_maximisation(
                    rule, fix_probability_two_random_records_match=True, max_pairs=1e6
                )
            for comparison in linker._settings_obj.comparisons:
                for level in comparison.comparison_levels:  # never seen is not impossible
                    if not level.is_null_level and level.label_for_charts != OTHER:
                        level.m_probability = max(level.m_probability or 0, LEAST)
            found = linker.inference.predict(threshold_match_weight=-20)
            at_home = isinstance(engine, DuckDBAPI)
            scored = found.as_duckdbpyrelation() if at_home else duckdb.from_arrow(found.as_pyarrow_table())
        return LinkageResults(self, linker, scored)


class LinkageResults:
    """What :meth:`Linkage.fit` found: weights, and the pairs that weigh −20 or more.

    Attributes
    ----------
    start : float
        The weight that any two records start from: log₂ of the odds that they are of one customer.
    kept : int
        How many of the pairs that the blocks brought together weigh at least −20; the others are forgotten.
    """

    def __init__(self, model: Linkage, linker: Any, scored: duckdb.DuckDBPyRelation):
        self.model, self._linker = model, linker
        prior = linker._settings_obj._probability_two_random_records_match
        self.start = float(np.log2(prior / (1 - prior)))
        pairs = scored.project("_row_l, _row_r, match_weight")
        found = pairs.order("match_weight desc, _row_l, _row_r").fetchnumpy()
        self._rows = np.column_stack([found["_row_l"], found["_row_r"]])
        self._weight = np.asarray(found["match_weight"], float)
        self.kept = len(self._weight)

    def weights(self) -> pd.DataFrame:
        """Return ``comparison``, ``level``, ``m``, ``u`` and ``weight`` = log₂(m/u), a row per level."""
        rows = [
            (comparison.output_column_name, level.label_for_charts, level.m_probability, level.u_probability)
            for comparison in self._linker._settings_obj.comparisons
            for level in comparison.comparison_levels
            if not level.is_null_level
        ]
        table = pd.DataFrame(rows, columns=["comparison", "level", "m", "u"])
        return table.assign(weight=weight(table["m"], table["u"]))

    def pairs(self, threshold: float = -20.0) -> pd.DataFrame:
        """Return the pairs at or above a weight: ``record_l``, ``record_r``, ``weight``, ``probability``.

        The heaviest first. The probability is what the model says: 2ʷ/(1 + 2ʷ). It is too sure of itself
        where comparisons hang together, which a review shows (:func:`review_estimates`).
        """
        count = self._above(threshold)
        one, other = self.model.ids[self._rows[:count, 0]], self.model.ids[self._rows[:count, 1]]
        weight = self._weight[:count]
        told = {"record_l": one, "record_r": other, "weight": weight, "probability": 1 / (1 + 2.0**-weight)}
        return pd.DataFrame(told)

    def clusters(self, threshold: float) -> pd.Series:
        """Return the cluster of each record, in the order of the table: whoever hangs together by pairs.

        Records with different names are never put into one cluster by a third without a name: the heaviest
        pairs are joined first, and a pair that would bring different names together is left apart.

        Parameters
        ----------
        threshold : float
            The least weight of a pair that is joined. Where a false match costs as much as c missed ones, it
            is log₂(c), if the weights can be trusted.

        Returns
        -------
        Series
            Index: record; ``cluster``: the id of its first record.
        """
        rows, ids = self._rows[: self._above(threshold)], self.model.ids
        joined = _components(rows[:, 0], rows[:, 1], np.arange(len(ids)))
        if "name" in self.model.comparisons.values():
            joined = self._kept_apart(joined, rows)
        return pd.Series(ids[joined], pd.Index(ids, name="record"), name="cluster")

    def _kept_apart(self, joined: pd.Series, rows: np.ndarray) -> np.ndarray:
        """Join anew, the heaviest pair first, where a cluster has records with different names."""
        cluster = joined.to_numpy().copy()
        records = self.model.records.assign(_cluster=cluster)
        different = " AND ".join(f"NOT coalesce({condition}, false)" for _, condition in KINDS["name"][1])
        columns = ", ".join(f"{side}.{name} AS {name}_{side}" for side in "lr" for name in ("_row", *NAMED))
        pairs = f"SELECT {columns} FROM records l JOIN records r USING (_cluster) WHERE l._row < r._row"
        enemies: dict[int, set[int]] = {}
        with duckdb.connect() as engine:
            engine.register("records", records[["_row", "_cluster", *NAMED]][records["name_key"].notna()])
            query = f"SELECT _row_l, _row_r FROM ({pairs}) WHERE {different} ORDER BY ALL"
            for one, other in engine.execute(query).fetchall():
                enemies.setdefault(one, set()).add(other)
                enemies.setdefault(other, set()).add(one)
        torn = np.isin(cluster, cluster[[*enemies]])
        cluster[torn] = np.flatnonzero(torn)
        members = {row: {row} for row in np.flatnonzero(torn).tolist()}
        for one, other in rows[torn[rows[:, 0]]].tolist():
            big, small = sorted((cluster[one], cluster[other]))
            against = set().union(*(enemies.get(row, ()) for row in members[small]))
            if big != small and not against & members[big]:
                cluster[[*members[small]]] = big
                members[big] |= members.pop(small)
        return cluster

    def explain(self, record: Any, other: Any) -> pd.DataFrame:
        """Return why two records match or do not: weights that add up to their weight.

        Parameters
        ----------
        record, other
            Ids of two records, compared by a block or not.

        Returns
        -------
        DataFrame
            ``comparison``, ``level``, ``record`` and ``other`` (the two values) and ``weight``. The first row
            is the start, the last the total; a value that is missing weighs nothing. A row ``…: how
            common`` corrects for a value that more, or fewer, records share than usual.

        Raises
        ------
        ValueError
            There is no such record, or both are the same.
        """
        place = pd.Index(self.model.ids).get_indexer([record, other])
        if (place < 0).any() or record == other:
            wrong = [one for one, at in zip((record, other), place, strict=True) if at < 0]
            what = f"There is no record {wrong[0]!r}." if wrong else "These are one and the same record."
            raise ValueError(what)
        texts = self.model.records.iloc[place].astype(object)
        sides = [{c: None if pd.isna(v) else v for c, v in row.items()} for row in texts.to_dict("records")]
        with _quiet():
            scored = self._linker.inference.score_pair(*sides)
            found = scored.as_pandas_dataframe().iloc[0]
        rows = [("any two records", "", None, None, self.start)]
        for comparison in self._linker._settings_obj.comparisons:
            column = comparison.output_column_name
            level = comparison._get_comparison_level_by_comparison_vector_value(int(found[f"gamma_{column}"]))
            label = "missing" if level.is_null_level else level.label_for_charts
            rows.append((column, label, *texts[column], float(found[f"mw_{column}"])))
            if common := float(found.get(f"mw_tf_adj_{column}", 0)):
                rows.append((f"{column}: how common", "", None, None, common))
        table = pd.DataFrame(rows, columns=["comparison", "level", "record", "other", "weight"])
        total = pd.DataFrame([("total", "", None, None, table["weight"].sum())], columns=table.columns)
        return pd.concat([table, total], ignore_index=True)

    def _above(self, threshold: float) -> int:
        least = number(threshold, "threshold", "the least weight of a pair, from −20 on", -20)
        return int(np.searchsorted(-self._weight, -least, side="right"))

    def __repr__(self) -> str:
        return f"<Linkage: {len(self.model.ids):,} records, {self.kept:,} pairs kept; start {self.start:.1f}>"


def _pairs(table: pd.DataFrame, block: str | tuple[str, ...]) -> float:
    """Return how many pairs of records agree in a block."""
    keys, used = ", ".join(parts(block)), [*dict.fromkeys(map(column_of, parts(block)))]
    there = " AND ".join(f"{part} IS NOT NULL" for part in parts(block))
    with duckdb.connect() as engine:
        engine.register("records", table[used])
        counts = f"SELECT count(*)::DOUBLE AS n FROM records WHERE {there} GROUP BY {keys}"
        found = engine.execute(f"SELECT coalesce(sum(n * (n - 1) / 2), 0) FROM ({counts})").fetchone()
    assert found is not None
    return float(found[0])


def plot_match(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw why two records match: each weight a step to the right (for) or to the left (against).

    Parameters
    ----------
    table : DataFrame
        Of :meth:`LinkageResults.explain`.
    ax : Axes, optional

    Returns
    -------
    Axes

    Examples
    --------
    >>> steps = {"comparison": ["any two records", "name", "total"], "level": ["", "same", ""]}
    >>> ax = plot_match(pd.DataFrame(steps | {"weight": [-13.0, 12.0, -1.0]}))
    """
    steps = drawn_table(table, ("comparison", "level", "weight"), "results.explain(record, other)")
    ax = plot.axes(ax)
    weight = steps["weight"].to_numpy(float)
    end = weight.cumsum()
    begin = np.where(steps["comparison"] == "total", 0.0, end - weight)
    colours = np.where(weight >= 0, plot.PALETTE[0], plot.PALETTE[1])
    level = steps["level"].where(steps["level"] == "", ": " + steps["level"])
    names = [plot.label(text) for text in steps["comparison"] + level]
    bars = ax.barh(names, weight, left=begin, color=colours)
    ax.bar_label(bars, [f"{value:+.1f}" for value in weight], padding=3)
    ax.invert_yaxis()
    ax.axvline(0, color="black", linewidth=0.8)
    ax.use_sticky_edges = False
    ax.margins(x=0.2)
    return plot.annotate(ax, "Why two records match", "weight, added up (0: as likely as not)", "")


def exact_clusters(contacts: Any, on: Sequence[str], record: str = "contact_id") -> pd.Series:
    """Return the clusters of records that share an exact value in one of the columns, or by a chain of such.

    Parameters
    ----------
    contacts : table
        One row per record, of any engine.
    on : list of str
        Columns. A missing value joins nobody.
    record : str
        Column with the record's id.

    Returns
    -------
    Series
        Index: record; ``cluster``: the id of its first record.

    Raises
    ------
    ValueError
        If a column is not there or `on` is empty.

    Examples
    --------
    >>> cards = {"contact_id": [1, 2, 3], "mail": ["a@b", None, "a@b"], "telephone": [None, "55", None]}
    >>> exact_clusters(pd.DataFrame(cards), on=["mail", "telephone"]).tolist()
    [1, 2, 1]
    """
    table = as_pandas(contacts)
    if isinstance(on, str) or not len(on):
        raise ValueError(f"on is a list of columns, such as ['telephone', 'mail']; got {on!r}.")
    require_columns(table.columns, [record, *on])
    one, other = [], []
    for column in on:
        code = pd.factorize(table[column])[0]
        first = np.unique(code, return_index=True)[1][code - code.min()]
        there = code >= 0
        one.append(np.flatnonzero(there))
        other.append(first[there])
    return _components(np.concatenate(one), np.concatenate(other), table[record].to_numpy())


def _components(one: np.ndarray, other: np.ndarray, ids: np.ndarray) -> pd.Series:
    joined = coo_array((np.ones(len(one), bool), (one, other)), shape=(len(ids), len(ids)))
    label = connected_components(joined, directed=False)[1]
    first = np.unique(label, return_index=True)[1]
    return pd.Series(ids[first[label]], pd.Index(ids, name="record"), name="cluster")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep splink's reports from the reader: they tell of steps, and warn of what is done on purpose."""
    logger = logging.getLogger("splink")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
