"""FEBRL 4 linked by the guide of another package: blocking, agreement sums, and a rule of three."""

from collections.abc import Iterator

import duckdb
import numpy as np
import pandas as pd

from crmlab import datasets
from crmlab.replicate import Row, case

SUMS = {6: "1566", 5: "1332", 4: "343", 3: "146", 2: "16427", 1: "57435"}


LIKENESS = {  # of two texts, from 0 to 1; of a missing one 0
    "surname": "jaro_winkler_similarity(a, b)",
    "address_1": "1 - levenshtein(a, b) / greatest(length(a), length(b))",
}


def likeness(one: pd.Series, other: pd.Series, measure: str) -> np.ndarray:
    """Return how like the texts of two columns are, row by row."""
    with duckdb.connect() as engine:
        engine.register("texts", pd.DataFrame({"row": range(len(one)), "a": one.array, "b": other.array}))
        query = f"SELECT coalesce({measure}, 0) AS likeness FROM texts ORDER BY row"
        return engine.execute(query).fetchnumpy()["likeness"]


@case(
    "Christen, P. (2008), Febrl: an open source data cleaning, deduplication and record linkage system with "
    "a graphical user interface, Proceedings of the 14th ACM SIGKDD International Conference on Knowledge "
    "Discovery and Data Mining, 1065–1068, doi:10.1145/1401890.1402020",
    data="febrl4",
    data_class="simulated",
)
def christen_2008() -> Iterator[Row]:
    """Yield how many pairs of the two lists agree in how many fields, and how good the rule "above 3" is."""
    table = datasets.load("febrl4").replace("", np.nan)
    first, second = (table[table["list"] == side] for side in ("original", "duplicate"))
    pairs = first.dropna(subset=["given_name"]).merge(second, on="given_name", suffixes=("", "_2"))
    score = np.zeros(len(pairs), int)
    for field, measure in LIKENESS.items():
        score += likeness(pairs[field], pairs[f"{field}_2"], measure) >= 0.85
    for field in ("date_of_birth", "suburb", "state"):
        score += (pairs[field] == pairs[f"{field}_2"]).to_numpy()
    score += 1  # the given name, which all pairs of the block share
    where, seen = "recordlinkage's guide to linking two data sets", "quoted elsewhere"
    yield Row("FEBRL 4, pairs with one given name", "77,249", len(pairs), where, seen)
    counts = np.bincount(score, minlength=7)
    for total, printed in SUMS.items():
        yield Row(f"FEBRL 4, pairs that agree in {total} of 6", printed, counts[total], where, seen)
    person = (pairs[c].str.extract(r"(\d+)")[0] for c in ("rec_id", "rec_id_2"))
    true = next(person).to_numpy() == next(person).to_numpy()
    found, right = (score > 3).sum(), ((score > 3) & true).sum()
    yield Row("FEBRL 4, pairs above 3", "3,241", found, where, seen)
    precision, recall = right / found, right / len(first)
    yield Row("FEBRL 4, precision of that rule", "1.0", precision, where, seen)
    yield Row("FEBRL 4, recall of that rule", ".648", recall, where, seen)
    yield Row("FEBRL 4, F1 of that rule", ".787", 2 * precision * recall / (precision + recall), where, seen)
