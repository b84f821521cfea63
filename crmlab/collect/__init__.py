"""Customer knowledge: one identity, the golden record, whom to know first, the knowledge base."""

from crmlab.collect.golden import GoldenRecords, channel_trust, golden_records
from crmlab.collect.households import households
from crmlab.collect.identities import Identities, stable_ids

__all__ = ["GoldenRecords", "Identities", "channel_trust", "golden_records", "households", "stable_ids"]
