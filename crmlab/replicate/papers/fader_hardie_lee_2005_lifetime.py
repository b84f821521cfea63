"""What the CDNOW cohort is worth: Pareto/NBD, gamma–gamma and a discount rate."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from crmlab import datasets, value
from crmlab.replicate import Row, case
from crmlab.replicate.papers import notes

RESELLER = 4000  # dollars: the paper leaves out ten customers whose repeat purchases come to more
TERCILES = {
    "recency": ("10", "62", "201"),
    "frequency": ("18", "50", "205"),
    "mean spend": ("31", "81", "160"),
}
RULE = "the paper's rule for ties is not known to us, ours is the order of the ids; "
TIES = {
    "recency": RULE + "recency in whole weeks and other rules give 62 to 65 and 197 to 201",
    "frequency": RULE + "in the order of the last purchase ours are 18.2 and 50.3",
    "all": RULE + "others that we tried give 926 to 957",
}
TIED = {("recency", "middle"), ("recency", "highest"), ("frequency", "lowest"), ("frequency", "middle")}
SPEND = {"mean": "35", "std": "30", "50%": "27", "max": "300", "skewness": "4", "kurtosis": "17"}
NAMES = {"std": "standard deviation", "50%": "median", "max": "maximum"}
UNKNOWN = "cause not found: the other moments agree, and so do the model's estimates"


@case(
    "Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2005), RFM and CLV: using iso-value curves for customer "
    "base analysis, Journal of Marketing Research 42(4), 415–430, doi:10.1509/jmkr.2005.42.4.415",
    data="cdnow_master, with models fitted to cdnow_sample, both over all 78 weeks unless stated",
    data_class="authors'",
)
def fader_hardie_lee_2005_lifetime() -> Iterator[Row]:
    """Yield the worth of the cohort and of its terciles, without the resellers, and the spend of the sample.

    The models are fitted to the sample: fitted to the cohort itself they give 5.31 dollars for a customer
    without repeat purchases.
    """
    where = f"30 % margin, 15 % discount a year of 52 weeks; {notes('spend-clv')}"
    row = partial(Row, where=where, source_checked="quoted elsewhere")
    log = datasets.load("cdnow_sample")
    sample = value.btyd_summary(log, calibration_end="1998-06-30")
    purchases, spend = value.ParetoNBD(sample).fit(), value.GammaGamma(sample).fit()
    cohort = value.btyd_summary(datasets.load("cdnow_master"), calibration_end="1998-06-30")
    cohort = cohort.set_index("customer_id")
    spent = (cohort["frequency"] * cohort["monetary_value"]).fillna(0)
    cohort = cohort[spent <= RESELLER].sort_index()

    worth = value.LifetimeValue(purchases, spend, margin=0.3, discount=0.15, year=52).expected(cohort)
    once = cohort["frequency"] == 0
    yield row("customers", "23,560", len(cohort))
    yield row("customers without a repeat purchase", "12,054", once.sum())
    yield row("worth of a customer without a repeat purchase, dollars", "4.40", worth[once].mean())
    yield row("share of these in the worth of all, per cent", "5", 100 * worth[once].sum() / worth.sum())
    yield row("worth of a customer, dollars", "47", worth.mean())
    yield row("worth of all, million dollars", "1.1", worth.sum() / 1e6)

    columns = cohort[~once][["recency", "frequency", "monetary_value"]].set_axis(TERCILES, axis=1)
    ranks = columns.rank(method="first")
    tercile = np.ceil(3 * ranks / len(ranks))
    for measure, thirds in TERCILES.items():
        means = worth[~once].groupby(tercile[measure]).mean()
        for third, printed, ours in zip(("lowest", "middle", "highest"), thirds, means, strict=True):
            quantity = f"worth of a repeat buyer in the {third} third by {measure}, dollars"
            tied = (measure, third) in TIED
            yield row(quantity, printed, ours, expected=TIES[measure] if tied else "holds")
    best = (tercile == 3).all(axis=1)
    yield row("repeat buyers in the highest third by all three", "954", best.sum(), expected=TIES["all"])
    quantity = "worth of a repeat buyer in the highest third by all three, dollars"
    yield row(quantity, "435", worth[~once][best].mean())

    half = value.btyd_summary(log, calibration_end="1997-09-30")
    fit = value.ParetoNBD(half)
    quantity = "Pareto/NBD log-likelihood of 39 weeks at the estimates from 78"
    yield row(quantity, "-9608", fit.loglike(purchases.params))
    repeat = half[half["frequency"] > 0]
    money = repeat["monetary_value"]
    moments = {**money.describe(), "skewness": money.skew(), "kurtosis": money.kurt()}
    where = f"spend per repeat purchase, 39 weeks of the sample; {notes('spend-clv')}"
    for statistic, printed in SPEND.items():
        reason = UNKNOWN if statistic == "skewness" else "holds"
        quantity = f"{NAMES.get(statistic, statistic)} of mean spend"
        yield row(quantity, printed, moments[statistic], where=where, expected=reason)
    for data, printed, label in (
        (repeat, ".11", "all"),
        (repeat[repeat["frequency"] != 21], ".06", "all but who bought 21 times"),
    ):
        quantity = f"correlation of spend with purchases, {label}"
        yield row(quantity, printed, data["frequency"].corr(data["monetary_value"]), where=where)
