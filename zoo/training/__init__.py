"""The one trainer, and the evaluation beside it."""
