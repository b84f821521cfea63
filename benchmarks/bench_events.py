"""Event log to transitions: CPU time of `collect.transitions` on each table engine against a bare query.

    python benchmarks/bench_events.py [--events 10000000]

The peer sorts each customer's events, cuts them where the pause is too long and counts which follows which:
one SQL query in DuckDB, on a DuckDB table. Ours checks ids, times and names and adds the ends of sessions,
shares, hours and ties. Every run is a process of its own, and its counts must be the peer's. Tables in
memory are read before the clock starts; a lazy Polars table and DuckDB tables are read inside it.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from bench_summary import cpu_seconds

ENGINES = ["SQL in DuckDB", "DuckDB", "Polars", "Polars, lazy", "pyarrow", "pandas"]
SQL = """
    with steps as (
        select event, "at" - lag("at") over log as pause, lag(event) over log as last from shop.events
        window log as (partition by customer_id order by "at", event)
    )
    select last as step, event as next, count(*) as count from steps
    where pause <= interval 48 hour group by all
"""


def write(events: int, path: str) -> None:
    """Write a log of three years, in no order, as Parquet and as a DuckDB file."""
    import duckdb

    rng = np.random.default_rng(15)
    names = np.array(["order", "return", "complaint", "answer", "call", "visit", "post", "gift"])
    seconds = rng.integers(0, 1096 * 86_400, events)
    log = pd.DataFrame(
        {
            "customer_id": rng.integers(0, events // 50, events),
            "at": np.datetime64("2023-01-01", "us") + seconds * np.timedelta64(1, "s"),
            "event": names[rng.integers(0, len(names), events)],
        }
    )
    log.to_parquet(path)
    with duckdb.connect(f"{path}.duckdb") as shop:
        shop.execute("create table events as select * from log")


def run(engine: str, path: str) -> None:
    """Do the job with one engine, print what it took and a sum that all must share."""
    import duckdb
    import polars as pl
    import pyarrow.parquet

    from crmlab.collect import transitions

    log: Any
    if "DuckDB" in engine:
        shop = duckdb.connect()
        shop.execute(f"attach '{path}.duckdb' as shop (read_only)")
        log = shop.table("shop.events")
    elif engine == "pyarrow":
        log = pyarrow.parquet.read_table(path)
    elif engine == "pandas":
        log = pd.read_parquet(path)
    else:
        log = pl.scan_parquet(path) if engine == "Polars, lazy" else pl.read_parquet(path)

    before = cpu_seconds()
    if engine == "SQL in DuckDB":
        table = shop.sql(SQL).to_arrow_table()
    else:
        table = transitions(log, gap_hours=48)
        table = table.collect() if engine == "Polars, lazy" else table
        table = table.to_arrow_table() if engine == "DuckDB" else table
    seconds = cpu_seconds() - before
    counted = pl.DataFrame(table).select("step", "next", pl.col("count").cast(pl.Int64))
    counted = counted.filter((pl.col("step") != "(start)") & (pl.col("next") != "(end)"))
    print(seconds, len(counted), counted.sort("step", "next").hash_rows(seed=15).sum())


def main() -> None:
    """Run every engine and print the ratios to the bare query."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=10_000_000, help="rows of the log")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        return run(*options.child)

    with tempfile.TemporaryDirectory() as folder:
        path, right = str(Path(folder) / "events.parquet"), set()
        write(options.events, path)
        print(f"{options.events:,} events\n{'engine':15}{'CPU s':>7}{'of a bare query':>17}")
        peer = 0.0
        for engine in ENGINES:
            child = subprocess.run(
                [sys.executable, __file__, "--child", engine, path], capture_output=True, text=True
            )
            if child.returncode:
                sys.exit(child.stderr)
            seconds, *told = child.stdout.split()
            right.add(tuple(told))
            if len(right) > 1:
                sys.exit(f"{engine} counts otherwise: {right}")
            peer = peer or float(seconds)
            print(f"{engine:15}{float(seconds):7.2f}{float(seconds) / peer:16.2f}x", flush=True)


if __name__ == "__main__":
    main()
