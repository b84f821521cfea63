"""Customer knowledge: one identity, the golden record, whom to know first, the knowledge base."""

from crmlab.collect.cleaning import clean, worthless_values
from crmlab.collect.golden import GoldenRecords, channel_trust, golden_records
from crmlab.collect.households import households
from crmlab.collect.identities import Identities, stable_ids
from crmlab.collect.linkage import Linkage, LinkageResults, exact_clusters, plot_match
from crmlab.collect.quality import pair_quality
from crmlab.collect.review import STRATA, review_estimates, review_sample

# fmt: off
__all__ = [
    "GoldenRecords", "Identities", "Linkage", "LinkageResults", "STRATA", "channel_trust", "clean",
    "exact_clusters", "golden_records", "households", "pair_quality", "plot_match", "review_estimates",
    "review_sample", "stable_ids", "worthless_values",
]
