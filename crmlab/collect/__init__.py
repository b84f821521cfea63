"""Customer knowledge: one identity, the golden record, whom to know first, the knowledge base."""

__all__: list[str] = []
