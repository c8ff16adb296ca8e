"""All that looks at data through a network: GAP features, domain embeddings, the index, the health of a sample."""
