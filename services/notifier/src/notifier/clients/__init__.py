"""Outbound HTTP: Loops."""
