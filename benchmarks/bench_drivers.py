"""Shares of R² of ten predictors with bootstrap intervals: crmlab against a loop of statsmodels' regressions.

    python benchmarks/bench_drivers.py [--respondents 1000] [--predictors 10] [--draws 1000]

crmlab takes the R² of all 1,024 subsets in all draws from their covariance matrices at once, and Johnson's
weights beside. statsmodels fits each subset in a loop, once; a draw costs the same: the time is multiplied.
The shares must agree to eight digits. dominance-analysis 1.1.9, which loops likewise, does not run with
today's bokeh and IPython. CPU seconds.
"""

import argparse
from math import comb
from time import process_time

import numpy as np
import pandas as pd
import statsmodels.api as sm

from crmlab import survey


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
    options = parser.parse_args()
    table = respondents(options.respondents, options.predictors)

    start = process_time()
    found = survey.drivers(table, "y", list(table.columns[:-1]), draws=options.draws, rng=1)
    ours = process_time() - start
    start = process_time()
    loop = by_statsmodels(table)
    looped = (process_time() - start) * options.draws
    if not np.allclose(loop, found["lmg"], atol=1e-8):
        raise SystemExit(f"The shares differ: crmlab {found['lmg'].tolist()}, statsmodels {loop.tolist()}.")
    print(found.round(3).to_string())
    print(f"{options.respondents:,} respondents, {options.draws:,} draws; the shares agree")
    print(f"crmlab                {ours:10.2f} s, intervals and Johnson's weights included")
    print(f"statsmodels, a loop   {looped:10.0f} s (from 1 draw): {looped / ours:,.0f} times")


if __name__ == "__main__":
    main()
