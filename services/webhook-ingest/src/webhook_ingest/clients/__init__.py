"""What ingest talks to: Kafka, and nothing else."""
