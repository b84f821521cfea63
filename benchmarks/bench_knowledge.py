"""The knowledge base: a load of contacts, the same load again, what holds on a day, and one customer's page.

    python benchmarks/bench_knowledge.py [--contacts 10000 100000 1000000]

The peer is SQLite, which comes with Python: the same facts into a table with a primary key on what makes two
facts the same, row by row, and a look-up of one customer.
"""

import argparse
import resource
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from crmlab import collect

FIELDS = ["name", "telephone", "mail", "address"]
VIEWS = 100


def timed(job: Callable[[], Any]) -> tuple[float, float]:
    """Return seconds by the clock and of the processor."""
    clock, processor = time.perf_counter(), time.process_time()
    job()
    return time.perf_counter() - clock, time.process_time() - processor


def contacts(n: int) -> pd.DataFrame:
    """Return n contacts of about 0.63 n customers among n."""
    luck = np.random.default_rng(1)
    table = pd.DataFrame(
        {"customer_id": luck.integers(1, n + 1, n), "source": luck.choice(["web", "mail"], n)}
    )
    table["recorded_at"] = pd.Timestamp("2023-01-01") + pd.to_timedelta(luck.integers(0, 1000, n), unit="D")
    number = luck.integers(0, 10**8, n).astype(str)
    for field, before in zip(FIELDS, ("Name ", "+999 ", "mail", "Moon Quay "), strict=True):
        table[field] = np.char.add(before, number)
    return table


def peer(table: pd.DataFrame, path: Path) -> sqlite3.Connection:
    base = sqlite3.connect(path)
    base.execute(
        "create table facts (customer text, field text, value text, source text, day text, "
        "primary key (customer, field, value, source, day)) without rowid"
    )
    customer, day = table["customer_id"].astype(str), table["recorded_at"].dt.strftime("%Y-%m-%d")
    with base:
        for field in FIELDS:
            rows = zip(customer, [field] * len(table), table[field], table["source"], day, strict=True)
            base.executemany("insert or ignore into facts values (?, ?, ?, ?, ?)", rows)
    return base


def measure(n: int) -> None:
    table, lives = contacts(n), {"address": 3000.0}
    with tempfile.TemporaryDirectory() as folder:
        base = collect.open_base(Path(folder) / "ours.duckdb")
        first = timed(lambda: collect.load(base, table, FIELDS))
        again = timed(lambda: collect.load(base, table, FIELDS))
        held = timed(lambda: collect.as_of(base, "2026-01-01", lives))
        ids = np.random.default_rng(2).choice(table["customer_id"], VIEWS)
        collect.view(base, ids[0], "2026-01-01", lives)
        seen = [timed(lambda one=one: collect.view(base, one, "2026-01-01", lives)) for one in ids]
        page = collect.view(base, ids[0], "2026-01-01", lives)
        page._repr_html_()  # the first compiles the template
        drawn = timed(page._repr_html_)
        base.close()
        theirs = timed(lambda: peer(table, Path(folder) / "theirs.sqlite").close())
        other = sqlite3.connect(Path(folder) / "theirs.sqlite")
        sql = "select * from facts where customer = ?"
        looked = [timed(lambda one=one: other.execute(sql, [str(one)]).fetchall()) for one in ids]
        other.close()
    for what, (clock, processor) in {"load": first, "load again": again, "as of a day": held}.items():
        print(f"{n:,} contacts, {what}: {clock:.1f} s, {processor:.1f} s of the processor", flush=True)
    print(f"  SQLite's load: {theirs[0]:.1f} s, {theirs[0] / first[0]:.1f} times as long")
    ours, look, page_ms = (1000 * np.median(one, axis=0) for one in (seen, looked, [drawn]))
    print(
        f"  one customer: {ours[0]:.1f} ms, {ours[1]:.1f} of the processor; as a page {page_ms[0]:.1f} more"
    )
    print(f"  SQLite's look-up by its key, without trust: {look[0]:.2f} ms", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--contacts", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    for n in parser.parse_args().contacts:
        measure(n)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"peak memory {peak:.1f} GiB")


if __name__ == "__main__":
    main()
