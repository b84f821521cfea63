"""What next: lists of articles for each customer, by likeness or by factors, and how good they prove."""

from collections.abc import Callable, Mapping
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from scipy.sparse import csr_array, diags_array
from scipy.sparse.linalg import svds

from crmlab._arguments import floats, generator, level
from crmlab._intervals import resampled
from crmlab._kinds import as_kind, with_ids
from crmlab._tables import as_day, as_pandas, look_up, number_columns, require_columns, whole_number

MOST_ITEMS = 5_000
"""Items that are compared each with each: a table of twenty-five million likenesses."""
_METHODS = {name: name for name in ("popular", "own", "items", "factors")}
_BLOCK = 10_000_000  # scores held at a time
Array = np.ndarray[Any, Any]


def leave_last_out(
    lines: Any,
    customer: str = "customer_id",
    basket: str = "order_id",
    date: str = "ordered_at",
    at: Any = None,
) -> tuple[Any, Any]:
    """Split lines into what a method may see and the one basket of each customer that it has to foretell.

    Parameters
    ----------
    lines : table
        A row for each item of a basket: pandas, Polars (eager or lazy), pyarrow or DuckDB.
    customer, basket, date : str
        Their columns; none may be missing. The date is a day, a time or a number, not a text.
    at : date, optional
        Without it the last basket of each customer is hidden and all before it is seen: one customer's last
        basket may then lie before what is seen of another. With it, all before this day is seen, nothing
        after it, and what is hidden is each customer's first basket from this day on.

    Returns
    -------
    seen, hidden : tables of the caller's kind
        Rows of `lines`. Each customer in `hidden` has at least one basket in `seen`; of a customer with a
        single basket nothing is hidden. Of two baskets of one moment the one with the larger id is the later.

    Raises
    ------
    ValueError
        If the table has no rows, lacks a column, an id or a date; if the date is a text; if a basket belongs
        to two customers; if nothing is left to be seen or to be hidden.

    Examples
    --------
    >>> lines = pd.DataFrame({"customer_id": [1, 1, 2], "order_id": [7, 8, 9], "ordered_at": [10, 20, 30]})
    >>> seen, hidden = leave_last_out(lines)
    >>> seen["order_id"].tolist(), hidden["order_id"].tolist()
    ([7, 9], [8])
    """
    frame = with_ids(lines, customer, basket, date)
    kind = frame.collect_schema()[date]
    if not (kind.is_temporal() or kind.is_numeric()):
        raise ValueError(
            f"{date} holds {kind}: which text comes later is not told by the alphabet. Make it a date, in "
            f"pandas by pd.to_datetime(lines[{date!r}])."
        )
    names = frame.collect_schema().names()
    if at is not None and not kind.is_temporal():
        raise ValueError(f"at={at!r} is a day, and {date} holds {kind}. Leave `at` out, or give dates.")
    owner = nw.col(customer)
    torn = frame.select(basket, torn=owner.min().over(basket) != owner.max().over(basket))
    if len(found := torn.filter(nw.col("torn")).head(1).lazy().collect()):
        raise ValueError(f"{basket} {found[basket][0]!r} has more than one {customer}: a basket is of one.")
    begun, mine = nw.col("crmlab_begun"), nw.col(basket)
    rows = frame.with_columns(
        crmlab_begun=nw.col(date).min().over(basket)
    )  # lines may have times of their own
    if at is None:
        rows = rows.with_columns(crmlab_turn=begun.max().over(customer))
        same = nw.when(begun == nw.col("crmlab_turn")).then(mine)
        rows = rows.with_columns(crmlab_out=same.max().over(customer), crmlab_one=mine.min().over(customer))
        rows = rows.with_columns(crmlab_two=mine.max().over(customer))
        hidden = (mine == nw.col("crmlab_out")) & (nw.col("crmlab_one") != nw.col("crmlab_two"))
        seen = ~hidden
    else:
        day = pd.Timestamp(as_day(at, "at")).to_pydatetime()
        seen = begun.cast(nw.Datetime("us")) < nw.lit(day)
        rows = rows.with_columns(crmlab_seen=seen.cast(nw.Int64))
        seen = nw.col("crmlab_seen") == 1
        late = nw.when(~seen).then(begun)
        rows = rows.with_columns(
            crmlab_turn=late.min().over(customer), crmlab_known=nw.col("crmlab_seen").max().over(customer)
        )
        same = nw.when(~seen & (begun == nw.col("crmlab_turn"))).then(mine)
        rows = rows.with_columns(crmlab_out=same.min().over(customer))
        hidden = ~seen & (nw.col("crmlab_known") == 1) & (mine == nw.col("crmlab_out"))
    parts = [rows.filter(chosen).select(names) for chosen in (seen, hidden)]
    for part, what in zip(parts, ("seen", "hidden"), strict=True):
        if not len(part.head(1).lazy().collect()):
            raise ValueError(
                f"No basket is left to be {what}: a customer needs two"
                + (", or one on each side of `at`." if at is not None else ".")
            )
    return parts[0].to_native(), parts[1].to_native()


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


def compare_lists(
    lists: Mapping[str, Any],
    hidden: Any,
    customer: str = "customer_id",
    item: str = "product_id",
    worth: str | None = None,
    alpha: float = 0.05,
    draws: int = 2000,
    rng: Any = 0,
) -> pd.DataFrame:
    """Return how often lists foretold what was hidden, and how varied they are, with intervals.

    Parameters
    ----------
    lists : mapping of str to table
        Tables of :func:`recommend`, or others with the customer and the item, by a name for each. The first
        is the one with which the others are compared.
    hidden : table
        What was bought next: a row per customer and item, as :func:`leave_last_out` gives it. An item that
        stands there twice for a customer counts once (its worth is added up).
    customer, item : str
        Columns of all tables.
    worth : str, optional
        A column of `hidden` with the money that a row is worth.
    alpha, draws, rng
        One minus the level of the intervals; how often customers are drawn anew; the randomness.

    Returns
    -------
    DataFrame
        A row per list, by its name. ``customers``: those in `hidden`, all of whom count, listed or not;
        ``foretold``: the share of them of whose hidden items at least one was on their list, with ``low`` and
        ``high``; ``ahead``: that share less the first list's, with ``ahead_low`` and ``ahead_high`` (both
        lists on the same customers); ``items``: how many different items are on all lists; ``effective``:
        their effective number (see :func:`variety`). With `worth` also ``worth``: the money of the hidden
        items foretold, per customer, with ``worth_low`` and ``worth_high``.

    Raises
    ------
    ValueError
        If there is no list, a table lacks a column or an id, holds nobody who is in `hidden`, or has an item
        twice for one customer; if a worth is not a number.

    Notes
    -----
    Customers are drawn anew with all that is theirs, and all lists on the same draws; the intervals are
    percentiles. They hold for these lists as they are: that the lists themselves would differ with other
    customers is not in them.

    Examples
    --------
    >>> hidden = pd.DataFrame({"customer_id": [1, 2, 3, 4], "product_id": ["tea", "tea", "cup", "jam"]})
    >>> tea = pd.DataFrame({"customer_id": [1, 2, 3, 4], "product_id": "tea"})
    >>> compare_lists({"tea": tea, "hidden": hidden}, hidden)[["customers", "foretold", "ahead", "effective"]]
            customers  foretold  ahead  effective
    tea             4       0.5    0.0   1.000000
    hidden          4       1.0    0.5   2.666667
    """
    level(alpha)
    whole_number(draws, "draws", 100)
    if not isinstance(lists, Mapping) or not lists:
        raise ValueError('lists holds tables by name, such as {"popular": recommend(lines, "popular")}.')
    keys = [customer, item]
    with_ids(hidden, *keys)
    out = as_pandas(hidden)
    if worth is not None:
        require_columns(out.columns, [worth])
        number_columns(out, worth)
    out = out.assign(crmlab_worth=0.0 if worth is None else out[worth])
    out = out.groupby(keys, observed=True)["crmlab_worth"].sum().reset_index()
    people = pd.Index(out[customer].unique())
    hits, money, found = [], [], {}
    for name, table in lists.items():
        with_ids(table, *keys)
        listed = as_pandas(table)[keys]
        if listed.duplicated().any():
            who, what = listed[listed.duplicated()].head(1).to_numpy(object)[0]
            raise ValueError(f"The list {name!r} names {item} {what!r} twice for {who!r}.")
        if not listed[customer].isin(people).any():
            raise ValueError(f"The list {name!r} is for none of the customers in `hidden`.")
        met = out.merge(listed, on=keys)
        hits.append(people.isin(met[customer]).astype(float))
        money.append(
            met.groupby(customer, observed=True)["crmlab_worth"].sum().reindex(people, fill_value=0.0)
        )
        sold = variety(listed[item].value_counts())
        found[name] = {"customers": len(people), "items": sold["items"], "effective": sold["effective"]}
    values = np.column_stack([*hits, *money])
    many = len(lists)
    ends = _redrawn(values, draws, generator(rng))
    mean = values.mean(axis=0)
    parts = {"": (mean[:many], ends[:, :many])}
    parts["ahead"] = (mean[:many] - mean[0], ends[:, :many] - ends[:, :1])
    parts["worth"] = (mean[many:], ends[:, many:])
    table = pd.DataFrame(found).T.astype({"customers": int, "items": int})
    for name, (middle, drawn) in parts.items():
        if name == "worth" and worth is None:
            continue
        low, high = resampled(drawn, alpha=alpha)
        before = f"{name}_" if name else ""
        table[name or "foretold"], table[f"{before}low"], table[f"{before}high"] = middle, low, high
    first = ["customers", "foretold", "low", "high", "ahead", "ahead_low", "ahead_high"]
    return table[[*first, *(one for one in table if one.startswith("worth")), "items", "effective"]]


def _redrawn(values: Array, draws: int, rng: np.random.Generator) -> Array:
    """Return means of the columns over rows drawn anew, a row per draw."""
    kinds, counts = np.unique(values, axis=0, return_counts=True)  # rows alike are drawn together
    at_once = max(1, _BLOCK // len(kinds))
    shares, n = counts / counts.sum(), int(counts.sum())
    found = [
        rng.multinomial(n, shares, size=min(at_once, draws - start)) @ kinds / n
        for start in range(0, draws, at_once)
    ]
    return np.concatenate(found)


def variety(sold: Any) -> pd.Series:
    """Return how varied what is sold is, from how much of each item.

    Parameters
    ----------
    sold : Series, mapping or sequence
        Of each item, how often it was sold (or how much), at least 0; with the items that nobody took, as 0,
        if they are on offer.

    Returns
    -------
    Series
        - ``items``: how many are sold at all;
        - ``effective``: how many items sold equally often would be as varied: 1 / Σ share². Two sales drawn
          by lot are of one item with probability 1 / effective;
        - ``gini``: 0 if all are sold equally often, near 1 if one of many is all that is sold;
        - ``top``: the share of the item sold most.

    Raises
    ------
    ValueError
        If a number is negative or not finite, or nothing is sold.

    References
    ----------
    Hill, M. O. (1973). Diversity and evenness: a unifying notation and its consequences. Ecology 54(2),
    427–432. https://doi.org/10.2307/1934352 (the number of order 2)

    Examples
    --------
    >>> variety([5, 5, 0]).round(2).to_dict()
    {'items': 2.0, 'effective': 2.0, 'gini': 0.33, 'top': 0.5}
    """
    numbers = floats(list(sold.values()) if isinstance(sold, Mapping) else sold, "sold").ravel()
    if not len(numbers) or (numbers < 0).any() or not numbers.sum() > 0:
        raise ValueError("sold has one number for each item, at least 0, and something is sold.")
    share = np.sort(numbers / numbers.sum())
    rank = np.arange(1, len(share) + 1)
    return pd.Series(
        {
            "items": float((share > 0).sum()),
            "effective": 1 / (share**2).sum(),
            "gini": float((2 * rank - len(share) - 1) @ share / len(share)),
            "top": share[-1],
        }
    )
