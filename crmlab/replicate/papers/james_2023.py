"""Who buys a caravan policy: the lab of the statistical learning books, in Python's split and in R's."""

from collections.abc import Iterator

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from crmlab import datasets
from crmlab.replicate import Row, case

WHERE = {
    "python": "section 4.7.6 of the Python edition, output of its lab, 1,000 test rows by random_state=0",
    "r": "section 4.6.6 of the R edition, the first 1,000 rows for the test",
}
NEIGHBOURS = {1: ("62", "9"), 2: ("6", "1"), 3: ("20", "3"), 4: ("4", "0"), 5: ("7", "1")}


def _logit(train: np.ndarray, bought: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Return the chance of buying; C so large that nothing is shrunk, as the book has it."""
    model = LogisticRegression(C=1e10, solver="liblinear").fit(train, bought)
    return np.asarray(model.predict_proba(test)[:, 1])


@case(
    "James, G., Witten, D., Hastie, T., Tibshirani, R. and Taylor, J. (2023), An Introduction to Statistical "
    "Learning with Applications in Python, Springer, doi:10.1007/978-3-031-38747-0; James, G., Witten, D., "
    "Hastie, T. and Tibshirani, R. (2013), with Applications in R, Springer, doi:10.1007/978-1-4614-7138-7",
    data="caravan",
    data_class="authors'",
)
def james_2023() -> Iterator[Row]:
    """Yield how many are named by each rule, and how many of them have the policy, in two named splits.

    The rules are scikit-learn's: these rows check the data and the split, and nothing else of ours.
    """
    table = datasets.load("caravan")
    bought = (table.pop("Purchase") == "Yes").to_numpy()
    scaled = StandardScaler().fit_transform(table)
    seen = "reference output seen"
    yield Row("customers with the policy", "348", bought.sum(), WHERE["python"], seen)
    train, test, had, has = train_test_split(scaled, bought, test_size=1000, random_state=0)
    yield Row("Python, share of buyers", ".067", has.mean(), WHERE["python"], seen)
    for count, (named, right) in NEIGHBOURS.items():
        found = KNeighborsClassifier(count).fit(train, had).predict(test)
        what = f"Python, {count} neighbour{'s' * (count > 1)}"
        yield Row(f"{what}: named", named, found.sum(), WHERE["python"], seen)
        yield Row(f"{what}: right", right, (found & has).sum(), WHERE["python"], seen)
    chance = _logit(train, had, test)
    yield Row("Python, logit above .5: named", "2", (chance > 0.5).sum(), WHERE["python"], seen)
    yield Row("Python, logit above .25: named", "29", (chance > 0.25).sum(), WHERE["python"], seen)
    yield Row("Python, logit above .25: right", "9", has[chance > 0.25].sum(), WHERE["python"], seen)
    seen = "from memory"
    train, test, had, has = scaled[1000:], scaled[:1000], bought[1000:], bought[:1000]
    found = KNeighborsClassifier(1).fit(train, had).predict(test)
    yield Row("R, 1 neighbour: named", "77", found.sum(), WHERE["r"], seen)
    yield Row("R, 1 neighbour: right", "9", (found & has).sum(), WHERE["r"], seen)
    chance = _logit(train, had, test)
    yield Row("R, logit above .25: named", "33", (chance > 0.25).sum(), WHERE["r"], seen)
    yield Row("R, logit above .25: right", "11", has[chance > 0.25].sum(), WHERE["r"], seen)
