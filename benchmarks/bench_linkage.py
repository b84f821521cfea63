"""Find who is who among the cards of a company, from 10,000 cards to a million: seconds, memory and quality.

    python benchmarks/bench_linkage.py [--cards 10000 100000] [--spark]

The peer is the best exact key (same telephone, same mail, same name, or one of the first two). Timed are
cleaning, fitting and clusters, from the table in memory on; processor seconds stand beside the clock's. The
company is drawn in a process of its own, so that the memory is that of the linkage. With ``--spark`` (needs
Java, and pyspark beside this project) the same linkage is done on a Spark of this machine as well.
"""

import argparse
import resource
import sys
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from crmlab import collect, company

CARDS_A_CUSTOMER = 2.2
KEYS = (["telephone"], ["mail"], ["name_key"], ["telephone", "mail"])
MOST = {100_000: 60.0, 1_000_000: 180.0}  # seconds
LEAST = {"precision": 0.99, "recall": 0.87, "gain": 0.1}  # gain: F1 above the best exact key


def draw(cards: int, folder: Path) -> None:
    """Write a company's cards, and whose each is."""
    tea = company.simulate(round(cards / CARDS_A_CUSTOMER), rng=7)
    tea.contacts.to_parquet(folder / "cards.parquet")
    tea._truth["contacts"].to_parquet(folder / "truth.parquet")


def on_spark() -> Any:
    """Begin a Spark on this machine, with splink's functions in it."""
    from pyspark.sql import SparkSession
    from splink.backends.spark import SparkAPI, similarity_jar_location

    begun = SparkSession.builder.master("local[2]").config("spark.jars", similarity_jar_location())
    begun = begun.config("spark.driver.memory", "6g").config("spark.ui.showConsoleProgress", "false")
    session = begun.config("spark.sql.shuffle.partitions", "8").getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    session.sparkContext.setCheckpointDir(tempfile.mkdtemp())
    return SparkAPI(spark_session=session)


def measure(cards: int, engine: Any = None) -> pd.Series:
    """Return what one linkage of about so many cards costs, and how good it is."""
    with tempfile.TemporaryDirectory() as folder:
        drawing = get_context("spawn").Process(target=draw, args=(cards, Path(folder)))
        drawing.start()
        drawing.join()
        table, truth = (pd.read_parquet(Path(folder, f"{name}.parquet")) for name in ("cards", "truth"))
    truth = truth.set_index("contact_id")["person_id"]
    clock, processor = time.perf_counter(), time.process_time()
    clean = collect.clean(table)
    clusters = collect.Linkage(clean).fit(engine).clusters(np.log2(10))
    spent = {"seconds": time.perf_counter() - clock, "processor": time.process_time() - processor}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    quality = collect.pair_quality(clusters, truth)
    best = max(collect.pair_quality(collect.exact_clusters(clean, key), truth)["f1"] for key in KEYS)
    told = {"cards": len(table), **spent, "GiB": peak, "gain": quality["f1"] - best}
    return pd.Series(told | quality[["precision", "recall", "f1"]].to_dict())


def main() -> int:
    """Print a line for each size; return 1 if one is too slow or not good enough."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cards", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--spark", action="store_true")
    options, missed = parser.parse_args(), 0
    for cards in options.cards:
        found = measure(cards)
        late = found["seconds"] > MOST.get(cards, np.inf)
        poor = [what for what, least in LEAST.items() if found[what] < least]
        missed += late or bool(poor)
        line = ", ".join(f"{name} {value:,.4g}" for name, value in found.items())
        print(f"{line}{'; too slow' if late else ''}{'; not enough ' + ' '.join(poor) if poor else ''}")
        if options.spark:
            there = measure(cards, on_spark())
            ratio, f1 = there["seconds"] / found["seconds"], there["f1"]
            print(f"  on Spark {there['seconds']:,.0f} seconds, {ratio:,.1f} times as long; f1 {f1:.4f}")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
