"""Krippendorff's alpha on three small examples, two coders and four, on four scales."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from crmlab import collect
from crmlab.replicate import Row, case

BINARY = ("0100000010", "1110010000")
NAMES = ("aabbdcccedda", "babbbccceddd")
GAPS = ("123321412...", "1233224125.3", ".3332342251.", "12332441251.")  # a dot: not coded
FOUR = {"nominal": ".743", "ordinal": ".815", "interval": ".849", "ratio": ".797"}


def _coded(rows: tuple[str, ...]) -> pd.DataFrame:
    return pd.DataFrame([list(row) for row in rows]).T.replace(".", np.nan)


@case(
    "Krippendorff, K. (2011), Computing Krippendorff's alpha-reliability, Departmental Papers (ASC) 43, "
    "University of Pennsylvania, https://repository.upenn.edu/asc_papers/43",
    data="the codes alone",
    data_class="typed-in table",
)
def krippendorff_2011() -> Iterator[Row]:
    """Yield alpha of each example."""

    def alpha(rows: tuple[str, ...], scale: Any = "nominal") -> float:
        codes = _coded(rows)
        codes = codes if scale == "nominal" else codes.astype(float)
        return float(collect.agreement(codes, scale, draws=20).loc["alpha", "value"])

    seen = "quoted elsewhere"
    yield Row("alpha, two coders, binary", ".095", alpha(BINARY), "example A", seen)
    yield Row("alpha, two coders, five names", ".692", alpha(NAMES), "example B", seen)
    for scale, printed in FOUR.items():
        where = f"example C and the section on other metrics, {scale}"
        yield Row(f"alpha, four coders with gaps, {scale}", printed, alpha(GAPS, scale), where, seen)
