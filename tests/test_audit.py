"""script/audit: the SBOM lists what runs and no more, and a known weakness is a failure."""

import json
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from imageserver.supervisor import free_port
from tests.support.servers import missing

PROJECT = Path(__file__).parent.parent
PYTHON = PROJECT / ".venv-audit" / "bin" / "python"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def audit(tmp_path_factory):
    """Give the function that asks a database at a port of 127.0.0.1, and where the SBOM goes."""
    if not PYTHON.exists():
        missing(".venv-audit is missing, which script/audit makes")
    place = tmp_path_factory.mktemp("audit") / "sbom.json"

    def run(port):
        address = f"http://127.0.0.1:{port}/v1/query"
        command = [str(PYTHON), "-m", "deploy.audit", ".venv/bin/python", str(place)]
        command += ["-s", "osv", "--osv-url", address]
        return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=90)

    return run, place


@pytest.fixture(scope="module")
def database():
    """Run a database that knows one weakness of one package, as OSV tells it; give its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            package = asked["package"]
            weak = package["name"] == "werkzeug"
            events = [{"introduced": "0"}, {"fixed": "99.1"}]
            ranges = [{"type": "ECOSYSTEM", "events": events}]
            affected = [{"package": package, "ranges": ranges}]
            vulns = [{"id": "PYSEC-0000-1", "summary": "weak", "affected": affected}]
            answer = json.dumps({"vulns": vulns} if weak else {}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_known_weakness_fails_and_the_sbom_lists_what_runs(audit, database):
    run, place = audit
    done = run(database)
    assert done.returncode == 1, done.stderr
    assert "audit: werkzeug" in done.stdout and "PYSEC-0000-1, mended in 99.1" in done.stdout
    assert done.stdout.endswith("audit: known weaknesses: 1\n")
    sbom = json.loads(place.read_text("utf-8"))
    assert (sbom["bomFormat"], sbom["specVersion"]) == ("CycloneDX", "1.6")
    scopes = {one["name"].lower(): one["scope"] for one in sbom["components"]}
    # What is asked for, what that needs, and Ice, whoever installed it.
    for name in ("flask", "werkzeug", "psycopg-binary", "zeroc-ice"):
        assert scopes[name] == "required"
    assert scopes["opentelemetry-sdk"] == "optional"
    assert not scopes.keys() & {"pytest", "ruff", "mypy", "selenium", "pip", "setuptools"}
    needs = {one["ref"]: one["dependsOn"] for one in sbom["dependencies"]}
    refs = {one["name"].lower(): one["bom-ref"] for one in sbom["components"]}
    assert refs["flask"] in needs["blitzrender"]
    assert refs["werkzeug"] in needs[refs["flask"]] and refs["werkzeug"] not in needs["blitzrender"]


def test_without_a_database_it_says_so_in_one_line_and_passes(audit):
    run, _ = audit
    done = run(free_port("127.0.0.1"))
    assert done.returncode == 0, done.stderr
    listed, compared = done.stdout.splitlines()
    assert "packages are listed in" in listed
    assert "not compared with known weaknesses, as no database answers" in compared
