"""Centralities of the women of Natchez and their events: evidence for the code, not for stakeholders."""

from collections.abc import Iterator

import networkx as nx

from crmlab import network
from crmlab.replicate import Row, case

MEASURES = ("degree", "closeness", "betweenness")
PUBLISHED = {
    "Evelyn Jefferson": (".57", ".80", ".10"),
    "Theresa Anderson": (".57", ".80", ".09"),
    "Nora Fayette": (".57", ".80", ".11"),
    "E8": (".78", ".85", ".24"),
    "E9": (".67", ".79", ".23"),
}


@case(
    "Borgatti, S. P. and Halgin, D. S. (2011), Analyzing affiliation networks, in Scott, J. and Carrington, "
    "P. J. (eds), The SAGE Handbook of Social Network Analysis, 417–433, doi:10.4135/9781446294413.n28; data "
    "of Davis, A., Gardner, B. B. and Gardner, M. R. (1941), Deep South",
    data="southern women (networkx)",
    data_class="typed-in table",
)
def borgatti_halgin_2011() -> Iterator[Row]:
    """Yield degree, closeness and betweenness of three women and two events, normalised for two modes."""
    graph = nx.davis_southern_women_graph()
    table = network.centralities(graph, measures=MEASURES)
    everybody, women = len(graph), set(graph.graph["top"])
    for name, printed in PUBLISHED.items():
        own = len(women) if name in women else everybody - len(women)
        other = everybody - own
        degree, closeness, betweenness = table.loc[name]
        # a woman can meet events only, and an event women, so the largest values possible are smaller
        full, rest = divmod(own - 1, other)
        most = (
            other**2 * (full + 1) ** 2 + other * (full + 1) * (2 * rest - full - 1)
            - rest * (2 * full - rest + 3)
        ) / 2  # fmt: skip
        ours = (
            degree / other,
            closeness * (other + 2 * (own - 1)) / (everybody - 1),
            betweenness * (everybody - 1) * (everybody - 2) / 2 / most,
        )
        for measure, value, found in zip(MEASURES, printed, ours, strict=True):
            where = "table of normalised centralities"
            yield Row(f"{measure} of {name}", value, found, where, "quoted elsewhere")
