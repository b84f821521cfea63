"""The heterotrait–monotrait ratio, on two questionnaires about satisfaction."""

from collections.abc import Iterator

from crmlab import datasets, survey
from crmlab.replicate import Row, case

MOBILE = {
    "quality": [f"PERQ{i}" for i in range(1, 8)],
    "satisfaction": ["CUSA1", "CUSA2", "CUSA3"],
    "loyalty": ["CUSL1", "CUSL2", "CUSL3"],
}
REPUTATION = {
    "competence": ["comp_1", "comp_2", "comp_3"],
    "likeability": ["like_1", "like_2", "like_3"],
    "satisfaction": ["cusa"],
    "loyalty": ["cusl_1", "cusl_2", "cusl_3"],
}
PAIRS = {
    ("likeability", "competence"): ".780", ("satisfaction", "competence"): ".465",
    ("satisfaction", "likeability"): ".577", ("loyalty", "competence"): ".532",
    ("loyalty", "likeability"): ".737", ("loyalty", "satisfaction"): ".755",
}  # fmt: skip


@case(
    "Henseler, J., Ringle, C. M. and Sarstedt, M. (2015), A new criterion for assessing discriminant "
    "validity in variance-based structural equation modeling, Journal of the Academy of Marketing Science "
    "43(1), 115–135, doi:10.1007/s11747-014-0403-8",
    data="mobi",
    data_class="authors'",
)
def henseler_ringle_sarstedt_2015() -> Iterator[Row]:
    """Yield the two ratios that show that the mobile-phone questionnaire does not tell its scales apart."""
    table = survey.htmt(datasets.load("mobi"), MOBILE, draws=0).set_index(["factor", "other"])["htmt"]
    where = "European customer satisfaction index, mobile phones; reference output for that model"
    for pair, printed in {
        ("satisfaction", "quality"): ".954",
        ("loyalty", "satisfaction"): ".957",
    }.items():
        yield Row(f"{pair[0]} and {pair[1]}", printed, _of(table, pair), where, "reference output seen")


@case(
    "Hair, J. F., Hult, G. T. M., Ringle, C. M., Sarstedt, M., Danks, N. P. and Ray, S. (2021), Partial "
    "Least Squares Structural Equation Modeling (PLS-SEM) Using R, Springer, doi:10.1007/978-3-030-80519-7",
    data="corporate_reputation",
    data_class="authors'",
)
def hair_2021() -> Iterator[Row]:
    """Yield the ratios of the simple model; the book puts the mean for what is missing."""
    data = datasets.load("corporate_reputation")[[item for own in REPUTATION.values() for item in own]]
    table = survey.htmt(data.fillna(data.mean()), REPUTATION, draws=0).set_index(["factor", "other"])["htmt"]
    where = "chapter on reflective measurement, HTMT of the simple model"
    for pair, printed in PAIRS.items():
        yield Row(f"{pair[0]} and {pair[1]}", printed, _of(table, pair), where, "from memory")


def _of(table: "dict[tuple[str, str], float]", pair: tuple[str, str]) -> float:
    return float(table[pair] if pair in table else table[pair[::-1]])
