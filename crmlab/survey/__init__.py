"""What customers think: items and scales, factors, measurement models, satisfaction."""

from crmlab.survey.gaps import gap_fit, gaps, plot_gaps
from crmlab.survey.satisfaction import nps, satisfaction_index, score_difference, top_box
from crmlab.survey.tracking import control_chart, plot_control_chart
from crmlab.survey.weighting import balance, design_effect, rake

# fmt: off
__all__ = [
    "balance", "control_chart", "design_effect", "gap_fit", "gaps", "nps", "plot_control_chart", "plot_gaps",
    "rake", "satisfaction_index", "score_difference", "top_box",
]
