"""Modularities of the karate club: evidence for the code."""

from collections.abc import Iterator

import networkx as nx

from crmlab import network
from crmlab.replicate import Row, case


@case(
    "Newman, M. E. J. and Girvan, M. (2004), Finding and evaluating community structure in networks, "
    "Physical Review E 69, 026113, doi:10.1103/PhysRevE.69.026113; greedy: Newman, M. E. J. (2004), Physical "
    "Review E 69, 066133, doi:10.1103/PhysRevE.69.066133; best: Agarwal, G. and Kempe, D. (2008), European "
    "Physical Journal B 66, 409–418, doi:10.1140/epjb/e2008-00425-1",
    data="karate club (networkx)",
    data_class="typed-in table",
)
def newman_girvan_2004() -> Iterator[Row]:
    """Yield the modularity of the two factions and of three ways to cut the club without knowing them."""
    club = nx.karate_club_graph()

    def score(groups: tuple[set[int], ...]) -> float:
        return network.modularity(club, {one: number for number, group in enumerate(groups) for one in group})

    factions = network.modularity(club, nx.get_node_attributes(club, "club"))
    yield Row("factions", ".358", factions, "modularity of the split that happened", "from memory")
    greedy = nx.community.greedy_modularity_communities(club)
    yield Row("greedy", ".3807", score(tuple(greedy)), "fast algorithm", "from memory")
    divisions = [score(groups) for groups in nx.community.girvan_newman(club)]
    yield Row("Girvan and Newman", ".4013", max(divisions), "edges by betweenness", "from memory")
    best = network.modularity(club, network.communities(club)["community"])
    yield Row("best known", ".4198", best, "highest modularity", "from memory")
