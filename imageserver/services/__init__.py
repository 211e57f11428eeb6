"""The services of a session, one module for each."""
