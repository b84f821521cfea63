"""What goes together: pairs of items in baskets, their lift, and what luck alone would put together."""

import warnings
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from matplotlib.axes import Axes
from scipy.sparse import csr_array
from scipy.special import chdtri, gammainc, gammaincc, gammaln

from crmlab import plot
from crmlab._arguments import floats, level
from crmlab._columns import aligned
from crmlab._intervals import IntervalWarning, deviations
from crmlab._kinds import as_kind, with_ids
from crmlab._tables import drawn_table, look_up, require_columns, whole_number

MOST_ITEMS = 3_000
"""Items of which all pairs are listed, those never met included: four and a half million pairs."""
Array = np.ndarray[Any, Any]


def lift(both: Any, left: Any, right: Any, n: Any, alpha: float = 0.05) -> pd.DataFrame:
    """Return support, confidence and lift of "who buys the left also buys the right", from counts of baskets.

    Left and right may be sets of items: of the rule {liquor, wine} → {beer} the left count is that of the
    baskets with liquor *and* wine.

    Parameters
    ----------
    both, left, right : int or array
        Baskets with both sides, with the left one, with the right one.
    n : int or array
        All baskets, those of one item included.
    alpha : float
        One minus the level of the intervals.

    Returns
    -------
    DataFrame
        A row per rule (the index is that of `both`, if it has one):

        - ``support``: `both` / `n`; ``confidence``: `both` / `left`, the share of the baskets with the left
          side that hold the right one; ``confidence_back``: `both` / `right`;
        - ``lift``: how many times as many baskets hold both as if the sides fell independently, with ``low``
          and ``high``;
        - ``p_value``: Fisher's exact test, the smaller tail doubled.

    Raises
    ------
    ValueError
        If a count is not whole, a side is in no basket, or the counts contradict one another.

    Warns
    -----
    IntervalWarning
        If a side is in every basket: its lift is 1 whatever happens, and has no interval (NaN).

    Notes
    -----
    The null hypothesis of the test: the two sides fall into baskets independently of one another, each into
    as many as it did; `both` is then hypergeometric. Baskets of unequal size break it without any liking
    between two items; see :func:`pairs_by_luck`.

    The interval is closed: the delta method for the logarithm of the lift, with half a basket added to each
    of the four cells so that it exists where a cell is empty. Where no basket holds both, ``low`` is 0. With
    fewer than five baskets in `both` it is rough.

    References
    ----------
    Brin, S., Motwani, R., Ullman, J. D. & Tsur, S. (1997). Dynamic itemset counting and implication rules for
    market basket data. SIGMOD 1997, 255–264. https://doi.org/10.1145/253260.253325

    Gart, J. J. & Zweifel, J. R. (1967). On the bias of various estimators of the logit and its variance.
    Biometrika 54(1–2), 181–187. https://doi.org/10.1093/biomet/54.1-2.181 (half a case in each cell)

    Examples
    --------
    >>> lift(19, left=21, right=792, n=9835)[["support", "confidence", "lift"]].round(4)
       support  confidence     lift
    0   0.0019      0.9048  11.2353
    """
    index = both.index if isinstance(both, pd.Series) else None
    parts = {"both": both, "left": left, "right": right, "n": n}
    labelled = {name: one for name, one in parts.items() if isinstance(one, pd.Series)}
    for name, one in labelled.items():
        aligned(one, name, next(iter(labelled.values())).index)  # or rows of two rules would meet
    given = [floats(one, name) for name, one in parts.items()]
    if len(sizes := {one.shape for one in given if one.ndim}) > 1 or any(one.ndim > 1 for one in given):
        raise ValueError(
            "both, left, right and n are single numbers or columns of one length; the shapes are "
            f"{', '.join(map(str, sorted(sizes)))}."
        )
    counts = [np.atleast_1d(one) for one in np.broadcast_arrays(*given)]
    for values, name in zip(counts, parts, strict=True):
        if wrong := [float(one) for one in values[~((values >= 0) & (values % 1 == 0))][:1]]:
            raise ValueError(f"{name} counts baskets: whole numbers of at least 0; got {wrong[0]:g}.")
    a, b, c, whole = counts
    bad = (a > np.minimum(b, c)) | (b + c - a > whole) | (b < 1) | (c < 1)
    if bad.any():
        row = int(np.argmax(bad))
        raise ValueError(
            f"Row {row} has both {a[row]:g}, left {b[row]:g}, right {c[row]:g} of n {whole[row]:g}: each "
            "side is in at least one basket, both in no more than either, left + right − both at most n."
        )
    if ((b == whole) | (c == whole)).any():
        warnings.warn(_IN_ALL.format("A side"), IntervalWarning, stacklevel=2)
    return pd.DataFrame(_measures(a, b, c, whole, alpha), index=index)


_IN_ALL = "{} is in every basket: its lift is 1 with anything, which says nothing, and has no interval."


def _measures(both: Array, left: Array, right: Array, n: Array | float, alpha: float) -> dict[str, Array]:
    certain = (left == n) | (right == n)
    a, b, c, whole = both + 0.5, left + 1.0, right + 1.0, n + 2.0
    middle = a * whole / (b * c)
    error = np.sqrt(1 / a - 1 / b - 1 / c + (2 * middle - 1) / whole)
    reach = np.exp(deviations(alpha) * error)
    low, high = np.where(both == 0, 0.0, middle / reach), middle * reach
    return {
        "support": both / n,
        "confidence": both / left,
        "confidence_back": both / right,
        "lift": both * n / (left * right),
        "low": np.where(certain, np.nan, low),
        "high": np.where(certain, np.nan, high),
        "p_value": _fisher(both, left, right, n),
    }


def _fisher(both: Array, left: Array, right: Array, n: Array | float) -> Array:
    """Return twice the hypergeometric tail on the side on which the count lies, at most 1."""
    fewer = both * n < left * right  # then count the baskets with the left side and without the right
    k, right = np.where(fewer, left - both, both), np.where(fewer, n - right, right)
    neither = n - left - right

    def ways(total: Array | float, chosen: Array) -> Array:
        found: Array = gammaln(total + 1.0) - gammaln(chosen + 1.0) - gammaln(total - chosen + 1.0)
        return found

    first = np.exp(ways(right, k) + ways(n - right, left - k) - ways(n, left))
    tail, term, rows = np.ones(len(k)), np.ones(len(k)), np.arange(len(k))
    left, k = left.astype(float), k.astype(float)
    while len(rows):  # the terms fall from here on; a row leaves when its next one adds nothing
        term = term * (left - k) * (right - k) / ((k + 1) * (neither + k + 1))
        tail[rows] += term
        on = term > 1e-13 * tail[rows]
        rows, term, left, right, neither, k = (one[on] for one in (rows, term, left, right, neither, k + 1))
    return np.minimum(2 * first * tail, 1)


def pairs(
    lines: Any,
    basket: str = "order_id",
    item: str = "product_id",
    least: int = 1,
    alpha: float = 0.05,
) -> Any:
    """Return for pairs of items how many baskets hold both, and their lift with interval and p-value.

    Parameters
    ----------
    lines : table
        A row for each item of a basket: pandas, Polars (eager or lazy), pyarrow or DuckDB. An item that
        stands in a basket twice counts once. Baskets of one item count among all baskets.
    basket, item : str
        Their columns; no id may be missing.
    least : int
        The least number of baskets with both. With 0 every pair is listed, those never met together too,
        among which substitutes are.
    alpha : float
        One minus the level of the intervals.

    Returns
    -------
    table of the caller's kind
        A row per pair, sorted by it: ``one``, ``other`` (the items, in the order of their ids), ``both``,
        ``left``, ``right``, ``n`` (baskets with both, with each, in all), the columns of :func:`lift`, and
        ``q_value``: of the pairs with a q-value no larger than this one, at most this share is expected to
        be luck.

    Raises
    ------
    ValueError
        If the table has no rows, lacks a column or an id, or has but one item; if all pairs of over 3,000
        items are asked for; if `least` is not a whole number.

    Warns
    -----
    IntervalWarning
        If an item is in every basket.

    Notes
    -----
    For the null hypothesis of ``p_value`` see :func:`lift`. ``q_value`` is that of Benjamini and Hochberg
    (1995) over *all* pairs of the items, not only over those listed: whoever looks at the pairs met has
    looked at the others, too. It holds for tests that are independent or go together; the table is computed
    at once, for lazy tables too.

    References
    ----------
    Benjamini, Y. & Hochberg, Y. (1995). Controlling the false discovery rate. Journal of the Royal
    Statistical Society B 57(1), 289–300. https://doi.org/10.1111/j.2517-6161.1995.tb02031.x

    Examples
    --------
    >>> product = ["cup", "tea", "cup", "tea", "tea", "jam"]
    >>> lines = pd.DataFrame({"order_id": [1, 1, 2, 2, 3, 4], "product_id": product})
    >>> pairs(lines)[["one", "other", "both", "left", "right", "n", "lift"]].round(2)
       one other  both  left  right  n  lift
    0  cup   tea     2     2      3  4  1.33
    """
    whole_number(least, "least", 0)
    level(alpha)
    held, items = _coded(with_ids(lines, basket, item), basket, item)
    many, n = len(items), held["basket"].n_unique()
    one, other, both = _met(held, many)
    if least == 0:
        one, other, both = _all_pairs(one, other, both, many)
    kept = both >= least
    one, other, both = one[kept], other[kept], both[kept]
    size = items["len"].to_numpy().astype(np.int64)
    if (size == n).any():
        name = items["item"].to_numpy()[size == n][0]
        warnings.warn(_IN_ALL.format(f"{item} {name!r}"), IntervalWarning, stacklevel=2)
    # millions of pairs have the same few counts: each kind is computed once
    sizes, rank = np.unique(size, return_inverse=True)
    keys = pl.DataFrame({"key": (both * len(sizes) + rank[one]) * len(sizes) + rank[other]})
    kinds = keys.group_by("key").len("pairs").sort("key").with_row_index("kind")
    kind = keys.join(kinds, on="key", how="left", maintain_order="left")["kind"].to_numpy()
    rest, right = np.divmod(kinds["key"].to_numpy(), len(sizes))
    met, left = np.divmod(rest, len(sizes))
    found = _measures(met, sizes[left], sizes[right], float(n), alpha)
    found["q_value"] = _q_values(found["p_value"], many, kinds["pairs"].to_numpy())
    columns = {"both": both, "left": size[one], "right": size[other], "n": np.full(len(one), n)}
    return _handed_back(
        items, one, other, columns | {name: values[kind] for name, values in found.items()}, lines
    )


def _coded(
    frame: nw.DataFrame[Any] | nw.LazyFrame[Any], basket: str, item: str, *more: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return each item of each basket once, by the item's number, and the items with their counts."""
    asked = [nw.col(basket).alias("basket"), nw.col(item).alias("item")]
    asked += [nw.col(name).alias(f"within_{place}") for place, name in enumerate(more)]
    rows = frame.select(*asked)  # before Polars takes them: other columns may hold what it has no type for
    rows = rows.lazy("polars") if isinstance(rows, nw.DataFrame) else rows
    held = rows.unique().collect("polars").to_native()
    held = held.with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String))
    items = held.select("basket", "item").unique() if more else held
    items = (
        items.group_by("item").len().sort("item").with_columns(code=pl.int_range(pl.len(), dtype=pl.Int64))
    )
    if len(items) < 2:
        raise ValueError(f"There is only one {item}, {items['item'][0]!r}: a pair needs two.")
    return held.join(items.select("item", "code"), on="item").drop("item"), items


def _met(held: pl.DataFrame, many: int) -> tuple[Array, Array, Array]:
    """Return the pairs that stand in a basket together, by number, and in how many they do."""
    rows = held.lazy().select("basket", "code")
    together = rows.join(rows, on="basket").filter(pl.col("code") < pl.col("code_right"))
    key = (pl.col("code") * many + pl.col("code_right")).alias("key")
    found = together.select(key).group_by("key").len().sort("key").collect()
    one, other = np.divmod(found["key"].to_numpy(), many)
    return one, other, found["len"].to_numpy().astype(np.int64)


def _all_pairs(one: Array, other: Array, both: Array, many: int) -> tuple[Array, Array, Array]:
    if many > MOST_ITEMS:
        raise ValueError(
            f"{many:,} items have {many * (many - 1) // 2:,} pairs. List all pairs of at most {MOST_ITEMS:,} "
            "items: keep those bought most, count categories in place of items, or give least=1 in pairs()."
        )
    table = np.zeros((many, many), np.int64)
    table[one, other] = both
    one, other = np.triu_indices(many, 1)
    return one, other, table[one, other]


def _q_values(p_values: Array, many: int, pairs: Array | None = None) -> Array:
    """Return Benjamini and Hochberg's over all pairs of `many` items; a row may stand for several `pairs`."""
    order = np.argsort(p_values, kind="stable")
    place = np.cumsum(np.ones(len(order)) if pairs is None else pairs[order])
    share = p_values[order] * (many * (many - 1) / 2) / place
    found = np.empty(len(order))
    found[order] = np.minimum(np.minimum.accumulate(share[::-1])[::-1], 1)
    return found


def _handed_back(items: pl.DataFrame, one: Array, other: Array, columns: dict[str, Array], like: Any) -> Any:
    names = items["item"].to_arrow()
    names = names.cast(pa.string()) if pa.types.is_large_string(names.type) else names
    both = {"one": names.take(pa.array(one)), "other": names.take(pa.array(other))}
    return as_kind(pa.table(both | {name: pa.array(values) for name, values in columns.items()}), like)


def pairs_by_luck(
    lines: Any,
    basket: str = "order_id",
    item: str = "product_id",
    within: str | None = None,
    alpha: float = 0.05,
) -> Any:
    """Return for all pairs of items how many baskets hold both, and how many would by luck.

    The luck is that of items dealt anew among the baskets *of the same size*: a basket keeps how many items
    it holds, an item how often it is in baskets of each size. A large basket holds many pairs, a basket of
    one none, and neither makes two items go together.

    Parameters
    ----------
    lines : table
        A row for each item of a basket, as in :func:`pairs`.
    basket, item : str
        Their columns.
    within : str, optional
        A column that is the same in all lines of a basket, such as the customer or the year: items are then
        dealt among the baskets of the same size *and* of the same customer or year. Customers' tastes, or
        items that were not sold all the time, then no longer look like pairs.
    alpha : float
        One minus the level of the intervals.

    Returns
    -------
    table of the caller's kind
        A row per pair, sorted by it: ``one``, ``other``, ``both``, ``expected`` (baskets with both, by
        luck), ``ratio`` = both / expected with ``low`` and ``high``, ``p_value``, and ``q_value`` as in
        :func:`pairs`. Complements lie above 1, substitutes below. Where luck expects none, the ratio is NaN
        and p is 1.

    Raises
    ------
    ValueError
        As :func:`pairs`; also if a basket has several values of `within`, if there are over 3,000 items, or
        if no basket holds two.

    Notes
    -----
    In a basket of k items each has k − 1 companions. The expected numbers keep how many companions each item
    has in each group of baskets and leave it to luck which they are: they are vᵢvⱼ off the diagonal, which is
    quasi-independence, fitted by iteration. Interval and p-value (the smaller tail doubled) take ``both``
    as Poisson. Its variance is that or less, so a p-value is rather too large than too small; the more so
    with `within` groups of few baskets, which keep much of what was met.

    References
    ----------
    Goodman, L. A. (1968). The analysis of cross-classified data: independence, quasi-independence, and
    interactions in contingency tables with or without missing entries. Journal of the American Statistical
    Association 63(324), 1091–1131. https://doi.org/10.1080/01621459.1968.10480916

    Gionis, A., Mannila, H., Mielikäinen, T. & Tsaparas, P. (2007). Assessing data mining results via swap
    randomization. ACM Transactions on Knowledge Discovery from Data 1(3), 14.
    https://doi.org/10.1145/1297332.1297338

    Examples
    --------
    Six baskets of two; each of four items has three companions, one of each kind by luck:

    >>> rows = ["ab", "ab", "ab", "cd", "cd", "cd"]
    >>> lines = pd.DataFrame({"order_id": np.repeat(range(6), 2), "product_id": list("".join(rows))})
    >>> pairs_by_luck(lines)[["one", "other", "both", "expected", "ratio"]].head(2).round(2)
      one other  both  expected  ratio
    0   a     b     3       1.0    3.0
    1   a     c     0       1.0    0.0
    """
    alpha = level(alpha)
    more = [] if within is None else [within]
    held, items = _coded(with_ids(lines, basket, item, *more), basket, item, *more)
    many = len(items)
    one, other, both = _all_pairs(*_met(held, many), many)
    if within is not None:
        values = held.group_by("basket").agg(pl.col("within_0").n_unique())
        if len(torn := values.filter(pl.col("within_0") > 1)):
            raise ValueError(
                f"{len(torn)} of {len(values)} baskets have more than one {within}; one of them is "
                f"{torn['basket'].min()!r}. A basket belongs to one {within}."
            )
    expected = _dealt(held, many)[one, other]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = both / np.where(expected > 0, expected, np.nan)
        low = np.where(both > 0, chdtri(2 * both, 1 - alpha / 2), 0) / 2 / expected
        high = chdtri(2 * both + 2, alpha / 2) / 2 / expected
    tail = np.where(both > expected, gammainc(np.maximum(both, 1), expected), gammaincc(both + 1, expected))
    some = expected > 0
    found = {"both": both, "expected": expected, "ratio": ratio}
    found |= {"low": np.where(some, low, np.nan), "high": np.where(some, high, np.nan)}
    found["p_value"] = np.where(some, np.minimum(2 * tail, 1), 1.0)
    found["q_value"] = _q_values(found["p_value"], many)
    return _handed_back(items, one, other, found, lines)


def _dealt(held: pl.DataFrame, many: int) -> Array:
    """Return the expected number of baskets with each pair, the items dealt anew within groups of baskets."""
    sized = held.with_columns(size=pl.len().over("basket")).filter(pl.col("size") > 1)
    if not len(sized):
        raise ValueError("Every basket holds a single item: no two go together.")
    keys = [name for name in sized.columns if name not in ("basket", "code")]
    counts = sized.group_by(*keys, "code").len().sort(*keys, "code")
    group = counts.select(pl.struct(keys).rank("dense") - 1).to_series().to_numpy().astype(np.int64)
    companions = (counts["len"] * (counts["size"] - 1)).to_numpy().astype(float)
    groups = int(group.max()) + 1
    value = companions / np.sqrt(np.bincount(group, companions))[group]
    for _ in range(1000):
        rest = np.bincount(group, value, groups)[group] - value
        new = np.sqrt(value * companions / rest)  # the root keeps it from swinging to and fro
        done = np.abs(new - value).max() <= 1e-10 * value.max()
        value = new
        if done:
            break
    table = csr_array((value, (group, counts["code"].to_numpy())), shape=(groups, many))
    found: Array = (table.T @ table).toarray()
    return found


def plot_pairs(table: Any, value: str = "lift", names: Any = None, ax: Axes | None = None) -> Axes:
    """Draw pairs with their intervals on a scale of doublings, and a line where nothing goes together.

    Parameters
    ----------
    table : DataFrame
        Rows of :func:`pairs` or :func:`pairs_by_luck`, in the order in which they are drawn, from above.
    value : str
        "lift" or "ratio".
    names : mapping, optional
        What to call the items.
    ax : Axes, optional

    Returns
    -------
    Axes

    Examples
    --------
    >>> product = ["cup", "tea", "cup", "tea", "tea", "jam"]
    >>> lines = pd.DataFrame({"order_id": [1, 1, 2, 2, 3, 4], "product_id": product})
    >>> plot_pairs(pairs(lines)).get_xlabel()
    'lift'
    """
    table = drawn_table(table, ("one", "other", "low", "high"), "pairs(lines) or pairs_by_luck(lines)")
    # the intervals of a table are those of its lift or its ratio, and of no other column
    require_columns(table.columns, [look_up("value", value, {"lift": "lift", "ratio": "ratio"})])
    if not 0 < len(table) <= 60:
        raise ValueError(f"{len(table)} pairs: draw at least 1, and at most 60 or nobody can read them.")
    ax = plot.axes(ax, figsize=(9, 1.2 + 0.3 * len(table)))
    place, low = np.arange(len(table)), table["low"]
    # a scale of doublings has no 0: an interval that begins there runs to the edge
    least = np.nanmin([low[low > 0].min(), table["high"].min() / 4])
    ax.hlines(place, low.where(low > 0, least), table["high"], color=plot.QUIET, lw=6, label="interval")
    ax.plot(table[value].where(table[value] > 0), place, "o", color=plot.PALETTE[0], label=value)
    ax.axvline(1, color=plot.INK, ls="--", label="no more, no less than by luck")
    ax.set_xscale("log", base=2)
    ax.xaxis.set_major_formatter(lambda tick, _: f"{tick:g}" if tick >= 1 else f"1/{1 / tick:g}")
    called = {} if names is None else dict(names)
    both = zip(table["one"], table["other"], strict=True)
    ax.set_yticks(place, [" + ".join(str(called.get(one, one)) for one in pair) for pair in both])
    ax.set_ylim(len(table) - 0.5, -0.5)
    plot.legend_beside(ax)
    return plot.annotate(ax, "Pairs of items", value, "")
