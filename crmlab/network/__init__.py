"""Relationships: stakeholders, who is close to whom, what passes between them and who gains."""

from crmlab.network.buying import (
    TELLING,
    after_leaving,
    buying_roles,
    buying_signs,
    calibration,
    coverage,
    hit_rates,
    plot_buying_centre,
)
from crmlab.network.gains import gains, win_win
from crmlab.network.graph import edges, stakeholder_graph, ties
from crmlab.network.groups import communities, dependence, modularity, removal
from crmlab.network.maps import plot_map
from crmlab.network.positions import QUESTIONS, brokerage, centralities, group_difference
from crmlab.network.two_way import answers, two_way

# fmt: off
__all__ = [
    "QUESTIONS", "TELLING", "after_leaving", "answers", "brokerage", "buying_roles", "buying_signs",
    "calibration", "centralities", "communities", "coverage", "dependence", "edges", "gains",
    "group_difference", "hit_rates", "modularity", "plot_buying_centre", "plot_map", "removal",
    "stakeholder_graph", "ties", "two_way", "win_win",
]
