"""What all tests share: properties are tested without a clock."""

from hypothesis import HealthCheck, settings

# Hypothesis fails an example that takes longer than 200 ms, and a strategy that is slow: both depend on the machine.
settings.register_profile("no-clock", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("no-clock")
