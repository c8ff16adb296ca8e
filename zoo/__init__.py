"""The repository of pre-trained models, Data x Network, and what fills it."""
