"""The unit of `flask systemd`, as systemd itself reads it."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from app import create_app
from app.operations.systemd import systemd_unit
from app.settings import load_settings
from tests.support.processes import require

PROJECT = Path(__file__).parent.parent.parent.parent


def unit(folder: Path, project: Path = PROJECT, **options) -> str:
    settings = load_settings(env_file=None, cache_dir=folder / "cache")
    return systemd_unit(create_app(settings), settings, project=project, **options)


def test_systemd_finds_nothing_wrong_with_it(tmp_path):
    program = require("systemd-analyze", "systemd")
    path = tmp_path / "blitzrender.service"
    path.write_text(unit(tmp_path))
    done = subprocess.run(
        [program, "verify", "--man=no", str(path)], capture_output=True, text=True, timeout=60
    )
    complaints = [line for line in done.stderr.splitlines() if "blitzrender.service" in line]
    assert done.returncode == 0 and complaints == []
    wrong = tmp_path / "wrong.service"
    wrong.write_text(path.read_text().replace("Type=notify", "Type=nothing"))
    done = subprocess.run(
        [program, "verify", "--man=no", str(wrong)], capture_output=True, text=True, timeout=60
    )
    assert "nothing" in done.stderr


def test_it_starts_what_is_there(tmp_path):
    text = unit(tmp_path)
    command = re.search(r"^ExecStart=(\S+) (.*)$", text, re.M)
    assert Path(command.group(1)) == PROJECT / ".venv" / "bin" / "python"
    assert command.group(2) == "-m gunicorn --config gunicorn.conf.py wsgi:app"
    folder = Path(re.search(r"^WorkingDirectory=(.*)$", text, re.M).group(1))
    assert (folder / "gunicorn.conf.py").is_file() and (folder / "wsgi.py").is_file()


@pytest.mark.slow
def test_a_reload_looks_at_the_settings_first(tmp_path):
    check, signal = re.findall(r"^ExecReload=(.*)$", unit(tmp_path), re.M)
    assert signal == "/bin/kill -HUP $MAINPID"
    config = tmp_path / "blitzrender.toml"
    for text, status in (("keepalive_s = 5\n", 0), ("keepalive_s = 'x'\n", 1)):
        config.write_text(text)
        done = subprocess.run(
            shlex.split(check),
            cwd=PROJECT,
            env=os.environ | {"BLITZRENDER_CONFIG": str(config)},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == status
        assert done.stderr.startswith("setting keepalive_s" if status else "")
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("project", "protection"),
    [("/opt/blitzrender", "yes"), ("/srv/x", "yes"), ("/home/a/b", "read-only")],
)
def test_homes_are_hidden_unless_something_to_read_lies_there(tmp_path, project, protection):
    images = tmp_path / "images"
    images.mkdir()
    settings = load_settings(env_file=None, cache_dir=tmp_path, images=images)
    text = systemd_unit(create_app(settings), settings, project=Path(project))
    assert f"ProtectHome={protection}\n" in text


@pytest.mark.parametrize(
    "options",
    [
        {"user": "a b"},
        {"user": "root;"},
        {"group": ""},
        {"environment_file": Path("etc/x")},
        {"environment_file": Path("/etc/a b")},
        {"project": Path("/opt/100%")},
    ],
)
def test_what_systemd_would_misunderstand_is_refused(tmp_path, options):
    with pytest.raises(ValueError, match=r"misunderstand|no name"):
        unit(tmp_path, **options)


def test_the_command_prints_it(gateway):
    runner = gateway.app.test_cli_runner()
    done = runner.invoke(args=["systemd", "--user", "omero"])
    assert done.exit_code == 0 and "\nUser=omero\n" in done.output
    refused = runner.invoke(args=["systemd", "--user", "a b"])
    assert refused.exit_code == 2 and "Traceback" not in refused.output
