"""Settings that one worker process saves, as seen by requests to the others."""

import contextlib
import http.client
import json
import time

import pytest

from tests.support import service
from tests.support.service import PROJECT, Service

pytestmark = pytest.mark.slow

WORKERS = 3
#: Longer than any of these tests: what is seen sooner was told, not forgotten.
REMEMBERED_S = 600


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    cache_dir = tmp_path_factory.mktemp("cache")
    settings = {"workers": WORKERS, "image_info_max_age_s": REMEMBERED_S}
    with service.running(PROJECT / "samples", cache_dir, **settings) as it:
        yield it


class Client:
    """A connection that is kept open, which one worker answers as long as it lasts."""

    def __init__(self, running: Service) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=60)

    def ask(self, path: str, method: str = "GET", body: str = "", **headers: str):
        """Give status, headers and body."""
        if body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        return answer.status, answer.headers, answer.read()

    @property
    def local_port(self) -> int:
        return self._connection.sock.getsockname()[1]

    def close(self) -> None:
        self._connection.close()


@contextlib.contextmanager
def one_client_of_each_worker(running: Service):
    """Give connections to all workers, one to each, and the worker's process beside it."""
    clients: dict[int, Client] = {}
    until = time.monotonic() + 60
    try:
        while len(clients) < WORKERS:
            assert time.monotonic() < until, f"only {len(clients)} workers answer"
            client = Client(running)
            assert client.ask("/healthz")[0] == 200
            process = _worker_with(running, client.local_port)
            if process is None or process in clients:
                client.close()
            else:
                clients[process] = client
        yield list(clients.values())
    finally:
        for client in clients.values():
            client.close()


def _worker_with(running: Service, port: int) -> int | None:
    for child in running.master.children():
        for connection in child.net_connections(kind="tcp4"):
            if connection.status == "ESTABLISHED" and connection.raddr.port == port:
                return child.pid
    return None


def test_all_workers_see_at_once_what_one_saved(running):
    image = running.image_ids(6)["speckles.ome.tif"]
    paths = [
        f"/webgateway/render_image/{image}/",
        f"/webgateway/render_thumbnail/{image}/",
        f"/webgateway/imgData/{image}/channels/",
        f"/webgateway/get_thumbnails/?id={image}",
        f"/webgateway/render_image_region/{image}/0/0/?region=0,0,40,40&c=1",
    ]
    with one_client_of_each_worker(running) as clients:
        shown = {path: {client.ask(path)[1]["ETag"] for client in clients} for path in paths}
        assert all(len(etags) == 1 for etags in shown.values())
        for turn in range(6):
            saver = clients[turn % WORKERS]
            settings = f"c=1|{turn + 1}:{turn + 900}$00FF{turn:02}&m=c"
            saved = saver.ask(f"/webgateway/saveImgRDef/{image}/?{settings}", "POST")
            assert saved[2] == b"true"
            for path in paths:
                told = [client.ask(path) for client in clients]
                etags = {headers["ETag"] for _, headers, _ in told}
                assert len(etags) == 1, f"{path}: workers differ after save {turn}"
                assert not etags & shown[path], f"{path}: an old one after save {turn}"
                shown[path] |= etags
                for old in shown[path] - etags:
                    for client in clients:
                        assert client.ask(path, **{"If-None-Match": old})[0] == 200
        # Back to defaults: pictures under settings that were there before come from the cache.
        assert clients[0].ask("/webgateway/resetRDef/", "POST", f"toids={image}")[0] == 200
        for path in paths:
            assert len({client.ask(path)[1]["ETag"] for client in clients}) == 1


def test_what_one_worker_copied_all_paste(running):
    image = running.image_ids(6)["speckles.ome.tif"]
    with one_client_of_each_worker(running) as clients:
        _, headers, _ = clients[0].ask(f"/webgateway/copyImgRDef/?fromid={image}")
        cookie = headers["Set-Cookie"].partition(";")[0]
        for client in clients:
            _, _, body = client.ask("/webgateway/getImgRDef/", Cookie=cookie)
            assert json.loads(body)["rdef"]["c"].startswith("1|")
