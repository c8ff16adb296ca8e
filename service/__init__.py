"""The service: what a team runs. Only this package knows HTTP, and with tracking it alone knows SQL."""
