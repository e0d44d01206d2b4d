"""Writes raw Shopify records to PostgreSQL, each once and only if newer."""
