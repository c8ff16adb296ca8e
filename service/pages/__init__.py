"""The few pages that need no framework: signing in, and what is one's own."""
