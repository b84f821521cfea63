"""Clerical review: some records looked up by hand, and what that says about all of them."""

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from crmlab._arguments import generator, level, number
from crmlab._tables import as_pandas, number_columns, refuse, require_columns, whole_number
from crmlab.collect.linkage import LinkageResults

STRATA = ("joined firmly", "joined narrowly", "left narrowly", "left clearly", "no pair kept")


def review_sample(
    results: LinkageResults, threshold: float, n: int = 200, narrow: float = 6.0, rng: Any = 0
) -> pd.DataFrame:
    """Draw records to be looked up by hand, as many from each stratum, on both sides of the threshold.

    Parameters
    ----------
    results : LinkageResults
    threshold : float
        The weight from which pairs are joined.
    n : int
        How many records, at least ten.
    narrow : float
        A weight so near the threshold, above or below, is narrow.
    rng : int or numpy.random.Generator

    Returns
    -------
    DataFrame
        ``record``, its ``cluster``, ``joined`` (other records in the cluster), ``best`` (the record's
        heaviest weight, missing if no pair of it was kept), ``stratum`` (of `STRATA`), ``of``, the number of
        records in that stratum, and the same in each row: ``clusters`` and ``joined_pairs``, how many there
        are in all. Records of which no pair was kept are drawn as well.

    Raises
    ------
    ValueError
        If `n`, `narrow` or the threshold is out of range.

    Examples
    --------
    >>> from crmlab import collect, company
    >>> cards = company.simulate(400, view="raw").contacts
    >>> results = collect.Linkage(collect.clean(cards)).fit()
    >>> collect.review_sample(results, threshold=6, n=50)["stratum"].nunique()
    5
    """
    whole_number(n, "n", 10)
    narrow = number(narrow, "narrow", "a weight, not negative", 0)
    cluster = results.clusters(threshold)
    pairs = results.pairs()
    ends = pd.concat([pairs.set_index(side)["weight"] for side in ("record_l", "record_r")])
    best = ends.groupby(level=0).max().reindex(cluster.index)
    table = pd.DataFrame({"record": cluster.index, "cluster": cluster.to_numpy(), "best": best.to_numpy()})
    table.insert(2, "joined", table.groupby("cluster")["record"].transform("size") - 1)
    edges = [best >= threshold + narrow, best >= threshold, best >= threshold - narrow, best.notna()]
    table["stratum"] = np.select([edge.to_numpy() for edge in edges], STRATA[:4], STRATA[4])
    table["of"] = table.groupby("stratum")["record"].transform("size")
    table["clusters"] = table["cluster"].nunique()
    table["joined_pairs"] = int(table["joined"].sum()) // 2
    luck = generator(rng)
    table = table.iloc[luck.permutation(len(table))]
    sizes = table["stratum"].value_counts()
    each, left = {}, n
    for rank, (stratum, size) in enumerate(sizes.sort_values(kind="stable").items()):
        each[stratum] = min(size, max(1, left // (len(sizes) - rank)))  # what a small one leaves, others get
        left -= each[stratum]
    drawn = table[table.groupby("stratum").cumcount() < table["stratum"].map(each)]
    return drawn.sort_values(["stratum", "record"], kind="stable", ignore_index=True)


def review_estimates(
    review: Any, same: str = "same", right: str = "right", alpha: float = 0.05
) -> pd.DataFrame:
    """Estimate from reviewed records how many pairs are false or missed, and how many customers there are.

    Parameters
    ----------
    review : table
        Of :func:`review_sample`, with two columns filled in by whoever looked the records up.
    same, right : str
        How many other records are really of the same customer, wherever they are; and how many of those
        in the cluster (of ``joined``) are.
    alpha : float

    Returns
    -------
    DataFrame
        Index: ``true_pairs``, ``false_pairs``, ``missed_pairs``, ``customers``; columns
        ``estimate``, ``low``, ``high``.

    Raises
    ------
    ValueError
        If a column is not there, a count is not whole or is impossible, a stratum is missing, its size is
        told in two ways or below the records reviewed, or it has one reviewed record of several.

    Notes
    -----
    Horvitz & Thompson: each record stands for as many as its stratum has per record reviewed. A pair has two
    ends, so pairs are half of what is counted at records. A customer with s other records is counted 1 + s
    times, so that each of them counts 1/(1 + s). How many pairs and clusters there are is known: only what is
    to be added or taken away is estimated: 1/(1 + s) − 1/(1 + joined) of a customer at each record. Where
    a stratum shows no false (or missed) pair, though one could be there, the ends allow for as many as bad
    luck may have hidden: one at 1 − alpha^(1/n) of its records. Hidden false pairs may be as many customers
    more and true pairs fewer, hidden missed pairs as many customers fewer and true pairs more.

    References
    ----------
    Horvitz, D. G. & Thompson, D. J. (1952). A generalization of sampling without replacement from a finite
    universe. Journal of the American Statistical Association 47(260), 663–685.
    https://doi.org/10.1080/01621459.1952.10483446

    Examples
    --------
    >>> drawn = {"stratum": "a", "of": 40, "clusters": 30, "joined_pairs": 10, "joined": [1, 1, 0, 0]}
    >>> review = pd.DataFrame(drawn | {"same": [1, 1, 0, 1], "right": [1, 1, 0, 0]})
    >>> review_estimates(review).loc["customers"].round(1).tolist()
    [25.0, 15.7, 39.1]
    """
    review = as_pandas(review)
    require_columns(review.columns, ["stratum"])
    counted = (same, right, "joined", "of", "clusters", "joined_pairs")
    others, good, joined, of, clusters, joined_pairs = number_columns(review, *counted, whole_from=0)
    refuse(
        review, (good > np.minimum(others, joined)).to_numpy(), f"more {right!r} than {same!r} or 'joined'"
    )
    kinds = of.groupby(review["stratum"])
    size, reviewed = kinds.first(), kinds.size()
    mixed = of.ne(review["stratum"].map(size).astype(float)) | of.lt(kinds.transform("size"))
    refuse(review, mixed.to_numpy(), "no stratum, or in 'of' another size, or one below the records reviewed")
    if clusters.nunique() > 1 or joined_pairs.nunique() > 1:
        raise ValueError("'clusters' and 'joined_pairs' are the same in each row: is this one review?")
    counts = pd.DataFrame(
        {
            "true_pairs": (others - joined) / 2,
            "false_pairs": (joined - good) / 2,
            "missed_pairs": (others - good) / 2,
            "customers": 1 / (1 + others) - 1 / (1 + joined),
        }
    )
    grouped = counts.groupby(review["stratum"])
    few = reviewed[(reviewed < 2) & (size > 1)]
    if len(few):
        raise ValueError(
            f"The stratum {few.index[0]!r} has one reviewed record of {size[few.index[0]]}: review two."
        )
    known = {"true_pairs": joined_pairs.iloc[0], "customers": clusters.iloc[0]}
    estimate = grouped.mean().mul(size, axis=0).sum().add(pd.Series(known), fill_value=0)[counts.columns]
    variance = grouped.var(ddof=1).fillna(0).mul(size**2 * (1 - reviewed / size) / reviewed, axis=0).sum()
    spread = stats.norm.isf(level(alpha) / 2) * np.sqrt(variance)
    unseen = (1 - alpha ** (1 / reviewed)) * size * (reviewed < size) / 2
    nothing = grouped.max()[["false_pairs", "missed_pairs"]] == 0
    nothing["false_pairs"] &= joined.groupby(review["stratum"]).max() > 0  # what is not joined is not false
    false, missed = np.sqrt(nothing.mul(unseen**2, axis=0).sum())
    # a hidden false pair is a true pair less and up to one customer more; a hidden missed pair the reverse
    below = pd.Series({"true_pairs": false, "customers": missed}).reindex(estimate.index, fill_value=0)
    above = pd.Series(dict(zip(estimate.index, (missed, false, missed, false), strict=True)))
    table = pd.DataFrame({"estimate": estimate, "low": (estimate - np.hypot(spread, below)).clip(lower=0)})
    return table.assign(high=estimate + np.hypot(spread, above))
