"""Networks by name, what they have learnt, and what they cost."""
