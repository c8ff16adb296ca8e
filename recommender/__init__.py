"""Which pre-trained model to start from: candidates, scores, probes, and the ranking that joins their evidence."""
