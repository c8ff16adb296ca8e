"""MLflow's REST protocol: whoever logs to MLflow logs here, with nothing changed but an address and a key."""
