"""The simulated company: one relational data set, drawn from a stated causal story, with its truth kept."""

from crmlab.company._draft import Tables
from crmlab.company.causal import causal_map, plot_causal_map
from crmlab.company.company import Company, simulate
from crmlab.company.dossier import Dossier
from crmlab.company.envelope import questions
from crmlab.company.levers import Levers, levers
from crmlab.company.worlds import World, world

# fmt: off
__all__ = [
    "Company", "Dossier", "Levers", "Tables", "World",
    "causal_map", "levers", "plot_causal_map", "questions", "simulate", "world",
]
