"""The Admin GraphQL API over a simulated shop."""
