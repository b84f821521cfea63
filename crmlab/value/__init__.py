"""Who is worth what: value tiers, buy-till-you-die models, spend."""

from crmlab.value.accounts import key_accounts, plot_whale, whale_curve
from crmlab.value.cohorts import cohort_table
from crmlab.value.discrete import BetaGeoBetaBinomial, ShiftedBetaGeometric, ShiftedBetaGeometricResults
from crmlab.value.equity import CustomerEquity, margin_multiple, payback_table
from crmlab.value.futures import FutureResults
from crmlab.value.geometric import BetaGeoNBD, ModifiedBetaGeoNBD
from crmlab.value.lifecycle import StageChain, lifecycle_stages, transitions
from crmlab.value.lifetime import LifetimeValue
from crmlab.value.pareto import ParetoNBD
from crmlab.value.purchases import PurchaseResults
from crmlab.value.rankings import ranking_score
from crmlab.value.rfm import rfm, rfm_scores, rfm_segments
from crmlab.value.segments import Segmentation, segment
from crmlab.value.spend import GammaGamma, GammaGammaResults
from crmlab.value.summary import btyd_summary
from crmlab.value.survival import plot_survival, retention_table, survival_table
from crmlab.value.tiers import gini, lorenz, plot_lorenz, tiers
from crmlab.value.validation import holdout_scores

# fmt: off
__all__ = [
    "BetaGeoBetaBinomial", "BetaGeoNBD", "CustomerEquity", "FutureResults", "GammaGamma",
    "GammaGammaResults", "LifetimeValue", "ModifiedBetaGeoNBD", "ParetoNBD", "PurchaseResults",
    "Segmentation", "ShiftedBetaGeometric", "ShiftedBetaGeometricResults", "StageChain", "btyd_summary",
    "cohort_table", "gini", "holdout_scores", "key_accounts", "lifecycle_stages", "lorenz",
    "margin_multiple", "payback_table", "plot_lorenz", "plot_survival", "plot_whale", "ranking_score",
    "retention_table", "rfm", "rfm_scores", "rfm_segments", "segment", "survival_table", "tiers",
    "transitions", "whale_curve",
]
