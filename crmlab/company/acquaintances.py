"""Who knows whom: people of a household, of a street, of a club, and some by chance."""

import numpy as np
from scipy.special import ndtr

from crmlab.company._draft import Draft
from crmlab.company._draws import Array
from crmlab.company._schema import categories, constants

# By circle: people in one, the share of them who know each other, whether all of one live near each other.
_CIRCLES = constants("circles.csv").set_index("circle").loc[categories("acquaintances", "circle", "truth")]
_NEIGHBOURS = 150  # customers of a neighbourhood, which is a community: most ties stay within it


def ties(draft: Draft) -> dict[str, Array]:
    """Return who knows whom: pairs `one` and `other`; and `knows`, those of each customer from `start` on.

    Everybody has a street, a club and somebody met by chance, all of one language. In a circle most know one
    another, so one's acquaintances often know each other, too. World.homophily is the share who look for
    their own segment in a circle; the others take whom they find, and find those who do not look.
    """
    if draft.ties:
        return draft.ties
    uniform, traits, n = draft.draws.uniform, draft.traits, draft.customers
    household, language = traits["household"], draft.people["language"][traits["first_person"]]
    head, everybody = np.searchsorted(household, household), np.arange(n)
    home = 2 * traits["region"] + language
    count = np.bincount(home)
    parts = np.maximum(np.rint(count / _NEIGHBOURS), 1)
    near = (np.cumsum(parts) - parts)[home] + np.floor(uniform("acquaintances.place", head) * parts[home])
    found = [_pairs(everybody, household)]
    for code, (circle, size, share, nearby) in enumerate(_CIRCLES.iloc[1:].itertuples()):
        alike = uniform("acquaintances.alike", everybody, code) < draft.world.homophily
        sought = np.where(alike, traits["segment"], -1)
        luck = uniform(f"acquaintances.{circle}", everybody)
        place = (home if nearby else language) * (traits["segment"].max() + 2) + sought
        place = place * (near.max() + 1) + nearby * near + luck
        groups = max(1, round(n / float(size)))
        one, other = _pairs(np.argsort(place, kind="stable"), everybody * groups // n)
        met = uniform("acquaintances.met", one, other, code) < share
        found.append((one[met], other[met]))
    one, other = np.concatenate(found, axis=1)
    circle = np.repeat(range(len(found)), [len(ends[0]) for ends in found])
    pair, first = np.unique(one * n + other, return_index=True)  # who met twice met first there
    one, other = np.divmod(pair, n)
    whose, knows = np.concatenate([one, other]), np.concatenate([other, one])
    order = np.argsort(whose * n + knows, kind="stable")
    draft.ties = {"one": one, "other": other, "circle": circle[first], "near": near, "knows": knows[order]}
    draft.ties["start"] = np.searchsorted(whose[order], np.arange(n + 1))
    return draft.ties


def one_of(draft: Draft, purpose: str, key: Array, whose: Array) -> Array:
    """Return for each row an acquaintance of this customer by lot (−1: nobody)."""
    start, knows = ties(draft)["start"], ties(draft)["knows"]
    count = start[whose + 1] - start[whose]
    drawn = start[whose] + np.floor(draft.draws.uniform(purpose, key) * count).astype(int)
    return np.where(count > 0, np.append(knows, -1)[drawn], -1)


def referrers(draft: Draft) -> Array:
    """Return who sent each customer (−1: nobody): an acquaintance who was a customer then.

    Those have been sent to whom a friend had spoken of us, which goes with their bond and their staying
    (World.referral_likeness, World.referral_effect). Of the acquaintances who were customers it was one by
    lot, a content one more often. Nobody sends a lead, whom sellers found.
    """
    traits, network = draft.traits, ties(draft)
    earlier, later = network["one"], network["other"]
    there = np.flatnonzero(traits["spoke"][later] & ~(traits["left_on"][earlier] < traits["joined"][later]))
    earlier, later = earlier[there], later[there]
    wait = -np.log(draft.draws.uniform("referrals.occasion", earlier, later))
    wait /= 0.4 + 1.2 * ndtr(traits["satisfaction"][earlier])
    order = np.lexsort((wait, later))
    whom, first = np.unique(later[order], return_index=True)
    found = np.full(draft.customers, -1)
    found[whom] = earlier[order][first]
    return found


def add_acquaintances(draft: Draft) -> None:
    """Add a row for each two customers who know each other, and the neighbourhood of each customer."""
    network, everybody = ties(draft), np.arange(draft.customers)
    keys = {"customer_id": network["one"] + 1, "knows_id": network["other"] + 1}
    draft.table("acquaintances", **keys)
    draft.secret("acquaintances", **keys, circle=network["circle"])
    draft.secret("communities", customer_id=everybody + 1, community_id=network["near"] + 1)


def _pairs(members: Array, group: Array) -> tuple[Array, Array]:
    """Return each two members who stand in one group, the earlier customer first; groups are in order."""
    found, step = [np.zeros((2, 0), int)], 1
    while len(at := np.flatnonzero(group[step:] == group[:-step])):
        found.append(np.sort([members[at], members[at + step]], axis=0))
        step += 1
    one, other = np.concatenate(found, axis=1)
    return one, other
