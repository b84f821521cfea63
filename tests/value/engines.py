"""One table as every engine has it, and back."""

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa

ENGINES = ["pandas", "polars", "polars lazy", "pyarrow", "duckdb"]


def to_engine(table: pd.DataFrame | pa.Table, engine: str):
    """Return the table as the engine's own kind."""
    arrow = table if isinstance(table, pa.Table) else pa.Table.from_pandas(table, preserve_index=False)
    if engine == "pandas":
        return arrow.to_pandas() if table is arrow else table
    if engine == "pyarrow":
        return arrow
    if engine == "duckdb":
        return duckdb.connect().from_arrow(arrow)
    return pl.from_arrow(arrow).lazy() if engine == "polars lazy" else pl.from_arrow(arrow)


def to_pandas(table) -> pd.DataFrame:
    """Return any engine's table as a pandas one, missing numbers as NaN."""
    if isinstance(table, pl.LazyFrame):
        table = table.collect()
    if isinstance(table, duckdb.DuckDBPyRelation):
        return table.df()
    return table if isinstance(table, pd.DataFrame) else table.to_pandas()
