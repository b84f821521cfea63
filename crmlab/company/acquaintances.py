"""Who knows whom: people of a household, of a street, of a club, and some by chance."""

import numpy as np

from crmlab.company._draft import Draft
from crmlab.company._draws import Array
from crmlab.company._schema import categories, constants

# By circle: people in one, the share of them who know each other, whether all of one live near each other.
_CIRCLES = constants("circles.csv").set_index("circle").loc[categories("acquaintances", "circle", "truth")]
_NEIGHBOURS = 150  # customers of a neighbourhood, which is a community: most ties stay within it


def add_acquaintances(draft: Draft) -> None:
    """Add a row for each two customers who know each other, and the neighbourhood of each customer.

    Everybody has a street, a club and somebody met by chance, all of one language. In a circle most know one
    another, so one's acquaintances often know each other, too. World.homophily is the share who look for
    their own segment in a circle; the others take whom they find, and find those who do not look.
    """
    uniform, traits, everybody = draft.draws.uniform, draft.traits, np.arange(draft.customers)
    household, language = traits["household"], draft.people["language"][traits["first_person"]]
    head = np.searchsorted(household, household)
    home = 2 * traits["region"] + language
    count = np.bincount(home)
    parts = np.maximum(np.rint(count / _NEIGHBOURS), 1)
    near = (np.cumsum(parts) - parts)[home] + np.floor(uniform("acquaintances.place", head) * parts[home])
    ties = [_pairs(everybody, household)]
    for code, (circle, size, share, nearby) in enumerate(_CIRCLES.iloc[1:].itertuples()):
        alike = uniform("acquaintances.alike", everybody, code) < draft.world.homophily
        sought = np.where(alike, traits["segment"], -1)
        luck = uniform(f"acquaintances.{circle}", everybody)
        place = (luck, near, sought, home) if nearby else (luck, sought, language)
        groups = max(1, round(draft.customers / float(size)))
        one, other = _pairs(np.lexsort(place), everybody * groups // draft.customers)
        met = uniform("acquaintances.met", one, other, code) < share
        ties.append((one[met], other[met]))
    one, other = np.concatenate(ties, axis=1)
    circle = np.repeat(range(len(ties)), [len(ends[0]) for ends in ties])
    pair, first = np.unique(one * draft.customers + other, return_index=True)  # who met twice met first there
    keys = {"customer_id": pair // draft.customers + 1, "knows_id": pair % draft.customers + 1}
    draft.table("acquaintances", **keys)
    draft.secret("acquaintances", **keys, circle=circle[first])
    draft.secret("communities", customer_id=everybody + 1, community_id=near + 1)


def _pairs(members: Array, group: Array) -> tuple[Array, Array]:
    """Return each two members who stand in one group, the earlier customer first; groups are in order."""
    found, step = [np.zeros((2, 0), int)], 1
    while len(at := np.flatnonzero(group[step:] == group[:-step])):
        found.append(np.sort([members[at], members[at + step]], axis=0))
        step += 1
    one, other = np.concatenate(found, axis=1)
    return one, other
