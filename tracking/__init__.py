"""Runs: what trainings told of themselves, kept in an SQL database. It knows nothing of HTTP."""
