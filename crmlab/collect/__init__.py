"""Customer knowledge: one identity, the golden record, whom to know first, the knowledge base."""

from crmlab.collect.files import read_file, write_csv
from crmlab.collect.loading import load
from crmlab.collect.privacy import access, allowed, erase, k_anonymous
from crmlab.collect.store import Report, open_base, record_use, rewrite, uses
from crmlab.collect.views import CustomerPage, as_of, freshness, refresh_next, view

__all__ = [
    "CustomerPage", "Report", "access", "allowed", "as_of", "erase", "freshness", "k_anonymous", "load",
    "open_base", "read_file", "record_use", "refresh_next", "rewrite", "uses", "view", "write_csv",
]  # fmt: skip
