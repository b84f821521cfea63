"""What customers think: items and scales, factors, measurement models, satisfaction."""

from crmlab.survey.groups import Invariance, invariance
from crmlab.survey.measured import MeasurementResults
from crmlab.survey.measurement import MeasurementModel
from crmlab.survey.validity import htmt, plot_htmt

__all__ = [
    "Invariance",
    "MeasurementModel",
    "MeasurementResults",
    "htmt",
    "invariance",
    "plot_htmt",
]
