"""A customer as an annuity, and as what he is."""

from collections.abc import Iterator
from functools import partial

from crmlab import value
from crmlab.replicate import Row, case
from crmlab.replicate.papers import notes

MARGIN, RETENTION, DISCOUNT = 100, 0.8, 0.12


@case(
    "Gupta, S., Lehmann, D. R. and Stuart, J. A. (2004), Valuing customers, Journal of Marketing Research "
    "41(1), 7–18, doi:10.1509/jmkr.41.1.7.25084",
    data="the rates alone",
    data_class="typed-in table",
)
def gupta_lehmann_stuart_2004() -> Iterator[Row]:
    """Yield the lifetime value, and what comes out if all stay exactly as long as customers do on average."""
    row = partial(
        Row,
        where=f"margin 100, retention 80 %, 12 %; {notes('valuation')}",
        source_checked="quoted elsewhere",
    )
    lifetime = MARGIN * value.margin_multiple(RETENTION, DISCOUNT)
    yield row("lifetime value, dollars", "250", lifetime)
    annuity = MARGIN * value.margin_multiple(1.0, DISCOUNT, horizon=round(1 / (1 - RETENTION)))
    yield row("annuity over the mean lifetime of five years, dollars", "360", annuity)
    yield row("too much by, per cent", "44", 100 * (annuity / lifetime - 1))
