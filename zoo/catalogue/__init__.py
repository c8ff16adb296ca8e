"""Cards and domains: kept, found, and shown as a matrix."""
