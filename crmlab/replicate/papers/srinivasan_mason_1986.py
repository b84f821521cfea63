"""Three series of durables, by least squares on the Bass curve and by Bass's regression."""

from collections.abc import Iterator

from crmlab import network
from crmlab.replicate import Row, case

SALES = {  # thousands
    "room air conditioners 1949–61": [
        96,
        195,
        238,
        380,
        1045,
        1230,
        1267,
        1828,
        1586,
        1673,
        1800,
        1580,
        1500,
    ],
    "colour television 1963–70": [747, 1480, 2646, 5118, 5777, 5982, 5962, 4631],
    "clothes dryers 1949–61": [106, 319, 492, 635, 737, 890, 1397, 1523, 1294, 1240, 1425, 1260, 1236],
}
PUBLISHED = {  # p, q, m in millions
    "nls": [(".0094", ".3748", "18.71"), (".0185", ".6159", "39.66"), (".0136", ".3267", "16.50")],
    "ols": [(".0170", ".4049", "17.09"), (".0357", ".6719", "35.50"), (".0196", ".3481", "15.28")],
}
DIFFERS = {"m, millions of colour television 1963–70, ols": "ours rounds to 35.49; print not seen"}


@case(
    "Srinivasan, V. and Mason, C. H. (1986), Nonlinear least squares estimation of new product diffusion "
    "models, Marketing Science 5(2), 169–178, doi:10.1287/mksc.5.2.169",
    data="three series of sales",
    data_class="typed-in table",
)
def srinivasan_mason_1986() -> Iterator[Row]:
    """Yield p, q and m of each series by both methods."""
    for method, table in PUBLISHED.items():
        for (series, sales), printed in zip(SALES.items(), table, strict=True):
            p, q, m = network.Bass(sales).fit(method).params
            for name, value, ours in zip(("p", "q", "m, millions"), printed, (p, q, m / 1000), strict=True):
                quantity, where = f"{name} of {series}, {method}", "table of estimates by method"
                yield Row(quantity, value, ours, where, "from memory", DIFFERS.get(quantity, "holds"))
