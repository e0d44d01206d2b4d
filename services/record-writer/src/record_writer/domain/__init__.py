"""What a raw record means: pure functions, no await, no clock, no I/O."""
