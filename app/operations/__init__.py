"""How the service runs and is watched: processes, logs, metrics, checks, configurations."""
