"""Decides when a store syncs, drives each job and proves its result."""
