"""Looking into the base: what holds on a day, how fresh it is, what to ask again, and one customer's page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date as Date
from pathlib import Path
from typing import Any

import pandas as pd

from crmlab._arguments import number
from crmlab._columns import labels
from crmlab._html import render
from crmlab._tables import as_day, numbers, unknown
from crmlab.collect.store import Base, as_text, fetch, query

HalfLives = Mapping[str, float]
CONSENT = "consent "
"""What the name of a field begins with in which the last word counts."""
_RULE = (
    f"field, trust desc, recorded_at desc, starts_with(field, '{CONSENT}') and value = 'yes', "
    "confidence desc, source, value"
)
_COLUMNS = "customer_id, field, value, kind, source, recorded_at, confidence, owner"


def _trust(base: Base, half_lives: HalfLives | None) -> tuple[str, list[Any]]:
    """Return trust on the day ?, in SQL, and its values. In consents the last word counts, however sure."""
    given = {} if half_lives is None else dict(pd.Series(half_lives, dtype=object))
    if given:
        check_fields(base, list(given))
    for field, days in given.items():
        number(days, f"the half-life of {field!r}", "a number of days above 0", 1e-9)
    ages = "date_diff('day', recorded_at, ?::date)"
    cases = "".join(" when field = ? then ?" for _ in given)
    lives = f"case{cases} else 'infinity'::double end" if given else "'infinity'::double"
    values = [one for pair in given.items() for one in (pair[0], float(pair[1]))]
    trust = (
        f"case when starts_with(field, '{CONSENT}') then pow(2.0, -{ages} / 1e5) "
        f"else confidence * pow(2.0, -{ages} / {lives}) end"
    )
    return trust, values


def as_of(
    base: Base, day: Any, half_lives: HalfLives | None = None, fields: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return what the base says of everybody on a day: one value for each customer and field.

    Parameters
    ----------
    base : connection
        Of :func:`open_base`.
    day : date or str
        What was noted after it does not count.
    half_lives : mapping from field to days, optional
        In how many days trust in a value falls to one half. A field that is not named does not age.
    fields : list of str, optional
        Only these.

    Returns
    -------
    DataFrame
        Columns ``customer_id``, ``field``, ``value``, ``kind``, ``source``, ``recorded_at``, ``confidence``,
        ``owner``, ``trust`` (on that day, from 0 to 1) and ``rivals``: how many other values are on record.

    Raises
    ------
    ValueError
        The day is none, a half-life is not above 0, or no fact has a field that is named.

    Notes
    -----
    Where values differ, the one with the most trust holds: confidence × 2^(−age / half-life). Equal trust:
    the later day, then the higher confidence, then the first in the alphabet by source and value. In a field
    whose name begins with "consent " the last word counts, and "no" if both were said on one day; trust only
    puts them in order there.

    Examples
    --------
    >>> from crmlab.collect import load, open_base
    >>> base = open_base(":memory:")
    >>> cards = pd.DataFrame({"customer_id": 1, "recorded_at": ["2024-01-01", "2026-01-01"],
    ...                       "source": ["visit", "fax"], "street": ["Old Lane", "Moon Quay"]})
    >>> _ = load(base, cards, ["street"], confidence={"visit": 1, "fax": 0.8})
    >>> as_of(base, "2026-01-01", {"street": 730})["value"].item()
    'Moon Quay'
    >>> as_of(base, "2025-12-31", {"street": 730})["value"].item()
    'Old Lane'
    """
    if fields is not None:
        check_fields(base, fields)
    trust, values = _trust(base, half_lives)
    day = as_day(day, "day")
    chosen = "" if fields is None else "and list_contains(?::varchar[], field)"
    sql = f"select {_COLUMNS}, {trust} trust from facts where recorded_at <= ?::date {chosen}"
    asked = [day, day, *values, day, *([] if fields is None else [list(fields)])]
    order = _RULE.removeprefix("field, ")
    return query(
        base,
        f"select *, (count(distinct value) over customer_field) - 1 rivals from ({sql}) "
        "window customer_field as (partition by customer_id, field) qualify row_number() over "
        f"(partition by customer_id, field order by {order}) = 1 order by customer_id, field",
        asked,
    )


def check_fields(base: Base, fields: Sequence[str]) -> None:
    """Raise ValueError if no fact has one of these fields."""
    if isinstance(fields, str) or not len(fields):
        raise ValueError(f"fields is a list of names, such as ['address']; got {fields!r}.")
    for field in fields:
        if not fetch(base, "select 1 from facts where field = ? limit 1", [str(field)]):
            held = set(query(base, "select distinct field from facts")["field"])
            raise ValueError(unknown("field", field, held))


def freshness(
    base: Base, day: Any, half_lives: HalfLives | None = None, fields: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return for each field how complete it is on a day, how old, and how far one may trust it.

    Parameters
    ----------
    base, day, half_lives, fields
        As in :func:`as_of`.

    Returns
    -------
    DataFrame
        Index ``field``: ``customers`` (all in the base), ``known`` (of how many there is a value),
        ``complete`` (their share), ``age_days`` (median, of the values that hold), ``trust`` (their mean),
        ``fresh`` (trust in the field of all customers: 0 where nothing is known) and ``conflicts`` (customers
        with more than one value on record).

    Raises
    ------
    ValueError
        As :func:`as_of`, or the base holds nobody.

    Examples
    --------
    >>> from crmlab.collect import load, open_base
    >>> base = open_base(":memory:")
    >>> cards = pd.DataFrame({"customer_id": [1, 2], "recorded_at": "2025-01-01", "source": "web",
    ...                       "street": ["Old Lane", None], "mail": ["a@b.example", "c@d.example"]})
    >>> _ = load(base, cards, ["street", "mail"])
    >>> freshness(base, "2026-01-01", {"street": 365})[["known", "complete", "trust", "fresh"]]
            known  complete  trust  fresh
    field
    mail        2       1.0    1.0   1.00
    street      1       0.5    0.5   0.25
    """
    now = as_of(base, day, half_lives, fields)
    everybody = int(query(base, "select count(*) n from customers")["n"].item())
    if not everybody:
        raise ValueError("The base holds no customer yet: load a table first.")
    now["age_days"] = (pd.Timestamp(as_day(day, "day")) - now["recorded_at"]).dt.days
    of_field = now.groupby("field")
    table = pd.DataFrame({"customers": everybody, "known": of_field.size()})
    table["complete"] = table["known"] / everybody
    table["age_days"] = of_field["age_days"].median()
    table["trust"] = of_field["trust"].mean()
    table["fresh"] = of_field["trust"].sum() / everybody
    table["conflicts"] = (now["rivals"] > 0).groupby(now["field"]).sum()
    return table


def refresh_next(
    base: Base, day: Any, field: str, stake: Any, cost: float, half_lives: HalfLives | None = None,
    budget: int | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Return whom to ask again for a field, by what is gained on average if one asks.

    Parameters
    ----------
    base, day, half_lives
        As in :func:`as_of`.
    field : str
        What one would ask for.
    stake : Series or mapping
        By customer id: what is lost, in money, if the value is wrong or not known.
    cost : float
        Of asking one customer, in the same money.
    budget : int, optional
        Ask at most so many.

    Returns
    -------
    DataFrame
        Index ``customer_id`` (as in `stake`): ``trust`` (0 where nothing is known), ``stake``, ``expected``
        ((1 − trust) × stake) and ``gain`` (expected less cost), the largest first; only those whose gain is
        above 0. Equal gains: in the order of `stake`.

    Raises
    ------
    ValueError
        A stake or the cost is negative or no number; an id is there twice; as :func:`as_of`.

    Examples
    --------
    >>> from crmlab.collect import load, open_base
    >>> base = open_base(":memory:")
    >>> cards = pd.DataFrame({"customer_id": [1, 2], "recorded_at": ["2025-01-01", "2026-01-01"],
    ...                       "source": "web", "street": ["Old Lane", "Moon Quay"]})
    >>> _ = load(base, cards, ["street"])
    >>> refresh_next(base, "2026-01-01", "street", {1: 20.0, 2: 90.0, 3: 4.0}, 2, {"street": 365})["gain"]
    customer_id
    1    8.0
    3    2.0
    Name: gain, dtype: float64
    """
    cost = number(cost, "cost", "a number, not negative", 0)
    if labels(stake) is None:
        raise ValueError(f"stake is a Series or a mapping by customer id; got a {type(stake).__name__}.")
    worth = numbers(stake, "stake").rename_axis("customer_id")
    ids = as_text(worth.index.to_series())
    if (wrong := (ids.isna() | ids.duplicated()).to_numpy()).any():
        raise ValueError(f"stake has customer {worth.index[wrong][0]!r} twice, or it is no id.")
    if (wrong := (worth < 0).to_numpy()).any():
        raise ValueError(f"stake of customer {worth.index[wrong][0]!r} is negative; it is a sum of money.")
    trust = as_of(base, day, half_lives, [field]).set_index("customer_id")["trust"]
    table = pd.DataFrame({"trust": trust.reindex(ids).fillna(0).to_numpy()}, worth.index)
    table["stake"] = worth
    table["expected"] = (1 - table["trust"]) * worth
    table["gain"] = table["expected"] - cost
    table = table[table["gain"] > 0].sort_values("gain", ascending=False, kind="stable")
    return table if budget is None else table.head(int(number(budget, "budget", "a number of customers", 0)))


@dataclass(frozen=True, repr=False)
class CustomerPage:
    """What is known of one customer on a day; prints as a page.

    Attributes
    ----------
    customer_id : str
    day : date
    facts : list of dict
        Every fact on record up to the day: by field, and in a field by trust.
    wanted : list of str
        Fields that one would like to know, in the order of the page.
    """

    customer_id: str
    day: Date
    facts: list[dict[str, Any]]
    wanted: list[str]

    @property
    def now(self) -> pd.DataFrame:
        """Index ``field``: the fact that holds, with its trust and how many ``rivals`` it has."""
        return pd.DataFrame(self._held()).set_index("field")

    @property
    def history(self) -> pd.DataFrame:
        """All facts, the newest first."""
        return pd.DataFrame(self._older())

    def _held(self) -> list[dict[str, Any]]:
        values, first = dict[str, set[str]](), dict[str, dict[str, Any]]()
        for fact in self.facts:
            first.setdefault(fact["field"], fact)
            values.setdefault(fact["field"], set()).add(fact["value"])
        return [fact | {"rivals": len(values[field]) - 1} for field, fact in first.items()]

    def _older(self) -> list[dict[str, Any]]:
        alphabet = sorted(self.facts, key=lambda fact: (fact["field"], fact["value"]))
        return sorted(alphabet, key=lambda fact: fact["recorded_at"], reverse=True)

    def __repr__(self) -> str:
        rows = [
            "{field:23} {value}  ({source}, {recorded_at}, trust {trust:.2f})".format(**one)
            for one in self._held()
        ]
        return "\n".join([f"Customer {self.customer_id} on {self.day}", *rows])

    def _parts(self) -> dict[str, Any]:
        now, older = self._held(), self._older()
        place = {field: number for number, field in enumerate(self.wanted)}
        about = [one for one in now if one["kind"] == "about" and not one["field"].startswith(CONSENT)]
        names = [one["value"] for one in about if one["field"] == "name"]
        consents = [one for one in now if one["field"].startswith(CONSENT)]
        return {
            "title": [*names, f"Customer {self.customer_id}"][0],
            "customer": self.customer_id, "day": self.day,
            "about": sorted(about, key=lambda one: (place.get(one["field"], len(place)), one["field"])),
            "consents": [one | {"field": one["field"].removeprefix(CONSENT)} for one in consents],
            "missing": [field for field in self.wanted if field not in {one["field"] for one in now}],
            "heard": [one for one in older if one["kind"] == "from"],
            "told": [one for one in older if one["kind"] == "for"], "older": older,
        }  # fmt: skip

    def _repr_html_(self) -> str:
        return render("customer.html", **self._parts())

    def save(self, path: str | Path) -> Path:
        """Write the page as an HTML file that needs nothing beside it, and return its path."""
        Path(path).write_text(render("customer_page.html", **self._parts()), encoding="utf-8")
        return Path(path)


def view(
    base: Base, customer_id: Any, day: Any, half_lives: HalfLives | None = None,
    wanted: Sequence[str] = ("name", "telephone", "mail", "address", "birth_date"),
) -> CustomerPage:  # fmt: skip
    """Return all that is known of one customer on a day, as a page for the desk.

    Parameters
    ----------
    base, day, half_lives
        As in :func:`as_of`.
    customer_id : int or str
    wanted : list of str
        What one would like to know: it stands first, and what is not known of it is named.

    Returns
    -------
    CustomerPage
        Shows itself in a notebook; ``.save("page.html")`` writes it as a file.

    Raises
    ------
    ValueError
        There is no such customer, or nothing was known of them on the day.

    Examples
    --------
    >>> from crmlab.collect import load, open_base
    >>> base = open_base(":memory:")
    >>> card = pd.DataFrame({"customer_id": ["007"], "recorded_at": "2026-01-01", "source": "web",
    ...                      "mail": ["a@b.example"]})
    >>> _ = load(base, card, ["mail"])
    >>> view(base, "007", "2026-01-31")
    Customer 007 on 2026-01-31
    mail                    a@b.example  (web, 2026-01-01, trust 1.00)
    """
    trust, values = _trust(base, half_lives)
    day, customer_id = as_day(day, "day"), str(customer_id)
    rows = fetch(
        base,
        f"select {_COLUMNS}, {trust} trust from facts where customer_id = ? and recorded_at <= ?::date "
        f"order by {_RULE}",
        [day, day, *values, customer_id, day],
    )
    if not rows:
        ((first,),) = fetch(base, "select min(recorded_at) from facts where customer_id = ?", [customer_id])
        if first is None:
            raise ValueError(f"There is no customer {customer_id!r} in this base.")
        raise ValueError(f"Nothing was known of customer {customer_id!r} before {first}.")
    names = [*_COLUMNS.split(", "), "trust"]
    return CustomerPage(customer_id, day, [dict(zip(names, row, strict=True)) for row in rows], list(wanted))
