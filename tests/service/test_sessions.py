"""Sessions of OMERO.web under gunicorn and gevent: read beside the event loop, within a time."""

import signal
import threading
import time
from pathlib import Path

import pytest
import requests

from render.blitz.endpoint import Endpoint
from render.blitz.source import BlitzSource
from render.deadline import Deadline
from tests.support.image_server import PASSWORD, PROJECT, USER, start_image_server
from tests.support.omero_web import ENGINES, SECRET, content, write_sessions
from tests.support.servers import start_postgres, start_redis
from tests.support.service import running

pytestmark = pytest.mark.slow

STORE_TIMEOUT_S = 3.0


@pytest.fixture(scope="module")
def omero():
    """Give an image server's port, and the key of a session there."""
    samples = PROJECT / "samples"
    with start_image_server(samples, transports=("tcp",)) as server:
        source = BlitzSource(Endpoint("127.0.0.1", server.ports["tcp"], "tcp"))
        yield server.ports["tcp"], source.log_in(USER, PASSWORD, Deadline.after(30)).key
        source.close()


def in_front_of(port, cache_dir, **settings):
    cache_dir.mkdir()
    return running(
        cache_dir,
        cache_dir,
        omero_host="127.0.0.1",
        omero_port=port,
        omero_transport="tcp",
        workers=1,
        session_secret_key=SECRET,
        session_remembered_s=0,
        session_store_timeout_s=STORE_TIMEOUT_S,
        **settings,
    )


def ask(service, cookie):
    return requests.get(
        service.url("/webgateway/proj/list/"), cookies={"sessionid": cookie}, timeout=60
    )


def test_many_at_a_time_over_a_store_that_blocks(omero, tmp_path: Path):
    port, key = omero
    told = {"name": "one", "engine": ENGINES + "db", "serializer": "json"}
    cookie = write_sessions([told | {"content": content(key)}], folder=tmp_path)["one"]
    with in_front_of(
        port,
        tmp_path / "cache",
        session_engine="db",
        session_database=f"sqlite:///{tmp_path}/web.sqlite3",
    ) as service:
        statuses = []

        def ask_some():
            for _ in range(10):
                statuses.append(ask(service, cookie).status_code)
                statuses.append(ask(service, "x" * 32).status_code)

        threads = [threading.Thread(target=ask_some) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(statuses) == [200] * 40 + [401] * 40


@pytest.mark.parametrize("kind", ["redis", "postgresql"])
def test_a_store_that_hangs_holds_up_nobody_else(omero, tmp_path: Path, kind):
    port, key = omero
    if kind == "redis":
        with start_redis(tmp_path) as (redis_port, process):
            url = f"redis://127.0.0.1:{redis_port}/3"
            told = {"name": "one", "engine": ENGINES + "cache", "serializer": "json"}
            told["content"] = content(key)
            cookie = write_sessions([told], folder=tmp_path, redis_port=redis_port)["one"]
            with in_front_of(
                port, tmp_path / "cache", session_engine="cache", session_cache_url=url
            ) as service:
                check(service, cookie, key, [process])
        return
    with start_postgres() as url:
        database = {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "postgres",
            "USER": "web",
            "HOST": "127.0.0.1",
            "PORT": int(url.rpartition(":")[2].partition("/")[0]),
        }
        told = {"name": "one", "engine": ENGINES + "db", "serializer": "json"}
        told["content"] = content(key)
        cookie = write_sessions([told], folder=tmp_path, database=database)["one"]
        with in_front_of(
            port, tmp_path / "cache", session_engine="db", session_database=url
        ) as service:
            import psutil

            backends = [
                child
                for child in psutil.process_iter(["cmdline"])
                if f"-p {database['PORT']}" in " ".join(child.info["cmdline"] or ())
            ]
            assert ask(service, cookie).status_code == 200
            processes = [one for parent in backends for one in (parent, *parent.children())]
            check(service, cookie, key, processes)


def check(service, cookie, key, processes):
    """Let the store hang, and see who is answered and when."""
    assert ask(service, cookie).status_code == 200
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    try:
        told = {}

        def wait():
            begun_s = time.monotonic()
            told["status"] = ask(service, cookie).status_code
            told["seconds"] = time.monotonic() - begun_s

        waiting = [threading.Thread(target=wait) for _ in range(4)]
        for thread in waiting:
            thread.start()
        others = []
        until = time.monotonic() + STORE_TIMEOUT_S / 2
        while time.monotonic() < until:
            begun_s = time.monotonic()
            answer = requests.get(
                service.url("/webgateway/proj/list/"),
                headers={"X-OMERO-Session-Key": key},
                timeout=60,
            )
            assert answer.status_code == 200
            others.append(time.monotonic() - begun_s)
        # The store was silent all the while, and answers of the others went by.
        assert len(others) >= 3 and min(others) < STORE_TIMEOUT_S / 3
        for thread in waiting:
            thread.join()
        assert told["status"] == 503
        assert told["seconds"] < STORE_TIMEOUT_S + 20
    finally:
        for process in processes:
            process.send_signal(signal.SIGCONT)
    until = time.monotonic() + 20
    while ask(service, cookie).status_code != 200:
        assert time.monotonic() < until
        time.sleep(0.2)
