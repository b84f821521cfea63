"""Customer knowledge: one identity, the golden record, whom to know first, the knowledge base."""

from crmlab.collect.loading import load
from crmlab.collect.store import Report, open_base, record_use, uses

__all__ = ["Report", "load", "open_base", "record_use", "uses"]
