"""Lots that stay: who is in which arm of an experiment, and whether the arms have kept their sizes."""

import hashlib
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from crmlab._arguments import floats
from crmlab._tables import as_pandas, refuse, require_columns


def draw_lots(
    customers: Any,
    arms: Sequence[str] | Mapping[str, float] = ("control", "treated"),
    name: str = "",
    strata: str | None = None,
    cluster: str | None = None,
    customer: str = "customer_id",
) -> pd.Series:
    """Return for each customer an arm of an experiment, by a lot that hangs on the id and the name alone.

    Parameters
    ----------
    customers : table
        One row per customer, of any engine.
    arms : sequence of str or mapping of str to float
        The arms, with equal shares or with these, which add up to 1.
    name : str
        Of the experiment. Another name draws other lots for the same customers.
    strata : str, optional
        Column. Within each of its values the arms have their shares as exactly as whole customers allow.
    cluster : str, optional
        Column of ids. All of a cluster are in one arm (a household, a shop).
    customer : str
        Column of ids, or the index of that name. 7 and "7" draw the same lot.

    Returns
    -------
    Series
        ``arm`` by customer, in the order given.

    Raises
    ------
    ValueError
        If an id, stratum or cluster is missing, an id comes twice, shares do not add up to 1, a cluster lies
        in two strata, or an arm is without anybody.

    Notes
    -----
    The lot is a keyed hash (SipHash) of the id as a text. Without strata nobody's arm changes when others
    join or leave the table. With strata it may, for the last places are filled up: store the arms.

    Examples
    --------
    >>> table = pd.DataFrame({"customer_id": [11, 12, 13, 14], "kind": ["firm", "person"] * 2})
    >>> draw_lots(table, name="spring", strata="kind").tolist()
    ['treated', 'treated', 'control', 'control']
    """
    table = with_ids(as_pandas(customers), customer)
    columns = [one for one in (customer, strata, cluster) if one is not None]
    require_columns(table.columns, columns)
    refuse(table[columns], table[columns].isna().any(axis=1).to_numpy(), "a missing id or stratum")
    refuse(table[columns], table[customer].duplicated().to_numpy(), "an id that came before")
    shares = _shares(arms)
    units = table[columns].drop_duplicates(unit := cluster or customer)
    luck = _luck(units[unit], name)
    if strata is not None:
        whole = table[[unit, strata]].drop_duplicates()
        refuse(whole, whole[unit].duplicated().to_numpy(), "a cluster that lies in two strata")
        group = units[strata].to_numpy()
        first = pd.Series(_luck(units[strata], f"{name} first"))  # where a stratum's places begin, by lot
        places = pd.Series(luck).groupby(group)
        luck = ((places.rank(method="first") - 1 + first) / places.transform("size")).to_numpy()
    chosen = np.searchsorted(shares.cumsum().to_numpy()[:-1], luck, side="right")
    by_unit = pd.Series(shares.index.to_numpy()[chosen], index=pd.Index(units[unit]))
    _nobody(shares.index, by_unit)
    drawn = by_unit.reindex(table[unit]).to_numpy()
    return pd.Series(drawn, index=pd.Index(table[customer], name=customer), name="arm")


def sample_ratio(
    data: Any, arm: str = "arm", shares: Sequence[Any] | Mapping[Any, float] | None = None
) -> pd.DataFrame:
    """Return how many customers each arm has and should have, and how often luck alone is as far off.

    Parameters
    ----------
    data : table
        One row per customer of the experiment.
    arm : str
        Column.
    shares : mapping of arm to float, optional
        What the lot was to give to each arm; equal shares by default, of the arms that are there. Name the
        arms (a list, or with their shares) and one that is empty is found.

    Returns
    -------
    DataFrame
        Index the arms; ``customers``, ``expected`` and ``p_value``, the same in each row: by the binomial
        distribution for two arms, by chi-square for more. Below .001 do not read the experiment's result;
        look for where customers got lost.

    Raises
    ------
    ValueError
        If arms are missing, unknown or empty, or shares do not add up to 1.

    References
    ----------
    Fabijan, A. et al. (2019). Diagnosing sample ratio mismatch in online controlled experiments. Proceedings
    of the 25th ACM SIGKDD, 2156–2164. https://doi.org/10.1145/3292500.3330722

    Examples
    --------
    >>> sample_ratio(pd.DataFrame({"arm": ["a"] * 480 + ["b"] * 400})).round(4)
         customers  expected  p_value
    arm
    a          480     440.0   0.0077
    b          400     440.0   0.0077
    """
    table = as_pandas(data)
    require_columns(table.columns, [arm])
    refuse(table[[arm]], table[arm].isna().to_numpy(), f"no {arm!r}")
    wanted = _shares(sorted(table[arm].unique()) if shares is None else shares)
    refuse(table[[arm]], ~table[arm].isin(wanted.index).to_numpy(), f"an arm not among {list(wanted.index)}")
    _nobody(wanted.index, table[arm])
    count = table[arm].value_counts().reindex(wanted.index)
    expected = wanted * len(table)
    if len(count) == 2:
        p_value = stats.binomtest(int(count.iloc[0]), len(table), wanted.iloc[0]).pvalue
    else:
        p_value = stats.chisquare(count, expected).pvalue
    found = pd.DataFrame({"customers": count, "expected": expected, "p_value": p_value})
    return found.rename_axis(arm)


def with_ids(table: pd.DataFrame, customer: str) -> pd.DataFrame:
    """Return the table with its ids as a column, where they are its index."""
    is_index = customer not in table.columns and table.index.name == customer
    return table.reset_index() if is_index else table


def _shares(arms: Sequence[Any] | Mapping[Any, float]) -> pd.Series:
    """Return the share of each arm."""
    if isinstance(arms, str) or len(arms) < 2:
        raise ValueError(f"An experiment has two arms or more; got {arms!r}.")
    wanted = arms if isinstance(arms, Mapping) else {one: 1 / len(arms) for one in arms}
    shares = pd.Series(floats(list(wanted.values()), "The share of an arm"), index=list(wanted))
    if len(shares) != len(arms) or not (shares > 0).all() or abs(shares.sum() - 1) > 1e-9:
        raise ValueError(f"Shares of different arms lie above 0 and add up to 1; got {arms!r}.")
    return shares


def _nobody(arms: Sequence[Hashable] | pd.Index, drawn: pd.Series) -> None:
    empty = [one for one in arms if one not in set(drawn.unique())]
    if empty:
        raise ValueError(f"{', '.join(map(repr, empty))}: an arm without anybody.")


def _luck(ids: pd.Series, name: str) -> np.ndarray:
    """Return a number from 0 to 1 for each id, which hangs on the id and the name alone."""
    if pd.api.types.is_float_dtype(ids) and (ids == ids.round()).all():
        ids = ids.astype("Int64")  # 7.0 is a 7 that stood beside a missing id
    texts = ids.astype(str).to_numpy(object)
    key = hashlib.sha256(str(name).encode()).hexdigest()[:16]
    return pd.util.hash_array(texts, hash_key=key, categorize=False) / 2.0**64
