"""Alphas of the blocks of the European Customer Satisfaction Index."""

import warnings
from collections.abc import Iterator

from crmlab import datasets, survey
from crmlab.replicate import Row, case

BLOCKS = {
    "Image": ("IMAG", 5, ".723"),
    "Expectation": ("CUEX", 3, ".452"),
    "Quality": ("PERQ", 7, ".877"),
    "Value": ("PERV", 2, ".824"),
    "Satisfaction": ("CUSA", 3, ".779"),
    "Loyalty": ("CUSL", 3, ".472"),
}


@case(
    "Tenenhaus, M., Esposito Vinzi, V., Chatelin, Y.-M. and Lauro, C. (2005), PLS path modeling, "
    "Computational Statistics & Data Analysis 48(1), 159–205, doi:10.1016/j.csda.2004.03.005",
    data="mobi",
    data_class="authors'",
)
def tenenhaus_2005_alpha() -> Iterator[Row]:
    """Yield alpha of six blocks, of standardised items."""
    answers = datasets.load("mobi")
    where = (
        "SmartPLS 2.0.M3, reference output for the mobile phone data: Cronbach's alpha, items standardised"
    )
    for name, (stem, count, printed) in BLOCKS.items():
        items = answers[[f"{stem}{place}" for place in range(1, count + 1)]]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a block has no omega: alpha alone is asked for
            ours = survey.reliability(items).loc["alpha_standardised", "estimate"]
        yield Row(f"ECSI {name} alpha", printed, ours, where, "reference output seen")
