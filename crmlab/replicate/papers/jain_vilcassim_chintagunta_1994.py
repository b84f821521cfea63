"""Which yogurt 100 households took: the plain logit of the scanner panel, as R's logitr prints it."""

from collections.abc import Iterator

from crmlab import datasets, survey
from crmlab.replicate import Row, case

NAMES = {"price": "price", "feat": "featured"} | {
    f"brand{brand}": f"brand: {brand}" for brand in ("hiland", "weight", "yoplait")
}
PRINTED = {
    "price": ("-0.366584", "0.024366"),
    "feat": ("0.491434", "0.120063"),
    "brandhiland": ("-3.715600", "0.145419"),
    "brandweight": ("-0.641184", "0.054498"),
    "brandyoplait": ("0.734571", "0.080644"),
}
MONEY = {
    "feat": "1.340574",
    "brandhiland": "-10.135727",
    "brandweight": "-1.749077",
    "brandyoplait": "2.003825",
}
# standard errors of the model that is written in money, which are those of the delta method
ERRORS = {
    "feat": "0.355865",
    "brandhiland": "0.576083",
    "brandweight": "0.179897",
    "brandyoplait": "0.142377",
}
CHANCES = {
    13: ("0.43686128", "0.03312961", "0.19154812", "0.33846099"),
    42: ("0.60767175", "0.02601791", "0.17802345", "0.18828690"),
}

SEARCH = "logitr's search stops where the log-likelihood no longer gains, not where the slope is 0"


@case(
    "Jain, D. C., Vilcassim, N. J. and Chintagunta, P. K. (1994), A random-coefficients logit brand-choice "
    "model applied to panel data, Journal of Business & Economic Statistics 12(3), 317–328, "
    "doi:10.1080/07350015.1994.10524547",
    data="yogurt",
    data_class="authors'",
)
def jain_vilcassim_chintagunta_1994() -> Iterator[Row]:
    """Yield coefficients, willingness to pay, fit and chances of the multinomial logit of the panel."""
    table = datasets.load("yogurt")
    model = survey.ConditionalLogit(
        table, "purchase", "chosen", ["price", "featured"], alternative="brand", reference="dannon"
    )
    fit = model.fit()
    where, source = "R package logitr 1.2.0, article on multinomial logit models", "reference output seen"
    for name, (estimate, error) in PRINTED.items():
        yield Row(name, estimate, fit.params[NAMES[name]], where, source)
        yield Row(f"standard error of {name}", error, fit.bse[NAMES[name]], where, source)
    yield Row("log-likelihood", "-2656.888", fit.llf, where, source)
    yield Row("log-likelihood of equal shares", "-3343.7419990", fit.llnull, where, source)
    yield Row("AIC", "5323.776", fit.aic, where, source)
    yield Row("BIC", "5352.7168", fit.bic, where, source)
    money = fit.willingness_to_pay()
    for name, printed in MONEY.items():
        found = money.loc[NAMES[name]]
        yield Row(
            f"willingness to pay for {name}",
            printed,
            found["estimate"],
            where,
            source,
            tolerance=5e-6,
            reason=SEARCH,
        )
        ours = (found["high"] - found["low"]) / 2 / 1.959963984540054
        yield Row(f"its standard error, {name}", ERRORS[name], ours, where, source)
    chances = fit.probabilities(table)
    where = "R package logitr 1.2.0, article on predicting"
    for purchase, printed_chances in CHANCES.items():
        brands = table.loc[table["purchase"] == purchase, "brand"]
        for row, brand in brands.items():
            printed = printed_chances[list(brands).index(brand)]
            told = f"chance of {brand} at purchase {purchase}"
            yield Row(told, printed, chances[row], where, source, tolerance=1e-7, reason=SEARCH)
