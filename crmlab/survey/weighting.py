"""Weights for a lopsided sample: raking to what is known of everybody, what it costs, what it moved."""

from typing import Any

import numpy as np
import pandas as pd

from crmlab import _weights
from crmlab._tables import as_pandas
from crmlab._weights import Margins, effective_number, population_shares, respondent_weights


def rake(table: Any, margins: Margins, weights: Any = None) -> pd.Series:
    """Return a weight for each respondent, such that the weighted sample has the population's shares.

    Parameters
    ----------
    table : table
        One row per respondent, of any engine: those who answered.
    margins : mapping from column to shares
        For each column the population's share (or number) of each category: ``{"region": {"north": .4,
        "south": .6}}``. A tuple of columns names their combinations, with tuples as categories: one such
        margin alone is **post-stratification**.
    weights : str or sequence of float, optional
        Weights to start from, such as one over the chance of being asked.

    Returns
    -------
    Series
        Name ``weight``, index of the table, mean 1.

    Raises
    ------
    ValueError
        A category in which nobody answered (no weight lets others speak for them), one that the population
        does not have, missing categories, weights that are negative, missing or all 0, margins that cannot be
        met together.

    Notes
    -----
    Iterative proportional fitting: each margin in turn, until all are met to 1e-12. Of all weights that meet
    the margins these are nearest to the first ones (in the sense of their entropy). They repair what the
    columns tell, and nothing else: if within a category those who answer differ from those who do not, the
    answer stays wrong.

    References
    ----------
    Deming, W. E. & Stephan, F. F. (1940). On a least squares adjustment of a sampled frequency table when the
    expected marginal totals are known. Annals of Mathematical Statistics 11(4), 427–444.
    https://doi.org/10.1214/aoms/1177731829
    Groves, R. M. (2006). Nonresponse rates and nonresponse bias in household surveys. Public Opinion
    Quarterly 70(5), 646–675. https://doi.org/10.1093/poq/nfl033

    Examples
    --------
    >>> answers = pd.DataFrame({"region": ["north", "north", "north", "south"]})
    >>> rake(answers, {"region": {"north": 0.5, "south": 0.5}}).round(2).tolist()
    [0.67, 0.67, 0.67, 2.0]
    """
    return _weights.rake(as_pandas(table), margins, weights)


def design_effect(weights: Any) -> float:
    """Return by what factor weights widen the variance of a mean, and so shrink the number of answers.

    Parameters
    ----------
    weights : sequence of float
        One for each respondent, at least 0 and not all 0.

    Returns
    -------
    float
        n · Σw² / (Σw)², at least 1; n divided by it is the effective number of answers.

    Notes
    -----
    Kish's rule holds where the weights have nothing to do with the answers. Where they have, weighting may
    cost less, and is worth it more.

    References
    ----------
    Kish, L. (1965). Survey Sampling. Wiley, section 11.7.

    Examples
    --------
    >>> round(design_effect([1, 1, 1, 1]), 2), round(design_effect([0.5, 0.5, 0.5, 2.5]), 2)
    (1.0, 1.75)
    """
    checked = respondent_weights(pd.DataFrame(index=range(np.size(weights))), np.asarray(weights))
    return len(checked) / effective_number(checked)


def balance(table: Any, margins: Margins, weights: Any = None) -> pd.DataFrame:
    """Return how the shares of the sample, without and with weights, compare with the population's.

    Parameters
    ----------
    table, margins
        As for :func:`rake`; columns that were not raked on show what the weights did beside.
    weights : str or sequence of float, optional

    Returns
    -------
    DataFrame
        Index ``column``, ``category``; ``n`` respondents, ``sample``, ``weighted`` and ``population``:
        shares.

    Raises
    ------
    ValueError
        As :func:`rake`.

    Examples
    --------
    >>> answers = pd.DataFrame({"region": ["north", "north", "north", "south"]})
    >>> shares = {"region": {"north": 0.5, "south": 0.5}}
    >>> balance(answers, shares, rake(answers, shares))
                     n  sample  weighted  population
    column category
    region north     3    0.75       0.5         0.5
           south     1    0.25       0.5         0.5
    """
    table = as_pandas(table)
    heavy = respondent_weights(table, weights)
    parts = []
    for name, (place, population) in population_shares(table, margins).items():
        size = len(population)
        met = np.bincount(place, minlength=size)
        # a combination of columns is one category here, a tuple
        categories = pd.Index(list(population.index), tupleize_cols=False)
        index = pd.MultiIndex.from_arrays(
            [pd.Index([name] * size, tupleize_cols=False), categories], names=["column", "category"]
        )
        weighted = np.bincount(place, heavy, size) / heavy.sum()
        shares = {"sample": met / len(table), "weighted": weighted, "population": population.to_numpy()}
        parts.append(pd.DataFrame({"n": met} | shares, index))
    return pd.concat(parts)
