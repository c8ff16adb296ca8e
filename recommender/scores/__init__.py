"""Published transferability scores as pure functions, in one table."""
