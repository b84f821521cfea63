"""The best known table of sample sizes: a margin of five points, by the length of the list."""

from collections.abc import Iterator

from crmlab import collect
from crmlab.replicate import Row, case

PRINTED = {
    10: "10",
    100: "80",
    200: "132",
    500: "217",
    1000: "278",
    5000: "357",
    10_000: "370",
    75_000: "382",
}


@case(
    "Krejcie, R. V. and Morgan, D. W. (1970), Determining sample size for research activities, Educational "
    "and Psychological Measurement 30(3), 607–610, doi:10.1177/001316447003000308",
    data="the sizes alone",
    data_class="typed-in table",
)
def krejcie_morgan_1970() -> Iterator[Row]:
    """Yield the sizes before they are made whole: the paper rounds to the nearest, we round up."""
    for population, printed in PRINTED.items():
        ours = collect.sample_size(0.05, population=population)["finite"]
        yield Row(f"of {population:,}", printed, float(ours), "table 1", "from memory")
