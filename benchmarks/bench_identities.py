"""Give stable ids to clusters and add 1,000 new records: CPU seconds against the number of records.

    python benchmarks/bench_identities.py [--largest 1000000]

Records are put into clusters of about 1.7 by lot. Then come 1,000 new ones: some join a cluster, some are
new, and some tie two clusters together. Timed are the first ids, the same clusters once more (which must be
no event), the new records, and the undoing of a merge.
"""

import argparse
import time

import numpy as np
import pandas as pd

from crmlab import collect

NEW = 1_000
MOST = 5.0  # seconds for 1,000 new records to a million


def clusters(count: int, rng: np.random.Generator) -> pd.Series:
    return pd.Series(rng.integers(0, round(count / 1.2), count), range(count))


def with_new(before: pd.Series, rng: np.random.Generator) -> pd.Series:
    """Add records, of which 50 tie two clusters together."""
    groups = before.unique()
    one, other = rng.choice(groups, (2, 50), replace=False)
    tied = before.replace(dict(zip(other.tolist(), one.tolist(), strict=True)))
    labels = np.r_[one, rng.choice(groups, NEW - 250), groups.max() + 1 + np.arange(200)]
    return pd.concat([tied, pd.Series(labels, range(len(before), len(before) + NEW))])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--largest", type=int, default=1_000_000)
    largest, size, wrong = parser.parse_args().largest, 10_000, False
    print(f"{'records':>9} {'first':>8} {'again':>8} {'1,000 new':>10} {'undo':>8}  merged  kept their id")
    while size <= largest:
        rng = np.random.default_rng(1)
        before = clusters(size, rng)
        after = with_new(before, rng)
        marks = [time.process_time()]
        first = collect.stable_ids(before)
        marks.append(time.process_time())
        again = collect.stable_ids(before, first)
        marks.append(time.process_time())
        then = collect.stable_ids(after, again)
        marks.append(time.process_time())
        merged = then.history[then.history["event"] == "merged"]
        back = then.undo(int(merged.index[0]))
        marks.append(time.process_time())
        seconds = np.diff(marks)
        kept = (then.ids[before.index] == first.ids).mean()
        times = f"{seconds[0]:8.2f} {seconds[1]:8.2f} {seconds[2]:10.2f} {seconds[3]:8.2f}"
        print(f"{size:9,} {times}  {len(merged):6}  {kept:.6f}")
        wrong |= len(again.history) != len(first.history) or len(back.moves) <= len(then.moves)
        size *= 10
    if wrong or seconds[2] > MOST:
        raise SystemExit("Not as promised.")


if __name__ == "__main__":
    main()
