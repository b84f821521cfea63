"""Customers drawn straight from each model's own story: the truth that recovery tests know."""

import numpy as np
import pandas as pd


def geometric(rng, customers, r, alpha, a, b, modified=False, T=(27, 39)):
    """BG/NBD (or MBG/NBD): gaps are exponential, and after each purchase a coin decides who leaves."""
    rate = rng.gamma(r, 1 / alpha, customers)
    leave = rng.beta(a, b, customers)
    age = rng.uniform(*T, customers)
    alive = rng.random(customers) >= leave if modified else np.ones(customers, bool)
    x, t_x, clock = np.zeros(customers, int), np.zeros(customers), np.zeros(customers)
    while alive.any():
        clock = clock + rng.exponential(1 / rate)
        bought = alive & (clock <= age)
        x, t_x = x + bought, np.where(bought, clock, t_x)
        alive = bought & (rng.random(customers) >= leave)
    return pd.DataFrame({"frequency": x, "recency": t_x, "T": age})


def pareto(rng, customers, r, alpha, s, beta, T=(27, 39)):
    """Pareto/NBD: purchases fall at random on the time until death or now, whichever comes first."""
    rate = rng.gamma(r, 1 / alpha, customers)
    age = rng.uniform(*T, customers)
    until = np.minimum(age, rng.exponential(1 / rng.gamma(s, 1 / beta, customers)))
    x = rng.poisson(rate * until)
    # The last of x uniform moments is the maximum: distributed as U^(1/x).
    t_x = np.where(x > 0, until * rng.random(customers) ** (1 / np.maximum(x, 1)), 0)
    return pd.DataFrame({"frequency": x, "recency": t_x, "T": age})


def spend(rng, customers, p, q, v):
    """Gamma–gamma: one-off amounts gamma(p, nu) with nu ~ gamma(q, v)."""
    x = 1 + rng.poisson(2, customers)
    nu = rng.gamma(q, 1 / v, customers)
    return pd.DataFrame({"frequency": x, "monetary_value": rng.gamma(p * x, 1 / nu) / x})
