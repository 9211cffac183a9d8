"""Readers for drift detection: what a resource is now, as a template would say it."""
