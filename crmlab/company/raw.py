"""The raw view: what the channels captured, and nothing that tells who is who."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from crmlab.company._draft import Draft, Tables
from crmlab.company._draws import Array
from crmlab.company._schema import constants, days_since_start, declared


def raw_view(draft: Draft, tables: Mapping[str, pd.DataFrame]) -> Tables:
    """Return what a company has before anybody has found out which cards belong to one customer.

    Customers, accounts, people and all that was joined to them are left out. Where a channel wrote down a
    card, the row has it in place of the customer. Numbers made from the customer's are made anew in the
    order of time, by lot within a moment, and so are the rows.
    """
    made: dict[str, pd.DataFrame] = {}
    renumbered: dict[str, pd.Series] = {}
    shown = _Cards(draft, tables["contacts"])
    for name, by, _, contact in constants("raw.csv").itertuples(index=False):
        declaration, table = declared()["raw"][name], tables[name]
        if contact:
            table = table.assign(contact_id=shown.for_table(name, table))
        if by:
            key = declaration.keys[0]
            luck = draft.draws.uniform(f"raw.{name}", table[key].to_numpy())
            table = table.iloc[np.lexsort((luck, table[by]))]
            renumbered[key] = pd.Series(np.arange(len(table)) + 1, index=table[key].to_numpy())
        for column in renumbered.keys() & declaration.columns.keys():
            new = table[column].map(renumbered[column])
            table = table.assign(**{column: new.astype(declaration.columns[column].dtype)})
        if renumbered.keys() & set(declaration.keys):
            table = table.sort_values(declaration.keys)
        made[name] = table[list(declaration.columns)].reset_index(drop=True)
    return Tables("raw", made)


class _Cards:
    """The contacts of each person in the order of their capture, and which of them is shown."""

    def __init__(self, draft: Draft, contacts: pd.DataFrame):
        true, day = draft.truth["contacts"], days_since_start(contacts["captured_on"])
        order = np.lexsort((day, true["person_id"]))
        self.span, self.uniform = draft.world.days + 1, draft.draws.uniform
        self.contact = true["contact_id"].to_numpy()[order]
        self.stamp = (true["person_id"] * self.span + day).to_numpy()[order]
        self.first_person = draft.traits["first_person"] + 1
        orders = draft.tables["orders"]
        self.of_order = pd.Series(self._shown("orders", orders, "ordered_at"), index=orders["order_id"])

    def for_table(self, name: str, table: pd.DataFrame) -> Array:
        """Return for each row the contact whose card was shown: that of the order if the row is about one."""
        if name == "orders":
            return self.of_order.to_numpy()
        if name == "interactions":
            return self._shown(name, table, "sent_at")
        of_order = table["order_id"].map(self.of_order)
        if of_order.notna().all():
            return of_order.to_numpy(int)
        person = self.first_person[table["customer_id"] - 1]
        in_wave = self._shown(name, table.assign(person_id=person), "invited_on")
        return of_order.fillna(pd.Series(in_wave, table.index)).to_numpy(int)

    def _shown(self, name: str, table: pd.DataFrame, by: str) -> Array:
        """Return by lot a contact captured of the person by then; before the first, the first."""
        person, key = table["person_id"].to_numpy(), table.iloc[:, 0].to_numpy()
        start = np.searchsorted(self.stamp, person * self.span)
        until = np.floor(days_since_start(table[by]))
        known = np.searchsorted(self.stamp, person * self.span + until, side="right") - start
        luck = self.uniform(f"raw.{name}.contact", key)
        return self.contact[start + np.floor(luck * known.clip(1)).astype(int)]
