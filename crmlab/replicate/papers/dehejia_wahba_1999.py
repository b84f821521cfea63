"""A training given by lot, and men of a survey in place of the lot: the figures of Dehejia and Wahba."""

from collections.abc import Iterator

import statsmodels.formula.api as smf

from crmlab import datasets
from crmlab.replicate import Row, case

WHERE = "tables 1 and 2, NSW in the selection with earnings of 1974, and CPS-1; the page was not seen again"


@case(
    "Dehejia, R. H. and Wahba, S. (1999), Causal effects in nonexperimental studies: reevaluating the "
    "evaluation of training programs, Journal of the American Statistical Association 94(448), 1053–1062, "
    "doi:10.1080/01621459.1999.10473858",
    data="nsw_mixtape, cps_mixtape",
    data_class="authors'",
)
def dehejia_wahba_1999() -> Iterator[Row]:
    """Yield what the lot found, what the survey would have found, and what the men were like before."""
    trial, survey = datasets.load("nsw_mixtape"), datasets.load("cps_mixtape")
    fitted = smf.ols("re78 ~ treat", trial).fit()
    groups = {"trained": trial[trial["treat"] == 1], "not trained": trial[trial["treat"] == 0]}
    groups["survey"] = survey
    after = {name: men["re78"].mean() for name, men in groups.items()}
    seen = "from memory"
    yield Row("effect by the lot", "1,794", fitted.params["treat"], WHERE, seen)
    yield Row("its standard error", "633", fitted.bse["treat"], WHERE, seen)
    yield Row("trained less survey", "-8,498", after["trained"] - after["survey"], WHERE, seen)
    for name, printed in (("trained", "6,349"), ("not trained", "4,555")):
        yield Row(f"{name}, earnings 1978", printed, after[name], WHERE, seen)
    for name, printed in (("trained", "185"), ("not trained", "260"), ("survey", "15,992")):
        yield Row(f"{name}, men", printed, len(groups[name]), WHERE, seen)
    for name, printed in (("trained", "1,532"), ("not trained", "1,267"), ("survey", "13,651")):
        yield Row(f"{name}, earnings 1975", printed, groups[name]["re75"].mean(), WHERE, seen)
    for name, printed in (("trained", "10.35"), ("not trained", "10.09")):
        yield Row(f"{name}, years at school", printed, groups[name]["educ"].mean(), WHERE, seen)
