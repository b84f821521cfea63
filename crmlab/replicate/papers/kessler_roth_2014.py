"""A question about organ donation in California, by difference in differences."""

import warnings
from collections.abc import Iterator

from scipy.stats import t as student

from crmlab import collect, datasets
from crmlab._intervals import IntervalWarning
from crmlab.replicate import Row, case

WHERE = "two-way regression by state and quarter, as a textbook on the same data prints it; not seen again"


@case(
    "Kessler, J. B. and Roth, A. E. (2014), Don't take 'no' for an answer: an experiment with actual organ "
    "donor registrations, NBER Working Paper 20378, doi:10.3386/w20378; the figures as in Huntington-Klein, "
    "N. (2022), The Effect, chapter 18, Chapman and Hall, doi:10.1201/9781003226055",
    data="organ_donations",
    data_class="authors'",
)
def kessler_roth_2014() -> Iterator[Row]:
    """Yield the difference in differences and its standard error with states as clusters."""
    donors = datasets.load("organ_donations")
    donors["asked"] = (donors["state"] == "California") & (donors["quarter"] >= "2011-07-01")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IntervalWarning)  # one state is treated: the printed error is small
        found = collect.differences(donors, "rate", "state", "quarter", "asked").estimates
    states = donors["state"].nunique()
    error = (found["high"] - found["low"]) / 2 / student.ppf(0.975, states - 1)
    yield Row("difference in differences", "-.022", found["effect"], WHERE, "from memory")
    yield Row("its standard error", ".006", error, WHERE, "from memory")
    yield Row("states", "27", states, WHERE, "from memory")
