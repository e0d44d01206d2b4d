"""Faults: what shall go wrong, when, and what a request then meets."""
