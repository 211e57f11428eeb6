"""README and guide: their commands and configurations, tried with a running service."""

import contextlib
import http.client
import json
import os
import re
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from app import create_app
from app.settings import load_settings
from imageserver.supervisor import free_port
from tests.support import nginx, proxies, service
from tests.support.processes import require
from tests.support.service import PROJECT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

PAGES = {name: (PROJECT / name).read_text("utf-8") for name in ("README.md", "docs/guide.md")}
TEXT = "\n".join(PAGES.values())
#: As browsers send it: bars, braces and dollars as they are, and longer than 8 kB.
LONG = f"c=1|0:4000$FF0000&maps=[{{}}]&m=c&_={'x' * 12000}"
#: Of the files that the commands save.
BEGINNINGS = {
    ".jpg": b"\xff\xd8",
    ".png": b"\x89PNG",
    ".npy": b"\x93NUMPY",
    ".tif": (b"II*\0", b"MM\0*"),
    ".tiff": (b"II*\0", b"MM\0*"),
}


def blocks(kind: str) -> list[str]:
    """Give the blocks of a kind, in all pages."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    return [text for word, text in found if word == kind]


def lines(beginning: str) -> list[str]:
    """Give the commands that begin like that."""
    return [line for block in blocks("") for line in block.splitlines() if beginning in line]


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with service.running(PROJECT / "samples", tmp_path_factory.mktemp("cache"), workers=1) as it:
        it.image_ids(6)
        yield it


def test_curl_gets_what_is_promised(running, tmp_path):
    require("curl", "curl")
    (tmp_path / ".curlrc").write_text("fail\nsilent\nshow-error\nmax-time 60\n")
    commands = [line for line in lines("curl ") if line.startswith("curl ")]
    assert len(commands) >= 7
    for number, command in enumerate(commands):
        folder = tmp_path / str(number)
        folder.mkdir()
        done = subprocess.run(
            ["bash", "-c", command.replace("127.0.0.1:4080", f"127.0.0.1:{running.port}")],
            cwd=folder,
            env=os.environ | {"CURL_HOME": str(tmp_path)},
            capture_output=True,
        )
        assert done.returncode == 0, (command, done.stderr)
        files = list(folder.iterdir())
        assert len(files) == (" -o" in command.lower()), command
        for file in files:
            assert file.read_bytes().startswith(BEGINNINGS[file.suffix]), command
        if not files:
            json.loads(done.stdout)


def test_the_steps_of_a_picture_are_those_that_are_told(running):
    page = (PROJECT / "docs" / "extending.md").read_text("utf-8")
    told = re.findall(r"^\| `(\w+)` \| ", page, re.M)
    [command] = re.findall(r"^curl .*$", page, re.M)
    answer = subprocess.run(
        ["bash", "-c", command.replace("127.0.0.1:4080", f"127.0.0.1:{running.port}")],
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout
    assert re.search("X-Cache: (miss|raw)", answer), answer
    [timing] = re.findall(r"^Server-Timing: (.*)$", answer, re.M)
    assert [step.partition(";")[0] for step in timing.split(", ")] == told


def test_nginx_accepts_what_the_commands_print(tmp_path):
    program = nginx.require_nginx()
    app = create_app(load_settings(env_file=None, cache_dir=tmp_path / "cache"))
    commands = lines("flask nginx")
    assert len(commands) >= 3
    for command in commands:
        arguments = command.partition(">")[0].split()[1:]
        arguments += ["--listen", str(free_port("127.0.0.1"))]
        done = app.test_cli_runner().invoke(args=arguments)
        assert done.exit_code == 0, done.output
        nginx.check(program, nginx.write_configuration(done.output, tmp_path))


@pytest.mark.parametrize("kind", ["apache", "caddy"])
def test_another_proxy_in_front(running, tmp_path, kind):
    alone, beside = blocks(kind)
    image_id = running.image_ids(6)["worms.ome.tif"]
    picture = f"/webgateway/render_image/{image_id}/0/0/?{LONG}"
    with _omero_web() as omero_web:
        for number, site in enumerate((alone, beside)):
            port = free_port("127.0.0.1")
            folder = tmp_path / str(number)
            folder.mkdir()
            site = site.replace("127.0.0.1:4080", f"127.0.0.1:{running.port}")
            site = site.replace("127.0.0.1:4090", f"127.0.0.1:{omero_web}")
            with getattr(proxies, kind)(site, folder, port):
                answer, body = _ask(port, picture, accept="gzip")
                assert (answer.status, body[:2]) == (200, b"\xff\xd8")
                assert "Content-Encoding" not in answer.headers
                answer, body = _ask(port, f"/webgateway/imgData/{image_id}/")
                assert json.loads(body)["id"] == image_id
                body = _ask(port, "/webclient/")[1]
                assert (body == b"OMERO.web at /webclient/") == (number == 1)
                if number == 0:
                    assert _ask(port, "/")[0].status == 200
                    assert {_ask(port, path)[0].status for path in ("/metrics", "/readyz")} == {404}


class _OmeroWeb(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = f"OMERO.web at {self.path}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def _omero_web():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _OmeroWeb)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _ask(port: int, path: str, accept="identity") -> tuple[http.client.HTTPResponse, bytes]:
    """Ask with an address as it is, which http.client would refuse to send."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.putrequest("GET", path, skip_accept_encoding=True, skip_host=True)
        connection.putheader("Host", "images.example.org")
        connection.putheader("Accept-Encoding", accept)
        connection.endheaders()
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()
