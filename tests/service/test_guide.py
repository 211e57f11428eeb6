"""README and guide: their commands and configurations, tried with a running service."""

import contextlib
import http.client
import json
import re
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from app import create_app
from app.operations.systemd import systemd_unit
from app.settings import load_settings
from imageserver.supervisor import free_port
from tests.support import nginx, pages, proxies, service
from tests.support.processes import require
from tests.support.service import PROJECT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

GUIDE = "docs/guide.md"
#: As browsers send it: bars, braces and dollars as they are, and longer than 8 kB.
LONG = f"c=1|0:4000$FF0000&maps=[{{}}]&m=c&_={'x' * 12000}"
CURLRC = "fail\nsilent\nshow-error\nmax-time 60\n"
#: Of the files that the commands save.
BEGINNINGS = {
    ".jpg": b"\xff\xd8",
    ".png": b"\x89PNG",
    ".npy": b"\x93NUMPY",
    ".tif": (b"II*\0", b"MM\0*"),
    ".tiff": (b"II*\0", b"MM\0*"),
}
HERE, BESIDE, OMERO_WEB = "127.0.0.1:4080", "127.0.0.1:4081", "127.0.0.1:4080"
STATIC = "/opt/omero/web/omero-web/var/static"


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with service.running(PROJECT / "samples", tmp_path_factory.mktemp("cache"), workers=1) as it:
        it.image_ids(6)
        yield it


@pytest.fixture
def curl(tmp_path) -> dict[str, str]:
    """Give an environment in which curl fails where the answer is an error."""
    require("curl", "curl")
    home = tmp_path / "home"
    home.mkdir()
    (home / ".curlrc").write_text(CURLRC)
    return {"CURL_HOME": str(home)}


def test_curl_gets_what_is_promised(running, tmp_path, curl):
    commands = [
        line
        for block in pages.blocks("", ["README.md", GUIDE])
        for line in block.commands
        if line.startswith("curl ") and HERE in line
    ]
    assert len(commands) >= 9
    for number, command in enumerate(commands):
        folder = tmp_path / str(number)
        folder.mkdir()
        places = {HERE: f"127.0.0.1:{running.port}"}
        output = pages.run(command, folder, places, environment=curl)
        files = list(folder.iterdir())
        assert len(files) == (" -o" in command.lower()), command
        for file in files:
            assert file.read_bytes().startswith(BEGINNINGS[file.suffix]), command
        if not files:
            json.loads(output)


def test_the_steps_of_a_picture_are_those_that_are_told(running, tmp_path):
    page = (PROJECT / "docs" / "extending.md").read_text("utf-8").partition("## A reader")[0]
    told = re.findall(r"^\| `(\w+)` \| ", page, re.M)
    [block] = [b for b in pages.blocks("", ["docs/extending.md"]) if b.text.startswith("curl ")]
    answer = pages.run(block.text, tmp_path, {HERE: f"127.0.0.1:{running.port}"})
    assert re.search("X-Cache: (miss|raw)", answer), answer
    [timing] = re.findall(r"^Server-Timing: (.*)$", answer, re.M)
    assert [step.partition(";")[0] for step in timing.split(", ")] == told


def test_the_service_is_set_up_as_told(running, tmp_path, curl):
    [user] = blocks_with("useradd")
    [settings] = pages.blocks("env", [GUIDE])
    [set_up] = blocks_with("systemctl daemon-reload")
    file, unit = tmp_path / "blitzrender.env", tmp_path / "blitzrender.service"
    places = {
        "/etc/blitzrender.env": str(file),
        "/etc/systemd/system/blitzrender.service": str(unit),
        "/var/cache/blitzrender": str(tmp_path / "cache"),
        "/data/images": str(PROJECT / "samples"),
        HERE: f"127.0.0.1:{running.port}",
    }
    pages.run(user.text, tmp_path, places)
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_text(pages.script(settings.text, places).rpartition("\n\n")[2])
    output = pages.run(set_up.text, PROJECT, places, environment=curl)
    assert re.search("^ok +rendered tile", output, re.M) and '"status"' in output
    loaded = load_settings(env_file=None, images=PROJECT / "samples")
    expected = systemd_unit(create_app(loaded), loaded, project=PROJECT.resolve())
    assert unit.read_text() == expected
    # The user that is made is the one that the unit's first lines tell to make.
    assert f"#   {user.commands[0]}" in expected


def test_nginx_in_front_of_it_alone(running, tmp_path, curl):
    [block] = blocks_with("rm /etc/nginx/sites-enabled/default")
    (tmp_path / "default").touch()
    with _nginx_as_told(block, running, tmp_path) as port:
        assert not (tmp_path / "default").exists()
        [command] = [line for line in block.commands if line.startswith("curl ")]
        pages.run(command, tmp_path, {"localhost": f"127.0.0.1:{port}"}, environment=curl)
        assert (tmp_path / "small.jpg").read_bytes().startswith(BEGINNINGS[".jpg"])
        picture = f"/webgateway/render_image/{running.image_ids()['worms.ome.tif']}/0/0/?{LONG}"
        assert _ask(port, picture)[0].status == 200
        assert _ask(port, "/")[0].status == 200


@pytest.mark.parametrize("page", ["README.md", GUIDE])
def test_nginx_in_front_of_omero_web_too(running, tmp_path, page):
    [block] = [b for b in pages.blocks("", [page]) if "--omero-web " in b.text]
    static = tmp_path / "static"
    (static / "3rdparty").mkdir(parents=True)
    (static / "3rdparty" / "a.css").write_text("a {}")
    with _omero_web() as web, _nginx_as_told(block, running, tmp_path, web, static) as port:
        ids = running.image_ids()
        answer, body = _ask(port, f"/webgateway/render_image/{ids['worms.ome.tif']}/0/0/?{LONG}")
        assert (answer.status, body[:2]) == (200, BEGINNINGS[".jpg"])
        assert _ask(port, "/webclient/")[1] == b"OMERO.web at /webclient/"
        sent = _ask(port, "/static/3rdparty/a.css")[1]
        by_nginx = "--omero-web-static" in block.text
        assert sent == (b"a {}" if by_nginx else b"OMERO.web at /static/3rdparty/a.css")


@contextlib.contextmanager
def _nginx_as_told(
    block: pages.Block,
    running: service.Service,
    folder: Path,
    omero_web: int = 0,
    static: Path | None = None,
) -> Iterator[int]:
    """Run a block's commands but those that ask, then NGINX with what they wrote; give its port."""
    program = nginx.require_nginx()
    site, settings = folder / "site.conf", folder / "blitzrender.env"
    settings.write_text(f"BLITZRENDER_PORT={running.port}\n")
    main = nginx.write_configuration("", folder)
    port = free_port("127.0.0.1")
    places = {
        "/etc/nginx/conf.d/blitzrender.conf": str(site),
        "/etc/nginx/sites-enabled/default": str(folder / "default"),
        "/etc/blitzrender.env": str(settings),
        OMERO_WEB: f"127.0.0.1:{omero_web}",
        STATIC: str(static),
        "> ": f"--listen 127.0.0.1:{port} > ",
    }
    functions = f'nginx() {{ "{program}" "$@" -q -e stderr -c "{main}"; }}\n'
    told = "\n".join(line for line in block.commands if not line.startswith("curl "))
    pages.run(
        told,
        PROJECT,
        places,
        functions=functions,
        environment={"BLITZRENDER_PORT": str(running.port)},
    )
    with nginx.running(site.read_text(), folder, port):
        yield port


def test_apache_in_front(running, tmp_path):
    modules, check = blocks_with("a2enmod"), blocks_with("apachectl")
    [names] = re.findall(r"^a2enmod (.*)$", modules[0].text, re.M)
    program = require("apache2", "apache2-bin")

    @contextlib.contextmanager
    def run(site: str, folder: Path, port: int):
        with proxies.apache(site, folder, port, names.split()) as main:
            functions = f'apachectl() {{ "{program}" -f "{main}" -t; }}'
            pages.run(check[0].text, folder, {}, functions=functions)
            yield

    _in_front(running, tmp_path, "apache", run)


def test_caddy_in_front(running, tmp_path):
    [check] = blocks_with("caddy validate")

    @contextlib.contextmanager
    def run(site: str, folder: Path, port: int):
        with proxies.caddy(site, folder, port) as main:
            homes = dict.fromkeys(("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), str(folder))
            pages.run(check.text, folder, {"/etc/caddy/Caddyfile": str(main)}, environment=homes)
            yield

    _in_front(running, tmp_path, "caddy", run)


def _in_front(running: service.Service, folder: Path, kind: str, run) -> None:
    """Try both sites of a kind: Blitzrender alone, and beside OMERO.web."""
    image_id = running.image_ids()["worms.ome.tif"]
    picture = f"/webgateway/render_image/{image_id}/0/0/?{LONG}"
    with _omero_web() as omero_web, tempfile.TemporaryDirectory() as static:
        # For Apache's own user, who may not enter pytest's folders.
        Path(static).chmod(0o755)
        (Path(static) / "a.css").write_text("a {}")
        for number, block in enumerate(pages.blocks(kind, [GUIDE])):
            port = free_port("127.0.0.1")
            own = folder / str(number)
            own.mkdir()
            places = (
                {BESIDE: running.port, OMERO_WEB: omero_web} if number else {HERE: running.port}
            )
            site = block.text.replace(STATIC, static)
            for place, to in places.items():
                site = site.replace(place, f"127.0.0.1:{to}")
            with run(site, own, port):
                answer, body = _ask(port, picture, accept="gzip")
                assert (answer.status, body[:2]) == (200, BEGINNINGS[".jpg"])
                assert "Content-Encoding" not in answer.headers
                answer, body = _ask(port, f"/webgateway/imgData/{image_id}/")
                assert json.loads(body)["id"] == image_id
                body = _ask(port, "/webclient/")[1]
                assert (body == b"OMERO.web at /webclient/") == (number == 1)
                if number == 0:
                    assert _ask(port, "/")[0].status == 200
                    assert {_ask(port, path)[0].status for path in ("/metrics", "/readyz")} == {404}
                else:
                    assert _ask(port, "/static/a.css")[1] == b"a {}"


def blocks_with(text: str) -> list[pages.Block]:
    """Give the blocks of commands in the guide in which a text stands; there has to be one."""
    found = [block for block in pages.blocks("", [GUIDE]) if text in block.text]
    assert found, text
    return found


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
