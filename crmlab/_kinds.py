"""A table of any engine in, ids checked, and a table of the caller's kind out."""

from typing import Any
from uuid import uuid4

import narwhals as nw
import pyarrow as pa

from crmlab._remedies import check_one_type
from crmlab._tables import _first_row, _missing, _plain, require_columns


def with_ids(table: Any, *columns: str) -> nw.DataFrame[Any] | nw.LazyFrame[Any]:
    """Return a table of any engine in which these columns are ids: there, of one type, in no row missing.

    Raises
    ------
    ValueError
        If it is no table, has no rows, lacks a column or has it twice, or an id is missing (an empty text or
        a float that is not finite is).

    Examples
    --------
    >>> import pandas as pd
    >>> with_ids(pd.DataFrame({"order_id": [1], "product_id": [None]}), "order_id", "product_id")
    Traceback (most recent call last):
    ValueError: 1 of 1 rows have no product_id; the first is row 0 (counted from 0): order_id=1, product_i...
    """
    try:
        frame = _plain(nw.from_native(table))
        schema = frame.collect_schema()
    except nw.exceptions.DuplicateError as error:
        raise ValueError(f"Two columns have one name: rename or drop one. {error}") from None
    except TypeError:
        raise ValueError(
            f"A pandas, Polars, pyarrow or DuckDB table is needed; this is a {type(table).__name__}."
        ) from None
    require_columns(schema.names(), columns)
    if not len(frame.head(1).lazy().collect()):
        raise ValueError(f"The table is empty: it has the columns {', '.join(map(str, columns))} and no row.")
    missing = {one: _missing(one, schema[one]) for one in columns}
    # a sum of flags, which not every engine adds up as true and false
    flags = {f"missing_{place}": flag.cast(nw.Int64) for place, flag in enumerate(missing.values())}
    totals = [nw.len().alias("rows"), *(nw.col(name).sum() for name in flags)]
    found = frame.lazy().select(**flags).select(*totals).collect().rows(named=True)[0]
    for (column, flag), name in zip(missing.items(), flags, strict=True):
        if found[name]:
            row = _first_row(frame, list(columns), flag)
            raise ValueError(
                f"{found[name]} of {found['rows']} rows have no {column}; the first is {row}. Drop them, or "
                "find out what they are."
            )
        check_one_type(frame, column)
    return frame


def as_kind(table: pa.Table, like: Any) -> Any:
    """Return an arrow table as the kind of table `like` is.

    Examples
    --------
    >>> import pandas as pd
    >>> as_kind(pa.table({"orders": [1]}), pd.DataFrame())
       orders
    0       1
    """
    frame = nw.from_native(like)
    if frame.implementation.is_pandas_like():
        return table.to_pandas()
    if frame.implementation.is_pyarrow():
        return table
    if frame.implementation.is_duckdb():
        # DuckDB finds a table by the name of a variable, after the tables of the caller's connection: the
        # name must be one that nobody has
        name = f"crmlab_{uuid4().hex}"
        globals()[name] = table
        try:
            return like.query(f"{name}_log", f"select * from {name}")
        finally:
            del globals()[name]
    result = nw.from_arrow(table, backend="polars")
    return (result if isinstance(frame, nw.DataFrame) else result.lazy()).to_native()
