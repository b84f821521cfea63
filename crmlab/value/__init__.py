"""Who is worth what: value tiers, buy-till-you-die models, spend."""

from crmlab.value.discrete import BetaGeoBetaBinomial, ShiftedBetaGeometric
from crmlab.value.geometric import BetaGeoNBD, ModifiedBetaGeoNBD
from crmlab.value.pareto import ParetoNBD
from crmlab.value.plots import plot_frequencies, plot_holdout, plot_matrix, plot_tracking
from crmlab.value.rfm import plot_rfm, rfm, rfm_cells, rfm_scores, rfm_segments, segment_rules
from crmlab.value.spend import GammaGamma
from crmlab.value.summary import btyd_summary
from crmlab.value.tiers import gini, lorenz, pareto_share, plot_lorenz, tiers
from crmlab.value.validation import (
    customer_matrix,
    frequency_table,
    holdout_scores,
    holdout_table,
    tracking_table,
)

# fmt: off
__all__ = [
    "BetaGeoBetaBinomial", "BetaGeoNBD", "GammaGamma", "ModifiedBetaGeoNBD", "ParetoNBD",
    "ShiftedBetaGeometric", "btyd_summary", "customer_matrix", "frequency_table", "gini",
    "holdout_scores", "holdout_table", "lorenz", "pareto_share", "plot_frequencies", "plot_holdout",
    "plot_lorenz", "plot_matrix", "plot_rfm", "plot_tracking", "rfm", "rfm_cells", "rfm_scores",
    "rfm_segments", "segment_rules", "tiers", "tracking_table",
]
