"""Absorbing chains of a textbook: a walk between home and bar, and a process that only climbs."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from crmlab import network
from crmlab.replicate import Row, case


@case(
    "Grinstead, C. M. and Snell, J. L. (1997), Introduction to Probability, 2nd ed., American Mathematical "
    "Society, section 11.2, www.math.dartmouth.edu/~prob/prob/prob.pdf",
    data="the matrices alone",
    data_class="typed-in table",
)
def grinstead_snell_1997() -> Iterator[Row]:
    """Yield who gets where, and in how many steps, as R has it for the same exercises."""
    seen = "reference output seen"
    source = "R session at www.rksmusings.com, practice 2011-05-21 (markov-chain and -chap-9-9), "
    corners = ["home", "1", "2", "3", "bar"]
    walk = np.diag([0, 2 / 3, 2 / 3, 2 / 3], k=1) + np.diag([1 / 3, 1 / 3, 1 / 3, 0], k=-1)
    walk[0, 0] = walk[4, 4] = 1
    shares = pd.DataFrame(walk, corners, corners)
    where = source + "drunkard's walk, to the right with 2/3: {}"
    bar, home = (
        network.climb(shares, to, gone, above=False) for to, gone in (("bar", "home"), ("home", "bar"))
    )
    # whoever ends at either end has walked the mean of both walks, each as likely as its end
    steps = bar["reach"] * bar["steps"] + home["reach"] * home["steps"]
    for corner, printed in {"1": "0.5333333", "2": "0.8000000", "3": "0.9333333"}.items():
        yield Row(f"from {corner} to the bar", printed, bar["reach"][corner], where.format("N R"), seen)
    for corner, printed in {"1": "3.4", "2": "3.6", "3": "2.2"}.items():
        yield Row(f"from {corner} steps to either end", printed, steps[corner], where.format("N c"), seen)

    higher = np.triu(np.ones((5, 5)), 1)
    higher[4, 4] = 1
    numbers = ["1", "2", "3", "4", "5"]
    shares = pd.DataFrame(higher / higher.sum(axis=1, keepdims=True), numbers, numbers)
    steps = network.climb(shares, "5")["steps"]
    where = source + "moves to an integer that is greater, N c"
    for start, printed in {"1": "2.083333", "2": "1.833333", "3": "1.500000"}.items():
        yield Row(f"from {start} steps to 5", printed, steps[start], where, seen)
