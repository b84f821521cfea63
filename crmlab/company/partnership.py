"""What partners do with us and with one another: projects, ties, and how far they trust us."""

import numpy as np
import pandas as pd

from crmlab.company._draft import Draft
from crmlab.company._schema import categories, constants

_PARTNERS = categories("partners", "kind")
_ASKED = np.array([0.9, 0.9, 0, 0.6])  # share of the questionnaires that come back, by kind of partner
_TRUSTS, _COMMITS = 0.75, 0.6  # correlation of trust with the attitude, and of commitment with trust
_LOADING = 0.85  # correlation of an item with what it measures


def add_projects(draft: Draft) -> None:
    """Add what was done together: more often and to more profit with those who think well of us."""
    luck, world, partners = draft.draws.stream("projects"), draft.world, draft.partners
    kinds = constants("projects.csv").set_index("kind").loc[categories("projects", "kind")]
    together = np.clip(world.days - partners["since"].clip(0), 0, None) / 365.25
    rate = kinds[_PARTNERS].to_numpy()[:, partners["kind"]] * np.exp(0.4 * partners["warmth"])
    kind, partner = np.nonzero(times := luck.poisson(rate * together))
    kind, partner = np.repeat([kind, partner], times[kind, partner], axis=1)
    n = len(kind)
    start = world.days - 365.25 * together[partner] * luck.random(n)
    end = start + kinds["days"].to_numpy()[kind] * np.exp(0.4 * luck.standard_normal(n))
    cost = 3 * partners["size"][partner] * np.exp(0.6 * luck.standard_normal(n))
    shared, *own = luck.standard_normal((3, n))
    success = 0.25 + 0.4 * partners["warmth"][partner] + 0.4 * shared  # what both make of a cent
    gains = [np.where(end < world.days, np.rint(cost * (success + 0.3 * one)), np.nan) for one in own]
    order = np.lexsort((partner, start))
    columns = {
        "partner_id": partner + 1, "kind": kind, "starts_on": start,
        "ends_on": np.where(end < world.days, end, np.nan), "cost_cents": np.rint(cost).clip(1, 1e17),
        "our_gain_cents": gains[0], "their_gain_cents": gains[1],
    }  # fmt: skip
    sorted_columns = {name: values[order] for name, values in columns.items()}
    draft.table("projects", project_id=np.arange(n) + 1, **sorted_columns)


def add_partner_ties(draft: Draft) -> None:
    """Add who among the partners deals with whom; how often depends on what they are."""
    rules, kind = constants("partner_ties.csv"), draft.partners["kind"]
    share, tie = np.zeros((2, len(_PARTNERS), len(_PARTNERS)))
    ends = [pd.Categorical(rules[end], _PARTNERS).codes for end in ("one", "other")]
    share[*ends] = rules["share"]
    tie[*ends] = pd.Categorical(rules["tie"], categories("partner_ties", "tie")).codes
    one, other = np.triu_indices(len(kind), k=1)  # partners stand by kind, and so do the rules
    known = draft.draws.uniform("partner_ties", one, other) < share[kind[one], kind[other]]
    one, other = one[known], other[known]
    draft.table("partner_ties", partner_id=one + 1, other_id=other + 1, tie=tie[kind[one], kind[other]])


def add_partner_surveys(draft: Draft) -> None:
    """Add what partners answer twice a year: trust follows their attitude, commitment follows trust."""
    luck, partners = draft.draws.stream("partner_surveys"), draft.partners
    attitude = partners["attitude"][::2, 1]  # theirs, of every other quarter
    lasting, passing = (
        luck.standard_normal((2, *attitude.shape[1:])),
        luck.standard_normal((2, *attitude.shape)),
    )
    own = np.sqrt(0.5) * (lasting[:, None] + passing)
    felt = (attitude - 4) / 1.5
    trust = _TRUSTS * felt + np.sqrt(1 - _TRUSTS**2) * own[0]
    commitment = _COMMITS * trust + np.sqrt(1 - _COMMITS**2) * own[1]
    answers = luck.random(attitude.shape) < _ASKED[partners["kind"]]
    rows = np.nonzero(answers & (partners["asked"][::2, None] >= partners["since"]))
    keys = {"partner_id": rows[1] + 1, "asked_on": partners["asked"][::2][rows[0]]}
    items = {}
    for name, latent in (("trust", trust[rows]), ("commitment", commitment[rows])):
        for number in (1, 2, 3):
            error = np.sqrt(1 - _LOADING**2) * luck.standard_normal(len(latent))
            items[f"{name}_{number}"] = np.rint(4.2 + 1.3 * (_LOADING * latent + error)).clip(1, 7)
    draft.table("partner_surveys", **keys, **items)
    held = {"attitude": attitude[rows], "trust": trust[rows], "commitment": commitment[rows]}
    draft.secret("partner_surveys", **keys, **held)
