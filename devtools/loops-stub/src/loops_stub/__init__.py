"""Takes transactional mail as Loops does and keeps it to be read."""
