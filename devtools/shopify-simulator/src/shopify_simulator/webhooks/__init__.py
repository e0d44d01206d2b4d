"""Webhooks: the topics, their payloads and their delivery."""
