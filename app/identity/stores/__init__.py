"""Where OMERO.web keeps its sessions: each kind of store reads one session by its cookie."""
