"""Fit the models to simulated customers, and let lifetimes 0.11.3 fit the same ones: CPU seconds and ratio.

    python benchmarks/bench_models.py [--customers 1000000] [--repeats 5]

Both start from a summary table in memory; compression to unique histories is counted in ours. Times are of
weeks, as in a summary of weekly data; ``--daily`` keeps days, so that fewer customers share a history. The
peer runs once, in an environment of its own.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from _peer import peer_python

PEER = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
import pandas as pd
import lifetimes
case, path, lifetimes_class = sys.argv[1:]
data = pd.read_csv(path)
fitter = getattr(lifetimes, lifetimes_class)()
start = time.process_time()
if case == "gamma-gamma":
    fitter.fit(data["frequency"], data["monetary_value"])
else:
    fitter.fit(data["frequency"], data["recency"], data["T"])
seconds = time.process_time() - start
print(json.dumps([seconds, {k: float(v) for k, v in fitter.params_.items()}]))
"""


def histories(rng: np.random.Generator, customers: int, dropout: str, steps: int) -> pd.DataFrame:
    """Return frequency, recency and T of customers won over 12 weeks and seen until week 39.

    Times are rounded up to 1/`steps` of a week.
    """
    rate = rng.gamma(0.6, 1 / 9.0, customers)
    age = np.ceil(rng.uniform(27, 39, customers) * steps) / steps
    if dropout == "gamma":
        until = np.minimum(age, rng.exponential(1 / rng.gamma(0.7, 1 / 12.0, customers)))
        x = rng.poisson(rate * until)
        t_x = until * rng.random(customers) ** (1 / np.maximum(x, 1))
    else:
        leave = rng.beta(0.8, 2.5, customers)
        x, t_x, clock = np.zeros(customers, int), np.zeros(customers), np.zeros(customers)
        alive = np.ones(customers, bool)
        while alive.any():
            clock = clock + rng.exponential(1 / rate)
            bought = alive & (clock <= age)
            x, t_x = x + bought, np.where(bought, clock, t_x)
            alive = bought & (rng.random(customers) >= leave)
    recency = np.where(x > 0, np.minimum(np.ceil(t_x * steps) / steps, age), 0)
    return pd.DataFrame({"frequency": x, "recency": recency, "T": age})


def amounts(rng: np.random.Generator, customers: int) -> pd.DataFrame:
    """Return frequency and mean amount of customers with repeat purchases."""
    x = 1 + rng.poisson(2, customers)
    return pd.DataFrame(
        {
            "frequency": x,
            "monetary_value": rng.gamma(6 * x, 1 / rng.gamma(4, 1 / 15, customers)) / x,
        }
    )


def main() -> None:
    from crmlab import value

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--daily", action="store_true")
    arguments = parser.parse_args()
    rng, n = np.random.default_rng(7), arguments.customers
    steps = 7 if arguments.daily else 1
    cases = [
        ("BG/NBD", value.BetaGeoNBD, "BetaGeoFitter", histories(rng, n, "beta", steps)),
        ("Pareto/NBD", value.ParetoNBD, "ParetoNBDFitter", histories(rng, n // 10, "gamma", steps)),
        ("gamma-gamma", value.GammaGamma, "GammaGammaFitter", amounts(rng, n * 45 // 100)),
    ]
    rows = []
    for name, model, peer_class, data in cases:
        seconds = []
        for _ in range(arguments.repeats):
            start = time.process_time()
            fit = model(data).fit()
            seconds.append(time.process_time() - start)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "data.csv")
            data.to_csv(path, index=False)
            run = subprocess.run(
                [peer_python(), "-c", PEER, name, str(path), peer_class],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
        peer_seconds, peer_params = json.loads(run.stdout.splitlines()[-1])
        ours = float(np.median(seconds))
        theirs = fit.model.loglike([peer_params[name] for name in fit.params.index])
        rows.append(
            {
                "model": name,
                "customers": len(data),
                "CPU s": round(ours, 4),
                "peer CPU s": round(peer_seconds, 1),
                "ratio": round(peer_seconds / ours),
                "llf": round(fit.llf, 3),
                "llf − peer's": round(fit.llf - theirs, 4),
            }
        )
        print(pd.DataFrame(rows[-1:]).to_string(index=False, header=len(rows) == 1), flush=True)


if __name__ == "__main__":
    sys.exit(main())
