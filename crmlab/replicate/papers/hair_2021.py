"""The reputation of firms: a simple path model, what its scores are worth, and whether they are distinct."""

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
PATHS = {
    "satisfaction": ["competence", "likeability"],
    "loyalty": ["competence", "likeability", "satisfaction"],
}
SLOPES = {
    "competence -> satisfaction": ".162", "likeability -> satisfaction": ".424",
    "competence -> loyalty": ".009", "likeability -> loyalty": ".342", "satisfaction -> loyalty": ".504",
}  # fmt: skip
EXPLAINED = {"satisfaction": ".295", "loyalty": ".562"}
WORTH = {
    "competence": (".776", ".832", ".865", ".681"), "likeability": (".831", ".836", ".899", ".747"),
    "loyalty": (".831", ".839", ".899", ".748"),
}  # fmt: skip


@case(
    "Hair, J. F., Hult, G. T. M., Ringle, C. M., Sarstedt, M., Danks, N. P. and Ray, S. (2021), Partial "
    "Least Squares Structural Equation Modeling (PLS-SEM) Using R, Springer, doi:10.1007/978-3-030-80519-7",
    data="corporate_reputation",
    data_class="authors'",
)
def hair_2021() -> Iterator[Row]:
    """Yield the figures of the simple model; the book puts the mean for what is missing."""
    fit = survey.PathModel(datasets.load("corporate_reputation"), REPUTATION, PATHS, missing="mean").fit()
    output = (
        "simple model; figures of the book's own program, seminr 0.2.1 for Python, means for missing answers"
    )
    for path, text in SLOPES.items():
        yield Row(path, text, fit.params[path], output, "reference output seen")
    for block, text in EXPLAINED.items():
        yield Row(
            f"{block} R²", text, fit.r_squared().loc[block, "r_squared"], output, "reference output seen"
        )
    measures = ["alpha", "rho_a", "composite_reliability", "ave"]
    for block, texts in WORTH.items():
        for name, text in zip(measures, texts, strict=True):
            yield Row(
                f"{block} {name}", text, fit.validity().loc[block, name], output, "reference output seen"
            )
    data = datasets.load("corporate_reputation")[[item for own in REPUTATION.values() for item in own]]
    table = survey.htmt(data.fillna(data.mean()), REPUTATION, draws=0).set_index(["factor", "other"])["htmt"]
    where = "chapter on reflective measurement, HTMT of the simple model"
    for pair, printed in PAIRS.items():
        yield Row(f"{pair[0]} and {pair[1]}", printed, of_pair(table, pair), where, "from memory")
