"""BG/NBD and Pareto/NBD on the CDNOW sample."""

from collections.abc import Iterator
from functools import partial

from crmlab import datasets, value
from crmlab.replicate import Row, case

CHI_SQUARE, CORRELATION = "chi-square, 0 to 7+ purchases", "correlation with hold-out"
PUBLISHED = {
    "BG/NBD": {
        **{"r": ".243", "alpha": "4.414", "a": ".793", "b": "2.426", "log-likelihood": "-9582.4"},
        **{CHI_SQUARE: "4.82", CORRELATION: ".626"},
    },
    "Pareto/NBD": {
        **{"r": ".553", "alpha": "10.578", "s": ".606", "beta": "11.669", "log-likelihood": "-9595.0"},
        **{CHI_SQUARE: "11.99", CORRELATION: ".630"},
    },
}
CUSTOMERS = ("1411", "439", "214", "100", "62", "38", "29", "64")  # with 0, 1, ..., 7+ repeat purchases
PRECISELY = {"BG/NBD": "-9582.429", "Pareto/NBD": "-9594.976"}
CLVTOOLS = {"BG/NBD": "bgnbd", "Pareto/NBD": "pnbd"}
WHERE = {CHI_SQUARE: "histogram", CORRELATION: "conditional expectations"}


@case(
    "Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2005), “Counting your customers” the easy way: an "
    "alternative to the Pareto/NBD model, Marketing Science 24(2), 275–284, doi:10.1287/mksc.1040.0098",
    data="cdnow_sample",
    data_class="authors'",
)
def fader_hardie_lee_2005() -> Iterator[Row]:
    """Yield both models' estimates, the histogram with its chi-square, and the hold-out correlations."""
    row = partial(Row, source_checked="reference output seen")
    summary = value.btyd_summary(datasets.load("cdnow_sample"), calibration_end="1997-09-30")
    summary = summary.set_index("customer_id")
    for model in (value.BetaGeoNBD(summary), value.ParetoNBD(summary)):
        fit = model.fit()
        table = fit.frequency_table(groups=8)
        ours = {
            **fit.params,
            "log-likelihood": fit.llf,
            CHI_SQUARE: ((table["actual"] - table["expected"]) ** 2 / table["expected"]).sum(),
            CORRELATION: fit.conditional_expected_purchases().corr(summary["frequency_holdout"]),
        }
        for quantity, printed in PUBLISHED[model.title].items():
            where = WHERE.get(quantity, "estimation results")
            yield row(f"{model.title} {quantity}", printed, ours[quantity], where)
        where = f"CLVTools (R), tests/testthat/test_correctness_{CLVTOOLS[model.title]}.R"
        printed = PRECISELY[model.title]
        yield row(f"{model.title} log-likelihood, more precisely", printed, fit.llf, where)
    for (purchases, customers), printed in zip(table["actual"].items(), CUSTOMERS, strict=True):
        yield row(f"customers with {purchases} repeat purchases", printed, customers, "histogram")
