"""A session that OMERO's official client made, in our header and, kept by Django, in our cookie."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.app.conftest import FLAT, PROJECT
from tests.support.glacier2 import start_glacier2
from tests.support.image_server import PASSWORD, USER, start_image_server
from tests.support.omero_web import ENGINES, SECRET, content, write_sessions
from tests.support.servers import start_redis

pytestmark = pytest.mark.slow

#: Logs in and waits, as OMERO.web's session goes on while its owner looks at pages.
CLIENT = """
import json, sys
from omero.gateway import BlitzGateway
host, port, user, password = sys.argv[1:]
gateway = BlitzGateway(user, password, host=host, port=int(port), secure=True)
assert gateway.connect(), gateway.getLastError()
print(json.dumps({"key": gateway.getSession().getUuid().getValue()}), flush=True)
sys.stdin.readline()
print(json.dumps({"alive": gateway.keepAlive(), "user": gateway.getUser().getName()}), flush=True)
gateway.close()
"""


@pytest.fixture(scope="module")
def router(image_server):
    with (
        start_image_server(image_server.folder, transports=("tcp", "ssl", "manager")) as server,
        start_glacier2(server) as running,
    ):
        yield running


@pytest.fixture(scope="module")
def client(router):
    """Run the client; give its process and the key of its session."""
    named = os.environ.get("BLITZRENDER_OMERO_PY")
    python = Path(named) if named else PROJECT / ".venv-omero" / "bin" / "python"
    if not python.exists():
        pytest.skip("OMERO's client is not set up (script/setup-omero-py makes .venv-omero)")
    arguments = [python, "-c", CLIENT, "127.0.0.1", str(router.ports["ssl"]), USER, PASSWORD]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen(arguments, **pipes)
    yield process, json.loads(process.stdout.readline())["key"]
    process.kill()
    process.wait()


def test_it_works_in_our_header_and_from_each_store(
    make_members, router, client, tmp_path, gateway
):
    process, key = client
    place = {"omero_port": router.ports["tcp"]}
    path = f"imgData/{gateway.ids[FLAT]}/size/"
    answer = make_members(**place).get(path, headers={"X-OMERO-Session-Key": key})
    assert answer.status_code == 200, answer.text
    engines = ("cache", "db", "cached_db", "file", "signed_cookies")
    told = [
        {"name": name, "engine": ENGINES + name, "serializer": "json", "content": content(key)}
        for name in engines
    ]
    with start_redis(tmp_path) as (port, _):
        cookies = write_sessions(told, folder=tmp_path, redis_port=port)
        for engine in engines:
            web = make_members(
                **place,
                session_engine=ENGINES + engine,
                session_secret_key=SECRET,
                session_cache_url=f"redis://127.0.0.1:{port}/3",
                session_database=f"sqlite:///{tmp_path}/web.sqlite3",
                session_folder=tmp_path,
            )
            web.client.set_cookie("sessionid", cookies[engine])
            assert web.get(path).status_code == 200, engine
    # All these have joined the session and left it, and it is still the client's own.
    process.stdin.write("\n")
    process.stdin.flush()
    assert json.loads(process.stdout.readline()) == {"alive": True, "user": USER}
