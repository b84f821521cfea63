"""Who is worth what: value tiers, buy-till-you-die models, spend."""

from crmlab.value.accounts import (
    concentration,
    key_accounts,
    plot_portfolio,
    plot_whale,
    portfolio,
    whale_curve,
)
from crmlab.value.cohorts import cohort_table, plot_cohorts
from crmlab.value.discrete import BetaGeoBetaBinomial, ShiftedBetaGeometric, ShiftedBetaGeometricResults
from crmlab.value.equity import CustomerEquity, margin_multiple, payback_table
from crmlab.value.futures import FutureResults
from crmlab.value.geometric import BetaGeoNBD, ModifiedBetaGeoNBD
from crmlab.value.lifecycle import STAGES, StageChain, lifecycle_stages, plot_transitions, transitions
from crmlab.value.lifetime import LifetimeValue
from crmlab.value.pareto import ParetoNBD
from crmlab.value.plots import (
    plot_frequencies,
    plot_holdout,
    plot_matrix,
    plot_tracking,
)
from crmlab.value.purchases import PurchaseResults
from crmlab.value.rankings import ranking_score
from crmlab.value.rfm import plot_rfm, rfm, rfm_cells, rfm_scores, rfm_segments, segment_rules
from crmlab.value.segments import Segmentation, compare_counts, plot_profile, segment, stability
from crmlab.value.spend import GammaGamma, GammaGammaResults
from crmlab.value.summary import btyd_summary
from crmlab.value.survival import plot_survival, retention_table, survival_table
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
    "BetaGeoBetaBinomial", "BetaGeoNBD", "CustomerEquity", "FutureResults", "GammaGamma", "GammaGammaResults",
    "LifetimeValue", "ModifiedBetaGeoNBD", "ParetoNBD", "PurchaseResults", "STAGES", "Segmentation",
    "ShiftedBetaGeometric", "ShiftedBetaGeometricResults", "StageChain",
    "btyd_summary", "cohort_table", "compare_counts", "concentration", "customer_matrix",
    "frequency_table", "gini", "holdout_scores", "holdout_table", "key_accounts", "lifecycle_stages",
    "lorenz", "margin_multiple", "pareto_share", "payback_table", "plot_cohorts",
    "plot_frequencies", "plot_holdout", "plot_lorenz", "plot_matrix",
    "plot_portfolio", "plot_profile", "plot_rfm", "plot_survival", "plot_tracking", "plot_transitions",
    "plot_whale", "portfolio", "ranking_score", "retention_table", "rfm", "rfm_cells", "rfm_scores",
    "rfm_segments", "segment", "segment_rules", "stability", "survival_table", "tiers",
    "tracking_table", "transitions", "whale_curve",
]
