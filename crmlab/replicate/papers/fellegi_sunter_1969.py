"""Weights of agreement and disagreement, as two guides work them out."""

from collections.abc import Iterator

import numpy as np

from crmlab.replicate import Row, case

FIELDS = {  # m and u, then the weights as printed
    "last name": (0.996, 0.004, "7.96", "-7.96"),
    "first name": (0.996, 0.004, "7.96", "-7.96"),
    "birth date": (0.97, 0.007, "7.11", "-5.04"),
    "gender": (0.97, 0.03, "5.01", "-5.01"),
    "identity number": (0.999, 0.001, "9.96", "-9.96"),
}


def weights(m: float, u: float) -> tuple[float, float]:
    """Return the weight of agreement and of disagreement: log2 of m/u and of (1 - m)/(1 - u)."""
    return float(np.log2(m / u)), float(np.log2((1 - m) / (1 - u)))


@case(
    "Fellegi, I. P. and Sunter, A. B. (1969), A theory for record linkage, Journal of the American "
    "Statistical Association 64(328), 1183–1210, doi:10.1080/01621459.1969.10501049",
    data="shares alone",
    data_class="typed-in table",
)
def fellegi_sunter_1969() -> Iterator[Row]:
    """Yield the weights that others worked out by the paper's formula."""
    guide = "a geocoder's help on weights (ArcView)"
    yield Row("weight of a street name, m .9, u .01", "6.49", weights(0.9, 0.01)[0], guide, "page seen")
    where = "a worked table of five fields"
    for field, (m, u, *printed) in FIELDS.items():
        for side, ours, value in zip(("agreement", "disagreement"), weights(m, u), printed, strict=True):
            rounded = "the table cuts -5.0488 off after two digits" if value == "-5.04" else "holds"
            yield Row(f"weight of {field}, {side}", value, ours, where, "quoted elsewhere", expected=rounded)
    sums = np.sum([weights(m, u) for m, u, *_ in FIELDS.values()], axis=0)
    yield Row("sum of five agreements", "38", float(sums[0]), where, "quoted elsewhere")
    cut = "the table adds up weights that it has cut off"
    yield Row("sum of five disagreements", "-35.93", float(sums[1]), where, "quoted elsewhere", expected=cut)
