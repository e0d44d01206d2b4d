"""The pruned official schema, made by scripts/prune_schema.py."""
