"""Events of the file system: what tells at once that something in the served folder changed.

Folders are watched each by itself, those that were walked: the chunks of one large Zarr lie in more
folders than a system lets anybody watch, and setting that up would hold up everybody else.
"""

import errno
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

from watchfiles import watch

log = logging.getLogger(__name__)

_RETRY_S = 5.0


class FolderWatch:
    """Calls `on_change` when something changes in one of the folders, from `start` until `close`.

    It is called once more after the folders were set: something may have come before that.
    """

    def __init__(self, on_change: Callable[[], None], skip: frozenset[Path]) -> None:
        self._on_change = on_change
        self._skip = tuple(f"{path}{os.sep}" for path in skip)
        self._folders: frozenset[Path] = frozenset()
        self._stop = threading.Event()
        self._changed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Begin, with the folders that are set then or later."""
        self._thread.start()

    def close(self) -> None:
        """Stop."""
        self._stop.set()
        self._changed.set()
        if self._thread.is_alive():
            self._thread.join()

    def set_folders(self, folders: frozenset[Path]) -> None:
        """Watch these from now on, without what is in folders inside them."""
        if folders != self._folders:
            self._folders = folders
            self._changed.set()

    def is_set(self) -> bool:
        """Tell whether to end listening, to begin anew with other folders or for good."""
        return self._changed.is_set()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._changed.wait()
            self._changed.clear()
            if self._stop.is_set():
                return
            try:
                self._listen(self._folders)
            except FileNotFoundError:
                # A folder that went meanwhile; the next scan sets those that are there.
                self._on_change()
                self._changed.wait(_RETRY_S)
                self._changed.set()
            except Exception as error:
                log.warning("changes are noticed by scanning only: %s", _reason(error))
                return

    def _listen(self, folders: frozenset[Path]) -> None:
        listening = False
        for changes in watch(
            *folders,
            watch_filter=None,
            debounce=500,
            step=100,
            stop_event=self,
            rust_timeout=1000,
            yield_on_timeout=True,
            raise_interrupt=False,
            ignore_permission_denied=True,
            recursive=False,
        ):
            if not listening or any(not path.startswith(self._skip) for _, path in changes):
                self._on_change()
            listening = True


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "there are more folders than fs.inotify.max_user_watches allows"
    return f"events do not work ({error})"
