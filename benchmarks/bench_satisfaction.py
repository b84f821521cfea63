"""Net Promoter Score of a million answers with a bootstrap interval: crmlab against scipy.stats.bootstrap.

    python benchmarks/bench_satisfaction.py [--answers 1000000] [--draws 2000] [--peer-draws 20]

crmlab draws the counts of promoters, passives and detractors; scipy draws every answer again. Scipy is given
fewer draws, since it costs as much for each, and its time is multiplied. Both intervals are printed, and at
10,000 answers, where scipy can be given all draws, they must agree within a tenth of their width. The checks
of the answers are inside our clock. CPU seconds, best of three.
"""

import argparse
from collections.abc import Callable
from time import process_time
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from crmlab import survey


def answers(count: int) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"recommend": np.rint(rng.normal(7.2, 2.1, count)).clip(0, 10)})
    table.loc[rng.random(count) < 0.03, "recommend"] = np.nan
    return table.assign(weight=rng.choice([0.5, 1.0, 1.5, 2.0], count))


def ours(table: pd.DataFrame, draws: int, **options: Any) -> list[float]:
    found = survey.nps(table, method="bootstrap", draws=draws, **options)
    return [float(end) for end in found[["low", "high"]].iloc[0]]


def scipys(table: pd.DataFrame, draws: int) -> list[float]:
    given = table["recommend"].dropna().to_numpy()
    kinds = 100 * ((given >= 9).astype(float) - (given <= 6))
    made = stats.bootstrap(
        (kinds,), np.mean, n_resamples=draws, method="percentile", batch=10, rng=np.random.default_rng(2)
    )
    return [float(end) for end in made.confidence_interval]


def seconds(job: Callable[[], Any]) -> tuple[float, Any]:
    times = []
    for _ in range(3):
        start = process_time()
        result = job()
        times.append(process_time() - start)
    return min(times), result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--answers", type=int, default=1_000_000)
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--peer-draws", type=int, default=20)
    options = parser.parse_args()

    few = answers(10_000)
    one, other = ours(few, options.draws), scipys(few, options.draws)
    width = other[1] - other[0]
    if max(abs(a - b) for a, b in zip(one, other, strict=True)) > width / 10:
        raise SystemExit(f"The intervals differ: {one} and {other}.")
    print(f"10,000 answers: crmlab {one[0]:.2f} to {one[1]:.2f}, scipy {other[0]:.2f} to {other[1]:.2f}")

    table = answers(options.answers)
    mine, found = seconds(lambda: ours(table, options.draws))
    weighted, _ = seconds(lambda: ours(table, options.draws, weights="weight"))
    peer, _ = seconds(lambda: scipys(table, options.peer_draws))
    peer *= options.draws / options.peer_draws
    print(f"{options.answers:,} answers, {options.draws:,} draws: {found[0]:.3f} to {found[1]:.3f}")
    print(f"crmlab             {mine:8.3f} s")
    print(f"crmlab, weighted   {weighted:8.3f} s")
    print(f"scipy.stats        {peer:8.3f} s (from {options.peer_draws} draws): {peer / mine:,.0f} times")


if __name__ == "__main__":
    main()
