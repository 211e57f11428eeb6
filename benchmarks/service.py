"""Starts the service as operators do, on a free port, over a folder, and stops it again."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from imageserver.supervisor import free_port

PROJECT = Path(__file__).parent.parent


@contextlib.contextmanager
def running(folder: Path, cache_dir: Path, **settings: object) -> Iterator[int]:
    """Give the port of a service over `folder`; `settings` become BLITZRENDER_ variables."""
    port = free_port("127.0.0.1")
    environment = os.environ | {
        "BLITZRENDER_IMAGES": str(folder),
        "BLITZRENDER_CACHE_DIR": str(cache_dir),
        "BLITZRENDER_PORT": str(port),
        **{f"BLITZRENDER_{name.upper()}": str(value) for name, value in settings.items()},
    }
    with gunicorn("gunicorn.conf.py", "wsgi:app", environment):
        _wait_until_answering(port)
        yield port


@contextlib.contextmanager
def gunicorn(config: str, application: str, environment: dict[str, str]) -> Iterator[None]:
    """Run gunicorn with a configuration file, in the project's folder."""
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "--config", config, application],
        cwd=PROJECT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _wait_until_answering(port: int, seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    while True:
        try:
            get_json(port, "/webgateway/proj/list/")
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
        else:
            return


def get_json(port: int, path: str) -> object:
    """Ask for a JSON answer."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
        return json.load(answer)


def image_ids(port: int) -> dict[str, int]:
    """Give the id of every image by its name, waiting until the server has read the folder."""
    until = time.monotonic() + 60
    while True:
        found: dict[str, int] = {}
        for project in get_json(port, "/webgateway/proj/list/"):
            for dataset in get_json(port, f"/webgateway/proj/{project['id']}/children/"):
                for image in get_json(port, f"/webgateway/dataset/{dataset['id']}/children/"):
                    found[image["name"]] = image["id"]
        if found or time.monotonic() > until:
            return found
        time.sleep(0.2)
