"""The folder in which worker processes lay down their metrics for each other."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

_LOCK = "lock"


class MetricsFolder:
    """A new folder below `parent` for one start of the service; folders of dead ones go.

    Whoever made it, and all processes forked from that one, hold a lock in it while they live.
    When a process reads its configuration again, `current` names the folder that it made before
    and goes on with.
    """

    def __init__(self, parent: Path, current: str | None = None) -> None:
        self._owner = os.getpid()
        if current is not None and _owner_of(Path(current)) == self._owner:
            self.path = Path(current)
            return
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in parent.iterdir():
            _remove_if_dead(folder)
        self.path = Path(tempfile.mkdtemp(dir=parent))
        # Stays open, and by that locked, until the process and all its children have ended.
        lock = os.open(self.path / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.write(lock, str(self._owner).encode())

    def forget(self, process_id: int) -> None:
        """Take out the gauges of a process that ended; what it counted stays."""
        for file in self.path.glob(f"gauge_live*_{process_id}.db"):
            file.unlink(missing_ok=True)

    def remove(self) -> None:
        """Delete the folder, after the last worker ended."""
        if os.getpid() == self._owner:
            shutil.rmtree(self.path, ignore_errors=True)


def _owner_of(folder: Path) -> int | None:
    try:
        return int((folder / _LOCK).read_text())
    except (OSError, ValueError):
        return None


def _remove_if_dead(folder: Path) -> None:
    with contextlib.suppress(OSError):
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(lock)
