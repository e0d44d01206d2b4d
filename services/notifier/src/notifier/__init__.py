"""Turns what happened to a store into one e-mail per recipient."""
