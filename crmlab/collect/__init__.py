"""Customer knowledge: identity, the golden record, whom to know first and to ask, the knowledge base."""

from crmlab.collect.cleaning import clean, worthless_values
from crmlab.collect.estimates import estimate, sensitivity
from crmlab.collect.files import read_file, write_csv
from crmlab.collect.golden import GoldenRecords, channel_trust, golden_records
from crmlab.collect.households import households
from crmlab.collect.identities import Identities, stable_ids
from crmlab.collect.linkage import Linkage, LinkageResults, exact_clusters, plot_match
from crmlab.collect.loading import load
from crmlab.collect.priorities import decisions, value_of_information, worth_asking
from crmlab.collect.privacy import access, allowed, erase, k_anonymous
from crmlab.collect.quality import pair_quality
from crmlab.collect.review import STRATA, review_estimates, review_sample
from crmlab.collect.samples import allocate, difference_size, draw_sample, sample_size
from crmlab.collect.store import Report, open_base, record_use, rewrite, uses
from crmlab.collect.views import CustomerPage, as_of, freshness, refresh_next, view

# fmt: off
__all__ = [
    "CustomerPage", "GoldenRecords", "Identities", "Linkage", "LinkageResults", "Report", "STRATA",
    "access", "allocate", "allowed", "as_of", "channel_trust", "clean", "decisions", "difference_size",
    "draw_sample", "erase", "estimate", "exact_clusters", "freshness", "golden_records", "households",
    "k_anonymous", "load", "open_base", "pair_quality", "plot_match", "read_file", "record_use",
    "refresh_next", "review_estimates", "review_sample", "rewrite", "sample_size", "sensitivity",
    "stable_ids", "uses", "value_of_information", "view", "worth_asking", "worthless_values",
    "write_csv",
]
