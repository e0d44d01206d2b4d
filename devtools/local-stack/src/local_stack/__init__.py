"""Starts the whole platform on one machine from Python packages alone."""
