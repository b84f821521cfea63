"""What a contract is worth when customers differ in how readily they leave: sBG and a discount rate."""

from collections.abc import Iterator
from functools import partial

from crmlab import datasets, value
from crmlab.replicate import Row, case
from crmlab.replicate.papers import results_at

DISCOUNT = 0.1
ECLV = (0.6677123, 3.8024773)  # alpha and beta that the R package prints
SURVIVAL = {1: ".8506300", 10: ".4141671"}
RETENTION = {2: ".8779362", 10: ".9504304"}


@case(
    "Fader, P. S. and Hardie, B. G. S. (2010), Customer-base valuation in a contractual setting: the perils "
    "of ignoring heterogeneity, Marketing Science 29(1), 85–93, doi:10.1287/mksc.1080.0482",
    data="sbg_retention",
    data_class="typed-in table",
)
def fader_hardie_2010_contracts() -> Iterator[Row]:
    """Yield discounted renewals as two implementations of the paper print them.

    They count from the moment of the next renewal, we from one period before: hence the factor.
    """
    row = partial(Row, source_checked="reference output seen")
    table = datasets.load("sbg_retention").query("segment == 'High End'")
    model = value.ShiftedBetaGeometric(table["survivors_percent"] * 10)
    residual = (1 + DISCOUNT) * model.fit().discounted_renewals(DISCOUNT, age=7).item()
    where = "README of github.com/jdmaturen/shifted_beta_geometric_py; 10 % a year, from our fit"
    yield row("High End, renewals to come after seven, discounted", "7.530", residual, where)

    given = results_at(model, ECLV)
    where = "README of the R package eCLV, github.com/KobaKhit/eCLV; at its alpha .6677123 and beta 3.8024773"
    for year, printed in SURVIVAL.items():
        reason = "its parameters are printed to seven digits and used with more" if year == 10 else "holds"
        yield row(f"survival to year {year}", printed, given.survival(year).item(), where, expected=reason)
    for year, printed in RETENTION.items():
        yield row(f"retention rate of year {year}", printed, given.retention_rate(year).item(), where)
    where += ", 10 % a year, to year 70"
    new = 1 + given.discounted_renewals(DISCOUNT, horizon=70).item()
    yield row("years of a new customer, discounted", "5.920551", new, where)
    residual = (1 + DISCOUNT) * given.discounted_renewals(DISCOUNT, age=4, horizon=66).item()
    yield row("renewals to come after four, discounted", "6.893253", residual, where)
