"""Sizes of two groups in the examples of R's help pages on power."""

from collections.abc import Iterator

from crmlab import collect
from crmlab.replicate import Row, case


@case(
    "R Core Team, R: A Language and Environment for Statistical Computing, package stats, examples of "
    "power.prop.test and power.t.test (P. Dalgaard), www.R-project.org",
    data="the parameters alone",
    data_class="typed-in table",
)
def r_core_power() -> Iterator[Row]:
    """Yield the size of each group for two shares and for two means."""
    shares = collect.difference_size(0.50, 0.75, power=0.90)["simple"]
    means = collect.difference_size(0, 1, spread=1, power=0.90)["simple"]
    seen = "reference output seen"
    yield Row("n for .50 against .75, power .90", "76.70693", shares, "power.prop.test", seen)
    yield Row("n for one standard deviation, power .90", "22.0211", means, "power.t.test", seen)
