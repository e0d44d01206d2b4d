"""What the six services share: contracts, the bus, the database and the runtime."""
