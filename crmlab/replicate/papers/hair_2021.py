"""The heterotrait–monotrait ratio, on a questionnaire about the reputation of firms."""

from collections.abc import Iterator

from crmlab import datasets, survey
from crmlab.replicate import Row, case
from crmlab.replicate.papers.henseler_ringle_sarstedt_2015 import of_pair

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
        yield Row(f"{pair[0]} and {pair[1]}", printed, of_pair(table, pair), where, "from memory")
