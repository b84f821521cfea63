"""Reliability with bootstrap intervals on 100,000 respondents and 24 items: crmlab against pingouin.

    python benchmarks/bench_reliability.py [--respondents 100000] [--draws 2000] [--peer-draws 10]

crmlab takes alpha, lambda 6 and omega of every draw from covariances that one matrix product gives; pingouin
0.7.0 has alpha only, and no bootstrap: it is called once for each draw of respondents, with fewer draws, as
each costs the same, and its time is multiplied. It runs in an environment of its own. Alpha of the sample
must agree to nine digits. CPU seconds.
"""

import argparse
import subprocess
import tempfile
from pathlib import Path
from time import process_time

import numpy as np
import pandas as pd
from _peer import peer_python

from crmlab import survey

PEER = """
import sys, time, numpy as np, pandas as pd, pingouin
items = pd.read_csv(sys.argv[1]).astype(float)
rng = np.random.default_rng(1)
alpha, _ = pingouin.cronbach_alpha(items)
start = time.process_time()
for _ in range(int(sys.argv[2])):
    pingouin.cronbach_alpha(items.iloc[rng.integers(0, len(items), len(items))])
print(repr(float(alpha)), time.process_time() - start)
"""


def answers(respondents: int) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    common, own = rng.normal(size=(respondents, 1)), rng.normal(size=(respondents, 4))
    felt = 0.7 * np.repeat(0.7 * common + 0.7 * own, 6, axis=1) + 0.7 * rng.normal(size=(respondents, 24))
    return pd.DataFrame(np.rint(5.5 + 1.8 * felt).clip(1, 10)).add_prefix("item_")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--respondents", type=int, default=100_000)
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--peer-draws", type=int, default=10)
    options = parser.parse_args()
    items = answers(options.respondents)

    times = {}
    for factors in (1, 4):
        start = process_time()
        table = survey.reliability(items, factors=factors, draws=options.draws, rng=1)
        times[factors] = process_time() - start
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "answers.csv")
        items.astype(int).to_csv(file, index=False)
        command = [peer_python(["pingouin==0.7.0"], "-pingouin"), "-c", PEER, file, str(options.peer_draws)]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    alpha, peer = map(float, printed.split())
    if abs(alpha - table.loc["alpha", "estimate"]) > 1e-9:
        raise SystemExit(f"Alpha differs: crmlab {table.loc['alpha', 'estimate']}, pingouin {alpha}.")
    peer *= options.draws / options.peer_draws
    print(table[["estimate", "low", "high"]].round(4).to_string())
    print(f"{options.respondents:,} respondents, 24 items, {options.draws:,} draws; alpha agrees")
    print(f"crmlab, one factor    {times[1]:8.1f} s: alpha, lambda 6, omega total")
    print(f"crmlab, four factors  {times[4]:8.1f} s: omega hierarchical as well")
    print(f"pingouin              {peer:8.1f} s (from {options.peer_draws} draws), alpha only: ", end="")
    print(f"{peer / times[1]:,.0f} times")


if __name__ == "__main__":
    main()
