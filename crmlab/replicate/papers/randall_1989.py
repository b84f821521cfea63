"""The ordered logit of bitter wine, as clm of R's ordinal prints it: by statsmodels."""

from collections.abc import Iterator

import numpy as np
from statsmodels.miscmodels.ordinal_model import OrderedModel

from crmlab import datasets
from crmlab.replicate import Row, case

PRINTED = {"temp[T.warm]": ("2.5031", ".5287"), "contact[T.yes]": ("1.5278", ".4766")}
THRESHOLDS = ("-1.3444", "1.2508", "3.4669", "5.0064")


@case(
    "Randall, J. H. (1989), The analysis of sensory data by generalised linear model, Biometrical Journal "
    "31(7), 781–793, doi:10.1002/bimj.4710310703; by way of Christensen, R. H. B., R package ordinal, "
    "doi:10.32614/CRAN.package.ordinal",
    data="wine",
    data_class="authors'",
)
def randall_1989() -> Iterator[Row]:
    """Yield slopes, standard errors, thresholds and log-likelihood."""
    wine = datasets.load("wine")
    wine["rating"] = wine["rating"].astype("category").cat.as_ordered()
    model = OrderedModel.from_formula("rating ~ temp + contact", wine, distr="logit")
    fit = model.fit(method="bfgs", gtol=1e-7, disp=False)
    where = "clm(rating ~ temp + contact, data = wine) of R's ordinal"
    for name, (slope, error) in PRINTED.items():
        yield Row(f"slope of {name}", slope, fit.params[name], where, "reference output seen")
        yield Row(f"standard error of {name}", error, fit.bse[name], where, "reference output seen")
    for place, printed in enumerate(THRESHOLDS, start=1):
        ours = model.transform_threshold_params(np.asarray(fit.params))[place]
        yield Row(f"threshold {place} to {place + 1}", printed, ours, where, "reference output seen")
    yield Row("log-likelihood", "-86.49", fit.llf, where, "reference output seen")
