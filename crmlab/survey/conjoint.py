"""Conjoint studies: part-worths from ratings, and whether a design of choices can tell anything."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from crmlab._arguments import level
from crmlab._tables import as_pandas, number_columns
from crmlab.survey._choices import Coding, choice_sets, column_list


def conjoint(data: Any, rating: str, attributes: Any, alpha: float = 0.05) -> pd.DataFrame:
    """Return part-worths of the levels of rated profiles by least squares, and how important attributes are.

    Parameters
    ----------
    data : DataFrame
        A row for each rated profile (and respondent); of any table engine.
    rating : str
        Column of numbers, the better liked the higher; turn ranks round first (19 − rank).
    attributes : list of str
        Columns of texts, whose first level is worth 0, or of numbers, worth in proportion.
    alpha : float
        One minus the level of the intervals.

    Returns
    -------
    DataFrame
        Index ``attribute`` and ``level``. ``part_worth`` beside the first level, or of one unit more, with
        ``low`` and ``high``; ``importance`` of the attribute: the range of its part-worths among the
        profiles as a share of all ranges. It hangs on the levels shown: a wider range of prices makes price
        matter more.

    Raises
    ------
    ValueError
        Fewer profiles than part-worths, attributes that tell each other or never vary, missing values; a
        rating that is constant, hangs on no attribute, or is among them.

    References
    ----------
    Green, P. E. & Wind, Y. (1975). New way to measure consumers' judgments. Harvard Business Review 53(4),
    107–117, www.hbr.org.

    Examples
    --------
    >>> rated = pd.DataFrame({"price": list("lhlhlhlh"), "organic": list("nnyynnyy"),
    ...                       "rating": [5, 3, 8, 6, 5, 3, 8, 7]})
    >>> conjoint(rated, "rating", ["organic", "price"]).loc["price", "importance"].round(2).tolist()
    [0.35, 0.35]
    """
    from statsmodels.api import OLS

    table = as_pandas(data)
    attributes = column_list(attributes, "attributes")
    if rating in attributes:
        raise ValueError(f"The rating {rating!r} is among the attributes: it cannot explain itself.")
    if table.empty:
        raise ValueError("There is not a single profile: the table has no rows.")
    [liked] = number_columns(table, rating)
    if liked.nunique() == 1:
        raise ValueError(f"All profiles have the same {rating!r}: nothing tells what is liked.")
    coding = Coding(table, attributes, {})
    numbers, unit = _from_0_to_1(coding.numbers(table))
    x = np.column_stack([np.ones(len(table)), numbers])
    if len(x) <= x.shape[1] or np.linalg.matrix_rank(x) < x.shape[1]:
        raise ValueError(
            f"{len(x)} ratings do not tell {x.shape[1]} part-worths apart: two attributes always go "
            "together, one never varies, or there are too few profiles."
        )
    fit = OLS(liked.to_numpy(), x).fit()
    found = iter(np.column_stack([fit.params, fit.conf_int(level(alpha))])[1:] / unit[:, None])
    rows, ranges = [], {}
    for attribute, levels in coding.levels.items():
        if levels is None:
            told = [("one more", *next(found))]
            ranges[attribute] = abs(told[0][1]) * np.ptp(table[attribute].to_numpy(float))
        else:
            told = [(levels[0], 0.0, 0.0, 0.0), *((one, *next(found)) for one in levels[1:])]
            ranges[attribute] = np.ptp([worth for _, worth, *_ in told])
        rows += [(attribute, *one) for one in told]
    shown = pd.DataFrame(rows, columns=["attribute", "level", "part_worth", "low", "high"])
    span = pd.Series(ranges, dtype=float)
    span[span < 1e-10 * np.ptp(liked)] = 0  # nothing but rounding
    if not span.any():
        raise ValueError(f"No attribute moves {rating!r}: nothing can be said of their importance.")
    importance = span / span.sum()
    return shown.assign(importance=shown["attribute"].map(importance)).set_index(["attribute", "level"])


def _from_0_to_1(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return columns from 0, the least, to 1, and by what they were divided: no unit then counts for more."""
    unit = np.ptp(x, axis=0)
    unit[unit == 0] = 1
    return (x - x.min(axis=0)) / unit, unit


def design_checks(
    data: Any, choice_set: Any, attributes: Any, better: Mapping[str, int] | None = None
) -> pd.DataFrame:
    """Return what a design of choice sets can and cannot tell, before anybody is asked.

    Parameters
    ----------
    data : DataFrame
        A row for each alternative of each choice set; of any table engine.
    choice_set : str or list of str
        Column, or columns together, that name a choice set.
    attributes : list of str
        Columns of numbers or texts.
    better : dict, optional
        Which way is better for everybody, 1 or −1: ``{"price": -1, "organic": 1}``. With all attributes in
        it, sets are found in which one alternative is as good as another in all, or just like it.

    Returns
    -------
    DataFrame
        Index ``check``, columns ``value`` and ``first`` (where): ``choice sets``; ``rarest level, of
        balance`` (how often the rarest level stands there, 1 if all of its attribute stood equally often;
        of numbers their different values count); ``D-error`` of an average set if nothing is known
        of the coefficients (the smaller, the surer are they all; infinite if some cannot be told); with
        `better` also ``sets with a dominated alternative``, which tell nothing.

    References
    ----------
    Huber, J. & Zwerina, K. (1996). The importance of utility balance in efficient choice designs. Journal of
    Marketing Research 33(3), 307–317. https://doi.org/10.1177/002224379603300305

    Examples
    --------
    >>> shown = pd.DataFrame({"task": [1, 1, 2, 2], "price": [6, 9, 6, 9], "organic": [0, 1, 1, 0]})
    >>> design_checks(shown, "task", ["price", "organic"], {"price": -1, "organic": 1})["first"].iloc[-1]
    'task 2'
    """
    table, attributes = as_pandas(data), column_list(attributes, "attributes")
    better = {} if better is None else better
    known = isinstance(better, Mapping) and set(better) in (set(), set(attributes))
    if not known or not all(isinstance(way, int | float) and way in (1, -1) for way in better.values()):
        raise ValueError(f"better says of each of {attributes} which way is better, 1 or -1; got {better}.")
    sets, coding = choice_sets(table, choice_set), Coding(table, attributes, {})
    if better and coding.names != attributes:
        raise ValueError("better is for attributes of numbers and flags: texts have no better end.")
    x = coding.numbers(table)[sets.rows]
    beaten, code = np.zeros(len(sets.sizes), bool), sets.spread(np.arange(len(sets.sizes)))
    for apart in range(1, int(sets.sizes.max()) if better else 1):
        # pairs of alternatives in one set, by how far apart they stand; equal ones beat each other
        together = np.flatnonzero(code[apart:] == code[:-apart])
        gain = (x[together] - x[together + apart]) * [better[attribute] for attribute in attributes]
        beaten[code[together[(gain >= 0).all(axis=1) | (gain <= 0).all(axis=1)]]] = True
    counts = {attribute: table[attribute].value_counts() for attribute in attributes}
    rarest = pd.Series({attribute: one.min() * len(one) / len(table) for attribute, one in counts.items()})
    # the information of one choice among equally likely alternatives: its spread within the set
    x, unit = _from_0_to_1(x)
    mean = np.add.reduceat(x, sets.starts) / sets.sizes[:, None]
    spread = (x - mean[code]) / np.sqrt(sets.sizes[code])[:, None]
    information = spread.T @ spread / len(sets.sizes)
    told = np.linalg.matrix_rank(information) == len(information)
    error = np.linalg.det(information) ** (-1 / len(information)) if told else np.inf
    error /= np.exp(2 * np.log(unit).mean())
    rows = {"choice sets": len(sets.sizes), "rarest level, of balance": rarest.min(), "D-error": error}
    if better:
        rows["sets with a dominated alternative"] = beaten.sum()
    where = {"rarest level, of balance": f"{rarest.idxmin()} {counts[rarest.idxmin()].idxmin()}"}
    if beaten.any():
        first = table.iloc[sets.rows[sets.starts[int(np.argmax(beaten))]]]
        where["sets with a dominated alternative"] = ", ".join(
            f"{column} {first[column]}" for column in column_list(choice_set, "choice_set")
        )
    found = pd.DataFrame({"value": pd.Series(rows, dtype=float), "first": pd.Series(where, dtype=str)})
    return found.reindex(rows).fillna({"first": ""}).rename_axis("check")
