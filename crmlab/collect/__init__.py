"""Customer knowledge: one identity, the golden record, whom to know first, the knowledge base."""

from crmlab.collect.before_after import differences, instrument
from crmlab.collect.behaviour import sessions, transitions
from crmlab.collect.cleaning import clean, worthless_values
from crmlab.collect.coding import agreement, machine_codes, saturation
from crmlab.collect.effects import Effect, balance, matching, weighting
from crmlab.collect.estimates import estimate, sensitivity
from crmlab.collect.experiments import LotWarning, lot_balance, trial_effect
from crmlab.collect.files import read_file, write_csv
from crmlab.collect.golden import GoldenRecords, channel_trust, golden_records
from crmlab.collect.households import households
from crmlab.collect.identities import Identities, stable_ids
from crmlab.collect.linkage import Linkage, LinkageResults, exact_clusters, plot_match
from crmlab.collect.loading import load
from crmlab.collect.looks import peeking, trial_size
from crmlab.collect.lots import draw_lots, sample_ratio
from crmlab.collect.priorities import decisions, value_of_information, worth_asking
from crmlab.collect.privacy import access, allowed, erase, k_anonymous
from crmlab.collect.quality import pair_quality
from crmlab.collect.review import STRATA, review_estimates, review_sample
from crmlab.collect.samples import allocate, difference_size, draw_sample, sample_size
from crmlab.collect.store import Report, open_base, record_use, rewrite, uses
from crmlab.collect.views import CustomerPage, as_of, freshness, refresh_next, view

# fmt: off
__all__ = [
    "CustomerPage", "Effect", "GoldenRecords", "Identities", "Linkage", "LinkageResults", "LotWarning",
    "Report", "STRATA", "access", "agreement", "allocate", "allowed", "as_of", "balance",
    "channel_trust", "clean", "decisions", "difference_size", "differences", "draw_lots", "draw_sample",
    "erase", "estimate", "exact_clusters", "freshness", "golden_records", "households", "instrument",
    "k_anonymous", "load", "lot_balance", "machine_codes", "matching", "open_base", "pair_quality",
    "peeking", "plot_match", "read_file", "record_use", "refresh_next", "review_estimates",
    "review_sample", "rewrite", "sample_ratio", "sample_size", "saturation", "sensitivity", "sessions",
    "stable_ids", "transitions", "trial_effect", "trial_size", "uses", "value_of_information", "view",
    "weighting", "worth_asking", "worthless_values", "write_csv",
]
