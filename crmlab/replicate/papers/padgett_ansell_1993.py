"""Centralities of the Florentine families: evidence for the code, not for relations of stakeholders."""

from collections.abc import Iterator

import networkx as nx

from crmlab import network
from crmlab.replicate import Row, case

BETWEENNESS = {
    **{"Medici": ".522", "Guadagni": ".255", "Albizzi": ".212"},
    **{"Salviati": ".143", "Ridolfi": ".114", "Strozzi": ".103"},
}


@case(
    "Padgett, J. F. and Ansell, C. K. (1993), Robust action and the rise of the Medici, 1400–1434, American "
    "Journal of Sociology 98(6), 1259–1319, doi:10.1086/230190; centralities in Jackson, M. O. (2008), "
    "Social and Economic Networks, Princeton University Press",
    data="florentine families (networkx)",
    data_class="typed-in table",
)
def padgett_ansell_1993() -> Iterator[Row]:
    """Yield betweenness of six families, degree and closeness of the Medici, from networkx's marriages."""
    table = network.centralities(nx.florentine_families_graph())
    where = "marriages, table of centralities"
    for family, printed in BETWEENNESS.items():
        ours = table.loc[family, "betweenness"]
        yield Row(f"betweenness of the {family}", printed, ours, where, "quoted elsewhere")
    for name, printed in (("degree", "6"), ("closeness", ".560")):
        yield Row(f"{name} of the Medici", printed, table.loc["Medici", name], where, "quoted elsewhere")
