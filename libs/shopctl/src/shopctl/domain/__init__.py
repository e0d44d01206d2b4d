"""Pure decisions about dead letters: which are meant, and which may be replayed."""
