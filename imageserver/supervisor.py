"""Keeps one image server process running: the part that gunicorn's master uses.

Needs no Ice: the master must not load a communicator before it forks its workers.
"""

import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

log = logging.getLogger("blitzrender.imageserver")

_PROJECT = Path(__file__).resolve().parent.parent
_LONGEST_PAUSE_S = 10.0


def free_port(host: str) -> int:
    """Give a TCP port on `host` that nobody listens on at this moment."""
    with socket.create_server((host, 0)) as server:
        return int(server.getsockname()[1])


@dataclass
class Supervisor:
    """Starts `python -m imageserver ARGUMENTS` and starts it again whenever it ends.

    `environment` is added to the process's own. After a start that lasted less than ten seconds
    the next one waits, twice as long each time up to ten seconds, so that a folder that cannot
    be served does not cost a whole core.
    """

    arguments: Sequence[str]
    environment: dict[str, str] = field(default_factory=dict)
    ready_timeout_s: float = 60.0
    _process: subprocess.Popen | None = None
    _stopping: threading.Event = field(default_factory=threading.Event)
    _ready: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Start the server and the thread that watches it."""
        threading.Thread(target=self._watch, name="imageserver-supervisor", daemon=True).start()

    def wait_ready(self) -> bool:
        """Wait until the server answers; tell whether that was within `ready_timeout_s`."""
        return self._ready.wait(self.ready_timeout_s)

    def stop(self, timeout_s: float = 5.0) -> None:
        """End the server, by force when it does not go within `timeout_s`."""
        self._stopping.set()
        process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _launch(self) -> subprocess.Popen:
        # A session of its own: Ctrl-C reaches the workers first, which still need the server to
        # finish. The pipe on its standard input tells it when this process is gone for good.
        return subprocess.Popen(
            [sys.executable, "-m", "imageserver", "--with-parent", *self.arguments],
            cwd=_PROJECT,
            # One heap for all threads: those of glibc's for each thread grow page by page.
            env={"MALLOC_ARENA_MAX": "1", **os.environ, **self.environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def _watch(self) -> None:
        pause_s = 0.1
        while not self._stopping.is_set():
            self._process = process = self._launch()
            if self._stopping.is_set():
                process.terminate()
            lasted_s = self._follow(process)
            if self._stopping.is_set():
                return
            pause_s = 0.1 if lasted_s >= _LONGEST_PAUSE_S else min(pause_s * 2, _LONGEST_PAUSE_S)
            log.warning("the image server ended after %.1f s; starting it again", lasted_s)
            self._stopping.wait(pause_s)

    def _follow(self, process: subprocess.Popen) -> float:
        """Read the server's output until it ends; give the seconds that it lasted."""
        started_s = time.monotonic()
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("ready"):
                self._ready.set()
            log.info("image server: %s", line.rstrip())
        process.wait()
        return time.monotonic() - started_s
