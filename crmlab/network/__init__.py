"""Relationships: stakeholders, who is close to whom, what passes between them and who gains."""
