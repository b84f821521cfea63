"""Whether two groups are measured alike, step by step."""

from collections.abc import Iterator

from crmlab import datasets, survey
from crmlab.replicate import Row, case
from crmlab.replicate.papers.rosseel_2012 import SEEN, TESTS

STEPS = {
    "configural": ("115.851", ".923", ".097", "7706.822"),
    "metric": ("124.044", ".921", ".093", "7680.771"),
    "scalar": ("164.103", ".882", ".107", "7686.588"),
}


@case(
    "Steenkamp, J.-B. E. M. and Baumgartner, H. (1998), Assessing measurement invariance in cross-national "
    "consumer research, Journal of Consumer Research 25(1), 78–90, doi:10.1086/209528",
    data="holzinger",
    data_class="authors'",
)
def steenkamp_baumgartner_1998() -> Iterator[Row]:
    """Yield the fit of the nine tests in two schools, step by step, and the tests between the steps."""
    table = survey.invariance(datasets.load("holzinger"), TESTS, group="school").table
    where = "the nine tests in two schools; output of lavaan 0.6-14"
    for step, printed in STEPS.items():
        for name, text in zip(("chi_square", "cfi", "rmsea", "bic"), printed, strict=True):
            yield Row(f"{step} {name}", text, table.loc[step, name], where, SEEN)
    for step, gain, p_value in (("metric", "8.192", ".2244"), ("scalar", "40.059", "4.435E-7")):
        yield Row(f"{step}, rise of chi-square", gain, table.loc[step, "gain"], where, SEEN)
        if step == "metric":
            yield Row(f"{step}, p-value", p_value, table.loc[step, "p_value"], where, SEEN)
