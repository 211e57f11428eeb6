"""How a change of stored settings reaches every worker and host."""
