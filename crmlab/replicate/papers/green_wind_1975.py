"""A carpet cleaner, ranked: the textbook's conjoint study of one respondent."""

from collections.abc import Iterator

import pandas as pd

from crmlab import survey
from crmlab.replicate import Row, case

PROFILES = """
A K2R 1.19 no no 13, A Glory 1.39 no yes 11, A Bissell 1.59 yes no 17, B K2R 1.39 yes yes 2,
B Glory 1.59 no no 14, B Bissell 1.19 no no 3, C K2R 1.59 no yes 12, C Glory 1.19 yes no 7,
C Bissell 1.39 no no 9, A K2R 1.59 yes no 18, A Glory 1.19 no yes 8, A Bissell 1.39 no no 15,
B K2R 1.19 no no 4, B Glory 1.39 yes no 6, B Bissell 1.59 no yes 5, C K2R 1.39 no no 10,
C Glory 1.59 no no 16, C Bissell 1.19 yes yes 1
"""
ATTRIBUTES = ["design", "brand", "price", "seal", "guarantee"]
PRINTED = {"design": ".338", "brand": ".085", "price": ".324", "seal": ".063", "guarantee": ".190"}


def profiles() -> pd.DataFrame:
    """Return the 18 profiles with the respondent's rating, 18 for the best liked."""
    rows = [line.split() for line in PROFILES.replace("\n", " ").split(",")]
    table = pd.DataFrame(rows, columns=[*ATTRIBUTES, "rank"])
    return table.assign(rating=19 - table["rank"].astype(int))


@case(
    "Green, P. E. and Wind, Y. (1975), New way to measure consumers' judgments, Harvard Business Review "
    "53(4), 107–117, www.hbr.org",
    data="18 ranked profiles of a carpet cleaner",
    data_class="typed-in table",
)
def green_wind_1975() -> Iterator[Row]:
    """Yield how important the attributes are, by least squares on the turned ranks."""
    found = survey.conjoint(profiles(), "rating", ATTRIBUTES)["importance"].groupby("attribute").first()
    where = "R package radiant, help on conjoint analysis: importance weights for the carpet data"
    for name, printed in PRINTED.items():
        yield Row(f"importance of {name}", printed, found[name], where, "from memory")
