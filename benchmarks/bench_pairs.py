"""All pairs of items in baskets: CPU time of `network.pairs` on each table engine against bare queries.

    python benchmarks/bench_pairs.py [--baskets 10000000] [--items 200]

Two jobs: the receipts of Complete Journey (1.5 million rows, 68,509 products), and simulated baskets.
The peers count pairs and nothing else: one SQL query in DuckDB, one query in Polars. Ours checks the ids and
adds lift, interval, p-value and q-value. Every run is a process of its own, and its pairs must be the peers'.
Tables in memory are read before the clock starts; a lazy Polars table and DuckDB tables are read inside it.
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

ENGINES = ["SQL in DuckDB", "query in Polars", "DuckDB", "Polars", "Polars, lazy", "pandas", "pyarrow"]
SQL = """
    with held as (select distinct order_id, product_id from shop.lines)
    select a.product_id as one, b.product_id as other, count(*) as both
    from held a join held b on a.order_id = b.order_id and a.product_id < b.product_id group by all
"""


def write(job: str, baskets: int, items: int, path: str) -> None:
    """Write the lines of one job as Parquet and as a DuckDB file."""
    import duckdb

    if job == "receipts":
        from crmlab import datasets

        lines = datasets.load("complete_journey_transactions")[["basket_id", "product_id"]]
        lines = lines.rename(columns={"basket_id": "order_id"})
    else:
        rng = np.random.default_rng(37)
        order = np.repeat(np.arange(baskets), 1 + rng.poisson(1.5, baskets))
        item = (items * rng.random(len(order)) ** 2).astype(np.int64)  # a few are bought much
        lines = pd.DataFrame({"order_id": order, "product_id": item})
    lines.to_parquet(path)
    with duckdb.connect(f"{path}.duckdb") as shop:
        shop.execute("create table lines as select * from lines")


def run(engine: str, path: str) -> None:
    """Do the job with one engine, print what it took and a sum that all must share."""
    import duckdb
    import polars as pl
    import pyarrow.parquet

    from crmlab.network import pairs

    lines: Any
    if "DuckDB" in engine:
        shop = duckdb.connect()
        shop.execute(f"attach '{path}.duckdb' as shop (read_only)")
        lines = shop.table("shop.lines")
    elif engine == "pyarrow":
        lines = pyarrow.parquet.read_table(path)
    elif engine == "pandas":
        lines = pd.read_parquet(path)
    else:
        lines = pl.scan_parquet(path) if engine == "Polars, lazy" else pl.read_parquet(path)

    before = cpu_seconds()
    if engine == "SQL in DuckDB":
        table = shop.sql(SQL).arrow()
    elif engine == "query in Polars":
        held = lines.lazy().unique()
        met = held.join(held, on="order_id").filter(pl.col("product_id") < pl.col("product_id_right"))
        table = met.group_by(one="product_id", other="product_id_right").agg(both=pl.len()).collect()
    else:
        table = pairs(lines)
        table = table.collect() if engine == "Polars, lazy" else table
        table = table.arrow() if engine == "DuckDB" else table
    seconds = cpu_seconds() - before
    counted = pl.DataFrame(table).select("one", "other", pl.col("both").cast(pl.Int64))
    print(seconds, len(counted), counted.sort("one", "other").hash_rows(seed=37).sum())


def main() -> None:
    """Run every engine on both jobs and print the ratios to the faster peer."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--baskets", type=int, default=10_000_000, help="simulated baskets")
    parser.add_argument("--items", type=int, default=200, help="simulated items")
    parser.add_argument("--job", choices=["receipts", "simulated"], help="only this one")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        return run(*options.child)

    for job in [options.job] if options.job else ["receipts", "simulated"]:
        with tempfile.TemporaryDirectory() as folder:
            path, peers, right = str(Path(folder) / "lines.parquet"), [], set()
            write(job, options.baskets, options.items, path)
            print(f"{job}\n{'engine':17}{'CPU s':>7}{'of a bare query':>17}")
            for engine in ENGINES:
                child = subprocess.run(
                    [sys.executable, __file__, "--child", engine, path], capture_output=True, text=True
                )
                if child.returncode:
                    sys.exit(child.stderr)
                seconds, *told = child.stdout.split()
                right.add(tuple(told))
                if len(right) > 1:
                    sys.exit(f"{engine} finds other pairs: {right}")
                if len(peers) < 2:
                    peers.append(float(seconds))
                print(f"{engine:17}{float(seconds):7.2f}{float(seconds) / min(peers):16.2f}x", flush=True)


if __name__ == "__main__":
    main()
