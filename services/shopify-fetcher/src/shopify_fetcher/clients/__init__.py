"""Outbound HTTP: Shopify and nothing else."""
