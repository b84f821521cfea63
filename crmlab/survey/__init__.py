"""What customers think: items and scales, factors, measurement models, satisfaction, choices."""

from crmlab.survey.careless import careless_flags, careless_signs
from crmlab.survey.choice import ConditionalLogit
from crmlab.survey.conjoint import conjoint, design_checks
from crmlab.survey.drivers import drivers, marginal_effects, parallel_slopes, penalty_reward
from crmlab.survey.factors import (
    ExploratoryFactors,
    explore,
    parallel_analysis,
    plot_parallel,
    worth_factoring,
)
from crmlab.survey.gaps import gap_fit, gaps, plot_gaps
from crmlab.survey.groups import Invariance, invariance
from crmlab.survey.items import Questionnaire, ReversalWarning
from crmlab.survey.kano import kano, kano_categories
from crmlab.survey.likert import likert_table, plot_likert
from crmlab.survey.maxdiff import MaxDiff, MaxDiffResults
from crmlab.survey.measured import MeasurementResults
from crmlab.survey.measurement import MeasurementModel
from crmlab.survey.mixed import MixedLogit
from crmlab.survey.offers import ChoiceResults
from crmlab.survey.path_bootstrap import PathBootstrap
from crmlab.survey.path_results import PathResults
from crmlab.survey.paths import PathModel
from crmlab.survey.priorities import importance_performance, plot_importance_performance
from crmlab.survey.reliability import alpha_if_dropped, alpha_interval, attenuated, disattenuated, reliability
from crmlab.survey.satisfaction import nps, satisfaction_index, score_difference, top_box
from crmlab.survey.tastes import MixedResults
from crmlab.survey.tracking import control_chart, plot_control_chart
from crmlab.survey.validity import htmt, plot_htmt
from crmlab.survey.weighting import balance, design_effect, rake

# fmt: off
__all__ = [
    "ChoiceResults", "ConditionalLogit", "ExploratoryFactors", "Invariance", "MaxDiff", "MaxDiffResults",
    "MeasurementModel", "MeasurementResults", "MixedLogit", "MixedResults", "PathBootstrap", "PathModel",
    "PathResults", "Questionnaire", "ReversalWarning", "alpha_if_dropped", "alpha_interval", "attenuated",
    "balance", "careless_flags", "careless_signs", "conjoint", "control_chart", "design_checks",
    "design_effect", "disattenuated", "drivers", "explore", "gap_fit", "gaps", "htmt",
    "importance_performance", "invariance", "kano", "kano_categories", "likert_table", "marginal_effects",
    "nps", "parallel_analysis", "parallel_slopes", "penalty_reward", "plot_control_chart", "plot_gaps",
    "plot_htmt", "plot_importance_performance", "plot_likert", "plot_parallel", "rake", "reliability",
    "satisfaction_index", "score_difference", "top_box", "worth_factoring",
]
