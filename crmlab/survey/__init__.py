"""What customers think: items and scales, factors, measurement models, satisfaction."""

from crmlab.survey.careless import careless_flags, careless_signs
from crmlab.survey.factors import (
    ExploratoryFactors,
    explore,
    parallel_analysis,
    plot_parallel,
    worth_factoring,
)
from crmlab.survey.items import Questionnaire, ReversalWarning
from crmlab.survey.likert import likert_table, plot_likert
from crmlab.survey.reliability import (
    alpha_if_dropped,
    alpha_interval,
    attenuated,
    disattenuated,
    reliability,
)

# fmt: off
__all__ = [
    "ExploratoryFactors", "Questionnaire", "ReversalWarning",
    "alpha_if_dropped", "alpha_interval", "attenuated", "careless_flags", "careless_signs", "disattenuated",
    "explore", "likert_table", "parallel_analysis", "plot_likert", "plot_parallel", "reliability",
    "worth_factoring",
]
