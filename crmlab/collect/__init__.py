"""Customer knowledge: one identity, the golden record, whom to know first, the knowledge base."""

from crmlab.collect.cleaning import clean, worthless_values
from crmlab.collect.linkage import Linkage, LinkageResults, exact_clusters, plot_match
from crmlab.collect.quality import pair_quality
from crmlab.collect.review import STRATA, review_estimates, review_sample

# fmt: off
__all__ = [
    "Linkage", "LinkageResults", "STRATA", "clean", "exact_clusters", "pair_quality", "plot_match",
    "review_estimates", "review_sample", "worthless_values",
]
