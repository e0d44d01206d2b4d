"""The pruned official schema, made by scripts/prune_schema.py, and the hashes of it and of its source."""
