"""Fit a conditional logit to 5,000 choice sets, ours and statsmodels' ConditionalLogit: seconds and ratio.

    python benchmarks/bench_choice.py [--repeats 5]

Each starts from the table in memory, fits and gives standard errors; CPU seconds. Ours is the median of the
repeats, statsmodels runs once. Both log-likelihoods are printed: ours must not be lower. Then a million
choice sets, and the same with *none of these*.
"""

import argparse
import time
from typing import Any

import numpy as np
import pandas as pd
from statsmodels.discrete.conditional_models import ConditionalLogit

from crmlab import survey

WORTH = {"price": -0.4, "organic": 0.5, "single_garden": 0.3, "refillable": 0.2, "days": -0.1}
LEAST = 200  # times faster
MOST = 5.0  # seconds for a million


def choices(count: int, none: float = -np.inf) -> pd.DataFrame:
    """Draw choices among three tins each by a known rule."""
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"task": np.repeat(np.arange(count), 3)})
    table["price"] = rng.choice([6.0, 9.0, 12.0, 15.0], len(table))
    for flag in ("organic", "single_garden", "refillable"):
        table[flag] = rng.integers(0, 2, len(table))
    table["days"] = rng.choice([1, 3, 6], len(table))
    felt = table[list(WORTH)].to_numpy(float) @ list(WORTH.values()) + rng.gumbel(size=len(table))
    felt = felt.reshape(-1, 3)
    outside = none + rng.gumbel(size=(count, 1))
    return table.assign(chosen=((felt == felt.max(axis=1, keepdims=True)) & (felt > outside)).ravel())


def ours(table: pd.DataFrame, **options: Any) -> survey.ChoiceResults:
    fit = survey.ConditionalLogit(table, "task", "chosen", list(WORTH), **options).fit()
    fit.bse  # noqa: B018
    return fit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    table = choices(5_000)
    seconds = []
    ours(table)
    for _ in range(repeats):
        start = time.process_time()
        mine = ours(table)
        seconds.append(time.process_time() - start)
    quick = float(np.median(seconds))
    start = time.process_time()
    model = ConditionalLogit(table["chosen"].astype(int), table[list(WORTH)], groups=table["task"])
    theirs = model.fit(disp=False)
    theirs.bse  # noqa: B018
    slow = time.process_time() - start
    print(f"5,000 choice sets   crmlab      {quick:8.4f} s  log-likelihood {mine.llf:.9f}")
    print(f"                    statsmodels {slow:8.4f} s  log-likelihood {theirs.llf:.9f}")
    print(f"ratio {slow / quick:,.0f} (at least {LEAST})")
    slowest = 0.0
    for name, none in (("", -np.inf), (", none of these", -3.0)):
        table = choices(1_000_000, none)
        start = time.process_time()
        fit = ours(table, none=np.isfinite(none))
        took = time.process_time() - start
        print(f"1,000,000 sets{name}: {took:.2f} s of CPU (at most {MOST}), price {fit.params.iloc[0]:.4f}")
        slowest = max(slowest, took)
    if slowest > MOST or slow / quick < LEAST or mine.llf < theirs.llf - 1e-9:
        raise SystemExit("Not as promised.")


if __name__ == "__main__":
    main()
