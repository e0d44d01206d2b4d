"""One module per group of commands: it reads the command line and prints; the work is done elsewhere."""
