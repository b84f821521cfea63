"""Means and totals of Californian schools from two designs, as R's survey package prints them."""

from collections.abc import Iterator
from typing import Any

from crmlab import collect, datasets
from crmlab.replicate import Row, case

TYPES, GOALS = {"E": 4421, "H": 755, "M": 1018}, {"No": 1072, "Yes": 5122}
STRATA = {"weights": "pw", "stratum": "stype", "population": "fpc"}
DISTRICTS = {"weights": "pw", "cluster": "dnum", "population": "fpc"}
POST = DISTRICTS | {"margins": {"stype": TYPES}}
RAKED = DISTRICTS | {"margins": {"stype": TYPES, "sch_wide": GOALS}}
# design, column, options; the estimate, its standard error and the design effect as printed
PRINTED: list[tuple[str, str, dict[str, Any], list[str]]] = [
    ("strata", "api00", STRATA, ["662.29", "9.4089", "1.2045"]),
    ("strata", "enroll", STRATA, ["3687178", "114642", ".362"]),
    ("districts", "api00", DISTRICTS, ["644.17", "23.542", "9.3459"]),
    ("districts", "enroll", DISTRICTS, ["3404940", "932235", "31.311"]),
    ("districts, post-stratified", "api00", POST, ["642.31", "23.9204864"]),
    ("districts, post-stratified", "enroll", POST, ["3680893", "406293"]),
    ("districts, raked", "api00", RAKED, ["641.23", "23.704"]),
    ("districts, raked", "enroll", RAKED, ["3647280", "400603"]),
]
WHERE = "svymean(~api00) and svytotal(~enroll) of R's survey 4.1-1, apistrat and apiclus1; raked to 1e-8"


@case(
    "Lumley, T. (2004), Analysis of complex survey samples, Journal of Statistical Software 9(8), 1–19, "
    "doi:10.18637/jss.v009.i08",
    data="api_schools",
    data_class="authors'",
)
def lumley_2004() -> Iterator[Row]:
    """Yield the mean index, the total of pupils, their standard errors and design effects."""
    schools = datasets.load("api_schools")
    for design, column, options, printed in PRINTED:
        sample = schools[schools["design"] == design.split(",")[0]]
        total = column == "enroll"
        found = collect.estimate(sample, column, total=total, **options)
        what = f"{'pupils in all' if total else 'mean index'}, {design}"
        names = {"estimate": what, "se": f"{what}: standard error", "design_effect": f"{what}: design effect"}
        for (name, quantity), value in zip(names.items(), printed, strict=False):
            yield Row(quantity, value, float(found[name]), WHERE, "reference output seen")
