"""What next: lists of items for each customer, by popularity, own history, likeness or factors."""

from collections.abc import Callable
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from scipy.sparse import csr_array, diags_array
from scipy.sparse.linalg import svds

from crmlab._kinds import as_kind, with_ids
from crmlab._tables import look_up, whole_number

MOST_ITEMS = 5_000
"""Items that are compared each with each: a table of twenty-five million likenesses."""
_METHODS = {name: name for name in ("popular", "own", "items", "factors")}
_BLOCK = 10_000_000  # scores held at a time
Array = np.ndarray[Any, Any]


def _held(
    lines: Any, customer: str, basket: str, item: str, counted: bool = False
) -> tuple[csr_array, pl.Series, pl.Series]:
    """Return whether (or in how many baskets) each customer has each item, the customers, and the items.

    Customers stand in the order of their ids, items in that of how many customers have them, most first.
    """
    frame = with_ids(lines, customer, basket, item)
    # before Polars takes them: other columns may hold what it has no type for
    rows = frame.select(customer=nw.col(customer), basket=nw.col(basket), item=nw.col(item))
    rows = rows.lazy("polars") if isinstance(rows, nw.DataFrame) else rows
    held = rows.collect("polars").to_native()
    held = held.with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String))
    owners = held.group_by("basket").agg(one=pl.col("customer").min(), other=pl.col("customer").max())
    if len(torn := owners.filter(pl.col("one") != pl.col("other"))):
        raise ValueError(
            f"{basket} {torn['basket'].min()!r} has more than one {customer}: a basket is of one."
        )
    # a line that stands there twice counts once; what only asks whether need not count
    rows = held.unique() if counted else held
    times = rows.group_by("customer", "item").len("times")
    people = times.select("customer").unique().sort("customer").with_row_index("row")
    items = times.group_by("item").len("many").sort(["many", "item"], descending=[True, False])
    items = items.with_row_index("column")
    if len(items) < 2:
        raise ValueError(f"There is only one {item}, {items['item'][0]!r}: nothing to choose from.")
    times = times.join(people, on="customer").join(items, on="item").sort("row", "column")
    places = (times["row"].to_numpy().astype(np.int64), times["column"].to_numpy().astype(np.int64))
    shape = (len(people), len(items))
    table = csr_array((times["times"].to_numpy().astype(float), places), shape=shape)
    if not counted:
        table.data[:] = 1
    return table, people["customer"], items["item"]


def _likeness(has: csr_array) -> Array:
    """Return the cosine of each two items' customers, 1 for an item with itself."""
    if has.shape[1] > MOST_ITEMS:
        raise ValueError(
            f"{has.shape[1]:,} items are too many to compare each with each (at most {MOST_ITEMS:,}). Keep "
            'those bought most, count categories in place of items, or take method="factors".'
        )
    scale = diags_array(1 / np.sqrt(has.sum(axis=0)))
    found: Array = (scale @ (has.T @ has) @ scale).toarray()
    return found


def _factors(has: csr_array, factors: int) -> Array:
    """Return the items' places on the factors: the right singular vectors of who has bought what."""
    whole_number(factors, "factors", 1)
    if factors >= min(has.shape):
        raise ValueError(
            f"{factors} factors of {has.shape[0]} customers and {has.shape[1]} items: there have to be fewer "
            "factors than either, or nothing is summed up."
        )
    start = np.ones(min(has.shape))  # ARPACK else begins by chance
    found: Array = svds(has, factors, v0=start, return_singular_vectors="vh")[2].T
    return found


def _scorer(method: str, times: csr_array, factors: int) -> Callable[[csr_array], Array]:
    """Return what gives rows of `times` their scores."""
    if method == "popular":
        share = times.sum(axis=0) / times.shape[0]
        return lambda rows: np.tile(share, (rows.shape[0], 1))
    if method == "own":
        return lambda rows: rows.toarray()
    if method == "items":
        likeness = _likeness(times)
        return lambda rows: rows @ likeness
    axes = _factors(times, factors)
    return lambda rows: (rows @ axes) @ axes.T


def recommend(
    lines: Any,
    method: str = "items",
    k: int = 3,
    customer: str = "customer_id",
    basket: str = "order_id",
    item: str = "product_id",
    new: bool = True,
    customers: Any = None,
    factors: int = 10,
) -> Any:
    """Return for each customer a list of `k` items, best first.

    Parameters
    ----------
    lines : table
        A row for each item of a basket: pandas, Polars (eager or lazy), pyarrow or DuckDB. An item that
        stands in a basket twice counts once.
    method : str
        What the list hangs on:

        - ``"popular"``: how many customers have bought the item; the same for everybody;
        - ``"own"``: in how many of his own baskets the customer had it;
        - ``"items"``: the sum of its likenesses to what he has bought (to itself: 1), as in
          :func:`similar_items`;
        - ``"factors"``: what a few factors behind all purchases make of his own.
    k : int
        Items on a list.
    customer, basket, item : str
        Columns; no id may be missing.
    new : bool
        Leave out what the customer has bought before. With False it may be on the list.
    customers : sequence, optional
        For whom; by default all in `lines`. Who is not there has no history and gets the popular list.
    factors : int
        How many, fewer than items and customers.

    Returns
    -------
    table of the caller's kind
        A row per customer and place: the customer, ``place`` (1 is best), the item, ``score`` (to be compared
        within a method only), ``by`` (the method; "popular" where it had nothing to go by). Of equal scores
        the item with more customers comes first, then the smaller id. A customer who has bought nearly
        everything has a shorter list.

    Raises
    ------
    ValueError
        If the table has no rows, lacks a column or an id, or has but one item; if a basket has two customers;
        if the method is not known, or is "own" with ``new=True``; if there are too few items or customers for
        the factors, or over 5,000 items for likenesses; if `customers` names one twice or in another type.

    Notes
    -----
    Likenesses and factors look at whether a customer has ever bought an item, not how often. The factors are
    those of a truncated singular value decomposition of the table of ones and zeros, by scipy; not to have
    bought counts as a zero. (Cremonesi et al. call this PureSVD. Hu et al. give the zeros less weight.)

    References
    ----------
    Sarwar, B., Karypis, G., Konstan, J. & Riedl, J. (2001). Item-based collaborative filtering recommendation
    algorithms. WWW 10, 285–295. https://doi.org/10.1145/371920.372071

    Cremonesi, P., Koren, Y. & Turrin, R. (2010). Performance of recommender algorithms on top-N
    recommendation tasks. RecSys 2010, 39–46. https://doi.org/10.1145/1864708.1864721

    Hu, Y., Koren, Y. & Volinsky, C. (2008). Collaborative filtering for implicit feedback datasets. ICDM
    2008, 263–272. https://doi.org/10.1109/ICDM.2008.22

    Examples
    --------
    >>> bought = {"Al": ["tea", "cup"], "Bo": ["tea", "cup"], "Cy": ["tea"], "Di": ["jam"]}
    >>> rows = [(who, item) for who, items in bought.items() for item in items]
    >>> lines = pd.DataFrame(rows, columns=["customer_id", "product_id"]).assign(order_id=range(6))
    >>> recommend(lines, k=1, customers=["Cy"]).round(2)
      customer_id  place product_id  score     by
    0          Cy      1        cup   0.82  items
    """
    look_up("method", method, _METHODS)
    whole_number(k, "k", 1)
    if method == "own" and new:
        raise ValueError('method="own" lists what a customer has bought before: give new=False.')
    times, people, items = _held(lines, customer, basket, item, counted=method == "own")
    asked = people if customers is None else _asked(customers, people, customer)
    place = pl.DataFrame({"customer": asked}).join(
        pl.DataFrame({"customer": people}).with_row_index("row"),
        on="customer",
        how="left",
        maintain_order="left",
    )
    row = place["row"].cast(pl.Int64).fill_null(-1).to_numpy()
    score = _scorer(method, times, factors)
    many = min(k, len(items))
    found: list[tuple[Array, ...]] = []
    size = max(1, _BLOCK // len(items))
    for start in range(0, len(row), size):
        mine = row[start : start + size]
        known = mine >= 0
        held = times[np.maximum(mine, 0)]
        scores = np.round(score(held), 10)  # sums in another order differ in their last digits
        scores[~known] = 0
        had = held.toarray() > 0
        had[~known] = False
        left = np.where(had & new, -np.inf, scores)
        best = np.argsort(-left, axis=1, kind="stable")[:, :many]
        value = np.take_along_axis(left, best, axis=1)
        there = np.isfinite(value)
        who, which = np.nonzero(there)
        # a score of 0 is no reason: there the order is that of popularity
        plain = ~known[who] | ((value[who, which] == 0) & (method != "factors"))
        found.append((who + start, which, best[who, which], value[who, which], plain))
    who, which, best, value, plain = (np.concatenate(part) for part in zip(*found, strict=True))
    columns = {
        customer: _taken(asked, who),
        "place": pa.array(which + 1),
        item: _taken(items, best),
        "score": pa.array(value),
        "by": pa.array(np.where(plain, "popular", method).tolist()),
    }
    return as_kind(pa.table(columns), lines)


def _taken(ids: pl.Series, rows: Array) -> pa.Array:
    names = ids.to_arrow()
    names = names.cast(pa.string()) if pa.types.is_large_string(names.type) else names
    return names.take(pa.array(rows))


def _asked(customers: Any, people: pl.Series, customer: str) -> pl.Series:
    """Return those for whom a list is asked, in the type of the customers that there are."""
    try:
        given = pl.Series("customer", pd.Series(customers).tolist())
        asked = given.cast(people.dtype, strict=True) if given.dtype.is_integer() else given
    except (pl.exceptions.PolarsError, TypeError, OverflowError):
        given = asked = pl.Series("customer", [None])
    if asked.dtype != people.dtype or asked.null_count() or not len(asked):
        raise ValueError(
            f"customers are ids of {customer}, such as {people[0]!r}, at least one and none missing."
        )
    if len(twice := asked.filter(asked.is_duplicated())):
        raise ValueError(f"customers has {twice[0]!r} twice: a customer gets one list.")
    return asked


def similar_items(
    lines: Any, k: int = 3, customer: str = "customer_id", basket: str = "order_id", item: str = "product_id"
) -> Any:
    """Return for each item the `k` items that are most like it by who has bought them.

    The likeness is the cosine: customers with both, divided by the root of the customers with the one times
    those with the other. It is 1 where the same customers have bought both, 0 where none has.

    Parameters
    ----------
    lines : table
        As in :func:`recommend`.
    k : int
        Items listed for each.
    customer, basket, item : str
        Columns; no id may be missing.

    Returns
    -------
    table of the caller's kind
        A row per item and place, sorted by them: ``item``, ``place``, ``like`` (the other item),
        ``likeness``. Items with which it shares no customer are left out.

    Raises
    ------
    ValueError
        As :func:`recommend`.

    References
    ----------
    Sarwar et al. (2001), section 3.1.1; see :func:`recommend`.

    Examples
    --------
    >>> bought = {"Al": ["tea", "cup"], "Bo": ["tea", "cup"], "Cy": ["tea"], "Di": ["jam"]}
    >>> rows = [(who, item) for who, items in bought.items() for item in items]
    >>> lines = pd.DataFrame(rows, columns=["customer_id", "product_id"]).assign(order_id=range(6))
    >>> similar_items(lines).round(2)
      item  place like  likeness
    0  cup      1  tea      0.82
    1  tea      1  cup      0.82
    """
    whole_number(k, "k", 1)
    has, _, items = _held(lines, customer, basket, item)
    likeness = np.round(_likeness(has), 10)
    np.fill_diagonal(likeness, 0)  # to itself
    best = np.argsort(-likeness, axis=1, kind="stable")[:, :k]
    value = np.take_along_axis(likeness, best, axis=1)
    order = items.arg_sort().to_numpy()
    row, place = np.nonzero(value[order] > 0)
    one = order[row]
    columns = {"item": _taken(items, one), "place": pa.array(place + 1)}
    columns |= {"like": _taken(items, best[one, place]), "likeness": pa.array(value[one, place])}
    return as_kind(pa.table(columns), lines)
