"""Transactions to summary: CPU time and peak memory, crmlab on each table engine against lifetimes 0.11.3.

Every run is a process of its own on the same simulated log (ten rows per customer on average, in order of
date), and its columns are summed up at the end, so that all are seen to have done the same job. Tables in
memory are read before the clock starts; a lazy Polars table and a DuckDB table lie in their files, as such
tables do, and are read inside the clock. Peak memory is that of the whole process, imports and log included.
"""

import argparse
import json
import math
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

COLUMNS = ["frequency", "recency", "T", "monetary_value", "frequency_holdout"]
# the peer averages the hold-out's amounts over orders instead of days, so that column is not compared
PEER_COLUMNS = ["frequency_cal", "recency_cal", "T_cal", "monetary_value_cal", "frequency_holdout"]
CALIBRATION_END = {"summary": None, "hold-out": "2023-12-31"}


def simulate(customers: int, path: str) -> None:
    """Write a log of two years: customers join in the first half year, buy at their own rates, leave."""
    import duckdb
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(7)
    orders = 1 + rng.poisson(rng.gamma(0.7, 9 / 0.7, customers))
    customer = np.repeat(np.arange(customers), orders)
    joined = rng.integers(0, 180, customers)[customer]
    stay = (rng.random(customers)[customer] * (730 - joined) * rng.random(len(customer))).astype(int)
    stay[np.cumsum(orders) - 1] = 0  # one order of each customer is on the day of joining
    day = joined + stay
    log = pd.DataFrame(
        {
            "customer_id": customer,
            "date": np.datetime64("2023-01-01", "us") + day * np.timedelta64(1, "D"),
            "amount": rng.gamma(6, 6, len(customer)).round(2),
        }
    )
    log.sort_values("date", kind="stable").to_parquet(path, index=False)
    duckdb.connect(f"{path}.duckdb").execute(f"create table log as from read_parquet('{path}')")


def run(engine: str, job: str, path: str) -> None:
    """Do one job with one engine and print what it took and what came out."""
    calibration_end = CALIBRATION_END[job]
    log: Any
    # only what the engine needs is imported, for an import takes memory too
    if engine in ("lifetimes", "pandas"):
        import pandas

        log = pandas.read_parquet(path)
    elif engine == "pyarrow":
        import pyarrow.parquet

        log = pyarrow.parquet.read_table(path)
    elif engine == "DuckDB":
        import duckdb

        connection = duckdb.connect()
        connection.execute(f"attach '{path}.duckdb' as shop (read_only)")
        log = connection.table("shop.log")
    else:
        import polars

        log = polars.scan_parquet(path) if engine == "Polars, lazy" else polars.read_parquet(path)
    if engine == "lifetimes":
        from lifetimes import utils
    else:
        from crmlab.value import btyd_summary

    before = cpu_seconds()
    if engine != "lifetimes":
        summary = btyd_summary(log, calibration_end=calibration_end)
    elif calibration_end is None:
        # days as the unit and seven of them to the week: the peer's weeks would be rounded down
        summary = utils.summary_data_from_transaction_data(
            log, "customer_id", "date", "amount", freq="D", freq_multiplier=7
        )
    else:
        summary = utils.calibration_and_holdout_data(
            log,
            "customer_id",
            "date",
            calibration_end,
            freq="D",
            freq_multiplier=7,
            monetary_value_col="amount",
        ).rename(columns=dict(zip(PEER_COLUMNS, COLUMNS, strict=True)))
    if engine == "Polars, lazy":
        summary = summary.collect()
    elif engine == "DuckDB":
        summary.to_table("summary")
        summary = connection.table("summary")
    seconds = cpu_seconds() - before
    unit = 1e9 if sys.platform == "darwin" else 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    table = getattr(summary, "to_pandas", getattr(summary, "df", lambda: summary))()
    sums = [float(table[column].sum()) for column in COLUMNS if column in table]
    print(json.dumps({"seconds": seconds, "gigabytes": peak, "sums": [len(table), *sums]}))


def cpu_seconds() -> float:
    """Return the CPU time of this process so far, all threads, user and system."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Run every engine on every job and print the ratios."""
    # the work is done in child processes only: a child's peak memory starts from its parent's
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--customers", type=int, default=1_000_000, help="size of the simulated log")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        return simulate(options.customers, *options.child) if len(options.child) == 1 else run(*options.child)

    from _peer import peer_python

    peer = peer_python()
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "log.parquet")
        script = [__file__, "--customers", str(options.customers), "--child"]
        subprocess.run([sys.executable, *script, path], check=True)
        print(f"{options.customers:,} customers\n")
        print(f"{'job':10}{'engine':14}{'CPU s':>8}{'faster':>9}{'peak GB':>10}{'of peer':>9}")
        for job in CALIBRATION_END:
            for engine in ["lifetimes", "pandas", "pyarrow", "Polars", "Polars, lazy", "DuckDB"]:
                python = peer if engine == "lifetimes" else sys.executable
                command = [python, *script, engine, job, path]
                child = subprocess.run(command, capture_output=True, text=True)
                if child.returncode:
                    sys.exit(child.stderr)
                took = json.loads(child.stdout.splitlines()[-1])
                if engine == "lifetimes":
                    base = took
                for ours, theirs in zip(took["sums"], base["sums"], strict=True):
                    assert math.isclose(ours, theirs, rel_tol=1e-9), (
                        f"{engine}: {took['sums']} {base['sums']}"
                    )
                faster = f"{base['seconds'] / took['seconds']:.1f}x"
                memory = f"{took['gigabytes'] / base['gigabytes']:.0%}"
                seconds, gigabytes = took["seconds"], took["gigabytes"]
                row = f"{job:10}{engine:14}{seconds:8.2f}{faster:>9}{gigabytes:10.2f}{memory:>9}"
                print(row, flush=True)


if __name__ == "__main__":
    main()
