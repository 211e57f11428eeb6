"""Long work that goes on behind requests: a queue on disk, who works it off, and the results."""
