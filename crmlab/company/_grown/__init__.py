"""The simulated company grown up, not yet open to the public.

It takes the place of :mod:`crmlab.company` when the lessons follow it: the modules and data files of this
folder then move up by one, and the folder goes. Until then nothing but its own tests uses it, and what
:mod:`crmlab.company` draws is what it was.
"""

from crmlab.company._grown._draft import Tables
from crmlab.company._grown.causal import causal_map, plot_causal_map
from crmlab.company._grown.company import Company, simulate
from crmlab.company._grown.dossier import Dossier
from crmlab.company._grown.envelope import questions
from crmlab.company._grown.levers import Levers, levers
from crmlab.company._grown.worlds import World, world

# fmt: off
__all__ = [
    "Company", "Dossier", "Levers", "Tables", "World",
    "causal_map", "levers", "plot_causal_map", "questions", "simulate", "world",
]
