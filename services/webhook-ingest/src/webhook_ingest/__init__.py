"""Verifies every Shopify webhook and puts it on Kafka."""
