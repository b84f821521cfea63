"""The dossier: everything on file about one customer, on one page."""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import pandas as pd

from crmlab._html import render
from crmlab._tables import whole_number
from crmlab.company._schema import constants, declared

if TYPE_CHECKING:
    from jinja2 import Template

Row = dict[str, Any]
_CAME_BY = {
    "web": "says to have found us on the web",
    "walk_in": "says to have come in from the street",
    "campaign": "says to have come by a campaign",
    "lead": "a lead that was won",
    "referral": "says that another customer sent them",
}
_TOLD_BY = {
    "web": "on the web",
    "visit": "in the shop",
    "phone": "by phone",
    "fax": "by fax",
    "mail": "by mail",
}


@dataclass(frozen=True, repr=False)
class Dossier:
    """Everything on file about one customer; prints as a page.

    Attributes
    ----------
    customer_id : int
    facts : dict
        What holds throughout: name, people, contact.
    events : DataFrame
        A row for each event in the order of time: ``at``, ``table`` and ``text``.
    """

    customer_id: int
    facts: dict[str, str]
    events: pd.DataFrame

    def __repr__(self) -> str:
        wide, name = self.events["table"].str.len().max() + 2, max(map(len, self.facts)) + 2
        facts = [f"{fact:{name}}{text}" for fact, text in self.facts.items()]
        lines = [f"{row.at:18}{row.table:{wide}}{row.text}" for row in self.events.itertuples()]
        indents = [" " * name] * len(facts) + [" " * (18 + wide)] * len(lines)
        told = zip(facts + lines, indents, strict=True)
        page = [textwrap.fill(line, 110, subsequent_indent=indent) for line, indent in told]
        return "\n".join([f"Customer {self.customer_id}", *page[: len(facts)], "", *page[len(facts) :]])

    def _repr_html_(self) -> str:
        title = f"Customer {self.customer_id}"
        return render("dossier.html", title=title, facts=self.facts, events=self.events)


def dossier(tables: Mapping[str, pd.DataFrame], customer_id: int) -> Dossier:
    """Return the dossier of one customer from the tables of a company."""
    whole_number(customer_id, "customer_id", least=1)
    if customer_id > (last := len(tables["customers"])):
        raise ValueError(f"There is no customer {customer_id:,}; they are numbered from 1 to {last:,}.")
    file, told = _File(tables, int(customer_id)), _templates()
    facts = {fact: text for fact, one in told["facts"].items() if (text := one.render(file.known))}
    events = pd.DataFrame([event for one in told["events"] for event in file.events(**one)])
    events = events.sort_values(["day", "order", "at"], kind="stable", ignore_index=True)
    return Dossier(int(customer_id), facts, events[["at", "table", "text"]])


@cache
def _templates() -> dict[str, Any]:
    """Return dossier.toml with its texts compiled; the text is plain, and the page escapes it."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(undefined=StrictUndefined)
    environment.filters |= {
        "day": lambda at: f"{at:%Y-%m-%d}", "moment": lambda at: f"{at:%Y-%m-%d %H:%M}",
        "money": lambda cents: f"{cents / 100:,.2f} dollars",
        "words": lambda label: str(label).replace("_", " "),
    }  # fmt: skip
    told = constants("dossier.toml")
    facts = {fact: environment.from_string(text) for fact, text in told["facts"].items()}
    events = [one | {"text": environment.from_string(one["text"])} for one in told["events"]]
    return {"facts": facts, "events": events}


class _File:
    """The rows of one customer, and what a template may ask about them."""

    def __init__(self, tables: Mapping[str, pd.DataFrame], customer: int):
        self.tables, self.customer = tables, customer
        self.found, self.met = dict[str, list[Row]](), dict[tuple[str, int], Row]()
        (row,) = self.rows("customers")
        ties = self.rows("acquaintances")
        self.known: Row = {
            "customer": row, "account": row["account_id"] and self.one("accounts", row["account_id"]),
            "people": self.rows("people"), "one": self.one, "of": self.of, "named": self.named,
            "answers": _answers, "told_by": _TOLD_BY, "came_by": _CAME_BY, "ideas": _ideas(),
            "knows": [other for tie in ties for other in tie.values() if other != customer],
        }  # fmt: skip

    def rows(self, name: str) -> list[Row]:
        """Return the rows of a table about the customer: they have the number, or refer to such a row."""
        if name not in self.found:
            table, columns = self.tables[name], declared()["company"][name].columns.values()
            about = [one.name for one in columns if "customer_id" in (one.name, one.refers_to.split(".")[-1])]
            if about:
                found = table[(table[about] == self.customer).any(axis=1)]
            else:
                column = next(one for one in columns if one.refers_to)
                other, key = column.refers_to.split(".")
                found = table[table[column.name].isin([row[key] for row in self.rows(other)])]
            self.found[name] = _rows(found)
        return self.found[name]

    def one(self, name: str, key: int) -> Row:
        """Return the row of a table with this number."""
        if (name, key) not in self.met:
            table = self.tables[name]
            self.met[name, key] = _rows(table[table.iloc[:, 0] == key])[0]
        return self.met[name, key]

    def named(self, customer: int) -> str:
        """Return a customer's name and number."""
        person = self.one("people", self.one("customers", customer)["person_id"])
        return f"{person['name']} ({customer})"

    def of(self, name: str, **about: Any) -> list[Row]:
        """Return the customer's rows of a table that agree with `about`."""
        return [row for row in self.rows(name) if about.items() <= row.items()]

    def events(
        self, table: str, text: "Template", at: str = "", late: bool = False, group: bool = False
    ) -> list[Row]:
        """Return what happened by one table: its moment and a sentence, where there is one."""
        rows = self.rows(table)
        if table == "treatments":  # of which the day is that of the campaign
            rows = [row | self.one("campaigns", row["campaign_id"]) for row in rows]
        told = dict[Any, list[Row]]()
        for number, row in enumerate(rows):
            if not at or row[at]:
                told.setdefault(row.get(at) if group else number, []).append(row)
        events = []
        for alike in told.values():
            if said := text.render(self.known | alike[0] | {"rows": alike}):
                moment = alike[0].get(at, pd.NaT)
                day, written = moment.floor("D"), f"{moment:%Y-%m-%d %H:%M}" if at else ""
                timed = written[11:] not in ("", "00:00")
                event = {"day": day, "order": 2 * late + timed, "at": written.removesuffix(" 00:00")}
                events.append(event | {"table": table, "text": said})
        return events


def _ideas() -> dict[str, str]:
    """Return what customers suggest, in words within a sentence."""
    told = constants("notes.toml")["ideas"]
    return {one["idea"]: one["text"][0].lower() + one["text"][1:] for one in told}


def _rows(table: pd.DataFrame) -> list[Row]:
    return table.astype(object).where(table.notna(), None).to_dict("records")


def _answers(survey: Row) -> dict[str, list[int]]:
    """Return the answers by construct."""
    told = dict[str, list[int]]()
    for question, answer in survey.items():
        construct, _, number = question.partition("_")
        if answer is not None and (number.isdigit() or question == "recommend"):
            told.setdefault(construct, []).append(round(answer))
    return told
