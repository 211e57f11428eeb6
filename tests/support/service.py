"""Starts the whole service as operators do, on a free port, over a folder, and stops it again.

The benchmarks use it too, so that they measure what the tests test.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from imageserver.supervisor import free_port

PROJECT = Path(__file__).parent.parent.parent
START_TIMEOUT_S = 120.0
#: What the service says, in its cache folder.
LOG = "service.log"


@dataclass(frozen=True)
class Service:
    """A running service: its port and gunicorn's master process."""

    port: int
    master: psutil.Process
    #: Sent with each request, such as to say who asks.
    headers: Mapping[str, str] = field(default_factory=dict)

    def get_json(self, path: str) -> Any:
        """Ask for a JSON answer."""
        request = urllib.request.Request(self.url(path), headers=dict(self.headers))
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def url(self, path: str) -> str:
        """Give the whole address of a path."""
        return f"http://127.0.0.1:{self.port}{path}"

    def image_ids(self, count: int = 1) -> dict[str, int]:
        """Give image ids by name, waiting until the server has read `count` images at least."""
        until = time.monotonic() + 60
        while True:
            found = {
                image["name"]: image["id"]
                for project in self.get_json("/webgateway/proj/list/")
                for dataset in self.get_json(f"/webgateway/proj/{project['id']}/children/")
                for image in self.get_json(f"/webgateway/dataset/{dataset['id']}/children/")
            }
            if len(found) >= count or time.monotonic() > until:
                return found
            time.sleep(0.2)

    def image_server(self) -> psutil.Process | None:
        """Give the embedded image server's process, None while there is none."""
        for child in self.master.children():
            with contextlib.suppress(psutil.Error):
                if "imageserver" in child.cmdline():
                    return child
        return None


@contextlib.contextmanager
def running(
    folder: Path,
    cache_dir: Path,
    *,
    headers: Mapping[str, str] | None = None,
    **settings: object,
) -> Iterator[Service]:
    """Run the service over `folder`; `settings` become BLITZRENDER_ variables."""
    port = free_port("127.0.0.1")
    environment = os.environ | {
        "BLITZRENDER_IMAGES": str(folder),
        "BLITZRENDER_CACHE_DIR": str(cache_dir),
        "BLITZRENDER_PORT": str(port),
        **{f"BLITZRENDER_{name.upper()}": str(value) for name, value in settings.items()},
    }
    log = cache_dir / LOG
    with gunicorn("gunicorn.conf.py", "wsgi:app", environment, log) as process:
        service = Service(port, psutil.Process(process.pid), headers or {})
        _wait_until_answering(service, process, log)
        yield service


@contextlib.contextmanager
def gunicorn(
    config: str, application: str, environment: dict[str, str], log: Path
) -> Iterator[subprocess.Popen]:
    """Run gunicorn with a configuration file, in the project's folder, writing to `log`."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "--config", config, application],
            cwd=PROJECT,
            env=environment,
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(45)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


def _wait_until_answering(service: Service, process: subprocess.Popen, log: Path) -> None:
    until = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            service.get_json("/webgateway/proj/list/")
        except OSError as error:
            if isinstance(error, urllib.error.HTTPError) and error.code == 401:
                return  # It answers, and wants people to log in.
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"the service did not start:\n{log.read_text()}") from None
            time.sleep(0.1)
        else:
            return
