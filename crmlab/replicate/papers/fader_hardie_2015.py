"""What a subscriber is worth after a few renewals: heterogeneous churn, and one rate for all."""

from collections.abc import Iterator
from functools import partial

from crmlab import value
from crmlab.replicate import Row, case
from crmlab.replicate.papers import notes, results_at

DISCOUNT, CONTRIBUTION = 0.1, 100
WORTH = {1: "288", 2: "394", 5: "568"}  # dollars, by period at the end of which


@case(
    "Fader, P. S. and Hardie, B. G. S. (2015), Simple probability models for computing CLV and CE, in Kumar, "
    "V. and Shah, D. (eds), Handbook of Research on Customer Equity in Marketing, Edward Elgar, 77–100, "
    "www.brucehardie.com",
    data="the parameters alone",
    data_class="typed-in table",
)
def fader_hardie_2015() -> Iterator[Row]:
    """Yield residual lifetime values at the printed parameters, just before the renewal is paid."""
    where = f"beta-geometric with γ .764 and δ 1.296, 100 dollars, 10 %; {notes('spend-clv')}"
    row = partial(Row, where=where, source_checked="quoted elsewhere")
    given = results_at(value.ShiftedBetaGeometric([1000, 629]), (0.764, 1.296))
    due = CONTRIBUTION * (1 + DISCOUNT)
    for period, printed in WORTH.items():
        worth = due * given.discounted_renewals(DISCOUNT, age=period - 1).item()
        yield row(f"value of a customer at the end of period {period}, dollars", printed, worth)
    worth = due * value.margin_multiple(0.833, DISCOUNT)
    yield row("value with one retention rate of .833, dollars", "343", worth)
