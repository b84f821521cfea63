"""What customers think: items and scales, factors, measurement models, satisfaction."""

from crmlab.survey.careless import careless_flags, careless_signs
from crmlab.survey.factors import (
    ExploratoryFactors,
    explore,
    parallel_analysis,
    plot_parallel,
    worth_factoring,
)
from crmlab.survey.groups import Invariance, invariance
from crmlab.survey.items import Questionnaire, ReversalWarning
from crmlab.survey.likert import likert_table, plot_likert
from crmlab.survey.measured import MeasurementResults
from crmlab.survey.measurement import MeasurementModel
from crmlab.survey.reliability import (
    alpha_if_dropped,
    alpha_interval,
    attenuated,
    disattenuated,
    reliability,
)
from crmlab.survey.validity import htmt, plot_htmt

# fmt: off
__all__ = [
    "ExploratoryFactors", "Invariance", "MeasurementModel", "MeasurementResults", "Questionnaire",
    "ReversalWarning",
    "alpha_if_dropped", "alpha_interval", "attenuated", "careless_flags", "careless_signs", "disattenuated",
    "explore", "htmt", "invariance", "likert_table", "parallel_analysis", "plot_htmt", "plot_likert",
    "plot_parallel", "reliability", "worth_factoring",
]
