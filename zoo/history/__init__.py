"""The outcomes of trainings: kept, taken in from elsewhere, and judged."""
