"""What customers think: items and scales, factors, measurement models, satisfaction."""

from crmlab.survey.measured import MeasurementResults
from crmlab.survey.measurement import MeasurementModel

__all__ = ["MeasurementModel", "MeasurementResults"]
