"""Code that a user of headhunt might have: what the README and the tests bring in as their own."""
