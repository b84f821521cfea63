"""Lifetime value of many customers, in CPU seconds and as a ratio to fitting the models to the same table.

    python benchmarks/bench_lifetime.py [--customers 1000000] [--draws 200]

Histories are those of bench_models.py, with times in days and in weeks. Measured are the value of every
customer with the interval of its expectation (wanted: under 2 s), and a parametric bootstrap of the total on
a tenth of the customers (wanted: 200 draws in under 20 s): each draw simulates their histories, fits both
models again and values them anew. Set OMP_NUM_THREADS=1: threads that wait count as processor time.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from bench_models import histories

from crmlab import value


def cpu_seconds(job: Callable[[], Any]) -> tuple[Any, float]:
    start = time.process_time()
    return job(), time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--draws", type=int, default=200)
    options = parser.parse_args()
    for model, dropout in ((value.BetaGeoNBD, "beta"), (value.ParetoNBD, "gamma")):
        for unit, steps in (("weeks", 1), ("days", 7)):
            rng = np.random.default_rng(0)
            data = histories(rng, options.customers, dropout, steps)
            bought = data["frequency"].clip(lower=1)
            nu = rng.gamma(4.0, 1 / 15.0, len(data))
            data["monetary_value"] = rng.gamma(6.0 * bought, 1 / nu) / bought

            def fit(table: Any, model: Any = model) -> value.LifetimeValue:
                both = model(table).fit(), value.GammaGamma(table).fit()
                return value.LifetimeValue(*both, margin=0.3, discount=0.1, year=365.25 / 7)

            worth, fitting = cpu_seconds(lambda fit=fit, data=data: fit(data))
            _, valuing = cpu_seconds(lambda worth=worth: worth.expected(alpha=0.05))
            name = f"{model.title}, {unit}"
            print(f"{name}: {len(data):,} customers: fit {fitting:.2f} s, value with intervals", end=" ")
            print(f"{valuing:.2f} s ({valuing / fitting:.1f} times the fit)")
            some = fit(data.head(options.customers // 10))
            _, drawing = cpu_seconds(lambda some=some: some.bootstrap(options.draws, rng=0))
            print(f"{name}: {options.draws} bootstrap draws on {options.customers // 10:,}: {drawing:.2f} s")


if __name__ == "__main__":
    main()
