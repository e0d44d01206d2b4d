"""All SQL of the notifier."""
