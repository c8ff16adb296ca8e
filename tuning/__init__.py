"""Searches for good hyper-parameters: the one package that knows Optuna."""
