"""Transactions to cohort table: CPU time of crmlab on each table engine against bare SQL in DuckDB.

    python benchmarks/bench_cohorts.py [--customers 1000000]

The log is that of bench_summary.py: ten rows per customer on average. Every run is a process of its own, and
its table must equal that of the SQL query, which leaves out periods without orders and checks no value.
Tables in memory are read before the clock starts; a lazy Polars table and DuckDB tables are read inside it.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
from bench_summary import cpu_seconds, simulate

JOBS = {"months": "month", "weeks": "week", "quarters": "quarter", "months, amounts": "month"}
ENGINES = ["SQL in DuckDB", "DuckDB", "Polars", "Polars, lazy", "pandas", "pyarrow"]
SQL = """
    with visits as (
        select customer_id, date_trunc('{period}', date) as start {amount} from shop.log group by all
    ),
    first as (select customer_id, min(start) as cohort from visits group by customer_id)
    select cohort, start, count(*) as active {amount}
    from visits join first using (customer_id) group by all order by all
"""


def run(engine: str, job: str, path: str) -> None:
    """Do one job with one engine, print what it took and write what came out."""
    from crmlab.value import cohort_table

    amount, log = "amount" if "amounts" in job else None, None
    connection: Any = None
    if "DuckDB" in engine:
        import duckdb

        connection = duckdb.connect()
        connection.execute(f"attach '{path}.duckdb' as shop (read_only)")
        log = connection.table("shop.log")
    elif engine == "pandas":
        log = pd.read_parquet(path)
    elif engine == "pyarrow":
        import pyarrow.parquet

        log = pyarrow.parquet.read_table(path)
    else:
        import polars

        log = polars.scan_parquet(path) if engine == "Polars, lazy" else polars.read_parquet(path)

    before = cpu_seconds()
    if engine == "SQL in DuckDB":
        sums = ", sum(amount) as amount" if amount else ""
        table = connection.sql(SQL.format(period=JOBS[job], amount=sums)).df()
    else:
        table = cohort_table(log, amount=amount, period=job[0].upper())
        table = table.collect() if engine == "Polars, lazy" else table
        table = table.df() if engine == "DuckDB" else table
    print(cpu_seconds() - before)
    table = table if isinstance(table, pd.DataFrame) else table.to_pandas()
    table["cohort"] = pd.to_datetime(table["cohort"])
    if "start" in table:
        starts = pd.to_datetime(table["start"])
        frequency = {"week": "W-SUN", "month": "M", "quarter": "Q"}[JOBS[job]]
        periods = [day.dt.to_period(frequency).astype("int64") for day in (starts, table["cohort"])]
        table["age"] = periods[0] - periods[1]
    columns = ["cohort", "age", "active", "amount"][: 4 if amount else 3]
    table = table.loc[table["active"] > 0, columns].sort_values(columns[:2], ignore_index=True)
    table.to_parquet(f"{path}.{'peer' if engine == 'SQL in DuckDB' else 'ours'}")


def main() -> None:
    """Run every engine on every job and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, default=1_000_000, help="size of the simulated log")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        return simulate(options.customers, *options.child) if len(options.child) == 1 else run(*options.child)

    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "log.parquet")
        script = [sys.executable, __file__, "--customers", str(options.customers), "--child"]
        subprocess.run([*script, path], check=True)
        print(f"{options.customers:,} customers\n\n{'job':17}{'engine':15}{'CPU s':>7}{'of SQL':>9}")
        for job in JOBS:
            for engine in ENGINES:
                child = subprocess.run([*script, engine, job, path], capture_output=True, text=True)
                if child.returncode:
                    sys.exit(child.stderr)
                seconds = float(child.stdout.splitlines()[-1])
                if engine == "SQL in DuckDB":
                    base = seconds
                else:
                    ours, theirs = (pd.read_parquet(f"{path}.{whose}") for whose in ("ours", "peer"))
                    pd.testing.assert_frame_equal(ours, theirs, check_dtype=False, rtol=1e-9)
                print(f"{job:17}{engine:15}{seconds:7.2f}{seconds / base:8.2f}x", flush=True)


if __name__ == "__main__":
    main()
