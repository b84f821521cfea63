"""The one place that knows about table engines and about columns that are not there."""

from collections.abc import Iterable, Mapping
from datetime import date as Date
from datetime import datetime, time
from difflib import get_close_matches
from typing import Any, NamedTuple, TypeVar

import narwhals as nw
import narwhals.selectors as selectors
import numpy as np
import pandas as pd
from narwhals.typing import IntoFrame

from crmlab._remedies import check_dates, check_numbers, check_one_type

Entry = TypeVar("Entry")
FOLLOWERS = ("frequency", "days_since_last_order")  # what comes after the id in a table per customer
NO_ID = ("recency", "T", "periods", "monetary_value")
LARGEST_AMOUNT = 1e150  # its square is still a number, and so is the sum over any log


def unknown(kind: str, name: object, valid: Iterable[str]) -> str:
    """Return the sentence for a name that does not exist: those it begins or the nearest one, and all valid.

    Examples
    --------
    >>> unknown("data set", "cdnow_smaple", ["donations", "cdnow_sample"])
    "There is no data set 'cdnow_smaple'. Did you mean 'cdnow_sample'? Valid: cdnow_sample, donations."
    """
    valid, sought = sorted(map(str, valid)), str(name).lower()
    begun = [one for one in valid if sought and one.lower().startswith(sought)]
    near = begun[:3] or get_close_matches(sought, valid, n=1)
    hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
    return f"There is no {kind} {name!r}.{hint} Valid: {', '.join(valid)}."


def look_up(kind: str, name: object, entries: Mapping[str, Entry]) -> Entry:
    """Return the entry of this name, or raise ValueError with the names that there are.

    Examples
    --------
    >>> look_up("period", "W", {"D": 1, "W": 7})
    7
    """
    if not isinstance(name, str) or name not in entries:
        raise ValueError(unknown(kind, name, entries))
    return entries[name]


def require_columns(present: Iterable[str], needed: Iterable[str]) -> None:
    """Raise ValueError, listing the columns that are there, if a needed one is not, or is there twice.

    Examples
    --------
    >>> require_columns(["customer_id", "date"], ["customer_id"])
    """
    present = list(present)
    for column in needed:
        if column not in present:
            raise ValueError(unknown("column", column, present))
        if present.count(column) > 1:
            raise ValueError(f"There are {present.count(column)} columns {column!r}: rename or drop one.")


class TransactionLog(NamedTuple):
    """A transaction log that has been checked, and the days of its first and its last row."""

    rows: nw.LazyFrame[Any]  # columns customer, day and, where amounts were asked for, amount
    first: Date
    last: Date
    returned: bool  # whether there are negative amounts

    def until(self, end: Date) -> nw.LazyFrame[Any]:
        """Return the rows up to and including the day `end`."""
        # a filter that keeps everything would still copy a pandas table
        return (
            self.rows if self.last <= end else self.rows.filter(nw.col("day") <= day_literal(self.rows, end))
        )


def transactions(
    log: IntoFrame, customer: str, date: str, amount: str | None, returns: bool = False
) -> TransactionLog:
    """Check a transaction log of any table engine and bring it to plain columns.

    Parameters
    ----------
    log
        One row per transaction: a pandas, Polars (eager or lazy), pyarrow or DuckDB table.
    customer, date, amount
        Names of the columns: an id of one type, never missing; a date or a date and time without a time
        zone, never missing; a number up to ±1e150. `amount=None` says that amounts are not needed. An empty
        text and a float that is not finite are missing ids.
    returns
        Whether negative amounts (returns) may occur. Zero (a free article) is always allowed.

    Returns
    -------
    TransactionLog
        The rows as a narwhals LazyFrame with the columns `customer`, `day` and `amount` (a float), and the
        days of the first and last row. All values are checked in one pass over the table.

    Raises
    ------
    ValueError
        If the log is no table or has no rows, a column is not there, there twice or of the wrong type, or a
        value is missing, not finite or, without `returns`, negative, or a day outside the years 1 to 9999.

    Notes
    -----
    Rows that are equal in every column are kept: they may be two articles of one order, and nothing in the
    table tells them from a row entered twice.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.to_datetime(["2026-01-01", "2026-01-08"])
    >>> log = pd.DataFrame({"id": [1, 1], "when": days, "paid": [5, 7]})
    >>> transactions(log, "id", "when", "paid").last
    datetime.date(2026, 1, 8)
    >>> transactions(log, "id", "when", "price")
    Traceback (most recent call last):
    ValueError: There is no column 'price'. Valid: id, paid, when.
    """
    try:
        frame = _plain(nw.from_native(log))
        schema = frame.collect_schema()
    except nw.exceptions.DuplicateError as error:
        raise ValueError(f"Two columns have one name: rename or drop one. {error}") from None
    except TypeError:
        kind = type(log).__name__
        raise ValueError(
            f"A transaction log is a pandas, Polars, pyarrow or DuckDB table; this is a {kind}."
        ) from None
    columns = [customer, date] if amount is None else [customer, date, amount]
    require_columns(schema.names(), columns)
    if not len(frame.head(1).lazy().collect()):
        raise ValueError(
            f"The transaction log is empty: it has the columns {', '.join(map(str, columns))} and no row."
        )
    check_one_type(frame, customer)
    check_dates(frame, date, schema[date])
    prepared = [nw.col(customer).alias("customer"), _day(frame, date, schema[date]).alias("day")]
    problems = {
        f"no {customer}": (_missing(customer, schema[customer]), "Drop them, or find out whose they are."),
        f"no {date}": (nw.col(date).is_null(), "Drop them, or find out when they happened."),
    }
    if amount is not None:
        check_numbers(frame, amount, schema[amount])
        number = nw.col(amount).cast(nw.Float64)
        prepared.append(number.alias("amount"))
        problems[f"no {amount} (missing or NaN)"] = (
            number.is_null() | number.is_nan(),
            "Drop them, or write 0 if the articles were free.",
        )
        problems[f"an infinite {amount}, or one beyond ±{LARGEST_AMOUNT:g}"] = (
            number.abs() > LARGEST_AMOUNT,
            "Look for a division by (nearly) zero before this step.",
        )
        if not returns:
            problems[f"a negative {amount}"] = (
                number < 0,
                "A return is no purchase: drop these rows, or net them against their purchases first.",
            )
    # not every engine adds up true and false
    flags = {f"problem_{i}": flag.cast(nw.Int64) for i, (flag, _) in enumerate(problems.values())}
    if amount is not None:
        flags["returned"] = (number < 0).cast(nw.Int64)
    checks = frame.lazy().select(*prepared, **flags)
    totals = [nw.len().alias("rows"), nw.col("day").min().alias("first"), nw.col("day").max().alias("last")]
    try:
        found = checks.select(*totals, *(nw.col(name).sum() for name in flags)).collect().rows(named=True)[0]
        ends = [as_day(found[end], date) for end in ("first", "last") if not pd.isna(found[end])]
    except (OverflowError, ValueError):  # engines reach further than the calendar of Python
        day, bounds = nw.col("day"), [day_literal(checks, end) for end in (Date.min, Date.max)]
        outside = ((day < bounds[0]) | (day > bounds[1])).cast(nw.Int64).sum().alias("outside")
        count, wrong = checks.select(nw.len(), outside).collect().row(0)
        if not wrong:
            raise
        raise ValueError(
            f"{wrong} of {count} rows have a {date} outside the years 1 to 9999, or an infinite one. Look "
            "for mistyped years; where the day is not known, drop the row."
        ) from None
    for (what, (flag, remedy)), name in zip(problems.items(), flags, strict=False):
        if found[name]:
            row = _first_row(frame, columns, flag)
            raise ValueError(
                f"{found[name]} of {found['rows']} rows have {what}; the first is {row}. {remedy}"
            )
    rows = frame.lazy().select(*prepared)
    first, last = ends
    return TransactionLog(rows, first, last, bool(found.get("returned")))


def _plain(frame: nw.DataFrame[Any] | nw.LazyFrame[Any]) -> nw.DataFrame[Any] | nw.LazyFrame[Any]:
    """Return the table without what is no column of it: pandas' index, dictionaries of several files."""
    if _is_pandas(frame):
        native = frame.to_native()  # the name of its index may be that of a column here
        return frame if native.index.names == [None] else nw.from_native(native.reset_index(drop=True))
    if frame.implementation.is_pyarrow():
        return nw.from_native(frame.to_native().unify_dictionaries())
    return frame


def _is_pandas(frame: nw.DataFrame[Any] | nw.LazyFrame[Any]) -> bool:
    return frame.implementation.is_pandas_like()


def _day(frame: nw.DataFrame[Any] | nw.LazyFrame[Any], date: str, dtype: nw.dtypes.DType) -> nw.Expr:
    day = nw.col(date)
    if not _is_pandas(frame):
        return day.cast(nw.Date)
    # pandas has no fast date type: there a day is its midnight
    return (day.cast(nw.Datetime) if isinstance(dtype, nw.Date) else day).dt.truncate("1d")


def _missing(column: str, dtype: nw.dtypes.DType) -> nw.Expr:
    missing = nw.col(column).is_null()
    if dtype.is_float():
        return missing | ~nw.col(column).is_finite()
    if isinstance(dtype, nw.Categorical | nw.Enum):
        return missing | (nw.col(column).cast(nw.String) == "")
    return missing | (nw.col(column) == "") if isinstance(dtype, nw.String) else missing


def _first_row(frame: nw.DataFrame[Any] | nw.LazyFrame[Any], columns: list[str], flag: nw.Expr) -> str:
    """Describe the first row that `flag` marks, with its number where the table's rows have an order."""
    row = frame.lazy().filter(flag).select(*columns).head(1).collect().rows(named=True)[0]
    values = ", ".join(f"{name}={value}" for name, value in row.items())
    if isinstance(frame, nw.LazyFrame):
        return values
    return f"row {frame.select(flag.alias('flag'))['flag'].arg_true()[0]} (counted from 0): {values}"


def as_day(value: Any, name: str) -> Date:
    """Return the day of a date, a date and time, or a text such as '1997-09-30'.

    Examples
    --------
    >>> as_day("1997-09-30", "calibration_end")
    datetime.date(1997, 9, 30)
    """
    try:
        return datetime.fromisoformat(str(value)).date()
    except ValueError:
        raise ValueError(f"{name}={value!r} is not a date. Write it as '1997-09-30'.") from None


def day_literal(rows: nw.LazyFrame[Any], day: Date) -> Any:
    """Return `day` as a value that the column `day` of `rows` can be compared with."""
    return nw.lit(datetime.combine(day, time.min)) if _is_pandas(rows) else nw.lit(day)


def day_number(rows: nw.LazyFrame[Any], column: str) -> nw.Expr:
    """Return the number of a day, counted as `datetime.date.toordinal` does.

    Year and day of the year are what every engine can tell; ask for them after aggregating, they are slow.
    """
    if _is_pandas(rows):
        return nw.col(column).dt.timestamp("ms") // 86_400_000 + Date(1970, 1, 1).toordinal()
    past = nw.col(column).dt.year() - 1.0
    leap_days = (past / 4).floor() - (past / 100).floor() + (past / 400).floor()
    return (past * 365 + leap_days).cast(nw.Int64) + nw.col(column).dt.ordinal_day().cast(nw.Int64)


def purchase_days(rows: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return one row per customer: `last` day, number of different `days` and, if there, sum of `amount`."""
    sums = [nw.col("amount").sum()] if "amount" in rows.collect_schema().names() else []
    days = nw.col("day").n_unique()
    if not (_is_pandas(rows) or rows.implementation.is_polars() or rows.implementation.is_pyarrow()):
        # databases group fast and count different values slowly; tables in memory the other way round
        rows = rows.group_by("customer", "day").agg(*sums)
        days = nw.len()
    return rows.group_by("customer").agg(nw.col("day").max().alias("last"), days.alias("days"), *sums)


def hand_back(
    result: nw.LazyFrame[Any], customer: str, columns: Mapping[str, nw.Expr], like: IntoFrame
) -> Any:
    """Return customer, under the caller's name, and `columns`, sorted, as the kind of table `like` is."""
    # DuckDB does not tell capital letters from small ones
    if str(customer).lower() in (name.lower() for name in columns):
        raise ValueError(
            f"The customer's column is called {customer!r}, and the result has a column of that name: "
            f"{', '.join(columns)}. Rename yours, for example to 'customer_id'."
        )
    result = result.select(nw.col("customer").alias(customer), **columns).sort(customer)
    if isinstance(nw.from_native(like), nw.LazyFrame):
        return result.to_native()
    return nw.maybe_reset_index(result.collect()).to_native()


def as_pandas(table: Any) -> pd.DataFrame:
    """Return a table of any engine as a pandas one, computed if it is lazy; a pandas one as it is.

    Examples
    --------
    >>> import polars
    >>> as_pandas(polars.LazyFrame({"orders": [1, 2]}))
       orders
    0       1
    1       2
    """
    if isinstance(table, pd.DataFrame):
        return table
    try:
        frame = _plain(nw.from_native(table)).lazy().collect()
    except TypeError:
        kind = f"{type(table).__module__.split('.')[0]}.{type(table).__name__}".removeprefix("builtins.")
        raise ValueError(
            f"A pandas DataFrame is needed, this is a {kind}. Polars, pyarrow and DuckDB tables do too; of "
            "columns make one table: pandas.DataFrame({'frequency': frequency, …})."
        ) from None
    # pandas would make Python objects of decimals; categories of Polars are those met, in no order
    plain = [selectors.by_dtype(nw.Decimal).cast(nw.Float64)]
    if frame.implementation.is_polars():
        plain.append(selectors.by_dtype(nw.Categorical).cast(nw.String))
    return frame.with_columns(*plain).to_pandas()


def as_series(values: Any) -> pd.Series:
    """Return a column of any engine as a pandas Series; a mapping's keys and a Series' index are kept.

    A table with a single column, such as a lazy frame or a relation of which one column was selected, is one.

    Examples
    --------
    >>> import polars
    >>> as_series(polars.Series([1, 2])).tolist()
    [1, 2]
    """
    column = nw.from_native(values, pass_through=True, allow_series=True)
    if isinstance(column, nw.Series):
        return column.to_pandas()
    if isinstance(column, nw.DataFrame | nw.LazyFrame):
        table = as_pandas(values)
        if table.shape[1] != 1:
            raise ValueError(f"One column is needed, and this table has {table.shape[1]}: select one.")
        return table.iloc[:, 0]
    return pd.Series(values)


def by_customer(table: Any, weights: Any = None) -> pd.DataFrame:
    """Return a table of any engine, one row per customer, as a pandas one indexed by the customer's id.

    The id is the column ``customer_id``; or else the first column, where ``frequency`` or
    ``days_since_last_order`` follows it as in the tables of `btyd_summary` and `rfm`, unless the models read
    it or `weights` names it. A table without either (histories that were counted, a table made by hand)
    keeps the index it has in pandas; if that has a name, it is the id.

    Raises
    ------
    ValueError
        If it is no table, or a customer has no id or more than one row.

    Examples
    --------
    >>> by_customer(pd.DataFrame({"client": ["Bo", "Al"], "frequency": [2, 0]}))
            frequency
    client
    Bo              2
    Al              0
    """
    data = as_pandas(table)
    first, follower = [*data.columns[:2], None, None][:2]
    counts = weights if isinstance(weights, str) else None
    if "customer_id" in data.columns:
        first = "customer_id"
    elif data.index.names != [None] or follower not in FOLLOWERS or first in [*NO_ID, counts]:
        first = None
    if first is not None:
        require_columns(data.columns, [first])
        data = data.set_index(first)
    customer = data.index.name
    if customer is not None and data.index.hasnans:
        raise ValueError(f"{data.index.isna().sum()} of {len(data)} rows have no {customer!r}: drop them.")
    if customer is not None and data.index.has_duplicates:
        again = data.index[data.index.duplicated()]
        raise ValueError(
            f"{len(again)} of {len(data)} rows have a {customer!r} that was there before; the first is "
            f"{again[0]!r}. Each customer has one row: drop the others, or for customers drawn several times "
            "keep one and give how often as weights. A column that is no id goes behind the first two."
        )
    return data


def per_customer(table: Any) -> pd.DataFrame:
    """Return a table of any engine, one row per customer, as a pandas one, checked as by `by_customer`.

    Its columns and the index of a pandas table are kept: the result of a function that adds columns tells
    the customer in the column of the id.
    """
    by_customer(data := as_pandas(table))
    return data


def extended(table: pd.DataFrame, **columns: Any) -> pd.DataFrame:
    """Return the table with more columns, or raise ValueError if it has one of these already.

    Examples
    --------
    >>> extended(pd.DataFrame({"orders": [3]}), score=[0.5])
       orders  score
    0       3    0.5
    """
    for name in columns:
        if name in table.columns:
            raise ValueError(f"The table has a column {name!r} already, and so has the result: rename yours.")
    return table.assign(**columns)


def numbers(values: Any, name: str) -> pd.Series:
    """Return `values` as a Series of floats, or raise ValueError if one is not finite or there is none.

    Examples
    --------
    >>> numbers([1, 2], "orders").sum()
    np.float64(3.0)
    """
    series = as_series(values)
    if series.empty:
        raise ValueError(f"There is not a single customer: {name} is empty.")
    kind = pd.api.types
    if series.dtype.kind == "m":
        raise ValueError(
            f"{name} must hold numbers and holds lengths of time. Divide by a unit of time, in pandas: "
            "`values / pandas.Timedelta(days=1)`."
        )
    if series.dtype.kind == "M":
        raise ValueError(f"{name} must hold numbers and holds dates: take their difference from a day.")
    if not kind.is_numeric_dtype(series) or kind.is_bool_dtype(series) or kind.is_complex_dtype(series):
        ways = {
            "b": "pandas' astype(int), Polars' cast(polars.Int64) or SQL's ::int",
            "c": "numpy.real",
        }
        convert = ways.get(
            series.dtype.kind, "pandas.to_numeric, Polars' cast(polars.Float64) or SQL's ::double"
        )
        raise ValueError(f"{name} must hold numbers and holds {series.dtype}. Convert it with {convert}.")
    series = pd.Series(series.to_numpy(float, na_value=np.nan), series.index)
    bad = series[~np.isfinite(series)]
    if len(bad):
        raise ValueError(
            f"{len(bad)} of {len(series)} values of {name} are missing or infinite; the first is "
            f"{bad.iloc[0]} in row {bad.index[0]!r}. Leave these customers out, or find their values."
        )
    return series


def drawn_table(table: Any, columns: tuple[str, ...], maker: str) -> pd.DataFrame:
    """Return the table that a plot draws, or raise ValueError that says which function makes it.

    Examples
    --------
    >>> drawn_table(None, ("actual",), "holdout_table(results)")
    Traceback (most recent call last):
    ValueError: This draws the table of holdout_table(results), with the columns actual; got a NoneType.
    """
    if not (isinstance(table, pd.DataFrame) and set(columns) <= set(table.columns)):
        having = f", with the columns {', '.join(columns)}" if columns else ""
        raise ValueError(f"This draws the table of {maker}{having}; got a {type(table).__name__}.")
    return table


def one_table(others: tuple[Any, ...], *columns: str) -> None:
    """Refuse what stands after the table: columns given one by one, as other packages take them.

    Examples
    --------
    >>> one_table((), "frequency", "recency")
    """
    if others:
        made = ", ".join(f"{column!r}: {column}" for column in columns)
        raise ValueError(f"The columns go in as one table: pandas.DataFrame({{{made}}}).")


def number_columns(table: pd.DataFrame, *columns: str, whole_from: int | None = None) -> list[pd.Series]:
    """Return columns of a pandas table, each checked by :func:`numbers`, and whether they are counts.

    Examples
    --------
    >>> [orders] = number_columns(pd.DataFrame({"orders": [1, 2]}), "orders")
    """
    require_columns(table.columns, columns)
    found = [numbers(table[column], column) for column in columns]
    if whole_from is not None:
        for column, values in zip(columns, found, strict=True):
            counts = ", ".join(str(whole_from + step) for step in range(3))
            count = values.to_numpy()
            wrong = (count < whole_from) | (count != np.floor(count))
            refuse(table, wrong, f"a {column!r} that is not {counts}, …")
    return found


def whole_number(value: object, name: str, least: float) -> None:
    """Raise ValueError unless the argument `name` is a whole number and not below `least`.

    Examples
    --------
    >>> whole_number(5, "groups", least=2)
    """
    if isinstance(value, bool) or not (isinstance(value, int | np.integer) and value >= least):
        raise ValueError(f"{name} must be a whole number of at least {least}; got {value!r}.")


def refuse(data: pd.DataFrame, wrong: np.ndarray, what: str) -> None:
    """Raise ValueError that says how many rows are `wrong`, and which is the first."""
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(
            f"{int(wrong.sum())} of {len(data)} rows have {what}; "
            f"the first is row {data.index[row]!r}: {data.iloc[row].to_dict()}."
        )
