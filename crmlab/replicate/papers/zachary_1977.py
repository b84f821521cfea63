"""The karate club that split, and how well a network foretold it: evidence for the code."""

from collections.abc import Iterator

import networkx as nx

from crmlab import network
from crmlab.replicate import Row, case


@case(
    "Zachary, W. W. (1977), An information flow model for conflict and fission in small groups, Journal of "
    "Anthropological Research 33(4), 452–473, doi:10.1086/jar.33.4.3629752",
    data="karate club (networkx)",
    data_class="typed-in table",
)
def zachary_1977() -> Iterator[Row]:
    """Yield how many members the minimum cut, weighted by contexts of contact, puts on the side they took."""
    club = network.ties(nx.karate_club_graph(), "weight")
    _, sides = nx.minimum_cut(club, 0, 33, capacity="strength")
    with_instructor = {one for one, side in club.nodes(data="club") if side == "Mr. Hi"}
    foretold = len(club) - len(sides[0] ^ with_instructor)
    yield Row(
        "members whose side the cut foretold", "33", foretold, "results of the model", "quoted elsewhere"
    )
