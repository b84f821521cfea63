"""Relationships: stakeholders, early warning, the ladder, the buying centre, and how news passes."""

from crmlab._charts import Cusum, Ewma
from crmlab.network.baskets import lift, pairs, pairs_by_luck, plot_pairs
from crmlab.network.bass import Bass, BassResults
from crmlab.network.buying import (
    TELLING,
    after_leaving,
    buying_roles,
    buying_signs,
    calibration,
    coverage,
    hit_rates,
)
from crmlab.network.cascades import Reach, cascade, threshold_cascade
from crmlab.network.centre import plot_buying_centre
from crmlab.network.foretold import compare_lists, leave_last_out, variety
from crmlab.network.gains import gains, win_win
from crmlab.network.graph import edges, stakeholder_graph, ties
from crmlab.network.groups import communities, dependence, modularity, removal
from crmlab.network.ladder import climb, climb_interval, landmark, moves, plot_ladder, rungs, standing
from crmlab.network.maps import plot_map
from crmlab.network.positions import QUESTIONS, brokerage, centralities, group_difference
from crmlab.network.referral import referral_trees
from crmlab.network.seeding import Seeds, seeds
from crmlab.network.two_way import answers, two_way
from crmlab.network.watch import Watch, lead_times, proxy, warned, watch
from crmlab.network.what_next import recommend, similar_items

# fmt: off
__all__ = [
    "Bass", "BassResults", "Cusum", "Ewma", "QUESTIONS", "Reach", "Seeds", "TELLING", "Watch",
    "after_leaving", "answers", "brokerage", "buying_roles", "buying_signs", "calibration", "cascade",
    "centralities", "climb", "climb_interval", "communities", "compare_lists", "coverage", "dependence",
    "edges", "gains", "group_difference", "hit_rates", "landmark", "lead_times", "leave_last_out",
    "lift", "modularity", "moves", "pairs", "pairs_by_luck", "plot_buying_centre", "plot_ladder",
    "plot_map", "plot_pairs", "proxy", "recommend", "referral_trees", "removal", "rungs", "seeds",
    "similar_items", "stakeholder_graph", "standing", "threshold_cascade", "ties", "two_way", "variety",
    "warned", "watch", "win_win",
]
