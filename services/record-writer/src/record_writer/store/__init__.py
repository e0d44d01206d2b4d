"""All SQL of this service. Functions take a transaction and never end it."""
