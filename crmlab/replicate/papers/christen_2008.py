"""FEBRL 4 linked by the guide of another package: blocking, agreement sums, and a rule of three."""

from collections.abc import Iterator

import duckdb
import numpy as np
import pandas as pd

from crmlab import collect, datasets
from crmlab.replicate import Row, case

SUMS = {6: "1566", 5: "1332", 4: "343", 3: "146", 2: "16427", 1: "57435"}
LIKENESS = {  # of two texts, from 0 to 1; of a missing one 0
    "surname": "jaro_winkler_similarity(a, b)",
    "address_1": "1 - levenshtein(a, b) / greatest(length(a), length(b))",
}
COMPARED = dict.fromkeys(["given_name", "surname", "address_1", "suburb"], "text")
COMPARED |= dict.fromkeys(["date_of_birth", "postcode", "soc_sec_id"], "digits")
BLOCKS = ["given_name", "surname", "suburb", "date_of_birth", "postcode", "soc_sec_id"]
FINER = "ours tells a slip of the keyboard from another value, theirs only same from different; all are found"


def likeness(one: pd.Series, other: pd.Series, measure: str) -> np.ndarray:
    """Return how like the texts of two columns are, row by row."""
    with duckdb.connect() as engine:
        engine.register("texts", pd.DataFrame({"row": range(len(one)), "a": one.array, "b": other.array}))
        query = f"SELECT coalesce({measure}, 0) AS likeness FROM texts ORDER BY row"
        return engine.execute(query).fetchnumpy()["likeness"]


@case(
    "Christen, P. (2008), Febrl: an open source data cleaning, deduplication and record linkage system with "
    "a graphical user interface, Proceedings of the 14th ACM SIGKDD International Conference on Knowledge "
    "Discovery and Data Mining, 1065–1068, doi:10.1145/1401890.1402020; figures of the Python Record Linkage "
    "Toolkit's guide, docs/guides/link_two_dataframes.ipynb",
    data="febrl4",
    data_class="simulated",
)
def christen_2008() -> Iterator[Row]:
    """Yield how many pairs of the two lists agree in how many fields, and how good the rule "above 3" is.

    Pairs and sums check the data, and that the guide's rule is understood. What becomes of the pairs above 3
    is counted by pair_quality. At last EM learns the weights, on pairs that agree in one of several keys.
    """
    table = datasets.load("febrl4").replace("", np.nan)
    first, second = (table[table["list"] == side] for side in ("original", "duplicate"))
    pairs = first.dropna(subset=["given_name"]).merge(second, on="given_name", suffixes=("", "_2"))
    score = np.zeros(len(pairs), int)
    for field, measure in LIKENESS.items():
        score += likeness(pairs[field], pairs[f"{field}_2"], measure) >= 0.85
    for field in ("date_of_birth", "suburb", "state"):
        score += (pairs[field] == pairs[f"{field}_2"]).to_numpy()
    score += 1  # the given name, which all pairs of the block share
    where, seen = "the toolkit's guide to linking two data sets", "reference output seen"
    yield Row("FEBRL 4, pairs with one given name", "77,249", len(pairs), where, seen)
    counts = np.bincount(score, minlength=7)
    for total, printed in SUMS.items():
        yield Row(f"FEBRL 4, pairs that agree in {total} of 6", printed, counts[total], where, seen)
    above = pairs[score > 3]
    records = pd.Index(table["rec_id"])
    cluster = pd.Series(records, records)
    cluster[above["rec_id_2"]] = above["rec_id"].to_numpy()
    truth = pd.Series(records.str.extract(r"(\d+)")[0].array, records)
    found = collect.pair_quality(cluster, truth)
    yield Row("FEBRL 4, pairs above 3", "3,241", found["joined_pairs"], where, seen)
    where = "the same rule; not in the guide"
    for name, printed in {"precision": "1.0", "recall": ".648", "f1": ".787"}.items():
        yield Row(f"FEBRL 4, {name} of that rule", printed, found[name], where, "from memory")

    table[BLOCKS] = table[BLOCKS].astype("string")
    linkage = collect.Linkage(table, "rec_id", COMPARED, BLOCKS, source="list", found=0.3)
    f1 = collect.pair_quality(linkage.fit().clusters(threshold=0), truth)["f1"]
    what, where = "FEBRL 4, several keys and EM: f1", "the toolkit's ECM classifier on pairs of several keys"
    yield Row(what, ".9997", f1, where, "from memory", expected=FINER)
