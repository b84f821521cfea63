"""Shares of R² of ten predictors with bootstrap intervals: crmlab against dominance-analysis and statsmodels.

    python benchmarks/bench_drivers.py [--respondents 1000] [--predictors 10] [--draws 1000] [--peer-draws 1]

crmlab takes the R² of all 1,024 subsets in all draws from their covariance matrices at once, and Johnson's
weights beside. dominance-analysis 1.1.9, in an environment of its own, fits a regression by scikit-learn for
each subset; so does statsmodels here, in a loop. Neither has a bootstrap: they are run on the sample, once or
a few times, as each draw costs the same, and the time is multiplied. The shares of all three must agree to
eight digits. CPU seconds.
"""

import argparse
import subprocess
import tempfile
from math import comb
from pathlib import Path
from time import process_time

import numpy as np
import pandas as pd
import statsmodels.api as sm
from _peer import peer_python

from crmlab import survey

PEER = """
import sys, time, contextlib, io, pandas as pd
from dominance_analysis import Dominance
table = pd.read_csv(sys.argv[1])
start = time.process_time()
for _ in range(int(sys.argv[2])):
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        peer = Dominance(table, target="y", top_k=table.shape[1] - 1, objective=1)
        peer.incremental_rsquare()
taken = time.process_time() - start
shares = peer.dominance_stats()["Total Dominance"]
print(*(repr(float(shares[name])) for name in table.columns[:-1]), taken)
"""


def respondents(count: int, predictors: int) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(count, predictors)) + rng.normal(size=(count, 1))
    y = x[:, : predictors // 2].sum(axis=1) + 5 * rng.normal(size=count)
    return pd.DataFrame(x).add_prefix("x").assign(y=y)


def by_statsmodels(table: pd.DataFrame) -> np.ndarray:
    """Return the shares by a loop over all subsets."""
    x, p = sm.add_constant(table.drop(columns="y")).to_numpy(), table.shape[1] - 1
    fits = [
        sm.OLS(table["y"], x[:, [0, *(k + 1 for k in range(p) if subset >> k & 1)]]).fit().rsquared
        for subset in range(2**p)
    ]
    return np.array(
        [
            sum(
                (fits[subset | 1 << k] - fits[subset]) / (p * comb(p - 1, subset.bit_count()))
                for subset in range(2**p)
                if not subset >> k & 1
            )
            for k in range(p)
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--respondents", type=int, default=1000)
    parser.add_argument("--predictors", type=int, default=10)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--peer-draws", type=int, default=1)
    options = parser.parse_args()
    table = respondents(options.respondents, options.predictors)

    start = process_time()
    found = survey.drivers(table, "y", list(table.columns[:-1]), draws=options.draws, rng=1)
    ours = process_time() - start
    start = process_time()
    loop = by_statsmodels(table)
    looped = (process_time() - start) * options.draws
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "respondents.csv")
        table.to_csv(file, index=False)
        python = peer_python(["dominance-analysis==1.1.9", "numpy<2", "pandas<3"], "-dominance")
        command = [python, "-c", PEER, file, str(options.peer_draws)]
        *theirs, taken = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    peer = float(taken) * options.draws / options.peer_draws
    for name, shares in (("statsmodels", loop), ("dominance-analysis", np.array(theirs, float))):
        if not np.allclose(shares, found["lmg"], atol=1e-8):
            raise SystemExit(f"The shares differ: crmlab {found['lmg'].tolist()}, {name} {shares.tolist()}.")
    print(found.round(3).to_string())
    print(f"{options.respondents:,} respondents, {options.draws:,} draws; the shares of all three agree")
    print(f"crmlab                {ours:10.2f} s, intervals and Johnson's weights included")
    print(f"statsmodels, a loop   {looped:10.0f} s (from 1 draw): {looped / ours:,.0f} times")
    print(f"dominance-analysis    {peer:10.0f} s (from {options.peer_draws}): {peer / ours:,.0f} times")


if __name__ == "__main__":
    main()
