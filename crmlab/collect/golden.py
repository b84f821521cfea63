"""The golden record: of several cards of one customer the value of each field that has most behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from crmlab._arguments import floats, number
from crmlab._columns import to_digits
from crmlab._html import render
from crmlab._intervals import wilson
from crmlab._tables import as_day, as_pandas, refuse, require_columns, unknown
from crmlab.collect.identities import members

FIELDS = ("name", "birth_date", "telephone", "mail", "address")
"""What a card says about a person."""

_SHOWN = ("value", "score", "share", "agreeing", "disagreeing", "newest", "chosen")


@dataclass(frozen=True)
class GoldenRecords:
    """What is believed of each customer, and why; made by :func:`golden_records`.

    Attributes
    ----------
    records : DataFrame
        One row per customer, indexed by it: the chosen value of each field, missing where no card has one,
        and ``cards``, how many there are.
    candidates : DataFrame
        One row per customer, field and different value, the best first: ``value``, ``score``, ``share`` (of
        the scores of that field), ``agreeing`` and ``disagreeing`` (cards), and of the card that counts most
        among the agreeing ones its id, channel and day; ``newest``, the day of the newest; ``chosen``.
    as_of : Timestamp
        The day from which ages are counted.
    """

    records: pd.DataFrame
    candidates: pd.DataFrame
    as_of: pd.Timestamp

    @property
    def provenance(self) -> pd.DataFrame:
        """The chosen values only: one row per customer and field that has one."""
        return self.candidates[self.candidates["chosen"]].drop(columns="chosen")

    def _repr_html_(self) -> str:
        facts = {"customers": f"{len(self.records):,}", "as of": str(self.as_of.date())}
        return render(
            "results.html", title="Golden records", table=self.records.head(10), facts=facts, notes=[]
        )


def golden_records(
    records: Any,
    clusters: Any,
    fields: Sequence[str] = FIELDS,
    *,
    record: str = "contact_id",
    captured: str = "captured_on",
    channel: str = "channel",
    trust: Any = None,
    half_life: Mapping[str, float] | None = None,
    as_of: Any = None,
) -> GoldenRecords:
    """Choose for each customer and field the value that has most behind it, and say what that is.

    Parameters
    ----------
    records : table
        One row per card, its id unique.
    clusters : Series or mapping
        For each card the customer: index the card's id. Cards that are not in `records` are passed over.
    fields : sequence of str
        The columns to choose from. Values count as equal if they are so to the letter, but for blanks at
        either end; clean them first. A missing value or an empty text says nothing.
    record, captured, channel : str
        Columns: id, day and channel of the card.
    trust : mapping or DataFrame, optional
        The share of right values: for each channel, or a table with a row per channel and a column per field
        (``channel_trust(...)["trust"].unstack("field")``). Above 0, at most 1. None: all are trusted alike.
    half_life : mapping, optional
        For each field the days after which a card counts half. What is not named does not age.
    as_of : date, optional
        The day from which ages are counted. None: the day of the newest card.

    Returns
    -------
    GoldenRecords

    Raises
    ------
    ValueError
        If a column is not there, a card has no id, a second row or no customer, there is a day missing or
        after `as_of`, a trust is missing or not above 0 and at most 1, a half-life is not above 0, or a
        column is called like one of the result.

    Notes
    -----
    A card counts trust × 2^(−age / half-life); the weights of cards that say the same are added up. The
    largest sum wins; of equal ones the value with the newest card, and then that with the smallest card id,
    so nothing hangs on the order of the rows. Cards of one channel may share an error, which is counted as
    often as it occurs: the score ranks values and is no probability.

    References
    ----------
    Bleiholder, J. & Naumann, F. (2009). Data fusion. ACM Computing Surveys 41(1), 1–41.
    https://doi.org/10.1145/1456650.1456651

    Examples
    --------
    >>> cards = pd.DataFrame({
    ...     "contact_id": [1, 2, 3], "channel": ["web", "fax", "fax"], "mail": ["a@x", "b@x", "b@x"],
    ...     "captured_on": pd.to_datetime(["2025-12-31", "2024-12-31", "2024-12-31"]),
    ... })
    >>> golden = golden_records(cards, {1: "Ann", 2: "Ann", 3: "Ann"}, ["mail"],
    ...                         trust={"web": 0.9, "fax": 0.8}, half_life={"mail": 365})
    >>> golden.candidates[["value", "score", "agreeing", "disagreeing"]].reset_index(drop=True)
      value  score  agreeing  disagreeing
    0   a@x    0.9         1            2
    1   b@x    0.8         2            1
    """
    table, fields = as_pandas(records), _fields(fields)
    require_columns(table.columns, [record, captured, channel, *fields])
    for name in {record, captured, channel} & {*_SHOWN, "customer", "field", "place"} or {"cards"} & set(
        fields
    ):
        raise ValueError(f"The result has a column {name!r} of its own: rename yours.")
    customer = _customers(table, record, members(clusters))
    day, now = _days(table, captured, as_of)
    lives = {} if half_life is None else half_life
    if not isinstance(lives, Mapping):
        raise ValueError(f"half_life has days for each field, such as {{'mail': 700}}; got {half_life!r}.")
    for field, life in lives.items():
        if field not in fields:
            raise ValueError(unknown("field", field, fields))
        days = floats(life, f"half-life of {field!r}")
        if days.ndim or not days > 0:
            raise ValueError(f"The half-life of {field!r} is a number of days above 0; got {life!r}.")
    trusted = _trust(table, channel, fields, trust)
    age = (now - day).dt.days.to_numpy()
    parts = []
    for place, field in enumerate(fields):
        value = stated(table[field])
        if not value.map(pd.api.types.is_hashable).all():
            raise ValueError(f"{field!r} holds lists or the like: a field has one value on a card.")
        part = pd.DataFrame(
            {
                "customer": customer, "place": place,
                "value": value.astype(object), "code": pd.factorize(value)[0],
                "weight": trusted[field] * 0.5 ** (age / float(lives.get(field, np.inf))),
                "record": table[record].to_numpy(), "channel": table[channel].astype(object), "day": day,
            }
        )  # fmt: skip
        parts.append(part[value.notna().to_numpy()])
    rows = pd.concat(parts, ignore_index=True)
    rows["weight"] = to_digits(rows["weight"].astype(float))
    rows = rows.sort_values(
        ["customer", "place", "weight", "day", "record"], ascending=[True, True, False, False, True]
    )
    grouped = rows.groupby(["customer", "place", "code"], sort=False)
    told = grouped.agg(
        value=("value", "first"), score=("weight", "sum"), agreeing=("record", "size"), newest=("day", "max"),
        record=("record", "first"), channel=("channel", "first"), captured=("day", "first"),
        smallest=("record", "min"),
    ).reset_index()  # fmt: skip
    told["score"] = to_digits(told["score"])
    told = told.sort_values(
        ["customer", "place", "score", "newest", "smallest"], ascending=[True, True, False, False, True]
    )
    field_of = told.groupby(["customer", "place"], sort=False)
    told["share"] = told["score"] / field_of["score"].transform("sum")
    told["disagreeing"] = field_of["agreeing"].transform("sum") - told["agreeing"]
    told["chosen"] = ~told.duplicated(["customer", "place"])
    told["field"] = np.array(fields, object)[told["place"].to_numpy(int)]
    told = told.rename(columns={"record": record, "channel": channel, "captured": captured})
    shown = [*_SHOWN[:5], record, channel, captured, *_SHOWN[5:]]
    candidates = told.set_index(["customer", "field"])[shown]

    best = pd.DataFrame({"cards": pd.Series(customer).value_counts().sort_index()})
    best.index.name = "customer"
    for field in fields:
        won = candidates[candidates["chosen"] & (candidates.index.get_level_values("field") == field)]
        value = won["value"].droplevel("field").reindex(best.index)
        kind = table[field].dtype
        best[field] = value if isinstance(kind, pd.CategoricalDtype) else value.astype(kind)
    return GoldenRecords(best, candidates, now)


def channel_trust(
    records: Any,
    checked: Any,
    fields: Sequence[str] = FIELDS,
    *,
    record: str = "contact_id",
    channel: str = "channel",
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Return how often what a channel wrote down agrees with what was found when cards were checked.

    Parameters
    ----------
    records : table
        One row per card.
    checked : table
        One row per checked card: its id, and in each of `fields` what is right. What could not be found out
        is missing, and counts neither for nor against the channel.
    fields : sequence of str
        The columns to compare.
    record, channel : str
        Columns.
    alpha : float
        One minus the level of the interval.

    Returns
    -------
    DataFrame
        Index ``field`` and ``channel``. Columns ``given`` (values on checked cards), ``right``, ``share``,
        ``low`` and ``high`` (Wilson's interval), ``trust``, (right + 1) / (given + 2): never 0 or 1, and
        one half for a channel of which nothing was checked.

    Raises
    ------
    ValueError
        If a column is not there, a card is there twice or checked and not among the records, or one table
        has dates or texts and the other numbers, say.

    Notes
    -----
    Draw the cards to check by lot. If those are checked that look wrong, every channel looks bad.

    Examples
    --------
    >>> cards = pd.DataFrame({"contact_id": [1, 2, 3], "channel": "web", "mail": ["a", "b", "c"]})
    >>> checked = pd.DataFrame({"contact_id": [1, 2, 3], "mail": ["a", "b", "x"]})
    >>> channel_trust(cards, checked, ["mail"])[["given", "right", "share", "trust"]].round(2)
                   given  right  share  trust
    field channel
    mail  web          3      2   0.67    0.6
    """
    table, right, fields = as_pandas(records), as_pandas(checked), _fields(fields)
    require_columns(table.columns, [record, channel, *fields])
    require_columns(right.columns, [record, *fields])
    for one in (table, right):
        refuse(one, one[record].isna().to_numpy(), f"no {record}")
        refuse(one, one[record].duplicated().to_numpy(), f"a {record} that is there before")
    refuse(right, ~right[record].isin(table[record]).to_numpy(), f"a {record} that is not among the records")
    channels = sorted(table[channel].dropna().astype(object).unique())
    cards = table.set_index(record).loc[right[record]]
    found = []
    for field in fields:
        said, true = stated(cards[field]).to_numpy(), stated(right[field]).to_numpy()
        known = ~pd.isna(said) & ~pd.isna(true)
        kinds = {pd.api.types.infer_dtype(one[known]) for one in (said, true)}
        if known.any() and len(kinds) > 1 and kinds & {"string", "datetime64"}:
            raise ValueError(
                f"{field!r} has dates or texts in one table and none in the other: make both of one kind."
            )
        by = pd.Series((said == true)[known]).groupby(cards[channel].astype(object).to_numpy()[known])
        part = pd.DataFrame({"given": by.size(), "right": by.sum()}).reindex(channels, fill_value=0)
        found.append(part.astype(int))
    result = pd.concat(found, keys=fields, names=["field", "channel"])
    some = result["given"].where(result["given"] > 0)
    result["share"] = result["right"] / some
    for name, end in zip(("low", "high"), wilson(result["right"], some.fillna(1), alpha), strict=True):
        result[name] = np.where(some.notna(), end, np.nan)
    return result.assign(trust=(result["right"] + 1) / (result["given"] + 2))


def stated(values: pd.Series) -> pd.Series:
    """Return a column without blanks at either end; an empty text is missing.

    Examples
    --------
    >>> stated(pd.Series([" a ", ""])).tolist()
    ['a', nan]
    """
    if not (values.dtype == object or isinstance(values.dtype, pd.StringDtype | pd.CategoricalDtype)):
        return values
    text = values.astype(object)
    words = text.map(lambda one: isinstance(one, str)).astype(bool)
    plain = text.where(~words, text.where(words, "").astype(str).str.strip())
    return plain.where(plain.ne(""), np.nan).where(values.notna(), np.nan)


def _fields(fields: Sequence[str]) -> list[str]:
    names = [fields] if isinstance(fields, str) else list(fields)
    if not names or len(set(names)) < len(names):
        raise ValueError(f"fields are names of columns, each once; got {fields!r}.")
    return names


def _customers(table: pd.DataFrame, record: str, cluster: pd.Series) -> np.ndarray:
    """Return the customer of each row, or raise ValueError."""
    refuse(table, table[record].isna().to_numpy(), f"no {record}")
    refuse(table, table[record].duplicated().to_numpy(), f"a {record} that is there before: a load twice?")
    if table.empty:
        raise ValueError("There is not a single card.")
    if pd.api.types.infer_dtype(cluster) == "mixed-integer":
        raise ValueError("The customers in clusters are numbers and texts: make all of them texts.")
    at = cluster.index.get_indexer(pd.Index(table[record]))
    refuse(table, at < 0, f"a {record} without a customer in clusters (ids of one type, zeros kept?)")
    return cluster.to_numpy()[at]


def _days(table: pd.DataFrame, captured: str, as_of: Any) -> tuple[pd.Series, pd.Timestamp]:
    """Return the day of each card and the day from which ages are counted, or raise ValueError."""
    day = table[captured]
    if day.dtype.kind != "M" or getattr(day.dtype, "tz", None) is not None:
        raise ValueError(f"{captured!r} must hold dates without a time zone: pandas.to_datetime(...).")
    refuse(table, day.isna().to_numpy(), f"no {captured}")
    day = day.dt.normalize()
    now = day.max() if as_of is None else pd.Timestamp(as_day(as_of, "as_of"))
    refuse(table, (day > now).to_numpy(), f"a {captured} after {now:%Y-%m-%d}")
    return day, now


def _trust(table: pd.DataFrame, channel: str, fields: list[str], trust: Any) -> dict[str, np.ndarray]:
    """Return for each field what each row is trusted, or raise ValueError."""
    if trust is None:
        return dict.fromkeys(fields, np.ones(len(table)))
    refuse(table, table[channel].isna().to_numpy(), f"no {channel}")
    known = (
        trust if isinstance(trust, pd.DataFrame) else pd.DataFrame(dict.fromkeys(fields, pd.Series(trust)))
    )
    require_columns(known.columns, fields)
    names = table[channel].astype(object)
    for one in names.unique():
        if one not in known.index:
            raise ValueError(unknown("channel", one, known.index) + " (those with a trust)")
        for field in fields:
            share = number(
                known.at[one, field], f"trust of {one!r} in {field!r}", "above 0 and at most 1", 0, 1
            )
            if share == 0:
                raise ValueError(f"trust of {one!r} in {field!r} is above 0 and at most 1; got 0.")
    return {field: names.map(known[field]).to_numpy(float) for field in fields}
