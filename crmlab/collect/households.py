"""Who shares an address: a household, a firm, or a house in which many live."""

from typing import Any

import pandas as pd

from crmlab._tables import as_pandas, refuse, require_columns, whole_number
from crmlab.collect.golden import stated

KINDS = ("alone", "household", "firm", "building", "no address")
_HOMES = 3  # of a firm: its address in two scripts, and a slip of the pen


def households(records: Any, *, address: str = "address", mail: str = "mail", most: int = 6) -> pd.DataFrame:
    """Return who shares an address with whom, and whether that looks like a household.

    Parameters
    ----------
    records : table
        One row per customer, as the `records` of :func:`golden_records`.
    address, mail : str
        Columns of texts; missing where unknown.
    most : int
        The largest number of customers at one address that is still taken for a household.

    Returns
    -------
    DataFrame
        With the index of `records`. Columns ``household`` (the smallest index of those at the address;
        missing without one), ``members`` (customers there; 0 without an address) and ``kind``: "alone";
        "firm", where two or more use mail addresses of one domain that occurs at three addresses at most;
        "building", where more than `most` live; "household", the rest who share; "no address".

    Raises
    ------
    ValueError
        If a column is not there, an index is missing, there twice or mixes numbers and texts, or
        there is no row.

    Notes
    -----
    Addresses count as one if they are so after upper and lower case, punctuation, blanks and full-width
    letters are made alike; a flat is part of it. A wrong letter makes another address, and so does another
    script (therefore three addresses). Strangers in one house without flats look like a household, and in
    a table of a few hundred customers the domain of a common provider may look like a firm's own.

    Examples
    --------
    >>> people = pd.DataFrame({"address": ["1 Tea Lane", "1, tea lane", None], "mail": None}, index=[7, 8, 9])
    >>> households(people)
       household  members        kind
    7          7        2   household
    8          7        2   household
    9       <NA>        0  no address
    """
    table = as_pandas(records)
    require_columns(table.columns, [address, mail])
    whole_number(most, "most", least=2)
    if table.index.nlevels > 1 or table.index.inferred_type.startswith("mixed"):
        raise ValueError("The index is the customer's id: one level, and numbers or texts, not both.")
    refuse(table, table.index.isna() | table.index.duplicated(), "an index that is missing or there before")
    if table.empty:
        raise ValueError("There is not a single customer.")
    # \W: neither letter nor digit, Chinese characters are letters
    place = _plain(table[address]).str.replace(r"[\W_]+", " ", regex=True).str.strip()
    place = place.where(place.ne(""))
    known = place.notna()
    domain = _plain(table[mail]).str.extract(r"@(.+)$")[0]
    homes = place.groupby(domain).transform("nunique")
    own = domain.where(homes <= _HOMES)
    users = own.groupby([place, own]).transform("size").groupby(place).transform("max")
    members = place.groupby(place).transform("size").fillna(0).astype(int)
    kind = pd.Series("alone", table.index)
    kind = kind.mask(members > 1, "household").mask(members > most, "building")
    kind = kind.mask((users > 1).to_numpy(bool), "firm").where(known, "no address")
    first = table.index.to_series()[known].groupby(place).transform("min")
    first = first.astype("Int64") if pd.api.types.is_integer_dtype(table.index) else first
    result = pd.DataFrame(index=table.index)
    return result.assign(household=first, members=members, kind=kind)


def _plain(values: pd.Series) -> pd.Series:
    """Return texts in small letters of one width; missing where there is none."""
    text = stated(values.astype(object))
    refuse(text.to_frame(), ~(text.map(lambda one: isinstance(one, str)) | text.isna()).to_numpy(), "no text")
    return text.astype("str").str.normalize("NFKC").str.casefold()
