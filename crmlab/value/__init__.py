"""Who is worth what: part 4 of the course, its modules in the order of the lessons.

=======  ======================  =======================================================================
lesson   subject                 modules
=======  ======================  =======================================================================
41       value tiers             ``rfm``, ``tiers``
42       retention               ``cohorts``, ``survival``, ``discrete`` (renewals)
43       lifecycle               ``lifecycle``
44       buy till you die        ``summary``, ``geometric``, ``pareto`` (and ``calendar``), ``discrete``
                                 (occasions), ``purchases``, ``covariates``, ``boundaries``, ``validation``,
                                 ``plots``
45       lifetime value          ``spend``, ``lifetime``, ``ahead``, ``futures``, ``rankings``
46       segments                ``segments``
47       key accounts            ``accounts``
48       payback and potential   ``equity``
=======  ======================  =======================================================================
"""

# ruff: isort: skip_file
# fmt: off

# 41 value tiers
from crmlab.value.rfm import rfm, rfm_scores, rfm_segments
from crmlab.value.tiers import gini, lorenz, plot_lorenz, tiers

# 42 retention
from crmlab.value.cohorts import cohort_table
from crmlab.value.discrete import BetaGeoBetaBinomial, ShiftedBetaGeometric, ShiftedBetaGeometricResults
from crmlab.value.survival import plot_survival, retention_table, survival_table

# 43 lifecycle
from crmlab.value.lifecycle import StageChain, lifecycle_stages, transitions

# 44 buy till you die
from crmlab.value.geometric import BetaGeoNBD, ModifiedBetaGeoNBD
from crmlab.value.pareto import ParetoNBD
from crmlab.value.purchases import PurchaseResults
from crmlab.value.summary import btyd_summary
from crmlab.value.validation import holdout_scores

# 45 lifetime value
from crmlab.value.futures import FutureResults
from crmlab.value.lifetime import LifetimeValue
from crmlab.value.rankings import ranking_score
from crmlab.value.spend import GammaGamma, GammaGammaResults

# 46 segments
from crmlab.value.segments import Segmentation, segment

# 47 key accounts
from crmlab.value.accounts import key_accounts, plot_whale, whale_curve

# 48 payback and potential
from crmlab.value.equity import CustomerEquity, margin_multiple, payback_table

__all__ = [
    "rfm", "rfm_scores", "rfm_segments", "gini", "lorenz", "plot_lorenz", "tiers",
    "cohort_table", "ShiftedBetaGeometric", "ShiftedBetaGeometricResults", "plot_survival", "retention_table",
    "survival_table",
    "StageChain", "lifecycle_stages", "transitions",
    "BetaGeoBetaBinomial", "BetaGeoNBD", "ModifiedBetaGeoNBD", "ParetoNBD", "PurchaseResults", "btyd_summary",
    "holdout_scores",
    "FutureResults", "GammaGamma", "GammaGammaResults", "LifetimeValue", "ranking_score",
    "Segmentation", "segment",
    "key_accounts", "plot_whale", "whale_curve",
    "CustomerEquity", "margin_multiple", "payback_table",
]
