"""Customer knowledge: one identity, the golden record, whom to know first, the knowledge base."""

from crmlab.collect.priorities import decisions, value_of_information, worth_asking

__all__ = ["decisions", "value_of_information", "worth_asking"]
