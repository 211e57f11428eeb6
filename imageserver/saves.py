"""The database of what users save, which lies in the index's file."""

import sqlite3
from pathlib import Path


def open_saves(database: Path, schema: str) -> sqlite3.Connection:
    """Open it with its tables, for any thread that holds the lock of its owner."""
    connection = sqlite3.connect(database, timeout=30, check_same_thread=False)
    connection.execute("pragma journal_mode = wal")
    # A save that was answered outlives a power cut.
    connection.execute("pragma synchronous = full")
    connection.executescript(schema)
    return connection
