"""Clients that send or receive at a snail's pace: they are cut off, and hold up nobody."""

import contextlib
import socket
import time

import pytest

from tests.support import service
from tests.support.service import PROJECT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

THREADS = 4
#: More than a threaded worker has threads.
CLIENTS = 6


@pytest.mark.parametrize("worker_class", ["gevent", "gthread"])
def test_slow_clients_are_cut_off_and_others_are_answered(tmp_path, worker_class):
    settings = {
        "workers": 1, "worker_class": worker_class, "gthread_threads": THREADS,
        "keepalive_s": 2, "client_timeout_s": 3,
    }  # fmt: skip
    with service.running(PROJECT / "samples", tmp_path, **settings) as running:
        image_id = running.image_ids(6)["lung-histology-rgb.ome.tif"]
        with contextlib.ExitStack() as stack:
            _try_slow_heads(stack, running)
            _try_slow_bodies(stack, running)
            _try_slow_readers(stack, running, image_id)


def _try_slow_heads(stack: contextlib.ExitStack, running: service.Service) -> None:
    slow = [_connect(stack, running.port) for _ in range(CLIENTS)]
    for connection in slow:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n")
    began = time.monotonic()
    open_ones, answered = set(slow), False
    while open_ones:
        # A header a moment, for ever: each by itself comes soon enough.
        time.sleep(0.2)
        open_ones = {connection for connection in open_ones if _is_open(connection)}
        assert time.monotonic() - began < 25, len(open_ones)
        if not answered:
            answered = running.get_json("/healthz") == {"status": "ok"}
    assert answered


def _try_slow_bodies(stack: contextlib.ExitStack, running: service.Service) -> None:
    head = (
        b"POST /webclient/annotate_map/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    )
    slow = [_connect(stack, running.port) for _ in range(CLIENTS)]
    began = time.monotonic()
    for connection in slow:
        connection.sendall(head)
    # A letter a moment: each by itself comes soon enough.
    waiting = set(slow)
    while waiting:
        for connection in list(waiting):
            with contextlib.suppress(OSError):
                connection.sendall(b"a")
            connection.settimeout(0.02)
            with contextlib.suppress(TimeoutError):
                answer = connection.recv(4096)
                assert answer.startswith(b"HTTP/1.1 408 "), answer
                waiting.discard(connection)
        assert time.monotonic() - began < 25, len(waiting)
    assert running.get_json("/healthz") == {"status": "ok"}


def _try_slow_readers(stack: contextlib.ExitStack, running: service.Service, image_id: int) -> None:
    # 4 MB and more, of which only a first part fits into the buffers on the way.
    path = f"/webgateway/render_image/{image_id}/0/0/?format=tif"
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    slow = [_connect(stack, running.port, receive_bytes=4096) for _ in range(CLIENTS)]
    for connection in slow:
        connection.sendall(request)
    began = time.monotonic()
    while _held(running):
        assert time.monotonic() - began < 40
        time.sleep(0.2)
    assert running.get_json("/healthz") == {"status": "ok"}


def _held(running: service.Service) -> int:
    """Count the connections that the service's workers keep open with clients."""
    return sum(
        connection.status == "ESTABLISHED" and connection.laddr.port == running.port
        for child in running.master.children()
        for connection in child.net_connections("tcp")
    )


def _connect(
    stack: contextlib.ExitStack, port: int, receive_bytes: int | None = None
) -> socket.socket:
    connection = stack.enter_context(socket.socket())
    if receive_bytes:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    connection.settimeout(20)
    connection.connect(("127.0.0.1", port))
    return connection


def _is_open(connection: socket.socket) -> bool:
    """Send one more header; tell whether the other side still listens."""
    try:
        connection.sendall(b"X-More: 1\r\n")
        connection.setblocking(False)
        return connection.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        connection.setblocking(True)
