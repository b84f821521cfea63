"""How good lists are: what comes next is hidden, foretold, counted with intervals, and how varied it is."""

from collections.abc import Mapping
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from crmlab._arguments import floats, generator, level
from crmlab._intervals import resampled
from crmlab._kinds import with_ids
from crmlab._tables import as_day, as_pandas, number_columns, require_columns, whole_number

_LABELS = (nw.Categorical, nw.Enum)
_BLOCK = 10_000_000  # numbers drawn at a time
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
    frame: Any = with_ids(lines, customer, basket, date)  # lazy or not: both can all that follows
    kind = frame.collect_schema()[date]
    if not (kind.is_temporal() or kind.is_numeric()):
        raise ValueError(
            f"{date} holds {kind}: which text comes later is not told by the alphabet. Make it a date, in "
            f"pandas by pd.to_datetime(lines[{date!r}])."
        )
    if at is not None and not kind.is_temporal():
        raise ValueError(f"at={at!r} is a day, and {date} holds {kind}. Leave `at` out, or give dates.")
    labels = [one for one in (customer, basket) if isinstance(frame.collect_schema()[one], _LABELS)]
    if labels:  # of labels without an order there is no larger one
        frame = frame.with_columns(*(nw.col(one).cast(nw.String) for one in labels))
    who, begun = nw.col(customer), nw.col("crmlab_begun")
    # lines of a basket may have times of their own
    every = frame.group_by(basket).agg(
        who.min(), who.max().alias("crmlab_other"), nw.col(date).min().alias("crmlab_begun")
    )
    if len(torn := every.filter(who != nw.col("crmlab_other")).head(1).lazy().collect()):
        raise ValueError(f"{basket} {torn[basket][0]!r} has more than one {customer}: a basket is of one.")
    if at is None:
        several = every.group_by(customer).agg(nw.len().alias("crmlab_many"))
        late = every.join(several.filter(nw.col("crmlab_many") > 1), on=customer, how="semi")
        turn, first = begun.max(), nw.col(basket).max()
    else:
        day = nw.lit(pd.Timestamp(as_day(at, "at")).to_pydatetime())
        early = every.filter(begun.cast(nw.Datetime("us")) < day)
        late = every.join(early, on=basket, how="anti").join(early, on=customer, how="semi")
        turn, first = begun.min(), nw.col(basket).min()
    turns = late.group_by(customer).agg(turn.alias("crmlab_turn"))
    late = late.join(turns, on=customer).filter(begun == nw.col("crmlab_turn"))
    out = late.group_by(customer).agg(first)
    hidden = frame.join(out, on=basket, how="semi")
    seen = frame.join(out, on=basket, how="anti") if at is None else frame.join(early, on=basket, how="semi")
    for part, what in ((seen, "seen"), (hidden, "hidden")):
        if not len(part.head(1).lazy().collect()):
            sides = "." if at is None else ", one on each side of `at`."
            raise ValueError(f"No basket is left to be {what}: a customer needs two{sides}")
    return seen.to_native(), hidden.to_native()


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
