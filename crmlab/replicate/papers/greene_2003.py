"""How 210 travellers went from Sydney to Melbourne: the textbook's conditional logit."""

from collections.abc import Iterator

import numpy as np

from crmlab import survey
from crmlab.replicate import Row, case

MODES = {1: "air", 2: "train", 3: "bus", 4: "car"}
PRINTED = {"mode: air": "5.20743", "mode: train": "3.86904", "mode: bus": "3.16319"}
ERRORS = {"mode: air": ".77906", "mode: train": ".44313", "mode: bus": ".45027"}
PRINTED |= {"gc": "-.01550", "ttme": "-.09612", "hinc_air": ".01329"}
ERRORS |= {"gc": ".00441", "ttme": ".01044", "hinc_air": ".01026"}


@case(
    "Greene, W. H. (2003), Econometric Analysis, 5th ed., Prentice Hall, table 21.11, www.pearson.com",
    data="statsmodels.datasets.modechoice",
    data_class="authors'",
)
def greene_2003() -> Iterator[Row]:
    """Yield coefficients, standard errors and log-likelihood of the unweighted model."""
    from statsmodels.datasets import modechoice

    trips = modechoice.load_pandas().data
    trips["mode"] = trips["mode"].map(MODES)
    trips["hinc_air"] = trips["hinc"] * (trips["mode"] == "air")
    model = survey.ConditionalLogit(
        trips, "individual", "choice", ["gc", "ttme", "hinc_air"], alternative="mode", reference="car"
    )
    fit = model.fit()
    where, source = "statsmodels' test results for the table, from R's mlogit", "reference output seen"
    reason = "mlogit stopped short of the maximum: there our slope is not 0, and the log-likelihood lower"
    for name, printed in PRINTED.items():
        rows = {name: (printed, fit.params[name]), f"standard error of {name}": (ERRORS[name], fit.bse[name])}
        for quantity, (published, ours) in rows.items():
            if name == "mode: air":
                yield Row(quantity, published, ours, where, source, tolerance=2e-5, reason=reason)
            else:
                yield Row(quantity, published, ours, where, source)
    yield Row("log-likelihood", "-199.1284", fit.llf, where, source)
    yield Row("AIC", "410.2567", fit.aic, where, source)
    shares = trips.groupby("mode")["choice"].sum()
    # constants alone tell the shares of the modes
    constants = float((shares * np.log(shares / shares.sum())).sum())
    yield Row("log-likelihood with constants only", "-283.7588", constants, where, source)
