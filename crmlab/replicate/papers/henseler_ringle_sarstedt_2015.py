"""The heterotrait–monotrait ratio, on a questionnaire about mobile phones."""

from collections.abc import Iterator

from crmlab import datasets, survey
from crmlab.replicate import Row, case

MOBILE = {
    "quality": [f"PERQ{i}" for i in range(1, 8)],
    "satisfaction": ["CUSA1", "CUSA2", "CUSA3"],
    "loyalty": ["CUSL1", "CUSL2", "CUSL3"],
}


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
        yield Row(f"{pair[0]} and {pair[1]}", printed, of_pair(table, pair), where, "reference output seen")


def of_pair(table: "dict[tuple[str, str], float]", pair: tuple[str, str]) -> float:
    """Return the number of a pair, in whichever order the table has it."""
    return float(table[pair] if pair in table else table[pair[::-1]])
