"""Weights of agreement and disagreement, as two manuals work them out."""

from collections.abc import Iterator

from crmlab.collect.linkage import weight
from crmlab.replicate import Row, case

FIELDS = {  # m and u, then the weights as printed
    "last name": (0.996, 0.004, "7.96", "-7.96"),
    "first name": (0.996, 0.004, "7.96", "-7.96"),
    "birth date": (0.97, 0.007, "7.11", "-5.04"),
    "gender": (0.97, 0.03, "5.01", "-5.01"),
    "identity number": (0.999, 0.001, "9.96", "-9.96"),
}
DIFFERS = {
    "weight of birth date, disagreement": "the table cuts -5.0488 off after two digits",
    "sum of five disagreements": "the table adds up weights that it has cut off",
}


@case(
    "Fellegi, I. P. and Sunter, A. B. (1969), A theory for record linkage, Journal of the American "
    "Statistical Association 64(328), 1183–1210, doi:10.1080/01621459.1969.10501049: its weights as Esri "
    "(How does ArcView geocoding compute weight for each field?, support.esri.com, article 000006275) and "
    "Oracle (Understanding the Sun Match Engine, docs.oracle.com, part number 820-2652) print them",
    data="shares alone",
    data_class="typed-in table",
)
def fellegi_sunter_1969() -> Iterator[Row]:
    """Yield the weights by the function that Linkage has its weights from."""
    article, table = "Esri, article 000006275", "Oracle 820-2652, Table 37"
    yield Row("weight of a street name, m .9, u .01", "6.49", weight(0.9, 0.01), article, "page seen")
    printed, sums = {}, [0.0, 0.0]
    for field, (m, u, *told) in FIELDS.items():
        both = float(weight(m, u)), float(weight(1 - m, 1 - u))
        sums = [total + one for total, one in zip(sums, both, strict=True)]
        for side, value, ours in zip(("agreement", "disagreement"), told, both, strict=True):
            printed[f"weight of {field}, {side}"] = (value, ours)
    printed |= {"sum of five agreements": ("38", sums[0]), "sum of five disagreements": ("-35.93", sums[1])}
    for quantity, (value, ours) in printed.items():
        yield Row(quantity, value, ours, table, "page seen", DIFFERS.get(quantity, "holds"))
