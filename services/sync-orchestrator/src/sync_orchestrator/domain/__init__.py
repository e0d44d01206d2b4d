"""Rules of syncing: pure functions and transition tables. No await, no clock, no I/O."""
