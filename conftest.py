"""Fixtures for every test: real PostgreSQL and Kafka, see `local_stack.testing`."""

pytest_plugins = ["local_stack.testing"]
