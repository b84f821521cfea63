"""Property-based tests try the same cases on every run."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "crmlab", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("crmlab")
