"""What the services agree on: envelopes, events, topics and the stack itself. Depends on pydantic alone."""
