"""NGINX with the generated configuration in front of the running service."""

import contextlib
import gzip
import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest

from app import create_app
from app.operations.nginx import Site, nginx_configuration
from app.settings import load_settings
from imageserver.certificate import ensure_certificate
from imageserver.supervisor import free_port
from tests.support import nginx, service
from tests.support.service import PROJECT

pytestmark = pytest.mark.slow

PLACE = "/_blitzrender/"
MAPS = '[{"inverted":{"enabled":false},"quantization":{"family":"linear"}}]'
COLORS = f"c=1|0:4000$FF0000&m=g&maps={quote(MAPS)}"
#: A picture that lies in a file of its own, and one that is too small for it.
LARGE, SMALL = f"format=png&{COLORS}", f"q=0.1&{COLORS}"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes


class Front:
    """NGINX, and the service behind it."""

    def __init__(self, port: int, behind: service.Service, tls: bool = False) -> None:
        self.port = port
        self.behind = behind
        self.tls = tls

    def ask(self, path: str, headers: dict[str, str] | None = None, method="GET") -> Answer:
        """Ask NGINX."""
        return ask(self.port, path, headers, method, tls=self.tls)

    def ask_behind(self, path: str, headers: dict[str, str] | None = None) -> Answer:
        """Ask the service itself."""
        return ask(self.behind.port, path, headers)


def ask(
    port: int, path: str, headers: dict[str, str] | None = None, method="GET", tls=False
) -> Answer:
    """Ask whoever listens on a port of this host."""
    if tls:
        context = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=60, context=context)
    else:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, headers=headers or {})
        found = connection.getresponse()
        return Answer(found.status, found.headers, found.read())
    finally:
        connection.close()


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = self.answer()
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_HEAD(self) -> None:
        self.do_GET()

    def answer(self) -> bytes:
        raise NotImplementedError

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _OmeroWeb(_Answers):
    """Says which address it was asked for."""

    def answer(self) -> bytes:
        self.send_response(200)
        return f"OMERO.web at {self.path}".encode()


class _NamesAFileThatIsGone(_Answers):
    """Says that a file holds the picture, to whoever sends files; there is none any more."""

    def answer(self) -> bytes:
        self.send_response(200)
        self.send_header("ETag", '"one"')
        if self.headers.get("X-Blitzrender-Offload") != "on":
            return f"the bytes of {self.path}".encode()
        self.send_header("X-Accel-Redirect", f"{PLACE}pictures/00/{'0' * 30}.val")
        return b""


class _SendsHalf(_Answers):
    """Sends half of a file, and the rest when it may."""

    may_go_on = threading.Event()

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "10")
        self.end_headers()
        self.wfile.write(b"first")
        self.may_go_on.wait(60)
        self.wfile.write(b"other")


@contextlib.contextmanager
def _stand_in(handler: type[_Answers]) -> Iterator[int]:
    """Run a server of this kind; give its port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _front(folder: Path, behind: service.Service, site: Site, **settings) -> str:
    loaded = load_settings(env_file=None, port=behind.port, **settings)
    return nginx_configuration(create_app(loaded), loaded, site)


@pytest.fixture(scope="module")
def image_server_port() -> int:
    return free_port("127.0.0.1")


@pytest.fixture(scope="module")
def front(tmp_path_factory, image_server_port) -> Iterator[Front]:
    """A site of its own over the samples, where everything is private, with offload."""
    nginx.require_nginx()
    folder = tmp_path_factory.mktemp("front")
    settings = {"x_accel_redirect": PLACE, "cache_dir": folder / "cache"}
    (folder / "cache").mkdir()
    with service.running(
        PROJECT / "samples",
        folder / "cache",
        workers=1,
        x_accel_redirect=PLACE,
        image_server_port=image_server_port,
    ) as behind:
        port = free_port("127.0.0.1")
        site = Site(listen=f"127.0.0.1:{port}")
        with nginx.running(_front(folder, behind, site, **settings), folder, port):
            behind.image_ids(6)
            yield Front(port, behind)


@pytest.fixture(scope="module")
def public(tmp_path_factory, front, image_server_port) -> Iterator[Front]:
    """Beside OMERO.web, under a prefix, by TLS, for the public user."""
    folder = tmp_path_factory.mktemp("public")
    (folder / "cache").mkdir()
    omero = {
        "omero_host": "127.0.0.1",
        "omero_port": image_server_port,
        "omero_transport": "tcp",
        "omero_user": "local",
        "omero_password": "local",
    }
    certificate = ensure_certificate(folder / "certificate", "localhost")
    with (
        service.running(PROJECT / "samples", folder / "cache", workers=1, **omero) as behind,
        _stand_in(_OmeroWeb) as omero_web,
    ):
        port = free_port("127.0.0.1")
        site = Site(
            listen=f"127.0.0.1:{port}",
            omero_web=f"127.0.0.1:{omero_web}",
            prefix="/omero",
            certificate=certificate.certificate,
            certificate_key=certificate.key,
            cache_folder=folder / "kept",
        )
        text = _front(folder, behind, site, cache_dir=folder / "cache", **omero)
        # Port 80 may be somebody else's here.
        text = text.replace("listen 80;", f"listen 127.0.0.1:{free_port('127.0.0.1')};")
        with nginx.running(text, folder, port):
            yield Front(port, behind, tls=True)


@pytest.fixture(scope="module")
def image(front) -> int:
    return front.behind.image_ids(6)["fly-cells.ome.tif"]


def test_pictures_have_the_same_headers_through_nginx(front, image):
    for query in (LARGE, SMALL):
        path = f"/webgateway/render_image/{image}/0/0/?{query}&case=same"
        front.ask_behind(path)
        plain, through = front.ask_behind(path), front.ask(path)
        assert (through.status, through.body) == (200, plain.body)
        for name in set(plain.headers) - {"Server", "Date", "Connection", "Keep-Alive"}:
            if name in ("X-Request-ID", "Server-Timing"):
                assert through.headers[name]
            elif name != "Transfer-Encoding":
                assert through.headers[name] == plain.headers[name], (query, name)
            assert len(through.headers.get_all(name)) == 1, name
        assert "X-Accel-Redirect" not in through.headers


def test_head_and_304_and_errors_pass_through(front, image):
    path = f"/webgateway/render_image/{image}/0/0/?{LARGE}&case=head"
    first = front.ask(path)
    head = front.ask(path, method="HEAD")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["Content-Length"] == str(len(first.body))
    assert head.headers["ETag"] == first.headers["ETag"]
    held = front.ask(path, {"If-None-Match": first.headers["ETag"]})
    assert (held.status, held.body) == (304, b"")
    missing = front.ask("/webgateway/render_image/987654/")
    assert missing.status == 404 and json.loads(missing.body)["status"] == 404
    assert missing.headers["Cache-Control"] == "no-store"
    for path in ("/omero_ms_image_region/", "/omero_ms_image_region"):
        options = front.ask(path, method="OPTIONS")
        assert json.loads(options.body)["provider"] == "Blitzrender"


def test_nginx_sends_the_file_itself_in_parts_too(front, image):
    path = f"/webgateway/render_image/{image}/0/0/?{LARGE}&case=file"
    whole = front.ask(path)
    until = time.monotonic() + 20
    while True:
        named = front.ask_behind(path, {"X-Blitzrender-Offload": "on"})
        if "X-Accel-Redirect" in named.headers or time.monotonic() > until:
            break
        time.sleep(0.1)
    assert named.headers["X-Accel-Redirect"].startswith(PLACE) and named.body == b""
    # Only NGINX gives parts of pictures: that they come shows who sends them.
    part = front.ask(path, {"Range": "bytes=100-299", "If-Range": whole.headers["ETag"]})
    assert (part.status, part.body) == (206, whole.body[100:300])
    other = front.ask(path, {"Range": "bytes=100-299", "If-Range": '"another"'})
    assert (other.status, other.body) == (200, whole.body)
    # Nobody outside gets at the files by their names.
    assert front.ask(named.headers["X-Accel-Redirect"]).status == 404


def test_a_file_that_goes_before_nginx_opens_it_is_no_broken_picture(tmp_path):
    with _stand_in(_NamesAFileThatIsGone) as behind:
        port = free_port("127.0.0.1")
        settings = load_settings(
            env_file=None, port=behind, cache_dir=tmp_path, x_accel_redirect=PLACE
        )
        site = Site(listen=f"127.0.0.1:{port}")
        text = nginx_configuration(create_app(settings), settings, site)
        with nginx.running(text, tmp_path, port):
            for method, body in (("GET", b"the bytes of /a%20b?c=1|0:2$F00"), ("HEAD", b"")):
                answer = ask(port, "/a%20b?c=1|0:2$F00", method=method)
                assert (answer.status, answer.body) == (200, body)
                assert answer.headers["ETag"] == '"one"'


def test_downloads_come_as_they_are_sent(tmp_path):
    with _stand_in(_SendsHalf) as behind:
        port = free_port("127.0.0.1")
        settings = load_settings(env_file=None, port=behind, cache_dir=tmp_path)
        text = nginx_configuration(create_app(settings), settings, Site(listen=f"127.0.0.1:{port}"))
        with nginx.running(text, tmp_path, port):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            connection.request("GET", "/webgateway/archived_files/download/1/")
            answer = connection.getresponse()
            try:
                # Buffered, nothing would come before all is there.
                assert answer.read(5) == b"first"
            finally:
                _SendsHalf.may_go_on.set()
            assert answer.read() == b"other"
            connection.close()


def test_long_addresses_arrive(front, image):
    for length in (9_000, 30_000):
        path = f"/webgateway/render_image/{image}/0/0/?{SMALL}&_={'x' * length}"
        assert front.ask(path).status == 200
    raw = f"/webgateway/render_image/{image}/0/0/?c=1|0:4000$F00&maps=[{{}}]&p=normal&q=0.1&m=c"
    with socket.create_connection(("127.0.0.1", front.port), timeout=60) as connection:
        # As browsers send them: braces, bars and dollars as they are.
        connection.sendall(f"GET {raw} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")


def test_json_is_compressed_and_pictures_are_not(front, image):
    accept = {"Accept-Encoding": "gzip"}
    path = f"/webgateway/imgData/{image}/"
    plain, packed = front.ask(path), front.ask(path, accept)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body and len(packed.body) < len(plain.body)
    assert "Accept-Encoding" in ", ".join(packed.headers.get_all("Vary"))
    held = front.ask(path, accept | {"If-None-Match": packed.headers["ETag"]})
    assert held.status == 304
    for query in (LARGE, SMALL):
        picture = front.ask(f"/webgateway/render_image/{image}/0/0/?{query}", accept)
        assert "Content-Encoding" not in picture.headers


def test_any_host_comes_through_nginx(front, image):
    path, strange = f"/webgateway/imgData/{image}/", {"Host": "images.example.org"}
    assert front.ask(path, strange).status == 200
    assert front.ask_behind(path, strange).status == 403


def test_metrics_are_not_for_those_outside(front):
    assert front.ask("/metrics").status == 404
    assert front.ask_behind("/metrics").status == 200
    assert front.ask("/healthz").status == 200


def test_what_is_private_is_never_kept(front, image):
    path = f"/webgateway/render_image/{image}/0/0/?{SMALL}&case=private"
    for _ in range(2):
        answer = front.ask(path)
        assert answer.headers["Cache-Control"].startswith("private")
        assert "X-Proxy-Cache" not in answer.headers


def test_public_pictures_come_from_nginx_alone_and_never_for_who_is_somebody(public, image):
    path = f"/omero/webgateway/render_image/{image}/0/0/?{LARGE}&case=public"
    first, second = public.ask(path), public.ask(path)
    assert first.headers["Cache-Control"].startswith("public")
    states = [answer.headers["X-Proxy-Cache"] for answer in (first, second)]
    assert states == ["MISS", "HIT"] and second.body == first.body
    # The same request's id: Blitzrender was not asked.
    assert second.headers["X-Request-ID"] == first.headers["X-Request-ID"]
    held = public.ask(path, {"If-None-Match": first.headers["ETag"]})
    assert held.status == 304 and held.headers["X-Proxy-Cache"] == "HIT"
    for headers in ({"Cookie": "sessionid=x"}, {"Cookie": "a=b"}):
        somebody = public.ask(path, headers)
        assert somebody.headers["X-Proxy-Cache"] == "BYPASS"
        held = public.ask(path, headers | {"If-None-Match": first.headers["ETag"]})
        assert (held.status, held.headers["X-Cache"]) == (304, "not-modified")
        assert somebody.headers["X-Request-ID"] != first.headers["X-Request-ID"]
    for headers in ({"Authorization": "Bearer x"}, {"X-OMERO-Session-Key": "x"}):
        assert public.ask(path, headers).headers.get("X-Proxy-Cache") == "BYPASS"
    for more in ("&bsession=x", "&username=a&password=b"):
        for _ in range(2):
            assert public.ask(path + more).headers["X-Proxy-Cache"] == "BYPASS"


def test_stored_settings_and_json_are_not_kept_for_everybody(public, image):
    for rest in (f"render_image/{image}/", f"imgData/{image}/", f"render_thumbnail/{image}/"):
        for _ in range(2):
            answer = public.ask(f"/omero/webgateway/{rest}")
            assert answer.status == 200 and answer.headers["X-Proxy-Cache"] == "MISS"


def test_beside_omero_web_it_gets_what_is_not_ours(public):
    for path in ("/omero/webclient/login/?x=1", "/omero/webgateway/", "/static/a.css", "/"):
        assert public.ask(path).body == f"OMERO.web at {path}".encode()
    listing = json.loads(public.ask("/omero/webgateway/proj/list/").body)
    children = f"/omero/webgateway/proj/{listing[0]['id']}/children/"
    dataset = json.loads(public.ask(children).body)[0]["id"]
    images = json.loads(public.ask(f"/omero/webgateway/dataset/{dataset}/children/").body)
    assert images[0]["thumb_url"].startswith("/omero/webgateway/render_thumbnail/")
    assert public.ask(images[0]["thumb_url"]).headers["Content-Type"] == "image/jpeg"


def test_while_the_service_is_away_viewers_and_people_are_told(tmp_path):
    port = free_port("127.0.0.1")
    settings = load_settings(env_file=None, port=free_port("127.0.0.1"), cache_dir=tmp_path)
    site = Site(listen=f"127.0.0.1:{port}", cache_folder=tmp_path / "kept")
    text = nginx_configuration(create_app(settings), settings, site)
    with nginx.running(text, tmp_path, port):
        for accept, content_type in (("image/*", "application/json"), ("text/html", "text/html")):
            answer = ask(port, "/webgateway/imgData/1/", {"Accept": accept})
            assert (answer.status, answer.headers["Content-Type"]) == (503, content_type)
            assert answer.headers["Retry-After"] and answer.headers["Cache-Control"] == "no-store"
        assert b"Back in a moment" in answer.body
        told = json.loads(ask(port, "/webgateway/imgData/1/").body)
        assert told["status"] == 503 and told["message"] == told["detail"]
